package exauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

const (
	keyRetry    = 5 * time.Second // after a failed refresh, when ttl is longer
	maxNeeds    = 256             // a program has a handful; more come from a mistake
	errNoAnswer = "the key source gave neither key nor error"
)

// CacheKey returns a source that asks src once per Need and serves the answer for
// ttl. One caller at a time asks, with its own context and on its own goroutine;
// the others are served the key they had, or wait for that one answer when there
// was none yet. A ttl of zero or less asks every time.
//
// A refresh that fails does not take a working key away from a bot with open
// orders: the old key stays, and src is asked again after ttl or five seconds,
// whichever is less. That goes for an outage, for a new key that does not parse,
// and for ErrNoKey. It does not go for an answer about the key itself:
// ErrKeyExpired, ErrPermission, ErrAccountLocked, ErrEnvironment and ErrScope are
// returned and end it. A key that was closed is not served either: Close is how to
// take one away at once.
//
// A new key that says the same as the old is dropped and the old one kept, with its
// signing state and its nonce, so src may make a fresh Key each time; a key that
// answers several Needs stays one.
func CacheKey(src KeySource, ttl time.Duration) KeySource {
	c := &keyCache{src: src, ttl: max(ttl, 0), needs: make(map[Need]*cachedKey)}
	return &source{"exauth.CacheKey", c.find}
}

type keyCache struct {
	src   KeySource
	ttl   time.Duration
	mu    sync.Mutex
	needs map[Need]*cachedKey
}

// cachedKey is the answer to one Need; mu of the cache guards it.
type cachedKey struct {
	key   *Key
	until time.Time
	load  *keyLoad // who is asking now, nil when nobody is
}

// keyLoad is one question under way. key and err are set before done is closed.
type keyLoad struct {
	done   chan struct{}
	key    *Key
	err    error
	gaveUp bool // the asker's own context ended: the answer is no answer for others
}

func (c *keyCache) find(ctx context.Context, need Need) (*Key, error) {
	if c.src == nil {
		return nil, fmt.Errorf("%w: CacheKey was given no source", ErrNoKey)
	}
	for {
		c.mu.Lock()
		e := c.entry(need)
		if e.key != nil && !e.key.closed() && (e.load != nil || time.Now().Before(e.until)) {
			c.mu.Unlock()
			return e.key, nil
		}
		load := e.load
		if load == nil {
			load = &keyLoad{done: make(chan struct{}), err: errors.New("exauth: the key source panicked")}
			e.load = load
			c.mu.Unlock()
			c.ask(ctx, need, e, load)
			return load.key, load.err
		}
		c.mu.Unlock()
		select {
		case <-load.done:
			if !load.gaveUp {
				return load.key, load.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// entry returns the place of a Need; the cache is locked.
func (c *keyCache) entry(need Need) *cachedKey {
	e := c.needs[need]
	if e == nil {
		for old, was := range c.needs {
			if len(c.needs) < maxNeeds {
				break
			}
			if was.load == nil {
				delete(c.needs, old)
			}
		}
		e = new(cachedKey)
		c.needs[need] = e
	}
	return e
}

// ask puts one question to the source and settles what is served from now on.
func (c *keyCache) ask(ctx context.Context, need Need, e *cachedKey, load *keyLoad) {
	defer func() { // also when the source panics
		c.mu.Lock()
		e.load = nil
		c.mu.Unlock()
		close(load.done)
	}()
	key, err := c.src.Key(ctx, need)
	switch {
	case err != nil:
	case key == nil:
		err = fmt.Errorf("%w: %s", ErrNoKey, errNoAnswer)
	default:
		err = key.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	old := e.key
	if old != nil && old.closed() {
		old, e.key = nil, nil
	}
	load.gaveUp = err != nil && ctx.Err() != nil
	switch {
	case err == nil:
		if old == nil || !old.same(key) {
			if twin := c.twin(key); twin != nil {
				key = twin
			}
			if old != nil {
				key.follow(old)
			}
			e.key = key
		}
		e.until, load.key, load.err = now.Add(c.ttl), e.key, nil
	case old == nil || aboutTheKey(err):
		e.key, load.key, load.err = nil, nil, err
	default:
		if !load.gaveUp { // another caller's context may live long enough
			e.until = now.Add(min(c.ttl, keyRetry))
		}
		load.key, load.err = old, nil
	}
}

// twin returns the key that is served for another Need and says the same: one key has
// one nonce, whatever its calls need. The cache is locked.
func (c *keyCache) twin(key *Key) *Key {
	for _, e := range c.needs {
		if e.key != nil && !e.key.closed() && e.key.same(key) {
			return e.key
		}
	}
	return nil
}

// aboutTheKey reports an answer that says the key must not be used, as against no
// answer.
func aboutTheKey(err error) bool {
	if errors.Is(err, ErrNoKey) {
		return false // a ring that has none for this need says ErrScope or ErrEnvironment too
	}
	for _, kind := range []error{ErrKeyExpired, ErrPermission, ErrAccountLocked, ErrEnvironment, ErrScope} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// closed reports whether Close was called on k or a copy of it.
func (k *Key) closed() bool {
	b := k.info().box
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.closed
}

// same reports whether two keys are one key: then the one in use stays, with what
// was made of it.
func (k *Key) same(o *Key) bool {
	a, b := k.info(), o.info()
	if a == b || a.box == b.box && a.sameWords(b) {
		return true
	}
	return a.sameWords(b) && k.sameCredential(o)
}

// sameCredential reports whether two keys are the same to the venue, whatever their
// owners say about them.
func (k *Key) sameCredential(o *Key) bool {
	a, b := k.info(), o.info()
	if a.err != nil || b.err != nil || a.id != b.id || !maps.Equal(a.fields, b.fields) ||
		subtle.ConstantTimeCompare([]byte(a.passphrase), []byte(b.passphrase)) != 1 {
		return false
	}
	if a.box == b.box {
		return true
	}
	// Copies taken one after the other: two locks at once could meet in reverse.
	x, xp, xt := a.box.peek()
	defer clear(x)
	y, yp, yt := b.box.peek()
	defer clear(y)
	if xt || yt || subtle.ConstantTimeCompare(x, y) != 1 {
		return false
	}
	return samePrivate(xp, yp)
}

func (i *keyInfo) sameWords(o *keyInfo) bool {
	return i.id == o.id && subtle.ConstantTimeCompare([]byte(i.passphrase), []byte(o.passphrase)) == 1 &&
		maps.Equal(i.fields, o.fields) && i.scope == o.scope && i.label == o.label && i.expires.Equal(o.expires) &&
		i.facts.same(&o.facts) && i.egress.same(o.egress)
}

// peek copies what a box holds; the caller wipes the secret.
func (b *keyBox) peek() (secret []byte, private crypto.Signer, token bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return bytes.Clone(b.secret), b.private, b.token != nil
}

// samePrivate compares private keys by their public halves.
func samePrivate(a, b crypto.Signer) bool {
	if isNil(a) || isNil(b) {
		return isNil(a) && isNil(b)
	}
	pub, ok := a.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(b.Public())
}

// follow carries the nonce and the last use of old over to k when both are the same
// key at the venue: it has seen the old nonces.
func (k *Key) follow(old *Key) {
	a, b := old.info(), k.info()
	if a.id != b.id || a.box == b.box {
		return
	}
	if n := a.box.used.Load(); n != 0 {
		b.box.usedAt(time.Unix(0, n))
	}
	for last := a.box.nonce.Load(); ; {
		now := b.box.nonce.Load()
		if now >= last || b.box.nonce.CompareAndSwap(now, last) {
			return
		}
	}
}
