package venue

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// upbitQuotas: groups a second, quotation by address, the rest by account (Upbit's
// pocket).
//
// Source: docs.upbit.com/kr/reference/rate-limits (vendor, updated 2026-10-07) for
// the scheme, the 30 of "default" and the header; the 8 of "order", the 10 of each
// quotation group and the one in two seconds of "order-cancel-all" by ccxt 4.5.84
// (secondary). Read 2026-11-23. A request with an Origin header gets one in ten
// seconds: send none.
func upbitQuotas() []exauth.Quota {
	group := func(name string, limit int, per exauth.Per) exauth.Quota {
		q := sliding(name, limit, time.Second, per)
		q.RemainingHeader = upbitRemaining
		return q
	}
	return []exauth.Quota{
		group("MARKET", 10, exauth.PerIP), group("CANDLE", 10, exauth.PerIP), group("TRADE", 10, exauth.PerIP),
		group("TICKER", 10, exauth.PerIP), group("ORDERBOOK", 10, exauth.PerIP),
		group("DEFAULT", 30, exauth.PerAccount), group("ORDER", 8, exauth.PerAccount), group("ORDER_TEST", 8, exauth.PerAccount),
		sliding("ORDER_CANCEL_ALL", 1, 2*time.Second, exauth.PerAccount),
	}
}

const upbitCosts = `
	GET /v1/market/all    q=MARKET:1
	GET /v1/candles/*     q=CANDLE:1
	GET /v1/trades/ticks  q=TRADE:1
	GET /v1/ticker        q=TICKER:1
	GET /v1/ticker/all    q=TICKER:1
	GET /v1/orderbook     q=ORDERBOOK:1
	GET /v1/orderbook/instruments      q=ORDERBOOK:1
	GET /v1/orderbook/supported_levels q=ORDERBOOK:1
	POST /v1/orders                q=ORDER:1
	POST /v1/orders/cancel_and_new q=ORDER:1
	POST /v1/orders/test           q=ORDER_TEST:1
	DELETE /v1/orders/open         q=ORDER_CANCEL_ALL:1`

func upbitPrices(routes []exauth.Route) []exauth.Route {
	t := tariff{quotas: upbitQuotas()}
	p := newPricer(routes)
	p.add(t, upbitCosts)
	p.others(t, byKey("q=MARKET:1", "q=DEFAULT:1"))
	return p.all()
}

// upbitDefault: signed calls that the page does not name are in group default.
func upbitDefault() []exauth.Cost { return []exauth.Cost{{Quota: "DEFAULT", N: 1}} }

// upbitRemaining is not on the wire: upbitSettle writes the number of Upbit's header
// under it.
const upbitRemaining = "X-Upbit-Remaining-Sec"

// upbitSettle reads "Remaining-Req: group=default; min=1800; sec=29"; min is an
// obsolete, constant number.
func upbitSettle(_ *exauth.Response, o *exauth.Observation) {
	for part := range strings.SplitSeq(o.Header.Get("Remaining-Req"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if n, err := strconv.Atoi(value); err == nil && name == "sec" && n >= 0 {
			o.Header = http.Header{}
			o.Header.Set(upbitRemaining, value)
		}
	}
}
