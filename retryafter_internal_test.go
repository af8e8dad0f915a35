package exauth

import (
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// TestRetryAfter (Q4): seconds or a date, clamped to 0…3 days, or nothing at all.
func TestRetryAfter(t *testing.T) {
	date := func(d time.Duration) string { return noon.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		name   string
		values []string
		date   string // of the answer; ours is noon
		want   time.Duration
		ok     bool
	}{
		{"missing", nil, "", 0, false},
		{"empty", []string{""}, "", 0, false},
		{"spaces", []string{"  "}, "", 0, false},
		{"zero", []string{"0"}, "", 0, true},
		{"seconds", []string{"17"}, "", 17 * time.Second, true},
		{"seconds in spaces", []string{" 17 "}, "", 17 * time.Second, true},
		{"leading zeros", []string{"0000000000000000000000017"}, "", 17 * time.Second, true},
		{"three days", []string{"259200"}, "", 72 * time.Hour, true},
		{"more than three days", []string{"259201"}, "", 72 * time.Hour, true},
		{"2.5 million hours below zero, once", []string{"9223372037"}, "", 72 * time.Hour, true},
		{"more than 64 bits", []string{"99999999999999999999999999"}, "", 72 * time.Hour, true},
		{"negative", []string{"-1"}, "", 0, false},
		{"minus zero", []string{"-0"}, "", 0, false},
		{"plus", []string{"+5"}, "", 0, false},
		{"fraction", []string{"1.5"}, "", 0, false},
		{"exponent", []string{"1e30"}, "", 0, false},
		{"hex", []string{"0x10"}, "", 0, false},
		{"NaN", []string{"NaN"}, "", 0, false},
		{"unit", []string{"5s"}, "", 0, false},
		{"list", []string{"5, 6"}, "", 0, false},
		{"Arabic digits", []string{"٥"}, "", 0, false},
		{"twice the same", []string{"5", "5"}, "", 5 * time.Second, true},
		{"twice", []string{"5", "6"}, "", 0, false},
		{"date", []string{date(90 * time.Second)}, "", 90 * time.Second, true},
		{"date by the venue's clock", []string{date(90 * time.Second)}, date(time.Minute), 30 * time.Second, true},
		{"date, absurd clock of the venue", []string{date(90 * time.Second)}, "yesterday", 90 * time.Second, true},
		{"past date", []string{date(-time.Hour)}, "", 0, true},
		{"date next year", []string{date(365 * 24 * time.Hour)}, "", 72 * time.Hour, true},
		{"date in the year 9999", []string{"Fri, 31 Dec 9999 23:59:59 GMT"}, "", 72 * time.Hour, true},
		{"date in the year 1", []string{"Mon, 01 Jan 0001 00:00:00 GMT"}, "", 0, true},
		{"RFC 850 date", []string{noon.Add(time.Minute).Format("Monday, 02-Jan-06 15:04:05 GMT")}, "", time.Minute, true},
		{"ISO date", []string{"2026-11-23T12:01:00Z"}, "", 0, false},
		{"milliseconds since 1970", []string{"1795435260000"}, "", 72 * time.Hour, true},
	} {
		h := http.Header{}
		for _, v := range c.values {
			h.Add("Retry-After", v)
		}
		if c.date != "" {
			h.Set("Date", c.date)
		}
		if got, ok := retryAfter(h, noon); got != c.want || ok != c.ok {
			t.Errorf("%s: %s, %v; want %s, %v", c.name, got, ok, c.want, c.ok)
		}
	}
	if got, ok := retryAfter(http.Header{"retry-after": {"5"}}, noon); got != 5*time.Second || !ok {
		t.Errorf("a map that is not canonical: %s, %v; want 5s", got, ok)
	}
}

// TestHeaderCount (Q3): what is no count is not believed.
func TestHeaderCount(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []string
		want   int
		ok     bool
	}{
		{"missing", nil, 0, false}, {"empty", []string{""}, 0, false}, {"zero", []string{"0"}, 0, true}, {"count", []string{"42"}, 42, true},
		{"in spaces", []string{"\t42 "}, 42, true}, {"most", []string{"1000"}, 1000, true}, {"more than most", []string{"1001"}, 0, false},
		{"negative", []string{"-5"}, 0, false}, {"minus zero", []string{"-0"}, 0, false}, {"plus", []string{"+5"}, 0, false},
		{"NaN", []string{"NaN"}, 0, false}, {"Inf", []string{"Inf"}, 0, false}, {"exponent", []string{"1e30"}, 0, false}, {"small exponent", []string{"1e2"}, 0, false},
		{"fraction", []string{"12.5"}, 0, false}, {"percent", []string{"45%"}, 0, false}, {"unit", []string{"12ms"}, 0, false}, {"of", []string{"12/1000"}, 0, false},
		{"list", []string{"1, 2"}, 0, false}, {"hex", []string{"0x1f"}, 0, false}, {"underscore", []string{"1_0"}, 0, false},
		{"words", []string{"a lot"}, 0, false}, {"31 bits", []string{"2147483648"}, 0, false}, {"64 bits", []string{"18446744073709551617"}, 0, false},
		{"twice", []string{"1", "2"}, 0, false}, {"twice the same", []string{"7", "7 "}, 7, true}, {"twice, one of them bad", []string{"7", "-7"}, 0, false},
	} {
		h := http.Header{"X-Used": c.values}
		if c.values == nil {
			h = http.Header{"X-Other": {"1"}}
		}
		if got, ok := headerCount(h, "X-Used", 1000); got != c.want || ok != c.ok {
			t.Errorf("%s: %d, %v; want %d, %v", c.name, got, ok, c.want, c.ok)
		}
	}
	if _, ok := headerCount(http.Header{"": {"1"}}, "", 10); ok {
		t.Error("a quota without a header name read one")
	}
	if got, ok := headerCount(canonical(http.Header{"X-MBX-USED-WEIGHT-1M": {"9"}}), "X-Mbx-Used-Weight-1m", 10); got != 9 || !ok {
		t.Errorf("a map that is not canonical: %d, %v; want 9", got, ok)
	}
}

// TestHeaderTime: only milliseconds since 1970 in this century are a stamp.
func TestHeaderTime(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []string
		ok     bool
	}{
		{"missing", nil, false}, {"stamp", []string{"1795435200123"}, true}, {"in spaces", []string{" 1795435200123 "}, true}, {"seconds", []string{"1795435200"}, false},
		{"microseconds", []string{"1795435200123456"}, false}, {"negative", []string{"-1795435200123"}, false}, {"fraction", []string{"1795435200123.5"}, false},
		{"exponent", []string{"1.7e12"}, false}, {"twice", []string{"1795435200123", "1795435200124"}, false}, {"twice the same", []string{"1795435200123", "1795435200123"}, true},
		{"NaN", []string{"NaN"}, false}, {"date", []string{noon.Format(http.TimeFormat)}, false}, {"64 bits", []string{"9223372036854775808"}, false},
		{"list", []string{"1795435200123, 1795435200123"}, false}, {"plus", []string{"+1795435200123"}, false},
	} {
		got, ok := headerTime(http.Header{"X-Stamp": c.values}, "X-Stamp")
		if ok != c.ok || ok && got.UnixMilli() != 1795435200123 {
			t.Errorf("%s: %v, %v; want %v", c.name, got, ok, c.ok)
		}
	}
}

// TestFromCache (O5): answers that the venue did not make just now.
func TestFromCache(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		want   bool
	}{
		{"fresh", 200, http.Header{"Date": {"x"}}, false}, {"no header", 200, nil, false}, {"age 0", 200, http.Header{"Age": {"0"}}, false},
		{"age 1", 200, http.Header{"Age": {"1"}}, true}, {"age of words", 200, http.Header{"Age": {"old"}}, true}, {"age twice", 200, http.Header{"Age": {"0", "7"}}, true},
		{"age in another spelling", 200, http.Header{"age": {"7"}}, true}, {"redirect", 302, nil, true}, {"not modified", 304, nil, true}, {"an error", 500, nil, false},
		{"a hit", 200, http.Header{"X-Cache": {"Hit from cloudfront"}}, true}, {"a miss", 200, http.Header{"X-Cache": {"Miss from cloudfront"}}, false},
		{"Cloudflare's hit", 200, http.Header{"Cf-Cache-Status": {"HIT"}}, true}, {"Cloudflare's pass", 200, http.Header{"Cf-Cache-Status": {"DYNAMIC"}}, false},
	} {
		if got := fromCache(c.status, c.header); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
