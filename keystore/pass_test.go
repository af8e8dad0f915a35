package keystore_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/keystore/internal/keytest"
)

// TestPass runs the recipe of the example against the real pass and gpg.
func TestPass(t *testing.T) {
	for _, tool := range []string{"pass", "gpg"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s: apt-get install pass", tool)
		}
	}
	home, err := os.MkdirTemp("", "exauth") // gpg's socket wants a short path
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GNUPGHOME", home)
	t.Setenv("PASSWORD_STORE_DIR", t.TempDir())
	run := func(stdin, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Stdin = strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
		}
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	run("", "gpg", "--batch", "--passphrase", "", "--quick-gen-key", "fake@example.org", "future-default", "default", "never")
	run("", "pass", "init", "fake@example.org")
	run(keytest.KeysFile(keytest.Secret)+"\n", "pass", "insert", "-m", "exchange/keys")

	keytest.Holds(t, exauth.TextKey(passText("exchange/keys"), nil), keytest.Secret)
	if _, err := exauth.TextKey(passText("exchange/none"), nil).Key(context.Background(), keytest.Need); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("no entry: %v", err)
	}
	run("", "gpgconf", "--kill", "all")
	if err := os.RemoveAll(home); err != nil { // the private key is gone: not the same as no entry
		t.Fatal(err)
	}
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = exauth.TextKey(passText("exchange/keys"), nil).Key(context.Background(), keytest.Need)
	if err == nil || errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("an entry that does not open: %v", err)
	}
	t.Log(err)
}
