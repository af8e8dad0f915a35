package venue_test

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func TestDeribitAnswers(t *testing.T) {
	read := exauth.Call{Method: "GET", Path: "/api/v2/private/get_positions"}
	buy := exauth.Call{Method: "GET", Path: "/api/v2/private/buy", Params: exauth.Params{
		{Name: "instrument_name", Value: "BTC-PERPETUAL"}, {Name: "amount", Value: 10}, {Name: "label", Value: "bot-42"}}}
	fails := func(code, message string) string {
		return `{"jsonrpc":"2.0","error":{"code":` + code + `,"message":"` + message + `"},"testnet":false,"usIn":1,"usOut":2,"usDiff":1}`
	}
	runAnswers(t, venue.Deribit(), []answerCase{
		{name: "result", call: read, body: `{"jsonrpc":"2.0","id":7,"result":[{"size":1}],"usDiff":12}`, payload: `[{"size":1}]`},
		{name: "result is a scalar", call: buy, body: `{"jsonrpc":"2.0","result":"ok"}`, payload: `"ok"`},
		{name: "error inside a 200", call: buy, body: fails("10009", "not_enough_funds"),
			want: exauth.ErrInsufficientFunds, outcome: exauth.OutcomeRejected, code: "10009"},
		{name: "bad signature", call: buy, status: 401, body: fails("13009", "unauthorized"),
			want: exauth.ErrSignature, outcome: exauth.OutcomeRejected, code: "13009"},
		{name: "unknown key", call: buy, status: 400, body: fails("13004", "invalid_credentials"),
			want: exauth.ErrKey, outcome: exauth.OutcomeRejected, code: "13004"},
		{name: "key without the scope", call: buy, status: 403, body: fails("13021", "forbidden"),
			want: exauth.ErrPermission, outcome: exauth.OutcomeRejected, code: "13021"},
		{name: "too many requests", call: buy, status: 429, body: fails("10028", "too_many_requests"),
			want: exauth.ErrRateLimited, outcome: exauth.OutcomeRejected, code: "10028"},
		{name: "queue of the matching engine is full", call: buy, status: 400, body: fails("10047", "matching_engine_queue_full"),
			want: exauth.ErrUnavailable, outcome: exauth.OutcomeRejected, code: "10047"},
		{name: "timed out inside", call: buy, status: 400, body: fails("13888", "timed_out"),
			want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "13888"},
		{name: "unknown order", call: buy, status: 400, body: fails("10004", "order_not_found"),
			want: exauth.ErrUnknownOrder, outcome: exauth.OutcomeRejected, code: "10004"},
		{name: "limit on open orders is no permission", call: buy, status: 400, body: fails("10013", "pme_max_total_open_orders"),
			want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "10013"},
		{name: "a code nobody listed", call: buy, status: 400, body: fails("-32602", "Invalid params"),
			want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "-32602"},
		{name: "HTML in place of an order's answer", call: buy, body: "<html><title>x</title></html>",
			want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
		{name: "gateway error", call: read, status: 502, body: "<html></html>",
			want: exauth.ErrUnavailable, outcome: exauth.OutcomeRejected},
	})
}

// The venue explains refusals in data.reason; it belongs into the error.
func TestDeribitReason(t *testing.T) {
	_, err := venue.Deribit().Answer(&exauth.Response{Status: 400, Body: []byte(
		`{"error":{"message":"Invalid params","data":{"reason":"value required","param":"currency"},"code":-32602}}`)})
	e, ok := err.(*exauth.Error)
	if want := "Invalid params: currency value required"; !ok || e.Message != want {
		t.Errorf("got %v, want message %q", err, want)
	}
}

func TestDeribitTime(t *testing.T) {
	got := parseTime(t, venue.Deribit(), `{"jsonrpc":"2.0","result":1550147385946,"usIn":1,"usOut":2,"usDiff":1,"testnet":false}`)
	if got.UnixMilli() != 1550147385946 {
		t.Errorf("got %v", got)
	}
}

// GETs write at this venue: none of these may pass for a read, and a POST is what
// its body names, as far as its path agrees.
func TestDeribitScopes(t *testing.T) {
	rpc := func(method string) exauth.Params {
		return exauth.Params{{Name: "jsonrpc", Value: "2.0"}, {Name: "id", Value: 1}, {Name: "method", Value: method},
			{Name: "params", Value: exauth.Params{{Name: "currency", Value: "BTC"}}}}
	}
	runScopes(t, "deribit", []scopeCase{
		{"GET", "/api/v2/public/get_time", nil, exauth.ScopeRead},
		{"GET", "/api/v2/private/get_withdrawals", nil, exauth.ScopeRead},
		{"GET", "/api/v2/private/get_transfers", nil, exauth.ScopeRead},
		{"GET", "/api/v2/private/buy", nil, exauth.ScopeTrade},
		{"GET", "/api/v2/private/sell", nil, exauth.ScopeTrade},
		{"GET", "/api/v2/private/cancel_all", nil, exauth.ScopeTrade},
		{"GET", "/api/v2/private/withdraw", nil, exauth.ScopeWithdraw},
		{"GET", "/api/v2/private/submit_transfer_to_subaccount", nil, exauth.ScopeTransfer},
		{"GET", "/api/v2/private/submit_transfer_to_user", nil, exauth.ScopeWithdraw},
		{"GET", "/api/v2/private/create_api_key", nil, exauth.ScopeAccount},
		{"GET", "/api/v2/private/something_new", nil, exauth.ScopeTrade},
		{"POST", "/api/v2/private/get_positions", rpc("private/get_positions"), exauth.ScopeRead},
		{"POST", "/api/v2/private/buy", rpc("private/buy"), exauth.ScopeTrade},
		{"POST", "/api/v2/private/get_positions", rpc("private/withdraw"), allScopes &^ exauth.ScopeRead},
		{"POST", "/api/v2/private/get_positions", nil, allScopes &^ exauth.ScopeRead},
		{"POST", "/api/v2/public/get_time", rpc("private/withdraw"), allScopes &^ exauth.ScopeRead},
		{"POST", "/api/v2", rpc("private/get_positions"), allScopes &^ exauth.ScopeRead},
	})
}

// A body that names two methods matches no read, whichever comes first.
func TestDeribitTwoMethods(t *testing.T) {
	for _, body := range []string{
		`{"method":"private/get_positions","method":"private/withdraw"}`,
		`{"method":"private/withdraw","method":"private/get_positions"}`,
	} {
		rt := &canned{status: 200, body: `{"result":1}`}
		c := fakeClient(t, venue.Deribit(), exauth.ScopeRead, rt)
		if _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/api/v2/private/get_positions", Params: json.RawMessage(body)}); err == nil || len(rt.got) > 0 {
			t.Errorf("%s: %v, %d requests", body, err, len(rt.got))
		}
	}
}

func TestDeribitTestnet(t *testing.T) {
	v, ok := venue.ByName("deribit:testnet")
	if !ok || v.Environment != "testnet" || v.BaseURL != "https://test.deribit.com" {
		t.Errorf("got %v %+v", ok, v)
	}
}

// Deribit's published example of client_signature (docs.deribit.com, public/auth):
// time, nonce and no data, one per line. REST adds method, path and body; what the
// venue makes of the secret is the same.
func TestDeribitDocumentedSignature(t *testing.T) {
	signer, err := venue.Deribit().Signer([]byte("AMANDASECRECT"))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := signer.Sign(t.Context(), nil, []byte("1576074319000\n1iqt2wls\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := "56590594f97921b09b18f166befe0d1319b198bbcdad7ca73382de2f88fe9aa1"
	if got := hex.EncodeToString(sig); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
