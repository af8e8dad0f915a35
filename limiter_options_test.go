package exauth_test

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
)

// TestLimiterOff: nothing waits for a quota, bans are obeyed all the same.
func TestLimiterOff(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l := limiterOf(&exauth.LimiterOptions{Off: true}, perMinute(3))
		d := exauth.Demand{Costs: cost("weight", 2)}
		var last exauth.Lease
		for range 50 {
			last = grab(t, l, d)
		}
		if s := stateOf(t, l, "weight"); s.Used != 100 {
			t.Errorf("used %d, want 100", s.Used)
		}
		last.Settle(told(418, "Retry-After", "30"))
		if e := refused(t, l, d); e.RetryAfter != 30*time.Second {
			t.Errorf("RetryAfter %s, want 30s", e.RetryAfter)
		}
	})
}

// TestLimiterShare: a process may have a part of every quota.
func TestLimiterShare(t *testing.T) {
	for _, kind := range []exauth.QuotaKind{exauth.FixedWindow, exauth.AnchoredWindow, exauth.SlidingWindow, exauth.TokenBucket, exauth.DecayCounter, exauth.Concurrency} {
		midWindow(t, func(t *testing.T) {
			q := exauth.Quota{Name: "q", Kind: kind, Limit: 40, Window: 10 * time.Second, Refill: 0.001}
			l := limiterOf(&exauth.LimiterOptions{Share: 0.25}, q)
			if n := fits(l, exauth.Demand{Costs: cost("q", 1)}); n != 10 && kind != exauth.Concurrency {
				t.Errorf("kind %d: %d fit, want a quarter of 40", kind, n)
			}
			_, err := l.Wait(t.Context(), exauth.Demand{Costs: cost("q", 11)})
			if !errors.Is(err, exauth.ErrParam) {
				t.Errorf("kind %d: 11 of a share of 10: %v, want ErrParam", kind, err)
			}
		})
	}
	for _, share := range []float64{-1, 0, 1, 7, math.NaN(), math.Inf(1)} { // all of it
		midWindow(t, func(t *testing.T) {
			if n := fits(limiterOf(&exauth.LimiterOptions{Share: share}, perMinute(8)), exauth.Demand{Costs: cost("weight", 1)}); n != 8 {
				t.Errorf("share %v: %d of 8 fit", share, n)
			}
		})
	}
}

// TestLimiterShareOfHeader: two processes with a half each use the whole, although
// each sees the other's use in the headers.
func TestLimiterShareOfHeader(t *testing.T) {
	for _, kind := range []exauth.QuotaKind{exauth.FixedWindow, exauth.AnchoredWindow, exauth.SlidingWindow} {
		midWindow(t, func(t *testing.T) {
			q := exauth.Quota{Name: "q", Kind: kind, Limit: 40, Window: 50 * time.Second, UsedHeader: "Used"}
			l := limiterOf(&exauth.LimiterOptions{Share: 0.5}, q)
			grab(t, l, exauth.Demand{Costs: cost("q", 1)}).Settle(told(200, "Used", "20")) // 19 are the other's
			if n := fits(l, exauth.Demand{Costs: cost("q", 1)}); n != 19 {
				t.Errorf("kind %d: %d fit, want the rest of our half, 19", kind, n)
			}
		})
		midWindow(t, func(t *testing.T) {
			q := exauth.Quota{Name: "q", Kind: kind, Limit: 40, Window: 50 * time.Second, UsedHeader: "Used"}
			l := limiterOf(&exauth.LimiterOptions{Share: 0.5}, q)
			grab(t, l, exauth.Demand{Costs: cost("q", 1)}).Settle(told(200, "Used", "33")) // the other took more than its half
			if n := fits(l, exauth.Demand{Costs: cost("q", 1)}); n != 7 {
				t.Errorf("kind %d: %d fit, want what the venue has left, 7", kind, n)
			}
		})
	}
}

// TestLimiterPace: calls are spread over the window when asked to.
func TestLimiterPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(&exauth.LimiterOptions{Pace: true}, perMinute(600))
		time.Sleep(2 * time.Minute)
		begin, d := time.Now(), exauth.Demand{Costs: cost("weight", 1)}
		var when []time.Duration
		for range 600 {
			lease, err := l.Wait(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			when = append(when, time.Since(begin))
			lease.Settle(told(200))
		}
		if when[599] < 45*time.Second || when[599] > time.Minute || when[300] < 15*time.Second || when[300] > 40*time.Second {
			t.Errorf("of 600 calls the 300th went after %s and the last after %s", when[300], when[599])
		}
		urgent := exauth.Demand{Costs: cost("weight", 1), Priority: exauth.PriorityCancel}
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(80 * time.Second))) // 20 s into the next minute
		if n := fits(l, d); n < 200 || n > 300 {
			t.Errorf("%d of 600 went at once in the first third of the minute", n)
		}
		grab(t, l, urgent)
	})
}

// stateOf is the Snapshot of one quota with one scope.
func stateOf(t testing.TB, l exauth.Limiter, quota string) exauth.QuotaState {
	t.Helper()
	for _, s := range l.(exauth.Snapshotter).Snapshot() {
		if s.Quota == quota {
			return s
		}
	}
	t.Fatalf("no state of quota %s", quota)
	return exauth.QuotaState{}
}

// TestLimiterSnapshot (Q8).
func TestLimiterSnapshot(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l := limiterOf(nil, perMinute(10), exauth.Quota{Name: "pair", Kind: exauth.SlidingWindow, Limit: 2, Window: 5 * time.Second, Per: exauth.PerSymbol})
		if got := l.(exauth.Snapshotter).Snapshot(); len(got) != 0 {
			t.Errorf("nothing was used, and the snapshot is %+v", got)
		}
		demand := func(pair string) exauth.Demand {
			return exauth.Demand{Account: "main", Egress: "10.0.0.1", Costs: []exauth.Cost{{Quota: "weight", N: 3}, {Quota: "pair", Item: pair, N: 1}}}
		}
		grab(t, l, demand("BTC")).Settle(told(200))
		grab(t, l, demand("BTC"))
		grab(t, l, demand("ETH"))
		var wg sync.WaitGroup
		wg.Go(func() { l.Wait(t.Context(), demand("BTC")) })
		synctest.Wait()
		got := l.(exauth.Snapshotter).Snapshot()
		want := []exauth.QuotaState{
			{Quota: "weight", Scope: "10.0.0.1", Used: 9, Limit: 10, InFlight: 6, ResetsIn: 40 * time.Second, Waiting: 1},
			{Quota: "pair", Scope: "main", Item: "BTC", Used: 2, Limit: 2, InFlight: 1, ResetsIn: 5 * time.Second, Waiting: 1},
			{Quota: "pair", Scope: "main", Item: "ETH", Used: 1, Limit: 2, InFlight: 1},
		}
		if len(got) != len(want) {
			t.Fatalf("%d states, want %d: %+v", len(got), len(want), got)
		}
		for i := range got {
			if d := got[i].ResetsIn - want[i].ResetsIn; d > 2*time.Second || d < -time.Second {
				t.Errorf("state %d resets in %s, want about %s", i, got[i].ResetsIn, want[i].ResetsIn)
			}
			got[i].ResetsIn = want[i].ResetsIn
			if got[i] != want[i] {
				t.Errorf("state %d is %+v, want %+v", i, got[i], want[i])
			}
		}
		wg.Wait()
	})
}

// TestLimiterSetQuotas: other limits are taken while it works, and what was counted
// stays counted.
func TestLimiterSetQuotas(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l := limiterOf(nil, perMinute(10), exauth.Quota{Name: "old", Kind: exauth.Concurrency, Limit: 1})
		d := exauth.Demand{Costs: cost("weight", 1)}
		if n := fits(l, d); n != 10 {
			t.Fatalf("%d of 10 fit", n)
		}
		grab(t, l, exauth.Demand{Costs: cost("old", 1)}).Settle(told(200))
		got := make(chan time.Duration, 1)
		begin := time.Now()
		go func() { l.Wait(t.Context(), d); got <- time.Since(begin) }()
		synctest.Wait()
		quotas := []exauth.Quota{perMinute(25), {Name: "new", Kind: exauth.Concurrency, Limit: 1}}
		l.(exauth.QuotaSetter).SetQuotas(quotas)
		quotas[0].Limit = 0 // the slice is the caller's
		if w := <-got; w != 0 {
			t.Errorf("the waiter went %s after the limit was raised", w)
		}
		if n := fits(l, d); n != 14 {
			t.Errorf("%d fit, want 25-10-1", n)
		}
		l.(exauth.QuotaSetter).SetQuotas([]exauth.Quota{perMinute(5)})
		refused(t, l, d)
		grab(t, l, exauth.Demand{Costs: cost("old", 1)}) // nobody publishes it any more
		l.(exauth.QuotaSetter).SetQuotas([]exauth.Quota{{Name: "weight", Kind: exauth.SlidingWindow, Limit: 5, Window: time.Second}})
		if n := fits(l, d); n != 5 {
			t.Errorf("%d fit in a quota of another kind, want 5", n)
		}
	})
}

// TestLimiterReports: foreign use that jumps, a refusal, a ban.
func TestLimiterReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reports []exauth.Report
		q := perMinute(1000)
		q.UsedHeader = "Used"
		var l exauth.Limiter
		l = limiterOf(&exauth.LimiterOptions{Report: func(r exauth.Report) {
			l.(exauth.Snapshotter).Snapshot() // no lock is held
			reports = append(reports, r)
		}}, q)
		call := func(status, used int) {
			lease, err := l.Wait(t.Context(), exauth.Demand{Costs: cost("weight", 1)})
			if err != nil {
				t.Fatal(err)
			}
			lease.Settle(told(status, "Used", fmt.Sprint(used), "Date", time.Now().UTC().Format(http.TimeFormat)))
		}
		for range 5 { // minutes of our own alone
			for i := range 30 {
				call(200, i+1)
				time.Sleep(2 * time.Second)
			}
		}
		if len(reports) > 0 {
			t.Fatalf("reported %+v while nobody else was there", reports)
		}
		for i := range 40 {
			call(200, min(15*(i+1), 450))
			time.Sleep(2 * time.Second)
		}
		if len(reports) != 1 || reports[0].Kind != exauth.ReportForeignUse || reports[0].Used < 300 || reports[0].Limit != 1000 || reports[0].Quota != "weight" {
			t.Errorf("reported %+v, want foreign use of some 400 of 1000, once", reports)
		}
		reports = nil
		call(429, 10)
		if len(reports) != 1 || reports[0].Kind != exauth.ReportRefused || reports[0].Quota != "weight" || reports[0].RetryAfter <= 0 {
			t.Errorf("reported %+v, want one refusal", reports)
		}
		reports = nil
		time.Sleep(time.Minute)
		call(418, 10)
		if len(reports) != 1 || reports[0].Kind != exauth.ReportBanned || reports[0].RetryAfter < 2*time.Minute {
			t.Errorf("reported %+v, want one ban", reports)
		}
	})
}
