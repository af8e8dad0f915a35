//go:build !unix

package main

import "os"

// openTerminal opens the console, whose two halves Windows keeps apart. Elsewhere there
// is none of these names, and nobody is asked.
func openTerminal() (in, out *os.File, err error) {
	if in, err = os.OpenFile("CONIN$", os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	if out, err = os.OpenFile("CONOUT$", os.O_RDWR, 0); err != nil {
		in.Close()
		return nil, nil, err
	}
	return in, out, nil
}
