package exauth

import "time"

// fixedBook keeps windows that are aligned to the venue's clock. The venue's
// counter cannot be above the highest header seen, plus what is under way, plus
// what was answered without a header or lost: whatever was answered with a header
// is in it, because a counter only grows within its window.
type fixedBook struct {
	open    [3]window
	current int64 // the newest window that has surely begun
	seen    bool  // a header was believed, ever
	learned int   // windows folded into the rates
	recent  recent
	steady  steady
}

// steady is the common case worked out once for some time ahead: calls sent and
// answered in this span fall into one window, and room is what polls may use of it.
type steady struct {
	w           *window
	from, until nanos // sent in here, a call surely arrives in w; answered in here, it surely did
	fresh       nanos // until when room is taken as it is
	room        int
}

// recent is the foreign use of the last seconds, so that a step is seen within the
// window it happens in.
type recent struct {
	k    int64
	at   nanos
	used float64
	rate float64 // units per nanosecond
}

// window is one window of the venue's clock.
type window struct {
	k      int64
	live   bool
	top    int   // highest used header believed
	seen   bool  // a header was believed
	fly    int   // may arrive in this window, not answered
	sure   int   // answered, not shown by a header since
	sureAt nanos // when the last of them was answered
	lost   int   // no answer: may have been counted
	lostAt nanos // when the last of them was sent
	own    int   // ours, for telling foreign use apart
	whole  bool  // watched from its beginning
}

func (w *window) upper() int { return w.top + w.fly + w.sure + w.lost }

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

// window finds or opens window k; the oldest makes room.
func (led *ledger) window(k int64) *window {
	b := &led.fixed
	oldest := 0
	for i := range b.open {
		w := &b.open[i]
		if w.live && w.k == k {
			return w
		}
		if !w.live {
			oldest = i
			break
		}
		if w.k < b.open[oldest].k {
			oldest = i
		}
	}
	w := &b.open[oldest]
	if b.steady.w == w {
		b.steady = steady{}
	}
	*w = window{k: k, live: true}
	return w
}

// turn learns from the windows that are over, once the next has surely begun.
func (led *ledger) turn(l *limiter, k, arrives int64, now nanos) {
	b := &led.fixed
	if k <= b.current {
		return
	}
	for i := range b.open {
		if w := &b.open[i]; w.live && w.k == b.current && w.seen && w.whole {
			led.learn(l, w, now)
		}
	}
	b.current = k
	led.window(k).whole = arrives-windowStart(led.def.Window, k) < int64(led.def.Window)/8
}

// learn folds one window into the rates of foreign and urgent use.
func (led *ledger) learn(l *limiter, w *window, now nanos) {
	d := int64(led.def.Window)
	foreign := float64(max(w.top-w.own, 0))
	expected := led.foreign.rate * float64(d)
	if w.own > 0 && foreign > 2*expected+float64(led.def.limit)/10 {
		l.report(Report{Quota: led.def.Name, Kind: ReportForeignUse, Used: int(foreign), Limit: led.def.limit})
	}
	led.foreign.n = max(foreign, led.fixed.recent.rate*float64(d))
	led.foreign.over(now, d)
	led.urgent.over(now, d)
	led.fixed.learned++
}

// watch follows foreign use inside a window: what the venue counted and we did not
// send. What is under way may be in the count already, and is left out.
func (led *ledger) watch(w *window, now nanos) {
	r := &led.fixed.recent
	f := float64(max(w.top-w.own-w.fly, 0))
	span := int64(led.def.Window) / 12
	switch {
	case r.k != w.k:
		*r = recent{k: w.k, at: now, used: f, rate: r.rate}
	case now-r.at >= span:
		rate := max(f-r.used, 0) / float64(now-r.at)
		r.rate = 0.5*r.rate + 0.5*rate
		r.at, r.used = now, f
	}
}

// coldShare is what may be sent into a window before its first header came: others,
// or an earlier run of this program, may have used it.
const coldShare = 10

// roomIn is how much of window w may be used by prio: the limit less what is kept
// for others on the same address, and for the urgent.
func (led *ledger) roomIn(l *limiter, w *window, prio Priority, arrives int64, now nanos) int {
	limit := led.limit(now)
	end := windowStart(led.def.Window, w.k+1)
	left := max(end-arrives, 0)
	if led.def.UsedHeader != "" && !led.fixed.seen {
		return max(1, limit/coldShare)
	}
	if !l.opts.Greedy {
		limit -= led.foreignRoom(w, left)
	}
	if prio < PriorityCancel {
		limit -= led.urgentRoom(now, left)
	}
	// Spread over the window when asked to, and in the first one, which others may
	// share without our knowing how much they take.
	cold := led.def.UsedHeader != "" && led.fixed.learned == 0 && led.def.Window <= time.Hour && !l.opts.Greedy
	if (l.opts.Pace || cold) && prio < PriorityCancel {
		limit = min(limit, int(float64(limit)*(1-float64(left)/float64(led.def.Window)))+max(1, limit/coldShare))
	}
	return max(limit, 1)
}

// foreignRoom is what to leave for others until the window ends: by the rate of
// earlier windows, or of this one where it is higher.
func (led *ledger) foreignRoom(w *window, left int64) int {
	rate := max(led.foreign.rate, led.fixed.recent.rate)
	d := int64(led.def.Window)
	if past := d - left; w.seen && past > d/20 {
		f := float64(max(w.top-w.own-w.fly, 0))
		rate = max(rate, f/float64(past))
	}
	if rate*float64(d) < 0.002*float64(led.def.limit) {
		return 0 // our own rounding, not somebody else
	}
	// Twice the rate: it may double within the window, and what is not used of the
	// room comes free as the window runs out.
	return roomFor(2*rate, left, 20)
}

// urgentRoom is what to keep for cancels until the window ends: a hundredth of the
// quota at least, a tenth in the first window, when nothing is known of them yet.
func (led *ledger) urgentRoom(now nanos, left int64) int {
	d := float64(led.def.Window)
	rate := max(led.urgent.rate, float64(led.def.limit)/100/d)
	if led.fixed.learned == 0 && led.def.Kind == FixedWindow {
		rate = float64(led.def.limit) / 10 / d
	}
	if past := d - float64(left); past > d/20 {
		rate = max(rate, led.urgent.n/past)
	}
	return min(roomFor(rate, left, 1), led.def.limit/4)
}

// settleDown works out the steady case for w, if now is inside it.
func (led *ledger) settleDown(l *limiter, w *window, now nanos) {
	lo, hi := l.offset.bounds(now)
	d := led.def.Window
	s := &led.fixed.steady
	*s = steady{w: w, from: now}
	s.until = windowStart(d, w.k+1) - l.wall - hi - 3*l.offset.lateness/2 - int64(driftPerUnit*float64(d))
	if l.wall+now+lo < windowStart(d, w.k) || s.until <= now {
		s.until = 0
		return
	}
	s.fresh = min(s.until, now+int64(d)/1000)
	s.room = led.roomIn(l, w, PriorityPoll, l.wall+now+lo, now)
}

func (led *ledger) fixedFree(l *limiter, n int, prio Priority, now nanos) nanos {
	if s := &led.fixed.steady; now >= s.from && now < s.fresh && s.w.upper()+n <= s.room {
		return now
	}
	lo, hi := l.arrival(now)
	k0, k1 := windowOf(led.def.Window, lo), windowOf(led.def.Window, hi)
	led.turn(l, k0, lo, now)
	for k := k0; k <= k1; k++ {
		w := led.window(k)
		room := led.roomIn(l, w, prio, max(lo, windowStart(led.def.Window, k)), now)
		if w.upper()+n <= room {
			continue
		}
		if w.seen && w.fly == 0 && w.top+n <= room {
			continue // only calls in doubt block: one probe shows the venue's own count
		}
		// Nothing more in this window: the next one must surely have begun, or, where
		// room was kept back, less of this one be left.
		at := l.local(windowStart(led.def.Window, k+1), now)
		if w.upper()+n <= led.limit(now) {
			at = min(at, now+int64(led.def.Window)/200)
		}
		return max(at, now+1)
	}
	if k0 == k1 {
		led.settleDown(l, led.window(k0), now)
	}
	return now
}

func (led *ledger) fixedTake(l *limiter, p *part, now nanos) {
	if s := &led.fixed.steady; now >= s.from && now < s.until {
		p.k0, p.more = s.w.k, 0
		s.w.fly += int(p.n)
		return
	}
	lo, hi := l.arrival(now)
	p.k0 = windowOf(led.def.Window, lo)
	p.more = int32(windowOf(led.def.Window, hi) - p.k0)
	for k := p.k0; k <= p.k0+int64(p.more); k++ {
		led.window(k).fly += int(p.n)
	}
}

// fixedSettle decides in which window a call was counted. An answer whose window is
// in doubt is not believed, and its cost stays in both.
func (led *ledger) fixedSettle(l *limiter, p *part, n int, f *fate) {
	d := led.def.Window
	used, ok := led.believed(f)
	if s := &led.fixed.steady; p.more == 0 && s.until > f.received && s.w.k == p.k0 && !f.unsent && f.answered {
		s.w.fly -= int(p.n)
		led.count(s.w, used, ok, n, f)
		return
	}
	a, b := l.offset.bounds(f.received)
	lo, hi := l.wall+f.sent+a, l.wall+f.received+b
	if f.dateLo > 0 {
		// The venue counted the call no later than it stamped the answer, and not
		// before it was sent; within a round trip both are the same window.
		hi = min(hi, f.dateHi)
		if s := windowStart(d, windowOf(d, f.dateLo)); lo < s && f.dateLo-s < int64(time.Second) && f.dateLo > s {
			lo = s
		}
	}
	k0, k1 := windowOf(d, lo), windowOf(d, max(lo, hi-1))
	k0 = max(k0, p.k0) // the bounds have widened since; what was sure then still is
	for k := p.k0; k <= p.k0+int64(p.more); k++ {
		w := led.find(k)
		if w == nil {
			continue
		}
		w.fly -= int(p.n)
		switch {
		case f.unsent, k < k0, k > k1:
		case !f.answered:
			w.lost += n
			w.own += n // whoever counted it, it is not foreign
			w.lostAt = max(w.lostAt, f.sent)
		default:
			led.count(w, used, ok && k0 == k1, n, f)
		}
	}
}

// count books an answered call in its window, by the venue's count if it may be
// believed.
func (led *ledger) count(w *window, used int, believed bool, n int, f *fate) {
	if believed {
		led.believe(w, used, n, f)
		return
	}
	w.sure += n
	w.sureAt = max(w.sureAt, f.received)
	w.own += n
}

func (led *ledger) find(k int64) *window {
	for i := range led.fixed.open {
		if w := &led.fixed.open[i]; w.live && w.k == k {
			return w
		}
	}
	return nil
}

// believe takes the venue's own count. It holds everything that was answered before
// the call was sent, so that what was booked for those is booked twice.
func (led *ledger) believe(w *window, used, n int, f *fate) {
	led.fixed.seen, w.seen = true, true
	w.own += n
	w.top = max(w.top, used)
	led.watch(w, f.received)
	if f.sent >= w.sureAt {
		w.sure = 0
	}
	if f.sent >= w.lostAt+2*int64(time.Second) {
		w.lost = 0
	}
}

func (led *ledger) fixedState(l *limiter, now nanos) (used int, resets nanos) {
	lo, _ := l.arrival(now)
	k := windowOf(led.def.Window, lo)
	if w := led.find(k); w != nil {
		used = w.upper()
	}
	return used, l.local(windowStart(led.def.Window, k+1), now)
}
