package exauth_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// BenchmarkLimiter (P6): Wait and Settle of a call that need not wait. The venue's
// clock is known, as it is after a few answers. "headers" answers as Binance does,
// with Date and a count of each quota, which all are read.
func BenchmarkLimiter(b *testing.B) {
	quotas := []exauth.Quota{
		{Name: "weight", Kind: exauth.FixedWindow, Limit: 1 << 30, Window: time.Minute},
		{Name: "orders", Kind: exauth.FixedWindow, Limit: 1 << 30, Window: 10 * time.Second, Per: exauth.PerAccount},
		{Name: "day", Kind: exauth.FixedWindow, Limit: 1 << 30, Window: 24 * time.Hour, Per: exauth.PerAccount},
	}
	names := []string{"X-Mbx-Used-Weight-1m", "X-Mbx-Order-Count-10s", "X-Mbx-Order-Count-1d"}
	for _, bb := range []struct {
		name    string
		n       int
		headers bool
	}{{"one quota", 1, false}, {"three quotas", 3, false}, {"one quota, headers", 1, true}, {"three quotas, headers", 3, true}} {
		b.Run(bb.name, func(b *testing.B) {
			v := &exauth.Venue{Name: "bench"}
			d, h := exauth.Demand{Account: "main", Egress: "10.0.0.1"}, http.Header{}
			for i, q := range quotas[:bb.n] {
				if bb.headers {
					q.UsedHeader = names[i]
					h.Set(names[i], strconv.Itoa(1000+i))
				}
				v.Quotas = append(v.Quotas, q)
				d.Costs = append(d.Costs, exauth.Cost{Quota: q.Name, N: 1})
			}
			l, ctx := exauth.NewLimiter(v, nil), context.Background()
			call := func(h http.Header) {
				lease, err := l.Wait(ctx, d)
				if err != nil {
					b.Fatal(err)
				}
				now := time.Now()
				lease.Settle(exauth.Observation{Sent: now, Received: now, Status: http.StatusOK, Header: h})
			}
			for range 10 {
				h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
				call(h)
			}
			if !bb.headers {
				h = nil
			}
			now := time.Now()
			o := exauth.Observation{Sent: now, Received: now, Status: http.StatusOK, Header: h}
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
