package exauth

import (
	"context"
	"crypto"
)

// PublicKeyOf returns the public half of a private key, after one signature made
// with it was verified; nil when there is none.
func PublicKeyOf(k *Key) crypto.PublicKey {
	key := k.info().box.private
	if key == nil {
		return nil
	}
	for alg := RSASHA256; alg <= ES384; alg++ {
		s, err := NewSigner(alg, key)
		if err != nil {
			continue
		}
		v, err := NewVerifier(alg, key.Public())
		if err != nil {
			return nil
		}
		sig, err := s.Sign(context.Background(), nil, []byte("test"))
		if err != nil || v.Verify([]byte("test"), sig) != nil {
			return nil
		}
	}
	return key.Public()
}
