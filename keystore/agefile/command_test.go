package agefile_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/exauth/exauth/keystore/agefile"
	"github.com/exauth/exauth/keystore/internal/keytest"
)

// The age command is the outside truth: what it seals opens here, and the reverse.
// Besides the one on the PATH, EXAUTH_AGE may name a directory with another age and
// age-keygen, such as age 1.3, the first with post-quantum recipients.
type command struct{ age, keygen string }

func commands(t *testing.T) map[string]command {
	t.Helper()
	found := make(map[string]command)
	if a, err := exec.LookPath("age"); err == nil {
		if k, err := exec.LookPath("age-keygen"); err == nil {
			found["on the PATH"] = command{a, k}
		}
	}
	if dir := os.Getenv("EXAUTH_AGE"); dir != "" {
		found["of EXAUTH_AGE"] = command{filepath.Join(dir, "age"), filepath.Join(dir, "age-keygen")}
	}
	if len(found) == 0 {
		t.Skip("no age command: apt-get install age")
	}
	return found
}

// run runs a command and returns what it wrote to standard output.
func run(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v: %s", filepath.Base(name), strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// generate makes an identity file of a kind and returns it with its recipient.
func generate(t *testing.T, c command, kind, dir string) (identity, recipient string) {
	t.Helper()
	identity = filepath.Join(dir, "identity")
	switch kind {
	case "x25519":
		run(t, "", c.keygen, "-o", identity)
	case "post-quantum":
		if out, err := exec.Command(c.keygen, "-pq", "-o", identity).CombinedOutput(); err != nil {
			t.Skipf("this age-keygen makes no post-quantum identity (age 1.3 does; see EXAUTH_AGE): %.60s", out)
		}
	default:
		if _, err := exec.LookPath("ssh-keygen"); err != nil {
			t.Skip("no ssh-keygen: apt-get install openssh-client")
		}
		args := []string{"-q", "-t", strings.TrimPrefix(kind, "ssh-"), "-N", "", "-C", "", "-f", identity}
		if kind == "ssh-rsa" {
			args = append(args, "-b", "2048")
		}
		run(t, "", "ssh-keygen", args...)
		pub, err := os.ReadFile(identity + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		return identity, strings.TrimSpace(string(pub))
	}
	return identity, strings.TrimSpace(run(t, "", c.keygen, "-y", identity))
}

// TestAgeCommand seals with the age command and opens here, and the reverse, for
// every kind of recipient, armored and not.
func TestAgeCommand(t *testing.T) {
	for name, c := range commands(t) {
		for _, kind := range []string{"x25519", "post-quantum", "ssh-ed25519", "ssh-rsa"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				dir := t.TempDir()
				identity, recipient := generate(t, c, kind, dir)
				opts := &agefile.Options{IdentityFiles: []string{identity}}
				to, err := agefile.ParseRecipients([]byte("# comment\n\n" + recipient + "\n"))
				if err != nil {
					t.Fatal(err)
				}
				for _, armored := range []bool{false, true} {
					path := filepath.Join(dir, fmt.Sprintf("theirs-%t.age", armored))
					args := []string{"-e", "-r", recipient, "-o", path}
					if armored {
						args = append(args, "-a")
					}
					run(t, keytest.KeysFile(keytest.Secret), c.age, args...)
					if err := os.Chmod(path, 0o600); err != nil {
						t.Fatal(err)
					}
					keytest.Holds(t, agefile.Key(path, opts), keytest.Secret)

					ours := filepath.Join(dir, fmt.Sprintf("ours-%t.age", armored))
					if err := agefile.Seal(ours, []byte(keytest.KeysFile(keytest.Secret)), agefile.SealOptions{Recipients: to, Armor: armored}); err != nil {
						t.Fatal(err)
					}
					if got := run(t, "", c.age, "-d", "-i", identity, ours); got != keytest.KeysFile(keytest.Secret) {
						t.Errorf("age opened %d bytes, want what was sealed", len(got))
					}
				}
			})
		}
	}
}

// TestAgeCommandPassphrase is TestAgeCommand for passphrases, which age takes from a
// terminal only: script makes one. It is run with one command: each scrypt of age's
// own cost takes a second or two.
func TestAgeCommandPassphrase(t *testing.T) {
	if _, err := exec.LookPath("script"); err != nil {
		t.Skip("no script command to give age a terminal: apt-get install bsdutils")
	}
	all := commands(t)
	c, ok := all["on the PATH"]
	if !ok {
		c = all["of EXAUTH_AGE"]
	}
	dir := t.TempDir()
	plain, sealed := filepath.Join(dir, "plain"), filepath.Join(dir, "sealed.age")
	if err := os.WriteFile(plain, []byte(keytest.KeysFile(keytest.Secret)), 0o600); err != nil {
		t.Fatal(err)
	}
	twice := keytest.Passphrase + "\n" + keytest.Passphrase + "\n"
	run(t, twice, "script", "-qec", fmt.Sprintf("'%s' -e -p -o '%s' '%s'", c.age, sealed, plain), "/dev/null")
	if err := os.Chmod(sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	asked := 0
	src := agefile.Key(sealed, &agefile.Options{Passphrase: func(path string) ([]byte, error) {
		asked++
		if path != sealed {
			t.Errorf("asked for %s", path)
		}
		return []byte(keytest.Passphrase), nil
	}})
	keytest.Holds(t, src, keytest.Secret)
	keytest.Holds(t, src, keytest.Secret)
	if asked != 1 {
		t.Errorf("asked %d times for one file", asked)
	}

	ours, out := filepath.Join(dir, "ours.age"), filepath.Join(dir, "out")
	err := agefile.Seal(ours, []byte(keytest.KeysFile(keytest.Secret)), agefile.SealOptions{
		Passphrase: func() ([]byte, error) { return []byte(keytest.Passphrase), nil }, WorkFactor: 10, Armor: true})
	if err != nil {
		t.Fatal(err)
	}
	run(t, keytest.Passphrase+"\n", "script", "-qec", fmt.Sprintf("'%s' -d -o '%s' '%s'", c.age, out, ours), "/dev/null")
	if got, err := os.ReadFile(out); err != nil || string(got) != keytest.KeysFile(keytest.Secret) {
		t.Errorf("age opened %d bytes, %v", len(got), err)
	}
}

// identityFile writes an identity of this program's own making.
func identityFile(t testing.TB, dir string) (path string, to []age.Recipient) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "id-"+id.Recipient().String()[5:12])
	if err := os.WriteFile(path, []byte("# created: today\n"+id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, []age.Recipient{id.Recipient()}
}
