package exauth

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A watched value is made of files, and made anew when their content changes. It is
// content that counts, not inodes, which are reused, nor notifications, which
// Kubernetes' swap of symbolic links ends. Nothing happens between calls.
//
// What is there now is used when it can be read, holds still, parses and differs;
// until then the value made before stays.
type watched[T any] struct {
	warn func(error)

	// partial, when set, reports that only a part of what belongs together has
	// changed, as when id and secret are two files and the second is still to come.
	partial func(s *sheet, changed []bool) bool

	now  atomic.Pointer[edition[T]]
	mu   sync.Mutex // held by the one who makes the next edition
	next time.Time  // not to be looked at closely before that
	half time.Time  // since when the change has been partial
	told string     // the last warning
}

// An edition is a value and what it was made of.
type edition[T any] struct {
	conf  [sha256.Size]byte
	sums  [][sha256.Size]byte
	value T
}

// A sheet is everything one look found.
type sheet struct {
	conf  [sha256.Size]byte // where it was looked for; another place is another key
	blobs []blob
}

func (s *sheet) wipe() {
	for i := range s.blobs {
		s.blobs[i].wipe()
	}
}

func (s *sheet) sums() [][sha256.Size]byte {
	sums := make([][sha256.Size]byte, len(s.blobs))
	for i := range s.blobs {
		sums[i] = s.blobs[i].sum
	}
	return sums
}

// fresh reports plain text that was written a moment ago: the writer may not be
// done, and the text would not show it. A time in the future is no proof of age.
func (s *sheet) fresh() bool {
	return slices.ContainsFunc(s.blobs, func(b blob) bool {
		return b.bare && b.path != "" && time.Since(b.mod) < quiet
	})
}

// files counts what was read from files: one at a time, so that a directory may be
// swapped in between.
func (s *sheet) files() int {
	n := 0
	for i := range s.blobs {
		if s.blobs[i].path != "" {
			n++
		}
	}
	return n
}

const (
	quiet       = time.Second           // a file untouched for that long is whole
	settlePause = 25 * time.Millisecond // between two looks at one that is not
	settleLooks = 40                    // when there is nothing to fall back on
	halfWait    = 2 * time.Second       // for the other half of a key
)

func (e *edition[T]) matches(s *sheet) bool {
	if e == nil || e.conf != s.conf || len(e.sums) != len(s.blobs) {
		return false
	}
	for i := range e.sums {
		if e.sums[i] != s.blobs[i].sum {
			return false
		}
	}
	return true
}

// get returns the value for what look finds now. look returns a sheet with its conf
// also beside an error. build makes a value of a sheet, which is wiped afterwards;
// old is the value so far, nil when there is none.
func (w *watched[T]) get(ctx context.Context, look func() (*sheet, error), build func(s *sheet, old *T) (T, error)) (T, error) {
	e := w.now.Load()
	s, err := look()
	defer s.wipe()
	if err == nil && e.matches(s) {
		return e.value, nil
	}
	if e != nil && e.conf == s.conf {
		if !w.mu.TryLock() { // somebody is at it
			return e.value, nil
		}
	} else {
		w.mu.Lock()
	}
	defer w.mu.Unlock()
	e = w.now.Load()
	if e != nil && e.conf != s.conf {
		e = nil
	}
	if e != nil && time.Now().Before(w.next) {
		return e.value, nil
	}
	next, err := w.renew(ctx, e, look, build)
	if err == nil {
		w.told = ""
		w.now.Store(next)
		return next.value, nil
	}
	if e == nil {
		var none T
		return none, err
	}
	if w.warn != nil && err.Error() != w.told {
		w.told = err.Error()
		w.warn(err)
	}
	return e.value, nil
}

// renew looks again, closely, and makes the next edition.
func (w *watched[T]) renew(ctx context.Context, e *edition[T], look func() (*sheet, error), build func(*sheet, *T) (T, error)) (*edition[T], error) {
	s, err := w.settled(ctx, e != nil, look)
	defer s.wipe()
	if err != nil {
		return nil, err
	}
	if e.matches(s) {
		w.half = time.Time{}
		return e, nil
	}
	if e == nil {
		v, err := build(s, nil)
		return &edition[T]{s.conf, s.sums(), v}, err
	}
	if w.partial != nil && w.partial(s, e.changed(s)) {
		if w.half.IsZero() {
			w.half = time.Now()
		}
		if time.Since(w.half) < halfWait {
			return e, nil
		}
	}
	v, err := build(s, &e.value)
	if err == nil {
		w.half = time.Time{}
	}
	return &edition[T]{s.conf, s.sums(), v}, err
}

func (e *edition[T]) changed(s *sheet) []bool {
	changed := make([]bool, len(s.blobs))
	for i := range s.blobs {
		changed[i] = i >= len(e.sums) || e.sums[i] != s.blobs[i].sum
	}
	return changed
}

// settled looks until two looks agree, where one look cannot tell a whole text from
// half of one, or an old id and a new secret from a pair. With a value to fall back
// on it gives up early.
func (w *watched[T]) settled(ctx context.Context, fallback bool, look func() (*sheet, error)) (*sheet, error) {
	s, err := look()
	for n := 1; err == nil && (s.fresh() || s.files() > 1); n++ {
		if s.fresh() {
			if err := sleep(ctx, settlePause); err != nil {
				return s, err
			}
		}
		was := edition[T]{conf: s.conf, sums: s.sums()}
		s.wipe()
		if s, err = look(); err != nil || was.matches(s) {
			break
		}
		if fallback || n == settleLooks {
			w.next = time.Now().Add(settlePause)
			return s, errKeyFile
		}
	}
	return s, err
}
