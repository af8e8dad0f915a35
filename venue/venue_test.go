package venue_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// every runs f for each venue and environment there is, as a subtest of its name.
func every(t *testing.T, f func(t *testing.T, name string, v *exauth.Venue)) {
	t.Helper()
	names := venue.Names()
	if len(names) == 0 {
		t.Fatal("no venues")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			v, ok := venue.ByName(name)
			if !ok {
				t.Fatalf("Names lists %q, ByName does not know it", name)
			}
			f(t, name, v)
		})
	}
}

func TestNames(t *testing.T) {
	names := venue.Names()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names are not sorted or not unique: %q", names)
	}
	for _, name := range []string{"", "nowhere", "binance:", "Binance", "binance:production"} {
		if v, ok := venue.ByName(name); ok || v != nil {
			t.Errorf("ByName(%q) found %v", name, v)
		}
	}
	every(t, func(t *testing.T, name string, v *exauth.Venue) {
		base, environment, _ := strings.Cut(name, ":")
		if v.Name != base || v.Environment != environment {
			t.Errorf("venue %q in environment %q", v.Name, v.Environment)
		}
		v.BaseURL, v.Reserved = "https://changed.example", nil
		if len(v.Routes) > 0 {
			v.Routes[0].Scope = 0
		}
		again, _ := venue.ByName(name)
		if again.BaseURL == v.BaseURL || len(again.Routes) > 0 && again.Routes[0].Scope == 0 {
			t.Error("a caller's change shows in the next value")
		}
	})
}

// A venue is complete, and New takes it with a key of its kind. (A key that does not
// fit is each venue's own test.)
func TestEveryVenueMakesAClient(t *testing.T) {
	every(t, func(t *testing.T, _ string, v *exauth.Venue) {
		if v.Scheme == nil || v.Style == nil || v.Answer == nil || v.Probe.Path == "" && !keyless(v) || len(v.Routes) == 0 {
			t.Error("Scheme, Style, Answer, Probe or Routes is missing")
		}
		if v.Clock.Path != "" && v.Clock.Parse == nil {
			t.Error("a clock without a parser")
		}
		if len(v.Algorithms) > 0 && v.Signer == nil && !slices.ContainsFunc(v.Algorithms, func(a exauth.Algorithm) bool { return a > exauth.HMACSHA512 }) {
			t.Error("takes secrets, but has no Signer for them")
		}
		if v.MaxRecvWindow > 0 && v.RecvWindow > v.MaxRecvWindow {
			t.Error("the default receive window is larger than the largest")
		}
		for what, page := range map[string]string{"Docs": v.Docs, "KeyPage": v.KeyPage} {
			if u, err := url.Parse(page); err != nil || u.Scheme != "https" || u.Host == "" {
				t.Errorf("%s is no page: %q", what, page)
			}
		}
		c := fakeClient(t, v, allScopes, &canned{status: http.StatusOK, body: "{}"})
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, err := exauth.New(v, nil, nil); err != nil {
			t.Errorf("without keys: %v", err)
		}
	})
}

// A test environment is another place than production, or says so in a header.
func TestEnvironmentsAreApart(t *testing.T) {
	every(t, func(t *testing.T, name string, v *exauth.Venue) {
		base, environment, _ := strings.Cut(name, ":")
		if environment == "" {
			return
		}
		prod, ok := venue.ByName(base)
		if !ok {
			t.Fatalf("no production venue %q", base)
		}
		if len(v.Header) > 0 {
			return // the header is the switch; TestOwnHeadersAndNames sees that it cannot be set
		}
		places := []string{prod.BaseURL}
		for _, h := range prod.Hosts {
			places = append(places, h.URL)
		}
		for _, h := range append([]exauth.Host{{URL: v.BaseURL}}, v.Hosts...) {
			if slices.Contains(places, h.URL) {
				t.Errorf("%s is production's", h.URL)
			}
		}
		// A key of one must not sign for the other (K9).
		for _, pair := range [][2]*exauth.Venue{{v, prod}, {prod, v}} {
			label := pair[0].Environment
			if label == "" {
				label = "production"
			}
			if _, err := exauth.New(pair[1], fakeKey(t, v).For(v.Name, label, ""), nil); !errors.Is(err, exauth.ErrEnvironment) {
				t.Errorf("a key for %s was taken for %q: %v", label, pair[1].Environment, err)
			}
		}
	})
}

// The probe is a signed read that a read-only client may send; the clock is public:
// a client without keys may ask for it.
func TestProbeReadsAndClockIsPublic(t *testing.T) {
	every(t, func(t *testing.T, _ string, v *exauth.Venue) {
		if keyless(v) { // no key to probe, no clock to sign by
			if v.Probe.Path != "" || v.Clock.Path != "" {
				t.Error("no route takes a key, and yet there is a probe or a clock")
			}
			return
		}
		rt := &canned{status: http.StatusOK, body: "{}"}
		_, err := fakeClient(t, v, exauth.ScopeRead, rt).Do(t.Context(), v.Probe)
		if len(rt.got) != 1 {
			t.Fatalf("probe: %d requests, %v", len(rt.got), err)
		}
		bare, err := exauth.New(v, nil, &exauth.Options{NoRetry: true, HTTPClient: &http.Client{Transport: rt}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bare.Do(t.Context(), v.Probe); !errors.Is(err, exauth.ErrNoKey) || len(rt.got) != 1 {
			t.Errorf("probe without a key: %v", err)
		}
		if v.Clock.Path == "" {
			return
		}
		rt.got = nil
		if _, err := bare.Do(t.Context(), exauth.Call{Path: v.Clock.Path}); len(rt.got) != 1 {
			t.Fatalf("clock: %d requests, %v", len(rt.got), err)
		}
		for _, name := range v.AuthHeaders {
			if got := rt.got[0].Header.Get(name); got != "" && !ownHeader(v, name) {
				t.Errorf("the public clock call carries %s", name)
			}
		}
	})
}

// keyless reports whether no route of v takes a key: CoinPaprika's free plan.
func keyless(v *exauth.Venue) bool {
	return !slices.ContainsFunc(v.Routes, func(r exauth.Route) bool { return r.Auth != exauth.AuthNone })
}

// ownHeader reports whether name switches the environment: that goes on every call.
func ownHeader(v *exauth.Venue, name string) bool {
	return slices.ContainsFunc(v.Header, func(h [2]string) bool { return strings.EqualFold(h[0], name) })
}

// Nobody passes what the scheme or the environment writes, in any spelling (S5).
func TestOwnHeadersAndNames(t *testing.T) {
	every(t, func(t *testing.T, _ string, v *exauth.Venue) {
		rt := &canned{status: http.StatusOK, body: "{}"}
		c := fakeClient(t, v, allScopes, rt)
		refused := func(what string, call exauth.Call) {
			t.Helper()
			if _, err := c.Do(t.Context(), call); !errors.Is(err, exauth.ErrParam) || len(rt.got) != 0 {
				t.Errorf("%s: %v, %d requests", what, err, len(rt.got))
			}
			rt.got = nil
		}
		headers := slices.Clone(v.AuthHeaders)
		for _, h := range v.Header {
			headers = append(headers, h[0])
		}
		if len(headers)+len(v.Reserved) == 0 {
			t.Error("the scheme owns no header and no parameter")
		}
		for _, name := range append(headers, "Host", "Authorization", "X-HTTP-Method-Override") {
			for _, spelt := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
				call := v.Probe
				call.Header = http.Header{spelt: {"x"}}
				refused("header "+spelt, call)
				req := mustRequest(t, "GET", v.BaseURL+"/", "")
				req.Header[spelt] = []string{"x"}
				if _, err := c.Transport().RoundTrip(req); !errors.Is(err, exauth.ErrParam) || len(rt.got) != 0 {
					t.Errorf("header %s through Transport: %v, %d requests", spelt, err, len(rt.got))
				}
				rt.got = nil
			}
		}
		for _, name := range v.Reserved {
			for _, spelt := range []string{name, strings.ToUpper(name)} {
				param := exauth.Params{{Name: spelt, Value: "x"}}
				for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
					refused(method+" with "+spelt, exauth.Call{Method: method, Path: v.Probe.Path, Params: param})
					refused(method+" with query "+spelt, exauth.Call{Method: method, Path: v.Probe.Path, Query: param})
					refused(method+" with values "+spelt, exauth.Call{Method: method, Path: v.Probe.Path, Params: url.Values{spelt: {"x"}}})
				}
			}
			for _, r := range v.Routes {
				if strings.EqualFold(r.ClientID, name) {
					t.Errorf("%s is reserved and the client order id of %s", name, r.Path)
				}
			}
		}
	})
}

// At moves every origin, and nothing else is reachable afterwards.
func TestAtMovesEveryOrigin(t *testing.T) {
	every(t, func(t *testing.T, _ string, v *exauth.Venue) {
		const there = "http://127.0.0.1:8089"
		rt := &canned{status: http.StatusOK, body: "{}"}
		here := fakeClient(t, v, allScopes, rt)
		moved := fakeClient(t, v.At(there+"/"), allScopes, rt)
		for _, h := range append([]exauth.Host{{Prefix: "/", URL: v.BaseURL}}, v.Hosts...) {
			rt.got = nil
			path := strings.TrimSuffix(h.Prefix, "/") + "/some/path"
			if _, err := moved.Do(t.Context(), exauth.Call{Path: path, Auth: exauth.AuthNone}); len(rt.got) != 1 {
				t.Errorf("%s: %d requests, %v", path, len(rt.got), err)
				continue
			}
			if got := rt.got[0].URL.String(); got != there+path {
				t.Errorf("%s went to %s", path, got)
			}
			if _, err := moved.Do(t.Context(), exauth.Call{Path: h.URL + path, Auth: exauth.AuthNone}); !errors.Is(err, exauth.ErrHost) {
				t.Errorf("%s after the move: %v, want ErrHost", h.URL, err)
			}
			rt.got = nil
			if _, err := here.Do(t.Context(), exauth.Call{Path: h.URL + path, Auth: exauth.AuthNone}); len(rt.got) != 1 {
				t.Errorf("%s before the move: %d requests, %v", h.URL, len(rt.got), err)
			} else if u, _ := url.Parse(h.URL); rt.got[0].URL.Host != u.Host {
				t.Errorf("%s went to %s", h.URL, rt.got[0].URL.Host)
			}
		}
	})
}

// GETReads says that no GET of the venue changes anything, the unknown ones
// included; so its table may not know one that does. Elsewhere an unknown GET needs
// ScopeTrade, as unknown calls of every other method do everywhere.
func TestGETReads(t *testing.T) {
	every(t, func(t *testing.T, _ string, v *exauth.Venue) {
		for _, r := range v.Routes {
			if v.GETReads && r.Method == "GET" && r.Scope != exauth.ScopeRead {
				t.Errorf("GETReads, but GET %s needs %v", r.Path, r.Scope)
			}
		}
		rt := &canned{status: http.StatusOK, body: "{}"}
		c := fakeClient(t, v, exauth.ScopeRead, rt)
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
			rt.got = nil
			_, err := c.Do(t.Context(), exauth.Call{Method: method, Path: "/nobody/knows/this", Auth: exauth.AuthSigned})
			switch refused := errors.Is(err, exauth.ErrScope); {
			case method == "GET" && v.GETReads:
				if refused { // its scheme may still say that it signs no GETs
					t.Errorf("unknown GET with a read-only client: %v", err)
				}
			case !refused || len(rt.got) != 0:
				t.Errorf("unknown %s with a read-only client: %d requests, %v", method, len(rt.got), err)
			}
		}
	})
}

// The table is sane: every line has a scope and a method, reads neither cancel nor
// carry a client order id, and what needs no key only reads.
func TestRouteTables(t *testing.T) {
	every(t, func(t *testing.T, _ string, v *exauth.Venue) {
		seen := map[string]exauth.Scope{}
		for _, r := range v.Routes {
			line := r.Method + " " + r.Path + " " + r.Match
			read := r.Scope == exauth.ScopeRead
			switch {
			case r.Scope == 0:
				t.Errorf("%s has no scope", line)
			case !strings.HasPrefix(r.Path, "/") || r.Method != strings.ToUpper(r.Method):
				t.Errorf("%s is no route", line)
			case read && (r.ClientID != "" || r.Priority == exauth.PriorityCancel):
				t.Errorf("%s reads, and yet places or cancels", line)
			case r.Auth == exauth.AuthNone && !read:
				t.Errorf("%s writes without a key", line)
			}
			if other, twice := seen[line]; twice && other != r.Scope {
				t.Errorf("%s is listed twice, as %v and %v", line, other, r.Scope)
			}
			seen[line] = r.Scope
		}
	})
}
