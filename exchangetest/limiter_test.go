package exchangetest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// exauth's client and its limiter against quotas that somebody else enforces: another
// clock, other code, and a way there and back that takes its time.

// far is a network: each way takes 5 to 300 ms, mostly about 40.
type far struct {
	next http.RoundTripper
	mu   sync.Mutex
	rng  *rand.Rand
}

func (f *far) RoundTrip(r *http.Request) (*http.Response, error) {
	f.travel()
	defer f.travel()
	return f.next.RoundTrip(r)
}

func (f *far) travel() {
	f.mu.Lock()
	lo, hi := math.Log(0.005), math.Log(0.3)
	d := math.Exp(min(max((lo+hi)/2+f.rng.NormFloat64()*(hi-lo)/6, lo), hi))
	f.mu.Unlock()
	time.Sleep(time.Duration(d * float64(time.Second)))
}

// farClient is exauth's client behind such a network.
func farClient(t *testing.T, srv *exchangetest.Server, seed uint64, o exauth.Options) *exauth.Client {
	t.Helper()
	o.HTTPClient = &http.Client{Transport: &far{next: srv.RoundTripper(), rng: rand.New(rand.NewPCG(seed, 7))}}
	c, err := exauth.New(srv.Venue(), srv.Key(exauth.ScopeTradeSpot).Credential(), &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// A crowd is many goroutines that want more than the exchange gives.
type crowd struct {
	wg sync.WaitGroup
	mu sync.Mutex
	// What came of their calls: answered well, refused by the exchange, given up by
	// the limiter before they were sent, and anything else.
	done, refused, unsent int
	other                 []error
}

// crowded lets n goroutines call until ctx ends: books of most depths (weights of 5,
// 25 and 50), the account (20), and some orders that are placed and canceled.
func (w *crowd) crowded(ctx context.Context, c *exauth.Client, n int, seed uint64) {
	for i := range n {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		w.wg.Go(func() {
			for ctx.Err() == nil {
				switch rng.IntN(8) {
				case 0:
					w.do(ctx, c, exauth.Call{Path: "/api/v3/account"})
				case 1:
					id := "crowd-" + strconv.FormatUint(rng.Uint64(), 36)
					if w.do(ctx, c, dialogues["binance"].order(id, "50000.1", "0.0001")) {
						w.do(ctx, c, dialogues["binance"].cancel(id))
					}
				default:
					depth := []int{5, 100, 500, 1000}[rng.IntN(4)]
					w.do(ctx, c, exauth.Call{Path: "/api/v3/depth", Params: params("symbol", "BTCUSDT", "limit", strconv.Itoa(depth))})
				}
			}
		})
	}
}

func (w *crowd) do(ctx context.Context, c *exauth.Client, call exauth.Call) bool {
	_, err := c.Do(ctx, call)
	if err != nil {
		time.Sleep(10 * time.Millisecond) // where time is virtual it would stand still otherwise
	}
	var e *exauth.Error
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.done++
	case errors.As(err, &e) && e.Outcome == exauth.OutcomeNotSent:
		w.unsent++
	case errors.Is(err, exauth.ErrRateLimited), errors.Is(err, exauth.ErrBanned):
		w.refused++
	case ctx.Err() == nil && len(w.other) < 3: // three tell enough
		w.other = append(w.other, err)
	}
	return err == nil
}

// windows returns how much of each of the next n whole windows of the exchange's clock
// is used, in parts of the limit, read a moment before each ends.
func windows(srv *exchangetest.Server, skew, span time.Duration, quota string, n int) []float64 {
	var parts []float64
	for range n + 1 {
		now := time.Now().Add(skew)
		time.Sleep(now.Truncate(span).Add(span - time.Millisecond).Sub(now))
		used, limit := srv.Quota(quota)
		parts = append(parts, float64(used)/float64(limit))
		time.Sleep(2 * time.Millisecond)
	}
	return parts[1:] // the first was cut by the clock
}

func mean(parts []float64) float64 {
	sum := 0.
	for _, p := range parts {
		sum += p
	}
	return sum / float64(len(parts))
}

func inSynctest(f func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) { synctest.Test(t, f) }
}

// A client that could use twice the quota uses it up and is never refused.
func TestLimiterUsesAllAndIsNeverRefused(t *testing.T) {
	for seed, skew := range []time.Duration{-700 * time.Millisecond, 0, 650 * time.Millisecond} {
		t.Run(skew.String(), inSynctest(func(t *testing.T) {
			srv := exchangetest.NewServer(t, venue.Binance(), &exchangetest.Options{VenueQuotas: true, Skew: skew})
			c := farClient(t, srv, uint64(seed), exauth.Options{MaxWait: 10 * time.Minute})
			ctx, stop := context.WithCancel(t.Context())
			var w crowd
			w.crowded(ctx, c, 100, uint64(seed))
			parts := windows(srv, skew, time.Minute, "REQUEST_WEIGHT", 10)
			stop()
			w.wg.Wait()
			t.Logf("skew %s: %.2f %% of the weight in ten minutes, %d calls, %d given up", skew, 100*mean(parts), w.done, w.unsent)
			if n := srv.Refused(); n != 0 || w.refused != 0 || len(w.other) > 0 || len(srv.Banned()) > 0 {
				t.Errorf("%d calls refused; client saw %d and %v", n, w.refused, w.other)
			}
			if mean(parts) < 0.99 {
				t.Errorf("used %.4f of the weight, minute by minute %.3f", mean(parts), parts)
			}
		}))
	}
}

// Without the limiter the same crowd is refused, then banned, and for twice as long
// the second time.
func TestNoLimiterIsBanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := exchangetest.NewServer(t, venue.Binance(), &exchangetest.Options{VenueQuotas: true})
		off := exauth.NewLimiter(venue.Binance(), &exauth.LimiterOptions{Off: true})
		c := farClient(t, srv, 1, exauth.Options{Limiter: off, MaxWait: 10 * time.Minute})
		ctx, stop := context.WithCancel(t.Context())
		var w crowd
		w.crowded(ctx, c, 100, 1)
		for range 60 {
			time.Sleep(time.Minute)
			if len(srv.Banned()) >= 2 {
				break
			}
		}
		stop()
		w.wg.Wait()
		bans := srv.Banned()
		t.Logf("%d refused, bans %v", srv.Refused(), bans)
		if len(bans) < 2 || bans[0].Until.Sub(bans[0].From) != 2*time.Minute || bans[1].Until.Sub(bans[1].From) != 4*time.Minute {
			t.Errorf("bans %v", bans)
		}
		if srv.Refused() < 20 || w.refused == 0 {
			t.Errorf("%d refused, client saw %d", srv.Refused(), w.refused)
		}
	})
}

// A neighbour on the same address gets it banned, two seconds into a minute. Our
// client hears of it with its next call: one that is at work has sent none later than
// 0.7 s into the ban, one that waits for the next minute none later than 0.7 s after
// its first. The first success comes no more than 3 s after the end.
func TestBanStopsTheClient(t *testing.T) {
	for _, tc := range []struct {
		name    string
		workers int
		wait    bool
	}{{"at work", 5, false}, {"waiting", 50, true}} {
		for seed := range uint64(3) {
			t.Run(tc.name+" "+strconv.FormatUint(seed, 10), inSynctest(func(t *testing.T) {
				v := venue.Binance()
				for i := range v.Quotas {
					if v.Quotas[i].Name == "SAPI_IP" {
						v.Quotas[i].Limit = 1 // for the neighbour, who needs nothing else
					}
				}
				srv := exchangetest.NewServer(t, v, &exchangetest.Options{VenueQuotas: true, MaxRequests: 100_000})
				c := farClient(t, srv, seed, exauth.Options{MaxWait: 10 * time.Minute})
				ctx, stop := context.WithCancel(t.Context())
				var w crowd
				w.crowded(ctx, c, tc.workers, seed)
				time.Sleep(3 * time.Minute)
				const sins = "/sapi/v1/account/apiRestrictions"
				for len(srv.Banned()) == 0 {
					res, err := srv.RoundTripper().RoundTrip(request(t, "GET", srv.URL()+sins, ""))
					if err != nil {
						t.Fatal(err)
					}
					res.Body.Close()
					time.Sleep(100 * time.Millisecond)
				}
				ban := srv.Banned()[0]
				time.Sleep(ban.Until.Sub(ban.From) + 10*time.Second)
				stop()
				w.wg.Wait()

				var first, last, after time.Duration
				for _, r := range srv.Requests() {
					switch in := r.Time.Sub(ban.From); {
					case r.URI == sins:
					case r.Status == http.StatusTeapot && r.Time.Before(ban.Until):
						if first == 0 {
							first = in
						}
						last = in
					case r.Status == http.StatusOK && r.Time.After(ban.Until) && after == 0:
						after = r.Time.Sub(ban.Until)
					}
				}
				t.Logf("calls from %s to %s into the ban, first success %s after it", first, last, after)
				since := time.Duration(0)
				if tc.wait {
					since = first
				}
				if first == 0 || last-since > 700*time.Millisecond || after == 0 || after > 3*time.Second || len(srv.Banned()) > 1 {
					t.Errorf("calls from %s to %s into the ban, first success %s after it, bans %v", first, last, after, srv.Banned())
				}
			}))
		}
	}
}

// Two clients with one limiter share what there is: nobody is refused, and nothing is
// left over.
func TestTwoClientsOneLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := exchangetest.NewServer(t, venue.Binance(), &exchangetest.Options{VenueQuotas: true})
		shared := exauth.NewLimiter(venue.Binance(), nil)
		ctx, stop := context.WithCancel(t.Context())
		var w [2]crowd
		for i := range w {
			c := farClient(t, srv, uint64(i), exauth.Options{Limiter: shared, MaxWait: 10 * time.Minute})
			w[i].crowded(ctx, c, 50, uint64(i))
		}
		parts := windows(srv, 0, time.Minute, "REQUEST_WEIGHT", 5)
		stop()
		w[0].wg.Wait()
		w[1].wg.Wait()
		t.Logf("%.2f %% of the weight, %d and %d calls", 100*mean(parts), w[0].done, w[1].done)
		if srv.Refused() != 0 || mean(parts) < 0.99 {
			t.Errorf("%d refused, used %.3f", srv.Refused(), parts)
		}
		if share := float64(w[0].done) / float64(w[0].done+w[1].done); share < 0.4 || share > 0.6 {
			t.Errorf("one of two equals got %.2f of the calls", share)
		}
	})
}

// Others on the same address show in the headers only. Room is kept for them.
func TestLimiterBesideHiddenClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		srv := exchangetest.NewServer(t, venue.Binance(), &exchangetest.Options{VenueQuotas: true,
			Hidden: func(quota string, at time.Time) float64 {
				switch {
				case quota != "REQUEST_WEIGHT":
					return 0
				case at.Sub(begin) < 10*time.Minute:
					return 20 // a fifth of the quota
				}
				return 40
			}})
		c := farClient(t, srv, 1, exauth.Options{MaxWait: 10 * time.Minute})
		ctx, stop := context.WithCancel(t.Context())
		var w crowd
		w.crowded(ctx, c, 100, 1)
		parts := windows(srv, 0, time.Minute, "REQUEST_WEIGHT", 20)
		stop()
		w.wg.Wait()
		t.Logf("%.2f %% of the weight, %d own calls refused, %d units of theirs", 100*mean(parts), srv.Refused(), srv.HiddenRefused())
		if srv.Refused() > 0 || srv.HiddenRefused() > 40 || mean(parts) < 0.95 {
			t.Errorf("%d own calls refused, %d units of theirs, used %.3f", srv.Refused(), srv.HiddenRefused(), parts)
		}
	})
}

// Orders that rest cost no weight, but count for their account in every ten seconds
// and in the UTC day.
func TestLimiterCountsOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := exchangetest.NewServer(t, venue.Binance(), &exchangetest.Options{VenueQuotas: true, Skew: 400 * time.Millisecond})
		c := farClient(t, srv, 1, exauth.Options{MaxWait: 10 * time.Minute})
		ctx, stop := context.WithCancel(t.Context())
		var w crowd
		for i := range 30 {
			w.wg.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					w.do(ctx, c, dialogues["binance"].order(fmt.Sprintf("order-%d-%d", i, n), "50000.1", "0.0001"))
				}
			})
		}
		parts := windows(srv, 400*time.Millisecond, 10*time.Second, "ORDERS_10S", 30)
		weight, _ := srv.Quota("REQUEST_WEIGHT")
		stop()
		w.wg.Wait()
		day, _ := srv.Quota("ORDERS_1D")
		t.Logf("%.2f %% of the orders in five minutes, %d in all, weight of this minute %d", 100*mean(parts), day, weight)
		if srv.Refused() != 0 || w.refused != 0 || len(w.other) > 0 || mean(parts) < 0.97 || day != w.done || weight > 5 {
			t.Errorf("%.3f of the orders used, %d in all, %d done, %d refused, weight of this minute %d, %v",
				parts, day, w.done, srv.Refused(), weight, w.other)
		}
	})
}

// Every kind of quota is used up and not broken, over the same network. What is
// reachable of a sliding window depends on how much the way there and back varies.
func TestLimiterByKind(t *testing.T) {
	for _, tc := range []struct {
		quota    exauth.Quota
		cost     int
		capacity func(span float64) float64 // units in so many seconds
		want     float64                    // part of it
	}{
		{exauth.Quota{Name: "anchored 4000 in 30 s", Kind: exauth.AnchoredWindow, Limit: 4000, Window: 30 * time.Second,
			RemainingHeader: "gw-ratelimit-remaining", ResetHeader: "gw-ratelimit-reset"},
			10, func(s float64) float64 { return 4000 * s / 30 }, 0.99},
		{exauth.Quota{Name: "sliding 20 in 2 s", Kind: exauth.SlidingWindow, Limit: 20, Window: 2 * time.Second},
			1, func(s float64) float64 { return 20 * s / 2 }, 0.94},
		{exauth.Quota{Name: "sliding 10 in 1 s, stamped", Kind: exauth.SlidingWindow, Limit: 10, Window: time.Second, TimeHeader: "X-Bapi-Limit-Reset-Timestamp"},
			1, func(s float64) float64 { return 10 * s }, 0.92},
		{exauth.Quota{Name: "bucket of 30, 15 a second", Kind: exauth.TokenBucket, Limit: 30, Refill: 15},
			1, func(s float64) float64 { return 30 + 15*s }, 0.99},
		{exauth.Quota{Name: "counter to 15, 1 down in 3 s", Kind: exauth.DecayCounter, Limit: 15, Refill: 1. / 3},
			1, func(s float64) float64 { return 15 + s/3 }, 0.99},
		{exauth.Quota{Name: "counter to 20, 2 down every 2 s", Kind: exauth.DecayCounter, Limit: 20, Refill: 1, Step: 2 * time.Second},
			1, func(s float64) float64 { return 20 + s }, 0.98},
	} {
		t.Run(tc.quota.Name, inSynctest(func(t *testing.T) {
			v := venue.Binance()
			v.Quotas, v.Settle = []exauth.Quota{tc.quota}, nil
			srv := exchangetest.NewServer(t, v, &exchangetest.Options{VenueQuotas: true, Skew: 300 * time.Millisecond,
				Costs: func(r *http.Request) []exauth.Cost {
					if r.URL.Path != "/api/v3/ping" {
						return nil
					}
					return []exauth.Cost{{Quota: tc.quota.Name, N: tc.cost}}
				}})
			c := farClient(t, srv, 1, exauth.Options{MaxWait: 10 * time.Minute})
			const span = 10 * time.Minute
			ctx, stop := context.WithCancel(t.Context())
			var w crowd
			call := exauth.Call{Path: "/api/v3/ping", Costs: []exauth.Cost{{Quota: tc.quota.Name, N: tc.cost}}}
			for range 50 {
				w.wg.Go(func() {
					for ctx.Err() == nil {
						w.do(ctx, c, call)
					}
				})
			}
			time.Sleep(span)
			stop()
			w.wg.Wait()
			part := float64(w.done*tc.cost) / tc.capacity(span.Seconds())
			t.Logf("%.2f %% used, %d refused", 100*part, srv.Refused())
			if srv.Refused() != 0 || part < tc.want || part > 1.01 {
				t.Errorf("%.4f used, want %.2f; %d refused; %v", part, tc.want, srv.Refused(), w.other)
			}
		}))
	}
}

// What Kraken says inside a 200, and OKX with its own code, is understood: calls that
// come too fast fail with ErrRateLimited, and with the limiter none does.
func TestLimiterOnOtherVenues(t *testing.T) {
	for _, name := range []string{"kraken", "okx"} {
		for _, off := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " without limiter"}[off], inSynctest(func(t *testing.T) {
				v, _ := venue.ByName(name)
				srv := exchangetest.NewServer(t, v, &exchangetest.Options{VenueQuotas: true, Latency: 50 * time.Millisecond})
				c := farClient(t, srv, 1, exauth.Options{Limiter: exauth.NewLimiter(v, &exauth.LimiterOptions{Off: off}), MaxWait: 10 * time.Minute})
				var w crowd
				for range 60 {
					w.wg.Go(func() { w.do(t.Context(), c, dialogues[name].balance) })
				}
				w.wg.Wait()
				if len(w.other) > 0 || w.done+w.refused+w.unsent != 60 || off != (w.refused > 0) || off != (srv.Refused() > 0) {
					t.Errorf("%d done, %d refused, %d unsent, exchange refused %d, %v", w.done, w.refused, w.unsent, srv.Refused(), w.other)
				}
			}))
		}
	}
}
