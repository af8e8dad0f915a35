package venue_test

import (
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func TestCoinbaseAnswers(t *testing.T) {
	read := exauth.Call{Method: "GET", Path: "/api/v3/brokerage/accounts"}
	old := exauth.Call{Method: "GET", Path: "/v2/accounts"}
	order := exauth.Call{Method: "POST", Path: "/api/v3/brokerage/orders", Params: exauth.Params{{Name: "client_order_id", Value: "a1"}}}
	edit := exauth.Call{Method: "POST", Path: "/api/v3/brokerage/orders/edit", Params: exauth.Params{{Name: "order_id", Value: "1"}}}
	cancels := exauth.Call{Method: "POST", Path: "/api/v3/brokerage/orders/batch_cancel", Params: exauth.Params{{Name: "order_ids", Value: []string{"1"}}}}
	two := exauth.Call{Method: "POST", Path: "/api/v3/brokerage/orders/batch_cancel", Params: exauth.Params{{Name: "order_ids", Value: []any{"1", "2"}}}}
	remove := exauth.Call{Method: "DELETE", Path: "/v2/accounts/42"}
	v3 := func(code, msg string) string {
		return `{"error":"` + code + `","error_details":"` + msg + `","message":"` + msg + `"}`
	}
	v2 := func(id, msg string) string { return `{"errors":[{"id":"` + id + `","message":"` + msg + `"}]}` }
	rejected := exauth.OutcomeRejected
	runAnswers(t, venue.Coinbase(), []answerCase{
		{name: "v3", call: read, body: `{"accounts":[],"has_next":false}`, payload: `{"accounts":[],"has_next":false}`},
		{name: "v2", call: old, body: `{"pagination":{},"data":[{"id":"BTC"}]}`, payload: `[{"id":"BTC"}]`},
		{name: "no content", call: remove, status: 204, body: ``, payload: ``},
		{name: "order", call: order, body: `{"success":true,"success_response":{"order_id":"1"},"order_configuration":{}}`, payload: `{"order_id":"1"}`},
		{name: "order refused inside a 200", call: order,
			body: `{"success":false,"failure_reason":"UNKNOWN_FAILURE_REASON","error_response":{"error":"INSUFFICIENT_FUND","message":"Insufficient balance in source account","preview_failure_reason":"PREVIEW_INSUFFICIENT_FUND"}}`,
			want: exauth.ErrInsufficientFunds, outcome: rejected, code: "INSUFFICIENT_FUND"},
		{name: "only the preview says why", call: order,
			body: `{"success":false,"error_response":{"error":"UNKNOWN_FAILURE_REASON","message":"","preview_failure_reason":"PREVIEW_INSUFFICIENT_FUND"}}`,
			want: exauth.ErrInsufficientFunds, outcome: rejected, code: "PREVIEW_INSUFFICIENT_FUND"},
		{name: "refused without a reason", call: order, body: `{"success":false}`, want: exauth.ErrRejected, outcome: rejected, code: "success=false"},
		{name: "edit refused", call: edit, body: `{"success":false,"errors":[{"edit_failure_reason":"ORDER_NOT_FOUND"}]}`, want: exauth.ErrUnknownOrder, outcome: rejected, code: "ORDER_NOT_FOUND"},
		{name: "cancels done", call: cancels, body: `{"results":[{"success":true,"failure_reason":"UNKNOWN_CANCEL_FAILURE_REASON","order_id":"1"}]}`,
			payload: `{"results":[{"success":true,"failure_reason":"UNKNOWN_CANCEL_FAILURE_REASON","order_id":"1"}]}`},
		{name: "cancels half done", call: two, body: `{"results":[{"success":true},{"success":false,"failure_reason":"UNKNOWN_CANCEL_ORDER"}]}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "UNKNOWN_CANCEL_ORDER"},
		{name: "cancel of no order", call: cancels, body: `{"results":[{"success":false,"failure_reason":"UNKNOWN_CANCEL_ORDER"}]}`,
			want: exauth.ErrUnknownOrder, outcome: rejected, code: "UNKNOWN_CANCEL_ORDER"},
		{name: "unauthorized, in one word", call: read, status: 401, body: "Unauthorized\n", want: exauth.ErrKey, outcome: rejected, code: "401"},
		{name: "clock", call: old, status: 401, body: v2("authentication_error", "request timestamp expired"), want: exauth.ErrClock, outcome: rejected, code: "authentication_error"},
		{name: "token", call: old, status: 401, body: v2("invalid_token", "x"), want: exauth.ErrKey, outcome: rejected, code: "invalid_token"},
		{name: "token expired", call: old, status: 401, body: v2("expired_token", "x"), want: exauth.ErrKeyExpired, outcome: rejected, code: "expired_token"},
		{name: "scope", call: old, status: 403, body: v2("invalid_scope", "x"), want: exauth.ErrPermission, outcome: rejected, code: "invalid_scope"},
		{name: "permission", call: order, status: 403, body: v3("PERMISSION_DENIED", "Missing required scopes"), want: exauth.ErrPermission, outcome: rejected, code: "PERMISSION_DENIED"},
		{name: "IP", call: order, status: 403, body: v3("PERMISSION_DENIED", "IP address not in allowlist"), want: exauth.ErrIPNotAllowed, outcome: rejected, code: "PERMISSION_DENIED"},
		{name: "unknown order", call: read, status: 404, body: v3("unknown", "order with this orderID was not found"), want: exauth.ErrUnknownOrder, outcome: rejected, code: "unknown"},
		{name: "limit", call: order, status: 429, body: v2("rate_limit_exceeded", "x"), want: exauth.ErrRateLimited, outcome: rejected, code: "rate_limit_exceeded"},
		{name: "server error of an order", call: order, status: 500, body: v3("INTERNAL", "x"), want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "INTERNAL"},
		{name: "server error inside a 200", call: order, body: v3("INTERNAL", "x"), want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "INTERNAL"},
		{name: "deadline inside a 200", call: order, body: v3("DEADLINE_EXCEEDED", "x"), want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "DEADLINE_EXCEEDED"},
		{name: "an error of a read inside a 200", call: read, body: v3("INTERNAL", "x"), want: exauth.ErrUnavailable, outcome: rejected, code: "INTERNAL"},
		{name: "cancels without fates", call: cancels, body: `{}`, want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
		{name: "a code nobody listed", call: order, status: 400, body: v3("INVALID_LIMIT_PRICE", "x"), want: exauth.ErrRejected, outcome: rejected, code: "INVALID_LIMIT_PRICE"},
		{name: "firewall's page", call: order, body: "<html></html>", want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
	})
}

func TestCoinbaseTime(t *testing.T) {
	got := parseTime(t, venue.Coinbase(), `{"iso":"2023-10-25T17:21:01Z","epochSeconds":"1698254461","epochMillis":"1698254461123"}`)
	if got.UnixMilli() != 1698254461123 {
		t.Errorf("got %v", got)
	}
}

func TestCoinbaseScopes(t *testing.T) {
	of := func(kind string) exauth.Params { return exauth.Params{{Name: "type", Value: kind}} }
	runScopes(t, "coinbase", []scopeCase{
		{"GET", "/v2/accounts/1/withdrawals", nil, exauth.ScopeRead},
		{"POST", "/api/v3/brokerage/orders/preview", nil, exauth.ScopeRead},
		{"POST", "/api/v3/brokerage/orders", nil, exauth.ScopeTradeSpot | exauth.ScopeTradeDerivatives},
		{"POST", "/api/v3/brokerage/orders/batch_cancel", nil, exauth.ScopeTradeSpot | exauth.ScopeTradeDerivatives},
		{"POST", "/api/v3/brokerage/convert/trade/1", nil, exauth.ScopeTradeSpot},
		{"POST", "/api/v3/brokerage/portfolios/move_funds", nil, exauth.ScopeTransfer},
		{"DELETE", "/api/v3/brokerage/cfm/sweeps", nil, exauth.ScopeTransfer},
		{"POST", "/v2/accounts/1/transactions", of("transfer"), exauth.ScopeTransfer},
		{"POST", "/v2/accounts/1/transactions", of("send"), exauth.ScopeWithdraw},
		{"POST", "/v2/accounts/1/withdrawals/2/commit", nil, exauth.ScopeWithdraw},
		{"PUT", "/v2/user", nil, exauth.ScopeAccount},
		{"POST", "/api/v3/brokerage/not_listed", nil, exauth.ScopeTrade},
	})
}

// The secret's form decides the algorithm; what fits none is an error of New.
func TestCoinbaseKeys(t *testing.T) {
	sets := loadVectors(t, "testdata/coinbase.json").Keys
	pair, err := base64.StdEncoding.DecodeString(sets["ed25519"]["secret"])
	if err != nil {
		t.Fatal(err)
	}
	pair[63] ^= 1
	rsa, err := os.ReadFile("../testdata/keys/fake-rsa2048.pem")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, secret, header string // header: or what the error says
		fails                bool
	}{
		{name: "EC key", secret: sets["default"]["secret"], header: `"alg":"ES256"`},
		{name: "Ed25519 pair", secret: sets["ed25519"]["secret"], header: `"alg":"EdDSA"`},
		{name: "legacy", secret: sets["legacy"]["secret"]},
		{name: "halves of two keys", secret: base64.StdEncoding.EncodeToString(pair), fails: true, header: "do not belong together"},
		{name: "RSA", secret: string(rsa), fails: true, header: "it takes ES256, Ed25519"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := exauth.New(venue.Coinbase(), exauth.NewSecretKey("id", c.secret), nil)
			if c.fails {
				if !errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), c.header) {
					t.Fatalf("got %v, want ErrKey with %q", err, c.header)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			req, err := client.Sign(t.Context(), exauth.Call{Path: "/v2/accounts"})
			if err != nil {
				t.Fatal(err)
			}
			token, bearer := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
			head, _, _ := strings.Cut(token, ".")
			raw, _ := base64.RawURLEncoding.DecodeString(head)
			if bearer != (c.header != "") || !strings.Contains(string(raw), c.header) {
				t.Errorf("token header %s, want %s", raw, c.header)
			}
			if legacy := req.Header.Get("CB-ACCESS-SIGN") != ""; legacy == bearer {
				t.Error("one of token and legacy headers is wanted")
			}
		})
	}
}

func TestCoinbaseSandbox(t *testing.T) {
	v, ok := venue.ByName("coinbase:sandbox")
	if !ok || v.Environment != "sandbox" || v.BaseURL != "https://api-sandbox.coinbase.com" {
		t.Errorf("got %+v", v)
	}
}
