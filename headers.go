package exauth

import (
	"net/http"
	"slices"
	"strings"
)

// checkHeader refuses headers that belong to the scheme, the environment or HTTP,
// and what would not go over the wire as it stands.
func (c *core) checkHeader(h http.Header) error {
	for name, values := range h {
		key := http.CanonicalHeaderKey(name)
		if !isToken(name) {
			return paramError("", "a header name holds a character that HTTP does not allow")
		}
		if key != name && spelledTwice(h, name) {
			return paramError(name, "is a header in two spellings")
		}
		if strings.Contains(key, "_") { // which some servers read as -
			key = http.CanonicalHeaderKey(strings.ReplaceAll(key, "_", "-"))
		}
		if c.ownsHeader(key) {
			return paramError(name, "is a header exauth sets itself")
		}
		if changesCall(key) {
			return paramError(name, "is a header that changes the call")
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return paramError(name, "is a header that holds a control character")
			}
		}
	}
	return nil
}

// changesCall lists headers that would make a call another one: its host, path,
// method, framing, environment or identity.
func changesCall(key string) bool {
	switch key {
	case "Host", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "X-Original-Host",
		"X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override", "X-Http-Method", "X-Method-Override",
		"Connection", "Transfer-Encoding", "Content-Length", "Upgrade", "Expect", "Te", "Trailer", "Keep-Alive",
		"Proxy-Connection", "Proxy-Authorization", "Authorization",
		"Idempotency-Key", "X-Idempotency-Key", // net/http re-sends calls that have one
		"X-Simulated-Trading", "Paptrading": // OKX's and Bitget's demo switches
		return true
	}
	return false
}

// isToken is RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func spelledTwice(h http.Header, name string) bool {
	for other := range h {
		if other != name && strings.EqualFold(other, name) {
			return true
		}
	}
	return false
}

func (c *core) ownsHeader(name string) bool {
	for _, own := range c.venue.AuthHeaders {
		if strings.EqualFold(name, strings.ReplaceAll(own, "_", "-")) { // as checkHeader reads it
			return true
		}
	}
	return slices.ContainsFunc(c.venue.Header, func(h [2]string) bool { return strings.EqualFold(h[0], name) })
}
