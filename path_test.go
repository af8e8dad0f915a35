package exauth_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"testing"

	"github.com/exauth/exauth"
)

// TestPaths (S7): only canonical paths pass, so that every hop reads what was
// signed.
func TestPaths(t *testing.T) {
	c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow, Scope: all})
	for _, path := range []string{
		"", "x", "//evil.example/x", "@evil.example/x", "/x//y", "/./x", "/x/..", "/x/../y", "/..", "/x/.", "/x/..;a=b/y",
		"/%2e%2e/x", "/%2E%2E/x", "/a%2fb", "/a%2Fb", "/a%5Cb", `/a\b`, "/a?b=c", "/a#b", "/a b", "/a\nb", "/a\x00b", "/\xff", "/é",
		"/%zz", "/%4", "/%", "/%41", "/%7E", "/a%c3%a9", "/a%0Ab", "/a%00", "/{", "/}", "/a}b", "/a[0]", `/a"b`, "/a|b", "/a^b",
		"https://api.tiny.example", "https://api.tiny.example//x", "https://api.tiny.example/x?y=1", "/x?y=https://z",
	} {
		req, err := c.Sign(t.Context(), exauth.Call{Path: path, Params: p1("q", "secretvalue")})
		if !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%q: got %v, %v; want ErrParam", path, req, err)
		}
	}
	for _, path := range []string{"/", "/x", "/x/", "/a.b/..c/...", "/a-b_c~d", "/a!b$c&d'e(f)g*h+i,j;k=l:m@n", "/%C3%A9", "/a%20b", "/a%25b", "/@evil"} {
		req, err := c.Sign(t.Context(), exauth.Call{Path: path})
		if err != nil {
			t.Errorf("%q: %v", path, err)
			continue
		}
		if got := req.URL.RequestURI(); got != path || req.URL.Host != "api.tiny.example" {
			t.Errorf("%q goes out as %q to %s", path, got, req.URL.Host)
		}
		if sent := (arrival{method: "GET", uri: req.URL.RequestURI(), header: req.Header}); checkHeaderSign(sent) != nil {
			t.Errorf("%q: signed path is not the sent one", path)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow, Scope: all})
	both := struct {
		ID  string `url:"id" json:"id"`
		Qty int    `url:"qty" json:"qty"`
	}{"a b", 5}
	for _, tc := range []struct {
		method, path string
		v            any
		uri, body    string
	}{
		{"GET", "/o/{id}", params{{"a", 1}, {"id", "x:é 1%"}, {"b", 2}}, "/o/x%3A%C3%A9%201%25?a=1&b=2", ""},
		{"GET", "/o/{id}/{n}", params{{"n", 7}, {"id", "x"}}, "/o/x/7", ""},
		{"GET", "/o/{id}", both, "/o/a%20b?qty=5", ""},
		{"GET", "/o/{id}", &both, "/o/a%20b?qty=5", ""},
		{"POST", "/o/{id}", both, "/o/a%20b", `{"qty":5}`},
		{"POST", "/o/{deep}", inner{"x"}, "/o/x", ""},
		{"POST", "/o/{id}", params{{"id", 5}, {"q", json.Number("1.50")}}, "/o/5", `{"q":1.50}`},
		{"GET", "/o/{id}", url.Values{"id": {"x"}, "b": {"2"}}, "/o/x?b=2", ""},
		{"GET", "/o/{id}-{id2}", params{{"id2", "y"}, {"id", "x"}}, "/o/x-y", ""},
	} {
		req, err := c.Sign(t.Context(), exauth.Call{Method: tc.method, Path: tc.path, Params: tc.v})
		if err != nil {
			t.Errorf("%s %v: %v", tc.path, tc.v, err)
			continue
		}
		if body := bodyOf(t, req); req.URL.RequestURI() != tc.uri || body != tc.body {
			t.Errorf("%s %v:\n got %s %s\nwant %s %s", tc.path, tc.v, req.URL.RequestURI(), body, tc.uri, tc.body)
		}
	}
	for name, call := range map[string]exauth.Call{
		"missing":             {Path: "/o/{id}", Params: p1("x", "1")},
		"no params":           {Path: "/o/{id}"},
		"empty":               {Path: "/o/{id}", Params: p1("id", "")},
		"dot":                 {Path: "/o/{id}", Params: p1("id", ".")},
		"dots":                {Path: "/o/{id}", Params: p1("id", "..")},
		"dots by parts":       {Path: "/o/{a}{b}", Params: params{{"a", "."}, {"b", "."}}},
		"slash":               {Path: "/o/{id}", Params: p1("id", "../withdraw")},
		"back-slash":          {Path: "/o/{id}", Params: p1("id", `a\b`)},
		"control character":   {Path: "/o/{id}", Params: p1("id", "a\nb")},
		"float":               {Path: "/o/{id}", Params: p1("id", 1.5)},
		"list":                {Path: "/o/{id}", Params: p1("id", []string{"a"})},
		"unclosed":            {Path: "/o/{id", Params: p1("id", "a")},
		"unnamed":             {Path: "/o/{}", Params: p1("id", "a")},
		"used and sent again": {Path: "/o/{id}", Params: params{{"id", "a"}, {"id", "b"}}},
		"raw JSON":            {Method: "POST", Path: "/o/{id}", Params: json.RawMessage(`{"id":"a"}`)},
	} {
		if req, err := c.Sign(t.Context(), call); !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%s: got %v, %v; want ErrParam", name, req, err)
		}
	}
}
