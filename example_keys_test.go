package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/exauth/exauth"
)

// A keys file holds keys for several venues; each call gets the narrowest that will
// do, and none is ever used for another venue or environment.
func ExampleFileKey() {
	dir, _ := os.MkdirTemp("", "exauth")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "keys.json")
	os.WriteFile(path, []byte(`{"version": 1, "keys": [
		{"venue": "okx", "id": "reader", "secret": "FAKE-not-a-secret-1", "passphrase": "FAKE", "scope": "read"},
		{"venue": "okx", "id": "trader", "secret": "FAKE-not-a-secret-2", "passphrase": "FAKE", "scope": "read+trade-spot"}
	]}`), 0o600)

	ctx := context.Background()
	keys := exauth.FileKey(path)
	for _, scope := range []exauth.Scope{exauth.ScopeRead, exauth.ScopeTradeSpot, exauth.ScopeWithdraw} {
		key, err := keys.Key(ctx, exauth.Need{Venue: "okx", Scope: scope})
		if err != nil {
			fmt.Println(scope, "-", err)
			continue
		}
		fmt.Println(scope, "- a key that may", key.Scope())
	}
	_, err := keys.Key(ctx, exauth.Need{Venue: "okx", Environment: "demo"})
	fmt.Println("demo -", errors.Is(err, exauth.ErrEnvironment))
	// Output:
	// read - a key that may read
	// trade-spot - a key that may read+trade-spot
	// withdraw - exauth: no key: exauth: call is outside the scope: call needs withdraw, the keys file has okx keys for read, read+trade-spot
	// demo - true
}

// Sources wrap one another: the environment goes first, then a file, and what was
// found is kept for a minute.
func ExampleFirstKey() {
	keys := exauth.CacheKey(exauth.FirstKey(exauth.EnvKey("EXAMPLE_OKX"), exauth.FileKey("no-such-keys.json")), time.Minute)
	_, err := keys.Key(context.Background(), exauth.Need{Venue: "okx"})
	fmt.Println(err)
	// Output:
	// exauth: no key: EXAMPLE_OKX_API_KEY is not set; keys file no-such-keys.json does not exist
}

// A ring holds a key for each job. Its keys are exchanged while Clients use them;
// Client.Rotate proves a new one at the venue first.
func ExampleKeyRing() {
	ctx := context.Background()
	ring, err := exauth.NewKeyRing(
		exauth.NewSecretKey("reader", "FAKE-not-a-secret-1").For("okx", "production", "main").Restrict(exauth.ScopeRead),
		exauth.NewSecretKey("trader", "FAKE-not-a-secret-2").For("okx", "production", "main").Restrict(exauth.ScopeRead|exauth.ScopeTradeSpot),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	key, _ := ring.Key(ctx, exauth.Need{Venue: "okx", Account: "main", Scope: exauth.ScopeTradeSpot})
	fmt.Println("trades with a key for", key.Scope())

	next := exauth.NewSecretKey("trader-2", "FAKE-not-a-secret-3").For("okx", "production", "main").Restrict(exauth.ScopeRead | exauth.ScopeTradeSpot)
	old, err := ring.Swap(ctx, next) // returns when nothing signed with the old key is under way
	fmt.Println("swapped:", old == key, err)

	todo := ring.Revoke(next.Fingerprint())
	fmt.Println(todo)
	_, err = ring.Key(ctx, exauth.Need{Venue: "okx", Account: "main", Scope: exauth.ScopeTradeSpot})
	fmt.Println(errors.Is(err, exauth.ErrNoKey))
	// Output:
	// trades with a key for read+trade-spot
	// swapped: true <nil>
	// key fc1fc2487ba88d2e was revoked here only: delete it at okx
	// true
}

// What may be behind an error that is about a key, the likeliest first.
func ExampleCauses() {
	err := &exauth.Error{Venue: "binance", Code: "-2015", Kind: exauth.ErrIPNotAllowed}
	for _, cause := range exauth.Causes(fmt.Errorf("placing an order: %w", err)) {
		fmt.Println(cause.Text)
	}
	// Output:
	// the address this machine leaves from is not on the key's list
}
