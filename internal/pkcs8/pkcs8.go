// Package pkcs8 opens encrypted private keys and says what a private key is
// before anything costly is done with it.
//
// It knows the forms openssl writes: PKCS #8 (RFC 5208, RFC 5958) encrypted with
// PBES2 (RFC 8018), and the legacy PEM encryption (RFC 1421 headers, key derived
// as EVP_BytesToKey does). All input is hostile: costs and sizes are bounded, and
// no error holds a byte of it.
package pkcs8

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/fips140"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"hash"
	"math/big"
	"strings"
)

// MaxIterations bounds what a file may make us compute: some seconds of PBKDF2.
const MaxIterations = 10_000_000

var (
	// ErrFormat means the bytes are not what the caller took them for.
	ErrFormat = errors.New("damaged or cut off")

	// ErrPassphrase means the passphrase does not fit. A wrong one shows as bad
	// padding or as nonsense; a damaged file looks the same.
	ErrPassphrase = errors.New("wrong passphrase")
)

// Unsupported is an encryption that is not opened; the text says which.
type Unsupported string

func (u Unsupported) Error() string { return string(u) }

// Encrypted is an encrypted private key whose parameters were understood and are
// within bounds. It is safe for concurrent use.
type Encrypted struct {
	Iterations int  // of the key derivation; 1 for the legacy form
	Legacy     bool // encrypted by PEM headers

	derive   func(passphrase []byte, size int) ([]byte, error)
	cipher   blockCipher
	iv, data []byte
}

type blockCipher struct {
	new     func(key []byte) (cipher.Block, error)
	keySize int
	block   int
}

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// Parse reads an EncryptedPrivateKeyInfo (RFC 5958 section 3). It fails with
// ErrFormat or an Unsupported, so that no passphrase is asked for in vain.
func Parse(der []byte) (*Encrypted, error) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	if err := unmarshal(der, &info); err != nil {
		return nil, err
	}
	if !info.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, Unsupported(schemeName(info.Algorithm.Algorithm))
	}
	var params struct{ KDF, Cipher pkix.AlgorithmIdentifier }
	if err := unmarshal(info.Algorithm.Parameters.FullBytes, &params); err != nil {
		return nil, err
	}
	e := &Encrypted{data: info.Data}
	if err := e.setCipher(params.Cipher); err != nil {
		return nil, err
	}
	if err := e.setKDF(params.KDF); err != nil {
		return nil, err
	}
	return e, e.checkSizes()
}

func (e *Encrypted) setCipher(id pkix.AlgorithmIdentifier) error {
	var known bool
	if e.cipher, known = cipherByOID(id.Algorithm); !known {
		return Unsupported(cipherName(id.Algorithm))
	}
	return unmarshal(id.Parameters.FullBytes, &e.iv)
}

// setKDF reads PBKDF2-params (RFC 8018 appendix A.2).
func (e *Encrypted) setKDF(id pkix.AlgorithmIdentifier) error {
	if !id.Algorithm.Equal(oidPBKDF2) {
		return Unsupported(kdfName(id.Algorithm))
	}
	var params struct {
		Salt       []byte
		Iterations *big.Int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
	if err := unmarshal(id.Parameters.FullBytes, &params); err != nil {
		return err
	}
	newHash, prf := prfByOID(params.PRF.Algorithm)
	switch {
	case newHash == nil:
		return Unsupported("PBKDF2 with " + prf)
	case params.Iterations.Sign() <= 0 || len(params.Salt) == 0:
		return ErrFormat
	case params.Iterations.Cmp(big.NewInt(MaxIterations)) > 0:
		return Unsupported("PBKDF2 with more than 10,000,000 iterations")
	case params.KeyLength != 0 && params.KeyLength != e.cipher.keySize:
		return ErrFormat
	case fips140.Enforced() && (len(params.Salt) < 16 || prf == "HMAC-SHA1"):
		return Unsupported("PBKDF2 as FIPS 140-3 does not allow it (HMAC-SHA1, or a salt below 16 bytes)")
	}
	e.Iterations = int(params.Iterations.Int64())
	e.derive = func(passphrase []byte, size int) ([]byte, error) {
		return pbkdf2.Key(newHash, string(passphrase), params.Salt, e.Iterations, size)
	}
	return nil
}

// ParseLegacy reads the value of a DEK-Info header (RFC 1421 section 4.6.1.3) and
// takes the data it protects.
func ParseLegacy(dekInfo string, data []byte) (*Encrypted, error) {
	name, ivHex, ok := strings.Cut(dekInfo, ",")
	if !ok {
		return nil, ErrFormat
	}
	if fips140.Enforced() {
		return nil, Unsupported("the legacy PEM encryption, which FIPS 140-3 does not allow")
	}
	e := &Encrypted{Legacy: true, Iterations: 1, data: data}
	switch strings.TrimSpace(name) {
	case "AES-128-CBC":
		e.cipher = blockCipher{aes.NewCipher, 16, aes.BlockSize}
	case "AES-192-CBC":
		e.cipher = blockCipher{aes.NewCipher, 24, aes.BlockSize}
	case "AES-256-CBC":
		e.cipher = blockCipher{aes.NewCipher, 32, aes.BlockSize}
	case "DES-EDE3-CBC": // what "openssl genrsa -des3" wrote for twenty years
		e.cipher = blockCipher{des.NewTripleDESCipher, 24, des.BlockSize}
	default:
		return nil, Unsupported("a legacy cipher other than AES-CBC and DES-EDE3-CBC")
	}
	var err error
	if e.iv, err = hex.DecodeString(strings.TrimSpace(ivHex)); err != nil {
		return nil, ErrFormat
	}
	if err := e.checkSizes(); err != nil {
		return nil, err
	}
	e.derive = func(passphrase []byte, size int) ([]byte, error) {
		return bytesToKey(passphrase, e.iv[:8], size), nil
	}
	return e, nil
}

// bytesToKey is OpenSSL's EVP_BytesToKey with MD5 and one round.
func bytesToKey(passphrase, salt []byte, size int) []byte {
	var key, last []byte
	h := md5.New()
	for len(key) < size {
		h.Reset()
		h.Write(last)
		h.Write(passphrase)
		h.Write(salt)
		last = h.Sum(last[:0])
		key = append(key, last...)
	}
	return key[:size]
}

func (e *Encrypted) checkSizes() error {
	if len(e.iv) != e.cipher.block || len(e.data) == 0 || len(e.data)%e.cipher.block != 0 {
		return ErrFormat
	}
	return nil
}

// Open returns the decrypted key; the caller wipes it. Padding alone does not tell
// a right passphrase from a wrong one: a result that Inspect does not know is one
// more sign of a wrong one.
func (e *Encrypted) Open(passphrase []byte) ([]byte, error) {
	key, err := e.derive(passphrase, e.cipher.keySize)
	if err != nil {
		return nil, Unsupported("a key derivation this build refuses")
	}
	defer clear(key)
	block, err := e.cipher.new(key)
	if err != nil {
		return nil, Unsupported("a cipher this build refuses")
	}
	plain := make([]byte, len(e.data))
	cipher.NewCBCDecrypter(block, e.iv).CryptBlocks(plain, e.data)
	// RFC 8018 section 6.1.1 step 4: n bytes of value n, at least one.
	n := int(plain[len(plain)-1])
	if n == 0 || n > e.cipher.block || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(n)}, n)) {
		clear(plain)
		return nil, ErrPassphrase
	}
	return plain[:len(plain)-n], nil
}

// unmarshal takes exactly one DER value.
func unmarshal(der []byte, v any) error {
	if rest, err := asn1.Unmarshal(der, v); err != nil || len(rest) != 0 {
		return ErrFormat
	}
	return nil
}

func prfByOID(oid asn1.ObjectIdentifier) (newHash func() hash.Hash, name string) {
	switch oid.String() {
	case "", "1.2.840.113549.2.7": // absent means HMAC-SHA1
		return sha1.New, "HMAC-SHA1"
	case "1.2.840.113549.2.9":
		return sha256.New, "HMAC-SHA256"
	case "1.2.840.113549.2.10":
		return sha512.New384, "HMAC-SHA384"
	case "1.2.840.113549.2.11":
		return sha512.New, "HMAC-SHA512"
	case "1.2.840.113549.2.8":
		return nil, "HMAC-SHA224"
	}
	return nil, "an unknown pseudorandom function"
}

func cipherByOID(oid asn1.ObjectIdentifier) (blockCipher, bool) {
	size := 0
	switch oid.String() {
	case "2.16.840.1.101.3.4.1.2":
		size = 16
	case "2.16.840.1.101.3.4.1.22":
		size = 24
	case "2.16.840.1.101.3.4.1.42":
		size = 32
	}
	return blockCipher{aes.NewCipher, size, aes.BlockSize}, size != 0
}

// The names of what is not opened, for the error that says so.

func schemeName(oid asn1.ObjectIdentifier) string {
	s := oid.String()
	switch {
	case strings.HasPrefix(s, "1.2.840.113549.1.12.1."):
		return "a PKCS #12 scheme (PBE-SHA1 with 3DES, RC2 or RC4)"
	case strings.HasPrefix(s, "1.2.840.113549.1.5."):
		return "PBES1 (DES or RC2)"
	}
	return "an unknown encryption scheme"
}

func kdfName(oid asn1.ObjectIdentifier) string {
	if oid.String() == "1.3.6.1.4.1.11591.4.11" {
		return "scrypt"
	}
	return "an unknown key derivation"
}

func cipherName(oid asn1.ObjectIdentifier) string {
	s := oid.String()
	switch {
	case s == "1.2.840.113549.3.7":
		return "3DES (DES-EDE3-CBC)"
	case s == "1.2.840.113549.3.2":
		return "RC2"
	case s == "1.3.14.3.2.7":
		return "DES"
	case strings.HasPrefix(s, "2.16.840.1.101.3.4.1."):
		return "AES in a mode other than CBC"
	case strings.HasPrefix(s, "1.2.392.200011.61.1.1.1."):
		return "Camellia"
	case strings.HasPrefix(s, "1.2.410.200046.1.1."):
		return "ARIA"
	}
	return "an unknown cipher"
}
