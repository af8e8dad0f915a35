// Package otelexauth shows what exauth does to OpenTelemetry: a client span and a
// duration for every attempt, by the semantic conventions for HTTP clients (version
// 1.43.0), and a few instruments of its own for what HTTP does not know: waiting for
// quotas, what calls cost, what was refused before it was sent.
//
//	otel, err := otelexauth.New(nil) // the global providers
//	client, err := exauth.New(venue.Binance(), key, &exauth.Options{
//		Observer: exauth.Observers(otel.Observe, log.Observe),
//	})
//
// A span is a child of the span in the context of the call, and is named by method
// and route: "POST /api/v3/order". Nothing of a query, a body, a header, a signature
// or a secret is recorded, and of a key its fingerprint only.
//
// Spans of attempts (attributes of the conventions first):
//
//	http.request.method, http.response.status_code, http.request.resend_count
//	server.address, server.port, url.scheme, url.full (without query), url.template
//	error.type        exauth.KindName: "signature", "rate-limited"; absent when the venue said yes
//	exauth.venue, exauth.environment, exauth.account, exauth.key, exauth.scope
//	exauth.outcome    "accepted", "rejected", "partial", "unknown", "not sent"
//	exauth.code       the venue's own error code
//	exauth.wait       seconds in the limiter's queue and for the key's turn, before the span began
//
// Instruments:
//
//	http.client.request.duration  histogram, s    http.request.method, server.address, server.port, url.scheme, url.template,
//	                                              http.response.status_code, error.type, exauth.venue, exauth.environment
//	exauth.client.wait.duration   histogram, s    exauth.venue, exauth.environment, exauth.key
//	exauth.client.cost            counter, {unit} the same, and exauth.quota
//	exauth.client.refused         counter, {call} the same, error.type and exauth.scope: what did not leave this process
//
// A call that was refused on this side adds an event "exauth.refused" to the span it
// was made in.
package otelexauth
