package venue

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// How orders are found again on Coinbase, Crypto.com and Gemini. None of the three
// says until when it may still accept an order: the end of a token at Coinbase and
// the 60 seconds of a nonce at Crypto.com are looked at when a request arrives, not
// when its order is accepted, and a nonce of Gemini's is no time. So there is no
// Until, an order that is not there stays unknown, and one that is there is settled
// at once. Whoever takes the token's end plus some time for certain can set
// Lookup.Until of a copy.

const (
	coinbasePlace = "/api/v3/brokerage/orders"
	coinbaseClose = "/api/v3/brokerage/orders/close_position"
	coinbaseList  = "/api/v3/brokerage/orders/historical/batch"
)

// These bound when an order may have been made, from its stamp: no earlier, but for
// clocks that differ, and not long after the token's end. One that came later still is
// not found, and stays unknown.
const (
	coinbaseBefore = 30 * time.Second
	coinbaseAfter  = 2 * coinbaseLife * time.Second
)

// coinbaseAsk lists the orders of that time, as many as ccxt asks for at once: asking
// for one by the client's id is deprecated (Get Order, read 2026-11).
func coinbaseAsk(w exauth.Write) []exauth.Call {
	if w.Method != "POST" || w.Path != coinbasePlace && w.Path != coinbaseClose || w.Time.IsZero() {
		return nil
	}
	moment := func(d time.Duration) string { return w.Time.Add(d).UTC().Format(time.RFC3339) }
	pairs := []string{"start_date", moment(-coinbaseBefore), "end_date", moment(coinbaseAfter), "limit", "1000"}
	if product := w.Text("product_id"); product != "" {
		pairs = append(pairs, "product_ids", product)
	}
	return []exauth.Call{read("GET", coinbaseList, pairs...)}
}

// coinbaseFind: ids are good once at Coinbase, so an order of the id is the order.
// FAILED orders were never on the book. A page that is not the last leaves the
// question open.
func coinbaseFind(w exauth.Write, payload []byte) ([]byte, exauth.Outcome, error) {
	var page struct {
		Orders  []json.RawMessage
		HasNext *bool `json:"has_next"`
	}
	if err := json.Unmarshal(payload, &page); err != nil {
		return nil, 0, err
	}
	id := []byte(w.ClientOrderID)
	for _, raw := range page.Orders {
		if raw[0] == '{' && !bytes.Contains(raw, id) && !bytes.ContainsRune(raw, '\\') {
			continue // another's: a page has up to a thousand
		}
		var o struct {
			ID     string `json:"order_id"`
			Client string `json:"client_order_id"`
			Status string
		}
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, 0, err
		}
		switch {
		case o.Client != w.ClientOrderID:
		case o.ID == "" || o.Status == "":
			return nil, 0, errNoOrder
		case o.Status == "FAILED":
			return raw, exauth.OutcomeRejected, nil
		default:
			return raw, exauth.OutcomeAccepted, nil
		}
	}
	if page.Orders == nil || page.HasNext == nil || *page.HasNext {
		return nil, 0, errNoOrder
	}
	return nil, 0, exauth.ErrUnknownOrder
}

// cryptocomAsk asks for the detail of the one order, of the same kind. The older API
// finds orders by the venue's id only.
func cryptocomAsk(w exauth.Write) []exauth.Call {
	const root = "/exchange/v1/private/"
	switch {
	case w.Method != "POST":
	case w.Path == root+"create-order", w.Path == root+"advanced/create-order":
		return []exauth.Call{read("POST", strings.TrimSuffix(w.Path, "create-order")+"get-order-detail", "client_oid", w.ClientOrderID)}
	}
	return nil
}

// cryptocomFind: nonces are good for a minute either way, so an order from before
// that is another one. create-order only says that the request came in; what the
// matching engine refused is listed as REJECTED.
func cryptocomFind(w exauth.Write, payload []byte) ([]byte, exauth.Outcome, error) {
	var o struct {
		ID      json.RawMessage `json:"order_id"`
		Client  string          `json:"client_oid"`
		Created json.Number     `json:"create_time"`
		Status  string
	}
	if err := json.Unmarshal(payload, &o); err != nil {
		return nil, 0, err
	}
	ms, err := o.Created.Int64()
	switch {
	case err != nil:
		return nil, 0, err
	case o.Client != w.ClientOrderID || text(o.ID) == "" || o.Status == "":
		return nil, 0, errNoOrder
	case time.UnixMilli(ms).Before(w.Time.Add(-time.Minute)):
		return nil, 0, olderOrder()
	case o.Status == "REJECTED":
		return payload, exauth.OutcomeRejected, nil
	}
	return payload, exauth.OutcomeAccepted, nil
}

const (
	geminiPlace  = "/v1/order/new"
	geminiCancel = "/v1/order/cancel"
)

func geminiAsk(w exauth.Write) []exauth.Call {
	if w.Method != "POST" || w.Path != geminiPlace {
		return nil
	}
	call := read("POST", "/v1/order/status", "client_order_id", w.ClientOrderID)
	if account := w.Text("account"); account != "" { // a master key says whose
		call.Params = append(call.Params.(exauth.Params), exauth.Param{Name: "account", Value: account})
	}
	return []exauth.Call{call}
}

// geminiFind: any number of orders may have an id, and an empty list is no answer: what
// is not there is OrderNotFound. Gemini's clock cannot be asked, so five minutes of the
// local one are allowed for.
func geminiFind(w exauth.Write, payload []byte) ([]byte, exauth.Outcome, error) {
	list := []json.RawMessage{payload}
	if strings.HasPrefix(strings.TrimSpace(string(payload)), "[") {
		if err := json.Unmarshal(payload, &list); err != nil {
			return nil, 0, err
		}
	}
	older := false
	for _, raw := range list {
		var o struct {
			ID     json.RawMessage `json:"order_id"`
			Client string          `json:"client_order_id"`
			Made   int64           `json:"timestampms"`
		}
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, 0, err
		}
		if o.Client != w.ClientOrderID || text(o.ID) == "" || o.Made == 0 {
			return nil, 0, errNoOrder
		}
		if older = time.UnixMilli(o.Made).Before(w.Time.Add(-5 * time.Minute)); !older {
			return raw, exauth.OutcomeAccepted, nil
		}
	}
	if older {
		return nil, 0, olderOrder()
	}
	return nil, 0, errNoOrder
}
