package venue

// kucoinCosts lists what endpoints weigh in which pool.
//
// Source: x-api-rate-limit-pool and -weight of the vendor's own description
// (github.com/Kucoin/kucoin-universal-sdk 78c90c7, 2025-11-04), read 2026-11-23;
// the few without a weight are taken as 5.
const kucoinCosts = `
	[free]
	GET /api/v1/my-ip
	[q=PUBLIC:2]
	GET /api/v1/funding-rate/{symbol}/current
	GET /api/v1/index/query
	GET /api/v1/market/callauctionData
	GET /api/v1/market/orderbook/callauction/level2_{size}
	GET /api/v1/market/orderbook/level1
	GET /api/v1/market/orderbook/level2_{size}
	GET /api/v1/ticker
	[q=PUBLIC:3]
	GET /api/v1/contracts/active
	GET /api/v1/contracts/{symbol}
	GET /api/v1/isolated/symbols
	GET /api/v1/kline/query
	GET /api/v1/level2/snapshot
	GET /api/v1/mark-price/{symbol}/current
	GET /api/v1/market/candles
	GET /api/v1/market/histories
	GET /api/v1/markets
	GET /api/v1/premium/query
	GET /api/v1/prices
	GET /api/v1/timestamp
	GET /api/v3/currencies
	GET /api/v3/currencies/{currency}
	GET /api/v3/etf/info
	GET /api/v3/margin/symbols
	[q=PUBLIC:4]
	GET /api/v1/status
	GET /api/v2/symbols
	GET /api/v2/symbols/{symbol}
	[q=PUBLIC:5]
	GET /api/v1/allTickers
	GET /api/v1/contract/funding-rates
	GET /api/v1/contracts/risk-limit/{symbol}
	GET /api/v1/interest/query
	GET /api/v1/level2/depth{size}
	GET /api/v1/trade/history
	GET /api/v3/project/marketInterestRate
	[q=PUBLIC:10]
	POST /api/v1/bullet-public
	GET /api/v1/otc-loan/discount-rate-configs
	GET /api/v3/mark-price/all-symbols
	[q=PUBLIC:15]
	GET /api/v1/market/allTickers
	GET /api/v1/market/stats
	[q=PUBLIC:20]
	GET /api/v3/announcements
	[q=SPOT:1]
	POST /api/v1/hf/orders
	POST /api/v1/hf/orders/alter
	DELETE /api/v1/hf/orders/client-order/{clientOid}
	POST /api/v1/hf/orders/multi
	POST /api/v1/hf/orders/multi/sync
	POST /api/v1/hf/orders/sync
	DELETE /api/v1/hf/orders/sync/client-order/{clientOid}
	DELETE /api/v1/hf/orders/sync/{orderId}
	POST /api/v1/hf/orders/test
	DELETE /api/v1/hf/orders/{orderId}
	POST /api/v1/stop-order
	[q=SPOT:2]
	GET /api/v1/hf/accounts/ledgers
	GET /api/v1/hf/fills
	DELETE /api/v1/hf/orders
	GET /api/v1/hf/orders/active
	GET /api/v1/hf/orders/active/page
	GET /api/v1/hf/orders/active/symbols
	DELETE /api/v1/hf/orders/cancel/{orderId}
	GET /api/v1/hf/orders/client-order/{clientOid}
	POST /api/v1/hf/orders/dead-cancel-all
	GET /api/v1/hf/orders/dead-cancel-all/query
	GET /api/v1/hf/orders/done
	GET /api/v1/hf/orders/{orderId}
	GET /api/v1/orders/{orderId}
	GET /api/v3/hf/margin/account/ledgers
	POST /api/v3/hf/margin/order
	POST /api/v3/hf/margin/order/test
	DELETE /api/v3/hf/margin/orders/client-order/{clientOid}
	DELETE /api/v3/hf/margin/orders/{orderId}
	GET /api/v3/oco/client-order/{clientOid}
	POST /api/v3/oco/order
	GET /api/v3/oco/order/details/{orderId}
	GET /api/v3/oco/order/{orderId}
	GET /api/v3/oco/orders
	[q=SPOT:3]
	GET /api/v1/base-fee
	GET /api/v1/limit/orders
	DELETE /api/v1/order/client-order/{clientOid}
	GET /api/v1/order/client-order/{clientOid}
	DELETE /api/v1/stop-order/cancel
	GET /api/v1/stop-order/queryOrderByClientOid
	DELETE /api/v1/stop-order/{orderId}
	GET /api/v1/stop-order/{orderId}
	GET /api/v1/trade-fees
	GET /api/v3/market/orderbook/level2
	DELETE /api/v3/oco/client-order/{clientOid}
	DELETE /api/v3/oco/order/{orderId}
	DELETE /api/v3/oco/orders
	[q=SPOT:4]
	GET /api/v3/hf/margin/order/active/symbols
	GET /api/v3/hf/margin/orders/active
	[q=SPOT:5]
	POST /api/v1/margin/order
	POST /api/v1/margin/order/test
	DELETE /api/v1/stop-order/cancelOrderByClientOid
	GET /api/v3/hf/margin/fills
	DELETE /api/v3/hf/margin/orders
	GET /api/v3/hf/margin/orders/client-order/{clientOid}
	GET /api/v3/hf/margin/orders/{orderId}
	[q=SPOT:8]
	GET /api/v1/stop-order
	POST /api/v3/position/update-user-leverage
	[q=SPOT:10]
	GET /api/v3/hf/margin/orders/done
	POST /api/v3/lend/purchase/update
	POST /api/v3/margin/repay
	GET /api/v3/project/list
	GET /api/v3/purchase/orders
	GET /api/v3/redeem/orders
	[q=SPOT:15]
	GET /api/v3/isolated/accounts
	GET /api/v3/margin/accounts
	GET /api/v3/margin/borrow
	POST /api/v3/margin/borrow
	GET /api/v3/margin/repay
	POST /api/v3/purchase
	POST /api/v3/redeem
	[q=SPOT:20]
	GET /api/v1/limit/fills
	GET /api/v3/margin/currencies
	GET /api/v3/margin/interest
	[q=SPOT:25]
	GET /api/v1/margin/config
	[q=SPOT:30]
	GET /api/v1/hf/accounts/opened
	DELETE /api/v1/hf/orders/cancelAll
	[q=SPOT:40]
	GET /api/v1/margin/account
	[q=SPOT:50]
	GET /api/v1/isolated/account/{symbol}
	GET /api/v1/isolated/accounts
	[q=FUTURES:1]
	DELETE /api/v1/orders/client-order/{clientOid}
	[q=FUTURES:2]
	GET /api/v1/history-positions
	GET /api/v1/position
	GET /api/v1/positions
	POST /api/v1/st-orders
	GET /api/v1/transaction-history
	GET /api/v2/batchGetCrossOrderLimit
	POST /api/v2/changeCrossUserLeverage
	GET /api/v2/getCrossUserLeverage
	GET /api/v2/getMaxOpenSize
	POST /api/v2/position/batchChangeMarginMode
	POST /api/v2/position/changeMarginMode
	GET /api/v2/position/getMarginMode
	[q=FUTURES:3]
	GET /api/v1/trade-statistics
	[q=FUTURES:4]
	POST /api/v1/position/margin/auto-deposit-status
	POST /api/v1/position/margin/deposit-margin
	[q=FUTURES:5]
	GET /api/v1/account-overview
	GET /api/v1/funding-history
	GET /api/v1/orders/byClientOid
	GET /api/v1/orders/{order-id}
	POST /api/v1/position/risk-limit-level/change
	GET /api/v1/recentDoneOrders
	GET /api/v1/recentFills
	[q=FUTURES:6]
	GET /api/v1/account-overview-all
	GET /api/v1/stopOrders
	[q=FUTURES:10]
	GET /api/v1/margin/maxWithdrawMargin
	POST /api/v1/margin/withdrawMargin
	GET /api/v1/openOrderStatistics
	DELETE /api/v3/orders
	[q=FUTURES:15]
	DELETE /api/v1/stopOrders
	[q=FUTURES:20]
	DELETE /api/v1/orders/multi-cancel
	[q=MANAGEMENT:2]
	GET /api/v1/accounts/ledgers
	[q=MANAGEMENT:3]
	GET /api/v1/broker/api/rebase/download
	[q=MANAGEMENT:4]
	POST /api/v3/accounts/universal-transfer
	[q=MANAGEMENT:5]
	GET /api/v1/accounts
	GET /api/v1/accounts/{accountId}
	GET /api/v1/deposit-addresses
	GET /api/v1/deposits
	GET /api/v1/hist-deposits
	GET /api/v1/otc-loan/loan
	POST /api/v1/withdrawals
	GET /api/v2/deposit-addresses
	GET /api/v3/deposit-addresses
	POST /api/v3/withdrawals
	[q=MANAGEMENT:10]
	POST /api/v2/accounts/inner-transfer
	[q=MANAGEMENT:15]
	GET /api/v1/sub-accounts/{subUserId}
	POST /api/v2/sub/user/created
	POST /api/v3/sub/user/futures/enable
	POST /api/v3/sub/user/margin/enable
	[q=MANAGEMENT:20]
	GET /api/v1/accounts/transferable
	POST /api/v1/deposit-addresses
	GET /api/v1/hist-withdrawals
	GET /api/v1/otc-loan/accounts
	GET /api/v1/sub-accounts
	GET /api/v1/sub/api-key
	POST /api/v1/sub/api-key
	GET /api/v1/sub/user
	POST /api/v1/transfer-in
	GET /api/v1/transfer-list
	GET /api/v1/user/api-key
	GET /api/v1/withdrawals
	GET /api/v1/withdrawals/quotas
	DELETE /api/v1/withdrawals/{withdrawalId}
	GET /api/v1/withdrawals/{withdrawalId}
	GET /api/v2/sub-accounts
	GET /api/v2/sub/user
	GET /api/v2/user-info
	POST /api/v3/deposit-address/create
	POST /api/v3/transfer-out
	[q=MANAGEMENT:30]
	DELETE /api/v1/sub/api-key
	POST /api/v1/sub/api-key/update
	POST /api/v2/accounts/sub-transfer
	GET /api/v2/affiliate/inviter/statistics
	[q=EARN:5]
	GET /api/v1/earn/eth-staking/products
	GET /api/v1/earn/hold-assets
	GET /api/v1/earn/kcs-staking/products
	DELETE /api/v1/earn/orders
	POST /api/v1/earn/orders
	GET /api/v1/earn/promotion/products
	GET /api/v1/earn/redeem-preview
	GET /api/v1/earn/saving/products
	GET /api/v1/earn/staking/products
	[q=COPYTRADING:1]
	DELETE /api/v1/copy-trade/futures/orders
	DELETE /api/v1/copy-trade/futures/orders/client-order
	[q=COPYTRADING:2]
	POST /api/v1/copy-trade/futures/orders
	POST /api/v1/copy-trade/futures/orders/test
	POST /api/v1/copy-trade/futures/position/risk-limit-level/change
	POST /api/v1/copy-trade/futures/st-orders
	[q=COPYTRADING:4]
	GET /api/v1/copy-trade/futures/get-max-open-size
	POST /api/v1/copy-trade/futures/position/margin/auto-deposit-status
	POST /api/v1/copy-trade/futures/position/margin/deposit-margin
	[q=COPYTRADING:10]
	GET /api/v1/copy-trade/futures/position/margin/max-withdraw-margin
	POST /api/v1/copy-trade/futures/position/margin/withdraw-margin`
