package exauth_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// TestRotationTorn: while a writer rewrites key files in place, without end and
// in small pieces, no half of one is ever used, and no id goes with another's
// secret. When the writer is done, the last pair is in use.
func TestRotationTorn(t *testing.T) {
	if testing.Short() {
		t.Skip("takes three seconds")
	}
	dir := t.TempDir()
	pair := func(n int) (id, secret string) {
		return fmt.Sprintf("id-%04d", n), fmt.Sprintf("FAKE-%04d-", n) + strings.Repeat("F", 300)
	}
	const last = 9999
	valid := map[string]bool{} // id and signature
	ids := []int{1, 2, 3, last}
	for _, n := range ids {
		id, secret := pair(n)
		gotID, sig := signs(t, exauth.NewSecretKey(id, secret))
		valid[gotID+sig] = true
	}
	idFile, secretFile, jsonFile := filepath.Join(dir, "id"), filepath.Join(dir, "secret"), filepath.Join(dir, "keys.json")
	put := func(n int, chunk func(f *os.File, text string)) {
		id, secret := pair(n)
		for path, text := range map[string]string{idFile: id, secretFile: secret,
			jsonFile: `{"version":1,"keys":[{"venue":"acme","id":"` + id + `","secret":"` + secret + `"}]}`} {
			f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
			if err != nil {
				t.Error(err)
				return
			}
			chunk(f, text)
			f.Close()
		}
	}
	whole := func(f *os.File, text string) { f.WriteString(text) }
	pieces := func(f *os.File, text string) {
		for len(text) > 0 {
			n := min(1+rand.IntN(200), len(text))
			f.WriteString(text[:n])
			text = text[n:]
			time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
		}
	}
	put(1, whole)
	t.Setenv("R_API_KEY_FILE", idFile)
	t.Setenv("R_API_SECRET_FILE", secretFile)
	for _, src := range []exauth.KeySource{exauth.EnvKey("R"), exauth.FileKey(jsonFile)} {
		t.Run(fmt.Sprint(src)[:14], func(t *testing.T) {
			need := exauth.Need{Venue: "acme"}
			must(src.Key(bg, need))(t)
			var stop atomic.Bool
			var wg sync.WaitGroup
			wg.Go(func() {
				for i := 0; !stop.Load(); i++ {
					put(ids[i%3], pieces)
				}
				put(last, pieces)
			})
			reads, seen := 0, map[*exauth.Key]bool{}
			for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); reads++ {
				key, err := src.Key(bg, need)
				if err != nil {
					t.Fatal(err)
				}
				if seen[key] {
					continue
				}
				seen[key] = true
				if id, sig := signs(t, key); !valid[id+sig] {
					t.Fatalf("read %d: a torn or mixed key is in use", reads)
				}
			}
			stop.Store(true)
			wg.Wait()
			want, secret := pair(last)
			deadline := time.Now().Add(4 * time.Second)
			for !signsLike(t, must(src.Key(bg, need))(t), want, secret) {
				if time.Now().After(deadline) {
					t.Fatal("the last key is not used though the writer is done")
				}
				time.Sleep(5 * time.Millisecond)
			}
			t.Logf("%d reads, %d keys", reads, len(seen))
		})
	}
}

// TestRotationKubernetes: id and secret change together by one swap of a symbolic
// link; no reader sees one of each.
func TestRotationKubernetes(t *testing.T) {
	dir := t.TempDir()
	mount := func(n int) {
		data := filepath.Join(dir, fmt.Sprintf("..%d", n))
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Error(err)
		}
		aged(t, write(t, filepath.Join(data, "id"), fmt.Sprintf("id-%d", n)))
		aged(t, write(t, filepath.Join(data, "secret"), fmt.Sprintf("FAKEFAKEFAKE-%d", n)))
		temp := filepath.Join(dir, "..tmp")
		if err := os.Symlink(data, temp); err != nil {
			t.Error(err)
		}
		if err := os.Rename(temp, filepath.Join(dir, "..data")); err != nil {
			t.Error(err)
		}
	}
	mount(0)
	t.Setenv("S_API_KEY_FILE", filepath.Join(dir, "..data", "id"))
	t.Setenv("S_API_SECRET_FILE", filepath.Join(dir, "..data", "secret"))
	src := exauth.EnvKey("S")
	const swaps = 200
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; n <= swaps; n++ {
			mount(n)
		}
	}()
	seen := map[*exauth.Key]bool{}
	look := func() (last bool) {
		key := must(src.Key(bg, exauth.Need{}))(t)
		if seen[key] {
			return signsLike(t, key, fmt.Sprintf("id-%d", swaps), fmt.Sprintf("FAKEFAKEFAKE-%d", swaps))
		}
		seen[key] = true
		id, _ := signs(t, key)
		if !signsLike(t, key, id, "FAKEFAKEFAKE-"+strings.TrimPrefix(id, "id-")) {
			t.Fatalf("%s goes with another's secret", id)
		}
		return false
	}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			look()
		}
	}
	// A swap that is seen half-way, on a loaded machine, waits for the next look.
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if look() {
			return
		}
	}
	t.Error("the last key is not used")
}

// TestRotationHalves: id and secret are files of their own, written one after the
// other. The old pair serves until both are there; a lone change counts after a while.
func TestRotationHalves(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string { return aged(t, write(t, filepath.Join(dir, name), text)) }
	t.Setenv("H_API_KEY_FILE", file("id", "old"))
	t.Setenv("H_API_SECRET_FILE", file("secret", "FAKEFAKE-old"))
	src := exauth.EnvKey("H")
	is := func(id, secret string) {
		t.Helper()
		if !signsLike(t, must(src.Key(bg, exauth.Need{}))(t), id, secret) {
			t.Errorf("key in use is not %s with %s", id, secret)
		}
	}
	is("old", "FAKEFAKE-old")
	file("id", "new")
	is("old", "FAKEFAKE-old")
	file("secret", "FAKEFAKE-new")
	is("new", "FAKEFAKE-new")
	file("secret", "FAKEFAKE-mended") // somebody had pasted a wrong one
	is("new", "FAKEFAKE-new")
	time.Sleep(2100 * time.Millisecond)
	is("new", "FAKEFAKE-mended")
}

// TestRotationAtOnce: a key file that was renamed into place is used by the next call.
func TestRotationAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	t.Setenv("O_API_KEY", "id")
	t.Setenv("O_API_SECRET_FILE", write(t, path, "FAKEFAKE-0"))
	src := exauth.EnvKey("O")
	for i := range 5 {
		secret := fmt.Sprintf("FAKEFAKE-%d", i)
		write(t, path, secret)
		if !signsLike(t, must(src.Key(bg, exauth.Need{}))(t), "id", secret) {
			t.Errorf("%s is not used by the next call", secret)
		}
	}
}

func BenchmarkEnvKeyFiles(b *testing.B) {
	dir := b.TempDir()
	b.Setenv("B_API_KEY_FILE", aged(b, write(b, filepath.Join(dir, "id"), "id")))
	b.Setenv("B_API_SECRET_FILE", aged(b, write(b, filepath.Join(dir, "secret"), fakeSecret)))
	src := exauth.EnvKey("B")
	for b.Loop() {
		if _, err := src.Key(bg, exauth.Need{}); err != nil {
			b.Fatal(err)
		}
	}
}
