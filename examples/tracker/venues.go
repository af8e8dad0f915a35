package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/exauth/exauth"
)

// A holding is what is held of assets, by their common names: BTC, not XXBT.
type holding map[string]*big.Rat

// put adds an amount, written as a decimal.
func (h holding) put(asset string, amounts ...string) error {
	asset = common(asset)
	if h[asset] == nil {
		h[asset] = new(big.Rat)
	}
	for _, text := range amounts {
		r, ok := new(big.Rat).SetString(text)
		if !ok {
			return fmt.Errorf("an amount of %s is no number", asset)
		}
		h[asset].Add(h[asset], r)
	}
	return nil
}

// common undoes Kraken's names of old assets.
func common(asset string) string {
	asset, _, _ = strings.Cut(asset, ".") // ETH.F is ETH that earns
	switch asset {
	case "XXBT", "XBT":
		return "BTC"
	case "XXDG", "XDG":
		return "DOGE"
	}
	if len(asset) == 4 && (asset[0] == 'X' || asset[0] == 'Z') {
		return asset[1:]
	}
	return asset
}

// readers are how each venue tells balances.
var readers = map[string]func(context.Context, *exauth.Client) (holding, error){
	"binance":  binance,
	"kraken":   kraken,
	"okx":      okx,
	"coinbase": coinbase,
	"gemini":   gemini,
}

func binance(ctx context.Context, c *exauth.Client) (holding, error) {
	type account struct {
		Balances []struct{ Asset, Free, Locked string }
	}
	a, err := exauth.Get[account](ctx, c, "/api/v3/account", exauth.Params{{Name: "omitZeroBalances", Value: true}})
	h := holding{}
	for _, b := range a.Balances {
		err = errors.Join(err, h.put(b.Asset, b.Free, b.Locked))
	}
	return h, err
}

// kraken asks by POST, and its route is known to read all the same.
func kraken(ctx context.Context, c *exauth.Client) (holding, error) {
	list, err := exauth.Post[map[string]string](ctx, c, "/0/private/Balance", nil)
	h := holding{}
	for asset, amount := range list {
		err = errors.Join(err, h.put(asset, amount))
	}
	return h, err
}

func okx(ctx context.Context, c *exauth.Client) (holding, error) {
	type account struct {
		Details []struct{ Ccy, CashBal string }
	}
	list, err := exauth.Get[[]account](ctx, c, "/api/v5/account/balance", nil)
	h := holding{}
	for _, a := range list {
		for _, d := range a.Details {
			err = errors.Join(err, h.put(d.Ccy, d.CashBal))
		}
	}
	return h, err
}

// coinbase answers in pages.
func coinbase(ctx context.Context, c *exauth.Client) (holding, error) {
	type amount struct{ Value string }
	type page struct {
		Accounts []struct {
			Currency                string
			Available_balance, Hold amount
		}
		Has_next bool
		Cursor   string
	}
	h, p := holding{}, exauth.Params{{Name: "limit", Value: 250}}
	for range 100 {
		list, err := exauth.Get[page](ctx, c, "/api/v3/brokerage/accounts", p)
		for _, a := range list.Accounts {
			err = errors.Join(err, h.put(a.Currency, a.Available_balance.Value, a.Hold.Value))
		}
		if err != nil || !list.Has_next {
			return h, err
		}
		p = exauth.Params{p[0], {Name: "cursor", Value: list.Cursor}}
	}
	return h, errors.New("more than 100 pages of accounts")
}

func gemini(ctx context.Context, c *exauth.Client) (holding, error) {
	list, err := exauth.Post[[]struct{ Currency, Amount string }](ctx, c, "/v1/balances", nil)
	h := holding{}
	for _, b := range list {
		err = errors.Join(err, h.put(b.Currency, b.Amount))
	}
	return h, err
}

// A price is what one unit is worth, in US dollars.
type prices map[string]*big.Rat

// coinIDs are CoinPaprika's names.
var coinIDs = map[string]string{"BTC": "btc-bitcoin", "ETH": "eth-ethereum", "USDT": "usdt-tether", "USDC": "usdc-usd-coin", "SOL": "sol-solana", "XRP": "xrp-xrp"}

// paprika asks CoinPaprika, which wants no key.
func paprika(ctx context.Context, c *exauth.Client, assets []string) (prices, error) {
	type ticker struct {
		Quotes map[string]struct{ Price json.Number }
	}
	found := prices{}
	for _, asset := range assets {
		id := coinIDs[asset]
		if id == "" {
			continue
		}
		t, err := exauth.Do[ticker](ctx, c, exauth.Call{Path: "/v1/tickers/{id}", Params: exauth.Params{{Name: "id", Value: id}}, Auth: exauth.AuthNone})
		if err != nil {
			return found, err
		}
		if r, ok := new(big.Rat).SetString(t.Quotes["USD"].Price.String()); ok {
			found[asset] = r
		}
	}
	return found, nil
}

// marketcap asks CoinMarketCap for all of them at once.
func marketcap(ctx context.Context, c *exauth.Client, assets []string) (prices, error) {
	type coin struct {
		Quote map[string]struct{ Price json.Number }
	}
	list, err := exauth.Get[map[string][]coin](ctx, c, "/v2/cryptocurrency/quotes/latest", exauth.Params{{Name: "symbol", Value: strings.Join(assets, ",")}})
	found := prices{}
	for asset, coins := range list {
		if len(coins) == 0 {
			continue
		}
		if r, ok := new(big.Rat).SetString(coins[0].Quote["USD"].Price.String()); ok { // the first is the largest of that name
			found[asset] = r
		}
	}
	return found, err
}

var pricers = map[string]func(context.Context, *exauth.Client, []string) (prices, error){"coinpaprika": paprika, "coinmarketcap": marketcap}
