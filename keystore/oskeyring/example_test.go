package oskeyring_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/keystore/oskeyring"
)

// A desktop program keeps its key in the user's keyring. Storing is done once, by a
// tool or a settings window; a locked keyring is no reason to use another key.
func ExampleKey() {
	ctx := context.Background()
	err := oskeyring.Store(ctx, "kraken", []byte(`{"version": 1, "keys": [
		{"venue": "kraken", "id": "FAKE", "secret": "RkFLRQ==", "scope": "read"}
	]}`), nil)
	if err != nil {
		fmt.Println(err)
	}

	keys := exauth.FirstKey(exauth.EnvKey("KRAKEN"), oskeyring.Key("kraken", nil))
	_, err = keys.Key(ctx, exauth.Need{Venue: "kraken", Scope: exauth.ScopeRead})
	switch {
	case errors.Is(err, oskeyring.ErrLocked):
		fmt.Println("unlock your keyring, then try again")
	case errors.Is(err, exauth.ErrNoKey):
		fmt.Println("no key yet: make one at the exchange")
	}
}
