package venue_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// Answers as docs.gemini.com/error-codes and public reports of them print them.
func TestGeminiAnswers(t *testing.T) {
	order := exauth.Call{Method: "POST", Path: "/v1/order/new"}
	cancel := exauth.Call{Method: "POST", Path: "/v1/order/cancel"}
	read := exauth.Call{Method: "POST", Path: "/v1/balances"}
	plain := func(reason string) string {
		return `{"result":"error","reason":"` + reason + `","message":"what Gemini says"}`
	}
	nonce := func(msg string) string { return `{"result":"error","reason":"InvalidNonce","message":"` + msg + `"}` }
	rejected, unknown := exauth.OutcomeRejected, exauth.OutcomeUnknown
	runAnswers(t, venue.Gemini(), []answerCase{
		{name: "the answer is the payload", call: order, body: `{"order_id":"106817811","is_live":true}`, payload: `{"order_id":"106817811","is_live":true}`},
		{name: "a list", call: read, body: `[{"type":"exchange","currency":"BTC","amount":"1154.62"}]`, payload: `[{"type":"exchange","currency":"BTC","amount":"1154.62"}]`},
		{name: "a spreadsheet", call: exauth.Call{Path: "/v1/perpetuals/fundingpaymentreport/records.xlsx"}, body: "PK\x03\x04", payload: "PK\x03\x04"},
		{name: "result ok", call: cancel, body: `{"result":"ok","details":{"cancelledOrders":[]}}`, payload: `{"result":"ok","details":{"cancelledOrders":[]}}`},
		{name: "an error inside 200", call: read, body: plain("InvalidSignature"), want: exauth.ErrSignature, outcome: rejected, code: "InvalidSignature"},
		{name: "nonce did not rise", call: order, status: 400, body: nonce("Nonce '1490722675108' has not increased since your last call to the Gemini API."),
			want: exauth.ErrNonce, outcome: rejected, code: "InvalidNonce"},
		{name: "clock off", call: order, status: 400, body: nonce("Nonce '1670305200' is not within 30 seconds of server time '1670305261'"),
			want: exauth.ErrClock, outcome: rejected, code: "InvalidNonce"},
		{name: "key wants seconds", call: order, status: 400, body: nonce("Nonce '1670305260021' is not within 30 seconds of server time '1670305261'"),
			want: exauth.ErrNonce, outcome: rejected, code: "InvalidNonce"},
		{name: "signature", call: read, status: 400, body: plain("InvalidSignature"), want: exauth.ErrSignature, outcome: rejected, code: "InvalidSignature"},
		{name: "key", call: read, status: 400, body: plain("InvalidApiKey"), want: exauth.ErrKey, outcome: rejected, code: "InvalidApiKey"},
		{name: "role", call: order, status: 403, body: plain("MissingRole"), want: exauth.ErrPermission, outcome: rejected, code: "MissingRole"},
		{name: "funds", call: order, status: 406, body: plain("InsufficientFunds"), want: exauth.ErrInsufficientFunds, outcome: rejected, code: "InsufficientFunds"},
		{name: "funds by status", call: order, status: 406, body: `{"result":"error"}`, want: exauth.ErrInsufficientFunds, outcome: rejected},
		{name: "order gone", call: cancel, status: 404, body: plain("OrderNotFound"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "OrderNotFound"},
		{name: "rate limit", call: read, status: 429, body: plain("RateLimit"), want: exauth.ErrRateLimited, outcome: rejected, code: "RateLimit"},
		{name: "maintenance of a read", call: read, status: 503, body: plain("Maintenance"), want: exauth.ErrUnavailable, outcome: rejected, code: "Maintenance"},
		{name: "technical issues during a write", call: order, status: 502, body: plain("System"), want: exauth.ErrOutcomeUnknown, outcome: unknown, code: "System"},
		{name: "technical issues inside a 200", call: order, body: plain("System"), want: exauth.ErrOutcomeUnknown, outcome: unknown, code: "System"},
		{name: "address not listed", call: read, status: 403, body: plain("RemoteAddressForbidden"), want: exauth.ErrIPNotAllowed, outcome: rejected, code: "RemoteAddressForbidden"},
		{name: "a reason nobody listed", call: order, status: 400, body: plain("InvalidPrice"), want: exauth.ErrRejected, outcome: rejected, code: "InvalidPrice"},
		{name: "a page", call: read, status: 503, body: "<html>", want: exauth.ErrUnavailable, outcome: rejected},
		{name: "a page after an order", call: order, body: "<html>", want: exauth.ErrOutcomeUnknown, outcome: unknown},
	})
}

// A time-based key given a millisecond nonce is told what to change.
func TestGeminiNonceHint(t *testing.T) {
	_, err := venue.Gemini().Answer(&exauth.Response{Status: 400,
		Body: []byte(`{"result":"error","reason":"InvalidNonce","message":"Nonce '1670305260021' is not within 30 seconds of server time '1670305261'"}`)})
	if err == nil || !strings.Contains(err.Error(), `WithField("nonce", "seconds")`) {
		t.Errorf("%v", err)
	}
}

func TestGeminiScopes(t *testing.T) {
	runScopes(t, "gemini", []scopeCase{
		{"POST", "/v1/balances", nil, exauth.ScopeRead},
		{"POST", "/v1/orders", nil, exauth.ScopeRead},
		{"POST", "/v1/withdraw/btc/feeEstimate", nil, exauth.ScopeRead},
		{"POST", "/v1/order/status", nil, exauth.ScopeRead},
		{"GET", "/v2/fxrate/AUDUSD/1594651859000", nil, exauth.ScopeRead}, // an auditor's, by the documentation
		{"POST", "/v1/order/new", nil, exauth.ScopeTrade},
		{"POST", "/v1/order/cancel/all", nil, exauth.ScopeTrade},
		{"POST", "/v1/instant/execute", nil, exauth.ScopeTradeSpot},
		{"POST", "/v1/prediction-markets/order", nil, exauth.ScopeTradeDerivatives},
		{"POST", "/v1/account/transfer/btc", nil, exauth.ScopeTransfer},
		{"POST", "/v1/withdraw/btc", nil, exauth.ScopeWithdraw},
		{"POST", "/v2/withdraw/bitcoin/btc", nil, exauth.ScopeWithdraw},
		{"POST", "/v1/approvedAddresses/ethereum/request", nil, exauth.ScopeWithdraw},
		{"POST", "/v1/account/create", nil, exauth.ScopeAccount},
		{"POST", "/v1/deposit/bitcoin/newAddress", nil, exauth.ScopeAccount},
		{"POST", "/v1/some/new/route", nil, exauth.ScopeTrade},
	})
}

// geminiPayload signs a call and returns the decoded payload and the body.
func geminiPayload(t *testing.T, key *exauth.Key, now time.Time, call exauth.Call) (payload, body string) {
	t.Helper()
	c, err := exauth.New(venue.Gemini(), key, &exauth.Options{Scope: allScopes, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	req, err := c.Sign(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(req.Header.Get("X-GEMINI-PAYLOAD"))
	if err != nil {
		t.Fatal(err)
	}
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = string(b)
	}
	if req.URL.RawQuery != "" {
		t.Errorf("query %q", req.URL.RawQuery)
	}
	return string(raw), body
}

// Keys made for time-based nonces send seconds, as often as wanted in one second;
// others send milliseconds that rise even when the clock stands still.
func TestGeminiNonces(t *testing.T) {
	now := time.UnixMilli(1768480496789)
	call := exauth.Call{Method: "POST", Path: "/v1/balances"}
	key := fakeKey(t, venue.Gemini())
	for _, want := range []string{"1768480496789", "1768480496790"} {
		if got, _ := geminiPayload(t, key, now, call); got != `{"request":"/v1/balances","nonce":"`+want+`"}` {
			t.Errorf("payload %s, want nonce %s", got, want)
		}
	}
	timed := fakeKey(t, venue.Gemini()).WithField("nonce", "seconds")
	for range 2 {
		if got, _ := geminiPayload(t, timed, now, call); got != `{"request":"/v1/balances","nonce":"1768480496"}` {
			t.Errorf("payload %s", got)
		}
	}
}

// White space in raw JSON stays as it is, in the payload and in the body.
func TestGeminiRawJSON(t *testing.T) {
	key, now := fakeKey(t, venue.Gemini()), time.UnixMilli(1768480496789)
	raw := json.RawMessage("{ \"symbol\" : \"btcusd\" }")
	got, body := geminiPayload(t, key, now, exauth.Call{Method: "POST", Path: "/v1/mytrades", Params: raw})
	if want := `{"request":"/v1/mytrades","nonce":"1768480496789","symbol" : "btcusd" }`; got != want || body != string(raw) {
		t.Errorf("payload %s\nbody %s", got, body)
	}
	got, body = geminiPayload(t, key, now, exauth.Call{Method: "POST", Path: "/v1/mytrades", Params: json.RawMessage(" { } ")})
	if want := `{"request":"/v1/mytrades","nonce":"1768480496790"}`; got != want || body != " { } " {
		t.Errorf("payload %s\nbody %q", got, body)
	}
}

func TestGeminiRefuses(t *testing.T) {
	for name, params := range map[string]any{
		"another path":              exauth.Params{{Name: "request", Value: "/v1/withdraw/btc"}},
		"another path in raw JSON":  json.RawMessage(`{"request":"/v1/withdraw/btc"}`),
		"a nonce in raw JSON":       json.RawMessage(`{"nonce":"1"}`),
		"a path spelled by escapes": json.RawMessage(`{"\u0072equest":"/v1/withdraw/btc"}`),
		"a name twice":              json.RawMessage(`{"amount":"1","amount":"9999"}`),
		"a list":                    []string{"btc"},
	} {
		call := exauth.Call{Method: "POST", Path: "/v1/balances", Params: params}
		if _, err := fakeClient(t, venue.Gemini(), allScopes, nil).Sign(t.Context(), call); !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The vendor's documented signature: its payload is pretty-printed, which shows that
// the bytes of the base64 text are what counts (docs-vectors gemini-order-status).
func TestGeminiDocumentedSignature(t *testing.T) {
	h, err := exauth.NewHMAC(exauth.HMACSHA384, []byte("1234abcd"))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := h.Sign(t.Context(), nil, []byte("ewogICAgInJlcXVlc3QiOiAiL3YxL29yZGVyL3N0YXR1cyIsCiAgICAibm9uY2UiOiAxMjM0NTYsCgogICAgIm9yZGVyX2lkIjogMTg4MzQKfQo="))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(sig); got != "337cc8b4ea692cfe65b4a85fcc9f042b2e3f702ac956fd098d600ab15705775017beae402be773ceee10719ff70d710f" {
		t.Errorf("signature %s", got)
	}
}

// A signed GET has everything in the payload and no body; public ones have a query.
func TestGeminiGETs(t *testing.T) {
	rt := &canned{status: http.StatusOK, body: `[]`}
	c := fakeClient(t, venue.Gemini(), allScopes, rt)
	for _, path := range []string{"/v1/trades/btcusd", "/v2/network/rbn"} {
		call := exauth.Call{Path: path, Params: exauth.Params{{Name: "limit_trades", Value: 5}}}
		if _, err := c.Do(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	public, signed := rt.got[0], rt.got[1]
	if public.URL.RawQuery != "limit_trades=5" || len(public.Header) != 0 {
		t.Errorf("public: %s %v", public.URL, public.Header)
	}
	if signed.URL.RawQuery != "" || signed.ContentLength != 0 || signed.Header.Get("X-GEMINI-SIGNATURE") == "" {
		t.Errorf("signed: %s, %d bytes, %v", signed.URL, signed.ContentLength, signed.Header)
	}
	if v, ok := venue.ByName("gemini:sandbox"); !ok || v.BaseURL != "https://api.sandbox.gemini.com" || v.Environment != "sandbox" {
		t.Errorf("sandbox %+v", v)
	}
}

// skewed answers like a Gemini whose clock is ahead: it refuses time-based nonces
// that are more than 30 seconds off.
type skewed struct {
	ahead  time.Duration
	nonces []int64
}

func (s *skewed) RoundTrip(req *http.Request) (*http.Response, error) {
	raw, err := base64.StdEncoding.DecodeString(req.Header.Get("X-GEMINI-PAYLOAD"))
	if err != nil {
		return nil, err
	}
	var payload struct {
		Nonce int64 `json:",string"`
	}
	if err := json.Unmarshal(raw, &payload); err != nil {
		return nil, err
	}
	s.nonces = append(s.nonces, payload.Nonce)
	now := time.Now().Add(s.ahead).UTC()
	rt := &canned{status: http.StatusOK, body: `[]`}
	if off := now.Unix() - payload.Nonce; off < -30 || off > 30 {
		rt.status = http.StatusBadRequest
		rt.body = fmt.Sprintf(`{"result":"error","reason":"InvalidNonce","message":"Nonce '%d' is not within 30 seconds of server time '%d'"}`, payload.Nonce, now.Unix())
	}
	resp, err := rt.RoundTrip(req)
	resp.Header.Set("Date", now.Format(http.TimeFormat))
	return resp, err
}

// Gemini has no time endpoint: the Date of the refusal sets the clock, once, and the
// call is signed again.
func TestGeminiClockFromDate(t *testing.T) {
	for _, ahead := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		rt := &skewed{ahead: ahead}
		c, err := exauth.New(venue.Gemini(), fakeKey(t, venue.Gemini()).WithField("nonce", "seconds"),
			&exauth.Options{HTTPClient: &http.Client{Transport: rt}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/v1/balances"}); err != nil {
				t.Errorf("%s ahead: %v", ahead, err)
			}
		}
		if len(rt.nonces) != 3 {
			t.Errorf("%s ahead: %d requests, want the refused one and two more", ahead, len(rt.nonces))
		}
	}
}
