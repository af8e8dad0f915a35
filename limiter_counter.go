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
}

// rate is how fast the level falls, in units per nanosecond: a little slower than
// published, since the venue's clock may run slower than ours.
func (b *counterBook) rate(now nanos) float64 {
	def := b.led.def
	return (1 - driftPerUnit) * def.Refill * float64(b.led.limit(now)) / float64(def.limit) / float64(time.Second)
}

// burst is how far the level may rise: a venue that decays in steps is behind by up
// to one of them.
func (b *counterBook) burst() float64 {
	def := b.led.def
	return max(1, float64(def.limit)-def.Refill*def.Step.Seconds())
}

func (b *counterBook) fall(now nanos) {
	if now > b.at {
		b.level = max(0, b.level-b.rate(now)*float64(now-b.at))
		b.at = now
	}
}

func (led *ledger) counterFree(n int, now nanos) nanos {
	b := &led.counter
	b.fall(now)
	most := b.burst()
	if float64(n) > most {
		most = float64(n) // heavier than the burst: goes when the level is zero
	}
	over := b.level + float64(led.fly+n) - most
	if over <= 0 {
		return now
	}
	if float64(led.fly+n) > most {
		return forever // until an answer comes
	}
	rate := b.rate(now)
	if rate <= 0 {
		return forever
	}
	return now + int64(over/rate) + 1
}

func (led *ledger) counterSettle(n int, f *fate) {
	b := &led.counter
	b.fall(f.received)
	b.level += float64(n)
	if used, ok := led.believed(f); ok {
		b.level = max(b.level, float64(used-led.fly))
	}
}

func (led *ledger) counterState(now nanos) (used int, resets nanos) {
	led.counter.fall(now)
	if r := led.counter.rate(now); r > 0 {
		resets = now + int64(led.counter.level/r)
	}
	return int(led.counter.level+0.999) + led.fly, resets
}
