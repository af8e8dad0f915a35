package exauth

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/exauth/exauth/internal/mask"
)

// A trip is what is learned while one attempt is on its way.
type trip struct {
	number         int
	wait           time.Duration
	lease          Lease
	seen           Observation // what the answer said of quotas
	key            *keyInfo
	way            *way
	req            *http.Request
	stamp          time.Time     // the venue time the request carries
	entry          *journalEntry // nil without a journal
	sent, received time.Time
	broke          bool         // the answer began and did not end
	unsent         bool         // it ended, and surely nothing was written
	careful        bool         // net/http would not send this call again by itself
	asked          atomic.Bool  // the transport tells what it does
	waiting        atomic.Bool  // for a connection
	got            atomic.Bool  // it has had a connection
	stale          atomic.Bool  // that connection was dead already: nothing was written to it
	wrote          atomic.Int32 // times headers left this machine; 2 is a silent re-send
	hooks          httptrace.ClientTrace
	tripContext
}

// tripContext finds the trip again where the connection is dialled.
type tripContext struct {
	context.Context
	trip *trip
}

type tripKey struct{}

func (c *tripContext) Value(key any) any {
	if key == (tripKey{}) {
		return c.trip
	}
	return c.Context.Value(key)
}

// trace sees whether anything was written, which is what tells "surely not sent"
// from "perhaps executed".
func (t *trip) trace(ctx context.Context) context.Context {
	t.tripContext = tripContext{ctx, t}
	t.hooks.GetConn = func(string) { t.asked.Store(true); t.waiting.Store(true) }
	t.hooks.GotConn = t.gotConn
	t.hooks.WroteHeaders = func() { t.wrote.Add(1) }
	return httptrace.WithClientTrace(&t.tripContext, &t.hooks)
}

// gotConn looks at a connection before a request is written to it. One that the
// venue has closed while it was idle is closed here, too, so that nothing can be
// written to it: the call then goes over another one, although net/http may not
// repeat it.
func (t *trip) gotConn(info httptrace.GotConnInfo) {
	t.asked.Store(true)
	t.waiting.Store(false)
	if t.stale.Load() {
		t.wrote.Store(0)
	}
	stale := info.Reused && (t.careful || info.IdleTime > time.Second) && idleClosed(info.Conn)
	t.stale.Store(stale)
	if stale {
		info.Conn.Close()
	} else {
		t.got.Store(true)
	}
}

// mayBeSent reports whether bytes of the request may have left this machine. Only
// evidence counts as a no.
func (t *trip) mayBeSent(rt http.RoundTripper, cause error) bool {
	var dial *net.OpError
	switch {
	case t.stale.Load():
		return false
	case t.wrote.Load() > 0:
		return true
	case t.got.Load(): // the headers may be on their way while the deadline passes
		return true
	case t.asked.Load(), errors.As(cause, &dial) && dial.Op == "dial":
		return false
	}
	_, ours := rt.(*http.Transport) // which asks before it sends
	return !ours
}

// scrub takes out of a venue's text what it may echo: the key, what was derived
// from the secret, the signed string. Only error paths pay for it.
func (t *trip) scrub(text string) string { return mask.Text(text, t.hidden()...) }

// hidden lists what must not show of this attempt: the key, what the scheme wrote,
// and what the caller asked.
func (t *trip) hidden() []string {
	hide := t.key.hidden()
	if t.req.URL == nil {
		return hide
	}
	hide = hidePairs(hide, t.req.URL.RawQuery)
	for _, vs := range t.req.Header {
		for _, v := range vs {
			_, word, _ := strings.Cut(v, " ") // what follows Bearer, Basic and the like
			hide = append(hide, v, word)
		}
	}
	if b, ok := t.req.Body.(*bodyReader); ok {
		hide = hidePairs(hide, string(b.raw))
	}
	return hide
}

// hidden is the same before anything was signed.
func (d *draft) hidden(b *binding) []string {
	return hidePairs(hidePairs(b.info.hidden(), d.req.Query), string(d.req.Body))
}

// hidePairs adds a query or a body, the pairs of a form, and values long enough to be
// more than a symbol or a side.
func hidePairs(hide []string, raw string) []string {
	hide = append(hide, raw)
	for pair := range strings.SplitSeq(raw, "&") {
		if _, value, _ := strings.Cut(pair, "="); len(value) >= 16 {
			hide = append(hide, value)
		}
		hide = append(hide, pair)
	}
	return hide
}
