package agefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/exauth/exauth"
)

const (
	maxWorkFactor = 18 // 2^18 blocks of 1 KiB: 256 MiB
	magic         = "age-encryption.org/"
)

// Open returns the content of a sealed file, for tools that show, edit or reseal it;
// programs that sign use Key. The file is checked and its errors are told apart as
// Key says, except that a missing file matches fs.ErrNotExist and exauth.ErrKey. Wipe
// what it returns.
func Open(path string, o *Options) ([]byte, error) {
	if o == nil {
		o = new(Options)
	}
	sealed, err := o.files().Read(path)
	if err != nil {
		return nil, err
	}
	return open(path, path+": ", sealed, o)
}

// open decrypts sealed. path is for those who are asked, subject begins its errors.
func open(path, subject string, sealed []byte, o *Options) ([]byte, error) {
	if !isSealed(sealed) {
		return nil, fmt.Errorf("%w: %sis not sealed by age", exauth.ErrKey, subject)
	}
	k := &keeper{path: path, subject: subject, opts: o}
	text, err := decrypt(sealed, k)
	if err == nil {
		return text, nil
	}
	return nil, k.fault(err)
}

// isSealed reports whether text begins as age's files do.
func isSealed(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return bytes.HasPrefix(text, []byte(magic)) || bytes.HasPrefix(text, []byte(armor.Header))
}

// decrypt returns the whole content or none of it: age authenticates as it goes, and
// a cut is seen at the end only. The plain text is shorter than the sealed, so it is
// read into one buffer, and no copies of it are left behind by a buffer that grows.
func decrypt(sealed []byte, id age.Identity) ([]byte, error) {
	var src io.Reader = bytes.NewReader(sealed)
	if head := bytes.TrimLeft(sealed, " \t\r\n"); bytes.HasPrefix(head, []byte(armor.Header)) {
		src = armor.NewReader(bytes.NewReader(head))
	}
	r, err := age.Decrypt(src, id)
	if err != nil {
		return nil, err
	}
	text, n := make([]byte, len(sealed)+1), 0
	for {
		more, err := r.Read(text[n:])
		n += more
		switch {
		case err == io.EOF: // and no other: the reader below says ErrUnexpectedEOF where the file was cut
			return text[:n], nil
		case err == nil && n == len(text):
			err = errors.New("longer than its file")
			fallthrough
		case err != nil:
			clear(text)
			return nil, err
		}
	}
}

// A keeper is the one age.Identity of an opening. It sees what the file is sealed
// for before it asks anybody for anything.
type keeper struct {
	path    string
	subject string // begins its errors: "path: ", or nothing where the caller says it
	opts    *Options
	nested  bool     // opens an identity file
	types   []string // of the recipients in the header
	told    error    // ours to return, whatever age makes of it
}

// fault says what an error of age's means, without the words of age: they quote what
// they could not parse.
func (k *keeper) fault(err error) error {
	var none *age.NoIdentityMatchError
	switch {
	case k.told != nil:
		return k.told
	case errors.As(err, &none):
		return fmt.Errorf("%w: %sis sealed for %s, and none of the identities opens it", exauth.ErrKey, k.subject, k.sealedFor())
	}
	return fmt.Errorf("%w: %sis damaged or cut off", exauth.ErrKey, k.subject)
}

// sealedFor names the recipients' kinds.
func (k *keeper) sealedFor() string {
	names := map[string]string{"X25519": "an age recipient", "mlkem768x25519": "a post-quantum age recipient",
		"ssh-ed25519": "an ssh-ed25519 key", "ssh-rsa": "an ssh-rsa key", "scrypt": "a passphrase"}
	var out []string
	for _, t := range k.types {
		name := names[t]
		if name == "" && !strings.HasSuffix(t, "-grease") { // which age adds at random
			name = "a recipient of another kind"
		}
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, " and ")
}

// Unwrap finds the file key.
func (k *keeper) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, s := range stanzas {
		k.types = append(k.types, s.Type)
	}
	if slices.Contains(k.types, "scrypt") {
		return k.unwrapScrypt(stanzas)
	}
	ids, err := k.identities()
	if err != nil {
		k.told = err
		return nil, err
	}
	for _, id := range ids {
		key, err := id.Unwrap(stanzas)
		if err == nil || !errors.Is(err, age.ErrIncorrectIdentity) {
			return key, err
		}
	}
	return nil, age.ErrIncorrectIdentity
}

func (k *keeper) unwrapScrypt(stanzas []*age.Stanza) ([]byte, error) {
	most := k.opts.MaxWorkFactor
	if most <= 0 {
		most = maxWorkFactor
	}
	most = min(most, 30)
	if len(stanzas) == 1 && len(stanzas[0].Args) == 2 {
		// Before anybody is asked to type.
		if n, err := strconv.Atoi(stanzas[0].Args[1]); err == nil && n > most {
			k.told = fmt.Errorf("%w: %sasks for 2^%d scrypt work, more than 2^%d; allow it with MaxWorkFactor, or seal it anew",
				exauth.ErrKey, k.subject, n, most)
			return nil, k.told
		}
	}
	pass, err := k.ask(k.path)
	if err != nil {
		k.told = err
		return nil, err
	}
	defer clear(pass)
	id, err := age.NewScryptIdentity(string(pass))
	if err != nil {
		return nil, err
	}
	id.SetMaxWorkFactor(most)
	key, err := id.Unwrap(stanzas)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		k.told = fmt.Errorf("%w: it does not open %s", exauth.ErrPassphrase, k.path)
	}
	return key, err
}

// ask returns the passphrase of a file; the caller wipes it.
func (k *keeper) ask(path string) ([]byte, error) {
	if k.opts.Passphrase == nil {
		return nil, fmt.Errorf("%w: %s is sealed with a passphrase; give it in Options.Passphrase", exauth.ErrPassphrase, path)
	}
	pass, err := k.opts.Passphrase(path)
	if err != nil {
		defer clear(pass)
		if len(pass) > 0 && strings.Contains(err.Error(), string(pass)) {
			return nil, fmt.Errorf("%w: %s", exauth.ErrPassphrase, path)
		}
		return nil, fmt.Errorf("%w: %s: %w", exauth.ErrPassphrase, path, err)
	}
	if len(pass) == 0 {
		return nil, fmt.Errorf("%w: %s is sealed with a passphrase, and the one given is empty", exauth.ErrPassphrase, path)
	}
	return pass, nil
}

// identities reads the identity files and asks for what else there is.
func (k *keeper) identities() ([]age.Identity, error) {
	var ids []age.Identity
	if !k.nested { // an identity file that is sealed opens with a passphrase alone
		for _, path := range k.opts.IdentityFiles {
			more, err := k.identityFile(path)
			if err != nil {
				return nil, err
			}
			ids = append(ids, more...)
		}
		if k.opts.Identities != nil {
			more, err := k.opts.Identities()
			if err != nil {
				return nil, fmt.Errorf("%w: identities: %w", exauth.ErrKey, err)
			}
			ids = append(ids, more...)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%w: %sis sealed for %s, and there is no identity to open it; name one in Options.IdentityFiles",
			exauth.ErrKey, k.subject, k.sealedFor())
	}
	return ids, nil
}

// identityFile reads one identity file.
func (k *keeper) identityFile(path string) ([]age.Identity, error) {
	text, err := k.opts.files().Read(path)
	if err != nil {
		return nil, err
	}
	defer func() { clear(text) }()
	if isSealed(text) {
		sealed := text
		if text, err = k.openIdentities(path, sealed); err != nil {
			return nil, err
		}
	}
	if bytes.Contains(text, []byte("-----BEGIN ")) {
		id, err := k.sshIdentity(path, text)
		return []age.Identity{id}, err
	}
	ids, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %s holds no age identity: %s", exauth.ErrKey, path, identityFault(text))
	}
	return ids, nil
}

func (k *keeper) openIdentities(path string, sealed []byte) ([]byte, error) {
	inner := &keeper{path: path, subject: path + ": ", opts: k.opts, nested: true}
	text, err := decrypt(sealed, inner)
	if err != nil {
		return nil, inner.fault(err)
	}
	return text, nil
}

// identityFault says what a file has instead of identities.
func identityFault(text []byte) string {
	switch {
	case bytes.Contains(text, []byte("AGE-PLUGIN-")):
		return "a plugin's identity is given by Options.Identities"
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("age1")), bytes.HasPrefix(bytes.TrimSpace(text), []byte("ssh-")):
		return "this is the public half; the private half is needed"
	}
	return "a line is damaged, or of a kind that this program does not know"
}
