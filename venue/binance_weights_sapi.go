package venue

// binanceSAPIByIP and binanceSAPIByUID list what the endpoints of /sapi cost. Each endpoint has counters of
// its own, by address (IP) or by account (UID).
//
// Source: the request descriptions that Binance generates its connectors from
// (github.com/binance/binance-connector-js a9de9a9, 2026-07-24), read 2026-11-23.
// Margin orders: changed 2026-05-07; maxBorrowable: 2026-04-16 (margin change log).
const binanceSAPIByIP = `
	GET /sapi/v1/margin/crossMarginData     coin:1 w=5
	GET /sapi/v1/margin/isolatedMarginData  symbol:1 w=10
	GET /sapi/v1/portfolio/asset-index-price asset:1 w=50
	POST /sapi/v1/sub-account/universalTransfer w=1 q=SAPI_UID:360
	[w=1]
	GET /sapi/v1/account/apiRestrictions
	GET /sapi/v1/account/apiTradingStatus
	POST /sapi/v1/account/disableFastWithdrawSwitch
	POST /sapi/v1/account/enableFastWithdrawSwitch
	GET /sapi/v1/account/info
	GET /sapi/v1/account/status
	GET /sapi/v1/addressVerify/list
	GET /sapi/v1/algo/futures/historicalOrders
	GET /sapi/v1/algo/futures/openOrders
	DELETE /sapi/v1/algo/futures/order
	GET /sapi/v1/algo/futures/subOrders
	GET /sapi/v1/algo/spot/historicalOrders
	GET /sapi/v1/algo/spot/openOrders
	DELETE /sapi/v1/algo/spot/order
	GET /sapi/v1/algo/spot/subOrders
	GET /sapi/v1/asset/assetDetail
	GET /sapi/v1/asset/dribblet
	POST /sapi/v1/asset/dust-btc
	POST /sapi/v1/asset/dust-convert/query-convertible-assets
	POST /sapi/v1/asset/get-funding-asset
	GET /sapi/v1/asset/tradeFee
	GET /sapi/v1/asset/transfer
	GET /sapi/v1/bnbBurn
	POST /sapi/v1/bnbBurn
	GET /sapi/v1/c2c/orderMatch/listUserOrderHistory
	POST /sapi/v1/capital/deposit/credit-apply
	GET /sapi/v1/capital/deposit/hisrec
	GET /sapi/v1/capital/deposit/subAddress
	GET /sapi/v1/capital/deposit/subHisrec
	GET /sapi/v1/copyTrading/futures/leadSymbol
	GET /sapi/v1/copyTrading/futures/userStatus
	GET /sapi/v1/dci/product/accounts
	POST /sapi/v1/dci/product/auto_compound/edit-status
	GET /sapi/v1/dci/product/list
	GET /sapi/v1/dci/product/positions
	POST /sapi/v1/dci/product/subscribe
	GET /sapi/v1/fiat/get-order-detail
	GET /sapi/v1/fiat/payments
	POST /sapi/v1/giftcard/buyCode
	GET /sapi/v1/giftcard/buyCode/token-limit
	POST /sapi/v1/giftcard/createCode
	GET /sapi/v1/giftcard/cryptography/rsa-public-key
	POST /sapi/v1/giftcard/redeemCode
	GET /sapi/v1/giftcard/verify
	GET /sapi/v1/localentity/country/list
	GET /sapi/v1/localentity/deposit/history
	GET /sapi/v1/localentity/questionnaire-requirements
	GET /sapi/v1/localentity/region/list
	GET /sapi/v1/localentity/vasp
	GET /sapi/v1/localentity/withdraw/history
	GET /sapi/v1/managed-subaccount/asset
	POST /sapi/v1/managed-subaccount/deposit
	GET /sapi/v1/managed-subaccount/marginAsset
	GET /sapi/v1/managed-subaccount/queryTransLogForInvestor
	POST /sapi/v1/managed-subaccount/withdraw
	GET /sapi/v1/margin/allAssets
	GET /sapi/v1/margin/allPairs
	GET /sapi/v1/margin/forceLiquidationRec
	GET /sapi/v1/margin/interestHistory
	GET /sapi/v1/margin/interestRateHistory
	GET /sapi/v1/margin/isolated/accountLimit
	GET /sapi/v1/margin/isolatedMarginTier
	GET /sapi/v1/margin/leverageBracket
	GET /sapi/v1/margin/limit-price-pairs
	DELETE /sapi/v1/margin/openOrders
	GET /sapi/v1/margin/restricted-asset
	GET /sapi/v1/margin/risk-based-liquidation-ratio
	GET /sapi/v1/margin/transfer
	GET /sapi/v1/mining/hash-transfer/config/details/list
	GET /sapi/v1/mining/hash-transfer/profit/details
	GET /sapi/v1/mining/payment/list
	GET /sapi/v1/mining/payment/other
	GET /sapi/v1/mining/payment/uid
	GET /sapi/v1/mining/pub/algoList
	GET /sapi/v1/mining/pub/coinList
	GET /sapi/v1/mining/statistics/user/list
	GET /sapi/v1/mining/statistics/user/status
	GET /sapi/v1/mining/worker/detail
	GET /sapi/v1/mining/worker/list
	GET /sapi/v1/simple-earn/flexible/history/collateralRecord
	POST /sapi/v1/simple-earn/flexible/redeem
	POST /sapi/v1/simple-earn/flexible/subscribe
	POST /sapi/v1/simple-earn/locked/redeem
	POST /sapi/v1/simple-earn/locked/subscribe
	POST /sapi/v1/sub-account/eoptions/enable
	GET /sapi/v1/sub-account/futures/accountSummary
	POST /sapi/v1/sub-account/futures/enable
	GET /sapi/v1/sub-account/futures/internalTransfer
	POST /sapi/v1/sub-account/futures/internalTransfer
	GET /sapi/v1/sub-account/futures/move-position
	POST /sapi/v1/sub-account/futures/move-position
	POST /sapi/v1/sub-account/futures/transfer
	GET /sapi/v1/sub-account/list
	POST /sapi/v1/sub-account/margin/transfer
	GET /sapi/v1/sub-account/spotSummary
	GET /sapi/v1/sub-account/sub/transfer/history
	POST /sapi/v1/sub-account/transfer/subToMaster
	POST /sapi/v1/sub-account/transfer/subToSub
	GET /sapi/v1/sub-account/transfer/subUserHistory
	GET /sapi/v1/sub-account/universalTransfer
	POST /sapi/v1/sub-account/virtualSubAccount
	GET /sapi/v1/system/status
	GET /sapi/v2/localentity/deposit/history
	GET /sapi/v2/localentity/withdraw/history
	GET /sapi/v2/sub-account/futures/account
	GET /sapi/v2/sub-account/futures/positionRisk
	[w=5]
	GET /sapi/v2/portfolio/account
	POST /sapi/v3/asset/getUserAsset
	[w=10]
	GET /sapi/v1/asset/assetDividend
	GET /sapi/v1/capital/config/getall
	GET /sapi/v1/capital/deposit/address
	GET /sapi/v1/capital/deposit/address/list
	GET /sapi/v1/capital/withdraw/address/list
	GET /sapi/v1/capital/withdraw/quota
	GET /sapi/v1/margin/account
	GET /sapi/v1/margin/borrow-repay
	GET /sapi/v1/margin/isolated/account
	GET /sapi/v1/margin/isolated/allPairs
	GET /sapi/v1/margin/myPreventedMatches
	GET /sapi/v1/margin/myTrades
	GET /sapi/v1/margin/openOrderList
	GET /sapi/v1/margin/openOrders
	DELETE /sapi/v1/margin/order
	GET /sapi/v1/margin/order
	GET /sapi/v1/margin/orderList
	GET /sapi/v1/margin/priceIndex
	GET /sapi/v1/margin/tradeCoeff
	GET /sapi/v1/sub-account/futures/account
	GET /sapi/v1/sub-account/futures/positionRisk
	GET /sapi/v1/sub-account/margin/account
	GET /sapi/v1/sub-account/margin/accountSummary
	GET /sapi/v1/sub-account/status
	GET /sapi/v2/sub-account/futures/accountSummary
	[w=20]
	GET /sapi/v1/margin/rateLimit/order
	GET /sapi/v1/portfolio/balance
	[w=30]
	GET /sapi/v1/portfolio/repay-futures-switch
	[w=50]
	GET /sapi/v1/margin/maxTransferable
	GET /sapi/v1/onchain-yields/account
	GET /sapi/v1/onchain-yields/locked/history/redemptionRecord
	GET /sapi/v1/onchain-yields/locked/history/rewardsRecord
	GET /sapi/v1/onchain-yields/locked/history/subscriptionRecord
	GET /sapi/v1/onchain-yields/locked/list
	GET /sapi/v1/onchain-yields/locked/personalLeftQuota
	GET /sapi/v1/onchain-yields/locked/position
	POST /sapi/v1/onchain-yields/locked/setAutoSubscribe
	POST /sapi/v1/onchain-yields/locked/setRedeemOption
	GET /sapi/v1/onchain-yields/locked/subscriptionPreview
	GET /sapi/v1/portfolio/collateralRate
	GET /sapi/v1/portfolio/interest-history
	GET /sapi/v1/portfolio/margin-asset-leverage
	POST /sapi/v1/simple-earn/locked/setRedeemOption
	GET /sapi/v1/soft-staking/history/rewardsRecord
	GET /sapi/v1/soft-staking/list
	GET /sapi/v1/soft-staking/set
	GET /sapi/v2/portfolio/collateralRate
	[w=60]
	GET /sapi/v1/asset/custody/transfer-history
	GET /sapi/v1/asset/wallet/balance
	POST /sapi/v1/portfolio/asset-collection
	GET /sapi/v1/sub-account/transaction-statistics
	[w=100]
	GET /sapi/v1/convert/assetInfo
	GET /sapi/v1/margin/capital-flow
	GET /sapi/v1/margin/crossMarginCollateralRatio
	GET /sapi/v1/margin/delist-schedule
	GET /sapi/v1/margin/exchange-small-liability
	GET /sapi/v1/margin/list-schedule
	GET /sapi/v1/margin/next-hourly-interest-rate
	GET /sapi/v1/spot/delist-schedule
	GET /sapi/v1/spot/open-symbol-list
	[w=150]
	GET /sapi/v1/bfusd/account
	GET /sapi/v1/bfusd/history/rateHistory
	GET /sapi/v1/bfusd/history/redemptionHistory
	GET /sapi/v1/bfusd/history/rewardsHistory
	GET /sapi/v1/bfusd/history/subscriptionHistory
	GET /sapi/v1/bfusd/quota
	POST /sapi/v1/bfusd/redeem
	POST /sapi/v1/bfusd/subscribe
	GET /sapi/v1/earn/arena/activities
	GET /sapi/v1/eth-staking/eth/history/rateHistory
	GET /sapi/v1/eth-staking/eth/history/redemptionHistory
	GET /sapi/v1/eth-staking/eth/history/stakingHistory
	GET /sapi/v1/eth-staking/eth/history/wbethRewardsHistory
	GET /sapi/v1/eth-staking/eth/quota
	POST /sapi/v1/eth-staking/eth/redeem
	GET /sapi/v1/eth-staking/wbeth/history/unwrapHistory
	GET /sapi/v1/eth-staking/wbeth/history/wrapHistory
	POST /sapi/v1/eth-staking/wbeth/wrap
	GET /sapi/v1/rwusd/account
	GET /sapi/v1/rwusd/history/rateHistory
	GET /sapi/v1/rwusd/history/redemptionHistory
	GET /sapi/v1/rwusd/history/rewardsHistory
	GET /sapi/v1/rwusd/history/subscriptionHistory
	GET /sapi/v1/rwusd/quota
	POST /sapi/v1/rwusd/redeem
	POST /sapi/v1/rwusd/subscribe
	GET /sapi/v1/simple-earn/account
	GET /sapi/v1/simple-earn/flexible/history/rateHistory
	GET /sapi/v1/simple-earn/flexible/history/redemptionRecord
	GET /sapi/v1/simple-earn/flexible/history/rewardsRecord
	GET /sapi/v1/simple-earn/flexible/history/subscriptionRecord
	GET /sapi/v1/simple-earn/flexible/list
	GET /sapi/v1/simple-earn/flexible/personalLeftQuota
	GET /sapi/v1/simple-earn/flexible/position
	POST /sapi/v1/simple-earn/flexible/setAutoSubscribe
	GET /sapi/v1/simple-earn/flexible/subscriptionPreview
	GET /sapi/v1/simple-earn/locked/history/redemptionRecord
	GET /sapi/v1/simple-earn/locked/history/rewardsRecord
	GET /sapi/v1/simple-earn/locked/history/subscriptionRecord
	GET /sapi/v1/simple-earn/locked/list
	GET /sapi/v1/simple-earn/locked/personalLeftQuota
	GET /sapi/v1/simple-earn/locked/position
	POST /sapi/v1/simple-earn/locked/setAutoSubscribe
	GET /sapi/v1/simple-earn/locked/subscriptionPreview
	GET /sapi/v1/sol-staking/account
	POST /sapi/v1/sol-staking/sol/claim
	GET /sapi/v1/sol-staking/sol/history/bnsolRewardsHistory
	GET /sapi/v1/sol-staking/sol/history/boostRewardsHistory
	GET /sapi/v1/sol-staking/sol/history/rateHistory
	GET /sapi/v1/sol-staking/sol/history/redemptionHistory
	GET /sapi/v1/sol-staking/sol/history/stakingHistory
	GET /sapi/v1/sol-staking/sol/history/unclaimedRewards
	GET /sapi/v1/sol-staking/sol/quota
	POST /sapi/v1/sol-staking/sol/redeem
	POST /sapi/v1/sol-staking/sol/stake
	GET /sapi/v2/eth-staking/account
	POST /sapi/v2/eth-staking/eth/stake
	[w=200]
	GET /sapi/v1/margin/allOrderList
	GET /sapi/v1/margin/allOrders
	POST /sapi/v1/onchain-yields/locked/redeem
	POST /sapi/v1/onchain-yields/locked/subscribe
	GET /sapi/v1/w3w/wallet/prediction/balance/payment-options
	GET /sapi/v1/w3w/wallet/prediction/category/list
	GET /sapi/v1/w3w/wallet/prediction/market/detail
	GET /sapi/v1/w3w/wallet/prediction/market/list
	GET /sapi/v1/w3w/wallet/prediction/market/search
	GET /sapi/v1/w3w/wallet/prediction/order-book
	GET /sapi/v1/w3w/wallet/prediction/order-book/last-trade-price
	GET /sapi/v1/w3w/wallet/prediction/order/history
	GET /sapi/v1/w3w/wallet/prediction/order/list
	GET /sapi/v1/w3w/wallet/prediction/pnl/portfolio
	GET /sapi/v1/w3w/wallet/prediction/pnl/query
	GET /sapi/v1/w3w/wallet/prediction/position/filter
	GET /sapi/v1/w3w/wallet/prediction/position/list
	GET /sapi/v1/w3w/wallet/prediction/position/settled-history
	GET /sapi/v1/w3w/wallet/prediction/position/token
	GET /sapi/v1/w3w/wallet/prediction/quota/limit/status
	GET /sapi/v1/w3w/wallet/prediction/redeem/status
	GET /sapi/v1/w3w/wallet/prediction/transfer/list
	GET /sapi/v1/w3w/wallet/prediction/transfer/status
	GET /sapi/v1/w3w/wallet/prediction/wallet/list
	[w=300]
	GET /sapi/v2/loan/flexible/ongoing/orders
	[w=400]
	GET /sapi/v1/loan/borrow/history
	GET /sapi/v1/loan/ltv/adjustment/history
	GET /sapi/v1/loan/repay/history
	GET /sapi/v1/loan/vip/accruedInterest
	GET /sapi/v1/loan/vip/collateral/data
	GET /sapi/v1/loan/vip/interestRateHistory
	GET /sapi/v1/loan/vip/loanable/data
	GET /sapi/v1/loan/vip/ongoing/orders
	GET /sapi/v1/loan/vip/repay/history
	GET /sapi/v1/loan/vip/request/interestRate
	GET /sapi/v2/loan/flexible/borrow/history
	GET /sapi/v2/loan/flexible/collateral/data
	GET /sapi/v2/loan/flexible/liquidation/history
	GET /sapi/v2/loan/flexible/loanable/data
	GET /sapi/v2/loan/flexible/repay/history
	GET /sapi/v2/loan/interestRateHistory
	[w=500]
	GET /sapi/v1/portfolio/pmloan-history
	[w=1500]
	POST /sapi/v1/portfolio/auto-collection
	POST /sapi/v1/portfolio/bnb-transfer
	GET /sapi/v1/portfolio/delta-mode
	POST /sapi/v1/portfolio/delta-mode
	GET /sapi/v1/portfolio/earn-asset-balance
	DELETE /sapi/v1/portfolio/margin-call-level
	GET /sapi/v1/portfolio/margin-call-level
	POST /sapi/v1/portfolio/margin-call-level
	POST /sapi/v1/portfolio/repay-futures-negative-balance
	POST /sapi/v1/portfolio/repay-futures-switch
	[w=2400]
	GET /sapi/v1/accountSnapshot
	GET /sapi/v1/managed-subaccount/accountSnapshot
	[w=3000]
	GET /sapi/v1/convert/exchangeInfo
	[w=6000]
	GET /sapi/v1/loan/vip/collateral/account
	GET /sapi/v1/loan/vip/fixed/market
	POST /sapi/v2/loan/flexible/borrow
	POST /sapi/v2/loan/flexible/repay
	GET /sapi/v2/loan/flexible/repay/rate`

const binanceSAPIByUID = `
	POST /sapi/v1/margin/order        sideEffectType=MARGIN_BUY:1500 sideEffectType=AUTO_BORROW_REPAY:1500 w=6
	POST /sapi/v1/margin/order/oco    sideEffectType=MARGIN_BUY:1500 sideEffectType=AUTO_BORROW_REPAY:1500 w=6
	POST /sapi/v1/margin/order/oto    sideEffectType=MARGIN_BUY:1500 sideEffectType=AUTO_BORROW_REPAY:1500 w=6
	POST /sapi/v1/margin/order/otoco  sideEffectType=MARGIN_BUY:1500 sideEffectType=AUTO_BORROW_REPAY:1500 w=6
	POST /sapi/v1/margin/max-leverage w=3000 q=SAPI_MAX_LEVERAGE:1 # once a minute and address
	GET /sapi/v1/margin/maxBorrowable w=750
	[w=1]
	GET /sapi/v1/managed-subaccount/deposit/address
	GET /sapi/v1/margin/api-key-list
	DELETE /sapi/v1/margin/apiKey
	GET /sapi/v1/margin/apiKey
	POST /sapi/v1/margin/apiKey
	PUT /sapi/v1/margin/apiKey/ip
	POST /sapi/v1/margin/listen-key
	PUT /sapi/v1/margin/listen-key
	DELETE /sapi/v1/margin/orderList
	[w=5]
	GET /sapi/v1/portfolio/account
	[w=10]
	POST /sapi/v1/asset/dust
	POST /sapi/v1/asset/dust-convert/convert
	POST /sapi/v1/margin/exit-special-key-mode
	[w=50]
	GET /sapi/v1/margin/available-inventory
	[w=60]
	GET /sapi/v1/managed-subaccount/fetch-future-asset
	GET /sapi/v1/managed-subaccount/info
	GET /sapi/v1/managed-subaccount/query-trans-log
	GET /sapi/v1/managed-subaccount/queryTransLogForTradeParent
	GET /sapi/v3/sub-account/assets
	GET /sapi/v4/sub-account/assets
	[w=100]
	GET /sapi/v1/convert/orderStatus
	GET /sapi/v1/margin/exchange-small-liability-history
	GET /sapi/v1/margin/liquidation-loan
	POST /sapi/v1/margin/liquidation-loan/repay
	GET /sapi/v1/margin/liquidation-loan/repay-history
	[w=200]
	POST /sapi/v1/convert/getQuote
	POST /sapi/v1/convert/limit/cancelOrder
	[w=300]
	POST /sapi/v1/algo/futures/newOrderVp
	DELETE /sapi/v1/margin/isolated/account
	POST /sapi/v1/margin/isolated/account
	[w=400]
	GET /sapi/v1/loan/vip/request/data
	GET /sapi/v2/loan/flexible/ltv/adjustment/history
	[w=500]
	POST /sapi/v1/convert/acceptQuote
	POST /sapi/v1/convert/limit/placeOrder
	GET /sapi/v1/portfolio/pmLoan
	[w=600]
	GET /sapi/v1/asset/ledger-transfer/cloud-mining/queryByPage
	PUT /sapi/v1/localentity/broker/deposit/provide-info
	POST /sapi/v1/localentity/broker/withdraw/apply
	PUT /sapi/v1/localentity/deposit/provide-info
	POST /sapi/v1/localentity/withdraw/apply
	PUT /sapi/v2/localentity/deposit/provide-info
	[w=900]
	POST /sapi/v1/asset/transfer
	POST /sapi/v1/capital/withdraw/apply
	[w=1500]
	POST /sapi/v1/margin/borrow-repay
	POST /sapi/v1/portfolio/earn-asset-transfer
	[w=3000]
	POST /sapi/v1/algo/futures/newOrderTwap
	POST /sapi/v1/algo/spot/newOrderTwap
	GET /sapi/v1/convert/limit/queryOpenOrders
	GET /sapi/v1/convert/tradeFlow
	POST /sapi/v1/margin/exchange-small-liability
	DELETE /sapi/v1/margin/listen-key
	POST /sapi/v1/margin/manual-liquidation
	GET /sapi/v1/pay/transactions
	POST /sapi/v1/portfolio/repay
	DELETE /sapi/v1/sub-account/subAccountApi
	GET /sapi/v1/sub-account/subAccountApi
	POST /sapi/v1/sub-account/subAccountApi
	GET /sapi/v1/sub-account/subAccountApi/ipRestriction
	DELETE /sapi/v1/sub-account/subAccountApi/ipRestriction/ipList
	POST /sapi/v1/sub-account/subAccountApiPermission
	POST /sapi/v2/sub-account/subAccountApi/ipRestriction
	[w=6000]
	GET /sapi/v1/loan/income
	POST /sapi/v1/loan/vip/borrow
	POST /sapi/v1/loan/vip/fixed/borrow
	POST /sapi/v1/loan/vip/renew
	POST /sapi/v1/loan/vip/repay
	POST /sapi/v2/loan/flexible/adjust/ltv
	[w=12000]
	GET /sapi/v1/rebate/taxQuery
	[w=18000]
	GET /sapi/v1/capital/withdraw/history
	[w=45000]
	GET /sapi/v1/fiat/orders
	POST /sapi/v2/fiat/withdraw`
