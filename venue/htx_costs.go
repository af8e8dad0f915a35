package venue

import (
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// htxQuotas: spot by account and endpoint, contracts by account and kind of call.
//
//	UID_N_2S          vendor: notice 900001168066 (2020-06-03), "fixed interval", N calls in 2 s; counted in
//	                  any 2 s, since nothing says what the interval is aligned to
//	CONTRACT_…        assumed, from memory of the contract documents: 72 trades and 72 reads in 3 s for an
//	                  account; public calls 120 in 3 s for an address
//	PUBLIC            assumed: 10 a second for an endpoint
//
// Read 2026-11-23.
func htxQuotas() []exauth.Quota {
	quotas := []exauth.Quota{
		sliding("CONTRACT_TRADE", 72, 3*time.Second, exauth.PerAccount),
		sliding("CONTRACT_READ", 72, 3*time.Second, exauth.PerAccount),
		sliding("CONTRACT_PUBLIC", 120, 3*time.Second, exauth.PerIP),
		sliding("PUBLIC", 10, time.Second, exauth.PerEndpoint),
	}
	for _, class := range []string{"2_2S", "5_2S", "20_2S", "50_2S", "100_2S"} {
		q := sliding("UID_"+class, classLimit(class), classWindow(class), exauth.PerSymbol)
		q.RemainingHeader = "X-Hb-Ratelimit-Requests-Remain" // secondary
		quotas = append(quotas, q)
	}
	return quotas
}

const htxCosts = `
	[q=UID_100_2S:1]
	POST /v1/order/orders/place
	POST /v1/order/orders/{order-id}/submitcancel
	POST /v1/order/orders/submitCancelClientOrder
	GET /v1/account/accounts
	GET /v1/account/accounts/{account-id}/balance
	[q=UID_50_2S:1]
	GET /v1/order/openOrders
	POST /v1/order/orders/batchCancelOpenOrders
	POST /v1/order/orders/batchcancel
	GET /v1/order/orders/{order-id}
	GET /v1/order/orders/getClientOrder
	GET /v1/order/orders
	[q=UID_20_2S:1]
	GET /v2/account/deposit/address
	GET /v2/account/withdraw/quota
	POST /v1/dw/withdraw/api/create
	POST /v1/dw/withdraw-virtual/{withdraw-id}/cancel
	GET /v1/query/deposit-withdraw
	[q=UID_5_2S:1]
	POST /v1/order/batch-orders
	GET /v1/account/history
	[q=UID_2_2S:1]
	POST /v1/futures/transfer
	POST /v1/subuser/transfer
	GET /v1/subuser/aggregate-balance`

func htxPrices(routes []exauth.Route) []exauth.Route {
	t := tariff{quotas: htxQuotas()}
	p := newPricer(routes)
	p.getReads = true
	p.add(t, htxCosts)
	p.others(t, func(r exauth.Route) string {
		switch contract := htxContract(r.Path); {
		case contract && r.Auth == exauth.AuthNone:
			return "q=CONTRACT_PUBLIC:1"
		case r.Auth == exauth.AuthNone:
			return "q=PUBLIC:1"
		case contract && r.Scope == exauth.ScopeRead:
			return "q=CONTRACT_READ:1"
		case contract:
			return "q=CONTRACT_TRADE:1"
		case r.Scope == exauth.ScopeRead || r.Priority == exauth.PriorityCancel:
			return "q=UID_20_2S:1"
		}
		return "q=UID_2_2S:1" // transfers have that; assumed for what the notice does not list
	})
	return p.all()
}

// htxContract tells the contract products' paths from spot's.
func htxContract(path string) bool {
	for _, prefix := range []string{"/api/", "/swap-", "/linear-swap-", "/index/", "/v5/", "/heartbeat/", "/v2/swap-ex/", "/v2/linear-swap-ex/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func htxDefault() func(*exauth.Request) []exauth.Cost {
	t := tariff{quotas: htxQuotas()}
	spot := t.at("q=UID_5_2S:1") // assumed
	contract := t.costs("q=CONTRACT_TRADE:1 q=CONTRACT_READ:1")
	return func(r *exauth.Request) []exauth.Cost {
		if htxContract(r.Path) {
			return contract
		}
		return spot(r)
	}
}
