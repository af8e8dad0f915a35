package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/exauth/exauth"
)

// errNoTerminal is why nothing was asked.
var errNoTerminal = errors.New("a passphrase is needed and there is no terminal to ask for it; use -passphrase-file or EXAUTH_PASSPHRASE")

// errInterrupted ends the program at a prompt.
var errInterrupted = errors.New("interrupted")

// askTerminal asks on the terminal itself, so that standard input stays free. Echo is
// off before the question is shown: what is typed at once does not show, either. An
// interrupt gives the terminal back as it was.
func askTerminal(prompt string) ([]byte, error) {
	tty, screen, err := openTerminal()
	if err != nil {
		return nil, errNoTerminal
	}
	defer screen.Close() // the same file where there is only one
	defer tty.Close()
	fd := int(tty.Fd())
	was, err := term.MakeRaw(fd)
	if err != nil {
		return nil, errNoTerminal
	}
	defer term.Restore(fd, was)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(stop)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-stop: // sent by another program: the keys make none in raw mode
			_ = term.Restore(fd, was)
			os.Exit(exitInterrupted)
		case <-done:
		}
	}()
	fmt.Fprint(screen, prompt)
	text, err := readLine(tty)
	fmt.Fprint(screen, "\r\n")
	return text, err
}

// readLine reads what is typed up to the end of the line, with the keys that edit one.
func readLine(r io.Reader) (text []byte, err error) {
	var key [1]byte
	for {
		if _, err := io.ReadFull(r, key[:]); err != nil {
			clear(text)
			return nil, err
		}
		switch c := key[0]; {
		case c == '\r' || c == '\n':
			return text, nil
		case c == 3, c == 4 && len(text) == 0: // Ctrl-C, Ctrl-D
			clear(text)
			return nil, errInterrupted
		case c == 8 || c == 127: // backspace, one character
			_, n := utf8.DecodeLastRune(text)
			text = text[:len(text)-n]
		case c == 21: // Ctrl-U
			clear(text)
			text = text[:0]
		case c >= ' ' && len(text) < maxTyped:
			text = append(text, c)
		}
	}
}

// maxTyped is longer than anything people type or paste at a prompt.
const maxTyped = 8 << 10

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
		if text, err = p.e.question(prompt); err != nil {
			return nil, err
		}
		if twice {
			again, err := p.e.question("Once more: ")
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
		said := false
		for n := 1; ; n++ {
			select {
			case <-done:
				if live && said {
					fmt.Fprint(e.err, "\r\x1b[K")
				}
				return
			case <-tick.C:
				if e.asked.Load() > 0 {
					n = 0 // a person thinks; the work has not begun
					continue
				}
				if live {
					fmt.Fprintf(e.err, "\r\x1b[K%s … %d s", what, n)
				} else if !said {
					fmt.Fprintf(e.err, "%s …\n", what)
				}
				said = true
			}
		}
	})
	return func() { close(done); wait.Wait() }
}
