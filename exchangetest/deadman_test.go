package exchangetest_test

import (
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// A client that was not heard of in time has nothing open any more; one that was
// keeps its orders.
func TestDeadMansSwitch(t *testing.T) {
	type client struct {
		arm   func(seconds string, at time.Duration) reply
		place func(id string, at time.Duration) reply
		open  func(id string, at time.Duration) bool
		ok    func(reply) bool
	}
	for _, tt := range []struct {
		venue string
		bad   []string
		make  func(t *testing.T) (client, func(time.Duration))
	}{
		{"kraken", []string{"-1", "86401", "1.5", ""}, func(t *testing.T) (client, func(time.Duration)) {
			srv := start(t, "kraken", nil)
			c := newKraken(t, srv, srv.Key(exauth.ScopeTradeSpot))
			return client{
				arm:   func(s string, _ time.Duration) reply { return c.do("CancelAllOrdersAfter", "timeout", s) },
				place: func(id string, _ time.Duration) reply { return c.order("cl_ord_id", id) },
				open: func(id string, _ time.Duration) bool {
					return c.do("OpenOrders", "cl_ord_id", id).at(t, "result.open") != "{}"
				},
				ok: func(r reply) bool { return r.at(t, "error") == "[]" },
			}, srv.SetClock
		}},
		{"okx", []string{"9", "121", "-1", "x", ""}, func(t *testing.T) (client, func(time.Duration)) {
			srv := start(t, "okx", nil)
			c := newOKX(t, srv, srv.Key(exauth.ScopeTradeSpot))
			at := func(d time.Duration) *okxClient {
				return c.at(time.Now().Add(d).UTC().Format("2006-01-02T15:04:05.000Z"))
			}
			return client{
				arm: func(s string, d time.Duration) reply {
					return at(d).do("POST", "/api/v5/trade/cancel-all-after", okxJSON("timeOut", s))
				},
				place: func(id string, d time.Duration) reply { return at(d).order("clOrdId", id) },
				open: func(id string, d time.Duration) bool {
					return at(d).do("GET", "/api/v5/trade/order?instId=BTC-USDT&clOrdId="+id, "").at(t, "data.0.state") == "live"
				},
				ok: func(r reply) bool { return r.at(t, "code") == "0" },
			}, srv.SetClock
		}},
	} {
		t.Run(tt.venue, func(t *testing.T) {
			c, setClock := tt.make(t)
			for _, bad := range tt.bad {
				if r := c.arm(bad, 0); c.ok(r) {
					t.Errorf("timeout %q was taken: %s", bad, r.body)
				}
			}
			must := func(r reply) {
				t.Helper()
				if !c.ok(r) {
					t.Fatalf("refused: %s", r.body)
				}
			}
			must(c.place("1", 0))
			must(c.arm("60", 0))
			for _, step := range []struct {
				after time.Duration
				arm   string
				open  bool
			}{
				{after: 50 * time.Second, open: true},
				{after: 55 * time.Second, arm: "60", open: true},
				{after: 110 * time.Second, arm: "0", open: true},
				{after: 500 * time.Second, arm: "60", open: true}, // it was disarmed
				{after: 561 * time.Second, open: false},
			} {
				setClock(step.after)
				if step.arm != "" {
					must(c.arm(step.arm, step.after))
				}
				if got := c.open("1", step.after); got != step.open {
					t.Errorf("after %s the order is open: %v, want %v", step.after, got, step.open)
				}
			}
			must(c.place("2", 561*time.Second))
			if setClock(2000 * time.Second); !c.open("2", 2000*time.Second) {
				t.Error("a switch fell twice")
			}
		})
	}
}
