package exauth

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
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
	body, err := takeBody(req, c.opts.MaxBody)
	d := &draft{}
	if err == nil {
		d, err = c.adopt(req, body, t.strip)
	}
	if err != nil {
		return nil, c.refuse(Call{Method: req.Method, Path: req.URL.Path}, err)
	}
	resp, err := c.run(req.Context(), d)
	var e *Error
	if err != nil && (resp == nil || resp.Body == nil || errors.As(err, &e) && (e.Kind == ErrHost || e.Status == 0)) {
		return nil, err
	}
	return &http.Response{
		Status: http.StatusText(resp.Status), StatusCode: resp.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: resp.Header, Body: io.NopCloser(bytes.NewReader(resp.Body)),
		ContentLength: int64(len(resp.Body)), Request: req,
	}, nil
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
func (c *core) adopt(req *http.Request, body []byte, strip bool) (*draft, error) {
	d := &draft{header: req.Header}
	d.req.Method = req.Method
	if d.req.Method == "" {
		d.req.Method = http.MethodGet
	}
	if req.URL.User != nil || req.Host != "" && !samePort(req.URL.Scheme, strings.ToLower(req.Host), strings.ToLower(req.URL.Host)) {
		return nil, paramError("", "request carries a user or a Host other than its URL's")
	}
	path, err := c.address(d, req.URL.Scheme+"://"+req.URL.Host+req.URL.EscapedPath())
	if err != nil {
		return nil, err
	}
	d.req.Path, d.req.Query, d.req.Body = path, req.URL.RawQuery, body
	if path == "" {
		d.req.Path = "/"
	}
	if err := errors.Join(checkPath(d.req.Path), checkQuery(d.req.Query)); err != nil {
		return nil, err
	}
	call := Call{}
	if strip {
		if call.Auth, err = c.stripAuth(d); err != nil {
			return nil, err
		}
	} else if err := c.checkForeign(d); err != nil {
		return nil, err
	}
	if err := c.routeCall(d, call); err != nil {
		return nil, err
	}
	return d, c.window(d, 0)
}

// checkForeign refuses what a caller may not set, in a request it built itself.
func (c *core) checkForeign(d *draft) error {
	if err := c.checkHeader(d.header); err != nil {
		return err
	}
	q, err := d.req.QueryFields()
	if err == nil {
		err = c.checkNames(q)
	}
	if err != nil || !isForm(d.header) {
		return err
	}
	form, err := parseQuery(string(d.req.Body))
	if err == nil {
		err = c.checkNames(form)
	}
	return err
}

func isForm(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), formType)
}

// stripAuth removes an SDK's own auth fields and tells what it meant to send: a
// signed call, one with the key only, or a public one.
func (c *core) stripAuth(d *draft) (Auth, error) {
	auth := AuthNone
	d.header = d.header.Clone()
	for _, name := range c.venue.AuthHeaders {
		if d.header.Values(name) != nil { // an empty one too: an SDK without a key
			d.header.Del(name)
			auth = AuthKey
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
	if cut || auth == AuthKey && len(c.venue.Reserved) == 0 {
		auth = AuthSigned
	}
	return auth, nil
}

// stripNames takes the reserved parameters out of a raw query and leaves the bytes
// of the others as they are.
func (c *core) stripNames(raw string) (string, bool) {
	pairs := strings.Split(raw, "&")
	n := len(pairs)
	pairs = slices.DeleteFunc(pairs, func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		if un, err := url.QueryUnescape(name); err == nil {
			name = un
		}
		return slices.ContainsFunc(c.venue.Reserved, func(r string) bool { return strings.EqualFold(r, name) })
	})
	return strings.Join(pairs, "&"), len(pairs) < n
}
