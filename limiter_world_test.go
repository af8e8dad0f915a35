package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
)

// world is a second exchange, written from the venues' rules and not from the
// limiter's: several quotas a call, refusals that count or not, windows of any
// length, bans that double for who keeps calling.
type world struct {
	mu     sync.Mutex
	rng    *rand.Rand
	begin  time.Time
	skew   time.Duration
	drift  float64
	quotas []*counter

	refusalsCount bool          // a refused call is counted too
	noRetryAfter  bool          // refusals name no time
	dates         bool          // answers carry Date
	banFrom, ban  time.Duration // one ban for a fixed time
	lateInBan     time.Duration
	afterBan      time.Duration

	hits429 map[string]int
}

type counter struct {
	exauth.Quota
	k        int64
	n        float64
	at       time.Time
	anchor   time.Time
	log      []stamp
	admitted float64
	byWindow map[int64]float64
}

type stamp struct {
	at time.Time
	n  int
}

func (w *world) clock(now time.Time) time.Time {
	since := now.Sub(w.begin)
	return now.Add(w.skew + time.Duration(w.drift*float64(since)))
}

func (c *counter) number(t time.Time) int64 {
	if c.Window >= 28*24*time.Hour {
		return int64(t.UTC().Year())*12 + int64(t.UTC().Month())
	}
	return t.UnixNano() / int64(c.Window)
}

func (c *counter) pass(t time.Time) {
	switch c.Kind {
	case exauth.FixedWindow:
		if k := c.number(t); k != c.k {
			c.k, c.n = k, 0
		}
	case exauth.AnchoredWindow:
		if !c.anchor.IsZero() && t.Sub(c.anchor) >= c.Window {
			c.anchor, c.n = time.Time{}, 0
		}
	case exauth.SlidingWindow:
		for len(c.log) > 0 && t.Sub(c.log[0].at) >= c.Window {
			c.n -= float64(c.log[0].n)
			c.log = c.log[1:]
		}
	case exauth.DecayCounter, exauth.TokenBucket:
		if c.at.IsZero() {
			c.at = t
		}
		if c.Step > 0 {
			steps := t.Sub(c.at) / c.Step
			c.n = max(0, c.n-c.Refill*c.Step.Seconds()*float64(steps))
			c.at = c.at.Add(steps * c.Step)
		} else {
			c.n = max(0, c.n-c.Refill*t.Sub(c.at).Seconds())
			c.at = t
		}
	}
}

func (c *counter) count(t time.Time, n int) {
	c.n += float64(n)
	c.admitted += float64(n)
	switch c.Kind {
	case exauth.FixedWindow:
		if c.byWindow == nil {
			c.byWindow = map[int64]float64{}
		}
		c.byWindow[c.k] += float64(n)
	case exauth.AnchoredWindow:
		if c.anchor.IsZero() {
			c.anchor = t
		}
	case exauth.SlidingWindow:
		c.log = append(c.log, stamp{t, n})
	}
}

func (c *counter) wait(t time.Time) time.Duration {
	switch c.Kind {
	case exauth.FixedWindow:
		return c.Window - time.Duration(t.UnixNano()%int64(c.Window))
	case exauth.AnchoredWindow:
		return c.Window - t.Sub(c.anchor)
	case exauth.SlidingWindow:
		return c.Window
	}
	return time.Second
}

// serve answers a call that arrives now; refund means it is not counted when it
// succeeds.
func (w *world) serve(now time.Time, costs []exauth.Cost, refund bool) (int, http.Header, string) {
	t := w.clock(now)
	h := http.Header{}
	if w.dates {
		h.Set("Date", t.UTC().Format(http.TimeFormat))
	}
	since := now.Sub(w.begin)
	if w.ban > 0 && since >= w.banFrom && since < w.banFrom+w.ban {
		w.lateInBan = since - w.banFrom
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil((w.banFrom + w.ban - since).Seconds()))))
		return 418, h, ""
	}
	var full *counter
	for _, q := range w.quotas {
		q.pass(t)
		for _, c := range costs {
			if c.Quota == q.Name && q.Kind != exauth.Concurrency && q.n+float64(c.N) > float64(q.Limit)+1e-9 {
				full = q
			}
		}
	}
	for _, q := range w.quotas {
		for _, c := range costs {
			if c.Quota == q.Name && (full == nil && !refund || full != nil && w.refusalsCount) {
				q.count(t, c.N)
			}
		}
		set := func(name string, v int64) {
			if name != "" {
				h.Set(name, strconv.FormatInt(v, 10))
			}
		}
		set(q.UsedHeader, int64(q.n))
		set(q.RemainingHeader, int64(max(0, float64(q.Limit)-q.n)))
		set(q.TimeHeader, t.UnixMilli())
		if q.ResetHeader != "" && !q.anchor.IsZero() {
			set(q.ResetHeader, (q.Window - t.Sub(q.anchor)).Milliseconds())
		}
	}
	if full != nil {
		w.hits429[full.Name]++
		if !w.noRetryAfter {
			h.Set("Retry-After", strconv.Itoa(int(math.Ceil(full.wait(t).Seconds()))))
		}
		return 429, h, full.Name
	}
	if w.ban > 0 && since > w.banFrom && w.afterBan == 0 {
		w.afterBan = since - w.banFrom - w.ban
	}
	return 200, h, ""
}

// delay is a log-normal one-way latency between lo and hi.
func (w *world) delay(lo, hi time.Duration) time.Duration {
	a, b := math.Log(float64(lo)), math.Log(float64(hi))
	return time.Duration(math.Exp(min(max((a+b)/2+w.rng.NormFloat64()*(b-a)/5, a), b)))
}

// bot is one program's demand.
type bot struct {
	limiter  exauth.Limiter
	workers  int
	costs    func(r *rand.Rand) (costs []exauth.Cost, p exauth.Priority, refund bool)
	deadline time.Duration // of each call's context, 0 none
	maxWait  time.Duration
	idle     func(since time.Duration) bool
	lo, hi   time.Duration
	lost     float64

	used    float64
	granted int
	errs    map[string]int
	waits   [3][]time.Duration
}

func (w *world) run(ctx context.Context, b *bot) {
	b.errs = map[string]int{}
	var wg sync.WaitGroup
	for range b.workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if b.idle != nil && b.idle(time.Since(w.begin)) {
					time.Sleep(time.Second)
					continue
				}
				w.once(ctx, b)
			}
		})
	}
	wg.Wait()
}

func (w *world) once(ctx context.Context, b *bot) {
	w.mu.Lock()
	costs, prio, refund := b.costs(w.rng)
	w.mu.Unlock()
	cctx := ctx
	if b.deadline > 0 {
		var cancel context.CancelFunc
		cctx, cancel = context.WithTimeout(ctx, b.deadline)
		defer cancel()
	}
	begin := time.Now()
	lease, err := b.limiter.Wait(cctx, exauth.Demand{Costs: costs, Priority: prio, MaxWait: b.maxWait})
	sent := time.Now()
	w.mu.Lock()
	if err != nil {
		key := "other"
		if errors.Is(err, exauth.ErrRateLimited) {
			key = "limited"
		}
		if ctx.Err() == nil {
			b.errs[key]++
		}
		w.mu.Unlock()
		time.Sleep(500 * time.Millisecond)
		return
	}
	b.granted++
	b.waits[prio] = append(b.waits[prio], sent.Sub(begin))
	there, back, lost := w.delay(b.lo, b.hi), w.delay(b.lo, b.hi), w.rng.Float64() < b.lost
	w.mu.Unlock()
	time.Sleep(there)
	w.mu.Lock()
	status, h, refused := w.serve(time.Now(), costs, refund)
	if status == 200 && !refund {
		for _, c := range costs {
			b.used += float64(c.N)
		}
	}
	w.mu.Unlock()
	if lost {
		time.Sleep(5 * time.Second)
		lease.Settle(exauth.Observation{Sent: sent, Received: time.Now(), Unknown: true})
		return
	}
	time.Sleep(back)
	o := exauth.Observation{Sent: sent, Received: time.Now(), Status: status, Header: h}
	_ = refused
	lease.Settle(o)
}

func newWorld(seed uint64, quotas ...exauth.Quota) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 7)), begin: time.Now(), dates: true, hits429: map[string]int{}}
	w.skew = time.Duration((2*w.rng.Float64() - 1) * 0.7 * float64(time.Second))
	w.drift = (2*w.rng.Float64() - 1) * 15e-6
	for _, q := range quotas {
		w.quotas = append(w.quotas, &counter{Quota: q})
	}
	return w
}

func (c *counter) utilisation(span time.Duration) float64 {
	switch c.Kind {
	case exauth.FixedWindow:
		return 100 * c.admitted / (float64(c.Limit) * float64(span) / float64(c.Window))
	case exauth.DecayCounter, exauth.TokenBucket:
		return 100 * c.admitted / (float64(c.Limit) + c.Refill*span.Seconds())
	}
	return 100 * c.admitted / (float64(c.Limit) * float64(span) / float64(c.Window))
}

func p99(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)*99/100].Round(time.Millisecond)
}

func one(name string, weights ...int) func(r *rand.Rand) ([]exauth.Cost, exauth.Priority, bool) {
	return func(r *rand.Rand) ([]exauth.Cost, exauth.Priority, bool) {
		p := exauth.PriorityPoll
		if r.IntN(50) == 0 {
			p = exauth.PriorityCancel
		}
		n := weights[r.IntN(len(weights))]
		if p == exauth.PriorityCancel {
			n = 1
		}
		return []exauth.Cost{{Quota: name, N: n}}, p, false
	}
}

func TestLimiterWorld(t *testing.T) {
	span, seeds := 5*time.Minute, 1
	if os.Getenv("EXAUTH_SIM") == "full" {
		span, seeds = time.Hour, 8
	}
	minute := exauth.Quota{Name: "weight", Kind: exauth.FixedWindow, Limit: 6000, Window: time.Minute, UsedHeader: "X-Mbx-Used-Weight-1m"}
	ten := exauth.Quota{Name: "orders", Kind: exauth.FixedWindow, Limit: 100, Window: 10 * time.Second, UsedHeader: "X-Mbx-Order-Count-10s", Per: exauth.PerAccount}
	day := exauth.Quota{Name: "day", Kind: exauth.FixedWindow, Limit: 160000, Window: 24 * time.Hour, UsedHeader: "X-Mbx-Order-Count-1d", Per: exauth.PerAccount}
	bare := minute
	bare.UsedHeader = ""
	fixed := func(limit int, window time.Duration, header string) exauth.Quota {
		return exauth.Quota{Name: "q", Kind: exauth.FixedWindow, Limit: limit, Window: window, UsedHeader: header}
	}
	sliding := func(limit int, window time.Duration, stamp string) exauth.Quota {
		return exauth.Quota{Name: "q", Kind: exauth.SlidingWindow, Limit: limit, Window: window, TimeHeader: stamp}
	}
	weights := []int{1, 2, 5, 10, 25, 50}
	binance := func(r *rand.Rand) ([]exauth.Cost, exauth.Priority, bool) {
		if r.IntN(4) == 0 {
			return []exauth.Cost{{Quota: "weight", N: 1}, {Quota: "orders", N: 1}, {Quota: "day", N: 1}}, exauth.PriorityOrder, false
		}
		return one("weight", weights...)(r)
	}
	far, near := [2]time.Duration{5 * time.Millisecond, 300 * time.Millisecond}, [2]time.Duration{time.Millisecond, 10 * time.Millisecond}
	for _, tt := range []struct {
		name    string
		quotas  []exauth.Quota
		lat     [2]time.Duration
		costs   func(r *rand.Rand) ([]exauth.Cost, exauth.Priority, bool)
		workers int
		tune    func(w *world, b *bot)
		hidden  float64 // units per second
		util    float64
	}{
		{name: "binance", quotas: []exauth.Quota{minute, ten, day}, lat: far, costs: binance, workers: 200, util: 99},
		{name: "binance, call deadlines 10s", quotas: []exauth.Quota{minute, ten, day}, lat: far, costs: binance, workers: 200, util: 99, tune: func(w *world, b *bot) { b.deadline = 10 * time.Second }},
		{name: "binance, refusals count, no Date", quotas: []exauth.Quota{minute, ten, day}, lat: far, costs: binance, workers: 200, util: 97, tune: func(w *world, b *bot) { w.refusalsCount = true; w.dates = false }},
		{name: "no headers", quotas: []exauth.Quota{bare}, lat: far, costs: one("weight", weights...), workers: 200, util: 99},
		{name: "heavy up to the limit", quotas: []exauth.Quota{minute}, lat: far, costs: one("weight", 1, 5, 1200, 6000), workers: 30, util: 50},
		{name: "fixed 30/s header", quotas: []exauth.Quota{fixed(30, time.Second, "Used")}, lat: far, costs: one("q", 1), workers: 60, util: 30},
		{name: "fixed 30/s", quotas: []exauth.Quota{fixed(30, time.Second, "")}, lat: far, costs: one("q", 1), workers: 60, util: 30},
		{name: "fixed 100/10s", quotas: []exauth.Quota{fixed(100, 10*time.Second, "Used")}, lat: far, costs: one("q", 1), workers: 60, util: 99},
		{name: "fixed 100/10s lost 1%", quotas: []exauth.Quota{fixed(100, 10*time.Second, "Used")}, lat: far, costs: one("q", 1), workers: 60, util: 96, tune: func(w *world, b *bot) { b.lost = 0.01 }},
		{name: "fixed 15/100ms", quotas: []exauth.Quota{fixed(15, 100*time.Millisecond, "")}, lat: near, costs: one("q", 1), workers: 60, util: 1},
		{name: "sliding 20/2s deadline 30s", quotas: []exauth.Quota{sliding(20, 2*time.Second, "")}, lat: far, costs: one("q", 1), workers: 60, util: 94, tune: func(w *world, b *bot) { b.deadline = 30 * time.Second }},
		{name: "sliding 600/5s weights", quotas: []exauth.Quota{sliding(600, 5*time.Second, "")}, lat: far, costs: one("q", 1, 2, 20), workers: 100, util: 94},
		{name: "sliding 10/1s stamp", quotas: []exauth.Quota{sliding(10, time.Second, "Ts")}, lat: far, costs: one("q", 1), workers: 40, util: 92},
		{name: "sliding 10/1s lost 1% maxwait 20s", quotas: []exauth.Quota{sliding(10, time.Second, "")}, lat: far, costs: one("q", 1), workers: 40, util: 85, tune: func(w *world, b *bot) { b.lost = 0.01; b.maxWait = 20 * time.Second }},
		{name: "bucket 15/s b30 maxwait 20s", quotas: []exauth.Quota{{Name: "q", Kind: exauth.TokenBucket, Limit: 30, Refill: 15}}, lat: far, costs: one("q", 1), workers: 60, util: 99.5, tune: func(w *world, b *bot) { b.maxWait = 20 * time.Second }},
		{name: "bucket stepped 1s", quotas: []exauth.Quota{{Name: "q", Kind: exauth.TokenBucket, Limit: 30, Refill: 15, Step: time.Second}}, lat: far, costs: one("q", 1), workers: 60, util: 98},
		{name: "decay 15 -1/3s", quotas: []exauth.Quota{{Name: "q", Kind: exauth.DecayCounter, Limit: 15, Refill: 1. / 3}}, lat: far, costs: one("q", 1, 2), workers: 30, util: 98}, // the last points are in flight when a short run ends
		{name: "bucket, hidden 30%, no headers", quotas: []exauth.Quota{{Name: "q", Kind: exauth.TokenBucket, Limit: 30, Refill: 15}}, lat: far, costs: one("q", 1), workers: 60, util: 60, hidden: 4.5},
		{name: "minute, hidden 30%", quotas: []exauth.Quota{minute}, lat: far, costs: one("weight", weights...), workers: 200, util: 95, hidden: 30},
		{name: "binance on/off 3min", quotas: []exauth.Quota{minute}, lat: far, costs: one("weight", weights...), workers: 200, util: 40, tune: func(w *world, b *bot) {
			b.idle = func(d time.Duration) bool { return d%(6*time.Minute) > 3*time.Minute }
		}},
		{name: "anchored on/off", quotas: []exauth.Quota{{Name: "q", Kind: exauth.AnchoredWindow, Limit: 4000, Window: 30 * time.Second, RemainingHeader: "Rem", ResetHeader: "Rst"}}, lat: far, costs: one("q", 1, 2, 5), workers: 200, util: 40, tune: func(w *world, b *bot) {
			b.idle = func(d time.Duration) bool { return d%(70*time.Second) > 33*time.Second }
		}},
		{name: "anchored bare", quotas: []exauth.Quota{{Name: "q", Kind: exauth.AnchoredWindow, Limit: 4000, Window: 30 * time.Second}}, lat: far, costs: one("q", 1, 2, 5), workers: 200, util: 99},
		{name: "concurrency 5 deadline", quotas: []exauth.Quota{{Name: "q", Kind: exauth.Concurrency, Limit: 5, Window: time.Second}}, lat: far, costs: one("q", 1), workers: 30, util: 1, tune: func(w *world, b *bot) { b.deadline = 10 * time.Second }},
		{name: "ban, no retry-after 429s", quotas: []exauth.Quota{minute}, lat: far, costs: one("weight", weights...), workers: 200, util: 60, tune: func(w *world, b *bot) { w.banFrom, w.ban = 2*time.Minute, 2*time.Minute }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range seeds {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(uint64(seed), tt.quotas...)
					b := &bot{limiter: exauth.NewLimiter(&exauth.Venue{Name: "w", Quotas: tt.quotas}, nil), workers: tt.workers, costs: tt.costs, lo: tt.lat[0], hi: tt.lat[1]}
					if tt.tune != nil {
						tt.tune(w, b)
					}
					ctx, cancel := context.WithCancel(context.Background())
					go func() { time.Sleep(span); cancel() }()
					hid := [2]int{}
					var others sync.WaitGroup
					if tt.hidden > 0 {
						others.Go(func() {
							for ctx.Err() == nil {
								w.mu.Lock()
								gap := time.Duration(w.rng.ExpFloat64() / tt.hidden * float64(time.Second))
								w.mu.Unlock()
								time.Sleep(gap)
								w.mu.Lock()
								own := w.hits429[w.quotas[0].Name]
								st, _, _ := w.serve(time.Now(), []exauth.Cost{{Quota: w.quotas[0].Name, N: 1}}, false)
								w.hits429[w.quotas[0].Name] = own
								hid[0]++
								if st == 429 {
									hid[1]++
								}
								w.mu.Unlock()
							}
						})
					}
					w.run(ctx, b)
					others.Wait()
					var us string
					for _, q := range w.quotas {
						us += fmt.Sprintf("%s %.2f%% ", q.Name, q.utilisation(span))
					}
					n429 := 0
					for _, n := range w.hits429 {
						n429 += n
					}
					t.Logf("seed %d: %s 429 %v errs %v granted %d hidden %v, p99 poll %v order %v cancel %v ban %v/%v", seed, us, w.hits429, b.errs, b.granted, hid, p99(b.waits[0]), p99(b.waits[1]), p99(b.waits[2]), w.lateInBan, w.afterBan)
					best := 0.
					for _, q := range w.quotas {
						best = max(best, q.utilisation(span))
					}
					if best < tt.util || n429 > 0 && tt.hidden == 0 {
						t.Errorf("want utilisation %.1f and no 429", tt.util)
					}
				})
			}
		})
	}
}
