package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serve runs the program and returns what it prints; the test ends it.
func serve(t *testing.T, args ...string) *bufio.Reader {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, w) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("ended with %v", err)
			}
		case <-time.After(5 * time.Second):
			t.Error("did not stop")
		}
	})
	return bufio.NewReader(r)
}

func TestJSONLine(t *testing.T) {
	for _, tc := range []struct {
		venue, path string
		keys, pems  int
	}{{"binance", "/api/v3/ping", 6, 2}, {"kraken", "/0/public/Time", 4, 0}, {"okx", "/api/v5/public/time", 4, 0}} {
		t.Run(tc.venue, func(t *testing.T) {
			text, err := serve(t, "-venue", tc.venue, "-addr", "127.0.0.1:0", "-json").ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			var line struct {
				Venue, URL string
				Keys       []struct{ ID, Secret, Passphrase, PEM, Scope string }
			}
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatal(err)
			}
			scopes, pems := map[string]bool{}, 0
			for _, k := range line.Keys {
				scopes[k.Scope] = true
				if k.PEM != "" {
					pems++
				}
				if k.ID == "" || (k.Secret == "") == (k.PEM == "") || (k.Passphrase != "") != (tc.venue == "okx") {
					t.Errorf("key %+v", k)
				}
			}
			if line.Venue != tc.venue || len(line.Keys) != tc.keys || pems != tc.pems ||
				!scopes["read"] || !scopes["read+trade"] || !scopes["read+trade+withdraw"] {
				t.Errorf("line %s", text)
			}
			res, err := http.Get(line.URL + tc.path)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("%s: HTTP %d", tc.path, res.StatusCode)
			}
		})
	}
}

func TestTextShowsKeysAndCalls(t *testing.T) {
	out := serve(t, "-venue", "okx", "-addr", "127.0.0.1:0")
	url, passphrases := "", 0
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if _, after, ok := strings.Cut(line, "plays okx at "); ok {
			url = strings.TrimSpace(after)
		}
		passphrases += strings.Count(line, "  passphrase Fake-")
		if strings.HasPrefix(line, "Calls show below") {
			break
		}
	}
	if url == "" || passphrases != 4 {
		t.Errorf("url %q, %d passphrases", url, passphrases)
	}
	out.ReadString('\n')
	go http.Get(url + "/api/v5/nothing?secret=1")
	if line, _ := out.ReadString('\n'); !strings.HasSuffix(line, "404  GET    /api/v5/nothing\n") {
		t.Errorf("call shown as %q", line)
	}
}

// With -quotas one address may not have all the books of the world.
func TestQuotas(t *testing.T) {
	text, err := serve(t, "-venue", "binance", "-addr", "127.0.0.1:0", "-json", "-quotas").ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var line struct{ URL string }
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatal(err)
	}
	used := ""
	for range 100 { // of weight 250, where 6000 are allowed in a minute
		res, err := http.Get(line.URL + "/api/v3/depth?symbol=BTCUSDT&limit=5000")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusTooManyRequests {
			if used != "6000" || res.Header.Get("Retry-After") == "" {
				t.Errorf("refused at a weight of %s, Retry-After %q", used, res.Header.Get("Retry-After"))
			}
			return
		}
		used = res.Header.Get("X-Mbx-Used-Weight-1m")
	}
	t.Error("never refused")
}

func TestRefusesOtherVenues(t *testing.T) {
	err := run(t.Context(), []string{"-venue", "mtgox"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "it plays binance, coinbase, cryptocom, gemini, kraken and okx") {
		t.Errorf("got %v", err)
	}
}
