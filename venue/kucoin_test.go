package venue_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func TestKuCoinAnswers(t *testing.T) {
	read := exauth.Call{Method: "GET", Path: "/api/v1/accounts"}
	order := exauth.Call{Method: "POST", Path: "/api/v1/hf/orders", Params: exauth.Params{{Name: "clientOid", Value: "c1"}}}
	many := exauth.Call{Method: "POST", Path: "/api/v1/hf/orders/multi", Params: exauth.Params{{Name: "orderList", Value: []any{}}}}
	cancel := exauth.Call{Method: "DELETE", Path: "/api/v1/hf/orders/cancelAll"}
	fails := func(code, msg string) string { return `{"code":"` + code + `","msg":"` + msg + `"}` }
	rejected := exauth.OutcomeRejected
	runAnswers(t, venue.KuCoin(), []answerCase{
		{name: "data", call: read, body: `{"code":"200000","data":[{"id":"5bd6e9286d99522a52e458de"}]}`, payload: `[{"id":"5bd6e9286d99522a52e458de"}]`},
		{name: "null data", call: read, body: `{"code":"200000","data":null}`, payload: `null`},
		{name: "web API", call: exauth.Call{Path: "/_api/currency/currency/chain-info"}, body: `{"success":true,"code":"200","msg":"success","data":[]}`, payload: `[]`},
		{name: "clock", call: read, status: 400, body: fails("400002", "Invalid KC-API-TIMESTAMP"), want: exauth.ErrClock, outcome: rejected, code: "400002"},
		{name: "key", call: read, status: 401, body: fails("400003", "KC-API-KEY not exists"), want: exauth.ErrKey, outcome: rejected, code: "400003"},
		{name: "passphrase", call: read, status: 401, body: fails("400004", "Invalid KC-API-PASSPHRASE"), want: exauth.ErrPassphrase, outcome: rejected, code: "400004"},
		{name: "signature", call: read, status: 401, body: fails("400005", "Invalid KC-API-SIGN"), want: exauth.ErrSignature, outcome: rejected, code: "400005"},
		{name: "IP, which ccxt files under authentication", call: read, status: 400, body: fails("400006", "The IP address is not in the API whitelist"), want: exauth.ErrIPNotAllowed, outcome: rejected, code: "400006"},
		{name: "permission", call: order, status: 403, body: fails("400007", "Access denied, require more permission."), want: exauth.ErrPermission, outcome: rejected, code: "400007"},
		{name: "frozen", call: order, body: fails("411100", "User are frozen."), want: exauth.ErrAccountLocked, outcome: rejected, code: "411100"},
		{name: "limit", call: order, status: 429, body: fails("429000", "Too Many Requests"), want: exauth.ErrRateLimited, outcome: rejected, code: "429000"},
		{name: "no funds", call: order, body: fails("200004", "Balance insufficient!"), want: exauth.ErrInsufficientFunds, outcome: rejected, code: "200004"},
		{name: "no funds under the code of bad parameters", call: order, body: fails("400100", "account.available.amount"), want: exauth.ErrInsufficientFunds, outcome: rejected, code: "400100"},
		{name: "unknown order", call: cancel, body: fails("400100", "order_not_exist_or_not_allow_to_cancel"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "400100"},
		{name: "unknown order at futures", call: cancel, body: fails("100001", "error.getOrder.orderNotExist"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "100001"},
		{name: "the same code for something else", call: order, body: fails("100001", "Invalid parameter"), want: exauth.ErrRejected, outcome: rejected, code: "100001"},
		{name: "duplicate", call: order, body: fails("126044", "clientOid duplicate"), want: exauth.ErrDuplicateOrder, outcome: rejected, code: "126044"},
		{name: "internal error of an order", call: order, status: 500, body: fails("500000", "Internal Server Error"), want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "500000"},
		{name: "internal error of a read", call: read, status: 500, body: fails("500000", "Internal Server Error"), want: exauth.ErrUnavailable, outcome: rejected, code: "500000"},
		{name: "success that says it is none", call: order, body: fails("200000", "Unsuccessful! Exceeded the max. funds out-transfer limit"), want: exauth.ErrRejected, outcome: rejected, code: "200000"},
		{name: "a code nobody listed", call: order, body: fails("999999", "?"), want: exauth.ErrRejected, outcome: rejected, code: "999999"},
		{name: "batch done", call: many, body: `{"code":"200000","data":[{"orderId":"1","success":true}]}`, payload: `[{"orderId":"1","success":true}]`},
		{name: "batch half done", call: many, body: `{"code":"200000","data":[{"orderId":"1","success":true},{"success":false,"failMsg":"Balance insufficient!"}]}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "item"},
		{name: "batch not done", call: many, body: `{"code":"200000","data":[{"success":false,"failMsg":"Balance insufficient!"}]}`,
			want: exauth.ErrInsufficientFunds, outcome: rejected, code: "item"},
		{name: "futures batch half done", call: many, body: `{"code":"200000","data":[{"orderId":"1","code":"200000"},{"code":"300003","msg":"No funds"}]}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "300003"},
		{name: "cancel all half done", call: cancel, body: `{"code":"200000","data":{"succeedSymbols":["BTC-USDT"],"failedSymbols":[{"symbol":"ETH-USDT","error":"busy"}]}}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "item"},
		{name: "firewall's page", call: order, body: "<html></html>", want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
	})
}

func TestKuCoinTime(t *testing.T) {
	if got := parseTime(t, venue.KuCoin(), `{"code":"200000","data":1729100692873}`); got.UnixMilli() != 1729100692873 {
		t.Errorf("got %v", got)
	}
}

func TestKuCoinScopes(t *testing.T) {
	placed := func(kind string) exauth.Params { return exauth.Params{{Name: "tradeType", Value: kind}} }
	runScopes(t, "kucoin", []scopeCase{
		{"GET", "/api/v1/hist-withdrawals", nil, exauth.ScopeRead},
		{"POST", "/api/v1/bullet-private", nil, exauth.ScopeRead},
		{"POST", "/api/v1/hf/orders/test", nil, exauth.ScopeRead},
		{"POST", "/api/v1/hf/orders", nil, exauth.ScopeTradeSpot},
		{"DELETE", "/api/v1/hf/orders/client-order/c1", nil, exauth.ScopeTradeSpot},
		{"POST", "/api/v3/hf/margin/order", nil, exauth.ScopeTradeMargin},
		{"POST", "/api/v1/st-orders", nil, exauth.ScopeTradeDerivatives},
		{"POST", "https://api-futures.kucoin.com/api/v1/orders", nil, exauth.ScopeTrade},
		{"POST", "https://api-futures.kucoin.com/api/v1/orders/multi", nil, exauth.ScopeTrade},
		{"POST", "/api/v1/stop-order", placed("MARGIN_TRADE"), exauth.ScopeTradeMargin},
		{"POST", "/api/v1/stop-order", placed("TRADE"), exauth.ScopeTradeSpot},
		{"POST", "/api/ua/v1/unified/order/place", placed("SPOT"), exauth.ScopeTradeSpot},
		{"POST", "/api/ua/v1/classic/order/place", placed("FUTURES"), exauth.ScopeTradeDerivatives},
		{"POST", "/api/ua/v1/unified/order/place", placed("?"), exauth.ScopeTrade},
		{"POST", "/api/v3/accounts/universal-transfer", nil, exauth.ScopeTransfer},
		{"POST", "/api/v1/earn/orders", nil, exauth.ScopeTransfer},
		{"POST", "/api/v3/withdrawals", nil, exauth.ScopeWithdraw},
		{"POST", "/api/v1/sub/api-key", nil, exauth.ScopeAccount},
		{"POST", "/api/v1/not-listed", nil, exauth.ScopeTrade},
	})
}

// Plain paths find the host that serves them.
func TestKuCoinHosts(t *testing.T) {
	for _, c := range []struct {
		venue *exauth.Venue
		path  string
		want  string
	}{
		{venue.KuCoin(), "/api/v1/orders", "api.kucoin.com"},
		{venue.KuCoin(), "/api/v1/account-overview", "api-futures.kucoin.com"},
		{venue.KuCoin(), "/api/v1/positions", "api-futures.kucoin.com"},
		{venue.KuCoin(), "/api/v1/margin/maxWithdrawMargin", "api-futures.kucoin.com"},
		{venue.KuCoin(), "/api/v1/margin/borrow", "api.kucoin.com"},
		{venue.KuCoin(), "/api/v1/broker/nd/account", "api-broker.kucoin.com"},
		{venue.KuCoin(), "/_api/currency/currency/chain-info", "kucoin.com"},
		{venue.KuCoinFutures(), "/api/v1/orders", "api-futures.kucoin.com"},
		{venue.KuCoinFutures(), "/api/v1/hf/orders", "api.kucoin.com"},
		{venue.KuCoinFutures(), "/api/v1/margin/maxWithdrawMargin", "api-futures.kucoin.com"},
	} {
		req, err := fakeClient(t, c.venue, allScopes, nil).Sign(t.Context(), exauth.Call{Path: c.path})
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
		} else if req.URL.Host != c.want {
			t.Errorf("%s %s goes to %s, want %s", c.venue.Name, c.path, req.URL.Host, c.want)
		}
	}
}

// The example of kucoin.com/docs-new/authentication: the URL is signed without its
// percent-encoding. The signatures come from openssl dgst -sha256 -hmac.
func TestKuCoinSignsDecoded(t *testing.T) {
	key := exauth.NewSecretKey("5c2db93503aa674c74a31734", "f03a5284-5c39-4aaa-9b20-dea10bdcf8e3").WithPassphrase("QWIxMjM0NTY3OCkoKiZeJSQjQA==")
	client, err := exauth.New(venue.KuCoin(), key.WithField("version", "3"), &exauth.Options{Scope: allScopes,
		Now: func() time.Time { return time.UnixMilli(1547015186532) }})
	if err != nil {
		t.Fatal(err)
	}
	req, err := client.Sign(t.Context(), exauth.Call{Method: "DELETE", Path: "/api/v1/sub/api-key", Params: exauth.Params{
		{Name: "apiKey", Value: "67b3"}, {Name: "subName", Value: "test"}, {Name: "passphrase", Value: "abc!@#11"}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "apiKey=67b3&subName=test&passphrase=abc%21%40%2311"; req.URL.RawQuery != want {
		t.Errorf("query %s, want %s", req.URL.RawQuery, want)
	}
	for name, want := range map[string]string{
		"KC-API-SIGN":        "q23c/i2gyJTvxfMqyggt50eJ/WqglLvTjqA4/ZuanN8=",
		"KC-API-PASSPHRASE":  "HFkKIy8cKfQF3Ognmbamq9Bd8VfYy3eUQj7uC8NvMes=",
		"KC-API-KEY-VERSION": "3",
	} {
		if got := req.Header.Get(name); got != want {
			t.Errorf("%s %s, want %s", name, got, want)
		}
	}
}

// A broker's own signature, from the vector that a Key alone cannot make.
func TestKuCoinPartner(t *testing.T) {
	v, err := venue.KuCoinPartner("fakepartner", []byte("9e58cc35-5b5e-4133-92ec-166e3f077cb8"))
	if err != nil {
		t.Fatal(err)
	}
	f := loadVectors(t, "testdata/kucoin.json")
	for _, c := range f.Cases {
		if c.Name != "broker-partner-headers" {
			continue
		}
		req, err := fakeClient(t, v, allScopes, nil).Sign(t.Context(), exauth.Call{Method: c.Method, Path: c.Base + c.Path})
		if err != nil {
			t.Fatal(err)
		}
		if err := compareHeaders(t, f, c, req); err != nil {
			t.Error(err)
		}
		return
	}
	t.Error("the vector is gone")
}

// One DELETE of KuCoin has a body.
func TestKuCoinBatchCancel(t *testing.T) {
	req, err := fakeClient(t, venue.KuCoin(), allScopes, nil).Sign(t.Context(), exauth.Call{Method: http.MethodDelete,
		Path: "/api/v1/orders/multi-cancel", Params: exauth.Params{{Name: "orderIdsList", Value: []string{"1", "2"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if req.URL.Host != "api-futures.kucoin.com" || req.URL.RawQuery != "" || req.ContentLength != int64(len(`{"orderIdsList":["1","2"]}`)) {
		t.Errorf("%s with %d bytes", req.URL, req.ContentLength)
	}
}
