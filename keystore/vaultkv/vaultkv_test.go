package vaultkv_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/keystore/internal/keytest"
	"github.com/exauth/exauth/keystore/vaultkv"
)

var bg = context.Background()

// often is a source that asks at every call, as far as a source does.
func often(o vaultkv.Options) *vaultkv.Options { o.TTL = time.Nanosecond; return &o }

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKey(t *testing.T) {
	s := plain(t)
	s.put("secret/bots/acme", object(keytest.KeysFile(keytest.Secret)))
	s.put("team/kv/a b/ö", map[string]any{"keys": keytest.KeysFile(keytest.Secret) + " \" \\ \u00e9\U0001F511", "n": 1})
	s.put("team/kv/text", map[string]any{"keys": keytest.KeysFile(keytest.Secret), "n": 1})
	s.put("secret/bare", map[string]any{"secret": keytest.Secret + "\n"})

	keytest.Holds(t, vaultkv.Key("", "bots/acme", nil), keytest.Secret)
	if s.last.Header.Get("X-Vault-Token") != token || s.last.Header["X-Vault-Namespace"] != nil || s.last.URL.RawQuery != "" {
		t.Errorf("asked with %v, %s", s.last.Header, s.last.URL)
	}
	keytest.Holds(t, vaultkv.Key(s.URL+"/", "text", &vaultkv.Options{Mount: "team/kv", Field: "keys", Namespace: "trading"}), keytest.Secret)
	if s.last.Header.Get("X-Vault-Namespace") != "trading" {
		t.Error("the namespace is not sent")
	}
	t.Setenv("VAULT_NAMESPACE", "env")
	bare := vaultkv.Key(s.URL, "bare", &vaultkv.Options{Field: "secret", Parse: keytest.Bare})
	if id, secret, _ := keytest.Signed(t, bare); id != keytest.ID || secret != keytest.Secret {
		t.Error("a field with a bare secret gives another key")
	}
	if s.last.Header.Get("X-Vault-Namespace") != "env" {
		t.Error("VAULT_NAMESPACE is not sent")
	}
	var text []byte
	odd := vaultkv.Key(s.URL, "a b/ö", &vaultkv.Options{Mount: "team/kv", Field: "keys", Parse: func(b []byte) (*exauth.Key, error) {
		text = bytes.Clone(b)
		return keytest.Bare([]byte("FAKE"))
	}})
	if _, err := odd.Key(bg, keytest.Need); err != nil || !strings.HasSuffix(string(text), "]} \" \\ é🔑") {
		t.Errorf("text with escapes came out as %q, %v", text, err)
	}
}

// TestTokenFile: the token of the moment is sent, and its file is checked as key
// files are.
func TestTokenFile(t *testing.T) {
	s := plain(t)
	s.put("secret/acme", object(keytest.KeysFile(keytest.Secret)))
	t.Setenv("VAULT_TOKEN", "")
	path := write(t, "token", token+"\n")
	src := vaultkv.Key(s.URL, "acme", often(vaultkv.Options{TokenFile: path}))
	keytest.Holds(t, src, keytest.Secret)
	s.set(func() { s.accepted = "hvs.next" })
	s.put("secret/acme", object(keytest.KeysFile(keytest.Secret+"2")))
	keytest.Holds(t, src, keytest.Secret) // 403 now: the earlier key stays
	if err := os.WriteFile(path, []byte("hvs.next"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Microsecond)
	keytest.Holds(t, src, keytest.Secret+"2")
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		allow      os.FileMode
		says       string
	}{
		{"others may read it", token, 0o640, 0, "chmod 600"},
		{"white space", token + " x", 0o600, 0, "white space inside"},
		{"only a newline", "\n", 0o600, 0, "is empty"},
		{"group allowed", "hvs.next", 0o640, 0o440, ""},
	} {
		p := write(t, "t", c.text)
		if err := os.Chmod(p, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := vaultkv.Key(s.URL, "acme", &vaultkv.Options{TokenFile: p, Mode: c.allow}).Key(bg, keytest.Need)
		if c.says == "" && err != nil || c.says != "" && (!errors.Is(err, vaultkv.ErrDenied) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), token[4:])) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestFaults: each fault has its own sentinel and says what to do; only an absent
// secret is no key.
func TestFaults(t *testing.T) {
	s := plain(t)
	s.put("secret/acme", object(keytest.KeysFile(keytest.Secret)))
	s.put("secret/gone", nil)
	s.secrets["secret/gone"][0].deleted = true
	s.put("secret/burnt", nil)
	s.secrets["secret/burnt"][0].destroyed = true
	s.put("secret/odd", map[string]any{"n": 1, "keys": map[string]any{}})
	s.put("secret/nonsense", map[string]any{"keys": keytest.Secret})
	raw := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
	}
	echo := func(w http.ResponseWriter, r *http.Request) bool {
		reply(w, 500, errs("internal error: token "+r.Header.Get("X-Vault-Token")+"\nof line two"))
		return true
	}
	for _, c := range []struct {
		name, path string
		opts       vaultkv.Options
		env        map[string]string
		answer     func(http.ResponseWriter, *http.Request) bool
		err        error
		says       string
	}{
		{name: "no such secret", path: "none", err: exauth.ErrNoKey, says: "vault secret/none: there is no such secret"},
		{name: "no such version", path: "acme", opts: vaultkv.Options{Version: 7}, err: exauth.ErrNoKey},
		{name: "deleted", path: "gone", err: exauth.ErrNoKey, says: "version 1 of the secret was deleted; vault kv undelete"},
		{name: "destroyed", path: "burnt", err: exauth.ErrNoKey, says: "was destroyed"},
		{name: "no such mount", path: "acme", opts: vaultkv.Options{Mount: "kv"}, err: vaultkv.ErrUnavailable, says: "no KV engine of version 2 is mounted at kv"},
		{name: "token refused", path: "acme", env: map[string]string{"VAULT_TOKEN": "hvs.other"}, err: vaultkv.ErrDenied, says: "policy lacks read on secret/data/acme (it says: permission denied)"},
		{name: "no token", path: "acme", env: map[string]string{"VAULT_TOKEN": ""}, err: vaultkv.ErrDenied, says: "set VAULT_TOKEN"},
		{name: "token file missing", path: "acme", opts: vaultkv.Options{TokenFile: "/nonexistent/token"}, err: vaultkv.ErrDenied, says: "/nonexistent/token"},
		{name: "token with a line break", path: "acme", env: map[string]string{"VAULT_TOKEN": "hvs.a\nb"}, err: vaultkv.ErrDenied, says: "white space inside"},
		{name: "sealed", path: "acme", answer: func(w http.ResponseWriter, _ *http.Request) bool {
			reply(w, 503, errs("Vault is sealed"))
			return true
		}, err: vaultkv.ErrSealed, says: "unseal"},
		{name: "maintenance page", path: "acme", answer: raw(503, "<html>"), err: vaultkv.ErrUnavailable, says: "HTTP status 503"},
		{name: "rate limited", path: "acme", answer: raw(429, `{"errors": ["request path: rate limit quota exceeded"]}`), err: vaultkv.ErrUnavailable, says: "rate limit"},
		{name: "another web server: 404", path: "acme", answer: raw(404, "<html>not here</html>"), err: vaultkv.ErrUnavailable, says: "mounted"},
		{name: "another web server: 200", path: "acme", answer: raw(200, "<html>welcome</html>"), err: vaultkv.ErrUnavailable, says: "no Vault"},
		{name: "KV version 1", path: "acme", answer: raw(200, `{"lease_duration": 2764800, "data": {"keys": "x"}}`), err: vaultkv.ErrUnavailable, says: "KV engine of version 2?"},
		{name: "empty answer", path: "acme", answer: raw(200, ""), err: vaultkv.ErrUnavailable},
		{name: "no data", path: "acme", answer: raw(200, `{"data": {"data": null, "metadata": {"version": 3}}}`), err: exauth.ErrNoKey, says: "version 3"},
		{name: "endless answer", path: "acme", answer: raw(200, strings.Repeat(" ", 300<<10)), err: vaultkv.ErrUnavailable, says: "256 KiB"},
		{name: "cut off", path: "acme", answer: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"data": `)
			return true
		}, err: vaultkv.ErrUnavailable, says: "cut off"},
		{name: "echo of the token", path: "acme", answer: echo, err: vaultkv.ErrUnavailable, says: "internal error: token [redacted] of line two"},
		{name: "field missing", path: "acme", opts: vaultkv.Options{Field: "text"}, err: exauth.ErrKey, says: `has no field "text"`},
		{name: "field is a number", path: "odd", opts: vaultkv.Options{Field: "n"}, err: exauth.ErrKey, says: `field "n" of the secret holds no text`},
		{name: "not a keys file", path: "odd", err: exauth.ErrKey, says: `"keys" must be a list`},
		{name: "field is a secret", path: "nonsense", opts: vaultkv.Options{Field: "keys"}, err: exauth.ErrKey, says: "is no keys file"},
		{name: "path that climbs", path: "../acme", err: exauth.ErrParam, says: "path must be names"},
		{name: "path with two slashes", path: "a//b", err: exauth.ErrParam},
		{name: "empty path", path: "", err: exauth.ErrParam},
		{name: "mount with a dot", path: "acme", opts: vaultkv.Options{Mount: "./x"}, err: exauth.ErrParam, says: "mount must be names"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			s.set(func() { s.answer = c.answer })
			key, err := vaultkv.Key(s.URL, c.path, &c.opts).Key(bg, keytest.Need)
			if key != nil || !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) || strings.Count(err.Error(), "exauth:") > 1 {
				t.Fatalf("got %v, %v, want %v, %q", key, err, c.err, c.says)
			}
			if c.err != exauth.ErrNoKey && errors.Is(err, exauth.ErrNoKey) {
				t.Error("the next source would be asked")
			}
			if found := keytest.Shown(fmt.Sprintf("%v %+v", err, err), token); found != "" {
				t.Errorf("the error shows %s", found)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	t.Setenv("VAULT_TOKEN", token)
	t.Setenv("VAULT_ADDR", "")
	for _, c := range []struct{ address, says string }{
		{"", "set VAULT_ADDR"},
		{"http://vault.example:8200", "must begin with https://"},
		{"http://10.0.0.7:8200", "must begin with https://"},
		{"http://localhost.example:8200", "must begin with https://"},
		{"vault.example:8200", "of the form"},
		{"ftp://127.0.0.1", "must begin with https://"},
		{"https://user:pass@vault.example", "of the form"},
		{"https://vault.example/v1/secret", "of the form"},
		{"https://vault.example?token=x", "of the form"},
		{"https://", "of the form"},
	} {
		_, err := vaultkv.Key(c.address, "acme", nil).Key(bg, keytest.Need)
		if !errors.Is(err, exauth.ErrParam) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%q: %v, want %q", c.address, err, c.says)
		}
	}
	if _, err := vaultkv.Key("http://127.0.0.1:1", "acme", nil).Key(bg, keytest.Need); !errors.Is(err, vaultkv.ErrUnavailable) {
		t.Errorf("loopback where nobody listens: %v", err)
	}
}

// TestRedirects: the token goes to the addresses that were named, and to no other.
func TestRedirects(t *testing.T) {
	active := plain(t)
	active.put("secret/acme", object(keytest.KeysFile(keytest.Secret)))
	stolen := 0
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen++ }))
	t.Cleanup(thief.Close)
	to := ""
	standby := plain(t)
	standby.answer = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
	listed := &vaultkv.Options{Redirects: []string{active.URL}}
	const path = "/v1/secret/data/acme"
	for _, c := range []struct {
		name, to string
		opts     *vaultkv.Options
		says     string
	}{
		{"to a listed address", active.URL + path, listed, ""},
		{"to one that is not", active.URL + path, nil, "add it to Options.Redirects"},
		{"to a stranger", thief.URL + path, listed, "add it to Options.Redirects"},
		{"to plain http", strings.Replace(thief.URL, "127.0.0.1", "vault.example", 1) + path, listed, "http://vault.example"},
		{"to another path", active.URL + "/v1/secret/data/other", listed, "another path"},
		{"with a user", strings.Replace(active.URL, "//", "//u:p@", 1) + path, listed, "another path"},
		{"round and round", standby.URL + path, listed, "more than 3 redirects"},
		{"nowhere", "", listed, "leads nowhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to = c.to
			src := vaultkv.Key(standby.URL, "acme", c.opts)
			if c.says == "" {
				keytest.Holds(t, src, keytest.Secret)
				return
			}
			_, err := src.Key(bg, keytest.Need)
			if !errors.Is(err, vaultkv.ErrUnavailable) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
	if stolen != 0 {
		t.Errorf("a stranger was asked %d times", stolen)
	}
}

// TestTLS: certificates are checked, whatever VAULT_SKIP_VERIFY says.
func TestTLS(t *testing.T) {
	s := newServer(t, func(h http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that this test wants to fail
		s.StartTLS()
		return s
	})
	s.put("secret/acme", object(keytest.KeysFile(keytest.Secret)))
	t.Setenv("VAULT_SKIP_VERIFY", "true")
	_, err := vaultkv.Key(s.URL, "acme", nil).Key(bg, keytest.Need)
	if !errors.Is(err, vaultkv.ErrUnavailable) || !strings.Contains(err.Error(), "Options.CAFile") || s.count() != 0 {
		t.Errorf("an unknown authority: %v, asked %d times", err, s.count())
	}
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	keytest.Holds(t, vaultkv.Key(s.URL, "acme", &vaultkv.Options{CAFile: ca}), keytest.Secret)
	keytest.Holds(t, vaultkv.Key(s.URL, "acme", &vaultkv.Options{Transport: s.Client().Transport}), keytest.Secret)
	t.Setenv("VAULT_CACERT", ca)
	keytest.Holds(t, vaultkv.Key(s.URL, "acme", nil), keytest.Secret)
	byName := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	if _, err := vaultkv.Key(byName, "acme", nil).Key(bg, keytest.Need); !errors.Is(err, vaultkv.ErrUnavailable) || !strings.Contains(err.Error(), "another name") {
		t.Errorf("another name: %v", err)
	}
	for _, bad := range []string{write(t, "none.pem", "no PEM"), "/nonexistent/ca.pem"} {
		if _, err := vaultkv.Key(s.URL, "acme", &vaultkv.Options{CAFile: bad}).Key(bg, keytest.Need); !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestCache: an answer serves for TTL or its lease, and a server that fails takes no
// key away.
func TestCache(t *testing.T) {
	s := plain(t)
	s.put("secret/acme", object(keytest.KeysFile(keytest.Secret)))
	src := vaultkv.Key(s.URL, "acme", &vaultkv.Options{TTL: time.Hour})
	first, err := src.Key(bg, keytest.Need)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if k, err := src.Key(bg, keytest.Need); k != first || err != nil {
			t.Fatalf("got %p, %v, want the same key", k, err)
		}
	}
	if s.count() != 1 {
		t.Errorf("asked %d times within TTL", s.count())
	}
	s.set(func() { s.lease = 1 })
	leased := vaultkv.Key(s.URL, "acme", &vaultkv.Options{TTL: time.Hour})
	keytest.Holds(t, leased, keytest.Secret)
	before := s.count()
	for range 200 { // until the lease of one second is over
		if _, err := leased.Key(bg, keytest.Need); err != nil {
			t.Fatal(err)
		}
		if s.count() > before {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if s.count() == before {
		t.Error("a lease of one second is kept for four")
	}

	var told []string
	again := vaultkv.Key(s.URL, "acme", often(vaultkv.Options{Warn: func(err error) { told = append(told, err.Error()) }}))
	keytest.Holds(t, again, keytest.Secret)
	s.set(func() { s.sealed = true })
	keytest.Holds(t, again, keytest.Secret)
	s.set(func() { s.sealed = false })
	s.put("secret/acme", object(keytest.KeysFile(keytest.Secret+"2")))
	time.Sleep(time.Microsecond)
	keytest.Holds(t, again, keytest.Secret+"2")
	if len(told) != 1 || !strings.Contains(told[0], "sealed") {
		t.Errorf("told %q", told)
	}

	// A replica that lags, then a path that was deleted and made anew.
	lagging := s.secrets["secret/acme"][:1]
	all := s.secrets["secret/acme"]
	s.set(func() { s.secrets["secret/acme"] = lagging })
	keytest.Holds(t, again, keytest.Secret+"2")
	s.set(func() { s.secrets["secret/acme"] = nil })
	keytest.Holds(t, again, keytest.Secret+"2")
	s.put("secret/acme", object(keytest.KeysFile(keytest.Secret+"3")))
	time.Sleep(time.Microsecond)
	keytest.Holds(t, again, keytest.Secret+"3")
	s.set(func() { s.secrets["secret/acme"] = all })
	old := vaultkv.Key(s.URL, "acme", &vaultkv.Options{Version: 1})
	keytest.Holds(t, old, keytest.Secret)
}

// TestDeadlines: a server that hangs costs Timeout, or less when the call's own
// context ends; and then nothing is remembered against the server.
func TestDeadlines(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(hang)
	t.Setenv("VAULT_TOKEN", token)
	_, err := vaultkv.Key(s.URL, "acme", &vaultkv.Options{Timeout: 50 * time.Millisecond}).Key(bg, keytest.Need)
	if !errors.Is(err, vaultkv.ErrUnavailable) || !strings.Contains(err.Error(), "50ms") {
		t.Errorf("Timeout: %v", err)
	}
	ctx, stop := context.WithTimeout(bg, 50*time.Millisecond)
	defer stop()
	if _, err = vaultkv.Key(s.URL, "acme", nil).Key(ctx, keytest.Need); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's deadline: %v", err)
	}
}

func TestRedacted(t *testing.T) {
	s := plain(t)
	s.put("secret/acme", object(keytest.KeysFile(keytest.Secret)))
	opts := vaultkv.Options{TokenFile: write(t, "token", token), Field: "", Parse: nil}
	src := vaultkv.Key(s.URL, "acme", &opts)
	key, err := src.Key(bg, keytest.Need)
	if err != nil {
		t.Fatal(err)
	}
	keytest.Redacted(t, map[string]any{"source": src, "Options": opts, "key": key}, token)
	if got := fmt.Sprint(src); got != "vaultkv.Key(secret/acme)" {
		t.Error(got)
	}
}
