package exauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"time"
)

// UsageLogOptions bound a usage log. The zero value means the defaults.
type UsageLogOptions struct {
	MaxBytes int64       // of one file before it is rotated; default 64 MiB
	Keep     int         // older files kept beside it, path.1 the newest; default 4, negative: none
	OnError  func(error) // told when writing begins to fail; the calls themselves go on. See also UsageLog.Err
}

// A UsageLog writes one line of JSON, a UsageRecord, for every attempt it is shown.
// Its Observe is an Options.Observer:
//
//	log, err := exauth.OpenUsageLog("usage.jsonl", nil)
//	opts.Observer = exauth.Observers(log.Observe, alerts.Observe)
//
// Several clients and goroutines may share one. Each line is one append, so several
// programs may write to one file as long as it is on a local disk; rotation is then
// done by whoever comes first. A write that fails never fails a call: it is counted,
// and told by Err and OnError. Lines are not synced to disk: what a power cut takes is
// the last seconds.
type UsageLog struct {
	path string
	opts UsageLogOptions

	mu     sync.Mutex
	file   *os.File
	size   int64     // of file, as far as known
	looked time.Time // when file was last compared with what path names
	torn   bool      // its last line has no end
	closed bool
	lost   int   // records not written
	last   error // why
	failed bool  // the last write
}

// errUsageClosed is why a closed UsageLog takes no more.
var errUsageClosed = errors.New("exauth: usage log is closed")

// OpenUsageLog opens or makes the log at path, for its owner only (0600). A file that
// others can get at is refused with the command that repairs it; what is no regular
// file is refused, too.
func OpenUsageLog(path string, opts *UsageLogOptions) (*UsageLog, error) {
	l := &UsageLog{path: path}
	if opts != nil {
		l.opts = *opts
	}
	if l.opts.MaxBytes <= 0 {
		l.opts.MaxBytes = 64 << 20
	}
	if l.opts.Keep == 0 {
		l.opts.Keep = 4
	}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

// open opens the file that path names now.
func (l *UsageLog) open() error {
	if info, err := os.Stat(l.path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("exauth: usage log %s is not a regular file", l.path)
	}
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("exauth: usage log: %w", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("not a regular file")
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		err = fmt.Errorf("%s has mode %#o, others than its owner can get at it; run: chmod 600 %s", l.path, info.Mode().Perm(), shellWord(l.path))
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("exauth: usage log: %w", err)
	}
	l.file, l.size, l.looked, l.torn = f, info.Size(), time.Now(), false
	if l.size > 0 { // a crash, or a full disk, may have cut off the last line
		var end [1]byte
		_, err := f.ReadAt(end[:], l.size-1)
		l.torn = err != nil || end[0] != '\n'
	}
	return nil
}

// Observe writes one attempt. It is an Options.Observer.
func (l *UsageLog) Observe(a Attempt) { l.Write(UsageOf(a)) }

// Write writes one record, for programs that keep their own.
func (l *UsageLog) Write(r UsageRecord) {
	line, err := json.Marshal(r)
	if err == nil && len(line) >= maxUsageLine {
		err = errors.New("exauth: usage log: record is too long")
	}
	l.mu.Lock()
	if err == nil {
		err = l.append(append(line, '\n'))
	}
	begins := err != nil && !l.failed
	if l.failed = err != nil; l.failed {
		l.lost++
		l.last = err
	}
	l.mu.Unlock()
	if begins && l.opts.OnError != nil {
		l.opts.OnError(err)
	}
}

// append writes one line to the file that path names.
func (l *UsageLog) append(line []byte) error {
	if l.closed {
		return errUsageClosed
	}
	if now := time.Now(); l.file != nil && now.Sub(l.looked) >= time.Second {
		l.looked = now
		l.look()
	}
	if l.file != nil && l.size > 0 && l.size+int64(len(line)) > l.opts.MaxBytes {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	if l.file == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	if l.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := l.file.Write(line)
	l.size += int64(n)
	if err != nil {
		l.torn = l.torn && n == 0 || n > 0
		return fmt.Errorf("exauth: usage log: %w", err)
	}
	l.torn = false
	return nil
}

// look sees whether another program rotated or removed the file, and how much others
// have added to it.
func (l *UsageLog) look() {
	ours, err1 := l.file.Stat()
	there, err2 := os.Stat(l.path)
	if err1 != nil || err2 != nil || !os.SameFile(ours, there) {
		l.file.Close()
		l.file = nil
		return
	}
	l.size = ours.Size()
}

// rotate moves the file away, unless another program has done so.
func (l *UsageLog) rotate() error {
	if l.look(); l.file == nil {
		return nil
	}
	l.file.Close()
	l.file = nil
	if l.opts.Keep < 0 {
		return os.Remove(l.path)
	}
	for n := l.opts.Keep; n > 0; n-- {
		err := os.Rename(rotated(l.path, n-1), rotated(l.path, n))
		if err != nil && !(errors.Is(err, fs.ErrNotExist) && n > 1) {
			return fmt.Errorf("exauth: usage log: %w", err)
		}
	}
	return nil
}

// Err returns nil, or how many records were lost so far and why the last one was.
func (l *UsageLog) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == 0 {
		return nil
	}
	return fmt.Errorf("exauth: usage log: %d records lost, the last because: %w", l.lost, l.last)
}

// Close closes the file. What is shown to the log afterwards is lost, and counted by
// Err.
func (l *UsageLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	return f.Close()
}
