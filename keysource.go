package exauth

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// KeyFunc makes a KeySource of a function: a vault, a database, a keyring of your
// own. It is asked once per attempt, concurrently; put CacheKey around it when it
// does I/O.
type KeyFunc func(ctx context.Context, need Need) (*Key, error)

// Key calls f; a nil f has no key.
func (f KeyFunc) Key(ctx context.Context, need Need) (*Key, error) {
	if f == nil {
		return nil, fmt.Errorf("%w: the KeyFunc is nil", ErrNoKey)
	}
	return f(ctx, need)
}

// source is what the built-in sources return. What one holds is behind a closure,
// so that printing it shows its name and an address.
type source struct {
	name string
	find func(ctx context.Context, need Need) (*Key, error)
}

func (s *source) Key(ctx context.Context, need Need) (*Key, error) { return s.find(ctx, need) }

// String names the constructor and what it was given: a prefix or a path.
func (s *source) String() string { return s.name }

// FirstKey returns a source that asks sources in order. The first key wins; an
// error that matches ErrNoKey means the next is asked, and any other is returned
// at once, so that a broken key file is not papered over by an older key further
// on. When nobody has one, the error matches ErrNoKey, says what each source said,
// and matches what each said.
//
// The slice is copied. The result is safe for concurrent use when its sources are.
func FirstKey(sources ...KeySource) KeySource {
	sources = append([]KeySource(nil), sources...)
	return &source{"exauth.FirstKey", func(ctx context.Context, need Need) (*Key, error) {
		var none noKeyError
		for i, s := range sources {
			if s == nil {
				none = append(none, fmt.Errorf("%w: source %d is nil", ErrNoKey, i+1))
				continue
			}
			key, err := s.Key(ctx, need)
			switch {
			case err == nil:
				return key, nil
			case !errors.Is(err, ErrNoKey):
				return nil, err
			}
			none = append(none, err)
		}
		if none == nil {
			return nil, fmt.Errorf("%w: FirstKey was given no sources", ErrNoKey)
		}
		return nil, none
	}}
}

// noKeyError is what all sources of FirstKey said; each matches ErrNoKey.
type noKeyError []error

func (e noKeyError) Error() string {
	said := make([]string, len(e))
	for i, err := range e {
		said[i] = strings.TrimPrefix(err.Error(), ErrNoKey.Error()+": ")
	}
	return ErrNoKey.Error() + ": " + strings.Join(said, "; ")
}

func (e noKeyError) Unwrap() []error { return e }
