package venue_test

import (
	"testing"

	"github.com/exauth/exauth/venue"
)

func TestOKXCosts(t *testing.T) {
	runCosts(t, "okx", []costCase{
		{"GET /api/v5/market/tickers?instType=SPOT", "IP_20_2S[GET /api/v5/market/tickers]:1"},
		{"GET /api/v5/market/books?instId=BTC-USDT", "IP_40_2S[GET /api/v5/market/books]:1"},
		{"GET /api/v5/public/time", "IP_10_2S[GET /api/v5/public/time]:1"},
		{`POST /api/v5/trade/order {"instId":"BTC-USDT","side":"buy"}`, "PLACE[BTC-USDT]:1 ORDERS:1"},
		{`POST /api/v5/trade/order {"instId":"BTC-USD-261225-100000-C"}`, "PLACE[BTC-USD]:1 ORDERS:1"},
		{`POST /api/v5/trade/order {"side":"buy"}`, "PLACE:1 ORDERS:1"},
		{`POST /api/v5/trade/cancel-order {"instId":"BTC-USDT-SWAP","ordId":"1"}`, "CANCEL[BTC-USDT-SWAP]:1"},
		{`POST /api/v5/trade/amend-order {"instId":"BTC-USDT"}`, "AMEND[BTC-USDT]:1 ORDERS:1"},
		{`POST /api/v5/trade/batch-orders [{"instId":"BTC-USDT"},{"instId":"ETH-USDT"},{"instId":"ETH-USDT"}]`, "PLACE_BATCH:3 ORDERS:3"},
		{`POST /api/v5/trade/batch-orders [{"instId":"BTC-USDT"}]`, "PLACE_BATCH:1 PLACE[BTC-USDT]:1 ORDERS:1"},
		{`POST /api/v5/trade/cancel-batch-orders [{"instId":"A-B"},{"instId":"C-D"}]`, "CANCEL_BATCH:2"},
		{"GET /api/v5/trade/orders-pending", "USER_60_2S[GET /api/v5/trade/orders-pending]:1"},
		{"GET /api/v5/account/balance", "USER_10_2S[GET /api/v5/account/balance]:1"},
		{"GET /api/v5/account/positions-history", "USER_1_10S[GET /api/v5/account/positions-history]:1"},
		{"GET /api/v5/asset/balances", "USER_6_1S[GET /api/v5/asset/balances]:1"},
		{`POST /api/v5/asset/monthly-statement {"month":"Jan"}`, "USER_20_1MO[POST /api/v5/asset/monthly-statement]:1"},
		{"GET /api/v5/new", "USER_2_2S[GET /api/v5/new]:1"},
	})
}

func TestOKXSettle(t *testing.T) {
	const order = `POST /api/v5/trade/order {"instId":"BTC-USDT"}`
	runSettles(t, "okx", []settleCase{
		{"well", order, 200, `{"code":"0","data":[{"ordId":"1","sCode":"0"}]}`, "", ""},
		{"the endpoint", order, 429, `{"code":"50011","msg":"Too Many Requests"}`, "", "PLACE"},
		{"the account", order, 429, `{"code":"50061","msg":"You've reached the maximum order rate limit for this account."}`, "", "ORDERS"},
		{"a read", "GET /api/v5/account/balance", 429, `{"code":"50011","msg":"Too Many Requests"}`, "", "USER_10_2S"},
	})
}

// The answer is that of the vendor's page.
func TestOKXLimits(t *testing.T) {
	got, _, err := loadLimits(t, venue.OKX(), byPath{"/api/v5/trade/account-rate-limit": `{"code":"0","data":[{"accRateLimit":"2000","fillRatio":"0.1234","mainFillRatio":"0.1234","nextAccRateLimit":"2000","ts":"123456789000"}],"msg":""}`})
	if err != nil || got["ORDERS"] != 2000 || got["PLACE"] != 60 {
		t.Errorf("%v, %v", got, err)
	}
	if _, _, err := loadLimits(t, venue.OKX(), byPath{"/api/v5/trade/account-rate-limit": `{"code":"50011","msg":"Too Many Requests"}`}); err == nil {
		t.Error("a refusal is no error")
	}
}
