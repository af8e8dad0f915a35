package exauth

import (
	"math"
	"time"
)

// A ledger keeps the upper bound of the venue's own counter for one quota and
// scope. Its kind decides how; see the files beside this one.
type ledger struct {
	quick quick
	def   *quotaDef
	key   ledgerKey
	fly   int // sent and not answered, in units

	fixed   fixedBook
	anchor  anchorBook
	sliding slidingBook
	counter counterBook

	foreign usage   // of others, as the headers show it
	urgent  usage   // of cancels, for which some is kept back
	learned int     // windows folded into both
	factor  float64 // < 1 after refusals nobody announced (AIMD)
	cutAt   nanos
	used    nanos // last time, for eviction

	heldMark uint64 // set while pump finds somebody waiting for this ledger
	heldOver int
}

// quick is the common case worked out ahead: how many units may go until when
// without a look at the books, and which answers need none. What happened that way
// is booked by sync.
type quick struct {
	until  nanos // calls that go before this
	answer nanos // answers that come before this
	room   int   // units left to take
	key    int64 // of the parts taken: the fixed window, or the number of the anchored one
	took   int   // taken and not booked
	landed int   // answered and not booked
	at     nanos // when the last of them was
}

// quickSpan is how long a worked out case stands at most: a thousandth of the
// window, so that what is kept back for others shrinks as it should.
func (led *ledger) quickSpan() nanos {
	return min(max(int64(led.def.Window)/1000, int64(time.Millisecond)), int64(time.Second))
}

// sync books what went the quick way.
func (led *ledger) sync(now nanos) {
	q := &led.quick
	if q.took == 0 && q.landed == 0 {
		return
	}
	led.used = now
	switch led.def.Kind {
	case FixedWindow:
		led.fixedSync(q)
	case AnchoredWindow:
		if q.landed > 0 {
			led.anchor.sure.add(q.landed, q.at)
		}
	case DecayCounter, TokenBucket:
		led.counter.land(q.landed, q.at)
	}
	q.took, q.landed = 0, 0
}

func newLedger(def *quotaDef, key ledgerKey) *ledger {
	led := &ledger{def: def, key: key, factor: 1}
	led.counter.led = led
	return led
}

func (led *ledger) idle(now nanos) bool {
	return led.fly == 0 && led.quick.landed == 0 && now-led.used > max(int64(led.def.Window), int64(time.Minute))
}

// limit is how much may be used of a venue's quota by everybody, ours is how much of
// it by us; both shrink after refusals that showed that somebody else uses it too.
func (led *ledger) limit(now nanos) int { return led.scaled(led.def.Limit, now) }
func (led *ledger) ours(now nanos) int  { return led.scaled(led.def.mine, now) }

func (led *ledger) scaled(n int, now nanos) int {
	if led.factor >= 1 {
		return n
	}
	return max(1, int(float64(n)*led.share(now)))
}

// share is the part of the quota that is used after refusals; it grows back by a
// hundredth a minute.
func (led *ledger) share(now nanos) float64 {
	if led.factor >= 1 {
		return 1
	}
	f := led.factor * math.Pow(1.01, float64(now-led.cutAt)/float64(time.Minute))
	if f >= 1 {
		led.factor = 1
		return 1
	}
	return f
}

// free returns a.now when a.n units may be taken now, or the time to ask again.
func (led *ledger) free(l *limiter, a ask) nanos {
	led.sync(a.now)
	switch led.def.Kind {
	case FixedWindow:
		return led.fixedFree(l, a)
	case AnchoredWindow:
		return led.anchorFree(l, a)
	case SlidingWindow:
		return led.slidingFree(a)
	case Concurrency:
		if led.fly+a.n <= led.ours(a.now) || led.fly == 0 {
			return a.now
		}
		return forever
	}
	return led.counterFree(a)
}

// later is a time before which units cannot have gone, all together: a bound from
// below, for waits that have others in front of them.
func (led *ledger) later(l *limiter, units int, now nanos) nanos {
	switch led.def.Kind {
	case FixedWindow:
		return led.fixedLater(l, units, now)
	case AnchoredWindow:
		return led.anchorLater(units, now)
	case SlidingWindow:
		return led.slidingLater(units, now)
	case Concurrency:
		return now
	}
	return led.counterLater(units, now)
}

// take books p's units as under way.
func (led *ledger) take(l *limiter, p *part, now nanos, prio Priority) {
	led.sync(now)
	led.used = now
	led.fly += int(p.n)
	p.k0, p.more = 0, 0
	switch led.def.Kind {
	case FixedWindow:
		led.fixedTake(l, p, now)
	case AnchoredWindow:
		led.anchorTake(p, now)
	}
	led.quick.room -= int(p.n)
	if prio == PriorityCancel {
		led.urgent.n += float64(p.n)
	}
}

// settle books what became of p's units; n may differ from what was taken.
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
	if f.answered && refusedBy(led, f) {
		led.refused(f)
	}
}

// refused cuts what is used of a quota that shows no use in headers: by a tenth, at
// most every two seconds; it grows back by a hundredth a minute.
func (led *ledger) refused(f *fate) {
	led.quick = quick{}
	if led.def.headed || led.factor < 1 && f.received-led.cutAt < int64(2*time.Second) {
		return
	}
	led.factor = max(0.05, 0.9*led.share(f.received))
	led.cutAt = f.received
}

// believed reads the venue's own count from an answer.
func (led *ledger) believed(f *fate) (used int, ok bool) {
	if f.header == nil || !led.def.headed {
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

// state is a ledger for Snapshot.
func (led *ledger) state(l *limiter, now nanos) QuotaState {
	led.sync(now)
	s := QuotaState{Quota: led.def.Name, Scope: led.key.id, Item: led.key.item, Limit: led.ours(now), InFlight: led.fly}
	var at nanos
	switch led.def.Kind {
	case FixedWindow:
		s.Used, at = led.fixedState(l, now)
	case AnchoredWindow:
		led.roll(now)
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

// usage is a rate of use, in units per nanosecond, smoothed over some windows.
type usage struct {
	rate   float64
	n      float64 // in the window that is open
	served int64   // how long it lasted until some had to wait, 0 if nobody had to
}

// over closes a span of length d and folds it into the rate: more is believed at
// once, less by and by.
func (u *usage) over(d int64) {
	if u.served > 0 { // who had to wait is use too
		d = max(min(d, u.served), d/20)
	}
	r := u.n / float64(max(d, 1))
	u.rate = max(r, 0.5*u.rate+0.5*r)
	u.n, u.served = 0, 0
}

// tally is units booked at certain times, in two heaps by age, so that whatever
// proves that everything up to some time is known elsewhere can clear the old heap
// while new units keep coming.
type tally struct {
	old, new int
	cut      nanos // all of old was booked before it, all of new after the cut before it
	last     nanos
}

func (t *tally) add(n int, at nanos) {
	t.new += n
	t.last = max(t.last, at)
}

func (t *tally) total() int { return t.old + t.new }

// cover forgets what was booked at or before a time, as far as that is told apart.
func (t *tally) cover(at nanos) {
	if at >= t.last {
		t.old, t.new = 0, 0
		return
	}
	if at >= t.cut {
		t.old, t.new, t.cut = t.new, 0, t.last
	}
}

// peak is the venue's own count as answers show it: the highest of those that may
// have been the last one made. An older answer that came late must not lower it, a
// newer one may: some counts fall when an order is filled.
type peak struct {
	old, new  int
	cut, last nanos // as in tally
	at        nanos // when the newest of them was asked for
}

// see takes the count of an answer to a call sent at a time.
func (p *peak) see(used int, sent, received nanos) {
	if sent >= p.last { // every other answer was there before this call was sent
		p.old, p.new = 0, 0
	}
	p.last, p.at = max(p.last, received), max(p.at, sent)
	if sent >= p.cut { // whatever made up old was answered before this call was sent
		p.old, p.new, p.cut = p.new, 0, p.last
	}
	p.new = max(p.new, used)
}

func (p *peak) value() int { return max(p.old, p.new) }
