package exauth_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
)

// queued starts calls one after the other, each of which waits, and returns the
// order in which they went.
func queued(t *testing.T, l exauth.Limiter, demands []exauth.Demand, answer func(i int, lease exauth.Lease)) []int {
	t.Helper()
	var mu sync.Mutex
	var order []int
	var wg sync.WaitGroup
	for i, d := range demands {
		wg.Go(func() {
			lease, err := l.Wait(context.Background(), d)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			answer(i, lease)
		})
		synctest.Wait()
	}
	wg.Wait()
	return order
}

// TestQueueOrder (Q5): cancels before orders before polls, first in first out inside
// each.
func TestQueueOrder(t *testing.T) {
	for _, q := range []exauth.Quota{
		{Name: "q", Kind: exauth.FixedWindow, Limit: 1, Window: 5 * time.Second}, {Name: "q", Kind: exauth.SlidingWindow, Limit: 1, Window: 5 * time.Second},
		{Name: "q", Kind: exauth.TokenBucket, Limit: 1, Refill: 1}, {Name: "q", Kind: exauth.AnchoredWindow, Limit: 1, Window: 5 * time.Second},
		{Name: "q", Kind: exauth.Concurrency, Limit: 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := limiterOf(nil, q)
			first := grab(t, l, exauth.Demand{Costs: cost("q", 1)})
			var demands []exauth.Demand
			for _, p := range []exauth.Priority{0, 1, 2, 0, 2, 1, 0, 1, 2, 9} { // 9 is taken for the highest
				demands = append(demands, exauth.Demand{Costs: cost("q", 1), Priority: p})
			}
			go func() { time.Sleep(time.Second); first.Settle(told(200)) }()
			got := queued(t, l, demands, func(_ int, lease exauth.Lease) { time.Sleep(100 * time.Millisecond); lease.Settle(told(200)) })
			if want := []int{2, 4, 8, 9, 1, 5, 7, 0, 3, 6}; !slices.Equal(got, want) {
				t.Errorf("kind %d: order %v, want %v", q.Kind, got, want)
			}
		})
	}
}

// TestQueueHeavy (Q5): a call that needs the whole quota goes within two windows,
// although lighter ones never stop coming.
func TestQueueHeavy(t *testing.T) {
	for _, q := range []exauth.Quota{
		{Name: "q", Kind: exauth.FixedWindow, Limit: 100, Window: 10 * time.Second}, {Name: "q", Kind: exauth.SlidingWindow, Limit: 100, Window: 10 * time.Second},
		{Name: "q", Kind: exauth.TokenBucket, Limit: 100, Refill: 10}, {Name: "q", Kind: exauth.DecayCounter, Limit: 100, Refill: 10},
		{Name: "q", Kind: exauth.AnchoredWindow, Limit: 100, Window: 10 * time.Second},
	} {
		for _, urgent := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				l := limiterOf(nil, q)
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				defer wg.Wait()
				defer cancel()
				for i := range 12 {
					wg.Go(func() {
						for ctx.Err() == nil {
							n, p := 1+i%7, exauth.PriorityPoll
							if urgent && i == 0 {
								n, p = 1, exauth.PriorityCancel
								time.Sleep(time.Second)
							}
							if lease, err := l.Wait(ctx, exauth.Demand{Costs: cost("q", n), Priority: p}); err == nil {
								time.Sleep(50 * time.Millisecond)
								lease.Settle(told(200))
							}
						}
					})
				}
				time.Sleep(33 * time.Second)
				for _, n := range []int{100, 60, 100} {
					if urgent && n == 100 { // somebody who cancels once a second never leaves 100 of 100
						n = 70
					}
					begin := time.Now()
					lease, err := l.Wait(ctx, exauth.Demand{Costs: cost("q", n)})
					if err != nil || time.Since(begin) > 21*time.Second {
						t.Errorf("kind %d, urgent %v: %d of 100 went after %s (%v), want two windows at most", q.Kind, urgent, n, time.Since(begin), err)
					}
					lease.Settle(told(200))
				}
			})
		}
	}
}

// TestQueueReserve: some is kept back for cancels where they are used to come, and
// nothing of a quota that they never take from.
func TestQueueReserve(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l := limiterOf(nil, perMinute(1000), exauth.Quota{Name: "orders", Kind: exauth.FixedWindow, Limit: 100, Window: time.Minute, Per: exauth.PerAccount})
		order, undo := exauth.Demand{Costs: cost("weight", 1, "orders", 1), Priority: exauth.PriorityOrder}, exauth.Demand{Costs: cost("weight", 1), Priority: exauth.PriorityCancel}
		for range 90 { // a cancel a second, for a minute and a half
			grab(t, l, undo).Settle(told(200))
			time.Sleep(time.Second)
		}
		if n := fits(l, order); n != 100 {
			t.Errorf("%d of 100 orders fit", n)
		}
		if n := fits(l, exauth.Demand{Costs: cost("weight", 1)}); n < 800 || n > 860 { // 1000 less 50 cancels, 100 orders
			t.Errorf("%d polls fit; want some, but not much, kept back for the ten cancels to come", n)
		}
		for range 9 {
			grab(t, l, undo).Settle(told(200))
			time.Sleep(time.Second)
		}
	})
}

// TestQueueCancelled (Q6): a wait that is cancelled takes nothing and holds nobody.
func TestQueueCancelled(t *testing.T) {
	for _, q := range []exauth.Quota{
		{Name: "q", Kind: exauth.FixedWindow, Limit: 10, Window: 10 * time.Second}, {Name: "q", Kind: exauth.SlidingWindow, Limit: 10, Window: 10 * time.Second},
		{Name: "q", Kind: exauth.TokenBucket, Limit: 10, Refill: 0.5}, {Name: "q", Kind: exauth.AnchoredWindow, Limit: 10, Window: 10 * time.Second},
		{Name: "q", Kind: exauth.Concurrency, Limit: 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := limiterOf(nil, q)
			held := grab(t, l, exauth.Demand{Costs: cost("q", 8)})
			ctx, cancel := context.WithCancelCause(t.Context())
			errs := make(chan error, 3)
			for _, n := range []int{10, 9, 3} {
				go func() {
					_, err := l.Wait(ctx, exauth.Demand{Costs: cost("q", n)})
					errs <- err
				}()
				synctest.Wait()
			}
			light := make(chan error, 1)
			go func() {
				_, err := l.Wait(t.Context(), exauth.Demand{Costs: cost("q", 2), MaxWait: time.Second / 2})
				light <- err
			}()
			synctest.Wait()
			begin := time.Now()
			cancel(errors.New("no more"))
			for range 3 {
				if err := <-errs; !errors.Is(err, context.Canceled) || errors.Is(err, exauth.ErrRateLimited) {
					t.Errorf("kind %d: cancelled: %v", q.Kind, err)
				}
			}
			if err := <-light; err != nil || time.Since(begin) > 0 {
				t.Errorf("kind %d: the light call behind them: %v after %s, want at once", q.Kind, err, time.Since(begin))
			}
			held.Settle(exauth.Observation{})
			if n := fits(l, exauth.Demand{Costs: cost("q", 1)}); n != 8 {
				t.Errorf("kind %d: %d of 8 fit after everything was given back", q.Kind, n)
			}
		})
	}
}

// TestQueueDeadlines (Q6, Q6a): a wait that would outlast the caller's deadline or
// MaxWait fails at once and spends nothing; both sentinels tell the former.
func TestQueueDeadlines(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		l, d := limiterOf(nil, perMinute(10)), exauth.Demand{Costs: cost("weight", 10)}
		grab(t, l, d).Settle(told(200))
		for _, c := range []struct {
			name              string
			deadline, maxWait time.Duration
			byDeadline        bool
		}{
			{"deadline", 30 * time.Second, 0, true},
			{"deadline, longer MaxWait", 30 * time.Second, time.Hour, true},
			{"MaxWait", 0, 30 * time.Second, false},
			{"MaxWait, later deadline", time.Hour, 30 * time.Second, false},
			{"tiny", time.Nanosecond, 0, true},
		} {
			begin, ctx := time.Now(), t.Context()
			if c.deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.deadline)
				defer cancel()
			}
			d.MaxWait = c.maxWait
			_, err := l.Wait(ctx, d)
			var e *exauth.Error
			if !errors.As(err, &e) || !errors.Is(err, exauth.ErrRateLimited) || errors.Is(err, context.DeadlineExceeded) != c.byDeadline || time.Since(begin) > 0 {
				t.Errorf("%s: %v after %s", c.name, err, time.Since(begin))
			} else if e.RetryAfter < 39*time.Second || e.RetryAfter > 42*time.Second || e.Outcome != exauth.OutcomeNotSent {
				t.Errorf("%s: RetryAfter %s, %v; want the 40 s until the minute is over, not sent", c.name, e.RetryAfter, e.Outcome)
			}
		}
		d.MaxWait = 45 * time.Second
		if _, err := l.Wait(t.Context(), d); err != nil {
			t.Errorf("a MaxWait that suffices: %v", err)
		}
	})
}

// TestQueueBehind: those in front count: a deadline before their turn is over is
// nearer than the wait.
func TestQueueBehind(t *testing.T) {
	for _, q := range []exauth.Quota{
		{Name: "q", Kind: exauth.FixedWindow, Limit: 10, Window: 10 * time.Second}, {Name: "q", Kind: exauth.SlidingWindow, Limit: 10, Window: 10 * time.Second},
		{Name: "q", Kind: exauth.TokenBucket, Limit: 10, Refill: 1}, {Name: "q", Kind: exauth.AnchoredWindow, Limit: 10, Window: 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := limiterOf(nil, q)
			grab(t, l, exauth.Demand{Costs: cost("q", 10)}).Settle(told(200))
			for range 25 { // two and a half windows
				go l.Wait(t.Context(), exauth.Demand{Costs: cost("q", 1)})
			}
			synctest.Wait()
			refused(t, l, exauth.Demand{Costs: cost("q", 1), MaxWait: 20 * time.Second})
			urgent, err := l.Wait(t.Context(), exauth.Demand{Costs: cost("q", 1), MaxWait: 13 * time.Second, Priority: exauth.PriorityCancel})
			if err != nil {
				t.Errorf("kind %d: a cancel, which goes before them: %v", q.Kind, err)
			}
			urgent.Settle(told(200))
			time.Sleep(time.Minute)
		})
	}
}

// TestQueueMaxWaitPasses: a wait that turned out longer than it looked ends on time.
func TestQueueMaxWaitPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(nil, exauth.Quota{Name: "flight", Kind: exauth.Concurrency, Limit: 1})
		grab(t, l, exauth.Demand{Costs: cost("flight", 1)})
		begin := time.Now()
		_, err := l.Wait(t.Context(), exauth.Demand{Costs: cost("flight", 1), MaxWait: 3 * time.Second})
		if !errors.Is(err, exauth.ErrRateLimited) || errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 3*time.Second {
			t.Errorf("%v after %s, want ErrRateLimited alone after 3s", err, time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		if _, err := l.Wait(ctx, exauth.Demand{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a deadline that is over: %v", err)
		}
	})
}

// TestQueueLeavesNothing: when nobody waits, no goroutine and no timer is left. A
// bubble that a timer or goroutine outlives does not end.
func TestQueueLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(nil, perMinute(10))
		for range 20 {
			lease, err := l.Wait(t.Context(), exauth.Demand{Costs: cost("weight", 5)})
			if err != nil {
				t.Fatal(err)
			}
			lease.Settle(told(200))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		l.Wait(ctx, exauth.Demand{Costs: cost("weight", 5)})
	})
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

// TestQueueRace drives everything at once from 64 goroutines in real time; run with
// -race. No more than the limit is ever in flight, and nothing is lost in the end.
func TestQueueRace(t *testing.T) {
	l := limiterOf(&exauth.LimiterOptions{Report: func(exauth.Report) {}},
		exauth.Quota{Name: "flight", Kind: exauth.Concurrency, Limit: 20},
		exauth.Quota{Name: "bucket", Kind: exauth.TokenBucket, Limit: 1000, Refill: 1e6},
		exauth.Quota{Name: "weight", Kind: exauth.FixedWindow, Limit: 1e6, Window: time.Minute, UsedHeader: "Used"},
		exauth.Quota{Name: "pair", Kind: exauth.SlidingWindow, Limit: 50, Window: time.Millisecond, Per: exauth.PerSymbol},
		exauth.Quota{Name: "pool", Kind: exauth.AnchoredWindow, Limit: 1e6, Window: time.Second})
	var wg sync.WaitGroup
	var mu sync.Mutex
	flight, most := 0, 0
	for g := range 64 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			for range 300 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(20_000_000)))
				d := exauth.Demand{Priority: exauth.Priority(rng.IntN(3)), MaxWait: time.Duration(rng.IntN(10_000_000)),
					Costs: []exauth.Cost{{Quota: "flight", N: 1}, {Quota: "bucket", N: 1 + rng.IntN(5)}, {Quota: "weight", N: 1},
						{Quota: "pair", Item: string(rune('A' + rng.IntN(5))), N: 1}, {Quota: "pool", N: 1}}}
				lease, err := l.Wait(ctx, d)
				if err == nil {
					mu.Lock()
					flight++
					most = max(most, flight)
					mu.Unlock()
					runtime.Gosched()
					mu.Lock()
					flight--
					mu.Unlock()
					switch rng.IntN(20) {
					case 0:
						lease.Settle(exauth.Observation{})
					case 1:
						lease.Settle(exauth.Observation{Sent: time.Now(), Unknown: true})
					case 2:
						o := told(200)
						o.Refused, o.RetryAfter = "pair", time.Millisecond
						lease.Settle(o)
					default:
						lease.Settle(told(200, "Used", "5"))
					}
					lease.Settle(told(200))
				}
				if rng.IntN(50) == 0 {
					l.(exauth.Snapshotter).Snapshot()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if most > 20 {
		t.Errorf("%d calls were in flight, the limit is 20", most)
	}
	for _, s := range l.(exauth.Snapshotter).Snapshot() {
		if s.InFlight != 0 || s.Waiting != 0 {
			t.Errorf("left over: %+v", s)
		}
	}
}
