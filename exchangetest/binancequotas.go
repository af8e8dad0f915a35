package exchangetest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// The quotas of Binance: weights are those of rest-api.md, the rest is in its section
// LIMITS and in faqs/order_count_decrement.md (a5e0bc3 of 2026-07-21). Quotas are
// known by the venue's rateLimitType with anything behind it, so that ORDERS_10S and
// ORDERS_1D both count orders: REQUEST_WEIGHT, RAW_REQUESTS, ORDERS; and SAPI_IP and
// SAPI_UID for /sapi, which counts each endpoint apart (developers.binance.com, Wallet,
// "Withdraw" and "Get API Key Permission").
const (
	binanceWeight = "REQUEST_WEIGHT"
	binanceRaw    = "RAW_REQUESTS"
	binanceOrders = "ORDERS"
)

const binanceReplace = "POST /api/v3/order/cancelReplace"

// costs is what a call takes before its fate is known.
func (b *binance) costs(c *call, _ Key) []exauth.Cost {
	name := c.method + " " + c.path
	switch name {
	case "GET /sapi/v1/account/apiRestrictions":
		return b.gate.item("SAPI_IP", name, 1)
	case "POST /sapi/v1/capital/withdraw/apply":
		return b.gate.item("SAPI_UID", name, 900)
	}
	costs := append(b.gate.like(binanceWeight, weigh(name, c)), b.gate.like(binanceRaw, 1)...)
	if name == "POST /api/v3/order" || name == binanceReplace {
		costs = append(costs, b.gate.like(binanceOrders, 1)...)
	}
	return costs
}

// weigh returns the weight of a route played here, 1 for all others.
func weigh(name string, c *call) int {
	f, _ := parseForm(c.query)
	if c.mediaType() == formType {
		body, _ := parseForm(string(c.body))
		f = append(f, body...)
	}
	either := func(given bool, yes, no int) int {
		if given {
			return yes
		}
		return no
	}
	switch name {
	case "GET /api/v3/exchangeInfo", "GET /api/v3/account", "GET /api/v3/allOrders":
		return 20
	case "GET /api/v3/order":
		return 4
	case "GET /api/v3/rateLimit/order":
		return 40
	case "GET /api/v3/depth":
		switch n, _ := strconv.Atoi(f.get("limit")); {
		case n <= 100:
			return 5
		case n <= 500:
			return 25
		case n <= 1000:
			return 50
		}
		return 250
	case "GET /api/v3/ticker/price":
		return either(f.has("symbol"), 2, 4)
	case "GET /api/v3/openOrders":
		return either(f.has("symbol"), 6, 80)
	case "GET /api/v3/myTrades":
		return either(f.has("orderId"), 5, 20)
	case "POST /api/v3/order/test":
		return either(f.get("computeCommissionRates") == "true", 20, 1)
	}
	return 1
}

// spent is what a call cost in the end. Orders and cancels weigh nothing when they
// succeed (CHANGELOG 2026-03-27, in force since 2026-04-02); orders that fail are
// not counted as orders, and neither are those that trade at once.
func (b *binance) spent(c *call, done bool) []exauth.Cost {
	name := c.method + " " + c.path
	switch {
	case (name == "POST /api/v3/order" || name == binanceReplace) && !done && !c.counts:
		return b.gate.like(binanceOrders, 0)
	case name == "POST /api/v3/order" && c.taker:
		return append(b.gate.like(binanceWeight, 0), b.gate.like(binanceOrders, 0)...)
	case done && (name == "POST /api/v3/order" || name == "DELETE /api/v3/order" || name == "DELETE /api/v3/openOrders"):
		return b.gate.like(binanceWeight, 0)
	}
	return nil
}

// binanceMakerFill is how much the first fill of an order that rested takes off the
// order count in the venue's examples; the true number is not published.
const binanceMakerFill = 5

// filled is told of the first fill of an order that rested.
func (b *binance) filled(o *order) { b.gate.relieve(binanceOrders, o.account, binanceMakerFill) }

// banAfter: the venue bans, but does not say after how much.
func (b *binance) banAfter() int { return 10 }

// refuse answers 429 or 418, both with Retry-After.
func (b *binance) refuse(x *excess) answer {
	status, code, span := http.StatusTooManyRequests, -1003, binanceInterval(x.quota.Window)
	msg := fmt.Sprintf("Too many requests; current limit is %d requests per %s.", x.quota.Limit, span)
	switch {
	case x.banned:
		status = http.StatusTeapot
		msg = fmt.Sprintf("Way too much request weight used; IP banned until %d. Please use WebSocket Streams for live updates to avoid bans.", x.now.Add(x.wait).UnixMilli())
	case strings.HasPrefix(x.quota.Name, binanceOrders):
		code, msg = -1015, fmt.Sprintf("Too many new orders; current limit is %d orders per %s.", x.quota.Limit, span)
	case strings.HasPrefix(x.quota.Name, binanceWeight):
		msg = fmt.Sprintf("Too much request weight used; current limit is %d request weight per %s. Please use WebSocket Streams for live updates to avoid polling the API.", x.quota.Limit, span)
	}
	return answer{status: status, header: http.Header{"Retry-After": {x.retryAfter()}}, body: encode(binanceErr(code, msg))}
}

// binanceUnits are the intervals of rateLimits, longest first.
var binanceUnits = [...]struct {
	name string
	span time.Duration
}{{"DAY", 24 * time.Hour}, {"HOUR", time.Hour}, {"MINUTE", time.Minute}, {"SECOND", time.Second}}

// binanceInterval writes a window as messages do: "1 MINUTE", "10 SECOND".
func binanceInterval(d time.Duration) string {
	n, unit := binanceSpan(d)
	return strconv.Itoa(n) + " " + unit
}

// binanceSpan is a window in the largest unit that divides it.
func binanceSpan(d time.Duration) (int, string) {
	for _, u := range binanceUnits {
		if d >= u.span && d%u.span == 0 {
			return int(d / u.span), u.name
		}
	}
	return int(d / time.Second), "SECOND"
}

// A binanceLimit is one entry of rateLimits.
type binanceLimit struct {
	Type     string `json:"rateLimitType"`
	Interval string `json:"interval"`
	Num      int    `json:"intervalNum"`
	Limit    int    `json:"limit"`
	Count    *int   `json:"count,omitempty"`
}

// limits lists the enforced quotas of some types; count adds how much is used.
func (b *binance) limits(count func(exauth.Quota) *int, types ...string) []binanceLimit {
	list := []binanceLimit{}
	for _, t := range types {
		for _, q := range b.gate.quotas {
			if strings.HasPrefix(q.Name, t) && q.Window > 0 {
				n, unit := binanceSpan(q.Window)
				list = append(list, binanceLimit{Type: t, Interval: unit, Num: n, Limit: q.Limit, Count: count(q)})
			}
		}
	}
	return list
}

// noCount is for exchangeInfo, which tells limits only.
func noCount(exauth.Quota) *int { return nil }

// orderLimits is GET /api/v3/rateLimit/order.
func (b *binance) orderLimits(q *binanceCall) (any, *binanceError) {
	return b.limits(func(of exauth.Quota) *int {
		n := b.gate.count(scope{of.Name, q.key.account(), ""}, q.now)
		return &n
	}, binanceOrders), nil
}
