package venue

import "github.com/exauth/exauth"

// lbankRoutes lists the market data one by one, and gives GETs no credit: what the
// venue does with a signed GET of a trading path is not documented.
func lbankRoutes() []exauth.Route {
	return join(
		public(lbankPublic),
		reads(lbankReads),
		writes(exauth.ScopeTradeSpot, `
			POST /v2/create_order.do id=custom_id
			POST /v2/batch_create_order.do
			POST /v2/cancel_order.do cancel
			POST /v2/cancel_clientOrders.do cancel
			POST /v2/supplement/create_order.do id=custom_id
			POST /v2/supplement/cancel_order.do cancel
			POST /v2/supplement/cancel_order_by_symbol.do cancel`),
		writes(exauth.ScopeTradeDerivatives, `
			POST /cfd/openApi/v1/prv/placeOrder id=clientOrderId
			POST /cfd/openApi/v1/prv/placeStopProfitAndLossOrder
			POST /cfd/openApi/v1/prv/cancelOrder cancel`),
		writes(exauth.ScopeWithdraw, `
			POST /v2/withdraw.do
			POST /v2/withdrawCancel.do
			POST /v2/supplement/withdraw.do`),
	)
}

const lbankPublic = `
	GET /v2/accuracy.do
	GET /v2/assetConfigs.do
	GET /v2/currencyPairs.do
	GET /v2/depth.do
	GET /v2/incrDepth.do
	GET /v2/kline.do
	GET /v2/ticker.do
	GET /v2/ticker/24hr.do
	GET /v2/timestamp.do
	GET /v2/trades.do
	GET /v2/usdToCny.do
	GET /v2/withdrawConfigs.do
	GET /v2/supplement/incrDepth.do
	GET /v2/supplement/system_ping.do
	GET /v2/supplement/ticker/bookTicker.do
	GET /v2/supplement/ticker/price.do
	GET /v2/supplement/trades.do
	POST /v2/supplement/system_status.do
	GET /cfd/openApi/v1/pub/*`

const lbankReads = `
	POST /v2/user_info.do
	POST /v2/subscribe/get_key.do # a private stream
	POST /v2/subscribe/refresh_key.do
	POST /v2/subscribe/destroy_key.do
	POST /v2/get_deposit_address.do
	POST /v2/deposit_history.do
	POST /v2/orders_info.do
	POST /v2/orders_info_history.do
	POST /v2/orders_info_no_deal.do
	POST /v2/order_transaction_detail.do
	POST /v2/transaction_history.do
	POST /v2/withdraws.do # history
	POST /v2/supplement/user_info.do
	POST /v2/supplement/user_info_account.do
	POST /v2/supplement/deposit_history.do
	POST /v2/supplement/withdraws.do
	POST /v2/supplement/get_deposit_address.do
	POST /v2/supplement/asset_detail.do
	POST /v2/supplement/customer_trade_fee.do
	POST /v2/supplement/api_Restrictions.do
	POST /v2/supplement/system_ping.do
	POST /v2/supplement/create_order_test.do
	POST /v2/supplement/orders_info.do
	POST /v2/supplement/orders_info_no_deal.do
	POST /v2/supplement/orders_info_history.do
	POST /v2/supplement/transaction_history.do
	* /cfd/openApi/v1/prv/account
	* /cfd/openApi/v1/prv/position
	* /cfd/openApi/v1/prv/getMemberInfo`
