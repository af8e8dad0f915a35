package venue

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// Binance is Binance spot, margin and wallet (api), USD-M (fapi), COIN-M (dapi),
// options (eapi) and portfolio margin (papi). HMAC-SHA256, RSA and Ed25519 keys.
// Paths choose the host: "/fapi/v1/order" goes to fapi.binance.com.
//
// Sources: developers.binance.com/docs/binance-spot-api-docs/rest-api, read 2026-11.
func Binance() *exauth.Venue {
	return &exauth.Venue{
		Name:    "binance",
		BaseURL: "https://api.binance.com",
		Hosts: []exauth.Host{
			{Prefix: "/fapi/", URL: "https://fapi.binance.com"},
			{Prefix: "/futures/data/", URL: "https://fapi.binance.com"},
			{Prefix: "/dapi/", URL: "https://dapi.binance.com"},
			{Prefix: "/eapi/", URL: "https://eapi.binance.com"},
			{Prefix: "/papi/", URL: "https://papi.binance.com"},
		},
		Docs:          "https://developers.binance.com/docs/binance-spot-api-docs/rest-api",
		KeyPage:       "https://www.binance.com/en/my/settings/api-management",
		Algorithms:    []exauth.Algorithm{exauth.HMACSHA256, exauth.RSASHA256, exauth.Ed25519},
		Signer:        exauth.UTF8Secret(exauth.HMACSHA256),
		Style:         binanceStyle,
		Scheme:        exauth.SchemeFunc(authorizeBinance),
		Reserved:      []string{"timestamp", "signature"},
		AuthHeaders:   []string{"X-MBX-APIKEY"},
		RecvWindow:    5 * time.Second,
		MaxRecvWindow: 60 * time.Second,
		OrderIDs:      orderIDs(`newClientOrderId 36, listClientOrderId 36, clientOrderId 32`), // the last is options'
		Routes:        binanceBatches(binancePrices(join(binanceMore(), binanceRoutes()))),
		Quotas:        binanceQuotas(),
		DefaultPrice:  binanceDefault(),
		Settle:        binanceSettle,
		Limits:        binanceLimits,
		Lookup:        exauth.Lookup{Ask: binanceAsk, Find: binanceFind, Until: binanceUntil, Lag: time.Second, Keeps: 90 * 24 * time.Hour},
		Answer:        binanceAnswer(),
		Ambiguous: map[string][]error{ // rest-api "Errors": -2015 is "Invalid API-key, IP, or permissions for action"
			"-2015": {exauth.ErrKey, exauth.ErrIPNotAllowed, exauth.ErrPermission, exauth.ErrEnvironment},
			"-2008": {exauth.ErrKey, exauth.ErrEnvironment},
		},
		Clock:    exauth.Clock{Path: "/api/v3/time", Parse: binanceTime},
		Probe:    exauth.Call{Method: "GET", Path: "/api/v3/account", Params: exauth.Params{{Name: "omitZeroBalances", Value: true}}},
		KeyCheck: binanceKey(),
		Owner:    ownerOf("uid"),
		IdleKeys: 30 * 24 * time.Hour, // Binance's notice of 2022-12-22; helpdesk.bitsgap.com/en/articles/6838861, read 2026-11
	}
}

// BinanceTestnet is testnet.binance.vision for spot and testnet.binancefuture.com
// for futures; each has keys of its own.
func BinanceTestnet() *exauth.Venue {
	return withoutWallet(in(Binance(), "testnet", "https://testnet.binance.vision",
		exauth.Host{Prefix: "/fapi/", URL: "https://testnet.binancefuture.com"},
		exauth.Host{Prefix: "/dapi/", URL: "https://testnet.binancefuture.com"}))
}

// withoutWallet takes away what only production has: the wallet API, which tells of
// keys, and the deletion of idle ones.
func withoutWallet(v *exauth.Venue) *exauth.Venue {
	v.KeyCheck, v.IdleKeys = exauth.KeyCheck{}, 0
	return v
}

// BinanceDemo is Binance's demo trading with keys made on demo.binance.com.
func BinanceDemo() *exauth.Venue {
	return withoutWallet(in(Binance(), "demo", "https://demo-api.binance.com",
		exauth.Host{Prefix: "/fapi/", URL: "https://demo-fapi.binance.com"},
		exauth.Host{Prefix: "/dapi/", URL: "https://demo-dapi.binance.com"}))
}

func binanceStyle(method, path string, _ exauth.Params) exauth.Style {
	style := exauth.StyleQuery
	if method == "POST" || method == "PUT" {
		style = exauth.StyleForm
	}
	switch {
	case path == "/sapi/v1/asset/dust": // the one route that repeats a name
		style |= exauth.StyleArrayRepeat
	case strings.HasSuffix(path, "/batchOrders"): // orders and ids are JSON in a parameter
		style |= exauth.StyleArrayJSON
	}
	return style
}

// authorizeBinance signs query ++ body, percent-encoded as they are sent (required
// since 2026-01-15), and appends the signature where the parameters are. Base64
// signatures are percent-encoded, which Binance's own connector forgets.
func authorizeBinance(ctx context.Context, r *exauth.Request) error {
	r.SetHeader("X-Mbx-Apikey", r.KeyID())
	if r.Auth() != exauth.AuthSigned {
		return nil
	}
	inBody := len(r.Body) > 0 || r.Query == "" && (r.Method == "POST" || r.Method == "PUT")
	payload := append(append(r.Buffer(), r.Query...), r.Body...)
	start := len(payload)
	sep := "&"
	if start == 0 || inBody && len(r.Body) == 0 {
		sep = ""
	}
	if !bytes.Contains(payload, []byte("recvWindow=")) {
		payload = append(append(payload, sep...), "recvWindow="...)
		payload = strconv.AppendInt(payload, r.Window.Milliseconds(), 10)
		sep = "&"
	}
	payload = append(append(payload, sep...), "timestamp="...)
	payload = strconv.AppendInt(payload, r.Time.UnixMilli(), 10)
	signed := len(payload)
	payload, err := r.Sign(ctx, payload, payload)
	if err != nil {
		return err
	}
	sig := payload[signed:]
	if inBody {
		if r.Header.Get("Content-Type") == "" {
			r.SetHeader("Content-Type", "application/x-www-form-urlencoded")
		}
		r.Body = appendBinanceSignature(append(r.Body, payload[start:signed]...), r, sig)
		return nil
	}
	var b strings.Builder
	b.Grow(signed + len("&signature=") + 2*len(sig))
	b.Write(payload[:signed])
	b.Write(appendBinanceSignature(payload[len(payload):], r, sig))
	r.Query = b.String()
	return nil
}

// appendBinanceSignature writes HMAC as hex; RSA and Ed25519 as base64, which has to
// be percent-encoded.
func appendBinanceSignature(dst []byte, r *exauth.Request, sig []byte) []byte {
	dst = append(dst, "&signature="...)
	if r.Algorithm() == exauth.HMACSHA256 {
		return hex.AppendEncode(dst, sig)
	}
	return append(dst, url.QueryEscape(base64.StdEncoding.EncodeToString(sig))...)
}

func binanceTime(resp *exauth.Response) (time.Time, error) {
	var t struct{ ServerTime int64 }
	err := json.Unmarshal(resp.Body, &t)
	return time.UnixMilli(t.ServerTime), err
}

// binanceKind tells what a code means on a path.
type binanceKind func(path, code, msg string) error

// binanceKinds: the same number means different things per product, so each has its
// own table over the common one.
func binanceKinds() binanceKind {
	common := codes(`
		clock: -1021
		signature: -1022
		key: -2014 -2008 -2015
		permission: -1002 -4084
		ratelimited: -1003 -1015
		unavailable: -1001 -1008 -1016
		unknown: -1006 -1007
		funds: -2018 -2019
		order: -2011 -2013
		partial: -2021 -2022`)
	products := map[string]map[string]error{
		"/fapi/": codes("ip: -1004 -1011\n duplicate: -4111 -4116\n rejected: -2021 -2022"),
		"/dapi/": codes("ip: -1004 -1011\n duplicate: -4111 -4116\n rejected: -2021 -2022"),
		"/eapi/": codes("ratelimited: -1008"),
		"/papi/": codes("unavailable: -1004\n rejected: -2021 -2022"),
	}
	return func(path, code, msg string) error {
		if code == "-2010" || code == "-2011" {
			return binanceOrderKind(code, msg)
		}
		for prefix, own := range products {
			if k, ok := own[code]; ok && strings.HasPrefix(path, prefix) {
				return k
			}
		}
		return common[code]
	}
}

// binanceAnswer reads {"code":-1021,"msg":"…"}.
func binanceAnswer() func(*exauth.Response) ([]byte, error) {
	kindOf := binanceKinds()
	return func(resp *exauth.Response) ([]byte, error) {
		if resp.Status < 400 && !bytes.HasPrefix(resp.Body, []byte(`{"code":-`)) {
			if resp.Method == "POST" && binancePlaces(resp.Path) && !acknowledged(resp, "orderId", "123456789") {
				return nil, noAck()
			}
			return resp.Body, nil
		}
		var e struct {
			Code json.RawMessage
			Msg  string
		}
		if json.Unmarshal(resp.Body, &e) != nil || e.Code == nil {
			return nil, binanceStatus(resp)
		}
		code := text(e.Code)
		kind := kindOf(resp.Path, code, e.Msg)
		switch resp.Status {
		case 418:
			kind = exauth.ErrBanned
		case 429:
			kind = exauth.ErrRateLimited
		}
		return nil, refused(kind, code, e.Msg)
	}
}

// binancePlaces reports the paths that place one order; every answer form of theirs,
// ACK too, names it by a number called orderId.
func binancePlaces(path string) bool {
	switch path {
	case "/api/v3/order", "/api/v3/sor/order", "/sapi/v1/margin/order", "/fapi/v1/order", "/dapi/v1/order", "/eapi/v1/order",
		"/papi/v1/um/order", "/papi/v1/cm/order", "/papi/v1/margin/order":
		return true
	}
	return false
}

// binanceOrderKind tells the reasons apart that share NEW_ORDER_REJECTED and
// CANCEL_REJECTED: only the message differs.
func binanceOrderKind(code, msg string) error {
	switch {
	case strings.HasPrefix(msg, "Duplicate order"):
		return exauth.ErrDuplicateOrder
	case strings.Contains(msg, "insufficient balance"):
		return exauth.ErrInsufficientFunds
	case strings.Contains(msg, "action is disabled"):
		return exauth.ErrAccountLocked
	case strings.HasPrefix(msg, "Unknown order"), code == "-2011":
		return exauth.ErrUnknownOrder
	}
	return exauth.ErrRejected
}

// binanceStatus is for answers that are not Binance's JSON: its firewall's pages.
func binanceStatus(resp *exauth.Response) error {
	if resp.Status == 403 { // WAF limit violated: every further call prolongs it
		return refused(exauth.ErrRateLimited, "", "refused by the venue's firewall (HTTP 403)")
	}
	return nil
}
