package exchangetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/exauth/exauth"
)

// A Key is one API key that a test exchange accepts. It is fake and made to be
// shown: unlike exauth.Key it holds its secret in the open.
type Key struct {
	ID         string
	Secret     string // the text a client signs HMACs with; "" for private keys in PEM; Coinbase's Ed25519 keys in base64
	Passphrase string // OKX

	// Public verifies RSA, ECDSA and Ed25519 signatures. It may be left out when PEM,
	// the PKCS#8 or SEC 1 private key that a client signs with, is there.
	Public crypto.PublicKey
	PEM    string

	// Scope is what the key may do; zero means everything, as for an exauth.Key.
	// Account names whose funds it moves; "" is the account "main".
	Scope   exauth.Scope
	Account string

	// NonceWindow lets Kraken take a nonce once that is below the highest seen by
	// no more than this, as the setting of the same name on a real key does.
	NonceWindow uint64

	// TimeNonce is Gemini's "uses a time based nonce": seconds within 30 of the
	// exchange's clock, in any order, instead of numbers that rise.
	TimeNonce bool
}

// Credential returns the key for exauth's client. It is not restricted to Scope,
// so that what is refused is refused by the exchange; use Restrict for the rest.
func (k Key) Credential() *exauth.Key {
	secret := k.Secret
	if k.PEM != "" {
		secret = k.PEM
	}
	key := exauth.NewSecretKey(k.ID, secret)
	if k.Passphrase != "" {
		key = key.WithPassphrase(k.Passphrase)
	}
	return key
}

func (k Key) account() string {
	if k.Account == "" {
		return "main"
	}
	return k.Account
}

// allows reports whether the key may do everything in need.
func (k Key) allows(need exauth.Scope) bool { return k.Scope == 0 || k.Scope&need == need }

// The scopes of the default keys.
const (
	readOnly = exauth.ScopeRead
	trading  = exauth.ScopeRead | exauth.ScopeTrade
	all      = trading | exauth.ScopeWithdraw
)

// DefaultKeys makes fresh keys in the shape a venue hands out: one that reads,
// one that trades and one that also withdraws, all of the account "main", and one
// that trades for the account "other", so that orders can meet. The error names
// the venues that can be played.
func DefaultKeys(venue string) ([]Key, error) {
	d, err := newDialect(venue, "")
	if err != nil {
		return nil, err
	}
	return d.makeKeys(), nil
}

// standardKeys makes the default set with a venue's own generator.
func standardKeys(make func() Key) []Key {
	list := []Key{}
	for _, want := range []Key{
		{Scope: readOnly, Account: "main"},
		{Scope: trading, Account: "main"},
		{Scope: all, Account: "main"},
		{Scope: trading, Account: "other"},
	} {
		k := make()
		k.Scope, k.Account = want.Scope, want.Account
		list = append(list, k)
	}
	return list
}

// NewPrivateKey makes a fresh API key that trades and signs with priv, an RSA or
// Ed25519 private key, as Binance takes them. Its id has the shape of Binance's.
func NewPrivateKey(priv crypto.Signer) (Key, error) {
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return Key{}, fmt.Errorf("%w: private key cannot be written as PKCS#8", exauth.ErrKey)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return Key{ID: randomText(64), PEM: string(block), Public: priv.Public(), Scope: trading, Account: "main"}, nil
}

// publicOf reads the public half of an unencrypted private key: PKCS#8, or SEC 1
// for elliptic curves, as Coinbase hands them out.
func publicOf(text string) (crypto.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, fmt.Errorf("%w: exchangetest key holds no PEM block", exauth.ErrKey)
	}
	if block.Type == "EC PRIVATE KEY" {
		priv, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: exchangetest key is no unencrypted EC key", exauth.ErrKey)
		}
		return &priv.PublicKey, nil
	}
	priv, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: exchangetest key is no unencrypted PKCS#8 key", exauth.ErrKey)
	}
	switch p := priv.(type) {
	case *rsa.PrivateKey:
		return &p.PublicKey, nil
	case ed25519.PrivateKey:
		return p.Public(), nil
	case *ecdsa.PrivateKey:
		return &p.PublicKey, nil
	}
	return nil, fmt.Errorf("%w: exchangetest key is of a kind no venue takes", exauth.ErrKey)
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// randomText returns n letters and digits; Binance's ids and secrets are 64 long.
func randomText(n int) string {
	var b strings.Builder
	for _, c := range randomBytes(n) {
		b.WriteByte(alphanumeric[int(c)%len(alphanumeric)])
	}
	return b.String()
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails since Go 1.24
	return b
}

func randomBase64(n int) string { return base64.StdEncoding.EncodeToString(randomBytes(n)) }
func randomHex(n int) string    { return hex.EncodeToString(randomBytes(n)) }
