package venue

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/exauth/exauth"
)

// deribitPlans are the tiers of trading volume in the last seven days: above USD 25,
// 5 and 1 million, and below.
//
//	CREDITS          vendor: 500 a call of a pool of 50,000, 10,000 back a second; each sub-account
//	ORDERS           vendor: calls of the matching engine, which cost no credits, by tier
//	PUBLIC           assumed: unauthenticated calls "are limited by IP"; taken as many as the credits allow
//	INSTRUMENTS, LOG assumed, from memory of the same page: get_instruments 1 a second up to 50,
//	                 get_transaction_log 1 a second up to 8
//
// Sources: docs.deribit.com/articles/rate-limits and support article 25944617523357,
// read 2026-11-23. A session that oversteps is closed.
func deribitPlans() map[string][]exauth.Quota {
	tier := func(burst int, rate float64) []exauth.Quota {
		return []exauth.Quota{
			bucket("CREDITS", 50000, 10000, exauth.PerAccount),
			bucket("ORDERS", burst, rate, exauth.PerAccount),
			bucket("PUBLIC", 100, 20, exauth.PerIP),
			bucket("INSTRUMENTS", 50, 1, exauth.PerIP),
			bucket("LOG", 8, 1, exauth.PerAccount),
		}
	}
	return map[string][]exauth.Quota{"tier1": tier(100, 30), "tier2": tier(50, 20), "tier3": tier(30, 10), "tier4": tier(20, 5)}
}

// deribitEngine are the methods that the matching engine counts; pages of 2020 and
// 2026.
const deribitEngine = ` buy sell edit edit_by_label cancel cancel_all cancel_all_by_instrument cancel_all_by_currency
	cancel_all_by_currency_pair cancel_all_by_kind_or_type cancel_by_label cancel_quotes close_position
	verify_block_trade execute_block_trade mass_quote `

const deribitCosts = `
	GET /api/v2/public/get_instruments      q=INSTRUMENTS:1 q=PUBLIC:1
	GET /api/v2/private/get_transaction_log q=LOG:1 q=CREDITS:500`

func deribitPrices(routes []exauth.Route) []exauth.Route {
	t := tariff{quotas: deribitPlans()["tier4"]}
	p := newPricer(routes)
	p.add(t, deribitCosts)
	p.others(t, func(r exauth.Route) string {
		method := r.Path[strings.LastIndex(r.Path, "/")+1:]
		switch {
		case strings.HasPrefix(r.Path, "/api/v2/private/") && slices.Contains(strings.Fields(deribitEngine), method):
			return "q=ORDERS:1"
		case r.Auth == exauth.AuthNone:
			return "q=PUBLIC:1"
		}
		return "q=CREDITS:500"
	})
	return p.all()
}

func deribitDefault() []exauth.Cost {
	return []exauth.Cost{{Quota: "CREDITS", N: 500}, {Quota: "ORDERS", N: 1}}
}

// deribitLimits reads the account's own limits, which are set anew every hour.
func deribitLimits(ctx context.Context, c *exauth.Client) ([]exauth.Quota, error) {
	type pair struct{ Rate, Burst json.Number }
	account, err := exauth.Get[struct {
		Limits struct {
			NonMatching pair `json:"non_matching_engine"`
			Matching    struct {
				Trading struct{ Total pair }
			} `json:"matching_engine"`
		}
	}](ctx, c, "/api/v2/private/get_account_summary", exauth.Params{{Name: "currency", Value: "BTC"}, {Name: "extended", Value: true}})
	if err != nil {
		return nil, err
	}
	quotas := slices.Clone(c.Venue().Quotas)
	for i := range quotas {
		own, unit := pair{}, 1
		switch quotas[i].Name {
		case "CREDITS": // published as calls
			own, unit = account.Limits.NonMatching, 500
		case "ORDERS":
			own = account.Limits.Matching.Trading.Total
		default:
			continue
		}
		rate, err1 := own.Rate.Float64()
		burst, err2 := own.Burst.Int64()
		if err1 == nil && err2 == nil {
			quotas[i].Refill, quotas[i].Limit = rate*float64(unit), int(min(burst, 1<<30))*unit
		}
	}
	return quotas, nil
}
