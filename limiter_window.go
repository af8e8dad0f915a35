package exauth

import (
	"math"
	"time"
)

// window is one window of the venue's clock.
type window struct {
	k    int64
	seen bool  // a header was believed
	top  peak  // used headers believed
	fly  int   // may arrive in this window, not answered
	sure tally // answered, not shown by a header since
	lost tally // no answer: may have been counted, as late as it was booked
	own  int   // ours, for telling foreign use apart
	// whole is set when it was watched from its beginning.
	whole bool
}

// upper bounds the venue's counter: whatever was answered with a header is in the
// highest of these, because a counter only grows while calls are counted.
func (w *window) upper() int { return w.top.value() + w.fly + w.sure.total() + w.lost.total() }

// foreign is what the venue counted and we did not send. What is under way may be
// in the count already, and is left out.
func (w *window) foreign() int { return max(w.surplus(), 0) }

// surplus is foreign as it comes: below zero while calls that are taken for ours were
// counted in another window.
func (w *window) surplus() int { return w.top.value() - w.own - w.fly }

// windowOf numbers the windows of a quota; months are UTC calendar months.
func windowOf(d time.Duration, t int64) int64 {
	if d >= 28*24*time.Hour {
		u := time.Unix(0, t).UTC()
		return int64(u.Year())*12 + int64(u.Month()) - 1
	}
	k := t / int64(d)
	if t%int64(d) < 0 {
		k--
	}
	return k
}

// windowStart is when window k begins, on the venue's clock.
func windowStart(d time.Duration, k int64) int64 {
	if d >= 28*24*time.Hour {
		return time.Date(int(k/12), time.Month(k%12)+1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	}
	return k * int64(d)
}

// find returns window k if it is open.
func (led *ledger) find(k int64) *window {
	for _, w := range led.fixed.open {
		if w.k == k {
			return w
		}
	}
	return nil
}

// window finds or opens window k. Windows that are surely over make room.
func (led *ledger) window(k int64) *window {
	if w := led.find(k); w != nil {
		return w
	}
	b := &led.fixed
	for _, w := range b.open {
		if w.k < b.current-1 { // the one before may still get late answers
			if b.cur == w { // an answer may come as late as this
				led.quick, b.cur = quick{}, nil
			}
			*w = window{k: k}
			return w
		}
	}
	w := &window{k: k}
	b.open = append(b.open, w)
	return w
}

// turn learns from the windows that are over, once the next has surely begun.
func (led *ledger) turn(l *limiter, k, arrives int64) {
	b := &led.fixed
	if k <= b.current {
		return
	}
	if w := led.find(b.current); w != nil && w.whole {
		led.learn(l, w)
	}
	b.current = k
	led.window(k).whole = arrives-windowStart(led.def.Window, k) < int64(led.def.Window)/8
}

// learn folds one window into the rates of foreign and urgent use.
func (led *ledger) learn(l *limiter, w *window) {
	d := int64(led.def.Window)
	if w.seen {
		foreign := float64(max(w.top.value()-w.own, 0))
		if expected := led.foreign.rate * float64(d); w.own > 0 && foreign > 2*expected+float64(led.def.Limit)/10 {
			l.report(Report{Quota: led.def.Name, Kind: ReportForeignUse, Used: int(foreign), Limit: led.def.Limit})
		}
		led.foreign.n = max(foreign, led.fixed.recent.rate*float64(d))
		led.foreign.over(d)
	}
	led.urgent.over(d)
	led.learned++
}

// recent is the foreign use of the last seconds, so that a step is seen within the
// window it happens in.
type recent struct {
	k    int64
	at   nanos
	used float64
	rate float64 // units per nanosecond

	measured int // how often the rate was
}

// watch follows foreign use inside a window.
func (led *ledger) watch(w *window, now nanos) {
	if 50*w.fly > led.def.Limit {
		return // much is under way: whose it is, is not to be told from the count
	}
	r := &led.fixed.recent
	f := float64(w.foreign())
	if led.learned == 0 {
		f = float64(w.surplus())
	}
	switch span := int64(led.def.Window) / 12; {
	case r.k != w.k:
		r.k, r.at, r.used = w.k, now, f
	case now-r.at >= span:
		rate := max(f-r.used, 0) / float64(now-r.at)
		if r.measured++; r.measured > 1 {
			rate = 0.5*r.rate + 0.5*rate
		}
		r.rate, r.at, r.used = rate, now, f
	}
}

// coldShare is the part of a window that may be under way before the first header
// came: others, or an earlier run of this program, may have used the window.
const coldShare = 10

// roomIn is how much of window w may be used by prio: the limit less what is kept
// for others on the same address, and for the urgent.
func (led *ledger) roomIn(l *limiter, w *window, prio Priority, arrives int64, now nanos) int {
	limit := led.limit(now)
	left := max(windowStart(led.def.Window, w.k+1)-arrives, 0)
	told := led.def.headed && !led.blind() && led.def.mine == led.def.Limit // who has a share leaves the rest anyway
	gone := 1 - float64(left)/float64(led.def.Window)
	some := max(1, limit/coldShare)
	if told && !led.fixed.seen && !l.opts.Greedy {
		under := w.upper() - w.fly + some
		if led.def.Window > time.Hour {
			return under // days are not spread over
		}
		return min(int(float64(limit)*gone)+2*some, under)
	}
	if prio == PriorityCancel {
		return limit // cancels take from what is kept for others too: they are few, and cannot wait
	}
	if told && !l.opts.Greedy {
		limit -= led.foreignRoom(w, left, now)
	}
	limit -= led.urgentRoom(left)
	// Spread over the window when asked to, and as long as nobody knows how much
	// others take of it.
	cold := told && led.learned == 0 && led.fixed.recent.measured < 2 && led.def.Window <= time.Hour && !l.opts.Greedy
	if l.opts.Pace || cold {
		limit = min(limit, int(float64(limit)*gone)+some)
	}
	return max(limit, 1)
}

// blindAfter is how many answers without a count show that the venue does not send
// the header it is said to send.
const blindAfter = 5

func (led *ledger) blind() bool { return !led.fixed.seen && led.fixed.untold >= blindAfter }

// foreignRate is how fast others use w lately, or did in earlier windows.
func (led *ledger) foreignRate(w *window, left int64) float64 {
	if led.fixed.recent.measured > 1 {
		return led.fixed.recent.rate
	}
	rate := max(led.foreign.rate, led.fixed.recent.rate)
	if past := int64(led.def.Window) - left; w.seen && past > int64(led.def.Window)/20 {
		rate = max(rate, float64(w.foreign())/float64(past))
	}
	return rate
}

// foreignRoom is what to leave for others: for what they used since the count that
// was believed last, and until the window ends.
func (led *ledger) foreignRoom(w *window, left int64, now nanos) int {
	return led.roomFor(led.foreignRate(w, left), left, w.stale(led, left, now))
}

// stale is how old the count of w is; the time since the window began at most.
func (w *window) stale(led *ledger, left int64, now nanos) int64 {
	past := int64(led.def.Window) - left
	if !w.seen {
		return past
	}
	return min(now-w.top.at, past)
}

// roomFor is what others who use rate have used in the time since a count, and use in
// what is left of a window. They come in batches of ten or so, as unevenly as chance
// has it; only of the next moments that matters, later their use is known better.
func (led *ledger) roomFor(rate float64, left, stale int64) int {
	if !led.shared(rate) {
		return 0
	}
	near := float64(int64(led.def.Window)/soonPart + stale)
	return int(math.Ceil(rate*float64(left+stale) + 3*math.Sqrt(40*rate*near)))
}

// shared reports whether a rate of use is somebody else's, not our own rounding.
func (led *ledger) shared(rate float64) bool {
	return rate*float64(led.def.Window) >= 0.002*float64(led.def.Limit)
}

// soonPart is the part of a window that is the next moments.
const soonPart = 30

// looks reports whether a light call may go although its room is kept for others:
// what they really used is to be seen, which may be less. room is what is not kept
// for anybody else.
func (led *ledger) looks(rate float64, stale int64, room, n int) bool {
	return stale > int64(led.def.Window)/12 && n <= max(1, led.def.Limit/300) && int(math.Ceil(rate*float64(stale)))+n <= room
}

// pace spreads our use of a window that others use too: at each moment we go as fast
// as would use up what is left beside them, less a part that is left to them. So
// several of our own limiters on one address come to use alike: each leaves the same
// part of its own use, and takes from what all of them leave.
type pace struct {
	at     nanos
	credit float64 // units that may go at once; below zero they went in advance
}

// courtesy is the part of our own use that is left to others to take up.
const courtesy = 0.1

// free returns when the next call may go, if room is left for us until the window ends.
func (p *pace) free(led *ledger, room int, left int64, now nanos) nanos {
	d, most := int64(led.def.Window), float64(led.def.Limit)/50
	if p.at == 0 || now-p.at > d/12 { // we were silent
		p.at, p.credit = now, most
	}
	rate := float64(max(room, 0)) / float64(max(left, int64(time.Millisecond))) / (1 + courtesy)
	p.credit, p.at = min(p.credit+rate*float64(now-p.at), most), now
	if p.credit >= 0 {
		return now
	}
	return now + min(d/200, int64(min(-p.credit/max(rate, 1e-18), float64(d)))) + 1
}

// urgentRoom is what to keep for cancels until the window ends: by their rate, and a
// hundredth of the quota at least. Nothing is kept for a program that never cancels.
func (led *ledger) urgentRoom(left int64) int {
	if led.urgent.rate == 0 && led.urgent.n == 0 {
		return 0
	}
	d := float64(led.def.Window)
	rate := max(led.urgent.rate, 0.01*float64(led.def.mine)/d)
	if past := d - float64(left); past > d/20 {
		rate = max(rate, led.urgent.n/past)
	}
	mean := rate * float64(left)
	if mean < 0.02 {
		return 0 // the last of a window belongs to whoever comes
	}
	return min(int(math.Ceil(mean+3*math.Sqrt(mean))), led.def.mine/4)
}
