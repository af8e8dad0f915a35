package exchangetest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/exauth/exauth"
)

// The quotas of OKX (okx.com/docs-v5, "Rate Limits"; the help page "Sub-account rate
// limit" of 2024-01-10). Every endpoint has its own, so a quota is known by a name
// that ends in the endpoint's path; each order of a batch counts. Quotas with ORDERS
// in their name count new orders, whatever endpoint places them.

// costs is what a call takes.
func (x *okx) costs(c *call, _ Key) []exauth.Cost {
	placed := okxPlaced(c)
	var costs []exauth.Cost
	for _, q := range x.gate.quotas {
		switch {
		case strings.HasSuffix(q.Name, c.path):
		case strings.Contains(q.Name, "ORDERS") && (c.path == "/api/v5/trade/order" || c.path == "/api/v5/trade/batch-orders") && c.method == http.MethodPost:
		default:
			continue
		}
		n := 0
		for symbol, of := range placed {
			if n += of; q.Per == exauth.PerSymbol {
				costs = append(costs, exauth.Cost{Quota: q.Name, Item: symbol, N: of})
			}
		}
		if q.Per != exauth.PerSymbol {
			costs = append(costs, exauth.Cost{Quota: q.Name, Item: c.path, N: n})
		}
	}
	return costs
}

// okxPlaced counts what a call asks for by instrument: the orders of a batch, or one.
func okxPlaced(c *call) map[string]int {
	if c.method == http.MethodGet {
		f, _ := parseForm(c.query)
		return map[string]int{f.get("instId"): 1}
	}
	type item struct {
		InstID string `json:"instId"`
	}
	items := make([]item, 1)
	if json.Unmarshal(c.body, &items) != nil && json.Unmarshal(c.body, &items[0]) != nil || len(items) == 0 {
		items = make([]item, 1)
	}
	placed := map[string]int{}
	for _, it := range items {
		placed[it.InstID]++
	}
	return placed
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
	if strings.Contains(e.quota.Name, "ORDERS") {
		return *okxErr(http.StatusTooManyRequests, "50061", "You've reached the maximum order rate limit for this account.")
	}
	return *okxErr(http.StatusTooManyRequests, "50011", "Requests too frequent.")
}

// rateLimit tells the account's order limit: that of the quota for orders, or 1000,
// the least the venue gives.
func (x *okx) rateLimit(q *okxCall) okxAnswer {
	limit := "1000"
	for _, quota := range x.gate.quotas {
		if strings.Contains(quota.Name, "ORDERS") {
			limit = strconv.Itoa(quota.Limit)
		}
	}
	return okxData(map[string]string{
		"accRateLimit": limit, "nextAccRateLimit": limit, "fillRatio": "0", "mainFillRatio": "0", "ts": okxMillis(q.now),
	})
}
