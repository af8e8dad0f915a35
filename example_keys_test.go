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
