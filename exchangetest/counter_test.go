package exchangetest

import (
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// An event is a call that was let in.
type event struct {
	at time.Time
	n  float64
}

// Every kind of counter is held to its definition, worked out anew from the log of
// all calls let in so far: it lets a call in if and only if the definition does.
func TestCountersByDefinition(t *testing.T) {
	const limit = 20
	layout := func(layout string) func(time.Time) string {
		return func(at time.Time) string { return at.UTC().Format(layout) }
	}
	fixed := func(name func(time.Time) string) func([]event, time.Time, float64) bool {
		return func(log []event, now time.Time, n float64) bool {
			for _, e := range log {
				if name(e.at) == name(now) {
					n += e.n
				}
			}
			return n <= limit
		}
	}
	// Whatever span ends now, no more was let in than the bucket held and got in it.
	bucket := func(refill float64, step time.Duration) func([]event, time.Time, float64) bool {
		return func(log []event, now time.Time, n float64) bool {
			for _, e := range slices.Backward(log) {
				filled := now.Sub(e.at)
				if step > 0 {
					filled = now.Truncate(step).Sub(e.at.Truncate(step))
				}
				if n += e.n; n > limit+refill*filled.Seconds()+1e-9 {
					return false
				}
			}
			return true
		}
	}
	anchored := func(log []event, now time.Time, n float64) bool {
		var begun time.Time
		used := 0.
		for _, e := range log {
			if begun.IsZero() || !e.at.Before(begun.Add(time.Minute)) {
				begun, used = e.at, 0
			}
			used += e.n
		}
		return begun.IsZero() || !now.Before(begun.Add(time.Minute)) || used+n <= limit
	}
	for _, tc := range []struct {
		name  string
		quota exauth.Quota
		gap   time.Duration // between calls, on average
		may   func(log []event, now time.Time, n float64) bool
	}{
		{"fixed minute", exauth.Quota{Kind: exauth.FixedWindow, Window: time.Minute}, 4 * time.Second, fixed(layout("2006-01-02 15:04"))},
		{"fixed UTC day", exauth.Quota{Kind: exauth.FixedWindow, Window: 24 * time.Hour}, 2 * time.Hour, fixed(layout("2006-01-02"))},
		{"fixed UTC month", exauth.Quota{Kind: exauth.FixedWindow, Window: 31 * 24 * time.Hour}, 40 * time.Hour, fixed(layout("2006-01"))},
		{"anchored", exauth.Quota{Kind: exauth.AnchoredWindow, Window: time.Minute}, 4 * time.Second, anchored},
		{"sliding", exauth.Quota{Kind: exauth.SlidingWindow, Window: time.Minute}, 4 * time.Second,
			func(log []event, now time.Time, n float64) bool {
				for _, e := range log {
					if now.Sub(e.at) < time.Minute {
						n += e.n
					}
				}
				return n <= limit
			}},
		{"decaying", exauth.Quota{Kind: exauth.DecayCounter, Refill: 1. / 3}, 4 * time.Second, bucket(1./3, 0)},
		{"decaying in steps", exauth.Quota{Kind: exauth.DecayCounter, Refill: 0.5, Step: 2 * time.Second}, 3 * time.Second, bucket(0.5, 2*time.Second)},
		{"token bucket", exauth.Quota{Kind: exauth.TokenBucket, Refill: 15}, 100 * time.Millisecond, bucket(15, 0)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			tc.quota.Limit = limit
			c := &counter{quota: tc.quota}
			now := time.Date(2026, 2, 27, 23, 59, 58, 999_000_000, time.FixedZone("east", 3*3600))
			var log []event
			in, out := 0, 0
			for range 1000 {
				now = now.Add(time.Duration(rng.ExpFloat64() * float64(tc.gap)))
				n := float64(1 + rng.IntN(4))
				c.advance(now)
				if got, want := c.room(n), tc.may(log, now, n); got != want {
					t.Fatalf("%s: room for %v: %v, want %v, with %v used", now, n, got, want, c.used)
				}
				if !c.room(n) {
					out++
					// A call that waits as long as it is told finds room.
					later := *c
					later.past = append([]use(nil), c.past...)
					later.advance(now.Add(c.wait(n) + time.Microsecond))
					if c.wait(n) <= 0 || !later.room(n) {
						t.Fatalf("%s: %v do not fit after %s either", now, n, c.wait(n))
					}
					continue
				}
				in++
				taken := c.take(n)
				log = append(log, event{now, n})
				if rng.IntN(10) == 0 && tc.quota.Kind != exauth.AnchoredWindow && tc.quota.Kind != exauth.DecayCounter && tc.quota.Kind != exauth.TokenBucket {
					taken.giveBack(n) // as if it had never been
					log = log[:len(log)-1]
				}
			}
			if in < 100 || out < 100 {
				t.Errorf("%d let in and %d refused: one of the two was hardly tried", in, out)
			}
		})
	}
}

func TestGiveBack(t *testing.T) {
	base := time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)
	for _, tc := range []struct {
		name  string
		quota exauth.Quota
		after time.Duration
		want  float64 // used, of 3, 4 of which 2 come back, and 4 taken after a while
	}{
		{"same window", exauth.Quota{Kind: exauth.FixedWindow, Window: time.Minute}, 29 * time.Second, 9},
		{"next window", exauth.Quota{Kind: exauth.FixedWindow, Window: time.Minute}, 31 * time.Second, 4},
		{"anchored, open", exauth.Quota{Kind: exauth.AnchoredWindow, Window: time.Minute}, 59 * time.Second, 9},
		{"anchored, over", exauth.Quota{Kind: exauth.AnchoredWindow, Window: time.Minute}, 61 * time.Second, 4},
		{"sliding", exauth.Quota{Kind: exauth.SlidingWindow, Window: time.Minute}, 59 * time.Second, 9},
		{"slid out", exauth.Quota{Kind: exauth.SlidingWindow, Window: time.Minute}, 61 * time.Second, 4},
		{"decayed", exauth.Quota{Kind: exauth.DecayCounter, Refill: 1}, 6 * time.Second, 3},
		{"in flight", exauth.Quota{Kind: exauth.Concurrency}, time.Hour, 9},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.quota.Limit = 100
			c := &counter{quota: tc.quota}
			c.advance(base)
			c.take(3)
			taken := c.take(4)
			c.advance(base.Add(tc.after))
			c.take(4)
			if taken.giveBack(2); c.used != tc.want {
				t.Errorf("%v used, want %v", c.used, tc.want)
			}
			want := tc.want
			if want != 4 {
				want -= 2 // what is left of it, and no more
			}
			if taken.giveBack(9); c.used != want {
				t.Errorf("%v used after the rest, want %v", c.used, want)
			}
		})
	}
}

// A clock that is set back gives nobody a fresh window.
func TestClockSetBack(t *testing.T) {
	base := time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)
	for _, kind := range []exauth.QuotaKind{exauth.FixedWindow, exauth.AnchoredWindow, exauth.SlidingWindow, exauth.DecayCounter, exauth.TokenBucket} {
		c := &counter{quota: exauth.Quota{Kind: kind, Limit: 5, Window: time.Minute, Refill: 1}}
		c.advance(base)
		c.take(5)
		if c.advance(base.Add(-time.Hour)); c.used != 5 {
			t.Errorf("kind %d: %v used after an hour back", kind, c.used)
		}
		if c.advance(base.Add(2 * time.Minute)); c.used != 0 {
			t.Errorf("kind %d: %v used two minutes later", kind, c.used)
		}
	}
}

// What hidden clients take is their rate, whole or cut off at the limit, and does not
// depend on how often the counter is asked.
func TestHiddenUse(t *testing.T) {
	begin := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	rate := func(_ string, at time.Time) float64 {
		if at.Before(begin.Add(30 * time.Second)) {
			return 2
		}
		return 10
	}
	for _, tc := range []struct {
		limit, used, refused int
	}{{1000, 360, 0}, {100, 100, 260}} {
		for _, every := range []time.Duration{30 * time.Millisecond, 700 * time.Millisecond, 59 * time.Second} {
			c := &counter{quota: exauth.Quota{Kind: exauth.FixedWindow, Limit: tc.limit, Window: time.Hour}, hidden: begin}
			refused := 0
			for at := begin; !at.After(begin.Add(time.Minute)); at = at.Add(every) {
				refused += c.share(rate, at)
			}
			refused += c.share(rate, begin.Add(time.Minute))
			if d := int(c.used) - tc.used; d < -2 || d > 2 {
				t.Errorf("limit %d, asked every %s: %v used, want %d", tc.limit, every, c.used, tc.used)
			}
			if d := refused - tc.refused; d < -2 || d > 2 {
				t.Errorf("limit %d, asked every %s: %d refused, want %d", tc.limit, every, refused, tc.refused)
			}
		}
	}
}

// Addresses are counted and banned apart.
func TestAddressesApart(t *testing.T) {
	srv, err := Start(&exauth.Venue{Name: "binance"}, &Options{NoSocket: true, BanAfter: 1,
		Quotas: []exauth.Quota{{Name: "REQUEST_WEIGHT", Kind: exauth.FixedWindow, Limit: 1, Window: 24 * time.Hour}}})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	for i, step := range []struct {
		addr string
		want int
	}{
		{"192.0.2.1:1000", 200}, {"192.0.2.2:1000", 200}, {"[2001:db8::1]:1000", 200},
		{"192.0.2.1:2000", 418}, {"192.0.2.3:1000", 200}, {"192.0.2.1:3000", 418}, {"[2001:db8::1]:5", 418},
	} {
		r := httptest.NewRequest("GET", "/api/v3/ping", nil)
		r.RemoteAddr = step.addr
		if a := serve(srv.handler, r); a.status != step.want {
			t.Errorf("call %d, from %s: HTTP %d, want %d", i, step.addr, a.status, step.want)
		}
	}
	if bans := srv.Banned(); len(bans) != 2 || bans[0].Addr != "192.0.2.1" || bans[1].Addr != "2001:db8::1" {
		t.Errorf("bans %v", bans)
	}
}
