package venue

import (
	"strings"

	"github.com/exauth/exauth"
)

// bybitRoutes says what each endpoint needs. GETs only read, but for one that
// deletes a sub-account; what else is not listed needs ScopeTrade.
//
// Source: bybit-exchange.github.io/docs/v5, read 2026-11.
func bybitRoutes() []exauth.Route {
	return join(bybitPublic(), bybitReads(), bybitOrders(), bybitTrades(), bybitMoves(), bybitOld())
}

func bybitPublic() []exauth.Route {
	return public(`
		GET /v5/market/*
		GET /v5/announcements/index
		GET /v5/system/status
		GET /v5/spot-lever-token/info
		GET /v5/spot-lever-token/reference
		GET /v5/spot-margin-trade/data
		GET /v5/spot-margin-trade/collateral
		GET /v5/spot-cross-margin-trade/data
		GET /v5/spot-cross-margin-trade/pledge-token
		GET /v5/spot-cross-margin-trade/borrow-token
		GET /v5/crypto-loan/collateral-data
		GET /v5/crypto-loan/loanable-data
		GET /v5/crypto-loan-common/collateral-data
		GET /v5/crypto-loan-common/loanable-data
		GET /v5/crypto-loan-fixed/supply-order-quote
		GET /v5/crypto-loan-fixed/borrow-order-quote
		GET /v5/ins-loan/product-infos
		GET /v5/ins-loan/ensure-tokens-convert
		GET /v5/earn/product
		GET /v5/spot-x/launchpool/project/list
		GET /v5/spot-x/puzzle/project/list
		GET /v5/spot-x/token-splash/project/list
		GET /v5/event/instruments-info
		GET /v5/event/orderbook
		GET /v3/public/time
		GET /spot/v3/public/*
		GET /contract/v3/public/*
		GET /derivatives/v3/public/*
		GET /asset/v3/public/*`)
}

// bybitReads are the POSTs that only ask.
func bybitReads() []exauth.Route {
	return reads(`
		POST /v5/order/pre-check
		POST /v5/asset/exchange/quote-apply
		POST /v5/asset/covert/get-quote                # sic
		POST /v5/asset/convert/get-quote
		POST /v5/fiat/quote-apply
		POST /v5/crypto-loan-common/max-loan
		POST /v5/broker/award/info
		POST /v5/broker/award/distribution-record
		POST /v5/spot-x/launchpool/user/activity-log
		POST /v5/spot-x/launchpool/user/history
		POST /v5/alpha/prediction/event-detail
		POST /v5/alpha/prediction/order-estimate
		POST /v5/alpha/prediction/order-list
		POST /v5/alpha/prediction/order-book
		POST /v5/alpha/prediction/token-price
		POST /v5/alpha/prediction/price-history
		POST /v5/alpha/prediction/position-list
		POST /v5/alpha/prediction/position-history
		POST /v5/alpha/prediction/portfolio-summary
		POST /v5/alpha/prediction/side-market-list
		POST /v5/alpha/prediction/sports/match-list
		POST /v5/alpha/prediction/sports/group-stage-detail`)
}

// bybitOrders are the routes that serve every product: category says which. Spot
// needs the margin scope too, since isLeverage=1 borrows.
func bybitOrders() []exauth.Route {
	const lines = `
		POST /v5/order/create id=orderLinkId MATCH
		POST /v5/order/amend MATCH
		POST /v5/order/cancel cancel MATCH
		POST /v5/order/cancel-all cancel MATCH
		POST /v5/order/create-batch MATCH
		POST /v5/order/amend-batch MATCH
		POST /v5/order/cancel-batch cancel MATCH`
	byCategory := func(scope exauth.Scope, category string) []exauth.Route {
		return writes(scope, strings.ReplaceAll(lines, "MATCH", "match=category="+category))
	}
	return join(
		byCategory(exauth.ScopeTradeSpot|exauth.ScopeTradeMargin, "spot"),
		byCategory(exauth.ScopeTradeDerivatives, "linear"),
		byCategory(exauth.ScopeTradeDerivatives, "inverse"),
		byCategory(exauth.ScopeTradeDerivatives, "option"),
		writes(exauth.ScopeTrade, strings.ReplaceAll(lines, "MATCH", "")),
	)
}

func bybitTrades() []exauth.Route {
	return join(
		writes(exauth.ScopeTradeDerivatives, `
			POST /v5/order/disconnected-cancel-all
			POST /v5/position/*
			POST /v5/account/mmp-modify
			POST /v5/account/mmp-reset
			POST /v5/event/cancel cancel
			POST /v5/event/*`),
		writes(exauth.ScopeTradeSpot, `
			POST /v5/asset/exchange/convert-execute
			POST /v5/asset/covert/small-balance-execute
			POST /v5/asset/convert/small-balance-execute
			POST /v5/fiat/trade-execute
			POST /v5/spot-lever-token/*`),
		writes(exauth.ScopeTradeMargin, `
			POST /v5/account/borrow
			POST /v5/account/repay
			POST /v5/account/no-convert-repay
			POST /v5/account/quick-repayment
			POST /v5/spot-margin-trade/*
			POST /v5/spot-cross-margin-trade/*
			POST /v5/crypto-loan/*
			POST /v5/crypto-loan-common/*
			POST /v5/crypto-loan-flexible/*
			POST /v5/crypto-loan-fixed/*
			POST /v5/ins-loan/*`),
	)
}

func bybitMoves() []exauth.Route {
	return join(
		writes(exauth.ScopeTransfer, `
			POST /v5/asset/transfer/inter-transfer
			POST /v5/asset/transfer/universal-transfer
			POST /v5/account/demo-apply-money
			POST /v5/earn/*
			POST /v5/lending/*
			POST /v5/broker/award/distribute-award`),
		writes(exauth.ScopeWithdraw, `
			POST /v5/asset/withdraw/create
			POST /v5/asset/withdraw/cancel cancel`),
		writes(exauth.ScopeAccount, `
			* /v5/user/del-submember
			POST /v5/user/*
			POST /v5/account/upgrade-to-uta
			POST /v5/account/set-margin-mode
			POST /v5/account/set-hedging-mode
			POST /v5/account/set-limit-px-action
			POST /v5/account/set-delta-mode
			POST /v5/account/set-collateral-switch
			POST /v5/account/set-collateral-switch-batch
			POST /v5/asset/transfer/save-transfer-sub-member
			POST /v5/asset/deposit/deposit-to-account
			POST /v5/asset/travel-rule/deposit/submit`),
	)
}

// bybitOld are the v3 and USDC option APIs.
func bybitOld() []exauth.Route {
	return join(
		writes(exauth.ScopeTradeSpot, `
			POST /spot/v3/private/order id=orderLinkId
			POST /spot/v3/private/cancel-order cancel
			POST /spot/v3/private/cancel-orders cancel
			POST /spot/v3/private/cancel-orders-by-ids cancel
			POST /spot/v3/private/purchase
			POST /spot/v3/private/redeem`),
		writes(exauth.ScopeTradeMargin, `
			POST /spot/v3/private/cross-margin-loan
			POST /spot/v3/private/cross-margin-repay`),
		writes(exauth.ScopeTradeDerivatives, `
			POST /contract/v3/private/order/create id=orderLinkId
			POST /contract/v3/private/order/cancel cancel
			POST /contract/v3/private/order/cancel-all cancel
			POST /contract/v3/private/order/*
			POST /contract/v3/private/position/*
			POST /contract/v3/private/copytrading/order/cancel cancel
			POST /contract/v3/private/copytrading/*
			POST /unified/v3/private/order/create id=orderLinkId
			POST /unified/v3/private/order/cancel cancel
			POST /unified/v3/private/order/cancel-batch cancel
			POST /unified/v3/private/order/cancel-all cancel
			POST /unified/v3/private/order/*
			POST /unified/v3/private/position/*
			POST /option/usdc/openapi/private/v1/place-order id=orderLinkId
			POST /option/usdc/openapi/private/v1/replace-order
			POST /option/usdc/openapi/private/v1/cancel-order cancel
			POST /option/usdc/openapi/private/v1/cancel-all cancel`),
		reads(`POST /fht/compliance/tax/v3/private/*`), // reports for the tax office
		writes(exauth.ScopeTransfer, `
			POST /asset/v3/private/transfer/inter-transfer
			POST /asset/v3/private/transfer/sub-member-transfer
			POST /asset/v3/private/transfer/universal-transfer
			POST /contract/v3/private/copytrading/wallet/transfer`),
		writes(exauth.ScopeWithdraw, `
			POST /asset/v3/private/withdraw/create
			POST /asset/v3/private/withdraw/cancel cancel`),
		writes(exauth.ScopeAccount, `
			POST /asset/v3/private/transfer/transfer-sub-member-save
			POST /user/v3/private/*
			POST /contract/v3/private/account/setMarginMode
			POST /unified/v3/private/account/*`),
	)
}
