package vaultkv

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzText holds the decoder of strings against encoding/json's.
func FuzzText(f *testing.F) {
	for _, s := range []string{`"a"`, `"\"\\\/\b\f\n\r\t"`, `"\u00e9\uD83D\uDD11"`, `"\ud800"`, `"\ud800\u0041"`, `"\udd11\ud83d"`, `"é🔑"`, `1`, `null`, `["a"]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) || !utf8.Valid(raw) {
			return
		}
		var want *string
		var any any
		if json.Unmarshal(raw, &any) == nil {
			if s, ok := any.(string); ok {
				want = &s
			}
		}
		var got jsonText
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		switch {
		case want == nil && got.text != nil:
			t.Fatalf("%q is no string and gave %q", raw, got.text)
		case want != nil && (got.text == nil || string(got.text) != *want):
			t.Fatalf("%q: got %q, want %q", raw, got.text, *want)
		}
	})
}

// FuzzAnswer: whatever a server says, there is a text or an error, and no panic.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"data": {"data": {"keys": "x"}, "metadata": {"version": 1, "created_time": "2026-11-23T07:00:00Z"}}, "lease_duration": 3600}`), "keys")
	f.Add([]byte(`{"data": {"data": null, "metadata": {"version": 1, "destroyed": true}}, "errors": ["a"]}`), "")
	f.Add([]byte(`{"errors": []}`), "x")
	f.Fuzz(func(t *testing.T, body []byte, field string) {
		a, err := parseAnswer(append([]byte(nil), body...), field)
		if err == nil && (a == nil || a.text == nil || a.lease < 0) {
			t.Fatalf("neither text nor error: %+v", a)
		}
		s := &store{opts: Options{Mount: "secret"}}
		for _, status := range []int{400, 403, 404, 429, 503} {
			if s.refusal(status, body, "token") == nil {
				t.Fatal("a refusal that is no error")
			}
		}
	})
}
