package vaultkv_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/keystore/vaultkv"
)

// A bot reads its key from Vault, with the token that Vault Agent keeps fresh in a
// file. Writing the next version of the secret rotates the key within Options.TTL.
func ExampleKey() {
	// In place of a server: vault kv put secret/bots/kraken @keys.json.
	vault := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"data": {"metadata": {"version": 1, "created_time": "2026-11-23T07:00:00Z"}, "data":
			{"version": 1, "keys": [{"venue": "kraken", "id": "FAKE", "secret": "RkFLRQ==", "scope": "read+trade-spot"}]}}}`)
	}))
	defer vault.Close()
	dir, _ := os.MkdirTemp("", "exauth")
	defer os.RemoveAll(dir)
	token := filepath.Join(dir, "token")
	os.WriteFile(token, []byte("hvs.FAKE"), 0o600)

	keys := vaultkv.Key(vault.URL, "bots/kraken", &vaultkv.Options{TokenFile: token})
	key, err := keys.Key(context.Background(), exauth.Need{Venue: "kraken", Scope: exauth.ScopeTradeSpot})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a key that may", key.Scope())
	// Output:
	// a key that may read+trade-spot
}
