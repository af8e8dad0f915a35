package exchangetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// A seen is what a client that does not retry sees of one call.
type seen struct {
	status int
	body   string
	err    error // of the call, or of reading its answer
}

// try sends a signed Binance order once, with whatever client.
func try(t testing.TB, srv *exchangetest.Server, c *http.Client, id string, patience ...time.Duration) seen {
	t.Helper()
	query := "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001&newClientOrderId=" + id + "&timestamp=" + strconv.FormatInt(time.Now().UnixMilli(), 10)
	key := srv.Key(exauth.ScopeTradeSpot)
	req := request(t, "POST", srv.URL()+"/api/v3/order?"+query+"&signature="+hexSHA256(key.Secret, query), "")
	req.Header.Set("X-MBX-APIKEY", key.ID)
	ctx, stop := context.WithTimeout(t.Context(), append(patience, 20*time.Second)[0])
	defer stop()
	res, err := c.Do(req.WithContext(ctx))
	if err != nil {
		return seen{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 80<<20))
	return seen{res.StatusCode, string(body), err}
}

// bare is a client with a transport of its own, which follows no redirect.
func bare(t testing.TB) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// TestFaultKinds plays every kind once on an order, over a socket and without one:
// what the client sees, and whether the order was executed.
func TestFaultKinds(t *testing.T) {
	refused := func(s seen) bool { return errors.Is(s.err, syscall.ECONNREFUSED) }
	reset := func(s seen) bool {
		return errors.Is(s.err, syscall.ECONNRESET) || errors.Is(s.err, io.EOF) || errors.Is(s.err, io.ErrUnexpectedEOF) || errors.Is(s.err, syscall.EPIPE)
	}
	slow := func(s seen) bool { return errors.Is(s.err, context.DeadlineExceeded) }
	status := func(codes ...int) func(seen) bool {
		return func(s seen) bool { return s.err == nil && slices.Contains(codes, s.status) }
	}
	says := func(text string) func(seen) bool {
		return func(s seen) bool { return s.err == nil && s.status == 200 && strings.Contains(s.body, text) }
	}
	pages := status(500, 502, 503, 504)
	cases := map[exchangetest.FaultKind]struct {
		executed int
		sees     func(seen) bool
	}{
		exchangetest.FaultReset:      {0, reset},
		exchangetest.FaultResetAfter: {1, reset},
		exchangetest.FaultCutBody: {1, func(s seen) bool {
			return s.status == 200 && strings.HasPrefix(s.body, `{"symbol"`) && !json.Valid([]byte(s.body)) && reset(s)
		}},
		exchangetest.FaultSlowBody:   {1, slow},
		exchangetest.FaultHang:       {0, slow},
		exchangetest.FaultError:      {0, pages},
		exchangetest.FaultErrorAfter: {1, pages},
		exchangetest.FaultLate:       {1, reset},
		exchangetest.FaultHTML:       {0, status(403)},
		exchangetest.FaultTruncated: {1, func(s seen) bool {
			return s.err == nil && s.status == 200 && strings.HasPrefix(s.body, `{"symbol"`) && !json.Valid([]byte(s.body))
		}},
		exchangetest.FaultNonsense:      {0, func(s seen) bool { return s.status == 200 && !strings.Contains(s.body, "BTCUSDT") }},
		exchangetest.FaultNonsenseAfter: {1, func(s seen) bool { return s.status == 200 && !strings.Contains(s.body, "BTCUSDT") }},
		exchangetest.FaultBusy:          {0, says(`"code":-1008`)},
		exchangetest.FaultDoubt:         {0, says(`"code":-100`)},
		exchangetest.FaultDoubtAfter:    {1, says(`"code":-100`)},
		exchangetest.FaultGzipBomb:      {1, func(s seen) bool { return s.err == nil && len(s.body) == 64<<20 }},
		exchangetest.FaultHuge:          {1, func(s seen) bool { return s.err == nil && len(s.body) == 8<<20+1 && json.Valid([]byte(s.body)) }},
		exchangetest.FaultRedirect:      {0, status(301, 302, 303, 307, 308)},
		exchangetest.Fault429:           {0, status(429)},
		exchangetest.Fault418:           {0, status(418)},
		exchangetest.FaultClock:         {0, status(400)}, // an hour ahead, no stamp is good
		exchangetest.FaultRefuse:        {0, func(s seen) bool { return reset(s) || refused(s) }},
		exchangetest.FaultHangup:        {1, status(200)},
	}
	for kind, tc := range cases {
		fault := exchangetest.Fault{Kind: kind, Method: "POST", Path: "/api/v3/order", Times: 1}
		switch kind {
		case exchangetest.FaultLate:
			fault.Delay = 30 * time.Millisecond
		case exchangetest.FaultClock:
			fault.Delay = time.Hour
		}
		check := func(t *testing.T, client func(*exchangetest.Server) *http.Client, executed int, sees func(seen) bool) {
			srv := start(t, "binance", &exchangetest.Options{Faults: []exchangetest.Fault{fault}, Seed: 5})
			c := client(srv)
			patience := 20 * time.Second
			if kind == exchangetest.FaultHang || kind == exchangetest.FaultSlowBody {
				patience = time.Second
			}
			got := try(t, srv, c, "x", patience)
			for srv.Late() > 0 {
				time.Sleep(5 * time.Millisecond)
			}
			if n := srv.Executions("x"); n != executed || !sees(got) {
				t.Errorf("executed %d times, want %d; the client saw HTTP %d, %.80q, %v", n, executed, got.status, got.body, got.err)
			}
			if n := srv.Faults()[kind]; n != 1 {
				t.Errorf("%d faults counted", n)
			}
			srv.SetClock(0)
			deadline := time.Now().Add(5 * time.Second)
			for got = try(t, srv, c, "y"); got.err != nil && time.Now().Before(deadline); got = try(t, srv, c, "y") {
				time.Sleep(10 * time.Millisecond) // nobody listens for a moment, or the connection is dead
			}
			if n := srv.Executions("y"); n != 1 || got.status != 200 {
				t.Errorf("the next order: %+v, executed %d times", got, n)
			}
		}
		t.Run(kind.String()+"/socket", func(t *testing.T) {
			t.Parallel()
			check(t, func(*exchangetest.Server) *http.Client { return bare(t) }, tc.executed, tc.sees)
		})
		t.Run(kind.String()+"/bubble", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				executed, sees := tc.executed, tc.sees
				switch kind {
				case exchangetest.FaultHangup:
					executed, sees = 0, reset
				case exchangetest.FaultRefuse:
					sees = refused
				}
				check(t, func(s *exchangetest.Server) *http.Client {
					return &http.Client{Transport: s.RoundTripper(), CheckRedirect: bare(t).CheckRedirect}
				}, executed, sees)
			})
		})
	}
	if want := len(exchangetest.FaultMix(1)); len(cases)+2 != want { // partial and lag have tests of their own
		t.Errorf("%d kinds tried of %d", len(cases)+2, want)
	}
}

// TestFaultRefuses: while nobody listens, the machine itself refuses, and idle
// connections are dead. It listens again by itself.
func TestFaultRefuses(t *testing.T) {
	srv := start(t, "binance", nil)
	idle, c := bare(t), bare(t)
	if got := try(t, srv, idle, "a"); got.status != 200 {
		t.Fatalf("%+v", got)
	}
	if err := srv.SetFaults(exchangetest.Fault{Kind: exchangetest.FaultRefuse, Times: 1, Delay: time.Second}); err != nil {
		t.Fatal(err)
	}
	try(t, srv, c, "b")
	if got := try(t, srv, bare(t), "c"); !errors.Is(got.err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection: %v", got.err)
	}
	if got := try(t, srv, idle, "d"); got.err == nil {
		t.Errorf("an idle connection still works: %+v", got)
	}
	addr := strings.TrimPrefix(srv.URL(), "http://")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if got := try(t, srv, c, "e"); got.status != 200 {
		t.Errorf("afterwards: %+v", got)
	}
	if n := srv.Executions("b") + srv.Executions("c") + srv.Executions("d"); n != 0 || len(srv.Requests()) != 2 {
		t.Errorf("%d executed, %d recorded while nobody was there", n, len(srv.Requests())-2)
	}
}

// TestFaultHangup: the connection dies under the next request, which nobody reads.
func TestFaultHangup(t *testing.T) {
	srv := start(t, "binance", &exchangetest.Options{Faults: []exchangetest.Fault{{Kind: exchangetest.FaultHangup, Times: 1}}})
	c := bare(t)
	first, second, third := try(t, srv, c, "a"), try(t, srv, c, "b"), try(t, srv, c, "c")
	if first.status != 200 || second.err == nil || third.status != 200 || srv.Executions("b") != 0 || srv.RequestCount() != 2 {
		t.Errorf("%+v, %+v, %+v; %d requests", first, second, third, srv.RequestCount())
	}
}

// TestFaultHeaders: what is said beside a 429 and a 418 is nothing to rely on, and a
// script may say what it likes.
func TestFaultHeaders(t *testing.T) {
	srv := start(t, "binance", &exchangetest.Options{Faults: []exchangetest.Fault{{Kind: exchangetest.Fault429}}})
	waits := map[string]bool{}
	for i := range 60 {
		got := send(t, srv.Client(), request(t, "GET", srv.URL()+"/api/v3/ping?n="+strconv.Itoa(i), ""))
		waits[strings.Join(got.header["Retry-After"], "|")] = true
		if got.status != 429 || got.at(t, "code") != "-1003" || got.header["X-Mbx-Used-Weight-1m"] == nil {
			t.Fatalf("%+v", got)
		}
	}
	if len(waits) < 6 || !waits["9223372037"] || !waits["-1"] {
		t.Errorf("Retry-After: %v", slices.Sorted(maps.Keys(waits)))
	}
	srv.SetFaults(exchangetest.Fault{Kind: exchangetest.Fault418, Status: 451, Body: "no", Header: http.Header{"Retry-After": {"7"}}})
	if got := send(t, srv.Client(), request(t, "GET", srv.URL()+"/api/v3/ping", "")); got.status != 451 || got.body != "no" || got.header.Get("Retry-After") != "7" {
		t.Errorf("a scripted answer came as %+v", got)
	}
}

// TestFaultScript: which calls, how many, and in what order.
func TestFaultScript(t *testing.T) {
	ping := func(srv *exchangetest.Server, path string) int {
		return send(t, srv.Client(), request(t, "GET", srv.URL()+path, "")).status
	}
	srv := start(t, "binance", nil)
	for _, tc := range []struct {
		name   string
		faults []exchangetest.Fault
		want   []int // of ping, time, ping, time, ping
	}{
		{"none of a mix", exchangetest.FaultMix(0), []int{200, 200, 200, 200, 200}},
		{"none", nil, []int{200, 200, 200, 200, 200}},
		{"every call", []exchangetest.Fault{{Kind: exchangetest.FaultError, Status: 599}}, []int{599, 599, 599, 599, 599}},
		{"a path", []exchangetest.Fault{{Kind: exchangetest.FaultHTML, Path: "/api/v3/time"}}, []int{200, 403, 200, 403, 200}},
		{"a beginning", []exchangetest.Fault{{Kind: exchangetest.FaultHTML, Path: "/api/v3/t*"}}, []int{200, 403, 200, 403, 200}},
		{"a method", []exchangetest.Fault{{Kind: exchangetest.FaultHTML, Method: "POST"}}, []int{200, 200, 200, 200, 200}},
		{"once", []exchangetest.Fault{{Kind: exchangetest.FaultHTML, Times: 1}}, []int{403, 200, 200, 200, 200}},
		{"the second and third", []exchangetest.Fault{{Kind: exchangetest.FaultHTML, Skip: 1, Times: 2}}, []int{200, 403, 403, 200, 200}},
		{"one after the other", []exchangetest.Fault{{Kind: exchangetest.FaultHTML, Times: 1}, {Kind: exchangetest.FaultError, Status: 500, Times: 2}}, []int{403, 500, 500, 200, 200}},
		{"a choice", []exchangetest.Fault{{Kind: exchangetest.FaultHTML, Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "ping") }}}, []int{403, 200, 403, 200, 403}},
		{"lookups only", []exchangetest.Fault{{Kind: exchangetest.FaultLag}, {Kind: exchangetest.FaultPartial}}, []int{200, 200, 200, 200, 200}},
	} {
		if err := srv.SetFaults(tc.faults...); err != nil {
			t.Fatal(err)
		}
		var got []int
		for i := range 5 {
			got = append(got, ping(srv, []string{"/api/v3/ping", "/api/v3/time"}[i%2]))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
	for name, f := range map[string]exchangetest.Fault{
		"no kind": {}, "no such kind": {Kind: 99}, "rate above 1": {Kind: 1, Rate: 1.1}, "negative": {Kind: 1, Skip: -1}, "no status": {Kind: 1, Status: 99},
	} {
		if err := srv.SetFaults(f); !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%s: %v", name, err)
		}
		if s, err := exchangetest.Start(&exauth.Venue{Name: "binance"}, &exchangetest.Options{Faults: []exchangetest.Fault{f}}); err == nil {
			s.Close()
			t.Errorf("%s: started", name)
		}
	}
}

// fates sends n orders by r workers through a mix of faults and tells, by client
// order id, what each client saw and how often it was executed.
func fates(t *testing.T, seed uint64, workers, n int) map[string]string {
	out := map[string]string{}
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, "binance", &exchangetest.Options{Faults: exchangetest.FaultMix(0.4, exchangetest.FaultRefuse, exchangetest.FaultClock, exchangetest.FaultHuge, exchangetest.FaultGzipBomb), Seed: seed, MaxRequests: 1})
		var mu sync.Mutex
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := w; i < n; i += workers {
					id := "n" + strconv.Itoa(i)
					got := try(t, srv, srv.Client(), id)
					mu.Lock()
					out[id] = fmt.Sprint(got.status, got.err != nil)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		time.Sleep(12 * time.Second)
		for id := range out {
			out[id] += fmt.Sprint(" ", srv.Executions(id))
		}
	})
	return out
}

// TestFaultSeed: a seed means the same faults for the same orders, whatever else
// goes on, and another seed others. (FaultRefuse and FaultClock befall others, too,
// and are left out.)
func TestFaultSeed(t *testing.T) {
	one, again, other := fates(t, 3, 1, 300), fates(t, 3, 16, 300), fates(t, 4, 1, 300)
	if !maps.Equal(one, again) {
		for id, fate := range one {
			if again[id] != fate {
				t.Errorf("%s: %s, then %s", id, fate, again[id])
			}
		}
	}
	if maps.Equal(one, other) {
		t.Error("two seeds, one fate")
	}
	bad := 0
	for _, fate := range one {
		if fate != "200 false 1" {
			bad++
		}
	}
	if bad < 60 || bad > 150 { // 40 % of 300, of which some do not show
		t.Errorf("%d of 300 orders met a fault that shows", bad)
	}
}

// TestFaultMix: rates come out as asked, each kind as often as any.
func TestFaultMix(t *testing.T) {
	srv := start(t, "binance", &exchangetest.Options{NoSocket: true, Faults: exchangetest.FaultMix(0.3,
		exchangetest.FaultHuge, exchangetest.FaultGzipBomb, exchangetest.FaultSlowBody, exchangetest.FaultHang, exchangetest.FaultRefuse), Seed: 9})
	const n = 6000
	for i := range n {
		req := request(t, "GET", srv.URL()+"/api/v3/openOrders?n="+strconv.Itoa(i), "")
		if res, err := srv.RoundTripper().RoundTrip(req); err == nil {
			res.Body.Close()
		}
	}
	sum, kinds := 0, 0
	for kind, k := range srv.Faults() {
		sum, kinds = sum+k, kinds+1
		if k < 45 || k > 150 { // 90 expected, and 10 standard deviations of 9.4 are much
			t.Errorf("%v came %d times", kind, k)
		}
	}
	if kinds != 19 || sum < n*25/100 || sum > n*33/100 { // batches are not among these calls: 19 of 20 kinds
		t.Errorf("%d kinds, %d faults in %d calls", kinds, sum, n)
	}
}

// TestOnceWithoutRetry is the exchange's own honesty: whatever the faults, a client
// that sends each order once never has one executed twice, and no signature comes
// twice. TestNaiveRetry is the other half: the same faults, and a client that does
// what many do, has many.
func TestOnceWithoutRetry(t *testing.T) {
	t.Run("socket", func(t *testing.T) { t.Parallel(); retrying(t, 1, true) })
	t.Run("bubble", func(t *testing.T) { t.Parallel(); synctest.Test(t, func(t *testing.T) { retrying(t, 1, false) }) })
}

func TestNaiveRetry(t *testing.T) {
	t.Run("socket", func(t *testing.T) { t.Parallel(); retrying(t, 3, true) })
	t.Run("bubble", func(t *testing.T) { t.Parallel(); synctest.Test(t, func(t *testing.T) { retrying(t, 3, false) }) })
}

// retrying sends 400 orders by a client that asks up to tries times for a 200.
func retrying(t *testing.T, tries int, socket bool) {
	mix := exchangetest.FaultMix(0.5, exchangetest.FaultClock, exchangetest.FaultHuge, exchangetest.FaultGzipBomb)
	for i := range mix {
		switch mix[i].Kind { // a socket has no time to lose
		case exchangetest.FaultHang, exchangetest.FaultSlowBody:
			mix[i].Delay = 50 * time.Millisecond
		case exchangetest.FaultLate:
			mix[i].Delay = 20 * time.Millisecond
		case exchangetest.FaultRefuse:
			mix[i].Delay = 5 * time.Millisecond
		}
	}
	srv := start(t, "binance", &exchangetest.Options{Faults: mix, Seed: 1, Balances: map[string]map[string]string{"main": {"USDT": "1000000000"}}})
	c := bare(t)
	if !socket {
		c.Transport = srv.RoundTripper()
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < 400; i += 8 {
				for range tries {
					if got := try(t, srv, c, "n"+strconv.Itoa(i)); got.status == 200 && got.err == nil && strings.Contains(got.body, `"BTCUSDT"`) {
						break
					}
					time.Sleep(2 * time.Millisecond) // a fresh stamp
				}
			}
		})
	}
	wg.Wait()
	for srv.Late() > 0 {
		time.Sleep(5 * time.Millisecond)
	}
	total, twice := 0, srv.Twice()
	for i := range 400 {
		n := srv.ExecutionsOf("main", "n"+strconv.Itoa(i))
		total += n
		if again := slices.ContainsFunc(twice, func(e exchangetest.Execution) bool {
			return e.ClientOrderID == "n"+strconv.Itoa(i) && e.N == n && e.Account == "main"
		}); again != (n > 1) {
			t.Errorf("order %d was executed %d times, Twice says %v", i, n, again)
		}
	}
	t.Logf("%d tries: %d executed, %d of them twice or more, %d replays; %v", tries, total, len(twice), srv.Replays(), srv.Faults())
	switch {
	case tries == 1 && (len(twice) > 0 || total < 200 || total > 399):
		t.Errorf("without a retry %d were executed twice, %d executed", len(twice), total)
	case tries > 1 && len(twice) < 20:
		t.Errorf("a client that retries had only %d executed twice", len(twice))
	}
	if srv.Replays() != 0 {
		t.Errorf("%d replays", srv.Replays())
	}
}

// TestReplays: a signature that comes again is counted, wherever the venue carries it.
func TestReplays(t *testing.T) {
	srv := start(t, "binance", nil)
	c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
	now := time.Now()
	c.now = func() time.Time { return now }
	c.do("GET", "/api/v3/account")
	c.do("GET", "/api/v3/account")
	c.unsigned("GET", "/api/v3/ping", "", "")
	c.unsigned("GET", "/api/v3/ping", "", "")
	c.raw("POST", "/api/v3/order", "", "a=1")
	c.raw("POST", "/api/v3/order", "a=1", "")
	if n := srv.Replays(); n != 2 { // the second account, and the same payload in the other place
		t.Errorf("%d replays, want 2", n)
	}
	if n := srv.ReplayedWrites(); n != 1 {
		t.Errorf("%d replayed writes, want 1", n)
	}
	for _, name := range []string{"API-Sign", "OK-ACCESS-SIGN", "X-GEMINI-SIGNATURE", "Authorization"} {
		for range 2 {
			req := request(t, "GET", srv.URL()+"/api/v3/ping", "")
			req.Header.Set(name, "same "+name)
			send(t, srv.Client(), req)
		}
	}
	for range 2 {
		req := request(t, "POST", srv.URL()+"/private/x", `{"id":1,"sig":"abc"}`)
		req.Header.Set("Content-Type", "application/json")
		send(t, srv.Client(), req)
	}
	if n := srv.Replays(); n != 2+4+1 {
		t.Errorf("%d replays, want 7", n)
	}
}

// TestFaultLag: a lookup does not see a young order, and sees it when it is older.
func TestFaultLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, "binance", &exchangetest.Options{Faults: []exchangetest.Fault{{Kind: exchangetest.FaultLag, Delay: time.Second}}})
		c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
		c.order("newClientOrderId", "young")
		look := func() (string, string, string) {
			return c.do("GET", "/api/v3/order", "symbol", "BTCUSDT", "origClientOrderId", "young").at(t, "code"),
				c.do("GET", "/api/v3/openOrders").body, c.do("GET", "/api/v3/allOrders", "symbol", "BTCUSDT").body
		}
		if code, open, every := look(); code != "-2013" || open != "[]" || every != "[]" {
			t.Errorf("at once: %s, %s, %s", code, open, every)
		}
		srv.SetClock(-time.Minute) // no clock of the exchange has to do with it
		srv.SetClock(0)
		time.Sleep(time.Second)
		if code, open, every := look(); code != "" || !strings.Contains(open, "young") || !strings.Contains(every, "young") {
			t.Errorf("a second later: %s, %s, %s", code, open, every)
		}
		c.order("newClientOrderId", "younger")
		if got := c.do("DELETE", "/api/v3/order", "symbol", "BTCUSDT", "origClientOrderId", "younger"); got.status != 200 {
			t.Errorf("a cancel goes to the book itself: %s", got.body)
		}
	})
}

// TestFaultLate: what is late comes, unless the exchange is closed before.
func TestFaultLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, "binance", &exchangetest.Options{Faults: []exchangetest.Fault{{Kind: exchangetest.FaultLate, Delay: 4 * time.Second, Times: 1},
			{Kind: exchangetest.FaultLate, Delay: 6 * time.Second, Times: 1}, {Kind: exchangetest.FaultLate, Delay: time.Hour}}})
		for _, id := range []string{"late", "too late", "never"} {
			try(t, srv, srv.Client(), url.QueryEscape(id))
		}
		if srv.Late() != 3 || srv.Executions("late") != 0 {
			t.Errorf("%d are late", srv.Late())
		}
		time.Sleep(5 * time.Second)
		if srv.Late() != 2 || srv.Executions("late") != 1 {
			t.Errorf("%d are late, %d executed", srv.Late(), srv.Executions("late"))
		}
		time.Sleep(5 * time.Second)
		if srv.Late() != 1 || srv.Executions("too late") != 0 { // its stamp was no good any more
			t.Errorf("%d are late, %d executed", srv.Late(), srv.Executions("too late"))
		}
		srv.Close()
		if srv.Late() != 0 || srv.Executions("never") != 0 {
			t.Errorf("after Close %d are late", srv.Late())
		}
	})
}

// TestFaultsLeaveNothing: no goroutine stays behind, whatever was cut.
func TestFaultsLeaveNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for seed := range uint64(3) {
		mix := exchangetest.FaultMix(0.8, exchangetest.FaultGzipBomb, exchangetest.FaultHuge)
		for i := range mix {
			if k := mix[i].Kind; k == exchangetest.FaultHang || k == exchangetest.FaultSlowBody {
				mix[i].Delay = 20 * time.Millisecond
			}
		}
		srv, err := exchangetest.Start(&exauth.Venue{Name: "binance"}, &exchangetest.Options{Faults: mix, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		c := bare(t)
		for i := range 60 {
			try(t, srv, c, "n"+strconv.Itoa(i))
		}
		srv.Close()
		c.CloseIdleConnections()
	}
	after := 0
	for range 200 { // connections end a moment after their server
		if after = runtime.NumGoroutine(); after <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, after)
}
