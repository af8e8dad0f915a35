package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/exauth/exauth"
)

// TestErrorText: "exauth: venue METHOD path: what happened", each thing once.
func TestErrorText(t *testing.T) {
	tiny := exauth.Error{Venue: "tiny", Method: "GET", Path: "/x"}
	with := func(change func(e *exauth.Error)) *exauth.Error {
		e := tiny
		change(&e)
		return &e
	}
	for _, tc := range []struct {
		name string
		err  *exauth.Error
		want string
	}{
		{"nothing", &exauth.Error{}, "exauth:"},
		{"of no call", &exauth.Error{Kind: exauth.ErrNoKey}, "exauth: no key"},
		{"of no call, with a text", &exauth.Error{Kind: exauth.ErrNoKey, Message: "why"}, "exauth: no key: why"},
		{"a call alone", &tiny, "exauth: tiny GET /x"},
		{"without a path", &exauth.Error{Venue: "tiny", Method: "GET", Message: "why"}, "exauth: tiny GET: why"},
		{"all of it", with(func(e *exauth.Error) {
			e.Kind, e.Status, e.Code, e.Message, e.Err = exauth.ErrClock, 400, "-1021", "ahead", errors.New("exauth: by 3 s")
		}), "exauth: tiny GET /x: " + word(exauth.ErrClock) + ": HTTP 400: code -1021: ahead: by 3 s"},
		{"no kind", with(func(e *exauth.Error) { e.Status, e.Err = 400, errors.New("boom") }), "exauth: tiny GET /x: HTTP 400: boom"},
		{"in doubt", with(func(e *exauth.Error) { e.Kind, e.Outcome = exauth.ErrUnavailable, exauth.OutcomeUnknown }),
			"exauth: tiny GET /x: " + word(exauth.ErrUnavailable) + ": outcome unknown"},
		{"in doubt by its kind", with(func(e *exauth.Error) { e.Kind, e.Outcome = exauth.ErrOutcomeUnknown, exauth.OutcomeUnknown }),
			"exauth: tiny GET /x: " + word(exauth.ErrOutcomeUnknown)},
		{"a cause that begins with the kind", with(func(e *exauth.Error) { e.Kind, e.Err = exauth.ErrKey, fmt.Errorf("%w: too short", exauth.ErrKey) }),
			"exauth: tiny GET /x: " + word(exauth.ErrKey) + ": too short"},
		{"a cause that is the kind", with(func(e *exauth.Error) { e.Kind, e.Err = exauth.ErrKey, exauth.ErrKey }), "exauth: tiny GET /x: " + word(exauth.ErrKey)},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// word is a sentinel's text without the package.
func word(err error) string { return err.Error()[len("exauth: "):] }

// TestErrorIs: an error is its kind, its cause, and unknown when its outcome is.
func TestErrorIs(t *testing.T) {
	cause := errors.New("cause")
	e := &exauth.Error{Kind: exauth.ErrUnavailable, Err: cause}
	for target, want := range map[error]bool{exauth.ErrUnavailable: true, cause: true, exauth.ErrOutcomeUnknown: false, exauth.ErrRejected: false} {
		if errors.Is(e, target) != want {
			t.Errorf("%v: %v, want %v", target, !want, want)
		}
	}
	e.Outcome = exauth.OutcomeUnknown
	if !errors.Is(e, exauth.ErrOutcomeUnknown) || !errors.Is(e, exauth.ErrUnavailable) {
		t.Error("an unknown outcome is not ErrOutcomeUnknown, or nothing else any more")
	}
	if n := len((&exauth.Error{}).Unwrap()); n != 0 {
		t.Errorf("nothing unwraps to %d errors", n)
	}
	if e.Timeout() || !(&exauth.Error{Err: context.DeadlineExceeded}).Timeout() || (&exauth.Error{}).Timeout() {
		t.Error("Timeout is not that of the cause")
	}
}

// TestOutcomeString: each outcome has its word, and what is none shows its number.
func TestOutcomeString(t *testing.T) {
	for o, want := range map[exauth.Outcome]string{exauth.OutcomeNotSent: "not sent", exauth.OutcomeRejected: "rejected", exauth.OutcomePartial: "partial",
		exauth.OutcomeUnknown: "unknown", exauth.OutcomeAccepted: "accepted", exauth.OutcomeAccepted + 1: "Outcome(5)"} {
		if got := o.String(); got != want {
			t.Errorf("%d: %q, want %q", o, got, want)
		}
	}
}
