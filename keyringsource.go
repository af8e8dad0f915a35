package exauth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What sources of a KeyRing give is not taken at its word: a file may name a key that
// was never activated, or another one's. What serves is what has served, until the
// venue has accepted the next.

// seatID is the place of a key that a source gave: two answers with one seatID are one
// key and its successor.
type seatID struct {
	source int
	label  Need
}

// askedID is what a source was asked.
type askedID struct {
	source int
	need   Need
}

// A seat is a place and who sits there. The mutex of the ring guards it.
type seat struct {
	key     *Key
	tried   *Key // the last that was not accepted
	again   time.Time
	wait    time.Duration
	proving bool
}

// A prover finds out whether a venue accepts a key that is to replace another. The
// context of a call carries the Client that can.
type prover interface {
	prove(ctx context.Context, key, old *Key) error
}

type proverKey struct{}

// How long a key that was not accepted is left alone: one that the venue refused may
// still become active there, but each try looks like guessing.
const (
	proveSoon  = 5 * time.Second
	proveLater = time.Minute
	proveRare  = time.Hour
)

// ask puts a Need to a source and returns the key that serves.
func (r *ring) ask(ctx context.Context, n int, src KeySource, need Need) (*Key, error) {
	key, err := src.Key(ctx, need)
	if err == nil && key == nil {
		err = fmt.Errorf("%w: %s", ErrNoKey, errNoAnswer)
	}
	if err == nil {
		err = key.Err()
	}
	asked := askedID{n, need}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.serves(r.last[asked])
	if err != nil {
		switch {
		case errors.Is(err, ErrNoKey), aboutTheKey(err): // an answer about the key itself ends it
			delete(r.last, asked)
		case old != nil:
			return old, nil
		}
		return nil, err
	}
	if mark, gone := r.isGone(key); gone {
		return nil, fmt.Errorf("%w: %s", ErrNoKey, r.farewell(mark, entryOf(key)))
	}
	s := r.seat(seatID{n, entryOf(key).label})
	if sits := r.serves(s); sits != nil {
		old = sits
	}
	switch {
	case old == nil && s.tried == nil: // nothing to fall back on
		s.key = key
	case old != nil && s.key == old && old.sameCredential(key):
		if !old.same(key) { // another date or purpose
			key.follow(old)
			s.key = key
		}
	case r.accepted(ctx, s, key, old):
		s.key, s.tried = key, nil
	case old == nil: // there is no other: the venue may say no again, but no guess of ours stops a read or a cancel
		return key, nil
	default: // who served this Need goes on serving it
		if s.key != nil {
			r.remember(asked, s)
		}
		return old, nil
	}
	r.remember(asked, s)
	return s.key, nil
}

// serves returns who sits on a seat, unless the key was closed.
func (r *ring) serves(s *seat) *Key {
	if s == nil || s.key == nil || s.key.closed() {
		return nil
	}
	return s.key
}

func (r *ring) seat(id seatID) *seat {
	s := r.seats[id]
	if s == nil {
		for old, was := range r.seats {
			if len(r.seats) < maxNeeds {
				break
			}
			if !was.proving {
				delete(r.seats, old)
			}
		}
		s = new(seat)
		r.seats[id] = s
	}
	return s
}

func (r *ring) remember(asked askedID, s *seat) {
	for old := range r.last {
		if len(r.last) < maxNeeds {
			break
		}
		delete(r.last, old)
	}
	r.last[asked] = s
}

// accepted has a new key proved, if it is due and somebody can, and seats it. The ring
// is locked, but not while the venue is asked.
func (r *ring) accepted(ctx context.Context, s *seat, key, old *Key) bool {
	who, _ := ctx.Value(proverKey{}).(prover)
	same := s.tried != nil && s.tried.sameCredential(key)
	if who == nil || s.proving || same && time.Now().Before(s.again) {
		return false
	}
	if !same {
		s.wait = 0
	}
	err := r.unlocked(s, func() error { return who.prove(ctx, key, old) })
	if _, gone := r.isGone(key); gone {
		return false
	}
	if err == nil {
		if old != nil {
			key.follow(old)
		}
		return true
	}
	s.tried = key
	if refusal(err) {
		s.wait = min(max(2*s.wait, proveLater), proveRare)
	} else {
		s.wait = proveSoon
	}
	s.again = time.Now().Add(s.wait)
	return false
}

// unlocked runs f without the ring's lock, and so that nobody else does the same for
// the seat.
func (r *ring) unlocked(s *seat, f func() error) error {
	s.proving = true
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		s.proving = false
	}()
	return f()
}

// refusal reports an error that speaks about the key, as against one of the way to the
// venue.
func refusal(err error) bool {
	for _, kind := range []error{ErrKey, ErrSignature, ErrIPNotAllowed, ErrPassphrase, ErrPermission, ErrEnvironment, ErrKeyExpired,
		ErrAccountLocked, ErrScope, ErrNoKey} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
