package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/exauth/exauth"
)

// TestStatusEdges: what a status means when the body says nothing, at the first and
// the last of each class.
func TestStatusEdges(t *testing.T) {
	const accepted, rejected, unknown = exauth.OutcomeAccepted, exauth.OutcomeRejected, exauth.OutcomeUnknown
	for _, tc := range []struct {
		status      int
		kind        error
		read, write exauth.Outcome
	}{
		{200, nil, accepted, accepted},
		{299, nil, accepted, accepted},
		{300, exauth.ErrHost, rejected, unknown},
		{399, exauth.ErrHost, rejected, unknown},
		{400, exauth.ErrRejected, rejected, rejected},
		{418, exauth.ErrBanned, rejected, rejected},
		{419, exauth.ErrRejected, rejected, rejected},
		{429, exauth.ErrRateLimited, rejected, rejected},
		{499, exauth.ErrRejected, rejected, rejected},
		{500, exauth.ErrUnavailable, rejected, unknown},
		{599, exauth.ErrUnavailable, rejected, unknown},
	} {
		rt := stubTrip(func(*http.Request) (*http.Response, error) { return reply(tc.status, "{}"), nil })
		c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{HTTPClient: &http.Client{Transport: rt}, NoRetry: true, Now: fixedNow})
		for call, want := range map[string]exauth.Outcome{"GET /x": tc.read, "POST /order": tc.write} {
			t.Run(fmt.Sprint(tc.status, " ", call), func(t *testing.T) {
				var method, path string
				fmt.Sscan(call, &method, &path)
				_, err := c.Do(t.Context(), exauth.Call{Method: method, Path: path})
				outcome := accepted
				if e := (*exauth.Error)(nil); errors.As(err, &e) {
					outcome = e.Outcome
				}
				if !errors.Is(err, tc.kind) || outcome != want {
					t.Errorf("%v: %v, want %v: %v", outcome, err, want, tc.kind)
				}
			})
		}
	}
}

// TestBodyBeyondItsLength: an answer that goes on after its Content-Length is none. A
// RoundTripper of the caller's can bring one.
func TestBodyBeyondItsLength(t *testing.T) {
	for body, want := range map[string]bool{"{}": true, "{}x": false, "{": false} {
		rt := stubTrip(func(*http.Request) (*http.Response, error) {
			resp := reply(200, body)
			resp.ContentLength = 2
			return resp, nil
		})
		c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{HTTPClient: &http.Client{Transport: rt}, NoRetry: true, Now: fixedNow})
		if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); (err == nil) != want {
			t.Errorf("%q of two bytes: %v, want ok %v", body, err, want)
		}
	}
}

// TestCanceledOnTheWay: a read that its caller cancels is that and no trouble of the
// venue's; a write is in doubt.
func TestCanceledOnTheWay(t *testing.T) {
	for _, tc := range []struct {
		method, path string
		kind, not    error
		outcome      exauth.Outcome
	}{
		{"GET", "/x", context.Canceled, exauth.ErrUnavailable, exauth.OutcomeRejected},
		{"POST", "/order", exauth.ErrOutcomeUnknown, exauth.ErrUnavailable, exauth.OutcomeUnknown},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		rt := stubTrip(func(r *http.Request) (*http.Response, error) {
			cancel()
			return nil, r.Context().Err()
		})
		c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{HTTPClient: &http.Client{Transport: rt}, Now: fixedNow})
		_, err := c.Do(ctx, exauth.Call{Method: tc.method, Path: tc.path})
		var e *exauth.Error
		if !errors.As(err, &e) || !errors.Is(err, tc.kind) || !errors.Is(err, context.Canceled) || errors.Is(err, tc.not) || e.Outcome != tc.outcome {
			t.Errorf("%s: %+v", tc.method, e)
		}
	}
}

// TestExcerpt: what an error quotes of a page is its title, and never half of a key,
// by which the rest could not be known for one.
func TestExcerpt(t *testing.T) {
	const look = 8192 // bytes of a body
	for _, tc := range []struct{ name, body, want string }{
		{"a title", "<html><TITLE>Blocked\n</title>", "HTML page: Blocked"},
		{"an empty title at the end", "no <title>", "HTML page:"},
		{"a key across the end", strings.Repeat("x", look-len("<title>ok ")-10) + "<title>ok " + tinyID, "HTML page: ok"},
		{"long, without a space", strings.Repeat("x", look+1), ""},
		{"as long as is quoted", strings.Repeat("y ", 99) + "yy", strings.Repeat("y ", 99) + "yy"},
		{"longer", strings.Repeat("y ", 100) + "y", strings.Repeat("y ", 100) + "…"},
		{"longer, cut between characters", strings.Repeat("é", 101), strings.Repeat("é", 100) + "…"},
		{"longer, cut before a character", "z" + strings.Repeat("é", 100), "z" + strings.Repeat("é", 99) + "…"},
		{"a key before the end", strings.Repeat("x", look-len("<title>ok ")-len(tinyID)) + "<title>ok " + tinyID, "HTML page: ok [redacted]"},
	} {
		rt := stubTrip(func(*http.Request) (*http.Response, error) { return reply(403, tc.body), nil })
		c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{HTTPClient: &http.Client{Transport: rt}, Now: fixedNow})
		_, err := c.Do(t.Context(), exauth.Call{Path: "/x"})
		var e *exauth.Error
		if !errors.As(err, &e) || e.Message != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, e.Message, tc.want)
		}
	}
}
