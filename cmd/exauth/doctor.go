package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/exauth/exauth"
)

func doctorCommand() command {
	return command{name: "doctor", args: "[-keys FILE] [-venue NAME] [-offline]", short: "look for what is wrong with keys, files, variables and the clock",
		help: `
Looks at the keys file and the private keys it names (modes, plain text, age, how
strong the passphrase's KDF is), at environment variables that hold keys (stray white
space, quotes), and, with -venue, asks the venue: is the clock right, does the key
work, what may it do, from where and for how long, as far as the venue tells. Values
are never shown. Exit code 3 says that something should be done.`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			k := e.addKeys(fs, true)
			name := fs.String("venue", "", "`name` of a venue to ask")
			at := fs.String("at", "", "another `origin` of the venue")
			offline := fs.Bool("offline", false, "do not use the network")
			return func(ctx context.Context, args []string) error {
				if len(args) > 0 {
					return usagef("doctor takes no arguments")
				}
				d := &doctor{e: e, keys: k}
				d.environment()
				d.files()
				if *name != "" {
					v, err := venueOf(*name, *at)
					if err != nil {
						return err
					}
					d.venue(ctx, v, *offline)
				}
				return d.report()
			}
		}}
}

// A check is one line of the report. State is "ok", "note" or "problem".
type check struct {
	State string `json:"state"`
	What  string `json:"what"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
}

type doctor struct {
	e      *env
	keys   *keyFlags
	checks []check
}

func (d *doctor) ok(what, text string)           { d.add("ok", what, text, "") }
func (d *doctor) note(what, text, fix string)    { d.add("note", what, text, fix) }
func (d *doctor) problem(what, text, fix string) { d.add("problem", what, text, fix) }

func (d *doctor) add(state, what, text, fix string) {
	d.checks = append(d.checks, check{state, what, strings.TrimPrefix(text, "exauth: "), fix})
}

func (d *doctor) report() error {
	problems := 0
	for _, c := range d.checks {
		if c.State == "problem" {
			problems++
		}
	}
	err := d.e.print(map[string]any{"problems": problems, "checks": d.checks}, func(w io.Writer) {
		for _, c := range d.checks {
			sign := map[string]string{"ok": "ok  ", "note": "note", "problem": "!!  "}[c.State]
			fmt.Fprintf(w, "%s  %s: %s\n", sign, c.What, printable(c.Text))
			if c.Fix != "" {
				fmt.Fprintf(w, "        %s\n", c.Fix)
			}
		}
		fmt.Fprintf(w, "\n%d problems\n", problems)
	})
	if err == nil && problems > 0 {
		err = errFindings
	}
	return err
}

// secretNames are the endings of variables that hold what must not be shown.
var secretNames = []string{"_API_KEY", "_API_SECRET", "_PASSPHRASE", "_SECRET", "_SECRET_KEY", "_APIKEY", "_APISECRET"}

// environment looks at variables by their names, and at the shape of their values.
func (d *doctor) environment() {
	found := 0
	for _, line := range d.e.environ() {
		name, value, _ := strings.Cut(line, "=")
		upper := strings.ToUpper(name)
		if value == "" || !slices.ContainsFunc(secretNames, func(end string) bool { return strings.HasSuffix(upper, end) }) {
			continue
		}
		found++
		if fault := strayText(value); fault != "" {
			d.problem("variable "+name, fault, "set it again, without what a copy or a quoting mistake has added")
		} else {
			d.note("variable "+name, "holds a secret in plain text, which every program started from here can read", "use "+name+"_FILE, a keys file or a secret store")
		}
	}
	if found == 0 {
		d.ok("environment", "no variable looks like a key")
	}
}

// strayText says what is around or inside a value that a key does not have.
func strayText(v string) string {
	trimmed := strings.TrimSpace(v)
	switch {
	case trimmed == "":
		return "is nothing but white space"
	case trimmed != v:
		return "begins or ends with white space"
	case len(v) > 1 && (v[0] == '"' || v[0] == '\'' || v[0] == '`') && v[len(v)-1] == v[0]:
		return "has quotes around it"
	case strings.HasPrefix(v, "\ufeff"):
		return "begins with a byte order mark"
	case strings.Contains(v, "-----BEGIN"):
		return "" // a PEM has spaces and lines
	case strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) }) || !utf8.ValidString(v):
		return "holds white space or an invisible character"
	}
	return ""
}

// files looks at the keys file and what it names.
func (d *doctor) files() {
	path, err := d.keys.path()
	if err != nil {
		if d.keys.prefix == "" {
			d.note("keys file", "none was named", "use -keys or $EXAUTH_KEYS to have one looked at")
		}
		return
	}
	d.mode("keys file", path)
	text, sealed, err := d.keys.read(path)
	if err != nil {
		d.problem("keys file "+path, err.Error(), "")
		return
	}
	defer clear(text)
	if sealed {
		d.ok("keys file "+path, "is sealed")
	} else {
		d.note("keys file "+path, "is plain text: whoever gets the file, a backup of it or this machine's disk has the keys", "exauth seal "+path)
	}
	_, list, err := entries(text, d.e.now())
	if err != nil {
		d.problem("keys file "+path, err.Error(), "")
		return
	}
	src, err := d.keys.source()
	for i := range list {
		d.key(&list[i], src, err, filepath.Dir(path))
	}
}

// mode looks at who can get at a file, and at its directory.
func (d *doctor) mode(what, path string) {
	info, err := os.Stat(path)
	if err != nil {
		return // told by whoever reads it
	}
	if runtime.GOOS == "windows" {
		d.note(what+" "+path, "file modes say nothing on Windows; see to its access list", "")
		return
	}
	if extra := info.Mode().Perm() & 0o077; extra != 0 {
		d.problem(what+" "+path, fmt.Sprintf("has mode %#o: others can get at it", info.Mode().Perm()), "chmod 600 "+path)
	}
	if dir, err := os.Stat(filepath.Dir(path)); err == nil && dir.Mode().Perm()&0o022 != 0 && dir.Mode()&os.ModeSticky == 0 {
		d.problem("directory of "+path, fmt.Sprintf("has mode %#o: others can replace the file", dir.Mode().Perm()), "chmod go-w "+filepath.Dir(path))
	}
}

// key looks at one key of the keys file.
func (d *doctor) key(k *keyEntry, src exauth.KeySource, srcErr error, dir string) {
	what := fmt.Sprintf("key %q", k.label())
	before := len(d.checks)
	switch k.Advice {
	case "expired":
		d.problem(what, "expired on "+k.Expires, "make a new one, and revoke this")
	case "rotate":
		d.problem(what, "should have been replaced after "+k.RotateAfter, "make a new one, and revoke this")
	case "expires soon":
		d.note(what, "expires on "+k.Expires, "make a new one before")
	}
	scope, err := exauth.ParseScope(k.Scope)
	switch {
	case k.Scope == "":
		d.note(what, "has no scope: programs may use it for everything it can do", `say "scope" in the keys file, as "read+trade-spot"`)
	case err != nil:
	case scope&exauth.ScopeWithdraw != 0:
		d.note(what, "may withdraw", "keep that apart from what trades, and sealed")
	}
	if k.Created == "" {
		d.note(what, "has no date: nobody knows how old it is", `say "created" in the keys file`)
	}
	if k.Venue == "binance" && !k.ips {
		d.note(what, "has no list of addresses: Binance deletes such keys that trade after 30 idle days", `set one at the venue, and say "ips" in the keys file`)
	}
	if k.pemFile != "" {
		file := k.pemFile
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		d.mode("private key", file)
		d.pem(file)
	}
	if srcErr == nil {
		need := exauth.Need{Venue: k.Venue, Environment: k.Environment, Account: k.Account, Scope: scope & exauth.ScopeRead}
		if _, err := src.Key(context.Background(), need); err != nil {
			d.problem(what, err.Error(), "")
		}
	}
	if len(d.checks) == before {
		d.ok(what, "nothing to say")
	}
}

// weakRounds is what a sealed private key should have at least: OWASP's figure for
// PBKDF2-HMAC-SHA-512, read 2026-11. openssl's default is 2,048.
const weakRounds = 210_000

// pem looks at how a private key is kept.
func (d *doctor) pem(path string) {
	text, err := readBounded(path, 64<<10)
	if err != nil {
		d.problem("private key "+path, "cannot be read", "")
		return
	}
	defer clear(text)
	reseal := "openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA512 -iter 600000 -in " + path + " -out NEW"
	block, _ := pem.Decode(text)
	switch {
	case block == nil:
		d.problem("private key "+path, "is no PEM", "")
	case block.Type == "ENCRYPTED PRIVATE KEY":
		if n := kdfOf(block.Bytes); n > 0 && n < weakRounds {
			d.problem("private key "+path, fmt.Sprintf("is sealed with %d rounds of PBKDF2: a guessed passphrase is tried in no time", n), reseal)
		} else {
			d.ok("private key "+path, "is sealed")
		}
	case bytes.Contains(text, []byte("DEK-Info:")):
		d.problem("private key "+path, "is sealed the old way, which one round of MD5 protects", reseal)
	default:
		d.note("private key "+path, "is plain text", reseal)
	}
}

// venue asks whether the clock and the key are right.
func (d *doctor) venue(ctx context.Context, v *exauth.Venue, offline bool) {
	src, err := d.keys.source()
	if err != nil {
		d.note("venue "+v.Name, "no key to try", err.Error())
		src = nil
	}
	c, err := exauth.New(v, src, &exauth.Options{Scope: exauth.ScopeRead, Account: d.keys.account})
	if err != nil {
		d.problem("venue "+v.Name, err.Error(), "")
		return
	}
	defer c.Close()
	if src != nil {
		need := exauth.Need{Venue: v.Name, Environment: v.Environment, Account: d.keys.account, Scope: exauth.ScopeRead}
		if _, err := src.Key(ctx, need); err != nil {
			d.problem("key for "+v.Name, err.Error(), "")
			return
		}
	}
	if offline {
		d.note("venue "+v.Name, "was not asked", "leave -offline out")
		return
	}
	done := d.e.busy("asking " + v.Name)
	err = c.Check(ctx)
	done()
	if offset, known := c.ClockOffset(); known {
		text := fmt.Sprintf("is %s off the venue's, and corrected for", offset.Abs().Round(time.Millisecond))
		if offset.Abs() > time.Second {
			d.problem("clock", text, "run an NTP client")
		} else {
			d.ok("clock", text)
		}
	} else {
		d.note("clock", "was not compared: the venue tells no time, or could not be reached", "")
	}
	if src == nil {
		return
	}
	if err == nil {
		d.ok("key for "+v.Name, "works: a signed call was answered")
		d.rights(ctx, c)
		return
	}
	fix := ""
	if causes := exauth.Causes(err); len(causes) > 0 {
		fix = "probably " + causes[0].String()
	}
	d.problem("key for "+v.Name, err.Error(), fix)
}

// rights tells what the venue says the key may do.
func (d *doctor) rights(ctx context.Context, c *exauth.Client) {
	v := c.Venue()
	what := "key for " + v.Name
	done := d.e.busy("asking " + v.Name + " what the key may do")
	r, err := c.CheckKey(ctx, nil)
	done()
	if err != nil {
		d.note(what, "what it may do was not told: "+strings.TrimPrefix(err.Error(), "exauth: "), "")
		return
	}
	text := "the venue does not tell what it may do"
	if r.Can|r.Cannot != 0 {
		text = fmt.Sprintf("may %s; may not %s; only from listed addresses: %s; expires: %s", r.Can, r.Cannot, r.IPList, r.Ends)
		if !r.Expires.IsZero() {
			text += " (" + day(r.Expires) + ")"
		}
	}
	d.ok(what, text)
	for _, a := range r.Advice {
		if a.Risk == exauth.RiskHigh {
			d.problem(what, a.Text, "")
		} else {
			d.note(what, a.Text, "")
		}
	}
}
