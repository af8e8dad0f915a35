package venue

import (
	"context"
	"encoding/json"
	"time"

	"github.com/exauth/exauth"
)

// CoinMarketCap is CoinMarketCap's Pro API: market data, nothing to trade. The key
// goes into a header and nothing is signed; make it with exauth.NewSecretKey(key, "").
// Below /trial-pro-api and /public-api a part of it answers without a key.
//
// A 429 has four meanings, which Error.Code and Error.RetryAfter tell apart: 1008
// the minute, 1009 the day, 1010 the month, 1011 the address. GET /v1/key/info costs
// nothing and says what is left and when it is refilled.
//
// Sources: coinmarketcap.com/api/documentation/guides/errors-and-rate-limits and
// coinmarketcap.com/api/resources, read 2026-11.
func CoinMarketCap() *exauth.Venue {
	return &exauth.Venue{
		Name:        "coinmarketcap",
		BaseURL:     "https://pro-api.coinmarketcap.com",
		Docs:        "https://coinmarketcap.com/api/documentation/",
		KeyPage:     "https://pro.coinmarketcap.com/account",
		Style:       coinmarketcapStyle,
		Scheme:      keyHeader("X-Cmc_pro_api_key"),
		Reserved:    []string{"CMC_PRO_API_KEY"}, // the way of giving the key that ends up in logs
		AuthHeaders: []string{"X-CMC_PRO_API_KEY"},
		Header:      [][2]string{{"Accept", "application/json"}}, // "each HTTP request must contain" it
		Routes: coinmarketcapPrices(join(
			public("GET /trial-pro-api/*\n GET /public-api/*"),
			reads("GET /* key\n POST /v1/dex/* key\n POST /v4/dex/* key"))), // POSTs are queries too long for a URL
		Tier:         "basic",
		Quotas:       coinmarketcapPlans()["basic"],
		Plans:        coinmarketcapPlans(),
		DefaultPrice: coinmarketcapPrice,
		Settle:       coinmarketcapSettle,
		Limits:       coinmarketcapLimits,
		GETReads:     true,
		Answer:       coinmarketcapAnswer(),
		Probe:        exauth.Call{Method: "GET", Path: "/v1/key/info"},
		KeyCheck:     dataKey(),
	}
}

// CoinMarketCapSandbox answers with made-up data, for keys of its own.
func CoinMarketCapSandbox() *exauth.Venue {
	return in(CoinMarketCap(), "sandbox", "https://sandbox-api.coinmarketcap.com")
}

// coinmarketcapStyle: lists are comma-separated ("id=1,1027").
func coinmarketcapStyle(method, _ string, _ exauth.Params) exauth.Style {
	if method == "POST" {
		return exauth.StyleJSON
	}
	return exauth.StyleQuery | exauth.StyleArrayComma
}

// keyHeader is the Scheme of venues that want the bare key in one header.
func keyHeader(name string) exauth.Scheme {
	return exauth.SchemeFunc(func(_ context.Context, r *exauth.Request) error {
		r.SetHeader(name, r.KeyID())
		return nil
	})
}

// coinmarketcapAnswer peels {"data":…,"status":{…}}; a code in the status counts
// also inside a 200, whose data is then not valid.
func coinmarketcapAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := codes(`
		key: 1001 1002 1005 1007 401
		expired: 1004 402
		permission: 1003 1006 403
		ratelimited: 1008 1009 1010 1011 429
		unavailable: 500 502 503 504`)
	return func(resp *exauth.Response) ([]byte, error) {
		var e struct {
			Data   json.RawMessage
			Status struct {
				Timestamp string
				Code      json.RawMessage `json:"error_code"` // a number, or text on the DEX routes
				Message   json.RawMessage `json:"error_message"`
			}
		}
		if json.Unmarshal(resp.Body, &e) != nil || e.Status.Code == nil && resp.Status < 400 {
			return nil, notJSON(resp)
		}
		code := text(e.Status.Code)
		if code == "0" && resp.Status < 400 {
			return payload(e.Data, resp), nil
		}
		kind, ok := kinds[code]
		if !ok {
			kind = coinmarketcapStatus(resp)
		}
		return nil, &exauth.Error{Kind: kind, Code: code, Message: text(e.Status.Message), RetryAfter: coinmarketcapWait(code, e.Status.Timestamp)}
	}
}

// coinmarketcapStatus is what the HTTP status says where the body has no code.
func coinmarketcapStatus(resp *exauth.Response) error {
	switch resp.Status {
	case 401:
		return exauth.ErrKey
	case 402:
		return exauth.ErrKeyExpired
	case 403:
		return exauth.ErrPermission
	}
	return rejection(resp)
}

// coinmarketcapWait is when a limit is refilled. Days and months of the free plan
// end at UTC midnight; those of paid plans begin when the subscription did, which
// only /v1/key/info knows. Three days are as good as "not soon".
func coinmarketcapWait(code, stamp string) time.Duration {
	const longest = 72 * time.Hour
	if code == "1008" || code == "1011" {
		return time.Minute
	}
	now, err := time.Parse(time.RFC3339, stamp)
	switch {
	case code != "1009" && code != "1010":
		return 0
	case err != nil && code == "1009":
		return 24 * time.Hour
	case err != nil:
		return longest
	}
	now = now.UTC()
	end := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.UTC)
	if code == "1010" {
		end = time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return min(end.Sub(now), longest)
}
