package venue

// binanceSpot lists what the endpoints of /api weigh. Orders and cancels weigh
// nothing when they succeed (since 2026-04-02); what they weigh when they fail is
// demanded, and binanceSettle gives it back.
//
// Source: rest-api.md of github.com/binance/binance-spot-api-docs a5e0bc3
// (2026-07-21), read 2026-11-23.
const binanceSpot = `
	GET /api/v3/depth             !limit:5 limit<=100:5 limit<=500:25 limit<=1000:50 w=250
	GET /api/v3/ticker/24hr       symbol:2 #symbols<=20:2 #symbols<=100:40 w=80
	GET /api/v3/ticker/price      symbol:2 w=4
	GET /api/v3/ticker/bookTicker symbol:2 w=4
	GET /api/v3/ticker            symbol:4 each=symbols:4<=200 w=200
	GET /api/v3/ticker/tradingDay symbol:4 each=symbols:4<=200 w=200
	GET /api/v3/executionRules    symbol:2 each=symbols:2<=40 w=40
	GET /api/v3/openOrders        symbol:6 w=80
	GET /api/v3/myTrades          orderId:5 w=20
	GET /api/v3/myPreventedMatches preventedMatchId:2 w=20
	POST /api/v3/order/test       computeCommissionRates=true:20 w=1
	POST /api/v3/sor/order/test   computeCommissionRates=true:20 w=1
	[w=1]
	GET /api/v3/ping
	GET /api/v3/time
	[w=2]
	GET /api/v3/klines
	GET /api/v3/uiKlines
	GET /api/v3/avgPrice
	GET /api/v3/referencePrice
	GET /api/v3/referencePrice/calculation
	* /api/v3/userDataStream # no longer documented: the weight it had
	[w=4]
	GET /api/v3/aggTrades
	GET /api/v3/order
	GET /api/v3/orderList
	GET /api/v3/order/amendments
	[w=6]
	GET /api/v3/openOrderList
	[w=20]
	GET /api/v3/exchangeInfo
	GET /api/v3/account
	GET /api/v3/allOrders
	GET /api/v3/allOrderList
	GET /api/v3/myAllocations
	GET /api/v3/account/commission
	[w=25]
	GET /api/v3/trades
	GET /api/v3/historicalTrades
	GET /api/v3/historicalBlockTrades
	[w=40]
	GET /api/v3/rateLimit/order
	GET /api/v3/myFilters
	[w=1 q=orders:1]
	POST /api/v3/order
	POST /api/v3/sor/order
	POST /api/v3/order/cancelReplace
	[w=1 q=orders:2]
	POST /api/v3/order/oco
	POST /api/v3/orderList/oco
	POST /api/v3/orderList/oto
	POST /api/v3/orderList/opo
	[w=1 q=orders:3]
	POST /api/v3/orderList/otoco
	POST /api/v3/orderList/opoco
	[w=1]
	DELETE /api/v3/order
	DELETE /api/v3/openOrders
	DELETE /api/v3/orderList
	[w=4]
	PUT /api/v3/order/amend/keepPriority # does not count as an order`

// binanceUSDM lists what the endpoints of /fapi weigh. Orders weigh nothing; they
// count in the order quotas alone, a batch as five in ten seconds and one a minute.
//
// Source: the request descriptions that Binance generates its connectors from
// (github.com/binance/binance-connector-js a9de9a9, 2026-07-24), read 2026-11-23.
const binanceUSDM = `
	GET /fapi/v1/depth             limit<=50:2 limit<=100:5 limit<=500:10 !limit:10 w=20
	GET /fapi/v1/rpiDepth          w=20
	[limit<=99:1 limit<=499:2 limit<=1000:5 !limit:5 w=10]
	GET /fapi/v1/klines
	GET /fapi/v1/continuousKlines
	GET /fapi/v1/indexPriceKlines
	GET /fapi/v1/markPriceKlines
	GET /fapi/v1/premiumIndexKlines
	[symbol:1 w=40]
	GET /fapi/v1/ticker/24hr
	GET /fapi/v1/openOrders
	GET /fapi/v1/openAlgoOrders
	[symbol:1 w=10]
	GET /fapi/v1/premiumIndex
	GET /fapi/v1/assetIndex
	GET /fapi/v1/apiTradingStatus
	[symbol:1 w=2]
	GET /fapi/v1/ticker/price
	GET /fapi/v2/ticker/price
	GET /fapi/v1/ticker/bookTicker symbol:2 w=5
	GET /fapi/v1/forceOrders       symbol:20 w=50
	GET /fapi/v1/fundingRate       q=FUTURES_FUNDING:1
	GET /fapi/v1/fundingInfo       q=FUTURES_FUNDING:1
	POST /fapi/v1/convert/getQuote w=50 q=FUTURES_QUOTES_1H:1 q=FUTURES_QUOTES_1D:1
	POST /fapi/v1/order/test       w=1 # no weight is given: assumed
	[q=orders:1]
	POST /fapi/v1/order
	PUT /fapi/v1/order
	POST /fapi/v1/algoOrder
	[w=5 q=FUTURES_ORDERS_10S:5 q=FUTURES_ORDERS_1M:1]
	POST /fapi/v1/batchOrders
	PUT /fapi/v1/batchOrders
	[q=FUTURES_DATA:1]
	GET /futures/data/*
	GET /futures/data/takerBuySellVol w=1 q=FUTURES_DATA:1
	[w=1]
	DELETE /fapi/v1/algoOpenOrders
	DELETE /fapi/v1/algoOrder
	GET /fapi/v1/algoOrder
	DELETE /fapi/v1/allOpenOrders
	DELETE /fapi/v1/batchOrders
	GET /fapi/v1/exchangeInfo
	POST /fapi/v1/feeBurn
	GET /fapi/v1/indexInfo
	GET /fapi/v1/insuranceBalance
	POST /fapi/v1/leverage
	GET /fapi/v1/leverageBracket
	DELETE /fapi/v1/listenKey
	POST /fapi/v1/listenKey
	PUT /fapi/v1/listenKey
	POST /fapi/v1/marginType
	POST /fapi/v1/multiAssetsMargin
	GET /fapi/v1/openInterest
	GET /fapi/v1/openOrder
	DELETE /fapi/v1/order
	GET /fapi/v1/order
	GET /fapi/v1/orderAmendment
	GET /fapi/v1/ping
	POST /fapi/v1/positionMargin
	GET /fapi/v1/positionMargin/history
	POST /fapi/v1/positionSide/dual
	GET /fapi/v1/rateLimit/order
	GET /fapi/v1/symbolAdlRisk
	GET /fapi/v1/time
	[w=2]
	GET /fapi/v1/constituents
	[w=5]
	GET /fapi/v1/accountConfig
	GET /fapi/v1/adlQuantile
	GET /fapi/v1/allAlgoOrders
	GET /fapi/v1/allOrders
	GET /fapi/v1/pmAccountInfo
	GET /fapi/v1/symbolConfig
	GET /fapi/v1/trades
	GET /fapi/v1/tradingSchedule
	GET /fapi/v1/userTrades
	GET /fapi/v2/account
	GET /fapi/v2/balance
	GET /fapi/v2/positionRisk
	GET /fapi/v3/account
	GET /fapi/v3/balance
	GET /fapi/v3/positionRisk
	[w=10]
	POST /fapi/v1/countdownCancelAll
	GET /fapi/v1/income/asyn/id
	GET /fapi/v1/order/asyn/id
	GET /fapi/v1/trade/asyn/id
	[w=20]
	GET /fapi/v1/aggTrades
	GET /fapi/v1/commissionRate
	GET /fapi/v1/convert/exchangeInfo
	GET /fapi/v1/historicalTrades
	[w=30]
	GET /fapi/v1/feeBurn
	GET /fapi/v1/income
	GET /fapi/v1/multiAssetsMargin
	GET /fapi/v1/positionSide/dual
	[w=50]
	GET /fapi/v1/convert/orderStatus
	POST /fapi/v1/stock/contract
	[w=200]
	POST /fapi/v1/convert/acceptQuote
	[w=1000]
	GET /fapi/v1/income/asyn
	GET /fapi/v1/order/asyn
	GET /fapi/v1/trade/asyn`

// binanceCOINM lists what the endpoints of /dapi weigh. Binance moves COIN-M onto
// the engine of USD-M in 2026 and documents some weights for before and after:
// the heavier is taken.
//
// Source: the request descriptions that Binance generates its connectors from
// (github.com/binance/binance-connector-js a9de9a9, 2026-07-24), read 2026-11-23.
const binanceCOINM = `
	GET /dapi/v1/depth             limit<=50:2 limit<=100:5 limit<=500:10 !limit:10 w=20
	[limit<=99:1 limit<=499:2 limit<=1000:5 !limit:5 w=10]
	GET /dapi/v1/klines
	GET /dapi/v1/continuousKlines
	GET /dapi/v1/indexPriceKlines
	GET /dapi/v1/markPriceKlines
	GET /dapi/v1/premiumIndexKlines
	[symbol:1 w=40]
	GET /dapi/v1/ticker/24hr
	GET /dapi/v1/openOrders
	GET /dapi/v1/ticker/price      symbol:1 w=2
	GET /dapi/v1/ticker/bookTicker symbol:2 w=5
	GET /dapi/v2/leverageBracket   symbol:1 w=2
	GET /dapi/v1/forceOrders       symbol:20 w=50
	GET /dapi/v1/fundingInfo       w=1 # no weight is given: assumed
	[pair:40 w=20]
	GET /dapi/v1/allOrders
	GET /dapi/v1/userTrades
	[q=orders:1]
	POST /dapi/v1/order
	[w=1 q=orders:1]
	PUT /dapi/v1/order
	[w=5 q=FUTURES_ORDERS_10S:5 q=FUTURES_ORDERS_1M:5] # that it counts as orders is assumed
	POST /dapi/v1/batchOrders
	PUT /dapi/v1/batchOrders
	[w=1]
	DELETE /dapi/v1/allOpenOrders
	GET /dapi/v1/balance
	DELETE /dapi/v1/batchOrders
	GET /dapi/v1/constituents
	GET /dapi/v1/exchangeInfo
	GET /dapi/v1/fundingRate
	POST /dapi/v1/leverage
	GET /dapi/v1/leverageBracket
	DELETE /dapi/v1/listenKey
	POST /dapi/v1/listenKey
	PUT /dapi/v1/listenKey
	POST /dapi/v1/marginType
	GET /dapi/v1/openInterest
	GET /dapi/v1/openOrder
	DELETE /dapi/v1/order
	GET /dapi/v1/order
	GET /dapi/v1/orderAmendment
	GET /dapi/v1/ping
	POST /dapi/v1/positionMargin
	GET /dapi/v1/positionMargin/history
	GET /dapi/v1/positionRisk
	POST /dapi/v1/positionSide/dual
	GET /dapi/v1/time
	[w=5]
	GET /dapi/v1/account
	GET /dapi/v1/adlQuantile
	GET /dapi/v1/income/asyn/id
	GET /dapi/v1/order/asyn/id
	GET /dapi/v1/trade/asyn/id
	GET /dapi/v1/trades
	[w=10]
	POST /dapi/v1/countdownCancelAll
	GET /dapi/v1/premiumIndex
	[w=20]
	GET /dapi/v1/aggTrades
	GET /dapi/v1/commissionRate
	GET /dapi/v1/historicalTrades
	GET /dapi/v1/income
	[w=30]
	GET /dapi/v1/positionSide/dual
	[w=1000]
	GET /dapi/v1/income/asyn
	GET /dapi/v1/order/asyn
	GET /dapi/v1/trade/asyn`
