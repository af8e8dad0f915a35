package venue

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// OKX is OKX's v5 API: spot, margin, swaps, futures, options, funding and its
// products on one host. HMAC-SHA256 keys with an API passphrase. One order route
// serves every product and the instrument decides, so orders need ScopeTrade.
//
// Timestamps are good for 30 seconds and there is no receive window; an order's
// deadline is OKX's expTime header, which Do sets unless the caller does.
//
// Source: www.okx.com/docs-v5/en, sections Overview and REST Authentication, read 2026-11.
func OKX() *exauth.Venue {
	return &exauth.Venue{
		OrderIDs:     orderIDs("clOrdId 32, algoClOrdId 32"),
		Name:         "okx",
		BaseURL:      "https://www.okx.com",
		Docs:         "https://www.okx.com/docs-v5/en/",
		KeyPage:      "https://www.okx.com/account/my-api",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA256},
		Signer:       exauth.UTF8Secret(exauth.HMACSHA256),
		Passphrase:   true,
		Style:        okxStyle,
		Scheme:       exauth.SchemeFunc(authorizeOKX),
		AuthHeaders:  []string{"OK-ACCESS-KEY", "OK-ACCESS-SIGN", "OK-ACCESS-TIMESTAMP", "OK-ACCESS-PASSPHRASE", "x-simulated-trading"},
		Routes:       okxBatches(okxPrices(okxRoutes())),
		Quotas:       okxQuotas(),
		DefaultPrice: okxDefault(),
		Settle:       okxSettle,
		Limits:       okxLimits,
		GETReads:     true,
		Deadline:     5 * time.Second,
		Lookup:       exauth.Lookup{Ask: okxAsk, Find: okxFind, Until: okxUntil, Lag: time.Second, Keeps: 2 * time.Hour},
		Answer:       okxAnswer(),
		Ambiguous:    map[string][]error{"50119": {exauth.ErrKey, exauth.ErrEnvironment}}, // "API key doesn't exist", of another region's host too
		Clock:        exauth.Clock{Path: "/api/v5/public/time", Parse: okxTime},
		Probe:        exauth.Call{Method: "GET", Path: "/api/v5/account/config"},
		KeyCheck:     okxKey(),
		Owner:        ownerOf("uid"),
	}
}

// OKXDemo is OKX's demo trading: the same host, a header that says so, and keys
// made for it.
func OKXDemo() *exauth.Venue {
	v := OKX()
	v.Environment = "demo"
	v.Header = [][2]string{{"x-simulated-trading", "1"}}
	return v
}

func okxStyle(method, _ string, _ exauth.Params) exauth.Style {
	if method == "GET" {
		return exauth.StyleQuery
	}
	return exauth.StyleJSON
}

// authorizeOKX signs timestamp ++ METHOD ++ path[?query] ++ body. The timestamp
// has exactly three digits of milliseconds, in the header as in the signed text.
func authorizeOKX(ctx context.Context, r *exauth.Request) error {
	r.SetHeader("Ok-Access-Key", r.KeyID())
	if r.Auth() != exauth.AuthSigned {
		return nil
	}
	if !r.Deadline.IsZero() && (r.Path == okxPlace || r.Path == okxPlaceAll) && r.Header.Get("expTime") == "" {
		r.SetHeader("expTime", strconv.FormatInt(r.Deadline.UnixMilli(), 10))
	}
	stamp := iso(r.Time)
	var stack [1024]byte
	msg := append(append(stack[:0], stamp...), r.Method...)
	msg = append(append(msg, r.RequestURI()...), r.Body...)
	sig, err := signBase64(ctx, r, msg)
	if err != nil {
		return err
	}
	r.SetHeader("Ok-Access-Timestamp", stamp)
	r.SetHeader("Ok-Access-Passphrase", r.Passphrase())
	r.SetHeader("Ok-Access-Sign", sig)
	return nil
}

func okxTime(resp *exauth.Response) (time.Time, error) {
	var t struct {
		Data [1]struct{ TS string }
	}
	if err := json.Unmarshal(resp.Body, &t); err != nil {
		return time.Time{}, err
	}
	ms, err := strconv.ParseInt(t.Data[0].TS, 10, 64)
	return time.UnixMilli(ms), err
}

// okxItem is the fate of one operation: orders carry it also when there is only one.
type okxItem struct{ SCode, SMsg string }

// okxAnswer peels {"code","msg","data":[…]}. Code 1 means that every operation
// failed and 2 that some did; the reasons are in the items.
func okxAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := okxCodes()
	return func(resp *exauth.Response) ([]byte, error) {
		var e struct {
			Code json.RawMessage
			Msg  string
			Data json.RawMessage
		}
		if json.Unmarshal(resp.Body, &e) != nil || !digits(text(e.Code)) {
			return nil, notJSON(resp)
		}
		code, msg := text(e.Code), e.Msg
		if code == "0" && resp.Status < 400 && resp.Method == "POST" && resp.Path == okxPlace && !acknowledged(resp, "ordId", `"`) {
			return nil, noAck()
		}
		if code == "0" && resp.Status < 400 && !bytes.Contains(e.Data, []byte(`"sCode"`)) {
			return payload(e.Data, resp), nil
		}
		item, failed, total := okxItems(e.Data)
		switch {
		case failed > 0 && failed < total:
			return nil, refused(exauth.ErrPartial, item.SCode, item.SMsg)
		case failed > 0:
			code, msg = item.SCode, item.SMsg
		case code == "0" && resp.Status < 400:
			return payload(e.Data, resp), nil
		case code == "2":
			return nil, refused(exauth.ErrPartial, code, msg)
		}
		kind, ok := kinds[code]
		if !ok {
			kind = rejection(resp)
		}
		if code == "50026" { // "system error": nobody says how far the call got
			return nil, inDoubt(kind, code, msg)
		}
		return nil, refused(kind, code, msg)
	}
}

// digits reports a code that can be one.
func digits(code string) bool {
	return code != "" && !strings.ContainsFunc(code, func(r rune) bool { return r < '0' || r > '9' })
}

// okxItems counts the operations of an answer and returns the first that failed.
func okxItems(data json.RawMessage) (first okxItem, failed, total int) {
	var items []okxItem
	if json.Unmarshal(data, &items) != nil { // some routes answer one object
		items = make([]okxItem, 1)
		if json.Unmarshal(data, &items[0]) != nil {
			return first, 0, 0
		}
	}
	for _, it := range items {
		if it.SCode != "" && it.SCode != "0" {
			if failed++; failed == 1 {
				first = it
			}
		}
	}
	return first, failed, len(items)
}

// okxCodes is the error-code section of the documentation by what to do next.
// 50112, 50100, 50061 and 51016 are often filed under other causes.
func okxCodes() map[string]error {
	return codes(`
		clock: 50102 50107 50112
		clock: 50036 # expTime has passed: nothing was done; the deadline is ours and by our idea of the venue's clock
		signature: 50106 50113
		passphrase: 50104 50105
		key: 50103 50111 50119
		expired: 50100             # the key is frozen
		environment: 50101 50038
		ip: 50110
		permission: 50030 50034 50035 50114 50120 51411 51773 58355 59260 59262 59500 59604
		locked: 50007 50009 50012 50019 50022 50027 51009 51024 58004 58101 58204 59508
		ratelimited: 50011 50040 50061 51113 58102
		unavailable: 50001 50005 50013 50026 51054 51767 51774 52910 52911 52923 58120
		unknown: 50004 51149 52912 # timeouts: "does not mean that the request was successful or failed"
		funds: 51008 51119 51127 51131 51502 51736 51764 51772 52916 52918 58350 59103 59108 59200 59201 59411
		order: 51400 51401 51402 51405 51503 51509 51510 51603 52907
		duplicate: 51011 51016 51065 52909 56003 70101 70301`)
}
