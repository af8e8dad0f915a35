package venue_test

import (
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func TestBtcTurkAnswers(t *testing.T) {
	read := exauth.Call{Method: "GET", Path: "/api/v1/users/balances"}
	order := exauth.Call{Method: "POST", Path: "/api/v1/order", Params: exauth.Params{
		{Name: "quantity", Value: "0.001"}, {Name: "pairSymbol", Value: "BTCTRY"}, {Name: "newOrderClientId", Value: "bot-42"}}}
	runAnswers(t, venue.BtcTurk(), []answerCase{
		{name: "data", call: read, body: `{"data":[{"asset":"TRY"}],"success":true,"message":null,"code":0}`, payload: `[{"asset":"TRY"}]`},
		{name: "code as a word", call: read, body: `{"data":[],"success":true,"message":"SUCCESS","code":"SUCCESS"}`, payload: `[]`},
		{name: "no envelope", call: exauth.Call{Path: "/v1/klines/history"}, body: `{"s":"ok","t":[1]}`, payload: `{"s":"ok","t":[1]}`},
		{name: "a bare list", call: exauth.Call{Path: "/v1/ohlcs"}, body: `[{"pair":"BTCTRY"}]`, payload: `[{"pair":"BTCTRY"}]`},
		{name: "funds", call: order, status: 400, body: `{"data":null,"success":false,"message":"BALANCE_NOT_ENOUGH","code":1013}`,
			want: exauth.ErrInsufficientFunds, outcome: exauth.OutcomeRejected, code: "1013"},
		{name: "funds bound in open orders", call: order, status: 200, body: `{"data":null,"success":false,"message":"FAILED_ORDER_WITH_OPEN_ORDERS","code":1014}`,
			want: exauth.ErrInsufficientFunds, outcome: exauth.OutcomeRejected, code: "1014"},
		{name: "error inside a 200 without a number", call: order, body: `{"data":null,"success":false,"message":"FAILED_MARKET_ORDER","code":0}`,
			want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "FAILED_MARKET_ORDER"},
		{name: "clock", call: order, status: 401, body: `{"success":false,"message":"Unauthorized - Invalid Nonce","code":401}`,
			want: exauth.ErrClock, outcome: exauth.OutcomeRejected, code: "401"},
		{name: "signature", call: order, status: 401, body: `{"success":false,"message":"Unauthorized - Invalid Signature","code":401}`,
			want: exauth.ErrSignature, outcome: exauth.OutcomeRejected, code: "401"},
		{name: "key", call: order, status: 401, body: `{"success":false,"message":"Unauthorized","code":401}`,
			want: exauth.ErrKey, outcome: exauth.OutcomeRejected, code: "401"},
		{name: "limit", call: read, status: 429, body: `{"success":false,"message":"Too Many Requests","code":429}`,
			want: exauth.ErrRateLimited, outcome: exauth.OutcomeRejected, code: "429"},
		{name: "a name nobody listed", call: order, status: 400, body: `{"success":false,"message":"ORDER_MIN_PRICE_EXCEEDED","code":1021}`,
			want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "1021"},
		{name: "maintenance while an order was sent", call: order, status: 503, body: `<html></html>`,
			want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
		{name: "server error in JSON", call: order, status: 500, body: `{"success":false,"message":"oops","code":500}`,
			want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "500"},
	})
}

func TestBtcTurkTime(t *testing.T) {
	got := parseTime(t, venue.BtcTurk(), `{"serverTime":1614671411000,"serverTime2":"2021-03-02T07:50:11.000Z"}`)
	if got.UnixMilli() != 1614671411000 {
		t.Errorf("got %v", got)
	}
}

func TestBtcTurkScopes(t *testing.T) {
	runScopes(t, "btcturk", []scopeCase{
		{"GET", "/api/v2/server/exchangeinfo", nil, exauth.ScopeRead},
		{"GET", "/api/v1/users/balances", nil, exauth.ScopeRead},
		{"POST", "/api/v1/users/transactions/crypto", nil, exauth.ScopeRead},
		{"GET", "/api/v1/order/{id}", exauth.Params{{Name: "id", Value: 42}}, exauth.ScopeRead},
		{"GET", "https://graph-api.btcturk.com/v1/ohlcs", nil, exauth.ScopeRead},
		{"POST", "/api/v1/order", nil, exauth.ScopeTradeSpot},
		{"DELETE", "/api/v1/order", nil, exauth.ScopeTradeSpot},
		{"POST", "/api/v1/cancelOrder", nil, exauth.ScopeTradeSpot},
		{"POST", "/api/v1/something", nil, exauth.ScopeTrade},
	})
}

// The chart API lives on a host of its own and takes no key.
func TestBtcTurkChartHost(t *testing.T) {
	rt := &canned{status: 200, body: `[]`}
	if _, err := fakeClient(t, venue.BtcTurk(), 0, rt).Do(t.Context(), exauth.Call{Path: "/v1/ohlcs"}); err != nil {
		t.Fatal(err)
	}
	req := rt.got[0]
	if req.URL.Host != "graph-api.btcturk.com" || req.Header.Get("X-PCK") != "" {
		t.Errorf("went to %s with key %q", req.URL.Host, req.Header.Get("X-PCK"))
	}
}
