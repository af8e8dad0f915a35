package exchangetest

import (
	"cmp"
	"encoding/base32"
	"encoding/binary"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/exauth/exauth"
)

// kraken plays Kraken spot, /0/public and /0/private. Errors come in an array and
// with HTTP 200. Rules and texts are those of docs.kraken.com ("Spot REST
// Authentication", "Spot Error Messages", "Spot Client Order Identifiers", read
// 2026-11).
type kraken struct {
	*desk
	routes map[string]krakenRoute
	nonces nonces
}

// A krakenRoute is one endpoint. Routes without a scope are public.
type krakenRoute struct {
	scope exauth.Scope
	play  func(c *krakenCall) (any, krakenError)
}

// A krakenCall is an authenticated call with its parameters.
type krakenCall struct {
	*call
	form
	key Key
}

// A krakenError is the venue's text, "" for none.
type krakenError string

// From "Spot Error Messages", but for the last.
const (
	krakenNoKey     krakenError = "EAPI:Invalid key"
	krakenBadSign   krakenError = "EAPI:Invalid signature"
	krakenBadNonce  krakenError = "EAPI:Invalid nonce"
	krakenDenied    krakenError = "EGeneral:Permission denied"
	krakenArguments krakenError = "EGeneral:Invalid arguments"
	krakenMethod    krakenError = "EGeneral:Unknown method"
	krakenPair      krakenError = "EQuery:Unknown asset pair"
	krakenFunds     krakenError = "EOrder:Insufficient funds"
	krakenUnknown   krakenError = "EOrder:Unknown order"
	krakenDeadline  krakenError = "EService:Deadline elapsed"
	// Not on the error page; bots report this text for an id of an open order.
	krakenTaken krakenError = "EGeneral:Invalid arguments:cl_ord_id not unique"
)

// krakenBad names the argument that is wrong, as the venue does in a third part.
func krakenBad(argument string) krakenError { return krakenArguments + krakenError(":"+argument) }

// krakenAssets are the names in balances of assets that have an older name.
var krakenAssets = [...][2]string{{"BTC", "XXBT"}, {"ETH", "XETH"}, {"LTC", "XLTC"}, {"USD", "ZUSD"}, {"EUR", "ZEUR"}}

// krakenAsset returns the name of an asset in balances: XXBT, ZUSD, USDT.
func krakenAsset(asset string) string {
	for _, a := range krakenAssets {
		if a[0] == asset {
			return a[1]
		}
	}
	return asset
}

// plainAsset undoes krakenAsset, and takes XBT too.
func plainAsset(name string) string {
	if name == "XBT" {
		return "BTC"
	}
	for _, a := range krakenAssets {
		if a[1] == name {
			return a[0]
		}
	}
	return name
}

// markets: the first alias is the altname, which descriptions use.
func (k *kraken) markets() []market {
	return []market{
		{symbol: "XXBTZUSD", alias: []string{"XBTUSD", "XBT/USD", "BTC/USD", "BTCUSD"}, base: "BTC", quote: "USD", tick: 1, step: 8, price: "60000"},
		{symbol: "XXBTZEUR", alias: []string{"XBTEUR", "XBT/EUR", "BTC/EUR", "BTCEUR"}, base: "BTC", quote: "EUR", tick: 1, step: 8, price: "55000"},
		{symbol: "XBTUSDT", alias: []string{"XBTUSDT", "XBT/USDT", "BTC/USDT", "BTCUSDT"}, base: "BTC", quote: "USDT", tick: 1, step: 8, price: "60000"},
		{symbol: "XETHZUSD", alias: []string{"ETHUSD", "ETH/USD"}, base: "ETH", quote: "USD", tick: 2, step: 8, price: "2500"},
		{symbol: "XETHXXBT", alias: []string{"ETHXBT", "ETH/XBT", "ETH/BTC", "ETHBTC"}, base: "ETH", quote: "BTC", tick: 5, step: 8, price: "0.04166"},
	}
}

// orderName makes OXXXXX-XXXXX-XXXXXX of a number, without a visible order.
func (k *kraken) orderName(seq int64) string {
	var b [10]byte
	binary.BigEndian.PutUint64(b[:8], uint64(seq)*0x9E3779B97F4A7C15)
	binary.BigEndian.PutUint16(b[8:], uint16(seq))
	s := base32.StdEncoding.EncodeToString(b[:])
	return "O" + s[:5] + "-" + s[5:10] + "-" + s[10:]
}

// makeKeys makes ids of 56 and secrets of 88 base64 characters.
func (k *kraken) makeKeys() []Key {
	return standardKeys(func() Key { return Key{ID: randomBase64(42), Secret: randomBase64(64)} })
}

// open takes the desk and lists the methods by path.
func (k *kraken) open(d *desk) {
	k.desk = d
	d.book.late = true
	read, trade := exauth.ScopeRead, exauth.ScopeTradeSpot
	k.routes = map[string]krakenRoute{
		"/0/public/Time":                  {0, k.time},
		"/0/public/SystemStatus":          {0, k.status},
		"/0/public/Ticker":                {0, k.ticker},
		"/0/public/Depth":                 {0, k.depth},
		"/0/public/AssetPairs":            {0, k.assetPairs},
		"/0/private/Balance":              {read, k.balance},
		"/0/private/BalanceEx":            {read, k.balanceEx},
		"/0/private/AddOrder":             {trade, k.addOrder},
		"/0/private/AddOrderBatch":        {trade, k.addOrderBatch},
		"/0/private/CancelOrder":          {trade, k.cancelOrder},
		"/0/private/CancelAll":            {trade, k.cancelAll},
		"/0/private/CancelAllOrdersAfter": {trade, k.cancelAllAfter},
		"/0/private/QueryOrders":          {read, k.queryOrders},
		"/0/private/OpenOrders":           {read, k.openOrders},
		"/0/private/ClosedOrders":         {read, k.closedOrders},
		"/0/private/TradesHistory":        {read, k.tradesHistory},
		"/0/private/GetWebSocketsToken":   {read, k.token},
		"/0/private/Withdraw":             {exauth.ScopeWithdraw, k.withdraw},
	}
}

// serve answers one call. Everything under /0/private is authenticated before it
// is looked up, and must be a POST.
func (k *kraken) serve(c *call) answer {
	route, known := k.routes[c.path]
	q, err := k.read(c)
	private := strings.HasPrefix(c.path, "/0/private/")
	if err == "" && private {
		err = k.authenticate(q, route.scope)
	}
	if err == "" && private {
		if x := c.visit.identify(q.key, c.now); x != nil {
			return k.refuse(x)
		}
	}
	if err == "" && (!known || private && c.method != http.MethodPost) {
		err = krakenMethod
	}
	var result any
	if err == "" {
		result, err = route.play(q)
	}
	return krakenAnswer(result, err)
}

// krakenAnswer wraps a result or an error as the venue does.
func krakenAnswer(result any, err krakenError) answer {
	out := struct {
		Error  []string `json:"error"`
		Result any      `json:"result,omitempty"`
	}{[]string{}, result}
	if err != "" {
		out.Error, out.Result = []string{string(err)}, nil
	}
	return answer{status: http.StatusOK, kind: "application/json", body: encode(out)}
}

// read takes the parameters of the query and of the body, a form or a JSON object.
func (k *kraken) read(c *call) (*krakenCall, krakenError) {
	f, ok := parseForm(c.query)
	body, isForm := form(nil), len(c.body) == 0
	switch c.mediaType() {
	case jsonType:
		body, isForm = parseObject(c.body)
	case formType:
		body, isForm = parseForm(string(c.body))
	}
	f = append(f, body...)
	if !ok || !isForm || f.repeated() != "" {
		return nil, krakenArguments // "malformed, incorrect or ambiguous"
	}
	return &krakenCall{call: c, form: f}, ""
}

// authenticate goes through key, signature, nonce and permission. A nonce is used
// up only by a request that is signed right.
func (k *kraken) authenticate(q *krakenCall, need exauth.Scope) krakenError {
	key, known := k.keys[q.header.Get("API-Key")]
	if !known {
		return krakenNoKey
	}
	nonce := q.get("nonce")
	if !krakenSignature(key, q.path, nonce, q.body, q.header.Get("API-Sign")) {
		return krakenBadSign
	}
	n, err := strconv.ParseUint(nonce, 10, 64)
	if !digits(nonce) || err != nil || !k.nonces.take(key, n) {
		return krakenBadNonce
	}
	if !key.allows(need) {
		return krakenDenied
	}
	q.key = key
	return ""
}

// nonces remembers, per key, the highest nonce and, within the key's window, the
// ones used (support.kraken.com, "What is a nonce window?").
type nonces struct {
	mu   sync.Mutex
	seen map[string]*nonceState
}

// A nonceState is what is known of one key.
type nonceState struct {
	highest uint64
	used    []uint64 // those above highest - window
}

// take uses up n, and reports whether it still could be used.
func (s *nonces) take(key Key, n uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]*nonceState{}
	}
	st := s.seen[key.ID]
	if st == nil {
		st = &nonceState{}
		s.seen[key.ID] = st
	}
	if n <= st.highest && (st.highest-n >= key.NonceWindow || slices.Contains(st.used, n)) {
		return false
	}
	st.highest = max(st.highest, n)
	if key.NonceWindow > 0 {
		st.used = slices.DeleteFunc(append(st.used, n), func(u uint64) bool { return st.highest-u >= key.NonceWindow })
	}
	return true
}

// time is in whole seconds; the offset of a client can be no finer.
func (k *kraken) time(q *krakenCall) (any, krakenError) {
	return struct {
		Unix    int64  `json:"unixtime"`
		RFC1123 string `json:"rfc1123"`
	}{q.now.Unix(), q.now.Format("Mon, _2 Jan 06 15:04:05 -0700")}, ""
}

// status is SystemStatus.
func (k *kraken) status(q *krakenCall) (any, krakenError) {
	return map[string]string{"status": "online", "timestamp": q.now.Format(time.RFC3339)}, ""
}

// pairs lists the markets that the parameter pair names, or all.
func (k *kraken) pairs(q *krakenCall) ([]*market, krakenError) {
	if q.get("pair") == "" {
		return k.book.listed(), ""
	}
	var list []*market
	for name := range strings.SplitSeq(q.get("pair"), ",") {
		m := k.book.market(name)
		if m == nil {
			return nil, krakenPair
		}
		list = append(list, m)
	}
	return list, ""
}

// ticker: a ask, b bid, c last, v volume, p average, t trades, l low, h high, o open.
func (k *kraken) ticker(q *krakenCall) (any, krakenError) {
	list, err := k.pairs(q)
	if err != "" {
		return nil, err
	}
	out := map[string]any{}
	for _, m := range list {
		last := k.book.last(m)
		if last == nil {
			last = zero()
		}
		p, none := text(last, 5), "0.00000000"
		out[m.symbol] = map[string]any{
			"a": []string{p, "1", "1.000"}, "b": []string{p, "1", "1.000"}, "c": []string{p, none},
			"v": []string{none, none}, "p": []string{p, p}, "t": []int{0, 0}, "l": []string{p, p}, "h": []string{p, p}, "o": p,
		}
	}
	return out, ""
}

// depth: price, volume, time.
func (k *kraken) depth(q *krakenCall) (any, krakenError) {
	m := k.book.market(q.get("pair"))
	if m == nil {
		return nil, krakenPair
	}
	n, err := strconv.Atoi(cmp.Or(q.get("count"), "100"))
	if err != nil || n < 1 {
		return nil, krakenBad("count")
	}
	side := func(s side) [][]any {
		list := [][]any{}
		for _, l := range k.book.levels(m, s, min(n, 500)) {
			list = append(list, []any{text(l.price, 5), text(l.qty, 3), q.now.Unix()})
		}
		return list
	}
	return map[string]any{m.symbol: map[string]any{"bids": side(buy), "asks": side(sell)}}, ""
}

// assetPairs lists the markets, all or those of pair.
func (k *kraken) assetPairs(q *krakenCall) (any, krakenError) {
	list, err := k.pairs(q)
	if err != "" {
		return nil, err
	}
	out := map[string]any{}
	for _, m := range list {
		out[m.symbol] = map[string]any{
			"altname": m.alias[0], "wsname": m.alias[1], "base": krakenAsset(m.base), "quote": krakenAsset(m.quote),
			"pair_decimals": m.tick, "cost_decimals": 5, "lot_decimals": m.step, "lot_multiplier": 1,
			"ordermin": "0.0001", "status": "online",
		}
	}
	return out, ""
}

// krakenDecimals is how many decimals a balance has.
func krakenDecimals(asset string) int {
	switch asset {
	case "USD", "EUR":
		return 4
	case "USDT":
		return 8
	}
	return 10
}

// balance counts what open orders hold, too.
func (k *kraken) balance(q *krakenCall) (any, krakenError) {
	out := map[string]string{}
	for _, h := range k.book.holdings(q.key.account()) {
		out[krakenAsset(h.asset)] = text(add(h.free, h.locked), krakenDecimals(h.asset))
	}
	return out, ""
}

// balanceEx tells what open orders hold.
func (k *kraken) balanceEx(q *krakenCall) (any, krakenError) {
	out := map[string]any{}
	for _, h := range k.book.holdings(q.key.account()) {
		n := krakenDecimals(h.asset)
		out[krakenAsset(h.asset)] = map[string]string{"balance": text(add(h.free, h.locked), n), "hold_trade": text(h.locked, n)}
	}
	return out, ""
}

// token is GetWebSocketsToken; nothing here takes the token.
func (k *kraken) token(*krakenCall) (any, krakenError) {
	return map[string]any{"token": randomBase64(30), "expires": 900}, ""
}

// withdraw takes an amount to the address that key names, and sends it nowhere.
func (k *kraken) withdraw(q *krakenCall) (any, krakenError) {
	amount, ok := parseDecimal(q.get("amount"))
	switch {
	case q.get("asset") == "" || q.get("key") == "" || !ok || amount.Sign() == 0:
		return nil, krakenArguments
	case k.book.withdraw(q.key.account(), plainAsset(q.get("asset")), amount) != nil:
		return nil, "EFunding:Insufficient funds"
	}
	return map[string]string{"refid": "A" + strings.TrimPrefix(k.orderName(q.now.UnixNano()), "O")}, ""
}

// krakenClientID: a UUID with or without hyphens, or free text of up to 18
// characters ("Spot Client Order Identifiers").
var krakenClientID = regexp.MustCompile(`^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[!-~]{1,18})$`)
