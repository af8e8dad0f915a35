//go:build unix

package main

import "os"

// openTerminal opens the terminal the program was started from.
func openTerminal() (*os.File, error) { return os.OpenFile("/dev/tty", os.O_RDWR, 0) }
