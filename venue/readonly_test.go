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

// A read-only client run against every write vector sends nothing (K8).
func TestReadOnlySendsNoWrite(t *testing.T) {
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
			if c.Method == http.MethodGet {
				continue
			}
			call, err := vectorCall(c)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			rt.got = nil
			_, err = client.Do(t.Context(), call)
			_, reads := readCalls[f.Venue+" "+c.Method+" "+c.Path]
			switch {
			case reads && len(rt.got) != 1:
				t.Errorf("%s is listed as a read, but was not sent: %v", name, err)
			case !reads && (len(rt.got) != 0 || !errors.Is(err, exauth.ErrScope)):
				t.Errorf("%s %s %s: %d requests, %v", name, c.Method, c.Path, len(rt.got), err)
			}
		}
	}
}
