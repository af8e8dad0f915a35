package venue

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// HTX is HTX (Huobi) spot and margin, with coin-margined futures, coin-margined
// swaps and USDT-margined contracts on a host of their own. HMAC-SHA256 keys.
//
// The signature covers the host, so a call must be signed for the host it goes to;
// Venue.At changes both. The body of a POST is not signed at this venue.
//
// "/market/…" paths are served by both hosts; plain ones go to spot.
//
// Sources: htx.com/en-us/opend/newApiPages, "Signature" and "Error codes" of the
// spot and the three contract documents, read 2026-11.
func HTX() *exauth.Venue {
	return &exauth.Venue{
		Name:         "htx",
		BaseURL:      "https://api.huobi.pro",
		Hosts:        htxHosts(),
		Docs:         "https://www.htx.com/en-us/opend/newApiPages/",
		KeyPage:      "https://www.htx.com/en-us/apikey/",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA256},
		Signer:       exauth.UTF8Secret(exauth.HMACSHA256),
		Style:        htxStyle,
		Scheme:       exauth.SchemeFunc(authorizeHTX),
		Reserved:     []string{"AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp", "Signature"},
		OrderIDs:     orderIDs("client-order-id 64, clientOrderId 64"),
		Routes:       htxPrices(htxRoutes()),
		Quotas:       htxQuotas(),
		DefaultPrice: htxDefault(),
		GETReads:     true,
		Answer:       htxAnswer(),
		Clock:        exauth.Clock{Path: "/v1/common/timestamp", Parse: htxTime},
		Probe:        exauth.Call{Method: "GET", Path: "/v1/account/accounts"},
	}
}

// htxHosts: of origins that claim the same paths the first one gets plain paths,
// the others are for callers that name them.
func htxHosts() []exauth.Host {
	const contracts = `/api/v1/ /api/v3/ /swap-api/ /swap-ex/ /v2/swap-ex/ /linear-swap-api/ /linear-swap-ex/ /v2/linear-swap-ex/
		/index/market/ /heartbeat /v5/ /api/v6/`
	return slices.Concat(
		hosts("https://api.hbdm.com", contracts),
		hosts("https://api.hbdm.vn", "/linear-swap-api/"),
		hosts("https://api.btcgateway.pro", "/linear-swap-api/"),
		hosts("https://api.huobi.pro", "/v1/"),
		hosts("https://api-aws.huobi.pro", "/v1/"),
	)
}

func htxStyle(method, _ string, _ exauth.Params) exauth.Style {
	if method == "POST" {
		return exauth.StyleJSON | exauth.StyleEmptyObject
	}
	return exauth.StyleQuery | exauth.StyleSorted
}

// authorizeHTX puts the key and the time among the parameters, sorts all by name,
// and signs METHOD, host, path and that query, one a line.
func authorizeHTX(ctx context.Context, r *exauth.Request) error {
	pairs := []string{
		"AccessKeyId=" + url.QueryEscape(r.KeyID()),
		"SignatureMethod=HmacSHA256",
		"SignatureVersion=2",
		"Timestamp=" + url.QueryEscape(r.Time.UTC().Format("2006-01-02T15:04:05")),
	}
	if r.Query != "" {
		pairs = append(pairs, strings.Split(r.Query, "&")...)
	}
	// By the whole parameter's name: items of one array stay in their order.
	slices.SortStableFunc(pairs, func(a, b string) int { return strings.Compare(htxName(a), htxName(b)) })
	query := strings.Join(pairs, "&")
	sig, err := signBase64(ctx, r, []byte(r.Method+"\n"+strings.ToLower(r.Host)+"\n"+r.Path+"\n"+query))
	if err != nil {
		return err
	}
	r.Query = query + "&Signature=" + url.QueryEscape(sig)
	return nil
}

func htxName(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	name, _, _ = strings.Cut(name, "%5B")
	return unescaped(name)
}

func htxTime(resp *exauth.Response) (time.Time, error) {
	var t struct{ Data int64 }
	err := json.Unmarshal(resp.Body, &t)
	return time.UnixMilli(t.Data), err
}

// htxEnvelope is every shape HTX answers in: v1 and contracts say status, v2 and
// newer contract routes say code.
type htxEnvelope struct {
	Status  string
	ErrCode json.RawMessage `json:"err-code"`
	ErrMsg  string          `json:"err-msg"`
	Err     json.RawMessage `json:"err_code"`
	Why     string          `json:"err_msg"`
	Code    json.RawMessage
	Message string
	Msg     string
	Data    json.RawMessage
	Tick    json.RawMessage
}

// failure returns the code and the text of an error, or ok.
func (e *htxEnvelope) failure() (code, message string, ok bool) {
	switch {
	case e.Status == "error" && e.ErrCode != nil:
		return text(e.ErrCode), e.ErrMsg, false
	case e.Status == "error":
		return text(e.Err), e.Why, false
	case e.Status == "ok" || e.Code == nil:
		return "", "", true
	}
	code = text(e.Code)
	return code, e.Message + e.Msg, code == "200" || code == "0"
}

// htxAnswer peels data, or tick for market data. Errors come with HTTP 200.
func htxAnswer() func(*exauth.Response) ([]byte, error) {
	common := codes(`
		signature: api-signature-not-valid api-signature-check-failed
		key: login-required
		permission: api-not-support-temp-addr forbidden-trade-for-open-protect
		ip: invalid-ip
		ratelimited: rate-too-many-requests base-request-exceed-frequency-limit too-many-requests
		unavailable: gateway-internal-error system-maintenance
		unknown: timeout order-update-error
		funds: account-frozen-balance-insufficient-error dw-insufficient-balance account-balance-insufficient-error
		order: order-orderstate-error order-queryorder-invalid base-record-invalid
		locked: account-frozen`)
	v2 := codes(`
		permission: 1002
		signature: 1003
		ratelimited: 4000
		unavailable: 500`)
	contracts := codes(`
		key: 403
		unavailable: 1000 1001 1002 1004
		ratelimited: 1032
		permission: 1220
		funds: 1047 1048
		order: 1017 1061`)
	kindOf := func(path, code, msg string) error {
		own := contracts
		if strings.HasPrefix(path, "/v2/") {
			own = v2
		}
		kind, ok := own[code]
		if !ok {
			kind = common[code]
		}
		return htxKind(kind, msg)
	}
	return func(resp *exauth.Response) ([]byte, error) {
		var e htxEnvelope
		if json.Unmarshal(resp.Body, &e) != nil {
			return nil, notJSON(resp)
		}
		code, msg, ok := e.failure()
		switch {
		case code == "gateway-internal-error": // inside a 200, and behind the gateway an order may have been placed
			return nil, inDoubt(exauth.ErrUnavailable, code, msg)
		case !ok:
			return nil, refused(kindOf(resp.Path, code, msg), code, msg)
		case resp.Status >= 400:
			return nil, notJSON(resp)
		}
		payload := resp.Body
		for _, part := range [2]json.RawMessage{e.Data, e.Tick} {
			if part != nil {
				payload = part
				break
			}
		}
		return payload, htxItems(kindOf, resp, payload)
	}
}

// htxKind looks at the text where one code stands for several reasons.
func htxKind(kind error, msg string) error {
	msg = strings.ToLower(msg)
	if kind == exauth.ErrSignature {
		switch {
		case strings.Contains(msg, "access key"):
			return exauth.ErrKey
		case strings.Contains(msg, "no permission"):
			return exauth.ErrPermission
		case strings.Contains(msg, "timestamp"):
			return exauth.ErrClock
		case strings.Contains(msg, "ip address"):
			return exauth.ErrIPNotAllowed
		case strings.Contains(msg, "expired"):
			return exauth.ErrKeyExpired
		}
	}
	if kind != nil {
		return kind
	}
	switch {
	case containsAny(msg, "client order id", "client-order-id", "client_order_id") && containsAny(msg, "duplicat", "repeat"):
		return exauth.ErrDuplicateOrder
	case strings.Contains(msg, "maintain"):
		return exauth.ErrUnavailable
	}
	return nil // the HTTP status tells
}

// htxFate is one item of a batch.
type htxFate struct {
	ErrCode json.RawMessage `json:"err-code"`
	ErrMsg  string          `json:"err-msg"`
	Err     json.RawMessage `json:"err_code"`
	Why     string          `json:"err_msg"`
}

// htxItems reads the fates inside a batch: an array whose items may have an error
// code, or an object that lists what failed beside what was done.
func htxItems(kindOf func(path, code, msg string) error, resp *exauth.Response, data json.RawMessage) error {
	if resp.Method == "GET" || !htxBatch(resp.Path) {
		return nil
	}
	var lists struct {
		Success, Accepted []json.RawMessage
		Successes         string
		Failed, Errors    []htxFate
		Rejected          []json.RawMessage
		Done              int `json:"success-count"`
		Undone            int `json:"failed-count"`
	}
	var items, bad []htxFate
	done := 0
	if json.Unmarshal(data, &items) == nil {
		for _, it := range items {
			if it.ErrCode == nil && it.Err == nil {
				done++
			} else {
				bad = append(bad, it)
			}
		}
	} else if json.Unmarshal(data, &lists) == nil {
		bad = append(lists.Failed, lists.Errors...)
		done = len(lists.Success) + len(lists.Accepted) + lists.Done
		if lists.Successes != "" {
			done++
		}
	}
	code, msg := "", ""
	if len(bad) > 0 {
		code, msg = text(bad[0].ErrCode)+text(bad[0].Err), bad[0].ErrMsg+bad[0].Why
	}
	return batch(done, len(bad)+len(lists.Rejected)+lists.Undone, kindOf(resp.Path, code, msg), code, msg)
}

// htxBatch reports whether a route answers item by item.
func htxBatch(path string) bool {
	return containsAny(path, "/batch", "_batchorder", "cancel", "/algo-orders/")
}
