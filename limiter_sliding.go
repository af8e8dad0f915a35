package exauth

import (
	"slices"
	"time"
)

// slidingBook keeps a quota of "at most Limit in any span of Window". A slot is busy
// from the send until a window after the venue can have counted the call last, so
// that no jitter lets two meet in one span. Without a stamp that is the answer's
// arrival; with the venue's millisecond stamp it is the stamp itself.
type slidingBook struct {
	slots   []slot  // by the time they become free
	busy    int     // units in slots
	ahead   minimum // of stamp − sent: the venue's clock plus the shortest way there
	round   minimum // of received − sent: the shortest round trip
	samples int
	heard   nanos // when the last call was answered
}

// slot is busy units that become free at a local time.
type slot struct {
	at nanos
	n  int
}

// minimum is a running minimum over the last minutes: clocks drift, so an old one is
// no bound any more.
type minimum struct {
	now, before int64
	turned      nanos
	any         bool
}

const minimumSpan = int64(2 * time.Minute)

func (m *minimum) add(v int64, at nanos) {
	switch {
	case !m.any:
		m.now, m.before, m.turned, m.any = v, v, at, true
	case at-m.turned > minimumSpan:
		m.before, m.now, m.turned = m.now, v, at
	default:
		m.now = min(m.now, v)
	}
}

func (m *minimum) value() int64 { return min(m.now, m.before) }

const (
	guardedSamples = 200                          // below this, the minima are not trusted fully
	guard          = int64(30 * time.Millisecond) // taken off them meanwhile
	stampDrift     = int64(4 * time.Millisecond)  // two clocks over minimumSpan, and the stamp's rounding
)

func (b *slidingBook) expire(now nanos) {
	i := 0
	for i < len(b.slots) && b.slots[i].at <= now {
		b.busy -= b.slots[i].n
		i++
	}
	b.slots = b.slots[i:] // append moves the rest when the end is reached
}

func (b *slidingBook) add(at nanos, n int) {
	if n <= 0 {
		return
	}
	i := len(b.slots)
	for i > 0 && b.slots[i-1].at > at {
		i--
	}
	b.slots = slices.Insert(b.slots, i, slot{at, n})
	b.busy += n
}

func (led *ledger) slidingFree(a ask) nanos {
	b := &led.sliding
	b.expire(a.now)
	limit := led.ours(a.now)
	room := limit - led.fly - b.busy
	if room >= a.n || led.fly+b.busy == 0 {
		led.quick = quick{until: a.now + led.quickSpan(), room: room}
		return a.now
	}
	for _, s := range b.slots {
		if room += s.n; room >= min(a.n, limit) {
			return s.at
		}
	}
	return forever // until an answer comes
}

// slidingLater is when units can have gone at the earliest: a window after another.
func (led *ledger) slidingLater(units int, now nanos) nanos {
	b := &led.sliding
	b.expire(now)
	limit := led.ours(now)
	rounds := max(units-1, 0) / limit
	over := units - rounds*limit - limit + b.busy
	at := now
	for _, s := range b.slots {
		if over <= 0 {
			break
		}
		over -= s.n
		at = s.at
	}
	return at + int64(rounds)*int64(led.def.Window)
}

func (led *ledger) slidingSettle(l *limiter, n int, f *fate) {
	if f.unsent {
		return
	}
	b, w := &led.sliding, int64(float64(led.def.Window)*(1+driftPerUnit))
	if !f.answered { // it may be counted as late as an answer would have come
		b.add(max(f.received, f.sent+l.offset.lateness)+w, n)
		return
	}
	margin := int64(0)
	if b.samples++; b.samples < guardedSamples {
		margin = guard * int64(guardedSamples-b.samples) / guardedSamples
	}
	b.round.add(f.received-f.sent, f.received)
	at := f.received + w - max(b.round.value()/2-margin, 0)
	if stamp, ok := headerTime(f.header, led.def.TimeHeader); ok && f.status < 300 && f.refused == "" {
		ts := stamp.UnixNano() - l.wall // the venue's clock in our count
		if d := ts - f.sent; d > -int64(time.Minute) && d < int64(time.Minute) {
			b.ahead.add(d, f.received)
			at = min(f.received+w, ts+int64(time.Millisecond)+w-b.ahead.value()+stampDrift+margin)
		}
	}
	alone := f.sent >= b.heard
	b.heard = max(b.heard, f.received)
	b.add(at, n)
	if used, ok := led.believed(f); ok {
		led.slidingTold(used, alone, f)
	}
}

// slidingTold takes the venue's own count of a sliding window: what is above ours
// was used by others, and is busy for one window. A lower one frees the oldest slots
// if no other call was answered meanwhile, since then it holds whatever counts.
func (led *ledger) slidingTold(used int, alone bool, f *fate) {
	b, others := &led.sliding, led.def.Limit-led.def.mine
	b.expire(f.received)
	if surplus := used - others - b.busy - led.fly; surplus > 0 {
		b.add(f.received+int64(led.def.Window), min(surplus, led.def.mine))
		led.quick = quick{}
	}
	for alone && len(b.slots) > 0 && b.busy-b.slots[0].n >= used {
		b.busy -= b.slots[0].n
		b.slots = b.slots[1:]
	}
}

func (led *ledger) slidingState(now nanos) (used int, resets nanos) {
	led.sliding.expire(now)
	if len(led.sliding.slots) > 0 {
		resets = led.sliding.slots[0].at
	}
	return led.sliding.busy + led.fly, resets
}
