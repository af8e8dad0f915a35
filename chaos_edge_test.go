package exauth_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// TestResolveLabel: Call.ClientOrderID of a body that exauth may not write into is a
// label of the caller's, which the venue never saw. That the venue has no order of that
// name says nothing of this one.
func TestResolveLabel(t *testing.T) {
	for name, body := range map[string]string{"no id": `{"instId":"BTC-USDT"}`, "another id": `{"instId":"BTC-USDT","clOrdId":"sent"}`} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{look: func(int, *http.Request) (int, string) { return 200, okxAbsent }}
				c := scripted(t, venue.OKX(), s, exauth.Options{})
				call := exauth.Call{Method: "POST", Path: "/api/v5/trade/order", Params: json.RawMessage(body), ClientOrderID: "mine"}
				if name == "another id" {
					if _, err := c.Do(t.Context(), call); err == nil {
						t.Error("two ids for one order")
					}
					return
				}
				e := unknownOf(t, c, call)
				if res, err := c.Resolve(t.Context(), e); res.Outcome != exauth.OutcomeUnknown || err != nil || s.looks != 0 || !e.SettledAt.IsZero() {
					t.Errorf("resolved to %v, %v after %d lookups; settled at %v", res.Outcome, err, s.looks, e.SettledAt)
				}
			})
		})
	}
}

// TestResolveClockSetBack: the venue's clock is set back while an order is under way,
// so the last moment at which it may be accepted comes later than we thought. Resolve
// asks for the time again before it says that nothing was placed.
func TestResolveClockSetBack(t *testing.T) {
	for name, back := range map[string]time.Duration{"binance": 900 * time.Millisecond, "okx": 4 * time.Second, "kraken": 8 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, p := chaos{}, pits[name]
				srv, c := k.open(t, p)
				if err := c.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
				good := map[string]time.Duration{"binance": 5 * time.Second, "okx": 5 * time.Second, "kraken": 9 * time.Second}[name]
				late := exchangetest.Fault{Kind: exchangetest.FaultLate, Method: "POST", Delay: good + back - 300*time.Millisecond, Times: 1}
				if err := srv.SetFaults(late); err != nil {
					t.Fatal(err)
				}
				call := p.order("50000")
				call.ClientOrderID = "late"
				e := unknownOf(t, c, call)
				srv.SetClock(-back)
				res, err := c.Resolve(t.Context(), e)
				for srv.Late() > 0 {
					time.Sleep(time.Second)
				}
				if n := srv.Executions("late"); n != 1 || res.Outcome != exauth.OutcomeAccepted || err != nil {
					t.Errorf("executed %d times, resolved to %v, %v", n, res.Outcome, err)
				}
			})
		})
	}
}
