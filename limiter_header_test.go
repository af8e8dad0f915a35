package exauth_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/internal/quotasim"
)

// TestHeaderWins (Q3): the venue's own count wins, upward and downward, for every
// kind that has one.
func TestHeaderWins(t *testing.T) {
	for _, kind := range []exauth.QuotaKind{exauth.FixedWindow, exauth.AnchoredWindow, exauth.SlidingWindow, exauth.TokenBucket, exauth.DecayCounter} {
		for _, header := range []string{"Used", "Left"} {
			for _, c := range []struct {
				name       string
				took, used int
				left       int // for us, greedily
			}{{"as we count", 10, 10, 10}, {"upward", 10, 15, 5}, {"downward", 10, 4, 16}, {"down to nothing", 10, 0, 20}, {"all of it", 10, 20, 0}} {
				t.Run(fmt.Sprint(kind, header, c.name), func(t *testing.T) {
					midWindow(t, func(t *testing.T) {
						q := exauth.Quota{Name: "q", Kind: kind, Limit: 20, Window: 50 * time.Second, Refill: 0.001}
						value, first := c.used, 1
						if header == "Used" {
							q.UsedHeader = header
						} else {
							q.RemainingHeader, value, first = header, 20-c.used, 19
						}
						l := limiterOf(&exauth.LimiterOptions{Greedy: true}, q)
						d := exauth.Demand{Costs: cost("q", 1)}
						grab(t, l, d).Settle(told(200, header, fmt.Sprint(first)))
						for range c.took - 2 {
							grab(t, l, d).Settle(told(200))
							time.Sleep(time.Millisecond)
						}
						grab(t, l, d).Settle(told(200, header, fmt.Sprint(value)))
						if n := fits(l, d); n < c.left || n > c.left+1 && c.left > 0 { // a bucket refills a little
							t.Errorf("%d fit, want %d", n, c.left)
						}
					})
				})
			}
		}
	}
}

// TestHeaderLate: an older answer that comes later is not taken for a newer count.
func TestHeaderLate(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		q := perMinute(20)
		q.UsedHeader = "Used"
		l := limiterOf(&exauth.LimiterOptions{Greedy: true}, q)
		d := exauth.Demand{Costs: cost("weight", 5)}
		grab(t, l, d).Settle(told(200, "Used", "5"))
		slow, sent := grab(t, l, d), time.Now()
		time.Sleep(50 * time.Millisecond)
		grab(t, l, d).Settle(told(200, "Used", "15"))
		time.Sleep(50 * time.Millisecond)
		o := told(200, "Used", "10") // counted before the one that was answered first
		o.Sent = sent
		slow.Settle(o)
		if n := fits(l, exauth.Demand{Costs: cost("weight", 1)}); n != 5 {
			t.Errorf("%d of 20 fit, want 5", n)
		}
	})
}

// TestHeaderHostile (Q3): values that cannot be a count change nothing, and do not
// keep a limiter in its cautious beginning for ever.
func TestHeaderHostile(t *testing.T) {
	for _, values := range [][]string{{"-5"}, {"NaN"}, {"1e30"}, {"999999999999"}, {"201"}, {""}, {"12%"}, {"1.5"}, {"5", "6"}, {"0x5"}, nil} {
		for _, kind := range []exauth.QuotaKind{exauth.FixedWindow, exauth.AnchoredWindow, exauth.SlidingWindow, exauth.TokenBucket} {
			midWindow(t, func(t *testing.T) {
				l := limiterOf(nil, exauth.Quota{Name: "q", Kind: kind, Limit: 20, Window: 100 * time.Second, Refill: 0.001, UsedHeader: "X-Used", RemainingHeader: "X-Left"})
				d := exauth.Demand{Costs: cost("q", 1)}
				for range 8 {
					o := told(200)
					o.Header["X-Used"] = values
					grab(t, l, d).Settle(o)
				}
				if n := fits(l, d); n != 12 {
					t.Errorf("kind %d, header %q: %d fit, want 12 as without a header", kind, values, n)
				}
			})
		}
	}
}

// TestHeaderSpelling: names count in any spelling, in the quota and in the answer.
func TestHeaderSpelling(t *testing.T) {
	for _, name := range []string{"X-MBX-USED-WEIGHT-1M", "x-mbx-used-weight-1m", "X-Mbx-Used-Weight-1m"} {
		for _, key := range []string{"X-MBX-USED-WEIGHT-1M", "x-mbx-used-weight-1m", "X-Mbx-Used-Weight-1m"} {
			midWindow(t, func(t *testing.T) {
				q := perMinute(20)
				q.UsedHeader = name
				l := limiterOf(&exauth.LimiterOptions{Greedy: true}, q)
				grab(t, l, exauth.Demand{Costs: cost("weight", 1)}).Settle(exauth.Observation{Sent: time.Now(), Received: time.Now(), Status: 200,
					Header: http.Header{key: {"13"}}})
				if n := fits(l, exauth.Demand{Costs: cost("weight", 1)}); n != 7 {
					t.Errorf("%s in the quota, %s in the answer: %d fit, want 7", name, key, n)
				}
			})
		}
	}
}

// TestHeaderCached (O5): an answer out of a cache moves neither counters nor clock.
func TestHeaderCached(t *testing.T) {
	for name, o := range map[string]exauth.Observation{
		"age":      told(200, "Used", "19", "Age", "30", "Date", "Sat, 01 Jan 2000 00:00:59 GMT"),
		"redirect": told(302, "Used", "19", "Date", "Sat, 01 Jan 2000 00:00:59 GMT"),
	} {
		midWindow(t, func(t *testing.T) {
			q := perMinute(20)
			q.UsedHeader = "Used"
			l := limiterOf(&exauth.LimiterOptions{Greedy: true}, q)
			d := exauth.Demand{Costs: cost("weight", 1)}
			o.Sent, o.Received = time.Now(), time.Now()
			grab(t, l, d).Settle(o)
			if n := fits(l, d); n != 19 {
				t.Errorf("%s: %d fit, want 19", name, n)
			}
			if e := refused(t, l, d); e.RetryAfter < 39*time.Second {
				t.Errorf("%s: the minute ends in %s, by a Date that was not believed", name, e.RetryAfter)
			}
		})
	}
}

// TestHeaderDates: the venue's clock is learned from Date, and one bad Date among
// good ones does not move it.
func TestHeaderDates(t *testing.T) {
	const skew = 20 * time.Second
	midWindow(t, func(t *testing.T) { // 20 s into our minute, 40 s into theirs
		l, d := limiterOf(nil, perMinute(100)), exauth.Demand{Costs: cost("weight", 1)}
		date := func(off time.Duration) string { return time.Now().Add(off).UTC().Format(http.TimeFormat) }
		for range 30 {
			grab(t, l, d).Settle(told(200, "Date", date(skew)))
			time.Sleep(100 * time.Millisecond)
		}
		for _, off := range []time.Duration{time.Hour, -50 * 365 * 24 * time.Hour} {
			grab(t, l, d).Settle(told(200, "Date", date(off)))
		}
		grab(t, l, d).Settle(told(200, "Date", "now"))
		fits(l, d)
		if e := refused(t, l, d); e.RetryAfter < 16500*time.Millisecond || e.RetryAfter > 18*time.Second {
			t.Errorf("their minute is over in %s, want about 17s", e.RetryAfter)
		}
		for range 3 { // our clock was set: all answers say so
			d.MaxWait = time.Minute
			lease, err := l.Wait(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			lease.Settle(told(200, "Date", date(2*time.Minute+10*time.Second)))
		}
		d.MaxWait = 0
		fits(l, d)
		in := time.Minute - time.Duration(time.Now().Add(10*time.Second).Second())*time.Second
		if e := refused(t, l, d); e.RetryAfter < in-time.Second || e.RetryAfter > in+time.Second {
			t.Errorf("their minute is over in %s, want about %s after they convinced us", e.RetryAfter, in)
		}
	})
}

// TestHeaderRefund: a call that cost nothing after all gives its units back, credits
// that an answer names are taken.
func TestHeaderRefund(t *testing.T) {
	for _, kind := range []exauth.QuotaKind{exauth.FixedWindow, exauth.AnchoredWindow, exauth.SlidingWindow, exauth.TokenBucket, exauth.DecayCounter} {
		midWindow(t, func(t *testing.T) {
			l := limiterOf(nil, exauth.Quota{Name: "q", Kind: kind, Limit: 20, Window: 100 * time.Second, Refill: 0.001}, perMinute(20))
			d := exauth.Demand{Costs: cost("q", 5, "weight", 5)}
			for _, actual := range []int{0, 9, -3} { // less than nothing is nothing
				o := told(200)
				o.Costs = cost("q", actual)
				grab(t, l, d).Settle(o)
			}
			if n := fits(l, exauth.Demand{Costs: cost("q", 1)}); n != 11 {
				t.Errorf("kind %d: %d fit, want 20-9", kind, n)
			}
			if n := fits(l, exauth.Demand{Costs: cost("weight", 1)}); n != 5 {
				t.Errorf("kind %d: %d fit in the quota the answer said nothing of, want 5", kind, n)
			}
		})
	}
}

// TestHeaderUnknown: a call that may have been counted is, whether its outcome is
// unknown or nobody ever says.
func TestHeaderUnknown(t *testing.T) {
	for _, kind := range []exauth.QuotaKind{exauth.FixedWindow, exauth.AnchoredWindow, exauth.SlidingWindow, exauth.TokenBucket, exauth.DecayCounter} {
		midWindow(t, func(t *testing.T) {
			l := limiterOf(nil, exauth.Quota{Name: "q", Kind: kind, Limit: 20, Window: 100 * time.Second, Refill: 0.001})
			d := exauth.Demand{Costs: cost("q", 5)}
			lost := grab(t, l, d)
			grab(t, l, d)
			time.Sleep(5 * time.Second)
			lost.Settle(exauth.Observation{Sent: time.Now().Add(-5 * time.Second), Unknown: true})
			if n := fits(l, exauth.Demand{Costs: cost("q", 1)}); n != 10 {
				t.Errorf("kind %d: %d fit, want 10", kind, n)
			}
		})
	}
}

// TestHeaderCold: before the venue has shown its count, a limiter feels its way, and
// a call that is heavier than that goes alone.
func TestHeaderCold(t *testing.T) {
	midWindow(t, func(t *testing.T) {
		q := perMinute(6000)
		q.UsedHeader = "Used"
		l := limiterOf(nil, q)
		heavy := grab(t, l, exauth.Demand{Costs: cost("weight", 2000)})
		refused(t, l, exauth.Demand{Costs: cost("weight", 100)})
		heavy.Settle(told(200, "Used", "2000"))
		time.Sleep(5 * time.Second)
		grab(t, l, exauth.Demand{Costs: cost("weight", 1)}).Settle(told(200, "Used", "2001"))
		time.Sleep(5 * time.Second)
		grab(t, l, exauth.Demand{Costs: cost("weight", 1)}).Settle(told(200, "Used", "2002"))
		if n := fits(l, exauth.Demand{Costs: cost("weight", 1)}); n < 3000 {
			t.Errorf("%d of the other 3998 fit once the venue's count is known", n)
		}
	})
	midWindow(t, func(t *testing.T) {
		q := perMinute(4)
		q.UsedHeader = "Used"
		grab(t, limiterOf(nil, q), exauth.Demand{Costs: cost("weight", 4)})
	})
}

// TestHeaderPolite: room is kept for others on the address, unless greedy.
func TestHeaderPolite(t *testing.T) {
	for _, greedy := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			q := perMinute(1000)
			q.UsedHeader = "Used"
			l, d := limiterOf(&exauth.LimiterOptions{Greedy: greedy}, q), exauth.Demand{Costs: cost("weight", 1)}
			x := &quotasim.Exchange{Config: quotasim.Config{Limit: 1000, Window: time.Minute, UsedHeader: "Used"}, Begin: time.Now()}
			begin, others := time.Now(), 0
			call := func(ctx context.Context) bool {
				lease, err := l.Wait(ctx, d)
				for ; float64(others) < 5*time.Since(begin).Seconds(); others++ { // 300 of the 1000 a minute
					x.Serve(time.Now(), 1, false)
				}
				if err != nil {
					return false
				}
				a := x.Serve(time.Now(), 1, false)
				lease.Settle(exauth.Observation{Sent: time.Now(), Received: time.Now(), Status: a.Status, Header: a.Header})
				return true
			}
			for time.Since(begin) < 3*time.Minute {
				call(t.Context())
				time.Sleep(2 * time.Second)
			}
			n := 0
			for time.Since(begin) < 3*time.Minute+40*time.Second {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				if call(ctx) {
					n++
				} else {
					time.Sleep(100 * time.Millisecond)
				}
				cancel()
			}
			// Two thirds of the minute in, others want 100 more at their rate.
			if !greedy && (n > 700 || n < 350) || greedy && n < 780 {
				t.Errorf("greedy %v: %d of 1000 in 40 s of the minute, with 300 taken by others", greedy, n)
			}
		})
	}
}
