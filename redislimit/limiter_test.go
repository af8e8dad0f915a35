package redislimit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/redislimit"
)

var (
	_ exauth.Limiter     = (*redislimit.Limiter)(nil)
	_ exauth.Settler     = (*redislimit.Limiter)(nil)
	_ exauth.Snapshotter = (*redislimit.Limiter)(nil)
	_ exauth.QuotaSetter = (*redislimit.Limiter)(nil)
)

// A grant was made between the call of Wait and its return. On a busy machine these
// may be far apart: the caller is woken late, and that is not the limiter's doing.
type grant struct{ from, at time.Time }

// drain calls as fast as it is let, with callers goroutines on each limiter, and
// returns the grants in the order of their returns.
func drain(t *testing.T, limiters []*redislimit.Limiter, callers int, d exauth.Demand, span, answer time.Duration) []grant {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), span)
	defer cancel()
	var mu sync.Mutex
	var all []grant
	var wg sync.WaitGroup
	for _, l := range limiters {
		for range callers {
			wg.Go(func() {
				for ctx.Err() == nil {
					from := time.Now()
					lease, err := l.Wait(ctx, d)
					if err != nil {
						if !errors.Is(err, exauth.ErrRateLimited) && !errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("Wait: %v", err)
						}
						return
					}
					at := time.Now()
					mu.Lock()
					all = append(all, grant{from, at})
					mu.Unlock()
					time.Sleep(answer)
					lease.Settle(exauth.Observation{Sent: at, Received: time.Now(), Status: 200})
				}
			})
		}
	}
	wg.Wait()
	slices.SortFunc(all, func(a, b grant) int { return a.at.Compare(b.at) })
	return all
}

// perWindow counts grants per aligned window, by their return.
func perWindow(all []grant, w time.Duration) map[int64]int {
	counts := make(map[int64]int)
	for _, g := range all {
		counts[g.at.UnixNano()/int64(w)]++
	}
	return counts
}

// overfull returns the first window that cannot have held its grants: each grant is
// of a window between its call and its return, and a window holds n. It fills the
// windows in turn with those of the waiting grants that must be of the earliest. Under
// saturation every window is full, so that one grant too many fits nowhere.
func overfull(all []grant, w time.Duration, n int) (window int64, found bool) {
	if len(all) == 0 {
		return 0, false
	}
	window = func() int64 { // the earliest
		first := all[0].from
		for _, g := range all {
			if g.from.Before(first) {
				first = g.from
			}
		}
		return first.UnixNano() / int64(w)
	}()
	rest := slices.Clone(all)
	slices.SortFunc(rest, func(a, b grant) int { return a.at.Compare(b.at) })
	for ; len(rest) > 0; window++ {
		left, room := rest[:0], n
		for _, g := range rest {
			switch from, at := g.from.UnixNano()/int64(w), g.at.UnixNano()/int64(w); {
			case from <= window && room > 0:
				room--
			case at <= window:
				return window, true
			default:
				left = append(left, g)
			}
		}
		rest = left
	}
	return 0, false
}

func neverOver(t *testing.T, all []grant, w time.Duration, n int) {
	t.Helper()
	if k, found := overfull(all, w, n); found {
		t.Errorf("window %d of %s holds more than %d: %v", k, w, n, perWindow(all, w))
	}
}

// TestOverfull: the check sees one grant too many.
func TestOverfull(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	full := []grant{{at(0), at(10)}, {at(0), at(20)}, {at(15), at(1010)}, {at(15), at(1020)}}
	for _, tt := range []struct {
		name string
		more []grant
		want bool
	}{
		{"two and two", nil, false},
		{"a third in the first window", []grant{{at(30), at(40)}}, true},
		{"a third in the second", []grant{{at(1500), at(1600)}}, true},
		{"one that was granted in the second and woken in the third", []grant{{at(1500), at(2100)}}, false},
		{"the same, and the third is full", []grant{{at(1500), at(2100)}, {at(2000), at(2200)}, {at(2000), at(2300)}}, true},
		{"one that took two others' place", []grant{{at(0), at(2500)}}, false},
	} {
		if _, got := overfull(append(slices.Clone(full), tt.more...), time.Second, 2); got != tt.want {
			t.Errorf("%s: overfull is %v, want %v", tt.name, got, tt.want)
		}
	}
}

// slop is how late the clock may be looked at on a busy machine.
const slop = 150 * time.Millisecond

// most is the largest number of grants in any span of w.
func most(all []grant, w time.Duration) int {
	best, i := 0, 0
	for j := range all {
		for all[j].at.Sub(all[i].at) >= w {
			i++
		}
		best = max(best, j-i+1)
	}
	return best
}

func TestFixedWindowNeverOver(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		for _, block := range []int{-1, 0} {
			t.Run(fmt.Sprintf("block %d", block), func(t *testing.T) {
				t.Parallel()
				v := testVenue(exauth.Quota{Name: fmt.Sprint("w", block), Kind: exauth.FixedWindow, Limit: 200, Window: time.Second})
				var ls []*redislimit.Limiter
				for range 3 {
					ls = append(ls, newLimiter(t, s, v, &redislimit.Options{Block: block}))
				}
				all := drain(t, ls, 8, exauth.Demand{Costs: cost(fmt.Sprint("w", block), 1)}, 4500*time.Millisecond, time.Millisecond)
				full := 0
				neverOver(t, all, time.Second, 200)
				for _, n := range perWindow(all, time.Second) {
					if n >= 180 {
						full++
					}
				}
				if full < 2 {
					t.Errorf("%d windows of 4 were used to 90 %%: %v", full, perWindow(all, time.Second))
				}
			})
		}
	})
}

func TestSlidingWindowNeverOver(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		for _, kind := range []exauth.QuotaKind{exauth.SlidingWindow, exauth.AnchoredWindow} {
			t.Run(fmt.Sprint("kind ", kind), func(t *testing.T) {
				t.Parallel()
				v := testVenue(exauth.Quota{Name: fmt.Sprint("s", kind), Kind: kind, Limit: 20, Window: time.Second})
				ls := []*redislimit.Limiter{newLimiter(t, s, v, nil), newLimiter(t, s, v, nil)}
				all := drain(t, ls, 8, exauth.Demand{Costs: cost(fmt.Sprint("s", kind), 1)}, 5*time.Second, 5*time.Millisecond)
				if n := most(all, time.Second-slop); n > 20 {
					t.Errorf("%d of 20 in one second", n)
				}
				if len(all) < 80 {
					t.Errorf("%d calls in 5 s, want at least 80 of 100", len(all))
				}
			})
		}
	})
}

func TestBucketsNeverOver(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		for _, tt := range []struct {
			name string
			q    exauth.Quota
		}{
			{"token bucket 30/s b10", exauth.Quota{Kind: exauth.TokenBucket, Limit: 10, Refill: 30}},
			{"decay 10 -20/s", exauth.Quota{Kind: exauth.DecayCounter, Limit: 10, Refill: 20}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				tt.q.Name = fmt.Sprint("b", tt.q.Kind)
				v := testVenue(tt.q)
				ls := []*redislimit.Limiter{newLimiter(t, s, v, nil), newLimiter(t, s, v, nil)}
				all := drain(t, ls, 8, exauth.Demand{Costs: cost(tt.q.Name, 1)}, 4*time.Second, 5*time.Millisecond)
				level, last := 0.0, all[0].at
				for _, g := range all {
					level = max(0, level-tt.q.Refill*g.at.Sub(last).Seconds()) + 1
					last = g.at
					if level > float64(tt.q.Limit)+tt.q.Refill*slop.Seconds() {
						t.Fatalf("level %.1f of %d", level, tt.q.Limit)
					}
				}
				if want := int(0.85 * 4 * tt.q.Refill); len(all) < want {
					t.Errorf("%d calls in 4 s, want %d", len(all), want)
				}
			})
		}
	})
}

func TestConcurrencyIsTheFleets(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		v := testVenue(exauth.Quota{Name: "c", Kind: exauth.Concurrency, Limit: 3})
		a, b := newLimiter(t, s, v, nil), newLimiter(t, s, v, nil)
		d := exauth.Demand{Costs: cost("c", 1)}
		leases := []exauth.Lease{take(t, a, d), take(t, a, d), take(t, b, d)}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		if _, err := b.Wait(ctx, d); !errors.Is(err, exauth.ErrRateLimited) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a fourth call: %v", err)
		}
		answered(leases[0], 200)
		begin := time.Now()
		answered(take(t, b, d), 200)
		if waited := time.Since(begin); waited > time.Second {
			t.Errorf("a place that came free was given after %s", waited)
		}
	})
}

func TestAllOrNone(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		v := testVenue(
			exauth.Quota{Name: "minute", Kind: exauth.FixedWindow, Limit: 100, Window: time.Hour},
			exauth.Quota{Name: "day", Kind: exauth.FixedWindow, Limit: 100, Window: 24 * time.Hour},
			exauth.Quota{Name: "few", Kind: exauth.FixedWindow, Limit: 2, Window: 24 * time.Hour, Per: exauth.PerAccount})
		a := newLimiter(t, s, v, &redislimit.Options{Block: -1, Reserve: -1})
		d := exauth.Demand{Account: "main", Costs: cost("minute", 5, "day", 5, "few", 1)}
		take(t, a, d)
		take(t, a, d)
		ctx := within(t, time.Second)
		begin := time.Now()
		_, err := a.Wait(ctx, d)
		if !errors.Is(err, exauth.ErrRateLimited) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("third: %v", err)
		}
		if time.Since(begin) > 700*time.Millisecond {
			t.Errorf("a deadline nearer than the wait failed after %s, not at once", time.Since(begin))
		}
		var e *exauth.Error
		if !errors.As(err, &e) || e.RetryAfter <= time.Second || e.RetryAfter > 24*time.Hour || e.Outcome != exauth.OutcomeNotSent {
			t.Errorf("the refusal says %+v", e)
		}
		for _, q := range v.Quotas {
			want := map[string]int{"minute": 10, "day": 10, "few": 2}[q.Name]
			if n := stored(t, s, q.Name); n != want {
				t.Errorf("%s: %d taken, want %d: the third call took something", q.Name, n, want)
			}
		}
	})
}

func TestCostsOutsideTheLimit(t *testing.T) {
	v := testVenue(exauth.Quota{Name: "w", Kind: exauth.FixedWindow, Limit: 10, Window: time.Second})
	c := connect(t, startMini(t))
	l, err := redislimit.New(c, v, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tt := range []struct {
		name  string
		costs []exauth.Cost
	}{
		{"none", cost("w", 0)}, {"negative", cost("w", -1)}, {"above the limit", cost("w", 11)}, {"above it together", cost("w", 6, "w", 6)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := l.Wait(within(t, time.Second), exauth.Demand{Costs: tt.costs}); !errors.Is(err, exauth.ErrParam) {
				t.Errorf("got %v", err)
			}
		})
	}
	answered(take(t, l, exauth.Demand{Costs: cost("nobody knows it", 5)}), 200)
}
