//go:build unix

package exauth_test

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// TestKeyFileFIFO: a pipe that nobody writes to is refused, not waited for.
func TestKeyFileFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("no FIFO here: %v", err)
	}
	done := make(chan error, 1)
	go func() { _, err := exauth.FileKey(path).Key(bg, exauth.Need{}); done <- err }()
	select {
	case err := <-done:
		if !errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("got %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("waits for a writer")
	}
}
