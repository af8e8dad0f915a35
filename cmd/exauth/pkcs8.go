package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

// kdfRounds is the cost of trying one passphrase on what keygen makes. OWASP's
// password storage cheat sheet (read 2026-11) asks for 210,000 rounds of
// PBKDF2-HMAC-SHA-512; this is nearly three times that, some tenths of a second.
const kdfRounds = 600_000

// The algorithms by their object identifiers: RFC 8018 appendix A, RFC 5754 section 3.2
// and NIST's arc for AES.
var (
	oidPBES2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACSHA512 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}
	oidAES256CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// EncryptedPrivateKeyInfo of RFC 5958 section 3, with PBES2 (RFC 8018 section 6.2).
type encryptedKey struct {
	Algorithm pbes2Algorithm
	Data      []byte
}

type pbes2Algorithm struct {
	OID    asn1.ObjectIdentifier
	Params pbes2Params
}

type pbes2Params struct {
	KDF    kdfAlgorithm
	Cipher cipherAlgorithm
}

type kdfAlgorithm struct {
	OID    asn1.ObjectIdentifier
	Params kdfParams
}

type kdfParams struct {
	Salt   []byte
	Rounds int
	PRF    pkix.AlgorithmIdentifier
}

type cipherAlgorithm struct {
	OID asn1.ObjectIdentifier
	IV  []byte
}

// encryptPKCS8 seals a PKCS #8 key with a passphrase.
func encryptPKCS8(der, passphrase []byte) ([]byte, error) {
	salt, iv := make([]byte, 16), make([]byte, aes.BlockSize)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	if _, err := rand.Read(iv); err != nil {
		return nil, err
	}
	key, err := pbkdf2.Key(sha512.New, string(passphrase), salt, kdfRounds, 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the key: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	pad := aes.BlockSize - len(der)%aes.BlockSize // RFC 8018 section 6.1.1 step 4
	data := make([]byte, len(der)+pad)
	copy(data, der)
	for i := len(der); i < len(data); i++ {
		data[i] = byte(pad)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	return asn1.Marshal(encryptedKey{
		Algorithm: pbes2Algorithm{oidPBES2, pbes2Params{
			KDF: kdfAlgorithm{oidPBKDF2, kdfParams{Salt: salt, Rounds: kdfRounds,
				PRF: pkix.AlgorithmIdentifier{Algorithm: oidHMACSHA512, Parameters: asn1.NullRawValue}}},
			Cipher: cipherAlgorithm{oidAES256CBC, iv},
		}},
		Data: data,
	})
}

// kdfOf tells the PBKDF2 rounds a sealed PKCS #8 key was made with; 0 when it uses
// something else.
func kdfOf(der []byte) int {
	var k struct {
		Algorithm struct {
			OID    asn1.ObjectIdentifier
			Params struct {
				KDF struct {
					OID    asn1.ObjectIdentifier
					Params asn1.RawValue
				}
				Cipher asn1.RawValue
			}
		}
		Data []byte
	}
	if _, err := asn1.Unmarshal(der, &k); err != nil || !k.Algorithm.Params.KDF.OID.Equal(oidPBKDF2) {
		return 0
	}
	var salt asn1.RawValue
	rest, err := asn1.Unmarshal(k.Algorithm.Params.KDF.Params.Bytes, &salt)
	var rounds int
	if err != nil {
		return 0
	}
	if _, err = asn1.Unmarshal(rest, &rounds); err != nil {
		return 0
	}
	return rounds
}
