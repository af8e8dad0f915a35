package venue

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// CryptoCom is the Crypto.com Exchange: v1 under /exchange/v1, the older spot API
// under /v2 and the older derivatives API under /v1 on a host of its own.
// HMAC-SHA256 keys; private calls are POSTs whose parameters are wrapped in an
// envelope that holds key and signature.
//
// Parameters are signed as they are written: prices and sizes should be strings,
// since the venue may write a number back another way. A nonce is the time and good
// for 60 seconds; the venue has no time endpoint.
//
// Client.Resolve finds an order of /exchange/v1 by its client_oid. That it was not
// placed cannot be told, since the venue states no last moment at which it may still
// accept an order; and what it accepts it may refuse a moment later, which get-order-detail
// then shows as REJECTED.
//
// Source: exchange-docs.crypto.com/exchange/v1/rest-ws, section Digital Signature, read 2026-11.
func CryptoCom() *exauth.Venue {
	return &exauth.Venue{
		Name:    "cryptocom",
		BaseURL: "https://api.crypto.com",
		Hosts: []exauth.Host{
			{Prefix: "/v1/", URL: "https://deriv-api.crypto.com"},
			{Prefix: "/v1/public/get-announcements", URL: "https://api.crypto.com"},
		},
		Docs:         "https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html",
		KeyPage:      "https://crypto.com/exchange/user/settings/api-management",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA256},
		Signer:       exauth.UTF8Secret(exauth.HMACSHA256),
		Style:        cryptocomStyle,
		Scheme:       exauth.SchemeFunc(authorizeCryptoCom),
		Reserved:     []string{"api_key", "sig", "nonce"},
		OrderIDs:     orderIDs("client_oid 36"),
		Routes:       cryptocomPrices(cryptocomBatches(cryptocomRoutes())),
		Quotas:       cryptocomQuotas(),
		DefaultPrice: cryptocomDefault(),
		GETReads:     true,
		Lookup:       exauth.Lookup{Ask: cryptocomAsk, Find: cryptocomFind, Lag: 2 * time.Second},
		Answer:       cryptocomAnswer(),
		Probe:        exauth.Call{Method: "POST", Path: "/exchange/v1/private/user-balance"},
	}
}

// CryptoComSandbox is the UAT sandbox, where v1 and v2 share a host.
func CryptoComSandbox() *exauth.Venue {
	return in(CryptoCom(), "sandbox", "https://uat-api.3ona.co")
}

func cryptocomStyle(_, path string, _ exauth.Params) exauth.Style {
	if strings.Contains(path, "/private/") {
		return exauth.StyleJSON | exauth.StyleEmptyObject
	}
	return exauth.StyleQuery
}

// cryptocomCall is the envelope around a call's parameters.
type cryptocomCall struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// authorizeCryptoCom signs method ++ id ++ key ++ flattened parameters ++ nonce.
func authorizeCryptoCom(ctx context.Context, r *exauth.Request) error {
	_, name, ok := strings.Cut(r.Path, "/private/")
	if !ok || r.Method != "POST" {
		return fmt.Errorf("%w: Crypto.com takes signed calls as POST …/private/…", exauth.ErrParam)
	}
	nonce := millis(r)
	call := cryptocomCall{ID: json.RawMessage(`"` + nonce + `"`), Method: "private/" + name, Params: r.Body}
	// A program that writes the envelope itself, over Client.Transport, is taken at
	// its word; no parameter of the venue is called method.
	var theirs cryptocomCall
	if bytes.Contains(r.Body, []byte(`"method"`)) && json.Unmarshal(r.Body, &theirs) == nil && theirs.Method == call.Method {
		if call.Params = theirs.Params; theirs.ID != nil {
			call.ID = theirs.ID
		}
	}
	if len(call.Params) == 0 {
		call.Params = json.RawMessage("{}")
	}
	r.Body = call.Params
	fields, err := r.Fields()
	if err != nil {
		return err
	}
	msg := append(append([]byte(call.Method), text(call.ID)...), r.KeyID()...)
	msg = append(cryptocomFlat(msg, fields), nonce...)
	sig, err := signHex(ctx, r, msg)
	if err != nil {
		return err
	}
	r.Body, err = exauth.AppendJSON(nil, exauth.Params{
		{Name: "id", Value: call.ID}, {Name: "method", Value: call.Method}, {Name: "params", Value: call.Params},
		{Name: "api_key", Value: r.KeyID()}, {Name: "sig", Value: sig}, {Name: "nonce", Value: nonce},
	}, 0)
	r.SetHeader("Content-Type", "application/json")
	return err
}

// cryptocomFlat writes objects as name ++ value sorted by name, lists as their
// items, at every depth, as the vendor's JavaScript sample does.
func cryptocomFlat(dst []byte, v any) []byte {
	switch v := v.(type) {
	case exauth.Params:
		v = slices.Clone(v)
		slices.SortStableFunc(v, func(a, b exauth.Param) int { return strings.Compare(a.Name, b.Name) })
		for _, p := range v {
			dst = cryptocomFlat(append(dst, p.Name...), p.Value)
		}
	case []any:
		for _, it := range v {
			dst = cryptocomFlat(dst, it)
		}
	case string:
		dst = append(dst, v...)
	case json.Number:
		dst = append(dst, v...)
	case bool:
		dst = fmt.Append(dst, v)
	case nil:
		dst = append(dst, "null"...)
	}
	return dst
}

// cryptocomItem is the fate of one order of a list.
type cryptocomItem struct {
	Index    json.RawMessage
	Code     json.RawMessage
	Message  string
	ClientID string `json:"client_oid"`
}

// cryptocomAnswer peels {"id","method","code","result"}.
func cryptocomAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := cryptocomCodes()
	return func(resp *exauth.Response) ([]byte, error) {
		var e struct {
			Code    json.RawMessage
			Message string
			Result  json.RawMessage
		}
		if json.Unmarshal(resp.Body, &e) != nil {
			return nil, notJSON(resp)
		}
		code, msg := text(e.Code), e.Message
		if _, err := strconv.Atoi(code); err != nil { // as a number or as text
			return nil, notJSON(resp)
		}
		if code == "0" && resp.Status < 400 {
			if strings.HasSuffix(resp.Path, "/create-order") && !bytes.Contains(e.Result, []byte(`"order_id"`)) {
				return nil, notJSON(resp)
			}
			first, done, failed := cryptocomItems(resp, e.Result)
			if failed == 0 {
				return payload(e.Result, resp), nil
			}
			code = text(first.Code)
			return nil, batch(done, failed, cryptocomKind(kinds, resp, code), code, first.Message)
		}
		kind := cryptocomKind(kinds, resp, code)
		switch kind {
		case exauth.ErrUnavailable:
			return nil, inDoubt(kind, code, msg)
		case exauth.ErrRejected:
			return nil, definite(kind, code, msg)
		}
		return nil, refused(kind, code, msg)
	}
}

// cryptocomKind is what a code means; 40401 NOT_FOUND is an order only on the
// routes of orders.
func cryptocomKind(kinds map[string]error, resp *exauth.Response, code string) error {
	kind, ok := kinds[code]
	if !ok || code == "40401" && !strings.Contains(resp.Path, "order") {
		return rejection(resp)
	}
	return kind
}

// cryptocomItems counts the orders of a list call: an array of results, or one
// under result_list in v2.
func cryptocomItems(resp *exauth.Response, result json.RawMessage) (first cryptocomItem, done, failed int) {
	if !strings.HasSuffix(resp.Path, "-order-list") || strings.Contains(resp.Path, "/get-") {
		return first, 0, 0
	}
	for _, it := range cryptocomResults(result) {
		if it.Code == nil || text(it.Code) == "0" {
			done++
			continue
		}
		if failed++; failed == 1 {
			first = it
		}
	}
	return first, done, failed
}

// cryptocomCodes is "Response and Reason Codes" of v1 with the five-digit codes of
// v2 beneath. 40101 says only that key or signature is wrong. 40103 and 10003 are
// often filed under authentication. The venue refuses orders with HTTP 500, too:
// those that are plain refusals are listed, so that nobody takes them for a machine
// that broke; a code that is not listed stays in doubt there.
func cryptocomCodes() map[string]error {
	return codes(`
		clock: 40102 10007
		key: 40101 10002
		ip: 40103 10003
		permission: 40104 10005 411 412
		locked: 202 406 408 410
		ratelimited: 42901 10006
		unavailable: 50001 10001 9010001
		unknown: 40801
		funds: 306 321 20002
		rejected: 201 203 206 209 210 211 213 214 215 216 217 218 219 220 221 223 224 225 226
		rejected: 301 302 303 304 305 307 308 309 310 311 312 313 314 315 317 318 319 320 325
		rejected: 401 407 409 415 501 604 605 606 613 614 615 616 617 618 619 1110 43003 43004 43005 120009 130008
		order: 212 316 40401
		duplicate: 204 205 40006 20001`)
}
