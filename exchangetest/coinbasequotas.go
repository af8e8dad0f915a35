package exchangetest

import (
	"net/http"
	"strings"

	"github.com/exauth/exauth"
)

// The quotas of Coinbase: PUBLIC by address, PRIVATE by user, and APP by key for the
// App API, ten thousand calls an hour (docs.cdp.coinbase.com, Coinbase App "Rate
// Limits", read 2026-11). The first two are not on the vendor's pages any more. No
// header tells the counts.

// costs is what a call takes.
func (x *coinbase) costs(c *call, _ Key) []exauth.Cost {
	route, _, known := findRoute(x.routes, c.method, c.path)
	switch {
	case known && route.scope == 0:
		return []exauth.Cost{{Quota: "PUBLIC", N: 1}}
	case strings.HasPrefix(c.path, "/v2/"):
		return []exauth.Cost{{Quota: "APP", N: 1}, {Quota: "PRIVATE", N: 1}}
	}
	return []exauth.Cost{{Quota: "PRIVATE", N: 1}}
}

// banAfter: Coinbase documents no ban for too many calls.
func (x *coinbase) banAfter() int { return 0 }

// refuse answers a call that never reached the venue's business.
func (x *coinbase) refuse(e *excess) answer {
	return *coinbaseRefuse(&call{}, http.StatusTooManyRequests, "rate_limit_exceeded", "Too many requests")
}

// limited is refuse in the words of the API that was asked.
func (x *coinbase) limited(c *call) answer {
	return *coinbaseRefuse(c, http.StatusTooManyRequests, "rate_limit_exceeded", "Too many requests")
}
