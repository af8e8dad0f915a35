package venue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// asked is a Limiter that grants everything and keeps what it was asked and told.
type asked struct {
	demand exauth.Demand
	told   exauth.Observation
	quotas []exauth.Quota
}

func (a *asked) Wait(_ context.Context, d exauth.Demand) (exauth.Lease, error) {
	a.demand = d
	return exauth.NewLease(a, 1), nil
}
func (a *asked) Settle(_ uint64, o exauth.Observation) { a.told = o }
func (a *asked) SetQuotas(q []exauth.Quota)            { a.quotas = q }

// spend writes costs as "quota:n quota[item]:n", in order.
func spend(costs []exauth.Cost) string {
	words := make([]string, len(costs))
	for i, c := range costs {
		words[i] = fmt.Sprintf("%s:%d", c.Quota, c.N)
		if c.Item != "" {
			words[i] = fmt.Sprintf("%s[%s]:%d", c.Quota, c.Item, c.N)
		}
	}
	return strings.Join(words, " ")
}

// costCase is one call and what it demands of the limiter.
type costCase struct {
	call string // "GET /path?a=1" or "POST /path {json}" or "POST /path a=1"
	want string
}

// callOf reads the short form of a call.
func callOf(t testing.TB, text string) exauth.Call {
	t.Helper()
	words := strings.SplitN(text, " ", 3)
	path, query, _ := strings.Cut(words[1], "?")
	call := exauth.Call{Method: words[0], Path: path}
	if query != "" {
		call.Params = paramsOf(query)
	}
	if len(words) == 3 {
		if strings.HasPrefix(words[2], "{") || strings.HasPrefix(words[2], "[") {
			call.Params = json.RawMessage(words[2])
		} else {
			call.Params = paramsOf(words[2])
		}
	}
	return call
}

func paramsOf(query string) exauth.Params {
	var p exauth.Params
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		p = append(p, exauth.Param{Name: name, Value: value})
	}
	return p
}

// costed sends one call of a venue to a canned answer and returns what the limiter
// saw of it.
func costed(t testing.TB, v *exauth.Venue, call string, status int, header http.Header, body string) *asked {
	t.Helper()
	l := new(asked)
	rt := &answered{status: status, body: body, header: header}
	c, err := exauth.New(v, fakeKey(t, v), &exauth.Options{
		Scope: allScopes, NoRetry: true, HTTPClient: &http.Client{Transport: rt}, Limiter: l,
		Now: func() time.Time { return time.UnixMilli(1768480496789) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), callOf(t, call)); rt.sent != 1 {
		t.Fatalf("%s: sent %d requests: %v", call, rt.sent, err)
	}
	return l
}

// answered is a transport with one answer for everything.
type answered struct {
	status int
	header http.Header
	body   string
	sent   int
}

func (a *answered) RoundTrip(req *http.Request) (*http.Response, error) {
	a.sent++
	h := a.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	return &http.Response{StatusCode: a.status, Request: req, Header: h, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

func runCosts(t *testing.T, name string, cases []costCase) {
	t.Helper()
	v, ok := venue.ByName(name)
	if !ok {
		t.Fatalf("no venue %q", name)
	}
	for _, tt := range cases {
		if got := spend(costed(t, v, tt.call, 200, nil, "{}").demand.Costs); got != tt.want {
			t.Errorf("%s %s\n got %s\nwant %s", name, tt.call, got, tt.want)
		}
	}
}

// settleCase is an answer and what the limiter is told of it.
type settleCase struct {
	name   string
	call   string
	status int
	body   string
	want   string // of Observation.Costs
	refuse string // of Observation.Refused
}

func runSettles(t *testing.T, name string, cases []settleCase) {
	t.Helper()
	v, ok := venue.ByName(name)
	if !ok {
		t.Fatalf("no venue %q", name)
	}
	for _, tt := range cases {
		told := costed(t, v, tt.call, tt.status, nil, tt.body).told
		if got := spend(told.Costs); got != tt.want || told.Refused != tt.refuse {
			t.Errorf("%s %s: cost %q, refused by %q; want %q, %q", name, tt.name, got, told.Refused, tt.want, tt.refuse)
		}
	}
}

// Every quota of every plan is sound, and whatever a route can cost is in the
// quotas and fits into them.
func TestQuotasAndCosts(t *testing.T) {
	for _, name := range venue.Names() {
		v, _ := venue.ByName(name)
		if len(v.Quotas) == 0 {
			continue // its own test says whether it should have some
		}
		plans := map[string][]exauth.Quota{"": v.Quotas}
		for plan, quotas := range v.Plans {
			plans[plan] = quotas
		}
		for plan, quotas := range plans {
			soundQuotas(t, name+" "+plan, quotas)
			fits := fitter(t, name+" "+plan, quotas)
			for _, r := range v.Routes {
				fits(r.Method+" "+r.Path, r.Costs)
				if r.Price != nil {
					for _, q := range probes {
						fits(r.Method+" "+r.Path+"?"+q, r.Price(&exauth.Request{Method: r.Method, Path: r.Path, Query: q}))
					}
				}
			}
			fits("the default", v.DefaultCosts)
			if v.DefaultPrice != nil {
				for _, prefix := range append([]string{"/"}, prefixes(v)...) {
					for _, method := range []string{"GET", "POST", "DELETE"} {
						path := prefix + "new/endpoint"
						fits("default of "+method+" "+path, v.DefaultPrice(&exauth.Request{Method: method, Path: path}))
					}
				}
			}
			if v.DefaultPrice == nil && v.DefaultCosts == nil {
				t.Errorf("%s has quotas, but no price for unknown endpoints", name)
			}
		}
	}
}

// probes are queries that take prices through their conditions.
var probes = []string{
	"", "symbol=X", "limit=1", "limit=100", "limit=500", "limit=1000", "limit=5000", "limit=99999999999999999999", "limit=-1",
	"symbols=%5B%22A%22%2C%22B%22%5D", "symbols=" + strings.Repeat("A,", 400) + "A", "orderId=1", "pair=X", "type=x&category=spot",
}

func prefixes(v *exauth.Venue) []string {
	var all []string
	for _, h := range v.Hosts {
		all = append(all, h.Prefix)
	}
	for _, r := range v.Routes {
		if i := strings.Index(r.Path[1:], "/"); i > 0 && !slices.Contains(all, r.Path[:i+2]) {
			all = append(all, r.Path[:i+2])
		}
	}
	return all
}

func soundQuotas(t *testing.T, where string, quotas []exauth.Quota) {
	t.Helper()
	seen := map[string]bool{}
	for _, q := range quotas {
		if q.Name == "" || seen[q.Name] || q.Limit <= 0 || strings.Contains(q.Name, " ") {
			t.Errorf("%s: quota %+v", where, q)
		}
		seen[q.Name] = true
		windowed := q.Kind == exauth.FixedWindow || q.Kind == exauth.AnchoredWindow || q.Kind == exauth.SlidingWindow
		if windowed != (q.Window > 0) || (q.Kind == exauth.DecayCounter || q.Kind == exauth.TokenBucket) != (q.Refill > 0) {
			t.Errorf("%s: quota %+v: window or refill", where, q)
		}
		for _, h := range []string{q.UsedHeader, q.RemainingHeader, q.ResetHeader, q.TimeHeader} {
			if h != textproto.CanonicalMIMEHeaderKey(h) {
				t.Errorf("%s: quota %s: header %q is not canonical", where, q.Name, h)
			}
		}
	}
}

func fitter(t *testing.T, where string, quotas []exauth.Quota) func(string, []exauth.Cost) {
	byName := map[string]exauth.Quota{}
	for _, q := range quotas {
		byName[q.Name] = q
	}
	return func(call string, costs []exauth.Cost) {
		t.Helper()
		for _, c := range costs {
			q, ok := byName[c.Quota]
			perItem := q.Per == exauth.PerEndpoint || q.Per == exauth.PerSymbol
			switch {
			case !ok:
				t.Errorf("%s: %s costs %d of %q, which is no quota", where, call, c.N, c.Quota)
			case c.N <= 0 || c.N > q.Limit: // a limiter refuses both
				t.Errorf("%s: %s costs %d of %s, whose limit is %d", where, call, c.N, c.Quota, q.Limit)
			case c.Item != "" && !perItem:
				t.Errorf("%s: %s names an item of %s, which has none", where, call, c.Quota)
			}
		}
	}
}

// Plans keep the names, so that costs fit whatever plan is chosen.
func TestPlansKeepNames(t *testing.T) {
	names := func(quotas []exauth.Quota) (all []string) {
		for _, q := range quotas {
			all = append(all, q.Name)
		}
		slices.Sort(all)
		return all
	}
	for _, name := range venue.Names() {
		v, _ := venue.ByName(name)
		if len(v.Plans) > 0 && v.Plans[v.Tier] == nil {
			t.Errorf("%s: its default tier %q is no plan", name, v.Tier)
		}
		for plan, quotas := range v.Plans {
			if !slices.Equal(names(quotas), names(v.Quotas)) {
				t.Errorf("%s: plan %s has %v, the venue %v", name, plan, names(quotas), names(v.Quotas))
			}
			if p, err := v.Plan(plan); err != nil || p.Tier != plan {
				t.Errorf("%s: plan %s: %v", name, plan, err)
			}
		}
	}
}

func limitsOf(quotas []exauth.Quota) map[string]int {
	limits := map[string]int{}
	for _, q := range quotas {
		limits[q.Name] = q.Limit
	}
	return limits
}

// The library's own limiter takes what every route of every venue costs: no cost is
// refused as nonsense, and no quota is unknown to it.
func TestLimiterTakesCosts(t *testing.T) {
	for _, name := range venue.Names() {
		v, _ := venue.ByName(name)
		l := exauth.NewLimiter(v, &exauth.LimiterOptions{Off: true, Report: func(r exauth.Report) {
			if r.Kind == exauth.ReportUnknownQuota {
				t.Errorf("%s: quota %q is unknown to the limiter", name, r.Quota)
			}
		}})
		take := func(call string, costs []exauth.Cost) {
			lease, err := l.Wait(t.Context(), exauth.Demand{Costs: costs, Priority: exauth.PriorityCancel})
			if err != nil {
				t.Errorf("%s: %s: %v", name, call, err)
			}
			lease.Settle(exauth.Observation{})
		}
		for _, r := range v.Routes {
			take(r.Method+" "+r.Path, r.Costs)
			if r.Price != nil {
				take(r.Method+" "+r.Path, r.Price(&exauth.Request{Method: r.Method, Path: r.Path}))
			}
		}
		if v.DefaultPrice != nil {
			take("the default", v.DefaultPrice(&exauth.Request{Method: "POST", Path: "/new"}))
		}
		take("the default", v.DefaultCosts)
	}
}
