package redislimit

import (
	"context"
	"crypto/fips140"
	_ "embed"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

//go:embed lua/head.lua
var headLua string

//go:embed lua/lib.lua
var libLua string

//go:embed lua/plain.lua
var plainLua string

//go:embed lua/more.lua
var moreLua string

//go:embed lua/other.lua
var otherLua string

//go:embed lua/take.lua
var takeLua string

//go:embed lua/settle.lua
var settleLua string

//go:embed lua/join.lua
var joinLua string

//go:embed lua/nonce.lua
var nonceLua string

// script makes a script that is run by EVALSHA, and by EVAL when the server does not
// know it. Under fips140=only SHA-1 is not to be had here, and the server computes it.
func script(text ...string) *rueidis.Lua {
	return rueidis.NewLuaScript(strings.Join(text, ""), rueidis.WithLoadSHA1(fips140.Enforced()))
}

// scripts are those of a Limiter.
type scripts struct{ take, settle, join *rueidis.Lua }

func newScripts() scripts {
	return scripts{
		take:   script(headLua, plainLua, libLua, "local function more()\n", moreLua, otherLua, "end\n", takeLua),
		settle: script(headLua, libLua, moreLua, settleLua),
		join:   script(headLua, libLua, moreLua, joinLua),
	}
}

// errReply is an answer of Redis that cannot be: it is treated like none.
var errReply = errors.New("exauth: redislimit: Redis answered nonsense")

// exec runs a script that answers with whole numbers.
func (l *Limiter) exec(s *rueidis.Lua, keys, args []string) ([]int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.opts.Timeout)
	defer cancel()
	v, err := s.Exec(ctx, l.redis, keys, args).AsIntSlice()
	if err == nil && (len(v) < 2 || !sane(v[1]) || v[0] == 0 && len(v) < 3) {
		err = errReply
	}
	return v, err
}

// request is one run of a script: what it was asked for, and by whom.
type request struct {
	keys, args []string
	sent       micros
	parts      []int // of the waiter, by their place in the script's answer
	needs      []int
	wants      []int
	scopes     []*scope
	lo, hi     micros // of the arrival, against Redis's clock
}

func (r *request) add(args ...string) { r.args = append(r.args, args...) }
func (r *request) int(n int64)        { r.args = append(r.args, strconv.FormatInt(n, 10)) }

// request begins one, in the memory of one that is done.
func (l *Limiter) request(now micros) *request {
	r := new(request)
	if n := len(l.spare); n > 0 {
		r, l.spare = l.spare[n-1], l.spare[:n-1]
	}
	r.sent = now
	r.keys = append(r.keys[:0], l.fleetKey, l.procsKey)
	r.args, r.parts, r.needs, r.wants, r.scopes = r.args[:0], r.parts[:0], r.needs[:0], r.wants[:0], r.scopes[:0]
	return r
}

// spent gives a request's memory back; those of a flush may be too large to keep.
func (l *Limiter) spent(r *request) {
	if cap(r.args) <= 128 && len(l.spare) < 64 {
		l.spare = append(l.spare, r)
	}
}

// A bound is one end of the arrival in whole milliseconds, which changes rarely.
type bound struct {
	at   micros
	text string
}

// round cuts the part of a millisecond off.
func (b *bound) round(at micros) micros {
	if at -= at % 1000; at != b.at || b.text == "" {
		b.at, b.text = at, strconv.FormatInt(at, 10)
	}
	return at
}

// beat says whether to tell the fleet that this process lives, once a second.
func (l *Limiter) beat(now micros) string {
	if now-l.beatAt < beatEvery {
		return "0"
	}
	l.beatAt = now
	return "1"
}

const beatEvery = 1_000_000

// composeTake asks for what w needs and its blocks do not hold. What they do hold is
// set aside for it.
func (l *Limiter) composeTake(w *waiter, now micros) *request {
	r := l.request(now)
	lo, hi := l.arrival(now)
	r.lo, r.hi = l.lo.round(lo-999), l.hi.round(hi+999)
	r.add(l.epoch, l.pid, l.beat(now), l.lo.text, l.hi.text)
	r.scopes = append(r.scopes, w.ip)
	for i := range w.n {
		r.scope(w.part(i).led.scope)
	}
	r.add(strconv.Itoa(len(r.scopes)))
	all := false
	for _, s := range r.scopes {
		r.add(s.name)
		all = all || s.shut
	}
	for i := range w.n {
		p := w.part(i)
		led := p.led
		led.expire(l, now)
		if !all && led.have >= p.n {
			led.have -= p.n
			p.k0, p.k1 = led.haveK, led.haveK
			continue
		}
		want := p.n + led.target(now)
		if w.queued {
			want = max(want, led.queued)
		}
		if want = min(want, led.def.limit); led.def.Kind == concurrency || all {
			want = p.n
		}
		r.parts, r.needs, r.wants = append(r.parts, i), append(r.needs, p.n), append(r.wants, want)
		r.keys = append(r.keys, led.key)
		kept := "0"
		if w.prio < cancelPriority {
			kept = led.def.kept
		}
		s := &led.def.static
		r.add(s[0], s[1], s[2], strconv.Itoa(p.n), strconv.Itoa(want), kept)
		if !led.def.fixed() {
			r.add(s[3], s[4])
		}
	}
	return r
}

// scope adds a scope once.
func (r *request) scope(s *scope) {
	for _, have := range r.scopes {
		if have == s {
			return
		}
	}
	r.scopes = append(r.scopes, s)
}

// heard books what every answer tells: the server's clock and who is alive.
func (l *Limiter) heard(sent, now, stamp micros, alive int64) {
	l.redisOff.observe(stamp-now, stamp-sent, now)
	l.brokenAt, l.retries = 0, 0
	if alive > 0 && alive <= 100_000 {
		l.procs = int(alive)
	}
}

// broke notes that Redis failed: nothing is sent to it before a new join.
func (l *Limiter) broke(now micros) {
	if l.brokenAt == 0 {
		l.brokenAt = max(now, 1)
	}
	l.joined = false
	l.retryAt = now + min(micros(20_000)<<min(l.retries, 10), 1_000_000)
	l.retries++
}

// result is what came of a take.
type result uint8

const (
	taken result = iota
	refused
	failed
)

// took books the answer to a take for w, which is not granted by it yet.
func (l *Limiter) took(w *waiter, r *request, v []int64, err error) (result, []*scope) {
	now := l.tick()
	if err == nil {
		err = r.check(v)
	}
	if err != nil || v[0] < 0 {
		l.unset(w, r)
		if err != nil {
			l.broke(now)
		} else { // another epoch: Redis lost its memory
			l.joined, l.retryAt = false, now
		}
		return failed, nil
	}
	l.heard(r.sent, now, v[1], v[2])
	switch v[0] {
	case 1:
		l.unset(w, r)
		p := w.part(r.parts[v[3]-1])
		w.by, w.retryAt, w.sure = p.led, now+v[4], v[5] == 1
		if !p.led.def.fixed() {
			p.led.known, p.led.knownAt = int(v[6]), now
		} else {
			lo, _ := l.venueClock(now)
			win := p.led.window(windowOf(p.led.def.Window, now+lo))
			win.known, win.at = max(win.known, int(v[6])), now
		}
		return refused, nil
	case 2:
		l.unset(w, r)
		s := r.scopes[v[3]-1]
		s.shut, s.until = true, now+v[4]
		w.by, w.retryAt, w.sure = nil, 0, false
		return refused, nil
	}
	var probes []*scope
	for i, s := range r.scopes {
		if v[3]&(1<<i) != 0 {
			probes = append(probes, s)
			s.shut, s.until = true, now
		} else {
			s.shut = false
		}
	}
	for j, i := range r.parts {
		p := w.part(i)
		led, got := p.led, int(v[4+2*j])
		valid := micros(blockLife)
		if p.k0, p.k1 = 0, 0; led.def.fixed() { // as the script saw them
			p.k0, p.k1 = windowOf(led.def.Window, v[1]+r.lo), windowOf(led.def.Window, v[1]+r.hi)
			// Counted from the send, so that a block ends too early at worst.
			valid = windowStart(led.def.Window, p.k0+1) - v[1] - r.hi - (now - r.sent)
		}
		led.took(got, p.k0, p.k1, int(v[5+2*j]), now)
		led.spent += p.n
		l.keepBlock(led, got-p.n, now+min(valid, blockLife), p.k0, now)
	}
	return taken, probes
}

// keepBlock puts what was granted beyond the need into the block.
func (l *Limiter) keepBlock(led *ledger, n int, until micros, k int64, now micros) {
	if n <= 0 {
		return
	}
	if led.have > 0 && led.haveK != k {
		led.until = 0
		led.expire(l, now)
	}
	led.have += n
	led.haveK = k
	led.until = until
	for _, b := range l.blocks {
		if b == led {
			return
		}
	}
	l.blocks = append(l.blocks, led)
}

// unset returns to the blocks what was set aside for a call that cannot go.
func (l *Limiter) unset(w *waiter, r *request) {
	for i := range w.n {
		p := w.part(i)
		asked := false
		for _, j := range r.parts {
			asked = asked || i == j
		}
		if !asked {
			l.putBack(p)
		}
	}
}

func (l *Limiter) putBack(p *part) {
	led := p.led
	if led.have > 0 && led.haveK != p.k0 {
		led.give(l, p.n, p.k0, p.k1)
		return
	}
	led.haveK = p.k0
	led.have += p.n
}

// check refuses answers that cannot be: whoever can write to Redis is not trusted.
func (r *request) check(v []int64) error {
	most := longest.Microseconds()
	switch v[0] {
	case -1:
		return nil
	case 0:
		if len(v) != 4+2*len(r.parts) {
			return errReply
		}
		for j := range r.parts {
			if got, used := v[4+2*j], v[5+2*j]; got < int64(r.needs[j]) || got > int64(r.wants[j]) || used < 0 || used > math.MaxInt32*10 {
				return errReply
			}
		}
		return nil
	case 1:
		if len(v) == 7 && v[3] >= 1 && v[3] <= int64(len(r.parts)) && v[4] >= 0 && v[6] >= 0 {
			v[4] = min(v[4], 400*24*int64(time.Hour/time.Microsecond)) // a year's window
			return nil
		}
	case 2:
		if len(v) == 5 && v[3] >= 1 && v[3] <= int64(len(r.scopes)) && v[4] >= 0 && v[4] <= most {
			return nil
		}
	}
	return errReply
}
