//go:build unix

package main

import "os"

// openTerminal opens the terminal the program was started from, to read and to write.
func openTerminal() (in, out *os.File, err error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	return tty, tty, err
}
