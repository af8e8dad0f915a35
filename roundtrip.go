package exauth

import (
	"bytes"
	"errors"
	"fmt"
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
		return nil, c.refuse(req.Context(), d, Call{Method: req.Method, Path: d.req.Path}, err)
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
	e, ok := errors.AsType[*Error](err)
	return ok && resp != nil && e.Status != 0 && e.Kind != ErrHost
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
	switch {
	case u == nil:
		return fmt.Errorf("%w: request has no URL", ErrHost)
	case u.User != nil, u.Opaque != "":
		return fmt.Errorf("%w: request's URL carries a user or is opaque", ErrHost)
	case req.Host != "" && !samePort(u.Scheme, strings.ToLower(req.Host), strings.ToLower(u.Host)):
		return fmt.Errorf("%w: request has a Host other than its URL's", ErrHost)
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
		call.Auth, err = c.stripAuth(d)
	} else {
		err = c.checkHeader(d.header)
	}
	if err == nil {
		err = c.checkForeign(d)
	}
	if err != nil {
		return err
	}
	if err = c.routeCall(d, call); err != nil {
		return err
	}
	return c.window(d, 0)
}

// checkForeign refuses parameters that a caller may not set or sets twice, in a
// request it built itself.
func (c *core) checkForeign(d *draft) error {
	repeats := c.venue.Style != nil && c.venue.Style(d.req.Method, d.req.Path, nil)&(StyleArrayRepeat|StyleArrayEmpty) != 0
	if err := c.checkPairs(d.req.Query, repeats); err != nil {
		return err
	}
	switch body := d.req.Body; {
	case len(body) == 0:
	case isJSON(body):
		tree, err := decodeJSON(body)
		if err != nil {
			return err
		}
		named, _ := tree.(Params)
		for i := range named {
			if err := checkName(named, i); err != nil {
				return err
			}
			if c.ownsParam(named[i].Name) {
				return paramError(named[i].Name, "is set by exauth")
			}
			if hasPair(d.req.Query, named[i].Name) {
				return paramError(named[i].Name, "is in the query and in the body")
			}
		}
	case isForm(d.header):
		form := string(body)
		for pair := range strings.SplitSeq(form, "&") {
			if name := pairName(pair); hasPair(d.req.Query, name) {
				return paramError(name, "is in the query and in the body")
			}
		}
		return c.checkPairs(form, repeats)
	}
	return nil
}

// checkPairs refuses reserved and repeated names, and broken escapes, in an encoded
// query or form.
func (c *core) checkPairs(raw string, repeats bool) error {
	for rest := raw; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if strings.Contains(pair, "%") {
			if _, err := url.QueryUnescape(pair); err != nil {
				return paramError("", "query or form is not well encoded")
			}
		}
		name := pairName(pair)
		switch {
		case c.ownsParam(name):
			return paramError(name, "is set by exauth")
		case !repeats && name != "" && !strings.HasSuffix(name, "[]") && hasPair(rest, name):
			return paramError(name, "given twice")
		}
	}
	return nil
}

func hasPair(raw, name string) bool {
	for raw != "" {
		var pair string
		if pair, raw, _ = strings.Cut(raw, "&"); pairName(pair) == name {
			return name != ""
		}
	}
	return false
}

// pairName is the decoded name of one name=value pair.
func pairName(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	if un, err := url.QueryUnescape(name); err == nil {
		return un
	}
	return name
}

// isForm takes a body without a type for a form, too.
func isForm(h http.Header) bool {
	typ := h.Get("Content-Type")
	return typ == "" || strings.HasPrefix(typ, formType)
}

// isJSON tells a JSON object or list from a form by its first character.
func isJSON(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return len(body) > 0 && (body[0] == '{' || body[0] == '[')
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
	for _, name := range []string{"Content-Length", "Host", "Connection", "Keep-Alive", "Te", "Trailer", "Authorization"} {
		d.header.Del(name)
	}
	var cut, cutBody bool
	d.req.Query, cut = c.stripNames(d.req.Query)
	switch {
	case isJSON(d.req.Body):
		var err error
		if d.req.Body, cutBody, err = c.stripJSON(d.req.Body); err != nil {
			return 0, err
		}
	case isForm(d.header) && len(d.req.Body) > 0:
		var body string
		body, cutBody = c.stripNames(string(d.req.Body))
		d.req.Body = []byte(body)
	}
	cut = cut || cutBody
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

// stripJSON takes the reserved members out of a JSON object. A body that has none
// stays byte for byte what it was.
func (c *core) stripJSON(body []byte) ([]byte, bool, error) {
	tree, err := decodeJSON(body)
	if err != nil {
		return nil, false, err
	}
	named, _ := tree.(Params)
	rest := slices.DeleteFunc(slices.Clone(named), func(p Param) bool { return c.ownsParam(p.Name) })
	if len(rest) == len(named) {
		return body, false, nil
	}
	body, err = appendJSONObject(nil, rest, 0, 0)
	return body, true, err
}
