package exchangetest

import (
	"cmp"
	"math/big"
)

// binanceOrder is one order in the three forms of rest-api.md: placed (ACK,
// RESULT, FULL), canceled, queried. Pointers are the fields only some forms have.
type binanceOrder struct {
	Symbol     string         `json:"symbol"`
	OrigClient *string        `json:"origClientOrderId,omitempty"`
	OrderID    int64          `json:"orderId"`
	ListID     int            `json:"orderListId"`
	ClientID   string         `json:"clientOrderId"`
	Transact   int64          `json:"transactTime,omitempty"`
	Price      string         `json:"price,omitempty"`
	OrigQty    string         `json:"origQty,omitempty"`
	Executed   string         `json:"executedQty,omitempty"`
	OrigQuote  string         `json:"origQuoteOrderQty,omitempty"`
	Cost       string         `json:"cummulativeQuoteQty,omitempty"` // the venue's spelling
	Status     string         `json:"status,omitempty"`
	TIF        string         `json:"timeInForce,omitempty"`
	Type       string         `json:"type,omitempty"`
	Side       string         `json:"side,omitempty"`
	StopPrice  *string        `json:"stopPrice,omitempty"`
	Iceberg    *string        `json:"icebergQty,omitempty"`
	Time       int64          `json:"time,omitempty"`
	Update     int64          `json:"updateTime,omitempty"`
	Working    *bool          `json:"isWorking,omitempty"`
	WorkTime   int64          `json:"workingTime,omitempty"`
	STP        string         `json:"selfTradePreventionMode,omitempty"`
	Fills      *[]binanceFill `json:"fills,omitempty"`
}

// binanceFill is one trade in the FULL form of a placed order.
type binanceFill struct {
	Price      string `json:"price"`
	Qty        string `json:"qty"`
	Commission string `json:"commission"`
	Asset      string `json:"commissionAsset"`
	TradeID    int64  `json:"tradeId"`
}

// binanceTrade is one trade in myTrades.
type binanceTrade struct {
	Symbol     string `json:"symbol"`
	ID         int64  `json:"id"`
	OrderID    int64  `json:"orderId"`
	ListID     int    `json:"orderListId"`
	Price      string `json:"price"`
	Qty        string `json:"qty"`
	QuoteQty   string `json:"quoteQty"`
	Commission string `json:"commission"`
	Asset      string `json:"commissionAsset"`
	Time       int64  `json:"time"`
	Buyer      bool   `json:"isBuyer"`
	Maker      bool   `json:"isMaker"`
	BestMatch  bool   `json:"isBestMatch"`
}

// Words of the venue, by our own constants.
var (
	binanceStates = [...]string{"NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"}
	binanceKinds  = [...]string{"LIMIT", "MARKET", "LIMIT_MAKER"}
	binanceLives  = [...]string{"GTC", "IOC", "FOK"}
	binanceSides  = [...]string{"BUY", "SELL"}
)

// binanceResult is what all longer forms share.
func binanceResult(o order) binanceOrder {
	quote := o.quoteQty
	if quote == nil {
		quote = new(big.Rat)
	}
	return binanceOrder{
		Symbol: o.market.symbol, OrderID: o.seq, ListID: -1, ClientID: o.clientID,
		Price: text(o.price, 8), OrigQty: text(o.qty, 8), Executed: text(o.filled, 8),
		OrigQuote: text(quote, 8), Cost: text(o.cost, 8), Status: binanceStates[o.state],
		TIF: binanceLives[o.life], Type: binanceKinds[o.kind], Side: binanceSides[o.side], STP: "NONE",
	}
}

// binancePlaced answers POST order in the form that newOrderRespType asks for.
func binancePlaced(o order, form string) binanceOrder {
	if form == "ACK" {
		return binanceOrder{Symbol: o.market.symbol, OrderID: o.seq, ListID: -1, ClientID: o.clientID, Transact: o.created.UnixMilli()}
	}
	p := binanceResult(o)
	p.Transact, p.WorkTime = o.created.UnixMilli(), o.created.UnixMilli()
	if form == "FULL" {
		fills := []binanceFill{}
		for _, f := range o.fills {
			fills = append(fills, binanceFill{text(f.price, 8), text(f.qty, 8), "0.00000000", binanceFeeAsset(o), f.id})
		}
		p.Fills = &fills
	}
	return p
}

// binanceCanceled answers DELETE order. The cancellation has a client id of its
// own, as; the order's moves to origClientOrderId.
func binanceCanceled(o order, as string) binanceOrder {
	p := binanceResult(o)
	p.OrigClient, p.ClientID = &o.clientID, cmp.Or(as, randomText(22))
	p.Transact = o.updated.UnixMilli()
	return p
}

// binanceQueried is the form of GET order, openOrders and allOrders.
func binanceQueried(o order) binanceOrder {
	p := binanceResult(o)
	none, working := "0.00000000", true
	p.StopPrice, p.Iceberg, p.Working = &none, &none, &working
	p.Time, p.Update, p.WorkTime = o.created.UnixMilli(), o.updated.UnixMilli(), o.created.UnixMilli()
	return p
}

// binanceTrades lists an order's trades, oldest first.
func binanceTrades(o order) []binanceTrade {
	list := make([]binanceTrade, 0, len(o.fills))
	for _, f := range o.fills {
		list = append(list, binanceTrade{
			Symbol: o.market.symbol, ID: f.id, OrderID: o.seq, ListID: -1,
			Price: text(f.price, 8), Qty: text(f.qty, 8), QuoteQty: text(mul(f.price, f.qty), 8),
			Commission: "0.00000000", Asset: binanceFeeAsset(o), Time: f.time.UnixMilli(),
			Buyer: o.side == buy, Maker: f.maker, BestMatch: true,
		})
	}
	return list
}

// binanceFeeAsset is what a fee would be taken in: what the order receives.
func binanceFeeAsset(o order) string {
	if o.side == buy {
		return o.market.base
	}
	return o.market.quote
}
