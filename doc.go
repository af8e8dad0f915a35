// Package exauth signs, keys and paces REST calls to crypto exchanges. It is the
// layer under an exchange SDK, not an SDK: the caller names a path and its
// parameters, exauth does everything between that and the wire.
//
// A [Client] is made of a [Venue], the dialect of one exchange, and a [KeySource]:
//
//	c, err := exauth.New(venue.Binance(), exauth.EnvKey("BINANCE"), nil)
//	acc, err := exauth.Get[account](ctx, c, "/api/v3/account", nil)
//
// # One call, one way
//
// Params are encoded once into a [Request], which is the call as bytes. An attempt
// then goes host, route, scope, key, pace, sign, send, observe, and ends in a
// [Response] or an [*Error]. A retry is a new attempt: it waits for the limiter
// again and is signed afresh. What the venue's [Scheme] leaves in the Request is
// sent byte for byte.
//
// # What became of a call
//
// Every failed call returns an *Error with an [Outcome]. Switch on sentinels:
//
//	switch {
//	case errors.Is(err, exauth.ErrOutcomeUnknown): // ask by client order id, never send again
//	case errors.Is(err, exauth.ErrRateLimited):    // wait (*Error).RetryAfter
//	case errors.Is(err, exauth.ErrScope):          // this client or key may not do that
//	}
//
// An order gets a client order id before its first byte leaves, and a deadline where
// the venue takes one, so that an unknown outcome can be settled:
//
//	var e *exauth.Error
//	if errors.As(err, &e) && e.Outcome == exauth.OutcomeUnknown {
//		res, err := c.Resolve(ctx, e) // waits until the venue cannot accept it any more, and asks
//	}
//
// Accepted and rejected are then facts; unknown stays unknown, and the order must
// not be sent again. A cancel by id may be repeated: ErrUnknownOrder on the second
// answer means that the order is no longer open.
//
// A batch or a cancel-replace has a fate per operation: [Error.Items] lists them, each
// with its own client order id, and Resolve settles each. It is never sent again.
//
// A process can be killed between signing and the answer. With Options.Journal
// ([OpenJournal]) the intent of every write is on the disk before it is sent, and the
// next process resolves what Pending returns; with Options.Nonce from [NonceFile] it
// uses no nonce again, also when the clock was set back.
//
// # Keys
//
// A [Key] never shows: fmt, slog and every encoder print a fingerprint. What a call
// may do is Options.Scope ∩ the key's scope ∩ what the route needs; the zero
// Options.Scope is Read and Trade, so transfers, withdrawals and account changes
// are always asked for. Keys are signed with for the venue's own hosts only, over
// TLS, and no redirect is followed.
//
// A [KeyRing] holds several, picks the narrowest for each call, and lets them be
// exchanged under load: [Client.Rotate] proves a new key at the venue before it
// switches, [KeyRing.Revoke] takes one away at once. [Client.CheckKey] asks the venue
// what a key may do, Options.KeyWarning hears of its age, and [Causes] lists what is
// probably behind a refusal.
//
// # Without network
//
// [Client.Sign] makes a signed *http.Request and sends nothing. [Client.Transport]
// puts exauth under any HTTP client, and [Client.Resigner] under another SDK.
// Package exchangetest has an exchange to test against.
package exauth
