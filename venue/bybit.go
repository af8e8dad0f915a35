package venue

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// Bybit is Bybit's v5 API: spot, derivatives, options, margin and wallet on one
// host, and the older v3 APIs that sign otherwise. HMAC-SHA256 and RSA keys.
//
// The category parameter says which product an order is for, and with it which
// scope it needs; an order without one needs ScopeTrade.
//
// Sources: bybit-exchange.github.io/docs/v5/guide and …/docs/v5/error, read 2026-11.
func Bybit() *exauth.Venue {
	return &exauth.Venue{
		Name:         "bybit",
		BaseURL:      "https://api.bybit.com",
		Docs:         "https://bybit-exchange.github.io/docs/v5/guide",
		KeyPage:      "https://www.bybit.com/app/user/api-management",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA256, exauth.RSASHA256},
		Signer:       exauth.UTF8Secret(exauth.HMACSHA256),
		Style:        bybitStyle,
		Scheme:       exauth.SchemeFunc(authorizeBybit),
		Reserved:     []string{"api_key", "recv_window", "sign"}, // timestamp is also a parameter of v5 withdrawals
		AuthHeaders:  []string{"X-BAPI-API-KEY", "X-BAPI-SIGN", "X-BAPI-SIGN-TYPE", "X-BAPI-TIMESTAMP", "X-BAPI-RECV-WINDOW"},
		RecvWindow:   5 * time.Second,
		OrderIDs:     orderIDs("orderLinkId 36"),
		Routes:       bybitBatches(bybitPrices(bybitRoutes())),
		Tier:         "default",
		Quotas:       bybitQuotas(10, 10, 20),
		Plans:        bybitPlans(),
		DefaultPrice: bybitDefault(),
		Settle:       bybitSettle,
		Limits:       bybitLimits,
		GETReads:     true,
		Answer:       bybitAnswer(),
		Ambiguous:    map[string][]error{"10003": {exauth.ErrKey, exauth.ErrEnvironment}}, // "API key is invalid", of another host too
		Clock:        exauth.Clock{Path: "/v5/market/time", Parse: bybitTime},
		Probe:        exauth.Call{Method: "GET", Path: "/v5/user/query-api"},
		KeyCheck:     bybitKey(),
		Owner:        ownerOf("userID"),
	}
}

// BybitTestnet is testnet.bybit.com, with keys of its own.
func BybitTestnet() *exauth.Venue {
	return in(Bybit(), "testnet", "https://api-testnet.bybit.com")
}

// BybitDemo is Bybit's demo trading, with keys made while demo trading is on.
func BybitDemo() *exauth.Venue {
	return in(Bybit(), "demo", "https://api-demo.bybit.com")
}

// The APIs of Bybit differ in what is signed and where the signature goes.
type bybitAPI int

const (
	bybitV5      bybitAPI = iota // stamp ++ key ++ window ++ (query or body), in headers
	bybitV3                      // the same for unified and contract v3, with a sign type
	bybitOpenAPI                 // USDC options: stamp ++ key ++ body
	bybitLegacy                  // sorted, unescaped parameters, signed among themselves
)

func bybitAPIOf(path string) bybitAPI {
	switch {
	case strings.Contains(path, "/openapi/"):
		return bybitOpenAPI
	case strings.HasPrefix(path, "/v5/"):
		return bybitV5
	case strings.HasPrefix(path, "/unified/v3/"), strings.HasPrefix(path, "/contract/v3/"):
		return bybitV3
	}
	return bybitLegacy
}

func bybitStyle(method, path string, _ exauth.Params) exauth.Style {
	api := bybitAPIOf(path)
	switch {
	case api == bybitOpenAPI:
		return exauth.StyleJSON | exauth.StyleEmptyObject
	case method == "GET":
		return exauth.StyleQuery | exauth.StyleBrackets
	case api == bybitLegacy && strings.HasPrefix(path, "/spot/"):
		return exauth.StyleForm
	}
	return exauth.StyleJSON | exauth.StyleEmptyObject
}

// authorizeBybit signs the query or body as it is sent.
func authorizeBybit(ctx context.Context, r *exauth.Request) error {
	api := bybitAPIOf(r.Path)
	if api == bybitLegacy {
		return authorizeBybitLegacy(ctx, r)
	}
	if r.Method == "GET" && len(r.Body) > 0 {
		return fmt.Errorf("%w: Bybit refuses a GET with a body", exauth.ErrParam)
	}
	r.SetHeader("X-Bapi-Api-Key", r.KeyID())
	if r.Auth() != exauth.AuthSigned {
		return nil
	}
	stamp := millis(r)
	var stack [1024]byte
	msg := append(append(stack[:0], stamp...), r.KeyID()...)
	r.SetHeader("X-Bapi-Timestamp", stamp)
	if api != bybitOpenAPI {
		window := strconv.FormatInt(r.Window.Milliseconds(), 10)
		msg = append(msg, window...)
		r.SetHeader("X-Bapi-Recv-Window", window)
	}
	if api == bybitV3 {
		r.SetHeader("X-Bapi-Sign-Type", "2")
	}
	if r.Method == "GET" {
		msg = append(msg, r.Query...)
	}
	sig, err := bybitSign(ctx, r, append(msg, r.Body...))
	if err != nil {
		return err
	}
	r.SetHeader("X-Bapi-Sign", sig)
	return nil
}

// bybitSign writes HMACs in hex and RSA signatures in base64.
func bybitSign(ctx context.Context, r *exauth.Request, msg []byte) (string, error) {
	var raw [512]byte
	sig, err := r.Sign(ctx, raw[:0], msg)
	if err != nil {
		return "", err
	}
	if r.Algorithm() == exauth.HMACSHA256 {
		return hex.EncodeToString(sig), nil
	}
	return base64.StdEncoding.EncodeToString(sig), nil
}

// authorizeBybitLegacy adds key, window and stamp to the parameters and signs all
// of them sorted by name and unescaped.
func authorizeBybitLegacy(ctx context.Context, r *exauth.Request) error {
	fields, err := r.Fields()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(fields, func(p exauth.Param) bool { return p.Name == "timestamp" }) {
		return fmt.Errorf("%w: timestamp is set by exauth", exauth.ErrParam)
	}
	window, stamp := r.Window.Milliseconds(), millis(r)
	own := exauth.Params{{Name: "api_key", Value: r.KeyID()}, {Name: "recv_window", Value: json.Number(strconv.FormatInt(window, 10))}, {Name: "timestamp", Value: stamp}}
	all := append(slices.Clone(fields), own...)
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b exauth.Param) int { return comparePairs(percent(a.Name), percent(b.Name)) })
	var msg []byte
	for _, p := range sorted {
		msg = flatValue(msg, p.Name, p.Value, false)
	}
	sig, err := bybitSign(ctx, r, msg)
	if err != nil {
		return err
	}
	return bybitLegacyWire(r, own, sorted, sig)
}

// bybitLegacyWire writes the signed parameters back to where the caller's were.
func bybitLegacyWire(r *exauth.Request, own, sorted exauth.Params, sig string) error {
	signed := append(slices.Clone(own), exauth.Param{Name: "sign", Value: sig})
	switch {
	case r.Method == "GET":
		q, err := exauth.AppendQuery(nil, sorted, exauth.StyleBrackets)
		r.Query = string(q) + "&sign=" + url.QueryEscape(sig)
		return err
	case strings.HasPrefix(r.Path, "/spot/"):
		var err error
		r.Body, err = exauth.AppendQuery(r.Body, signed, 0)
		r.SetHeader("Content-Type", "application/x-www-form-urlencoded")
		return err
	}
	tail, err := exauth.AppendJSON(nil, signed, 0)
	if err != nil || len(r.Body) < 2 || r.Body[len(r.Body)-1] != '}' {
		return fmt.Errorf("%w: Bybit takes a JSON object here", exauth.ErrParam)
	}
	if body := bytes.TrimSpace(r.Body[:len(r.Body)-1]); len(body) > 1 {
		tail[0] = ','
		r.Body = append(body, tail...)
	} else {
		r.Body = tail
	}
	return nil
}

func bybitTime(resp *exauth.Response) (time.Time, error) {
	var t struct{ Result struct{ TimeNano string } }
	if err := json.Unmarshal(resp.Body, &t); err != nil {
		return time.Time{}, err
	}
	ns, err := strconv.ParseInt(t.Result.TimeNano, 10, 64)
	return time.Unix(0, ns), err
}

// bybitAnswer peels {"retCode","retMsg","result","retExtInfo","time"}. Batches
// answer retCode 0 and tell the fate of each order in retExtInfo.
func bybitAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := bybitCodes()
	return func(resp *exauth.Response) ([]byte, error) {
		var e struct {
			RetCode    json.RawMessage
			RetMsg     string
			Result     json.RawMessage
			RetExtInfo json.RawMessage
			OldCode    json.RawMessage `json:"ret_code"` // v2 and the first v3
			OldMsg     string          `json:"ret_msg"`
		}
		if json.Unmarshal(resp.Body, &e) != nil || e.RetCode == nil && e.OldCode == nil {
			return nil, bybitPage(resp)
		}
		if e.RetCode == nil {
			e.RetCode, e.RetMsg = e.OldCode, e.OldMsg
		}
		code, msg := text(e.RetCode), e.RetMsg
		if code == "0" && resp.Status < 400 {
			first, failed, total := bybitItems(e.RetExtInfo)
			switch {
			case failed == 0:
				return payload(e.Result, resp), nil
			case failed < total:
				return nil, refused(exauth.ErrPartial, text(first.Code), first.Msg)
			}
			code, msg = text(first.Code), first.Msg
		}
		kind, ok := kinds[code]
		switch {
		case !ok:
			kind = rejection(resp)
		case kind == exauth.ErrUnavailable: // "internal error": nobody says how far the call got
			return nil, inDoubt(kind, code, msg)
		}
		return nil, refused(kind, code, msg)
	}
}

// bybitItem is the fate of one order of a batch.
type bybitItem struct {
	Code json.RawMessage
	Msg  string
}

// bybitItems counts the orders of a batch and returns the first that failed.
func bybitItems(info json.RawMessage) (first bybitItem, failed, total int) {
	var ext struct{ List []bybitItem }
	if len(info) < 3 || json.Unmarshal(info, &ext) != nil {
		return first, 0, 0
	}
	for _, it := range ext.List {
		if it.Code != nil && text(it.Code) != "0" {
			if failed++; failed == 1 {
				first = it
			}
		}
	}
	return first, failed, len(ext.List)
}

// bybitPage is for answers without a return code. A 403 is the address limit, for
// ten minutes, unless the network in front of Bybit blocks the caller's country.
func bybitPage(resp *exauth.Response) error {
	switch {
	case resp.Status != 403:
		return notJSON(resp)
	case bytes.Contains(resp.Body, []byte("country")), bytes.Contains(resp.Body, []byte("region")):
		return refused(exauth.ErrPermission, "", "refused for the caller's country or region (HTTP 403)")
	}
	return &exauth.Error{Kind: exauth.ErrBanned, Message: "too many calls from this address (HTTP 403)", RetryAfter: 10 * time.Minute}
}

// bybitCodes is the error page of the documentation by what to do next: 110xxx are
// derivatives, 170xxx spot, 131xxx transfers and withdrawals, 175xxx and 176xxx
// margin. 10000, 10009, 110072 and 170141 are often filed under other causes.
func bybitCodes() map[string]error {
	return codes(`
		clock: 10002 -1021
		signature: 10004
		key: 10003 10007            # 10003 also a key of another environment
		expired: 33004 -2015
		environment: 10032          # not supported in demo trading
		ip: 10010
		permission: 10005 10020 10024 10028 10029 100028 110065 110067 110068 110069 170201 170209 170224 175010 176035 176036 176037 30011 30012 30013
		locked: 10008 10027
		ratelimited: 10006 10018 10429 170005 170222 30033 30035
		banned: 10009
		unavailable: 10016 131003 131200 131201 170001 170032
		unknown: 10000 170007       # timeouts
		funds: 110004 110006 110007 110012 110014 110044 110045 110051 110052 110053 130021 131001 131085 131212 140004 140006 140007 140012 140014 140044 140045 140051 140052 140053
		funds: 170033 170034 170131 170223 170226 175003 175006 176015 30010 30031 30042 30049 30067 3200300
		order: 110001 110008 110010 140001 140008 140010 170139 170142 170143 170213 20001 30034
		duplicate: 110072 140072 170141 131214`)
}
