package exchangetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/exauth/exauth"
)

// A link is the connection that a call came by, or what stands for it.
type link interface {
	reset()               // the client finds its connection reset instead of an answer
	refuse(time.Duration) // and for a while nobody listens
	hangUp()              // the next request on it is reset unread
	slow(time.Duration) bool
}

type (
	linkKey   struct{}
	mishapKey struct{}
)

// cut ends a call without an answer.
func cut(r *http.Request) {
	if l, ok := r.Context().Value(linkKey{}).(link); ok {
		l.reset()
	}
	panic(http.ErrAbortHandler)
}

// bodyOf makes a request's body of bytes.
func bodyOf(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// stumble is the link of the chain that plays faults.
func (s *Server) stumble(w http.ResponseWriter, r *http.Request, next http.Handler) {
	x, _ := r.Context().Value(mishapKey{}).(*mishap)
	if _, wired := r.Context().Value(linkKey{}).(*reply); wired && x != nil && x.Kind == FaultHangup {
		cut(r) // there is no next request
	}
	switch {
	case x == nil, x.Kind == FaultPartial, x.Kind == FaultLag: // the dialects see to these
		next.ServeHTTP(w, r)
	case x.executed():
		s.after(w, r, x, next)
	default:
		s.instead(w, r, x, next)
	}
}

// executed reports kinds whose call is carried out first.
func (x *mishap) executed() bool {
	switch x.Kind {
	case FaultResetAfter, FaultHangup, FaultCutBody, FaultSlowBody, FaultErrorAfter, FaultTruncated, FaultNonsenseAfter, FaultDoubtAfter,
		FaultGzipBomb, FaultHuge, FaultClock:
		return true
	}
	return false
}

// instead answers, or does not, a call that the exchange does not see now.
func (s *Server) instead(w http.ResponseWriter, r *http.Request, x *mishap, next http.Handler) {
	switch x.Kind {
	case FaultReset:
		cut(r)
	case FaultHang:
		select {
		case <-r.Context().Done():
		case <-time.After(x.span(15*time.Second, 15*time.Second)):
		}
		cut(r)
	case FaultLate:
		body, err := io.ReadAll(r.Body)
		if err == nil && s.busy.begin() {
			again := r.Clone(context.Background())
			again.Body = bodyOf(body)
			s.faults.later(x.span(0, 12*time.Second), func() { next.ServeHTTP(newReply(), again) }, s.busy.end)
		}
		cut(r)
	case FaultError:
		x.page(w)
	case FaultHTML:
		x.write(w, or(x.Status, http.StatusForbidden), "text/html", firewallPage)
	case FaultNonsense:
		x.write(w, or(x.Status, http.StatusOK), jsonType, pick(x.rnd, nonsense))
	case FaultBusy, FaultDoubt:
		x.write(w, or(x.Status, http.StatusOK), jsonType, s.words(x.Kind, x.rnd))
	case FaultRedirect:
		w.Header().Set("Location", "https://elsewhere.invalid"+r.URL.RequestURI())
		x.write(w, or(x.Status, pick(x.rnd, []int{301, 302, 303, 307, 308})), "text/html", "<html>Moved</html>")
	case Fault429:
		s.limit(w, x, http.StatusTooManyRequests)
	case Fault418:
		s.limit(w, x, http.StatusTeapot)
	}
}

// after carries a call out and then spoils its answer.
func (s *Server) after(w http.ResponseWriter, r *http.Request, x *mishap, next http.Handler) {
	if x.Kind == FaultClock {
		s.SetClock(x.span(-2*time.Second, 2*time.Second))
	}
	a := newReply()
	next.ServeHTTP(a, r)
	body, l := a.body.Bytes(), r.Context().Value(linkKey{}).(link)
	switch x.Kind {
	case FaultResetAfter:
		cut(r)
	case FaultHangup:
		a.copyTo(w, body)
		l.hangUp()
	case FaultCutBody:
		a.copyTo(w, body[:len(body)/2])
		flush(w)
		panic(http.ErrAbortHandler)
	case FaultSlowBody:
		a.dribble(w, r, x.span(15*time.Second, 15*time.Second), l)
	case FaultErrorAfter:
		x.page(w)
	case FaultTruncated:
		a.sent.Set("Content-Length", strconv.Itoa(len(body)/2))
		a.copyTo(w, body[:len(body)/2])
	case FaultNonsenseAfter:
		x.write(w, or(x.Status, http.StatusOK), jsonType, pick(x.rnd, nonsense))
	case FaultDoubtAfter:
		x.write(w, or(x.Status, http.StatusOK), jsonType, s.words(FaultDoubt, x.rnd))
	case FaultGzipBomb:
		a.sent.Set("Content-Encoding", "gzip")
		a.sent.Del("Content-Length")
		a.copyTo(w, gzipBomb())
	case FaultHuge:
		a.sent.Del("Content-Length")
		a.copyTo(w, body)
		w.Write(spaces()[:8<<20+1-len(body)])
	case FaultClock:
		a.copyTo(w, body)
	}
}

// span is Delay, or else a random time between two.
func (x *mishap) span(from, to time.Duration) time.Duration {
	if x.Delay != 0 || from == to {
		return or(x.Delay, to)
	}
	return from + time.Duration(x.rnd.Int64N(int64(to-from)))
}

func or[T comparable](value, otherwise T) T {
	var none T
	if value == none {
		return otherwise
	}
	return value
}

func pick[T any](rnd *rand.Rand, of []T) T { return of[rnd.IntN(len(of))] }

// write sends an answer that the exchange did not make.
func (x *mishap) write(w http.ResponseWriter, status int, kind, body string) {
	if x.Body != "" {
		body = x.Body
	}
	w.Header().Set("Content-Type", kind)
	for name, values := range x.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// page is what a proxy says when there is nobody behind it.
func (x *mishap) page(w http.ResponseWriter) {
	status := or(x.Status, pick(x.rnd, []int{500, 502, 503, 504}))
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	x.write(w, status, "text/html", "<html><head><title>"+title+"</title></head><body><center><h1>"+title+"</h1></center></body></html>")
}

// limit refuses as the exchange would, beside headers nobody should believe.
func (s *Server) limit(w http.ResponseWriter, x *mishap, status int) {
	a := s.dialect.refuse(&excess{quota: exauth.Quota{Name: "FAULT", Limit: 1, Window: time.Minute}, wait: time.Second, banned: status == http.StatusTeapot, now: s.now()})
	if x.Header == nil {
		x.Header = http.Header{"Retry-After": pick(x.rnd, hostileWaits)}
		for _, name := range usageHeaders {
			x.Header[http.CanonicalHeaderKey(name)] = pick(x.rnd, hostileCounts)
		}
	}
	x.write(w, or(x.Status, status), jsonType, string(a.body))
}

// copyTo sends what was collected.
func (a *reply) copyTo(w http.ResponseWriter, body []byte) {
	for name, values := range a.sent {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	w.Write(body)
}

// flush sends what a handler has written so far.
func flush(w http.ResponseWriter) { http.NewResponseController(w).Flush() }

// dribble sends an answer in pieces.
func (a *reply) dribble(w http.ResponseWriter, r *http.Request, span time.Duration, l link) {
	body := a.body.Bytes()
	if l.slow(span) {
		a.copyTo(w, body)
		return
	}
	const pieces = 8
	a.copyTo(w, nil)
	for i := range pieces {
		w.Write(body[len(body)*i/pieces : len(body)*(i+1)/pieces])
		flush(w)
		select {
		case <-r.Context().Done(): // the client has gone
			panic(http.ErrAbortHandler)
		case <-time.After(span / pieces):
		}
	}
}

// spaces are as many as an answer may have that is too large by one byte.
var spaces = sync.OnceValue(func() []byte { return bytes.Repeat([]byte(" "), 8<<20+1) })

// gzipBomb is 64 MiB of spaces, packed: one mebibyte, 64 times (RFC 1952 section 2.2
// lets members follow one another).
var gzipBomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(bytes.Repeat([]byte(" "), 1<<20))
	z.Close()
	return bytes.Repeat(b.Bytes(), 64)
})

// Those that the dialects play.

// blind reports whether a lookup does not see an order yet.
func (c *call) blind(o *order) bool {
	x := c.trouble
	return x != nil && x.Kind == FaultLag && time.Since(o.entered) < x.lag
}

// fails draws which of a batch's n items fail: some, but not all.
func (c *call) fails(n int) []bool {
	list := make([]bool, n)
	x := c.trouble
	if x == nil || x.Kind != FaultPartial || n < 2 {
		return list
	}
	for i := range list {
		list[i] = x.rnd.IntN(2) == 0
	}
	list[0], list[n-1] = true, false
	if x.rnd.IntN(2) == 0 {
		list[0], list[n-1] = list[n-1], list[0]
	}
	return list
}
