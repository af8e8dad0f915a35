package pkcs8

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
)

// A Form is an encoding of private keys.
type Form uint8

// The forms, by the label of their PEM blocks.
const (
	PKCS8 Form = iota // PRIVATE KEY
	PKCS1             // RSA PRIVATE KEY
	SEC1              // EC PRIVATE KEY
)

// String returns the name of the standard.
func (f Form) String() string { return [...]string{"PKCS #8", "PKCS #1", "SEC 1"}[f] }

// Info is what a private key says it is, read without doing arithmetic on it.
type Info struct {
	Algorithm string   // "RSA", "RSA-PSS", "EC", "Ed25519", "X25519" …; "" when unknown
	Curve     string   // of EC keys: "P-256", "secp256k1" …; "" when unknown
	N, E      *big.Int // of RSA keys
	Public    []byte   // the public key a PKCS #8 file carries beside the private one; nil when absent
}

// Inspect reads the outer structure of a plain private key. It fails with
// ErrFormat when der is not of that form.
func Inspect(der []byte, form Form) (Info, error) {
	switch form {
	case PKCS1:
		return inspectRSA(der)
	case SEC1:
		return inspectEC(der, nil)
	}
	var key struct {
		Version    int
		Algorithm  pkix.AlgorithmIdentifier
		PrivateKey []byte
		Attributes asn1.RawValue  `asn1:"optional,tag:0"`
		Public     asn1.BitString `asn1:"optional,tag:1"`
	}
	if err := unmarshal(der, &key); err != nil || key.Version < 0 || key.Version > 1 {
		return Info{}, ErrFormat
	}
	var info Info
	var err error
	switch name := algorithmName(key.Algorithm.Algorithm); name {
	case "RSA":
		info, err = inspectRSA(key.PrivateKey)
	case "EC":
		info, err = inspectEC(key.PrivateKey, key.Algorithm.Parameters.FullBytes)
	default:
		info.Algorithm = name
	}
	if key.Public.BitLength > 0 {
		info.Public = key.Public.RightAlign()
	}
	return info, err
}

// inspectRSA reads the head of an RSAPrivateKey (RFC 8017 appendix A.1.2).
func inspectRSA(der []byte) (Info, error) {
	var key struct {
		Version int
		N, E    *big.Int
	}
	if err := unmarshal(der, &key); err != nil {
		return Info{}, err
	}
	return Info{Algorithm: "RSA", N: key.N, E: key.E}, nil
}

// inspectEC reads an ECPrivateKey (RFC 5915 section 3). Its curve is in params, or
// else in the key itself.
func inspectEC(der, params []byte) (Info, error) {
	var key struct {
		Version    int
		PrivateKey []byte
		Parameters asn1.RawValue  `asn1:"optional,explicit,tag:0"`
		Public     asn1.BitString `asn1:"optional,explicit,tag:1"`
	}
	if err := unmarshal(der, &key); err != nil || key.Version != 1 {
		return Info{}, ErrFormat
	}
	if params == nil {
		params = key.Parameters.Bytes
	}
	info := Info{Algorithm: "EC"}
	var oid asn1.ObjectIdentifier
	if unmarshal(params, &oid) == nil {
		info.Curve = curveName(oid)
	} else if len(params) > 0 {
		info.Curve = "with explicit parameters"
	}
	return info, nil
}

func algorithmName(oid asn1.ObjectIdentifier) string {
	switch oid.String() {
	case "1.2.840.113549.1.1.1":
		return "RSA"
	case "1.2.840.113549.1.1.10":
		return "RSA-PSS"
	case "1.2.840.10045.2.1":
		return "EC"
	case "1.3.101.110":
		return "X25519"
	case "1.3.101.111":
		return "X448"
	case "1.3.101.112":
		return "Ed25519"
	case "1.3.101.113":
		return "Ed448"
	case "1.2.840.10040.4.1":
		return "DSA"
	case "1.2.840.113549.1.3.1":
		return "DH"
	}
	return ""
}

func curveName(oid asn1.ObjectIdentifier) string {
	switch oid.String() {
	case "1.2.840.10045.3.1.7":
		return "P-256"
	case "1.3.132.0.33":
		return "P-224"
	case "1.3.132.0.34":
		return "P-384"
	case "1.3.132.0.35":
		return "P-521"
	case "1.3.132.0.10":
		return "secp256k1"
	}
	return ""
}
