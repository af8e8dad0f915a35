package exauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Lookup is how the orders of a venue are found again whose answer was lost: data
// and small functions of the venue's file. The zero Lookup finds nothing, and every
// unknown write stays unknown.
type Lookup struct {
	// Ask returns the reads that find the order a write was to place, by its client
	// order id. They are asked in turn until one has it; the order is absent when none
	// has. Nil for writes that cannot be looked up.
	Ask func(w Write) []Call

	// Find takes the order out of an answer's payload and tells what the venue says
	// became of it: OutcomeAccepted, or OutcomeRejected for orders it lists and never
	// took. An error that matches ErrUnknownOrder means that the order is not there, or
	// is an older one of the same id; any other error leaves the question open.
	Find func(w Write, payload []byte) (order []byte, outcome Outcome, err error)

	// Until is the last moment, by the venue's clock, at which the venue may still
	// accept the order; the zero Time where it states none.
	Until func(w Write) time.Time

	Lag   time.Duration // how far answers may lag behind the matching engine
	Keeps time.Duration // how long after it was sent every order can be found; 0: for good
}

// A Write is a call whose fate is unknown, as its venue's Lookup sees it.
type Write struct {
	Method, Path  string
	Params        Params      // all it carried; only Ask and Until see them
	Header        http.Header // the caller's, names in canonical form; only Ask and Until see them
	ClientOrderID string
	Time          time.Time     // the stamp it carried, by the venue's clock
	Window        time.Duration // its receive window
	Deadline      time.Time     // Request.Deadline, zero when it was not set; for Find, what Until said
}

// Text returns the parameter called name as the venue reads it, "" when there is
// none.
func (w Write) Text(name string) string { return w.Params.text(name) }

// A Resolution is what became of an unknown write. Outcome is OutcomeAccepted when
// the venue has the order, which is then Payload; OutcomeRejected when it surely
// never took it; OutcomeUnknown when nobody can tell yet.
//
// For a call with several operations it is their sum: OutcomePartial when their fates
// differ, and OutcomeUnknown as long as one is unknown.
type Resolution struct {
	Outcome Outcome
	Payload []byte // the order as the venue lists it, nil when it has none
	Items   []Item // Error.Items with what is known now, each with its own Payload; else nil
}

// question is what an *Error remembers of an unknown write, to settle it by.
type question struct {
	write       Write // without parameters
	ask         []Call
	until       time.Time
	items       []itemQuestion // of a call with several operations, instead of ask
	environment string
	account     string

	// Of a journal's entry:
	entry *journalEntry
	key   string // fingerprint of the key the call was made with
	scope Scope  // what it needed
	read  bool   // from a file
}

// remember makes an error that can be settled of one with an unknown outcome. Of
// the call's parameters only what the lookup needs is kept.
func (c *core) remember(e *Error, d *draft, stamp time.Time, entry *journalEntry) {
	if e.Outcome != OutcomeUnknown || !d.need.writes() {
		return
	}
	f, settled := c.ponder(e, d, stamp)
	f.entry, e.SettledAt = entry, settled
	e.asked = func() *question { return f }
}

// ponder makes the question of a call, and tells when it can be settled, zero when
// never for sure.
func (c *core) ponder(e *Error, d *draft, stamp time.Time) (f *question, settled time.Time) {
	w := Write{Method: d.req.Method, Path: d.req.Path, Params: d.fields(), Header: http.Header{},
		ClientOrderID: e.ClientOrderID, Time: stamp, Window: d.window}
	if w.Params.text(d.route.ClientID) != w.ClientOrderID {
		w.ClientOrderID = "" // the caller's label; the venue never saw it
	}
	for name, values := range d.header {
		w.Header[http.CanonicalHeaderKey(name)] = values
	}
	if d.deadline > 0 {
		w.Deadline = stamp.Add(d.deadline)
	}
	f = c.questionOf(w)
	if f.items = c.questionsOf(w, d, e.Items); len(f.items) > 0 {
		f.ask, f.until = nil, f.lastItem()
	}
	if !f.until.IsZero() {
		settled = f.until.Add(c.venue.Lookup.Lag)
	}
	return f, settled
}

// lastItem is the moment at which the last of the items can be settled, zero when one
// of them has none.
func (f *question) lastItem() (last time.Time) {
	for _, q := range f.items {
		if q.until.IsZero() {
			return time.Time{}
		}
		if q.until.After(last) {
			last = q.until
		}
	}
	return last
}

// questionOf asks the venue how a write can be settled.
func (c *core) questionOf(w Write) *question {
	l := &c.venue.Lookup
	f := &question{environment: c.venue.Environment, account: c.opts.Account}
	if w.ClientOrderID != "" && l.Ask != nil && l.Find != nil {
		f.ask = l.Ask(w)
	}
	if len(f.ask) > 0 && l.Until != nil && !w.Time.IsZero() {
		f.until = l.Until(w)
	}
	w.Params, w.Header, w.Deadline = nil, nil, f.until
	f.write = w
	return f
}

// fields are all parameters of a call, as far as they have names.
func (d *draft) fields() Params {
	if d.params != nil {
		return slices.Concat(d.params, d.query)
	}
	p, _ := d.req.Fields()
	q, _ := d.req.QueryFields()
	return slices.Concat(p, q)
}

// Resolve settles what became of a write whose outcome is unknown, by asking the
// venue for its client order id: e is the *Error of that call, from this client or
// another one of the same account.
//
// An order that the venue lists is OutcomeAccepted, at once. That it was not placed
// takes two answers that it is not there, both after the last moment at which the
// venue may still accept it, and Venue.Lookup.Lag apart; Resolve waits for that
// moment, e.SettledAt, asks the venue for its time then, and costs no more than two
// lookups when it is past. Where the venue states no such moment, where it cannot be
// asked, and while lookups fail, the outcome stays OutcomeUnknown, with the error of
// the lookup if there was one. When ctx ends before the question can be settled,
// Resolve fails at once.
//
// A batch or a cancel-replace is settled item by item: new orders as above, all at
// once. Items that change or cancel an order are not looked up; send such a cancel again.
//
// A client order id must not be used twice within the time of a lookup. Cancels by
// id need no Resolve: send them again; ErrUnknownOrder then means "no longer open".
// An e that is not unknown is returned as it is. A known outcome ends the entry of a
// Journal that e has.
func (c *Client) Resolve(ctx context.Context, e *Error) (Resolution, error) {
	core, unknown := c.core(), Resolution{Outcome: OutcomeUnknown}
	switch {
	case e == nil:
		return unknown, paramError("", "Resolve needs the *Error of a call")
	case e.Outcome != OutcomeUnknown:
		return Resolution{Outcome: e.Outcome, Items: slices.Clone(e.Items)}, nil
	case e.Venue != core.venue.Name:
		return unknown, paramError("", "the error is of another venue")
	}
	var f *question
	if e.asked != nil {
		f = e.asked()
	} else { // of an earlier process: what its fields tell
		f = core.questionOf(Write{Method: e.Method, Path: e.Path, ClientOrderID: e.ClientOrderID, Time: e.Sent,
			Window: max(core.venue.RecvWindow, core.venue.MaxRecvWindow)})
	}
	if f.environment != core.venue.Environment || f.account != core.opts.Account {
		return unknown, paramError("", "the error is of another environment or account")
	}
	if f.read {
		if err := core.checkAsker(ctx, f); err != nil {
			return unknown, err
		}
	}
	var res Resolution
	var err error
	switch {
	case len(f.items) > 0:
		res, err = c.settleItems(ctx, f, e.Items)
	case len(f.ask) > 0:
		res, err = c.settle(ctx, f)
	default:
		unknown.Items = slices.Clone(e.Items)
		return unknown, nil
	}
	if f.entry != nil && res.Outcome != OutcomeUnknown {
		f.entry.end(res.Outcome)
	}
	return res, err
}

// settleItems settles every item that can be looked up, side by side: each waits for
// the same moment.
func (c *Client) settleItems(ctx context.Context, f *question, items []Item) (Resolution, error) {
	items = slices.Clone(items)
	errs := make([]error, len(f.items))
	var group sync.WaitGroup
	for i, q := range f.items {
		if q.index >= len(items) {
			return Resolution{Outcome: OutcomeUnknown}, paramError("", "the error's Items were cut")
		}
		group.Go(func() {
			res, err := c.settle(ctx, q.question)
			errs[i] = err
			if it := &items[q.index]; res.Outcome != OutcomeUnknown {
				it.Outcome, it.Payload, it.Kind = res.Outcome, res.Payload, nil
				if res.Outcome == OutcomeRejected {
					it.Kind = ErrRejected
				}
			}
		})
	}
	group.Wait()
	return Resolution{Outcome: sumOf(items), Items: items}, errors.Join(errs...)
}

// settle asks until the answer is certain, or cannot become so.
func (c *Client) settle(ctx context.Context, f *question) (Resolution, error) {
	core, unknown := c.core(), Resolution{Outcome: OutcomeUnknown}
	if f.read && !core.onlyReads(f.ask) {
		return unknown, paramError("", "the journal asks for what is no read of the venue")
	}
	lag, keeps := core.venue.Lookup.Lag, core.venue.Lookup.Keeps
	settled := f.until.Add(lag)
	for misses, asked := 0, false; ; {
		now := core.now()
		if !asked && !f.until.IsZero() && now.After(settled) {
			core.recheckClock(ctx)
			asked, now = true, core.now()
		}
		res, err := c.look(ctx, f)
		// The lookup may have been refused for its stamp, and the clock set right.
		counts := !f.until.IsZero() && now.After(settled) && core.now().After(settled)
		switch {
		case err == nil:
			return res, nil
		case !absent(err) && (counts || f.until.IsZero()):
			return unknown, err
		case f.until.IsZero():
			return unknown, nil
		case counts && keeps > 0 && core.now().After(f.write.Time.Add(keeps)):
			return unknown, nil // it may have been there, and gone
		case counts:
			misses++
		}
		if misses == 2 {
			return Resolution{Outcome: OutcomeRejected}, nil
		}
		now = core.now()
		if err := core.outlast(ctx, max(lag, settled.Sub(now)+time.Millisecond)); err != nil {
			return unknown, err
		}
		if !core.now().After(now) {
			return unknown, fmt.Errorf("%w: it stands still, and the venue's last moment does not pass", ErrClock)
		}
	}
}

// recheckClock samples the venue's time: should its clock have been set back, or our
// estimate be wrong, an order may be accepted later than we think. A venue that does
// not tell its time now leaves the estimate as it was.
func (c *core) recheckClock(ctx context.Context) {
	if c.opts.Now == nil && c.venue.Clock.Path != "" {
		_ = c.syncWithin(ctx, time.Now())
	}
}

// outlast waits for d, or fails at once when ctx will not last so long.
func (c *core) outlast(ctx context.Context, d time.Duration) error {
	if by, ok := ctx.Deadline(); ok && time.Until(by) < d {
		return fmt.Errorf("exauth: the outcome cannot be settled within the time allowed: %w", context.DeadlineExceeded)
	}
	if err := sleep(ctx, d); err != nil {
		return fmt.Errorf("exauth: the outcome is not settled: %w", err)
	}
	return nil
}

// look asks once. The error matches ErrUnknownOrder when the venue says that the
// order is not there.
func (c *Client) look(ctx context.Context, f *question) (Resolution, error) {
	core := c.core()
	var miss error
	for _, call := range f.ask {
		call.Priority = PriorityOrder // money hangs on it
		resp, err := c.Do(ctx, call)
		if err == nil {
			order, outcome, bad := core.venue.Lookup.Find(f.write, resp.Payload)
			switch {
			case bad == nil:
				return Resolution{Outcome: outcome, Payload: order}, nil
			case !errors.Is(bad, ErrUnknownOrder):
				return Resolution{}, core.unreadable(resp, bad)
			}
			err = bad
		}
		if miss = err; !absent(err) {
			return Resolution{}, err
		}
	}
	return Resolution{}, miss
}

// absent reports the venue's own word that it has no such order.
func absent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return errors.Is(err, ErrUnknownOrder) && (!ok || e.Status != 0)
}
