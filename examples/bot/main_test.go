package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestBot runs the bot in virtual time, with more faults than anybody has: it must
// end flat with books that agree, and nothing may be executed twice.
func TestBot(t *testing.T) {
	for _, tt := range []struct {
		venue  string
		faults float64
		seeds  uint64
	}{{"binance", 0.1, 2}, {"kraken", 0.1, 2}, {"okx", 0.1, 2}, {"binance", 0.4, 1}, {"kraken", 0.4, 1}, {"okx", 0.4, 1}} {
		for seed := range tt.seeds {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				s := settings{venue: tt.venue, rounds: 150, faults: tt.faults, seed: seed, levels: 3, step: 0.002, qty: "0.001"}
				if err := run(t.Context(), s, &out); err != nil {
					t.Fatalf("%s, %v faults, seed %d: %v\n%s", tt.venue, tt.faults, seed, err, out.String())
				}
				if !strings.Contains(out.String(), "orders executed twice: 0\n") || !strings.Contains(out.String(), "the books agree") {
					t.Errorf("%s, %v faults, seed %d:\n%s", tt.venue, tt.faults, seed, out.String())
				}
			})
		}
	}
}

// TestBotTrades: without faults every level is traded, and an interrupt ends flat.
func TestBotTrades(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var out strings.Builder
		if err := run(ctx, settings{venue: "okx", rounds: 1e6, levels: 3, step: 0.001, qty: "0.001"}, &out); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"interrupted", "flat:", "the books agree", "0 in doubt"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, out.String())
			}
		}
		if strings.Contains(out.String(), " 0 bought") {
			t.Errorf("nothing was traded:\n%s", out.String())
		}
	})
}

func TestBotRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"binance:":      "no test environment",
		"binance:moon":  "no test environment",
		"nowhere":       "no venue",
		"kraken:margin": "no test environment",
	} {
		err := run(t.Context(), settings{venue: name, rounds: 1, levels: 1, step: 1, qty: "1"}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
