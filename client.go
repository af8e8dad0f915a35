package exauth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exauth/exauth/internal/clock"
)

// A Call is one request to a venue in the caller's words.
type Call struct {
	Method string // "" means GET
	// Path is the venue's path, "/api/v3/order". It may hold {placeholders}, which
	// are taken out of Params and escaped, or be https://host/path for a host of
	// the venue.
	Path string
	// Params go where the route wants them; Query is for routes that want both.
	// nil, Params, url.Values (sorted by name), a struct with url tags (sent in
	// field order) or json tags, a slice (JSON arrays), or json.RawMessage, which
	// is sent as it is.
	Params, Query any
	Header        http.Header

	Auth     Auth     // zero: the route's
	Scope    Scope    // zero: the route's; otherwise what this call needs
	Costs    []Cost   // nil: the route's
	Priority Priority // zero: the route's

	// ClientOrderID goes into the route's parameter where Params has none, and into
	// the Response or Error either way. Empty: see Options.NoOrderID.
	ClientOrderID string
	RecvWindow    time.Duration // 0: Options', then the venue's
	MaxWait       time.Duration // 0: Options'

	key *Key // instead of asking the source; for probes
}

// A Response is a venue's answer. Its slices belong to the caller.
type Response struct {
	Method, Path   string // of the call
	Status         int
	Header         http.Header
	Body           []byte // as received, decompressed and bounded
	Payload        []byte // Body without the venue's envelope
	ClientOrderID  string
	Items          []Item    // the operations of a call that holds several, with their client order ids; else nil
	Sent, Received time.Time // local clock
	Wait           time.Duration
	Attempts       int
	stamp          time.Time // the venue time the call carried
	writes         bool      // the call changes something, so that an unreadable answer leaves it in doubt
	entry          *journalEntry
}

// Options configures a Client. A nil *Options and every zero field mean the
// documented default.
type Options struct {
	Now        func() time.Time // the venue's time; setting it switches clock sync off
	Nonce      NonceSource      // default: strictly increasing per Key, in this process; see NonceFile
	Rand       io.Reader        // default: crypto/rand
	HTTPClient *http.Client     // its Transport and Timeout are used; its redirects, jar and CheckRedirect are not
	Journal    *Journal         // default: none; see OpenJournal
	Limiter    Limiter          // default: NewLimiter with the venue's quotas; LimiterOptions.Off switches it off
	Scope      Scope            // what calls may do; 0 means Read and Trade
	Account    string           // which account's key is asked for

	Timeout     time.Duration // per attempt, from the limiter's grant; default 10 s
	MaxWait     time.Duration // in the limiter's queue; default 60 s for reads and cancels, 2 s for new orders
	RecvWindow  time.Duration // default: the venue's
	NonceWindow bool          // the key has a nonce window at the venue: send in parallel where order would matter
	MaxBody     int64         // largest answer after decompression; default 8 MiB
	NoRetry     bool          // one attempt only, also for reads and after clock and nonce errors

	// NoOrderID stops Do from giving orders a client order id. Without it, an order
	// whose Params (Params, url.Values or a struct) name none gets a random one where
	// the venue has them, and an unknown outcome can be settled; see Resolve. So does
	// each order of a batch whose list is a slice of Params or structs. Nothing is added
	// to raw JSON, requests through Transport, or by Sign.
	NoOrderID bool

	AllowHTTP []string                              // host names that may be reached without TLS, besides loopback
	Policy    func(context.Context, *Request) error // sees each request before it is signed; an error vetoes it
	Observer  func(Attempt)                         // sees each attempt after it ended or was refused, without secrets; see Attempt
	Logger    *slog.Logger                          // default: silent

	// KeyWarning hears what a person should know about a key, each once a day; Logger
	// does, too. It is called on the goroutine of a call and should return soon.
	KeyWarning func(KeyWarning)

	// SignatureDebug is told what was signed when the venue refuses a call's key,
	// signature, stamp or nonce; print its report. It shows the call's parameters, and
	// slows every call a little: set it while something is wrong. Default: off.
	SignatureDebug func(SignatureReport)
}

// A Client sends calls to one venue with the keys of one source. It is safe for
// concurrent use; programs make one per venue and account and keep it.
//
// It starts no goroutine and does no I/O before the first call.
type Client struct {
	core func() *core // a closure: reflection prints an address, not what it captures
}

// core is what a Client is made of.
type core struct {
	venue    *Venue
	opts     Options
	keys     KeySource
	origins  []origin
	routes   *routeTable
	way           // of calls whose key is bound to no other
	ways     ways // of the others
	clock    clock.Clock
	syncing  chan struct{} // held by the caller that refreshes the clock
	bindings bindings
	nobody   *binding
	requests sync.Pool // of *Request
	drafts   sync.Pool // of *draft
	halted   atomic.Pointer[string]
	proves   bool         // the source may want a key proved
	reviewed atomic.Int64 // when the keys' ages were looked at, in Unix nanoseconds
	gates    struct {
		sync.Mutex
		of map[string]*keyGate // by fingerprint
	}
	warnings struct {
		sync.Mutex
		at map[warned]time.Time
	}
}

// New makes a Client for a venue. keys may be nil for public calls only, opts may
// be nil for every default. It does no I/O, and it finds what would otherwise fail
// at the first order: a *Key that does not fit the venue, an origin without TLS.
func New(v *Venue, keys KeySource, opts *Options) (*Client, error) {
	c := &core{keys: keys, syncing: make(chan struct{}, 1)}
	if opts != nil {
		c.opts = *opts
	}
	if err := v.check(c.opts.AllowHTTP); err != nil {
		return nil, err
	}
	if h := c.opts.HTTPClient; h != nil {
		if err := checkTLS(h.Transport); err != nil {
			return nil, err
		}
	}
	dup := *v
	c.venue = &dup
	c.origins, c.routes = origins(c.venue), newRouteTable(c.venue)
	c.nobody = &binding{info: &keyInfo{box: newBox()}, way: &c.way}
	c.proves = proves(keys)
	c.requests.New = func() any { return new(Request) }
	c.drafts.New = func() any { return new(draft) }
	c.defaults()
	if k, ok := keys.(*Key); ok && k != nil {
		if _, err := c.bind(k); err != nil {
			return nil, err
		}
	} else if ok {
		c.keys = nil // a nil *Key is no key
	}
	if ring, ok := keys.(*KeyRing); ok {
		ring.learn(c.venue)
	}
	return &Client{core: func() *core { return c }}, nil
}

func (c *core) defaults() {
	o := &c.opts
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Scope == 0 {
		o.Scope = ScopeRead | ScopeTrade
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Limiter == nil && len(c.venue.Quotas) > 0 {
		o.Limiter = NewLimiter(c.venue, nil)
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 8 << 20
	}
	if h := o.HTTPClient; h != nil {
		c.rt = h.Transport
		if h.Timeout > 0 {
			o.Timeout = min(o.Timeout, h.Timeout)
		}
	}
	if c.rt == nil {
		c.rt, c.own = newTransport(), true
	}
	c.rt1 = http1(c.rt)
}

// Close drops idle connections and the signing state of this client's keys. Keys
// themselves stay open; close them where they were made.
func (c *Client) Close() error {
	core := c.core()
	if core.own {
		core.rt.(*http.Transport).CloseIdleConnections()
	}
	if t, ok := core.rt1.(*http.Transport); ok && core.rt1 != core.rt {
		t.CloseIdleConnections()
	}
	core.ways.close()
	core.bindings.clear()
	return nil
}

// Venue returns the venue the client was made for.
func (c *Client) Venue() *Venue { dup := *c.core().venue; return &dup }

// Halt refuses new writes that open risk, with ErrHalted and reason; cancels and
// reads pass. It is a brake for people and supervisors, and Resume releases it.
func (c *Client) Halt(reason string) { c.core().halted.Store(&reason) }

// Resume ends Halt.
func (c *Client) Resume() { c.core().halted.Store(nil) }

// Sign makes the signed request of a call without sending it: no network, no
// quota. Its timestamp ages; send it soon, and once. To see what is signed without
// a key in hand, look at its URL and body.
func (c *Client) Sign(ctx context.Context, call Call) (*http.Request, error) {
	core := c.core()
	d, err := core.prepare(call, false)
	defer core.done(d)
	if err != nil {
		return nil, core.refuse(ctx, d, call, err)
	}
	b, err := core.keyFor(ctx, d)
	if err != nil {
		return nil, core.stop(ctx, d, nil, nil, err)
	}
	out := new(outgoing)
	if err := core.authorize(ctx, d, b, out); err != nil {
		return nil, core.stop(ctx, d, b, nil, veil(err, d.hidden(b)...))
	}
	core.show(ctx, d, b, nil) // it leaves this library signed, and may be sent by others
	return &out.req, nil
}

// refuse describes a call that could not even be prepared; was is as much of its
// draft as there is.
func (c *core) refuse(ctx context.Context, was *draft, call Call, err error) error {
	d := &draft{req: Request{Method: cmp.Or(call.Method, http.MethodGet), Path: safePath(call.Path)}, orderID: call.ClientOrderID}
	if !isToken(d.req.Method) {
		d.req.Method = ""
	}
	if was.need != 0 { // a route was found: its path is sound, and tells what was tried
		d.req, d.route, d.listed, d.need, d.pattern = was.req, was.route, was.listed, was.need, was.pattern
	}
	return c.stop(ctx, d, nil, nil, err)
}

// safePath is what may be shown of a path the caller got wrong: no query, no
// control characters, no host, which the error names itself.
func safePath(p string) string {
	p, _, _ = strings.Cut(p, "?")
	if len(p) > 128 || !strings.HasPrefix(p, "/") || textFault(p) != "" {
		return ""
	}
	return p
}

// Do sends a call and returns the venue's answer. A failed call returns an *Error
// that says what became of it; the Response is returned beside it when there was
// an answer.
//
// Reads, and writes that the venue surely did not act on (a clock or nonce error,
// a connection that broke before anything was written), are tried again, signed
// afresh each time. An order that may have arrived is never sent again.
func (c *Client) Do(ctx context.Context, call Call) (*Response, error) {
	core := c.core()
	d, err := core.prepare(call, true)
	defer core.done(d)
	if err != nil {
		return nil, core.refuse(ctx, d, call, err)
	}
	return core.run(ctx, d)
}

// run is the loop over attempts.
func (c *core) run(ctx context.Context, d *draft) (*Response, error) {
	repaired := false
	for n := 1; ; n++ {
		resp, err := c.attempt(ctx, d, n)
		if resp != nil {
			resp.Attempts = n
		}
		if err == nil || c.opts.NoRetry || n >= maxAttempts || ctx.Err() != nil {
			return resp, err
		}
		if !repaired && c.repair(resp, err) {
			repaired = true
		} else if !c.again(ctx, d, err, n) {
			return resp, err
		}
	}
}

// maxAttempts bounds the tries of one call; one repair of clock or nonce is always
// within it.
const maxAttempts = 3

// maxPause is the longest wait before a read is tried again; a venue that asks for
// more gets its caller's decision.
const maxPause = 2 * time.Second

// repair sees to what made a venue refuse a stamp, after which it did nothing. It
// works once per call.
func (c *core) repair(resp *Response, err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Outcome != OutcomeRejected {
		return false
	}
	if c.opts.Now == nil && (errors.Is(e, ErrClock) || c.perhapsClock(e)) {
		c.doubtClock(resp)
		return true
	}
	return errors.Is(e, ErrNonce)
}

// perhapsClock reports refusals for which the clock is one reason of several. A wrong
// key is refused so, too: that is not tried twice while the estimate is young.
func (c *core) perhapsClock(e *Error) bool {
	if !slices.Contains(c.venue.Ambiguous[e.Code], ErrClock) {
		return false
	}
	s := c.clock.State(time.Now())
	return s.Known && s.Age > 10*time.Second
}

// again decides whether one more attempt is safe and of use, and waits before it.
func (c *core) again(ctx context.Context, d *draft, err error, n int) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != ErrUnavailable || e.Outcome == OutcomeUnknown || errors.Is(e, errBodyTooLarge) {
		return false
	}
	if d.need.writes() && (e.Outcome != OutcomeNotSent || e.Timeout()) || e.RetryAfter > maxPause {
		return false
	}
	return sleep(ctx, max(backoff(c.opts.Rand, n), e.RetryAfter)) == nil
}

// Do sends a call and decodes the venue's payload into a T: a struct, a map, a
// slice, json.RawMessage, or []byte for the payload as it is. A 2xx answer to a
// write that does not decode is ErrOutcomeUnknown: it was accepted, or was not.
func Do[T any](ctx context.Context, c *Client, call Call) (T, error) {
	var out T
	resp, err := c.Do(ctx, call)
	if err != nil {
		return out, err
	}
	if raw, ok := any(&out).(*[]byte); ok {
		*raw = resp.Payload
		return out, nil
	}
	if resp.Status == http.StatusNoContent && len(resp.Payload) == 0 {
		return out, nil
	}
	if err := decode(resp.Payload, &out); err != nil {
		var none T // half of an answer is none
		return none, c.core().undecoded(resp, call, err)
	}
	return out, nil
}

// decode unmarshals without losing 64-bit ids to float64 in interface values, and
// takes one JSON value with nothing behind it.
func decode(payload []byte, out any) error {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	if err := d.Decode(out); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after the JSON")
	}
	return nil
}

// Get is Do with method GET.
func Get[T any](ctx context.Context, c *Client, path string, params any) (T, error) {
	return Do[T](ctx, c, Call{Method: http.MethodGet, Path: path, Params: params})
}

// Post is Do with method POST.
func Post[T any](ctx context.Context, c *Client, path string, params any) (T, error) {
	return Do[T](ctx, c, Call{Method: http.MethodPost, Path: path, Params: params})
}

// Put is Do with method PUT.
func Put[T any](ctx context.Context, c *Client, path string, params any) (T, error) {
	return Do[T](ctx, c, Call{Method: http.MethodPut, Path: path, Params: params})
}

// Delete is Do with method DELETE.
func Delete[T any](ctx context.Context, c *Client, path string, params any) (T, error) {
	return Do[T](ctx, c, Call{Method: http.MethodDelete, Path: path, Params: params})
}

// Check finds out before the first order whether this client can work: the key
// fits, the venue's clock is known, and one cheap signed read succeeds. Call it at
// start-up; it takes two requests.
func (c *Client) Check(ctx context.Context) error {
	core := c.core()
	if core.opts.Now == nil && core.venue.Clock.Path != "" {
		if err := core.syncClock(ctx); err != nil {
			return err
		}
	}
	if _, takes := core.opts.Limiter.(QuotaSetter); takes {
		// A venue that will not tell, or this key may not ask, leaves the table's limits.
		if _, err := c.LoadLimits(ctx); err != nil && !errors.Is(err, ErrPermission) && !errors.Is(err, ErrRejected) {
			return err
		}
	}
	if core.venue.Probe.Path == "" {
		return nil
	}
	probe := core.venue.Probe
	if core.keys == nil {
		return core.notSent(&draft{req: Request{Method: probe.Method, Path: probe.Path}}, ErrNoKey, nil)
	}
	_, err := c.Do(ctx, probe)
	return err
}

// ClockOffset tells how far the venue's clock is ahead of ours, as a lower bound;
// known is false before the first sync and when Options.Now is set. ClockState tells
// how good it is.
func (c *Client) ClockOffset() (offset time.Duration, known bool) {
	offset, _, known = c.core().clock.Offset(time.Now())
	return offset, known
}
