package main

import (
	"context"
	"errors"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
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

// TestBotRecovers: a run that ended with an order in flight leaves it to the next,
// which finds it, and closes what else was open.
func TestBotRecovers(t *testing.T) {
	srv := exchangetest.NewServer(t, venue.Binance(), nil)
	path := filepath.Join(t.TempDir(), "bot.journal")
	life := func() (*stage, func()) {
		j, err := exauth.OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := exauth.New(srv.Venue(), srv.Key(exauth.ScopeTradeSpot).Credential(), &exauth.Options{Journal: j, RecvWindow: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return &stage{client: c, journal: j, say: binance()}, func() { c.Close(); j.Close() }
	}
	st, end := life()
	o := order{buy: true, qty: big.NewRat(1, 1000), price: big.NewRat(50000, 1)}
	open, err := st.client.Do(t.Context(), st.say.place(o))
	if err != nil {
		t.Fatal(err)
	}
	srv.SetFaults(exchangetest.Fault{Kind: exchangetest.FaultResetAfter, Method: "POST"})
	if _, err := st.client.Do(t.Context(), st.say.place(o)); !errors.Is(err, exauth.ErrOutcomeUnknown) {
		t.Fatalf("an order whose answer was lost: %v", err)
	}
	end() // nobody resolved it
	srv.SetFaults()

	st, end = life()
	defer end()
	var out strings.Builder
	if err := st.recover(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "in flight when the last run ended: accepted") || strings.Count(out.String(), "is canceled") != 2 ||
		!strings.Contains(out.String(), open.ClientOrderID) {
		t.Errorf("the second run says\n%s", out.String())
	}
	out.Reset()
	if err := st.recover(t.Context(), &out); err != nil || out.String() != "" {
		t.Errorf("afterwards %v, %q", err, out.String())
	}
}

// TestBotFixture replays a short run from a file: no network, no test exchange.
// EXAUTH_RECORD=1 records it again.
func TestBotFixture(t *testing.T) {
	o := &exchangetest.FixtureOptions{}
	v := venue.Binance()
	if os.Getenv(exchangetest.RecordVariable) != "" {
		srv := exchangetest.NewServer(t, v, nil)
		o.Transport, o.Credentials = srv.RoundTripper(), srv.Key(exauth.ScopeTradeSpot).Credential()
	}
	fx := exchangetest.NewFixture(t, "testdata/binance.http", v, o)
	c, err := exauth.New(fx.Venue(), fx.Key(), fx.Options())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	st := &stage{client: c, say: binance(), every: time.Millisecond}
	var out strings.Builder
	if err := st.trade(t.Context(), settings{rounds: 2, levels: 2, step: 0.01, qty: "0.001"}, &out); err != nil {
		t.Fatal(err)
	}
	if want := "flat: 4 placed, 0 bought, 0 sold; 0 in doubt (0 existed, 0 did not), 0 refused, 4 canceled"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, out.String())
	}
}
