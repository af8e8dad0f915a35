package exchangetest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/exauth/exauth"
)

// The quotas of OKX (okx.com/docs-v5, "Rate Limit" of each endpoint; the help page
// "Sub-account rate limit" of 2024-01-10). Every endpoint has its own count: PLACE and
// CANCEL by instrument, PLACE_BATCH and CANCEL_BATCH by order, and for the rest one
// that names its limit, such as USER_10_2S for ten calls of an account in two seconds
// and IP_20_2S for twenty of an address. ORDERS counts new orders of all kinds.
var okxCounts = map[string]string{
	"GET /api/v5/public/time":              "IP_10_2S",
	"GET /api/v5/market/ticker":            "IP_20_2S",
	"GET /api/v5/market/books":             "IP_40_2S",
	"GET /api/v5/account/balance":          "USER_10_2S",
	"GET /api/v5/account/config":           "USER_5_2S",
	"GET /api/v5/trade/account-rate-limit": "USER_1_1S",
	"GET /api/v5/trade/order":              "USER_60_2S",
	"GET /api/v5/trade/orders-pending":     "USER_60_2S",
	"GET /api/v5/trade/orders-history":     "USER_40_2S",
	"GET /api/v5/trade/fills":              "USER_60_2S",
	"POST /api/v5/asset/withdrawal":        "USER_6_1S",
	"POST /api/v5/trade/cancel-all-after":  "USER_1_1S",
}

// costs is what a call takes.
func (x *okx) costs(c *call, _ Key) []exauth.Cost {
	name := c.method + " " + c.path
	switch name {
	case "POST /api/v5/trade/order", "POST /api/v5/trade/batch-orders":
		instruments := okxInstruments(c)
		return append(okxOrderCosts(c, "PLACE", instruments), exauth.Cost{Quota: "ORDERS", N: len(instruments)})
	case "POST /api/v5/trade/cancel-order", "POST /api/v5/trade/cancel-batch-orders":
		return okxOrderCosts(c, "CANCEL", okxInstruments(c))
	}
	if quota := okxCounts[name]; quota != "" {
		return []exauth.Cost{{Quota: quota, Item: name, N: 1}}
	}
	return nil
}

// okxOrderCosts: a batch of one counts as a single order as well.
func okxOrderCosts(c *call, quota string, instruments []string) []exauth.Cost {
	var costs []exauth.Cost
	if strings.Contains(c.path, "-batch-") || strings.HasSuffix(c.path, "/batch-orders") {
		costs = append(costs, exauth.Cost{Quota: quota + "_BATCH", N: len(instruments)})
	}
	if len(instruments) == 1 {
		costs = append(costs, exauth.Cost{Quota: quota, Item: instruments[0], N: 1})
	}
	return costs
}

// okxInstruments lists the instrument of each order of a call; whatever the body is,
// it counts as one at least.
func okxInstruments(c *call) []string {
	type item struct {
		InstID string `json:"instId"`
	}
	var one item
	var many []item
	if json.Unmarshal(c.body, &many) != nil || len(many) == 0 {
		_ = json.Unmarshal(c.body, &one)
		many = []item{one}
	}
	list := make([]string, len(many))
	for i, it := range many {
		list[i] = it.InstID
	}
	return list
}

// banAfter: OKX documents no ban for too many calls.
func (x *okx) banAfter() int { return 0 }

// refuse answers a call that never reached the venue's business.
func (x *okx) refuse(e *excess) answer {
	a := x.limited(e)
	return answer{status: a.status, kind: "application/json", body: encode(a)}
}

// limited is 429 without a Retry-After, as the venue sends it.
func (x *okx) limited(e *excess) okxAnswer {
	if e.quota.Name == "ORDERS" {
		return *okxErr(http.StatusTooManyRequests, "50061", "You've reached the maximum order rate limit for this account.")
	}
	return *okxErr(http.StatusTooManyRequests, "50011", "Requests too frequent.")
}

// rateLimit tells the account's order limit: that of the quota for orders, or 1000,
// the least the venue gives.
func (x *okx) rateLimit(q *okxCall) okxAnswer {
	limit := "1000"
	for _, quota := range x.gate.quotas {
		if quota.Name == "ORDERS" {
			limit = strconv.Itoa(quota.Limit)
		}
	}
	return okxData(map[string]string{
		"accRateLimit": limit, "nextAccRateLimit": limit, "fillRatio": "0", "mainFillRatio": "0", "ts": okxMillis(q.now),
	})
}
