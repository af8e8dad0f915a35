package exauth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// wired is a RoundTripper that keeps the last request and answers with one text.
type wired struct {
	status int
	text   string
	req    *http.Request
	body   string
}

func (w *wired) RoundTrip(r *http.Request) (*http.Response, error) {
	w.req, w.body = r, ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		w.body = string(b)
		r.Body.Close()
	}
	return &http.Response{StatusCode: w.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(w.text)), Request: r}, nil
}

// taintsOf lists what a scheme made: everything that looks like a signature, token or
// derived passphrase in what went out.
func (w *wired) taints(v *exauth.Venue) (list []taint) {
	add := func(where, value string) {
		if _, word, ok := strings.Cut(value, " "); ok {
			value = word
		}
		if len(value) >= 40 {
			list = append(list, newTaint(where, []byte(value)))
		}
		for _, dec := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString} {
			if raw, err := dec(value); err == nil && len(raw) >= 32 && raw[0] != '{' {
				list = append(list, newTaint(where+", raw", raw))
			}
		}
	}
	for _, name := range v.AuthHeaders {
		if !strings.Contains(strings.ToLower(name), "payload") { // Gemini's is what is signed
			add("header "+name, w.req.Header.Get(name))
		}
	}
	for _, name := range []string{"signature", "Signature", "sign", "sig"} {
		add("query "+name, w.req.URL.Query().Get(name))
	}
	return list
}

// debugKey is a key made of canaries that fits a venue.
func debugKey(t *testing.T, v *exauth.Venue) *exauth.Key {
	secret := canarySecret
	switch v.Name {
	case "lbank":
		secret = secret[:32]
	case "coinbase":
		return exauth.NewSecretKey(canaryID, string(readFile(t, "keys/fake-p256-sec1.pem")))
	}
	for _, secret := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(canarySecret)[:32]), hex.EncodeToString([]byte(secret))} {
		k := exauth.NewSecretKey(canaryID, secret).WithPassphrase(canaryPhrase).WithField("uid", canaryPhrase).WithField("otp", canaryPhrase)
		if c, err := exauth.New(v, k, nil); err == nil {
			c.Close()
			return k
		}
	}
	t.Fatalf("no key of canaries fits %s", v.Name)
	return nil
}

// TestSignatureDebugVenues: for every venue, a refused signature is explained by what
// was signed, and nothing in the report is secret: no key, secret, passphrase, derived
// passphrase, signature or token (K2).
func TestSignatureDebugVenues(t *testing.T) {
	everywhere := sinks()
	now := time.UnixMilli(1_700_000_000_123).UTC()
	want := map[string][]string{ // parts of what is signed, by the venues' documentation
		"binance":       {"HMAC-SHA256", "symbol=BTCUSDT&quantity=1.5", "timestamp=1700000000123"},
		"okx":           {"HMAC-SHA256", `2023-11-14T22:13:20.123ZPOST/`, `{"symbol":"BTCUSDT","quantity":"1.5"}`},
		"bybit":         {"1700000000123[redacted]5000"},
		"kucoin":        {`1700000000123POST/`, `"symbol":"BTCUSDT"`, "HMAC-SHA256, 25 bytes\n                [redacted]"},
		"coinex":        {"SHA-256 of this and the secret", `POST/v2/probe`, `"symbol":"BTCUSDT"`, "1700000000123"},
		"kraken":        {"SHA-256 of this, which goes behind the path", "nonce=", "symbol=BTCUSDT&quantity=1.5", `/0/private/probe1\x9b;Sx`, "nonce:        "},
		"gate":          {"SHA-512 of this", `POST\n`, `\n1700000000`},
		"coinbase":      {"ES256", `token with header {"alg":"ES256"`, `"kid":"[redacted]"`, `"sub":"[redacted]"`},
		"upbit":         {"token with header", `"access_key":"[redacted]"`, "symbol=BTCUSDT"},
		"gemini":        {`base64 of {`, `"request":"/v1/probe"`, `"nonce":`},
		"htx":           {`POST\n`, `AccessKeyId=[redacted]`},
		"cryptocom":     {"symbolBTCUSDT"},
		"deribit":       {`1700000000123\n`, `"symbol":"BTCUSDT"`},
		"backpack":      {"symbol=BTCUSDT"},
		"lbank":         {"MD5 of this", "api_key=[redacted]", "symbol=BTCUSDT"},
		"btcturk":       {"[redacted]1700000000123"},
		"indodax":       {"symbol=BTCUSDT"},
		"coinmarketcap": {"nothing; the key itself was sent"},
		"coinpaprika":   {"nothing; the key itself was sent"},
	}
	paths := map[string]string{"kraken": "/0/private/probe", "coinex": "/v2/probe", "gate": "/api/v4/probe", "gemini": "/v1/probe", "indodax": "/tapi",
		"cryptocom": "/exchange/v1/private/probe", "deribit": "/api/v2/private/probe", "backpack": "/api/v1/order", "bybit": "/v5/probe"}
	for _, name := range venue.Names() {
		t.Run(name, func(t *testing.T) {
			v, _ := venue.ByName(name)
			key := debugKey(t, v)
			w := &wired{status: 401, text: `{}`}
			v.Answer = func(*exauth.Response) ([]byte, error) {
				return nil, &exauth.Error{Kind: exauth.ErrSignature, Code: "77", Message: "bad sign " + canaryID}
			}
			v.Quotas, v.Clock = nil, exauth.Clock{}
			var reports []exauth.SignatureReport
			usage := filepath.Join(t.TempDir(), "usage.jsonl")
			c := must(exauth.New(v, key, &exauth.Options{Scope: all, HTTPClient: &http.Client{Transport: w}, Now: func() time.Time { return now },
				NoRetry: true, NoOrderID: true, Observer: openLog(t, usage, nil).Observe, SignatureDebug: func(r exauth.SignatureReport) { reports = append(reports, r) }}))(t)
			path := paths[v.Name]
			if path == "" {
				path = "/probe"
			}
			call := exauth.Call{Method: "POST", Path: path, Params: params{{"symbol", "BTCUSDT"}, {"quantity", "1.5"}}, Scope: all}
			switch v.Name {
			case "indodax":
				call.Params = params{{"method", "trade"}, {"symbol", "BTCUSDT"}}
			case "coinmarketcap", "coinpaprika":
				call.Method, call.Scope, call.Params = "GET", 0, params{{"symbol", "BTCUSDT"}}
			}
			if _, err := c.Do(bg, call); !errors.Is(err, exauth.ErrSignature) {
				t.Fatal(err)
			}
			if name == "coinpaprika" { // needs no key, and sends none
				if len(reports) != 0 {
					t.Errorf("%v", reports)
				}
				return
			}
			if len(reports) != 1 {
				t.Fatalf("%d reports", len(reports))
			}
			r := reports[0]
			text := r.String()
			for _, part := range want[v.Name] {
				if !strings.Contains(text, part) {
					t.Errorf("no %q in\n%s", part, text)
				}
			}
			if len(r.Causes) == 0 || !strings.Contains(text, "cause 1:      "+r.Causes[0].Text) {
				t.Errorf("causes: %v", r.Causes)
			}
			if r.Venue != v.Name || r.Path != path || len(r.Key) != 16 || r.Status != 401 || r.Code != "77" || r.Message != "bad sign [redacted]" {
				t.Errorf("%+v", r)
			}
			taints := append(canaries(), w.taints(v)...)
			if logged := string(must(os.ReadFile(usage))(t)); shown(logged, taints) != "" || !strings.Contains(logged, `"kind":"signature"`) {
				t.Errorf("usage log: %s in %s", shown(logged, taints), logged)
			}
			for _, s := range everywhere {
				if found := shown(s.show(r)+s.show(&r), taints); found != "" {
					t.Errorf("%s shows %s", s.name, found)
				}
			}
		})
	}
}

// TestSignatureDebugOff: nothing is kept when nobody asks, nor told of what is no
// question of keys; and Request.Signed of a custom scheme is masked, secret included.
func TestSignatureDebugOff(t *testing.T) {
	kinds := map[error]bool{exauth.ErrSignature: true, exauth.ErrKey: true, exauth.ErrPassphrase: true, exauth.ErrClock: true, exauth.ErrNonce: true,
		exauth.ErrIPNotAllowed: true, exauth.ErrPermission: true, exauth.ErrEnvironment: true, exauth.ErrKeyExpired: true,
		exauth.ErrInsufficientFunds: false, exauth.ErrRejected: false, exauth.ErrRateLimited: false, exauth.ErrUnavailable: false}
	for kind, want := range kinds {
		told := 0
		v := headerVenue("https://tiny.example")
		v.Answer = func(*exauth.Response) ([]byte, error) { return nil, &exauth.Error{Kind: kind} }
		c := must(exauth.New(v, tinyKey(), &exauth.Options{NoRetry: true, HTTPClient: &http.Client{Transport: &wired{status: 400, text: "{}"}},
			SignatureDebug: func(exauth.SignatureReport) { told++ }}))(t)
		_, _ = c.Do(bg, exauth.Call{Path: "/x"})
		if (told == 1) != want {
			t.Errorf("%v: told %d times", kind, told)
		}
	}
}

// TestSignatureDebugCustom: as Cryptomus and BTCBOX do, a scheme puts the secret into
// what it hashes; in base64, in hex, in a form.
func TestSignatureDebugCustom(t *testing.T) {
	v := headerVenue("https://tiny.example")
	v.Algorithms, v.Signer = nil, nil
	v.Scheme = exauth.SchemeFunc(func(_ context.Context, r *exauth.Request) error {
		sum := sha256.Sum256(r.Secret())
		for _, text := range [][]byte{
			append([]byte("a=1&private_key="), r.Secret()...),
			[]byte("x." + base64.StdEncoding.EncodeToString(append([]byte("ab"), r.Secret()...)) + "!"),
			[]byte(hex.EncodeToString(r.Secret()) + "&b=2"),
			[]byte("nonce=1&otp=483920&amount=2"), []byte(`{"a":1,"Password":"hun\"ter2","pin":1}`),
			[]byte(r.Passphrase()), append([]byte{0, 0xff, '\n'}, "plain"...),
		} {
			r.Signed("MD5 of this", text)
		}
		r.SetHeader("Tiny-Sign", hex.EncodeToString(sum[:]))
		return nil
	})
	v.Answer = func(*exauth.Response) ([]byte, error) { return nil, &exauth.Error{Kind: exauth.ErrSignature} }
	var r exauth.SignatureReport
	c := must(exauth.New(v, exauth.NewSecretKey(canaryID, canarySecret).WithPassphrase("ab1"), &exauth.Options{Now: fixedNow,
		HTTPClient: &http.Client{Transport: &wired{status: 400, text: "{}"}}, SignatureDebug: func(got exauth.SignatureReport) { r = got }}))(t)
	_, _ = c.Do(bg, exauth.Call{Path: "/x"})
	var got []string
	for _, s := range r.Signed {
		got = append(got, s.Text)
	}
	if found := shown(fmt.Sprint(r), canaries()); found != "" {
		t.Error(found)
	}
	if len(got) != 7 || got[3] != "nonce=1&otp=[redacted]&amount=2" || got[4] != `{"a":1,"Password":"[redacted]","pin":1}` {
		t.Errorf("%q", got)
	}
	got = slices.Delete(got, 3, 5)
	if got[0] != "a=1&private_key=[redacted]" || !strings.HasPrefix(got[1], "x.") || !strings.Contains(got[1], "[redacted]") || got[2] != "[redacted]&b=2" ||
		got[3] != "[redacted]" || got[4] != `\x00\xff\nplain` || r.Signed[5].Length != 3 {
		t.Errorf("%q", got)
	}
}

// TestNonceRefusalSaysWhy: Kraken's "EAPI:Invalid nonce" is explained.
func TestNonceRefusalSaysWhy(t *testing.T) {
	w := &wired{status: 200, text: `{"error":["EAPI:Invalid nonce"]}`}
	var report string
	c := must(exauth.New(venue.Kraken(), exauth.NewSecretKey(canaryID, base64.StdEncoding.EncodeToString([]byte(canarySecret))),
		&exauth.Options{Now: fixedNow, HTTPClient: &http.Client{Transport: w}, SignatureDebug: func(r exauth.SignatureReport) { report = r.String() }}))(t)
	_, err := c.Do(bg, exauth.Call{Method: "POST", Path: "/0/private/Balance"})
	const why = "this key has seen a larger nonce: another program or machine uses the same key"
	if !errors.Is(err, exauth.ErrNonce) || !strings.Contains(err.Error(), "EAPI:Invalid nonce") || !strings.Contains(err.Error(), why) {
		t.Error(err)
	}
	if !strings.Contains(report, "nonce:        1700000000124") { // the second try's
		t.Error(report)
	}
}

// TestSignatureDebugBytes: debugging changes nothing that is sent.
func TestSignatureDebugBytes(t *testing.T) {
	var sent []string
	for _, debug := range []func(exauth.SignatureReport){nil, func(exauth.SignatureReport) {}} {
		for _, name := range []string{"binance", "coinex", "kucoin", "lbank", "gate", "kraken", "upbit"} {
			v, _ := venue.ByName(name)
			c := must(exauth.New(v, debugKey(t, v), &exauth.Options{Scope: all, Now: fixedNow, SignatureDebug: debug, Rand: bytes.NewReader(make([]byte, 4096))}))(t)
			req := must(c.Sign(bg, exauth.Call{Method: "POST", Path: "/v2/x", Params: params{{"a", "1"}}, Auth: exauth.AuthSigned}))(t)
			body := must(io.ReadAll(req.Body))(t)
			sent = append(sent, fmt.Sprintf("%s %s %q %s", req.Method, req.URL, req.Header, body))
		}
	}
	if !slices.Equal(sent[:len(sent)/2], sent[len(sent)/2:]) {
		t.Errorf("%q", sent)
	}
}
