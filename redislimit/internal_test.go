package redislimit

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/exauth/exauth"
	"github.com/redis/rueidis"
)

// TestWindowsAgree: the scripts and the process number windows alike, months and leap
// years included; a process that is wrong gives back into another window.
func TestWindowsAgree(t *testing.T) {
	m := miniredis.RunT(t)
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{m.Addr()}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	lua := script(headLua, libLua, "local k = windowOf(ARGV[1] + 0, ARGV[2] + 0)\nreturn {k, startOf(ARGV[1] + 0, k), startOf(ARGV[1] + 0, k + 1)}")
	rng := rand.New(rand.NewPCG(1, 2))
	var times []micros
	for _, day := range []string{"2000-02-29", "2024-02-29", "2026-11-23", "2026-12-31", "2027-01-01", "2028-02-29", "2028-03-01", "2099-12-31"} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, at.UnixMicro(), at.UnixMicro()-1, at.UnixMicro()+86_399_999_999)
	}
	for range 300 {
		times = append(times, rng.Int64N(4102444800_000_000))
	}
	for _, w := range []time.Duration{time.Second, 10 * time.Second, time.Minute, 24 * time.Hour, 7 * 24 * time.Hour, 28 * 24 * time.Hour, 31 * 24 * time.Hour} {
		for _, at := range times {
			v, err := lua.Exec(context.Background(), c, []string{"a"}, []string{strconv.FormatInt(w.Microseconds(), 10), strconv.FormatInt(at, 10)}).AsIntSlice()
			if err != nil {
				t.Fatal(err)
			}
			k := windowOf(w, at)
			if v[0] != k || v[1] != windowStart(w, k) || v[2] != windowStart(w, k+1) {
				t.Fatalf("%s at %s: the script says %v, the process %d from %d to %d", w, time.UnixMicro(at).UTC(), v, k, windowStart(w, k), windowStart(w, k+1))
			}
			if at < v[1] || at >= v[2] {
				t.Fatalf("%s at %d is not in its window %v", w, at, v)
			}
		}
	}
}

// A recorder stands in for the limiter of one process, and tells what it was asked.
type recorder struct {
	v       *exauth.Venue
	part    float64
	demands []exauth.Demand
	settled []exauth.Observation
	err     error
}

func (r *recorder) Wait(_ context.Context, d exauth.Demand) (exauth.Lease, error) {
	if r.err != nil {
		return exauth.Lease{}, r.err
	}
	r.demands = append(r.demands, d)
	return exauth.NewLease(r, uint64(len(r.demands))), nil
}

func (r *recorder) Settle(_ uint64, o exauth.Observation) { r.settled = append(r.settled, o) }

// alone makes a limiter that has heard of a fleet of four and has just lost Redis.
func alone(t *testing.T, quotas ...exauth.Quota) (*Limiter, *recorder) {
	t.Helper()
	m := miniredis.RunT(t)
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{m.Addr()}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	rec := new(recorder)
	l, err := New(c, &exauth.Venue{Name: "v", Quotas: quotas}, &Options{
		ClockSlack: time.Millisecond, Timeout: time.Second,
		Local: func(v *exauth.Venue, part float64) exauth.Limiter {
			rec.v, rec.part = v, part
			return rec
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	m.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tick()
	l.heard(now-1000, now, now, 4)
	l.procs, l.epoch, l.lastUse = 4, "e", now
	return l, rec
}

// lose makes Redis away, after it showed how much of each quota was used.
func (l *Limiter) lose(d exauth.Demand, known int, ago time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tick()
	var w waiter
	if err := l.resolve(&w, d); err != nil {
		panic(err)
	}
	for i := range w.n {
		led := w.part(i).led
		led.known, led.knownAt, led.used = known, now-ago.Microseconds(), now
		if led.def.fixed() {
			win := led.window(windowOf(led.def.Window, now))
			win.known, win.at = known, now-ago.Microseconds()
		}
	}
	l.retryAt = now + 3_600_000_000
	l.brokenAt = now
	l.goAway(now)
}

// TestShareOfTheFleet: what a process allows itself when Redis goes away.
func TestShareOfTheFleet(t *testing.T) {
	// Windows so long that the moment of the test does not matter for their end; the
	// part of them that is over is about half a day or half a year.
	q := exauth.Quota{Name: "q", Kind: exauth.SlidingWindow, Limit: 1000, Window: 5 * time.Minute, UsedHeader: "X-Used"}
	const mine = 225 // nine tenths of a quarter
	for _, tt := range []struct {
		name     string
		known    int
		ago      time.Duration
		min, max int // units that are left of the share, -1 when it is closed
	}{
		{"nothing used", 0, 0, mine * 94 / 100, mine},
		{"half used", 500, 0, 99, 102}, // of the rest and a twentieth less
		{"all but a twentieth used", 950, 0, -1, -1},
		{"all used", 1000, 0, -1, -1},
		{"half used, seen a while ago", 500, 20 * time.Second, 80, 100},
		{"seen too long ago", 0, 40 * time.Second, -1, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, rec := alone(t, q)
			d := exauth.Demand{Costs: []exauth.Cost{{Quota: "q", N: 1}}, MaxWait: time.Second}
			l.lose(d, tt.known, tt.ago)
			if rec.part != 0.225 || rec.v.Quotas[0].Limit != 1000 || rec.v.Quotas[0].UsedHeader != "" {
				t.Errorf("the local limiter got a share of %v of %+v", rec.part, rec.v.Quotas)
			}
			lease, err := l.Wait(context.Background(), d)
			if tt.min < 0 {
				if err == nil {
					t.Fatalf("a call went: %+v", rec.demands)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			left := mine
			for _, d := range rec.demands[:len(rec.demands)-1] { // the last is the call's
				left -= d.Costs[0].N
			}
			if left < tt.min || left > tt.max {
				t.Errorf("%d units are left of the share, want %d to %d", left, tt.min, tt.max)
			}
			before := len(rec.settled)
			lease.Settle(exauth.Observation{Sent: time.Now(), Received: time.Now(), Status: 200})
			if len(rec.settled) != before+1 {
				t.Error("the local limiter did not hear what became of the call")
			}
		})
	}
}

// TestShareTooSmall: a share of less than one call is closed, never rounded up; a call
// that costs more than the share is refused.
func TestShareTooSmall(t *testing.T) {
	few := exauth.Quota{Name: "few", Kind: exauth.SlidingWindow, Limit: 4, Window: time.Minute}
	many := exauth.Quota{Name: "many", Kind: exauth.SlidingWindow, Limit: 1000, Window: time.Minute}
	for _, costs := range [][]exauth.Cost{{{Quota: "few", N: 1}}, {{Quota: "many", N: 226}}, {{Quota: "many", N: 1}, {Quota: "few", N: 1}}} {
		l, rec := alone(t, few, many)
		d := exauth.Demand{Costs: costs, MaxWait: 50 * time.Millisecond}
		l.lose(d, 0, 0)
		if len(rec.v.Quotas) != 1 {
			t.Errorf("the local limiter has %d quotas, want the one whose share is a call", len(rec.v.Quotas))
		}
		if _, err := l.Wait(context.Background(), d); err == nil {
			t.Errorf("%v went", costs)
		}
	}
}

// TestHeadersCorrectTheShare: when the venue shows that the whole is nearly used up, a
// process stops, whatever its share has left.
func TestHeadersCorrectTheShare(t *testing.T) {
	l, _ := alone(t, exauth.Quota{Name: "q", Kind: exauth.SlidingWindow, Limit: 1000, Window: 5 * time.Minute, UsedHeader: "X-Used"})
	d := exauth.Demand{Costs: []exauth.Cost{{Quota: "q", N: 1}}, MaxWait: time.Second}
	l.lose(d, 0, 0)
	for _, tt := range []struct {
		used string
		ok   bool
	}{{"500", true}, {"-5", true}, {"1e30", true}, {"960", false}} {
		lease, err := l.Wait(context.Background(), d)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		lease.Settle(exauth.Observation{Sent: now, Received: now, Status: 200, Header: http.Header{"X-Used": {tt.used}}})
		if _, err := l.Wait(context.Background(), d); (err == nil) != tt.ok {
			t.Errorf("after %s of 1000 a call goes: %v, want %v", tt.used, err == nil, tt.ok)
		}
	}
}

// TestArrivalBounds: what stamps tell of the venue's clock, and what contradicts.
func TestArrivalBounds(t *testing.T) {
	var b bounds
	const s = 1_000_000
	b.observe(4*s, 6*s, 100*s)
	b.observe(3*s, 5*s, 100*s)
	if lo, hi := b.at(100 * s); lo != 4*s-2 || hi != 5*s+1 {
		t.Errorf("two stamps leave %d to %d", lo, hi)
	}
	if lo, hi := b.at(1100 * s); lo > 4*s-50_000 || hi < 5*s+50_000 {
		t.Errorf("a thousand seconds later %d to %d: clocks drift", lo, hi)
	}
	b.observe(50*s, 51*s, 200*s) // the clock was set
	if lo, hi := b.at(200 * s); lo < 49*s || hi > 52*s {
		t.Errorf("after the clock was set %d to %d", lo, hi)
	}
	b.observe(9*s, 2*s, 200*s)
	if lo, _ := b.at(200 * s); lo < 49*s {
		t.Error("a stamp that ends before it begins was believed")
	}
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"5", "-5", "NaN", "1e30", "", " 7 ", "5, 6", "9223372036854775808", "Mon, 02 Jan 2006 15:04:05 GMT", "0x10", "+5", "٣"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		h := http.Header{"X-Used": {a}, "X-Left": {b}, "Retry-After": {a}, "Date": {b}, "X-Twice": {a, b}, "X-Time": {a}}
		def := &quotaDef{limit: 100}
		def.Quota = exauth.Quota{Limit: 100, UsedHeader: "X-Used", RemainingHeader: "X-Left"}
		led := &ledger{def: def}
		if used, ok := led.shown(h); ok && (used < 0 || used > 1000) {
			t.Errorf("used %d of %q, %q", used, a, b)
		}
		if d := retryAfter(h, time.Unix(1.8e9, 0)); d < 0 || d > longest {
			t.Errorf("waits %s for %q, %q", d, a, b)
		}
		if n, ok := number(h, "X-Twice"); ok && n < 0 {
			t.Errorf("%d of %q, %q", n, a, b)
		}
		l := &Limiter{base: time.Unix(1.8e9, 0), wall: 1.8e15}
		l.stamped(h, "X-Time", 1.8e15, 1.8e15+1000)
		if lo, hi := l.venueOff.at(1.8e15); l.venueOff.known && (lo > hi || lo < math.MinInt32*1_000_000 || hi > 4102444800_000_000) {
			t.Errorf("offset %d to %d of %q, %q", lo, hi, a, b)
		}
	})
}
