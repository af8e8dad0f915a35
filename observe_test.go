package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// watched is an Observer that keeps what it is shown.
type watched struct {
	mu   sync.Mutex
	list []exauth.Attempt
}

func (s *watched) observe(a exauth.Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, a)
}

// last returns the newest attempt.
func (s *watched) last(t *testing.T) exauth.Attempt {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		t.Fatal("the Observer saw nothing")
	}
	return s.list[len(s.list)-1]
}

// answering serves one text to everybody.
func serving(t testing.TB, status int, text string) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestObserverTells: an attempt says when, where, who, what it cost, how long it
// took, and what became of it.
func TestObserverTells(t *testing.T) {
	s := &watched{}
	v := headerVenue(serving(t, 200, `{}`))
	v.Quotas = []exauth.Quota{{Name: "weight", Kind: exauth.FixedWindow, Limit: 100, Window: time.Minute}}
	type traceKey struct{}
	var trace any
	c := must(exauth.New(v, tinyKey(), &exauth.Options{Account: "main", Observer: func(a exauth.Attempt) {
		trace = a.Context().Value(traceKey{})
		s.observe(a)
	}}))(t)
	before := time.Now()
	call := exauth.Call{Method: "POST", Path: "/order", Params: exauth.Params{{Name: "symbol", Value: "BTCUSDT"}}, Costs: []exauth.Cost{{Quota: "weight", N: 7}}}
	must(c.Do(context.WithValue(bg, traceKey{}, "trace 1"), call))(t)
	a := s.last(t)
	switch {
	case a.Venue != "tiny", a.Account != "main", a.Method != "POST", a.Path != "/order", a.Route != "/order", a.Scheme != "http",
		!strings.HasPrefix(a.Host, "127.0.0.1:"), a.Status != 200, a.Outcome != exauth.OutcomeAccepted, a.Err != nil, a.Number != 1,
		a.Scope != exauth.ScopeTradeSpot, len(a.Key) != 16, len(a.Costs) != 1, a.Costs[0].N != 7, !slices.Equal(a.Symbols, []string{"BTCUSDT"}):
		t.Errorf("%+v", a)
	case a.Time.Before(before), !a.Time.Equal(a.Sent), a.Latency() <= 0, a.Latency() > time.Since(before):
		t.Errorf("times: %v, %v to %v, %v", a.Time, a.Sent, a.Received, a.Latency())
	case trace != "trace 1":
		t.Errorf("context: %v", trace)
	}
	if (exauth.Attempt{}).Context() == nil || (exauth.Attempt{}).Latency() != 0 {
		t.Error("the zero Attempt is of no use")
	}
}

// TestObserverSeesRefusals: what never left this process is seen, too.
func TestObserverSeesRefusals(t *testing.T) {
	url := serving(t, 200, `{}`)
	withdraw := exauth.Call{Method: "POST", Path: "/withdraw", Params: exauth.Params{{Name: "symbol", Value: "BTC"}, {Name: "to", Value: "someone"}}}
	order := exauth.Call{Method: "POST", Path: "/order"}
	cases := []struct {
		name  string
		opts  exauth.Options
		key   exauth.KeySource
		call  func(c *exauth.Client) error
		is    error
		scope exauth.Scope
		route string
		keyed bool
	}{
		{"a withdrawal that the client may not make", exauth.Options{}, tinyKey(), do(withdraw), exauth.ErrScope, exauth.ScopeWithdraw, "/withdraw", true},
		{"a withdrawal that the key may not make", exauth.Options{Scope: all}, tinyKey().Restrict(exauth.ScopeRead), do(withdraw), exauth.ErrScope, exauth.ScopeWithdraw, "/withdraw", true},
		{"a withdrawal by another client's request", exauth.Options{}, tinyKey(), func(c *exauth.Client) error {
			_, err := c.Transport().RoundTrip(must(http.NewRequest("POST", url+"/withdraw", strings.NewReader(`{"symbol":"BTC"}`)))(t))
			return err
		}, exauth.ErrScope, exauth.ScopeWithdraw, "/withdraw", true},
		{"a withdrawal that is only to be signed", exauth.Options{}, tinyKey(), func(c *exauth.Client) error {
			_, err := c.Sign(bg, withdraw)
			return err
		}, exauth.ErrScope, exauth.ScopeWithdraw, "/withdraw", true},
		{"another host", exauth.Options{}, tinyKey(), do(exauth.Call{Path: "https://evil.example/steal?secret=1"}), exauth.ErrHost, 0, "", true},
		{"a parameter", exauth.Options{}, tinyKey(), do(exauth.Call{Path: "/x", Params: 1.5}), exauth.ErrParam, 0, "/x", true},
		{"no key", exauth.Options{}, nil, do(order), exauth.ErrNoKey, exauth.ScopeTradeSpot, "/order", false},
		{"a policy", exauth.Options{Policy: func(context.Context, *exauth.Request) error { return errors.New("not today") }}, tinyKey(), do(order), nil,
			exauth.ScopeTradeSpot, "/order", true},
		{"the limiter", exauth.Options{Limiter: failingLimiter{exauth.ErrRateLimited}}, tinyKey(), do(order), exauth.ErrRateLimited, exauth.ScopeTradeSpot, "/order", true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := &watched{}
			tc.opts.Observer, tc.opts.NoRetry = s.observe, true
			c := must(exauth.New(headerVenue(url), tc.key, &tc.opts))(t)
			err := tc.call(c)
			a := s.last(t)
			if len(s.list) != 1 || a.Err == nil || err == nil || a.Err.Error() != err.Error() || tc.is != nil && !errors.Is(a.Err, tc.is) {
				t.Errorf("%d attempts, %v; returned %v", len(s.list), a.Err, err)
			}
			if a.Outcome != exauth.OutcomeNotSent || !a.Sent.IsZero() || a.Time.IsZero() || a.Status != 0 || a.Latency() != 0 || len(a.Costs) != 0 {
				t.Errorf("%+v", a)
			}
			if a.Scope != tc.scope || a.Route != tc.route || (a.Key != "") != tc.keyed {
				t.Errorf("scope %s, route %q, key %q", a.Scope, a.Route, a.Key)
			}
		})
	}
	t.Run("halted", func(t *testing.T) {
		s := &watched{}
		c := must(exauth.New(headerVenue(url), tinyKey(), &exauth.Options{Observer: s.observe}))(t)
		c.Halt("enough")
		if _, err := c.Do(bg, order); !errors.Is(err, exauth.ErrHalted) || !errors.Is(s.last(t).Err, exauth.ErrHalted) {
			t.Errorf("%v, %v", err, s.last(t).Err)
		}
	})
	t.Run("signed for others to send", func(t *testing.T) {
		s := &watched{}
		c := must(exauth.New(headerVenue(url), tinyKey(), &exauth.Options{Observer: s.observe, Scope: all}))(t)
		must(c.Sign(bg, withdraw))(t)
		if a := s.last(t); a.Err != nil || a.Outcome != exauth.OutcomeNotSent || a.Scope != exauth.ScopeWithdraw || a.Key == "" || a.Symbols[0] != "BTC" {
			t.Errorf("%+v", a)
		}
	})
}

func do(call exauth.Call) func(*exauth.Client) error {
	return func(c *exauth.Client) error { _, err := c.Do(bg, call); return err }
}

// TestObserverSymbols: symbols are found under the names the venues use, and nothing
// else of a call is told.
func TestObserverSymbols(t *testing.T) {
	keys := map[string]*exauth.Key{
		"kucoin": exauth.NewSecretKey("symbols-key-id", "c2VjcmV0LXNlY3JldA==").WithPassphrase("phrase-phrase"),
		"okx":    exauth.NewSecretKey("symbols-key-id", "secret-secret").WithPassphrase("phrase-phrase"),
	}
	named := func(ps ...string) exauth.Params {
		var p exauth.Params
		for i := 0; i < len(ps); i += 2 {
			p = append(p, exauth.Param{Name: ps[i], Value: ps[i+1]})
		}
		return p
	}
	for _, tc := range []struct {
		venue, method, path string
		params              any
		want                []string
	}{
		{"binance", "GET", "/api/v3/order", named("symbol", "BTCUSDT", "orderId", "42"), []string{"BTCUSDT"}},
		{"binance", "GET", "/api/v3/ticker/price", named("symbols", `["BTCUSDT","ETHUSDT"]`), []string{"BTCUSDT", "ETHUSDT"}},
		{"okx", "POST", "/api/v5/trade/batch-orders", []exauth.Params{named("instId", "BTC-USDT", "sz", "1"), named("instId", "ETH-USDT", "sz", "1")}, []string{"BTC-USDT", "ETH-USDT"}},
		{"kraken", "POST", "/0/private/AddOrder", named("pair", "XBTUSD", "volume", "1", "userref", "7"), []string{"XBTUSD"}},
		{"gate", "GET", "/api/v4/spot/orders", named("currency_pair", "BTC_USDT", "status", "open"), []string{"BTC_USDT"}},
		{"gemini", "GET", "/v1/pubticker/{symbol}", named("symbol", "btcusd"), []string{"btcusd"}},
		{"gemini", "GET", "/v1/pubticker/btcusd", nil, []string{"btcusd"}},
		{"kucoin", "POST", "/api/v1/hf/orders", exauth.Params{{Name: "symbol", Value: "symbols-key-id"}, {Name: "clientOid", Value: "1"}}, nil}, // the key is no symbol
		{"binance", "GET", "/api/v3/order", named("symbol", "no symbol <at all>"), nil},
		{"binance", "GET", "/api/v3/order", named("symbol", strings.Repeat("X", 100)), nil},
		{"binance", "GET", "/sapi/v1/capital/withdraw/history", named("coin", "BTC", "address", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"), nil},
	} {
		t.Run(tc.venue+" "+tc.path, func(t *testing.T) {
			v, ok := venue.ByName(tc.venue)
			if !ok {
				t.Fatal("no such venue")
			}
			key := keys[tc.venue]
			if key == nil {
				key = exauth.NewSecretKey("symbols-key-id", "c2VjcmV0LXNlY3JldA==")
			}
			s := &watched{}
			c := must(exauth.New(v, key, &exauth.Options{Observer: s.observe, Scope: all, Now: fixedNow}))(t)
			_, err := c.Sign(bg, exauth.Call{Method: tc.method, Path: tc.path, Params: tc.params})
			if err != nil {
				t.Fatal(err)
			}
			if a := s.last(t); !slices.Equal(a.Symbols, tc.want) {
				t.Errorf("%q, want %q", a.Symbols, tc.want)
			}
		})
	}
}

// TestObserverRoute: routes are few, whatever a call names in its path.
func TestObserverRoute(t *testing.T) {
	for _, tc := range []struct {
		venue string
		call  exauth.Call
		want  string
	}{
		{"gate", exauth.Call{Method: "GET", Path: "/api/v4/spot/orders/123456", Params: exauth.Params{{Name: "currency_pair", Value: "A_B"}}}, "/api/v4/spot/orders/{order_id}"},
		{"binance", exauth.Call{Path: "/api/v3/nobody/knows/this"}, "/api/v3/nobody/knows/this"},
		{"binance", exauth.Call{Path: "/api/v3/nobody/123456/x"}, "/api/v3/nobody/{}/x"},
		{"binance", exauth.Call{Path: "/api/v3/nobody/0b5a4d40-94f4-4a83-8b9d-2f0d1f1c9f11"}, "/api/v3/nobody/{}"},
		{"binance", exauth.Call{Path: "/api/v3/nobody/{who}", Params: exauth.Params{{Name: "who", Value: "me"}}}, "/api/v3/nobody/{who}"},
		{"indodax", exauth.Call{Method: "POST", Path: "/tapi", Params: exauth.Params{{Name: "method", Value: "getInfo"}}}, "/tapi?method=getInfo"},
	} {
		v, _ := venue.ByName(tc.venue)
		s := &watched{}
		c := must(exauth.New(v, exauth.NewSecretKey("route-key-id", "c2VjcmV0LXNlY3JldA=="), &exauth.Options{Observer: s.observe, Scope: all, Now: fixedNow}))(t)
		if _, err := c.Sign(bg, tc.call); err != nil {
			t.Errorf("%s: %v", tc.call.Path, err)
		} else if got := s.last(t).Route; got != tc.want {
			t.Errorf("%s: %q, want %q", tc.call.Path, got, tc.want)
		}
	}
}

// TestObservers calls each that is one, in order.
func TestObservers(t *testing.T) {
	var got []string
	add := func(name string) func(exauth.Attempt) {
		return func(a exauth.Attempt) { got = append(got, name+a.Venue) }
	}
	exauth.Observers(add("first "), nil, add("second "))(exauth.Attempt{Venue: "v"})
	exauth.Observers()(exauth.Attempt{})
	if !slices.Equal(got, []string{"first v", "second v"}) {
		t.Error(got)
	}
}
