package venue

import "github.com/exauth/exauth"

// gateRoutes says what each endpoint needs, after Gate's gateapi-go: an endpoint
// is public where that client sends no key.
func gateRoutes() []exauth.Route {
	return join(public(gatePublic), gateReads(), gateTrading(), writes(exauth.ScopeTradeDerivatives, gateDerivatives), gateMoney())
}

// gateReads are the signed routes that change nothing; other GETs only read too.
func gateReads() []exauth.Route {
	return reads(`
		GET /api/v4/account/detail
		GET /api/v4/futures/{settle}/accounts
		GET /api/v4/futures/{settle}/positions
		GET /api/v4/futures/{settle}/positions/{contract}
		GET /api/v4/futures/{settle}/orders
		GET /api/v4/futures/{settle}/orders_timerange
		GET /api/v4/futures/{settle}/orders/{order_id}
		GET /api/v4/futures/{settle}/my_trades
		GET /api/v4/futures/{settle}/my_trades_timerange
		GET /api/v4/margin/accounts
		GET /api/v4/options/accounts
		GET /api/v4/options/positions
		GET /api/v4/options/positions/{contract}
		GET /api/v4/options/orders
		GET /api/v4/options/orders/{order_id}
		GET /api/v4/spot/fee
		GET /api/v4/spot/batch_fee
		GET /api/v4/spot/accounts
		GET /api/v4/spot/account_book
		GET /api/v4/spot/open_orders
		GET /api/v4/spot/orders
		GET /api/v4/spot/orders/{order_id}
		GET /api/v4/spot/my_trades
		GET /api/v4/spot/price_orders
		GET /api/v4/spot/price_orders/{order_id}
		GET /api/v4/sub_accounts
		GET /api/v4/sub_accounts/{user_id}
		GET /api/v4/sub_accounts/{user_id}/keys
		GET /api/v4/sub_accounts/{user_id}/keys/{key}
		GET /api/v4/sub_accounts/unified_mode
		GET /api/v4/unified/accounts
		GET /api/v4/unified/borrowable
		GET /api/v4/unified/batch_borrowable
		GET /api/v4/wallet/deposit_address
		GET /api/v4/wallet/withdrawals
		GET /api/v4/wallet/deposits
		GET /api/v4/wallet/sub_account_transfers
		GET /api/v4/wallet/order_status
		GET /api/v4/wallet/withdraw_status
		GET /api/v4/wallet/sub_account_balances
		GET /api/v4/wallet/sub_account_margin_balances
		GET /api/v4/wallet/sub_account_futures_balances
		GET /api/v4/wallet/sub_account_cross_margin_balances
		GET /api/v4/wallet/saved_address
		GET /api/v4/wallet/fee
		GET /api/v4/wallet/total_balance
		GET /api/v4/wallet/small_balance
		GET /api/v4/wallet/small_balance_history
		GET /api/v4/wallet/push
		POST /api/v4/flash_swap/orders/preview`)
}

// gateTrading is spot and margin: margin first, since an order that names a margin account is told
// from a spot order by that parameter only.
func gateTrading() []exauth.Route {
	return join(
		writes(exauth.ScopeTradeMargin, `
			POST /api/v4/spot/orders id=text match=account=margin
			POST /api/v4/spot/orders id=text match=account=cross_margin
			POST /api/v4/spot/cross_liquidate_orders
			POST /api/v4/margin/auto_repay
			POST /api/v4/margin/leverage/user_market_setting
			POST /api/v4/margin/loans
			POST /api/v4/margin/merged_loans
			POST /api/v4/margin/loans/{loan_id}/repayment
			PATCH /api/v4/margin/loans/{loan_id}
			PATCH /api/v4/margin/loan_records/{loan_record_id}
			DELETE /api/v4/margin/loans/{loan_id} cancel
			POST /api/v4/margin/cross/loans
			POST /api/v4/margin/cross/repayments
			POST /api/v4/margin/uni/loans
			POST /api/v4/unified/loans
			POST /api/v4/unified/leverage/user_currency_setting
			POST /api/v4/unified/leverage/user_setting
			POST /api/v4/unified/quick_repayment
			POST /api/v4/unified/delta_neutral
			POST /api/v4/loan/collateral/orders
			POST /api/v4/loan/collateral/repay
			POST /api/v4/loan/collateral/collaterals
			POST /api/v4/loan/multi_collateral/orders
			POST /api/v4/loan/multi_collateral/repay
			POST /api/v4/loan/multi_collateral/mortgage`),
		writes(exauth.ScopeTradeSpot, `
			POST /api/v4/spot/orders id=text
			DELETE /api/v4/spot/orders cancel
			DELETE /api/v4/spot/orders/{order_id} cancel
			PATCH /api/v4/spot/orders/{order_id}
			POST /api/v4/spot/cancel_batch_orders cancel
			POST /api/v4/spot/countdown_cancel_all cancel
			DELETE /api/v4/spot/price_orders cancel
			DELETE /api/v4/spot/price_orders/{order_id} cancel
			POST /api/v4/spot/pov_orders
			DELETE /api/v4/spot/pov_orders cancel
			DELETE /api/v4/spot/pov_orders/{order_id} cancel
			POST /api/v4/flash_swap/orders
			POST /api/v4/otc/order/create
			POST /api/v4/otc/order/paid
			POST /api/v4/otc/order/cancel cancel
			POST /api/v4/otc/quote
			POST /api/v4/otc/stable_coin/order/create
			POST /api/v4/wallet/small_balance`),
		writes(exauth.ScopeTradeSpot|exauth.ScopeTradeMargin, `
			POST /api/v4/spot/batch_orders       # each item names its account
			POST /api/v4/spot/amend_batch_orders
			POST /api/v4/spot/price_orders`),
	)
}

// gateMoney moves funds or changes the account.
func gateMoney() []exauth.Route {
	return join(
		writes(exauth.ScopeTransfer, `
			POST /api/v4/wallet/transfers
			POST /api/v4/wallet/sub_account_transfers
			POST /api/v4/wallet/sub_account_to_sub_account
			POST /api/v4/earn/*
			PUT /api/v4/earn/*
			PATCH /api/v4/earn/*`),
		writes(exauth.ScopeWithdraw, `
			POST /api/v4/withdrawals
			POST /api/v4/withdrawals/push      # to another user of Gate
			DELETE /api/v4/withdrawals/{withdrawal_id}`),
		writes(exauth.ScopeAccount, `
			POST /api/v4/sub_accounts
			POST /api/v4/sub_accounts/*
			PUT /api/v4/sub_accounts/*
			DELETE /api/v4/sub_accounts/*
			PUT /api/v4/unified/unified_mode
			POST /api/v4/unified/account_mode
			POST /api/v4/unified/collateral_currencies
			POST /api/v4/account/stp_groups
			POST /api/v4/account/stp_groups/{stp_id}/users
			DELETE /api/v4/account/stp_groups/{stp_id}/users
			POST /api/v4/account/debit_fee
			POST /api/v4/otc/bank/*
			POST /api/v4/otc/upload/*`),
	)
}

const gateDerivatives = `
	POST /api/v4/futures/{settle}/orders id=text
	DELETE /api/v4/futures/{settle}/orders cancel
	PUT /api/v4/futures/{settle}/orders/{order_id}
	DELETE /api/v4/futures/{settle}/orders/{order_id} cancel
	POST /api/v4/futures/{settle}/batch_orders
	POST /api/v4/futures/{settle}/batch_amend_orders
	POST /api/v4/futures/{settle}/batch_cancel_orders cancel
	POST /api/v4/futures/{settle}/countdown_cancel_all cancel
	POST /api/v4/futures/{settle}/bbo_orders id=text
	POST /api/v4/futures/{settle}/price_orders
	PUT /api/v4/futures/{settle}/price_orders/*
	DELETE /api/v4/futures/{settle}/price_orders cancel
	DELETE /api/v4/futures/{settle}/price_orders/{order_id} cancel
	POST /api/v4/futures/{settle}/autoorder/*
	POST /api/v4/futures/{settle}/positions/*
	POST /api/v4/futures/{settle}/dual_comp/*
	POST /api/v4/futures/{settle}/dual_mode
	POST /api/v4/futures/{settle}/set_position_mode
	POST /api/v4/delivery/{settle}/orders id=text
	DELETE /api/v4/delivery/{settle}/orders cancel
	DELETE /api/v4/delivery/{settle}/orders/{order_id} cancel
	POST /api/v4/delivery/{settle}/price_orders
	DELETE /api/v4/delivery/{settle}/price_orders cancel
	DELETE /api/v4/delivery/{settle}/price_orders/{order_id} cancel
	POST /api/v4/delivery/{settle}/positions/*
	POST /api/v4/options/orders id=text
	PUT /api/v4/options/orders/{order_id}
	DELETE /api/v4/options/orders cancel
	DELETE /api/v4/options/orders/{order_id} cancel
	POST /api/v4/options/countdown_cancel_all cancel
	POST /api/v4/options/mmp
	POST /api/v4/options/mmp/reset`

const gatePublic = `
	GET /api/v4/loan/collateral/currencies
	GET /api/v4/delivery/{settle}/contracts
	GET /api/v4/delivery/{settle}/contracts/{contract}
	GET /api/v4/delivery/{settle}/order_book
	GET /api/v4/delivery/{settle}/trades
	GET /api/v4/delivery/{settle}/candlesticks
	GET /api/v4/delivery/{settle}/tickers
	GET /api/v4/delivery/{settle}/insurance
	GET /api/v4/delivery/{settle}/risk_limit_tiers
	GET /api/v4/earn/dual/investment_plan
	GET /api/v4/earn/structured/products
	GET /api/v4/earn/uni/currencies
	GET /api/v4/earn/uni/currencies/{currency}
	GET /api/v4/flash_swap/currency_pairs
	GET /api/v4/futures/{settle}/contracts
	GET /api/v4/futures/{settle}/contracts/{contract}
	GET /api/v4/futures/{settle}/order_book
	GET /api/v4/futures/{settle}/trades
	GET /api/v4/futures/{settle}/candlesticks
	GET /api/v4/futures/{settle}/premium_index
	GET /api/v4/futures/{settle}/tickers
	GET /api/v4/futures/{settle}/funding_rate
	GET /api/v4/futures/{settle}/insurance
	GET /api/v4/futures/{settle}/contract_stats
	GET /api/v4/futures/{settle}/index_constituents/{index}
	GET /api/v4/futures/{settle}/liq_orders
	GET /api/v4/futures/{settle}/risk_limit_tiers
	GET /api/v4/futures/{settle}/risk_limit_table
	GET /api/v4/margin/loan_margin_tiers
	GET /api/v4/margin/uni/currency_pairs
	GET /api/v4/margin/uni/currency_pairs/{currency_pair}
	GET /api/v4/loan/multi_collateral/currencies
	GET /api/v4/loan/multi_collateral/ltv
	GET /api/v4/loan/multi_collateral/fixed_rate
	GET /api/v4/loan/multi_collateral/current_rate
	GET /api/v4/options/underlyings
	GET /api/v4/options/expirations
	GET /api/v4/options/contracts
	GET /api/v4/options/contracts/{contract}
	GET /api/v4/options/settlements
	GET /api/v4/options/settlements/{contract}
	GET /api/v4/options/order_book
	GET /api/v4/options/tickers
	GET /api/v4/options/underlying/tickers/{underlying}
	GET /api/v4/options/candlesticks
	GET /api/v4/options/underlying/candlesticks
	GET /api/v4/options/trades
	GET /api/v4/spot/currencies
	GET /api/v4/spot/currencies/{currency}
	GET /api/v4/spot/currency_pairs
	GET /api/v4/spot/currency_pairs/{currency_pair}
	GET /api/v4/spot/tickers
	GET /api/v4/spot/order_book
	GET /api/v4/spot/trades
	GET /api/v4/spot/candlesticks
	GET /api/v4/spot/time
	GET /api/v4/spot/insurance_history
	GET /api/v4/unified/currency_discount_tiers
	GET /api/v4/unified/loan_margin_tiers
	GET /api/v4/unified/currencies
	GET /api/v4/unified/history_loan_rate
	GET /api/v4/wallet/currency_chains
	GET /api/v4/margin/currency_pairs
	GET /api/v4/margin/currency_pairs/{currency_pair}
	GET /api/v4/margin/funding_book
	GET /api/v4/margin/cross/currencies
	GET /api/v4/margin/cross/currencies/{currency}
	GET /api/v4/flash_swap/currencies
	POST /api/v4/unified/portfolio_calculator`
