package exchangetest

import (
	"cmp"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// The endpoints of Binance, each named in rest-api.md. Field order and the eight
// decimals of amounts are the venue's.

// ping is GET /api/v3/ping.
func (b *binance) ping(*binanceCall) (any, *binanceError) { return struct{}{}, nil }

// time is GET /api/v3/time.
func (b *binance) time(q *binanceCall) (any, *binanceError) {
	return map[string]int64{"serverTime": q.now.UnixMilli()}, nil
}

// binanceSymbolInfo is one market in exchangeInfo, with the filters applied here.
type binanceSymbolInfo struct {
	Symbol              string              `json:"symbol"`
	Status              string              `json:"status"`
	BaseAsset           string              `json:"baseAsset"`
	BaseAssetPrecision  int                 `json:"baseAssetPrecision"`
	QuoteAsset          string              `json:"quoteAsset"`
	QuotePrecision      int                 `json:"quotePrecision"`
	QuoteAssetPrecision int                 `json:"quoteAssetPrecision"`
	OrderTypes          []string            `json:"orderTypes"`
	SpotAllowed         bool                `json:"isSpotTradingAllowed"`
	QuoteOrderQty       bool                `json:"quoteOrderQtyMarketAllowed"`
	Filters             []map[string]string `json:"filters"`
	Permissions         []string            `json:"permissions"`
	PermissionSets      [][]string          `json:"permissionSets"`
}

// exchangeInfo lists the quotas enforced and the markets, all or those of symbol or
// symbols.
func (b *binance) exchangeInfo(q *binanceCall) (any, *binanceError) {
	symbols := []binanceSymbolInfo{}
	for _, m := range b.book.listed() {
		if want := q.get("symbol"); want != "" && want != m.symbol {
			continue
		}
		if want := q.get("symbols"); want != "" && !strings.Contains(want, `"`+m.symbol+`"`) {
			continue
		}
		tick, step := new(big.Rat).Inv(pow10(m.tick)), new(big.Rat).Inv(pow10(m.step))
		symbols = append(symbols, binanceSymbolInfo{
			Symbol: m.symbol, Status: "TRADING", BaseAsset: m.base, BaseAssetPrecision: 8,
			QuoteAsset: m.quote, QuotePrecision: 8, QuoteAssetPrecision: 8,
			OrderTypes: []string{"LIMIT", "LIMIT_MAKER", "MARKET"}, SpotAllowed: true, QuoteOrderQty: true,
			Filters: []map[string]string{
				{"filterType": "PRICE_FILTER", "minPrice": text(tick, 8), "maxPrice": "1000000.00000000", "tickSize": text(tick, 8)},
				{"filterType": "LOT_SIZE", "minQty": text(step, 8), "maxQty": "9000.00000000", "stepSize": text(step, 8)},
			},
			Permissions: []string{}, PermissionSets: [][]string{{"SPOT"}},
		})
	}
	if len(symbols) == 0 {
		return nil, binanceSymbol
	}
	return struct {
		Timezone        string              `json:"timezone"`
		ServerTime      int64               `json:"serverTime"`
		RateLimits      []binanceLimit      `json:"rateLimits"`
		ExchangeFilters []any               `json:"exchangeFilters"`
		Symbols         []binanceSymbolInfo `json:"symbols"`
	}{"UTC", q.now.UnixMilli(), b.limits(noCount, binanceWeight, binanceOrders, binanceRaw), []any{}, symbols}, nil
}

// depth shows the resting orders, summed by price, and the house as one large one.
func (b *binance) depth(q *binanceCall) (any, *binanceError) {
	m, err := b.symbol(q)
	if err != nil {
		return nil, err
	}
	n, bad := strconv.Atoi(cmp.Or(q.get("limit"), "100"))
	if bad != nil || n < 1 {
		return nil, binanceIllegal("limit", "^[0-9]{1,20}$")
	}
	side := func(s side) [][2]string {
		list := [][2]string{}
		for _, l := range b.book.levels(m, s, min(n, 5000)) {
			list = append(list, [2]string{text(l.price, 8), text(l.qty, 8)})
		}
		return list
	}
	return struct {
		Last int64       `json:"lastUpdateId"`
		Bids [][2]string `json:"bids"`
		Asks [][2]string `json:"asks"`
	}{q.now.UnixMilli(), side(buy), side(sell)}, nil
}

type binancePrice struct {
	Symbol string `json:"symbol"`
	Price  string `json:"price"`
}

// tickerPrice is an object for one symbol and an array for all.
func (b *binance) tickerPrice(q *binanceCall) (any, *binanceError) {
	list := []binancePrice{}
	for _, m := range b.book.listed() {
		p := b.book.last(m)
		if p == nil {
			p = zero()
		}
		if q.get("symbol") == m.symbol {
			return binancePrice{m.symbol, text(p, 8)}, nil
		}
		list = append(list, binancePrice{m.symbol, text(p, 8)})
	}
	if q.get("symbol") != "" {
		return nil, binanceSymbol
	}
	return list, nil
}

type binanceBalance struct {
	Asset  string `json:"asset"`
	Free   string `json:"free"`
	Locked string `json:"locked"`
}

// account is GET /api/v3/account.
func (b *binance) account(q *binanceCall) (any, *binanceError) {
	balances := []binanceBalance{}
	for _, h := range b.book.holdings(q.key.account()) {
		if q.get("omitZeroBalances") == "true" && h.free.Sign() == 0 && h.locked.Sign() == 0 {
			continue
		}
		balances = append(balances, binanceBalance{h.asset, text(h.free, 8), text(h.locked, 8)})
	}
	return struct {
		MakerCommission  int               `json:"makerCommission"`
		TakerCommission  int               `json:"takerCommission"`
		BuyerCommission  int               `json:"buyerCommission"`
		SellerCommission int               `json:"sellerCommission"`
		CommissionRates  map[string]string `json:"commissionRates"`
		CanTrade         bool              `json:"canTrade"`
		CanWithdraw      bool              `json:"canWithdraw"`
		CanDeposit       bool              `json:"canDeposit"`
		UpdateTime       int64             `json:"updateTime"`
		AccountType      string            `json:"accountType"`
		Balances         []binanceBalance  `json:"balances"`
		Permissions      []string          `json:"permissions"`
		UID              int64             `json:"uid"`
	}{
		CommissionRates: map[string]string{"maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000"},
		CanTrade:        true, CanWithdraw: true, CanDeposit: true, UpdateTime: q.now.UnixMilli(), AccountType: "SPOT",
		Balances: balances, Permissions: []string{"SPOT"}, UID: 354937868,
	}, nil
}

// apiRestrictions is the wallet endpoint that says what the key may do
// (developers.binance.com, "Get API Key Permission").
func (b *binance) apiRestrictions(q *binanceCall) (any, *binanceError) {
	return struct {
		IPRestrict     bool  `json:"ipRestrict"`
		CreateTime     int64 `json:"createTime"`
		Reading        bool  `json:"enableReading"`
		Withdrawals    bool  `json:"enableWithdrawals"`
		Internal       bool  `json:"enableInternalTransfer"`
		Margin         bool  `json:"enableMargin"`
		Futures        bool  `json:"enableFutures"`
		Universal      bool  `json:"permitsUniversalTransfer"`
		VanillaOptions bool  `json:"enableVanillaOptions"`
		Spot           bool  `json:"enableSpotAndMarginTrading"`
	}{
		CreateTime: q.now.Add(-24 * time.Hour).UnixMilli(), Reading: q.key.allows(exauth.ScopeRead),
		Withdrawals: q.key.allows(exauth.ScopeWithdraw), Universal: q.key.allows(exauth.ScopeTransfer),
		Margin: q.key.allows(exauth.ScopeTradeMargin), Futures: q.key.allows(exauth.ScopeTradeDerivatives),
		Spot: q.key.allows(exauth.ScopeTradeSpot),
	}, nil
}

// withdraw is the wallet's POST /sapi/v1/capital/withdraw/apply: it takes the
// amount from the spot balance and sends it nowhere.
func (b *binance) withdraw(q *binanceCall) (any, *binanceError) {
	for _, name := range []string{"coin", "address", "amount"} {
		if q.get(name) == "" {
			return nil, binanceMissing(name)
		}
	}
	amount, ok := parseDecimal(q.get("amount"))
	if !ok || amount.Sign() == 0 {
		return nil, binanceIllegal("amount", binanceDecimal)
	}
	if b.book.withdraw(q.key.account(), q.get("coin"), amount) != nil {
		return nil, binanceErr(-4026, "The user has insufficient balance available.")
	}
	return map[string]string{"id": randomHex(16)}, nil
}

// The forms of parameters that errors quote.
const (
	binanceDecimal  = `^([0-9]{1,20})(\.[0-9]{1,20})?$`
	binanceClientID = `^[\.A-Z\:/a-z0-9_-]{1,36}$`
)

var binanceClientIDForm = regexp.MustCompile(binanceClientID)

// parseOrder checks the parameters of a new order in the order the venue does.
func (b *binance) parseOrder(q *binanceCall) (order, *binanceError) {
	o := order{account: q.key.account(), qty: zero(), price: zero(), clientID: q.get("newClientOrderId")}
	var err *binanceError
	if o.market, err = b.symbol(q); err != nil {
		return o, err
	}
	switch q.get("side") {
	case "BUY":
	case "SELL":
		o.side = sell
	case "":
		return o, binanceMissing("side")
	default:
		return o, binanceErr(-1117, "Invalid side.")
	}
	if id := o.clientID; q.has("newClientOrderId") && !binanceClientIDForm.MatchString(id) {
		return o, binanceIllegal("newClientOrderId", binanceClientID)
	}
	need := []string{"quantity", "price"}
	switch q.get("type") {
	case "LIMIT":
		need = append([]string{"timeInForce"}, need...)
	case "LIMIT_MAKER":
		o.kind = postOnly
	case "MARKET":
		o.kind, need = marketOrder, []string{"quantity"}
		if q.has("quoteOrderQty") {
			need = []string{"quoteOrderQty"}
		}
	case "":
		return o, binanceMissing("type")
	default:
		return o, binanceErr(-1116, "Invalid orderType.")
	}
	for _, name := range need {
		if q.get(name) == "" {
			return o, binanceMissing(name)
		}
	}
	if err := o.binanceLife(q); err != nil {
		return o, err
	}
	return o, b.amounts(&o, q)
}

// binanceLife reads timeInForce.
func (o *order) binanceLife(q *binanceCall) *binanceError {
	if !q.has("timeInForce") {
		return nil
	}
	if o.kind != limit {
		return binanceErr(-1106, "Parameter 'timeInForce' sent when not required.")
	}
	switch q.get("timeInForce") {
	case "GTC":
	case "IOC":
		o.life = immediateOrCancel
	case "FOK":
		o.life = fillOrKill
	default:
		return binanceErr(-1115, "Invalid timeInForce.")
	}
	return nil
}

// amounts reads price and quantities and applies PRICE_FILTER and LOT_SIZE.
func (b *binance) amounts(o *order, q *binanceCall) *binanceError {
	for _, a := range []struct {
		name, filter string
		decimals     int
		to           **big.Rat
	}{
		{"price", "PRICE_FILTER", o.market.tick, &o.price},
		{"quantity", "LOT_SIZE", o.market.step, &o.qty},
		{"quoteOrderQty", "", 8, &o.quoteQty},
	} {
		if !q.has(a.name) {
			continue
		}
		if o.kind == marketOrder && a.name == "price" || o.kind != marketOrder && a.name == "quoteOrderQty" {
			return binanceErr(-1106, "Parameter '"+a.name+"' sent when not required.")
		}
		r, ok := parseDecimal(q.get(a.name))
		switch {
		case !ok:
			return binanceIllegal(a.name, binanceDecimal)
		case !fits(r, 8):
			return binanceErr(-1111, "Parameter '"+a.name+"' has too much precision.")
		case a.filter != "" && (r.Sign() == 0 || !fits(r, a.decimals)):
			return binanceErr(-1013, "Filter failure: "+a.filter)
		}
		*a.to = r
	}
	if o.quoteQty != nil && o.qty.Sign() > 0 {
		return binanceErr(-1128, "Combination of optional parameters invalid.")
	}
	return nil
}

// binanceRefusal puts the book's reasons into the words of errors.md, "Messages for
// -1010, -2010, -2011".
func binanceRefusal(err error) *binanceError {
	msg := "Account has insufficient balance for requested action."
	switch err {
	case errDuplicate:
		msg = "Duplicate order sent."
	case errWouldTake:
		msg = "Order would immediately match and take."
	case errNoMarket:
		msg = "Order book liquidity is less than symbol minimum quantity."
	}
	return binanceErr(-2010, msg)
}

// newOrder is POST /api/v3/order. LIMIT and MARKET default to the FULL form,
// LIMIT_MAKER to ACK.
func (b *binance) newOrder(q *binanceCall) (any, *binanceError) {
	o, err := b.parseOrder(q)
	if err != nil {
		return nil, err
	}
	o.clientID = cmp.Or(o.clientID, randomText(22))
	o, refused := b.book.place(o, q.now, false)
	if refused != nil {
		return nil, binanceRefusal(refused)
	}
	q.taker = len(o.fills) > 0
	full := "FULL"
	if o.kind == postOnly {
		full = "ACK"
	}
	return binancePlaced(o, cmp.Or(q.get("newOrderRespType"), full)), nil
}

// testOrder validates and reserves nothing.
func (b *binance) testOrder(q *binanceCall) (any, *binanceError) {
	o, err := b.parseOrder(q)
	if err != nil {
		return nil, err
	}
	if _, refused := b.book.place(o, q.now, true); refused != nil {
		return nil, binanceRefusal(refused)
	}
	return struct{}{}, nil
}

// which applies find to the order that orderId and origClientOrderId name; lost is
// the answer when there is none.
func (b *binance) which(q *binanceCall, lost *binanceError, find func(account, id, client string) (order, error)) (order, *binanceError) {
	m, err := b.symbol(q)
	if err != nil {
		return order{}, err
	}
	id, client := q.get("orderId"), q.get("origClientOrderId")
	if id == "" && client == "" {
		return order{}, binanceErr(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
	}
	if id != "" && !digits(id) {
		return order{}, binanceIllegal("orderId", "^[0-9]{1,20}$")
	}
	if o, err := b.book.find(q.key.account(), id, client); err != nil || o.market != m {
		return order{}, lost
	}
	o, failed := find(q.key.account(), id, client)
	if failed != nil {
		return order{}, lost
	}
	return o, nil
}

// queryOrder is GET /api/v3/order.
func (b *binance) queryOrder(q *binanceCall) (any, *binanceError) {
	lost := binanceErr(-2013, "Order does not exist.")
	o, err := b.which(q, lost, b.book.find)
	switch {
	case err != nil:
		return nil, err
	case q.blind(&o):
		return nil, lost
	}
	return binanceQueried(o), nil
}

// cancelOrder is DELETE /api/v3/order. An order that is closed already is as
// unknown to it as one that never was.
func (b *binance) cancelOrder(q *binanceCall) (any, *binanceError) {
	o, err := b.which(q, binanceErr(-2011, "Unknown order sent."), func(account, id, client string) (order, error) {
		return b.book.cancel(account, id, client, q.now)
	})
	if err != nil {
		return nil, err
	}
	return binanceCanceled(o, q.get("newClientOrderId")), nil
}

// openOrders is GET /api/v3/openOrders, of one symbol or of all.
func (b *binance) openOrders(q *binanceCall) (any, *binanceError) {
	m, err := b.symbol(q)
	if err != nil && q.has("symbol") {
		return nil, err
	}
	list := []binanceOrder{}
	for _, o := range b.book.list(q.key.account(), func(o *order) bool {
		return o.state.open() && (m == nil || o.market == m) && !q.blind(o)
	}) {
		list = append(list, binanceQueried(o))
	}
	return list, nil
}

// cancelAll is DELETE /api/v3/openOrders.
func (b *binance) cancelAll(q *binanceCall) (any, *binanceError) {
	m, err := b.symbol(q)
	if err != nil {
		return nil, err
	}
	list := []binanceOrder{}
	for _, o := range b.book.list(q.key.account(), func(o *order) bool { return o.state.open() && o.market == m }) {
		if o, gone := b.book.cancel(o.account, o.id, "", q.now); gone == nil {
			list = append(list, binanceCanceled(o, ""))
		}
	}
	if len(list) == 0 {
		return nil, binanceErr(-2011, "Unknown order sent.")
	}
	return list, nil
}

// limited cuts a list to the newest limit entries, 500 by default.
func limited[T any](list []T, limit string) []T {
	n, err := strconv.Atoi(limit)
	if err != nil || n <= 0 || n > 1000 {
		n = 500
	}
	return list[max(0, len(list)-n):]
}

// allOrders is GET /api/v3/allOrders, from orderId on.
func (b *binance) allOrders(q *binanceCall) (any, *binanceError) {
	m, err := b.symbol(q)
	if err != nil {
		return nil, err
	}
	from, _ := strconv.ParseInt(q.get("orderId"), 10, 64)
	list := []binanceOrder{}
	for _, o := range b.book.list(q.key.account(), func(o *order) bool { return o.market == m && o.seq >= from && !q.blind(o) }) {
		list = append(list, binanceQueried(o))
	}
	return limited(list, q.get("limit")), nil
}

// myTrades is GET /api/v3/myTrades, of one order or of all.
func (b *binance) myTrades(q *binanceCall) (any, *binanceError) {
	m, err := b.symbol(q)
	if err != nil {
		return nil, err
	}
	list := []binanceTrade{}
	for _, o := range b.book.list(q.key.account(), func(o *order) bool { return o.market == m }) {
		if id := q.get("orderId"); id == "" || id == o.id {
			list = append(list, binanceTrades(o)...)
		}
	}
	return limited(list, q.get("limit")), nil
}
