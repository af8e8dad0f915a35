package exchangetest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

func TestStartRefuses(t *testing.T) {
	ok := &exauth.Venue{Name: "binance"}
	for _, tc := range []struct {
		name  string
		venue *exauth.Venue
		opts  *exchangetest.Options
		want  string
	}{
		{"no venue", nil, nil, "needs a venue"},
		{"unknown venue", &exauth.Venue{Name: "mtgox"}, nil, "it plays binance, coinbase, cryptocom, gemini, kraken and okx"},
		{"key without id", ok, &exchangetest.Options{Keys: []exchangetest.Key{{Secret: "s"}}}, "key 0 has no id"},
		{"key twice", ok, &exchangetest.Options{Keys: []exchangetest.Key{{ID: "a"}, {ID: "a"}}}, "key 1 has no id, or another one's"},
		{"bad PEM", ok, &exchangetest.Options{Keys: []exchangetest.Key{{ID: "a", PEM: "x"}}}, "no PEM block"},
		{"bad balance", ok, &exchangetest.Options{Balances: map[string]map[string]string{"main": {"BTC": "-1"}}}, "no plain decimal"},
		{"unknown market", ok, &exchangetest.Options{Prices: map[string]string{"NOPE": "1"}}, `no market "NOPE"`},
		{"price off the tick", ok, &exchangetest.Options{Prices: map[string]string{"BTCUSDT": "0.001"}}, "at most 2 decimals"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, err := exchangetest.Start(tc.venue, tc.opts)
			if err == nil {
				srv.Close()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "exauth: ") {
				t.Errorf("error %q, want %q in it", err, tc.want)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	srv := start(t, "binance", nil)
	if got := srv.Venue(); got.BaseURL != srv.URL() || got.Name != "binance" {
		t.Errorf("venue points to %s, server is at %s", got.BaseURL, srv.URL())
	}
	addr := strings.TrimPrefix(srv.URL(), "http://")
	if _, err := exchangetest.Start(&exauth.Venue{Name: "binance"}, &exchangetest.Options{Addr: addr}); err == nil {
		t.Error("two servers at one address")
	}
	srv.Close()
	srv.Close()
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("still listening after Close")
	}
	if _, err := (&http.Client{Transport: srv.RoundTripper()}).Get(srv.URL() + "/api/v3/ping"); err == nil {
		t.Error("RoundTripper answers after Close")
	}
}

func TestKeys(t *testing.T) {
	srv := start(t, "binance", nil)
	for _, tc := range []struct{ need, want exauth.Scope }{
		{exauth.ScopeRead, exauth.ScopeRead},
		{exauth.ScopeTradeSpot, exauth.ScopeRead | exauth.ScopeTrade},
		{exauth.ScopeTrade, exauth.ScopeRead | exauth.ScopeTrade},
		{exauth.ScopeWithdraw, exauth.ScopeRead | exauth.ScopeTrade | exauth.ScopeWithdraw},
		{exauth.ScopeAccount, 0},
	} {
		if got := srv.Key(tc.need); got.Scope != tc.want || (got.ID == "") != (tc.want == 0) {
			t.Errorf("Key(%v) has %v", tc.need, got.Scope)
		}
	}
	again := start(t, "binance", nil)
	for i, k := range srv.Keys() {
		if k.ID == again.Keys()[i].ID || k.Secret == again.Keys()[i].Secret {
			t.Error("two servers share a key")
		}
	}
	if _, err := exchangetest.DefaultKeys("mtgox"); !errors.Is(err, exauth.ErrParam) {
		t.Errorf("keys of an unknown venue: %v", err)
	}
}

func TestRecord(t *testing.T) {
	srv := start(t, "binance", &exchangetest.Options{MaxRequests: 3})
	c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
	for range 5 {
		c.unsigned("GET", "/api/v3/ping", "", "")
	}
	c.unsigned("POST", "/api/v3/order", "a=%2B", "b=%20c")
	list := srv.Requests()
	if len(list) != 3 || srv.RequestCount() != 6 {
		t.Fatalf("%d requests kept of %d, want 3 of 6", len(list), srv.RequestCount())
	}
	last := list[2]
	if last.Method != "POST" || last.URI != "/api/v3/order?a=%2B" || string(last.Body) != "b=%20c" ||
		last.Header.Get("X-MBX-APIKEY") != c.key.ID || last.Status != 400 || last.Time.IsZero() {
		t.Errorf("recorded %+v", last)
	}
	last.Header.Set("X-Mbx-Apikey", "changed")
	if srv.Requests()[2].Header.Get("X-MBX-APIKEY") != c.key.ID {
		t.Error("the record can be changed from outside")
	}
}

func TestLargeBodiesAreRefused(t *testing.T) {
	srv := start(t, "binance", nil)
	got := send(t, srv.Client(), request(t, "POST", srv.URL()+"/api/v3/order", strings.Repeat("a", 2<<20)))
	if got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("HTTP %d", got.status)
	}
}

func TestSkewedClock(t *testing.T) {
	srv := start(t, "binance", &exchangetest.Options{Skew: 5 * time.Second})
	c := newBinance(t, srv, srv.Key(exauth.ScopeRead))
	if got := c.do("GET", "/api/v3/account"); got.at(t, "code") != "-1021" {
		// Exactly 5 s behind in a window of 5 s: late, because time has passed.
		t.Errorf("a clock 5 s behind: %s", got.body)
	}
	c.now = func() time.Time { return time.Now().Add(5 * time.Second) }
	got := c.do("GET", "/api/v3/account")
	if got.status != 200 {
		t.Errorf("the right clock: %s", got.body)
	}
	date, err := http.ParseTime(got.header.Get("Date"))
	if off := time.Until(date); err != nil || off < 3*time.Second || off > 6*time.Second {
		t.Errorf("Date is %v ahead", off)
	}
}

func TestInterceptStandsBefore(t *testing.T) {
	var seen, cut atomic.Value // what came last; where to cut
	srv := start(t, "binance", &exchangetest.Options{Intercept: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		body, _ := io.ReadAll(r.Body)
		seen.Store(r.Method + " " + string(body))
		switch cut.Load() {
		case "before":
			panic(http.ErrAbortHandler)
		case "after":
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			next.ServeHTTP(discard{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		case "middle":
			w.Header().Set("Content-Length", "10")
			w.Write([]byte("half"))
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		http.Error(w, "busy", http.StatusServiceUnavailable)
	}})
	for name, client := range map[string]*http.Client{
		"socket":       {Transport: &http.Transport{DisableKeepAlives: true}},
		"roundtripper": {Transport: srv.RoundTripper()},
	} {
		t.Run(name, func(t *testing.T) {
			c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
			c.http = client
			cut.Store("")
			if got := c.raw("POST", "/api/v3/order", "", "x=1"); got.status != 503 || got.body != "busy\n" || seen.Load() != "POST x=1" {
				t.Errorf("answered %+v, saw %q", got, seen.Load())
			}
			for where, want := range map[string]int{"before": 0, "after": 1} {
				cut.Store(where)
				id := name + "-" + where
				query := "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=" + id + "&timestamp=" + ms(time.Now())
				req := request(t, "POST", srv.URL()+"/api/v3/order?"+query+"&signature="+c.sign(query), "")
				req.Header.Set("X-MBX-APIKEY", c.key.ID)
				if res, err := client.Do(req); err == nil {
					t.Errorf("cut %s: answered HTTP %d", where, res.StatusCode)
				}
				if got := srv.Executions(id); got != want {
					t.Errorf("cut %s: executed %d times, want %d", where, got, want)
				}
			}
			cut.Store("middle")
			res, err := client.Get(srv.URL() + "/api/v3/ping")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if body, err := io.ReadAll(res.Body); err == nil || string(body) != "half" {
				t.Errorf("a cut body read as %q, %v", body, err)
			}
		})
	}
}

// discard takes an answer that nobody is to see.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// In a bubble there is no socket, time is virtual, and the exchange goes on with
// an order whose client has given up.
func TestRoundTripperInBubble(t *testing.T) {
	begun := time.Now()
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, "binance", &exchangetest.Options{Latency: time.Minute, Skew: 5 * time.Second})
		if srv.URL() != "http://127.0.0.1:0" {
			t.Fatalf("listens at %s: the bubble was not noticed", srv.URL())
		}
		c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
		before := time.Now()
		got := c.unsigned("GET", "/api/v3/time", "", "")
		if took := time.Since(before); took != time.Minute {
			t.Errorf("took %v of virtual time, want the latency", took)
		}
		if want := ms(before.Add(35 * time.Second)); got.at(t, "serverTime") != want {
			t.Errorf("server time %s, want %s", got.at(t, "serverTime"), want)
		}

		c.now = func() time.Time { return time.Now().Add(35 * time.Second) }
		query := "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=late&timestamp=" + ms(c.now())
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		req := request(t, "POST", srv.URL()+"/api/v3/order?"+query+"&signature="+c.sign(query), "").WithContext(ctx)
		req.Header.Set("X-MBX-APIKEY", c.key.ID)
		if _, err := c.http.Do(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a client in a hurry got %v", err)
		}
		if n := srv.Executions("late"); n != 0 {
			t.Errorf("executed %d times before it arrived", n)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if n := srv.Executions("late"); n != 1 {
			t.Errorf("executed %d times after it arrived", n)
		}
	})
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("a virtual minute took %v", took)
	}
}

// A server from outside serves several bubbles in turn, each with its own time.
func TestServerOutsideBubble(t *testing.T) {
	srv := start(t, "binance", &exchangetest.Options{Latency: time.Minute})
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			before := time.Now()
			res, err := srv.RoundTripper().RoundTrip(request(t, "GET", srv.URL()+"/api/v3/ping", ""))
			if err != nil || res.StatusCode != 200 || time.Since(before) != time.Minute {
				t.Errorf("%v after %v of virtual time: %v", res, time.Since(before), err)
			}
		})
	}
}

func TestConcurrentClients(t *testing.T) {
	srv := start(t, "binance", nil)
	for _, client := range []*http.Client{srv.Client(), {Transport: srv.RoundTripper()}} {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
				c.http = client
				for range 10 {
					if got := c.order("quantity", "0.001"); got.status != 200 {
						t.Errorf("placing: %s", got.body)
					}
					c.do("GET", "/api/v3/openOrders")
					srv.Requests()
				}
			})
		}
		wg.Wait()
	}
	if _, locked := srv.Balance("main", "USDT"); locked != "8000" {
		t.Errorf("160 orders lock %s, want 8000", locked)
	}
}

// Nothing is left running after Close, whoever was in the middle of something.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		srv, err := exchangetest.Start(&exauth.Venue{Name: "binance"}, &exchangetest.Options{Latency: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []*http.Client{srv.Client(), {Transport: srv.RoundTripper()}} {
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Millisecond)
			req := request(t, "GET", srv.URL()+"/api/v3/ping", "").WithContext(ctx)
			if res, err := c.Do(req); err == nil {
				res.Body.Close()
			}
			stop()
		}
		srv.Close()
	}
	after := 0
	for range 100 { // connections end a moment after their server
		if after = runtime.NumGoroutine(); after <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, after)
}
