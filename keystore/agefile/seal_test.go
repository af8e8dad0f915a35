package agefile_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/keystore/agefile"
	"github.com/exauth/exauth/keystore/internal/keytest"
)

func TestSealRefuses(t *testing.T) {
	dir := t.TempDir()
	_, to := identityFile(t, dir)
	pq, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	boom := errors.New("no terminal")
	path := seal(t, filepath.Join(dir, "keys.age"), "what was there", agefile.SealOptions{Recipients: to})
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	both := sealPhrase(keytest.Passphrase)
	both.Recipients = to
	dear := sealPhrase(keytest.Passphrase)
	dear.WorkFactor = 23
	for _, c := range []struct {
		name, path string
		size       int
		opts       agefile.SealOptions
		err        error
		says       string
	}{
		{"nobody", path, 10, agefile.SealOptions{}, exauth.ErrParam, "neither recipients nor a passphrase"},
		{"both", path, 10, both, exauth.ErrParam, "choose one"},
		{"work factor", path, 10, dear, exauth.ErrParam, "work factor"},
		{"post-quantum and not", path, 10, agefile.SealOptions{Recipients: append(to[:1:1], pq.Recipient())}, exauth.ErrParam, "post-quantum ones stand alone"},
		{"empty passphrase", path, 10, sealPhrase(""), exauth.ErrPassphrase, "empty"},
		{"passphrase fails", path, 10, agefile.SealOptions{Passphrase: func() ([]byte, error) { return nil, boom }}, boom, ""},
		{"too large", path, 64 << 10, agefile.SealOptions{Recipients: to}, exauth.ErrParam, "64 KiB"},
		{"no directory", filepath.Join(dir, "no", "keys.age"), 10, agefile.SealOptions{Recipients: to}, os.ErrNotExist, "exauth: seal: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := agefile.Seal(c.path, bytes.Repeat([]byte("x"), c.size), c.opts)
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v, %q", err, c.err, c.says)
			}
		})
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("a refused Seal touched the file: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".keys.age*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestSealReplaces: 0600 whatever was there, and through a symbolic link.
func TestSealReplaces(t *testing.T) {
	dir := t.TempDir()
	_, to := identityFile(t, dir)
	real := write(t, filepath.Join(dir, "real.age"), "old", 0o644)
	link := filepath.Join(dir, "link.age")
	if err := os.Symlink("real.age", link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	seal(t, link, keytest.KeysFile(keytest.Secret), agefile.SealOptions{Recipients: to})
	info, err := os.Stat(real)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	if target, err := os.Readlink(link); err != nil || target != "real.age" {
		t.Errorf("the link is gone: %v", err)
	}
}

// TestSealUnderReaders: somebody who opens the file while it is sealed over and over
// never gets less than a whole one.
func TestSealUnderReaders(t *testing.T) {
	dir := t.TempDir()
	id, to := identityFile(t, dir)
	path := filepath.Join(dir, "keys.age")
	text := func(i int) string { return keytest.KeysFile(fmt.Sprintf("%s%d", keytest.Secret, i)) }
	seal(t, path, text(0), agefile.SealOptions{Recipients: to})
	done := make(chan struct{})
	var wg sync.WaitGroup
	reads := make([]int, 2)
	for i := range reads {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				got, err := agefile.Open(path, &agefile.Options{IdentityFiles: []string{id}})
				if err != nil || !bytes.HasSuffix(got, []byte("]}")) {
					t.Errorf("read %d: %v", reads[i], err)
					return
				}
				reads[i]++
			}
		})
	}
	for i := range 40 {
		seal(t, path, text(i), agefile.SealOptions{Recipients: to, Armor: i%2 == 0})
	}
	close(done)
	wg.Wait()
	if reads[0]+reads[1] == 0 {
		t.Error("nothing was read meanwhile")
	}
}

func TestParseRecipients(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, says string }{
		{"none", "# nothing\n", "no recipients"},
		{"private half", id.Recipient().String() + "\n" + id.String(), "line 2 is a private half"},
		{"unknown", "age2qqqq", "line 1 is no recipient"},
		{"bad checksum", strings.Replace(id.Recipient().String(), "age1", "age1q", 1), "line 1 is no recipient"},
		{"ssh ecdsa", "ssh-dss AAAA", "line 1 is no recipient"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := agefile.ParseRecipients([]byte(c.text))
			if !errors.Is(err, exauth.ErrParam) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
			if found := keytest.Shown(err.Error(), id.String()); found != "" {
				t.Errorf("the error shows %s", found)
			}
		})
	}
}
