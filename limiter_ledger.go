package exauth

import (
	"math"
	"time"
)

// A ledger keeps the upper bound of the venue's own counter for one quota and
// scope. Its kind decides how; see the files beside this one.
type ledger struct {
	def *quotaDef
	key ledgerKey
	fly int // sent and not answered, in units

	fixed   fixedBook
	anchor  anchorBook
	sliding slidingBook
	counter counterBook

	foreign usage   // of others, as the headers show it
	urgent  usage   // of cancels, for which some is kept back
	factor  float64 // < 1 after refusals nobody announced (AIMD)
	cutAt   nanos
	used    nanos // last time, for eviction

	heldMark uint64 // set while pump finds somebody waiting for this ledger
	heldOver int
	heldPrio Priority
}

func newLedger(def *quotaDef, key ledgerKey) *ledger {
	led := &ledger{def: def, key: key, factor: 1}
	led.counter.led = led
	return led
}

func (led *ledger) idle(now nanos, _ *limiter) bool {
	return led.fly == 0 && now-led.used > max(int64(led.def.Window), int64(time.Minute))
}

// limit is how much may be used of the quota, after refusals that showed that
// somebody else uses it too.
func (led *ledger) limit(now nanos) int {
	if led.factor >= 1 {
		return led.def.limit
	}
	f := min(1, led.factor*math.Pow(1.01, float64(now-led.cutAt)/float64(time.Minute)))
	return max(1, int(float64(led.def.limit)*f))
}

// free returns now when n units may be taken now, or the time to ask again.
func (led *ledger) free(l *limiter, n int, prio Priority, now nanos) nanos {
	switch led.def.Kind {
	case FixedWindow:
		return led.fixedFree(l, n, prio, now)
	case AnchoredWindow:
		return led.anchorFree(l, n, prio, now)
	case SlidingWindow:
		return led.slidingFree(n, now)
	case Concurrency:
		if led.fly+n <= led.limit(now) {
			return now
		}
		return forever
	}
	return led.counterFree(n, now)
}

// take books n units as under way.
func (led *ledger) take(l *limiter, p *part, now nanos, prio Priority) {
	led.used = now
	led.fly += int(p.n)
	switch led.def.Kind {
	case FixedWindow:
		led.fixedTake(l, p, now)
	case AnchoredWindow:
		led.anchorTake(p, now)
	}
	if prio == PriorityCancel && (led.def.Kind == FixedWindow || led.def.Kind == AnchoredWindow) {
		led.urgent.add(now, int(p.n))
	}
}

// settle books what became of n units; n may differ from what was taken.
func (led *ledger) settle(l *limiter, p *part, n int, f *fate) {
	led.fly -= int(p.n)
	if f.unsent {
		n = 0
	}
	if f.answered {
		l.offset.trip(f.received-f.sent, f.received)
	}
	switch led.def.Kind {
	case FixedWindow:
		led.fixedSettle(l, p, n, f)
	case AnchoredWindow:
		led.anchorSettle(l, p, n, f)
	case SlidingWindow:
		led.slidingSettle(l, n, f)
	case DecayCounter, TokenBucket:
		led.counterSettle(n, f)
	}
	if f.answered && l.refusedBy(led, f) {
		led.refused(l, f)
	}
}

// refused cuts what is used of a quota that shows no use in headers: by a tenth, at
// most every two seconds; it grows back by a hundredth a minute.
func (led *ledger) refused(l *limiter, f *fate) {
	l.report(Report{Quota: led.def.Name, Kind: ReportRefused, Used: led.state(l, f.received).Used, Limit: led.def.limit, RetryAfter: f.retryAfter})
	if led.def.UsedHeader != "" || led.def.RemainingHeader != "" || f.received-led.cutAt < int64(2*time.Second) {
		return
	}
	led.factor = max(0.05, 0.9*float64(led.limit(f.received))/float64(led.def.limit))
	led.cutAt = f.received
}

// believed reads the venue's own count from an answer.
func (led *ledger) believed(f *fate) (used int, ok bool) {
	if f.header == nil {
		return 0, false
	}
	q := &led.def.Quota
	if used, ok = headerCount(f.header, q.UsedHeader, 10*q.Limit); ok {
		return used, true
	}
	if left, ok := headerCount(f.header, q.RemainingHeader, q.Limit); ok {
		return q.Limit - left, true
	}
	return 0, false
}

// usage is a rate of use, in units per nanosecond, smoothed over some windows.
type usage struct {
	rate  float64
	since nanos
	n     float64
}

// add notes n units now.
func (u *usage) add(now nanos, n int) {
	u.n += float64(n)
	if u.since == 0 {
		u.since = max(now, 1)
	}
}

// over closes a span of length d and folds it into the rate.
func (u *usage) over(now nanos, d int64) {
	r := u.n / float64(max(d, 1))
	if r > u.rate {
		u.rate = r // more is believed at once
	} else {
		u.rate = 0.5*u.rate + 0.5*r
	}
	u.n, u.since = 0, now
}

// roomFor is how much to leave for a use of rate r in the next span: its mean and
// three standard deviations of a bursty arrival, and one more.
func roomFor(rate float64, span int64, batch float64) int {
	if rate <= 0 || span <= 0 {
		return 0
	}
	mean := rate * float64(span)
	return int(math.Ceil(mean + 3*math.Sqrt(mean*batch) + 1))
}

// state is a ledger for Snapshot.
func (led *ledger) state(l *limiter, now nanos) QuotaState {
	s := QuotaState{Quota: led.def.Name, Scope: led.key.id, Item: led.key.item, Limit: led.limit(now), InFlight: led.fly}
	var at nanos
	switch led.def.Kind {
	case FixedWindow:
		s.Used, at = led.fixedState(l, now)
	case AnchoredWindow:
		s.Used, at = led.anchor.used(led), led.anchor.end
	case SlidingWindow:
		s.Used, at = led.slidingState(now)
	case Concurrency:
		s.Used, at = led.fly, now
	default:
		s.Used, at = led.counterState(now)
	}
	if at > now && at < forever {
		s.ResetsIn = time.Duration(at - now)
	}
	return s
}
