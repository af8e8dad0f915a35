package venue_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
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
