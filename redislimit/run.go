package redislimit

import (
	"context"
	"time"

	"github.com/exauth/exauth"
)

const (
	concurrency    = exauth.Concurrency
	cancelPriority = exauth.PriorityCancel
)

// start makes sure that somebody talks to Redis. The caller holds the lock.
func (l *Limiter) start() {
	if !l.running && !l.closed {
		l.running = true
		l.done = make(chan struct{})
		go l.run(l.done)
	}
}

// poke wakes run up.
func (l *Limiter) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run talks to Redis for the waiters and tells it what became of calls. It ends when
// there is nothing left to say.
func (l *Limiter) run(done chan struct{}) {
	defer close(done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	l.mu.Lock()
	for {
		now := l.tick()
		next := l.step(now)
		if next == 0 {
			continue
		}
		if l.closed || next == forever {
			l.running = false
			l.mu.Unlock()
			return
		}
		l.sleepTo = next
		l.mu.Unlock()
		timer.Reset(time.Duration(max(next-now, 20)) * time.Microsecond)
		select {
		case <-timer.C:
		case <-l.wake:
		}
		l.mu.Lock()
		l.sleepTo = 0
	}
}

// step does one thing and returns 0, or returns when there is something to do again.
// It holds the lock but while it talks to Redis.
func (l *Limiter) step(now micros) (next micros) {
	if l.closed {
		return forever
	}
	next = forever
	l.dropBlocks(now)
	if !l.joined {
		return l.rejoin(now)
	}
	if now >= l.flushAt {
		l.flush(now)
		return 0
	}
	w, again := l.walk(now)
	if w != nil {
		l.askFor(w, now)
		return 0
	}
	next = min(again, l.flushAt)
	for _, led := range l.blocks {
		next = min(next, led.until)
	}
	if l.waiting > 0 || l.inFlight > 0 || len(l.blocks) > 0 {
		if now-l.beatAt >= beatEvery {
			l.flush(now)
			return 0
		}
		next = min(next, l.beatAt+beatEvery)
	}
	return next
}

// rejoin is step while this process is not part of the fleet.
func (l *Limiter) rejoin(now micros) micros {
	if l.direct > 0 { // their answers come first; each of them pokes
		return now + 100_000
	}
	if now >= l.retryAt {
		l.join(now)
		return 0
	}
	next := l.retryAt
	if l.share == nil && l.brokenAt != 0 {
		by := l.brokenAt + l.opts.Patience.Microseconds()
		if now >= by {
			l.goAway(now)
			return 0
		}
		next = min(next, by)
	}
	if l.waiting == 0 && l.inFlight == 0 && now-l.lastUse > 60_000_000 {
		return forever // nobody calls: the next call starts this again
	}
	return next
}

// dropBlocks returns the blocks whose time is over.
func (l *Limiter) dropBlocks(now micros) {
	kept := l.blocks[:0]
	for _, led := range l.blocks {
		led.expire(l, now)
		if led.have > 0 {
			kept = append(kept, led)
		}
	}
	clear(l.blocks[len(kept):])
	l.blocks = kept
}

// askFor takes from Redis for a waiter of the queue.
func (l *Limiter) askFor(w *waiter, now micros) {
	r := l.composeTake(w, now)
	l.mu.Unlock()
	v, err := l.exec(l.scripts.take, r.keys, r.args)
	l.mu.Lock()
	res, probes := l.took(w, r, v, err)
	l.spent(r)
	if res != taken {
		return
	}
	if !w.queued { // it gave up meanwhile
		for i := range w.n {
			p := w.part(i)
			p.led.give(l, p.n, p.k0, p.k1)
		}
		for _, s := range probes {
			l.tellGate(gateNews{scope: s, act: "free"})
		}
		return
	}
	l.leave(w)
	w.id, w.granted = l.grant(w, l.tick()), true
	l.slots[uint32(w.id)].probes = probes
	close(w.ready)
}

// ask is the way of a call without leases: one round trip of its own. It unlocks.
func (l *Limiter) ask(ctx context.Context, d exauth.Demand, w *waiter) (exauth.Lease, bool, error) {
	now := l.tick()
	r := l.composeTake(w, now)
	l.direct++
	l.mu.Unlock()
	v, err := l.exec(l.scripts.take, r.keys, r.args)
	l.mu.Lock()
	l.direct--
	res, probes := l.took(w, r, v, err)
	l.spent(r)
	if res != taken {
		return l.enqueue(ctx, d, w, l.tick())
	}
	id := l.grant(w, l.tick())
	l.slots[uint32(id)].probes = probes
	closed := l.closed
	l.mu.Unlock()
	if err := ctx.Err(); err != nil || closed {
		l.Settle(id, exauth.Observation{})
		if err == nil {
			err = l.refusal("limiter is closed", 0, false)
		}
		return exauth.Lease{}, false, err
	}
	return exauth.NewLease(l, id), false, nil
}
