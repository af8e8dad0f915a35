package exchangetest

import (
	"encoding/json"
	"slices"
)

// krakenBatchItem is one order's fate in the answer of AddOrderBatch, in the order
// of the request.
type krakenBatchItem struct {
	TxID  string            `json:"txid,omitempty"`
	Descr map[string]string `json:"descr,omitempty"`
	Error string            `json:"error,omitempty"`
	ClOrd string            `json:"cl_ord_id,omitempty"`
}

// addOrderBatch is AddOrderBatch: two to fifteen orders of one pair, as JSON. An
// order that is refused is dropped, with its error in its place, and the others go on
// (docs.kraken.com, "Add Order Batch", read 2026-11).
func (k *kraken) addOrderBatch(q *krakenCall) (any, krakenError) {
	if q.mediaType() != jsonType {
		return nil, krakenArguments
	}
	var raw []json.RawMessage
	if json.Unmarshal([]byte(q.get("orders")), &raw) != nil || len(raw) < 2 || len(raw) > 15 {
		return nil, krakenBad("orders")
	}
	if k.book.market(q.get("pair")) == nil {
		return nil, krakenPair
	}
	items, fails := make([]krakenBatchItem, len(raw)), q.fails(len(raw))
	for i, text := range raw {
		f, ok := parseObject(text)
		switch {
		case !ok || f.repeated() != "":
			return nil, krakenArguments
		case fails[i]:
			items[i].Error = "EService:Busy"
		default:
			items[i] = k.addOne(q, f)
		}
	}
	return map[string]any{"orders": items}, ""
}

// addOne places one order of a batch; pair, deadline and validate are the batch's.
func (k *kraken) addOne(q *krakenCall, f form) krakenBatchItem {
	shared := []string{"pair", "deadline", "validate"}
	f = slices.DeleteFunc(f, func(p field) bool { return slices.Contains(shared, p.name) })
	for _, name := range shared {
		if q.has(name) {
			f = append(f, field{name, q.get(name)})
		}
	}
	out, err := k.addOrder(&krakenCall{call: q.call, form: f, key: q.key})
	if err != "" {
		return krakenBatchItem{Error: string(err)}
	}
	placed := out.(map[string]any)
	item := krakenBatchItem{Descr: placed["descr"].(map[string]string)}
	if ids, ok := placed["txid"].([]string); ok {
		item.TxID = ids[0]
	}
	item.ClOrd, _ = placed["cl_ord_id"].(string)
	return item
}
