package bench

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func fixedNow() time.Time { return time.Unix(1768480496, 0) }

// P5: the CPU of a round trip on loopback with 64 goroutines. The server is in this
// process and costs both sides the same; cpu-ns/op is user and system time of the
// whole process per call.
func BenchmarkP5Loopback(b *testing.B) {
	if os.Getenv("GOMAXPROCS") == "" {
		b.Logf("GOMAXPROCS=%d", runtime.GOMAXPROCS(0))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"balances":[]}`)
	}))
	defer server.Close()
	pool := func() *http.Transport { return &http.Transport{MaxIdleConnsPerHost: 64, MaxIdleConns: 256} }
	ctx := context.Background()

	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Transport: pool(), Timeout: 10 * time.Second}
		measure(b, func() error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/v3/account?omitZeroBalances=true", nil)
			if err != nil {
				return err
			}
			req.Header.Set("X-MBX-APIKEY", apiKey)
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.ReadAll(resp.Body)
			return err
		})
	})
	b.Run("exauth", func(b *testing.B) {
		v := venue.Binance().At(server.URL)
		c, err := exauth.New(v, exauth.NewSecretKey(apiKey, secret), &exauth.Options{HTTPClient: &http.Client{Transport: pool()}, Now: time.Now, Limiter: unpaced()})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		call := exauth.Call{Path: "/api/v3/account", Params: exauth.Params{{Name: "omitZeroBalances", Value: true}}}
		measure(b, func() error { _, err := c.Do(ctx, call); return err })
	})
}

// measure runs f b.N times on 64 goroutines and reports CPU time per call.
func measure(b *testing.B, f func() error) {
	b.ReportAllocs()
	var wg sync.WaitGroup
	work := make(chan struct{}, b.N)
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	before := cpu(b)
	b.ResetTimer()
	for range 64 {
		wg.Go(func() {
			for range work {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
