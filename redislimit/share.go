package redislimit

import (
	"context"
	"errors"
	"time"

	"github.com/exauth/exauth"
)

// safe is the part of a quota that a fleet uses while Redis is away.
const safe = 0.9

// share is a process on its own: Redis is away.
type share struct {
	part   float64 // of every quota
	local  exauth.Limiter
	began  micros // when Redis failed first
	ctx    context.Context
	cancel context.CancelFunc
}

func localLimiter(v *exauth.Venue, part float64) exauth.Limiter {
	return exauth.NewLimiter(v, &exauth.LimiterOptions{Share: part})
}

// goAway makes the limiter go on without Redis, with this process's share.
func (l *Limiter) goAway(now micros) {
	v := *l.venue
	v.Quotas = nil
	part := safe / float64(max(l.procs, 1))
	for _, def := range l.defs {
		q := def.Quota
		q.Limit, q.Refill = def.limit, def.refill*1e6
		// The counts in headers are the whole fleet's and are not to be held against
		// one share; see settleLocal.
		q.UsedHeader, q.RemainingHeader = "", ""
		if float64(q.Limit)*part >= 1 {
			v.Quotas = append(v.Quotas, q)
		}
	}
	s := &share{part: part, began: max(l.brokenAt, 1)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.local = l.opts.Local(&v, part)
	l.share = s
	for _, led := range l.blocks {
		led.until = 0
	}
	l.dropBlocks(now)
	for prio := range l.queue {
		for w := l.queue[prio].head; w != nil; w = l.queue[prio].head {
			l.leave(w)
			w.again = true
			close(w.ready)
		}
	}
}

// onShare is wait while Redis is away. It unlocks.
func (l *Limiter) onShare(ctx context.Context, d exauth.Demand, w *waiter, now micros) (exauth.Lease, bool, error) {
	s := l.share
	l.start()
	until := w.gate()
	for i := range w.n {
		p := w.part(i)
		if most := int(float64(p.led.def.limit) * s.part); p.n > most {
			l.mu.Unlock()
			return exauth.Lease{}, false, l.refusal("Redis is away, and the call costs more than this process's share of "+p.led.def.Name, time.Second, false)
		}
		l.prime(s, d, p.led, now)
		until = max(until, p.led.holdUntil)
	}
	l.mu.Unlock()
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()

	if until > now {
		if err := l.holdOff(both, ctx, d, until-now); err != nil {
			return exauth.Lease{}, false, err
		}
		return exauth.Lease{}, true, nil
	}
	inner, err := s.local.Wait(both, d)
	if err != nil {
		if s.ctx.Err() != nil && ctx.Err() == nil {
			return exauth.Lease{}, true, nil
		}
		if errors.Is(err, exauth.ErrParam) {
			err = l.refusal("Redis is away, and the call costs more than this process's share", time.Second, false)
		}
		return exauth.Lease{}, false, err
	}
	l.mu.Lock()
	now = l.tick()
	for i := range w.n {
		p := w.part(i)
		p.led.use(l, p.n, now)
		if p.led.def.Kind == exauth.Concurrency {
			p.led.fly += p.n
		}
	}
	id := l.grant(w, now)
	l.slots[uint32(id)].local, l.slots[uint32(id)].inner = true, inner
	l.mu.Unlock()
	return exauth.NewLease(l, id), false, nil
}

// holdOff waits for a known time, or until Redis is back.
func (l *Limiter) holdOff(both, ctx context.Context, d exauth.Demand, wait micros) error {
	span := time.Duration(wait) * time.Microsecond
	if by, ok := ctx.Deadline(); ok && time.Until(by) < span {
		return l.tooLong(wait, true)
	}
	if most := d.MaxWait; most > 0 && most < span {
		return l.tooLong(wait, false)
	}
	t := time.NewTimer(span)
	defer t.Stop()
	select {
	case <-t.C:
	case <-both.Done():
		if err := ctx.Err(); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				return l.tooLong(wait, true)
			}
			return err
		}
	}
	return nil
}

// prime makes the local limiter count what may have been used of a running window
// before Redis went away: all but this process's part of what was left when Redis
// was last heard of, and all of it when that is not known well.
func (l *Limiter) prime(s *share, d exauth.Demand, led *ledger, now micros) {
	if led.primed == s {
		return
	}
	led.primed, led.holdUntil = s, 0
	known, until, over := l.lastKnown(s, led, now)
	if over {
		return
	}
	limit := led.def.limit
	most := int(float64(limit) * s.part)
	n := most - int(float64(max(limit-known, 0))*s.part)
	if led.def.Kind == exauth.Concurrency {
		n, until = most, s.began+callLife
	}
	if n <= 0 {
		return
	}
	if n < most {
		cost := []exauth.Cost{{Quota: led.def.Name, Item: led.id.item, N: n}}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		lease, err := s.local.Wait(ctx, exauth.Demand{KeyID: d.KeyID, Account: d.Account, Egress: d.Egress, Costs: cost, Priority: exauth.PriorityCancel})
		cancel()
		if err == nil {
			t := time.Now()
			lease.Settle(exauth.Observation{Sent: t, Received: t, Status: 200})
			return
		}
	}
	led.holdUntil = until
}

// callLife is how long a call that was sent before Redis went away may be under way.
const callLife = 10_000_000

// lastKnown is what Redis last showed as used of a quota, and until when that is
// felt; over is true when it is not felt any more.
func (l *Limiter) lastKnown(s *share, led *ledger, now micros) (known int, until micros, over bool) {
	def := led.def
	if !l.venueOff.known && !l.redisOff.known {
		return 0, 0, true // never heard of anybody: nothing is known to have been used
	}
	if !def.fixed() {
		until = s.began + def.span()
		return grown(def.limit, led.known, led.knownAt, s.began, def.span(), def.span()), until, now >= until
	}
	lo, hi := l.venueClock(now)
	k := windowOf(def.Window, now+lo)
	if k > windowOf(def.Window, s.began+hi) {
		return 0, 0, true
	}
	seen := micros(0)
	for i := range led.wins {
		if w := &led.wins[i]; w.k == k {
			known, seen = w.known, w.at
		}
	}
	until = windowStart(def.Window, k+1) - lo
	return grown(def.limit, known, seen, s.began, s.began+lo-windowStart(def.Window, k), def.Window.Microseconds()), until, false
}

// grown is what a count may have become between the moment it was last seen and the
// one when Redis failed: others went on, at twice the rate of the window so far, and
// a twentieth of the limit on top. Without knowledge a window is taken to be used up,
// or, if that would close a quota for hours, to be used at twice its even pace.
func grown(limit, known int, seen, began, elapsed, window micros) int {
	const long = 600_000_000
	age := max(began-seen, 0) + 50_000
	switch {
	case elapsed <= 0:
		return limit
	case window <= long && (seen == 0 || age > max(elapsed/10, 1_000_000)):
		return limit
	case seen == 0:
		return int(min(2*float64(limit)*float64(elapsed)/float64(window), float64(limit)))
	}
	return int(min(float64(known)*(1+2*float64(age)/float64(elapsed))+float64(limit/20+1), float64(limit)))
}

// settleLocal is settlePart for a call that went on the local share. The venue's
// count is the whole fleet's: when it nears the limit, nobody goes on.
func (l *Limiter) settleLocal(p *part, f *fate) {
	led := p.led
	if led.def.Kind == exauth.Concurrency {
		led.give(l, p.n, 0, 0)
		return
	}
	if f.header == nil {
		return
	}
	used, ok := led.shown(f.header)
	if !ok {
		return
	}
	full := float64(used) >= (1+safe)/2*float64(led.def.limit)
	if !led.def.fixed() {
		led.known, led.knownAt = max(led.known, used), f.received
		if full {
			led.holdUntil = f.received + led.def.span()/10
		}
		return
	}
	lo, hi := l.venueClock(f.received)
	k0, k1 := windowOf(led.def.Window, f.sent+lo), windowOf(led.def.Window, f.received+hi)
	if k0 != k1 {
		return
	}
	w := led.window(k0)
	w.known, w.at = max(w.known, used), f.received
	if full {
		led.holdUntil = windowStart(led.def.Window, k0+1) - lo
	}
}
