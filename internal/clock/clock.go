// Package clock keeps an estimate of a venue's clock from the stamps in its answers.
//
// The estimate never runs ahead of the venue: of every sample only the lower bound
// is used (the venue's clock, when its answer arrived, showed at least what the
// answer says), and of several samples the one with the highest lower bound, which
// is the one with the shortest way back. Time between samples is monotonic, so a
// wall clock that is set, or a machine that sleeps, does not move it.
package clock

import (
	"errors"
	"sync"
	"time"
)

// ErrAbsurd reports a server time that cannot be one: a wrong unit, a broken
// server, or somebody in between.
var ErrAbsurd = errors.New("server time is absurd")

const (
	drift    = 50e-6            // how far two quartz clocks may run apart, per second
	jump     = 2 * time.Second  // wall against monotonic: more than this is a step or a sleep
	refresh  = 5 * time.Minute  // how long an estimate serves before it is taken again
	patience = 30 * time.Second // after a failed refresh
	earliest = 946684800        // 2000-01-01, where time begins in a testing/synctest bubble; wrong units miss it by decades
	latest   = 4102444800       // 2100-01-01
)

// A Clock is one venue's clock as seen from here. The zero value is ready and
// knows nothing. It is safe for concurrent use. The times it is given come from
// time.Now, so that they carry a monotonic reading.
type Clock struct {
	mu     sync.Mutex
	known  bool
	stamp  time.Time     // the venue's time when the sample arrived: a lower bound
	slack  time.Duration // how much later it may have been
	mono   time.Time     // when the sample arrived, to count from
	wall   time.Time     // the same as the wall clock showed it
	retry  time.Time     // no refresh before this
	doubts bool          // somebody says the estimate is wrong
}

// Sample tells the clock that a request sent at sent was answered at received with
// the venue's stamp, which was cut to resolution.
func (c *Clock) Sample(sent, received, stamp time.Time, resolution time.Duration) error {
	if s := stamp.Unix(); s < earliest || s >= latest {
		return ErrAbsurd
	}
	stamp = stamp.Round(0)
	slack := resolution + max(received.Sub(sent), 0)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trusted(received) && received.Sub(c.mono) < refresh {
		have := c.at(received)
		if have.After(stamp) && !have.After(stamp.Add(slack)) {
			return nil // the sample we have says more
		}
	}
	c.known, c.doubts, c.retry = true, false, time.Time{}
	c.stamp, c.slack, c.mono, c.wall = stamp, slack, received, received.Round(0)
	return nil
}

// at is the venue's time at the local time now: monotonic time from the sample on,
// less what the two clocks may have drifted apart.
func (c *Clock) at(now time.Time) time.Time {
	since := now.Sub(c.mono)
	return c.stamp.Add(since - time.Duration(drift*float64(max(since, 0))))
}

// trusted reports an estimate that nothing speaks against. Wall and monotonic clock
// disagree when the machine slept, or somebody set its clock.
func (c *Clock) trusted(now time.Time) bool {
	d := now.Round(0).Sub(c.wall) - now.Sub(c.mono)
	return c.known && !c.doubts && d <= jump && d >= -jump
}

// Now returns the venue's time at the local time now. ok is false when nothing is
// known; then now itself is returned.
func (c *Clock) Now(now time.Time) (t time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return now.Round(0), false
	}
	return c.at(now), true
}

// Stale reports whether a caller should sample the venue before it signs.
func (c *Clock) Stale(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.retry) {
		return false
	}
	return !c.trusted(now) || now.Sub(c.mono) > refresh
}

// Usable reports whether the estimate may serve while somebody else takes a new one.
func (c *Clock) Usable(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trusted(now)
}

// Doubt marks the estimate as wrong: the venue refused a stamp.
func (c *Clock) Doubt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubts, c.retry = true, time.Time{}
}

// Failed puts the next refresh off, so that a venue whose time endpoint is down is
// not asked before every call.
func (c *Clock) Failed(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retry = now.Add(patience)
}

// Offset returns venue minus local at the local time now, and how much larger it
// may be; ok is false when nothing is known.
func (c *Clock) Offset(now time.Time) (offset, slack time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return 0, 0, false
	}
	drifted := time.Duration(2 * drift * float64(max(now.Sub(c.mono), 0)))
	return c.at(now).Sub(now.Round(0)), c.slack + drifted, true
}

// A State is what is known at one moment.
type State struct {
	Known, Trusted     bool
	Offset, Slack, Age time.Duration
}

// State returns Offset's answer with how old its sample is, and whether nothing speaks
// against it.
func (c *Clock) State(now time.Time) State {
	offset, slack, known := c.Offset(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !known {
		return State{}
	}
	return State{Known: true, Trusted: c.trusted(now), Offset: offset, Slack: slack, Age: max(now.Sub(c.mono), 0)}
}
