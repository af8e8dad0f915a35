package venue

import "github.com/exauth/exauth"

// okxRoutes says what each endpoint needs. GETs only read at OKX, so only the
// public ones are listed; what else is not listed needs ScopeTrade.
//
// Source: www.okx.com/docs-v5/en, read 2026-11.
func okxRoutes() []exauth.Route {
	return join(okxPublic(), okxReads(), okxTrades(), okxMoves())
}

func okxPublic() []exauth.Route {
	return public(`
		GET /api/v5/public/*
		GET /api/v5/market/*
		GET /api/v5/rubik/stat/*
		GET /api/v5/system/status
		GET /api/v5/sprd/spreads
		GET /api/v5/sprd/books
		GET /api/v5/sprd/public-trades
		GET /api/v5/sprd/ticker
		GET /api/v5/tradingBot/grid/ai-param
		GET /api/v5/tradingBot/grid/grid-quantity
		GET /api/v5/tradingBot/public/*
		POST /api/v5/tradingBot/grid/min-investment
		GET /api/v5/asset/exchange-list
		GET /api/v5/finance/savings/lending-rate-summary
		GET /api/v5/finance/savings/lending-rate-history
		GET /api/v5/finance/staking-defi/eth/apy-history
		GET /api/v5/finance/staking-defi/sol/apy-history
		GET /api/v5/finance/fixed-loan/lending-offers
		GET /api/v5/finance/fixed-loan/lending-apy-history
		GET /api/v5/finance/fixed-loan/pending-lending-volume
		GET /api/v5/finance/sfp/dcd/products
		GET /api/v5/copytrading/public-config
		GET /api/v5/copytrading/public-lead-traders
		GET /api/v5/copytrading/public-weekly-pnl
		GET /api/v5/copytrading/public-pnl
		GET /api/v5/copytrading/public-stats
		GET /api/v5/copytrading/public-preference-currency
		GET /api/v5/copytrading/public-current-subpositions
		GET /api/v5/copytrading/public-subpositions-history
		GET /api/v5/copytrading/public-copy-traders
		GET /api/v5/support/announcements
		GET /api/v5/support/announcement-types
`)
}

func okxReads() []exauth.Route {
	return reads(`
		GET /api/v5/public/economic-calendar       # the one of its section that wants a key
		POST /api/v5/trade/order-precheck
		POST /api/v5/trade/fills-archive           # asks for a file to be made, as the next ones do
		POST /api/v5/account/bills-history-archive
		POST /api/v5/asset/monthly-statement
		POST /api/v5/broker/nd/rebate-per-orders
		POST /api/v5/broker/fd/rebate-per-orders
		POST /api/v5/account/simulated_margin
		POST /api/v5/account/position-builder
		POST /api/v5/account/position-builder-graph
		POST /api/v5/asset/convert/estimate-quote
		POST /api/v5/fiat/buy-sell/quote
		POST /api/v5/finance/sfp/dcd/quote
		POST /api/v5/finance/sfp/dcd/redeem-quote
		POST /api/v5/finance/flexible-loan/max-loan
		POST /api/v5/tradingBot/grid/compute-margin-balance`)
}

// okxOrders are the routes that serve every product.
const okxOrders = `
	POST /api/v5/trade/order id=clOrdId
	POST /api/v5/trade/batch-orders
	POST /api/v5/trade/cancel-order cancel
	POST /api/v5/trade/cancel-batch-orders cancel
	POST /api/v5/trade/mass-cancel cancel
	POST /api/v5/trade/cancel-all-after cancel
	POST /api/v5/trade/cancel-algos cancel
	POST /api/v5/trade/cancel-advance-algos cancel
	POST /api/v5/trade/amend-order
	POST /api/v5/trade/amend-batch-orders
	POST /api/v5/trade/amend-algos
	POST /api/v5/trade/close-position
	POST /api/v5/trade/order-algo id=algoClOrdId
	POST /api/v5/trade/easy-convert
	POST /api/v5/trade/one-click-repay
	POST /api/v5/trade/one-click-repay-v2
	POST /api/v5/asset/convert/trade
	POST /api/v5/asset/convert-dust-assets
	POST /api/v5/fiat/buy-sell/trade
	POST /api/v5/rfq/cancel-rfq cancel
	POST /api/v5/rfq/cancel-batch-rfqs cancel
	POST /api/v5/rfq/cancel-all-rfqs cancel
	POST /api/v5/rfq/cancel-quote cancel
	POST /api/v5/rfq/cancel-batch-quotes cancel
	POST /api/v5/rfq/cancel-all-quotes cancel
	POST /api/v5/rfq/cancel-all-after cancel
	POST /api/v5/rfq/create-rfq
	POST /api/v5/rfq/create-quote
	POST /api/v5/rfq/*
	POST /api/v5/tradingBot/grid/order-algo id=algoClOrdId
	POST /api/v5/tradingBot/grid/stop-order-algo cancel
	POST /api/v5/tradingBot/grid/cancel-close-order cancel
	POST /api/v5/tradingBot/signal/stop-order-algo cancel
	POST /api/v5/tradingBot/signal/cancel-sub-order cancel
	POST /api/v5/tradingBot/recurring/order-algo id=algoClOrdId
	POST /api/v5/tradingBot/recurring/stop-order-algo cancel
	POST /api/v5/tradingBot/dca/stop cancel
	POST /api/v5/tradingBot/*
	POST /api/v5/copytrading/stop-copy-trading cancel
	POST /api/v5/copytrading/*
	POST /api/v5/account/mmp-reset
	POST /api/v5/account/mmp-config`

func okxTrades() []exauth.Route {
	return join(
		writes(exauth.ScopeTrade, okxOrders),
		writes(exauth.ScopeTradeDerivatives, `
			POST /api/v5/sprd/order id=clOrdId
			POST /api/v5/sprd/amend-order
			POST /api/v5/sprd/cancel-order cancel
			POST /api/v5/sprd/mass-cancel cancel
			POST /api/v5/sprd/cancel-all-after cancel
			POST /api/v5/account/move-positions
			POST /api/v5/account/activate-option`),
		writes(exauth.ScopeTradeMargin|exauth.ScopeTradeDerivatives, `
			POST /api/v5/account/set-leverage
			POST /api/v5/account/position/margin-balance`),
		writes(exauth.ScopeTradeMargin, `
			POST /api/v5/account/borrow-repay
			POST /api/v5/account/quick-margin-borrow-repay
			POST /api/v5/account/spot-manual-borrow-repay
			POST /api/v5/account/fixed-loan/*
			POST /api/v5/finance/flexible-loan/*`),
	)
}

func okxMoves() []exauth.Route {
	return join(
		writes(exauth.ScopeTransfer, `
			POST /api/v5/asset/transfer
			POST /api/v5/asset/subaccount/transfer
			POST /api/v5/tradingBot/grid/withdraw-income # from the bot to the trading account
			POST /api/v5/finance/savings/purchase-redempt
			POST /api/v5/finance/savings/set-lending-rate
			POST /api/v5/finance/staking-defi/*
			POST /api/v5/finance/okusd/*
			POST /api/v5/finance/sfp/dcd/order
			POST /api/v5/finance/sfp/dcd/trade
			POST /api/v5/finance/sfp/dcd/redeem`),
		writes(exauth.ScopeWithdraw, `
			POST /api/v5/asset/withdrawal
			POST /api/v5/asset/withdrawal-lightning
			POST /api/v5/asset/cancel-withdrawal cancel
			POST /api/v5/fiat/create-withdrawal
			POST /api/v5/fiat/cancel-withdrawal cancel`),
		writes(exauth.ScopeAccount, `
			POST /api/v5/account/set-position-mode
			POST /api/v5/account/set-fee-type
			POST /api/v5/account/set-greeks
			POST /api/v5/account/set-isolated-mode
			POST /api/v5/account/set-auto-repay
			POST /api/v5/account/set-auto-loan
			POST /api/v5/account/set-auto-earn
			POST /api/v5/account/set-riskOffset-type
			POST /api/v5/account/set-riskOffset-amt
			POST /api/v5/account/set-account-level
			POST /api/v5/account/account-level-switch-preset
			POST /api/v5/account/set-collateral-assets
			POST /api/v5/account/set-settle-currency
			POST /api/v5/account/set-trading-config
			POST /api/v5/account/demo-adjust-balance
			POST /api/v5/account/subaccount/set-loan-allocation
			POST /api/v5/users/*
			POST /api/v5/broker/*
			POST /api/v5/asset/broker/*`),
	)
}
