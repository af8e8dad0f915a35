package exchangetest

import (
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// coinbase plays Coinbase Advanced Trade, /api/v3/brokerage, and of the Coinbase App
// API, /v2, the time, the currencies and the sending of funds. A refused order
// answers 200 with success false; other errors come with their status. Rules, names
// and reasons are those of docs.cdp.coinbase.com (Advanced Trade REST reference and
// Coinbase App "Status Codes", read 2026-11).
type coinbase struct {
	*desk
	routes map[string]coinbaseRoute
	nonces coinbaseNonces
}

// A coinbaseRoute is one endpoint. Routes without a scope are public.
type coinbaseRoute struct {
	scope exauth.Scope
	play  func(c *coinbaseCall) answer
}

// A coinbaseCall is an authenticated call with its parameters.
type coinbaseCall struct {
	*call
	form           // the query of a GET, the object of a POST
	segment string // what the path names
	key     Key
}

// markets: the product id is base and quote with a hyphen between.
func (x *coinbase) markets() []market {
	return []market{
		{symbol: "BTC-USD", base: "BTC", quote: "USD", tick: 2, step: 8, price: "60000"},
		{symbol: "BTC-USDT", base: "BTC", quote: "USDT", tick: 2, step: 8, price: "60000"},
		{symbol: "BTC-EUR", base: "BTC", quote: "EUR", tick: 2, step: 8, price: "55000"},
		{symbol: "ETH-USD", base: "ETH", quote: "USD", tick: 2, step: 8, price: "2500"},
		{symbol: "ETH-BTC", base: "ETH", quote: "BTC", tick: 5, step: 8, price: "0.04166"},
		{symbol: "LTC-BTC", base: "LTC", quote: "BTC", tick: 6, step: 8, price: "0.001"},
	}
}

// orderName makes UUIDs.
func (x *coinbase) orderName(seq int64) string {
	return uuidOf("coinbase order", strconv.FormatInt(seq, 10))
}

// open takes the desk and lists the routes with the permission each page states.
// "If the ID provided is not unique, the order fails to be created and the order
// corresponding to that ID is returned": client order ids are good once.
func (x *coinbase) open(d *desk) {
	x.desk = d
	d.book.ids = idsForGood
	read, trade := exauth.ScopeRead, exauth.ScopeTradeSpot
	const v3 = "/api/v3/brokerage/"
	x.routes = map[string]coinbaseRoute{
		"GET " + v3 + "time":                     {0, x.time},
		"GET " + v3 + "market/products":          {0, x.products},
		"GET " + v3 + "market/products/*":        {0, x.product},
		"GET " + v3 + "market/products/*/ticker": {0, x.ticker},
		"GET " + v3 + "market/product_book":      {0, x.productBook},
		"GET " + v3 + "products":                 {read, x.products},
		"GET " + v3 + "products/*":               {read, x.product},
		"GET " + v3 + "products/*/ticker":        {read, x.ticker},
		"GET " + v3 + "product_book":             {read, x.productBook},
		"GET " + v3 + "accounts":                 {read, x.accounts},
		"GET " + v3 + "accounts/*":               {read, x.account},
		"GET " + v3 + "key_permissions":          {read, x.keyPermissions},
		"GET " + v3 + "transaction_summary":      {read, x.summary},
		"GET " + v3 + "orders/historical/batch":  {read, x.listOrders},
		"GET " + v3 + "orders/historical/fills":  {read, x.fills},
		"GET " + v3 + "orders/historical/*":      {read, x.getOrder},
		"POST " + v3 + "orders":                  {trade, x.createOrder},
		"POST " + v3 + "orders/batch_cancel":     {trade, x.batchCancel},
		"GET /v2/time":                           {0, x.appTime},
		"GET /v2/currencies":                     {0, x.fiat},
		"GET /v2/currencies/crypto":              {0, x.crypto},
		"GET /v2/exchange-rates":                 {0, x.rates},
		"GET /v2/accounts":                       {read, x.appAccounts},
		"POST /v2/accounts/*/transactions":       {exauth.ScopeWithdraw, x.send},
	}
}

// coinbaseOK answers 200.
func coinbaseOK(v any) answer { return answer{status: http.StatusOK, kind: jsonType, body: encode(v)} }

// coinbaseRefuse answers with an error of Advanced Trade, or of the App API for a
// path of v2.
func coinbaseRefuse(c *call, status int, code, message string) *answer {
	if strings.HasPrefix(c.path, "/v2/") {
		type one struct {
			ID      string `json:"id"`
			Message string `json:"message"`
		}
		return &answer{status: status, kind: jsonType, body: encode(map[string][]one{"errors": {{strings.ToLower(code), message}}})}
	}
	return &answer{status: status, kind: jsonType, body: encode(struct {
		Error   string `json:"error"`
		Details string `json:"error_details"`
		Message string `json:"message"`
	}{code, message, message})}
}

// coinbaseUnauthorized tells the App API's reason; Advanced Trade answers with the
// bare word.
func coinbaseUnauthorized(c *call, code, message string) *answer {
	if strings.HasPrefix(c.path, "/v2/") {
		return coinbaseRefuse(c, http.StatusUnauthorized, code, message)
	}
	return &answer{status: http.StatusUnauthorized, kind: "text/plain; charset=utf-8", body: []byte("Unauthorized\n")}
}

// coinbaseBad names a parameter that makes no sense.
func coinbaseBad(q *coinbaseCall, name string) answer {
	return *coinbaseRefuse(q.call, http.StatusBadRequest, "INVALID_ARGUMENT", "invalid argument: "+name)
}

// serve answers one call.
func (x *coinbase) serve(c *call) answer {
	route, segment, known := findRoute(x.routes, c.method, c.path)
	q := &coinbaseCall{call: c, segment: segment}
	if route.scope != 0 || !known && (c.header.Get("Authorization") != "" || c.header.Get("CB-ACCESS-KEY") != "") {
		key, refused := x.authenticate(c)
		if refused != nil {
			return *refused
		}
		if e := c.visit.identify(key, c.now); e != nil {
			return x.limited(c)
		}
		if !key.allows(route.scope) {
			return *coinbaseRefuse(c, http.StatusForbidden, "PERMISSION_DENIED", "Missing required scopes")
		}
		q.key = key
	}
	if !known {
		return *coinbaseRefuse(c, http.StatusNotFound, "NOT_FOUND", "Not Found")
	}
	ok := true
	switch {
	case c.method == http.MethodGet:
		q.form, ok = parseForm(c.query)
	case c.mediaType() != jsonType:
		ok = false
	default:
		q.form, ok = parseObject(c.body)
		ok = ok && q.repeated() == ""
	}
	if !ok {
		return *coinbaseRefuse(c, http.StatusBadRequest, "INVALID_ARGUMENT", "request is malformed")
	}
	return route.play(q)
}

// coinbaseTime writes a time as Advanced Trade does.
func coinbaseTime(t time.Time) string { return t.Format("2006-01-02T15:04:05.000000Z") }

// time is of Advanced Trade.
func (x *coinbase) time(q *coinbaseCall) answer {
	return coinbaseOK(map[string]string{"iso": q.now.Format(time.RFC3339), "epochSeconds": strconv.FormatInt(q.now.Unix(), 10),
		"epochMillis": strconv.FormatInt(q.now.UnixMilli(), 10)})
}

// appTime is of the App API, in seconds.
func (x *coinbase) appTime(q *coinbaseCall) answer {
	return coinbaseOK(map[string]any{"data": map[string]any{"iso": q.now.Format(time.RFC3339), "epoch": q.now.Unix()}})
}

// A coinbaseProduct is one market.
type coinbaseProduct struct {
	ProductID       string `json:"product_id"`
	Price           string `json:"price"`
	Change          string `json:"price_percentage_change_24h"`
	Volume          string `json:"volume_24h"`
	BaseIncrement   string `json:"base_increment"`
	QuoteIncrement  string `json:"quote_increment"`
	PriceIncrement  string `json:"price_increment"`
	QuoteMin        string `json:"quote_min_size"`
	QuoteMax        string `json:"quote_max_size"`
	BaseMin         string `json:"base_min_size"`
	BaseMax         string `json:"base_max_size"`
	BaseName        string `json:"base_name"`
	QuoteName       string `json:"quote_name"`
	Disabled        bool   `json:"is_disabled"`
	Status          string `json:"status"`
	CancelOnly      bool   `json:"cancel_only"`
	LimitOnly       bool   `json:"limit_only"`
	PostOnly        bool   `json:"post_only"`
	TradingDisabled bool   `json:"trading_disabled"`
	AuctionMode     bool   `json:"auction_mode"`
	Type            string `json:"product_type"`
	Quote           string `json:"quote_currency_id"`
	Base            string `json:"base_currency_id"`
	Alias           string `json:"alias"`
	AliasTo         []any  `json:"alias_to"`
	ViewOnly        bool   `json:"view_only"`
	Name            string `json:"display_name"`
	Venue           string `json:"product_venue"`
}

func (x *coinbase) productForm(m *market) coinbaseProduct {
	tick, step := text(new(big.Rat).Inv(pow10(m.tick)), m.tick), text(new(big.Rat).Inv(pow10(m.step)), m.step)
	return coinbaseProduct{
		ProductID: m.symbol, Price: x.price(m), Change: "0", Volume: "0", BaseIncrement: step, QuoteIncrement: tick, PriceIncrement: tick,
		QuoteMin: tick, QuoteMax: "50000000", BaseMin: step, BaseMax: "9000", BaseName: m.base, QuoteName: m.quote,
		Status: "online", Type: "SPOT", Quote: m.quote, Base: m.base, AliasTo: []any{}, Name: m.symbol, Venue: "CBE",
	}
}

// price is the last one, or nothing.
func (x *coinbase) price(m *market) string {
	if p := x.book.last(m); p != nil {
		return text(p, 0)
	}
	return ""
}

// products lists the markets; there are none but spot.
func (x *coinbase) products(q *coinbaseCall) answer {
	list, wanted := []coinbaseProduct{}, q.all("product_ids")
	for _, m := range x.book.listed() {
		if kind := q.get("product_type"); (kind == "" || kind == "SPOT" || kind == "UNKNOWN_PRODUCT_TYPE") &&
			(len(wanted) == 0 || slices.Contains(wanted, m.symbol)) {
			list = append(list, x.productForm(m))
		}
	}
	return coinbaseOK(struct {
		Products []coinbaseProduct `json:"products"`
		Num      int               `json:"num_products"`
	}{list, len(list)})
}

// noProduct refuses a product nobody knows.
func (q *coinbaseCall) noProduct() answer {
	return *coinbaseRefuse(q.call, http.StatusNotFound, "NOT_FOUND", "valid product_id is required")
}

func (x *coinbase) product(q *coinbaseCall) answer {
	m := x.book.market(q.segment)
	if m == nil {
		return q.noProduct()
	}
	return coinbaseOK(x.productForm(m))
}

// ticker is the last trade, made up when there was none, and the best prices.
func (x *coinbase) ticker(q *coinbaseCall) answer {
	m := x.book.market(q.segment)
	if m == nil {
		return q.noProduct()
	}
	best := func(s side) string {
		if l := x.book.levels(m, s, 1); len(l) > 0 {
			return text(l[0].price, 0)
		}
		return ""
	}
	trades := []map[string]string{}
	if p := x.price(m); p != "" {
		trades = append(trades, map[string]string{"trade_id": "0", "product_id": m.symbol, "price": p, "size": "1", "time": coinbaseTime(q.now),
			"side": "BUY", "exchange": "CBE"})
	}
	return coinbaseOK(map[string]any{"trades": trades, "best_bid": best(buy), "best_ask": best(sell)})
}

// productBook shows the resting orders, summed by price.
func (x *coinbase) productBook(q *coinbaseCall) answer {
	m := x.book.market(q.get("product_id"))
	if m == nil {
		return q.noProduct()
	}
	n, ok := q.limit(100, 500)
	if !ok {
		return coinbaseBad(q, "limit")
	}
	side := func(s side) []map[string]string {
		list := []map[string]string{}
		for _, l := range x.book.levels(m, s, n) {
			list = append(list, map[string]string{"price": text(l.price, 0), "size": text(l.qty, 0)})
		}
		return list
	}
	return coinbaseOK(map[string]any{
		"pricebook": map[string]any{"product_id": m.symbol, "bids": side(buy), "asks": side(sell), "time": coinbaseTime(q.now)},
		"last":      x.price(m),
	})
}

// limit reads the size of a page.
func (q *coinbaseCall) limit(usual, most int) (int, bool) {
	if !q.has("limit") {
		return usual, true
	}
	n, err := strconv.Atoi(q.get("limit"))
	return min(n, most), err == nil && n > 0
}

// A coinbaseAmount is a value of a currency.
type coinbaseAmount struct {
	Value    string `json:"value"`
	Currency string `json:"currency"`
}

// coinbaseWallet is the id of an account's wallet for an asset.
func coinbaseWallet(account, asset string) string { return uuidOf("coinbase wallet", account, asset) }

// wallets lists what the account owns, one wallet for each asset.
func (x *coinbase) wallets(q *coinbaseCall) []map[string]any {
	list := []map[string]any{}
	for _, h := range x.book.holdings(q.key.account()) {
		kind := "ACCOUNT_TYPE_CRYPTO"
		if coinbaseFiat(h.asset) {
			kind = "ACCOUNT_TYPE_FIAT"
		}
		list = append(list, map[string]any{
			"uuid": coinbaseWallet(q.key.account(), h.asset), "name": h.asset + " Wallet", "currency": h.asset,
			"available_balance": coinbaseAmount{text(h.free, 0), h.asset}, "hold": coinbaseAmount{text(h.locked, 0), h.asset},
			"default": true, "active": true, "ready": true, "type": kind, "created_at": "2021-05-31T09:59:59.000Z",
			"updated_at": "2021-05-31T09:59:59.000Z", "deleted_at": nil, "retail_portfolio_id": uuidOf("coinbase portfolio", q.key.account()),
			"platform": "ACCOUNT_PLATFORM_CONSUMER",
		})
	}
	return list
}

func (x *coinbase) accounts(q *coinbaseCall) answer {
	list := x.wallets(q)
	page, next, ok := coinbasePage(q, list, 49, 250)
	if !ok {
		return coinbaseBad(q, "limit or cursor")
	}
	return coinbaseOK(map[string]any{"accounts": page, "has_next": next != "", "cursor": next, "size": len(page)})
}

func (x *coinbase) account(q *coinbaseCall) answer {
	for _, w := range x.wallets(q) {
		if w["uuid"] == q.segment {
			return coinbaseOK(map[string]any{"account": w})
		}
	}
	return *coinbaseRefuse(q.call, http.StatusNotFound, "NOT_FOUND", "account not found")
}

// appAccounts is of the App API: the same wallets, without what is held.
func (x *coinbase) appAccounts(q *coinbaseCall) answer {
	list := []map[string]any{}
	for _, h := range x.book.holdings(q.key.account()) {
		list = append(list, map[string]any{
			"id": coinbaseWallet(q.key.account(), h.asset), "name": h.asset + " Wallet", "primary": true, "type": "wallet",
			"currency": map[string]any{"code": h.asset, "name": h.asset}, "balance": map[string]string{"amount": text(add(h.free, h.locked), 0), "currency": h.asset},
			"resource": "account", "resource_path": "/v2/accounts/" + coinbaseWallet(q.key.account(), h.asset),
		})
	}
	return coinbaseOK(map[string]any{"pagination": map[string]any{"next_uri": nil}, "data": list})
}

// coinbasePage cuts a list by limit and cursor, which counts what was shown.
func coinbasePage[T any](q *coinbaseCall, list []T, usual, most int) (page []T, next string, ok bool) {
	n, ok := q.limit(usual, most)
	from := 0
	if c := q.get("cursor"); c != "" {
		var err error
		if from, err = strconv.Atoi(c); err != nil || from < 0 {
			return nil, "", false
		}
	}
	page = list[min(from, len(list)):]
	if ok && len(page) > n {
		page, next = page[:n], strconv.Itoa(from+n)
	}
	return page, next, ok
}

// keyPermissions tells what the key may do.
func (x *coinbase) keyPermissions(q *coinbaseCall) answer {
	return coinbaseOK(map[string]any{
		"can_view": q.key.allows(exauth.ScopeRead), "can_trade": q.key.allows(exauth.ScopeTradeSpot),
		"can_transfer": q.key.allows(exauth.ScopeWithdraw), "portfolio_uuid": uuidOf("coinbase portfolio", q.key.account()), "portfolio_type": "DEFAULT",
	})
}

// summary: nobody pays fees here.
func (x *coinbase) summary(*coinbaseCall) answer {
	return coinbaseOK(map[string]any{
		"total_volume": 0, "total_fees": 0, "advanced_trade_only_volume": 0, "advanced_trade_only_fees": 0,
		"fee_tier": map[string]string{"pricing_tier": "Advanced 1", "usd_from": "0", "usd_to": "1000", "taker_fee_rate": "0", "maker_fee_rate": "0"},
	})
}

// coinbaseFiat tells money of a state.
func coinbaseFiat(asset string) bool { return asset == "USD" || asset == "EUR" }

// assets lists what the markets trade.
func (x *coinbase) assets() []string {
	var list []string
	for _, m := range x.book.listed() {
		list = append(list, m.base, m.quote)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (x *coinbase) fiat(*coinbaseCall) answer {
	list := []map[string]string{}
	for _, a := range x.assets() {
		if coinbaseFiat(a) {
			list = append(list, map[string]string{"id": a, "name": a, "min_size": "0.01"})
		}
	}
	return coinbaseOK(map[string]any{"data": list})
}

func (x *coinbase) crypto(*coinbaseCall) answer {
	list := []map[string]any{}
	for i, a := range x.assets() {
		if !coinbaseFiat(a) {
			list = append(list, map[string]any{"code": a, "name": a, "color": "#000000", "sort_index": i, "exponent": 8, "type": "crypto",
				"address_regex": ".*", "asset_id": uuidOf("coinbase asset", a)})
		}
	}
	return coinbaseOK(map[string]any{"data": list})
}

// rates are in US dollars; what has no market in them is left out.
func (x *coinbase) rates(*coinbaseCall) answer {
	rates := map[string]string{"USD": "1"}
	for _, m := range x.book.listed() {
		if p := x.book.last(m); m.quote == "USD" && p != nil {
			rates[m.base] = text(new(big.Rat).Inv(p), 0)
		}
	}
	return coinbaseOK(map[string]any{"data": map[string]any{"currency": "USD", "rates": rates}})
}

// send takes an amount out of a wallet and sends it nowhere.
func (x *coinbase) send(q *coinbaseCall) answer {
	asset := q.get("currency")
	amount, ok := parseDecimal(q.get("amount"))
	switch {
	case q.get("type") != "send" || q.get("to") == "" || !ok || amount.Sign() == 0:
		return *coinbaseRefuse(q.call, http.StatusBadRequest, "validation_error", "Please enter a valid amount, address and type")
	case q.segment != coinbaseWallet(q.key.account(), asset):
		return *coinbaseRefuse(q.call, http.StatusNotFound, "not_found", "Not found")
	case x.book.withdraw(q.key.account(), asset, amount) != nil:
		return *coinbaseRefuse(q.call, http.StatusBadRequest, "validation_error", "You don't have that much.")
	}
	a := coinbaseOK(map[string]any{"data": map[string]any{
		"id": uuidOf(randomHex(16)), "type": "send", "status": "pending", "amount": map[string]string{"amount": "-" + q.get("amount"), "currency": asset},
		"created_at": q.now.Format(time.RFC3339), "resource": "transaction",
	}})
	a.status = http.StatusCreated
	return a
}
