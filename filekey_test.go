package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

const keysFile = `{
  "version": 1,
  "keys": [
    {"name": "okx main", "venue": "okx", "environment": "production", "account": "main", "purpose": "bot",
     "id": "okx-trade", "secret": "FAKEokxTradeSecret-FAKE", "passphrase": "FAKE pass phrase", "fields": {"uid": "4711"},
     "scope": "read+trade-spot", "ips": ["203.0.113.7", "2001:db8::/32"],
     "created": "2026-11-23", "rotate_after": "2027-02-21T00:00:00Z", "expires": "2099-01-01"},
    {"name": "okx main, read", "venue": "okx", "account": "main", "id": "okx-read", "secret": "FAKEokxReadSecret-FAKE", "scope": "read"},
    {"name": "okx main, all", "venue": "okx", "account": "main", "id": "okx-all", "secret": "FAKEokxAllSecret-FAKE"},
    {"name": "okx demo", "venue": "okx", "environment": "demo", "id": "okx-demo", "secret": "FAKEokxDemoSecret-FAKE"},
    {"venue": "kraken", "account": "a", "id": "kraken-a", "secret": "FAKEkrakenA-FAKE", "scope": "read"},
    {"venue": "kraken", "account": "b", "id": "kraken-b", "secret": "FAKEkrakenB-FAKE"},
    {"venue": "gate", "account": "", "id": "gate-none", "secret": "FAKEgateNone-FAKE"},
    {"venue": "gate", "account": "sub", "id": "gate-sub", "secret": "FAKEgateSub-FAKE"},
    {"venue": "coinmarketcap", "id": "cmc-header-only"},
    {"venue": "acme", "id": "acme-old", "secret": "FAKEacmeOld-FAKE", "scope": "read", "expires": "2020-01-01"},
    {"venue": "acme", "id": "acme-new", "secret": "FAKE\u0061cme\u004eew-FAKE", "fields": {"uid": "\ud83d\ude00"}}
  ]
}
`

func TestFileKeyPicks(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "keys.json"), keysFile)
	src := exauth.FileKey(path)
	const read, trade = exauth.ScopeRead, exauth.ScopeRead | exauth.ScopeTradeSpot
	for _, c := range []struct {
		name string
		need exauth.Need
		want string // the id
		err  error
		says []string
	}{
		{"narrowest that reads", exauth.Need{Venue: "okx", Scope: read}, "okx-read", nil, nil},
		{"narrowest that trades", exauth.Need{Venue: "okx", Account: "main", Scope: trade}, "okx-trade", nil, nil},
		{"no scope asked", exauth.Need{Venue: "okx"}, "okx-read", nil, nil},
		{"only the widest withdraws", exauth.Need{Venue: "okx", Scope: exauth.ScopeWithdraw}, "okx-all", nil, nil},
		{"production by name", exauth.Need{Venue: "okx", Environment: "production", Scope: read}, "okx-read", nil, nil},
		{"demo", exauth.Need{Venue: "okx", Environment: "demo", Scope: trade}, "okx-demo", nil, nil},
		{"no secret needed", exauth.Need{Venue: "coinmarketcap"}, "cmc-header-only", nil, nil},
		{"expired is passed over", exauth.Need{Venue: "acme", Scope: read}, "acme-new", nil, nil},
		{"other venue", exauth.Need{Venue: "bybit"}, "", exauth.ErrNoKey, []string{"none for bybit"}},
		{"other environment", exauth.Need{Venue: "okx", Environment: "testnet"}, "", exauth.ErrEnvironment, []string{"production, demo", "testnet"}},
		{"other environment is also no key", exauth.Need{Venue: "kraken", Environment: "demo"}, "", exauth.ErrNoKey, nil},
		{"demo only by account", exauth.Need{Venue: "okx", Environment: "demo", Account: "main"}, "", exauth.ErrNoKey, []string{`"main"`}},
		{"two accounts", exauth.Need{Venue: "kraken", Scope: read}, "", exauth.ErrNoKey, []string{`"a" and "b"`}},
		{"two accounts, one able", exauth.Need{Venue: "kraken", Scope: exauth.ScopeWithdraw}, "", exauth.ErrNoKey, []string{`"a" and "b"`}},
		{"one of two accounts", exauth.Need{Venue: "kraken", Account: "b", Scope: read}, "kraken-b", nil, nil},
		{"unlabelled and labelled account", exauth.Need{Venue: "gate"}, "", exauth.ErrNoKey, []string{"the one without a label", `"sub"`}},
		{"unknown account", exauth.Need{Venue: "kraken", Account: "c"}, "", exauth.ErrNoKey, []string{`"c"`, `"a" and "b"`}},
		{"beyond every scope", exauth.Need{Venue: "kraken", Account: "a", Scope: trade}, "", exauth.ErrScope, []string{"read"}},
		{"scope error is also no key", exauth.Need{Venue: "kraken", Account: "a", Scope: trade}, "", exauth.ErrNoKey, nil},
		{"no venue asked", exauth.Need{}, "", exauth.ErrNoKey, []string{"okx, kraken"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := src.Key(bg, c.need)
			if !errors.Is(err, c.err) || (got == nil) != (c.want == "") {
				t.Fatalf("got %v, %v, want %q, %v", got, err, c.want, c.err)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			if got == nil {
				return
			}
			if again := must(src.Key(bg, c.need))(t); again != got {
				t.Error("another *Key though nothing changed")
			}
			if want := exauth.NewSecretKey(c.want, "x").For(c.need.Venue, "", "").Fingerprint(); got.Fingerprint() != want {
				t.Errorf("key is not %s", c.want)
			}
			if _, err := got.Key(bg, c.need); err != nil {
				t.Errorf("the key itself refuses the need: %v", err)
			}
			if _, err := got.Key(bg, exauth.Need{Venue: c.need.Venue, Environment: "elsewhere"}); !errors.Is(err, exauth.ErrEnvironment) {
				t.Errorf("the key is not bound to its environment: %v", err)
			}
			if _, err := got.Key(bg, exauth.Need{Venue: "elsewhere", Environment: c.need.Environment}); !errors.Is(err, exauth.ErrNoKey) {
				t.Errorf("the key is not bound to its venue: %v", err)
			}
		})
	}
}

// TestFileKeyContents: what an entry says arrives at the scheme, escapes undone.
func TestFileKeyContents(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "keys.json"), keysFile)
	for _, c := range []struct{ venue, id, secret, pass, uid string }{
		{"okx", "okx-trade", "FAKEokxTradeSecret-FAKE", "FAKE pass phrase", "4711"},
		{"acme", "acme-new", "FAKEacmeNew-FAKE", "", "\U0001F600"},
	} {
		v := keyVenue()
		v.Name = c.venue
		client := must(exauth.New(v, exauth.FileKey(path), nil))(t)
		r := must(client.Sign(bg, exauth.Call{Method: "POST", Path: "/v1/orders", Scope: exauth.ScopeTradeSpot}))(t)
		same := must(exauth.New(v, exauth.NewSecretKey(c.id, c.secret), nil))(t)
		want := must(same.Sign(bg, exauth.Call{Method: "POST", Path: "/v1/orders", Scope: exauth.ScopeTradeSpot}))(t)
		for name, want := range map[string]string{"Acme-Key": c.id, "Acme-Pass": c.pass, "Acme-Uid": c.uid, "Acme-Sign": want.Header.Get("Acme-Sign")} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.venue, name, got, want)
			}
		}
	}
}

func TestFileKeyPrivateKeyFile(t *testing.T) {
	dir := t.TempDir()
	pem := string(readFile(t, "keys/fake-ed25519.pem"))
	write(t, filepath.Join(dir, "bot.pem"), pem)
	path := write(t, filepath.Join(dir, "keys.json"),
		`{"version":1,"keys":[{"venue":"acme","id":"ed","private_key_file":"bot.pem","fields":{"uid":"1"},"scope":"read"}]}`)
	src := exauth.FileKey(path)
	key, err := src.Key(bg, exauth.Need{Venue: "acme", Scope: exauth.ScopeRead})
	if err != nil {
		t.Fatal(err)
	}
	if again := must(src.Key(bg, exauth.Need{Venue: "acme"}))(t); again != key {
		t.Error("another *Key though nothing changed")
	}
	_, sig := signs(t, key)
	if _, want := signs(t, must(exauth.ParsePEM("ed", []byte(pem), nil))(t)); sig != want {
		t.Error("does not sign as the PEM does")
	}
	if key.Scope() != exauth.ScopeRead {
		t.Errorf("scope %s", key.Scope())
	}
	// A half-written PEM leaves the key in use; a whole one replaces it.
	var warned []error
	src = exauth.FileOptions{Warn: func(err error) { warned = append(warned, err) }}.FileKey(path)
	key = must(src.Key(bg, exauth.Need{}))(t)
	write(t, filepath.Join(dir, "bot.pem"), pem[:len(pem)/2])
	for range 3 {
		if got := must(src.Key(bg, exauth.Need{}))(t); got != key {
			t.Error("a torn PEM took the key away")
		}
	}
	if len(warned) != 1 || !errors.Is(warned[0], exauth.ErrKey) {
		t.Errorf("warned %v, want once, of ErrKey", warned)
	}
	write(t, filepath.Join(dir, "bot.pem"), string(readFile(t, "keys/fake-rsa2048.pem")))
	if got := must(src.Key(bg, exauth.Need{}))(t); got == key {
		t.Error("a new PEM is not used")
	}
}

func TestFileKeyRefuses(t *testing.T) {
	entry := func(members string) string { return `{"version":1,"keys":[{` + members + `}]}` }
	const ok = `"venue":"okx","id":"x","secret":"FAKEFAKEFAKE"`
	for _, c := range []struct{ name, text, want string }{
		{"empty object", `{}`, `"version" is missing`},
		{"version 2", `{"version":2,"keys":[]}`, "unknown version"},
		{"version as text", `{"version":"1","keys":[]}`, "unknown version"},
		{"no object", `[1]`, `want {"version": 1`},
		{"not JSON", "venue = okx\n", "not valid JSON, or cut off, in line 1"},
		{"cut off", keysFile[:len(keysFile)/2], "cut off, in line 10"},
		{"something behind", keysFile + "}", "not valid JSON, or cut off, in line"},
		{"BOM", "\ufeff" + keysFile, "byte order mark"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "UTF-16"},
		{"unknown member on top", `{"version":1,"keys":[],"key":[]}`, `unknown member "key"`},
		{"unknown member", entry(ok + `,"apiSecret":"x"`), `unknown member "apiSecret"`},
		{"unknown member with a number", entry(ok + `,"weight":1`), `unknown member "weight"`},
		{"a secret for a name", entry(ok + `,"FAKE1234567890":"x"`), "unknown member (its name is not shown)"},
		{"a long name", entry(ok + `,"FAKEFAKEFAKEFAKEFAKEFAKEFAKE":"x"`), "unknown member (its name is not shown)"},
		{"twice", entry(ok + `,"secret":"FAKE2"`), `member "secret" is given twice`},
		{"no venue", entry(`"id":"x","secret":"s"`), `"venue" is missing`},
		{"venue in capitals", entry(`"venue":"OKX","id":"x"`), "ccxt's id"},
		{"venue with environment", entry(`"venue":"binance:testnet","id":"x"`), "ccxt's id"},
		{"no id", entry(`"venue":"okx","secret":"FAKEFAKE"`), `"id" is missing`},
		{"id as number", entry(`"venue":"okx","id":12345678`), `"id" must be a text`},
		{"secret in quotes", entry(`"venue":"okx","id":"x","secret":"\"FAKEFAKE\""`), "in quotes"},
		{"secret with a space", entry(`"venue":"okx","id":"x","secret":"FAKE FAKE"`), "white space"},
		{"two keys in one", entry(ok + `,"private_key_file":"a.pem"`), "one of them"},
		{"scope unknown", entry(ok + `,"scope":"rad"`), `"scope": unknown scope; use read`},
		{"scope empty", entry(ok + `,"scope":""`), `"scope" is empty`},
		{"date", entry(ok + `,"expires":"23.11.2026"`), `"expires" must be a date like 2006-01-02`},
		{"ips", entry(ok + `,"ips":["everywhere"]`), `"ips" must be a list of addresses`},
		{"ips as text", entry(ok + `,"ips":"203.0.113.7"`), `"ips" must be a list of addresses`},
		{"fields", entry(ok + `,"fields":{"uid":4711}`), `"fields" must hold names and texts`},
		{"same name", `{"version":1,"keys":[{"name":"n",` + ok + `},{"name":"n",` + ok + `}]}`, "key 2: name is another key's"},
		{"named in the error", entry(`"name":"my key",` + ok + `,"scope":"rad"`), `key 1 ("my key"): "scope"`},
		{"a PEM", string(readFile(t, "keys/fake-ed25519.pem")), "is a PEM file; read it with ParsePEM"},
		{"too large", `{"version":1,"keys":[]}` + strings.Repeat(" ", 64<<10), "larger than 64 KiB"},
		{"nothing", "", "is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "keys.json"), c.text)
			key, err := exauth.FileKey(path).Key(bg, exauth.Need{})
			if key != nil || !errors.Is(err, exauth.ErrKey) || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Fatalf("got %v, %v, want %q", key, err, c.want)
			}
			if errors.Is(err, exauth.ErrNoKey) {
				t.Error("a broken file would be passed over by FirstKey")
			}
			if strings.Contains(err.Error(), "FAKE") || strings.Count(err.Error(), "exauth: ") != 1 {
				t.Errorf("error shows too much: %v", err)
			}
		})
	}
	t.Run("PEM by name", func(t *testing.T) {
		path := write(t, filepath.Join(t.TempDir(), "key.pem"), "x")
		if _, err := exauth.FileKey(path).Key(bg, exauth.Need{}); !strings.Contains(fmt.Sprint(err), "P_PRIVATE_KEY_FILE") {
			t.Error(err)
		}
	})
	t.Run("no file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys.json")
		if _, err := exauth.FileKey(path).Key(bg, exauth.Need{}); !errors.Is(err, exauth.ErrNoKey) || !strings.Contains(err.Error(), path) {
			t.Error(err)
		}
	})
}

func TestKeyFileModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are not checked on Windows")
	}
	dir := t.TempDir()
	creds := filepath.Join(dir, "credentials")
	if err := os.MkdirAll(filepath.Join(creds, "..data"), 0o700); err != nil {
		t.Fatal(err)
	}
	outside := write(t, filepath.Join(dir, "it's keys.json"), keysFile)
	plain := write(t, filepath.Join(dir, "keys.json"), keysFile)
	inside := write(t, filepath.Join(creds, "..data", "keys.json"), keysFile)
	link := func(to, at string) string {
		if err := os.Symlink(to, at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	linked := link(inside, filepath.Join(creds, "keys.json")) // as Kubernetes does
	away := link(outside, filepath.Join(creds, "away.json"))
	for _, c := range []struct {
		name, path string
		mode       os.FileMode
		allow      os.FileMode
		want       string // "" when it is taken
	}{
		{"0600", plain, 0o600, 0, ""},
		{"0400", plain, 0o400, 0, ""},
		{"0700", plain, 0o700, 0, ""},
		{"0640", plain, 0o640, 0, "mode 0640, others than its owner can get at it; run: chmod 600 " + plain},
		{"0604", plain, 0o604, 0, "run: chmod 600"},
		{"0620", plain, 0o620, 0, "run: chmod 600"},
		{"0440", plain, 0o440, 0, "run: chmod 600"},
		{"0440 allowed", plain, 0o440, 0o440, ""},
		{"0444 where 0440 is allowed", plain, 0o444, 0o440, "run: chmod 600"},
		{"0444 allowed", plain, 0o444, 0o444, ""},
		{"0640 where 0440 is allowed", plain, 0o640, 0o440, ""},
		{"0660 where 0440 is allowed", plain, 0o660, 0o440, "run: chmod 600"},
		{"0444 in the credentials directory", inside, 0o444, 0, ""},
		{"0440 through a link there", linked, 0o440, 0, ""},
		{"0640 in the credentials directory", inside, 0o640, 0, ""},
		{"0464 in the credentials directory", inside, 0o464, 0, "run: chmod 600"},
		{"0444 behind a link that leads out", away, 0o444, 0, "run: chmod 600 " + away},
		{"a path to quote", outside, 0o644, 0, "chmod 600 -- '" + strings.ReplaceAll(outside, "'", `'\''`) + "'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("CREDENTIALS_DIRECTORY", creds)
			if err := os.Chmod(c.path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := exauth.FileOptions{Mode: c.allow}.FileKey(c.path).Key(bg, exauth.Need{Venue: "acme"})
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestKeyExpired: past its date a key opens no risk; reads and cancels pass (O7).
func TestKeyExpired(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "keys.json"),
		`{"version":1,"keys":[{"venue":"acme","id":"x","secret":"FAKEFAKEFAKE","expires":"2026-11-23"}]}`)
	now := time.Date(2026, 11, 22, 23, 59, 59, 0, time.UTC)
	v := keyVenue()
	v.Routes = []exauth.Route{
		{Method: "DELETE", Path: "/v1/orders", Scope: exauth.ScopeTradeSpot, Priority: exauth.PriorityCancel},
	}
	c := must(exauth.New(v, exauth.FileKey(path), &exauth.Options{Now: func() time.Time { return now }}))(t)
	for _, day := range []struct {
		name    string
		advance time.Duration
		refused bool
	}{{"the second before", 0, false}, {"on the day", time.Second, true}} {
		now = now.Add(day.advance)
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			_, err := c.Sign(bg, exauth.Call{Method: method, Path: "/v1/orders"})
			if want := day.refused && method == http.MethodPost; errors.Is(err, exauth.ErrKeyExpired) != want || (err != nil) != want {
				t.Errorf("%s: %s: %v, want refused %t", day.name, method, err, want)
			}
		}
	}
}

// TestFileKeyReload: entries that did not change keep their *Key, others are made
// anew, and what cannot be used leaves things as they are.
func TestFileKeyReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	file := func(a, b string) string {
		return `{"version":1,"keys":[{"venue":"acme","id":"` + a + `","secret":"FAKEFAKE` + a + `"},{"venue":"okx","id":"` + b + `","secret":"FAKEFAKE` + b + `"}]}`
	}
	write(t, path, file("a1", "b1"))
	var warned []string
	src := exauth.FileOptions{Warn: func(err error) { warned = append(warned, err.Error()) }}.FileKey(path)
	get := func(venue string) *exauth.Key { t.Helper(); return must(src.Key(bg, exauth.Need{Venue: venue}))(t) }
	a1, b1 := get("acme"), get("okx")
	write(t, path, file("a2", "b1"))
	a2 := get("acme")
	if a2 == a1 || !signsLike(t, a2, "a2", "FAKEFAKEa2") {
		t.Error("the changed entry is not used")
	}
	if get("okx") != b1 {
		t.Error("the entry that did not change has another *Key")
	}
	for _, broken := range []string{"", file("a3", "b3")[:60], `{"version":2,"keys":[]}`, file("a 3", "b3")} {
		if err := os.WriteFile(path, []byte(broken), 0o600); err != nil { // in place
			t.Fatal(err)
		}
		if get("acme") != a2 || get("okx") != b1 {
			t.Errorf("%q took the keys away", broken)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if get("acme") != a2 {
		t.Error("a file that is gone took the keys away")
	}
	if len(warned) != 5 {
		t.Errorf("%d warnings, want one each of 5 faults: %q", len(warned), warned)
	}
	write(t, path, `{"version":1,"keys":[]}`)
	if _, err := src.Key(bg, exauth.Need{Venue: "acme"}); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("a key that was taken out of the list: %v", err)
	}
	write(t, path, file("a3", "b3"))
	if !signsLike(t, get("acme"), "a3", "FAKEFAKEa3") {
		t.Error("the repaired file is not used")
	}
}

// TestFileKeyNonceSurvivesReload: the venue has seen the old nonces of the same key.
func TestFileKeyNonceSurvivesReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	file := func(scope string) {
		write(t, path, `{"version":1,"keys":[{"venue":"acme","id":"x","secret":"FAKEFAKE","scope":"`+scope+`"}]}`)
	}
	file("read")
	v := keyVenue()
	v.NonceUnit = time.Second
	var nonces []int64
	v.Scheme = exauth.SchemeFunc(func(_ context.Context, r *exauth.Request) error { nonces = append(nonces, r.Nonce); return nil })
	now := time.Unix(1_800_000_000, 0)
	c := must(exauth.New(v, exauth.FileKey(path), &exauth.Options{Now: func() time.Time { return now }}))(t)
	for i := range 4 {
		if i == 2 {
			file("read+trade")
		}
		must(c.Sign(bg, exauth.Call{Path: "/v1/me"}))(t)
	}
	for i, n := range nonces {
		if want := now.Unix() + int64(i); n != want {
			t.Errorf("nonce %d is %d, want %d", i, n, want)
		}
	}
}
