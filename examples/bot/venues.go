package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"

	"github.com/exauth/exauth"
)

// A dialect is how one venue wants the bot's few calls said, and what its answers
// mean. exauth does everything between that and the wire.
type dialect struct {
	symbol, base, quote string

	price    exauth.Call
	balances exauth.Call
	place    func(o order) exauth.Call
	cancel   func(id string) exauth.Call
	query    func(id string) []exauth.Call // asked in turn until one lists the order
	alive    func(seconds int) exauth.Call // arms the dead man's switch, 0 disarms it; nil where the venue has none

	readPrice   func(payload []byte) (*big.Rat, error)
	readBalance func(payload []byte) (map[string]*big.Rat, error)
	readOrder   func(payload []byte) (report, error)
}

// An order is what the bot wants; without a price it is a market order.
type order struct {
	buy        bool
	qty, price *big.Rat
}

// A report is what the venue says of an order.
type report struct {
	open         bool
	filled, cost *big.Rat // of the base and of the quote asset
}

// errNotListed says that a query's answer does not hold the order.
var errNotListed = fmt.Errorf("%w: not listed", exauth.ErrUnknownOrder)

func side(o order, buy, sell string) string {
	if o.buy {
		return buy
	}
	return sell
}

// decimal writes r as venues want it, without an exponent.
func decimal(r *big.Rat) string {
	s := r.FloatString(8)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

func rat(s string) (*big.Rat, error) {
	if s == "" {
		return new(big.Rat), nil
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, errors.New("not a number in the answer")
	}
	return r, nil
}

// states are the words of the three venues for what an order is: open, or not.
var states = map[string]bool{
	"NEW": true, "PARTIALLY_FILLED": true, "FILLED": false, "CANCELED": false, "EXPIRED": false, "REJECTED": false, "EXPIRED_IN_MATCH": false,
	"pending": true, "open": true, "closed": false, "canceled": false, "expired": false,
	"live": true, "partially_filled": true, "filled": false, "mmp_canceled": false,
}

// reportOf makes a report of texts. A state that is none means that the answer is of
// somebody else, a proxy for one: what it says of an order is nothing.
func reportOf(state, filled, cost string) (report, error) {
	open, ok := states[state]
	if !ok {
		return report{}, errors.New("the answer tells no state of an order")
	}
	f, err := rat(filled)
	c, err2 := rat(cost)
	return report{open, f, c}, errors.Join(err, err2)
}

func param(name string, value any) exauth.Param { return exauth.Param{Name: name, Value: value} }

func binance() dialect {
	const path = "/api/v3/order"
	symbol := param("symbol", "BTCUSDT")
	return dialect{
		symbol: "BTCUSDT", base: "BTC", quote: "USDT",
		price:    exauth.Call{Path: "/api/v3/ticker/price", Params: exauth.Params{symbol}},
		balances: exauth.Call{Path: "/api/v3/account"},
		place: func(o order) exauth.Call {
			p := exauth.Params{symbol, param("side", side(o, "BUY", "SELL")), param("type", "MARKET"), param("quantity", decimal(o.qty))}
			if o.price != nil {
				p[2].Value = "LIMIT_MAKER"
				p = append(p, param("price", decimal(o.price)))
			}
			return exauth.Call{Method: http.MethodPost, Path: path, Params: p}
		},
		cancel: func(id string) exauth.Call {
			return exauth.Call{Method: http.MethodDelete, Path: path, Params: exauth.Params{symbol, param("origClientOrderId", id)}}
		},
		query: func(id string) []exauth.Call {
			return []exauth.Call{{Path: path, Params: exauth.Params{symbol, param("origClientOrderId", id)}}}
		},
		readPrice: func(payload []byte) (*big.Rat, error) {
			var t struct{ Price string }
			if err := json.Unmarshal(payload, &t); err != nil {
				return nil, err
			}
			return rat(t.Price)
		},
		readBalance: func(payload []byte) (map[string]*big.Rat, error) {
			var a struct {
				Balances []struct{ Asset, Free, Locked string }
			}
			if err := json.Unmarshal(payload, &a); err != nil {
				return nil, err
			}
			sums := map[string]*big.Rat{}
			for _, b := range a.Balances {
				free, err := rat(b.Free)
				locked, err2 := rat(b.Locked)
				if err != nil || err2 != nil {
					return nil, errors.Join(err, err2)
				}
				sums[b.Asset] = free.Add(free, locked)
			}
			return sums, nil
		},
		readOrder: func(payload []byte) (report, error) {
			var o struct{ Status, ExecutedQty, CummulativeQuoteQty string } // the venue's spelling
			if err := json.Unmarshal(payload, &o); err != nil {
				return report{}, err
			}
			return reportOf(o.Status, o.ExecutedQty, o.CummulativeQuoteQty)
		},
	}
}

func kraken() dialect {
	post := func(path string, p ...exauth.Param) exauth.Call {
		return exauth.Call{Method: http.MethodPost, Path: "/0/private/" + path, Params: exauth.Params(p)}
	}
	return dialect{
		symbol: "XBTUSD", base: "XXBT", quote: "ZUSD",
		price:    exauth.Call{Path: "/0/public/Ticker", Params: exauth.Params{param("pair", "XBTUSD")}},
		balances: post("Balance"),
		place: func(o order) exauth.Call {
			c := post("AddOrder", param("pair", "XBTUSD"), param("type", side(o, "buy", "sell")), param("ordertype", "market"), param("volume", decimal(o.qty)))
			if o.price != nil {
				p := c.Params.(exauth.Params)
				p[2].Value = "limit"
				c.Params = append(p, param("price", decimal(o.price)), param("oflags", "post"))
			}
			return c
		},
		cancel: func(id string) exauth.Call { return post("CancelOrder", param("cl_ord_id", id)) },
		query: func(id string) []exauth.Call {
			return []exauth.Call{post("OpenOrders", param("cl_ord_id", id)), post("ClosedOrders", param("cl_ord_id", id))}
		},
		alive: func(seconds int) exauth.Call { return post("CancelAllOrdersAfter", param("timeout", seconds)) },
		readPrice: func(payload []byte) (*big.Rat, error) {
			var t map[string]struct{ C []string }
			if err := json.Unmarshal(payload, &t); err != nil {
				return nil, err
			}
			for _, pair := range t {
				if len(pair.C) > 0 {
					return rat(pair.C[0])
				}
			}
			return nil, errors.New("no price in the answer")
		},
		readBalance: func(payload []byte) (map[string]*big.Rat, error) {
			var texts map[string]string
			if err := json.Unmarshal(payload, &texts); err != nil {
				return nil, err
			}
			return rats(texts)
		},
		readOrder: func(payload []byte) (report, error) {
			type entry struct{ Status, Vol_exec, Cost string }
			var list struct{ Open, Closed map[string]entry }
			if err := json.Unmarshal(payload, &list); err != nil {
				return report{}, err
			}
			for _, m := range []map[string]entry{list.Open, list.Closed} {
				for _, o := range m {
					return reportOf(o.Status, o.Vol_exec, o.Cost)
				}
			}
			return report{}, errNotListed
		},
	}
}

func okx() dialect {
	inst := param("instId", "BTC-USDT")
	return dialect{
		symbol: "BTC-USDT", base: "BTC", quote: "USDT",
		price:    exauth.Call{Path: "/api/v5/market/ticker", Params: exauth.Params{inst}},
		balances: exauth.Call{Path: "/api/v5/account/balance"},
		place: func(o order) exauth.Call {
			p := exauth.Params{inst, param("tdMode", "cash"), param("side", side(o, "buy", "sell")), param("ordType", "market"), param("sz", decimal(o.qty))}
			if o.price != nil {
				p[3].Value = "post_only"
				p = append(p, param("px", decimal(o.price)))
			} else {
				p = append(p, param("tgtCcy", "base_ccy"))
			}
			return exauth.Call{Method: http.MethodPost, Path: "/api/v5/trade/order", Params: p}
		},
		cancel: func(id string) exauth.Call {
			return exauth.Call{Method: http.MethodPost, Path: "/api/v5/trade/cancel-order", Params: exauth.Params{inst, param("clOrdId", id)}}
		},
		query: func(id string) []exauth.Call {
			return []exauth.Call{{Path: "/api/v5/trade/order", Params: exauth.Params{inst, param("clOrdId", id)}}}
		},
		alive: func(seconds int) exauth.Call {
			return exauth.Call{Method: http.MethodPost, Path: "/api/v5/trade/cancel-all-after", Params: exauth.Params{param("timeOut", fmt.Sprint(seconds))}}
		},
		readPrice: func(payload []byte) (*big.Rat, error) {
			var list []struct{ Last string }
			if err := json.Unmarshal(payload, &list); err != nil || len(list) == 0 {
				return nil, errors.Join(err, errors.New("no price in the answer"))
			}
			return rat(list[0].Last)
		},
		readBalance: func(payload []byte) (map[string]*big.Rat, error) {
			var list []struct {
				Details []struct{ Ccy, CashBal string }
			}
			if err := json.Unmarshal(payload, &list); err != nil {
				return nil, err
			}
			texts := map[string]string{}
			for _, a := range list {
				for _, d := range a.Details {
					texts[d.Ccy] = d.CashBal
				}
			}
			return rats(texts)
		},
		readOrder: func(payload []byte) (report, error) {
			var list []struct{ State, AccFillSz, AvgPx string }
			if err := json.Unmarshal(payload, &list); err != nil {
				return report{}, err
			}
			if len(list) == 0 {
				return report{}, errNotListed
			}
			o := list[0]
			r, err := reportOf(o.State, o.AccFillSz, o.AvgPx)
			if err == nil {
				r.cost.Mul(r.cost, r.filled) // the average price, so far
			}
			return r, err
		},
	}
}

func rats(texts map[string]string) (map[string]*big.Rat, error) {
	sums := map[string]*big.Rat{}
	for asset, text := range texts {
		r, err := rat(text)
		if err != nil {
			return nil, err
		}
		sums[asset] = r
	}
	return sums, nil
}

var dialects = map[string]func() dialect{"binance": binance, "kraken": kraken, "okx": okx}
