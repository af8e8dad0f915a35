package venue_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"strings"
)

// verifyBinance checks a signature with the standard library alone.
func verifyBinance(keys map[string]map[string]string, c vectorCase, payload string) error {
	i := strings.LastIndex(payload, "signature=")
	if i < 1 {
		return fmt.Errorf("no signature")
	}
	sig, err := url.QueryUnescape(payload[i+len("signature="):])
	if err != nil {
		return err
	}
	msg := strings.TrimSuffix(payload[:i], "&")
	name := c.Key
	if name == "" {
		name = "default"
	}
	secret := keys[name]["secret"]
	if !strings.Contains(secret, "-----BEGIN") {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(msg))
		if want := hex.EncodeToString(mac.Sum(nil)); sig != want {
			return fmt.Errorf("signature of %q\n got %s\nwant %s", msg, sig, want)
		}
		return nil
	}
	block, _ := pem.Decode([]byte(secret))
	priv, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(sig)
	if err != nil {
		return err
	}
	switch k := priv.(type) {
	case *rsa.PrivateKey:
		sum := sha256.Sum256([]byte(msg))
		return rsa.VerifyPKCS1v15(&k.PublicKey, crypto.SHA256, sum[:], raw)
	case ed25519.PrivateKey:
		if !ed25519.Verify(k.Public().(ed25519.PublicKey), []byte(msg), raw) {
			return fmt.Errorf("Ed25519 signature does not verify")
		}
	}
	return nil
}

// verifyJWT checks a bearer token made with an EC key (ES256): what is signed must
// be ccxt's byte for byte, and the signature must fit the key.
func verifyJWT(keys map[string]map[string]string, c vectorCase, got, want string) error {
	signed, sig, ok := cutLast(got, ".")
	wantSigned, _, _ := cutLast(want, ".")
	if !ok || signed != wantSigned {
		return fmt.Errorf("token\n got %s\nwant %s", signed, wantSigned)
	}
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	if err != nil || len(raw) != 64 {
		return fmt.Errorf("signature is %d bytes: %v", len(raw), err)
	}
	name := c.Key
	if name == "" {
		name = "default"
	}
	block, _ := pem.Decode([]byte(keys[name]["secret"]))
	priv, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(strings.TrimPrefix(signed, "Bearer ")))
	if !ecdsa.Verify(&priv.PublicKey, sum[:], new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])) {
		return fmt.Errorf("ES256 signature does not verify")
	}
	return nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
