package venue_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// Answers as www.okx.com/docs-v5/en prints them (Order Book Trading, Error Code).
func TestOKXAnswers(t *testing.T) {
	order := exauth.Call{Method: "POST", Path: "/api/v5/trade/order", Params: exauth.Params{{Name: "instId", Value: "BTC-USDT"}}}
	cancel := exauth.Call{Method: "POST", Path: "/api/v5/trade/cancel-order", Params: exauth.Params{{Name: "ordId", Value: "1"}}}
	batch := exauth.Call{Method: "POST", Path: "/api/v5/trade/batch-orders", Params: []any{exauth.Params{{Name: "instId", Value: "BTC-USDT"}}, exauth.Params{{Name: "instId", Value: "ETH-USDT"}}}}
	read := exauth.Call{Method: "GET", Path: "/api/v5/account/balance"}
	failed := func(sCode, sMsg string) string {
		return `{"code":"1","msg":"All operations failed","data":[{"clOrdId":"a1","ordId":"","sCode":"` + sCode + `","sMsg":"` + sMsg + `"}]}`
	}
	plain := func(code string) string { return `{"code":"` + code + `","msg":"what OKX says","data":[]}` }
	rejected := exauth.OutcomeRejected
	runAnswers(t, venue.OKX(), []answerCase{
		{name: "data is the payload", call: read, body: `{"code":"0","msg":"","data":[{"totalEq":"41624.32"}]}`, payload: `[{"totalEq":"41624.32"}]`},
		{name: "one order placed", call: order, body: `{"code":"0","msg":"","data":[{"clOrdId":"a1","ordId":"312269865356374016","sCode":"0","sMsg":""}],"inTime":"1695190491421339"}`,
			payload: `[{"clOrdId":"a1","ordId":"312269865356374016","sCode":"0","sMsg":""}]`},
		{name: "expTime has passed", call: order, body: plain("50036"), want: exauth.ErrClock, outcome: rejected, code: "50036"},
		{name: "success without an order", call: order, body: `{"code":"0","msg":"","data":[]}`, want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
		{name: "a code that is none", call: order, body: `{"orderId":"12","data":{"a":1},"code":[]}`, want: exauth.ErrUnavailable, outcome: exauth.OutcomeUnknown},
		{name: "no data", call: cancel, body: `{"code":"0","msg":""}`, payload: `{"code":"0","msg":""}`},
		{name: "one order refused for funds", call: order, body: failed("51008", "Order failed. Insufficient balance"), want: exauth.ErrInsufficientFunds, outcome: rejected, code: "51008"},
		{name: "duplicate client id", call: order, body: failed("51016", "Client order ID already exists"), want: exauth.ErrDuplicateOrder, outcome: rejected, code: "51016"},
		{name: "unknown item code", call: order, body: failed("51137", "price limit"), want: exauth.ErrRejected, outcome: rejected, code: "51137"},
		{name: "cancel of a filled order", call: cancel, body: failed("51402", "already completed"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "51402"},
		{name: "half a batch", call: batch, body: `{"code":"2","msg":"Bulk operation partially succeeded","data":[{"ordId":"1","sCode":"0","sMsg":""},{"ordId":"","sCode":"51008","sMsg":"no money"}]}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "51008"},
		{name: "half a batch under code 0", call: batch, body: `{"code":"0","msg":"","data":[{"ordId":"1","sCode":"0"},{"ordId":"","sCode":"51008"}]}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "51008"},
		{name: "a whole batch refused", call: batch, body: `{"code":"1","msg":"All operations failed","data":[{"sCode":"51008"},{"sCode":"51016"}]}`,
			want: exauth.ErrInsufficientFunds, outcome: rejected, code: "51008"},
		{name: "timeout of a write", call: order, body: plain("50004"), want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "50004"},
		{name: "timeout of a read", call: read, body: plain("50004"), want: exauth.ErrUnavailable, outcome: rejected, code: "50004"},
		{name: "system error in an item", call: order, body: failed("50026", "System error"), want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "50026"},
		{name: "system error of a read", call: read, status: 500, body: plain("50026"), want: exauth.ErrUnavailable, outcome: rejected, code: "50026"},
		{name: "busy", call: read, status: 503, body: plain("50001"), want: exauth.ErrUnavailable, outcome: rejected, code: "50001"},
		{name: "rate limit", call: read, status: 429, body: plain("50011"), want: exauth.ErrRateLimited, outcome: rejected, code: "50011"},
		{name: "order rate limit in an item", call: order, body: failed("50061", "exceeds order rate limit"), want: exauth.ErrRateLimited, outcome: rejected, code: "50061"},
		{name: "429 with another code", call: read, status: 429, body: plain("58999"), want: exauth.ErrRateLimited, outcome: rejected, code: "58999"},
		{name: "request expired", call: order, status: 401, body: plain("50102"), want: exauth.ErrClock, outcome: rejected, code: "50102"},
		{name: "bad timestamp", call: order, status: 401, body: plain("50112"), want: exauth.ErrClock, outcome: rejected, code: "50112"},
		{name: "bad signature", call: order, status: 401, body: plain("50113"), want: exauth.ErrSignature, outcome: rejected, code: "50113"},
		{name: "bad key", call: read, status: 401, body: plain("50111"), want: exauth.ErrKey, outcome: rejected, code: "50111"},
		{name: "bad passphrase", call: read, status: 401, body: plain("50105"), want: exauth.ErrPassphrase, outcome: rejected, code: "50105"},
		{name: "frozen key", call: read, status: 400, body: plain("50100"), want: exauth.ErrKeyExpired, outcome: rejected, code: "50100"},
		{name: "demo key in production", call: read, status: 401, body: plain("50101"), want: exauth.ErrEnvironment, outcome: rejected, code: "50101"},
		{name: "address not listed", call: read, status: 401, body: plain("50110"), want: exauth.ErrIPNotAllowed, outcome: rejected, code: "50110"},
		{name: "read-only key", call: order, status: 401, body: plain("50120"), want: exauth.ErrPermission, outcome: rejected, code: "50120"},
		{name: "blocked account", call: order, status: 403, body: plain("50007"), want: exauth.ErrAccountLocked, outcome: rejected, code: "50007"},
		{name: "code as a number", call: read, status: 400, body: `{"code":50111,"msg":"x"}`, want: exauth.ErrKey, outcome: rejected, code: "50111"},
		{name: "a page instead of JSON", call: read, status: 503, body: "<html><title>503</title></html>", want: exauth.ErrUnavailable, outcome: rejected},
		{name: "a page after an order", call: order, body: "<html></html>", want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
	})
}

func TestOKXTime(t *testing.T) {
	got := parseTime(t, venue.OKX(), `{"code":"0","data":[{"ts":"1597026383085"}],"msg":""}`)
	if want := time.UnixMilli(1597026383085); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, bad := range []string{`{}`, `{"data":[]}`, `{"data":[{"ts":"soon"}]}`, `<html>`} {
		if _, err := venue.OKX().Clock.Parse(&exauth.Response{Body: []byte(bad)}); err == nil {
			t.Errorf("%s: read as a time", bad)
		}
	}
}

func TestOKXScopes(t *testing.T) {
	runScopes(t, "okx", []scopeCase{
		{"GET", "/api/v5/account/balance", nil, exauth.ScopeRead},
		{"GET", "/api/v5/asset/withdrawal-history", nil, exauth.ScopeRead},
		{"GET", "/api/v5/some/new/read", nil, exauth.ScopeRead},
		{"POST", "/api/v5/trade/order-precheck", nil, exauth.ScopeRead},
		{"POST", "/api/v5/trade/order", nil, exauth.ScopeTrade},
		{"POST", "/api/v5/trade/batch-orders", nil, exauth.ScopeTrade},
		{"POST", "/api/v5/trade/cancel-order", nil, exauth.ScopeTrade},
		{"POST", "/api/v5/tradingBot/signal/sub-order", nil, exauth.ScopeTrade},
		{"POST", "/api/v5/some/new/write", nil, exauth.ScopeTrade},
		{"POST", "/api/v5/account/borrow-repay", nil, exauth.ScopeTradeMargin},
		{"POST", "/api/v5/account/set-leverage", nil, exauth.ScopeTradeMargin | exauth.ScopeTradeDerivatives},
		{"POST", "/api/v5/sprd/order", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/api/v5/asset/transfer", nil, exauth.ScopeTransfer},
		{"POST", "/api/v5/finance/staking-defi/eth/redeem", nil, exauth.ScopeTransfer},
		{"POST", "/api/v5/asset/withdrawal", nil, exauth.ScopeWithdraw},
		{"POST", "/api/v5/asset/cancel-withdrawal", nil, exauth.ScopeWithdraw},
		{"POST", "/api/v5/users/subaccount/apikey", nil, exauth.ScopeAccount},
		{"POST", "/api/v5/account/set-account-level", nil, exauth.ScopeAccount},
	})
}

// Public routes go out without a key, also from a client that has none.
func TestOKXPublic(t *testing.T) {
	rt := &canned{status: http.StatusOK, body: `{"code":"0","data":[]}`}
	c, err := exauth.New(venue.OKX(), nil, &exauth.Options{HTTPClient: &http.Client{Transport: rt}})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v5/public/instruments", "/api/v5/market/ticker", "/api/v5/system/status"} {
		if _, err := c.Do(t.Context(), exauth.Call{Path: path}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, req := range rt.got {
		if len(req.Header) != 0 {
			t.Errorf("%s: headers %v", req.URL.Path, req.Header)
		}
	}
}

// Demo trading is a header on every request, signed or not, and no caller sets it.
func TestOKXDemo(t *testing.T) {
	v := venue.OKXDemo()
	rt := &canned{status: http.StatusOK, body: `{"code":"0","data":[]}`}
	c := fakeClient(t, v, allScopes, rt)
	for _, path := range []string{"/api/v5/account/balance", "/api/v5/public/time"} {
		if _, err := c.Do(t.Context(), exauth.Call{Path: path}); err != nil {
			t.Fatal(err)
		}
	}
	for _, req := range rt.got {
		if got := req.Header.Get("x-simulated-trading"); got != "1" {
			t.Errorf("%s: x-simulated-trading %q", req.URL.Path, got)
		}
	}
	for _, v := range []*exauth.Venue{venue.OKX(), venue.OKXDemo()} {
		call := exauth.Call{Path: "/api/v5/account/balance", Header: http.Header{"X-Simulated-Trading": {"0"}}}
		if _, err := fakeClient(t, v, allScopes, rt).Do(t.Context(), call); err == nil {
			t.Errorf("%q: a caller switched the environment", v.Environment)
		}
	}
	if v.Environment != "demo" || v.BaseURL != venue.OKX().BaseURL {
		t.Errorf("environment %q at %s", v.Environment, v.BaseURL)
	}
}

// The stamp has three digits of milliseconds also when they are zeros.
func TestOKXStampKeepsZeros(t *testing.T) {
	v := venue.OKX()
	c, err := exauth.New(v, fakeKey(t, v), &exauth.Options{Now: func() time.Time { return time.Unix(1768480496, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	req, err := c.Sign(t.Context(), exauth.Call{Path: "/api/v5/account/balance"})
	if err != nil {
		t.Fatal(err)
	}
	if got := req.Header.Get("OK-ACCESS-TIMESTAMP"); got != "2026-01-15T12:34:56.000Z" {
		t.Errorf("stamp %q", got)
	}
}
