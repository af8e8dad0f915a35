package exchangetest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

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
