package main

import "testing"

// TestRun: the first command a newcomer types runs to its end.
func TestRun(t *testing.T) {
	if err := run(t.Context()); err != nil {
		t.Fatal(err)
	}
}
