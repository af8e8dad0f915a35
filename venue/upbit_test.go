package venue_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func TestUpbitAnswers(t *testing.T) {
	read := exauth.Call{Method: "GET", Path: "/v1/accounts"}
	order := exauth.Call{Method: "POST", Path: "/v1/orders", Params: exauth.Params{{Name: "identifier", Value: "a1"}}}
	cancels := exauth.Call{Method: "DELETE", Path: "/v1/orders/uuids", Params: exauth.Params{{Name: "uuids", Value: []string{"1", "2"}}}}
	fails := func(name string) string { return `{"error":{"name":"` + name + `","message":"why"}}` }
	rejected := exauth.OutcomeRejected
	runAnswers(t, venue.Upbit(), []answerCase{
		{name: "data", call: read, body: `[{"currency":"KRW"}]`, payload: `[{"currency":"KRW"}]`},
		{name: "order", call: order, body: `{"uuid":"1"}`, payload: `{"uuid":"1"}`},
		{name: "key", call: read, status: 401, body: fails("invalid_access_key"), want: exauth.ErrKey, outcome: rejected, code: "invalid_access_key"},
		{name: "expired", call: read, status: 401, body: fails("expired_access_key"), want: exauth.ErrKeyExpired, outcome: rejected, code: "expired_access_key"},
		{name: "expired, in words", call: read, status: 401, body: `{"error":{"name":"x","message":"This key has expired."}}`, want: exauth.ErrKeyExpired, outcome: rejected, code: "x"},
		{name: "signature", call: read, status: 401, body: fails("jwt_verification"), want: exauth.ErrSignature, outcome: rejected, code: "jwt_verification"},
		{name: "hash of other parameters", call: order, status: 401, body: fails("invalid_query_payload"), want: exauth.ErrSignature, outcome: rejected, code: "invalid_query_payload"},
		{name: "nonce", call: read, status: 401, body: fails("nonce_used"), want: exauth.ErrNonce, outcome: rejected, code: "nonce_used"},
		{name: "IP", call: read, status: 401, body: fails("no_authorization_ip"), want: exauth.ErrIPNotAllowed, outcome: rejected, code: "no_authorization_ip"},
		{name: "permission", call: order, status: 401, body: fails("out_of_scope"), want: exauth.ErrPermission, outcome: rejected, code: "out_of_scope"},
		{name: "no funds", call: order, status: 400, body: fails("insufficient_funds_bid"), want: exauth.ErrInsufficientFunds, outcome: rejected, code: "insufficient_funds_bid"},
		{name: "unknown order", call: cancels, status: 404, body: fails("order_not_found"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "order_not_found"},
		{name: "limit", call: order, status: 429, body: fails("too_many_requests"), want: exauth.ErrRateLimited, outcome: rejected, code: "too_many_requests"},
		{name: "limit by its number", call: order, status: 429, body: `{"error":{"name":429,"message":"x"}}`, want: exauth.ErrRateLimited, outcome: rejected, code: "429"},
		{name: "ban", call: order, status: 418, body: `{"error":{"name":418,"message":"x"}}`, want: exauth.ErrBanned, outcome: rejected, code: "418"},
		{name: "server error of an order", call: order, status: 500, body: fails("server_error"), want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "server_error"},
		{name: "a name nobody listed", call: order, status: 400, body: fails("under_min_total_bid"), want: exauth.ErrRejected, outcome: rejected, code: "under_min_total_bid"},
		{name: "cancels done", call: cancels, body: `{"success":{"count":2},"failed":{"count":0}}`, payload: `{"success":{"count":2},"failed":{"count":0}}`},
		{name: "cancels half done", call: cancels, body: `{"success":{"count":1},"failed":{"count":1}}`, want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "item"},
		{name: "cancels not done", call: cancels, body: `{"success":{"count":0},"failed":{"count":2}}`, want: exauth.ErrRejected, outcome: rejected, code: "item"},
		{name: "firewall's page", call: order, body: "<html></html>", want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
	})
}

func TestUpbitScopes(t *testing.T) {
	runScopes(t, "upbit", []scopeCase{
		{"GET", "/v1/withdraws", nil, exauth.ScopeRead},
		{"GET", "/v1/withdraws/chance", nil, exauth.ScopeRead},
		{"POST", "/v1/orders/test", nil, exauth.ScopeRead},
		{"POST", "/v1/orders", nil, exauth.ScopeTradeSpot},
		{"POST", "/v1/orders/cancel_and_new", nil, exauth.ScopeTradeSpot},
		{"DELETE", "/v1/orders/open", nil, exauth.ScopeTradeSpot},
		{"POST", "/v1/deposits/krw", nil, exauth.ScopeTransfer},
		{"POST", "/v1/withdraws/coin", nil, exauth.ScopeWithdraw},
		{"DELETE", "/v1/withdraws/coin", nil, exauth.ScopeWithdraw},
		{"POST", "/v1/deposits/generate_coin_address", nil, exauth.ScopeAccount},
		{"POST", "/v1/not_listed", nil, exauth.ScopeTrade},
	})
}

// Lists as Upbit documents them: uuids[]=a&uuids[]=b, hashed without their
// percent-encoding, however the caller writes them.
func TestUpbitLists(t *testing.T) {
	key := exauth.NewSecretKey("access", "fakeSecret0123456789")
	client, err := exauth.New(venue.Upbit(), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{"9ca0", "8ca0"}
	want := "uuids[]=9ca0&uuids[]=8ca0&order_by=asc"
	for name, params := range map[string]any{
		"documented name": exauth.Params{{Name: "uuids", Value: ids}, {Name: "order_by", Value: "asc"}},
		"name with []":    exauth.Params{{Name: "uuids[]", Value: ids}, {Name: "order_by", Value: "asc"}},
		"struct": struct {
			IDs []string `url:"uuids"`
			By  string   `url:"order_by"`
		}{ids, "asc"},
		"struct, brackets": struct {
			IDs []string `url:"uuids,brackets"`
			By  string   `url:"order_by"`
		}{ids, "asc"},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := client.Sign(t.Context(), exauth.Call{Method: http.MethodGet, Path: "/v1/orders/uuids", Params: params})
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := url.PathUnescape(req.URL.RawQuery); got != want {
				t.Errorf("query %s, want %s", got, want)
			}
			sum := sha512.Sum512([]byte(want))
			if got := upbitClaims(t, req)["query_hash"]; got != hex.EncodeToString(sum[:]) {
				t.Errorf("hash %v does not fit", got)
			}
		})
	}
}

// upbitClaims verifies a token with the standard library and returns what it says.
func upbitClaims(t *testing.T, req *http.Request) map[string]any {
	t.Helper()
	signed, sig, _ := cutLast(strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "), ".")
	mac := hmac.New(sha256.New, []byte("fakeSecret0123456789"))
	mac.Write([]byte(signed))
	if sig != base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) {
		t.Fatal("token does not verify")
	}
	_, claims, _ := strings.Cut(signed, ".")
	raw, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Each request has a token of its own: a nonce seen twice is refused.
func TestUpbitNonces(t *testing.T) {
	client, err := exauth.New(venue.Upbit(), exauth.NewSecretKey("access", "fakeSecret0123456789"), nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[any]bool{}
	for range 100 {
		req, err := client.Sign(t.Context(), exauth.Call{Path: "/v1/accounts"})
		if err != nil {
			t.Fatal(err)
		}
		seen[upbitClaims(t, req)["nonce"]] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d nonces in 100 requests", len(seen))
	}
}
