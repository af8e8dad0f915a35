package exchangetest

import (
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// binance plays Binance spot: /api/v3 and a little of /sapi. Rules, codes and
// texts are those of binance-spot-api-docs (rest-api.md, errors.md, read at
// a5e0bc3 of 2026-07-21); HTTP statuses of key errors are what the venue sends.
type binance struct {
	*desk
	routes map[string]binanceRoute
}

// A binanceRoute is one endpoint. Routes without a scope are public.
type binanceRoute struct {
	scope  exauth.Scope
	params string // the names it reads, besides those of signing
	play   func(c *binanceCall) (any, *binanceError)
}

// A binanceCall is an authenticated call with its parameters, query before body.
type binanceCall struct {
	*call
	form
	key Key
}

// A binanceError is the venue's error payload and the status it comes with.
type binanceError struct {
	status int
	Code   int    `json:"code"`
	Msg    string `json:"msg"`
	Data   any    `json:"data,omitempty"` // cancelReplace tells both halves
}

// binanceErr is a refusal; nearly all come with 400.
func binanceErr(code int, msg string) *binanceError {
	return &binanceError{status: http.StatusBadRequest, Code: code, Msg: msg}
}

// The refusals of a request as a whole, from errors.md.
var (
	binanceKeyFormat = &binanceError{status: http.StatusUnauthorized, Code: -2014, Msg: "API-key format invalid."}
	binanceNoKey     = &binanceError{status: http.StatusUnauthorized, Code: -2015, Msg: "Invalid API-key, IP, or permissions for action."}
	binanceBadSign   = binanceErr(-1022, "Signature for this request is not valid.")
	binanceLate      = binanceErr(-1021, "Timestamp for this request is outside of the recvWindow.")
	binanceEarly     = binanceErr(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
	binanceRepeated  = binanceErr(-1101, "Duplicate values for a parameter detected.")
	binanceSymbol    = binanceErr(-1121, "Invalid symbol.")
)

// binanceMissing names a mandatory parameter that is absent or empty.
func binanceMissing(name string) *binanceError {
	return binanceErr(-1102, "Mandatory parameter '"+name+"' was not sent, was empty/null, or malformed.")
}

// binanceIllegal names a parameter whose characters are wrong, and the right ones.
func binanceIllegal(name, legal string) *binanceError {
	return binanceErr(-1100, "Illegal characters found in parameter '"+name+"'; legal range is '"+legal+"'.")
}

// markets: ticks and steps are so that a notional value never has more than the
// eight decimals the venue keeps.
func (b *binance) markets() []market {
	return []market{
		{symbol: "BTCUSDT", base: "BTC", quote: "USDT", tick: 2, step: 5, price: "60000"},
		{symbol: "ETHUSDT", base: "ETH", quote: "USDT", tick: 2, step: 4, price: "2500"},
		{symbol: "ETHBTC", base: "ETH", quote: "BTC", tick: 5, step: 3, price: "0.04166"},
		{symbol: "LTCBTC", base: "LTC", quote: "BTC", tick: 5, step: 3, price: "0.001"},
	}
}

// orderName writes orderId, a plain number.
func (b *binance) orderName(seq int64) string { return strconv.FormatInt(seq, 10) }

// makeKeys makes ids and secrets of 64 letters and digits, as the venue's are.
func (b *binance) makeKeys() []Key {
	return standardKeys(func() Key { return Key{ID: randomText(64), Secret: randomText(64)} })
}

// open takes the desk and lists the routes. Permissions follow the security types
// of rest-api.md: USER_DATA reads, TRADE trades.
func (b *binance) open(d *desk) {
	b.desk = d
	d.book.filled = b.filled
	const order = "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId newOrderRespType selfTradePreventionMode strategyId strategyType"
	const one = "symbol orderId origClientOrderId newClientOrderId cancelRestrictions"
	const past = "symbol orderId startTime endTime fromId limit"
	read, trade := exauth.ScopeRead, exauth.ScopeTradeSpot
	b.routes = map[string]binanceRoute{
		"GET /api/v3/ping":            {0, "", b.ping},
		"GET /api/v3/time":            {0, "", b.time},
		"GET /api/v3/exchangeInfo":    {0, "symbol symbols permissions showPermissionSets symbolStatus", b.exchangeInfo},
		"GET /api/v3/ticker/price":    {0, "symbol", b.tickerPrice},
		"GET /api/v3/depth":           {0, "symbol limit", b.depth},
		"GET /api/v3/account":         {read, "omitZeroBalances", b.account},
		"GET /api/v3/order":           {read, one, b.queryOrder},
		"GET /api/v3/rateLimit/order": {read, "", b.orderLimits},
		"POST /api/v3/order":          {trade, order, b.newOrder},
		"POST /api/v3/order/cancelReplace": {trade, order + " cancelReplaceMode cancelOrderId cancelOrigClientOrderId cancelNewClientOrderId" +
			" cancelRestrictions orderRateLimitExceededMode", b.cancelReplace},
		"POST /api/v3/order/test":              {trade, order + " computeCommissionRates", b.testOrder},
		"DELETE /api/v3/order":                 {trade, one, b.cancelOrder},
		"GET /api/v3/openOrders":               {read, "symbol", b.openOrders},
		"DELETE /api/v3/openOrders":            {trade, "symbol", b.cancelAll},
		"GET /api/v3/allOrders":                {read, past, b.allOrders},
		"GET /api/v3/myTrades":                 {read, past, b.myTrades},
		"GET /sapi/v1/account/apiRestrictions": {read, "", b.apiRestrictions},
		"POST /sapi/v1/capital/withdraw/apply": {exauth.ScopeWithdraw,
			"coin withdrawOrderId network address addressTag amount transactionFeeFlag name walletType", b.withdraw},
	}
}

// serve answers one call. The order of its checks is the venue's: a bad parameter
// of a badly signed request is told as a bad signature. An unknown route is
// answered as one only when the request is in order.
func (b *binance) serve(c *call) answer {
	route, known := b.routes[c.method+" "+c.path]
	q, err := b.read(c, known)
	signed := route.scope != 0 || !known && q != nil && q.has("signature")
	if err == nil && signed {
		err = b.authenticate(q, route.scope)
	}
	if err == nil && signed {
		if x := c.visit.identify(q.key, c.now); x != nil {
			return b.refuse(x)
		}
	}
	if err == nil && !known {
		return answer{status: http.StatusNotFound, kind: "text/html", body: []byte("<html><head><title>404 Not Found</title></head></html>")}
	}
	var result any
	if err == nil {
		err = q.unread(route.params, signed)
	}
	if err == nil {
		result, err = route.play(q)
	}
	if err != nil {
		return answer{status: err.status, body: encode(err), costs: b.spent(c, false)}
	}
	return answer{status: http.StatusOK, body: encode(result), costs: b.spent(c, true)}
}

// read parses the parameters. Those of the query come first, since the venue
// uses them when a name is in both places. A name twice in one place is refused
// (strict) on the routes played here; there are others that take arrays so.
func (b *binance) read(c *call, strict bool) (*binanceCall, *binanceError) {
	query, ok1 := parseForm(c.query)
	body, ok2 := form(nil), true
	if c.mediaType() == formType { // a body of another type holds no parameters
		body, ok2 = parseForm(string(c.body))
	}
	switch {
	case !ok1 || !ok2:
		return nil, binanceErr(-1100, "Illegal characters found in a parameter.")
	case strict && (query.repeated() != "" || body.repeated() != ""):
		return nil, binanceRepeated
	}
	return &binanceCall{call: c, form: append(query, body...)}, nil
}

// authenticate goes through key, signature, time and permission, in this order.
func (b *binance) authenticate(q *binanceCall, need exauth.Scope) *binanceError {
	id := q.header.Get("X-MBX-APIKEY")
	key, known := b.keys[id]
	switch {
	case id == "" || !binanceKeyID.MatchString(id):
		return binanceKeyFormat
	case !known:
		return binanceNoKey
	case q.get("signature") == "":
		return binanceMissing("signature")
	case q.get("timestamp") == "":
		return binanceMissing("timestamp")
	}
	payload := without(q.query, "signature") + without(string(q.body), "signature")
	if !ascii(payload) || !binanceSignature(key, payload, q.get("signature")) {
		return binanceBadSign
	}
	if err := q.timely(); err != nil {
		return err
	}
	if !key.allows(need) {
		return binanceNoKey
	}
	q.key = key
	return nil
}

// binanceKeyID is what an API key may look like; anything else is -2014 unread.
var binanceKeyID = regexp.MustCompile(`^[A-Za-z0-9]{16,128}$`)

// ascii: since 2026-01-15 everything else must be percent-encoded before signing
// (CHANGELOG of 2025-12-17), and is a bad signature otherwise.
func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e })
}

// timely applies "Timing security": timestamp in milli- or microseconds,
// recvWindow in milliseconds with up to three decimals, 5000 by default.
func (q *binanceCall) timely() *binanceError {
	ts := q.get("timestamp")
	n, err := strconv.ParseInt(ts, 10, 64)
	if !digits(ts) || err != nil {
		return binanceIllegal("timestamp", "^[0-9]{1,20}$")
	}
	at := time.UnixMilli(n)
	if n >= 1e14 { // in milliseconds the year 5138, in microseconds 1973
		at = time.UnixMicro(n)
	}
	window := 5 * time.Second
	if q.has("recvWindow") {
		r, ok := parseDecimal(q.get("recvWindow"))
		if !ok || !fits(r, 3) {
			return binanceIllegal("recvWindow", "^[0-9]{1,5}(\\.[0-9]{1,3})?$")
		}
		if r.Cmp(big.NewRat(60000, 1)) > 0 {
			return binanceErr(-1102, "'recvWindow' contains unexpected value. Cannot be greater than 60000.")
		}
		window = time.Duration(mul(r, pow10(6)).Num().Int64())
	}
	switch {
	case !at.Before(q.now.Add(time.Second)):
		return binanceEarly
	case q.now.Sub(at) > window:
		return binanceLate
	}
	return nil
}

// unread refuses parameters the route does not know.
func (q *binanceCall) unread(known string, signed bool) *binanceError {
	names := strings.Fields(known)
	if signed {
		names = append(names, "timestamp", "recvWindow", "signature")
	}
	read := 0
	for _, p := range q.form {
		if slices.Contains(names, p.name) {
			read++
		}
	}
	if read < len(q.form) {
		return binanceErr(-1104, "Not all sent parameters were read; read '"+strconv.Itoa(read)+
			"' parameter(s) but was sent '"+strconv.Itoa(len(q.form))+"'.")
	}
	return nil
}

// market returns the market named by symbol.
func (b *binance) symbol(q *binanceCall) (*market, *binanceError) {
	s := q.get("symbol")
	if s == "" {
		return nil, binanceMissing("symbol")
	}
	if m := b.book.market(s); m != nil {
		return m, nil
	}
	return nil, binanceSymbol
}
