package durable

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestLock: one holder at a time, also within one process, and again after Unlock.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	held, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("second lock: %v, want ErrLocked", err)
	}
	if _, err := Lock(path + "2"); err != nil {
		t.Errorf("another file: %v", err)
	}
	if err := Unlock(held); err != nil {
		t.Fatal(err)
	}
	again, err := Lock(path)
	if err != nil {
		t.Fatalf("after Unlock: %v", err)
	}
	Unlock(again)
	if _, err := Lock(filepath.Join(path+".lock", "below")); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("no directory: %v", err)
	}
}

// TestReplace: the new content whole, for its owner alone, whatever a crash left;
// a failure leaves the old.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	if err := os.WriteFile(path+".new", []byte("half of an earlier atte"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "another one", ""} {
		if err := Replace(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("%q, %v, want %q", got, err, text)
		}
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
	if err := os.Mkdir(path+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path+".new", "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("lost")); err == nil {
		t.Error("replaced through a directory")
	}
	if got, err := os.ReadFile(path); err != nil || len(got) != 0 {
		t.Errorf("%q, %v after a failure", got, err)
	}
}
