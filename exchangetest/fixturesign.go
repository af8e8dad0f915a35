package exchangetest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exauth/exauth"
)

// A snapshot is a request's bytes at one moment.
type snapshot struct {
	method, host, path, query, body string
	header                          http.Header
	at                              time.Time
	nonce                           int64
	window                          time.Duration
	deadline                        time.Time
	auth                            exauth.Auth
	scheme                          string
}

func snapshotOf(r *exauth.Request) *snapshot {
	return &snapshot{method: r.Method, host: r.Host, path: r.Path, query: r.Query, body: string(r.Body), header: r.Header.Clone(),
		at: r.Time, nonce: r.Nonce, window: r.Window, deadline: r.Deadline, auth: r.Auth(), scheme: r.Scheme}
}

// snapshotOfHTTP is the same of a request on its way; prefix is the path of a proxy
// that the scheme does not see.
func snapshotOfHTTP(req *http.Request, body []byte, prefix string) *snapshot {
	return &snapshot{method: req.Method, host: req.URL.Host, path: strings.TrimPrefix(req.URL.EscapedPath(), prefix),
		query: req.URL.RawQuery, body: string(body), header: req.Header}
}

// digest is one text of everything that goes on the wire.
func (s *snapshot) digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q %q\n", s.method, s.host, s.path, s.query, s.body)
	var names []string
	for name := range s.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(h, "%q %q\n", name, s.header[name])
	}
	return string(h.Sum(nil))
}

// A signChecker finds out whether a replayed request is signed with the fixture's
// key: by the test exchange's own verifiers where it has them, and otherwise by
// signing again with the same time, nonce and random bytes.
type signChecker struct {
	venue *exauth.Venue
	key   Key

	mu     sync.Mutex
	client *exauth.Client // of the fixture's key
	rand   io.Reader
	seen   map[string]error // by digest: what came of signing again
}

func newSignChecker(v *exauth.Venue, key Key) (*signChecker, error) {
	c := &signChecker{venue: v, key: key, seen: map[string]error{}}
	again := *v
	again.Scheme, again.Quotas, again.NonceUnit = exauth.SchemeFunc(c.again), nil, 0 // the nonce is the one of before
	var err error
	c.client, err = exauth.New(&again, credentialFor(v, key), &exauth.Options{
		Now: func() time.Time { return time.Unix(0, 0) }, Rand: readerFunc(func(p []byte) (int, error) { return c.rand.Read(p) }),
	})
	return c, err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// signAgain travels to the scheme in a context.
type signAgain struct{ before, after *snapshot }

type signAgainKey struct{}

var errSignedAgain = errors.New("exauth: exchangetest: signed again")

// again signs the same request as before, under the fixture's key.
func (c *signChecker) again(ctx context.Context, r *exauth.Request) error {
	job := ctx.Value(signAgainKey{}).(*signAgain)
	b := job.before
	r.Method, r.Scheme, r.Host, r.Path, r.Query = b.method, b.scheme, b.host, b.path, b.query
	r.Header, r.Body = b.header.Clone(), []byte(b.body)
	if b.body == "" {
		r.Body = nil
	}
	r.Time, r.Nonce, r.Window, r.Deadline = b.at, b.nonce, b.window, b.deadline
	if err := c.venue.Scheme.Authorize(ctx, r); err != nil {
		return err
	}
	job.after = snapshotOf(r)
	return errSignedAgain // nothing is sent
}

// check signs a request again and keeps what came of it until the request leaves.
func (c *signChecker) check(ctx context.Context, before, after *snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	job := &signAgain{before: before}
	c.rand = bytes.NewReader(randomOf(after))
	_, err := c.client.Sign(context.WithValue(ctx, signAgainKey{}, job),
		exauth.Call{Method: http.MethodGet, Path: "/", Auth: before.auth, Scope: exauth.ScopeRead})
	switch {
	case job.after == nil:
		err = fmt.Errorf("cannot be signed again: %w", err)
	case job.after.digest() == after.digest(), c.sameJWT(job.after, after):
		err = nil
	default:
		err = errNotOurs
	}
	c.seen[after.digest()] = err
}

var errNotOurs = errors.New("signature is not that of the fixture's key; make the client with Fixture.Key")

// randomOf returns the random bytes a scheme drew, read back from what it wrote:
// Upbit's and Coinbase's tokens hold a nonce, LBank sends an echo string.
func randomOf(s *snapshot) []byte {
	text := s.header.Get("Echostr")
	if head, claims, _, ok := tokenOf(s); ok {
		var nonce struct{ Nonce string }
		if json.Unmarshal(claims, &nonce) != nil || nonce.Nonce == "" {
			_ = json.Unmarshal(head, &nonce)
		}
		text = strings.ReplaceAll(nonce.Nonce, "-", "")
	}
	b, _ := hex.DecodeString(text)
	return append(b, make([]byte, 64)...) // a scheme that draws more differs, which is told
}

// tokenOf takes a JWT apart (RFC 7519).
func tokenOf(s *snapshot) (head, claims, sig []byte, ok bool) {
	token, ok := strings.CutPrefix(s.header.Get("Authorization"), "Bearer ")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 {
		return nil, nil, nil, false
	}
	var out [3][]byte
	for i, p := range parts {
		b, err := base64.RawURLEncoding.DecodeString(p)
		if err != nil {
			return nil, nil, nil, false
		}
		out[i] = b
	}
	return out[0], out[1], out[2], true
}

// sameJWT reports tokens that say the same, of which the second fits the key:
// ECDSA signatures are never twice the same.
func (c *signChecker) sameJWT(a, b *snapshot) bool {
	pub, ok := c.key.Public.(*ecdsa.PublicKey)
	_, _, sig, isToken := tokenOf(b)
	if !ok || !isToken || len(sig) != 64 {
		return false
	}
	signed := func(s *snapshot) string {
		token := strings.TrimPrefix(s.header.Get("Authorization"), "Bearer ")
		return token[:max(strings.LastIndexByte(token, '.'), 0)]
	}
	bare := func(s *snapshot) string {
		dup := *s
		dup.header = s.header.Clone()
		dup.header.Del("Authorization")
		return dup.digest()
	}
	sum := sha256.Sum256([]byte(signed(b)))
	return signed(a) == signed(b) && bare(a) == bare(b) &&
		ecdsa.Verify(pub, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
}

// verify checks the authorisation of a request as it leaves. One without any is not
// this function's business: that it should have one is found by comparing.
func (c *signChecker) verify(scrub *scrubber, req *http.Request, body []byte) error {
	marks := scrub.marks(req, body)
	if len(marks) == 0 {
		return nil
	}
	if c.venue.Bearer && c.key.Secret != "" && req.Header.Get("Authorization") == "Bearer "+c.key.Secret {
		return nil
	}
	if f, ok := wireVerifiers[c.venue.Name]; ok {
		if err := f(c.key, req, body); err != errNotPlayed {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err, ok := c.seen[snapshotOfHTTP(req, body, scrub.prefix).digest()]
	if !ok {
		return errors.New("request is not as the venue's scheme left it, or its client was not made with Fixture.Venue")
	}
	return err
}

// fakeKey is the constant key that fixtures of a venue are replayed with.
func fakeKey(v *exauth.Venue) Key {
	k := Key{ID: "FixtureKeyThatIsFake000000000000000000000000000000000000000000000"[:64]}
	if v.Passphrase {
		k.Passphrase = "fixture-passphrase"
	}
	text := "FixtureSecretThatIsFake000000000"[:32]
	k.Secret = text
	if v.Signer != nil {
		if s, err := v.Signer([]byte(text)); err != nil || !slices.Contains(v.Algorithms, s.Algorithm()) {
			k.Secret = base64.StdEncoding.EncodeToString([]byte(text)) // a seed of 32 bytes
		}
	}
	return k
}

// credentialFor is the fake key with the fields a venue wants.
func credentialFor(v *exauth.Venue, k Key) *exauth.Key {
	key := k.Credential()
	for _, name := range v.KeyFields {
		key = key.WithField(name, "1000000000")
	}
	return key
}
