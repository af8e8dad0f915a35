package venue

import "github.com/exauth/exauth"

// kucoinRoutes says what each endpoint needs. Paths that spot and futures share
// need every trading scope: the table sees paths, not hosts.
func kucoinRoutes() []exauth.Route {
	return join(
		public(kucoinPublic),
		reads(`
			GET /api/v1/contracts/risk-limit/{symbol}
			GET /api/v3/market/orderbook/level2
			GET /api/ua/v1/market/orderbook # with limit=FULL; a part of it needs no key
			GET /api/v1/withdrawals       # the history
			GET /api/v1/hist-withdrawals
			GET /api/v1/withdrawals/quotas
			GET /api/v1/broker/nd/withdraw/detail
			GET /api/v1/margin/maxWithdrawMargin
			POST /api/v1/bullet-private
			POST /api/v1/orders/test
			POST /api/v1/hf/orders/test
			POST /api/v1/copy-trade/futures/orders/test
			POST /api/v1/copy-trade/getCrossModeMarginRequirement
			POST /api/v1/margin/order/test
			POST /api/v1/hf/margin/order/test
			POST /api/v3/hf/margin/order/test`),
		kucoinTrading(),
		kucoinMoney(),
	)
}

func kucoinTrading() []exauth.Route {
	return join(
		writes(exauth.ScopeTradeSpot, kucoinSpotTrading),
		writes(exauth.ScopeTradeMargin, kucoinMarginTrading),
		writes(exauth.ScopeTradeDerivatives, kucoinFuturesTrading),
		writes(exauth.ScopeTrade, `
			POST /api/v1/orders id=clientOid
			POST /api/v1/orders/multi
			DELETE /api/v1/orders cancel
			DELETE /api/v1/orders/{orderId} cancel
			POST /api/ua/v1/{mode}/order/place id=clientOid
			POST /api/ua/v1/{mode}/order/place-batch
			POST /api/ua/v1/{mode}/order/cancel cancel
			POST /api/ua/v1/{mode}/order/cancel-batch cancel
			POST /api/ua/v1/{mode}/order/cancel-all cancel
			POST /api/ua/v1/dcp/set cancel
			DELETE /api/ua/v1/* cancel`),
	)
}

// kucoinMoney moves funds or changes accounts and keys.
func kucoinMoney() []exauth.Route {
	return join(
		writes(exauth.ScopeTransfer, `
			POST /api/v2/accounts/inner-transfer
			POST /api/v2/accounts/sub-transfer
			POST /api/v3/accounts/universal-transfer
			POST /api/v1/accounts/*
			POST /api/v1/transfer-in
			POST /api/v1/transfer-out
			POST /api/v2/transfer-out
			POST /api/v3/transfer-out
			DELETE /api/v1/cancel/transfer-out
			POST /api/v1/purchase
			POST /api/v1/redeem
			POST /api/v3/purchase
			POST /api/v3/redeem
			POST /api/v1/lend/purchase/update
			POST /api/v3/lend/purchase/update
			POST /api/v1/earn/orders
			DELETE /api/v1/earn/orders
			POST /api/v1/struct-earn/orders
			POST /api/v1/broker/nd/transfer
			POST /api/ua/v1/account/transfer`),
		writes(exauth.ScopeWithdraw, `
			POST /api/v1/withdrawals
			POST /api/v3/withdrawals
			DELETE /api/v1/withdrawals/{withdrawalId}
			POST /api/v3/broker/nd/withdraw`),
		writes(exauth.ScopeAccount, `
			POST /api/v1/deposit-addresses
			POST /api/v3/deposit-address/create
			POST /api/v1/sub/*
			POST /api/v2/sub/*
			POST /api/v3/sub/*
			DELETE /api/v1/sub/api-key
			POST /api/v1/broker/nd/account
			POST /api/v1/broker/nd/account/apikey
			POST /api/v1/broker/nd/account/update-apikey
			POST /api/v1/broker/nd/mark-up
			DELETE /api/v1/broker/nd/account/apikey
			POST /api/ua/v1/account/mode
			POST /api/ua/v1/sub-account/*`),
	)
}

const kucoinSpotTrading = `
	POST /api/v1/hf/orders id=clientOid
	POST /api/v1/hf/orders/sync id=clientOid
	POST /api/v1/hf/orders/multi
	POST /api/v1/hf/orders/multi/sync
	POST /api/v1/hf/orders/alter
	POST /api/v1/hf/orders/dead-cancel-all cancel
	DELETE /api/v1/hf/orders cancel
	DELETE /api/v1/hf/orders/* cancel
	DELETE /api/v1/order/client-order/{clientOid} cancel
	POST /api/v1/stop-order id=clientOid
	DELETE /api/v1/stop-order/* cancel
	POST /api/v3/oco/order id=clientOid
	DELETE /api/v3/oco/* cancel
	POST /api/v1/convert/order id=clientOrderId
	POST /api/v1/convert/limit/order id=clientOrderId
	DELETE /api/v1/convert/limit/order/cancel cancel
	POST /api/ua/v1/{mode}/order/place id=clientOid match=tradeType=SPOT`

const kucoinMarginTrading = `
	POST /api/v1/margin/order id=clientOid
	POST /api/v1/stop-order id=clientOid match=tradeType=MARGIN_TRADE
	POST /api/v1/stop-order id=clientOid match=tradeType=MARGIN_ISOLATED_TRADE
	POST /api/v1/hf/margin/order id=clientOid
	POST /api/v3/hf/margin/order id=clientOid
	POST /api/v3/hf/margin/stop-order id=clientOid
	POST /api/v3/hf/margin/oco-order id=clientOid
	DELETE /api/v3/hf/margin/* cancel
	DELETE /api/v1/hf/margin/* cancel
	POST /api/v1/margin/borrow
	POST /api/v1/margin/repay
	POST /api/v3/margin/borrow
	POST /api/v3/margin/repay
	POST /api/v3/position/update-user-leverage
	POST /api/ua/v1/{mode}/order/place id=clientOid match=tradeType=MARGIN
	POST /api/ua/v1/{mode}/order/place id=clientOid match=tradeType=CROSS
	POST /api/ua/v1/{mode}/order/place id=clientOid match=tradeType=ISOLATED
	POST /api/ua/v1/{mode}/account/modify-leverage-margin-cross`

const kucoinFuturesTrading = `
	POST /api/v1/st-orders id=clientOid
	POST /api/v1/position/margin/*
	POST /api/v1/position/risk-limit-level/change
	POST /api/v1/margin/withdrawMargin
	POST /api/v2/position/*
	POST /api/v2/batchChangeMarginMode
	POST /api/v2/changeCrossUserLeverage
	POST /api/v1/changeCrossUserLeverage
	POST /api/v1/copy-trade/*
	DELETE /api/v1/copy-trade/* cancel
	POST /api/ua/v1/{mode}/account/modify-leverage
	DELETE /api/v1/orders/client-order/{clientOid} cancel
	DELETE /api/v1/orders/multi-cancel cancel
	DELETE /api/v1/stopOrders cancel
	DELETE /api/v3/orders cancel
	POST /api/ua/v1/{mode}/order/place id=clientOid match=tradeType=FUTURES`

const kucoinPublic = `
	GET /api/v1/timestamp
	GET /api/v1/status
	GET /api/v1/currencies
	GET /api/v1/currencies/{currency}
	GET /api/v2/currencies
	GET /api/v2/currencies/{currency}
	GET /api/v3/currencies
	GET /api/v3/currencies/{currency}
	GET /api/v1/symbols
	GET /api/v2/symbols
	GET /api/v2/symbols/{symbol}
	GET /api/v1/markets
	GET /api/v1/prices
	GET /api/v1/market/allTickers
	GET /api/v1/market/stats
	GET /api/v1/market/histories
	GET /api/v1/market/candles
	GET /api/v1/market/orderbook/level1
	GET /api/v1/market/orderbook/level2_20
	GET /api/v1/market/orderbook/level2_100
	GET /api/v1/mark-price/{symbol}/current
	GET /api/v3/mark-price/all-symbols
	GET /api/v1/margin/config
	GET /api/v3/announcements
	POST /api/v1/bullet-public
	GET /api/v1/contracts/active
	GET /api/v1/contracts/{symbol}
	GET /api/v1/ticker
	GET /api/v1/allTickers
	GET /api/v1/level2/snapshot
	GET /api/v1/level2/depth20
	GET /api/v1/level2/depth100
	GET /api/v1/trade/history
	GET /api/v1/kline/query
	GET /api/v1/interest/query
	GET /api/v1/index/query
	GET /api/v1/premium/query
	GET /api/v1/trade-statistics
	GET /api/v1/funding-rate/{symbol}/current
	GET /api/v1/contract/funding-rates
	GET /api/ua/v1/market/*
	GET /_api/*`
