package venue_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// Answers as bybit-exchange.github.io/docs/v5 prints them (guide, error, order/create-batch).
func TestBybitAnswers(t *testing.T) {
	order := exauth.Call{Method: "POST", Path: "/v5/order/create", Params: exauth.Params{{Name: "category", Value: "linear"}}}
	cancel := exauth.Call{Method: "POST", Path: "/v5/order/cancel", Params: exauth.Params{{Name: "category", Value: "spot"}}}
	batch := exauth.Call{Method: "POST", Path: "/v5/order/create-batch", Params: exauth.Params{{Name: "category", Value: "option"}}}
	read := exauth.Call{Method: "GET", Path: "/v5/account/wallet-balance"}
	plain := func(code string) string {
		return `{"retCode":` + code + `,"retMsg":"what Bybit says","result":{},"retExtInfo":{},"time":1672211918471}`
	}
	items := func(list string) string {
		return `{"retCode":0,"retMsg":"OK","result":{"list":[]},"retExtInfo":{"list":[` + list + `]},"time":1672222936001}`
	}
	rejected, unknown := exauth.OutcomeRejected, exauth.OutcomeUnknown
	runAnswers(t, venue.Bybit(), []answerCase{
		{name: "result is the payload", call: order, body: `{"retCode":0,"retMsg":"OK","result":{"orderId":"1321003749386327552","orderLinkId":"spot-test-postonly"},"retExtInfo":{},"time":1672211918471}`,
			payload: `{"orderId":"1321003749386327552","orderLinkId":"spot-test-postonly"}`},
		{name: "no result", call: cancel, body: `{"retCode":0,"retMsg":"OK","result":null}`, payload: `{"retCode":0,"retMsg":"OK","result":null}`},
		{name: "a whole batch", call: batch, body: items(`{"code":0,"msg":"OK"},{"code":0,"msg":"OK"}`), payload: `{"list":[]}`},
		{name: "half a batch", call: batch, body: items(`{"code":0,"msg":"OK"},{"code":170131,"msg":"Insufficient balance."}`),
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "170131"},
		{name: "a whole batch refused", call: batch, body: items(`{"code":110007,"msg":"ab not enough"},{"code":110072,"msg":"OrderLinkedID is duplicate"}`),
			want: exauth.ErrInsufficientFunds, outcome: rejected, code: "110007"},
		{name: "clock", call: order, body: plain("10002"), want: exauth.ErrClock, outcome: rejected, code: "10002"},
		{name: "key", call: read, body: plain("10003"), want: exauth.ErrKey, outcome: rejected, code: "10003"},
		{name: "signature", call: order, body: plain("10004"), want: exauth.ErrSignature, outcome: rejected, code: "10004"},
		{name: "permission", call: order, body: plain("10005"), want: exauth.ErrPermission, outcome: rejected, code: "10005"},
		{name: "too many visits", call: read, body: plain("10006"), want: exauth.ErrRateLimited, outcome: rejected, code: "10006"},
		{name: "too many visits of the address", call: read, body: plain("10018"), want: exauth.ErrRateLimited, outcome: rejected, code: "10018"},
		{name: "user banned", call: order, body: plain("10008"), want: exauth.ErrAccountLocked, outcome: rejected, code: "10008"},
		{name: "address banned", call: read, body: plain("10009"), want: exauth.ErrBanned, outcome: rejected, code: "10009"},
		{name: "address not listed", call: read, body: plain("10010"), want: exauth.ErrIPNotAllowed, outcome: rejected, code: "10010"},
		{name: "not in demo trading", call: read, body: plain("10032"), want: exauth.ErrEnvironment, outcome: rejected, code: "10032"},
		{name: "key expired", call: read, body: plain("33004"), want: exauth.ErrKeyExpired, outcome: rejected, code: "33004"},
		{name: "derivatives funds", call: order, body: plain("110007"), want: exauth.ErrInsufficientFunds, outcome: rejected, code: "110007"},
		{name: "spot funds", call: order, body: plain("170131"), want: exauth.ErrInsufficientFunds, outcome: rejected, code: "170131"},
		{name: "derivatives order gone", call: cancel, body: plain("110001"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "110001"},
		{name: "spot order gone", call: cancel, body: plain("170213"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "170213"},
		{name: "derivatives duplicate", call: order, body: plain("110072"), want: exauth.ErrDuplicateOrder, outcome: rejected, code: "110072"},
		{name: "spot duplicate", call: order, body: plain("170141"), want: exauth.ErrDuplicateOrder, outcome: rejected, code: "170141"},
		{name: "server timeout", call: order, body: plain("10000"), want: exauth.ErrOutcomeUnknown, outcome: unknown, code: "10000"},
		{name: "backend timeout", call: order, body: plain("170007"), want: exauth.ErrOutcomeUnknown, outcome: unknown, code: "170007"},
		{name: "internal error of a write", call: order, body: plain("10016"), want: exauth.ErrOutcomeUnknown, outcome: unknown, code: "10016"},
		{name: "internal error of a read", call: read, body: plain("10016"), want: exauth.ErrUnavailable, outcome: rejected, code: "10016"},
		{name: "a code nobody listed", call: order, body: plain("110999"), want: exauth.ErrRejected, outcome: rejected, code: "110999"},
		{name: "old envelope", call: read, body: `{"ret_code":10005,"ret_msg":"permission denied","result":null}`, want: exauth.ErrPermission, outcome: rejected, code: "10005"},
		{name: "system protection", call: order, status: 429, body: `busy`, want: exauth.ErrRateLimited, outcome: rejected},
		{name: "address limit", call: read, status: 403, body: `403, access too frequent`, want: exauth.ErrBanned, outcome: rejected},
		{name: "country", call: read, status: 403, body: `<html>The Amazon CloudFront distribution is configured to block access from your country.</html>`,
			want: exauth.ErrPermission, outcome: rejected},
		{name: "a page after an order", call: order, body: `<html></html>`, want: exauth.ErrOutcomeUnknown, outcome: unknown},
		{name: "JSON of somebody else after an order", call: order, body: `{"ok":true}`, want: exauth.ErrOutcomeUnknown, outcome: unknown},
	})
}

// The address ban has a length: ten minutes by the rate-limit page.
func TestBybitBanLasts(t *testing.T) {
	_, err := venue.Bybit().Answer(&exauth.Response{Status: 403, Body: []byte("403, access too frequent")})
	var e *exauth.Error
	if !errors.As(err, &e) || e.RetryAfter != 10*time.Minute {
		t.Errorf("%v", err)
	}
}

func TestBybitTime(t *testing.T) {
	got := parseTime(t, venue.Bybit(), `{"retCode":0,"retMsg":"OK","result":{"timeSecond":"1688639403","timeNano":"1688639403423213947"},"retExtInfo":{},"time":1688639403423}`)
	if want := time.Unix(0, 1688639403423213947); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := venue.Bybit().Clock.Parse(&exauth.Response{Body: []byte(`{"retCode":10016,"result":{}}`)}); err == nil {
		t.Error("an error was read as a time")
	}
}

func TestBybitScopes(t *testing.T) {
	category := func(c string) exauth.Params { return exauth.Params{{Name: "category", Value: c}} }
	spot := exauth.ScopeTradeSpot | exauth.ScopeTradeMargin
	runScopes(t, "bybit", []scopeCase{
		{"GET", "/v5/order/realtime", nil, exauth.ScopeRead},
		{"GET", "/v5/asset/withdraw/query-record", nil, exauth.ScopeRead},
		{"POST", "/v5/order/pre-check", nil, exauth.ScopeRead},
		{"POST", "/v5/order/create", category("spot"), spot},
		{"POST", "/v5/order/create", category("linear"), exauth.ScopeTradeDerivatives},
		{"POST", "/v5/order/create-batch", category("option"), exauth.ScopeTradeDerivatives},
		{"POST", "/v5/order/cancel", category("inverse"), exauth.ScopeTradeDerivatives},
		{"POST", "/v5/order/create", nil, exauth.ScopeTrade},
		{"POST", "/v5/order/create", category("new"), exauth.ScopeTrade},
		{"POST", "/v5/position/trading-stop", category("linear"), exauth.ScopeTradeDerivatives},
		{"POST", "/v5/account/borrow", nil, exauth.ScopeTradeMargin},
		{"POST", "/v5/asset/exchange/convert-execute", nil, exauth.ScopeTradeSpot},
		{"POST", "/v5/asset/transfer/universal-transfer", nil, exauth.ScopeTransfer},
		{"POST", "/v5/asset/withdraw/create", nil, exauth.ScopeWithdraw},
		{"POST", "/v5/user/create-sub-api", nil, exauth.ScopeAccount},
		{"GET", "/v5/user/del-submember", nil, exauth.ScopeAccount}, // the one GET that writes
		{"POST", "/v5/some/new/route", nil, exauth.ScopeTrade},
		{"POST", "/contract/v3/private/order/create", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/option/usdc/openapi/private/v1/place-order", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/spot/v3/private/order", nil, exauth.ScopeTradeSpot},
		{"POST", "/asset/v3/private/withdraw/create", nil, exauth.ScopeWithdraw},
	})
}

// A body that names two categories is nobody's product in particular.
func TestBybitTwoCategories(t *testing.T) {
	rt := &canned{status: http.StatusOK, body: `{}`}
	c := fakeClient(t, venue.Bybit(), exauth.ScopeRead|exauth.ScopeTradeSpot|exauth.ScopeTradeMargin, rt)
	body := []byte(`{"category":"spot","category":"linear","symbol":"BTCUSDT"}`)
	_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/v5/order/create", Params: json.RawMessage(body)})
	if !errors.Is(err, exauth.ErrParam) || len(rt.got) != 0 { // refused before its scope is asked
		t.Errorf("%v, %d requests", err, len(rt.got))
	}
}

// The withdrawal of v5 has a timestamp parameter of its own; the v3 APIs that sign
// parameters do not take one from the caller.
func TestBybitTimestampParameter(t *testing.T) {
	rt := &canned{status: http.StatusOK, body: `{"retCode":0,"result":{"id":"1"}}`}
	c := fakeClient(t, venue.Bybit(), allScopes, rt)
	stamp := exauth.Params{{Name: "timestamp", Value: 1672196561407}}
	if _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/v5/asset/withdraw/create", Params: stamp}); err != nil {
		t.Error(err)
	}
	_, err := c.Do(t.Context(), exauth.Call{Method: "GET", Path: "/spot/v3/private/order", Params: stamp})
	if !errors.Is(err, exauth.ErrParam) || len(rt.got) != 1 {
		t.Errorf("%v, %d requests", err, len(rt.got))
	}
}

func TestBybitEnvironments(t *testing.T) {
	for name, want := range map[string]string{
		"bybit": "https://api.bybit.com", "bybit:testnet": "https://api-testnet.bybit.com", "bybit:demo": "https://api-demo.bybit.com",
	} {
		v, ok := venue.ByName(name)
		if !ok || v.BaseURL != want || v.Name != "bybit" {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// Resigner under an SDK whose requests carry Bybit's headers signs them again.
func TestBybitResigner(t *testing.T) {
	rt := &canned{status: http.StatusOK, body: `{"retCode":0,"result":{}}`}
	c := fakeClient(t, venue.Bybit(), allScopes, rt)
	req, err := http.NewRequestWithContext(t.Context(), "GET", "https://api.bybit.com/v5/order/realtime?category=linear", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []string{"X-BAPI-API-KEY", "X-BAPI-SIGN", "X-BAPI-TIMESTAMP", "X-BAPI-RECV-WINDOW"} {
		req.Header.Set(h, "theirs")
	}
	resp, err := c.Resigner().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	want, err := c.Sign(t.Context(), exauth.Call{Path: "/v5/order/realtime", Params: exauth.Params{{Name: "category", Value: "linear"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := rt.got[0].Header.Get("X-BAPI-SIGN"); got == "" || got != want.Header.Get("X-BAPI-SIGN") {
		t.Errorf("signature %q", got)
	}
}
