package exauth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// TestWireHTTP1 (T5): what a request looks like on an HTTP/1.1 connection.
func TestWireHTTP1(t *testing.T) {
	for name, venue := range map[string]func(string) *exauth.Venue{"reads by GET": headerVenue, "buys by GET": buyVenue, "nonce": nonceVenue} {
		srv := rawListen(t, nil)
		c := newClient(t, venue(srv.url), &exauth.Options{Scope: all})
		for _, call := range []exauth.Call{
			{Path: "/balance", Params: p1("a", "1")}, {Path: "/buy", Params: p1("id", "x")}, {Path: "/time", Auth: exauth.AuthNone},
			{Method: "DELETE", Path: "/order", Params: p1("id", "x")}, {Method: "POST", Path: "/query"}, {Method: "POST", Path: "/order", Params: p1("id", "x")},
		} {
			before := len(srv.requests())
			if _, err := c.Do(t.Context(), call); err != nil {
				t.Fatalf("%s: %s %s: %v", name, call.Method, call.Path, err)
			}
			got := srv.requests()[before:]
			if len(got) != 1 {
				t.Fatalf("%s: %s %s arrived %d times", name, call.Method, call.Path, len(got))
			}
			r := got[0]
			for _, h := range []string{"Transfer-Encoding", "Idempotency-Key", "X-Idempotency-Key", "Expect", "Trailer", "Te"} {
				if r.header(h) != "" {
					t.Errorf("%s: %s carries %s: %s", name, r.line(), h, r.header(h))
				}
			}
			hasLength := r.header("Content-Length") != ""
			if bodyless := call.Method == "" || call.Method == "DELETE"; bodyless && hasLength || !bodyless && !hasLength {
				t.Errorf("%s: %s has Content-Length %q", name, r.line(), r.header("Content-Length"))
			}
		}
		// All came over one kept-alive connection (two pools at most), so nothing stood
		// between the requests: the next request line began where the last request ended.
		conns := map[int]bool{}
		for _, r := range srv.requests() {
			conns[r.conn] = true
			if !strings.HasSuffix(r.line(), " HTTP/1.1") || strings.HasPrefix(r.head, "\r") {
				t.Errorf("%s: request line %q", name, r.line())
			}
		}
		if len(conns) > 2 {
			t.Errorf("%s: %d connections", name, len(conns))
		}
	}
}

// TestWireHTTP2 (T5): a GET is one HEADERS frame with END_STREAM, which is what CDNs
// want to see; a GET that must not be sent twice goes over HTTP/1.1 instead.
func TestWireHTTP2(t *testing.T) {
	for _, tc := range []struct {
		name   string
		venue  func(string) *exauth.Venue
		call   exauth.Call
		frames int // 0: HTTP/1.1
	}{
		{"read", headerVenue, exauth.Call{Path: "/balance", Params: p1("a", "1")}, 1},
		{"public read", buyVenue, exauth.Call{Path: "/public"}, 1},
		{"listed read of a venue that buys by GET", buyVenue, exauth.Call{Path: "/balance"}, 1},
		{"cancel without a body", headerVenue, exauth.Call{Method: "DELETE", Path: "/order", Params: p1("id", "x")}, 1},
		{"write with a body", headerVenue, exauth.Call{Method: "POST", Path: "/order", Params: p1("id", "x")}, 2},
		{"nonce in a body", nonceVenue, exauth.Call{Method: "POST", Path: "/query"}, 2},
		{"buy by GET", buyVenue, exauth.Call{Path: "/buy", Params: p1("id", "x")}, 0},
		{"unknown GET of a venue that buys by GET", buyVenue, exauth.Call{Path: "/unheard"}, 0},
		{"nonce in a GET", nonceVenue, exauth.Call{Path: "/x", Scope: exauth.ScopeRead}, 0},
	} {
		srv := h2Listen(t, nil)
		c := newClient(t, tc.venue(srv.url), &exauth.Options{HTTPClient: srv.client, Scope: all})
		for range 2 { // on a fresh connection and on a kept one
			if _, err := c.Do(t.Context(), tc.call); err != nil {
				t.Errorf("%s: %v", tc.name, err)
			}
			frames, plain := srv.take()
			if tc.frames == 0 {
				if len(frames) != 0 || len(plain) != 1 {
					t.Errorf("%s: frames %+v and HTTP/1.1 %q, want HTTP/1.1 alone", tc.name, frames, plain)
				}
				continue
			}
			if len(frames) != tc.frames || len(plain) != 0 || frames[0].kind != frameHeaders {
				t.Errorf("%s: frames %+v and HTTP/1.1 %q, want %d frames", tc.name, frames, plain, tc.frames)
				continue
			}
			if ended := frames[0].flags&endStream != 0; ended != (tc.frames == 1) {
				t.Errorf("%s: END_STREAM on HEADERS is %v", tc.name, ended)
			}
		}
	}
}

// seen collects what an Observer sees.
type seen struct {
	mu  sync.Mutex
	all []exauth.Attempt
}

func (s *seen) observe(a exauth.Attempt) { s.mu.Lock(); s.all = append(s.all, a); s.mu.Unlock() }

func (s *seen) attempts() []exauth.Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// TestDeadConnection (T5): a kept-alive connection dies after the venue read the
// request. Whatever is not a read has then arrived once and is unknown; reads come
// back right, and whatever carries a nonce or was sent again by us is signed afresh.
func TestDeadConnection(t *testing.T) {
	for _, tc := range []struct {
		name     string
		venue    func(string) *exauth.Venue
		call     exauth.Call
		arrivals int
		fresh    bool // the second arrival is signed anew
	}{
		{"write", headerVenue, exauth.Call{Method: "POST", Path: "/order", Params: p1("id", "x")}, 1, false},
		{"write without a body", headerVenue, exauth.Call{Method: "POST", Path: "/order"}, 1, false},
		{"cancel", headerVenue, exauth.Call{Method: "DELETE", Path: "/order", Params: p1("id", "x")}, 1, false},
		{"unlisted PUT", headerVenue, exauth.Call{Method: "PUT", Path: "/new", Params: p1("id", "x")}, 1, false},
		{"buy by GET", buyVenue, exauth.Call{Path: "/buy", Params: p1("id", "x")}, 1, false},
		{"unlisted GET of a venue that buys by GET", buyVenue, exauth.Call{Path: "/new", Params: p1("id", "x")}, 1, false},
		{"nonce write", nonceVenue, exauth.Call{Method: "POST", Path: "/order", Params: p1("id", "x")}, 1, false},
		{"nonce read by POST", nonceVenue, exauth.Call{Method: "POST", Path: "/query"}, 2, true},
		{"nonce read by GET", nonceVenue, exauth.Call{Path: "/x", Scope: exauth.ScopeRead}, 2, true},
		{"read by POST", headerVenue, exauth.Call{Method: "POST", Path: "/query", Params: p1("a", "1")}, 2, true},
		{"read by GET", headerVenue, exauth.Call{Path: "/x"}, 2, false},
	} {
		srv := rawListen(t, func(c net.Conn, r rawRequest) bool {
			if r.conn == 1 && r.n == 2 {
				return false // read, and gone
			}
			io.WriteString(c, rawOK)
			return true
		})
		var saw seen
		c := newClient(t, tc.venue(srv.url), &exauth.Options{Scope: all, Observer: saw.observe})
		if _, err := c.Do(t.Context(), tc.call); err != nil { // leaves a connection behind
			t.Fatalf("%s: %v", tc.name, err)
		}
		time.Sleep(2 * time.Millisecond) // another millisecond, another stamp
		_, err := c.Do(t.Context(), tc.call)
		got := srv.requests()[1:]
		if len(got) != tc.arrivals {
			t.Errorf("%s: arrived %d times, want %d: %v", tc.name, len(got), tc.arrivals, err)
			continue
		}
		var e *exauth.Error
		switch tried := saw.attempts()[1:]; {
		case tc.arrivals == 1:
			if !errors.Is(err, exauth.ErrOutcomeUnknown) || !errors.As(err, &e) || e.Outcome != exauth.OutcomeUnknown || len(tried) != 1 {
				t.Errorf("%s: %v in %d attempts, want an unknown outcome in 1", tc.name, err, len(tried))
			}
		case err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.fresh:
			if len(tried) != 2 || tried[1].Number != 2 || tried[0].Resent || tried[1].Resent {
				t.Errorf("%s: attempts %+v, want two", tc.name, tried)
			}
			if a, b := got[0], got[1]; a.header("Tiny-Sign") == b.header("Tiny-Sign") || a.head+a.body == b.head+b.body {
				t.Errorf("%s: sent again as it was", tc.name)
			}
		default: // net/http did it, and the Observer knows
			if len(tried) != 1 || !tried[0].Resent {
				t.Errorf("%s: attempts %+v, want one that was re-sent", tc.name, tried)
			}
		}
		for _, r := range got {
			if err := checkHeaderSign(r.arrival()); err != nil {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
	}
}

// TestDeadConnectionHTTP2: the same when the connection is HTTP/2.
func TestDeadConnectionHTTP2(t *testing.T) {
	for _, tc := range []struct {
		name     string
		call     exauth.Call
		arrivals int
	}{
		{"write", exauth.Call{Method: "POST", Path: "/order", Params: p1("id", "x")}, 1},
		{"cancel", exauth.Call{Method: "DELETE", Path: "/order"}, 1},
		{"read", exauth.Call{Path: "/x"}, 2},
	} {
		arrived := 0
		srv := h2Listen(t, func(c net.Conn, stream uint32, n int) bool {
			if arrived++; n == 2 && arrived == 2 {
				return false
			}
			answerH2(c, stream)
			return true
		})
		c := newClient(t, headerVenue(srv.url), &exauth.Options{HTTPClient: srv.client})
		for i := range 2 {
			_, err := c.Do(t.Context(), tc.call)
			if unknown := errors.Is(err, exauth.ErrOutcomeUnknown); unknown != (i == 1 && tc.arrivals == 1) || err != nil && !unknown {
				t.Errorf("%s: call %d: %v", tc.name, i, err)
			}
		}
		if frames, _ := srv.take(); count(frames, frameHeaders) != 1+tc.arrivals {
			t.Errorf("%s: arrived %d times, want %d", tc.name, count(frames, frameHeaders)-1, tc.arrivals)
		}
	}
}

func count(frames []frame, kind byte) (n int) {
	for _, f := range frames {
		if f.kind == kind {
			n++
		}
	}
	return n
}

// TestIdleClosed (T5): connections that the venue closed while they were idle are
// no reason for an error, also for calls that net/http would not send again: what is
// surely not written may be written elsewhere.
func TestIdleClosed(t *testing.T) {
	closers := map[string]func(net.Conn){
		"FIN": func(c net.Conn) { c.Close() },
		"RST": func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() },
	}
	for how, closeConn := range closers {
		for _, tc := range []struct {
			name  string
			venue func(string) *exauth.Venue
			call  exauth.Call
		}{
			{"read", headerVenue, exauth.Call{Path: "/x"}},
			{"write", headerVenue, exauth.Call{Method: "POST", Path: "/order", Params: p1("id", "x")}},
			{"cancel", headerVenue, exauth.Call{Method: "DELETE", Path: "/order"}},
			{"buy by GET", buyVenue, exauth.Call{Path: "/buy"}},
			{"nonce", nonceVenue, exauth.Call{Method: "POST", Path: "/order"}},
			{"nonce by GET", nonceVenue, exauth.Call{Path: "/x", Scope: exauth.ScopeRead}},
		} {
			closed := make(chan struct{}, 1)
			srv := rawListen(t, func(c net.Conn, _ rawRequest) bool {
				io.WriteString(c, rawOK)
				closeConn(c)
				closed <- struct{}{}
				return false
			})
			for _, noRetry := range []bool{false, true} {
				var saw seen
				c := newClient(t, tc.venue(srv.url), &exauth.Options{Scope: all, NoRetry: noRetry, Observer: saw.observe})
				before := len(srv.requests())
				const calls = 30
				for range calls {
					if _, err := c.Do(t.Context(), tc.call); err != nil {
						t.Errorf("%s, %s: %v", tc.name, how, err)
					}
					select {
					case <-closed:
					case <-time.After(2 * time.Second):
						t.Fatal("nothing arrived")
					}
				}
				if n := len(srv.requests()) - before; n != calls {
					t.Errorf("%s, %s: %d arrivals of %d calls", tc.name, how, n, calls)
				}
				for _, a := range saw.attempts() {
					if a.Number != 1 || a.Resent && tc.name != "read" { // a read may have been written to a dead connection
						t.Errorf("%s, %s: attempt %+v", tc.name, how, a)
						break
					}
				}
			}
		}
	}
}

// TestIdleClosedMany: many connections at once, as when a venue restarts.
func TestIdleClosedMany(t *testing.T) {
	var mu sync.Mutex
	var conns []net.Conn
	srv := rawListen(t, func(c net.Conn, r rawRequest) bool {
		if r.n == 1 {
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			time.Sleep(30 * time.Millisecond) // so that each call takes a connection of its own
		}
		io.WriteString(c, rawOK)
		return true
	})
	c := newClient(t, headerVenue(srv.url), nil)
	burst := func() {
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	burst()
	mu.Lock()
	for _, c := range conns {
		c.Close()
	}
	mu.Unlock()
	burst()
	if n := len(srv.requests()); n != 40 {
		t.Errorf("%d arrivals, want 40", n)
	}
}

// TestForeignRoundTripper: a transport that does not say what it wrote gets no
// benefit of the doubt, save for a dial that failed.
func TestForeignRoundTripper(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for _, tc := range []struct {
		name    string
		err     error
		unknown bool
	}{
		{"timeout", context.DeadlineExceeded, true}, {"reset", &net.OpError{Op: "read", Err: errors.New("reset")}, true},
		{"EOF", io.ErrUnexpectedEOF, true}, {"anything", errors.New("whatever"), true}, {"dial", refused, false}, {"wrapped dial", fmt.Errorf("proxy: %w", refused), false},
	} {
		sent := 0
		rt := stubTrip(func(r *http.Request) (*http.Response, error) { sent++; io.Copy(io.Discard, r.Body); return nil, tc.err })
		c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{HTTPClient: &http.Client{Transport: rt}})
		_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order", Params: p1("id", "my-1")})
		if got := errors.Is(err, exauth.ErrOutcomeUnknown); got != tc.unknown || tc.unknown && sent != 1 {
			t.Errorf("%s: %v after %d sends, want unknown %v", tc.name, err, sent, tc.unknown)
		}
	}
}

// TestSignedRequestWire: what Sign returns can be sent by any client and looks the
// same on the wire.
func TestSignedRequestWire(t *testing.T) {
	srv := rawListen(t, nil)
	c := newClient(t, buyVenue(srv.url), nil)
	req, err := c.Sign(t.Context(), exauth.Call{Path: "/buy", Params: p1("id", "a b")})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	r := srv.requests()[0]
	if r.line() != "GET /buy?id=a%20b HTTP/1.1" || r.header("Transfer-Encoding") != "" || r.header("Content-Length") != "" {
		t.Errorf("arrived as %q", r.head)
	}
	if err := checkHeaderSign(r.arrival()); err != nil {
		t.Error(err)
	}
	var dump bytes.Buffer
	if err := req.Write(&dump); err != nil || strings.Contains(dump.String(), "ransfer-") {
		t.Errorf("%v, %q", err, dump.String())
	}
}
