package redislimit_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/redislimit"
	"github.com/redis/rueidis"
)

// threeQuotas is what the benchmarks take from: nothing that they could use up.
func threeQuotas() []exauth.Quota {
	return []exauth.Quota{
		{Name: "weight", Kind: exauth.FixedWindow, Limit: 900_000_000, Window: time.Minute},
		{Name: "orders", Kind: exauth.FixedWindow, Limit: 900_000_000, Window: 10 * time.Second, Per: exauth.PerAccount},
		{Name: "day", Kind: exauth.FixedWindow, Limit: 1_000_000_000, Window: 24 * time.Hour, Per: exauth.PerAccount},
	}
}

// callers runs f from n goroutines at once.
func callers(b *testing.B, n int, f func()) {
	b.SetParallelism((n + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "takes/s")
}

// BenchmarkTake is Wait and Settle of a call with three quotas, 64 callers on
// loopback: a round trip each, and with leases.
func BenchmarkTake(b *testing.B) {
	for _, bb := range []struct {
		name  string
		block int
		n     int
	}{{"trip/64", -1, 64}, {"trip/1", -1, 1}, {"lease/64", 0, 64}, {"lease/1", 0, 1}} {
		b.Run(bb.name, func(b *testing.B) {
			s := startRedis(b)
			l := newLimiter(b, s, testVenue(threeQuotas()...), &redislimit.Options{Block: bb.block})
			d := exauth.Demand{Account: "main", Costs: cost("weight", 1, "orders", 1, "day", 1)}
			ctx := context.Background()
			take(b, l, d).Settle(exauth.Observation{})
			var failed atomic.Int64
			callers(b, bb.n, func() {
				lease, err := l.Wait(ctx, d)
				if err != nil {
					failed.Add(1)
					return
				}
				now := time.Now()
				lease.Settle(exauth.Observation{Sent: now, Received: now, Status: 200})
			})
			if n := failed.Load(); n > 0 {
				b.Fatalf("%d calls failed", n)
			}
		})
	}
}

// BenchmarkFloor is what the machine gives today: a PING, and a script that only
// reads the clock, from 64 callers.
func BenchmarkFloor(b *testing.B) {
	s := startRedis(b)
	c := connect(b, s.addr)
	ctx := context.Background()
	b.Run("ping/64", func(b *testing.B) {
		callers(b, 64, func() { c.Do(ctx, c.B().Ping().Build()) })
	})
	lua := rueidis.NewLuaScript(`return redis.call('TIME')`)
	b.Run("script/64", func(b *testing.B) {
		callers(b, 64, func() { lua.Exec(ctx, c, []string{"a"}, []string{"b"}) })
	})
}
