package exauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
)

// NewSigner makes a Signer of a private key: an *rsa.PrivateKey, an
// ed25519.PrivateKey, an *ecdsa.PrivateKey, or any crypto.Signer in front of a
// KMS, an HSM or an agent. The key is used where it is, never copied, and must not
// be changed afterwards.
//
// A key that does not fit alg, RSA below 2048 or above 8192 bits, a public exponent
// that is even or outside 65537…2³¹-1, another curve, and a key whose halves do not
// belong together match ErrKey. No I/O is done beyond key.Public.
//
// RSA PKCS #1 v1.5 and Ed25519 signatures of the same message are the same bytes;
// PSS (its salt as long as the hash, RFC 8017 section 9.1) and ECDSA are randomised.
// A crypto.Signer has no context: a call under way cannot be cancelled, but a
// cancelled context keeps a new one from starting, and its answer is verified with
// the public key before it is trusted. Most programs give the key to NewPrivateKey.
func NewSigner(alg Algorithm, key crypto.Signer) (Signer, error) {
	key, err := checkPrivate(key)
	if err != nil {
		return nil, err
	}
	pub, err := checkPublic(key.Public())
	if err != nil {
		return nil, err
	}
	if err := alg.fits(pub); err != nil {
		return nil, err
	}
	s := keySigner{alg: alg}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		s.sign = signRSA(alg, k)
	case ed25519.PrivateKey:
		s.sign = signEd25519(k, pub.(ed25519.PublicKey))
	case *ecdsa.PrivateKey:
		s.sign = signECDSA(alg, k, pub.(*ecdsa.PublicKey))
	default:
		s.sign = signOpaque(alg, key, pub)
	}
	return s, nil
}

// keySigner holds its key in a closure, so that printing one shows an address.
type keySigner struct {
	alg  Algorithm
	sign func(ctx context.Context, dst, msg []byte) ([]byte, error)
}

func (s keySigner) Algorithm() Algorithm { return s.alg }

func (s keySigner) Sign(ctx context.Context, dst, msg []byte) ([]byte, error) {
	return s.sign(ctx, dst, msg)
}

type signFunc = func(ctx context.Context, dst, msg []byte) ([]byte, error)

// digest hashes msg into buf; h is one of the three hashes of the algorithms.
func digest(h crypto.Hash, msg []byte, buf *[sha512.Size]byte) []byte {
	switch h {
	case crypto.SHA256:
		*(*[sha256.Size]byte)(buf[:]) = sha256.Sum256(msg)
	case crypto.SHA384:
		*(*[sha512.Size384]byte)(buf[:]) = sha512.Sum384(msg)
	default:
		*buf = sha512.Sum512(msg)
	}
	return buf[:h.Size()]
}

// appendSig appends sig to dst, without a second copy where there is no dst.
func appendSig(dst, sig []byte) []byte {
	if dst == nil {
		return sig
	}
	return append(dst, sig...)
}

// signFailed wraps a failure of the primitive or of the service behind it.
func signFailed(alg Algorithm, err error) error {
	return fmt.Errorf("exauth: signing with %s: %w", alg, err)
}

func signRSA(alg Algorithm, k *rsa.PrivateKey) signFunc {
	h, pss := alg.hash(), pssOptions(alg)
	if pss == nil {
		return func(_ context.Context, dst, msg []byte) ([]byte, error) {
			var buf [sha512.Size]byte
			sig, err := rsa.SignPKCS1v15(nil, k, h, digest(h, msg, &buf))
			if err != nil {
				return nil, signFailed(alg, err)
			}
			return appendSig(dst, sig), nil
		}
	}
	return func(_ context.Context, dst, msg []byte) ([]byte, error) {
		var buf [sha512.Size]byte
		sig, err := rsa.SignPSS(rand.Reader, k, h, digest(h, msg, &buf), pss)
		if err != nil {
			return nil, signFailed(alg, err)
		}
		return appendSig(dst, sig), nil
	}
}

// pssOptions returns nil for algorithms other than PSS.
func pssOptions(alg Algorithm) *rsa.PSSOptions {
	if alg.family() != familyPSS {
		return nil
	}
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: alg.hash()}
}

func signEd25519(k ed25519.PrivateKey, pub ed25519.PublicKey) signFunc {
	return func(_ context.Context, dst, msg []byte) ([]byte, error) {
		if !bytes.Equal(k[ed25519.SeedSize:], pub) {
			return nil, fmt.Errorf("%w: the Ed25519 key was wiped or changed", ErrNoKey)
		}
		sig, err := k.Sign(nil, msg, crypto.Hash(0)) // the function ed25519.Sign would panic
		if err != nil {
			return nil, signFailed(Ed25519, err)
		}
		return appendSig(dst, sig), nil
	}
}

func signECDSA(alg Algorithm, k *ecdsa.PrivateKey, pub *ecdsa.PublicKey) signFunc {
	h, size := alg.hash(), scalarSize(pub)
	return func(_ context.Context, dst, msg []byte) ([]byte, error) {
		var buf [sha512.Size]byte
		der, err := ecdsa.SignASN1(rand.Reader, k, digest(h, msg, &buf))
		if err != nil {
			return nil, signFailed(alg, err)
		}
		return appendRS(dst, der, size)
	}
}

// signOpaque signs with a key that is elsewhere. What comes back is not trusted:
// services that hash twice, pad otherwise, or answer for another key are common
// misconfigurations, and the venue would only say "invalid signature".
func signOpaque(alg Algorithm, key crypto.Signer, pub crypto.PublicKey) signFunc {
	verify := verifyFunc(alg, pub)
	var opts crypto.SignerOpts = alg.hash()
	if pss := pssOptions(alg); pss != nil {
		opts = pss
	}
	return func(ctx context.Context, dst, msg []byte) ([]byte, error) {
		if err := ctx.Err(); err != nil {
			return nil, signFailed(alg, err)
		}
		sig, err := crypto.SignMessage(key, rand.Reader, msg, opts)
		if err != nil {
			return nil, signFailed(alg, err)
		}
		if ec, ok := pub.(*ecdsa.PublicKey); ok {
			if sig, err = appendRS(nil, sig, scalarSize(ec)); err != nil {
				return nil, signFailed(alg, err)
			}
		}
		if !verify(msg, sig) {
			return nil, fmt.Errorf("%w: the signer's answer does not fit its own public key and %s", ErrSignature, alg)
		}
		return append(dst, sig...), nil
	}
}

// NewVerifier makes a Verifier of a public key: *rsa.PublicKey, ed25519.PublicKey
// or *ecdsa.PublicKey; for HMAC use NewHMAC. The same keys are refused as by
// NewSigner. A signature of any length but the algorithm's own is refused: RSA is
// as long as its modulus, without leading zeros added, and ECDSA is r‖s.
func NewVerifier(alg Algorithm, key crypto.PublicKey) (Verifier, error) {
	if alg.family() == familyHMAC {
		return nil, fmt.Errorf("%w: %s has no public key; NewHMAC verifies", ErrKey, alg)
	}
	pub, err := checkPublic(key)
	if err != nil {
		return nil, err
	}
	if err := alg.fits(pub); err != nil {
		return nil, err
	}
	return keyVerifier{alg, verifyFunc(alg, pub)}, nil
}

type keyVerifier struct {
	alg    Algorithm
	verify func(msg, sig []byte) bool
}

func (v keyVerifier) Algorithm() Algorithm { return v.alg }

func (v keyVerifier) Verify(msg, sig []byte) error {
	if !v.verify(msg, sig) {
		return fmt.Errorf("%w: %s does not verify", ErrSignature, v.alg)
	}
	return nil
}

// verifyFunc expects a key that checkPublic returned and that fits alg.
func verifyFunc(alg Algorithm, pub crypto.PublicKey) func(msg, sig []byte) bool {
	h := alg.hash()
	switch p := pub.(type) {
	case *rsa.PublicKey:
		pss := pssOptions(alg)
		return func(msg, sig []byte) bool {
			var buf [sha512.Size]byte
			switch sum := digest(h, msg, &buf); {
			case len(sig) != p.Size():
				return false
			case pss != nil:
				return rsa.VerifyPSS(p, h, sum, sig, pss) == nil
			default:
				return rsa.VerifyPKCS1v15(p, h, sum, sig) == nil
			}
		}
	case *ecdsa.PublicKey:
		return func(msg, sig []byte) bool {
			if len(sig) != 2*scalarSize(p) {
				return false
			}
			var buf [sha512.Size]byte
			return ecdsa.VerifyASN1(p, digest(h, msg, &buf), derOfRS(sig))
		}
	case ed25519.PublicKey:
		return func(msg, sig []byte) bool {
			return len(sig) == ed25519.SignatureSize && ed25519.Verify(p, msg, sig)
		}
	}
	return func([]byte, []byte) bool { return false }
}
