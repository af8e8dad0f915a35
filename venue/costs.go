package venue

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// What calls cost is written as lines "METHOD path word…", beside the vendor's
// documentation and apart from the routes' scopes. The words:
//
//	w=5              5 of the tariff's unit, unless a condition before it holds
//	symbol:2         2 if the parameter is given;  !symbol:2  if it is not
//	limit<=100:5     5 if it is a number of at most 100
//	#symbols<=20:2   2 if it is a list of at most 20
//	side=BUY:3       3 if it is that text
//	each=list:4      4 for each element of a list, at least one; each=list:4<=200 no more than 200
//	q=NAME:2         2 of another quota, or of the several a tariff gives that name
//	q=NAME:1@pair    the same, counted apart for each value of the parameter pair
//	qeach=NAME:list  1 of another quota for each element of a list; @ as above
//	free             nothing at all
//
// The first condition that holds wins. A list without a name is a body that is a
// JSON array. "match=name=value" picks one of the routes that share a path. A line
// "[word…]" gives its words to the lines below that have none.

// A tariff says in which quotas a product of a venue is counted.
type tariff struct {
	quotas  []exauth.Quota
	unit    string              // what w= counts in
	base    string              // words of every line: "q=RAW_REQUESTS:1"
	several map[string][]string // names that stand for several quotas
}

// price returns routes with what they cost. A line whose path only a wider pattern
// covers becomes a route of its own, in front, with that pattern's scope. Lines that
// nothing covers are left out: only their venue's route table says what they need.
func (t tariff) price(routes []exauth.Route, lines string) []exauth.Route {
	p := newPricer(routes)
	p.add(t, lines)
	return p.all()
}

// A pricer is a route table while prices are put in.
type pricer struct {
	own, routes []exauth.Route
	patterns    []exauth.Route // of routes
	index       map[routeKey][]int
	getReads    bool // as the venue says: GETs that nothing covers only read
}

type routeKey struct{ method, path string }

func newPricer(routes []exauth.Route) *pricer {
	p := &pricer{routes: slices.Clone(routes), index: make(map[routeKey][]int, len(routes))}
	for i, r := range routes {
		key := routeKey{r.Method, r.Path}
		p.index[key] = append(p.index[key], i)
		if r.Method == "" || strings.ContainsAny(r.Path, "{*") {
			p.patterns = append(p.patterns, r)
		}
	}
	return p
}

func (p *pricer) all() []exauth.Route { return append(p.own, p.routes...) }

// add prices the routes that lines name.
func (p *pricer) add(t tariff, lines string) {
	table := costLines(lines)
	slices.SortStableFunc(table, func(a, b costLine) int { return cmp.Compare(b.narrow(), a.narrow()) })
	for _, l := range table {
		found := false
		for _, i := range p.index[routeKey{l.method, l.path}] {
			if r := &p.routes[i]; l.match == "" || l.match == r.Match {
				if found = true; r.Costs == nil && r.Price == nil {
					t.set(r, l)
				}
			}
		}
		if found {
			continue
		}
		wider := covering(p.patterns, l)
		if len(wider) == 0 && p.getReads && l.method == "GET" {
			wider = []exauth.Route{{Scope: exauth.ScopeRead}}
		}
		for _, r := range wider {
			r.Method, r.Path, r.Costs, r.Price = l.method, l.path, nil, nil
			t.set(&r, l)
			p.own = append(p.own, r)
		}
	}
}

// others prices what is left over by the words that a rule gives.
func (p *pricer) others(t tariff, rule func(exauth.Route) string) {
	for _, routes := range [][]exauth.Route{p.own, p.routes} {
		for i := range routes {
			if r := &routes[i]; r.Costs == nil && r.Price == nil {
				t.set(r, costLine{method: r.Method, path: r.Path, words: strings.Fields(rule(*r))})
			}
		}
	}
}

// alike prices every route the same.
func alike(routes []exauth.Route, costs []exauth.Cost) []exauth.Route {
	for i := range routes {
		routes[i].Costs = costs
	}
	return routes
}

// byKey is the rule of venues that count calls without a key by address, and the
// rest by account.
func byKey(public, signed string) func(exauth.Route) string {
	return func(r exauth.Route) string {
		if r.Auth == exauth.AuthNone {
			return public
		}
		return signed
	}
}

// covering returns the routes of the pattern that decides over a line's path.
func covering(patterns []exauth.Route, l costLine) []exauth.Route {
	var best []exauth.Route
	for _, r := range patterns {
		switch {
		case r.Method != "" && r.Method != l.method, l.match != "" && l.match != r.Match, !covers(r.Path, l.path):
		case len(best) == 0 || len(r.Path) > len(best[0].Path):
			best = []exauth.Route{r}
		case len(r.Path) == len(best[0].Path):
			best = append(best, r)
		}
	}
	return best
}

// covers reports whether a pattern of a route table takes in a path, or a narrower
// pattern.
func covers(pattern, path string) bool {
	for pattern != "*" {
		p, prest, pmore := strings.Cut(pattern, "/")
		s, srest, smore := strings.Cut(path, "/")
		if p != s && !strings.HasPrefix(p, "{") {
			return false
		}
		if !pmore || !smore {
			return pmore == smore
		}
		pattern, path = prest, srest
	}
	return true
}

// set prices one route.
func (t tariff) set(r *exauth.Route, l costLine) {
	p := t.parse(l)
	if len(p) == 1 && len(p[0].dynamic) == 0 {
		r.Costs = p[0].costs
		return
	}
	r.Price = p.of
}

// costs prices every call alike, for DefaultCosts.
func (t tariff) costs(words string) []exauth.Cost {
	return t.parse(costLine{words: strings.Fields(words)})[0].costs
}

// at is a default for an endpoint nobody listed: the costs of words, counted under
// the call's own path where a quota is counted by endpoint.
func (t tariff) at(words string) func(*exauth.Request) []exauth.Cost {
	like := t.costs(words)
	if !slices.ContainsFunc(like, func(c exauth.Cost) bool { return c.Item != "" }) {
		return func(*exauth.Request) []exauth.Cost { return like }
	}
	return func(r *exauth.Request) []exauth.Cost {
		cs := slices.Clone(like)
		for i := range cs {
			if cs[i].Item != "" {
				cs[i].Item = r.Method + " " + r.Path
			}
		}
		return cs
	}
}

// costLine is one line of a table.
type costLine struct {
	method, path, match string
	words               []string
}

// narrow is 1 for lines that go before those of a whole path.
func (l costLine) narrow() int { return min(len(l.match), 1) }

func costLines(lines string) []costLine {
	var all []costLine
	var common []string
	for line := range strings.Lines(lines) {
		line, _, _ = strings.Cut(line, "# ") // "#list" is a condition
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			continue
		case words[0][0] == '[':
			common = strings.Fields(strings.Trim(strings.TrimSpace(line), "[]"))
			continue
		}
		l := costLine{method: words[0], path: words[1]}
		if l.method == "*" {
			l.method = ""
		}
		for _, w := range words[2:] {
			if m, ok := strings.CutPrefix(w, "match="); ok {
				l.match = m
			} else {
				l.words = append(l.words, w)
			}
		}
		if len(l.words) == 0 {
			l.words = common
		}
		all = append(all, l)
	}
	return all
}

// A pricing is what one line says: steps with conditions, the last of which is
// taken when none holds. Its slices are shared by all calls.
type pricing []step

type step struct {
	when    condition
	costs   []exauth.Cost
	dynamic []dynamic
}

// dynamic is a cost that only the call itself settles.
type dynamic struct {
	index int    // in the costs of its step
	list  string // whose elements are counted, where each is not 0
	each  int
	most  int    // 0: no cap
	item  string // the parameter that names the item, "" where the table does
}

func (p pricing) of(r *exauth.Request) []exauth.Cost {
	i := 0
	for i < len(p)-1 && !p[i].when.holds(r) {
		i++
	}
	if len(p[i].dynamic) == 0 {
		return p[i].costs
	}
	costs := slices.Clone(p[i].costs)
	for _, d := range p[i].dynamic {
		c := &costs[d.index]
		if d.each > 0 {
			if c.N = d.each * max(1, count(r, d.list)); d.most > 0 {
				c.N = min(c.N, d.most)
			}
		}
		if d.item != "" {
			c.Item, _ = given(r, d.item)
		}
	}
	return costs
}

// parse reads the words of a line. The unit's cost is the first of every step.
func (t tariff) parse(l costLine) pricing {
	if len(l.words) == 1 && l.words[0] == "free" {
		return pricing{{costs: []exauth.Cost{}}}
	}
	label := cmp.Or(l.method, "*") + " " + l.path
	var p pricing
	var rest step // of other quotas
	for _, w := range slices.Concat(l.words, strings.Fields(t.base)) {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "q", "qeach":
			t.other(&rest, label, key, value)
		case "each":
			list, number, _ := strings.Cut(value, ":")
			each, most, _ := strings.Cut(number, "<=")
			p = append(p, step{
				when:    condition{op: '#', name: list, most: 1 << 20},
				costs:   []exauth.Cost{t.cost(t.unit, label, integer(each))},
				dynamic: []dynamic{{list: list, each: integer(each), most: integer(most)}},
			})
		case "w":
			p = append(p, step{costs: []exauth.Cost{}}) // nil would mean the default
			if n := integer(value); n > 0 {             // w=0: counted, if at all, in other quotas
				p[len(p)-1].costs = []exauth.Cost{t.cost(t.unit, label, n)}
			}
		default:
			colon := max(strings.LastIndex(w, ":"), 0)
			p = append(p, step{when: parseCondition(w[:colon]), costs: []exauth.Cost{t.cost(t.unit, label, integer(w[colon+1:]))}})
		}
	}
	if len(p) == 0 { // a line of other quotas alone
		p = pricing{{costs: []exauth.Cost{}}}
	}
	for i := range p {
		for _, d := range rest.dynamic {
			d.index += len(p[i].costs)
			p[i].dynamic = append(p[i].dynamic, d)
		}
		p[i].costs = append(p[i].costs, rest.costs...)
	}
	return p
}

// other reads the words q and qeach: costs in quotas that are not the unit.
func (t tariff) other(rest *step, label, key, value string) {
	name, number, _ := strings.Cut(value, ":")
	names := []string{name}
	if several, ok := t.several[name]; ok {
		names = several
	}
	for _, quota := range names {
		d := dynamic{index: len(rest.costs)}
		text, item, _ := strings.Cut(number, "@")
		n := 1
		if d.item = item; key == "q" {
			n = integer(text)
		} else {
			d.each, d.list = 1, text
		}
		rest.costs = append(rest.costs, t.cost(quota, label, n))
		if d.each > 0 || d.item != "" {
			rest.dynamic = append(rest.dynamic, d)
		}
	}
}

// cost names the endpoint where a quota is counted by it.
func (t tariff) cost(quota, label string, n int) exauth.Cost {
	c := exauth.Cost{Quota: quota, N: n}
	for _, q := range t.quotas {
		if q.Name == quota && (q.Per == exauth.PerEndpoint || q.Per == exauth.PerSymbol) {
			c.Item = label
		}
	}
	return c
}

func integer(text string) int { n, _ := strconv.Atoi(text); return n }

// fixed is a window aligned to the venue's clock; used is the header that counts.
func fixed(name string, limit int, window time.Duration, per exauth.Per, used string) exauth.Quota {
	return exauth.Quota{Name: name, Kind: exauth.FixedWindow, Limit: limit, Window: window, Per: per, UsedHeader: used}
}

// sliding is at most limit in any span of a window.
func sliding(name string, limit int, window time.Duration, per exauth.Per) exauth.Quota {
	return exauth.Quota{Name: name, Kind: exauth.SlidingWindow, Limit: limit, Window: window, Per: per}
}

// bucket holds limit tokens at first and gets refill of them a second.
func bucket(name string, limit int, refill float64, per exauth.Per) exauth.Quota {
	return exauth.Quota{Name: name, Kind: exauth.TokenBucket, Limit: limit, Refill: refill, Per: per}
}
