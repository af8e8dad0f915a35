package redislimit

import (
	"context"
	"strconv"

	"github.com/exauth/exauth"
)

// joining is what a join takes out of the ledgers, to be put back if it fails.
type joining struct {
	led            *ledger
	k              int64
	back, add      int
	own, ownBefore float64
}

// join makes this process part of the fleet: at its start, after Redis was away, and
// after it lost its memory. It tells what the process holds, what it used of its own
// share and, should Redis know nothing, what was last seen as used. It unlocks while
// it talks to Redis.
func (l *Limiter) join(now micros) {
	r := l.request(now)
	away := "0"
	if l.share != nil {
		away = "1"
	}
	r.add(l.epoch, l.pid+"."+strconv.FormatInt(now, 36), l.pid, strconv.Itoa(l.procs), away)
	var out []joining
	for _, def := range l.defs {
		for _, led := range def.ledgers {
			out = l.composeJoin(r, led, out, now)
		}
	}
	l.beatAt = now
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), l.opts.Timeout)
	m, err := l.scripts.join.Exec(ctx, l.redis, r.keys, r.args).ToArray()
	cancel()
	var stamp, alive, lost int64
	var epoch string
	if err == nil && len(m) != 4 {
		err = errReply
	}
	for i, p := range []*int64{&stamp, &alive, &lost} {
		if err == nil {
			*p, err = m[i].AsInt64()
		}
	}
	if err == nil {
		epoch, err = m[3].ToString()
	}
	if err == nil && (!sane(stamp) || epoch == "" || len(epoch) > 64) {
		err = errReply
	}
	l.mu.Lock()
	now = l.tick()
	for _, j := range out {
		j.undo(l, err != nil, err != nil || lost == 0)
	}
	if err != nil {
		l.broke(now)
		return
	}
	l.heard(r.sent, now, stamp, alive)
	l.epoch, l.joined = epoch, true
	if l.share != nil {
		l.share.cancel()
		l.share = nil
	}
	l.retrySoon()
	for _, led := range l.dirty {
		if len(led.pend) > 0 {
			l.flushAt = now
		}
	}
	if len(l.gates) > 0 {
		l.flushAt = now
	}
}

// composeJoin adds what is to be told of one ledger, if anything still matters.
func (l *Limiter) composeJoin(r *request, led *ledger, out []joining, now micros) []joining {
	if led.fly == 0 && now-led.used > 2*led.def.span()+60_000_000 {
		return out
	}
	r.keys = append(r.keys, led.key)
	r.add(led.def.static[:4]...)
	r.int(int64(led.fly))
	if led.def.fixed() {
		return l.composeWindows(r, led, out, now)
	}
	for i := range led.pend {
		led.pend[i].back = 0 // what is held is told as it is
	}
	known := led.known
	if age := now - led.knownAt; led.knownAt == 0 || led.def.Kind == exauth.Concurrency || age > led.def.span() {
		known = -1
	} else if led.def.counter() {
		known = max(0, known-int(led.def.refill*float64(age)))
	}
	j := joining{led: led}
	if l.share != nil {
		j.own, j.ownBefore = led.own, led.ownBefore
		led.own, led.ownBefore = 0, 0
	}
	r.add("1", "0", strconv.Itoa(known), strconv.Itoa(int(j.own+j.ownBefore+0.999)), "0")
	return append(out, j)
}

func (l *Limiter) composeWindows(r *request, led *ledger, out []joining, now micros) []joining {
	lo, _ := l.venueClock(now)
	first := windowOf(led.def.Window, now+lo)
	led.forget(first)
	at, n := len(r.args), 0
	r.add("")
	tell := func(k int64, known, fly int) {
		j := joining{led: led, k: k}
		for i := range led.pend {
			if e := &led.pend[i]; e.k == k {
				j.back, e.back = e.back, 0
				if l.share != nil {
					j.add, e.add = e.add, 0
				}
			}
		}
		r.int(k)
		r.int(int64(known))
		r.int(int64(j.add))
		r.int(int64(fly))
		n++
		out = append(out, j)
	}
	for i := range led.wins {
		if w := &led.wins[i]; w.k >= first {
			tell(w.k, w.known, w.fly)
		}
	}
	for i := range led.pend {
		k, told := led.pend[i].k, false
		for _, w := range led.wins {
			told = told || w.k == k
		}
		if k >= first && !told {
			tell(k, -1, 0)
		}
	}
	r.args[at] = strconv.Itoa(n)
	return out
}

// undo puts back what was taken out: the use of the own share when Redis may not have
// heard of it, and what is to be given back when Redis still holds it.
func (j *joining) undo(l *Limiter, add, back bool) {
	if add {
		j.led.own += j.own
		j.led.ownBefore += j.ownBefore
	}
	if add && j.add > 0 || back && j.back > 0 {
		e := j.led.entry(l, j.k)
		if add {
			e.add += j.add
			e.at = max(e.at, l.tick())
		}
		if back {
			e.back += j.back
		}
	}
}

// leaveFleet takes this process out of the list, so that others need not wait for it.
func (l *Limiter) leaveFleet() error {
	ctx, cancel := context.WithTimeout(context.Background(), l.opts.Timeout)
	defer cancel()
	return l.redis.Do(ctx, l.redis.B().Hdel().Key(l.procsKey).Field(l.pid).Build()).Error()
}
