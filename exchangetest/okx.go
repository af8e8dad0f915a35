package exchangetest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// okx plays OKX spot, /api/v5. Every answer is {"code","msg","data"}; what concerns
// one order is in its item's sCode and sMsg. Rules, codes, statuses and texts are
// those of okx.com/docs-v5 ("REST Authentication", "Error Code", "Order Book
// Trading", as of 2026-07); 50120 comes with the status seen in use, 401.
type okx struct {
	*desk
	demo   bool // plays demo trading, where x-simulated-trading: 1 must be sent
	routes map[string]okxRoute
}

// An okxRoute is one endpoint. Routes without a scope are public.
type okxRoute struct {
	scope exauth.Scope
	play  func(c *okxCall) okxAnswer
}

// An okxCall is an authenticated call with its parameters.
type okxCall struct {
	*call
	form // the query of a GET, the object of a POST
	key  Key
}

// An okxAnswer is the whole of an answer.
type okxAnswer struct {
	status  int
	Code    string `json:"code"`
	Msg     string `json:"msg"`
	Data    any    `json:"data"`
	InTime  string `json:"inTime,omitempty"`  // microseconds, on trading routes
	OutTime string `json:"outTime,omitempty"` // microseconds, on trading routes
}

// okxErr refuses a request as a whole.
func okxErr(status int, code, msg string) *okxAnswer {
	return &okxAnswer{status: status, Code: code, Msg: msg, Data: []any{}}
}

// okxData answers with items, none as [].
func okxData(items ...any) okxAnswer {
	if items == nil {
		items = []any{}
	}
	return okxAnswer{status: http.StatusOK, Code: "0", Data: items}
}

// okxEmpty names a mandatory parameter that is not there.
func okxEmpty(name string) *okxAnswer {
	return okxErr(http.StatusBadRequest, "50014", "Parameter "+name+" can not be empty.")
}

// okxBad names a parameter that makes no sense.
func okxBad(name string) *okxAnswer {
	return okxErr(http.StatusBadRequest, "51000", "Parameter "+name+" error")
}

// markets: spot only; the instrument id is base and quote with a hyphen between.
func (x *okx) markets() []market {
	return []market{
		{symbol: "BTC-USDT", base: "BTC", quote: "USDT", tick: 1, step: 8, price: "60000"},
		{symbol: "ETH-USDT", base: "ETH", quote: "USDT", tick: 2, step: 6, price: "2500"},
		{symbol: "ETH-BTC", base: "ETH", quote: "BTC", tick: 5, step: 6, price: "0.04166"},
		{symbol: "LTC-BTC", base: "LTC", quote: "BTC", tick: 6, step: 6, price: "0.001"},
	}
}

// orderName makes ids of eighteen digits, as the venue's are.
func (x *okx) orderName(seq int64) string { return strconv.FormatInt(680800019749904384+seq, 10) }

// makeKeys makes a UUID, 32 capital hex digits and a passphrase.
func (x *okx) makeKeys() []Key {
	return standardKeys(func() Key {
		h := randomHex(16)
		return Key{
			ID:         h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:],
			Secret:     strings.ToUpper(randomHex(16)),
			Passphrase: "Fake-" + randomText(12) + "!",
		}
	})
}

// open takes the desk and lists the routes with the permission each page states.
func (x *okx) open(d *desk) {
	x.desk = d
	d.book.late = true
	read, trade := exauth.ScopeRead, exauth.ScopeTradeSpot
	x.routes = map[string]okxRoute{
		"GET /api/v5/public/time":                {0, x.time},
		"GET /api/v5/market/ticker":              {0, x.ticker},
		"GET /api/v5/market/books":               {0, x.books},
		"GET /api/v5/account/balance":            {read, x.balance},
		"GET /api/v5/account/config":             {read, x.config},
		"GET /api/v5/trade/account-rate-limit":   {read, x.rateLimit},
		"GET /api/v5/trade/order":                {read, x.queryOrder},
		"GET /api/v5/trade/orders-pending":       {read, x.pending},
		"GET /api/v5/trade/orders-history":       {read, x.history},
		"GET /api/v5/trade/fills":                {read, x.fills},
		"POST /api/v5/trade/order":               {trade, x.each(x.placeItem)},
		"POST /api/v5/trade/batch-orders":        {trade, x.each(x.placeItem)},
		"POST /api/v5/trade/cancel-order":        {trade, x.each(x.cancelItem)},
		"POST /api/v5/trade/cancel-batch-orders": {trade, x.each(x.cancelItem)},
		"POST /api/v5/trade/cancel-all-after":    {trade, x.cancelAllAfter},
		"POST /api/v5/asset/withdrawal":          {exauth.ScopeWithdraw, x.withdraw},
	}
}

// serve answers one call.
func (x *okx) serve(c *call) answer {
	a := x.answer(c)
	return answer{status: a.status, kind: "application/json", body: encode(a)}
}

// answer is serve before encoding.
func (x *okx) answer(c *call) okxAnswer {
	route, known := x.routes[c.method+" "+c.path]
	q := &okxCall{call: c}
	// The gate comes before the map: an unknown path is looked up only for
	// callers who are known.
	if route.scope != 0 || !known && c.header.Get("OK-ACCESS-KEY") != "" {
		if err := x.authenticate(q, route.scope); err != nil {
			return *err
		}
		if e := c.visit.identify(q.key, c.now); e != nil {
			return x.limited(e)
		}
	}
	if !known {
		for path := range x.routes {
			if strings.HasSuffix(path, " "+c.path) {
				return *okxErr(http.StatusMethodNotAllowed, "50115", "Invalid request method")
			}
		}
		return *okxErr(http.StatusNotFound, "404", "Not Found")
	}
	if err := q.read(); err != nil {
		return *err
	}
	return route.play(q)
}

// authenticate goes through headers, environment, time, key, passphrase,
// signature and permission.
func (x *okx) authenticate(q *okxCall, need exauth.Scope) *okxAnswer {
	unauthorized := func(code, msg string) *okxAnswer { return okxErr(http.StatusUnauthorized, code, msg) }
	for _, h := range [...][2]string{{"OK-ACCESS-KEY", "50103"}, {"OK-ACCESS-PASSPHRASE", "50104"},
		{"OK-ACCESS-SIGN", "50106"}, {"OK-ACCESS-TIMESTAMP", "50107"}} {
		if q.header.Get(h[0]) == "" {
			return unauthorized(h[1], `Request header "`+h[0]+`" cannot be empty.`)
		}
	}
	stamp := q.header.Get("OK-ACCESS-TIMESTAMP")
	at, ok := okxStamp(stamp)
	key, known := x.keys[q.header.Get("OK-ACCESS-KEY")]
	uri := q.path
	if q.query != "" {
		uri += "?" + q.query
	}
	switch {
	case !ok:
		return unauthorized("50112", "Invalid OK-ACCESS-TIMESTAMP")
	case q.now.Sub(at).Abs() > 30*time.Second:
		return unauthorized("50102", "Timestamp request expired")
	case !known:
		return unauthorized("50111", "Invalid OK-ACCESS-KEY")
	case (q.header.Get("x-simulated-trading") == "1") != x.demo:
		return unauthorized("50101", "APIKey does not match current environment.")
	case q.header.Get("OK-ACCESS-PASSPHRASE") != key.Passphrase:
		return unauthorized("50105", `Request header "OK-ACCESS-PASSPHRASE" incorrect.`)
	case !okxSignature(key, stamp, q.method, uri, q.body, q.header.Get("OK-ACCESS-SIGN")):
		return unauthorized("50113", "Invalid Sign")
	case !key.allows(need):
		return unauthorized("50120", "This API key doesn't have permission to use this function.")
	}
	q.key = key
	return nil
}

// okxStampForm: three digits of milliseconds or none; six are refused.
var okxStampForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$`)

// okxStamp reads the timestamp: ISO 8601 in UTC with milliseconds, or Unix
// seconds with them, as old clients send.
func okxStamp(s string) (time.Time, bool) {
	if okxStampForm.MatchString(s) {
		at, err := time.Parse(time.RFC3339, s)
		return at, err == nil
	}
	whole, frac, _ := strings.Cut(s, ".")
	if !digits(whole) || frac != "" && !digits(frac) || len(whole) > 10 {
		return time.Time{}, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return time.UnixMilli(int64(f * 1000)), err == nil
}

// read takes the parameters: the query of a GET, the body of a POST. Bodies that
// are arrays are left to each.
func (q *okxCall) read() *okxAnswer {
	var ok bool
	switch {
	case q.method == http.MethodGet:
		q.form, ok = parseForm(q.query)
	case len(q.body) == 0:
		return okxErr(http.StatusBadRequest, "50000", "Body for POST request cannot be empty.")
	case q.mediaType() != jsonType:
		return okxErr(http.StatusBadRequest, "50006", `Invalid Content-Type. Please use "application/JSON".`)
	case q.body[0] == '[':
		ok = json.Valid(q.body)
	default:
		q.form, ok = parseObject(q.body)
	}
	if !ok {
		return okxErr(http.StatusBadRequest, "50002", "JSON syntax error")
	}
	if name := q.repeated(); name != "" {
		return okxBad(name)
	}
	return nil
}

// okxMillis writes a time as all of the venue's answers do.
func okxMillis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// time is GET /api/v5/public/time.
func (x *okx) time(q *okxCall) okxAnswer {
	return okxData(map[string]string{"ts": okxMillis(q.now)})
}

// ticker is GET /api/v5/market/ticker. Bid, ask and the day's prices are the last.
func (x *okx) ticker(q *okxCall) okxAnswer {
	m := x.book.market(q.get("instId"))
	switch {
	case q.get("instId") == "":
		return *okxEmpty("instId")
	case m == nil:
		return *okxErr(http.StatusOK, "51001", "Instrument ID doesn't exist.")
	}
	last := x.book.last(m)
	if last == nil {
		last = zero()
	}
	p := text(last, 0)
	return okxData(struct {
		InstType string `json:"instType"`
		InstID   string `json:"instId"`
		Last     string `json:"last"`
		LastSz   string `json:"lastSz"`
		AskPx    string `json:"askPx"`
		AskSz    string `json:"askSz"`
		BidPx    string `json:"bidPx"`
		BidSz    string `json:"bidSz"`
		Open     string `json:"open24h"`
		High     string `json:"high24h"`
		Low      string `json:"low24h"`
		VolCcy   string `json:"volCcy24h"`
		Vol      string `json:"vol24h"`
		TS       string `json:"ts"`
	}{"SPOT", m.symbol, p, "1", p, "1", p, "1", p, p, p, "0", "0", okxMillis(q.now)})
}

// books: price, size, a zero that once meant something, number of orders.
func (x *okx) books(q *okxCall) okxAnswer {
	m := x.book.market(q.get("instId"))
	switch {
	case q.get("instId") == "":
		return *okxEmpty("instId")
	case m == nil:
		return *okxErr(http.StatusOK, "51001", "Instrument ID doesn't exist.")
	}
	n, err := strconv.Atoi(cmp.Or(q.get("sz"), "1"))
	if err != nil || n < 1 || n > 400 {
		return *okxBad("sz")
	}
	side := func(s side) [][4]string {
		list := [][4]string{}
		for _, l := range x.book.levels(m, s, n) {
			list = append(list, [4]string{text(l.price, 0), text(l.qty, 0), "0", strconv.Itoa(l.orders)})
		}
		return list
	}
	return okxData(struct {
		Asks [][4]string `json:"asks"`
		Bids [][4]string `json:"bids"`
		TS   string      `json:"ts"`
	}{side(sell), side(buy), okxMillis(q.now)})
}

// balance is the trading account's, all assets or those of ccy.
func (x *okx) balance(q *okxCall) okxAnswer {
	type detail struct {
		Ccy       string `json:"ccy"`
		Eq        string `json:"eq"`
		CashBal   string `json:"cashBal"`
		AvailBal  string `json:"availBal"`
		AvailEq   string `json:"availEq"`
		FrozenBal string `json:"frozenBal"`
		OrdFrozen string `json:"ordFrozen"`
		UTime     string `json:"uTime"`
	}
	wanted := strings.FieldsFunc(q.get("ccy"), func(r rune) bool { return r == ',' })
	details, now := []detail{}, okxMillis(q.now)
	for _, h := range x.book.holdings(q.key.account()) {
		if len(wanted) > 0 && !slices.Contains(wanted, h.asset) {
			continue
		}
		sum, free, locked := text(add(h.free, h.locked), 0), text(h.free, 0), text(h.locked, 0)
		details = append(details, detail{h.asset, sum, sum, free, free, locked, locked, now})
	}
	return okxData(struct {
		AdjEq   string   `json:"adjEq"`
		Details []detail `json:"details"`
		TotalEq string   `json:"totalEq"`
		UTime   string   `json:"uTime"`
	}{"", details, "", now})
}

// config tells what the key may do in perm: read_only, trade, withdraw.
func (x *okx) config(q *okxCall) okxAnswer {
	perm := "read_only"
	if q.key.allows(exauth.ScopeTradeSpot) {
		perm += ",trade"
	}
	if q.key.allows(exauth.ScopeWithdraw) {
		perm += ",withdraw"
	}
	return okxData(map[string]string{
		"uid": "44705892343619584", "mainUid": "44705892343619584", "acctLv": "1", "posMode": "net_mode",
		"autoLoan": "false", "label": q.key.account(), "ip": "", "perm": perm, "type": "0",
	})
}

// withdraw takes an amount and sends it nowhere.
func (x *okx) withdraw(q *okxCall) okxAnswer {
	for _, name := range []string{"ccy", "amt", "dest", "toAddr"} {
		if q.get(name) == "" {
			return *okxEmpty(name)
		}
	}
	amount, ok := parseDecimal(q.get("amt"))
	if !ok || amount.Sign() == 0 {
		return *okxBad("amt")
	}
	if x.book.withdraw(q.key.account(), q.get("ccy"), amount) != nil {
		return *okxErr(http.StatusOK, "58350", "Insufficient balance.")
	}
	return okxData(map[string]string{"amt": q.get("amt"), "wdId": strconv.FormatInt(q.now.UnixNano(), 10), "ccy": q.get("ccy"),
		"clientId": q.get("clientId"), "chain": q.get("chain")})
}
