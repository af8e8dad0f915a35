package venue

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"github.com/exauth/exauth"
)

// The calls that hold several operations, and how their answers tell of each, by the
// vendors' pages named at each function. Kraken's and Bybit's were seen again, in excerpts, on
// 2026-11-23; that their answers keep the order of the call is said there. Where nothing
// says so, ids that do not fit the order leave an operation unknown.

// batches adds to a route table how calls hold several operations, in lines
// "METHOD path list=name id=name single=path cancels=name"; a body that is the list
// has no list=.
func batches(routes []exauth.Route, read func(*exauth.Response) []exauth.Item, lines string) []exauth.Route {
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		it := &exauth.Items{Read: read}
		for _, w := range words[2:] {
			name, value, _ := strings.Cut(w, "=")
			switch name {
			case "list":
				it.List = value
			case "id":
				it.ClientID = value
			case "single":
				it.Single = value
			case "cancels":
				it.Cancels = value
			}
		}
		for i := range routes {
			if routes[i].Method == words[0] && routes[i].Path == words[1] {
				routes[i].Items = it
			}
		}
	}
	return routes
}

// done and undone make the fate of one operation. An error of the venue's machinery
// does not say that nothing happened.
func done(id string) exauth.Item {
	return exauth.Item{ClientOrderID: id, Outcome: exauth.OutcomeAccepted}
}

func undone(id string, kind error, code, msg string) exauth.Item {
	it := exauth.Item{ClientOrderID: id, Outcome: exauth.OutcomeRejected, Kind: kind, Code: code, Message: msg}
	if errors.Is(kind, exauth.ErrUnavailable) || errors.Is(kind, exauth.ErrOutcomeUnknown) {
		it.Outcome = exauth.OutcomeUnknown
	}
	return it
}

// doubtful is an operation of which the answer tells nothing that can be read.
func doubtful() exauth.Item {
	return exauth.Item{Outcome: exauth.OutcomeUnknown, Kind: exauth.ErrOutcomeUnknown}
}

// binanceBatches: developers.binance.com, "Cancel an Existing Order and Send a New
// Order" (spot), "Place Multiple Orders", "Modify Multiple Orders" and "Cancel Multiple
// Orders" (futures, options).
func binanceBatches(routes []exauth.Route) []exauth.Route {
	kindOf := binanceKinds()
	return batches(routes, func(resp *exauth.Response) []exauth.Item {
		if strings.HasSuffix(resp.Path, "/cancelReplace") {
			return binanceReplace(kindOf, resp)
		}
		return binanceItems(kindOf, resp)
	}, `
		POST /api/v3/order/cancelReplace id=newClientOrderId cancels=cancelOrigClientOrderId single=/api/v3/order
		POST /fapi/v1/batchOrders list=batchOrders id=newClientOrderId single=/fapi/v1/order
		PUT /fapi/v1/batchOrders list=batchOrders id=origClientOrderId
		DELETE /fapi/v1/batchOrders list=origClientOrderIdList,orderIdList id=origClientOrderIdList
		POST /dapi/v1/batchOrders list=batchOrders id=newClientOrderId single=/dapi/v1/order
		PUT /dapi/v1/batchOrders list=batchOrders id=origClientOrderId
		DELETE /dapi/v1/batchOrders list=origClientOrderIdList,orderIdList id=origClientOrderIdList
		POST /eapi/v1/batchOrders list=orders id=clientOrderId single=/eapi/v1/order
		DELETE /eapi/v1/batchOrders list=clientOrderIds,orderIds id=clientOrderIds`)
}

// binanceItems reads a list of orders, in which {"code":…,"msg":…} stands for one
// that was not done.
func binanceItems(kindOf binanceKind, resp *exauth.Response) []exauth.Item {
	var list []struct {
		Code          json.RawMessage
		Msg           string
		ClientOrderID string
		OrderID       json.Number
	}
	if !bytes.HasPrefix(resp.Body, []byte("[")) || json.Unmarshal(resp.Body, &list) != nil {
		return nil
	}
	items := make([]exauth.Item, len(list))
	for i, o := range list {
		code := text(o.Code)
		switch {
		case code != "" && code != "0" && code != "200":
			items[i] = undone(o.ClientOrderID, kindOf(resp.Path, code, o.Msg), code, o.Msg)
		case o.OrderID != "":
			items[i] = done(o.ClientOrderID)
		default:
			items[i] = doubtful()
		}
	}
	return items
}

// binanceReplace reads both halves of a cancel-replace: at the top level when both
// were done, below "data" in the error -2021 (409: one of them) or -2022 (400: none).
func binanceReplace(kindOf binanceKind, resp *exauth.Response) []exauth.Item {
	type half struct {
		Code json.RawMessage
		Msg  string
	}
	type halves struct {
		CancelResult, NewOrderResult     string
		CancelResponse, NewOrderResponse *half
	}
	var body struct {
		halves
		Data *halves
	}
	if json.Unmarshal(resp.Body, &body) != nil {
		return nil
	}
	h := body.halves
	if body.Data != nil {
		h = *body.Data
	}
	if h.CancelResult == "" && h.NewOrderResult == "" {
		return nil
	}
	fate := func(result string, why *half) exauth.Item {
		if why == nil {
			why = new(half)
		}
		switch code := text(why.Code); result {
		case "SUCCESS":
			return done("")
		case "NOT_ATTEMPTED":
			return undone("", exauth.ErrRejected, "NOT_ATTEMPTED", "not attempted")
		case "FAILURE":
			return undone("", kindOf(resp.Path, code, why.Msg), code, why.Msg)
		}
		return doubtful()
	}
	return []exauth.Item{fate(h.CancelResult, h.CancelResponse), fate(h.NewOrderResult, h.NewOrderResponse)}
}

// okxBatches: www.okx.com/docs-v5/en, "POST / Place multiple orders", "Cancel
// multiple orders", "Amend multiple orders".
func okxBatches(routes []exauth.Route) []exauth.Route {
	kinds := okxCodes()
	return batches(routes, func(resp *exauth.Response) []exauth.Item {
		var e struct {
			Data []struct {
				ClOrdID string `json:"clOrdId"`
				okxItem
			}
		}
		if json.Unmarshal(resp.Body, &e) != nil {
			return nil
		}
		items := make([]exauth.Item, len(e.Data))
		for i, o := range e.Data {
			switch o.SCode {
			case "0":
				items[i] = done(o.ClOrdID)
			case "":
				items[i] = doubtful()
			default:
				items[i] = undone(o.ClOrdID, kinds[o.SCode], o.SCode, o.SMsg)
			}
		}
		return items
	}, `
		POST /api/v5/trade/batch-orders id=clOrdId single=/api/v5/trade/order
		POST /api/v5/trade/cancel-batch-orders id=clOrdId
		POST /api/v5/trade/amend-batch-orders id=clOrdId`)
}

// krakenBatches: docs.kraken.com/api/docs/rest-api/add-order-batch and
// …/cancel-order-batch. Placed orders are listed in the order of the call; of
// cancelled ones Kraken tells the number only.
func krakenBatches(routes []exauth.Route) []exauth.Route {
	kindOf := krakenKinds()
	return batches(routes, func(resp *exauth.Response) []exauth.Item {
		var e struct {
			Error  []string
			Result struct {
				Orders []struct {
					TxID, Descr, Error json.RawMessage
				}
				Count *int
			}
		}
		if json.Unmarshal(resp.Body, &e) != nil {
			return nil
		}
		if n := e.Result.Count; n != nil && strings.HasSuffix(resp.Path, "/CancelOrderBatch") {
			return krakenCounted(*n)
		}
		items, validated := make([]exauth.Item, len(e.Result.Orders)), true
		for _, o := range e.Result.Orders {
			validated = validated && o.TxID == nil && len(o.Descr) > 2
		}
		for i, o := range e.Result.Orders {
			why, list := text(o.Error), []string(nil)
			if json.Unmarshal(o.Error, &list) == nil && len(list) > 0 {
				why = list[0]
			}
			switch {
			case strings.HasPrefix(why, "E"):
				code, kind := kindOf(why)
				items[i] = undone("", kind, code, why)
			case len(o.TxID) > 4, validated: // more than "" or null; or the call only asked for validation
				items[i] = done("")
			default:
				items[i] = doubtful()
			}
		}
		return items
	}, `
		POST /0/private/AddOrderBatch list=orders id=cl_ord_id single=/0/private/AddOrder
		POST /0/private/CancelOrderBatch list=cl_ord_ids,orders id=cl_ord_ids`)
}

// maxKrakenBatch is the most orders CancelOrderBatch takes.
const maxKrakenBatch = 50

// krakenCounted: a number equal to that of the call says that all were cancelled;
// any other says nothing of the single one.
func krakenCounted(n int) []exauth.Item {
	if n <= 0 || n > maxKrakenBatch {
		return []exauth.Item{undone("", exauth.ErrUnknownOrder, "count", "no order was cancelled")}
	}
	items := make([]exauth.Item, n)
	for i := range items {
		items[i] = done("")
	}
	return items
}

// bybitBatches: bybit-exchange.github.io/docs/v5/order/batch-place, …/batch-amend,
// …/batch-cancel: two lists of one structure, what became of the orders in retExtInfo.
func bybitBatches(routes []exauth.Route) []exauth.Route {
	kinds := bybitCodes()
	return batches(routes, func(resp *exauth.Response) []exauth.Item {
		var e struct {
			Result struct {
				List []struct{ OrderLinkID string }
			}
			RetExtInfo struct{ List []bybitItem }
		}
		if json.Unmarshal(resp.Body, &e) != nil {
			return nil
		}
		items := make([]exauth.Item, len(e.RetExtInfo.List))
		for i, o := range e.RetExtInfo.List {
			id := ""
			if len(e.Result.List) == len(items) {
				id = e.Result.List[i].OrderLinkID
			}
			switch code := text(o.Code); code {
			case "0":
				items[i] = done(id)
			case "":
				items[i] = doubtful()
			default:
				items[i] = undone(id, kinds[code], code, o.Msg)
			}
		}
		return items
	}, `
		POST /v5/order/create-batch list=request id=orderLinkId single=/v5/order/create
		POST /v5/order/amend-batch list=request id=orderLinkId
		POST /v5/order/cancel-batch list=request id=orderLinkId`)
}

// kucoinBatches: kucoin.com/docs-new, "Batch Add Orders" of spot (and its older
// form, with data.data and a status) and of futures.
func kucoinBatches(routes []exauth.Route) []exauth.Route {
	kinds := kucoinCodes()
	return batches(routes, func(resp *exauth.Response) []exauth.Item {
		var e struct{ Data json.RawMessage }
		if json.Unmarshal(resp.Body, &e) != nil {
			return nil
		}
		var old struct{ Data json.RawMessage }
		if bytes.HasPrefix(e.Data, []byte("{")) && json.Unmarshal(e.Data, &old) == nil {
			e.Data = old.Data
		}
		var list []struct {
			ClientOID, OrderID, ID, Status, FailMsg, Msg string
			Success                                      *bool
			Code                                         json.RawMessage
		}
		if json.Unmarshal(e.Data, &list) != nil {
			return nil
		}
		items := make([]exauth.Item, len(list))
		for i, o := range list {
			code, msg := text(o.Code), o.FailMsg+o.Msg
			failed := o.Success != nil && !*o.Success || o.Status == "fail" || code != "" && code != "200" && code != "200000"
			switch {
			case failed:
				items[i] = undone(o.ClientOID, kucoinKind(kinds, code, msg), code, msg)
			case o.Success != nil || o.Status == "success" || code != "" || o.OrderID+o.ID != "":
				items[i] = done(o.ClientOID)
			default:
				items[i] = doubtful()
			}
		}
		return items
	}, `
		POST /api/v1/orders/multi list=orderList id=clientOid single=/api/v1/orders
		POST /api/v1/hf/orders/multi list=orderList id=clientOid single=/api/v1/hf/orders
		POST /api/v1/hf/orders/multi/sync list=orderList id=clientOid single=/api/v1/hf/orders`)
}

// kucoinFuturesBatches is the futures' form of one path, whose body is the list.
func kucoinFuturesBatches(routes []exauth.Route) []exauth.Route {
	for i := range routes {
		if it := routes[i].Items; it != nil && routes[i].Path == "/api/v1/orders/multi" {
			plain := *it
			plain.List = ""
			routes[i].Items = &plain
		}
	}
	return routes
}

// gateBatches: www.gate.com/docs/developers/apiv4/en, "Create a batch of orders",
// "Batch modification of orders", "Cancel a batch of orders with an ID list", and the
// same of futures.
func gateBatches(routes []exauth.Route) []exauth.Route {
	kinds := gateCodes()
	return batches(routes, func(resp *exauth.Response) []exauth.Item {
		var list []struct {
			Text                   string
			Succeeded              *bool
			Label, Message, Detail string
		}
		if !bytes.HasPrefix(resp.Body, []byte("[")) || json.Unmarshal(resp.Body, &list) != nil {
			return nil
		}
		items := make([]exauth.Item, len(list))
		for i, o := range list {
			id := ""
			if strings.HasPrefix(o.Text, "t-") { // others are Gate's own: "web", "api", "-"
				id = o.Text
			}
			switch {
			case o.Succeeded == nil:
				items[i] = doubtful()
			case *o.Succeeded:
				items[i] = done(id)
			default:
				items[i] = undone(id, kinds[o.Label], cmp.Or(o.Label, "item"), o.Message+o.Detail)
			}
		}
		return items
	}, `
		POST /api/v4/spot/batch_orders id=text single=/api/v4/spot/orders
		POST /api/v4/spot/amend_batch_orders id=text
		POST /api/v4/spot/cancel_batch_orders id=text
		POST /api/v4/futures/{settle}/batch_orders id=text single=/api/v4/futures/{settle}/orders
		POST /api/v4/futures/{settle}/batch_amend_orders id=text
		POST /api/v4/futures/{settle}/batch_cancel_orders`)
}
