package exauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Key is one API key: an id, and a secret or private key that never shows. All
// of fmt, log/slog and the standard encoders print a fingerprint instead; the
// secret stays behind a closure and leaves only as signatures.
//
// A *Key is its own KeySource. It is safe for concurrent use. The zero Key holds
// nothing and is refused by New. Copies made by the With methods share the secret
// and the nonce; Close clears it for all of them. Most programs make one with
// EnvKey or ParsePEM.
type Key struct {
	open func() *keyInfo // a closure: reflection prints an address, not what it captures
}

// keyInfo is what one Key says about itself; box is shared between copies.
type keyInfo struct {
	id         string
	passphrase string
	fields     map[string]string
	scope      Scope // 0: no restriction
	label      Need  // Venue, Environment, Account it is bound to; "" fits any
	bearer     bool  // made by BearerKey
	box        *keyBox
	expires    time.Time // zero: never
	facts      KeyFacts  // what its owner says; the rest of it is in the fields here
	egress     *egress   // nil: the machine's own way
	err        error     // why the key cannot be used, found when it was made
	warnings   []string
}

// keyBox holds the only copy of the secret.
type keyBox struct {
	mu      sync.RWMutex // held for reading while a secret is in use, never around remote signers
	secret  []byte
	words   atomic.Pointer[string] // secret, for masks; see secretText
	private crypto.Signer
	token   func(context.Context) (string, error)
	users   map[*bindings]bool // who else must forget the key
	closed  bool
	nonce   atomic.Int64  // the last one drawn, so that state follows the key
	turn    chan struct{} // held by the call in flight where arrival order matters

	made    time.Time
	used    atomic.Int64  // when a call was last signed, in Unix nanoseconds; 0: never
	flying  atomic.Int64  // requests under way
	retired atomic.Bool   // a ring has another key in its place
	landed  chan struct{} // told by the last request of a retired key
}

// A KeySource finds the key for a call. An error that matches ErrNoKey means "I
// have none, try the next"; any other is final. Implementations must be safe for
// concurrent use, and should return the same *Key until it changes: signing state
// is kept per Key.
type KeySource interface {
	Key(ctx context.Context, need Need) (*Key, error)
}

// A Need is what a call asks of a KeySource, and what a key is labelled with.
type Need struct {
	Venue       string // ccxt's id
	Environment string // "" or "production", "testnet", "demo", "sandbox"
	Account     string // the caller's label, from Options.Account
	Scope       Scope
}

func newKey(info keyInfo) *Key { return &Key{open: func() *keyInfo { return &info }} }

func newBox() *keyBox {
	return &keyBox{turn: make(chan struct{}, 1), landed: make(chan struct{}, 1), made: time.Now()}
}

func (b *keyBox) hold(secret []byte) *keyBox { b.secret = bytes.Clone(secret); return b }

// info returns what k holds; it is never nil.
func (k *Key) info() *keyInfo {
	if k == nil || k.open == nil {
		return &keyInfo{box: newBox(), err: fmt.Errorf("%w: the zero Key holds nothing", ErrNoKey)}
	}
	return k.open()
}

// NewSecretKey makes a key of an API key id and its secret text, as exchanges
// show them. A secret that is a PEM block is read as ParsePEM would, since
// Coinbase hands out such secrets. Venues that only want a key header take an
// empty secret. What is wrong with the texts is reported by Err and by New.
//
// Use NewSecretKeyBytes where the secret should not live in a string.
func NewSecretKey(id, secret string) *Key { return NewSecretKeyBytes(id, []byte(secret)) }

// NewSecretKeyBytes is NewSecretKey for stores that wipe what they read: secret
// is copied and may be cleared by the caller afterwards.
func NewSecretKeyBytes(id string, secret []byte) *Key {
	id = strings.TrimSuffix(strings.TrimSuffix(id, "\n"), "\r")
	secret = bytes.TrimSuffix(bytes.TrimSuffix(secret, []byte("\n")), []byte("\r"))
	if err := checkID(id); err != nil {
		return newKey(keyInfo{id: "", box: newBox(), err: err})
	}
	if bytes.Contains(secret, []byte("-----BEGIN ")) {
		k, err := ParsePEM(id, secret, nil)
		if err != nil {
			return newKey(keyInfo{id: id, box: newBox(), err: err})
		}
		return k
	}
	return newKey(keyInfo{id: id, box: newBox().hold(secret), err: checkText("secret", secret)})
}

// NewPrivateKey makes a key of an API key id and a private key that may live in a
// file, an HSM, a KMS or an agent. It is tested when a Client is made: short or
// weak RSA keys are refused.
func NewPrivateKey(id string, priv crypto.Signer) *Key {
	box := newBox()
	box.private = priv
	err := checkID(id)
	if priv == nil && err == nil {
		err = fmt.Errorf("%w: private key is nil", ErrKey)
	}
	return newKey(keyInfo{id: id, box: box, err: err})
}

// BearerKey makes a key of OAuth 2.0 access tokens (RFC 6750). token is asked once
// per attempt and should cache; an oauth2.TokenSource fits with a three-line
// function. exauth runs no consent flow and refreshes nothing by itself.
func BearerKey(token func(context.Context) (string, error)) *Key {
	var err error
	box := newBox()
	box.token = token
	if token == nil {
		err = fmt.Errorf("%w: token function is nil", ErrKey)
	}
	return newKey(keyInfo{id: "bearer", bearer: true, box: box, err: err})
}

// checkID finds the faults that pasting makes, without showing the text.
func checkID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: API key is empty", ErrKey)
	case strings.Contains(id, "-----BEGIN "):
		return fmt.Errorf("%w: API key is a PEM block; the id goes first, the PEM into ParsePEM", ErrKey)
	}
	return checkText("API key", []byte(id))
}

func checkText(what string, text []byte) error {
	fault := ""
	switch {
	case bytes.HasPrefix(text, []byte("\ufeff")):
		fault = "begins with a byte order mark; save the file without one"
	case len(text) > 1 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0]:
		fault = "is in quotes; remove them"
	case !utf8.Valid(text):
		fault = "is not text"
	case bytes.ContainsFunc(text, unicode.IsSpace):
		fault = "holds white space; copy it again"
	case bytes.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }): // zero-width space and the like, too
		fault = "holds an invisible character; copy it again"
	}
	if fault == "" {
		return nil
	}
	return fmt.Errorf("%w: %s %s", ErrKey, what, fault)
}

// with returns a copy of k after edit; the secret is shared.
func (k *Key) with(edit func(*keyInfo)) *Key {
	info := *k.info()
	edit(&info)
	return newKey(info)
}

// WithPassphrase returns a copy of k that carries the API passphrase of OKX,
// KuCoin and others.
func (k *Key) WithPassphrase(p string) *Key {
	return k.with(func(i *keyInfo) {
		i.passphrase = p
		if err := checkText("passphrase", []byte(strings.ReplaceAll(p, " ", ""))); err != nil && i.err == nil {
			i.err = err
		}
	})
}

// WithField returns a copy of k that carries one more value the venue wants, by
// ccxt's name: "uid", "login", "accountId".
func (k *Key) WithField(name, value string) *Key {
	return k.with(func(i *keyInfo) {
		i.fields = maps.Clone(i.fields)
		if i.fields == nil {
			i.fields = map[string]string{}
		}
		i.fields[name] = value
	})
}

// Restrict returns a copy of k that signs only calls within s. Restrictions add
// up: a copy never allows more than its original.
func (k *Key) Restrict(s Scope) *Key {
	return k.with(func(i *keyInfo) {
		if i.scope == 0 {
			i.scope = scopeAll
		}
		if i.scope &= s; i.scope == 0 && i.err == nil {
			i.err = fmt.Errorf("%w: the key is restricted to nothing", ErrScope)
		}
	})
}

// For returns a copy of k bound to a venue, an environment and an account label;
// "" leaves that part open, and "production" names the production environment. A
// bound key is never used for another, so a testnet key cannot sign for production.
func (k *Key) For(venue, environment, account string) *Key {
	return k.with(func(i *keyInfo) { i.label = Need{Venue: venue, Environment: environment, Account: account} })
}

// Err reports why the key cannot be used, or nil. New reports the same.
func (k *Key) Err() error { return k.info().err }

// Scope returns what the key was restricted to; 0 means unrestricted.
func (k *Key) Scope() Scope { return k.info().scope }

// Fingerprint identifies the key in logs and limiters: sixteen hex digits of a
// hash of the venue it is bound to and of the key id, never of a secret.
func (k *Key) Fingerprint() string { i := k.info(); return fingerprint(i.label.Venue, i.id) }

func fingerprint(venue, id string) string {
	sum := sha256.Sum256([]byte("exauth key\x00" + venue + "\x00" + id))
	return hex.EncodeToString(sum[:8])
}

// Key returns k when it fits need, so that a *Key is a KeySource. A label for
// another venue, environment or account is ErrNoKey; a need beyond the key's
// restriction is ErrScope.
func (k *Key) Key(_ context.Context, need Need) (*Key, error) {
	i := k.info()
	if i.err != nil {
		return nil, i.err
	}
	if err := i.fits(need); err != nil {
		return nil, err
	}
	if i.scope != 0 && !i.scope.has(need.Scope) {
		return nil, fmt.Errorf("%w: call needs %s, key %s allows %s", ErrScope, need.Scope, k.Fingerprint(), i.scope)
	}
	return k, nil
}

// fits compares the key's label with what a call needs.
func (i *keyInfo) fits(need Need) error {
	switch {
	case i.label.Venue != "" && need.Venue != "" && i.label.Venue != need.Venue:
		return fmt.Errorf("%w: key is for %s, call is for %s", ErrNoKey, i.label.Venue, need.Venue)
	case i.label.Environment != "" && production(i.label.Environment) != production(need.Environment):
		return fmt.Errorf("%w: %w: key is for %s, call is for %s", ErrNoKey, ErrEnvironment,
			production(i.label.Environment), production(need.Environment))
	case i.label.Account != "" && need.Account != "" && i.label.Account != need.Account:
		return fmt.Errorf("%w: key is for account %q, call is for account %q", ErrNoKey, i.label.Account, need.Account)
	}
	return nil
}

// expired reports whether the key is past the date its owner gave it.
func (i *keyInfo) expired(now time.Time) bool { return !i.expires.IsZero() && !now.Before(i.expires) }

func production(env string) string {
	if env == "" {
		return "production"
	}
	return env
}

// Close wipes the secret for k and every copy of it; calls that are being signed
// finish first. It cannot reach strings the caller still holds, copies inside the
// standard library's RSA and Ed25519 keys, swap or core dumps.
func (k *Key) Close() error {
	b := k.info().box
	b.mu.Lock()
	users := b.users
	clear(b.secret)
	b.secret, b.private, b.token, b.users, b.closed = nil, nil, nil, nil, true
	b.words.Store(nil)
	b.mu.Unlock()
	for u := range users {
		u.drop(b)
	}
	return nil
}

var errKeyClosed = fmt.Errorf("%w: key is closed", ErrNoKey)

// String returns "exauth.Key(fingerprint)".
func (k Key) String() string { return "exauth.Key(" + k.Fingerprint() + ")" }

// GoString is String, for %#v.
func (k Key) GoString() string { return k.String() }

// Format prints the fingerprint for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue is String, for log/slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText is String, for JSON, XML, gob and every encoder that asks for text.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText always fails: keys come from a KeySource.
func (k *Key) UnmarshalText([]byte) error {
	return errors.New("exauth: a Key cannot be decoded; use EnvKey, FileKey or ParsePEM")
}

// Public returns the public half of a private key, to register at the venue or to
// verify with; secrets have none.
func (k *Key) Public() (crypto.PublicKey, error) {
	b := k.info().box
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.private == nil {
		return nil, fmt.Errorf("%w: only private keys have a public half", ErrKey)
	}
	return b.private.Public(), nil
}
