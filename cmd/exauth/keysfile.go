package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/keystore/agefile"
	"github.com/exauth/exauth/venue"
)

// texts is a flag that may be given more than once.
type texts []string

func (t *texts) String() string { return strings.Join(*t, ",") }

// Set adds one.
func (t *texts) Set(s string) error { *t = append(*t, s); return nil }

// keyFlags say where the keys are.
type keyFlags struct {
	e          *env
	file       string
	prefix     string
	account    string
	identities texts
	pass       passphrases
}

// addKeys adds the flags of a keys file; of sources besides it, too, with any.
func (e *env) addKeys(fs *flag.FlagSet, any bool) *keyFlags {
	k := &keyFlags{e: e}
	k.pass.e = e
	fs.StringVar(&k.file, "keys", "", "keys `file`, plain or sealed by age (default $EXAUTH_KEYS)")
	fs.Var(&k.identities, "identity", "age identity `file` that opens a sealed keys file; may be repeated")
	fs.StringVar(&k.pass.file, "passphrase-file", "", "`file` with the passphrase (default $EXAUTH_PASSPHRASE, then a prompt)")
	if any {
		fs.StringVar(&k.prefix, "env", "", "take the key from `PREFIX`_API_KEY, PREFIX_API_SECRET … instead of a keys file")
		fs.StringVar(&k.account, "account", "", "which account's key; needed where the keys file has several")
	}
	return k
}

// path is the keys file in use.
func (k *keyFlags) path() (string, error) {
	if k.file != "" {
		return k.file, nil
	}
	if p := k.e.getenv("EXAUTH_KEYS"); p != "" {
		return p, nil
	}
	return "", usagef("no keys: name a keys file with -keys or $EXAUTH_KEYS")
}

// source is where calls take their key from.
func (k *keyFlags) source() (exauth.KeySource, error) {
	files := exauth.FileOptions{Passphrase: k.pass.get}
	if k.prefix != "" {
		if k.file != "" {
			return nil, usagef("-keys and -env exclude each other")
		}
		return files.EnvKey(k.prefix), nil
	}
	path, err := k.path()
	if err != nil {
		return nil, usagef("no keys: name a keys file with -keys or $EXAUTH_KEYS, or a variables' prefix with -env")
	}
	sealed, err := isSealed(path)
	if err != nil {
		return nil, err
	}
	if sealed {
		return agefile.Key(path, k.age()), nil
	}
	return files.FileKey(path), nil
}

func (k *keyFlags) age() *agefile.Options {
	return &agefile.Options{Passphrase: k.pass.get, IdentityFiles: k.identities}
}

// isSealed looks at the beginning of a file.
func isSealed(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 64)
	n, _ := io.ReadFull(f, head)
	return bytes.HasPrefix(head[:n], []byte("age-encryption.org/")) || bytes.HasPrefix(head[:n], []byte("-----BEGIN AGE ENCRYPTED")), nil
}

// read returns the text of the keys file; wipe it.
func (k *keyFlags) read(path string) (text []byte, sealed bool, err error) {
	if sealed, err = isSealed(path); err != nil {
		return nil, false, err
	}
	if sealed {
		defer k.e.busy("opening " + path)()
		text, err = agefile.Open(path, k.age())
		return text, true, err
	}
	text, err = exauth.FileOptions{}.Read(path)
	return text, false, err
}

// A keysFile is a keys file with its members as they are written.
type keysFile struct {
	Version int               `json:"version"`
	Keys    []json.RawMessage `json:"keys"`
}

// A keyEntry is what may be shown of one key in a keys file.
type keyEntry struct {
	Name        string `json:"name,omitempty"`
	Venue       string `json:"venue"`
	Environment string `json:"environment,omitempty"`
	Account     string `json:"account,omitempty"`
	Purpose     string `json:"purpose,omitempty"`
	Fingerprint string `json:"fingerprint"`
	Kind        string `json:"kind"` // "secret", "private key", "id only"
	Scope       string `json:"scope,omitempty"`
	Created     string `json:"created,omitempty"`
	AgeDays     *int   `json:"age_days,omitempty"`
	RotateAfter string `json:"rotate_after,omitempty"`
	Expires     string `json:"expires,omitempty"`
	LastUsed    string `json:"last_used,omitempty"`
	Advice      string `json:"advice,omitempty"`

	id      string
	secret  [32]byte // SHA-256 of the secret's text, for scan
	pemFile string
	ips     bool
	index   int
}

// label is how an entry is called.
func (k *keyEntry) label() string {
	if k.Name != "" {
		return k.Name
	}
	return fmt.Sprintf("key %d", k.index+1)
}

// entries reads what may be shown of a keys file, and whether each key works as far as
// can be told without the network. The text stays the caller's.
func entries(text []byte, now time.Time) (*keysFile, []keyEntry, error) {
	var f keysFile
	if err := json.Unmarshal(text, &f); err != nil || f.Version != 1 {
		return nil, nil, fmt.Errorf("%w: this is no keys file of version 1; it begins {\"version\": 1, \"keys\": [", exauth.ErrKey)
	}
	var list []keyEntry
	for i, raw := range f.Keys {
		var m struct {
			Name, Venue, Environment, Account, Purpose, ID, Secret, Scope, Created, Expires string
			RotateAfter                                                                     string `json:"rotate_after"`
			PrivateKeyFile                                                                  string `json:"private_key_file"`
			IPs                                                                             []string
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, nil, fmt.Errorf("%w: key %d: a member is malformed", exauth.ErrKey, i+1)
		}
		k := keyEntry{Name: m.Name, Venue: m.Venue, Environment: m.Environment, Account: m.Account, Purpose: m.Purpose,
			Scope: m.Scope, Created: m.Created, RotateAfter: m.RotateAfter, Expires: m.Expires, Kind: "secret",
			id: m.ID, pemFile: m.PrivateKeyFile, ips: len(m.IPs) > 0, index: i}
		k.Fingerprint = fingerprintOf(m.Venue, m.ID)
		switch {
		case m.PrivateKeyFile != "", strings.Contains(m.Secret, "-----BEGIN "):
			k.Kind = "private key"
		case m.Secret == "":
			k.Kind = "id only"
		}
		if m.Secret != "" {
			k.secret = hashOf(m.Secret)
		}
		k.age(now)
		list = append(list, k)
	}
	return &f, list, nil
}

// age compares the dates of an entry with now.
func (k *keyEntry) age(now time.Time) {
	created, expires, rotate := parseDay(k.Created), parseDay(k.Expires), parseDay(k.RotateAfter)
	if !created.IsZero() {
		days := int(now.Sub(created).Hours() / 24)
		k.AgeDays = &days
	}
	if rotate.IsZero() && !created.IsZero() {
		scope, _ := exauth.ParseScope(k.Scope)
		f := exauth.NewSecretKey("x", "x").Restrict(cmpScope(scope)).WithFacts(exauth.KeyFacts{Created: created}).Facts()
		rotate = f.RotateAfter
		k.RotateAfter = day(rotate)
	}
	switch {
	case !expires.IsZero() && !now.Before(expires):
		k.Advice = "expired"
	case !rotate.IsZero() && !now.Before(rotate):
		k.Advice = "rotate"
	case !expires.IsZero() && expires.Sub(now) < 14*24*time.Hour:
		k.Advice = "expires soon"
	case k.Scope == "":
		k.Advice = "no scope: allowed everything"
	}
}

// cmpScope is the scope to take for one that is not stated: all.
func cmpScope(s exauth.Scope) exauth.Scope {
	if s == 0 {
		return exauth.ScopeRead | exauth.ScopeTrade | exauth.ScopeTransfer | exauth.ScopeWithdraw | exauth.ScopeAccount
	}
	return s
}

func parseDay(s string) time.Time {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// fingerprintOf is Key.Fingerprint for an id at a venue.
func fingerprintOf(venue, id string) string {
	return exauth.NewSecretKey(id, "").For(venue, "", "").Fingerprint()
}

// venueOf finds a venue by the name on the command line, at another origin where asked.
func venueOf(name, at string) (*exauth.Venue, error) {
	if name == "" {
		return nil, usagef("name the venue with -venue; exauth venues lists them")
	}
	v, ok := venue.ByName(name)
	if !ok {
		return nil, usagef("no venue %q; exauth venues lists them", shown(name))
	}
	if at != "" {
		v = v.At(at)
	}
	return v, nil
}
