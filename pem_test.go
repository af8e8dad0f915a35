package exauth_test

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/internal/pkcs8"
)

const fakePassphrase = "fake-passphrase"

func passphrase(text string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(text), nil }
}

// signedBy reports which of the plain fake keys a Key signs as, by its own
// signatures: the private half has no other way out.
func signedBy(t *testing.T, k *exauth.Key) string {
	t.Helper()
	for _, name := range []string{"rsa2048", "ed25519", "p256", "p384"} {
		want := readKey(t, "fake-"+name+".pem").Public().(interface{ Equal(crypto.PublicKey) bool })
		if want.Equal(exauth.PublicKeyOf(k)) {
			return name
		}
	}
	return "no known key"
}

// TestParsePEMOpens is the matrix: everything openssl writes that is supported.
func TestParsePEMOpens(t *testing.T) {
	type file struct{ name, key, warning string }
	files := []file{
		{"fake-rsa2048.pem", "rsa2048", ""},
		{"fake-ed25519.pem", "ed25519", ""},
		{"fake-p256.pem", "p256", ""},
		{"fake-p384.pem", "p384", ""},
		{"fake-rsa2048-pkcs1.pem", "rsa2048", ""},
		{"fake-p256-sec1.pem", "p256", ""},
		{"fake-p384-sec1.pem", "p384", ""},
		{"fake-p256-params.pem", "p256", ""},
		{"fake-p256-bag.pem", "p256", ""},
		{"fake-p384-pbkdf2-sha384-aes192.pem", "p384", "2048 iterations"},
		{"fake-ed25519-100000.pem", "ed25519", ""},
		{"fake-rsa2048-legacy-aes128.pem", "rsa2048", "legacy PEM encryption"},
		{"fake-rsa2048-legacy-aes256.pem", "rsa2048", "legacy PEM encryption"},
		{"fake-rsa2048-legacy-des3.pem", "rsa2048", "legacy PEM encryption"},
		{"fake-p256-legacy-aes192.pem", "p256", "legacy PEM encryption"},
	}
	for _, key := range []string{"rsa2048", "ed25519", "p256"} {
		for _, prf := range []string{"sha1", "sha256", "sha512"} {
			for _, size := range []string{"128", "256"} {
				files = append(files, file{"fake-" + key + "-pbkdf2-" + prf + "-aes" + size + ".pem", key, "2048 iterations"})
			}
		}
	}
	for _, f := range files {
		t.Run(f.name, func(t *testing.T) {
			text := readFile(t, "keys/"+f.name)
			k, err := exauth.ParsePEM("id", text, passphrase(fakePassphrase))
			if err != nil {
				t.Fatal(err)
			}
			if got := signedBy(t, k); got != f.key {
				t.Errorf("got %s, want %s", got, f.key)
			}
			if w := k.Warnings(); len(w) > 1 || strings.Join(w, "") == "" != (f.warning == "") || !strings.Contains(strings.Join(w, ""), f.warning) {
				t.Errorf("warnings %q, want one with %q", w, f.warning)
			}
			if w := k.WithPassphrase("x").Warnings(); (len(w) == 0) != (f.warning == "") {
				t.Errorf("a copy of the key warns %q", w)
			}
			if !bytes.Equal(text, readFile(t, "keys/"+f.name)) {
				t.Error("the caller's text was changed")
			}
			crlf := bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
			if _, err := exauth.ParsePEM("id", crlf, passphrase(fakePassphrase)); err != nil {
				t.Errorf("with CRLF: %v", err)
			}
		})
	}
}

// encryptedFiles are all files that ask for a passphrase.
func encryptedFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"fake-*-pbkdf2-sha*-aes*.pem", "fake-*-legacy-aes*.pem", "fake-*-legacy-des3.pem"} {
		found := must(filepath.Glob(filepath.Join("testdata", "keys", pattern)))(t)
		names = append(names, found...)
	}
	if len(names) != 23 {
		t.Fatalf("found %d encrypted files, want 23: %v", len(names), names)
	}
	return names
}

// TestParsePEMWrongPassphrase: never "damaged", whatever the wrong key decrypts to.
// With thousands of tries, padding that looks right by chance occurs too.
func TestParsePEMWrongPassphrase(t *testing.T) {
	for _, name := range encryptedFiles(t) {
		text := must(os.ReadFile(name))(t)
		tries := 8
		if strings.Contains(name, "legacy") {
			tries = 1500 // cheap, and one in 256 has good padding
		}
		for i := range tries {
			k, err := exauth.ParsePEM("id", text, passphrase(fmt.Sprintf("wrong %d", i)))
			if k != nil || !errors.Is(err, exauth.ErrPassphrase) || errors.Is(err, exauth.ErrKey) || strings.Contains(err.Error(), "damaged") {
				t.Fatalf("%s: got %v, %v; want ErrPassphrase only", name, k, err)
			}
		}
	}
}

// TestParsePEMRightPaddingWrongContent damages the first block of each ciphertext:
// padding stays right, content becomes nonsense.
func TestParsePEMRightPaddingWrongContent(t *testing.T) {
	for _, name := range encryptedFiles(t) {
		block, _ := pem.Decode(must(os.ReadFile(name))(t))
		data := 0
		if block.Headers["DEK-Info"] == "" {
			aes := bytes.Index(block.Bytes, []byte{0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1}) // of the cipher's OID
			data = aes + 9 + 2 + 16 + 3                                                 // OID, IV, then the data's tag and length
		}
		block.Bytes[data+1] ^= 0x55
		_, err := exauth.ParsePEM("id", pem.EncodeToMemory(block), passphrase(fakePassphrase))
		if !errors.Is(err, exauth.ErrPassphrase) || errors.Is(err, exauth.ErrKey) {
			t.Errorf("%s: got %v, want ErrPassphrase only", name, err)
		}
	}
}

func TestParsePEMPassphraseSource(t *testing.T) {
	cancelled := errors.New("user pressed escape")
	given := []byte(fakePassphrase)
	for _, c := range []struct {
		name string
		ask  func() ([]byte, error)
		want []error
		text string
	}{
		{"none", nil, []error{exauth.ErrPassphrase}, "is encrypted; give its passphrase"},
		{"empty", passphrase(""), []error{exauth.ErrPassphrase}, "passphrase is empty"},
		{"nil", func() ([]byte, error) { return nil, nil }, []error{exauth.ErrPassphrase}, "passphrase is empty"},
		{"cancelled", func() ([]byte, error) { return given, cancelled }, []error{exauth.ErrPassphrase, cancelled}, "user pressed escape"},
	} {
		_, err := exauth.ParsePEM("id", readFile(t, "keys/fake-ed25519-pbkdf2-sha256-aes256.pem"), c.ask)
		for _, want := range c.want {
			if !errors.Is(err, want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: got %v, want %v with %q", c.name, err, want, c.text)
			}
		}
	}
	if !bytes.Equal(given, make([]byte, len(given))) {
		t.Error("the passphrase was not wiped after an error")
	}
	given, calls := []byte(fakePassphrase), 0
	ask := func() ([]byte, error) { calls++; return given, nil }
	must(exauth.ParsePEM("id", readFile(t, "keys/fake-ed25519-pbkdf2-sha256-aes256.pem"), ask))(t)
	if calls != 1 || !bytes.Equal(given, make([]byte, len(given))) {
		t.Errorf("asked %d times, left %q; want once and wiped", calls, given)
	}
	must(exauth.ParsePEM("id", readFile(t, "keys/fake-ed25519.pem"), ask))(t)
	for _, refused := range []string{"fake-ed25519-scrypt.pem", "fake-ed25519-bomb.pem", "fake-rsa1024.pem"} {
		if _, err := exauth.ParsePEM("id", readFile(t, "keys/"+refused), ask); !errors.Is(err, exauth.ErrKey) {
			t.Errorf("%s: got %v, want ErrKey", refused, err)
		}
	}
	if calls != 1 {
		t.Error("a passphrase was asked for that could not help")
	}
}

// TestParsePEMRefuses names each fault; the files are openssl's.
func TestParsePEMRefuses(t *testing.T) {
	read := func(name string) string { return string(readFile(t, "keys/"+name)) }
	ed, rsaKey := read("fake-ed25519.pem"), read("fake-rsa2048.pem")
	der := read("fake-ed25519.der")
	utf16le := func(s string) string {
		b := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	const reencrypt = "openssl pkcs8 -topk8 -v2 aes-256-cbc"
	for _, c := range []struct{ name, text, want string }{
		{"scrypt RSA", read("fake-rsa2048-scrypt.pem"), "encrypted with scrypt, which is not supported; re-encrypt it with: " + reencrypt},
		{"scrypt Ed25519", read("fake-ed25519-scrypt.pem"), "scrypt"},
		{"scrypt P-256", read("fake-p256-scrypt.pem"), "scrypt"},
		{"3DES RSA", read("fake-rsa2048-3des.pem"), "encrypted with 3DES (DES-EDE3-CBC), which is not supported; re-encrypt it with: " + reencrypt},
		{"3DES Ed25519", read("fake-ed25519-3des.pem"), "3DES"},
		{"3DES P-256", read("fake-p256-3des.pem"), "3DES"},
		{"PBES1", read("fake-ed25519-pbes1.pem"), "PBES1 (DES or RC2), which is not supported; re-encrypt"},
		{"PBES1 of PKCS #12", read("fake-ed25519-pbes1-pkcs12.pem"), "PKCS #12 scheme"},
		{"Camellia", read("fake-ed25519-camellia256.pem"), "encrypted with Camellia, which"},
		{"HMAC-SHA224", read("fake-ed25519-pbkdf2-sha224.pem"), "PBKDF2 with HMAC-SHA224, which"},
		{"legacy Camellia", read("fake-rsa2048-legacy-camellia256.pem"), "legacy cipher other than AES-CBC"},
		{"KDF bomb", read("fake-ed25519-bomb.pem"), "more than 10,000,000 iterations"},
		{"legacy without DEK-Info", strings.Replace(read("fake-rsa2048-legacy-aes128.pem"), "DEK-Info", "X-Info", 1), "encrypted private key is damaged"},
		{"legacy with cut IV", strings.Replace(read("fake-rsa2048-legacy-aes128.pem"), "DEK-Info: AES-128-CBC,", "DEK-Info: AES-128-CBC,00", 1), "encrypted private key is damaged"},
		{"encrypted, plain inside", encode("ENCRYPTED PRIVATE KEY", []byte(der)), "encrypted private key is damaged"},

		{"RSA 512", read("fake-rsa512.pem"), "RSA key has 512 bits, at least 2048"},
		{"RSA 1024", read("fake-rsa1024.pem"), "RSA key has 1024 bits, at least 2048"},
		{"RSA 8200", read("fake-rsa8200.pem"), "RSA key has 8200 bits, at most 8192"},
		{"RSA exponent 3", read("fake-rsa2048-e3.pem"), "RSA public exponent is weak"},
		{"RSA-PSS", read("fake-rsapss.pem"), "key is bound to RSA-PSS"},
		{"P-521", read("fake-P-521.pem"), "ECDSA curve P-521 is not supported"},
		{"P-224", read("fake-P-224.pem"), "ECDSA curve P-224 is not supported"},
		{"secp256k1", read("fake-secp256k1.pem"), "ECDSA curve secp256k1 is not supported"},
		{"secp256k1 SEC 1", read("fake-secp256k1-sec1.pem"), "ECDSA curve secp256k1 is not supported"},
		{"brainpool", read("fake-brainpoolP256r1.pem"), "ECDSA curve unknown is not supported"},
		{"explicit curve", read("fake-p256-explicit.pem"), "ECDSA curve with explicit parameters is not supported"},
		{"X25519", read("fake-x25519.pem"), "X25519 keys are not supported"},
		{"Ed448", read("fake-ed448.pem"), "Ed448 keys are not supported"},

		{"public key", read("fake-rsa2048.pub.pem"), "this is the public key"},
		{"PKCS #1 public key", read("fake-rsa2048-pkcs1.pub.pem"), "this is the public key"},
		{"certificate", read("fake-p256.cert.pem"), "this is a certificate;"},
		{"certificate request", read("fake-p256.csr.pem"), "this is a certificate request"},
		{"OpenSSH", read("fake-openssh.pem"), "ssh-keygen -p -m PKCS8"},
		{"SSH public key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 fake", "SSH public key"},
		{"PuTTY", "PuTTY-User-Key-File-3: ssh-ed25519\n", "PuTTY"},
		{"DSA", encode("DSA PRIVATE KEY", []byte(der)), "DSA keys are not supported"},
		{"another label", encode("PGP MESSAGE", []byte(der)), "holds no private key"},
		{"only parameters", encode("EC PARAMETERS", []byte(der)), "PEM holds no private key"},

		{"empty", "", "PEM is empty"},
		{"blank", " \n\t\r\n", "PEM is empty"},
		{"too large", ed + strings.Repeat("\n", 64<<10), "larger than 64 KiB"},
		{"double quotes", `"` + ed + `"`, "PEM is in quotes"},
		{"single quotes", "'" + ed + "'", "PEM is in quotes"},
		{"literal \\n", strings.ReplaceAll(ed, "\n", `\n`), `holds \n as two characters`},
		{"literal \\n in quotes", `"` + strings.ReplaceAll(ed, "\n", `\n`) + `"`, "PEM is in quotes"},
		{"byte order mark", "\ufeff" + ed, "byte order mark"},
		{"UTF-16", utf16le(ed), "byte order mark"},
		{"JSON", `{"privateKey": "` + strings.ReplaceAll(ed, "\n", `\n`) + `"}`, "wrapped in JSON"},
		{"DER", der, "DER, not PEM"},
		{"base64 only", base64.StdEncoding.EncodeToString([]byte(der)), "no BEGIN line"},
		{"other text", "hello", "this is no PEM"},
		{"spaces for line breaks", strings.ReplaceAll(ed, "\n", " "), "a line was cut off, joined or indented"},
		{"indented", "  " + strings.ReplaceAll(ed, "\n", "\n  "), "something stands before BEGIN"},
		{"END indented", strings.Replace(ed, "-----END", "  -----END", 1), "a line was cut off, joined or indented"},
		{"no END", strings.Split(ed, "-----END")[0], "a line was cut off"},
		{"other END", strings.Replace(ed, "END PRIVATE", "END PUBLIC", 1), "a line was cut off"},
		{"variable name in front", "KEY=" + ed, "something stands before BEGIN"},
		{"damaged block before a good one", strings.Replace(ed, "\n-----END", "*\n-----END", 1) + ed, "a line was cut off"},
		{"trailing garbage", ed + "garbage\n", "something follows the key's END line"},
		{"trailing text of openssl -text", read("fake-rsa2048-text.pem"), "something follows the key's END line"},
		{"trailing garbage on the END line", strings.TrimSpace(ed) + "garbage\n", "a line was cut off"},
		{"two keys", ed + rsaKey, "more than one block"},
		{"same key twice", ed + ed, "more than one block"},
		{"key and certificate", ed + read("fake-p256.cert.pem"), "more than one block"},

		{"wrong label PKCS #1", encode("RSA PRIVATE KEY", []byte(der)), "it is no PKCS #1"},
		{"wrong label SEC 1", encode("EC PRIVATE KEY", []byte(der)), "it is no SEC 1"},
		{"wrong label PKCS #8", strings.ReplaceAll(read("fake-rsa2048-pkcs1.pem"), "RSA PRIVATE", "PRIVATE"), "it is no PKCS #8"},
		{"cut off inside", encode("PRIVATE KEY", []byte(der[:len(der)-1])), "it is no PKCS #8"},
		{"bytes after the key inside", encode("PRIVATE KEY", append([]byte(der), 0)), "it is no PKCS #8"},
		{"empty inside", encode("PRIVATE KEY", nil), "it is no PKCS #8"},
		{"Ed25519 seed too short", encode("PRIVATE KEY", shortSeed([]byte(der))), "its parts do not belong together"},
		{"Ed25519 with another's public half", encode("PRIVATE KEY", withPublic([]byte(der))), "halves of the Ed25519 key"},
		{"RSA with one bit changed", flipLast(rsaKey), "do not belong together"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := exauth.ParsePEM("id", []byte(c.text), passphrase(fakePassphrase))
			if k != nil || !errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, %v; want ErrKey with %q", k, err, c.want)
			}
			checkNothingShown(t, c.text, err)
		})
	}
	// Weak keys are found behind an encryption too.
	_, err := exauth.ParsePEM("id", []byte(read("fake-rsa1024-pbkdf2.pem")), passphrase(fakePassphrase))
	if !errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), "1024 bits") {
		t.Errorf("encrypted RSA 1024: got %v", err)
	}
}

// checkNothingShown fails when err holds eight characters in a row of a line of
// base64, or the passphrase.
func checkNothingShown(t *testing.T, text string, err error) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, " ") || len(line) < 16 {
			continue // labels, headers and our own words
		}
		for i := 0; i+8 <= len(line); i += 4 {
			if strings.Contains(err.Error(), line[i:i+8]) {
				t.Errorf("the error shows %q", line[i:i+8])
			}
		}
	}
	if strings.Contains(err.Error(), fakePassphrase) {
		t.Error("the error shows the passphrase")
	}
}

// shortSeed takes one byte off the seed and off every length around it.
func shortSeed(der []byte) []byte {
	der = bytes.Clone(der[:len(der)-1])
	der[1]--
	der[13]--
	der[15]--
	return der
}

// withPublic makes the version 2 form (RFC 5958 section 2) with a public key of zeros.
func withPublic(der []byte) []byte {
	der = append(bytes.Clone(der), append([]byte{0x81, 33, 0}, make([]byte, 32)...)...)
	der[1] += 35
	der[4] = 1
	return der
}

// flipLast changes the last byte of an RSA key, which belongs to its coefficient.
func flipLast(text string) string {
	block, _ := pem.Decode([]byte(text))
	block.Bytes[len(block.Bytes)-1] ^= 1
	return string(pem.EncodeToMemory(block))
}

func TestParsePEMRefusesIDs(t *testing.T) {
	text := readFile(t, "keys/fake-ed25519.pem")
	for name, id := range map[string]string{"empty": "", "PEM": string(text), "quotes": `"id"`, "white space": "a b"} {
		if k, err := exauth.ParsePEM(id, text, nil); k != nil || !errors.Is(err, exauth.ErrKey) {
			t.Errorf("%s: got %v, %v; want ErrKey", name, k, err)
		}
	}
	must(exauth.ParsePEM("id\n", text, nil))(t)
}

// FuzzParsePEM: no panic, and either a key that signs or an error that is one of two.
func FuzzParsePEM(f *testing.F) {
	for _, name := range must(filepath.Glob(filepath.Join("testdata", "keys", "*.pem")))(f) {
		f.Add(must(os.ReadFile(name))(f))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if block, _ := pem.Decode(text); block != nil {
			if e, err := pkcs8.Parse(block.Bytes); err == nil && e.Iterations > 10_000 {
				return // slow, not wrong
			}
		}
		before := slices.Clone(text)
		pass := []byte(fakePassphrase)
		k, err := exauth.ParsePEM("id", text, func() ([]byte, error) { return pass, nil })
		if !bytes.Equal(text, before) {
			t.Fatal("the text was changed")
		}
		if err != nil {
			if k != nil || !errors.Is(err, exauth.ErrKey) && !errors.Is(err, exauth.ErrPassphrase) {
				t.Fatalf("got %v, %v", k, err)
			}
			return
		}
		if k.Err() != nil || exauth.PublicKeyOf(k) == nil {
			t.Fatalf("a key without error is not usable: %v", k.Err())
		}
	})
}
