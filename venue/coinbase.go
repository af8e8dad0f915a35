package venue

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// Coinbase is Coinbase Advanced Trade ("/api/v3/brokerage/…") and the Coinbase App
// API ("/v2/…"). The secret decides how a call is authorised: an EC key in PEM or
// the base64 of a 64-byte Ed25519 key signs a token for this one call; any other
// text is a legacy HMAC secret. OAuth access tokens (exauth.BearerKey) are taken
// too. A token says method, host and path; query and body are covered by the
// legacy signature only.
//
// client_order_id is good once: an order sent again with the same one answers with
// the first order, and makes none. Client.Resolve finds an order by it among those
// of the last minutes; that it was not placed cannot be told, since Coinbase states
// no last moment at which it may still accept an order.
//
// Sources: docs.cdp.coinbase.com/coinbase-app/authentication-authorization/api-key-authentication
// and the Advanced Trade REST pages beside it, read 2026-11.
func Coinbase() *exauth.Venue {
	return &exauth.Venue{
		Name:         "coinbase",
		BaseURL:      "https://api.coinbase.com",
		Docs:         "https://docs.cdp.coinbase.com/coinbase-app/authentication-authorization/api-key-authentication",
		KeyPage:      "https://portal.cdp.coinbase.com/projects/api-keys",
		Algorithms:   []exauth.Algorithm{exauth.ES256, exauth.Ed25519, exauth.HMACSHA256},
		Signer:       coinbaseSigner,
		Bearer:       true,
		Style:        coinbaseStyle,
		Scheme:       exauth.SchemeFunc(authorizeCoinbase),
		AuthHeaders:  []string{"Authorization", "CB-ACCESS-KEY", "CB-ACCESS-SIGN", "CB-ACCESS-TIMESTAMP"},
		OrderIDs:     map[string]exauth.OrderID{"client_order_id": {UUID: true}},
		Routes:       coinbasePrices(coinbaseBatches(coinbaseRoutes())),
		Quotas:       coinbaseQuotas(),
		DefaultCosts: coinbaseDefault(),
		GETReads:     true,
		Lookup:       exauth.Lookup{Ask: coinbaseAsk, Find: coinbaseFind, Lag: 2 * time.Second},
		Answer:       coinbaseAnswer(),
		Ambiguous:    coinbaseAmbiguous(),
		Clock:        exauth.Clock{Path: "/api/v3/brokerage/time", Parse: coinbaseTime},
		Probe:        exauth.Call{Method: "GET", Path: "/api/v3/brokerage/key_permissions"},
		KeyCheck:     coinbaseKey(),
		Owner:        ownerOf("portfolio_uuid"),
	}
}

// CoinbaseSandbox answers Advanced Trade's account and order calls with fixed data.
func CoinbaseSandbox() *exauth.Venue {
	return in(Coinbase(), "sandbox", "https://api-sandbox.coinbase.com")
}

// coinbaseSigner makes the signer of a secret text; PEM keys do not come here.
func coinbaseSigner(secret []byte) (exauth.Signer, error) {
	const size = 64 // seed and public key; legacy secrets are much shorter
	if len(secret) == base64.StdEncoding.EncodedLen(size) {
		return exauth.Ed25519Seed()(secret)
	}
	return exauth.UTF8Secret(exauth.HMACSHA256)(secret)
}

func coinbaseStyle(method, _ string, _ exauth.Params) exauth.Style {
	if method == "GET" {
		return exauth.StyleQuery | exauth.StyleArrayRepeat
	}
	return exauth.StyleJSON
}

// coinbaseAmbiguous: a token that Coinbase does not take is refused with one word,
// whether its key, its signature, its times or the caller's address is why.
func coinbaseAmbiguous() map[string][]error {
	why := []error{exauth.ErrKey, exauth.ErrSignature, exauth.ErrIPNotAllowed, exauth.ErrClock, exauth.ErrEnvironment}
	return map[string][]error{"401": why, "Unauthorized": why, "unauthorized": why, "UNAUTHENTICATED": why, "authentication_error": why}
}

// coinbaseLife is how long a token is good for: the most Coinbase allows.
const coinbaseLife = 120

func authorizeCoinbase(ctx context.Context, r *exauth.Request) error {
	alg, issuer, audience := "ES256", "coinbase-cloud", "retail_rest_api_proxy"
	uri := exauth.Param{Name: "uri", Value: r.Method + " " + r.Host + r.Path}
	switch r.Algorithm() {
	case exauth.HMACSHA256:
		return authorizeCoinbaseLegacy(ctx, r)
	case exauth.Ed25519:
		alg, issuer, audience = "EdDSA", "cdp", "cdp_service"
		uri = exauth.Param{Name: "uris", Value: []any{uri.Value}}
	}
	now := r.Time.Unix()
	token, err := signJWT(ctx, r,
		exauth.Params{{Name: "alg", Value: alg}, {Name: "typ", Value: "JWT"}, {Name: "kid", Value: r.KeyID()},
			{Name: "nonce", Value: r.RandomHex(16)}},
		exauth.Params{{Name: "aud", Value: []any{audience}}, {Name: "iss", Value: issuer}, {Name: "nbf", Value: now},
			{Name: "exp", Value: now + coinbaseLife}, {Name: "sub", Value: r.KeyID()}, {Name: "iat", Value: now}, uri})
	if err != nil {
		return err
	}
	r.SetHeader("Authorization", "Bearer "+token)
	return nil
}

// authorizeCoinbaseLegacy signs seconds ++ METHOD ++ path ++ body; the query is
// part of the path in v2 only.
func authorizeCoinbaseLegacy(ctx context.Context, r *exauth.Request) error {
	stamp, path := seconds(r), r.Path
	if strings.HasPrefix(path, "/v2/") {
		path = r.RequestURI()
	}
	sig, err := signHex(ctx, r, append([]byte(stamp+r.Method+path), r.Body...))
	if err != nil {
		return err
	}
	r.SetHeader("Cb-Access-Key", r.KeyID())
	r.SetHeader("Cb-Access-Sign", sig)
	r.SetHeader("Cb-Access-Timestamp", stamp)
	return nil
}

func coinbaseTime(resp *exauth.Response) (time.Time, error) {
	var t struct{ EpochMillis string }
	if err := json.Unmarshal(resp.Body, &t); err != nil {
		return time.Time{}, err
	}
	ms, err := strconv.ParseInt(t.EpochMillis, 10, 64)
	return time.UnixMilli(ms), err
}

// coinbaseWhy is how Coinbase explains a refusal, in whichever of its fields.
type coinbaseWhy struct {
	ID       string
	Error    string
	Message  string
	Details  string `json:"error_details"`
	Preview  string `json:"preview_failure_reason"`
	NewOrder string `json:"new_order_failure_reason"`
	Edit     string `json:"edit_failure_reason"`
}

func (w coinbaseWhy) code() string {
	for _, c := range [...]string{w.ID, w.Error, w.NewOrder, w.Edit, w.Preview} {
		if c != "" && !strings.HasPrefix(c, "UNKNOWN_") {
			return c
		}
	}
	return w.Error
}

func (w coinbaseWhy) message() string {
	if w.Message != "" {
		return w.Message
	}
	return w.Details
}

// coinbaseAnswer peels v2's data and an order's success_response. An order that is
// refused answers 200 with success false.
func coinbaseAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := codes(`
		key: invalid_token revoked_token invalid_authentication_method unauthorized UNAUTHENTICATED authentication_error
		expired: expired_token
		permission: invalid_scope PERMISSION_DENIED two_factor_required
		permission: personal_details_required identity_verification_required unverified_email
		permission: jumio_verification_required jumio_face_match_verification_required
		ratelimited: rate_limit_exceeded resource_exhausted RESOURCE_EXHAUSTED
		unavailable: internal_server_error INTERNAL UNAVAILABLE
		unknown: DEADLINE_EXCEEDED
		funds: INSUFFICIENT_FUND INSUFFICIENT_FUNDS PREVIEW_INSUFFICIENT_FUND
		order: UNKNOWN_CANCEL_ORDER ORDER_NOT_FOUND`)
	kindOf := func(w coinbaseWhy) error { return coinbaseKind(kinds, w) }
	return func(resp *exauth.Response) ([]byte, error) {
		var e struct {
			coinbaseWhy
			Errors  []coinbaseWhy
			Success *bool
			Refusal *coinbaseWhy    `json:"error_response"`
			Done    json.RawMessage `json:"success_response"`
			Data    json.RawMessage
			Results []json.RawMessage
		}
		if json.Unmarshal(resp.Body, &e) != nil {
			return coinbasePlain(resp)
		}
		why := e.coinbaseWhy
		if len(e.Errors) > 0 {
			why = e.Errors[0]
		}
		if e.Refusal != nil {
			why = *e.Refusal
		}
		switch {
		case e.Success != nil && !*e.Success, resp.Status >= 400, e.Success == nil && why.Error != "":
			code := why.code()
			if code == "" && resp.Status < 400 {
				code = "success=false"
			}
			if kind := kindOf(why); kind == exauth.ErrUnavailable { // whatever the status
				return nil, inDoubt(kind, code, why.message())
			}
			return nil, refused(kindOf(why), code, why.message())
		case e.Done != nil:
			return e.Done, nil
		case e.Success == nil && e.Results == nil && coinbaseTells(resp):
			return nil, notJSON(resp)
		case e.Data != nil && strings.HasPrefix(resp.Path, "/v2/"):
			return e.Data, nil
		}
		return resp.Body, coinbaseItems(kindOf, resp)
	}
}

// coinbaseTells reports routes whose answer must say success, or tell the fates of a
// batch. One that does neither is not Coinbase's.
func coinbaseTells(resp *exauth.Response) bool {
	return resp.Method == "POST" && (resp.Path == coinbasePlace || resp.Path == coinbaseClose || resp.Path == coinbasePlace+"/edit" ||
		resp.Path == coinbaseBatch)
}

const coinbaseBatch = "/api/v3/brokerage/orders/batch_cancel"

// coinbaseKind looks at the text where Coinbase's code says nothing.
func coinbaseKind(kinds map[string]error, w coinbaseWhy) error {
	msg := strings.ToLower(w.Message + " " + w.Details)
	switch {
	case strings.Contains(msg, "timestamp expired"):
		return exauth.ErrClock
	case strings.Contains(msg, "order") && strings.Contains(msg, "was not found"):
		return exauth.ErrUnknownOrder
	case strings.Contains(msg, "ip address") && containsAny(msg, "not allowed", "allowlist", "whitelist"):
		return exauth.ErrIPNotAllowed
	}
	for _, c := range [...]string{w.ID, w.Error, w.NewOrder, w.Edit, w.Preview} {
		if kind, ok := kinds[c]; ok {
			return kind
		}
	}
	if strings.Contains(msg, "insufficient balance") {
		return exauth.ErrInsufficientFunds
	}
	return nil
}

// coinbasePlain is for answers that are no JSON object: a list, 204 without a body,
// or the bare word Unauthorized.
func coinbasePlain(resp *exauth.Response) ([]byte, error) {
	switch {
	case resp.Status == 401:
		return nil, refused(exauth.ErrKey, "401", "unauthorized: key, token or clock")
	case resp.Status < 300 && !coinbaseTells(resp) && (json.Valid(resp.Body) || len(resp.Body) == 0):
		return resp.Body, nil
	}
	return nil, notJSON(resp)
}

// coinbaseItems reads the fates of a batch cancel.
func coinbaseItems(kindOf func(coinbaseWhy) error, resp *exauth.Response) error {
	if resp.Method == "GET" || !bytes.Contains(resp.Body, []byte(`"results"`)) {
		return nil
	}
	var b struct {
		Results []struct {
			Success *bool
			Reason  string `json:"failure_reason"`
		}
	}
	if json.Unmarshal(resp.Body, &b) != nil {
		return nil
	}
	done, failed, reason := 0, 0, ""
	for _, it := range b.Results {
		if it.Success == nil || *it.Success {
			done++
		} else if failed++; failed == 1 {
			reason = it.Reason
		}
	}
	return batch(done, failed, kindOf(coinbaseWhy{Error: reason}), reason, "not every order was cancelled")
}
