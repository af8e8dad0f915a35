package exauth_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// P6: Wait and Settle of a call that need not wait.
func BenchmarkLimiter(b *testing.B) {
	quotas := []exauth.Quota{
		{Name: "weight", Kind: exauth.FixedWindow, Limit: 1 << 30, Window: time.Minute},
		{Name: "orders", Kind: exauth.FixedWindow, Limit: 1 << 30, Window: 10 * time.Second, Per: exauth.PerAccount},
		{Name: "raw", Kind: exauth.TokenBucket, Limit: 1 << 30, Refill: 1 << 30},
	}
	for _, n := range []int{1, 3} {
		b.Run([]string{"", "one quota", "", "three quotas"}[n], func(b *testing.B) {
			l := exauth.NewLimiter(&exauth.Venue{Name: "bench", Quotas: quotas}, nil)
			var d exauth.Demand
			for _, q := range quotas[:n] {
				d.Costs = append(d.Costs, exauth.Cost{Quota: q.Name, N: 1})
			}
			ctx, now := context.Background(), time.Now()
			o := exauth.Observation{Sent: now, Received: now, Status: http.StatusOK, Header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				lease, err := l.Wait(ctx, d)
				if err != nil {
					b.Fatal(err)
				}
				lease.Settle(o)
			}
		})
	}
}
