package exauth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"
)

// EnvKey returns a source that reads one key from environment variables. With the
// prefix "BINANCE" they are:
//
//	BINANCE_API_KEY                   the key id
//	BINANCE_API_SECRET                the secret, or
//	BINANCE_PRIVATE_KEY_FILE          the path of a PEM private key instead of it
//	BINANCE_PASSPHRASE                the API passphrase, where the venue has one
//	BINANCE_PRIVATE_KEY_PASSPHRASE    for an encrypted PEM file
//
// Each of them but the PEM file may be a file as well, as Docker and Kubernetes
// hand out secrets: BINANCE_API_SECRET_FILE names a file with the secret, of which
// one trailing newline is ignored. A value and a file for the same thing is an
// error, and so is a secret without a key id. With no variable set, or all of them
// empty, the error matches ErrNoKey; every other error is final and names the
// variable, never its value. Files are checked as FileKey says.
//
// Variables and files are read for every call, and the same *Key is returned until
// they say something else, so a rotated file is used without a restart. What was
// written a moment ago is read twice; while id and secret are files of their own
// and only one has changed, the other is waited for, two seconds at most, so that
// no request pairs an old id with a new secret. A file that is gone, half-written
// or malformed leaves the earlier key in use; see FileOptions.Warn. Wrap the source
// in CacheKey where some tens of microseconds per call matter.
//
// The key is bound to no venue unless FileOptions.Label says so: use one prefix per
// venue and environment.
func EnvKey(prefix string) KeySource { return FileOptions{}.EnvKey(prefix) }

// EnvKey is the function EnvKey with options.
func (o FileOptions) EnvKey(prefix string) KeySource {
	if prefix = strings.TrimSuffix(prefix, "_"); prefix != "" {
		prefix += "_"
	}
	e := &envKey{prefix: prefix, opts: o}
	e.watched.warn = o.Warn
	e.watched.partial = halfKey
	return &source{"exauth.EnvKey(" + strings.TrimSuffix(prefix, "_") + ")", func(ctx context.Context, _ Need) (*Key, error) {
		return e.watched.get(ctx, e.look, e.build)
	}}
}

// DirKey returns a source that reads one key from a directory with a file for each
// part of it, as Kubernetes mounts a Secret and systemd hands out credentials:
//
//	api_key                   the key id
//	api_secret                the secret, or
//	private_key               a PEM private key instead of it
//	passphrase                the API passphrase, where the venue has one
//	private_key_passphrase    for an encrypted PEM
//
// in lower or in upper case; what else is there is not looked at. An empty dir means
// $CREDENTIALS_DIRECTORY. Files are checked and watched as EnvKey does it: they may be
// swapped together through a link, as Kubernetes does, or one after the other. With
// none of them there, the error matches ErrNoKey.
func DirKey(dir string) KeySource { return FileOptions{}.DirKey(dir) }

// DirKey is the function DirKey with options.
func (o FileOptions) DirKey(dir string) KeySource {
	e := &envKey{opts: o, dir: func() string { return cmp.Or(dir, os.Getenv("CREDENTIALS_DIRECTORY")) }}
	e.watched.warn = o.Warn
	e.watched.partial = halfKey
	return &source{"exauth.DirKey(" + dir + ")", func(ctx context.Context, _ Need) (*Key, error) {
		return e.watched.get(ctx, e.look, e.build)
	}}
}

type envKey struct {
	prefix  string
	dir     func() string // instead of variables, when it is set
	opts    FileOptions
	watched watched[*Key]
}

// The places of an envKey's sheet.
const (
	envID = iota
	envSecret
	envPrivate
	envPassphrase
	envOpener // of the PEM file
	envCount
)

var envNames = [envCount]string{"API_KEY", "API_SECRET", "PRIVATE_KEY", "PASSPHRASE", "PRIVATE_KEY_PASSPHRASE"}

// halfKey reports an id that changed without its secret, or the reverse, where both
// are files: at every venue a new key has both new.
func halfKey(s *sheet, changed []bool) bool {
	secret := envSecret
	if s.blobs[envPrivate].path != "" {
		secret = envPrivate
	}
	return s.blobs[envID].path != "" && s.blobs[secret].path != "" && changed[envID] != changed[secret]
}

// look reads all variables and files.
func (e *envKey) look() (*sheet, error) {
	s := &sheet{blobs: make([]blob, envCount)}
	conf := sha256.New()
	var fault error
	set, empty := 0, ""
	for i := range s.blobs {
		b, err := e.read(i, conf)
		s.blobs[i] = b
		switch {
		case err != nil && fault == nil:
			fault = err
		case b.path != "" || len(b.text) > 0:
			set++
		case b.text != nil && empty == "":
			empty = b.what
		}
	}
	conf.Sum(s.conf[:0])
	if fault == nil && set == 0 {
		fault = fmt.Errorf("%w: %s is not %s", ErrNoKey, e.name(envID), e.verb())
		if empty != "" {
			fault = fmt.Errorf("%w: %s is set but empty", ErrNoKey, empty)
		}
	}
	return s, fault
}

// name is how errors call a part.
func (e *envKey) name(i int) string {
	if e.dir != nil {
		return filepath.Join(e.dir(), strings.ToLower(envNames[i]))
	}
	return e.prefix + envNames[i]
}

func (e *envKey) verb() string {
	if e.dir != nil {
		return "there"
	}
	return "set"
}

// readPart reads one file of a directory, if it is there.
func (e *envKey) readPart(i int) (blob, error) {
	name := e.name(i)
	if e.dir() == "" {
		return blob{what: name}, nil // no credentials were handed out
	}
	for _, path := range []string{name, filepath.Join(e.dir(), envNames[i])} {
		b, err := e.opts.readFile(filepath.Base(path), path)
		if err != nil && notThere(err) {
			continue
		}
		b.bare = i != envPrivate
		return b, err
	}
	return blob{what: name}, nil
}

// read returns one value, as the variable or the file it names has it. Values of
// variables go into conf too: they are a choice, where a file's content is news.
func (e *envKey) read(i int, conf hash.Hash) (blob, error) {
	if e.dir != nil {
		fmt.Fprintln(conf, e.dir())
		return e.readPart(i)
	}
	name := e.prefix + envNames[i]
	text, ok := os.LookupEnv(name)
	if i == envPrivate {
		text, ok = "", false // a PEM in a variable is API_SECRET's
	}
	path := os.Getenv(name + "_FILE")
	fmt.Fprintf(conf, "%d %t %d %s %d %s\n", i, ok, len(path), path, len(text), text)
	b := blob{what: name}
	switch {
	case path != "" && text != "":
		return b, fmt.Errorf("%w: %s and %s_FILE are both set; remove one", ErrKey, name, name)
	case path == "":
		if ok {
			b.text = []byte(text)
			b.sum = sha256.Sum256(b.text)
		}
		return b, nil
	}
	b, err := e.opts.readFile(name+"_FILE", path)
	b.bare = i != envPrivate // a PEM file has an end
	return b, err
}

// build makes the key.
func (e *envKey) build(s *sheet, old **Key) (*Key, error) {
	id, secret, private := &s.blobs[envID], &s.blobs[envSecret], &s.blobs[envPrivate]
	if err := e.complete(s); err != nil {
		return nil, err
	}
	for i := range s.blobs {
		if i == envPrivate || i == envOpener || i == envSecret && holdsPEM(secret.text) {
			continue // ParsePEM looks at these
		}
		if err := checkValue(&s.blobs[i], i == envPassphrase); err != nil {
			return nil, err
		}
	}
	var key *Key
	var err error
	switch {
	case private.text != nil:
		key, err = private.openPEM(string(trimNewline(id.text)), e.opener(s, private.what))
	case holdsPEM(secret.text):
		key, err = secret.openPEM(string(trimNewline(id.text)), e.opener(s, secret.what))
	default:
		key = NewSecretKeyBytes(string(id.text), secret.text)
		err = key.Err()
	}
	if err != nil {
		return nil, err
	}
	if p := &s.blobs[envPassphrase]; len(p.text) > 0 {
		key = key.WithPassphrase(string(trimNewline(p.text)))
	}
	key = e.opts.labelled(key)
	if old != nil {
		key.follow(*old)
	}
	return key, key.Err()
}

// complete names what is missing.
func (e *envKey) complete(s *sheet) error {
	id, secret, private := &s.blobs[envID], &s.blobs[envSecret], &s.blobs[envPrivate]
	switch {
	case len(id.text) == 0:
		for i := envSecret; i < envCount; i++ {
			if len(s.blobs[i].text) > 0 {
				return fmt.Errorf("%w: %s is %s but %s is not", ErrKey, s.blobs[i].what, e.verb(), e.name(envID))
			}
		}
	case len(secret.text) > 0 && private.text != nil:
		return fmt.Errorf("%w: %s and %s are both %s; a key has a secret or a private key", ErrKey, secret.what, private.what, e.verb())
	case secret.text != nil && len(trimNewline(secret.text)) == 0 && private.text == nil:
		return fmt.Errorf("%w: %s is empty", ErrKey, secret.what)
	}
	return nil
}

// checkValue names the fault of one text under its variable's name.
func checkValue(b *blob, spaces bool) error {
	text := trimNewline(b.text)
	if len(text) == 0 && b.path != "" {
		return fmt.Errorf("%w: %s: %s is empty", ErrKey, b.what, b.path)
	}
	if holdsPEM(text) {
		return fmt.Errorf("%w: %s holds a PEM block; name its file in a …PRIVATE_KEY_FILE variable", ErrKey, b.what)
	}
	return checkPhrase(b.what, text, spaces)
}

// opener returns who knows the passphrase of a PEM file: the variable, else the
// option, else nobody.
func (e *envKey) opener(s *sheet, name string) func() ([]byte, error) {
	if text := trimNewline(s.blobs[envOpener].text); len(text) > 0 {
		return func() ([]byte, error) { return bytes.Clone(text), nil }
	}
	return e.opts.opener(name)
}
