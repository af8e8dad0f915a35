package exauth

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A draft is a call after everything that needs neither key nor clock: encoded,
// routed and checked. Every attempt works on its own copy of it.
type draft struct {
	req    Request // a template: Method, Scheme, Host, Path, Query, Body
	params Params  // what the caller named; encoded again only with an order id of ours
	query  Params  // the same of Call.Query
	style  Style   // how both are written
	ours   bool    // params and query are encoded by us, not by the caller
	list   any     // a JSON body that has no names
	prefix string  // of the origin, before the path on the wire
	typ    string  // Content-Type, "" for none
	header http.Header

	route    Route
	listed   bool
	pattern  string // the caller's path before its {placeholders} were filled, "" without any
	auth     Auth
	need     Scope
	costs    []Cost
	guessed  bool // scope or costs are the venue's default
	priority Priority
	orderID  string
	key      *Key // the only one that will do; nil: the source's
	window   time.Duration
	deadline time.Duration // from the stamp; 0 where none is set
	maxWait  time.Duration
	number   int           // of the attempt under way
	waited   time.Duration // by it, so far
	buffer   []byte        // what the encoding is written into, kept between calls

	items      []Item   // what a call with several operations consists of
	itemParams []Params // the parameters of each
}

// opensRisk reports a call that a local guess may stop: a write that is no cancel.
// A listed route says itself whether it is one.
func (d *draft) opensRisk() bool {
	cancels := d.route.Priority == PriorityCancel || !d.listed && d.priority == PriorityCancel
	return d.need.writes() && !cancels
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

// prepare encodes a call and finds its route. Nothing is signed or sent. With fresh,
// an order that has no client order id gets one. The draft is never nil; beside an
// error it holds what was found so far.
func (c *core) prepare(call Call, fresh bool) (*draft, error) {
	d := c.drafts.Get().(*draft)
	d.maxWait, d.orderID, d.key = call.MaxWait, call.ClientOrderID, call.key
	d.req.Method = call.Method
	if d.req.Method == "" {
		d.req.Method = http.MethodGet
	}
	path, err := c.address(d, call.Path)
	if err != nil {
		return d, err
	}
	var used []string
	if strings.Contains(path, "{") {
		d.pattern = path
		if path, used, err = fillPath(path, call.Params); err != nil {
			return d, err
		}
	}
	if err = checkPath(path); err != nil {
		return d, err
	}
	if d.req.Host == "" {
		d.at(c.originOf(path))
	}
	d.req.Path = path
	if err = c.encode(d, call.Params, call.Query, used); err != nil {
		return d, err
	}
	if err = c.checkHeader(call.Header); err != nil {
		return d, err
	}
	d.header = call.Header
	if err = c.routeCall(d, call); err != nil {
		return d, err
	}
	if err = c.nameOrder(d, call, fresh); err != nil {
		return d, err
	}
	if err = c.nameItems(d, fresh); err != nil {
		return d, err
	}
	places := d.route.ClientID != "" || d.route.Items != nil && d.route.Items.Single != ""
	if fresh && places && d.need.writes() && c.venue.Deadline > 0 {
		d.deadline = cmp.Or(call.RecvWindow, c.opts.RecvWindow, c.venue.Deadline)
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
	if !ok || strings.HasPrefix(path, "/") {
		return path, nil
	}
	host, _, _ := strings.Cut(rest, "/")
	o, rest, err := c.pinned(scheme, host, rest[len(host):])
	if err != nil {
		return "", err
	}
	d.at(o)
	return rest, nil
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

// fillPath fills the {placeholders} of path from params and returns the names that
// it used up.
func fillPath(path string, params any) (full string, used []string, err error) {
	if _, raw := params.(json.RawMessage); raw {
		return "", nil, paramError("", "raw JSON is sent as it is and fills no {placeholder}; write the path out")
	}
	p, err := asParams(params)
	if err != nil {
		if p, err = jsonParams(params); err != nil {
			return "", nil, err
		}
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(path, "{")
		b.WriteString(before)
		if !ok {
			return b.String(), used, nil
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
		used = append(used, name)
		path = after
	}
}

// without returns p without the parameters that went into the path.
func without(p Params, used []string) (Params, error) {
	if len(used) == 0 {
		return p, nil
	}
	rest := make(Params, 0, len(p))
	seen := map[string]bool{}
	for _, q := range p {
		switch {
		case !slices.Contains(used, q.Name):
			rest = append(rest, q)
		case seen[q.Name]:
			return nil, paramError(q.Name, "given twice")
		}
		seen[q.Name] = true
	}
	return rest, nil
}

// jsonParams reads a struct with json tags as ordered Params.
func jsonParams(v any) (Params, error) {
	tree, err := jsonTree(v)
	if err != nil {
		return nil, err
	}
	p, ok := tree.(Params)
	if !ok {
		return nil, paramError("", "a path with {placeholders} needs named parameters")
	}
	return p, nil
}

// jsonTree is what v is as JSON: Params, []any, or a scalar.
func jsonTree(v any) (any, error) {
	b, err := appendJSON(nil, v, 0)
	if err != nil {
		return nil, err
	}
	return decodeJSON(b)
}

// styleOf asks the venue how it wants these parameters written.
func (c *core) styleOf(d *draft, p Params) Style {
	if c.venue.Style == nil {
		return StyleQuery
	}
	return c.venue.Style(d.req.Method, d.req.Path, p)
}

// encode writes parameters into the draft in the route's style, except those that
// the path used up.
func (c *core) encode(d *draft, params, query any, used []string) (err error) {
	named, isNamed := paramsOf(params)
	if named, err = without(named, used); err != nil {
		return err
	}
	style := c.styleOf(d, named)
	var list any // a JSON body that has no names
	switch {
	case isNamed:
	case style.place() == StyleJSON:
		if named, list, err = jsonView(params); err == nil {
			named, err = without(named, used)
		}
	default:
		if named, err = asParams(params); err == nil {
			named, err = without(named, used)
		}
	}
	if err != nil {
		return err
	}
	if !isNamed && list == nil {
		style = c.styleOf(d, named) // a struct shows its names only now
	}
	q, err := asParams(query)
	if err != nil {
		return err
	}
	if err = c.checkNames(named, q); err != nil {
		return err
	}
	d.params, d.query, d.style, d.list, d.ours = named, q, style, list, list == nil && byUs(params)
	if list != nil {
		d.params = nil
	}
	return d.write(named, q, list, style)
}

// write encodes what encode has sorted out.
func (d *draft) write(named, q Params, list any, style Style) error {
	text, err := appendQuery(nil, q, style)
	if err != nil {
		return err
	}
	buf := d.buffer[:0] // of an earlier call; what is sent is copied from it
	switch style.place() {
	case StyleJSON:
		err = d.writeJSON(named, list, style)
	case StyleForm:
		if d.req.Body, err = appendQuery(buf, named, style); len(d.req.Body) > 0 || style&StyleAlwaysTyped != 0 {
			d.typ = formType
		}
		d.keep(d.req.Body)
	default:
		text, err = appendQuery(append(buf, text...), named, style)
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

// jsonView sees what a struct, a slice or raw JSON holds: named parameters to look
// at, and in list what is to be written where that is not the same.
func jsonView(params any) (named Params, list any, err error) {
	if raw, ok := params.(json.RawMessage); ok {
		tree, err := decodeJSON(raw)
		if err != nil {
			return nil, nil, err
		}
		named, _ = tree.(Params)
		for i := range named {
			if err := checkName(named, i); err != nil {
				return nil, nil, err
			}
		}
		return named, raw, nil
	}
	tree, err := jsonTree(params)
	if err != nil {
		return nil, nil, err
	}
	if p, ok := tree.(Params); ok {
		return p, nil, nil
	}
	if _, ok := tree.([]any); !ok && tree != nil {
		return nil, nil, badType("", params)
	}
	return nil, tree, nil
}

// writeJSON writes the body: list where there is one, raw JSON as it is.
func (d *draft) writeJSON(named Params, list any, style Style) (err error) {
	raw, isRaw := list.(json.RawMessage)
	switch {
	case isRaw:
		d.req.Body = slices.Clone(raw)
	case list != nil:
		d.req.Body, err = appendJSON(d.buffer[:0], list, style)
		d.keep(d.req.Body)
	case len(named) > 0:
		d.req.Body, err = appendJSONObject(d.buffer[:0], named, style, 0)
		d.keep(d.req.Body)
	case style&StyleEmptyObject != 0:
		d.req.Body = []byte("{}")
	}
	if len(d.req.Body) > 0 || style&StyleAlwaysTyped != 0 {
		d.typ = jsonType
	}
	return err
}

// checkNames refuses names the scheme owns, which would mean two timestamps or a
// forged key, and names that are in Params and in Query.
func (c *core) checkNames(p, q Params) error {
	for _, list := range [2]Params{p, q} {
		for i := range list {
			if c.ownsParam(list[i].Name) {
				return paramError(list[i].Name, "is set by exauth")
			}
		}
	}
	if len(q) == 0 {
		return nil
	}
	for i := range p {
		if slices.ContainsFunc(q, func(o Param) bool { return o.Name == p[i].Name }) {
			return paramError(p[i].Name, "is in Params and in Query")
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
	c.price(d, call.Costs)
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

// price finds what a call costs: the caller's word, the route's, the venue's
// default. An empty list that is not nil is a price too: nothing.
func (c *core) price(d *draft, own []Cost) {
	d.costs, d.guessed = own, !d.listed
	if d.costs != nil {
		return
	}
	if d.costs = d.route.Costs; d.route.Price != nil {
		d.costs = d.route.Price(&d.req)
	}
	if d.costs != nil {
		return
	}
	if d.costs = c.venue.DefaultCosts; c.venue.DefaultPrice != nil {
		d.costs = c.venue.DefaultPrice(&d.req)
	}
	d.guessed = d.guessed || d.costs != nil
}

func scopeError(why string, d *draft) error {
	e := &Error{Method: d.req.Method, Path: d.req.Path, Kind: ErrScope, Message: why, ClientOrderID: d.orderID}
	if !d.listed {
		e.Message += " (the path is not in the venue's route table; set Call.Scope or list it)"
	}
	return e
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
