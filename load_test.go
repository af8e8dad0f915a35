package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// TestConnectionsReused (F1, F2): calls share connections whatever the answers are,
// since each is read to its end. While 64 goroutines start, net/http may dial for one
// that is served by another's connection meanwhile, which on a busy machine ends with
// some more than 64; once they run, nobody dials.
// (net/http with its defaults took 333 connections for this.)
func TestConnectionsReused(t *testing.T) {
	answers := map[string]func(w http.ResponseWriter){
		"JSON":   func(w http.ResponseWriter) { io.WriteString(w, `{"a":1}`) },
		"errors": func(w http.ResponseWriter) { w.WriteHeader(400); io.WriteString(w, `{"code":"NO","msg":"no"}`) },
		"pages":  func(w http.ResponseWriter) { w.WriteHeader(403); io.WriteString(w, strings.Repeat("<html>", 5000)) },
		"chunked": func(w http.ResponseWriter) {
			io.WriteString(w, "{}")
			w.(http.Flusher).Flush()
			io.WriteString(w, strings.Repeat(" ", 9000))
		},
		"nothing": func(w http.ResponseWriter) { w.WriteHeader(204) },
	}
	for name, answer := range answers {
		srv := record(t, func(w http.ResponseWriter, _ arrival, _ int) { time.Sleep(time.Millisecond); answer(w) })
		c := newClient(t, headerVenue(srv.URL), nil)
		run := func() {
			var group sync.WaitGroup
			for range 64 {
				group.Go(func() {
					for range 5 {
						_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order", Params: p1("a", "1")})
						if err != nil && !errors.Is(err, exauth.ErrRejected) {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
		}
		run()
		started := srv.conns.Load()
		run()
		t.Logf("%s: %d connections for 64 goroutines", name, started)
		if n := srv.conns.Load(); started > 2*64 || n-started > 8 || len(srv.arrivals()) != 640 {
			t.Errorf("%s: %d connections, %d once running, for 64 goroutines; %d arrivals of 640", name, started, n-started, len(srv.arrivals()))
		}
	}
}

// TestOneConnection: calls one after the other share a connection, each pool its own.
func TestOneConnection(t *testing.T) {
	srv := record(t, nil)
	c := newClient(t, headerVenue(srv.URL), nil)
	for range 30 {
		for _, call := range []exauth.Call{{Path: "/x"}, {Method: "POST", Path: "/order"}, {Method: "DELETE", Path: "/order"}} {
			if _, err := c.Do(t.Context(), call); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := srv.conns.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/buy"}); err != nil || srv.conns.Load() > 2 {
		t.Errorf("%v, %d connections", err, srv.conns.Load())
	}
	if http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost != 0 || http.DefaultTransport.(*http.Transport).TLSClientConfig != nil && http.DefaultTransport.(*http.Transport).TLSClientConfig.MinVersion != 0 {
		t.Error("http.DefaultTransport was changed")
	}
}

// TestEnoughConnections (F1): calls that find 64 connections busy wait a little for one
// of them before they open another; they do open one when none becomes free.
func TestEnoughConnections(t *testing.T) {
	const enough, more = 64, 16
	try := func() (shared, forced int32) {
		free := make(chan struct{})
		srv := record(t, func(_ http.ResponseWriter, a arrival, _ int) {
			if a.method == "GET" {
				<-free
			}
		})
		c := newClient(t, headerVenue(srv.URL), nil)
		var group sync.WaitGroup
		start := func(n int) {
			for range n {
				group.Go(func() {
					if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil {
						t.Error(err)
					}
				})
			}
		}
		start(enough)
		for len(srv.arrivals()) < enough {
			time.Sleep(time.Millisecond)
		}
		start(more)
		time.Sleep(10 * time.Millisecond)
		close(free)
		group.Wait()
		shared = srv.conns.Load()
		free = make(chan struct{})
		start(enough)
		for len(srv.arrivals()) < 2*enough+more {
			time.Sleep(time.Millisecond)
		}
		if _, err := c.Do(t.Context(), exauth.Call{Method: "DELETE", Path: "/order"}); err != nil {
			t.Errorf("a cancel beside %d slow reads: %v", enough, err)
		}
		close(free)
		group.Wait()
		return shared, srv.conns.Load()
	}
	var shared, forced int32
	for range 5 { // a busy machine may sleep longer than the calls wait
		if shared, forced = try(); shared == enough && forced == enough+1 {
			return
		}
	}
	t.Errorf("%d connections for %d calls, %d with one that could not wait; want %d and %d", shared, enough+more, forced, enough, enough+1)
}

// TestNoGoroutineLeft (F4): a client starts none, and after Close none is left of
// the connections, over HTTP/1.1 and HTTP/2.
func TestNoGoroutineLeft(t *testing.T) {
	for name, start := range map[string]func(testing.TB, func(http.ResponseWriter, arrival, int)) *recorder{"HTTP/1.1": record, "HTTP/2": recordTLS} {
		srv := start(t, nil)
		base := settled(0)
		var clients []*exauth.Client
		var o exauth.Options
		if name == "HTTP/2" {
			o.HTTPClient = srv.Client()
		}
		for range 10 {
			c, err := exauth.New(clockVenue(srv.URL), tinyKey(), &o)
			if err != nil {
				t.Fatal(err)
			}
			clients = append(clients, c)
		}
		if n := runtime.NumGoroutine(); n > base {
			t.Errorf("%s: New started %d goroutines", name, n-base)
		}
		for _, c := range clients {
			for _, path := range []string{"/x", "/buy"} {
				if _, err := c.Do(t.Context(), exauth.Call{Path: path}); err != nil {
					t.Error(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
			c.Do(ctx, exauth.Call{Path: "/x"})
			cancel()
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if name == "HTTP/2" {
			srv.Client().CloseIdleConnections() // the caller's transport is the caller's
		}
		srv.CloseClientConnections()
		if n := settled(base); n > base {
			buf := make([]byte, 1<<16)
			t.Errorf("%s: %d goroutines, %d before\n%s", name, n, base, buf[:runtime.Stack(buf, true)])
		}
	}
}

// settled waits until no more than want goroutines are left, or nothing changes.
func settled(want int) int {
	n := runtime.NumGoroutine()
	for range 100 {
		if n <= want {
			return n
		}
		time.Sleep(10 * time.Millisecond)
		if now := runtime.NumGoroutine(); now == n && want == 0 {
			return n
		} else {
			n = now
		}
	}
	return n
}

// TestCloseWhileBusy: Close of a client or of its key beside running calls races with
// nothing; calls end well, or say that the key is gone.
func TestCloseWhileBusy(t *testing.T) {
	for _, closeKey := range []bool{false, true} {
		srv := record(t, nil)
		key := tinyKey()
		c, err := exauth.New(headerVenue(srv.URL), key, nil)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		var well, gone atomic.Int32
		for range 16 {
			group.Go(func() {
				for range 40 {
					switch _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"}); {
					case err == nil:
						well.Add(1)
					case errors.Is(err, exauth.ErrNoKey):
						gone.Add(1)
					default:
						t.Error(err)
					}
				}
			})
		}
		group.Go(func() {
			for range 20 {
				time.Sleep(time.Millisecond)
				if !closeKey {
					c.Close()
				}
			}
			key.Close()
		})
		group.Wait()
		if well.Load() == 0 || int(well.Load()) != len(srv.arrivals()) {
			t.Errorf("%d calls ended well, %d arrived", well.Load(), len(srv.arrivals()))
		}
		for _, a := range srv.arrivals() {
			if err := checkHeaderSign(a); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); !errors.Is(err, exauth.ErrNoKey) {
			t.Errorf("after the key was closed: %v", err)
		}
		c.Close()
	}
}

// TestMixedLoad runs everything at once, for the race detector: several clients on
// one key, do, round-trip, sign, observe, halt, a venue that errs.
func TestMixedLoad(t *testing.T) {
	srv := record(t, func(w http.ResponseWriter, r arrival, n int) {
		switch n % 7 {
		case 3:
			w.WriteHeader(503)
		case 5:
			fmt.Fprint(w, `{"code":"NONCE","msg":"again"}`)
		default:
			fmt.Fprintf(w, `{"time":%d}`, time.Now().UnixMilli())
		}
	})
	key := tinyKey()
	var seen atomic.Int32
	o := &exauth.Options{Scope: all, NonceWindow: true, Observer: func(exauth.Attempt) { seen.Add(1) }}
	v := nonceVenue(srv.URL)
	v.Clock = clockVenue(srv.URL).Clock
	var group sync.WaitGroup
	for i := range 4 {
		c, err := exauth.New(v, key.WithField("n", fmt.Sprint(i)), o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		web := &http.Client{Transport: c.Transport()}
		for range 8 {
			group.Go(func() {
				for n := range 10 {
					switch n % 5 {
					case 0:
						_, _ = c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order", Params: p1("a", n)})
					case 1:
						resp, err := web.Get(srv.URL + "/x?a=1")
						if err == nil {
							resp.Body.Close()
						}
					case 2:
						_, _ = c.Sign(t.Context(), exauth.Call{Path: "/x"})
					case 3:
						_, _ = exauth.Get[map[string]any](t.Context(), c, "/public", nil)
					case 4:
						c.Halt("for a moment")
						c.Resume()
						c.ClockOffset()
					}
				}
			})
		}
	}
	group.Wait()
	for _, a := range srv.arrivals() {
		if a.uri != "/time" && !strings.HasPrefix(a.uri, "/public") {
			if err := checkHeaderSign(a); err != nil {
				t.Fatal(err)
			}
		}
	}
	if seen.Load() == 0 {
		t.Error("nothing was observed")
	}
}

// TestResigner: another SDK's auth fields are taken off and the call is signed
// afresh, where it was meant to be; what carried none goes out unsigned.
func TestResigner(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for _, tc := range []struct {
		name              string
		venue             func(string) *exauth.Venue
		method, uri       string
		header            http.Header
		body              string
		wantURI, wantBody string // begins
		signed, keyOnly   bool
		check             func(arrival) error
		gone              []string
	}{
		{"query with an empty signature", queryVenue, "GET", "/x?symbol=A%20B&timestamp=1&recvWindowX=5&signature=", http.Header{"Tiny-Key": {"theirs"}}, "",
			"/x?symbol=A%20B&recvWindowX=5&recvWindow=5000&timestamp=", "", true, false, checkQuerySign, []string{"theirs", "timestamp=1&"}},
		{"form", queryVenue, "POST", "/order", http.Header{"Tiny-Key": {""}, "Content-Type": {form}}, "a=1&timestamp=7&b=%2B&signature=abc",
			"/order", "a=1&b=%2B&recvWindow=5000&timestamp=", true, false, checkQuerySign, []string{"abc"}},
		{"key only", queryVenue, "GET", "/x?a=1", http.Header{"Tiny-Key": {"theirs"}}, "", "/x?a=1", "", false, true, nil, []string{"theirs"}},
		{"nothing", queryVenue, "GET", "/x?a=1", nil, "", "/x?a=1", "", false, false, nil, nil},
		{"public route with a key all the same", queryVenue, "GET", "/public?timestamp=1&signature=x", http.Header{"Tiny-Key": {"theirs"}}, "", "/public", "", false, false, nil, []string{"theirs"}},
		{"headers", headerVenue, "POST", "/order", http.Header{"Tiny-Key": {"k"}, "Tiny-Time": {"1"}, "Tiny-Sign": {"theirs"}, "Content-Type": {"application/json"}},
			` { "b" : 1.50 } `, "/order", ` { "b" : 1.50 } `, true, false, checkHeaderSign, []string{"theirs"}},
		{"demo switch of the SDK", headerVenue, "GET", "/x", http.Header{"Tiny-Sign": {"x"}, "Tiny-Key": {"k"}, "Tiny-Mode": {"demo"}}, "", "/x", "", true, false, checkHeaderSign, []string{"demo"}},
		{"reserved members of JSON", func(u string) *exauth.Venue { v := headerVenue(u); v.Reserved = []string{"nonce"}; return v }, "POST", "/order",
			http.Header{"Tiny-Key": {"k"}}, `{"nonce":1,"b":"é<","n":1.50}`, "/order", `{"b":"é<","n":1.50}`, true, false, checkHeaderSign, []string{"nonce"}},
		{"Authorization of the SDK", headerVenue, "GET", "/x", http.Header{"Authorization": {"Bearer theirs"}, "Tiny-Sign": {"x"}}, "", "/x", "", true, false, checkHeaderSign, []string{"theirs"}},
	} {
		srv := record(t, nil)
		c := newClient(t, tc.venue(srv.URL), nil)
		req, _ := http.NewRequest(tc.method, srv.URL+tc.uri, strings.NewReader(tc.body))
		if tc.header != nil {
			req.Header = tc.header
		}
		resp, err := c.Resigner().RoundTrip(req)
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("%s: %v, %v", tc.name, resp, err)
			continue
		}
		got := srv.arrivals()[0]
		if !strings.HasPrefix(got.uri, tc.wantURI) || !strings.HasPrefix(got.body, tc.wantBody) {
			t.Errorf("%s: arrived as %s %s", tc.name, got.uri, got.body)
		}
		everything := fmt.Sprint(got)
		for _, g := range tc.gone {
			if strings.Contains(everything, g) {
				t.Errorf("%s: %q went out: %s", tc.name, g, everything)
			}
		}
		signed := strings.Contains(everything, "signature=") || got.header.Get("Tiny-Sign") != ""
		if signed != tc.signed || (got.header.Get("Tiny-Key") == tinyID) != (tc.signed || tc.keyOnly) {
			t.Errorf("%s: signed %v, key %q; want %v, %v", tc.name, signed, got.header.Get("Tiny-Key"), tc.signed, tc.keyOnly)
		}
		if tc.check != nil {
			if err := tc.check(got); err != nil {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
	}
	// What it may not do stays undone.
	srv := record(t, nil)
	c := newClient(t, queryVenue(srv.URL), nil)
	for name, req := range map[string]*http.Request{
		"withdrawal":      {Method: "POST", URL: mustURL(srv.URL + "/withdraw"), Header: http.Header{"Tiny-Key": {"x"}}},
		"another host":    {Method: "GET", URL: mustURL("https://evil.example/x?signature=1"), Header: http.Header{}},
		"method override": {Method: "GET", URL: mustURL(srv.URL + "/x"), Header: http.Header{"X-Http-Method-Override": {"POST"}}},
		"unsigned write":  {Method: "POST", URL: mustURL(srv.URL + "/order"), Header: http.Header{}},
	} {
		if resp, err := c.Resigner().RoundTrip(req); err == nil {
			t.Errorf("%s: %v", name, resp.Status)
		}
	}
	if n := len(srv.arrivals()); n != 0 {
		t.Errorf("%d arrivals", n)
	}
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}
