package venue

import "github.com/exauth/exauth"

// binanceRoutes says what each endpoint needs. Reads with "withdraw" in their path
// are listed as reads; what is not listed needs ScopeTrade.
func binanceRoutes() []exauth.Route {
	return join(
		public(`
			GET /api/v3/ping
			GET /api/v3/time
			GET /api/v3/exchangeInfo
			GET /api/v3/depth
			GET /api/v3/trades
			GET /api/v3/aggTrades
			GET /api/v3/klines
			GET /api/v3/uiKlines
			GET /api/v3/avgPrice
			GET /api/v3/ticker
			GET /api/v3/ticker/*
			GET /fapi/v1/ping
			GET /fapi/v1/time
			GET /fapi/v1/exchangeInfo
			GET /fapi/v1/depth
			GET /fapi/v1/trades
			GET /fapi/v1/aggTrades
			GET /fapi/v1/klines
			GET /fapi/v1/premiumIndex
			GET /fapi/v1/fundingRate
			GET /fapi/v1/openInterest
			GET /fapi/v1/ticker/*
			GET /futures/data/*
			GET /dapi/v1/ping
			GET /dapi/v1/time
			GET /dapi/v1/exchangeInfo
			GET /dapi/v1/depth
			GET /dapi/v1/klines
			GET /dapi/v1/ticker/*
			GET /eapi/v1/ping
			GET /eapi/v1/time
			GET /eapi/v1/exchangeInfo
			GET /eapi/v1/depth
			GET /papi/v1/ping
			GET /sapi/v1/system/status`),
		reads(`
			GET /api/v3/historicalTrades key
			GET /fapi/v1/historicalTrades key
			GET /dapi/v1/historicalTrades key
			GET /eapi/v1/historicalTrades key
			* /api/v3/userDataStream key
			* /sapi/v1/userDataStream key
			* /sapi/v1/userDataStream/isolated # documented as key only; taken signed, as ccxt sends it
			* /fapi/v1/listenKey key
			* /dapi/v1/listenKey key
			* /eapi/v1/listenKey key
			* /papi/v1/listenKey key
			GET /api/v3/account
			GET /api/v3/order
			GET /api/v3/openOrders
			GET /api/v3/allOrders
			GET /api/v3/orderList
			GET /api/v3/allOrderList
			GET /api/v3/openOrderList
			GET /api/v3/myTrades
			GET /api/v3/myPreventedMatches
			GET /api/v3/myAllocations
			GET /api/v3/account/commission
			GET /api/v3/rateLimit/order
			GET /api/v3/order/amendments
			POST /api/v3/order/test
			POST /api/v3/sor/order/test
			POST /fapi/v1/order/test
			POST /dapi/v1/order/test
			GET /sapi/*
			POST /sapi/v3/asset/getUserAsset
			POST /sapi/v1/asset/get-funding-asset
			POST /sapi/v1/asset/dust-btc
			GET /fapi/*
			GET /dapi/*
			GET /eapi/*
			GET /papi/*`),
		writes(exauth.ScopeTradeSpot, `
			POST /api/v3/order id=newClientOrderId
			DELETE /api/v3/order cancel
			DELETE /api/v3/openOrders cancel
			POST /api/v3/order/cancelReplace id=newClientOrderId
			PUT /api/v3/order/amend/keepPriority
			POST /api/v3/order/oco id=listClientOrderId
			POST /api/v3/orderList/oco id=listClientOrderId
			POST /api/v3/orderList/oto id=listClientOrderId
			POST /api/v3/orderList/otoco id=listClientOrderId
			DELETE /api/v3/orderList cancel
			POST /api/v3/sor/order id=newClientOrderId
			POST /sapi/v1/asset/dust
			POST /sapi/v1/convert/getQuote
			POST /sapi/v1/convert/acceptQuote`),
		writes(exauth.ScopeTradeMargin, `
			POST /sapi/v1/margin/order id=newClientOrderId
			DELETE /sapi/v1/margin/order cancel
			DELETE /sapi/v1/margin/openOrders cancel
			POST /sapi/v1/margin/order/oco id=listClientOrderId
			DELETE /sapi/v1/margin/orderList cancel
			POST /sapi/v1/margin/borrow-repay
			POST /sapi/v1/margin/loan
			POST /sapi/v1/margin/repay`),
		writes(exauth.ScopeTradeDerivatives, `
			POST /fapi/v1/order id=newClientOrderId
			PUT /fapi/v1/order
			DELETE /fapi/v1/order cancel
			DELETE /fapi/v1/allOpenOrders cancel
			POST /fapi/v1/countdownCancelAll cancel
			POST /fapi/v1/batchOrders
			PUT /fapi/v1/batchOrders
			DELETE /fapi/v1/batchOrders cancel
			POST /fapi/v1/leverage
			POST /fapi/v1/marginType
			POST /fapi/v1/positionMargin
			POST /dapi/v1/order id=newClientOrderId
			PUT /dapi/v1/order
			DELETE /dapi/v1/order cancel
			DELETE /dapi/v1/allOpenOrders cancel
			POST /dapi/v1/countdownCancelAll cancel
			POST /dapi/v1/batchOrders
			DELETE /dapi/v1/batchOrders cancel
			POST /dapi/v1/leverage
			POST /eapi/v1/order id=clientOrderId
			DELETE /eapi/v1/order cancel
			DELETE /eapi/v1/allOpenOrders cancel
			POST /papi/v1/um/order id=newClientOrderId
			DELETE /papi/v1/um/order cancel
			DELETE /papi/v1/um/allOpenOrders cancel
			POST /papi/v1/cm/order id=newClientOrderId
			DELETE /papi/v1/cm/order cancel
			POST /papi/v1/margin/order id=newClientOrderId
			DELETE /papi/v1/margin/order cancel`),
		writes(exauth.ScopeTransfer, `
			POST /sapi/v1/asset/transfer
			POST /sapi/v1/futures/transfer
			POST /sapi/v1/margin/transfer
			POST /sapi/v1/margin/isolated/transfer
			POST /sapi/v1/sub-account/*
			POST /sapi/v1/simple-earn/*
			POST /sapi/v1/staking/*
			POST /sapi/v2/sub-account/*
			POST /sapi/v1/managed-subaccount/*
			POST /papi/v1/auto-collection
			POST /papi/v1/asset-collection`),
		writes(exauth.ScopeWithdraw, `
			POST /sapi/v1/capital/withdraw/apply
			POST /sapi/v1/localentity/withdraw/apply
			POST /sapi/v1/fiat/withdraw`),
		writes(exauth.ScopeAccount, `
			POST /sapi/v1/account/enableFastWithdrawSwitch
			POST /sapi/v1/account/disableFastWithdrawSwitch
			POST /sapi/v1/bnbBurn
			POST /sapi/v1/sub-account/virtualSubAccount
			POST /sapi/v2/sub-account/subAccountApi/ipRestriction
			DELETE /sapi/v1/sub-account/subAccountApi/ipRestriction/ipList
			POST /fapi/v1/positionSide/dual
			POST /fapi/v1/multiAssetsMargin`),
	)
}
