package venue

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// kucoinQuotas are the pools of a fee level. A pool is a window that begins with the
// first call in it; its headers count down and tell how long it lasts.
//
//	UNIFIED … PUBLIC  vendor: www.kucoin.com/docs-new/rate-limit, by level (see kucoinPlans)
//	ADDRESS           vendor, of the older documentation: Cloudflare lets 500 calls in 10 s through, "may be
//	                  fine-tuned", and blocks the address for 30 s (code 1015)
//	BROKER            assumed: what the other pools begin with
//
// Read 2026-11-23.
func kucoinQuotas(unified, spot, futures, management int) []exauth.Quota {
	pool := func(name string, limit int, window time.Duration, per exauth.Per) exauth.Quota {
		return exauth.Quota{Name: name, Kind: exauth.AnchoredWindow, Limit: limit, Window: window, Per: per,
			RemainingHeader: "Gw-Ratelimit-Remaining", ResetHeader: "Gw-Ratelimit-Reset"}
	}
	const half = 30 * time.Second
	return []exauth.Quota{
		pool("UNIFIED", unified, 3*time.Second, exauth.PerAccount),
		pool("SPOT", spot, half, exauth.PerAccount), // and margin
		pool("FUTURES", futures, half, exauth.PerAccount),
		pool("MANAGEMENT", management, half, exauth.PerAccount),
		pool("EARN", 2000, half, exauth.PerAccount),
		pool("COPYTRADING", 2000, half, exauth.PerAccount),
		pool("BROKER", 2000, half, exauth.PerAccount),
		pool("PUBLIC", 2000, half, exauth.PerIP),
		sliding("ADDRESS", 500, 10*time.Second, exauth.PerIP),
	}
}

func kucoinPlans() map[string][]exauth.Quota {
	plans := map[string][]exauth.Quota{}
	for level, n := range [...][4]int{
		{200, 4000, 2000, 2000}, {200, 6000, 2000, 2000}, {400, 8000, 4000, 4000}, {500, 10000, 5000, 5000},
		{600, 13000, 6000, 6000}, {700, 16000, 7000, 7000}, {800, 20000, 8000, 8000}, {1000, 23000, 10000, 10000},
		{1200, 26000, 12000, 12000}, {1400, 30000, 14000, 14000}, {1600, 33000, 16000, 16000}, {1800, 36000, 18000, 18000},
		{2000, 40000, 20000, 20000},
	} {
		plans["vip"+strconv.Itoa(level)] = kucoinQuotas(n[0], n[1], n[2], n[3])
	}
	return plans
}

func kucoinTariff() tariff { return tariff{quotas: kucoinPlans()["vip0"], base: "q=ADDRESS:1"} }

func kucoinPrices(routes []exauth.Route) []exauth.Route {
	p := newPricer(routes)
	p.getReads = true
	p.add(kucoinTariff(), kucoinCosts)
	p.add(kucoinTariff(), kucoinUnifiedCosts)
	p.add(kucoinTariff(), kucoinSharedCosts)
	all := p.all()
	shared := map[routeKey]bool{}
	for _, l := range costLines(kucoinSharedCosts) {
		shared[routeKey{l.method, l.path}] = true
	}
	for i := range all {
		if r := &all[i]; shared[routeKey{r.Method, r.Path}] {
			r.Costs, r.Price = nil, kucoinByHost(r.Costs)
		}
	}
	return all
}

// kucoinByHost tells spot from futures by the host, where both have the path. A
// host that is neither, such as a test server, is charged in both pools.
func kucoinByHost(both []exauth.Cost) func(*exauth.Request) []exauth.Cost {
	without := func(pool string) []exauth.Cost {
		return slices.DeleteFunc(slices.Clone(both), func(c exauth.Cost) bool { return c.Quota == pool })
	}
	spot, futures := without("FUTURES"), without("SPOT")
	return func(r *exauth.Request) []exauth.Cost {
		switch {
		case strings.HasPrefix(r.Host, "api-futures."):
			return futures
		case strings.HasPrefix(r.Host, "api."):
			return spot
		}
		return both
	}
}

// kucoinDefault: most endpoints of the tables weigh 20 or less. Assumed.
func kucoinDefault() func(*exauth.Request) []exauth.Cost {
	t := kucoinTariff()
	unified, rest := t.costs("q=UNIFIED:5"), t.costs("q=SPOT:20 q=FUTURES:20 q=MANAGEMENT:20")
	broker := t.costs("q=BROKER:20")
	return func(r *exauth.Request) []exauth.Cost {
		switch {
		case strings.HasPrefix(r.Path, "/api/ua/"):
			return unified
		case strings.Contains(r.Path, "roker/"):
			return broker
		}
		return rest
	}
}

// kucoinSettle: 429000 is a pool, or a server that is overloaded; either way the
// pool of the call, which is charged first, has to wait. A page of Cloudflare's is
// the address.
func kucoinSettle(resp *exauth.Response, o *exauth.Observation) {
	if resp.Status == 429 && !isJSON(resp.Body) {
		o.Refused = "ADDRESS"
	}
}

// kucoinLimits reads the account's fee level, which the plans are named after.
func kucoinLimits(ctx context.Context, c *exauth.Client) ([]exauth.Quota, error) {
	v := c.Venue()
	info, err := exauth.Get[struct{ Level int }](ctx, c, "/api/v2/user-info", nil)
	if err != nil {
		return nil, err
	}
	if quotas, ok := v.Plans["vip"+strconv.Itoa(info.Level)]; ok {
		return slices.Clone(quotas), nil
	}
	return slices.Clone(v.Quotas), nil
}

// kucoinSharedCosts are of paths that spot and futures have alike.
const kucoinSharedCosts = `
	GET /api/v1/fills               q=SPOT:10 q=FUTURES:5
	GET /api/v1/orders              q=SPOT:2 q=FUTURES:2
	POST /api/v1/orders             q=SPOT:2 q=FUTURES:2
	POST /api/v1/orders/test        q=SPOT:2 q=FUTURES:2
	POST /api/v1/orders/multi       q=SPOT:3 q=FUTURES:20
	DELETE /api/v1/orders           q=SPOT:20 q=FUTURES:800
	DELETE /api/v1/orders/{orderId} q=SPOT:3 q=FUTURES:1
	POST /api/v1/bullet-private     q=SPOT:10 q=FUTURES:10`

// kucoinUnifiedCosts: secondary, half of what ccxt 4.5.84 has for a pool of 2,000 in
// 30 s; market data are in the pool of public calls.
const kucoinUnifiedCosts = `
	GET /api/ua/v1/market/*       q=PUBLIC:25
	GET /api/ua/v1/server/status  q=PUBLIC:3
	GET /api/ua/v1/market/ticker      q=PUBLIC:15
	GET /api/ua/v1/market/instrument  q=PUBLIC:4
	GET /api/ua/v1/market/currency    q=PUBLIC:3
	GET /api/ua/v1/market/trade       q=PUBLIC:3
	GET /api/ua/v1/market/kline       q=PUBLIC:3
	GET /api/ua/v1/market/orderbook   q=PUBLIC:3
	GET /api/ua/v1/market/funding-rate          q=PUBLIC:2
	GET /api/ua/v1/market/funding-rate-history  q=PUBLIC:5
	[q=UNIFIED:1]
	POST /api/ua/v1/{mode}/order/place
	POST /api/ua/v1/{mode}/order/cancel
	[q=UNIFIED:2]
	GET /api/ua/v1/account/ledger
	GET /api/ua/v1/{mode}/position/history
	GET /api/ua/v1/dcp/query
	POST /api/ua/v1/dcp/set
	[q=UNIFIED:4]
	GET /api/ua/v1/{mode}/order/detail
	GET /api/ua/v1/{mode}/order/open-list
	GET /api/ua/v1/{mode}/order/history
	GET /api/ua/v1/{mode}/order/execution
	GET /api/ua/v1/{mode}/position/open-list
	GET /api/ua/v1/user/fee-rate
	POST /api/ua/v1/account/transfer
	POST /api/ua/v1/{mode}/order/place-batch
	POST /api/ua/v1/{mode}/order/cancel-batch
	[q=UNIFIED:5]
	GET /api/ua/v1/account/balance
	GET /api/ua/v1/{mode}/account/balance
	GET /api/ua/v1/{mode}/account/overview
	GET /api/ua/v1/sub-account/balance
	GET /api/ua/v1/asset/deposit/address
	[q=UNIFIED:20]
	GET /api/ua/v1/account/transfer-quota
	GET /api/ua/v1/account/interest-history
	GET /api/ua/v1/position/funding-history
	POST /api/ua/v1/{mode}/order/cancel-all
	POST /api/ua/v1/{mode}/account/modify-leverage
	POST /api/ua/v1/{mode}/account/modify-leverage-margin-cross
	[q=UNIFIED:30]
	GET /api/ua/v1/account/mode
	POST /api/ua/v1/account/mode`
