package exchangetest_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// coinbaseClient signs for one key; change edits header and claims of its tokens.
type coinbaseClient struct {
	t      testing.TB
	srv    *exchangetest.Server
	key    exchangetest.Key
	now    func() time.Time
	change func(header, claims map[string]any)
	token  string // sent instead of a fresh one
}

func newCoinbase(t testing.TB, srv *exchangetest.Server, key exchangetest.Key) *coinbaseClient {
	return &coinbaseClient{t: t, srv: srv, key: key, now: time.Now}
}

// with returns a copy that edits its tokens.
func (c coinbaseClient) with(change func(header, claims map[string]any)) *coinbaseClient {
	c.change = change
	return &c
}

// jwt makes a token for one call, by RFC 7515.
func (c *coinbaseClient) jwt(method, path string) string {
	c.t.Helper()
	nonce := make([]byte, 16)
	rand.Read(nonce)
	now := c.now().Unix()
	header := map[string]any{"alg": "ES256", "typ": "JWT", "kid": c.key.ID, "nonce": nonce}
	claims := map[string]any{"iss": "cdp", "sub": c.key.ID, "nbf": now, "exp": now + 120,
		"uri": method + " " + strings.TrimPrefix(c.srv.URL(), "http://") + path}
	sign := func(msg string) []byte {
		block, _ := pem.Decode([]byte(c.key.PEM))
		priv, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			c.t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(msg))
		r, s, err := ecdsa.Sign(rand.Reader, priv, sum[:])
		if err != nil {
			c.t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	if c.key.PEM == "" {
		header["alg"] = "EdDSA"
		raw, err := base64.StdEncoding.DecodeString(c.key.Secret)
		if err != nil {
			c.t.Fatal(err)
		}
		sign = func(msg string) []byte { return ed25519.Sign(ed25519.PrivateKey(raw), []byte(msg)) }
	}
	if c.change != nil {
		c.change(header, claims)
	}
	var parts []string
	for _, p := range []map[string]any{header, claims} {
		b, _ := json.Marshal(p)
		parts = append(parts, base64.RawURLEncoding.EncodeToString(b))
	}
	signed := strings.Join(parts, ".")
	return signed + "." + base64.RawURLEncoding.EncodeToString(sign(signed))
}

func (c *coinbaseClient) do(method, path, body string) reply {
	c.t.Helper()
	bare, _, _ := strings.Cut(path, "?")
	req := request(c.t, method, c.srv.URL()+path, body)
	token := c.token
	if token == "" {
		token = c.jwt(method, bare)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	return send(c.t, c.srv.Client(), req)
}

const coinbaseV3 = "/api/v3/brokerage/"

// coinbaseOrder is a limit buy with changes; config is the whole configuration.
func coinbaseOrder(config string, changes ...string) string {
	top := change([]string{"client_order_id", "bot1", "product_id", "BTC-USD", "side", "BUY"}, changes)
	if config == "" {
		config = `{"limit_limit_gtc":{"base_size":"0.1","limit_price":"50000.10"}}`
	}
	return strings.TrimSuffix(okxJSON(top...), "}") + `,"order_configuration":` + config + "}"
}

func (c *coinbaseClient) order(config string, changes ...string) reply {
	c.t.Helper()
	return c.do("POST", coinbaseV3+"orders", coinbaseOrder(config, changes...))
}

func TestCoinbaseTrades(t *testing.T) {
	srv := start(t, "coinbase", nil)
	c := newCoinbase(t, srv, srv.Key(exauth.ScopeTradeSpot))
	placed := c.order("")
	id := placed.at(t, "success_response.order_id")
	if placed.status != 200 || placed.at(t, "success") != "true" || placed.at(t, "success_response.client_order_id") != "bot1" ||
		placed.at(t, "order_configuration.limit_limit_gtc.limit_price") != "50000.10" {
		t.Fatalf("placed: %s", placed.body)
	}
	accounts := c.do("GET", coinbaseV3+"accounts?limit=250", "")
	if accounts.at(t, "accounts.4.currency") != "USD" || accounts.at(t, "accounts.4.hold.value") != "5000.01" || accounts.at(t, "accounts.4.available_balance.value") != "994999.99" {
		t.Errorf("held: %s", accounts.body)
	}
	if got := c.do("GET", coinbaseV3+"accounts/"+accounts.at(t, "accounts.4.uuid"), ""); got.at(t, "account.hold.value") != "5000.01" {
		t.Errorf("one account: %s", got.body)
	}
	if got := c.do("GET", "/v2/accounts", ""); got.at(t, "data.4.balance.amount") != "1000000" || got.at(t, "data.4.id") != accounts.at(t, "accounts.4.uuid") {
		t.Errorf("of the App API: %s", got.body)
	}
	queried := c.do("GET", coinbaseV3+"orders/historical/"+id, "")
	for path, want := range map[string]string{"order_id": id, "status": "OPEN", "client_order_id": "bot1", "filled_size": "0", "average_filled_price": "0",
		"order_type": "LIMIT", "side": "BUY", "time_in_force": "GOOD_UNTIL_CANCELLED", "order_configuration.limit_limit_gtc.base_size": "0.1",
		"outstanding_hold_amount": "5000.01", "number_of_fills": "0", "settled": "false"} {
		if got := queried.at(t, "order."+path); got != want {
			t.Errorf("queried: %s is %q, want %q", path, got, want)
		}
	}
	if got := c.do("GET", coinbaseV3+"orders/historical/batch?order_status=OPEN&product_ids=BTC-USD&product_ids=ETH-USD", ""); got.at(t, "orders.0.order_id") != id ||
		got.at(t, "has_next") != "false" {
		t.Errorf("open: %s", got.body)
	}
	// The same id again brings the same order back, and makes none.
	if again := c.order("", "side", "SELL"); again.at(t, "success_response.order_id") != id || again.at(t, "success_response.side") != "BUY" || srv.Executions("bot1") != 1 {
		t.Errorf("again: %s", again.body)
	}
	gone := c.do("POST", coinbaseV3+"orders/batch_cancel", `{"order_ids":["`+id+`","nobody","`+id+`"]}`)
	if gone.at(t, "results.0.success") != "true" || gone.at(t, "results.1.failure_reason") != "UNKNOWN_CANCEL_ORDER" || gone.at(t, "results.2.success") != "false" {
		t.Errorf("canceled: %s", gone.body)
	}
	if again := c.order(""); again.at(t, "success_response.order_id") != id || srv.Executions("bot1") != 1 {
		t.Errorf("again after the cancel: %s", again.body)
	}
	bought := c.order(`{"market_market_ioc":{"quote_size":"600"}}`, "client_order_id", "bot2")
	if got := c.do("GET", coinbaseV3+"orders/historical/"+bought.at(t, "success_response.order_id"), ""); got.at(t, "order.status") != "FILLED" ||
		got.at(t, "order.filled_size") != "0.01" || got.at(t, "order.average_filled_price") != "60000" || got.at(t, "order.order_configuration.market_market_ioc.quote_size") != "600" {
		t.Errorf("bought: %s", got.body)
	}
	c.order(`{"sor_limit_ioc":{"base_size":"0.01","limit_price":"60000"}}`, "client_order_id", "bot3")
	c.order(`{"limit_limit_fok":{"base_size":"0.01","limit_price":"59999"}}`, "client_order_id", "bot4")
	if got := c.do("GET", coinbaseV3+"orders/historical/batch?limit=2", ""); got.at(t, "orders.0.status") != "CANCELLED" || got.at(t, "orders.0.time_in_force") != "FILL_OR_KILL" ||
		got.at(t, "orders.1.status") != "FILLED" || got.at(t, "has_next") != "true" || got.at(t, "cursor") != "2" {
		t.Errorf("a page: %s", got.body)
	}
	if got := c.do("GET", coinbaseV3+"orders/historical/batch?limit=2&cursor=2&start_date=2020-01-01T00:00:00Z", ""); got.at(t, "orders.1.order_id") != id || got.at(t, "has_next") != "false" {
		t.Errorf("the next page: %s", got.body)
	}
	if got := c.do("GET", coinbaseV3+"orders/historical/batch?end_date=2020-01-01T00:00:00Z", ""); got.at(t, "orders") != "[]" {
		t.Errorf("of long ago: %s", got.body)
	}
	if got := c.do("GET", coinbaseV3+"orders/historical/fills?product_id=BTC-USD", ""); got.at(t, "fills.0.size") != "0.01" || got.at(t, "fills.1.liquidity_indicator") != "TAKER" || got.at(t, "fills.2") != "" {
		t.Errorf("fills: %s", got.body)
	}
	if free, locked := srv.Balance("main", "USD"); free != "998800" || locked != "0" {
		t.Errorf("in the end: free %s, locked %s", free, locked)
	}
}

func TestCoinbaseMarketData(t *testing.T) {
	srv := start(t, "coinbase", &exchangetest.Options{Now: func() time.Time { return time.UnixMilli(1597026383085) }})
	for _, tc := range []struct{ path, at, want string }{
		{coinbaseV3 + "time", "epochMillis", "1597026383085"},
		{"/v2/time", "data.epoch", "1597026383"},
		{coinbaseV3 + "market/products", "products.1.product_id", "BTC-USD"},
		{coinbaseV3 + "market/products?product_type=FUTURE", "num_products", "0"},
		{coinbaseV3 + "market/products/BTC-USD", "quote_increment", "0.01"},
		{coinbaseV3 + "market/products/NOPE", "error", "NOT_FOUND"},
		{coinbaseV3 + "market/products/BTC-USD/ticker?limit=1", "best_bid", "60000"},
		{coinbaseV3 + "market/product_book?product_id=BTC-USD&limit=1", "pricebook.bids.0.price", "60000"},
		{coinbaseV3 + "market/product_book?product_id=BTC-USD&limit=x", "error", "INVALID_ARGUMENT"},
		{"/v2/currencies", "data.1.id", "USD"},
		{"/v2/currencies/crypto", "data.0.code", "BTC"},
		{"/v2/exchange-rates", "data.rates.ETH", "0.0004"},
		{coinbaseV3 + "nothing", "error", "NOT_FOUND"},
		{"/v2/nothing", "errors.0.id", "not_found"},
	} {
		if got := send(t, srv.Client(), request(t, "GET", srv.URL()+tc.path, "")).at(t, tc.at); got != tc.want {
			t.Errorf("%s: %s is %q, want %q", tc.path, tc.at, got, tc.want)
		}
	}
}

// Every claim of a token is looked at.
func TestCoinbaseTokens(t *testing.T) {
	srv := start(t, "coinbase", nil)
	key, other := srv.Key(exauth.ScopeTradeSpot), srv.Keys()[0]
	c := newCoinbase(t, srv, key)
	claim := func(name string, value any) *coinbaseClient {
		return c.with(func(_, claims map[string]any) {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		})
	}
	head := func(name string, value any) *coinbaseClient {
		return c.with(func(header, _ map[string]any) {
			if header[name] = value; value == nil {
				delete(header, name)
			}
		})
	}
	now, host := time.Now().Unix(), strings.TrimPrefix(srv.URL(), "http://")
	const path = coinbaseV3 + "key_permissions"
	forged := newCoinbase(t, srv, key)
	forged.key.PEM = other.PEM
	stranger := newCoinbase(t, srv, key)
	stranger.key.ID = "organizations/x/apiKeys/y"
	replay := newCoinbase(t, srv, key)
	replay.token = replay.jwt("GET", path)
	if got := replay.do("GET", path, ""); got.status != 200 {
		t.Fatalf("a first use: %s", got.body)
	}
	garbage := newCoinbase(t, srv, key)
	garbage.token = "a.b"
	twice := newCoinbase(t, srv, key)
	parts := strings.Split(twice.jwt("GET", path), ".")
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"x",` + string(claims[1:])))
	twice.token = strings.Join(parts, ".")
	for _, tc := range []struct {
		name   string
		client *coinbaseClient
		want   int
	}{
		{"as it should be", c, 200},
		{"the older issuer", claim("iss", "coinbase-cloud"), 200},
		{"another issuer", claim("iss", "me"), 401},
		{"no issuer", claim("iss", nil), 401},
		{"an audience", claim("aud", []string{"retail_rest_api_proxy"}), 200},
		{"another audience", claim("aud", []string{"prime"}), 401},
		{"another subject", claim("sub", "x"), 401},
		{"no subject", claim("sub", nil), 401},
		{"another key id", head("kid", other.ID), 401},
		{"no key id", head("kid", nil), 401},
		{"no nonce", head("nonce", nil), 401},
		{"no type", head("typ", nil), 200},
		{"another type", head("typ", "JWS"), 401},
		{"no algorithm", head("alg", "none"), 401},
		{"an algorithm of other keys", head("alg", "EdDSA"), 401},
		{"not yet", c.with(func(_, c map[string]any) { c["nbf"], c["exp"] = now+5, now+100 }), 401},
		{"not any more", c.with(func(_, c map[string]any) { c["nbf"], c["exp"] = now-200, now-80 }), 401},
		{"good for too long", claim("exp", now+3600), 401},
		{"never begins", claim("nbf", nil), 401},
		{"never ends", claim("exp", nil), 401},
		{"times in words", claim("exp", "soon"), 401},
		{"another method", claim("uri", "POST "+host+path), 401},
		{"another host", claim("uri", "GET api.coinbase.com"+path), 401},
		{"another path", claim("uri", "GET "+host+coinbaseV3+"accounts"), 401},
		{"with a query", claim("uri", "GET "+host+path+"?a=b"), 401},
		{"the scheme in front", claim("uri", "GET http://"+host+path), 200},
		{"no uri", claim("uri", nil), 401},
		{"uris", c.with(func(_, c map[string]any) { c["uris"] = []any{c["uri"]}; delete(c, "uri") }), 200},
		{"two uris", c.with(func(_, c map[string]any) { c["uris"] = []any{c["uri"], "GET x"}; delete(c, "uri") }), 401},
		{"uri and uris", c.with(func(_, c map[string]any) { c["uris"] = []any{c["uri"]} }), 401},
		{"another key's signature", forged, 401},
		{"a key nobody has", stranger, 401},
		{"used before", replay, 401},
		{"no token", garbage, 401},
		{"a claim twice", twice, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.client.t = t
			got := tc.client.do("GET", path, "")
			if got.status != tc.want || tc.want == 401 && got.body != "Unauthorized\n" {
				t.Errorf("HTTP %d, want %d: %s", got.status, tc.want, got.body)
			}
		})
	}
}

// The other kinds of keys: Ed25519 in base64, and legacy secrets.
func TestCoinbaseKeys(t *testing.T) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed := exchangetest.Key{ID: "ed", Secret: base64.StdEncoding.EncodeToString(priv)}
	shown := exchangetest.Key{ID: "shown", Secret: ed.Secret, Public: pub}
	legacy := exchangetest.Key{ID: "legacy", Secret: "gIxXZwwigMcaUTvnWo2JR76L7BUPnAOT"}
	srv := start(t, "coinbase", &exchangetest.Options{Keys: []exchangetest.Key{ed, shown, legacy}})
	for _, key := range []exchangetest.Key{ed, shown} {
		if got := newCoinbase(t, srv, key).do("GET", coinbaseV3+"key_permissions", ""); got.at(t, "can_trade") != "true" {
			t.Errorf("%s: %s", key.ID, got.body)
		}
	}
	hmac := func(key exchangetest.Key, at time.Time, method, path, signed, body string) reply {
		stamp := strconv.FormatInt(at.Unix(), 10)
		req := request(t, method, srv.URL()+path, body)
		req.Header.Set("CB-ACCESS-KEY", key.ID)
		req.Header.Set("CB-ACCESS-SIGN", hexSHA256(key.Secret, stamp+method+signed+body))
		req.Header.Set("CB-ACCESS-TIMESTAMP", stamp)
		req.Header.Set("Content-Type", "application/json")
		return send(t, srv.Client(), req)
	}
	wrong, unknown := legacy, legacy
	wrong.Secret, unknown.ID = "x", "x"
	const accounts, v2 = coinbaseV3 + "accounts", "/v2/accounts/x/transactions"
	for _, tc := range []struct {
		name string
		got  reply
		want int
	}{
		{"a query of v3 is not signed", hmac(legacy, time.Now(), "GET", accounts+"?limit=3", accounts, ""), 200},
		{"a query of v3 is signed", hmac(legacy, time.Now(), "GET", accounts+"?limit=3", accounts+"?limit=3", ""), 401},
		{"a body", hmac(legacy, time.Now(), "POST", coinbaseV3+"orders", coinbaseV3+"orders", coinbaseOrder("")), 200},
		{"a query of v2 is signed", hmac(legacy, time.Now(), "POST", v2+"?a=b", v2+"?a=b", "{}"), 400},
		{"a query of v2 is not signed", hmac(legacy, time.Now(), "POST", v2+"?a=b", v2, "{}"), 401},
		{"28 s late", hmac(legacy, time.Now().Add(-28*time.Second), "GET", accounts, accounts, ""), 200},
		{"31 s late", hmac(legacy, time.Now().Add(-31*time.Second), "GET", accounts, accounts, ""), 401},
		{"wrong secret", hmac(wrong, time.Now(), "GET", accounts, accounts, ""), 401},
		{"unknown key", hmac(unknown, time.Now(), "GET", accounts, accounts, ""), 401},
		{"an Ed25519 key's text as a secret", hmac(ed, time.Now(), "GET", accounts, accounts, ""), 401},
	} {
		if tc.got.status != tc.want {
			t.Errorf("%s: HTTP %d, want %d: %s", tc.name, tc.got.status, tc.want, tc.got.body)
		}
	}
	if got := hmac(legacy, time.Now().Add(-31*time.Second), "POST", v2, v2, "{}"); got.at(t, "errors.0.message") != "request timestamp expired" {
		t.Errorf("late: %s", got.body)
	}
}

func TestCoinbaseRefusals(t *testing.T) {
	srv := start(t, "coinbase", nil)
	trade, read, all := newCoinbase(t, srv, srv.Key(exauth.ScopeTradeSpot)), newCoinbase(t, srv, srv.Key(exauth.ScopeRead)), newCoinbase(t, srv, srv.Key(exauth.ScopeWithdraw))
	limit := func(fields ...string) string { return `{"limit_limit_gtc":` + okxJSON(fields...) + "}" }
	wallet := ""
	for i := range 6 {
		list := all.do("GET", coinbaseV3+"accounts", "")
		if list.at(t, "accounts."+strconv.Itoa(i)+".currency") == "BTC" {
			wallet = "/v2/accounts/" + list.at(t, "accounts."+strconv.Itoa(i)+".uuid") + "/transactions"
		}
	}
	order := func(config string, changes ...string) func() reply {
		return func() reply { return trade.order(config, changes...) }
	}
	post := func(c *coinbaseClient, path, body string) func() reply {
		return func() reply { return c.do("POST", path, body) }
	}
	for _, tc := range []struct {
		name string
		call func() reply
		want string // HTTP status and whichever field tells
	}{
		{"read-only key places", func() reply { return read.order("") }, "403 PERMISSION_DENIED"},
		{"trading key sends", post(trade, wallet, "{}"), "403 permission_denied"},
		{"no client order id", order("", "client_order_id", "-"), "400 INVALID_ARGUMENT"},
		{"client order id too long", order("", "client_order_id", strings.Repeat("x", 129)), "400 INVALID_ARGUMENT"},
		{"unknown product", order("", "product_id", "NOPE"), "200 INVALID_PRODUCT_ID"},
		{"bad side", order("", "side", "HOLD"), "200 INVALID_SIDE"},
		{"no configuration", order("7"), "200 UNSUPPORTED_ORDER_CONFIGURATION"},
		{"two configurations", order(`{"limit_limit_gtc":{},"market_market_ioc":{}}`), "200 UNSUPPORTED_ORDER_CONFIGURATION"},
		{"another configuration", order(`{"twap_limit_gtd":{}}`), "200 UNSUPPORTED_ORDER_CONFIGURATION"},
		{"no size", order(limit("limit_price", "1")), "200 INVALID_SIZE_PRECISION"},
		{"exponent", order(limit("base_size", "1e-2", "limit_price", "1")), "200 INVALID_SIZE_PRECISION"},
		{"too fine a price", order(limit("base_size", "1", "limit_price", "1.001")), "200 INVALID_PRICE_PRECISION"},
		{"a sale by value", order(`{"market_market_ioc":{"quote_size":"5"}}`, "side", "SELL"), "200 INVALID_SIZE_PRECISION"},
		{"too dear", order(limit("base_size", "100", "limit_price", "50000")), "200 INSUFFICIENT_FUND"},
		{"post-only that takes", order(`{"limit_limit_gtc":{"base_size":"1","limit_price":"60000","post_only":true}}`), "200 INVALID_LIMIT_PRICE_POST_ONLY"},
		{"broken body", post(trade, coinbaseV3+"orders", `{"side":`), "400 INVALID_ARGUMENT"},
		{"member twice", post(trade, coinbaseV3+"orders", `{"side":"BUY","side":"SELL"}`), "400 INVALID_ARGUMENT"},
		{"unknown path", func() reply { return trade.do("GET", coinbaseV3+"nothing", "") }, "404 NOT_FOUND"},
		{"query of no order", func() reply { return trade.do("GET", coinbaseV3+"orders/historical/x", "") }, "404 NOT_FOUND"},
		{"no account", func() reply { return trade.do("GET", coinbaseV3+"accounts/x", "") }, "404 NOT_FOUND"},
		{"cancel of nothing", post(trade, coinbaseV3+"orders/batch_cancel", `{"order_ids":[]}`), "400 INVALID_ARGUMENT"},
		{"bad date", func() reply { return trade.do("GET", coinbaseV3+"orders/historical/batch?start_date=today", "") }, "400 INVALID_ARGUMENT"},
		{"bad cursor", func() reply { return trade.do("GET", coinbaseV3+"orders/historical/batch?cursor=x", "") }, "400 INVALID_ARGUMENT"},
		{"bad limit", func() reply { return trade.do("GET", coinbaseV3+"orders/historical/fills?limit=0", "") }, "400 INVALID_ARGUMENT"},
		{"sends too much", post(all, wallet, okxJSON("type", "send", "to", "a", "amount", "11", "currency", "BTC")), "400 validation_error"},
		{"sends from another wallet", post(all, wallet, okxJSON("type", "send", "to", "a", "amount", "1", "currency", "ETH")), "404 not_found"},
		{"sends", post(all, wallet, okxJSON("type", "send", "to", "a", "amount", "10", "currency", "BTC")), "201"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.call()
			text := strconv.Itoa(got.status)
			for _, at := range []string{"error", "error_response.error", "errors.0.id"} {
				if s := got.at(t, at); s != "" {
					text += " " + s
				}
			}
			if text != tc.want {
				t.Errorf("got %s, want %s: %s", text, tc.want, got.body)
			}
		})
	}
	if n := srv.Executions("bot1"); n != 0 {
		t.Errorf("%d refused orders were executed", n)
	}
	if free, _ := srv.Balance("main", "BTC"); free != "0" {
		t.Errorf("%s left", free)
	}
	srv.SetPrice("BTC-USD", "")
	if got := trade.order(`{"market_market_ioc":{"base_size":"1"}}`); got.at(t, "error_response.error") != "INVALID_NO_LIQUIDITY" {
		t.Errorf("nobody there: %s", got.body)
	}
}

// Keys that Coinbase does not take verify nothing.
func TestCoinbaseTakesNoRSA(t *testing.T) {
	priv, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := exchangetest.NewPrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	srv := start(t, "coinbase", nil)
	signer := newCoinbase(t, srv, srv.Key(exauth.ScopeTradeSpot))
	signer.key.ID = key.ID
	srv = start(t, "coinbase", &exchangetest.Options{Keys: []exchangetest.Key{key}})
	signer.srv = srv
	if got := signer.do("GET", coinbaseV3+"accounts", ""); got.status != http.StatusUnauthorized {
		t.Errorf("HTTP %d", got.status)
	}
}

// Two accounts meet at the exchange.
func TestCoinbaseAccountsMeet(t *testing.T) {
	srv := start(t, "coinbase", &exchangetest.Options{Prices: map[string]string{}})
	clients := map[string]*coinbaseClient{}
	for _, k := range srv.Keys() {
		if k.Scope == exauth.ScopeRead|exauth.ScopeTrade {
			clients[k.Account] = newCoinbase(t, srv, k)
		}
	}
	if len(clients) != 2 {
		t.Fatalf("clients of %v", maps.Keys(clients))
	}
	maker := clients["other"].order("", "side", "SELL")
	taker := clients["main"].order(`{"limit_limit_gtc":{"base_size":"0.05","limit_price":"50001"}}`)
	if got := clients["main"].do("GET", coinbaseV3+"orders/historical/"+taker.at(t, "success_response.order_id"), ""); got.at(t, "order.average_filled_price") != "50000.1" {
		t.Errorf("taker: %s", got.body)
	}
	got := clients["other"].do("GET", coinbaseV3+"orders/historical/"+maker.at(t, "success_response.order_id"), "")
	if got.at(t, "order.completion_percentage") != "50" || got.at(t, "order.status") != "OPEN" {
		t.Errorf("maker: %s", got.body)
	}
	if fills := clients["other"].do("GET", coinbaseV3+"orders/historical/fills", ""); fills.at(t, "fills.0.liquidity_indicator") != "MAKER" {
		t.Errorf("fills: %s", fills.body)
	}
	// Of the other account's orders nothing is known.
	if got := clients["main"].do("GET", coinbaseV3+"orders/historical/"+maker.at(t, "success_response.order_id"), ""); got.status != 404 {
		t.Errorf("the other's: %s", got.body)
	}
}
