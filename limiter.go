package exauth

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"
)

// LimiterOptions tunes the in-process limiter. Nil and the zero value mean every
// default.
type LimiterOptions struct {
	Now    func() time.Time // default time.Now; timers are always real ones
	Share  float64          // the part of every quota this process may use; 0 means all of it
	Greedy bool             // leave other clients on the same IP or account no room, and do not spread calls beside them
	Pace   bool             // spread calls over a window instead of using it up at its start
	Off    bool             // count and obey bans, but never wait for a quota
	Report func(Report)     // hears what a person should know; called without locks held
}

// A Report is something a person should know about quotas.
type Report struct {
	Venue, Quota string
	Kind         ReportKind
	Used, Limit  int
	RetryAfter   time.Duration
}

// ReportKind says what a Report is about.
type ReportKind uint8

const (
	ReportRefused      ReportKind = iota // the venue refused a call for a quota
	ReportBanned                         // the venue banned the address or the account
	ReportForeignUse                     // use that is not ours jumped: somebody else holds the key or the IP
	ReportUnknownQuota                   // a call named a quota that the venue does not publish
	ReportClock                          // the venue's clock jumped, or ours stood still
)

// A Snapshotter shows the state of a limiter. The limiter of NewLimiter is one.
type Snapshotter interface{ Snapshot() []QuotaState }

// A QuotaState is one quota of one scope as a limiter sees it.
type QuotaState struct {
	Quota, Scope, Item string
	Used, Limit        int           // Used is the upper bound of the venue's own counter
	InFlight           int           // of Used, not answered yet
	ResetsIn           time.Duration // until something becomes free again
	Waiting            int           // calls in the queue that need this quota
	Gate               time.Duration // until the gate opens; 0 when it is open
}

// NewLimiter makes the in-process limiter for a venue's quotas. It is safe for
// concurrent use, starts no goroutine, and is shared by passing it to several
// Clients in Options: calls that leave from one address belong into one limiter.
// It is also a Snapshotter and a QuotaSetter.
//
// It never lets the venue's own counter pass a limit: what was answered is in the
// highest header seen, what is under way or lost counts on top of that. Other
// clients that the headers show are left room, and calls are spread over the window
// beside them, so that several limiters on one address come to use alike; see
// LimiterOptions.Greedy. Many that start within one minute do not know each other yet
// and may be refused: share one limiter, or a redislimit, where you can. Quotas that
// no limiter could keep (no window, no refill, a limit of nothing) are not kept, and
// calls that name them are reported.
func NewLimiter(v *Venue, opts *LimiterOptions) Limiter {
	l := &limiter{name: v.Name, now: time.Now}
	if opts != nil {
		l.opts = *opts
	}
	if l.opts.Now != nil {
		l.now = l.opts.Now
	}
	if l.opts.Off {
		l.unrest = 1 // nothing goes the quick way
	}
	l.base = l.now()
	l.wall = l.base.UnixNano()
	l.offset.init()
	for _, q := range v.Quotas {
		if keepable(q) && l.def(q.Name) == nil {
			l.defs = append(l.defs, l.define(q))
		}
	}
	return l
}

// keepable reports whether a quota can be kept at all.
func keepable(q Quota) bool {
	switch {
	case q.Limit <= 0:
		return false
	case q.Kind <= SlidingWindow:
		return q.Window > 0
	case q.Kind == DecayCounter || q.Kind == TokenBucket:
		return q.Refill > 0 && !math.IsInf(q.Refill, 0) && q.Step >= 0
	}
	return q.Kind == Concurrency
}

// shortWindow is the length below which a fixed window is kept as a sliding one:
// the time in which nobody knows on which side of its edge a call arrives would be
// most of it. What is safe for every span of that length is safe for aligned ones,
// and for anchored ones whose beginning no header tells.
const shortWindow = 5 * time.Second

// define makes a quota ready for use.
func (l *limiter) define(q Quota) *quotaDef {
	for _, name := range []*string{&q.UsedHeader, &q.RemainingHeader, &q.ResetHeader, &q.TimeHeader} {
		*name = http.CanonicalHeaderKey(*name)
	}
	q.Limit = min(q.Limit, math.MaxInt32)
	headed := q.UsedHeader != "" || q.RemainingHeader != ""
	if q.Kind == FixedWindow && q.Window < shortWindow || q.Kind == AnchoredWindow && (!headed || q.ResetHeader == "") {
		q.Kind = SlidingWindow
	}
	d := &quotaDef{Quota: q, mine: q.Limit, headed: headed}
	if s := l.opts.Share; s > 0 && s < 1 { // what is no part is all
		d.mine = max(1, int(float64(q.Limit)*s))
		d.Refill *= s
	}
	return d
}

// SetQuotas changes the limits while the limiter works; see QuotaSetter. Waiting
// calls are looked at again at once.
func (l *limiter) SetQuotas(quotas []Quota) {
	l.mu.Lock()
	now := l.tick()
	var defs []*quotaDef
	for _, q := range quotas {
		if !keepable(q) {
			continue
		}
		d, old := l.define(q), l.def(q.Name)
		if old != nil && old.Kind == d.Kind && old.Window == d.Window && old.Per == d.Per {
			for _, led := range old.ledgers {
				led.sync(now)
				led.quick = quick{}
			}
			old.Quota, old.mine, old.headed = d.Quota, d.mine, d.headed
			d = old
		}
		defs = append(defs, d)
	}
	l.defs, l.lately = defs, [3]*ledger{}
	if l.waiting > 0 {
		l.pump(now)
	}
	l.flush()
}

// nanos is local time since the limiter was made, on the monotonic clock.
type nanos = int64

const forever nanos = math.MaxInt64 / 4

// limiter is one mutex around a ledger per quota and scope: three quotas all or
// none cannot be taken with atomics without others seeing the half of it.
type limiter struct {
	name string
	opts LimiterOptions
	now  func() time.Time
	base time.Time
	wall int64 // base as Unix nanoseconds

	mu      sync.Mutex
	unrest  int // calls that wait, gates that are shut, and 1 when switched off: all take the slow way
	defs    []*quotaDef
	offset  offsetBounds
	gates   map[scopeKey]*gate
	closed  int // gates that are not open
	queue   [3]waiters
	waiting int
	mark    uint64 // of the pump that runs
	again   nanos  // when it should run again although nothing else is due
	reapAt  nanos  // when to look for forgotten leases
	timer   *time.Timer
	lately  [3]*ledger // of a demand's costs, in their order
	slots   []leaseSlot
	free    []uint32
	reports []Report

	lastDate  string // parsed once a second, not once a call
	lastStamp int64
}

// quotaDef is one quota and its account books.
type quotaDef struct {
	Quota
	mine    int  // the limit for this process: the venue's, or a share of it
	headed  bool // answers tell the venue's own count
	ledgers map[ledgerKey]*ledger
	last    *ledger // the one used last: most programs have one scope
}

// ledgerKey is whose account book it is: the id of an address, account or key, and
// the symbol or endpoint where there is a book for each.
type ledgerKey struct{ id, item string }

// scopeKey is what a gate stands before.
type scopeKey struct {
	per Per
	ledgerKey
}

func (led *ledger) scope() scopeKey { return scopeKey{led.def.Per, led.key} }

// tick is the local time.
func (l *limiter) tick() nanos {
	if l.opts.Now == nil {
		return int64(time.Since(l.base))
	}
	return int64(l.now().Sub(l.base))
}

// since converts an observation's time.
func (l *limiter) since(t time.Time) nanos { return int64(t.Sub(l.base)) }

func (l *limiter) def(name string) *quotaDef {
	for _, d := range l.defs {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// scope names whose account book of a quota a call goes into.
func (def *quotaDef) scope(d *Demand, item string) ledgerKey {
	switch def.Per {
	case PerAccount:
		return ledgerKey{d.Account, ""}
	case PerKey:
		return ledgerKey{d.KeyID, ""}
	case PerEndpoint:
		return ledgerKey{d.Egress, item}
	case PerSymbol:
		return ledgerKey{d.Account, item}
	}
	return ledgerKey{d.Egress, ""}
}

// ledger finds or opens the account book of one quota and scope.
func (l *limiter) ledger(def *quotaDef, key ledgerKey) *ledger {
	if led := def.last; led != nil && led.key == key {
		return led
	}
	led := def.ledgers[key]
	if led == nil {
		led = newLedger(def, key)
		if def.ledgers == nil {
			def.ledgers = make(map[ledgerKey]*ledger)
		}
		l.evict(def)
		def.ledgers[key] = led
	}
	def.last = led
	return led
}

// maxLedgers bounds what per-item quotas may pile up.
const maxLedgers = 10000

func (l *limiter) evict(def *quotaDef) {
	if len(def.ledgers) < maxLedgers || l.waiting > 0 { // a waiter holds on to its ledgers
		return
	}
	now := l.tick()
	l.lately = [3]*ledger{}
	for key, led := range def.ledgers {
		if led.idle(now) {
			delete(def.ledgers, key)
		}
	}
}

// report keeps a report until the lock is released.
func (l *limiter) report(r Report) {
	if l.opts.Report != nil {
		r.Venue = l.name
		l.reports = append(l.reports, r)
	}
}

// flush unlocks, and tells what was reported meanwhile.
func (l *limiter) flush() {
	reports := l.reports
	l.reports = nil
	l.mu.Unlock()
	for _, r := range reports {
		l.opts.Report(r)
	}
}

// Snapshot shows every quota of every scope that was used, in the order of the venue's
// quotas and by scope.
func (l *limiter) Snapshot() []QuotaState {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tick()
	waits := make(map[*ledger]int)
	for i := range l.queue {
		for w := l.queue[i].head; w != nil; w = w.next {
			for j := range w.n {
				waits[w.part(j).led]++
			}
		}
	}
	var all []QuotaState
	for _, def := range l.defs {
		first := len(all)
		for _, led := range def.ledgers {
			s := led.state(l, now)
			s.Waiting = waits[led]
			for _, g := range l.gates {
				if g.shut && g.key == led.scope() {
					s.Gate = max(time.Duration(g.until-now), 0)
				}
			}
			all = append(all, s)
		}
		slices.SortFunc(all[first:], func(a, b QuotaState) int {
			return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Item, b.Item))
		})
	}
	return all
}
