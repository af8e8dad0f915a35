// Testexchange runs a test exchange for clients in any language: it plays Binance,
// Coinbase, Crypto.com, Gemini, Kraken or OKX on a loopback address, prints the keys it
// accepts, and checks every signature it gets. Nothing in it is real.
//
//	go run ./examples/testexchange -venue binance -addr 127.0.0.1:8089
//
// Point a client's base URL at it and trade. With -quotas it counts calls as the
// exchange does, refuses what is too much, and bans who goes on. With -faults 10% that
// share of the calls goes wrong in all the ways that calls do, the same ones for the
// same -seed, and at the end it tells what was executed twice. With -json it prints
// one line that a program can read, once it listens. Ctrl-C stops it.
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "testexchange:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("testexchange", flag.ContinueOnError)
	name := flags.String("venue", "binance", "the exchange to play: binance, coinbase, cryptocom, gemini, kraken or okx")
	addr := flags.String("addr", "127.0.0.1:8089", "where to listen; port 0 picks a free one")
	asJSON := flags.Bool("json", false, "print one line of JSON instead of text")
	skew := flags.Duration("skew", 0, "how far the exchange's clock runs ahead, like 5s")
	latency := flags.Duration("latency", 0, "how long every call takes, like 50ms")
	quotas := flags.Bool("quotas", false, "enforce the exchange's published quotas")
	faults := flags.String("faults", "0%", "the share of calls that go wrong, like 10%")
	seed := flags.Uint64("seed", 1, "which of them")
	if err := flags.Parse(args); err != nil {
		return err
	}
	rate, err := share(*faults)
	if err != nil {
		return err
	}
	v, ok := venue.ByName(*name)
	if !ok {
		v = &exauth.Venue{Name: *name} // Start says what it can play
	}
	keys, err := makeKeys(v.Name)
	if err != nil {
		return err
	}
	o := &exchangetest.Options{Addr: *addr, Keys: keys, Skew: *skew, Latency: *latency, VenueQuotas: *quotas,
		Faults: exchangetest.FaultMix(rate), Seed: *seed}
	if !*asJSON {
		o.Intercept = logTo(out)
	}
	server, err := exchangetest.Start(v, o)
	if err != nil {
		return err
	}
	defer server.Close()
	if *asJSON {
		err = printJSON(out, v.Name, server)
	} else {
		err = printText(out, v.Name, server)
	}
	if err != nil {
		return err
	}
	<-ctx.Done()
	if rate > 0 && !*asJSON {
		return printFaults(out, server)
	}
	return nil
}

// share reads a percentage.
func share(text string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !strings.HasSuffix(text, "%") || !(n >= 0 && n <= 100) {
		return 0, fmt.Errorf("-faults takes a percentage, like 10%%, not %q", text)
	}
	return n / 100, nil
}

// printFaults tells what went wrong, and what the client made of it.
func printFaults(out io.Writer, server *exchangetest.Server) error {
	count := server.Faults()
	kinds := slices.Sorted(maps.Keys(count))
	var b strings.Builder
	fmt.Fprintf(&b, "\nFaults among %d calls:", server.RequestCount())
	for _, k := range kinds {
		fmt.Fprintf(&b, " %s %d;", k, count[k])
	}
	twice := server.Twice()
	fmt.Fprintf(&b, "\n%d orders executed twice or more, %d signatures replayed\n", len(twice), server.Replays())
	for _, e := range twice {
		fmt.Fprintf(&b, "  %s of account %s: %d times\n", e.ClientOrderID, e.Account, e.N)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// makeKeys is the default set, and keys of the other kinds that Binance and Coinbase
// take.
func makeKeys(venueName string) ([]exchangetest.Key, error) {
	keys, err := exchangetest.DefaultKeys(venueName)
	if err != nil {
		return keys, err
	}
	switch venueName {
	case "binance":
		return binanceKeys(keys)
	case "coinbase":
		return coinbaseKeys(keys)
	}
	return keys, nil
}

// coinbaseKeys adds an Ed25519 key, whose secret is the base64 of seed and public key.
func coinbaseKeys(keys []exchangetest.Key) ([]exchangetest.Key, error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return append(keys, exchangetest.Key{ID: keys[0].ID + "-ed25519", Secret: base64.StdEncoding.EncodeToString(priv), Public: pub,
		Scope: exauth.ScopeRead | exauth.ScopeTrade, Account: "main"}), nil
}

// binanceKeys adds an RSA and an Ed25519 key.
func binanceKeys(keys []exchangetest.Key) ([]exchangetest.Key, error) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	for _, priv := range []crypto.Signer{rsaKey, edKey} {
		k, err := exchangetest.NewPrivateKey(priv)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// printJSON writes what a program needs, in one line. The keys are fake: they may
// be shown.
func printJSON(out io.Writer, name string, server *exchangetest.Server) error {
	type key struct {
		ID         string `json:"id"`
		Secret     string `json:"secret"`
		Passphrase string `json:"passphrase"`
		PEM        string `json:"pem"`
		Scope      string `json:"scope"`
	}
	line := struct {
		Venue string `json:"venue"`
		URL   string `json:"url"`
		Keys  []key  `json:"keys"`
	}{Venue: name, URL: server.URL()}
	for _, k := range server.Keys() {
		line.Keys = append(line.Keys, key{k.ID, k.Secret, k.Passphrase, k.PEM, k.Scope.String()})
	}
	return json.NewEncoder(out).Encode(line)
}

func printText(out io.Writer, name string, server *exchangetest.Server) error {
	var b strings.Builder
	fmt.Fprintf(&b, "A test exchange plays %s at %s\n", name, server.URL())
	fmt.Fprintf(&b, "Point a client's base URL there. Money and keys are fake; signatures are really checked.\n\n")
	for _, k := range server.Keys() {
		fmt.Fprintf(&b, "%s, %s, of account %s\n", kindOf(k), k.Scope, k.Account)
		fmt.Fprintf(&b, "  key        %s\n", k.ID)
		if k.Secret != "" {
			fmt.Fprintf(&b, "  secret     %s\n", k.Secret)
		}
		if k.Passphrase != "" {
			fmt.Fprintf(&b, "  passphrase %s\n", k.Passphrase)
		}
		if k.PEM != "" {
			fmt.Fprintf(&b, "%s", k.PEM)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "Calls show below; Ctrl-C stops.\n\n")
	_, err := io.WriteString(out, b.String())
	return err
}

func kindOf(k exchangetest.Key) string {
	switch k.Public.(type) {
	case *rsa.PublicKey:
		return "RSA key"
	case ed25519.PublicKey:
		return "Ed25519 key"
	case *ecdsa.PublicKey:
		return "ECDSA key"
	}
	return "HMAC key"
}

// logTo shows each call: time, method, path without its query, status.
func logTo(out io.Writer) func(http.ResponseWriter, *http.Request, http.Handler) {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		seen := &status{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(seen, r)
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, "%s  %d  %-6s %s\n", time.Now().Format("15:04:05.000"), seen.code, r.Method, r.URL.EscapedPath())
	}
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach Flush.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }
