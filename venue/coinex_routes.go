package venue

import "github.com/exauth/exauth"

// coinexRoutes: all GETs read. Where spot and margin share a route, the parameter
// market_type says which; without it, or in a batch, a call needs both.
func coinexRoutes() []exauth.Route {
	return join(coinexV2Routes(), coinexV1Routes(), coinexPerpetualRoutes())
}

// spotOrMargin lists v2 routes that name their market in the parameter market_type.
func spotOrMargin(lines string) []exauth.Route {
	spot := writes(exauth.ScopeTradeSpot, lines)
	for i := range spot {
		spot[i].Match = "market_type=SPOT"
	}
	return join(spot, writes(exauth.ScopeTradeSpot|exauth.ScopeTradeMargin, lines))
}

func coinexV2Routes() []exauth.Route {
	return join(
		public(coinexV2Public),
		reads(`
			GET /v2/account/*
			GET /v2/assets/*
			GET /v2/spot/*
			GET /v2/futures/*
			GET /v2/refer/*`),
		spotOrMargin(`
			POST /v2/spot/order id=client_id
			POST /v2/spot/stop-order id=client_id
			POST /v2/spot/modify-order
			POST /v2/spot/modify-stop-order
			POST /v2/spot/cancel-order cancel
			POST /v2/spot/cancel-stop-order cancel
			POST /v2/spot/cancel-all-order cancel
			POST /v2/spot/cancel-order-by-client-id cancel
			POST /v2/spot/cancel-stop-order-by-client-id cancel`),
		writes(exauth.ScopeTradeSpot|exauth.ScopeTradeMargin, `
			POST /v2/spot/batch-order
			POST /v2/spot/batch-stop-order
			POST /v2/spot/batch-modify-order
			POST /v2/spot/cancel-batch-order cancel
			POST /v2/spot/cancel-batch-stop-order cancel`),
		writes(exauth.ScopeTradeMargin, `
			POST /v2/assets/margin/borrow
			POST /v2/assets/margin/repay`),
		writes(exauth.ScopeTradeDerivatives, coinexV2Futures),
		writes(exauth.ScopeTransfer, `
			POST /v2/account/subs/transfer
			POST /v2/assets/transfer
			POST /v2/assets/amm/add-liquidity
			POST /v2/assets/amm/remove-liquidity`),
		writes(exauth.ScopeWithdraw, `
			POST /v2/assets/withdraw
			POST /v2/assets/cancel-withdraw`),
		writes(exauth.ScopeAccount, `
			POST /v2/account/subs
			POST /v2/account/subs/frozen
			POST /v2/account/subs/unfrozen
			POST /v2/account/subs/api
			POST /v2/account/subs/edit-api
			POST /v2/account/subs/delete-api
			POST /v2/account/settings
			POST /v2/assets/renewal-deposit-address`),
	)
}

func coinexV1Routes() []exauth.Route {
	return join(
		public(`
			GET /v1/amm/market
			GET /v1/common/*
			GET /v1/margin/market
			GET /v1/market/*`),
		reads(`
			GET /v1/account/*
			GET /v1/balance/*
			GET /v1/contract/*
			GET /v1/credit/*
			GET /v1/investment/*
			GET /v1/margin/*
			GET /v1/order/*
			GET /v1/sub_account/*`),
		writes(exauth.ScopeTradeSpot|exauth.ScopeTradeMargin, `
			POST /v1/order/limit id=client_id
			POST /v1/order/limit/batch
			POST /v1/order/market id=client_id
			POST /v1/order/ioc id=client_id
			POST /v1/order/modify
			POST /v1/order/stop/limit id=client_id
			POST /v1/order/stop/market id=client_id
			POST /v1/order/stop/modify
			DELETE /v1/order/pending cancel
			DELETE /v1/order/pending/batch cancel
			DELETE /v1/order/pending/by_client_id cancel
			DELETE /v1/order/stop/pending cancel
			DELETE /v1/order/stop/pending/{id} cancel
			DELETE /v1/order/stop/pending/by_client_id cancel`),
		writes(exauth.ScopeTradeMargin, `
			POST /v1/margin/flat
			POST /v1/margin/loan`),
		writes(exauth.ScopeTransfer, `
			POST /v1/contract/balance/transfer
			POST /v1/margin/transfer
			POST /v1/sub_account/transfer`),
		writes(exauth.ScopeWithdraw, `
			POST /v1/balance/coin/withdraw
			DELETE /v1/balance/coin/withdraw`),
		writes(exauth.ScopeAccount, `
			PUT /v1/account/settings
			PUT /v1/v1/account/settings
			PUT /v1/balance/deposit/address/{coin_type} # makes a new one
			POST /v1/sub_account/register
			POST /v1/sub_account/frozen
			PUT /v1/sub_account/frozen
			POST /v1/sub_account/unfrozen
			PUT /v1/sub_account/unfrozen
			POST /v1/sub_account/auth/api
			PUT /v1/sub_account/auth/api/{user_auth_id}
			DELETE /v1/sub_account/auth/api/{user_auth_id}
			DELETE /v1/sub_account/authorize/{id}`),
	)
}

func coinexPerpetualRoutes() []exauth.Route {
	return join(
		public(`
			GET /perpetual/v1/ping
			GET /perpetual/v1/time
			GET /perpetual/v1/market/list
			GET /perpetual/v1/market/limit_config
			GET /perpetual/v1/market/ticker
			GET /perpetual/v1/market/ticker/all
			GET /perpetual/v1/market/depth
			GET /perpetual/v1/market/deals
			GET /perpetual/v1/market/funding_history
			GET /perpetual/v1/market/kline`),
		reads(`
			GET /perpetual/v1/asset/query
			GET /perpetual/v1/market/preference
			GET /perpetual/v1/market/user_deals
			GET /perpetual/v1/order/*
			GET /perpetual/v1/position/*
			POST /perpetual/v1/market/position_expect # estimates`),
		writes(exauth.ScopeTradeDerivatives, `
			POST /perpetual/v1/market/adjust_leverage
			POST /perpetual/v1/market/preference
			POST /perpetual/v1/order/put_limit id=client_id
			POST /perpetual/v1/order/put_market id=client_id
			POST /perpetual/v1/order/put_stop_limit id=client_id
			POST /perpetual/v1/order/put_stop_market id=client_id
			POST /perpetual/v1/order/modify
			POST /perpetual/v1/order/modify_stop
			POST /perpetual/v1/order/close_limit id=client_id
			POST /perpetual/v1/order/close_market id=client_id
			POST /perpetual/v1/order/cancel cancel
			POST /perpetual/v1/order/cancel_all cancel
			POST /perpetual/v1/order/cancel_batch cancel
			POST /perpetual/v1/order/cancel_stop cancel
			POST /perpetual/v1/order/cancel_stop_all cancel
			POST /perpetual/v1/order/cancel/by_client_id cancel
			POST /perpetual/v1/order/cancel_stop/by_client_id cancel
			POST /perpetual/v1/position/adjust_margin
			POST /perpetual/v1/position/stop_loss
			POST /perpetual/v1/position/take_profit
			POST /perpetual/v1/position/market_close`),
	)
}

const coinexV2Public = `
	GET /v2/maintain/info
	GET /v2/ping
	GET /v2/time
	GET /v2/spot/market
	GET /v2/spot/ticker
	GET /v2/spot/depth
	GET /v2/spot/deals
	GET /v2/spot/kline
	GET /v2/spot/index
	GET /v2/futures/market
	GET /v2/futures/ticker
	GET /v2/futures/depth
	GET /v2/futures/deals
	GET /v2/futures/kline
	GET /v2/futures/index
	GET /v2/futures/funding-rate
	GET /v2/futures/funding-rate-history
	GET /v2/futures/premium-index-history
	GET /v2/futures/position-level
	GET /v2/futures/liquidation-history
	GET /v2/futures/basis-history
	GET /v2/assets/deposit-withdraw-config
	GET /v2/assets/all-deposit-withdraw-config`

const coinexV2Futures = `
	POST /v2/futures/order id=client_id
	POST /v2/futures/stop-order id=client_id
	POST /v2/futures/batch-order
	POST /v2/futures/batch-stop-order
	POST /v2/futures/modify-order
	POST /v2/futures/modify-stop-order
	POST /v2/futures/batch-modify-order
	POST /v2/futures/cancel-all-order cancel
	POST /v2/futures/cancel-order cancel
	POST /v2/futures/cancel-stop-order cancel
	POST /v2/futures/cancel-batch-order cancel
	POST /v2/futures/cancel-batch-stop-order cancel
	POST /v2/futures/cancel-order-by-client-id cancel
	POST /v2/futures/cancel-stop-order-by-client-id cancel
	POST /v2/futures/cancel-position-stop-loss # takes protection away
	POST /v2/futures/cancel-position-take-profit
	POST /v2/futures/close-position id=client_id
	POST /v2/futures/adjust-position-margin
	POST /v2/futures/adjust-position-leverage
	POST /v2/futures/set-position-stop-loss
	POST /v2/futures/set-position-take-profit
	POST /v2/account/futures-market-settings`
