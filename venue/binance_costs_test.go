package venue_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// The weights are those of the vendor's pages named in the tables.
func TestBinanceCosts(t *testing.T) {
	symbols := func(n int) string { return `["` + strings.Repeat(`A","`, n-1) + `B"]` }
	runCosts(t, "binance", []costCase{
		{"GET /api/v3/ping", "REQUEST_WEIGHT:1 RAW_REQUESTS:1"},
		{"GET /api/v3/exchangeInfo", "REQUEST_WEIGHT:20 RAW_REQUESTS:1"},
		{"GET /api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000", "REQUEST_WEIGHT:2 RAW_REQUESTS:1"},
		{"GET /api/v3/depth?symbol=BTCUSDT", "REQUEST_WEIGHT:5 RAW_REQUESTS:1"},
		{"GET /api/v3/depth?symbol=BTCUSDT&limit=100", "REQUEST_WEIGHT:5 RAW_REQUESTS:1"},
		{"GET /api/v3/depth?symbol=BTCUSDT&limit=101", "REQUEST_WEIGHT:25 RAW_REQUESTS:1"},
		{"GET /api/v3/depth?symbol=BTCUSDT&limit=500", "REQUEST_WEIGHT:25 RAW_REQUESTS:1"},
		{"GET /api/v3/depth?symbol=BTCUSDT&limit=1000", "REQUEST_WEIGHT:50 RAW_REQUESTS:1"},
		{"GET /api/v3/depth?symbol=BTCUSDT&limit=5000", "REQUEST_WEIGHT:250 RAW_REQUESTS:1"},
		{"GET /api/v3/depth?symbol=BTCUSDT&limit=many", "REQUEST_WEIGHT:250 RAW_REQUESTS:1"},
		{"GET /api/v3/ticker/24hr", "REQUEST_WEIGHT:80 RAW_REQUESTS:1"},
		{"GET /api/v3/ticker/24hr?symbol=BTCUSDT", "REQUEST_WEIGHT:2 RAW_REQUESTS:1"},
		{"GET /api/v3/ticker/24hr?symbols=" + symbols(20), "REQUEST_WEIGHT:2 RAW_REQUESTS:1"},
		{"GET /api/v3/ticker/24hr?symbols=" + symbols(21), "REQUEST_WEIGHT:40 RAW_REQUESTS:1"},
		{"GET /api/v3/ticker/24hr?symbols=" + symbols(101), "REQUEST_WEIGHT:80 RAW_REQUESTS:1"},
		{"GET /api/v3/ticker/price", "REQUEST_WEIGHT:4 RAW_REQUESTS:1"},
		{"GET /api/v3/ticker/price?symbol=BTCUSDT", "REQUEST_WEIGHT:2 RAW_REQUESTS:1"},
		{"GET /api/v3/ticker/price?symbols=" + symbols(2), "REQUEST_WEIGHT:4 RAW_REQUESTS:1"},
		{"GET /api/v3/ticker?symbol=BTCUSDT", "REQUEST_WEIGHT:4 RAW_REQUESTS:1"},
		{"GET /api/v3/ticker?symbols=" + symbols(7), "REQUEST_WEIGHT:28 RAW_REQUESTS:1"},
		{"GET /api/v3/ticker?symbols=" + symbols(80), "REQUEST_WEIGHT:200 RAW_REQUESTS:1"},
		{"GET /api/v3/account", "REQUEST_WEIGHT:20 RAW_REQUESTS:1"},
		{"GET /api/v3/openOrders", "REQUEST_WEIGHT:80 RAW_REQUESTS:1"},
		{"GET /api/v3/openOrders?symbol=BTCUSDT", "REQUEST_WEIGHT:6 RAW_REQUESTS:1"},
		{"GET /api/v3/allOrders?symbol=BTCUSDT", "REQUEST_WEIGHT:20 RAW_REQUESTS:1"},
		{"GET /api/v3/myTrades?symbol=BTCUSDT", "REQUEST_WEIGHT:20 RAW_REQUESTS:1"},
		{"GET /api/v3/myTrades?symbol=BTCUSDT&orderId=1", "REQUEST_WEIGHT:5 RAW_REQUESTS:1"},
		{"GET /api/v3/rateLimit/order", "REQUEST_WEIGHT:40 RAW_REQUESTS:1"},
		{"POST /api/v3/order symbol=BTCUSDT&side=BUY", "REQUEST_WEIGHT:1 ORDERS_10S:1 ORDERS_1D:1 RAW_REQUESTS:1"},
		{"POST /api/v3/orderList/otoco symbol=BTCUSDT", "REQUEST_WEIGHT:1 ORDERS_10S:3 ORDERS_1D:3 RAW_REQUESTS:1"},
		{"POST /api/v3/order/test symbol=BTCUSDT&computeCommissionRates=true", "REQUEST_WEIGHT:20 RAW_REQUESTS:1"},
		{"POST /api/v3/order/test symbol=BTCUSDT", "REQUEST_WEIGHT:1 RAW_REQUESTS:1"},
		{"DELETE /api/v3/order?symbol=BTCUSDT&orderId=1", "REQUEST_WEIGHT:1 RAW_REQUESTS:1"},
		{"PUT /api/v3/order/amend/keepPriority symbol=BTCUSDT", "REQUEST_WEIGHT:4 RAW_REQUESTS:1"},
		{"GET /api/v3/somethingNew", "REQUEST_WEIGHT:25 RAW_REQUESTS:1"},
		{"POST /api/v3/somethingNew a=1", "REQUEST_WEIGHT:25 ORDERS_10S:1 ORDERS_1D:1 RAW_REQUESTS:1"},
	})
}

func TestBinanceFuturesCosts(t *testing.T) {
	runCosts(t, "binance", []costCase{
		{"GET /fapi/v1/depth?symbol=BTCUSDT", "FUTURES_WEIGHT:10"},
		{"GET /fapi/v1/depth?symbol=BTCUSDT&limit=50", "FUTURES_WEIGHT:2"},
		{"GET /fapi/v1/depth?symbol=BTCUSDT&limit=100", "FUTURES_WEIGHT:5"},
		{"GET /fapi/v1/depth?symbol=BTCUSDT&limit=1000", "FUTURES_WEIGHT:20"},
		{"GET /dapi/v1/depth?symbol=BTCUSD_PERP&limit=500", "FUTURES_WEIGHT:10"},
		{"GET /fapi/v1/klines?symbol=BTCUSDT&interval=1m", "FUTURES_WEIGHT:5"},
		{"GET /fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=99", "FUTURES_WEIGHT:1"},
		{"GET /fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=100", "FUTURES_WEIGHT:2"},
		{"GET /fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1500", "FUTURES_WEIGHT:10"},
		{"GET /fapi/v1/ticker/24hr", "FUTURES_WEIGHT:40"},
		{"GET /fapi/v1/ticker/24hr?symbol=BTCUSDT", "FUTURES_WEIGHT:1"},
		{"GET /fapi/v2/account", "FUTURES_WEIGHT:5"},
		{"GET /fapi/v1/fundingRate?symbol=BTCUSDT", "FUTURES_FUNDING:1"},
		{"GET /futures/data/openInterestHist?symbol=BTCUSDT", "FUTURES_DATA:1"},
		{"POST /fapi/v1/order symbol=BTCUSDT", "FUTURES_ORDERS_10S:1 FUTURES_ORDERS_1M:1"},
		{"POST /fapi/v1/batchOrders batchOrders=[1,2]", "FUTURES_WEIGHT:5 FUTURES_ORDERS_10S:5 FUTURES_ORDERS_1M:1"},
		{"DELETE /fapi/v1/order?symbol=BTCUSDT", "FUTURES_WEIGHT:1"},
		{"GET /dapi/v1/allOrders?pair=BTCUSD", "FUTURES_WEIGHT:40"},
		{"GET /fapi/v1/new", "FUTURES_WEIGHT:30"},
		{"GET /eapi/v1/depth?symbol=BTC-C", "OPTIONS_WEIGHT:20"},
		{"POST /eapi/v1/batchOrders orders=[1,2,3]", "OPTIONS_WEIGHT:5 OPTIONS_ORDERS_10S:3 OPTIONS_ORDERS_1M:3"},
		{"GET /eapi/v1/openInterest?underlyingAsset=BTC", ""},
		{"POST /papi/v1/um/order symbol=BTCUSDT", "PAPI_WEIGHT:1 PAPI_ORDERS_10S:1 PAPI_ORDERS_1M:1"},
		{"GET /papi/v1/um/openOrders", "PAPI_WEIGHT:40"},
	})
}

func TestBinanceWalletCosts(t *testing.T) {
	runCosts(t, "binance", []costCase{
		{"GET /sapi/v1/account/status", "SAPI_IP[GET /sapi/v1/account/status]:1"},
		{"GET /sapi/v1/accountSnapshot?type=SPOT", "SAPI_IP[GET /sapi/v1/accountSnapshot]:2400"},
		{"GET /sapi/v1/capital/withdraw/history", "SAPI_UID[GET /sapi/v1/capital/withdraw/history]:18000"},
		{"POST /sapi/v1/capital/withdraw/apply coin=BTC", "SAPI_UID[POST /sapi/v1/capital/withdraw/apply]:900"},
		{"POST /sapi/v1/margin/order symbol=BTCUSDT", "SAPI_UID[POST /sapi/v1/margin/order]:6"},
		{"POST /sapi/v1/margin/order symbol=BTCUSDT&sideEffectType=MARGIN_BUY", "SAPI_UID[POST /sapi/v1/margin/order]:1500"},
		{"GET /sapi/v1/new", "SAPI_IP[GET /sapi/v1/new]:200 SAPI_UID[GET /sapi/v1/new]:3000"},
	})
}

func TestBinanceSettle(t *testing.T) {
	const order = "POST /api/v3/order symbol=BTCUSDT&side=BUY"
	runSettles(t, "binance", []settleCase{
		{"an order that rests", order, 200, `{"orderId":1,"status":"NEW","executedQty":"0.00000000"}`, "REQUEST_WEIGHT:0", ""},
		{"an order that fills", order, 200, `{"orderId":1,"status":"FILLED","executedQty":"0.00100000"}`, "REQUEST_WEIGHT:0 ORDERS_10S:0 ORDERS_1D:0", ""},
		{"an order of type ACK", order, 200, `{"orderId":1}`, "REQUEST_WEIGHT:0", ""},
		{"an order refused", order, 400, `{"code":-2010,"msg":"Account has insufficient balance for requested action."}`, "ORDERS_10S:0 ORDERS_1D:0", ""},
		{"an order in doubt", order, 503, `{"code":-1006,"msg":"x"}`, "", ""},
		{"a firewall's page", order, 403, `<html>`, "", "REQUEST_WEIGHT"},
		{"a cancel", "DELETE /api/v3/order?symbol=BTCUSDT", 200, `{"orderId":1}`, "REQUEST_WEIGHT:0", ""},
		{"a cancel refused", "DELETE /api/v3/order?symbol=BTCUSDT", 400, `{"code":-2011,"msg":"Unknown order sent."}`, "", ""},
		{"a list", "POST /api/v3/orderList/oco symbol=BTCUSDT", 200, `{"orderListId":1}`, "REQUEST_WEIGHT:0", ""},
		{"half a cancelReplace", "POST /api/v3/order/cancelReplace symbol=BTCUSDT", 409, `{"code":-2021,"msg":"x","data":{}}`, "", ""},
		{"an amendment", "PUT /api/v3/order/amend/keepPriority symbol=BTCUSDT", 200, `{}`, "", ""},
		{"a read", "GET /api/v3/account", 200, `{}`, "", ""},
		{"too much weight", "GET /api/v3/account", 429, `{"code":-1003,"msg":"Too much request weight used; current limit is 6000 request weight per 1 MINUTE."}`, "", "REQUEST_WEIGHT"},
		{"too many requests", "GET /api/v3/account", 429, `{"code":-1003,"msg":"Too many requests; current limit is 61000 requests per 5 MINUTE."}`, "", "RAW_REQUESTS"},
		{"banned", "GET /api/v3/account", 418, `{"code":-1003,"msg":"Way too many requests; IP banned until 1768480596789."}`, "", "REQUEST_WEIGHT"},
		{"too many orders", order, 429, `{"code":-1015,"msg":"Too many new orders; current limit is 50 orders per 10 SECOND."}`, "ORDERS_10S:0 ORDERS_1D:0", "ORDERS_10S"},
		{"too many today", order, 429, `{"code":-1015,"msg":"Too many new orders; current limit is 160000 orders per 1 DAY."}`, "ORDERS_10S:0 ORDERS_1D:0", "ORDERS_1D"},
		{"futures weight", "GET /fapi/v2/account", 429, `{"code":-1003,"msg":"Too many requests"}`, "", "FUTURES_WEIGHT"},
		{"futures orders", "POST /fapi/v1/order a=1", 429, `{"code":-1015,"msg":"Too many new orders; current limit is 1200 orders per 1 MINUTE."}`, "", "FUTURES_ORDERS_1M"},
		{"wallet", "GET /sapi/v1/capital/withdraw/history", 429, `{"code":-1003,"msg":"Too many requests"}`, "", "SAPI_UID"},
	})
}

// The counter of two endpoints is wrong by the vendor's own word.
func TestBinanceHeaderNotBelieved(t *testing.T) {
	v := venue.Binance()
	h := http.Header{"X-Mbx-Used-Weight-1m": {"2399"}}
	if told := costed(t, v, "GET /fapi/v1/ticker/bookTicker?symbol=A", 200, h, "{}").told; told.Header.Get("X-MBX-USED-WEIGHT-1M") != "" {
		t.Error("bookTicker's counter is not accurate, and passed on")
	}
	if told := costed(t, v, "GET /fapi/v1/ticker/price?symbol=A", 200, h, "{}").told; told.Header.Get("X-MBX-USED-WEIGHT-1M") != "2399" {
		t.Error("the counter was lost")
	}
}

// The answers of exchangeInfo, cut to what is read.
const (
	binanceSpotInfo = `{"timezone":"UTC","serverTime":1,"rateLimits":[
		{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":7000},
		{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50},
		{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":160000},
		{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":61000},
		{"rateLimitType":"CONNECTIONS","interval":"MINUTE","intervalNum":5,"limit":300}],"symbols":[]}`
	binanceFuturesInfo = `{"rateLimits":[
		{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":2000},
		{"rateLimitType":"ORDERS","interval":"MINUTE","intervalNum":1,"limit":1000},
		{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":200}]}`
)

// byPath answers each path with its own text, and 404 elsewhere.
type byPath map[string]string

func (p byPath) RoundTrip(req *http.Request) (*http.Response, error) {
	body, ok := p[req.URL.Path]
	status := 200
	if !ok {
		status, body = 404, "<html>"
	}
	return &http.Response{StatusCode: status, Request: req, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func loadLimits(t *testing.T, v *exauth.Venue, rt http.RoundTripper) (map[string]int, *asked, error) {
	t.Helper()
	l := new(asked)
	c, err := exauth.New(v, fakeKey(t, v), &exauth.Options{NoRetry: true, HTTPClient: &http.Client{Transport: rt}, Limiter: l,
		Now: func() time.Time { return time.UnixMilli(1768480496789) }})
	if err != nil {
		t.Fatal(err)
	}
	quotas, err := c.LoadLimits(t.Context())
	return limitsOf(quotas), l, err
}

func TestBinanceLimits(t *testing.T) {
	want := map[string]int{"REQUEST_WEIGHT": 7000, "ORDERS_10S": 50, "ORDERS_1D": 160000, "RAW_REQUESTS": 61000,
		"FUTURES_WEIGHT": 2000, "FUTURES_ORDERS_1M": 1000, "FUTURES_ORDERS_10S": 200, "SAPI_IP": 12000, "PAPI_WEIGHT": 6000}
	got, l, err := loadLimits(t, venue.Binance(), byPath{"/api/v3/exchangeInfo": binanceSpotInfo, "/fapi/v1/exchangeInfo": binanceFuturesInfo})
	if err != nil {
		t.Fatal(err)
	}
	for name, limit := range want {
		if got[name] != limit {
			t.Errorf("%s: %d, want %d", name, got[name], limit)
		}
	}
	if len(l.quotas) != len(venue.Binance().Quotas) {
		t.Errorf("the limiter was given %d quotas", len(l.quotas))
	}
	// Futures that do not answer keep what the table says; spot has to answer.
	if got, _, err := loadLimits(t, venue.Binance(), byPath{"/api/v3/exchangeInfo": binanceSpotInfo}); err != nil || got["FUTURES_WEIGHT"] != 2400 || got["REQUEST_WEIGHT"] != 7000 {
		t.Errorf("spot alone: %v, %v", got, err)
	}
	if _, l, err := loadLimits(t, venue.Binance(), byPath{}); err == nil || l.quotas != nil {
		t.Errorf("no answer: %v, the limiter was given %v", err, l.quotas)
	}
	hostile := strings.Replace(binanceSpotInfo, "7000", "-1", 1)
	if _, l, err := loadLimits(t, venue.Binance(), byPath{"/api/v3/exchangeInfo": hostile}); err == nil || l.quotas != nil {
		t.Errorf("a limit of -1: %v, the limiter was given %v", err, l.quotas)
	}
}
