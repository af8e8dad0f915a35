package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/exauth/exauth"
)

// errNoTerminal is why nothing was asked.
var errNoTerminal = errors.New("a passphrase is needed and there is no terminal to ask for it; use -passphrase-file or EXAUTH_PASSPHRASE")

// askTerminal asks on the terminal itself, so that standard input stays free, and
// without echo. An interrupt gives the terminal back as it was.
func askTerminal(prompt string) ([]byte, error) {
	tty, err := openTerminal()
	if err != nil {
		return nil, errNoTerminal
	}
	defer tty.Close()
	fd := int(tty.Fd())
	was, err := term.GetState(fd)
	if err != nil {
		return nil, errNoTerminal
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	defer signal.Stop(stop)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-stop:
			_ = term.Restore(fd, was)
			fmt.Fprintln(tty)
			os.Exit(130)
		case <-done:
		}
	}()
	fmt.Fprint(tty, prompt)
	text, err := term.ReadPassword(fd)
	fmt.Fprintln(tty)
	return text, err
}

// passphrases gives the passphrase for something, from wherever the user keeps it.
type passphrases struct {
	e    *env
	file string
}

// get asks for the passphrase of what exists.
func (p *passphrases) get(what string) ([]byte, error) {
	return p.find("Passphrase for "+what+": ", false)
}

// fresh asks for a new passphrase, twice where a person types it.
func (p *passphrases) fresh(what string) ([]byte, error) {
	return p.find("New passphrase for "+what+": ", true)
}

func (p *passphrases) find(prompt string, twice bool) ([]byte, error) {
	var text []byte
	var err error
	switch {
	case p.file != "":
		if text, err = (exauth.FileOptions{}).Read(p.file); err != nil {
			return nil, fmt.Errorf("passphrase file: %w", err)
		}
		text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	case p.e.getenv("EXAUTH_PASSPHRASE") != "":
		text = []byte(p.e.getenv("EXAUTH_PASSPHRASE"))
	default:
		if text, err = p.e.ask(prompt); err != nil {
			return nil, err
		}
		if twice {
			again, err := p.e.ask("Once more: ")
			if err != nil {
				return nil, err
			}
			if !bytes.Equal(text, again) {
				return nil, fmt.Errorf("%w: the two differ", exauth.ErrPassphrase)
			}
			clear(again)
		}
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("%w: it is empty", exauth.ErrPassphrase)
	}
	if twice && len(text) < shortestPassphrase {
		return nil, fmt.Errorf("%w: it has fewer than %d characters; four or five random words do", exauth.ErrPassphrase, shortestPassphrase)
	}
	return text, nil
}

// shortestPassphrase is the least for what is made here; the KDF does the rest.
const shortestPassphrase = 12

// busy says on standard error what is going on once it has taken a second, and every
// second where that is a terminal.
func (e *env) busy(what string) (stop func()) {
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		f, _ := e.err.(*os.File)
		live := f != nil && term.IsTerminal(int(f.Fd()))
		for n := 1; ; n++ {
			select {
			case <-done:
				if live && n > 1 {
					fmt.Fprint(e.err, "\r\x1b[K")
				}
				return
			case <-tick.C:
				if live {
					fmt.Fprintf(e.err, "\r\x1b[K%s … %d s", what, n)
				} else if n == 1 {
					fmt.Fprintf(e.err, "%s …\n", what)
				}
			}
		}
	})
	return func() { close(done); wait.Wait() }
}
