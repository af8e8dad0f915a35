package venue

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// CoinEx is CoinEx: API v2 (/v2/…, spot, margin and futures), and the older v1
// (/v1/…) and perpetual API (/perpetual/v1/…) as far as the venue still runs them.
//
// Nothing here is an HMAC: the secret is appended to what is signed and the whole is
// hashed, SHA-256 in v2 and perpetual, MD5 in v1. So the signed text never leaves
// the hash: it is not logged, not shown by an error, and no string of it is made.
// Keys are secrets; private keys are refused.
//
// Parameters are signed sorted by name and go out sorted: the members of a
// json.RawMessage are moved, not changed.
//
// Sources: docs.coinex.com/api/v2/authorization and …/error, and the wiki of
// github.com/coinexcom/coinex_exchange_api for v1, read 2026-11. The v2 page now
// describes HMAC-SHA256 over the same text; the hash is what ccxt 4.5.84 sends, and
// what the test vectors hold.
func CoinEx() *exauth.Venue {
	return &exauth.Venue{
		Name:     "coinex",
		BaseURL:  "https://api.coinex.com",
		Docs:     "https://docs.coinex.com/api/v2/authorization",
		KeyPage:  "https://www.coinex.com/apikey",
		Style:    coinexStyle,
		Scheme:   exauth.SchemeFunc(authorizeCoinEx),
		Reserved: []string{"access_id", "tonce", "timestamp", "secret_key"},
		AuthHeaders: []string{"X-COINEX-KEY", "X-COINEX-SIGN", "X-COINEX-TIMESTAMP",
			"Authorization", "AccessId"},
		OrderIDs:     orderIDs("client_id 32"),
		Routes:       coinexPrices(coinexRoutes()),
		Quotas:       coinexQuotas(),
		DefaultCosts: coinexDefault(),
		GETReads:     true,
		Answer:       coinexAnswer(),
		Clock:        exauth.Clock{Path: "/v2/time", Parse: coinexTime},
		Probe:        exauth.Call{Method: "GET", Path: "/v2/account/info"},
	}
}

func coinexStyle(method, path string, _ exauth.Params) exauth.Style {
	switch {
	case coinexForm(method, path):
		return exauth.StyleForm | exauth.StyleBrackets
	case method == http.MethodPost:
		return exauth.StyleJSON | exauth.StyleEmptyObject
	}
	return exauth.StyleQuery | exauth.StyleBrackets
}

// coinexForm tells the calls of the perpetual API that carry a form.
func coinexForm(method, path string) bool {
	return strings.HasPrefix(path, "/perpetual/") && (method == http.MethodPost || method == http.MethodDelete)
}

// authorizeCoinEx picks the dialect of the path.
func authorizeCoinEx(ctx context.Context, r *exauth.Request) error {
	if len(r.Secret()) == 0 {
		return fmt.Errorf("%w: secret is empty", exauth.ErrKey)
	}
	stamp := millis(r)
	switch {
	case strings.HasPrefix(r.Path, "/perpetual/"):
		text, err := coinexPairs(r, member{"access_id", quoted(r.KeyID())}, member{"timestamp", quoted(stamp)})
		if err != nil {
			return err
		}
		text = append(text, "&secret_key="...)
		r.Signed("SHA-256 of this and the secret", text)
		r.SetHeader("Authorization", sha256Hex(text, r.Secret()))
		r.SetHeader("Accessid", r.KeyID())
		return nil
	case strings.HasPrefix(r.Path, "/v1/"):
		return coinexV1(r, stamp)
	}
	return coinexV2(r, stamp)
}

// coinexV2 hashes method ++ path with query ++ body ++ time ++ secret, the query as
// it reads before percent-encoding.
func coinexV2(r *exauth.Request, stamp string) error {
	r.Query = sortPairs(r.Query)
	query, err := plain(r.Query)
	if err != nil {
		return err
	}
	if len(r.Body) > 0 && r.Body[0] == '{' {
		ms, err := members(r.Body)
		if err == nil {
			r.Body, err = object(ms)
		}
		if err != nil {
			return err
		}
	}
	text := append(append(r.Buffer(), r.Method...), r.Path...)
	if query != "" {
		text = append(append(text, '?'), query...)
	}
	text = append(append(text, r.Body...), stamp...)
	r.SetHeader("Accept", "application/json")
	r.SetHeader("X-Coinex-Key", r.KeyID())
	r.Signed("SHA-256 of this and the secret", text)
	r.SetHeader("X-Coinex-Sign", sha256Hex(text, r.Secret()))
	r.SetHeader("X-Coinex-Timestamp", stamp)
	return nil
}

// coinexV1 hashes the sorted parameters, access_id and tonce among them.
func coinexV1(r *exauth.Request, stamp string) error {
	own := []member{{"access_id", quoted(r.KeyID())}, {"tonce", quoted(stamp)}}
	var text []byte
	var err error
	if r.Method == http.MethodPost {
		text, err = coinexObject(r, own)
	} else {
		text, err = coinexPairs(r, own...)
	}
	if err != nil {
		return err
	}
	text = append(text, "&secret_key="...)
	r.Signed("MD5 of this and the secret", text)
	sum, err := md5Hex(text, r.Secret())
	if err != nil {
		return err
	}
	r.SetHeader("Authorization", strings.ToUpper(sum))
	return nil
}

// coinexPairs adds own to the query or form and returns it as it is hashed.
func coinexPairs(r *exauth.Request, own ...member) ([]byte, error) {
	form, raw := coinexForm(r.Method, r.Path), r.Query
	if form {
		if r.Query != "" {
			return nil, fmt.Errorf("%w: %s takes parameters in the body only", exauth.ErrParam, r.Path)
		}
		raw = string(r.Body)
	}
	all, err := flat([]byte(raw), own, true)
	if err != nil {
		return nil, err
	}
	raw = sortPairs(string(all))
	text, err := plain(raw)
	if err != nil {
		return nil, err
	}
	if form {
		r.Body = []byte(raw)
		r.SetHeader("Content-Type", "application/x-www-form-urlencoded")
	} else {
		r.Query = raw
	}
	return []byte(text), nil
}

// coinexObject adds own to a JSON body and returns its members as they are hashed.
func coinexObject(r *exauth.Request, own []member) ([]byte, error) {
	if r.Query != "" {
		return nil, fmt.Errorf("%w: %s takes parameters in the body only", exauth.ErrParam, r.Path)
	}
	var ms []member
	var err error
	if len(r.Body) > 0 {
		if ms, err = members(r.Body); err == nil {
			err = without(ms, "access_id", "tonce", "secret_key")
		}
		if err != nil {
			return nil, err
		}
	}
	ms = append(ms, own...)
	if r.Body, err = object(ms); err != nil { // which sorts ms
		return nil, err
	}
	r.SetHeader("Content-Type", "application/json")
	return flat(nil, ms, false)
}

func coinexTime(resp *exauth.Response) (time.Time, error) {
	var t struct{ Data struct{ Timestamp int64 } }
	err := json.Unmarshal(resp.Body, &t)
	return time.UnixMilli(t.Data.Timestamp), err
}

// coinexAnswer peels {"code":0,"data":…,"message":"OK"}, in all three APIs. The
// pages of a list are told beside data: read Response.Body for them.
func coinexAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := codes(`
		key: 24 4005
		expired: 34
		signature: 25 4006 4008
		ip: 23 4007
		clock: 227 4010 4017
		permission: 158 4512
		locked: 4011 4115
		ratelimited: 213 4123 4213
		unavailable: 35 3008 4001 4117 4130 4158
		unknown: 36 4002 4003
		funds: 107 3109
		order: 600 3600`)
	type reply struct {
		Code    json.RawMessage
		Data    json.RawMessage
		Message string
	}
	kind := func(code, message string) error {
		lower := strings.ToLower(message)
		switch {
		case strings.Contains(lower, "ip not allow"):
			return exauth.ErrIPNotAllowed
		case strings.Contains(lower, "service too busy"), strings.Contains(lower, "during funding fee settlement"):
			return exauth.ErrUnavailable
		}
		return kinds[code]
	}
	return func(resp *exauth.Response) ([]byte, error) {
		var e reply
		if json.Unmarshal(resp.Body, &e) != nil || e.Code == nil {
			return nil, notJSON(resp) // the gateway's own pages come with other statuses
		}
		if code := text(e.Code); code != "0" {
			return nil, refused(kind(code, e.Message), code, e.Message)
		}
		var items []reply
		if resp.Method == http.MethodGet || !strings.Contains(resp.Path, "batch") || json.Unmarshal(e.Data, &items) != nil {
			return e.Data, nil
		}
		done := len(items)
		items = slices.DeleteFunc(items, func(it reply) bool { return it.Code == nil || text(it.Code) == "0" })
		switch {
		case len(items) == 0:
			return e.Data, nil
		case len(items) < done:
			return nil, refused(exauth.ErrPartial, text(items[0].Code), items[0].Message)
		}
		code := text(items[0].Code)
		return nil, refused(kind(code, items[0].Message), code, items[0].Message)
	}
}
