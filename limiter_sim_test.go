package exauth_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/internal/quotasim"
)

// scenario is one row of the table a limiter is held to.
type scenario struct {
	name    string
	quota   exauth.Quota
	config  quotasim.Config
	latency [2]time.Duration
	costs   []int                      // drawn evenly
	orders  float64                    // share of calls that are orders, refunded when they succeed
	cancels time.Duration              // one every, urgent
	hidden  func(part float64) float64 // units per second of a hidden client
	workers int
	want    figures
}

type figures struct {
	utilisation   float64       // at least
	own429        float64       // at most, an hour
	hidden429     float64       // at most, an hour; 0 = not asked
	urgent        time.Duration // p99 at most; 0 = not asked
	lastInBan     time.Duration
	firstAfterBan time.Duration
}

var (
	far  = [2]time.Duration{5 * time.Millisecond, 300 * time.Millisecond}
	near = [2]time.Duration{1 * time.Millisecond, 10 * time.Millisecond}
)

func scenarios() []scenario {
	minute := exauth.Quota{Name: "weight", Kind: exauth.FixedWindow, Limit: 6000, Window: time.Minute, UsedHeader: "X-Mbx-Used-Weight-1m"}
	minuteServer := quotasim.Config{Kind: quotasim.Fixed, Limit: 6000, Window: time.Minute, UsedHeader: "X-Mbx-Used-Weight-1m"}
	ban := minuteServer
	ban.BanFrom, ban.BanFor = 5*time.Minute, 2*time.Minute
	weights := []int{1, 2, 5, 10, 25, 50}
	return []scenario{
		{name: "fixed 6000/min, with orders", quota: minute, config: minuteServer, latency: far, costs: weights, orders: 0.2,
			cancels: 200 * time.Millisecond, workers: 200, want: figures{utilisation: 99.5, urgent: 500 * time.Millisecond}},
		{name: "anchored 4000/30s",
			quota:   exauth.Quota{Name: "pool", Kind: exauth.AnchoredWindow, Limit: 4000, Window: 30 * time.Second, RemainingHeader: "Gw-Ratelimit-Remaining", ResetHeader: "Gw-Ratelimit-Reset"},
			config:  quotasim.Config{Kind: quotasim.Anchored, Limit: 4000, Window: 30 * time.Second, RemainingHeader: "Gw-Ratelimit-Remaining", ResetHeader: "Gw-Ratelimit-Reset"},
			latency: far, costs: []int{1, 2, 3, 5}, workers: 200, want: figures{utilisation: 99.5}},
		{name: "token bucket 15/s b30", quota: exauth.Quota{Name: "bucket", Kind: exauth.TokenBucket, Limit: 30, Refill: 15},
			config: quotasim.Config{Kind: quotasim.Bucket, Limit: 30, Refill: 15}, latency: far, costs: []int{1}, workers: 60, want: figures{utilisation: 99.5}},
		{name: "decay 15 -1/3s", quota: exauth.Quota{Name: "points", Kind: exauth.DecayCounter, Limit: 15, Refill: 1. / 3},
			config: quotasim.Config{Kind: quotasim.Decay, Limit: 15, Refill: 1. / 3}, latency: far, costs: []int{1, 2}, workers: 30, want: figures{utilisation: 99.5}},
		{name: "sliding 20/2s far", quota: exauth.Quota{Name: "orders", Kind: exauth.SlidingWindow, Limit: 20, Window: 2 * time.Second},
			config: quotasim.Config{Kind: quotasim.Sliding, Limit: 20, Window: 2 * time.Second}, latency: far, costs: []int{1},
			cancels: time.Second, workers: 60, want: figures{utilisation: 94, urgent: 2 * time.Second}},
		{name: "sliding 20/2s near", quota: exauth.Quota{Name: "orders", Kind: exauth.SlidingWindow, Limit: 20, Window: 2 * time.Second},
			config: quotasim.Config{Kind: quotasim.Sliding, Limit: 20, Window: 2 * time.Second}, latency: near, costs: []int{1},
			cancels: time.Second, workers: 60, want: figures{utilisation: 99, urgent: 2 * time.Second}},
		{name: "sliding 10/1s, no stamp", quota: exauth.Quota{Name: "uid", Kind: exauth.SlidingWindow, Limit: 10, Window: time.Second},
			config: quotasim.Config{Kind: quotasim.Sliding, Limit: 10, Window: time.Second}, latency: far, costs: []int{1}, workers: 40, want: figures{utilisation: 90}},
		{name: "sliding 10/1s, ms stamp", quota: exauth.Quota{Name: "uid", Kind: exauth.SlidingWindow, Limit: 10, Window: time.Second, TimeHeader: "X-Bapi-Limit-Reset-Timestamp"},
			config: quotasim.Config{Kind: quotasim.Sliding, Limit: 10, Window: time.Second, StampHeader: "X-Bapi-Limit-Reset-Timestamp"}, latency: far, costs: []int{1}, workers: 40, want: figures{utilisation: 92}},
		{name: "hidden client 20 to 40 %", quota: minute, config: minuteServer, latency: far, costs: weights, workers: 200,
			hidden: func(part float64) float64 { // of the run
				if part < 0.5 {
					return 20
				}
				return 40
			}, want: figures{utilisation: 95, own429: 1, hidden429: 120}},
		{name: "418 for 2 min", quota: minute, config: ban, latency: far, costs: weights, cancels: 200 * time.Millisecond, workers: 200,
			want: figures{utilisation: 0, own429: 0, lastInBan: 700 * time.Millisecond, firstAfterBan: 3 * time.Second}},
	}
}

// TestLimiterSimulation drives the limiter against a simulated exchange in virtual
// time, for an hour each: the figures are an hour's. EXAUTH_SIM=full runs eight seeds
// instead of one.
func TestLimiterSimulation(t *testing.T) {
	seeds, span := 1, time.Hour
	if os.Getenv("EXAUTH_SIM") == "full" {
		seeds = 8
	}
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			for seed := range seeds {
				var r result
				synctest.Test(t, func(t *testing.T) { r = s.run(uint64(seed), span) })
				s.judge(t, seed, span, r)
			}
		})
	}
}

type result struct {
	utilisation       float64
	own429, hidden429 int
	urgent            time.Duration
	urgents           int
	lastInBan, after  time.Duration
}

func (s scenario) judge(t *testing.T, seed int, span time.Duration, r result) {
	t.Helper()
	hours := span.Hours()
	text := fmt.Sprintf("seed %d: utilisation %.2f %%, own 429 %.1f/h, hidden 429 %.1f/h, urgent p99 %s (%d), last in ban %s, first after %s",
		seed, r.utilisation, float64(r.own429)/hours, float64(r.hidden429)/hours, r.urgent.Round(time.Millisecond), r.urgents, r.lastInBan, r.after)
	t.Log(text)
	w := s.want
	switch {
	case r.utilisation < w.utilisation,
		float64(r.own429) > w.own429*max(hours, 1),
		w.hidden429 > 0 && float64(r.hidden429)/hours > w.hidden429,
		w.urgent > 0 && r.urgent > w.urgent,
		w.lastInBan > 0 && (r.lastInBan > w.lastInBan || r.after == 0 || r.after > w.firstAfterBan):
		t.Errorf("want %+v", w)
	}
}

// run plays one seed for a span of virtual time.
func (s scenario) run(seed uint64, span time.Duration) result {
	rng := rand.New(rand.NewPCG(seed, 42))
	x := &quotasim.Exchange{Config: s.config, Begin: time.Now()}
	x.Skew = time.Duration((rng.Float64()*2 - 1) * float64(700*time.Millisecond))
	x.Drift = (rng.Float64()*2 - 1) * 15e-6
	lat := quotasim.Latency{Min: s.latency[0], Max: s.latency[1], Rand: rng}
	l := exauth.NewLimiter(&exauth.Venue{Name: "sim", Quotas: []exauth.Quota{s.quota}}, nil)
	ctx, cancel := context.WithTimeout(context.Background(), span)
	defer cancel()
	var (
		mu      sync.Mutex // rng, x and the results
		r       result
		waits   []time.Duration
		ownUsed float64
		wg      sync.WaitGroup
	)
	call := func(n int, prio exauth.Priority, free bool) bool {
		begin := time.Now()
		lease, err := l.Wait(ctx, exauth.Demand{Costs: []exauth.Cost{{Quota: s.quota.Name, N: n}}, Priority: prio})
		if err != nil {
			return false
		}
		sent := time.Now()
		mu.Lock()
		there, back, lost := lat.Draw(), lat.Draw(), rng.Float64() < 0.002
		if prio == exauth.PriorityCancel {
			waits = append(waits, sent.Sub(begin))
		}
		mu.Unlock()
		time.Sleep(there)
		mu.Lock()
		a := x.Serve(time.Now(), n, free)
		if a.Status == 429 {
			r.own429++
		} else if a.Status == 200 && !free {
			ownUsed += float64(n)
		}
		mu.Unlock()
		if lost {
			time.Sleep(2 * time.Second)
			lease.Settle(exauth.Observation{Sent: sent, Received: time.Now(), Unknown: true})
			return true
		}
		time.Sleep(back)
		o := exauth.Observation{Sent: sent, Received: time.Now(), Status: a.Status, Header: a.Header}
		if free && a.Status == 200 {
			o.Costs = []exauth.Cost{{Quota: s.quota.Name, N: 0}}
		}
		lease.Settle(o)
		return true
	}
	for range s.workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				n, order := s.costs[rng.IntN(len(s.costs))], rng.Float64() < s.orders
				mu.Unlock()
				prio := exauth.PriorityPoll
				if order {
					n, prio = 1, exauth.PriorityOrder
				}
				if !call(n, prio, order) {
					return
				}
			}
		})
	}
	if s.cancels > 0 {
		wg.Go(func() {
			for ctx.Err() == nil {
				time.Sleep(s.cancels)
				wg.Go(func() { call(1, exauth.PriorityCancel, false) })
			}
		})
	}
	if s.hidden != nil {
		wg.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				n := 1 + rng.IntN(10)
				gap := time.Duration(rng.ExpFloat64() * float64(n) / s.hidden(float64(time.Since(x.Begin))/float64(span)) * float64(time.Second))
				mu.Unlock()
				time.Sleep(gap)
				mu.Lock()
				if a := x.Serve(time.Now(), n, false); a.Status == 429 {
					r.hidden429++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	r.utilisation = 100 * s.utilisation(x, span)
	if len(waits) > 0 {
		slices.Sort(waits)
		r.urgent, r.urgents = waits[len(waits)*99/100], len(waits)
	}
	r.lastInBan, r.after = x.LastInBan, x.AfterBan
	return r
}

// utilisation is what was admitted of what the venue would have let through. Of
// fixed windows the whole ones count: the first and the last are cut by the clock.
func (s scenario) utilisation(x *quotasim.Exchange, span time.Duration) float64 {
	switch x.Kind {
	case quotasim.Decay, quotasim.Bucket:
		return x.Used / (float64(x.Limit) + x.Refill*span.Seconds())
	case quotasim.Fixed:
		ks := slices.Sorted(maps.Keys(x.Windows))
		used := 0.
		for _, k := range ks[1 : len(ks)-1] {
			used += x.Windows[k]
		}
		return used / float64(x.Limit*(len(ks)-2))
	}
	return x.Used / (float64(x.Limit) * span.Seconds() / x.Window.Seconds())
}
