package venue_test

import (
	"io"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func TestGateAnswers(t *testing.T) {
	read := exauth.Call{Method: "GET", Path: "/api/v4/spot/accounts"}
	order := exauth.Call{Method: "POST", Path: "/api/v4/spot/orders", Params: exauth.Params{{Name: "text", Value: "t-1"}}}
	many := exauth.Call{Method: "POST", Path: "/api/v4/spot/batch_orders", Params: exauth.Params{{Name: "x", Value: "1"}}}
	cancel := exauth.Call{Method: "DELETE", Path: "/api/v4/withdrawals/1"}
	fails := func(label string) string { return `{"label":"` + label + `","message":"why"}` }
	rejected := exauth.OutcomeRejected
	runAnswers(t, venue.Gate(), []answerCase{
		{name: "data", call: read, body: `[{"currency":"USDT"}]`, payload: `[{"currency":"USDT"}]`},
		{name: "nothing to say", call: cancel, status: 204, body: ``, payload: ``},
		{name: "clock, which ccxt files under authentication", call: read, status: 403, body: fails("REQUEST_EXPIRED"), want: exauth.ErrClock, outcome: rejected, code: "REQUEST_EXPIRED"},
		{name: "signature", call: read, status: 401, body: fails("INVALID_SIGNATURE"), want: exauth.ErrSignature, outcome: rejected, code: "INVALID_SIGNATURE"},
		{name: "key", call: read, status: 401, body: fails("INVALID_KEY"), want: exauth.ErrKey, outcome: rejected, code: "INVALID_KEY"},
		{name: "IP", call: read, status: 403, body: fails("IP_FORBIDDEN"), want: exauth.ErrIPNotAllowed, outcome: rejected, code: "IP_FORBIDDEN"},
		{name: "read only", call: order, status: 403, body: fails("READ_ONLY"), want: exauth.ErrPermission, outcome: rejected, code: "READ_ONLY"},
		{name: "forbidden", call: order, status: 403, body: fails("FORBIDDEN"), want: exauth.ErrPermission, outcome: rejected, code: "FORBIDDEN"},
		{name: "locked", call: order, status: 403, body: fails("ACCOUNT_LOCKED"), want: exauth.ErrAccountLocked, outcome: rejected, code: "ACCOUNT_LOCKED"},
		{name: "limit", call: order, status: 429, body: fails("TOO_MANY_REQUESTS"), want: exauth.ErrRateLimited, outcome: rejected, code: "TOO_MANY_REQUESTS"},
		{name: "no funds", call: order, status: 400, body: fails("BALANCE_NOT_ENOUGH"), want: exauth.ErrInsufficientFunds, outcome: rejected, code: "BALANCE_NOT_ENOUGH"},
		{name: "unknown order", call: order, status: 404, body: fails("ORDER_NOT_FOUND"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "ORDER_NOT_FOUND"},
		{name: "duplicate", call: order, status: 400, body: fails("REPEATED_CREATION"), want: exauth.ErrDuplicateOrder, outcome: rejected, code: "REPEATED_CREATION"},
		{name: "server error of an order", call: order, status: 500, body: fails("SERVER_ERROR"), want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "SERVER_ERROR"},
		{name: "busy, on a read", call: read, status: 503, body: fails("TOO_BUSY"), want: exauth.ErrUnavailable, outcome: rejected, code: "TOO_BUSY"},
		{name: "a label nobody listed", call: order, status: 400, body: fails("NEW_LABEL"), want: exauth.ErrRejected, outcome: rejected, code: "NEW_LABEL"},
		{name: "batch done", call: many, body: `[{"succeeded":true,"id":"1"}]`, payload: `[{"succeeded":true,"id":"1"}]`},
		{name: "batch half done", call: many, body: `[{"succeeded":true,"id":"1"},{"succeeded":false,"label":"BALANCE_NOT_ENOUGH","message":"why"}]`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "BALANCE_NOT_ENOUGH"},
		{name: "batch not done", call: many, body: `[{"succeeded":false,"label":"BALANCE_NOT_ENOUGH","message":"why"}]`,
			want: exauth.ErrInsufficientFunds, outcome: rejected, code: "BALANCE_NOT_ENOUGH"},
		{name: "half an answer", call: order, body: `{"id":"1",`, want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
		{name: "firewall's page", call: read, status: 403, body: "<html></html>", want: exauth.ErrRejected, outcome: rejected},
	})
}

func TestGateTime(t *testing.T) {
	if got := parseTime(t, venue.Gate(), `{"server_time":1597026383085}`); got.UnixMilli() != 1597026383085 {
		t.Errorf("got %v", got)
	}
}

func TestGateScopes(t *testing.T) {
	account := func(name string) exauth.Params { return exauth.Params{{Name: "account", Value: name}} }
	runScopes(t, "gate", []scopeCase{
		{"GET", "/api/v4/wallet/withdrawals", nil, exauth.ScopeRead},
		{"POST", "/api/v4/flash_swap/orders/preview", nil, exauth.ScopeRead},
		{"POST", "/api/v4/spot/orders", account("spot"), exauth.ScopeTradeSpot},
		{"POST", "/api/v4/spot/orders", account("cross_margin"), exauth.ScopeTradeMargin},
		{"POST", "/api/v4/spot/batch_orders", nil, exauth.ScopeTradeSpot | exauth.ScopeTradeMargin},
		{"PATCH", "/api/v4/spot/orders/1", nil, exauth.ScopeTradeSpot},
		{"POST", "/api/v4/futures/usdt/orders", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/api/v4/futures/usdt/positions/BTC_USDT/leverage", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/api/v4/unified/loans", nil, exauth.ScopeTradeMargin},
		{"POST", "/api/v4/wallet/transfers", nil, exauth.ScopeTransfer},
		{"PUT", "/api/v4/earn/uni/interest_reinvest", nil, exauth.ScopeTransfer},
		{"POST", "/api/v4/withdrawals/push", nil, exauth.ScopeWithdraw},
		{"DELETE", "/api/v4/withdrawals/1", nil, exauth.ScopeWithdraw},
		{"PUT", "/api/v4/sub_accounts/1/keys/2", nil, exauth.ScopeAccount},
		{"POST", "/api/v4/not_listed", nil, exauth.ScopeTrade},
	})
}

// The worked example of Gate's documentation, "APIv4 signed request requirements".
func TestGateDocumentedExample(t *testing.T) {
	client, err := exauth.New(venue.Gate(), exauth.NewSecretKey("key", "secret"),
		&exauth.Options{Now: func() time.Time { return time.Unix(1541993715, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	req, err := client.Sign(t.Context(), exauth.Call{Path: "/api/v4/futures/orders", Params: exauth.Params{
		{Name: "contract", Value: "BTC_USD"}, {Name: "status", Value: "finished"}, {Name: "limit", Value: 50}}})
	if err != nil {
		t.Fatal(err)
	}
	want := "55f84ea195d6fe57ce62464daaa7c3c02fa9d1dde954e4c898289c9a2407a3d6fb3faf24deff16790d726b66ac9f74526668b13bd01029199cc4fcc522418b8a"
	if got := req.Header.Get("SIGN"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Which POSTs carry a query is Gate's own choice, route by route.
func TestGatePlaces(t *testing.T) {
	for _, c := range []struct {
		path, name, query, body string
	}{
		{"/api/v4/futures/usdt/positions/BTC_USDT/margin", "change", "change=1", ""},
		{"/api/v4/delivery/usdt/positions/BTC_USDT/risk_limit", "risk_limit", "risk_limit=1", ""},
		{"/api/v4/futures/usdt/dual_mode", "dual_mode", "dual_mode=1", ""},
		{"/api/v4/futures/usdt/dual_comp/positions/BTC_USDT/leverage", "leverage", "leverage=1", ""},
		{"/api/v4/futures/usdt/positions/cross_mode", "mode", "", `{"mode":"1"}`},
		{"/api/v4/futures/usdt/dual_comp/positions/cross_mode", "mode", "", `{"mode":"1"}`},
		{"/api/v4/futures/usdt/orders", "size", "", `{"size":"1"}`},
		{"/api/v4/margin/auto_repay", "status", "status=1", ""},
		{"/api/v4/spot/orders", "amount", "", `{"amount":"1"}`},
	} {
		req, err := fakeClient(t, venue.Gate(), allScopes, nil).Sign(t.Context(),
			exauth.Call{Method: "POST", Path: c.path, Params: exauth.Params{{Name: c.name, Value: "1"}}})
		if err != nil {
			t.Fatalf("%s: %v", c.path, err)
		}
		body := ""
		if req.Body != nil {
			b, _ := io.ReadAll(req.Body)
			body = string(b)
		}
		if req.URL.RawQuery != c.query || body != c.body {
			t.Errorf("%s: query %q body %q, want %q %q", c.path, req.URL.RawQuery, body, c.query, c.body)
		}
	}
}

func TestGateTestnet(t *testing.T) {
	v, ok := venue.ByName("gate:testnet")
	if !ok || v.Environment != "testnet" || v.BaseURL != "https://api-testnet.gateapi.io" {
		t.Errorf("got %+v", v)
	}
}
