package venue_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// What the vectors do not show, recomputed with the standard library: values that
// are percent-encoded on the wire and hashed as they read, in each of the three
// dialects; a query beside a body; a request that somebody else built, unsorted.
func TestCoinExHashedText(t *testing.T) {
	set := loadVectors(t, "testdata/coinex.json").Keys["default"]
	id, secret := set["apiKey"], set["secret"]
	c := fakeClient(t, venue.CoinEx(), allScopes, &canned{status: 200, body: "{}"})
	params := exauth.Params{{Name: "z", Value: "a b&c=d+é"}, {Name: "a", Value: "1"}}
	for _, tt := range []struct {
		name, header, query, body, want string
		call                            exauth.Call
	}{
		{name: "v2 query", call: exauth.Call{Path: "/v2/spot/pending-order", Params: params},
			query: "a=1&z=a%20b%26c%3Dd%2B%C3%A9", header: "X-COINEX-SIGN",
			want: fmt.Sprintf("%x", sha256.Sum256([]byte("GET/v2/spot/pending-order?a=1&z=a b&c=d+é1768480496789"+secret)))},
		{name: "v2 query beside a body", call: exauth.Call{Method: "POST", Path: "/v2/spot/order", Params: params, Query: exauth.Params{{Name: "q", Value: "1"}}},
			query: "q=1", body: `{"a":"1","z":"a b&c=d+é"}`, header: "X-COINEX-SIGN",
			want: fmt.Sprintf("%x", sha256.Sum256([]byte(`POST/v2/spot/order?q=1{"a":"1","z":"a b&c=d+é"}1768480496789`+secret)))},
		{name: "v1 query", call: exauth.Call{Path: "/v1/order/pending", Params: params},
			query: "a=1&access_id=" + id + "&tonce=1768480496789&z=a%20b%26c%3Dd%2B%C3%A9", header: "Authorization",
			want: fmt.Sprintf("%X", md5.Sum([]byte("a=1&access_id="+id+"&tonce=1768480496789&z=a b&c=d+é&secret_key="+secret)))},
		{name: "perpetual form", call: exauth.Call{Method: "POST", Path: "/perpetual/v1/order/cancel", Params: params},
			body: "a=1&access_id=" + id + "&timestamp=1768480496789&z=a%20b%26c%3Dd%2B%C3%A9", header: "Authorization",
			want: fmt.Sprintf("%x", sha256.Sum256([]byte("a=1&access_id="+id+"&timestamp=1768480496789&z=a b&c=d+é&secret_key="+secret)))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := c.Sign(t.Context(), tt.call)
			if err != nil {
				t.Fatal(err)
			}
			var body []byte
			if req.Body != nil {
				body, _ = io.ReadAll(req.Body)
			}
			if req.URL.RawQuery != tt.query || string(body) != tt.body {
				t.Errorf("query %s body %s", req.URL.RawQuery, body)
			}
			if got := req.Header.Get(tt.header); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.header, got, tt.want)
			}
		})
	}
}

func TestCoinExForeignRequest(t *testing.T) {
	rt := &canned{status: 200, body: `{"code":0}`}
	c := fakeClient(t, venue.CoinEx(), allScopes, rt)
	req := mustRequest(t, "POST", "https://api.coinex.com/perpetual/v1/order/put_limit", "side=2&market=BTC+USD")
	if _, err := c.Transport().RoundTrip(req); err != nil {
		t.Fatal(err)
	}
	set := loadVectors(t, "testdata/coinex.json").Keys["default"]
	want := fmt.Sprintf("%x", sha256.Sum256([]byte("access_id="+set["apiKey"]+"&market=BTC USD&side=2&timestamp=1768480496789&secret_key="+set["secret"])))
	if got := rt.got[0].Header.Get("Authorization"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The secret is part of what is hashed; none of the ways a call can fail shows it,
// or the text it is part of (K2).
func TestCoinExErrorsHideTheSecret(t *testing.T) {
	set := loadVectors(t, "testdata/coinex.json").Keys["default"]
	id, secret := set["apiKey"], set["secret"]
	calls := []exauth.Call{
		{Path: "/v2/account/info", Params: exauth.Params{{Name: "a", Value: "x"}}},
		{Method: "POST", Path: "/v1/order/limit", Params: exauth.Params{{Name: "a", Value: "x"}}},
		{Method: "POST", Path: "/v1/order/limit", Params: json.RawMessage(`{"access_id":"x"}`)},
		{Method: "POST", Path: "/v1/order/limit", Params: json.RawMessage(`[1]`)},
		{Method: "POST", Path: "/v1/order/limit", Query: exauth.Params{{Name: "a", Value: "x"}}},
		{Method: "POST", Path: "/perpetual/v1/order/cancel", Query: exauth.Params{{Name: "a", Value: "x"}}},
		{Method: "POST", Path: "/v2/spot/order", Params: json.RawMessage(`{"a":1,"a":2}`)},
	}
	// An echo of the signed text, as a careless venue would send it.
	echo := `{"code":4006,"message":"bad sign: a=x&access_id=` + id + `&secret_key=` + secret + ` sha ` +
		fmt.Sprintf("%x", sha256.Sum256([]byte("GET/v2/account/info?a=x1768480496789"+secret))) + `"}`
	for _, call := range calls {
		c := fakeClient(t, venue.CoinEx(), allScopes, &canned{status: 200, body: echo})
		_, err := c.Do(t.Context(), call)
		if err == nil {
			t.Errorf("%s %s: no error", call.Method, call.Path)
			continue
		}
		for _, bad := range []string{secret, id, fmt.Sprintf("%x", sha256.Sum256([]byte("GET/v2/account/info?a=x1768480496789"+secret)))} {
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
				if strings.Contains(text, bad) {
					t.Errorf("%s %s shows %q: %s", call.Method, call.Path, bad, text)
				}
			}
		}
	}
}

// Only a secret fits: an empty one fails the call, a private key fails New.
func TestCoinExKeys(t *testing.T) {
	c, err := exauth.New(venue.CoinEx(), exauth.NewSecretKey("fake-id", ""), nil)
	if err == nil {
		_, err = c.Do(t.Context(), exauth.Call{Path: "/v2/account/info"})
	}
	if !errors.Is(err, exauth.ErrKey) {
		t.Errorf("empty secret: %v, want ErrKey", err)
	}
	pem, err := os.ReadFile("../testdata/keys/fake-ed25519.pem")
	if err != nil {
		t.Fatal(err)
	}
	key, err := exauth.ParsePEM("fake-id", pem, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exauth.New(venue.CoinEx(), key, nil); !errors.Is(err, exauth.ErrKey) {
		t.Errorf("private key: %v, want ErrKey", err)
	}
}

func TestCoinExAnswers(t *testing.T) {
	info := exauth.Call{Path: "/v2/account/info"}
	order := exauth.Call{Method: "POST", Path: "/v2/spot/order", Params: exauth.Params{{Name: "client_id", Value: "bot-42"}}}
	batch := exauth.Call{Method: "POST", Path: "/v2/spot/batch-order"}
	fails := func(code, message string) string {
		return `{"code":` + code + `,"data":{},"message":"` + message + `"}`
	}
	runAnswers(t, venue.CoinEx(), []answerCase{
		{name: "data", call: info, body: `{"code":0,"data":{"margin_mode":"isolated"},"message":"OK","pagination":{"has_next":true}}`, payload: `{"margin_mode":"isolated"}`},
		{name: "signature", call: order, body: fails("4006", "Signature error"), want: exauth.ErrSignature, outcome: exauth.OutcomeRejected, code: "4006"},
		{name: "signature in v1", call: exauth.Call{Method: "POST", Path: "/v1/order/limit"}, body: fails("25", "Signature error"), want: exauth.ErrSignature, outcome: exauth.OutcomeRejected, code: "25"},
		{name: "key", call: order, body: fails("4005", "access_id not exists"), want: exauth.ErrKey, outcome: exauth.OutcomeRejected, code: "4005"},
		{name: "expired key", call: order, body: fails("34", "Access id is expires"), want: exauth.ErrKeyExpired, outcome: exauth.OutcomeRejected, code: "34"},
		{name: "address", call: order, body: fails("4007", "IP prohibited"), want: exauth.ErrIPNotAllowed, outcome: exauth.OutcomeRejected, code: "4007"},
		{name: "address, told by words", call: order, body: fails("4011", "ip not allow visit"), want: exauth.ErrIPNotAllowed, outcome: exauth.OutcomeRejected, code: "4011"},
		{name: "clock", call: order, body: fails("4010", "Expired request"), want: exauth.ErrClock, outcome: exauth.OutcomeRejected, code: "4010"},
		{name: "clock in v1", call: order, body: fails("227", "tonce check error"), want: exauth.ErrClock, outcome: exauth.OutcomeRejected, code: "227"},
		{name: "limit", call: order, body: fails("4213", "too frequent"), want: exauth.ErrRateLimited, outcome: exauth.OutcomeRejected, code: "4213"},
		{name: "permission", call: order, body: fails("158", "API permission is not allowed"), want: exauth.ErrPermission, outcome: exauth.OutcomeRejected, code: "158"},
		{name: "locked", call: order, body: fails("4115", "User prohibited from trading"), want: exauth.ErrAccountLocked, outcome: exauth.OutcomeRejected, code: "4115"},
		{name: "funds", call: order, body: fails("3109", "balance not enough"), want: exauth.ErrInsufficientFunds, outcome: exauth.OutcomeRejected, code: "3109"},
		{name: "unknown order", call: order, body: fails("3600", "Order not found"), want: exauth.ErrUnknownOrder, outcome: exauth.OutcomeRejected, code: "3600"},
		{name: "busy", call: order, body: fails("3008", "Service busy"), want: exauth.ErrUnavailable, outcome: exauth.OutcomeRejected, code: "3008"},
		{name: "timed out inside", call: order, body: fails("4002", "Service request timed out"), want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "4002"},
		{name: "a code nobody listed", call: order, body: fails("3612", "no"), want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "3612"},
		{name: "gateway", call: order, status: 502, body: `<html></html>`, want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
		{name: "batch", call: batch, body: `{"code":0,"data":[{"code":0,"data":{"order_id":1},"message":"OK"}],"message":"OK"}`, payload: `[{"code":0,"data":{"order_id":1},"message":"OK"}]`},
		{name: "batch in part", call: batch, body: `{"code":0,"data":[{"code":0,"data":{}},{"code":3109,"data":null,"message":"balance not enough"}],"message":"OK"}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "3109"},
		{name: "batch refused", call: batch, body: `{"code":0,"data":[{"code":3109,"data":null,"message":"balance not enough"}],"message":"OK"}`,
			want: exauth.ErrInsufficientFunds, outcome: exauth.OutcomeRejected, code: "3109"},
		{name: "a batch of questions is no batch", call: exauth.Call{Path: "/v2/spot/batch-order-status"}, body: `{"code":0,"data":[{"code":3600,"message":"Order not found"}]}`,
			payload: `[{"code":3600,"message":"Order not found"}]`},
	})
}

func TestCoinExTime(t *testing.T) {
	got := parseTime(t, venue.CoinEx(), `{"code":0,"data":{"timestamp":1700490703564},"message":"OK"}`)
	if !got.Equal(time.UnixMilli(1700490703564)) {
		t.Errorf("got %v", got)
	}
}

func TestCoinExScopes(t *testing.T) {
	market := func(name string) exauth.Params { return exauth.Params{{Name: "market_type", Value: name}} }
	spotMargin := exauth.ScopeTradeSpot | exauth.ScopeTradeMargin
	runScopes(t, "coinex", []scopeCase{
		{"GET", "/v2/time", nil, exauth.ScopeRead},
		{"GET", "/v2/assets/withdraw", nil, exauth.ScopeRead},
		{"GET", "/v1/balance/coin/withdraw", nil, exauth.ScopeRead},
		{"POST", "/v2/spot/order", market("SPOT"), exauth.ScopeTradeSpot},
		{"POST", "/v2/spot/order", market("MARGIN"), spotMargin},
		{"POST", "/v2/spot/order", nil, spotMargin},
		{"POST", "/v2/spot/batch-order", nil, spotMargin},
		{"POST", "/v2/futures/order", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/v2/futures/cancel-all-order", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/v2/assets/transfer", nil, exauth.ScopeTransfer},
		{"POST", "/v2/assets/withdraw", nil, exauth.ScopeWithdraw},
		{"POST", "/v2/account/subs/api", nil, exauth.ScopeAccount},
		{"PUT", "/v1/sub_account/unfrozen", nil, exauth.ScopeAccount},
		{"DELETE", "/v1/balance/coin/withdraw", nil, exauth.ScopeWithdraw},
		{"DELETE", "/v1/order/stop/pending/{id}", exauth.Params{{Name: "id", Value: 7}}, spotMargin},
		{"POST", "/perpetual/v1/order/put_limit", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/perpetual/v1/market/position_expect", nil, exauth.ScopeRead},
		{"POST", "/v2/something/new", nil, exauth.ScopeTrade},
	})
	// A cancel goes before orders in the queue, whatever market it names.
	for _, r := range venue.CoinEx().Routes {
		if r.Path == "/v2/spot/cancel-order" && (r.Priority != exauth.PriorityCancel || r.Method != http.MethodPost) {
			t.Errorf("%+v", r)
		}
	}
}
