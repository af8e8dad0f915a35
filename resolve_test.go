package exauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// A floor is what one venue calls an order, and how its lookups answer for none.
type floor struct {
	venue  func() *exauth.Venue
	order  exauth.Call
	place  string // the order's path
	absent func(path string) (int, string)
}

var floors = map[string]floor{
	"binance": {venue.Binance, exauth.Call{Method: "POST", Path: "/api/v3/order", Params: exauth.Params{{"symbol", "BTCUSDT"}, {"side", "BUY"},
		{"type", "LIMIT"}, {"timeInForce", "GTC"}, {"quantity", "0.001"}, {"price", "50000"}}}, "/api/v3/order",
		func(string) (int, string) { return 400, `{"code":-2013,"msg":"Order does not exist."}` }},
	"kraken": {venue.Kraken, exauth.Call{Method: "POST", Path: "/0/private/AddOrder", Params: exauth.Params{{"pair", "XBTUSD"}, {"type", "buy"},
		{"ordertype", "limit"}, {"volume", "0.001"}, {"price", "50000"}}}, "/0/private/AddOrder",
		func(path string) (int, string) {
			return 200, `{"error":[],"result":{"` + map[bool]string{true: "open", false: "closed"}[strings.HasSuffix(path, "OpenOrders")] + `":{}}}`
		}},
	"okx": {venue.OKX, exauth.Call{Method: "POST", Path: "/api/v5/trade/order", Params: exauth.Params{{"instId", "BTC-USDT"}, {"tdMode", "cash"},
		{"side", "buy"}, {"ordType", "limit"}, {"sz", "0.001"}, {"px", "50000"}}}, "/api/v5/trade/order",
		func(string) (int, string) { return 200, `{"code":"51603","msg":"Order does not exist","data":[]}` }},
}

// A mishap is what happens to one order and to the lookups after it.
type mishap struct {
	cut   bool          // the answer is lost
	never bool          // the order, too
	late  time.Duration // the order arrives so much later, its answer lost
	blind time.Duration // lookups do not see what is younger
	down  bool          // lookups fail
}

// trouble plays mishaps in front of a test exchange.
type trouble struct {
	floor
	mu      sync.Mutex
	next    mishap
	since   time.Time // of the newest order's execution
	lookups int
	late    sync.WaitGroup
}

func (x *trouble) set(m mishap) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next, x.since, x.lookups = m, time.Time{}, 0
}

func (x *trouble) intercept(w http.ResponseWriter, r *http.Request, next http.Handler) {
	order := r.URL.Path == x.place && r.Method == "POST"
	x.mu.Lock()
	m, since := x.next, x.since
	if strings.Contains(strings.ToLower(r.URL.Path), "order") && !order {
		x.lookups++
	}
	x.mu.Unlock()
	switch lookup := strings.Contains(strings.ToLower(r.URL.Path), "order"); {
	case order:
		x.play(m, w, r, next)
	case lookup && m.down:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case lookup && m.blind > 0 && (since.IsZero() || time.Since(since) < m.blind):
		status, body := x.absent(r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	default:
		next.ServeHTTP(w, r)
	}
}

// play carries an order out, or does not, and answers, or does not.
func (x *trouble) play(m mishap, w http.ResponseWriter, r *http.Request, next http.Handler) {
	done := func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.since = time.Now()
	}
	switch {
	case m.never:
		panic(http.ErrAbortHandler)
	case m.late > 0:
		body, _ := io.ReadAll(r.Body)
		again := r.Clone(context.Background())
		again.Body = io.NopCloser(bytes.NewReader(body))
		x.late.Go(func() {
			time.Sleep(m.late)
			next.ServeHTTP(httptest.NewRecorder(), again)
			done()
		})
		panic(http.ErrAbortHandler)
	case m.cut:
		next.ServeHTTP(httptest.NewRecorder(), r)
		done()
		panic(http.ErrAbortHandler)
	}
	next.ServeHTTP(w, r)
	done()
}

// stage opens an exchange with trouble in front of it, and a client.
func stage(t *testing.T, name string) (*trouble, *exchangetest.Server, *exauth.Client) {
	x := &trouble{floor: floors[name]}
	v := x.venue()
	srv := exchangetest.NewServer(t, v, &exchangetest.Options{Latency: 10 * time.Millisecond, Intercept: x.intercept})
	t.Cleanup(x.late.Wait)
	c, err := exauth.New(srv.Venue(), srv.Key(exauth.ScopeTradeSpot).Credential(), &exauth.Options{
		HTTPClient: srv.Client(), Limiter: exauth.NewLimiter(v, &exauth.LimiterOptions{Off: true})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return x, srv, c
}

// unknownOf places an order that comes to grief.
func unknownOf(t *testing.T, c *exauth.Client, call exauth.Call) *exauth.Error {
	t.Helper()
	var e *exauth.Error
	if _, err := c.Do(t.Context(), call); !errors.As(err, &e) || e.Outcome != exauth.OutcomeUnknown || e.ClientOrderID == "" {
		t.Fatalf("got %v, want an unknown order with an id", err)
	}
	return e
}

// TestResolve (O3): every mishap by itself, on each venue, with the time it takes.
func TestResolve(t *testing.T) {
	const accepted, rejected, unknown = exauth.OutcomeAccepted, exauth.OutcomeRejected, exauth.OutcomeUnknown
	for _, tc := range []struct {
		name      string
		mishap    mishap
		want      exauth.Outcome
		executed  int
		fails     bool
		least     time.Duration // before the question could be settled
		only      string        // a venue
		atMost    time.Duration
		mostLooks int
	}{
		{name: "answer lost after execution", mishap: mishap{cut: true}, want: accepted, executed: 1, atMost: time.Second, mostLooks: 2},
		{name: "lost before execution", mishap: mishap{never: true}, want: rejected, least: 5 * time.Second, atMost: 20 * time.Second, mostLooks: 6},
		{name: "late execution", mishap: mishap{late: 3 * time.Second}, want: accepted, executed: 1, only: "binance okx", least: 5 * time.Second, atMost: 10 * time.Second, mostLooks: 2},
		{name: "late, and a later nonce came first", mishap: mishap{late: 3 * time.Second}, want: rejected, only: "kraken", least: 5 * time.Second, atMost: 20 * time.Second, mostLooks: 6},
		{name: "too late", mishap: mishap{late: 11 * time.Second}, want: rejected, least: 5 * time.Second, atMost: 20 * time.Second, mostLooks: 6},
		{name: "lookups lag", mishap: mishap{cut: true, blind: 6500 * time.Millisecond}, want: accepted, executed: 1, only: "binance okx", least: 5 * time.Second, atMost: 10 * time.Second, mostLooks: 3},
		{name: "executed at the last moment, and lookups lag", mishap: mishap{late: 4800 * time.Millisecond, blind: 900 * time.Millisecond}, want: accepted, executed: 1, only: "binance okx", least: 5 * time.Second, atMost: 10 * time.Second, mostLooks: 3},
		{name: "lookups fail, executed", mishap: mishap{cut: true, down: true}, want: unknown, executed: 1, fails: true, atMost: 30 * time.Second, mostLooks: 6},
		{name: "lookups fail, not executed", mishap: mishap{never: true, down: true}, want: unknown, fails: true, atMost: 30 * time.Second, mostLooks: 6},
	} {
		for name := range floors {
			if tc.only != "" && !strings.Contains(tc.only, name) {
				continue
			}
			t.Run(name+"/"+tc.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					x, srv, c := stage(t, name)
					x.set(tc.mishap)
					e := unknownOf(t, c, x.order)
					if until := e.SettledAt.Sub(e.Sent); until < 5*time.Second || until > 15*time.Second {
						t.Errorf("can be settled %v after it was sent", until)
					}
					begin := time.Now()
					res, err := c.Resolve(t.Context(), e)
					took := time.Since(begin)
					if res.Outcome != tc.want || (err != nil) != tc.fails {
						t.Fatalf("resolved to %v, %v; want %v", res.Outcome, err, tc.want)
					}
					if n := srv.Executions(e.ClientOrderID); n != tc.executed {
						t.Errorf("executed %d times, want %d", n, tc.executed)
					}
					if took < tc.least || took > tc.atMost || x.lookups > tc.mostLooks {
						t.Errorf("took %v and %d lookups, want %v to %v and at most %d", took, x.lookups, tc.least, tc.atMost, tc.mostLooks)
					}
					if held := bytes.Contains(res.Payload, []byte(e.ClientOrderID)) && json.Valid(res.Payload); held != (tc.want == accepted) {
						t.Errorf("payload %s", res.Payload)
					}
					if tc.want == unknown {
						return
					}
					begin = time.Now() // once more, when all is past
					time.Sleep(20 * time.Second)
					again, err := c.Resolve(t.Context(), e)
					if took := time.Since(begin) - 20*time.Second; again.Outcome != tc.want || err != nil || took > 3*time.Second {
						t.Errorf("the second time: %v, %v after %v", again.Outcome, err, took)
					}
				})
			})
		}
	}
}

// TestResolveMany is the statement of O1 to O3 on each venue: nothing is executed
// twice, nothing told rejected that was executed, nothing told accepted that was
// not, and nothing stays unknown while lookups work. Orders told rejected are placed
// again under a new id, as a bot would.
func TestResolveMany(t *testing.T) {
	for name := range floors {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, srv, c := stage(t, name)
				rnd := rand.New(rand.NewPCG(7, 11))
				outcomes, saved := map[exauth.Outcome]int{}, 0 // of those that an early "not found" would have lost
				const orders = 400
				for i := range orders {
					placed := 0
					for try := 0; placed == 0 && try < 20; try++ {
						m := mishap{}
						if rnd.IntN(2) == 0 {
							m = mishap{cut: rnd.IntN(2) == 0, never: rnd.IntN(3) == 0, late: time.Duration(rnd.IntN(3)) * time.Duration(rnd.IntN(12_000)) * time.Millisecond,
								blind: time.Duration(rnd.IntN(2)) * time.Duration(rnd.IntN(950)) * time.Millisecond, down: rnd.IntN(10) == 0}
						}
						x.set(m)
						id := fmt.Sprintf("n%dt%d", i, try)
						call := x.order
						call.ClientOrderID = id
						_, err := c.Do(t.Context(), call)
						told := exauth.OutcomeAccepted
						var e *exauth.Error
						if errors.As(err, &e) {
							told = e.Outcome
						}
						if told == exauth.OutcomeUnknown {
							res, err := c.Resolve(t.Context(), e)
							if told = res.Outcome; (told == exauth.OutcomeUnknown) != (m.down && err != nil) {
								t.Fatalf("%+v: resolved to %v, %v", m, told, err)
							}
							if told == exauth.OutcomeUnknown {
								m.down = false // the venue is back
								x.mu.Lock()
								x.next = m
								x.mu.Unlock()
								if res, err = c.Resolve(t.Context(), e); err != nil {
									t.Fatal(err)
								}
								told = res.Outcome
							}
						}
						x.late.Wait() // what is under way arrives
						n := srv.Executions(id)
						outcomes[told]++
						if i < 12 {
							t.Logf("%+v told %v", m, told)
						}
						if told == exauth.OutcomeAccepted && m.late > 0 {
							saved++
						}
						switch {
						case told == exauth.OutcomeAccepted && n != 1, told == exauth.OutcomeRejected && n != 0,
							told != exauth.OutcomeAccepted && told != exauth.OutcomeRejected:
							t.Errorf("%+v: told %v, executed %d times", m, told, n)
						}
						placed += n
					}
					if placed != 1 {
						t.Errorf("order %d was placed %d times", i, placed)
					}
				}
				t.Logf("%d orders: told %v; %d of them executed after the first lookup", orders, outcomes, saved)
				if saved == 0 && name != "kraken" { // whose nonces keep a late order out
					t.Error("no order came late and was executed")
				}
				if outcomes[exauth.OutcomeAccepted] != orders || outcomes[exauth.OutcomeRejected] < orders/10 {
					t.Errorf("told %v of %d orders", outcomes, orders)
				}
			})
		})
	}
}
