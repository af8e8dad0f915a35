package exauth

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Venue is the dialect of one exchange as data: where calls go, what each
// route is for, how parameters are written, and one Scheme that signs. It says
// what is signed; a Key says who signs.
//
// Copy a Venue and change fields freely before it is given to New; afterwards it
// must not change. Values come from the venue package or from your own code; see
// examples/customvenue for a complete one.
type Venue struct {
	Name        string // ccxt's id: "binance", "okx"
	Environment string // "" is production; "testnet", "demo", "sandbox" otherwise
	BaseURL     string // where paths go that no Host claims
	Hosts       []Host // further origins, by path prefix
	Docs        string // the page this was read from

	// Algorithms lists what the venue takes; empty means the key travels in a
	// header or parameter and nothing is signed. Signer turns a secret text into
	// a Signer (UTF8Secret, Base64Secret …); private keys do not need it.
	Algorithms []Algorithm
	Signer     func(secret []byte) (Signer, error)
	Passphrase bool     // keys need WithPassphrase
	KeyFields  []string // keys need WithField for each of these
	Bearer     bool     // OAuth 2.0 access tokens (BearerKey) are taken too

	// Style says where and how parameters are written for a route.
	Style func(method, path string, p Params) Style

	// Scheme authorises one request: it sees the bytes to be sent and edits them.
	Scheme Scheme

	// Reserved and AuthHeaders are the parameter and header names the scheme, or
	// the environment, owns. Callers may not pass them, and Resigner strips them.
	Reserved    []string
	AuthHeaders []string
	Header      [][2]string // headers of every request: the demo switch and the like

	NonceUnit     time.Duration // 0: no nonce is drawn
	Ordered       bool          // nonces must arrive in order: one call of a key in flight, unless Options.NonceWindow
	Deadline      time.Duration // where an order can carry one: how far ahead Do sets Request.Deadline, unless a window is asked for
	RecvWindow    time.Duration // the default receive window; 0 where the venue has none
	MaxRecvWindow time.Duration // the most the venue allows; larger ones are ErrParam

	// OrderIDs are the parameters (Route.ClientID) that Do may fill with a client
	// order id of its own, by name. Parameters that are a number at the venue, or no
	// id, are left out.
	OrderIDs map[string]OrderID

	// SymbolParams are the parameters, and {placeholders} of routes, that name what is
	// traded, for Attempt.Symbols; nil means the usual ones, from symbol to instId.
	SymbolParams []string

	Routes   []Route
	GETReads bool // unknown GET routes only read; otherwise every unknown route needs ScopeTrade

	// Quotas are the venue's published limits for Tier, the lowest by default.
	// DefaultCosts, or DefaultPrice where it is set, is what a call costs that
	// neither Call.Costs nor its route prices. What a price function returns is
	// shared between calls: nobody changes it.
	Quotas       []Quota
	Tier         string             // "" where the venue has one for everybody
	Plans        map[string][]Quota // other tiers' quotas by name; see Plan
	DefaultCosts []Cost
	DefaultPrice func(*Request) []Cost

	// Limits asks the venue for the quotas of today and of this account; nil where
	// it cannot be asked. See Client.LoadLimits.
	Limits func(ctx context.Context, c *Client) ([]Quota, error)

	Lookup  Lookup                                      // finds orders again whose answer was lost; see Client.Resolve
	Answer  func(*Response) (payload []byte, err error) // finds the error, also inside a 200, and peels the envelope
	Settle  func(*Response, *Observation)               // fills Costs and Refused from an answer; nil: headers tell enough
	Clock   Clock
	Probe   Call   // a cheap signed read, for Check and rotation
	KeyPage string // where its user makes and deletes keys

	KeyCheck KeyCheck // asks what a key may do; see Client.CheckKey

	// Ambiguous lists codes that stand for more than the one kind that Answer gives
	// them, for Causes.
	Ambiguous map[string][]error

	// Owner tells from the answer to Probe whose account it is; nil, or "", where the
	// venue does not say. A key of another owner is not rotated to.
	Owner    func(*Response) string
	IdleKeys time.Duration // after so long without a call the venue deletes a key that has no IP list; 0: it says nothing of the kind
}

// A Host claims the paths below Prefix for another origin. The longest prefix wins.
type Host struct{ Prefix, URL string }

// A Clock tells how to read the venue's time. An empty Path means the venue has
// no time endpoint: the local clock serves until the venue refuses a stamp, and
// from then on the Date header of that answer does.
type Clock struct {
	Path       string
	Parse      func(*Response) (time.Time, error)
	Resolution time.Duration // of the parsed time; 0 means a millisecond
}

// A Scheme authorises requests for one venue. It reads the request as it will go
// on the wire and may edit its query, header and body; nothing is re-encoded
// afterwards. It is called concurrently, once per attempt, and must keep nothing
// of the Request after it returns.
type Scheme interface {
	Authorize(ctx context.Context, r *Request) error
}

// SchemeFunc makes a Scheme of a function.
type SchemeFunc func(ctx context.Context, r *Request) error

// Authorize calls f.
func (f SchemeFunc) Authorize(ctx context.Context, r *Request) error { return f(ctx, r) }

// Style is how parameters are written: one place and any of the quirks. The zero
// Style is StyleQuery.
type Style uint32

// The places a parameter may go.
const (
	StyleQuery Style = iota // ?a=1&b=2
	StyleForm               // application/x-www-form-urlencoded body
	StyleJSON               // application/json body

	stylePlace Style = 3
)

// The quirks venues have. Without any, everything outside RFC 3986's unreserved
// characters is percent-encoded in upper case, a space is %20, arrays are
// written k[0]=a&k[1]=b, and a body without parameters is empty.
const (
	StyleSorted      Style = 4 << iota // by name, bytewise, at every level
	StyleSpacePlus                     // a space is + instead of %20
	StyleBrackets                      // [ and ] in names stay literal
	StyleArrayRepeat                   // k=a&k=b
	StyleArrayEmpty                    // k[]=a&k[]=b
	StyleArrayComma                    // k=a,b with a literal comma
	StyleArrayJSON                     // k=["a","b"], encoded
	StyleEmptyObject                   // JSON without parameters is {} rather than nothing
	StyleAlwaysTyped                   // Content-Type also without a body
	StyleNoMediaType                   // no Content-Type at all; the scheme sets its own
)

func (s Style) place() Style { return s & stylePlace }

// Auth says how a call is authorised.
type Auth uint8

const (
	AuthDefault Auth = iota // what the route says; unknown routes are signed
	AuthNone                // no key is asked for
	AuthKey                 // the key is named, nothing is signed
	AuthSigned              // key and signature
)

// At returns a copy of v with every origin replaced by rawURL ("http://127.0.0.1:8089",
// "https://proxy.example/binance"): test servers, proxies, regional hosts. Paths
// below a prefix of rawURL keep that prefix. New reports a bad rawURL.
func (v *Venue) At(rawURL string) *Venue {
	c := *v
	rawURL = strings.TrimSuffix(rawURL, "/")
	c.BaseURL = rawURL
	c.Hosts = nil
	return &c
}

// Plan returns a copy of v with the quotas of another tier, such as Kraken's
// "pro". The error names the tiers there are.
func (v *Venue) Plan(name string) (*Venue, error) {
	q, ok := v.Plans[name]
	if !ok {
		names := make([]string, 0, len(v.Plans))
		for n := range v.Plans {
			names = append(names, n)
		}
		slices.Sort(names)
		return nil, fmt.Errorf("%w: %s has no plan %q; it has %s", ErrParam, v.Name, name, strings.Join(names, ", "))
	}
	c := *v
	c.Quotas, c.Tier = q, name
	return &c, nil
}

// takes reports whether the venue accepts signatures made with alg.
func (v *Venue) takes(alg Algorithm) bool { return slices.Contains(v.Algorithms, alg) }

// check finds what would otherwise surface at the first order.
func (v *Venue) check(allowHTTP []string) error {
	if v == nil || v.Name == "" {
		return fmt.Errorf("%w: a venue needs a name", ErrParam)
	}
	if v.Scheme == nil {
		return fmt.Errorf("%w: venue %s has no Scheme", ErrParam, v.Name)
	}
	if v.Clock.Path != "" && v.Clock.Parse == nil {
		return fmt.Errorf("%w: venue %s has a time endpoint and nothing that reads it", ErrParam, v.Name)
	}
	for name, form := range v.OrderIDs {
		if err := form.check(name); err != nil {
			return fmt.Errorf("venue %s: %w", v.Name, err)
		}
	}
	origins := []string{v.BaseURL}
	for _, h := range v.Hosts {
		if !strings.HasPrefix(h.Prefix, "/") {
			return fmt.Errorf("%w: venue %s: host prefix %q must begin with /", ErrParam, v.Name, h.Prefix)
		}
		origins = append(origins, h.URL)
	}
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
			strings.TrimSuffix(u.EscapedPath(), "/") != "" && checkPath(u.EscapedPath()) != nil {
			return fmt.Errorf("%w: venue %s: origin must look like https://host[:port][/path]", ErrHost, v.Name)
		}
		if err := checkTransportScheme(u, allowHTTP); err != nil {
			return err
		}
	}
	return nil
}
