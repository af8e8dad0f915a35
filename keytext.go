package exauth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// TextOptions say what a text of keys is and how often TextKey asks for it. The zero
// value is a keys file, asked for at every call.
type TextOptions struct {
	// Name is how errors and String call the place: "pass exchanges", a path, never a
	// secret.
	Name string

	// Parse makes the one key of a text that is no keys file but a secret or a PEM
	// private key. The text is lent: it is wiped afterwards.
	//
	//	func(text []byte) (*exauth.Key, error) {
	//		return exauth.NewSecretKeyBytes(id, text).For("kraken", "", "main"), nil
	//	}
	//
	// Nil: the text is a keys file as FileKey describes it.
	Parse func(text []byte) (*Key, error)

	// TTL is how long an answer serves before it is asked for again.
	TTL time.Duration

	// Warn is told why what the place holds now is not used while earlier keys still
	// are: once per fault, from the calling goroutine. Nil: nobody is told.
	Warn func(error)
}

// TextKey returns a source of the keys in a text that is kept elsewhere than in a
// plain file: in a password manager, a vault, a keyring, a sealed file. Of several
// keys it picks as FileKey does, and each *Key stays the same until what it was made
// of changes.
//
// read returns the text, at most 64 KiB, and hands it over: it is wiped after use.
// An error that matches ErrNoKey says that nothing is there; every other is final.
// No text and no error together say that nothing has changed. read is called from
// the goroutine of a call that needs a key, with its context, by one caller at a
// time: meanwhile the others use the keys there were, or wait for the first answer.
//
// A text that cannot be had or does not parse leaves the earlier keys in use; read is
// then asked again after TTL or five seconds, whichever is less. Take a key away by
// taking it out of the list, or at once with Key.Close. In a keys file from such a
// place private_key_file is refused; put the PEM into secret.
//
// Programs that know their store use one of the keystore packages, which are made
// with this.
func TextKey(read func(ctx context.Context) ([]byte, error), o *TextOptions) KeySource {
	t := &textKey{read: read}
	if o != nil {
		t.opts = *o
	}
	if t.opts.Name == "" {
		t.opts.Name = "text"
	}
	return &source{"exauth.TextKey(" + t.opts.Name + ")", t.key}
}

type textKey struct {
	read func(context.Context) ([]byte, error)
	opts TextOptions

	mu    sync.Mutex
	now   *textKeys
	until time.Time // now serves up to then
	load  *textLoad // who is asking, nil when nobody is
	told  string    // the last warning
}

// textKeys is what one text held.
type textKeys struct {
	sum     [sha256.Size]byte
	entries []*ringKey
	one     *Key // instead of entries, with TextOptions.Parse
}

// textLoad is one question under way. keys and err are set before done is closed.
type textLoad struct {
	done   chan struct{}
	keys   *textKeys
	err    error
	gaveUp bool // the asker's own context ended: the answer is no answer for others
}

func (t *textKey) key(ctx context.Context, need Need) (*Key, error) {
	keys, err := t.current(ctx)
	if err != nil {
		return nil, err
	}
	if keys.one != nil {
		return keys.one.Key(ctx, need)
	}
	e, err := pickKey(keys.entries, need, time.Now())
	if err != nil {
		return nil, err
	}
	return e.key, nil
}

// current returns what serves now.
func (t *textKey) current(ctx context.Context) (*textKeys, error) {
	if t.read == nil {
		return nil, fmt.Errorf("%w: TextKey was given no function", ErrNoKey)
	}
	for {
		t.mu.Lock()
		keys, load := t.now, t.load
		if keys != nil && (load != nil || time.Now().Before(t.until)) {
			t.mu.Unlock()
			return keys, nil
		}
		if load == nil {
			load = &textLoad{done: make(chan struct{}), err: errors.New("exauth: the text's reader panicked")}
			t.load = load
			t.mu.Unlock()
			t.ask(ctx, load)
			return load.keys, load.err
		}
		t.mu.Unlock()
		select {
		case <-load.done:
			if !load.gaveUp {
				return load.keys, load.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// ask puts one question and settles what serves from now on.
func (t *textKey) ask(ctx context.Context, load *textLoad) {
	old := t.now // only the one who asks changes it
	var fault error
	defer func() { // also when read panics
		t.mu.Lock()
		t.load = nil
		t.mu.Unlock()
		close(load.done)
		if fault != nil && t.opts.Warn != nil {
			t.opts.Warn(fault)
		}
	}()
	keys, err := t.renew(ctx, old)
	t.mu.Lock()
	defer t.mu.Unlock()
	load.gaveUp = err != nil && ctx.Err() != nil
	ttl := max(t.opts.TTL, 0)
	switch {
	case err == nil:
		t.now, t.told, t.until = keys, "", time.Now().Add(ttl)
		load.keys, load.err = keys, nil
	case old == nil:
		load.err = err
	default:
		load.keys, load.err = old, nil
		if load.gaveUp { // another caller's context may live long enough
			return
		}
		t.until = time.Now().Add(min(ttl, keyRetry))
		if err.Error() != t.told {
			t.told, fault = err.Error(), err
		}
	}
}

// renew reads and parses; old is nil the first time.
func (t *textKey) renew(ctx context.Context, old *textKeys) (*textKeys, error) {
	text, err := t.read(ctx)
	defer clear(text)
	switch {
	case err != nil && sentinelOf(err) != nil:
		return nil, placed(t.opts.Name, veil(err))
	case err != nil:
		err = veil(err)
		return nil, &placedError{"exauth: " + t.opts.Name + ": " + strings.TrimPrefix(err.Error(), "exauth: "), err}
	case text == nil && old != nil:
		return old, nil
	}
	sum := sha256.Sum256(text)
	if old != nil && old.sum == sum {
		return old, nil
	}
	keys := &textKeys{sum: sum}
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		err = keyFault("is empty")
	case len(text) > maxKeyFile:
		err = keyFault("is larger than 64 KiB and holds no keys")
	case t.opts.Parse != nil:
		keys.one, err = t.parseOne(text, old)
	default:
		keys.entries, err = parseText(text, old)
	}
	if err != nil {
		return nil, placed(t.opts.Name, err)
	}
	return keys, nil
}

// parseText makes the entries of a keys file that lies nowhere.
func parseText(text []byte, old *textKeys) ([]*ringKey, error) {
	head := bytes.TrimSpace(text)
	switch {
	case holdsPEM(head) && head[0] != '{':
		return nil, keyFault("is a PEM and no keys file; make the key with Parse")
	case head[0] != '{':
		return nil, keyFault("is no keys file; if it is a secret, make the key with Parse")
	}
	entries, err := parseKeyFile(text)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.file != "" {
			return nil, keyFault(`key %.60q has "private_key_file"; here the PEM goes into its "secret"`, e.name)
		}
	}
	if old != nil {
		carryKeys(entries, old.entries)
	}
	return entries, nil
}

// parseOne makes the one key of a text by TextOptions.Parse.
func (t *textKey) parseOne(text []byte, old *textKeys) (*Key, error) {
	key, err := t.opts.Parse(text)
	switch {
	case err != nil && sentinelOf(err) != nil:
		return nil, err // ours, which show nothing
	case err != nil:
		return nil, veil(err, string(text))
	case key == nil:
		return nil, keyFault("is no key: Parse gave neither key nor error")
	}
	if old != nil {
		key.follow(old.one)
	}
	return key, key.Err()
}
