package redislimit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/exauth/exauth"
	"github.com/redis/rueidis"
)

// A Limiter is an exauth.Limiter whose quotas, gates and counts are shared with
// every process that uses the same Redis. Make one with New, pass it to all Clients
// of its venue, and Close it when they are done. It is safe for concurrent use.
//
// One goroutine talks to Redis while there is something to say, and ends by itself.
type Limiter struct {
	redis              rueidis.Client
	venue              *exauth.Venue
	opts               Options
	tag                string // what all keys begin with
	fleetKey, procsKey string
	pid                string // this process, for the others
	scripts            scripts
	base               time.Time
	wall               micros // base on the wall clock

	mu       sync.Mutex
	closed   bool
	defs     map[string]*quotaDef
	scopes   map[string]*scope
	lastIP   *scope
	lastName string // of lastIP
	queue    [3]waiters
	waiting  int
	mark     uint64 // of the walk that runs
	slots    []slot
	free     []uint32
	inFlight int // leases that are not settled
	dirty    []*ledger
	spare    []*request // to be used again
	lo, hi   bound      // of the arrival, as last sent
	flushAt  micros     // when dirty ledgers and gates are due
	gates    []gateNews
	reports  []exauth.Report
	blocks   []*ledger // that may hold a block

	// What is known of the other clocks.
	redisOff, venueOff bounds
	late               lateness
	lastDate           string // parsed once a second, not once a call
	lastStamp          micros

	// The connection with the fleet.
	epoch    string // "" until the first join
	joined   bool   // false: join before anything else
	brokenAt micros // since when Redis has failed; 0 when it has not
	retryAt  micros // when to try to join again
	retries  int
	direct   int // takes under way outside of run
	beatAt   micros
	procs    int    // as last seen
	share    *share // not nil: Redis is away

	running bool
	sleepTo micros // when run wakes up by itself
	lastUse micros // when somebody last asked
	wake    chan struct{}
	done    chan struct{} // closed when run ends
}

// scope is who a gate closes for: an address, an account, a key, or one item of them.
type scope struct {
	name  string
	shut  bool // ask Redis before each call
	until micros
}

// ledgerKey is whose ledger it is, and for which item.
type ledgerKey struct{ id, item string }

// part is what a call takes from one ledger.
type part struct {
	led    *ledger
	n      int
	k0, k1 int64
}

// slot is a granted lease until it is settled.
type slot struct {
	gen    uint32
	live   bool
	local  bool // from the local share
	inner  exauth.Lease
	at     micros
	ip     *scope
	probes []*scope
	n      int
	parts  [3]part
	more   []part
}

func (s *slot) part(i int) *part {
	if i < len(s.parts) {
		return &s.parts[i]
	}
	return &s.more[i-len(s.parts)]
}

// Wait takes all costs of d or none, waiting as long as needed. See exauth.Limiter.
//
// Costs of quotas that the venue does not publish are not counted; a cost below one
// or above its quota's limit matches exauth.ErrParam.
func (l *Limiter) Wait(ctx context.Context, d exauth.Demand) (exauth.Lease, error) {
	for {
		lease, again, err := l.wait(ctx, d)
		if !again {
			return lease, err
		}
	}
}

// wait is one try; again means that Redis went away or came back meanwhile.
func (l *Limiter) wait(ctx context.Context, d exauth.Demand) (lease exauth.Lease, again bool, err error) {
	if err := ctx.Err(); err != nil {
		return exauth.Lease{}, false, err
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return exauth.Lease{}, false, l.refusal("limiter is closed", 0, false)
	}
	var w waiter
	err = l.resolve(&w, d)
	if len(l.reports) > 0 {
		l.flushReports()
	}
	if err != nil {
		l.mu.Unlock()
		return exauth.Lease{}, false, err
	}
	now := l.tick()
	l.lastUse = now
	if l.share != nil {
		return l.onShare(ctx, d, &w, now) // unlocks
	}
	if l.waiting == 0 {
		if l.ready(&w, now) {
			id := l.spend(&w, now)
			l.mu.Unlock()
			return exauth.NewLease(l, id), false, nil
		}
		if l.opts.Block < 0 && l.joined && !w.shut(now) {
			return l.ask(ctx, d, &w) // unlocks
		}
	}
	return l.enqueue(ctx, d, &w, now) // unlocks
}

// resolve finds the ledgers and scopes of a demand.
func (l *Limiter) resolve(w *waiter, d exauth.Demand) error {
	w.prio = min(d.Priority, exauth.PriorityCancel)
	egress := d.Egress
	if egress == "" {
		egress = l.opts.Egress
	}
	w.ip = l.scopeOf("ip:", egress)
	for _, c := range d.Costs {
		def := l.defs[c.Quota]
		if def == nil {
			l.report(exauth.Report{Quota: c.Quota, Kind: exauth.ReportUnknownQuota})
			continue
		}
		if c.N <= 0 || c.N > def.limit {
			return fmt.Errorf("%w: a cost of %d in quota %q, whose limit is %d", exauth.ErrParam, c.N, c.Quota, def.limit)
		}
		led := l.ledger(def, d, egress, c.Item)
		if p := w.find(led); p != nil {
			if p.n += c.N; p.n > def.limit {
				return fmt.Errorf("%w: a cost of %d in quota %q, whose limit is %d", exauth.ErrParam, p.n, c.Quota, def.limit)
			}
			continue
		}
		p := part{led: led, n: c.N}
		if w.n < len(w.parts) {
			w.parts[w.n] = p
		} else {
			w.more = append(w.more, p)
		}
		w.n++
	}
	return nil
}

// ledger finds or opens the ledger of one quota and scope.
func (l *Limiter) ledger(def *quotaDef, d exauth.Demand, egress, item string) *ledger {
	id, kind := egress, "ip:"
	switch def.Per {
	case exauth.PerAccount, exauth.PerSymbol:
		id, kind = d.Account, "acct:"
	case exauth.PerKey:
		id, kind = d.KeyID, "key:"
	}
	if def.Per != exauth.PerEndpoint && def.Per != exauth.PerSymbol {
		item = ""
	}
	if led := def.last; led != nil && led.id.id == id && led.id.item == item {
		return led
	}
	led := def.ledgers[ledgerKey{id, item}]
	if led == nil {
		who := kind + fingerprint(id) + ":" + clean(def.Name)
		led = &ledger{def: def, id: ledgerKey{id, item}, key: l.tag + ":" + who, since: l.tick()}
		led.scope = l.scopeOf(kind, id)
		if def.Per == exauth.PerEndpoint || def.Per == exauth.PerSymbol {
			led.key += ":" + clean(item)
			led.scope = &scope{name: "g:" + who + ":" + clean(item)}
		}
		l.evict(def)
		def.ledgers[led.id] = led
	}
	def.last = led
	return led
}

// scopeOf finds or opens a scope.
func (l *Limiter) scopeOf(kind, id string) *scope {
	if kind == "ip:" && l.lastIP != nil && l.lastName == id {
		return l.lastIP
	}
	s := l.scopes[kind+id]
	if s == nil {
		s = &scope{name: "g:" + kind + fingerprint(id)}
		l.scopes[kind+id] = s
	}
	if kind == "ip:" {
		l.lastIP, l.lastName = s, id
	}
	return s
}

// maxLedgers bounds what per-item quotas may pile up.
const maxLedgers = 10000

func (l *Limiter) evict(def *quotaDef) {
	if len(def.ledgers) < maxLedgers {
		return
	}
	now := l.tick()
	for id, led := range def.ledgers {
		if led.idle(now) {
			delete(def.ledgers, id)
		}
	}
}

// ready reports whether w can go without asking Redis: no gate of its scopes is
// shut, and blocks hold all that it needs.
func (l *Limiter) ready(w *waiter, now micros) bool {
	if w.ip.shut {
		return false
	}
	for i := range w.n {
		p := w.part(i)
		if p.led.have < p.n || now >= p.led.until || p.led.scope.shut {
			return false
		}
	}
	return w.n > 0 || l.joined
}

// spend grants w from the blocks.
func (l *Limiter) spend(w *waiter, now micros) uint64 {
	for i := range w.n {
		p := w.part(i)
		p.led.have -= p.n
		p.led.spent += p.n
		p.led.used = now
		p.k0, p.k1 = p.led.haveK, p.led.haveK
	}
	return l.grant(w, now)
}

// grant makes a lease of what w has got.
func (l *Limiter) grant(w *waiter, now micros) uint64 {
	var i uint32
	if n := len(l.free); n > 0 {
		i, l.free = l.free[n-1], l.free[:n-1]
	} else {
		l.slots = append(l.slots, slot{})
		i = uint32(len(l.slots) - 1)
	}
	s := &l.slots[i]
	*s = slot{gen: s.gen + 1, live: true, at: now, ip: w.ip, n: w.n, parts: w.parts, more: w.more}
	l.inFlight++
	return uint64(s.gen)<<32 | uint64(i)
}

// refusal is the error of a call that may not be sent.
func (l *Limiter) refusal(text string, wait time.Duration, deadline bool) error {
	e := &exauth.Error{Venue: l.venue.Name, Kind: exauth.ErrRateLimited, RetryAfter: wait, Message: text}
	if deadline {
		e.Err = context.DeadlineExceeded
	}
	return e
}

// tooLong is the refusal of a wait that would outlast what the caller allows.
func (l *Limiter) tooLong(wait micros, deadline bool) error {
	d := min(time.Duration(max(wait, 1000))*time.Microsecond, longest)
	return l.refusal("quota is free again in "+d.Round(time.Millisecond).String(), d, deadline)
}

// report keeps a report until the lock is released.
func (l *Limiter) report(r exauth.Report) {
	if l.opts.Report != nil {
		r.Venue = l.venue.Name
		l.reports = append(l.reports, r)
	}
}

// flushReports tells what was reported, without the lock, and takes it again.
func (l *Limiter) flushReports() {
	reports := l.reports
	l.reports = nil
	l.mu.Unlock()
	for _, r := range reports {
		l.opts.Report(r)
	}
	l.mu.Lock()
}

// Snapshot shows every quota that this process used, as it last saw it: Used is what
// Redis or the venue showed, ResetsIn is known for fixed windows only. It is an
// exauth.Snapshotter's.
func (l *Limiter) Snapshot() []exauth.QuotaState {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tick()
	var all []exauth.QuotaState
	for _, def := range l.defs {
		for _, led := range def.ledgers {
			s := exauth.QuotaState{
				Quota: def.Name, Scope: led.id.id, Item: led.id.item, Limit: def.limit,
				Used: led.known, InFlight: led.fly - led.have, Waiting: l.waiting,
			}
			if def.fixed() {
				lo, _ := l.venueClock(now)
				k := windowOf(def.Window, now+lo)
				s.Used = led.window(k).known
				s.ResetsIn = time.Duration(max(windowStart(def.Window, k+1)-now-lo, 0)) * time.Microsecond
			}
			if led.scope.shut {
				s.Gate = time.Duration(max(led.scope.until-now, 0)) * time.Microsecond
			}
			all = append(all, s)
		}
	}
	return all
}

// Close returns what this process holds, tells Redis the rest, and ends. Calls that
// wait fail; leases that are settled later are not counted. It does not close the
// client, and takes as long as one exchange with Redis at most.
func (l *Limiter) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	for prio := range l.queue {
		for w := l.queue[prio].head; w != nil; w = l.queue[prio].head {
			l.leave(w)
			w.err = l.refusal("limiter is closed", 0, false)
			close(w.ready)
		}
	}
	if l.share != nil {
		l.share.cancel()
		l.share = nil
	}
	running, done := l.running, l.done
	l.mu.Unlock()
	l.poke()
	if running {
		<-done
	}
	return l.farewell()
}
