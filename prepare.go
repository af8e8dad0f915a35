package exauth

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A draft is a call after everything that needs neither key nor clock: encoded,
// routed and checked. Every attempt works on its own copy of it.
type draft struct {
	req    Request // a template: Method, Scheme, Host, Path, Query, Body
	params Params  // what the caller named, for looking at; never encoded again
	prefix string  // of the origin, before the path on the wire
	typ    string  // Content-Type, "" for none
	header http.Header

	route    Route
	listed   bool
	auth     Auth
	need     Scope
	costs    []Cost
	priority Priority
	orderID  string
	window   time.Duration
	maxWait  time.Duration
	buffer   []byte // what the encoding is written into, kept between calls
}

// keep remembers the buffer an encoding grew to, for the next call.
func (d *draft) keep(b []byte) {
	if cap(b) > cap(d.buffer) && cap(b) <= 64<<10 {
		d.buffer = b
	}
}

// done gives a draft back. Its buffer held parameters, never a secret.
func (c *core) done(d *draft) {
	*d = draft{buffer: d.buffer}
	c.drafts.Put(d)
}

// prepare encodes a call, once, and finds its route. Nothing is signed or sent.
func (c *core) prepare(call Call) (*draft, error) {
	d := c.drafts.Get().(*draft)
	d.maxWait, d.orderID = call.MaxWait, call.ClientOrderID
	d.req.Method = call.Method
	if d.req.Method == "" {
		d.req.Method = http.MethodGet
	}
	path, err := c.address(d, call.Path)
	if err != nil {
		return nil, err
	}
	params := call.Params
	if strings.Contains(path, "{") {
		if path, params, err = fillPath(path, params); err != nil {
			return nil, err
		}
	}
	if err = checkPath(path); err != nil {
		return nil, err
	}
	if d.req.Host == "" {
		d.at(c.originOf(path))
	}
	d.req.Path = path
	if err = c.encode(d, params, call.Query); err != nil {
		return nil, err
	}
	if err = c.checkHeader(call.Header); err != nil {
		return nil, err
	}
	d.header = call.Header
	if err = c.routeCall(d, call); err != nil {
		return nil, err
	}
	return d, c.window(d, call.RecvWindow)
}

// address splits an absolute path into origin and path; only the venue's own
// origins pass.
func (c *core) address(d *draft, path string) (string, error) {
	if err := checkMethod(d.req.Method); err != nil {
		return "", err
	}
	scheme, rest, ok := strings.Cut(path, "://")
	if !ok {
		return path, nil
	}
	host, _, _ := strings.Cut(rest, "/")
	o, err := c.pinned(scheme, host)
	if err != nil {
		return "", err
	}
	d.at(o)
	return strings.TrimPrefix(rest[len(host):], o.path), nil
}

func checkMethod(method string) error {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch:
		return nil
	}
	return paramError("", "method must be GET, POST, PUT, DELETE or PATCH")
}

// at sends the draft to an origin.
func (d *draft) at(o origin) { d.req.Scheme, d.req.Host, d.prefix = o.scheme, o.host, o.path }

// fillPath takes the {placeholders} of path out of params.
func fillPath(path string, params any) (string, any, error) {
	p, err := asParams(params)
	if err != nil {
		if p, err = jsonParams(params); err != nil {
			return "", nil, err
		}
	}
	p = slices.Clone(p)
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(path, "{")
		b.WriteString(before)
		if !ok {
			return b.String(), p, nil
		}
		name, after, ok := strings.Cut(rest, "}")
		i := slices.IndexFunc(p, func(q Param) bool { return q.Name == name })
		if !ok || i < 0 {
			return "", nil, paramError(name, "is missing for its {placeholder} in the path")
		}
		text, err := appendScalar(nil, name, p[i].Value, StyleQuery)
		if err != nil {
			return "", nil, err
		}
		if s := string(text); s == "" || s == "." || s == ".." || strings.Contains(s, "%2F") || strings.Contains(s, "%5C") {
			return "", nil, paramError(name, "cannot be a path segment")
		}
		b.Write(text)
		p = slices.Delete(p, i, i+1)
		path = after
	}
}

// jsonParams reads a struct with json tags, or raw JSON, as ordered Params.
func jsonParams(v any) (Params, error) {
	b, err := appendJSON(nil, v, 0)
	if err != nil {
		return nil, err
	}
	tree, err := decodeJSON(b)
	if err != nil {
		return nil, err
	}
	p, ok := tree.(Params)
	if !ok {
		return nil, paramError("", "a path with {placeholders} needs named parameters")
	}
	return p, nil
}

// encode writes parameters into the draft in the route's style.
func (c *core) encode(d *draft, params, query any) error {
	ordered, named := paramsOf(params)
	style := StyleQuery
	if c.venue.Style != nil {
		style = c.venue.Style(d.req.Method, d.req.Path, ordered)
	}
	q, err := asParams(query)
	if err != nil {
		return err
	}
	place := style.place()
	if place != StyleJSON && !named {
		if ordered, err = asParams(params); err != nil {
			return err
		}
	}
	for _, p := range [2]Params{ordered, q} {
		if err := c.checkNames(p); err != nil {
			return err
		}
	}
	if len(q) > 0 && len(ordered) > 0 {
		for _, p := range ordered {
			if slices.ContainsFunc(q, func(o Param) bool { return o.Name == p.Name }) {
				return paramError(p.Name, "is in Params and in Query")
			}
		}
	}
	d.params = ordered
	text, err := appendQuery(nil, q, style)
	if err != nil {
		return err
	}
	buf := d.buffer[:0] // of an earlier call; what is sent is copied from it
	switch place {
	case StyleJSON:
		err = encodeJSONBody(d, params, ordered, named, style)
	case StyleForm:
		if d.req.Body, err = appendQuery(buf, ordered, style); len(d.req.Body) > 0 || style&StyleAlwaysTyped != 0 {
			d.typ = formType
		}
		d.keep(d.req.Body)
	default:
		text, err = appendQuery(append(buf, text...), ordered, style)
		if style&StyleAlwaysTyped != 0 {
			d.typ = jsonType
		}
		d.keep(text)
	}
	d.req.Query = string(text)
	if style&StyleNoMediaType != 0 {
		d.typ = ""
	}
	return err
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// paramsOf returns params as Params where that costs nothing, so that a venue's
// Style can look at them; named is false for structs, slices and raw JSON.
func paramsOf(params any) (p Params, named bool) {
	switch v := params.(type) {
	case nil:
		return nil, true
	case Params:
		return v, true
	case url.Values:
		return valuesParams(v, sortedNames(v)), true
	}
	return nil, false
}

func encodeJSONBody(d *draft, params any, ordered Params, named bool, style Style) (err error) {
	switch {
	case named && len(ordered) == 0:
		if style&StyleEmptyObject != 0 {
			d.req.Body = []byte("{}")
		}
	case named:
		d.req.Body, err = appendJSONObject(d.buffer[:0], ordered, style)
		d.keep(d.req.Body)
	default:
		if raw, ok := params.(json.RawMessage); ok {
			if !json.Valid(raw) {
				return paramError("", "json.RawMessage is not valid JSON")
			}
			d.req.Body = slices.Clone(raw)
		} else {
			d.req.Body, err = appendJSON(nil, jsonView(params), style)
		}
	}
	if len(d.req.Body) > 0 || style&StyleAlwaysTyped != 0 {
		d.typ = jsonType
	}
	return err
}

// jsonView lets a struct that has only url tags go to a JSON route too: one set of
// tags serves both places.
func jsonView(v any) any {
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return v
	}
	for f := range t.Fields() {
		if f.Tag.Get("json") != "" {
			return v
		}
	}
	if p, err := asParams(v); err == nil {
		return p
	}
	return v
}

// checkNames refuses names the scheme owns: two timestamps, or a forged key.
func (c *core) checkNames(p Params) error {
	for _, q := range p {
		if c.ownsParam(q.Name) {
			return paramError(q.Name, "is set by exauth")
		}
	}
	return nil
}

// ownsParam reports whether a parameter is the scheme's to set.
func (c *core) ownsParam(name string) bool {
	for _, r := range c.venue.Reserved {
		if len(r) == len(name) && strings.EqualFold(name, r) {
			return true
		}
	}
	return false
}

// methodOverrides are headers that would turn a call into another one.
var methodOverrides = [...]string{"Host", "Authorization", "X-Http-Method-Override", "X-Http-Method", "X-Method-Override",
	"Connection", "Transfer-Encoding", "Content-Length", "Upgrade", "Proxy-Authorization", "Idempotency-Key", "X-Idempotency-Key"}

// checkHeader refuses headers that belong to the scheme, the environment or HTTP.
func (c *core) checkHeader(h http.Header) error {
	for name := range h {
		if c.ownsHeader(name) {
			return paramError(name, "is a header exauth sets itself")
		}
		for _, m := range methodOverrides {
			if strings.EqualFold(name, m) {
				return paramError(name, "is a header that changes the call")
			}
		}
	}
	return nil
}

func (c *core) ownsHeader(name string) bool {
	for _, own := range c.venue.AuthHeaders {
		if strings.EqualFold(name, own) {
			return true
		}
	}
	return slices.ContainsFunc(c.venue.Header, func(h [2]string) bool { return strings.EqualFold(h[0], name) })
}

// routeCall finds the route and what the call needs, and refuses what the client
// may not do: least privilege is decided before any key is looked at.
func (c *core) routeCall(d *draft, call Call) error {
	d.route, d.listed = c.routes.find(&d.req)
	d.auth = call.Auth
	if d.auth == AuthDefault {
		if d.auth = d.route.Auth; d.auth == AuthDefault {
			d.auth = AuthSigned
		}
	}
	d.need = d.route.Scope
	if call.Scope != 0 {
		if !call.Scope.has(d.need) && d.listed {
			return scopeError("the route needs "+d.need.String()+"; Call.Scope says only "+call.Scope.String(), d)
		}
		d.need = call.Scope
	}
	d.priority = max(call.Priority, d.route.Priority)
	if d.costs = call.Costs; d.costs == nil {
		if d.costs = d.route.Costs; d.route.Price != nil {
			d.costs = d.route.Price(&d.req)
		}
	}
	if d.orderID == "" && d.route.ClientID != "" {
		d.orderID = d.text(d.route.ClientID)
	}
	if d.auth != AuthNone && !c.opts.Scope.has(d.need) {
		return scopeError("call needs "+d.need.String()+", the client allows "+c.opts.Scope.String()+"; see Options.Scope", d)
	}
	if d.auth == AuthNone && d.listed && d.route.Auth != AuthNone && d.need.writes() {
		return scopeError("a route that writes cannot go unsigned", d)
	}
	return nil
}

func scopeError(why string, d *draft) error {
	e := &Error{Method: d.req.Method, Path: d.req.Path, Kind: ErrScope, Message: why, ClientOrderID: d.orderID}
	if !d.listed {
		e.Message += " (the path is not in the venue's route table; set Call.Scope or list it)"
	}
	return e
}

// text finds one text parameter of a call by name.
func (d *draft) text(name string) string {
	fields := d.params
	if fields == nil {
		fields, _ = d.req.Fields()
	}
	for _, f := range fields {
		if s, ok := f.Value.(string); ok && f.Name == name {
			return s
		}
	}
	return ""
}

// window settles the receive window; it is never widened beyond the venue's most.
func (c *core) window(d *draft, w time.Duration) error {
	for _, def := range [...]time.Duration{c.opts.RecvWindow, c.venue.RecvWindow} {
		if w == 0 {
			w = def
		}
	}
	if w < 0 || c.venue.MaxRecvWindow > 0 && w > c.venue.MaxRecvWindow {
		return paramError("RecvWindow", "must be between 0 and "+c.venue.MaxRecvWindow.String())
	}
	d.window = w
	return nil
}
