package exauth_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// raw is an answer by hand, without Connection: close.
func raw(status int, header, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d Status\r\nContent-Length: %d\r\n%s\r\n%s", status, len(body), header, body)
}

// TestOutcomes (O1, O2, F3): the fate of a write and of a read, for every way an
// attempt can end. Writes arrive once at most; reads are tried again where that can
// help, each time signed afresh.
func TestOutcomes(t *testing.T) {
	const (
		notSent, rejected, partial, unknown = exauth.OutcomeNotSent, exauth.OutcomeRejected, exauth.OutcomePartial, exauth.OutcomeUnknown
		ok                                  = exauth.OutcomeAccepted
	)
	const waf = "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body>Ray ID: 1</body></html>"
	say := func(text string) func(net.Conn) { return func(c net.Conn) { io.WriteString(c, text) } }
	cut := func(text string) func(net.Conn) { return func(c net.Conn) { io.WriteString(c, text); c.Close() } }
	for _, tc := range []struct {
		name                string
		answer              func(net.Conn)
		status              int
		write, read         exauth.Outcome
		writeKind, readKind error
		writes, reads       int    // arrivals
		says                string // in the error
	}{
		{"fine", say(raw(200, "", "{}")), 200, ok, ok, nil, nil, 1, 1, ""},
		{"fine with a BOM", say(raw(200, "", "\ufeff{\"n\":1}")), 200, ok, ok, nil, nil, 1, 1, ""},
		{"no content", say("HTTP/1.1 204 No Content\r\n\r\n"), 204, ok, ok, nil, nil, 1, 1, ""},
		{"closed without an answer", func(c net.Conn) { c.Close() }, 0, unknown, rejected, exauth.ErrOutcomeUnknown, exauth.ErrUnavailable, 1, 3, "closed before"},
		{"reset without an answer", func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() }, 0, unknown, rejected, exauth.ErrOutcomeUnknown, exauth.ErrUnavailable, 1, 3, "reset"},
		{"cut in the header", cut("HTTP/1.1 200 OK\r\nConte"), 0, unknown, rejected, exauth.ErrOutcomeUnknown, exauth.ErrUnavailable, 1, 3, ""},
		{"cut in the body", cut("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"id\":"), 200, unknown, rejected, exauth.ErrOutcomeUnknown, exauth.ErrUnavailable, 1, 3, "closed before"},
		{"cut in a chunk", cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"id\":"), 200, unknown, rejected, exauth.ErrOutcomeUnknown, exauth.ErrUnavailable, 1, 3, "closed before"},
		{"no HTTP at all", cut("SSH-2.0-OpenSSH_9.6\r\n\r\n"), 0, unknown, rejected, exauth.ErrOutcomeUnknown, exauth.ErrUnavailable, 1, 3, ""},
		{"headers without end", say("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Big: "+strings.Repeat("a", 1000)+"\r\n", 100)), 0, unknown, rejected, exauth.ErrOutcomeUnknown, exauth.ErrUnavailable, 1, 3, ""},
		{"500", say(raw(500, "", "oops")), 500, unknown, rejected, exauth.ErrUnavailable, exauth.ErrUnavailable, 1, 3, "oops"},
		{"502 of a proxy", say(raw(502, "", waf)), 502, unknown, rejected, exauth.ErrUnavailable, exauth.ErrUnavailable, 1, 3, "HTML page: Attention Required"},
		{"503 busy", say(raw(503, "", `{"code":"BUSY","msg":"later"}`)), 503, unknown, rejected, exauth.ErrUnavailable, exauth.ErrUnavailable, 1, 3, "later"},
		{"503 the venue said no", say(raw(503, "", `{"code":"NO","msg":"no"}`)), 503, unknown, rejected, exauth.ErrRejected, exauth.ErrRejected, 1, 1, ""},
		{"500 with a reason", say(raw(500, "", `{"code":"FUNDS","msg":"poor"}`)), 500, rejected, rejected, exauth.ErrInsufficientFunds, exauth.ErrInsufficientFunds, 1, 1, "FUNDS"},
		{"504", say(raw(504, "", "")), 504, unknown, rejected, exauth.ErrUnavailable, exauth.ErrUnavailable, 1, 3, "HTTP 504"},
		{"400 with a reason", say(raw(400, "", `{"code":"NO","msg":"bad symbol"}`)), 400, rejected, rejected, exauth.ErrRejected, exauth.ErrRejected, 1, 1, "bad symbol"},
		{"400 without", say(raw(400, "", "")), 400, rejected, rejected, exauth.ErrRejected, exauth.ErrRejected, 1, 1, "HTTP 400"},
		{"403 of a firewall", say(raw(403, "", waf)), 403, rejected, rejected, exauth.ErrRejected, exauth.ErrRejected, 1, 1, "HTML page: Attention Required"},
		{"404", say(raw(404, "", `[1,2]`)), 404, rejected, rejected, exauth.ErrRejected, exauth.ErrRejected, 1, 1, ""},
		{"418", say(raw(418, "Retry-After: 120\r\n", "")), 418, rejected, rejected, exauth.ErrBanned, exauth.ErrBanned, 1, 1, ""},
		{"429", say(raw(429, "Retry-After: 120\r\n", "")), 429, rejected, rejected, exauth.ErrRateLimited, exauth.ErrRateLimited, 1, 1, ""},
		{"200 with an error inside", say(raw(200, "", `{"code":"FUNDS","msg":"poor"}`)), 200, rejected, rejected, exauth.ErrInsufficientFunds, exauth.ErrInsufficientFunds, 1, 1, "poor"},
		{"200 with a limit inside", say(raw(200, "", `{"code":"LIMIT","msg":"slow"}`)), 200, rejected, rejected, exauth.ErrRateLimited, exauth.ErrRateLimited, 1, 1, ""},
		{"200 part of it", say(raw(200, "", `{"code":"PARTIAL","msg":"1 of 2"}`)), 200, partial, partial, exauth.ErrPartial, exauth.ErrPartial, 1, 1, "1 of 2"},
		{"200 the venue does not know itself", say(raw(200, "", `{"code":"TIMEOUT","msg":"backend"}`)), 200, unknown, rejected, exauth.ErrOutcomeUnknown, exauth.ErrUnavailable, 1, 3, "backend"},
		{"200 a page of a firewall", say(raw(200, "", waf)), 200, unknown, rejected, exauth.ErrOutcomeUnknown, exauth.ErrUnavailable, 1, 3, "HTML page: Attention Required"},
		{"200 cut JSON", say(raw(200, "", `{"id":12`)), 200, unknown, ok, exauth.ErrOutcomeUnknown, nil, 1, 1, ""},
		{"200 text", say(raw(200, "", `OK`)), 200, unknown, ok, exauth.ErrOutcomeUnknown, nil, 1, 1, ""},
		{"302", say(raw(302, "Location: /y\r\n", "")), 302, unknown, rejected, exauth.ErrHost, exauth.ErrHost, 1, 1, "redirect"},
		{"304", say("HTTP/1.1 304 Not Modified\r\n\r\n"), 304, unknown, rejected, exauth.ErrHost, exauth.ErrHost, 1, 1, "redirect"},
		{"silence", nil, 0, unknown, rejected, exauth.ErrOutcomeUnknown, exauth.ErrUnavailable, 1, 3, "within the time"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, call := range []exauth.Call{{Method: "POST", Path: "/order", Params: params{{"id", "my-1"}, {"qty", "1"}}}, {Path: "/x"}} {
				srv := rawListen(t, func(c net.Conn, _ rawRequest) bool {
					if tc.answer != nil {
						tc.answer(c)
					}
					return true
				})
				write := call.Method == "POST"
				want, kind, arrivals := tc.read, tc.readKind, tc.reads
				if write {
					want, kind, arrivals = tc.write, tc.writeKind, tc.writes
				}
				c := newClient(t, headerVenue(srv.url), &exauth.Options{Timeout: 150 * time.Millisecond})
				begin := time.Now()
				resp, err := c.Do(t.Context(), call)
				got := srv.requests()
				if len(got) != arrivals {
					t.Errorf("write %v: arrived %d times, want %d: %v", write, len(got), arrivals, err)
				}
				for i, r := range got {
					if err := checkHeaderSign(r.arrival()); err != nil || i > 0 && r.header("Tiny-Time") == got[i-1].header("Tiny-Time") {
						t.Errorf("arrival %d is not signed afresh: %v", i+1, err)
					}
				}
				if want == ok {
					if err != nil || resp.Status != tc.status || resp.Attempts != 1 || resp.Sent.Before(begin) || resp.Received.Before(resp.Sent) {
						t.Errorf("write %v: %+v, %v; want success", write, resp, err)
					}
					continue
				}
				checkFailure(t, err, want, kind, tc.status, write, tc.says)
				if tc.name == "silence" && !err.(*exauth.Error).Timeout() {
					t.Error("no timeout")
				}
				if (tc.status == 429 || tc.status == 418) && err.(*exauth.Error).RetryAfter != 2*time.Minute {
					t.Errorf("RetryAfter %s", err.(*exauth.Error).RetryAfter)
				}
			}
		})
	}
}

// checkFailure looks at every field of a call's error.
func checkFailure(t *testing.T, err error, outcome exauth.Outcome, kind error, status int, write bool, says string) {
	t.Helper()
	var e *exauth.Error
	if !errors.As(err, &e) {
		t.Errorf("write %v: %v, want an *Error", write, err)
		return
	}
	if e.Outcome != outcome || !errors.Is(err, kind) || e.Kind != kind || e.Status != status {
		t.Errorf("write %v: outcome %s, kind %v, status %d; want %s, %v, %d\n%v", write, e.Outcome, e.Kind, e.Status, outcome, kind, status, err)
	}
	if errors.Is(err, exauth.ErrOutcomeUnknown) != (outcome == exauth.OutcomeUnknown) {
		t.Errorf("write %v: ErrOutcomeUnknown does not say what Outcome %s says", write, e.Outcome)
	}
	path, method, id := "/x", "GET", ""
	if write {
		path, method, id = "/order", "POST", "my-1"
	}
	if e.Venue != "tiny" || e.Path != path || e.Method != method || e.ClientOrderID != id || time.Since(e.Sent).Abs() > time.Minute {
		t.Errorf("write %v: fields %+v", write, e)
	}
	if outcome == exauth.OutcomePartial != (len(e.Body) > 0) {
		t.Errorf("write %v: Body %q", write, e.Body)
	}
	if text := err.Error(); !strings.Contains(text, says) || strings.Contains(text, tinyID) || strings.Contains(text, "127.0.0.1") || strings.Contains(text, "qty") {
		t.Errorf("write %v: error says %q, want %q and nothing private", write, text, says)
	}
}

// TestNotSent: attempts that surely wrote nothing are safe to repeat, and are.
func TestNotSent(t *testing.T) {
	write, read := exauth.Call{Method: "POST", Path: "/order", Params: p1("id", "my-1")}, exauth.Call{Path: "/x"}
	stuck := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }}
	for _, call := range []exauth.Call{write, read} {
		var saw seen
		c := newClient(t, headerVenue(deadAddress(t)), &exauth.Options{Observer: saw.observe})
		_, err := c.Do(t.Context(), call)
		checkFailure(t, err, exauth.OutcomeNotSent, exauth.ErrUnavailable, 0, call.Method != "", "connection refused")
		if n := len(saw.attempts()); n != 3 {
			t.Errorf("refused: %d attempts, want 3", n)
		}
		saw = seen{}
		c = newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{Observer: saw.observe, HTTPClient: &http.Client{Transport: stuck}, Timeout: 50 * time.Millisecond})
		_, err = c.Do(t.Context(), call)
		checkFailure(t, err, exauth.OutcomeNotSent, exauth.ErrUnavailable, 0, call.Method != "", "within the time")
		if n, want := len(saw.attempts()), map[bool]int{true: 1, false: 3}[call.Method != ""]; n != want {
			t.Errorf("dial that hangs: %d attempts, want %d", n, want)
		}
	}
	// The caller's own cancellation is no fault of the venue.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := newClient(t, headerVenue(deadAddress(t)), nil)
	_, err := c.Do(ctx, write)
	var e *exauth.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.Outcome != exauth.OutcomeNotSent || e.Kind != nil {
		t.Errorf("canceled before: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	srv := rawListen(t, func(net.Conn, rawRequest) bool { cancel(); return true })
	_, err = newClient(t, headerVenue(srv.url), nil).Do(ctx, write)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, exauth.ErrOutcomeUnknown) || len(srv.requests()) != 1 {
		t.Errorf("canceled while the venue had it: %v", err)
	}
}

// TestGzipBomb (F1): the bound holds after decompression, and the bomb is fetched once.
func TestGzipBomb(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 210 {
		z.Write(zeros)
	}
	z.Close()
	t.Logf("%d bytes become %d", bomb.Len(), 210<<20)
	srv := record(t, func(w http.ResponseWriter, _ arrival, _ int) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	})
	c := newClient(t, headerVenue(srv.URL), nil)
	for _, call := range []exauth.Call{{Path: "/x"}, {Method: "POST", Path: "/order"}} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		arrivals := len(srv.arrivals())
		resp, err := c.Do(t.Context(), call)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "larger than Options.MaxBody") || resp != nil && len(resp.Body) > 8<<20 {
			t.Errorf("%s: %v", call.Method, err)
		}
		if unknown := errors.Is(err, exauth.ErrOutcomeUnknown); unknown != (call.Method == "POST") {
			t.Errorf("%s: unknown is %v", call.Method, unknown)
		}
		if n := len(srv.arrivals()) - arrivals; n != 1 {
			t.Errorf("%s: fetched %d times, want once", call.Method, n)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
			t.Errorf("%s: %d MiB were allocated on the way", call.Method, grown>>20)
		}
	}
	fine := newClient(t, headerVenue(srv.URL), &exauth.Options{MaxBody: 211 << 20})
	if resp, err := fine.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil || len(resp.Body) != 210<<20 {
		t.Errorf("with room for it: %v", err)
	}
}

// TestMaxBodyEdge: the largest answer allowed passes, one byte more does not.
func TestMaxBodyEdge(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		srv := record(t, func(w http.ResponseWriter, r arrival, _ int) {
			var n int
			fmt.Sscanf(r.uri, "/x?n=%d", &n)
			if chunked {
				w.(http.Flusher).Flush()
			}
			io.WriteString(w, strings.Repeat("1", n))
		})
		c := newClient(t, headerVenue(srv.URL), &exauth.Options{MaxBody: 100, NoRetry: true})
		for n, want := range map[int]bool{0: true, 1: true, 99: true, 100: true, 101: false, 5000: false} {
			resp, err := c.Do(t.Context(), exauth.Call{Path: "/x", Params: p1("n", n)})
			if (err == nil) != want || err == nil && len(resp.Body) != n {
				t.Errorf("chunked %v, %d bytes: %v, want ok %v", chunked, n, err, want)
			}
		}
	}
}

// TestDecode: what Do[T] makes of payloads, and what it says of those it cannot read.
func TestDecode(t *testing.T) {
	answer := "{}"
	srv := record(t, func(w http.ResponseWriter, _ arrival, _ int) {
		if answer == "" {
			w.WriteHeader(http.StatusNoContent)
		}
		io.WriteString(w, answer)
	})
	c := newClient(t, headerVenue(srv.URL), nil)
	type order struct {
		ID  int64 `json:"id"`
		Any any   `json:"any"`
	}
	answer = "\ufeff{\"id\":9007199254740993,\"any\":{\"n\":12345678901234567890}} \n"
	got, err := exauth.Post[order](t.Context(), c, "/order", nil)
	if n, ok := got.Any.(map[string]any); err != nil || got.ID != 9007199254740993 || !ok || n["n"] != json.Number("12345678901234567890") {
		t.Errorf("got %+v, %v", got, err)
	}
	if text, err := exauth.Get[[]byte](t.Context(), c, "/x", nil); err != nil || !strings.HasPrefix(string(text), `{"id"`) {
		t.Errorf("bytes: %q, %v", text, err)
	}
	if text, err := exauth.Get[json.RawMessage](t.Context(), c, "/x", nil); err != nil || !json.Valid(text) {
		t.Errorf("raw: %q, %v", text, err)
	}
	answer = ""
	if got, err := exauth.Delete[order](t.Context(), c, "/order", nil); err != nil || got != (order{}) {
		t.Errorf("204: %+v, %v", got, err)
	}
	for bad, says := range map[string]string{
		`{"id":"9007199254740993"}`: "id", `{"id":1}{"id":2}`: "", `{"id":1} trailing`: "", `{"id":`: "", `[]`: "", ` `: "", `{"id":1.5}`: "id", `nul`: "",
	} {
		answer = bad
		_, err := exauth.Post[order](t.Context(), c, "/order", p1("id", "my-1"))
		var e *exauth.Error
		if !errors.Is(err, exauth.ErrOutcomeUnknown) || !errors.As(err, &e) || e.Status != 200 || e.ClientOrderID != "my-1" || e.Path != "/order" || !strings.Contains(err.Error(), says) {
			t.Errorf("write, %s: %v (%+v), want ErrOutcomeUnknown", bad, err, e)
		}
		_, err = exauth.Get[order](t.Context(), c, "/x", nil)
		if !errors.Is(err, exauth.ErrUnavailable) || errors.Is(err, exauth.ErrOutcomeUnknown) {
			t.Errorf("read, %s: %v, want ErrUnavailable", bad, err)
		}
		if err != nil && strings.Contains(err.Error(), "9007199254740993") {
			t.Errorf("the error quotes a value: %v", err)
		}
	}
}

// TestNoRetry: one attempt is one arrival.
func TestNoRetry(t *testing.T) {
	srv := record(t, func(w http.ResponseWriter, _ arrival, _ int) { w.WriteHeader(503) })
	c := newClient(t, headerVenue(srv.URL), &exauth.Options{NoRetry: true})
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); !errors.Is(err, exauth.ErrUnavailable) || len(srv.arrivals()) != 1 {
		t.Errorf("%v after %d arrivals", err, len(srv.arrivals()))
	}
	for _, code := range []string{"CLOCK", "NONCE"} {
		srv.setAnswer(func(w http.ResponseWriter, _ arrival, _ int) { fmt.Fprintf(w, `{"code":%q}`, code) })
		before := len(srv.arrivals())
		if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err == nil || len(srv.arrivals()) != before+1 {
			t.Errorf("%s: %v after %d arrivals", code, err, len(srv.arrivals())-before)
		}
	}
}

// TestRepairs: a clock or nonce error says that nothing was done, so that a write
// goes out once more, signed afresh, and only once.
func TestRepairs(t *testing.T) {
	for _, code := range []string{"CLOCK", "NONCE"} {
		for _, times := range []int{1, 5} {
			srv := record(t, func(w http.ResponseWriter, _ arrival, n int) {
				time.Sleep(2 * time.Millisecond) // another stamp
				if n <= times {
					w.WriteHeader(400)
					fmt.Fprintf(w, `{"code":%q,"msg":"stamp"}`, code)
					return
				}
				io.WriteString(w, "{}")
			})
			c := newClient(t, headerVenue(srv.URL), nil)
			resp, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"})
			got := srv.arrivals()
			if (err == nil) != (times == 1) || len(got) != 2 || got[0].header.Get("Tiny-Sign") == got[1].header.Get("Tiny-Sign") {
				t.Errorf("%s %d times: %v after %d arrivals", code, times, err, len(got))
			}
			if times == 1 && resp.Attempts != 2 {
				t.Errorf("%s: Attempts %d", code, resp.Attempts)
			}
		}
	}
	// A clock error beside a fixed clock cannot be repaired.
	srv := record(t, func(w http.ResponseWriter, _ arrival, _ int) { io.WriteString(w, `{"code":"CLOCK"}`) })
	c := newClient(t, headerVenue(srv.URL), &exauth.Options{Now: fixedNow})
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); !errors.Is(err, exauth.ErrClock) || len(srv.arrivals()) != 1 {
		t.Errorf("fixed clock: %v after %d arrivals", err, len(srv.arrivals()))
	}
}

// TestRetryAfter: a read waits as long as the venue says before it is tried again, or
// leaves the decision to its caller.
func TestRetryAfter(t *testing.T) {
	for after, arrivals := range map[string]int{"1": 2, "120": 1, "99999999999999999999": 1, "-5": 2, "soon": 2} {
		var times []time.Time
		srv := record(t, func(w http.ResponseWriter, _ arrival, n int) {
			times = append(times, time.Now())
			if n == 1 {
				w.Header().Set("Retry-After", after)
				w.WriteHeader(503)
			}
			io.WriteString(w, "{}")
		})
		c := newClient(t, headerVenue(srv.URL), nil)
		_, err := c.Do(t.Context(), exauth.Call{Path: "/x"})
		if n := len(srv.arrivals()); n != arrivals || (err == nil) != (arrivals == 2) {
			t.Errorf("Retry-After %s: %d arrivals, %v", after, n, err)
		}
		if after == "1" && len(times) == 2 && times[1].Sub(times[0]) < time.Second {
			t.Errorf("tried again after %s", times[1].Sub(times[0]))
		}
		var e *exauth.Error
		if errors.As(err, &e) && (e.RetryAfter < 2*time.Minute || e.RetryAfter > 72*time.Hour) {
			t.Errorf("Retry-After %s: %s", after, e.RetryAfter)
		}
	}
	// A clock error after an outage is repaired all the same.
	srv := record(t, func(w http.ResponseWriter, _ arrival, n int) {
		switch n {
		case 1:
			w.WriteHeader(503)
		case 2:
			io.WriteString(w, `{"code":"CLOCK"}`)
		default:
			io.WriteString(w, "{}")
		}
	})
	resp, err := newClient(t, headerVenue(srv.URL), nil).Do(t.Context(), exauth.Call{Path: "/x"})
	if err != nil || resp.Attempts != 3 {
		t.Errorf("503, then a clock error: %+v, %v", resp, err)
	}
}

// TestHalt (O7): a halt stops what opens risk, and nothing else.
func TestHalt(t *testing.T) {
	srv := record(t, nil)
	c := newClient(t, headerVenue(srv.URL), &exauth.Options{Scope: all})
	c.Halt("losses above the limit")
	for name, call := range map[string]exauth.Call{
		"order": {Method: "POST", Path: "/order"}, "withdrawal": {Method: "POST", Path: "/withdraw"}, "unknown write": {Method: "POST", Path: "/new"},
		"order dressed up as a cancel": {Method: "POST", Path: "/order", Priority: exauth.PriorityCancel},
	} {
		_, err := c.Do(t.Context(), call)
		var e *exauth.Error
		if !errors.Is(err, exauth.ErrHalted) || !errors.As(err, &e) || e.Outcome != exauth.OutcomeNotSent || !strings.Contains(err.Error(), "losses above the limit") {
			t.Errorf("%s: %v, want ErrHalted with the reason", name, err)
		}
	}
	if n := len(srv.arrivals()); n != 0 {
		t.Errorf("%d arrivals while halted", n)
	}
	for name, call := range map[string]exauth.Call{
		"cancel": {Method: "DELETE", Path: "/order"}, "read": {Path: "/x"}, "public": {Path: "/public"}, "read by POST": {Method: "POST", Path: "/query"},
		"unlisted cancel, so marked": {Method: "POST", Path: "/new-cancel", Priority: exauth.PriorityCancel},
	} {
		if _, err := c.Do(t.Context(), call); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.Resume()
	if _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"}); err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

// TestPolicy: a veto happens before anything is signed or sent, and its reason is
// the caller's.
func TestPolicy(t *testing.T) {
	srv := record(t, nil)
	veto := errors.New("no trading on Sundays")
	var asked []string
	drawn := 0
	c := newClient(t, nonceVenue(srv.URL), &exauth.Options{
		Policy: func(_ context.Context, r *exauth.Request) error {
			asked = append(asked, r.Method+" "+r.Path+"?"+r.Query+" "+string(r.Body))
			if r.Header.Get("Tiny-Sign") != "" {
				t.Error("asked after signing")
			}
			if r.Path == "/order" {
				return veto
			}
			return nil
		},
		Nonce: exauth.NonceFunc(func(_ context.Context, _ string, floor int64) (int64, error) { drawn++; return floor, nil }),
	})
	_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order", Params: p1("symbol", "X")})
	var e *exauth.Error
	if !errors.Is(err, veto) || !errors.As(err, &e) || e.Outcome != exauth.OutcomeNotSent || len(srv.arrivals()) != 0 || drawn != 0 {
		t.Errorf("%v after %d arrivals and %d nonces, want the veto", err, len(srv.arrivals()), drawn)
	}
	if _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/query"}); err != nil {
		t.Error(err)
	}
	if want := []string{"POST /order? symbol=X", "POST /query? "}; !slices.Equal(asked, want) {
		t.Errorf("asked about %q, want %q", asked, want)
	}
}

// TestObserver: every attempt is seen, with what it was and nothing secret.
func TestObserver(t *testing.T) {
	srv := record(t, func(w http.ResponseWriter, _ arrival, n int) {
		if n == 1 {
			w.WriteHeader(503)
		}
		io.WriteString(w, "{}")
	})
	var saw seen
	var log bytes.Buffer
	v := headerVenue(srv.URL)
	v.Environment = "testnet"
	c := newClient(t, v, &exauth.Options{Observer: saw.observe, Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x", Params: p1("secretish", "value-of-mine")}); err != nil {
		t.Fatal(err)
	}
	got := saw.attempts()
	if len(got) != 2 {
		t.Fatalf("%d attempts", len(got))
	}
	first, second := got[0], got[1]
	if first.Venue != "tiny" || first.Environment != "testnet" || first.Method != "GET" || first.Path != "/x" || first.Scope != exauth.ScopeRead ||
		first.Status != 503 || first.Outcome != exauth.OutcomeRejected || !errors.Is(first.Err, exauth.ErrUnavailable) || first.Number != 1 ||
		len(first.Key) != 16 || first.Received.Before(first.Sent) || first.Resent {
		t.Errorf("first: %+v", first)
	}
	if second.Status != 200 || second.Outcome != exauth.OutcomeAccepted || second.Err != nil || second.Number != 2 || second.Key != first.Key {
		t.Errorf("second: %+v", second)
	}
	for i := range got {
		if "http://"+got[i].Host != srv.URL {
			t.Errorf("host %q", got[i].Host)
		}
		got[i].Host = "" // the one place where it belongs
	}
	everything := log.String() + fmt.Sprintf("%+v %#v", got, got)
	for _, secret := range []string{tinyID, tinySecret, "value-of-mine", srv.arrivals()[0].header.Get("Tiny-Sign"), "127.0.0.1"} {
		if strings.Contains(everything, secret) {
			t.Errorf("%q shows in %s", secret, everything)
		}
	}
	if n := strings.Count(log.String(), `"msg":"exauth call"`); n != 2 {
		t.Errorf("%d log lines: %s", n, log.String())
	}
}

// TestScopes (K8): what a call may do is what options, key and route agree on.
func TestScopes(t *testing.T) {
	srv := record(t, nil)
	order := exauth.Call{Method: "POST", Path: "/order"}
	for _, tc := range []struct {
		name  string
		key   *exauth.Key
		scope exauth.Scope
		call  exauth.Call
		ok    bool
	}{
		{"default trades", tinyKey(), 0, order, true},
		{"default does not withdraw", tinyKey(), 0, exauth.Call{Method: "POST", Path: "/withdraw"}, false},
		{"asked for", tinyKey(), exauth.ScopeWithdraw, exauth.Call{Method: "POST", Path: "/withdraw"}, true},
		{"read-only client", tinyKey(), exauth.ScopeRead, order, false},
		{"read-only client, unknown write", tinyKey(), exauth.ScopeRead, exauth.Call{Method: "PUT", Path: "/new"}, false},
		{"read-only client, read by POST", tinyKey(), exauth.ScopeRead, exauth.Call{Method: "POST", Path: "/query"}, true},
		{"read-only client, buy by GET", tinyKey(), exauth.ScopeRead, exauth.Call{Path: "/buy"}, false},
		{"restricted key", tinyKey().Restrict(exauth.ScopeRead), 0, order, false},
		{"restricted key reads", tinyKey().Restrict(exauth.ScopeRead), 0, exauth.Call{Path: "/x"}, true},
		{"the caller may not lower a listed route", tinyKey(), exauth.ScopeRead, exauth.Call{Method: "POST", Path: "/order", Scope: exauth.ScopeRead}, false},
		{"the caller may name an unlisted one", tinyKey(), exauth.ScopeRead, exauth.Call{Method: "POST", Path: "/new", Scope: exauth.ScopeRead}, true},
		{"unknown withdrawals need more", tinyKey(), 0, exauth.Call{Method: "POST", Path: "/v2/Withdrawals"}, false},
		{"a listed write does not go unsigned", tinyKey(), 0, exauth.Call{Method: "POST", Path: "/order", Auth: exauth.AuthNone}, false},
	} {
		c, err := exauth.New(headerVenue(srv.URL), tc.key, &exauth.Options{Scope: tc.scope})
		if err != nil {
			t.Fatal(err)
		}
		before := len(srv.arrivals())
		_, err = c.Do(t.Context(), tc.call)
		var e *exauth.Error
		if tc.ok && err != nil || !tc.ok && (!errors.Is(err, exauth.ErrScope) || !errors.As(err, &e) || e.Kind != exauth.ErrScope || len(srv.arrivals()) != before) {
			t.Errorf("%s: %v, want ok %v", tc.name, err, tc.ok)
		}
		c.Close()
	}
}
