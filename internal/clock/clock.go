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
// knows nothing. It is safe for concurrent use.
type Clock struct {
	mu     sync.Mutex
	known  bool
	offset time.Duration // venue minus local: a lower bound
	slack  time.Duration // how far above offset the truth may be
	at     time.Time     // local time of the sample, with its monotonic reading
	retry  time.Time     // no refresh before this
	dirty  bool          // somebody says the estimate is wrong
}

// Sample tells the clock that a request sent at sent was answered at received with
// the venue's stamp, which was cut to resolution. sent and received carry a
// monotonic reading.
func (c *Clock) Sample(sent, received, stamp time.Time, resolution time.Duration) error {
	if s := stamp.Unix(); s < earliest || s >= latest {
		return ErrAbsurd
	}
	low := stamp.Sub(received.Round(0)) // wall clocks on purpose: the offset is against what we show
	high := stamp.Add(resolution).Sub(sent.Round(0))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known && !c.dirty && !c.stepped(received) {
		aged := c.offset - time.Duration(drift*float64(received.Sub(c.at)))
		if aged > low && aged <= high && received.Sub(c.at) < refresh {
			return nil // the sample we have says more
		}
	}
	c.known, c.dirty = true, false
	c.offset, c.slack, c.at, c.retry = low, high-low, received, time.Time{}
	return nil
}

// Now returns the venue's time at the local time now. ok is false when nothing is
// known; then now itself is returned.
func (c *Clock) Now(now time.Time) (t time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return now.Round(0), false
	}
	// From the sample on, count monotonic time: the wall clock may have been set.
	return c.at.Round(0).Add(c.offset + now.Sub(c.at)), true
}

// Stale reports whether a caller should sample the venue before it signs.
func (c *Clock) Stale(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.retry) {
		return false
	}
	return !c.known || c.dirty || now.Sub(c.at) > refresh || c.stepped(now)
}

// stepped reports that wall and monotonic clock disagree since the sample: the
// machine slept, or somebody set its clock.
func (c *Clock) stepped(now time.Time) bool {
	d := now.Round(0).Sub(c.at.Round(0)) - now.Sub(c.at)
	return d > jump || d < -jump
}

// Doubt marks the estimate as wrong: the venue refused a stamp.
func (c *Clock) Doubt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty, c.retry = true, time.Time{}
}

// Failed puts the next refresh off, so that a venue whose time endpoint is down is
// not asked before every call.
func (c *Clock) Failed(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retry = now.Add(patience)
}

// Offset returns venue minus local and how much larger it may be; ok is false when
// nothing is known.
func (c *Clock) Offset() (offset, slack time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset, c.slack, c.known
}
