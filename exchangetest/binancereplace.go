package exchangetest

import (
	"cmp"
	"net/http"
)

// Cancel and replace (rest-api.md, "Cancel an Existing Order and Send a New Order"):
// one call that does two things, and may do one of them.

// A binanceHalves is the answer: each half did, failed, or was not tried. The errors
// carry the same under data.
type binanceHalves struct {
	CancelResult   string `json:"cancelResult"`
	NewOrderResult string `json:"newOrderResult"`
	Cancel         any    `json:"cancelResponse"`
	NewOrder       any    `json:"newOrderResponse"`
}

const (
	binanceDone    = "SUCCESS"
	binanceFailed  = "FAILURE"
	binanceUntried = "NOT_ATTEMPTED"
)

// binanceCode is an error as one half shows it.
type binanceCode struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

// cancelReplace is POST /api/v3/order/cancelReplace. The new order's parameters and
// filters are checked before anything is canceled. Both halves done: 200. None:
// 400 and -2022. One: 409 and -2021.
func (b *binance) cancelReplace(q *binanceCall) (any, *binanceError) {
	o, err := b.parseOrder(q)
	if err != nil {
		return nil, err
	}
	mode := q.get("cancelReplaceMode")
	switch mode {
	case "STOP_ON_FAILURE", "ALLOW_FAILURE":
	case "":
		return nil, binanceMissing("cancelReplaceMode")
	default:
		return nil, binanceErr(-1145, "Invalid cancelReplaceMode.")
	}
	id, client := q.get("cancelOrderId"), q.get("cancelOrigClientOrderId")
	if id == "" && client == "" {
		return nil, binanceErr(-1102, "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were empty/null!")
	}
	q.counts = true
	fails := q.fails(2) // a fault of one half
	h := binanceHalves{CancelResult: binanceDone, NewOrderResult: binanceDone}
	lost := binanceErr(-2011, "Unknown order sent.")
	if fails[0] {
		h.CancelResult, h.Cancel = binanceFailed, binanceCode{lost.Code, lost.Msg}
	} else if old, gone := b.cancelOf(q, o.market, id, client); gone != nil {
		h.CancelResult, h.Cancel = binanceFailed, binanceCode{lost.Code, lost.Msg}
	} else {
		h.Cancel = binanceCanceled(old, q.get("cancelNewClientOrderId"))
	}
	if h.CancelResult == binanceFailed && mode == "STOP_ON_FAILURE" {
		h.NewOrderResult = binanceUntried
		return nil, h.err()
	}
	o.clientID = cmp.Or(o.clientID, randomText(22))
	var refused error = errNoMarket
	if !fails[1] {
		o, refused = b.book.place(o, q.now, false)
	}
	if refused != nil {
		e := binanceRefusal(refused)
		h.NewOrderResult, h.NewOrder = binanceFailed, binanceCode{e.Code, e.Msg}
		return nil, h.err()
	}
	q.taker = len(o.fills) > 0
	full := "FULL"
	if o.kind == postOnly {
		full = "ACK"
	}
	h.NewOrder = binancePlaced(o, cmp.Or(q.get("newOrderRespType"), full))
	if h.CancelResult == binanceFailed {
		return nil, h.err()
	}
	return h, nil
}

// cancelOf cancels the order that is to be replaced, in the market of the new one.
func (b *binance) cancelOf(q *binanceCall, m *market, id, client string) (order, error) {
	if o, err := b.book.find(q.key.account(), id, client); err != nil || o.market != m {
		return order{}, errUnknown
	}
	return b.book.cancel(q.key.account(), id, client, q.now)
}

// err is the error of an answer of which not all was done.
func (h binanceHalves) err() *binanceError {
	if h.CancelResult == binanceDone || h.NewOrderResult == binanceDone {
		return &binanceError{http.StatusConflict, -2021, "Order cancel-replace partially failed.", h}
	}
	return &binanceError{http.StatusBadRequest, -2022, "Order cancel-replace failed.", h}
}
