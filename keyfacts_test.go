package exauth_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
)

func day(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n) }

// TestKeyFacts: what a keys file says of a key is known, and how long it may serve.
func TestKeyFacts(t *testing.T) {
	src := exauth.FileKey(write(t, filepath.Join(t.TempDir(), "keys.json"), keysFile))
	got := must(src.Key(bg, exauth.Need{Venue: "okx", Account: "main", Scope: exauth.ScopeTradeSpot}))(t).Facts()
	want := exauth.KeyFacts{
		Fingerprint: got.Fingerprint, Name: "okx main", Purpose: "bot", Venue: "okx", Environment: "production", Account: "main",
		Scope:   exauth.ScopeRead | exauth.ScopeTradeSpot,
		IPs:     []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("2001:db8::/32")},
		Created: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), RotateAfter: time.Date(2027, 2, 21, 0, 0, 0, 0, time.UTC),
		Expires: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(got.Fingerprint) != 16 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	key := exauth.NewSecretKey("id", "secret-of-id").For("acme", "", "")
	for _, c := range []struct {
		scope exauth.Scope
		days  int
	}{
		{exauth.ScopeRead, 90}, {exauth.ScopeRead | exauth.ScopeTradeSpot, 60}, {exauth.ScopeTransfer, 60},
		{exauth.ScopeWithdraw, 30}, {exauth.ScopeRead | exauth.ScopeAccount, 30}, {0, 30},
	} {
		k := key
		if c.scope != 0 {
			k = key.Restrict(c.scope)
		}
		if got := k.WithFacts(exauth.KeyFacts{Created: day(0)}).Facts().RotateAfter; !got.Equal(day(c.days)) {
			t.Errorf("%s: rotate after %s, want %d days", c.scope, got, c.days)
		}
		if own := k.WithFacts(exauth.KeyFacts{Created: day(0), RotateAfter: day(7)}).Facts().RotateAfter; !own.Equal(day(7)) {
			t.Errorf("%s: the owner's date gave way to %s", c.scope, own)
		}
	}
	if f := key.Facts(); !f.RotateAfter.IsZero() || !f.LastUsed.IsZero() {
		t.Errorf("a key of unknown age: %+v", f)
	}
	later := key.WithFacts(exauth.KeyFacts{LastUsed: day(5)})
	if !key.Facts().LastUsed.Equal(day(5)) || !later.WithFacts(exauth.KeyFacts{LastUsed: day(3)}).Facts().LastUsed.Equal(day(5)) {
		t.Error("the last use is that of all copies, and never goes back")
	}
	ips := []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
	k := key.WithFacts(exauth.KeyFacts{IPs: ips})
	ips[0] = netip.Prefix{}
	k.Facts().IPs[0] = netip.Prefix{}
	if k.Facts().IPs[0] != netip.MustParsePrefix("192.0.2.1/32") {
		t.Error("the key shares its list with its caller")
	}
}

// TestKeyWarnings: each on its day, not on the day before.
func TestKeyWarnings(t *testing.T) {
	venue := &exauth.Venue{Name: "acme", KeyPage: "https://acme.example/keys", IdleKeys: 30 * 24 * time.Hour}
	listed := []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
	for _, c := range []struct {
		name  string
		facts exauth.KeyFacts
		from  int // the first day it is said; the day before it is not
		kind  exauth.KeyWarningKind
		says  string
	}{
		{"rotation", exauth.KeyFacts{RotateAfter: day(90)}, 90, exauth.KeyRotationDue, "https://acme.example/keys"},
		{"expires", exauth.KeyFacts{Expires: day(100)}, 86, exauth.KeyExpiring, "before that day"},
		{"expired", exauth.KeyFacts{Expires: day(100)}, 100, exauth.KeyExpired, "no new orders"},
		{"idle", exauth.KeyFacts{LastUsed: day(1), IPs: listed}, 31, exauth.KeyIdle, "not used for 30 days; if nobody needs it, revoke it"},
		{"deleted soon", exauth.KeyFacts{LastUsed: day(1)}, 26, exauth.KeyDeletion, "after 30 days without a call"},
	} {
		has := func(at time.Time) (w exauth.KeyWarning, ok bool) {
			for _, w := range c.facts.Warnings(venue, at) {
				if w.Kind == c.kind {
					return w, true
				}
			}
			return w, false
		}
		if _, early := has(day(c.from).Add(-time.Second)); early {
			t.Errorf("%s: said a second early", c.name)
		}
		if w, ok := has(day(c.from)); !ok || !strings.Contains(w.String(), c.says) || !strings.Contains(w.String(), w.Kind.String()) {
			t.Errorf("%s: %v on its day", c.name, w)
		}
	}
	old := exauth.KeyFacts{LastUsed: day(0)}
	for name, v := range map[string]*exauth.Venue{"no venue": nil, "a venue that deletes none": {Name: "acme"}} {
		if ws := old.Warnings(v, day(40)); len(ws) != 1 || ws[0].Kind != exauth.KeyIdle {
			t.Errorf("%s: %v", name, ws)
		}
	}
	if ws := (exauth.KeyFacts{}).Warnings(venue, day(40)); len(ws) != 0 {
		t.Errorf("nothing is known, and %v is said", ws)
	}
	if exauth.KeyWarningKind(99).String() != "unknown" {
		t.Error("a kind of the future")
	}
}

// TestClientWarns: the hook and the log hear of every key of the ring, once a day, and
// the idle ones are seen while others are used.
func TestClientWarns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := headerVenue("http://127.0.0.1:1")
		v.IdleKeys = 30 * 24 * time.Hour
		key := func(id string, scope exauth.Scope, f exauth.KeyFacts) *exauth.Key {
			f.Name = id
			return exauth.NewSecretKey(id, "secret-of-"+id).For("tiny", "", "").Restrict(scope).WithFacts(f)
		}
		now := time.Now()
		ring := must(exauth.NewKeyRing(
			key("reads", exauth.ScopeRead, exauth.KeyFacts{Created: now.AddDate(0, 0, -80)}),
			key("trades", exauth.ScopeRead|exauth.ScopeTradeSpot, exauth.KeyFacts{Expires: now.AddDate(0, 0, 20)}),
			exauth.NewSecretKey("foreign", "secret").For("other", "", "").WithFacts(exauth.KeyFacts{Expires: now}),
		))(t)
		var told []exauth.KeyWarning
		var logs bytes.Buffer
		c := must(exauth.New(v, ring, &exauth.Options{
			HTTPClient: stubClient(`{}`), Logger: slog.New(slog.NewTextHandler(&logs, nil)),
			KeyWarning: func(w exauth.KeyWarning) { told = append(told, w) },
		}))(t)
		defer c.Close()
		seen := map[int][]string{}
		for d := range 40 {
			told = nil
			for range 48 {
				if _, err := c.Do(bg, exauth.Call{Path: "/x"}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(30 * time.Minute)
			}
			for _, w := range told {
				seen[d] = append(seen[d], w.Name+": "+w.Kind.String())
			}
		}
		for d, want := range map[int]string{
			0: "[]", 5: "[]", 6: "[trades: expires soon]", 10: "[reads: rotation due trades: expires soon]", 19: "[reads: rotation due trades: expires soon]",
			20: "[reads: rotation due trades: expired]", 25: "[reads: rotation due trades: expired trades: deletion near]",
			30: "[reads: rotation due trades: expired trades: deletion near trades: idle]",
		} {
			if got := fmt.Sprint(seen[d]); got != want {
				t.Errorf("day %d: %s, want %s", d, got, want)
			}
		}
		if text := logs.String(); strings.Count(text, "exauth key") != len(flat(seen)) || strings.Contains(text, "foreign") || strings.Contains(text, "secret-of") {
			t.Errorf("%d lines for %d warnings:\n%.500s", strings.Count(text, "exauth key"), len(flat(seen)), text)
		}
		// Expired by its owner's word: no new orders, but reads and cancels (O7).
		if _, err := c.Do(bg, exauth.Call{Method: "POST", Path: "/order"}); !errors.Is(err, exauth.ErrKeyExpired) {
			t.Errorf("an order with an expired key: %v", err)
		}
		if _, err := c.Do(bg, exauth.Call{Method: "DELETE", Path: "/order"}); err != nil {
			t.Errorf("a cancel with an expired key: %v", err)
		}
		if used := ring.Keys()[0].LastUsed; time.Since(used) > time.Hour {
			t.Errorf("last used %s ago", time.Since(used))
		}
	})
}

func flat(m map[int][]string) (all []string) {
	for _, list := range m {
		all = append(all, list...)
	}
	return all
}

// stubClient answers everything with body, without a socket.
func stubClient(body string) *http.Client {
	return &http.Client{Transport: stubTrip(func(*http.Request) (*http.Response, error) { return reply(200, body), nil })}
}
