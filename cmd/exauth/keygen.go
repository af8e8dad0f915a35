package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func keygenCommand() command {
	return command{name: "keygen", args: "[-type ed25519|rsa2048|rsa4096] [-encrypt] [-venue NAME] -out FILE", short: "make a key pair for venues that take public keys",
		help: `
The private key goes to FILE, as PKCS #8 PEM that only you can read; FILE must not
exist. With -encrypt it is sealed with a passphrase (PBES2: PBKDF2-HMAC-SHA-512 with
600,000 rounds, AES-256-CBC), which openssl and exauth open. The public key is printed
for pasting into the venue's page, which then shows the key id to use with it.

Take ed25519 where the venue does: it is the fastest and the shortest.`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			typ := fs.String("type", "", "`kind` of key: ed25519, rsa2048 or rsa4096 (default: the best the venue takes, else ed25519)")
			out := fs.String("out", "", "`file` for the private key")
			encrypt := fs.Bool("encrypt", false, "seal the private key with a passphrase")
			at := fs.String("venue", "", "`name` of the venue the key is for")
			pass := passphrases{e: e}
			fs.StringVar(&pass.file, "passphrase-file", "", "`file` with the passphrase (default $EXAUTH_PASSPHRASE, then a prompt)")
			return func(_ context.Context, args []string) error {
				if *out == "" || len(args) > 0 {
					return usagef("keygen needs -out FILE and takes no arguments")
				}
				return e.keygen(*typ, *out, *at, *encrypt, &pass)
			}
		}}
}

// keyTypes are what keygen makes, and which algorithm a venue must take for it.
var keyTypes = []struct {
	name string
	bits int
	fits []exauth.Algorithm
}{
	{"ed25519", 0, []exauth.Algorithm{exauth.Ed25519}},
	{"rsa2048", 2048, []exauth.Algorithm{exauth.RSASHA256, exauth.RSASHA512}},
	{"rsa4096", 4096, []exauth.Algorithm{exauth.RSASHA256, exauth.RSASHA512}},
}

// registers says how a venue takes public keys; read on the vendors' pages in 2026-11.
// Coinbase makes its key pairs itself and takes none.
var registers = map[string]string{
	"binance":  "API Management, Create API, Self-generated: paste the public key, then copy the API key that is shown",
	"bybit":    "API Management, Create New Key, Self-generated API Keys: paste the public key (RSA), then copy the API key",
	"backpack": "Settings, API Keys, New API Key: paste the raw public key in base64; it is the key id, too",
	"lbank":    "API management, create an RSA key: paste the public key without its first and last line",
}

// takers lists the venues that take a key pair of this kind.
func takers(fits []exauth.Algorithm) (names []string) {
	for _, name := range venue.Names() {
		v, _ := venue.ByName(name)
		if registers[v.Name] != "" && slices.ContainsFunc(fits, func(a exauth.Algorithm) bool { return slices.Contains(v.Algorithms, a) }) {
			names = append(names, name)
		}
	}
	return names
}

func (e *env) keygen(typ, out, at string, encrypt bool, pass *passphrases) error {
	if at != "" {
		if _, err := venueOf(at, ""); err != nil {
			return err
		}
	}
	index := slices.IndexFunc(keyTypes, func(k struct {
		name string
		bits int
		fits []exauth.Algorithm
	}) bool {
		return typ == k.name || typ == "" && (at == "" || slices.Contains(takers(k.fits), at))
	})
	if index < 0 && typ == "" {
		return usagef("%s takes no public keys of yours; it makes its keys itself", at)
	}
	if index < 0 {
		return usagef("no kind %q; use ed25519, rsa2048 or rsa4096", shown(typ))
	}
	kind := keyTypes[index]
	if at != "" && !slices.Contains(takers(kind.fits), at) {
		return usagef("%s takes no %s keys of yours; %s do", at, kind.name, strings.Join(takers(kind.fits), ", "))
	}
	private, err := e.makeKey(kind.bits)
	if err != nil {
		return err
	}
	text, err := e.privatePEM(private, out, encrypt, pass)
	if err != nil {
		return err
	}
	defer clear(text)
	if err := writeNew(out, text); err != nil {
		return err
	}
	return e.showPublic(private.Public(), kind.name, out, at, encrypt, takers(kind.fits))
}

func (e *env) makeKey(bits int) (crypto.Signer, error) {
	if bits == 0 {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	defer e.busy("looking for two large primes")()
	return rsa.GenerateKey(rand.Reader, bits)
}

// privatePEM writes the private key, and reads it again before anybody relies on it.
func (e *env) privatePEM(private crypto.Signer, out string, encrypt bool, pass *passphrases) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	block := &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	var phrase []byte
	if encrypt {
		if phrase, err = pass.fresh(out); err != nil {
			return nil, err
		}
		defer clear(phrase)
		done := e.busy("sealing the key")
		sealed, err := encryptPKCS8(der, phrase)
		done()
		if err != nil {
			return nil, err
		}
		block = &pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: sealed}
	}
	text := pem.EncodeToMemory(block)
	again, err := exauth.ParsePEM("check", text, func() ([]byte, error) { return slices.Clone(phrase), nil })
	if err != nil {
		return nil, fmt.Errorf("the new key does not open again: %w", err)
	}
	defer again.Close()
	public, err := again.Public()
	if err != nil || !public.(interface{ Equal(crypto.PublicKey) bool }).Equal(private.Public()) {
		return nil, fmt.Errorf("the new key is another when it is opened again: %w", exauth.ErrKey)
	}
	return text, nil
}

func (e *env) showPublic(public crypto.PublicKey, kind, out, at string, encrypted bool, names []string) error {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return err
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	sum := sha256.Sum256(der)
	raw := ""
	if ed, ok := public.(ed25519.PublicKey); ok {
		raw = base64.StdEncoding.EncodeToString(ed)
	}
	type place struct {
		Venue   string `json:"venue"`
		How     string `json:"how"`
		KeyPage string `json:"key_page"`
	}
	var places []place
	for _, name := range names {
		v, _ := venue.ByName(name)
		if at == "" && v.Environment == "" || at == name {
			places = append(places, place{name, registers[v.Name], v.KeyPage})
		}
	}
	result := map[string]any{"type": kind, "file": out, "encrypted": encrypted, "public_key": text, "sha256": hex.EncodeToString(sum[:]), "register_at": places}
	if raw != "" {
		result["public_key_raw"] = raw
	}
	return e.print(result, func(w io.Writer) {
		sealed := "not encrypted; keep it off backups, or use -encrypt"
		if encrypted {
			sealed = "encrypted"
		}
		fmt.Fprintf(w, "private key: %s (%s, %s)\npublic key, SHA-256 %s:\n\n%s\n", out, kind, sealed, hex.EncodeToString(sum[:]), text)
		if raw != "" {
			fmt.Fprintf(w, "raw, in base64: %s\n\n", raw)
		}
		for _, p := range places {
			fmt.Fprintf(w, "%s: %s\n  %s\n", p.Venue, p.How, p.KeyPage)
		}
		fmt.Fprint(w, "Give the key no withdrawal permission and a list of addresses while you are there.\n")
	})
}
