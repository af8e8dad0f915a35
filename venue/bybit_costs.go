package venue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/exauth/exauth"
)

// bybitQuotas are the limits of a level: calls of one address in any five seconds,
// and calls of one account to one endpoint in any second, futures, options and spot
// by level.
//
// Source: docs/v5/rate-limit of github.com/bybit-exchange/docs 072c197 (2026-07-24),
// read 2026-11-23: rate-limit, rules-for-vips, rules-for-pros. All vendor. That the
// amend of spot stays at ten whatever the level is assumed.
func bybitQuotas(futures, option, spot int) []exauth.Quota {
	uid := func(name string, limit int, window time.Duration) exauth.Quota {
		q := sliding(name, limit, window, exauth.PerSymbol)
		q.RemainingHeader = "X-Bapi-Limit-Status"
		// "the timestamp indicating when your request limit resets if you have exceeded
		// your rate_limit. Otherwise, this is just the current timestamp"
		q.TimeHeader = "X-Bapi-Limit-Reset-Timestamp"
		return q
	}
	quotas := []exauth.Quota{
		sliding("IP", 600, 5*time.Second, exauth.PerIP),
		uid("TRADE_FUTURES", futures, time.Second),
		uid("TRADE_OPTION", option, time.Second),
		uid("TRADE_SPOT", spot, time.Second),
		sliding("WITHDRAWALS", 1, 10*time.Second, exauth.PerSymbol), // of one coin
	}
	for _, n := range []int{1, 5, 10, 20, 25, 30, 50, 100, 300, 450, 1000} {
		quotas = append(quotas, uid("UID_"+strconv.Itoa(n)+"_1S", n, time.Second))
	}
	for _, n := range []int{60, 100, 300, 600} {
		quotas = append(quotas, uid("UID_"+strconv.Itoa(n)+"_1M", n, time.Minute))
	}
	return quotas
}

// bybitPlans are the published levels, per account; institutions' own caps over all
// their accounts are not counted.
func bybitPlans() map[string][]exauth.Quota {
	plans := map[string][]exauth.Quota{"default": bybitQuotas(10, 10, 20), "vip1": bybitQuotas(20, 20, 25), "vip2": bybitQuotas(40, 40, 30)}
	for _, vip := range []string{"vip3", "vip4", "vip5", "vipsupreme"} {
		plans[vip] = bybitQuotas(60, 60, 40)
	}
	for pro, n := range map[string]int{"pro1": 200, "pro2": 400, "pro3": 600, "pro4": 800, "pro5": 1000, "pro6": 1200, "mm1": 600, "mm2": 800, "mm3": 1000} {
		plans[pro] = bybitQuotas(n, n, n)
	}
	return plans
}

// bybitTariff counts signed calls; the endpoint's quota goes first, since that is
// what code 10006 is about.
func bybitTariff() tariff { return tariff{quotas: bybitQuotas(10, 10, 20), base: "q=IP:1"} }

func bybitPrices(routes []exauth.Route) []exauth.Route {
	p := newPricer(routes)
	p.getReads = true
	p.add(tariff{}, bybitPublicCosts)
	p.add(bybitTariff(), bybitOrderCosts)
	p.add(bybitTariff(), bybitCosts)
	return p.all()
}

// bybitDefault is for signed endpoints that the page does not list: most of those it
// lists allow five a second and more. Assumed.
func bybitDefault() func(*exauth.Request) []exauth.Cost { return bybitTariff().at("q=UID_5_1S:1") }

// Endpoints without a key are counted by address alone.
const bybitPublicCosts = `
	[q=IP:1]
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
	GET /v5/event/instruments-info
	GET /v5/event/orderbook
	GET /v3/public/time
	GET /spot/v3/public/*
	GET /contract/v3/public/*
	GET /derivatives/v3/public/*
	GET /asset/v3/public/*`

// A batch counts each of its orders; inverse and linear share one column. Calls
// without a category are counted as futures, which allow the least.
const bybitOrderCosts = `
	POST /v5/order/create       match=category=spot   q=TRADE_SPOT:1
	POST /v5/order/cancel       match=category=spot   q=TRADE_SPOT:1
	POST /v5/order/cancel-all   match=category=spot   q=TRADE_SPOT:1
	POST /v5/order/amend        match=category=spot   q=UID_10_1S:1
	POST /v5/order/create-batch match=category=spot   qeach=TRADE_SPOT:request
	POST /v5/order/amend-batch  match=category=spot   qeach=TRADE_SPOT:request
	POST /v5/order/cancel-batch match=category=spot   qeach=TRADE_SPOT:request
	POST /v5/order/create       match=category=option q=TRADE_OPTION:1
	POST /v5/order/cancel       match=category=option q=TRADE_OPTION:1
	POST /v5/order/cancel-all   match=category=option q=UID_1_1S:1
	POST /v5/order/amend        match=category=option q=TRADE_OPTION:1
	POST /v5/order/create-batch match=category=option qeach=TRADE_OPTION:request # each order: assumed, the page says so of the others
	POST /v5/order/amend-batch  match=category=option qeach=TRADE_OPTION:request
	POST /v5/order/cancel-batch match=category=option qeach=TRADE_OPTION:request
	POST /v5/order/create       q=TRADE_FUTURES:1
	POST /v5/order/cancel       q=TRADE_FUTURES:1
	POST /v5/order/cancel-all   q=TRADE_FUTURES:1
	POST /v5/order/amend        q=TRADE_FUTURES:1
	POST /v5/order/create-batch qeach=TRADE_FUTURES:request
	POST /v5/order/amend-batch  qeach=TRADE_FUTURES:request
	POST /v5/order/cancel-batch qeach=TRADE_FUTURES:request
	POST /v5/order/pre-check    q=UID_10_1S:1 # spot: 20`

const bybitCosts = `
	[q=UID_60_1M:1]
	GET /v5/asset/transfer/query-asset-info
	GET /v5/asset/transfer/query-transfer-coin-list
	GET /v5/asset/transfer/query-inter-transfer-list
	GET /v5/asset/transfer/query-sub-member-list
	POST /v5/asset/transfer/inter-transfer
	POST /v5/asset/withdraw/cancel
	[q=UID_100_1M:1]
	GET /v5/asset/deposit/query-record
	[q=UID_300_1M:1]
	GET /v5/asset/deposit/query-sub-member-record
	GET /v5/asset/deposit/query-address
	GET /v5/asset/deposit/query-sub-member-address
	GET /v5/asset/withdraw/query-record
	[q=UID_600_1M:1]
	GET /v5/asset/exchange/order-record
	[q=UID_1_1S:1]
	POST /v5/spot-margin-trade/fixedborrow
	POST /v5/spot-margin-trade/fixedborrow-renew
	POST /v5/ins-loan/association-uid
	POST /v5/ins-loan/repay-loan
	POST /v5/crypto-loan-common/adjust-ltv
	POST /v5/crypto-loan-fixed/borrow
	POST /v5/crypto-loan-fixed/borrow-order-cancel
	POST /v5/crypto-loan-fixed/fully-repay
	POST /v5/crypto-loan-fixed/renew
	POST /v5/crypto-loan-fixed/repay-collateral
	POST /v5/crypto-loan-fixed/supply
	POST /v5/crypto-loan-fixed/supply-order-cancel
	POST /v5/crypto-loan-flexible/borrow
	POST /v5/crypto-loan-flexible/repay
	POST /v5/crypto-loan-flexible/repay-collateral
	POST /v5/account/borrow
	POST /v5/account/repay
	POST /v5/account/no-convert-repay
	POST /v5/account/quick-repayment
	POST /v5/account/upgrade-to-uta
	GET /v5/asset/withdraw/vasp/list
	POST /v5/user/create-sub-member
	POST /v5/user/create-sub-api
	[q=UID_5_1S:1]
	POST /v5/order/disconnected-cancel-all
	POST /v5/spot-margin-trade/switch-mode
	POST /v5/spot-margin-trade/set-leverage
	POST /v5/spot-margin-trade/set-auto-repay-mode
	GET /v5/spot-margin-trade/fixedborrow-order-quote
	GET /v5/spot-margin-trade/fixedborrow-order-info
	GET /v5/spot-margin-trade/fixedborrow-contract-info
	GET /v5/spot-margin-trade/liability
	GET /v5/account/fee-rate
	GET /v5/account/query-dcp-info
	GET /v5/account/smp-group
	POST /v5/account/mmp-modify
	POST /v5/account/mmp-reset
	POST /v5/account/set-collateral-switch-batch
	POST /v5/account/set-margin-mode
	GET /v5/asset/transfer/query-universal-transfer-list
	GET /v5/asset/transfer/query-account-coins-balance
	GET /v5/asset/coin/query-info
	GET /v5/asset/covert/small-balance-history
	POST /v5/asset/transfer/universal-transfer
	POST /v5/asset/withdraw/create q=UID_5_1S:1 q=WITHDRAWALS:1@coin
	POST /v5/asset/covert/small-balance-execute
	POST /v5/asset/covert/get-quote
	POST /v5/user/frozen-sub-member
	POST /v5/user/update-api
	POST /v5/user/update-sub-api
	POST /v5/user/delete-api
	POST /v5/user/delete-sub-api
	GET /v5/user/submembers
	GET /v5/user/escrow_sub_members
	POST /v5/user/del-submember
	[q=UID_10_1S:1]
	GET /v5/position/move-history
	POST /v5/position/set-leverage
	POST /v5/position/switch-mode
	POST /v5/position/trading-stop
	POST /v5/position/set-auto-add-margin
	POST /v5/position/add-margin
	POST /v5/position/confirm-pending-mmr
	POST /v5/position/move-positions
	GET /v5/account/instruments-info
	POST /v5/account/set-limit-px-action
	GET /v5/asset/covert/small-balance-list
	GET /v5/user/query-sub-members
	GET /v5/user/query-api
	GET /v5/user/aff-customer-info
	GET /v5/user/sub-apikeys
	GET /v5/user/get-member-type
	GET /v5/user/invitation/referrals
	[q=UID_20_1S:1]
	GET /v5/ins-loan/loan-order
	GET /v5/ins-loan/repaid-history
	GET /v5/ins-loan/ltv-convert
	POST /v5/asset/transfer/save-transfer-sub-member
	POST /v5/asset/exchange/quote-apply
	POST /v5/asset/exchange/convert-execute
	POST /v5/user/agreement
	[q=UID_25_1S:1]
	GET /v5/account/transaction-log
	[q=UID_30_1S:1]
	GET /v5/asset/exchange/query-coin-list
	GET /v5/asset/fundinghistory
	[q=UID_50_1S:1]
	GET /v5/order/realtime
	GET /v5/order/history
	GET /v5/execution/list
	GET /v5/order/spot-borrow-check
	GET /v5/spot-margin-trade/state
	GET /v5/spot-margin-trade/max-borrowable
	GET /v5/spot-margin-trade/coinstate
	GET /v5/spot-margin-trade/repayment-available-amount
	GET /v5/spot-margin-trade/get-auto-repay-mode
	GET /v5/spread/order/realtime
	GET /v5/spread/order/history
	GET /v5/spread/execution/list
	GET /v5/spread/max-qty
	GET /v5/rfq/public-trades
	GET /v5/rfq/quote-list
	GET /v5/rfq/quote-realtime
	GET /v5/rfq/config
	GET /v5/rfq/rfq-list
	GET /v5/rfq/rfq-realtime
	GET /v5/rfq/trade-list
	GET /v5/apilimit/query
	GET /v5/apilimit/query-all
	GET /v5/apilimit/query-cap
	GET /v5/position/list
	GET /v5/position/closed-pnl
	GET /v5/position/get-closed-positions
	GET /v5/account/wallet-balance
	GET /v5/account/withdrawal
	GET /v5/account/borrow-history
	GET /v5/account/collateral-info
	GET /v5/asset/coin-greeks
	GET /v5/account/info
	GET /v5/account/pay-info
	GET /v5/account/trade-info-for-analysis
	GET /v5/account/user-setting-config
	GET /v5/asset/asset-overview
	GET /v5/asset/delivery-record
	GET /v5/asset/portfolio-margin
	GET /v5/asset/settlement-record
	GET /v5/asset/total-members-assets
	GET /v5/asset/exchange/convert-result-query
	GET /v5/asset/exchange/query-convert-history
	[q=UID_100_1S:1]
	POST /v5/fiat/trade-execute
	[q=UID_300_1S:1]
	GET /v5/asset/withdraw/withdrawable-amount
	GET /v5/asset/deposit/query-internal-record
	GET /v5/asset/withdraw/query-address
	POST /v5/asset/deposit/deposit-to-account
	[q=UID_450_1S:1]
	GET /v5/asset/transfer/query-account-coin-balance
	[q=UID_1000_1S:1]
	GET /v5/fiat/balance-query
	GET /v5/fiat/query-coin-list
	GET /v5/fiat/trade-query
	GET /v5/fiat/query-trade-history
	POST /v5/fiat/quote-apply
	GET /v5/fiat/reference-price`

// bybitSettle names the address's quota where it was the one that refused: HTTP 403
// without a code, and 10018. All other refusals are the endpoint's.
func bybitSettle(resp *exauth.Response, o *exauth.Observation) {
	var e struct{ RetCode json.RawMessage }
	err := json.Unmarshal(resp.Body, &e)
	switch {
	case err == nil && text(e.RetCode) == "10018":
		o.Refused = "IP"
	case resp.Status == http.StatusForbidden && (err != nil || e.RetCode == nil) &&
		!bytes.Contains(resp.Body, []byte("country")) && !bytes.Contains(resp.Body, []byte("region")):
		o.Refused = "IP"
	}
}

// bybitLimits asks for the account's own rates. Accounts that may not ask keep
// what their plan says.
func bybitLimits(ctx context.Context, c *exauth.Client) ([]exauth.Quota, error) {
	quotas := slices.Clone(c.Venue().Quotas)
	me, err := exauth.Get[struct{ UserID json.Number }](ctx, c, "/v5/user/query-api", nil)
	if err != nil {
		return nil, err
	}
	rates, err := exauth.Get[struct {
		List []struct {
			BizType string
			Rate    int
		}
	}](ctx, c, "/v5/apilimit/query", exauth.Params{{Name: "uids", Value: string(me.UserID)}})
	if errors.Is(err, exauth.ErrPermission) || errors.Is(err, exauth.ErrRejected) {
		return quotas, nil
	}
	names := map[string]string{"SPOT": "TRADE_SPOT", "OPTIONS": "TRADE_OPTION", "DERIVATIVES": "TRADE_FUTURES"}
	for _, r := range rates.List {
		for i := range quotas {
			if quotas[i].Name == names[r.BizType] {
				quotas[i].Limit = r.Rate
			}
		}
	}
	return quotas, err
}
