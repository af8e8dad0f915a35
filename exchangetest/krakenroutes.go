package exchangetest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// The order endpoints of Kraken.

// parseOrder reads the parameters of AddOrder.
func (k *kraken) parseOrder(q *krakenCall) (order, krakenError) {
	o := order{account: q.key.account(), clientID: q.get("cl_ord_id"), tag: q.get("userref"), price: zero(), qty: zero()}
	if o.market = k.book.market(q.get("pair")); o.market == nil {
		if q.get("pair") == "" {
			return o, krakenBad("pair")
		}
		return o, krakenPair
	}
	switch q.get("type") {
	case "buy":
	case "sell":
		o.side = sell
	default:
		return o, krakenBad("type")
	}
	switch q.get("ordertype") {
	case "limit":
	case "market":
		o.kind = marketOrder
	default:
		return o, krakenBad("ordertype")
	}
	if o.clientID != "" && !krakenClientID.MatchString(o.clientID) {
		return o, krakenBad("cl_ord_id")
	}
	if o.tag != "" {
		if _, err := strconv.ParseInt(o.tag, 10, 32); err != nil || o.clientID != "" {
			return o, krakenBad("userref") // a 32-bit number, and not beside cl_ord_id
		}
	}
	if err := o.krakenLife(q); err != "" {
		return o, err
	}
	return o, o.krakenAmounts(q)
}

// krakenLife reads timeinforce, oflags and deadline.
func (o *order) krakenLife(q *krakenCall) krakenError {
	switch q.get("timeinforce") {
	case "", "GTC":
	case "IOC":
		o.life = immediateOrCancel
	case "FOK":
		o.life = fillOrKill
	default:
		return krakenBad("timeinforce")
	}
	if slices.Contains(strings.Split(q.get("oflags"), ","), "post") {
		if o.kind == marketOrder {
			return krakenBad("oflags")
		}
		o.kind = postOnly
	}
	if text := q.get("deadline"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return krakenBad("deadline")
		}
		if at.Before(q.now) {
			return krakenDeadline
		}
	}
	return ""
}

// krakenAmounts reads volume and price. viqc, an oflag, gives the volume of a
// market order in the quote currency.
func (o *order) krakenAmounts(q *krakenCall) krakenError {
	volume, ok := parseDecimal(q.get("volume"))
	if !ok || volume.Sign() == 0 || !fits(volume, o.market.step) {
		return krakenBad("volume")
	}
	o.qty = volume
	if slices.Contains(strings.Split(q.get("oflags"), ","), "viqc") {
		if o.kind != marketOrder {
			return krakenBad("viqc")
		}
		o.qty, o.quoteQty = zero(), volume
	}
	if o.kind == marketOrder {
		return ""
	}
	price, ok := parseDecimal(q.get("price"))
	if !ok || price.Sign() == 0 {
		return krakenBad("price")
	}
	if !fits(price, o.market.tick) {
		return krakenError("EOrder:Invalid price:" + o.market.alias[0] + " price can only be specified up to " +
			strconv.Itoa(o.market.tick) + " decimals.")
	}
	o.price = price
	return ""
}

// krakenRefusal puts the book's reasons into the venue's words.
func krakenRefusal(err error) krakenError {
	if err == errDuplicate {
		return krakenTaken
	}
	return krakenFunds
}

// addOrder places an order, or with validate only checks it.
func (k *kraken) addOrder(q *krakenCall) (any, krakenError) {
	o, err := k.parseOrder(q)
	if err != "" {
		return nil, err
	}
	only := q.get("validate")
	test := only != "" && only != "false" && only != "0"
	o, refused := k.book.place(o, q.now, test)
	if refused != nil {
		return nil, krakenRefusal(refused)
	}
	out := map[string]any{"descr": map[string]string{"order": krakenSentence(o)}}
	if !test {
		out["txid"] = []string{o.id}
		if o.clientID != "" {
			out["cl_ord_id"] = o.clientID
		}
	}
	return out, ""
}

// krakenSentence describes an order: "buy 1.25000000 XBTUSD @ limit 27500.0".
func krakenSentence(o order) string {
	qty := o.qty
	if o.quoteQty != nil {
		qty = o.quoteQty
	}
	s := krakenSide(o.side) + " " + text(qty, 8) + " " + o.market.alias[0] + " @ "
	if o.kind == marketOrder {
		return s + "market"
	}
	return s + "limit " + text(o.price, o.market.tick)
}

// krakenSide writes a side.
func krakenSide(s side) string {
	if s == buy {
		return "buy"
	}
	return "sell"
}

// krakenStates are the venue's words by our state.
var krakenStates = [...]string{"open", "open", "closed", "canceled", "canceled"}

// krakenOrder is the form of QueryOrders, OpenOrders and ClosedOrders.
func krakenOrder(o order) map[string]any {
	kind, price := "limit", text(o.price, o.market.tick)
	if o.kind == marketOrder {
		kind, price = "market", "0"
	}
	flags := "fciq"
	if o.kind == postOnly {
		flags = "fciq,post"
	}
	m := map[string]any{
		"refid": nil, "userref": nil, "status": krakenStates[o.state], "opentm": krakenTime(o.created),
		"starttm": 0, "expiretm": 0,
		"descr": map[string]string{
			"pair": o.market.alias[0], "type": krakenSide(o.side), "ordertype": kind, "price": price, "price2": "0",
			"leverage": "none", "order": krakenSentence(o), "close": "",
		},
		"vol": text(o.qty, 8), "vol_exec": text(o.filled, 8), "cost": text(o.cost, 5), "fee": "0.00000",
		"price": text(average(o.cost, o.filled), 5), "stopprice": "0.00000", "limitprice": "0.00000", "misc": "", "oflags": flags,
	}
	if n, err := strconv.Atoi(o.tag); err == nil {
		m["userref"] = n
	}
	if o.clientID != "" {
		m["cl_ord_id"] = o.clientID
	}
	if !o.state.open() {
		m["closetm"], m["reason"] = krakenTime(o.updated), nil
		switch {
		case o.state == stateCanceled:
			m["reason"] = "User requested"
		case o.state == stateExpired && o.kind == postOnly:
			m["reason"] = "Post only order"
		}
	}
	if len(o.fills) > 0 {
		ids := []string{}
		for _, f := range o.fills {
			ids = append(ids, krakenTrade(f))
		}
		m["trades"] = ids
	}
	return m
}

// krakenTime is a time in seconds with fractions, as the venue's JSON has it.
func krakenTime(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// krakenTrade makes the id of a trade, TXXXXX-XXXXX-XXXXXX.
func krakenTrade(f fill) string { return "T" + strings.TrimPrefix((&kraken{}).orderName(f.id), "O") }

// byID makes the object that all lists of orders are.
func byID(list []order) map[string]any {
	out := map[string]any{}
	for _, o := range list {
		out[o.id] = krakenOrder(o)
	}
	return out
}

// queryOrders finds orders by txid, one or up to fifty with commas between, or by
// cl_ord_id or userref.
func (k *kraken) queryOrders(q *krakenCall) (any, krakenError) {
	ids := strings.FieldsFunc(q.get("txid"), func(r rune) bool { return r == ',' })
	client, tag := q.get("cl_ord_id"), q.get("userref")
	switch {
	case len(ids) == 0 && client == "" && tag == "" || len(ids) > 50:
		return nil, krakenArguments
	case len(ids) == 0:
		return byID(k.book.list(q.key.account(), func(o *order) bool {
			return (client != "" && o.clientID == client || tag != "" && o.tag == tag) && !q.blind(o)
		})), ""
	}
	var list []order
	for _, id := range ids {
		o, err := k.book.find(q.key.account(), id, "")
		if err != nil || q.blind(&o) {
			return nil, krakenUnknown
		}
		list = append(list, o)
	}
	return byID(list), ""
}

// filtered are the account's orders, open or closed, of the userref and cl_ord_id
// asked for.
func (k *kraken) filtered(q *krakenCall, open bool) []order {
	client, tag := q.get("cl_ord_id"), q.get("userref")
	keep := func(o *order) bool { return o.state.open() == open && (tag == "" || o.tag == tag) && !q.blind(o) }
	if client != "" {
		return k.book.listNamed(q.key.account(), client, keep)
	}
	return k.book.list(q.key.account(), keep)
}

// openOrders lists what rests.
func (k *kraken) openOrders(q *krakenCall) (any, krakenError) {
	return map[string]any{"open": byID(k.filtered(q, true))}, ""
}

// closedOrders lists what does not rest any more.
func (k *kraken) closedOrders(q *krakenCall) (any, krakenError) {
	list := k.filtered(q, false)
	return map[string]any{"closed": byID(list), "count": len(list)}, ""
}

// tradesHistory lists all trades of the account.
func (k *kraken) tradesHistory(q *krakenCall) (any, krakenError) {
	trades := map[string]any{}
	for _, o := range k.book.list(q.key.account(), func(*order) bool { return true }) {
		for _, f := range o.fills {
			kind := "limit"
			if o.kind == marketOrder {
				kind = "market"
			}
			trades[krakenTrade(f)] = map[string]any{
				"ordertxid": o.id, "pair": o.market.symbol, "time": krakenTime(f.time), "type": krakenSide(o.side),
				"ordertype": kind, "price": text(f.price, 5), "vol": text(f.qty, 8), "cost": text(mul(f.price, f.qty), 5),
				"fee": "0.00000", "margin": "0.00000", "misc": "", "trade_id": f.id, "maker": f.maker,
			}
		}
	}
	return map[string]any{"trades": trades, "count": len(trades)}, ""
}

// cancelOrder takes a txid, a userref (which may name several orders) or a
// cl_ord_id.
func (k *kraken) cancelOrder(q *krakenCall) (any, krakenError) {
	account, ref, client := q.key.account(), q.get("txid"), q.get("cl_ord_id")
	if ref == "" && client == "" {
		return nil, krakenArguments
	}
	if _, err := strconv.ParseInt(ref, 10, 32); err == nil {
		n := k.cancelEach(q, func(o *order) bool { return o.tag == ref })
		if n == 0 {
			return nil, krakenUnknown
		}
		return map[string]int{"count": n}, ""
	}
	if _, err := k.book.cancel(account, ref, client, q.now); err != nil {
		return nil, krakenUnknown
	}
	return map[string]int{"count": 1}, ""
}

// cancelAll closes every open order of the account.
func (k *kraken) cancelAll(q *krakenCall) (any, krakenError) {
	return map[string]int{"count": k.cancelEach(q, func(*order) bool { return true })}, ""
}

// cancelEach cancels the open orders that fit and returns how many.
func (k *kraken) cancelEach(q *krakenCall, fit func(*order) bool) int {
	n := 0
	for _, o := range k.book.list(q.key.account(), func(o *order) bool { return o.state.open() && fit(o) }) {
		if _, err := k.book.cancel(o.account, o.id, "", q.now); err == nil {
			n++
		}
	}
	return n
}
