// Package vaultkv reads API keys from HashiCorp Vault or OpenBao, out of a key/value
// engine of version 2, over net/http alone:
//
//	keys := vaultkv.Key("https://vault.example:8200", "bots/kraken", &vaultkv.Options{
//		TokenFile: "/run/vault/token", // a sink of Vault Agent, which renews it
//	})
//	c, err := exauth.New(venue.Kraken(), keys, nil)
//
// What lies at the path is a keys file as exauth.FileKey describes it: either it is
// the secret itself, as vault kv put secret/bots/kraken @keys.json writes it, or one
// field of the secret holds its text (Options.Field).
//
// The token is all that protects the keys, so it goes over https alone, to the
// addresses that were named and to no other, and is never part of an error. The
// policy it needs is read on MOUNT/data/PATH and nothing more.
//
// It was run against the core, HTTP handler and KV engine of Vault 1.14.10 (see
// TestRealServer), and against a server of the tests that answers like it; not against
// OpenBao, which shares that API.
package vaultkv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/exauth/exauth"
)

var (
	// ErrDenied is a token that is missing, expired or not allowed to read the path.
	ErrDenied = errors.New("exauth: vault denies it")

	// ErrSealed is a server that an operator has to unseal first.
	ErrSealed = errors.New("exauth: vault is sealed")

	// ErrUnavailable is no answer, or none that a KV engine of version 2 gives.
	ErrUnavailable = errors.New("exauth: vault cannot be read from")
)

// Options say how a secret is read. Nil and the zero value mean every default. An
// Options holds no token.
type Options struct {
	// Mount is where the KV engine is mounted; default "secret".
	Mount string

	// Field is the field of the secret that holds the text, when the secret is not
	// itself a keys file.
	Field string

	// Namespace is sent as X-Vault-Namespace; default $VAULT_NAMESPACE.
	Namespace string

	// Version asks for one version of the secret; 0 means the newest.
	Version int

	// TokenFile is where the token lies: a sink of Vault Agent, a file of a systemd
	// credential. It is read anew for every request, under the checks of key files.
	// When empty, the token is $VAULT_TOKEN, which is looked up for every request too.
	TokenFile string

	// Mode lists the permission bits that are accepted on the TokenFile besides the
	// owner's: Vault Agent writes 0640 unless it is told otherwise.
	Mode fs.FileMode

	// CAFile is a PEM file of the certificate authorities to trust instead of the
	// system's; default $VAULT_CACERT. $VAULT_SKIP_VERIFY is not looked at.
	CAFile string

	// Redirects are further addresses, such as https://vault-2.example:8200, that a
	// standby server may send a request on to. Any other redirect is refused.
	Redirects []string

	// Transport is used instead of this package's own, for client certificates say.
	// Its TLS settings are the caller's; what is said above about CAFile is not done.
	Transport http.RoundTripper

	// Timeout bounds one request with its redirects; default 5 s.
	Timeout time.Duration

	// TTL is how long an answer serves before the server is asked again; default a
	// minute. A shorter lease of the answer is kept to.
	TTL time.Duration

	// Parse makes the one key of a Field that holds no keys file but a secret or a
	// PEM; see exauth.TextOptions.
	Parse func(text []byte) (*exauth.Key, error)

	// Warn is told why what the server says now is not used while earlier keys still
	// are: once per fault, from the calling goroutine. Nil: nobody is told.
	Warn func(error)
}

// Key returns a source of the keys in one secret of the server at address, such as
// https://vault.example:8200; "" means $VAULT_ADDR. http is accepted for loopback
// addresses alone.
//
// Nothing is asked before the first call needs a key. A path without a secret, or
// whose secret was deleted, matches exauth.ErrNoKey. Everything else is final: no
// permission (ErrDenied, HTTP 403), a sealed server (ErrSealed, 503), none at all
// (ErrUnavailable), a mount that does not exist, a field that the secret lacks, an
// address that is not https (exauth.ErrParam). When the server fails later, the
// earlier keys stay in use and it is asked again after five seconds, or TTL if that is
// less. An answer with an older version than the one in use, as a replica may give
// that lags, is passed over.
//
// The source is safe for concurrent use, and keeps neither connections nor goroutines
// between requests.
func Key(address, path string, o *Options) exauth.KeySource {
	s := &store{}
	if o != nil {
		s.opts = *o
	}
	if s.opts.Mount == "" {
		s.opts.Mount = "secret"
	}
	if s.opts.Timeout <= 0 {
		s.opts.Timeout = 5 * time.Second
	}
	if s.opts.TTL <= 0 {
		s.opts.TTL = time.Minute
	}
	s.address, s.path = address, path
	place := s.opts.Mount + "/" + path
	src := exauth.TextKey(s.read, &exauth.TextOptions{Name: "vault " + place, Parse: s.opts.Parse, Warn: s.opts.Warn})
	return named{src, "vaultkv.Key(" + place + ")"}
}

// A named source prints as the constructor and what it was given.
type named struct {
	exauth.KeySource
	name string
}

func (n named) String() string { return n.name }

// GoString is String, for %#v.
func (n named) GoString() string { return n.name }

// A store is one secret. exauth.TextKey lets one caller at a time in.
type store struct {
	opts          Options
	address, path string

	seen    bool      // an answer was used at least once
	version int       // of the secret in use
	created time.Time // of that version
	fault   error     // of the last request
	next    time.Time // not to be asked before that
}

// retryAfter is how long a server that failed is left alone while earlier keys serve.
const retryAfter = 5 * time.Second

func (s *store) read(ctx context.Context) ([]byte, error) {
	if s.seen && time.Now().Before(s.next) {
		return nil, s.fault
	}
	a, err := s.fetch(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.fault, s.next = err, time.Now().Add(min(s.opts.TTL, retryAfter))
		}
		return nil, err
	}
	ttl := s.opts.TTL
	if a.lease > 0 {
		ttl = min(ttl, a.lease)
	}
	s.fault, s.next = nil, time.Now().Add(ttl)
	if s.seen && a.version < s.version && a.created.Before(s.created) { // a path that was made anew starts at 1, but later
		clear(a.text)
		return nil, nil
	}
	s.seen, s.version, s.created = true, a.version, a.created
	return a.text, nil
}

// fetch asks the server once.
func (s *store) fetch(ctx context.Context) (*answer, error) {
	ctx, stop := context.WithTimeoutCause(ctx, s.opts.Timeout, fmt.Errorf("%w: no answer in %s", ErrUnavailable, s.opts.Timeout))
	defer stop()
	r, err := newReader(&s.opts, s.address)
	if err != nil {
		return nil, err
	}
	target, err := s.target()
	if err != nil {
		return nil, err
	}
	status, body, err := r.get(ctx, target)
	defer func() { clear(body) }()
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, s.refusal(status, body, r.token)
	}
	return parseAnswer(body, s.opts.Field)
}

// target is the path of the request, and its query.
func (s *store) target() (string, error) {
	mount, err := segments("mount", s.opts.Mount)
	if err != nil {
		return "", err
	}
	path, err := segments("path", s.path)
	if err != nil {
		return "", err
	}
	target := "/v1/" + mount + "/data/" + path
	if s.opts.Version > 0 {
		target += "?version=" + strconv.Itoa(s.opts.Version)
	}
	return target, nil
}
