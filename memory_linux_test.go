package exauth_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

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
	for name, after := range map[string]func(){"in use": func() {}, "closed": func() { h.Close(); runtime.GC(); runtime.GC() }} {
		after()
		for form, c := range map[string]struct {
			pad  byte
			most int
		}{"raw secret": {0, 0}, "inner pad": {0x36, 1}, "outer pad": {0x5c, 1}} {
			if got := s.count(t, c.pad); got > c.most {
				t.Errorf("%s: %s found %d times, want at most %d", name, form, got, c.most)
			}
		}
	}
}
