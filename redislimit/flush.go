package redislimit

import "strconv"

// flush tells Redis what became of calls, and that this process lives. It unlocks
// while it does.
func (l *Limiter) flush(now micros) {
	const most = 500 // ledgers at once
	dirty := l.dirty
	if len(dirty) > most {
		dirty = dirty[:most]
	}
	l.dirty = append([]*ledger(nil), l.dirty[len(dirty):]...)
	gates := l.gates
	l.gates = nil
	l.flushAt = forever
	if len(l.dirty) > 0 {
		l.flushAt = now
	}
	r := l.composeSettle(dirty, gates, now)
	told := make([][]entry, len(dirty))
	hit := make([]bool, len(dirty))
	for i, led := range dirty {
		told[i], hit[i] = led.pend, led.refused
		led.pend, led.refused, led.dirty = nil, false, false
	}
	l.mu.Unlock()
	v, err := l.exec(l.scripts.settle, r.keys, r.args)
	l.mu.Lock()
	defer l.spent(r)
	now = l.tick()
	if err == nil && v[0] == 0 && len(v) != 3+len(r.scopes) {
		err = errReply
	}
	if err == nil && v[0] == 0 {
		l.heard(r.sent, now, v[1], v[2])
		l.hearGates(r, v[3:], now)
		l.retrySoon()
		return
	}
	for i, led := range dirty {
		led.untold(l, told[i])
		led.refused = led.refused || hit[i]
	}
	l.gates = append(gates, l.gates...)
	if err != nil {
		l.broke(now)
	} else {
		l.joined, l.retryAt = false, now
	}
}

// composeSettle writes down all that is to be told.
func (l *Limiter) composeSettle(dirty []*ledger, gates []gateNews, now micros) *request {
	r := l.request(now)
	r.add(l.epoch, l.pid, l.beat(now))
	if len(l.scopes) <= 16 {
		for _, s := range l.scopes {
			r.scopes = append(r.scopes, s)
		}
	}
	for _, led := range dirty {
		if len(r.scopes) < 64 {
			r.scope(led.scope)
		}
	}
	for _, g := range gates {
		if len(r.scopes) < 64 {
			r.scope(g.scope)
		}
	}
	r.int(int64(len(r.scopes)))
	for _, s := range r.scopes {
		r.add(s.name)
	}
	r.int(int64(len(gates)))
	for _, g := range gates {
		ban := "0"
		if g.ban {
			ban = "1"
		}
		r.add(g.scope.name, g.act, strconv.FormatInt(g.wait, 10), ban, strconv.FormatInt(now-g.at, 10))
	}
	for _, led := range dirty {
		r.keys = append(r.keys, led.key)
		r.add(led.def.static[:4]...)
		hit := "0"
		if led.refused {
			hit = "1"
		}
		r.add(hit, strconv.Itoa(len(led.pend)))
		for _, e := range led.pend {
			r.int(e.k)
			r.int(int64(e.back))
			r.int(int64(e.top))
			r.int(e.sent)
			r.int(int64(e.add))
			r.int(now - e.at)
		}
	}
	return r
}

// untold takes back what Redis may not have heard. What was to be given back is
// not: given back twice, it would be somebody else's.
func (led *ledger) untold(l *Limiter, entries []entry) {
	for _, old := range entries {
		e := led.entry(l, old.k)
		e.add += old.add
		e.top, e.sent, e.at = max(e.top, old.top), max(e.sent, old.sent), max(e.at, old.at)
	}
}

// hearGates takes over what the fleet knows of the gates.
func (l *Limiter) hearGates(r *request, v []int64, now micros) {
	for i, s := range r.scopes {
		pending := false
		for _, g := range l.gates {
			pending = pending || g.scope == s
		}
		switch wait := v[i]; {
		case pending: // we know better, and it will hear
		case wait > 0 && wait <= longest.Microseconds():
			s.shut, s.until = true, now+wait
		default:
			s.shut = false
		}
	}
}

// retrySoon lets waiters ask again that wait for an answer of somebody's.
func (l *Limiter) retrySoon() {
	for prio := range l.queue {
		for w := l.queue[prio].head; w != nil; w = w.next {
			if !w.sure {
				w.retryAt = 0
			}
		}
	}
}

// farewell returns what this process holds, when it closes.
func (l *Limiter) farewell() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.joined {
		return nil
	}
	for _, led := range l.blocks {
		led.until = 0
		led.expire(l, 1)
	}
	for range 100 {
		if len(l.dirty) == 0 && len(l.gates) == 0 || !l.joined {
			break
		}
		l.flush(l.tick())
	}
	l.joined = false
	l.mu.Unlock()
	err := l.leaveFleet()
	l.mu.Lock()
	return err
}
