package exauth

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/exauth/exauth/internal/mask"
)

// An Attempt is what an Observer sees of one attempt to reach the venue, and of a
// call that was refused before there was one: it then has a zero Sent, the Outcome
// OutcomeNotSent, and the reason in Err. A request that Client.Sign made has neither
// Sent nor Err, since others may send it. Every call yields at least one Attempt, and
// so does every request for the venue's time.
//
// It holds no secret, signature, query, body or full key. Its slices are shared:
// an Observer may keep them and must not change them.
type Attempt struct {
	Venue, Environment string
	Account            string    // Options.Account
	Time               time.Time // when it was sent, or else refused; local clock
	Method, Path       string    // Path as on the wire; "" where the caller's cannot be shown
	Route              string    // the path with {placeholders} for what differs between calls: few of them, so fit to be counted by
	Scheme, Host       string    // where it goes: "https", "api.binance.com"
	Symbols            []string  // what is traded, as the call names it; see Venue.SymbolParams
	Key                string    // fingerprint; "" for public calls, and where no key was chosen yet
	Scope              Scope     // what the call needs; 0 where it was refused before that was known
	Status             int
	Outcome            Outcome
	Err                error // nil, or an *Error
	Number             int   // 1 for the first attempt of a call, 0 for a call that never came to one
	Sent, Received     time.Time
	Wait               time.Duration // in the limiter's queue and for the key's turn
	Costs              []Cost        // by the answer where it tells, else by the venue's table
	Unlisted           bool          // the venue's table has no scope or no costs for the path; defaults were taken
	Resent             bool          // net/http sent a read again on its own, and the venue may have counted both

	ctx func() context.Context // a closure: reflection prints an address, not what it captures
}

// Context returns the context of the call, from which an Observer can find the trace
// or the request it belongs to. It is for the time of the Observer's call.
func (a Attempt) Context() context.Context {
	if a.ctx == nil {
		return context.Background()
	}
	return a.ctx()
}

// Latency returns the time from sending to the end of the answer, 0 for what was not
// sent.
func (a Attempt) Latency() time.Duration {
	if a.Sent.IsZero() {
		return 0
	}
	return a.Received.Sub(a.Sent)
}

// Observers returns an Observer that calls each of them in turn; nil ones are left
// out. So a usage log, alerts and a program's own Observer work side by side.
func Observers(each ...func(Attempt)) func(Attempt) {
	each = slices.DeleteFunc(slices.Clone(each), func(f func(Attempt)) bool { return f == nil })
	return func(a Attempt) {
		for _, f := range each {
			f(a)
		}
	}
}

// watched reports whether anybody looks.
func (c *core) watched() bool { return c.opts.Observer != nil || c.opts.Logger != nil }

// watch shows an attempt that was made to the Observer and the Logger.
func (c *core) watch(ctx context.Context, d *draft, b *binding, resp *Response, err error, t *trip) {
	if !c.watched() {
		return
	}
	a := c.attemptOf(ctx, d, b, err)
	a.Time, a.Sent, a.Received, a.Resent = t.sent, t.sent, t.received, t.wrote.Load() > 1
	a.Costs = settled(d.costs, t.seen.Costs)
	if resp != nil {
		a.Status = resp.Status
	}
	if err == nil {
		a.Outcome = OutcomeAccepted
	}
	c.tell(a)
}

// settled is what a call cost: what the answer told, and what was demanded of the
// quotas that it does not mention.
func settled(demanded, told []Cost) []Cost {
	if told == nil {
		return demanded
	}
	all := slices.Clone(told)
	for _, d := range demanded {
		mentions := func(c Cost) bool { return c.Quota == d.Quota && (c.Item == "" || c.Item == d.Item) }
		if !slices.ContainsFunc(told, mentions) {
			all = append(all, d)
		}
	}
	return all
}

// stop is notSent for calls, which the Observer and the Logger learn of: a refused
// withdrawal is worth knowing.
func (c *core) stop(ctx context.Context, d *draft, b *binding, kind, cause error) *Error {
	e := c.notSent(d, kind, cause)
	c.show(ctx, d, b, e)
	return e
}

// show shows a call that was not sent: refused, or only signed when e is nil.
func (c *core) show(ctx context.Context, d *draft, b *binding, e *Error) {
	if !c.watched() {
		return
	}
	var err error
	if e != nil {
		err = e
	}
	a := c.attemptOf(ctx, d, b, err)
	a.Time, a.Costs = time.Now(), nil
	c.tell(a)
}

// attemptOf tells what is known of a call before it is sent.
func (c *core) attemptOf(ctx context.Context, d *draft, b *binding, err error) Attempt {
	a := Attempt{
		Venue: c.venue.Name, Environment: c.venue.Environment, Account: c.opts.Account,
		Method: d.req.Method, Path: d.req.Path, Route: d.template(), Scheme: d.req.Scheme, Host: d.req.Host,
		Scope: d.need, Err: err, Number: d.number, Wait: d.waited, Costs: d.costs, Unlisted: d.guessed,
		ctx: func() context.Context { return ctx },
	}
	key, _ := c.keys.(*Key)
	switch {
	case b != nil:
		a.Key = b.mark
	case key != nil && d.auth != AuthNone: // refused before it was asked for, but it is the only one
		a.Key = fingerprint(c.venue.Name, key.info().id)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		a.Outcome = e.Outcome
	}
	if c.opts.Observer != nil {
		a.Symbols = c.symbols(d, b)
	}
	return a
}

// tell hands an attempt on.
func (c *core) tell(a Attempt) {
	if c.opts.Observer != nil {
		c.opts.Observer(a)
	}
	if c.opts.Logger != nil {
		c.opts.Logger.LogAttrs(context.Background(), levelOf(a.Err), "exauth call", a.attrs()...)
	}
}

func levelOf(err error) slog.Level {
	if err != nil {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// attrs are the fields of an attempt that may be logged: all of them.
func (a Attempt) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("venue", a.Venue), slog.String("method", a.Method), slog.String("path", a.Path),
		slog.String("key", a.Key), slog.String("scope", a.Scope.String()), slog.Int("status", a.Status),
		slog.String("outcome", a.Outcome.String()), slog.Int("attempt", a.Number),
		slog.Duration("took", a.Latency().Round(time.Microsecond)), slog.Duration("wait", a.Wait),
	}
	if a.Err != nil {
		attrs = append(attrs, slog.String("error", a.Err.Error()))
	}
	return attrs
}

// template is the path with what differs between calls taken out: the route table's,
// the caller's, or a guess.
func (d *draft) template() string {
	switch {
	case d.listed && d.route.Match != "":
		return d.route.Path + "?" + d.route.Match // the table's text: which action one path is asked for
	case d.listed:
		return d.route.Path
	case d.pattern != "":
		return d.pattern
	}
	parts := strings.Split(d.req.Path, "/")
	for i, p := range parts {
		if looksLikeID(p) {
			parts[i] = "{}"
		}
	}
	return strings.Join(parts, "/")
}

// looksLikeID reports a path segment that names one order, address or account rather
// than an endpoint: a number of two digits or more, or a long word with digits in it.
func looksLikeID(s string) bool {
	digits := 0
	for i := range len(s) {
		if '0' <= s[i] && s[i] <= '9' {
			digits++
		}
	}
	return digits == len(s) && len(s) > 1 || digits > 0 && len(s) >= 16 || len(s) > 48 || strings.Contains(s, "%")
}

// Bounds of what an Attempt tells of the symbols of one call.
const (
	maxSymbols   = 16
	maxSymbolLen = 31 // "BTC-USD-261225-100000-C"; keys and secrets are longer
)

// stockSymbolParams are the names in use at the venues of package venue (their
// documentation as of 2026-11), taken where a Venue names none.
var stockSymbolParams = [...]string{"symbol", "symbols", "pair", "pairs", "pairSymbol", "instId", "instrument", "instruments",
	"instrument_name", "contract", "contract_code", "currency_pair", "product_id", "product_ids", "market", "markets"}

// symbols finds what a call trades: the values of the venue's symbol parameters, and
// nothing else of what was asked.
func (c *core) symbols(d *draft, b *binding) []string {
	if d.need == 0 {
		return nil
	}
	names := c.venue.SymbolParams
	if names == nil {
		names = stockSymbolParams[:]
	}
	f := symbolFinder{names: names, hide: c.hiddenKeys(b)}
	f.path(cmp.Or(d.pattern, d.route.Path), d.req.Path)
	if fields, err := d.req.Fields(); err == nil {
		f.walk(fields, 0)
	}
	if len(d.req.Body) > 0 && d.req.Query != "" {
		if fields, err := d.req.QueryFields(); err == nil {
			f.walk(fields, 0)
		}
	}
	return f.found
}

// hiddenKeys lists what must not be taken for a symbol: of the key in use or, before
// one was chosen, of all that this client has met.
func (c *core) hiddenKeys(b *binding) (hide []string) {
	if b != nil {
		return b.info.hidden()
	}
	if key, _ := c.keys.(*Key); key != nil {
		return key.info().hidden()
	}
	for _, info := range c.bindings.all() {
		hide = append(hide, info.hidden()...)
	}
	return hide
}

type symbolFinder struct {
	names, hide, found []string
}

// path takes symbols out of the {placeholders} of a route.
func (f *symbolFinder) path(pattern, path string) {
	if !strings.Contains(pattern, "{") {
		return
	}
	have := strings.Split(path, "/")
	for i, p := range strings.Split(pattern, "/") {
		if i < len(have) && strings.HasPrefix(p, "{") && f.named(strings.Trim(p, "{}")) {
			f.add(have[i])
		}
	}
}

// walk looks at parameters, and into the orders of a batch.
func (f *symbolFinder) walk(v any, depth int) {
	if depth > 4 || len(f.found) >= maxSymbols {
		return
	}
	switch v := v.(type) {
	case Params:
		for _, p := range v {
			if f.named(p.Name) {
				f.value(p.Value)
			} else {
				f.walk(p.Value, depth+1)
			}
		}
	case []any:
		for _, one := range v {
			f.walk(one, depth+1)
		}
	}
}

// named compares without case; "symbols[]" and "symbols[0]" are symbols, too.
func (f *symbolFinder) named(name string) bool {
	name, _, _ = strings.Cut(name, "[")
	return slices.ContainsFunc(f.names, func(n string) bool { return strings.EqualFold(n, name) })
}

// value takes one symbol or a list: an array, ["A","B"] as a text, A,B.
func (f *symbolFinder) value(v any) {
	switch v := v.(type) {
	case string:
		for one := range strings.SplitSeq(v, ",") {
			f.add(strings.Trim(one, ` "[]`))
		}
	case []any:
		for _, one := range v {
			if s, ok := one.(string); ok {
				f.add(s)
			}
		}
	}
}

// add keeps what can be a symbol. Anything else, and whatever is part of the key, is
// left out: a parameter of that name is no reason to show it.
func (f *symbolFinder) add(s string) {
	odd := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_/:.@", r))
	}
	if s == "" || len(s) > maxSymbolLen || len(f.found) >= maxSymbols || strings.ContainsFunc(s, odd) ||
		slices.Contains(f.found, s) || mask.Values(s, f.hide...) != s || slices.Contains(f.hide, s) {
		return
	}
	f.found = append(f.found, s)
}
