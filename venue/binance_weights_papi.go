package venue

// binanceOptions lists what the endpoints of /eapi weigh, binancePortfolio those of
// /papi.
//
// Source: the request descriptions that Binance generates its connectors from
// (github.com/binance/binance-connector-js a9de9a9, 2026-07-24), read 2026-11-23.
const binanceOptions = `
	GET /eapi/v1/depth      limit<=50:1 limit<=100:5 limit<=500:10 w=20 # default 100: counted as the dearest
	GET /eapi/v1/openOrders symbol:1 w=40
	POST /eapi/v1/order       w=1 q=orders:1 # no weight is given: assumed
	POST /eapi/v1/batchOrders w=5 qeach=orders:orders
	POST /eapi/v1/block/order/create w=5 q=orders:1 # that it counts as an order is assumed
	[w=0]
	GET /eapi/v1/openInterest
	[w=1]
	DELETE /eapi/v1/allOpenOrdersByUnderlying
	GET /eapi/v1/bill
	GET /eapi/v1/countdownCancelAll
	POST /eapi/v1/countdownCancelAll
	GET /eapi/v1/exchangeInfo
	GET /eapi/v1/index
	GET /eapi/v1/klines
	DELETE /eapi/v1/listenKey
	POST /eapi/v1/listenKey
	PUT /eapi/v1/listenKey
	GET /eapi/v1/mmp
	POST /eapi/v1/mmpReset
	POST /eapi/v1/mmpSet
	DELETE /eapi/v1/order
	GET /eapi/v1/order
	GET /eapi/v1/ping
	GET /eapi/v1/time
	[w=3]
	GET /eapi/v1/exerciseHistory
	GET /eapi/v1/historyOrders
	GET /eapi/v1/marginAccount
	[w=5]
	DELETE /eapi/v1/allOpenOrders
	DELETE /eapi/v1/batchOrders
	DELETE /eapi/v1/block/order/create
	PUT /eapi/v1/block/order/create
	GET /eapi/v1/block/order/execute
	POST /eapi/v1/block/order/execute
	GET /eapi/v1/block/order/orders
	GET /eapi/v1/block/user-trades
	GET /eapi/v1/blockTrades
	GET /eapi/v1/commission
	GET /eapi/v1/exerciseRecord
	GET /eapi/v1/mark
	GET /eapi/v1/position
	GET /eapi/v1/ticker
	GET /eapi/v1/trades
	GET /eapi/v1/userTrades
	[w=10]
	POST /eapi/v1/countdownCancelAllHeartBeat
	[w=50]
	POST /eapi/v1/stock/contract`

// Portfolio margin orders count against the address and the account alike.
const binancePortfolio = `
	[w=1 q=orders:1]
	POST /papi/v1/um/order
	PUT /papi/v1/um/order
	POST /papi/v1/cm/order
	PUT /papi/v1/cm/order
	POST /papi/v1/margin/order
	POST /papi/v1/um/conditional/order
	POST /papi/v1/cm/conditional/order
	POST /papi/v1/um/algo/order
	POST /papi/v1/margin/order/oco w=1 q=orders:2 # two orders
	[symbol:1 w=40]
	GET /papi/v1/um/openOrders
	GET /papi/v1/cm/openOrders
	GET /papi/v1/um/conditional/openOrders
	GET /papi/v1/cm/conditional/openOrders
	GET /papi/v1/um/conditional/allOrders
	GET /papi/v1/cm/conditional/allOrders
	[symbol:20 w=50]
	GET /papi/v1/um/forceOrders
	GET /papi/v1/cm/forceOrders
	[pair:40 w=20]
	GET /papi/v1/cm/allOrders
	GET /papi/v1/cm/userTrades
	GET /papi/v1/um/apiTradingStatus symbol:1 w=10
	[w=1]
	DELETE /papi/v1/cm/allOpenOrders
	DELETE /papi/v1/cm/conditional/allOpenOrders
	GET /papi/v1/cm/conditional/openOrder
	DELETE /papi/v1/cm/conditional/order
	GET /papi/v1/cm/conditional/orderHistory
	POST /papi/v1/cm/leverage
	GET /papi/v1/cm/leverageBracket
	GET /papi/v1/cm/openOrder
	DELETE /papi/v1/cm/order
	GET /papi/v1/cm/order
	GET /papi/v1/cm/orderAmendment
	GET /papi/v1/cm/positionRisk
	POST /papi/v1/cm/positionSide/dual
	DELETE /papi/v1/listenKey
	POST /papi/v1/listenKey
	PUT /papi/v1/listenKey
	GET /papi/v1/margin/forceOrders
	GET /papi/v1/margin/marginInterestHistory
	GET /papi/v1/ping
	GET /papi/v1/rateLimit/order
	GET /papi/v1/um/algo/algoOrder
	DELETE /papi/v1/um/algo/allOpenOrders
	GET /papi/v1/um/algo/openAlgoOrders
	DELETE /papi/v1/um/algo/order
	DELETE /papi/v1/um/allOpenOrders
	DELETE /papi/v1/um/conditional/allOpenOrders
	GET /papi/v1/um/conditional/openOrder
	DELETE /papi/v1/um/conditional/order
	GET /papi/v1/um/conditional/orderHistory
	POST /papi/v1/um/feeBurn
	POST /papi/v1/um/leverage
	GET /papi/v1/um/leverageBracket
	GET /papi/v1/um/openOrder
	DELETE /papi/v1/um/order
	GET /papi/v1/um/order
	GET /papi/v1/um/orderAmendment
	POST /papi/v1/um/positionSide/dual
	[w=2]
	DELETE /papi/v1/margin/order
	DELETE /papi/v1/margin/orderList
	[w=5]
	GET /papi/v1/cm/account
	GET /papi/v1/cm/adlQuantile
	DELETE /papi/v1/margin/allOpenOrders
	GET /papi/v1/margin/maxBorrowable
	GET /papi/v1/margin/maxWithdraw
	GET /papi/v1/margin/myTrades
	GET /papi/v1/margin/openOrderList
	GET /papi/v1/margin/openOrders
	GET /papi/v1/margin/orderList
	GET /papi/v1/um/account
	GET /papi/v1/um/accountConfig
	GET /papi/v1/um/adlQuantile
	GET /papi/v1/um/algo/allAlgoOrders
	GET /papi/v1/um/allOrders
	GET /papi/v1/um/positionRisk
	POST /papi/v1/um/stock/contract
	GET /papi/v1/um/symbolConfig
	GET /papi/v1/um/userTrades
	GET /papi/v2/um/account
	[w=10]
	GET /papi/v1/margin/marginLoan
	GET /papi/v1/margin/order
	GET /papi/v1/margin/repayLoan
	GET /papi/v1/um/income/asyn/id
	GET /papi/v1/um/order/asyn/id
	GET /papi/v1/um/trade/asyn/id
	[w=20]
	GET /papi/v1/account
	GET /papi/v1/balance
	GET /papi/v1/cm/commissionRate
	GET /papi/v1/um/commissionRate
	[w=30]
	POST /papi/v1/asset-collection
	GET /papi/v1/cm/income
	GET /papi/v1/cm/positionSide/dual
	GET /papi/v1/repay-futures-switch
	GET /papi/v1/um/feeBurn
	GET /papi/v1/um/income
	GET /papi/v1/um/positionSide/dual
	[w=50]
	GET /papi/v1/portfolio/interest-history
	[w=100]
	GET /papi/v1/margin/allOrderList
	GET /papi/v1/margin/allOrders
	POST /papi/v1/marginLoan
	GET /papi/v1/portfolio/negative-balance-exchange-record
	POST /papi/v1/repayLoan
	[w=750]
	POST /papi/v1/auto-collection
	POST /papi/v1/bnb-transfer
	POST /papi/v1/repay-futures-negative-balance
	POST /papi/v1/repay-futures-switch
	[w=1500]
	GET /papi/v1/um/income/asyn
	GET /papi/v1/um/order/asyn
	GET /papi/v1/um/trade/asyn
	[w=3000]
	POST /papi/v1/margin/repay-debt`
