package exauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
)

// clockVenue is headerVenue with a time endpoint.
func clockVenue(url string) *exauth.Venue {
	v := headerVenue(url)
	v.Clock = exauth.Clock{Path: "/time", Parse: func(resp *exauth.Response) (time.Time, error) {
		var t struct{ Time int64 }
		err := json.Unmarshal(resp.Body, &t)
		return time.UnixMilli(t.Time), err
	}}
	return v
}

// A strictServer has a clock of its own and refuses stamps that are ahead of it or
// older than a window.
type strictServer struct {
	*recorder
	skew    atomic.Int64 // nanoseconds
	asked   atomic.Int32 // for the time
	ahead   atomic.Int32 // stamps from the future
	refused atomic.Int32
	time    func(w http.ResponseWriter, now time.Time) // nil: what the clock says
}

func strict(t testing.TB, skew time.Duration) *strictServer {
	s := &strictServer{}
	s.skew.Store(int64(skew))
	s.recorder = record(t, func(w http.ResponseWriter, r arrival, _ int) {
		now := time.Now().Add(time.Duration(s.skew.Load()))
		if r.uri == "/time" {
			s.asked.Add(1)
			if s.time != nil {
				s.time(w, now)
			} else {
				fmt.Fprintf(w, `{"time":%d}`, now.UnixMilli())
			}
			return
		}
		ms, _ := strconv.ParseInt(r.header.Get("Tiny-Time"), 10, 64)
		age := now.Sub(time.UnixMilli(ms))
		if age < 0 {
			s.ahead.Add(1)
		}
		if age < 0 || age > 2*time.Second {
			s.refused.Add(1)
			w.WriteHeader(400)
			io.WriteString(w, `{"code":"CLOCK","msg":"timestamp outside of the window"}`)
			return
		}
		io.WriteString(w, "{}")
	})
	return s
}

// signed counts the arrivals that were not about the time.
func (s *strictServer) signed() (n int) {
	for _, a := range s.arrivals() {
		if a.uri != "/time" {
			n++
		}
	}
	return n
}

// TestClockSkew (O5): however wrong the local clock is, the first call passes, one
// question is asked, and no stamp is ahead of the venue.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{0, 5 * time.Second, -5 * time.Second, 7 * time.Minute, -7 * time.Minute, 30 * time.Hour, -1500 * 24 * time.Hour} {
		srv := strict(t, skew)
		c := newClient(t, clockVenue(srv.URL), nil)
		for range 50 {
			if _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"}); err != nil {
				t.Fatalf("skew %s: %v", skew, err)
			}
		}
		if n := srv.asked.Load(); n != 1 && n > 3 || srv.ahead.Load() != 0 || srv.refused.Load() != 0 || srv.signed() != 50 {
			t.Errorf("skew %s: asked %d times, %d stamps ahead, %d refused, %d arrivals", skew, n, srv.ahead.Load(), srv.refused.Load(), srv.signed())
		}
		if off, known := c.ClockOffset(); !known || off > skew || off < skew-time.Second {
			t.Errorf("skew %s: estimate %s, known %v", skew, off, known)
		}
		if err := c.Check(t.Context()); err != nil {
			t.Errorf("skew %s: Check: %v", skew, err)
		}
	}
}

// TestClockBestSample: a slow first answer is followed by others, and the one with
// the shortest way back counts.
func TestClockBestSample(t *testing.T) {
	srv := strict(t, 5*time.Second)
	srv.time = func(w http.ResponseWriter, now time.Time) {
		if srv.asked.Load() == 1 {
			time.Sleep(300 * time.Millisecond) // on the way back
		}
		fmt.Fprintf(w, `{"time":%d}`, now.UnixMilli())
	}
	c := newClient(t, clockVenue(srv.URL), nil)
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil {
		t.Fatal(err)
	}
	off, _ := c.ClockOffset()
	if n := srv.asked.Load(); n < 2 || off > 5*time.Second || off < 5*time.Second-250*time.Millisecond {
		t.Errorf("asked %d times, estimate %s", n, off)
	}
}

// TestClockBadTimes: an answer out of a cache or an absurd time moves nothing, is
// ErrClock to those who ask for it with Check, and stops no call.
func TestClockBadTimes(t *testing.T) {
	now := time.Now()
	say := func(text string, header ...string) func(http.ResponseWriter, time.Time) {
		return func(w http.ResponseWriter, _ time.Time) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			io.WriteString(w, text)
		}
	}
	stamp := func(t time.Time) string { return fmt.Sprintf(`{"time":%d}`, t.UnixMilli()) }
	status := func(code int) func(http.ResponseWriter, time.Time) {
		return func(w http.ResponseWriter, _ time.Time) { w.WriteHeader(code) }
	}
	hour := now.Add(time.Hour)
	for name, tc := range map[string]struct {
		time func(http.ResponseWriter, time.Time)
		kind error
	}{
		"cached (Age)":        {say(stamp(hour), "Age", "5"), exauth.ErrClock},
		"cached (Cloudflare)": {say(stamp(hour), "Cf-Cache-Status", "HIT"), exauth.ErrClock},
		"cached (X-Cache)":    {say(stamp(hour), "X-Cache", "Hit from cloudfront"), exauth.ErrClock},
		"1970":                {say(`{"time":0}`), exauth.ErrClock},
		"no time":             {say(`{}`), exauth.ErrClock},
		"negative":            {say(`{"time":-62135596800000}`), exauth.ErrClock},
		"year 2200":           {say(stamp(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))), exauth.ErrClock},
		"seconds":             {say(fmt.Sprintf(`{"time":%d}`, hour.Unix())), exauth.ErrClock},
		"microseconds":        {say(fmt.Sprintf(`{"time":%d}`, hour.UnixMicro())), exauth.ErrClock},
		"text":                {say(`{"time":"now"}`), exauth.ErrClock},
		"no JSON":             {say(`hello`), exauth.ErrClock},
		"a page":              {say(`<html><title>Blocked</title>`), exauth.ErrUnavailable},
		"down":                {status(503), exauth.ErrUnavailable},
		"gone":                {status(404), exauth.ErrRejected},
		"redirect":            {status(302), exauth.ErrHost},
	} {
		srv := strict(t, 0)
		srv.time = tc.time
		c := newClient(t, clockVenue(srv.URL), nil)
		var e *exauth.Error
		if err := c.Check(t.Context()); !errors.Is(err, tc.kind) || !errors.As(err, &e) || e.Kind != tc.kind {
			t.Errorf("%s: Check says %v, want %v", name, err, tc.kind)
		}
		if off, known := c.ClockOffset(); known {
			t.Errorf("%s: moved the clock by %s", name, off)
		}
		asked := srv.asked.Load()
		for range 5 {
			if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil {
				t.Errorf("%s: a call was stopped: %v", name, err)
			}
		}
		if n := srv.asked.Load() - asked; n > 1 && tc.kind != exauth.ErrUnavailable || n > 3 {
			t.Errorf("%s: asked %d times more", name, n)
		}
	}
}

// TestClockDown: a time endpoint that hangs, or whose host is down, costs a call
// part of its time and stops none; the next calls do not pay again.
func TestClockDown(t *testing.T) {
	srv := strict(t, 0)
	release := make(chan struct{})
	defer close(release)
	srv.time = func(http.ResponseWriter, time.Time) { <-release }
	c := newClient(t, clockVenue(srv.URL), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if _, err := c.Do(ctx, exauth.Call{Path: "/x"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	begin := time.Now()
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil || time.Since(begin) > time.Second/2 {
		t.Errorf("next call: %v after %s", err, time.Since(begin))
	}
	if n := srv.asked.Load(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
}

// TestClockHaste: a caller that gives up while the clock is asked for does not leave
// the others without one.
func TestClockHaste(t *testing.T) {
	srv := strict(t, time.Minute)
	srv.time = func(w http.ResponseWriter, now time.Time) {
		time.Sleep(80 * time.Millisecond)
		fmt.Fprintf(w, `{"time":%d}`, now.UnixMilli())
	}
	c := newClient(t, clockVenue(srv.URL), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Do(ctx, exauth.Call{Path: "/x"}); err == nil {
		t.Error("20 ms were enough")
	}
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil {
		t.Errorf("next call: %v", err)
	}
	if off, known := c.ClockOffset(); !known || off < 59*time.Second {
		t.Errorf("estimate %s, known %v", off, known)
	}
}

// TestClockAskedOnce: 64 first calls ask once, and all wait for the answer.
func TestClockAskedOnce(t *testing.T) {
	srv := strict(t, -time.Hour)
	c := newClient(t, clockVenue(srv.URL), nil)
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			if _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := srv.asked.Load(); n > 3 || srv.refused.Load() != 0 || srv.signed() != 64 {
		t.Errorf("asked %d times, %d refused, %d arrivals", n, srv.refused.Load(), srv.signed())
	}
}

// TestClockResync: when the venue refuses a stamp, it is asked for its time once and
// the call goes out signed afresh; 64 such calls ask few times.
func TestClockResync(t *testing.T) {
	srv := strict(t, 0)
	c := newClient(t, clockVenue(srv.URL), nil)
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil {
		t.Fatal(err)
	}
	srv.skew.Store(int64(-time.Minute)) // the venue's clock goes back
	asked := srv.asked.Load()
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			resp, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"})
			if err != nil || resp.Attempts > 2 {
				t.Errorf("%+v, %v", resp, err)
			}
		})
	}
	group.Wait()
	if n := srv.asked.Load() - asked; n < 1 || n > 64 {
		t.Errorf("asked %d times", n)
	}
	if srv.signed() != 1+64+int(srv.refused.Load()) {
		t.Errorf("%d arrivals with %d refused", srv.signed(), srv.refused.Load())
	}
	// A venue that always says so is asked once per call and believed.
	srv.setAnswer(func(w http.ResponseWriter, r arrival, _ int) {
		if r.uri == "/time" {
			srv.asked.Add(1)
			fmt.Fprintf(w, `{"time":%d}`, time.Now().UnixMilli())
			return
		}
		io.WriteString(w, `{"code":"CLOCK","msg":"no"}`)
	})
	asked, before := srv.asked.Load(), srv.signed()
	_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"})
	if !errors.Is(err, exauth.ErrClock) || srv.signed()-before != 2 || srv.asked.Load()-asked != 1 {
		t.Errorf("%v after %d arrivals and %d questions", err, srv.signed()-before, srv.asked.Load()-asked)
	}
}

// TestClockOwn: Options.Now is believed and nothing is asked.
func TestClockOwn(t *testing.T) {
	srv := strict(t, 0)
	c := newClient(t, clockVenue(srv.URL), &exauth.Options{Now: func() time.Time { return time.Now().Add(-time.Second) }})
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil {
		t.Error(err)
	}
	if _, known := c.ClockOffset(); known || srv.asked.Load() != 0 {
		t.Errorf("asked %d times, known %v", srv.asked.Load(), known)
	}
}

// TestClockQuietCalls: what is not signed needs no clock, and a halted client still
// keeps one.
func TestClockQuietCalls(t *testing.T) {
	srv := strict(t, time.Hour)
	v := clockVenue(srv.URL)
	v.Routes = v.Routes[1:] // /time is not listed
	c := newClient(t, v, nil)
	c.Halt("a break")
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/time", Auth: exauth.AuthNone}); err != nil || srv.asked.Load() != 1 {
		t.Errorf("%v, asked %d times", err, srv.asked.Load())
	}
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil || srv.asked.Load() != 2 {
		t.Errorf("%v, asked %d times", err, srv.asked.Load())
	}
}

// TestClockRefresh runs in a bubble, where five minutes take no time: the estimate is
// renewed on a caller's path, and no goroutine does it meanwhile.
func TestClockRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const skew = 26 * 365 * 24 * time.Hour // a bubble begins in the year 2000
		asked := 0
		rt := stubTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(40 * time.Millisecond)
			now := time.Now().Add(skew)
			time.Sleep(10 * time.Millisecond)
			if r.URL.Path == "/time" {
				asked++
				return reply(200, fmt.Sprintf(`{"time":%d}`, now.UnixMilli())), nil
			}
			ms, _ := strconv.ParseInt(r.Header.Get("Tiny-Time"), 10, 64)
			if age := now.Sub(time.UnixMilli(ms)); age < 0 || age > 200*time.Millisecond {
				t.Errorf("stamp is %s old", age)
			}
			return reply(200, "{}"), nil
		})
		c := newClient(t, clockVenue("https://api.tiny.example"), &exauth.Options{HTTPClient: &http.Client{Transport: rt}})
		goroutines := runtime.NumGoroutine()
		for minute := range 21 {
			if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil {
				t.Fatal(err)
			}
			if want := 1 + minute/5; asked != want { // every fifth call finds it older than 5 minutes
				t.Errorf("minute %d: asked %d times, want %d", minute, asked, want)
			}
			time.Sleep(time.Minute)
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			t.Errorf("%d goroutines, %d before the first call", n, goroutines)
		}
	})
}

// TestDateHeader: a venue without a time endpoint tells its time when it refuses a
// stamp.
func TestDateHeader(t *testing.T) {
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		srv := strict(t, skew)
		inner := srv.answer
		srv.setAnswer(func(w http.ResponseWriter, r arrival, n int) {
			w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
			inner(w, r, n)
		})
		c := newClient(t, headerVenue(srv.URL), nil)
		resp, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"})
		if err != nil || resp.Attempts != 2 || srv.signed() != 2 {
			t.Errorf("skew %s: %+v, %v", skew, resp, err)
		}
		if _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"}); err != nil || srv.signed() != 3 {
			t.Errorf("skew %s: next call: %v", skew, err)
		}
	}
}

// TestRecvWindow (O5): the window is the call's, the options' or the venue's, and
// never above the venue's most.
func TestRecvWindow(t *testing.T) {
	for _, tc := range []struct {
		name           string
		options, call  time.Duration
		want           string // "" means refused
		venue, largest time.Duration
	}{
		{"the venue's", 0, 0, "recvWindow=5000", 5 * time.Second, time.Minute},
		{"the options'", 3 * time.Second, 0, "recvWindow=3000", 5 * time.Second, time.Minute},
		{"the call's", 3 * time.Second, 2 * time.Second, "recvWindow=2000", 5 * time.Second, time.Minute},
		{"the most", 0, time.Minute, "recvWindow=60000", 5 * time.Second, time.Minute},
		{"more than the most", 0, time.Minute + 1, "", 5 * time.Second, time.Minute},
		{"more than the most, in options", time.Hour, 0, "", 5 * time.Second, time.Minute},
		{"negative", 0, -1, "", 5 * time.Second, time.Minute},
		{"no most", 0, time.Hour, "recvWindow=3600000", 0, 0},
	} {
		v := queryVenue("https://api.tiny.example")
		v.RecvWindow, v.MaxRecvWindow = tc.venue, tc.largest
		c := newClient(t, v, &exauth.Options{Now: fixedNow, RecvWindow: tc.options})
		req, err := c.Sign(t.Context(), exauth.Call{Path: "/x", RecvWindow: tc.call})
		switch {
		case tc.want == "" && !errors.Is(err, exauth.ErrParam):
			t.Errorf("%s: %v, want ErrParam", tc.name, err)
		case tc.want != "" && (err != nil || !strings.Contains(req.URL.RawQuery, tc.want+"&")):
			t.Errorf("%s: %v, %v; want %s", tc.name, req, err, tc.want)
		}
	}
	// A clock error never widens it.
	srv := record(t, func(w http.ResponseWriter, _ arrival, n int) {
		if n == 1 {
			io.WriteString(w, `{"code":"CLOCK"}`)
		} else {
			io.WriteString(w, "{}")
		}
	})
	c := newClient(t, queryVenue(srv.URL), nil)
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil {
		t.Error(err)
	}
	for _, a := range srv.arrivals() {
		if !strings.Contains(a.uri, "recvWindow=5000&") {
			t.Errorf("arrived as %s", a.uri)
		}
	}
}
