package venue

import (
	"time"

	"github.com/exauth/exauth"
)

// cryptocomQuotas are the limits of every account, for each method.
//
// Source: exchange-developer.crypto.com/exchange/v1/docs/api/rest-common-api-reference,
// as of 2026-08-11 (by a dated copy; all numbers are the vendor's). Counted by key
// there, by account here, which is never more. Read 2026-11-23.
func cryptocomQuotas() []exauth.Quota {
	const tenth = 100 * time.Millisecond
	return []exauth.Quota{
		sliding("ORDERS_15", 15, tenth, exauth.PerSymbol),
		sliding("DETAIL_30", 30, tenth, exauth.PerSymbol),
		sliding("OTHER_3", 3, tenth, exauth.PerSymbol),
		sliding("HISTORY_1", 1, time.Second, exauth.PerSymbol),
		sliding("STAKING_50", 50, time.Second, exauth.PerSymbol),
		sliding("PUBLIC_100", 100, time.Second, exauth.PerEndpoint),
	}
}

// cryptocomMethods are the methods that are not like all others.
const cryptocomMethods = `
	POST private/create-order      q=ORDERS_15:1
	POST private/cancel-order      q=ORDERS_15:1
	POST private/cancel-all-orders q=ORDERS_15:1
	POST private/get-order-detail  q=DETAIL_30:1
	POST private/get-trades        q=HISTORY_1:1
	POST private/get-order-history q=HISTORY_1:1
	POST private/staking/stake                   q=STAKING_50:1
	POST private/staking/unstake                 q=STAKING_50:1
	POST private/staking/convert                 q=STAKING_50:1
	POST private/staking/get-staking-position    q=STAKING_50:1
	POST private/staking/get-staking-instruments q=STAKING_50:1
	POST private/staking/get-open-stake          q=STAKING_50:1
	POST private/staking/get-stake-history       q=STAKING_50:1
	POST private/staking/get-reward-history      q=STAKING_50:1
	POST private/staking/get-open-convert        q=STAKING_50:1
	POST private/staking/get-convert-history     q=STAKING_50:1
	GET public/get-instruments   q=PUBLIC_100:1
	GET public/get-book          q=PUBLIC_100:1
	GET public/get-candlestick   q=PUBLIC_100:1
	GET public/get-trades        q=PUBLIC_100:1
	GET public/get-tickers       q=PUBLIC_100:1
	GET public/get-ticker        q=PUBLIC_100:1
	GET public/get-valuations    q=PUBLIC_100:1`

func cryptocomTable() string { return below("/exchange/v1/ /v2/ /v1/", cryptocomMethods) }

func cryptocomPrices(routes []exauth.Route) []exauth.Route {
	t := tariff{quotas: cryptocomQuotas()}
	p := newPricer(routes)
	p.add(t, cryptocomTable())
	p.others(t, byKey("q=PUBLIC_100:1", "q=OTHER_3:1"))
	return p.all()
}

// cryptocomDefault: "all others", by the vendor's own page.
func cryptocomDefault() func(*exauth.Request) []exauth.Cost {
	return tariff{quotas: cryptocomQuotas()}.at("q=OTHER_3:1")
}
