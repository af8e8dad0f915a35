package exchangetest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
)

// The order endpoints of OKX.

// An okxItem is the fate of one order of a request.
type okxItem struct {
	ClOrdID string `json:"clOrdId"`
	OrdID   string `json:"ordId"`
	SCode   string `json:"sCode"`
	SMsg    string `json:"sMsg"`
	Tag     string `json:"tag,omitempty"`
	TS      string `json:"ts"`
}

// each plays a route that takes one object or an array of up to twenty, and tells
// the fate of each: code 0 for all done, 1 for none, 2 for some.
func (x *okx) each(play func(q *okxCall, f form) okxItem) func(*okxCall) okxAnswer {
	return func(q *okxCall) okxAnswer {
		list, err := q.items()
		if err == nil {
			err = q.expired()
		}
		if err != nil {
			return *err
		}
		items, done, fails := []any{}, 0, q.fails(len(list))
		for i, f := range list {
			item := okxItem{ClOrdID: f.get("clOrdId"), OrdID: f.get("ordId"), SCode: "50013", SMsg: "Systems are busy. Please try again later."}
			if !fails[i] {
				item = play(q, f)
			}
			item.TS = okxMillis(q.now)
			if item.SCode == "0" {
				done++
			}
			items = append(items, item)
		}
		a := okxAnswer{status: http.StatusOK, Code: "0", Data: items}
		switch done {
		case len(list):
		case 0:
			a.Code, a.Msg = "1", "All operations failed"
		default:
			a.Code, a.Msg = "2", "Bulk operation partially succeeded."
		}
		micros := strconv.FormatInt(q.now.UnixMicro(), 10)
		a.InTime, a.OutTime = micros, micros
		return a
	}
}

// expired applies the header expTime, the last moment in milliseconds at which the
// client wants the request carried out.
func (q *okxCall) expired() *okxAnswer {
	h := q.header.Get("expTime")
	if h == "" {
		return nil
	}
	ms, err := strconv.ParseInt(h, 10, 64)
	switch {
	case err != nil:
		return okxBad("expTime")
	case q.now.UnixMilli() > ms:
		return okxErr(http.StatusOK, "50036", "The expTime can't be earlier than the current system time. Please adjust the expTime and try again.")
	}
	return nil
}

// items returns the objects of the body. One without instId is refused as a whole.
func (q *okxCall) items() ([]form, *okxAnswer) {
	list := []form{q.form}
	if q.body[0] == '[' {
		var raw []json.RawMessage
		if json.Unmarshal(q.body, &raw) != nil || len(raw) == 0 {
			return nil, okxErr(http.StatusBadRequest, "50002", "JSON syntax error")
		}
		if len(raw) > 20 {
			return nil, okxErr(http.StatusBadRequest, "51000", "Parameter orders error")
		}
		list = nil
		for _, r := range raw {
			f, ok := parseObject(r)
			if !ok || f.repeated() != "" {
				return nil, okxErr(http.StatusBadRequest, "50002", "JSON syntax error")
			}
			list = append(list, f)
		}
	}
	for _, f := range list {
		if f.get("instId") == "" {
			return nil, okxEmpty("instId")
		}
	}
	return list, nil
}

// okxClientID is the form of clOrdId.
var okxClientID = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)

// okxParameter names the first parameter of a new order that is wrong, or "".
func okxParameter(o *order, f form) string {
	switch f.get("side") {
	case "buy":
	case "sell":
		o.side = sell
	default:
		return "side"
	}
	switch f.get("ordType") {
	case "limit":
	case "market":
		o.kind = marketOrder
	case "post_only":
		o.kind = postOnly
	case "ioc":
		o.life = immediateOrCancel
	case "fok":
		o.life = fillOrKill
	default:
		return "ordType"
	}
	if f.get("tdMode") != "cash" {
		return "tdMode"
	}
	if o.clientID = f.get("clOrdId"); o.clientID != "" && !okxClientID.MatchString(o.clientID) {
		return "clOrdId"
	}
	sz, ok := parseDecimal(f.get("sz"))
	if !ok || sz.Sign() == 0 || !fits(sz, o.market.step) {
		return "sz"
	}
	o.qty = sz
	if o.kind == marketOrder {
		switch unit := f.get("tgtCcy"); { // by default a buy's size is in the quote currency
		case unit == "quote_ccy" || unit == "" && o.side == buy:
			o.qty, o.quoteQty = zero(), sz
		case unit != "" && unit != "base_ccy":
			return "tgtCcy"
		}
		return ""
	}
	px, ok := parseDecimal(f.get("px"))
	if !ok || px.Sign() == 0 || !fits(px, o.market.tick) {
		return "px"
	}
	o.price = px
	return ""
}

// placeItem places one order.
func (x *okx) placeItem(q *okxCall, f form) okxItem {
	item := okxItem{ClOrdID: f.get("clOrdId"), Tag: f.get("tag")}
	o := order{account: q.key.account(), tag: f.get("tag"), price: zero(), qty: zero()}
	if o.market = x.book.market(f.get("instId")); o.market == nil {
		item.SCode, item.SMsg = "51001", "Instrument ID doesn't exist."
		return item
	}
	if bad := okxParameter(&o, f); bad != "" {
		item.SCode, item.SMsg = "51000", "Parameter "+bad+" error"
		return item
	}
	placed, err := x.book.place(o, q.now, false)
	switch err {
	case nil:
		item.OrdID, item.SCode, item.SMsg = placed.id, "0", "Order placed"
	case errDuplicate:
		item.SCode, item.SMsg = "51016", "Client order ID already exists."
	default:
		short := o.market.quote
		if o.side == sell {
			short = o.market.base
		}
		item.SCode, item.SMsg = "51008", "Order failed. Insufficient "+short+" balance in account"
	}
	return item
}

// cancelItem cancels one order by ordId or clOrdId.
func (x *okx) cancelItem(q *okxCall, f form) okxItem {
	item := okxItem{ClOrdID: f.get("clOrdId"), OrdID: f.get("ordId")}
	if item.ClOrdID == "" && item.OrdID == "" {
		item.SCode, item.SMsg = "51407", "Either order ID or client order ID is required."
		return item
	}
	o, err := x.named(q, f, func(id, client string) (order, error) {
		return x.book.cancel(q.key.account(), id, client, q.now)
	})
	if err != nil {
		item.SCode, item.SMsg = "51400", "Order cancellation failed as the order has been filled, canceled or does not exist."
		return item
	}
	item.ClOrdID, item.OrdID, item.SCode = o.clientID, o.id, "0"
	return item
}

// named applies find to the order that ordId or clOrdId names; ordId wins when
// both are sent.
func (x *okx) named(q *okxCall, f form, find func(id, client string) (order, error)) (order, error) {
	id, client := f.get("ordId"), f.get("clOrdId")
	if id != "" {
		client = ""
	}
	o, err := x.book.find(q.key.account(), id, client)
	if err != nil || o.market.symbol != f.get("instId") {
		return order{}, errUnknown
	}
	return find(id, client)
}

// okxOrder is the form of order details, pending orders and history.
type okxOrder struct {
	AccFillSz     string `json:"accFillSz"`
	AvgPx         string `json:"avgPx"`
	CTime         string `json:"cTime"`
	CancelSource  string `json:"cancelSource"`
	Category      string `json:"category"`
	Ccy           string `json:"ccy"`
	ClOrdID       string `json:"clOrdId"`
	Fee           string `json:"fee"`
	FeeCcy        string `json:"feeCcy"`
	FillPx        string `json:"fillPx"`
	FillSz        string `json:"fillSz"`
	FillTime      string `json:"fillTime"`
	InstID        string `json:"instId"`
	InstType      string `json:"instType"`
	Lever         string `json:"lever"`
	OrdID         string `json:"ordId"`
	OrdType       string `json:"ordType"`
	Pnl           string `json:"pnl"`
	PosSide       string `json:"posSide"`
	Px            string `json:"px"`
	Rebate        string `json:"rebate"`
	RebateCcy     string `json:"rebateCcy"`
	ReduceOnly    string `json:"reduceOnly"`
	Side          string `json:"side"`
	Source        string `json:"source"`
	State         string `json:"state"`
	Sz            string `json:"sz"`
	Tag           string `json:"tag"`
	TdMode        string `json:"tdMode"`
	TgtCcy        string `json:"tgtCcy"`
	TradeID       string `json:"tradeId"`
	TradeQuoteCcy string `json:"tradeQuoteCcy"`
	UTime         string `json:"uTime"`
}

// IOC and market orders end as canceled when something of them is left.
var okxStates = [...]string{"live", "partially_filled", "filled", "canceled", "canceled"}

// okxKind is ordType, which says kind and lifetime at once.
func okxKind(o order) string {
	switch {
	case o.kind == marketOrder:
		return "market"
	case o.kind == postOnly:
		return "post_only"
	}
	return [...]string{"limit", "ioc", "fok"}[o.life]
}

// okxSide writes a side.
func okxSide(s side) string { return [...]string{"buy", "sell"}[s] }

// okxForm writes an order. Fields of what is not filled are empty, not zero.
func okxForm(o order) okxOrder {
	feeIn, rebateIn := o.market.base, o.market.quote
	if o.side == sell {
		feeIn, rebateIn = rebateIn, feeIn
	}
	f := okxOrder{
		AccFillSz: text(o.filled, 0), CTime: okxMillis(o.created), Category: "normal", ClOrdID: o.clientID,
		Fee: "0", FeeCcy: feeIn, InstID: o.market.symbol, InstType: "SPOT", OrdID: o.id, OrdType: okxKind(o),
		Pnl: "0", PosSide: "net", Rebate: "0", RebateCcy: rebateIn, ReduceOnly: "false", Side: okxSide(o.side),
		State: okxStates[o.state], Sz: text(o.qty, 0), Tag: o.tag, TdMode: "cash", TradeQuoteCcy: o.market.quote,
		UTime: okxMillis(o.updated),
	}
	if o.kind == marketOrder {
		f.TgtCcy = "base_ccy"
	} else {
		f.Px = text(o.price, 0)
	}
	if o.quoteQty != nil {
		f.Sz, f.TgtCcy = text(o.quoteQty, 0), "quote_ccy"
	}
	switch {
	case o.state == stateCanceled:
		f.CancelSource = "1" // by the user
	case o.state == stateExpired && o.kind == postOnly:
		f.CancelSource = "31" // it would have taken
	}
	if n := len(o.fills); n > 0 {
		last := o.fills[n-1]
		f.AvgPx = text(average(o.cost, o.filled), 0)
		f.FillPx, f.FillSz, f.FillTime = text(last.price, 0), text(last.qty, 0), okxMillis(last.time)
		f.TradeID = strconv.FormatInt(last.id, 10)
	}
	return f
}

// queryOrder is GET /api/v5/trade/order.
func (x *okx) queryOrder(q *okxCall) okxAnswer {
	if q.get("instId") == "" {
		return *okxEmpty("instId")
	}
	if q.get("ordId") == "" && q.get("clOrdId") == "" {
		return *okxErr(http.StatusOK, "51003", "Either client order ID or order ID is required.")
	}
	o, err := x.named(q, q.form, func(id, client string) (order, error) { return x.book.find(q.key.account(), id, client) })
	if err != nil || q.blind(&o) {
		return *okxErr(http.StatusOK, "51603", "Order does not exist")
	}
	return okxData(okxForm(o))
}

// listed are the account's orders that the query's filters let through, newest
// first.
func (x *okx) listed(q *okxCall, open bool) okxAnswer {
	var items []any
	for _, o := range x.book.list(q.key.account(), func(o *order) bool {
		return o.state.open() == open && q.wants(o) && !q.blind(o)
	}) {
		items = append(items, okxForm(o))
	}
	slices.Reverse(items)
	return okxData(items...)
}

// wants applies the filters instId and ordType.
func (q *okxCall) wants(o *order) bool {
	inst, kind := q.get("instId"), q.get("ordType")
	return (inst == "" || inst == o.market.symbol) && (kind == "" || kind == okxKind(*o))
}

// pending is what rests.
func (x *okx) pending(q *okxCall) okxAnswer { return x.listed(q, true) }

// history is what does not rest any more.
func (x *okx) history(q *okxCall) okxAnswer {
	if q.get("instType") == "" {
		return *okxEmpty("instType")
	}
	return x.listed(q, false)
}

// fills lists trades, newest first.
func (x *okx) fills(q *okxCall) okxAnswer {
	var items []any
	for _, o := range x.book.list(q.key.account(), q.wants) {
		for _, f := range o.fills {
			role := "T"
			if f.maker {
				role = "M"
			}
			items = append(items, map[string]string{
				"instType": "SPOT", "instId": o.market.symbol, "tradeId": strconv.FormatInt(f.id, 10), "ordId": o.id,
				"clOrdId": o.clientID, "billId": strconv.FormatInt(f.id, 10), "tag": o.tag, "fillPx": text(f.price, 0),
				"fillSz": text(f.qty, 0), "side": okxSide(o.side), "posSide": "net", "execType": role, "feeCcy": okxForm(o).FeeCcy,
				"fee": "0", "ts": okxMillis(f.time), "fillTime": okxMillis(f.time),
			})
		}
	}
	slices.Reverse(items)
	return okxData(items...)
}
