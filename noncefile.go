package exauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/exauth/exauth/internal/durable"
)

// A NonceStore is a NonceSource that survives its process: it keeps a high-water
// mark per key in a file, so that neither a crash nor a clock that was set back makes
// it give out a nonce again, or a lower one. NonceFile opens one.
//
// It reserves nonces two seconds' worth at a time and writes the mark, synced to the
// disk, before the first of them is given out; after a crash it goes on above the
// mark. A process that crashes and starts again many times within seconds runs ahead
// of the clock by up to two seconds each time.
//
// When the mark cannot be written, new orders are refused with ErrNonce and not sent;
// cancels and reads get nonces all the same, still rising within this process.
//
// It is safe for concurrent use, by several clients too. Close it after them.
type NonceStore struct {
	core func() *nonceStore // a closure: reflection prints an address, and races with no writer
}

// nonceStore is what a NonceStore is made of.
type nonceStore struct {
	path string
	mu   sync.Mutex
	lock *os.File // nil when it is closed
	keys map[string]*nonceMark
	save *nonceSave // the writing under way, nil when there is none
}

// nonceMark is one key's state; mu of its store guards it.
type nonceMark struct {
	last int64 // given out
	mark int64 // on the disk: nothing above it was given out, or only what could not be written
	want int64 // to be written next
}

// nonceSave is one writing of the file. err is set before done is closed.
type nonceSave struct {
	done chan struct{}
	err  error
}

const (
	nonceHead  = "exauth nonces 1"
	maxNonces  = 1 << 20         // bytes of a file
	maxNonce   = 1 << 62         // far beyond any clock, in any unit
	nonceBlock = 2 * time.Second // reserved at a time
	diskWait   = time.Second / 4 // what a cancel waits for the disk
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// NonceFile opens the file at path, or makes it, for Options.Nonce. One process at a
// time may have it open: a second one gets an error, and needs a shared source instead
// (see redislimit). Its lines hold key fingerprints and numbers, never a secret; it is
// written as path.new and renamed, and path.lock beside it is the lock.
//
// A file that is damaged is not loaded in part: the error says so. To start afresh is
// safe when the venue's nonces are times and the clock is right.
func NonceFile(path string) (*NonceStore, error) {
	lock, err := durable.Lock(path)
	if err != nil {
		return nil, fmt.Errorf("exauth: nonce file: %w", err)
	}
	s := &nonceStore{path: path, lock: lock}
	if s.keys, err = readNonces(path); err != nil {
		durable.Unlock(lock)
		return nil, fmt.Errorf("exauth: nonce file %s: %w", path, err)
	}
	return &NonceStore{func() *nonceStore { return s }}, nil
}

// readNonces loads a file; one that does not exist holds nothing.
func readNonces(path string) (map[string]*nonceMark, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]*nonceMark{}, nil
	}
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxNonces:
		return nil, errors.New("is no nonce file")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	keys, err := parseNonces(text)
	if err != nil {
		return nil, fmt.Errorf("%w: move it away to start afresh, which is safe when the venue's nonces are times and the clock is right", err)
	}
	return keys, nil
}

var errNonceFile = errors.New("is damaged, and was not loaded")

// parseNonces reads a whole file: the head, a line "key mark" each, and a checksum of
// all that in the last line. Half a file has no such line.
func parseNonces(text []byte) (map[string]*nonceMark, error) {
	body, sum, ok := bytes.Cut(text, []byte("\nsum "))
	if !ok || string(sum) != checksum(body)+"\n" {
		return nil, errNonceFile
	}
	lines := strings.Split(string(body), "\n")
	if lines[0] != nonceHead {
		return nil, errNonceFile
	}
	keys := make(map[string]*nonceMark, len(lines))
	for _, line := range lines[1:] {
		id, number, _ := strings.Cut(line, " ")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n <= 0 || !nonceName(id) || keys[id] != nil || strconv.FormatInt(n, 10) != number {
			return nil, errNonceFile
		}
		keys[id] = &nonceMark{last: n, mark: n}
	}
	return keys, nil
}

// appendNonces writes what parseNonces reads.
func appendNonces(dst []byte, marks map[string]int64) []byte {
	dst = append(dst, nonceHead...)
	for _, id := range slices.Sorted(maps.Keys(marks)) {
		dst = append(append(append(dst, '\n'), id...), ' ')
		dst = strconv.AppendInt(dst, marks[id], 10)
	}
	return append(append(append(dst, "\nsum "...), checksum(dst)...), '\n')
}

func checksum(text []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(text, crcTable)) }

// nonceName reports what can stand in a line; fingerprints can.
func nonceName(id string) bool {
	return id != "" && len(id) <= 64 && strings.IndexFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}

// Next returns a nonce above every earlier one of keyID, and floor or above. Most
// calls do no I/O. A mark more than a day ahead of floor, by floor's unit, is
// refused with ErrNonce: the clock is wrong, or the file is of another unit.
func (of *NonceStore) Next(ctx context.Context, keyID string, floor int64) (int64, error) {
	return of.core().next(ctx, keyID, floor, true)
}

// next is Next; what opens no risk does not fail for want of a disk.
func (s *nonceStore) next(ctx context.Context, keyID string, floor int64, opensRisk bool) (int64, error) {
	day, block := nonceSpans(floor)
	if day == 0 || !nonceName(keyID) {
		return 0, fmt.Errorf("%w: nonce file: bad key name or floor", ErrParam)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.lock == nil {
			return 0, fmt.Errorf("%w: the nonce file is closed", ErrNonce)
		}
		k := s.keys[keyID]
		if k == nil {
			k = new(nonceMark)
			s.keys[keyID] = k
		}
		if k.last >= floor+day {
			return 0, fmt.Errorf("%w: the last nonce of key %s is more than a day ahead of now; look at the clock, then at %s", ErrNonce, keyID, s.path)
		}
		n := max(k.last+1, floor)
		if n <= k.mark {
			k.last = n
			return n, nil
		}
		k.want = max(k.want, n+block)
		err := s.await(ctx, opensRisk)
		switch {
		case err == nil:
			continue // somebody else may have taken n meanwhile
		case opensRisk || ctx.Err() != nil || s.lock == nil:
			return 0, fmt.Errorf("%w: nonce file: %w", ErrNonce, err)
		}
		k.last = max(k.last+1, floor)
		return k.last, nil
	}
}

// nonceSpans tells a day and a block in the unit that now is in: seconds have ten
// digits, and every finer unit three more.
func nonceSpans(now int64) (day, block int64) {
	unit := time.Nanosecond
	switch {
	case now <= 0 || now >= maxNonce:
		return 0, 0
	case now < 1e11:
		unit = time.Second
	case now < 1e14:
		unit = time.Millisecond
	case now < 1e17:
		unit = time.Microsecond
	}
	return int64(24 * time.Hour / unit), int64(nonceBlock / unit)
}

// await has the marks written, or joins the writing under way, and waits for its
// end. The store is locked, except while it waits.
func (s *nonceStore) await(ctx context.Context, opensRisk bool) error {
	if s.save == nil {
		s.save = &nonceSave{done: make(chan struct{})}
		go s.write(s.save)
	}
	save := s.save
	s.mu.Unlock()
	defer s.mu.Lock()
	var patience <-chan time.Time
	if !opensRisk { // a disk that hangs must not hold a cancel
		t := time.NewTimer(diskWait)
		defer t.Stop()
		patience = t.C
	}
	select {
	case <-save.done:
		return save.err
	case <-ctx.Done():
		return ctx.Err()
	case <-patience:
		return errors.New("the disk does not answer")
	}
}

// write is one writing of the file; what is wanted while it runs has to wait for the
// next.
func (s *nonceStore) write(save *nonceSave) {
	s.mu.Lock()
	marks := s.marks(func(k *nonceMark) int64 { return max(k.mark, k.want, k.last) })
	s.mu.Unlock()
	save.err = durable.Replace(s.path, appendNonces(nil, marks))
	s.mu.Lock()
	if save.err == nil {
		for id, mark := range marks {
			s.keys[id].mark = mark
		}
	}
	s.save = nil
	s.mu.Unlock()
	close(save.done)
}

// marks lists what is to be written; a key that has no nonce yet has no line.
func (s *nonceStore) marks(of func(*nonceMark) int64) map[string]int64 {
	marks := make(map[string]int64, len(s.keys))
	for id, k := range s.keys {
		if n := of(k); n > 0 {
			marks[id] = n
		}
	}
	return marks
}

// Close writes the last nonces given out, so that the next process begins right after
// them, and gives the file free. Calls that come later fail with ErrNonce. A second
// Close does nothing.
func (of *NonceStore) Close() error {
	s := of.core()
	s.mu.Lock()
	lock, save := s.lock, s.save
	s.lock = nil
	s.mu.Unlock()
	if lock == nil {
		return nil
	}
	if save != nil {
		<-save.done
	}
	err := durable.Replace(s.path, appendNonces(nil, s.marks(func(k *nonceMark) int64 { return k.last })))
	if uerr := durable.Unlock(lock); err == nil {
		err = uerr
	}
	if err != nil {
		return fmt.Errorf("exauth: nonce file: %w", err)
	}
	return nil
}
