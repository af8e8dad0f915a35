package venue

import (
	"slices"
	"time"

	"github.com/exauth/exauth"
)

// gateQuotas are the limits since 2024-01-22, of every level.
//
//	IP_200, UID_200     vendor: announcement 33995 (2024-01-14), 200 in 10 s for each endpoint
//	SPOT_ORDERS         vendor: the same, 10 a second for each account and market, placing and amending, batches too
//	SPOT_CANCELS        vendor: the same, 200 a second
//	FUTURES_ORDERS      vendor: 100 a second; FUTURES_CANCELS: 200 (secondary: gocryptotrader 7417b81)
//	DELIVERY, OPTIONS   secondary: gocryptotrader, 500 in 10 s and 200 a second
//	UID_80, UID_150     secondary: gocryptotrader, for wallet and sub-accounts, and for margin and swaps
//	WITHDRAWALS         vendor: 1 in 3 s
//
// Whether the windows slide is not published: taken as sliding. Not counted is what
// follows on a low ratio of fills (announcement 39603, 2024-09-29): after 86,400
// requests in a day without a fill, or with less than 1 % filled, an account places
// 10, or 20, futures orders in 10 s for an hour. Read 2026-11-23.
func gateQuotas() []exauth.Quota {
	counted := func(name string, limit int, window time.Duration, per exauth.Per) exauth.Quota {
		q := sliding(name, limit, window, per)
		q.RemainingHeader = "X-Gate-Ratelimit-Requests-Remain" // secondary; absent, nothing is lost
		return q
	}
	const ten = 10 * time.Second
	return []exauth.Quota{
		counted("IP_200", 200, ten, exauth.PerEndpoint),
		counted("UID_200", 200, ten, exauth.PerSymbol),
		counted("UID_150", 150, ten, exauth.PerSymbol),
		counted("UID_80", 80, ten, exauth.PerSymbol),
		sliding("SPOT_ORDERS", 10, time.Second, exauth.PerSymbol),
		sliding("SPOT_CANCELS", 200, time.Second, exauth.PerAccount),
		sliding("FUTURES_ORDERS", 100, time.Second, exauth.PerAccount),
		sliding("FUTURES_CANCELS", 200, time.Second, exauth.PerAccount),
		sliding("DELIVERY_ORDERS", 500, ten, exauth.PerAccount),
		sliding("OPTIONS_ORDERS", 200, time.Second, exauth.PerAccount),
		sliding("WITHDRAWALS", 1, 3*time.Second, exauth.PerAccount),
	}
}

// gateCosts are the endpoints that are not counted like all others.
const gateCosts = `
	POST /api/v4/spot/orders              q=SPOT_ORDERS:1@currency_pair
	PATCH /api/v4/spot/orders/{order_id}  q=SPOT_ORDERS:1@currency_pair
	POST /api/v4/spot/price_orders        q=SPOT_ORDERS:1@market
	[q=SPOT_CANCELS:1]
	DELETE /api/v4/spot/orders
	DELETE /api/v4/spot/orders/{order_id}
	POST /api/v4/spot/cancel_batch_orders
	POST /api/v4/spot/countdown_cancel_all
	POST /api/v4/spot/cross_liquidate_orders
	DELETE /api/v4/spot/price_orders
	DELETE /api/v4/spot/price_orders/{order_id}
	[q=FUTURES_ORDERS:1]
	POST /api/v4/futures/{settle}/orders
	PUT /api/v4/futures/{settle}/orders/{order_id}
	POST /api/v4/futures/{settle}/batch_orders
	POST /api/v4/futures/{settle}/batch_amend_orders
	POST /api/v4/futures/{settle}/bbo_orders
	POST /api/v4/futures/{settle}/price_orders
	[q=FUTURES_CANCELS:1]
	DELETE /api/v4/futures/{settle}/orders
	DELETE /api/v4/futures/{settle}/orders/{order_id}
	POST /api/v4/futures/{settle}/batch_cancel_orders
	POST /api/v4/futures/{settle}/countdown_cancel_all
	DELETE /api/v4/futures/{settle}/price_orders
	DELETE /api/v4/futures/{settle}/price_orders/{order_id}
	[q=DELIVERY_ORDERS:1]
	POST /api/v4/delivery/{settle}/orders
	DELETE /api/v4/delivery/{settle}/orders
	DELETE /api/v4/delivery/{settle}/orders/{order_id}
	DELETE /api/v4/delivery/{settle}/price_orders
	DELETE /api/v4/delivery/{settle}/price_orders/{order_id}
	[q=OPTIONS_ORDERS:1]
	POST /api/v4/options/orders
	PUT /api/v4/options/orders/{order_id}
	DELETE /api/v4/options/orders
	DELETE /api/v4/options/orders/{order_id}
	[q=UID_80:1]
	POST /api/v4/wallet/transfers
	POST /api/v4/wallet/sub_account_transfers
	POST /api/v4/wallet/sub_account_to_sub_account
	GET /api/v4/wallet/sub_account_balances
	GET /api/v4/wallet/sub_account_margin_balances
	GET /api/v4/wallet/sub_account_futures_balances
	GET /api/v4/wallet/sub_account_cross_margin_balances
	GET /api/v4/wallet/total_balance
	POST /api/v4/wallet/small_balance
	GET /api/v4/sub_accounts
	POST /api/v4/sub_accounts
	GET /api/v4/sub_accounts/{user_id}
	GET /api/v4/sub_accounts/{user_id}/keys
	GET /api/v4/sub_accounts/{user_id}/keys/{key}
	[q=UID_150:1]
	GET /api/v4/margin/accounts
	POST /api/v4/margin/auto_repay
	POST /api/v4/margin/uni/loans
	POST /api/v4/margin/cross/loans
	POST /api/v4/margin/cross/repayments
	POST /api/v4/flash_swap/orders
	POST /api/v4/flash_swap/orders/preview
	[q=WITHDRAWALS:1]
	POST /api/v4/withdrawals
	POST /api/v4/withdrawals/push`

func gatePrices(routes []exauth.Route) []exauth.Route {
	t := tariff{quotas: gateQuotas()}
	p := newPricer(routes)
	p.getReads = true
	p.add(t, gateCosts)
	p.others(t, byKey("q=IP_200:1", "q=UID_200:1"))
	all := p.all()
	for i := range all {
		switch r := &all[i]; r.Path {
		case "/api/v4/spot/batch_orders", "/api/v4/spot/amend_batch_orders":
			r.Costs, r.Price = nil, gateBatch
		}
	}
	return all
}

// gateDefault is the limit of a signed endpoint that is counted least often.
// Assumed for what no table lists.
func gateDefault() func(*exauth.Request) []exauth.Cost {
	return tariff{quotas: gateQuotas()}.at("q=UID_80:1")
}

// gateBatch charges a batch once in each market it trades in.
func gateBatch(r *exauth.Request) []exauth.Cost {
	var costs []exauth.Cost
	list, _ := bodyField(r, "")
	orders, _ := list.([]any)
	for _, o := range orders {
		fields, _ := o.(exauth.Params)
		for _, f := range fields {
			pair, ok := f.Value.(string)
			if ok && f.Name == "currency_pair" && !slices.ContainsFunc(costs, func(c exauth.Cost) bool { return c.Item == pair }) {
				costs = append(costs, exauth.Cost{Quota: "SPOT_ORDERS", Item: pair, N: 1})
			}
		}
	}
	if costs == nil {
		costs = []exauth.Cost{{Quota: "SPOT_ORDERS", N: 1}}
	}
	return costs
}
