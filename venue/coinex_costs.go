package venue

import (
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// coinexQuotas: every address 400 calls a second, every account so many of each group,
// as a bucket that gets its number back each second.
//
// Source: docs.coinex.com/api/v2/rate-limit (vendor, by a copy of 2026), read
// 2026-11-23. That a bucket holds one second's number is assumed. Not counted are
// the long cycles of 1 to 24 hours, whose numbers are not published: their headers
// say what is left, and cancels are free of them.
func coinexQuotas() []exauth.Quota {
	group := func(name string, n int) exauth.Quota {
		q := bucket(name, n, float64(n), exauth.PerAccount)
		q.RemainingHeader = "X-Ratelimit-Remaining"
		return q
	}
	return []exauth.Quota{
		sliding("IP", 400, time.Second, exauth.PerIP),
		group("SPOT_ORDERS", 30), group("SPOT_CANCELS", 60), group("SPOT_BATCH_CANCELS", 40), group("SPOT_QUERY", 50), group("SPOT_HISTORY", 10),
		group("FUTURES_ORDERS", 20), group("FUTURES_CANCELS", 40), group("FUTURES_BATCH_CANCELS", 20), group("FUTURES_QUERY", 50), group("FUTURES_HISTORY", 10),
		group("ACCOUNT", 10), group("ACCOUNT_QUERY", 10),
	}
}

// A batch counts each of its orders.
const coinexCosts = `
	[q=SPOT_ORDERS:1]
	POST /v2/spot/order
	POST /v2/spot/stop-order
	POST /v2/spot/modify-order
	POST /v2/spot/modify-stop-order
	POST /v2/spot/batch-order        qeach=SPOT_ORDERS:orders
	POST /v2/spot/batch-stop-order   qeach=SPOT_ORDERS:orders
	POST /v2/spot/batch-modify-order qeach=SPOT_ORDERS:orders
	[q=SPOT_CANCELS:1]
	POST /v2/spot/cancel-order
	POST /v2/spot/cancel-stop-order
	[q=SPOT_BATCH_CANCELS:1]
	POST /v2/spot/cancel-all-order
	POST /v2/spot/cancel-order-by-client-id
	POST /v2/spot/cancel-stop-order-by-client-id
	POST /v2/spot/cancel-batch-order      qeach=SPOT_BATCH_CANCELS:order_ids
	POST /v2/spot/cancel-batch-stop-order qeach=SPOT_BATCH_CANCELS:stop_ids
	[q=SPOT_QUERY:1]
	GET /v2/spot/pending-order
	GET /v2/spot/pending-stop-order
	GET /v2/spot/order-status
	GET /v2/spot/batch-order-status
	[q=SPOT_HISTORY:1]
	GET /v2/spot/finished-order
	GET /v2/spot/finished-stop-order
	GET /v2/spot/user-deals
	GET /v2/spot/order-deals
	[q=FUTURES_QUERY:1]
	GET /v2/futures/pending-order
	GET /v2/futures/pending-stop-order
	GET /v2/futures/order-status
	GET /v2/futures/batch-order-status
	[q=FUTURES_HISTORY:1]
	GET /v2/futures/finished-order
	GET /v2/futures/finished-stop-order
	GET /v2/futures/user-deals
	GET /v2/futures/order-deals
	[q=FUTURES_CANCELS:1]
	POST /v2/futures/cancel-order
	POST /v2/futures/cancel-stop-order
	POST /v2/futures/batch-order           qeach=FUTURES_ORDERS:orders
	POST /v2/futures/batch-stop-order      qeach=FUTURES_ORDERS:orders
	POST /v2/futures/batch-modify-order    qeach=FUTURES_ORDERS:orders
	POST /v2/futures/cancel-all-order      q=FUTURES_BATCH_CANCELS:1
	POST /v2/futures/cancel-batch-order      qeach=FUTURES_BATCH_CANCELS:order_ids
	POST /v2/futures/cancel-batch-stop-order qeach=FUTURES_BATCH_CANCELS:stop_ids`

func coinexTariff() tariff { return tariff{quotas: coinexQuotas(), base: "q=IP:1"} }

// coinexPrices: the older APIs share the groups; for those the lower number is taken
// (assumed).
func coinexPrices(routes []exauth.Route) []exauth.Route {
	p := newPricer(routes)
	p.add(coinexTariff(), coinexCosts)
	p.others(coinexTariff(), func(r exauth.Route) string {
		switch {
		case r.Auth == exauth.AuthNone:
			return ""
		case r.Scope == exauth.ScopeRead:
			return "q=ACCOUNT_QUERY:1"
		case r.Priority == exauth.PriorityCancel:
			return "q=FUTURES_CANCELS:1"
		case strings.Contains(r.Path, "order") || strings.HasPrefix(r.Path, "/v2/futures/"):
			return "q=FUTURES_ORDERS:1"
		}
		return "q=ACCOUNT:1"
	})
	return p.all()
}

func coinexDefault() []exauth.Cost { return coinexTariff().costs("q=ACCOUNT:1") }
