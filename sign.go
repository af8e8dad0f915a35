package exauth

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// A binding is a key made ready for this client's venue: the signer is made once
// per key and kept, never per request.
type binding struct {
	info   *keyInfo
	signer Signer // nil for bearer tokens and key-header venues
	mark   string // fingerprint under this venue
	way    *way   // how its requests leave
	gate   *keyGate
	self   func() *binding
	drawn  atomic.Int64 // the highest nonce a NonceSource gave
}

// bind returns the binding of key, making it on first use. What does not fit the
// venue is found here: at New for a *Key, at the first call for other sources.
func (c *core) bind(key *Key) (*binding, error) {
	info := key.info()
	if info.err != nil {
		return nil, info.err
	}
	if b, ok := c.bindings.get(info); ok {
		return b, nil
	}
	c.bindings.making.Lock()
	defer c.bindings.making.Unlock()
	if b, ok := c.bindings.get(info); ok { // meanwhile
		return b, nil
	}
	if err := info.fits(Need{Venue: c.venue.Name, Environment: c.venue.Environment, Account: c.opts.Account}); err != nil {
		return nil, err
	}
	if key.closed() {
		return nil, errKeyClosed
	}
	b := &binding{info: info, mark: fingerprint(c.venue.Name, info.id)}
	if err := c.checkKey(info); err != nil {
		return nil, err
	}
	signer, err := c.signerFor(info)
	if err != nil {
		return nil, err
	}
	b.signer = signer
	if b.way, err = c.wayFor(info.egress); err != nil {
		return nil, err
	}
	b.gate = c.gateOf(b.mark)
	b.self = func() *binding { return b }
	c.bindings.put(info, b)
	return b, nil
}

// checkKey compares what the key carries with what the venue wants.
func (c *core) checkKey(info *keyInfo) error {
	v := c.venue
	if v.Passphrase && info.passphrase == "" && !info.bearer {
		return fmt.Errorf("%w: %s keys have an API passphrase; add it with Key.WithPassphrase", ErrPassphrase, v.Name)
	}
	for _, f := range v.KeyFields {
		if info.fields[f] == "" {
			return fmt.Errorf("%w: %s needs the key's %q; add it with Key.WithField", ErrKey, v.Name, f)
		}
	}
	return nil
}

// signerFor makes the signer of a key for this venue.
func (c *core) signerFor(info *keyInfo) (Signer, error) {
	v, box := c.venue, info.box
	box.mu.RLock()
	defer box.mu.RUnlock()
	switch {
	case box.closed:
		return nil, errKeyClosed
	case box.token != nil:
		if !v.Bearer {
			return nil, fmt.Errorf("%w: %s takes no bearer tokens", ErrKey, v.Name)
		}
		return nil, nil
	case box.private != nil:
		alg, err := algorithmFor(box.private, v.Algorithms)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
		return NewSigner(alg, box.private)
	case len(v.Algorithms) == 0:
		return nil, nil
	case len(box.secret) == 0:
		return nil, fmt.Errorf("%w: secret is empty", ErrKey)
	case v.Signer == nil:
		return nil, fmt.Errorf("%w: %s takes private keys only; load one with ParsePEM", ErrKey, v.Name)
	}
	signer, err := v.Signer(box.secret)
	if err != nil {
		if _, swapped := v.Signer([]byte(info.id)); swapped == nil {
			return nil, fmt.Errorf("%w (key and secret look swapped)", err)
		}
		return nil, err
	}
	if !v.takes(signer.Algorithm()) {
		return nil, fmt.Errorf("%w: %s does not take %s keys", ErrKey, v.Name, signer.Algorithm())
	}
	return signer, nil
}

// outgoing is everything one signed request needs, in one allocation.
type outgoing struct {
	req    http.Request
	url    url.URL
	body   bodyReader
	coding [1]string   // backing of TransferEncoding
	values [6]string   // backing of header values
	stamp  time.Time   // the venue time the request carries
	record *signRecord // nil unless Options.SignatureDebug is set
}

// bodyReader is a body without GetBody, so that net/http cannot send it twice.
type bodyReader struct {
	bytes.Reader
	raw []byte
}

func (b *bodyReader) set(raw []byte) { b.raw = raw; b.Reset(raw) }

// rewound returns the same body from its beginning; b may still be in use.
func (b *bodyReader) rewound() *bodyReader {
	again := new(bodyReader)
	again.set(b.raw)
	return again
}

func (*bodyReader) Close() error { return nil }

// authorize makes the signed request of one attempt: stamp, nonce, scheme. The
// draft is not changed, so that every attempt is signed afresh.
func (c *core) authorize(ctx context.Context, d *draft, b *binding, out *outgoing) error {
	r := c.requests.Get().(*Request)
	defer c.release(r)
	r.Method, r.Scheme, r.Host, r.Path, r.Query = d.req.Method, d.req.Scheme, d.req.Host, d.req.Path, d.req.Query
	if n := len(d.req.Body); n > 0 {
		r.Body = append(make([]byte, 0, n+roomToSign), d.req.Body...)
	}
	r.venue, r.auth, r.rand, r.Window, r.values = c.venue, d.auth, c.opts.Rand, d.window, &out.values
	r.Header = make(http.Header, len(d.header)+8)
	for name, vs := range d.header {
		if strings.EqualFold(name, "Accept-Encoding") {
			continue // net/http asks for gzip itself, and undoes it
		}
		r.Header[http.CanonicalHeaderKey(name)] = vs[:len(vs):len(vs)]
	}
	if d.typ != "" {
		r.SetHeader("Content-Type", d.typ)
	}
	for _, h := range c.venue.Header {
		r.SetHeader(h[0], h[1])
	}
	r.Time, r.key = c.now(), b.self
	out.stamp = r.Time
	if d.deadline > 0 {
		r.Deadline = r.Time.Add(d.deadline)
	}
	if c.opts.Policy != nil {
		if err := c.opts.Policy(ctx, r); err != nil {
			return err
		}
	}
	if d.auth != AuthNone {
		if c.opts.SignatureDebug != nil {
			out.record = newSignRecord(b)
			r.record = out.record
		}
		if err := c.signWith(ctx, r, b, d.opensRisk()); err != nil {
			return err
		}
	}
	if err := d.checkEdited(r); err != nil {
		return err
	}
	c.build(ctx, d, r, out)
	return nil
}

// checkEdited holds a Policy and a Scheme to what they may edit: a call keeps its
// method and its host, and goes out in one piece.
func (d *draft) checkEdited(r *Request) error {
	switch {
	case r.Method != d.req.Method || r.Scheme != d.req.Scheme || r.Host != d.req.Host:
		return fmt.Errorf("%w: the venue's Scheme or Options.Policy changed where the call goes", ErrHost)
	case r.Path != d.req.Path:
		if err := checkPath(r.Path); err != nil {
			return err
		}
	}
	if r.Query == d.req.Query {
		return nil
	}
	return checkQuery(r.Query)
}

// signWith draws the nonce and runs the scheme under the key.
func (c *core) signWith(ctx context.Context, r *Request, b *binding, opensRisk bool) error {
	if unit := c.venue.NonceUnit; unit > 0 && r.auth == AuthSigned {
		n, err := c.nonce(ctx, b, r.Time.UnixNano()/int64(unit), int64(24*time.Hour/unit), opensRisk)
		if err != nil {
			return err
		}
		r.Nonce = n
		if r.record != nil {
			r.record.nonce = n
		}
	}
	box := b.info.box
	box.mu.RLock()
	token, remote, closed := box.token, box.private != nil, box.closed
	if closed || token != nil || remote {
		box.mu.RUnlock() // a token function or a remote signer may take its time
	} else {
		defer box.mu.RUnlock() // Close waits until the secret is not in use
	}
	switch {
	case closed:
		return errKeyClosed
	case token != nil:
		return c.bearer(ctx, r, token)
	}
	if err := c.venue.Scheme.Authorize(ctx, r); err != nil {
		return err
	}
	return r.err
}

// bearer sets an OAuth 2.0 access token (RFC 6750 section 2.1).
func (c *core) bearer(ctx context.Context, r *Request, ask func(context.Context) (string, error)) error {
	token, err := ask(ctx)
	if err != nil {
		return fmt.Errorf("%w: no access token: %w", ErrKey, err)
	}
	if err := checkText("access token", []byte(token)); err != nil || token == "" {
		return fmt.Errorf("%w: access token is empty or malformed", ErrKey)
	}
	r.SetHeader("Authorization", "Bearer "+token)
	return nil
}

// build turns the bytes a scheme left into the http.Request that carries them.
func (c *core) build(ctx context.Context, d *draft, r *Request, out *outgoing) {
	out.url = url.URL{Scheme: r.Scheme, Host: r.Host, Path: d.prefix + r.Path, RawQuery: r.Query}
	out.url.RawPath = out.url.Path // or net/url escapes the path anew, its own way
	if strings.Contains(out.url.Path, "%") {
		if p, err := url.PathUnescape(out.url.Path); err == nil {
			out.url.Path = p
		}
	}
	out.req = *(&http.Request{
		Method: r.Method, URL: &out.url, Header: r.Header, Host: r.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	switch {
	case len(r.Body) > 0:
		out.body.set(r.Body)
		out.req.Body, out.req.ContentLength = &out.body, int64(len(r.Body))
	case c.guarded(d):
		// A body that is there but empty, without GetBody: net/http then never sends
		// the request a second time on its own (T5). "identity" keeps it from looking
		// into the body, for which it starts a goroutine and, if that is slow, gives
		// the GET a chunked body.
		out.coding[0] = "identity"
		out.req.Body, out.req.TransferEncoding = &out.body, out.coding[:]
	}
}

// guarded reports whether a call without a body must not be re-sent by net/http:
// whatever is not a read, and everything that carries a nonce.
func (c *core) guarded(d *draft) bool {
	return d.req.Method == http.MethodGet && (d.need.writes() || c.venue.NonceUnit > 0 && d.auth == AuthSigned)
}

// roomToSign is what most schemes append to a body: a stamp and a hex signature.
const roomToSign = 160

// release gives a Request back, wiped: its buffer held what was signed.
func (c *core) release(r *Request) {
	clear(r.buffer[:cap(r.buffer)])
	*r = Request{buffer: r.buffer[:0]}
	c.requests.Put(r)
}

// now is the venue's time as far as it is known.
func (c *core) now() time.Time {
	if c.opts.Now != nil {
		return c.opts.Now().UTC()
	}
	t, _ := c.clock.Now(time.Now())
	return t.UTC()
}
