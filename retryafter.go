package exauth

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is the longest wait that is believed; the longest ban any venue
// documents is three days.
const maxRetryAfter = 72 * time.Hour

// retryAfter reads Retry-After as seconds or as an HTTP date (RFC 9110 section
// 10.2.3), clamped to 0…3 days. ok is false when it is missing, given twice with
// different values, or means nothing: then the caller backs off by itself.
func retryAfter(h http.Header, received time.Time) (d time.Duration, ok bool) {
	h = canonical(h)
	values := h["Retry-After"]
	for _, v := range values[min(1, len(values)):] {
		if v != values[0] {
			return 0, false
		}
	}
	if len(values) == 0 {
		return 0, false
	}
	text := strings.TrimSpace(values[0])
	if allDigits(text) {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n > uint64(maxRetryAfter/time.Second) {
			return maxRetryAfter, true
		}
		return time.Duration(n) * time.Second, true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	now := received
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date // their clock against their clock
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}

// headerCount reads a count from an answer whose header is canonical. Negative,
// fractional, huge, missing and contradicting values are not believed.
func headerCount(h http.Header, name string, most int) (int, bool) {
	if name == "" {
		return 0, false
	}
	text, ok := single(h[name])
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || !allDigits(text) || int(n) > most {
		return 0, false
	}
	return int(n), true
}

// headerTime reads a time stamp in milliseconds since 1970.
func headerTime(h http.Header, name string) (time.Time, bool) {
	if name == "" {
		return time.Time{}, false
	}
	text, ok := single(h[name])
	if !ok || !allDigits(text) {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 946684800_000 || n > 4102444800_000 { // 2000 to 2100
		return time.Time{}, false
	}
	return time.UnixMilli(n), true
}

// fromCache reports an answer that the venue did not make just now.
func fromCache(status int, h http.Header) bool {
	if status >= 300 && status < 400 {
		return true
	}
	h = canonical(h)
	for _, age := range h["Age"] {
		if age != "0" {
			return true
		}
	}
	return cacheHit(h["Cf-Cache-Status"]) || cacheHit(h["X-Cache"])
}

// cacheHit reads what CDNs say beside Age: "HIT", "Hit from cloudfront".
func cacheHit(values []string) bool {
	return len(values) > 0 && len(values[0]) >= 3 && strings.EqualFold(values[0][:3], "hit")
}

// canonical is h with its names spelled as net/http does. Other HTTP clients hand
// over other spellings; a header that has Date is not one of theirs.
func canonical(h http.Header) http.Header {
	if len(h["Date"]) > 0 {
		return h
	}
	for k := range h {
		if http.CanonicalHeaderKey(k) != k {
			plain := make(http.Header, len(h))
			for k, v := range h {
				k = http.CanonicalHeaderKey(k)
				plain[k] = append(plain[k], v...)
			}
			return plain
		}
	}
	return h
}

// single is the one value of a header; a value given twice counts if both agree.
func single(values []string) (string, bool) {
	if len(values) == 0 {
		return "", false
	}
	text := strings.TrimSpace(values[0])
	for _, v := range values[1:] {
		if strings.TrimSpace(v) != text {
			return "", false
		}
	}
	return text, true
}
