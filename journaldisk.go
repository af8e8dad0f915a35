package exauth

import (
	"fmt"
	"io"
	"os"

	"github.com/exauth/exauth/internal/durable"
)

// journalDisk is the file of a Journal. One goroutine at a time uses it.
type journalDisk struct {
	path   string
	file   *os.File
	size   int64 // up to where the file is whole
	limit  int64 // beyond which it is written anew
	doubt  bool  // a sync failed: nobody knows what is on the disk until the file is written anew
	behind bool  // fates were lost: the file says more is open than is
}

// journalRoom is how much a file grows at least before it is written anew.
const journalRoom = 1 << 20

// append writes lines at the end, and syncs them. whole returns what a new file must
// hold, for when it is time for one.
func (d *journalDisk) append(lines []byte, sync bool, whole func() []byte) error {
	if d.doubt || d.behind || d.file == nil || d.size > d.limit {
		// What whole returns holds these lines too; to have them twice is harmless.
		if err := d.replace(whole()); err != nil && (d.doubt || d.file == nil) {
			return err
		}
	}
	_, err := d.file.WriteAt(lines, d.size)
	if err == nil && sync {
		if err = d.file.Sync(); err != nil {
			d.doubt = true // a second sync may succeed without having written anything
		}
	}
	if err != nil {
		_ = d.file.Truncate(d.size) // or what comes next is written over it
		d.behind = d.behind || !sync
		return err
	}
	d.size += int64(len(lines))
	return nil
}

// replace begins a new file. When that fails, the old one is gone on with.
func (d *journalDisk) replace(content []byte) error {
	if d.file != nil {
		d.file.Close() // Windows does not rename over an open file
		d.file = nil
	}
	if err := durable.Replace(d.path, content); err != nil {
		if d.size > 0 {
			_ = d.reopen(d.size)
		}
		return err
	}
	if err := d.reopen(int64(len(content))); err != nil {
		return err
	}
	d.limit, d.doubt, d.behind = 2*d.size+journalRoom, false, false
	return nil
}

// reopen opens the file, which is whole up to size.
func (d *journalDisk) reopen(size int64) error {
	f, err := os.OpenFile(d.path, os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	d.file, d.size = f, size
	d.limit = max(d.limit, 2*size+journalRoom)
	return nil
}

// close leaves the file as it is, synced.
func (d *journalDisk) close() error {
	if d.file == nil {
		return nil
	}
	err := d.file.Sync()
	if cerr := d.file.Close(); err == nil {
		err = cerr
	}
	d.file = nil
	return err
}

// maxJournal is more than any journal that is written anew in time.
const maxJournal = 256 << 20

// readJournal reads a whole file.
func readJournal(path string) ([]byte, error) {
	f, err := openNoWait(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxJournal {
		return nil, fmt.Errorf("is no journal")
	}
	return io.ReadAll(io.LimitReader(f, maxJournal))
}
