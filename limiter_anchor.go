package exauth

import "time"

// anchorBook keeps a window that begins with the first request (KuCoin). Its end is
// known from above: a window after the first answer at the latest, or by the reset
// header, whichever is nearer. A call sent after that opens the next window.
type anchorBook struct {
	open   bool
	end    nanos // forever until the first answer
	top    int   // highest used count believed
	sure   int   // answered, not shown by a header since
	sureAt nanos
	lost   int
	lostAt nanos
	opened nanos // when the first call of the window was sent
	number int64
}

func (b *anchorBook) used(led *ledger) int { return b.top + b.sure + b.lost + led.fly }

// roll opens the next window when the old one has surely ended. What is under way
// may fall into either, and stays counted.
func (led *ledger) roll(now nanos) {
	b := &led.anchor
	if b.open && now >= b.end {
		led.urgent.over(now, now-b.opened)
		*b = anchorBook{number: b.number + 1}
	}
}

func (led *ledger) anchorFree(l *limiter, n int, prio Priority, now nanos) nanos {
	b := &led.anchor
	led.roll(now)
	limit := led.limit(now)
	if prio < PriorityCancel && b.open && b.end < forever {
		limit -= led.urgentRoom(now, b.end-now)
	}
	if b.used(led)+n <= limit {
		return now
	}
	if b.open && b.end < forever {
		at := b.end
		if b.used(led)+n <= led.limit(now) { // only what is kept back blocks: it shrinks
			at = min(at, now+int64(led.def.Window)/200)
		}
		return max(at, now+1)
	}
	return forever // until the first answer
}

func (led *ledger) anchorTake(p *part, now nanos) {
	b := &led.anchor
	led.roll(now)
	if !b.open {
		b.open, b.end, b.opened = true, forever, now
	}
	p.k0 = b.number
}

func (led *ledger) anchorSettle(l *limiter, p *part, n int, f *fate) {
	b := &led.anchor
	w := int64(float64(led.def.Window) * (1 + driftPerUnit))
	if f.unsent {
		if led.fly == 0 && b.open && b.end == forever && b.used(led) == 0 {
			b.open = false // nobody began the window after all
		}
		return
	}
	if !f.answered {
		b.lost += n
		b.lostAt = max(b.lostAt, f.sent)
		b.end = min(b.end, f.received+w+l.offset.lateness)
		return
	}
	if p.k0 != b.number { // sent in an earlier window: it may have opened this one
		b.sure += n
		b.sureAt = f.received
		if b.open {
			b.end = min(b.end, f.received+w)
		}
		return
	}
	b.end = min(b.end, f.received+w)
	if f.header != nil {
		if ms, ok := headerCount(f.header, led.def.ResetHeader, int(2*w/int64(time.Millisecond))); ok && ms > 0 {
			b.end = min(b.end, f.received+int64(float64(ms+1)*float64(time.Millisecond)*(1+driftPerUnit)))
		}
	}
	used, ok := led.believed(f)
	if !ok {
		b.sure += n
		b.sureAt = f.received
		return
	}
	b.top = max(b.top, used)
	if f.sent >= b.sureAt {
		b.sure = 0
	}
	if f.sent >= b.lostAt+2*int64(time.Second) {
		b.lost = 0
	}
}
