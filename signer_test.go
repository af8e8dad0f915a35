package exauth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/exauth/exauth"
)

// bg is for local signers, which ignore it.
var bg = context.Background()

// readKey loads one of the plain fake keys with the standard library, so that
// signing is tested apart from ParsePEM.
func readKey(t testing.TB, name string) crypto.Signer {
	t.Helper()
	block, _ := pem.Decode(readFile(t, "keys/"+name))
	if block == nil {
		t.Fatalf("%s: no PEM", name)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return key.(crypto.Signer)
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A vector is one line of testdata/signing.json.
type vector struct {
	Name, Source, Algorithm string
	KeyEncoding             string `json:"key_encoding"`
	Key                     json.RawMessage
	Canonical               string
	CanonicalHex            string `json:"canonical_hex"`
	OutputEncoding          string `json:"output_encoding"`
	Expected                string
}

func (v vector) decode(t *testing.T, encoding, text string) []byte {
	t.Helper()
	var b []byte
	var err error
	switch encoding {
	case "utf8":
		b = []byte(text)
	case "hex":
		b, err = hex.DecodeString(text)
	case "base64":
		b, err = base64.StdEncoding.DecodeString(text)
	case "base64url":
		b, err = base64.RawURLEncoding.DecodeString(text)
	default:
		err = fmt.Errorf("unknown encoding %q", encoding)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (v vector) message(t *testing.T) []byte {
	if v.CanonicalHex != "" {
		return v.decode(t, "hex", v.CanonicalHex)
	}
	return []byte(v.Canonical)
}

// pair returns what the vector signs and verifies with; signer is nil for public keys.
func (v vector) pair(t *testing.T) (exauth.Signer, exauth.Verifier) {
	t.Helper()
	switch v.KeyEncoding {
	case "jwk":
		var jwk struct{ Crv, D, X, Y string }
		if err := json.Unmarshal(v.Key, &jwk); err != nil {
			t.Fatal(err)
		}
		x := v.decode(t, "base64url", jwk.X)
		if jwk.Crv == "P-256" {
			point := append(append([]byte{4}, x...), v.decode(t, "base64url", jwk.Y)...)
			pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
			if err != nil {
				t.Fatal(err)
			}
			return nil, must(exauth.NewVerifier(exauth.ES256, pub))(t)
		}
		priv := ed25519.NewKeyFromSeed(v.decode(t, "base64url", jwk.D))
		return must(exauth.NewSigner(exauth.Ed25519, priv))(t), must(exauth.NewVerifier(exauth.Ed25519, ed25519.PublicKey(x)))(t)
	case "pem":
		var text string
		if err := json.Unmarshal(v.Key, &text); err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode([]byte(text))
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		priv := key.(crypto.Signer)
		return must(exauth.NewSigner(exauth.Ed25519, priv))(t), must(exauth.NewVerifier(exauth.Ed25519, priv.Public()))(t)
	}
	var text string
	if err := json.Unmarshal(v.Key, &text); err != nil {
		t.Fatal(err)
	}
	h := must(exauth.NewHMAC(algorithmNamed(t, v.Algorithm), v.decode(t, v.KeyEncoding, text)))(t)
	return h, h
}

func algorithmNamed(t *testing.T, name string) exauth.Algorithm {
	t.Helper()
	for a := exauth.HMACSHA256; a <= exauth.ES384; a++ {
		if a.String() == name {
			return a
		}
	}
	t.Fatalf("unknown algorithm %q", name)
	return 0
}

// must turns (value, error) into a value, failing the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestPublishedSignatures holds our output against RFCs and vendors' documents.
func TestPublishedSignatures(t *testing.T) {
	var vectors []vector
	if err := json.Unmarshal(readFile(t, "signing.json"), &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 42 {
		t.Fatalf("read %d vectors, want 42", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			signer, verifier := v.pair(t)
			want, msg := v.decode(t, v.OutputEncoding, v.Expected), v.message(t)
			if err := verifier.Verify(msg, want); err != nil {
				t.Errorf("the published signature is refused: %v", err)
			}
			if signer == nil {
				return // verify only: the private half is not published
			}
			got, err := signer.Sign(bg, []byte("dst:"), msg)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, append([]byte("dst:"), want...)) {
				t.Errorf("got %x, want %x", got[4:], want)
			}
		})
	}
}

// TestHMACTruncated takes RFC 4231 test case 5, whose tags are cut to 128 bits.
func TestHMACTruncated(t *testing.T) {
	for alg, text := range map[exauth.Algorithm]string{
		exauth.HMACSHA256: "a3b6167473100ee06e0c796c2955552b",
		exauth.HMACSHA384: "3abf34c3503b2a23a46efc619baef897",
		exauth.HMACSHA512: "415fad6271580a531d4179bc891d87a6",
	} {
		h := must(exauth.NewHMAC(alg, bytes.Repeat([]byte{0x0c}, 20)))(t)
		msg, short := []byte("Test With Truncation"), must(hex.DecodeString(text))(t)
		tag := must(h.Sign(bg, nil, msg))(t)
		if !bytes.HasPrefix(tag, short) {
			t.Errorf("%s: got %x, want prefix %x", alg, tag, short)
		}
		for name, sig := range map[string][]byte{
			"128 bits": short, "one byte short": tag[:len(tag)-1], "one byte long": append(bytes.Clone(tag), 0), "empty": nil,
		} {
			if err := h.Verify(msg, sig); !errors.Is(err, exauth.ErrSignature) {
				t.Errorf("%s: %s tag: got %v, want ErrSignature", alg, name, err)
			}
		}
	}
}

// asymmetric lists each algorithm with its fake key and the signature openssl made
// of testdata/message.txt.
var asymmetric = []struct {
	alg           exauth.Algorithm
	key, sig      string
	deterministic bool
}{
	{exauth.RSASHA256, "fake-rsa2048", "rsa-sha256.sig", true},
	{exauth.RSASHA512, "fake-rsa2048", "rsa-sha512.sig", true},
	{exauth.RSAPSSSHA256, "fake-rsa2048", "rsa-pss-sha256.sig", false},
	{exauth.RSAPSSSHA512, "fake-rsa2048", "rsa-pss-sha512.sig", false},
	{exauth.Ed25519, "fake-ed25519", "ed25519.sig", true},
	{exauth.ES256, "fake-p256", "es256.der", false},
	{exauth.ES384, "fake-p384", "es384.der", false},
}

// rsOf converts DER with encoding/asn1, apart from the code under test.
func rsOf(t testing.TB, der []byte, size int) []byte {
	t.Helper()
	var v struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &v); err != nil || len(rest) != 0 {
		t.Fatalf("asn1: %v, %d bytes left", err, len(rest))
	}
	return append(v.R.FillBytes(make([]byte, size)), v.S.FillBytes(make([]byte, size))...)
}

func derOf(t testing.TB, rs []byte) []byte {
	t.Helper()
	half := len(rs) / 2
	return must(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(rs[:half]), new(big.Int).SetBytes(rs[half:])}))(t)
}

// opensslSignature returns the committed signature as a venue would see it.
func opensslSignature(t testing.TB, alg exauth.Algorithm, file string) []byte {
	sig := readFile(t, "signatures/"+file)
	switch alg {
	case exauth.ES256:
		return rsOf(t, sig, 32)
	case exauth.ES384:
		return rsOf(t, sig, 48)
	}
	return sig
}

// TestOpenSSLSignatures: what openssl signed verifies here, and where the algorithm
// is deterministic our bytes are openssl's.
func TestOpenSSLSignatures(t *testing.T) {
	msg := readFile(t, "message.txt")
	for _, c := range asymmetric {
		t.Run(c.alg.String(), func(t *testing.T) {
			priv := readKey(t, c.key+".pem")
			want := opensslSignature(t, c.alg, c.sig)
			verifier := must(exauth.NewVerifier(c.alg, priv.Public()))(t)
			if err := verifier.Verify(msg, want); err != nil {
				t.Errorf("openssl's signature is refused: %v", err)
			}
			for name, key := range map[string]crypto.Signer{"in process": priv, "opaque": opaque{priv}} {
				s := must(exauth.NewSigner(c.alg, key))(t)
				if s.Algorithm() != c.alg {
					t.Errorf("%s: signer says %s", name, s.Algorithm())
				}
				got := must(s.Sign(bg, []byte("dst:"), msg))(t)
				if c.deterministic && !bytes.Equal(got[4:], want) {
					t.Errorf("%s: got %x, want %x", name, got, want)
				}
				if err := verifier.Verify(msg, got[4:]); err != nil {
					t.Errorf("%s: own signature: %v", name, err)
				}
				if !bytes.HasPrefix(got, []byte("dst:")) || len(got) != 4+len(want) {
					t.Errorf("%s: got %d bytes, want dst and %d", name, len(got), len(want))
				}
			}
		})
	}
}

// TestOpenSSLAccepts asks the other side: openssl verifies what we sign.
func TestOpenSSLAccepts(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	msgFile := filepath.Join("testdata", "message.txt")
	msg := readFile(t, "message.txt")
	for _, c := range asymmetric {
		t.Run(c.alg.String(), func(t *testing.T) {
			sig := must(must(exauth.NewSigner(c.alg, readKey(t, c.key+".pem")))(t).Sign(bg, nil, msg))(t)
			if c.alg == exauth.ES256 || c.alg == exauth.ES384 {
				sig = derOf(t, sig)
			}
			file := filepath.Join(t.TempDir(), "sig")
			if err := os.WriteFile(file, sig, 0o600); err != nil {
				t.Fatal(err)
			}
			pub := filepath.Join("testdata", "keys", c.key+".pub.pem")
			args := map[exauth.Algorithm][]string{
				exauth.RSASHA256:    {"dgst", "-sha256"},
				exauth.RSASHA512:    {"dgst", "-sha512"},
				exauth.RSAPSSSHA256: {"dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"},
				exauth.RSAPSSSHA512: {"dgst", "-sha512", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:64"},
				exauth.ES256:        {"dgst", "-sha256"},
				exauth.ES384:        {"dgst", "-sha384"},
			}[c.alg]
			args = append(args, "-verify", pub, "-signature", file, msgFile)
			if c.alg == exauth.Ed25519 {
				args = []string{"pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pub, "-in", msgFile, "-sigfile", file}
			}
			if out, err := exec.Command(openssl, args...).CombinedOutput(); err != nil {
				t.Errorf("openssl %v: %v\n%s", args, err, out)
			}
		})
	}
}

// TestDeterministic is S10: 1,000 signatures from eight goroutines, one result.
func TestDeterministic(t *testing.T) {
	msg := readFile(t, "message.txt")
	signers := map[string]exauth.Signer{}
	for _, alg := range []exauth.Algorithm{exauth.HMACSHA256, exauth.HMACSHA384, exauth.HMACSHA512} {
		signers[alg.String()] = must(exauth.NewHMAC(alg, []byte("a fake secret of some length")))(t)
	}
	for _, c := range asymmetric {
		if c.deterministic {
			priv := readKey(t, c.key+".pem")
			signers[c.alg.String()] = must(exauth.NewSigner(c.alg, priv))(t)
			if c.alg == exauth.Ed25519 { // RSA takes seconds for it, and the path is the same
				signers[c.alg.String()+" opaque"] = must(exauth.NewSigner(c.alg, opaque{priv}))(t)
			}
		}
	}
	const goroutines, repetitions = 8, 125
	for name, s := range signers {
		t.Run(name, func(t *testing.T) {
			want := must(s.Sign(bg, nil, msg))(t)
			var wg sync.WaitGroup
			for range goroutines {
				wg.Go(func() {
					var got []byte
					for range repetitions {
						var err error
						if got, err = s.Sign(bg, got[:0], msg); err != nil || !bytes.Equal(got, want) {
							t.Errorf("got %x, %v; want %x", got, err, want)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestRandomised: PSS and ECDSA differ each time and always verify.
func TestRandomised(t *testing.T) {
	msg := readFile(t, "message.txt")
	for _, c := range asymmetric {
		if c.deterministic {
			continue
		}
		priv := readKey(t, c.key+".pem")
		s, v := must(exauth.NewSigner(c.alg, priv))(t), must(exauth.NewVerifier(c.alg, priv.Public()))(t)
		seen := map[string]bool{}
		for range 300 { // enough that r and s with leading zeros occur
			sig := must(s.Sign(bg, nil, msg))(t)
			if err := v.Verify(msg, sig); err != nil {
				t.Fatalf("%s: %v", c.alg, err)
			}
			seen[string(sig)] = true
		}
		if len(seen) != 300 {
			t.Errorf("%s: %d different signatures of 300", c.alg, len(seen))
		}
	}
}

// TestVerifyRefuses alters good signatures in the ways that have fooled verifiers.
func TestVerifyRefuses(t *testing.T) {
	msg := readFile(t, "message.txt")
	for _, c := range asymmetric {
		priv := readKey(t, c.key+".pem")
		good := opensslSignature(t, c.alg, c.sig)
		v := must(exauth.NewVerifier(c.alg, priv.Public()))(t)
		flip := bytes.Clone(good)
		flip[len(flip)/2] ^= 1
		cases := map[string][]byte{
			"nil":          nil,
			"empty":        {},
			"truncated":    good[:len(good)-1],
			"left-padded":  append([]byte{0}, good...),
			"right-padded": append(bytes.Clone(good), 0),
			"one bit":      flip,
			"zeros":        make([]byte, len(good)),
			"all ones":     bytes.Repeat([]byte{0xff}, len(good)),
			"twice":        append(bytes.Clone(good), good...),
		}
		if der := c.sig; filepath.Ext(der) == ".der" {
			cases["DER"] = readFile(t, "signatures/"+der)
			half := len(good) / 2
			cases["r and s swapped"] = append(bytes.Clone(good[half:]), good[:half]...)
			cases["r zero"] = append(make([]byte, half), good[half:]...)
			cases["s zero"] = append(bytes.Clone(good[:half]), make([]byte, half)...)
		}
		for name, sig := range cases {
			if err := v.Verify(msg, sig); !errors.Is(err, exauth.ErrSignature) {
				t.Errorf("%s: %s: got %v, want ErrSignature", c.alg, name, err)
			}
		}
		if err := v.Verify(append(msg, '!'), good); !errors.Is(err, exauth.ErrSignature) {
			t.Errorf("%s: other message: got %v, want ErrSignature", c.alg, err)
		}
		if v.Algorithm() != c.alg {
			t.Errorf("%s: verifier says %s", c.alg, v.Algorithm())
		}
	}
}
