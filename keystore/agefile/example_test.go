package agefile_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/keystore/agefile"
)

// The keys lie sealed on the disk; the identity that opens them is a file that only
// the bot can read. A keys file that is sealed anew is used from the next call on.
func ExampleKey() {
	dir, _ := os.MkdirTemp("", "exauth")
	defer os.RemoveAll(dir)

	// Once, or: age-keygen -o bot.key; age -R bot.pub -o keys.json.age keys.json
	id, _ := age.GenerateHybridIdentity()
	identity := filepath.Join(dir, "bot.key")
	os.WriteFile(identity, []byte(id.String()+"\n"), 0o600)
	sealed := filepath.Join(dir, "keys.json.age")
	err := agefile.Seal(sealed, []byte(`{"version": 1, "keys": [
		{"venue": "okx", "id": "reader", "secret": "FAKE-not-a-secret", "passphrase": "FAKE", "scope": "read"}
	]}`), agefile.SealOptions{Recipients: []age.Recipient{id.Recipient()}})
	if err != nil {
		fmt.Println(err)
	}

	// In the bot.
	keys := agefile.Key(sealed, &agefile.Options{IdentityFiles: []string{identity}})
	key, err := keys.Key(context.Background(), exauth.Need{Venue: "okx", Scope: exauth.ScopeRead})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a key that may", key.Scope())
	// Output:
	// a key that may read
}
