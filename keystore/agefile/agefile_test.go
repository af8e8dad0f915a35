package agefile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/keystore/agefile"
	"github.com/exauth/exauth/keystore/internal/keytest"
)

var bg = context.Background()

func phrase(p string) func(string) ([]byte, error) {
	return func(string) ([]byte, error) { return []byte(p), nil }
}

// sealPhrase is a cheap SealOptions: nothing secret depends on it.
func sealPhrase(p string) agefile.SealOptions {
	return agefile.SealOptions{Passphrase: func() ([]byte, error) { return []byte(p), nil }, WorkFactor: 4}
}

func seal(t testing.TB, path, text string, o agefile.SealOptions) string {
	t.Helper()
	if err := agefile.Seal(path, []byte(text), o); err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t testing.TB, path, text string, mode fs.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFaults: each fault has its own sentinel, and the words to act on.
func TestFaults(t *testing.T) {
	dir := t.TempDir()
	mine, to := identityFile(t, dir)
	others, _ := identityFile(t, dir)
	pq, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	text := keytest.KeysFile(keytest.Secret)
	byPhrase := seal(t, filepath.Join(dir, "phrase.age"), text, sealPhrase(keytest.Passphrase))
	byKey := seal(t, filepath.Join(dir, "key.age"), text, agefile.SealOptions{Recipients: to})
	byPQ := seal(t, filepath.Join(dir, "pq.age"), text, agefile.SealOptions{Recipients: []age.Recipient{pq.Recipient()}})
	costly := sealPhrase(keytest.Passphrase)
	costly.WorkFactor = 12
	open := write(t, filepath.Join(dir, "open.age"), text, 0o644)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	sealedID := filepath.Join(dir, "id.age")
	idText, err := os.ReadFile(mine)
	if err != nil {
		t.Fatal(err)
	}
	seal(t, sealedID, string(idText), sealPhrase(keytest.Passphrase))
	boom := errors.New("no terminal")
	ids := func(paths ...string) agefile.Options { return agefile.Options{IdentityFiles: paths} }
	for _, c := range []struct {
		name, path string
		opts       agefile.Options
		err        error // nil: opens
		says       string
	}{
		{"passphrase", byPhrase, agefile.Options{Passphrase: phrase(keytest.Passphrase)}, nil, ""},
		{"identity", byKey, ids(others, mine), nil, ""},
		{"identity by function", byKey, agefile.Options{Identities: func() ([]age.Identity, error) { return age.ParseIdentities(bytes.NewReader(idText)) }}, nil, ""},
		{"sealed identity file", byKey, agefile.Options{IdentityFiles: []string{sealedID}, Passphrase: phrase(keytest.Passphrase)}, nil, ""},
		{"post-quantum", byPQ, agefile.Options{Identities: func() ([]age.Identity, error) { return []age.Identity{pq}, nil }}, nil, ""},
		{"cost allowed", seal(t, filepath.Join(dir, "costly.age"), text, costly), agefile.Options{Passphrase: phrase(keytest.Passphrase), MaxWorkFactor: 12}, nil, ""},

		{"no file", filepath.Join(dir, "no.age"), ids(mine), exauth.ErrNoKey, "no.age: file does not exist"},
		{"wrong passphrase", byPhrase, agefile.Options{Passphrase: phrase("wrong")}, exauth.ErrPassphrase, "phrase.age: it does not open"},
		{"no passphrase", byPhrase, ids(mine), exauth.ErrPassphrase, "give it in Options.Passphrase"},
		{"empty passphrase", byPhrase, agefile.Options{Passphrase: phrase("")}, exauth.ErrPassphrase, "empty"},
		{"passphrase fails", byPhrase, agefile.Options{Passphrase: func(string) ([]byte, error) { return nil, boom }}, boom, "no terminal"},
		{"cost refused", filepath.Join(dir, "costly.age"), agefile.Options{Passphrase: phrase(keytest.Passphrase), MaxWorkFactor: 11}, exauth.ErrKey, "2^12 scrypt work, more than 2^11"},
		{"another identity", byKey, ids(others), exauth.ErrKey, "sealed for an age recipient, and none of the identities"},
		{"post-quantum, another identity", byPQ, ids(mine), exauth.ErrKey, "sealed for a post-quantum age recipient"},
		{"no identity", byKey, agefile.Options{Passphrase: phrase(keytest.Passphrase)}, exauth.ErrKey, "name one in Options.IdentityFiles"},
		{"wrong passphrase of the identity file", byKey, agefile.Options{IdentityFiles: []string{sealedID}, Passphrase: phrase("wrong")}, exauth.ErrPassphrase, "does not open " + sealedID},
		{"identity file that others read", byKey, ids(write(t, filepath.Join(dir, "loose"), string(idText), 0o604)), exauth.ErrKey, "chmod 600"},
		{"identity file missing", byKey, ids(filepath.Join(dir, "gone")), exauth.ErrKey, "gone"},
		{"identity file is public", byKey, ids(write(t, filepath.Join(dir, "pub"), to[0].(*age.X25519Recipient).String(), 0o600)), exauth.ErrKey, "the public half"},
		{"identity file is a plugin's", byKey, ids(write(t, filepath.Join(dir, "plug"), "AGE-PLUGIN-YUBIKEY-1QQ", 0o600)), exauth.ErrKey, "Options.Identities"},
		{"identity file is anything", byKey, ids(write(t, filepath.Join(dir, "any"), keytest.Secret, 0o600)), exauth.ErrKey, "a line is damaged"},
		{"plain text", write(t, filepath.Join(dir, "plain.age"), text, 0o600), ids(mine), exauth.ErrKey, "is not sealed by age"},
		{"others may read it", open, ids(mine), exauth.ErrKey, "chmod 600"},
		{"empty", write(t, filepath.Join(dir, "empty.age"), "", 0o600), ids(mine), exauth.ErrKey, "is empty"},
		{"sealed nonsense", seal(t, filepath.Join(dir, "nonsense.age"), "keys: none", agefile.SealOptions{Recipients: to}), ids(mine), exauth.ErrKey, "is no keys file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.err == nil {
				keytest.Holds(t, agefile.Key(c.path, &c.opts), keytest.Secret)
				return
			}
			key, err := agefile.Key(c.path, &c.opts).Key(bg, keytest.Need)
			if key != nil || !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) || strings.Count(err.Error(), "exauth:") > 1 {
				t.Fatalf("got %v, %v, want %v, %q", key, err, c.err, c.says)
			}
			if c.err != exauth.ErrNoKey && errors.Is(err, exauth.ErrNoKey) {
				t.Error("the next source would be asked")
			}
			if errors.Is(err, exauth.ErrPassphrase) && errors.Is(err, exauth.ErrKey) {
				t.Error("a wrong passphrase is called a broken key")
			}
			if found := keytest.Shown(fmt.Sprintf("%v %+v", err, err), string(idText[len("# created: today\n"):])); found != "" {
				t.Errorf("the error shows %s", found)
			}
		})
	}
	if _, err := agefile.Open(filepath.Join(dir, "no.age"), nil); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, exauth.ErrKey) {
		t.Errorf("Open without a file: %v", err)
	}
	if _, err := agefile.Open(byKey, nil); !errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), byKey+": is sealed for") {
		t.Errorf("Open without options: %v", err)
	}
}

// TestSSHPassphrase: an ssh key's own passphrase is asked for when the file is sealed
// for that key, and only then.
func TestSSHPassphrase(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("no ssh-keygen: apt-get install openssh-client")
	}
	dir := t.TempDir()
	make := func(name string, args ...string) (path string, to []age.Recipient) {
		path = filepath.Join(dir, name)
		run(t, "", "ssh-keygen", append([]string{"-q", "-N", keytest.Passphrase, "-C", "", "-f", path}, args...)...)
		pub, err := os.ReadFile(path + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		if to, err = agefile.ParseRecipients(pub); err != nil {
			t.Fatal(err)
		}
		return path, to
	}
	mine, to := make("ed", "-t", "ed25519", "-a", "1")
	others, _ := make("ed2", "-t", "ed25519", "-a", "1")
	rsa, toRSA := make("rsa", "-t", "rsa", "-b", "2048", "-m", "PEM")
	sealed := seal(t, filepath.Join(dir, "a.age"), keytest.KeysFile(keytest.Secret), agefile.SealOptions{Recipients: to})
	var asked []string
	opts := &agefile.Options{IdentityFiles: []string{others, mine}, Passphrase: func(path string) ([]byte, error) {
		asked = append(asked, path)
		return []byte(keytest.Passphrase), nil
	}}
	keytest.Holds(t, agefile.Key(sealed, opts), keytest.Secret)
	if len(asked) != 1 || asked[0] != mine {
		t.Errorf("asked for %q, want the key in question alone", asked)
	}
	opts.IdentityFiles = []string{rsa}
	keytest.Holds(t, agefile.Key(seal(t, filepath.Join(dir, "b.age"), keytest.KeysFile(keytest.Secret), agefile.SealOptions{Recipients: toRSA}), opts), keytest.Secret)
	for _, c := range []struct {
		name string
		path string
		pass func(string) ([]byte, error)
	}{{"wrong, OpenSSH", mine, phrase("wrong")}, {"none, OpenSSH", mine, nil}, {"wrong, PEM", rsa, phrase("wrong")}, {"none, PEM", rsa, nil}} {
		_, err := agefile.Open(sealed, &agefile.Options{IdentityFiles: []string{c.path}, Passphrase: c.pass})
		if !errors.Is(err, exauth.ErrPassphrase) || errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestTorn: no part of a sealed file opens, and nor does a changed one.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	id, to := identityFile(t, dir)
	for _, armored := range []bool{false, true} {
		whole, err := agefile.Encrypt([]byte(keytest.KeysFile(keytest.Secret)), agefile.SealOptions{Recipients: to, Armor: armored})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "f.age")
		opens := func(data []byte) bool {
			write(t, path, string(data), 0o600)
			text, err := agefile.Open(path, &agefile.Options{IdentityFiles: []string{id}})
			if err != nil && !errors.Is(err, exauth.ErrKey) {
				t.Errorf("armored %t: %v", armored, err)
			}
			return text != nil
		}
		if !opens(whole) {
			t.Fatal("the whole file does not open")
		}
		for n := range len(bytes.TrimSpace(whole)) {
			if n > 0 && opens(whole[:n]) {
				t.Errorf("armored %t: opens when cut to %d of %d bytes", armored, n, len(whole))
			}
		}
		for n := range whole {
			bad := bytes.Clone(whole)
			bad[n] ^= 1
			if opens(bad) && !(armored && n == len(whole)-1) { // its last newline
				t.Errorf("armored %t: opens with byte %d changed", armored, n)
			}
		}
	}
}

// TestReload: a changed file is used when it opens, parses and differs; until then the
// earlier key stays, and nobody is asked for a passphrase twice for the same bytes.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.age")
	asked := 0
	var told []string
	src := agefile.Key(path, &agefile.Options{
		Passphrase: func(string) ([]byte, error) { asked++; return []byte(keytest.Passphrase), nil },
		Warn:       func(err error) { told = append(told, err.Error()) },
	})
	if _, err := src.Key(bg, keytest.Need); !errors.Is(err, exauth.ErrNoKey) {
		t.Fatalf("before there is a file: %v", err)
	}
	seal(t, path, keytest.KeysFile(keytest.Secret), sealPhrase(keytest.Passphrase))
	key, err := src.Key(bg, keytest.Need)
	if err != nil {
		t.Fatal(err)
	}
	same := func(what string, wantAsked, wantTold int) {
		t.Helper()
		for range 3 {
			if k, err := src.Key(bg, keytest.Need); k != key || err != nil {
				t.Errorf("%s: got %p, %v, want the key there was, %p", what, k, err, key)
			}
		}
		if asked != wantAsked || len(told) != wantTold {
			t.Errorf("%s: asked %d times, told %q; want %d, %d", what, asked, told, wantAsked, wantTold)
		}
	}
	same("unchanged", 1, 0)
	seal(t, path, keytest.KeysFile(keytest.Secret), sealPhrase(keytest.Passphrase))
	same("sealed anew, the same inside", 2, 0)
	write(t, path, "age-encryption.org/v1\n", 0o600)
	same("torn", 2, 1)
	seal(t, path, keytest.KeysFile(keytest.Secret+"2"), sealPhrase("another"))
	same("sealed with another passphrase", 3, 2)
	seal(t, path, "{", sealPhrase(keytest.Passphrase))
	same("malformed inside", 4, 3)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	same("gone", 4, 4)
	seal(t, path, keytest.KeysFile(keytest.Secret+"3"), sealPhrase(keytest.Passphrase))
	keytest.Holds(t, src, keytest.Secret+"3")
	seal(t, path, `{"version": 1, "keys": []}`, sealPhrase(keytest.Passphrase))
	if _, err := src.Key(bg, keytest.Need); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("taken out of the list: %v", err)
	}
	for _, s := range told {
		if found := keytest.Shown(s); found != "" {
			t.Errorf("a warning shows %s", found)
		}
	}
}

func TestParse(t *testing.T) {
	dir := t.TempDir()
	path := seal(t, filepath.Join(dir, "bare.age"), keytest.Secret+"\n", sealPhrase(keytest.Passphrase))
	src := agefile.Key(path, &agefile.Options{Passphrase: phrase(keytest.Passphrase), Parse: keytest.Bare})
	if id, secret, _ := keytest.Signed(t, src); id != keytest.ID || secret != keytest.Secret {
		t.Error("a file with a bare secret gives another key")
	}
}

func TestRedacted(t *testing.T) {
	dir := t.TempDir()
	id, to := identityFile(t, dir)
	idText, err := os.ReadFile(id)
	if err != nil {
		t.Fatal(err)
	}
	private := strings.TrimSpace(string(idText[len("# created: today\n"):]))
	opts := agefile.Options{IdentityFiles: []string{id}, Parse: keytest.Bare, Passphrase: phrase(keytest.Passphrase),
		Identities: func() ([]age.Identity, error) { return age.ParseIdentities(bytes.NewReader(idText)) }}
	src := agefile.Key(seal(t, filepath.Join(dir, "k.age"), keytest.Secret, agefile.SealOptions{Recipients: to}), &opts)
	key, err := src.Key(bg, keytest.Need)
	if err != nil {
		t.Fatal(err)
	}
	sealing := sealPhrase(keytest.Passphrase)
	keytest.Redacted(t, map[string]any{"Options": opts, "*Options": &opts, "source": src, "key": key,
		"SealOptions": sealing, "SealOptions with recipients": agefile.SealOptions{Recipients: to}}, private)
	if got, want := fmt.Sprint(src), "agefile.Key("+filepath.Join(dir, "k.age")+")"; got != want {
		t.Errorf("prints as %s, want %s", got, want)
	}
}
