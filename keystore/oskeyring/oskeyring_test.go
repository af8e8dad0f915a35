package oskeyring_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/keystore/internal/keytest"
	"github.com/exauth/exauth/keystore/oskeyring"
)

var bg = context.Background()

// inside says which of the tests below this process is, within a D-Bus session of its
// own that an outer test process started; "" in the outer one.
const inside = "EXAUTH_KEYRING_INSIDE"

// session runs one test of this binary again, inside a fresh D-Bus session whose
// daemons keep their files in data.
func session(t *testing.T, data string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("gnome-keyring is run on Linux alone; macOS and Windows were not tried")
	}
	for tool, pkg := range map[string]string{"dbus-run-session": "dbus", "gnome-keyring-daemon": "gnome-keyring"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s: apt-get install %s", tool, pkg)
		}
	}
	ctx, stop := context.WithTimeout(bg, time.Minute)
	defer stop()
	runtimeDir := t.TempDir()
	if err := os.Chmod(runtimeDir, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "dbus-run-session", "--", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), inside+"="+t.Name(), "HOME="+data, "XDG_DATA_HOME="+data, "XDG_RUNTIME_DIR="+runtimeDir, "DISPLAY=", "WAYLAND_DISPLAY=")
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "_test.go:") {
			t.Log(strings.TrimSpace(line))
		}
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("inside the session: %v\n%s", err, out)
	}
}

// daemon runs gnome-keyring-daemon for the test, unlocked with a login password.
func daemon(t *testing.T) {
	t.Helper()
	cmd := exec.Command("gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
	cmd.Stdin = strings.NewReader("FAKE login password")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	// Asking for the service before this daemon has its name would make D-Bus start
	// another one, locked.
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	up := false
	for range 600 {
		if !up {
			_ = conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.freedesktop.secrets").Store(&up)
		} else if _, err = oskeyring.Load(bg, "not there", nil); errors.Is(err, exauth.ErrNoKey) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the keyring daemon does not come up unlocked: has its name %t, %v", up, err)
}

// lock locks the login keyring, as a screen lock does.
func lock(t *testing.T) {
	t.Helper()
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	path := dbus.ObjectPath("/org/freedesktop/secrets/collection/login")
	call := conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets").Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{path})
	if call.Err != nil {
		t.Fatal(call.Err)
	}
}

// TestKeyring is the whole life of an item in a real gnome-keyring.
func TestKeyring(t *testing.T) {
	if os.Getenv(inside) == "" {
		session(t, t.TempDir())
		return
	}
	daemon(t)
	const name = "acme main"
	src := oskeyring.Key(name, &oskeyring.Options{TTL: -1})
	if _, err := src.Key(bg, keytest.Need); !errors.Is(err, exauth.ErrNoKey) || !strings.Contains(err.Error(), "exauth/acme main") {
		t.Errorf("before it is stored: %v", err)
	}
	if err := oskeyring.Delete(bg, name, nil); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("deleting nothing: %v", err)
	}
	store := func(text string) {
		t.Helper()
		if err := oskeyring.Store(bg, name, []byte(text), nil); err != nil {
			t.Fatal(err)
		}
	}
	store(keytest.KeysFile(keytest.Secret))
	keytest.Holds(t, src, keytest.Secret)
	first, err := src.Key(bg, keytest.Need)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := src.Key(bg, keytest.Need); again != first || err != nil {
		t.Errorf("another *Key though nothing changed: %v", err)
	}
	store(keytest.KeysFile(keytest.Secret + "2"))
	keytest.Holds(t, src, keytest.Secret+"2")
	if _, err := oskeyring.Load(bg, name, &oskeyring.Options{Service: "another"}); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("another service: %v", err)
	}
	keytest.Redacted(t, map[string]any{"source": src, "key": first, "Options": oskeyring.Options{Parse: keytest.Bare}})

	secretTool(t, name)

	long := strings.Repeat("x", 64<<10)
	store(long)
	if got, err := oskeyring.Load(bg, name, nil); string(got) != long || err != nil {
		t.Errorf("64 KiB came back as %d bytes, %v", len(got), err)
	}
	keytest.Holds(t, src, keytest.Secret+"2") // no keys file: the earlier key stays

	store(keytest.Secret + "\n")
	bare := oskeyring.Key(name, &oskeyring.Options{Parse: keytest.Bare})
	if id, secret, _ := keytest.Signed(t, bare); id != keytest.ID || secret != keytest.Secret {
		t.Error("an item with a bare secret gives another key")
	}

	lock(t)
	for what, err := range map[string]error{
		"load": second(oskeyring.Load(bg, name, nil)), "store": oskeyring.Store(bg, name, []byte("x"), nil), "delete": oskeyring.Delete(bg, name, nil),
		"a new source": second(oskeyring.Key(name, nil).Key(bg, keytest.Need)),
		"not there":    second(oskeyring.Load(bg, "not there", nil)),
		// Nobody is there to answer the prompt: gnome-keyring gives up at once.
		"prompt": second(oskeyring.Load(bg, name, &oskeyring.Options{Prompt: true, Timeout: 5 * time.Second})),
	} {
		if !errors.Is(err, oskeyring.ErrLocked) || errors.Is(err, exauth.ErrNoKey) || !strings.Contains(err.Error(), "Options.Prompt") {
			t.Errorf("locked, %s: %v", what, err)
		}
	}
	if k, err := exauth.FirstKey(oskeyring.Key(name, nil), exauth.NewSecretKey("older", "FAKE")).Key(bg, keytest.Need); k != nil || !errors.Is(err, oskeyring.ErrLocked) {
		t.Errorf("a locked keyring is papered over by the next source: %v, %v", k, err)
	}
	keytest.Holds(t, src, keytest.Secret+"2") // a source that has its key keeps it
}

// secretTool checks with libsecret's own tool that the item is where others find it,
// and the reverse.
func secretTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath("secret-tool"); err != nil {
		t.Log("no secret-tool to compare with: apt-get install libsecret-tools")
		return
	}
	out, err := exec.Command("secret-tool", "lookup", "service", "exauth", "username", name).Output()
	if err != nil || string(out) != keytest.KeysFile(keytest.Secret+"2") {
		t.Errorf("secret-tool finds %d bytes, %v", len(out), err)
	}
	store := exec.Command("secret-tool", "store", "--label=theirs", "service", "exauth", "username", "theirs")
	store.Stdin = strings.NewReader(keytest.KeysFile(keytest.Secret))
	if out, err := store.CombinedOutput(); err != nil {
		t.Fatalf("secret-tool store: %v: %s", err, out)
	}
	keytest.Holds(t, oskeyring.Key("theirs", nil), keytest.Secret)
	if err := oskeyring.Delete(bg, "theirs", nil); err != nil {
		t.Error(err)
	}
	if _, err := oskeyring.Load(bg, "theirs", nil); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("deleted: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestStartsLocked: a keyring on the disk, and a daemon that nobody gave the password,
// as under cron or ssh.
func TestStartsLocked(t *testing.T) {
	if os.Getenv(inside) == "" {
		data := t.TempDir()
		session(t, data) // makes the keyring
		if left, _ := filepath.Glob(filepath.Join(data, "keyrings", "*.keyring")); len(left) == 0 {
			t.Fatal("the first session left no keyring")
		}
		session(t, data) // finds it locked
		return
	}
	if left, _ := filepath.Glob(filepath.Join(os.Getenv("XDG_DATA_HOME"), "keyrings", "login.keyring")); len(left) == 0 {
		daemon(t)
		if err := oskeyring.Store(bg, "acme", []byte(keytest.KeysFile(keytest.Secret)), nil); err != nil {
			t.Fatal(err)
		}
		return
	}
	// D-Bus starts the daemon when it is asked for.
	_, err := oskeyring.Key("acme", nil).Key(bg, keytest.Need)
	if !errors.Is(err, oskeyring.ErrLocked) || errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	t.Log(err)
}

// TestNoKeyring: a session without a Secret Service, and no session.
func TestNoKeyring(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("D-Bus is asked on Linux and BSD alone")
	}
	if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err == nil {
		t.Skip("this user has a D-Bus session that cannot be hidden")
	}
	for name, address := range map[string]string{"none": "", "autolaunch": "autolaunch:", "gone": "unix:path=" + filepath.Join(t.TempDir(), "bus")} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
			_, err := oskeyring.Key("acme", nil).Key(bg, keytest.Need)
			if !errors.Is(err, oskeyring.ErrUnavailable) || errors.Is(err, exauth.ErrNoKey) || !strings.Contains(err.Error(), "D-Bus session") {
				t.Errorf("got %v, want ErrUnavailable and what to do", err)
			}
		})
	}
}

// TestEmptySession is a D-Bus session that knows no Secret Service: the service files
// that would start one are out of sight.
func TestEmptySession(t *testing.T) {
	if os.Getenv(inside) == "" {
		conf := filepath.Join(t.TempDir(), "session.conf")
		if err := os.WriteFile(conf, []byte(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := exec.LookPath("dbus-run-session"); err != nil {
			t.Skip("no dbus-run-session: apt-get install dbus")
		}
		cmd := exec.Command("dbus-run-session", "--config-file="+conf, "--", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
		cmd.Env = append(os.Environ(), inside+"="+t.Name())
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Fatalf("inside the session: %v\n%s", err, out)
		}
		return
	}
	_, err := oskeyring.Key("acme", nil).Key(bg, keytest.Need)
	if !errors.Is(err, oskeyring.ErrUnavailable) || errors.Is(err, exauth.ErrNoKey) || !strings.Contains(err.Error(), "start gnome-keyring") {
		t.Errorf("got %v, want ErrUnavailable and what to do", err)
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", "a\nb", "a\x00b", strings.Repeat("x", 129)} {
		if _, err := oskeyring.Load(bg, name, nil); !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, size := range []int{0, 64<<10 + 1} {
		if err := oskeyring.Store(bg, "n", make([]byte, size), nil); !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if got := fmt.Sprint(oskeyring.Key("kraken", nil)); got != "oskeyring.Key(exauth/kraken)" {
		t.Error(got)
	}
}
