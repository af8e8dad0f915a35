package exchangetest

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exauth/exauth"
)

// A FaultKind is what goes wrong with a call. "Executed" means that the exchange
// carried the call out, whatever its answer was; where a kind does not say it, the
// exchange never saw the call.
type FaultKind uint8

const (
	FaultRefuse        FaultKind = 1 + iota // the connection breaks, idle ones too, and for Delay (50 ms) nobody listens
	FaultReset                              // the connection is reset
	FaultResetAfter                         // executed; the connection is reset
	FaultHangup                             // executed and answered; the next request on the connection is reset unread
	FaultCutBody                            // executed; the connection ends in the middle of the answer
	FaultSlowBody                           // executed; the answer takes Delay (15 s)
	FaultHang                               // no answer for Delay (15 s), then a reset
	FaultError                              // Status (500, 502, 503 or 504) with a page of somebody in between
	FaultErrorAfter                         // executed; the same
	FaultLate                               // the connection is reset, and the call executed Delay (up to 12 s) later, if its stamp is still good
	FaultPartial                            // of a batch some items fail, "busy"; of a cancel-replace one half
	FaultHTML                               // Status (403) with the page of a firewall
	FaultTruncated                          // executed; 200 with the first half of the answer as if it were whole
	FaultNonsense                           // 200 with JSON that is no answer to the call, or with nothing
	FaultNonsenseAfter                      // executed; the same
	FaultBusy                               // the venue's own word for "busy, nothing was done", with Status 200
	FaultDoubt                              // the venue's own word for "nobody knows what became of it", with Status 200
	FaultDoubtAfter                         // executed; the same
	FaultGzipBomb                           // executed; some kilobytes that unpack to 64 MiB
	FaultHuge                               // executed; the answer with spaces up to one byte more than 8 MiB
	FaultRedirect                           // Status (301, 302, 303, 307 or 308) to another host
	Fault429                                // the venue's word for "too many calls", with hostile headers
	Fault418                                // the venue's word for a ban, with hostile headers
	FaultClock                              // executed; first the exchange's clock is set Delay (random, 2 s at most either way) off its Options
	FaultLag                                // executed; a lookup does not see orders younger than Delay (up to 900 ms)
	faultEnd
)

var faultNames = [faultEnd]string{"", "refuse", "reset", "reset after", "hangup", "cut body", "slow body", "hang", "error", "error after",
	"late", "partial", "html", "truncated", "nonsense", "nonsense after", "busy", "doubt", "doubt after", "gzip bomb", "huge", "redirect",
	"429", "418", "clock", "lag"}

// String returns the kind in words: "reset after", "gzip bomb".
func (k FaultKind) String() string {
	if k > 0 && k < faultEnd {
		return faultNames[k]
	}
	return fmt.Sprintf("FaultKind(%d)", uint8(k))
}

// A Fault is something that goes wrong with some calls: a kind, which calls it may
// befall, and how many of them. The first fault of a list that befalls a call is
// the only one. Everything but Kind may be left out.
//
// Over a socket faults are real: connections are reset, nobody listens. Through
// RoundTripper they come out as the errors that net/http would have returned;
// FaultHangup, which needs a connection, is FaultReset there.
type Fault struct {
	Kind FaultKind

	// Method and Path choose calls, "" being any; a Path that ends in * is a
	// beginning. Match, when it is not nil, sees what they leave; it may read the
	// body. Kinds that make sense for some calls only (FaultPartial, FaultLag)
	// never befall others.
	Method, Path string
	Match        func(*http.Request) bool

	Rate  float64 // the share of these calls that it befalls; 0: every one
	Skip  int     // how many of them pass before the first
	Times int     // how often it happens at most; 0: without end

	Delay  time.Duration // 0: as the kind says
	Status int           // 0: as the kind says
	Header http.Header   // added to the answer, where the kind makes one
	Body   string        // instead of the answer that the kind makes
}

// FaultMix returns one fault of every kind, with rates that leave 1 - rate of all
// calls in peace and the kinds equally many: FaultMix(0.1) for ten percent. Kinds
// that are left out are given in without. A rate of 0 is no faults at all.
func FaultMix(rate float64, without ...FaultKind) []Fault {
	var list []Fault
	if !(rate > 0) {
		return nil // a Rate of 0 would mean all of them
	}
	for kind := FaultKind(1); kind < faultEnd; kind++ {
		if !slices.Contains(without, kind) {
			list = append(list, Fault{Kind: kind})
		}
	}
	each := rate / float64(len(list))
	for i := range list { // each is asked only when those before it let the call pass
		list[i].Rate = each / (1 - float64(i)*each)
	}
	return list
}

// check finds a fault that cannot be meant.
func (f *Fault) check() error {
	switch {
	case f.Kind == 0 || f.Kind >= faultEnd:
		return fmt.Errorf("%w: exchangetest fault has no kind that there is: %v", exauth.ErrParam, f.Kind)
	case !(f.Rate >= 0 && f.Rate <= 1):
		return fmt.Errorf("%w: exchangetest fault %q has a rate of %v", exauth.ErrParam, f.Kind, f.Rate)
	case f.Skip < 0 || f.Times < 0 || f.Delay < 0 && f.Kind != FaultClock:
		return fmt.Errorf("%w: exchangetest fault %q has a negative number", exauth.ErrParam, f.Kind)
	case f.Status != 0 && (f.Status < 200 || f.Status > 999):
		return fmt.Errorf("%w: exchangetest fault %q has no HTTP status: %d", exauth.ErrParam, f.Kind, f.Status)
	}
	return nil
}

// befalls reports whether f is meant for a call like this.
func (f *Fault) befalls(r *http.Request, body []byte) bool {
	path := r.URL.EscapedPath()
	beginning, open := strings.CutSuffix(f.Path, "*")
	switch {
	case f.Method != "" && f.Method != r.Method, open && !strings.HasPrefix(path, beginning), !open && f.Path != "" && f.Path != path:
		return false
	case f.Kind == FaultPartial && !severalActions(path), f.Kind == FaultLag && !looksUp(r.Method, path):
		return false
	case f.Match != nil:
		r.Body = bodyOf(body)
		return f.Match(r)
	}
	return true
}

// severalActions reports routes whose answer tells several fates.
func severalActions(path string) bool {
	path = strings.ToLower(path)
	return strings.Contains(path, "batch") || strings.HasSuffix(path, "/cancelreplace") || strings.HasSuffix(path, "-list")
}

// looksUp reports routes that show orders.
func looksUp(method, path string) bool {
	path = strings.ToLower(path)
	if !strings.Contains(path, "order") {
		return false
	}
	return method == http.MethodGet || strings.Contains(path, "/get-") || strings.HasSuffix(path, "/status") || strings.HasSuffix(path, "/orders") ||
		strings.Contains(path, "query") || strings.Contains(path, "open") || strings.Contains(path, "closed")
}

// The faults of a server draw who is befallen. A call's luck depends on the seed,
// on its method, path and client order id, and on how often it came, but not on
// what came in between: so a run with the same seed and ids meets the same faults
// whatever the order in which its goroutines happen to send.
type faults struct {
	mu    sync.Mutex
	seed  uint64
	list  []Fault
	met   []int // of each fault, the calls it was meant for
	done  []int // and those it befell
	seen  map[uint64]uint64
	count map[FaultKind]int
	late  map[*time.Timer]bool // executions still to come
	shift time.Duration        // what FaultClock did
	shut  time.Time            // until when nobody is there, for RoundTripper
}

// A mishap is one fault that befalls one call.
type mishap struct {
	Fault
	rnd *rand.Rand
	lag time.Duration // of FaultLag
}

// set replaces the faults.
func (f *faults) set(list []Fault) error {
	for i := range list {
		if err := list[i].check(); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list, f.met, f.done = slices.Clone(list), make([]int, len(list)), make([]int, len(list))
	return nil
}

// draw returns what befalls a call, nil for nothing.
func (f *faults) draw(r *http.Request, body []byte) *mishap {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == 0 {
		return nil
	}
	if f.seen == nil || len(f.seen) > 1<<20 {
		f.seen, f.count = map[uint64]uint64{}, orNew(f.count)
	}
	id := identity(r, body)
	f.seen[id]++
	rnd := rand.New(rand.NewPCG(f.seed, scatter(id+f.seen[id]*0x9E3779B97F4A7C15)))
	for i := range f.list {
		x := &f.list[i]
		if !x.befalls(r, body) {
			continue
		}
		f.met[i]++
		if f.met[i] <= x.Skip || x.Times > 0 && f.done[i] == x.Times || x.Rate > 0 && rnd.Float64() >= x.Rate {
			continue
		}
		f.done[i]++
		f.count[x.Kind]++
		m := &mishap{Fault: *x, rnd: rnd}
		if x.Kind == FaultLag {
			m.lag = m.span(0, 900*time.Millisecond)
		}
		return m
	}
	return nil
}

func orNew(m map[FaultKind]int) map[FaultKind]int {
	if m == nil {
		m = map[FaultKind]int{}
	}
	return m
}

// clientIDs finds a client order id in a query, a form or a JSON body.
var clientIDs = regexp.MustCompile(`(?:newClientOrderId|origClientOrderId|cancelOrigClientOrderId|cl_ord_id|clOrdId|client_order_id|client_oid)"?[=:] *"?([^"&,} ]+)`)

// identity is what a call is, apart from its stamp and signature.
func identity(r *http.Request, body []byte) uint64 {
	text := r.URL.RawQuery + "&" + string(body)
	if sealed, err := base64.StdEncoding.DecodeString(r.Header.Get("X-GEMINI-PAYLOAD")); err == nil {
		text += string(sealed)
	}
	h := fnv.New64a()
	h.Write([]byte(r.Method + " " + r.URL.EscapedPath()))
	for _, m := range clientIDs.FindAllStringSubmatch(text, -1) {
		h.Write([]byte(" " + m[1]))
	}
	return h.Sum64()
}

// scatter makes numbers that are alike unlike each other (the finalizer of
// SplitMix64), since rand.PCG takes its seed as it is.
func scatter(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// SetFaults replaces Options.Faults, from the next call on: a script for one
// moment of a test. Without arguments all is well again. What is under way stays.
func (s *Server) SetFaults(list ...Fault) error { return s.faults.set(list) }

// Faults returns how many calls each kind of fault has befallen.
func (s *Server) Faults() map[FaultKind]int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	n := map[FaultKind]int{}
	for k, v := range s.faults.count {
		n[k] = v
	}
	return n
}

// Late returns how many calls FaultLate will still have executed. What became of
// an order is certain only when it is 0.
func (s *Server) Late() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return len(s.faults.late)
}

// SetClock sets the exchange's clock off what Options say, as FaultClock does.
func (s *Server) SetClock(off time.Duration) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.shift = off
}

// refuse plays FaultRefuse.
func (s *Server) refuse(r *http.Request, span time.Duration) {
	if l, ok := r.Context().Value(linkKey{}).(link); ok {
		l.refuse(span)
	}
	if s.http == nil {
		s.faults.mu.Lock()
		s.faults.shut = time.Now().Add(span)
		s.faults.mu.Unlock()
	}
	panic(http.ErrAbortHandler)
}

// isShut reports whether nobody is there.
func (f *faults) isShut() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.shut.IsZero() && time.Now().Before(f.shut)
}

// off is how far FaultClock or SetClock moved the clock.
func (f *faults) off() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shift
}

// later runs do after a while, unless the server is closed before. done is called
// in either case.
func (f *faults) later(after time.Duration, do, done func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.late == nil {
		f.late = map[*time.Timer]bool{}
	}
	var t *time.Timer
	t = time.AfterFunc(after, func() {
		defer done()
		do()
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.late, t)
	})
	f.late[t] = true // before mu is free, so that delete comes after
}

// forget stops what is still to come; done is called for each.
func (f *faults) forget(done func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for t := range f.late {
		if t.Stop() {
			delete(f.late, t)
			done()
		}
	}
}
