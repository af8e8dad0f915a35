package venue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/exauth/exauth"
)

// CoinPaprika is CoinPaprika's paid API: market data, nothing to trade. The bare
// key is the Authorization header, without a scheme word; make it with
// exauth.NewSecretKey(key, ""). The free plan has another host and no keys:
// CoinPaprikaFree.
//
// Contract routes answer with a redirect to the coin's ticker, which is refused as
// every redirect is: ask /v1/tickers/{coin_id}.
//
// Source: docs.coinpaprika.com, introduction and key info, read 2026-11.
func CoinPaprika() *exauth.Venue {
	return &exauth.Venue{
		Name:        "coinpaprika",
		BaseURL:     "https://api-pro.coinpaprika.com",
		Docs:        "https://docs.coinpaprika.com",
		KeyPage:     "https://coinpaprika.com/api/panel",
		Style:       coinpaprikaStyle,
		Scheme:      keyHeader("Authorization"),
		AuthHeaders: []string{"Authorization"},
		Routes:      reads("GET /* key"),
		GETReads:    true,
		Answer:      coinpaprikaAnswer,
		Probe:       exauth.Call{Method: "GET", Path: "/v1/key/info"},
	}
}

// CoinPaprikaFree is the free plan: no key, 20,000 calls a month shared by everyone
// on an address. A Client for it takes nil keys, and never sends one.
func CoinPaprikaFree() *exauth.Venue {
	v := in(CoinPaprika(), "free", "https://api.coinpaprika.com")
	v.Routes = public("GET /*")
	v.Scheme = exauth.SchemeFunc(func(context.Context, *exauth.Request) error {
		return fmt.Errorf("%w: CoinPaprika's free plan takes no key; use CoinPaprika with one", exauth.ErrEnvironment)
	})
	v.Probe = exauth.Call{}
	return v
}

func coinpaprikaStyle(string, string, exauth.Params) exauth.Style {
	return exauth.StyleQuery | exauth.StyleArrayComma // "quotes=USD,BTC"
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
