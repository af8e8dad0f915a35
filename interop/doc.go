// Package interop holds other people's suites and clients against exauth: Wycheproof,
// openssl, SoftHSM2, go-binance, ccxt, golang-jwt, and the benchmarks beside peers.
// It is a module of its own, so that none of them is a dependency of exauth.
package interop
