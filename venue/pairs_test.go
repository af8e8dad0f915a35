package venue_test

import (
	"encoding/json"
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

// pairFile is testdata/<venue>.pairs.json: requests and answers as a vendor without
// signatures documents them, with the page of each.
type pairFile struct {
	Venue, Source, Read, Key string
	Pairs                    []pair
}

type pair struct {
	Name, Source, Environment, Method, Path string
	Params                                  json.RawMessage
	Want                                    struct {
		URL    string
		Header map[string]string
		Body   string
	}
	Answer struct {
		Status int
		Body   string
	}
	Payload string
	Error   *struct {
		Kind, Code, Message string
		RetryAfter          int `json:"retry_after_s"`
	}
}

// sentinels are the errors that pair files name.
var sentinels = map[string]error{
	"ErrKey": exauth.ErrKey, "ErrKeyExpired": exauth.ErrKeyExpired, "ErrPermission": exauth.ErrPermission,
	"ErrRateLimited": exauth.ErrRateLimited, "ErrRejected": exauth.ErrRejected, "ErrUnavailable": exauth.ErrUnavailable,
}

func TestDocumentedPairs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.pairs.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pairs: %v", err)
	}
	total := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var f pairFile
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, p := range f.Pairs {
			total++
			t.Run(f.Venue+"/"+p.Name, func(t *testing.T) { runPair(t, f, p) })
		}
	}
	t.Logf("%d documented pairs", total)
}

func runPair(t *testing.T, f pairFile, p pair) {
	name := f.Venue
	var keys exauth.KeySource
	if p.Environment != "" {
		name += ":" + p.Environment
	}
	if len(p.Want.Header) > 0 && !strings.HasPrefix(p.Path, "/trial-pro-api/") { // keyless calls need no keys
		keys = exauth.NewSecretKey(f.Key, "")
	}
	v, ok := venue.ByName(name)
	if !ok || !strings.HasPrefix(p.Source, "https://") {
		t.Fatalf("venue %q, source %q", name, p.Source)
	}
	rt := &canned{status: p.Answer.Status, body: p.Answer.Body}
	c, err := exauth.New(v, keys, &exauth.Options{Scope: exauth.ScopeRead, NoRetry: true, HTTPClient: &http.Client{Transport: rt}})
	if err != nil {
		t.Fatal(err)
	}
	params, err := orderedJSON(p.Params)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(t.Context(), exauth.Call{Method: p.Method, Path: p.Path, Params: params})
	if len(rt.got) != 1 {
		t.Fatalf("%d requests: %v", len(rt.got), err)
	}
	comparePairWire(t, p, rt.got[0])
	if p.Error == nil {
		if err != nil {
			t.Fatal(err)
		}
		if got := string(resp.Payload); got != p.Payload {
			t.Errorf("payload\n got %s\nwant %s", got, p.Payload)
		}
		return
	}
	comparePairError(t, f, p, err)
}

// comparePairWire compares all that was sent: URL, every header, body.
func comparePairWire(t *testing.T, p pair, req *http.Request) {
	t.Helper()
	if got := req.URL.String(); got != p.Want.URL || req.Method != p.Method {
		t.Errorf("%s %s, want %s %s", req.Method, got, p.Method, p.Want.URL)
	}
	want := http.Header{}
	for name, value := range p.Want.Header {
		want.Set(name, value)
	}
	for name := range want {
		if got := req.Header.Values(name); len(got) != 1 || got[0] != want.Get(name) {
			t.Errorf("header %s: %q, want %q", name, got, want.Get(name))
		}
	}
	for name := range req.Header {
		if want.Get(name) == "" {
			t.Errorf("header %s is ours alone", name)
		}
	}
	body := ""
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = string(b)
	}
	if body != p.Want.Body {
		t.Errorf("body\n got %s\nwant %s", body, p.Want.Body)
	}
}

func comparePairError(t *testing.T, f pairFile, p pair, err error) {
	t.Helper()
	var e *exauth.Error
	kind := sentinels[p.Error.Kind]
	if kind == nil || !errors.As(err, &e) || !errors.Is(err, kind) {
		t.Fatalf("error %v, want %s", err, p.Error.Kind)
	}
	if e.Code != p.Error.Code || e.Outcome != exauth.OutcomeRejected || e.Message != p.Error.Message && p.Error.Message != "" {
		t.Errorf("code %q outcome %s message %q, want %q %q", e.Code, e.Outcome, e.Message, p.Error.Code, p.Error.Message)
	}
	if want := time.Duration(p.Error.RetryAfter) * time.Second; e.RetryAfter != want {
		t.Errorf("retry after %s, want %s", e.RetryAfter, want)
	}
	if strings.Contains(err.Error(), f.Key) {
		t.Error("the error shows the key")
	}
}

// A venue that echoes the key does not bring it into an error.
func TestKeyHeaderEcho(t *testing.T) {
	const key = "fake-cmc-key-00000000-0000-4000-8000-000000000000"
	for name, body := range map[string]string{
		"coinmarketcap":   `{"status":{"timestamp":"2026-07-03T10:00:00.000Z","error_code":1001,"error_message":"This API Key is invalid: ` + key + `"}}`,
		"coinpaprika:pro": `{"error":"invalid api key ` + key + `"}`,
	} {
		v, _ := venue.ByName(name)
		rt := &canned{status: 401, body: body}
		c, err := exauth.New(v, exauth.NewSecretKey(key, ""), &exauth.Options{NoRetry: true, HTTPClient: &http.Client{Transport: rt}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(t.Context()); !errors.Is(err, exauth.ErrKey) || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Waits of limits never exceed three days, nor go back.
func TestCoinMarketCapWaits(t *testing.T) {
	for stamp, want := range map[string]time.Duration{
		"2026-02-28T23:59:59.500Z": 500 * time.Millisecond,
		"2028-02-28T12:00:00.000Z": 36 * time.Hour, // a leap year
		"2026-12-31T00:00:00Z":     24 * time.Hour,
		"2026-12-01T00:00:00Z":     72 * time.Hour,
		"soon":                     72 * time.Hour,
		"":                         72 * time.Hour,
	} {
		_, err := venue.CoinMarketCap().Answer(&exauth.Response{Status: 429,
			Body: []byte(`{"status":{"timestamp":"` + stamp + `","error_code":1010,"error_message":"x"}}`)})
		var e *exauth.Error
		if !errors.As(err, &e) || e.RetryAfter != want {
			t.Errorf("%q: %v, want %s", stamp, e.RetryAfter, want)
		}
	}
}

// The key is a header, never a parameter; the free plan has none to send.
func TestKeyHeaderRefuses(t *testing.T) {
	key := exauth.NewSecretKey("fake-key-0123456789", "")
	rt := &canned{status: 200, body: `{}`}
	opts := &exauth.Options{NoRetry: true, HTTPClient: &http.Client{Transport: rt}}
	for name, call := range map[string]exauth.Call{
		"coinmarketcap":   {Path: "/v1/key/info", Params: exauth.Params{{Name: "CMC_PRO_API_KEY", Value: "x"}}},
		"coinpaprika:pro": {Path: "/v1/key/info", Header: http.Header{"Authorization": {"x"}}},
		"coinpaprika":     {Path: "/v1/key/info", Auth: exauth.AuthKey},
	} {
		v, _ := venue.ByName(name)
		c, err := exauth.New(v, key, opts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do(t.Context(), call); err == nil || len(rt.got) != 0 {
			t.Errorf("%s: %v, %d requests", name, err, len(rt.got))
		}
	}
}
