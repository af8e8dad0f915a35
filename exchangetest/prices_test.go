package exchangetest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// What package venue says a call costs is what the exchange takes for it: two tables,
// read from the vendors' pages by different people.
func TestVenuesPriceCallsAsTheExchange(t *testing.T) {
	const (
		depth    = "GET /api/v3/depth symbol=BTCUSDT"
		order    = " symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC quantity=0.1 price=50000"
		okxOrder = " instId=BTC-USDT tdMode=cash side=buy ordType=limit sz=0.1 px=50000"
	)
	for name, calls := range map[string][]string{
		"binance": {
			"GET /api/v3/ping", "GET /api/v3/time", "GET /api/v3/exchangeInfo", "GET /api/v3/exchangeInfo symbol=BTCUSDT",
			"GET /api/v3/ticker/price", "GET /api/v3/ticker/price symbol=BTCUSDT",
			depth, depth + " limit=100", depth + " limit=101", depth + " limit=500", depth + " limit=501", depth + " limit=1000", depth + " limit=1001", depth + " limit=5000",
			"GET /api/v3/account", "GET /api/v3/order symbol=BTCUSDT orderId=7", "GET /api/v3/openOrders", "GET /api/v3/openOrders symbol=BTCUSDT",
			"GET /api/v3/allOrders symbol=BTCUSDT", "GET /api/v3/myTrades symbol=BTCUSDT", "GET /api/v3/myTrades symbol=BTCUSDT orderId=7",
			"GET /api/v3/rateLimit/order", "GET /sapi/v1/account/apiRestrictions",
			"POST /api/v3/order/test" + order, "POST /api/v3/order/test" + order + " computeCommissionRates=true", "POST /api/v3/order/test" + order + " computeCommissionRates=false",
			"POST /api/v3/order" + order, "DELETE /api/v3/order symbol=BTCUSDT orderId=7", "DELETE /api/v3/openOrders symbol=BTCUSDT",
			"POST /sapi/v1/capital/withdraw/apply coin=BTC address=a amount=0.1",
		},
		"kraken": {
			"GET /0/public/Time", "GET /0/public/Ticker pair=XBTUSD", "GET /0/public/Depth pair=XBTUSD", "GET /0/public/AssetPairs",
			"POST /0/private/Balance", "POST /0/private/BalanceEx", "POST /0/private/QueryOrders txid=O1", "POST /0/private/OpenOrders",
			"POST /0/private/ClosedOrders", "POST /0/private/TradesHistory", "POST /0/private/GetWebSocketsToken",
			"POST /0/private/AddOrder pair=XBTUSD type=buy ordertype=limit volume=0.1 price=50000", "POST /0/private/CancelOrder txid=O1",
			"POST /0/private/CancelAll", "POST /0/private/Withdraw asset=XBT key=k amount=0.1",
		},
		"okx": {
			"GET /api/v5/public/time", "GET /api/v5/market/ticker instId=BTC-USDT", "GET /api/v5/market/books instId=BTC-USDT",
			"GET /api/v5/account/balance", "GET /api/v5/account/config", "GET /api/v5/trade/account-rate-limit",
			"GET /api/v5/trade/order instId=BTC-USDT ordId=7", "GET /api/v5/trade/orders-pending", "GET /api/v5/trade/orders-history instType=SPOT",
			"GET /api/v5/trade/fills", "POST /api/v5/trade/order" + okxOrder, "POST /api/v5/trade/cancel-order instId=BTC-USDT ordId=7",
			"POST /api/v5/trade/batch-orders [" + okxOrder + " ]", "POST /api/v5/trade/batch-orders [" + okxOrder + " ] [" + okxOrder + " ]",
			"POST /api/v5/trade/cancel-batch-orders [ instId=BTC-USDT ordId=7 ] [ instId=ETH-USDT ordId=8 ]",
			"POST /api/v5/asset/withdrawal ccy=BTC amt=0.1 dest=4 toAddr=a",
		},
		"coinbase": {
			"GET /api/v3/brokerage/time", "GET /api/v3/brokerage/market/products", "GET /api/v3/brokerage/market/products/BTC-USD/ticker", "GET /v2/time",
			"GET /v2/currencies", "GET /v2/exchange-rates", "GET /api/v3/brokerage/products", "GET /api/v3/brokerage/product_book product_id=BTC-USD",
			"GET /api/v3/brokerage/accounts", "GET /api/v3/brokerage/key_permissions", "GET /api/v3/brokerage/orders/historical/batch",
			"GET /api/v3/brokerage/orders/historical/fills", "GET /api/v3/brokerage/orders/historical/7", "POST /api/v3/brokerage/orders client_order_id=a",
			"POST /api/v3/brokerage/orders/batch_cancel order_ids=a", "POST /v2/accounts/a/transactions type=send", "GET /v2/accounts",
		},
		"cryptocom": {
			"GET /exchange/v1/public/get-instruments", "GET /exchange/v1/public/get-tickers", "GET /exchange/v1/public/get-book instrument_name=BTC_USD",
			"POST /exchange/v1/private/user-balance", "POST /exchange/v1/private/get-currency-networks", "POST /exchange/v1/private/create-order side=BUY",
			"POST /exchange/v1/private/create-order-list contingency_type=LIST", "POST /exchange/v1/private/cancel-order order_id=7",
			"POST /exchange/v1/private/cancel-order-list contingency_type=LIST", "POST /exchange/v1/private/cancel-all-orders",
			"POST /exchange/v1/private/get-open-orders", "POST /exchange/v1/private/get-order-detail order_id=7", "POST /exchange/v1/private/get-order-history",
			"POST /exchange/v1/private/get-trades", "POST /exchange/v1/private/create-withdrawal currency=BTC",
		},
		"gemini": {
			"GET /v1/symbols", "GET /v1/symbols/details/btcusd", "GET /v1/pubticker/btcusd", "GET /v2/ticker/btcusd", "GET /v1/book/btcusd", "GET /v1/pricefeed",
			"POST /v1/balances", "POST /v1/roles", "POST /v1/heartbeat", "POST /v1/order/new symbol=btcusd", "POST /v1/order/cancel order_id=7",
			"POST /v1/order/cancel/all", "POST /v1/order/cancel/session", "POST /v1/order/status order_id=7", "POST /v1/orders", "POST /v1/orders/history",
			"POST /v1/mytrades", "POST /v1/withdraw/btc address=a",
		},
	} {
		for _, text := range calls {
			t.Run(name+" "+text, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { samePrice(t, name, parseCall(text)) })
			})
		}
	}
}

// parseCall reads "METHOD path name=value…"; [ … ] is an object of a list.
func parseCall(text string) exauth.Call {
	words := strings.Fields(text)
	call := exauth.Call{Method: words[0], Path: words[1]}
	var one exauth.Params
	var list []any
	for _, w := range words[2:] {
		switch name, value, _ := strings.Cut(w, "="); name {
		case "[":
			one = nil
		case "]":
			list = append(list, one)
		default:
			one = append(one, exauth.Param{Name: name, Value: value})
		}
	}
	call.Params = one
	if list != nil {
		call.Params = list
	}
	return call
}

// samePrice sends one call to a fresh exchange and compares what it was to cost, as
// the venue reads its answer, with what the exchange has counted.
func samePrice(t *testing.T, name string, call exauth.Call) {
	v, _ := venue.ByName(name)
	srv := exchangetest.NewServer(t, v, &exchangetest.Options{VenueQuotas: true})
	want := map[string]int{}
	c, err := exauth.New(srv.Venue(), srv.Key(exauth.ScopeWithdraw).Credential(), &exauth.Options{
		HTTPClient: srv.Client(), Now: time.Now, Scope: exauth.ScopeRead | exauth.ScopeTrade | exauth.ScopeWithdraw, NoRetry: true,
		Observer: func(a exauth.Attempt) {
			for _, cost := range a.Costs {
				want[cost.Quota] += cost.N
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	resp, err := c.Do(t.Context(), call)
	if len(srv.Requests()) != 1 || resp == nil {
		t.Fatalf("%d requests: %v", len(srv.Requests()), err)
	}
	var o exauth.Observation
	if v.Settle != nil {
		v.Settle(resp, &o)
	}
	for _, cost := range o.Costs {
		want[cost.Quota] = cost.N
	}
	for _, q := range v.Quotas {
		if used, _ := srv.Quota(q.Name); used != want[q.Name] {
			t.Errorf("the exchange counts %d of %s, the venue %d (%v)", used, q.Name, want[q.Name], err)
		}
	}
}
