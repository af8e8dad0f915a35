//go:build !unix

package main

import (
	"os"

	"golang.org/x/term"
)

// openTerminal opens the console.
func openTerminal() (*os.File, error) {
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return os.Stdin, nil
	}
	return nil, errNoTerminal
}
