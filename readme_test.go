package exauth_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/exauth/exauth/venue"
)

// TestREADME keeps the README true: its Go code is code of example_test.go, which
// compiles, it names every venue, and it stays short enough to be read.
func TestREADME(t *testing.T) {
	readme := read(t, "README.md")
	examples := squeeze(read(t, "example_test.go"))
	for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readme, -1) {
		if !strings.Contains(examples, squeeze(block[1])) {
			t.Errorf("not in example_test.go:\n%s", block[1])
		}
	}
	for _, name := range venue.Names() {
		base, env, _ := strings.Cut(name, ":")
		if !strings.Contains(readme, "| `"+base+"` |") {
			t.Errorf("README's venue table lacks %s", base)
		}
		if env != "" && !regexp.MustCompile("(?m)^\\| `"+base+"` \\|.*`:"+env+"`").MatchString(readme) {
			t.Errorf("README's venue table lacks %s", name)
		}
	}
	if n := strings.Count(readme, "\n"); n > 150 {
		t.Errorf("README has %d lines", n)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// squeeze folds white space, since README and example are indented differently.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
