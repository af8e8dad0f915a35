package exauth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
)

// A place holds a text for TextKey, and keeps what it handed out to see it wiped.
type place struct {
	mu   sync.Mutex
	text string
	err  error
	same bool // answer that nothing has changed
	hold chan struct{}
	gave [][]byte
}

func (p *place) put(text string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.err = text, err
}

func (p *place) asked() int { p.mu.Lock(); defer p.mu.Unlock(); return len(p.gave) }

func (p *place) read(ctx context.Context) ([]byte, error) {
	p.mu.Lock()
	hold := p.hold
	text := []byte(p.text)
	if p.same {
		text = nil
	}
	p.gave = append(p.gave, text)
	err := p.err
	p.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	return text, nil
}

// twoKeys is a keys file whose trading key has the given secret.
func twoKeys(secret string) string {
	return fmt.Sprintf(`{"version": 1, "keys": [
		{"venue": "acme", "id": "reader", "secret": %q, "scope": "read"},
		{"venue": "acme", "id": "trader", "secret": %q, "scope": "read+trade-spot"}]}`, fakeSecret+"r", secret)
}

func TestTextKey(t *testing.T) {
	read := exauth.Need{Venue: "acme", Scope: exauth.ScopeRead}
	trade := exauth.Need{Venue: "acme", Scope: exauth.ScopeTradeSpot}
	p := &place{text: twoKeys(fakeSecret)}
	src := exauth.TextKey(p.read, &exauth.TextOptions{Name: "safe"})
	reader, trader := must(src.Key(bg, read))(t), must(src.Key(bg, trade))(t)
	if !signsLike(t, reader, "reader", fakeSecret+"r") || !signsLike(t, trader, "trader", fakeSecret) {
		t.Error("the narrowest key was not taken")
	}
	if _, err := src.Key(bg, exauth.Need{Venue: "okx"}); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("another venue: %v", err)
	}
	if _, err := src.Key(bg, exauth.Need{Venue: "acme", Environment: "testnet"}); !errors.Is(err, exauth.ErrEnvironment) {
		t.Errorf("another environment: %v", err)
	}
	p.put(twoKeys(fakeSecret+"2"), nil)
	if k := must(src.Key(bg, read))(t); k != reader {
		t.Error("the key that did not change is another *Key")
	}
	if k := must(src.Key(bg, trade))(t); k == trader || !signsLike(t, k, "trader", fakeSecret+"2") {
		t.Error("the changed key is not used")
	}
	p.mu.Lock()
	p.same = true
	p.mu.Unlock()
	if k := must(src.Key(bg, read))(t); k != reader {
		t.Error("nothing has changed, and yet another *Key")
	}
	for i, text := range p.gave {
		if bytes.Trim(text, "\x00") != nil {
			t.Errorf("text %d was not wiped", i+1)
		}
	}
	if got := fmt.Sprint(src); got != "exauth.TextKey(safe)" {
		t.Error(got)
	}
}

func TestTextKeyOne(t *testing.T) {
	need := exauth.Need{Venue: "acme", Scope: exauth.ScopeRead}
	_, want := signs(t, exauth.NewPrivateKey("id", readKey(t, "fake-ed25519.pem")))
	sealed := string(readFile(t, "keys/fake-ed25519-pbkdf2-sha256-aes256.pem"))
	secret := func(text []byte) (*exauth.Key, error) { return exauth.NewSecretKeyBytes("id", text), nil }
	private := func(pass string) func([]byte) (*exauth.Key, error) {
		return func(text []byte) (*exauth.Key, error) {
			return exauth.ParsePEM("id", text, func() ([]byte, error) { return []byte(pass), nil })
		}
	}
	for _, c := range []struct {
		name, text string
		parse      func([]byte) (*exauth.Key, error)
		err        error
		says       string
	}{
		{"secret", fakeSecret + "\n", secret, nil, ""},
		{"PEM", string(readFile(t, "keys/fake-ed25519.pem")), secret, nil, ""},
		{"encrypted PEM", sealed, private(fakePassphrase), nil, ""},
		{"encrypted PEM, wrong passphrase", sealed, private("wrong"), exauth.ErrPassphrase, "safe: it does not open"},
		{"bound to another venue", fakeSecret, func(text []byte) (*exauth.Key, error) {
			return exauth.NewSecretKeyBytes("id", text).For("okx", "", ""), nil
		}, exauth.ErrNoKey, "okx"},
		{"empty", "\n", secret, exauth.ErrKey, "safe: is empty"},
		{"two lines", fakeSecret + "\nurl: x\n", secret, exauth.ErrKey, "safe: secret holds white space"},
		{"long", strings.Repeat("x", 64<<10+1), secret, exauth.ErrKey, "64 KiB"},
		{"neither key nor error", fakeSecret, func([]byte) (*exauth.Key, error) { return nil, nil }, exauth.ErrKey, "neither"},
		{"an error that quotes the text", fakeSecret, func(text []byte) (*exauth.Key, error) {
			return nil, fmt.Errorf("cannot use %s", text)
		}, exauth.ErrKey, "safe: cannot use [redacted]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := exauth.TextKey((&place{text: c.text}).read, &exauth.TextOptions{Name: "safe", Parse: c.parse})
			key, err := src.Key(bg, need)
			if !errors.Is(err, c.err) || err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), fakeSecret[:8])) {
				t.Fatalf("got %v, want %v, %q", err, c.err, c.says)
			}
			if err == nil && must(src.Key(bg, need))(t) != key {
				t.Error("another *Key though nothing changed")
			}
			switch _, got := signsIf(t, key); {
			case err != nil:
			case strings.Contains(c.text, "BEGIN") && got != want:
				t.Error("does not sign as the PEM does")
			case !strings.Contains(c.text, "BEGIN") && !signsLike(t, key, "id", fakeSecret):
				t.Error("does not sign as the secret does")
			}
		})
	}
}

func signsIf(t *testing.T, key *exauth.Key) (id, sig string) {
	if key == nil {
		return "", ""
	}
	return signs(t, key)
}

func TestTextKeyRefuses(t *testing.T) {
	withFile := strings.ReplaceAll(twoKeys(fakeSecret), `"secret": "`+fakeSecret+`"`, `"private_key_file": "/k.pem"`)
	for _, c := range []struct {
		name, text string
		err        error
		says       string
	}{
		{"empty", " \n", exauth.ErrKey, "safe: is empty"},
		{"secret", fakeSecret, exauth.ErrKey, "make the key with Parse"},
		{"PEM", "-----BEGIN PRIVATE KEY-----", exauth.ErrKey, "PEM and no keys file"},
		{"cut off", twoKeys(fakeSecret)[:60], exauth.ErrKey, "cut off, in line 2"},
		{"private key file", withFile, exauth.ErrKey, `goes into its "secret"`},
		{"long", "{" + strings.Repeat(" ", 64<<10), exauth.ErrKey, "64 KiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := exauth.TextKey((&place{text: c.text}).read, &exauth.TextOptions{Name: "safe"})
			_, err := src.Key(bg, exauth.Need{Venue: "acme", Scope: exauth.ScopeRead})
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), fakeSecret[:8]) {
				t.Fatalf("got %v, want %v, %q", err, c.err, c.says)
			}
			if errors.Is(err, exauth.ErrNoKey) {
				t.Errorf("a broken text reads as no key: %v", err)
			}
		})
	}
	if _, err := exauth.TextKey(nil, nil).Key(bg, exauth.Need{}); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("no function: %v", err)
	}
}

// TestTextKeyOutage: a place that fails leaves the keys in use, says so once, and is
// asked again after five seconds at most.
func TestTextKeyOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		need := exauth.Need{Venue: "acme", Scope: exauth.ScopeRead}
		var told []string
		p := &place{err: errors.New("connection refused")}
		src := exauth.TextKey(p.read, &exauth.TextOptions{Name: "safe", TTL: time.Hour, Warn: func(err error) { told = append(told, err.Error()) }})
		if _, err := src.Key(bg, need); err == nil || err.Error() != "exauth: safe: connection refused" || errors.Is(err, exauth.ErrNoKey) {
			t.Fatalf("no answer at all: %v", err)
		}
		p.put("", fmt.Errorf("%w: nothing stored", exauth.ErrNoKey))
		if _, err := src.Key(bg, need); !errors.Is(err, exauth.ErrNoKey) || err.Error() != "exauth: no key: safe: nothing stored" {
			t.Fatalf("nothing there: %v", err)
		}
		p.put(twoKeys(fakeSecret), nil)
		key := must(src.Key(bg, need))(t)
		asked := p.asked()
		time.Sleep(time.Hour - time.Second)
		if must(src.Key(bg, need))(t) != key || p.asked() != asked {
			t.Error("asked before TTL was over")
		}
		time.Sleep(time.Second)
		p.put("", errors.New("sealed"))
		for range 3 {
			if must(src.Key(bg, need))(t) != key {
				t.Error("an outage took the key away")
			}
		}
		if p.asked() != asked+1 || len(told) != 1 || !strings.Contains(told[0], "sealed") {
			t.Errorf("asked %d times more, told %q", p.asked()-asked, told)
		}
		time.Sleep(5 * time.Second)
		must(src.Key(bg, need))(t)
		if p.asked() != asked+2 || len(told) != 1 {
			t.Errorf("five seconds later: asked %d times more, told %q", p.asked()-asked, told)
		}
		time.Sleep(5 * time.Second)
		p.put(twoKeys(fakeSecret)[:60], nil)
		if must(src.Key(bg, need))(t) != key || len(told) != 2 {
			t.Errorf("a torn text took the key away, or was not told: %q", told)
		}
		time.Sleep(5 * time.Second)
		p.put(`{"version": 1, "keys": []}`, nil)
		if _, err := src.Key(bg, need); !errors.Is(err, exauth.ErrNoKey) {
			t.Errorf("taken out of the list: %v", err)
		}
	})
}

func TestTextKeySingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		need := exauth.Need{Venue: "acme", Scope: exauth.ScopeRead}
		p := &place{text: twoKeys(fakeSecret), hold: make(chan struct{})}
		src := exauth.TextKey(p.read, &exauth.TextOptions{TTL: time.Minute})
		ctx, cancel := context.WithCancel(bg)
		go src.Key(ctx, need) // asks, and gives up
		synctest.Wait()
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				if _, err := src.Key(bg, need); err != nil {
					t.Error(err)
				}
			})
		}
		short, stop := context.WithTimeout(bg, time.Second)
		defer stop()
		if _, err := src.Key(short, need); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a waiter's own deadline: %v", err)
		}
		cancel()
		synctest.Wait()
		if n := p.asked(); n != 2 {
			t.Errorf("asked %d times, want 2: the one that gave up, and one more", n)
		}
		close(p.hold)
		wg.Wait()
		time.Sleep(time.Minute)
		p.mu.Lock()
		p.hold = make(chan struct{})
		p.mu.Unlock()
		done := make(chan struct{})
		go func() { src.Key(bg, need); close(done) }()
		synctest.Wait()
		must(src.Key(bg, need))(t) // while one asks, the others go on
		close(p.hold)
		<-done
		if n := p.asked(); n != 3 {
			t.Errorf("asked %d times, want 3", n)
		}
	})
}

func TestTextKeyReaderPanics(t *testing.T) {
	panics := true
	src := exauth.TextKey(func(context.Context) ([]byte, error) {
		if panics {
			panic("a store's bug")
		}
		return []byte(twoKeys(fakeSecret)), nil
	}, nil)
	need := exauth.Need{Venue: "acme", Scope: exauth.ScopeRead}
	func() {
		defer func() { _ = recover() }()
		src.Key(bg, need)
	}()
	panics = false
	if _, err := src.Key(bg, need); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

func TestFileOptionsRead(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "key"), fakeSecret)
	if got := must(exauth.FileOptions{}.Read(path))(t); string(got) != fakeSecret {
		t.Errorf("read %d bytes", len(got))
	}
	if _, err := (exauth.FileOptions{}).Read(path + "x"); !errors.Is(err, os.ErrNotExist) || !errors.Is(err, exauth.ErrKey) {
		t.Errorf("no file: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := (exauth.FileOptions{Mode: 0o440}).Read(path); err != nil {
		t.Errorf("mode allowed: %v", err)
	}
}
