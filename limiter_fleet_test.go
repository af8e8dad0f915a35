package exauth_test

import (
	"context"
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

// TestLimiterTwenty: twenty limiters that know nothing of one another share one
// address; each sees the others in the header alone. All of them want more than there
// is. Refusals of the first two minutes, in which they cannot know each other, are
// printed and not judged. EXAUTH_SIM=full plays eight seeds of an hour.
func TestLimiterTwenty(t *testing.T) {
	seeds, span := 1, 10*time.Minute
	if os.Getenv("EXAUTH_SIM") == "full" {
		seeds, span = 8, time.Hour
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			f := playFleet(uint64(seed), span)
			t.Logf("seed %d: utilisation %.2f %%, smallest share %.2f %%, largest %.2f %%, own 429 %.1f/h (%d in the first two minutes)",
				seed, f.utilisation, 100*f.smallest, 100*f.largest, float64(f.refused)/span.Hours(), f.early)
			if f.utilisation < 90 || float64(f.refused-f.early) > max(40*span.Hours(), 10) || f.smallest < 0.01 || f.largest > 0.15 {
				t.Errorf("want 90 %%, 40 own 429 an hour (two a limiter) once they know each other, and no share below 1 or above 15 %%")
			}
		})
	}
}

// fleet is how many limiters on one address fared.
type fleet struct {
	utilisation       float64
	smallest, largest float64 // shares of what was used
	refused, early    int
}

// playFleet drives twenty limiters, each with ten goroutines that call without pause.
func playFleet(seed uint64, span time.Duration) fleet {
	const clients, workers = 20, 10
	weights := []int{1, 2, 5, 10, 25, 50}
	rng := rand.New(rand.NewPCG(seed, 99))
	quota := exauth.Quota{Name: "weight", Kind: exauth.FixedWindow, Limit: 6000, Window: time.Minute, UsedHeader: "Used"}
	x := &quotasim.Exchange{Config: quotasim.Config{Limit: 6000, Window: time.Minute, UsedHeader: "Used"}, Begin: time.Now()}
	x.Skew = time.Duration((rng.Float64()*2 - 1) * float64(700*time.Millisecond))
	lat := quotasim.Latency{Min: far[0], Max: far[1], Rand: rng}
	ctx, cancel := context.WithTimeout(context.Background(), span)
	defer cancel()
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		f    fleet
		used [clients]float64
		all  float64
	)
	for i := range clients {
		l := exauth.NewLimiter(&exauth.Venue{Name: "sim", Quotas: []exauth.Quota{quota}}, nil)
		for range workers {
			wg.Go(func() {
				for {
					mu.Lock()
					n, there, back := weights[rng.IntN(len(weights))], lat.Draw(), lat.Draw()
					mu.Unlock()
					lease, err := l.Wait(ctx, exauth.Demand{Costs: []exauth.Cost{{Quota: "weight", N: n}}})
					if err != nil {
						return
					}
					sent := time.Now()
					time.Sleep(there)
					mu.Lock()
					a := x.Serve(time.Now(), n, false)
					if a.Status == 200 {
						used[i] += float64(n)
						all += float64(n)
					} else if f.refused++; time.Since(x.Begin) < 2*time.Minute {
						f.early++
					}
					mu.Unlock()
					time.Sleep(back)
					lease.Settle(exauth.Observation{Sent: sent, Received: time.Now(), Status: a.Status, Header: a.Header})
				}
			})
		}
	}
	wg.Wait()
	f.utilisation = 100 * scenario{}.utilisation(x, span)
	f.smallest, f.largest = slices.Min(used[:])/all, slices.Max(used[:])/all
	return f
}
