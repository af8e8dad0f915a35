package venue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// How orders are found again whose answer was lost. The lags are ours, taken with
// room; the venues publish none.

var errNoOrder = errors.New("answer holds no order that can be read")

// olderOrder is what a lookup says when it found an order that was there before the
// call: ids are unique among open orders only.
func olderOrder() error {
	return fmt.Errorf("%w: the one of this id is older than the call", exauth.ErrUnknownOrder)
}

// read is one lookup with text parameters in pairs.
func read(method, path string, pairs ...string) exauth.Call {
	call := exauth.Call{Method: method, Path: path}
	p := make(exauth.Params, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		p = append(p, exauth.Param{Name: pairs[i], Value: pairs[i+1]})
	}
	call.Params = p
	return call
}

// acknowledged reports whether an answer to a new order can be one: it has a member of
// the venue's own whose value begins as given. JSON that somebody else sends with 200 (a
// maintenance notice, a proxy) has none, and nobody knows then what became of the order.
func acknowledged(resp *exauth.Response, member, begins string) bool {
	_, value, found := bytes.Cut(resp.Body, []byte(`"`+member+`":`))
	value = bytes.TrimLeft(value, " ")
	return found && len(value) > 0 && strings.IndexByte(begins, value[0]) >= 0
}

// noAck is the error of an answer that acknowledges nothing.
func noAck() error {
	return refused(exauth.ErrOutcomeUnknown, "", "answer names no order")
}

// binanceAsk reads the path an order was sent to. Lists, conditional orders and
// cancel-replace are more than one order and stay unknown.
func binanceAsk(w exauth.Write) []exauth.Call {
	symbol := w.Text("symbol")
	if symbol == "" || w.Method != "POST" {
		return nil
	}
	switch w.Path {
	case "/api/v3/order", "/fapi/v1/order", "/dapi/v1/order", "/papi/v1/um/order", "/papi/v1/cm/order", "/papi/v1/margin/order":
		return []exauth.Call{read("GET", w.Path, "symbol", symbol, "origClientOrderId", w.ClientOrderID)}
	case "/api/v3/sor/order":
		return []exauth.Call{read("GET", "/api/v3/order", "symbol", symbol, "origClientOrderId", w.ClientOrderID)}
	case "/sapi/v1/margin/order":
		isolated := "FALSE"
		if strings.EqualFold(w.Text("isIsolated"), "true") {
			isolated = "TRUE"
		}
		return []exauth.Call{read("GET", w.Path, "symbol", symbol, "isIsolated", isolated, "origClientOrderId", w.ClientOrderID)}
	case "/eapi/v1/order":
		return []exauth.Call{read("GET", w.Path, "symbol", symbol, "clientOrderId", w.ClientOrderID)}
	}
	return nil
}

// binanceFind: an order made more than a second before the stamp cannot be of this
// call, since Binance refuses stamps that are further ahead.
func binanceFind(w exauth.Write, payload []byte) ([]byte, exauth.Outcome, error) {
	var o struct {
		OrderID          json.Number
		Status           string
		Time, CreateTime int64
	}
	made := time.Time{}
	if err := json.Unmarshal(payload, &o); err != nil {
		return nil, 0, err
	}
	if made = time.UnixMilli(max(o.Time, o.CreateTime)); o.OrderID == "" || o.Status == "" || made.UnixMilli() == 0 {
		return nil, 0, errNoOrder
	}
	switch {
	case made.Before(w.Time.Add(-time.Second)):
		return nil, 0, olderOrder()
	case o.Status == "REJECTED":
		return payload, exauth.OutcomeRejected, nil
	}
	return payload, exauth.OutcomeAccepted, nil
}

// binanceUntil: spot orders are good for recvWindow from their timestamp, which is
// looked at on arrival and again before the matching engine (rest-api, "Timing
// security"). The other products do not say the second, so they state no moment.
func binanceUntil(w exauth.Write) time.Time {
	window := w.Window
	if text := w.Text("recvWindow"); text != "" { // the caller's own; milliseconds with up to three decimals
		ms, err := strconv.ParseFloat(text, 64)
		if err != nil || !(ms >= 0 && ms <= 60_000) {
			return time.Time{}
		}
		window = time.Duration(ms*float64(time.Millisecond)) + time.Microsecond
	}
	if !strings.HasPrefix(w.Path, "/api/") || window <= 0 {
		return time.Time{}
	}
	return w.Time.Add(window)
}

const krakenPlace = "/0/private/AddOrder"

// krakenAsk looks among the open orders first: an order moves from there to the
// closed ones, never back.
func krakenAsk(w exauth.Write) []exauth.Call {
	if w.Path != krakenPlace {
		return nil
	}
	return []exauth.Call{
		read("POST", "/0/private/OpenOrders", "cl_ord_id", w.ClientOrderID),
		read("POST", "/0/private/ClosedOrders", "cl_ord_id", w.ClientOrderID),
	}
}

// krakenFind returns the one order by its id, {"OXXXXX-…":{…}}. Deadlines are at
// most a minute ahead, so an order from before that is another one.
func krakenFind(w exauth.Write, payload []byte) ([]byte, exauth.Outcome, error) {
	var lists struct{ Open, Closed map[string]json.RawMessage }
	if err := json.Unmarshal(payload, &lists); err != nil {
		return nil, 0, err
	}
	list := lists.Open
	if list == nil {
		list = lists.Closed
	}
	if list == nil {
		return nil, 0, errNoOrder
	}
	older := false
	for id, raw := range list {
		var o struct {
			ClOrdID string      `json:"cl_ord_id"`
			OpenTM  json.Number `json:"opentm"`
		}
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, 0, err
		}
		if o.ClOrdID != w.ClientOrderID {
			return nil, 0, errNoOrder // the filter was not applied: more may be on another page
		}
		made, err := o.OpenTM.Float64()
		if err != nil {
			return nil, 0, err
		}
		if !w.Deadline.IsZero() && time.UnixMicro(int64(made*1e6)).Before(w.Deadline.Add(-time.Minute)) {
			older = true
			continue
		}
		order, err := json.Marshal(map[string]json.RawMessage{id: raw})
		return order, exauth.OutcomeAccepted, err
	}
	if older {
		return nil, 0, olderOrder()
	}
	return nil, 0, exauth.ErrUnknownOrder
}

// krakenUntil is AddOrder's deadline, after which the matching engine refuses.
func krakenUntil(w exauth.Write) time.Time {
	if !slices.ContainsFunc(w.Params, func(p exauth.Param) bool { return p.Name == "deadline" }) {
		return w.Deadline
	}
	at, err := time.Parse(time.RFC3339, w.Text("deadline"))
	if err != nil {
		return time.Time{}
	}
	return at
}

const (
	okxPlace    = "/api/v5/trade/order"
	okxPlaceAll = "/api/v5/trade/batch-orders"
)

func okxAsk(w exauth.Write) []exauth.Call {
	inst := w.Text("instId")
	if inst == "" || w.Method != "POST" || w.Path != okxPlace {
		return nil
	}
	return []exauth.Call{read("GET", okxPlace, "instId", inst, "clOrdId", w.ClientOrderID)}
}

// okxFind: stamps are good for 30 seconds either way, so an order from before that
// is another one. What is listed was accepted, also when it is canceled by now.
func okxFind(w exauth.Write, payload []byte) ([]byte, exauth.Outcome, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(payload, &list); err != nil {
		return nil, 0, err
	}
	if len(list) != 1 {
		return nil, 0, errNoOrder
	}
	var o struct{ ClOrdID, OrdID, CTime string }
	if err := json.Unmarshal(list[0], &o); err != nil {
		return nil, 0, err
	}
	ms, err := strconv.ParseInt(o.CTime, 10, 64)
	switch {
	case err != nil:
		return nil, 0, err
	case o.ClOrdID != w.ClientOrderID || o.OrdID == "":
		return nil, 0, errNoOrder
	case time.UnixMilli(ms).Before(w.Time.Add(-30 * time.Second)):
		return nil, 0, olderOrder()
	}
	return list[0], exauth.OutcomeAccepted, nil
}

// okxUntil is the expTime header, in milliseconds, after which OKX does not act.
func okxUntil(w exauth.Write) time.Time {
	if text := w.Header.Get("expTime"); text != "" {
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return time.Time{}
		}
		return time.UnixMilli(ms)
	}
	return w.Deadline
}
