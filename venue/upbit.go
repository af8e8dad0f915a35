package venue

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/exauth/exauth"
)

// Upbit is Upbit Korea. A JSON Web Token, HS256, is made per request; it covers a
// hash of the parameters without their percent-encoding. A POST's parameters go as
// JSON and are hashed as the query they would be.
//
// Singapore, Indonesia and Thailand sign alike: Upbit().At("https://sg-api.upbit.com").
//
// Upbit's lists are written uuids[]=a&uuids[]=b. A slice under a documented name
// (uuids, identifiers, txids, states) or under a name that ends in [] is written so.
//
// Sources: docs.upbit.com/kr/reference/auth, global-docs.upbit.com/reference/auth
// and the error pages beside them, read 2026-11.
func Upbit() *exauth.Venue {
	return &exauth.Venue{
		Name:         "upbit",
		BaseURL:      "https://api.upbit.com",
		Docs:         "https://docs.upbit.com/kr/reference/auth",
		KeyPage:      "https://upbit.com/mypage/open_api_management",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA256},
		Signer:       exauth.UTF8Secret(exauth.HMACSHA256),
		Style:        upbitStyle,
		Scheme:       exauth.SchemeFunc(authorizeUpbit),
		AuthHeaders:  []string{"Authorization"},
		OrderIDs:     orderIDs("identifier 36"),
		Routes:       upbitPrices(upbitRoutes()),
		Quotas:       upbitQuotas(),
		DefaultCosts: upbitDefault(),
		Settle:       upbitSettle,
		GETReads:     true,
		Answer:       upbitAnswer(),
		Probe:        exauth.Call{Method: "GET", Path: "/v1/accounts"},
		KeyCheck:     upbitKey(),
	}
}

// upbitLists are the parameters that are documented with [].
var upbitLists = []string{"uuids", "identifiers", "txids", "states"}

func upbitStyle(method, _ string, p exauth.Params) exauth.Style {
	if method == "POST" || method == "PUT" {
		return exauth.StyleJSON | exauth.StyleEmptyObject
	}
	style := exauth.StyleQuery
	for _, q := range p {
		switch {
		case strings.HasSuffix(q.Name, "[]"):
			return style | exauth.StyleArrayRepeat
		case slices.Contains(upbitLists, q.Name):
			style |= exauth.StyleArrayEmpty
		}
	}
	return style
}

// authorizeUpbit makes the token. Calls without parameters have no hash in it.
func authorizeUpbit(ctx context.Context, r *exauth.Request) error {
	claims := exauth.Params{{Name: "access_key", Value: r.KeyID()}, {Name: "nonce", Value: r.UUID()}}
	query := []byte(unescaped(r.Query))
	if len(r.Body) > 0 {
		fields, err := r.Fields()
		if err != nil {
			return err
		}
		query = appendRawForm(query, "", fields)
	}
	if len(query) > 0 {
		r.Signed("SHA-512 of this, which is the claim query_hash", query)
		sum := sha512.Sum512(query)
		claims = append(claims, exauth.Param{Name: "query_hash", Value: hex.EncodeToString(sum[:])},
			exauth.Param{Name: "query_hash_alg", Value: "SHA512"})
	}
	token, err := signJWT(ctx, r, exauth.Params{{Name: "alg", Value: "HS256"}, {Name: "typ", Value: "JWT"}}, claims)
	if err != nil {
		return err
	}
	r.SetHeader("Authorization", "Bearer "+token)
	return nil
}

// appendRawForm writes a JSON body as the query it would be, not percent-encoded:
// what is hashed, never what is sent. An empty list leaves no trace.
func appendRawForm(dst []byte, prefix string, v any) []byte {
	switch v := v.(type) {
	case exauth.Params:
		for _, p := range v {
			name := p.Name
			if prefix != "" {
				name = prefix + "[" + p.Name + "]"
			}
			dst = appendRawForm(dst, name, p.Value)
		}
		return dst
	case []any:
		for i, it := range v {
			dst = appendRawForm(dst, prefix+"["+strconv.Itoa(i)+"]", it)
		}
		return dst
	}
	if len(dst) > 0 {
		dst = append(dst, '&')
	}
	dst = append(append(dst, prefix...), '=')
	switch v := v.(type) {
	case string:
		return append(dst, v...)
	case json.Number:
		return append(dst, v...)
	case bool:
		return strconv.AppendBool(dst, v)
	}
	return dst // null
}

// upbitAnswer reads {"error":{"name":"…","message":"…"}}; data has no envelope.
// Where a name is not known, the HTTP status tells: 429 a limit, 418 a ban.
func upbitAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := codes(`
		key: invalid_access_key
		expired: expired_access_key
		signature: jwt_verification invalid_query_payload
		nonce: nonce_used
		ip: no_authorization_ip no_authorization_i_p
		permission: out_of_scope thirdparty_agreement_required
		ratelimited: too_many_requests
		unavailable: server_error
		funds: insufficient_funds insufficient_funds_bid insufficient_funds_ask insufficient_funds_withdraw
		order: order_not_found
		duplicate: duplicated_identifier identifier_already_used`)
	return func(resp *exauth.Response) ([]byte, error) {
		var e struct {
			Error *struct {
				Name    json.RawMessage
				Message string
			}
		}
		if !json.Valid(resp.Body) {
			return nil, notJSON(resp)
		}
		if json.Unmarshal(resp.Body, &e) != nil || e.Error == nil { // lists do not fit e
			if resp.Status >= 400 {
				return nil, notJSON(resp)
			}
			return resp.Body, upbitItems(resp)
		}
		name := text(e.Error.Name)
		kind := kinds[name]
		if kind == nil && strings.Contains(e.Error.Message, "key has expired") {
			kind = exauth.ErrKeyExpired
		}
		return nil, refused(kind, name, e.Error.Message)
	}
}

// upbitItems reads the fates of a batch cancel.
func upbitItems(resp *exauth.Response) error {
	if resp.Method != "DELETE" {
		return nil
	}
	var lists struct{ Success, Failed struct{ Count int } }
	if json.Unmarshal(resp.Body, &lists) != nil {
		return nil
	}
	return batch(lists.Success.Count, lists.Failed.Count, nil, "", "orders could not be cancelled")
}

func upbitRoutes() []exauth.Route {
	return join(
		public(`
			GET /v1/market/all
			GET /v1/candles/*
			GET /v1/trades/ticks
			GET /v1/ticker
			GET /v1/ticker/all
			GET /v1/orderbook
			GET /v1/orderbook/instruments
			GET /v1/orderbook/supported_levels`),
		reads(`
			GET /v1/accounts
			GET /v1/orders/chance
			GET /v1/order
			GET /v1/orders
			GET /v1/orders/uuids
			GET /v1/orders/open
			GET /v1/orders/closed
			GET /v1/withdraw          # the history, and below what may be withdrawn
			GET /v1/withdraws
			GET /v1/withdraws/chance
			GET /v1/withdraws/coin_addresses
			GET /v1/deposits
			GET /v1/api_keys
			POST /v1/orders/test`),
		writes(exauth.ScopeTradeSpot, `
			POST /v1/orders id=identifier
			POST /v1/orders/cancel_and_new id=new_identifier
			DELETE /v1/order cancel
			DELETE /v1/orders/uuids cancel
			DELETE /v1/orders/open cancel`),
		writes(exauth.ScopeTransfer, `
			POST /v1/deposits/krw
			POST /v1/travel_rule/deposit/uuid
			POST /v1/travel_rule/deposit/txid
			POST /v1/pockets/transfers
			POST /v1/pockets/universal_transfers`),
		writes(exauth.ScopeWithdraw, `
			POST /v1/withdraws/coin
			DELETE /v1/withdraws/coin
			POST /v1/withdraws/krw`),
		writes(exauth.ScopeAccount, `
			POST /v1/deposits/generate_coin_address`),
	)
}
