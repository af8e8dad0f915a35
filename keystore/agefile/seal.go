package agefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"

	"github.com/exauth/exauth"
)

// SealOptions say for whom a file is sealed: for recipients, or with a passphrase,
// never both, which age does not allow.
type SealOptions struct {
	// Recipients are the public halves of those who may open the file. age does not
	// mix post-quantum recipients with others: what is sealed for both is as weak as
	// the weaker.
	Recipients []age.Recipient

	// Passphrase gives the passphrase instead; its answer is wiped.
	Passphrase func() ([]byte, error)

	// WorkFactor is the cost of trying passphrases, as the power of two of scrypt's
	// N; 0 means 18, which age uses as well. Less is for tests.
	WorkFactor int

	// Armor writes text for mail and clipboards instead of bytes.
	Armor bool
}

// errRecipients is a fault of SealOptions.
func errRecipients(text string) error { return fmt.Errorf("%w: seal: %s", exauth.ErrParam, text) }

// Seal encrypts text and puts it at path: written beside it with mode 0600, synced to
// the disk, then renamed over it, so that a reader sees the old file or the new one
// and never a part, also after a power cut. A symbolic link stays, and what it points
// at is replaced. text is the caller's to wipe.
//
// What is wrong with the arguments matches exauth.ErrParam: no recipients, ones that
// do not go together, more than the 64 KiB that Key reads. Errors of the passphrase match exauth.ErrPassphrase. Nothing is
// left behind on failure, and what was at path stays.
func Seal(path string, text []byte, o SealOptions) error {
	sealed, err := Encrypt(text, o)
	if err != nil {
		return err
	}
	return replace(path, sealed)
}

const maxSealed = 64 << 10 // what Key reads

// Encrypt is Seal without the file: it returns what the file would hold, for
// standard output and for stores of your own.
func Encrypt(text []byte, o SealOptions) ([]byte, error) {
	to, err := o.recipients()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	var dst io.Writer = &out
	closeArmor := func() error { return nil }
	if o.Armor {
		w := armor.NewWriter(&out)
		dst, closeArmor = w, w.Close
	}
	w, err := age.Encrypt(dst, to...)
	if err != nil {
		return nil, errRecipients("the recipients do not go together; post-quantum ones stand alone")
	}
	_, err = w.Write(text)
	if err := errors.Join(err, w.Close(), closeArmor()); err != nil {
		return nil, fmt.Errorf("exauth: seal: %w", err)
	}
	if out.Len() > maxSealed {
		return nil, errRecipients("it comes to more than 64 KiB, which Key does not read")
	}
	return out.Bytes(), nil
}

// recipients returns who may open the file.
func (o *SealOptions) recipients() ([]age.Recipient, error) {
	switch {
	case o.Passphrase == nil && len(o.Recipients) == 0:
		return nil, errRecipients("neither recipients nor a passphrase")
	case o.Passphrase == nil:
		return o.Recipients, nil
	case len(o.Recipients) > 0:
		return nil, errRecipients("recipients and a passphrase; choose one")
	case o.WorkFactor < 0 || o.WorkFactor > 22:
		return nil, errRecipients("work factor must be between 1 and 22")
	}
	pass, err := o.Passphrase()
	defer clear(pass)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", exauth.ErrPassphrase, err)
	}
	if len(pass) == 0 {
		return nil, fmt.Errorf("%w: an empty one seals nothing", exauth.ErrPassphrase)
	}
	r, err := age.NewScryptRecipient(string(pass))
	if err != nil {
		return nil, fmt.Errorf("exauth: seal: %w", err)
	}
	r.SetWorkFactor(maxWorkFactor)
	if o.WorkFactor > 0 {
		r.SetWorkFactor(o.WorkFactor)
	}
	return []age.Recipient{r}, nil
}

// ParseRecipients reads the public halves in a text, one a line, as age-keygen and
// ssh-keygen print them: age1…, age1pq1…, ssh-ed25519 and ssh-rsa. Empty lines and
// those that begin with # are skipped. The error matches exauth.ErrParam, says which
// line, and shows nothing of it: it may be a private half.
func ParseRecipients(text []byte) ([]age.Recipient, error) {
	var out []age.Recipient
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var to []age.Recipient
		var err error
		if strings.HasPrefix(line, "ssh-") {
			var r age.Recipient
			r, err = agessh.ParseRecipient(line)
			to = []age.Recipient{r}
		} else {
			to, err = age.ParseRecipients(strings.NewReader(line))
		}
		switch {
		case strings.HasPrefix(strings.ToUpper(line), "AGE-SECRET-KEY-"):
			return nil, errRecipients(fmt.Sprintf("line %d is a private half; the public one begins with age1", n))
		case err != nil:
			return nil, errRecipients(fmt.Sprintf("line %d is no recipient that this program knows", n))
		}
		out = append(out, to...)
	}
	if len(out) == 0 {
		return nil, errRecipients("no recipients in the text")
	}
	return out, nil
}

// replace puts data at path as a whole.
func replace(path string, data []byte) (err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return fmt.Errorf("exauth: seal: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("exauth: seal: %w", err)
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	syncDir(dir)
	return nil
}

// syncDir makes a rename last through a power cut. Where directories cannot be
// synced, the file system does it in its own time.
func syncDir(dir string) {
	if runtime.GOOS == "windows" {
		return
	}
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
