package exauth

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Transport returns a RoundTripper that signs what it is given and sends it to the
// venue: the way to put exauth under a generated or hand-written client. Requests
// for other hosts are ErrHost, redirects are refused, and bodies are signed as the
// exact bytes they are.
//
// An answer is returned as it came, also when it holds the venue's error: its
// reader knows the venue. What exauth itself refuses, and an attempt that got no
// answer, is an *Error.
func (c *Client) Transport() http.RoundTripper { return &roundTripper{core: c.core} }

// Resigner returns a RoundTripper for use under another SDK: it strips the auth
// fields that the SDK put on (they may be made with an empty secret) and signs
// afresh. Requests that carried none go out unsigned.
func (c *Client) Resigner() http.RoundTripper { return &roundTripper{core: c.core, strip: true} }

type roundTripper struct {
	core  func() *core
	strip bool
}

// RoundTrip signs and sends one request. It leaves req as it is, except that its
// body is read and closed, once, whatever happens.
func (t *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	c := t.core()
	d := c.drafts.Get().(*draft)
	defer c.done(d)
	if err := c.adopt(d, req, t.strip); err != nil {
		return nil, c.refuse(Call{Method: req.Method, Path: req.URL.Path}, err)
	}
	resp, err := c.run(req.Context(), d)
	if err != nil && !answered(resp, err) {
		return nil, err
	}
	out := new(incoming)
	out.body.Reset(resp.Body)
	out.resp = http.Response{
		Status: statusLine(resp.Status), StatusCode: resp.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: resp.Header, Body: &out.body, ContentLength: int64(len(resp.Body)), Request: req,
	}
	return &out.resp, nil
}

// incoming is an answer for RoundTrip's caller, in one allocation.
type incoming struct {
	resp http.Response
	body bodyReader
}

// answered reports whether an error is the venue's answer, which the caller reads
// itself, rather than a refusal of ours or a lost connection.
func answered(resp *Response, err error) bool {
	var e *Error
	return resp != nil && errors.As(err, &e) && e.Status != 0 && e.Kind != ErrHost
}

func statusLine(code int) string {
	if code == http.StatusOK {
		return "200 OK"
	}
	return strconv.Itoa(code) + " " + http.StatusText(code)
}

// takeBody reads and closes a request's body.
func takeBody(req *http.Request, limit int64) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	b, err := io.ReadAll(io.LimitReader(req.Body, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = paramError("", "request body is larger than Options.MaxBody")
	}
	return b, err
}

// adopt makes a draft of somebody else's request: the bytes stay as they are.
func (c *core) adopt(d *draft, req *http.Request, strip bool) (err error) {
	if d.req.Body, err = takeBody(req, c.opts.MaxBody); err != nil {
		return err
	}
	d.header, d.req.Method = req.Header, req.Method
	if d.req.Method == "" {
		d.req.Method = http.MethodGet
	}
	u := req.URL
	if u.User != nil || req.Host != "" && !samePort(u.Scheme, strings.ToLower(req.Host), strings.ToLower(u.Host)) {
		return paramError("", "request carries a user or a Host other than its URL's")
	}
	if err = checkMethod(d.req.Method); err != nil {
		return err
	}
	o, path, err := c.pinned(u.Scheme, u.Host, u.EscapedPath())
	if err != nil {
		return err
	}
	d.at(o)
	if d.req.Path = path; path == "" {
		d.req.Path = "/"
	}
	d.req.Query = u.RawQuery
	if err = checkPath(d.req.Path); err != nil {
		return err
	}
	if err = checkQuery(d.req.Query); err != nil {
		return err
	}
	call := Call{}
	if strip {
		if call.Auth, err = c.stripAuth(d); err != nil {
			return err
		}
	} else if err = c.checkForeign(d); err != nil {
		return err
	}
	if err = c.routeCall(d, call); err != nil {
		return err
	}
	return c.window(d, 0)
}

// checkForeign refuses what a caller may not set, in a request it built itself.
func (c *core) checkForeign(d *draft) error {
	if err := c.checkHeader(d.header); err != nil {
		return err
	}
	if err := c.checkRaw(d.req.Query); err != nil || !isForm(d.header) {
		return err
	}
	return c.checkRaw(string(d.req.Body))
}

// checkRaw refuses reserved names in an encoded query or form.
func (c *core) checkRaw(raw string) error {
	for pair := range strings.SplitSeq(raw, "&") {
		if name := pairName(pair); c.ownsParam(name) {
			return paramError(name, "is set by exauth")
		}
	}
	return nil
}

// pairName is the decoded name of one name=value pair.
func pairName(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	if un, err := url.QueryUnescape(name); err == nil {
		return un
	}
	return name
}

func isForm(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), formType)
}

// stripAuth removes an SDK's own auth fields and tells what it meant to send: a
// signed call, one with the key only, or a public one.
func (c *core) stripAuth(d *draft) (Auth, error) {
	auth, fields := AuthNone, 0
	d.header = d.header.Clone()
	for _, name := range c.venue.AuthHeaders {
		if d.header.Values(name) != nil { // an empty one too: an SDK without a key
			d.header.Del(name)
			auth, fields = AuthKey, fields+1
		}
	}
	for _, h := range c.venue.Header {
		d.header.Del(h[0])
	}
	for _, name := range []string{"Content-Length", "Host", "Connection", "Authorization"} {
		d.header.Del(name)
	}
	var cut bool
	d.req.Query, cut = c.stripNames(d.req.Query)
	if isForm(d.header) {
		body, cutBody := c.stripNames(string(d.req.Body))
		d.req.Body, cut = []byte(body), cut || cutBody
	}
	if err := c.checkHeader(d.header); err != nil {
		return 0, err
	}
	if rt, ok := c.routes.find(&d.req); ok && rt.Auth != AuthDefault {
		return rt.Auth, nil // the table knows better than the SDK's habit
	}
	if cut || fields > 1 || fields == 1 && len(c.venue.Reserved) == 0 {
		auth = AuthSigned // more than the key's name was on it
	}
	return auth, nil
}

// stripNames takes the reserved parameters out of a raw query and leaves the bytes
// of the others as they are.
func (c *core) stripNames(raw string) (string, bool) {
	pairs := strings.Split(raw, "&")
	n := len(pairs)
	pairs = slices.DeleteFunc(pairs, func(pair string) bool { return c.ownsParam(pairName(pair)) })
	return strings.Join(pairs, "&"), len(pairs) < n
}
