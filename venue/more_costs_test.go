package venue_test

import (
	"net/http"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func TestCryptoComCosts(t *testing.T) {
	runCosts(t, "cryptocom", []costCase{
		{"GET /exchange/v1/public/get-tickers", "PUBLIC_100[GET /exchange/v1/public/get-tickers]:1"},
		{`POST /exchange/v1/private/create-order {"instrument_name":"BTC_USD"}`, "ORDERS_15[POST /exchange/v1/private/create-order]:1"},
		{`POST /exchange/v1/private/get-order-detail {"order_id":"1"}`, "DETAIL_30[POST /exchange/v1/private/get-order-detail]:1"},
		{`POST /exchange/v1/private/get-trades {}`, "HISTORY_1[POST /exchange/v1/private/get-trades]:1"},
		{`POST /exchange/v1/private/user-balance {}`, "OTHER_3[POST /exchange/v1/private/user-balance]:1"},
		{`POST /exchange/v1/private/staking/stake {}`, "STAKING_50[POST /exchange/v1/private/staking/stake]:1"},
		{`POST /exchange/v1/private/new {}`, "OTHER_3[POST /exchange/v1/private/new]:1"},
	})
	runSettles(t, "cryptocom", []settleCase{
		{"too many", `POST /exchange/v1/private/create-order {}`, 429, `{"id":1,"method":"private/create-order","code":42901,"message":"TOO_MANY_REQUESTS"}`, "", "ORDERS_15"},
	})
}

func TestGeminiCosts(t *testing.T) {
	runCosts(t, "gemini", []costCase{
		{"GET /v1/symbols", "PUBLIC:1"},
		{`POST /v1/order/new {"symbol":"btcusd"}`, "PRIVATE:1"},
		{`POST /v1/new {}`, "PRIVATE:1 PUBLIC:1"},
	})
	for _, q := range venue.Gemini().Quotas {
		if perMinute := map[string]float64{"PUBLIC": 120, "PRIVATE": 600}[q.Name]; q.Kind != exauth.TokenBucket || q.Refill*60 != perMinute || q.Limit != 5 {
			t.Errorf("%+v", q)
		}
	}
}

func TestCoinbaseCosts(t *testing.T) {
	runCosts(t, "coinbase", []costCase{
		{"GET /api/v3/brokerage/market/products", "PUBLIC:1"},
		{`POST /api/v3/brokerage/orders {"client_order_id":"a"}`, "PRIVATE:1"},
		{"GET /v2/accounts", "APP:1 PRIVATE:1"},
		{"GET /v2/new", "PRIVATE:1 APP:1"},
	})
}

func TestDeribitCosts(t *testing.T) {
	runCosts(t, "deribit", []costCase{
		{"GET /api/v2/public/get_time", "PUBLIC:1"},
		{"GET /api/v2/public/get_instruments?currency=BTC", "INSTRUMENTS:1 PUBLIC:1"},
		{"GET /api/v2/private/get_positions?currency=BTC", "CREDITS:500"},
		{"GET /api/v2/private/get_transaction_log?currency=BTC", "LOG:1 CREDITS:500"},
		{"GET /api/v2/private/buy?instrument_name=BTC-PERPETUAL", "ORDERS:1"},
		{"GET /api/v2/private/cancel_all", "ORDERS:1"},
		{"GET /api/v2/private/withdraw?currency=BTC", "CREDITS:500"},
		{"GET /api/v2/private/new", "CREDITS:500 ORDERS:1"},
	})
	runSettles(t, "deribit", []settleCase{
		{"orders", "GET /api/v2/private/buy?instrument_name=A", 429, `{"jsonrpc":"2.0","error":{"message":"too_many_requests","code":10028}}`, "", "ORDERS"},
	})
	if v, err := venue.Deribit().Plan("tier1"); err != nil || limitsOf(v.Quotas)["ORDERS"] != 100 || venue.Deribit().Tier != "tier4" {
		t.Errorf("tier1: %v, %v", limitsOf(v.Quotas), err)
	}
}

func TestDeribitLimits(t *testing.T) {
	const path = "/api/v2/private/get_account_summary"
	got, l, err := loadLimits(t, venue.Deribit(), byPath{path: `{"jsonrpc":"2.0","result":{"limits":{"limits_per_currency":false,
		"non_matching_engine":{"burst":200,"rate":40},"matching_engine":{"trading":{"total":{"burst":250,"rate":200}}}}}}`})
	if err != nil || got["CREDITS"] != 100000 || got["ORDERS"] != 250 {
		t.Errorf("%v, %v", got, err)
	}
	for _, q := range l.quotas {
		if want := map[string]float64{"CREDITS": 20000, "ORDERS": 200}[q.Name]; want != 0 && q.Refill != want {
			t.Errorf("%+v, want %v a second", q, want)
		}
	}
	if got, _, err := loadLimits(t, venue.Deribit(), byPath{path: `{"jsonrpc":"2.0","result":{"equity":0}}`}); err != nil || got["ORDERS"] != 20 {
		t.Errorf("without limits: %v, %v", got, err)
	}
}

func TestCoinMarketCapCosts(t *testing.T) {
	const one = "CALLS:1 CREDITS_1D:1 CREDITS_1MO:1"
	runCosts(t, "coinmarketcap", []costCase{
		{"GET /v1/key/info", "CALLS:1"},
		{"GET /v1/cryptocurrency/map", "CALLS:1"},
		{"GET /v1/cryptocurrency/listings/latest", one},
		{"GET /v1/cryptocurrency/listings/latest?limit=200", one},
		{"GET /v1/cryptocurrency/listings/latest?limit=201", "CALLS:1 CREDITS_1D:2 CREDITS_1MO:2"},
		{"GET /v1/cryptocurrency/listings/latest?limit=5000&convert=USD,EUR", "CALLS:1 CREDITS_1D:50 CREDITS_1MO:50"},
		{"GET /v1/cryptocurrency/listings/latest?limit=99999999999", "CALLS:1 CREDITS_1D:100 CREDITS_1MO:100"},
		{"GET /v1/cryptocurrency/listings/latest?limit=999999999", "CALLS:1 CREDITS_1D:100 CREDITS_1MO:100"},
		{"GET /v2/cryptocurrency/quotes/latest?id=1,1027", one},
	})
}

// The credits are the answer's word, as the vendor's examples have it.
func TestCoinMarketCapSettle(t *testing.T) {
	const list = "GET /v1/cryptocurrency/listings/latest"
	runSettles(t, "coinmarketcap", []settleCase{
		{"well", list, 200, `{"data":[],"status":{"error_code":0,"credit_count":3}}`, "CREDITS_1D:3 CREDITS_1MO:3", ""},
		{"free", list, 200, `{"data":[],"status":{"error_code":0,"credit_count":0}}`, "CREDITS_1D:0 CREDITS_1MO:0", ""},
		{"does not say", list, 200, `{"data":[],"status":{"error_code":0}}`, "", ""},
		{"says nonsense", list, 200, `{"data":[],"status":{"error_code":0,"credit_count":-3}}`, "", ""},
		{"failed inside a 200", list, 200, `{"status":{"error_code":1006,"error_message":"x","credit_count":1}}`, "CREDITS_1D:0 CREDITS_1MO:0", ""},
		{"failed", list, 400, `{"status":{"error_code":400,"error_message":"x","credit_count":0}}`, "CREDITS_1D:0 CREDITS_1MO:0", ""},
		{"the minute", list, 429, `{"status":{"error_code":1008,"error_message":"x","credit_count":0}}`, "CREDITS_1D:0 CREDITS_1MO:0", "CALLS"},
		{"the day", list, 429, `{"status":{"error_code":1009,"error_message":"x","credit_count":0}}`, "CREDITS_1D:0 CREDITS_1MO:0", "CREDITS_1D"},
		{"the month", list, 429, `{"status":{"error_code":1010,"error_message":"x","credit_count":0}}`, "CREDITS_1D:0 CREDITS_1MO:0", "CREDITS_1MO"},
		{"the address", list, 429, `{"status":{"error_code":1011,"error_message":"x","credit_count":0}}`, "CREDITS_1D:0 CREDITS_1MO:0", "CALLS"},
		{"a page", list, 502, `<html>`, "", ""},
	})
}

func TestCoinMarketCapPlans(t *testing.T) {
	for plan, want := range map[string][2]int{"basic": {30, 15000}, "hobbyist": {60, 150000}, "professional": {600, 5000000}} {
		v, err := venue.CoinMarketCap().Plan(plan)
		if got := limitsOf(v.Quotas); err != nil || got["CALLS"] != want[0] || got["CREDITS_1MO"] != want[1] {
			t.Errorf("%s: %v, %v", plan, got, err)
		}
	}
	// The vendor's example of /v1/key/info, with its numbers.
	info := `{"data":{"plan":{"credit_limit_daily":4000,"credit_limit_daily_reset":"In 19 hours, 56 minutes","credit_limit_monthly":120000,"rate_limit_minute":60},"usage":{}},"status":{"error_code":0,"credit_count":0}}`
	got, _, err := loadLimits(t, venue.CoinMarketCap(), byPath{"/v1/key/info": info})
	if err != nil || got["CALLS"] != 60 || got["CREDITS_1D"] != 4000 || got["CREDITS_1MO"] != 120000 {
		t.Errorf("%v, %v", got, err)
	}
	got, _, err = loadLimits(t, venue.CoinMarketCap(), byPath{"/v1/key/info": `{"data":{"plan":{"credit_limit_monthly":50000,"rate_limit_minute":90}},"status":{"error_code":0}}`})
	if err != nil || got["CREDITS_1D"] != 50000 {
		t.Errorf("no limit by day: %v, %v", got, err)
	}
}

func TestCoinPaprikaCosts(t *testing.T) {
	runCosts(t, "coinpaprika", []costCase{{"GET /v1/tickers", "MONTH:1"}, {"GET /v1/new", "MONTH:1"}})
	if q := venue.CoinPaprika().Quotas[0]; q.Limit != 20000 || q.Per != exauth.PerIP {
		t.Errorf("%+v", q)
	}
	info := `{"plan":"business","usage":{"message":"","current_month":{"requests_made":1234,"requests_left":998766}}}`
	if got, _, err := loadLimits(t, venue.CoinPaprikaPro(), byPath{"/v1/key/info": info}); err != nil || got["MONTH"] != 1000000 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestUpbitCosts(t *testing.T) {
	runCosts(t, "upbit", []costCase{
		{"GET /v1/candles/minutes/1?market=KRW-BTC", "CANDLE:1"},
		{"GET /v1/ticker?markets=KRW-BTC", "TICKER:1"},
		{"GET /v1/accounts", "DEFAULT:1"},
		{`POST /v1/orders {"market":"KRW-BTC"}`, "ORDER:1"},
		{"DELETE /v1/orders/open", "ORDER_CANCEL_ALL:1"},
		{"GET /v1/new", "DEFAULT:1"},
	})
	for header, want := range map[string]string{
		"group=default; min=1800; sec=29": "29", "group=order; min=59; sec=0": "0", "sec=-5": "", "sec=x": "", "": "",
	} {
		told := costed(t, venue.Upbit(), "GET /v1/accounts", 200, http.Header{"Remaining-Req": {header}}, "[]").told
		if got := told.Header.Get(venue.Upbit().Quotas[0].RemainingHeader); got != want {
			t.Errorf("%q: remaining %q, want %q", header, got, want)
		}
	}
}

func TestHTXCosts(t *testing.T) {
	runCosts(t, "htx", []costCase{
		{"GET /market/depth?symbol=btcusdt", "PUBLIC[GET /market/*]:1"},
		{`POST /v1/order/orders/place {"symbol":"btcusdt"}`, "UID_100_2S[POST /v1/order/orders/place]:1"},
		{"POST /v1/order/orders/12/submitcancel", "UID_100_2S[POST /v1/order/orders/{order-id}/submitcancel]:1"},
		{`POST /v1/order/batch-orders [{"symbol":"a"}]`, "UID_5_2S[POST /v1/order/batch-orders]:1"},
		{"GET /v1/account/history", "UID_5_2S[GET /v1/account/history]:1"},
		{`POST /linear-swap-api/v1/swap_order {"contract_code":"BTC-USDT"}`, "CONTRACT_TRADE:1"},
		{`POST /linear-swap-api/v1/swap_openorders {"contract_code":"BTC-USDT"}`, "CONTRACT_READ:1"},
		{"GET /linear-swap-api/v1/swap_contract_info", "CONTRACT_PUBLIC:1"},
		{"GET /v1/new", "UID_5_2S[GET /v1/new]:1"},
	})
}

func TestCoinExCosts(t *testing.T) {
	runCosts(t, "coinex", []costCase{
		{"GET /v2/time", "IP:1"},
		{`POST /v2/spot/order {"market":"A","market_type":"SPOT"}`, "SPOT_ORDERS:1 IP:1"},
		{`POST /v2/spot/batch-order {"orders":[{"market":"A"},{"market":"B"}]}`, "SPOT_ORDERS:2 IP:1"},
		{`POST /v2/spot/cancel-order {"order_id":1}`, "SPOT_CANCELS:1 IP:1"},
		{`POST /v2/spot/cancel-batch-order {"order_ids":[1,2,3]}`, "SPOT_BATCH_CANCELS:3 IP:1"},
		{`POST /v2/futures/order {"market":"A"}`, "FUTURES_ORDERS:1 IP:1"},
		{"GET /v2/spot/pending-order", "SPOT_QUERY:1 IP:1"},
		{"GET /v2/assets/spot/balance", "ACCOUNT_QUERY:1 IP:1"},
		{"GET /v2/new", "ACCOUNT:1 IP:1"},
	})
}

func TestSmallVenuesCosts(t *testing.T) {
	runCosts(t, "backpack", []costCase{{"GET /api/v1/account", "CALLS:1"}, {"GET /api/v1/new", "CALLS:1"}})
	runCosts(t, "lbank", []costCase{
		{"GET /v2/ticker.do?symbol=a", "CALLS:1"}, {"POST /v2/supplement/create_order.do symbol=a", "ORDERS:1"}, {"POST /v2/new.do a=b", "CALLS:1"},
	})
	runCosts(t, "btcturk", []costCase{
		{"GET /api/v2/ticker", "IP_60[GET /api/v2/ticker]:1"}, {"GET /api/v1/users/balances", "UID_60[GET /api/v1/users/balances]:1"},
		{"GET /api/v1/new", "UID_60[GET /api/v1/new]:1"},
	})
	runCosts(t, "indodax", []costCase{
		{"GET /api/ticker/btcidr", "PUBLIC:1"}, {"POST /tapi method=getInfo", "PRIVATE:1"}, {"POST /tapi method=trade&pair=btc_idr", "TRADE:1"},
	})
}

// Every venue has quotas; a venue without would never wait.
func TestEveryVenueHasQuotas(t *testing.T) {
	for _, name := range venue.Names() {
		if v, _ := venue.ByName(name); len(v.Quotas) == 0 {
			t.Errorf("%s has no quotas", name)
		}
	}
}
