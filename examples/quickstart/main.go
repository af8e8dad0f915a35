// Quickstart is exauth in two seconds: a test exchange in this process, three kinds
// of keys, real signed calls that it verifies, and what exauth refuses to do.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// The ids an exchange gave these keys when their public halves were registered.
const (
	rsaID     = "quickstartRSAkeyquickstartRSAkeyquickstartRSAkeyquickstartRSAkey"
	ed25519ID = "quickstartEd25519quickstartEd25519quickstartEd25519quickstartEd2"
)

//go:embed testdata/rsa-encrypted.pem
var encryptedPEM []byte

func main() {
	began := time.Now()
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "\nquickstart failed:", err)
		os.Exit(1)
	}
	fmt.Printf("\nDone in %s. Next: README.md, or the package documentation: go doc github.com/exauth/exauth\n",
		time.Since(began).Round(time.Millisecond))
}

func run(ctx context.Context) error {
	keys, err := makeKeys()
	if err != nil {
		return err
	}
	var redirect atomic.Bool
	var arrived atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	defer elsewhere.Close()
	server, err := exchangetest.Start(venue.Binance(), &exchangetest.Options{
		Keys: accepted(keys),
		Skew: 5 * time.Second, // the exchange's clock is ahead of ours
		Intercept: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if redirect.Load() {
				http.Redirect(w, r, elsewhere.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
				return
			}
			next.ServeHTTP(w, r)
		},
	})
	if err != nil {
		return err
	}
	defer server.Close()
	heading("A test exchange that speaks Binance", server.URL()+", its clock 5 s ahead; it verifies every signature with code of its own")

	for _, k := range keys {
		if err := trade(ctx, server, k); err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
	}
	if err := showSigned(ctx, server, keys[0]); err != nil {
		return err
	}
	heading("What exauth refuses", "each refusal is an error to switch on")
	if err := refuseWrites(ctx, server, keys[0]); err != nil {
		return err
	}
	if err := nameWrongSecret(ctx, server, keys[0]); err != nil {
		return err
	}
	redirect.Store(true)
	return refuseRedirect(ctx, server, keys[0], &arrived)
}

// A demoKey is one key from both sides: ours to sign with, the exchange's to verify.
type demoKey struct {
	name   string
	ours   *exauth.Key
	theirs exchangetest.Key
}

func makeKeys() ([]demoKey, error) {
	defaults, err := exchangetest.DefaultKeys("binance")
	if err != nil {
		return nil, err
	}
	hmacKey := defaults[1] // the one that trades
	hmacKey.Account = "hmac"

	// An RSA key as a bot should keep it: encrypted, the passphrase asked for when needed.
	askPassphrase := func() ([]byte, error) { return []byte("correct-horse"), nil }
	rsaKey, err := exauth.ParsePEM(rsaID, encryptedPEM, askPassphrase)
	if err != nil {
		return nil, err
	}
	rsaPublic, err := rsaKey.Public()
	if err != nil {
		return nil, err
	}

	// An Ed25519 key; any crypto.Signer does, one in an HSM or a KMS too.
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	trading := exauth.ScopeRead | exauth.ScopeTradeSpot
	return []demoKey{
		{"HMAC-SHA256", hmacKey.Credential(), hmacKey},
		{"RSA from an encrypted PEM", rsaKey, exchangetest.Key{ID: rsaID, Public: rsaPublic, Scope: trading, Account: "rsa"}},
		{"Ed25519", exauth.NewPrivateKey(ed25519ID, edPrivate),
			exchangetest.Key{ID: ed25519ID, Public: edPublic, Scope: trading, Account: "ed25519"}},
	}, nil
}

func accepted(keys []demoKey) []exchangetest.Key {
	var list []exchangetest.Key
	for _, k := range keys {
		list = append(list, k.theirs)
	}
	return list
}

type account struct {
	Balances []struct{ Asset, Free, Locked string }
}

// newOrder goes out in this order; prices and amounts are strings, sent as given.
type newOrder struct {
	Symbol      string `url:"symbol"`
	Side        string `url:"side"`
	Type        string `url:"type"`
	TimeInForce string `url:"timeInForce"`
	Quantity    string `url:"quantity"`
	Price       string `url:"price"`
	ClientID    string `url:"newClientOrderId"`
}

type order struct {
	OrderID       int64  `json:"orderId"`
	ClientOrderID string `json:"clientOrderId"`
	Status        string `json:"status"`
}

// trade syncs the clock, reads balances, places and cancels an order.
func trade(ctx context.Context, server *exchangetest.Server, k demoKey) error {
	client, err := exauth.New(server.Venue(), k.ours, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	heading(k.name, k.ours.String())

	if err := client.Check(ctx); err != nil { // optional: finds trouble before the first order
		return err
	}
	offset, _ := client.ClockOffset()
	line("clock", "the exchange is %+.1f s from us; stamps follow it", offset.Seconds())

	acc, err := exauth.Get[account](ctx, client, "/api/v3/account", nil)
	if err != nil {
		return err
	}
	var sums []string
	for _, b := range acc.Balances {
		if b.Asset == "BTC" || b.Asset == "USDT" {
			sums = append(sums, b.Free+" "+b.Asset)
		}
	}
	line("balances", "%s", strings.Join(sums, ", "))

	placed, err := exauth.Post[order](ctx, client, "/api/v3/order", newOrder{
		Symbol: "BTCUSDT", Side: "BUY", Type: "LIMIT", TimeInForce: "GTC",
		Quantity: "0.001", Price: "20000.10", ClientID: "quickstart-1",
	})
	if err != nil {
		return err
	}
	line("placed", "order %d (%s): %s", placed.OrderID, placed.ClientOrderID, placed.Status)

	canceled, err := exauth.Delete[order](ctx, client, "/api/v3/order", exauth.Params{
		{Name: "symbol", Value: "BTCUSDT"}, {Name: "orderId", Value: placed.OrderID},
	})
	if err != nil {
		return err
	}
	line("canceled", "order %d: %s", canceled.OrderID, canceled.Status)
	return nil
}

// showSigned prints what the exchange received of the last order, secrets masked.
func showSigned(ctx context.Context, server *exchangetest.Server, k demoKey) error {
	client, err := exauth.New(server.Venue(), k.ours, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	req, err := client.Sign(ctx, exauth.Call{Method: http.MethodGet, Path: "/api/v3/openOrders",
		Params: exauth.Params{{Name: "symbol", Value: "BTCUSDT"}}})
	if err != nil {
		return err
	}
	heading("What is signed", "signed without sending; the bytes below are the bytes that would go out")
	line("request", "%s %s", req.Method, mask(req.URL.RequestURI()))
	line("header", "X-MBX-APIKEY: %s", mask(req.Header.Get("X-MBX-APIKEY")))
	line("%+v of it", "%+v", struct{ key exauth.Key }{*k.ours})
	return nil
}

var longRun = regexp.MustCompile(`[0-9A-Za-z]{24,}`)

// mask keeps the first four characters of keys and signatures.
func mask(s string) string {
	return longRun.ReplaceAllStringFunc(s, func(m string) string { return m[:4] + "…" })
}

// refuseWrites shows that a read-only client does not even ask.
func refuseWrites(ctx context.Context, server *exchangetest.Server, k demoKey) error {
	client, err := exauth.New(server.Venue(), k.ours, &exauth.Options{Scope: exauth.ScopeRead})
	if err != nil {
		return err
	}
	defer client.Close()
	before := server.RequestCount()
	_, err = exauth.Post[order](ctx, client, "/api/v3/order", exauth.Params{{Name: "symbol", Value: "BTCUSDT"}})
	if !errors.Is(err, exauth.ErrScope) {
		return fmt.Errorf("a read-only client placed an order: %w", err)
	}
	line("ErrScope", "a read-only client's order: %d requests sent", server.RequestCount()-before)
	return nil
}

// nameWrongSecret shows an error that says what is wrong, and nothing else.
func nameWrongSecret(ctx context.Context, server *exchangetest.Server, k demoKey) error {
	client, err := exauth.New(server.Venue(), exauth.NewSecretKey(k.theirs.ID, "a-mistyped-secret"), nil)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = exauth.Get[account](ctx, client, "/api/v3/account", nil)
	if !errors.Is(err, exauth.ErrSignature) {
		return fmt.Errorf("a wrong secret was not named: %w", err)
	}
	line("ErrSignature", "a wrong secret: %v", err)
	return nil
}

// refuseRedirect shows that no signed request goes where a redirect points.
func refuseRedirect(ctx context.Context, server *exchangetest.Server, k demoKey, arrived *atomic.Int32) error {
	client, err := exauth.New(server.Venue(), k.ours, &exauth.Options{NoRetry: true})
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = exauth.Get[account](ctx, client, "/api/v3/account", nil)
	if !errors.Is(err, exauth.ErrHost) || arrived.Load() > 0 {
		return fmt.Errorf("a redirect was followed: %w", err)
	}
	line("ErrHost", "a redirect to another host: %d requests arrived there: %v", arrived.Load(), err)
	return nil
}

func heading(title, note string) { fmt.Printf("\n%s\n  %s\n", title, note) }

func line(what, format string, args ...any) {
	fmt.Printf("  %-13s "+format+"\n", append([]any{what}, args...)...)
}
