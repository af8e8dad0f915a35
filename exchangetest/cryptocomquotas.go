package exchangetest

import (
	"strings"

	"github.com/exauth/exauth"
)

// The quotas of Crypto.com ("Rate Limits" of the REST pages, as of 2026-08): every
// method has its own count, of a key for private methods and of an address for public
// ones. No header tells the counts, and there is no Retry-After.
var cryptocomCounts = map[string]string{
	"private/create-order":      "ORDERS_15",
	"private/cancel-order":      "ORDERS_15",
	"private/cancel-all-orders": "ORDERS_15",
	"private/get-order-detail":  "DETAIL_30",
	"private/get-trades":        "HISTORY_1",
	"private/get-order-history": "HISTORY_1",
}

// costs is what a call takes.
func (x *cryptocom) costs(c *call, _ Key) []exauth.Cost {
	method := cryptocomMethod(c.path)
	quota := cryptocomCounts[method]
	switch {
	case quota != "":
	case strings.HasPrefix(method, "private/"):
		quota = "OTHER_3"
	default:
		quota = "PUBLIC_100"
	}
	return []exauth.Cost{{Quota: quota, Item: method, N: 1}}
}

// banAfter: Crypto.com documents no ban for too many calls.
func (x *cryptocom) banAfter() int { return 0 }

// refuse answers a call that never reached the venue's business.
func (x *cryptocom) refuse(*excess) answer { return (&cryptocomCall{}).answer(nil, "42901") }
