package venue

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// LBank is LBank spot (forms, /v2/….do) and contracts (JSON, /cfd/…, on a host of
// their own). HMAC-SHA256 secrets have 32 characters; a longer one is an RSA key,
// PKCS #8 in base64 without the PEM lines, as the venue hands it out. A PEM is
// taken as well.
//
// Nearly everything private is a POST, queries included, so the routes tell what a
// call may do.
//
// Sources: www.lbank.com/en-US/docs/index.html and …/docs/contract.html,
// github.com/LBank-exchange/lbank-official-api-docs "Error Code", read 2026-11.
func LBank() *exauth.Venue {
	return &exauth.Venue{
		Name:         "lbank",
		BaseURL:      "https://api.lbank.info",
		Hosts:        []exauth.Host{{Prefix: "/cfd/", URL: "https://lbkperp.lbank.com"}},
		Docs:         "https://www.lbank.com/en-US/docs/index.html",
		KeyPage:      "https://www.lbank.com/",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA256, exauth.RSASHA256},
		Signer:       lbankSigner,
		Style:        lbankStyle,
		Scheme:       exauth.SchemeFunc(authorizeLBank),
		Reserved:     []string{"api_key", "sign", "echostr", "timestamp", "signature_method"},
		AuthHeaders:  []string{"echostr", "timestamp", "signature_method"},
		Routes:       lbankPrices(lbankRoutes()),
		Quotas:       lbankQuotas(),
		DefaultCosts: []exauth.Cost{{Quota: "CALLS", N: 1}},
		Answer:       lbankAnswer(),
		Clock:        exauth.Clock{Path: "/v2/timestamp.do", Parse: lbankTime},
		Probe:        exauth.Call{Method: "POST", Path: "/v2/supplement/user_info.do"},
	}
}

// lbankSecret is the length of the venue's HMAC secrets.
const lbankSecret = 32

// lbankSigner tells the two kinds of secrets apart.
func lbankSigner(secret []byte) (exauth.Signer, error) {
	if len(secret) <= lbankSecret {
		return exauth.UTF8Secret(exauth.HMACSHA256)(secret)
	}
	der := make([]byte, base64.StdEncoding.DecodedLen(len(secret)))
	defer clear(der)
	n, err := base64.StdEncoding.Strict().Decode(der, secret)
	if err == nil {
		var key any
		if key, err = x509.ParsePKCS8PrivateKey(der[:n]); err == nil {
			if priv, ok := key.(*rsa.PrivateKey); ok {
				return exauth.NewSigner(exauth.RSASHA256, priv)
			}
			return nil, fmt.Errorf("%w: lbank takes RSA private keys, this is of another kind", exauth.ErrKey)
		}
	}
	if bytes.HasPrefix(secret, []byte("MI")) { // how base64 of a DER structure of some size begins
		return nil, fmt.Errorf("%w: secret looks like an RSA key but is not PKCS #8 in base64; copy it again, or convert it with openssl pkcs8 -topk8 -nocrypt", exauth.ErrKey)
	}
	return exauth.UTF8Secret(exauth.HMACSHA256)(secret)
}

func lbankStyle(method, path string, _ exauth.Params) exauth.Style {
	switch {
	case method == http.MethodGet:
		return exauth.StyleQuery
	case strings.HasPrefix(path, "/cfd/"):
		return exauth.StyleJSON | exauth.StyleEmptyObject
	}
	return exauth.StyleForm
}

// authorizeLBank signs the upper-case MD5 of all parameters, decoded and sorted by
// name. Three of them travel in headers and are signed nevertheless.
func authorizeLBank(ctx context.Context, r *exauth.Request) error {
	method := "HmacSHA256"
	if r.Algorithm() == exauth.RSASHA256 {
		method = "RSA"
	}
	echo, stamp := r.RandomHex(19), millis(r) // 30 to 40 letters and digits
	own := []member{{"api_key", quoted(r.KeyID())}}
	inHeader := []member{{"echostr", quoted(echo)}, {"signature_method", quoted(method)}, {"timestamp", quoted(stamp)}}
	var err error
	switch {
	case r.Method == http.MethodGet:
		r.Query, err = lbankPairs(ctx, r, r.Query, own, inHeader)
	case len(r.Body) > 0 && r.Body[0] == '{':
		r.Body, err = lbankObject(ctx, r, own, inHeader)
	default:
		var form string
		form, err = lbankPairs(ctx, r, string(r.Body), own, inHeader)
		r.Body = []byte(form)
		r.SetHeader("Content-Type", "application/x-www-form-urlencoded")
	}
	r.SetHeader("Echostr", echo)
	r.SetHeader("Timestamp", stamp)
	r.SetHeader("Signature_method", method)
	return err
}

// lbankPairs adds own and the signature to a query or form.
func lbankPairs(ctx context.Context, r *exauth.Request, raw string, own, inHeader []member) (string, error) {
	ours, err := flat(nil, own, true)
	if err != nil {
		return "", err
	}
	if raw != "" {
		raw += "&"
	}
	raw += string(ours)
	all, err := flat([]byte(raw), inHeader, true)
	if err != nil {
		return "", err
	}
	text, err := plain(sortPairs(string(all)))
	if err != nil {
		return "", err
	}
	sig, err := lbankSign(ctx, r, text)
	if err != nil {
		return "", err
	}
	return sortPairs(raw + "&sign=" + percent(sig)), nil
}

// lbankObject adds own and the signature to a JSON body.
func lbankObject(ctx context.Context, r *exauth.Request, own, inHeader []member) ([]byte, error) {
	ms, err := members(r.Body)
	if err != nil {
		return nil, err
	}
	if err = without(ms, "api_key", "sign", "echostr", "signature_method", "timestamp"); err != nil {
		return nil, err
	}
	ms = append(ms, own...)
	all := sorted(append(append([]member(nil), ms...), inHeader...))
	text, err := flat(nil, all, false)
	if err != nil {
		return nil, err
	}
	sig, err := lbankSign(ctx, r, string(text))
	if err != nil {
		return nil, err
	}
	return object(append(ms, member{"sign", quoted(sig)}))
}

// lbankSign signs MD5 in upper-case hex: HMAC as hex, RSA as base64.
func lbankSign(ctx context.Context, r *exauth.Request, text string) (string, error) {
	r.Signed("MD5 of this, in upper-case hex", []byte(text))
	sum, err := md5Hex([]byte(text), nil)
	if err != nil {
		return "", err
	}
	var raw [512]byte
	sig, err := r.Sign(ctx, raw[:0], []byte(strings.ToUpper(sum)))
	if err != nil {
		return "", err
	}
	if r.Algorithm() == exauth.RSASHA256 {
		return base64.StdEncoding.EncodeToString(sig), nil
	}
	return hex.EncodeToString(sig), nil
}

func lbankTime(resp *exauth.Response) (time.Time, error) {
	var t struct{ Data int64 }
	err := json.Unmarshal(resp.Body, &t)
	return time.UnixMilli(t.Data), err
}

// lbankAnswer peels {"result":"true","data":…,"error_code":0,"ts":…}. result is a
// word or a boolean; contracts say "success" as well.
func lbankAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := codes(`
		key: 10005 10006
		signature: 10002 10007
		clock: 10600
		nonce: 10031
		ratelimited: 10004
		permission: 10022 10024 10100
		funds: 10014 10016
		order: 10025 10026
		duplicate: 10036
		unavailable: 10028 10601
		unknown: 10000 10017`)
	return func(resp *exauth.Response) ([]byte, error) {
		var e struct {
			Result  json.RawMessage
			Success *bool
			Data    json.RawMessage
			Code    json.RawMessage `json:"error_code"`
			Msg     string
		}
		if json.Unmarshal(resp.Body, &e) != nil || e.Result == nil && e.Success == nil && e.Code == nil {
			return nil, notJSON(resp)
		}
		code := text(e.Code)
		ok := (e.Result == nil || text(e.Result) == "true") && (e.Success == nil || *e.Success)
		if !ok || resp.Status >= 400 || code != "" && code != "0" && code != "null" {
			return nil, refused(kinds[code], code, e.Msg)
		}
		if strings.HasSuffix(resp.Path, "/batch_create_order.do") || resp.Path == "/v2/cancel_order.do" {
			if err := lbankPartly(e.Data, kinds); err != nil {
				return nil, err
			}
		}
		if e.Data == nil {
			return resp.Body, nil
		}
		return e.Data, nil
	}
}

// lbankPartly reads the fate of each order: a list with a result per item, or, for
// cancels by id, {"success":"id,id","error":"id"}.
func lbankPartly(data json.RawMessage, kinds map[string]error) error {
	var ids struct{ Success, Error string }
	if json.Unmarshal(data, &ids) == nil && ids.Error != "" {
		if ids.Success != "" {
			return refused(exauth.ErrPartial, "error", "some orders were not cancelled")
		}
		return refused(exauth.ErrRejected, "error", "no order was cancelled")
	}
	var items []struct {
		Result json.RawMessage
		Code   json.RawMessage `json:"error_code"`
	}
	if json.Unmarshal(data, &items) != nil {
		return nil
	}
	failed, code := 0, ""
	for _, it := range items {
		if it.Result != nil && text(it.Result) != "true" {
			if failed++; failed == 1 {
				code = text(it.Code)
			}
		}
	}
	switch {
	case failed == 0:
		return nil
	case failed < len(items):
		return refused(exauth.ErrPartial, code, "some orders were refused")
	}
	return refused(kinds[code], code, "every order was refused")
}
