package exauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

var usageStart = time.Date(2026, 11, 16, 8, 0, 0, 123_456_789, time.UTC)

// used is an attempt that went well.
func used(edit func(*exauth.Attempt)) exauth.Attempt {
	a := exauth.Attempt{Venue: "acme", Account: "main", Time: usageStart, Method: "POST", Path: "/v1/orders/77", Route: "/v1/orders/{id}",
		Key: "0123456789abcdef", Scope: exauth.ScopeTradeSpot, Symbols: []string{"BTCUSDT"}, Status: 200, Outcome: exauth.OutcomeAccepted,
		Number: 1, Sent: usageStart, Received: usageStart.Add(41500 * time.Microsecond), Costs: []exauth.Cost{{Quota: "weight", N: 2}, {Quota: "weight", Item: "x", N: 3}}}
	if edit != nil {
		edit(&a)
	}
	return a
}

func usageErr(kind error, code string) *exauth.Error { return &exauth.Error{Kind: kind, Code: code} }

func openLog(t testing.TB, path string, opts *exauth.UsageLogOptions) *exauth.UsageLog {
	t.Helper()
	l := must(exauth.OpenUsageLog(path, opts))(t)
	t.Cleanup(func() { l.Close() })
	return l
}

func records(t *testing.T, path string) (list []exauth.UsageRecord, bad []string) {
	t.Helper()
	for r, err := range exauth.ReadUsageFile(path) {
		if err != nil {
			bad = append(bad, err.Error())
		} else {
			list = append(list, r)
		}
	}
	return list, bad
}

// TestUsageLine: the documented line, member by member; the schema is a promise.
func TestUsageLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.jsonl")
	l := openLog(t, path, nil)
	l.Observe(used(nil))
	l.Observe(used(func(a *exauth.Attempt) {
		a.Environment, a.Status, a.Outcome, a.Err = "testnet", 400, exauth.OutcomeRejected, usageErr(exauth.ErrInsufficientFunds, "-2010")
		a.Wait, a.Symbols, a.Costs = 1500*time.Microsecond, nil, nil
	}))
	l.Observe(exauth.Attempt{Venue: "acme", Time: usageStart, Method: "POST", Route: "/withdraw", Err: usageErr(exauth.ErrScope, ""), Scope: exauth.ScopeWithdraw})
	l.Observe(exauth.Attempt{Venue: "acme", Time: usageStart, Method: "GET", Route: "/x", Scope: exauth.ScopeRead | exauth.ScopeTrade})
	want := `{"v":1,"time":"2026-11-16T08:00:00.123Z","venue":"acme","account":"main","key":"0123456789abcdef","method":"POST","route":"/v1/orders/{id}","scope":"trade-spot","symbols":["BTCUSDT"],"status":200,"outcome":"accepted","attempt":1,"latency_ms":41.5,"costs":{"weight":5}}
{"v":1,"time":"2026-11-16T08:00:00.123Z","venue":"acme","env":"testnet","account":"main","key":"0123456789abcdef","method":"POST","route":"/v1/orders/{id}","scope":"trade-spot","status":400,"outcome":"rejected","kind":"insufficient-funds","code":"-2010","attempt":1,"latency_ms":41.5,"wait_ms":1.5}
{"v":1,"time":"2026-11-16T08:00:00.123Z","venue":"acme","method":"POST","route":"/withdraw","scope":"withdraw","outcome":"not sent","kind":"scope"}
{"v":1,"time":"2026-11-16T08:00:00.123Z","venue":"acme","method":"GET","route":"/x","scope":"read+trade","outcome":"signed"}
`
	if got := string(must(os.ReadFile(path))(t)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if info := must(os.Stat(path))(t); info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %v", info.Mode())
	}
	list, bad := records(t, path)
	if len(list) != 4 || len(bad) != 0 || !reflect.DeepEqual(list[1], exauth.UsageOf(used(func(a *exauth.Attempt) {
		a.Environment, a.Status, a.Outcome, a.Err = "testnet", 400, exauth.OutcomeRejected, usageErr(exauth.ErrInsufficientFunds, "-2010")
		a.Wait, a.Symbols, a.Costs = 1500*time.Microsecond, nil, nil
	}))) {
		t.Errorf("%+v, %q", list, bad)
	}
}

// TestKindName: every sentinel has a name of its own.
func TestKindName(t *testing.T) {
	names := map[string]bool{}
	for _, kind := range []error{exauth.ErrRateLimited, exauth.ErrBanned, exauth.ErrClock, exauth.ErrNonce, exauth.ErrSignature, exauth.ErrKey,
		exauth.ErrKeyExpired, exauth.ErrPermission, exauth.ErrEnvironment, exauth.ErrAccountLocked, exauth.ErrIPNotAllowed,
		exauth.ErrRejected, exauth.ErrPartial, exauth.ErrInsufficientFunds, exauth.ErrUnknownOrder, exauth.ErrDuplicateOrder,
		exauth.ErrUnavailable, exauth.ErrOutcomeUnknown, exauth.ErrScope, exauth.ErrNoKey, exauth.ErrHost, exauth.ErrParam,
		exauth.ErrPassphrase, exauth.ErrHalted} {
		name := exauth.KindName(&exauth.Error{Kind: kind, Outcome: exauth.OutcomeUnknown})
		if name == "" || name == "other" || names[name] || exauth.KindName(fmt.Errorf("x: %w", kind)) != name {
			t.Errorf("%v: %q", kind, name)
		}
		names[name] = true
	}
	if exauth.KindName(nil) != "" || exauth.KindName(errors.New("x")) != "other" {
		t.Error("nil or a stranger")
	}
}

// TestUsageLogShared: lines of many goroutines and of two programs stay whole.
func TestUsageLogShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.jsonl")
	logs := []*exauth.UsageLog{openLog(t, path, nil), openLog(t, path, nil)}
	const each, goroutines = 200, 16
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				logs[g%2].Observe(used(func(a *exauth.Attempt) { a.Account = fmt.Sprintf("g%d-%d", g, i) }))
			}
		})
	}
	wg.Wait()
	list, bad := records(t, path)
	names := map[string]bool{}
	for _, r := range list {
		names[r.Account] = true
	}
	if len(bad) > 0 || len(names) != each*goroutines || len(list) != len(names) || logs[0].Err() != nil || logs[1].Err() != nil {
		t.Errorf("%d records, %d different, %q, %v", len(list), len(names), bad, logs[0].Err())
	}
}

// TestUsageLogRotates: the size is bounded, and what is kept is the newest.
func TestUsageLogRotates(t *testing.T) {
	for _, keep := range []int{0, 2, -1} {
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage.jsonl")
			const most = 2000
			l := openLog(t, path, &exauth.UsageLogOptions{MaxBytes: most, Keep: keep})
			const n = 200
			for i := range n {
				l.Observe(used(func(a *exauth.Attempt) { a.Number = i }))
			}
			files := must(filepath.Glob(path + "*"))(t)
			want := map[int]int{0: 5, 2: 3, -1: 1}[keep]
			if len(files) != want || l.Err() != nil {
				t.Errorf("%d files, want %d; %v", len(files), want, l.Err())
			}
			for _, f := range files {
				info := must(os.Stat(f))(t)
				if info.Size() > most || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
					t.Errorf("%s: %d bytes, %v", f, info.Size(), info.Mode())
				}
			}
			list, bad := records(t, path)
			if len(bad) > 0 || len(list) == 0 {
				t.Fatalf("%d records, %q", len(list), bad)
			}
			for i, r := range list { // in order, without a gap, up to the last
				if want := n - len(list) + i; r.Attempt != want {
					t.Fatalf("record %d is of attempt %d, want %d", i, r.Attempt, want)
				}
			}
		})
	}
}

// TestUsageLogFailsSoftly: a log that cannot be written is told of and stops nothing.
func TestUsageLogFailsSoftly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "usage.jsonl")
	var told []error
	l := openLog(t, path, &exauth.UsageLogOptions{MaxBytes: 300, OnError: func(err error) { told = append(told, err) }})
	l.Observe(used(nil))
	if err := os.Rename(dir, dir+".gone"); err != nil {
		t.Skip("cannot move a directory with an open file here")
	}
	c := must(exauth.New(headerVenue(serving(t, 200, "{}")), tinyKey(), &exauth.Options{Observer: l.Observe}))(t)
	for range 3 {
		must(c.Do(bg, exauth.Call{Path: "/x"}))(t)
	}
	if err := l.Err(); err == nil || !strings.Contains(err.Error(), "3 records lost") || len(told) != 1 {
		t.Errorf("%v; told %v", err, told)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	must(c.Do(bg, exauth.Call{Path: "/x"}))(t)
	if list, bad := records(t, path); len(list) != 1 || len(bad) != 0 {
		t.Errorf("after it came back: %d records, %q", len(list), bad)
	}
	l.Close()
	l.Observe(used(nil))
	if err := l.Err(); err == nil || !strings.Contains(err.Error(), "4 records lost") || len(told) != 2 {
		t.Errorf("closed: %v; told %v", err, told)
	}
}

// TestUsageLogRefuses: a log that others can read, and what is no file, is not opened.
func TestUsageLogRefuses(t *testing.T) {
	dir := t.TempDir()
	open := write(t, filepath.Join(dir, "open.jsonl"), "")
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{open: "chmod 600 " + open, dir: "not a regular file", filepath.Join(dir, "no", "such"): "no such file"} {
		if runtime.GOOS == "windows" && path == open {
			continue
		}
		if l, err := exauth.OpenUsageLog(path, nil); err == nil || l != nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
}

// TestUsageLogTorn: a line that a crash cut off spoils itself, not the next one.
func TestUsageLogTorn(t *testing.T) {
	whole := string(must(json.Marshal(exauth.UsageOf(used(nil))))(t)) + "\n"
	path := write(t, filepath.Join(t.TempDir(), "usage.jsonl"), whole+whole[:50])
	openLog(t, path, nil).Observe(used(nil))
	list, bad := records(t, path)
	if len(list) != 2 || len(bad) != 1 || !strings.Contains(bad[0], "line 2: no record") {
		t.Errorf("%d records, %q", len(list), bad)
	}
}

// TestReadUsage: what is no record is named by its line, never shown, and skipped.
func TestReadUsage(t *testing.T) {
	const good = `{"v":1,"time":"2026-11-16T08:00:00Z","venue":"acme","outcome":"accepted","future":{"a":1}}`
	text := strings.Join([]string{good, `{"v":2,"venue":"acme"}`, "", "s3cr3t not json", good, strings.Repeat("x", 100_000), good, `{"v":1`}, "\n")
	var got []string
	for r, err := range exauth.ReadUsage(strings.NewReader(text)) {
		if err != nil {
			got = append(got, err.Error())
		} else {
			got = append(got, r.Venue)
		}
	}
	const pre = "exauth: usage log: line "
	want := []string{"acme", pre + "2: version 2 is not known here", pre + "4: no record; cut off or not a usage log", "acme",
		pre + "6: no record; cut off or not a usage log", "acme", pre + "8: no record; cut off or not a usage log"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for range exauth.ReadUsage(strings.NewReader(text)) {
		break
	}
	if _, bad := records(t, filepath.Join(t.TempDir(), "none")); len(bad) != 1 {
		t.Error(bad)
	}
}

// TestReviewUsage: a week of a key, beside what it did before.
func TestReviewUsage(t *testing.T) {
	var log strings.Builder
	add := func(days int, edit func(*exauth.Attempt)) {
		a := used(edit)
		a.Time = usageStart.AddDate(0, 0, days)
		b := must(json.Marshal(exauth.UsageOf(a)))(t)
		log.Write(append(b, '\n'))
	}
	add(-20, nil)
	add(-10, func(a *exauth.Attempt) { a.Key = "idle" })
	for i := range 99 {
		add(1, func(a *exauth.Attempt) { a.Received = a.Sent.Add(time.Duration(i+1) * time.Millisecond) })
	}
	add(2, func(a *exauth.Attempt) { a.Symbols, a.Received = []string{"DOGEUSDT"}, a.Sent.Add(2*time.Second) })
	add(2, func(a *exauth.Attempt) {
		a.Route, a.Status, a.Outcome, a.Err, a.Costs = "/v1/keys", 401, exauth.OutcomeRejected, usageErr(exauth.ErrSignature, "7"), nil
	})
	add(3, func(a *exauth.Attempt) {
		a.Status, a.Outcome, a.Err, a.Costs = 429, exauth.OutcomeRejected, usageErr(exauth.ErrRateLimited, ""), nil
	})
	add(3, func(a *exauth.Attempt) {
		a.Status, a.Outcome, a.Err, a.Costs = 0, exauth.OutcomeUnknown, usageErr(exauth.ErrOutcomeUnknown, ""), nil
	})
	add(3, func(a *exauth.Attempt) {
		*a = exauth.Attempt{Venue: a.Venue, Account: a.Account, Key: a.Key, Method: "POST", Route: "/v1/withdraw", Scope: exauth.ScopeWithdraw, Err: usageErr(exauth.ErrScope, "")}
	})
	log.WriteString("garbage\n")
	v := exauth.ReviewUsage(exauth.ReadUsage(strings.NewReader(log.String())), usageStart)
	if len(v.Keys) != 2 || v.Skipped != 1 || !v.To.Equal(usageStart.AddDate(0, 0, 3).Truncate(time.Millisecond)) {
		t.Fatalf("%+v", v)
	}
	k, idle := v.Keys[0], v.Keys[1]
	switch {
	case k.Attempts != 104, k.Sent != 103, k.Failed != 3, k.Refused != 1, k.AuthFailures != 1, k.RateLimited != 1, k.Unknown != 1, k.Withdrawals != 1,
		k.Scope != exauth.ScopeTradeSpot|exauth.ScopeWithdraw, !slices.Equal(k.NewEndpoints, []string{"POST /v1/keys", "POST /v1/withdraw"}),
		!slices.Equal(k.NewSymbols, []string{"DOGEUSDT"}), k.Endpoints[0] != exauth.UsageCount{Name: "POST /v1/orders/{id}", N: 102},
		!slices.Equal(k.Costs, []exauth.UsageCount{{Name: "weight", N: 500}}), len(k.Kinds) != 4, !k.First.Equal(usageStart.AddDate(0, 0, -20).Truncate(time.Millisecond)):
		t.Errorf("%+v", k)
	case k.P50 < 45*time.Millisecond || k.P50 > 55*time.Millisecond, k.P99 < 90*time.Millisecond || k.P99 > 102*time.Millisecond:
		t.Errorf("P50 %v, P99 %v", k.P50, k.P99)
	case idle.Key != "idle", idle.Attempts != 0, len(idle.NewEndpoints) != 0, idle.Last.IsZero(), idle.P50 != 0:
		t.Errorf("%+v", idle)
	}
}
