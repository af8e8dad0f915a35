package venue_test

import (
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func TestHTXAnswers(t *testing.T) {
	read := exauth.Call{Method: "GET", Path: "/v1/account/accounts"}
	order := exauth.Call{Method: "POST", Path: "/v1/order/orders/place", Params: exauth.Params{{Name: "client-order-id", Value: "a1"}}}
	many := exauth.Call{Method: "POST", Path: "/v1/order/batch-orders", Params: exauth.Params{{Name: "x", Value: "1"}}}
	cancel := exauth.Call{Method: "POST", Path: "/v1/order/orders/batchcancel", Params: exauth.Params{{Name: "order-ids", Value: []string{"1"}}}}
	newer := exauth.Call{Method: "GET", Path: "/v2/account/ledger"}
	swap := exauth.Call{Method: "POST", Path: "/linear-swap-api/v1/swap_cross_order"}
	swapCancel := exauth.Call{Method: "POST", Path: "/linear-swap-api/v1/swap_cross_cancel"}
	spot := func(code, msg string) string {
		return `{"status":"error","err-code":"` + code + `","err-msg":"` + msg + `","data":null}`
	}
	contract := func(code, msg string) string {
		return `{"status":"error","err_code":` + code + `,"err_msg":"` + msg + `","ts":1652774224344}`
	}
	invalid := "api-signature-not-valid"
	rejected := exauth.OutcomeRejected
	runAnswers(t, venue.HTX(), []answerCase{
		{name: "data", call: read, body: `{"status":"ok","data":[{"id":1}]}`, payload: `[{"id":1}]`},
		{name: "tick", call: exauth.Call{Path: "/market/depth"}, body: `{"ch":"x","status":"ok","ts":1,"tick":{"bids":[]}}`, payload: `{"bids":[]}`},
		{name: "data of v2", call: newer, body: `{"code":200,"message":"success","data":{"list":[]}}`, payload: `{"list":[]}`},
		{name: "no envelope", call: exauth.Call{Path: "/heartbeat/"}, body: `{"page":{}}`, payload: `{"page":{}}`},
		{name: "signature", call: read, body: spot(invalid, "Signature not valid: Verification failure"), want: exauth.ErrSignature, outcome: rejected, code: invalid},
		{name: "key under the same code", call: read, body: spot(invalid, "Signature not valid: Incorrect Access key"), want: exauth.ErrKey, outcome: rejected, code: invalid},
		{name: "permission under the same code", call: order, body: spot(invalid, "Signature not valid: API key has no permission"), want: exauth.ErrPermission, outcome: rejected, code: invalid},
		{name: "clock under the same code", call: read, body: spot(invalid, "Signature not valid: Invalid Timestamp"), want: exauth.ErrClock, outcome: rejected, code: invalid},
		{name: "IP under the same code", call: read, body: spot(invalid, "Signature not valid: Incorrect IP address"), want: exauth.ErrIPNotAllowed, outcome: rejected, code: invalid},
		{name: "signature at v2", call: newer, body: `{"code":1003,"message":"invalid signature"}`, want: exauth.ErrSignature, outcome: rejected, code: "1003"},
		{name: "limit at v2", call: newer, body: `{"code":4000,"message":"too many request"}`, want: exauth.ErrRateLimited, outcome: rejected, code: "4000"},
		{name: "limit", call: order, body: spot("base-request-exceed-frequency-limit", "x"), want: exauth.ErrRateLimited, outcome: rejected, code: "base-request-exceed-frequency-limit"},
		{name: "no funds", call: order, body: spot("account-frozen-balance-insufficient-error", "x"), want: exauth.ErrInsufficientFunds, outcome: rejected, code: "account-frozen-balance-insufficient-error"},
		{name: "unknown order", call: cancel, body: spot("order-orderstate-error", "x"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "order-orderstate-error"},
		{name: "timeout inside", call: order, body: spot("timeout", "Request Timeout"), want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "timeout"},
		{name: "a code nobody listed", call: order, body: spot("order-value-min-error", "x"), want: exauth.ErrRejected, outcome: rejected, code: "order-value-min-error"},
		{name: "duplicate", call: swap, body: contract("1050", "Client order ID duplicated"), want: exauth.ErrDuplicateOrder, outcome: rejected, code: "1050"},
		{name: "contract key", call: swap, body: contract("403", "Incorrect Access key"), want: exauth.ErrKey, outcome: rejected, code: "403"},
		{name: "contract funds", call: swap, body: contract("1047", "Insufficient margin available."), want: exauth.ErrInsufficientFunds, outcome: rejected, code: "1047"},
		{name: "contract order", call: swapCancel, body: contract("1017", "Order doesnt exist."), want: exauth.ErrUnknownOrder, outcome: rejected, code: "1017"},
		{name: "the number of a bad signature elsewhere", call: swap, body: contract("1003", "x"), want: exauth.ErrRejected, outcome: rejected, code: "1003"},
		{name: "single cancel done", call: swapCancel, body: `{"status":"ok","data":{"errors":[],"successes":"88"},"ts":1}`, payload: `{"errors":[],"successes":"88"}`},
		{name: "single cancel not done", call: swapCancel, body: `{"status":"ok","data":{"errors":[{"order_id":"8","err_code":1061,"err_msg":"x"}],"successes":""}}`,
			want: exauth.ErrUnknownOrder, outcome: rejected, code: "1061"},
		{name: "batch half done", call: many, body: `{"status":"ok","data":[{"order-id":1,"client-order-id":"c1"},{"client-order-id":"c2","err-code":"invalid-amount","err-msg":"x"}]}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "invalid-amount"},
		{name: "cancels half done", call: cancel, body: `{"status":"ok","data":{"success":["1"],"failed":[{"order-id":"2","err-code":"order-orderstate-error","err-msg":"x"}]}}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "order-orderstate-error"},
		{name: "conditional cancels half done", call: exauth.Call{Method: "POST", Path: "/v2/algo-orders/cancellation"}, body: `{"code":200,"data":{"accepted":["a"],"rejected":["b"]}}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "item"},
		{name: "firewall's page", call: order, body: "<html></html>", want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
		{name: "gateway error", call: read, status: 502, body: `{}`, want: exauth.ErrUnavailable, outcome: rejected},
	})
}

func TestHTXTime(t *testing.T) {
	if got := parseTime(t, venue.HTX(), `{"status":"ok","data":1494900087029}`); got.UnixMilli() != 1494900087029 {
		t.Errorf("got %v", got)
	}
}

func TestHTXScopes(t *testing.T) {
	from := func(source string) exauth.Params { return exauth.Params{{Name: "source", Value: source}} }
	runScopes(t, "htx", []scopeCase{
		{"GET", "/v1/query/deposit-withdraw", nil, exauth.ScopeRead},
		{"POST", "/api/v1/contract_account_info", nil, exauth.ScopeRead},
		{"POST", "/swap-api/v3/swap_hisorders", nil, exauth.ScopeRead},
		{"POST", "/linear-swap-api/v1/swap_cross_master_sub_transfer_record", nil, exauth.ScopeRead},
		{"POST", "/linear-swap-api/v1/swap_relation_tpsl_order", nil, exauth.ScopeRead},
		{"POST", "/v1/order/orders/place", from("spot-api"), exauth.ScopeTradeSpot},
		{"POST", "/v1/order/orders/place", from("super-margin-api"), exauth.ScopeTradeMargin},
		{"POST", "/v1/order/batch-orders", nil, exauth.ScopeTradeSpot | exauth.ScopeTradeMargin},
		{"POST", "/v1/order/orders/1/submitcancel", nil, exauth.ScopeTradeSpot},
		{"POST", "/v1/margin/orders", nil, exauth.ScopeTradeMargin},
		{"POST", "/linear-swap-api/v1/swap_cross_order", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/api/v1/contract_tpsl_order", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/linear-swap-api/v1/swap_master_sub_transfer", nil, exauth.ScopeTransfer},
		{"POST", "/v2/account/transfer", nil, exauth.ScopeTransfer},
		{"POST", "/v5/account/universal_transfer", nil, exauth.ScopeTransfer},
		{"POST", "/v5/trade/order", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/v5/account/asset_mode", nil, exauth.ScopeAccount},
		{"POST", "/v1/dw/withdraw/api/create", nil, exauth.ScopeWithdraw},
		{"POST", "/v2/sub-user/api-key-generation", nil, exauth.ScopeAccount},
		{"POST", "/v1/not-listed", nil, exauth.ScopeTrade},
	})
}

// The request of HTX's page "Signature": host, path and sorted parameters as it
// prints them; its own signature is made up, so this one is openssl's.
func TestHTXDocumentedExample(t *testing.T) {
	client, err := exauth.New(venue.HTX(), exauth.NewSecretKey("e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx", "b0xxxxxx-c6xxxxxx-94xxxxxx-dxxxx"),
		&exauth.Options{Now: func() time.Time { return time.Date(2017, 5, 11, 15, 19, 30, 999e6, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	req, err := client.Sign(t.Context(), exauth.Call{Path: "/v1/order/orders", Params: exauth.Params{{Name: "order-id", Value: 1234567890}}})
	if err != nil {
		t.Fatal(err)
	}
	want := "https://api.huobi.pro/v1/order/orders?AccessKeyId=e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx&SignatureMethod=HmacSHA256" +
		"&SignatureVersion=2&Timestamp=2017-05-11T15%3A19%3A30&order-id=1234567890&Signature=Nmd8AU8uAe0mkFpxNbiava0aeZzBEtYjCdie1ZYZjoM%3D"
	if got := req.URL.String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// Every contract host can be named; plain paths go to the documented one.
func TestHTXHosts(t *testing.T) {
	for path, want := range map[string]string{
		"/linear-swap-api/v1/swap_order":                   "api.hbdm.com",
		"/swap-api/v1/swap_order":                          "api.hbdm.com",
		"/api/v1/contract_order":                           "api.hbdm.com",
		"https://api.hbdm.vn/swap-api/v1/swap_order":       "api.hbdm.vn",
		"https://api.btcgateway.pro/api/v1/contract_order": "api.btcgateway.pro",
		"https://api-aws.huobi.pro/v1/order/orders/place":  "api-aws.huobi.pro",
		"/v1/order/orders/place":                           "api.huobi.pro",
	} {
		req, err := fakeClient(t, venue.HTX(), allScopes, nil).Sign(t.Context(), exauth.Call{Method: "POST", Path: path})
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if req.URL.Host != want || req.Host != want {
			t.Errorf("%s goes to %s, want %s", path, req.URL.Host, want)
		}
	}
}
