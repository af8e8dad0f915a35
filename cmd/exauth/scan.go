package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/exauth/exauth/venue"
)

func scanCommand() command {
	return command{name: "scan", args: "[-keys FILE] [-fingerprint FP] [-no-history] PATH", short: "look for keys in a tree and its git history",
		help: `
Looks for your own keys, and for text that has the shape of one: private keys, age
identities, values assigned to names like api_secret. Your own are found without
writing them anywhere: key ids by their fingerprints (-keys, or -fingerprint as usage
logs show them), secrets by the hashes of those in the keys file.

In a git repository every line that was ever added is looked at, in all branches.
Findings are shown by place and kind, with the first characters only. A key that was
once committed is known to others: revoke it, then clean up. Exit code 3 says that
something was found.`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			k := e.addKeys(fs, false)
			var prints texts
			fs.Var(&prints, "fingerprint", "`fingerprint` of a key of yours; may be repeated")
			noHistory := fs.Bool("no-history", false, "leave the git history out")
			return func(ctx context.Context, args []string) error {
				if len(args) != 1 {
					return usagef("scan takes one path")
				}
				s, err := e.scanner(k, prints)
				if err != nil {
					return err
				}
				return e.scan(ctx, s, args[0], !*noHistory)
			}
		}}
}

// A finding is one place that holds what looks like a key.
type finding struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Commit string `json:"commit,omitempty"` // where it is only in the history
	Kind   string `json:"kind"`
	Own    string `json:"own,omitempty"` // the name of the key of yours
	Shown  string `json:"shown"`         // its beginning and length
}

type scanner struct {
	prints  map[string]string // fingerprint to name
	secrets map[[32]byte]string
	venues  []string
	skip    map[string]bool // files that are meant to hold keys
	found   []finding
	seen    map[[32]byte]bool
	files   int
	skipped int
}

func hashOf(text string) [32]byte { return sha256.Sum256([]byte(text)) }

// scanner knows the user's own keys.
func (e *env) scanner(k *keyFlags, prints []string) (*scanner, error) {
	s := &scanner{prints: map[string]string{}, secrets: map[[32]byte]string{}, skip: map[string]bool{}, seen: map[[32]byte]bool{}}
	for _, p := range prints {
		s.prints[strings.ToLower(p)] = p
		s.venues = venue.Names()
	}
	path, err := k.path()
	if err != nil {
		return s, nil // no keys file: shapes and fingerprints only
	}
	text, _, err := k.read(path)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	_, list, err := entries(text, e.now())
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		s.prints[one.Fingerprint] = one.label()
		if one.secret != ([32]byte{}) {
			s.secrets[one.secret] = one.label()
		}
		if !slices.Contains(s.venues, one.Venue) {
			s.venues = append(s.venues, one.Venue)
		}
	}
	if abs, err := filepath.Abs(path); err == nil {
		s.skip[abs] = true
	}
	return s, nil
}

// Shapes of keys. What a name like api_secret is given counts from 16 characters on,
// when it looks random.
var (
	wordShape    = regexp.MustCompile(`[A-Za-z0-9+/=_-]{16,}`)
	privateShape = regexp.MustCompile(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----`)
	ageShape     = regexp.MustCompile(`AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{20,}`)
	namedShape   = regexp.MustCompile(`(?i)(?:api[_-]?key|api[_-]?secret|secret[_-]?key|private[_-]?key|access[_-]?key|passphrase|secret)["']?\s*(?::=|=>|[:=])\s*["'` + "`" + `]?([A-Za-z0-9+/=_-]{16,})`)
	coinbaseID   = regexp.MustCompile(`organizations/[0-9a-f-]{36}/apiKeys/[0-9a-f-]{36}`)
)

// line looks at one line of text.
func (s *scanner) line(line, file string, number int, commit string) {
	add := func(kind, own, value string) {
		key := hashOf(kind + "\x00" + value + "\x00" + file)
		if s.seen[key] {
			return
		}
		s.seen[key] = true
		s.found = append(s.found, finding{file, number, commit, kind, own, begin(value)})
	}
	for _, m := range privateShape.FindAllString(line, -1) {
		add("private key", "", m)
	}
	for _, m := range ageShape.FindAllString(line, -1) {
		add("age identity", "", m)
	}
	own := map[string]bool{}
	for _, w := range append(wordShape.FindAllString(line, -1), coinbaseID.FindAllString(line, -1)...) {
		for _, w := range parts(w) {
			if name, kind := s.mine(w); name != "" && !own[w] {
				own[w] = true
				add(kind, name, w)
			}
		}
	}
	for _, m := range namedShape.FindAllStringSubmatch(line, -1) {
		if w := strings.TrimLeft(m[1], "="); !own[w] && random(w) {
			add("looks like a key", "", w)
		}
	}
}

// parts lists what of a run of characters may be a key: name=KEY and path/KEY are runs,
// too, and a key in base64 may hold both signs.
func parts(run string) []string {
	list := []string{run}
	for i := 0; i < len(run) && len(list) < 32; i++ {
		if run[i] != '=' && run[i] != '/' {
			continue
		}
		rest := run[i+1:]
		list = append(list, rest)
		if end := strings.IndexAny(rest, "=/"); end > 0 {
			list = append(list, rest[:end])
		}
	}
	if end := strings.IndexAny(run, "=/"); end > 0 {
		list = append(list, run[:end])
	}
	return slices.DeleteFunc(list, func(w string) bool { return len(w) < 8 })
}

// mine compares a word with the user's own keys.
func (s *scanner) mine(word string) (name, kind string) {
	if len(s.secrets) > 0 {
		if name := s.secrets[hashOf(word)]; name != "" {
			return name, "your secret"
		}
	}
	if len(word) > 200 {
		return "", ""
	}
	for _, v := range s.venues {
		base, _, _ := strings.Cut(v, ":")
		if name := s.prints[fingerprintOf(base, word)]; name != "" {
			return name, "your key id"
		}
	}
	return "", ""
}

// random tells a key from a word, a path, a placeholder.
func random(w string) bool {
	lower := strings.ToLower(w)
	for _, not := range []string{"example", "your", "xxxx", "changeme", "placeholder", "fake", "dummy", "test", "redacted", "masked", "..."} {
		if strings.Contains(lower, not) {
			return false
		}
	}
	if !strings.ContainsAny(w, "0123456789") || strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz_-") == "" {
		return false
	}
	return entropy(w) >= 3.3
}

// entropy is bits per character.
func entropy(w string) (bits float64) {
	var counts [256]int
	for i := range len(w) {
		counts[w[i]]++
	}
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(w))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

// begin is what may be shown of a finding.
func begin(w string) string {
	if strings.HasPrefix(w, "-----") {
		return w
	}
	return fmt.Sprintf("%.4s… (%d characters)", w, len(w))
}

// Bounds of what is looked at.
const (
	maxScanFile = 8 << 20
	maxScanLine = 1 << 20
)

func (e *env) scan(ctx context.Context, s *scanner, root string, history bool) error {
	if _, err := os.Stat(root); err != nil {
		return err
	}
	done := e.busy("reading " + root)
	err := s.tree(ctx, root)
	done()
	if err != nil {
		return err
	}
	told := "not looked at"
	if history {
		done := e.busy("reading the git history")
		told, err = s.history(ctx, root)
		done()
		if err != nil {
			return err
		}
	}
	if s.found == nil {
		s.found = []finding{}
	}
	err = e.print(map[string]any{"files": s.files, "skipped": s.skipped, "history": told, "findings": s.found}, func(w io.Writer) {
		rows := [][]string{}
		for _, f := range s.found {
			place := fmt.Sprintf("%s:%d", f.File, f.Line)
			if f.Commit != "" {
				place = fmt.Sprintf("%.10s %s", f.Commit, f.File)
			}
			kind := f.Kind
			if f.Own != "" {
				kind += " (" + f.Own + ")"
			}
			rows = append(rows, []string{printable(place), kind, f.Shown})
		}
		table(w, rows)
		fmt.Fprintf(w, "%d findings in %d files (%d skipped as too large or not text); git history: %s\n", len(s.found), s.files, s.skipped, told)
		if len(s.found) > 0 {
			fmt.Fprintln(w, "What was committed or shared is known to others: revoke it at the venue first, then clean up.")
		}
	})
	if err == nil && len(s.found) > 0 {
		err = errFindings
	}
	return err
}

// tree reads the files below root; links are not followed.
func (s *scanner) tree(ctx context.Context, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.skipped++
			return nil
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules"):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		if abs, err := filepath.Abs(path); err == nil && s.skip[abs] {
			return nil
		}
		text, err := readBounded(path, maxScanFile)
		if err != nil || bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
			s.skipped++
			return nil
		}
		s.files++
		n := 0
		for line := range bytes.Lines(text) {
			n++
			s.line(string(line), path, n, "")
		}
		return nil
	})
}

// history reads every line that was ever added, in all branches.
func (s *scanner) history(ctx context.Context, root string) (string, error) {
	dir := root
	if info, err := os.Stat(root); err == nil && !info.IsDir() {
		dir = filepath.Dir(root)
	}
	if _, err := exec.LookPath("git"); err != nil {
		return "no git on this machine", nil
	}
	// The repository may be a stranger's: nothing that its configuration names is run.
	git := func(args ...string) *exec.Cmd {
		args = append([]string{"-C", dir, "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull, "-c", "log.showSignature=false"}, args...)
		return exec.CommandContext(ctx, "git", args...)
	}
	if git("rev-parse", "--git-dir").Run() != nil {
		return "no repository", nil
	}
	if out, err := git("rev-list", "--all", "--max-count=1").Output(); err != nil || len(out) == 0 {
		return "empty", nil
	}
	cmd := git("log", "--all", "-p", "-U0", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--format=commit %H", "--", ".")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	commits := s.added(pipe)
	if err := cmd.Wait(); err != nil {
		return "", fmt.Errorf("git log: %w", err)
	}
	return fmt.Sprintf("%d commits", commits), nil
}

// added looks at the added lines of a log; what the tree still has is not told again.
func (s *scanner) added(r io.Reader) (commits int) {
	current := map[[32]byte]bool{}
	for _, f := range s.found {
		current[hashOf(f.Kind+f.Own+f.Shown)] = true
	}
	before := len(s.found)
	in := bufio.NewReaderSize(r, maxScanLine)
	commit, file := "", ""
	for {
		line, err := in.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) { // a line of a file that is no text
			_, err = in.ReadSlice('\n')
			line = nil
		}
		text := string(line)
		switch {
		case strings.HasPrefix(text, "commit "):
			commit = strings.TrimSpace(text[len("commit "):])
			commits++
		case strings.HasPrefix(text, "+++ "):
			file = strings.TrimPrefix(strings.TrimSpace(text[4:]), "b/")
		case strings.HasPrefix(text, "+"):
			s.line(text[1:], file, 0, commit)
		}
		if err != nil {
			break
		}
	}
	fresh := s.found[:before:before]
	for _, f := range s.found[before:] {
		if !current[hashOf(f.Kind+f.Own+f.Shown)] {
			fresh = append(fresh, f)
		}
	}
	s.found = fresh
	return commits
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return text, err
}
