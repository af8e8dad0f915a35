package exchangetest

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// The quotas of Kraken, from docs.kraken.com ("Spot REST Rate Limits", "Spot Trading
// Limits", read 2026-11): API counts a key's calls, TRADING what the trading engine
// counts by pair, PUBLIC an address's public calls, CONCURRENT calls in flight.

// costs is what a call takes.
func (k *kraken) costs(c *call, key Key) []exauth.Cost {
	costs := []exauth.Cost{{Quota: "CONCURRENT", N: 1}}
	if !strings.HasPrefix(c.path, "/0/private/") {
		return append(costs, exauth.Cost{Quota: "PUBLIC", N: 1})
	}
	pair, n := k.engineCost(c, key)
	return append(costs, exauth.Cost{Quota: "API", N: krakenCalls(c.path)}, exauth.Cost{Quota: "TRADING", Item: pair, N: n})
}

// krakenCalls is what a private call adds to the call counter: "Ledger/trade history
// calls increase the counter by 2. All other API calls increase this counter by 1
// (except AddOrder, CancelOrder)". Whether closed orders are a history is not said.
func krakenCalls(path string) int {
	switch path {
	case "/0/private/AddOrder", "/0/private/CancelOrder":
		return 0
	case "/0/private/TradesHistory", "/0/private/ClosedOrders":
		return 2
	}
	return 1
}

// krakenPenalties: what canceling an order costs that is younger than this.
var krakenPenalties = [...]struct {
	age  time.Duration
	cost int
}{{5 * time.Second, 8}, {10 * time.Second, 6}, {15 * time.Second, 5}, {45 * time.Second, 4}, {90 * time.Second, 2}, {300 * time.Second, 1}}

// engineCost is what the trading engine counts, and for which pair. Assumed: a cancel
// that is one too many is refused like an order.
func (k *kraken) engineCost(c *call, key Key) (pair string, n int) {
	orders := 1
	switch c.path {
	case "/0/private/AddOrder", "/0/private/AddOrderBatch", "/0/private/CancelOrder":
	default:
		return "", 0
	}
	q, err := k.read(c)
	if err != "" {
		return "", 0
	}
	if c.path != "/0/private/CancelOrder" {
		if list := q.get("orders"); list != "" { // each order of a batch counts
			var raw []json.RawMessage
			_ = json.Unmarshal([]byte(list), &raw)
			orders = len(raw)
		}
		if m := k.book.market(q.get("pair")); m != nil {
			return m.symbol, orders
		}
		return "", 0
	}
	o, lost := k.book.find(key.account(), q.get("txid"), q.get("cl_ord_id"))
	if lost != nil {
		return "", 0
	}
	for _, p := range krakenPenalties {
		if c.now.Sub(o.created) < p.age {
			return o.market.symbol, p.cost
		}
	}
	return o.market.symbol, 0
}

// banAfter: Kraken documents no ban for too many calls.
func (k *kraken) banAfter() int { return 0 }

// refuse answers with HTTP 200, as Kraken does.
func (k *kraken) refuse(x *excess) answer {
	text := krakenError("EAPI:Rate limit exceeded")
	switch {
	case x.banned:
		text = "EGeneral:Temporary lockout"
	case x.quota.Kind == exauth.Concurrency:
		text = krakenError("EService: Throttled: " + strconv.FormatInt(x.now.Add(x.wait).Unix(), 10))
	case x.quota.Per == exauth.PerSymbol:
		text = "EOrder:Rate limit exceeded"
	case x.quota.Per == exauth.PerIP:
		text = "EGeneral:Too many requests"
	}
	return krakenAnswer(nil, text)
}
