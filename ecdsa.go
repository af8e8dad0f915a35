package exauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"fmt"
)

// Exchanges, like JWT, want ECDSA as r‖s: both numbers big-endian and as wide as
// the curve (RFC 7518 section 3.4). crypto.Signer yields ASN.1 DER (RFC 3279
// section 2.2.3). These functions go between the two.

// curve returns the curve of a; nil when a is not ECDSA.
func (a Algorithm) curve() elliptic.Curve {
	switch a {
	case ES256:
		return elliptic.P256()
	case ES384:
		return elliptic.P384()
	}
	return nil
}

// scalarSize returns the width of r and of s in bytes.
func scalarSize(p *ecdsa.PublicKey) int { return (p.Curve.Params().BitSize + 7) / 8 }

var errDER = fmt.Errorf("%w: ECDSA signature is not strict DER", ErrSignature)

// appendRS appends the DER signature der to dst as r‖s of size bytes each. Only the
// one DER form of two positive numbers that fit is taken.
func appendRS(dst, der []byte, size int) ([]byte, error) {
	// Up to P-384 the whole is below 128 bytes, so lengths have one byte.
	if len(der) < 2 || der[0] != 0x30 || der[1] >= 0x80 || int(der[1]) != len(der)-2 {
		return nil, errDER
	}
	r, rest, ok1 := cutInteger(der[2:], size)
	s, rest, ok2 := cutInteger(rest, size)
	if !ok1 || !ok2 || len(rest) != 0 {
		return nil, errDER
	}
	dst = appendPadded(dst, r, size)
	return appendPadded(dst, s, size), nil
}

// cutInteger takes one positive, minimally encoded INTEGER of at most size bytes
// off der and returns it without its sign byte.
func cutInteger(der []byte, size int) (n, rest []byte, ok bool) {
	if len(der) < 3 || der[0] != 0x02 || der[1] == 0 || der[1] >= 0x80 || int(der[1]) > len(der)-2 {
		return nil, nil, false
	}
	n, rest = der[2:2+der[1]], der[2+der[1]:]
	if n[0] == 0 {
		n = n[1:]
		if len(n) == 0 || n[0] < 0x80 { // zero, or a needless leading zero
			return nil, nil, false
		}
	} else if n[0] >= 0x80 { // negative
		return nil, nil, false
	}
	return n, rest, len(n) <= size
}

func appendPadded(dst, n []byte, size int) []byte {
	for range size - len(n) {
		dst = append(dst, 0)
	}
	return append(dst, n...)
}

// derOfRS returns the DER form of an r‖s signature of even length.
func derOfRS(sig []byte) []byte {
	der := make([]byte, 2, len(sig)+8)
	der[0] = 0x30
	for _, n := range [2][]byte{sig[:len(sig)/2], sig[len(sig)/2:]} {
		for len(n) > 1 && n[0] == 0 {
			n = n[1:]
		}
		if n[0] >= 0x80 {
			der = append(der, 0x02, byte(len(n)+1), 0)
		} else {
			der = append(der, 0x02, byte(len(n)))
		}
		der = append(der, n...)
	}
	der[1] = byte(len(der) - 2)
	return der
}
