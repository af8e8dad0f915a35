package venue_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// readCalls are calls of the vectors that are no GET and still only read at their
// venue, with the reason.
var readCalls = map[string]string{
	"binance PUT /sapi/v1/userDataStream/isolated": "keeps a private stream alive",
	"binance POST /sapi/v3/asset/getUserAsset":     "balances",
	"binance POST /fapi/v1/listenKey":              "opens a private stream",
	"binance POST /api/v3/userDataStream":          "opens a private stream",
	"binance PUT /api/v3/userDataStream":           "keeps a private stream alive",
	"binance DELETE /api/v3/userDataStream":        "closes a private stream",
	"kraken POST /0/private/Balance":               "balances",
	"gemini POST /v1/balances":                     "balances",
}

// writingGETs are GETs of the vectors that change something at their venue.
var writingGETs = map[string]string{
	"deribit GET /api/v2/private/buy":  "an order",
	"deribit GET /api/v2/private/sell": "an order",
}

// A read-only client run against every vector sends none that writes, and all that
// read (K8): everything but GETs writes, apart from the exceptions above.
func TestReadOnlySendsNoWrite(t *testing.T) {
	met := map[string]int{}
	writes, reads := 0, 0
	for _, file := range vectorFiles(t) {
		f := loadVectors(t, file)
		v, ok := venue.ByName(f.Venue)
		if !ok {
			t.Errorf("no venue %q", f.Venue)
			continue
		}
		rt := &canned{status: http.StatusOK, body: "{}"}
		client := fakeClient(t, v, exauth.ScopeRead, rt)
		for _, c := range f.Cases {
			name := f.Venue + "/" + c.Name
			call, err := vectorCall(c)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			addParams(f.Venue, c, &call)
			rt.got = nil
			_, err = client.Do(t.Context(), call)
			line := f.Venue + " " + c.Method + " " + c.Path
			_, exception := readCalls[line]
			if c.Method == http.MethodGet {
				_, exception = writingGETs[line]
			}
			if exception {
				met[line]++
			}
			if read := (c.Method == http.MethodGet) != exception; read {
				if reads++; len(rt.got) != 1 {
					t.Errorf("%s (%s) reads, but was not sent: %v", line, name, err)
				}
			} else if writes++; len(rt.got) != 0 || !errors.Is(err, exauth.ErrScope) {
				t.Errorf("%s (%s): %d requests, %v", line, name, len(rt.got), err)
			}
		}
	}
	for _, list := range []map[string]string{readCalls, writingGETs} {
		for line, why := range list {
			if met[line] == 0 {
				t.Errorf("%s is on the list and in no vector", line)
			}
			t.Logf("%s: %d vectors (%s)", line, met[line], why)
		}
	}
	t.Logf("%d writes refused, %d reads sent", writes, reads)
}
