package exauth

import (
	"net/http"
	"time"
)

// Settle books the fate of a call. A second Settle, or one of a lease that is not
// ours, does nothing.
func (l *limiter) Settle(id uint64, o Observation) {
	l.mu.Lock()
	i := uint32(id)
	if int(i) >= len(l.slots) || !l.slots[i].live || l.slots[i].gen != uint32(id>>32) {
		l.mu.Unlock()
		return
	}
	s := &l.slots[i]
	if l.unrest == 0 && !s.probe && l.quickSettle(s, &o) {
		s.live = false
		l.free = append(l.free, i)
		l.mu.Unlock()
		return
	}
	f := l.fateOf(s, &o)
	l.close(s, i, &f)
	if l.waiting > 0 {
		l.pump(f.now)
	}
	l.flush()
}

// close ends the lease in slot i.
func (l *limiter) close(s *leaseSlot, i uint32, f *fate) {
	for j := range int(s.n) {
		p := s.part(j)
		p.led.sync(f.now)
		n := int(p.n)
		if f.costs != nil {
			n = actual(f.costs, p)
		}
		p.led.settle(l, p, n, f)
	}
	l.settleGate(s, i, f)
	s.live, s.more, s.probe = false, nil, false
	l.free = append(l.free, i)
}

// forgetAfter is how long a lease may stay unsettled while somebody waits: longer
// than any call should take.
const forgetAfter = int64(time.Minute)

// reap ends leases that somebody forgot to settle, as calls of unknown outcome.
func (l *limiter) reap(now nanos) {
	if now < l.reapAt {
		return
	}
	l.reapAt = now + forgetAfter
	for i := range l.slots {
		switch s := &l.slots[i]; {
		case !s.live:
		case now-s.at >= forgetAfter:
			l.close(s, uint32(i), &fate{now: now, sent: s.at, received: now})
		default:
			l.reapAt = min(l.reapAt, s.at+forgetAfter)
		}
	}
	l.reapAt = max(l.reapAt, now+int64(time.Second))
}

// quickSettle books a plain success that tells nothing else, if every ledger has
// worked out how.
func (l *limiter) quickSettle(s *leaseSlot, o *Observation) bool {
	if uint(o.Status)-200 >= 100 || len(o.Header) != 0 || o.Costs != nil || o.Refused != "" || o.Unknown ||
		o.RetryAfter != 0 || int(s.n) > len(s.parts) || o.Received.IsZero() {
		return false
	}
	at := l.since(o.Received)
	if at-s.at > l.offset.longest {
		return false // a long way, worth to be noted
	}
	parts := s.parts[:s.n]
	for j := range parts {
		p := &parts[j]
		if q := &p.led.quick; p.k0 != q.key || p.more != 0 || at >= q.answer {
			return false
		}
	}
	for j := range parts {
		p := &parts[j]
		p.led.fly -= int(p.n)
		q := &p.led.quick
		q.landed += int(p.n)
		q.at = max(q.at, at)
	}
	return true
}

// fate is an observation in the limiter's own terms.
type fate struct {
	now            nanos
	sent, received nanos
	answered       bool
	unsent         bool
	cached         bool        // the answer was not made for this call
	header         http.Header // nil when it must not be believed
	costs          []Cost
	refused        string
	status         int
	retryAfter     time.Duration
	asked          bool  // the venue named the time to wait
	stampHi        int64 // the venue's clock was before this at the answer, Unix ns; 0 when unknown
}

// limited reports an answer that refuses a call for a quota or a ban.
func (f *fate) limited() bool {
	return f.answered && (f.status == http.StatusTooManyRequests || f.status == http.StatusTeapot || f.refused != "")
}

func (l *limiter) fateOf(s *leaseSlot, o *Observation) fate {
	f := fate{sent: s.at, now: l.tick(), costs: o.Costs, refused: o.Refused, status: o.Status}
	f.received = f.now
	f.unsent = o.Sent.IsZero() && o.Status == 0 && !o.Unknown
	if f.unsent {
		return f
	}
	if !o.Sent.IsZero() {
		f.sent = min(max(l.since(o.Sent), s.at), f.now)
	}
	if !o.Received.IsZero() {
		f.received = min(max(l.since(o.Received), f.sent), f.now)
	}
	f.answered = o.Status != 0 && !o.Unknown
	f.retryAfter = min(max(o.RetryAfter, 0), maxRetryAfter)
	f.asked = f.retryAfter > 0
	if !f.answered || len(o.Header) == 0 {
		return f
	}
	header := canonical(o.Header)
	if !f.asked && (o.Status >= 400 || o.Refused != "") {
		received := o.Received
		if received.IsZero() {
			received = l.now()
		}
		f.retryAfter, f.asked = retryAfter(header, received)
	}
	if f.cached = fromCache(o.Status, header); f.cached {
		return f
	}
	f.header = header
	l.stamps(s, &f)
	return f
}

// stamps reads the venue's clock from an answer: the Date header, which is cut to
// seconds, or a quota's own stamp in milliseconds, which is only sure to be the
// present in an answer that was not refused (Bybit).
func (l *limiter) stamps(s *leaseSlot, f *fate) {
	if d := f.header["Date"]; len(d) == 1 {
		if d[0] != l.lastDate {
			if t, err := http.ParseTime(d[0]); err == nil && t.Year() >= 2000 && t.Year() < 2100 {
				l.lastDate, l.lastStamp = d[0], t.UnixNano()
			}
		}
		if d[0] == l.lastDate {
			l.stamp(f, l.lastStamp, time.Second)
		}
	}
	if f.status >= 300 || f.refused != "" {
		return
	}
	for j := range int(s.n) {
		if name := s.part(j).led.def.TimeHeader; name != "" {
			if t, ok := headerTime(f.header, name); ok {
				l.stamp(f, t.UnixNano(), time.Millisecond)
			}
		}
	}
}

// stamp takes one reading of the venue's clock: the answer was made at from or
// less than res later.
func (l *limiter) stamp(f *fate, from int64, res time.Duration) {
	fits, jumped := l.offset.observe(from-(l.wall+f.received), from+int64(res)-(l.wall+f.sent), f.received)
	if jumped {
		l.carryOver(f.now)
		l.report(Report{Kind: ReportClock})
	}
	if fits && (f.stampHi == 0 || from+int64(res) < f.stampHi) {
		f.stampHi = from + int64(res)
	}
}

// actual is what a call really cost in the quota of p.
func actual(costs []Cost, p *part) int {
	for _, c := range costs {
		if c.Quota == p.led.def.Name && (c.Item == "" || c.Item == p.led.key.item) {
			return min(max(c.N, 0), 10*p.led.def.Limit)
		}
	}
	return int(p.n)
}
