package exauth_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// TestMemoryFlat (F4): a client that has made 100,000 calls holds no more than one that
// has made 10,000: orders under ids of their own, reads, refusals, lost answers, waits
// for quotas. The race detector keeps memory of its own and gets a tenth of it, unless
// EXAUTH_CHAOS is set.
func TestMemoryFlat(t *testing.T) {
	calls := 100_000
	if raceEnabled && os.Getenv("EXAUTH_CHAOS") == "" {
		calls = 10_000
	}
	rt := stubTrip(func(r *http.Request) (*http.Response, error) {
		switch n := time.Now().Nanosecond() / 1e6 % 10; {
		case r.Method == "POST" && n == 3:
			return nil, errors.New("lost")
		case n == 5:
			return reply(400, `{"code":-2010,"msg":"Account has insufficient balance for requested action."}`), nil
		case r.Method == "POST":
			return reply(200, `{"symbol":"BTCUSDT","orderId":28,"clientOrderId":"x"}`), nil
		}
		return reply(200, `{"symbol":"BTCUSDT","price":"1"}`), nil
	})
	synctest.Test(t, func(t *testing.T) {
		c, err := exauth.New(venue.Binance(), exauth.NewSecretKey("key-id", "secret-secret-secret"), &exauth.Options{HTTPClient: &http.Client{Transport: rt}, Now: time.Now, MaxWait: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		outcomes := map[exauth.Outcome]int{}
		run := func(n int) uint64 {
			for i := range n {
				call := exauth.Call{Path: "/api/v3/ticker/price", Params: exauth.Params{{"symbol", "BTCUSDT"}}}
				if i%4 == 0 {
					call = exauth.Call{Method: "POST", Path: "/api/v3/order", Params: exauth.Params{{"symbol", "BTCUSDT"}, {"side", "BUY"}, {"type", "MARKET"}, {"quantity", "1"}}}
				}
				_, err := c.Do(context.Background(), call)
				var e *exauth.Error
				if errors.As(err, &e) {
					outcomes[e.Outcome]++
				} else {
					outcomes[exauth.OutcomeAccepted]++
				}
				time.Sleep(time.Millisecond)
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		first := run(calls / 10)
		last := run(calls - calls/10)
		t.Logf("%d calls: heap %d kB after a tenth, %d kB after all; outcomes %v", calls, first/1024, last/1024, outcomes)
		if last > first+512<<10 {
			t.Errorf("the heap grew from %d to %d bytes", first, last)
		}
		if outcomes[exauth.OutcomeUnknown] == 0 || outcomes[exauth.OutcomeRejected] == 0 {
			t.Errorf("outcomes %v", outcomes)
		}
		c.Close()
	})
}
