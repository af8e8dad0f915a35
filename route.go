package exauth

import "strings"

// A Route says what one endpoint is for. Routes are data that a reader can check
// against the venue's documentation; unknown paths need ScopeTrade.
type Route struct {
	Method string // "" means any
	Path   string // "/api/v3/order", "/v2/orders/{id}", or "/fapi/v1/ticker/*" for all below

	// Match narrows the route to calls that carry a parameter: "method=getInfo"
	// for venues that name the action in the body. A call that gives the name twice
	// with different values matches nothing.
	Match string

	Scope    Scope
	Auth     Auth
	Priority Priority
	ClientID string // the parameter that carries the client order id, "" where there is none
	Items    *Items // for calls that hold several operations; nil for one

	Costs []Cost                  // fixed costs
	Price func(r *Request) []Cost // costs that depend on parameters; used instead of Costs when set
}

// routeTable finds routes without allocating.
type routeTable struct {
	exact    map[string][]Route
	patterns []Route // with {segments} or a trailing *, longest first
	getReads bool
}

func newRouteTable(v *Venue) *routeTable {
	t := &routeTable{exact: make(map[string][]Route, len(v.Routes)), getReads: v.GETReads}
	for _, r := range v.Routes {
		if strings.ContainsAny(r.Path, "{*") {
			t.patterns = append(t.patterns, r)
		} else {
			t.exact[r.Path] = append(t.exact[r.Path], r)
		}
	}
	return t
}

// find returns the route of a request. Exact paths go before patterns, and within
// one path routes with a Match before those without; ties go to the first listed.
func (t *routeTable) find(r *Request) (Route, bool) {
	path := r.Path
	if rt, ok := pick(t.exact[path], r); ok {
		return rt, true
	}
	best, found := Route{}, false
	for _, rt := range t.patterns {
		if matchPath(rt.Path, path) && len(rt.Path) > len(best.Path) {
			if one, ok := pick([]Route{rt}, r); ok {
				best, found = one, true
			}
		}
	}
	if found {
		return best, true
	}
	return t.unknown(r), false
}

func pick(routes []Route, r *Request) (Route, bool) {
	best, found := Route{}, false
	for _, rt := range routes {
		if rt.Method != "" && rt.Method != r.Method {
			continue
		}
		if rt.Match == "" {
			if !found {
				best, found = rt, true
			}
			continue
		}
		if (!found || best.Match == "") && carries(r, rt.Match) {
			best, found = rt, true
		}
	}
	return best, found
}

func carries(r *Request, match string) bool {
	name, value, _ := strings.Cut(match, "=")
	fields, err := r.Fields()
	if err != nil {
		return false
	}
	found := false
	for _, f := range fields {
		if f.Name != name {
			continue
		}
		if s, ok := f.Value.(string); !ok || s != value {
			return false // given twice: nobody knows which one the venue obeys
		}
		found = true
	}
	return found
}

// unknown is the route of a path nobody listed: it needs ScopeTrade, or more when
// the path names something worse, since a guess must never widen what a key may do.
func (t *routeTable) unknown(r *Request) Route {
	rt := Route{Scope: ScopeTrade, Priority: PriorityOrder}
	lower := strings.ToLower(r.Path)
	switch {
	case t.getReads && r.Method == "GET":
		rt.Scope, rt.Priority = ScopeRead, PriorityPoll
	case strings.Contains(lower, "withdraw"):
		rt.Scope |= ScopeWithdraw
	case strings.Contains(lower, "transfer"):
		rt.Scope |= ScopeTransfer
	}
	return rt
}

// matchPath compares a pattern's segments with a path's. {x} takes one segment, a
// trailing * takes all that is left.
func matchPath(pattern, path string) bool {
	for {
		if pattern == "*" {
			return true
		}
		p, prest, pmore := strings.Cut(pattern, "/")
		s, srest, smore := strings.Cut(path, "/")
		if p != s && !(strings.HasPrefix(p, "{") && s != "") {
			return false
		}
		if !pmore || !smore {
			return pmore == smore
		}
		pattern, path = prest, srest
	}
}
