package venue

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// Deribit is Deribit's JSON-RPC over HTTP: options, futures, perpetuals and spot.
// HMAC-SHA256 keys, or OAuth 2.0 access tokens (BearerKey).
//
// A GET can trade here: private/buy, private/withdraw and private/create_api_key
// are all GETs with a query, so the route table and never the method tells what a
// call may do. A POST carries the whole JSON-RPC request in its body, method
// included, and is only as harmless as a route when both name the same action.
//
// Sources: docs.deribit.com, "Authentication", "Errors", read 2026-11.
func Deribit() *exauth.Venue {
	return &exauth.Venue{
		Name:         "deribit",
		BaseURL:      "https://www.deribit.com",
		Docs:         "https://docs.deribit.com/",
		KeyPage:      "https://www.deribit.com/account/BTC/api",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA256},
		Signer:       exauth.UTF8Secret(exauth.HMACSHA256),
		Bearer:       true,
		Style:        deribitStyle,
		Scheme:       exauth.SchemeFunc(authorizeDeribit),
		AuthHeaders:  []string{"Authorization"},
		Routes:       deribitPrices(deribitRoutes()),
		Tier:         "tier4",
		Quotas:       deribitPlans()["tier4"],
		Plans:        deribitPlans(),
		DefaultCosts: deribitDefault(),
		Limits:       deribitLimits,
		Answer:       deribitAnswer(),
		Clock:        exauth.Clock{Path: "/api/v2/public/get_time", Parse: deribitTime},
		Probe: exauth.Call{Method: "GET", Path: "/api/v2/private/get_account_summary",
			Params: exauth.Params{{Name: "currency", Value: "BTC"}}},
	}
}

// DeribitTestnet is test.deribit.com, with accounts and keys of its own.
func DeribitTestnet() *exauth.Venue {
	v := in(Deribit(), "testnet", "https://test.deribit.com")
	v.KeyPage = "https://test.deribit.com/account/BTC/api"
	return v
}

func deribitStyle(method, _ string, _ exauth.Params) exauth.Style {
	if method == "GET" {
		return exauth.StyleQuery
	}
	return exauth.StyleJSON
}

// authorizeDeribit signs five lines: time, nonce, method, path with query, body.
// The nonce is any text the client picks; the time serves, as it does in ccxt.
func authorizeDeribit(ctx context.Context, r *exauth.Request) error {
	msg := strconv.AppendInt(r.Buffer(), r.Time.UnixMilli(), 10)
	stamp := string(msg)
	msg = append(append(msg, '\n'), stamp...)
	msg = append(append(msg, '\n'), r.Method...)
	msg = append(append(msg, '\n'), r.Path...)
	if r.Query != "" {
		msg = append(append(msg, '?'), r.Query...)
	}
	msg = append(append(msg, '\n'), r.Body...)
	msg = append(msg, '\n')
	var raw [32]byte
	sig, err := r.Sign(ctx, raw[:0], msg)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("deri-hmac-sha256 id=")
	b.WriteString(r.KeyID())
	b.WriteString(",ts=")
	b.WriteString(stamp)
	b.WriteString(",sig=")
	b.WriteString(hex.EncodeToString(sig))
	b.WriteString(",nonce=")
	b.WriteString(stamp)
	r.SetHeader("Authorization", b.String())
	return nil
}

func deribitTime(resp *exauth.Response) (time.Time, error) {
	var t struct{ Result int64 }
	err := json.Unmarshal(resp.Body, &t)
	return time.UnixMilli(t.Result), err
}

// deribitAnswer peels {"jsonrpc":"2.0","result":…} and reads
// {"error":{"code":10009,"message":"not_enough_funds","data":{"reason":…}}}.
//
// The codes are those of the RPC error table of the API reference. Not mapped as
// ccxt has them: 10013 to 10018 are limits on open orders, not permissions, and
// 11035 and 11093 are limits on triggers and addresses, not on requests.
func deribitAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := codes(`
		signature: 10000 13009
		key: 13004
		permission: 9999 11042 13012 13021 13031 13403
		locked: 10019 11098
		ratelimited: 10028 10066
		unavailable: 10040 10041 10047 11051 11056 13025 13503
		unknown: 10001 11094 13008 13028 13888
		funds: 10009 10039
		order: 10004 10010 10029 11008 11044`)
	return func(resp *exauth.Response) ([]byte, error) {
		var e struct {
			Result json.RawMessage
			Error  *struct {
				Code    json.RawMessage
				Message string
				Data    json.RawMessage
			}
		}
		if json.Unmarshal(resp.Body, &e) != nil || e.Error == nil && e.Result == nil {
			return nil, notJSON(resp)
		}
		if e.Error == nil {
			return e.Result, nil
		}
		code := text(e.Error.Code)
		message := e.Error.Message
		var why struct{ Reason, Param string }
		if json.Unmarshal(e.Error.Data, &why) == nil && why.Reason != "" {
			message += ": " + strings.TrimSpace(why.Param+" "+why.Reason)
		}
		return nil, refused(kinds[code], code, message)
	}
}
