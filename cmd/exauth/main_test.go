package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// Fake, and unlike anything else in the output.
const (
	fakeID     = "FAKEid0Qz7Xw3Vb9Km5Np2Rt8Ys4Uf6Gh1Jd"
	fakeSecret = "FAKEsecret4Lc8Ax2We6Zs0Dq5Fv9Gt3Hb7Nj1Mk"
	fakePhrase = "FAKEphrase9Po4Iu7Yt2Re6Wq"
	passphrase = "correct horse battery"
)

// a shell is the program with a world of its own.
type shell struct {
	t        *testing.T
	dir      string
	vars     map[string]string
	stdin    string
	answers  []string // to prompts; none left: no terminal
	prompts  []string
	out, err bytes.Buffer
}

func newShell(t *testing.T) *shell {
	return &shell{t: t, dir: t.TempDir(), vars: map[string]string{}}
}

// run runs one command line; what it prints replaces what was printed before.
func (s *shell) run(args ...string) int {
	s.t.Helper()
	s.out.Reset()
	s.err.Reset()
	e := &env{work: 10, in: strings.NewReader(s.stdin), out: &s.out, err: &s.err, getenv: func(n string) string { return s.vars[n] },
		environ: func() (list []string) {
			for n, v := range s.vars {
				list = append(list, n+"="+v)
			}
			return list
		},
		now: func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) },
		ask: func(prompt string) ([]byte, error) {
			s.prompts = append(s.prompts, prompt)
			if len(s.answers) == 0 {
				return nil, errNoTerminal
			}
			a := s.answers[0]
			s.answers = s.answers[1:]
			return []byte(a), nil
		}}
	return e.main(context.Background(), args)
}

// want runs and checks the exit code and what is printed on either stream.
func (s *shell) want(code int, says []string, args ...string) {
	s.t.Helper()
	if got := s.run(args...); got != code {
		s.t.Errorf("exauth %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, s.out.String(), s.err.String())
	}
	all := s.out.String() + s.err.String()
	for _, text := range says {
		if !strings.Contains(all, text) {
			s.t.Errorf("exauth %s: no %q in\n%s", strings.Join(args, " "), text, all)
		}
	}
	for _, secret := range []string{fakeID, fakeSecret, fakePhrase, passphrase} {
		if strings.Contains(all, secret) {
			s.t.Errorf("exauth %s shows %q:\n%s", strings.Join(args, " "), secret, all)
		}
	}
}

func (s *shell) path(name string) string { return filepath.Join(s.dir, name) }

func (s *shell) write(name, text string) string {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return s.path(name)
}

func (s *shell) read(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// keys writes a keys file with one OKX key.
func (s *shell) keys() string {
	return s.write("keys.json", `{"version":1,"keys":[{"name":"okx main","venue":"okx","account":"main","id":"`+fakeID+`","secret":"`+fakeSecret+
		`","passphrase":"`+fakePhrase+`","scope":"read+trade","created":"2026-08-01"}]}`)
}

// TestHelp: every command explains itself, and a wrong use says where to look.
func TestHelp(t *testing.T) {
	s := newShell(t)
	s.want(2, []string{"keygen", "scan"})
	s.want(0, []string{"Exit codes"}, "help")
	for _, c := range commands() {
		s.want(0, []string{"exauth " + c.name, c.short, "-json", "Flags:"}, c.name, "-h")
		s.want(0, []string{c.short}, "help", c.name)
		if n := len(s.out.String()); n < 150 {
			t.Errorf("%s: %d bytes of help", c.name, n)
		}
		s.want(2, []string{"flag provided but not defined: -nonsense; see exauth " + c.name + " -h"}, c.name, "-nonsense")
	}
	s.want(2, []string{`no command "nonsense"`}, "nonsense")
	s.want(2, []string{`no command "FAKEsecr…"`}, fakeSecret)
	s.want(2, []string{"invalid value for -days; see exauth usage -h"}, "usage", "-days", fakeSecret)
	s.want(2, []string{`"kind":"other"`}, "scan", "-json")
}

// TestKeygen: what it makes opens with exauth and with openssl, whichever kind.
func TestKeygen(t *testing.T) {
	openssl, _ := exec.LookPath("openssl")
	for _, tc := range []struct {
		args   []string
		says   []string
		alg    exauth.Algorithm
		phrase bool
	}{
		{[]string{"-type", "ed25519"}, []string{"raw, in base64", "binance: ", "backpack: ", "not encrypted"}, exauth.Ed25519, false},
		{[]string{"-venue", "bybit", "-encrypt"}, []string{"rsa2048, encrypted", "bybit: ", "paste the public key (RSA)"}, exauth.RSASHA256, true},
		{[]string{"-encrypt", "-venue", "binance:testnet"}, []string{"ed25519, encrypted", "binance:testnet: "}, exauth.Ed25519, true},
	} {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			s := newShell(t)
			s.answers = []string{passphrase, passphrase}
			s.want(0, append(tc.says, "-----BEGIN PUBLIC KEY-----"), append([]string{"keygen", "-out", s.path("k.pem")}, tc.args...)...)
			if (len(s.prompts) == 2) != tc.phrase {
				t.Errorf("prompts %q", s.prompts)
			}
			if info, err := os.Stat(s.path("k.pem")); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
			key, err := exauth.ParsePEM("id", []byte(s.read("k.pem")), func() ([]byte, error) { return []byte(passphrase), nil })
			if err != nil || len(key.Warnings()) > 0 {
				t.Fatal(err, key.Warnings())
			}
			public, err := key.Public()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := exauth.NewVerifier(tc.alg, public); err != nil {
				t.Error(err)
			}
			if ed, ok := public.(ed25519.PublicKey); ok && tc.alg == exauth.Ed25519 && len(ed) != 32 {
				t.Error("public key")
			}
			block, _ := pem.Decode([]byte(s.read("k.pem")))
			if tc.phrase != (kdfOf(block.Bytes) == kdfRounds) {
				t.Errorf("%d rounds", kdfOf(block.Bytes))
			}
			if openssl == "" {
				t.Log("no openssl: not opened with it")
				return
			}
			cmd := exec.Command(openssl, "pkey", "-in", s.path("k.pem"), "-passin", "env:PHRASE", "-pubout")
			cmd.Env = append(os.Environ(), "PHRASE="+passphrase)
			if out, err := cmd.Output(); err != nil || !strings.Contains(s.out.String(), strings.TrimSpace(string(out))) {
				t.Errorf("openssl: %v, %s", err, out)
			}
			s.want(1, []string{"exists"}, "keygen", "-type", "ed25519", "-out", s.path("k.pem")) // never over another key
		})
	}
	s := newShell(t)
	s.want(2, []string{"kraken takes no public keys"}, "keygen", "-out", s.path("x"), "-venue", "kraken")
	s.want(2, []string{"bybit takes no ed25519"}, "keygen", "-out", s.path("x"), "-venue", "bybit", "-type", "ed25519")
	s.want(2, []string{`no kind "dsa"`}, "keygen", "-out", s.path("x"), "-type", "dsa")
	s.answers = []string{"one passphrase", "another passphrase"}
	s.want(4, []string{"the two differ"}, "keygen", "-out", s.path("x"), "-encrypt")
	s.answers = []string{"short", "short"}
	s.want(4, []string{"fewer than 12 characters"}, "keygen", "-out", s.path("x"), "-encrypt")
	s.want(4, []string{"no terminal"}, "keygen", "-out", s.path("x"), "-encrypt")
	if _, err := os.Stat(s.path("x")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a failed keygen left a file")
	}
}

// TestKeysFile: import, keys, seal, revoke and unseal, on a file that begins plain and
// ends sealed.
func TestKeysFile(t *testing.T) {
	s := newShell(t)
	file := s.path("keys.json")
	s.answers = []string{fakeID, fakeSecret, fakePhrase}
	s.want(0, []string{"of okx is in "}, "import", "-keys", file, "-venue", "okx", "-name", "okx main", "-scope", "read+trade")
	if strings.Join(s.prompts, "|") != "API key id: |API secret: |API passphrase: " {
		t.Errorf("%q", s.prompts)
	}
	s.stdin = fakeID + "2\n" + fakeSecret + "\n"
	s.want(0, []string{"no -scope was said"}, "import", "-keys", file, "-venue", "binance:testnet", "-stdin")
	s.vars["KR_API_KEY"], s.vars["KR_API_SECRET"] = fakeID, "not base64!"
	s.want(1, []string{"secret"}, "import", "-keys", file, "-venue", "kraken", "-from", "KR") // Kraken's are base64: found now, not at the first order
	s.want(1, []string{"already"}, "import", "-keys", file, "-venue", "binance:testnet", "-stdin")
	delete(s.vars, "KR_API_KEY")
	delete(s.vars, "KR_API_SECRET")
	s.want(2, []string{"no venue"}, "import", "-keys", file, "-venue", "mtgox")
	s.want(2, []string{"secrets never go there"}, "import", "-keys", file, "-venue", "okx", fakeSecret)
	s.want(0, []string{"okx main", "read+trade", "binance:testnet", "allowed everything", "is plain text", fingerprintOf("okx", fakeID)}, "keys", "-keys", file)
	if _, err := exauth.FileKey(file).Key(t.Context(), exauth.Need{Venue: "okx", Scope: exauth.ScopeTradeSpot}); err != nil {
		t.Errorf("exauth does not take the file: %v", err)
	}

	s.vars["EXAUTH_PASSPHRASE"] = passphrase
	s.want(0, []string{"keys.json.age is sealed", "still there in plain text"}, "seal", file)
	sealed := file + ".age"
	s.want(1, []string{"exists"}, "seal", file)
	s.want(0, []string{"okx main"}, "keys", "-keys", sealed)
	s.vars["EXAUTH_PASSPHRASE"] = "not this one at all"
	s.want(4, []string{"wrong or missing passphrase"}, "keys", "-keys", sealed)
	delete(s.vars, "EXAUTH_PASSPHRASE")
	s.prompts = nil
	s.want(4, []string{"no terminal to ask"}, "keys", "-keys", sealed)
	if len(s.prompts) != 1 || !strings.Contains(s.prompts[0], "keys.json.age") {
		t.Errorf("%q", s.prompts)
	}
	s.vars["EXAUTH_KEYS"] = sealed
	phrase := s.write("phrase", passphrase+"\n")
	s.want(0, []string{"would be taken out", "https://www.okx.com/account/my-api"}, "revoke", "-passphrase-file", phrase, "-dry-run", "okx main")
	s.want(0, []string{"is out of", "delete the key at"}, "revoke", "-passphrase-file", phrase, "okx main")
	s.want(1, []string{"holds no key"}, "revoke", "-passphrase-file", phrase, "okx main")
	var list struct {
		Sealed bool
		Keys   []keyEntry
	}
	s.want(0, nil, "keys", "-passphrase-file", phrase, "-json")
	if err := json.Unmarshal(s.out.Bytes(), &list); err != nil || !list.Sealed || len(list.Keys) != 1 || list.Keys[0].Venue != "binance" {
		t.Errorf("%v, %+v", err, list)
	}
	s.want(0, []string{"remove it when you are done"}, "unseal", "-passphrase-file", phrase, "-out", s.path("plain.json"), sealed)
	if text := s.read("plain.json"); !strings.Contains(text, fakeSecret) || strings.Contains(text, "okx main") {
		t.Error("the unsealed file holds something else")
	}
	s.want(1, []string{"is not sealed"}, "unseal", "-out", s.path("y"), s.path("plain.json"))
}

// TestRevokeStops: a program that uses the file has no key at its next call, also when
// the last one is taken out.
func TestRevokeStops(t *testing.T) {
	s := newShell(t)
	file := s.keys()
	src, need := exauth.FileKey(file), exauth.Need{Venue: "okx", Scope: exauth.ScopeRead}
	if _, err := src.Key(t.Context(), need); err != nil {
		t.Fatal(err)
	}
	s.want(0, []string{"is out of"}, "revoke", "-keys", file, fingerprintOf("okx", fakeID))
	if _, err := src.Key(t.Context(), need); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("the key is still in use: %v", err)
	}
}

// TestKeysAdvice: what is old, and what idles by a usage log, is told.
func TestKeysAdvice(t *testing.T) {
	s := newShell(t)
	file := s.keys()
	s.want(0, []string{"114 d", "2026-09-30", "rotate"}, "keys", "-keys", file)
	log := s.write("usage.jsonl", `{"v":1,"time":"2026-10-01T00:00:00Z","venue":"okx","key":"`+fingerprintOf("okx", fakeID)+`","outcome":"accepted"}`+"\n")
	s.want(0, []string{"2026-10-01"}, "keys", "-keys", file, "-usage", log)
	s.want(1, []string{"no keys file of version 1"}, "keys", "-keys", s.write("odd.json", `{"secret":"`+fakeSecret+`"}`))
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	s.want(1, []string{"chmod 600"}, "keys", "-keys", file)
}

// TestSign: offline, masked unless asked, and a curl command without secrets in argv.
func TestSign(t *testing.T) {
	s := newShell(t)
	file := s.keys()
	s.want(0, []string{"GET https://www.okx.com/api/v5/account/balance?ccy=BTC", "Ok-Access-Key: [masked]", "Ok-Access-Sign: [masked]", "Ok-Access-Timestamp: 2026-11-23T12:00:00.000Z"},
		"sign", "-keys", file, "-venue", "okx", "GET", "/api/v5/account/balance", "ccy=BTC")
	s.want(0, []string{`data-raw = "{\"instId\":\"BTC-USDT\",\"n\":[1,2]}"`, "curl --config - <<'END'", `header = "Ok-Access-Passphrase: [masked]"`},
		"sign", "-keys", file, "-venue", "okx", "-scope", "trade", "-curl", "POST", "/api/v5/trade/order", "instId=BTC-USDT", "n:=[1,2]")
	s.want(5, []string{"outside the scope"}, "sign", "-keys", file, "-venue", "okx", "POST", "/api/v5/trade/order", "instId=BTC-USDT")
	s.stdin = `{"instId":"X"}`
	s.want(0, []string{"\n{\"instId\":\"X\"}\n"}, "sign", "-keys", file, "-venue", "okx", "-scope", "trade", "-data", "@-", "POST", "/api/v5/trade/order")
	for _, args := range [][]string{{"GET"}, {"GET", "nopath"}, {"GET", "/x", "novalue"}, {"GET", "/x", "a:=nojson"}, {"GET", "/x", "a=1", "-data", "@x"}} {
		s.want(2, nil, append([]string{"sign", "-keys", file, "-venue", "okx"}, args...)...)
	}
	if code := s.run("sign", "-keys", file, "-venue", "okx", "-reveal", "-json", "GET", "/api/v5/account/balance"); code != 0 {
		t.Fatal(s.err.String())
	}
	var r signedRequest
	if err := json.Unmarshal(s.out.Bytes(), &r); err != nil || r.Headers["Ok-Access-Key"] != fakeID || r.Masked {
		t.Errorf("%v, %+v", err, r)
	}
}

// TestSignMasks: no venue's request shows a key, a signature or a token unless asked.
func TestSignMasks(t *testing.T) {
	for _, venue := range []string{"binance", "bybit", "okx", "kucoin", "coinex", "gate", "htx", "cryptocom", "gemini", "upbit", "coinmarketcap", "coinpaprika:pro", "deribit", "indodax", "lbank"} {
		s := newShell(t)
		s.vars["X_API_KEY"], s.vars["X_API_SECRET"], s.vars["X_PASSPHRASE"] = fakeID, fakeSecret[:32], fakePhrase
		for n, v := range s.vars {
			t.Setenv(n, v) // EnvKey reads the process's own
		}
		args := []string{"-env", "X", "-venue", venue, "-scope", "trade", "POST", "/api/v1/private/orders", "a=1", "method=trade"}
		if strings.HasPrefix(venue, "coinm") || strings.HasPrefix(venue, "coinp") {
			args = []string{"-env", "X", "-venue", venue, "GET", "/v1/key/info"}
		}
		if code := s.run(append([]string{"sign", "-reveal", "-json"}, args...)...); code != 0 {
			t.Errorf("%s: %s", venue, s.err.String())
			continue
		}
		var plain signedRequest
		if err := json.Unmarshal(s.out.Bytes(), &plain); err != nil {
			t.Fatal(err)
		}
		s.want(0, nil, append([]string{"sign"}, args...)...)
		text := s.out.String()
		if !strings.Contains(text, masked) || strings.Contains(text, fakeSecret[:32]) {
			t.Errorf("%s:\n%s", venue, text)
		}
		for name, value := range plain.Headers {
			if len(value) >= 30 && strings.Trim(value, "0123456789.-:TZ") != "" && name != "Content-Type" && strings.Contains(text, value) && !strings.Contains(value, "application/") {
				t.Errorf("%s: header %s shows in\n%s", venue, name, text)
			}
		}
	}
}

// TestCall: the answer, its errors as exit codes, and the explanation of a refused
// signature, against a server on this machine.
func TestCall(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/api/v3/time":
			fmt.Fprintf(w, `{"serverTime":%d}`, time.Now().UnixMilli())
		case "/api/v3/account":
			io.WriteString(w, `{"balances":[{"asset":"BTC","free":"1.5"}],"note":"\u001b[31mred"}`)
		case "/api/v3/ping":
			io.WriteString(w, "\x1b[31mred")
		case "/api/v3/openOrders":
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"code":-1022,"msg":"Signature for this request is not valid. %s %s"}`, r.Header.Get("X-MBX-APIKEY"), r.URL.RawQuery)
		case "/api/v3/order":
			w.WriteHeader(503)
			io.WriteString(w, `{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown; execution status unknown."}`)
		default:
			w.WriteHeader(404)
			w.Write(body)
		}
	}))
	defer srv.Close()
	s := newShell(t)
	file := s.write("keys.json", `{"version":1,"keys":[{"venue":"binance","id":"`+fakeID+`","secret":"`+fakeSecret+`"}]}`)
	base := []string{"call", "-keys", file, "-venue", "binance", "-at", srv.URL}
	s.want(0, []string{`"asset": "BTC"`}, append(base, "GET", "/api/v3/account")...)
	s.want(0, []string{"?[31mred"}, append(base, "-public", "GET", "/api/v3/ping")...)
	if strings.Contains(s.out.String(), "\x1b") {
		t.Error("the venue steers the terminal")
	}
	s.want(0, []string{`"status": 200`, `"free": "1.5"`}, append(base, "-json", "GET", "/api/v3/account")...)
	s.want(1, []string{"bad signature", "code -1022", "1. "}, append(base, "GET", "/api/v3/openOrders", "symbol=BTCUSDT")...)
	s.want(1, []string{"signed:       HMAC-SHA256", "symbol=BTCUSDT&", "cause 1:"}, append(base, "-debug", "GET", "/api/v3/openOrders", "symbol=BTCUSDT")...)
	s.want(1, []string{`"kind":"signature"`}, append(base, "-json", "GET", "/api/v3/openOrders")...)
	s.want(6, []string{"outcome unknown"}, append(base, "-scope", "trade", "POST", "/api/v3/order", "symbol=BTCUSDT", "side=BUY", "type=MARKET", "quantity=1")...)
	s.want(5, []string{"outside the scope"}, append(base, "POST", "/sapi/v1/capital/withdraw/apply", "coin=BTC")...)
	log := s.path("usage.jsonl")
	s.want(0, nil, append(base, "-usage", log, "GET", "/api/v3/account")...)
	s.want(5, nil, append(base, "-usage", log, "POST", "/sapi/v1/capital/withdraw/apply", "coin=BTC")...)
	if text := s.read("usage.jsonl"); strings.Count(text, "\n") < 2 || strings.Contains(text, fakeID) || strings.Contains(text, fakeSecret) {
		t.Error(text)
	}
	srv.Close()
	s.want(1, []string{"unavailable"}, append(base, "GET", "/api/v3/account")...)
}

// TestUsage: the weekly review as a person reads it.
func TestUsage(t *testing.T) {
	s := newShell(t)
	line := func(day int, rest string) string {
		return fmt.Sprintf(`{"v":1,"time":"2026-11-%02dT10:00:00Z","venue":"okx","account":"main","key":"0123456789abcdef",%s}`+"\n", day, rest)
	}
	const order = `"method":"POST","route":"/api/v5/trade/order","scope":"trade","symbols":["BTC-USDT"],"status":200,"outcome":"accepted","latency_ms":40,"costs":{"orders":1}`
	log := s.write("usage.jsonl", line(1, order)+line(20, order)+line(21, order)+"garbage\n"+
		line(21, `"method":"POST","route":"/api/v5/asset/withdrawal","scope":"withdraw","outcome":"not sent","kind":"scope"`)+
		line(22, `"method":"GET","route":"/api/v5/account/balance","scope":"read","status":401,"outcome":"rejected","kind":"signature"`)+
		`{"v":1,"time":"2026-10-01T00:00:00Z","venue":"kraken","key":"fedcba9876543210","outcome":"accepted"}`+"\n")
	s.want(0, []string{"key 0123456789abcdef", "4, 3 sent, 1 refused here", "1 of those sent", "signature 1", "! 1 withdrawals attempted",
		"new: GET /api/v5/account/balance, POST /api/v5/asset/withdrawal", "orders 2", "1 lines were no records", "not used since 2026-10-01, 53 days", "idle for 30 days"}, "usage", log)
	s.want(0, []string{`"withdrawals": 1`, `"auth_failures": 1`, `"skipped": 1`, `"new_symbols": []`}, "usage", "-json", "-key", "0123456789abcdef", log)
	s.want(1, []string{"no such file"}, "usage", s.path("none"))
}

// TestScan: own keys by fingerprint and hash, shapes of keys, in the tree and in the
// history, shown by their beginnings only.
func TestScan(t *testing.T) {
	s := newShell(t)
	file := s.keys()
	const stray = "Zx8Kq2Lm9Vb4Nc7Rt1Yw5Hd3"
	s.write("tree/bot.py", "key = '"+fakeID+"'\n\napi_secret = '"+stray+"'\n")
	s.write("tree/deep/k.pem", "-----BEGIN EC PRIVATE KEY-----\nMHcC\n")
	s.write("tree/readme.md", "api_key: YOUR_API_KEY_GOES_HERE\nsecret = os.environ['OKX_SECRET_KEY_PRODUCTION']\nid "+strings.Repeat("ab", 20)+"\n")
	s.write("tree/binary", "\x00\x01"+fakeSecret)
	s.want(3, []string{"bot.py:1", "your key id (okx main)", "bot.py:3", "looks like a key", "Zx8K… (24 characters)", "k.pem:1", "private key", "3 findings", "1 skipped", "no repository"},
		"scan", "-keys", file, s.path("tree"))
	if strings.Contains(s.out.String(), stray) {
		t.Error("shows a key")
	}
	s.want(3, []string{"your key id (" + fingerprintOf("okx", fakeID) + ")"}, "scan", "-fingerprint", fingerprintOf("okx", fakeID), s.path("tree"))
	s.write("clean/a.txt", "nothing here\n")
	s.want(0, []string{"0 findings"}, "scan", s.path("clean"))
	s.want(0, []string{`"findings": []`}, "scan", "-json", s.path("clean"))

	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git on this machine: the history was not scanned")
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", s.path("repo"), "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v: %s", args, err, out)
		}
	}
	s.write("repo/config.ini", "secret="+fakeSecret+"\n")
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "first")
	s.write("repo/config.ini", "secret=removed\n")
	git("commit", "-qam", "second")
	s.want(3, []string{"config.ini", "your secret (okx main)", "1 findings", "2 commits"}, "scan", "-keys", file, s.path("repo"))
	s.want(0, []string{"not looked at"}, "scan", "-keys", file, "-no-history", s.path("repo"))
	// A stranger's repository runs nothing.
	git("config", "core.pager", "touch "+s.path("ran"))
	git("config", "diff.external", "touch "+s.path("ran"))
	git("config", "core.fsmonitor", "touch "+s.path("ran"))
	s.write("repo/.gitattributes", "* diff=evil\n")
	git("config", "diff.evil.textconv", "touch "+s.path("ran")+"; cat")
	s.want(3, []string{"your secret"}, "scan", "-keys", file, s.path("repo"))
	if _, err := os.Stat(s.path("ran")); err == nil {
		t.Error("the repository's configuration was obeyed")
	}
}

// TestDoctor: each fault is found and named with its repair, and no value is shown.
func TestDoctor(t *testing.T) {
	s := newShell(t)
	s.want(0, []string{"no variable looks like a key", "none was named", "0 problems"}, "doctor")
	for value, says := range map[string]string{" " + fakeSecret: "begins or ends with white space", `"` + fakeSecret + `"`: "has quotes", fakeSecret[:10] + "\u200b" + fakeSecret[10:]: "holds white space or an invisible",
		"   ": "is nothing but white space", fakeSecret + "\n": "begins or ends"} {
		s.vars = map[string]string{"BOT_API_SECRET": value}
		s.want(3, []string{"variable BOT_API_SECRET: " + says, "1 problems"}, "doctor")
	}
	s.vars = map[string]string{"BOT_API_SECRET": fakeSecret}
	s.want(0, []string{"holds a secret in plain text"}, "doctor")
	s.vars = nil
	weak, err := os.ReadFile(filepath.Join("..", "..", "testdata", "keys", "fake-ed25519-pbkdf2-sha256-aes256.pem"))
	if err != nil {
		t.Fatal(err)
	}
	s.write("weak.pem", string(weak))
	file := s.write("keys.json", `{"version":1,"keys":[{"name":"old","venue":"okx","id":"`+fakeID+`","secret":"`+fakeSecret+`","passphrase":"`+fakePhrase+`","scope":"read","created":"2025-01-01"},
		{"name":"gone","venue":"binance","id":"x1","secret":"`+fakeSecret+`","scope":"read","created":"2026-11-01","expires":"2026-11-20"},
		{"name":"weak","venue":"binance","account":"b","id":"x2","private_key_file":"weak.pem","scope":"withdraw"}]}`)
	s.want(3, []string{"is plain text", `key "old": should have been replaced`, `key "gone": expired on 2026-11-20`, "may withdraw", "rounds of PBKDF2", "openssl pkcs8 -topk8"},
		"doctor", "-keys", file)
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	s.want(3, []string{"has mode 0640", "chmod 600 " + file}, "doctor", "-keys", file)

	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v5/public/time" {
			fmt.Fprintf(w, `{"code":"0","data":[{"ts":"%d"}]}`, time.Now().Add(-time.Hour).UnixMilli())
			return
		}
		w.WriteHeader(401)
		io.WriteString(w, `{"code":"50111","msg":"Invalid OK-ACCESS-KEY"}`)
	}))
	defer srv.Close()
	file = s.keys()
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	s.want(3, []string{"clock: is 1h0m0", "run an NTP client", "key for okx: ", "code 50111", "probably "}, "doctor", "-keys", file, "-venue", "okx", "-at", srv.URL)
	s.want(3, []string{"was not asked"}, "doctor", "-keys", file, "-venue", "okx", "-at", srv.URL, "-offline")
}

// TestDoctorRights: what the venue says a key may do is told, and what is dangerous of
// it is a problem. The answer is Binance's, as its documentation has it.
func TestDoctorRights(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v3/time":
			fmt.Fprintf(w, `{"serverTime":%d}`, time.Now().UnixMilli())
		case "/sapi/v1/account/apiRestrictions":
			io.WriteString(w, `{"ipRestrict":false,"createTime":1698645219000,"enableReading":true,"enableWithdrawals":true,"enableInternalTransfer":true,"enableMargin":false,"enableFutures":false,"permitsUniversalTransfer":true,"enableVanillaOptions":false,"enableFixApiTrade":false,"enableFixReadOnly":true,"enableSpotAndMarginTrading":false,"enablePortfolioMarginTrading":true}`)
		default:
			io.WriteString(w, `{}`)
		}
	}))
	defer srv.Close()
	s := newShell(t)
	file := s.write("keys.json", `{"version":1,"keys":[{"venue":"binance","id":"`+fakeID+`","secret":"`+fakeSecret+`","scope":"read","created":"2026-11-20","ips":["203.0.113.7"]}]}`)
	s.want(3, []string{"key for binance: works", "key for binance: may ", "withdraw", "only from listed addresses: no", "!!    key for binance: "}, "doctor", "-keys", file, "-venue", "binance", "-at", srv.URL)
}

// TestVenues: the list, and one of them.
func TestVenues(t *testing.T) {
	s := newShell(t)
	s.want(0, []string{"kraken", "HMAC-SHA512", "okx:demo", "passphrase"}, "venues")
	s.want(0, []string{"https://api.kraken.com", "check call"}, "venues", "kraken")
	s.want(0, []string{`"name": "kraken"`}, "venues", "-json", "kraken")
	s.want(2, []string{"no venue"}, "venues", "mtgox")
}

// TestReadLine: the keys that edit a line do.
func TestReadLine(t *testing.T) {
	for typed, want := range map[string]string{"abc\r": "abc", "ab\x7fc\n": "ac", "a\u00e9\x7fb\r": "ab", "junk\x15ab\r": "ab", "\x7fa\r": "a", "a\x1bb\r": "ab", "\r": ""} {
		if got, err := readLine(strings.NewReader(typed)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"abc\x03", "\x04"} {
		if got, err := readLine(strings.NewReader(typed)); !errors.Is(err, errInterrupted) || got != nil {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	if _, err := readLine(strings.NewReader("cut off")); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
