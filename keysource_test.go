package exauth_test

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
)

// keyVenue signs with whatever key it is given and shows id, passphrase, one field
// and the signature in headers.
func keyVenue() *exauth.Venue {
	return &exauth.Venue{
		Name:       "acme",
		BaseURL:    "https://api.acme.example",
		Algorithms: []exauth.Algorithm{exauth.HMACSHA256, exauth.Ed25519, exauth.RSASHA256},
		Signer:     exauth.UTF8Secret(exauth.HMACSHA256),
		GETReads:   true,
		Scheme: exauth.SchemeFunc(func(ctx context.Context, r *exauth.Request) error {
			sig, err := r.Sign(ctx, nil, []byte(r.Method+r.RequestURI()))
			if err != nil {
				return err
			}
			r.SetHeader("Acme-Key", r.KeyID())
			r.SetHeader("Acme-Pass", r.Passphrase())
			r.SetHeader("Acme-Uid", r.Field("uid"))
			r.SetHeader("Acme-Sign", hex.EncodeToString(sig))
			return nil
		}),
	}
}

// signs returns what a key puts on a request: its id, and its signature.
func signs(t testing.TB, key *exauth.Key) (id, sig string) {
	t.Helper()
	v := keyVenue()
	c := must(exauth.New(v, exauth.KeyFunc(func(context.Context, exauth.Need) (*exauth.Key, error) { return key, nil }), nil))(t)
	defer c.Close()
	r := must(c.Sign(bg, exauth.Call{Path: "/v1/me"}))(t)
	return r.Header.Get("Acme-Key"), r.Header.Get("Acme-Sign")
}

// signsLike reports whether key signs as a key of id and secret does.
func signsLike(t testing.TB, key *exauth.Key, id, secret string) bool {
	t.Helper()
	gotID, got := signs(t, key)
	_, want := signs(t, exauth.NewSecretKey(id, secret))
	return gotID == id && got == want
}

// write replaces a file as a careful writer does: beside it, then renamed.
func write(t testing.TB, path, text string) string {
	t.Helper()
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// aged makes a file look as if it had been written a while ago.
func aged(t testing.TB, path string) string {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFirstKey(t *testing.T) {
	key := exauth.NewSecretKey("id", fakeSecret)
	none := func(what string) exauth.KeySource {
		return exauth.KeyFunc(func(context.Context, exauth.Need) (*exauth.Key, error) {
			return nil, errors.Join(exauth.ErrNoKey, errors.New(what))
		})
	}
	boom := errors.New("boom")
	final := exauth.KeyFunc(func(context.Context, exauth.Need) (*exauth.Key, error) { return nil, boom })
	for _, c := range []struct {
		name    string
		sources []exauth.KeySource
		want    *exauth.Key
		err     error
		says    []string
	}{
		{"first wins", []exauth.KeySource{key, final}, key, nil, nil},
		{"no key: next", []exauth.KeySource{none("vault is empty"), key}, key, nil, nil},
		{"nil is passed over", []exauth.KeySource{nil, exauth.KeyFunc(nil), key}, key, nil, nil},
		{"an error is final", []exauth.KeySource{none("x"), final, key}, nil, boom, nil},
		{"nobody", []exauth.KeySource{none("vault is empty"), nil, none("keyring is locked")}, nil, exauth.ErrNoKey,
			[]string{"vault is empty", "source 2 is nil", "keyring is locked"}},
		{"no sources", nil, nil, exauth.ErrNoKey, []string{"no sources"}},
		{"another environment", []exauth.KeySource{key.For("", "testnet", "")}, nil, exauth.ErrEnvironment, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := exauth.FirstKey(c.sources...).Key(bg, exauth.Need{})
			if got != c.want || !errors.Is(err, c.err) {
				t.Fatalf("got %v, %v, want %v, %v", got, err, c.want, c.err)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
}

// counted is a source that counts and answers as told.
type counted struct {
	asked atomic.Int32
	mu    sync.Mutex
	key   *exauth.Key
	err   error
	hold  chan struct{} // when set, answers wait for it
}

func (s *counted) say(key *exauth.Key, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key, s.err = key, err
}

func (s *counted) Key(ctx context.Context, _ exauth.Need) (*exauth.Key, error) {
	s.asked.Add(1)
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key, s.err
}

func TestCacheKeyServesWhileFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &counted{key: exauth.NewSecretKey("id", fakeSecret)}
		cache := exauth.CacheKey(src, time.Minute)
		first := must(cache.Key(bg, exauth.Need{}))(t)
		for range 10 {
			if k := must(cache.Key(bg, exauth.Need{}))(t); k != first {
				t.Fatal("another Key while fresh")
			}
		}
		if n := src.asked.Load(); n != 1 {
			t.Errorf("asked %d times, want 1", n)
		}
		must(cache.Key(bg, exauth.Need{Scope: exauth.ScopeRead}))(t)
		if n := src.asked.Load(); n != 2 {
			t.Errorf("another Need: asked %d times, want 2", n)
		}
		time.Sleep(time.Minute)
		// The source makes a new Key that says the same: the old one stays, and with
		// it the signing state and the nonce.
		src.say(exauth.NewSecretKey("id", fakeSecret), nil)
		if k := must(cache.Key(bg, exauth.Need{}))(t); k != first || src.asked.Load() != 3 {
			t.Errorf("after ttl: %p asked %d times, want the old %p, 3", k, src.asked.Load(), first)
		}
		time.Sleep(time.Minute)
		second := exauth.NewSecretKey("id", fakeSecret+"2")
		src.say(second, nil)
		if k := must(cache.Key(bg, exauth.Need{}))(t); k != second {
			t.Error("a key with another secret is not used")
		}
	})
}

func TestCacheKeyRefreshFails(t *testing.T) {
	other := exauth.NewSecretKey("other", fakeSecret)
	for _, c := range []struct {
		name string
		key  *exauth.Key
		err  error
		keep bool
	}{
		{"outage", nil, errors.New("vault is down"), true},
		{"no key", nil, exauth.ErrNoKey, true},
		{"malformed", exauth.NewSecretKey("new", `"quoted"`), nil, true},
		{"neither key nor error", nil, nil, true},
		{"expired", nil, exauth.ErrKeyExpired, false},
		{"permission", nil, exauth.ErrPermission, false},
		{"locked", nil, exauth.ErrAccountLocked, false},
		{"a ring without one for the scope", nil, errors.Join(exauth.ErrNoKey, exauth.ErrScope), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				key := exauth.NewSecretKey("id", fakeSecret)
				src := &counted{key: key}
				cache := exauth.CacheKey(src, time.Hour)
				must(cache.Key(bg, exauth.Need{}))(t)
				time.Sleep(time.Hour)
				src.say(c.key, c.err)
				got, err := cache.Key(bg, exauth.Need{})
				if c.keep && (got != key || err != nil) || !c.keep && (got != nil || !errors.Is(err, c.err)) {
					t.Fatalf("got %v, %v, keep %v", got, err, c.keep)
				}
				asked := src.asked.Load()
				cache.Key(bg, exauth.Need{})
				if c.keep && src.asked.Load() != asked {
					t.Error("asked again at once")
				}
				src.say(other, nil)
				time.Sleep(5 * time.Second)
				if got := must(cache.Key(bg, exauth.Need{}))(t); got != other {
					t.Errorf("after five seconds: %v, want %v", got, other)
				}
			})
		})
	}
}

// TestCacheKeyOneKey: a source that makes a fresh Key for every question gives one
// nonce to one key all the same, also when calls need different things of it.
func TestCacheKeyOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secret := fakeSecret
		cache := exauth.CacheKey(exauth.KeyFunc(func(_ context.Context, need exauth.Need) (*exauth.Key, error) {
			return exauth.NewSecretKey("id", secret).For(need.Venue, "", ""), nil
		}), time.Minute)
		read, trade := exauth.Need{Venue: "acme", Scope: exauth.ScopeRead}, exauth.Need{Venue: "acme", Scope: exauth.ScopeTradeSpot}
		first := must(cache.Key(bg, read))(t)
		if must(cache.Key(bg, trade))(t) != first {
			t.Error("two keys for two Needs")
		}
		if must(cache.Key(bg, exauth.Need{Venue: "okx", Scope: exauth.ScopeRead}))(t) == first {
			t.Error("a key bound to another venue is taken for the same")
		}
		secret += "2"
		time.Sleep(time.Minute)
		second := must(cache.Key(bg, read))(t)
		if second == first || must(cache.Key(bg, trade))(t) != second {
			t.Error("two keys for two Needs after a rotation")
		}
	})
}

func TestCacheKeyClosedKeyIsNotServed(t *testing.T) {
	src := &counted{key: exauth.NewSecretKey("id", fakeSecret)}
	cache := exauth.CacheKey(src, time.Hour)
	must(cache.Key(bg, exauth.Need{}))(t).Close()
	want := exauth.NewSecretKey("id", fakeSecret)
	src.say(want, nil)
	if got := must(cache.Key(bg, exauth.Need{}))(t); got != want {
		t.Errorf("got %p, want the new %p", got, want)
	}
	want.Close()
	boom := errors.New("boom")
	src.say(nil, boom)
	if got, err := cache.Key(bg, exauth.Need{}); !errors.Is(err, boom) {
		t.Errorf("got %v, %v, want boom: a closed key is nothing to fall back on", got, err)
	}
}

func TestCacheKeySingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &counted{key: exauth.NewSecretKey("id", fakeSecret), hold: make(chan struct{})}
		cache := exauth.CacheKey(src, time.Minute)
		ctx, cancel := context.WithCancel(bg)
		go cache.Key(ctx, exauth.Need{}) // asks, and gives up
		synctest.Wait()
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if k, err := cache.Key(bg, exauth.Need{}); k != src.key || err != nil {
					t.Errorf("got %v, %v", k, err)
				}
			})
		}
		short, stop := context.WithTimeout(bg, time.Second)
		defer stop()
		if _, err := cache.Key(short, exauth.Need{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a waiter's own deadline: %v", err)
		}
		cancel()
		synctest.Wait()
		if n := src.asked.Load(); n != 2 {
			t.Errorf("asked %d times, want 2: the one that gave up, and one more", n)
		}
		close(src.hold)
		wg.Wait()
		if n := src.asked.Load(); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}

		// Stale: one asks, the others go on with the old key.
		time.Sleep(time.Minute)
		src.hold = make(chan struct{})
		done := make(chan struct{})
		go func() { cache.Key(bg, exauth.Need{}); close(done) }()
		synctest.Wait()
		must(cache.Key(bg, exauth.Need{}))(t)
		close(src.hold)
		<-done
		if n := src.asked.Load(); n != 3 {
			t.Errorf("asked %d times, want 3", n)
		}
	})
}

func TestCacheKeySourcePanics(t *testing.T) {
	panics := true
	cache := exauth.CacheKey(exauth.KeyFunc(func(context.Context, exauth.Need) (*exauth.Key, error) {
		if panics {
			panic("vault client bug")
		}
		return exauth.NewSecretKey("id", fakeSecret), nil
	}), 0)
	func() {
		defer func() { _ = recover() }()
		cache.Key(bg, exauth.Need{})
	}()
	panics = false
	if _, err := cache.Key(bg, exauth.Need{}); err != nil {
		t.Errorf("after a panic: %v", err)
	}
	if _, err := exauth.CacheKey(nil, 0).Key(bg, exauth.Need{}); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("nil source: %v", err)
	}
}

func TestEnvKey(t *testing.T) {
	dir := t.TempDir()
	id := aged(t, write(t, filepath.Join(dir, "id"), "file-id\n"))
	secret := aged(t, write(t, filepath.Join(dir, "secret"), fakeSecret+"\r\n"))
	empty := write(t, filepath.Join(dir, "empty"), "\n")
	bom := aged(t, write(t, filepath.Join(dir, "bom"), "\ufeff"+fakeSecret))
	utf16 := aged(t, write(t, filepath.Join(dir, "utf16"), "\xff\xfeF\x00A\x00"))
	two := aged(t, write(t, filepath.Join(dir, "two"), fakeSecret+"\n\n"))
	const key = "env-id"
	for _, c := range []struct {
		name string
		env  map[string]string
		err  error    // nil: works
		says []string // in the error; never the value
	}{
		{"variables", map[string]string{"T_API_KEY": key, "T_API_SECRET": fakeSecret}, nil, nil},
		{"files", map[string]string{"T_API_KEY_FILE": id, "T_API_SECRET_FILE": secret}, nil, nil},
		{"variable and file", map[string]string{"T_API_KEY": key, "T_API_SECRET_FILE": secret}, nil, nil},
		{"key only", map[string]string{"T_API_KEY": key}, nil, nil},
		{"nothing", nil, exauth.ErrNoKey, []string{"T_API_KEY is not set"}},
		{"all empty", map[string]string{"T_API_KEY": "", "T_API_SECRET": ""}, exauth.ErrNoKey, []string{"T_API_KEY is set but empty"}},
		{"secret without key", map[string]string{"T_API_SECRET": fakeSecret}, exauth.ErrKey, []string{"T_API_SECRET is set but T_API_KEY is not"}},
		{"empty secret", map[string]string{"T_API_KEY": key, "T_API_SECRET": ""}, exauth.ErrKey, []string{"T_API_SECRET is empty"}},
		{"both", map[string]string{"T_API_KEY": key, "T_API_SECRET": fakeSecret, "T_API_SECRET_FILE": secret}, exauth.ErrKey, []string{"T_API_SECRET and T_API_SECRET_FILE are both set"}},
		{"secret and private key", map[string]string{"T_API_KEY": key, "T_API_SECRET": fakeSecret, "T_PRIVATE_KEY_FILE": secret}, exauth.ErrKey, []string{"both set"}},
		{"quotes", map[string]string{"T_API_KEY": key, "T_API_SECRET": `"` + fakeSecret + `"`}, exauth.ErrKey, []string{"T_API_SECRET is in quotes"}},
		{"space", map[string]string{"T_API_KEY": key + " ", "T_API_SECRET": fakeSecret}, exauth.ErrKey, []string{"T_API_KEY holds white space"}},
		{"PEM as key", map[string]string{"T_API_KEY": "-----BEGIN PRIVATE KEY-----"}, exauth.ErrKey, []string{"T_API_KEY holds a PEM"}},
		{"missing file", map[string]string{"T_API_KEY": key, "T_API_SECRET_FILE": filepath.Join(dir, "no")}, os.ErrNotExist, []string{"T_API_SECRET_FILE"}},
		{"directory", map[string]string{"T_API_KEY": key, "T_API_SECRET_FILE": dir}, exauth.ErrKey, []string{"T_API_SECRET_FILE", "no regular file"}},
		{"empty file", map[string]string{"T_API_KEY": key, "T_API_SECRET_FILE": empty}, exauth.ErrKey, []string{"T_API_SECRET", "empty"}},
		{"BOM", map[string]string{"T_API_KEY": key, "T_API_SECRET_FILE": bom}, exauth.ErrKey, []string{"T_API_SECRET_FILE begins with a byte order mark"}},
		{"UTF-16", map[string]string{"T_API_KEY": key, "T_API_SECRET_FILE": utf16}, exauth.ErrKey, []string{"T_API_SECRET_FILE is UTF-16"}},
		{"two newlines", map[string]string{"T_API_KEY": key, "T_API_SECRET_FILE": two}, exauth.ErrKey, []string{"T_API_SECRET_FILE holds white space"}},
		{"quoted passphrase", map[string]string{"T_API_KEY": key, "T_API_SECRET": fakeSecret, "T_PASSPHRASE": "'p'"}, exauth.ErrKey, []string{"T_PASSPHRASE is in quotes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			src := exauth.EnvKey("T")
			got, err := src.Key(bg, exauth.Need{})
			if !errors.Is(err, c.err) || c.err != nil && got != nil {
				t.Fatalf("got %v, %v, want %v", got, err, c.err)
			}
			if err == nil {
				if again := must(src.Key(bg, exauth.Need{}))(t); again != got {
					t.Error("another *Key though nothing changed")
				}
				wantID, _ := signsIDs(c.env, key)
				if s := c.env["T_API_SECRET"] + c.env["T_API_SECRET_FILE"]; s != "" && !signsLike(t, got, wantID, fakeSecret) {
					t.Error("key does not sign as its secret does")
				}
				return
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			if strings.Contains(err.Error(), fakeSecret[:8]) {
				t.Errorf("%q shows the secret", err)
			}
		})
	}
}

func signsIDs(env map[string]string, key string) (id string, file bool) {
	if env["T_API_KEY_FILE"] != "" {
		return "file-id", true
	}
	return key, false
}

func TestEnvKeyPassphraseAndPrefix(t *testing.T) {
	t.Setenv("P_API_KEY", "id")
	t.Setenv("P_API_SECRET", fakeSecret)
	t.Setenv("P_PASSPHRASE", "two words")
	for _, prefix := range []string{"P", "P_"} {
		key := must(exauth.EnvKey(prefix).Key(bg, exauth.Need{}))(t)
		c := must(exauth.New(keyVenue(), key, nil))(t)
		r := must(c.Sign(bg, exauth.Call{Path: "/v1/me"}))(t)
		if got := r.Header.Get("Acme-Pass"); got != "two words" {
			t.Errorf("prefix %q: passphrase %q", prefix, got)
		}
	}
	t.Setenv("P_API_SECRET", fakeSecret+"2")
	src := exauth.EnvKey("P")
	one := must(src.Key(bg, exauth.Need{}))(t)
	t.Setenv("P_API_SECRET", fakeSecret+"3")
	if two := must(src.Key(bg, exauth.Need{}))(t); two == one || !signsLike(t, two, "id", fakeSecret+"3") {
		t.Error("a changed variable is not used")
	}
	os.Unsetenv("P_API_SECRET")
	os.Unsetenv("P_API_KEY")
	os.Unsetenv("P_PASSPHRASE")
	if _, err := src.Key(bg, exauth.Need{}); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("variables gone: %v", err)
	}
}

func TestEnvKeyPEM(t *testing.T) {
	dir := t.TempDir()
	pem := func(name string) string {
		return aged(t, write(t, filepath.Join(dir, name), string(readFile(t, "keys/"+name))))
	}
	plain, sealed := pem("fake-ed25519.pem"), pem("fake-ed25519-pbkdf2-sha256-aes256.pem")
	pass := aged(t, write(t, filepath.Join(dir, "pass"), fakePassphrase+"\n"))
	text := string(readFile(t, "keys/fake-ed25519.pem"))
	_, want := signs(t, exauth.NewPrivateKey("id", readKey(t, "fake-ed25519.pem")))
	ask := func(answer string) func(string) ([]byte, error) {
		return func(name string) ([]byte, error) {
			if name != "T_PRIVATE_KEY_FILE" {
				t.Errorf("asked for %q", name)
			}
			return []byte(answer), nil
		}
	}
	for _, c := range []struct {
		name string
		env  map[string]string
		opts exauth.FileOptions
		err  error
		says string
	}{
		{"plain", map[string]string{"T_PRIVATE_KEY_FILE": plain}, exauth.FileOptions{}, nil, ""},
		{"in the secret", map[string]string{"T_API_SECRET": text}, exauth.FileOptions{}, nil, ""},
		{"in the secret's file", map[string]string{"T_API_SECRET_FILE": plain}, exauth.FileOptions{}, nil, ""},
		{"encrypted, passphrase in a variable", map[string]string{"T_PRIVATE_KEY_FILE": sealed, "T_PRIVATE_KEY_PASSPHRASE": fakePassphrase}, exauth.FileOptions{}, nil, ""},
		{"encrypted, passphrase in a file", map[string]string{"T_PRIVATE_KEY_FILE": sealed, "T_PRIVATE_KEY_PASSPHRASE_FILE": pass}, exauth.FileOptions{}, nil, ""},
		{"encrypted, passphrase asked", map[string]string{"T_PRIVATE_KEY_FILE": sealed}, exauth.FileOptions{Passphrase: ask(fakePassphrase)}, nil, ""},
		{"wrong passphrase", map[string]string{"T_PRIVATE_KEY_FILE": sealed, "T_PRIVATE_KEY_PASSPHRASE": "wrong"}, exauth.FileOptions{}, exauth.ErrPassphrase, "T_PRIVATE_KEY_FILE"},
		{"wrong passphrase asked", map[string]string{"T_PRIVATE_KEY_FILE": sealed}, exauth.FileOptions{Passphrase: ask("wrong")}, exauth.ErrPassphrase, "T_PRIVATE_KEY_FILE"},
		{"no passphrase", map[string]string{"T_PRIVATE_KEY_FILE": sealed}, exauth.FileOptions{}, exauth.ErrPassphrase, "T_PRIVATE_KEY_FILE"},
		{"public key", map[string]string{"T_PRIVATE_KEY_FILE": pem("fake-ed25519.pub.pem")}, exauth.FileOptions{}, exauth.ErrKey, "T_PRIVATE_KEY_FILE"},
		{`\n as two characters`, map[string]string{"T_API_SECRET": strings.ReplaceAll(text, "\n", `\n`)}, exauth.FileOptions{}, exauth.ErrKey, `\n as two characters`},
		{"cut off", map[string]string{"T_API_SECRET": text[:80]}, exauth.FileOptions{}, exauth.ErrKey, "T_API_SECRET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("T_API_KEY", "id")
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			src := c.opts.EnvKey("T")
			key, err := src.Key(bg, exauth.Need{})
			if !errors.Is(err, c.err) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, want %v, %q", err, c.err, c.says)
			}
			if errors.Is(err, exauth.ErrPassphrase) && errors.Is(err, exauth.ErrKey) {
				t.Errorf("a wrong passphrase is called a broken key: %v", err)
			}
			if err != nil {
				return
			}
			if id, got := signs(t, key); id != "id" || got != want {
				t.Error("does not sign as the PEM does")
			}
			if again := must(src.Key(bg, exauth.Need{}))(t); again != key {
				t.Error("another *Key though nothing changed")
			}
		})
	}
}
