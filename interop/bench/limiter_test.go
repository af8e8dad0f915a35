package bench

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/ratelimiter"
	uber "go.uber.org/ratelimit"
	"golang.org/x/time/rate"

	"github.com/exauth/exauth"
)

// P6: a call that need not wait. Ours is Wait and Settle, over one or three windows
// by address and account, without and with the headers that Binance answers with. The
// peers have one quota, which is taken and never corrected.
func BenchmarkP6Limiter(b *testing.B) {
	ctx := context.Background()
	b.Run("floor=clock", func(b *testing.B) {
		base, sum := time.Now(), time.Duration(0)
		b.ReportAllocs()
		for b.Loop() {
			sum += time.Since(base)
		}
	})
	b.Run("peer=x-time-rate/Wait", func(b *testing.B) {
		l := rate.NewLimiter(1e12, 1e9)
		b.ReportAllocs()
		for b.Loop() {
			if err := l.Wait(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("peer=uber/Take", func(b *testing.B) {
		l := uber.New(1e9, uber.WithSlack(1e9))
		b.ReportAllocs()
		for b.Loop() {
			l.Take()
		}
	})
	b.Run("peer=failsafe/Bursty", func(b *testing.B) {
		l := ratelimiter.NewBursty[any](1<<40, time.Minute)
		b.ReportAllocs()
		for b.Loop() {
			if !l.TryAcquirePermit() {
				b.Fatal("no permit")
			}
		}
	})
	for _, n := range []int{1, 3} {
		b.Run("exauth/quotas="+strconv.Itoa(n), func(b *testing.B) { limited(b, n, false) })
		b.Run("exauth/headers/quotas="+strconv.Itoa(n), func(b *testing.B) { limited(b, n, true) })
	}
}

// limited takes and settles n quotas. Before it the venue's clock is made known, as a
// few answers do.
func limited(b *testing.B, n int, headers bool) {
	names := []string{"X-Mbx-Used-Weight-1m", "X-Mbx-Order-Count-10s", "X-Mbx-Order-Count-1d"}
	quotas := []exauth.Quota{
		{Name: "weight", Kind: exauth.FixedWindow, Limit: 1 << 30, Window: time.Minute},
		{Name: "orders", Kind: exauth.FixedWindow, Limit: 1 << 30, Window: 10 * time.Second, Per: exauth.PerAccount},
		{Name: "day", Kind: exauth.FixedWindow, Limit: 1 << 30, Window: 24 * time.Hour, Per: exauth.PerAccount},
	}[:n]
	d, h := exauth.Demand{Account: "main", Egress: "10.0.0.1"}, http.Header{}
	for i := range quotas {
		if headers {
			quotas[i].UsedHeader = names[i]
			h.Set(names[i], strconv.Itoa(1000+i))
		}
		d.Costs = append(d.Costs, exauth.Cost{Quota: quotas[i].Name, N: 1})
	}
	l := exauth.NewLimiter(&exauth.Venue{Name: "bench", Quotas: quotas}, nil)
	call := func(o exauth.Observation) {
		lease, err := l.Wait(context.Background(), d)
		if err != nil {
			b.Fatal(err)
		}
		lease.Settle(o)
	}
	var o exauth.Observation
	for range 10 {
		now := time.Now()
		h.Set("Date", now.UTC().Format(http.TimeFormat))
		o = exauth.Observation{Sent: now, Received: now, Status: http.StatusOK, Header: h}
		call(o)
	}
	if !headers {
		o.Header = nil
	}
	b.ReportAllocs()
	for b.Loop() {
		call(o)
	}
}
