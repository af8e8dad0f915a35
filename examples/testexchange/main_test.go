package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
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
	}{{"binance", "/api/v3/ping", 6, 2}, {"kraken", "/0/public/Time", 4, 0}, {"okx", "/api/v5/public/time", 4, 0},
		{"coinbase", "/api/v3/brokerage/time", 5, 4}, {"cryptocom", "/exchange/v1/public/get-tickers", 4, 0}, {"gemini", "/v1/symbols", 4, 0}} {
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

// With -faults calls go wrong, the same ones for the same seed, and in the end it is
// told what that led to.
func TestFaults(t *testing.T) {
	fates := map[string]string{}
	for _, args := range [][]string{{"-seed", "5"}, {"-seed", "5"}, {"-seed", "6"}} {
		ctx, stop := context.WithCancel(t.Context())
		r, w := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			ended <- run(ctx, append([]string{"-venue", "okx", "-addr", "127.0.0.1:0", "-faults", "60%"}, args...), w)
			w.Close()
		}()
		out := bufio.NewReader(r)
		url := ""
		for {
			line, err := out.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if _, after, ok := strings.Cut(line, "plays okx at "); ok {
				url = strings.TrimSpace(after)
			}
			if strings.HasPrefix(line, "Calls show below") {
				break
			}
		}
		rest := make(chan string, 1)
		go func() {
			text, _ := io.ReadAll(out)
			rest <- string(text)
		}()
		fate, c := "", &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		for i := range 12 { // by ids, since a fault is a matter of what is asked
			res, err := c.Get(url + "/api/v5/market/ticker?instId=BTC-USDT&clOrdId=n" + strconv.Itoa(i))
			if err != nil {
				fate += " lost"
				time.Sleep(200 * time.Millisecond) // for a moment nobody may listen
				continue
			}
			res.Body.Close()
			fate += " " + strconv.Itoa(res.StatusCode)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		text := <-rest
		if !strings.Contains(text, "Faults among ") || !strings.Contains(text, "0 orders executed twice or more, 0 signatures replayed") {
			t.Errorf("ended with %s", text)
		}
		if was, again := fates[args[1]]; again && was != fate {
			t.Errorf("seed %s:%s, then%s", args[1], was, fate)
		}
		fates[args[1]] = fate
	}
	if fates["5"] == fates["6"] {
		t.Errorf("two seeds, one fate:%s", fates["5"])
	}
	for _, bad := range []string{"10", "-1%", "101%", "x%", "NaN%"} {
		if err := run(t.Context(), []string{"-faults", bad}, io.Discard); err == nil || !strings.Contains(err.Error(), "percentage") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
