package exauth

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
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

	ClientOrderID string
	RecvWindow    time.Duration // 0: Options', then the venue's
	MaxWait       time.Duration // 0: Options'
}

// A Response is a venue's answer. Its slices belong to the caller.
type Response struct {
	Status         int
	Header         http.Header
	Body           []byte // as received, decompressed and bounded
	Payload        []byte // Body without the venue's envelope
	ClientOrderID  string
	Sent, Received time.Time // local clock
	Wait           time.Duration
	Attempts       int
}

// Options configures a Client. A nil *Options and every zero field mean the
// documented default.
type Options struct {
	Now        func() time.Time // the venue's time; setting it switches clock sync off
	Nonce      NonceSource      // default: strictly increasing per Key, in this process
	Rand       io.Reader        // default: crypto/rand
	HTTPClient *http.Client     // its Transport and Timeout are used; its redirects, jar and CheckRedirect are not
	Limiter    Limiter          // default: none
	Scope      Scope            // what calls may do; 0 means Read and Trade
	Account    string           // which account's key is asked for

	Timeout    time.Duration // per attempt, from the limiter's grant; default 10 s
	MaxWait    time.Duration // in the limiter's queue; default 60 s for reads and cancels, 2 s for new orders
	RecvWindow time.Duration // default: the venue's
	MaxBody    int64         // largest answer after decompression; default 8 MiB
	NoRetry    bool          // one attempt only, also for reads and after clock and nonce errors

	AllowHTTP []string                              // host names that may be reached without TLS, besides loopback
	Policy    func(context.Context, *Request) error // sees each request before it is signed; an error vetoes it
	Observer  func(Attempt)                         // sees each attempt after it ended, without secrets
	Logger    *slog.Logger                          // default: silent
}

// An Attempt is what an Observer sees of one attempt.
type Attempt struct {
	Venue, Environment, Method, Path string
	Key                              string // fingerprint
	Scope                            Scope
	Status                           int
	Outcome                          Outcome
	Err                              error
	Number                           int // 1 for the first
	Sent, Received                   time.Time
	Wait                             time.Duration
	Costs                            []Cost
}

// A NonceSource yields strictly increasing nonces per key. floor is now in the
// venue's unit: the result must be above it or equal, and above every earlier
// one. Share one between processes that share a key.
type NonceSource interface {
	Next(ctx context.Context, keyID string, floor int64) (int64, error)
}

// NonceFunc makes a NonceSource of a function.
type NonceFunc func(ctx context.Context, keyID string, floor int64) (int64, error)

// Next calls f.
func (f NonceFunc) Next(ctx context.Context, keyID string, floor int64) (int64, error) {
	return f(ctx, keyID, floor)
}

// A Client sends calls to one venue with the keys of one source.
type Client struct {
	core func() *core
}

type core struct{}

func checkTransportScheme(scheme, host string, allow []string) error { return errors.New("todo") }

// A KeySource finds the key for a call.
type KeySource interface {
	Key(ctx context.Context, need Need) (*Key, error)
}

// Need is what a call asks of a KeySource.
type Need struct {
	Venue, Environment, Account string
	Scope                       Scope
}

// ParsePEM makes a key of a PEM private key.
func ParsePEM(id string, pem []byte, passphrase func() ([]byte, error)) (*Key, error) {
	return nil, errors.New("todo")
}
