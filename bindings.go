package exauth

import (
	"maps"
	"slices"
	"sync"
)

// bindings remembers the keys made ready for a client. It is small on purpose: a
// source that makes a new Key for every call would otherwise fill it with secrets.
type bindings struct {
	making sync.Mutex // one at a time: calls that come at once share the key's HMAC state
	mu     sync.RWMutex
	made   map[*keyInfo]*binding
}

const maxBindings = 64

func (s *bindings) get(info *keyInfo) (*binding, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.made[info]
	return b, ok
}

// all lists the keys that were made ready.
func (s *bindings) all() []*keyInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Keys(s.made))
}

// put keeps b.
func (s *bindings) put(info *keyInfo, b *binding) {
	s.mu.Lock()
	if s.made == nil {
		s.made = make(map[*keyInfo]*binding)
	}
	for old := range s.made {
		if len(s.made) < maxBindings {
			break
		}
		delete(s.made, old) // its signer may be in use; the collector takes it
	}
	s.made[info] = b
	s.mu.Unlock()
	info.box.whenClosed(s)
}

// drop forgets every binding of a box, when its key is closed.
func (s *bindings) drop(box *keyBox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for info, b := range s.made {
		if info.box == box {
			delete(s.made, info)
			b.close()
		}
	}
}

func (s *bindings) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for info, b := range s.made {
		delete(s.made, info)
		b.close()
	}
}

// close drops the HMAC state a binding was made with.
func (b *binding) close() {
	if h, ok := b.signer.(interface{ Close() error }); ok {
		_ = h.Close()
	}
}

// whenClosed registers who else must forget the key; a key that is closed already
// is forgotten at once.
func (b *keyBox) whenClosed(who *bindings) {
	b.mu.Lock()
	closed := b.closed
	if !closed {
		if b.users == nil {
			b.users = make(map[*bindings]bool)
		}
		b.users[who] = true
	}
	b.mu.Unlock()
	if closed {
		who.drop(b)
	}
}
