// Package oskeyring keeps API keys in the keyring of the operating system: the
// Keychain of macOS, the Credential Manager of Windows, and on Linux and BSD
// whatever answers for the Secret Service (GNOME Keyring, KeePassXC, KWallet):
//
//	keys := oskeyring.Key("kraken", nil)
//	c, err := exauth.New(venue.Kraken(), keys, nil)
//
// It suits programs that a person runs at a desktop, whose login unlocks the
// keyring. A server has none, or one that nobody unlocks; use agefile or vaultkv
// there.
//
// What a keyring protects against is another user and a stolen disk. Every program
// of the same user can ask it too (on macOS after a question), and on Linux the
// secret crosses the session bus in plain text.
package oskeyring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/zalando/go-keyring"

	"github.com/exauth/exauth"
)

var (
	// ErrLocked is a keyring that is there but locked.
	ErrLocked = errors.New("exauth: the keyring is locked")

	// ErrUnavailable is no keyring to ask: no D-Bus session, no Secret Service, an
	// operating system without one.
	ErrUnavailable = errors.New("exauth: no keyring to ask")
)

// Options say where in the keyring a key is. Nil and the zero value mean every
// default.
type Options struct {
	// Service is what all items of a program have in common; default "exauth".
	Service string

	// Prompt lets the desktop ask the user to unlock a locked Secret Service. Without
	// it a locked keyring is ErrLocked at once, so that no program hangs on a window
	// that nobody sees. macOS asks whenever it wants to.
	Prompt bool

	// Timeout bounds one exchange with the keyring, and with Prompt the user; default
	// 10 s, with Prompt 2 minutes.
	Timeout time.Duration

	// TTL is how long Key serves an answer before it asks again; default a minute,
	// negative asks at every call.
	TTL time.Duration

	// Parse makes the one key of an item that is no keys file but a secret or a PEM;
	// see exauth.TextOptions.
	Parse func(text []byte) (*exauth.Key, error)

	// Warn is told why what the keyring holds now is not used while earlier keys still
	// are: once per fault, from the calling goroutine. Nil: nobody is told.
	Warn func(error)
}

// Key returns a source of the keys in one item of the keyring: a keys file as
// exauth.FileKey describes it, with one key or several, or what Options.Parse reads.
//
// Nothing is asked before the first call needs a key. An item that is not there
// matches exauth.ErrNoKey. A locked keyring (ErrLocked) and none at all
// (ErrUnavailable) are final: they never look as if there were no key. When the
// keyring fails later, the earlier keys stay in use; see exauth.TextKey. The source is
// safe for concurrent use.
func Key(name string, o *Options) exauth.KeySource {
	opts := o.filled()
	read := func(ctx context.Context) ([]byte, error) { return Load(ctx, name, &opts) }
	src := exauth.TextKey(read, &exauth.TextOptions{Name: "keyring item " + opts.Service + "/" + name,
		Parse: opts.Parse, TTL: opts.TTL, Warn: opts.Warn})
	return named{src, "oskeyring.Key(" + opts.Service + "/" + name + ")"}
}

// A named source prints as the constructor and what it was given.
type named struct {
	exauth.KeySource
	name string
}

func (n named) String() string { return n.name }

// GoString is String, for %#v.
func (n named) GoString() string { return n.name }

func (o *Options) filled() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Service == "" {
		out.Service = "exauth"
	}
	if out.TTL == 0 {
		out.TTL = time.Minute
	}
	if out.Timeout <= 0 {
		out.Timeout = 10 * time.Second
		if out.Prompt {
			out.Timeout = 2 * time.Minute
		}
	}
	return out
}

// Load returns the text of an item. Wipe it; the keyring's library keeps a copy in a
// string, which nobody can. Errors are those of Key.
func Load(ctx context.Context, name string, o *Options) ([]byte, error) {
	var text []byte
	err := ask(ctx, name, o, func(service string) error {
		s, err := keyring.Get(service, name)
		text = []byte(s)
		return err
	})
	if err != nil {
		return nil, err
	}
	return text, nil
}

// Store puts a text into an item, in place of what it held. text is the caller's to
// wipe. Windows takes 2,560 bytes and macOS about 2,900: a keys file with one key, or
// an RSA key of 2048 bits; more matches exauth.ErrParam there.
func Store(ctx context.Context, name string, text []byte, o *Options) error {
	if len(text) == 0 || len(text) > 64<<10 {
		return fmt.Errorf("%w: keyring item %s: a text has between 1 byte and 64 KiB", exauth.ErrParam, name)
	}
	return ask(ctx, name, o, func(service string) error { return keyring.Set(service, name, string(text)) })
}

// Delete takes an item out of the keyring; one that is not there matches
// exauth.ErrNoKey. A program that runs keeps the key it has: Close that too, and
// delete the key at the exchange.
func Delete(ctx context.Context, name string, o *Options) error {
	return ask(ctx, name, o, func(service string) error { return keyring.Delete(service, name) })
}

// ask does one exchange with the keyring, whose library knows no context. An exchange
// that ends by ctx is left behind, and ends when the keyring answers.
func ask(ctx context.Context, name string, o *Options, do func(service string) error) error {
	opts := o.filled()
	if err := checkName(opts.Service, name); err != nil {
		return err
	}
	ctx, stop := context.WithTimeoutCause(ctx, opts.Timeout, fmt.Errorf("%w: it does not answer", ErrUnavailable))
	defer stop()
	if err := ready(ctx, opts.Prompt); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return err
	}
	done := make(chan error, 1)
	go func() { done <- do(opts.Service) }()
	select {
	case err := <-done:
		return fault(opts.Service+"/"+name, err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// checkName refuses what keyrings write differently or not at all.
func checkName(names ...string) error {
	for _, n := range names {
		if n == "" || len(n) > 128 || strings.ContainsFunc(n, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("%w: a keyring item's service and name have between 1 and 128 printable characters", exauth.ErrParam)
		}
	}
	return nil
}

// fault tells the keyring's errors apart.
func fault(item string, err error) error {
	var exit interface{ ExitCode() int }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keyring.ErrNotFound):
		return fmt.Errorf("%w: the keyring has no item %s", exauth.ErrNoKey, item)
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return fmt.Errorf("%w: the text is too long for this keyring; keep one key in an item", exauth.ErrParam)
	case errors.Is(err, keyring.ErrUnsupportedPlatform):
		return fmt.Errorf("%w: this operating system has none that exauth knows", ErrUnavailable)
	case errors.As(err, &exit) && exit.ExitCode() == securityLocked,
		strings.HasPrefix(err.Error(), "failed to unlock"):
		return fmt.Errorf("%w; %s", ErrLocked, howToUnlock)
	}
	return fmt.Errorf("%w: item %s: %w", ErrUnavailable, item, err)
}

const (
	// securityLocked is the exit status of macOS's security command for
	// errSecInteractionNotAllowed, -25308 of Security/SecBase.h: its low byte.
	securityLocked = 36

	howToUnlock = "log in at the desktop, open the keyring's own program, or set Options.Prompt; nothing was read"
)
