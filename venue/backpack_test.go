package venue_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// signBackpack signs a call at the given time and returns the request, its body and
// whether the signature is one of want under the vectors' key (standard library).
func signBackpack(t *testing.T, ms int64, call exauth.Call, want string) (*http.Request, string) {
	t.Helper()
	keys := loadVectors(t, "testdata/backpack.json").Keys
	key, err := vectorKey(keys, "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := exauth.New(venue.Backpack(), key, &exauth.Options{Scope: allScopes, Now: func() time.Time { return time.UnixMilli(ms) }})
	if err != nil {
		t.Fatal(err)
	}
	req, err := c.Sign(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := base64.StdEncoding.DecodeString(keys["default"]["secret"])
	sig, _ := base64.StdEncoding.DecodeString(req.Header.Get("X-Signature"))
	if !ed25519.Verify(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey), []byte(want), sig) {
		t.Errorf("%s %s: the signature is not of %s", call.Method, call.Path, want)
	}
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	return req, string(body)
}

// The two strings that the API's introduction says have to be signed.
func TestBackpackDocumentedStrings(t *testing.T) {
	signBackpack(t, 1614550000000, exauth.Call{Method: "DELETE", Path: "/api/v1/order",
		Params: exauth.Params{{Name: "symbol", Value: "BTC_USDT"}, {Name: "orderId", Value: 28}}},
		"instruction=orderCancel&orderId=28&symbol=BTC_USDT&timestamp=1614550000000&window=5000")

	order := func(price, quantity string) exauth.Params {
		return exauth.Params{{Name: "symbol", Value: "SOL_USDC_PERP"}, {Name: "side", Value: "Bid"},
			{Name: "orderType", Value: "Limit"}, {Name: "price", Value: price}, {Name: "quantity", Value: quantity}}
	}
	want := "instruction=orderExecute&orderType=Limit&price=141&quantity=12&side=Bid&symbol=SOL_USDC_PERP" +
		"&instruction=orderExecute&orderType=Limit&price=140&quantity=11&side=Bid&symbol=SOL_USDC_PERP" +
		"&timestamp=1750793021519&window=5000"
	_, body := signBackpack(t, 1750793021519, exauth.Call{Method: "POST", Path: "/api/v1/orders",
		Params: []any{order("141", "12"), order("140", "11")}}, want)
	if want := `[{"symbol":"SOL_USDC_PERP","side":"Bid","orderType":"Limit","price":"141","quantity":"12"},` +
		`{"symbol":"SOL_USDC_PERP","side":"Bid","orderType":"Limit","price":"140","quantity":"11"}]`; body != want {
		t.Errorf("body %s", body)
	}
}

// What the vectors do not show: the instruction of a route that ccxt signs without
// one, a query beside a body, raw JSON, and a request that somebody else built.
func TestBackpackSignedStrings(t *testing.T) {
	stamp := "&timestamp=1000&window=5000"
	signBackpack(t, 1000, exauth.Call{Method: "POST", Path: "/api/v1/account/convertDust",
		Params: exauth.Params{{Name: "symbol", Value: "BTC"}}}, "instruction=convertDust&symbol=BTC"+stamp)
	signBackpack(t, 1000, exauth.Call{Method: "POST", Path: "/api/v1/order", Params: exauth.Params{{Name: "a", Value: "1"}},
		Query: exauth.Params{{Name: "z", Value: "é"}}}, "instruction=orderExecute&z=%C3%A9&a=1"+stamp)
	_, body := signBackpack(t, 1000, exauth.Call{Method: "POST", Path: "/api/v1/order",
		Params: json.RawMessage(`{"z": 1e-7, "a":"x\u0001y","m":[],"n":null}`)}, "instruction=orderExecute&a=x%01y&n=&z=1e-7"+stamp)
	if want := `{"a":"x\u0001y","m":[],"n":null,"z":1e-7}`; body != want {
		t.Errorf("body %s, want %s", body, want)
	}
	req, _ := signBackpack(t, 1000, exauth.Call{Path: "/wapi/v1/history/fills", RecvWindow: 60 * time.Second,
		Params: exauth.Params{{Name: "b", Value: []any{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}, {Name: "a", Value: "1"}}},
		"instruction=fillHistoryQueryAll&a=1&b%5B0%5D=1&b%5B1%5D=2&b%5B2%5D=3&b%5B3%5D=4&b%5B4%5D=5&b%5B5%5D=6"+
			"&b%5B6%5D=7&b%5B7%5D=8&b%5B8%5D=9&b%5B9%5D=10&b%5B10%5D=11&timestamp=1000&window=60000")
	if got := req.Header.Get("X-Window"); got != "60000" {
		t.Errorf("window %s", got)
	}
}

func TestBackpackAnswers(t *testing.T) {
	order := exauth.Call{Method: "POST", Path: "/api/v1/order", Params: exauth.Params{{Name: "clientId", Value: 42}}}
	batch := exauth.Call{Method: "POST", Path: "/api/v1/orders", Params: []any{exauth.Params{{Name: "symbol", Value: "SOL_USDC"}}}}
	cancel := exauth.Call{Method: "DELETE", Path: "/api/v1/order"}
	fails := func(code, message string) string { return `{"code":"` + code + `","message":"` + message + `"}` }
	runAnswers(t, venue.Backpack(), []answerCase{
		{name: "no envelope", call: order, body: `{"id":"1","status":"New"}`, payload: `{"id":"1","status":"New"}`},
		{name: "time is a bare number", call: exauth.Call{Path: "/api/v1/time"}, body: `1750793021519`, payload: `1750793021519`},
		{name: "batch", call: batch, body: `[{"operation":"Ok","id":"1"}]`, payload: `[{"operation":"Ok","id":"1"}]`},
		{name: "batch in part", call: batch, body: `[{"operation":"Ok","id":"1"},{"operation":"Err","code":"INSUFFICIENT_FUNDS","message":"Insufficient funds"}]`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "INSUFFICIENT_FUNDS"},
		{name: "batch refused", call: batch, body: `[{"operation":"Err","code":"INSUFFICIENT_FUNDS","message":"Insufficient funds"}]`,
			want: exauth.ErrInsufficientFunds, outcome: exauth.OutcomeRejected, code: "INSUFFICIENT_FUNDS"},
		{name: "signature", call: order, status: 400, body: fails("INVALID_SIGNATURE", "Invalid signature"),
			want: exauth.ErrSignature, outcome: exauth.OutcomeRejected, code: "INVALID_SIGNATURE"},
		{name: "key", call: order, status: 401, body: fails("UNAUTHORIZED", "Unauthorized"),
			want: exauth.ErrKey, outcome: exauth.OutcomeRejected, code: "UNAUTHORIZED"},
		{name: "clock", call: order, status: 400, body: fails("INVALID_CLIENT_REQUEST", "Request has expired"),
			want: exauth.ErrClock, outcome: exauth.OutcomeRejected, code: "INVALID_CLIENT_REQUEST"},
		{name: "duplicate", call: order, status: 400, body: fails("INVALID_ORDER", "Order with client ID already exists: 42"),
			want: exauth.ErrDuplicateOrder, outcome: exauth.OutcomeRejected, code: "INVALID_ORDER"},
		{name: "invalid order", call: order, status: 400, body: fails("INVALID_ORDER", "Invalid order"),
			want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "INVALID_ORDER"},
		{name: "unknown order", call: cancel, status: 404, body: fails("RESOURCE_NOT_FOUND", "Order not found"),
			want: exauth.ErrUnknownOrder, outcome: exauth.OutcomeRejected, code: "RESOURCE_NOT_FOUND"},
		{name: "unknown market is no unknown order", call: exauth.Call{Path: "/api/v1/position"}, status: 404, body: fails("RESOURCE_NOT_FOUND", "no"),
			want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "RESOURCE_NOT_FOUND"},
		{name: "limit", call: order, status: 429, body: fails("TOO_MANY_REQUESTS", "slow down"),
			want: exauth.ErrRateLimited, outcome: exauth.OutcomeRejected, code: "TOO_MANY_REQUESTS"},
		{name: "timeout inside", call: order, status: 400, body: fails("TIMEOUT", "timeout"),
			want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "TIMEOUT"},
		{name: "plain text", call: order, status: 400, body: `Bad Request parse request payload error: failed to parse "MarketSymbol"`,
			want: exauth.ErrRejected, outcome: exauth.OutcomeRejected},
	})
	rt := &canned{status: 400, body: `failed to parse "MarketSymbol"`}
	_, err := fakeClient(t, venue.Backpack(), allScopes, rt).Do(t.Context(), order)
	var e *exauth.Error
	if !errors.As(err, &e) || e.Message != `failed to parse "MarketSymbol"` {
		t.Errorf("plain text is not quoted: %v", err)
	}
}

func TestBackpackTime(t *testing.T) {
	if got := parseTime(t, venue.Backpack(), "1750793021519\n"); got.UnixMilli() != 1750793021519 {
		t.Errorf("got %v", got)
	}
}

func TestBackpackScopes(t *testing.T) {
	runScopes(t, "backpack", []scopeCase{
		{"GET", "/api/v1/time", nil, exauth.ScopeRead},
		{"GET", "/wapi/v1/capital/withdrawals", nil, exauth.ScopeRead},
		{"POST", "/wapi/v1/capital/withdrawals", nil, exauth.ScopeWithdraw},
		{"POST", "/api/v1/order", nil, exauth.ScopeTrade},
		{"DELETE", "/api/v1/orders", nil, exauth.ScopeTrade},
		{"POST", "/api/v1/borrowLend", nil, exauth.ScopeTradeMargin},
		{"POST", "/api/v1/account/convertDust", nil, exauth.ScopeTradeSpot},
		{"PATCH", "/api/v1/account", nil, exauth.ScopeAccount},
	})
}

// Every signed route of the table has its instruction, or the venue refuses it.
func TestBackpackInstructions(t *testing.T) {
	const session = "/wapi/v1/capital/withdrawals/delay" // taken with a browser session only
	v := venue.Backpack()
	for _, r := range v.Routes {
		if r.Auth == exauth.AuthNone || strings.HasSuffix(r.Path, "*") || r.Path == session {
			continue
		}
		c := fakeClient(t, v, allScopes, &canned{status: 200, body: "{}"})
		req, err := c.Sign(t.Context(), exauth.Call{Method: r.Method, Path: r.Path})
		if err != nil {
			t.Fatal(err)
		}
		keys := loadVectors(t, "testdata/backpack.json").Keys
		seed, _ := base64.StdEncoding.DecodeString(keys["default"]["secret"])
		sig, _ := base64.StdEncoding.DecodeString(req.Header.Get("X-Signature"))
		if ed25519.Verify(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey),
			[]byte("instruction=&timestamp=1768480496789&window=5000"), sig) {
			t.Errorf("%s %s signs an empty instruction", r.Method, r.Path)
		}
	}
}
