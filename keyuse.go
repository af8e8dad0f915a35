package exauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// How a call gets hold of a key, what is noted of it, and what a person is told.

// enter counts a request in that is about to be signed with the key; false asks to
// look for the key again, which a ring has replaced.
func (b *keyBox) enter() bool {
	b.flying.Add(1)
	return !b.retired.Load()
}

// exit counts it out, when its answer has come or none will.
func (b *keyBox) exit() {
	if b.flying.Add(-1) == 0 && b.retired.Load() {
		b.tell()
	}
}

func (b *keyBox) tell() {
	select {
	case b.landed <- struct{}{}:
	default:
	}
}

// drain waits until no request of a retired key is under way. Who enters after that
// sees that it is retired, and leaves.
func (b *keyBox) drain(ctx context.Context) error {
	for b.retired.Load() && b.flying.Load() > 0 {
		select {
		case <-b.landed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.tell() // others may wait for the same
	return nil
}

// admit finds the key for an attempt, unless something on this side holds it back.
func (c *core) admit(ctx context.Context, d *draft) (*binding, error) {
	if reason := c.halted.Load(); reason != nil && d.opensRisk() {
		return nil, c.stop(ctx, d, nil, ErrHalted, errors.New(*reason))
	}
	b, err := c.keyFor(c.asking(ctx, d), d)
	if err != nil {
		return nil, c.stop(ctx, d, nil, nil, err)
	}
	if _, err := b.gate.holds(d, false); err != nil {
		return nil, c.stop(ctx, d, b, nil, err)
	}
	return b, nil
}

// ready asks the source for a key and makes it ready. A key that a ring replaced, and
// its owner closed, between the two is asked for again.
func (c *core) ready(ctx context.Context, d *draft) (*binding, error) {
	if d.key != nil {
		return c.bind(d.key)
	}
	for n := 0; ; n++ {
		key, err := c.keys.Key(ctx, Need{Venue: c.venue.Name, Environment: c.venue.Environment, Account: c.opts.Account, Scope: d.need})
		if err != nil {
			return nil, err
		}
		b, err := c.bind(key)
		if err == nil || n == maxSwaps || !key.info().box.retired.Load() || !errors.Is(err, errKeyClosed) {
			return b, err
		}
	}
}

// maxSwaps bounds how often one call looks for a key again.
const maxSwaps = 100

// claim takes a key's turn and counts the request in. The key may have been rotated or
// revoked while the call waited: then it is that of now. free gives the turn back, and
// exit of the key's box counts the request out.
func (c *core) claim(ctx context.Context, d *draft, b *binding, wait time.Duration) (_ *binding, free func(), waited time.Duration, err error) {
	for waited = wait; ; {
		free, spent, err := c.takeTurn(ctx, d, b, waited)
		waited += spent
		if err != nil {
			return b, nil, waited, err
		}
		box := b.info.box
		current := box.enter()
		if waited == 0 && current {
			return b, free, 0, nil
		}
		now, err := c.keyFor(ctx, d)
		if err == nil && now.info.box == box {
			return now, free, waited, nil
		}
		box.exit()
		free()
		if err != nil {
			return b, nil, waited, err
		}
		b = now
	}
}

// asking lets sources of a ring have a new key proved by this client, unless the call
// must not wait for that.
func (c *core) asking(ctx context.Context, d *draft) context.Context {
	if !c.proves || d.key != nil || d.need.writes() && !d.opensRisk() {
		return ctx
	}
	return context.WithValue(ctx, proverKey{}, prover(c))
}

// proves reports whether a source may want a key proved: one that changes by itself.
func proves(src KeySource) bool {
	switch s := src.(type) {
	case nil, *Key:
		return false
	case *KeyRing:
		return len(s.parts().sources) > 0
	}
	return true
}

// prove tells a ring whether the venue accepts a key, within the patience of the call
// that happens to be under way.
func (c *core) prove(ctx context.Context, key, old *Key) error {
	budget := syncPatience
	if by, ok := ctx.Deadline(); ok {
		budget = min(budget, time.Until(by)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	err := c.accepts(ctx, key, old)
	if err != nil && ctx.Err() == nil {
		f := key.info().shown()
		c.warnKey(c.now(), KeyWarning{Kind: KeyUnproven, Key: fingerprint(c.venue.Name, key.info().id), Name: f.Name,
			Advice: "the new key is not used and the old one stays: " + err.Error()})
	}
	return err
}

// accepts finds out whether a key works at the venue and is of the same account as the
// one it is to replace, nil when there is none.
func (c *core) accepts(ctx context.Context, key, old *Key) error {
	b, err := c.bind(key)
	if err != nil {
		return err
	}
	if b.info.expired(c.now()) {
		return fmt.Errorf("%w: key %s expired on %s by its owner's word", ErrKeyExpired, b.mark, b.info.expires.Format(time.DateOnly))
	}
	owner, err := c.probe(ctx, key)
	if err != nil || owner == "" || old == nil {
		return err
	}
	// An old key that fails says nothing: it may have been deleted already.
	if was, err := c.probe(ctx, old); err == nil && was != "" && was != owner {
		return fmt.Errorf("%w: the key belongs to another account of %s than the one it would replace", ErrNoKey, c.venue.Name)
	}
	return nil
}

// probe makes the venue's cheap signed read with a key, and says whose account answered
// where that is told. Where the venue has none, nothing is asked.
func (c *core) probe(ctx context.Context, key *Key) (owner string, err error) {
	call := c.venue.Probe
	if call.Path == "" {
		return "", nil
	}
	call.key = key
	d, err := c.prepare(call, false)
	defer c.done(d)
	if err != nil {
		return "", c.refuse(ctx, d, call, err)
	}
	resp, err := c.run(ctx, d)
	if err != nil || c.venue.Owner == nil {
		return "", err
	}
	return c.venue.Owner(resp), nil
}

// Prove finds out whether the venue accepts a key, with the venue's probe (a cheap
// signed read) and this client's host, clock, limiter and egress. It changes nothing
// here. A venue without a probe is asked nothing: then nil says no more than that the
// key fits it.
func (c *Client) Prove(ctx context.Context, key *Key) error { return c.core().accepts(ctx, key, nil) }

// Rotate proves a new key with the venue's probe and then puts it in the place of the
// one it replaces in the client's KeyRing, for every Client that shares the ring;
// KeyRing.Swap says which place, what is taken over, and what it waits for. A label
// that the new key lacks is the client's own. A key that the venue does not accept, or
// that is another account's where the venue tells, is not switched to, and the old one
// stays. The result is the old key: delete it at the exchange, then Close it.
//
// The error is that of the probe, or matches ErrParam when the client was not made
// with a *KeyRing.
func (c *Client) Rotate(ctx context.Context, key *Key) (old *Key, err error) {
	core := c.core()
	ring, ok := core.keys.(*KeyRing)
	if !ok {
		return nil, fmt.Errorf("%w: Rotate needs a client that was made with a *KeyRing", ErrParam)
	}
	if key.info().label.Venue == "" {
		key = key.For(core.venue.Name, production(core.venue.Environment), core.opts.Account)
	}
	p := ring.parts()
	at, key, err := p.place(key)
	if err != nil {
		return nil, err
	}
	if err := core.accepts(ctx, key, at.key); err != nil {
		return nil, err
	}
	if err := p.replace(at, key); err != nil {
		return nil, err
	}
	return at.key, p.leave(ctx, at.key)
}

// reviewEvery is how often a client looks at the age of its keys; warnEvery how often
// it says one thing of one key.
const (
	reviewEvery = time.Hour
	warnEvery   = 24 * time.Hour
)

// review looks at the keys of this client now and then, on the way of a call.
func (c *core) review(now time.Time, b *binding) {
	n := now.UnixNano()
	last := c.reviewed.Load()
	if last != 0 && n-last < int64(reviewEvery) || c.opts.KeyWarning == nil && c.opts.Logger == nil || b == c.nobody {
		return
	}
	if !c.reviewed.CompareAndSwap(last, n) {
		return // another call is at it
	}
	infos := []*keyInfo{b.info}
	if ring, ok := c.keys.(*KeyRing); ok {
		infos = infos[:0]
		for _, k := range ring.parts().all() {
			if i := k.info(); i.fits(Need{Venue: c.venue.Name, Environment: c.venue.Environment, Account: c.opts.Account}) == nil {
				infos = append(infos, i)
			}
		}
	}
	for _, i := range infos {
		f := i.shown()
		f.Fingerprint = fingerprint(c.venue.Name, i.id)
		for _, w := range f.warnings(c.venue, now, i.box.idleSince()) {
			c.warnKey(now, w)
		}
	}
}

// warned is what a person was told.
type warned struct {
	key  string
	kind KeyWarningKind
}

// warnKey tells a person something about a key, once a day.
func (c *core) warnKey(now time.Time, w KeyWarning) {
	w.Venue, w.Environment = c.venue.Name, c.venue.Environment
	w.Account = cmp.Or(w.Account, c.opts.Account)
	id := warned{w.Key, w.Kind}
	c.warnings.Lock()
	last, told := c.warnings.at[id]
	if told = told && now.Sub(last) < warnEvery && !now.Before(last); !told {
		if c.warnings.at == nil || len(c.warnings.at) >= maxNeeds {
			c.warnings.at = make(map[warned]time.Time)
		}
		c.warnings.at[id] = now
	}
	c.warnings.Unlock()
	if told {
		return
	}
	if c.opts.KeyWarning != nil {
		c.opts.KeyWarning(w)
	}
	if c.opts.Logger != nil {
		c.opts.Logger.LogAttrs(context.Background(), slog.LevelWarn, "exauth key", slog.String("kind", w.Kind.String()),
			slog.String("venue", w.Venue), slog.String("environment", production(w.Environment)), slog.String("account", w.Account),
			slog.String("key", w.Key), slog.String("name", w.Name), slog.String("advice", w.Advice))
	}
}
