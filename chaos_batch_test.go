package exauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// A crate is one venue's call that holds several operations: its new orders have the
// ids given, and the one it cancels, if it does, is "old" and the first id.
type crate struct {
	size    int // new orders in it
	cancels bool
	call    func(ids []string) exauth.Call
}

var crates = map[string]crate{
	"binance": {1, true, func(ids []string) exauth.Call {
		return exauth.Call{Method: "POST", Path: "/api/v3/order/cancelReplace", Params: exauth.Params{{"symbol", "BTCUSDT"}, {"side", "BUY"}, {"type", "LIMIT"},
			{"timeInForce", "GTC"}, {"quantity", "0.001"}, {"price", "50000"}, {"cancelReplaceMode", "ALLOW_FAILURE"},
			{"cancelOrigClientOrderId", "old" + ids[0]}, {"newClientOrderId", ids[0]}}}
	}},
	"kraken": {4, false, func(ids []string) exauth.Call {
		var list []any
		for i, id := range ids {
			list = append(list, exauth.Params{{"type", "buy"}, {"ordertype", "limit"}, {"volume", "0.001"}, {"price", []string{"60000", "50000"}[i%2]}, {"cl_ord_id", id}})
		}
		return exauth.Call{Method: "POST", Path: "/0/private/AddOrderBatch", Params: exauth.Params{{"pair", "XBTUSD"}, {"orders", list}}}
	}},
	"okx": {4, false, func(ids []string) exauth.Call {
		var list []any
		for i, id := range ids {
			list = append(list, exauth.Params{{"instId", "BTC-USDT"}, {"tdMode", "cash"}, {"side", "buy"}, {"ordType", "limit"}, {"sz", "0.001"},
				{"px", []string{"60000", "50000"}[i%2]}, {"clOrdId", id}})
		}
		return exauth.Call{Method: "POST", Path: "/api/v5/trade/batch-orders", Params: list}
	}},
}

// fatesOf sends one crate and settles what can be settled of it.
func fatesOf(t *testing.T, c *exauth.Client, call exauth.Call, size int) (items []exauth.Item, first error) {
	resp, err := c.Do(t.Context(), call)
	var e *exauth.Error
	switch {
	case err == nil:
		return resp.Items, nil
	case !errors.As(err, &e):
		t.Error(err)
	}
	items = e.Items
	for round := 0; e.Outcome == exauth.OutcomeUnknown && round < 25; round++ {
		res, again := c.Resolve(t.Context(), e)
		if items = res.Items; again == nil {
			break // what is still unknown is not looked up
		}
	}
	if items == nil { // the whole call has one fate
		items = make([]exauth.Item, size)
		for i := range items {
			items[i].Outcome = e.Outcome
		}
	}
	return items, err
}

// TestChaosBatches (O1): of calls that do several things, among faults and with half
// of them done: no order is executed twice, and each is told for what it is. Cancels
// that are still unknown may be sent again and are not looked up.
func TestChaosBatches(t *testing.T) {
	calls := 120
	if os.Getenv("EXAUTH_CHAOS") != "" {
		calls = 3000
	}
	for name, b := range crates {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, p := chaos{seed: 3, workers: 16, orders: calls}, pits[name]
				srv, c := k.open(t, p)
				id := func(i, j int) string { return fmt.Sprintf("b%dx%d", i, j) }
				if b.cancels {
					for i := range calls {
						call := p.order("40000")
						call.ClientOrderID = "old" + id(i, 0)
						if _, err := c.Do(t.Context(), call); err != nil {
							t.Fatal(err)
						}
					}
				}
				batch := b.call(make([]string, 1))
				mix := append([]exchangetest.Fault{{Kind: exchangetest.FaultPartial, Path: batch.Path, Rate: 0.2}}, exchangetest.FaultMix(0.2, exchangetest.FaultPartial)...)
				if err := srv.SetFaults(mix...); err != nil {
					t.Fatal(err)
				}
				told, errs := make([][]exauth.Item, calls), make([]error, calls)
				var workers sync.WaitGroup
				for w := range k.workers {
					workers.Go(func() {
						for i := w; i < calls; i += k.workers {
							var ids []string
							for j := range b.size {
								ids = append(ids, id(i, j))
							}
							told[i], errs[i] = fatesOf(t, c, b.call(ids), b.size)
						}
					})
				}
				workers.Wait()
				for srv.Late() > 0 {
					time.Sleep(time.Second)
				}
				if err := srv.SetFaults(); err != nil {
					t.Fatal(err)
				}
				counts, canceled, wrong := map[exauth.Outcome]int{}, map[exauth.Outcome]int{}, 0
				for i, items := range told {
					if b.cancels && len(items) == 2 {
						canceled[items[0].Outcome]++
						if state := orderState(t, c, "old"+id(i, 0)); items[0].Outcome == exauth.OutcomeAccepted && state != "CANCELED" || items[0].Outcome == exauth.OutcomeRejected && state == "CANCELED" {
							t.Errorf("call %d: the cancel was told %v, the order is %s: %v", i, items[0].Outcome, state, errs[i])
						}
						items = items[1:]
					}
					if len(items) != b.size {
						t.Errorf("call %d: %d fates: %v", i, len(items), errs[i])
						continue
					}
					for j, it := range items {
						n := srv.ExecutionsOf("main", id(i, j))
						counts[it.Outcome]++
						if n > 1 || (it.Outcome == exauth.OutcomeAccepted) != (n == 1) || it.Outcome == exauth.OutcomeUnknown || it.Outcome == exauth.OutcomePartial {
							if wrong++; wrong <= 5 {
								t.Errorf("order %s: told %v, executed %d times; first error: %v", id(i, j), it.Outcome, n, errs[i])
							}
						}
					}
				}
				t.Logf("%d calls: orders told %v, cancels %v; %d wrong; %d replays; %v", calls, counts, canceled, wrong, srv.ReplayedWrites(), srv.Faults())
				if srv.ReplayedWrites() != 0 || len(srv.Twice()) != 0 || wrong > 0 {
					t.Errorf("%d replays, %d twice, %d wrong", srv.ReplayedWrites(), len(srv.Twice()), wrong)
				}
				if srv.Faults()[exchangetest.FaultPartial] < calls/10 || counts[exauth.OutcomeAccepted] == 0 || counts[exauth.OutcomeRejected] == 0 {
					t.Error("the run shows nothing")
				}
			})
		})
	}
}

// orderState asks Binance for an order.
func orderState(t *testing.T, c *exauth.Client, id string) string {
	resp, err := c.Do(t.Context(), exauth.Call{Path: "/api/v3/order", Params: exauth.Params{{"symbol", "BTCUSDT"}, {"origClientOrderId", id}}})
	if err != nil {
		return strings.TrimSpace(err.Error())
	}
	var o struct{ Status string }
	if err := json.Unmarshal(resp.Payload, &o); err != nil {
		return err.Error()
	}
	return o.Status
}
