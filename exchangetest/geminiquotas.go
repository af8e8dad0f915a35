package exchangetest

import (
	"net/http"

	"github.com/exauth/exauth"
)

// The quotas of Gemini (developer.gemini.com/rate-limit, read 2026-11): PUBLIC by
// address and PRIVATE by group of endpoints, taken for the account. No header tells
// the counts.

// costs is what a call takes.
func (x *gemini) costs(c *call, _ Key) []exauth.Cost {
	if route, _, known := findRoute(x.routes, c.method, c.path); known && route.scope == 0 {
		return []exauth.Cost{{Quota: "PUBLIC", N: 1}}
	}
	return []exauth.Cost{{Quota: "PRIVATE", N: 1}}
}

// banAfter: Gemini documents no ban for too many calls.
func (x *gemini) banAfter() int { return 0 }

// refuse answers a call beyond the queue of five.
func (x *gemini) refuse(*excess) answer {
	return geminiRefusal(geminiErr(http.StatusTooManyRequests, "RateLimit", "Requests were made too frequently"))
}
