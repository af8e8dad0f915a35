package exauth_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

const nonceID = "0123456789abcdef" // as fingerprints look

var someNow = fixedNow().UnixMilli()

func openNonces(t testing.TB, path string) *exauth.NonceStore {
	t.Helper()
	s, err := exauth.NonceFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestNonceFile (O6): nonces rise within a process and over a restart, whatever the
// clock does, and begin with now.
func TestNonceFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nonces")
	s := openNonces(t, path)
	next := func(id string, floor, want int64) {
		t.Helper()
		if n, err := s.Next(t.Context(), id, floor); err != nil || n != want {
			t.Errorf("%s at %d: %d, %v, want %d", id, floor, n, err, want)
		}
	}
	next(nonceID, someNow, someNow)
	next(nonceID, someNow, someNow+1)
	next(nonceID, someNow-3600_000, someNow+2) // the clock was set back
	next(nonceID, someNow+5000, someNow+5000)
	next("another", someNow, someNow)
	next("micro", someNow*1000, someNow*1000)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(t.Context(), nonceID, someNow); !errors.Is(err, exauth.ErrNonce) {
		t.Errorf("after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	s = openNonces(t, path) // right after the last ones, also with the clock an hour back
	next(nonceID, someNow-3600_000, someNow+5001)
	next("another", someNow-3600_000, someNow+1)
	next("micro", someNow*1000, someNow*1000+1)
}

// TestNonceFileCrash: a process that ends without Close leaves a mark above all it
// gave out, and no more than two seconds above.
func TestNonceFileCrash(t *testing.T) {
	for _, unit := range []int64{1, 1000, 1_000_000, 1_000_000_000} { // per second
		dir := t.TempDir()
		path := filepath.Join(dir, "nonces")
		s := openNonces(t, path)
		now := fixedNow().Unix() * unit
		last := int64(0)
		for range map[bool]int{true: 60, false: 5000}[unit == 1] { // a second's nonces are reserved two at a time
			n, err := s.Next(t.Context(), nonceID, now)
			if err != nil || n <= last {
				t.Fatalf("%d after %d, %v", n, last, err)
			}
			last = n
		}
		crashed := filepath.Join(dir, "left") // as a crash now would leave it
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(crashed, text, 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := openNonces(t, crashed).Next(t.Context(), nonceID, now-3600*unit)
		if err != nil || n <= last || n > last+2*unit+1 {
			t.Errorf("unit %d: %d after a crash at %d, %v", unit, n, last, err)
		}
	}
}

// nonceText makes a file's text with one mark.
func nonceText(t testing.TB, mark int64) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nonces")
	s := openNonces(t, path)
	if _, err := s.Next(context.Background(), nonceID, mark); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestNonceFileAhead: a mark more than a day ahead of now, in now's unit, is refused
// and stays what it is; it would brick the key for ever.
func TestNonceFileAhead(t *testing.T) {
	day := int64(24 * 3600 * 1000)
	for _, tc := range []struct {
		name        string
		mark, floor int64
		want        int64 // 0: refused
	}{
		{"an hour ahead", someNow + 3600_000, someNow, someNow + 3600_001},
		{"just a day ahead", someNow + day - 1, someNow, someNow + day},
		{"more than a day ahead", someNow + day, someNow, 0},
		{"a year ahead", someNow + 365*day, someNow, 0},
		{"of a finer unit", someNow * 1000, someNow, 0},
		{"of a coarser unit", someNow / 1000, someNow, someNow},
	} {
		path := filepath.Join(t.TempDir(), "nonces")
		text := nonceText(t, tc.mark)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s := openNonces(t, path)
		n, err := s.Next(t.Context(), nonceID, tc.floor)
		if tc.want != 0 && (err != nil || n != tc.want) || tc.want == 0 && !errors.Is(err, exauth.ErrNonce) {
			t.Errorf("%s: %d, %v, want %d", tc.name, n, err, tc.want)
		}
		if got, _ := os.ReadFile(path); tc.want == 0 && !bytes.Equal(got, text) {
			t.Errorf("%s: the file became %q", tc.name, got)
		}
		if n, err := s.Next(t.Context(), "another", tc.floor); err != nil || n != tc.floor {
			t.Errorf("%s: another key: %d, %v", tc.name, n, err)
		}
	}
	s := openNonces(t, filepath.Join(t.TempDir(), "nonces"))
	for _, floor := range []int64{0, -1, math.MaxInt64, math.MinInt64} {
		if n, err := s.Next(t.Context(), nonceID, floor); err == nil {
			t.Errorf("floor %d: %d", floor, n)
		}
	}
	for _, id := range []string{"", "a b", "a\nb", "ä", strings.Repeat("x", 65)} {
		if n, err := s.Next(t.Context(), id, someNow); err == nil {
			t.Errorf("key %q: %d", id, n)
		}
	}
}

// TestNonceFileTorn: no part of a file is loaded, nor one with a changed byte.
func TestNonceFileTorn(t *testing.T) {
	text := nonceText(t, someNow)
	path := filepath.Join(t.TempDir(), "nonces")
	refused := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := exauth.NonceFile(path); err == nil {
			s.Close()
			t.Errorf("%s was loaded", name)
		}
		if got, _ := os.ReadFile(path); !bytes.Equal(got, text) {
			t.Errorf("%s was changed", name)
		}
	}
	for n := range text {
		refused(fmt.Sprintf("the first %d bytes", n), text[:n])
		flipped := bytes.Clone(text)
		flipped[n] ^= 1
		refused(fmt.Sprintf("byte %d flipped", n), flipped)
	}
	refused("twice", append(bytes.Clone(text), text...))
	refused("a text behind it", append(bytes.Clone(text), '\n'))
	refused("2 MB", bytes.Repeat([]byte("exauth nonces 1\n"), 1<<17))
	if _, err := exauth.NonceFile(t.TempDir()); err == nil {
		t.Error("a directory was opened")
	}
	if _, err := exauth.NonceFile(filepath.Join(t.TempDir(), "no", "such", "directory")); err == nil {
		t.Error("opened below a directory that does not exist")
	}
	// What a crash left of a writing is not looked at.
	if err := os.WriteFile(path+".new", []byte("exauth nonces 1\nabc 9"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := openNonces(t, path).Next(t.Context(), nonceID, 1_000_000_000_000); !errors.Is(err, exauth.ErrNonce) {
		t.Errorf("%d, %v: the clock is years back", n, err)
	}
}

// TestNonceFileLock: two stores on one file are one too many.
func TestNonceFileLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nonces")
	s := openNonces(t, path)
	if _, err := exauth.NonceFile(path); err == nil || !strings.Contains(err.Error(), "in use by another process") || !strings.Contains(err.Error(), path) {
		t.Errorf("second store: %v", err)
	}
	s.Close()
	openNonces(t, path)
}

// TestNonceFileConcurrent: every nonce once, however many draw.
func TestNonceFileConcurrent(t *testing.T) {
	s := openNonces(t, filepath.Join(t.TempDir(), "nonces"))
	var mu sync.Mutex
	seen := map[int64]bool{}
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			last := int64(0)
			for range 200 {
				n, err := s.Next(t.Context(), nonceID, someNow)
				mu.Lock()
				if err != nil || n <= last || seen[n] {
					t.Errorf("%d after %d, seen %v, %v", n, last, seen[n], err)
				}
				last, seen[n] = n, true
				mu.Unlock()
			}
		})
	}
	group.Wait()
}

// TestNonceFileNoDisk (O7): where the mark cannot be written, an order is refused and
// not sent; reads and cancels pass, with rising nonces; and orders pass again later.
func TestNonceFileNoDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := openNonces(t, filepath.Join(dir, "nonces"))
	srv := record(t, nil)
	now := fixedNow()
	c := newClient(t, nonceVenue(srv.URL), &exauth.Options{Nonce: s, Now: func() time.Time { return now }})
	order := exauth.Call{Method: "POST", Path: "/order"}
	read := exauth.Call{Method: "POST", Path: "/query"}
	cancel := exauth.Call{Method: "DELETE", Path: "/order"}
	pass := func(name string, call exauth.Call) {
		t.Helper()
		if _, err := c.Do(t.Context(), call); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	pass("order", order)
	if err := os.Rename(dir, dir+".away"); err != nil { // a disk that takes nothing
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	var e *exauth.Error
	if _, err := c.Do(t.Context(), order); !errors.Is(err, exauth.ErrNonce) || !errors.As(err, &e) || e.Outcome != exauth.OutcomeNotSent || len(srv.arrivals()) != 1 {
		t.Errorf("order without a disk: %v, %d arrivals", err, len(srv.arrivals()))
	}
	pass("read", read)
	pass("cancel", cancel)
	if _, err := c.Do(t.Context(), order); !errors.Is(err, exauth.ErrNonce) {
		t.Errorf("order without a disk: %v", err)
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	pass("order with a disk", order)
	last := int64(0)
	for _, a := range srv.arrivals() {
		if n := nonceOf(t, a); n <= last {
			t.Errorf("nonce %d after %d", n, last)
		} else {
			last = n
		}
	}
	if len(srv.arrivals()) != 4 {
		t.Errorf("%d arrivals", len(srv.arrivals()))
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.Next(ctx, nonceID, someNow); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestNonceSourceRises: a source that gives a nonce again, or a lower one, is not
// believed, whatever it says next.
func TestNonceSourceRises(t *testing.T) {
	var next int64
	srv := record(t, nil)
	c := newClient(t, nonceVenue(srv.URL), &exauth.Options{Now: fixedNow, Nonce: exauth.NonceFunc(
		func(context.Context, string, int64) (int64, error) { return next, nil })})
	for i, tc := range []struct {
		next int64
		ok   bool
	}{{10, true}, {10, false}, {9, false}, {11, true}, {1, false}, {11, false}, {12, true}} {
		next = someNow + tc.next
		_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"})
		if tc.ok != (err == nil) || err != nil && !errors.Is(err, exauth.ErrNonce) {
			t.Errorf("%d: %d: %v, want ok %v", i, tc.next, err, tc.ok)
		}
	}
	if n := len(srv.arrivals()); n != 3 {
		t.Errorf("%d arrivals, want 3", n)
	}
}

// TestNonceFileKilled (O6): a process that is killed at any moment, again and again,
// with its clock set back at times, gives out no nonce twice and none below an
// earlier one.
func TestNonceFileKilled(t *testing.T) {
	if path := os.Getenv("EXAUTH_TEST_NONCE_FILE"); path != "" {
		drawForEver(path)
		return
	}
	path := filepath.Join(t.TempDir(), "nonces")
	rng := rand.New(rand.NewPCG(1, 2))
	last, drawn := int64(0), 0
	for round := range 25 {
		back := time.Duration(0)
		if round%3 == 2 {
			back = time.Duration(rng.Int64N(int64(time.Hour)))
		}
		ctx, kill := context.WithTimeout(t.Context(), time.Minute)
		child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestNonceFileKilled$")
		child.Env = append(os.Environ(), "EXAUTH_TEST_NONCE_FILE="+path, "EXAUTH_TEST_CLOCK_BACK="+back.String())
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines, wanted := bufio.NewScanner(out), 1+rng.IntN(3000)
		for got := 0; lines.Scan(); got++ {
			if got == wanted { // SIGKILL; what is in the pipe was given out, and is read on
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			n, err := strconv.ParseInt(lines.Text(), 10, 64)
			if err != nil && got >= wanted {
				break // the last line, cut off
			}
			if err != nil || n <= last {
				t.Fatalf("round %d: %q after %d: %v", round, lines.Text(), last, err)
			}
			last = n
			drawn++
		}
		_ = child.Wait()
		kill()
	}
	if drawn < 25 {
		t.Errorf("only %d nonces were drawn", drawn)
	}
	t.Logf("%d nonces in 25 lives, the last %s ahead of now", drawn, time.Until(time.UnixMilli(last)).Round(time.Millisecond))
}

// drawForEver writes every nonce it gets, at once, until it is killed.
func drawForEver(path string) {
	back, err := time.ParseDuration(os.Getenv("EXAUTH_TEST_CLOCK_BACK"))
	if err != nil {
		panic(err)
	}
	s, err := exauth.NonceFile(path)
	if err != nil {
		panic(err)
	}
	for {
		n, err := s.Next(context.Background(), nonceID, time.Now().Add(-back).UnixMilli())
		if err != nil {
			panic(err)
		}
		fmt.Println(n)
	}
}

// FuzzNonceStore: whatever a file holds, opening it never panics; what is loaded is
// obeyed, or refused when it is a day ahead, and never adopted otherwise.
func FuzzNonceStore(f *testing.F) {
	text := nonceText(f, someNow)
	f.Add(text, someNow)
	f.Add(text[:len(text)-1], someNow)
	f.Add(nonceText(f, 1<<61), someNow)
	f.Add([]byte(nil), int64(1))
	f.Add([]byte("exauth nonces 1\nsum 00000000\n"), int64(-1))
	f.Add(bytes.Replace(text, []byte(nonceID), []byte("a b"), 1), someNow*1000)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte, floor int64) {
		path := filepath.Join(dir, "nonces")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := exauth.NonceFile(path)
		if err != nil {
			if got, _ := os.ReadFile(path); !bytes.Equal(got, text) {
				t.Errorf("a file that was not loaded became %q", got)
			}
			return
		}
		defer s.Close()
		n, err := s.Next(t.Context(), nonceID, floor)
		if err != nil {
			return
		}
		if n < floor || n > floor+24*3600*1e9 {
			t.Errorf("%d at %d", n, floor)
		}
		if m, err := s.Next(t.Context(), nonceID, floor); err != nil || m <= n {
			t.Errorf("%d, %v after %d", m, err, n)
		}
		s.Close()
		s, err = exauth.NonceFile(path)
		if err != nil {
			t.Fatalf("what was written is not loaded: %v", err)
		}
		defer s.Close()
		if m, err := s.Next(t.Context(), nonceID, floor); err != nil || m <= n {
			t.Errorf("%d, %v after %d and a restart", m, err, n)
		}
	})
}
