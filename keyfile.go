package exauth

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// FileOptions say how the sources that read files do it. The zero value is what
// FileKey and EnvKey use.
type FileOptions struct {
	// Mode lists the permission bits that are accepted besides the owner's: 0o440
	// when a group shares the file, 0o444 for a Kubernetes volume of that mode.
	// Modes up to 0444 need no mention below /run/secrets, /var/run/secrets and
	// $CREDENTIALS_DIRECTORY. On Windows, where access lists decide, modes are not
	// checked at all.
	Mode fs.FileMode

	// Passphrase opens encrypted private key files; name is the key's name in a keys
	// file, or the variable's. It is asked only when needed, and its answer is wiped.
	// EnvKey asks it after P_PRIVATE_KEY_PASSPHRASE. Nil: encrypted files are refused.
	Passphrase func(name string) ([]byte, error)

	// Label binds the one key of EnvKey and of DirKey as Key.For does, and restricts it
	// to Label.Scope when that is set, so that it may stand in a KeyRing beside others. A
	// keys file says it itself.
	Label Need

	// Warn is told why what a file holds now is not used while an earlier key still
	// is: once per fault, from the calling goroutine. Nil: nobody is told.
	Warn func(error)
}

// opener returns who knows the passphrase of an encrypted file, nil for nobody.
func (o *FileOptions) opener(name string) func() ([]byte, error) {
	if o.Passphrase == nil {
		return nil
	}
	return func() ([]byte, error) { return o.Passphrase(name) }
}

// labelled binds a key as Label says.
func (o *FileOptions) labelled(k *Key) *Key {
	if l := o.Label; l.Venue != "" || l.Environment != "" || l.Account != "" {
		k = k.For(l.Venue, l.Environment, l.Account)
	}
	if o.Label.Scope != 0 {
		k = k.Restrict(o.Label.Scope)
	}
	return k
}

const maxKeyFile = 64 << 10

// errKeyFile is a file that changed under the reader.
var errKeyFile = fmt.Errorf("%w: file changes while it is read; write it beside and rename it", ErrKey)

// A blob is one piece of key material as it was read. wipe it.
type blob struct {
	what string // how errors call it
	path string // "" when it did not come from a file
	text []byte
	bare bool      // plain text, where nothing tells a half-written file from a whole one
	mod  time.Time // of the file
	sum  [sha256.Size]byte
}

func (b *blob) wipe() { clear(b.text); b.text = nil }

// readFile reads one key file. The checks are made on the opened descriptor, so
// what is checked is what is read, through however many symbolic links.
func (o *FileOptions) readFile(what, path string) (blob, error) {
	b := blob{what: what, path: path}
	f, err := openNoWait(path)
	if err != nil {
		return b, fmt.Errorf("%w: %s: %w", ErrKey, what, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return b, fmt.Errorf("%w: %s: %w", ErrKey, what, err)
	}
	if err := o.checkFile(what, path, info); err != nil {
		return b, err
	}
	b.mod = info.ModTime()
	b.text = make([]byte, info.Size()+1) // one more, to see a file that grows
	n, err := io.ReadFull(f, b.text)
	if err == nil || n < len(b.text)-1 {
		b.wipe()
		return b, fmt.Errorf("%w (%s)", errKeyFile, what)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		b.wipe()
		return b, fmt.Errorf("%w: %s: %w", ErrKey, what, err)
	}
	b.text = b.text[:n]
	if err := checkEncoding(what, b.text); err != nil {
		b.wipe()
		return b, err
	}
	b.sum = sha256.Sum256(b.text)
	return b, nil
}

// Read returns the content of a key file, read under the checks that FileKey makes:
// regular, at most 64 KiB, its owner's alone, no byte order mark. It is for sources of
// your own, and for keystore/agefile; wipe what it returns. The error of a file that
// does not exist matches fs.ErrNotExist, and every error matches ErrKey.
func (o FileOptions) Read(path string) ([]byte, error) {
	b, err := o.readFile("key file", path)
	return b.text, err
}

// notThere reports a file that does not exist, as against one that cannot be read.
func notThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// checkFile looks at what was opened, before a byte of it is read.
func (o *FileOptions) checkFile(what, path string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s: %s is no regular file", ErrKey, what, path)
	case info.Size() == 0:
		return fmt.Errorf("%w: %s: %s is empty", ErrKey, what, path)
	case info.Size() > maxKeyFile:
		return fmt.Errorf("%w: %s: %s is larger than 64 KiB and no key file", ErrKey, what, path)
	case runtime.GOOS == "windows" || runtime.GOOS == "plan9":
		return nil
	}
	extra := info.Mode().Perm() & 0o077
	if extra&^o.Mode == 0 || extra&^0o044 == 0 && mounted(path, info) {
		return nil
	}
	return fmt.Errorf("%w: %s: %s has mode %#o, others than its owner can get at it; run: chmod 600 %s",
		ErrKey, what, path, info.Mode().Perm(), shellWord(path))
}

// mounted reports whether an opened file lies where an orchestrator puts secrets:
// the place is private there, and the mode is not the user's to choose.
func mounted(path string, opened fs.FileInfo) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	if real, err = filepath.Abs(real); err != nil {
		return false
	}
	if info, err := os.Stat(real); err != nil || !os.SameFile(info, opened) {
		return false // swapped since it was opened
	}
	for _, dir := range []string{"/run/secrets", "/var/run/secrets", os.Getenv("CREDENTIALS_DIRECTORY")} {
		if !filepath.IsAbs(dir) {
			continue
		}
		if d, err := filepath.EvalSymlinks(dir); err == nil {
			dir = d
		}
		rel, err := filepath.Rel(dir, real)
		if err == nil && filepath.IsLocal(rel) && filepath.Dir(dir) != dir {
			return true
		}
	}
	return false
}

// shellWord quotes a path for the command an error proposes.
func shellWord(path string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-+=:@%,~", r)
	}
	if !strings.HasPrefix(path, "-") && strings.TrimFunc(path, plain) == "" {
		return path
	}
	return "-- '" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// checkEncoding names what Windows editors and shells do to files.
func checkEncoding(what string, text []byte) error {
	switch {
	case bytes.HasPrefix(text, []byte("\ufeff")):
		return fmt.Errorf("%w: %s begins with a byte order mark; save the file without one", ErrKey, what)
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}), bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		return fmt.Errorf("%w: %s is UTF-16; save the file as UTF-8", ErrKey, what)
	}
	return nil
}

// trimNewline takes off the one newline that editors and echo put there.
func trimNewline(text []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
}

// checkPhrase is checkText for texts that may hold spaces, too.
func checkPhrase(what string, text []byte, spaces bool) error {
	if spaces {
		text = bytes.ReplaceAll(text, []byte(" "), nil)
		defer clear(text)
	}
	return checkText(what, text)
}

func holdsPEM(text []byte) bool { return bytes.Contains(text, []byte("-----BEGIN ")) }

// openPEM makes a key of a PEM file; ask is for the passphrase of an encrypted one.
func (b *blob) openPEM(id string, ask func() ([]byte, error)) (*Key, error) {
	key, err := ParsePEM(id, b.text, ask)
	if err != nil {
		return nil, placed(b.what, err)
	}
	return key, nil
}

// placed says where a fault is, behind the sentinel it matches: ErrKey when err has
// none of its own.
func placed(where string, err error) error {
	text := err.Error()
	for _, kind := range []error{ErrKey, ErrPassphrase, ErrNoKey, ErrScope} {
		if rest, ok := strings.CutPrefix(text, kind.Error()+": "); ok {
			return &placedError{kind.Error() + ": " + where + ": " + rest, err}
		}
	}
	if errors.Is(err, ErrParam) {
		text = strings.TrimPrefix(text, ErrParam.Error()+": ")
	}
	return &placedError{ErrKey.Error() + ": " + where + ": " + text, fmt.Errorf("%w: %w", ErrKey, err)}
}

type placedError struct {
	text string
	err  error
}

func (e *placedError) Error() string { return e.text }
func (e *placedError) Unwrap() error { return e.err }
