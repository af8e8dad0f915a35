package exchangetest_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// geminiClient signs for one key.
type geminiClient struct {
	t     testing.TB
	srv   *exchangetest.Server
	key   exchangetest.Key
	nonce func() string
	n     int64
}

func newGemini(t testing.TB, srv *exchangetest.Server, key exchangetest.Key) *geminiClient {
	c := &geminiClient{t: t, srv: srv, key: key, n: time.Now().UnixMilli()}
	c.nonce = func() string { c.n++; return strconv.FormatInt(c.n, 10) }
	return c
}

// raw signs a payload as it is.
func (c *geminiClient) raw(path, payload string) reply {
	c.t.Helper()
	text := base64.StdEncoding.EncodeToString([]byte(payload))
	h := hmac.New(sha512.New384, []byte(c.key.Secret))
	io.WriteString(h, text)
	return c.headers(path, map[string]string{"X-GEMINI-APIKEY": c.key.ID, "X-GEMINI-PAYLOAD": text, "X-GEMINI-SIGNATURE": hex.EncodeToString(h.Sum(nil))})
}

func (c *geminiClient) headers(path string, headers map[string]string) reply {
	c.t.Helper()
	req := request(c.t, "POST", c.srv.URL()+path, "")
	req.Header.Set("Content-Type", "text/plain")
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	return send(c.t, c.srv.Client(), req)
}

// do takes text parameters in pairs.
func (c *geminiClient) do(path string, pairs ...string) reply {
	c.t.Helper()
	return c.raw(path, okxJSON(append([]string{"request", path, "nonce", c.nonce()}, pairs...)...))
}

func (c *geminiClient) order(changes ...string) reply {
	c.t.Helper()
	return c.do("/v1/order/new", change([]string{"client_order_id", "bot1", "symbol", "btcusd", "amount", "0.1", "price", "50000.10", "side", "buy", "type", "exchange limit"}, changes)...)
}

// option is an order with an array of options.
func (c *geminiClient) option(options, price string) reply {
	c.t.Helper()
	return c.raw("/v1/order/new", `{"request":"/v1/order/new","nonce":`+c.nonce()+`,"symbol":"BTCUSD","amount":"0.1","price":"`+price+`","side":"Buy","type":"exchange limit","options":`+options+`}`)
}

func TestGeminiTrades(t *testing.T) {
	srv := start(t, "gemini", nil)
	c := newGemini(t, srv, srv.Key(exauth.ScopeTradeSpot))
	placed := c.order()
	id := placed.at(t, "order_id")
	for path, want := range map[string]string{"id": id, "symbol": "btcusd", "exchange": "gemini", "avg_execution_price": "0.00", "side": "buy", "type": "exchange limit",
		"is_live": "true", "is_cancelled": "false", "executed_amount": "0", "remaining_amount": "0.1", "client_order_id": "bot1", "price": "50000.10", "original_amount": "0.1",
		"options": "[]", "reason": ""} {
		if got := placed.at(t, path); got != want {
			t.Errorf("placed: %s is %q, want %q", path, got, want)
		}
	}
	if got := c.do("/v1/balances"); got.at(t, "4.currency") != "USD" || got.at(t, "4.available") != "994999.99" || got.at(t, "4.amount") != "1000000" {
		t.Errorf("held: %s", got.body)
	}
	for _, by := range [][]string{{"order_id", id}, {"client_order_id", "bot1"}} {
		if got := c.do("/v1/order/status", by...); got.at(t, "order_id") != id || got.at(t, "trades") != "" {
			t.Errorf("by %s: %s", by[0], got.body)
		}
	}
	if got := c.do("/v1/orders"); got.at(t, "0.order_id") != id || got.at(t, "1") != "" {
		t.Errorf("open: %s", got.body)
	}
	// Order ids may be numbers, and a second cancel changes nothing.
	for range 2 {
		got := c.raw("/v1/order/cancel", `{"request":"/v1/order/cancel","nonce":"`+c.nonce()+`","order_id":`+id+`}`)
		if got.status != 200 || got.at(t, "is_cancelled") != "true" || got.at(t, "reason") != "Requested" {
			t.Errorf("canceled: %s", got.body)
		}
	}
	taken := c.order("client_order_id", "bot2", "price", "60000", "amount", "0.01")
	if taken.at(t, "is_live") != "false" || taken.at(t, "is_cancelled") != "false" || taken.at(t, "avg_execution_price") != "60000.00" {
		t.Errorf("taken: %s", taken.body)
	}
	if got := c.raw("/v1/order/status", `{"request":"/v1/order/status","nonce":`+c.nonce()+`,"order_id":`+taken.at(t, "order_id")+`,"include_trades":true}`); got.at(t, "trades.0.amount") != "0.01" ||
		got.at(t, "trades.0.aggressor") != "true" {
		t.Errorf("with trades: %s", got.body)
	}
	for _, tc := range []struct{ options, price, live, reason string }{
		{`["maker-or-cancel"]`, "60000", "false", "MakerOrCancelWouldTake"},
		{`["maker-or-cancel"]`, "59999", "true", ""},
		{`["immediate-or-cancel"]`, "50000", "false", "ImmediateOrCancelWouldPost"},
		{`["fill-or-kill"]`, "50000", "false", "FillOrKillWouldNotFill"},
		{`[]`, "50000", "true", ""},
	} {
		if got := c.option(tc.options, tc.price); got.at(t, "is_live") != tc.live || got.at(t, "reason") != tc.reason || got.at(t, "options") != tc.options {
			t.Errorf("%s at %s: %s", tc.options, tc.price, got.body)
		}
	}
	if got := c.do("/v1/mytrades", "symbol", "BTCUSD"); got.at(t, "0.client_order_id") != "bot2" || got.at(t, "1") != "" {
		t.Errorf("trades: %s", got.body)
	}
	if got := c.do("/v1/mytrades", "timestamp", ms(time.Now().Add(time.Hour))); got.body != "[]" {
		t.Errorf("trades of later: %s", got.body)
	}
	if got := c.do("/v1/orders/history", "limit_orders", "2", "symbol", "btcusd"); got.at(t, "0.reason") != "FillOrKillWouldNotFill" || got.at(t, "2") != "" {
		t.Errorf("history: %s", got.body)
	}
	if got := c.do("/v1/order/cancel/all"); got.at(t, "result") != "ok" || got.at(t, "details.cancelledOrders.1") == "" || got.at(t, "details.cancelRejects") != "[]" {
		t.Errorf("cancel all: %s", got.body)
	}
	if free, locked := srv.Balance("main", "USD"); free != "999400" || locked != "0" {
		t.Errorf("in the end: free %s, locked %s", free, locked)
	}
	// Nobody keeps two orders from having one id: the newest is found by it.
	c.order()
	newest := c.order("price", "40000")
	if got := c.do("/v1/order/status", "client_order_id", "bot1"); srv.Executions("bot1") != 3 || got.at(t, "order_id") != newest.at(t, "order_id") {
		t.Errorf("%d executions, found %s", srv.Executions("bot1"), got.body)
	}
}

// A session is a key: it cancels its own orders only.
func TestGeminiSessions(t *testing.T) {
	srv := start(t, "gemini", nil)
	one, two := newGemini(t, srv, srv.Key(exauth.ScopeTradeSpot)), newGemini(t, srv, srv.Key(exauth.ScopeWithdraw))
	one.order("client_order_id", "one")
	two.order("client_order_id", "two")
	if got := one.do("/v1/order/cancel/session"); got.at(t, "details.cancelledOrders.0") == "" || got.at(t, "details.cancelledOrders.1") != "" {
		t.Errorf("session: %s", got.body)
	}
	if got := one.do("/v1/orders"); got.at(t, "0.client_order_id") != "two" || got.at(t, "1") != "" {
		t.Errorf("left: %s", got.body)
	}
	if got := two.do("/v1/roles"); got.at(t, "isTrader") != "true" || got.at(t, "isFundManager") != "true" {
		t.Errorf("roles: %s", got.body)
	}
	if got := two.do("/v1/heartbeat"); got.at(t, "result") != "ok" {
		t.Errorf("heartbeat: %s", got.body)
	}
}

func TestGeminiMarketData(t *testing.T) {
	srv := start(t, "gemini", nil)
	for _, tc := range []struct{ path, at, want string }{
		{"/v1/symbols", "0", "btceur"},
		{"/v1/symbols/details/btcusd", "quote_increment", "0.01"},
		{"/v1/symbols/details/BTCUSD", "tick_size", "0.00000001"},
		{"/v1/pubticker/btcusd", "last", "60000.00"},
		{"/v2/ticker/btcusd", "bid", "60000.00"},
		{"/v1/book/btcusd?limit_bids=1", "bids.0.price", "60000.00"},
		{"/v1/book/btcusd?limit_bids=0", "bids.0.amount", "1000"},
		{"/v1/pricefeed", "1.pair", "BTCUSD"},
		{"/v1/pubticker/nope", "reason", "InvalidSymbol"},
		{"/v1/nothing", "reason", "EndpointNotFound"},
	} {
		if got := send(t, srv.Client(), request(t, "GET", srv.URL()+tc.path, "")).at(t, tc.at); got != tc.want {
			t.Errorf("%s: %s is %q, want %q", tc.path, tc.at, got, tc.want)
		}
	}
	srv.SetPrice("btcusd", "")
	if got := send(t, srv.Client(), request(t, "GET", srv.URL()+"/v1/pubticker/btcusd", "")); got.at(t, "last") != "0" || got.at(t, "bid") != "0" {
		t.Errorf("nobody there: %s", got.body)
	}
}

func TestGeminiRefusals(t *testing.T) {
	srv := start(t, "gemini", nil)
	trade, read, all := newGemini(t, srv, srv.Key(exauth.ScopeTradeSpot)), newGemini(t, srv, srv.Key(exauth.ScopeRead)), newGemini(t, srv, srv.Key(exauth.ScopeWithdraw))
	order := func(changes ...string) func() reply { return func() reply { return trade.order(changes...) } }
	raw := func(path, payload string) func() reply { return func() reply { return trade.raw(path, payload) } }
	do := func(c *geminiClient, path string, pairs ...string) func() reply {
		return func() reply { return c.do(path, pairs...) }
	}
	forged, stranger := newGemini(t, srv, trade.key), newGemini(t, srv, trade.key)
	forged.key.Secret, stranger.key.ID = "x", "account-x"
	const balances = "/v1/balances"
	for _, tc := range []struct {
		name string
		call func() reply
		want string // HTTP status and reason
	}{
		{"no key", func() reply { return trade.headers(balances, map[string]string{"X-GEMINI-PAYLOAD": "x"}) }, "400 MissingApikeyHeader"},
		{"no payload", func() reply { return trade.headers(balances, map[string]string{"X-GEMINI-APIKEY": trade.key.ID}) }, "400 MissingPayloadHeader"},
		{"no signature", func() reply {
			return trade.headers(balances, map[string]string{"X-GEMINI-APIKEY": trade.key.ID, "X-GEMINI-PAYLOAD": "e30="})
		}, "400 MissingSignatureHeader"},
		{"unknown key", do(stranger, balances), "400 InvalidApiKey"},
		{"wrong secret", do(forged, balances), "400 InvalidSignature"},
		{"no JSON", raw(balances, `x`), "400 InvalidJson"},
		{"a member twice", raw(balances, `{"request":"/v1/balances","request":"/v1/balances","nonce":"1"}`), "400 InvalidJson"},
		{"no endpoint", raw(balances, `{"nonce":"1"}`), "400 EndpointNotFound"},
		{"another endpoint", raw(balances, `{"request":"/v1/orders","nonce":"1"}`), "400 EndpointMismatch"},
		{"no nonce", raw(balances, `{"request":"/v1/balances"}`), "400 MissingNonce"},
		{"a nonce in words", raw(balances, `{"request":"/v1/balances","nonce":"now"}`), "400 InvalidNonce"},
		{"unknown path", do(trade, "/v1/nothing"), "404 EndpointNotFound"},
		{"read-only key places", func() reply { return read.order() }, "403 MissingRole"},
		{"trading key withdraws", do(trade, "/v1/withdraw/btc", "address", "a", "amount", "1"), "403 MissingRole"},
		{"no price", order("price", "-"), "400 MissingPayloadKey"},
		{"unknown symbol", order("symbol", "nope"), "400 InvalidSymbol"},
		{"bad side", order("side", "hold"), "400 InvalidSide"},
		{"a market order", order("type", "exchange market"), "400 InvalidOrderType"},
		{"client id too long", order("client_order_id", strings.Repeat("x", 101)), "400 ClientOrderIdTooLong"},
		{"client id with a space", order("client_order_id", "a b"), "400 ClientOrderIdMustBeString"},
		{"exponent", order("amount", "1e-2"), "400 InvalidQuantity"},
		{"too fine a price", order("price", "50000.123"), "400 InvalidPrice"},
		{"too dear", order("amount", "100"), "406 InsufficientFunds"},
		{"options in words", func() reply { return trade.option(`"maker-or-cancel"`, "1") }, "400 OptionsMustBeArray"},
		{"two options", func() reply { return trade.option(`["maker-or-cancel","fill-or-kill"]`, "1") }, "400 ConflictingOptions"},
		{"unknown option", func() reply { return trade.option(`["auction-only"]`, "1") }, "400 UnsupportedOption"},
		{"query of no order", do(trade, "/v1/order/status", "order_id", "1"), "404 OrderNotFound"},
		{"query of no client id", do(trade, "/v1/order/status", "client_order_id", "never"), "404 OrderNotFound"},
		{"query by both", do(trade, "/v1/order/status", "order_id", "1", "client_order_id", "bot1"), "400 MissingOrderField"},
		{"query by nothing", do(trade, "/v1/order/status"), "400 MissingOrderField"},
		{"cancel of no order", do(trade, "/v1/order/cancel", "order_id", "1"), "404 OrderNotFound"},
		{"cancel without id", do(trade, "/v1/order/cancel"), "400 MissingOrderField"},
		{"bad limit", do(trade, "/v1/mytrades", "limit_trades", "0"), "400 InvalidJson"},
		{"bad time", do(trade, "/v1/orders/history", "timestamp", "now"), "400 InvalidTimestampInPayload"},
		{"withdraws nothing", do(all, "/v1/withdraw/btc", "address", "a", "amount", "0"), "400 InvalidQuantity"},
		{"withdraws nowhere", do(all, "/v1/withdraw/btc", "amount", "1"), "400 MissingPayloadKey"},
		{"withdraws too much", do(all, "/v1/withdraw/btc", "address", "a", "amount", "11"), "406 InsufficientFunds"},
		{"withdraws", do(all, "/v1/withdraw/btc", "address", "a", "amount", "10"), "200"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.call()
			if text := strings.TrimSpace(strconv.Itoa(got.status) + " " + got.at(t, "reason")); text != tc.want {
				t.Errorf("got %s, want %s: %s", text, tc.want, got.body)
			}
		})
	}
	if n := srv.Executions("bot1"); n != 0 {
		t.Errorf("%d refused orders were executed", n)
	}
}

// Nonces rise, for each key by itself, and only what is signed right uses one up.
func TestGeminiNonces(t *testing.T) {
	srv := start(t, "gemini", nil)
	c, other := newGemini(t, srv, srv.Key(exauth.ScopeTradeSpot)), newGemini(t, srv, srv.Key(exauth.ScopeRead))
	forged := newGemini(t, srv, c.key)
	forged.key.Secret = "x"
	at := func(c *geminiClient, nonce string) string {
		got := c.raw("/v1/roles", `{"request":"/v1/roles","nonce":`+nonce+`}`)
		if got.status == 200 {
			return ""
		}
		return got.at(t, "reason")
	}
	for _, tc := range []struct {
		name, nonce string
		client      *geminiClient
		want        string
	}{
		{"first", "100", c, ""},
		{"next", `"101"`, c, ""},
		{"the same", "101", c, "InvalidNonce"},
		{"lower", "99", c, "InvalidNonce"},
		{"of another key", "5", other, ""},
		{"forged", "1000", forged, "InvalidSignature"},
		{"after the forged one", "102", c, ""},
		{"a jump", "18446744073709551615", c, ""},
		{"too large", "18446744073709551616", c, "InvalidNonce"},
		{"negative", "-1", c, "InvalidNonce"},
	} {
		if got := at(tc.client, tc.nonce); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// Keys with time-based nonces take seconds near the exchange's, in any order.
func TestGeminiTimeNonces(t *testing.T) {
	keys, err := exchangetest.DefaultKeys("gemini")
	if err != nil {
		t.Fatal(err)
	}
	keys[1].TimeNonce = true
	srv := start(t, "gemini", &exchangetest.Options{Keys: keys})
	c := newGemini(t, srv, keys[1])
	for _, tc := range []struct {
		name string
		at   int64
		want int
	}{
		{"now", time.Now().Unix(), 200},
		{"again", time.Now().Unix(), 200},
		{"28 s ago", time.Now().Unix() - 28, 200},
		{"in 28 s", time.Now().Unix() + 28, 200},
		{"32 s ago", time.Now().Unix() - 32, 400},
		{"in 32 s", time.Now().Unix() + 32, 400},
		{"milliseconds", time.Now().UnixMilli(), 400},
		{"long after", 1 << 62, 400},
	} {
		c.nonce = func() string { return strconv.FormatInt(tc.at, 10) }
		got := c.do("/v1/balances")
		if got.status != tc.want || tc.want == 400 && !strings.Contains(got.at(t, "message"), "is not within 30 seconds of server time '") {
			t.Errorf("%s: %s", tc.name, got.body)
		}
	}
}
