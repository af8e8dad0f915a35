package exauth

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// proxyForTLS honours HTTPS_PROXY for https, where a proxy sees CONNECT only, and
// no proxy at all for plain http.
func proxyForTLS(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "https" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

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
func (c *core) unreadable(resp *Response, cause error) error {
	why := "answer does not decode"
	var typ *json.UnmarshalTypeError
	if errors.As(cause, &typ) {
		kind, _, _ := strings.Cut(typ.Value, " ") // "number 1.5" would show the number
		why = fmt.Sprintf("answer does not decode: field %q is a JSON %s, which does not fit %s", typ.Field, kind, typ.Type)
	}
	e := &Error{Venue: c.venue.Name, Method: resp.Method, Path: resp.Path, Status: resp.Status, Kind: ErrUnavailable,
		Outcome: OutcomeRejected, ClientOrderID: resp.ClientOrderID, Sent: resp.Sent, Message: why}
	if resp.writes {
		e.Kind, e.Outcome = ErrOutcomeUnknown, OutcomeUnknown
	}
	return e
}

// freshClock samples the venue's time when the estimate is due, on the caller's
// path; one caller does, the others go on with what is known. A venue whose time
// endpoint is down does not stop calls: its own answer will say if a stamp is off.
func (c *core) freshClock(ctx context.Context) {
	if c.opts.Now != nil || c.venue.Clock.Path == "" || !c.clock.Stale(time.Now()) {
		return
	}
	if _, _, known := c.clock.Offset(); known {
		select {
		case c.syncing <- struct{}{}:
			defer func() { <-c.syncing }()
		default:
			return // somebody is at it, and an old estimate is at hand
		}
	} else {
		select {
		case c.syncing <- struct{}{}:
			defer func() { <-c.syncing }()
		case <-ctx.Done():
			return
		}
		if !c.clock.Stale(time.Now()) {
			return
		}
	}
	if err := c.syncClock(ctx); err != nil {
		c.clock.Failed(time.Now())
	}
}

// Samples of one sync: the first pays for the handshake, so a slow one is followed
// by more; the clock keeps the best.
const (
	maxSamples = 3
	quickRTT   = 100 * time.Millisecond
)

// syncClock asks the venue for its time.
func (c *core) syncClock(ctx context.Context) error {
	d, err := c.prepare(Call{Method: http.MethodGet, Path: c.venue.Clock.Path, Auth: AuthNone})
	if err != nil {
		return c.refuse(Call{Path: c.venue.Clock.Path}, err)
	}
	for range maxSamples {
		resp, err := c.attempt(ctx, d, 1)
		if err != nil {
			return err
		}
		if cached(resp) {
			return c.notSent(d, ErrClock, fmt.Errorf("time came from a cache"))
		}
		stamp, err := c.venue.Clock.Parse(resp)
		if err == nil {
			res := c.venue.Clock.Resolution
			if res == 0 {
				res = time.Millisecond
			}
			err = c.clock.Sample(resp.Sent, resp.Received, stamp, res)
		}
		if err != nil {
			return c.notSent(d, ErrClock, err)
		}
		if resp.Received.Sub(resp.Sent) < quickRTT {
			break
		}
	}
	return nil
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
