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

// okxQuotas are the limits of every account; OKX has none by fee level, but raises
// ORDERS with the fill ratio from VIP5 on (see okxLimits).
//
//	PLACE, CANCEL, AMEND  60 in 2 s for each account and instrument, of options for each family (secondary)
//	*_BATCH               300 orders in 2 s, counted over all instruments here (vendor: "determined by the number
//	                      of orders"; a batch of one counts as a single order as well)
//	ORDERS                1,000 new and amended orders in 2 s (vendor: help page on sub-account limits)
//	IP_…, USER_…          see okx_limits.go
//
// Whether OKX's windows slide is not published; a sliding one is safe for both.
func okxQuotas() []exauth.Quota {
	const second = time.Second
	quotas := []exauth.Quota{
		sliding("PLACE", 60, 2*second, exauth.PerSymbol), sliding("PLACE_BATCH", 300, 2*second, exauth.PerAccount),
		sliding("CANCEL", 60, 2*second, exauth.PerSymbol), sliding("CANCEL_BATCH", 300, 2*second, exauth.PerAccount),
		sliding("AMEND", 60, 2*second, exauth.PerSymbol), sliding("AMEND_BATCH", 300, 2*second, exauth.PerAccount),
		sliding("ORDERS", 1000, 2*second, exauth.PerAccount),
		fixed("USER_20_1MO", 20, 31*24*time.Hour, exauth.PerSymbol, ""),
	}
	for _, class := range strings.Fields("3_1S 6_1S 15_1S 1_2S 2_2S 5_2S 10_2S 20_2S 40_2S 100_2S 1_5S") {
		quotas = append(quotas, sliding("IP_"+class, classLimit(class), classWindow(class), exauth.PerEndpoint))
	}
	for _, class := range strings.Fields("1_1S 2_1S 3_1S 5_1S 6_1S 10_1S 1_2S 2_2S 5_2S 10_2S 20_2S 40_2S 50_2S 60_2S 80_2S " +
		"1_3S 2_3S 1_5S 1_10S 2_10S 1_30S 1_1H 5_1D 12_1D") {
		quotas = append(quotas, sliding("USER_"+class, classLimit(class), classWindow(class), exauth.PerSymbol))
	}
	return quotas
}

// classLimit and classWindow read "20_2S": twenty in two seconds.
func classLimit(class string) int {
	n, _, _ := strings.Cut(class, "_")
	return integer(n)
}

func classWindow(class string) time.Duration {
	_, span, _ := strings.Cut(class, "_")
	units := map[byte]time.Duration{'S': time.Second, 'M': time.Minute, 'H': time.Hour, 'D': 24 * time.Hour}
	return time.Duration(integer(span[:len(span)-1])) * units[span[len(span)-1]]
}

func okxPrices(routes []exauth.Route) []exauth.Route {
	p := newPricer(routes)
	p.getReads = true
	p.add(tariff{quotas: okxQuotas()}, okxPublicCosts)
	p.add(tariff{quotas: okxQuotas()}, okxCosts)
	for i := range p.routes {
		switch r := &p.routes[i]; r.Path {
		case "/api/v5/trade/order":
			r.Price = okxOrder("PLACE", true)
		case "/api/v5/trade/cancel-order":
			r.Price = okxOrder("CANCEL", false)
		case "/api/v5/trade/amend-order":
			r.Price = okxOrder("AMEND", true)
		case "/api/v5/trade/batch-orders":
			r.Price = okxBatch("PLACE", true)
		case "/api/v5/trade/cancel-batch-orders":
			r.Price = okxBatch("CANCEL", false)
		case "/api/v5/trade/amend-batch-orders":
			r.Price = okxBatch("AMEND", true)
		}
	}
	return p.all()
}

// okxDefault is for endpoints that no table lists: lower than nearly all that are.
// Assumed.
func okxDefault() func(*exauth.Request) []exauth.Cost {
	return tariff{quotas: okxQuotas()}.at("q=USER_2_2S:1")
}

// okxOrder prices one order; orders says whether it is a new or amended one.
func okxOrder(quota string, orders bool) func(*exauth.Request) []exauth.Cost {
	return func(r *exauth.Request) []exauth.Cost {
		id, _ := given(r, "instId")
		costs := []exauth.Cost{{Quota: quota, Item: okxInstrument(id), N: 1}}
		if orders {
			costs = append(costs, exauth.Cost{Quota: "ORDERS", N: 1})
		}
		return costs
	}
}

// okxBatch prices a JSON array of orders.
func okxBatch(quota string, orders bool) func(*exauth.Request) []exauth.Cost {
	return func(r *exauth.Request) []exauth.Cost {
		n := max(1, count(r, ""))
		costs := []exauth.Cost{{Quota: quota + "_BATCH", N: n}}
		if n == 1 {
			costs = append(costs, exauth.Cost{Quota: quota, Item: okxFirst(r), N: 1})
		}
		if orders {
			costs = append(costs, exauth.Cost{Quota: "ORDERS", N: n})
		}
		return costs
	}
}

// okxFirst is the instrument of a batch's first order.
func okxFirst(r *exauth.Request) string {
	list, _ := bodyField(r, "")
	if orders, ok := list.([]any); ok && len(orders) > 0 {
		if first, ok := orders[0].(exauth.Params); ok {
			for _, p := range first {
				if id, ok := p.Value.(string); ok && p.Name == "instId" {
					return okxInstrument(id)
				}
			}
		}
	}
	return ""
}

// okxInstrument is what is counted apart: the instrument, or an option's family,
// BTC-USD of BTC-USD-261225-100000-C.
func okxInstrument(id string) string {
	if parts := strings.Split(id, "-"); len(parts) == 5 {
		return parts[0] + "-" + parts[1]
	}
	return id
}

// okxSettle: 50061 is the account's order limit; 50011 the endpoint's, which every
// call is charged with first.
func okxSettle(resp *exauth.Response, o *exauth.Observation) {
	var e struct{ Code json.RawMessage }
	if json.Unmarshal(resp.Body, &e) == nil && text(e.Code) == "50061" {
		o.Refused = "ORDERS"
	}
}

// okxLimits reads the account's order limit of the next hours, which grows with its
// fill ratio.
func okxLimits(ctx context.Context, c *exauth.Client) ([]exauth.Quota, error) {
	quotas := slices.Clone(c.Venue().Quotas)
	list, err := exauth.Get[[]struct{ AccRateLimit string }](ctx, c, "/api/v5/trade/account-rate-limit", nil)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		n, err := strconv.Atoi(l.AccRateLimit)
		for i := range quotas {
			if err == nil && quotas[i].Name == "ORDERS" {
				quotas[i].Limit = n
			}
		}
	}
	return quotas, nil
}
