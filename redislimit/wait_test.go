package redislimit_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/redislimit"
)

// slow is a quota that lets one call through at a time: a call must be settled before
// the next can go.
func slow(name string) exauth.Quota {
	return exauth.Quota{Name: name, Kind: exauth.Concurrency, Limit: 1}
}

// queueUp starts callers one after the other and returns the order in which they got
// through.
func queueUp(t *testing.T, l *redislimit.Limiter, first exauth.Lease, demands []exauth.Demand) []int {
	t.Helper()
	var mu sync.Mutex
	var order []int
	var wg sync.WaitGroup
	for i, d := range demands {
		wg.Go(func() {
			lease, err := l.Wait(within(t, 20*time.Second), d)
			if err != nil {
				t.Errorf("caller %d: %v", i, err)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			answered(lease, 200)
		})
		time.Sleep(40 * time.Millisecond) // so that they come in this order
	}
	answered(first, 200)
	wg.Wait()
	return order
}

func TestOrderOfWaiters(t *testing.T) {
	c := cost("c", 1)
	for _, tt := range []struct {
		name  string
		prios []exauth.Priority
		want  string
	}{
		{"first in, first out", []exauth.Priority{0, 0, 0, 0}, "[0 1 2 3]"},
		{"cancels, orders, polls", []exauth.Priority{exauth.PriorityPoll, exauth.PriorityOrder, exauth.PriorityPoll, exauth.PriorityCancel, exauth.PriorityOrder}, "[3 1 4 0 2]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLimiter(t, &server{addr: startMini(t)}, testVenue(slow("c")), nil)
			first := take(t, l, exauth.Demand{Costs: c})
			var demands []exauth.Demand
			for _, p := range tt.prios {
				demands = append(demands, exauth.Demand{Costs: c, Priority: p})
			}
			if got := fmt.Sprint(queueUp(t, l, first, demands)); got != tt.want {
				t.Errorf("got through in the order %s, want %s", got, tt.want)
			}
		})
	}
}

// TestHeavyIsNotStarved: a heavy call at the head holds lighter ones behind it.
func TestHeavyIsNotStarved(t *testing.T) {
	l := newLimiter(t, &server{addr: startMini(t)}, testVenue(exauth.Quota{Name: "c", Kind: exauth.Concurrency, Limit: 4}), nil)
	light := exauth.Demand{Costs: cost("c", 1)}
	first := take(t, l, light)
	order := queueUp(t, l, first, []exauth.Demand{{Costs: cost("c", 4)}, light, light})
	if order[0] != 0 {
		t.Errorf("order %v: the heavy call came first and went later", order)
	}
}

func TestDeadlines(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		v := testVenue(exauth.Quota{Name: "w", Kind: exauth.FixedWindow, Limit: 1, Window: 24 * time.Hour}, wide("free"))
		l := newLimiter(t, s, v, nil)
		d := exauth.Demand{Costs: cost("w", 1, "free", 7)}
		answered(take(t, l, d), 200)
		for _, tt := range []struct {
			name     string
			ctx      func() (context.Context, context.CancelFunc)
			maxWait  time.Duration
			deadline bool
		}{
			{"ctx", func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(context.Background(), time.Hour/2)
			}, 0, true},
			{"MaxWait", func() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) }, time.Hour / 2, false},
			{"both, ctx nearer", func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(context.Background(), time.Hour/4)
			}, time.Hour / 2, true},
		} {
			t.Run(tt.name, func(t *testing.T) {
				if until := time.Until(time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)); until < time.Hour {
					t.Skip("the UTC day ends within the hour: nothing to wait half an hour for")
				}
				ctx, cancel := tt.ctx()
				defer cancel()
				d := d
				d.MaxWait = tt.maxWait
				begin := time.Now()
				_, err := l.Wait(ctx, d)
				if time.Since(begin) > 3*time.Second {
					t.Errorf("failed after %s, not at once", time.Since(begin))
				}
				if !errors.Is(err, exauth.ErrRateLimited) || errors.Is(err, context.DeadlineExceeded) != tt.deadline {
					t.Errorf("got %v", err)
				}
			})
		}
		if n := stored(t, s, "free"); n != 7 {
			t.Errorf("%d units of the free quota are taken, want the 7 of the one call that went", n)
		}
	})
}

func TestCancelledWaiterGivesBack(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		for _, block := range []int{-1, 0} {
			t.Run(fmt.Sprint("block ", block), func(t *testing.T) {
				name := fmt.Sprint("c", block)
				l := newLimiter(t, s, testVenue(exauth.Quota{Name: name, Kind: exauth.Concurrency, Limit: 2}), &redislimit.Options{Block: block})
				d := exauth.Demand{Costs: cost(name, 1)}
				for i := range 150 {
					ctx, cancel := context.WithCancel(context.Background())
					go func() {
						time.Sleep(time.Duration(i%7) * 300 * time.Microsecond)
						cancel()
					}()
					lease, err := l.Wait(ctx, d)
					if err == nil {
						lease.Settle(exauth.Observation{})
					} else if !errors.Is(err, context.Canceled) {
						t.Fatal(err)
					}
				}
				begin := time.Now()
				a, b := take(t, l, d), take(t, l, d)
				if time.Since(begin) > 2*time.Second {
					t.Errorf("both places were free only after %s", time.Since(begin))
				}
				answered(a, 200)
				answered(b, 200)
			})
		}
	})
}

// TestSettleOnce: a second Settle of a lease changes nothing, nor does that of a lease
// whose place another one has taken.
func TestSettleOnce(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, &server{addr: startMini(t)}, testVenue(slow("c")), nil)
	d := exauth.Demand{Costs: cost("c", 1)}
	first := take(t, l, d)
	answered(first, 200)
	second := take(t, l, d)
	answered(first, 200)
	first.Settle(exauth.Observation{Status: 429})
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := l.Wait(ctx, d); !errors.Is(err, exauth.ErrRateLimited) {
		t.Errorf("a place was free that nobody gave back: %v", err)
	}
	answered(second, 200)
	l.Settle(1<<40|77, exauth.Observation{})
}

// TestOutcomes: what each fate of a call leaves behind in its window.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tt := range []struct {
		name string
		o    exauth.Observation
		want int // of 10 taken
	}{
		{"not sent", exauth.Observation{}, 0},
		{"answered", exauth.Observation{Sent: now, Received: now, Status: 200}, 10},
		{"failed requests count", exauth.Observation{Sent: now, Received: now, Status: 500}, 10},
		{"unknown", exauth.Observation{Sent: now, Received: now, Unknown: true}, 10},
		{"no answer", exauth.Observation{Sent: now, Received: now}, 10},
		{"refund", exauth.Observation{Sent: now, Received: now, Status: 200, Costs: cost("w", 0)}, 0},
		{"cost more", exauth.Observation{Sent: now, Received: now, Status: 200, Costs: cost("w", 25)}, 25},
		{"hostile cost", exauth.Observation{Sent: now, Received: now, Status: 200, Costs: cost("w", -25)}, 0},
		{"another quota's cost", exauth.Observation{Sent: now, Received: now, Status: 200, Costs: cost("x", 0)}, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &server{addr: startMini(t)}
			q := wide("w")
			q.Window = 24 * time.Hour
			l := newLimiter(t, s, testVenue(q), nil)
			lease := take(t, l, exauth.Demand{Costs: cost("w", 10)})
			if !tt.o.Sent.IsZero() {
				tt.o.Sent, tt.o.Received = time.Now(), time.Now()
			}
			lease.Settle(tt.o)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if n := total(t, s, "w"); n != tt.want {
				t.Errorf("%d units are counted, want %d: %v", n, tt.want, dump(t, s))
			}
		})
	}
}

// TestCloseReturnsBlocks: what a process leased and did not use is the others'.
func TestCloseReturnsBlocks(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		l := newLimiter(t, s, testVenue(wide("w")), nil)
		d := exauth.Demand{Costs: cost("w", 1)}
		for range 500 {
			answered(take(t, l, d), 200)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if n := total(t, s, "w"); n != 500 {
			t.Errorf("%d units are counted after 500 calls", n)
		}
		for key, fields := range dump(t, s) {
			if strings.HasSuffix(key, ":procs") && len(fields) != 0 {
				t.Errorf("the process is still listed: %v", fields)
			}
		}
		if _, err := l.Wait(within(t, time.Second), d); !errors.Is(err, exauth.ErrRateLimited) {
			t.Errorf("Wait after Close: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

// TestNothingRunsIdle: no goroutine is left when there is nothing to say, nor after
// Close. It is not parallel, so that every limiter's goroutine is this one's.
func TestNothingRunsIdle(t *testing.T) {
	l := newLimiter(t, &server{addr: startMini(t)}, testVenue(wide("w")), nil)
	gone := func(when string) {
		t.Helper()
		for range 300 {
			if !strings.Contains(stacks(), "redislimit.(*Limiter).run") {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%s a goroutine is left:\n%s", when, stacks())
	}
	lease := take(t, l, exauth.Demand{Costs: cost("w", 1)})
	if !strings.Contains(stacks(), "redislimit.(*Limiter).run") {
		t.Error("nobody keeps the lease alive: this test sees nothing")
	}
	answered(lease, 200)
	gone("after the last call")
	take(t, l, exauth.Demand{Costs: cost("w", 1)})
	l.Close()
	gone("after Close")
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
