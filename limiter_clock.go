package exauth

import "time"

// offsetBounds is what is known of a venue's clock minus ours: every stamped answer
// narrows it (the stamp was made after the call was sent and before its answer came),
// and time widens it again, since two clocks drift apart. Stamps of one second
// narrow it to about the shortest round trip all the same.
type offsetBounds struct {
	lo, hi int64 // venue minus local, ns
	at     nanos
	known  bool

	odd         int // stamps in a row that contradict the bounds and agree with one another
	oddLo, oddH int64

	lateness int64 // the longest round trip of this minute and the one before
	longest  int64 // of this minute
	before   int64 // of the one before
	turned   nanos
}

const (
	coldOffset   = int64(1500 * time.Millisecond) // until a stamp was seen
	driftPerUnit = 50e-6
	oddEnough    = 3 // one strange stamp is a proxy's or a forger's; three that agree are a clock

	coldLateness  = int64(600 * time.Millisecond)
	shortLateness = int64(50 * time.Millisecond)
	mostLateness  = int64(20 * time.Second)
)

func (o *offsetBounds) init() {
	o.lo, o.hi = -coldOffset, coldOffset
	o.lateness, o.before = coldLateness, coldLateness
}

// bounds returns the offset's bounds at a time.
func (o *offsetBounds) bounds(now nanos) (lo, hi int64) {
	w := min(int64(driftPerUnit*float64(max(now-o.at, 0))), coldOffset) // clocks are set right by and by
	return o.lo - w, o.hi + w
}

// observe narrows the bounds by one stamped answer, and reports whether it fits
// them. Stamps that contradict what is known are not believed until several in a
// row agree: then a clock was set, or this machine slept.
func (o *offsetBounds) observe(lo, hi int64, now nanos) (fits, jumped bool) {
	if hi <= lo {
		return false, false
	}
	was, wasHi := o.bounds(now)
	if max(lo, was) <= min(hi, wasHi) {
		o.lo, o.hi = max(lo, was), min(hi, wasHi)
		o.at, o.known, o.odd = now, true, 0
		return true, false
	}
	if o.odd > 0 && max(lo, o.oddLo) <= min(hi, o.oddH) {
		o.odd++
		o.oddLo, o.oddH = max(lo, o.oddLo), min(hi, o.oddH)
	} else {
		o.odd, o.oddLo, o.oddH = 1, lo, hi
	}
	if o.odd < oddEnough {
		return false, false
	}
	o.lo, o.hi, o.at, o.known, o.odd = o.oddLo, o.oddH, now, true, 0
	return true, true
}

// trip notes how long an answer took: a call may be under way that long.
func (o *offsetBounds) trip(d int64, now nanos) {
	o.longest = max(o.longest, min(max(d, shortLateness), mostLateness))
	if now-o.turned > int64(time.Minute) {
		if o.turned > 0 {
			o.before = o.longest
		}
		o.longest, o.turned = shortLateness, max(now, 1)
	}
	o.lateness = max(o.longest, o.before)
}

// arrival is the span of the venue's clock in which a call sent now arrives.
func (l *limiter) arrival(now nanos) (lo, hi int64) {
	a, b := l.offset.bounds(now)
	return l.wall + now + a, l.wall + now + b + 3*l.offset.lateness/2
}

// local is the earliest local time at which a call surely arrives at or after t on
// the venue's clock.
func (l *limiter) local(t int64, now nanos) nanos {
	a, _ := l.offset.bounds(now)
	return t - l.wall - a
}
