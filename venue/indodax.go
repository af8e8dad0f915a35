package venue

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// Indodax is Indodax spot. HMAC-SHA512 keys; every private call is a form POSTed
// to /tapi that names its action in the parameter "method":
//
//	exauth.Post[info](ctx, c, "/tapi", exauth.Params{{"method", "getInfo"}})
//
// What a call may do follows that parameter. A call without it is refused here.
//
// Sources: github.com/btcid/indodax-official-api-docs, Private-RestAPI.md and
// Public-RestAPI.md, read 2026-11.
func Indodax() *exauth.Venue {
	return &exauth.Venue{
		Name:         "indodax",
		BaseURL:      "https://indodax.com",
		Docs:         "https://github.com/btcid/indodax-official-api-docs",
		KeyPage:      "https://indodax.com/trade_api",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA512},
		Signer:       exauth.UTF8Secret(exauth.HMACSHA512),
		Style:        indodaxStyle,
		Scheme:       exauth.SchemeFunc(authorizeIndodax),
		Reserved:     []string{"timestamp", "recvWindow", "nonce"},
		AuthHeaders:  []string{"Key", "Sign"},
		RecvWindow:   5 * time.Second,
		OrderIDs:     orderIDs("client_order_id 36"),
		Routes:       indodaxPrices(indodaxRoutes()),
		Quotas:       indodaxQuotas(),
		DefaultCosts: []exauth.Cost{{Quota: "PRIVATE", N: 1}},
		GETReads:     true,
		Answer:       indodaxAnswer(),
		Clock:        exauth.Clock{Path: "/api/server_time", Parse: indodaxTime},
		Probe: exauth.Call{Method: "POST", Path: "/tapi",
			Params: exauth.Params{{Name: "method", Value: "getInfo"}}},
	}
}

func indodaxStyle(method, _ string, _ exauth.Params) exauth.Style {
	if method == "GET" {
		return exauth.StyleQuery | exauth.StyleArrayRepeat
	}
	return exauth.StyleForm
}

// authorizeIndodax signs the body: the action, the time, the window, and then the
// parameters in the caller's order. (The venue takes any order; this one is ccxt's.)
func authorizeIndodax(ctx context.Context, r *exauth.Request) error {
	if r.Query != "" {
		return fmt.Errorf("%w: %s takes parameters in the body only", exauth.ErrParam, r.Path)
	}
	var action string
	var rest []string
	for pair := range strings.SplitSeq(string(r.Body), "&") {
		name, _, _ := strings.Cut(pair, "=")
		switch {
		case pair == "":
		case !indodaxAction(name):
			rest = append(rest, pair)
		case name != "method" || action != "":
			return fmt.Errorf("%w %q: given twice", exauth.ErrParam, "method")
		default:
			action = pair
		}
	}
	if action == "" || action == "method=" {
		return fmt.Errorf("%w %q: is missing; it names the action, such as getInfo", exauth.ErrParam, "method")
	}
	body := append([]byte(nil), action...)
	body = strconv.AppendInt(append(body, "&timestamp="...), r.Time.UnixMilli(), 10)
	body = strconv.AppendInt(append(body, "&recvWindow="...), r.Window.Milliseconds(), 10)
	for _, pair := range rest {
		body = append(append(body, '&'), pair...)
	}
	sig, err := signHex(ctx, r, body)
	if err != nil {
		return err
	}
	r.Body = body
	r.SetHeader("Content-Type", "application/x-www-form-urlencoded")
	r.SetHeader("Key", r.KeyID())
	r.SetHeader("Sign", sig)
	return nil
}

// indodaxAction reports whether PHP, which the venue runs, would read name as the
// action: it drops leading spaces and takes [ as the begin of an array's index.
func indodaxAction(name string) bool {
	if un, err := url.QueryUnescape(name); err == nil {
		name = un
	}
	name, _, _ = strings.Cut(strings.TrimLeft(name, " "), "[")
	return name == "method"
}

func indodaxTime(resp *exauth.Response) (time.Time, error) {
	var t struct {
		Time int64 `json:"server_time"`
	}
	err := json.Unmarshal(resp.Body, &t)
	return time.UnixMilli(t.Time), err
}

// indodaxAnswer peels {"success":1,"return":…}. Failures are
// {"success":0,"error":"…","error_code":"…"}, the code not always there, and
// public ones {"error":"invalid_pair","error_description":"…"}.
func indodaxAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := codes(`
		key: invalid_credentials
		signature: bad_sign
		nonce: invalid_nonce
		clock: invalid_timestamp
		ratelimited: too_many_requests
		order: order_not_found invalid_order
		funds: insufficient_balance`)
	return func(resp *exauth.Response) ([]byte, error) {
		if strings.HasPrefix(strings.TrimSpace(string(resp.Body)), "[") && resp.Status < 400 {
			return resp.Body, nil
		}
		var e struct {
			Success     json.RawMessage
			Return      json.RawMessage
			Error       string
			Code        string `json:"error_code"`
			Description string `json:"error_description"`
			Message     string
		}
		if json.Unmarshal(resp.Body, &e) != nil {
			return nil, notJSON(resp)
		}
		failed := e.Error != "" || e.Success != nil && text(e.Success) != "1"
		if !failed && resp.Status < 400 {
			if e.Return == nil {
				return resp.Body, nil // public answers; withdrawals have no "return"
			}
			return e.Return, nil
		}
		message := e.Error
		if e.Description != "" {
			message = e.Description
		} else if message == "" {
			message = e.Message
		}
		code := e.Code
		if code == "" {
			code = strings.ToLower(strings.TrimRight(strings.ReplaceAll(e.Error, " ", "_"), "."))
			if len(code) > 32 { // a sentence, not a code
				code = "error"
			}
		}
		if e.Error == "" && e.Success == nil {
			code = "" // not the form of the venue's refusals: its gateway speaks
		}
		return nil, refused(indodaxKind(kinds, code, e.Error), code, message)
	}
}

// indodaxKind reads the sentence where the code says nothing of its own.
func indodaxKind(kinds map[string]error, code, message string) error {
	lower := strings.ToLower(message)
	for _, is := range []struct {
		text string
		kind error
	}{
		{"bad sign", exauth.ErrSignature}, // comes with the code invalid_credentials
		{"api not found", exauth.ErrKey},
		{"invalid nonce", exauth.ErrNonce},
		{"invalid timestamp", exauth.ErrClock},
		{"no permission", exauth.ErrPermission},
		{"insufficient balance", exauth.ErrInsufficientFunds},
		{"already exists", exauth.ErrDuplicateOrder}, // "client order id … already exists"; nothing else of the venue's says so
		{"invalid order", exauth.ErrUnknownOrder},
		{"order not found", exauth.ErrUnknownOrder},
		{"too many", exauth.ErrRateLimited},
	} {
		if strings.Contains(lower, is.text) {
			return is.kind
		}
	}
	return kinds[code]
}

// indodaxRoutes go by the action. What no line names may be anything, a new kind
// of withdrawal included, so it needs every scope.
func indodaxRoutes() []exauth.Route {
	return join(
		public(`
			GET /api/*
			GET /tradingview/history_v2`),
		reads(`
			POST /tapi match=method=getInfo
			POST /tapi match=method=transHistory
			POST /tapi match=method=tradeHistory
			POST /tapi match=method=openOrders
			POST /tapi match=method=orderHistory
			POST /tapi match=method=getOrder
			POST /tapi match=method=getOrderByClientOrderId
			POST /tapi match=method=withdrawFee # asks; the venue still wants a key that may withdraw
			POST /tapi match=method=listDownline
			POST /tapi match=method=checkDownline`),
		writes(exauth.ScopeTradeSpot, `
			POST /tapi match=method=trade id=client_order_id
			POST /tapi match=method=cancelOrder cancel
			POST /tapi match=method=cancelByClientOrderId cancel`),
		writes(exauth.ScopeWithdraw, `
			POST /tapi match=method=withdrawCoin
			POST /tapi match=method=createVoucher # worth rupiah to whoever holds it`),
		writes(exauth.ScopeTrade|exauth.ScopeTransfer|exauth.ScopeWithdraw|exauth.ScopeAccount, `
			* /tapi`),
	)
}
