package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// TestHaltWhileWaiting: an order that waits when Halt is called is not sent after it;
// a cancel that waits is.
func TestHaltWhileWaiting(t *testing.T) {
	release := make(chan struct{})
	srv := record(t, func(w http.ResponseWriter, _ arrival, n int) {
		if n == 1 {
			<-release
		}
		io.WriteString(w, "{}")
	})
	c := newClient(t, nonceVenue(srv.URL), nil) // one call of the key at a time
	first, order, cancel := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	do := func(to chan error, call exauth.Call) { _, err := c.Do(t.Context(), call); to <- err }
	go do(first, exauth.Call{Method: "POST", Path: "/order"})
	for len(srv.arrivals()) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	waiting := make(chan struct{})
	go func() {
		close(waiting)
		_, err := c.Do(ctx, exauth.Call{Method: "POST", Path: "/order", MaxWait: time.Minute})
		order <- err
	}()
	go do(cancel, exauth.Call{Method: "DELETE", Path: "/order"})
	<-waiting
	time.Sleep(50 * time.Millisecond) // both stand in line by now, or are refused when they come
	c.Halt("by hand")
	close(release)
	if err := <-order; !errors.Is(err, exauth.ErrHalted) {
		t.Errorf("waiting order: %v, want ErrHalted", err)
	}
	if err := <-cancel; err != nil {
		t.Errorf("waiting cancel: %v", err)
	}
	if err := <-first; err != nil || len(srv.arrivals()) != 2 {
		t.Errorf("%v, %d arrivals", err, len(srv.arrivals()))
	}
}

// A Policy against the trap of thin markets: a stolen trading key cannot withdraw, but
// it can buy from its thief at a price of his, in a market where nobody else trades.
// Orders pass for the markets this program is for, with a limit price and a small
// amount; everything else of the client is left alone.
func ExampleOptions_policy() {
	markets := map[string]float64{"BTCUSDT": 0.01} // the most of one order
	policy := func(_ context.Context, r *exauth.Request) error {
		if r.Method != http.MethodPost || !strings.HasPrefix(r.Path, "/api/v3/order") {
			return nil
		}
		fields, err := r.Fields() // as they will be signed
		if err != nil {
			return err
		}
		order := map[string]string{}
		for _, f := range fields {
			order[f.Name] = fmt.Sprint(f.Value)
		}
		var amount float64
		_, err = fmt.Sscan(order["quantity"], &amount)
		most, known := markets[order["symbol"]]
		switch {
		case !known:
			return fmt.Errorf("%s is not traded here", order["symbol"])
		case order["type"] != "LIMIT":
			return errors.New("no order without a limit price")
		case err != nil || !(amount > 0 && amount <= most):
			return fmt.Errorf("more than %g at once", most)
		}
		return nil
	}

	server, err := exchangetest.Start(venue.Binance(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client, err := exauth.New(server.Venue(), server.Key(exauth.ScopeTradeSpot).Credential(),
		&exauth.Options{HTTPClient: server.Client(), Policy: policy})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range []exauth.Params{
		{{"symbol", "BTCUSDT"}, {"side", "BUY"}, {"type", "LIMIT"}, {"timeInForce", "GTC"}, {"quantity", "0.001"}, {"price", "20000"}},
		{{"symbol", "DOGETRY"}, {"side", "BUY"}, {"type", "LIMIT"}, {"timeInForce", "GTC"}, {"quantity", "100"}, {"price", "9000"}},
		{{"symbol", "BTCUSDT"}, {"side", "BUY"}, {"type", "MARKET"}, {"quantity", "0.001"}},
		{{"symbol", "BTCUSDT"}, {"side", "BUY"}, {"type", "LIMIT"}, {"timeInForce", "GTC"}, {"quantity", "5"}, {"price", "20000"}},
	} {
		_, err := client.Do(context.Background(), exauth.Call{Method: "POST", Path: "/api/v3/order", Params: p})
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// exauth: binance POST /api/v3/order: DOGETRY is not traded here
	// exauth: binance POST /api/v3/order: no order without a limit price
	// exauth: binance POST /api/v3/order: more than 0.01 at once
}
