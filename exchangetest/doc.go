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
// It plays Binance spot, Coinbase Advanced Trade, the Crypto.com Exchange, Gemini,
// Kraken spot and OKX:
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
// With Options.Quotas it counts calls as the exchange does, by its own clock, and
// refuses in its manner: Binance with 429 and Retry-After, and with bans for clients
// that go on; Kraken inside a 200; the others with 429 and a code of theirs.
//
//	srv := exchangetest.NewServer(t, venue.Binance(), &exchangetest.Options{VenueQuotas: true})
//
// What a call costs is the exchange's own table, unless Options.Costs says otherwise.
// It knows Binance's quotas by rateLimitType with anything behind it (REQUEST_WEIGHT,
// RAW_REQUESTS, ORDERS_10S, ORDERS_1D) and SAPI_IP and SAPI_UID; Kraken's as API,
// TRADING, PUBLIC and CONCURRENT; OKX's as PLACE, CANCEL, PLACE_BATCH, CANCEL_BATCH,
// ORDERS, and names like USER_10_2S and IP_20_2S for its endpoints; Coinbase's as
// PUBLIC, PRIVATE and APP; Crypto.com's as ORDERS_15, DETAIL_30, HISTORY_1, OTHER_3 and
// PUBLIC_100, by method; Gemini's as PUBLIC and PRIVATE. These are the names in package
// venue. Quotas of other names are used by nobody. Assumed, since no
// venue publishes it: refused calls do not count, and ten strikes make a ban.
//
// Client order ids are kept as the venues do: unique among open orders on Binance,
// Kraken, OKX and Crypto.com; once and for all on Coinbase, where the second order
// answers with the first; and not at all on Gemini. Server.Executions counts what was
// really accepted.
//
// With Options.Faults things go wrong, by chance from a seed or by script: connections
// refused, reset and cut, answers lost before and after the order was executed, late
// execution, half batches, firewalls' pages, broken and hostile answers, clocks that
// jump, lookups that lag. FaultMix has all of them:
//
//	srv := exchangetest.NewServer(t, venue.Binance(), &exchangetest.Options{Faults: exchangetest.FaultMix(0.1), Seed: 1})
//
// Afterwards Executions, ExecutionsOf and Twice tell what was really executed, and
// Replays whether a signed request came twice.
//
// Where no exchange is played, a test runs on a file of recorded answers, a
// [Fixture]: [NewFixture] replays it, and records it with EXAUTH_RECORD=1.
//
// What it leaves out: fees, margin, futures, candles, WebSockets. Prices stand
// still until SetPrice moves them.
package exchangetest
