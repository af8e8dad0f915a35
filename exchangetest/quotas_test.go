package exchangetest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// spotQuotas are Binance's, small enough to be used up by hand.
func spotQuotas() []exauth.Quota {
	return []exauth.Quota{
		{Name: "REQUEST_WEIGHT", Kind: exauth.FixedWindow, Limit: 100, Window: time.Minute, UsedHeader: "X-MBX-USED-WEIGHT-1M"},
		{Name: "RAW_REQUESTS", Kind: exauth.FixedWindow, Limit: 1000, Window: 5 * time.Minute},
		{Name: "ORDERS_10S", Kind: exauth.FixedWindow, Limit: 3, Window: 10 * time.Second, Per: exauth.PerAccount, UsedHeader: "X-MBX-ORDER-COUNT-10S"},
		{Name: "ORDERS_1D", Kind: exauth.FixedWindow, Limit: 50, Window: 24 * time.Hour, Per: exauth.PerAccount, UsedHeader: "X-MBX-ORDER-COUNT-1D"},
	}
}

// inBubble runs f 15 s into a minute of virtual time, on a Binance with quotas.
func inBubble(t *testing.T, o exchangetest.Options, f func(t *testing.T, srv *exchangetest.Server, c *binanceClient)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(15 * time.Second)
		if o.Quotas == nil {
			o.Quotas = spotQuotas()
		}
		srv := start(t, "binance", &o)
		f(t, srv, newBinance(t, srv, srv.Key(exauth.ScopeTradeSpot)))
	})
}

func TestQuotaOptions(t *testing.T) {
	weight := exauth.Quota{Name: "w", Limit: 1, Window: time.Minute}
	for _, tc := range []struct {
		name string
		opts exchangetest.Options
		want string
	}{
		{"no name", exchangetest.Options{Quotas: []exauth.Quota{{Limit: 1, Window: 1}}}, "has no name"},
		{"twice", exchangetest.Options{Quotas: []exauth.Quota{weight, weight}}, "another one's"},
		{"no limit", exchangetest.Options{Quotas: []exauth.Quota{{Name: "w", Window: 1}}}, `"w" makes no sense`},
		{"no window", exchangetest.Options{Quotas: []exauth.Quota{{Name: "w", Limit: 1}}}, `"w" makes no sense`},
		{"never refilled", exchangetest.Options{Quotas: []exauth.Quota{{Name: "w", Limit: 1, Kind: exauth.TokenBucket}}}, `"w" makes no sense`},
		{"unknown kind", exchangetest.Options{Quotas: []exauth.Quota{{Name: "w", Limit: 1, Window: 1, Kind: 77}}}, `"w" makes no sense`},
		{"venue without quotas", exchangetest.Options{VenueQuotas: true}, "lists no quotas"},
		{"hidden clients of nothing", exchangetest.Options{Hidden: func(string, time.Time) float64 { return 1 }}, "no quotas"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, err := exchangetest.Start(&exauth.Venue{Name: "binance"}, &tc.opts)
			if err == nil {
				srv.Close()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q, want %q in it", err, tc.want)
			}
		})
	}
	v := &exauth.Venue{Name: "binance", Quotas: []exauth.Quota{weight}}
	srv := exchangetest.NewServer(t, v, &exchangetest.Options{VenueQuotas: true})
	if _, limit := srv.Quota("w"); limit != 1 {
		t.Errorf("limit %d, want the venue's", limit)
	}
}

// The exchange's minute ends by its own clock, and a call counts when it arrives.
func TestWeightIsRefusedUntilTheMinuteEnds(t *testing.T) {
	inBubble(t, exchangetest.Options{Skew: 20 * time.Second, Latency: 2 * time.Second}, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
		depth := func() reply { return c.unsigned("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=500", "") } // weighs 25
		for i, want := range []string{"25", "50", "75", "100"} {
			if got := depth(); got.status != 200 || got.header.Get("X-Mbx-Used-Weight-1m") != want {
				t.Fatalf("call %d: HTTP %d, weight %q, want %s", i, got.status, got.header.Get("X-Mbx-Used-Weight-1m"), want)
			}
		}
		// Local 0:15 + 4 × 2 s, and 1 s of way: it is 0:24 here and 0:44 there.
		got := depth()
		if got.status != 429 || got.at(t, "code") != "-1003" || got.header.Get("Retry-After") != "16" || got.header.Get("X-Mbx-Used-Weight-1m") != "100" ||
			!strings.HasPrefix(got.at(t, "msg"), "Too much request weight used; current limit is 100 request weight per 1 MINUTE.") {
			t.Errorf("refused with %+v", got)
		}
		if used, limit := srv.Quota("REQUEST_WEIGHT"); used != 100 || limit != 100 || srv.Refused() != 1 {
			t.Errorf("used %d of %d, %d refused", used, limit, srv.Refused())
		}
		time.Sleep(14*time.Second - time.Millisecond) // sent at 0:38.999, arrives there at 0:59.999
		if got := depth(); got.status != 429 || got.header.Get("Retry-After") != "1" {
			t.Errorf("just before the minute: HTTP %d, %v", got.status, got.header)
		}
		time.Sleep(time.Millisecond)
		if got := depth(); got.status != 200 || got.header.Get("X-Mbx-Used-Weight-1m") != "25" {
			t.Errorf("in the next minute: HTTP %d, %v", got.status, got.header)
		}
		if used, limit := srv.Quota("nothing"); used != 0 || limit != 0 {
			t.Errorf("an unknown quota is used %d of %d", used, limit)
		}
	})
}

// What an order costs depends on its fate.
func TestOrderCounts(t *testing.T) {
	inBubble(t, exchangetest.Options{}, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
		counts := func() [3]int {
			w, _ := srv.Quota("REQUEST_WEIGHT")
			s, _ := srv.Quota("ORDERS_10S")
			d, _ := srv.Quota("ORDERS_1D")
			return [3]int{w, s, d}
		}
		for _, step := range []struct {
			name string
			do   func() reply
			want [3]int // weight, orders in ten seconds and a day
		}{
			{"rests", func() reply { return c.order("newClientOrderId", "a") }, [3]int{0, 1, 1}},
			{"fails", func() reply { return c.order("quantity", "0") }, [3]int{1, 1, 1}},
			{"badly signed", func() reply {
				return c.unsigned("POST", "/api/v3/order", "symbol=BTCUSDT&timestamp=1&signature=00", "")
			}, [3]int{2, 1, 1}},
			{"trades at once", func() reply { return c.order("type", "MARKET", "timeInForce", "-", "price", "-") }, [3]int{2, 1, 1}},
			{"canceled", func() reply { return c.do("DELETE", "/api/v3/order", "symbol", "BTCUSDT", "origClientOrderId", "a") }, [3]int{2, 1, 1}},
			{"canceled in vain", func() reply { return c.do("DELETE", "/api/v3/order", "symbol", "BTCUSDT", "origClientOrderId", "a") }, [3]int{3, 1, 1}},
			{"rests too", func() reply { return c.order() }, [3]int{3, 2, 2}},
			{"and one more", func() reply { return c.order() }, [3]int{3, 3, 3}},
			{"one too many", func() reply { return c.order() }, [3]int{4, 3, 3}},
		} {
			got := step.do()
			if counts() != step.want {
				t.Errorf("%s: counts are %v, want %v: %s", step.name, counts(), step.want, got.body)
			}
			orders := got.header.Get("X-Mbx-Order-Count-10s")
			if done := got.at(t, "status") == "NEW" || got.at(t, "status") == "FILLED"; (orders != "") != done || done && orders != strconv.Itoa(step.want[1]) {
				t.Errorf("%s: header says %q of %v", step.name, orders, step.want)
			}
			if step.name == "one too many" && (got.status != 429 || got.at(t, "code") != "-1015" || got.header.Get("Retry-After") != "5" ||
				got.at(t, "msg") != "Too many new orders; current limit is 3 orders per 10 SECOND.") {
				t.Errorf("%s: %+v", step.name, got)
			}
		}
		limits := c.do("GET", "/api/v3/rateLimit/order")
		if limits.at(t, "0.intervalNum") != "10" || limits.at(t, "0.interval") != "SECOND" || limits.at(t, "0.count") != "3" || limits.at(t, "1.interval") != "DAY" {
			t.Errorf("rateLimit/order: %s", limits.body)
		}
		// The first fill of a resting order takes more than one off the count.
		if err := srv.SetPrice("BTCUSDT", "49000"); err != nil {
			t.Fatal(err)
		}
		if got := counts(); got != [3]int{44, 0, 0} {
			t.Errorf("after fills: %v", got)
		}
	})
}

func TestExchangeInfoListsQuotas(t *testing.T) {
	srv := start(t, "binance", &exchangetest.Options{Quotas: spotQuotas()})
	got := send(t, srv.Client(), request(t, "GET", srv.URL()+"/api/v3/exchangeInfo", ""))
	for i, want := range []string{"REQUEST_WEIGHT MINUTE 1 100", "ORDERS SECOND 10 3", "ORDERS DAY 1 50", "RAW_REQUESTS MINUTE 5 1000"} {
		at := "rateLimits." + strconv.Itoa(i) + "."
		if l := got.at(t, at+"rateLimitType") + " " + got.at(t, at+"interval") + " " + got.at(t, at+"intervalNum") + " " + got.at(t, at+"limit"); l != want {
			t.Errorf("limit %d: %s, want %s", i, l, want)
		}
	}
}

// One count for every address, account, key, endpoint or symbol.
func TestScopes(t *testing.T) {
	for _, tc := range []struct {
		name string
		per  exauth.Per
		free []string // who is not kept out by the one call of the first
	}{
		{"per address", exauth.PerIP, nil},
		{"per account", exauth.PerAccount, []string{"other account", "nobody"}},
		{"per key", exauth.PerKey, []string{"other account", "other key", "nobody"}},
		{"per endpoint", exauth.PerEndpoint, []string{"other item"}},
		{"per symbol", exauth.PerSymbol, []string{"other account", "other item", "nobody"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := exchangetest.Options{
				Quotas: []exauth.Quota{{Name: "q", Kind: exauth.FixedWindow, Limit: 1, Window: time.Hour, Per: tc.per}},
				Costs: func(r *http.Request) []exauth.Cost {
					return []exauth.Cost{{Quota: "q", N: 1, Item: r.URL.Query().Get("symbol")}}
				},
			}
			for _, who := range []string{"same", "other key", "other account", "other item", "nobody"} {
				inBubble(t, o, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
					if got := c.do("GET", "/api/v3/openOrders", "symbol", "BTCUSDT"); got.status != 200 {
						t.Fatalf("first: %s", got.body)
					}
					item := "BTCUSDT"
					switch who {
					case "other key":
						c = newBinance(t, srv, srv.Key(exauth.ScopeRead))
					case "other account":
						c = newBinance(t, srv, srv.Keys()[3])
					case "other item":
						item = "ETHUSDT"
					}
					got := c.do("GET", "/api/v3/openOrders", "symbol", item)
					if who == "nobody" {
						got = c.unsigned("GET", "/api/v3/depth", "symbol="+item, "")
					}
					free := false
					for _, f := range tc.free {
						free = free || f == who
					}
					if want := map[bool]int{true: 200, false: 429}[free]; got.status != want {
						t.Errorf("%s: HTTP %d, want %d: %s", who, got.status, want, got.body)
					}
				})
			}
		})
	}
}

// A key that was not proven uses up nobody's quota but its address's.
func TestStrangersDoNotUseAnAccountsQuota(t *testing.T) {
	q := []exauth.Quota{{Name: "REQUEST_WEIGHT_UID", Kind: exauth.FixedWindow, Limit: 20, Window: time.Hour, Per: exauth.PerAccount}}
	inBubble(t, exchangetest.Options{Quotas: q}, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
		forged := *c
		forged.sign = func(string) string { return "00" }
		for range 5 {
			forged.do("GET", "/api/v3/account")
		}
		if got := c.do("GET", "/api/v3/account"); got.status != 200 {
			t.Errorf("HTTP %d: %s", got.status, got.body)
		}
	})
}

// All costs or none: a call that one quota refuses leaves the others as they were.
func TestAllOrNothing(t *testing.T) {
	o := exchangetest.Options{
		Quotas: []exauth.Quota{
			{Name: "wide", Kind: exauth.SlidingWindow, Limit: 10, Window: time.Minute},
			{Name: "narrow", Kind: exauth.SlidingWindow, Limit: 3, Window: time.Minute},
		},
		Costs: func(*http.Request) []exauth.Cost {
			return []exauth.Cost{{Quota: "wide", N: 1}, {Quota: "narrow", N: 1}, {Quota: "narrow", N: 1}} // named twice: both
		},
	}
	inBubble(t, o, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
		c.unsigned("GET", "/api/v3/ping", "", "")
		if got := c.unsigned("GET", "/api/v3/ping", "", ""); got.status != 429 || got.header.Get("Retry-After") != "60" {
			t.Errorf("HTTP %d, %v", got.status, got.header)
		}
		if used, _ := srv.Quota("wide"); used != 1 {
			t.Errorf("%d used of the other quota", used)
		}
		if used, _ := srv.Quota("narrow"); used != 2 {
			t.Errorf("%d used of the quota that is full", used)
		}
	})
}

func TestConcurrencyQuota(t *testing.T) {
	o := exchangetest.Options{Latency: time.Second, Quotas: []exauth.Quota{{Name: "RAW_REQUESTS", Kind: exauth.Concurrency, Limit: 2}}}
	inBubble(t, o, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
		status := make(chan int)
		for range 5 {
			go func() { status <- c.unsigned("GET", "/api/v3/ping", "", "").status }()
		}
		got := map[int]int{}
		for range 5 {
			got[<-status]++
		}
		if got[200] != 2 || got[429] != 3 {
			t.Errorf("five at once: %v", got)
		}
		if got := c.unsigned("GET", "/api/v3/ping", "", "").status; got != 200 {
			t.Errorf("afterwards: HTTP %d", got)
		}
	})
}

// Costs that name no quota are a mistake of the test, and are told as one.
func TestCostsOfUnknownQuota(t *testing.T) {
	srv := start(t, "binance", &exchangetest.Options{Quotas: spotQuotas(),
		Costs: func(*http.Request) []exauth.Cost { return []exauth.Cost{{Quota: "WEIGHT", N: 1}} }})
	if got := send(t, srv.Client(), request(t, "GET", srv.URL()+"/api/v3/ping", "")); got.status != 500 || !strings.Contains(got.body, `"WEIGHT"`) {
		t.Errorf("%+v", got)
	}
}

// Clients nobody sees use the same count, and come second.
func TestHiddenClients(t *testing.T) {
	o := exchangetest.Options{Hidden: func(quota string, at time.Time) float64 {
		if quota == "REQUEST_WEIGHT" {
			return 1
		}
		return 0
	}}
	inBubble(t, o, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
		time.Sleep(20 * time.Second)
		if got := c.unsigned("GET", "/api/v3/ping", "", "").header.Get("X-Mbx-Used-Weight-1m"); got != "20" && got != "21" {
			t.Errorf("weight %q after 20 s of a hidden client at 1/s", got)
		}
		for range 3 {
			c.unsigned("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=500", "")
		}
		time.Sleep(20 * time.Second)
		if used, _ := srv.Quota("REQUEST_WEIGHT"); used != 100 || srv.HiddenRefused() < 15 {
			t.Errorf("%d used, %d refused of 20", used, srv.HiddenRefused())
		}
		if used, _ := srv.Quota("ORDERS_10S"); used != 0 {
			t.Errorf("%d orders of nobody", used)
		}
	})
}

func TestHeaders(t *testing.T) {
	o := exchangetest.Options{
		Skew: 5 * time.Second,
		Quotas: []exauth.Quota{
			{Name: "a", Kind: exauth.AnchoredWindow, Limit: 10, Window: 30 * time.Second, RemainingHeader: "A-Left", ResetHeader: "A-Reset"},
			{Name: "b", Kind: exauth.TokenBucket, Limit: 10, Refill: 0.5, UsedHeader: "B-Used", TimeHeader: "B-Time"},
			{Name: "c", Kind: exauth.FixedWindow, Limit: 10, Window: time.Hour, UsedHeader: "C-Used"},
		},
		Costs: func(*http.Request) []exauth.Cost { return []exauth.Cost{{Quota: "a", N: 2}, {Quota: "b", N: 3}} },
	}
	inBubble(t, o, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
		c.unsigned("GET", "/api/v3/ping", "", "")
		time.Sleep(time.Second)
		h := c.unsigned("GET", "/api/v3/ping", "", "").header
		for name, want := range map[string]string{"A-Left": "6", "A-Reset": "29000", "B-Used": "6", "B-Time": ms(time.Now().Add(5 * time.Second)), "C-Used": ""} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	})
}

// Kraken refuses inside a 200, by the counter that is full.
func TestKrakenQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, "kraken", &exchangetest.Options{Quotas: []exauth.Quota{
			{Name: "API", Kind: exauth.DecayCounter, Limit: 15, Refill: 1. / 3, Per: exauth.PerKey},
			{Name: "TRADING", Kind: exauth.DecayCounter, Limit: 12, Refill: 1, Per: exauth.PerSymbol},
			{Name: "PUBLIC", Kind: exauth.TokenBucket, Limit: 2, Refill: 1},
			{Name: "CONCURRENT", Kind: exauth.Concurrency, Limit: 1, Per: exauth.PerKey},
		}})
		c := newKraken(t, srv, srv.Key(exauth.ScopeTradeSpot))
		refused := func(step string, got reply, want string) {
			t.Helper()
			if got.status != 200 || got.at(t, "error.0") != want || got.header.Get("Retry-After") != "" {
				t.Errorf("%s: HTTP %d %s, want %q", step, got.status, got.body, want)
			}
		}
		for range 7 {
			refused("a call of 2", c.do("TradesHistory"), "")
		}
		refused("a call of 1", c.do("Balance"), "")
		refused("the sixteenth", c.do("Balance"), "EAPI:Rate limit exceeded")
		time.Sleep(2 * time.Second)
		refused("too early", c.do("Balance"), "EAPI:Rate limit exceeded")
		time.Sleep(time.Second)
		refused("a point has decayed", c.do("Balance"), "")

		// Orders are counted apart, by pair; a young one is dear to cancel.
		placed := c.order("cl_ord_id", "young")
		refused("order", placed, "")
		refused("cancel", c.do("CancelOrder", "cl_ord_id", "young"), "") // 1 + 8
		for range 3 {
			refused("order", c.order("price", "40000"), "")
		}
		refused("one too many", c.order(), "EOrder:Rate limit exceeded")
		refused("of another pair", c.order("pair", "ETHUSD", "price", "2000"), "")

		ticker := func() reply { return send(t, srv.Client(), request(t, "GET", srv.URL()+"/0/public/Time", "")) }
		refused("public", ticker(), "")
		refused("public", ticker(), "")
		refused("public, too many", ticker(), "EGeneral:Too many requests")
		if len(srv.Banned()) != 0 || srv.Refused() != 4 {
			t.Errorf("%d refused, bans %v", srv.Refused(), srv.Banned())
		}
	})
}

// Too many of Kraken's calls at once are throttled until a time it names.
func TestKrakenThrottles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, "kraken", &exchangetest.Options{Latency: time.Second, Skew: time.Hour,
			Quotas: []exauth.Quota{{Name: "CONCURRENT", Kind: exauth.Concurrency, Limit: 1}}})
		texts := make(chan string)
		for range 3 {
			go func() {
				texts <- send(t, srv.Client(), request(t, "GET", srv.URL()+"/0/public/Time", "")).at(t, "error.0")
			}()
		}
		want := "EService: Throttled: " + strconv.FormatInt(time.Now().Add(time.Hour+1500*time.Millisecond).Unix(), 10)
		got := map[string]int{}
		for range 3 {
			got[<-texts]++
		}
		if got[""] != 1 || got[want] != 2 {
			t.Errorf("three at once: %v, want 2 of %q", got, want)
		}
	})
}

// OKX refuses with HTTP 429, its own code and no Retry-After.
func TestOKXQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		two := 2 * time.Second
		srv := start(t, "okx", &exchangetest.Options{Quotas: []exauth.Quota{
			{Name: "PLACE", Kind: exauth.SlidingWindow, Limit: 2, Window: two, Per: exauth.PerSymbol},
			{Name: "PLACE_BATCH", Kind: exauth.SlidingWindow, Limit: 6, Window: two, Per: exauth.PerAccount},
			{Name: "ORDERS", Kind: exauth.SlidingWindow, Limit: 8, Window: two, Per: exauth.PerAccount},
			{Name: "IP_20_2S", Kind: exauth.SlidingWindow, Limit: 1, Window: two, Per: exauth.PerEndpoint},
		}})
		c := newOKX(t, srv, srv.Key(exauth.ScopeTradeSpot))
		check := func(step string, got reply, code string) {
			t.Helper()
			status := 200
			if code != "0" {
				status = 429
			}
			if got.status != status || got.at(t, "code") != code || got.header.Get("Retry-After") != "" {
				t.Errorf("%s: HTTP %d %s, want %s", step, got.status, got.body, code)
			}
		}
		check("order", c.order(), "0")
		time.Sleep(time.Second)
		check("order", c.order(), "0")
		check("third", c.order(), "50011")
		check("of another instrument", c.order("instId", "ETH-USDT", "px", "2000"), "0")
		batch := "[" + strings.Repeat(okxOrder()+",", 4) + okxOrder() + "]"
		check("a batch of five", c.do("POST", "/api/v5/trade/batch-orders", batch), "0")
		check("a batch of two", c.do("POST", "/api/v5/trade/batch-orders", "["+okxOrder()+","+okxOrder()+"]"), "50011")
		check("the ninth order", c.order("instId", "ETH-USDT", "px", "2000"), "50061")
		time.Sleep(time.Second) // the first order slides out
		check("after a second", c.order(), "0")
		ticker := func() reply {
			return send(t, srv.Client(), request(t, "GET", srv.URL()+"/api/v5/market/ticker?instId=BTC-USDT", ""))
		}
		check("ticker", ticker(), "0")
		check("ticker again", ticker(), "50011")
	})
}
