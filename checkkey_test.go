package exauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// asked is a client whose venue says of its key what report says.
func asked(t *testing.T, key *exauth.Key, o *exauth.Options, report exauth.KeyReport) (*exauth.Client, *recorder) {
	t.Helper()
	srv := record(t, func(w http.ResponseWriter, a arrival, _ int) {
		if strings.HasPrefix(a.uri, "/time") {
			fmt.Fprintf(w, `{"time":%d}`, time.Now().Add(-90*time.Second).UnixMilli())
			return
		}
		io.WriteString(w, `{}`)
	})
	v := headerVenue(srv.URL)
	v.KeyPage, v.IdleKeys = "https://tiny.example/keys", 30*24*time.Hour
	v.Clock = exauth.Clock{Path: "/time", Parse: func(r *exauth.Response) (time.Time, error) {
		var at struct{ Time int64 }
		err := json.Unmarshal(r.Body, &at)
		return time.UnixMilli(at.Time), err
	}}
	v.KeyCheck = exauth.KeyCheck{Call: exauth.Call{Path: "/key"}, Parse: func(_ *exauth.Response, id string) (exauth.KeyReport, error) {
		if id != tinyID {
			return exauth.KeyReport{}, errors.New("another key was asked about")
		}
		return report, nil
	}}
	c := must(exauth.New(v, key, o))(t)
	t.Cleanup(func() { c.Close() })
	return c, srv
}

// TestCheckKeyAdvice: what is said of a key, the most pressing first.
func TestCheckKeyAdvice(t *testing.T) {
	const read, spot, trade, move, take = exauth.ScopeRead, exauth.ScopeTradeSpot, exauth.ScopeTrade, exauth.ScopeTransfer, exauth.ScopeWithdraw
	now := time.Now()
	listed := []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
	for _, c := range []struct {
		name   string
		key    *exauth.Key
		scope  exauth.Scope // of the client
		report exauth.KeyReport
		want   []string // in this order
		not    string
	}{
		{"withdraws from anywhere", tinyKey(), read | trade, exauth.KeyReport{Can: read | spot | take, Cannot: move, IPList: exauth.No, Created: now.AddDate(0, 0, -40)},
			[]string{"high: the key can withdraw, and from any address", "high: the key can trade-spot from any address", "medium: the key is older", "low: the venue deletes"}, "narrower"},
		{"withdraws, listed", tinyKey(), read, exauth.KeyReport{Can: read | take, Cannot: move | trade, IPList: exauth.Yes}, []string{"high: the key can withdraw, which this client never does"}, "any address"},
		{"withdraws, as it should", tinyKey(), read | take, exauth.KeyReport{Can: read | take, Cannot: move, IPList: exauth.Yes}, nil, "withdraw"},
		{"nothing is known", tinyKey(), read, exauth.KeyReport{}, []string{"low: the venue does not tell whether the key can withdraw"}, "high"},
		{"more than is used", tinyKey(), read, exauth.KeyReport{Can: read | spot | move, Cannot: take, IPList: exauth.Yes}, []string{"medium: the key can trade-spot and transfer, which this client never does"}, "high"},
		{"less than noted", tinyKey().Restrict(read | spot), read | trade, exauth.KeyReport{Can: read, Cannot: trade | take, IPList: exauth.Yes}, []string{"low: the key cannot trade-spot at the venue"}, "high"},
		{"the noted list is not set", tinyKey().WithFacts(exauth.KeyFacts{IPs: listed}), read, exauth.KeyReport{Can: read, Cannot: take, IPList: exauth.No}, []string{"medium: the IP list noted", "low: the key works from any address"}, "high"},
		{"ends soon", tinyKey(), read, exauth.KeyReport{Can: read, Cannot: take, IPList: exauth.Yes, Expires: now.Add(73 * time.Hour)}, []string{"high: the key expires in 3 days"}, ""},
		{"has ended", tinyKey(), read, exauth.KeyReport{Can: read, Cannot: take, IPList: exauth.Yes, Expires: now.Add(-time.Hour)}, []string{"high: the key has expired"}, ""},
		{"past its owner's date", tinyKey().WithFacts(exauth.KeyFacts{RotateAfter: now.AddDate(0, 0, -1)}), read, exauth.KeyReport{Can: read, Cannot: take, IPList: exauth.Yes}, []string{"medium: the key is older than its rotation date"}, ""},
		{"a contradiction", tinyKey(), read, exauth.KeyReport{Can: read | take, Cannot: take, IPList: exauth.Yes}, nil, "withdraw"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, _ := asked(t, c.key, &exauth.Options{Scope: c.scope}, c.report)
			r, err := client.CheckKey(bg, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !r.ClockKnown || r.ClockOffset > -80*time.Second || r.Venue != "tiny" || len(r.Key) != 16 {
				t.Errorf("%+v", r)
			}
			text, risk := "", exauth.RiskHigh
			for _, a := range r.Advice {
				if a.Risk > risk {
					t.Errorf("%v goes after something less pressing", a)
				}
				risk = a.Risk
				text += a.String() + "\n"
			}
			rest := text
			for _, want := range c.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("%q is not, in its turn, in\n%s", want, text)
				}
				rest = after
			}
			if !strings.Contains(text, "this machine's clock is off by 1m30") || c.not != "" && strings.Contains(text, c.not) {
				t.Errorf("%s", text)
			}
		})
	}
}

// TestCheckKeyRequire: what is insisted on, also where the venue says nothing; and that
// nothing is asked before CheckKey is called.
func TestCheckKeyRequire(t *testing.T) {
	may := func(y exauth.YesNo) (r exauth.KeyReport) {
		switch r.IPList = y; y {
		case exauth.Yes:
			r.Can, r.IPList = exauth.ScopeWithdraw, exauth.No
		case exauth.No:
			r.Cannot, r.IPList = exauth.ScopeWithdraw, exauth.Yes
		}
		return r
	}
	for _, c := range []struct {
		require  exauth.Require
		withdraw exauth.YesNo // Yes: it can, and has no list; No: it cannot, and has one
		ok       bool
	}{
		{exauth.Require{}, exauth.Yes, true},
		{exauth.Require{NoWithdraw: true}, exauth.Yes, false},
		{exauth.Require{NoWithdraw: true}, exauth.No, true},
		{exauth.Require{NoWithdraw: true}, exauth.Unknown, true},
		{exauth.Require{NoWithdraw: true, OnUnknown: exauth.RefuseUnknown}, exauth.Unknown, false},
		{exauth.Require{NoWithdraw: true, OnUnknown: exauth.RefuseUnknown}, exauth.No, true},
		{exauth.Require{IPList: true}, exauth.Yes, false},
		{exauth.Require{IPList: true}, exauth.No, true},
		{exauth.Require{IPList: true, OnUnknown: exauth.RefuseUnknown}, exauth.Unknown, false},
		{exauth.Require{OnUnknown: exauth.RefuseUnknown}, exauth.Unknown, true},
	} {
		client, srv := asked(t, tinyKey(), nil, may(c.withdraw))
		if len(srv.arrivals()) != 0 {
			t.Error("asked before it was called")
		}
		r, err := client.CheckKey(bg, &c.require)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, exauth.ErrScope) {
			t.Errorf("%+v, withdraws %s: %v", c.require, c.withdraw, err)
		}
		if r.May(exauth.ScopeWithdraw) != c.withdraw {
			t.Errorf("no report beside the error: %+v", r)
		}
		// It stops nothing afterwards (O7).
		for _, call := range []exauth.Call{anOrder, aCancel, aRead} {
			if _, err := client.Do(bg, call); err != nil {
				t.Errorf("after CheckKey: %v", err)
			}
		}
	}
}

// TestCheckKeyWhich: the key asked about is the one the client uses for the scope, and
// at a venue that cannot be asked nothing is.
func TestCheckKeyWhich(t *testing.T) {
	h := openHouse(t)
	ring := must(exauth.NewKeyRing(
		h.give("reads").Restrict(exauth.ScopeRead).WithFacts(exauth.KeyFacts{Name: "tax"}),
		h.give("trades").Restrict(exauth.ScopeRead|exauth.ScopeTradeSpot).WithFacts(exauth.KeyFacts{Name: "bot"})))(t)
	v := h.venue()
	var ids []string
	v.KeyCheck = exauth.KeyCheck{Call: exauth.Call{Path: "/key"}, Parse: func(_ *exauth.Response, id string) (exauth.KeyReport, error) {
		ids = append(ids, id)
		return exauth.KeyReport{}, nil
	}}
	c := must(exauth.New(v, ring, nil))(t)
	defer c.Close()
	for scope, name := range map[exauth.Scope]string{0: "tax", exauth.ScopeTradeSpot: "bot"} {
		if r, err := c.CheckKey(bg, &exauth.Require{Scope: scope}); err != nil || r.Name != name {
			t.Errorf("%s: %v, %+v", scope, err, r)
		}
	}
	if _, seen := h.counts(); len(ids) != 2 || seen["reads"] != 1 || seen["trades"] != 1 {
		t.Errorf("asked about %v, signed %v", ids, seen)
	}
	if _, err := c.CheckKey(bg, &exauth.Require{Scope: exauth.ScopeWithdraw}); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("no key withdraws: %v", err)
	}
	v.KeyCheck = exauth.KeyCheck{}
	mute := must(exauth.New(v, ring, nil))(t)
	defer mute.Close()
	n := len(h.arrivals())
	if r, err := mute.CheckKey(bg, &exauth.Require{NoWithdraw: true, OnUnknown: exauth.RefuseUnknown}); !errors.Is(err, exauth.ErrScope) || r.May(exauth.ScopeRead) != exauth.Unknown || len(h.arrivals()) != n {
		t.Errorf("a venue that cannot be asked: %v, %+v", err, r)
	}
	v.KeyCheck = exauth.KeyCheck{Call: exauth.Call{Path: "/key"}, Parse: func(*exauth.Response, string) (exauth.KeyReport, error) {
		return exauth.KeyReport{Can: exauth.ScopeWithdraw}, errors.New("half an answer")
	}}
	torn := must(exauth.New(v, ring, nil))(t)
	defer torn.Close()
	if r, err := torn.CheckKey(bg, nil); err == nil || r.Can != 0 {
		t.Errorf("%v, %+v", err, r)
	}
	if fmt.Sprint(exauth.Unknown, exauth.No, exauth.Yes) != "unknown no yes" {
		t.Error("words")
	}
}
