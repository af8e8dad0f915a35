package exauth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// FileKey returns a source that picks keys from a JSON file, where one program or
// one person keeps all of them:
//
//	{"version": 1, "keys": [
//	  {"name": "okx main, trading", "venue": "okx", "environment": "production",
//	   "account": "main", "purpose": "bot", "id": "…", "secret": "…", "passphrase": "…",
//	   "scope": "read+trade-spot", "ips": ["203.0.113.7"],
//	   "created": "2026-11-23", "rotate_after": "2027-02-21", "expires": "2027-11-23"},
//	  {"name": "binance tracker", "venue": "binance", "id": "…",
//	   "private_key_file": "binance.pem", "scope": "read"}
//	]}
//
// Needed are venue (ccxt's id) and id; name is how errors call the key, and must
// not be given twice. A key has a secret (which may be a PEM text) or a
// private_key_file, whose path is taken relative to the keys file, or neither where
// the venue wants none. environment "" means production. fields holds what
// Key.WithField would: {"uid": "…"}. scope is as ParseScope reads it; without one
// the key is taken to be allowed everything. After expires the Client places no new
// orders with the key. purpose, ips, created and rotate_after are for people and
// tools; dates are written 2006-01-02 or as RFC 3339. Another version, an unknown or
// repeated member, and a malformed value refuse the whole file with an error that
// says where.
//
// Of the keys for a Need's venue, environment and account, the narrowest that covers
// its scope is taken: the one whose most dangerous permission is least. A Need
// without an account is met only where one account has keys; a choice between two
// is never made. Whatever does not fit matches ErrNoKey, and ErrScope or
// ErrEnvironment where that is the reason, as does a file that does not exist.
//
// The file must be regular, at most 64 KiB, and readable by its owner only, save as
// FileOptions.Mode says; the error prints the command that repairs it. It is read
// for every call, and each *Key stays the same until what it was made of changes,
// so keys are rotated by renaming a new file over the old one. A file that is gone,
// half-written or malformed leaves the earlier keys in use: take a key away by
// taking it out of the list. Wrap the source in CacheKey where some tens of
// microseconds per call matter.
func FileKey(path string) KeySource { return FileOptions{}.FileKey(path) }

// FileKey is the function FileKey with options.
func (o FileOptions) FileKey(path string) KeySource {
	r := &keysFile{path: path, opts: o}
	r.watched.warn = o.Warn
	return &source{"exauth.FileKey(" + path + ")", r.key}
}

type keysFile struct {
	path    string
	opts    FileOptions
	watched watched[[]*ringKey]
}

// A ringKey is one entry of a keys file. It outlives a reload when its text does
// not change, so that its Key does too.
type ringKey struct {
	name  string // with its place when it has none: `key 3`
	label Need   // Environment "" for production, Scope scopeAll when unsaid
	until time.Time
	sum   [sha256.Size]byte // of the entry's text

	key  *Key // nil for those with a private key file
	file string
	make func(*Key) *Key // gives the key of that file what else the entry says
	pem  watched[*Key]
}

func (r *keysFile) key(ctx context.Context, need Need) (*Key, error) {
	entries, err := r.watched.get(ctx, r.look, r.build)
	if err != nil {
		return nil, err
	}
	e, err := pickKey(entries, need, time.Now())
	if err != nil {
		return nil, err
	}
	if e.file == "" {
		return e.key, nil
	}
	return e.pem.get(ctx, func() (*sheet, error) {
		b, err := r.opts.readFile(fmt.Sprintf("private key of %q", e.name), e.file)
		return &sheet{blobs: []blob{b}}, err
	}, func(s *sheet, old **Key) (*Key, error) {
		key, err := s.blobs[0].openPEM(e.key.info().id, r.opts.opener(e.name))
		if err != nil {
			return nil, err
		}
		key = e.make(key)
		if old != nil {
			key.follow(*old)
		} else {
			key.follow(e.key)
		}
		return key, key.Err()
	})
}

func (r *keysFile) look() (*sheet, error) {
	b, err := r.opts.readFile("keys file", r.path)
	s := &sheet{blobs: []blob{b}}
	switch {
	case err != nil:
		if notThere(err) {
			err = fmt.Errorf("%w: keys file %s does not exist", ErrNoKey, r.path)
		}
	case holdsPEM(b.text) && !bytes.HasPrefix(bytes.TrimSpace(b.text), []byte("{")), pemName(r.path):
		err = fmt.Errorf("%w: %s is a PEM file; read it with ParsePEM, or name it in a P_PRIVATE_KEY_FILE variable for EnvKey",
			ErrKey, r.path)
	}
	return s, err
}

func pemName(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".pem" || ext == ".key" || ext == ".der"
}

// build parses the file and keeps the entries that say what they said before.
func (r *keysFile) build(s *sheet, old *[]*ringKey) ([]*ringKey, error) {
	entries, err := parseKeyFile(s.blobs[0].text)
	if err != nil {
		return nil, placed(r.path, err)
	}
	for _, e := range entries {
		if e.file != "" && !filepath.IsAbs(e.file) {
			e.file = filepath.Join(filepath.Dir(r.path), e.file)
		}
		e.pem.warn = r.opts.Warn
	}
	if old != nil {
		carryKeys(entries, *old)
	}
	return entries, nil
}

// carryKeys keeps those entries of old that say in the new list what they said, and
// the nonces of the others.
func carryKeys(entries, old []*ringKey) {
	for i, e := range entries {
		for _, was := range old {
			if was.sum == e.sum {
				entries[i] = was
			} else if was.label.Venue == e.label.Venue && was.label.Environment == e.label.Environment {
				e.inherit(was)
			}
		}
	}
}

// inherit takes over the nonce of an entry for the same key id.
func (e *ringKey) inherit(was *ringKey) {
	e.key.follow(was.key)
	if made := was.pem.now.Load(); made != nil {
		e.key.follow(made.value)
	}
}

// pickKey chooses the entry for a Need, or says why there is none.
func pickKey(entries []*ringKey, need Need, now time.Time) (*ringKey, error) {
	return pickKeyOf("the keys file", entries, need, now)
}

// pickKeyOf is pickKey for another place than a keys file.
func pickKeyOf(place string, entries []*ringKey, need Need, now time.Time) (*ringKey, error) {
	venue := filterKeys(entries, func(e *ringKey) bool { return need.Venue == "" || e.label.Venue == need.Venue })
	if len(venue) == 0 {
		return nil, fmt.Errorf("%w: %s has none for %s", ErrNoKey, place, need.Venue)
	}
	if names := labels(venue, func(l Need) string { return l.Venue }); len(names) > 1 {
		return nil, choice("no venue was named, and %s has %s", place, strings.Join(names, ", "))
	}
	env := filterKeys(venue, func(e *ringKey) bool { return production(e.label.Environment) == production(need.Environment) })
	if len(env) == 0 {
		return nil, fmt.Errorf("%w: %w: %s has %s keys for %s, call is for %s", ErrNoKey, ErrEnvironment, place, venue[0].label.Venue,
			strings.Join(labels(venue, func(l Need) string { return production(l.Environment) }), ", "), production(need.Environment))
	}
	accounts := labels(env, func(l Need) string { return l.Account })
	own := filterKeys(env, func(e *ringKey) bool { return need.Account == "" || e.label.Account == need.Account })
	if len(own) == 0 {
		return nil, fmt.Errorf("%w: %s has no %s key for account %q; it has %s", ErrNoKey, place,
			env[0].label.Venue, need.Account, quoted(accounts))
	}
	if need.Account == "" && len(accounts) > 1 {
		return nil, choice("%s has %s keys for accounts %s; say which in Options.Account", place,
			env[0].label.Venue, quoted(accounts))
	}
	able := filterKeys(own, func(e *ringKey) bool { return e.label.Scope.has(need.Scope) })
	if len(able) == 0 {
		return nil, fmt.Errorf("%w: %w: call needs %s, %s has %s keys for %s", ErrNoKey, ErrScope, need.Scope, place,
			own[0].label.Venue, strings.Join(labels(own, func(l Need) string { return l.Scope.String() }), ", "))
	}
	return slices.MinFunc(able, func(a, b *ringKey) int {
		// An expired key serves reads and cancels, for want of a better one. Scopes
		// are numbered by danger, and a subset is never the larger number.
		if x, y := a.expired(now), b.expired(now); x != y {
			if x {
				return 1
			}
			return -1
		}
		return int(a.label.Scope) - int(b.label.Scope)
	}), nil
}

// choiceError is ErrNoKey for want of a label: no other source may settle it, since
// that would be the choice that is never made.
type choiceError struct{ error }

func (e choiceError) Unwrap() error { return e.error }

func choice(format string, args ...any) error {
	return choiceError{fmt.Errorf("%w: "+format, append([]any{ErrNoKey}, args...)...)}
}

func (e *ringKey) expired(now time.Time) bool { return !e.until.IsZero() && !now.Before(e.until) }

func filterKeys(list []*ringKey, keep func(*ringKey) bool) []*ringKey {
	var out []*ringKey
	for _, e := range list {
		if keep(e) {
			out = append(out, e)
		}
	}
	return out
}

// labels lists what differs between entries, once each.
func labels(list []*ringKey, of func(Need) string) []string {
	var out []string
	for _, e := range list {
		if l := of(e.label); !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		if out[i] = fmt.Sprintf("%q", n); n == "" {
			out[i] = "the one without a label"
		}
	}
	return strings.Join(out, " and ")
}
