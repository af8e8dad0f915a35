package exchangetest

import (
	"encoding/json"
	"math/big"
	"net/http"
	"strconv"
	"strings"

	"github.com/exauth/exauth"
)

// gemini plays Gemini spot, /v1 and the ticker of /v2. Errors are {"result":"error",
// "reason","message"} with a status of their own. Rules, reasons and forms are those of
// developer.gemini.com (REST reference, "Error codes", "Client order ID", read 2026-11).
// There is no time endpoint.
type gemini struct {
	*desk
	routes map[string]geminiRoute
	nonces nonces
}

// A geminiRoute is one endpoint. Routes without a scope are public.
type geminiRoute struct {
	scope exauth.Scope
	play  func(c *geminiCall) (any, *geminiError)
}

// A geminiCall is an authenticated call with its parameters.
type geminiCall struct {
	*call
	form           // the payload of a private call, the query of a public one
	segment string // what the path names
	key     Key
}

// markets are written in small letters, and taken in capitals too.
func (x *gemini) markets() []market {
	return []market{
		{symbol: "btcusd", alias: []string{"BTCUSD"}, base: "BTC", quote: "USD", tick: 2, step: 8, price: "60000"},
		{symbol: "btcusdt", alias: []string{"BTCUSDT"}, base: "BTC", quote: "USDT", tick: 2, step: 8, price: "60000"},
		{symbol: "btceur", alias: []string{"BTCEUR"}, base: "BTC", quote: "EUR", tick: 2, step: 8, price: "55000"},
		{symbol: "ethusd", alias: []string{"ETHUSD"}, base: "ETH", quote: "USD", tick: 2, step: 6, price: "2500"},
		{symbol: "ethbtc", alias: []string{"ETHBTC"}, base: "ETH", quote: "BTC", tick: 5, step: 6, price: "0.04166"},
		{symbol: "ltcbtc", alias: []string{"LTCBTC"}, base: "LTC", quote: "BTC", tick: 6, step: 5, price: "0.001"},
	}
}

// orderName makes ids of fifteen digits.
func (x *gemini) orderName(seq int64) string { return strconv.FormatInt(107421205000000+seq, 10) }

// open takes the desk and lists the routes with the role each page asks for. Of a
// client order id nothing is said but its form, so any number of orders may have it.
func (x *gemini) open(d *desk) {
	x.desk = d
	d.book.late, d.book.ids = true, idsNever
	read, trade := exauth.ScopeRead, exauth.ScopeTradeSpot
	x.routes = map[string]geminiRoute{
		"GET /v1/symbols":               {0, x.symbols},
		"GET /v1/symbols/details/*":     {0, x.details},
		"GET /v1/pubticker/*":           {0, x.ticker},
		"GET /v2/ticker/*":              {0, x.tickerV2},
		"GET /v1/book/*":                {0, x.getBook},
		"GET /v1/pricefeed":             {0, x.priceFeed},
		"POST /v1/balances":             {read, x.balances},
		"POST /v1/roles":                {read, x.roles},
		"POST /v1/heartbeat":            {read, x.heartbeat},
		"POST /v1/order/new":            {trade, x.newOrder},
		"POST /v1/order/cancel":         {trade, x.cancelOrder},
		"POST /v1/order/cancel/all":     {trade, x.cancelAll},
		"POST /v1/order/cancel/session": {trade, x.cancelSession},
		"POST /v1/order/status":         {read, x.orderStatus},
		"POST /v1/orders":               {read, x.activeOrders},
		"POST /v1/orders/history":       {read, x.pastOrders},
		"POST /v1/mytrades":             {read, x.myTrades},
		"POST /v1/withdraw/*":           {exauth.ScopeWithdraw, x.withdraw},
	}
}

// serve answers one call.
func (x *gemini) serve(c *call) answer {
	route, segment, known := findRoute(x.routes, c.method, c.path)
	q := &geminiCall{call: c, segment: strings.ToLower(segment)}
	var err *geminiError
	if route.scope != 0 || !known && c.header.Get("X-GEMINI-APIKEY") != "" {
		if err = x.authenticate(q); err == nil {
			if e := c.visit.identify(q.key, c.now); e != nil {
				return x.refuse(e)
			}
			err = q.allowed(route.scope)
		}
	} else {
		q.form, _ = parseForm(c.query)
	}
	if err == nil && !known {
		err = geminiErr(http.StatusNotFound, "EndpointNotFound", "API entry point `"+c.path+"` not found")
	}
	var result any
	if err == nil {
		result, err = route.play(q)
	}
	if err != nil {
		return geminiRefusal(err)
	}
	return answer{status: http.StatusOK, kind: jsonType, body: encode(result)}
}

// geminiRefusal writes an error.
func geminiRefusal(e *geminiError) answer {
	return answer{status: e.status, kind: jsonType, body: encode(struct {
		Result  string `json:"result"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}{"error", e.reason, e.message})}
}

// market finds the market that the path or a parameter names.
func (x *gemini) market(name string) (*market, *geminiError) {
	if m := x.book.market(name); m != nil {
		return m, nil
	}
	return nil, geminiBad("InvalidSymbol", "Supplied value '"+name+"' is not a valid symbol.  Please correct your API request to use this field correctly.")
}

func (x *gemini) symbols(*geminiCall) (any, *geminiError) {
	list := []string{}
	for _, m := range x.book.listed() {
		list = append(list, m.symbol)
	}
	return list, nil
}

// details: tick_size is the step of amounts, quote_increment that of prices.
func (x *gemini) details(q *geminiCall) (any, *geminiError) {
	m, err := x.market(q.segment)
	if err != nil {
		return nil, err
	}
	step := text(new(big.Rat).Inv(pow10(m.step)), m.step)
	return map[string]any{
		"symbol": m.alias[0], "base_currency": m.base, "quote_currency": m.quote, "tick_size": json.Number(step),
		"quote_increment": json.Number(text(new(big.Rat).Inv(pow10(m.tick)), m.tick)), "min_order_size": "0.00001", "status": "open",
		"wrap_enabled": false, "product_type": "spot", "contract_type": "vanilla", "contract_price_currency": m.quote,
	}, nil
}

// best is the best price of one side, or "0".
func (x *gemini) best(m *market, s side) string {
	if l := x.book.levels(m, s, 1); len(l) > 0 {
		return text(l[0].price, m.tick)
	}
	return "0"
}

// price is the last one, or "0".
func (x *gemini) price(m *market) string {
	if p := x.book.last(m); p != nil {
		return text(p, m.tick)
	}
	return "0"
}

func (x *gemini) ticker(q *geminiCall) (any, *geminiError) {
	m, err := x.market(q.segment)
	if err != nil {
		return nil, err
	}
	return map[string]any{"bid": x.best(m, buy), "ask": x.best(m, sell), "last": x.price(m),
		"volume": map[string]any{m.base: "0", m.quote: "0", "timestamp": q.now.UnixMilli()}}, nil
}

// tickerV2: the day's prices are the last, and changes has none.
func (x *gemini) tickerV2(q *geminiCall) (any, *geminiError) {
	m, err := x.market(q.segment)
	if err != nil {
		return nil, err
	}
	p := x.price(m)
	return map[string]any{"symbol": m.alias[0], "open": p, "high": p, "low": p, "close": p, "changes": []string{}, "bid": x.best(m, buy),
		"ask": x.best(m, sell)}, nil
}

// getBook: the limits are 50 by default, and 0 for all.
func (x *gemini) getBook(q *geminiCall) (any, *geminiError) {
	m, err := x.market(q.segment)
	if err != nil {
		return nil, err
	}
	levels := func(s side, limit string) []map[string]string {
		n := 50
		if v, bad := strconv.Atoi(q.get(limit)); bad == nil && v >= 0 {
			n = v
		}
		if n == 0 {
			n = 10_000
		}
		list := []map[string]string{}
		for _, l := range x.book.levels(m, s, n) {
			list = append(list, map[string]string{"price": text(l.price, m.tick), "amount": text(l.qty, 0), "timestamp": strconv.FormatInt(q.now.Unix(), 10)})
		}
		return list
	}
	return map[string]any{"bids": levels(buy, "limit_bids"), "asks": levels(sell, "limit_asks")}, nil
}

func (x *gemini) priceFeed(*geminiCall) (any, *geminiError) {
	list := []map[string]string{}
	for _, m := range x.book.listed() {
		list = append(list, map[string]string{"pair": m.alias[0], "price": x.price(m), "percentChange24h": "0"})
	}
	return list, nil
}

// balances: amount counts what open orders hold, available does not.
func (x *gemini) balances(q *geminiCall) (any, *geminiError) {
	list := []map[string]string{}
	for _, h := range x.book.holdings(q.key.account()) {
		free := text(h.free, 0)
		list = append(list, map[string]string{"type": "exchange", "currency": h.asset, "amount": text(add(h.free, h.locked), 0), "available": free,
			"availableForWithdrawal": free})
	}
	return list, nil
}

// roles tells what the key may do.
func (x *gemini) roles(q *geminiCall) (any, *geminiError) {
	trader := q.key.allows(exauth.ScopeTradeSpot)
	return map[string]any{"counterparty_id": q.key.account(), "isAuditor": !trader, "isFundManager": q.key.allows(exauth.ScopeWithdraw), "isTrader": trader,
		"isAccountAdmin": false}, nil
}

// heartbeat: no key here requires one.
func (x *gemini) heartbeat(*geminiCall) (any, *geminiError) {
	return map[string]string{"result": "ok"}, nil
}

// withdraw takes an amount and sends it nowhere.
func (x *gemini) withdraw(q *geminiCall) (any, *geminiError) {
	asset := strings.ToUpper(q.segment)
	amount, ok := parseDecimal(q.get("amount"))
	switch {
	case q.get("address") == "" || !q.has("amount"):
		return nil, geminiBad("MissingPayloadKey", "Missing 'address' or 'amount'")
	case !ok || amount.Sign() == 0:
		return nil, geminiBad("InvalidQuantity", "Invalid quantity for asset "+asset)
	case x.book.withdraw(q.key.account(), asset, amount) != nil:
		return nil, geminiErr(http.StatusNotAcceptable, "InsufficientFunds", "Failed to withdraw: insufficient funds")
	}
	return map[string]string{"address": q.get("address"), "amount": q.get("amount"), "withdrawalId": uuidOf(randomHex(16)),
		"message": "You have requested a transfer of " + q.get("amount") + " " + asset + " to " + q.get("address") + "."}, nil
}
