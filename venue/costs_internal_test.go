package venue

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/exauth/exauth"
)

// costTables are the tables of each venue, to see that no line of them is lost.
func costTables() map[string][]string {
	return map[string][]string{
		"binance":       {binanceSpot, binanceUSDM, binanceCOINM, binanceOptions, binancePortfolio, binanceSAPIByIP, binanceSAPIByUID},
		"bybit":         {bybitPublicCosts, bybitOrderCosts, bybitCosts},
		"btcturk":       {btcturkCosts},
		"coinex":        {coinexCosts},
		"coinmarketcap": {coinmarketcapFree},
		"cryptocom":     {cryptocomTable()},
		"deribit":       {deribitCosts},
		"gate":          {gateCosts},
		"htx":           {htxCosts},
		"kraken":        {krakenCosts},
		"kucoin":        {kucoinCosts, kucoinUnifiedCosts, kucoinSharedCosts},
		"upbit":         {upbitCosts},
		"okx":           {okxPublicCosts, okxCosts},
	}
}

// Every line of a table found the route it prices, and says what costs at all.
func TestCostLinesFindRoutes(t *testing.T) {
	for name, tables := range costTables() {
		v, ok := ByName(name)
		if !ok {
			t.Fatalf("no venue %q", name)
		}
		listed := map[string]exauth.Route{}
		for _, r := range v.Routes {
			if r.Costs != nil || r.Price != nil {
				listed[r.Method+" "+r.Path+" "+r.Match] = r
				listed[r.Method+" "+r.Path+" "] = r
			}
		}
		seen := map[string]bool{}
		for _, l := range slices.Concat(linesOf(tables)...) {
			key := l.method + " " + l.path + " " + l.match
			if _, ok := listed[key]; !ok {
				t.Errorf("%s: nothing covers %s", name, key)
			}
			if seen[key] {
				t.Errorf("%s: %s has two prices", name, key)
			}
			seen[key] = true
			if err := checkWords(l.words); err != nil {
				t.Errorf("%s: %s: %v", name, key, err)
			}
		}
	}
}

func linesOf(tables []string) (all [][]costLine) {
	for _, text := range tables {
		all = append(all, costLines(text))
	}
	return all
}

// checkWords finds slips of the pen: parse itself takes anything.
func checkWords(words []string) error {
	last := ""
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		number := w[strings.LastIndexAny(w, ":=")+1:]
		switch {
		case w == "free":
			continue
		case key == "qeach":
			if !strings.Contains(value, ":") {
				return fmt.Errorf("word %q", w)
			}
			continue
		case key == "q":
			number, _, _ = strings.Cut(number, "@")
		case ok && key == "w" || strings.Contains(w, ":"):
			last = w
		default:
			return fmt.Errorf("word %q", w)
		}
		if strings.TrimLeft(number, "0123456789<=") != "" || number == "" {
			return fmt.Errorf("word %q", w)
		}
	}
	if last != "" && !strings.HasPrefix(last, "w=") && !strings.HasPrefix(last, "each=") {
		return fmt.Errorf("%q holds for whatever no condition took; end with w=", last)
	}
	return nil
}

func TestTariff(t *testing.T) {
	tf := tariff{unit: "weight", base: "q=raw:1", several: map[string][]string{"orders": {"10s", "1d"}},
		quotas: []exauth.Quota{{Name: "weight"}, {Name: "each", Per: exauth.PerEndpoint}, {Name: "pair", Per: exauth.PerSymbol}}}
	routes := join(
		public("GET /a"),
		writes(exauth.ScopeTradeSpot, "POST /o id=cid\nPOST /m match=side=buy\nPOST /m"),
		reads("GET /w/*\nGET /w/deep/*\n* /any key"),
	)
	priced := tf.price(routes, `
		GET /a           limit<=10:1 !limit:2 #list<=2:3 list:4 mode=x:5 w=6 # in order
		POST /o          w=1 q=orders:2 q=pair:1@symbol
		POST /m          w=9
		POST /m match=side=buy w=8
		[w=7 q=each:1]
		GET /w/one
		GET /w/deep/two
		POST /any
		GET /nowhere
		GET /w/deep/free w=0
		GET /w/*         each=ids:2<=5`)
	for _, tt := range []struct{ method, path, match, query, body, want string }{
		{"GET", "/a", "", "", "", "weight:2 raw:1"},
		{"GET", "/a", "", "limit=10", "", "weight:1 raw:1"},
		{"GET", "/a", "", "limit=11", "", "weight:6 raw:1"},
		{"GET", "/a", "", "limit=x&list=a,b", "", "weight:3 raw:1"},
		{"GET", "/a", "", "limit=-1&list=%5B%22a%22%2C%22b%22%2C%22c%22%5D", "", "weight:4 raw:1"},
		{"GET", "/a", "", "limit=99&list[]=a&list[]=b", "", "weight:3 raw:1"},
		{"GET", "/a", "", "limit=99&mode=x", "", "weight:5 raw:1"},
		{"GET", "/a", "", "limit=99&list=", "", "weight:6 raw:1"},
		{"POST", "/o", "", "", "symbol=AB", "weight:1 10s:2 1d:2 pair[AB]:1 raw:1"},
		{"POST", "/o", "", "", `{"symbol":"A\"B"}`, `weight:1 10s:2 1d:2 pair[A"B]:1 raw:1`},
		{"POST", "/o", "", "", "", "weight:1 10s:2 1d:2 pair:1 raw:1"},
		{"POST", "/m", "", "", "", "weight:9 raw:1"},
		{"POST", "/m", "side=buy", "", "", "weight:8 raw:1"},
		{"GET", "/w/one", "", "", "", "weight:7 each[GET /w/one]:1 raw:1"},
		{"GET", "/w/deep/two", "", "", "", "weight:7 each[GET /w/deep/two]:1 raw:1"},
		{"POST", "/any", "", "", "", "weight:7 each[POST /any]:1 raw:1"},
		{"GET", "/w/deep/free", "", "", "", "raw:1"},
		{"GET", "/w/*", "", "", "", "weight:2 raw:1"},
		{"GET", "/w/*", "", "ids=1,2", "", "weight:4 raw:1"},
		{"GET", "/w/*", "", "ids=1,2,3", "", "weight:5 raw:1"},
	} {
		r := find(t, priced, tt.method, tt.path, tt.match)
		costs := r.Costs
		if r.Price != nil {
			costs = r.Price(&exauth.Request{Method: tt.method, Path: tt.path, Query: tt.query, Body: []byte(tt.body)})
		}
		if got := written(costs); got != tt.want {
			t.Errorf("%s %s?%s %s: %s, want %s", tt.method, tt.path, tt.query, tt.body, got, tt.want)
		}
	}
	if r := find(t, priced, "POST", "/any", ""); r.Auth != exauth.AuthKey || r.Scope != exauth.ScopeRead {
		t.Errorf("a line of its own has the scope of what covered it: %+v", r)
	}
	if slices.ContainsFunc(priced, func(r exauth.Route) bool { return r.Path == "/nowhere" }) {
		t.Error("a path that nothing covers became a route")
	}
	if routes[0].Price != nil {
		t.Error("the routes given were changed")
	}
}

func find(t *testing.T, routes []exauth.Route, method, path, match string) exauth.Route {
	t.Helper()
	for _, r := range routes {
		if r.Method == method && r.Path == path && r.Match == match {
			return r
		}
	}
	t.Fatalf("no route %s %s %s", method, path, match)
	return exauth.Route{}
}

func written(costs []exauth.Cost) string {
	var words []string
	for _, c := range costs {
		name := c.Quota
		if c.Item != "" {
			name += "[" + c.Item + "]"
		}
		words = append(words, fmt.Sprintf("%s:%d", name, c.N))
	}
	return strings.Join(words, " ")
}

// A price that needs a look at the parameters allocates nothing for it.
func TestPriceAllocates(t *testing.T) {
	r := find(t, Binance().Routes, "GET", "/api/v3/depth", "")
	req := &exauth.Request{Method: "GET", Path: "/api/v3/depth", Query: "symbol=BTCUSDT&limit=500"}
	if n := testing.AllocsPerRun(100, func() { _ = r.Price(req) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
