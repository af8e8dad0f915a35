package exauth

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Request is one attempt as it will go on the wire. A Scheme reads it, signs
// what its venue signs, and edits Query, Header and Body; what it leaves is sent
// byte for byte.
//
// A Request lives for one Authorize call. Its slices are the Client's; keep none.
// Printing one shows where it goes and nothing else.
type Request struct {
	Method string
	Scheme string // "https"
	Host   string // "api.binance.com", with a port where there is one
	Path   string // as on the wire, percent-encoded
	Query  string // as on the wire, without the ?
	Header http.Header
	Body   []byte

	Time   time.Time     // the venue's time as far as it is known, UTC
	Nonce  int64         // in the venue's NonceUnit; 0 when it draws none
	Window time.Duration // the receive window; 0 where the venue has none

	// Deadline is the last moment at which the venue should accept an order, for
	// venues that take one with it. It is set for orders sent by Do on venues with a
	// Venue.Deadline; the scheme writes it, unless the caller set one himself.
	Deadline time.Time

	venue  *Venue
	auth   Auth
	key    func() *binding // a closure: reflection prints an address, not what it captures
	rand   io.Reader
	values *[6]string // backing for SetHeader, so that headers cost no allocation each
	used   int
	buffer []byte      // lent by Buffer, kept between requests
	record *signRecord // nil unless Options.SignatureDebug is set
	err    error       // a failed source of randomness, checked after Authorize
}

// bound returns the key in use; a Request that nobody bound has an empty one.
func (r *Request) bound() *binding {
	if r.key == nil {
		return &binding{info: &keyInfo{box: newBox()}}
	}
	return r.key()
}

// KeyID returns the API key's public part. Key-header venues treat it as the
// secret it is there.
func (r *Request) KeyID() string { return r.bound().info.id }

// Passphrase returns the API passphrase, or "".
func (r *Request) Passphrase() string { return r.bound().info.passphrase }

// Field returns what WithField stored under name, or "".
func (r *Request) Field(name string) string { return r.bound().info.fields[name] }

// Auth says whether the route wants a signature (AuthSigned) or only the key (AuthKey).
func (r *Request) Auth() Auth { return r.auth }

// Algorithm returns the algorithm of the key in use.
func (r *Request) Algorithm() Algorithm {
	s := r.bound().signer
	if s == nil {
		return 0
	}
	return s.Algorithm()
}

// Secret returns the raw secret for the venues that send it or hash it without
// HMAC. It is borrowed for this call: do not keep or change it.
func (r *Request) Secret() []byte { return r.bound().info.box.secret }

// Sign appends the raw signature of msg to dst.
func (r *Request) Sign(ctx context.Context, dst, msg []byte) ([]byte, error) {
	s := r.bound().signer
	if s == nil {
		return nil, fmt.Errorf("%w: this key cannot sign", ErrKey)
	}
	if r.record == nil {
		return s.Sign(ctx, dst, msg)
	}
	r.record.add(s.Algorithm().String(), msg)
	n := len(dst)
	sig, err := s.Sign(ctx, dst, msg)
	if err == nil && len(sig) > n {
		r.record.taint(sig[n:])
	}
	return sig, err
}

// SetHeader sets one header field. It is Header.Set without the allocation.
func (r *Request) SetHeader(name, value string) {
	if r.used == len(r.values) {
		r.Header.Set(name, value)
		return
	}
	r.values[r.used] = value
	r.Header[http.CanonicalHeaderKey(name)] = r.values[r.used : r.used+1 : r.used+1]
	r.used++
}

// Buffer lends an empty slice with some capacity for building what is signed, so
// that signing allocates nothing. It is one buffer: it is valid until Buffer is
// called again, and must not stay in the Request.
func (r *Request) Buffer() []byte {
	if r.buffer == nil {
		r.buffer = make([]byte, 0, 2048)
	}
	return r.buffer[:0]
}

// RequestURI returns the path and, when there is one, ? and the query: what many
// venues sign.
func (r *Request) RequestURI() string {
	if r.Query == "" {
		return r.Path
	}
	return r.Path + "?" + r.Query
}

// AddQuery appends raw, which is already encoded, to the query.
func (r *Request) AddQuery(raw string) {
	switch {
	case raw == "":
	case r.Query == "":
		r.Query = raw
	default:
		r.Query += "&" + raw
	}
}

// String returns "exauth.Request(METHOD scheme://host/path)": where the call goes,
// and nothing of its query, header and body, which may hold a key by now.
func (r Request) String() string {
	return "exauth.Request(" + r.Method + " " + r.Scheme + "://" + r.Host + r.Path + ")"
}

// GoString is String, for %#v.
func (r Request) GoString() string { return r.String() }

// Format prints String for every verb.
func (r Request) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// LogValue is String, for log/slog.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText is String, for JSON, XML and every encoder that asks for text.
func (r Request) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Fields returns what the request carries, decoded and in order: a JSON body's
// members, else a form body's, else the query's. JSON objects come as Params,
// arrays as []any, numbers as json.Number; query and form values as strings. A
// JSON body that is no object yields one Param without a name.
func (r *Request) Fields() (Params, error) {
	body := strings.TrimSpace(string(r.Body))
	if strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[") {
		v, err := decodeJSON(r.Body)
		if err != nil {
			return nil, err
		}
		if p, ok := v.(Params); ok {
			return p, nil
		}
		return Params{{"", v}}, nil
	}
	if body != "" {
		return parseQuery(body)
	}
	return parseQuery(r.Query)
}

// QueryFields returns the query's parameters, decoded and in order.
func (r *Request) QueryFields() (Params, error) { return parseQuery(r.Query) }

func parseQuery(raw string) (Params, error) {
	var p Params
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, paramError("", "query or form is not well encoded")
		}
		p = append(p, Param{n, v})
	}
	return p, nil
}

// RandomHex returns n bytes of Options.Rand in hex: nonces and echo strings. A
// failing source fails the attempt.
func (r *Request) RandomHex(n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(r.rand, b); err != nil {
		r.err = fmt.Errorf("exauth: no randomness: %w", err)
	}
	return hex.EncodeToString(b)
}

// UUID returns a version 4 UUID (RFC 9562 section 5.4) from Options.Rand. A
// failing source fails the attempt.
func (r *Request) UUID() string {
	id, err := newUUID(r.rand)
	if err != nil {
		r.err = err
	}
	return id
}

// AppendQuery appends p to dst as a query in style s, for schemes that write
// parameters of their own.
func AppendQuery(dst []byte, p Params, s Style) ([]byte, error) { return appendQuery(dst, p, s) }

// AppendJSON appends v to dst as compact JSON in the caller's order, for schemes
// that rebuild a body.
func AppendJSON(dst []byte, v any, s Style) ([]byte, error) { return appendJSON(dst, v, s) }
