package exchangetest_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// A testCase stands in for a *testing.T whose failures are looked at.
type testCase struct {
	testing.TB
	ctx      context.Context
	mu       sync.Mutex
	failures []string
	logs     []string
	cleanups []func()
}

func (c *testCase) Helper()                  {}
func (c *testCase) Name() string             { return "TestSomething" }
func (c *testCase) Context() context.Context { return c.ctx }
func (c *testCase) Cleanup(f func())         { c.cleanups = append(c.cleanups, f) }
func (c *testCase) Logf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logs = append(c.logs, fmt.Sprintf(format, args...))
}
func (c *testCase) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, fmt.Sprintf(format, args...))
}
func (c *testCase) Fatalf(format string, args ...any) { c.Errorf(format, args...); runtime.Goexit() }
func (c *testCase) Fatal(args ...any)                 { c.Errorf("%s", fmt.Sprint(args...)); runtime.Goexit() }

// runCase runs f as go test would and returns what failed.
func runCase(f func(t testing.TB)) *testCase {
	c := &testCase{ctx: context.Background()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, f := range slices.Backward(c.cleanups) {
				f()
			}
		}()
		f(c)
	}()
	<-done
	return c
}

// oneFailure returns the only failure of a case.
func oneFailure(t testing.TB, c *testCase) string {
	t.Helper()
	if len(c.failures) != 1 {
		t.Fatalf("%d failures, want 1: %q", len(c.failures), c.failures)
	}
	return c.failures[0]
}

// script is a venue that gives the answers it was told, in order.
type script struct {
	answers []string
	header  http.Header
	status  int
	n       int
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	if s.n == len(s.answers) {
		return nil, errors.New("no more answers")
	}
	body, status := s.answers[s.n], s.status
	s.n++
	if status == 0 {
		status = http.StatusOK
	}
	h := s.header.Clone()
	if h == nil {
		h = http.Header{"Content-Type": {"application/json"}}
	}
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req}, nil
}

// Secrets of a recording, all fake, in shapes every venue takes.
const (
	liveID     = "LIVEid7Kd93Lsk20Qm48Zx61Bv57Nc"
	liveSecret = "LIVEs3cr3tQw8Er2Ty6Ui0Op4As9Df1G" // also valid base64
	livePhrase = "LIVEphrase-5Gh7Jk3"
)

// liveKey is a "real" key for a venue.
func liveKey(v *exauth.Venue) *exauth.Key {
	secret := liveSecret
	if v.Name == "backpack" {
		secret = "TElWRXMzY3IzdFF3OEVyMlR5NlVpME9wNEFzOURmMUc=" // base64 of liveSecret, as a seed
	}
	k := exauth.NewSecretKey(liveID, secret)
	if v.Passphrase {
		k = k.WithPassphrase(livePhrase)
	}
	return k
}

// client makes a client of a fixture as tests of programs do.
func client(t testing.TB, fx *exchangetest.Fixture) *exauth.Client {
	t.Helper()
	o := fx.Options()
	o.NoRetry = true
	if fx.Recording() { // of scripts, which count nothing
		o.Limiter = exauth.NewLimiter(fx.Venue(), &exauth.LimiterOptions{Off: true})
	}
	o.Scope = exauth.ScopeRead | exauth.ScopeTrade
	c, err := exauth.New(fx.Venue(), fx.Key(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// recordCase records f against a script and returns the file's text.
func recordCase(t testing.TB, v *exauth.Venue, file string, s http.RoundTripper, f func(t testing.TB, c *exauth.Client)) string {
	t.Helper()
	v.Clock.Path = "" // the script does not tell the time
	c := runCase(func(t testing.TB) {
		fx := exchangetest.Record(t, file, v, &exchangetest.FixtureOptions{Credentials: liveKey(v), Transport: s})
		f(t, client(t, fx))
	})
	if len(c.failures) > 0 {
		t.Fatalf("recording: %q", c.failures)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// replayCase replays f.
func replayCase(v *exauth.Venue, file string, f func(t testing.TB, c *exauth.Client)) *testCase {
	return runCase(func(t testing.TB) { f(t, client(t, exchangetest.Replay(t, file, v, nil))) })
}

// placed are orders as a caller gives them, one for each venue that takes any.
var placed = map[string]exauth.Call{
	"backpack":  {Method: "POST", Path: "/api/v1/order", Params: exauth.Params{{Name: "symbol", Value: "SOL_USDC"}, {Name: "side", Value: "Bid"}, {Name: "orderType", Value: "Limit"}, {Name: "price", Value: "20.1"}, {Name: "quantity", Value: "1"}}},
	"binance":   {Method: "POST", Path: "/api/v3/order", Params: exauth.Params{{Name: "symbol", Value: "BTCUSDT"}, {Name: "side", Value: "BUY"}, {Name: "type", Value: "LIMIT"}, {Name: "timeInForce", Value: "GTC"}, {Name: "price", Value: "20.1"}, {Name: "quantity", Value: "1"}}},
	"btcturk":   {Method: "POST", Path: "/api/v1/order", Params: exauth.Params{{Name: "quantity", Value: "1"}, {Name: "price", Value: "20.1"}, {Name: "orderMethod", Value: "limit"}, {Name: "pairSymbol", Value: "BTCTRY"}}},
	"bybit":     {Method: "POST", Path: "/v5/order/create", Params: exauth.Params{{Name: "category", Value: "spot"}, {Name: "symbol", Value: "BTCUSDT"}, {Name: "side", Value: "Buy"}, {Name: "price", Value: "20.1"}, {Name: "qty", Value: "1"}}},
	"coinbase":  {Method: "POST", Path: "/api/v3/brokerage/orders", Params: exauth.Params{{Name: "product_id", Value: "BTC-USD"}, {Name: "side", Value: "BUY"}, {Name: "price", Value: "20.1"}}},
	"coinex":    {Method: "POST", Path: "/v2/spot/order", Params: exauth.Params{{Name: "market", Value: "BTCUSDT"}, {Name: "side", Value: "buy"}, {Name: "price", Value: "20.1"}, {Name: "amount", Value: "1"}}},
	"cryptocom": {Method: "POST", Path: "/exchange/v1/private/create-order", Params: exauth.Params{{Name: "instrument_name", Value: "BTC_USDT"}, {Name: "side", Value: "BUY"}, {Name: "price", Value: "20.1"}, {Name: "quantity", Value: "1"}}},
	"deribit":   {Method: "GET", Path: "/api/v2/private/buy", Params: exauth.Params{{Name: "instrument_name", Value: "BTC-PERPETUAL"}, {Name: "amount", Value: "10"}, {Name: "price", Value: "20.1"}}},
	"gate":      {Method: "POST", Path: "/api/v4/spot/orders", Params: exauth.Params{{Name: "currency_pair", Value: "BTC_USDT"}, {Name: "side", Value: "buy"}, {Name: "price", Value: "20.1"}, {Name: "amount", Value: "1"}}},
	"gemini":    {Method: "POST", Path: "/v1/order/new", Params: exauth.Params{{Name: "symbol", Value: "btcusd"}, {Name: "side", Value: "buy"}, {Name: "price", Value: "20.1"}, {Name: "amount", Value: "1"}}},
	"htx":       {Method: "POST", Path: "/v1/order/orders/place", Params: exauth.Params{{Name: "account-id", Value: "7654321"}, {Name: "symbol", Value: "btcusdt"}, {Name: "type", Value: "buy-limit"}, {Name: "price", Value: "20.1"}, {Name: "amount", Value: "1"}}},
	"indodax":   {Method: "POST", Path: "/tapi", Params: exauth.Params{{Name: "method", Value: "trade"}, {Name: "pair", Value: "btc_idr"}, {Name: "type", Value: "buy"}, {Name: "price", Value: "20.1"}}},
	"kraken":    {Method: "POST", Path: "/0/private/AddOrder", Params: exauth.Params{{Name: "pair", Value: "XBTUSD"}, {Name: "type", Value: "buy"}, {Name: "ordertype", Value: "limit"}, {Name: "price", Value: "20.1"}, {Name: "volume", Value: "1"}}},
	"kucoin":    {Method: "POST", Path: "/api/v1/hf/orders", Params: exauth.Params{{Name: "symbol", Value: "BTC-USDT"}, {Name: "side", Value: "buy"}, {Name: "type", Value: "limit"}, {Name: "price", Value: "20.1"}, {Name: "size", Value: "1"}}},
	"lbank":     {Method: "POST", Path: "/v2/supplement/create_order.do", Params: exauth.Params{{Name: "symbol", Value: "btc_usdt"}, {Name: "type", Value: "buy"}, {Name: "price", Value: "20.1"}, {Name: "amount", Value: "1"}}},
	"okx":       {Method: "POST", Path: "/api/v5/trade/order", Params: exauth.Params{{Name: "instId", Value: "BTC-USDT"}, {Name: "side", Value: "buy"}, {Name: "px", Value: "20.1"}, {Name: "sz", Value: "1"}}},
	"upbit":     {Method: "POST", Path: "/v1/orders", Params: exauth.Params{{Name: "market", Value: "KRW-BTC"}, {Name: "side", Value: "bid"}, {Name: "price", Value: "20.1"}, {Name: "volume", Value: "1"}}},
}

// with returns the call with one parameter changed.
func with(call exauth.Call, name string, value any) exauth.Call {
	p := slices.Clone(call.Params.(exauth.Params))
	for i := range p {
		if p[i].Name == name {
			p[i].Value = value
		}
	}
	call.Params = p
	return call
}

// TestFixtureRoundTrip records an order at every venue that takes one and replays
// it: the same order passes, another price is named, another key is refused.
func TestFixtureRoundTrip(t *testing.T) {
	for _, name := range venue.Names() {
		call, ok := placed[name]
		if !ok {
			continue // another environment of one that is here, or a data venue
		}
		t.Run(name, func(t *testing.T) {
			v, _ := venue.ByName(name)
			v.Answer = nil // the script knows no envelopes
			file := filepath.Join(t.TempDir(), name+".http")
			place := func(call exauth.Call) func(testing.TB, *exauth.Client) {
				return func(t testing.TB, c *exauth.Client) {
					for range 2 { // two stamps, two ids
						if _, err := c.Do(t.Context(), call); err != nil {
							t.Logf("do: %v", err)
						}
					}
				}
			}
			text := recordCase(t, v, file, &script{answers: []string{"{}", "{}"}}, place(call))
			for what, secret := range map[string]string{"key": liveID, "secret": liveSecret, "passphrase": livePhrase} {
				if strings.Contains(text, secret[:12]) {
					t.Errorf("the %s shows:\n%s", what, text)
				}
			}
			if !strings.Contains(text, "20.1") {
				t.Errorf("the price does not show:\n%s", text)
			}
			if c := replayCase(v, file, place(call)); len(c.failures) > 0 {
				t.Errorf("replaying the same: %q %q\n%s", c.failures, c.logs, text)
			}
			got := oneFailure(t, replayCase(v, file, place(with(with(call, "price", "20.2"), "px", "20.2"))))
			if !strings.Contains(got, `price" is "20.2", the fixture has "20.1"`) && !strings.Contains(got, `px" is "20.2", the fixture has "20.1"`) {
				t.Errorf("another price: %s", got)
			}
			forged := runCase(func(t testing.TB) {
				fx := exchangetest.Replay(t, file, v, nil)
				c, err := exauth.New(fx.Venue(), liveKey(v), fx.Options())
				if err != nil {
					t.Fatal(err)
				}
				c.Do(t.Context(), call)
			})
			if got := oneFailure(t, forged); !strings.Contains(got, "signature is not that of the fixture's key") {
				t.Errorf("another key: %s", got)
			}
		})
	}
}

// binanceOrder places an order, reads it by the id in the answer, and by its own.
func binanceOrder(t testing.TB, c *exauth.Client) (string, string) {
	t.Helper()
	type order struct {
		OrderID  json.Number `json:"orderId"`
		ClientID string      `json:"clientOrderId"`
	}
	o, err := exauth.Do[order](t.Context(), c, placed["binance"])
	if err != nil {
		t.Fatalf("place: %v", err)
	}
	for _, p := range []exauth.Param{{Name: "orderId", Value: o.OrderID}, {Name: "origClientOrderId", Value: o.ClientID}} {
		again, err := exauth.Get[order](t.Context(), c, "/api/v3/order", exauth.Params{{Name: "symbol", Value: "BTCUSDT"}, p})
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if again != o {
			t.Errorf("order %v read as %v", o, again)
		}
	}
	return o.OrderID.String(), o.ClientID
}

// TestFixtureFlow records a flow through ids against the test exchange: ids differ
// between recording, file and replay, and fit in each.
func TestFixtureFlow(t *testing.T) {
	srv := exchangetest.NewServer(t, venue.Binance(), &exchangetest.Options{NoSocket: true, Skew: time.Hour})
	file := filepath.Join(t.TempDir(), "new", "flow.http")
	var orders, clients [3]string
	rec := func(t testing.TB) {
		fx := exchangetest.Record(t, file, venue.Binance(), &exchangetest.FixtureOptions{
			Credentials: srv.Key(exauth.ScopeTradeSpot).Credential(), Transport: srv.RoundTripper()})
		orders[0], clients[0] = binanceOrder(t, client(t, fx))
	}
	c := runCase(rec)
	if len(c.failures) > 0 {
		t.Fatalf("recording: %q %q", c.failures, c.logs)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 3; i++ {
		c := replayCase(venue.Binance(), file, func(t testing.TB, c *exauth.Client) { orders[i], clients[i] = binanceOrder(t, c) })
		if len(c.failures) > 0 {
			t.Fatalf("replaying: %q\n%s", c.failures, text)
		}
	}
	if orders[1] != orders[2] || clients[0] == clients[1] || clients[1] == clients[2] {
		t.Errorf("orders %q, clients %q", orders, clients)
	}
	if strings.Contains(string(text), clients[0]) || strings.Contains(string(text), "/api/v3/time") {
		t.Errorf("the file shows a client order id, or the clock's call:\n%s", text)
	}
}

// TestFixtureStable: the same answers make the same bytes; comments stay.
func TestFixtureStable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stable.http")
	const body = `{"balances":[{"asset":"BTC","free":"1.5"}],"uid":12345678,"x":"y"}`
	rec := func(body string) string {
		return recordCase(t, venue.Binance(), file, &script{answers: []string{body}}, func(t testing.TB, c *exauth.Client) {
			c.Do(t.Context(), exauth.Call{Path: "/api/v3/account"})
		})
	}
	first := rec(body)
	first = "# Taken on a quiet day.\n" + strings.Replace("\n"+first, "\ntime: 2", "\ntime: 3", 1)[1:]
	if err := os.WriteFile(file, []byte(first), 0o600); err != nil {
		t.Fatal(err)
	}
	if second := rec(body); second != first {
		t.Errorf("recorded again:\n%s\nwas\n%s", second, first)
	}
	third := rec(strings.Replace(body, "1.5", "1.6", 1))
	if !strings.HasPrefix(third, "# Taken on a quiet day.\n") || strings.Contains(third, "\ntime: 3") || !strings.Contains(third, "1.6") {
		t.Errorf("recorded anew:\n%s", third)
	}
}

// TestFixtureMismatch: what differs is named, and fails the test once.
func TestFixtureMismatch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mismatch.http")
	order := placed["okx"]
	account := exauth.Call{Path: "/api/v5/account/balance", Params: exauth.Params{{Name: "ccy", Value: "BTC"}}}
	ok := `{"code":"0","msg":"","data":[{"sCode":"0","ordId":"312269865356374016"}]}`
	do := func(calls ...exauth.Call) func(testing.TB, *exauth.Client) {
		return func(t testing.TB, c *exauth.Client) {
			for _, call := range calls {
				if _, err := c.Do(t.Context(), call); err != nil {
					t.Logf("%v", err)
				}
			}
		}
	}
	recordCase(t, venue.OKX(), file, &script{answers: []string{ok, ok}}, do(account, order))
	fewer := order
	fewer.Params = order.Params.(exauth.Params)[1:]
	more := order
	more.Params = append(slices.Clone(order.Params.(exauth.Params)), exauth.Param{Name: "tdMode", Value: "cash"})
	elsewhere := order
	elsewhere.Path = "/api/v5/trade/order-algo"
	named := order
	named.ClientOrderID = "bot42"
	for _, c := range []struct {
		name  string
		calls []exauth.Call
		want  string // "" passes
	}{
		{"the same", []exauth.Call{account, order}, ""},
		{"another client order id", []exauth.Call{account, named}, ""},
		{"query", []exauth.Call{with(account, "ccy", "ETH")}, `call 1, GET /api/v5/account/balance, is not GET /api/v5/account/balance?ccy=BTC of the fixture:` + "\n\t" + `query parameter "ccy" is "ETH", the fixture has "BTC"`},
		{"JSON", []exauth.Call{account, with(order, "px", "20.10")}, `JSON field "px" is "20.10", the fixture has "20.1"`},
		{"type", []exauth.Call{account, with(order, "sz", 1)}, `JSON field "sz" is 1, the fixture has "1"`},
		{"missing", []exauth.Call{account, fewer}, `JSON field "instId" is missing`},
		{"added", []exauth.Call{account, more}, `JSON field "tdMode" is not in the fixture`},
		{"path", []exauth.Call{account, elsewhere}, `path is "/api/v5/trade/order-algo", the fixture has "/api/v5/trade/order"`},
		{"order of calls", []exauth.Call{order, account}, `method is "POST", the fixture has "GET"`},
		{"one more", []exauth.Call{account, order, account}, "GET /api/v5/account/balance is one call more than the 2 of the fixture"},
		{"one less", []exauth.Call{account}, "call 2 was not made: POST /api/v5/trade/order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := replayCase(venue.OKX(), file, do(c.calls...))
			if c.want == "" {
				if len(got.failures) > 0 {
					t.Errorf("failed: %q", got.failures)
				}
				return
			}
			if text := oneFailure(t, got); !strings.Contains(text, c.want) || !strings.Contains(text, "mismatch.http: ") {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}

// TestFixtureIDs: ids that the file has as one must be one, and the other way round.
func TestFixtureIDs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ids.http")
	do := func(ids ...string) func(testing.TB, *exauth.Client) {
		return func(t testing.TB, c *exauth.Client) {
			for _, id := range ids {
				c.Do(t.Context(), exauth.Call{Path: "/api/v3/order", Params: exauth.Params{
					{Name: "symbol", Value: "BTCUSDT"}, {Name: "origClientOrderId", Value: id}}})
			}
		}
	}
	recordCase(t, venue.Binance(), file, &script{answers: []string{"{}", "{}", "{}"}}, do("a-1", "b-2", "a-1"))
	for _, c := range []struct {
		ids  []string
		want string
	}{
		{[]string{"x-1", "y-2", "x-1"}, ""},
		{[]string{"x-1", "x-1"}, `"origClientOrderId" is the same as before`},
		{[]string{"x-1", "y-2", "z-3"}, `"origClientOrderId" is another one than before`},
	} {
		got := replayCase(venue.Binance(), file, do(c.ids...))
		if text := strings.Join(got.failures, "\n"); (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
			t.Errorf("%q: %s, want %q", c.ids, text, c.want)
		}
	}
}

// TestFixtureTampered: a request that is not what was signed is found at every
// venue, whichever way its signature is checked.
func TestFixtureTampered(t *testing.T) {
	for _, name := range []string{"binance", "bybit", "kraken", "gate", "upbit", "lbank", "deribit", "cryptocom", "gemini", "coinmarketcap"} {
		t.Run(name, func(t *testing.T) {
			v, _ := venue.ByName(name)
			v.Answer = nil
			file := filepath.Join(t.TempDir(), "tampered.http")
			call, ok := placed[name]
			if !ok {
				call = v.Probe
			}
			recordCase(t, v, file, &script{answers: []string{"{}"}}, func(t testing.TB, c *exauth.Client) { c.Do(t.Context(), call) })
			got := runCase(func(t testing.TB) {
				fx := exchangetest.Replay(t, file, v, nil)
				o := fx.Options()
				o.HTTPClient = &http.Client{Transport: tamper{fx}}
				c, err := exauth.New(fx.Venue(), fx.Key(), o)
				if err != nil {
					t.Fatal(err)
				}
				c.Do(t.Context(), call)
			})
			if text := oneFailure(t, got); !strings.Contains(text, "signature is not that") && !strings.Contains(text, "not as the venue's scheme left it") {
				t.Error(text)
			}
		})
	}
}

// tamper changes one character of what authorises a request, and nothing that is
// compared.
type tamper struct{ next http.RoundTripper }

func (x tamper) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	flip := func(s, name string) string {
		i := strings.Index(s, name)
		if i < 0 {
			return s
		}
		i += len(name) + 3
		c := "a"
		if s[i:i+1] == c {
			c = "b"
		}
		return s[:i] + c + s[i+1:]
	}
	out.URL.RawQuery = flip(out.URL.RawQuery, "signature=")
	for _, name := range []string{"Authorization", "Sign", "Api-Sign", "X-Bapi-Sign", "X-Gemini-Signature", "X-Cmc_pro_api_key"} {
		if v := out.Header.Get(name); v != "" {
			out.Header.Set(name, flip(v, v[:len(v)-8]))
		}
	}
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		text := flip(flip(flip(string(b), "signature="), "sign="), `"sig":"`)
		out.Body, out.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		if text == "" {
			out.Body = nil
		}
	}
	return x.next.RoundTrip(out)
}

// TestFixtureRefusesToSave: answers that show a secret, a signature or what cannot be
// scrubbed are not written, and what stood there stays.
func TestFixtureRefusesToSave(t *testing.T) {
	echo := func(what func(req *http.Request) string) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			return (&script{answers: []string{what(req)}}).RoundTrip(req)
		})
	}
	text := func(s string) http.RoundTripper { return echo(func(*http.Request) string { return s }) }
	for _, c := range []struct {
		name string
		rt   http.RoundTripper
		keep []string
		want string
	}{
		{"API key", text(`{"apiName":"` + liveID[:19] + `"}`), []string{"apiName"}, "part of the API key"},
		{"secret in a sentence", text(`{"msg":"you signed with ` + liveSecret[3:19] + `"}`), nil, "part of the secret"},
		{"signature", echo(func(req *http.Request) string {
			_, sig, _ := strings.Cut(req.URL.RawQuery, "signature=")
			return `{"apiName":"` + sig[10:28] + `"}`
		}), []string{"apiName"}, "part of a signature or token of signature"},
		{"broken JSON", text(`{"uid":12345`), nil, "broken JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "refused.http")
			if err := os.WriteFile(file, []byte("what was there"), 0o600); err != nil {
				t.Fatal(err)
			}
			v := venue.Binance()
			v.Clock.Path = ""
			got := runCase(func(t testing.TB) {
				fx := exchangetest.Record(t, file, v, &exchangetest.FixtureOptions{Credentials: liveKey(v), Transport: c.rt, Keep: c.keep})
				client(t, fx).Do(t.Context(), exauth.Call{Path: "/api/v3/account"})
			})
			text := oneFailure(t, got)
			if !strings.Contains(text, "is not saved") || !strings.Contains(text, c.want) {
				t.Errorf("failure %s, want %s", text, c.want)
			}
			for _, secret := range []string{liveID[:12], liveSecret[3:15]} {
				if strings.Contains(text, secret) {
					t.Errorf("failure shows it: %s", text)
				}
			}
			if b, err := os.ReadFile(file); err != nil || string(b) != "what was there" {
				t.Errorf("file was written: %s %v", b, err)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestFixtureForeignClient: a client that exauth did not make is recorded when its
// secrets are named, and only then.
func TestFixtureForeignClient(t *testing.T) {
	file := filepath.Join(t.TempDir(), "foreign.http")
	rec := func(secrets func() []string) *testCase {
		return runCase(func(t testing.TB) {
			fx := exchangetest.Record(t, file, venue.Binance(), &exchangetest.FixtureOptions{
				Transport: &script{answers: []string{`{"balances":[]}`}}, Secrets: secrets})
			req, err := http.NewRequest("GET", "https://api.binance.com/api/v3/account?timestamp=1499827319559&signature="+hexSHA256("k", "timestamp=1499827319559"), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-MBX-APIKEY", liveID)
			if _, err := fx.Client().Do(req); err != nil {
				t.Fatal(err)
			}
		})
	}
	if text := oneFailure(t, rec(nil)); !strings.Contains(text, "FixtureOptions.Secrets") {
		t.Error(text)
	}
	if c := rec(func() []string { return []string{liveID, "k"} }); len(c.failures) > 0 {
		t.Errorf("failed: %q", c.failures)
	}
}

// TestFixtureLost: an attempt without an answer is left out, and the one after it kept.
func TestFixtureLost(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lost.http")
	n := 0
	text := recordCase(t, venue.Binance(), file, roundTrip(func(req *http.Request) (*http.Response, error) {
		if n++; n == 1 {
			return nil, errors.New("connection reset")
		}
		return (&script{answers: []string{`{"symbol":"BTCUSDT","price":"1.0"}`}}).RoundTrip(req)
	}), func(t testing.TB, c *exauth.Client) {
		for range 2 {
			c.Do(t.Context(), exauth.Call{Path: "/api/v3/ticker/price", Params: exauth.Params{{Name: "symbol", Value: "BTCUSDT"}}})
		}
	})
	if strings.Count(text, "=== ") != 2 {
		t.Errorf("file:\n%s", text)
	}
}

// TestFixtureFiles: a file that is not there tells how to record it; one of another
// venue is refused.
func TestFixtureFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "no.http")
	open := func(v *exauth.Venue) *testCase {
		return runCase(func(t testing.TB) { exchangetest.NewFixture(t, file, v, nil) })
	}
	if text := oneFailure(t, open(venue.Binance())); !strings.Contains(text, "EXAUTH_RECORD=1 go test -run '^TestSomething$'") {
		t.Error(text)
	}
	t.Setenv(exchangetest.RecordVariable, "1")
	if c := open(venue.Binance()); len(c.failures) > 0 {
		t.Errorf("recording nothing: %q", c.failures)
	}
	t.Setenv(exchangetest.RecordVariable, "")
	if text := oneFailure(t, open(venue.Kraken())); !strings.Contains(text, `is a fixture of "binance", not of "kraken"`) {
		t.Error(text)
	}
}

// TestFixtureRedacted: a Fixture that has seen a key shows nothing of it.
func TestFixtureRedacted(t *testing.T) {
	v := venue.OKX()
	v.Clock.Path = ""
	c := runCase(func(t testing.TB) {
		o := &exchangetest.FixtureOptions{Credentials: liveKey(v), Transport: &script{answers: []string{"{}"}},
			Secrets: func() []string { return []string{liveSecret} }}
		fx := exchangetest.Record(t, filepath.Join(os.TempDir(), "never", "\x00"), v, o)
		client(t, fx).Do(t.Context(), exauth.Call{Path: "/api/v5/account/balance"})
		for _, x := range []any{fx, *o, o, fx.Options(), struct{ F *exchangetest.Fixture }{fx}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				for _, secret := range []string{liveID, liveSecret, livePhrase, fmt.Sprintf("%x", liveSecret)} {
					if strings.Contains(fmt.Sprintf(verb, x), secret) {
						t.Errorf("%s of %T shows a secret", verb, x)
					}
				}
			}
		}
	})
	if text := oneFailure(t, c); !strings.Contains(text, "is not saved") { // for its name
		t.Error(text)
	}
}

// TestFixtureKeys replays with keys of every kind, each against another one of its
// kind. The copies under other names are checked by signing again.
func TestFixtureKeys(t *testing.T) {
	ed := func() exchangetest.Key {
		_, priv, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		k, err := exchangetest.NewPrivateKey(priv)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	ec := func() exchangetest.Key {
		list, err := exchangetest.DefaultKeys("coinbase")
		if err != nil {
			t.Fatal(err)
		}
		return list[1]
	}
	pair := func() exchangetest.Key {
		_, priv, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		return exchangetest.Key{ID: "fake-" + hexSHA256("id", string(priv))[:16], Secret: base64.StdEncoding.EncodeToString(priv)}
	}
	as := func(v *exauth.Venue, name string) *exauth.Venue { v.Name = name; return v }
	for _, c := range []struct {
		name string
		v    func() *exauth.Venue
		key  func() exchangetest.Key
		call exauth.Call
	}{
		{"Binance, Ed25519", venue.Binance, ed, placed["binance"]},
		{"Binance under another name", func() *exauth.Venue { return as(venue.Binance(), "other") }, ed, placed["binance"]},
		{"Coinbase, P-256", venue.Coinbase, ec, placed["coinbase"]},
		{"Coinbase, Ed25519", venue.Coinbase, pair, placed["coinbase"]},
		{"Coinbase under another name, P-256", func() *exauth.Venue { return as(venue.Coinbase(), "other") }, ec, placed["coinbase"]},
		{"Coinbase under another name, Ed25519", func() *exauth.Venue { return as(venue.Coinbase(), "other") }, pair, placed["coinbase"]},
		{"CoinMarketCap, a bare key", venue.CoinMarketCap, func() exchangetest.Key {
			return exchangetest.Key{ID: "fake-0123456789-" + hexSHA256("a", t.Name())[:4]}
		},
			exauth.Call{Path: "/v1/key/info"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, key, v := filepath.Join(t.TempDir(), "keys.http"), c.key(), c.v()
			v.Answer, v.Clock.Path = nil, ""
			send := func(fx *exchangetest.Fixture, source exauth.KeySource) func(t testing.TB) {
				return func(t testing.TB) {
					o := fx.Options()
					o.NoRetry = true
					cl, err := exauth.New(fx.Venue(), source, o)
					if err != nil {
						t.Fatal(err)
					}
					cl.Do(t.Context(), c.call)
				}
			}
			rec := runCase(func(t testing.TB) {
				fx := exchangetest.Record(t, file, v, &exchangetest.FixtureOptions{Credentials: key.Credential(), Transport: &script{answers: []string{"{}"}}})
				send(fx, fx.Key())(t)
			})
			if len(rec.failures) > 0 {
				t.Fatalf("recording: %q", rec.failures)
			}
			same := runCase(func(t testing.TB) {
				fx := exchangetest.Replay(t, file, v, &exchangetest.FixtureOptions{Key: key})
				send(fx, fx.Key())(t)
			})
			if len(same.failures) > 0 {
				t.Errorf("its own key: %q", same.failures)
			}
			other := c.key()
			if other.ID == key.ID {
				other.ID = "fake-another-one"
			}
			forged := runCase(func(t testing.TB) {
				fx := exchangetest.Replay(t, file, v, &exchangetest.FixtureOptions{Key: key})
				send(fx, other.Credential())(t)
			})
			if text := oneFailure(t, forged); !strings.Contains(text, "signature is not that of the fixture's key") {
				t.Errorf("another key: %s", text)
			}
		})
	}
}

// TestFixtureConcurrent: goroutines share a Fixture, also where all ask the same.
func TestFixtureConcurrent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "many.http")
	const workers, each = 8, 5
	many := func(t testing.TB, c *exauth.Client) {
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range each {
					got, err := exauth.Get[[]struct{ Balance string }](t.Context(), c, "/api/v5/account/balance", nil)
					if err != nil || len(got) != 1 {
						t.Errorf("%v, %v", got, err)
					}
				}
			})
		}
		wg.Wait()
	}
	text := recordCase(t, venue.OKX(), file, roundTrip(func(req *http.Request) (*http.Response, error) {
		return (&script{answers: []string{`{"code":"0","msg":"","data":[{"balance":"1.5"}]}`}}).RoundTrip(req)
	}), many)
	if n := strings.Count(text, " request\n"); n != workers*each {
		t.Errorf("%d calls recorded, want %d", n, workers*each)
	}
	if c := replayCase(venue.OKX(), file, many); len(c.failures) > 0 {
		t.Errorf("replaying: %q", c.failures)
	}
}
