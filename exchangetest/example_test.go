package exchangetest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// A test of a trading program, without a network and without real money.
func ExampleStart() {
	srv, err := exchangetest.Start(venue.Binance(), &exchangetest.Options{
		Balances: map[string]map[string]string{"main": {"USDT": "100"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	c, err := exauth.New(srv.Venue(), srv.Key(exauth.ScopeTradeSpot).Credential(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	buy := func(quantity string) error {
		_, err := exauth.Post[struct{}](context.Background(), c, "/api/v3/order", exauth.Params{
			{Name: "symbol", Value: "BTCUSDT"}, {Name: "side", Value: "BUY"}, {Name: "type", Value: "MARKET"},
			{Name: "quantity", Value: quantity}, {Name: "newClientOrderId", Value: "example-1"},
		})
		return err
	}
	fmt.Println(buy("0.001"), srv.Executions("example-1"))
	fmt.Println(errors.Is(buy("0.001"), exauth.ErrInsufficientFunds), srv.Executions("example-1"))
	fmt.Println(srv.Balance("main", "USDT"))
	// Output:
	// <nil> 1
	// true 1
	// 40 0
}

// Intercept is where faults come from: here an order is carried out and its answer
// is lost.
func ExampleOptions_intercept() {
	lost := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
	srv, err := exchangetest.Start(venue.Binance(), &exchangetest.Options{Intercept: lost})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	c, err := exauth.New(srv.Venue(), srv.Key(exauth.ScopeTradeSpot).Credential(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	_, err = exauth.Post[struct{}](context.Background(), c, "/api/v3/order", exauth.Params{
		{Name: "symbol", Value: "BTCUSDT"}, {Name: "side", Value: "BUY"}, {Name: "type", Value: "MARKET"},
		{Name: "quantity", Value: "0.001"}, {Name: "newClientOrderId", Value: "example-2"},
	})
	fmt.Println(errors.Is(err, exauth.ErrOutcomeUnknown), srv.Executions("example-2"))
	// Output:
	// true 1
}

// Quotas are enforced as the exchange does: whoever goes on after a 429 is banned.
func ExampleOptions_quotas() {
	srv, err := exchangetest.Start(venue.Binance(), &exchangetest.Options{
		Quotas: []exauth.Quota{{Name: "REQUEST_WEIGHT", Kind: exauth.FixedWindow, Limit: 50, Window: 24 * time.Hour,
			UsedHeader: "X-MBX-USED-WEIGHT-1D"}},
		BanAfter: 1,
		Now:      func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	for range 3 { // books of 500 levels, which weigh 25
		res, err := srv.Client().Get(srv.URL() + "/api/v3/depth?symbol=BTCUSDT&limit=500")
		if err != nil {
			fmt.Println(err)
			return
		}
		res.Body.Close()
		fmt.Printf("%d used %s wait %q\n", res.StatusCode, res.Header.Get("X-Mbx-Used-Weight-1d"), res.Header.Get("Retry-After"))
	}
	fmt.Println(srv.Quota("REQUEST_WEIGHT"))
	fmt.Println(len(srv.Banned()))
	// Output:
	// 200 used 25 wait ""
	// 200 used 50 wait ""
	// 418 used 50 wait "120"
	// 50 50
	// 1
}

// A test of a program's own code against recorded answers. EXAUTH_RECORD=1 with the
// real, read-only key in BINANCE_KEY and BINANCE_SECRET records the file; without it
// the test needs neither network nor key, and go test runs it like any other:
//
//	func TestHoldings(t *testing.T) { … }
func ExampleNewFixture() {
	// What is tested: the assets a key owns.
	holdings := func(ctx context.Context, c *exauth.Client) ([]string, error) {
		account, err := exauth.Get[struct {
			Balances []struct{ Asset, Free string }
		}](ctx, c, "/api/v3/account", exauth.Params{{Name: "omitZeroBalances", Value: true}})
		var list []string
		for _, b := range account.Balances {
			list = append(list, b.Asset+" "+b.Free)
		}
		return list, err
	}
	test := func(t testing.TB) {
		fx := exchangetest.NewFixture(t, "testdata/holdings.http", venue.Binance(), &exchangetest.FixtureOptions{
			Credentials: exauth.EnvKey("BINANCE"),
		})
		o := fx.Options()
		o.Scope = exauth.ScopeRead
		c, err := exauth.New(fx.Venue(), fx.Key(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Println(holdings(t.Context(), c))
	}
	fmt.Println(len(runCase(test).failures)) // go test's part
	// Output:
	// [BTC 4723846.89208129 LTC 4763368.68006011] <nil>
	// 0
}
