package agefile

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"filippo.io/age"

	"github.com/exauth/exauth"
)

// Options say how sealed files are opened. Functions and paths only: an Options
// holds no secret itself. They are asked when there is something to open, never
// before.
type Options struct {
	// Passphrase opens what is sealed with a passphrase: the file, an identity file,
	// an ssh key. path says which. Its answer is wiped, but for the copy that age
	// makes of it. Nil: such files are refused.
	Passphrase func(path string) ([]byte, error)

	// IdentityFiles are the private halves: files as age-keygen writes them, and
	// OpenSSH or PEM private keys (Ed25519, RSA). They are checked as key files are,
	// and read anew each time the sealed file has changed.
	IdentityFiles []string

	// Identities gives further ones: of plugins, agents, hardware. They are tried
	// after the files.
	Identities func() ([]age.Identity, error)

	// MaxWorkFactor bounds the scrypt cost that a file may ask for, as the power of
	// two: 2^18, the default and what age writes, takes 256 MiB of memory and about a
	// second; each step more doubles both. rage chooses more on fast machines.
	MaxWorkFactor int

	// Mode lists the permission bits that are accepted besides the owner's, for the
	// sealed file and the identity files; see exauth.FileOptions.
	Mode fs.FileMode

	// Parse makes the one key of a file that holds no keys file but a secret or a PEM;
	// see exauth.TextOptions.
	Parse func(text []byte) (*exauth.Key, error)

	// Warn is told why what the file holds now is not used while earlier keys still
	// are: once per fault, from the calling goroutine. Nil: nobody is told.
	Warn func(error)
}

// retryAfter is how long a file that did not open is left alone while earlier keys
// are in use: each try may cost a second of scrypt.
const retryAfter = 30 * time.Second

// Key returns a source of the keys in a sealed file. Nil options fit only files that
// nobody can open, so give some.
//
// The file must be regular, at most 64 KiB, and its owner's alone save as Mode says.
// Its sealed content is compared at every call, which takes some tens of
// microseconds, and opened when it differs; a file that does not open leaves the
// earlier keys in use, and is tried again when it changes, or after 30 seconds. Seal
// and the age command with an -o on the same disk both do for rotation: a file that
// is cut off never opens.
//
// A file that does not exist matches exauth.ErrNoKey; a wrong or missing passphrase
// matches exauth.ErrPassphrase and never exauth.ErrKey; a file sealed for other
// recipients, damaged, or too expensive matches exauth.ErrKey. The source is safe for
// concurrent use.
//
// The opened text is wiped once the keys are made of it. The buffers and strings that
// age itself works with are not: they stay until the collector reuses their memory.
func Key(path string, o *Options) exauth.KeySource {
	f := &file{path: path}
	if o != nil {
		f.opts = *o
	}
	src := exauth.TextKey(f.read, &exauth.TextOptions{Name: path, Parse: f.opts.Parse, Warn: f.opts.Warn})
	return named{src, "agefile.Key(" + path + ")"}
}

// A named source prints as the constructor and what it was given.
type named struct {
	exauth.KeySource
	name string
}

func (n named) String() string { return n.name }

// GoString is String, for %#v.
func (n named) GoString() string { return n.name }

// A file is what was seen of one sealed file. exauth.TextKey lets one caller at a
// time in.
type file struct {
	path string
	opts Options

	opened bool              // once at least
	sum    [sha256.Size]byte // of the sealed bytes that were tried last
	fault  error             // what came of it
	next   time.Time         // not to be tried again before that, when nothing changes
}

func (f *file) read(context.Context) ([]byte, error) {
	sealed, err := f.opts.files().Read(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", exauth.ErrNoKey, fs.ErrNotExist)
	case err != nil:
		return nil, err
	}
	sum := sha256.Sum256(sealed)
	if f.opened && sum == f.sum && (f.fault == nil || time.Now().Before(f.next)) {
		return nil, f.fault
	}
	text, err := open(f.path, "", sealed, &f.opts)
	if err == nil {
		f.opened = true
	}
	f.sum, f.fault, f.next = sum, err, time.Now().Add(retryAfter)
	return text, err
}

func (o *Options) files() exauth.FileOptions { return exauth.FileOptions{Mode: o.Mode} }
