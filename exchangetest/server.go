package exchangetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// A Server is one exchange in memory, reachable over HTTP/1.1 on a loopback
// address and through RoundTripper without any. It is safe for concurrent use.
// Most tests make one with NewServer.
type Server struct {
	venue   *exauth.Venue
	url     string
	opts    Options
	dialect dialect
	desk    *desk
	gate    *gate
	record  record
	faults  faults
	replays replays
	handler http.Handler

	http   *http.Server // nil without a socket
	door   *door
	served chan struct{}
	busy   tally // handlers under way
	client *http.Client
	wire   *wire
	close  sync.Once
}

// A dialect plays one exchange: it authenticates a call, carries it out at the
// desk, and answers in the exchange's words.
type dialect interface {
	markets() []market
	orderName(seq int64) string
	makeKeys() []Key
	open(*desk)
	serve(c *call) answer

	costs(c *call, key Key) []exauth.Cost // the default of Options.Costs; key is the zero Key while unknown
	refuse(x *excess) answer
	banAfter() int
}

// The desk is what all dialects need: keys, books and the gate.
type desk struct {
	keys map[string]Key
	book *book
	gate *gate
}

// A call is one request as received, read once.
type call struct {
	method, path, query string // as on the wire
	host                string // what the client believes it talks to
	header              http.Header
	body                []byte
	now                 time.Time // by the exchange's clock
	visit               *visit    // its passage through the gate
	taker               bool      // it placed an order that traded at once
	counts              bool      // its order counts as one although it failed
	trouble             *mishap   // a fault that the dialect plays; nil for none
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// mediaType is what the body says it is, without parameters.
func (c *call) mediaType() string {
	kind, _, _ := mime.ParseMediaType(c.header.Get("Content-Type"))
	return kind
}

// An answer is what goes back. A nil body is an empty one.
type answer struct {
	status int
	header http.Header
	kind   string // Content-Type; "" is application/json
	body   []byte
	costs  []exauth.Cost // what the call really cost, where that is less than was taken
}

// newDialect finds who plays a venue.
func newDialect(name, environment string) (dialect, error) {
	switch name {
	case "binance":
		return &binance{}, nil
	case "coinbase":
		return &coinbase{}, nil
	case "cryptocom":
		return &cryptocom{}, nil
	case "gemini":
		return &gemini{}, nil
	case "kraken":
		return &kraken{}, nil
	case "okx":
		return &okx{demo: environment == "demo"}, nil
	}
	return nil, fmt.Errorf("%w: exchangetest cannot play %q; it plays binance, coinbase, cryptocom, gemini, kraken and okx", exauth.ErrParam, name)
}

// Start opens an exchange that plays v, told by v.Name: "binance", "coinbase",
// "cryptocom", "gemini", "kraken" or "okx"; the error names them when it is another.
// o may be nil. Close the Server when done; in tests NewServer does it.
func Start(v *exauth.Venue, o *Options) (*Server, error) {
	if v == nil {
		return nil, fmt.Errorf("%w: exchangetest needs a venue to play", exauth.ErrParam)
	}
	d, err := newDialect(v.Name, v.Environment)
	if err != nil {
		return nil, err
	}
	s := &Server{venue: v, dialect: d}
	if s.opts, err = o.withDefaults(d); err != nil {
		return nil, err
	}
	if s.opts.VenueQuotas {
		if len(v.Quotas) == 0 {
			return nil, fmt.Errorf("%w: venue %s lists no quotas to enforce", exauth.ErrParam, v.Name)
		}
		s.opts.Quotas = slices.Concat(v.Quotas, s.opts.Quotas)
	}
	s.record.max, s.faults.seed = s.opts.MaxRequests, s.opts.Seed
	if err := s.faults.set(s.opts.Faults); err != nil {
		return nil, err
	}
	if s.desk, err = newDesk(d, s.opts); err != nil {
		return nil, err
	}
	s.gate = s.desk.gate
	d.open(s.desk)
	s.handler = s.chain()
	s.wire = &wire{server: s}
	if s.opts.NoSocket || inBubble() {
		// Nothing answers at port 0, so a client that ignores RoundTripper fails.
		s.url, s.client = "http://127.0.0.1:0", &http.Client{Transport: s.wire}
		return s, nil
	}
	return s, s.listen()
}

// NewServer is Start for tests: it fails t on an error and closes the Server when
// the test and its subtests end.
func NewServer(t testing.TB, v *exauth.Venue, o *Options) *Server {
	t.Helper()
	s, err := Start(v, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func newDesk(d dialect, o Options) (*desk, error) {
	b, err := newBook(d.markets(), o.Prices, d.orderName)
	if err != nil {
		return nil, err
	}
	for account, assets := range o.Balances {
		for asset, amount := range assets {
			if err := b.fund(account, asset, amount); err != nil {
				return nil, err
			}
		}
	}
	g, err := newGate(o)
	if err != nil {
		return nil, err
	}
	k := &desk{keys: map[string]Key{}, book: b, gate: g}
	for _, key := range o.Keys {
		k.keys[key.ID] = key
	}
	return k, nil
}

func (s *Server) listen() error {
	l, err := openDoor(s.opts.Addr)
	if err != nil {
		return fmt.Errorf("exauth: exchangetest cannot listen: %w", err)
	}
	s.url, s.door = "http://"+l.addr, l
	s.http = &http.Server{ReadHeaderTimeout: 10 * time.Second, ConnState: l.watch, ConnContext: l.remember,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !s.busy.begin() {
				panic(http.ErrAbortHandler)
			}
			defer s.busy.end()
			s.handler.ServeHTTP(w, r)
		})}
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		s.http.Serve(l)
	}()
	return nil
}

// Close cuts all connections, frees the address, and waits until the exchange is
// done with the calls under way. Calls through RoundTripper fail from then on; what
// FaultLate would have executed later is dropped.
func (s *Server) Close() {
	s.close.Do(func() {
		if s.http != nil {
			s.client.CloseIdleConnections()
			s.http.Close()
			<-s.served
		}
		s.faults.forget(s.busy.end)
		s.busy.close()
	})
}

// URL is the origin of the exchange, "http://127.0.0.1:port".
func (s *Server) URL() string { return s.url }

// Venue returns a copy of the venue that was given to Start, pointing here.
func (s *Server) Venue() *exauth.Venue { return s.venue.At(s.url) }

// Client returns an HTTP client of the Server's own, closed with it. Without a
// socket it goes through RoundTripper.
func (s *Server) Client() *http.Client { return s.client }

// RoundTripper returns a transport that reaches the exchange without a socket,
// whatever host a request names. Requests and answers still pass through their
// HTTP/1.1 form. It works inside a testing/synctest bubble, where Latency and all
// timeouts then cost no real time.
func (s *Server) RoundTripper() http.RoundTripper { return s.wire }

// Keys returns the keys the exchange accepts.
func (s *Server) Keys() []Key { return append([]Key(nil), s.opts.Keys...) }

// Key returns the first of Keys that allows scope and the fewest other things.
// It is the zero Key when none does.
func (s *Server) Key(scope exauth.Scope) Key {
	best, most := Key{}, 1<<16
	for _, k := range s.opts.Keys {
		if n := width(k.Scope); k.allows(scope) && n < most {
			best, most = k, n
		}
	}
	return best
}

// width counts what a scope allows.
func width(s exauth.Scope) int {
	if s == 0 {
		return 16
	}
	n := 0
	for ; s != 0; s &= s - 1 {
		n++
	}
	return n
}

// Requests returns what arrived, oldest first, at most Options.MaxRequests.
func (s *Server) Requests() []Request { return s.record.all() }

// RequestCount is how many requests arrived in all.
func (s *Server) RequestCount() int {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return s.record.total
}

// SetPrice moves the house of a market, named as the venue names it, and fills
// the resting orders that the new price crosses. "" sends the house away.
func (s *Server) SetPrice(symbol, price string) error {
	s.desk.book.sweep(s.now())
	return s.desk.book.setPrice(symbol, price, s.now())
}

// Balance returns what an account has of an asset, as plain decimals; assets are
// named as in Options.Balances.
func (s *Server) Balance(account, asset string) (free, locked string) {
	for _, h := range s.desk.book.holdings(account) {
		if h.asset == asset {
			return text(h.free, 0), text(h.locked, 0)
		}
	}
	return "0", "0"
}

// Quota returns the count of a quota now and its limit: the highest, where several
// addresses, accounts, keys or items are counted. Both are 0 for an unknown name.
func (s *Server) Quota(name string) (used, limit int) { return s.gate.level(name, s.now()) }

// Refused is how many calls were refused for a quota. Those of a banned address are
// not among them: Requests shows their status 418.
func (s *Server) Refused() int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return s.gate.refused
}

// HiddenRefused is how many units Options.Hidden wanted and did not get.
func (s *Server) HiddenRefused() int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return s.gate.foreign
}

// Banned returns all bans so far, oldest first. The last may still hold.
func (s *Server) Banned() []Ban {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return slices.Clone(s.gate.bans)
}

// now is the exchange's clock.
func (s *Server) now() time.Time { return s.opts.Now().Add(s.opts.Skew + s.faults.off()).UTC() }

// chain is what a request passes through: recorded, delayed, shown to Intercept,
// befallen by a fault, counted and played.
func (s *Server) chain() http.Handler {
	play := http.Handler(http.HandlerFunc(s.play))
	var next http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.stumble(w, r, play) })
	if f := s.opts.Intercept; f != nil {
		inner := next
		next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f(w, r, inner) })
	}
	if d := s.opts.Latency; d > 0 {
		inner := next
		next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(d / 2)
			// Sleep before the last byte goes out, not after it.
			inner.ServeHTTP(&lateWriter{ResponseWriter: w, delay: d - d/2}, r)
		})
	}
	inner := next
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.observe(w, r, inner) })
}

// observe reads and records a request and hands it on with its body unread.
func (s *Server) observe(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		status := http.StatusBadRequest
		if e := (*http.MaxBytesError)(nil); errors.As(err, &e) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	if x := s.faults.draw(r, body); x != nil {
		if x.Kind == FaultRefuse { // it never came
			s.refuse(r, x.span(50*time.Millisecond, 50*time.Millisecond))
		}
		r = r.WithContext(context.WithValue(r.Context(), mishapKey{}, x))
	}
	_, query, _ := strings.Cut(r.RequestURI, "?")
	s.replays.see(&call{method: r.Method, query: query, header: r.Header, body: body})
	q := &Request{Time: s.now(), Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: r.Header.Clone(), Body: body}
	s.record.add(q)
	r.Body = io.NopCloser(bytes.NewReader(body))
	sw := &statusWriter{ResponseWriter: w}
	defer func() { s.record.answered(q, sw.status) }()
	next.ServeHTTP(sw, r)
}

// play is the exchange itself.
func (s *Server) play(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	c := &call{method: r.Method, path: path, query: query, host: r.Host, header: r.Header, body: body, now: s.now()}
	r.Body = io.NopCloser(bytes.NewReader(body)) // for Options.Costs
	c.trouble, _ = r.Context().Value(mishapKey{}).(*mishap)
	c.visit = s.gate.visit(r, func(key Key) []exauth.Cost { return s.dialect.costs(c, key) })
	defer c.visit.leave()
	if name := c.visit.fault; name != "" {
		http.Error(w, "exchangetest: Options.Costs names the quota "+strconv.Quote(name)+", which Options.Quotas does not list", http.StatusInternalServerError)
		return
	}
	a := s.enter(c)
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	if a.kind == "" {
		a.kind = "application/json;charset=UTF-8"
	}
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	h.Set("Date", s.now().Format(http.TimeFormat)) // net/http's own would not know Skew
	c.visit.headers(h, a.status)
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// enter lets a call in that breaks no quota of its address, and plays it.
func (s *Server) enter(c *call) answer {
	if x := c.visit.enter(c.now); x != nil {
		return s.dialect.refuse(x)
	}
	s.desk.book.sweep(c.now)
	a := s.dialect.serve(c)
	c.visit.correct(a.costs)
	return a
}

// lateWriter sleeps once before an answer begins.
type lateWriter struct {
	http.ResponseWriter
	delay time.Duration
}

func (w *lateWriter) wait() {
	d := w.delay
	w.delay = 0
	time.Sleep(d)
}

func (w *lateWriter) WriteHeader(status int) {
	w.wait()
	w.ResponseWriter.WriteHeader(status)
}

func (w *lateWriter) Write(p []byte) (int, error) {
	w.wait()
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach Flush and Hijack.
func (w *lateWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// inBubble reports whether the caller runs inside a testing/synctest bubble. The
// package has no such question; the goroutine's own stack header has the answer,
// and a test watches that it keeps having it.
func inBubble() bool {
	head := make([]byte, 128)
	head = head[:runtime.Stack(head, false)]
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.Contains(line, []byte("synctest bubble"))
}
