package venue_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

const allScopes = exauth.ScopeRead | exauth.ScopeTrade | exauth.ScopeTransfer | exauth.ScopeWithdraw | exauth.ScopeAccount

// canned is a transport that answers every request with the same text and keeps
// what it was given.
type canned struct {
	status int
	body   string
	got    []*http.Request
}

func (c *canned) RoundTrip(req *http.Request) (*http.Response, error) {
	c.got = append(c.got, req)
	return &http.Response{
		StatusCode: c.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(c.body)),
	}, nil
}

// fakeKey is a key that fits a venue: the default one of its vectors, or texts of
// no meaning where the venue has none.
func fakeKey(t testing.TB, v *exauth.Venue) *exauth.Key {
	t.Helper()
	file := filepath.Join("testdata", v.Name+".json")
	if _, err := os.Stat(file); err != nil {
		return exauth.NewSecretKey("fake-key-0123456789", "fakeSecret0123456789")
	}
	key, err := vectorKey(loadVectors(t, file).Keys, "")
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	return key
}

// fakeClient is a client of v over rt, with a fixed clock, one attempt per call and
// no pacing: canned answers carry no counters to learn from.
func fakeClient(t testing.TB, v *exauth.Venue, scope exauth.Scope, rt http.RoundTripper) *exauth.Client {
	t.Helper()
	c, err := exauth.New(v, fakeKey(t, v), &exauth.Options{
		Scope: scope, NoRetry: true, HTTPClient: &http.Client{Transport: rt}, Limiter: unpaced(v),
		Now: func() time.Time { return time.UnixMilli(1768480496789) },
	})
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	return c
}

// unpaced is the limiter of tests that are not about quotas.
func unpaced(v *exauth.Venue) exauth.Limiter {
	return exauth.NewLimiter(v, &exauth.LimiterOptions{Off: true})
}

// answerCase is one answer of a venue to a call, and what a caller gets to see.
type answerCase struct {
	name    string
	call    exauth.Call
	status  int // 0: 200
	body    string
	want    error // nil: no error
	outcome exauth.Outcome
	code    string
	payload string // compared when there is no error
}

func runAnswers(t *testing.T, v *exauth.Venue, cases []answerCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rt := &canned{status: c.status, body: c.body}
			if rt.status == 0 {
				rt.status = http.StatusOK
			}
			resp, err := fakeClient(t, v, allScopes, rt).Do(t.Context(), c.call)
			if len(rt.got) != 1 {
				t.Fatalf("%d requests were sent, want 1 (%v)", len(rt.got), err)
			}
			if c.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				if got := string(resp.Payload); got != c.payload {
					t.Errorf("payload\n got %s\nwant %s", got, c.payload)
				}
				return
			}
			var e *exauth.Error
			if !errors.As(err, &e) || !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if e.Outcome != c.outcome || e.Code != c.code {
				t.Errorf("outcome %v code %q, want %v %q", e.Outcome, e.Code, c.outcome, c.code)
			}
		})
	}
}

// parseTime runs a venue's time parser over a documented answer.
func parseTime(t *testing.T, v *exauth.Venue, body string) time.Time {
	t.Helper()
	got, err := v.Clock.Parse(&exauth.Response{Status: http.StatusOK, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// scopeCase says what a call must ask for: the client that allows everything but
// need refuses it, and one that allows need sends it.
type scopeCase struct {
	method, path string
	params       exauth.Params
	need         exauth.Scope
}

func runScopes(t *testing.T, name string, cases []scopeCase) {
	t.Helper()
	for _, c := range cases {
		v, ok := venue.ByName(name)
		if !ok {
			t.Fatalf("no venue %q", name)
		}
		call := exauth.Call{Method: c.method, Path: c.path, Params: c.params}
		rt := &canned{status: http.StatusOK, body: "{}"}
		if _, err := fakeClient(t, v, c.need|exauth.ScopeRead, rt).Do(t.Context(), call); errors.Is(err, exauth.ErrScope) {
			t.Errorf("%s %s: %v", c.method, c.path, err)
		}
		if c.need == exauth.ScopeRead {
			continue
		}
		for bit := exauth.ScopeTradeSpot; bit <= exauth.ScopeAccount; bit <<= 1 {
			if c.need&bit == 0 {
				continue
			}
			rt := &canned{status: http.StatusOK, body: "{}"}
			_, err := fakeClient(t, v, allScopes&^bit, rt).Do(t.Context(), call)
			if !errors.Is(err, exauth.ErrScope) || len(rt.got) != 0 {
				t.Errorf("%s %s without %s: %v, %d requests", c.method, c.path, bit, err, len(rt.got))
			}
		}
	}
}

// mustRequest is somebody else's request with a form body.
func mustRequest(t testing.TB, method, url, form string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}
