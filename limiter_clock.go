package exauth

import "time"

// offsetBounds is what is known of a venue's clock minus ours: every stamped answer
// narrows it (the stamp was made after the call was sent and before its answer came),
// and time widens it again, since two clocks drift apart. Stamps of one second
// narrow it to about the shortest round trip all the same.
type offsetBounds struct {
	lo, hi     int64 // venue minus local, ns
	at         nanos
	lateness   int64 // the longest round trip seen lately
	latenessAt nanos
	known      bool
}

const (
	coldOffset   = int64(1500 * time.Millisecond) // until a stamp was seen
	driftPerUnit = 50e-6
	coldLateness = int64(600 * time.Millisecond)
)

func (o *offsetBounds) init() { o.lo, o.hi, o.lateness = -coldOffset, coldOffset, coldLateness }

// bounds returns the offset's bounds at a time.
func (o *offsetBounds) bounds(now nanos) (lo, hi int64) {
	w := int64(driftPerUnit * float64(max(now-o.at, 0)))
	return o.lo - w, o.hi + w
}

// observe narrows the bounds by one stamped answer. A stamp that contradicts what is
// known means that a clock was set: then it alone counts.
func (o *offsetBounds) observe(lo, hi int64, now nanos) {
	if hi <= lo {
		return
	}
	was, wasHi := o.bounds(now)
	if !o.known || lo > wasHi || hi < was {
		o.lo, o.hi = lo, hi
	} else {
		o.lo, o.hi = max(lo, was), min(hi, wasHi)
	}
	o.at, o.known = now, true
}

// trip notes how long an answer took: a call may be under way that long.
func (o *offsetBounds) trip(d int64, now nanos) {
	if d > o.lateness || now-o.latenessAt > int64(2*time.Minute) {
		o.lateness, o.latenessAt = max(d, int64(50*time.Millisecond)), now
	}
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
