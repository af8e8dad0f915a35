package venue_test

import "testing"

func TestGateCosts(t *testing.T) {
	cases := []costCase{
		{"GET /api/v4/spot/tickers", "IP_200[GET /api/v4/spot/tickers]:1"},
		{"GET /api/v4/spot/accounts", "UID_200[GET /api/v4/spot/accounts]:1"},
		{"GET /api/v4/spot/orders/12?currency_pair=BTC_USDT", "UID_200[GET /api/v4/spot/orders/{order_id}]:1"},
		{`POST /api/v4/spot/orders {"currency_pair":"BTC_USDT"}`, "SPOT_ORDERS[BTC_USDT]:1"},
		{`POST /api/v4/spot/orders {"currency_pair":"BTC_USDT","account":"margin"}`, "SPOT_ORDERS[BTC_USDT]:1"},
		{`POST /api/v4/spot/batch_orders [{"currency_pair":"BTC_USDT"},{"currency_pair":"ETH_USDT"},{"currency_pair":"BTC_USDT"}]`, "SPOT_ORDERS[BTC_USDT]:1 SPOT_ORDERS[ETH_USDT]:1"},
		{`POST /api/v4/spot/batch_orders []`, "SPOT_ORDERS:1"},
		{"DELETE /api/v4/spot/orders/12?currency_pair=BTC_USDT", "SPOT_CANCELS:1"},
		{`POST /api/v4/futures/usdt/orders {"contract":"BTC_USDT"}`, "FUTURES_ORDERS:1"},
		{"DELETE /api/v4/futures/usdt/orders/12", "FUTURES_CANCELS:1"},
		{`POST /api/v4/withdrawals {"currency":"BTC"}`, "WITHDRAWALS:1"},
		{"GET /api/v4/wallet/total_balance", "UID_80[GET /api/v4/wallet/total_balance]:1"},
		{"GET /api/v4/new", "UID_80[GET /api/v4/new]:1"},
	}
	runCosts(t, "gate", cases)
	runSettles(t, "gate", []settleCase{
		{"an order", `POST /api/v4/spot/orders {"currency_pair":"BTC_USDT"}`, 429, `{"label":"TOO_MANY_REQUESTS","message":"Request Rate Limit Exceeded"}`, "", "SPOT_ORDERS"},
		{"a read", "GET /api/v4/spot/accounts", 429, `{"label":"TOO_MANY_REQUESTS","message":"x"}`, "", "UID_200"},
	})
}
