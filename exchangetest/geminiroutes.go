package exchangetest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The order endpoints of Gemini.

// geminiClientID is the form of client_order_id; the error for a longer one speaks of
// a hundred characters.
var geminiClientID = regexp.MustCompile(`^[:\-_.#a-zA-Z0-9]{1,100}$`)

// parseOrder reads the parameters of a new order.
func (x *gemini) parseOrder(q *geminiCall) (order, *geminiError) {
	o := order{account: q.key.account(), tag: q.key.ID, clientID: q.get("client_order_id"), price: zero(), qty: zero()}
	for _, name := range []string{"symbol", "amount", "price", "side", "type"} {
		if !q.has(name) {
			return o, geminiBad("MissingPayloadKey", "Missing '"+name+"'")
		}
	}
	var err *geminiError
	if o.market, err = x.market(q.get("symbol")); err != nil {
		return o, err
	}
	switch strings.ToLower(q.get("side")) {
	case "buy":
	case "sell":
		o.side = sell
	default:
		return o, geminiBad("InvalidSide", "Invalid side for symbol "+o.market.alias[0]+": '"+q.get("side")+"'")
	}
	if q.get("type") != "exchange limit" { // market orders there are none
		return o, geminiBad("InvalidOrderType", "Invalid order type for symbol "+o.market.alias[0]+": '"+q.get("type")+"'")
	}
	switch {
	case len(o.clientID) > 100:
		return o, geminiBad("ClientOrderIdTooLong", "Client Order ID must not exceed 100 characters")
	case o.clientID != "" && !geminiClientID.MatchString(o.clientID):
		return o, geminiBad("ClientOrderIdMustBeString", "Client Order ID must be a string of letters, digits and :-_.#")
	}
	if err := o.geminiOptions(q); err != nil {
		return o, err
	}
	return o, o.geminiAmounts(q)
}

// geminiOptions reads the array options: one at most.
func (o *order) geminiOptions(q *geminiCall) *geminiError {
	var options []string
	switch raw := q.get("options"); {
	case !q.has("options"):
		return nil
	case json.Unmarshal([]byte(raw), &options) != nil:
		return geminiBad("OptionsMustBeArray", "options must be an array")
	case len(options) > 1:
		return geminiBad("ConflictingOptions", "A single order supports only one option")
	case len(options) == 0:
		return nil
	}
	switch options[0] {
	case "maker-or-cancel":
		o.kind = postOnly
	case "immediate-or-cancel":
		o.life = immediateOrCancel
	case "fill-or-kill":
		o.life = fillOrKill
	default:
		return geminiBad("UnsupportedOption", "Option '"+options[0]+"' is not supported.")
	}
	return nil
}

// geminiAmounts reads amount and price.
func (o *order) geminiAmounts(q *geminiCall) *geminiError {
	amount, ok := parseDecimal(q.get("amount"))
	if !ok || amount.Sign() == 0 || !fits(amount, o.market.step) {
		return geminiBad("InvalidQuantity", "Invalid quantity for symbol "+o.market.alias[0]+": "+q.get("amount"))
	}
	price, ok := parseDecimal(q.get("price"))
	if !ok || price.Sign() == 0 || !fits(price, o.market.tick) {
		return geminiBad("InvalidPrice", "Invalid price for symbol "+o.market.alias[0]+": "+q.get("price"))
	}
	o.qty, o.price = amount, price
	return nil
}

// newOrder answers with the order as it then stands; what would have taken and may
// not is canceled by then.
func (x *gemini) newOrder(q *geminiCall) (any, *geminiError) {
	o, bad := x.parseOrder(q)
	if bad != nil {
		return nil, bad
	}
	placed, err := x.book.place(o, q.now, false)
	if err != nil {
		return nil, geminiErr(http.StatusNotAcceptable, "InsufficientFunds", "Failed to place "+geminiSide(o.side)+" order on symbol '"+
			o.market.alias[0]+"' for price $"+q.get("price")+" and quantity "+q.get("amount")+" "+o.market.base+" due to insufficient funds")
	}
	return geminiOrder(placed, false), nil
}

// geminiSide writes a side.
func geminiSide(s side) string { return [...]string{"buy", "sell"}[s] }

// geminiOption is the execution option of an order, and why it makes it end.
func geminiOption(o order) (option, reason string) {
	switch {
	case o.kind == postOnly:
		return "maker-or-cancel", "MakerOrCancelWouldTake"
	case o.life == immediateOrCancel:
		return "immediate-or-cancel", "ImmediateOrCancelWouldPost"
	case o.life == fillOrKill:
		return "fill-or-kill", "FillOrKillWouldNotFill"
	}
	return "", ""
}

// geminiOrder is the form of order status.
func geminiOrder(o order, trades bool) map[string]any {
	options := []string{}
	option, reason := geminiOption(o)
	if option != "" {
		options = append(options, option)
	}
	m := map[string]any{
		"order_id": o.id, "id": o.id, "symbol": o.market.symbol, "exchange": "gemini", "avg_execution_price": text(average(o.cost, o.filled), 2),
		"side": geminiSide(o.side), "type": "exchange limit", "timestamp": strconv.FormatInt(o.created.Unix(), 10), "timestampms": o.created.UnixMilli(),
		"is_live": o.state.open(), "is_cancelled": o.state == stateCanceled || o.state == stateExpired, "is_hidden": false, "was_forced": false,
		"executed_amount": text(o.filled, 0), "remaining_amount": text(o.left(), 0), "options": options, "price": text(o.price, o.market.tick),
		"original_amount": text(o.qty, 0),
	}
	if o.clientID != "" {
		m["client_order_id"] = o.clientID
	}
	switch o.state {
	case stateCanceled:
		m["reason"] = "Requested"
	case stateExpired:
		m["reason"] = reason
	}
	if trades {
		m["trades"] = geminiTrades(o)
	}
	return m
}

// geminiTrades are the fills of one order, newest first.
func geminiTrades(o order) []map[string]any {
	list := []map[string]any{}
	for _, f := range o.fills {
		m := map[string]any{
			"price": text(f.price, o.market.tick), "amount": text(f.qty, 0), "timestamp": f.time.Unix(), "timestampms": f.time.UnixMilli(),
			"type": [...]string{"Buy", "Sell"}[o.side], "aggressor": !f.maker, "fee_currency": o.market.quote, "fee_amount": "0", "tid": f.id,
			"order_id": o.id, "exchange": "gemini", "is_clearing_fill": false, "symbol": o.market.alias[0],
		}
		if o.clientID != "" {
			m["client_order_id"] = o.clientID
		}
		list = append(list, m)
	}
	slices.Reverse(list)
	return list
}

// geminiNotFound refuses an order nobody knows.
func geminiNotFound(id string) *geminiError {
	return geminiErr(http.StatusNotFound, "OrderNotFound", "Order "+id+" not found")
}

// orderStatus finds an order by order_id or client_order_id, never by both.
func (x *gemini) orderStatus(q *geminiCall) (any, *geminiError) {
	id, client := q.get("order_id"), q.get("client_order_id")
	if (id == "") == (client == "") {
		return nil, geminiBad("MissingOrderField", "Must provide one of 'order_id' and 'client_order_id'")
	}
	o, err := x.book.find(q.key.account(), id, client)
	if err != nil || q.blind(&o) {
		return nil, geminiNotFound(id + client)
	}
	return geminiOrder(o, q.get("include_trades") == "true"), nil
}

// cancelOrder takes an order_id. To cancel what is closed already changes nothing and
// is no error.
func (x *gemini) cancelOrder(q *geminiCall) (any, *geminiError) {
	id := q.get("order_id")
	if id == "" {
		return nil, geminiBad("MissingOrderField", "Must provide 'order_id'")
	}
	o, err := x.book.cancel(q.key.account(), id, "", q.now)
	if err == errUnknown {
		return nil, geminiNotFound(id)
	}
	return geminiOrder(o, false), nil
}

// cancelAll closes every open order of the account, cancelSession those of this key.
func (x *gemini) cancelAll(q *geminiCall) (any, *geminiError) {
	return x.cancelEach(q, func(*order) bool { return true }), nil
}

func (x *gemini) cancelSession(q *geminiCall) (any, *geminiError) {
	return x.cancelEach(q, func(o *order) bool { return o.tag == q.key.ID }), nil
}

// cancelEach cancels the open orders that fit, and tells which it did and which not.
func (x *gemini) cancelEach(q *geminiCall, fit func(*order) bool) any {
	done, rejected := []json.Number{}, []json.Number{}
	for _, o := range x.book.list(q.key.account(), func(o *order) bool { return o.state.open() && fit(o) }) {
		if _, err := x.book.cancel(o.account, o.id, "", q.now); err != nil {
			rejected = append(rejected, json.Number(o.id))
		} else {
			done = append(done, json.Number(o.id))
		}
	}
	return map[string]any{"result": "ok", "details": map[string]any{"cancelledOrders": done, "cancelRejects": rejected}}
}

// activeOrders is what rests.
func (x *gemini) activeOrders(q *geminiCall) (any, *geminiError) {
	list := []any{}
	for _, o := range x.book.list(q.key.account(), func(o *order) bool { return o.state.open() && !q.blind(o) }) {
		list = append(list, geminiOrder(o, false))
	}
	slices.Reverse(list)
	return list, nil
}

// page reads a limit and the moment from which on things are listed, in seconds or
// milliseconds.
func (q *geminiCall) page(limit string) (n int, from time.Time, err *geminiError) {
	n = 50
	if q.has(limit) {
		v, bad := strconv.Atoi(q.get(limit))
		if bad != nil || v < 1 {
			return 0, from, geminiBad("InvalidJson", "Invalid '"+limit+"'")
		}
		n = min(v, 500)
	}
	if q.has("timestamp") {
		v, bad := strconv.ParseInt(q.get("timestamp"), 10, 64)
		if bad != nil || v < 0 {
			return 0, from, geminiBad("InvalidTimestampInPayload", "Invalid 'timestamp'")
		}
		if from = time.UnixMilli(v); v < 1e11 {
			from = time.Unix(v, 0)
		}
	}
	return n, from, nil
}

// wants applies the filter symbol.
func (q *geminiCall) wants(o *order) bool {
	return !q.has("symbol") || strings.EqualFold(q.get("symbol"), o.market.symbol)
}

// pastOrders is what does not rest any more, newest first.
func (x *gemini) pastOrders(q *geminiCall) (any, *geminiError) {
	n, from, err := q.page("limit_orders")
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, o := range x.book.list(q.key.account(), func(o *order) bool { return !o.state.open() && q.wants(o) && !o.created.Before(from) && !q.blind(o) }) {
		list = append(list, geminiOrder(o, true))
	}
	slices.Reverse(list)
	return list[:min(n, len(list))], nil
}

// myTrades lists fills, newest first.
func (x *gemini) myTrades(q *geminiCall) (any, *geminiError) {
	n, from, err := q.page("limit_trades")
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	for _, o := range x.book.list(q.key.account(), q.wants) {
		for _, t := range geminiTrades(o) {
			if t["timestampms"].(int64) >= from.UnixMilli() {
				list = append(list, t)
			}
		}
	}
	slices.SortFunc(list, func(a, b map[string]any) int { return cmp.Compare(b["tid"].(int64), a["tid"].(int64)) })
	return list[:min(n, len(list))], nil
}
