// Roundtripper puts exauth under a client that somebody else wrote: it knows
// nothing of keys, and its requests leave signed. The exchange is a test exchange
// in this process.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// somebodysClient is a plain API client as generators write it: a base URL, an
// *http.Client, and no idea of signatures.
type somebodysClient struct {
	base string
	http *http.Client
}

func (c *somebodysClient) placeOrder(symbol, quantity, price string) (string, error) {
	form := url.Values{"symbol": {symbol}, "side": {"BUY"}, "type": {"LIMIT"}, "timeInForce": {"GTC"},
		"quantity": {quantity}, "price": {price}}
	resp, err := c.http.Post(c.base+"/api/v3/order", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("HTTP %d: %s", resp.StatusCode, body)
	}
	var order struct{ Status string }
	err = json.Unmarshal(body, &order)
	return order.Status, err
}

func main() {
	server, err := exchangetest.Start(venue.Binance(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	key := server.Key(exauth.ScopeRead | exauth.ScopeTradeSpot).Credential()
	client, err := exauth.New(server.Venue(), key, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	api := &somebodysClient{base: server.Venue().BaseURL, http: &http.Client{Transport: client.Transport()}}
	status, err := api.placeOrder("BTCUSDT", "0.001", "50000.00")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("order placed through a client that has no key:", status)

	// The same client pointed elsewhere gets no signature: exauth signs for its
	// venue's hosts alone.
	api.base = "https://api.binance.com.evil.example"
	if _, err := api.placeOrder("BTCUSDT", "0.001", "50000.00"); err != nil {
		fmt.Println("the same to another host:", err)
	}
}
