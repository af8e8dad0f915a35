package exchangetest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// The order methods of Crypto.com.

// cryptocomClientID: up to 36 characters; which, the page does not say.
var cryptocomClientID = regexp.MustCompile(`^[!-~]{1,36}$`)

// cryptocomParse reads one new order, and names what is wrong with it by its code.
func (x *cryptocom) parse(account string, f form) (order, string) {
	o := order{account: account, clientID: f.get("client_oid"), price: zero(), qty: zero()}
	if f.repeated() != "" || o.clientID != "" && !cryptocomClientID.MatchString(o.clientID) {
		return o, "40004"
	}
	if o.market = x.book.market(f.get("instrument_name")); o.market == nil {
		return o, "209"
	}
	switch f.get("side") {
	case "BUY":
	case "SELL":
		o.side = sell
	default:
		return o, "220"
	}
	switch f.get("type") {
	case "LIMIT":
	case "MARKET":
		o.kind = marketOrder
	default:
		return o, "218"
	}
	if code := o.cryptocomLife(f); code != "" {
		return o, code
	}
	return o, o.cryptocomAmounts(f)
}

// cryptocomLife reads time_in_force and exec_inst.
func (o *order) cryptocomLife(f form) string {
	switch f.get("time_in_force") {
	case "", "GOOD_TILL_CANCEL":
	case "IMMEDIATE_OR_CANCEL":
		o.life = immediateOrCancel
	case "FILL_OR_KILL":
		o.life = fillOrKill
	default:
		return "221"
	}
	if !f.has("exec_inst") {
		return ""
	}
	var how []string
	if json.Unmarshal([]byte(f.get("exec_inst")), &how) != nil {
		return "219"
	}
	for _, w := range how {
		switch {
		case w != "POST_ONLY" || o.kind == marketOrder:
			return "219"
		case o.life != goodTillCanceled:
			return "43005"
		}
		o.kind = postOnly
	}
	return ""
}

// cryptocomAmounts reads quantity, or notional for a market buy, and price.
func (o *order) cryptocomAmounts(f form) string {
	if o.kind == marketOrder && o.side == buy && f.has("notional") {
		value, ok := parseDecimal(f.get("notional"))
		if !ok || value.Sign() == 0 || f.has("quantity") {
			return "213"
		}
		o.quoteQty = value
		return ""
	}
	qty, ok := parseDecimal(f.get("quantity"))
	if !ok || qty.Sign() == 0 || !fits(qty, o.market.step) {
		return "213"
	}
	o.qty = qty
	if o.kind == marketOrder {
		return ""
	}
	price, ok := parseDecimal(f.get("price"))
	if !ok || price.Sign() == 0 || !fits(price, o.market.tick) {
		return "308"
	}
	o.price = price
	return ""
}

// A cryptocomID names an order, and in a list tells its fate.
type cryptocomID struct {
	Index    *int   `json:"index,omitempty"`
	Code     *int   `json:"code,omitempty"`
	Message  string `json:"message,omitempty"`
	ClientID string `json:"client_oid"`
	OrderID  string `json:"order_id,omitempty"`
}

// place places one order.
func (x *cryptocom) place(q *cryptocomCall, f form) (cryptocomID, string) {
	id := cryptocomID{ClientID: f.get("client_oid")}
	o, code := x.parse(q.key.account(), f)
	if code != "" {
		return id, code
	}
	placed, err := x.book.place(o, q.now, false)
	switch err {
	case nil:
		id.OrderID = placed.id
		return id, ""
	case errDuplicate:
		return id, "204"
	case errWouldTake:
		return id, "43005"
	case errNoMarket:
		return id, "309"
	}
	return id, "306"
}

// createOrder answers with both ids. At the venue that is "simply a confirmation of
// the request"; here the order is on the book by then.
func (x *cryptocom) createOrder(q *cryptocomCall) (any, string) {
	id, code := x.place(q, q.form)
	if code != "" {
		return nil, code
	}
	return id, ""
}

// each plays a list of one to ten orders and tells the fate of each by its index.
func (q *cryptocomCall) each(play func(f form) (cryptocomID, string)) (any, string) {
	var raw []json.RawMessage
	if q.get("contingency_type") != "LIST" || json.Unmarshal([]byte(q.get("order_list")), &raw) != nil || len(raw) == 0 || len(raw) > 10 {
		return nil, "40004"
	}
	fates, fails := []cryptocomID{}, q.fails(len(raw))
	for i, r := range raw {
		f, ok := parseObject(r)
		id, code := cryptocomID{}, "40004"
		switch {
		case fails[i]:
			id, code = cryptocomID{ClientID: f.get("client_oid")}, "120009"
		case ok:
			id, code = play(f)
		}
		n, _ := strconv.Atoi(code)
		id.Index, id.Code, id.Message = &i, &n, cryptocomCodes[code].name
		fates = append(fates, id)
	}
	return fates, ""
}

// createList places up to ten orders, each for itself.
func (x *cryptocom) createList(q *cryptocomCall) (any, string) {
	return q.each(func(f form) (cryptocomID, string) { return x.place(q, f) })
}

// cancelList cancels up to ten orders, each for itself.
func (x *cryptocom) cancelList(q *cryptocomCall) (any, string) {
	return q.each(func(f form) (cryptocomID, string) { return x.cancel(q, f) })
}

// cancel cancels one order by order_id or client_oid.
func (x *cryptocom) cancel(q *cryptocomCall, f form) (cryptocomID, string) {
	id := cryptocomID{ClientID: f.get("client_oid"), OrderID: f.get("order_id")}
	if id.ClientID == "" && id.OrderID == "" {
		return id, "40004"
	}
	o, err := x.book.cancel(q.key.account(), id.OrderID, id.ClientID, q.now)
	switch err {
	case nil:
		return cryptocomID{ClientID: o.clientID, OrderID: o.id}, ""
	case errClosed:
		return id, "316"
	}
	return id, "212"
}

// cancelOrder answers with both ids.
func (x *cryptocom) cancelOrder(q *cryptocomCall) (any, string) {
	id, code := x.cancel(q, q.form)
	if code != "" {
		return nil, code
	}
	return id, ""
}

// cancelAll closes every open order, or those of an instrument, and tells nothing.
func (x *cryptocom) cancelAll(q *cryptocomCall) (any, string) {
	for _, o := range x.book.list(q.key.account(), func(o *order) bool { return o.state.open() && q.wants(o) }) {
		x.book.cancel(o.account, o.id, "", q.now) // one that was filled meanwhile stays so
	}
	return nil, ""
}

// wants applies the filter instrument_name.
func (q *cryptocomCall) wants(o *order) bool {
	return q.get("instrument_name") == "" || q.get("instrument_name") == o.market.symbol
}

// cryptocomStates are the venue's words by our state.
var cryptocomStates = [...]string{"ACTIVE", "ACTIVE", "FILLED", "CANCELED", "EXPIRED"}

// cryptocomOrder is the form of order details, open orders and history.
func cryptocomOrder(o order) map[string]any {
	life := [...]string{"GOOD_TILL_CANCEL", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"}[o.life]
	kind, how := "LIMIT", []string{}
	switch o.kind {
	case marketOrder:
		kind, life = "MARKET", "IMMEDIATE_OR_CANCEL"
	case postOnly:
		how = append(how, "POST_ONLY")
	}
	m := map[string]any{
		"account_id": uuidOf("cryptocom account", o.account), "order_id": o.id, "client_oid": o.clientID, "order_type": kind, "time_in_force": life,
		"side": upperSide(o.side), "exec_inst": how, "quantity": text(o.qty, o.market.step), "limit_price": text(o.price, o.market.tick),
		"order_value": text(mul(o.price, o.qty), o.market.tick), "maker_fee_rate": "0", "taker_fee_rate": "0",
		"avg_price": text(average(o.cost, o.filled), o.market.tick), "cumulative_quantity": text(o.filled, o.market.step),
		"cumulative_value": text(o.cost, o.market.tick), "cumulative_fee": "0", "status": cryptocomStates[o.state],
		"update_user_id": uuidOf("cryptocom user", o.account), "order_date": o.created.Format(time.DateOnly), "instrument_name": o.market.symbol,
		"fee_instrument_name": o.market.quote, "create_time": o.created.UnixMilli(), "create_time_ns": strconv.FormatInt(o.created.UnixNano(), 10),
		"update_time": o.updated.UnixMilli(),
	}
	if o.state == stateExpired {
		m["reason"] = map[lifetime]string{goodTillCanceled: "43004", immediateOrCancel: "43004", fillOrKill: "43003"}[o.life]
	}
	return m
}

// cryptocomOrders writes a list of orders.
func cryptocomOrders(orders []order) cryptocomList {
	list := []any{}
	for _, o := range orders {
		list = append(list, cryptocomOrder(o))
	}
	return cryptocomList{list}
}

// openOrders is what rests, newest first.
func (x *cryptocom) openOrders(q *cryptocomCall) (any, string) {
	list := x.book.list(q.key.account(), func(o *order) bool { return o.state.open() && q.wants(o) && !q.blind(o) })
	slices.Reverse(list)
	return cryptocomOrders(list), ""
}

// orderDetail finds an order by order_id or client_oid. That there is none comes with
// status 200.
func (x *cryptocom) orderDetail(q *cryptocomCall) (any, string) {
	if q.get("order_id") == "" && q.get("client_oid") == "" {
		return nil, "40004"
	}
	o, err := x.book.find(q.key.account(), q.get("order_id"), q.get("client_oid"))
	if err != nil || q.blind(&o) {
		return nil, "40401"
	}
	return cryptocomOrder(o), ""
}

// orderHistory is what does not rest any more.
func (x *cryptocom) orderHistory(q *cryptocomCall) (any, string) {
	from, to, ok := q.span()
	list, ok2 := newest(q, x.book.list(q.key.account(), func(o *order) bool {
		return !o.state.open() && q.wants(o) && !o.created.Before(from) && (to.IsZero() || o.created.Before(to)) && !q.blind(o)
	}))
	if !ok || !ok2 {
		return nil, "40004"
	}
	return cryptocomOrders(list), ""
}

// trades lists fills, newest first.
func (x *cryptocom) trades(q *cryptocomCall) (any, string) {
	from, to, ok := q.span()
	var list []any
	for _, o := range x.book.list(q.key.account(), q.wants) {
		for _, f := range o.fills {
			if f.time.Before(from) || !to.IsZero() && !f.time.Before(to) {
				continue
			}
			role := "TAKER"
			if f.maker {
				role = "MAKER"
			}
			list = append(list, map[string]any{
				"account_id": uuidOf("cryptocom account", o.account), "event_date": f.time.Format(time.DateOnly), "journal_type": "TRADING",
				"traded_quantity": text(f.qty, o.market.step), "traded_price": text(f.price, o.market.tick), "fees": "0", "order_id": o.id,
				"trade_id": strconv.FormatInt(f.id, 10), "trade_match_id": strconv.FormatInt(f.id, 10), "client_oid": o.clientID, "taker_side": role,
				"side": upperSide(o.side), "instrument_name": o.market.symbol, "fee_instrument_name": o.market.quote,
				"create_time": f.time.UnixMilli(), "create_time_ns": strconv.FormatInt(f.time.UnixNano(), 10),
			})
		}
	}
	list, ok2 := newest(q, list)
	if !ok || !ok2 {
		return nil, "40004"
	}
	if list == nil {
		list = []any{}
	}
	return cryptocomList{list}, ""
}
