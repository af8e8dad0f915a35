package redislimit

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// micros is a time in microseconds: on the local clock since 1970, steady within
// the process, unless said otherwise.
type micros = int64

const forever micros = 1 << 60

// drift is how fast two clocks may run apart.
const drift = 50e-6

// tick is the local time.
func (l *Limiter) tick() micros { return l.wall + int64(time.Since(l.base)/time.Microsecond) }

// local converts an observation's time.
func (l *Limiter) local(t time.Time) micros {
	return l.wall + int64(t.Sub(l.base)/time.Microsecond)
}

// bounds is what is known of another clock minus ours. Every stamp narrows it: it
// was made after the question was sent and before its answer came.
type bounds struct {
	lo, hi micros
	seen   micros
	known  bool
}

// at widens the bounds by what clocks drift.
func (b *bounds) at(now micros) (lo, hi micros) {
	w := 1 + int64(drift*float64(max(now-b.seen, 0)))
	return b.lo - w, b.hi + w
}

// observe takes a stamp in. One that contradicts what is known means that a clock
// was set: then it alone counts.
func (b *bounds) observe(lo, hi, now micros) {
	if hi < lo {
		return
	}
	oldLo, oldHi := b.at(now)
	if b.known && lo <= oldHi && hi >= oldLo {
		lo, hi = max(lo, oldLo), min(hi, oldHi)
	}
	b.lo, b.hi, b.seen, b.known = lo, hi, now, true
}

// lateness is the longest time an answer took lately: a call may be under way for
// half as long again.
type lateness struct {
	now, before micros
	turned      micros
}

const (
	coldLate  = 600_000
	leastLate = 50_000
)

func (t *lateness) init() { t.now, t.before = coldLate, coldLate }

func (t *lateness) add(d, now micros) {
	switch {
	case t.turned == 0: // the first answer
		t.now, t.before, t.turned = leastLate, leastLate, now
	case now-t.turned > 60_000_000:
		t.before, t.now, t.turned = t.now, leastLate, now
	}
	t.now = max(t.now, d)
}

func (t *lateness) value() micros { return max(t.now, t.before) * 3 / 2 }

// venueClock is the venue's clock minus ours. Without a stamp of the venue it is
// taken to be near the Redis server's.
func (l *Limiter) venueClock(now micros) (lo, hi micros) {
	if l.venueOff.known {
		return l.venueOff.at(now)
	}
	lo, hi = l.redisOff.at(now)
	slack := l.opts.ClockSlack.Microseconds()
	return lo - slack, hi + slack
}

// arrival is the span, relative to the Redis server's clock, of the venue's clock
// when a call that is granted now arrives.
func (l *Limiter) arrival(now micros) (lo, hi micros) {
	if !l.venueOff.known {
		slack := l.opts.ClockSlack.Microseconds()
		return -slack, slack + l.late.value()
	}
	vlo, vhi := l.venueOff.at(now)
	rlo, rhi := l.redisOff.at(now)
	return vlo - rhi, vhi - rlo + l.late.value()
}

// stamped reads the venue's clock from an answer.
func (l *Limiter) stamped(h http.Header, timeHeader string, sent, received micros) {
	if ms, ok := number(h, timeHeader); ok {
		if t := ms * 1000; sane(t) {
			l.venueOff.observe(t-received, t+1000-sent, received)
			return
		}
	}
	d := h["Date"]
	if len(d) != 1 {
		return
	}
	if d[0] != l.lastDate {
		t, err := http.ParseTime(d[0])
		if err != nil || !sane(t.UnixMicro()) {
			return
		}
		l.lastDate, l.lastStamp = d[0], t.UnixMicro()
	}
	l.venueOff.observe(l.lastStamp-received, l.lastStamp+1_000_000-sent, received)
}

// sane keeps wrong units and broken clocks out: 2000 to 2100.
func sane(t micros) bool { return t > 946684800_000_000 && t < 4102444800_000_000 }

// number reads a header that holds one plain number. Missing, negative, fractional,
// contradicting and absurd ones are not believed.
func number(h http.Header, name string) (int64, bool) {
	if name == "" {
		return 0, false
	}
	values := h[name]
	if len(values) == 0 {
		return 0, false
	}
	text := strings.TrimSpace(values[0])
	for _, v := range values[1:] {
		if strings.TrimSpace(v) != text {
			return 0, false
		}
	}
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// longest is the longest wait that is believed; the longest ban any venue documents
// is three days.
const longest = 72 * time.Hour

// retryAfter reads Retry-After as seconds or as a date (RFC 9110 section 10.2.3),
// clamped to 0…3 days. What means nothing is 0.
func retryAfter(h http.Header, received time.Time) time.Duration {
	if n, ok := number(h, "Retry-After"); ok {
		return time.Duration(min(n, int64(longest/time.Second))) * time.Second
	}
	v := h["Retry-After"]
	if len(v) != 1 {
		return 0
	}
	if text := strings.TrimSpace(v[0]); text != "" && strings.Trim(text, "0123456789") == "" {
		return longest // more digits than a number has
	}
	at, err := http.ParseTime(v[0])
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		received = date // their clock against their clock
	}
	return min(max(at.Sub(received), 0), longest)
}

// fromCache reports an answer that the venue did not make just now.
func fromCache(status int, h http.Header) bool {
	age := h.Get("Age")
	return age != "" && age != "0" || status >= 300 && status < 400
}

// The windows of fixed quotas are numbered as in the scripts: from 1970, and 28 days
// or more are UTC calendar months.
const month = 28 * 24 * time.Hour

func windowOf(d time.Duration, t micros) int64 {
	if d >= month {
		u := time.UnixMicro(t).UTC()
		return int64(u.Year())*12 + int64(u.Month()) - 1
	}
	w := d.Microseconds()
	k := t / w
	if t%w < 0 {
		k--
	}
	return k
}

func windowStart(d time.Duration, k int64) micros {
	if d >= month {
		return time.Date(int(k/12), time.Month(k%12)+1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	}
	return k * d.Microseconds()
}
