package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/exauth/exauth"
)

// Exit codes; doc.go tells them.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitFindings   = 3
	exitPassphrase = 4
	exitRefused    = 5
	exitUnknown    = 6

	exitInterrupted = 130
)

// question asks without echo, and keeps the terminal free for it.
func (e *env) question(prompt string) ([]byte, error) {
	e.asked.Add(1)
	defer e.asked.Add(-1)
	return e.ask(prompt)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := &env{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, environ: os.Environ, now: time.Now, ask: askTerminal}
	os.Exit(e.main(ctx, os.Args[1:]))
}

// env is what the program touches of the world, so that tests can be it.
type env struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	environ  func() []string
	now      func() time.Time
	ask      func(prompt string) ([]byte, error) // without echo; errNoTerminal when there is nobody to ask

	json  bool
	asked atomic.Int32 // questions on the terminal right now, which no progress line may cover
	work  int          // of scrypt, as the power of two; 0: age's own
	flags *flag.FlagSet
}

// A command is one word after exauth.
type command struct {
	name, args, short string
	help              string // more than the flags say
	run               func(e *env, fs *flag.FlagSet) func(ctx context.Context, args []string) error
}

// commands lists them as people meet them.
func commands() []command {
	return []command{
		keygenCommand(), sealCommand(), unsealCommand(), importCommand(), keysCommand(), signCommand(), callCommand(),
		doctorCommand(), revokeCommand(), usageCommand(), scanCommand(), venuesCommand(),
	}
}

// errUsage marks a wrong use; its text is shown with where to find help.
type errUsage struct{ text string }

func (e *errUsage) Error() string { return e.text }

func usagef(format string, args ...any) error { return &errUsage{fmt.Sprintf(format, args...)} }

// errFindings ends a command that worked and found something.
var errFindings = errors.New("see above")

// main runs one command and returns the exit code.
func (e *env) main(ctx context.Context, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" || args[0] == "-help" {
		if len(args) > 1 {
			return e.main(ctx, []string{args[1], "-h"})
		}
		w := e.out
		if len(args) == 0 {
			w = e.err
		}
		overview(w)
		if len(args) == 0 {
			return exitUsage
		}
		return 0
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return e.runCommand(ctx, c, args[1:])
		}
	}
	return e.fail(usagef("no command %q; see exauth help", shown(args[0])))
}

func (e *env) runCommand(ctx context.Context, c command, args []string) int {
	fs := flag.NewFlagSet("exauth "+c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.BoolVar(&e.json, "json", false, "print the result as JSON")
	run := c.run(e, fs)
	e.flags = fs
	rest, err := parse(fs, args)
	if errors.Is(err, flag.ErrHelp) {
		fs.SetOutput(e.out)
		fmt.Fprintf(e.out, "exauth %s %s\n\n%s\n", c.name, c.args, strings.TrimSpace(c.short+".\n\n"+strings.TrimSpace(c.help)))
		fmt.Fprintf(e.out, "\nFlags:\n")
		fs.PrintDefaults()
		return 0
	}
	if err != nil {
		return e.fail(usagef("%s; see exauth %s -h", flagFault(err), c.name))
	}
	err = run(ctx, rest)
	var use *errUsage
	if errors.As(err, &use) {
		err = usagef("%s; see exauth %s -h", use.text, c.name)
	}
	return e.fail(err)
}

// parse takes flags before, between and behind arguments; "--" ends them.
func parse(fs *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		used := len(args) - fs.NArg()
		ended := used > 0 && args[used-1] == "--"
		args = fs.Args()
		if ended || len(args) == 0 {
			return append(rest, args...), nil
		}
		rest, args = append(rest, args[0]), args[1:]
	}
}

// flagFault is the flag package's complaint without the value, which may be a secret
// that should not have been there.
func flagFault(err error) string {
	text := err.Error()
	if strings.HasPrefix(text, "invalid ") {
		if i := strings.Index(text, " for flag "); i >= 0 {
			name, _, _ := strings.Cut(text[i+len(" for flag "):], ":")
			return "invalid value for " + name
		}
	}
	return text
}

// shown is a word of the command line as an error may repeat it: a short one.
func shown(arg string) string {
	if len(arg) > 24 {
		return arg[:8] + "…"
	}
	return arg
}

// fail prints an error and returns its exit code; nil is 0.
func (e *env) fail(err error) int {
	if err == nil {
		return 0
	}
	code := exitCode(err)
	if errors.Is(err, errFindings) {
		return code
	}
	if e.json {
		b, _ := json.Marshal(map[string]string{"error": err.Error(), "kind": exauth.KindName(err)})
		fmt.Fprintf(e.err, "%s\n", b)
	} else {
		fmt.Fprintf(e.err, "exauth: %s\n", strings.TrimPrefix(err.Error(), "exauth: "))
	}
	return code
}

func exitCode(err error) int {
	var use *errUsage
	var x *exauth.Error
	switch {
	case errors.As(err, &use):
		return exitUsage
	case errors.Is(err, errFindings):
		return exitFindings
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, errNoTerminal), errors.Is(err, exauth.ErrPassphrase):
		return exitPassphrase
	case errors.Is(err, exauth.ErrOutcomeUnknown):
		return exitUnknown
	case errors.As(err, &x) && x.Outcome == exauth.OutcomeNotSent && (errors.Is(err, exauth.ErrScope) || errors.Is(err, exauth.ErrParam) ||
		errors.Is(err, exauth.ErrHost) || errors.Is(err, exauth.ErrRateLimited) || errors.Is(err, exauth.ErrHalted)):
		return exitRefused
	}
	return exitFailed
}

func overview(w io.Writer) {
	fmt.Fprint(w, "exauth makes, keeps, checks and uses API keys of crypto exchanges.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.short)
	}
	fmt.Fprint(w, `
"exauth COMMAND -h" explains a command and its flags. Secrets come from files, the
environment, standard input or a prompt, never from the command line.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 something was found, 4 passphrase wrong
or nobody to ask, 5 refused before anything was sent, 6 fate unknown.
`)
}
