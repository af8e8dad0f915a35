package exauth_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"text/template"

	"github.com/exauth/exauth"
)

// fakeSecret looks like a Binance secret and is none.
const fakeSecret = "FAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKE"

func TestNewHMACRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		alg    exauth.Algorithm
		secret []byte
		want   string
	}{
		{"nil secret", exauth.HMACSHA256, nil, "secret is empty"},
		{"empty secret", exauth.HMACSHA512, []byte{}, "secret is empty"},
		{"no algorithm", 0, []byte("secret"), "none is no HMAC algorithm"},
		{"RSA", exauth.RSASHA256, []byte("secret"), "RSA-SHA256 is no HMAC algorithm"},
		{"unknown", 200, []byte("secret"), "Algorithm(200) is no HMAC algorithm"},
	} {
		h, err := exauth.NewHMAC(c.alg, c.secret)
		if h != nil || !errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v; want ErrKey with %q", c.name, h, err, c.want)
		}
	}
}

// TestHMACKeepsNoSecret: the caller may clear its copy at once.
func TestHMACKeepsNoSecret(t *testing.T) {
	secret := []byte("a fake secret of some length")
	want := must(must(exauth.NewHMAC(exauth.HMACSHA256, secret))(t).Sign(bg, nil, []byte("m")))(t)
	h := must(exauth.NewHMAC(exauth.HMACSHA256, secret))(t)
	clear(secret)
	if got := must(h.Sign(bg, nil, []byte("m")))(t); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestHMACClose(t *testing.T) {
	h := must(exauth.NewHMAC(exauth.HMACSHA256, []byte(fakeSecret)))(t)
	other := *h
	tag := must(h.Sign(bg, nil, nil))(t)
	for range 2 {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var zero exauth.HMAC
	var null *exauth.HMAC
	for name, h := range map[string]*exauth.HMAC{"closed": h, "copy of closed": &other, "zero": &zero, "nil": null} {
		if sig, err := h.Sign(bg, nil, []byte("m")); sig != nil || !errors.Is(err, exauth.ErrNoKey) {
			t.Errorf("%s: Sign: got %x, %v; want ErrNoKey", name, sig, err)
		}
		if err := h.Verify(nil, tag); !errors.Is(err, exauth.ErrNoKey) {
			t.Errorf("%s: Verify: got %v, want ErrNoKey", name, err)
		}
		if err := h.Close(); err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
	}
	if h.Algorithm() != exauth.HMACSHA256 || zero.Algorithm() != 0 || null.Algorithm() != 0 {
		t.Errorf("algorithms: %v %v %v", h.Algorithm(), zero.Algorithm(), null.Algorithm())
	}
}

// TestHMACCloseWhileSigning: every Sign either succeeds rightly or says ErrNoKey.
func TestHMACCloseWhileSigning(t *testing.T) {
	h := must(exauth.NewHMAC(exauth.HMACSHA256, []byte(fakeSecret)))(t)
	want := must(h.Sign(bg, nil, []byte("m")))(t)
	started := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for first := true; ; first = false {
				got, err := h.Sign(bg, nil, []byte("m"))
				if first {
					started <- struct{}{}
				}
				switch {
				case errors.Is(err, exauth.ErrNoKey):
					return
				case err != nil || !bytes.Equal(got, want):
					t.Errorf("got %x, %v", got, err)
					return
				}
			}
		})
	}
	for range 8 {
		<-started
	}
	h.Close()
	wg.Wait()
}

func TestHMACAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool drop states at random")
	}
	msg, buf := bytes.Repeat([]byte("x"), 193), make([]byte, 0, 64)
	for _, alg := range []exauth.Algorithm{exauth.HMACSHA256, exauth.HMACSHA384, exauth.HMACSHA512} {
		h := must(exauth.NewHMAC(alg, []byte(fakeSecret)))(t)
		tag := must(h.Sign(bg, nil, msg))(t)
		for name, f := range map[string]func(){
			"Sign":   func() { buf, _ = h.Sign(bg, buf[:0], msg) },
			"Verify": func() { _ = h.Verify(msg, tag) },
		} {
			if got := testing.AllocsPerRun(1000, f); got != 0 {
				t.Errorf("%s: %s: %v allocations, want 0", alg, name, got)
			}
		}
	}
}

// TestHMACShows nothing of the secret in any sink, by value or by pointer.
func TestHMACShowsNothing(t *testing.T) {
	h := must(exauth.NewHMAC(exauth.HMACSHA256, []byte(fakeSecret)))(t)
	type holder struct {
		Value   exauth.HMAC
		Pointer *exauth.HMAC
		Signer  exauth.Signer
		hidden  exauth.HMAC
	}
	held := holder{*h, h, h, *h}
	key := readKey(t, "fake-ed25519.pem")
	opaqueSigner := must(exauth.NewSigner(exauth.Ed25519, key))(t)
	for name, v := range map[string]any{"pointer": h, "value": *h, "holder": held, "pointer to holder": &held, "map": map[string]any{"h": h}, "key signer": opaqueSigner} {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%p", "%T"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		b, err := json.Marshal(v)
		fmt.Fprintln(&out, string(b), err)
		b, err = xml.Marshal(v)
		fmt.Fprintln(&out, string(b), err)
		var wire bytes.Buffer
		err = gob.NewEncoder(&wire).Encode(v)
		fmt.Fprintln(&out, wire.String(), err)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "h", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "h", v)
		err = template.Must(template.New("").Parse("{{.}} {{printf `%#v` .}}")).Execute(&out, v)
		fmt.Fprintln(&out, err, errors.New(fmt.Sprint(v)))
		func() {
			defer func() { fmt.Fprintln(&out, recover()) }()
			panic(fmt.Sprint(v))
		}()
		seed := []byte(key.(interface{ Seed() []byte }).Seed())
		for _, secret := range []string{fakeSecret, string(seed)} {
			for form, s := range map[string]string{
				"raw": secret, "hex": hex.EncodeToString([]byte(secret)), "base64": base64.StdEncoding.EncodeToString([]byte(secret)),
				"bytes": strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
			} {
				if strings.Contains(strings.ToLower(out.String()), strings.ToLower(s)) {
					t.Errorf("%s: the secret shows as %s", name, form)
				}
			}
		}
		if (name == "pointer" || name == "value") && strings.Count(out.String(), "exauth.HMAC(HMAC-SHA256)") < 12 {
			t.Errorf("%s: printed without its name:\n%s", name, out.String())
		}
	}
	if err := json.Unmarshal([]byte(`"x"`), h); err == nil {
		t.Error("an HMAC was decoded from JSON")
	}
}

// TestFIPS runs itself again where FIPS 140-3 is enforced: what it does not allow is
// an error there, not the standard library's panic.
func TestFIPS(t *testing.T) {
	if os.Getenv("EXAUTH_TEST_FIPS") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPS$", "-test.v")
		cmd.Env = append(os.Environ(), "EXAUTH_TEST_FIPS=1", "GODEBUG=fips140=only")
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("--- PASS: TestFIPS")) {
			t.Fatalf("under fips140=only: %v\n%s", err, out)
		}
		return
	}
	if _, err := exauth.NewHMAC(exauth.HMACSHA256, make([]byte, 13)); !errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), "FIPS") {
		t.Errorf("13 bytes: got %v, want ErrKey naming FIPS", err)
	}
	h := must(exauth.NewHMAC(exauth.HMACSHA256, make([]byte, 14)))(t)
	must(h.Sign(bg, nil, []byte("m")))(t)
	for _, c := range asymmetric {
		must(must(exauth.NewSigner(c.alg, readKey(t, c.key+".pem")))(t).Sign(bg, nil, []byte("m")))(t)
	}
	for _, name := range encryptedFiles(t) {
		_, err := exauth.ParsePEM("id", must(os.ReadFile(name))(t), passphrase(fakePassphrase))
		if !errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), "FIPS 140-3 does not allow") {
			t.Errorf("%s: got %v, want ErrKey naming FIPS", name, err)
		}
	}
}

// BenchmarkHMAC sets Sign to hex beside its floor, one reused hash.
func BenchmarkHMAC(b *testing.B) {
	msg := bytes.Repeat([]byte("x"), 193)
	b.Run("floor", func(b *testing.B) {
		h, buf, out := hmac.New(sha256.New, []byte(fakeSecret)), make([]byte, 0, 64), make([]byte, 0, 64)
		b.ReportAllocs()
		for b.Loop() {
			h.Reset()
			h.Write(msg)
			buf = h.Sum(buf[:0])
			out = hex.AppendEncode(out[:0], buf)
		}
	})
	b.Run("sign", func(b *testing.B) {
		h, buf, out := must(exauth.NewHMAC(exauth.HMACSHA256, []byte(fakeSecret)))(b), make([]byte, 0, 64), make([]byte, 0, 64)
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = h.Sign(bg, buf[:0], msg)
			out = hex.AppendEncode(out[:0], buf)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		h := must(exauth.NewHMAC(exauth.HMACSHA256, []byte(fakeSecret)))(b)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			buf, out := make([]byte, 0, 64), make([]byte, 0, 64)
			for pb.Next() {
				buf, _ = h.Sign(bg, buf[:0], msg)
				out = hex.AppendEncode(out[:0], buf)
			}
		})
	})
}
