package exauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// noted is a Limiter that grants everything and keeps what it was asked and told.
type noted struct {
	demands []exauth.Demand
	told    []exauth.Observation
	set     []exauth.Quota
	refuse  error
}

func (n *noted) Wait(_ context.Context, d exauth.Demand) (exauth.Lease, error) {
	n.demands = append(n.demands, d)
	if n.refuse != nil {
		return exauth.Lease{}, n.refuse
	}
	return exauth.NewLease(n, uint64(len(n.demands))), nil
}

func (n *noted) Settle(_ uint64, o exauth.Observation) { n.told = append(n.told, o) }

// setter is one that takes other limits too.
type setter struct{ noted }

func (s *setter) SetQuotas(q []exauth.Quota) { s.set = q }

// answering is a transport that says "{}" to everything.
type answering struct{}

func (answering) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: req}, nil
}

func pricedVenue() *exauth.Venue {
	v := headerVenue("https://tiny.example")
	v.Routes = append(v.Routes,
		exauth.Route{Method: "GET", Path: "/fixed", Scope: exauth.ScopeRead, Costs: []exauth.Cost{{Quota: "weight", N: 7}}},
		exauth.Route{Method: "GET", Path: "/free", Scope: exauth.ScopeRead, Costs: []exauth.Cost{}},
		exauth.Route{Method: "GET", Path: "/priced", Scope: exauth.ScopeRead, Price: func(r *exauth.Request) []exauth.Cost {
			if strings.Contains(r.Query, "all=") {
				return []exauth.Cost{{Quota: "weight", N: 80}}
			}
			return nil // no word: the default
		}})
	v.Quotas = []exauth.Quota{{Name: "weight", Limit: 100, Window: time.Minute}}
	v.DefaultCosts = []exauth.Cost{{Quota: "weight", N: 1}}
	return v
}

func client(t *testing.T, v *exauth.Venue, o *exauth.Options) *exauth.Client {
	t.Helper()
	o.HTTPClient = &http.Client{Transport: answering{}}
	o.Now = func() time.Time { return time.Unix(1768480496, 0) }
	c, err := exauth.New(v, tinyKey(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatACallCosts(t *testing.T) {
	weight := func(n int) []exauth.Cost { return []exauth.Cost{{Quota: "weight", N: n}} }
	for _, tt := range []struct {
		name     string
		call     exauth.Call
		venue    func(v *exauth.Venue)
		want     []exauth.Cost
		unlisted bool
	}{
		{name: "the route's", call: exauth.Call{Path: "/fixed"}, want: weight(7)},
		{name: "the caller's word goes first", call: exauth.Call{Path: "/fixed", Costs: weight(2)}, want: weight(2)},
		{name: "the caller says nothing", call: exauth.Call{Path: "/fixed", Costs: []exauth.Cost{}}, want: []exauth.Cost{}},
		{name: "a free route", call: exauth.Call{Path: "/free"}, want: []exauth.Cost{}},
		{name: "by parameter", call: exauth.Call{Path: "/priced", Params: exauth.Params{{Name: "all", Value: "1"}}}, want: weight(80)},
		{name: "a price that says nothing", call: exauth.Call{Path: "/priced"}, want: weight(1), unlisted: true},
		{name: "listed without a price", call: exauth.Call{Path: "/public"}, want: weight(1), unlisted: true},
		{name: "not listed", call: exauth.Call{Path: "/other"}, want: weight(1), unlisted: true},
		{name: "not listed, with a price", call: exauth.Call{Path: "/other", Costs: weight(3)}, want: weight(3), unlisted: true},
		{name: "default by parameter", call: exauth.Call{Path: "/other"}, want: weight(5), unlisted: true, venue: func(v *exauth.Venue) {
			v.DefaultPrice = func(*exauth.Request) []exauth.Cost { return weight(5) }
		}},
		{name: "no default", call: exauth.Call{Path: "/public"}, venue: func(v *exauth.Venue) { v.DefaultCosts = nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := pricedVenue()
			if tt.venue != nil {
				tt.venue(v)
			}
			var seen exauth.Attempt
			l := new(noted)
			c := client(t, v, &exauth.Options{Limiter: l, Observer: func(a exauth.Attempt) { seen = a }})
			if _, err := c.Do(t.Context(), tt.call); err != nil {
				t.Fatal(err)
			}
			if got := l.demands[0].Costs; !slices.Equal(got, tt.want) || (got == nil) != (tt.want == nil) {
				t.Errorf("demanded %v, want %v", got, tt.want)
			}
			if seen.Unlisted != tt.unlisted {
				t.Errorf("Unlisted %v, want %v", seen.Unlisted, tt.unlisted)
			}
		})
	}
}

func TestLoadLimits(t *testing.T) {
	good := []exauth.Quota{{Name: "weight", Limit: 250, Window: time.Minute}}
	fault := errors.New("no")
	for _, tt := range []struct {
		name   string
		limits func(context.Context, *exauth.Client) ([]exauth.Quota, error)
		want   []exauth.Quota
		err    error
	}{
		{name: "cannot be asked", want: pricedVenue().Quotas},
		{name: "asked", limits: says(good, nil), want: good},
		{name: "fails", limits: says(good, fault), err: fault},
		{name: "no name", limits: says([]exauth.Quota{{Limit: 1, Window: 1}}, nil), err: exauth.ErrParam},
		{name: "twice", limits: says(slices.Concat(good, good), nil), err: exauth.ErrParam},
		{name: "no limit", limits: says([]exauth.Quota{{Name: "w", Window: 1}}, nil), err: exauth.ErrParam},
		{name: "negative", limits: says([]exauth.Quota{{Name: "w", Limit: -5, Window: 1}}, nil), err: exauth.ErrParam},
		{name: "huge", limits: says([]exauth.Quota{{Name: "w", Limit: 2_000_000_000, Window: 1}}, nil), err: exauth.ErrParam},
		{name: "no window", limits: says([]exauth.Quota{{Name: "w", Limit: 1}}, nil), err: exauth.ErrParam},
		{name: "no refill", limits: says([]exauth.Quota{{Name: "w", Limit: 1, Kind: exauth.TokenBucket}}, nil), err: exauth.ErrParam},
		{name: "concurrency has no window", limits: says([]exauth.Quota{{Name: "w", Limit: 1, Kind: exauth.Concurrency}}, nil),
			want: []exauth.Quota{{Name: "w", Limit: 1, Kind: exauth.Concurrency}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := pricedVenue()
			v.Limits = tt.limits
			l := new(setter)
			got, err := client(t, v, &exauth.Options{Limiter: l}).LoadLimits(t.Context())
			if !errors.Is(err, tt.err) || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %v; want %v, %v", got, err, tt.want, tt.err)
			}
			var given []exauth.Quota // to the limiter: what was asked for and is sound
			if tt.limits != nil && tt.err == nil {
				given = tt.want
			}
			if !slices.Equal(l.set, given) {
				t.Errorf("the limiter was given %v, want %v", l.set, given)
			}
		})
	}
}

func says(q []exauth.Quota, err error) func(context.Context, *exauth.Client) ([]exauth.Quota, error) {
	return func(context.Context, *exauth.Client) ([]exauth.Quota, error) { return q, err }
}

// Check loads the limits for a limiter that takes them, and for no other.
func TestCheckLoadsLimits(t *testing.T) {
	asked := 0
	v := pricedVenue()
	v.Limits = func(context.Context, *exauth.Client) ([]exauth.Quota, error) { asked++; return v.Quotas, nil }
	if err := client(t, v, &exauth.Options{Limiter: new(noted)}).Check(t.Context()); err != nil || asked != 0 {
		t.Errorf("without a setter: %v, asked %d times", err, asked)
	}
	l := new(setter)
	if err := client(t, v, &exauth.Options{Limiter: l}).Check(t.Context()); err != nil || asked != 1 || l.set == nil {
		t.Errorf("with a setter: %v, asked %d times, set %v", err, asked, l.set)
	}
}

// A key that may not ask for limits works all the same; limits that make no sense,
// and a venue that cannot be reached, are faults.
func TestCheckWithoutLimits(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		fault bool
	}{
		{"may not ask", &exauth.Error{Kind: exauth.ErrPermission}, false},
		{"no such endpoint", &exauth.Error{Kind: exauth.ErrRejected, Status: 404}, false},
		{"not reached", &exauth.Error{Kind: exauth.ErrUnavailable}, true},
		{"nonsense", exauth.ErrParam, true},
	} {
		v := pricedVenue()
		v.Limits = says(nil, tt.err)
		if err := client(t, v, &exauth.Options{Limiter: new(setter)}).Check(t.Context()); (err != nil) != tt.fault || tt.fault && !errors.Is(err, tt.err) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// The plan whose quotas refused a call is named, since it may not be the account's.
func TestPlanIsNamed(t *testing.T) {
	v := pricedVenue()
	v.Plans = map[string][]exauth.Quota{"pro": {{Name: "weight", Limit: 500, Window: time.Minute}}}
	if _, err := v.Plan("gold"); !errors.Is(err, exauth.ErrParam) || !strings.Contains(err.Error(), "pro") {
		t.Errorf("an unknown plan: %v", err)
	}
	pro, err := v.Plan("pro")
	if err != nil || pro.Tier != "pro" || pro.Quotas[0].Limit != 500 || v.Tier != "" || v.Quotas[0].Limit != 100 {
		t.Fatalf("plan pro: %+v, %v; the original: %+v", pro, err, v)
	}
	for _, tt := range []struct {
		name   string
		refuse error
	}{
		{"of the limiter", &exauth.Error{Kind: exauth.ErrRateLimited, Message: "full", RetryAfter: time.Second}},
		{"of its deadline", context.DeadlineExceeded},
	} {
		_, err := client(t, pro, &exauth.Options{Limiter: &noted{refuse: tt.refuse}}).Do(t.Context(), exauth.Call{Path: "/fixed"})
		if !errors.Is(err, exauth.ErrRateLimited) || !strings.Contains(err.Error(), "plan pro") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	var e *exauth.Error
	_, err = client(t, pro, &exauth.Options{Limiter: &noted{refuse: exauth.ErrBanned}}).Do(t.Context(), exauth.Call{Path: "/fixed"})
	if !errors.As(err, &e) || strings.Contains(err.Error(), "plan") {
		t.Errorf("a ban is no question of the plan: %v", err)
	}
}
