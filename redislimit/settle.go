package redislimit

import (
	"net/http"
	"time"

	"github.com/exauth/exauth"
)

// gateNews is what the fleet must hear about a gate.
type gateNews struct {
	scope *scope
	act   string // as settle.lua knows them: shut, open, free
	wait  micros // 0: the venue named no time
	ban   bool
	at    micros
}

// tellGate puts news of a gate on the list; they are urgent.
func (l *Limiter) tellGate(g gateNews) {
	l.gates = append(l.gates, g)
	l.flushAt = 0
}

// Settle books the fate of a call. A second Settle, or one of a lease that is not
// ours, does nothing.
func (l *Limiter) Settle(id uint64, o exauth.Observation) {
	l.mu.Lock()
	i := uint32(id)
	if int(i) >= len(l.slots) || !l.slots[i].live || l.slots[i].gen != uint32(id>>32) {
		l.mu.Unlock()
		return
	}
	s := l.slots[i]
	l.slots[i] = slot{gen: s.gen}
	l.free = append(l.free, i)
	l.inFlight--
	if l.closed {
		l.mu.Unlock()
		return
	}
	f := l.fateOf(&s, &o)
	for j := range s.n {
		l.settlePart(s.part(j), &s, &f)
	}
	l.settleGate(&s, &f)
	if len(l.reports) > 0 {
		l.flushReports()
	}
	wake := l.flushAt < l.sleepTo
	if !l.running && (l.flushAt < forever || l.waiting > 0) {
		l.start()
	}
	l.mu.Unlock()
	if s.local {
		s.inner.Settle(o)
	}
	if wake {
		l.poke()
	}
}

// fate is an observation in the limiter's own terms.
type fate struct {
	sent, received micros
	answered       bool
	unsent         bool
	header         http.Header // nil when it must not be believed
	costs          []exauth.Cost
	refused        string
	status         int
	retryAfter     time.Duration
	stamp          micros // the venue's clock was not later than this; 0 when unknown
}

func (l *Limiter) fateOf(s *slot, o *exauth.Observation) fate {
	f := fate{sent: s.at, received: s.at, costs: o.Costs, refused: o.Refused, status: o.Status}
	if f.unsent = o.Sent.IsZero() && o.Status == 0 && !o.Unknown; f.unsent {
		return f
	}
	if !o.Sent.IsZero() {
		f.sent = max(l.local(o.Sent), s.at)
	}
	f.received = l.tick()
	if !o.Received.IsZero() {
		f.received = min(f.received, l.local(o.Received))
	}
	f.received = max(f.received, f.sent)
	f.answered = o.Status != 0 && !o.Unknown
	f.retryAfter = min(max(o.RetryAfter, 0), longest)
	if !f.answered {
		return f
	}
	l.late.add(f.received-f.sent, f.received)
	if o.Header == nil {
		return f
	}
	if f.retryAfter == 0 && (o.Status >= 400 || o.Refused != "") {
		f.retryAfter = retryAfter(o.Header, o.Received)
	}
	if fromCache(o.Status, o.Header) {
		return f
	}
	f.header = o.Header
	name := ""
	for j := range s.n {
		if h := s.part(j).led.def.TimeHeader; h != "" {
			name = h
		}
	}
	l.stamped(o.Header, name, f.sent, f.received)
	if d := o.Header["Date"]; len(d) == 1 && d[0] == l.lastDate {
		f.stamp = l.lastStamp + 1_000_000
	}
	return f
}

// actual is what a call really cost in a ledger.
func (f *fate) actual(p *part) int {
	if f.costs == nil {
		return p.n
	}
	for _, c := range f.costs {
		if c.Quota == p.led.def.Name && (c.Item == "" || c.Item == p.led.id.item) {
			return min(max(c.N, 0), 10*p.led.def.limit)
		}
	}
	return p.n
}

func (l *Limiter) settlePart(p *part, s *slot, f *fate) {
	led := p.led
	if f.answered && l.refusedBy(led, f) && led.def.UsedHeader == "" && led.def.RemainingHeader == "" {
		led.refused = true
		l.touch(led)
	}
	if s.local {
		l.settleLocal(p, f)
		return
	}
	led.give(l, p.n, p.k0, p.k1)
	if f.unsent {
		return
	}
	n := f.actual(p)
	used, ok := 0, false
	if f.header != nil {
		used, ok = led.shown(f.header)
	}
	if led.def.fixed() {
		l.settleFixed(p, n, used, ok, f)
		return
	}
	if led.def.Kind == exauth.Concurrency {
		return
	}
	e := led.entry(l, 0)
	e.add += n
	at := f.received
	if !f.answered { // it may be counted as late as an answer would have come
		at += l.late.value()
	}
	e.at = max(e.at, at)
	if ok {
		e.top = max(e.top, used)
	}
}

// settleFixed decides in which window a call was counted. An answer whose window is
// in doubt is not believed, and its cost stays in every window it may be in.
func (l *Limiter) settleFixed(p *part, n, used int, shown bool, f *fate) {
	led, d := p.led, p.led.def.Window
	a, b := l.venueClock(f.received)
	lo, hi := f.sent+a, f.received+b
	if f.stamp != 0 {
		hi = max(min(hi, f.stamp), lo)
	}
	at := f.received
	if !f.answered {
		hi += l.late.value()
		at += 2_000_000 // until then no count surely holds it
	}
	k0, k1 := windowOf(d, lo), windowOf(d, hi)
	k0 = max(k0, min(p.k0, k1), k1-40) // sent after it was granted
	if f.answered && shown && k0 == k1 {
		e := led.entry(l, k0)
		e.top = max(e.top, used)
		rlo, _ := l.redisOff.at(f.received)
		e.sent = max(e.sent, f.sent+rlo)
		w := led.window(k0)
		w.known, w.at = max(w.known, used), f.received
		return
	}
	for k := k0; k <= k1; k++ {
		e := led.entry(l, k)
		e.add += n
		e.at = max(e.at, at)
	}
}

// refusedBy reports whether an answer says that this ledger's quota refused the call.
func (l *Limiter) refusedBy(led *ledger, f *fate) bool {
	if f.refused != "" {
		return f.refused == led.def.Name
	}
	return f.status == http.StatusTooManyRequests
}

// settleGate shuts a gate on a refusal, and opens it on a probe's success.
func (l *Limiter) settleGate(s *slot, f *fate) {
	ban := f.status == http.StatusTeapot || f.status == http.StatusForbidden && f.retryAfter > 0
	if f.answered && (ban || f.status == http.StatusTooManyRequests || f.refused != "") {
		g := l.gateOf(s, f)
		wait := f.retryAfter.Microseconds()
		l.tellGate(gateNews{scope: g, act: "shut", wait: wait, ban: ban, at: f.received})
		kind := exauth.ReportRefused
		if ban {
			kind = exauth.ReportBanned
		}
		l.report(exauth.Report{Quota: f.refused, Kind: kind, RetryAfter: f.retryAfter})
		if wait == 0 { // the fleet knows how often; until it answers:
			wait = 1_000_000
			if ban {
				wait = 120_000_000
			}
		}
		g.shut, g.until = true, max(g.until, f.received+wait)
		for _, p := range s.probes {
			if p != g {
				l.tellGate(gateNews{scope: p, act: "free"})
			}
		}
		return
	}
	for _, p := range s.probes {
		if f.answered {
			p.shut = false
			l.tellGate(gateNews{scope: p, act: "open"})
		} else {
			l.tellGate(gateNews{scope: p, act: "free"})
		}
	}
}

// gateOf is whom a refusal is about: the quota it names, or the address.
func (l *Limiter) gateOf(s *slot, f *fate) *scope {
	first := s.ip
	if f.status == http.StatusTeapot {
		return first
	}
	found := false
	for j := range s.n {
		led := s.part(j).led
		if f.refused == led.def.Name {
			return led.scope
		}
		if f.refused == "" && (!found || led.def.Per == exauth.PerIP) {
			first, found = led.scope, true
		}
	}
	return first
}
