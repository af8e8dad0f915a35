package exauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A KeyRing is a KeySource of several keys: one for spot, one for futures, one that
// only reads, of one account or of many. For each call it picks the narrowest that
// covers it, and never one of another account, venue or environment. It lets keys be
// exchanged while Clients use them:
//
//   - Client.Rotate proves a new key at the venue, and only then switches to it.
//   - KeyRing.Swap switches unproven.
//   - KeyRing.Revoke takes a key out of use at once.
//   - A source that changes by itself (FileKey, EnvKey, a vault) has what it changes to
//     proved by the next call of a Client that uses the ring; the old key serves until
//     then, and for as long as the new one is not accepted. Calls that only cancel
//     never wait for that.
//
// Exchanging a key moves nothing that belongs to another owner: order quotas are the
// account's and weights the address's (Demand), and so stay used; the nonce stays with
// the key id.
//
// A KeyRing is safe for concurrent use and shared by passing it to several Clients.
// The zero KeyRing has no keys; make one with NewKeyRing.
type KeyRing struct {
	ring func() *ring // a closure: reflection prints an address, not what it captures
}

// ring is what a KeyRing is made of.
type ring struct {
	sources []KeySource // those that are no *Key: they change by themselves
	state   atomic.Pointer[ringState]

	mu    sync.Mutex          // held to change what follows, and state
	seats map[seatID]*seat    // what sources gave, by the place it has
	last  map[askedID]*seat   // and by the Need it was for
	gone  map[string]*ringKey // revoked, by fingerprint; nil for one never seen
	pages map[string]string   // where keys are managed, by venue
}

// ringState is the keys that were given as such. It is replaced as a whole.
type ringState struct {
	entries []*ringKey
	mu      sync.RWMutex
	picks   map[Need]ringPick // answers given so far
}

// A ringPick serves until some key expires.
type ringPick struct {
	key   *Key
	until time.Time
}

// NewKeyRing makes a ring of keys and of sources. A *Key must be labelled with its
// venue (Key.For) and should be restricted to what it is for (Key.Restrict); its
// environment is production unless the label says otherwise. So must be what other
// sources give, as FileKey's are, unless the ring has one source alone, which then is
// trusted with every Need. Whatever is wrong with a *Key is reported here.
func NewKeyRing(sources ...KeySource) (*KeyRing, error) {
	r := &ring{seats: map[seatID]*seat{}, last: map[askedID]*seat{}, gone: map[string]*ringKey{}, pages: map[string]string{}}
	st := new(ringState)
	for n, s := range sources {
		switch k := s.(type) {
		case nil:
			return nil, fmt.Errorf("%w: source %d is nil", ErrNoKey, n+1)
		case *Key:
			e, err := newRingKey(k, n+1)
			if err != nil {
				return nil, err
			}
			st.entries = append(st.entries, e)
		default:
			r.sources = append(r.sources, s)
		}
	}
	r.state.Store(st)
	return &KeyRing{ring: func() *ring { return r }}, nil
}

// newRingKey checks a key that is given as such.
func newRingKey(k *Key, n int) (*ringKey, error) {
	switch i := k.info(); {
	case i.err != nil:
		return nil, fmt.Errorf("key %d: %w", n, i.err)
	case i.label.Venue == "":
		return nil, fmt.Errorf("%w: key %d is for no venue; label it with Key.For", ErrNoKey, n)
	}
	return entryOf(k), nil
}

// entryOf makes an entry of a labelled key.
func entryOf(k *Key) *ringKey {
	i := k.info()
	e := &ringKey{name: i.facts.Name, label: i.label, until: i.expires, key: k}
	if e.label.Scope = i.scope; i.scope == 0 {
		e.label.Scope = scopeAll
	}
	if e.label.Environment == "production" {
		e.label.Environment = ""
	}
	return e
}

// parts returns what the ring is made of; it is never nil.
func (r *KeyRing) parts() *ring {
	if r == nil || r.ring == nil {
		none := &ring{}
		none.state.Store(new(ringState))
		return none
	}
	return r.ring()
}

// Key picks the key for a Need. What does not fit matches ErrNoKey and names the
// labels there are.
func (r *KeyRing) Key(ctx context.Context, need Need) (*Key, error) { return r.parts().find(ctx, need) }

func (r *ring) find(ctx context.Context, need Need) (*Key, error) {
	st := r.state.Load()
	if len(r.sources) == 0 {
		key, err := st.pick(need, time.Now())
		if err != nil {
			return nil, r.explain(need, err)
		}
		return key, nil
	}
	entries := slices.Clip(st.entries)
	var none noKeyError
	for n, src := range r.sources {
		key, err := r.ask(ctx, n, src, need)
		var undecided choiceError
		switch {
		case err == nil:
			e := entryOf(key)
			if e.label.Venue == "" && len(r.sources)+len(st.entries) > 1 {
				return nil, fmt.Errorf("%w: %v gives a key for no venue, and the key ring has others; label it with Key.For", ErrNoKey, src)
			}
			entries = append(entries, e.openTo(need))
		case !errors.Is(err, ErrNoKey), errors.As(err, &undecided):
			return nil, err
		default:
			none = append(none, err)
		}
	}
	e, err := pickKeyOf("the key ring", entries, need, time.Now())
	switch {
	case err == nil:
		return e.key, nil
	case len(entries) == 0 && none != nil:
		return nil, r.explain(need, none)
	case none != nil && !errors.As(err, new(choiceError)):
		err = append(noKeyError{err}, none...)
	}
	return nil, r.explain(need, err)
}

// openTo fills what the label of an only source's key leaves open.
func (e *ringKey) openTo(need Need) *ringKey {
	if e.label.Venue == "" {
		e.label.Venue, e.label.Environment = need.Venue, need.Environment
		if e.label.Account == "" {
			e.label.Account = need.Account
		}
	}
	return e
}

// explain adds to a refusal what was revoked.
func (r *ring) explain(need Need, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for mark, e := range r.gone {
		if e != nil && e.label.Venue == need.Venue {
			return fmt.Errorf("%w; %s", err, r.farewell(mark, e))
		}
	}
	return err
}

// pick finds the key among those given as such.
func (st *ringState) pick(need Need, now time.Time) (*Key, error) {
	st.mu.RLock()
	p, ok := st.picks[need]
	st.mu.RUnlock()
	if ok && (p.until.IsZero() || now.Before(p.until)) {
		return p.key, nil
	}
	e, err := pickKeyOf("the key ring", st.entries, need, now)
	if err != nil {
		return nil, err
	}
	p = ringPick{key: e.key}
	for _, o := range st.entries {
		if !o.until.IsZero() && now.Before(o.until) && (p.until.IsZero() || o.until.Before(p.until)) {
			p.until = o.until
		}
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.picks == nil || len(st.picks) >= maxNeeds {
		st.picks = make(map[Need]ringPick)
	}
	st.picks[need] = p
	return p.key, nil
}

// Keys lists what may be shown of the ring's keys: those it was made of, and those its
// sources have given so far. The slice is the caller's.
func (r *KeyRing) Keys() []KeyFacts {
	var out []KeyFacts
	for _, k := range r.parts().all() {
		out = append(out, k.Facts())
	}
	return out
}

// all lists the keys in use.
func (r *ring) all() []*Key {
	var out []*Key
	for _, e := range r.state.Load().entries {
		out = append(out, e.key)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.seats {
		if s.key != nil && !s.key.closed() && !slices.Contains(out, s.key) {
			out = append(out, s.key)
		}
	}
	slices.SortStableFunc(out[len(r.state.Load().entries):], func(a, b *Key) int { return strings.Compare(a.Fingerprint(), b.Fingerprint()) })
	return out
}

// Add puts one more key into the ring, under the rules of NewKeyRing.
func (r *KeyRing) Add(k *Key) error {
	p := r.parts()
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.state.Load()
	e, err := newRingKey(k, len(st.entries)+1)
	if err == nil && p.gone == nil {
		err = fmt.Errorf("%w: the zero KeyRing takes no keys; use NewKeyRing", ErrNoKey)
	}
	if err != nil {
		return err
	}
	if _, revoked := p.gone[k.Fingerprint()]; revoked {
		return fmt.Errorf("%w: key %s was revoked", ErrNoKey, k.Fingerprint())
	}
	p.state.Store(&ringState{entries: append(slices.Clip(st.entries), e)})
	return nil
}

// Swap puts key in the place of the one it replaces and returns that one. It switches
// at once and proves nothing; Client.Rotate does. Then it waits until no request
// signed with the old key is under way any more, so that the key may be deleted at
// the exchange, and until then the old key goes on working for those. When ctx ends
// before, the switch has been made and the error says that requests are still under
// way.
//
// The place is that of the ring's key with the same id, or else with the same venue,
// environment, account and scope, or else of the only one for that venue, environment
// and account; then the new key is restricted to the old one's scope, since a
// rotation must not widen what may be done. Name, purpose and egress of the old one
// are taken over where the new one has none. Where no place or more than one fits,
// the error matches ErrNoKey and names them. Keys of sources that change by
// themselves are changed there.
func (r *KeyRing) Swap(ctx context.Context, key *Key) (old *Key, err error) {
	p := r.parts()
	at, key, err := p.place(key)
	if err != nil {
		return nil, err
	}
	if err := p.replace(at, key); err != nil {
		return nil, err
	}
	return at.key, p.leave(ctx, at.key)
}

// place finds which entry a new key replaces, and fits the key into it.
func (r *ring) place(key *Key) (*ringKey, *Key, error) {
	i := key.info()
	if i.err != nil {
		return nil, nil, i.err
	}
	var here, narrow []*ringKey
	for _, e := range r.state.Load().entries {
		o := e.key.info()
		if i.label.Venue != e.label.Venue || production(i.label.Environment) != production(e.label.Environment) || i.label.Account != e.label.Account {
			continue
		}
		if o.id == i.id {
			here, narrow = []*ringKey{e}, nil
			break
		}
		if here = append(here, e); o.scope == i.scope {
			narrow = append(narrow, e)
		}
	}
	if len(narrow) > 0 {
		here = narrow
	}
	what := fmt.Sprintf("%s key for %s, account %q, scope %s", i.label.Venue, production(i.label.Environment), i.label.Account, i.scope)
	switch {
	case i.label.Venue == "":
		return nil, nil, fmt.Errorf("%w: the new key is for no venue; label it with Key.For", ErrNoKey)
	case len(here) == 0 && len(r.sources) > 0:
		return nil, nil, fmt.Errorf("%w: the key ring was not given a %s; change it where its source keeps it", ErrNoKey, what)
	case len(here) == 0:
		return nil, nil, fmt.Errorf("%w: the key ring has no %s that the new one could replace; use Add", ErrNoKey, what)
	case len(here) > 1:
		return nil, nil, fmt.Errorf("%w: the key ring has several keys that a %s could replace; restrict the new key to the scope of one", ErrNoKey, what)
	}
	at := here[0]
	if _, revoked := r.revoked(key); revoked {
		return nil, nil, fmt.Errorf("%w: key %s was revoked", ErrNoKey, key.Fingerprint())
	}
	return at, key.inherit(at.key), key.inherit(at.key).Err()
}

// inherit returns a copy of k that takes a place in a ring: no wider than the key
// before, called as it was, leaving from where it left.
func (k *Key) inherit(old *Key) *Key {
	o := old.info()
	if o.scope != 0 && k.info().scope != o.scope {
		k = k.Restrict(o.scope)
	}
	return k.with(func(i *keyInfo) {
		if i.facts.Name == "" {
			i.facts.Name = o.facts.Name
		}
		if i.facts.Purpose == "" {
			i.facts.Purpose = o.facts.Purpose
		}
		if i.egress == nil {
			i.egress = o.egress
		}
	})
}

// replace switches from one entry to a new key.
func (r *ring) replace(at *ringKey, key *Key) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := r.state.Load()
	n := slices.Index(st.entries, at)
	if n < 0 {
		return fmt.Errorf("%w: the key to be replaced was replaced or revoked meanwhile", ErrNoKey)
	}
	key.follow(at.key)
	entries := slices.Clone(st.entries)
	entries[n] = entryOf(key)
	for _, e := range entries {
		e.key.info().box.retired.Store(false)
	}
	r.state.Store(&ringState{entries: entries})
	if box := at.key.info().box; !slices.ContainsFunc(entries, func(e *ringKey) bool { return e.key.info().box == box }) {
		box.retired.Store(true) // after the switch: who sees it asks the ring again
	}
	return nil
}

// leave waits until nothing signed with a retired key is under way.
func (r *ring) leave(ctx context.Context, old *Key) error {
	if err := old.info().box.drain(ctx); err != nil {
		return fmt.Errorf("exauth: the new key is in use, but requests with key %s are still under way: %w", old.Fingerprint(), err)
	}
	return nil
}

// Revoke takes the key with a fingerprint out of use at once, for every Client that
// uses it or a copy of it: it is closed (see Key.Close), no request is signed with it
// any more, and requests under way finish. It is not used again either when a source
// of the ring still has it. The result says what is left to do, which only its owner
// can: deleting the key at the exchange, and where.
func (r *KeyRing) Revoke(fingerprint string) (todo string) {
	p := r.parts()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone == nil {
		return "the zero KeyRing has no keys"
	}
	st := p.state.Load()
	var keys []*Key
	entries := make([]*ringKey, 0, len(st.entries))
	for _, e := range st.entries {
		if e.key.marked(fingerprint, p.pages) {
			keys = append(keys, e.key)
			p.gone[fingerprint] = e
		} else {
			entries = append(entries, e)
		}
	}
	for _, s := range p.seats {
		if s.key != nil && s.key.marked(fingerprint, p.pages) {
			keys = append(keys, s.key)
			p.gone[fingerprint] = entryOf(s.key)
			s.key = nil
		}
	}
	p.state.Store(&ringState{entries: entries})
	for _, k := range keys {
		k.Close()
	}
	if keys == nil {
		if _, known := p.gone[fingerprint]; !known {
			p.gone[fingerprint] = nil
			return "no key of the ring has the fingerprint " + fingerprint + " so far; should one turn up, it is not used"
		}
	}
	return p.farewell(fingerprint, p.gone[fingerprint])
}

// marked reports whether k has a fingerprint, alone or under a venue.
func (k *Key) marked(mark string, venues map[string]string) bool {
	i := k.info()
	if fingerprint(i.label.Venue, i.id) == mark {
		return true
	}
	if i.label.Venue == "" {
		for v := range venues {
			if fingerprint(v, i.id) == mark {
				return true
			}
		}
	}
	return false
}

// revoked reports whether a key was revoked, and under which fingerprint.
func (r *ring) revoked(k *Key) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.isGone(k)
}

func (r *ring) isGone(k *Key) (string, bool) {
	for mark := range r.gone {
		if k.marked(mark, r.pages) {
			return mark, true
		}
	}
	return "", false
}

// farewell says what is left to do about a revoked key.
func (r *ring) farewell(mark string, e *ringKey) string {
	name, where := "", "at the exchange"
	if e != nil {
		if e.name != "" {
			name = fmt.Sprintf(" (%.60q)", e.name)
		}
		if page := r.pages[e.label.Venue]; page != "" {
			where = "at " + page
		} else if e.label.Venue != "" {
			where = "at " + e.label.Venue
		}
	}
	return fmt.Sprintf("key %s%s was revoked here only: delete it %s", mark, name, where)
}

// learn remembers where a venue's keys are managed.
func (r *KeyRing) learn(v *Venue) {
	p := r.parts()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pages != nil {
		p.pages[v.Name] = v.KeyPage
	}
}

// String counts the keys.
func (r KeyRing) String() string {
	p := r.parts()
	return fmt.Sprintf("exauth.KeyRing(%d keys, %d sources)", len(p.state.Load().entries), len(p.sources))
}
