package exauth

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// UTF8Secret returns the Venue.Signer of venues that use the secret's text as the
// HMAC key as it stands: most of them.
func UTF8Secret(alg Algorithm) func(secret []byte) (Signer, error) {
	return func(secret []byte) (Signer, error) { return hmacSigner(alg, secret) }
}

// Base64Secret returns the Venue.Signer of venues that write the HMAC key in
// base64, such as Kraken. The standard and the URL alphabet (RFC 4648 sections 4
// and 5) are taken, with or without padding. The decoded bytes are wiped.
func Base64Secret(alg Algorithm) func(secret []byte) (Signer, error) {
	return func(secret []byte) (Signer, error) {
		raw, err := decodeBase64(secret)
		if err != nil {
			return nil, err
		}
		defer clear(raw)
		return hmacSigner(alg, raw)
	}
}

// HexSecret returns the Venue.Signer of venues that write the HMAC key in hex, in
// either case. The decoded bytes are wiped.
func HexSecret(alg Algorithm) func(secret []byte) (Signer, error) {
	return func(secret []byte) (Signer, error) {
		if len(secret) == 0 {
			return nil, errEmptySecret
		}
		raw := make([]byte, hex.DecodedLen(len(secret)))
		defer clear(raw)
		if _, err := hex.Decode(raw, secret); err != nil {
			// The cause is left out: it quotes a byte of the secret.
			return nil, fmt.Errorf("%w: secret is not hex; copy it again", ErrKey)
		}
		return hmacSigner(alg, raw)
	}
}

// Ed25519Seed returns the Venue.Signer of venues that write an Ed25519 key in
// base64: the 32-byte seed (RFC 8032 section 5.1.5), as Backpack does, or seed and
// public key together, 64 bytes, as Coinbase does. Halves that do not belong
// together are refused. The key stays in memory until the Signer is dropped.
func Ed25519Seed() func(secret []byte) (Signer, error) {
	return func(secret []byte) (Signer, error) {
		raw, err := decodeBase64(secret)
		if err != nil {
			return nil, err
		}
		defer clear(raw)
		switch len(raw) {
		case ed25519.SeedSize, ed25519.PrivateKeySize:
		default:
			return nil, fmt.Errorf("%w: Ed25519 secret is %d bytes, want a seed of %d or seed and public key of %d",
				ErrKey, len(raw), ed25519.SeedSize, ed25519.PrivateKeySize)
		}
		key := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
		if len(raw) == ed25519.PrivateKeySize && !bytes.Equal(raw, key) {
			clear(key)
			return nil, fmt.Errorf("%w: the halves of the Ed25519 key do not belong together", ErrKey)
		}
		return NewSigner(Ed25519, key)
	}
}

var errEmptySecret = fmt.Errorf("%w: secret is empty", ErrKey)

// hmacSigner is NewHMAC with an untyped nil on failure.
func hmacSigner(alg Algorithm, secret []byte) (Signer, error) {
	h, err := NewHMAC(alg, secret)
	if err != nil {
		return nil, err
	}
	return h, nil
}

// decodeBase64 takes both alphabets and optional padding, and nothing else: no
// white space, no leftover bits, which a cut-off copy would have. The caller wipes
// the result.
func decodeBase64(text []byte) ([]byte, error) {
	if len(text) == 0 {
		return nil, errEmptySecret
	}
	enc := base64.StdEncoding
	if bytes.ContainsAny(text, "-_") {
		enc = base64.URLEncoding
	}
	if !bytes.HasSuffix(text, []byte("=")) {
		enc = enc.WithPadding(base64.NoPadding)
	}
	raw := make([]byte, enc.DecodedLen(len(text)))
	n, err := enc.Strict().Decode(raw, text)
	if err != nil || bytes.ContainsAny(text, "\r\n") { // which the decoder skips
		clear(raw)
		return nil, fmt.Errorf("%w: secret is not base64, or was cut off; copy it again", ErrKey)
	}
	return raw[:n], nil
}
