package venue

import "github.com/exauth/exauth"

// coinbaseRoutes: one route places orders for spot, futures and perpetuals, so it
// needs the scopes of both.
func coinbaseRoutes() []exauth.Route {
	return join(
		public(`
			GET /api/v3/brokerage/time
			GET /api/v3/brokerage/market/*
			GET /v2/currencies
			GET /v2/currencies/crypto
			GET /v2/exchange-rates
			GET /v2/prices/*
			GET /v2/time`),
		reads(`
			GET /api/v3/brokerage/accounts
			GET /api/v3/brokerage/accounts/{account_uuid}
			GET /api/v3/brokerage/orders/historical/*
			GET /api/v3/brokerage/key_permissions
			GET /api/v3/brokerage/products
			GET /api/v3/brokerage/products/*
			GET /api/v3/brokerage/product_book
			GET /api/v3/brokerage/best_bid_ask
			GET /api/v3/brokerage/transaction_summary
			GET /api/v3/brokerage/portfolios
			GET /api/v3/brokerage/portfolios/*
			GET /api/v3/brokerage/payment_methods
			GET /api/v3/brokerage/payment_methods/*
			GET /api/v3/brokerage/convert/trade/{trade_id}
			GET /api/v3/brokerage/cfm/*
			GET /api/v3/brokerage/intx/*
			GET /v2/accounts
			GET /v2/accounts/{account_id}
			GET /v2/accounts/{account_id}/withdrawals
			GET /v2/accounts/{account_id}/withdrawals/{withdrawal_id}
			POST /api/v3/brokerage/orders/preview
			POST /api/v3/brokerage/orders/edit_preview`),
		writes(exauth.ScopeTradeSpot|exauth.ScopeTradeDerivatives, `
			POST /api/v3/brokerage/orders id=client_order_id
			POST /api/v3/brokerage/orders/edit
			POST /api/v3/brokerage/orders/batch_cancel cancel`),
		writes(exauth.ScopeTradeSpot, `
			POST /api/v3/brokerage/convert/quote
			POST /api/v3/brokerage/convert/trade/{trade_id}
			POST /v2/accounts/{account_id}/buys
			POST /v2/accounts/{account_id}/buys/{buy_id}/commit
			POST /v2/accounts/{account_id}/sells
			POST /v2/accounts/{account_id}/sells/{sell_id}/commit`),
		writes(exauth.ScopeTradeDerivatives, `
			POST /api/v3/brokerage/orders/close_position id=client_order_id
			POST /api/v3/brokerage/cfm/intraday/margin_setting`),
		coinbaseMoney(),
	)
}

// coinbaseMoney moves funds or changes accounts.
func coinbaseMoney() []exauth.Route {
	return join(
		writes(exauth.ScopeTransfer, `
			POST /api/v3/brokerage/portfolios/move_funds
			POST /api/v3/brokerage/cfm/sweeps/schedule
			DELETE /api/v3/brokerage/cfm/sweeps
			POST /api/v3/brokerage/intx/allocate
			POST /v2/accounts/{account_id}/transactions match=type=transfer
			POST /v2/accounts/{account_id}/deposits
			POST /v2/accounts/{account_id}/deposits/{deposit_id}/commit`),
		writes(exauth.ScopeWithdraw, `
			POST /v2/accounts/{account_id}/transactions    # sends to anybody
			POST /v2/accounts/{account_id}/transactions/{transaction_id}/complete
			POST /v2/accounts/{account_id}/transactions/{transaction_id}/resend
			DELETE /v2/accounts/{account_id}/transactions/{transaction_id}
			POST /v2/accounts/{account_id}/withdrawals
			POST /v2/accounts/{account_id}/withdrawals/{withdrawal_id}/commit`),
		writes(exauth.ScopeAccount, `
			POST /api/v3/brokerage/portfolios
			PUT /api/v3/brokerage/portfolios/{portfolio_uuid}
			DELETE /api/v3/brokerage/portfolios/{portfolio_uuid}
			POST /api/v3/brokerage/intx/multi_asset_collateral
			POST /v2/accounts
			PUT /v2/accounts/{account_id}
			DELETE /v2/accounts/{account_id}
			POST /v2/accounts/{account_id}/primary
			POST /v2/accounts/{account_id}/addresses
			PUT /v2/user`),
	)
}
