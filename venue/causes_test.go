package venue_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// TestAmbiguousCodes: what a venue's code may stand for is told, whatever one kind
// Answer gives it, and no list of causes is short of the kind itself.
func TestAmbiguousCodes(t *testing.T) {
	for _, c := range []struct {
		venue, body string
		status      int
		call        exauth.Call
		want        []string // of the causes
	}{
		{"binance", `{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}`, 401, exauth.Call{Path: "/api/v3/account"},
			[]string{"key id", "not on the key's list", "permission to read", "another environment", "deleted"}},
		{"binance", `{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action, request ip: 192.0.2.1"}`, 401,
			exauth.Call{Method: "POST", Path: "/fapi/v1/order", Params: exauth.Params{{Name: "symbol", Value: "BTCUSDT"}}},
			[]string{"permission to trade-derivatives", "opened after the key was made"}},
		{"bybit", `{"retCode":10003,"retMsg":"API key is invalid."}`, 200, exauth.Call{Path: "/v5/user/query-api"}, []string{"key id", "another environment"}},
		{"okx", `{"code":"50119","msg":"API key doesn't exist"}`, 401, exauth.Call{Path: "/api/v5/account/config"}, []string{"key id", "another environment"}},
		{"coinbase", "Unauthorized\n", 401, exauth.Call{Path: "/api/v3/brokerage/accounts"}, []string{"key id", "clock", "not on the key's list"}},
		{"gate", `{"label":"FORBIDDEN","message":"no"}`, 403, exauth.Call{Path: "/api/v4/spot/accounts"}, []string{"permission", "not on the key's list"}},
	} {
		v, _ := venue.ByName(c.venue)
		v.Clock = exauth.Clock{}
		key := exauth.NewSecretKey("FAKE-key", "FAKE-secret-of-a-key").WithPassphrase("FAKE")
		client, err := exauth.New(v, key, &exauth.Options{HTTPClient: &http.Client{Transport: answering(c.status, c.body)}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Do(t.Context(), c.call)
		causes := exauth.Causes(err)
		for _, want := range c.want {
			found := false
			for _, cause := range causes {
				found = found || strings.Contains(cause.Text, want)
			}
			if !found {
				t.Errorf("%s %s: %q is not among %v", c.venue, c.call.Path, want, causes)
			}
		}
		client.Close()
	}
}

type tripFunc func(*http.Request) (*http.Response, error)

func (f tripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering gives one answer to everything.
func answering(status int, body string) http.RoundTripper {
	return tripFunc(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})
}
