package exauth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"
)

// LimiterOptions tunes the in-process limiter. Nil and the zero value mean every
// default.
type LimiterOptions struct {
	Now    func() time.Time // default time.Now
	Share  float64          // the part of every quota this process may use; 0 means all of it
	Greedy bool             // leave no room for other clients that are seen on the same IP or account
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
)

// A Snapshotter shows the state of a limiter. The limiter of NewLimiter is one.
type Snapshotter interface{ Snapshot() []QuotaState }

// A QuotaState is one quota of one scope as a limiter sees it.
type QuotaState struct {
	Quota, Scope, Item string
	Used, Limit        int           // Used is the upper bound of the venue's own counter
	InFlight           int           // of Used, not answered yet
	ResetsIn           time.Duration // until something becomes free again
	Waiting            int           // calls in the queue, over all quotas
	Gate               time.Duration // until the gate opens; 0 when it is open
}

// NewLimiter makes the in-process limiter for a venue's quotas. It is safe for
// concurrent use, starts no goroutine, and is shared by passing it to several
// Clients in Options: calls that leave from one address belong into one limiter.
//
// It never lets the venue's own counter pass a limit: what was answered is in the
// highest header seen, what is under way or lost counts on top of that.
func NewLimiter(v *Venue, opts *LimiterOptions) Limiter {
	l := &limiter{name: v.Name, now: time.Now}
	if opts != nil {
		l.opts = *opts
	}
	if l.opts.Now != nil {
		l.now = l.opts.Now
	}
	l.base = l.now()
	l.wall = l.base.UnixNano()
	l.offset.init()
	for _, q := range v.Quotas {
		if q.Limit <= 0 {
			continue
		}
		for _, name := range []*string{&q.UsedHeader, &q.RemainingHeader, &q.ResetHeader, &q.TimeHeader} {
			*name = http.CanonicalHeaderKey(*name)
		}
		d := &quotaDef{Quota: q, limit: q.Limit}
		if s := l.opts.Share; s > 0 && s < 1 {
			d.limit = max(1, int(float64(q.Limit)*s))
			d.Refill *= s
		}
		l.defs = append(l.defs, d)
	}
	return l
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
	defs    []*quotaDef
	offset  offsetBounds
	gates   map[scopeKey]*gate
	closed  int // gates that are not open
	queue   [3]waiters
	waiting int
	mark    uint64 // of the pump that runs
	timer   *time.Timer
	slots   []leaseSlot
	free    []uint32
	reports []Report

	lastDate  string // parsed once a second, not once a call
	lastStamp int64
}

type quotaDef struct {
	Quota
	limit   int
	ledgers map[ledgerKey]*ledger
	last    *ledger // the one used last: most programs have one scope
}

type scopeKey struct {
	per Per
	id  string
}

type ledgerKey struct{ id, item string }

// leaseSlot is a granted lease until it is settled.
type leaseSlot struct {
	gen   uint32
	live  bool
	probe *gate
	at    nanos
	n     int
	parts [3]part
	more  []part // beyond three quotas
}

// part is what a lease took from one ledger.
type part struct {
	led  *ledger
	n    int32
	more int32 // windows after k0 that the call may fall into too
	k0   int64 // the first one, or the number of an anchored window
}

func (s *leaseSlot) part(i int) *part {
	if i < len(s.parts) {
		return &s.parts[i]
	}
	return &s.more[i-len(s.parts)]
}

// tick is the local time.
func (l *limiter) tick() nanos {
	if l.opts.Now == nil {
		return int64(time.Since(l.base))
	}
	return int64(l.now().Sub(l.base))
}

// since converts an observation's time.
func (l *limiter) since(t time.Time) nanos { return int64(t.Sub(l.base)) }

// Wait takes all costs of d or none, waiting as long as needed. See Limiter.
func (l *limiter) Wait(ctx context.Context, d Demand) (Lease, error) {
	if err := ctx.Err(); err != nil {
		return Lease{}, err
	}
	l.mu.Lock()
	now := l.tick()
	var w waiter
	if err := l.resolve(&w, d); err != nil {
		l.flush()
		return Lease{}, err
	}
	if l.waiting == 0 || l.opts.Off {
		if ok, _, _ := l.admit(&w, now); ok {
			id := l.grant(&w, now)
			l.flush()
			return Lease{settler: l, id: id}, nil
		}
	}
	return l.queueUp(ctx, w, d.MaxWait, now)
}

// queueUp is the slow way of Wait: the call has to wait its turn.
func (l *limiter) queueUp(ctx context.Context, found waiter, maxWait time.Duration, now nanos) (Lease, error) {
	w := new(waiter)
	*w = found
	w.since, w.limit = now, forever
	if by, ok := ctx.Deadline(); ok {
		w.limit = now + int64(time.Until(by))
		if l.opts.Now != nil {
			w.limit = l.since(by)
		}
	}
	byCaller := w.limit
	if maxWait > 0 {
		w.limit = min(w.limit, now+int64(maxWait))
	}
	if _, at, _ := l.admit(w, now); at > w.limit {
		l.flush()
		return Lease{}, tooLong(time.Duration(at-now), byCaller < at)
	}
	w.ready = make(chan struct{})
	l.queue[w.prio].push(w)
	l.waiting++
	l.pump(now)
	l.flush()

	var expired <-chan time.Time
	if maxWait > 0 {
		t := time.NewTimer(maxWait)
		defer t.Stop()
		expired = t.C
	}
	select {
	case <-w.ready:
		return Lease{settler: l, id: w.id}, nil
	case <-ctx.Done():
		return l.leave(w, ctx.Err())
	case <-expired:
		return l.leave(w, nil)
	}
}

// leave takes a waiter out of the queue; what it was granted meanwhile goes back.
func (l *limiter) leave(w *waiter, cause error) (Lease, error) {
	l.mu.Lock()
	if w.granted {
		l.mu.Unlock()
		if cause == nil { // granted in the same instant: take it
			return Lease{settler: l, id: w.id}, nil
		}
		l.Settle(w.id, Observation{})
		return Lease{}, cause
	}
	l.queue[w.prio].remove(w)
	l.waiting--
	now := l.tick()
	_, at, _ := l.admit(w, now)
	l.pump(now)
	l.flush()
	if cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return Lease{}, cause
	}
	return Lease{}, tooLong(time.Duration(max(at-now, 0)), cause != nil)
}

// tooLong is the refusal of a wait that would outlast what the caller allows.
func tooLong(wait time.Duration, deadline bool) error {
	if wait > maxRetryAfter {
		wait = time.Second // no better guess than "when an answer comes"
	}
	e := &Error{Kind: ErrRateLimited, RetryAfter: wait, Message: "quota is free again in " + wait.Round(time.Millisecond).String()}
	if deadline {
		e.Err = context.DeadlineExceeded
	}
	return e
}

// resolve finds the ledgers of a demand.
func (l *limiter) resolve(w *waiter, d Demand) error {
	w.prio = min(d.Priority, PriorityCancel)
	w.egress = d.Egress
	for _, c := range d.Costs {
		if c.N == 0 {
			continue
		}
		def := l.def(c.Quota)
		if def == nil {
			l.report(Report{Quota: c.Quota, Kind: ReportUnknownQuota})
			continue
		}
		if c.N < 0 || c.N > def.limit {
			return fmt.Errorf("%w: a cost of %d in quota %q, whose limit is %d", ErrParam, c.N, c.Quota, def.limit)
		}
		p := part{led: l.ledger(def, d, c.Item), n: int32(c.N)}
		if w.n < len(w.parts) {
			w.parts[w.n] = p
		} else {
			w.more = append(w.more, p)
		}
		w.n++
	}
	return nil
}

func (l *limiter) def(name string) *quotaDef {
	for _, d := range l.defs {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// ledger finds or opens the account book of one quota and scope.
func (l *limiter) ledger(def *quotaDef, d Demand, item string) *ledger {
	id := ""
	switch def.Per {
	case PerIP, PerEndpoint:
		id = d.Egress
	case PerAccount, PerSymbol:
		id = d.Account
	case PerKey:
		id = d.KeyID
	}
	if def.Per != PerEndpoint && def.Per != PerSymbol {
		item = ""
	}
	if led := def.last; led != nil && led.key.id == id && led.key.item == item {
		return led
	}
	key := ledgerKey{id, item}
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
	if len(def.ledgers) < maxLedgers {
		return
	}
	now := l.tick()
	for key, led := range def.ledgers {
		if led.idle(now, l) {
			delete(def.ledgers, key)
		}
	}
}

// admit reports whether a demand could go now, and when not, at what time it may
// be worth asking again and which ledger is in the way.
func (l *limiter) admit(w *waiter, now nanos) (ok bool, at nanos, by *ledger) {
	if l.closed > 0 {
		if until, open := l.gateOpen(w, now); !open {
			return false, until, nil
		}
	}
	if l.opts.Off {
		return true, now, nil
	}
	at = now
	for i := range w.n {
		p := w.part(i)
		if t := p.led.free(l, int(p.n), w.prio, now); t > now {
			if by == nil || t > at {
				at, by = t, p.led
			}
		}
	}
	return by == nil, at, by
}

// grant takes what admit found free.
func (l *limiter) grant(w *waiter, now nanos) uint64 {
	var i uint32
	if n := len(l.free); n > 0 {
		i, l.free = l.free[n-1], l.free[:n-1]
	} else {
		l.slots = append(l.slots, leaseSlot{})
		i = uint32(len(l.slots) - 1)
	}
	s := &l.slots[i]
	s.gen++
	s.live, s.at, s.n, s.parts, s.more = true, now, w.n, w.parts, w.more
	s.probe = nil
	if l.closed > 0 {
		s.probe = l.takeProbe(w)
	}
	for j := range s.n {
		p := s.part(j)
		p.led.take(l, p, now, w.prio)
	}
	return uint64(s.gen)<<32 | uint64(i)
}

// Settle books the fate of a call. A second Settle, or one of a lease that is not
// ours, does nothing.
func (l *limiter) Settle(id uint64, o Observation) {
	l.mu.Lock()
	i := uint32(id)
	if int(i) >= len(l.slots) || !l.slots[i].live || l.slots[i].gen != uint32(id>>32) {
		l.mu.Unlock()
		return
	}
	s := &l.slots[i]
	f := l.fateOf(s, o)
	for j := range s.n {
		p := s.part(j)
		n := int(p.n)
		if f.costs != nil {
			n = actual(f.costs, p)
		}
		p.led.settle(l, p, n, &f)
	}
	l.settleGate(s, &f)
	s.live, s.more, s.probe = false, nil, nil
	l.free = append(l.free, i)
	if l.waiting > 0 {
		l.pump(l.tick())
	}
	l.flush()
}

// fate is an observation in the limiter's own terms.
type fate struct {
	sent, received nanos
	answered       bool
	unsent         bool
	header         http.Header // nil when it must not be believed
	costs          []Cost
	refused        string
	status         int
	retryAfter     time.Duration
	asked          bool  // the venue named the time to wait
	dateLo, dateHi int64 // the venue's clock at the answer, Unix ns; 0 when unknown
}

func (l *limiter) fateOf(s *leaseSlot, o Observation) fate {
	f := fate{sent: s.at, received: s.at, costs: o.Costs, refused: o.Refused, status: o.Status}
	f.unsent = o.Sent.IsZero() && o.Status == 0 && !o.Unknown
	if f.unsent {
		return f
	}
	if !o.Sent.IsZero() {
		f.sent = max(l.since(o.Sent), 0)
	}
	if o.Received.IsZero() {
		f.received = max(l.tick(), f.sent)
	} else {
		f.received = max(l.since(o.Received), f.sent)
	}
	f.answered = o.Status != 0 && !o.Unknown
	if !f.answered || len(o.Header) == 0 {
		f.asked, f.retryAfter = o.RetryAfter > 0, min(max(o.RetryAfter, 0), maxRetryAfter)
		return f
	}
	if o.Status >= 400 || o.Refused != "" {
		if f.retryAfter = min(max(o.RetryAfter, 0), maxRetryAfter); f.retryAfter > 0 {
			f.asked = true
		} else {
			f.retryAfter, f.asked = retryAfter(o.Header, o.Received)
		}
	}
	if fromCache(o.Status, o.Header) {
		return f
	}
	f.header = o.Header
	if d := o.Header["Date"]; len(d) == 1 && d[0] != l.lastDate {
		if t, err := http.ParseTime(d[0]); err == nil {
			l.lastDate, l.lastStamp = d[0], t.UnixNano()
		}
	}
	if d := o.Header["Date"]; len(d) == 1 && d[0] == l.lastDate {
		f.dateLo, f.dateHi = l.lastStamp, l.lastStamp+int64(time.Second)
		l.offset.observe(f.dateLo-(l.wall+f.received), f.dateHi-(l.wall+f.sent), f.received)
	}
	return f
}

// actual is what a call really cost in the quota of p.
func actual(costs []Cost, p *part) int {
	for _, c := range costs {
		if c.Quota == p.led.def.Name && (c.Item == "" || c.Item == p.led.key.item) {
			return min(max(c.N, 0), 10*p.led.def.limit)
		}
	}
	return int(p.n)
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
