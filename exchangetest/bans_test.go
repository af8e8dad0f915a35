package exchangetest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth/exchangetest"
)

// Whoever goes on after a 429 is shut out, twice as long each time.
func TestBansDouble(t *testing.T) {
	inBubble(t, exchangetest.Options{Skew: time.Hour}, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
		var first []reply // the first 418 of each ban
		was := 0
		for begin := time.Now(); len(first) < 3; time.Sleep(100 * time.Millisecond) {
			got := c.unsigned("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=500", "")
			if got.status == http.StatusTeapot && was != http.StatusTeapot {
				first = append(first, got)
			}
			if was = got.status; time.Since(begin) > time.Hour {
				t.Fatal("three bans took more than an hour")
			}
		}
		for i, want := range []int{120, 240, 480} {
			ban, got := srv.Banned()[i], first[i]
			if d := ban.Until.Sub(ban.From); d != time.Duration(want)*time.Second || ban.Addr != "127.0.0.1" {
				t.Errorf("ban %d: %s of %q, want %d s", i, d, ban.Addr, want)
			}
			if got.header.Get("Retry-After") != strconv.Itoa(want) || got.at(t, "code") != "-1003" ||
				!strings.HasPrefix(got.at(t, "msg"), "Way too much request weight used; IP banned until "+ms(ban.Until)+".") {
				t.Errorf("ban %d: %+v", i, got)
			}
		}
		// Nobody gets in before it ends, and anybody after.
		ban := srv.Banned()[2]
		refused := srv.Refused()
		time.Sleep(time.Until(ban.Until.Add(-time.Hour)) - time.Millisecond)
		if got := c.do("GET", "/api/v3/account"); got.status != http.StatusTeapot || got.header.Get("Retry-After") != "1" {
			t.Errorf("at the end of a ban: HTTP %d, %v", got.status, got.header)
		}
		time.Sleep(time.Millisecond)
		if got := c.unsigned("GET", "/api/v3/time", "", ""); got.status != 200 {
			t.Errorf("after a ban: HTTP %d", got.status)
		}
		if srv.Refused() != refused {
			t.Error("calls during a ban count as refused for a quota")
		}
	})
}

// The longest ban is three days.
func TestBansEnd(t *testing.T) {
	inBubble(t, exchangetest.Options{BanAfter: 1}, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
		for len(srv.Banned()) < 13 {
			if got := c.unsigned("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=1000", ""); got.status == http.StatusTeapot {
				wait, _ := strconv.Atoi(got.header.Get("Retry-After"))
				time.Sleep(time.Duration(wait) * time.Second)
			}
		}
		for i, b := range srv.Banned()[9:] {
			want := []time.Duration{1024 * time.Minute, 2048 * time.Minute, 4096 * time.Minute, 72 * time.Hour}[i]
			if got := b.Until.Sub(b.From); got != want {
				t.Errorf("ban %d: %s, want %s", i+9, got, want)
			}
		}
	})
}

// Who heard of a 429 and waits is not banned, however much was under way then, and
// however often the quota is used up.
func TestBackingOffIsNotBanned(t *testing.T) {
	inBubble(t, exchangetest.Options{Latency: 200 * time.Millisecond, BanAfter: 5}, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
		for range 4 {
			wait := make(chan string)
			for range 40 {
				go func() { wait <- c.unsigned("GET", "/api/v3/depth", "symbol=BTCUSDT", "").header.Get("Retry-After") }()
			}
			longest := 0
			for range 40 {
				n, _ := strconv.Atoi(<-wait)
				longest = max(longest, n)
			}
			time.Sleep(time.Duration(longest) * time.Second)
		}
		if srv.Refused() != 4*20 || len(srv.Banned()) != 0 {
			t.Errorf("%d refused, bans %v", srv.Refused(), srv.Banned())
		}
	})
}

// An hour without a strike, and the earlier ones are forgotten.
func TestStrikesAreForgotten(t *testing.T) {
	for _, tc := range []struct {
		pause time.Duration
		bans  int
	}{{30 * time.Minute, 1}, {61 * time.Minute, 0}} {
		inBubble(t, exchangetest.Options{BanAfter: 2}, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
			for range 2 { // two minutes used up, one strike each
				for range 3 {
					c.unsigned("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=1000", "")
				}
				time.Sleep(tc.pause)
			}
			if srv.Refused() != 2 || len(srv.Banned()) != tc.bans {
				t.Errorf("after %s: %d refused, bans %v", tc.pause, srv.Refused(), srv.Banned())
			}
		})
	}
}

func TestNeverBanned(t *testing.T) {
	inBubble(t, exchangetest.Options{BanAfter: -1}, func(t *testing.T, srv *exchangetest.Server, c *binanceClient) {
		for range 300 {
			c.unsigned("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=1000", "")
			time.Sleep(time.Second)
		}
		if srv.Refused() < 250 || len(srv.Banned()) != 0 {
			t.Errorf("%d refused, bans %v", srv.Refused(), srv.Banned())
		}
	})
}
