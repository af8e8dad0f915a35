package exauth_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// wireLog keeps the bodies of what would be sent and answers with answer.
type wireLog struct {
	answer func(n int) string
	bodies []string
}

func (w *wireLog) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		raw, _ := io.ReadAll(r.Body)
		body = string(raw)
	}
	w.bodies = append(w.bodies, strings.Trim(r.URL.RawQuery+"&"+body, "&"))
	text := "{}"
	if w.answer != nil {
		text = w.answer(len(w.bodies))
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: r}, nil
}

func idClient(t *testing.T, v *exauth.Venue, rt http.RoundTripper, o exauth.Options) *exauth.Client {
	t.Helper()
	o.HTTPClient = &http.Client{Transport: rt}
	if o.Now == nil {
		o.Now = fixedNow
	}
	c, err := exauth.New(v, exauth.NewSecretKey("key-id", "c2VjcmV0LXNlY3JldC1zZWNyZXQ=").WithPassphrase("pass"), &o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sentID finds the value of a parameter in a query, form or JSON body.
func sentID(t *testing.T, body, name string) string {
	t.Helper()
	if strings.HasPrefix(body, "{") {
		var m map[string]any
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		s, _ := m[name].(string)
		return s
	}
	q, err := url.ParseQuery(body)
	if err != nil || len(q[name]) > 1 {
		t.Fatalf("%s: %v", body, err)
	}
	return q.Get(name)
}

// TestOrderIDs (O4): an order gets a client order id where the caller gave none and
// where exauth writes the parameters, and nowhere else.
func TestOrderIDs(t *testing.T) {
	type order struct {
		Symbol string `url:"symbol" json:"instId"`
		ID     string `url:"newClientOrderId,omitempty" json:"clOrdId,omitempty"`
	}
	type blank struct {
		Symbol string `url:"symbol"`
		ID     string `url:"newClientOrderId"`
	}
	type named string
	binance, okx, kraken := venue.Binance(), venue.OKX(), venue.Kraken()
	symbol := exauth.Params{{"symbol", "BTCUSDT"}}
	post := func(path string, p any) exauth.Call { return exauth.Call{Method: "POST", Path: path, Params: p} }
	with := func(c exauth.Call, id string) exauth.Call { c.ClientOrderID = id; return c }
	const order3, okxOrder, add = "/api/v3/order", "/api/v5/trade/order", "/0/private/AddOrder"
	for _, tc := range []struct {
		name  string
		venue *exauth.Venue
		call  exauth.Call
		param string
		want  string // a pattern of what is sent, "" for none
		told  string // a pattern of what the Response says
	}{
		{"Params", binance, post(order3, symbol), "newClientOrderId", `^[a-z2-7]{24}$`, ""},
		{"url.Values", binance, post(order3, url.Values{"symbol": {"BTCUSDT"}}), "newClientOrderId", `^[a-z2-7]{24}$`, ""},
		{"struct", binance, post(order3, order{Symbol: "BTCUSDT"}), "newClientOrderId", `^[a-z2-7]{24}$`, ""},
		{"pointer to a struct", binance, post(order3, &order{Symbol: "BTCUSDT"}), "newClientOrderId", `^[a-z2-7]{24}$`, ""},
		{"empty in a struct", binance, post(order3, blank{Symbol: "BTCUSDT"}), "newClientOrderId", `^[a-z2-7]{24}$`, ""},
		{"struct as JSON", okx, post(okxOrder, order{Symbol: "BTC-USDT"}), "clOrdId", `^[a-z2-7]{24}$`, ""},
		{"Params as JSON", okx, post(okxOrder, symbol), "clOrdId", `^[a-z2-7]{24}$`, ""},
		{"list of orders", binance, post("/api/v3/orderList/oco", symbol), "listClientOrderId", `^[a-z2-7]{24}$`, ""},
		{"UUID", kraken, post(add, exauth.Params{{"pair", "XBTUSD"}}), "cl_ord_id", `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, ""},

		{"the caller's", binance, post(order3, exauth.Params{{"newClientOrderId", "mine-1"}}), "newClientOrderId", "^mine-1$", ""},
		{"the caller's of another type", binance, post(order3, exauth.Params{{"newClientOrderId", named("mine-1")}}), "newClientOrderId", "^mine-1$", ""},
		{"the caller's, a number", binance, post(order3, exauth.Params{{"newClientOrderId", 17}}), "newClientOrderId", "^17$", ""},
		{"the caller's in a struct", okx, post(okxOrder, order{"BTC-USDT", "mine1"}), "clOrdId", "^mine1$", ""},
		{"the caller's in Query", binance, exauth.Call{Method: "POST", Path: order3, Params: symbol, Query: exauth.Params{{"newClientOrderId", "mine-1"}}}, "newClientOrderId", "^mine-1$", ""},
		{"Call.ClientOrderID", binance, with(post(order3, symbol), "mine-1"), "newClientOrderId", "^mine-1$", ""},
		{"Call.ClientOrderID as JSON", okx, with(post(okxOrder, order{Symbol: "BTC-USDT"}), "mine1"), "clOrdId", "^mine1$", ""},
		{"both, the same", binance, with(post(order3, exauth.Params{{"newClientOrderId", "mine-1"}}), "mine-1"), "newClientOrderId", "^mine-1$", ""},

		{"raw JSON", okx, post(okxOrder, json.RawMessage(`{"instId":"BTC-USDT"}`)), "clOrdId", "", "^$"},
		{"raw JSON with a label", okx, with(post(okxOrder, json.RawMessage(`{"instId":"BTC-USDT"}`)), "mine1"), "clOrdId", "", "^mine1$"},
		{"raw JSON with the caller's", okx, post(okxOrder, json.RawMessage(`{"clOrdId":"raw1"}`)), "clOrdId", "^raw1$", ""},
		{"no parameters at all", binance, post(order3, nil), "newClientOrderId", "", "^$"},
		{"beside what excludes it", kraken, post(add, exauth.Params{{"pair", "XBTUSD"}, {"userref", 7}}), "cl_ord_id", "", "^$"},
		{"a read", binance, post("/api/v3/order/test", symbol), "newClientOrderId", "", "^$"},
		{"a cancel", binance, exauth.Call{Method: "DELETE", Path: order3, Params: symbol}, "newClientOrderId", "", "^$"},
		{"a batch of raw JSON", okx, post("/api/v5/trade/batch-orders", json.RawMessage(`[{"instId":"BTC-USDT"}]`)), "clOrdId", "", "^$"},
		{"a label where no parameter is", binance, with(exauth.Call{Method: "DELETE", Path: order3, Params: symbol}, "mine-1"), "newClientOrderId", "", "^mine-1$"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, _ := json.Marshal(tc.call.Params)
			rt := &wireLog{answer: func(int) string {
				return `{"orderId":1,"code":"0","data":[{"ordId":"1","sCode":"0"}],"error":[],"result":{"txid":["O"]}}`
			}}
			resp, err := idClient(t, tc.venue, rt, exauth.Options{}).Do(t.Context(), tc.call)
			if err != nil {
				t.Fatal(err)
			}
			if tc.told == "" {
				tc.told = tc.want
			}
			if strings.HasPrefix(rt.bodies[0], "[") {
				if strings.Contains(rt.bodies[0], tc.param) {
					t.Errorf("sent %s", rt.bodies[0])
				}
			} else if got := sentID(t, rt.bodies[0], tc.param); tc.want == "" && got != "" || !regexp.MustCompile(tc.want).MatchString(got) {
				t.Errorf("sent %q, want %s", got, tc.want)
			} else if got != "" && got != resp.ClientOrderID {
				t.Errorf("sent %q, told %q", got, resp.ClientOrderID)
			}
			if !regexp.MustCompile(tc.told).MatchString(resp.ClientOrderID) {
				t.Errorf("told %q, want %s", resp.ClientOrderID, tc.told)
			}
			if after, _ := json.Marshal(tc.call.Params); string(after) != string(before) {
				t.Errorf("the caller's parameters became %s", after)
			}
			plain := &wireLog{answer: rt.answer}
			resp, err = idClient(t, tc.venue, plain, exauth.Options{NoOrderID: true}).Do(t.Context(), tc.call)
			if made := strings.Contains(tc.want, "{"); err != nil || made && resp.ClientOrderID != "" {
				t.Errorf("with NoOrderID: told %q, %v", resp.ClientOrderID, err)
			}
			if made := strings.Contains(tc.want, "{"); !made && tc.venue.NonceUnit == 0 && plain.bodies[0] != rt.bodies[0] {
				t.Errorf("with NoOrderID: sent %s, without %s", plain.bodies[0], rt.bodies[0])
			}
		})
	}
}

// Sign and Transport add nothing: their bytes are the caller's. An id the caller
// asked for is signed with the rest.
func TestOrderIDsNotSigned(t *testing.T) {
	rt := &wireLog{}
	c := idClient(t, venue.Binance(), rt, exauth.Options{})
	call := exauth.Call{Method: "POST", Path: "/api/v3/order", Params: exauth.Params{{"symbol", "BTCUSDT"}}}
	for _, want := range []string{"", "mine-1"} {
		call.ClientOrderID = want
		req, err := c.Sign(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(req.Body)
		if got := sentID(t, string(body), "newClientOrderId"); got != want {
			t.Errorf("Sign wrote %q, want %q", got, want)
		}
	}
	req, _ := http.NewRequest("POST", "https://api.binance.com/api/v3/order", strings.NewReader("symbol=BTCUSDT"))
	if _, err := c.Transport().RoundTrip(req); err != nil {
		t.Fatal(err)
	}
	if got := sentID(t, rt.bodies[0], "newClientOrderId"); got != "" {
		t.Errorf("Transport wrote %q", got)
	}
}

func TestOrderIDErrors(t *testing.T) {
	rt := &wireLog{}
	c := idClient(t, venue.Binance(), rt, exauth.Options{})
	k := idClient(t, venue.Kraken(), rt, exauth.Options{})
	dry := idClient(t, venue.Binance(), rt, exauth.Options{Rand: strings.NewReader("short")})
	order := func(path, id string, p exauth.Params) exauth.Call {
		return exauth.Call{Method: "POST", Path: path, Params: p, ClientOrderID: id}
	}
	for name, err := range map[string]error{
		"two ids":    errOf(c.Do(t.Context(), order("/api/v3/order", "a", exauth.Params{{"newClientOrderId", "b"}}))),
		"two inside": errOf(c.Do(t.Context(), order("/api/v3/order", "", exauth.Params{{"newClientOrderId", "b"}, {"newClientOrderId", ""}}))),
		"excluded":   errOf(k.Do(t.Context(), order("/0/private/AddOrder", "a", exauth.Params{{"userref", 7}}))),
	} {
		if !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%s: %v, want ErrParam", name, err)
		}
	}
	var e *exauth.Error
	_, err := dry.Do(t.Context(), order("/api/v3/order", "", exauth.Params{{"symbol", "BTCUSDT"}}))
	if !errors.As(err, &e) || e.Outcome != exauth.OutcomeNotSent {
		t.Errorf("without randomness: %v", err)
	}
	if len(rt.bodies) != 0 {
		t.Errorf("sent %q", rt.bodies)
	}
	v := venue.Binance()
	v.OrderIDs = map[string]exauth.OrderID{"newClientOrderId": {Max: 12}}
	if _, err := exauth.New(v, nil, nil); !errors.Is(err, exauth.ErrParam) {
		t.Errorf("ids of 12 characters: %v", err)
	}
}

func errOf[T any](_ T, err error) error { return err }

// One id serves every attempt of a call, and no two calls.
func TestOrderIDStays(t *testing.T) {
	rt := &wireLog{answer: func(n int) string {
		if n == 1 {
			return `{"error":["EAPI:Invalid nonce"]}`
		}
		return `{"error":[],"result":{"txid":["O"]}}`
	}}
	c := idClient(t, venue.Kraken(), rt, exauth.Options{})
	call := exauth.Call{Method: "POST", Path: "/0/private/AddOrder", Params: exauth.Params{{"pair", "XBTUSD"}}}
	resp, err := c.Do(t.Context(), call)
	if err != nil || len(rt.bodies) != 2 {
		t.Fatalf("%d attempts, %v", len(rt.bodies), err)
	}
	first, second := sentID(t, rt.bodies[0], "cl_ord_id"), sentID(t, rt.bodies[1], "cl_ord_id")
	if first == "" || first != second || resp.ClientOrderID != first {
		t.Errorf("ids %q and %q, told %q", first, second, resp.ClientOrderID)
	}
	again, err := c.Do(t.Context(), call)
	if err != nil || again.ClientOrderID == first {
		t.Errorf("the next order: %q, %v", again.ClientOrderID, err)
	}
}

// A duplicate id in the answer to a re-send is no rejection: an order of that name
// exists, perhaps this one.
func TestDuplicateOnResend(t *testing.T) {
	answers := []string{`{"error":["EAPI:Invalid nonce"]}`, `{"error":["EOrder:Duplicate cl_ord_id"]}`}
	for skip, want := range []exauth.Outcome{exauth.OutcomeUnknown, exauth.OutcomeRejected} {
		rt := &wireLog{answer: func(n int) string { return answers[n-1+skip] }}
		_, err := idClient(t, venue.Kraken(), rt, exauth.Options{}).Do(t.Context(),
			exauth.Call{Method: "POST", Path: "/0/private/AddOrder", Params: exauth.Params{{"cl_ord_id", "mine"}}})
		var e *exauth.Error
		if !errors.As(err, &e) || !errors.Is(err, exauth.ErrDuplicateOrder) || e.Outcome != want || e.ClientOrderID != "mine" {
			t.Errorf("after %d refusals: %v, want %v", 1-skip, err, want)
		}
	}
}
