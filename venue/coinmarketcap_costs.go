package venue

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// coinmarketcapPlans: calls a minute and credits a month by plan.
//
//	CALLS        vendor: 30 to 1,600 "resets every 60 seconds"; the plans between by a price list of 2026-05-08
//	CREDITS_1MO  vendor for Basic (15,000), secondary for the others (the same price list)
//	CREDITS_1D   assumed to be the month's: whether a plan has a limit by day is not published; the client's
//	             LoadLimits reads the key's own
//
// Months of paid plans begin on the day of the subscription, here with the UTC
// month: near the end of a plan's month, believe GET /v1/key/info. Sources:
// coinmarketcap.com/api/documentation/guides/errors-and-rate-limits,
// coinmarketcap.com/api/pricing; read 2026-11-23.
func coinmarketcapPlans() map[string][]exauth.Quota {
	plan := func(calls, credits int) []exauth.Quota {
		return []exauth.Quota{
			sliding("CALLS", calls, time.Minute, exauth.PerKey),
			fixed("CREDITS_1D", credits, 24*time.Hour, exauth.PerKey, ""),
			fixed("CREDITS_1MO", credits, 31*24*time.Hour, exauth.PerKey, ""),
		}
	}
	return map[string][]exauth.Quota{
		"basic": plan(30, 15_000), "hobbyist": plan(60, 150_000), "startup": plan(120, 450_000),
		"standard": plan(300, 2_000_000), "professional": plan(600, 5_000_000),
	}
}

func coinmarketcapPrices(routes []exauth.Route) []exauth.Route {
	p := newPricer(routes)
	p.add(tariff{quotas: coinmarketcapPlans()["basic"]}, coinmarketcapFree)
	all := p.all()
	for i := range all {
		if r := &all[i]; r.Costs == nil {
			r.Price = coinmarketcapPrice
		}
	}
	return all
}

// coinmarketcapFree cost a call of the minute, and no credits (vendor: "0 credits").
const coinmarketcapFree = `
	[q=CALLS:1]
	GET /v1/key/info
	GET /v1/cryptocurrency/map
	GET /v1/exchange/map
	GET /v1/fiat/map`

// coinmarketcapPrice estimates the credits: one for each 200 data points returned,
// rounded up, and that again for each currency to convert into. The answer says
// what it was; see coinmarketcapSettle.
func coinmarketcapPrice(r *exauth.Request) []exauth.Cost {
	const points, most = 200, 100 // the most that lists return is 5,000
	items := max(count(r, "id"), count(r, "symbol"), count(r, "slug"))
	if text, ok := given(r, "limit"); ok {
		n, err := strconv.Atoi(text)
		if err != nil { // too large, or no number: counted as the most
			n = points * most
		}
		items = max(items, min(n, points*most))
	}
	n := (max(items, 1) + points - 1) / points * max(count(r, "convert"), count(r, "convert_id"), 1)
	n = min(n, most)
	return []exauth.Cost{{Quota: "CALLS", N: 1}, {Quota: "CREDITS_1D", N: n}, {Quota: "CREDITS_1MO", N: n}}
}

// coinmarketcapSettle reads status.credit_count. "Error responses are not included".
func coinmarketcapSettle(resp *exauth.Response, o *exauth.Observation) {
	var e struct {
		Status *struct {
			Code    json.RawMessage `json:"error_code"`
			Credits *int            `json:"credit_count"`
		}
	}
	if json.Unmarshal(resp.Body, &e) != nil || e.Status == nil {
		return
	}
	code := text(e.Status.Code)
	switch code {
	case "1008", "1011": // 1011 is the address, whose limit is not published
		o.Refused = "CALLS"
	case "1009":
		o.Refused = "CREDITS_1D"
	case "1010":
		o.Refused = "CREDITS_1MO"
	}
	failed := resp.Status >= 400 || code != "" && code != "0" && code != "null"
	n := 0
	if !failed {
		if e.Status.Credits == nil || *e.Status.Credits < 0 {
			return
		}
		n = *e.Status.Credits
	}
	o.Costs = []exauth.Cost{{Quota: "CREDITS_1D", N: n}, {Quota: "CREDITS_1MO", N: n}}
}

// coinmarketcapLimits reads the plan of the key, which costs nothing.
func coinmarketcapLimits(ctx context.Context, c *exauth.Client) ([]exauth.Quota, error) {
	info, err := exauth.Get[struct {
		Plan struct {
			Day    int `json:"credit_limit_daily"`
			Month  int `json:"credit_limit_monthly"`
			Minute int `json:"rate_limit_minute"`
		}
	}](ctx, c, "/v1/key/info", nil)
	if err != nil {
		return nil, err
	}
	quotas := slices.Clone(c.Venue().Quotas)
	for i := range quotas {
		q := &quotas[i]
		own := map[string]int{"CALLS": info.Plan.Minute, "CREDITS_1D": info.Plan.Day, "CREDITS_1MO": info.Plan.Month}[q.Name]
		switch {
		case own > 0:
			q.Limit = own
		case strings.HasPrefix(q.Name, "CREDITS_1D") && info.Plan.Month > 0: // none by day
			q.Limit = info.Plan.Month
		}
	}
	return quotas, nil
}
