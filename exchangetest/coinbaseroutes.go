package exchangetest

import (
	"encoding/json"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// The order endpoints of Coinbase Advanced Trade.

// coinbaseClientID: the page says "a unique ID" and no more; the vendor's own SDKs
// send UUIDs with and without hyphens. The length is assumed.
var coinbaseClientID = regexp.MustCompile(`^[!-~]{1,128}$`)

// A coinbaseFailure is why an order is not created; it answers 200.
type coinbaseFailure struct {
	Error   string `json:"error"`
	Message string `json:"message"`
	Details string `json:"error_details"`
	Preview string `json:"preview_failure_reason"`
}

// The reasons of NewOrderFailureReason and PreviewFailureReason.
func coinbaseFails(reason, message string) *coinbaseFailure {
	return &coinbaseFailure{Error: reason, Message: message, Preview: "PREVIEW_" + reason}
}

// parseOrder reads a new order but for its account.
func (x *coinbase) parseOrder(q *coinbaseCall) (order, *coinbaseFailure) {
	o := order{clientID: q.get("client_order_id"), price: zero(), qty: zero()}
	if o.market = x.book.market(q.get("product_id")); o.market == nil {
		return o, coinbaseFails("INVALID_PRODUCT_ID", "Invalid product_id")
	}
	switch q.get("side") {
	case "BUY":
	case "SELL":
		o.side = sell
	default:
		return o, coinbaseFails("INVALID_SIDE", "Invalid side")
	}
	// One configuration by its name: {"limit_limit_gtc":{…}}.
	config, ok := parseObject([]byte(q.get("order_configuration")))
	if !ok || len(config) != 1 {
		return o, coinbaseFails("UNSUPPORTED_ORDER_CONFIGURATION", "Unsupported order configuration")
	}
	f, ok := parseObject([]byte(config[0].value))
	if !ok || f.repeated() != "" {
		return o, coinbaseFails("UNSUPPORTED_ORDER_CONFIGURATION", "Unsupported order configuration")
	}
	switch config[0].name {
	case "market_market_ioc":
		o.kind = marketOrder
	case "sor_limit_ioc":
		o.life = immediateOrCancel
	case "limit_limit_fok":
		o.life = fillOrKill
	case "limit_limit_gtc":
		if f.get("post_only") == "true" {
			o.kind = postOnly
		}
	default:
		return o, coinbaseFails("UNSUPPORTED_ORDER_CONFIGURATION", "Unsupported order configuration")
	}
	return o, o.coinbaseAmounts(f)
}

// coinbaseAmounts reads sizes and price. A market buy may be of the quote currency.
func (o *order) coinbaseAmounts(f form) *coinbaseFailure {
	if o.kind == marketOrder && f.has("quote_size") && !f.has("base_size") {
		quote, ok := parseDecimal(f.get("quote_size"))
		if !ok || quote.Sign() == 0 || o.side == sell || !fits(quote, o.market.tick) {
			return coinbaseFails("INVALID_SIZE_PRECISION", "Invalid quote_size")
		}
		o.quoteQty = quote
		return nil
	}
	size, ok := parseDecimal(f.get("base_size"))
	if !ok || size.Sign() == 0 || !fits(size, o.market.step) {
		return coinbaseFails("INVALID_SIZE_PRECISION", "Invalid base_size")
	}
	o.qty = size
	if o.kind == marketOrder {
		return nil
	}
	price, ok := parseDecimal(f.get("limit_price"))
	if !ok || price.Sign() == 0 || !fits(price, o.market.tick) {
		return coinbaseFails("INVALID_PRICE_PRECISION", "Invalid limit_price")
	}
	o.price = price
	return nil
}

// createOrder places an order. A client order id that was used before brings that
// order back, and makes none.
func (x *coinbase) createOrder(q *coinbaseCall) answer {
	if !coinbaseClientID.MatchString(q.get("client_order_id")) {
		return coinbaseBad(q, "client_order_id")
	}
	o, failure := x.parseOrder(q)
	if failure == nil {
		o.account = q.key.account()
		placed, err := x.book.place(o, q.now, false)
		if err == errDuplicate {
			placed, err = x.book.find(o.account, "", o.clientID)
		}
		if o = placed; err != nil {
			failure = coinbaseRefusal(err)
		}
	}
	config := json.RawMessage(q.get("order_configuration"))
	if !json.Valid(config) {
		config = json.RawMessage("{}")
	}
	if failure != nil {
		return coinbaseOK(map[string]any{"success": false, "error_response": failure, "order_configuration": config})
	}
	return coinbaseOK(map[string]any{
		"success": true, "order_configuration": config,
		"success_response": map[string]string{"order_id": o.id, "product_id": o.market.symbol, "side": upperSide(o.side), "client_order_id": o.clientID},
	})
}

// coinbaseRefusal puts the book's reasons into the venue's words.
func coinbaseRefusal(err error) *coinbaseFailure {
	switch err {
	case errWouldTake:
		return coinbaseFails("INVALID_LIMIT_PRICE_POST_ONLY", "Post only order would match")
	case errNoMarket:
		return coinbaseFails("INVALID_NO_LIQUIDITY", "No liquidity")
	}
	return coinbaseFails("INSUFFICIENT_FUND", "Insufficient balance in source account")
}

// batchCancel cancels up to a hundred orders and tells the fate of each.
func (x *coinbase) batchCancel(q *coinbaseCall) answer {
	var ids []string
	if json.Unmarshal([]byte(q.get("order_ids")), &ids) != nil || len(ids) == 0 || len(ids) > 100 {
		return coinbaseBad(q, "order_ids")
	}
	type result struct {
		Success bool   `json:"success"`
		Reason  string `json:"failure_reason"`
		OrderID string `json:"order_id"`
	}
	results, fails := []result{}, q.fails(len(ids))
	for i, id := range ids {
		r := result{true, "UNKNOWN_CANCEL_FAILURE_REASON", id}
		if fails[i] {
			r.Success, r.Reason = false, "COMMANDER_REJECTED_CANCEL_ORDER"
		} else if _, err := x.book.cancel(q.key.account(), id, "", q.now); err != nil {
			r.Success, r.Reason = false, "UNKNOWN_CANCEL_ORDER"
		}
		results = append(results, r)
	}
	return coinbaseOK(map[string]any{"results": results})
}

// coinbaseStates are the venue's words by our state.
var coinbaseStates = [...]string{"OPEN", "OPEN", "FILLED", "CANCELLED", "CANCELLED"}

// coinbaseConfig writes what an order was asked to be.
func coinbaseConfig(o order) (name, life string, config map[string]any) {
	size, price := text(o.qty, 0), text(o.price, 0)
	switch {
	case o.quoteQty != nil:
		return "market_market_ioc", "IMMEDIATE_OR_CANCEL", map[string]any{"quote_size": text(o.quoteQty, 0)}
	case o.kind == marketOrder:
		return "market_market_ioc", "IMMEDIATE_OR_CANCEL", map[string]any{"base_size": size}
	case o.life == immediateOrCancel:
		return "sor_limit_ioc", "IMMEDIATE_OR_CANCEL", map[string]any{"base_size": size, "limit_price": price}
	case o.life == fillOrKill:
		return "limit_limit_fok", "FILL_OR_KILL", map[string]any{"base_size": size, "limit_price": price}
	}
	return "limit_limit_gtc", "GOOD_UNTIL_CANCELLED", map[string]any{"base_size": size, "limit_price": price, "post_only": o.kind == postOnly}
}

// coinbaseOrder is the form of every list of orders.
func coinbaseOrder(o order) map[string]any {
	name, life, config := coinbaseConfig(o)
	kind := "LIMIT"
	if o.kind == marketOrder {
		kind = "MARKET"
	}
	done := "0"
	if o.qty.Sign() > 0 {
		done = text(mul(new(big.Rat).Quo(o.filled, o.qty), big.NewRat(100, 1)), 0)
	}
	m := map[string]any{
		"order_id": o.id, "product_id": o.market.symbol, "user_id": uuidOf("coinbase user", o.account), "order_configuration": map[string]any{name: config},
		"side": upperSide(o.side), "client_order_id": o.clientID, "status": coinbaseStates[o.state], "time_in_force": life,
		"created_time": coinbaseTime(o.created), "last_update_time": coinbaseTime(o.updated), "completion_percentage": done,
		"filled_size": text(o.filled, 0), "average_filled_price": text(average(o.cost, o.filled), 0), "fee": "",
		"number_of_fills": strconv.Itoa(len(o.fills)), "filled_value": text(o.cost, 0), "pending_cancel": false,
		"size_in_quote": o.quoteQty != nil, "total_fees": "0", "size_inclusive_of_fees": o.quoteQty != nil, "total_value_after_fees": text(o.cost, 0),
		"trigger_status": "INVALID_ORDER_TYPE", "order_type": kind, "reject_reason": "REJECT_REASON_UNSPECIFIED", "settled": o.state == stateFilled,
		"product_type": "SPOT", "reject_message": "", "cancel_message": "", "order_placement_source": "RETAIL_ADVANCED",
		"outstanding_hold_amount": text(o.locked, 0), "is_liquidation": false, "last_fill_time": nil, "edit_history": []any{}, "leverage": "",
		"margin_type": "UNKNOWN_MARGIN_TYPE", "retail_portfolio_id": uuidOf("coinbase portfolio", o.account),
	}
	if n := len(o.fills); n > 0 {
		m["last_fill_time"] = coinbaseTime(o.fills[n-1].time)
	}
	if o.state == stateCanceled {
		m["cancel_message"] = "User requested cancel"
	}
	return m
}

// getOrder finds an order by the venue's id only; finding it by the client's is
// deprecated.
func (x *coinbase) getOrder(q *coinbaseCall) answer {
	o, err := x.book.find(q.key.account(), q.segment, "")
	if err != nil || q.blind(&o) {
		return *coinbaseRefuse(q.call, http.StatusNotFound, "NOT_FOUND", "order with this orderID was not found")
	}
	return coinbaseOK(map[string]any{"order": coinbaseOrder(o)})
}

// listOrders are the account's orders that the filters let through, newest first.
func (x *coinbase) listOrders(q *coinbaseCall) answer {
	from, to, ok := q.span("start_date", "end_date")
	if !ok {
		return coinbaseBad(q, "start_date or end_date")
	}
	ids, products, states := q.all("order_ids"), append(q.all("product_ids"), q.all("product_id")...), q.all("order_status")
	side := q.get("order_side")
	list := x.book.list(q.key.account(), func(o *order) bool {
		return !o.created.Before(from) && (to.IsZero() || o.created.Before(to)) &&
			(len(ids) == 0 || slices.Contains(ids, o.id)) &&
			(len(products) == 0 || slices.Contains(products, o.market.symbol)) &&
			(len(states) == 0 || slices.Contains(states, coinbaseStates[o.state])) &&
			(side == "" || side == upperSide(o.side)) && !q.blind(o)
	})
	slices.Reverse(list)
	page, next, ok := coinbasePage(q, list, 1000, 1000)
	if !ok {
		return coinbaseBad(q, "limit or cursor")
	}
	orders := []any{}
	for _, o := range page {
		orders = append(orders, coinbaseOrder(o))
	}
	return coinbaseOK(map[string]any{"orders": orders, "sequence": "0", "has_next": next != "", "cursor": next})
}

// span reads two moments, either of which may be left out.
func (q *coinbaseCall) span(first, last string) (from, to time.Time, ok bool) {
	for i, name := range [2]string{first, last} {
		if q.get(name) == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, q.get(name))
		if err != nil {
			return from, to, false
		}
		if i == 0 {
			from = at
		} else {
			to = at
		}
	}
	return from, to, true
}

// fills lists trades, newest first.
func (x *coinbase) fills(q *coinbaseCall) answer {
	from, to, ok := q.span("start_sequence_timestamp", "end_sequence_timestamp")
	if !ok {
		return coinbaseBad(q, "start_sequence_timestamp or end_sequence_timestamp")
	}
	ids, products := append(q.all("order_ids"), q.all("order_id")...), append(q.all("product_ids"), q.all("product_id")...)
	list := []any{}
	for _, o := range x.book.list(q.key.account(), func(o *order) bool {
		return (len(ids) == 0 || slices.Contains(ids, o.id)) && (len(products) == 0 || slices.Contains(products, o.market.symbol))
	}) {
		for _, f := range o.fills {
			if f.time.Before(from) || !to.IsZero() && f.time.After(to) {
				continue
			}
			role := "TAKER"
			if f.maker {
				role = "MAKER"
			}
			id := strconv.FormatInt(f.id, 10)
			list = append(list, map[string]any{
				"entry_id": uuidOf("coinbase entry", o.id, id), "trade_id": uuidOf("coinbase trade", id), "order_id": o.id, "trade_time": coinbaseTime(f.time),
				"trade_type": "FILL", "price": text(f.price, 0), "size": text(f.qty, 0), "commission": "0", "product_id": o.market.symbol,
				"sequence_timestamp": coinbaseTime(f.time), "liquidity_indicator": role, "size_in_quote": false,
				"user_id": uuidOf("coinbase user", o.account), "side": upperSide(o.side), "retail_portfolio_id": uuidOf("coinbase portfolio", o.account),
			})
		}
	}
	slices.Reverse(list)
	page, next, ok := coinbasePage(q, list, 100, 250)
	if !ok {
		return coinbaseBad(q, "limit or cursor")
	}
	return coinbaseOK(map[string]any{"fills": page, "cursor": next})
}
