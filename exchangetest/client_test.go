package exchangetest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// The other side of the table: exauth's own client against the exchanges. Signing
// and verifying were written apart, so where they agree both are likely right.

// A dialogue is what one venue calls the things that all can do.
type dialogue struct {
	balance exauth.Call
	order   func(clientID, price, qty string) exauth.Call // a limit buy of BTC
	query   func(clientID string) exauth.Call
	cancel  func(clientID string) exauth.Call
}

func params(pairs ...string) exauth.Params {
	var p exauth.Params
	for i := 0; i < len(pairs); i += 2 {
		p = append(p, exauth.Param{Name: pairs[i], Value: pairs[i+1]})
	}
	return p
}

var dialogues = map[string]dialogue{
	"binance": {
		balance: exauth.Call{Path: "/api/v3/account"},
		order: func(id, price, qty string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/api/v3/order", Params: params("symbol", "BTCUSDT", "side", "BUY",
				"type", "LIMIT", "timeInForce", "GTC", "quantity", qty, "price", price, "newClientOrderId", id)}
		},
		query: func(id string) exauth.Call {
			return exauth.Call{Path: "/api/v3/order", Params: params("symbol", "BTCUSDT", "origClientOrderId", id)}
		},
		cancel: func(id string) exauth.Call {
			return exauth.Call{Method: "DELETE", Path: "/api/v3/order", Params: params("symbol", "BTCUSDT", "origClientOrderId", id)}
		},
	},
	"kraken": {
		balance: exauth.Call{Method: "POST", Path: "/0/private/Balance"},
		order: func(id, price, qty string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/0/private/AddOrder", Params: params("pair", "XBTUSD", "type", "buy",
				"ordertype", "limit", "volume", qty, "price", price, "cl_ord_id", id)}
		},
		query: func(id string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/0/private/QueryOrders", Params: params("cl_ord_id", id)}
		},
		cancel: func(id string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/0/private/CancelOrder", Params: params("cl_ord_id", id)}
		},
	},
	"okx": {
		balance: exauth.Call{Path: "/api/v5/account/balance"},
		order: func(id, price, qty string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/api/v5/trade/order", Params: params("instId", "BTC-USDT", "tdMode", "cash",
				"side", "buy", "ordType", "limit", "sz", qty, "px", price, "clOrdId", id)}
		},
		query: func(id string) exauth.Call {
			return exauth.Call{Path: "/api/v5/trade/order", Params: params("instId", "BTC-USDT", "clOrdId", id)}
		},
		cancel: func(id string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/api/v5/trade/cancel-order", Params: params("instId", "BTC-USDT", "clOrdId", id)}
		},
	},
}

// eachVenue runs f for every exchange that can be played, once over a socket and
// once in a bubble.
func eachVenue(t *testing.T, f func(t *testing.T, v *exauth.Venue, d dialogue)) {
	for _, name := range []string{"binance", "kraken", "okx"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, ok := venue.ByName(name)
			if !ok {
				t.Fatalf("package venue has no %s", name)
			}
			t.Run("socket", func(t *testing.T) { f(t, v, dialogues[name]) })
			t.Run("bubble", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { f(t, v, dialogues[name]) })
			})
		})
	}
}

// clientOf makes exauth's client for a key.
func clientOf(t *testing.T, srv *exchangetest.Server, key *exauth.Key) *exauth.Client {
	t.Helper()
	c, err := exauth.New(srv.Venue(), key, &exauth.Options{HTTPClient: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestClientTrades(t *testing.T) {
	eachVenue(t, func(t *testing.T, v *exauth.Venue, d dialogue) {
		srv := exchangetest.NewServer(t, v, &exchangetest.Options{Skew: 5 * time.Second, Latency: 2 * time.Millisecond})
		c := clientOf(t, srv, srv.Key(exauth.ScopeTradeSpot).Credential())
		if err := c.Check(t.Context()); err != nil {
			t.Fatalf("check: %v", err)
		}
		for _, step := range []struct {
			name string
			call exauth.Call
		}{{"balance", d.balance}, {"order", d.order("bot1", "50000.1", "0.1")}, {"query", d.query("bot1")}, {"cancel", d.cancel("bot1")}} {
			if res, err := c.Do(t.Context(), step.call); err != nil || res.Status != 200 {
				t.Errorf("%s: %v", step.name, err)
			}
		}
		if n := srv.Executions("bot1"); n != 1 {
			t.Errorf("executed %d times", n)
		}
	})
}

// What an exchange refuses comes out as the sentinel to decide by.
func TestClientErrors(t *testing.T) {
	eachVenue(t, func(t *testing.T, v *exauth.Venue, d dialogue) {
		srv := exchangetest.NewServer(t, v, nil)
		trader, reader := srv.Key(exauth.ScopeTradeSpot), srv.Key(exauth.ScopeRead)
		forged, stranger := trader, trader
		forged.Secret = reader.Secret
		stranger.ID = exchangeID(t, v.Name)
		clients := map[exchangetest.Key]*exauth.Client{} // one per key: a nonce must have one owner
		for _, k := range []exchangetest.Key{trader, reader, forged, stranger} {
			clients[k] = clientOf(t, srv, k.Credential())
		}
		do := func(key exchangetest.Key, call exauth.Call) error {
			_, err := clients[key].Do(t.Context(), call)
			return err
		}
		if err := do(trader, d.order("taken", "50000.1", "0.1")); err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			name string
			key  exchangetest.Key
			call exauth.Call
			want []error // any of these
		}{
			{"wrong secret", forged, d.balance, []error{exauth.ErrSignature}},
			{"unknown key", stranger, d.balance, []error{exauth.ErrKey}},
			{"read-only key", reader, d.order("x1", "50000.1", "0.1"), []error{exauth.ErrPermission, exauth.ErrKey}}, // Binance does not tell the two apart
			{"too dear", trader, d.order("x2", "50000.1", "100"), []error{exauth.ErrInsufficientFunds}},
			{"id in use", trader, d.order("taken", "50000.1", "0.1"), []error{exauth.ErrDuplicateOrder}},
			{"cancel of no order", trader, d.cancel("never"), []error{exauth.ErrUnknownOrder}},
		} {
			err := do(tc.key, tc.call)
			found := false
			for _, want := range tc.want {
				found = found || errors.Is(err, want)
			}
			if !found {
				t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
			}
		}
		if n := srv.Executions("x1") + srv.Executions("x2"); n != 0 {
			t.Errorf("%d refused orders were executed", n)
		}
	})
}

// exchangeID is an id of the venue's shape that it has not given out.
func exchangeID(t *testing.T, name string) string {
	keys, err := exchangetest.DefaultKeys(name)
	if err != nil {
		t.Fatal(err)
	}
	return keys[0].ID
}

// An order whose answer comes too late was executed all the same, and the client
// must not have sent it twice.
func TestClientTimeout(t *testing.T) {
	eachVenue(t, func(t *testing.T, v *exauth.Venue, d dialogue) {
		srv := exchangetest.NewServer(t, v, &exchangetest.Options{Latency: 300 * time.Millisecond})
		c := clientOf(t, srv, srv.Key(exauth.ScopeTradeSpot).Credential())
		if err := c.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer stop()
		_, err := c.Do(ctx, d.order("late", "50000.1", "0.1"))
		if !errors.Is(err, exauth.ErrOutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want an unknown outcome", err)
		}
		time.Sleep(300 * time.Millisecond)
		if n := srv.Executions("late"); n != 1 {
			t.Errorf("executed %d times", n)
		}
	})
}
