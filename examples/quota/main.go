// Quota draws how two limiters use a quota of 6000 a minute, as Binance has it: the
// limiter of exauth, and a token bucket of 100 tokens a second with a burst of 6000,
// which is what golang.org/x/time/rate does when it is given the published numbers.
// Both meet the same demand and the same simulated exchange, whose clock is not ours
// and whose answers take 5 to 300 ms each way.
//
//	go run ./examples/quota -o examples/quota/quota.svg
//
// A quarter of an hour passes in a second: the clock is the one of testing/synctest.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/internal/quotasim"
)

const (
	limit  = 6000
	window = time.Minute
	header = "X-Mbx-Used-Weight-1m"
)

func main() {
	out := flag.String("o", "quota.svg", "where to draw")
	span := flag.Duration("span", 15*time.Minute, "how long to simulate")
	flag.Parse()
	// The virtual clock is handed out with a *testing.T, so this program is a test
	// of one case; testing.Main exits.
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "quota", F: func(t *testing.T) {
		if err := run(t, *span, *out, os.Stdout); err != nil {
			t.Fatal(err)
		}
	}}}, nil, nil)
}

// run simulates both and draws them into the file named out.
func run(t *testing.T, span time.Duration, out string, report io.Writer) error {
	quota := exauth.Quota{Name: "weight", Kind: exauth.FixedWindow, Limit: limit, Window: window, UsedHeader: header}
	ours, plain := newHistory("exauth", span), newHistory("token bucket, burst = limit (what x/time/rate does)", span)
	synctest.Test(t, func(*testing.T) {
		play(ours, exauth.NewLimiter(&exauth.Venue{Name: "sim", Quotas: []exauth.Quota{quota}}, nil))
	})
	synctest.Test(t, func(*testing.T) { play(plain, newBucket(limit/window.Seconds(), limit)) })
	for _, h := range []*history{ours, plain} {
		fmt.Fprintf(report, "%-52s %6d calls answered, %5d refused\n", h.name, h.answered, h.refused())
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if err := draw(f, ours, plain); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// history is what the exchange saw of one client, second by second of its own clock.
type history struct {
	name     string
	span     time.Duration
	used     []int // units counted, by second
	refusals []int // calls refused, by second
	answered int
}

func newHistory(name string, span time.Duration) *history {
	n := int(span / time.Second)
	return &history{name: name, span: span, used: make([]int, n), refusals: make([]int, n)}
}

func (h *history) refused() (n int) {
	for _, r := range h.refusals {
		n += r
	}
	return n
}

// note books one answer.
func (h *history) note(second, n, status int) {
	h.answered++
	switch {
	case second < 0 || second >= len(h.used):
	case status == 200:
		h.used[second] += n
	default:
		h.refusals[second]++
	}
}

// play lets 200 workers ask for market data of various weights, three minutes on
// and three minutes off, the way bots wake up. A refused worker waits as long as
// the exchange says.
func play(h *history, l exauth.Limiter) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := &quotasim.Exchange{Begin: time.Now(), Config: quotasim.Config{Kind: quotasim.Fixed, Limit: limit, Window: window,
		UsedHeader: header, Skew: 400 * time.Millisecond, Drift: 10e-6}}
	latency := quotasim.Latency{Min: 5 * time.Millisecond, Max: 300 * time.Millisecond, Rand: rng}
	ctx, cancel := context.WithTimeout(context.Background(), h.span)
	defer cancel()
	var mu sync.Mutex // of x, rng and h
	call := func() (pause time.Duration) {
		mu.Lock()
		n, there, back := []int{1, 2, 5, 10, 25, 50}[rng.IntN(6)], latency.Draw(), latency.Draw()
		mu.Unlock()
		lease, err := l.Wait(ctx, exauth.Demand{Costs: []exauth.Cost{{Quota: "weight", N: n}}})
		if err != nil {
			return time.Second
		}
		sent := time.Now()
		time.Sleep(there)
		mu.Lock()
		a := x.Serve(time.Now(), n, false)
		h.note(int(x.Clock(time.Now()).Sub(x.Begin)/time.Second), n, a.Status)
		mu.Unlock()
		time.Sleep(back)
		lease.Settle(exauth.Observation{Sent: sent, Received: time.Now(), Status: a.Status, Header: a.Header})
		if a.Status == 429 {
			seconds, _ := strconv.Atoi(a.Header.Get("Retry-After"))
			pause = time.Duration(seconds) * time.Second
		}
		return pause
	}
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if off := time.Since(x.Begin) % (6 * time.Minute); off >= 3*time.Minute {
					time.Sleep(6*time.Minute - off)
					continue
				}
				time.Sleep(call())
			}
		})
	}
	wg.Wait()
}

// bucket is a plain token bucket: it takes the tokens now, though they may be
// missing, and waits until they are there.
type bucket struct {
	mu          sync.Mutex
	rate, burst float64
	tokens      float64
	last        time.Time
}

func newBucket(rate, burst float64) *bucket {
	return &bucket{rate: rate, burst: burst, tokens: burst, last: time.Now()}
}

// Wait implements exauth.Limiter.
func (b *bucket) Wait(ctx context.Context, d exauth.Demand) (exauth.Lease, error) {
	b.mu.Lock()
	now := time.Now()
	b.tokens = min(b.burst, b.tokens+b.rate*now.Sub(b.last).Seconds())
	b.last = now
	b.tokens -= float64(d.Costs[0].N)
	missing := max(-b.tokens, 0)
	b.mu.Unlock()
	select {
	case <-time.After(time.Duration(missing / b.rate * float64(time.Second))):
		return exauth.Lease{}, nil
	case <-ctx.Done():
		return exauth.Lease{}, ctx.Err()
	}
}
