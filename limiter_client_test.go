package exauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// quotaVenue is headerVenue with a weight by IP and orders by account.
func quotaVenue(url string) *exauth.Venue {
	v := headerVenue(url)
	v.Quotas = []exauth.Quota{
		{Name: "weight", Kind: exauth.FixedWindow, Limit: 1200, Window: time.Minute, UsedHeader: "X-Used"},
		{Name: "orders", Kind: exauth.FixedWindow, Limit: 100, Window: 10 * time.Second, Per: exauth.PerAccount},
	}
	v.DefaultCosts = []exauth.Cost{{Quota: "weight", N: 1}}
	for i := range v.Routes {
		if v.Routes[i].Priority == exauth.PriorityOrder {
			v.Routes[i].Costs = []exauth.Cost{{Quota: "weight", N: 1}, {Quota: "orders", N: 1}}
		}
	}
	return v
}

// diary is a Limiter that writes down when it is asked and told, and otherwise leaves
// the work to another.
type diary struct {
	exauth.Limiter
	mu    sync.Mutex
	lines []string
	told  []exauth.Observation
	lease exauth.Lease
}

func (d *diary) write(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) Wait(ctx context.Context, demand exauth.Demand) (exauth.Lease, error) {
	d.write("wait")
	lease, err := d.Limiter.Wait(ctx, demand)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lease = lease
	return exauth.NewLease(d, 1), err
}

func (d *diary) Settle(_ uint64, o exauth.Observation) {
	d.write("settle")
	d.mu.Lock()
	d.told = append(d.told, o)
	lease := d.lease
	d.mu.Unlock()
	lease.Settle(o)
}

// TestClientPaces: an attempt waits for its grant, then signs, sends and settles; so a
// stamp never gets old in the queue.
func TestClientPaces(t *testing.T) {
	d := &diary{}
	srv := record(t, func(w http.ResponseWriter, _ arrival, n int) {
		d.write("arrive")
		w.Header().Set("X-Used", "42")
		io.WriteString(w, "{}")
	})
	v := quotaVenue(srv.URL)
	d.Limiter = exauth.NewLimiter(v, nil)
	sign := v.Scheme
	v.Scheme = exauth.SchemeFunc(func(ctx context.Context, r *exauth.Request) error {
		d.write("sign")
		return sign.Authorize(ctx, r)
	})
	c := newClient(t, v, &exauth.Options{Limiter: d})
	for s := time.Now().Second(); s < 3 || s > 56; s = time.Now().Second() {
		time.Sleep(time.Second) // near the turn of a minute nobody knows which one the venue's count is of
	}
	if _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(d.lines, " "); got != "wait sign arrive settle" {
		t.Errorf("order %q, want wait sign arrive settle", got)
	}
	o := d.told[0]
	if o.Status != 200 || o.Header.Get("X-Used") != "42" || o.Sent.IsZero() || o.Received.Before(o.Sent) || o.Unknown || o.Refused != "" {
		t.Errorf("told %+v", o)
	}
	if s := stateOf(t, d.Limiter, "weight"); s.Used != 42 || s.InFlight != 0 {
		t.Errorf("state %+v, want 42 used by the header", s)
	}
}

// TestClientSettles: what a Limiter is told of each end a call can come to.
func TestClientSettles(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		trip   func(*http.Request) (*http.Response, error)
		scheme error
		path   string
		want   exauth.Observation
	}{
		{name: "429", answer: func(w http.ResponseWriter) { w.Header().Set("Retry-After", "7"); w.WriteHeader(429) }, path: "/public",
			want: exauth.Observation{Status: 429, Refused: "weight", RetryAfter: 7 * time.Second}},
		{name: "418", answer: func(w http.ResponseWriter) { w.Header().Set("Retry-After", "120"); w.WriteHeader(418) }, path: "/public",
			want: exauth.Observation{Status: 418, RetryAfter: 2 * time.Minute}},
		{name: "a limit in a 200", answer: func(w http.ResponseWriter) { io.WriteString(w, `{"code":"LIMIT"}`) }, path: "/public",
			want: exauth.Observation{Status: 200, Refused: "weight"}},
		{name: "a ban in a 403", answer: func(w http.ResponseWriter) { w.WriteHeader(403); io.WriteString(w, `{"code":"BAN"}`) }, path: "/public",
			want: exauth.Observation{Status: 418}},
		{name: "a 403 that is no limit", answer: func(w http.ResponseWriter) { w.WriteHeader(403); io.WriteString(w, `{"code":"NO"}`) }, path: "/public",
			want: exauth.Observation{Status: 403}},
		{name: "a free call refused", answer: func(w http.ResponseWriter) { io.WriteString(w, `{"code":"LIMIT"}`) }, path: "/time",
			want: exauth.Observation{Status: 429}},
		{name: "the scheme fails", scheme: errors.New("no"), path: "/balance"},
		{name: "no answer", trip: func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, path: "/public",
			want: exauth.Observation{Unknown: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := record(t, func(w http.ResponseWriter, _ arrival, _ int) { c.answer(w) })
			v := quotaVenue(srv.URL)
			for i := range v.Routes {
				if v.Routes[i].Path == "/time" {
					v.Routes[i].Costs = []exauth.Cost{}
				}
			}
			answer := v.Answer
			v.Answer = func(r *exauth.Response) ([]byte, error) {
				if strings.Contains(string(r.Body), "BAN") {
					return nil, &exauth.Error{Kind: exauth.ErrBanned, Code: "BAN"}
				}
				return answer(r)
			}
			if c.scheme != nil {
				v.Scheme = exauth.SchemeFunc(func(context.Context, *exauth.Request) error { return c.scheme })
			}
			d := &diary{Limiter: exauth.NewLimiter(v, nil)}
			opts := &exauth.Options{Limiter: d, NoRetry: true}
			if c.trip != nil {
				opts.HTTPClient = &http.Client{Transport: stubTrip(c.trip)}
			}
			_, err := newClient(t, v, opts).Do(t.Context(), exauth.Call{Path: c.path})
			if err == nil || len(d.told) != 1 {
				t.Fatalf("%v, told %+v; want an error, and one observation", err, d.told)
			}
			got := d.told[0]
			got.Sent, got.Received, got.Header = time.Time{}, time.Time{}, nil
			if got.Status != c.want.Status || got.Refused != c.want.Refused || got.RetryAfter != c.want.RetryAfter || got.Unknown != c.want.Unknown || got.Costs != nil {
				t.Errorf("told %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestClientGate: after a 429 the next call is refused here, and nothing arrives.
func TestClientGate(t *testing.T) {
	srv := record(t, func(w http.ResponseWriter, _ arrival, n int) {
		if n == 1 {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(429)
			return
		}
		io.WriteString(w, "{}")
	})
	v := quotaVenue(srv.URL)
	c := newClient(t, v, &exauth.Options{NoRetry: true, MaxWait: time.Nanosecond})
	call, begin := exauth.Call{Path: "/public"}, time.Now()
	if _, err := c.Do(t.Context(), call); !errors.Is(err, exauth.ErrRateLimited) {
		t.Fatal(err)
	}
	_, err := c.Do(t.Context(), call)
	var e *exauth.Error
	if !errors.As(err, &e) || !errors.Is(err, exauth.ErrRateLimited) || e.Outcome != exauth.OutcomeNotSent || e.RetryAfter <= 0 || e.RetryAfter > 2*time.Second {
		t.Errorf("%v (%+v); want a refusal of ours, not sent", err, e)
	}
	if n := len(srv.arrivals()); n != 1 {
		t.Errorf("%d calls arrived while the gate was shut", n-1)
	}
	call.MaxWait = 10 * time.Second
	if _, err := c.Do(t.Context(), call); err != nil || time.Since(begin) < 2*time.Second {
		t.Errorf("%v after %s; want to have waited for the gate", err, time.Since(begin))
	}
}

// TestClientMaxWait (Q6a): new orders wait two seconds for quota, reads a minute.
func TestClientMaxWait(t *testing.T) {
	n := &noted{}
	c := client(t, quotaVenue("https://tiny.example"), &exauth.Options{Limiter: n, HTTPClient: &http.Client{Transport: answering{}}})
	for _, call := range []exauth.Call{{Method: "POST", Path: "/order"}, {Method: "DELETE", Path: "/order"}, {Path: "/public"}, {Path: "/public", MaxWait: time.Hour}} {
		if _, err := c.Do(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []time.Duration{2 * time.Second, time.Minute, time.Minute, time.Hour} {
		if got := n.demands[i].MaxWait; got != want {
			t.Errorf("call %d may wait %s, want %s", i, got, want)
		}
	}
	if d := n.demands[0]; d.Priority != exauth.PriorityOrder || len(d.Costs) != 2 || d.KeyID == "" || strings.Contains(d.KeyID, tinyID) {
		t.Errorf("demand %+v", d)
	}
}
