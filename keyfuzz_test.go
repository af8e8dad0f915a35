package exauth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/exauth/exauth"
)

// FuzzSecretText: whatever the environment holds, loading never panics; what is
// accepted signs with exactly the text given, less one trailing newline, and what
// is refused is not quoted.
func FuzzSecretText(f *testing.F) {
	for _, s := range []string{fakeSecret, fakeSecret + "\n", fakeSecret + "\r\n", fakeSecret + "\n\n", "\n", "", " ", `"` + fakeSecret + `"`,
		"\ufeff" + fakeSecret, "a\x00b", "\xff\xfe", "pässwörd", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		`-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----`, "=", "a\u00a0b", "\u200b" + fakeSecret} {
		f.Add("id", s)
		f.Add(s, fakeSecret)
	}
	v := keyVenue()
	f.Fuzz(func(t *testing.T, id, secret string) {
		key := exauth.NewSecretKey(id, secret)
		checkSecretKey(t, v, key, key.Err(), id, secret)
		if strings.ContainsRune(id+secret, 0) {
			return // the environment cannot hold it
		}
		for name, value := range map[string]string{"F_API_KEY": id, "F_API_SECRET": secret} {
			if err := os.Setenv(name, value); err != nil {
				t.Skip(err)
			}
		}
		key, err := exauth.EnvKey("F").Key(bg, exauth.Need{})
		checkSecretKey(t, v, key, err, id, secret)
	})
}

func checkSecretKey(t *testing.T, v *exauth.Venue, key *exauth.Key, err error, id, secret string) {
	t.Helper()
	if err != nil {
		if !errors.Is(err, exauth.ErrKey) && !errors.Is(err, exauth.ErrPassphrase) && !errors.Is(err, exauth.ErrNoKey) {
			t.Errorf("%v matches no sentinel", err)
		}
		for _, text := range []string{id, secret} {
			if text = strings.TrimSpace(text); len(text) > 12 && strings.Contains(err.Error(), text) && !strings.Contains(text, " ") {
				t.Errorf("%q quotes %q", err, text)
			}
		}
		return
	}
	if strings.Contains(secret, "-----BEGIN ") {
		return // a PEM: FuzzParsePEM's
	}
	trim := func(s string) string { return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r") }
	c, err := exauth.New(v, key, nil)
	if trim(secret) == "" {
		if err == nil {
			t.Error("an empty secret signs")
		}
		return
	}
	if err != nil {
		t.Fatalf("accepted by the key, refused by New: %v", err)
	}
	r, err := c.Sign(bg, exauth.Call{Path: "/v1/me"})
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha256.New, []byte(trim(secret)))
	m.Write([]byte("GET/v1/me"))
	if want := hex.EncodeToString(m.Sum(nil)); r.Header.Get("Acme-Sign") != want {
		t.Errorf("secret %q signs %s, want %s", secret, r.Header.Get("Acme-Sign"), want)
	}
	if got := r.Header.Get("Acme-Key"); got != trim(id) {
		t.Errorf("id %q is sent as %q", id, got)
	}
}
