package redislimit_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/redislimit"
)

// heard waits until Redis holds a shut gate, or long enough to see that none comes.
func heard(t *testing.T, s *server, shut bool) {
	t.Helper()
	for range 100 {
		for _, fields := range dump(t, s) {
			for f := range fields {
				if strings.HasPrefix(f, "g:") {
					return
				}
			}
		}
		time.Sleep(20 * time.Millisecond)
		if !shut {
			time.Sleep(200 * time.Millisecond)
			return
		}
	}
	t.Error("no gate was shut")
}

func wide(name string) exauth.Quota {
	return exauth.Quota{Name: name, Kind: exauth.FixedWindow, Limit: 100000, Window: time.Hour}
}

// TestGateIsTheFleets: one 429 in one process stops the callers of all of them until
// the time the venue gave; then one call goes first, and the others follow it.
func TestGateIsTheFleets(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		v := testVenue(wide("w"))
		ls := []*redislimit.Limiter{newLimiter(t, s, v, nil), newLimiter(t, s, v, nil), newLimiter(t, s, v, &redislimit.Options{Block: -1})}
		d := exauth.Demand{Costs: cost("w", 1)}
		for _, l := range ls {
			answered(take(t, l, d), 200)
		}
		refusedAt := time.Now()
		answered(take(t, ls[0], d), 429, "Retry-After", "2")
		time.Sleep(700 * time.Millisecond) // news reach those who hold a block within half a second
		opens := refusedAt.Add(2 * time.Second)

		var early, first atomic.Int64
		var probing atomic.Bool
		var wg sync.WaitGroup
		begin := time.Now()
		for i := range 200 {
			wg.Go(func() {
				lease, err := ls[i%3].Wait(within(t, 20*time.Second), d)
				if err != nil {
					t.Errorf("Wait: %v", err)
					return
				}
				if time.Now().Before(opens) {
					early.Add(1)
				}
				if first.Add(1) == 1 { // the probe: slow, so that others would be seen to pass it
					probing.Store(true)
					time.Sleep(300 * time.Millisecond)
					probing.Store(false)
				} else if probing.Load() {
					t.Error("a second call went while the probe was out")
				}
				answered(lease, 200)
			})
		}
		wg.Wait()
		if early.Load() > 0 {
			t.Errorf("%d calls before the gate opened", early.Load())
		}
		if took := time.Since(begin); took > 4*time.Second {
			t.Errorf("everybody was through after %s", took)
		}
	})
}

func TestProbeRefusedAgain(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		l, m := newLimiter(t, s, testVenue(wide("w")), nil), newLimiter(t, s, testVenue(wide("w")), nil)
		d := exauth.Demand{Costs: cost("w", 1)}
		answered(take(t, l, d), 429, "Retry-After", "1")
		answered(take(t, l, d), 429, "Retry-After", "1") // the probe
		begin := time.Now()
		answered(take(t, m, d), 200)
		if waited := time.Since(begin); waited < 700*time.Millisecond || waited > 3*time.Second {
			t.Errorf("after a refused probe another process waited %s, want about a second", waited)
		}
	})
}

// TestWhomAGateStops: a refusal stops those whom the quota counts, and nobody else.
func TestWhomAGateStops(t *testing.T) {
	t.Parallel()
	account := wide("orders")
	account.Per = exauth.PerAccount
	symbol := wide("symbol")
	symbol.Per = exauth.PerSymbol
	v := testVenue(wide("w"), account, symbol)
	costs := []exauth.Cost{{Quota: "w", N: 1}, {Quota: "orders", N: 1}, {Quota: "symbol", Item: "BTCUSDT", N: 1}}
	for _, tt := range []struct {
		name    string
		o       exauth.Observation
		stopped []bool // same demand, other account, only weight, other symbol
	}{
		{"the address by 418", exauth.Observation{Status: 418, RetryAfter: time.Minute}, []bool{true, true, true, true}},
		{"the address by 429", exauth.Observation{Status: 429, RetryAfter: time.Minute}, []bool{true, true, true, true}},
		{"the account", exauth.Observation{Status: 429, Refused: "orders", RetryAfter: time.Minute}, []bool{true, false, false, true}},
		{"the symbol, inside a 200", exauth.Observation{Status: 200, Refused: "symbol", RetryAfter: time.Minute}, []bool{true, false, false, false}},
		{"nobody", exauth.Observation{Status: 503, RetryAfter: time.Minute}, []bool{false, false, false, false}},
		{"nobody by a 403 without a time", exauth.Observation{Status: 403}, []bool{false, false, false, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &server{addr: startMini(t)}
			l, m := newLimiter(t, s, v, nil), newLimiter(t, s, v, nil)
			lease := take(t, l, exauth.Demand{Account: "a", Costs: costs})
			tt.o.Sent, tt.o.Received = time.Now(), time.Now()
			lease.Settle(tt.o)
			heard(t, s, slices.Contains(tt.stopped, true))
			other := []exauth.Cost{costs[0], costs[1], {Quota: "symbol", Item: "ETHUSDT", N: 1}}
			for i, d := range []exauth.Demand{
				{Account: "a", Costs: costs}, {Account: "b", Costs: costs}, {Account: "a", Costs: costs[:1]}, {Account: "a", Costs: other},
			} {
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				lease, err := m.Wait(ctx, d)
				cancel()
				if got := err != nil; got != tt.stopped[i] {
					t.Errorf("demand %d: stopped is %v (%v), want %v", i, got, err, tt.stopped[i])
				}
				lease.Settle(exauth.Observation{})
			}
		})
	}
}

// TestHostileRetryAfter: what a venue, or somebody in between, may write there.
func TestHostileRetryAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		min, max   time.Duration
	}{
		{"seconds", "100", 99 * time.Second, 100 * time.Second},
		{"negative", "-1", 0, 2 * time.Second},
		{"overflow", "9223372037", 71 * time.Hour, 72 * time.Hour},
		{"more digits than a number", "99999999999999999999999", 71 * time.Hour, 72 * time.Hour},
		{"a date gone by", "Mon, 02 Jan 2006 15:04:05 GMT", 0, 2 * time.Second},
		{"two values", "5, 6", 0, 2 * time.Second},
		{"nothing", "", 0, 2 * time.Second},
		{"not a number", "NaN", 0, 2 * time.Second},
		{"a date", time.Now().Add(50 * time.Second).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"), 40 * time.Second, 51 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &server{addr: startMini(t)}
			l, m := newLimiter(t, s, testVenue(wide("w")), nil), newLimiter(t, s, testVenue(wide("w")), nil)
			d := exauth.Demand{Costs: cost("w", 1), MaxWait: 400 * time.Millisecond}
			lease := take(t, l, exauth.Demand{Costs: cost("w", 1)})
			answered(lease, 429, "Retry-After", tt.text)
			heard(t, s, true)
			_, err := m.Wait(within(t, 5*time.Second), d)
			var e *exauth.Error
			if !errors.As(err, &e) || !errors.Is(err, exauth.ErrRateLimited) || errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("another process: %v", err)
			}
			if e.RetryAfter < tt.min || e.RetryAfter > tt.max {
				t.Errorf("waits %s, want %s to %s", e.RetryAfter, tt.min, tt.max)
			}
		})
	}
}

// TestUnnamedWaitsGrow: refusals that name no time back off, and a burst of them
// counts once.
func TestUnnamedWaitsGrow(t *testing.T) {
	s := &server{addr: startMini(t)}
	l := newLimiter(t, s, testVenue(wide("w")), nil)
	d := exauth.Demand{Costs: cost("w", 1)}
	var burst []exauth.Lease
	for range 20 {
		burst = append(burst, take(t, l, d))
	}
	for _, lease := range burst {
		answered(lease, 429)
	}
	begin := time.Now()
	answered(take(t, l, d), 429) // a second later, the probe
	if waited := time.Since(begin); waited < 500*time.Millisecond || waited > 1900*time.Millisecond {
		t.Errorf("the first wait took %s, want about one second", waited)
	}
	begin = time.Now()
	answered(take(t, l, d), 200)
	if waited := time.Since(begin); waited < 1500*time.Millisecond || waited > 3500*time.Millisecond {
		t.Errorf("the second wait took %s, want about two seconds", waited)
	}
}

// TestHeadersCount: the venue's own count stops the fleet, whoever used it up.
func TestHeadersCount(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		for _, tt := range []struct {
			name        string
			q           exauth.Quota
			header, val string
			stopped     bool
		}{
			{"used", exauth.Quota{Kind: exauth.FixedWindow, UsedHeader: "X-Used"}, "X-Used", "99", true},
			{"used by us", exauth.Quota{Kind: exauth.FixedWindow, UsedHeader: "X-Used"}, "X-Used", "1", false},
			{"remaining", exauth.Quota{Kind: exauth.FixedWindow, RemainingHeader: "x-left"}, "X-Left", "0", true},
			{"sliding", exauth.Quota{Kind: exauth.SlidingWindow, RemainingHeader: "X-Left"}, "X-Left", "1", true},
			{"bucket", exauth.Quota{Kind: exauth.TokenBucket, Refill: 0.001, RemainingHeader: "X-Left"}, "X-Left", "1", true},
			{"negative", exauth.Quota{Kind: exauth.FixedWindow, UsedHeader: "X-Used"}, "X-Used", "-5", false},
			{"not a number", exauth.Quota{Kind: exauth.FixedWindow, UsedHeader: "X-Used"}, "X-Used", "NaN", false},
			{"absurd", exauth.Quota{Kind: exauth.FixedWindow, UsedHeader: "X-Used"}, "X-Used", "1e30", false},
			{"too much", exauth.Quota{Kind: exauth.FixedWindow, UsedHeader: "X-Used"}, "X-Used", "100001", false},
			{"another unit", exauth.Quota{Kind: exauth.FixedWindow, RemainingHeader: "X-Left"}, "X-Left", "5000", false},
		} {
			t.Run(tt.name, func(t *testing.T) {
				q := tt.q
				q.Name, q.Limit, q.Window = "h-"+tt.name[:4]+strconv.Itoa(len(tt.name)), 100, time.Hour
				v := testVenue(q)
				l, m := newLimiter(t, s, v, nil), newLimiter(t, s, v, nil)
				d := exauth.Demand{Costs: cost(q.Name, 2)}
				answered(take(t, l, d), 200, tt.header, tt.val)
				time.Sleep(150 * time.Millisecond)
				d.MaxWait = 5 * time.Second
				if q.Kind != exauth.FixedWindow {
					d.MaxWait = 300 * time.Millisecond
				}
				lease, err := m.Wait(within(t, 20*time.Second), d)
				if got := errors.Is(err, exauth.ErrRateLimited); got != tt.stopped || err != nil && !got {
					t.Errorf("another process is stopped: %v (%v), want %v", got, err, tt.stopped)
				}
				lease.Settle(exauth.Observation{})
			})
		}
	})
}
