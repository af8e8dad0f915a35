package pkcs8

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	keyDir     = "../../testdata/keys"
	passphrase = "fake-passphrase"
)

func block(t testing.TB, name string) *pem.Block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(keyDir, name))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := pem.Decode(text)
	if b == nil {
		t.Fatalf("%s: no PEM", name)
	}
	return b
}

// parse reads whichever encryption b has.
func parse(b *pem.Block) (*Encrypted, error) {
	if info := b.Headers["DEK-Info"]; info != "" {
		return ParseLegacy(info, b.Bytes)
	}
	return Parse(b.Bytes)
}

// TestOpen compares what comes out with the plain file openssl encrypted.
func TestOpen(t *testing.T) {
	for name, want := range map[string]string{
		"fake-rsa2048-pbkdf2-sha1-aes128.pem":   "fake-rsa2048.pem",
		"fake-ed25519-pbkdf2-sha256-aes256.pem": "fake-ed25519.pem",
		"fake-p256-pbkdf2-sha512-aes128.pem":    "fake-p256.pem",
		"fake-p384-pbkdf2-sha384-aes192.pem":    "fake-p384.pem",
		"fake-rsa2048-legacy-aes128.pem":        "fake-rsa2048-pkcs1.pem",
		"fake-rsa2048-legacy-aes256.pem":        "fake-rsa2048-pkcs1.pem",
		"fake-rsa2048-legacy-des3.pem":          "fake-rsa2048-pkcs1.pem",
		"fake-p256-legacy-aes192.pem":           "fake-p256-sec1.pem",
	} {
		e, err := parse(block(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if legacy := strings.Contains(name, "legacy"); e.Legacy != legacy || legacy != (e.Iterations == 1) {
			t.Errorf("%s: legacy %v, %d iterations", name, e.Legacy, e.Iterations)
		}
		for range 2 { // opening twice is the same
			got, err := e.Open([]byte(passphrase))
			if err != nil || !bytes.Equal(got, block(t, want).Bytes) {
				t.Errorf("%s: %v, or other bytes than %s", name, err, want)
			}
		}
	}
}

// An encrypted key to take apart.
type parts struct {
	Scheme asn1.ObjectIdentifier
	KDF    asn1.ObjectIdentifier
	Cipher asn1.ObjectIdentifier
	Salt   []byte
	Iter   int64
	Length int
	PRF    asn1.ObjectIdentifier
	IV     []byte
	Data   []byte
}

func (p parts) der(t *testing.T) []byte {
	t.Helper()
	marshal := func(v any) asn1.RawValue {
		b, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return asn1.RawValue{FullBytes: b}
	}
	kdf := marshal(struct {
		Salt   []byte
		Iter   int64
		Length int                      `asn1:"optional"`
		PRF    pkix.AlgorithmIdentifier `asn1:"optional"`
	}{p.Salt, p.Iter, p.Length, pkix.AlgorithmIdentifier{Algorithm: p.PRF, Parameters: asn1.NullRawValue}})
	params := marshal(struct{ KDF, Cipher pkix.AlgorithmIdentifier }{
		pkix.AlgorithmIdentifier{Algorithm: p.KDF, Parameters: kdf},
		pkix.AlgorithmIdentifier{Algorithm: p.Cipher, Parameters: marshal(p.IV)},
	})
	return marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}{pkix.AlgorithmIdentifier{Algorithm: p.Scheme, Parameters: params}, p.Data}).FullBytes
}

func TestParseRefuses(t *testing.T) {
	oid := func(n ...int) asn1.ObjectIdentifier { return n }
	for _, c := range []struct {
		name string
		edit func(*parts)
		want string // "" means that it is taken
	}{
		{"untouched", func(*parts) {}, ""},
		{"ten million iterations", func(p *parts) { p.Iter = MaxIterations }, ""},
		{"right key length", func(p *parts) { p.Length = 32 }, ""},
		{"one iteration more", func(p *parts) { p.Iter++; p.Iter += MaxIterations - 1 }, "more than 10,000,000 iterations"},
		{"most iterations", func(p *parts) { p.Iter = 1<<63 - 1 }, "more than 10,000,000 iterations"},
		{"no iteration", func(p *parts) { p.Iter = 0 }, "damaged"},
		{"negative iterations", func(p *parts) { p.Iter = -1 }, "damaged"},
		{"no salt", func(p *parts) { p.Salt = nil }, "damaged"},
		{"other key length", func(p *parts) { p.Length = 16 }, "damaged"},
		{"huge key length", func(p *parts) { p.Length = 1 << 30 }, "damaged"},
		{"short IV", func(p *parts) { p.IV = p.IV[1:] }, "damaged"},
		{"long IV", func(p *parts) { p.IV = append(p.IV, 0) }, "damaged"},
		{"no data", func(p *parts) { p.Data = nil }, "damaged"},
		{"half a block", func(p *parts) { p.Data = p.Data[:24] }, "damaged"},
		{"unknown scheme", func(p *parts) { p.Scheme = oid(1, 2, 3) }, "unknown encryption scheme"},
		{"PBES1", func(p *parts) { p.Scheme = oid(1, 2, 840, 113549, 1, 5, 3) }, "PBES1"},
		{"PKCS #12", func(p *parts) { p.Scheme = oid(1, 2, 840, 113549, 1, 12, 1, 3) }, "PKCS #12"},
		{"scrypt", func(p *parts) { p.KDF = oid(1, 3, 6, 1, 4, 1, 11591, 4, 11) }, "scrypt"},
		{"unknown KDF", func(p *parts) { p.KDF = oid(1, 2, 3) }, "unknown key derivation"},
		{"HMAC-SHA224", func(p *parts) { p.PRF = oid(1, 2, 840, 113549, 2, 8) }, "HMAC-SHA224"},
		{"unknown PRF", func(p *parts) { p.PRF = oid(1, 2, 3) }, "unknown pseudorandom function"},
		{"3DES", func(p *parts) { p.Cipher = oid(1, 2, 840, 113549, 3, 7) }, "3DES"},
		{"DES", func(p *parts) { p.Cipher = oid(1, 3, 14, 3, 2, 7) }, "DES"},
		{"RC2", func(p *parts) { p.Cipher = oid(1, 2, 840, 113549, 3, 2) }, "RC2"},
		{"AES-GCM", func(p *parts) { p.Cipher = oid(2, 16, 840, 1, 101, 3, 4, 1, 46) }, "AES in a mode other than CBC"},
		{"Camellia", func(p *parts) { p.Cipher = oid(1, 2, 392, 200011, 61, 1, 1, 1, 4) }, "Camellia"},
		{"ARIA", func(p *parts) { p.Cipher = oid(1, 2, 410, 200046, 1, 1, 12) }, "ARIA"},
		{"unknown cipher", func(p *parts) { p.Cipher = oid(1, 2, 3) }, "unknown cipher"},
	} {
		p := parts{
			Scheme: oidPBES2, KDF: oidPBKDF2, Cipher: oid(2, 16, 840, 1, 101, 3, 4, 1, 42), PRF: oid(1, 2, 840, 113549, 2, 9),
			Salt: make([]byte, 16), Iter: 2048, IV: make([]byte, 16), Data: make([]byte, 64),
		}
		c.edit(&p)
		e, err := Parse(p.der(t))
		if c.want == "" {
			if err != nil || e.Iterations != int(p.Iter) {
				t.Errorf("%s: got %v", c.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if _, unsupported := err.(Unsupported); unsupported == errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v must be either Unsupported or ErrFormat", c.name, err)
		}
	}
	good := block(t, "fake-ed25519-pbkdf2-sha256-aes256.pem").Bytes
	for n := range good {
		if _, err := Parse(good[:n]); !errors.Is(err, ErrFormat) {
			t.Errorf("cut to %d bytes: got %v, want ErrFormat", n, err)
		}
	}
	if _, err := Parse(append(bytes.Clone(good), 0)); !errors.Is(err, ErrFormat) {
		t.Errorf("one byte more: got %v, want ErrFormat", err)
	}
}

func TestParseLegacyRefuses(t *testing.T) {
	for _, c := range []struct{ name, info, want string }{
		{"empty", "", "damaged"},
		{"no IV", "AES-128-CBC", "damaged"},
		{"empty IV", "AES-128-CBC,", "damaged"},
		{"short IV", "AES-128-CBC,0011223344556677", "damaged"},
		{"IV no hex", "AES-128-CBC,zz112233445566770011223344556677", "damaged"},
		{"DES", "DES-CBC,0011223344556677", "legacy cipher"},
		{"RC4", "RC4,00", "legacy cipher"},
	} {
		if _, err := ParseLegacy(c.info, make([]byte, 32)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	for _, n := range []int{0, 15, 17} {
		if _, err := ParseLegacy("AES-128-CBC,00112233445566770011223344556677", make([]byte, n)); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes: got %v, want ErrFormat", n, err)
		}
	}
}

func TestInspect(t *testing.T) {
	for _, c := range []struct {
		name             string
		form             Form
		algorithm, curve string
		bits             int
	}{
		{"fake-rsa2048.pem", PKCS8, "RSA", "", 2048},
		{"fake-rsa2048-pkcs1.pem", PKCS1, "RSA", "", 2048},
		{"fake-rsa8200.pem", PKCS8, "RSA", "", 8200},
		{"fake-rsapss.pem", PKCS8, "RSA-PSS", "", 0},
		{"fake-ed25519.pem", PKCS8, "Ed25519", "", 0},
		{"fake-ed448.pem", PKCS8, "Ed448", "", 0},
		{"fake-x25519.pem", PKCS8, "X25519", "", 0},
		{"fake-p256.pem", PKCS8, "EC", "P-256", 0},
		{"fake-p256-sec1.pem", SEC1, "EC", "P-256", 0},
		{"fake-p384.pem", PKCS8, "EC", "P-384", 0},
		{"fake-P-521.pem", PKCS8, "EC", "P-521", 0},
		{"fake-P-224.pem", PKCS8, "EC", "P-224", 0},
		{"fake-secp256k1-sec1.pem", SEC1, "EC", "secp256k1", 0},
		{"fake-brainpoolP256r1.pem", PKCS8, "EC", "", 0},
		{"fake-p256-explicit.pem", PKCS8, "EC", "with explicit parameters", 0},
	} {
		der := block(t, c.name).Bytes
		info, err := Inspect(der, c.form)
		if err != nil || info.Algorithm != c.algorithm || info.Curve != c.curve || (info.N != nil) != (c.bits > 0) || info.N != nil && info.N.BitLen() != c.bits {
			t.Errorf("%s: got %+v, %v", c.name, info, err)
		}
		for _, other := range []Form{PKCS8, PKCS1, SEC1} {
			if _, err := Inspect(der, other); other != c.form && !errors.Is(err, ErrFormat) {
				t.Errorf("%s as %s: got %v, want ErrFormat", c.name, other, err)
			}
		}
		if _, err := Inspect(append(bytes.Clone(der), 0), c.form); !errors.Is(err, ErrFormat) {
			t.Errorf("%s with one byte more: got %v, want ErrFormat", c.name, err)
		}
	}
}

// FuzzPKCS8: no panic in any reader, and what opens was padded rightly.
func FuzzPKCS8(f *testing.F) {
	names, err := filepath.Glob(filepath.Join(keyDir, "*.pem"))
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range names {
		b := block(f, filepath.Base(name))
		f.Add(b.Bytes, b.Headers["DEK-Info"])
	}
	f.Fuzz(func(t *testing.T, der []byte, dekInfo string) {
		for _, form := range []Form{PKCS8, PKCS1, SEC1} {
			if info, err := Inspect(der, form); err == nil && info.Algorithm == "RSA" && (info.N == nil || info.E == nil) {
				t.Fatal("RSA without numbers")
			}
		}
		for _, read := range []func() (*Encrypted, error){
			func() (*Encrypted, error) { return Parse(der) },
			func() (*Encrypted, error) { return ParseLegacy(dekInfo, der) },
		} {
			e, err := read()
			var unsupported Unsupported
			if err != nil {
				if !errors.Is(err, ErrFormat) && !errors.As(err, &unsupported) {
					t.Fatalf("got %v", err)
				}
				continue
			}
			if e.Iterations < 1 || e.Iterations > MaxIterations {
				t.Fatalf("%d iterations", e.Iterations)
			}
			if e.Iterations > 10_000 {
				continue // slow, not wrong
			}
			if plain, err := e.Open([]byte(passphrase)); err == nil && len(plain) >= len(der) {
				t.Fatalf("%d bytes came out of %d", len(plain), len(der))
			}
		}
	})
}
