// Package durable writes small files that survive a crash: replaced as a whole,
// synced to the disk, and held by one process at a time.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrLocked reports a file that another process, or another part of this one, has
// open.
var ErrLocked = errors.New("in use by another process")

// Lock takes the lock that belongs to path: a file beside it, since path itself may
// be replaced. The lock ends with Unlock and with the process, however that ends; the
// file stays, for to remove it would let two processes lock two files of one name.
func Lock(path string) (*os.File, error) {
	f, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Unlock gives a lock back.
func Unlock(f *os.File) error { return f.Close() }

// Replace puts data in the place of path: written beside it, synced, and renamed, so
// that a reader and a crash see the old file or the new one, never half of it. The
// file is its owner's alone. Its caller holds the lock on path; what a crash left of
// an earlier attempt is overwritten. On Windows, path must not be open.
func Replace(path string, data []byte) error {
	name := path + ".new"
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(name, path)
	}
	if err != nil {
		os.Remove(name)
		return err
	}
	return SyncDir(filepath.Dir(path))
}
