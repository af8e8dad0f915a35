package exauth_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/exauth/exauth"
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
