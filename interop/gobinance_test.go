package interop_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	binance "github.com/adshao/go-binance/v2"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// TestGoBinanceThroughResigner trades with an unchanged go-binance client that has
// no secret: our Resigner strips what it signed with "" and signs afresh.
func TestGoBinanceThroughResigner(t *testing.T) {
	server := exchangetest.NewServer(t, venue.Binance(), nil)
	key := server.Key(exauth.ScopeRead | exauth.ScopeTradeSpot)
	ours, err := exauth.New(server.Venue(), key.Credential(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()

	sdk := binance.NewClient("not-the-key", "")
	sdk.BaseURL = server.URL()
	sdk.HTTPClient = &http.Client{Transport: ours.Resigner()}
	ctx := context.Background()

	acc, err := sdk.NewGetAccountService().Do(ctx)
	if err != nil {
		t.Fatalf("account: %v", err)
	}
	if len(acc.Balances) == 0 {
		t.Error("account has no balances")
	}
	placed, err := sdk.NewCreateOrderService().Symbol("BTCUSDT").Side(binance.SideTypeBuy).Type(binance.OrderTypeLimit).
		TimeInForce(binance.TimeInForceTypeGTC).Quantity("0.001").Price("20000.10").NewClientOrderID("sdk-1").Do(ctx)
	if err != nil {
		t.Fatalf("place: %v", err)
	}
	got, err := sdk.NewGetOrderService().Symbol("BTCUSDT").OrderID(placed.OrderID).Do(ctx)
	if err != nil || got.Status != binance.OrderStatusTypeNew {
		t.Fatalf("query: %+v, %v", got, err)
	}
	open, err := sdk.NewListOpenOrdersService().Symbol("BTCUSDT").Do(ctx)
	if err != nil || len(open) != 1 {
		t.Fatalf("open orders: %d, %v", len(open), err)
	}
	canceled, err := sdk.NewCancelOrderService().Symbol("BTCUSDT").OrderID(placed.OrderID).Do(ctx)
	if err != nil || canceled.Status != binance.OrderStatusTypeCanceled {
		t.Fatalf("cancel: %+v, %v", canceled, err)
	}
	if _, err := sdk.NewServerTimeService().Do(ctx); err != nil {
		t.Errorf("a public call goes unsigned: %v", err)
	}
	if n := server.Executions("sdk-1"); n != 1 {
		t.Errorf("order executed %d times", n)
	}
	for _, r := range server.Requests() {
		if strings.Contains(r.Header.Get("X-Mbx-Apikey"), "not-the-key") {
			t.Error("the SDK's own key went out")
		}
	}
}

// TestGoBinanceScope: under the SDK too, a read-only client sends no order.
func TestGoBinanceScope(t *testing.T) {
	server := exchangetest.NewServer(t, venue.Binance(), nil)
	ours, err := exauth.New(server.Venue(), server.Key(exauth.ScopeRead).Credential(), &exauth.Options{Scope: exauth.ScopeRead})
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	sdk := binance.NewClient("", "")
	sdk.BaseURL = server.URL()
	sdk.HTTPClient = &http.Client{Transport: ours.Resigner()}
	before := server.RequestCount()
	_, err = sdk.NewCreateOrderService().Symbol("BTCUSDT").Side(binance.SideTypeBuy).Type(binance.OrderTypeMarket).Quantity("1").Do(context.Background())
	if err == nil || !strings.Contains(err.Error(), "outside the scope") {
		t.Errorf("err = %v, want a scope error", err)
	}
	if n := server.RequestCount() - before; n != 0 {
		t.Errorf("%d requests sent", n)
	}
}

// TestGoBinanceNeverRefused lets an unchanged go-binance client ask as fast as it can,
// more than the exchange allows in two seconds. Through our Resigner it waits and is
// never refused; by itself it is, and is banned when it goes on.
func TestGoBinanceNeverRefused(t *testing.T) {
	v := venue.Binance()
	v.Quotas = []exauth.Quota{{Name: "REQUEST_WEIGHT", Kind: exauth.FixedWindow, Limit: 1000, Window: 2 * time.Second, UsedHeader: "X-MBX-USED-WEIGHT-2S"}}
	for _, paced := range []bool{true, false} {
		t.Run(map[bool]string{true: "through our Resigner", false: "by itself"}[paced], func(t *testing.T) {
			server := exchangetest.NewServer(t, v, &exchangetest.Options{VenueQuotas: true})
			key := server.Key(exauth.ScopeTradeSpot)
			sdk := binance.NewClient(key.ID, key.Secret)
			sdk.BaseURL = server.URL()
			if paced {
				ours, err := exauth.New(server.Venue(), key.Credential(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer ours.Close()
				sdk.HTTPClient = &http.Client{Transport: ours.Resigner()}
			}
			var wg sync.WaitGroup
			var failed atomic.Int32
			begun := time.Now()
			for range 16 {
				wg.Go(func() {
					for time.Since(begun) < 4*time.Second {
						if _, err := sdk.NewGetAccountService().Do(t.Context()); err != nil { // weighs 20
							failed.Add(1)
						}
					}
				})
			}
			wg.Wait()
			refused, bans := server.Refused(), server.Banned()
			t.Logf("%d calls, %d failed, %d refused, %d bans", server.RequestCount(), failed.Load(), refused, len(bans))
			switch {
			case paced && (refused != 0 || len(bans) != 0 || failed.Load() != 0 || server.RequestCount() < 40):
				t.Errorf("%d of %d calls failed, %d were refused, bans %v", failed.Load(), server.RequestCount(), refused, bans)
			case !paced && (refused == 0 || len(bans) == 0):
				t.Errorf("of %d calls %d were refused, bans %v", server.RequestCount(), refused, bans)
			}
		})
	}
}
