package exauth_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/exauth/exauth"
)

// FuzzQuery: whatever two parameters hold, they come back as they were, or are
// refused for a stated reason; and what was signed is what goes out.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "BTCUSDT", "1&amount=9999", "a b+c%41", "é€𝄞", "x\ny", "\xff", "[0]", "a=b", "=", "&", "\u0085"} {
		f.Add("name", s, "other", s, uint8(0))
		f.Add(s, "value", "b", "2", uint8(255))
	}
	c := newClient(f, queryVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow, Scope: all})
	f.Fuzz(func(t *testing.T, n1, v1, n2, v2 string, quirks uint8) {
		in := params{{n1, v1}, {n2, v2}}
		style := exauth.Style(quirks) << 2 &^ exauth.StyleSorted // place stays query; order is looked at below
		raw, err := exauth.AppendQuery(nil, in, style)
		sound := n1 != "" && n2 != "" && n1 != n2
		for _, s := range []string{n1, v1, n2, v2} {
			sound = sound && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
		}
		if (err == nil) != sound {
			t.Fatalf("%q: got %q, %v; sound is %v", in, raw, err, sound)
		}
		if err != nil {
			if !errors.Is(err, exauth.ErrParam) {
				t.Fatalf("%q: %v is not ErrParam", in, err)
			}
			return
		}
		var back params
		for pair := range strings.SplitSeq(string(raw), "&") {
			n, v, _ := strings.Cut(pair, "=")
			n, err1 := url.QueryUnescape(n)
			v, err2 := url.QueryUnescape(v)
			if err1 != nil || err2 != nil {
				t.Fatalf("%q is not well encoded: %v %v", raw, err1, err2)
			}
			back = append(back, exauth.Param{Name: n, Value: v})
		}
		if !reflect.DeepEqual(back, in) {
			t.Fatalf("%q went out as %q and came back as %q", in, raw, back)
		}
		req, err := c.Sign(t.Context(), exauth.Call{Path: "/x", Params: in})
		if strings.EqualFold(n1, "timestamp") || strings.EqualFold(n2, "timestamp") || strings.EqualFold(n1, "signature") || strings.EqualFold(n2, "signature") {
			if !errors.Is(err, exauth.ErrParam) {
				t.Fatalf("%q: reserved, got %v", in, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := checkQuerySign(asWritten(t, req)); err != nil {
			t.Fatalf("%q: %v", in, err)
		}
	})
}

// asWritten is a request as net/http puts it on the wire.
func asWritten(t testing.TB, req *http.Request) arrival {
	t.Helper()
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		t.Fatal(err)
	}
	line, rest, _ := strings.Cut(wire.String(), "\r\n")
	part := strings.Split(line, " ")
	if len(part) != 3 {
		t.Fatalf("request line %q", line)
	}
	_, body, _ := strings.Cut(rest, "\r\n\r\n")
	return arrival{method: part[0], uri: part[1], body: body, header: req.Header}
}

// FuzzPath: a path is refused, or it is the one that was given, on the pinned host,
// canonical, and signed as sent. A value in a {placeholder} stays one segment.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/api/v3/order", "//evil", "@evil", "/a/../b", "/%2e%2e", "/a%2Fb", `/a\b`, "/a?b", "/a#b", "/!$&'()*+,;=:@",
		"https://evil.example/x", "https://api.tiny.example/x", "https://api.tiny.example@evil/x", "HTTPS://aPi.tiny.example:443/x", "https://api.tiny.example", "/{id}", "/x/{id}/y{id}", "/\x00", "/..;/x"} {
		f.Add(s, "v")
		f.Add("/o/{id}", s)
	}
	c := newClient(f, headerVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow, Scope: all})
	f.Fuzz(func(t *testing.T, path, id string) {
		req, err := c.Sign(t.Context(), exauth.Call{Path: path, Params: p1("id", id)})
		if err != nil {
			if !errors.Is(err, exauth.ErrParam) && !errors.Is(err, exauth.ErrHost) {
				t.Fatalf("%q, %q: %v", path, id, err)
			}
			if strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Fatalf("%q, %q: control character in %q", path, id, err)
			}
			return
		}
		sent := asWritten(t, req)
		if req.URL.Host != "api.tiny.example" || req.Host != "api.tiny.example" {
			t.Fatalf("%q goes to %q", path, req.URL.Host)
		}
		if err := checkHeaderSign(sent); err != nil {
			t.Fatalf("%q, %q: %v", path, id, err)
		}
		wire, _, _ := strings.Cut(sent.uri, "?")
		clear := path
		if _, rest, ok := strings.Cut(path, "://"); ok && path[0] != '/' { // a whole URL, its host in whatever case
			clear = "/"
			if i := strings.IndexByte(rest, '/'); i >= 0 {
				clear = rest[i:]
			}
		}
		if want := strings.ReplaceAll(clear, "{id}", escaped(id)); wire != want {
			t.Fatalf("%q, %q went out as %q, want %q", path, id, wire, want)
		}
		u, err := url.Parse("https://h" + wire)
		if err != nil || strings.ContainsAny(u.Path, "\\\x00\r\n") || strings.Contains(u.Path, "//") || strings.Count(u.Path, "/") != strings.Count(clear, "/") {
			t.Fatalf("%q, %q: %q reads as %v, %v", path, id, wire, u, err)
		}
		if clean := u.JoinPath(); clean.EscapedPath() != u.EscapedPath() {
			t.Fatalf("%q is %q once dots are resolved", wire, clean.EscapedPath())
		}
	})
}

// escaped percent-encodes everything but RFC 3986's unreserved characters.
func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 0x80 && (unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c)) || strings.IndexByte("-._~", c) >= 0) {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15])))
		}
	}
	return b.String()
}

// FuzzJSON: what we write is JSON with the same content; raw JSON is untouched or
// refused.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{"", "a", "\"", "\\", "\x00\x1f", "é\u2028", "<&>", "\xff", `{"a":1}`, `{"a":1,"a":2}`, `[1e5]`, `{"a":{"b":[1,"x",null,true]}}`, "nul", strings.Repeat("[", 80)} {
		f.Add(s, int64(1)<<60, s)
	}
	c := newClient(f, headerVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow, Scope: all})
	f.Fuzz(func(t *testing.T, text string, n int64, raw string) {
		out, err := exauth.AppendJSON(nil, params{{"s", text}, {"n", n}, {"l", []any{text, n, params{{"x", true}}}}}, 0)
		if (err == nil) != utf8.ValidString(text) {
			t.Fatalf("%q: %q, %v", text, out, err)
		}
		if err == nil {
			var back struct {
				S string
				N int64
				L []any
			}
			if err := json.Unmarshal(out, &back); err != nil || back.S != text || back.N != n || back.L[0] != text {
				t.Fatalf("%q %d: %s came back as %+v, %v", text, n, out, back, err)
			}
		}
		req, err := c.Sign(t.Context(), exauth.Call{Method: "POST", Path: "/x", Params: json.RawMessage(raw)})
		if err != nil {
			if !errors.Is(err, exauth.ErrParam) {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		if sent := asWritten(t, req); sent.body != raw || checkHeaderSign(sent) != nil || !json.Valid([]byte(raw)) {
			t.Fatalf("%q went out as %q", raw, sent.body)
		}
	})
}

// FuzzErrorBody: no answer makes a call panic, show control characters in its
// error, or turn an error status into success.
func FuzzErrorBody(f *testing.F) {
	for _, s := range []string{"", "{}", `{"code":"NO","msg":"no"}`, `{"code":"FUNDS"`, "<html><head><title>Blocked</title>", "\ufeff{\"code\":\"CLOCK\"}",
		"\x00\x01\xff", strings.Repeat("<", 5000), `{"msg":"` + strings.Repeat("é", 500) + `"}`, `{"code":"NO","msg":"a\nb\u0007"}`} {
		for _, status := range []int{200, 204, 302, 400, 403, 429, 500, 503} {
			f.Add(status, s, "7")
		}
	}
	f.Fuzz(func(t *testing.T, status int, body, retry string) {
		if status < 200 || status > 599 {
			return
		}
		rt := stubTrip(func(*http.Request) (*http.Response, error) {
			resp := reply(status, body)
			resp.Header["Retry-After"] = []string{retry}
			return resp, nil
		})
		c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{HTTPClient: &http.Client{Transport: rt}, NoRetry: true, Now: fixedNow})
		for _, call := range []exauth.Call{{Path: "/x"}, {Method: "POST", Path: "/order"}} {
			out, err := exauth.Do[json.RawMessage](t.Context(), c, call)
			if err == nil {
				if status >= 300 {
					t.Fatalf("%d %q is success: %s", status, body, out)
				}
				continue
			}
			var e *exauth.Error
			if !errors.As(err, &e) || e.Status != status || e.Outcome == exauth.OutcomeAccepted || e.Outcome == exauth.OutcomeNotSent {
				t.Fatalf("%d %q: %v (%+v)", status, body, err, e)
			}
			if e.RetryAfter < 0 || e.RetryAfter.Hours() > 72 || len(e.Message) > 300 {
				t.Fatalf("%d %q: RetryAfter %s, message of %d bytes", status, body, e.RetryAfter, len(e.Message))
			}
			if text := err.Error(); strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) || strings.Contains(text, tinyID) {
				t.Fatalf("%d %q: text %q", status, body, text)
			}
		}
	})
}
