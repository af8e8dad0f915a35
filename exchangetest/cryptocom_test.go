package exchangetest_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// cryptocomClient signs for one key. The parameter string is given by hand, so that
// nothing here flattens anything.
type cryptocomClient struct {
	t   testing.TB
	srv *exchangetest.Server
	key exchangetest.Key
	now func() time.Time
}

func newCryptocom(t testing.TB, srv *exchangetest.Server, key exchangetest.Key) *cryptocomClient {
	return &cryptocomClient{t: t, srv: srv, key: key, now: time.Now}
}

const cryptocomV1 = "/exchange/v1/"

// raw sends parameters as JSON that are signed as the string flat.
func (c *cryptocomClient) raw(method, params, flat string) reply {
	c.t.Helper()
	nonce := strconv.FormatInt(c.now().UnixMilli(), 10)
	sig := hexSHA256(c.key.Secret, method+"7"+c.key.ID+flat+nonce)
	return c.body(cryptocomV1+method, `{"id":7,"method":"`+method+`","params":`+params+`,"api_key":"`+c.key.ID+`","nonce":`+nonce+`,"sig":"`+sig+`"}`)
}

func (c *cryptocomClient) body(path, body string) reply {
	c.t.Helper()
	req := request(c.t, "POST", c.srv.URL()+path, body)
	req.Header.Set("Content-Type", "application/json")
	return send(c.t, c.srv.Client(), req)
}

// do takes text parameters in pairs, sorted by name.
func (c *cryptocomClient) do(method string, pairs ...string) reply {
	c.t.Helper()
	return c.raw(method, okxJSON(pairs...), strings.Join(pairs, ""))
}

// cryptocomOrder is a limit buy with changes; the names stay sorted.
func cryptocomOrder(changes ...string) []string {
	kept := change([]string{"client_oid", "bot1", "instrument_name", "BTC_USD", "price", "50000.10", "quantity", "0.1", "side", "BUY", "type", "LIMIT"}, changes)
	return kept
}

func (c *cryptocomClient) order(changes ...string) reply {
	c.t.Helper()
	return c.do("private/create-order", cryptocomOrder(changes...)...)
}

func TestCryptocomTrades(t *testing.T) {
	srv := start(t, "cryptocom", nil)
	c := newCryptocom(t, srv, srv.Key(exauth.ScopeTradeSpot))
	placed := c.order()
	id := placed.at(t, "result.order_id")
	if placed.status != 200 || placed.at(t, "code") != "0" || placed.at(t, "id") != "7" || placed.at(t, "method") != "private/create-order" || placed.at(t, "result.client_oid") != "bot1" {
		t.Fatalf("placed: %s", placed.body)
	}
	if got := c.do("private/user-balance"); got.at(t, "result.data.0.position_balances.4.reserved_qty") != "5000.01000000" ||
		got.at(t, "result.data.0.position_balances.4.quantity") != "1000000.00000000" {
		t.Errorf("held: %s", got.body)
	}
	for _, by := range [][]string{{"order_id", id}, {"client_oid", "bot1"}} {
		queried := c.do("private/get-order-detail", by...)
		for path, want := range map[string]string{"order_id": id, "status": "ACTIVE", "limit_price": "50000.10", "quantity": "0.10000000", "cumulative_quantity": "0.00000000",
			"order_type": "LIMIT", "side": "BUY", "time_in_force": "GOOD_TILL_CANCEL", "exec_inst": "[]", "instrument_name": "BTC_USD", "client_oid": "bot1"} {
			if got := queried.at(t, "result."+path); got != want {
				t.Errorf("queried by %s: %s is %q, want %q", by[0], path, got, want)
			}
		}
	}
	if got := c.do("private/get-open-orders", "instrument_name", "BTC_USD"); got.at(t, "result.data.0.order_id") != id || got.at(t, "result.data.1") != "" {
		t.Errorf("open: %s", got.body)
	}
	if got := c.do("private/get-open-orders", "instrument_name", "ETH_USD"); got.at(t, "result.data") != "[]" {
		t.Errorf("open elsewhere: %s", got.body)
	}
	if got := c.do("private/cancel-order", "client_oid", "bot1"); got.at(t, "code") != "0" || got.at(t, "result.order_id") != id {
		t.Errorf("canceled: %s", got.body)
	}
	if got := c.do("private/cancel-order", "order_id", id); got.status != 500 || got.at(t, "code") != "316" {
		t.Errorf("canceled again: %s", got.body)
	}
	bought := c.do("private/create-order", "instrument_name", "BTC_USD", "notional", "600", "side", "BUY", "type", "MARKET")
	if got := c.do("private/get-order-detail", "order_id", bought.at(t, "result.order_id")); got.at(t, "result.status") != "FILLED" ||
		got.at(t, "result.cumulative_quantity") != "0.01000000" || got.at(t, "result.avg_price") != "60000.00" {
		t.Errorf("bought: %s", got.body)
	}
	killed := c.order("client_oid", "bot2", "time_in_force", "FILL_OR_KILL")
	if killed.at(t, "code") != "40101" { // change appends, and the names are not sorted any more
		t.Errorf("unsorted: %s", killed.body)
	}
	killed = c.do("private/create-order", "instrument_name", "BTC_USD", "price", "50000", "quantity", "0.1", "side", "BUY", "time_in_force", "FILL_OR_KILL", "type", "LIMIT")
	if got := c.do("private/get-order-detail", "order_id", killed.at(t, "result.order_id")); got.at(t, "result.status") != "EXPIRED" || got.at(t, "result.reason") != "43003" {
		t.Errorf("killed: %s", got.body)
	}
	if got := c.do("private/get-order-history", "limit", "2"); got.at(t, "result.data.0.status") != "EXPIRED" || got.at(t, "result.data.1.status") != "FILLED" || got.at(t, "result.data.2") != "" {
		t.Errorf("history: %s", got.body)
	}
	if got := c.do("private/get-trades", "instrument_name", "BTC_USD", "start_time", ms(time.Now().Add(-time.Hour))); got.at(t, "result.data.0.traded_quantity") != "0.01000000" || got.at(t, "result.data.1") != "" {
		t.Errorf("trades: %s", got.body)
	}
	if got := c.do("private/get-trades", "end_time", strconv.FormatInt(time.Now().Add(-time.Hour).UnixNano(), 10)); got.at(t, "result.data") != "[]" {
		t.Errorf("trades of before: %s", got.body)
	}
	for range 2 {
		c.do("private/create-order", "instrument_name", "BTC_USD", "price", "50000", "quantity", "0.1", "side", "BUY", "type", "LIMIT")
	}
	if got := c.do("private/cancel-all-orders", "instrument_name", "BTC_USD"); got.at(t, "code") != "0" || got.at(t, "result") != "" {
		t.Errorf("cancel all: %s", got.body)
	}
	if free, locked := srv.Balance("main", "USD"); free != "999400" || locked != "0" {
		t.Errorf("in the end: free %s, locked %s", free, locked)
	}
	if n := srv.Executions("bot1"); n != 1 {
		t.Errorf("executions: %d", n)
	}
}

// A list tells the fate of each of its orders.
func TestCryptocomLists(t *testing.T) {
	srv := start(t, "cryptocom", nil)
	c := newCryptocom(t, srv, srv.Key(exauth.ScopeTradeSpot))
	list := func(method string, orders ...[]string) reply {
		var texts []string
		flat := "contingency_typeLISTorder_list"
		for _, o := range orders {
			texts = append(texts, okxJSON(o...))
			flat += strings.Join(o, "")
		}
		return c.raw(method, `{"contingency_type":"LIST","order_list":[`+strings.Join(texts, ",")+"]}", flat)
	}
	got := list("private/create-order-list", cryptocomOrder("client_oid", "a"), cryptocomOrder("client_oid", "b", "quantity", "100"), cryptocomOrder("client_oid", "a"),
		cryptocomOrder("client_oid", "c", "instrument_name", "NOPE"))
	for i, want := range []string{"0", "306", "204", "209"} {
		at := "result." + strconv.Itoa(i)
		if got.at(t, at+".code") != want || got.at(t, at+".index") != strconv.Itoa(i) || (got.at(t, at+".order_id") != "") != (want == "0") {
			t.Errorf("%d: want %s: %s", i, want, got.body)
		}
	}
	if got.at(t, "code") != "0" || got.at(t, "result.1.message") != "INSUFFICIENT_AVAILABLE_BALANCE" || got.at(t, "result.1.client_oid") != "b" {
		t.Errorf("the list: %s", got.body)
	}
	for id, n := range map[string]int{"a": 1, "b": 0, "c": 0} {
		if srv.Executions(id) != n {
			t.Errorf("%s was executed %d times", id, srv.Executions(id))
		}
	}
	got = list("private/cancel-order-list", []string{"client_oid", "a", "instrument_name", "BTC_USD"}, []string{"instrument_name", "BTC_USD", "order_id", "1"}, []string{"instrument_name", "BTC_USD"})
	if got.at(t, "result.0.code") != "0" || got.at(t, "result.1.code") != "212" || got.at(t, "result.2.code") != "40004" {
		t.Errorf("canceled: %s", got.body)
	}
	for _, bad := range [][2]string{{`{"contingency_type":"OCO","order_list":[{}]}`, "contingency_typeOCOorder_list"}, {`{"contingency_type":"LIST","order_list":[]}`, "contingency_typeLISTorder_list"},
		{`{"contingency_type":"LIST"}`, "contingency_typeLIST"}, {`{"contingency_type":"LIST","order_list":"x"}`, "contingency_typeLISTorder_listx"}} {
		if got := c.raw("private/create-order-list", bad[0], bad[1]); got.at(t, "code") != "40004" {
			t.Errorf("%s: %s", bad[0], got.body)
		}
	}
}

// The parameter string, checked against what the vendor's sample makes of the same
// parameters under node; flat was written down from there.
func TestCryptocomParameters(t *testing.T) {
	srv := start(t, "cryptocom", nil)
	c := newCryptocom(t, srv, srv.Key(exauth.ScopeRead))
	for _, tc := range []struct{ name, params, flat, code string }{
		{"none", `{}`, "", "0"},
		{"sorted", `{"b":"2","a":"1","B":"3"}`, "B3a1b2", "0"},
		{"as sent", `{"b":"2","a":"1"}`, "b2a1", "40101"},
		{"lists", `{"a":["x","y",["z"]],"b":[]}`, "axyzb", "0"},
		{"objects at depth", `{"a":[{"d":"1","c":{"f":"2","e":["3"]}}]}`, "acе3f2d1", "40101"}, // a Cyrillic letter
		{"objects at any depth", `{"a":[{"d":"1","c":{"f":"2","e":["3"]}}]}`, "ace3f2d1", "0"},
		{"scalars", `{"a":true,"b":false,"c":null,"d":1.5,"e":-7}`, "atruebfalsecnulld1.5e-7", "0"},
		{"numbers as JavaScript writes them", `{"a":1.0,"b":1e2,"c":0.0000001,"d":1e21,"e":12345678901234567890}`, "a1b100c1e-7d1e+21e12345678901234567000", "0"},
		{"numbers as sent", `{"a":1.0}`, "a1.0", "40101"},
		{"beyond the plane", "{\"\U0001F600\":\"1\",\"\uff01\":\"2\"}", "\U0001F6001\uff012", "0"}, // UTF-16 order, not UTF-8's
		{"a name twice", `{"a":"1","a":"2"}`, "a1a2", "40101"},
		{"a name twice, within", `{"x":[{"a":"1","a":"2"}]}`, "xa1a2", "40101"},
		{"a list instead", `["a"]`, "a", "40001"},
	} {
		if got := c.raw("private/user-balance", tc.params, tc.flat); got.at(t, "code") != tc.code {
			t.Errorf("%s: %s, want %s", tc.name, got.body, tc.code)
		}
	}
}

func TestCryptocomMarketData(t *testing.T) {
	srv := start(t, "cryptocom", nil)
	for _, tc := range []struct{ path, at, want string }{
		{"public/get-instruments", "result.data.0.symbol", "BTC_USD"},
		{"public/get-instruments", "result.data.0.price_tick_size", "0.01"},
		{"public/get-tickers?instrument_name=BTC_USD", "result.data.0.a", "60000.00"},
		{"public/get-tickers", "result.data.4.i", "ETH_USDT"},
		{"public/get-tickers?instrument_name=NOPE", "code", "40004"},
		{"public/get-book?instrument_name=BTC_USD&depth=1", "result.data.0.bids.0.0", "60000.00"},
		{"public/get-book?instrument_name=BTC_USD&depth=x", "code", "40004"},
		{"public/nothing", "code", "40002"},
		{"nothing", "code", "40002"},
		{"public/get-book?a=%zz", "code", "40003"},
	} {
		if got := send(t, srv.Client(), request(t, "GET", srv.URL()+cryptocomV1+tc.path, "")).at(t, tc.at); got != tc.want {
			t.Errorf("%s: %s is %q, want %q", tc.path, tc.at, got, tc.want)
		}
	}
}

func TestCryptocomRefusals(t *testing.T) {
	srv := start(t, "cryptocom", nil)
	trade, read, all := newCryptocom(t, srv, srv.Key(exauth.ScopeTradeSpot)), newCryptocom(t, srv, srv.Key(exauth.ScopeRead)), newCryptocom(t, srv, srv.Key(exauth.ScopeWithdraw))
	with := func(f func(*cryptocomClient)) *cryptocomClient {
		c := *trade
		f(&c)
		return &c
	}
	late := func(d time.Duration) *cryptocomClient {
		return with(func(c *cryptocomClient) { c.now = func() time.Time { return time.Now().Add(d) } })
	}
	balance := func(c *cryptocomClient) func() reply { return func() reply { return c.do("private/user-balance") } }
	order := func(changes ...string) func() reply { return func() reply { return trade.order(changes...) } }
	body := func(path, body string) func() reply { return func() reply { return trade.body(path, body) } }
	trade.order("client_oid", "taken")
	const create = "private/create-order"
	for _, tc := range []struct {
		name string
		call func() reply
		want string // HTTP status and code
	}{
		{"unknown key", balance(with(func(c *cryptocomClient) { c.key.ID = "x" })), "401 40101"},
		{"wrong secret", balance(with(func(c *cryptocomClient) { c.key.Secret = "x" })), "401 40101"},
		{"61 s late", balance(late(-61 * time.Second)), "400 40102"},
		{"61 s early", balance(late(61 * time.Second)), "400 40102"},
		{"58 s late", balance(late(-58 * time.Second)), "200 0"},
		{"read-only key places", func() reply { return read.order() }, "401 40101"},
		{"trading key withdraws", func() reply { return trade.do("private/create-withdrawal") }, "401 40101"},
		{"unknown method", func() reply { return trade.do("private/nothing") }, "400 40002"},
		{"unknown method of a stranger", body(cryptocomV1+"private/nothing", "{}"), "400 40003"},
		{"no envelope", body(cryptocomV1+create, ""), "400 40001"},
		{"another method in the envelope", body(cryptocomV1+create, `{"method":"private/cancel-order"}`), "400 40003"},
		{"no nonce", body(cryptocomV1+create, `{"method":"private/create-order"}`), "400 40102"},
		{"a member twice", body(cryptocomV1+create, `{"method":"private/create-order","method":"private/create-order"}`), "400 40001"},
		{"unknown instrument", order("instrument_name", "NOPE"), "400 209"},
		{"bad side", order("side", "HOLD"), "400 220"},
		{"bad type", order("type", "STOP_LOSS"), "400 218"},
		{"exponent", order("quantity", "1e-2"), "400 213"},
		{"no quantity", order("quantity", "-"), "400 213"},
		{"too fine a price", order("price", "50000.123"), "400 308"},
		{"client id too long", order("client_oid", strings.Repeat("x", 37)), "400 40004"},
		{"client id in use", order("client_oid", "taken"), "400 204"},
		{"too dear", order("quantity", "100"), "500 306"},
		{"bad life", func() reply {
			return trade.do(create, "instrument_name", "BTC_USD", "price", "1", "quantity", "1", "side", "BUY", "time_in_force", "DAY", "type", "LIMIT")
		}, "400 221"},
		{"post-only that takes", func() reply {
			return trade.raw(create, `{"exec_inst":["POST_ONLY"],"instrument_name":"BTC_USD","price":"60000","quantity":"0.1","side":"BUY","type":"LIMIT"}`,
				"exec_instPOST_ONLYinstrument_nameBTC_USDprice60000quantity0.1sideBUYtypeLIMIT")
		}, "500 43005"},
		{"unknown instruction", func() reply {
			return trade.raw(create, `{"exec_inst":["HIDE"],"instrument_name":"BTC_USD","price":"1","quantity":"1","side":"BUY","type":"LIMIT"}`,
				"exec_instHIDEinstrument_nameBTC_USDprice1quantity1sideBUYtypeLIMIT")
		}, "500 219"},
		{"query of no order", func() reply { return trade.do("private/get-order-detail", "client_oid", "never") }, "200 40401"},
		{"query without id", func() reply { return trade.do("private/get-order-detail") }, "400 40004"},
		{"cancel of no order", func() reply { return trade.do("private/cancel-order", "client_oid", "never") }, "500 212"},
		{"cancel without id", func() reply { return trade.do("private/cancel-order") }, "400 40004"},
		{"bad limit", func() reply { return trade.do("private/get-trades", "limit", "0") }, "400 40004"},
		{"bad time", func() reply { return trade.do("private/get-order-history", "start_time", "now") }, "400 40004"},
		{"networks", func() reply { return trade.do("private/get-currency-networks") }, "200 0"},
		{"withdraws too much", func() reply {
			return all.do("private/create-withdrawal", "address", "a", "amount", "11", "currency", "BTC")
		}, "400 30024"},
		{"withdraws nothing", func() reply {
			return all.do("private/create-withdrawal", "address", "a", "amount", "0", "currency", "BTC")
		}, "400 40004"},
		{"withdraws", func() reply {
			return all.do("private/create-withdrawal", "address", "a", "amount", "10", "currency", "BTC")
		}, "200 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.call()
			if text := strconv.Itoa(got.status) + " " + got.at(t, "code"); text != tc.want {
				t.Errorf("got %s, want %s: %s", text, tc.want, got.body)
			}
		})
	}
	if n := srv.Executions("bot1"); n != 0 {
		t.Errorf("%d refused orders were executed", n)
	}
	// A form is no envelope, and a GET signs nothing.
	req := request(t, "POST", srv.URL()+cryptocomV1+create, "method="+create)
	req.Header.Set("Content-Type", formType)
	if got := send(t, srv.Client(), req); got.at(t, "code") != "40003" {
		t.Errorf("a form: %s", got.body)
	}
	if got := send(t, srv.Client(), request(t, "GET", srv.URL()+cryptocomV1+create, "")); got.at(t, "code") != "40003" {
		t.Errorf("a GET: %s", got.body)
	}
	srv.SetPrice("BTC_USD", "")
	if got := trade.order("type", "MARKET", "price", "-"); got.at(t, "code") != "309" {
		t.Errorf("nobody there: %s", got.body)
	}
}
