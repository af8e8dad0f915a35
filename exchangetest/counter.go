package exchangetest

import (
	"math"
	"time"

	"github.com/exauth/exauth"
)

// A counter is the exchange's own count of one quota for one address, account, key
// or item. It is told the time with every question, by the exchange's clock; a
// clock that is set back stands still here. Whoever holds it keeps others out.
type counter struct {
	quota exauth.Quota
	used  float64
	at    time.Time // used is as of now
	begun time.Time // of the window; zero while an anchored one is not open
	past  []use     // of a sliding window, oldest first

	hidden time.Time // what hidden clients used is counted up to here
	part   float64   // of a unit that they have not used in full
}

// A use is n units at a time.
type use struct {
	at time.Time
	n  float64
}

// A taking is what one call has of a counter, for giving it back.
type taking struct {
	from  *counter
	n     float64
	at    time.Time
	begun time.Time // of the window it was counted in
}

// isMonth: a window of 28 days and more stands for the calendar month in UTC.
func isMonth(d time.Duration) bool { return d >= 28*24*time.Hour }

// windowStart is when the fixed window around t began: spans are counted from 1970,
// so that minutes, hours and days begin where UTC's do.
func windowStart(d time.Duration, t time.Time) time.Time {
	if isMonth(d) {
		y, m, _ := t.UTC().Date()
		return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	}
	return t.Add(-time.Duration(t.UnixNano() % int64(d)))
}

// windowEnd is when a window that began at t ends.
func windowEnd(d time.Duration, t time.Time) time.Time {
	if isMonth(d) {
		return t.AddDate(0, 1, 0)
	}
	return t.Add(d)
}

// advance lets time pass.
func (c *counter) advance(now time.Time) {
	if now.Before(c.at) {
		return
	}
	q := &c.quota
	switch q.Kind {
	case exauth.FixedWindow:
		if begun := windowStart(q.Window, now); !begun.Equal(c.begun) {
			c.begun, c.used = begun, 0
		}
	case exauth.AnchoredWindow:
		if !c.begun.IsZero() && now.Sub(c.begun) >= q.Window {
			c.begun, c.used = time.Time{}, 0
		}
	case exauth.SlidingWindow:
		for len(c.past) > 0 && now.Sub(c.past[0].at) >= q.Window {
			c.used -= c.past[0].n
			c.past = c.past[1:]
		}
	case exauth.DecayCounter, exauth.TokenBucket:
		c.used = max(0, c.used-q.Refill*c.decayed(now).Seconds())
	}
	c.at = now
}

// decayed is how much time counts for the decay since c.at: all of it, or what lies
// between the steps of a clock that is read every Step only.
func (c *counter) decayed(now time.Time) time.Duration {
	step := int64(c.quota.Step)
	switch {
	case c.at.IsZero():
		return 0
	case step <= 0:
		return now.Sub(c.at)
	}
	return time.Duration((now.UnixNano()/step - c.at.UnixNano()/step) * step)
}

// rounding is what sums of decayed fractions may be off by.
const rounding = 1e-6

// room reports whether n more units fit now.
func (c *counter) room(n float64) bool { return c.used+n <= float64(c.quota.Limit)+rounding }

// take counts n units, whether they fit or not.
func (c *counter) take(n float64) taking {
	switch {
	case n == 0: // nothing happens, but the taking tells the count
	case c.quota.Kind == exauth.AnchoredWindow && c.begun.IsZero():
		c.begun = c.at
	case c.quota.Kind == exauth.SlidingWindow:
		c.past = append(c.past, use{c.at, n})
	}
	c.used += n
	return taking{c, n, c.at, c.begun}
}

// giveBack takes n of a taking's units off the count, if they are still in it.
func (t *taking) giveBack(n float64) {
	c := t.from
	n = min(n, t.n)
	if !c.begun.Equal(t.begun) {
		return // of a window that is over
	}
	if c.quota.Kind == exauth.SlidingWindow {
		i := 0
		for i < len(c.past) && (!c.past[i].at.Equal(t.at) || c.past[i].n < n) {
			i++
		}
		if i == len(c.past) {
			return
		}
		c.past[i].n -= n
	}
	t.n -= n
	c.lower(n)
}

// lower takes n units off the count; there is no credit below zero.
func (c *counter) lower(n float64) { c.used = max(0, c.used-n) }

// wait is how long until n units fit, if nobody takes any meanwhile. For more than
// the limit it is how long until the count is zero.
func (c *counter) wait(n float64) time.Duration {
	q := &c.quota
	over := c.used + min(n, float64(q.Limit)) - float64(q.Limit)
	switch q.Kind {
	case exauth.FixedWindow, exauth.AnchoredWindow:
		return windowEnd(q.Window, c.begun).Sub(c.at)
	case exauth.SlidingWindow:
		for _, u := range c.past {
			if over -= u.n; over <= 0 {
				return u.at.Add(q.Window).Sub(c.at)
			}
		}
	case exauth.DecayCounter, exauth.TokenBucket:
		if q.Step <= 0 {
			return time.Duration(over / q.Refill * float64(time.Second))
		}
		steps := math.Ceil(over / (q.Refill * q.Step.Seconds()))
		return time.Duration(steps)*q.Step - time.Duration(c.at.UnixNano()%int64(q.Step))
	}
	return time.Second // of calls in flight nobody knows when they end
}

// hiddenStep is how finely the use of hidden clients is followed.
const hiddenStep = 100 * time.Millisecond

// share lets hidden clients use up to now what rate says, a unit at a time, and
// returns how many units found no room. They do not come again for those.
func (c *counter) share(rate func(quota string, at time.Time) float64, now time.Time) (refused int) {
	if rate == nil || c.quota.Kind == exauth.Concurrency {
		return 0
	}
	step := max(now.Sub(c.hidden)/10_000, hiddenStep) // a long silence is followed less finely
	for at := c.hidden.Add(step); !at.After(now); at = at.Add(step) {
		c.hidden = at
		c.part += max(0, rate(c.quota.Name, at)) * step.Seconds()
		c.advance(at)
		for ; c.part >= 1; c.part-- {
			if c.room(1) {
				c.take(1)
			} else {
				refused++
			}
		}
	}
	return refused
}
