package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/exauth/exauth"
)

// A pacer is an error with a method of its own; slowLeaf wraps nothing, slowWrap one
// error, slowJoin several.
type (
	pacer    interface{ Pace() int }
	slowLeaf struct{}
	slowWrap struct{ error }
	slowJoin struct{ error }
)

func (slowLeaf) Error() string     { return "slow" }
func (slowLeaf) Pace() int         { return 1 }
func (slowWrap) Pace() int         { return 1 }
func (w slowWrap) Unwrap() error   { return w.error }
func (slowJoin) Pace() int         { return 1 }
func (j slowJoin) Unwrap() []error { return []error{j.error} }

// TestErrorsAs: asked for by an interface, a cause is found only when it wraps nothing,
// since what it wraps may be a *url.Error, and that has the query.
func TestErrorsAs(t *testing.T) {
	inner := &url.Error{Op: "Get", URL: "https://api.tiny.example/?signature=ab", Err: errors.New("x")}
	for _, tc := range []struct {
		name  string
		cause error
		want  pacer // nil: nothing
	}{
		{"a leaf", slowLeaf{}, slowLeaf{}},
		{"one that wraps", slowWrap{inner}, nil},
		{"one that wraps several", slowJoin{inner}, nil},
		{"a leaf in one that wraps", slowWrap{slowLeaf{}}, slowLeaf{}},
		{"a leaf in one that wraps several", slowJoin{slowLeaf{}}, slowLeaf{}},
	} {
		c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow,
			Policy: func(context.Context, *exauth.Request) error { return tc.cause }})
		_, err := c.Do(t.Context(), exauth.Call{Path: "/x"})
		var e *exauth.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", tc.name, err)
		}
		var slow pacer
		if errors.As(e.Err, &slow); slow != tc.want {
			t.Errorf("%s: found %T, want %T", tc.name, slow, tc.want)
		}
	}
}

// TestErrorsHideFields: what a caller asked is in no error, in a query or a form, sent
// or not, but for values as short as a symbol or a side. Nor is the secret, wherever
// the venue has it from.
func TestErrorsHideFields(t *testing.T) {
	for _, tc := range []struct{ asked, value, want string }{
		{"123456789012345", "123456789012345", "no 123456789012345"},
		{"1234567890123456", "1234567890123456", "no [redacted]"},
		{"1", tinySecret, "no [redacted]"},
	} {
		rt := stubTrip(func(*http.Request) (*http.Response, error) {
			return reply(403, `{"code":"NO","msg":"no `+tc.value+`"}`), nil
		})
		c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{HTTPClient: &http.Client{Transport: rt}, Now: fixedNow})
		_, err := c.Do(t.Context(), exauth.Call{Path: "/x", Params: p1("account", tc.asked)})
		var e *exauth.Error
		if !errors.As(err, &e) || e.Message != tc.want {
			t.Errorf("the venue's %q, want %q", e.Message, tc.want)
		}
	}
	c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow, Scope: all, NoRetry: true,
		Policy: func(_ context.Context, r *exauth.Request) error { return fmt.Errorf("not %s", r.Body) }})
	_, err := c.Do(t.Context(), exauth.Call{Method: "PUT", Path: "/x", Params: p1("account", "1234567890123456")})
	if err == nil || !strings.Contains(err.Error(), "not [redacted]") || strings.Contains(err.Error(), "1234567890123456") {
		t.Errorf("a Policy's: %v", err)
	}
}
