package exchangetest

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
)

// The checks below come straight from the vendors' pages, on the standard
// library's primitives. They share nothing with exauth's signers, verifiers or
// schemes: two implementations that agree are worth more than one.

func macSHA256(secret, msg []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(msg)
	return h.Sum(nil)
}

// binanceSignature checks what Binance calls signature over the query followed by
// the body, both as received and without the signature itself: hex HMAC-SHA256 in
// either case of letters, or base64 of RSA PKCS#1 v1.5 with SHA-256 or of Ed25519
// (rest-api.md, "SIGNED Endpoint security").
func binanceSignature(k Key, payload, signature string) bool {
	msg := []byte(payload)
	if k.Public == nil {
		got, err := hex.DecodeString(signature)
		return err == nil && hmac.Equal(got, macSHA256([]byte(k.Secret), msg))
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil {
		return false
	}
	switch pub := k.Public.(type) {
	case *rsa.PublicKey:
		sum := sha256.Sum256(msg)
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], sig) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(pub, msg, sig)
	}
	return false
}

// krakenSignature checks API-Sign: base64 of HMAC-SHA512, keyed with the base64
// decoded secret, over the path and SHA-256 of nonce and body
// (docs.kraken.com/exchange/guides/rest/authentication).
func krakenSignature(k Key, path, nonce string, body []byte, signature string) bool {
	secret, err := base64.StdEncoding.DecodeString(k.Secret)
	if err != nil {
		return false
	}
	got, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil {
		return false
	}
	inner := sha256.New()
	inner.Write([]byte(nonce))
	inner.Write(body)
	h := hmac.New(sha512.New, secret)
	h.Write([]byte(path))
	h.Write(inner.Sum(nil))
	return hmac.Equal(got, h.Sum(nil))
}

// okxSignature checks OK-ACCESS-SIGN: base64 of HMAC-SHA256 over timestamp,
// method, path with query, and body (okx.com/docs-v5, "Making Requests").
func okxSignature(k Key, timestamp, method, uri string, body []byte, signature string) bool {
	got, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil {
		return false
	}
	msg := append([]byte(timestamp+method+uri), body...)
	return hmac.Equal(got, macSHA256([]byte(k.Secret), msg))
}
