package redislimit

import (
	"net/http"
	"strconv"
	"time"

	"github.com/exauth/exauth"
)

// quotaDef is a quota as the limiter uses it.
type quotaDef struct {
	exauth.Quota
	limit   int     // what the fleet may use
	refill  float64 // of it, per microsecond
	kept    string  // for the urgent
	block   int     // units a process may lease at most
	static  [5]string
	ledgers map[ledgerKey]*ledger
	last    *ledger // the one used last: most programs have one scope
}

// set takes a published quota over.
func (d *quotaDef) set(q exauth.Quota, o *Options) {
	for _, name := range []*string{&q.UsedHeader, &q.RemainingHeader, &q.ResetHeader, &q.TimeHeader} {
		*name = http.CanonicalHeaderKey(*name)
	}
	// A window shorter than a second cannot be told apart by clocks that are known to
	// some milliseconds. A sliding one allows less, and needs no clock.
	if q.Kind == exauth.FixedWindow && q.Window < time.Second {
		q.Kind = exauth.SlidingWindow
	}
	q.Window = min(max(q.Window, time.Millisecond), 366*24*time.Hour)
	d.Quota = q
	d.limit = max(1, int(float64(q.Limit)*o.Share))
	d.refill = q.Refill * o.Share / 1e6 * (1 - drift)
	burst := max(1, float64(d.limit)-q.Refill*q.Step.Seconds())
	kept := 0
	if q.Kind == exauth.FixedWindow {
		kept = int(float64(d.limit) * o.Reserve)
	}
	d.kept = strconv.Itoa(kept)
	d.block = 0
	if o.Block >= 0 && q.Kind != exauth.Concurrency {
		d.block = d.limit / 50
		if o.Block > 0 {
			d.block = min(d.block, o.Block)
		}
	}
	d.static = [5]string{strconv.Itoa(int(q.Kind)), strconv.Itoa(d.limit), strconv.FormatInt(q.Window.Microseconds(), 10),
		strconv.FormatFloat(d.refill, 'g', -1, 64), strconv.FormatFloat(burst, 'g', -1, 64)}
}

func (d *quotaDef) fixed() bool { return d.Kind == exauth.FixedWindow }

// counter reports the kinds that have a level instead of windows.
func (d *quotaDef) counter() bool {
	return d.Kind == exauth.DecayCounter || d.Kind == exauth.TokenBucket
}

// span is how long a use of the quota is felt.
func (d *quotaDef) span() micros {
	if d.counter() && d.refill > 0 {
		return int64(min(float64(d.limit)/d.refill, 1e14))
	}
	return d.Window.Microseconds()
}

// ledger is what this process knows of one quota of one scope.
type ledger struct {
	def   *quotaDef
	id    ledgerKey
	key   string // in Redis
	scope *scope // whose gate closes when this quota refuses
	fly   int    // taken and not settled, the block included
	used  micros // last time

	// The block: units taken from Redis and not yet spent.
	have  int
	haveK int64 // the window they were taken from
	until micros

	// Own demand, for the size of the next block.
	spent int
	since micros
	rate  float64 // units per microsecond

	wins    []window // of a fixed quota, the running ones
	known   int      // what Redis last showed as used, other kinds
	knownAt micros

	pend    []entry // to be told to Redis
	refused bool
	dirty   bool // in Limiter.dirty

	// Used from the local share, other kinds: this span and the one before.
	own, ownBefore float64
	ownSince       micros
	primed         *share
	holdUntil      micros // the venue's header says that nothing is left

	queued    int    // units that waiters ask for
	heldMark  uint64 // set while walk finds somebody waiting for this ledger
	heldUntil micros
	heldSure  bool
}

// window is a fixed window as this process knows it.
type window struct {
	k     int64
	known int // used, as Redis or the venue last showed it
	at    micros
	fly   int // taken by this process and not settled
}

// entry is what became of calls in one window, not yet told to Redis.
type entry struct {
	k    int64
	back int    // taken, to be given back
	top  int    // the venue's count, -1 when it showed none
	sent micros // Redis time, at the least, at which the newest of those was sent
	add  int    // answered without a count
	at   micros // when the last of these was answered
}

// window finds or opens a window.
func (led *ledger) window(k int64) *window {
	for i := range led.wins {
		if led.wins[i].k == k {
			return &led.wins[i]
		}
	}
	if len(led.wins) >= 40 { // the oldest makes room
		oldest := 0
		for i := range led.wins {
			if led.wins[i].k < led.wins[oldest].k {
				oldest = i
			}
		}
		led.wins[oldest] = window{k: k}
		return &led.wins[oldest]
	}
	for i := range led.wins {
		if led.wins[i].k < k-40 {
			led.wins[i] = window{k: k}
			return &led.wins[i]
		}
	}
	led.wins = append(led.wins, window{k: k})
	return &led.wins[len(led.wins)-1]
}

// entry finds or opens what is to be told of a window.
func (led *ledger) entry(l *Limiter, k int64) *entry {
	if !led.def.fixed() {
		k = 0
	}
	l.touch(led)
	for i := range led.pend {
		if led.pend[i].k == k {
			return &led.pend[i]
		}
	}
	led.pend = append(led.pend, entry{k: k, top: -1})
	return &led.pend[len(led.pend)-1]
}

// touch puts a ledger on the list of those that Redis must hear of.
func (l *Limiter) touch(led *ledger) {
	if led.dirty {
		return
	}
	led.dirty = true
	l.dirty = append(l.dirty, led)
	delay := micros(50_000)
	if !led.def.fixed() {
		delay = 2_000 // nothing comes free before Redis hears of it
	}
	l.flushAt = min(l.flushAt, l.tick()+delay)
}

// took books units that Redis granted.
func (led *ledger) took(n int, k0, k1 int64, used int, now micros) {
	led.fly += n
	led.used = now
	if !led.def.fixed() {
		led.known, led.knownAt = used, now
		return
	}
	for k := k0; k <= k1; k++ {
		w := led.window(k)
		w.fly += n
		w.known, w.at = max(w.known, used), now
	}
}

// give takes units out of this process's hands; Redis hears of it with the entry.
func (led *ledger) give(l *Limiter, n int, k0, k1 int64) {
	led.fly = max(0, led.fly-n)
	if !led.def.fixed() {
		led.entry(l, 0).back += n
		return
	}
	for k := k0; k <= k1; k++ {
		led.entry(l, k).back += n
		w := led.window(k)
		w.fly = max(0, w.fly-n)
	}
}

// expire returns the block when its time is over.
func (led *ledger) expire(l *Limiter, now micros) {
	if led.have > 0 && now >= led.until {
		n := led.have
		led.have = 0
		led.give(l, n, led.haveK, led.haveK)
	}
}

// target is how many units to lease beyond what is asked for.
func (led *ledger) target(now micros) int {
	if led.def.block == 0 {
		return 0
	}
	dt := max(now-led.since, 20_000)
	r := float64(led.spent) / float64(dt)
	if led.rate == 0 || dt > 2_000_000 {
		led.rate = r
	} else {
		led.rate = 0.5*led.rate + 0.5*r
	}
	led.spent, led.since = 0, now
	return min(led.def.block, int(led.rate*blockLife))
}

// blockLife is how long a block may be kept, in microseconds.
const blockLife = 500_000

// use notes what was spent of the local share, for Redis to hear when it is back.
func (led *ledger) use(l *Limiter, n int, now micros) {
	led.used = now
	if led.def.fixed() {
		lo, hi := l.venueClock(now)
		for k := windowOf(led.def.Window, now+lo); k <= windowOf(led.def.Window, now+hi+l.late.value()); k++ {
			e := led.entry(l, k)
			e.add += n
			e.at = now
		}
		led.forget(windowOf(led.def.Window, now+lo))
		return
	}
	if led.def.Kind == exauth.Concurrency {
		return
	}
	l.touch(led)
	if span := led.def.span(); now-led.ownSince > span {
		led.ownBefore = 0
		if now-led.ownSince < 2*span {
			led.ownBefore = led.own
		}
		led.own, led.ownSince = 0, now
	}
	led.own += float64(n)
}

// forget drops what is to be told of windows that are over.
func (led *ledger) forget(k int64) {
	kept := led.pend[:0]
	for _, e := range led.pend {
		if e.k >= k-1 {
			kept = append(kept, e)
		}
	}
	led.pend = kept
}

// shown reads the venue's own count from an answer.
func (led *ledger) shown(h http.Header) (used int, ok bool) {
	q := &led.def.Quota
	if n, ok := number(h, q.UsedHeader); ok && n <= 10*int64(q.Limit) {
		return int(min(n, 10*int64(led.def.limit))), true
	}
	if n, ok := number(h, q.RemainingHeader); ok && n <= int64(q.Limit) {
		return int(min(int64(q.Limit)-n, 10*int64(led.def.limit))), true
	}
	return 0, false
}

// idle reports a ledger that nothing depends on.
func (led *ledger) idle(now micros) bool {
	return led.fly == 0 && led.queued == 0 && !led.dirty && now-led.used > max(led.def.span(), 60_000_000)
}
