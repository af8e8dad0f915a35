package exauth

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// A NonceSource yields strictly increasing nonces per key, which it is told by its
// fingerprint. floor is now in the venue's unit: the result must be above it or
// equal, and above every earlier one. A result that is not above what an earlier call
// got, or is more than a day ahead of floor, is not used: the call fails with ErrNonce
// and is not sent.
//
// Without one, nonces increase per Key within the process. NonceFile makes one that
// also survives a crash and a clock set back; share one between processes that share
// a key.
type NonceSource interface {
	Next(ctx context.Context, keyID string, floor int64) (int64, error)
}

// NonceFunc makes a NonceSource of a function.
type NonceFunc func(ctx context.Context, keyID string, floor int64) (int64, error)

// Next calls f.
func (f NonceFunc) Next(ctx context.Context, keyID string, floor int64) (int64, error) {
	return f(ctx, keyID, floor)
}

// nonce draws the next nonce of a key. One that is more than a day ahead is
// refused: a venue that has seen it would refuse every later one for ever.
func (c *core) nonce(ctx context.Context, b *binding, floor, day int64, opensRisk bool) (int64, error) {
	if c.opts.Nonce != nil {
		before := b.drawn.Load()
		n, err := c.sourced(ctx, b.mark, floor, opensRisk)
		switch {
		case errors.Is(err, ErrNonce):
			return 0, err
		case err != nil:
			return 0, fmt.Errorf("%w: the nonce source failed: %w", ErrNonce, err)
		case n > floor+day:
			return 0, fmt.Errorf("%w: the nonce source is more than a day ahead of now; check its unit", ErrNonce)
		case n <= 0:
			return 0, fmt.Errorf("%w: the nonce source gave none", ErrNonce)
		case n <= before: // calls side by side may overtake each other, not one that came before
			return 0, fmt.Errorf("%w: the nonce source went back, or gave one nonce twice", ErrNonce)
		}
		raise(&b.drawn, n)
		return n, nil
	}
	last := &b.info.box.nonce
	for {
		old := last.Load()
		n := max(old+1, floor)
		if n > floor+day {
			return 0, fmt.Errorf("%w: the clock went back by more than a day", ErrNonce)
		}
		if last.CompareAndSwap(old, n) {
			return n, nil
		}
	}
}

// sourced asks Options.Nonce. Our own store is told what the nonce is for, so that a
// full disk stops no cancel.
func (c *core) sourced(ctx context.Context, mark string, floor int64, opensRisk bool) (int64, error) {
	if s, ok := c.opts.Nonce.(*NonceStore); ok {
		return s.core().next(ctx, mark, floor, opensRisk)
	}
	return c.opts.Nonce.Next(ctx, mark, floor)
}

// raise lifts v to n.
func raise(v *atomic.Int64, n int64) {
	for {
		old := v.Load()
		if old >= n || v.CompareAndSwap(old, n) {
			return
		}
	}
}
