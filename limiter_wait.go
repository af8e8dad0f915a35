package exauth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// leaseSlot is a granted lease until it is settled.
type leaseSlot struct {
	gen   uint32
	live  bool
	n     int32
	at    nanos
	probe bool
	parts [3]part
	more  []part // beyond three quotas

	egress string
}

// part is what a lease took from one ledger.
type part struct {
	led  *ledger
	n    int32
	more int32 // windows after k0 that the call may fall into too
	k0   int64 // the first one, or the number of an anchored window
}

func (s *leaseSlot) part(i int) *part {
	if i < len(s.parts) {
		return &s.parts[i]
	}
	return &s.more[i-len(s.parts)]
}

// slot finds a free place for a lease.
func (l *limiter) slot() (*leaseSlot, uint32) {
	if len(l.free) == 0 {
		l.slots = append(l.slots, leaseSlot{})
		l.free = append(l.free, uint32(len(l.slots)-1))
	}
	i := l.free[len(l.free)-1]
	return &l.slots[i], i
}

// hand makes the lease in slot i live and returns its id: the place and the
// generation, so that a second Settle or one of another limiter finds nothing.
func (l *limiter) hand(s *leaseSlot, i uint32, now nanos) uint64 {
	l.free = l.free[:len(l.free)-1]
	s.gen++
	s.live, s.at = true, now
	return uint64(s.gen)<<32 | uint64(i)
}

// Wait takes all costs of d or none, waiting as long as needed. See Limiter.
func (l *limiter) Wait(ctx context.Context, d Demand) (Lease, error) {
	if err := ctx.Err(); err != nil {
		return Lease{}, ended(err)
	}
	l.mu.Lock()
	now := l.tick()
	if l.unrest == 0 && uint(len(d.Costs)-1) < uint(len(l.lately)) && d.Priority < PriorityCancel {
		if id, ok := l.quickTake(&d, now); ok {
			l.mu.Unlock()
			return Lease{settler: l, id: id}, nil
		}
	}
	return l.waitSlowly(ctx, &d, now)
}

// quickTake grants a call for which every ledger has worked out that there is room
// and what to book; see quick.
func (l *limiter) quickTake(d *Demand, now nanos) (uint64, bool) {
	s, i := l.slot()
	for j := range d.Costs {
		c := &d.Costs[j]
		led := l.lately[j]
		if led == nil || !led.serves(c, d) {
			led = l.other(c, d)
		}
		if led == nil || now >= led.quick.until || c.N <= 0 || c.N > led.quick.room {
			for j--; j >= 0; j-- { // give back
				s.parts[j].led.quickly(-int(s.parts[j].n))
			}
			return 0, false
		}
		led.quickly(c.N)
		s.parts[j] = part{led: led, n: int32(c.N), k0: led.quick.key}
	}
	s.n, s.egress = int32(len(d.Costs)), d.Egress
	return l.hand(s, i, now), true
}

// quickly takes n units without a look at the books.
func (led *ledger) quickly(n int) {
	led.quick.room -= n
	led.quick.took += n
	led.fly += n
}

// serves reports whether a cost goes into this ledger.
func (led *ledger) serves(c *Cost, d *Demand) bool {
	if led.def.Name != c.Quota {
		return false
	}
	switch led.def.Per {
	case PerIP:
		return led.key.id == d.Egress
	case PerAccount:
		return led.key.id == d.Account
	}
	return led.key == led.def.scope(d, c.Item)
}

// other is the ledger of a cost when it is not in the place it was lately, but the
// one its quota used last.
func (l *limiter) other(c *Cost, d *Demand) *ledger {
	for _, def := range l.defs {
		if def.last != nil && def.last.serves(c, d) {
			return def.last
		}
	}
	return nil
}

// waitSlowly looks at the books, and joins the queue when they say so.
func (l *limiter) waitSlowly(ctx context.Context, d *Demand, now nanos) (Lease, error) {
	var w waiter
	if err := l.resolve(&w, d); err != nil {
		l.flush()
		return Lease{}, err
	}
	w.since = now
	if l.waiting == 0 || l.opts.Off {
		if ok, _, _ := l.admit(&w, now); ok {
			id := l.grant(&w, now)
			for i := range min(w.n, len(l.lately)) {
				l.lately[i] = w.parts[i].led
			}
			l.flush()
			return Lease{settler: l, id: id}, nil
		}
	}
	return l.queueUp(ctx, w, d.MaxWait, now)
}

// queueUp is the slow way of Wait: the call has to wait its turn.
func (l *limiter) queueUp(ctx context.Context, found waiter, maxWait time.Duration, now nanos) (Lease, error) {
	w := new(waiter)
	*w = found
	w.limit, w.deadline = forever, forever
	if by, ok := ctx.Deadline(); ok {
		w.deadline = now + int64(time.Until(by))
		if l.opts.Now != nil {
			w.deadline = l.since(by)
		}
		w.limit = w.deadline
	}
	if maxWait > 0 {
		w.limit = min(w.limit, now+int64(maxWait))
	}
	l.reap(now)
	if at, by := l.earliest(w, now); at < forever && at > w.limit {
		err := l.tooLong(w, at-now, at, by)
		l.flush()
		return Lease{}, err
	}
	w.ready = make(chan struct{})
	l.queue[w.prio].push(w)
	l.waiting++
	l.unrest++
	l.pump(now)
	l.flush()

	var expired <-chan time.Time
	if maxWait > 0 {
		t := time.NewTimer(maxWait)
		defer t.Stop()
		expired = t.C
	}
	select {
	case <-w.ready:
		return w.result(l)
	case <-ctx.Done():
		return l.leave(w, ctx.Err())
	case <-expired:
		return l.leave(w, nil)
	}
}

// result is what a waiter was told.
func (w *waiter) result(l *limiter) (Lease, error) {
	if w.refused != nil {
		return Lease{}, w.refused
	}
	return Lease{settler: l, id: w.id}, nil
}

// leave takes a waiter out of the queue; what it was granted meanwhile goes back.
func (l *limiter) leave(w *waiter, cause error) (Lease, error) {
	l.mu.Lock()
	if w.done {
		l.mu.Unlock()
		if cause == nil || w.refused != nil { // decided in the same instant: take it
			return w.result(l)
		}
		l.Settle(w.id, Observation{})
		return Lease{}, ended(cause)
	}
	l.drop(w)
	now := l.tick()
	at, by := l.earliest(w, now)
	if cause != nil {
		w.deadline = 0 // it has passed
	}
	err := l.tooLong(w, max(at-now, 0), at, by)
	l.pump(now)
	l.flush()
	if cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return Lease{}, cause
	}
	return Lease{}, err
}

// tooLong is the refusal of a wait that would outlast what the caller allows.
func (l *limiter) tooLong(w *waiter, wait, at nanos, by *ledger) error {
	e := &Error{Kind: ErrRateLimited, RetryAfter: time.Duration(wait)}
	what := "the venue's gate"
	if by != nil {
		what = "quota " + by.def.Name
	}
	if e.RetryAfter > maxRetryAfter {
		if at >= forever {
			e.RetryAfter = time.Second // no better guess than "when an answer comes"
		} else if by == nil {
			e.RetryAfter = maxRetryAfter
		}
		e.Message = "no room in " + what
	} else {
		e.Message = "no room in " + what + " for " + e.RetryAfter.Round(time.Millisecond).String()
	}
	banned := by == nil && l.banned(w)
	switch late := w.deadline < at; {
	case banned && late:
		e.Err = fmt.Errorf("%w: %w", ErrBanned, context.DeadlineExceeded)
	case banned:
		e.Err = ErrBanned
	case late:
		e.Err = context.DeadlineExceeded
	}
	return e
}

// ended is the error of a context that is over: a deadline that has passed is also
// a wait that would have been too long.
func ended(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Kind: ErrRateLimited, Message: "no time left to wait", Err: context.DeadlineExceeded}
	}
	return err
}

// resolve finds the ledgers of a demand.
func (l *limiter) resolve(w *waiter, d *Demand) error {
	w.prio = min(d.Priority, PriorityCancel)
	w.egress = d.Egress
	for _, c := range d.Costs {
		def := l.def(c.Quota)
		if def == nil {
			l.report(Report{Quota: c.Quota, Kind: ReportUnknownQuota})
			continue
		}
		if c.N <= 0 || c.N > def.mine {
			return fmt.Errorf("%w: a cost of %d in quota %q, of which %d may be used", ErrParam, c.N, c.Quota, def.mine)
		}
		if total := w.add(l.ledger(def, def.scope(d, c.Item)), c.N); total > def.mine {
			return fmt.Errorf("%w: costs of %d in quota %q, of which %d may be used", ErrParam, total, c.Quota, def.mine)
		}
	}
	return nil
}

// admit reports whether a demand could go now, and when not, at what time it may
// be worth asking again and which ledger is in the way.
func (l *limiter) admit(w *waiter, now nanos) (ok bool, at nanos, by *ledger) {
	if l.closed > 0 {
		if until, open := l.gateOpen(w, now); !open {
			return false, until, nil
		}
	}
	if l.opts.Off {
		return true, now, nil
	}
	at = now
	for i := range w.n {
		p := w.part(i)
		if t := p.led.free(l, w.ask(i, now)); t > now && (by == nil || t > at) {
			at, by = t, p.led
		}
	}
	return by == nil, at, by
}

// grant takes what admit found free.
func (l *limiter) grant(w *waiter, now nanos) uint64 {
	s, i := l.slot()
	s.n, s.parts, s.more, s.egress = int32(w.n), w.parts, w.more, w.egress
	s.probe = l.closed > 0 && l.takeProbe(w, i, now)
	for j := range w.n {
		p := s.part(j)
		p.led.take(l, p, now, w.prio)
	}
	return l.hand(s, i, now)
}
