package keystore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// passText reads an entry of pass, the standard Unix password manager.
func passText(entry string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		var said strings.Builder
		cmd := exec.CommandContext(ctx, "pass", "show", entry)
		cmd.Stderr = &said
		text, err := cmd.Output()
		if err != nil && strings.Contains(said.String(), "is not in the password store") {
			return nil, fmt.Errorf("%w: pass has no %s", exauth.ErrNoKey, entry)
		}
		return text, err // a locked store, a missing command: final
	}
}

// A keys file lies in pass. Reading it takes a process, so it is asked for every ten
// minutes, and the key that was there stays in use when pass does not answer.
func Example_pass() {
	argv := fakePass(`{"version": 1, "keys": [
		{"venue": "kraken", "id": "FAKE-id", "secret": "RkFLRS1zZWNyZXQ=", "scope": "read"}
	]}`)
	defer os.RemoveAll(filepath.Dir(argv))
	ctx := context.Background()

	keys := exauth.TextKey(passText("exchange/keys"), &exauth.TextOptions{Name: "pass exchange/keys", TTL: 10 * time.Minute})
	key, err := keys.Key(ctx, exauth.Need{Venue: "kraken", Scope: exauth.ScopeRead})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a key that may", key.Scope())

	// One entry per venue, which holds the secret alone: KeyFunc finds the entry.
	byVenue := exauth.CacheKey(exauth.KeyFunc(func(ctx context.Context, need exauth.Need) (*exauth.Key, error) {
		text, err := passText("exchange/" + need.Venue)(ctx)
		defer clear(text)
		if err != nil {
			return nil, err
		}
		return exauth.NewSecretKeyBytes("the key id, which is no secret", text).For(need.Venue, need.Environment, need.Account), nil
	}), 10*time.Minute)
	_, err = byVenue.Key(ctx, exauth.Need{Venue: "okx"})
	fmt.Println(err, errors.Is(err, exauth.ErrNoKey))

	ran, _ := os.ReadFile(argv)
	fmt.Print(string(ran))
	// Output:
	// a key that may read
	// exauth: no key: pass has no exchange/okx true
	// pass show exchange/keys
	// pass show exchange/okx
}

// fakePass puts a pass on the PATH that has one entry, exchange/keys, and returns the
// file where it writes down the arguments it was given.
func fakePass(text string) (argv string) {
	dir, err := os.MkdirTemp("", "exauth")
	if err != nil {
		panic(err)
	}
	argv = filepath.Join(dir, "argv")
	script := `#!/bin/sh
echo "pass $*" >>"` + argv + `"
case "$2" in
exchange/keys) cat "` + filepath.Join(dir, "entry") + `" ;;
*) echo "Error: $2 is not in the password store." >&2; exit 1 ;;
esac
`
	for name, content := range map[string]string{"pass": script, "entry": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o700); err != nil {
			panic(err)
		}
	}
	_ = os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return argv
}
