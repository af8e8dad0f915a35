package exauth

import (
	"context"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"
)

// plainNumber is what a decimal number of ASCII digits says, nil for anything else.
func plainNumber(text string) *big.Int {
	text = strings.TrimSpace(text)
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return nil
	}
	n, _ := new(big.Int).SetString(text, 10)
	return n
}

// FuzzRetryAfter: whatever a venue sends, the wait lies between nothing and three
// days, and is the one that was meant where something was meant.
func FuzzRetryAfter(f *testing.F) {
	f.Add("17", "", "")
	f.Add("5", "6", "")
	f.Add("Mon, 23 Nov 2026 12:01:30 GMT", "", "Mon, 23 Nov 2026 12:01:00 GMT")
	longest := big.NewInt(int64(maxRetryAfter / time.Second))
	f.Fuzz(func(t *testing.T, value, again, date string) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		if again != "" {
			h.Add("Retry-After", again)
		}
		d, ok := retryAfter(h, noon)
		if d < 0 || d > maxRetryAfter || !ok && d != 0 {
			t.Fatalf("%q: %s, %v", h, d, ok)
		}
		n, at := plainNumber(value), time.Time{}
		if n == nil {
			at, _ = http.ParseTime(strings.TrimSpace(value))
		}
		switch {
		case again != "" && again != value: // said twice, differently
			if ok && strings.TrimSpace(again) != strings.TrimSpace(value) {
				t.Fatalf("%q: %s", h, d)
			}
		case n != nil && n.Cmp(longest) > 0:
			if d != maxRetryAfter || !ok {
				t.Fatalf("%q: %s, %v; want the longest", h, d, ok)
			}
		case n != nil:
			if d != time.Duration(n.Int64())*time.Second || !ok {
				t.Fatalf("%q: %s, %v", h, d, ok)
			}
		case at.IsZero() && ok && d != 0:
			t.Fatalf("%q means nothing, and was taken for %s", h, d)
		case !at.IsZero():
			now := noon
			if venue, err := http.ParseTime(strings.TrimSpace(date)); err == nil {
				now = venue
			}
			if want := min(max(at.Sub(now), 0), maxRetryAfter); d != want || !ok {
				t.Fatalf("%q: %s, %v; want %s", h, d, ok, want)
			}
		}
	})
}

// FuzzUsedHeader: a count is believed when it is one, up to ten times the limit, and
// whatever else stands there changes nothing: neither what was counted nor who may go.
func FuzzUsedHeader(f *testing.F) {
	f.Add("42", "", uint8(FixedWindow))
	f.Add("-5", "", uint8(AnchoredWindow))
	f.Add("7", "8", uint8(SlidingWindow))
	kinds := []QuotaKind{FixedWindow, AnchoredWindow, SlidingWindow, TokenBucket, DecayCounter}
	f.Fuzz(func(t *testing.T, value, again string, kind uint8) {
		const limit, own = 100, 3
		now := noon.Add(20 * time.Second)
		l := NewLimiter(&Venue{Quotas: []Quota{{Name: "q", Kind: kinds[int(kind)%len(kinds)], Limit: limit, Window: time.Minute, Refill: 1e-9, UsedHeader: "X-Used"}}},
			&LimiterOptions{Greedy: true, Now: func() time.Time { return now }})
		d := Demand{Costs: []Cost{{Quota: "q", N: 1}}}
		h := http.Header{"X-Used": {value}}
		if again != "" {
			h.Add("X-Used", again)
		}
		for range own {
			lease, err := l.Wait(context.Background(), d)
			if err != nil {
				t.Fatal(err)
			}
			lease.Settle(Observation{Sent: now, Received: now, Status: http.StatusOK})
			now = now.Add(time.Millisecond)
		}
		lease, err := l.Wait(context.Background(), d)
		if err != nil {
			t.Fatal(err)
		}
		lease.Settle(Observation{Sent: now, Received: now, Status: http.StatusOK, Header: h})
		want := own + 1
		if n := plainNumber(value); n != nil && n.Cmp(big.NewInt(10*limit)) <= 0 && (again == "" || strings.TrimSpace(again) == strings.TrimSpace(value)) {
			want = int(n.Int64())
		}
		used := l.(Snapshotter).Snapshot()[0].Used
		if used != want && (want <= limit || used < limit) { // how far above the limit it is, not every kind keeps
			t.Fatalf("kind %d, %q: %d used, want %d", kind, h["X-Used"], used, want)
		}
		d.MaxWait = time.Nanosecond
		if _, err := l.Wait(context.Background(), d); (err == nil) != (want < limit) {
			t.Fatalf("kind %d, %q: %v with %d of %d used", kind, h["X-Used"], err, want, limit)
		}
	})
}
