package exauth

import (
	"math"
	"time"
)

// waiter is one call that is being admitted, or waits to be.
type waiter struct {
	prio   Priority
	egress string
	n      int
	parts  [3]part
	more   []part

	since    nanos
	limit    nanos // it does not wait longer than this
	deadline nanos // of its context
	ready    chan struct{}
	done     bool  // granted or refused
	refused  error // instead of a grant
	id       uint64

	prev, next *waiter
}

func (w *waiter) part(i int) *part {
	if i < len(w.parts) {
		return &w.parts[i]
	}
	return &w.more[i-len(w.parts)]
}

// add puts n units of a ledger on the bill and returns how many of it are there.
func (w *waiter) add(led *ledger, n int) int {
	for i := range w.n {
		if p := w.part(i); p.led == led {
			total := int(p.n) + n
			p.n = int32(min(total, math.MaxInt32))
			return total
		}
	}
	p := part{led: led, n: int32(n)}
	if w.n < len(w.parts) {
		w.parts[w.n] = p
	} else {
		w.more = append(w.more, p)
	}
	w.n++
	return n
}

// ask is one question to a ledger: may n units go now?
type ask struct {
	n    int
	prio Priority
	now  nanos
	due  bool // it has waited for a whole window
}

// claim is the priority a call has when it comes to what is kept back. A heavy one
// that waited for a whole window might never go if it had to leave that untouched.
func (a ask) claim(led *ledger) Priority {
	if a.due && a.n > led.def.mine/4 {
		return PriorityCancel
	}
	return a.prio
}

func (w *waiter) ask(i int, now nanos) ask {
	p := w.part(i)
	return ask{n: int(p.n), prio: w.prio, now: now, due: w.since+int64(p.led.def.Window) < now}
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

// drop takes w out of the queue.
func (l *limiter) drop(w *waiter) {
	l.queue[w.prio].remove(w)
	l.waiting--
	l.unrest--
}

// pump grants whatever can go: cancels before orders before polls, first in first
// out inside each. A waiter that is blocked by a ledger holds everybody behind it
// who needs the same ledger, so that heavy calls do not starve; in a fixed window
// lighter ones may pass it for one window, since it starts fresh in the next. Who
// now knows that it cannot go in time is refused at once.
func (l *limiter) pump(now nanos) {
	l.reap(now)
	wake := forever
	l.again = l.reapAt
	l.mark++
	for prio := int(PriorityCancel); prio >= 0; prio-- {
		for w := l.queue[prio].head; w != nil; {
			next := w.next
			if !l.held(w) {
				ok, at, by := l.admit(w, now)
				switch {
				case ok:
					l.drop(w)
					w.id, w.done = l.grant(w, now), true
					close(w.ready)
				case at < forever && at > w.limit:
					l.drop(w)
					w.refused, w.done = l.tooLong(w, at-now, at, by), true
					close(w.ready)
				default:
					wake = min(wake, at)
					if by != nil { // nil is a gate; others may belong to open ones
						l.hold(w, by, now)
					}
				}
			}
			w = next
		}
	}
	l.alarm(now, min(wake, l.again))
}

// hold marks the ledger that blocks w for everybody behind it.
func (l *limiter) hold(w *waiter, by *ledger, now nanos) {
	by.heldMark = l.mark
	by.heldOver = 0 // everybody
	if by.def.Kind == FixedWindow && now-w.since < int64(by.def.Window) {
		by.heldOver = w.units(by) // as heavy or heavier only
	}
}

// units is what w wants of a ledger.
func (w *waiter) units(led *ledger) int {
	for i := range w.n {
		if p := w.part(i); p.led == led {
			return int(p.n)
		}
	}
	return 0
}

// held reports whether somebody in front of w is waiting for a ledger of w.
func (l *limiter) held(w *waiter) bool {
	for i := range w.n {
		p := w.part(i)
		if p.led.heldMark == l.mark && int(p.n) >= p.led.heldOver {
			return true
		}
	}
	return false
}

// earliest is a time before which w surely cannot go, and what is in its way:
// those in front of it go first. It is forever when only an answer can tell.
func (l *limiter) earliest(w *waiter, now nanos) (at nanos, by *ledger) {
	ok, at, by := l.admit(w, now)
	if ok || by == nil || at >= forever {
		return at, by
	}
	ahead := l.ahead(w, by)
	if ahead == 0 {
		return at, by
	}
	return max(at, by.later(l, w.units(by)+ahead, now)), by
}

// ahead is how many units of a ledger go before w. In a fixed window a light call
// may pass heavier ones, so that they do not count.
func (l *limiter) ahead(w *waiter, led *ledger) (units int) {
	n := w.units(led)
	for prio := PriorityCancel; ; prio-- {
		for o := l.queue[prio].head; o != nil; o = o.next {
			if o == w {
				return units
			}
			if m := o.units(led); m <= n || led.def.Kind != FixedWindow {
				units += m
			}
		}
		if prio == w.prio {
			return units
		}
	}
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
