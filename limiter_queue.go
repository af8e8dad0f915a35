package exauth

import "time"

// waiter is one call that is being admitted, or waits to be.
type waiter struct {
	prio   Priority
	egress string
	n      int
	parts  [3]part
	more   []part

	since, limit nanos
	ready        chan struct{}
	granted      bool
	id           uint64
	prev, next   *waiter
}

func (w *waiter) part(i int) *part {
	if i < len(w.parts) {
		return &w.parts[i]
	}
	return &w.more[i-len(w.parts)]
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

// pump grants whatever can go: cancels before orders before polls, first in first
// out inside each. A waiter that is blocked by a ledger holds everybody behind it
// who needs the same ledger, so that heavy calls do not starve; in a fixed window
// lighter ones may pass it for one window, since it starts fresh in the next.
func (l *limiter) pump(now nanos) {
	wake := forever
	l.mark++
	for prio := int(PriorityCancel); prio >= 0; prio-- {
		for w := l.queue[prio].head; w != nil; {
			next := w.next
			if led := l.held(w); led != nil {
				w = next
				continue
			}
			ok, at, by := l.admit(w, now)
			if ok {
				l.queue[prio].remove(w)
				l.waiting--
				w.id, w.granted = l.grant(w, now), true
				close(w.ready)
			} else {
				wake = min(wake, at)
				if by != nil { // nil is a gate; others may belong to open ones
					l.hold(w, by, now)
				}
			}
			w = next
		}
	}
	l.alarm(now, wake)
}

// hold marks the ledger that blocks w for everybody behind it.
func (l *limiter) hold(w *waiter, by *ledger, now nanos) {
	by.heldMark = l.mark
	by.heldOver = 0 // everybody
	if by.def.Kind == FixedWindow && now-w.since < int64(by.def.Window) {
		for i := range w.n {
			if p := w.part(i); p.led == by {
				by.heldOver = int(p.n) // as heavy or heavier only
			}
		}
	}
	by.heldPrio = w.prio
}

// held returns a ledger of w that somebody in front of it is waiting for.
func (l *limiter) held(w *waiter) *ledger {
	for i := range w.n {
		p := w.part(i)
		if p.led.heldMark == l.mark && int(p.n) >= p.led.heldOver {
			return p.led
		}
	}
	return nil
}

// alarm sets the one timer to the next time at which something may be free.
func (l *limiter) alarm(now, wake nanos) {
	if l.waiting == 0 || wake >= forever {
		if l.timer != nil {
			l.timer.Stop()
		}
		return
	}
	d := time.Duration(max(wake-now, int64(50*time.Microsecond)))
	if l.timer == nil {
		l.timer = time.AfterFunc(d, l.ring)
		return
	}
	l.timer.Reset(d)
}

// ring is the timer's work: it runs only while somebody waits.
func (l *limiter) ring() {
	l.mu.Lock()
	if l.waiting > 0 {
		l.pump(l.tick())
	}
	l.flush()
}
