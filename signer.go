package exauth

import (
	"context"
	"crypto"
	"strconv"
)

// Algorithm names a signature algorithm together with its hash, so that a
// venue can list what it takes and a key can be matched against that list.
// The zero value means "no signature": venues that only want a key header.
type Algorithm uint8

// The algorithms exchanges take today. RSA is PKCS #1 v1.5 unless the name says
// PSS; ES256 and ES384 are ECDSA on P-256 and P-384 with the signature as r‖s
// (RFC 7518 section 3.4), never ASN.1.
const (
	HMACSHA256 Algorithm = iota + 1
	HMACSHA384
	HMACSHA512
	RSASHA256
	RSASHA512
	RSAPSSSHA256
	RSAPSSSHA512
	Ed25519
	ES256
	ES384
)

var algorithmNames = [...]string{
	"none", "HMAC-SHA256", "HMAC-SHA384", "HMAC-SHA512", "RSA-SHA256", "RSA-SHA512",
	"RSA-PSS-SHA256", "RSA-PSS-SHA512", "Ed25519", "ES256", "ES384",
}

// String returns the usual name of the algorithm, such as "HMAC-SHA256".
func (a Algorithm) String() string {
	if int(a) < len(algorithmNames) {
		return algorithmNames[a]
	}
	return "Algorithm(" + strconv.Itoa(int(a)) + ")"
}

// family groups algorithms by the key they take.
type family uint8

const (
	familyNone family = iota
	familyHMAC
	familyRSA // PKCS #1 v1.5
	familyPSS
	familyEd25519
	familyECDSA
)

// family returns what kind of key a takes; familyNone for what is no algorithm.
func (a Algorithm) family() family {
	switch a {
	case HMACSHA256, HMACSHA384, HMACSHA512:
		return familyHMAC
	case RSASHA256, RSASHA512:
		return familyRSA
	case RSAPSSSHA256, RSAPSSSHA512:
		return familyPSS
	case Ed25519:
		return familyEd25519
	case ES256, ES384:
		return familyECDSA
	}
	return familyNone
}

// hash returns the hash a applies to the message; 0 for Ed25519, which signs the
// message itself.
func (a Algorithm) hash() crypto.Hash {
	switch a {
	case HMACSHA256, RSASHA256, RSAPSSSHA256, ES256:
		return crypto.SHA256
	case HMACSHA384, ES384:
		return crypto.SHA384
	case HMACSHA512, RSASHA512, RSAPSSSHA512:
		return crypto.SHA512
	}
	return 0
}

// A Signer turns a whole message into a raw signature. Venues decide how the
// result travels (hex, base64, JWT); a Signer never encodes.
//
// Implementations must be safe for concurrent use. Most programs never
// implement one: NewHMAC and NewSigner cover secrets and any crypto.Signer.
type Signer interface {
	// Algorithm returns the algorithm of every signature this Signer makes.
	Algorithm() Algorithm

	// Sign appends the raw signature of msg to dst and returns the extended
	// slice. The message is hashed by Sign, never by the caller. Signers backed
	// by a remote service honour ctx; local ones ignore it.
	Sign(ctx context.Context, dst, msg []byte) ([]byte, error)
}

// A Verifier checks raw signatures; test exchanges and webhooks use it.
type Verifier interface {
	Algorithm() Algorithm

	// Verify returns nil when sig is the signature of msg, and otherwise an
	// error that matches ErrSignature. It takes constant time for HMAC.
	Verify(msg, sig []byte) error
}
