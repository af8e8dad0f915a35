package venue

import "github.com/exauth/exauth"

// binanceMore lists the endpoints of the newer products: of the spot order lists,
// futures algo orders, options, portfolio margin and the wallet's programmes.
//
// Source: the request descriptions that Binance generates its connectors from
// (github.com/binance/binance-connector-js a9de9a9, 2026-07-24).
func binanceMore() []exauth.Route {
	return join(binanceMorePublic(), binanceMoreOrders(), binanceMoreMargin(), binanceMoreMoves())
}

func binanceMorePublic() []exauth.Route {
	return join(
		public(`
			GET /api/v3/executionRules
			GET /api/v3/referencePrice
			GET /api/v3/referencePrice/calculation
			GET /api/v3/historicalBlockTrades`),
		reads(`
			GET /api/v3/myFilters
			POST /sapi/v1/asset/dust-convert/query-convertible-assets
			* /sapi/v1/margin/listen-key key`),
	)
}

// binanceMoreOrders are orders of every product.
func binanceMoreOrders() []exauth.Route {
	return join(
		writes(exauth.ScopeTradeSpot, `
			POST /api/v3/orderList/opo id=listClientOrderId
			POST /api/v3/orderList/opoco id=listClientOrderId
			POST /sapi/v1/algo/spot/newOrderTwap id=clientAlgoId
			DELETE /sapi/v1/algo/spot/order cancel
			POST /sapi/v1/convert/limit/placeOrder
			POST /sapi/v1/convert/limit/cancelOrder cancel
			POST /sapi/v1/asset/dust-convert/convert`),
		writes(exauth.ScopeTradeDerivatives, `
			POST /fapi/v1/algoOrder id=clientAlgoId
			DELETE /fapi/v1/algoOrder cancel
			DELETE /fapi/v1/algoOpenOrders cancel
			POST /fapi/v1/convert/getQuote
			POST /fapi/v1/convert/acceptQuote
			POST /sapi/v1/algo/futures/newOrderTwap id=clientAlgoId
			POST /sapi/v1/algo/futures/newOrderVp id=clientAlgoId
			DELETE /sapi/v1/algo/futures/order cancel
			PUT /dapi/v1/batchOrders
			POST /dapi/v1/marginType
			POST /dapi/v1/positionMargin
			POST /eapi/v1/batchOrders
			DELETE /eapi/v1/batchOrders cancel
			DELETE /eapi/v1/allOpenOrdersByUnderlying cancel
			POST /eapi/v1/block/order/create
			PUT /eapi/v1/block/order/create
			DELETE /eapi/v1/block/order/create cancel
			POST /eapi/v1/block/order/execute
			POST /eapi/v1/countdownCancelAll cancel
			POST /eapi/v1/countdownCancelAllHeartBeat cancel
			POST /eapi/v1/mmpSet
			POST /eapi/v1/mmpReset
			PUT /papi/v1/um/order
			PUT /papi/v1/cm/order
			DELETE /papi/v1/cm/allOpenOrders cancel
			POST /papi/v1/um/conditional/order id=newClientStrategyId
			DELETE /papi/v1/um/conditional/order cancel
			DELETE /papi/v1/um/conditional/allOpenOrders cancel
			POST /papi/v1/cm/conditional/order id=newClientStrategyId
			DELETE /papi/v1/cm/conditional/order cancel
			DELETE /papi/v1/cm/conditional/allOpenOrders cancel
			POST /papi/v1/um/algo/order id=clientAlgoId
			DELETE /papi/v1/um/algo/order cancel
			DELETE /papi/v1/um/algo/allOpenOrders cancel
			POST /papi/v1/um/leverage
			POST /papi/v1/cm/leverage`),
	)
}

func binanceMoreMargin() []exauth.Route {
	return writes(exauth.ScopeTradeMargin, `
		POST /sapi/v1/margin/order/oto id=listClientOrderId
		POST /sapi/v1/margin/order/otoco id=listClientOrderId
		POST /sapi/v1/margin/isolated/account
		DELETE /sapi/v1/margin/isolated/account
		POST /sapi/v1/margin/exchange-small-liability
		POST /sapi/v1/margin/liquidation-loan/repay
		POST /sapi/v1/margin/manual-liquidation
		POST /sapi/v1/margin/max-leverage
		POST /sapi/v1/loan/vip/borrow
		POST /sapi/v1/loan/vip/fixed/borrow
		POST /sapi/v1/loan/vip/renew
		POST /sapi/v1/loan/vip/repay
		POST /sapi/v2/loan/flexible/adjust/ltv
		POST /sapi/v2/loan/flexible/borrow
		POST /sapi/v2/loan/flexible/repay
		POST /sapi/v1/portfolio/repay
		POST /sapi/v1/portfolio/repay-futures-negative-balance
		POST /papi/v1/marginLoan
		POST /papi/v1/repayLoan
		POST /papi/v1/margin/repay-debt
		POST /papi/v1/repay-futures-negative-balance
		POST /papi/v1/margin/order/oco id=listClientOrderId
		DELETE /papi/v1/margin/orderList cancel
		DELETE /papi/v1/margin/allOpenOrders cancel`)
}

// binanceMoreMoves are what moves money or changes the account. A gift card's code
// is money in whoever's hands it gets into.
func binanceMoreMoves() []exauth.Route {
	return join(
		writes(exauth.ScopeTransfer, `
			POST /papi/v1/bnb-transfer
			POST /sapi/v1/portfolio/bnb-transfer
			POST /sapi/v1/portfolio/asset-collection
			POST /sapi/v1/portfolio/auto-collection
			POST /sapi/v1/portfolio/earn-asset-transfer
			POST /sapi/v1/bfusd/subscribe
			POST /sapi/v1/bfusd/redeem
			POST /sapi/v1/rwusd/subscribe
			POST /sapi/v1/rwusd/redeem
			POST /sapi/v1/dci/product/subscribe
			POST /sapi/v1/dci/product/auto_compound/edit-status
			POST /sapi/v2/eth-staking/eth/stake
			POST /sapi/v1/eth-staking/eth/redeem
			POST /sapi/v1/eth-staking/wbeth/wrap
			POST /sapi/v1/sol-staking/sol/stake
			POST /sapi/v1/sol-staking/sol/redeem
			POST /sapi/v1/sol-staking/sol/claim
			POST /sapi/v1/onchain-yields/locked/subscribe
			POST /sapi/v1/onchain-yields/locked/redeem
			POST /sapi/v1/onchain-yields/locked/setAutoSubscribe
			POST /sapi/v1/onchain-yields/locked/setRedeemOption
			GET /sapi/v1/soft-staking/set # a GET that stakes`),
		writes(exauth.ScopeWithdraw, `
			POST /sapi/v1/localentity/broker/withdraw/apply
			POST /sapi/v2/fiat/withdraw
			POST /sapi/v1/giftcard/createCode
			POST /sapi/v1/giftcard/buyCode
			POST /sapi/v1/giftcard/redeemCode`),
		writes(exauth.ScopeAccount, `
			POST /sapi/v1/sub-account/subAccountApi
			DELETE /sapi/v1/sub-account/subAccountApi
			POST /sapi/v1/sub-account/subAccountApiPermission
			POST /sapi/v1/margin/apiKey
			DELETE /sapi/v1/margin/apiKey
			PUT /sapi/v1/margin/apiKey/ip
			POST /sapi/v1/margin/exit-special-key-mode
			PUT /sapi/v1/localentity/deposit/provide-info
			PUT /sapi/v2/localentity/deposit/provide-info
			PUT /sapi/v1/localentity/broker/deposit/provide-info
			POST /sapi/v1/capital/deposit/credit-apply
			POST /sapi/v1/portfolio/delta-mode
			POST /sapi/v1/portfolio/margin-call-level
			DELETE /sapi/v1/portfolio/margin-call-level
			POST /sapi/v1/portfolio/repay-futures-switch
			POST /papi/v1/repay-futures-switch
			POST /papi/v1/um/feeBurn
			POST /papi/v1/um/positionSide/dual
			POST /papi/v1/cm/positionSide/dual
			POST /papi/v1/um/stock/contract
			POST /dapi/v1/positionSide/dual
			POST /eapi/v1/stock/contract
			POST /fapi/v1/stock/contract
			POST /fapi/v1/feeBurn`),
	)
}
