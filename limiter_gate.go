package exauth

import (
	"net/http"
	"time"
)

// gate holds everybody of one scope while the venue refuses it. When it opens one
// call goes first, and the others follow its success.
type gate struct {
	key     scopeKey
	until   nanos
	strikes int   // refusals in a row, for backing off when the venue names no time
	last    nanos // when it was last shut; calls sent before that add no strike
	shut    bool  // until a probe came back well
	banned  bool  // it stands for a ban
	probing bool
	probeAt nanos // when the probe went
}

// probeFor is how long a probe may take before another goes: its caller may have
// forgotten to settle it.
const probeFor = int64(time.Minute)

// gateOpen reports whether no gate of w's scopes is shut, or a probe may go; until
// is when to ask again, forever when a probe's answer decides.
func (l *limiter) gateOpen(w *waiter, now nanos) (until nanos, open bool) {
	open = true
	for _, g := range l.gates {
		if !g.shut || !g.holds(w) {
			continue
		}
		switch {
		case now < g.until:
			until, open = max(until, g.until), false
		case g.probing && now-g.probeAt < probeFor:
			l.again = min(l.again, g.probeAt+probeFor)
			until, open = forever, false
		}
	}
	return until, open
}

// banned reports whether a ban stands in the way of w.
func (l *limiter) banned(w *waiter) bool {
	for _, g := range l.gates {
		if g.shut && g.banned && g.holds(w) {
			return true
		}
	}
	return false
}

// holds reports whether a gate stands in the way of w.
func (g *gate) holds(w *waiter) bool {
	if g.key == (scopeKey{PerIP, ledgerKey{id: w.egress}}) {
		return true
	}
	for i := range w.n {
		if w.part(i).led.scope() == g.key {
			return true
		}
	}
	return false
}

// takeProbe makes the call that is granted now the probe of its shut gate.
func (l *limiter) takeProbe(w *waiter, now nanos) *gate {
	for _, g := range l.gates {
		if g.shut && g.holds(w) {
			g.probing, g.probeAt = true, now
			return g
		}
	}
	return nil
}

// refusedBy reports whether an answer says that this ledger's quota refused the call.
func refusedBy(led *ledger, f *fate) bool {
	if f.refused != "" {
		return f.refused == led.def.Name
	}
	return f.status == http.StatusTooManyRequests
}

// settleGate shuts a gate on a refusal, and opens it on a probe's success.
func (l *limiter) settleGate(s *leaseSlot, f *fate) {
	banned := f.status == http.StatusTeapot
	if f.limited() {
		l.shut(l.scopeOf(s, f), f, banned, s.probe)
		return
	}
	g := s.probe
	if g == nil {
		return
	}
	g.probing = false
	if !f.answered && !f.unsent { // lost: not as bad as a refusal, but no reason to hurry
		g.until = max(g.until, f.now+int64(unnamedWait))
	}
	if f.answered && !f.cached && g.shut && f.received >= g.until {
		g.shut, g.strikes = false, 0
		l.closed--
		l.unrest--
	}
}

// scopeOf is what a refusal is about: the quota it names, or the address.
func (l *limiter) scopeOf(s *leaseSlot, f *fate) scopeKey {
	if f.status == http.StatusTeapot {
		return scopeKey{PerIP, ledgerKey{id: s.egress}} // bans are of addresses, whatever brought them about
	}
	var first *ledger
	for j := range int(s.n) {
		led := s.part(j).led
		if f.refused == led.def.Name {
			return led.scope()
		}
		if first == nil || led.def.Per == PerIP {
			first = led
		}
	}
	if first == nil {
		return scopeKey{PerIP, ledgerKey{id: s.egress}}
	}
	return first.scope()
}

// A ban without a named time is taken for the shortest that venues document.
const (
	unnamedBan  = 2 * time.Minute
	unnamedWait = time.Second
	longestWait = 5 * time.Minute
)

func (l *limiter) shut(key scopeKey, f *fate, banned bool, probe *gate) {
	if probe != nil {
		probe.probing = false
	}
	if l.gates == nil {
		l.gates = make(map[scopeKey]*gate)
	}
	g := l.gates[key]
	if g == nil {
		g = &gate{key: key}
		l.gates[key] = g
	}
	if !g.shut {
		g.shut = true
		l.closed++
		l.unrest++
	}
	wait := f.retryAfter
	if !f.asked || wait == 0 {
		strikes := g.strikes
		if f.sent < g.last {
			strikes-- // it belongs to the last one
		}
		wait = min(unnamedWait<<min(max(strikes, 0), 20), longestWait)
		if banned {
			wait = max(wait, unnamedBan)
		}
	}
	if f.sent >= g.last { // others were under way when the first of them was refused
		g.strikes++
		g.last = f.received
	}
	if until := f.received + int64(wait); until > g.until {
		g.until = until
	}
	g.banned = banned
	kind := ReportRefused
	if banned {
		kind = ReportBanned
	}
	l.report(Report{Quota: f.refused, Kind: kind, RetryAfter: wait})
}
