package exauth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
)

// fits reports, as an error that matches ErrKey, why pub is no key for a.
func (a Algorithm) fits(pub crypto.PublicKey) error {
	wants, ok := "", false
	switch p := pub.(type) {
	case *rsa.PublicKey:
		ok = a.family() == familyRSA || a.family() == familyPSS
	case ed25519.PublicKey:
		ok = a == Ed25519
	case *ecdsa.PublicKey:
		ok = a.family() == familyECDSA && a.curve() == p.Curve
	}
	if ok {
		return nil
	}
	switch a.family() {
	case familyRSA, familyPSS:
		wants = "an RSA key"
	case familyEd25519:
		wants = "an Ed25519 key"
	case familyECDSA:
		wants = "an ECDSA " + a.curve().Params().Name + " key"
	case familyHMAC:
		wants = "a shared secret"
	default:
		return fmt.Errorf("%w: %s is no signature algorithm", ErrKey, a)
	}
	return fmt.Errorf("%w: %s takes %s, not %s", ErrKey, a, wants, keyKind(pub))
}

// keyKind names the kind of a checked public key, with its article.
func keyKind(pub crypto.PublicKey) string {
	switch p := pub.(type) {
	case *rsa.PublicKey:
		return "an RSA key"
	case ed25519.PublicKey:
		return "an Ed25519 key"
	case *ecdsa.PublicKey:
		return "an ECDSA " + p.Curve.Params().Name + " key"
	}
	return "a key of another kind"
}

// algorithmFor returns the first of allowed that key can sign with. The error
// matches ErrKey and says what the venue takes instead.
func algorithmFor(key crypto.Signer, allowed []Algorithm) (Algorithm, error) {
	key, err := checkPrivate(key)
	if err != nil {
		return 0, err
	}
	pub, err := checkPublic(key.Public())
	if err != nil {
		return 0, err
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		if a.fits(pub) == nil {
			return a, nil
		}
		names[i] = a.String()
	}
	_, kind, _ := strings.Cut(keyKind(pub), " ")
	if len(names) == 0 {
		return 0, fmt.Errorf("%w: venue takes no %ss; nothing is signed there", ErrKey, kind)
	}
	return 0, fmt.Errorf("%w: venue takes no %ss; it takes %s", ErrKey, kind, strings.Join(names, ", "))
}

// isNil reports whether key is nil or a nil pointer in an interface, whose Public
// method would panic.
func isNil(key any) bool {
	if key == nil {
		return true
	}
	switch v := reflect.ValueOf(key); v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Slice:
		return v.IsNil()
	}
	return false
}

// checkPrivate finds private keys that cannot sign and returns key in the form the
// rest of the package switches on. What it does not know it leaves alone.
func checkPrivate(key crypto.Signer) (crypto.Signer, error) {
	if isNil(key) {
		return nil, fmt.Errorf("%w: private key is nil", ErrKey)
	}
	switch k := key.(type) {
	case *ed25519.PrivateKey:
		return checkPrivate(*k)
	case ed25519.PrivateKey:
		if len(k) != ed25519.PrivateKeySize {
			return nil, fmt.Errorf("%w: Ed25519 private key is %d bytes, want %d", ErrKey, len(k), ed25519.PrivateKeySize)
		}
		// Signing with a public half that is not the seed's gives the key away.
		own := ed25519.NewKeyFromSeed(k.Seed())
		defer clear(own)
		if !bytes.Equal(own[ed25519.SeedSize:], k[ed25519.SeedSize:]) {
			return nil, fmt.Errorf("%w: the halves of the Ed25519 key do not belong together", ErrKey)
		}
	case *rsa.PrivateKey:
		return checkRSA(k)
	case *ecdsa.PrivateKey:
		if _, err := checkPublic(&k.PublicKey); err != nil {
			return nil, err
		}
		//lint:ignore SA1019 a nil scalar panics in every other method
		if k.D == nil {
			return nil, fmt.Errorf("%w: ECDSA private key has no scalar", ErrKey)
		}
		own, err := k.ECDH()
		if err != nil {
			return nil, fmt.Errorf("%w: ECDSA private key is out of range", ErrKey)
		}
		if theirs, err := k.PublicKey.ECDH(); err != nil || !own.PublicKey().Equal(theirs) {
			return nil, fmt.Errorf("%w: the halves of the ECDSA key do not belong together", ErrKey)
		}
	}
	return key, nil
}

// checkRSA returns a shallow copy of k with the precomputed values filled in:
// without them each signature costs many times as much, and k is not ours to edit.
func checkRSA(k *rsa.PrivateKey) (crypto.Signer, error) {
	if _, err := checkPublic(&k.PublicKey); err != nil {
		return nil, err
	}
	if k.D == nil || slices.Contains(k.Primes, nil) {
		return nil, fmt.Errorf("%w: RSA private key is incomplete", ErrKey)
	}
	own := *k
	own.Precompute()
	if err := own.Validate(); err != nil {
		// The cause is left out: it may quote numbers of the key.
		return nil, fmt.Errorf("%w: the parts of the RSA key do not belong together", ErrKey)
	}
	return &own, nil
}

// The bounds of RSA keys. Every venue that takes RSA takes 2048; above 8192 bits
// one signature costs a tenth of a second.
const (
	minRSABits     = 2048
	maxRSABits     = 8192
	minRSAExponent = 65537
	maxRSAExponent = 1<<31 - 1
)

// checkPublic refuses weak and broken public keys and returns the rest as one of
// *rsa.PublicKey, ed25519.PublicKey or *ecdsa.PublicKey, which nobody else holds.
func checkPublic(key crypto.PublicKey) (crypto.PublicKey, error) {
	if isNil(key) {
		return nil, fmt.Errorf("%w: public key is nil", ErrKey)
	}
	switch p := key.(type) {
	case *rsa.PublicKey:
		return checkRSAPublic(*p)
	case rsa.PublicKey:
		return checkRSAPublic(p)
	case *ed25519.PublicKey:
		return checkPublic(*p)
	case ed25519.PublicKey:
		if len(p) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("%w: Ed25519 public key is %d bytes, want %d", ErrKey, len(p), ed25519.PublicKeySize)
		}
		return slices.Clone(p), nil
	case *ecdsa.PublicKey:
		return checkECDSAPublic(*p)
	case ecdsa.PublicKey:
		return checkECDSAPublic(p)
	}
	return nil, fmt.Errorf("%w: %T is no RSA, Ed25519 or ECDSA public key", ErrKey, key)
}

func checkRSAPublic(p rsa.PublicKey) (crypto.PublicKey, error) {
	switch {
	case p.N == nil || p.N.Sign() <= 0 || p.N.Bit(0) == 0:
		return nil, fmt.Errorf("%w: RSA modulus is no odd number", ErrKey)
	case p.N.BitLen() < minRSABits:
		return nil, fmt.Errorf("%w: RSA key has %d bits, at least %d are needed", ErrKey, p.N.BitLen(), minRSABits)
	case p.N.BitLen() > maxRSABits:
		return nil, fmt.Errorf("%w: RSA key has %d bits, at most %d are taken", ErrKey, p.N.BitLen(), maxRSABits)
	case p.E < minRSAExponent || p.E > maxRSAExponent || p.E&1 == 0:
		return nil, fmt.Errorf("%w: RSA public exponent is weak: it must be odd, from %d to 2^31-1", ErrKey, minRSAExponent)
	}
	return &rsa.PublicKey{N: new(big.Int).Set(p.N), E: p.E}, nil
}

func checkECDSAPublic(p ecdsa.PublicKey) (crypto.PublicKey, error) {
	if p.Curve != elliptic.P256() && p.Curve != elliptic.P384() {
		name := "unknown"
		if !isNil(p.Curve) && p.Curve.Params() != nil {
			name = p.Curve.Params().Name
		}
		return nil, fmt.Errorf("%w: ECDSA curve %s is not supported; P-256 and P-384 are", ErrKey, name)
	}
	//lint:ignore SA1019 nil coordinates panic in every other method
	if p.X == nil || p.Y == nil {
		return nil, fmt.Errorf("%w: ECDSA public key has no point", ErrKey)
	}
	// The way through bytes checks that the point is on the curve.
	b, err := p.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: ECDSA public key is not on its curve", ErrKey)
	}
	own, err := ecdsa.ParseUncompressedPublicKey(p.Curve, b)
	if err != nil {
		return nil, fmt.Errorf("%w: ECDSA public key is not on its curve", ErrKey)
	}
	return own, nil
}
