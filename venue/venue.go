// Package venue holds the exchanges exauth knows, one file each: where calls go,
// how parameters are written, what is signed, what each route needs, and what the
// venue's error codes mean. Every function returns a fresh value that may be
// changed before it is given to exauth.New.
//
// A venue is checked against signed requests that an independent implementation
// made (testdata/<venue>.json) and against the worked examples of its vendor.
package venue

import (
	"slices"

	"github.com/exauth/exauth"
)

// ByName returns a venue by ccxt's id, "binance" or "okx"; "binance:testnet" names
// another environment of it.
func ByName(name string) (*exauth.Venue, bool) {
	for _, e := range list() {
		if e.name == name {
			return e.make(), true
		}
	}
	return nil, false
}

// Names lists what ByName takes, sorted.
func Names() []string {
	var names []string
	for _, e := range list() {
		names = append(names, e.name)
	}
	slices.Sort(names)
	return names
}

type entry struct {
	name string
	make func() *exauth.Venue
}

// list is the table of venues; the only place besides a venue's own file that
// knows it.
func list() []entry {
	return []entry{
		{"backpack", Backpack},
		{"binance", Binance},
		{"binance:testnet", BinanceTestnet},
		{"binance:demo", BinanceDemo},
		{"btcturk", BtcTurk},
		{"coinbase", Coinbase},
		{"coinbase:sandbox", CoinbaseSandbox},
		{"coinex", CoinEx},
		{"deribit", Deribit},
		{"deribit:testnet", DeribitTestnet},
		{"indodax", Indodax},
		{"gate", Gate},
		{"gate:testnet", GateTestnet},
		{"gateeu", GateEU},
		{"htx", HTX},
		{"kraken", Kraken},
		{"bybit", Bybit},
		{"bybit:testnet", BybitTestnet},
		{"bybit:demo", BybitDemo},
		{"coinmarketcap", CoinMarketCap},
		{"coinmarketcap:sandbox", CoinMarketCapSandbox},
		{"coinpaprika", CoinPaprika},
		{"coinpaprika:pro", CoinPaprikaPro},
		{"cryptocom", CryptoCom},
		{"cryptocom:sandbox", CryptoComSandbox},
		{"lbank", LBank},
		{"gemini", Gemini},
		{"gemini:sandbox", GeminiSandbox},
		{"okx", OKX},
		{"okx:demo", OKXDemo},
		{"kucoin", KuCoin},
		{"kucoinfutures", KuCoinFutures},
		{"upbit", Upbit},
	}
}

// in returns v for another environment, with other origins.
func in(v *exauth.Venue, environment, base string, hosts ...exauth.Host) *exauth.Venue {
	v.Environment, v.BaseURL, v.Hosts = environment, base, hosts
	return v
}
