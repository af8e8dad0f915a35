package redislimit

import (
	"context"
	"errors"
	"time"

	"github.com/exauth/exauth"
)

// waiter is one call that is being admitted, or waits to be.
type waiter struct {
	prio  exauth.Priority
	ip    *scope
	n     int
	parts [3]part
	more  []part

	limit    micros // the latest it may be granted
	deadline bool   // limit is the context's, not MaxWait
	retryAt  micros // when to ask Redis again
	by       *ledger
	sure     bool // retryAt is a lower bound, not a guess
	queued   bool

	ready      chan struct{}
	id         uint64
	granted    bool
	again      bool // Redis went away
	err        error
	prev, next *waiter
}

func (w *waiter) part(i int) *part {
	if i < len(w.parts) {
		return &w.parts[i]
	}
	return &w.more[i-len(w.parts)]
}

func (w *waiter) find(led *ledger) *part {
	for i := range w.n {
		if p := w.part(i); p.led == led {
			return p
		}
	}
	return nil
}

// shut reports whether a gate of w's scopes is known to be closed now.
func (w *waiter) shut(now micros) bool { return w.gate() > now }

// gate is until when the gates of w's scopes are known to be closed.
func (w *waiter) gate() micros {
	until := micros(0)
	if w.ip.shut {
		until = w.ip.until
	}
	for i := range w.n {
		if s := w.part(i).led.scope; s.shut {
			until = max(until, s.until)
		}
	}
	return until
}

// waiters is a first-in, first-out list that a cancelled waiter can leave.
type waiters struct{ head, tail *waiter }

func (q *waiters) push(w *waiter) {
	if w.prev = q.tail; q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
}

func (q *waiters) remove(w *waiter) {
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

// leave takes w out of the queue.
func (l *Limiter) leave(w *waiter) {
	l.queue[w.prio].remove(w)
	l.waiting--
	w.queued = false
	for i := range w.n {
		p := w.part(i)
		p.led.queued -= p.n
	}
}

// enqueue is the slow way of Wait: the call waits its turn. It unlocks.
func (l *Limiter) enqueue(ctx context.Context, d exauth.Demand, found *waiter, now micros) (exauth.Lease, bool, error) {
	w := new(waiter)
	*w = *found
	w.limit = forever
	if by, ok := ctx.Deadline(); ok {
		w.limit, w.deadline = now+int64(time.Until(by)/time.Microsecond), true
	}
	maxWait := d.MaxWait
	if maxWait > 0 && now+maxWait.Microseconds() < w.limit {
		w.limit, w.deadline = now+maxWait.Microseconds(), false
	}
	w.ready = make(chan struct{})
	l.queue[w.prio].push(w)
	l.waiting++
	w.queued = true
	for i := range w.n {
		p := w.part(i)
		p.led.queued += p.n
	}
	l.start()
	l.mu.Unlock()
	l.poke()

	var expired <-chan time.Time
	if maxWait > 0 {
		t := time.NewTimer(maxWait)
		defer t.Stop()
		expired = t.C
	}
	select {
	case <-w.ready:
		return l.outcome(w)
	case <-ctx.Done():
		return l.abandon(w, ctx.Err())
	case <-expired:
		return l.abandon(w, nil)
	}
}

func (l *Limiter) outcome(w *waiter) (exauth.Lease, bool, error) {
	if w.granted {
		return exauth.NewLease(l, w.id), false, nil
	}
	return exauth.Lease{}, w.again, w.err
}

// abandon takes a caller that gave up out of the queue; what it was granted
// meanwhile goes back.
func (l *Limiter) abandon(w *waiter, cause error) (exauth.Lease, bool, error) {
	l.mu.Lock()
	if !w.queued {
		l.mu.Unlock()
		if !w.granted {
			if w.again && cause != nil {
				return exauth.Lease{}, false, l.given(w, cause, 0)
			}
			return l.outcome(w)
		}
		if cause == nil { // granted in the same instant: take it
			return exauth.NewLease(l, w.id), false, nil
		}
		l.Settle(w.id, exauth.Observation{})
		return exauth.Lease{}, false, l.given(w, cause, 0)
	}
	l.leave(w)
	wait := max(max(w.retryAt, w.gate())-l.tick(), 0)
	l.mu.Unlock()
	l.poke()
	return exauth.Lease{}, false, l.given(w, cause, wait)
}

// given is the error for a caller that gave up.
func (l *Limiter) given(_ *waiter, cause error, wait micros) error {
	if cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return l.tooLong(wait, cause != nil)
}

// walk grants whatever can go from the blocks: cancels before orders before polls,
// first in, first out inside each. A waiter that is blocked by a ledger holds
// everybody behind it who needs the same ledger, so that heavy calls do not starve.
// It returns the first waiter that Redis must be asked for, and when to walk again.
func (l *Limiter) walk(now micros) (ask *waiter, again micros) {
	again = forever
	l.mark++
	for prio := int(exauth.PriorityCancel); prio >= 0; prio-- {
		for w, next := l.queue[prio].head, (*waiter)(nil); w != nil; w = next {
			next = w.next
			until, sure := w.gate(), true
			if until <= now {
				until, sure = l.held(w), false
				if until == 0 && w.retryAt > now {
					until, sure = w.retryAt, w.sure
					l.hold(w)
				} else if until != 0 {
					sure = l.heldSure(w)
				}
			}
			switch {
			case w.limit <= now, until > now && sure && until > w.limit:
				l.leave(w)
				w.err = l.tooLong(max(until-now, 0), w.deadline)
				close(w.ready)
			case until > now:
				again = min(again, until)
			case l.ready(w, now):
				l.leave(w)
				w.id, w.granted = l.spend(w, now), true
				close(w.ready)
			default:
				return w, again
			}
		}
	}
	return nil, again
}

// hold marks the ledger that blocks w for everybody behind it.
func (l *Limiter) hold(w *waiter) {
	if w.by != nil {
		w.by.heldMark, w.by.heldUntil, w.by.heldSure = l.mark, w.retryAt, w.sure
	}
}

// held returns until when a ledger of w is held by somebody in front, 0 when none is.
func (l *Limiter) held(w *waiter) (until micros) {
	for i := range w.n {
		if led := w.part(i).led; led.heldMark == l.mark {
			until = max(until, led.heldUntil)
		}
	}
	return until
}

func (l *Limiter) heldSure(w *waiter) bool {
	for i := range w.n {
		if led := w.part(i).led; led.heldMark == l.mark && led.heldSure {
			return true
		}
	}
	return false
}
