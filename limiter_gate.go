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
	probeAt nanos  // when the probe went
	probe   uint32 // the place of its lease
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

// takeProbe makes the call that is granted now, in slot i, the probe of the shut
// gates it passes.
func (l *limiter) takeProbe(w *waiter, i uint32, now nanos) (any bool) {
	for _, g := range l.gates {
		if g.shut && g.holds(w) {
			g.probing, g.probeAt, g.probe, any = true, now, i, true
		}
	}
	return any
}

// refusedBy reports whether an answer says that this ledger's quota refused the call.
func refusedBy(led *ledger, f *fate) bool {
	if f.refused != "" {
		return f.refused == led.def.Name
	}
	return f.status == http.StatusTooManyRequests
}

// settleGate shuts a gate on a refusal, and opens those of a probe on its success.
func (l *limiter) settleGate(s *leaseSlot, i uint32, f *fate) {
	for _, g := range l.gates {
		if !s.probe || !g.probing || g.probe != i {
			continue
		}
		g.probing = false
		switch {
		case f.limited() || f.unsent:
		case !f.answered: // lost: not as bad as a refusal, but no reason to hurry
			g.until = max(g.until, f.now+int64(unnamedWait))
		case !f.cached && g.shut && f.received >= g.until:
			g.shut, g.strikes = false, 0
			l.closed--
			l.unrest--
		}
	}
	if f.limited() {
		key, led := l.scopeOf(s, f)
		l.shut(key, led, f)
	}
}

// scopeOf is what a refusal is about: the quota it names, or the address.
func (l *limiter) scopeOf(s *leaseSlot, f *fate) (key scopeKey, about *ledger) {
	for j := range int(s.n) {
		led := s.part(j).led
		if f.refused == led.def.Name {
			about = led
			break
		}
		if about == nil || led.def.Per == PerIP {
			about = led
		}
	}
	if about == nil || f.status == http.StatusTeapot { // bans are of addresses, whatever brought them about
		return scopeKey{PerIP, ledgerKey{id: s.egress}}, about
	}
	return about.scope(), about
}

// A ban without a named time is taken for the shortest that venues document.
const (
	unnamedBan  = 2 * time.Minute
	unnamedWait = time.Second
	longestWait = 5 * time.Minute
)

// shut shuts the gate of a scope after a refusal.
func (l *limiter) shut(key scopeKey, about *ledger, f *fate) {
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
	fresh := f.sent >= g.last // others were under way when the first of them was refused
	wait := f.retryAfter
	g.banned = f.status == http.StatusTeapot
	if !f.asked || wait == 0 {
		strikes := g.strikes
		if !fresh {
			strikes-- // it belongs to the last one
		}
		wait = min(unnamedWait<<min(max(strikes, 0), 20), longestWait)
		if g.banned {
			wait = max(wait, unnamedBan)
		}
	}
	g.until = max(g.until, f.received+int64(wait))
	if !fresh {
		return
	}
	g.strikes++
	g.last = max(f.received, 1)
	r := Report{Quota: f.refused, Kind: ReportRefused, RetryAfter: wait}
	if g.banned {
		r.Kind = ReportBanned
	}
	if about != nil {
		r.Quota, r.Used, r.Limit = about.def.Name, about.state(l, f.now).Used, about.def.Limit
	}
	l.report(r)
}
