package venue_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// Answers as exchange-docs.crypto.com/exchange/v1 prints them.
func TestCryptoComAnswers(t *testing.T) {
	post := func(method string) exauth.Call {
		return exauth.Call{Method: "POST", Path: "/exchange/v1/private/" + method}
	}
	order, cancel, list, read := post("create-order"), post("cancel-order"), post("create-order-list"), post("user-balance")
	withdraw := post("create-withdrawal")
	plain := func(code string) string {
		return `{"id":1,"method":"private/x","code":` + code + `,"message":"WHAT_IT_SAYS"}`
	}
	rejected, unknown := exauth.OutcomeRejected, exauth.OutcomeUnknown
	runAnswers(t, venue.CryptoCom(), []answerCase{
		{name: "result is the payload", call: order, body: `{"id":1,"method":"private/create-order","code":0,"result":{"client_oid":"c5f682ed","order_id":"18342311"}}`,
			payload: `{"client_oid":"c5f682ed","order_id":"18342311"}`},
		{name: "no result", call: cancel, body: `{"id":11,"method":"private/cancel-order","code":0}`, payload: `{"id":11,"method":"private/cancel-order","code":0}`},
		{name: "a whole list", call: list, body: `{"code":0,"result":[{"code":0,"index":0},{"code":0,"index":1}]}`, payload: `[{"code":0,"index":0},{"code":0,"index":1}]`},
		{name: "half a list", call: list, body: `{"code":0,"result":[{"code":0,"index":0,"order_id":"1"},{"code":306,"index":1,"message":"INSUFFICIENT_AVAILABLE_BALANCE"}]}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "306"},
		{name: "half a list of v2", call: exauth.Call{Method: "POST", Path: "/v2/private/create-order-list"},
			body: `{"code":0,"result":{"result_list":[{"index":0,"code":0,"order_id":"1"},{"index":1,"code":20002,"message":"NEGATIVE_BALANCE"}]}}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "20002"},
		{name: "a whole list refused", call: list, body: `{"code":0,"result":[{"code":204,"index":0,"message":"DUPLICATE_CLORDID"}]}`,
			want: exauth.ErrDuplicateOrder, outcome: rejected, code: "204"},
		{name: "nonce too old", call: order, status: 400, body: plain("40102"), want: exauth.ErrClock, outcome: rejected, code: "40102"},
		{name: "nonce too old, v2", call: order, status: 400, body: plain("10007"), want: exauth.ErrClock, outcome: rejected, code: "10007"},
		{name: "key or signature", call: read, status: 401, body: plain("40101"), want: exauth.ErrKey, outcome: rejected, code: "40101"},
		{name: "address not listed", call: read, status: 401, body: plain("40103"), want: exauth.ErrIPNotAllowed, outcome: rejected, code: "40103"},
		{name: "tier", call: order, status: 400, body: plain("40104"), want: exauth.ErrPermission, outcome: rejected, code: "40104"},
		{name: "rate limit", call: read, status: 429, body: plain("42901"), want: exauth.ErrRateLimited, outcome: rejected, code: "42901"},
		{name: "suspended", call: order, status: 500, body: plain("202"), want: exauth.ErrAccountLocked, outcome: rejected, code: "202"},
		{name: "funds", call: order, status: 400, body: plain("306"), want: exauth.ErrInsufficientFunds, outcome: rejected, code: "306"},
		{name: "order not found", call: cancel, status: 400, body: plain("40401"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "40401"},
		{name: "something else not found", call: withdraw, status: 400, body: plain("40401"), want: exauth.ErrRejected, outcome: rejected, code: "40401"},
		{name: "bad order id", call: cancel, status: 400, body: plain("212"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "212"},
		{name: "request timeout", call: order, status: 408, body: plain("40801"), want: exauth.ErrOutcomeUnknown, outcome: unknown, code: "40801"},
		{name: "internal error of a write", call: order, status: 500, body: plain("50001"), want: exauth.ErrOutcomeUnknown, outcome: unknown, code: "50001"},
		{name: "internal error of a read", call: read, status: 500, body: plain("50001"), want: exauth.ErrUnavailable, outcome: rejected, code: "50001"},
		{name: "maintenance", call: read, status: 200, body: plain("9010001"), want: exauth.ErrUnavailable, outcome: rejected, code: "9010001"},
		{name: "a code nobody listed", call: order, status: 400, body: plain("314"), want: exauth.ErrRejected, outcome: rejected, code: "314"},
		{name: "a refusal with 500", call: order, status: 500, body: plain("415"), want: exauth.ErrRejected, outcome: rejected, code: "415"},
		{name: "post-only that takes", call: order, status: 500, body: plain("43005"), want: exauth.ErrRejected, outcome: rejected, code: "43005"},
		{name: "a code nobody listed with 500", call: order, status: 500, body: plain("999"), want: exauth.ErrOutcomeUnknown, outcome: unknown, code: "999"},
		{name: "no order id", call: order, body: `{"code":0,"result":{}}`, want: exauth.ErrOutcomeUnknown, outcome: unknown},
		{name: "a page", call: read, status: 502, body: "<html>", want: exauth.ErrUnavailable, outcome: rejected},
	})
}

func TestCryptoComScopes(t *testing.T) {
	runScopes(t, "cryptocom", []scopeCase{
		{"POST", "/exchange/v1/private/user-balance", nil, exauth.ScopeRead},
		{"POST", "/exchange/v1/private/get-withdrawal-history", nil, exauth.ScopeRead},
		{"POST", "/v2/private/get-withdrawal-history", nil, exauth.ScopeRead},
		{"POST", "/exchange/v1/private/get-order-list", nil, exauth.ScopeRead},
		{"POST", "/exchange/v1/private/create-order", nil, exauth.ScopeTrade},
		{"POST", "/v2/private/create-order", nil, exauth.ScopeTradeSpot},
		{"POST", "/v1/private/create-order", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/v2/private/margin/create-order", nil, exauth.ScopeTradeMargin},
		{"POST", "/exchange/v1/private/cancel-all-orders", nil, exauth.ScopeTrade},
		{"POST", "/exchange/v1/private/bot/create-trading-bot", nil, exauth.ScopeTrade},
		{"POST", "/exchange/v1/private/change-account-leverage", nil, exauth.ScopeTradeMargin | exauth.ScopeTradeDerivatives},
		{"POST", "/exchange/v1/private/create-subaccount-transfer", nil, exauth.ScopeTransfer},
		{"POST", "/exchange/v1/private/staking/unstake", nil, exauth.ScopeTransfer},
		{"POST", "/exchange/v1/private/create-withdrawal", nil, exauth.ScopeWithdraw},
		{"POST", "/v2/private/create-withdrawal", nil, exauth.ScopeWithdraw},
		{"POST", "/exchange/v1/private/change-account-settings", nil, exauth.ScopeAccount},
		{"POST", "/exchange/v1/private/some-new-method", nil, exauth.ScopeTrade},
	})
}

// cryptocomSent signs one call and returns its envelope.
func cryptocomSent(t *testing.T, call exauth.Call) (body string, envelope map[string]json.RawMessage) {
	t.Helper()
	req, err := fakeClient(t, venue.CryptoCom(), allScopes, nil).Sign(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &envelope); err != nil {
		t.Fatal(err)
	}
	return string(b), envelope
}

// The signatures were computed under node:crypto with the JavaScript sample of the
// vendor's page (Digital Signature), which goes through lists and objects at every
// depth; ccxt's flattening leaves numbers out of lists and objects out of objects.
func TestCryptoComFlattens(t *testing.T) {
	for _, c := range []struct{ name, method, params, want string }{
		{"list of numbers", "set-cancel-on-disconnect", `{"ids":[1,2,3],"limit":"10"}`,
			"55c4878b51c7bd84e797cfd91c717b941348dda2a5164f85009c88f02a17fa73"},
		{"list of objects", "create-order-list", `{"contingency_type":"LIST","order_list":[{"instrument_name":"ONE_USDT","side":"BUY","type":"LIMIT","price":"0.24","quantity":"1000"},{"instrument_name":"ONE_USDT","side":"BUY","type":"STOP_LIMIT","exec_inst":["POST_ONLY"],"quantity":"1000"}]}`,
			"3b230cbb626e222660052b3706b6920150533391878f37bc9dd1115bd29ff7c2"},
		{"objects and lists at every depth", "create-order", `{"symbol":"BTCUSDT","orders":[{"side":"BUY","tp":{"trigger":"45000","flags":["a","b"]}}],"meta":{"z":1,"a":{"y":"2","b":[true,false],"c":[[1,[2]],{"q":{"r":{"s":"t"}}}]}},"emptyList":[],"nothing":null}`,
			"a89f1644d6d602869286e2f969b19828b39a6c7c378ba7b1e39480849f23b206"},
	} {
		t.Run(c.name, func(t *testing.T) {
			params, err := orderedJSON([]byte(c.params))
			if err != nil {
				t.Fatal(err)
			}
			_, envelope := cryptocomSent(t, exauth.Call{Method: "POST", Path: "/exchange/v1/private/" + c.method, Params: params})
			if got := string(envelope["sig"]); got != `"`+c.want+`"` {
				t.Errorf("sig %s, want %s", got, c.want)
			}
			if got := string(envelope["params"]); got != c.params {
				t.Errorf("params\n got %s\nwant %s", got, c.params)
			}
		})
	}
}

// A program that writes the envelope itself keeps its id and its parameters.
func TestCryptoComEnvelope(t *testing.T) {
	raw := json.RawMessage(`{"id":11,"method":"private/create-order-list","params":{"b":"2","a":"1"}}`)
	_, theirs := cryptocomSent(t, exauth.Call{Method: "POST", Path: "/exchange/v1/private/create-order-list", Params: raw})
	if string(theirs["id"]) != "11" || string(theirs["params"]) != `{"b":"2","a":"1"}` || string(theirs["nonce"]) != `"1768480496789"` {
		t.Errorf("envelope %s", theirs)
	}
	_, bare := cryptocomSent(t, exauth.Call{Method: "POST", Path: "/exchange/v1/private/user-balance",
		Params: json.RawMessage(`{"id":1,"method":"private/user-balance"}`)})
	if string(bare["params"]) != "{}" {
		t.Errorf("params %s", bare["params"])
	}
	// Another method's name is a parameter like any other.
	_, param := cryptocomSent(t, exauth.Call{Method: "POST", Path: "/exchange/v1/private/user-balance", Params: exauth.Params{{Name: "method", Value: "x"}}})
	if string(param["params"]) != `{"method":"x"}` {
		t.Errorf("params %s", param["params"])
	}
}

func TestCryptoComRefuses(t *testing.T) {
	for name, call := range map[string]exauth.Call{
		"a private GET":      {Method: "GET", Path: "/exchange/v1/private/user-balance"},
		"the key by hand":    {Method: "POST", Path: "/exchange/v1/private/user-balance", Params: exauth.Params{{Name: "api_key", Value: "x"}}},
		"a nonce by hand":    {Method: "POST", Path: "/exchange/v1/private/user-balance", Params: exauth.Params{{Name: "nonce", Value: "1"}}},
		"an envelope's own":  {Method: "POST", Path: "/exchange/v1/private/user-balance", Params: json.RawMessage(`{"id":1,"nonce":1,"sig":"x"}`)},
		"a signature of own": {Method: "POST", Path: "/exchange/v1/private/user-balance", Params: exauth.Params{{Name: "sig", Value: "x"}}},
	} {
		if _, err := fakeClient(t, venue.CryptoCom(), allScopes, nil).Sign(t.Context(), call); !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCryptoComHosts(t *testing.T) {
	rt := &canned{status: http.StatusOK, body: `{"code":0,"result":{}}`}
	for path, want := range map[string]string{
		"/exchange/v1/public/get-tickers":                         "api.crypto.com",
		"/v2/public/get-ticker":                                   "api.crypto.com",
		"/v1/public/get-announcements":                            "api.crypto.com",
		"/v1/public/get-tickers":                                  "deriv-api.crypto.com",
		"https://deriv-api.crypto.com/v1/public/get-tickers":      "deriv-api.crypto.com",
		"https://api.crypto.com/exchange/v1/public/get-risk-para": "api.crypto.com",
	} {
		rt.got = nil
		if _, err := fakeClient(t, venue.CryptoCom(), allScopes, rt).Do(t.Context(), exauth.Call{Path: path}); err != nil {
			t.Fatal(err)
		}
		if got := rt.got[0].URL.Host; got != want {
			t.Errorf("%s went to %s, want %s", path, got, want)
		}
	}
	if v, ok := venue.ByName("cryptocom:sandbox"); !ok || v.BaseURL != "https://uat-api.3ona.co" || len(v.Hosts) != 0 || v.Environment != "sandbox" {
		t.Errorf("sandbox %+v", v)
	}
}
