package exchangetest_test

import (
	"bytes"
	"context"
	"encoding/json"
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
	cancel  func(id string) exauth.Call // by the client's id, or by the venue's where orderID finds it
	orderID func(payload []byte) string // in the answer to an order

	wrongSecret error // what a signature by another secret comes out as
	inUse       error // what a second order of one id comes out as; nil: it is answered like the first
	executed    int   // how often the two are then executed
}

// idAt finds an order's id in an answer.
func idAt(name string) func([]byte) string {
	return func(payload []byte) string {
		var order map[string]any
		_ = json.Unmarshal(payload, &order)
		id, _ := order[name].(string)
		return id
	}
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
		wrongSecret: exauth.ErrSignature, inUse: exauth.ErrDuplicateOrder, executed: 1,
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
		wrongSecret: exauth.ErrSignature, inUse: exauth.ErrDuplicateOrder, executed: 1,
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
		wrongSecret: exauth.ErrSignature, inUse: exauth.ErrDuplicateOrder, executed: 1,
	},
	"coinbase": {
		balance: exauth.Call{Path: "/api/v3/brokerage/accounts"},
		order: func(id, price, qty string) exauth.Call {
			limit := exauth.Params{{Name: "limit_limit_gtc", Value: params("base_size", qty, "limit_price", price)}}
			return exauth.Call{Method: "POST", Path: "/api/v3/brokerage/orders", Params: append(params("client_order_id", id, "product_id", "BTC-USD",
				"side", "BUY"), exauth.Param{Name: "order_configuration", Value: limit})}
		},
		query: func(string) exauth.Call { // there is no query by the client's id that is not deprecated
			return exauth.Call{Path: "/api/v3/brokerage/orders/historical/batch", Params: params("product_ids", "BTC-USD")}
		},
		cancel: func(id string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/api/v3/brokerage/orders/batch_cancel", Params: exauth.Params{{Name: "order_ids", Value: []any{id}}}}
		},
		orderID: idAt("order_id"), wrongSecret: exauth.ErrKey, executed: 1, // the second answers with the first
	},
	"cryptocom": {
		balance: exauth.Call{Method: "POST", Path: "/exchange/v1/private/user-balance"},
		order: func(id, price, qty string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/exchange/v1/private/create-order", Params: params("instrument_name", "BTC_USD", "side", "BUY",
				"type", "LIMIT", "quantity", qty, "price", price, "client_oid", id)}
		},
		query: func(id string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/exchange/v1/private/get-order-detail", Params: params("client_oid", id)}
		},
		cancel: func(id string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/exchange/v1/private/cancel-order", Params: params("client_oid", id)}
		},
		wrongSecret: exauth.ErrKey, inUse: exauth.ErrDuplicateOrder, executed: 1,
	},
	"gemini": {
		balance: exauth.Call{Method: "POST", Path: "/v1/balances"},
		order: func(id, price, qty string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/v1/order/new", Params: params("client_order_id", id, "symbol", "btcusd", "amount", qty,
				"price", price, "side", "buy", "type", "exchange limit")}
		},
		query: func(id string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/v1/order/status", Params: params("client_order_id", id)}
		},
		cancel: func(id string) exauth.Call {
			return exauth.Call{Method: "POST", Path: "/v1/order/cancel", Params: params("order_id", id)}
		},
		orderID: idAt("order_id"), wrongSecret: exauth.ErrSignature, executed: 2, // nobody counts ids there
	},
}

// played are the venues that there is an exchange of.
var played = []string{"binance", "coinbase", "cryptocom", "gemini", "kraken", "okx"}

// eachVenue runs f for every exchange that can be played, once over a socket and
// once in a bubble.
func eachVenue(t *testing.T, f func(t *testing.T, v *exauth.Venue, d dialogue)) {
	for _, name := range played {
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
		do := func(name string, call exauth.Call) []byte {
			res, err := c.Do(t.Context(), call)
			if err != nil || res.Status != 200 {
				t.Fatalf("%s: %v", name, err)
			}
			return res.Payload
		}
		do("balance", d.balance)
		id, placed := "bot1", do("order", d.order("bot1", "50000.1", "0.1"))
		if found := do("query", d.query("bot1")); !bytes.Contains(found, []byte(`"bot1"`)) {
			t.Errorf("query: %s", found)
		}
		if d.orderID != nil {
			id = d.orderID(placed)
		}
		do("cancel", d.cancel(id))
		if n := srv.Executions("bot1"); n != 1 {
			t.Errorf("executed %d times", n)
		}
	})
}

// An order without a client order id gets one that the exchange takes: the field is
// the venue's, and so are characters and length.
func TestClientNamesOrders(t *testing.T) {
	eachVenue(t, func(t *testing.T, v *exauth.Venue, d dialogue) {
		srv := exchangetest.NewServer(t, v, nil)
		c := clientOf(t, srv, srv.Key(exauth.ScopeTradeSpot).Credential())
		seen := map[string]bool{}
		for range 3 {
			res, err := c.Do(t.Context(), d.order("", "50000.1", "0.1"))
			if err != nil {
				t.Fatal(err)
			}
			if id := res.ClientOrderID; id == "" || seen[id] || srv.Executions(id) != 1 {
				t.Errorf("id %q, executed %d times", id, srv.Executions(id))
			}
			seen[res.ClientOrderID] = true
		}
	})
}

// What an exchange refuses comes out as the sentinel to decide by.
func TestClientErrors(t *testing.T) {
	eachVenue(t, func(t *testing.T, v *exauth.Venue, d dialogue) {
		srv := exchangetest.NewServer(t, v, nil)
		trader, reader := srv.Key(exauth.ScopeTradeSpot), srv.Key(exauth.ScopeRead)
		forged, stranger := trader, trader
		forged.Secret, forged.PEM, forged.Public = reader.Secret, reader.PEM, reader.Public
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
			{"wrong secret", forged, d.balance, []error{d.wrongSecret}},
			{"unknown key", stranger, d.balance, []error{exauth.ErrKey}},
			{"read-only key", reader, d.order("x1", "50000.1", "0.1"), []error{exauth.ErrPermission, exauth.ErrKey}}, // Binance does not tell the two apart
			{"too dear", trader, d.order("x2", "50000.1", "100"), []error{exauth.ErrInsufficientFunds}},
			{"id in use", trader, d.order("taken", "50000.1", "0.1"), []error{d.inUse}},
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
		if n := srv.Executions("taken"); n != d.executed {
			t.Errorf("two orders of one id were executed %d times, want %d", n, d.executed)
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
