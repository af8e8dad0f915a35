package exchangetest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// okxClient signs for one key.
type okxClient struct {
	t     testing.TB
	srv   *exchangetest.Server
	key   exchangetest.Key
	stamp string // fixed timestamp, "" for now
	demo  string
	more  map[string]string // further headers
}

func newOKX(t testing.TB, srv *exchangetest.Server, key exchangetest.Key) *okxClient {
	return &okxClient{t: t, srv: srv, key: key}
}

func (c okxClient) at(stamp string) *okxClient { c.stamp = stamp; return &c }

const okxLayout = "2006-01-02T15:04:05.000Z"

func (c *okxClient) do(method, uri, body string) reply {
	c.t.Helper()
	stamp := c.stamp
	if stamp == "" {
		stamp = time.Now().UTC().Format(okxLayout)
	}
	h := hmac.New(sha256.New, []byte(c.key.Secret))
	io.WriteString(h, stamp+method+uri+body)
	req := request(c.t, method, c.srv.URL()+uri, body)
	for name, value := range map[string]string{
		"OK-ACCESS-KEY": c.key.ID, "OK-ACCESS-PASSPHRASE": c.key.Passphrase, "OK-ACCESS-TIMESTAMP": stamp,
		"OK-ACCESS-SIGN": base64.StdEncoding.EncodeToString(h.Sum(nil)), "x-simulated-trading": c.demo, "Content-Type": "application/json",
	} {
		if value != "" && value != "-" {
			req.Header.Set(name, value)
		}
	}
	for name, value := range c.more {
		req.Header.Del(name)
		if value != "" && value != "-" {
			req.Header.Set(name, value)
		}
	}
	return send(c.t, c.srv.Client(), req)
}

// okxJSON writes pairs as an object of strings.
func okxJSON(pairs ...string) string {
	var fields []string
	for i := 0; i < len(pairs); i += 2 {
		fields = append(fields, strconv.Quote(pairs[i])+":"+strconv.Quote(pairs[i+1]))
	}
	return "{" + strings.Join(fields, ",") + "}"
}

func okxOrder(changes ...string) string {
	return okxJSON(change([]string{"instId", "BTC-USDT", "tdMode", "cash", "side", "buy", "ordType", "limit", "sz", "0.1", "px", "50000.1"}, changes)...)
}

func (c *okxClient) order(changes ...string) reply {
	c.t.Helper()
	return c.do("POST", "/api/v5/trade/order", okxOrder(changes...))
}

func TestOKXTrades(t *testing.T) {
	srv := start(t, "okx", nil)
	c := newOKX(t, srv, srv.Key(exauth.ScopeTradeSpot))
	if got := c.do("GET", "/api/v5/account/balance?ccy=USDT,BTC", ""); got.at(t, "data.0.details.1.cashBal") != "1000000" || got.at(t, "data.0.details.2") != "" {
		t.Fatalf("balance: %s", got.body)
	}
	placed := c.order("clOrdId", "bot1", "tag", "t")
	if placed.status != 200 || placed.at(t, "code") != "0" || placed.at(t, "data.0.sCode") != "0" || placed.at(t, "data.0.sMsg") != "Order placed" || placed.at(t, "data.0.clOrdId") != "bot1" {
		t.Errorf("placed: %s", placed.body)
	}
	id := placed.at(t, "data.0.ordId")
	if got := c.do("GET", "/api/v5/account/balance?ccy=USDT", ""); got.at(t, "data.0.details.0.frozenBal") != "5000.01" || got.at(t, "data.0.details.0.availBal") != "994999.99" {
		t.Errorf("held: %s", got.body)
	}
	queried := c.do("GET", "/api/v5/trade/order?instId=BTC-USDT&clOrdId=bot1", "")
	for path, want := range map[string]string{"ordId": id, "state": "live", "px": "50000.1", "sz": "0.1", "accFillSz": "0", "avgPx": "",
		"ordType": "limit", "side": "buy", "instType": "SPOT", "tdMode": "cash", "tag": "t", "fillPx": ""} {
		if got := queried.at(t, "data.0."+path); got != want {
			t.Errorf("queried: %s is %q, want %q", path, got, want)
		}
	}
	if got := c.do("GET", "/api/v5/trade/orders-pending?instType=SPOT", ""); got.at(t, "data.0.ordId") != id {
		t.Errorf("pending: %s", got.body)
	}
	gone := c.do("POST", "/api/v5/trade/cancel-order", okxJSON("instId", "BTC-USDT", "ordId", id, "clOrdId", "ignored"))
	if gone.at(t, "code") != "0" || gone.at(t, "data.0.sCode") != "0" || gone.at(t, "data.0.clOrdId") != "bot1" {
		t.Errorf("canceled: %s", gone.body)
	}
	// A market buy's size is in the quote currency.
	bought := c.order("ordType", "market", "px", "-", "sz", "600")
	if got := c.do("GET", "/api/v5/trade/order?instId=BTC-USDT&ordId="+bought.at(t, "data.0.ordId"), ""); got.at(t, "data.0.state") != "filled" ||
		got.at(t, "data.0.accFillSz") != "0.01" || got.at(t, "data.0.avgPx") != "60000" || got.at(t, "data.0.sz") != "600" || got.at(t, "data.0.tgtCcy") != "quote_ccy" {
		t.Errorf("bought: %s", got.body)
	}
	if got := c.do("GET", "/api/v5/trade/orders-history?instType=SPOT", ""); got.at(t, "data.1.state") != "canceled" || got.at(t, "data.1.cancelSource") != "1" {
		t.Errorf("history: %s", got.body)
	}
	if got := c.do("GET", "/api/v5/trade/fills?instId=BTC-USDT", ""); got.at(t, "data.0.fillSz") != "0.01" || got.at(t, "data.1") != "" {
		t.Errorf("fills: %s", got.body)
	}
	if free, locked := srv.Balance("main", "USDT"); free != "999400" || locked != "0" {
		t.Errorf("in the end: free %s, locked %s", free, locked)
	}
	if n := srv.Executions("bot1"); n != 1 {
		t.Errorf("executions: %d", n)
	}
}

func TestOKXBatches(t *testing.T) {
	srv := start(t, "okx", nil)
	c := newOKX(t, srv, srv.Key(exauth.ScopeTradeSpot))
	good, bad := okxOrder("clOrdId", "good"), okxOrder("sz", "100")
	for _, tc := range []struct{ name, body, code, first, second string }{
		{"some", "[" + good + "," + bad + "]", "2", "0", "51008"},
		{"none", "[" + good + "," + bad + "]", "1", "51016", "51008"},
		{"all", "[" + okxOrder() + "," + okxOrder() + "]", "0", "0", "0"},
	} {
		got := c.do("POST", "/api/v5/trade/batch-orders", tc.body)
		if got.at(t, "code") != tc.code || got.at(t, "data.0.sCode") != tc.first || got.at(t, "data.1.sCode") != tc.second {
			t.Errorf("%s: %s", tc.name, got.body)
		}
	}
}

func TestOKXMarketData(t *testing.T) {
	srv := start(t, "okx", &exchangetest.Options{Now: func() time.Time { return time.UnixMilli(1597026383085) }})
	for _, tc := range []struct{ path, at, want string }{
		{"/api/v5/public/time", "data.0.ts", "1597026383085"},
		{"/api/v5/market/ticker?instId=BTC-USDT", "data.0.last", "60000"},
		{"/api/v5/market/ticker?instId=NOPE", "code", "51001"},
		{"/api/v5/market/ticker", "code", "50014"},
		{"/api/v5/market/books?instId=BTC-USDT", "data.0.bids.0.0", "60000"},
		{"/api/v5/market/books?instId=BTC-USDT&sz=401", "code", "51000"},
	} {
		if got := send(t, srv.Client(), request(t, "GET", srv.URL()+tc.path, "")).at(t, tc.at); got != tc.want {
			t.Errorf("%s: %s is %q, want %q", tc.path, tc.at, got, tc.want)
		}
	}
}

func TestOKXRefusals(t *testing.T) {
	srv := start(t, "okx", nil)
	trade := newOKX(t, srv, srv.Key(exauth.ScopeTradeSpot))
	read := newOKX(t, srv, srv.Key(exauth.ScopeRead))
	with := func(f func(*exchangetest.Key)) *okxClient {
		k := trade.key
		f(&k)
		return newOKX(t, srv, k)
	}
	stamp := func(d time.Duration) string { return time.Now().UTC().Add(d).Format(okxLayout) }
	balance := func(c *okxClient) func() reply {
		return func() reply { return c.do("GET", "/api/v5/account/balance", "") }
	}
	demo := newOKX(t, srv, trade.key)
	demo.demo = "1"
	order := func(changes ...string) func() reply { return func() reply { return trade.order(changes...) } }
	trade.order("clOrdId", "taken")
	const path = "/api/v5/trade/order"
	for _, tc := range []struct {
		name string
		call func() reply
		want string // HTTP status, code, and the item's code
	}{
		{"no key", balance(with(func(k *exchangetest.Key) { k.ID = "" })), "401 50103"},
		{"no passphrase", balance(with(func(k *exchangetest.Key) { k.Passphrase = "" })), "401 50104"},
		{"no timestamp", balance(trade.at("-")), "401 50107"},
		{"unknown key", balance(with(func(k *exchangetest.Key) { k.ID = "x" })), "401 50111"},
		{"wrong passphrase", balance(with(func(k *exchangetest.Key) { k.Passphrase = "x" })), "401 50105"},
		{"wrong secret", balance(with(func(k *exchangetest.Key) { k.Secret = "x" })), "401 50113"},
		{"demo header", balance(demo), "401 50101"},
		{"31 s late", balance(trade.at(stamp(-31 * time.Second))), "401 50102"},
		{"31 s early", balance(trade.at(stamp(31 * time.Second))), "401 50102"},
		{"28 s late", balance(trade.at(stamp(-28 * time.Second))), "200 0"},
		{"microseconds", balance(trade.at(time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"))), "401 50112"},
		{"another zone", balance(trade.at(time.Now().UTC().Format("2006-01-02T15:04:05.000+00:00"))), "401 50112"},
		{"Unix seconds", balance(trade.at(strconv.FormatFloat(float64(time.Now().UnixMilli())/1000, 'f', 3, 64))), "200 0"},
		{"read-only key places", func() reply { return read.order() }, "401 50120"},
		{"trading key withdraws", func() reply { return trade.do("POST", "/api/v5/asset/withdrawal", okxJSON("ccy", "BTC")) }, "401 50120"},
		{"wrong method", func() reply { return trade.do("POST", "/api/v5/account/balance", "{}") }, "405 50115"},
		{"unknown path", func() reply { return trade.do("GET", "/api/v5/nothing", "") }, "404 404"},
		{"no body", func() reply { return trade.do("POST", path, "") }, "400 50000"},
		{"broken body", func() reply { return trade.do("POST", path, `{"instId":`) }, "400 50002"},
		{"repeated member", func() reply { return trade.do("POST", path, `{"instId":"a","instId":"b"}`) }, "400 51000"},
		{"no instrument", order("instId", "-"), "400 50014"},
		{"unknown instrument", order("instId", "NOPE"), "200 1 51001"},
		{"bad side", order("side", "hold"), "200 1 51000"},
		{"margin mode", order("tdMode", "cross"), "200 1 51000"},
		{"exponent", order("sz", "1e-2"), "200 1 51000"},
		{"too fine a price", order("px", "50000.12"), "200 1 51000"},
		{"client id with a hyphen", order("clOrdId", "a-b"), "200 1 51000"},
		{"client id in use", order("clOrdId", "taken"), "200 1 51016"},
		{"too dear", order("sz", "100"), "200 1 51008"},
		{"cancel of no order", func() reply {
			return trade.do("POST", "/api/v5/trade/cancel-order", okxJSON("instId", "BTC-USDT", "ordId", "1"))
		}, "200 1 51400"},
		{"cancel without id", func() reply {
			return trade.do("POST", "/api/v5/trade/cancel-order", okxJSON("instId", "BTC-USDT"))
		}, "200 1 51407"},
		{"query of no order", func() reply { return trade.do("GET", path+"?instId=BTC-USDT&ordId=1", "") }, "200 51603"},
		{"query of another market", func() reply { return trade.do("GET", path+"?instId=ETH-USDT&clOrdId=taken", "") }, "200 51603"},
		{"query without id", func() reply { return trade.do("GET", path+"?instId=BTC-USDT", "") }, "200 51003"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.call()
			text := strings.TrimSpace(strconv.Itoa(got.status) + " " + got.at(t, "code") + " " + got.at(t, "data.0.sCode"))
			if text != tc.want {
				t.Errorf("got %s, want %s: %s", text, tc.want, got.body)
			}
		})
	}
}

func TestOKXDemoIsAnotherPlace(t *testing.T) {
	srv := exchangetest.NewServer(t, &exauth.Venue{Name: "okx", Environment: "demo"}, nil)
	c := newOKX(t, srv, srv.Key(exauth.ScopeRead))
	if got := c.do("GET", "/api/v5/account/config", "").at(t, "code"); got != "50101" {
		t.Errorf("without the header: %s", got)
	}
	c.demo = "1"
	if got := c.do("GET", "/api/v5/account/config", "").at(t, "data.0.perm"); got != "read_only" {
		t.Errorf("with the header: %s", got)
	}
}

// A post-only order that would take is accepted and canceled at once.
func TestOKXPostOnly(t *testing.T) {
	srv := start(t, "okx", nil)
	c := newOKX(t, srv, srv.Key(exauth.ScopeTradeSpot))
	placed := c.order("ordType", "post_only", "px", "60000")
	got := c.do("GET", "/api/v5/trade/order?instId=BTC-USDT&ordId="+placed.at(t, "data.0.ordId"), "")
	if placed.at(t, "data.0.sCode") != "0" || got.at(t, "data.0.state") != "canceled" || got.at(t, "data.0.cancelSource") != "31" {
		t.Errorf("placed %s\nqueried %s", placed.body, got.body)
	}
}

func TestOKXWithdraws(t *testing.T) {
	srv := start(t, "okx", nil)
	c := newOKX(t, srv, srv.Key(exauth.ScopeWithdraw))
	for _, tc := range []struct{ amt, code string }{{"4", "0"}, {"6.1", "58350"}, {"-1", "51000"}, {"", "50014"}, {"6", "0"}} {
		if got := c.do("POST", "/api/v5/asset/withdrawal", okxJSON("ccy", "BTC", "amt", tc.amt, "dest", "4", "toAddr", "a")); got.at(t, "code") != tc.code {
			t.Errorf("%s: %s, want %s", tc.amt, got.body, tc.code)
		}
	}
	if free, _ := srv.Balance("main", "BTC"); free != "0" {
		t.Errorf("%s left", free)
	}
}

func TestOKXHeaders(t *testing.T) {
	srv := start(t, "okx", nil)
	c := newOKX(t, srv, srv.Key(exauth.ScopeTradeSpot))
	for _, tc := range []struct{ name, kind, expires, code string }{
		{"a form", formType, "", "50006"},
		{"no type", "-", "", "50006"},
		{"expired", "application/json", ms(time.Now().Add(-time.Minute)), "50036"},
		{"not expired", "application/json", ms(time.Now().Add(time.Minute)), "0"},
		{"expires in words", "application/json", "soon", "51000"},
	} {
		c.more = map[string]string{"Content-Type": tc.kind, "expTime": tc.expires}
		if got := c.order(); got.at(t, "code") != tc.code {
			t.Errorf("%s: %s, want %s", tc.name, got.body, tc.code)
		}
	}
}
