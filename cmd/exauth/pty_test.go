//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// built is where the program is built, and removed from.
var built string

// program builds exauth once.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built, "exauth")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		err = errors.New(string(out))
	}
	return path, err
})

func TestMain(m *testing.M) {
	var err error
	if built, err = os.MkdirTemp("", "exauth"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(built)
	os.Exit(code)
}

// a screen is a person's terminal with exauth on it.
type screen struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

// start runs exauth on a terminal of its own.
func start(t *testing.T, args ...string) *screen {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, cmd: exec.Command(path, args...), more: make(chan struct{}, 1)}
	s.cmd.Env = append(os.Environ(), "EXAUTH_PASSPHRASE=", "EXAUTH_KEYS=", "TERM=dumb")
	if s.tty, err = pty.Start(s.cmd); err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	t.Cleanup(func() { s.tty.Close(); _ = s.cmd.Process.Kill() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := s.tty.Read(buf)
			s.mu.Lock()
			s.text.Write(buf[:n])
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
			if err != nil {
				close(s.more)
				return
			}
		}
	}()
	return s
}

func (s *screen) shows() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.text.String(), "\r\n", "\n")
}

// await waits until the screen shows a text.
func (s *screen) await(text string) {
	s.t.Helper()
	limit := time.After(time.Minute)
	for !strings.Contains(s.shows(), text) {
		select {
		case _, ok := <-s.more:
			if !ok && !strings.Contains(s.shows(), text) {
				s.t.Fatalf("no %q on the screen:\n%s", text, s.shows())
			}
		case <-limit:
			s.t.Fatalf("no %q on the screen within a minute:\n%s", text, s.shows())
		}
	}
}

// quiet waits until echo is off: what is typed before would show.
func (s *screen) quiet(was *term.State) {
	s.t.Helper()
	for range 600 {
		if now, err := term.GetState(int(s.tty.Fd())); err != nil || !reflect.DeepEqual(now, was) {
			return
		}
		time.Sleep(100 * time.Millisecond) // nothing tells of a change
	}
	s.t.Fatal("echo stays on")
}

func (s *screen) say(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.tty, text); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the program and checks its exit code.
func (s *screen) ends(code int) string {
	s.t.Helper()
	_ = s.cmd.Wait()
	for range s.more { // until the screen is read to its end
	}
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Errorf("exit code %d, want %d:\n%s", got, code, s.shows())
	}
	return s.shows()
}

// sealedFile makes a keys file, sealed for the passphrase.
func sealedFile(t *testing.T) string {
	s := newShell(t)
	file := s.keys()
	s.vars["EXAUTH_PASSPHRASE"] = passphrase
	s.want(0, nil, "seal", file)
	return file + ".age"
}

// TestTerminal: a person is asked, nothing typed shows, and a wrong passphrase is said
// to be one.
func TestTerminal(t *testing.T) {
	file := sealedFile(t)
	for _, tc := range []struct {
		name, typed string
		code        int
		says        string
	}{
		{"right", passphrase, 0, "okx main"},
		{"wrong", "not the right one", 4, "wrong or missing passphrase"},
		{"empty", "", 4, "it is empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, "keys", "-keys", file)
			s.await("Passphrase for ")
			s.await(".age: ")
			if tc.code == 0 { // a person thinks: the question stays on its line
				time.Sleep(2500 * time.Millisecond)
				if text := s.shows(); strings.Contains(text, "\x1b") || strings.Contains(text, "opening") {
					t.Errorf("%q", text)
				}
			}
			s.say(tc.typed + "\n")
			text := s.ends(tc.code)
			if !strings.Contains(text, tc.says) {
				t.Errorf("no %q in\n%s", tc.says, text)
			}
			for _, secret := range []string{passphrase, "not the right", fakeID, fakeSecret, fakePhrase} {
				if strings.Contains(text, secret) {
					t.Errorf("%q on the screen:\n%s", secret, text)
				}
			}
		})
	}
}

// TestTerminalTwice: a new passphrase is asked twice, and a key that differs is not
// made.
func TestTerminalTwice(t *testing.T) {
	for again, code := range map[string]int{passphrase: 0, "something else": 4} {
		out := filepath.Join(t.TempDir(), "k.pem")
		s := start(t, "keygen", "-encrypt", "-venue", "binance", "-out", out)
		s.await("New passphrase for ")
		s.say(passphrase + "\n")
		s.await("Once more: ")
		s.say(again + "\n")
		text := s.ends(code)
		if _, err := os.Stat(out); (err == nil) != (code == 0) || strings.Contains(text, passphrase) {
			t.Errorf("%v:\n%s", err, text)
		}
		if code == 0 && !strings.Contains(text, "-----BEGIN PUBLIC KEY-----") {
			t.Error(text)
		}
	}
}

// TestTerminalInterrupt: Ctrl-C at a prompt ends the program and gives the terminal
// back with its echo.
func TestTerminalInterrupt(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	defer master.Close()
	defer slave.Close()
	was, err := term.GetState(int(slave.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, tty: master, cmd: exec.Command(path, "keys", "-keys", sealedFile(t)), more: make(chan struct{}, 1)}
	s.cmd.Env = append(os.Environ(), "EXAUTH_PASSPHRASE=", "EXAUTH_KEYS=")
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.quiet(was)
	s.say("half a passphr\x03")
	_ = s.cmd.Wait()
	if code := s.cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	if now, err := term.GetState(int(slave.Fd())); err != nil || !reflect.DeepEqual(now, was) {
		t.Errorf("the terminal is not as it was: %v", err)
	}
}

// TestNoTerminal: with nobody to ask, nothing waits and the way out is named; with a
// passphrase file none is needed, and unseal writes to a pipe but to no terminal.
func TestNoTerminal(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	file := sealedFile(t)
	run := func(args ...string) (string, string, int) {
		cmd := exec.Command(path, args...)
		cmd.Env = append(os.Environ(), "EXAUTH_PASSPHRASE=", "EXAUTH_KEYS=")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // without a terminal
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run()
		return out.String(), errs.String(), cmd.ProcessState.ExitCode()
	}
	if out, errs, code := run("keys", "-keys", file); code != 4 || out != "" || !strings.Contains(errs, "no terminal to ask for it; use -passphrase-file or EXAUTH_PASSPHRASE") {
		t.Errorf("%d: %s%s", code, out, errs)
	}
	phrase := filepath.Join(t.TempDir(), "phrase")
	if err := os.WriteFile(phrase, []byte(passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := run("unseal", "-passphrase-file", phrase, "-out", "-", file); code != 0 || !strings.Contains(out, fakeSecret) {
		t.Errorf("%d: %s", code, errs)
	}
	s := start(t, "unseal", "-passphrase-file", phrase, "-out", "-", file)
	if text := s.ends(2); strings.Contains(text, fakeSecret) || !strings.Contains(text, "not printed on a terminal") {
		t.Error(text)
	}
	if err := os.Chmod(phrase, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := run("keys", "-passphrase-file", phrase, "-keys", file); code == 0 || !strings.Contains(errs, "chmod 600") {
		t.Errorf("%d: %s", code, errs)
	}
}

// TestProgress: what takes longer than a second says so, on the standard error.
func TestProgress(t *testing.T) {
	s := newShell(t)
	e := &env{err: &s.err}
	stop := e.busy("waiting for a venue")
	time.Sleep(2500 * time.Millisecond) // it speaks after one
	stop()
	if got := s.err.String(); got != "waiting for a venue …\n" {
		t.Errorf("%q", got)
	}
	s.err.Reset()
	e.ask = func(string) ([]byte, error) { time.Sleep(2500 * time.Millisecond); return nil, nil }
	stop = e.busy("opening") // while a person is asked, nothing is written over the question
	_, _ = e.question("Passphrase: ")
	stop()
	e.busy("quick")()
	if s.err.Len() > 0 {
		t.Errorf("%q", s.err.String())
	}
}
