package exauth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// closing are keys of every kind and a venue that takes them.
func closing(t *testing.T) map[string]*exauth.Key {
	t.Helper()
	ed, rsaKey := canaryKeys()
	return map[string]*exauth.Key{
		"secret":  exauth.NewSecretKey(canaryID, canarySecret).WithPassphrase(canaryPhrase),
		"Ed25519": exauth.NewPrivateKey(canaryID, ed).WithPassphrase(canaryPhrase),
		"RSA":     exauth.NewPrivateKey(canaryID, rsaKey).WithPassphrase(canaryPhrase),
		"bearer":  exauth.BearerKey(func(context.Context) (string, error) { return canaryToken, nil }),
		"remote":  exauth.NewPrivateKey(canaryID, slowSigner{ed}).WithPassphrase(canaryPhrase),
	}
}

func closingVenue(base string) *exauth.Venue {
	v := echoVenue(base)
	v.Algorithms = append(v.Algorithms, exauth.RSASHA256)
	return v
}

// slowSigner is a private key somewhere else.
type slowSigner struct{ ed25519.PrivateKey }

func (s slowSigner) Sign(r io.Reader, msg []byte, o crypto.SignerOpts) ([]byte, error) {
	time.Sleep(time.Millisecond)
	return s.PrivateKey.Sign(r, msg, o)
}

// TestKeyClose: a closed key signs nothing more, for any copy and any client, and
// says so with ErrNoKey.
func TestKeyClose(t *testing.T) {
	for name, key := range closing(t) {
		t.Run(name, func(t *testing.T) {
			scoped := key.Restrict(exauth.ScopeRead|exauth.ScopeTrade).WithField("uid", "1")
			a := must(exauth.New(closingVenue("https://echo.example"), key, nil))(t)
			b := must(exauth.New(closingVenue("https://echo.example"), scoped, nil))(t)
			late := must(exauth.New(closingVenue("https://echo.example"), exauth.KeyFunc(func(context.Context, exauth.Need) (*exauth.Key, error) { return key, nil }), nil))(t)
			for _, c := range []*exauth.Client{a, b} {
				must(c.Sign(bg, writeCall()))(t)
			}
			if err := errors.Join(scoped.Close(), key.Close(), key.Close()); err != nil {
				t.Fatal(err)
			}
			for i, c := range []*exauth.Client{a, b, late} {
				if req, err := c.Sign(bg, writeCall()); req != nil || !errors.Is(err, exauth.ErrNoKey) {
					t.Errorf("client %d: got %v, %v, want ErrNoKey", i, req, err)
				}
				if _, err := c.Do(bg, writeCall()); !errors.Is(err, exauth.ErrNoKey) {
					t.Errorf("client %d: Do: %v, want ErrNoKey", i, err)
				}
			}
			if _, err := exauth.New(closingVenue("https://echo.example"), key, nil); !errors.Is(err, exauth.ErrNoKey) {
				t.Errorf("New with a closed key: %v, want ErrNoKey", err)
			}
			if key.Fingerprint() == "" || key.String() == "" {
				t.Error("a closed key has no name")
			}
		})
	}
}

// TestKeyCloseWhileSigning: 64 goroutines sign while the key is closed under them.
// Every call either carries the whole signature or fails with ErrNoKey.
func TestKeyCloseWhileSigning(t *testing.T) {
	for name, key := range closing(t) {
		t.Run(name, func(t *testing.T) {
			v := closingVenue("https://echo.example")
			v.NonceUnit = 0
			now := time.Unix(1_800_000_000, 0)
			c := must(exauth.New(v, key, &exauth.Options{Now: func() time.Time { return now }}))(t)
			whole := func(r *http.Request) string {
				return r.URL.RawQuery + r.Header.Get("Authorization") + r.Header.Get("Echo-Key")
			}
			want := whole(must(c.Sign(bg, writeCall()))(t))
			var signed, refused atomic.Int64
			var wg sync.WaitGroup
			begun := make(chan struct{}, 64)
			for range 64 {
				wg.Go(func() {
					for {
						req, err := c.Sign(bg, writeCall())
						switch {
						case errors.Is(err, exauth.ErrNoKey):
							refused.Add(1)
							return
						case err != nil:
							t.Errorf("%v, want ErrNoKey", err)
							return
						case whole(req) != want:
							t.Errorf("a broken signature: %s, want %s", whole(req), want)
							return
						}
						if signed.Add(1); len(begun) < cap(begun) {
							select {
							case begun <- struct{}{}:
							default:
							}
						}
					}
				})
			}
			for range 8 {
				<-begun
			}
			key.Close()
			wg.Wait()
			if refused.Load() != 64 || signed.Load() < 8 {
				t.Errorf("%d signed, %d refused; want at least 8, and 64", signed.Load(), refused.Load())
			}
		})
	}
}

// TestKeyCloseWaits: Close lets a scheme finish that uses the secret it wipes, and does
// not wait for a token function or a signer, which may be elsewhere and take its time.
func TestKeyCloseWaits(t *testing.T) {
	for name, key := range closing(t) {
		t.Run(name, func(t *testing.T) {
			begun, goOn := make(chan struct{}), make(chan struct{})
			waits, patience := name == "secret", 50*time.Millisecond
			if !waits {
				patience = 10 * time.Second
			}
			v := closingVenue("https://echo.example")
			stock := v.Scheme
			v.Scheme = exauth.SchemeFunc(func(ctx context.Context, r *exauth.Request) error {
				close(begun)
				<-goOn
				return stock.Authorize(ctx, r)
			})
			if name == "bearer" {
				key = exauth.BearerKey(func(context.Context) (string, error) { close(begun); <-goOn; return canaryToken, nil })
			}
			c := must(exauth.New(v, key, nil))(t)
			signed, closed := make(chan error, 1), make(chan error, 1)
			go func() { _, err := c.Sign(bg, writeCall()); signed <- err }()
			<-begun
			go func() { closed <- key.Close() }()
			select {
			case err := <-closed:
				if closed <- err; waits {
					t.Error("Close did not wait for the scheme")
				}
			case <-time.After(patience):
				if !waits {
					t.Error("Close waits for what may be elsewhere")
				}
			}
			close(goOn)
			if err := <-signed; err != nil && waits {
				t.Errorf("the call that was under way: %v", err)
			}
			if err := <-closed; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHMACStateOncePerKey: however many calls and goroutines, the secret is worked
// into one state (K11).
func TestHMACStateOncePerKey(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) }))
	defer srv.Close()
	var made atomic.Int64
	v := echoVenue(srv.URL)
	stock := v.Signer
	v.Signer = func(secret []byte) (exauth.Signer, error) {
		made.Add(1)
		time.Sleep(time.Millisecond) // the first calls all come meanwhile
		return stock(secret)
	}
	key := exauth.NewSecretKey(canaryID, canarySecret).WithPassphrase(canaryPhrase)
	cache := exauth.CacheKey(exauth.KeyFunc(func(context.Context, exauth.Need) (*exauth.Key, error) {
		return exauth.NewSecretKey(canaryID, canarySecret).WithPassphrase(canaryPhrase), nil
	}), 0) // makes a fresh Key each time
	same := exauth.KeyFunc(func(context.Context, exauth.Need) (*exauth.Key, error) { return key, nil })
	for name, src := range map[string]exauth.KeySource{"a key": key, "KeyFunc of one key": same, "CacheKey of fresh keys": cache} {
		made.Store(0)
		c := must(exauth.New(v, src, nil))(t)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 20 {
					if _, err := c.Do(bg, writeCall()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := made.Load(); n != 1 {
			t.Errorf("%s: %d states made by 320 calls, want 1", name, n)
		}
		c.Close()
	}
}

// TestKeyCloseWipes: the secret a key was given as bytes is the caller's to wipe, and
// what the key kept is zero after Close, also through a slice a Scheme should not
// have kept.
func TestKeyCloseWipes(t *testing.T) {
	v := echoVenue("https://echo.example")
	scheme := v.Scheme
	var kept []byte
	v.Scheme = exauth.SchemeFunc(func(ctx context.Context, r *exauth.Request) error { kept = r.Secret(); return scheme.Authorize(ctx, r) })
	given := []byte(canarySecret)
	key := exauth.NewSecretKeyBytes(canaryID, given).WithPassphrase(canaryPhrase)
	clear(given)
	c := must(exauth.New(v, key, nil))(t)
	must(c.Sign(bg, writeCall()))(t)
	if string(kept) != canarySecret {
		t.Fatalf("secret is %q", kept)
	}
	key.Close()
	if !bytes.Equal(kept, make([]byte, len(canarySecret))) {
		t.Errorf("after Close: %q", kept)
	}
}
