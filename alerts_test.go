package exauth_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// alerting returns an Alerts and what it raised so far, in short.
func alerting(opts *exauth.AlertOptions) (*exauth.Alerts, func() []string) {
	var mu sync.Mutex
	var got []string
	s := exauth.NewAlerts(func(a exauth.Alert) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf("%s %s%s %d/%d", a.Kind, a.Route, a.Symbol, a.Count, a.Of))
	}, opts)
	return s, func() []string {
		mu.Lock()
		defer mu.Unlock()
		list := got
		got = nil
		return list
	}
}

// TestAlerts: each threshold is crossed at its number, and not before.
func TestAlerts(t *testing.T) {
	at := func(d time.Duration, edit func(*exauth.Attempt)) exauth.Attempt {
		a := used(edit)
		a.Time = usageStart.Add(d)
		return a
	}
	failed := func(kind error) func(*exauth.Attempt) {
		return func(a *exauth.Attempt) { a.Outcome, a.Status, a.Err = exauth.OutcomeRejected, 400, usageErr(kind, "") }
	}
	withdraw := func(a *exauth.Attempt) { a.Scope, a.Route, a.Symbols = exauth.ScopeWithdraw, "/w", nil }
	expect := func(t *testing.T, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	t.Run("authentication failures", func(t *testing.T) {
		s, got := alerting(nil)
		s.Observe(at(0, failed(exauth.ErrSignature)))
		s.Observe(at(time.Second, nil))
		s.Observe(at(2*time.Second, failed(exauth.ErrIPNotAllowed)))
		expect(t, got())
		s.Observe(at(3*time.Second, failed(exauth.ErrKey)))
		expect(t, got(), "auth-failures /v1/orders/{id} 3/4")
		for i := range 50 { // told once per window
			s.Observe(at(4*time.Second+time.Duration(i)*time.Second, failed(exauth.ErrPermission)))
			s.Observe(at(4*time.Second+time.Duration(i)*time.Second, nil))
			s.Observe(at(4*time.Second+time.Duration(i)*time.Second, nil))
		}
		expect(t, got())
		for i := range 3 {
			s.Observe(at(10*time.Minute+time.Duration(i)*time.Second, failed(exauth.ErrKeyExpired)))
		}
		expect(t, got(), "auth-failures /v1/orders/{id} 3/3")
	})
	t.Run("failures far apart", func(t *testing.T) {
		s, got := alerting(nil)
		for i := range 20 {
			s.Observe(at(time.Duration(i)*3*time.Minute, failed(exauth.ErrSignature)))
		}
		expect(t, got())
	})
	t.Run("failures of different keys", func(t *testing.T) {
		s, got := alerting(nil)
		for i := range 10 {
			s.Observe(at(0, func(a *exauth.Attempt) { failed(exauth.ErrSignature)(a); a.Key = fmt.Sprint(i % 5) }))
		}
		expect(t, got())
	})
	t.Run("error rate", func(t *testing.T) {
		s, got := alerting(nil)
		for range 10 {
			s.Observe(at(0, nil))
		}
		for range 9 {
			s.Observe(at(time.Second, failed(exauth.ErrUnavailable)))
		}
		expect(t, got())
		s.Observe(at(time.Second, failed(exauth.ErrUnavailable)))
		expect(t, got(), "error-rate /v1/orders/{id} 10/20")
	})
	t.Run("what was refused here is no error of the venue", func(t *testing.T) {
		s, got := alerting(nil)
		for range 100 {
			s.Observe(exauth.Attempt{Venue: "acme", Time: usageStart, Route: "/x", Err: usageErr(exauth.ErrRateLimited, "")})
		}
		expect(t, got())
	})
	t.Run("volume", func(t *testing.T) {
		s, got := alerting(&exauth.AlertOptions{Volume: 100, Window: time.Minute})
		for i := range 99 {
			s.Observe(at(time.Duration(i)*100*time.Millisecond, nil))
		}
		expect(t, got())
		s.Observe(at(10*time.Second, nil))
		expect(t, got(), "volume /v1/orders/{id} 100/100")
	})
	t.Run("first uses", func(t *testing.T) {
		s, got := alerting(nil)
		s.Observe(at(0, nil))
		s.Observe(at(23*time.Hour, func(a *exauth.Attempt) { a.Route = "/learned" }))
		s.Observe(at(25*time.Hour, func(a *exauth.Attempt) { a.Route = "/learned" }))
		expect(t, got())
		s.Observe(at(25*time.Hour, func(a *exauth.Attempt) { a.Route, a.Symbols = "/new", []string{"BTCUSDT", "DOGE"} }))
		expect(t, got(), "new-endpoint /new 0/0", "new-symbol /newDOGE 0/0")
		s.Observe(at(26*time.Hour, func(a *exauth.Attempt) { a.Route, a.Symbols = "/new", []string{"DOGE"} }))
		s.Observe(at(26*time.Hour, func(a *exauth.Attempt) { a.Key, a.Route = "another key", "/its own" })) // which is learned from now on
		expect(t, got())
	})
	t.Run("first uses since a log", func(t *testing.T) {
		line := string(must(json.Marshal(exauth.UsageOf(at(-48*time.Hour, nil))))(t))
		s, got := alerting(nil)
		s.Learn(exauth.ReadUsage(strings.NewReader(line + "\ngarbage\n" + line)))
		s.Observe(at(0, nil))
		expect(t, got())
		s.Observe(at(0, func(a *exauth.Attempt) { a.Method = "DELETE" }))
		expect(t, got(), "new-endpoint /v1/orders/{id} 0/0")
	})
	t.Run("withdrawals", func(t *testing.T) {
		s, got := alerting(nil)
		s.Observe(at(0, withdraw))
		s.Observe(at(0, func(a *exauth.Attempt) {
			withdraw(a)
			a.Sent, a.Outcome, a.Err = time.Time{}, 0, usageErr(exauth.ErrScope, "")
		}))
		s.Observe(at(0, func(a *exauth.Attempt) { withdraw(a); a.Sent, a.Outcome = time.Time{}, 0 })) // signed
		s.Observe(at(0, func(a *exauth.Attempt) {
			withdraw(a)
			a.Scope, a.Route, a.Err = 0, "/v9/Withdraw", usageErr(exauth.ErrParam, "")
		})) // refused before it had a scope
		s.Observe(at(0, func(a *exauth.Attempt) {
			withdraw(a)
			a.Scope, a.Method, a.Route = exauth.ScopeRead, "GET", "/v1/withdrawals/history"
		})) // no attempt
		expect(t, got(), "withdrawal /w 0/0", "withdrawal /w 0/0", "withdrawal /w 0/0", "withdrawal /v9/Withdraw 0/0")
	})
	t.Run("all off", func(t *testing.T) {
		s, got := alerting(&exauth.AlertOptions{AuthFailures: -1, ErrorRate: -1, Volume: -1, Learning: -1})
		for i := range 10_000 {
			s.Observe(at(time.Duration(i)*time.Minute, func(a *exauth.Attempt) { failed(exauth.ErrKey)(a); a.Route = fmt.Sprint(i) }))
		}
		expect(t, got())
	})
}

// TestAlertText: a person can read an alert, and it holds a fingerprint only.
func TestAlertText(t *testing.T) {
	base := exauth.Alert{Venue: "acme", Environment: "testnet", Account: "main", Key: "0123456789abcdef", Method: "POST", Route: "/w", Window: 5 * time.Minute, Count: 3, Of: 4}
	const who = ": acme:testnet account \"main\" key 0123456789abcdef: "
	for kind, want := range map[exauth.AlertKind]string{
		exauth.AlertAuthFailures: "3 refusals of the key within 5m0s", exauth.AlertErrorRate: "3 of 4 attempts failed within 5m0s",
		exauth.AlertVolume: "3 attempts within 5m0s", exauth.AlertNewEndpoint: "first use of POST /w",
		exauth.AlertNewSymbol: "first use of symbol X, at POST /w", exauth.AlertWithdrawal: "withdrawal attempted at POST /w: not sent",
	} {
		a := base
		a.Kind, a.Symbol = kind, "X"
		if got := a.String(); got != string(kind)+who+want {
			t.Errorf("%s", got)
		}
	}
}

// TestAlertsOnAClient: alerts, a usage log and an Observer see the same calls, from
// many goroutines; a withdrawal that was refused here is told of, with who tried.
func TestAlertsOnAClient(t *testing.T) {
	var withdrawals, own atomic.Int64
	alerts := exauth.NewAlerts(func(a exauth.Alert) {
		if a.Kind == exauth.AlertWithdrawal && a.Key != "" && a.Outcome == exauth.OutcomeNotSent {
			withdrawals.Add(1)
		}
	}, nil)
	path := t.TempDir() + "/usage.jsonl"
	log := openLog(t, path, nil)
	c := must(exauth.New(headerVenue(serving(t, 200, "{}")), tinyKey(), &exauth.Options{
		Observer: exauth.Observers(log.Observe, alerts.Observe, func(exauth.Attempt) { own.Add(1) })}))(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				_, _ = c.Do(bg, exauth.Call{Path: "/x"})
				_, _ = c.Do(bg, exauth.Call{Method: "POST", Path: "/withdraw"})
			}
		})
	}
	wg.Wait()
	if list, bad := records(t, path); len(list) != 80 || len(bad) != 0 || own.Load() != 80 || withdrawals.Load() != 40 {
		t.Errorf("%d records, %d observed, %d withdrawals", len(list), own.Load(), withdrawals.Load())
	}
}
