package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// A demo is five test exchanges, of which one has just gone down, a keys file for
// them, and stand-ins for the two data venues.
type demo struct {
	keys  string
	close func()
}

// openDemo lets places point at the demo.
func openDemo(places map[string]place) (*demo, error) {
	dir, err := os.MkdirTemp("", "tracker")
	if err != nil {
		return nil, err
	}
	closers := []func(){func() { os.RemoveAll(dir) }}
	d := &demo{keys: filepath.Join(dir, "keys.json"), close: func() {
		for _, f := range closers {
			f()
		}
	}}
	type entry struct {
		Venue      string `json:"venue"`
		ID         string `json:"id"`
		Secret     string `json:"secret"`
		Passphrase string `json:"passphrase,omitempty"`
		Scope      string `json:"scope"`
	}
	var entries []entry
	for i, name := range []string{"binance", "kraken", "okx", "coinbase", "gemini"} {
		srv, err := exchangetest.Start(places[name].venue, sums(i))
		if err != nil {
			d.close()
			return nil, err
		}
		closers = append(closers, srv.Close)
		k := srv.Key(exauth.ScopeRead)
		e := entry{Venue: name, ID: k.ID, Secret: k.Secret, Passphrase: k.Passphrase, Scope: "read"}
		if k.PEM != "" {
			e.Secret = k.PEM
		}
		entries = append(entries, e)
		places[name] = place{venue: srv.Venue()}
		if name == "gemini" {
			srv.Close()
		}
	}
	entries = append(entries, entry{Venue: "coinmarketcap", ID: "00000000-fake-fake-fake-000000000000", Scope: "read"})
	data := httptest.NewServer(http.HandlerFunc(serveData))
	closers = append(closers, data.Close)
	for name := range pricers {
		places[name] = place{venue: places[name].venue.At(data.URL)}
	}
	text, err := json.Marshal(map[string]any{"version": 1, "keys": entries})
	if err == nil {
		err = os.WriteFile(d.keys, text, 0o600)
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// sums are what the demo owns on its nth exchange.
func sums(n int) *exchangetest.Options {
	return &exchangetest.Options{Balances: map[string]map[string]string{"main": {
		"BTC": fmt.Sprintf("0.%d5", n+1), "ETH": fmt.Sprint(n), "USDT": fmt.Sprintf("%d00.50", n+1), "USD": fmt.Sprintf("%d00", n),
	}}}
}

// serveData answers in the form of CoinPaprika's and CoinMarketCap's documentation.
func serveData(w http.ResponseWriter, r *http.Request) {
	usd := map[string]float64{"BTC": 60000, "ETH": 2500, "USDT": 1}
	quote := func(p float64) any { return map[string]any{"USD": map[string]any{"price": p}} }
	var answer any
	if r.URL.Path == "/v2/cryptocurrency/quotes/latest" {
		coins := map[string]any{}
		for asset, p := range usd {
			coins[asset] = []any{map[string]any{"symbol": asset, "quote": quote(p * 1.0004)}}
		}
		answer = map[string]any{"status": map[string]any{"error_code": 0, "error_message": nil, "credit_count": 1}, "data": coins}
	}
	for asset, id := range coinIDs {
		if p, ok := usd[asset]; ok && r.URL.Path == "/v1/tickers/"+id {
			answer = map[string]any{"id": id, "symbol": asset, "quotes": quote(p)}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if answer == nil {
		w.WriteHeader(http.StatusNotFound)
		answer = map[string]string{"error": "id not found"}
	}
	json.NewEncoder(w).Encode(answer)
}
