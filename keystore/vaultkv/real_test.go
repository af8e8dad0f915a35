package vaultkv_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/keystore/internal/keytest"
	"github.com/exauth/exauth/keystore/vaultkv"
)

// TestRealServer asks a real Vault or OpenBao, one made for the test and nothing else:
//
//	vault server -dev -dev-root-token-id=FAKE &   # or bao
//	EXAUTH_VAULT_ADDR=http://127.0.0.1:8200 EXAUTH_VAULT_TOKEN=FAKE go test -run TestRealServer ./vaultkv
//
// It mounts a KV engine of version 2 of its own, and at the end it seals the server.
func TestRealServer(t *testing.T) {
	address, root := os.Getenv("EXAUTH_VAULT_ADDR"), os.Getenv("EXAUTH_VAULT_TOKEN")
	if address == "" || root == "" {
		t.Skip("no Vault or OpenBao: set EXAUTH_VAULT_ADDR and EXAUTH_VAULT_TOKEN to those of a throw-away dev server")
	}
	api := func(method, path string, body any) map[string]any {
		t.Helper()
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(method, address+"/v1/"+path, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Vault-Token", root)
		req.Header.Set("X-Vault-Request", "true")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, text)
		}
		var out map[string]any
		_ = json.Unmarshal(text, &out)
		return out
	}
	mount := fmt.Sprintf("exauth-test-%d", os.Getpid())
	api("POST", "sys/mounts/"+mount, map[string]any{"type": "kv", "options": map[string]string{"version": "2"}})
	api("PUT", "sys/policies/acl/"+mount, map[string]any{"policy": fmt.Sprintf(`path "%s/data/*" { capabilities = ["read"] }`, mount)})
	narrow := api("POST", "auth/token/create", map[string]any{"policies": []string{mount}, "no_default_policy": true})["auth"].(map[string]any)["client_token"].(string)
	t.Setenv("VAULT_TOKEN", narrow)
	t.Setenv("VAULT_NAMESPACE", "")
	opts := func() *vaultkv.Options { return often(vaultkv.Options{Mount: mount}) }
	put := func(path string, data any) { api("POST", mount+"/data/"+path, map[string]any{"data": data}) }
	fails := func(what string, o *vaultkv.Options, path string, want error) {
		t.Helper()
		_, err := vaultkv.Key(address, path, o).Key(bg, keytest.Need)
		if !errors.Is(err, want) || want != exauth.ErrNoKey && errors.Is(err, exauth.ErrNoKey) {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
		t.Logf("%s: %v", what, err)
	}

	put("acme", object(keytest.KeysFile(keytest.Secret)))
	src := vaultkv.Key(address, "acme", opts())
	keytest.Holds(t, src, keytest.Secret)
	put("acme", object(keytest.KeysFile(keytest.Secret+"2")))
	keytest.Holds(t, src, keytest.Secret+"2")
	old := opts()
	old.Version = 1
	keytest.Holds(t, vaultkv.Key(address, "acme", old), keytest.Secret)
	put("a b/ö", map[string]string{"keys": keytest.KeysFile(keytest.Secret)})
	field := opts()
	field.Field = "keys"
	keytest.Holds(t, vaultkv.Key(address, "a b/ö", field), keytest.Secret)

	fails("no such secret", opts(), "none", exauth.ErrNoKey)
	api("DELETE", mount+"/data/acme", nil)
	fails("deleted", opts(), "acme", exauth.ErrNoKey)
	keytest.Holds(t, src, keytest.Secret+"2")
	api("PUT", mount+"/destroy/acme", map[string]any{"versions": []int{1}})
	fails("destroyed", old, "acme", exauth.ErrNoKey)
	fails("field missing", opts(), "a b/ö", exauth.ErrKey)
	fails("a mount that the token may not see", &vaultkv.Options{Mount: "nowhere"}, "acme", vaultkv.ErrDenied)
	t.Setenv("VAULT_TOKEN", root)
	fails("no such mount", &vaultkv.Options{Mount: "nowhere"}, "acme", vaultkv.ErrUnavailable)
	api("POST", "sys/mounts/"+mount+"-v1", map[string]any{"type": "kv", "options": map[string]string{"version": "1"}})
	api("POST", mount+"-v1/data/acme", map[string]any{"keys": "x"})
	fails("KV version 1", &vaultkv.Options{Mount: mount + "-v1"}, "acme", vaultkv.ErrUnavailable)
	t.Setenv("VAULT_TOKEN", "hvs.FAKE")
	fails("token refused", opts(), "a b/ö", vaultkv.ErrDenied)
	t.Setenv("VAULT_TOKEN", narrow)
	api("PUT", "sys/seal", nil)
	fails("sealed", opts(), "a b/ö", vaultkv.ErrSealed)
}
