package venue_test

import (
	"errors"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// TestAcknowledged: an order counts as placed only when the answer names it. JSON with
// 200 that does not come from the order system leaves the outcome unknown.
func TestAcknowledged(t *testing.T) {
	symbol := exauth.Params{{Name: "symbol", Value: "BTCUSDT"}, {Name: "newClientOrderId", Value: "a1"}}
	foreign := []string{``, `null`, `{}`, `[]`, `"OK"`, `true`, `17`, `{"status":1,"msg":"system_maintenance"}`, `{"orderId":"12","result":[],"data":{"a":1},"error":7,"code":[]}`,
		`{"code":"0","msg":"","data":[]}`, `{"error":[]}`, `{"error":[],"result":{}}`, `{"orderId":null,"ordId":null,"txid":null}`}
	for _, tc := range []struct {
		venue *exauth.Venue
		call  exauth.Call
		good  []string
	}{
		{venue.Binance(), exauth.Call{Method: "POST", Path: "/api/v3/order", Params: symbol}, []string{
			`{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"a1","transactTime":1507725176595}`, `{ "orderId": 28 }`}},
		{venue.Binance(), exauth.Call{Method: "POST", Path: "/fapi/v1/order", Params: symbol}, []string{`{"clientOrderId":"a1","cumQty":"0","orderId":22542179}`}},
		{venue.Kraken(), exauth.Call{Method: "POST", Path: "/0/private/AddOrder", Params: exauth.Params{{Name: "pair", Value: "XBTUSD"}}}, []string{
			`{"error":[],"result":{"descr":{"order":"buy 1 XBTUSD @ limit 1"},"txid":["OU22CG-KLAF2-FWUDD7"]}}`, `{"error":[],"result":{"descr":{"order":"buy"}}}`}},
		{venue.OKX(), exauth.Call{Method: "POST", Path: "/api/v5/trade/order", Params: exauth.Params{{Name: "instId", Value: "BTC-USDT"}}}, []string{
			`{"code":"0","msg":"","data":[{"clOrdId":"a1","ordId":"312269865356374016","tag":"","sCode":"0","sMsg":""}]}`}},
	} {
		for _, body := range foreign {
			_, err := fakeClient(t, tc.venue, allScopes, &canned{status: 200, body: body}).Do(t.Context(), tc.call)
			var e *exauth.Error
			if !errors.As(err, &e) || e.Outcome != exauth.OutcomeUnknown || !errors.Is(err, exauth.ErrOutcomeUnknown) {
				t.Errorf("%s %s %s: %v, want an unknown outcome", tc.venue.Name, tc.call.Path, body, err)
			}
		}
		for _, body := range tc.good {
			if _, err := fakeClient(t, tc.venue, allScopes, &canned{status: 200, body: body}).Do(t.Context(), tc.call); err != nil {
				t.Errorf("%s %s: %v", tc.venue.Name, body, err)
			}
		}
	}
	// Orders that are only tested, and reads, may answer with nothing.
	test := exauth.Call{Method: "POST", Path: "/api/v3/order/test", Params: symbol}
	if _, err := fakeClient(t, venue.Binance(), allScopes, &canned{status: 200, body: "{}"}).Do(t.Context(), test); err != nil {
		t.Error(err)
	}
}
