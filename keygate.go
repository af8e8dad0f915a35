package exauth

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A keyGate watches how a venue takes one key, and holds new orders back while it
// refuses the key again and again: a revoked key on twenty bots earns their address a
// ban. It is a guess of ours, so that it stops what opens risk and nothing else:
// reads and cancels pass, and one that succeeds opens it.
type keyGate struct {
	good   atomic.Int64  // when the venue last accepted a call, in Unix nanoseconds; 0: never
	proven atomic.Uint32 // the scopes of such calls
	uneasy atomic.Bool   // there is more to see

	mu      sync.Mutex
	kind    error // of the last refusal
	row     int   // refusals since the last success
	shut    bool
	until   time.Time
	wait    time.Duration
	probing time.Time // when the call went that may open it; zero when none is under way
}

// The gate shuts at the fifth refusal in a row, for a quarter of a minute first and
// twice as long after each probe that is refused.
const (
	gateRow     = 5
	gateWait    = 15 * time.Second
	gateLongest = 15 * time.Minute
)

// blames reports the refusals that speak of the key itself, whatever the call.
func blames(e *Error) bool {
	return e.Status != 0 && (errors.Is(e.Kind, ErrKey) || errors.Is(e.Kind, ErrSignature) || errors.Is(e.Kind, ErrIPNotAllowed))
}

// clears reports refusals that a venue makes only of a key it has accepted.
func clears(e *Error) bool {
	for _, kind := range []error{ErrInsufficientFunds, ErrUnknownOrder, ErrDuplicateOrder, ErrPartial} {
		if errors.Is(e.Kind, kind) {
			return true
		}
	}
	return false
}

// holds says why a call that opens risk must not go now. With take, the call becomes
// the probe if it may go although the gate is shut.
func (g *keyGate) holds(d *draft, take bool) (probe bool, err error) {
	if g == nil || !g.uneasy.Load() || !d.opensRisk() {
		return false, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	left := g.until.Sub(now)
	switch {
	case !g.shut:
		return false, nil
	case left <= 0 && (g.probing.IsZero() || now.Sub(g.probing) > time.Duration(probeFor)):
		if take {
			g.probing = now
		}
		return take, nil
	case left <= 0:
		left = time.Second // the probe's answer decides
	}
	return false, &Error{Kind: g.kind, RetryAfter: left,
		Message: "held back, since the venue refused this key several times in a row; reads and cancels pass. See Causes"}
}

// accepted notes that the venue took the key.
func (g *keyGate) accepted(need Scope, signed bool, now time.Time) {
	g.good.Store(now.UnixNano())
	if was := g.proven.Load(); was|uint32(need) != was {
		g.proven.Or(uint32(need))
	}
	if !g.uneasy.Load() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !signed && g.kind == ErrSignature {
		return // nothing was signed
	}
	g.row, g.shut, g.wait, g.probing = 0, false, 0, time.Time{}
	g.uneasy.Store(false)
}

// refused notes that it did not, and reports whether the gate has shut by that.
func (g *keyGate) refused(kind error, probe bool) (shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.uneasy.Store(true)
	g.kind = kind
	g.row++
	switch {
	case g.shut && !probe, !g.shut && g.row < gateRow: // those that were under way with the fifth count once
		return false
	case g.shut:
		g.wait, g.probing = min(2*g.wait, gateLongest), time.Time{}
	default:
		g.wait, g.shut = gateWait, true
	}
	g.until = time.Now().Add(g.wait)
	return true
}

// free gives the probe's place back when it brought no answer about the key.
func (g *keyGate) free(probe bool) {
	if !probe {
		return
	}
	g.mu.Lock()
	g.probing = time.Time{}
	g.mu.Unlock()
}

// heed learns from one attempt's end what the venue thinks of the key.
func (c *core) heed(d *draft, b *binding, err error, probe bool) {
	g := b.gate
	if g == nil || d.auth == AuthNone {
		return
	}
	e, known := errors.AsType[*Error](err)
	if known {
		c.remark(e, d, b)
	}
	switch {
	case err == nil, known && clears(e):
		g.accepted(d.need, d.auth == AuthSigned, time.Now())
	case known && blames(e):
		if g.refused(e.Kind, probe) {
			c.warnKey(c.now(), KeyWarning{Kind: KeyRefused, Key: b.mark, Name: b.info.facts.Name,
				Advice: "new orders with this key are held back, but for one now and then; " + adviceOf(c.causes(e, b))})
		}
	default:
		g.free(probe)
	}
}

// gateOf returns the gate of a key in this client: it stays when the key is bound anew.
func (c *core) gateOf(mark string) *keyGate {
	c.gates.Lock()
	defer c.gates.Unlock()
	g := c.gates.of[mark]
	if g == nil {
		if c.gates.of == nil || len(c.gates.of) >= maxNeeds {
			c.gates.of = make(map[string]*keyGate)
		}
		g = new(keyGate)
		c.gates.of[mark] = g
	}
	return g
}
