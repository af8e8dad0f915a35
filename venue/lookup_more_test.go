package venue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// TestLookupsAsk: which writes can be looked up, and how. From another process only
// method, path, id and stamp of the write are known.
func TestLookupsAsk(t *testing.T) {
	const stamp = 1768480496789
	pair := func(name, value string) exauth.Params { return exauth.Params{{Name: name, Value: value}} }
	for _, c := range []struct {
		name, method, path string
		params             exauth.Params
		venue              func() *exauth.Venue
		want               string
	}{
		{"coinbase", "POST", "/api/v3/brokerage/orders", pair("product_id", "BTC-USD"), venue.Coinbase,
			"GET /api/v3/brokerage/orders/historical/batch start_date=2026-01-15T12:34:26Z end_date=2026-01-15T12:38:56Z limit=1000 product_ids=BTC-USD"},
		{"coinbase, from another process", "POST", "/api/v3/brokerage/orders", nil, venue.Coinbase,
			"GET /api/v3/brokerage/orders/historical/batch start_date=2026-01-15T12:34:26Z end_date=2026-01-15T12:38:56Z limit=1000"},
		{"coinbase, a position", "POST", "/api/v3/brokerage/orders/close_position", nil, venue.Coinbase,
			"GET /api/v3/brokerage/orders/historical/batch start_date=2026-01-15T12:34:26Z end_date=2026-01-15T12:38:56Z limit=1000"},
		{"coinbase, an edit", "POST", "/api/v3/brokerage/orders/edit", nil, venue.Coinbase, ""},
		{"coinbase, a cancel", "POST", "/api/v3/brokerage/orders/batch_cancel", nil, venue.Coinbase, ""},
		{"cryptocom", "POST", "/exchange/v1/private/create-order", nil, venue.CryptoCom, "POST /exchange/v1/private/get-order-detail client_oid=mine"},
		{"cryptocom, advanced", "POST", "/exchange/v1/private/advanced/create-order", nil, venue.CryptoCom, "POST /exchange/v1/private/advanced/get-order-detail client_oid=mine"},
		{"cryptocom, v2", "POST", "/v2/private/create-order", nil, venue.CryptoCom, ""},
		{"cryptocom, a list", "POST", "/exchange/v1/private/create-order-list", nil, venue.CryptoCom, ""},
		{"gemini", "POST", "/v1/order/new", pair("symbol", "btcusd"), venue.Gemini, "POST /v1/order/status client_order_id=mine"},
		{"gemini, a master key", "POST", "/v1/order/new", pair("account", "primary"), venue.Gemini, "POST /v1/order/status client_order_id=mine account=primary"},
		{"gemini, a withdrawal", "POST", "/v1/withdraw/btc", nil, venue.Gemini, ""},
	} {
		var got []string
		l := c.venue().Lookup
		for _, call := range l.Ask(exauth.Write{Method: c.method, Path: c.path, Params: c.params, ClientOrderID: "mine", Time: time.UnixMilli(stamp)}) {
			text := call.Method + " " + call.Path
			for _, p := range call.Params.(exauth.Params) {
				text += " " + p.Name + "=" + p.Value.(string)
			}
			got = append(got, text)
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s asks %q, want %q", c.name, got, c.want)
		}
		if l.Until != nil {
			t.Errorf("%s states a last moment", c.name)
		}
	}
}

// TestLookupsFind: what answers mean. Orders are as the vendors' pages print them.
func TestLookupsFind(t *testing.T) {
	const accepted, rejected, none, open = "accepted", "rejected", "absent", "open"
	const stamp = 1768480496789
	write := exauth.Write{Method: "POST", ClientOrderID: "mine", Time: time.UnixMilli(stamp)}
	coinbase := func(status, rest string) string {
		return `{"orders":[{"order_id":"o1","client_order_id":"other","status":"OPEN"},{"order_id":"o2","client_order_id":"mine","status":"` + status + `"}],"has_next":` + rest + `}`
	}
	cryptocom := func(status, created, client string) string {
		return `{"order_id":"19848525","client_oid":"` + client + `","status":"` + status + `","create_time":` + created + `}`
	}
	gemini := func(made, client string) string {
		return `{"order_id":"106817811","client_order_id":"` + client + `","timestampms":` + made + `,"is_live":true}`
	}
	for _, c := range []struct {
		name    string
		venue   func() *exauth.Venue
		payload string
		want    string
	}{
		{"coinbase, open", venue.Coinbase, coinbase("OPEN", "false"), accepted},
		{"coinbase, not the last page", venue.Coinbase, coinbase("CANCELLED", "true"), accepted},
		{"coinbase, failed", venue.Coinbase, coinbase("FAILED", "false"), rejected},
		{"coinbase, without a status", venue.Coinbase, coinbase("", "false"), open},
		{"coinbase, others only", venue.Coinbase, `{"orders":[{"order_id":"o1","client_order_id":"other","status":"OPEN"}],"has_next":false}`, none},
		{"coinbase, others only, and more of them", venue.Coinbase, `{"orders":[{"order_id":"o1","client_order_id":"other"}],"has_next":true}`, open},
		{"coinbase, none", venue.Coinbase, `{"orders":[],"has_next":false}`, none},
		{"coinbase, no word of pages", venue.Coinbase, `{"orders":[]}`, open},
		{"coinbase, nothing", venue.Coinbase, `{}`, open},
		{"coinbase, something else", venue.Coinbase, `[1]`, open},
		{"coinbase, orders of something else", venue.Coinbase, `{"orders":[7],"has_next":false}`, open},
		{"coinbase, its id escaped", venue.Coinbase, `{"orders":[{"order_id":"o2","client_order_id":"\u006dine","status":"OPEN"}],"has_next":false}`, accepted},
		{"cryptocom, active", venue.CryptoCom, cryptocom("ACTIVE", "1768480496790", "mine"), accepted},
		{"cryptocom, its time as text", venue.CryptoCom, cryptocom("FILLED", `"1768480496790"`, "mine"), accepted},
		{"cryptocom, rejected", venue.CryptoCom, cryptocom("REJECTED", "1768480496790", "mine"), rejected},
		{"cryptocom, another's", venue.CryptoCom, cryptocom("ACTIVE", "1768480496790", "other"), open},
		{"cryptocom, older", venue.CryptoCom, cryptocom("ACTIVE", "1768480436788", "mine"), none},
		{"cryptocom, as old as may be", venue.CryptoCom, cryptocom("ACTIVE", "1768480436789", "mine"), accepted},
		{"cryptocom, without a time", venue.CryptoCom, `{"order_id":"1","client_oid":"mine","status":"ACTIVE"}`, open},
		{"cryptocom, nothing", venue.CryptoCom, `{}`, open},
		{"cryptocom, something else", venue.CryptoCom, `"x"`, open},
		{"gemini, live", venue.Gemini, gemini("1768480496790", "mine"), accepted},
		{"gemini, a list", venue.Gemini, "[" + gemini("1768480196788", "mine") + "," + gemini("1768480496790", "mine") + "]", accepted},
		{"gemini, older", venue.Gemini, gemini("1768480196788", "mine"), none},
		{"gemini, an empty list", venue.Gemini, "[]", open},
		{"gemini, another's", venue.Gemini, gemini("1768480496790", "other"), open},
		{"gemini, without a time", venue.Gemini, `{"order_id":"1","client_order_id":"mine"}`, open},
		{"gemini, a list of something else", venue.Gemini, `["x"]`, open},
		{"gemini, half a list", venue.Gemini, `[{`, open},
	} {
		order, outcome, err := c.venue().Lookup.Find(write, []byte(c.payload))
		got := open
		switch {
		case err == nil && outcome == exauth.OutcomeAccepted:
			got = accepted
		case err == nil && outcome == exauth.OutcomeRejected:
			got = rejected
		case errors.Is(err, exauth.ErrUnknownOrder):
			got = none
		}
		if got != c.want || (err == nil) != strings.Contains(strings.ReplaceAll(string(order), `\u006d`, "m"), `"mine"`) || err == nil && strings.Contains(string(order), `"other"`) {
			t.Errorf("%s: %s, want %s (%v, %s)", c.name, got, c.want, err, order)
		}
	}
}

// TestAnswersThatAreNotTheirs: what claims success and tells nothing of the order
// leaves the write in doubt, and nonsense refuses nothing.
func TestAnswersThatAreNotTheirs(t *testing.T) {
	for name, call := range map[string]exauth.Call{
		"coinbase":  {Method: "POST", Path: "/api/v3/brokerage/orders"},
		"cryptocom": {Method: "POST", Path: "/exchange/v1/private/create-order"},
		"gemini":    {Method: "POST", Path: "/v1/order/new"},
	} {
		v, _ := venue.ByName(name)
		var cases []answerCase
		for _, body := range []string{"", "null", "[]", "{}", `"OK"`, "true", "7", `{"status":1,"msg":"system_maintenance"}`, `[{"foo":[[[]]]}]`, `{"code":0}`,
			`{"orderId":"12","result":[],"data":{"a":1},"error":7,"code":[]}`, "<html>", `{"order`} {
			cases = append(cases, answerCase{name: body, call: call, body: body, want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown})
		}
		t.Run(name, func(t *testing.T) { runAnswers(t, v, cases) })
	}
}
