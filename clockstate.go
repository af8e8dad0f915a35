package exauth

import "time"

// A ClockState tells how well a client knows its venue's clock: what a dashboard shows
// and an alarm goes by. It is a snapshot; asking costs no I/O.
type ClockState struct {
	Known       bool          // false before the first sync, and when Options.Now is set; then all is zero
	Trusted     bool          // false after the venue refused a stamp, after a step of the wall clock and after a sleep, until the next sync
	Offset      time.Duration // venue minus local wall clock: a lower bound, so that no stamp is ahead of the venue
	Uncertainty time.Duration // how much larger the offset may be: the way of the sample, the venue's resolution, and drift since
	Age         time.Duration // since the sample that it rests on was taken, by the monotonic clock
}

// ClockState returns what is known of the venue's clock. An Uncertainty near the
// receive window, or an untrusted estimate that stays so, means that stamps may be
// refused: look at the way to the venue, and at Check.
func (c *Client) ClockState() ClockState {
	s := c.core().clock.State(time.Now())
	return ClockState{Known: s.Known, Trusted: s.Trusted, Offset: s.Offset, Uncertainty: s.Slack, Age: s.Age}
}
