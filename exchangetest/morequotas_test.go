package exchangetest_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// The published limits of Coinbase, Crypto.com and Gemini, each refused in the venue's
// words at the call after the last, and open again when time has passed. None of the
// three tells its counts, or how long to wait.
func TestMoreQuotas(t *testing.T) {
	get := func(path string) func(testing.TB, *exchangetest.Server) reply {
		return func(t testing.TB, srv *exchangetest.Server) reply {
			return send(t, srv.Client(), request(t, "GET", srv.URL()+path, ""))
		}
	}
	key := func(srv *exchangetest.Server) exchangetest.Key { return srv.Key(exauth.ScopeTradeSpot) }
	crypto := func(method string) func(testing.TB, *exchangetest.Server) reply {
		return func(t testing.TB, srv *exchangetest.Server) reply { return newCryptocom(t, srv, key(srv)).do(method) }
	}
	for _, tc := range []struct {
		name, venue, quota string
		call               func(testing.TB, *exchangetest.Server) reply
		limit              int
		at, want           string
		again              time.Duration
	}{
		{"an address", "coinbase", "PUBLIC", get(coinbaseV3 + "time"), 10, "error", "rate_limit_exceeded", time.Second},
		{"a user", "coinbase", "PRIVATE", func(t testing.TB, srv *exchangetest.Server) reply {
			return newCoinbase(t, srv, key(srv)).do("GET", coinbaseV3+"key_permissions", "")
		}, 30, "error", "rate_limit_exceeded", time.Second},
		{"a user of the App API", "coinbase", "PRIVATE", func(t testing.TB, srv *exchangetest.Server) reply {
			return newCoinbase(t, srv, key(srv)).do("GET", "/v2/accounts", "")
		}, 30, "errors.0.id", "rate_limit_exceeded", time.Second},
		{"orders", "cryptocom", "ORDERS_15", crypto("private/create-order"), 15, "code", "42901", 100 * time.Millisecond},
		{"details", "cryptocom", "DETAIL_30", crypto("private/get-order-detail"), 30, "code", "42901", 100 * time.Millisecond},
		{"histories", "cryptocom", "HISTORY_1", crypto("private/get-trades"), 1, "code", "42901", time.Second},
		{"others", "cryptocom", "OTHER_3", crypto("private/user-balance"), 3, "code", "42901", 100 * time.Millisecond},
		{"public methods", "cryptocom", "PUBLIC_100", get(cryptocomV1 + "public/get-tickers"), 100, "code", "42901", time.Second},
		{"an address", "gemini", "PUBLIC", get("/v1/symbols"), 5, "reason", "RateLimit", 500 * time.Millisecond},
		{"an account", "gemini", "PRIVATE", func(t testing.TB, srv *exchangetest.Server) reply {
			time.Sleep(time.Millisecond) // its nonce
			return newGemini(t, srv, key(srv)).do("/v1/balances")
		}, 5, "reason", "RateLimit", 100 * time.Millisecond},
	} {
		t.Run(tc.venue+" "+tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, _ := venue.ByName(tc.venue)
				srv := exchangetest.NewServer(t, v, &exchangetest.Options{VenueQuotas: true})
				for i := range tc.limit {
					if got := tc.call(t, srv); got.status == 429 {
						t.Fatalf("call %d: %s", i, got.body)
					}
				}
				if used, limit := srv.Quota(tc.quota); used != tc.limit || limit != tc.limit {
					t.Errorf("%d used of %d, want all of %d", used, limit, tc.limit)
				}
				got := tc.call(t, srv)
				if text := strconv.Itoa(got.status) + " " + got.at(t, tc.at); text != "429 "+tc.want || got.header.Get("Retry-After") != "" {
					t.Errorf("one more: %s: %s", text, got.body)
				}
				time.Sleep(tc.again)
				if got := tc.call(t, srv); got.status == 429 {
					t.Errorf("later: %s", got.body)
				}
			})
		})
	}
	// Methods of Crypto.com have counts of their own.
	synctest.Test(t, func(t *testing.T) {
		srv := exchangetest.NewServer(t, venue.CryptoCom(), &exchangetest.Options{VenueQuotas: true})
		c := newCryptocom(t, srv, key(srv))
		if one, two := c.do("private/get-trades"), c.do("private/get-order-history"); one.status != 200 || two.status != 200 {
			t.Errorf("one of each: %s, %s", one.body, two.body)
		}
	})
}
