package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/keystore/agefile"
)

// sealFlags say for whom something is sealed.
type sealFlags struct {
	recipients, files texts
	pass              passphrases
	armor             bool
}

func (e *env) addSeal(fs *flag.FlagSet) *sealFlags {
	f := &sealFlags{pass: passphrases{e: e}}
	fs.Var(&f.recipients, "recipient", "seal for this age or ssh public `key` instead of with a passphrase; may be repeated")
	fs.Var(&f.files, "recipients-file", "the same from a `file`, one a line; may be repeated")
	fs.StringVar(&f.pass.file, "passphrase-file", "", "`file` with the passphrase (default $EXAUTH_PASSPHRASE, then a prompt)")
	return f
}

// options asks for what is needed to seal.
func (f *sealFlags) options(what string) (agefile.SealOptions, error) {
	o := agefile.SealOptions{Armor: f.armor, WorkFactor: f.pass.e.work}
	var list []byte
	for _, r := range f.recipients {
		list = append(append(list, r...), '\n')
	}
	for _, name := range f.files {
		text, err := readBounded(name, 64<<10)
		if err != nil {
			return o, err
		}
		list = append(append(list, text...), '\n')
	}
	if len(bytes.TrimSpace(list)) > 0 {
		var err error
		o.Recipients, err = agefile.ParseRecipients(list)
		return o, err
	}
	o.Passphrase = func() ([]byte, error) { return f.pass.fresh(what) }
	return o, nil
}

func sealCommand() command {
	return command{name: "seal", args: "[-recipient KEY] [-out FILE] FILE", short: "encrypt a file of keys with age",
		help: `
FILE, or standard input for -, is sealed with a passphrase, or for the public keys of
-recipient (age1…, age1pq1…, ssh-ed25519, ssh-rsa), whose private halves open it: take
that for programs that run unattended. The result goes to FILE.age, as the age command
writes it, and opens with it.

FILE is left where it is: remove it when you have seen that the sealed one opens. On
most disks removing does not erase; rotate keys that lay in plain text for long.`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			f := e.addSeal(fs)
			out := fs.String("out", "", "`file` to write (default FILE.age)")
			fs.BoolVar(&f.armor, "armor", false, "write text instead of bytes")
			return func(_ context.Context, args []string) error {
				if len(args) != 1 || args[0] == "-" && *out == "" {
					return usagef("seal takes one file; with - for standard input, -out as well")
				}
				return e.seal(f, args[0], *out)
			}
		}}
}

func (e *env) seal(f *sealFlags, in, out string) error {
	var text []byte
	var err error
	if in == "-" {
		text, err = io.ReadAll(io.LimitReader(e.in, 64<<10+1))
	} else {
		text, err = readBounded(in, 64<<10)
	}
	if err != nil {
		return err
	}
	defer clear(text)
	if out == "" {
		out = in + ".age"
	}
	if _, err := os.Stat(out); err == nil {
		return fmt.Errorf("%s exists; move it away first, or name another with -out", out)
	}
	if bytes.HasPrefix(text, []byte("age-encryption.org/")) {
		return usagef("%s is sealed already", in)
	}
	o, err := f.options(out)
	if err != nil {
		return err
	}
	if err := e.sealTo(out, text, o); err != nil {
		return err
	}
	return e.print(map[string]any{"file": out, "plain_text_left": in != "-"}, func(w io.Writer) {
		fmt.Fprintf(w, "%s is sealed\n", out)
		if in != "-" {
			fmt.Fprintf(w, "%s is still there in plain text: try the sealed file (exauth keys -keys %s), then remove it\n", in, out)
		}
	})
}

// sealTo seals, asking before the progress line begins.
func (e *env) sealTo(out string, text []byte, o agefile.SealOptions) error {
	if ask := o.Passphrase; ask != nil {
		phrase, err := ask()
		if err != nil {
			return err
		}
		o.Passphrase = func() ([]byte, error) { return phrase, nil }
	}
	defer e.busy("sealing " + out)()
	return agefile.Seal(out, text, o)
}

func unsealCommand() command {
	return command{name: "unseal", args: "[-identity FILE] -out FILE|- FILE.age", short: "decrypt a sealed file of keys",
		help: `
The plain text goes to -out, which must not exist and which only you can read, or to
standard output for "-out -", unless that is a terminal. Programs need no unsealed
file: exauth opens sealed ones itself.`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			k := e.addKeys(fs, false)
			out := fs.String("out", "", "`file` to write, or - for standard output")
			return func(_ context.Context, args []string) error {
				if len(args) != 1 || *out == "" {
					return usagef("unseal takes one sealed file, and -out")
				}
				return e.unseal(k, args[0], *out)
			}
		}}
}

func (e *env) unseal(k *keyFlags, in, out string) error {
	if f, ok := e.out.(*os.File); ok && out == "-" && term.IsTerminal(int(f.Fd())) {
		return usagef("secrets are not printed on a terminal; name a file with -out, or use a pipe")
	}
	sealed, err := isSealed(in)
	if err != nil {
		return err
	}
	if !sealed {
		return fmt.Errorf("%w: %s is not sealed by age", exauth.ErrKey, in)
	}
	opts := k.age()
	opts.Passphrase = func(what string) ([]byte, error) { return k.pass.get(what) }
	text, err := e.open(in, opts)
	if err != nil {
		return err
	}
	defer clear(text)
	if out == "-" {
		_, err = e.out.Write(text)
		return err
	}
	if err := writeNew(out, text); err != nil {
		return err
	}
	return e.print(map[string]any{"file": out}, func(w io.Writer) { fmt.Fprintf(w, "%s holds the plain text; remove it when you are done\n", out) })
}

func (e *env) open(path string, o *agefile.Options) ([]byte, error) {
	defer e.busy("opening " + path)()
	return agefile.Open(path, o)
}

func importCommand() command {
	return command{name: "import", args: "-keys FILE -venue NAME [-name NAME] [-scope S] [-from PREFIX]", short: "put a key into a keys file",
		help: `
Asks for the key id, the secret and, where the venue has one, the passphrase, without
echo. With -from PREFIX they come from PREFIX_API_KEY, PREFIX_API_SECRET and
PREFIX_PASSPHRASE; with -stdin from standard input, one a line in this order. With
-private-key FILE the key is a pair that keygen made, and no secret is asked for.

A keys file that does not exist is made, for you alone. A sealed one is opened and
sealed again: with the same passphrase, or for the -recipient named here.`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			i := &importing{keys: e.addKeys(fs, false), seal: &sealFlags{pass: passphrases{e: e}}}
			fs.Var(&i.seal.recipients, "recipient", "seal for this age or ssh public `key`; may be repeated")
			fs.StringVar(&i.venue, "venue", "", "`name` of the venue, as venue:testnet for another environment")
			fs.StringVar(&i.entry.Name, "name", "", "what to call the key")
			fs.StringVar(&i.entry.Account, "account", "", "`label` of the account it belongs to")
			fs.StringVar(&i.entry.Purpose, "purpose", "", "what it is for")
			fs.StringVar(&i.entry.Scope, "scope", "", "what it may be used for, as read+trade-spot; say it, or everything is allowed")
			fs.StringVar(&i.entry.Expires, "expires", "", "`date` after which it places no orders, 2006-01-02")
			fs.StringVar(&i.entry.PrivateKeyFile, "private-key", "", "PEM `file` of the private key, relative to the keys file")
			fs.StringVar(&i.from, "from", "", "take the values from the variables of this `PREFIX`")
			fs.BoolVar(&i.stdin, "stdin", false, "take the values from standard input")
			return func(_ context.Context, args []string) error {
				if len(args) > 0 {
					return usagef("import takes no arguments; secrets never go there")
				}
				return e.importKey(i)
			}
		}}
}

// importing is one key on its way into a keys file.
type importing struct {
	keys  *keyFlags
	seal  *sealFlags
	venue string
	from  string
	stdin bool
	entry struct {
		Name           string `json:"name,omitempty"`
		Venue          string `json:"venue"`
		Environment    string `json:"environment,omitempty"`
		Account        string `json:"account,omitempty"`
		Purpose        string `json:"purpose,omitempty"`
		ID             string `json:"id"`
		Secret         string `json:"secret,omitempty"`
		PrivateKeyFile string `json:"private_key_file,omitempty"`
		Passphrase     string `json:"passphrase,omitempty"`
		Scope          string `json:"scope,omitempty"`
		Created        string `json:"created,omitempty"`
		Expires        string `json:"expires,omitempty"`
	}
}

func (e *env) importKey(i *importing) error {
	path, err := i.keys.path()
	if err != nil {
		return err
	}
	v, err := venueOf(i.venue, "")
	if err != nil {
		return err
	}
	if i.entry.Scope != "" {
		if _, err := exauth.ParseScope(i.entry.Scope); err != nil {
			return err
		}
	}
	i.entry.Venue, i.entry.Environment, i.entry.Created = v.Name, v.Environment, day(e.now())
	if err := e.fill(i, v); err != nil {
		return err
	}
	if err := i.check(v); err != nil {
		return err
	}
	text, sealed, err := []byte(`{"version":1,"keys":[]}`), false, error(nil)
	if _, serr := os.Stat(path); serr == nil {
		if text, sealed, err = i.keys.read(path); err != nil {
			return err
		}
	} else if !errors.Is(serr, os.ErrNotExist) {
		return serr
	}
	defer func() { clear(text) }()
	f, list, err := entries(text, e.now())
	if err != nil {
		return err
	}
	for _, old := range list {
		if old.Name != "" && old.Name == i.entry.Name || old.id == i.entry.ID && old.Venue == v.Name && old.Environment == v.Environment {
			return fmt.Errorf("%w: %s holds a key of that name or id already", exauth.ErrKey, path)
		}
	}
	raw, err := json.Marshal(i.entry)
	if err != nil {
		return err
	}
	f.Keys = append(f.Keys, raw)
	if err := e.writeKeys(i.keys, i.seal, path, f, sealed); err != nil {
		return err
	}
	print := fingerprintOf(v.Name, i.entry.ID)
	return e.print(map[string]any{"file": path, "fingerprint": print, "sealed": sealed || len(i.seal.recipients) > 0}, func(w io.Writer) {
		fmt.Fprintf(w, "key %s of %s is in %s\n", print, i.venue, path)
		if i.entry.Scope == "" {
			fmt.Fprintln(w, "no -scope was said: programs may use it for everything it can do")
		}
	})
}

// fill asks for what belongs to the key.
func (e *env) fill(i *importing, v *exauth.Venue) error {
	wants := []struct {
		what string
		name string
		into *string
		skip bool
	}{
		{"API key id", "_API_KEY", &i.entry.ID, false},
		{"API secret", "_API_SECRET", &i.entry.Secret, i.entry.PrivateKeyFile != "" || len(v.Algorithms) == 0 && v.Name != "coinex"},
		{"API passphrase", "_PASSPHRASE", &i.entry.Passphrase, !v.Passphrase},
	}
	var lines [][]byte
	if i.stdin {
		text, err := io.ReadAll(io.LimitReader(e.in, 64<<10))
		if err != nil {
			return err
		}
		defer clear(text)
		lines = bytes.Split(text, []byte("\n"))
	}
	for _, w := range wants {
		if w.skip {
			continue
		}
		switch {
		case i.from != "":
			*w.into = e.getenv(i.from + w.name)
		case i.stdin:
			if len(lines) > 0 {
				*w.into, lines = string(bytes.TrimSuffix(lines[0], []byte("\r"))), lines[1:]
			}
		default:
			text, err := e.question(w.what + ": ")
			if err != nil {
				return err
			}
			*w.into = string(text)
		}
		if *w.into == "" {
			return fmt.Errorf("%w: the %s is empty", exauth.ErrKey, w.what)
		}
	}
	return nil
}

// check finds what a program would stumble over later.
func (i *importing) check(v *exauth.Venue) error {
	if i.entry.PrivateKeyFile != "" {
		return nil // relative to the keys file; doctor looks at it
	}
	key := exauth.NewSecretKey(i.entry.ID, i.entry.Secret)
	if i.entry.Passphrase != "" {
		key = key.WithPassphrase(i.entry.Passphrase)
	}
	defer key.Close()
	if key.Err() != nil {
		return key.Err()
	}
	if len(v.KeyFields) > 0 {
		return nil
	}
	c, err := exauth.New(v, key, nil)
	if err == nil {
		c.Close()
	}
	return err
}

// writeKeys writes a keys file back as it was found: plain or sealed.
func (e *env) writeKeys(k *keyFlags, s *sealFlags, path string, f *keysFile, sealed bool) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	defer clear(text)
	text = append(text, '\n')
	if !sealed && len(s.recipients) == 0 {
		return replace(path, text)
	}
	o, err := s.options(path)
	if err != nil {
		return err
	}
	if len(o.Recipients) == 0 {
		if len(k.identities) > 0 {
			return usagef("%s is sealed for recipients: name all of them with -recipient, since the file does not tell who they are", path)
		}
		s.pass.file = k.pass.file
	}
	return e.sealTo(path, text, o)
}
