package venue

import (
	"strings"

	"github.com/exauth/exauth"
)

// htxRoutes says what each endpoint needs. The contract documents ask for most
// reads by POST.
func htxRoutes() []exauth.Route {
	return join(htxPublic(), htxSpot(), htxMoney(), htxContracts())
}

func htxPublic() []exauth.Route {
	return join(
		public(`
			GET /v1/common/timestamp
			GET /v1/common/symbols
			GET /v1/common/currencys
			GET /v1/common/exchange
			GET /v1/settings/common/*
			GET /v2/settings/common/*
			GET /v2/market-status
			GET /v2/reference/currencies
			GET /v2/etp/reference
			GET /market/*
			GET /index/market/*
			GET /swap-ex/market/*
			GET /linear-swap-ex/market/*
			GET /v2/swap-ex/market/*
			GET /v2/linear-swap-ex/market/*
			GET /heartbeat/
			GET /api/v1/timestamp
			GET /v5/market/funding_rate
			GET /v5/market/funding_rate_history
			GET /v5/market/open_interest
			GET /v5/market/liquidation_orders
			GET /v5/market/settlement_history
			GET /v5/market/elite_account_ratio
			GET /v5/market/elite_position_ratio
			GET /v5/market/estimated_settlement_price
			GET /v5/market/price_limit`),
		public(each("GET", htxFamilies, `contract_info index query_elements price_limit open_interest delivery_price risk_info
			insurance_fund adjustfactor his_open_interest ladder_margin api_state elite_account_ratio elite_position_ratio
			liquidation_orders settlement_records estimated_settlement_price funding_rate batch_funding_rate
			historical_funding_rate transfer_state trade_state`)),
		public(each("GET", htxFamiliesV3, `liquidation_orders`)),
	)
}

// htxSpot: an order's source says whose money it uses.
func htxSpot() []exauth.Route {
	return join(
		reads(`
			GET /v1/account/accounts
			GET /v1/account/accounts/{account-id}/balance
			GET /v1/order/openOrders
			GET /v1/order/orders
			GET /v1/order/orders/{order-id}
			GET /v1/order/orders/getClientOrder
			GET /v1/query/deposit-withdraw
			GET /v1/query/withdraw/client-order-id
			GET /v2/account/withdraw/quota
			GET /v2/account/withdraw/address
			GET /v2/user/api-key`),
		writes(exauth.ScopeTradeMargin, `
			POST /v1/order/orders/place id=client-order-id match=source=margin-api
			POST /v1/order/orders/place id=client-order-id match=source=super-margin-api
			POST /v1/order/orders/place id=client-order-id match=source=c2c-margin-api
			POST /v1/order/auto/place id=client-order-id
			POST /v1/margin/orders
			POST /v1/margin/orders/{order-id}/repay
			POST /v1/cross-margin/orders
			POST /v1/cross-margin/orders/{order-id}/repay
			POST /v1/trust/user/active/credit
			POST /v2/account/repayment
			POST /v2/c2c/offer
			POST /v2/c2c/cancellation cancel
			POST /v2/c2c/cancel-all cancel
			POST /v2/c2c/repayment`),
		writes(exauth.ScopeTradeSpot, `
			POST /v1/order/orders/place id=client-order-id
			POST /v1/order/orders/{order-id}/submitcancel cancel
			POST /v1/order/orders/submitCancelClientOrder cancel
			POST /v1/order/orders/batchCancelOpenOrders cancel
			POST /v1/order/orders/batchcancel cancel
			POST /v2/algo-orders/cancel-all-after cancel
			POST /v2/algo-orders/cancellation cancel
			POST /v1/stable-coin/exchange
			POST /v2/etp/creation
			POST /v2/etp/redemption
			POST /v2/etp/{transactId}/cancel cancel
			POST /v2/etp/batch-cancel cancel`),
		writes(exauth.ScopeTradeSpot|exauth.ScopeTradeMargin, `
			POST /v1/order/batch-orders          # each item has a source of its own
			POST /v2/algo-orders id=clientOrderId # the account id tells, to HTX`),
	)
}

// htxMoney moves funds or changes accounts and keys.
func htxMoney() []exauth.Route {
	return join(
		writes(exauth.ScopeTransfer, `
			POST /v1/account/transfer
			POST /v2/account/transfer
			POST /v1/futures/transfer
			POST /v1/subuser/transfer
			POST /v2/point/transfer
			POST /v2/c2c/transfer
			POST /v1/dw/transfer-in/margin
			POST /v1/dw/transfer-out/margin
			POST /v1/cross-margin/transfer-in
			POST /v1/cross-margin/transfer-out
			POST /api/v6/copyTrading/trader/transfer
			POST /v5/account/universal_transfer`),
		writes(exauth.ScopeWithdraw, `
			POST /v1/dw/withdraw/api/create
			POST /v1/dw/withdraw-virtual/{withdraw-id}/cancel`),
		writes(exauth.ScopeAccount, `
			POST /v2/sub-user/*
			POST /v1/account/fee/switch
			POST /v2/account/switch/*`),
	)
}

// The contract products share the names of their routes below these beginnings.
const (
	htxFamilies   = "/api/v1/contract_ /swap-api/v1/swap_ /linear-swap-api/v1/swap_ /linear-swap-api/v1/swap_cross_"
	htxFamiliesV3 = "/api/v3/contract_ /swap-api/v3/swap_ /linear-swap-api/v3/swap_ /linear-swap-api/v3/swap_cross_"
)

func htxContracts() []exauth.Route {
	return join(
		reads(each("POST", htxFamilies, `balance_valuation account_info position_info account_position_info sub_account_list
			sub_account_info_list sub_account_info sub_position_info financial_record financial_record_exact
			user_settlement_records order_limit fee transfer_limit position_limit lever_position_limit available_level_rate
			master_sub_transfer_record order_info order_detail openorders hisorders hisorders_exact matchresults
			matchresults_exact trigger_openorders trigger_hisorders tpsl_openorders tpsl_hisorders relation_tpsl_order
			track_openorders track_hisorders`)),
		reads(each("POST", htxFamiliesV3, `financial_record financial_record_exact hisorders hisorders_exact matchresults
			matchresults_exact`)),
		writes(exauth.ScopeTradeDerivatives, each("POST", htxFamilies, `order:id=client_order_id batchorder
			cancel:cancel cancelall:cancel switch_lever_rate lightning_close_position switch_position_mode
			trigger_order trigger_cancel:cancel trigger_cancelall:cancel tpsl_order tpsl_cancel:cancel tpsl_cancelall:cancel
			track_order track_cancel:cancel track_cancelall:cancel`)),
		writes(exauth.ScopeTradeDerivatives, `
			POST /api/v1/lightning_close_position
			POST /api/v1/contract-cancel-after cancel
			POST /swap-api/v1/swap-cancel-after cancel
			POST /linear-swap-api/v1/linear-cancel-after cancel
			POST /linear-swap-api/v3/fix_position_margin_change
			POST /v5/trade/order id=client_order_id
			POST /v5/trade/cancel_order cancel
			POST /v5/trade/cancel_batch_orders cancel
			POST /v5/trade/cancel_all_orders cancel
			POST /v5/trade/cancel-after cancel
			POST /v5/algo/cancel_orders cancel
			POST /v5/*`),
		writes(exauth.ScopeTransfer, each("POST", htxFamilies, `master_sub_transfer transfer_inner`)),
		writes(exauth.ScopeAccount, each("POST", htxFamilies, `sub_auth`)),
		writes(exauth.ScopeAccount, `
			POST /linear-swap-api/v3/swap_switch_account_type
			POST /linear-swap-api/v3/linear_swap_fee_switch
			POST /v5/account/*
			POST /api/v6/copyTrading/*`),
	)
}

// each writes route lines for every name below every beginning. A name may carry
// the words of its line after a colon: "cancel:cancel".
func each(method, beginnings, names string) string {
	var b strings.Builder
	for _, begin := range strings.Fields(beginnings) {
		for _, n := range strings.Fields(names) {
			name, word, _ := strings.Cut(n, ":")
			b.WriteString(method + " " + begin + name + " " + word + "\n")
		}
	}
	return b.String()
}
