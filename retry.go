package exauth

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// backoff is how long to wait before attempt n+1: 100 ms, 200 ms, … with full jitter.
func backoff(rand io.Reader, n int) time.Duration {
	ceiling := 100 * time.Millisecond << (n - 1)
	var b [8]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return ceiling
	}
	return ceiling/2 + time.Duration(binary.LittleEndian.Uint64(b[:])%uint64(ceiling/2))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unreadable describes an answer that came but cannot be used. What became of a
// write is then unknown: its answer was the only witness.
func (c *core) unreadable(resp *Response, cause error) *Error {
	why := "answer does not decode"
	var typ *json.UnmarshalTypeError
	if errors.As(cause, &typ) {
		kind, _, _ := strings.Cut(typ.Value, " ") // "number 1.5" would show the number
		why = fmt.Sprintf("answer does not decode: field %q is a JSON %s, which does not fit %s", typ.Field, kind, typ.Type)
	}
	e := &Error{Venue: c.venue.Name, Method: resp.Method, Path: resp.Path, Status: resp.Status, Kind: ErrUnavailable,
		Outcome: OutcomeRejected, ClientOrderID: resp.ClientOrderID, Sent: resp.stamp, Message: why}
	if resp.writes {
		e.Kind, e.Outcome = ErrOutcomeUnknown, OutcomeUnknown
	}
	return e
}

// undecoded is unreadable for a call that Resolve may be asked about.
func (c *core) undecoded(resp *Response, call Call, cause error) error {
	e := c.unreadable(resp, cause)
	call.ClientOrderID = resp.ClientOrderID
	d, err := c.prepare(call, true)
	if err == nil {
		if len(resp.Items) == len(d.items) { // with the ids that were sent
			d.items = resp.Items
		}
		d.itemise(e, nil)
		if resp.entry != nil && resp.writes {
			resp.entry.reopen()
		}
		c.remember(e, d, resp.stamp, resp.entry)
	}
	c.done(d)
	return e
}

// freshClock samples the venue's time when the estimate is due, on the caller's
// path. One caller does; the others go on with what is known, or wait for it where
// that is nothing good. A venue whose time endpoint is down does not stop calls: its
// own answer will say if a stamp is off.
func (c *core) freshClock(ctx context.Context) {
	if c.opts.Now != nil || c.venue.Clock.Path == "" || !c.clock.Stale(time.Now()) {
		return
	}
	if c.clock.Usable(time.Now()) {
		select {
		case c.syncing <- struct{}{}:
		default:
			return
		}
	} else {
		select {
		case c.syncing <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
	defer func() { <-c.syncing }()
	begin := time.Now()
	if !c.clock.Stale(begin) {
		return // somebody was faster
	}
	err := c.syncWithin(ctx, begin)
	if err == nil {
		return
	}
	if now := time.Now(); ctx.Err() == nil && (now.Sub(begin) > syncPatience/8 || !errors.Is(err, context.DeadlineExceeded)) {
		c.clock.Failed(now) // it was the venue's fault, not the caller's haste
	}
	if c.opts.Logger != nil {
		c.opts.Logger.LogAttrs(context.Background(), slog.LevelWarn, "exauth clock not synced",
			slog.String("venue", c.venue.Name), slog.String("error", err.Error()))
	}
}

// syncPatience bounds what a call spends on the clock; half of its own deadline is
// always left for itself.
const syncPatience = 4 * time.Second

func (c *core) syncWithin(ctx context.Context, begin time.Time) error {
	budget := syncPatience
	if by, ok := ctx.Deadline(); ok {
		budget = min(budget, by.Sub(begin)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	return c.syncClock(ctx)
}

// Samples of one sync: the first pays for the handshake, so a slow one is followed
// by more; the clock keeps the best.
const (
	maxSamples = 3
	quickRTT   = 100 * time.Millisecond
)

// syncClock asks the venue for its time.
func (c *core) syncClock(ctx context.Context) error {
	call := Call{Method: http.MethodGet, Path: c.venue.Clock.Path, Auth: AuthNone, Scope: ScopeRead, MaxWait: 2 * time.Second}
	d, err := c.prepare(call, false)
	defer c.done(d)
	if err != nil {
		return c.refuse(ctx, d, call, err)
	}
	for n := range maxSamples {
		rtt, err := c.sampleClock(ctx, d)
		switch {
		case err != nil && n == 0:
			return err
		case err != nil || rtt < quickRTT:
			return nil
		}
	}
	return nil
}

// sampleClock makes one request for the time.
func (c *core) sampleClock(ctx context.Context, d *draft) (rtt time.Duration, err error) {
	resp, err := c.attempt(ctx, d, 1)
	if err != nil {
		return 0, err
	}
	if cached(resp) {
		return 0, c.notSent(d, ErrClock, errors.New("time came from a cache"))
	}
	stamp, err := c.venue.Clock.Parse(resp)
	if err == nil {
		err = c.clock.Sample(resp.Sent, resp.Received, stamp, cmp.Or(c.venue.Clock.Resolution, time.Millisecond))
	}
	if err != nil {
		return 0, c.notSent(d, ErrClock, err)
	}
	return resp.Received.Sub(resp.Sent), nil
}

// doubtClock drops the estimate after the venue refused a stamp. A venue without a
// time endpoint has told its time in the refusal's Date (RFC 9110 section 6.6.1).
func (c *core) doubtClock(resp *Response) {
	c.clock.Doubt()
	if c.venue.Clock.Path != "" || resp == nil || cached(resp) {
		return
	}
	if stamp, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		_ = c.clock.Sample(resp.Sent, resp.Received, stamp, time.Second) // an absurd Date leaves the estimate in doubt
	}
}

// cached reports an answer that did not come from the venue just now.
func cached(resp *Response) bool {
	return fromCache(resp.Status, resp.Header)
}
