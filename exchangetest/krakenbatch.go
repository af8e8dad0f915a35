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

// addOrderBatch is AddOrderBatch: two to fifteen orders of one pair, as JSON. One
// that is not valid has the whole batch refused; one that the engine refuses has its
// error in its place, and the others go on (docs.kraken.com, "Add Order Batch", read
// 2026-11).
func (k *kraken) addOrderBatch(q *krakenCall) (any, krakenError) {
	if q.mediaType() != jsonType {
		return nil, krakenArguments
	}
	var raw []json.RawMessage
	if json.Unmarshal([]byte(q.get("orders")), &raw) != nil || len(raw) < 2 || len(raw) > 15 {
		return nil, krakenBad("orders")
	}
	calls := make([]*krakenCall, len(raw))
	for i, text := range raw {
		f, ok := parseObject(text)
		if !ok || f.repeated() != "" {
			return nil, krakenArguments
		}
		calls[i] = &krakenCall{call: q.call, form: shared(f, q.form), key: q.key}
		if _, err := k.parseOrder(calls[i]); err != "" {
			return nil, err
		}
	}
	items, fails := make([]krakenBatchItem, len(raw)), q.fails(len(raw))
	for i, c := range calls {
		if items[i].Error = "EService:Busy"; !fails[i] {
			items[i] = k.addOne(c)
		}
	}
	return map[string]any{"orders": items}, ""
}

// shared gives one order of a batch what is the batch's: pair, deadline, validate.
func shared(f, batch form) form {
	names := []string{"pair", "deadline", "validate"}
	f = slices.DeleteFunc(f, func(p field) bool { return slices.Contains(names, p.name) })
	for _, name := range names {
		if batch.has(name) {
			f = append(f, field{name, batch.get(name)})
		}
	}
	return f
}

// addOne places one order of a batch.
func (k *kraken) addOne(q *krakenCall) krakenBatchItem {
	out, err := k.addOrder(q)
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
