package venue_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// orders makes n operations, the parameter "n" counting them, and the last with the
// caller's own id under name.
func orders(n int, name, id string) []exauth.Params {
	list := make([]exauth.Params, n)
	for i := range list {
		list[i] = exauth.Params{{Name: "n", Value: i}}
	}
	list[n-1] = append(list[n-1], exauth.Param{Name: name, Value: id})
	return list
}

// fatesOf writes down items: a letter each (a accepted, r rejected, u unknown, p
// partial, n not sent), and the code where there is one.
func fatesOf(items []exauth.Item) string {
	var words []string
	for _, it := range items {
		words = append(words, strings.TrimSuffix("nrpua"[it.Outcome:it.Outcome+1]+":"+it.Code, ":"))
	}
	return strings.Join(words, " ")
}

// TestItems (O1): what each venue's answer tells of each operation; answers have the
// shape of the vendors' pages that items.go names.
func TestItems(t *testing.T) {
	post := func(path string, p any) exauth.Call { return exauth.Call{Method: "POST", Path: path, Params: p} }
	list := func(name string, n int, id string) exauth.Params {
		return exauth.Params{{Name: "category", Value: "spot"}, {Name: name, Value: orders(n, id, "t-mine")}}
	}
	replace := post("/api/v3/order/cancelReplace", exauth.Params{{Name: "symbol", Value: "BTCUSDT"}, {Name: "cancelOrigClientOrderId", Value: "old"}})
	fbatch := post("/fapi/v1/batchOrders", list("batchOrders", 2, "newClientOrderId"))
	okx := post("/api/v5/trade/batch-orders", orders(2, "clOrdId", "t-mine"))
	kraken := post("/0/private/AddOrderBatch", list("orders", 2, "cl_ord_id"))
	uncount := post("/0/private/CancelOrderBatch", exauth.Params{{Name: "orders", Value: []string{"OAAAAA", "OBBBBB"}}})
	bybit := post("/v5/order/create-batch", list("request", 2, "orderLinkId"))
	hf := post("/api/v1/hf/orders/multi", list("orderList", 2, "clientOid"))
	old := post("/api/v1/orders/multi", list("orderList", 2, "clientOid"))
	kf := post("/api/v1/orders/multi", orders(2, "clientOid", "t-mine"))
	gate := post("/api/v4/spot/batch_orders", orders(2, "text", "t-mine"))
	gf := post("/api/v4/futures/usdt/batch_orders", orders(2, "text", "t-mine"))
	cdc := post("/exchange/v1/private/create-order-list", exauth.Params{{Name: "contingency_type", Value: "LIST"}, {Name: "order_list", Value: orders(2, "client_oid", "t-mine")}})
	cbCancel := post("/api/v3/brokerage/orders/batch_cancel", exauth.Params{{Name: "order_ids", Value: []any{"o1", "o2"}}})
	const accepted, rejected, partial, unknown = exauth.OutcomeAccepted, exauth.OutcomeRejected, exauth.OutcomePartial, exauth.OutcomeUnknown
	for _, tc := range []struct {
		name    string
		venue   *exauth.Venue
		call    exauth.Call
		status  int
		body    string
		outcome exauth.Outcome
		kind    error
		fates   string
	}{
		{"crypto.com: both", venue.CryptoCom(), cdc, 200, `{"code":0,"result":[{"code":0,"index":0,"client_oid":"api_leg1","order_id":"5755600460443882762"},{"code":0,"index":1,"client_oid":"t-mine","order_id":"5755600460443882763"}]}`, accepted, nil, "a a"},
		{"crypto.com: the second", venue.CryptoCom(), cdc, 200, `{"code":"0","result":[{"code":"306","index":"0","message":"INSUFFICIENT_AVAILABLE_BALANCE"},{"code":"0","index":"1","client_oid":"t-mine"}]}`, partial, exauth.ErrPartial, "r:306 a"},
		{"crypto.com: in another order", venue.CryptoCom(), cdc, 200, `{"code":0,"result":[{"code":0,"index":1},{"code":204,"index":0,"message":"DUPLICATE_CLORDID"}]}`, partial, exauth.ErrPartial, "r:204 a"},
		{"crypto.com: neither", venue.CryptoCom(), cdc, 200, `{"code":0,"result":[{"code":306,"index":0},{"code":999,"index":1}]}`, rejected, exauth.ErrInsufficientFunds, "r:306 r:999"},
		{"crypto.com: one in doubt", venue.CryptoCom(), cdc, 200, `{"code":0,"result":[{"code":0,"index":0},{"code":40801,"index":1,"message":"REQUEST_TIMEOUT"}]}`, unknown, exauth.ErrOutcomeUnknown, "a u:40801"},
		{"crypto.com: as a whole", venue.CryptoCom(), cdc, 400, `{"code":40004,"message":"MISSING_OR_INVALID_ARGUMENT"}`, rejected, exauth.ErrRejected, "r r"},
		{"coinbase: one cancelled", venue.Coinbase(), cbCancel, 200, `{"results":[{"success":true,"failure_reason":"UNKNOWN_CANCEL_FAILURE_REASON","order_id":"o1"},{"success":false,"failure_reason":"UNKNOWN_CANCEL_ORDER","order_id":"o2"}]}`, partial, exauth.ErrPartial, "a r:UNKNOWN_CANCEL_ORDER"},
		{"coinbase: none cancelled", venue.Coinbase(), cbCancel, 200, `{"results":[{"success":false,"failure_reason":"UNKNOWN_CANCEL_ORDER"},{"success":false,"failure_reason":"COMMANDER_REJECTED_CANCEL_ORDER"}]}`, rejected, exauth.ErrUnknownOrder, "r:UNKNOWN_CANCEL_ORDER r:COMMANDER_REJECTED_CANCEL_ORDER"},
		{"binance: replaced", venue.Binance(), replace, 200, `{"cancelResult":"SUCCESS","newOrderResult":"SUCCESS","cancelResponse":{"symbol":"BTCUSDT"},"newOrderResponse":{"orderId":1}}`, accepted, nil, "a a"},
		{"binance: cancelled, not replaced", venue.Binance(), replace, 409, `{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{"cancelResult":"SUCCESS","newOrderResult":"FAILURE","cancelResponse":{"symbol":"BTCUSDT"},"newOrderResponse":{"code":-2010,"msg":"Account has insufficient balance for requested action."}}}`, partial, exauth.ErrPartial, "a r:-2010"},
		{"binance: replaced, not cancelled", venue.Binance(), replace, 409, `{"code":-2021,"msg":"x","data":{"cancelResult":"FAILURE","newOrderResult":"SUCCESS","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":{"orderId":12}}}`, partial, exauth.ErrPartial, "r:-2011 a"},
		{"binance: neither attempted", venue.Binance(), replace, 400, `{"code":-2022,"msg":"Order cancel-replace failed.","data":{"cancelResult":"FAILURE","newOrderResult":"NOT_ATTEMPTED","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":null}}`, rejected, exauth.ErrUnknownOrder, "r:-2011 r:NOT_ATTEMPTED"},
		{"binance: neither", venue.Binance(), replace, 400, `{"code":-2022,"msg":"x","data":{"cancelResult":"FAILURE","newOrderResult":"FAILURE","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":{"code":-2010,"msg":"x"}}}`, rejected, exauth.ErrUnknownOrder, "r:-2011 r:-2010"},
		{"binance: cancelled, the rest in doubt", venue.Binance(), replace, 409, `{"code":-2021,"msg":"x","data":{"cancelResult":"SUCCESS","newOrderResult":"FAILURE","newOrderResponse":{"code":-1007,"msg":"Timeout waiting for response from backend server."}}}`, unknown, exauth.ErrOutcomeUnknown, "a u:-1007"},
		{"binance: without halves", venue.Binance(), replace, 409, `{"code":-2021,"msg":"x"}`, partial, exauth.ErrPartial, "p p"},
		{"binance: refused whole", venue.Binance(), replace, 400, `{"code":-1102,"msg":"Mandatory parameter 'side' was not sent."}`, rejected, exauth.ErrRejected, "r r"},
		{"binance: banned", venue.Binance(), replace, 418, `{"code":-1003,"msg":"x"}`, rejected, exauth.ErrBanned, "r r"},
		{"binance: timed out", venue.Binance(), replace, 503, `{"code":-1007,"msg":"x"}`, unknown, exauth.ErrOutcomeUnknown, "u u"},

		{"binance futures: all", venue.Binance(), fbatch, 200, `[{"clientOrderId":"x","orderId":1,"status":"NEW"},{"clientOrderId":"t-mine","orderId":2}]`, accepted, nil, "a a"},
		{"binance futures: others", venue.Binance(), fbatch, 200, `[{"clientOrderId":"x","orderId":1},{"clientOrderId":"y","orderId":2}]`, unknown, exauth.ErrOutcomeUnknown, "u u"},
		{"binance futures: half", venue.Binance(), fbatch, 200, `[{"orderId":1,"status":"NEW"},{"code":-2022,"msg":"ReduceOnly Order is rejected."}]`, partial, exauth.ErrPartial, "a r:-2022"},
		{"binance futures: none", venue.Binance(), fbatch, 200, `[{"code":-2019,"msg":"Margin is insufficient."},{"code":-2019,"msg":"Margin is insufficient."}]`, rejected, exauth.ErrInsufficientFunds, "r:-2019 r:-2019"},
		{"binance futures: in doubt", venue.Binance(), fbatch, 200, `[{"code":-1007,"msg":"x"},{"orderId":1}]`, unknown, exauth.ErrOutcomeUnknown, "u:-1007 a"},
		{"binance futures: by id", venue.Binance(), fbatch, 200, `[{"clientOrderId":"t-mine","orderId":1}]`, unknown, exauth.ErrOutcomeUnknown, "u a"},
		{"binance futures: refused whole", venue.Binance(), fbatch, 400, `{"code":-4082,"msg":"Invalid number of batch place orders."}`, rejected, exauth.ErrRejected, "r r"},
		{"binance futures: cancels", venue.Binance(), exauth.Call{Method: "DELETE", Path: "/fapi/v1/batchOrders", Params: exauth.Params{{Name: "symbol", Value: "BTCUSDT"}, {Name: "orderIdList", Value: []int{1, 2}}}}, 200,
			`[{"clientOrderId":"x","orderId":1,"status":"CANCELED"},{"code":-2011,"msg":"Unknown order sent."}]`, partial, exauth.ErrPartial, "a r:-2011"},
		{"binance options: half", venue.Binance(), post("/eapi/v1/batchOrders", list("orders", 2, "clientOrderId")), 200, `[{"code":-4056,"msg":"x"},{"orderId":"4611875134427365377","clientOrderId":"t-mine"}]`, partial, exauth.ErrPartial, "r:-4056 a"},

		{"okx: half", venue.OKX(), okx, 200, `{"code":"2","msg":"","data":[{"clOrdId":"","ordId":"12","sCode":"0"},{"clOrdId":"t-mine","ordId":"","sCode":"51008","sMsg":"x"}]}`, partial, exauth.ErrPartial, "a r:51008"},
		{"okx: half, the other way round", venue.OKX(), okx, 200, `{"code":"2","data":[{"clOrdId":"t-mine","sCode":"0"},{"clOrdId":"","sCode":"51008"}]}`, unknown, exauth.ErrOutcomeUnknown, "u a"},
		{"okx: none", venue.OKX(), okx, 200, `{"code":"1","data":[{"sCode":"51016","sMsg":"x"},{"sCode":"51008","sMsg":"x"}]}`, rejected, exauth.ErrDuplicateOrder, "r:51016 r:51008"},
		{"okx: in doubt", venue.OKX(), okx, 200, `{"code":"2","data":[{"sCode":"50026","sMsg":"x"},{"sCode":"0"}]}`, unknown, exauth.ErrOutcomeUnknown, "u:50026 a"},
		{"okx: one of two", venue.OKX(), okx, 200, `{"code":"0","data":[{"sCode":"0"}]}`, unknown, exauth.ErrOutcomeUnknown, "u u"},
		{"okx: an error though all were done", venue.OKX(), okx, 200, `{"code":"50026","data":[{"sCode":"0"},{"sCode":"0"}]}`, unknown, exauth.ErrOutcomeUnknown, "u u"},
		{"okx: refused whole", venue.OKX(), okx, 200, `{"code":"50011","msg":"Too many requests","data":[]}`, rejected, exauth.ErrRateLimited, "r r"},
		{"okx: cancels", venue.OKX(), post("/api/v5/trade/cancel-batch-orders", orders(2, "ordId", "7")), 200, `{"code":"2","data":[{"sCode":"0"},{"sCode":"51402","sMsg":"x"}]}`, partial, exauth.ErrPartial, "a r:51402"},
		{"okx: amends", venue.OKX(), post("/api/v5/trade/amend-batch-orders", orders(2, "ordId", "7")), 200, `{"code":"2","data":[{"sCode":"51503","sMsg":"x"},{"sCode":"0"}]}`, partial, exauth.ErrPartial, "r:51503 a"},

		{"kraken: half", venue.Kraken(), kraken, 200, `{"error":[],"result":{"orders":[{"txid":"OUF4EM-FRGI2-MQMWZD","descr":{"order":"x"}},{"error":"EOrder:Insufficient funds"}]}}`, partial, exauth.ErrPartial, "a r:EOrder:Insufficient funds"},
		{"kraken: none", venue.Kraken(), kraken, 200, `{"error":[],"result":{"orders":[{"error":"EOrder:Insufficient funds"},{"error":["EOrder:Rate limit exceeded"]}]}}`, rejected, exauth.ErrInsufficientFunds, "r:EOrder:Insufficient funds r:EOrder:Rate limit exceeded"},
		{"kraken: in doubt", venue.Kraken(), kraken, 200, `{"error":[],"result":{"orders":[{"descr":{}},{"txid":"OUF4EM-FRGI2-MQMWZD"}]}}`, unknown, exauth.ErrOutcomeUnknown, "u a"},
		{"kraken: validated", venue.Kraken(), kraken, 200, `{"error":[],"result":{"orders":[{"descr":{"order":"x"}},{"descr":{"order":"y"}}]}}`, accepted, nil, "a a"},
		{"kraken: refused whole", venue.Kraken(), kraken, 200, `{"error":["EGeneral:Invalid arguments"]}`, rejected, exauth.ErrRejected, "r r"},
		{"kraken: all cancelled", venue.Kraken(), uncount, 200, `{"error":[],"result":{"count":2}}`, accepted, nil, "a a"},
		{"kraken: one cancelled", venue.Kraken(), uncount, 200, `{"error":[],"result":{"count":1}}`, unknown, exauth.ErrOutcomeUnknown, "u u"},
		{"kraken: none cancelled", venue.Kraken(), uncount, 200, `{"error":[],"result":{"count":0}}`, unknown, exauth.ErrOutcomeUnknown, "u u"},
		{"kraken: a count of nonsense", venue.Kraken(), uncount, 200, `{"error":[],"result":{"count":999999999}}`, unknown, exauth.ErrOutcomeUnknown, "u u"},

		{"bybit: half", venue.Bybit(), bybit, 200, `{"retCode":0,"retMsg":"OK","result":{"list":[{"orderId":"1","orderLinkId":""},{"orderId":"","orderLinkId":"t-mine"}]},"retExtInfo":{"list":[{"code":0,"msg":"OK"},{"code":170131,"msg":"x"}]}}`, partial, exauth.ErrPartial, "a r:170131"},
		{"bybit: none", venue.Bybit(), bybit, 200, `{"retCode":0,"result":{"list":[]},"retExtInfo":{"list":[{"code":110007,"msg":"x"},{"code":10005,"msg":"x"}]}}`, rejected, exauth.ErrInsufficientFunds, "r:110007 r:10005"},
		{"bybit: in doubt", venue.Bybit(), bybit, 200, `{"retCode":0,"result":{"list":[]},"retExtInfo":{"list":[{"code":0,"msg":"OK"},{"code":10016,"msg":"x"}]}}`, unknown, exauth.ErrOutcomeUnknown, "a u:10016"},
		{"bybit: refused whole", venue.Bybit(), bybit, 200, `{"retCode":10006,"retMsg":"x","result":{},"retExtInfo":{}}`, rejected, exauth.ErrRateLimited, "r r"},

		{"kucoin hf: half", venue.KuCoin(), hf, 200, `{"code":"200000","data":[{"orderId":"1","success":true},{"success":false,"failMsg":"The order funds should more then 0.1 USDT."}]}`, partial, exauth.ErrPartial, "a r"},
		{"kucoin hf: all", venue.KuCoin(), hf, 200, `{"code":"200000","data":[{"orderId":"1","clientOid":"","success":true},{"orderId":"2","clientOid":"t-mine","success":true}]}`, accepted, nil, "a a"},
		{"kucoin: half, the older form", venue.KuCoin(), old, 200, `{"code":"200000","data":{"data":[{"id":"1","status":"success"},{"clientOid":"t-mine","status":"fail","failMsg":"Balance insufficient!"}]}}`, partial, exauth.ErrPartial, "a r"},
		{"kucoin futures: half", venue.KuCoinFutures(), kf, 200, `{"code":"200000","data":[{"orderId":"80465574458560512","clientOid":"t-mine","symbol":"XBTUSDTM","code":"200000","msg":"success"},{"orderId":"","clientOid":"another","code":"300003","msg":"x"}]}`, unknown, exauth.ErrOutcomeUnknown, "u a"},
		{"kucoin futures: in order", venue.KuCoinFutures(), kf, 200, `{"code":"200000","data":[{"orderId":"1","code":"200000","msg":"success"},{"orderId":"","clientOid":"t-mine","code":"300003","msg":"x"}]}`, partial, exauth.ErrPartial, "a r:300003"},

		{"gate: half", venue.Gate(), gate, 200, `[{"text":"-","succeeded":true,"id":"1"},{"text":"t-mine","succeeded":false,"label":"BALANCE_NOT_ENOUGH","message":"Not enough balance"}]`, partial, exauth.ErrPartial, "a r:BALANCE_NOT_ENOUGH"},
		{"gate: none", venue.Gate(), gate, 200, `[{"succeeded":false,"label":"REPEATED_CREATION"},{"succeeded":false,"label":"POC_FILL_IMMEDIATELY"}]`, rejected, exauth.ErrDuplicateOrder, "r:REPEATED_CREATION r:POC_FILL_IMMEDIATELY"},
		{"gate futures: half", venue.Gate(), gf, 200, `[{"succeeded":true,"id":15675394},{"succeeded":false,"label":"INSUFFICIENT_AVAILABLE","detail":"x"}]`, partial, exauth.ErrPartial, "a r:INSUFFICIENT_AVAILABLE"},
		{"gate: cancels", venue.Gate(), post("/api/v4/spot/cancel_batch_orders", orders(2, "id", "7")), 200, `[{"id":"1","succeeded":true},{"id":"7","succeeded":false,"label":"ORDER_NOT_FOUND"}]`, partial, exauth.ErrPartial, "a r:ORDER_NOT_FOUND"},
		{"gate: refused whole", venue.Gate(), gate, 400, `{"label":"INVALID_PARAM_VALUE","message":"x"}`, rejected, exauth.ErrRejected, "r r"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rt := &canned{status: tc.status, body: tc.body}
			c, err := exauth.New(tc.venue, fakeKey(t, tc.venue), &exauth.Options{Scope: allScopes, NoOrderID: true,
				HTTPClient: &http.Client{Transport: rt}, Limiter: unpaced(tc.venue), Now: fixedTime})
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.Do(t.Context(), tc.call)
			if len(rt.got) != 1 {
				t.Errorf("sent %d times", len(rt.got))
			}
			if tc.outcome == accepted {
				if err != nil || fatesOf(resp.Items) != tc.fates {
					t.Errorf("%v, %s, want %s", err, fatesOf(resp.Items), tc.fates)
				}
				return
			}
			var e *exauth.Error
			if !errors.As(err, &e) || e.Outcome != tc.outcome || !errors.Is(e, tc.kind) || fatesOf(e.Items) != tc.fates {
				t.Fatalf("%v: %v, items %s, want %v, %v, items %s", err, e.Outcome, fatesOf(e.Items), tc.outcome, tc.kind, tc.fates)
			}
			if unclear := e.Outcome == unknown; errors.Is(e, exauth.ErrOutcomeUnknown) != unclear {
				t.Errorf("%v: ErrOutcomeUnknown is not told by the outcome", err)
			}
			for i, it := range e.Items {
				if it.Index != i || (it.Outcome == accepted) != (it.Kind == nil) {
					t.Errorf("item %d: %+v", i, it)
				}
			}
			if e.Outcome == partial && string(e.Body) != tc.body {
				t.Errorf("body %s", e.Body)
			}
		})
	}
}

// keepBody is a transport that keeps the last request's body and query.
type keepBody struct{ body, query string }

func (k *keepBody) RoundTrip(r *http.Request) (*http.Response, error) {
	k.query = r.URL.RawQuery
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		k.body = string(b)
	}
	return nil, errors.New("connection reset") // after it was written, for all we know
}

// TestItemIDs (O4): every new order of a batch has a client order id of its own
// before a byte of it is sent, and the error of a call that was lost names them all.
func TestItemIDs(t *testing.T) {
	type order struct {
		N  int    `json:"n" url:"n"`
		ID string `json:"clOrdId,omitempty"`
	}
	list := func(name, id string) exauth.Params {
		return exauth.Params{{Name: "category", Value: "linear"}, {Name: name, Value: orders(3, id, "t-mine")}}
	}
	for _, tc := range []struct {
		name  string
		venue *exauth.Venue
		path  string
		call  any
		id    string // the parameter
		want  string // a pattern of the ids made; "" for none
	}{
		{"binance", venue.Binance(), "/fapi/v1/batchOrders", list("batchOrders", "newClientOrderId"), "newClientOrderId", `^[a-z2-7]{24}$`},
		{"binance options", venue.Binance(), "/eapi/v1/batchOrders", list("orders", "clientOrderId"), "clientOrderId", `^[a-z2-7]{24}$`},
		{"binance, a text", venue.Binance(), "/fapi/v1/batchOrders", exauth.Params{{Name: "batchOrders", Value: `[{"n":0},{"n":1},{"n":2,"newClientOrderId":"t-mine"}]`}}, "newClientOrderId", ""},
		{"okx", venue.OKX(), "/api/v5/trade/batch-orders", orders(3, "clOrdId", "t-mine"), "clOrdId", `^[a-z2-7]{24}$`},
		{"okx, structs", venue.OKX(), "/api/v5/trade/batch-orders", []order{{}, {N: 1}, {N: 2, ID: "t-mine"}}, "clOrdId", `^[a-z2-7]{24}$`},
		{"okx, raw", venue.OKX(), "/api/v5/trade/batch-orders", json.RawMessage(`[{"n":0},{"n":1},{"n":2,"clOrdId":"t-mine"}]`), "clOrdId", ""},
		{"okx, amends", venue.OKX(), "/api/v5/trade/amend-batch-orders", orders(3, "clOrdId", "t-mine"), "clOrdId", ""},
		{"okx, cancels", venue.OKX(), "/api/v5/trade/cancel-batch-orders", orders(3, "clOrdId", "t-mine"), "clOrdId", ""},
		{"kraken", venue.Kraken(), "/0/private/AddOrderBatch", list("orders", "cl_ord_id"), "cl_ord_id", `^[0-9a-f-]{36}$`},
		{"bybit", venue.Bybit(), "/v5/order/create-batch", list("request", "orderLinkId"), "orderLinkId", `^[a-z2-7]{24}$`},
		{"kucoin", venue.KuCoin(), "/api/v1/hf/orders/multi", list("orderList", "clientOid"), "clientOid", `^[a-z2-7]{24}$`},
		{"kucoin futures", venue.KuCoinFutures(), "/api/v1/orders/multi", orders(3, "clientOid", "t-mine"), "clientOid", `^[a-z2-7]{24}$`},
		{"gate", venue.Gate(), "/api/v4/spot/batch_orders", orders(3, "text", "t-mine"), "text", `^t-[a-z2-7]{24}$`},
		{"crypto.com", venue.CryptoCom(), "/exchange/v1/private/create-order-list", list("order_list", "client_oid"), "client_oid", `^[a-z2-7]{24}$`},
		{"crypto.com, cancels", venue.CryptoCom(), "/exchange/v1/private/cancel-order-list", list("order_list", "client_oid"), "client_oid", ""},
		{"gate futures", venue.Gate(), "/api/v4/futures/btc/batch_orders", orders(3, "text", "t-mine"), "text", `^t-[a-z2-7]{24}$`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, _ := json.Marshal(tc.call)
			rt := &keepBody{}
			c, err := exauth.New(tc.venue, fakeKey(t, tc.venue), &exauth.Options{Scope: allScopes,
				HTTPClient: &http.Client{Transport: rt}, Limiter: unpaced(tc.venue), Now: fixedTime})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Do(t.Context(), exauth.Call{Method: "POST", Path: tc.path, Params: tc.call})
			var e *exauth.Error
			if !errors.As(err, &e) || e.Outcome != exauth.OutcomeUnknown || fatesOf(e.Items) != "u u u" {
				t.Fatalf("%v, items %+v", err, e)
			}
			sent := idsIn(t, rt.body+rt.query, tc.id)
			if len(sent) != 3 || sent[2] != "t-mine" || tc.want != "" && sent[0] == sent[1] {
				t.Fatalf("sent ids %q in %s%s", sent, rt.body, rt.query)
			}
			for i, it := range e.Items {
				if it.ClientOrderID != sent[i] {
					t.Errorf("item %d is told as %q, and was sent as %q", i, it.ClientOrderID, sent[i])
				}
				if made := i < 2; made && tc.want == "" && sent[i] != "" || made && tc.want != "" && !regexp.MustCompile(tc.want).MatchString(sent[i]) {
					t.Errorf("item %d has id %q, want %s", i, sent[i], tc.want)
				}
			}
			if after, _ := json.Marshal(tc.call); string(after) != string(before) {
				t.Errorf("the caller's parameters became %s", after)
			}
			req, err := c.Sign(t.Context(), exauth.Call{Method: "POST", Path: tc.path, Params: tc.call})
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(req.Body)
			if ids := idsIn(t, string(body)+req.URL.RawQuery, tc.id); !slices.Equal(ids, []string{"", "", "t-mine"}) {
				t.Errorf("Sign made ids: %q", ids)
			}
		})
	}
}

// idsIn reads one parameter of each operation of a body, whatever it is written in.
func idsIn(t *testing.T, body, name string) (ids []string) {
	t.Helper()
	if form, err := url.ParseQuery(body); err == nil && !strings.HasPrefix(body, "[") && !strings.HasPrefix(body, "{") {
		for _, values := range form {
			if strings.HasPrefix(values[0], "[") {
				body = values[0]
			}
		}
	}
	var list []map[string]any
	if strings.HasPrefix(body, "{") {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &object); err != nil {
			t.Fatal(err)
		}
		if inner := object["params"]; inner != nil { // Crypto.com's envelope
			return idsIn(t, string(inner), name)
		}
		for _, raw := range object {
			if raw[0] == '[' {
				body = string(raw)
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for _, it := range list {
		id, _ := it[name].(string)
		ids = append(ids, id)
	}
	return ids
}

// TestItemRoutes: every route that items.go describes is in its venue's table.
func TestItemRoutes(t *testing.T) {
	for name, want := range map[string]int{"binance": 9, "okx": 3, "kraken": 2, "kucoin": 3, "kucoinfutures": 3, "gate": 6, "coinbase": 1, "cryptocom": 6,
		"bybit": 15} { // three, for each of four products and for none
		v, _ := venue.ByName(name)
		got := 0
		for _, r := range v.Routes {
			if r.Items != nil {
				got++
				if r.Items.Read == nil || r.Scope == exauth.ScopeRead || r.Items.Single != "" && r.Priority == exauth.PriorityCancel {
					t.Errorf("%s %s %s: %+v", name, r.Method, r.Path, r.Items)
				}
			}
		}
		if got != want {
			t.Errorf("%s: %d routes hold several operations, want %d", name, got, want)
		}
	}
}

func fixedTime() time.Time { return time.UnixMilli(1768480496789) }
