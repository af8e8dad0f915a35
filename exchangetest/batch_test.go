package exchangetest_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// Calls that do several things, and answer for each.

// TestBinanceCancelReplace: what comes of the two halves, by mode; statuses, codes
// and fields are those of rest-api.md.
func TestBinanceCancelReplace(t *testing.T) {
	const done, failed, untried = "SUCCESS", "FAILURE", "NOT_ATTEMPTED"
	for _, tc := range []struct {
		name             string
		mode             string
		changes          []string
		status           int
		code             string
		cancel, place    string
		canceled, placed int // of the old order and the new
	}{
		{"both", "STOP_ON_FAILURE", nil, 200, "", done, done, 1, 1},
		{"both, allowing failure", "ALLOW_FAILURE", nil, 200, "", done, done, 1, 1},
		{"nothing to cancel", "STOP_ON_FAILURE", []string{"cancelOrigClientOrderId", "gone"}, 400, "-2022", failed, untried, 0, 0},
		{"nothing to cancel, placed all the same", "ALLOW_FAILURE", []string{"cancelOrigClientOrderId", "gone"}, 409, "-2021", failed, done, 0, 1},
		{"canceled, no funds", "STOP_ON_FAILURE", []string{"quantity", "1000"}, 409, "-2021", done, failed, 1, 0},
		{"canceled, no funds, allowing failure", "ALLOW_FAILURE", []string{"quantity", "1000"}, 409, "-2021", done, failed, 1, 0},
		{"neither", "ALLOW_FAILURE", []string{"cancelOrigClientOrderId", "gone", "quantity", "1000"}, 400, "-2022", failed, failed, 0, 0},
		{"of another market", "STOP_ON_FAILURE", []string{"symbol", "ETHUSDT", "price", "2000"}, 400, "-2022", failed, untried, 0, 0},
		{"bad price: nothing is canceled", "ALLOW_FAILURE", []string{"price", "50000.001"}, 400, "-1013", "", "", 0, 0},
		{"no mode", "-", nil, 400, "-1102", "", "", 0, 0},
		{"no such mode", "SOMETIMES", nil, 400, "-1145", "", "", 0, 0},
		{"nothing named", "STOP_ON_FAILURE", []string{"cancelOrigClientOrderId", "-"}, 400, "-1102", "", "", 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := start(t, "binance", nil)
			c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
			c.order("newClientOrderId", "old")
			params := change([]string{"symbol", "BTCUSDT", "side", "BUY", "type", "LIMIT", "timeInForce", "GTC", "quantity", "0.1", "price", "50001",
				"newClientOrderId", "new", "cancelOrigClientOrderId", "old", "cancelReplaceMode", tc.mode}, append([]string{"cancelReplaceMode", tc.mode}, tc.changes...))
			got := c.do("POST", "/api/v3/order/cancelReplace", params...)
			at := ""
			if got.status != 200 {
				at = "data."
			}
			if got.status != tc.status || got.at(t, "code") != tc.code || got.at(t, at+"cancelResult") != tc.cancel || got.at(t, at+"newOrderResult") != tc.place {
				t.Errorf("HTTP %d %s", got.status, got.body)
			}
			if tc.cancel == failed && got.at(t, "data.cancelResponse.code") != "-2011" || tc.place == failed && got.at(t, "data.newOrderResponse.code") != "-2010" ||
				tc.place == untried && !strings.Contains(got.body, `"newOrderResponse":null`) || tc.cancel == done && got.at(t, at+"cancelResponse.status") != "CANCELED" {
				t.Errorf("halves: %s", got.body)
			}
			status := c.do("GET", "/api/v3/order", "symbol", "BTCUSDT", "origClientOrderId", "old").at(t, "status")
			if (status == "CANCELED") != (tc.canceled == 1) || srv.Executions("new") != tc.placed {
				t.Errorf("the old order is %s, the new one was placed %d times", status, srv.Executions("new"))
			}
		})
	}
}

// TestKrakenBatch: each order has its place in the answer; one that is not valid
// takes all others with it, one that the engine refuses does not.
func TestKrakenBatch(t *testing.T) {
	srv := start(t, "kraken", nil)
	c := newKraken(t, srv, srv.Key(exauth.ScopeTradeSpot))
	batch := func(more string, orders ...string) reply {
		nonce := strconv.FormatUint(c.nonce.Add(1), 10)
		return c.post("/0/private/AddOrderBatch", nonce, `{"nonce":`+nonce+`,"pair":"XBTUSD"`+more+`,"orders":[`+strings.Join(orders, ",")+`]}`, "application/json")
	}
	one := func(id, volume string) string {
		return `{"ordertype":"limit","type":"buy","volume":"` + volume + `","price":"50000.1","cl_ord_id":"` + id + `"}`
	}
	got := batch("", one("a", "0.1"), one("b", "1000"), one("c", "0.2"))
	if got.at(t, "error") != "[]" || got.at(t, "result.orders.0.descr.order") != "buy 0.10000000 XBTUSD @ limit 50000.1" ||
		!strings.HasPrefix(got.at(t, "result.orders.2.txid"), "O") || got.at(t, "result.orders.1.error") != "EOrder:Insufficient funds" ||
		got.at(t, "result.orders.1.txid") != "" {
		t.Errorf("answer %s", got.body)
	}
	if fmt.Sprint(srv.Executions("a"), srv.Executions("b"), srv.Executions("c")) != "1 0 1" {
		t.Errorf("executed %d, %d, %d times", srv.Executions("a"), srv.Executions("b"), srv.Executions("c"))
	}
	if got := batch(`,"validate":true`, one("d", "0.1"), one("e", "0.1")); got.at(t, "result.orders.0.txid") != "" || got.at(t, "result.orders.0.descr.order") == "" || srv.Executions("d") != 0 {
		t.Errorf("validated: %s", got.body)
	}
	for name, got := range map[string]reply{
		"one order":     batch("", one("f", "0.1")),
		"sixteen":       batch("", strings.Split(strings.Repeat(one("f", "0.1")+"|", 15)+one("f", "0.1"), "|")...),
		"one not valid": batch("", one("f", "0.1"), one("bad id with spaces", "0.1")),
		"not an object": batch("", "1", "2"),
		"as a form":     c.do("AddOrderBatch", "pair", "XBTUSD", "orders", "[]"),
		"unknown pair":  c.post("/0/private/AddOrderBatch", strconv.FormatUint(c.nonce.Add(1), 10), `{}`, "application/json"),
	} {
		if !strings.HasPrefix(got.at(t, "error.0"), "E") || srv.Executions("f") != 0 {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	if got := batch(`,"deadline":"2020-01-01T00:00:00Z"`, one("g", "0.1"), one("h", "0.1")); got.at(t, "error.0") != "EService:Deadline elapsed" || srv.Executions("g") != 0 {
		t.Errorf("too late: %s", got.body)
	}
}

// TestFaultPartial: of every batch some items fail and some do not, and the answer
// tells the truth about each.
func TestFaultPartial(t *testing.T) {
	fault := &exchangetest.Options{Faults: []exchangetest.Fault{{Kind: exchangetest.FaultPartial}}, Seed: 2}
	okxSrv := start(t, "okx", fault)
	okx := newOKX(t, okxSrv, okxSrv.Key(exauth.ScopeTradeSpot))
	krakenSrv := start(t, "kraken", fault)
	kraken := newKraken(t, krakenSrv, krakenSrv.Key(exauth.ScopeTradeSpot))
	counts := map[int]int{}
	for round := range 20 {
		const n = 5
		var bodies, orders []string
		for i := range n {
			id := fmt.Sprintf("r%di%d", round, i)
			bodies = append(bodies, okxOrder("clOrdId", id, "sz", "0.001"))
			orders = append(orders, `{"ordertype":"limit","type":"buy","volume":"0.001","price":"50000","cl_ord_id":"`+id+`"}`)
		}
		a := okx.do("POST", "/api/v5/trade/batch-orders", "["+strings.Join(bodies, ",")+"]")
		nonce := strconv.FormatUint(kraken.nonce.Add(1), 10)
		b := kraken.post("/0/private/AddOrderBatch", nonce, `{"nonce":`+nonce+`,"pair":"XBTUSD","orders":[`+strings.Join(orders, ",")+`]}`, "application/json")
		done := 0
		for i := range n {
			id, at := fmt.Sprintf("r%di%d", round, i), strconv.Itoa(i)
			if ok := a.at(t, "data."+at+".sCode") == "0"; ok != (okxSrv.Executions(id) == 1) {
				t.Errorf("OKX %s: executed %d times, told %s", id, okxSrv.Executions(id), a.body)
			}
			if ok := b.at(t, "result.orders."+at+".error") == ""; ok != (krakenSrv.Executions(id) == 1) {
				t.Errorf("Kraken %s: executed %d times, told %s", id, krakenSrv.Executions(id), b.body)
			}
			done += okxSrv.Executions(id)
		}
		if a.at(t, "code") != "2" {
			t.Errorf("OKX answered %s", a.body)
		}
		counts[done]++
	}
	if counts[0]+counts[5] > 0 || len(counts) < 3 {
		t.Errorf("of five orders were executed %v", counts)
	}
	srv := start(t, "binance", fault)
	c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
	halves := map[string]int{}
	for i := range 20 {
		n := strconv.Itoa(i)
		srv.SetFaults()
		c.order("newClientOrderId", "old"+n, "quantity", "0.001")
		srv.SetFaults(fault.Faults...)
		got := c.do("POST", "/api/v3/order/cancelReplace", "symbol", "BTCUSDT", "side", "BUY", "type", "LIMIT", "timeInForce", "GTC", "quantity", "0.001",
			"price", "50001", "newClientOrderId", "new"+n, "cancelOrigClientOrderId", "old"+n, "cancelReplaceMode", "ALLOW_FAILURE")
		canceled, placed := got.at(t, "data.cancelResult") == "SUCCESS", got.at(t, "data.newOrderResult") == "SUCCESS"
		state := c.do("GET", "/api/v3/order", "symbol", "BTCUSDT", "origClientOrderId", "old"+n).at(t, "status")
		if got.status != 409 || canceled == placed || canceled != (state == "CANCELED") || placed != (srv.Executions("new"+n) == 1) {
			t.Errorf("the old order is %s, the new one executed %d times: %s", state, srv.Executions("new"+n), got.body)
		}
		halves[got.at(t, "data.cancelResult")]++
	}
	if len(halves) != 2 {
		t.Errorf("it was always the same half: %v", halves)
	}
}

// TestBinanceCancelReplaceCounts: a new order that was not even tried counts as one
// all the same (developers.binance.com, "Cancel an Existing Order and Send a New
// Order"); one whose parameters were wrong does not.
func TestBinanceCancelReplaceCounts(t *testing.T) {
	srv := start(t, "binance", &exchangetest.Options{Quotas: []exauth.Quota{{Name: "ORDERS_1D", Kind: exauth.FixedWindow, Limit: 100, Window: 24 * time.Hour, Per: exauth.PerAccount}}})
	c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
	for i, price := range []string{"50000", "50000.001"} {
		c.do("POST", "/api/v3/order/cancelReplace", "symbol", "BTCUSDT", "side", "BUY", "type", "LIMIT", "timeInForce", "GTC", "quantity", "0.1",
			"price", price, "cancelOrderId", "99", "cancelReplaceMode", "STOP_ON_FAILURE")
		if used, _ := srv.Quota("ORDERS_1D"); used != 1 {
			t.Errorf("after %d calls %d orders counted, want 1", i+1, used)
		}
	}
}
