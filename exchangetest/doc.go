// Package exchangetest plays a crypto exchange well enough to be traded with, for
// tests of programs that use exauth, or of any other client.
//
// A [Server] has keys, accounts, balances and an order book in memory. It checks
// what it gets as strictly as the exchange does (signature, timestamp or nonce,
// the key's permissions, parameters) and answers in the exchange's own format,
// error codes and HTTP statuses. Its checks are written from the vendors'
// documentation with the standard library's primitives; they share no code with
// the signing side of exauth, so that a mistake there shows here.
//
// It plays Binance spot, Kraken spot and OKX:
//
//	srv := exchangetest.NewServer(t, venue.Binance(), nil)
//	key := srv.Key(exauth.ScopeTradeSpot).Credential()
//	c, err := exauth.New(srv.Venue(), key, nil)
//
// Inside a testing/synctest bubble no socket is opened; hand RoundTripper to the
// client there:
//
//	c, err := exauth.New(srv.Venue(), key, &exauth.Options{HTTPClient: srv.Client()})
//
// What it leaves out: fees, margin, futures, candles, WebSockets. Prices stand
// still until SetPrice moves them.
package exchangetest
