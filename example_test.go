package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// The README's first program. It needs a real key, so it is compiled and not run.
func Example() {
	ctx := context.Background()
	client, err := exauth.New(venue.Binance(), exauth.EnvKey("BINANCE"), nil) // BINANCE_API_KEY, BINANCE_API_SECRET
	if err != nil {
		log.Fatal(err)
	}
	type account struct {
		Balances []struct{ Asset, Free, Locked string }
	}
	acc, err := exauth.Get[account](ctx, client, "/api/v3/account", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(acc.Balances)
}

// Keys from files, narrowed, and looked for in several places.
func Example_keys() {
	var (
		id            string
		pemBytes      []byte
		askPassphrase func() ([]byte, error)
	)
	key, err := exauth.ParsePEM(id, pemBytes, askPassphrase) // RSA, Ed25519, P-256; PKCS#8 encrypted by openssl too
	ro := key.Restrict(exauth.ScopeRead)                     // signs reads only
	src := exauth.FirstKey(exauth.EnvKey("KRAKEN"), exauth.FileKey("keys.json"))
	_, _, _ = err, ro, src
}

// A process that was killed, or lost an answer, finds out after its restart what
// became of its orders.
func ExampleJournal_Pending() {
	ctx := context.Background()
	journal, err := exauth.OpenJournal("bot.journal") // synced to the disk before a write is sent
	if err != nil {
		log.Fatal(err)
	}
	defer journal.Close()
	client, err := exauth.New(venue.Binance(), exauth.EnvKey("BINANCE"), &exauth.Options{Journal: journal})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range journal.Pending() { // what the last process had in flight
		res, err := client.Resolve(ctx, e) // accepted with the order, rejected, or still unknown: never a guess
		fmt.Println(e.ClientOrderID, res.Outcome, err)
	}
}

// Sign makes the request that Do would send, for looking at or for another client.
// This is Binance's own documented example, so its signature can be compared.
func ExampleClient_Sign() {
	key := exauth.NewSecretKey("vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
		"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")
	client, err := exauth.New(venue.Binance(), key, &exauth.Options{
		Now: func() time.Time { return time.UnixMilli(1499827319559) },
	})
	if err != nil {
		log.Fatal(err)
	}
	req, err := client.Sign(context.Background(), exauth.Call{Method: http.MethodDelete, Path: "/api/v3/order", Params: exauth.Params{
		{Name: "symbol", Value: "LTCBTC"}, {Name: "orderId", Value: 42},
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(req.URL)
	fmt.Println(key)
	// Output:
	// https://api.binance.com/api/v3/order?symbol=LTCBTC&orderId=42&recvWindow=5000&timestamp=1499827319559&signature=f3294845a1d48414cdd1677f0a6956c7e44c171ccb29c47647799755439ab1e7
	// exauth.Key(a7d05ea7767a174d)
}

// A read-only client refuses what writes before any key is used.
func ExampleOptions_scope() {
	client, err := exauth.New(venue.Kraken(), nil, &exauth.Options{Scope: exauth.ScopeRead})
	if err != nil {
		log.Fatal(err)
	}
	_, err = exauth.Post[any](context.Background(), client, "/0/private/AddOrder", exauth.Params{{Name: "pair", Value: "XBTEUR"}})
	fmt.Println(errors.Is(err, exauth.ErrScope))
	fmt.Println(err)
	// Output:
	// true
	// exauth: kraken POST /0/private/AddOrder: call is outside the scope: call needs trade-spot, the client allows read; see Options.Scope
}
