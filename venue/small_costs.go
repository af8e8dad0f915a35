package venue

import (
	"time"

	"github.com/exauth/exauth"
)

// The venues of this file publish little about their limits. What is assumed is low
// enough to be safe where other clients run; who knows better puts other Quotas
// into the venue before New.

// backpackQuotas: 20 calls a second (secondary: ccxt 4.5.84, read 2026-11-23),
// counted for the address.
func backpackQuotas() []exauth.Quota {
	return []exauth.Quota{sliding("CALLS", 20, time.Second, exauth.PerIP)}
}

func backpackCosts() []exauth.Cost { return []exauth.Cost{{Quota: "CALLS", N: 1}} }

// lbankQuotas: 500 orders and cancels, and 200 other calls, in ten seconds (secondary:
// ccxt 4.5.84, read 2026-11-23), counted for the address, as public ones must be.
func lbankQuotas() []exauth.Quota {
	return []exauth.Quota{
		sliding("ORDERS", 500, 10*time.Second, exauth.PerIP),
		sliding("CALLS", 200, 10*time.Second, exauth.PerIP),
	}
}

func lbankPrices(routes []exauth.Route) []exauth.Route {
	p := newPricer(routes)
	p.others(tariff{quotas: lbankQuotas()}, func(r exauth.Route) string {
		if r.Scope == exauth.ScopeTradeSpot {
			return "q=ORDERS:1"
		}
		return "q=CALLS:1" // contracts too: assumed
	})
	return p.all()
}

// btcturkQuotas: BtcTurk limits each endpoint by the minute; 60 is the lowest of its
// tables that others know of. Assumed; read 2026-11-23.
func btcturkQuotas() []exauth.Quota {
	return []exauth.Quota{
		sliding("IP_60", 60, time.Minute, exauth.PerEndpoint),
		sliding("UID_60", 60, time.Minute, exauth.PerSymbol),
	}
}

const btcturkCosts = `
	[q=IP_60:1]
	GET /api/v2/ticker
	GET /api/v2/ticker/currency
	GET /api/v2/orderbook
	GET /api/v2/trades
	GET /api/v2/ohlc
	GET /api/v2/server/time
	GET /api/v2/server/exchangeinfo`

func btcturkPrices(routes []exauth.Route) []exauth.Route {
	t := tariff{quotas: btcturkQuotas()}
	p := newPricer(routes)
	p.add(t, btcturkCosts)
	p.others(t, byKey("q=IP_60:1", "q=UID_60:1"))
	return p.all()
}

func btcturkDefault() func(*exauth.Request) []exauth.Cost {
	return tariff{quotas: btcturkQuotas()}.at("q=UID_60:1")
}

// indodaxQuotas: 180 public calls a minute, 10 orders and 5 other private calls a
// second (secondary: ccxt 4.5.84, whose comment on orders is lower than its number;
// read 2026-11-23).
func indodaxQuotas() []exauth.Quota {
	return []exauth.Quota{
		sliding("PUBLIC", 180, time.Minute, exauth.PerIP),
		sliding("TRADE", 10, time.Second, exauth.PerAccount),
		sliding("PRIVATE", 5, time.Second, exauth.PerAccount),
	}
}

func indodaxPrices(routes []exauth.Route) []exauth.Route {
	t := tariff{quotas: indodaxQuotas()}
	p := newPricer(routes)
	p.add(t, "POST /tapi match=method=trade q=TRADE:1")
	p.others(t, byKey("q=PUBLIC:1", "q=PRIVATE:1"))
	return p.all()
}
