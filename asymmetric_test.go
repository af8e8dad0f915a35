package exauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/exauth/exauth"
)

// opaque hides what a key is, as a KMS or an HSM does.
type opaque struct{ crypto.Signer }

// oddSigner is an opaque signer with one thing wrong.
type oddSigner struct {
	key  crypto.Signer
	sign func(digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (s oddSigner) Public() crypto.PublicKey { return s.key.Public() }
func (s oddSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.sign(digest, opts)
}

type publicOnly struct{ pub crypto.PublicKey }

func (p publicOnly) Public() crypto.PublicKey { return p.pub }
func (p publicOnly) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("not reached")
}

// withModulus is a public key that need not have a private half.
func withModulus(bits, e int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: e}
}

func TestNewSignerRefuses(t *testing.T) {
	rsaKey := readKey(t, "fake-rsa2048.pem").(*rsa.PrivateKey)
	edKey := readKey(t, "fake-ed25519.pem").(ed25519.PrivateKey)
	p256 := readKey(t, "fake-p256.pem").(*ecdsa.PrivateKey)
	p384 := readKey(t, "fake-p384.pem").(*ecdsa.PrivateKey)
	p521 := must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))(t)
	rsa1024 := must(rsa.GenerateKey(rand.Reader, 1024))(t)
	rsa1536 := must(rsa.GenerateKey(rand.Reader, 1536))(t)

	mixedEd := append(ed25519.PrivateKey(nil), edKey...)
	mixedEd[40] ^= 1
	mixedEC := *p256
	mixedEC.PublicKey = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t).PublicKey
	mixedRSA := *rsaKey
	mixedRSA.Precomputed = rsa.PrecomputedValues{}
	mixedRSA.N = withModulus(2048, 65537).N
	wrongD := *rsaKey
	wrongD.Precomputed = rsa.PrecomputedValues{}
	wrongD.D = new(big.Int).Add(rsaKey.D, big.NewInt(2))
	noPrimes := rsa.PrivateKey{PublicKey: rsaKey.PublicKey, D: rsaKey.D}
	nilPrime := rsa.PrivateKey{PublicKey: rsaKey.PublicKey, D: rsaKey.D, Primes: []*big.Int{nil, nil}}
	zeroPrimes := rsa.PrivateKey{PublicKey: rsaKey.PublicKey, D: rsaKey.D, Primes: []*big.Int{new(big.Int), new(big.Int), new(big.Int)}}
	noD := rsa.PrivateKey{PublicKey: rsaKey.PublicKey, Primes: rsaKey.Primes}
	//lint:ignore SA1019 there is no other way to make a key this wrong
	offCurve := ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}
	scalar := func(d *big.Int) *ecdsa.PrivateKey {
		//lint:ignore SA1019 there is no other way to make a key this wrong
		return &ecdsa.PrivateKey{PublicKey: p256.PublicKey, D: d}
	}

	for _, c := range []struct {
		name string
		alg  exauth.Algorithm
		key  crypto.Signer
		want string
	}{
		{"nil", exauth.RSASHA256, nil, "private key is nil"},
		{"nil RSA", exauth.RSASHA256, (*rsa.PrivateKey)(nil), "private key is nil"},
		{"nil ECDSA", exauth.ES256, (*ecdsa.PrivateKey)(nil), "private key is nil"},
		{"nil Ed25519", exauth.Ed25519, ed25519.PrivateKey(nil), "private key is nil"},
		{"nil Ed25519 pointer", exauth.Ed25519, (*ed25519.PrivateKey)(nil), "private key is nil"},
		{"pointer to nil Ed25519", exauth.Ed25519, new(ed25519.PrivateKey), "private key is nil"},
		{"no algorithm", 0, rsaKey, "none is no signature algorithm"},
		{"unknown algorithm", 99, rsaKey, "Algorithm(99) is no signature algorithm"},
		{"one past the last algorithm", exauth.ES384 + 1, rsaKey, "Algorithm(11) is no signature algorithm"},
		{"HMAC", exauth.HMACSHA256, rsaKey, "HMAC-SHA256 takes a shared secret, not an RSA key"},
		{"RSA for Ed25519", exauth.Ed25519, rsaKey, "Ed25519 takes an Ed25519 key, not an RSA key"},
		{"Ed25519 for RSA", exauth.RSASHA256, edKey, "RSA-SHA256 takes an RSA key, not an Ed25519 key"},
		{"Ed25519 for PSS", exauth.RSAPSSSHA512, edKey, "RSA-PSS-SHA512 takes an RSA key, not an Ed25519 key"},
		{"P-384 for ES256", exauth.ES256, p384, "ES256 takes an ECDSA P-256 key, not an ECDSA P-384 key"},
		{"P-256 for ES384", exauth.ES384, p256, "ES384 takes an ECDSA P-384 key, not an ECDSA P-256 key"},
		{"P-521", exauth.ES256, p521, "curve P-521 is not supported"},
		{"empty RSA", exauth.RSASHA256, &rsa.PrivateKey{}, "RSA modulus is no odd number"},
		{"RSA 1024", exauth.RSASHA256, rsa1024, "RSA key has 1024 bits, at least 2048"},
		{"RSA 1536", exauth.RSAPSSSHA256, rsa1536, "RSA key has 1536 bits, at least 2048"},
		{"RSA without primes", exauth.RSASHA256, &noPrimes, "parts of the RSA key do not belong together"},
		{"RSA with nil primes", exauth.RSASHA256, &nilPrime, "RSA private key is incomplete"},
		{"RSA with zero primes", exauth.RSASHA256, &zeroPrimes, "parts of the RSA key do not belong together"},
		{"RSA without exponent", exauth.RSASHA256, &noD, "RSA private key is incomplete"},
		{"RSA with another's modulus", exauth.RSASHA256, &mixedRSA, "parts of the RSA key do not belong together"},
		{"RSA with wrong exponent", exauth.RSASHA256, &wrongD, "parts of the RSA key do not belong together"},
		{"short Ed25519", exauth.Ed25519, edKey[:32], "Ed25519 private key is 32 bytes, want 64"},
		{"Ed25519 with another's public half", exauth.Ed25519, mixedEd, "halves of the Ed25519 key"},
		{"ECDSA with another's public half", exauth.ES256, &mixedEC, "halves of the ECDSA key"},
		{"empty ECDSA", exauth.ES256, &ecdsa.PrivateKey{}, "curve unknown is not supported"},
		{"ECDSA without scalar", exauth.ES256, &ecdsa.PrivateKey{PublicKey: p256.PublicKey}, "has no scalar"},
		{"ECDSA scalar zero", exauth.ES256, scalar(new(big.Int)), "out of range"},
		{"ECDSA scalar above order", exauth.ES256, scalar(elliptic.P256().Params().N), "out of range"},
		{"ECDSA scalar huge", exauth.ES256, scalar(rsaKey.D), "out of range"},
		{"opaque RSA 1024", exauth.RSASHA256, opaque{rsa1024}, "RSA key has 1024 bits"},
		{"opaque RSA 2047", exauth.RSASHA256, publicOnly{withModulus(2047, 65537)}, "RSA key has 2047 bits"},
		{"opaque RSA 8193", exauth.RSASHA256, publicOnly{withModulus(8193, 65537)}, "RSA key has 8193 bits, at most 8192"},
		{"opaque exponent 1", exauth.RSASHA256, publicOnly{withModulus(2048, 1)}, "exponent is weak"},
		{"opaque exponent 3", exauth.RSASHA256, publicOnly{withModulus(2048, 3)}, "exponent is weak"},
		{"opaque exponent even", exauth.RSASHA256, publicOnly{withModulus(2048, 65538)}, "exponent is weak"},
		{"opaque exponent negative", exauth.RSASHA256, publicOnly{withModulus(2048, -65537)}, "exponent is weak"},
		{"opaque modulus even", exauth.RSASHA256, publicOnly{&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}}, "no odd number"},
		{"opaque nil public key", exauth.RSASHA256, publicOnly{nil}, "public key is nil"},
		{"opaque nil RSA public key", exauth.RSASHA256, publicOnly{(*rsa.PublicKey)(nil)}, "public key is nil"},
		{"opaque strange public key", exauth.RSASHA256, publicOnly{"key"}, "string is no RSA, Ed25519 or ECDSA public key"},
		{"opaque short Ed25519", exauth.Ed25519, publicOnly{ed25519.PublicKey("short")}, "Ed25519 public key is 5 bytes"},
		{"opaque off the curve", exauth.ES256, publicOnly{&offCurve}, "not on its curve"},
		{"opaque without point", exauth.ES256, publicOnly{&ecdsa.PublicKey{Curve: elliptic.P256()}}, "has no point"},
		{"opaque secp256k1", exauth.ES256, publicOnly{&ecdsa.PublicKey{Curve: &elliptic.CurveParams{Name: "secp256k1"}}}, "curve secp256k1 is not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := exauth.NewSigner(c.alg, c.key)
			if s != nil || !errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want ErrKey with %q", s, err, c.want)
			}
		})
	}
}

func TestNewVerifierRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		alg  exauth.Algorithm
		key  crypto.PublicKey
		want string
	}{
		{"nil", exauth.RSASHA256, nil, "public key is nil"},
		{"HMAC", exauth.HMACSHA256, []byte("secret"), "NewHMAC verifies"},
		{"bytes", exauth.RSASHA256, []byte("secret"), "[]uint8 is no RSA"},
		{"RSA 1024", exauth.RSASHA256, withModulus(1024, 65537), "RSA key has 1024 bits"},
		{"RSA 1536", exauth.RSASHA512, withModulus(1536, 65537), "RSA key has 1536 bits"},
		{"RSA 1536 PSS", exauth.RSAPSSSHA256, withModulus(1536, 65537), "RSA key has 1536 bits"},
		{"exponent 3", exauth.RSASHA512, withModulus(2048, 3), "exponent is weak"},
		{"no algorithm", 0, withModulus(2048, 65537), "no signature algorithm"},
	} {
		v, err := exauth.NewVerifier(c.alg, c.key)
		if v != nil || !errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v; want ErrKey with %q", c.name, v, err, c.want)
		}
	}
}

// TestKeyForms: values and pointers, precomputed or not, sign the same.
func TestKeyForms(t *testing.T) {
	msg := readFile(t, "message.txt")
	edKey := readKey(t, "fake-ed25519.pem").(ed25519.PrivateKey)
	edPub := edKey.Public().(ed25519.PublicKey)
	rsaKey := readKey(t, "fake-rsa2048.pem").(*rsa.PrivateKey)
	bare := &rsa.PrivateKey{PublicKey: rsaKey.PublicKey, D: rsaKey.D, Primes: rsaKey.Primes}
	ecKey := readKey(t, "fake-p256.pem").(*ecdsa.PrivateKey)
	for _, c := range []struct {
		name string
		alg  exauth.Algorithm
		key  crypto.Signer
		pub  crypto.PublicKey
	}{
		{"Ed25519 value", exauth.Ed25519, edKey, edPub},
		{"Ed25519 pointer", exauth.Ed25519, &edKey, &edPub},
		{"Ed25519 opaque pointer", exauth.Ed25519, oddSigner{publicOnly{&edPub}, func(m []byte, o crypto.SignerOpts) ([]byte, error) { return edKey.Sign(nil, m, o) }}, edPub},
		{"RSA not precomputed", exauth.RSASHA256, bare, rsaKey.PublicKey},
		{"ECDSA", exauth.ES256, ecKey, ecKey.PublicKey},
	} {
		sig := must(must(exauth.NewSigner(c.alg, c.key))(t).Sign(bg, nil, msg))(t)
		if err := must(exauth.NewVerifier(c.alg, c.pub))(t).Verify(msg, sig); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if bare.Precomputed.Dp != nil {
		t.Error("the caller's RSA key was edited")
	}
}

// TestOddSigners: a misconfigured service is found out here, not by the venue.
func TestOddSigners(t *testing.T) {
	rsaKey, ecKey, edKey := readKey(t, "fake-rsa2048.pem"), readKey(t, "fake-p256.pem"), readKey(t, "fake-ed25519.pem")
	otherEC := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	twice := func(d []byte) []byte { s := sha256.Sum256(d); return s[:] }
	fault := errors.New("KMS throttled")
	for _, c := range []struct {
		name string
		alg  exauth.Algorithm
		key  crypto.Signer
		sign func(d []byte, opts crypto.SignerOpts) ([]byte, error)
		want error
	}{
		{"hashes twice", exauth.RSASHA256, rsaKey, func(d []byte, o crypto.SignerOpts) ([]byte, error) { return rsaKey.Sign(rand.Reader, twice(d), o) }, exauth.ErrSignature},
		{"v1.5 instead of PSS", exauth.RSAPSSSHA256, rsaKey, func(d []byte, o crypto.SignerOpts) ([]byte, error) { return rsaKey.Sign(rand.Reader, d, crypto.SHA256) }, exauth.ErrSignature},
		{"PSS with another salt", exauth.RSAPSSSHA256, rsaKey, func(d []byte, o crypto.SignerOpts) ([]byte, error) {
			return rsaKey.Sign(rand.Reader, d, &rsa.PSSOptions{SaltLength: 20, Hash: crypto.SHA256})
		}, exauth.ErrSignature},
		{"Ed25519ph", exauth.Ed25519, edKey, func(d []byte, o crypto.SignerOpts) ([]byte, error) {
			return edKey.Sign(rand.Reader, append(twice(d), twice(d)...), crypto.SHA512)
		}, exauth.ErrSignature},
		{"another key", exauth.ES256, ecKey, func(d []byte, o crypto.SignerOpts) ([]byte, error) { return otherEC.Sign(rand.Reader, d, o) }, exauth.ErrSignature},
		{"r‖s instead of DER", exauth.ES256, ecKey, func(d []byte, o crypto.SignerOpts) ([]byte, error) { return make([]byte, 64), nil }, exauth.ErrSignature},
		{"nothing", exauth.RSASHA256, rsaKey, func(d []byte, o crypto.SignerOpts) ([]byte, error) { return nil, nil }, exauth.ErrSignature},
		{"its own error", exauth.RSASHA256, rsaKey, func(d []byte, o crypto.SignerOpts) ([]byte, error) { return nil, fault }, fault},
	} {
		s := must(exauth.NewSigner(c.alg, oddSigner{c.key, c.sign}))(t)
		if sig, err := s.Sign(bg, []byte("dst"), []byte("m")); sig != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: got %x, %v; want %v", c.name, sig, err, c.want)
		}
	}
}

func TestRemoteHonoursContext(t *testing.T) {
	key := readKey(t, "fake-ed25519.pem")
	calls := 0
	remote := must(exauth.NewSigner(exauth.Ed25519, oddSigner{key, func(m []byte, o crypto.SignerOpts) ([]byte, error) {
		calls++
		return key.Sign(nil, m, o)
	}}))(t)
	ctx, cancel := context.WithCancel(bg)
	must(remote.Sign(ctx, nil, []byte("m")))(t)
	cancel()
	if sig, err := remote.Sign(ctx, nil, []byte("m")); sig != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %x, %v; want context.Canceled", sig, err)
	}
	if calls != 1 {
		t.Errorf("the service was asked %d times, want once", calls)
	}
	local := must(exauth.NewSigner(exauth.Ed25519, key))(t)
	must(local.Sign(ctx, nil, []byte("m")))(t) // local keys ignore the context
}

// TestWipedEd25519: a key wiped under its signer is an error, never a signature.
func TestWipedEd25519(t *testing.T) {
	key := append(ed25519.PrivateKey(nil), readKey(t, "fake-ed25519.pem").(ed25519.PrivateKey)...)
	s := must(exauth.NewSigner(exauth.Ed25519, key))(t)
	must(s.Sign(bg, nil, []byte("m")))(t)
	clear(key)
	if sig, err := s.Sign(bg, nil, []byte("m")); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("got %x, %v; want ErrNoKey", sig, err)
	}
}

// BenchmarkSign sets each local key beside its bare primitive (P4).
func BenchmarkSign(b *testing.B) {
	msg := readFile(b, "message.txt")
	rsaKey := readKey(b, "fake-rsa2048.pem").(*rsa.PrivateKey)
	edKey := readKey(b, "fake-ed25519.pem").(ed25519.PrivateKey)
	ours := func(alg exauth.Algorithm, key crypto.Signer) func(*testing.B) {
		return func(b *testing.B) {
			s, buf := must(exauth.NewSigner(alg, key))(b), make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				buf = must(s.Sign(bg, buf[:0], msg))(b)
			}
		}
	}
	b.Run("RSA/floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256(msg)
			must(rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA256, sum[:]))(b)
		}
	})
	b.Run("RSA/sign", ours(exauth.RSASHA256, rsaKey))
	b.Run("Ed25519/floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ed25519.Sign(edKey, msg)
		}
	})
	b.Run("Ed25519/sign", ours(exauth.Ed25519, edKey))
}
