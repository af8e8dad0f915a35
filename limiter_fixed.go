package exauth

import "time"

// fixedBook keeps windows that are aligned to the venue's clock. A call counts in
// every window in which it can arrive, until its answer tells in which it did.
type fixedBook struct {
	open    []*window
	current int64 // the newest window that has surely begun
	seen    bool  // a header was believed, ever
	untold  int   // answers without one
	recent  recent
	pace    pace

	cur  *window // of quick
	room int     // for polls, of quick, before what is used
}

// fixedSync books what went the quick way, all of it in one window.
func (led *ledger) fixedSync(q *quick) {
	w := led.fixed.cur
	w.fly += q.took - q.landed
	if q.landed > 0 {
		w.sure.add(q.landed, q.at)
		w.own += q.landed
		led.fixed.untold += q.landed
	}
}

// settleDown works out the common case for w, if now is well inside it.
func (led *ledger) settleDown(l *limiter, w *window, now nanos) {
	led.quick = quick{}
	lo, hi := l.offset.bounds(now)
	d := led.def.Window
	end := windowStart(d, w.k+1) - l.wall - hi - int64(driftPerUnit*float64(d))
	until := min(end-3*l.offset.lateness/2, now+led.quickSpan())
	if l.wall+now+lo < windowStart(d, w.k) || until <= now {
		return
	}
	b := &led.fixed
	if led.polite(l) && led.shared(led.foreignRate(w, end-now)) {
		return // beside others each call is looked at
	}
	b.cur, b.room = w, led.roomIn(l, w, PriorityPoll, l.wall+now+lo, now)
	if led.def.mine < led.def.Limit {
		b.room = min(b.room, w.upper()+led.ours(now)-w.own-w.fly)
	}
	led.quick = quick{until: until, answer: end, room: b.room - w.upper(), key: w.k}
}

func (led *ledger) fixedFree(l *limiter, a ask) nanos {
	lo, hi := l.arrival(a.now)
	d := led.def.Window
	k0, k1 := windowOf(d, lo), windowOf(d, hi)
	led.turn(l, k0, lo)
	for k := k0; k <= k1; k++ {
		start := windowStart(d, k)
		if at := led.freeIn(l, led.window(k), a, max(lo, start)); at > a.now {
			return at
		}
	}
	if k0 == k1 {
		led.settleDown(l, led.window(k0), a.now)
	}
	return a.now
}

// doubtFor is how long calls without an answer block a window that is otherwise
// free: by then they have arrived, and the next answer tells whether they counted.
const doubtFor = int64(2 * time.Second)

// freeIn returns a.now if a.n fit into w, or when to ask again.
func (led *ledger) freeIn(l *limiter, w *window, a ask, arrives int64) nanos {
	d := led.def.Window
	up, limit := w.upper(), led.limit(a.now)
	next := max(l.local(windowStart(d, w.k+1), a.now), a.now+1)
	if mine := led.ours(a.now); led.def.mine < led.def.Limit && w.own+w.fly+a.n > mine && w.own+w.fly > 0 {
		return next
	}
	if up+a.n > limit {
		if a.prio == PriorityCancel && up-w.fly+a.n > limit && led.urgent.served == 0 {
			led.urgent.served = max(arrives-windowStart(d, w.k), 1)
		}
		doubt := 0
		if led.def.headed { // else no answer tells what became of them
			doubt = w.lost.total()
		}
		if up == 0 {
			return a.now // refusals left less than that of the quota, but here is none used
		}
		if up-doubt+a.n > limit {
			return next
		}
		// Only calls in doubt block: one goes ahead, to learn the venue's own count.
		switch ready := w.lost.last + doubtFor; {
		case a.now < ready:
			return min(ready, next)
		case w.fly > 0:
			return next // or when its answer comes
		}
		return a.now
	}
	left := windowStart(d, w.k+1) - arrives
	rate := led.foreignRate(w, left)
	room := led.roomIn(l, w, a.claim(led), arrives, a.now) - up
	switch beside := led.polite(l) && led.shared(rate) && a.prio < PriorityCancel; {
	case beside && (up == 0 || a.n <= room):
		if at := led.fixed.pace.free(led, room, left, a.now); at > a.now {
			return at
		}
		return a.now
	case up == 0 || a.n <= room:
		return a.now // into an empty window any call may go, whatever would be kept back
	case beside && w.seen && w.fly == 0 && led.looks(rate, w.stale(led, left, a.now), limit-up-led.urgentRoom(left), a.n):
		return a.now
	}
	// What is kept back becomes less as the window runs out.
	return min(next, a.now+max(int64(d)/200, int64(10*time.Millisecond)))
}

// polite reports whether others who use the quota are to be left room.
func (led *ledger) polite(l *limiter) bool {
	return led.def.headed && !led.blind() && led.def.mine == led.def.Limit && !l.opts.Greedy
}

func (led *ledger) fixedTake(l *limiter, p *part, now nanos) {
	lo, hi := l.arrival(now)
	p.k0 = windowOf(led.def.Window, lo)
	led.turn(l, p.k0, lo)
	p.more = int32(min(windowOf(led.def.Window, hi)-p.k0, 16))
	led.fixed.pace.credit -= float64(p.n)
	for k := p.k0; k <= p.k0+int64(p.more); k++ {
		led.window(k).fly += int(p.n)
	}
}

// fixedSettle decides in which window a call was counted. An answer whose window is
// in doubt is not believed, and its cost stays in each that it may be.
func (led *ledger) fixedSettle(l *limiter, p *part, n int, f *fate) {
	d := led.def.Window
	a, b := l.offset.bounds(f.received)
	lo, hi := l.wall+f.sent+a, l.wall+f.received+b
	if f.stampHi > 0 {
		hi = max(min(hi, f.stampHi), lo+1) // counted before the answer was stamped
	}
	k0 := max(windowOf(d, lo), p.k0) // the bounds have widened since; what was sure then still is
	k1 := max(windowOf(d, hi-1), k0)
	last := p.k0 + int64(p.more)
	if !f.answered {
		k1 = max(k1, last)
	}
	used, ok := led.believed(f)
	for k := p.k0; k <= max(last, min(k1, last+16)); k++ {
		w := led.find(k)
		if k <= last {
			if w == nil {
				continue // long over
			}
			w.fly -= int(p.n)
		}
		if f.unsent || k < k0 || k > k1 {
			continue
		}
		if w == nil {
			w = led.window(k) // it took longer than any before
		}
		if (k == k0 || led.fixed.seen) && !f.limited() {
			// In doubt it is ours in both windows. Only at the beginning, when much is in
			// doubt, that would hide what others use.
			w.own += n
		}
		led.fixedCount(w, used, ok && k0 == k1, n, f)
	}
	if f.answered && !ok && !f.cached && f.status < 300 {
		led.fixed.untold++
	}
	if q := &led.quick; q.until > f.now {
		q.room = led.fixed.room - led.fixed.cur.upper()
	}
}

// fixedCount books a call that was counted in w, or may have been.
func (led *ledger) fixedCount(w *window, used int, believed bool, n int, f *fate) {
	switch {
	case !f.answered:
		w.lost.add(n, max(f.received, f.sent+doubtFor))
		return
	case !believed:
		w.sure.add(n, f.received)
		return
	}
	// The count holds whatever was answered before the call was sent.
	led.fixed.seen, w.seen = true, true
	w.top.see(used, f.sent, f.received)
	w.sure.cover(f.sent)
	w.lost.cover(f.sent)
	led.watch(w, f.received)
}

// carryOver is called when the venue's clock turned out to be another than thought:
// what was used in the windows that were open is taken to be used in the present
// one too, until a header tells better.
func (l *limiter) carryOver(now nanos) {
	for _, def := range l.defs {
		if def.Kind != FixedWindow {
			continue
		}
		for _, led := range def.ledgers {
			led.sync(now)
			used := 0
			for _, w := range led.fixed.open {
				used = max(used, w.upper())
			}
			led.quick, led.fixed.open, led.fixed.cur = quick{}, nil, nil
			lo, hi := l.arrival(now)
			led.fixed.current = windowOf(def.Window, lo)
			for k := led.fixed.current; k <= windowOf(def.Window, hi); k++ {
				led.window(k).lost.add(used, now)
			}
		}
	}
}

// fixedLater is when units can have gone at the earliest, one window after another.
func (led *ledger) fixedLater(l *limiter, units int, now nanos) nanos {
	lo, _ := l.arrival(now)
	k := windowOf(led.def.Window, lo)
	used := 0
	if w := led.find(k); w != nil {
		used = w.top.value() + w.sure.total()
		if led.def.mine < led.def.Limit {
			used = w.own
		}
	}
	over := used + units - led.ours(now)
	if over <= 0 {
		return now
	}
	windows := (over + led.def.mine - 1) / led.def.mine
	return l.local(windowStart(led.def.Window, k+int64(windows)), now)
}

func (led *ledger) fixedState(l *limiter, now nanos) (used int, resets nanos) {
	lo, _ := l.arrival(now)
	k := windowOf(led.def.Window, lo)
	if w := led.find(k); w != nil {
		used = w.upper()
	}
	return used, l.local(windowStart(led.def.Window, k+1), now)
}
