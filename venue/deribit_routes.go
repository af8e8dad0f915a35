package venue

import (
	"strings"

	"github.com/exauth/exauth"
)

// deribitRoutes lists every GET by what it does, and for each of them the POST
// whose JSON-RPC body names the same method. Any other POST needs every scope:
// nobody outside knows whether the path or the body decides.
func deribitRoutes() []exauth.Route {
	all := exauth.ScopeTrade | exauth.ScopeTransfer | exauth.ScopeWithdraw | exauth.ScopeAccount
	gets := join(
		reads(deribitReads),
		writes(exauth.ScopeTrade, deribitTrades), // one method for options, futures and spot
		writes(exauth.ScopeTransfer, `
			GET /api/v2/private/submit_transfer_to_subaccount
			GET /api/v2/private/submit_transfer_between_subaccounts
			GET /api/v2/private/cancel_transfer_by_id
			GET /api/v2/private/move_positions`),
		writes(exauth.ScopeWithdraw, `
			GET /api/v2/private/withdraw
			GET /api/v2/private/cancel_withdrawal
			GET /api/v2/private/submit_transfer_to_user # leaves this owner
			GET /api/v2/private/add_to_address_book
			GET /api/v2/private/update_in_address_book
			GET /api/v2/private/remove_from_address_book
			GET /api/v2/private/save_address_beneficiary
			GET /api/v2/private/delete_address_beneficiary
			GET /api/v2/private/set_clearance_originator`),
		writes(exauth.ScopeAccount, deribitAccount),
	)
	posts := make([]exauth.Route, len(gets))
	for i, r := range gets {
		r.Method, r.Match = "POST", "method="+strings.TrimPrefix(r.Path, "/api/v2/")
		posts[i] = r
	}
	return join(
		public("GET /api/v2/public/*"),
		gets, posts,
		writes(all, "POST /api/v2/*\n POST /api/v2"),
	)
}

const deribitReads = `
	GET /api/v2/private/get_access_log
	GET /api/v2/private/get_account_summaries
	GET /api/v2/private/get_account_summary
	GET /api/v2/private/get_address_beneficiary
	GET /api/v2/private/get_address_book
	GET /api/v2/private/get_affiliate_program_info
	GET /api/v2/private/get_block_rfq_makers
	GET /api/v2/private/get_block_rfq_quotes
	GET /api/v2/private/get_block_rfq_user_info
	GET /api/v2/private/get_block_rfqs
	GET /api/v2/private/get_block_trade
	GET /api/v2/private/get_block_trade_requests
	GET /api/v2/private/get_block_trades
	GET /api/v2/private/get_broker_trade_requests
	GET /api/v2/private/get_broker_trades
	GET /api/v2/private/get_cancel_on_disconnect
	GET /api/v2/private/get_current_deposit_address
	GET /api/v2/private/get_deposits
	GET /api/v2/private/get_email_language
	GET /api/v2/private/get_last_block_trades_by_currency
	GET /api/v2/private/get_leg_prices
	GET /api/v2/private/get_margins
	GET /api/v2/private/get_mmp_config
	GET /api/v2/private/get_mmp_status
	GET /api/v2/private/get_new_announcements
	GET /api/v2/private/get_open_orders
	GET /api/v2/private/get_open_orders_by_currency
	GET /api/v2/private/get_open_orders_by_instrument
	GET /api/v2/private/get_open_orders_by_label
	GET /api/v2/private/get_order_history_by_currency
	GET /api/v2/private/get_order_history_by_instrument
	GET /api/v2/private/get_order_margin_by_ids
	GET /api/v2/private/get_order_state
	GET /api/v2/private/get_order_state_by_label
	GET /api/v2/private/get_portfolio_margins
	GET /api/v2/private/get_position
	GET /api/v2/private/get_positions
	GET /api/v2/private/get_reward_eligibility_info
	GET /api/v2/private/get_settlement_history_by_currency
	GET /api/v2/private/get_settlement_history_by_instrument
	GET /api/v2/private/get_stop_order_history
	GET /api/v2/private/get_subaccounts
	GET /api/v2/private/get_subaccounts_details
	GET /api/v2/private/get_transaction_log
	GET /api/v2/private/get_transfers
	GET /api/v2/private/get_trigger_order_history
	GET /api/v2/private/get_user_locks
	GET /api/v2/private/get_user_trades_by_currency
	GET /api/v2/private/get_user_trades_by_currency_and_time
	GET /api/v2/private/get_user_trades_by_instrument
	GET /api/v2/private/get_user_trades_by_instrument_and_time
	GET /api/v2/private/get_user_trades_by_order
	GET /api/v2/private/get_withdrawals
	GET /api/v2/private/list_address_beneficiaries
	GET /api/v2/private/list_api_keys
	GET /api/v2/private/list_custody_accounts
	GET /api/v2/private/simulate_block_trade
	GET /api/v2/private/simulate_portfolio
	GET /api/v2/private/pme/simulate
	GET /api/v2/private/subscribe
	GET /api/v2/private/unsubscribe
	GET /api/v2/private/unsubscribe_all`

const deribitTrades = `
	GET /api/v2/private/buy id=label
	GET /api/v2/private/sell id=label
	GET /api/v2/private/edit
	GET /api/v2/private/edit_by_label
	GET /api/v2/private/close_position
	GET /api/v2/private/cancel cancel
	GET /api/v2/private/cancel_all cancel
	GET /api/v2/private/cancel_all_by_currency cancel
	GET /api/v2/private/cancel_all_by_currency_pair cancel
	GET /api/v2/private/cancel_all_by_instrument cancel
	GET /api/v2/private/cancel_all_by_kind_or_type cancel
	GET /api/v2/private/cancel_by_label cancel
	GET /api/v2/private/cancel_quotes cancel
	GET /api/v2/private/mass_quote
	GET /api/v2/private/set_mmp_config
	GET /api/v2/private/reset_mmp
	GET /api/v2/private/enable_cancel_on_disconnect
	GET /api/v2/private/disable_cancel_on_disconnect
	GET /api/v2/private/create_combo
	GET /api/v2/private/verify_block_trade # makes a signature that the other side can execute
	GET /api/v2/private/execute_block_trade
	GET /api/v2/private/approve_block_trade
	GET /api/v2/private/reject_block_trade cancel
	GET /api/v2/private/invalidate_block_trade_signature cancel
	GET /api/v2/private/create_block_rfq
	GET /api/v2/private/accept_block_rfq
	GET /api/v2/private/cancel_block_rfq cancel
	GET /api/v2/private/add_block_rfq_quote
	GET /api/v2/private/edit_block_rfq_quote
	GET /api/v2/private/cancel_block_rfq_quote cancel
	GET /api/v2/private/cancel_all_block_rfq_quotes cancel`

const deribitAccount = `
	GET /api/v2/private/change_api_key_name
	GET /api/v2/private/change_margin_model
	GET /api/v2/private/change_scope_in_api_key
	GET /api/v2/private/change_subaccount_name
	GET /api/v2/private/create_api_key
	GET /api/v2/private/create_deposit_address
	GET /api/v2/private/create_subaccount
	GET /api/v2/private/disable_api_key
	GET /api/v2/private/disable_tfa_for_subaccount
	GET /api/v2/private/edit_api_key
	GET /api/v2/private/enable_affiliate_program
	GET /api/v2/private/enable_api_key
	GET /api/v2/private/logout
	GET /api/v2/private/remove_api_key
	GET /api/v2/private/remove_subaccount
	GET /api/v2/private/reset_api_key
	GET /api/v2/private/set_announcement_as_read
	GET /api/v2/private/set_api_key_as_default
	GET /api/v2/private/set_disabled_trading_products
	GET /api/v2/private/set_email_for_subaccount
	GET /api/v2/private/set_email_language
	GET /api/v2/private/set_password_for_subaccount
	GET /api/v2/private/set_self_trading_config
	GET /api/v2/private/toggle_notifications_from_subaccount
	GET /api/v2/private/toggle_subaccount_login`
