package venue

import (
	"strings"

	"github.com/exauth/exauth"
)

// cryptocomRoutes says what each method needs. One create-order serves every
// product of v1 and the instrument decides, so it needs ScopeTrade; v2 is spot and
// margin, the older /v1 derivatives.
//
// Source: exchange-docs.crypto.com, v1, spot and derivatives pages, read 2026-11.
func cryptocomRoutes() []exauth.Route {
	const trades = `
		POST private/create-order id=client_oid
		POST private/amend-order
		POST private/create-order-list
		POST private/cancel-order cancel
		POST private/cancel-order-list cancel
		POST private/cancel-all-orders cancel
		POST private/close-position
		POST private/convert-collateral
		POST private/set-cancel-on-disconnect
		POST private/otc/accept-quote
		POST private/otc/create-order`
	const everywhere = "/exchange/v1/ /v2/ /v1/"
	return join(
		public(below(everywhere, `GET public/*`)),
		public(`POST /exchange/v1/public/staking/get-conversion-rate`),
		reads(below(everywhere, cryptocomReads)),
		writes(exauth.ScopeTrade, below("/exchange/v1/", trades+`
			POST private/advanced/create-oco
			POST private/advanced/create-oto
			POST private/advanced/create-otoco
			POST private/advanced/create-order id=client_oid
			POST private/advanced/cancel-oco cancel
			POST private/advanced/cancel-oto cancel
			POST private/advanced/cancel-otoco cancel
			POST private/advanced/cancel-order cancel
			POST private/advanced/cancel-all-orders cancel
			POST private/bot/terminate-trading-bot cancel
			POST private/bot/pause-trading-bot cancel
			POST private/bot/*`)),
		writes(exauth.ScopeTradeSpot, below("/v2/", trades)),
		writes(exauth.ScopeTradeDerivatives, below("/v1/", trades)),
		writes(exauth.ScopeTradeMargin, below("/v2/", `
			POST private/margin/create-order id=client_oid
			POST private/margin/cancel-order cancel
			POST private/margin/cancel-all-orders cancel
			POST private/margin/*`)),
		writes(exauth.ScopeTradeMargin|exauth.ScopeTradeDerivatives, below(everywhere, `
			POST private/change-account-leverage
			POST private/change-isolated-margin-leverage`)),
		writes(exauth.ScopeTransfer, below(everywhere, `
			POST private/create-subaccount-transfer
			POST private/create-isolated-margin-transfer
			POST private/deriv/transfer
			POST private/margin/transfer
			POST private/staking/stake
			POST private/staking/unstake
			POST private/staking/convert`)),
		writes(exauth.ScopeWithdraw, below(everywhere, `
			POST private/create-withdrawal
			POST private/fiat/fiat-create-withdraw`)),
		writes(exauth.ScopeAccount, below(everywhere, `
			POST private/change-account-settings`)),
	)
}

// cryptocomReads are the methods that only ask; every private call is a POST.
const cryptocomReads = `
	POST private/user-balance
	POST private/user-balance-history
	POST private/get-account-summary
	POST private/get-account-settings
	POST private/get-accounts
	POST private/get-subaccount-balances
	POST private/get-positions
	POST private/get-open-orders
	POST private/get-order-detail
	POST private/get-order-history
	POST private/get-order-list
	POST private/get-trades
	POST private/get-transactions
	POST private/get-fee-rate
	POST private/get-instrument-fee-rate
	POST private/get-fee-credit-balances
	POST private/get-cancel-on-disconnect
	POST private/get-currency-networks
	POST private/get-deposit-address
	POST private/get-deposit-history
	POST private/get-withdrawal-history
	POST private/advanced/get-open-orders
	POST private/advanced/get-order-detail
	POST private/advanced/get-order-history
	POST private/bot/get-trading-bots
	POST private/bot/get-trading-bot-executions
	POST private/fiat/fiat-deposit-info
	POST private/fiat/fiat-deposit-history
	POST private/fiat/fiat-withdraw-history
	POST private/fiat/fiat-transaction-quota
	POST private/fiat/fiat-transaction-limit
	POST private/fiat/fiat-get-bank-accounts
	POST private/staking/get-staking-position
	POST private/staking/get-staking-instruments
	POST private/staking/get-open-stake
	POST private/staking/get-stake-history
	POST private/staking/get-reward-history
	POST private/staking/get-open-convert
	POST private/staking/get-convert-history
	POST private/export/create-export-request
	POST private/export/get-export-requests
	POST private/export/download-export-output
	POST private/otc/get-otc-user
	POST private/otc/get-instruments
	POST private/otc/request-quote
	POST private/otc/get-quote-history
	POST private/otc/get-trade-history`

// below repeats the lines of a route table under each of the prefixes.
func below(prefixes, lines string) string {
	var b strings.Builder
	for _, prefix := range strings.Fields(prefixes) {
		for line := range strings.Lines(lines) {
			if method, path, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				b.WriteString(method + " " + prefix + path + "\n")
			}
		}
	}
	return b.String()
}
