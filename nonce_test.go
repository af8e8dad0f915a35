package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// nonceOf reads the nonce a nonceVenue call carried.
func nonceOf(t testing.TB, a arrival) int64 {
	t.Helper()
	_, query, _ := strings.Cut(a.uri, "?")
	v, _ := url.ParseQuery(query + "&" + a.body)
	n, err := strconv.ParseInt(v.Get("nonce"), 10, 64)
	if err != nil {
		t.Fatalf("no nonce in %s %s", a.uri, a.body)
	}
	return n
}

func signedNonce(t testing.TB, c *exauth.Client) int64 {
	t.Helper()
	req, err := c.Sign(t.Context(), exauth.Call{Path: "/x"})
	if err != nil {
		t.Error(err)
		return 0
	}
	return nonceOf(t, arrival{uri: req.URL.RequestURI()})
}

// TestNonceIncreases (O6): one key, however many copies, clients and goroutines, draws
// each nonce once, and each goroutine sees them rise.
func TestNonceIncreases(t *testing.T) {
	key := tinyKey()
	keys := []*exauth.Key{key, key.WithField("uid", "7"), key.WithPassphrase("phrase"), key.Restrict(exauth.ScopeRead | exauth.ScopeTrade), key.For("tinynonce", "", "")}
	var clients []*exauth.Client
	for _, k := range keys {
		c, err := exauth.New(nonceVenue("https://api.tiny.example"), k, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		clients = append(clients, c)
	}
	const each = 50
	drawn := make([][]int64, 64)
	begin := time.Now().UnixMilli()
	var group sync.WaitGroup
	for i := range drawn {
		group.Go(func() {
			for j := range each {
				drawn[i] = append(drawn[i], signedNonce(t, clients[(i+j)%len(clients)]))
			}
		})
	}
	group.Wait()
	all := map[int64]bool{}
	for _, ns := range drawn {
		if !slices.IsSorted(ns) {
			t.Error("nonces fell within a goroutine")
		}
		for _, n := range ns {
			if all[n] || n < begin {
				t.Errorf("nonce %d twice, or before it all began", n)
			}
			all[n] = true
		}
	}
	if len(all) != 64*each {
		t.Errorf("%d distinct nonces, want %d", len(all), 64*each)
	}
	// Another secret is another key.
	other, err := exauth.New(nonceVenue("https://api.tiny.example"), exauth.NewSecretKey("another-key-id", tinySecret), &exauth.Options{Now: fixedNow})
	if err != nil {
		t.Fatal(err)
	}
	if n := signedNonce(t, other); n != fixedNow().UnixMilli() {
		t.Errorf("another key began with %d, want %d", n, fixedNow().UnixMilli())
	}
}

// TestNonceUnits: now in the venue's unit.
func TestNonceUnits(t *testing.T) {
	for unit, want := range map[time.Duration]int64{time.Second: 1700000000, time.Millisecond: 1700000000123, time.Microsecond: 1700000000123000, time.Nanosecond: 1700000000123000000} {
		v := nonceVenue("https://api.tiny.example")
		v.NonceUnit = unit
		c := newClient(t, v, &exauth.Options{Now: fixedNow})
		for i := range int64(3) {
			if n := signedNonce(t, c); n != want+i {
				t.Errorf("unit %s: nonce %d, want %d", unit, n, want+i)
			}
		}
	}
}

// TestNonceClockBack: a clock that goes back does not take the nonce with it; one
// that goes back by more than a day is not believed, and nothing is drawn.
func TestNonceClockBack(t *testing.T) {
	now := fixedNow()
	c := newClient(t, nonceVenue("https://api.tiny.example"), &exauth.Options{Now: func() time.Time { return now }})
	first := signedNonce(t, c)
	now = now.Add(-23 * time.Hour)
	if n := signedNonce(t, c); n != first+1 {
		t.Errorf("clock back by 23 h: %d, want %d", n, first+1)
	}
	now = now.Add(-2 * time.Hour)
	_, err := c.Sign(t.Context(), exauth.Call{Path: "/x"})
	var e *exauth.Error
	if !errors.Is(err, exauth.ErrNonce) || !errors.As(err, &e) || e.Kind != exauth.ErrNonce || e.Outcome != exauth.OutcomeNotSent {
		t.Errorf("clock back by 25 h: %v, want ErrNonce", err)
	}
	now = fixedNow().Add(time.Second)
	if n := signedNonce(t, c); n != now.UnixMilli() {
		t.Errorf("clock right again: %d, want %d", n, now.UnixMilli())
	}
}

// TestNonceSource: a source of one's own is asked with the key's fingerprint and now,
// and is not believed when it is a day ahead, fails, or gives none.
func TestNonceSource(t *testing.T) {
	var next int64
	var fail error
	var ids []string
	source := exauth.NonceFunc(func(_ context.Context, id string, floor int64) (int64, error) {
		ids = append(ids, id)
		if floor != fixedNow().UnixMilli() {
			t.Errorf("floor %d", floor)
		}
		return next, fail
	})
	srv := record(t, nil)
	c := newClient(t, nonceVenue(srv.URL), &exauth.Options{Now: fixedNow, Nonce: source})
	do := func() error { _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"}); return err }
	floor := fixedNow().UnixMilli()
	for _, tc := range []struct {
		name string
		next int64
		fail error
		ok   bool
	}{
		{"now", floor, nil, true}, {"above now", floor + 1000, nil, true},
		{"above it", floor + 1001, nil, true}, {"nearly a day ahead", floor + 24*3600*1000, nil, true}, {"more than a day ahead", floor + 24*3600*1000 + 1, nil, false},
		{"another unit", floor * 1000, nil, false}, {"zero", 0, nil, false}, {"negative", -1, nil, false}, {"the end of time", math.MaxInt64, nil, false},
		{"failure", 0, errors.New("redis is away"), false},
	} {
		next, fail = tc.next, tc.fail
		before := len(srv.arrivals())
		err := do()
		var e *exauth.Error
		if tc.ok != (err == nil) || err != nil && (!errors.Is(err, exauth.ErrNonce) || !errors.As(err, &e) || e.Outcome != exauth.OutcomeNotSent || len(srv.arrivals()) != before) {
			t.Errorf("%s: %v, want ok %v", tc.name, err, tc.ok)
		}
		if tc.fail != nil && !errors.Is(err, tc.fail) {
			t.Errorf("%s: the cause is lost: %v", tc.name, err)
		}
		if tc.ok {
			if got := nonceOf(t, srv.arrivals()[before]); got != tc.next {
				t.Errorf("%s: sent %d, want %d", tc.name, got, tc.next)
			}
		}
	}
	if ids[0] == tinyID || len(ids[0]) != 16 || len(slices.Compact(ids)) != 1 {
		t.Errorf("keys were named %q", ids)
	}
	// One without a nonce draws none.
	ids = nil
	if _, err := newClient(t, headerVenue(srv.URL), &exauth.Options{Nonce: source}).Do(t.Context(), exauth.Call{Path: "/x"}); err != nil || len(ids) != 0 {
		t.Errorf("%v, asked %d times", err, len(ids))
	}
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/public"}); err != nil || len(ids) != 0 {
		t.Errorf("public: %v, asked %d times", err, len(ids))
	}
}

// TestNonceOrder: where arrival order matters, one call of a key is in flight and
// nonces arrive rising, whatever clients they come from. With a nonce window calls
// go out together.
func TestNonceOrder(t *testing.T) {
	for _, window := range []bool{false, true} {
		var inFlight, most atomic.Int32
		srv := record(t, func(w http.ResponseWriter, _ arrival, n int) {
			if k := inFlight.Add(1); k > most.Load() {
				most.Store(k)
			}
			time.Sleep(3 * time.Millisecond)
			inFlight.Add(-1)
			io.WriteString(w, "{}")
		})
		key := tinyKey()
		var clients []*exauth.Client
		for _, k := range []*exauth.Key{key, key.WithField("a", "b"), key} {
			c, err := exauth.New(nonceVenue(srv.URL), k, &exauth.Options{NonceWindow: window})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			clients = append(clients, c)
		}
		var group sync.WaitGroup
		for i := range 64 {
			group.Go(func() {
				if _, err := clients[i%3].Do(t.Context(), exauth.Call{Method: "POST", Path: "/query", Params: p1("n", i)}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		var nonces []int64
		for _, a := range srv.arrivals() {
			nonces = append(nonces, nonceOf(t, a))
		}
		if sorted := slices.IsSorted(nonces); !window && (!sorted || most.Load() != 1) || window && most.Load() < 2 {
			t.Errorf("nonce window %v: rising %v, %d in flight", window, sorted, most.Load())
		}
		slices.Sort(nonces)
		if len(slices.Compact(nonces)) != 64 {
			t.Errorf("nonce window %v: nonces repeat", window)
		}
	}
}

// TestNonceTurn: waiting for the key's turn is bounded by MaxWait, ends with the
// caller's context, and a public call does not wait at all.
func TestNonceTurn(t *testing.T) {
	release := make(chan struct{})
	srv := record(t, func(w http.ResponseWriter, r arrival, _ int) {
		if strings.HasPrefix(r.uri, "/order") {
			<-release
		}
		io.WriteString(w, "{}")
	})
	c := newClient(t, nonceVenue(srv.URL), nil)
	first := make(chan error, 1)
	go func() { _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"}); first <- err }()
	for len(srv.arrivals()) == 0 {
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/query", MaxWait: 30 * time.Millisecond})
	var e *exauth.Error
	if !errors.Is(err, exauth.ErrRateLimited) || !errors.As(err, &e) || e.Outcome != exauth.OutcomeNotSent || time.Since(begin) > time.Second {
		t.Errorf("MaxWait: %v after %s", err, time.Since(begin))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Do(ctx, exauth.Call{Method: "POST", Path: "/query"}); !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) || e.Outcome != exauth.OutcomeNotSent {
		t.Errorf("deadline: %v", err)
	}
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/public"}); err != nil {
		t.Errorf("public call: %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if resp, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/query"}); err != nil || len(srv.arrivals()) != 3 {
		t.Errorf("afterwards: %+v, %v, %d arrivals", resp, err, len(srv.arrivals()))
	}
}

// TestNonceRefused: a venue that has seen a larger nonce is asked once more with a
// fresh one, and its word is final then.
func TestNonceRefused(t *testing.T) {
	srv := record(t, func(w http.ResponseWriter, _ arrival, n int) {
		if n%2 == 1 {
			fmt.Fprint(w, `{"code":"NONCE","msg":"invalid nonce"}`)
			return
		}
		io.WriteString(w, "{}")
	})
	c := newClient(t, nonceVenue(srv.URL), nil)
	resp, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"})
	got := srv.arrivals()
	if err != nil || resp.Attempts != 2 || len(got) != 2 || nonceOf(t, got[0]) >= nonceOf(t, got[1]) {
		t.Errorf("%+v, %v, %d arrivals", resp, err, len(got))
	}
}
