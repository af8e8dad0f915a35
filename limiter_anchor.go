package exauth

import "time"

// anchorBook keeps a window that begins with the first request (KuCoin). Its end is
// known from above: a window after the first answer at the latest, or by the reset
// header, whichever is nearer. A call sent after that opens the next window.
type anchorBook struct {
	open   bool
	number int64
	opened nanos // when its first call was sent
	end    nanos // it is surely over then; forever until the first answer
	endLo  nanos // it is surely not over before
	plain  nanos // its end without a reset header
	top    peak  // used counts believed
	told   bool  // there was one
	sure   tally // answered, not shown by a header since
	lost   tally
	own    int
	edge   int  // answered so late that it may count in the next window
	wary   bool // the one before ended sooner than we thought: ask by one call first
}

func (b *anchorBook) used(led *ledger) int {
	return b.top.value() + b.sure.total() + b.lost.total() + led.fly
}

func (b *anchorBook) foreign(led *ledger) int { return max(b.top.value()-b.own-led.fly, 0) }

// roll opens the next window when the old one has surely ended. What is under way
// may fall into either, and stays counted.
func (led *ledger) roll(now nanos) {
	b := &led.anchor
	if !b.open || now < b.end {
		return
	}
	led.foreign.n = float64(b.foreign(led))
	led.foreign.over(int64(led.def.Window))
	led.urgent.over(max(now-b.opened, int64(led.def.Window)))
	led.learned++
	next := anchorBook{number: b.number + 1, wary: b.end < b.plain}
	if b.edge > 0 {
		next.sure.add(b.edge, now)
	}
	*b, led.quick = next, quick{}
}

// room is what prio may use of the window, less than the limit by what is kept for
// others and for the urgent.
func (led *ledger) anchorRoom(l *limiter, prio Priority, now nanos) int {
	b, room := &led.anchor, led.limit(now)
	if prio == PriorityCancel {
		return room
	}
	if !b.open || b.end >= forever {
		return room - led.urgentRoom(int64(led.def.Window))
	}
	left := b.end - now
	if !l.opts.Greedy && led.def.mine == led.def.Limit {
		rate := led.foreign.rate
		if past := now - b.opened; past > int64(led.def.Window)/20 {
			rate = max(rate, float64(b.foreign(led))/float64(past))
		}
		room -= led.roomFor(rate, left, 0)
	}
	room -= led.urgentRoom(left)
	if gone := 1 - float64(left)/float64(led.def.Window); l.opts.Pace {
		room = min(room, int(float64(room)*gone)+max(1, room/coldShare))
	}
	return room
}

func (led *ledger) anchorFree(l *limiter, a ask) nanos {
	b := &led.anchor
	led.roll(a.now)
	used, share := b.used(led), led.def.mine < led.def.Limit
	switch {
	case b.wary && !b.told && led.fly > 0:
		return forever // the answer tells
	case used == 0:
		return a.now
	case used+a.n <= led.limit(a.now) && (!share || b.own+led.fly+a.n <= led.ours(a.now)):
		if used+a.n <= led.anchorRoom(l, a.claim(led), a.now) {
			led.anchorQuick(l, a.now, used)
			return a.now
		}
		if b.open && b.end < forever { // what is kept back becomes less
			return max(min(b.end, a.now+max(int64(led.def.Window)/200, int64(10*time.Millisecond))), a.now+1)
		}
	case b.lost.total() > 0 && led.fly == 0 && a.now >= b.lost.last+doubtFor && used-b.lost.total()+a.n <= led.limit(a.now):
		return a.now // only calls in doubt block: one asks for the venue's own count
	}
	if b.open && b.end < forever {
		return max(b.end, a.now+1)
	}
	return forever // until the first answer
}

// anchorQuick works out the common case.
func (led *ledger) anchorQuick(l *limiter, now nanos, used int) {
	b := &led.anchor
	led.quick = quick{}
	if !b.open || b.end >= forever || b.wary && !b.told {
		return
	}
	room := led.anchorRoom(l, PriorityPoll, now) - used
	if led.def.mine < led.def.Limit {
		room = min(room, led.ours(now)-b.own-led.fly)
	}
	led.quick = quick{until: min(b.end, now+led.quickSpan()), answer: min(b.endLo, now+led.quickSpan()), room: room, key: b.number}
}

// anchorLater is when units can have gone at the earliest.
func (led *ledger) anchorLater(units int, now nanos) nanos {
	b := &led.anchor
	if !b.open || b.end >= forever {
		return now
	}
	over := b.top.value() + b.sure.total() + units - led.limit(now)
	if over <= 0 {
		return now
	}
	return b.endLo + int64((over-1)/led.def.Limit)*int64(led.def.Window)
}

func (led *ledger) anchorTake(p *part, now nanos) {
	b := &led.anchor
	led.roll(now)
	if !b.open {
		b.open, b.end, b.plain, b.opened = true, forever, forever, now
		b.endLo = now + int64(led.def.Window)
	}
	p.k0 = b.number
}

func (led *ledger) anchorSettle(l *limiter, p *part, n int, f *fate) {
	b := &led.anchor
	if f.unsent {
		if led.fly == 0 && b.end >= forever && b.used(led) == 0 {
			b.open = false // nobody began the window after all
		}
		return
	}
	w := int64(float64(led.def.Window) * (1 + driftPerUnit))
	if b.open {
		b.end = min(b.end, f.received+w)
		if f.answered && p.k0 == b.number {
			b.plain = min(b.plain, f.received+w-2*l.offset.lateness)
		}
	}
	if !f.answered {
		b.lost.add(n, max(f.received, f.sent+doubtFor))
		b.own += n
		return
	}
	led.anchorReset(f, w)
	used, ok := led.believed(f)
	if f.received > b.endLo {
		b.edge += n
	}
	if !f.limited() {
		b.own += n
	}
	if !ok || p.k0 != b.number { // an older window's count tells nothing of this one
		b.sure.add(n, f.received)
	} else {
		b.told = true
		b.top.see(used, f.sent, f.received)
		b.sure.cover(f.sent)
		b.lost.cover(f.sent)
	}
	if led.quick.until > f.now {
		led.anchorQuick(l, f.now, b.used(led))
	}
}

// anchorReset reads how long the window still lasts, in milliseconds. A span longer
// than a window is in another unit, or a lie.
func (led *ledger) anchorReset(f *fate, w int64) {
	b := &led.anchor
	if f.header == nil || !b.open {
		return
	}
	ms, ok := headerCount(f.header, led.def.ResetHeader, int(w/int64(time.Millisecond))+1)
	if !ok || ms == 0 {
		return
	}
	left := int64(ms) * int64(time.Millisecond)
	b.end = min(b.end, f.received+int64(float64(left)*(1+driftPerUnit))+int64(time.Millisecond))
	b.endLo = min(b.end, max(b.endLo-int64(led.def.Window), f.sent+int64(float64(left)*(1-driftPerUnit))-int64(time.Millisecond)))
}
