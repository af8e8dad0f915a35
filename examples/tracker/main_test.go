package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// TestDemo: one exchange is down, and the table has the others.
func TestDemo(t *testing.T) {
	var out, progress strings.Builder
	code, err := run(t.Context(), "", false, &out, &progress)
	if err != nil || code != 1 {
		t.Fatalf("code %d, %v", code, err)
	}
	for _, want := range []string{"binance", "kraken", "okx", "coinbase", "0.25", "88619.60", "without gemini: ", "connection refused"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for _, want := range []string{"7 of 7", "gemini did not answer"} {
		if !strings.Contains(progress.String(), want) {
			t.Errorf("no %q in the progress line %q", want, progress.String())
		}
	}
	out.Reset()
	if code, err := run(t.Context(), "", true, &out, io.Discard); err != nil || code != 1 {
		t.Fatalf("code %d, %v", code, err)
	}
	var r result
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil || r.Total != "88619.60" || r.Missing["gemini"] == "" || len(r.Assets) != 4 {
		t.Errorf("JSON: %v\n%s", err, out.String())
	}
}

// TestNobody: without a single answer there is an error, and what to do about it.
func TestNobody(t *testing.T) {
	code, err := run(t.Context(), "testdata/no-such-keys.json", false, io.Discard, io.Discard)
	if code != 2 || err == nil || !strings.Contains(err.Error(), "no-such-keys.json") {
		t.Errorf("code %d, %v", code, err)
	}
}

// TestFixtures replays one recorded file per venue, so that it needs no network, no
// keys and no test exchange. EXAUTH_RECORD=1 records them again, from the demo.
func TestFixtures(t *testing.T) {
	order := map[string]int{"binance": 0, "kraken": 1, "okx": 2, "coinbase": 3, "gemini": 4}
	places := map[string]place{}
	for name, v := range venues() {
		o := &exchangetest.FixtureOptions{Transport: dataOnly{}}
		if name == "coinmarketcap" {
			o.Credentials = exauth.NewSecretKey("FAKE-4f1d9c2e-7b60-4a", "")
		}
		if readers[name] != nil {
			srv := exchangetest.NewServer(t, v, sums(order[name]))
			o.Key = srv.Key(exauth.ScopeRead)
			o.Transport, o.Credentials = srv.RoundTripper(), o.Key.Credential()
		}
		fx := exchangetest.NewFixture(t, "testdata/"+name+".http", v, o)
		places[name] = place{venue: fx.Venue(), keys: fx.Key(), opts: *fx.Options()}
		if name == "coinpaprika" {
			places[name] = place{venue: fx.Venue(), opts: *fx.Options()}
		}
	}
	r, err := track(t.Context(), places, io.Discard)
	if err != nil || len(r.Missing) > 0 {
		t.Fatalf("%v, without %v", err, r.Missing)
	}
	var out strings.Builder
	if err := r.table(&out); err != nil {
		t.Fatal(err)
	}
	const want = `  asset  binance  coinbase  gemini  kraken    okx     sum   price        USD
    BTC     0.15      0.45    0.55    0.25   0.35    1.75   60012  105021.00
    ETH        -         3       4       1      2      10  2500.5   25005.00
   USDT    100.5     400.5   500.5   200.5  300.5  1502.5  1.0002    1502.80
    USD        -       300     400     100    200    1000       1    1000.00
  total                                                            132528.80
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// dataOnly answers as the demo's data venues do.
type dataOnly struct{}

func (dataOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	serveData(w, req)
	return w.Result(), nil
}
