package venue

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// Gate is Gate's API v4: spot, margin, unified, futures, delivery, options, earn
// and wallet. HMAC-SHA512 keys.
//
// Sources: gate.com/docs/developers/apiv4/en and Gate's own gateapi-go for which
// POST wants its parameters in the query, read 2026-11.
func Gate() *exauth.Venue {
	return &exauth.Venue{
		Name:         "gate",
		BaseURL:      "https://api.gateio.ws",
		Docs:         "https://www.gate.com/docs/developers/apiv4/en",
		KeyPage:      "https://www.gate.com/myaccount/api_key_manage",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA512},
		Signer:       exauth.UTF8Secret(exauth.HMACSHA512),
		Style:        gateStyle,
		Scheme:       exauth.SchemeFunc(authorizeGate),
		AuthHeaders:  []string{"KEY", "SIGN", "Timestamp"},
		OrderIDs:     orderIDs("text 30 t-"),
		Routes:       gateBatches(gatePrices(gateRoutes())),
		Quotas:       gateQuotas(),
		DefaultPrice: gateDefault(),
		GETReads:     true,
		Answer:       gateAnswer(),
		Ambiguous: map[string][]error{
			"INVALID_KEY": {exauth.ErrKey, exauth.ErrEnvironment},
			"FORBIDDEN":   {exauth.ErrPermission, exauth.ErrIPNotAllowed},
		},
		Clock:    exauth.Clock{Path: "/api/v4/spot/time", Parse: gateTime},
		Probe:    exauth.Call{Method: "GET", Path: "/api/v4/spot/accounts", Params: exauth.Params{{Name: "currency", Value: "USDT"}}},
		KeyCheck: gateKey(),
	}
}

// GateTestnet is Gate's test environment, with keys of its own.
func GateTestnet() *exauth.Venue {
	return in(Gate(), "testnet", "https://api-testnet.gateapi.io")
}

// GateEU is Gate for the European Union. It signs as Gate does, and its derivatives
// are served by Gate's own host; keys belong to one of the two.
func GateEU() *exauth.Venue {
	v := Gate()
	v.Name, v.BaseURL = "gateeu", "https://api.gateeu.com"
	v.Hosts = hosts("https://api.gateio.ws", "/api/v4/futures/ /api/v4/delivery/ /api/v4/options/")
	v.KeyPage = "https://www.gateeu.com/myaccount/api_key_manage"
	return v
}

// gateStyle: GET and DELETE carry a query, the others JSON, but for the POSTs that
// Gate documents with a query.
func gateStyle(method, path string, p exauth.Params) exauth.Style {
	if method == "GET" || method == "DELETE" || method == "POST" && gateQueryPost(path, p) {
		return exauth.StyleQuery
	}
	return exauth.StyleJSON | exauth.StyleEmptyObject
}

// gateQueryPost reports whether a POST carries its parameters in the query: changes
// to one position, and two switches with one parameter each. Changes of the margin
// mode, which are new, use JSON.
func gateQueryPost(path string, p exauth.Params) bool {
	switch path {
	case "/api/v4/margin/auto_repay":
		return onlyParam(p, "status")
	}
	rest, ok := strings.CutPrefix(path, "/api/v4/futures/")
	if !ok {
		rest, ok = strings.CutPrefix(path, "/api/v4/delivery/")
	}
	_, rest, _ = strings.Cut(rest, "/") // the settlement currency
	switch {
	case !ok || strings.HasSuffix(rest, "/cross_mode"):
		return false
	case rest == "set_position_mode":
		return onlyParam(p, "position_mode")
	}
	return strings.HasPrefix(rest, "positions/") || rest == "dual_mode" || strings.HasPrefix(rest, "dual_comp/")
}

func onlyParam(p exauth.Params, name string) bool { return len(p) == 1 && p[0].Name == name }

// authorizeGate signs METHOD, path, query, hash of the body and seconds, one a
// line. The query is sent percent-encoded and signed without.
func authorizeGate(ctx context.Context, r *exauth.Request) error {
	if err := gateAmendment(r); err != nil {
		return err
	}
	if strings.Contains(r.Query, "currencies=") { // lists of currencies keep their commas
		r.Query = strings.ReplaceAll(r.Query, "%2C", ",")
	}
	stamp := seconds(r)
	r.Signed("SHA-512 of this, which goes in as hex", r.Body)
	sum := sha512.Sum512(r.Body)
	var stack [1024]byte
	msg := stack[:0]
	for _, line := range [...]string{r.Method, r.Path, unescaped(r.Query)} {
		msg = append(append(msg, line...), '\n')
	}
	msg = append(hex.AppendEncode(msg, sum[:]), '\n')
	sig, err := signHex(ctx, r, append(msg, stamp...))
	if err != nil {
		return err
	}
	r.SetHeader("Key", r.KeyID())
	r.SetHeader("Timestamp", stamp)
	r.SetHeader("Sign", sig)
	return nil
}

// gateAmendment repeats a PATCH's parameters in the query: Gate documents pair and
// account of an amended order there as well as in the body, and older routes read
// the query only.
func gateAmendment(r *exauth.Request) error {
	if r.Method != "PATCH" || r.Query != "" || !bytes.HasPrefix(r.Body, []byte("{")) {
		return nil
	}
	fields, err := r.Fields()
	if err != nil {
		return err
	}
	q, err := exauth.AppendQuery(nil, fields, exauth.StyleQuery)
	r.AddQuery(string(q))
	return err
}

func gateTime(resp *exauth.Response) (time.Time, error) {
	var t struct {
		Time int64 `json:"server_time"`
	}
	err := json.Unmarshal(resp.Body, &t)
	return time.UnixMilli(t.Time), err
}

// gateCodes is the label table of the documentation by what to do next.
func gateCodes() map[string]error {
	return codes(`
		clock: REQUEST_EXPIRED
		signature: INVALID_SIGNATURE
		key: INVALID_KEY INVALID_CREDENTIALS AUTHENTICATION_FAILED
		ip: IP_FORBIDDEN
		permission: READ_ONLY FORBIDDEN API_WITHDRAW_DISABLED
		locked: ACCOUNT_LOCKED SUB_ACCOUNT_LOCKED
		ratelimited: TOO_MANY_REQUESTS TOO_FAST
		unavailable: TOO_BUSY SERVER_ERROR INTERNAL
		funds: BALANCE_NOT_ENOUGH MARGIN_BALANCE_NOT_ENOUGH FUTURES_BALANCE_NOT_ENOUGH INSUFFICIENT_AVAILABLE
		order: ORDER_NOT_FOUND CLIENT_ID_NOT_FOUND
		duplicate: REPEATED_CREATION`)
}

// gateAnswer reads {"label":"INVALID_KEY","message":"…"}; data has no envelope.
// Batches answer 200 and tell each item's fate.
func gateAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := gateCodes()
	kindOf := func(label string) error { return kinds[label] } // nil: the HTTP status tells
	return func(resp *exauth.Response) ([]byte, error) {
		if resp.Status < 300 {
			if !json.Valid(resp.Body) && len(resp.Body) > 0 { // some deletions answer 204
				return nil, notJSON(resp)
			}
			return resp.Body, gateItems(kindOf, resp)
		}
		var e struct{ Label, Message, Detail string }
		if json.Unmarshal(resp.Body, &e) != nil || e.Label == "" {
			return nil, notJSON(resp)
		}
		return nil, refused(kindOf(e.Label), e.Label, e.Message+e.Detail)
	}
}

// gateItems reads the items of a batch, each with "succeeded".
func gateItems(kindOf func(string) error, resp *exauth.Response) error {
	if resp.Method == "GET" || !bytes.HasPrefix(resp.Body, []byte("[")) {
		return nil
	}
	var items []struct {
		Succeeded              *bool
		Label, Message, Detail string
	}
	if json.Unmarshal(resp.Body, &items) != nil {
		return nil
	}
	done, failed, label, message := 0, 0, "", ""
	for _, it := range items {
		if it.Succeeded == nil || *it.Succeeded {
			done++
		} else if failed++; failed == 1 {
			label, message = it.Label, it.Message+it.Detail
		}
	}
	return batch(done, failed, kindOf(label), label, message)
}
