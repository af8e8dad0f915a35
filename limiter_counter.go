package exauth

import "time"

// counterBook keeps decaying counters and token buckets, which are mirror images: a
// level that calls raise and time lowers by Refill a second. A call counts from its
// answer on, the latest the venue can have counted it; until then it is under way
// and does not decay. So the venue's own level is never higher than ours.
type counterBook struct {
	led   *ledger
	level float64
	at    nanos
	heard nanos // when the last call was answered
}

// rate is how fast the level falls, in units per nanosecond: a little slower than
// published, since the venue's clock may run slower than ours.
func (b *counterBook) rate(now nanos) float64 {
	return (1 - driftPerUnit) * b.led.def.Refill * b.led.share(now) / float64(time.Second)
}

// span is how long the level takes to fall by so many units.
func (b *counterBook) span(units float64, now nanos) nanos {
	return int64(min(units/b.rate(now), float64(forever/2)))
}

// burst is how far the level may rise: a venue that decays in steps is behind by up
// to one of them.
func (b *counterBook) burst() float64 {
	def := b.led.def
	return max(1, float64(def.mine)-def.Refill*def.Step.Seconds())
}

func (b *counterBook) fall(now nanos) {
	if now > b.at {
		b.level = max(0, b.level-b.rate(now)*float64(now-b.at))
		b.at = now
	}
}

// land books n units that were answered at a time.
func (b *counterBook) land(n int, at nanos) {
	b.fall(at)
	b.level += float64(n)
	b.heard = max(b.heard, at)
}

// over is by how much n more units would pass what may be used. A call heavier than
// the burst goes when nothing else is counted.
func (led *ledger) counterOver(n int) float64 {
	b := &led.counter
	return b.level + float64(led.fly+n) - max(b.burst(), float64(n))
}

func (led *ledger) counterFree(a ask) nanos {
	b := &led.counter
	b.fall(a.now)
	if over := led.counterOver(a.n); over > 1e-9 { // less is rounding
		if over > b.level && led.fly > 0 {
			return forever // until an answer comes
		}
		return a.now + b.span(over, a.now) + 1
	}
	span := led.quickSpan()
	led.quick = quick{until: a.now + span, answer: a.now + span, room: int(b.burst() - b.level - float64(led.fly))}
	return a.now
}

// counterLater is when units can have gone at the earliest.
func (led *ledger) counterLater(units int, now nanos) nanos {
	b := &led.counter
	b.fall(now)
	over := b.level + float64(units) - b.burst()
	return now + b.span(max(over, 0), now)
}

func (led *ledger) counterSettle(n int, f *fate) {
	b := &led.counter
	alone := f.sent >= b.heard
	if !f.answered && !f.unsent { // it may arrive later than we gave up on it
		b.land(n, max(f.received, min(f.sent+doubtFor, f.now)))
	} else {
		b.land(n, f.received)
	}
	used, ok := led.believed(f)
	if !ok {
		return
	}
	led.quick = quick{}
	others := led.def.Limit - led.def.mine // theirs, when we have a share
	b.level = max(b.level, float64(used-led.fly-others))
	if alone { // whatever was answered before is in the count
		b.level = min(b.level, float64(used))
	}
}

func (led *ledger) counterState(now nanos) (used int, resets nanos) {
	b := &led.counter
	b.fall(now)
	return int(b.level+0.999) + led.fly, now + b.span(b.level, now)
}
