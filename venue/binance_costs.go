package venue

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// binanceQuotas are the limits of an ordinary account.
//
//	REQUEST_WEIGHT      vendor: exchangeInfo, spot docs 2026-07-21
//	RAW_REQUESTS        vendor: 300,000 since 2026-04-02 (change log 2026-03-27; enums.md still says 61,000)
//	ORDERS_10S, _1D     vendor: announcement a9eb5f62…, 100 and 200,000; the day is UTC's
//	FUTURES_*           vendor: exchangeInfo and general info of USD-M (2,400; 300; 1,200). COIN-M publishes
//	                    2,400 and 1,200 too and joined USD-M's engine in 2026; whether the counters are one
//	                    is not documented, so they are taken as one (secondary: nautilus_trader)
//	FUTURES_FUNDING     vendor: 500 in 5 minutes for fundingRate and fundingInfo together
//	FUTURES_DATA        vendor: 1,000 in 5 minutes for /futures/data
//	FUTURES_QUOTES      vendor: 360 an hour, 500 a day
//	OPTIONS_*           secondary: an exchangeInfo that ccxt 4.5.84 quotes; the documentation's example is larger
//	PAPI_WEIGHT, _1M    vendor: general info of portfolio margin, 6,000 and 1,200; _10S: seen on rateLimit/order 2025-01
//	SAPI_*              vendor: wallet general info, 12,000 and 180,000 a minute for each endpoint
//	SAPI_MAX_LEVERAGE   vendor: "1 times/min per IP"
func binanceQuotas() []exauth.Quota {
	weight := func(name string, limit int) exauth.Quota {
		return fixed(name, limit, time.Minute, exauth.PerIP, "X-Mbx-Used-Weight-1m")
	}
	orders := func(name string, limit int, window time.Duration, suffix string) exauth.Quota {
		return fixed(name, limit, window, exauth.PerAccount, "X-Mbx-Order-Count-"+suffix)
	}
	return []exauth.Quota{
		weight("REQUEST_WEIGHT", 6000),
		fixed("RAW_REQUESTS", 300000, 5*time.Minute, exauth.PerIP, ""),
		orders("ORDERS_10S", 100, 10*time.Second, "10s"),
		orders("ORDERS_1D", 200000, 24*time.Hour, "1d"),

		weight("FUTURES_WEIGHT", 2400),
		orders("FUTURES_ORDERS_10S", 300, 10*time.Second, "10s"),
		orders("FUTURES_ORDERS_1M", 1200, time.Minute, "1m"),
		fixed("FUTURES_FUNDING", 500, 5*time.Minute, exauth.PerIP, ""),
		fixed("FUTURES_DATA", 1000, 5*time.Minute, exauth.PerIP, ""),
		fixed("FUTURES_QUOTES_1H", 360, time.Hour, exauth.PerAccount, ""),
		fixed("FUTURES_QUOTES_1D", 500, 24*time.Hour, exauth.PerAccount, ""),

		weight("OPTIONS_WEIGHT", 400),
		orders("OPTIONS_ORDERS_10S", 30, 10*time.Second, "10s"),
		orders("OPTIONS_ORDERS_1M", 100, time.Minute, "1m"),

		weight("PAPI_WEIGHT", 6000),
		orders("PAPI_ORDERS_10S", 400, 10*time.Second, "10s"),
		orders("PAPI_ORDERS_1M", 1200, time.Minute, "1m"),

		fixed("SAPI_IP", 12000, time.Minute, exauth.PerEndpoint, "X-Sapi-Used-Ip-Weight-1m"),
		fixed("SAPI_UID", 180000, time.Minute, exauth.PerSymbol, "X-Sapi-Used-Uid-Weight-1m"),
		fixed("SAPI_MAX_LEVERAGE", 1, time.Minute, exauth.PerIP, ""),
	}
}

// binanceTariff is how a product counts: its weight, and what "orders" stands for.
func binanceTariff(prefix string) tariff {
	t := tariff{quotas: binanceQuotas(), several: map[string][]string{}}
	switch prefix {
	case "/fapi/", "/futures/", "/dapi/":
		t.unit, t.several["orders"] = "FUTURES_WEIGHT", []string{"FUTURES_ORDERS_10S", "FUTURES_ORDERS_1M"}
	case "/eapi/":
		t.unit, t.several["orders"] = "OPTIONS_WEIGHT", []string{"OPTIONS_ORDERS_10S", "OPTIONS_ORDERS_1M"}
	case "/papi/":
		t.unit, t.several["orders"] = "PAPI_WEIGHT", []string{"PAPI_ORDERS_10S", "PAPI_ORDERS_1M"}
	case "/sapi/":
		t.unit = "SAPI_IP"
	default:
		t.unit, t.base, t.several["orders"] = "REQUEST_WEIGHT", "q=RAW_REQUESTS:1", []string{"ORDERS_10S", "ORDERS_1D"}
	}
	return t
}

// productOf is the first segment of a path, "/fapi/".
func productOf(path string) string {
	if i := strings.Index(strings.TrimPrefix(path, "/"), "/"); i > 0 {
		return path[:i+2]
	}
	return path
}

func binancePrices(routes []exauth.Route) []exauth.Route {
	p := newPricer(routes)
	p.add(binanceTariff("/api/"), binanceSpot)
	p.add(binanceTariff("/fapi/"), binanceUSDM)
	p.add(binanceTariff("/dapi/"), binanceCOINM)
	p.add(binanceTariff("/eapi/"), binanceOptions)
	p.add(binanceTariff("/papi/"), binancePortfolio)
	sapi := binanceTariff("/sapi/")
	p.add(sapi, binanceSAPIByIP)
	sapi.unit = "SAPI_UID"
	p.add(sapi, binanceSAPIByUID)
	return p.all()
}

// binanceDefault is what endpoints cost that no table lists: more than most listed
// reads of their product, and an order where the call may be one. All assumed.
func binanceDefault() func(*exauth.Request) []exauth.Cost {
	sapi := binanceTariff("/sapi/").at("w=200 q=SAPI_UID:3000")
	type prices struct{ read, write []exauth.Cost }
	byProduct := map[string]prices{}
	for prefix, weight := range map[string]string{"/api/": "w=25", "/fapi/": "w=30", "/dapi/": "w=30", "/futures/": "q=FUTURES_DATA:1", "/eapi/": "w=5", "/papi/": "w=100"} {
		t := binanceTariff(prefix)
		byProduct[prefix] = prices{t.costs(weight), t.costs(weight + " q=orders:1")}
	}
	return func(r *exauth.Request) []exauth.Cost {
		if strings.HasPrefix(r.Path, "/sapi/") {
			return sapi(r)
		}
		p, ok := byProduct[productOf(r.Path)]
		if !ok {
			p = byProduct["/api/"]
		}
		if r.Method == http.MethodGet {
			return p.read
		}
		return p.write
	}
}

// binanceFree are the spot calls that weigh nothing when they succeed (change log
// 2026-03-27, in force since 2026-04-02), with how many orders they place. An
// amendment is not among them: it is free only if the order expires by it, which
// the answer does not tell.
var binanceFree = map[string]int{
	"POST /api/v3/order": 1, "POST /api/v3/sor/order": 1, "POST /api/v3/order/cancelReplace": 1,
	"POST /api/v3/order/oco": 2, "POST /api/v3/orderList/oco": 2, "POST /api/v3/orderList/oto": 2,
	"POST /api/v3/orderList/opo": 2, "POST /api/v3/orderList/otoco": 3, "POST /api/v3/orderList/opoco": 3,
	"DELETE /api/v3/order": 0, "DELETE /api/v3/openOrders": 0, "DELETE /api/v3/orderList": 0,
}

// binanceSettle reads what a call really cost, and which quota refused it.
func binanceSettle(resp *exauth.Response, o *exauth.Observation) {
	switch resp.Path {
	case "/fapi/v1/ticker/bookTicker", "/fapi/v2/ticker/price":
		// "X-MBX-USED-WEIGHT-1M is not accurate from this endpoint, please ignore"
		o.Header = o.Header.Clone()
		o.Header.Del("X-Mbx-Used-Weight-1m")
	}
	if resp.Status == http.StatusTooManyRequests || resp.Status == http.StatusTeapot {
		o.Refused = binanceRefusal(resp)
	}
	orders, spot := binanceFree[resp.Method+" "+resp.Path]
	if !spot {
		return
	}
	switch failed := bytes.HasPrefix(resp.Body, []byte(`{"code":-`)); {
	case resp.Status < 300 && !failed:
		o.Costs = []exauth.Cost{{Quota: "REQUEST_WEIGHT", N: 0}}
		if orders == 1 && binanceTraded(resp.Body) { // "first fill as taker (−1)"
			o.Costs = append(o.Costs, exauth.Cost{Quota: "ORDERS_10S"}, exauth.Cost{Quota: "ORDERS_1D"})
		}
	case failed && resp.Status < 500 && resp.Status != http.StatusConflict && orders > 0:
		// "Every successful request to place an order adds to the unfilled order count":
		// this one failed. 409 is a cancelReplace of which one half may have worked.
		o.Costs = []exauth.Cost{{Quota: "ORDERS_10S"}, {Quota: "ORDERS_1D"}}
	}
}

// binanceTraded reports whether the answer to a single order shows a fill; answers
// of type ACK do not say.
func binanceTraded(body []byte) bool {
	var order struct {
		ExecutedQty      string
		NewOrderResponse struct{ ExecutedQty string }
	}
	if json.Unmarshal(body, &order) != nil {
		return false
	}
	return strings.Trim(order.ExecutedQty, "0.") != "" || strings.Trim(order.NewOrderResponse.ExecutedQty, "0.") != ""
}

// binanceRefusal names the quota of a 429 or 418: -1015 is an order quota, whose
// message says which ("… per 10 SECOND"), and all else a weight. "" leaves it to the
// call's first cost.
func binanceRefusal(resp *exauth.Response) string {
	var e struct {
		Code int
		Msg  string
	}
	_ = json.Unmarshal(resp.Body, &e)
	t := binanceTariff(productOf(resp.Path))
	orders := t.several["orders"]
	switch {
	case e.Code == -1015 && len(orders) == 2:
		if strings.Contains(e.Msg, "DAY") || strings.Contains(e.Msg, "MINUTE") {
			return orders[1]
		}
		return orders[0]
	case strings.Contains(e.Msg, "5 MINUTE") && t.base != "":
		return "RAW_REQUESTS"
	case t.unit == "SAPI_IP":
		return ""
	}
	return t.unit
}

// binanceLimits reads exchangeInfo of spot and of USD-M futures, for 21 of weight
// in all. Spot must answer; where futures do not, their table stands.
func binanceLimits(ctx context.Context, c *exauth.Client) ([]exauth.Quota, error) {
	quotas := slices.Clone(c.Venue().Quotas)
	spot, err := exauth.Get[binanceInfo](ctx, c, "/api/v3/exchangeInfo", exauth.Params{{Name: "symbol", Value: "BTCUSDT"}})
	if err != nil {
		return nil, err
	}
	spot.into(quotas, "REQUEST_WEIGHT", "ORDERS")
	if futures, err := exauth.Get[binanceInfo](ctx, c, "/fapi/v1/exchangeInfo", nil); err == nil {
		futures.into(quotas, "FUTURES_WEIGHT", "FUTURES_ORDERS")
	}
	return quotas, nil
}

// binanceInfo is the part of exchangeInfo about limits.
type binanceInfo struct {
	RateLimits []struct {
		RateLimitType, Interval string
		IntervalNum, Limit      int
	}
}

// into writes the limits over those of the same name; others are in no table here.
func (info binanceInfo) into(quotas []exauth.Quota, weight, orders string) {
	spans := map[string]time.Duration{"SECOND": time.Second, "MINUTE": time.Minute, "HOUR": time.Hour, "DAY": 24 * time.Hour}
	for _, l := range info.RateLimits {
		name := l.RateLimitType
		switch {
		case name == "REQUEST_WEIGHT":
			name = weight
		case name == "ORDERS" && l.Interval != "":
			name = orders + "_" + strconv.Itoa(l.IntervalNum) + l.Interval[:1]
		}
		for i := range quotas {
			if q := &quotas[i]; q.Name == name && q.Window == spans[l.Interval]*time.Duration(l.IntervalNum) {
				q.Limit = l.Limit
			}
		}
	}
}
