package exchangetest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

func signKraken(secret, path, nonce, body string) string {
	key, _ := base64.StdEncoding.DecodeString(secret)
	sum := sha256.Sum256([]byte(nonce + body))
	h := hmac.New(sha512.New, key)
	h.Write([]byte(path))
	h.Write(sum[:])
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// krakenClient signs for one key.
type krakenClient struct {
	t     testing.TB
	srv   *exchangetest.Server
	key   exchangetest.Key
	nonce *atomic.Uint64
}

func newKraken(t testing.TB, srv *exchangetest.Server, key exchangetest.Key) *krakenClient {
	c := &krakenClient{t, srv, key, &atomic.Uint64{}}
	c.nonce.Store(1000)
	return c
}

// post signs body, which holds nonce, and sends it.
func (c *krakenClient) post(path, nonce, body, kind string) reply {
	c.t.Helper()
	req := request(c.t, "POST", c.srv.URL()+path, body)
	req.Header.Set("API-Key", c.key.ID)
	req.Header.Set("API-Sign", signKraken(c.key.Secret, path, nonce, body))
	req.Header.Set("Content-Type", kind)
	return send(c.t, c.srv.Client(), req)
}

const formType = "application/x-www-form-urlencoded"

// do adds the next nonce. params come in pairs.
func (c *krakenClient) do(method string, params ...string) reply {
	c.t.Helper()
	nonce := strconv.FormatUint(c.nonce.Add(1), 10)
	body := "nonce=" + nonce
	for i := 0; i < len(params); i += 2 {
		body += "&" + params[i] + "=" + url.QueryEscape(params[i+1])
	}
	return c.post("/0/private/"+method, nonce, body, formType)
}

func (c *krakenClient) order(changes ...string) reply {
	c.t.Helper()
	return c.do("AddOrder", change([]string{"pair", "XBTUSD", "type", "buy", "ordertype", "limit", "volume", "0.1", "price", "50000.1"}, changes)...)
}

func TestKrakenTrades(t *testing.T) {
	srv := start(t, "kraken", nil)
	c := newKraken(t, srv, srv.Key(exauth.ScopeTradeSpot))
	if got := c.do("Balance"); got.at(t, "result.ZUSD") != "1000000.0000" || got.at(t, "result.XXBT") != "10.0000000000" || got.at(t, "error") != "[]" {
		t.Fatalf("balance: %s", got.body)
	}
	const uuid = "6d1b345e-2821-40e2-ad83-4ecb18a06876"
	placed := c.order("cl_ord_id", uuid)
	if placed.at(t, "result.descr.order") != "buy 0.10000000 XBTUSD @ limit 50000.1" {
		t.Errorf("placed: %s", placed.body)
	}
	id := placed.at(t, "result.txid.0")
	if len(id) != 19 || id[0] != 'O' || id[6] != '-' || id[12] != '-' {
		t.Errorf("txid %q", id)
	}
	if got := c.do("BalanceEx"); got.at(t, "result.ZUSD.hold_trade") != "5000.0100" {
		t.Errorf("held: %s", got.body)
	}
	queried := c.do("QueryOrders", "txid", id)
	for path, want := range map[string]string{"status": "open", "vol": "0.10000000", "vol_exec": "0.00000000", "cl_ord_id": uuid,
		"descr.pair": "XBTUSD", "descr.price": "50000.1", "descr.type": "buy", "userref": ""} {
		if got := queried.at(t, "result."+id+"."+path); got != want {
			t.Errorf("queried: %s is %q, want %q", path, got, want)
		}
	}
	if got := c.do("OpenOrders"); got.at(t, "result.open."+id+".status") != "open" {
		t.Errorf("open: %s", got.body)
	}
	if got := c.do("CancelOrder", "cl_ord_id", uuid); got.at(t, "result.count") != "1" {
		t.Errorf("canceled: %s", got.body)
	}
	if got := c.do("ClosedOrders"); got.at(t, "result.closed."+id+".reason") != "User requested" || got.at(t, "result.count") != "1" {
		t.Errorf("closed: %s", got.body)
	}
	sold := c.order("type", "sell", "ordertype", "market", "price", "-", "userref", "7")
	sale := sold.at(t, "result.txid.0")
	if got := c.do("QueryOrders", "txid", sale+","+id); got.at(t, "result."+sale+".cost") != "6000.00000" || got.at(t, "result."+sale+".userref") != "7" ||
		got.at(t, "result."+sale+".price") != "60000.00000" || got.at(t, "result."+id+".status") != "canceled" {
		t.Errorf("sold: %s", got.body)
	}
	if got := c.do("TradesHistory"); got.at(t, "result.count") != "1" {
		t.Errorf("trades: %s", got.body)
	}
	if free, locked := srv.Balance("main", "USD"); free != "1006000" || locked != "0" {
		t.Errorf("in the end: free %s, locked %s", free, locked)
	}
	if n := srv.Executions(uuid); n != 1 {
		t.Errorf("executions: %d", n)
	}
}

func TestKrakenMarketData(t *testing.T) {
	srv := start(t, "kraken", &exchangetest.Options{Now: func() time.Time { return time.Date(2026, 1, 5, 3, 4, 5, 0, time.UTC) }})
	for _, tc := range []struct{ path, at, want string }{
		{"/0/public/Time", "result.unixtime", "1767582245"},
		{"/0/public/Time", "result.rfc1123", "Mon,  5 Jan 26 03:04:05 +0000"},
		{"/0/public/Ticker?pair=XBTUSD", "result.XXBTZUSD.c.0", "60000.00000"},
		{"/0/public/Ticker?pair=XBTUSD,NOPE", "error.0", "EQuery:Unknown asset pair"},
		{"/0/public/AssetPairs?pair=BTC/USD", "result.XXBTZUSD.altname", "XBTUSD"},
		{"/0/public/SystemStatus", "result.status", "online"},
		{"/0/public/Nothing", "error.0", "EGeneral:Unknown method"},
	} {
		if got := send(t, srv.Client(), request(t, "GET", srv.URL()+tc.path, "")); got.at(t, tc.at) != tc.want || got.status != 200 {
			t.Errorf("%s: %s is %q, want %q", tc.path, tc.at, got.at(t, tc.at), tc.want)
		}
	}
}

func TestKrakenRefusals(t *testing.T) {
	srv := start(t, "kraken", nil)
	trade := newKraken(t, srv, srv.Key(exauth.ScopeTradeSpot))
	read := newKraken(t, srv, srv.Key(exauth.ScopeRead))
	withdraw := newKraken(t, srv, srv.Key(exauth.ScopeWithdraw))
	wrong := newKraken(t, srv, exchangetest.Key{ID: trade.key.ID, Secret: withdraw.key.Secret})
	trade.order("cl_ord_id", "taken")
	order := func(changes ...string) func() reply { return func() reply { return trade.order(changes...) } }
	do := func(c *krakenClient, method string, params ...string) func() reply {
		return func() reply { return c.do(method, params...) }
	}
	for _, tc := range []struct {
		name string
		call func() reply
		want string // the error, "" for none
	}{
		{"no key", do(newKraken(t, srv, exchangetest.Key{}), "Balance"), "EAPI:Invalid key"},
		{"unknown key", do(newKraken(t, srv, exchangetest.Key{ID: "x", Secret: "eA=="}), "Balance"), "EAPI:Invalid key"},
		{"wrong secret", do(wrong, "Balance"), "EAPI:Invalid signature"},
		{"signed for another path", func() reply {
			body := "nonce=" + strconv.FormatUint(trade.nonce.Add(1), 10)
			req := request(t, "POST", srv.URL()+"/0/private/Balance", body)
			req.Header.Set("API-Key", trade.key.ID)
			req.Header.Set("API-Sign", signKraken(trade.key.Secret, "/0/private/OpenOrders", body[6:], body))
			req.Header.Set("Content-Type", formType)
			return send(t, srv.Client(), req)
		}, "EAPI:Invalid signature"},
		{"nonce used again", func() reply { return trade.post("/0/private/Balance", "1001", "nonce=1001", formType) }, "EAPI:Invalid nonce"},
		{"no nonce", func() reply { return trade.post("/0/private/Balance", "", "", formType) }, "EAPI:Invalid nonce"},
		{"nonce in words", func() reply { return trade.post("/0/private/Balance", "now", "nonce=now", formType) }, "EAPI:Invalid nonce"},
		{"nonce beyond 64 bits", func() reply {
			return trade.post("/0/private/Balance", "18446744073709551616", "nonce=18446744073709551616", formType)
		}, "EAPI:Invalid nonce"},
		{"nonce twice", func() reply {
			return trade.post("/0/private/Balance", "2000", "nonce=2000&nonce=2001", formType)
		}, "EGeneral:Invalid arguments"},
		{"JSON body", func() reply {
			n := strconv.FormatUint(trade.nonce.Add(1), 10)
			return trade.post("/0/private/Balance", n, `{"nonce": `+n+`}`, "application/json")
		}, ""},
		{"broken JSON body", func() reply {
			return trade.post("/0/private/Balance", "9", `{"nonce":9`, "application/json")
		}, "EGeneral:Invalid arguments"},
		{"read-only key places", do(read, "AddOrder", "pair", "XBTUSD"), "EGeneral:Permission denied"},
		{"read-only key reads", do(read, "OpenOrders"), ""},
		{"trading key withdraws", do(trade, "Withdraw", "asset", "XBT", "key", "k", "amount", "1"), "EGeneral:Permission denied"},
		{"withdraws", do(withdraw, "Withdraw", "asset", "XBT", "key", "k", "amount", "1"), ""},
		{"withdraws too much", do(withdraw, "Withdraw", "asset", "XXBT", "key", "k", "amount", "9.5"), "EFunding:Insufficient funds"},
		{"unknown method", do(trade, "Nothing"), "EGeneral:Unknown method"},
		{"GET of a private method", func() reply {
			return send(t, srv.Client(), request(t, "GET", srv.URL()+"/0/private/Balance", ""))
		}, "EAPI:Invalid key"},
		{"unknown pair", order("pair", "NOPE"), "EQuery:Unknown asset pair"},
		{"no pair", order("pair", "-"), "EGeneral:Invalid arguments:pair"},
		{"bad type", order("type", "hold"), "EGeneral:Invalid arguments:type"},
		{"bad order type", order("ordertype", "iceberg"), "EGeneral:Invalid arguments:ordertype"},
		{"no price", order("price", "-"), "EGeneral:Invalid arguments:price"},
		{"too fine a price", order("price", "50000.12"), "EOrder:Invalid price:XBTUSD price can only be specified up to 1 decimals."},
		{"exponent", order("volume", "1e-3"), "EGeneral:Invalid arguments:volume"},
		{"too dear", order("volume", "100"), "EOrder:Insufficient funds"},
		{"client id in use", order("cl_ord_id", "taken"), "EGeneral:Invalid arguments:cl_ord_id not unique"},
		{"client id too long", order("cl_ord_id", strings.Repeat("x", 19)), "EGeneral:Invalid arguments:cl_ord_id"},
		{"two client ids", order("cl_ord_id", "a", "userref", "1"), "EGeneral:Invalid arguments:userref"},
		{"deadline gone", order("deadline", "2020-01-01T00:00:00Z"), "EService:Deadline elapsed"},
		{"cancel of no order", do(trade, "CancelOrder", "txid", "OAAAAA-AAAAA-AAAAAA"), "EOrder:Unknown order"},
		{"cancel without id", do(trade, "CancelOrder"), "EGeneral:Invalid arguments"},
		{"query of no order", do(trade, "QueryOrders", "txid", "OAAAAA-AAAAA-AAAAAA"), "EOrder:Unknown order"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.call()
			if got.at(t, "error.0") != tc.want || got.status != http.StatusOK {
				t.Errorf("got HTTP %d %s, want %q", got.status, got.body, tc.want)
			}
		})
	}
}

// A refused signature uses no nonce up; a window lets late ones in, once each.
func TestKrakenNonces(t *testing.T) {
	strict := exchangetest.Key{ID: "strict", Secret: "c2VjcmV0"}
	windowed := exchangetest.Key{ID: "windowed", Secret: "c2VjcmV0", NonceWindow: 10}
	srv := start(t, "kraken", &exchangetest.Options{Keys: []exchangetest.Key{strict, windowed}})
	for _, tc := range []struct {
		key   exchangetest.Key
		nonce string
		forge bool
		want  string
	}{
		{strict, "5", false, ""}, {strict, "9", false, ""}, {strict, "8", false, "EAPI:Invalid nonce"}, {strict, "9", false, "EAPI:Invalid nonce"},
		{strict, "99", true, "EAPI:Invalid signature"}, {strict, "10", false, ""},
		{strict, "18446744073709551615", false, ""}, {strict, "11", false, "EAPI:Invalid nonce"},
		{windowed, "100", false, ""}, {windowed, "95", false, ""}, {windowed, "95", false, "EAPI:Invalid nonce"},
		{windowed, "91", false, ""}, {windowed, "90", false, "EAPI:Invalid nonce"}, {windowed, "105", false, ""},
		{windowed, "95", false, "EAPI:Invalid nonce"}, {windowed, "96", false, ""}, {windowed, "100", false, "EAPI:Invalid nonce"},
	} {
		key := tc.key
		if tc.forge {
			key.Secret = "d3Jvbmc="
		}
		got := newKraken(t, srv, key).post("/0/private/Balance", tc.nonce, "nonce="+tc.nonce, formType)
		if got.at(t, "error.0") != tc.want {
			t.Errorf("%s nonce %s: %s, want %q", tc.key.ID, tc.nonce, got.body, tc.want)
		}
	}
}

// docs.kraken.com, "Spot REST Authentication": the worked example of API-Sign.
func TestKrakenDocumentedExample(t *testing.T) {
	key := exchangetest.Key{ID: "documented", Secret: "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="}
	srv := start(t, "kraken", &exchangetest.Options{Keys: []exchangetest.Key{key}})
	for _, tc := range []struct{ sign, want string }{
		{"4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==", ""},
		{"5/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==", "EAPI:Invalid signature"},
	} {
		req := request(t, "POST", srv.URL()+"/0/private/AddOrder", "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25")
		req.Header.Set("API-Key", key.ID)
		req.Header.Set("API-Sign", tc.sign)
		req.Header.Set("Content-Type", formType)
		if got := send(t, srv.Client(), req); got.at(t, "error.0") != tc.want {
			t.Errorf("%s, want %q", got.body, tc.want)
		}
	}
}

// What Kraken accepts first and closes afterwards.
func TestKrakenClosesAfterwards(t *testing.T) {
	srv := start(t, "kraken", nil)
	c := newKraken(t, srv, srv.Key(exauth.ScopeTradeSpot))
	id := c.order("price", "60000", "oflags", "post").at(t, "result.txid.0")
	if got := c.do("QueryOrders", "txid", id); got.at(t, "result."+id+".status") != "canceled" || got.at(t, "result."+id+".reason") != "Post only order" {
		t.Errorf("post-only: %s", got.body)
	}
	if got := c.order("validate", "true"); got.at(t, "result.txid") != "" || got.at(t, "error") != "[]" {
		t.Errorf("validated: %s", got.body)
	}
	if free, locked := srv.Balance("main", "USD"); free != "1000000" || locked != "0" {
		t.Errorf("in the end: free %s, locked %s", free, locked)
	}
}

func TestKrakenCancels(t *testing.T) {
	srv := start(t, "kraken", nil)
	c := newKraken(t, srv, srv.Key(exauth.ScopeTradeSpot))
	for range 2 {
		c.order("userref", "7")
	}
	c.order("cl_ord_id", "kept")
	c.order("timeinforce", "IOC")
	bought := c.order("ordertype", "market", "oflags", "viqc", "volume", "60", "price", "-").at(t, "result.txid.0")
	if got := c.do("QueryOrders", "txid", bought); got.at(t, "result."+bought+".vol_exec") != "0.00100000" {
		t.Errorf("bought by value: %s", got.body)
	}
	if got := c.do("QueryOrders", "userref", "7"); strings.Count(got.body, `"status":"open"`) != 2 {
		t.Errorf("by userref: %s", got.body)
	}
	if got := c.do("CancelOrder", "txid", "7"); got.at(t, "result.count") != "2" {
		t.Errorf("cancel by userref: %s", got.body)
	}
	if got := c.do("CancelOrder", "txid", "7"); got.at(t, "error.0") != "EOrder:Unknown order" {
		t.Errorf("cancel by userref again: %s", got.body)
	}
	if got := send(t, srv.Client(), request(t, "GET", srv.URL()+"/0/public/Depth?pair=XBTUSD&count=2", "")); got.at(t, "result.XXBTZUSD.bids.1.0") != "50000.10000" ||
		got.at(t, "result.XXBTZUSD.bids.0.0") != "60000.00000" {
		t.Errorf("depth: %s", got.body)
	}
	if got := c.do("CancelAll"); got.at(t, "result.count") != "1" {
		t.Errorf("cancel all: %s", got.body)
	}
	if got := c.do("GetWebSocketsToken"); got.at(t, "result.expires") != "900" {
		t.Errorf("token: %s", got.body)
	}
	if _, locked := srv.Balance("main", "USD"); locked != "0" {
		t.Errorf("%s locked", locked)
	}
}
