package exauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// attempt makes one attempt of a call: key, pace, sign, send, observe. Host, route
// and scope were settled when the draft was made. Every error is an *Error that
// says what became of the attempt.
//
// It returns a Response also beside an error that the venue's answer caused.
func (c *core) attempt(ctx context.Context, d *draft, number int) (*Response, error) {
	d.number, d.waited = number, 0
	b, err := c.admit(ctx, d)
	if err != nil {
		return nil, err
	}
	if d.auth == AuthSigned {
		c.freshClock(ctx) // before the wait, so that no stamp gets old in the queue
	}
	lease, wait, err := c.pace(ctx, d, b)
	d.waited = wait
	if err != nil {
		return nil, c.stop(ctx, d, b, nil, c.underPlan(err))
	}
	unsent := func(kind, err error) (*Response, error) { // what it took goes back
		lease.Settle(Observation{})
		return nil, c.stop(ctx, d, b, kind, err)
	}
	b, free, waited, err := c.claim(ctx, d, b, wait)
	d.waited = waited
	if err != nil {
		return unsent(nil, err)
	}
	defer free()
	defer b.info.box.exit()
	if reason := c.halted.Load(); reason != nil && waited > 0 && d.opensRisk() { // meanwhile
		return unsent(ErrHalted, errors.New(*reason))
	}

	ctx, cancel := c.bounded(ctx)
	defer cancel()
	out := new(sending)
	t := &out.trip
	t.number, t.wait, t.lease, t.key, t.way, t.req = number, waited, lease, b.info, b.way, &out.req
	t.careful = d.req.Method != http.MethodGet || c.guarded(d)
	if err := c.authorize(t.trace(ctx), d, b, &out.outgoing); err != nil {
		return unsent(nil, veil(err, d.hidden(b)...))
	}
	t.stamp = out.stamp
	if d.auth != AuthNone {
		b.info.box.usedAt(t.stamp)
	}
	rt := b.way.rt
	if c.guarded(d) {
		rt = b.way.rt1 // the guard against re-sending holds in HTTP/1.1 only
	}
	if err := checkProxy(rt, t.req); err != nil {
		return unsent(nil, err)
	}
	if t.entry, err = c.enter(ctx, d, b, t.stamp); err != nil {
		return unsent(nil, err)
	}
	probe, err := b.gate.holds(d, true)
	if err != nil {
		t.endEntry(nil, err)
		return unsent(nil, err)
	}
	resp, err := c.send(d, t, rt)
	t.endEntry(resp, err)
	c.settle(d, resp, err, t)
	c.heed(d, b, err, probe)
	c.explain(d, b, &out.outgoing, err)
	c.watch(ctx, d, b, resp, err, t)
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
	if c.keys == nil && d.key == nil {
		return nil, fmt.Errorf("%w: this client was made without keys; public calls need Auth: AuthNone or a public route", ErrNoKey)
	}
	b, err := c.ready(ctx, d)
	if err != nil {
		return nil, err
	}
	if b.info.scope != 0 && !b.info.scope.has(d.need) {
		return nil, fmt.Errorf("%w: call needs %s, the key allows %s", ErrScope, d.need, b.info.scope)
	}
	now := c.now()
	c.review(now, b)
	if b.info.expired(now) && d.opensRisk() {
		return nil, fmt.Errorf("%w: key %s expired on %s by its owner's word; reads and cancels still pass",
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
	demand := Demand{KeyID: b.mark, Account: c.opts.Account, Egress: b.way.egress, Costs: d.costs, Priority: d.priority, MaxWait: maxWait}
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
		if t.way.own {
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
	o := &t.seen
	o.Sent, o.Received = t.sent, t.received
	if resp != nil {
		o.Status, o.Header = resp.Status, resp.Header
		if c.venue.Settle != nil {
			c.venue.Settle(resp, o)
		}
	} else if o.Unknown = !t.unsent; t.unsent {
		*o = Observation{} // all of it goes back
	}
	if n := int(t.wrote.Load()); n > 1 && o.Costs == nil { // net/http sent a read again: the venue counted each
		for _, cost := range d.costs {
			cost.N *= n
			o.Costs = append(o.Costs, cost)
		}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		o.RetryAfter = e.RetryAfter
		switch limited := errors.Is(e, ErrRateLimited); {
		case resp == nil:
		case errors.Is(e, ErrBanned):
			o.Status = http.StatusTeapot // what a limiter knows a ban by, however the venue said it
		case limited && o.Refused == "" && len(d.costs) > 0:
			o.Refused = d.costs[0].Quota
		case limited && o.Refused == "":
			o.Status = http.StatusTooManyRequests
		}
	}
	t.lease.Settle(*o)
}
