package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
)

// perMinute is a quota of a minute that shows no use in headers.
func perMinute(limit int) exauth.Quota {
	return exauth.Quota{Name: "weight", Kind: exauth.FixedWindow, Limit: limit, Window: time.Minute}
}

func limiterOf(opts *exauth.LimiterOptions, quotas ...exauth.Quota) exauth.Limiter {
	return exauth.NewLimiter(&exauth.Venue{Name: "tiny", Quotas: quotas}, opts)
}

// cost makes costs of pairs: name, n, name, n …
func cost(pairs ...any) []exauth.Cost {
	var cs []exauth.Cost
	for i := 0; i < len(pairs); i += 2 {
		cs = append(cs, exauth.Cost{Quota: pairs[i].(string), N: pairs[i+1].(int)})
	}
	return cs
}

// grab takes a demand that must be granted without waiting.
func grab(t testing.TB, l exauth.Limiter, d exauth.Demand) exauth.Lease {
	t.Helper()
	begin := time.Now()
	lease, err := l.Wait(context.Background(), d)
	if err != nil || time.Since(begin) > 0 {
		t.Fatalf("%v was granted after %s with %v; want at once", d.Costs, time.Since(begin), err)
	}
	return lease
}

// refused asks for a demand that must fail at once, and returns why.
func refused(t testing.TB, l exauth.Limiter, d exauth.Demand) *exauth.Error {
	t.Helper()
	begin := time.Now()
	if d.MaxWait == 0 {
		d.MaxWait = time.Nanosecond
	}
	_, err := l.Wait(context.Background(), d)
	var e *exauth.Error
	if !errors.As(err, &e) || !errors.Is(err, exauth.ErrRateLimited) || e.RetryAfter <= 0 || time.Since(begin) > time.Microsecond {
		t.Fatalf("%v: %v after %s; want ErrRateLimited with RetryAfter, at once", d.Costs, err, time.Since(begin))
	}
	return e
}

// fits counts how many units go at once.
func fits(l exauth.Limiter, d exauth.Demand) int {
	d.MaxWait = time.Nanosecond
	for n := 0; ; n++ {
		if _, err := l.Wait(context.Background(), d); err != nil || n > 1e6 {
			return n
		}
	}
}

// told is what a server said just now: headers as name, value pairs.
func told(status int, headers ...string) exauth.Observation {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Add(headers[i], headers[i+1])
	}
	return exauth.Observation{Sent: time.Now(), Received: time.Now(), Status: status, Header: h}
}

// midWindow starts a bubble's work in the middle of a minute: a bubble begins on the
// stroke of one, when a call may still be counted in the minute before.
func midWindow(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { time.Sleep(20 * time.Second); f(t) })
}

// TestLimiterAllOrNone (Q1): a call takes every quota it costs, or none.
func TestLimiterAllOrNone(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l := limiterOf(nil, perMinute(10), exauth.Quota{Name: "orders", Kind: exauth.FixedWindow, Limit: 1, Window: time.Minute, Per: exauth.PerAccount},
			exauth.Quota{Name: "raw", Kind: exauth.TokenBucket, Limit: 5, Refill: 0.01})
		both := exauth.Demand{Costs: cost("weight", 4, "raw", 1, "orders", 1)}
		grab(t, l, both)
		for range 3 {
			refused(t, l, both)
		}
		if n := fits(l, exauth.Demand{Costs: cost("weight", 1)}); n != 6 {
			t.Errorf("%d of 6 units are left after calls that were refused for another quota", n)
		}
		if n := fits(l, exauth.Demand{Costs: cost("raw", 1)}); n != 4 {
			t.Errorf("%d of 4 tokens are left after calls that were refused for another quota", n)
		}
	})
}

// TestLimiterSameQuotaTwice: two costs of one quota are taken together.
func TestLimiterSameQuotaTwice(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l := limiterOf(nil, perMinute(10))
		grab(t, l, exauth.Demand{Costs: cost("weight", 2, "weight", 3)})
		refused(t, l, exauth.Demand{Costs: cost("weight", 3, "weight", 3)})
		if n := fits(l, exauth.Demand{Costs: cost("weight", 1)}); n != 5 {
			t.Errorf("%d of 5 units are left", n)
		}
		_, err := l.Wait(context.Background(), exauth.Demand{Costs: cost("weight", 6, "weight", 6)})
		if !errors.Is(err, exauth.ErrParam) {
			t.Errorf("12 of 10 in two costs: %v, want ErrParam", err)
		}
	})
}

// TestLimiterCosts (Q3): weights that make no sense are refused before anything is
// taken; an unknown quota is reported and costs nothing.
func TestLimiterCosts(t *testing.T) {
	var reports []exauth.Report
	l := limiterOf(&exauth.LimiterOptions{Report: func(r exauth.Report) { reports = append(reports, r) }}, perMinute(10),
		exauth.Quota{Name: "huge", Kind: exauth.FixedWindow, Limit: math.MaxInt, Window: time.Minute})
	for _, n := range []int{0, -1, math.MinInt, 11, math.MaxInt} {
		_, err := l.Wait(context.Background(), exauth.Demand{Costs: cost("huge", 1, "weight", n)})
		if !errors.Is(err, exauth.ErrParam) || errors.Is(err, exauth.ErrRateLimited) {
			t.Errorf("a cost of %d of 10: %v, want ErrParam", n, err)
		}
	}
	if _, err := l.Wait(context.Background(), exauth.Demand{Costs: cost("huge", math.MaxInt)}); !errors.Is(err, exauth.ErrParam) {
		t.Errorf("a cost of MaxInt: %v, want ErrParam", err)
	}
	grab2 := func(d exauth.Demand) {
		t.Helper()
		if _, err := l.Wait(context.Background(), d); err != nil {
			t.Errorf("%v: %v", d.Costs, err)
		}
	}
	grab2(exauth.Demand{})
	grab2(exauth.Demand{Costs: cost("nobody's", 5, "weight", 10)})
	if len(reports) != 1 || reports[0].Kind != exauth.ReportUnknownQuota || reports[0].Quota != "nobody's" || reports[0].Venue != "tiny" {
		t.Errorf("reported %+v, want the unknown quota once", reports)
	}
}

// TestLimiterScopes (Q7a): each quota is counted against what it belongs to.
func TestLimiterScopes(t *testing.T) {
	base := exauth.Demand{KeyID: "k1", Account: "a1", Egress: "e1", Costs: []exauth.Cost{{Quota: "q", Item: "i1", N: 1}}}
	for _, c := range []struct {
		name  string
		per   exauth.Per
		other func(*exauth.Demand)
		own   bool // the other has a count of its own
	}{
		{"IP, another address", exauth.PerIP, func(d *exauth.Demand) { d.Egress = "e2" }, true},
		{"IP, another account and key", exauth.PerIP, func(d *exauth.Demand) { d.Account, d.KeyID = "a2", "k2" }, false},
		{"IP, another item", exauth.PerIP, func(d *exauth.Demand) { d.Costs[0].Item = "i2" }, false},
		{"account, another account", exauth.PerAccount, func(d *exauth.Demand) { d.Account = "a2" }, true},
		{"account, another key and address", exauth.PerAccount, func(d *exauth.Demand) { d.KeyID, d.Egress = "k2", "e2" }, false},
		{"key, another key", exauth.PerKey, func(d *exauth.Demand) { d.KeyID = "k2" }, true},
		{"key, another account", exauth.PerKey, func(d *exauth.Demand) { d.Account = "a2" }, false},
		{"endpoint, another endpoint", exauth.PerEndpoint, func(d *exauth.Demand) { d.Costs[0].Item = "i2" }, true},
		{"endpoint, another address", exauth.PerEndpoint, func(d *exauth.Demand) { d.Egress = "e2" }, true},
		{"endpoint, another account", exauth.PerEndpoint, func(d *exauth.Demand) { d.Account = "a2" }, false},
		{"symbol, another symbol", exauth.PerSymbol, func(d *exauth.Demand) { d.Costs[0].Item = "i2" }, true},
		{"symbol, another account", exauth.PerSymbol, func(d *exauth.Demand) { d.Account = "a2" }, true},
		{"symbol, another address", exauth.PerSymbol, func(d *exauth.Demand) { d.Egress = "e2" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			midWindow(t, func(t *testing.T) {
				l := limiterOf(nil, exauth.Quota{Name: "q", Kind: exauth.FixedWindow, Limit: 3, Window: time.Minute, Per: c.per})
				if n := fits(l, base); n != 3 {
					t.Fatalf("%d of 3 fit", n)
				}
				other := base
				other.Costs = append([]exauth.Cost(nil), base.Costs...)
				c.other(&other)
				want := 0
				if c.own {
					want = 3
				}
				if n := fits(l, other); n != want {
					t.Errorf("%d fit for the other, want %d", n, want)
				}
			})
		})
	}
}

// TestLimiterKinds: what fits at once, and how long the next one waits.
func TestLimiterKinds(t *testing.T) {
	for _, c := range []struct {
		name     string
		quota    exauth.Quota
		from, to time.Duration // of the wait
	}{
		{"fixed", exauth.Quota{Kind: exauth.FixedWindow, Window: time.Minute}, 40 * time.Second, 42 * time.Second},
		{"fixed, ten seconds", exauth.Quota{Kind: exauth.FixedWindow, Window: 10 * time.Second}, 10 * time.Second, 12 * time.Second},
		{"UTC day", exauth.Quota{Kind: exauth.FixedWindow, Window: 24 * time.Hour}, 24*time.Hour - 20*time.Second, 24*time.Hour - 10*time.Second},
		{"UTC month", exauth.Quota{Kind: exauth.FixedWindow, Window: 31 * 24 * time.Hour}, 31*24*time.Hour - 20*time.Second, 31*24*time.Hour + 60*time.Second},
		{"anchored", exauth.Quota{Kind: exauth.AnchoredWindow, Window: 30 * time.Second}, 30 * time.Second, 32 * time.Second},
		{"sliding", exauth.Quota{Kind: exauth.SlidingWindow, Window: 2 * time.Second}, 2 * time.Second, 4 * time.Second},
		{"bucket", exauth.Quota{Kind: exauth.TokenBucket, Refill: 0.5}, 2 * time.Second, 4 * time.Second},
		{"decay", exauth.Quota{Kind: exauth.DecayCounter, Refill: 0.5}, 2 * time.Second, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			midWindow(t, func(t *testing.T) {
				q := c.quota
				q.Name, q.Limit = "q", 10
				l, d := limiterOf(nil, q), exauth.Demand{Costs: cost("q", 1)}
				for range 10 {
					grab(t, l, d).Settle(told(200))
				}
				refused(t, l, d)
				ctx, cancel := context.WithTimeout(t.Context(), c.from-2*time.Second)
				defer cancel()
				if c.from > 2*time.Second {
					if _, err := l.Wait(ctx, d); ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, exauth.ErrRateLimited) {
						t.Errorf("a deadline nearer than the wait: %v (deadline passed: %v), want both sentinels at once", err, ctx.Err())
					}
				}
				begin := time.Now()
				if _, err := l.Wait(t.Context(), d); err != nil {
					t.Fatal(err)
				}
				if w := time.Since(begin); w < c.from || w > c.to {
					t.Errorf("the eleventh waited %s, want %s to %s", w, c.from, c.to)
				}
			})
		})
	}
}

// TestLimiterMonths: months are calendar months in UTC, whatever their length.
func TestLimiterMonths(t *testing.T) {
	now := time.Date(2026, 2, 27, 12, 0, 0, 0, time.UTC)
	l := limiterOf(&exauth.LimiterOptions{Now: func() time.Time { return now }},
		exauth.Quota{Name: "credits", Kind: exauth.FixedWindow, Limit: 5, Window: 31 * 24 * time.Hour})
	d := exauth.Demand{Costs: cost("credits", 1)}
	for _, step := range []struct {
		at   time.Time
		want int
	}{
		{now, 5}, {time.Date(2026, 2, 28, 23, 0, 0, 0, time.UTC), 0},
		{time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC), 5}, {time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC), 0},
		{time.Date(2026, 4, 1, 1, 0, 0, 0, time.UTC), 5},
	} {
		now = step.at
		if n := fits(l, d); n != step.want {
			t.Errorf("on %s %d fit, want %d", now, n, step.want)
		}
	}
}

// TestLimiterConcurrency: a cap on calls in flight frees with the answer, and a
// waiter behind it is not refused for a wait nobody can know.
func TestLimiterConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(nil, exauth.Quota{Name: "flight", Kind: exauth.Concurrency, Limit: 2})
		d := exauth.Demand{Costs: cost("flight", 1)}
		a := grab(t, l, d)
		b := grab(t, l, d)
		go func() { time.Sleep(time.Second); a.Settle(told(200)) }()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		if _, err := l.Wait(ctx, d); err != nil || time.Since(begin) != time.Second {
			t.Errorf("the third went after %s with %v, want with the first answer", time.Since(begin), err)
		}
		b.Settle(exauth.Observation{Sent: time.Now(), Unknown: true})
		grab(t, l, d)
		if _, err := l.Wait(ctx, d); !errors.Is(err, exauth.ErrRateLimited) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody answers: %v, want both sentinels at the deadline", err)
		}
	})
}

// TestLimiterLeases: a lease counts once, whoever settles it how often.
func TestLimiterLeases(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l := limiterOf(nil, perMinute(10), exauth.Quota{Name: "flight", Kind: exauth.Concurrency, Limit: 1})
		d := exauth.Demand{Costs: cost("weight", 3, "flight", 1)}
		lease := grab(t, l, d)
		for range 3 {
			lease.Settle(exauth.Observation{}) // never sent: all goes back
		}
		second := grab(t, l, d)
		lease.Settle(exauth.Observation{}) // the old name of the same slot
		refused2(t, l, cost("flight", 1))
		second.Settle(told(200))
		second.Settle(exauth.Observation{})
		if n := fits(l, exauth.Demand{Costs: cost("weight", 1)}); n != 7 {
			t.Errorf("%d of 7 units are left", n)
		}
		settler := l.(exauth.Settler)
		for _, id := range []uint64{0, 1, math.MaxUint64, 1 << 32, 7<<32 | 1000} {
			settler.Settle(id, exauth.Observation{})
			settler.Settle(id, told(429))
		}
		exauth.Lease{}.Settle(told(429))
		grab(t, l, exauth.Demand{Costs: cost("flight", 1)})
	})
}

// refused2 waits a moment in vain: the wait is one nobody can know.
func refused2(t *testing.T, l exauth.Limiter, cs []exauth.Cost) {
	t.Helper()
	if _, err := l.Wait(context.Background(), exauth.Demand{Costs: cs, MaxWait: time.Millisecond}); !errors.Is(err, exauth.ErrRateLimited) {
		t.Fatalf("%v: %v, want ErrRateLimited", cs, err)
	}
}

// TestLimiterForgotten: leases that nobody settles do not hold quota for ever.
func TestLimiterForgotten(t *testing.T) {
	for _, q := range []exauth.Quota{
		{Name: "q", Kind: exauth.Concurrency, Limit: 4}, {Name: "q", Kind: exauth.SlidingWindow, Limit: 4, Window: 2 * time.Second},
		{Name: "q", Kind: exauth.TokenBucket, Limit: 4, Refill: 4}, {Name: "q", Kind: exauth.AnchoredWindow, Limit: 4, Window: 10 * time.Second},
		{Name: "q", Kind: exauth.FixedWindow, Limit: 4, Window: 10 * time.Second},
		{Name: "q", Kind: exauth.FixedWindow, Limit: 4, Window: 24 * time.Hour, UsedHeader: "Used"},
	} {
		t.Run(fmt.Sprint(q.Kind, q.Window), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, d := limiterOf(nil, q), exauth.Demand{Costs: cost("q", 1)}
				begin := time.Now()
				if q.UsedHeader != "" { // the venue says that nothing of ours was counted
					for i := range 20 {
						lease, err := l.Wait(t.Context(), d)
						if err != nil {
							t.Fatal(err)
						}
						if i%2 == 0 {
							lease.Settle(told(200, "Used", "0"))
						}
					}
				} else {
					for range 20 {
						if _, err := l.Wait(t.Context(), d); err != nil {
							t.Fatal(err)
						}
					}
				}
				if since := time.Since(begin); since > 6*time.Minute {
					t.Errorf("20 calls that nobody settled took %s", since)
				}
			})
		})
	}
}
