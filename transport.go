package exauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/exauth/exauth/internal/mask"
)

// attempt makes one attempt of a call: key, pace, sign, send, observe. Host, route
// and scope were settled when the draft was made. Every error is an *Error that
// says what became of the attempt.
//
// It returns a Response also beside an error that the venue's answer caused.
func (c *core) attempt(ctx context.Context, d *draft, number int) (*Response, error) {
	if reason := c.halted.Load(); reason != nil && d.opensRisk() {
		return nil, c.notSent(d, ErrHalted, errors.New(*reason))
	}
	b, err := c.keyFor(ctx, d)
	if err != nil {
		return nil, c.notSent(d, nil, err)
	}
	if d.auth == AuthSigned {
		c.freshClock(ctx) // before the wait, so that no stamp gets old in the queue
	}
	lease, wait, err := c.pace(ctx, d, b)
	if err != nil {
		return nil, c.notSent(d, nil, c.underPlan(err))
	}
	done, waited, err := c.takeTurn(ctx, d, b, wait)
	if err != nil {
		lease.Settle(Observation{})
		return nil, c.notSent(d, nil, err)
	}
	defer done()
	if waited += wait; waited > 0 { // a key may have been rotated or revoked meanwhile
		if b, err = c.keyFor(ctx, d); err != nil {
			lease.Settle(Observation{})
			return nil, c.notSent(d, nil, err)
		}
	}

	ctx, cancel := c.bounded(ctx)
	defer cancel()
	out := new(sending)
	t := &out.trip
	t.number, t.wait, t.lease, t.key, t.req = number, waited, lease, b.info, &out.req
	t.careful = d.req.Method != http.MethodGet || c.guarded(d)
	if err := c.authorize(t.trace(ctx), d, b, &out.outgoing); err != nil {
		lease.Settle(Observation{})
		return nil, c.notSent(d, nil, veil(err, d.hidden(b)...))
	}
	t.stamp = out.stamp
	rt := c.rt
	if c.guarded(d) {
		rt = c.rt1 // the guard against re-sending holds in HTTP/1.1 only
	}
	if err := checkProxy(rt, t.req); err != nil {
		lease.Settle(Observation{})
		return nil, c.notSent(d, nil, err)
	}
	resp, err := c.send(d, t, rt)
	c.settle(d, resp, err, t)
	c.watch(d, b, resp, err, t)
	if t.broke { // half an answer is none
		return nil, err
	}
	return resp, err
}

// bounded gives an attempt its deadline, unless the caller's is nearer.
func (c *core) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if by, ok := ctx.Deadline(); ok && time.Until(by) <= c.opts.Timeout {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.opts.Timeout)
}

// keyFor asks the source for the key of a call.
func (c *core) keyFor(ctx context.Context, d *draft) (*binding, error) {
	if d.auth == AuthNone {
		return c.nobody, nil
	}
	if c.keys == nil {
		return nil, fmt.Errorf("%w: this client was made without keys; public calls need Auth: AuthNone or a public route", ErrNoKey)
	}
	key, err := c.keys.Key(ctx, Need{Venue: c.venue.Name, Environment: c.venue.Environment, Account: c.opts.Account, Scope: d.need})
	if err != nil {
		return nil, err
	}
	b, err := c.bind(key)
	if err != nil {
		return nil, err
	}
	if b.info.scope != 0 && !b.info.scope.has(d.need) {
		return nil, fmt.Errorf("%w: call needs %s, the key allows %s", ErrScope, d.need, b.info.scope)
	}
	if b.info.expired(c.now()) && d.opensRisk() {
		return nil, fmt.Errorf("%w: key %s expired on %s by its keys file; reads and cancels still pass",
			ErrKeyExpired, b.mark, b.info.expires.Format(time.DateOnly))
	}
	return b, nil
}

// pace waits for the limiter's grant.
func (c *core) pace(ctx context.Context, d *draft, b *binding) (Lease, time.Duration, error) {
	if c.opts.Limiter == nil {
		return Lease{}, 0, ctx.Err()
	}
	maxWait := c.maxWait(d)
	demand := Demand{KeyID: b.mark, Account: c.opts.Account, Costs: d.costs, Priority: d.priority, MaxWait: maxWait}
	if l, ok := c.opts.Limiter.(*limiter); ok { // it bounds the wait itself
		begin := l.tick()
		lease, err := l.Wait(ctx, demand)
		return lease, time.Duration(l.tick() - begin).Truncate(time.Millisecond), err
	}
	begin := time.Now()
	wctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	lease, err := c.opts.Limiter.Wait(wctx, demand)
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrRateLimited) && !errors.Is(err, ErrBanned) {
		err = fmt.Errorf("%w: no quota within %s: %w", ErrRateLimited, maxWait, err)
	}
	return lease, time.Since(begin).Truncate(time.Millisecond), err
}

// maxWait is how long a call may wait before it is sent.
func (c *core) maxWait(d *draft) time.Duration {
	switch {
	case d.maxWait > 0:
		return d.maxWait
	case c.opts.MaxWait > 0:
		return c.opts.MaxWait
	case d.priority == PriorityOrder && d.need.writes():
		return 2 * time.Second // a price is old after that
	}
	return time.Minute
}

// takeTurn lets one call of a key at a time through where the venue wants nonces
// to arrive in order and no nonce window was promised by Options. Time spent in the
// limiter's queue counts against the same bound.
func (c *core) takeTurn(ctx context.Context, d *draft, b *binding, spent time.Duration) (done func(), waited time.Duration, err error) {
	if c.venue.NonceUnit == 0 || !c.venue.Ordered || c.opts.NonceWindow || d.auth != AuthSigned {
		return func() {}, 0, nil
	}
	turn := b.info.box.turn
	free := func() { <-turn }
	select {
	case turn <- struct{}{}:
		return free, 0, nil
	default:
	}
	begin := time.Now()
	bound := time.NewTimer(c.maxWait(d) - spent)
	defer bound.Stop()
	select {
	case turn <- struct{}{}:
		return free, time.Since(begin), nil
	case <-bound.C:
		return nil, 0, fmt.Errorf("%w: other calls of the key were before this one for %s", ErrRateLimited, c.maxWait(d))
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
}

// sending is an outgoing request and what is learned of it, in one allocation.
type sending struct {
	outgoing
	trip trip
}

// A trip is what is learned while one attempt is on its way.
type trip struct {
	number         int
	wait           time.Duration
	lease          Lease
	key            *keyInfo
	req            *http.Request
	stamp          time.Time // the venue time the request carries
	sent, received time.Time
	broke          bool         // the answer began and did not end
	unsent         bool         // it ended, and surely nothing was written
	careful        bool         // net/http would not send this call again by itself
	asked          atomic.Bool  // the transport tells what it does
	got            atomic.Bool  // it has had a connection
	stale          atomic.Bool  // that connection was dead already: nothing was written to it
	wrote          atomic.Int32 // times headers left this machine; 2 is a silent re-send
	hooks          httptrace.ClientTrace
}

// trace sees whether anything was written, which is what tells "surely not sent"
// from "perhaps executed".
func (t *trip) trace(ctx context.Context) context.Context {
	t.hooks.GetConn = func(string) { t.asked.Store(true) }
	t.hooks.GotConn = t.gotConn
	t.hooks.WroteHeaders = func() { t.wrote.Add(1) }
	return httptrace.WithClientTrace(ctx, &t.hooks)
}

// gotConn looks at a connection before a request is written to it. One that the
// venue has closed while it was idle is closed here, too, so that nothing can be
// written to it: the call then goes over another one, although net/http may not
// repeat it.
func (t *trip) gotConn(info httptrace.GotConnInfo) {
	t.asked.Store(true)
	if t.stale.Load() {
		t.wrote.Store(0)
	}
	stale := info.Reused && (t.careful || info.IdleTime > time.Second) && idleClosed(info.Conn)
	t.stale.Store(stale)
	if stale {
		info.Conn.Close()
	} else {
		t.got.Store(true)
	}
}

// mayBeSent reports whether bytes of the request may have left this machine. Only
// evidence counts as a no.
func (t *trip) mayBeSent(rt http.RoundTripper, cause error) bool {
	var dial *net.OpError
	switch {
	case t.stale.Load():
		return false
	case t.wrote.Load() > 0:
		return true
	case t.got.Load(): // the headers may be on their way while the deadline passes
		return true
	case t.asked.Load(), errors.As(cause, &dial) && dial.Op == "dial":
		return false
	}
	_, ours := rt.(*http.Transport) // which asks before it sends
	return !ours
}

// scrub takes out of a venue's text what it may echo: the key, what was derived
// from the secret, the signed string. Only error paths pay for it.
func (t *trip) scrub(text string) string { return mask.Text(text, t.hidden()...) }

// hidden lists what must not show of this attempt: the key, what the scheme wrote,
// and what the caller asked.
func (t *trip) hidden() []string {
	hide := t.key.hidden()
	if t.req.URL == nil {
		return hide
	}
	hide = hidePairs(hide, t.req.URL.RawQuery)
	for _, vs := range t.req.Header {
		for _, v := range vs {
			_, word, _ := strings.Cut(v, " ") // what follows Bearer, Basic and the like
			hide = append(hide, v, word)
		}
	}
	if b, ok := t.req.Body.(*bodyReader); ok {
		if hide = append(hide, string(b.raw)); isForm(t.req.Header) {
			hide = hidePairs(hide, string(b.raw))
		}
	}
	return hide
}

// hidden is the same before anything was signed.
func (d *draft) hidden(b *binding) []string {
	hide := hidePairs(b.info.hidden(), d.req.Query)
	if d.typ == formType || isForm(d.header) {
		hide = hidePairs(hide, string(d.req.Body))
	}
	return hide
}

// hidePairs adds a query or form, its pairs, and values long enough to be more
// than a symbol or a side.
func hidePairs(hide []string, raw string) []string {
	hide = append(hide, raw)
	for pair := range strings.SplitSeq(raw, "&") {
		if _, value, _ := strings.Cut(pair, "="); len(value) >= 16 {
			hide = append(hide, value)
		}
		hide = append(hide, pair)
	}
	return hide
}

// send carries one signed request and reads its answer. Redirects are never
// followed: the next hop would get the key.
func (c *core) send(d *draft, t *trip, rt http.RoundTripper) (*Response, error) {
	t.sent = time.Now()
	hr, err := c.carry(rt, t)
	t.received = time.Now()
	if err != nil {
		if hr != nil && hr.Body != nil {
			hr.Body.Close()
		}
		t.unsent = !t.mayBeSent(rt, err)
		return nil, c.lost(d, t, err)
	}
	resp, err := c.read(d, hr)
	t.received = time.Now()
	resp.Sent, resp.Received, resp.Wait, resp.ClientOrderID = t.sent, t.received, t.wait, d.orderID
	if err != nil {
		t.broke = true
		e := c.lost(d, t, err)
		e.Status = resp.Status
		return resp, e
	}
	resp.writes, resp.stamp = d.need.writes(), t.stamp
	return resp, c.judge(d, t, resp)
}

// maxStale bounds how many dead connections one call takes out of a pool.
const maxStale = 256

// carry sends a request, again over another connection while the pool hands out
// dead ones: those have got nothing.
func (c *core) carry(rt http.RoundTripper, t *trip) (*http.Response, error) {
	body := t.req.Body
	for range maxStale {
		hr, err := rt.RoundTrip(t.req)
		if err == nil || !t.stale.Load() || t.req.Context().Err() != nil {
			return hr, err
		}
		if c.own {
			rt.(*http.Transport).CloseIdleConnections()
		}
		again := *t.req
		if b, ok := body.(*bodyReader); ok {
			again.Body = b.rewound()
		}
		t.req = &again
	}
	return rt.RoundTrip(t.req)
}

// settle tells the limiter what the answer said.
func (c *core) settle(d *draft, resp *Response, err error, t *trip) {
	if t.lease == (Lease{}) {
		return
	}
	o := Observation{Sent: t.sent, Received: t.received}
	if resp != nil {
		o.Status, o.Header = resp.Status, resp.Header
		if c.venue.Settle != nil {
			c.venue.Settle(resp, &o)
		}
	} else {
		o.Unknown = !t.unsent
	}
	if n := int(t.wrote.Load()); n > 1 && o.Costs == nil { // net/http sent a read again: the venue counted each
		for _, cost := range d.costs {
			cost.N *= n
			o.Costs = append(o.Costs, cost)
		}
	}
	var e *Error
	if errors.As(err, &e) {
		o.RetryAfter = e.RetryAfter
		if o.Refused == "" && errors.Is(e, ErrRateLimited) && len(d.costs) > 0 {
			o.Refused = d.costs[0].Quota
		}
	}
	t.lease.Settle(o)
}

// watch shows the attempt to the Observer and the Logger, if there are any.
func (c *core) watch(d *draft, b *binding, resp *Response, err error, t *trip) {
	if c.opts.Observer == nil && c.opts.Logger == nil {
		return
	}
	a := Attempt{
		Venue: c.venue.Name, Environment: c.venue.Environment, Method: d.req.Method, Path: d.req.Path,
		Key: b.mark, Scope: d.need, Outcome: OutcomeAccepted, Err: err, Number: t.number,
		Sent: t.sent, Received: t.received, Wait: t.wait, Costs: d.costs, Unlisted: d.guessed, Resent: t.wrote.Load() > 1,
	}
	if resp != nil {
		a.Status = resp.Status
	}
	var e *Error
	if errors.As(err, &e) {
		a.Outcome = e.Outcome
	}
	if c.opts.Observer != nil {
		c.opts.Observer(a)
	}
	if c.opts.Logger != nil {
		c.opts.Logger.LogAttrs(context.Background(), levelOf(err), "exauth call", a.attrs()...)
	}
}

// newTransport is what a Client uses by default: its own pool, sized for a bot that
// talks to few hosts; TLS 1.2 at least; bounded headers; HTTPS proxies honoured,
// since people leave from a whitelisted address that way, plain ones never.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  proxyForTLS,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        55 * time.Second, // below the minute after which most venues hang up
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// http1 returns a transport like rt that speaks HTTP/1.1 only, for calls that
// net/http must not send twice. Foreign RoundTrippers are used as they are.
func http1(rt http.RoundTripper) http.RoundTripper {
	t, ok := rt.(*http.Transport)
	if !ok {
		return rt
	}
	t = t.Clone()
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if t.TLSClientConfig != nil {
		t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	return t
}
