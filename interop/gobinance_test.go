package interop_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

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
