package exchangetest_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

func TestBinanceTrades(t *testing.T) {
	srv := start(t, "binance", nil)
	c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))

	if got := c.do("GET", "/api/v3/account").at(t, "accountType"); got != "SPOT" {
		t.Fatalf("account: %q", got)
	}
	placed := c.order("newClientOrderId", "bot-1")
	want := map[string]string{"symbol": "BTCUSDT", "clientOrderId": "bot-1", "orderListId": "-1", "status": "NEW",
		"price": "50000.00000000", "origQty": "0.10000000", "executedQty": "0.00000000", "cummulativeQuoteQty": "0.00000000",
		"timeInForce": "GTC", "type": "LIMIT", "side": "BUY", "fills": "[]"}
	for path, value := range want {
		if got := placed.at(t, path); placed.status != 200 || got != value {
			t.Errorf("placed: %s is %q, want %q (HTTP %d)", path, got, value, placed.status)
		}
	}
	if free, locked := srv.Balance("main", "USDT"); free != "995000" || locked != "5000" {
		t.Errorf("after placing: free %s, locked %s", free, locked)
	}
	id := placed.at(t, "orderId")
	if got := c.do("GET", "/api/v3/order", "symbol", "BTCUSDT", "orderId", id); got.at(t, "isWorking") != "true" || got.at(t, "stopPrice") != "0.00000000" {
		t.Errorf("queried: %+v", got)
	}
	if got := c.do("GET", "/api/v3/openOrders", "symbol", "BTCUSDT"); got.at(t, "0.clientOrderId") != "bot-1" {
		t.Errorf("open: %+v", got)
	}
	gone := c.do("DELETE", "/api/v3/order", "symbol", "BTCUSDT", "origClientOrderId", "bot-1")
	if gone.at(t, "status") != "CANCELED" || gone.at(t, "origClientOrderId") != "bot-1" || gone.at(t, "clientOrderId") == "bot-1" {
		t.Errorf("canceled: %+v", gone)
	}
	if free, locked := srv.Balance("main", "USDT"); free != "1000000" || locked != "0" {
		t.Errorf("after canceling: free %s, locked %s", free, locked)
	}
	if got := c.do("GET", "/api/v3/openOrders"); got.body != "[]" {
		t.Errorf("open after canceling: %s", got.body)
	}
	if got := srv.Executions("bot-1"); got != 1 {
		t.Errorf("executions: %d", got)
	}
}

func TestBinanceMarketData(t *testing.T) {
	srv := start(t, "binance", nil)
	c := newBinance(t, srv, exchangetest.Key{})
	for _, tc := range []struct{ path, query, at, want string }{
		{"/api/v3/ping", "", "", ""},
		{"/api/v3/ticker/price", "symbol=BTCUSDT", "price", "60000.00000000"},
		{"/api/v3/ticker/price", "", "0.symbol", "BTCUSDT"},
		{"/api/v3/ticker/price", "symbol=NOPE", "code", "-1121"},
		{"/api/v3/exchangeInfo", "symbol=ETHBTC", "symbols.0.filters.0.tickSize", "0.00001000"},
		{"/api/v3/exchangeInfo", "", "symbols.3.symbol", "LTCBTC"},
	} {
		if got := c.unsigned("GET", tc.path, tc.query, "").at(t, tc.at); got != tc.want {
			t.Errorf("%s?%s: %s is %q, want %q", tc.path, tc.query, tc.at, got, tc.want)
		}
	}
}

func TestBinanceSignatures(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	keyOf := func(priv crypto.Signer) exchangetest.Key {
		k, err := exchangetest.NewPrivateKey(priv)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	hmacKey := exchangetest.Key{ID: strings.Repeat("h", 64), Secret: "secret"}
	pemOnly := keyOf(edKey)
	pemOnly.ID, pemOnly.Public = strings.Repeat("p", 64), nil
	keys := map[string]exchangetest.Key{"hmac": hmacKey, "rsa": keyOf(rsaKey), "ed25519": keyOf(edKey), "ed25519 pem": pemOnly}
	signRSA := func(p string) string {
		sum := sha256.Sum256([]byte(p))
		sig, _ := rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA256, sum[:])
		return base64.StdEncoding.EncodeToString(sig)
	}
	signEd := func(p string) string { return base64.StdEncoding.EncodeToString(ed25519.Sign(edKey, []byte(p))) }
	signHex := func(p string) string { return hexSHA256("secret", p) }
	escaped := func(f func(string) string) func(string) string {
		return func(p string) string { return url.QueryEscape(f(p)) }
	}
	var list []exchangetest.Key
	for _, k := range keys {
		list = append(list, k)
	}
	srv := start(t, "binance", &exchangetest.Options{Keys: list})
	for _, tc := range []struct {
		name, key string
		sign      func(string) string
		want      string // the error code, "" for none
	}{
		{"hmac", "hmac", signHex, ""},
		{"hmac in capitals", "hmac", func(p string) string { return strings.ToUpper(signHex(p)) }, ""},
		{"hmac of another payload", "hmac", func(p string) string { return signHex(p + "0") }, "-1022"},
		{"hmac with another secret", "hmac", func(p string) string { return hexSHA256("secreT", p) }, "-1022"},
		{"hmac cut short", "hmac", func(p string) string { return signHex(p)[:62] }, "-1022"},
		{"hmac as base64", "hmac", escaped(signEd), "-1022"},
		{"empty", "hmac", func(string) string { return "" }, "-1102"},
		{"rsa", "rsa", escaped(signRSA), ""},
		{"rsa in lower case", "rsa", func(p string) string { return url.QueryEscape(strings.ToLower(signRSA(p))) }, "-1022"},
		{"ed25519", "ed25519", escaped(signEd), ""},
		{"ed25519, key given as PEM", "ed25519 pem", escaped(signEd), ""},
		{"ed25519 of another payload", "ed25519", func(p string) string { return url.QueryEscape(signEd(p + " ")) }, "-1022"},
		{"ed25519 key, hmac signature", "ed25519", signHex, "-1022"},
		{"rsa key, ed25519 signature", "rsa", escaped(signEd), "-1022"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newBinance(t, srv, keys[tc.key])
			c.sign = tc.sign
			if got := c.do("GET", "/api/v3/account"); got.at(t, "code") != tc.want {
				t.Errorf("got %s, want code %q", got.body, tc.want)
			}
		})
	}
}

// A base64 signature that is not percent-encoded arrives with its + as spaces:
// about every second one of 64 bytes has a +.
func TestBinanceRefusesUnescapedBase64(t *testing.T) {
	_, priv, _ := ed25519.GenerateKey(rand.Reader)
	key, _ := exchangetest.NewPrivateKey(priv)
	srv := start(t, "binance", &exchangetest.Options{Keys: []exchangetest.Key{key}})
	c := newBinance(t, srv, key)
	plus, tries := "", 0
	for ; !strings.Contains(plus, "+"); tries++ {
		payload := "recvWindow=5000." + strconv.Itoa(tries%1000) + "&timestamp=" + strconv.FormatInt(time.Now().UnixMilli(), 10)
		plus = base64.StdEncoding.EncodeToString(ed25519.Sign(priv, []byte(payload)))
		c.sign = func(string) string { return plus }
		if !strings.Contains(plus, "+") {
			continue
		}
		if got := c.raw("GET", "/api/v3/account", payload, ""); got.at(t, "code") != "-1022" {
			t.Errorf("unescaped: %s", got.body)
		}
		c.sign = func(string) string { return url.QueryEscape(plus) }
		if got := c.raw("GET", "/api/v3/account", payload, ""); got.status != 200 {
			t.Errorf("escaped: %s", got.body)
		}
	}
}

// Signed in Binance's own documentation (rest-api.md, "SIGNED Endpoint Examples").
func TestBinanceDocumentedExamples(t *testing.T) {
	key := exchangetest.Key{ID: "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
		Secret: "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"}
	srv := start(t, "binance", &exchangetest.Options{Keys: []exchangetest.Key{key},
		Now: func() time.Time { return time.UnixMilli(1499827319600) }})
	c := newBinance(t, srv, key)
	const order = "&side=BUY&type=LIMIT&timeInForce=GTC"
	const rest = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
	for _, tc := range []struct{ name, query, body, want string }{
		// Insufficient funds would be -2010: the account's 10 BTC pay for it.
		{"ASCII", "symbol=LTCBTC" + order + "&" + rest + "&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71", "", ""},
		{"non-ASCII", "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96" + order + "&" + rest + "&signature=e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3", "", "-1121"},
		{"query and body", "symbol=LTCBTC" + order, rest + "&signature=0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77", ""},
		{"one digit changed", "symbol=LTCBTC" + order + "&" + rest + "&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b72", "", "-1022"},
	} {
		if got := c.unsigned("POST", "/api/v3/order", tc.query, tc.body); got.at(t, "code") != tc.want {
			t.Errorf("%s: got %s, want code %q", tc.name, got.body, tc.want)
		}
	}
}

func TestBinanceRefusals(t *testing.T) {
	srv := start(t, "binance", nil)
	trade := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
	read := newBinance(t, srv, srv.Key(exauth.ScopeRead))
	withdraw := newBinance(t, srv, srv.Key(exauth.ScopeWithdraw))
	nobody := newBinance(t, srv, exchangetest.Key{ID: strings.Repeat("x", 64), Secret: "x"})
	misshapen := newBinance(t, srv, exchangetest.Key{ID: "no key!", Secret: "x"})
	none := newBinance(t, srv, exchangetest.Key{})
	at := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).UnixMilli(), 10) }
	account := func(query string) func() reply {
		return func() reply { return trade.raw("GET", "/api/v3/account", query, "") }
	}
	order := func(changes ...string) func() reply {
		return func() reply { return trade.order(changes...) }
	}
	trade.order("newClientOrderId", "taken")
	for _, tc := range []struct {
		name string
		call func() reply
		want string
	}{
		{"no key", func() reply { return none.do("GET", "/api/v3/account") },
			`401 {"code":-2014,"msg":"API-key format invalid."}`},
		{"misshapen key", func() reply { return misshapen.do("GET", "/api/v3/account") },
			`401 {"code":-2014,"msg":"API-key format invalid."}`},
		{"unknown key", func() reply { return nobody.do("GET", "/api/v3/account") },
			`401 {"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}`},
		{"read-only key places", func() reply { return read.order() },
			`401 {"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}`},
		{"read-only key cancels", func() reply { return read.do("DELETE", "/api/v3/order", "symbol", "BTCUSDT", "orderId", "1") },
			`401 {"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}`},
		{"trading key withdraws", func() reply {
			return trade.do("POST", "/sapi/v1/capital/withdraw/apply", "coin", "BTC", "address", "a", "amount", "1")
		}, `401 {"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}`},
		{"withdraw too much", func() reply {
			return withdraw.do("POST", "/sapi/v1/capital/withdraw/apply", "coin", "BTC", "address", "a", "amount", "11")
		}, `400 {"code":-4026,"msg":"The user has insufficient balance available."}`},
		{"no signature", func() reply { return trade.unsigned("GET", "/api/v3/account", "timestamp="+at(0), "") },
			`400 {"code":-1102,"msg":"Mandatory parameter 'signature' was not sent, was empty/null, or malformed."}`},
		{"no timestamp", account("recvWindow=5000"),
			`400 {"code":-1102,"msg":"Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."}`},
		{"old timestamp", account("timestamp=" + at(-6*time.Second)),
			`400 {"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}`},
		{"old timestamp in a wide window", account("recvWindow=10000&timestamp=" + at(-6*time.Second)), `200`},
		{"old microsecond timestamp", account("timestamp=" + at(-6*time.Second) + "000"),
			`400 {"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}`},
		{"microsecond timestamp", account("timestamp=" + at(0) + "000"), `200`},
		{"early timestamp", account("timestamp=" + at(5*time.Second)),
			`400 {"code":-1021,"msg":"Timestamp for this request was 1000ms ahead of the server's time."}`},
		{"window too wide", account("recvWindow=60000.001&timestamp=" + at(0)),
			`400 {"code":-1102,"msg":"'recvWindow' contains unexpected value. Cannot be greater than 60000."}`},
		{"widest window", account("recvWindow=60000&timestamp=" + at(0)), `200`},
		{"timestamp in words", account("timestamp=now"),
			`400 {"code":-1100,"msg":"Illegal characters found in parameter 'timestamp'; legal range is '^[0-9]{1,20}$'."}`},
		{"repeated parameter", account("timestamp=" + at(0) + "&recvWindow=1000&recvWindow=1000"),
			`400 {"code":-1101,"msg":"Duplicate values for a parameter detected."}`},
		{"unknown parameter", account("x=1&timestamp=" + at(0)),
			`400 {"code":-1104,"msg":"Not all sent parameters were read; read '2' parameter(s) but was sent '3'."}`},
		{"unescaped non-ASCII", func() reply { return trade.raw("POST", "/api/v3/order", "", "symbol=é&timestamp="+at(0)) }, "400 {\"code\":-1022,\"msg\":\"Signature for this request is not valid.\"}"},
		{"no symbol", order("symbol", "-"),
			`400 {"code":-1102,"msg":"Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."}`},
		{"unknown symbol", order("symbol", "NOPE"), `400 {"code":-1121,"msg":"Invalid symbol."}`},
		{"no price", order("price", "-"),
			`400 {"code":-1102,"msg":"Mandatory parameter 'price' was not sent, was empty/null, or malformed."}`},
		{"bad side", order("side", "HOLD"), `400 {"code":-1117,"msg":"Invalid side."}`},
		{"bad type", order("type", "STOP_LOSS"), `400 {"code":-1116,"msg":"Invalid orderType."}`},
		{"bad lifetime", order("timeInForce", "GTD"), `400 {"code":-1115,"msg":"Invalid timeInForce."}`},
		{"market order with a lifetime", order("type", "MARKET", "price", "-"), `400 {"code":-1106,"msg":"Parameter 'timeInForce' sent when not required."}`},
		{"exponent", order("price", "5e4"),
			`400 {"code":-1100,"msg":"Illegal characters found in parameter 'price'; legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'."}`},
		{"negative", order("quantity", "-1"),
			`400 {"code":-1100,"msg":"Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'."}`},
		{"nine decimals", order("quantity", "0.000000001"), `400 {"code":-1111,"msg":"Parameter 'quantity' has too much precision."}`},
		{"off the step", order("quantity", "0.100001"), `400 {"code":-1013,"msg":"Filter failure: LOT_SIZE"}`},
		{"off the tick", order("price", "50000.001"), `400 {"code":-1013,"msg":"Filter failure: PRICE_FILTER"}`},
		{"client id with a space", order("newClientOrderId", "a b"),
			`400 {"code":-1100,"msg":"Illegal characters found in parameter 'newClientOrderId'; legal range is '^[\\.A-Z\\:/a-z0-9_-]{1,36}$'."}`},
		{"client id in use", order("newClientOrderId", "taken"), `400 {"code":-2010,"msg":"Duplicate order sent."}`},
		{"too dear", order("quantity", "100"), `400 {"code":-2010,"msg":"Account has insufficient balance for requested action."}`},
		{"post-only that takes", order("type", "LIMIT_MAKER", "timeInForce", "-", "price", "60000"),
			`400 {"code":-2010,"msg":"Order would immediately match and take."}`},
		{"query of no order", func() reply { return trade.do("GET", "/api/v3/order", "symbol", "BTCUSDT", "orderId", "999") },
			`400 {"code":-2013,"msg":"Order does not exist."}`},
		{"query without an id", func() reply { return trade.do("GET", "/api/v3/order", "symbol", "BTCUSDT") },
			`400 {"code":-1102,"msg":"Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"}`},
		{"cancel of no order", func() reply {
			return trade.do("DELETE", "/api/v3/order", "symbol", "BTCUSDT", "origClientOrderId", "never")
		},
			`400 {"code":-2011,"msg":"Unknown order sent."}`},
		{"somebody else's order", func() reply {
			return newBinance(t, srv, srv.Keys()[3]).do("GET", "/api/v3/order", "symbol", "BTCUSDT", "orderId", "1")
		}, `400 {"code":-2013,"msg":"Order does not exist."}`},
		{"unknown route", func() reply { return trade.do("GET", "/api/v3/nothing") }, `404`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.call()
			text := strconv.Itoa(got.status) + " " + got.body
			if len(tc.want) == 3 {
				text = text[:3]
			}
			if text != tc.want {
				t.Errorf("got  %s\nwant %s", text, tc.want)
			}
		})
	}
}

// What a name means that is in both places: the query's is used.
func TestBinanceQueryWinsOverBody(t *testing.T) {
	srv := start(t, "binance", nil)
	c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	got := c.raw("POST", "/api/v3/order", "price=40000&timestamp="+now,
		"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000")
	if got.at(t, "price") != "40000.00000000" {
		t.Errorf("got %s", got.body)
	}
}

func TestBinanceKeyTellsItsPermissions(t *testing.T) {
	srv := start(t, "binance", nil)
	for _, tc := range []struct {
		scope           exauth.Scope
		trade, withdraw string
	}{
		{exauth.ScopeRead, "false", "false"}, {exauth.ScopeTradeSpot, "true", "false"}, {exauth.ScopeWithdraw, "true", "true"},
	} {
		got := newBinance(t, srv, srv.Key(tc.scope)).do("GET", "/sapi/v1/account/apiRestrictions")
		if got.at(t, "enableSpotAndMarginTrading") != tc.trade || got.at(t, "enableWithdrawals") != tc.withdraw || got.at(t, "enableReading") != "true" {
			t.Errorf("%v: %s", tc.scope, got.body)
		}
	}
}

func TestBinanceHistory(t *testing.T) {
	srv := start(t, "binance", nil)
	c, other := newBinance(t, srv, srv.Keys()[1]), newBinance(t, srv, srv.Keys()[3])
	resting := c.order("newClientOrderId", "resting", "price", "59999.99", "quantity", "0.00003").at(t, "orderId")
	c.order("newClientOrderId", "dear", "price", "10")
	if got := other.order("side", "SELL", "price", "59999.99", "quantity", "0.00002").at(t, "fills.0.price"); got != "60000.00000000" {
		t.Errorf("the house's better price goes first, got %s", got)
	}
	if err := srv.SetPrice("BTCUSDT", ""); err != nil {
		t.Fatal(err)
	}
	sold := other.order("side", "SELL", "price", "59999.99", "quantity", "0.00002")
	if sold.at(t, "status") != "FILLED" || sold.at(t, "cummulativeQuoteQty") != "1.19999980" || sold.at(t, "fills.0.commissionAsset") != "USDT" {
		t.Errorf("sold: %s", sold.body)
	}
	if got := c.do("GET", "/api/v3/allOrders", "symbol", "BTCUSDT"); got.at(t, "0.status") != "PARTIALLY_FILLED" || got.at(t, "0.executedQty") != "0.00002000" || got.at(t, "1.clientOrderId") != "dear" {
		t.Errorf("all orders: %s", got.body)
	}
	if got := c.do("GET", "/api/v3/allOrders", "symbol", "BTCUSDT", "limit", "1"); got.at(t, "0.clientOrderId") != "dear" || got.at(t, "1") != "" {
		t.Errorf("the last order: %s", got.body)
	}
	if got := c.do("GET", "/api/v3/myTrades", "symbol", "BTCUSDT"); got.at(t, "0.orderId") != resting || got.at(t, "0.isMaker") != "true" ||
		got.at(t, "0.quoteQty") != "1.19999980" || got.at(t, "0.isBuyer") != "true" || got.at(t, "1") != "" {
		t.Errorf("trades: %s", got.body)
	}
	if got := c.unsigned("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=1", ""); got.at(t, "bids") != `[["59999.99000000","0.00001000"]]` || got.at(t, "asks") != "[]" {
		t.Errorf("depth: %s", got.body)
	}
	if got := c.do("DELETE", "/api/v3/openOrders", "symbol", "BTCUSDT"); got.at(t, "0.origClientOrderId") != "resting" || got.at(t, "1.status") != "CANCELED" {
		t.Errorf("cancel all: %s", got.body)
	}
	if got := c.do("DELETE", "/api/v3/openOrders", "symbol", "BTCUSDT"); got.at(t, "code") != "-2011" {
		t.Errorf("cancel all of none: %s", got.body)
	}
	if err := srv.SetPrice("BTCUSDT", "61000.5"); err != nil {
		t.Fatal(err)
	}
	if got := c.unsigned("GET", "/api/v3/depth", "symbol=BTCUSDT", ""); got.at(t, "asks") != `[["61000.50000000","1000.00000000"]]` {
		t.Errorf("depth of the house: %s", got.body)
	}
	if free, locked := srv.Balance("main", "USDT"); free != "999998.8000002" || locked != "0" {
		t.Errorf("in the end: free %s, locked %s", free, locked)
	}
}

// The test route checks everything and does nothing.
func TestBinanceTestOrder(t *testing.T) {
	srv := start(t, "binance", nil)
	c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
	order := []string{"symbol", "BTCUSDT", "side", "BUY", "type", "LIMIT", "timeInForce", "GTC", "price", "50000", "newClientOrderId", "test", "quantity"}
	if got := c.do("POST", "/api/v3/order/test", append(order, "1")...); got.body != "{}" {
		t.Errorf("got %s", got.body)
	}
	if got := c.do("POST", "/api/v3/order/test", append(order, "100")...); got.at(t, "code") != "-2010" {
		t.Errorf("too dear: %s", got.body)
	}
	if n := srv.Executions("test"); n != 0 {
		t.Errorf("executed %d times", n)
	}
	if _, locked := srv.Balance("main", "USDT"); locked != "0" {
		t.Errorf("%s locked", locked)
	}
}

// The venue reads a body only when it says that it is a form.
func TestBinanceBodyType(t *testing.T) {
	srv := start(t, "binance", nil)
	c := newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot))
	body := "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&timestamp=" + ms(time.Now())
	body += "&signature=" + c.sign(body)
	for _, tc := range []struct{ kind, code string }{{formType, ""}, {formType + "; charset=utf-8", ""}, {"application/json", "-1102"}, {"", "-1102"}} {
		req := request(t, "POST", srv.URL()+"/api/v3/order", body)
		req.Header.Set("X-MBX-APIKEY", c.key.ID)
		req.Header.Set("Content-Type", tc.kind)
		if got := send(t, srv.Client(), req); got.at(t, "code") != tc.code {
			t.Errorf("Content-Type %q: %s, want code %q", tc.kind, got.body, tc.code)
		}
	}
}
