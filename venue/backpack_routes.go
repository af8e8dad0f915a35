package venue

import (
	"strings"

	"github.com/exauth/exauth"
)

// backpackInstructions names what is signed for each signed route, as the API's
// reference has it beside the route. ccxt knows some of them only and signs an
// empty name for the rest, which the venue refuses; here that happens only to what
// the reference does not list.
func backpackInstructions() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(`
		GET /api/v1/account accountQuery
		PATCH /api/v1/account accountUpdate
		POST /api/v1/account/convertDust convertDust
		GET /api/v1/account/limits/borrow maxBorrowQuantity
		GET /api/v1/account/limits/order maxOrderQuantity
		GET /api/v1/account/limits/withdrawal maxWithdrawalQuantity
		GET /api/v1/borrowLend/positions borrowLendPositionQuery
		POST /api/v1/borrowLend borrowLendExecute
		GET /api/v1/capital balanceQuery
		GET /api/v1/capital/collateral collateralQuery
		GET /wapi/v1/capital/deposits depositQueryAll
		GET /wapi/v1/capital/deposit/address depositAddressQuery
		GET /wapi/v1/capital/withdrawals withdrawalQueryAll
		POST /wapi/v1/capital/withdrawals withdraw
		GET /api/v1/order orderQuery
		POST /api/v1/order orderExecute
		DELETE /api/v1/order orderCancel
		GET /api/v1/orders orderQueryAll
		POST /api/v1/orders orderExecute
		DELETE /api/v1/orders orderCancelAll
		GET /api/v1/position positionQuery
		POST /api/v1/rfq rfqSubmit
		POST /api/v1/rfq/quote quoteSubmit
		POST /api/v1/rfq/accept quoteAccept
		POST /api/v1/rfq/refresh rfqRefresh
		POST /api/v1/rfq/cancel rfqCancel
		GET /api/v1/strategy strategyQuery
		POST /api/v1/strategy strategyCreate
		DELETE /api/v1/strategy strategyCancel
		GET /api/v1/strategies strategyQueryAll
		DELETE /api/v1/strategies strategyCancelAll
		GET /wapi/v1/history/borrowLend borrowHistoryQueryAll
		GET /wapi/v1/history/borrowLend/positions borrowPositionHistoryQueryAll
		GET /wapi/v1/history/dust dustHistoryQueryAll
		GET /wapi/v1/history/fills fillHistoryQueryAll
		GET /wapi/v1/history/funding fundingHistoryQueryAll
		GET /wapi/v1/history/interest interestHistoryQueryAll
		GET /wapi/v1/history/orders orderHistoryQueryAll
		GET /wapi/v1/history/pnl pnlHistoryQueryAll
		GET /wapi/v1/history/position positionHistoryQueryAll
		GET /wapi/v1/history/quote quoteHistoryQueryAll
		GET /wapi/v1/history/quote/fill quoteFillHistoryQueryAll
		GET /wapi/v1/history/rfq rfqHistoryQueryAll
		GET /wapi/v1/history/rfq/fill rfqFillHistoryQueryAll
		GET /wapi/v1/history/settlement settlementHistoryQueryAll
		GET /wapi/v1/history/strategies strategyHistoryQueryAll`) {
		if words := strings.Fields(line); len(words) == 3 {
			m[words[0]+" "+words[1]] = words[2]
		}
	}
	return m
}

// backpackRoutes: all GETs read. An order may be spot, margin or perpetual, which
// only its symbol tells.
func backpackRoutes() []exauth.Route {
	return join(
		public(backpackPublic),
		reads(`
			GET /api/v1/account
			GET /api/v1/account/limits/*
			GET /api/v1/borrowLend/positions
			GET /api/v1/capital
			GET /api/v1/capital/collateral
			GET /wapi/v1/capital/deposits
			GET /wapi/v1/capital/deposit/address
			GET /wapi/v1/capital/withdrawals
			GET /wapi/v1/capital/withdrawals/delay
			GET /wapi/v1/history/*
			GET /api/v1/order
			GET /api/v1/orders
			GET /api/v1/position
			GET /api/v1/strategy
			GET /api/v1/strategies`),
		writes(exauth.ScopeTrade, `
			POST /api/v1/order id=clientId
			POST /api/v1/orders
			DELETE /api/v1/order cancel
			DELETE /api/v1/orders cancel
			POST /api/v1/rfq id=clientId
			POST /api/v1/rfq/quote id=clientId
			POST /api/v1/rfq/accept
			POST /api/v1/rfq/refresh
			POST /api/v1/rfq/cancel cancel
			POST /api/v1/strategy id=clientStrategyId
			DELETE /api/v1/strategy cancel
			DELETE /api/v1/strategies cancel`),
		writes(exauth.ScopeTradeSpot, `
			POST /api/v1/account/convertDust`),
		writes(exauth.ScopeTradeMargin, `
			POST /api/v1/borrowLend`),
		writes(exauth.ScopeWithdraw, `
			POST /wapi/v1/capital/withdrawals`),
		writes(exauth.ScopeAccount, `
			PATCH /api/v1/account
			POST /wapi/v1/capital/withdrawals/delay
			PATCH /wapi/v1/capital/withdrawals/delay`),
	)
}

const backpackPublic = `
	GET /api/v1/assets
	GET /api/v1/borrowLend/markets
	GET /api/v1/borrowLend/markets/history
	GET /api/v1/borrowLend/position/liquidationPrice
	GET /api/v1/collateral
	GET /api/v1/depth
	GET /api/v1/fundingRates
	GET /api/v1/klines
	GET /api/v1/markPrices
	GET /api/v1/market
	GET /api/v1/markets
	GET /api/v1/openInterest
	GET /api/v1/ping
	GET /api/v1/prediction
	GET /api/v1/prediction/tags
	GET /api/v1/status
	GET /api/v1/ticker
	GET /api/v1/tickers
	GET /api/v1/time
	GET /api/v1/trades
	GET /api/v1/trades/history
	GET /api/v1/wallets`
