package exchangetest

import (
	"cmp"
	"encoding/json"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// cryptocom plays the spot part of the Crypto.com Exchange, /exchange/v1. Signed
// calls under the older /v2 and /v1 are authenticated and then unknown. Every answer
// is {"id","method","code"} with a result or a message, and codes come with statuses
// of their own: most refusals of orders with 500. Rules, codes and forms are those of
// exchange-docs.crypto.com and of its OpenAPI description of 2026-05 ("Response and
// Reason Codes", read 2026-11).
type cryptocom struct {
	*desk
	routes map[string]cryptocomRoute
}

// A cryptocomRoute is one method. Routes without a scope are public.
type cryptocomRoute struct {
	scope exauth.Scope
	play  func(c *cryptocomCall) (result any, code string)
}

// A cryptocomCall is an authenticated call with its parameters.
type cryptocomCall struct {
	*call
	form     // the query of a public call, the params of a private one
	envelope form
	method   string // private/create-order
	key      Key
}

// cryptocomCodes are the codes used here: status and name.
var cryptocomCodes = map[string]struct {
	status int
	name   string
}{
	"40401":  {200, "NOT_FOUND"},
	"204":    {400, "DUPLICATE_CLORDID"},
	"209":    {400, "INVALID_INSTRUMENT"},
	"213":    {400, "INVALID_ORDERQTY"},
	"218":    {400, "INVALID_ORDTYPE"},
	"220":    {400, "INVALID_SIDE"},
	"221":    {400, "INVALID_TIF"},
	"308":    {400, "INVALID_PRICE"},
	"30024":  {400, "MAX_AMOUNT_VIOLATED"},
	"40001":  {400, "BAD_REQUEST"},
	"40002":  {400, "METHOD_NOT_FOUND"},
	"40003":  {400, "INVALID_REQUEST"},
	"40004":  {400, "MISSING_OR_INVALID_ARGUMENT"},
	"40102":  {400, "INVALID_NONCE"},
	"40101":  {401, "UNAUTHORIZED"},
	"42901":  {429, "TOO_MANY_REQUESTS"},
	"212":    {500, "INVALID_ORDERID"},
	"219":    {500, "INVALID_EXECINST"},
	"306":    {500, "INSUFFICIENT_AVAILABLE_BALANCE"},
	"309":    {500, "MARKET_IS_NOT_OPEN"},
	"316":    {500, "NO_ACTIVE_ORDER"},
	"43005":  {500, "POST_ONLY_REJ"},
	"120009": {500, "REJECTED"},
}

// markets: spot only; the instrument is base and quote with an underscore between.
func (x *cryptocom) markets() []market {
	return []market{
		{symbol: "BTC_USD", base: "BTC", quote: "USD", tick: 2, step: 8, price: "60000"},
		{symbol: "BTC_USDT", base: "BTC", quote: "USDT", tick: 2, step: 8, price: "60000"},
		{symbol: "ETH_USD", base: "ETH", quote: "USD", tick: 2, step: 6, price: "2500"},
		{symbol: "ETH_USDT", base: "ETH", quote: "USDT", tick: 2, step: 6, price: "2500"},
		{symbol: "ETH_BTC", base: "ETH", quote: "BTC", tick: 5, step: 6, price: "0.04166"},
	}
}

// orderName makes ids of nineteen digits, as the venue's are.
func (x *cryptocom) orderName(seq int64) string {
	return strconv.FormatInt(5755600460443882000+seq, 10)
}

// open takes the desk and lists the methods. Whether a client_oid is free again when
// its order is closed is not said; here it is.
func (x *cryptocom) open(d *desk) {
	x.desk = d
	read, trade := exauth.ScopeRead, exauth.ScopeTradeSpot
	x.routes = map[string]cryptocomRoute{
		"public/get-instruments":        {0, x.instruments},
		"public/get-tickers":            {0, x.tickers},
		"public/get-book":               {0, x.getBook},
		"private/user-balance":          {read, x.balance},
		"private/get-currency-networks": {read, x.networks},
		"private/create-order":          {trade, x.createOrder},
		"private/create-order-list":     {trade, x.createList},
		"private/cancel-order":          {trade, x.cancelOrder},
		"private/cancel-order-list":     {trade, x.cancelList},
		"private/cancel-all-orders":     {trade, x.cancelAll},
		"private/get-open-orders":       {read, x.openOrders},
		"private/get-order-detail":      {read, x.orderDetail},
		"private/get-order-history":     {read, x.orderHistory},
		"private/get-trades":            {read, x.trades},
		"private/create-withdrawal":     {exauth.ScopeWithdraw, x.withdraw},
	}
}

// cryptocomRoot is where the methods are; the older ones are somewhere else.
const cryptocomRoot = "/exchange/v1/"

// cryptocomMethod takes the method out of a path: what follows from private/ or
// public/ on.
func cryptocomMethod(path string) string {
	for _, kind := range [2]string{"private/", "public/"} {
		if i := strings.Index(path, "/"+kind); i >= 0 {
			return path[i+1:]
		}
	}
	return strings.TrimPrefix(path, cryptocomRoot)
}

// route finds a method under the current version.
func (x *cryptocom) route(c *call) (r cryptocomRoute, method string, known bool) {
	method = cryptocomMethod(c.path)
	if r, known = x.routes[method]; !strings.HasPrefix(c.path, cryptocomRoot) {
		return cryptocomRoute{}, method, false
	}
	return r, method, known
}

// serve answers one call. Whatever is private is authenticated before it is looked
// up.
func (x *cryptocom) serve(c *call) answer {
	route, method, known := x.route(c)
	q := &cryptocomCall{call: c, method: method}
	private := strings.HasPrefix(method, "private/")
	code := q.read(private)
	if code == "" && private {
		if code = x.authenticate(q); code == "" {
			if e := c.visit.identify(q.key, c.now); e != nil {
				return q.answer(nil, "42901")
			}
			if !q.key.allows(route.scope) {
				code = "40101"
			}
		}
	}
	if code == "" && !known {
		code = "40002"
	}
	var result any
	if code == "" {
		result, code = route.play(q)
	}
	return q.answer(result, code)
}

// read takes the envelope of a private call and its parameters, or the query of a
// public one.
func (q *cryptocomCall) read(private bool) (code string) {
	ok := true
	if !private {
		q.form, ok = parseForm(q.query)
		if !ok || q.call.method != http.MethodGet {
			return "40003"
		}
		return ""
	}
	if q.call.method != http.MethodPost || q.mediaType() != jsonType {
		return "40003"
	}
	if q.envelope, ok = parseObject(q.body); !ok || q.envelope.repeated() != "" {
		return "40001"
	}
	if q.envelope.get("method") != q.method {
		return "40003"
	}
	if q.envelope.has("params") {
		if q.form, ok = parseObject([]byte(q.envelope.get("params"))); !ok {
			return "40001"
		}
	}
	return ""
}

// answer wraps a result or a code. A refusal may have a result, too.
func (q *cryptocomCall) answer(result any, code string) answer {
	id := json.RawMessage("-1")
	if _, err := strconv.ParseInt(q.envelope.get("id"), 10, 64); err == nil {
		id = json.RawMessage(strconv.Quote(q.envelope.get("id")))
	}
	status, n := http.StatusOK, 0
	out := struct {
		ID      json.RawMessage `json:"id"`
		Method  string          `json:"method"`
		Code    int             `json:"code"`
		Message string          `json:"message,omitempty"`
		Result  any             `json:"result,omitempty"`
	}{id, q.method, n, "", result}
	if code != "" {
		c := cryptocomCodes[code]
		out.Code, _ = strconv.Atoi(code)
		status, out.Message = c.status, c.name
	}
	return answer{status: status, kind: jsonType, body: encode(out)}
}

// A cryptocomList is how results with many items come.
type cryptocomList struct {
	Data any `json:"data"`
}

// instruments lists the markets.
func (x *cryptocom) instruments(*cryptocomCall) (any, string) {
	list := []map[string]any{}
	for _, m := range x.book.listed() {
		list = append(list, map[string]any{
			"symbol": m.symbol, "inst_type": "CCY_PAIR", "display_name": m.base + "/" + m.quote, "base_ccy": m.base, "quote_ccy": m.quote,
			"quote_decimals": m.tick, "quantity_decimals": m.step, "price_tick_size": text(new(big.Rat).Inv(pow10(m.tick)), m.tick),
			"qty_tick_size": text(new(big.Rat).Inv(pow10(m.step)), m.step), "max_leverage": "50", "tradable": true, "expiry_timestamp_ms": 0,
			"margin_buy_enabled": false, "margin_sell_enabled": false,
		})
	}
	return cryptocomList{list}, ""
}

// tickers: h high, l low, a last, i instrument, v volume, vv its value, c change, b
// bid, k ask, t time; all markets or one.
func (x *cryptocom) tickers(q *cryptocomCall) (any, string) {
	list := []map[string]any{}
	for _, m := range x.book.listed() {
		if want := q.get("instrument_name"); want != "" && want != m.symbol {
			continue
		}
		var p any // null when nobody trades
		if last := x.book.last(m); last != nil {
			p = text(last, m.tick)
		}
		list = append(list, map[string]any{"h": p, "l": p, "a": p, "i": m.symbol, "v": "0", "vv": "0", "oi": "0", "c": "0", "b": p, "k": p,
			"t": q.now.UnixMilli()})
	}
	if len(list) == 0 {
		return nil, "40004"
	}
	return cryptocomList{list}, ""
}

// getBook: price, size, number of orders.
func (x *cryptocom) getBook(q *cryptocomCall) (any, string) {
	m := x.book.market(q.get("instrument_name"))
	n, err := strconv.Atoi(cmp.Or(q.get("depth"), "50"))
	if m == nil || err != nil || n < 1 {
		return nil, "40004"
	}
	side := func(s side) [][3]string {
		list := [][3]string{}
		for _, l := range x.book.levels(m, s, min(n, 50)) {
			list = append(list, [3]string{text(l.price, m.tick), text(l.qty, m.step), strconv.Itoa(l.orders)})
		}
		return list
	}
	return map[string]any{"instrument_name": m.symbol, "depth": n,
		"data": []any{map[string]any{"bids": side(buy), "asks": side(sell), "t": q.now.UnixMilli()}}}, ""
}

// balance: every asset is a position; reserved_qty is what orders hold. Margins and
// values are left at nothing.
func (x *cryptocom) balance(q *cryptocomCall) (any, string) {
	positions := []map[string]any{}
	for _, h := range x.book.holdings(q.key.account()) {
		positions = append(positions, map[string]any{
			"instrument_name": h.asset, "quantity": text(add(h.free, h.locked), 8), "market_value": "0", "collateral_eligible": false, "haircut": "0",
			"collateral_amount": "0", "max_withdrawal_balance": text(h.free, 8), "reserved_qty": text(h.locked, 8),
		})
	}
	return cryptocomList{[]any{map[string]any{
		"instrument_name": "USD", "total_available_balance": "0", "total_margin_balance": "0", "total_initial_margin": "0", "total_position_im": "0",
		"total_haircut": "0", "total_maintenance_margin": "0", "total_position_cost": "0", "total_cash_balance": "0", "total_collateral_value": "0",
		"total_session_unrealized_pnl": "0", "total_session_realized_pnl": "0", "is_liquidating": false, "total_effective_leverage": "0",
		"position_limit": "3000000", "used_position_limit": "0", "position_balances": positions,
	}}}, ""
}

// networks lists the assets, each with one network.
func (x *cryptocom) networks(q *cryptocomCall) (any, string) {
	assets := map[string]any{}
	for _, m := range x.book.listed() {
		for _, a := range [2]string{m.base, m.quote} {
			assets[a] = map[string]any{"full_name": a, "default_network": a, "network_list": []any{map[string]any{
				"network_id": a, "withdrawal_fee": "0", "withdraw_enabled": true, "min_withdrawal_amount": "0", "deposit_enabled": false, "confirmation_required": 1,
			}}}
		}
	}
	return map[string]any{"update_time": q.now.UnixMilli(), "currency_map": assets}, ""
}

// withdraw takes an amount and sends it nowhere.
func (x *cryptocom) withdraw(q *cryptocomCall) (any, string) {
	amount, ok := parseDecimal(q.get("amount"))
	switch {
	case q.get("currency") == "" || q.get("address") == "" || !ok || amount.Sign() == 0:
		return nil, "40004"
	case x.book.withdraw(q.key.account(), q.get("currency"), amount) != nil:
		return nil, "30024"
	}
	return map[string]any{"id": q.now.UnixNano() / 1000, "client_wid": q.get("client_wid"), "currency": q.get("currency"), "amount": q.get("amount"),
		"fee": "0", "address": q.get("address"), "create_time": q.now.UnixMilli()}, ""
}

// cryptocomNanos reads a moment: milliseconds or nanoseconds, whichever fits.
func cryptocomNanos(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return time.Time{}, false
	}
	if n < 1e15 {
		return time.UnixMilli(n), true
	}
	return time.Unix(0, n), true
}

// span reads start_time and end_time, the second one exclusive.
func (q *cryptocomCall) span() (from, to time.Time, ok bool) {
	ok1, ok2 := true, true
	if s := q.get("start_time"); s != "" {
		from, ok1 = cryptocomNanos(s)
	}
	if s := q.get("end_time"); s != "" {
		to, ok2 = cryptocomNanos(s)
	}
	return from, to, ok1 && ok2
}

// newest cuts a list to its last items, newest first, as limit says.
func newest[T any](q *cryptocomCall, list []T) ([]T, bool) {
	n, err := strconv.Atoi(cmp.Or(q.get("limit"), "100"))
	if err != nil || n < 1 {
		return nil, false
	}
	slices.Reverse(list)
	return list[:min(n, 100, len(list))], true
}
