package venue

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// KuCoin is KuCoin spot, margin, earn and unified accounts, with futures and the
// broker API on hosts of their own. HMAC-SHA256 keys with a passphrase.
//
// Spot and futures share some paths, "/api/v1/orders" among them. A plain path that
// both have goes to spot; write "https://api-futures.kucoin.com/api/v1/orders" for
// the other, or start from KuCoinFutures. Such shared paths need every trading
// scope, since the path alone does not tell what is traded.
//
// Keys are sent as version 2, which KuCoin takes for newer keys as well; a field
// "version" on the key (Key.WithField) says otherwise.
//
// Sources: kucoin.com/docs-new/authentication and the pages below kucoin.com/docs-new,
// read 2026-11.
func KuCoin() *exauth.Venue {
	return &exauth.Venue{
		Name:         "kucoin",
		BaseURL:      kucoinSpot,
		Hosts:        kucoinHosts(),
		Docs:         "https://www.kucoin.com/docs-new/authentication",
		KeyPage:      "https://www.kucoin.com/account/api",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA256},
		Signer:       exauth.UTF8Secret(exauth.HMACSHA256),
		Passphrase:   true,
		Style:        kucoinStyle,
		Scheme:       exauth.SchemeFunc(authorizeKuCoin),
		AuthHeaders:  kucoinHeaders,
		OrderIDs:     orderIDs("clientOid 40"),
		Routes:       kucoinBatches(kucoinPrices(kucoinRoutes())),
		Tier:         "vip0",
		Quotas:       kucoinPlans()["vip0"],
		Plans:        kucoinPlans(),
		DefaultPrice: kucoinDefault(),
		Settle:       kucoinSettle,
		Limits:       kucoinLimits,
		GETReads:     true,
		Answer:       kucoinAnswer(),
		Ambiguous:    map[string][]error{"400003": {exauth.ErrKey, exauth.ErrEnvironment}},
		Clock:        exauth.Clock{Path: "/api/v1/timestamp", Parse: kucoinTime},
		Probe:        exauth.Call{Method: "GET", Path: "/api/v1/user/api-key"},
		KeyCheck:     kucoinKey(),
		Owner:        ownerOf("uid"),
	}
}

// KuCoinFutures is KuCoin with plain paths going to the futures host; what only
// spot has goes there by its path. Keys are the same.
func KuCoinFutures() *exauth.Venue {
	v := KuCoin()
	v.Name, v.BaseURL = "kucoinfutures", kucoinFutures
	v.Routes = kucoinFuturesBatches(v.Routes)
	return v
}

// KuCoinPartner is KuCoin for a broker: every signed request also carries the
// broker's id and a signature made with the broker's own key. partnerKey is copied
// and may be cleared afterwards.
func KuCoinPartner(partner string, partnerKey []byte) (*exauth.Venue, error) {
	mac, err := exauth.NewHMAC(exauth.HMACSHA256, partnerKey)
	if err != nil {
		return nil, err
	}
	v := KuCoin()
	v.Scheme = exauth.SchemeFunc(func(ctx context.Context, r *exauth.Request) error {
		if err := authorizeKuCoin(ctx, r); err != nil {
			return err
		}
		sig, err := mac.Sign(ctx, nil, []byte(millis(r)+partner+r.KeyID()))
		if err != nil {
			return err
		}
		r.SetHeader("Kc-Api-Partner", partner)
		r.SetHeader("Kc-Api-Partner-Sign", base64Text(sig))
		r.SetHeader("Kc-Api-Partner-Verify", "true")
		return nil
	})
	return v, nil
}

const (
	kucoinSpot    = "https://api.kucoin.com"
	kucoinFutures = "https://api-futures.kucoin.com"
)

// kucoinFuturesPaths are the paths that only the futures host serves.
const kucoinFuturesPaths = `
	/api/v1/contract /api/v1/account-overview /api/v1/position /api/v1/history-positions /api/v1/transaction-history
	/api/v1/stopOrders /api/v1/recentDoneOrders /api/v1/recentFills /api/v1/openOrderStatistics /api/v1/st-orders
	/api/v1/orders/byClientOid /api/v1/orders/client-order/ /api/v1/orders/multi-cancel /api/v1/margin/maxWithdrawMargin
	/api/v1/margin/withdrawMargin /api/v1/level2/ /api/v1/ticker /api/v1/allTickers /api/v1/trade/history
	/api/v1/trade-statistics /api/v1/kline/ /api/v1/interest/ /api/v1/index/ /api/v1/premium/ /api/v1/funding-
	/api/v2/position/ /api/v2/batchChangeMarginMode /api/v2/changeCrossUserLeverage /api/v2/getCrossUserLeverage
	/api/v2/getMaxOpenSize /api/v1/transfer-in /api/v1/transfer-list /api/v3/transfer-out
	/api/v1/cancel/transfer-out /api/v1/copy-trade/ /api/v1/changeCrossUserLeverage`

// kucoinSpotPaths are the paths that only the spot host serves.
const kucoinSpotPaths = `
	/api/v1/accounts /api/v1/hf/ /api/v1/user /api/v1/user-info /api/v1/sub /api/v1/deposit /api/v1/withdrawals
	/api/v1/hist- /api/v1/base-fee /api/v1/trade-fees /api/v1/market /api/v1/symbols /api/v1/currencies /api/v1/prices
	/api/v1/stop-order /api/v1/order/ /api/v1/limit/ /api/v1/margin/ /api/v1/isolated/ /api/v1/earn/ /api/v1/otc-loan/
	/api/v1/purchase /api/v1/redeem /api/v1/lend /api/v1/project/ /api/v1/affiliate/
	/api/v2/accounts /api/v2/symbols /api/v2/currencies /api/v2/sub /api/v3/ /api/ua/`

func kucoinHosts() []exauth.Host {
	return slices.Concat(
		hosts(kucoinFutures, kucoinFuturesPaths),
		hosts(kucoinSpot, kucoinSpotPaths),
		hosts("https://api-broker.kucoin.com", "/api/v1/broker/nd/ /api/v1/asset/ndbroker/"),
		hosts("https://kucoin.com", "/_api/"),
	)
}

var kucoinHeaders = []string{"KC-API-KEY", "KC-API-SIGN", "KC-API-TIMESTAMP", "KC-API-PASSPHRASE", "KC-API-KEY-VERSION",
	"KC-API-PARTNER", "KC-API-PARTNER-SIGN", "KC-API-PARTNER-VERIFY"}

// kucoinStyle: GET and DELETE carry a query, the others JSON. The one DELETE with a
// body is the futures batch cancel.
func kucoinStyle(method, path string, _ exauth.Params) exauth.Style {
	if (method == "GET" || method == "DELETE") && path != "/api/v1/orders/multi-cancel" {
		return exauth.StyleQuery | exauth.StyleBrackets
	}
	return exauth.StyleJSON
}

// authorizeKuCoin signs timestamp ++ METHOD ++ path?query ++ body, the URL without
// its percent-encoding. The passphrase is signed too, with the same key.
func authorizeKuCoin(ctx context.Context, r *exauth.Request) error {
	if err := kucoinTradeType(r); err != nil {
		return err
	}
	stamp := millis(r)
	passphrase, err := signBase64(ctx, r, []byte(r.Passphrase()))
	if err != nil {
		return err
	}
	var stack [1024]byte
	msg := append(append(append(stack[:0], stamp...), r.Method...), unescaped(r.RequestURI())...)
	sig, err := signBase64(ctx, r, append(msg, r.Body...))
	if err != nil {
		return err
	}
	version := r.Field("version")
	if version == "" {
		version = "2"
	}
	r.SetHeader("Kc-Api-Key", r.KeyID())
	r.SetHeader("Kc-Api-Sign", sig)
	r.SetHeader("Kc-Api-Timestamp", stamp)
	r.SetHeader("Kc-Api-Passphrase", passphrase)
	r.SetHeader("Kc-Api-Key-Version", version)
	return nil
}

// kucoinTradeType repeats tradeType in the query: the classic order routes of the
// unified API choose their engine by it before they read the body.
func kucoinTradeType(r *exauth.Request) error {
	if r.Method != "POST" || r.Query != "" || !strings.HasPrefix(r.Path, "/api/ua/v1/classic/order/") {
		return nil
	}
	fields, err := r.Fields()
	if err != nil {
		return err
	}
	for _, f := range fields {
		if f.Name == "tradeType" {
			q, err := exauth.AppendQuery(nil, exauth.Params{f}, exauth.StyleQuery)
			if err != nil {
				return err
			}
			r.AddQuery(string(q))
		}
	}
	return nil
}

func kucoinTime(resp *exauth.Response) (time.Time, error) {
	var t struct{ Data int64 }
	err := json.Unmarshal(resp.Body, &t)
	return time.UnixMilli(t.Data), err
}

// kucoinCodes is the error page of the documentation by what to do next.
func kucoinCodes() map[string]error {
	return codes(`
		clock: 400002
		signature: 400005
		key: 400001 400003 400401
		passphrase: 400004
		ip: 400006
		permission: 400007 101030 112010 126005 126047 126048 130201 130302 400303
		locked: 411100
		ratelimited: 429 429000 200002
		banned: 1015
		unavailable: 500 503 500000 230005
		unknown: 504
		funds: 200004 210021 230003 260100 300003 330008 600100 126013 130105 130203 130301
		order: 126043 130103 order_not_exist
		duplicate: 126033 126044`)
}

// kucoinAnswer peels {"code":"200000","data":…}. Batches say per item how it went.
func kucoinAnswer() func(*exauth.Response) ([]byte, error) {
	kinds := kucoinCodes()
	return func(resp *exauth.Response) ([]byte, error) {
		var e struct {
			Code json.RawMessage
			Msg  string
			Data json.RawMessage
		}
		if json.Unmarshal(resp.Body, &e) != nil || e.Code == nil {
			return nil, notJSON(resp)
		}
		code := text(e.Code)
		if code == "200000" || code == "200" && resp.Status < 300 {
			if e.Data == nil && strings.HasPrefix(e.Msg, "Unsuccessful") {
				return nil, refused(exauth.ErrRejected, code, e.Msg)
			}
			return e.Data, kucoinItems(kinds, resp, e.Data)
		}
		return nil, refused(kucoinKind(kinds, code, e.Msg), code, e.Msg)
	}
}

// kucoinKind tells codes apart that KuCoin uses for many things: 100001 and 400100
// are "bad parameter" as well as "no such order" and "no funds".
func kucoinKind(kinds map[string]error, code, msg string) error {
	if kind, ok := kinds[code]; ok {
		return kind
	}
	msg = strings.ToLower(msg)
	switch {
	case strings.Contains(msg, "clientoid") && (strings.Contains(msg, "duplicat") || strings.Contains(msg, "already")):
		return exauth.ErrDuplicateOrder
	case strings.Contains(msg, "order") && containsAny(msg, "not exist", "notexist", "not_exist"):
		return exauth.ErrUnknownOrder
	case containsAny(msg, "account.available.amount", "insufficient", "balance not enough"):
		return exauth.ErrInsufficientFunds
	case strings.Contains(msg, "exceeded the access frequency"):
		return exauth.ErrRateLimited
	case strings.Contains(msg, "require more permission"):
		return exauth.ErrPermission
	}
	return nil // the HTTP status tells
}

// kucoinItems reads the fates inside a batch: spot items carry success, futures
// items a code, and cancel-all lists what failed.
func kucoinItems(kinds map[string]error, resp *exauth.Response, data json.RawMessage) error {
	if resp.Method == "GET" {
		return nil
	}
	var all struct {
		Done   []json.RawMessage                        `json:"succeedSymbols"`
		Failed []struct{ Symbol, Error, Reason string } `json:"failedSymbols"`
	}
	if bytes.HasPrefix(data, []byte("{")) && json.Unmarshal(data, &all) == nil && len(all.Failed) > 0 {
		f := all.Failed[0]
		return batch(len(all.Done), len(all.Failed), exauth.ErrRejected, "", f.Symbol+": "+f.Error+f.Reason)
	}
	var items []struct {
		Success *bool
		FailMsg string
		Code    json.RawMessage
		Msg     string
	}
	if !bytes.HasPrefix(data, []byte("[")) || json.Unmarshal(data, &items) != nil {
		return nil
	}
	done, failed, kind, code, msg := 0, 0, error(nil), "", ""
	for _, it := range items {
		c := text(it.Code)
		if (it.Success == nil || *it.Success) && (it.Code == nil || c == "200" || c == "200000") {
			done++
			continue
		}
		if failed++; failed == 1 {
			code, msg = c, it.FailMsg+it.Msg
			kind = kucoinKind(kinds, code, msg)
		}
	}
	return batch(done, failed, kind, code, msg)
}
