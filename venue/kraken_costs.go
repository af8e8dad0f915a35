package venue

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// krakenPlans are Kraken's verification tiers.
//
//	API          vendor: docs.kraken.com/exchange/guides/rest/ratelimits; a counter of each key, which falls in
//	             steps "every couple of seconds": as long as one point takes
//	TRADING      vendor: docs.kraken.com/exchange/guides/general/ratelimits for what counts; its thresholds
//	             (60, 125, 180) and decay (1, 2.34, 3.75 a second) by support article 360045239571
//	PUBLIC…      assumed: "one a second or less stays within the limits"; by address, Trades and OHLC by pair too
//
// All read 2026-11-23.
func krakenPlans() map[string][]exauth.Quota {
	tier := func(limit int, decay float64, step time.Duration, engine int, engineDecay float64) []exauth.Quota {
		return []exauth.Quota{
			{Name: "API", Kind: exauth.DecayCounter, Limit: limit, Refill: decay, Step: step, Per: exauth.PerKey},
			{Name: "TRADING", Kind: exauth.DecayCounter, Limit: engine, Refill: engineDecay, Step: time.Second, Per: exauth.PerSymbol},
			sliding("PUBLIC", 1, time.Second, exauth.PerIP),
			sliding("PUBLIC_PAIR", 1, time.Second, exauth.PerEndpoint),
		}
	}
	return map[string][]exauth.Quota{
		"starter":      tier(15, 0.33, 3*time.Second, 60, 1),
		"intermediate": tier(20, 0.5, 2*time.Second, 125, 2.34),
		"pro":          tier(20, 1, time.Second, 180, 3.75),
	}
}

// krakenCosts: orders and cancels are not counted with the other calls but by the
// matching engine, by pair. What is counted of that here:
//
//   - a new order 1, also one that fails, and each order of a batch (the engine
//     takes half as much for those after the first);
//   - an amendment or edit as one within five seconds of the order, the dearest;
//   - a cancel nothing. It costs up to 8, by how long its order rested, in a counter
//     that the call does not name. To hold back a cancel on a guess is worse than
//     what the engine does; its refusal then closes TRADING.
const krakenCosts = `
	GET /0/public/Trades q=PUBLIC_PAIR:1@pair
	GET /0/public/OHLC   q=PUBLIC_PAIR:1@pair
	GET /0/public/*      q=PUBLIC:1
	POST /0/private/AddOrder      q=TRADING:1@pair
	POST /0/private/CancelOrder   free
	POST /0/private/AddOrderBatch qeach=TRADING:orders@pair q=API:1
	POST /0/private/EditOrder     q=TRADING:7@pair q=API:1
	POST /0/private/AmendOrder    q=TRADING:4@pair q=API:1
	[q=API:2]
	POST /0/private/Ledgers
	POST /0/private/QueryLedgers
	POST /0/private/TradesHistory
	POST /0/private/QueryTrades
	POST /0/private/ClosedOrders # history too: assumed
	[q=API:1]
	POST /0/private/Balance
	POST /0/private/BalanceEx
	POST /0/private/CreditLines
	POST /0/private/TradeBalance
	POST /0/private/OpenOrders
	POST /0/private/QueryOrders
	POST /0/private/OrderAmends
	POST /0/private/OpenPositions
	POST /0/private/TradeVolume
	POST /0/private/AddExport
	POST /0/private/ExportStatus
	POST /0/private/RetrieveExport
	POST /0/private/RemoveExport
	POST /0/private/GetApiKeyInfo
	POST /0/private/GetWebSocketsToken
	POST /0/private/DepositMethods
	POST /0/private/DepositAddresses
	POST /0/private/DepositStatus
	POST /0/private/WithdrawMethods
	POST /0/private/WithdrawAddresses
	POST /0/private/WithdrawInfo
	POST /0/private/Withdraw
	POST /0/private/WithdrawStatus
	POST /0/private/WithdrawCancel
	POST /0/private/WalletTransfer
	POST /0/private/AccountTransfer
	POST /0/private/CreateSubaccount
	POST /0/private/CancelOrderBatch
	POST /0/private/CancelAll
	POST /0/private/CancelAllOrdersAfter
	POST /0/private/Earn/Strategies
	POST /0/private/Earn/Allocations
	POST /0/private/Earn/Allocate
	POST /0/private/Earn/Deallocate
	POST /0/private/Earn/AllocateStatus
	POST /0/private/Earn/DeallocateStatus`

func krakenTariff() tariff { return tariff{quotas: krakenPlans()["starter"]} }

func krakenPrices(routes []exauth.Route) []exauth.Route {
	return krakenTariff().price(routes, krakenCosts)
}

// krakenDefault: "all other API calls increase this counter by 1"; 2, in case they
// are a history.
func krakenDefault() func(*exauth.Request) []exauth.Cost { return krakenTariff().at("q=API:2") }

// krakenSettle names the counter that refused, by the prefix of the error.
func krakenSettle(resp *exauth.Response, o *exauth.Observation) {
	var e struct{ Error []string }
	if json.Unmarshal(resp.Body, &e) != nil {
		return
	}
	for _, msg := range e.Error {
		switch {
		case strings.HasPrefix(msg, "EAPI:Rate limit"):
			o.Refused = "API"
		case strings.HasPrefix(msg, "EOrder:Rate limit"):
			o.Refused = "TRADING"
		case strings.HasPrefix(msg, "EGeneral:Too many requests"):
			o.Refused = "PUBLIC"
		}
	}
}
