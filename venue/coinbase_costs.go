package venue

import (
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// coinbaseQuotas are the limits of every user; there are no published levels.
//
//	PUBLIC, PRIVATE  secondary: 10 a second for an address and 30 for a user of Advanced Trade
//	                 (api-evangelist 2026-05-05, nautilus_trader); what kind of window is not published
//	APP              vendor: docs.cdp.coinbase.com/coinbase-app/api-architecture/rate-limiting, 10,000 an hour
//
// Read 2026-11-23.
func coinbaseQuotas() []exauth.Quota {
	return []exauth.Quota{
		sliding("PUBLIC", 10, time.Second, exauth.PerIP),
		sliding("PRIVATE", 30, time.Second, exauth.PerAccount),
		sliding("APP", 10000, time.Hour, exauth.PerKey),
	}
}

func coinbasePrices(routes []exauth.Route) []exauth.Route {
	p := newPricer(routes)
	p.others(tariff{quotas: coinbaseQuotas()}, func(r exauth.Route) string {
		switch {
		case r.Auth == exauth.AuthNone:
			return "q=PUBLIC:1"
		case strings.HasPrefix(r.Path, "/v2/"):
			return "q=APP:1 q=PRIVATE:1" // whether the second counts is assumed
		}
		return "q=PRIVATE:1"
	})
	return p.all()
}

// coinbaseDefault: as all signed calls; the hourly quota is never the tighter one.
func coinbaseDefault() []exauth.Cost {
	return []exauth.Cost{{Quota: "PRIVATE", N: 1}, {Quota: "APP", N: 1}}
}
