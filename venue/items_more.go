package venue

import (
	"encoding/json"
	"strconv"

	"github.com/exauth/exauth"
)

// coinbaseBatches: docs.cdp.coinbase.com, Advanced Trade "Cancel Orders". The venue's
// own ids are listed, in the order of the call.
func coinbaseBatches(routes []exauth.Route) []exauth.Route {
	kindOf := func(reason string) error {
		if reason == "UNKNOWN_CANCEL_ORDER" {
			return exauth.ErrUnknownOrder
		}
		return exauth.ErrRejected
	}
	return batches(routes, func(resp *exauth.Response) []exauth.Item {
		var e struct {
			Results []struct {
				Success *bool
				Reason  string `json:"failure_reason"`
			}
		}
		if json.Unmarshal(resp.Body, &e) != nil {
			return nil
		}
		items := make([]exauth.Item, len(e.Results))
		for i, r := range e.Results {
			switch {
			case r.Success == nil:
				items[i] = doubtful()
			case *r.Success:
				items[i] = done("")
			default:
				items[i] = undone("", kindOf(r.Reason), r.Reason, "")
			}
		}
		return items
	}, `
		POST /api/v3/brokerage/orders/batch_cancel list=order_ids`)
}

// cryptocomBatches: exchange-docs.crypto.com, "private/create-order-list (LIST)" and
// "private/cancel-order-list (LIST)". Each result says by index which order it is of,
// and refusals may name no client order id.
func cryptocomBatches(routes []exauth.Route) []exauth.Route {
	kinds := cryptocomCodes()
	return batches(routes, func(resp *exauth.Response) []exauth.Item {
		var e struct{ Result json.RawMessage }
		if json.Unmarshal(resp.Body, &e) != nil {
			return nil
		}
		results := cryptocomResults(e.Result)
		items := make([]exauth.Item, len(results))
		for i := range items {
			items[i] = doubtful()
		}
		for i, r := range results {
			if n, err := strconv.Atoi(text(r.Index)); err == nil {
				i = n
			}
			code := text(r.Code)
			kind, known := kinds[code]
			switch {
			case i < 0 || i >= len(items) || code == "": // it speaks of no order there is
			case code == "0":
				items[i] = done(r.ClientID)
			case known:
				items[i] = undone(r.ClientID, kind, code, r.Message)
			default:
				items[i] = undone(r.ClientID, exauth.ErrRejected, code, r.Message)
			}
		}
		return items
	}, `
		POST /exchange/v1/private/create-order-list list=order_list id=client_oid single=/exchange/v1/private/create-order
		POST /v2/private/create-order-list list=order_list id=client_oid single=/v2/private/create-order
		POST /v1/private/create-order-list list=order_list id=client_oid single=/v1/private/create-order
		POST /exchange/v1/private/cancel-order-list list=order_list id=client_oid
		POST /v2/private/cancel-order-list list=order_list id=client_oid
		POST /v1/private/cancel-order-list list=order_list id=client_oid`)
}

// cryptocomResults reads the fates of a list: an array, or one under result_list in v2.
func cryptocomResults(result json.RawMessage) (list []cryptocomItem) {
	if json.Unmarshal(result, &list) == nil {
		return list
	}
	var old struct {
		List []cryptocomItem `json:"result_list"`
	}
	_ = json.Unmarshal(result, &old)
	return old.List
}
