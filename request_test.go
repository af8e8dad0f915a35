package exauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/exauth/exauth"
)

// inScheme runs look on the Request of one signed call.
func inScheme(t *testing.T, call exauth.Call, o *exauth.Options, look func(context.Context, *exauth.Request) error) error {
	t.Helper()
	v := headerVenue("https://api.tiny.example")
	v.Scheme = exauth.SchemeFunc(look)
	if o == nil {
		o = &exauth.Options{}
	}
	o.Now, o.Scope = fixedNow, all
	_, err := newClient(t, v, o).Sign(t.Context(), call)
	return err
}

// TestRequestFields: what a scheme reads back is what the caller gave, in order.
func TestRequestFields(t *testing.T) {
	tree := params{{"b", "x y"}, {"n", json.Number("1.50")}, {"o", params{{"z", true}, {"a", nil}}}, {"l", []any{"p", json.Number("2")}}}
	for name, tc := range map[string]struct {
		call exauth.Call
		want params
	}{
		"query":     {exauth.Call{Path: "/x", Params: params{{"b", "x y+&é"}, {"a", 1}}}, params{{"b", "x y+&é"}, {"a", "1"}}},
		"form":      {exauth.Call{Method: "PUT", Path: "/x", Params: params{{"b", "x"}, {"a", ""}}, Query: p1("q", "1")}, params{{"b", "x"}, {"a", ""}}},
		"JSON":      {exauth.Call{Method: "POST", Path: "/x", Params: tree}, tree},
		"JSON list": {exauth.Call{Method: "POST", Path: "/x", Params: []any{"a", params{{"b", "c"}}}}, params{{"", []any{"a", params{{"b", "c"}}}}}},
		"nothing":   {exauth.Call{Path: "/x"}, nil},
	} {
		err := inScheme(t, tc.call, nil, func(_ context.Context, r *exauth.Request) error {
			got, err := r.Fields()
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("%s: %v, %v; want %v", name, got, err, tc.want)
			}
			if q, err := r.QueryFields(); name == "form" && (err != nil || !reflect.DeepEqual(q, params{{"q", "1"}})) {
				t.Errorf("query beside a form: %v, %v", q, err)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequestRandom(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 100 {
		err := inScheme(t, exauth.Call{Path: "/x"}, nil, func(_ context.Context, r *exauth.Request) error {
			id, echo := r.UUID(), r.RandomHex(16)
			if !uuid.MatchString(id) || len(echo) != 32 || seen[id] || seen[echo] {
				t.Errorf("UUID %s, RandomHex %s", id, echo)
			}
			seen[id], seen[echo] = true, true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	fixed := &exauth.Options{Rand: bytes.NewReader(bytes.Repeat([]byte{0xff}, 16))}
	_ = inScheme(t, exauth.Call{Path: "/x"}, fixed, func(_ context.Context, r *exauth.Request) error {
		if id := r.UUID(); id != "ffffffff-ffff-4fff-bfff-ffffffffffff" {
			t.Errorf("UUID %s", id)
		}
		return nil
	})
	// Without randomness there is no call.
	dry := errors.New("dry")
	err := inScheme(t, exauth.Call{Path: "/x"}, &exauth.Options{Rand: iotest.ErrReader(dry)}, func(_ context.Context, r *exauth.Request) error { r.UUID(); return nil })
	var e *exauth.Error
	if !errors.Is(err, dry) || !errors.As(err, &e) || e.Outcome != exauth.OutcomeNotSent {
		t.Errorf("no randomness: %v", err)
	}
}

// TestRequestHeaders: many headers, set twice, in any spelling.
func TestRequestHeaders(t *testing.T) {
	v := headerVenue("https://api.tiny.example")
	v.Header = [][2]string{{"x-mode", "demo"}}
	v.Scheme = exauth.SchemeFunc(func(_ context.Context, r *exauth.Request) error {
		for i := range 20 {
			r.SetHeader(fmt.Sprintf("tiny-%d", i), "old")
			r.SetHeader(fmt.Sprintf("Tiny-%d", i), fmt.Sprint(i))
		}
		return nil
	})
	c := newClient(t, v, nil)
	req, err := c.Sign(t.Context(), exauth.Call{Path: "/x"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if got := req.Header[fmt.Sprintf("Tiny-%d", i)]; len(got) != 1 || got[0] != fmt.Sprint(i) {
			t.Errorf("header %d is %q", i, got)
		}
	}
	if req.Header.Get("X-Mode") != "demo" {
		t.Errorf("venue's own header: %v", req.Header)
	}
	if _, err := c.Sign(t.Context(), exauth.Call{Path: "/x", Header: map[string][]string{"X-Mode": {"real"}}}); !errors.Is(err, exauth.ErrParam) {
		t.Errorf("the caller changed the environment: %v", err)
	}
}

// TestRequestURI: path and query as they go on the wire, and additions to them.
func TestRequestURI(t *testing.T) {
	err := inScheme(t, exauth.Call{Path: "/x"}, nil, func(_ context.Context, r *exauth.Request) error {
		if r.RequestURI() != "/x" {
			t.Errorf("got %s", r.RequestURI())
		}
		r.AddQuery("")
		r.AddQuery("a=1")
		r.AddQuery("b=%20")
		if r.RequestURI() != "/x?a=1&b=%20" || strings.HasSuffix(r.Query, "&") {
			t.Errorf("got %s", r.RequestURI())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
