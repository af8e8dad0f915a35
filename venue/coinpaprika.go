package venue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/exauth/exauth"
)

// CoinPaprika is the free plan of CoinPaprika's market data: no key, 20,000 calls a
// month. A Client for it takes nil keys, and never sends one; keys go to
// CoinPaprikaPro.
//
// Contract routes answer with a redirect to the coin's ticker, which is refused as
// every redirect is: ask /v1/tickers/{coin_id}.
//
// Source: docs.coinpaprika.com, introduction, read 2026-11.
func CoinPaprika() *exauth.Venue {
	return &exauth.Venue{
		Name:         "coinpaprika",
		BaseURL:      "https://api.coinpaprika.com",
		Docs:         "https://docs.coinpaprika.com",
		KeyPage:      "https://coinpaprika.com/api/panel",
		Style:        coinpaprikaStyle,
		Scheme:       exauth.SchemeFunc(refuseCoinPaprikaKey),
		AuthHeaders:  []string{"Authorization"},
		Routes:       alike(public("GET /*"), coinpaprikaCosts()),
		Quotas:       coinpaprikaQuotas(exauth.PerIP),
		DefaultCosts: coinpaprikaCosts(),
		GETReads:     true,
		Answer:       coinpaprikaAnswer,
	}
}

// CoinPaprikaPro is the paid plans. The bare key is the Authorization header,
// without a scheme word; make it with exauth.NewSecretKey(key, "").
//
// Source: docs.coinpaprika.com, introduction and key info, read 2026-11.
func CoinPaprikaPro() *exauth.Venue {
	v := in(CoinPaprika(), "pro", "https://api-pro.coinpaprika.com")
	v.Scheme = keyHeader("Authorization")
	v.Routes = alike(reads("GET /* key"), coinpaprikaCosts())
	v.Quotas, v.Limits = coinpaprikaQuotas(exauth.PerKey), coinpaprikaLimits
	v.Probe = exauth.Call{Method: "GET", Path: "/v1/key/info"}
	v.KeyCheck = dataKey()
	return v
}

func coinpaprikaStyle(string, string, exauth.Params) exauth.Style {
	return exauth.StyleQuery | exauth.StyleArrayComma // "quotes=USD,BTC"
}

// refuseCoinPaprikaKey keeps keys from the host that has no use for them.
func refuseCoinPaprikaKey(context.Context, *exauth.Request) error {
	return fmt.Errorf("%w: CoinPaprika's free plan takes no key; use CoinPaprikaPro with one", exauth.ErrEnvironment)
}

// coinpaprikaAnswer reads {"error":"…"}; the HTTP status says what it means.
// 402 is a plan that is not enough: a paid route, or the free month used up.
func coinpaprikaAnswer(resp *exauth.Response) ([]byte, error) {
	if !json.Valid(resp.Body) {
		return nil, notJSON(resp)
	}
	if resp.Status < 400 {
		return resp.Body, nil
	}
	var e struct{ Error json.RawMessage }
	_ = json.Unmarshal(resp.Body, &e) // without a message the status alone speaks
	kinds := map[int]error{401: exauth.ErrKey, 402: exauth.ErrPermission, 403: exauth.ErrKey}
	kind, ok := kinds[resp.Status]
	if !ok {
		kind = rejection(resp)
	}
	return nil, refused(kind, "", text(e.Error))
}
