package exauth_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
)

// TestGate (Q4): 200 goroutines and one refusal: nothing is sent before it ends, then
// one probe, then all.
func TestGate(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func() exauth.Observation
		shut   time.Duration
	}{
		{"429 in seconds", func() exauth.Observation { return told(429, "Retry-After", "7") }, 7 * time.Second},
		{"429 with a date", func() exauth.Observation {
			now := time.Now().UTC()
			return told(429, "Date", now.Format(http.TimeFormat), "Retry-After", now.Add(9*time.Second).Format(http.TimeFormat))
		}, 9 * time.Second},
		{"429 without a time", func() exauth.Observation { return told(429) }, time.Second},
		{"429 as the client read it", func() exauth.Observation { o := told(429); o.RetryAfter = 4 * time.Second; return o }, 4 * time.Second},
		{"418", func() exauth.Observation { return told(418, "Retry-After", "120") }, 2 * time.Minute},
		{"418 without a time", func() exauth.Observation { return told(418) }, 2 * time.Minute},
		{"named in a 200", func() exauth.Observation {
			o := told(200, "Retry-After", "5")
			o.Refused = "weight"
			return o
		}, 5 * time.Second},
		{"named in a 403", func() exauth.Observation {
			o := told(403)
			o.Refused, o.RetryAfter = "weight", 10*time.Minute
			return o
		}, 10 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			midWindow(t, func(t *testing.T) {
				l, d := limiterOf(nil, perMinute(5000)), exauth.Demand{Costs: cost("weight", 1)}
				grab(t, l, d).Settle(c.answer())
				shut := time.Now()
				var mu sync.Mutex
				var granted []exauth.Lease
				var wg sync.WaitGroup
				for range 200 {
					wg.Go(func() {
						lease, err := l.Wait(t.Context(), d)
						if err != nil {
							t.Error(err)
						}
						mu.Lock()
						granted = append(granted, lease)
						mu.Unlock()
					})
				}
				count := func() int { synctest.Wait(); mu.Lock(); defer mu.Unlock(); return len(granted) }
				time.Sleep(c.shut - 10*time.Millisecond)
				if n := count(); n != 0 {
					t.Fatalf("%d calls went while the gate was shut", n)
				}
				if c.shut < 10*time.Second {
					if e := refused(t, l, d); e.RetryAfter < 10*time.Millisecond || e.RetryAfter > 11*time.Millisecond {
						t.Errorf("RetryAfter %s, want what is left of the gate, 10ms", e.RetryAfter)
					}
				}
				time.Sleep(20 * time.Millisecond)
				if n := count(); n != 1 {
					t.Fatalf("%d calls went %s after the refusal; want one probe", n, time.Since(shut))
				}
				time.Sleep(200 * time.Millisecond)
				if n := count(); n != 1 {
					t.Fatalf("%d calls went while the probe was under way", n)
				}
				granted[0].Settle(told(200))
				if n := count(); n != 200 {
					t.Fatalf("%d of 200 calls went after the probe's success", n)
				}
				wg.Wait()
			})
		})
	}
}

// TestGateProbes: what a probe's end does.
func TestGateProbes(t *testing.T) {
	for _, c := range []struct {
		name  string
		probe exauth.Observation
		after time.Duration // until the next call goes
	}{
		{"refused again, longer", exauth.Observation{Status: 429, Header: http.Header{"Retry-After": {"30"}}}, 30 * time.Second},
		{"refused again, no time named", exauth.Observation{Status: 429}, 2 * time.Second},
		{"lost", exauth.Observation{Unknown: true}, time.Second},
		{"never sent", exauth.Observation{}, 0},
		{"an error that is no limit", exauth.Observation{Status: 500}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			midWindow(t, func(t *testing.T) {
				l, d := limiterOf(nil, perMinute(5000)), exauth.Demand{Costs: cost("weight", 1)}
				grab(t, l, d).Settle(told(429))
				probe, err := l.Wait(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				begin, o := time.Now(), c.probe
				if o.Status != 0 || o.Unknown {
					o.Sent, o.Received = begin, begin
				}
				probe.Settle(o)
				if _, err := l.Wait(t.Context(), d); err != nil || time.Since(begin) != c.after {
					t.Errorf("the next went after %s (%v), want %s", time.Since(begin), err, c.after)
				}
			})
		})
	}
}

// TestGateBurst: calls that were under way together and are refused together are one
// refusal, however many; and a late success of one of them opens nothing.
func TestGateBurst(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l, d := limiterOf(nil, perMinute(5000)), exauth.Demand{Costs: cost("weight", 1)}
		var leases []exauth.Lease
		for range 101 {
			leases = append(leases, grab(t, l, d))
		}
		sent := time.Now()
		time.Sleep(100 * time.Millisecond)
		for i := range 100 {
			o := told(429)
			o.Sent = sent
			leases[i].Settle(o)
		}
		ok := told(200)
		ok.Sent = sent
		leases[100].Settle(ok)
		begin := time.Now()
		if _, err := l.Wait(t.Context(), d); err != nil || time.Since(begin) != time.Second {
			t.Errorf("the probe went after %s (%v), want one second", time.Since(begin), err)
		}
	})
}

// TestGateForgottenProbe: a probe nobody settles does not shut the gate for ever.
func TestGateForgottenProbe(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l, d := limiterOf(nil, perMinute(5000)), exauth.Demand{Costs: cost("weight", 1)}
		grab(t, l, d).Settle(told(429))
		begin := time.Now()
		for range 3 {
			if _, err := l.Wait(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(begin) > 3*time.Minute {
			t.Errorf("three probes that nobody settled took %s", time.Since(begin))
		}
	})
}

// TestGateScopes: a refusal stops those it is about. An order quota's does not stop
// market data; an address's stops everything that leaves from it.
func TestGateScopes(t *testing.T) {
	quotas := []exauth.Quota{perMinute(5000),
		{Name: "orders", Kind: exauth.FixedWindow, Limit: 100, Window: 10 * time.Second, Per: exauth.PerAccount},
		{Name: "pair", Kind: exauth.DecayCounter, Limit: 60, Refill: 1, Per: exauth.PerSymbol},
		{Name: "key", Kind: exauth.TokenBucket, Limit: 60, Refill: 1, Per: exauth.PerKey}}
	order := exauth.Demand{KeyID: "k1", Account: "a1", Egress: "e1", Priority: exauth.PriorityOrder,
		Costs: []exauth.Cost{{Quota: "weight", N: 1}, {Quota: "orders", N: 1}, {Quota: "pair", Item: "BTC", N: 1}, {Quota: "key", N: 1}}}
	with := func(f func(d *exauth.Demand)) exauth.Demand {
		d := order
		d.Costs = append([]exauth.Cost(nil), d.Costs...)
		f(&d)
		return d
	}
	others := map[string]exauth.Demand{
		"market data":        with(func(d *exauth.Demand) { d.Costs = d.Costs[:1] }),
		"free call":          with(func(d *exauth.Demand) { d.Costs = nil }),
		"order elsewhere":    with(func(d *exauth.Demand) { d.Account, d.KeyID, d.Egress = "a2", "k2", "e2" }),
		"order of account 2": with(func(d *exauth.Demand) { d.Account, d.KeyID = "a2", "k2" }),
		"order of key 2":     with(func(d *exauth.Demand) { d.KeyID = "k2" }),
		"order of ETH":       with(func(d *exauth.Demand) { d.Costs[2].Item = "ETH" }),
		"order from e2":      with(func(d *exauth.Demand) { d.Egress = "e2" }),
	}
	for _, c := range []struct {
		name    string
		status  int
		refused string
		pass    []string
	}{
		{"orders", 429, "orders", []string{"market data", "free call", "order elsewhere", "order of account 2"}},
		{"orders in a 200", 200, "orders", []string{"market data", "free call", "order elsewhere", "order of account 2"}},
		{"pair", 429, "pair", []string{"market data", "free call", "order elsewhere", "order of account 2", "order of ETH"}},
		{"key", 200, "key", []string{"market data", "free call", "order elsewhere", "order of account 2", "order of key 2"}},
		{"weight", 429, "weight", []string{"order elsewhere", "order from e2"}},
		{"unnamed", 429, "", []string{"order elsewhere", "order from e2"}},
		{"ban", 418, "", []string{"order elsewhere", "order from e2"}},
		{"ban that names orders", 418, "orders", []string{"order elsewhere", "order from e2"}},
		{"a name nobody knows", 429, "something", []string{"order elsewhere", "order from e2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			midWindow(t, func(t *testing.T) {
				l := limiterOf(nil, quotas...)
				o := told(c.status, "Retry-After", "30")
				o.Refused = c.refused
				grab(t, l, order).Settle(o)
				refused(t, l, order)
				pass := map[string]bool{}
				for _, name := range c.pass {
					pass[name] = true
				}
				for name, d := range others {
					d.MaxWait = time.Nanosecond
					if _, err := l.Wait(t.Context(), d); (err == nil) != pass[name] {
						t.Errorf("%s: %v; want it to pass: %v", name, err, pass[name])
					}
				}
			})
		})
	}
}

// TestGateOfFreeCall: a call that costs nothing and is banned stops its address.
func TestGateOfFreeCall(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l := limiterOf(nil, perMinute(10))
		grab(t, l, exauth.Demand{Egress: "e1"}).Settle(told(418, "Retry-After", "60"))
		if err := refused(t, l, exauth.Demand{Egress: "e1", Costs: cost("weight", 1)}); !errors.Is(err, exauth.ErrBanned) {
			t.Errorf("%v, want ErrBanned too", err)
		}
		grab(t, l, exauth.Demand{Egress: "e2", Costs: cost("weight", 1)})
	})
}

// TestGateSeveral: several gates on one path are probed by one call.
func TestGateSeveral(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l := limiterOf(nil, perMinute(100), exauth.Quota{Name: "orders", Kind: exauth.FixedWindow, Limit: 100, Window: time.Minute, Per: exauth.PerAccount})
		d := exauth.Demand{Costs: cost("weight", 1, "orders", 1)}
		a, b := grab(t, l, d), grab(t, l, d)
		o := told(429, "Retry-After", "3")
		o.Refused = "orders"
		a.Settle(o)
		b.Settle(told(429, "Retry-After", "5"))
		begin := time.Now()
		probe, err := l.Wait(t.Context(), d)
		if err != nil || time.Since(begin) != 5*time.Second {
			t.Fatalf("probe after %s, %v; want the longer gate's 5s", time.Since(begin), err)
		}
		if s := stateOf(t, l, "orders"); s.Gate != 0 {
			t.Errorf("gate %s, want 0: it is time to probe", s.Gate)
		}
		probe.Settle(told(200))
		grab(t, l, d)
		grab(t, l, exauth.Demand{Costs: cost("weight", 1)})
	})
}

// TestGateWaiting: nobody who is cancelled in front of a shut gate takes the probe
// with him.
func TestGateWaiting(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l, d := limiterOf(nil, perMinute(100)), exauth.Demand{Costs: cost("weight", 1)}
		grab(t, l, d).Settle(told(429, "Retry-After", "3"))
		var gone, went atomic.Int32
		for i := range 40 {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				defer cancel()
				lease, err := l.Wait(ctx, d)
				switch {
				case err == nil:
					went.Add(1)
					lease.Settle(told(200))
				case errors.Is(err, context.Canceled):
					gone.Add(1)
				default:
					t.Error(err)
				}
			}()
			if i < 20 { // cancelled in the very instant the gate opens
				time.AfterFunc(3*time.Second, cancel)
			}
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if gone.Load()+went.Load() != 40 || went.Load() < 20 {
			t.Errorf("%d were cancelled and %d went, of 40", gone.Load(), went.Load())
		}
	})
}
