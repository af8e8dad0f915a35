package venue_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func indodaxCall(method string, more ...exauth.Param) exauth.Call {
	return exauth.Call{Method: "POST", Path: "/tapi", Params: append(exauth.Params{{Name: "method", Value: method}}, more...)}
}

// The worked example of Private-RestAPI.md, "SIGNED Endpoint Examples for POST
// getInfo"; its recvWindow is as absurd there, and it can be checked with openssl.
func TestIndodaxDocumentedExample(t *testing.T) {
	key := exauth.NewSecretKey("AEDHIGAT-QATEGWOX-OPCSCPQX-2E00B1L7-VJBXXKMA",
		"f60617a68fcce028f0a90bc9eb765d17379eb548cc935c01a7ee3186eecf870e9b68f27a31bcfe8d")
	c, err := exauth.New(venue.Indodax(), key, &exauth.Options{
		Now: func() time.Time { return time.UnixMilli(1578304294000) }, RecvWindow: 1578303937000 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	req, err := c.Sign(t.Context(), indodaxCall("getInfo"))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(req.Body)
	if want := "method=getInfo&timestamp=1578304294000&recvWindow=1578303937000"; string(body) != want {
		t.Errorf("body %s, want %s", body, want)
	}
	want := "bab004e5a518740d7a33b38b44dbebecd3fb39f40b42391af39fcce06edabff5233b3e8064a07c528d1c751a6923d5116026c7786e01b22e2d35277a098cae99"
	if got := req.Header.Get("Sign"); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestIndodaxAnswers(t *testing.T) {
	info, trade := indodaxCall("getInfo"), indodaxCall("trade", exauth.Param{Name: "pair", Value: "btc_idr"})
	fails := func(text, code string) string {
		return `{"success":0,"error":"` + text + `","error_code":"` + code + `"}`
	}
	runAnswers(t, venue.Indodax(), []answerCase{
		{name: "return", call: info, body: `{"success":1,"return":{"balance":{"idr":0}}}`, payload: `{"balance":{"idr":0}}`},
		{name: "no return", call: indodaxCall("checkDownline"), body: `{"success":"1","is_downline":"0"}`, payload: `{"success":"1","is_downline":"0"}`},
		{name: "public list", call: exauth.Call{Path: "/api/pairs"}, body: `[{"id":"btcidr"}]`, payload: `[{"id":"btcidr"}]`},
		{name: "unknown key", call: trade, body: fails("Invalid credentials. API not found or session has expired.", "invalid_credentials"),
			want: exauth.ErrKey, outcome: exauth.OutcomeRejected, code: "invalid_credentials"},
		{name: "bad signature under the same code", call: trade, body: fails("Invalid credentials. Bad sign.", "invalid_credentials"),
			want: exauth.ErrSignature, outcome: exauth.OutcomeRejected, code: "invalid_credentials"},
		{name: "clock", call: trade, body: fails("Invalid timestamp", "invalid_timestamp"),
			want: exauth.ErrClock, outcome: exauth.OutcomeRejected, code: "invalid_timestamp"},
		{name: "nonce", call: trade, body: `{"success":0,"error":"Invalid nonce. Nonce must be greater than 1234. You sent 1."}`,
			want: exauth.ErrNonce, outcome: exauth.OutcomeRejected, code: "error"},
		{name: "funds, without a code", call: trade, body: `{"success":0,"error":"Insufficient balance."}`,
			want: exauth.ErrInsufficientFunds, outcome: exauth.OutcomeRejected, code: "insufficient_balance"},
		{name: "unknown order", call: indodaxCall("cancelOrder"), body: `{"success":0,"error":"invalid order."}`,
			want: exauth.ErrUnknownOrder, outcome: exauth.OutcomeRejected, code: "invalid_order"},
		{name: "permission", call: trade, body: `{"success":0,"error":"No permission"}`,
			want: exauth.ErrPermission, outcome: exauth.OutcomeRejected, code: "no_permission"},
		{name: "a sentence nobody listed", call: trade, body: `{"success":0,"error":"Minimum order 10000"}`,
			want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "minimum_order_10000"},
		{name: "limit of trades per pair", call: trade, status: 429, body: `{"message":"Your User ID sent too many trade request for pair BTCIDR, please try again in 5 seconds"}`,
			want: exauth.ErrRateLimited, outcome: exauth.OutcomeRejected},
		{name: "public error", call: exauth.Call{Path: "/api/ticker/xxx"}, body: `{"error":"invalid_pair","error_description":"Invalid Pair"}`,
			want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "invalid_pair"},
		{name: "HTML in place of an order's answer", call: trade, body: `<html></html>`,
			want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
	})
}

func TestIndodaxTime(t *testing.T) {
	if got := parseTime(t, venue.Indodax(), `{"timezone":"UTC","server_time":1571205969552}`); got.UnixMilli() != 1571205969552 {
		t.Errorf("got %v", got)
	}
}

func TestIndodaxScopes(t *testing.T) {
	action := func(m string) exauth.Params { return exauth.Params{{Name: "method", Value: m}} }
	runScopes(t, "indodax", []scopeCase{
		{"GET", "/api/summaries", nil, exauth.ScopeRead},
		{"POST", "/tapi", action("getInfo"), exauth.ScopeRead},
		{"POST", "/tapi", action("transHistory"), exauth.ScopeRead},
		{"POST", "/tapi", action("withdrawFee"), exauth.ScopeRead},
		{"POST", "/tapi", action("trade"), exauth.ScopeTradeSpot},
		{"POST", "/tapi", action("cancelOrder"), exauth.ScopeTradeSpot},
		{"POST", "/tapi", action("withdrawCoin"), exauth.ScopeWithdraw},
		{"POST", "/tapi", action("createVoucher"), exauth.ScopeWithdraw},
		{"POST", "/tapi", action("somethingNew"), allScopes &^ exauth.ScopeRead},
		{"POST", "/tapi", nil, allScopes &^ exauth.ScopeRead},
	})
}

// The action cannot be smuggled in beside the one that the scope was decided by.
func TestIndodaxOneAction(t *testing.T) {
	for _, body := range []string{
		"method=getInfo&method=trade", "method=trade&method=getInfo", "method=getInfo&m%65thod=trade",
		"method=getInfo&%20method=trade", "method=getInfo&+method=trade", "method=getInfo&method[]=trade", "pair=btc_idr", "method=",
	} {
		for _, scope := range []exauth.Scope{exauth.ScopeRead, allScopes} {
			rt := &canned{status: 200, body: `{"success":1,"return":{}}`}
			c := fakeClient(t, venue.Indodax(), scope, rt)
			req := mustRequest(t, "POST", "https://indodax.com/tapi", body)
			_, err := c.Transport().RoundTrip(req)
			if !errors.Is(err, exauth.ErrScope) && !errors.Is(err, exauth.ErrParam) || len(rt.got) > 0 {
				t.Errorf("%s with scope %v: %v, %d requests", body, scope, err, len(rt.got))
			}
			if err != nil && strings.Contains(err.Error(), "trade") && scope == allScopes {
				t.Errorf("error shows a value: %v", err)
			}
		}
	}
	c := fakeClient(t, venue.Indodax(), allScopes, &canned{status: 200, body: "{}"})
	call := indodaxCall("getInfo")
	call.Query = exauth.Params{{Name: "a", Value: "1"}}
	if _, err := c.Do(t.Context(), call); !errors.Is(err, exauth.ErrParam) {
		t.Errorf("query beside the body: %v", err)
	}
}
