package exauth_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/exauth/exauth"
)

// TestDirKey: one file for each part, as Kubernetes and systemd hand out secrets.
func TestDirKey(t *testing.T) {
	pem := string(readFile(t, "keys/fake-ed25519.pem"))
	for name, c := range map[string]struct {
		files map[string]string
		want  error
		says  string
	}{
		"secret":           {map[string]string{"api_key": "id\n", "api_secret": "FAKEFAKEFAKE\n", "passphrase": "FAKE pass\n", "unrelated": "x"}, nil, ""},
		"upper case":       {map[string]string{"API_KEY": "id", "API_SECRET": "FAKEFAKEFAKE", "PASSPHRASE": "FAKE pass"}, nil, ""},
		"private key":      {map[string]string{"api_key": "id", "private_key": pem}, nil, ""},
		"PEM as secret":    {map[string]string{"api_key": "id", "api_secret": pem}, nil, ""},
		"nothing":          {nil, exauth.ErrNoKey, "api_key is not there"},
		"no id":            {map[string]string{"api_secret": "FAKEFAKEFAKE"}, exauth.ErrKey, "api_secret is there but"},
		"two keys":         {map[string]string{"api_key": "id", "api_secret": "FAKEFAKEFAKE", "private_key": pem}, exauth.ErrKey, "both there"},
		"empty":            {map[string]string{"api_key": "id", "api_secret": ""}, exauth.ErrKey, "is empty"},
		"quotes":           {map[string]string{"api_key": "id", "api_secret": `"FAKEFAKEFAKE"`}, exauth.ErrKey, "quotes"},
		"half a PEM":       {map[string]string{"api_key": "id", "private_key": pem[:len(pem)/2]}, exauth.ErrKey, ""},
		"a PEM for the id": {map[string]string{"api_key": pem, "api_secret": "FAKEFAKEFAKE"}, exauth.ErrKey, "PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				aged(t, write(t, filepath.Join(dir, file), text))
			}
			src := exauth.DirKey(dir)
			key, err := src.Key(bg, exauth.Need{})
			if !errors.Is(err, c.want) || err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "FAKEFAKEFAKE")) {
				t.Fatalf("%v, want %v saying %q", err, c.want, c.says)
			}
			if c.want != nil {
				return
			}
			if again := must(src.Key(bg, exauth.Need{}))(t); again != key {
				t.Error("another *Key though nothing changed")
			}
			if strings.Contains(name, "secret") && c.files["api_secret"] != pem && !signsLike(t, key, "id", "FAKEFAKEFAKE") {
				t.Error("signs otherwise")
			}
		})
	}
}

// TestDirKeyPlaces: $CREDENTIALS_DIRECTORY with the modes systemd gives, Kubernetes'
// links, a file that others can read, and a label that lets it stand in a ring.
func TestDirKeyPlaces(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "..2026")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"api_key": "id", "api_secret": "FAKEFAKEFAKE"} {
		path := aged(t, write(t, filepath.Join(data, name), text))
		if err := os.Chmod(path, 0o440); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("..2026", filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if _, err := exauth.DirKey(dir).Key(bg, exauth.Need{}); runtime.GOOS != "windows" && (!errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), "chmod 600")) {
		t.Errorf("others can read it: %v", err)
	}
	o := exauth.FileOptions{Mode: 0o440, Label: exauth.Need{Venue: "acme", Account: "main", Scope: exauth.ScopeRead}}
	other := exauth.NewSecretKey("other", "FAKEFAKE").For("other", "", "")
	ring := must(exauth.NewKeyRing(o.DirKey(dir), other))(t)
	key := must(ring.Key(bg, exauth.Need{Venue: "acme", Account: "main", Scope: exauth.ScopeRead}))(t)
	if f := key.Facts(); f.Venue != "acme" || f.Account != "main" || f.Scope != exauth.ScopeRead || !signsLike(t, key, "id", "FAKEFAKEFAKE") {
		t.Errorf("%+v", f)
	}
	if _, err := ring.Key(bg, exauth.Need{Venue: "acme", Account: "main", Scope: exauth.ScopeTradeSpot}); !errors.Is(err, exauth.ErrScope) {
		t.Errorf("beyond its label: %v", err)
	}
	t.Setenv("LABELLED_API_KEY", "env")
	t.Setenv("LABELLED_API_SECRET", "FAKEFAKE")
	if f := must(o.EnvKey("LABELLED").Key(bg, exauth.Need{}))(t).Facts(); f.Venue != "acme" || f.Scope != exauth.ScopeRead {
		t.Errorf("EnvKey: %+v", f)
	}
	systemd := exauth.DirKey("")
	if _, err := systemd.Key(bg, exauth.Need{}); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("no credentials were handed out: %v", err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if key := must(systemd.Key(bg, exauth.Need{}))(t); !signsLike(t, key, "id", "FAKEFAKEFAKE") {
		t.Error("signs otherwise")
	}
}
