package venue

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// Gemini is Gemini's REST API, v1 and v2. HMAC-SHA384 keys; what is signed is the
// call as JSON, in base64, in a header of its own. The body repeats the parameters,
// which Gemini ignores.
//
// Nonces must rise and arrive in order, so calls of a key go out one at a time. A
// key made with "uses a time based nonce" takes seconds within 30 of Gemini's clock
// instead: say so with Key.WithField("nonce", "seconds"), and set
// Options.NonceWindow to send in parallel. Gemini has no time endpoint.
//
// Client.Resolve finds an order by its client_order_id, of which any number may have
// the same. That it was not placed cannot be told, since Gemini states no last moment
// at which it may still accept an order.
//
// Parameters travel in a header that Client.Resigner strips, so another SDK's calls
// cannot be signed again: use this venue with Client.Do or Client.Transport.
//
// Sources: developer.gemini.com/authentication/api-key and …/error-codes, read 2026-11.
func Gemini() *exauth.Venue {
	return &exauth.Venue{
		Name:         "gemini",
		BaseURL:      "https://api.gemini.com",
		Docs:         "https://developer.gemini.com/authentication/api-key",
		KeyPage:      "https://exchange.gemini.com/settings/api",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA384},
		Signer:       exauth.UTF8Secret(exauth.HMACSHA384),
		Style:        geminiStyle,
		Scheme:       exauth.SchemeFunc(authorizeGemini),
		Reserved:     []string{"request", "nonce"},
		AuthHeaders:  []string{"X-GEMINI-APIKEY", "X-GEMINI-PAYLOAD", "X-GEMINI-SIGNATURE"},
		NonceUnit:    time.Millisecond,
		Ordered:      true,
		OrderIDs:     orderIDs("client_order_id 36"),
		Routes:       geminiPrices(geminiRoutes()),
		Quotas:       geminiQuotas(),
		DefaultCosts: geminiDefault(),
		GETReads:     true,
		Lookup:       exauth.Lookup{Ask: geminiAsk, Find: geminiFind, Lag: 2 * time.Second},
		Answer:       geminiAnswer(),
		Probe:        exauth.Call{Method: "POST", Path: "/v1/roles"},
		KeyCheck:     geminiKey(),
	}
}

// GeminiSandbox is exchange.sandbox.gemini.com, with keys of its own.
func GeminiSandbox() *exauth.Venue {
	return in(Gemini(), "sandbox", "https://api.sandbox.gemini.com")
}

func geminiStyle(method, path string, _ exauth.Params) exauth.Style {
	if method == "GET" && !geminiSignedGET(path) {
		return exauth.StyleQuery
	}
	return exauth.StyleJSON | exauth.StyleEmptyObject | exauth.StyleNoMediaType
}

// geminiSignedGET reports the GETs whose parameters go into the payload.
func geminiSignedGET(path string) bool {
	for _, prefix := range []string{
		"/v1/perpetuals/", "/v2/network/", "/v2/networks/", "/v1/prediction-markets/terms/status",
		"/v1/prediction-markets/maker-rebate/summary/", "/v1/prediction-markets/liquidity-rewards/summary/",
	} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// authorizeGemini signs base64({"request":path,"nonce":"…",parameters…}).
func authorizeGemini(ctx context.Context, r *exauth.Request) error {
	r.SetHeader("X-Gemini-Apikey", r.KeyID())
	if r.Auth() != exauth.AuthSigned {
		return nil
	}
	if len(r.Body) == 0 {
		r.Body = []byte("{}")
	}
	ms, err := members(r.Body)
	if err != nil {
		return err
	}
	for _, m := range ms { // raw JSON has not been looked at yet
		if m.name == "request" || m.name == "nonce" {
			return fmt.Errorf("%w %q: is set by exauth", exauth.ErrParam, m.name)
		}
	}
	nonce := strconv.FormatInt(r.Nonce, 10)
	if r.Field("nonce") == "seconds" {
		nonce = seconds(r)
	}
	head, err := exauth.AppendJSON(nil, exauth.Params{{Name: "request", Value: r.Path}, {Name: "nonce", Value: nonce}}, 0)
	if err != nil {
		return err
	}
	call := head
	if len(ms) > 0 { // join the two objects; the caller's bytes stay as they are
		rest := bytes.TrimLeft(bytes.TrimSpace(r.Body)[1:], " \t\r\n")
		call = slices.Concat(head[:len(head)-1], []byte{','}, rest)
	}
	payload := base64.StdEncoding.EncodeToString(call)
	sig, err := signHex(ctx, r, []byte(payload))
	if err != nil {
		return err
	}
	if r.Method == "GET" {
		r.Body = nil
	}
	r.SetHeader("Content-Type", "text/plain")
	r.SetHeader("X-Gemini-Payload", payload)
	r.SetHeader("X-Gemini-Signature", sig)
	return nil
}

// geminiAnswer reads {"result":"error","reason":"…","message":"…"}; other answers
// are the payload as they are, spreadsheets included.
func geminiAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := codes(`
		nonce: InvalidNonce
		signature: InvalidSignature MissingSignatureHeader MissingPayloadHeader
		key: InvalidApiKey MissingApikeyHeader
		permission: MissingRole
		locked: AccountClosed
		ip: RemoteAddressForbidden
		ratelimited: RateLimit
		unavailable: Maintenance System
		funds: InsufficientFunds
		order: OrderNotFound`)
	return func(resp *exauth.Response) ([]byte, error) {
		body := bytes.TrimSpace(resp.Body)
		if resp.Status < 400 && (strings.HasSuffix(resp.Path, ".xlsx") || bytes.HasPrefix(body, []byte("["))) &&
			resp.Path != geminiPlace && resp.Path != geminiCancel { // which answer with the order
			return resp.Body, nil
		}
		var e struct {
			Result, Reason, Message json.RawMessage
			OrderID                 json.RawMessage `json:"order_id"`
		}
		if json.Unmarshal(body, &e) != nil {
			return nil, notJSON(resp)
		}
		if resp.Status < 400 && string(e.Result) != `"error"` {
			if e.OrderID == nil && (resp.Path == geminiPlace || resp.Path == geminiCancel && string(e.Result) != `"ok"`) {
				return nil, notJSON(resp)
			}
			return resp.Body, nil
		}
		reason, msg := text(e.Reason), text(e.Message)
		kind, ok := kinds[reason]
		switch {
		case !ok && resp.Status == 406:
			kind = exauth.ErrInsufficientFunds
		case !ok:
			kind = rejection(resp)
		case kind == exauth.ErrNonce:
			msg, kind = geminiNonce(msg)
		case reason == "System":
			return nil, inDoubt(kind, reason, msg)
		}
		return nil, refused(kind, reason, msg)
	}
}

// geminiNonce tells the reasons of InvalidNonce apart: "Nonce '1670305260021' is
// not within 30 seconds of server time '1670305261'" is a key that wants seconds,
// or a clock that is off; the rest is an order that was not kept.
func geminiNonce(msg string) (hint string, kind error) {
	if !strings.Contains(msg, "within 30 seconds") {
		return msg, exauth.ErrNonce
	}
	_, rest, _ := strings.Cut(msg, "'")
	if nonce, _, _ := strings.Cut(rest, "'"); len(nonce) > len("1670305261") {
		return msg + ` (this key wants time-based nonces: add Key.WithField("nonce", "seconds"))`, exauth.ErrNonce
	}
	return msg, exauth.ErrClock
}

// geminiRoutes says what each endpoint needs. One order route serves spot, margin
// and perpetuals and the symbol decides, so it needs ScopeTrade.
//
// Source: developer.gemini.com, REST API reference, read 2026-11.
func geminiRoutes() []exauth.Route {
	return join(geminiPublic(), geminiReads(), geminiWrites())
}

func geminiPublic() []exauth.Route {
	return public(`
		GET /v1/symbols
		GET /v1/symbols/details/{symbol}
		GET /v1/network/{token}
		GET /v1/staking/rates
		GET /v1/earn/rates
		GET /v1/pubticker/{symbol}
		GET /v1/feepromos
		GET /v2/ticker/{symbol}
		GET /v2/candles/{symbol}/{frame}
		GET /v2/derivatives/candles/{symbol}/{frame}
		GET /v1/trades/{symbol}
		GET /v1/auction/*
		GET /v1/book/{symbol}
		GET /v1/pricefeed
		GET /v1/fundingamount/{symbol}
		GET /v1/fundingamountreport/*
		GET /v1/riskstats/{symbol}
		GET /v1/prediction-markets/events
		GET /v1/prediction-markets/events/*
		GET /v1/prediction-markets/categories
		GET /v1/prediction-markets/volume/*
		GET /v1/prediction-markets/terms
		GET /v1/prediction-markets/maker-rebate/rates
		GET /v1/prediction-markets/liquidity-rewards/config
		GET /v1/prediction-markets/liquidity-rewards/events`)
}

// geminiReads are the POSTs that only ask; signed GETs read too.
func geminiReads() []exauth.Route {
	return reads(`
		POST /v1/balances
		POST /v1/balances/staking
		POST /v1/balances/earn
		POST /v1/notionalbalances/{currency}
		POST /v1/orders
		POST /v1/orders/history
		POST /v1/order/status
		POST /v1/mytrades
		POST /v1/notionalvolume
		POST /v1/tradevolume
		POST /v1/positions
		POST /v1/margin
		POST /v1/margin/account
		POST /v1/margin/rates
		POST /v1/margin/order/preview
		POST /v1/perpetuals/fundingPayment
		POST /v1/perpetuals/fundingpaymentreport/*
		POST /v1/transfers
		POST /v2/transfers
		POST /v1/transactions
		POST /v1/custodyaccountfees
		POST /v1/addresses/{network}
		POST /v1/approvedAddresses/account/{network}
		POST /v1/withdraw/{currency}/feeEstimate
		POST /v2/withdraw/{network}/{ticker}/feeEstimate
		POST /v1/payments/methods
		POST /v1/account
		POST /v1/account/list
		POST /v1/roles
		POST /v1/heartbeat              # keeps the session's orders alive
		POST /v1/clearing/status
		POST /v1/clearing/list
		POST /v1/clearing/broker/list
		POST /v1/clearing/trades
		POST /v1/instant/quote
		POST /v1/staking/rewards
		POST /v1/staking/history
		POST /v1/earn/interest
		POST /v1/earn/history
		POST /v1/prediction-markets/orders/active
		POST /v1/prediction-markets/orders/history
		POST /v1/prediction-markets/positions
		POST /v1/prediction-markets/positions/settled
		POST /v1/prediction-markets/metrics/volume
		POST /v1/prediction-markets/maker-rebate/payouts`)
}

func geminiWrites() []exauth.Route {
	return join(
		writes(exauth.ScopeTrade, `
			POST /v1/order/new id=client_order_id
			POST /v1/order/cancel cancel
			POST /v1/order/cancel/session cancel
			POST /v1/order/cancel/all cancel
			POST /v1/clearing/cancel cancel
			POST /v1/clearing/*`),
		writes(exauth.ScopeTradeSpot, `
			POST /v1/wrap/{symbol}
			POST /v1/instant/execute`),
		writes(exauth.ScopeTradeDerivatives, `
			POST /v1/prediction-markets/order
			POST /v1/prediction-markets/order/batch
			POST /v1/prediction-markets/order/cancel cancel
			POST /v1/prediction-markets/order/batch/cancel cancel`),
		writes(exauth.ScopeTransfer, `
			POST /v1/account/transfer/{currency}
			POST /v1/staking/stake
			POST /v1/staking/unstake`),
		writes(exauth.ScopeWithdraw, `
			POST /v1/withdraw/{currency}
			POST /v2/withdraw/{network}/{ticker}
			POST /v1/payments/sen/withdraw
			POST /v1/approvedAddresses/{network}/request
			POST /v1/approvedAddresses/{network}/remove`),
		writes(exauth.ScopeAccount, `
			POST /v1/account/create
			POST /v1/account/rename
			POST /v1/deposit/{network}/newAddress
			POST /v1/payments/addbank
			POST /v1/payments/addbank/cad
			POST /v1/oauth/revokeByToken
			POST /v1/prediction-markets/terms/accept`),
	)
}
