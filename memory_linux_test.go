package exauth_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// A searcher looks for one secret in the memory of this process. It keeps the
// secret masked, and reads into memory it does not search, so that it finds neither
// itself nor what it read.
type searcher struct {
	masked []byte
	window []byte
	own    int64 // the address of window
}

const searchMask = 0xa5

func newSearcher(t *testing.T, secret []byte) *searcher {
	t.Helper()
	window, err := syscall.Mmap(-1, 0, 1<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(window) })
	s := &searcher{window: window}
	if _, err := fmt.Sscanf(fmt.Sprintf("%p", window), "0x%x", &s.own); err != nil {
		t.Fatal(err)
	}
	for _, b := range secret {
		s.masked = append(s.masked, b^searchMask)
	}
	return s
}

// count returns how often the secret is in writable memory, each byte xored with pad.
func (s *searcher) count(t *testing.T, pad byte) int {
	t.Helper()
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Skip("no /proc/self/maps:", err)
	}
	defer maps.Close()
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Skip("no /proc/self/mem:", err)
	}
	defer mem.Close()
	found := 0
	clear(s.window)
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var low, high int64
		var mode string
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s", &low, &high, &mode); n != 3 || !strings.HasPrefix(mode, "rw") {
			continue
		}
		for at := low; at < high; {
			if at == s.own {
				at += int64(len(s.window))
				continue
			}
			size := min(high-at, int64(len(s.window)))
			if at < s.own {
				size = min(size, s.own-at)
			}
			n, err := mem.ReadAt(s.window[:size], at)
			if err != nil && n == 0 {
				break // not readable, such as a guard page
			}
			found += s.in(s.window[:n], pad)
			if at+int64(n) >= high {
				break
			}
			at += int64(max(n-len(s.masked)+1, 1)) // one may lie across two windows
		}
	}
	clear(s.window)
	return found
}

func (s *searcher) in(b []byte, pad byte) int {
	first, found := s.masked[0]^searchMask^pad, 0
	for {
		i := bytes.IndexByte(b, first)
		if i < 0 || i+len(s.masked) > len(b) {
			return found
		}
		same := true
		for j, m := range s.masked {
			if b[i+j] != m^searchMask^pad {
				same = false
				break
			}
		}
		if same {
			found++
		}
		b = b[i+1:]
	}
}

// TestHMACInMemory is K11: after Close no copy of a secret given as bytes is left,
// and of the padded key no more than the one hash state that was made of it.
func TestHMACInMemory(t *testing.T) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		t.Fatal(err)
	}
	s := newSearcher(t, secret)
	if s.count(t, 0) < 1 {
		t.Fatal("the search does not find a secret that is there")
	}
	h := must(exauth.NewHMAC(exauth.HMACSHA256, secret))(t)
	clear(secret)
	runtime.KeepAlive(secret)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var buf []byte
			for range 5000 {
				buf, _ = h.Sign(bg, buf[:0], []byte("message"))
			}
		})
	}
	wg.Wait()
	s.check(t, "in use", 1)
	h.Close()
	s.check(t, "closed", 1)
}

// check counts the raw secret and the padded key in memory: no copy of the one, and
// no more of the other than hash states were made.
func (s *searcher) check(t *testing.T, when string, states int) {
	t.Helper()
	runtime.GC()
	runtime.GC()
	for _, c := range []struct {
		form string
		pad  byte
		most int
	}{{"raw secret", 0, 0}, {"inner pad", 0x36, states}, {"outer pad", 0x5c, states}} {
		if got := s.count(t, c.pad); got > c.most {
			t.Errorf("%s: %s found %d times, want at most %d", when, c.form, got, c.most)
		}
	}
}

// TestKeyInMemory is K11 for whole keys, from where they are kept to their Close:
// used by a Client, told about in errors, rotated and closed.
func TestKeyInMemory(t *testing.T) {
	dir := t.TempDir()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no such key; signed "+r.Header.Get("Acme-Sign"), http.StatusUnauthorized)
	}))
	defer srv.Close()
	keysFile := func(secret []byte) []byte {
		text := make([]byte, 0, 512)
		text = append(text, `{"version": 1, "keys": [{"venue": "acme", "id": "id", "scope": "read", "secret": "`...)
		return append(append(text, secret...), `"}]}`...)
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, secret []byte) exauth.KeySource
	}{
		{"bytes", func(_ *testing.T, secret []byte) exauth.KeySource { return exauth.NewSecretKeyBytes("id", secret) }},
		{"FileKey", func(t *testing.T, secret []byte) exauth.KeySource {
			path, text := filepath.Join(dir, "keys.json"), keysFile(secret)
			defer clear(text)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			return exauth.FileKey(aged(t, path))
		}},
		{"TextKey", func(_ *testing.T, secret []byte) exauth.KeySource {
			text := keysFile(secret)
			return exauth.TextKey(func(context.Context) ([]byte, error) { return text, nil }, &exauth.TextOptions{TTL: time.Hour})
		}},
		{"TextKey of one secret", func(_ *testing.T, secret []byte) exauth.KeySource {
			text := bytes.Clone(secret)
			return exauth.TextKey(func(context.Context) ([]byte, error) { return text, nil }, &exauth.TextOptions{TTL: time.Hour,
				Parse: func(text []byte) (*exauth.Key, error) { return exauth.NewSecretKeyBytes("id", text), nil }})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			secret := make([]byte, 40)
			if _, err := rand.Read(secret); err != nil {
				t.Fatal(err)
			}
			for i := range secret {
				secret[i] = 'a' + secret[i]%26
			}
			s := newSearcher(t, secret)
			if s.count(t, 0) < 1 {
				t.Fatal("the search does not find a secret that is there")
			}
			src := c.make(t, secret)
			key := must(src.Key(bg, exauth.Need{Venue: "acme", Scope: exauth.ScopeRead}))(t)
			clear(secret)
			runtime.KeepAlive(secret)
			client := must(exauth.New(keyVenue().At(srv.URL), src, nil))(t)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range 500 {
						if _, err := client.Sign(bg, exauth.Call{Path: "/v1/me"}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			for range 20 { // each error is searched for the secret
				if _, err := client.Do(bg, exauth.Call{Path: "/v1/me"}); err == nil {
					t.Error("the server refused, and the call did not fail")
				}
			}
			client.Close()
			key.Close()
			s.check(t, "closed", 1)
		})
	}
}
