// Package ccxt runs an unchanged ccxt client, JavaScript and written by others,
// against examples/testexchange.
package ccxt

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCCXT needs node and, in this directory, what npm install brings; without
// them it is skipped and says which is missing.
func TestCCXT(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("ccxt: node is not installed")
	}
	if _, err := os.Stat("node_modules/ccxt/package.json"); err != nil {
		t.Skip("ccxt: not installed; run npm install in interop/ccxt")
	}
	program := filepath.Join(t.TempDir(), "testexchange")
	build := exec.Command("go", "build", "-o", program, "github.com/exauth/exauth/examples/testexchange")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building testexchange: %v\n%s", err, out)
	}
	// The steps of each: with every kind of key seven, four refusals, and on the last
	// three eight by the methods that ccxt has for all venues.
	for venue, steps := range map[string]int{"binance": 32, "kraken": 18, "okx": 18, "coinbase": 33, "cryptocom": 26, "gemini": 26} {
		t.Run(venue, func(t *testing.T) {
			line := serve(t, program, venue)
			ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
			defer stop()
			out, err := exec.CommandContext(ctx, node, "trade.mjs", line).CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Errorf("trade.mjs: %v", err)
			}
			if n := strings.Count(string(out), "ok   "+venue); n != steps {
				t.Errorf("%d steps, want %d", n, steps)
			}
		})
	}
}

// serve starts the program and returns the line it prints once it listens. It is
// stopped as a user would stop it, and must then end by itself.
func serve(t *testing.T, program, venue string) string {
	t.Helper()
	cmd := exec.Command(program, "-venue", venue, "-addr", "127.0.0.1:0", "-json")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("testexchange ended with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("testexchange printed no line: %v", err)
	}
	return strings.TrimSpace(line)
}
