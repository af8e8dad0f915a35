package venue

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// BtcTurk is BtcTurk | Kripto: spot. HMAC-SHA256 keys, written in base64.
//
// The signature covers the key and the time only, nothing of the request: who
// sees one request's headers may send any other for the five seconds that the
// venue allows a stamp to be off. Give its keys an address list at the venue.
//
// Sources: docs.btcturk.com, "Authentication V1", "Errors", "FAQ", read 2026-11.
func BtcTurk() *exauth.Venue {
	return &exauth.Venue{
		Name:         "btcturk",
		BaseURL:      "https://api.btcturk.com",
		Hosts:        []exauth.Host{{Prefix: "/v1/", URL: "https://graph-api.btcturk.com"}},
		Docs:         "https://docs.btcturk.com/authentication/authentication-v1",
		KeyPage:      "https://docs.btcturk.com/api-access-permissions",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA256},
		Signer:       exauth.Base64Secret(exauth.HMACSHA256),
		Style:        btcturkStyle,
		Scheme:       exauth.SchemeFunc(authorizeBtcTurk),
		AuthHeaders:  []string{"X-PCK", "X-Stamp", "X-Signature"},
		OrderIDs:     map[string]exauth.OrderID{"newOrderClientId": {UUID: true}},
		Routes:       btcturkPrices(btcturkRoutes()),
		Quotas:       btcturkQuotas(),
		DefaultPrice: btcturkDefault(),
		GETReads:     true,
		Answer:       btcturkAnswer(),
		Clock:        exauth.Clock{Path: "/api/v2/server/time", Parse: btcturkTime},
		Probe:        exauth.Call{Method: "GET", Path: "/api/v1/users/balances"},
	}
}

func btcturkStyle(method, _ string, _ exauth.Params) exauth.Style {
	if method == "GET" || method == "DELETE" {
		return exauth.StyleQuery
	}
	return exauth.StyleJSON | exauth.StyleEmptyObject
}

// authorizeBtcTurk signs key ++ time.
func authorizeBtcTurk(ctx context.Context, r *exauth.Request) error {
	stamp := millis(r)
	sig, err := signBase64(ctx, r, append(append(r.Buffer(), r.KeyID()...), stamp...))
	if err != nil {
		return err
	}
	r.SetHeader("X-Pck", r.KeyID())
	r.SetHeader("X-Stamp", stamp)
	r.SetHeader("X-Signature", sig)
	return nil
}

func btcturkTime(resp *exauth.Response) (time.Time, error) {
	var t struct{ ServerTime int64 }
	err := json.Unmarshal(resp.Body, &t)
	return time.UnixMilli(t.ServerTime), err
}

// btcturkAnswer peels {"data":…,"success":true,"message":…,"code":0}. The number
// says little; the message names the reason.
func btcturkAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := codes(`
		funds: BALANCE_NOT_ENOUGH FAILED_ORDER_WITH_OPEN_ORDERS
		rejected: FAILED_ORDER_PARAMETER FAILED_MIN_TOTAL_AMOUNT FAILED_LIMIT_ORDER FAILED_MARKET_ORDER`)
	return func(resp *exauth.Response) ([]byte, error) {
		body := strings.TrimSpace(string(resp.Body))
		if strings.HasPrefix(body, "[") && resp.Status < 400 {
			return resp.Body, nil // the chart host answers with bare lists
		}
		var e struct {
			Data    json.RawMessage
			Success *bool
			Message *string
			Code    json.RawMessage
		}
		if json.Unmarshal(resp.Body, &e) != nil {
			return nil, notJSON(resp)
		}
		code, message := text(e.Code), ""
		if e.Message != nil {
			message = *e.Message
		}
		fine := code == "" || code == "0" || code == "null" || code == "SUCCESS"
		switch {
		case resp.Status < 400 && fine && (e.Success == nil || *e.Success):
			if e.Data == nil {
				return resp.Body, nil // the time, and what the chart host says
			}
			return e.Data, nil
		case fine:
			code = ""
		}
		if code == "" && resp.Status < 400 {
			code = message // a refusal without a number is still the venue's own word
		}
		return nil, refused(btcturkKind(kinds, resp.Status, message), code, message)
	}
}

// btcturkKind reads the message; those of a 401 are listed in the venue's FAQ.
func btcturkKind(kinds map[string]error, status int, message string) error {
	switch {
	case kinds[message] != nil:
		return kinds[message]
	case strings.Contains(message, "Invalid Nonce"), strings.Contains(message, "Invalid Stamp"):
		return exauth.ErrClock
	case strings.Contains(message, "Invalid Signature"):
		return exauth.ErrSignature
	case status == 401:
		return exauth.ErrKey // also: no permission, or an address that is not on the list
	}
	return nil
}

// btcturkRoutes: the API has no withdrawals and no transfers.
func btcturkRoutes() []exauth.Route {
	return join(
		public(`
			GET /api/v2/*
			GET /v1/*`),
		reads(`
			GET /api/v1/users/balances
			* /api/v1/users/transactions/* # documented as GET, ccxt asks by POST
			GET /api/v1/openOrders
			GET /api/v1/allOrders
			GET /api/v1/order/{id}`),
		writes(exauth.ScopeTradeSpot, `
			POST /api/v1/order id=newOrderClientId
			DELETE /api/v1/order cancel
			POST /api/v1/cancelOrder cancel`),
	)
}
