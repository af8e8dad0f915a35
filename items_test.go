package exauth_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// batches are calls with several operations on each exchange that plays them: two
// orders that it can take, and one for more than there is.
var batches = map[string]struct {
	venue func() *exauth.Venue
	call  exauth.Call
}{
	"kraken": {venue.Kraken, exauth.Call{Method: "POST", Path: "/0/private/AddOrderBatch", Params: exauth.Params{{"pair", "XBTUSD"}, {"orders", []exauth.Params{
		{{"type", "buy"}, {"ordertype", "limit"}, {"volume", "0.001"}, {"price", "20000"}},
		{{"type", "buy"}, {"ordertype", "limit"}, {"volume", "0.002"}, {"price", "20000"}},
		{{"type", "buy"}, {"ordertype", "limit"}, {"volume", "90000"}, {"price", "20000"}}}}}}},
	"okx": {venue.OKX, exauth.Call{Method: "POST", Path: "/api/v5/trade/batch-orders", Params: []exauth.Params{
		{{"instId", "BTC-USDT"}, {"tdMode", "cash"}, {"side", "buy"}, {"ordType", "limit"}, {"sz", "0.001"}, {"px", "20000"}},
		{{"instId", "ETH-USDT"}, {"tdMode", "cash"}, {"side", "buy"}, {"ordType", "limit"}, {"sz", "0.002"}, {"px", "2000"}},
		{{"instId", "BTC-USDT"}, {"tdMode", "cash"}, {"side", "buy"}, {"ordType", "limit"}, {"sz", "90000"}, {"px", "20000"}}}}},
}

// batchClient opens an exchange and a client that keeps trying as it does by default.
func batchClient(t *testing.T, v *exauth.Venue, o *exauth.Options) (*exchangetest.Server, *exauth.Client) {
	t.Helper()
	srv := exchangetest.NewServer(t, v, nil)
	if o == nil {
		o = &exauth.Options{}
	}
	o.HTTPClient, o.Limiter = srv.Client(), exauth.NewLimiter(v, &exauth.LimiterOptions{Off: true})
	c, err := exauth.New(srv.Venue(), srv.Key(exauth.ScopeTradeSpot).Credential(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return srv, c
}

// outcomes lists the fates of items.
func outcomes(items []exauth.Item) (list []exauth.Outcome) {
	for _, it := range items {
		list = append(list, it.Outcome)
	}
	return list
}

// TestBatchResolve (O1, O3): a batch whose answer is lost is settled order by order:
// what was executed, what the venue refused, and what it never saw.
func TestBatchResolve(t *testing.T) {
	const accepted, rejected, unknown = exauth.OutcomeAccepted, exauth.OutcomeRejected, exauth.OutcomeUnknown
	for _, tc := range []struct {
		name  string
		fault exchangetest.FaultKind
		told  exauth.Outcome
		want  []exauth.Outcome
	}{
		{"in peace", 0, exauth.OutcomePartial, []exauth.Outcome{accepted, accepted, rejected}},
		{"answer lost after execution", exchangetest.FaultResetAfter, unknown, []exauth.Outcome{accepted, accepted, rejected}},
		{"answer cut", exchangetest.FaultTruncated, unknown, []exauth.Outcome{accepted, accepted, rejected}},
		{"lost before execution", exchangetest.FaultReset, unknown, []exauth.Outcome{rejected, rejected, rejected}},
	} {
		for name, b := range batches {
			t.Run(name+"/"+tc.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv, c := batchClient(t, b.venue(), nil)
					if tc.fault != 0 {
						if err := srv.SetFaults(exchangetest.Fault{Kind: tc.fault, Method: "POST", Path: b.call.Path, Times: 1}); err != nil {
							t.Fatal(err)
						}
					}
					_, err := c.Do(t.Context(), b.call)
					var e *exauth.Error
					if !errors.As(err, &e) || e.Outcome != tc.told || len(e.Items) != 3 {
						t.Fatalf("%v, want %v with three items", err, tc.told)
					}
					if e.Outcome == unknown && e.SettledAt.IsZero() {
						t.Error("nobody says when it can be settled")
					}
					res, err := c.Resolve(t.Context(), e)
					if err != nil || !slices.Equal(outcomes(res.Items), tc.want) {
						t.Fatalf("resolved to %v, %v, want %v", outcomes(res.Items), err, tc.want)
					}
					want := exauth.OutcomePartial
					if tc.want[0] == rejected {
						want = rejected
					}
					if res.Outcome != want {
						t.Errorf("resolved to %v as a whole, want %v", res.Outcome, want)
					}
					for i, it := range res.Items {
						n := srv.Executions(it.ClientOrderID)
						if it.ClientOrderID == "" || n > 1 || (n == 1) != (it.Outcome == accepted) {
							t.Errorf("item %d, %q: %v, executed %d times", i, it.ClientOrderID, it.Outcome, n)
						}
						if (it.Kind == nil) != (it.Outcome == accepted) {
							t.Errorf("item %d: %v because of %v", i, it.Outcome, it.Kind)
						}
						if tc.fault != 0 && it.Outcome == accepted && !(json.Valid(it.Payload) && strings.Contains(string(it.Payload), it.ClientOrderID)) {
							t.Errorf("item %d: payload %s", i, it.Payload)
						}
					}
				})
			})
		}
	}
}

// TestBatchFaults: whatever befalls a batch, no order of it is executed twice, none is
// told rejected that was executed, none accepted that was not, and none is unknown
// after Resolve.
func TestBatchFaults(t *testing.T) {
	for name, b := range batches {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, c := batchClient(t, b.venue(), nil)
				var mix []exchangetest.Fault
				for _, f := range exchangetest.FaultMix(0.7, exchangetest.FaultClock, exchangetest.Fault418, exchangetest.Fault429) {
					f.Method, f.Path = "POST", b.call.Path
					mix = append(mix, f)
				}
				if err := srv.SetFaults(mix...); err != nil {
					t.Fatal(err)
				}
				told := map[exauth.Outcome]int{}
				for range 150 {
					resp, err := c.Do(t.Context(), b.call)
					var items []exauth.Item
					var e *exauth.Error
					switch {
					case err == nil:
						items = resp.Items
					case errors.As(err, &e) && e.Outcome == exauth.OutcomeUnknown:
						res, err := c.Resolve(t.Context(), e)
						if items = res.Items; err != nil {
							t.Fatal(err)
						}
					case errors.As(err, &e):
						items = e.Items
					}
					time.Sleep(5 * time.Second) // what is under way arrives
					for _, it := range items {
						told[it.Outcome]++
						n := srv.Executions(it.ClientOrderID)
						if n > 1 || (n == 1) != (it.Outcome == exauth.OutcomeAccepted) || it.Outcome == exauth.OutcomeUnknown {
							t.Errorf("%v: item %d is told %v, executed %d times", err, it.Index, it.Outcome, n)
						}
					}
					if len(items) != 3 {
						t.Errorf("%v: %d items", err, len(items))
					}
				}
				if twice := srv.Twice(); len(twice) > 0 {
					t.Errorf("executed twice: %v", twice)
				}
				t.Logf("450 orders: told %v; faults %v", told, srv.Faults())
			})
		})
	}
}

// TestReplaceResolve: a cancel-replace whose answer is lost: the new order is looked
// up, the cancel can be sent again.
func TestReplaceResolve(t *testing.T) {
	const path = "/api/v3/order/cancelReplace"
	for _, executed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			srv, c := batchClient(t, venue.Binance(), nil)
			place := exauth.Params{{"symbol", "BTCUSDT"}, {"side", "BUY"}, {"type", "LIMIT"}, {"timeInForce", "GTC"}, {"quantity", "0.001"}, {"price", "20000"}}
			if _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/api/v3/order", Params: place, ClientOrderID: "first"}); err != nil {
				t.Fatal(err)
			}
			kind := exchangetest.FaultReset
			if executed {
				kind = exchangetest.FaultResetAfter
			}
			if err := srv.SetFaults(exchangetest.Fault{Kind: kind, Path: path}); err != nil {
				t.Fatal(err)
			}
			_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: path, Params: append(place,
				exauth.Param{"cancelReplaceMode", "STOP_ON_FAILURE"}, exauth.Param{"cancelOrigClientOrderId", "first"})})
			var e *exauth.Error
			if !errors.As(err, &e) || e.Outcome != exauth.OutcomeUnknown || len(e.Items) != 2 || e.Items[0].ClientOrderID != "first" || e.Items[1].ClientOrderID != e.ClientOrderID || e.ClientOrderID == "" {
				t.Fatalf("%v: %+v", err, e)
			}
			res, err := c.Resolve(t.Context(), e)
			want := []exauth.Outcome{exauth.OutcomeUnknown, exauth.OutcomeRejected}
			if executed {
				want[1] = exauth.OutcomeAccepted
			}
			if err != nil || res.Outcome != exauth.OutcomeUnknown || !slices.Equal(outcomes(res.Items), want) {
				t.Errorf("executed %v: %v, %v, %v", executed, res.Outcome, outcomes(res.Items), err)
			}
			cancel := exauth.Call{Method: "DELETE", Path: "/api/v3/order", Params: exauth.Params{{"symbol", "BTCUSDT"}, {"origClientOrderId", "first"}}}
			if _, err := c.Do(t.Context(), cancel); executed != errors.Is(err, exauth.ErrUnknownOrder) {
				t.Errorf("executed %v: the cancel sent again: %v", executed, err)
			}
		})
	}
}

// TestBatchUndecoded: an answer to a batch that does not fit its type is settled by
// the ids that were sent.
func TestBatchUndecoded(t *testing.T) {
	for name, b := range batches {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, c := batchClient(t, b.venue(), nil)
				call := b.call
				switch p := call.Params.(type) { // without the order that is refused
				case []exauth.Params:
					call.Params = p[:2]
				case exauth.Params:
					call.Params = exauth.Params{p[0], {p[1].Name, p[1].Value.([]exauth.Params)[:2]}}
				}
				_, err := exauth.Do[int](t.Context(), c, call)
				var e *exauth.Error
				if !errors.As(err, &e) || e.Outcome != exauth.OutcomeUnknown || len(e.Items) != 2 {
					t.Fatalf("%v: %+v", err, e)
				}
				cut := *e
				cut.Items = e.Items[:1]
				if res, err := c.Resolve(t.Context(), &cut); !errors.Is(err, exauth.ErrParam) || res.Outcome != exauth.OutcomeUnknown {
					t.Errorf("with half of its items: %+v, %v", res, err)
				}
				res, err := c.Resolve(t.Context(), e)
				if err != nil || res.Outcome != exauth.OutcomeAccepted {
					t.Errorf("%+v, %v", res, err)
				}
				for _, it := range res.Items {
					if n := srv.Executions(it.ClientOrderID); n != 1 {
						t.Errorf("%q was executed %d times", it.ClientOrderID, n)
					}
				}
			})
		})
	}
}

// TestItemsOfRefusedCalls: the items of a call that was not sent share its fate.
func TestItemsOfRefusedCalls(t *testing.T) {
	for name, b := range batches {
		v := b.venue()
		_, c := batchClient(t, v, nil)
		c.Halt("by hand")
		_, err := c.Do(t.Context(), b.call)
		var e *exauth.Error
		if !errors.As(err, &e) || !errors.Is(err, exauth.ErrHalted) || len(e.Items) != 3 || e.Items[2].Outcome != exauth.OutcomeNotSent || e.Items[2].ClientOrderID == "" {
			t.Errorf("%s: %v: %+v", name, err, e)
		}
	}
}
