package exauth

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/exauth/exauth/internal/pkcs8"
)

// ParsePEM makes a key of an API key id and a PEM private key: RSA, Ed25519 or
// ECDSA on P-256 or P-384, as PKCS #8 (PRIVATE KEY, ENCRYPTED PRIVATE KEY), PKCS #1
// (RSA PRIVATE KEY) or SEC 1 (EC PRIVATE KEY). Text before the block is ignored, as
// RFC 7468 section 5.2 has it; after it nothing may follow.
//
// Encrypted keys open when they are as openssl writes them: PBES2 with PBKDF2
// (HMAC-SHA1, SHA256, SHA384 or SHA512, up to ten million iterations) and
// AES-128/192/256-CBC, and the legacy form with DEK-Info header, which is weak: see
// Warnings. Others, such as scrypt, are refused with the command that re-encrypts.
//
// passphrase is asked only for an encrypted key that can be opened, and once; what
// it returns is wiped. It may be nil for keys that are not encrypted. A wrong,
// missing or empty passphrase, and an error of passphrase itself, match
// ErrPassphrase; every other fault matches ErrKey and is named without showing
// anything of the text. pem is not kept; wipe it afterwards.
func ParsePEM(id string, pem []byte, passphrase func() ([]byte, error)) (*Key, error) {
	id = strings.TrimSuffix(strings.TrimSuffix(id, "\n"), "\r")
	if err := checkID(id); err != nil {
		return nil, err
	}
	block, err := onePEM(pem)
	if err != nil {
		return nil, err
	}
	defer clear(block.Bytes)
	form, encrypted, err := pemForm(block)
	if err != nil {
		return nil, err
	}
	der, warnings := block.Bytes, []string(nil)
	if encrypted != nil {
		if der, err = openPEM(encrypted, form, passphrase); err != nil {
			return nil, err
		}
		defer clear(der)
		warnings = pemWarnings(encrypted)
	}
	private, err := parsePrivate(der, form)
	if err != nil {
		return nil, err
	}
	return newKey(keyInfo{id: id, box: &keyBox{private: private}, warnings: warnings}), nil
}

// Warnings says what is unwise about how the key was kept, in sentences for a log:
// a legacy or cheap encryption of its file. It is nil when there is nothing to say.
func (k *Key) Warnings() []string { return slices.Clone(k.info().warnings) }

const (
	maxPEM           = 64 << 10 // no key comes near; an 8192-bit RSA key has 6.5 KiB
	weakIterations   = 100_000
	reencryptCommand = "openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 600000 -in OLD.pem -out NEW.pem"
)

// keyFault is an error that matches ErrKey.
func keyFault(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrKey}, args...)...)
}

// onePEM returns the only private key block of text, or names what is wrong with it.
func onePEM(text []byte) (*pem.Block, error) {
	if len(text) > maxPEM {
		return nil, keyFault("PEM is larger than 64 KiB")
	}
	begin := []byte("-----BEGIN ")
	if fault := pemTextFault(text, begin); fault != "" {
		return nil, keyFault("%s", fault)
	}
	var found *pem.Block
	for rest := text; ; {
		i := bytes.Index(rest, begin)
		if i < 0 {
			if found == nil {
				return nil, keyFault("PEM holds no private key")
			}
			if len(bytes.TrimSpace(rest)) > 0 {
				return nil, keyFault("something follows the key's END line; remove it")
			}
			return found, nil
		}
		if i > 0 && rest[i-1] != '\n' {
			return nil, keyFault("something stands before BEGIN in its line; remove it")
		}
		block, next := pem.Decode(rest[i:])
		// A damaged block makes Decode go on to the one behind it.
		if block == nil || bytes.Count(rest[i:len(rest)-len(next)], begin) != 1 {
			return nil, keyFault("PEM block is damaged: a line was cut off, joined or indented")
		}
		switch {
		case found != nil:
			clear(found.Bytes)
			clear(block.Bytes)
			return nil, keyFault("PEM holds more than one block; leave the one private key")
		case block.Type != "EC PARAMETERS": // which openssl ecparam puts in front
			found = block
		}
		rest = next
	}
}

// pemTextFault finds what editors, shells and copying do to a PEM.
func pemTextFault(text, begin []byte) string {
	trimmed := bytes.TrimSpace(text)
	has := func(s string) bool { return bytes.HasPrefix(trimmed, []byte(s)) }
	switch {
	case len(trimmed) == 0:
		return "PEM is empty"
	case has("\ufeff"), has("\xff\xfe"), has("\xfe\xff"):
		return "PEM begins with a byte order mark; save the file as UTF-8 without one"
	case has(`"`), has("'"), has("`"):
		return "PEM is in quotes; remove them"
	case has("{"):
		return "PEM is wrapped in JSON; take the private key out of it"
	case has("PuTTY-User-Key-File"):
		return "key is in PuTTY's format; export it from PuTTYgen as an OpenSSH key, then run: ssh-keygen -p -m PKCS8 -f COPY"
	case bytes.Contains(trimmed, []byte(`\n`)):
		return `PEM holds \n as two characters; put real line breaks there`
	case bytes.Contains(trimmed, begin):
		return ""
	case trimmed[0] == 0x30:
		return "key is DER, not PEM; convert it with: openssl pkey -inform DER -in KEY.der -out KEY.pem"
	case has("ssh-"), has("ecdsa-sha2-"):
		return "this is an SSH public key; the private key is needed"
	case has("M"):
		return "PEM has no BEGIN line; copy it with its first and last line"
	}
	return "this is no PEM: it has no BEGIN line"
}

// pemForm tells from the label and headers what block holds. encrypted is nil for
// plain keys.
func pemForm(block *pem.Block) (form pkcs8.Form, encrypted *pkcs8.Encrypted, err error) {
	switch block.Type {
	case "PRIVATE KEY":
		form = pkcs8.PKCS8
	case "ENCRYPTED PRIVATE KEY":
		encrypted, err = pkcs8.Parse(block.Bytes)
		return pkcs8.PKCS8, encrypted, encryptionFault(err)
	case "RSA PRIVATE KEY":
		form = pkcs8.PKCS1
	case "EC PRIVATE KEY":
		form = pkcs8.SEC1
	case "PUBLIC KEY", "RSA PUBLIC KEY", "SSH2 PUBLIC KEY":
		return 0, nil, keyFault("this is the public key; the venue keeps that one, the private key is needed here")
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		return 0, nil, keyFault("this is a certificate; the private key is needed")
	case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
		return 0, nil, keyFault("this is a certificate request; the private key is needed")
	case "OPENSSH PRIVATE KEY":
		return 0, nil, keyFault("key is in OpenSSH's format; convert a copy with: ssh-keygen -p -m PKCS8 -f COPY")
	case "DSA PRIVATE KEY":
		return 0, nil, keyFault("DSA keys are not supported; RSA, Ed25519, ECDSA P-256 and P-384 are")
	default:
		return 0, nil, keyFault("PEM block is of a kind that holds no private key")
	}
	if info, ok := block.Headers["DEK-Info"]; ok || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		encrypted, err = pkcs8.ParseLegacy(info, block.Bytes)
		return form, encrypted, encryptionFault(err)
	}
	return form, nil, nil
}

// encryptionFault turns what pkcs8 says into our words.
func encryptionFault(err error) error {
	var unsupported pkcs8.Unsupported
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pkcs8.ErrPassphrase):
		return fmt.Errorf("%w: it does not open the private key", ErrPassphrase)
	case errors.As(err, &unsupported):
		return keyFault("private key is encrypted with %s, which is not supported; re-encrypt it with: %s", unsupported, reencryptCommand)
	}
	return keyFault("encrypted private key is damaged or cut off")
}

// openPEM decrypts. Whatever does not come out as a private key means that the
// passphrase was wrong: a damaged file cannot be told from that.
func openPEM(e *pkcs8.Encrypted, form pkcs8.Form, passphrase func() ([]byte, error)) ([]byte, error) {
	if passphrase == nil {
		return nil, fmt.Errorf("%w: the private key is encrypted; give its passphrase", ErrPassphrase)
	}
	pass, err := passphrase()
	defer clear(pass)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, veil(err, string(pass)))
	}
	if len(pass) == 0 {
		return nil, fmt.Errorf("%w: the private key is encrypted and the passphrase is empty", ErrPassphrase)
	}
	der, err := e.Open(pass)
	if err != nil {
		return nil, encryptionFault(err)
	}
	if _, err := pkcs8.Inspect(der, form); err != nil {
		clear(der)
		return nil, encryptionFault(pkcs8.ErrPassphrase)
	}
	return der, nil
}

func pemWarnings(e *pkcs8.Encrypted) []string {
	switch {
	case e.Legacy:
		return []string{"the private key's file has the legacy PEM encryption, whose passphrase is quickly guessed; re-encrypt it with: " + reencryptCommand}
	case e.Iterations < weakIterations:
		return []string{fmt.Sprintf("the private key's file is encrypted with %d iterations of PBKDF2, fewer than %d; re-encrypt it with: %s",
			e.Iterations, weakIterations, reencryptCommand)}
	}
	return nil
}

// parsePrivate names weak and unsupported keys before it does arithmetic on them.
func parsePrivate(der []byte, form pkcs8.Form) (crypto.Signer, error) {
	info, err := pkcs8.Inspect(der, form)
	if err != nil {
		return nil, keyFault("private key is damaged or cut off: it is no %s", form)
	}
	switch info.Algorithm {
	case "RSA":
		if err := checkRSAHead(info); err != nil {
			return nil, err
		}
	case "EC":
		if info.Curve != "P-256" && info.Curve != "P-384" {
			return nil, keyFault("ECDSA curve %s is not supported; P-256 and P-384 are", cmp.Or(info.Curve, "unknown"))
		}
	case "Ed25519":
	case "RSA-PSS":
		return nil, keyFault("key is bound to RSA-PSS; make a plain RSA key with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048")
	default:
		return nil, keyFault("%s keys are not supported; RSA, Ed25519, ECDSA P-256 and P-384 are", cmp.Or(info.Algorithm, "such"))
	}
	var key any
	switch form {
	case pkcs8.PKCS1:
		key, err = x509.ParsePKCS1PrivateKey(der)
	case pkcs8.SEC1:
		key, err = x509.ParseECPrivateKey(der)
	default:
		key, err = x509.ParsePKCS8PrivateKey(der)
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, keyFault("private key is damaged: its parts do not belong together")
	}
	if pub, ok := signer.Public().(ed25519.PublicKey); ok && info.Public != nil && !bytes.Equal(pub, info.Public) {
		return nil, keyFault("the halves of the Ed25519 key do not belong together")
	}
	return checkPrivate(signer)
}

// checkRSAHead bounds the arithmetic: a file could hold a modulus of a million bits.
func checkRSAHead(info pkcs8.Info) error {
	e := -1 // out of every range
	if info.E.IsInt64() && info.E.Int64() <= maxRSAExponent {
		e = int(info.E.Int64())
	}
	_, err := checkPublic(&rsa.PublicKey{N: info.N, E: e})
	return err
}
