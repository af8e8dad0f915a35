package venue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// Kraken is Kraken spot. HMAC-SHA512 keys; calls are POSTs whose body holds a nonce
// that must rise with every call of a key, so they go out one at a time unless the
// key has a nonce window (Options.NonceWindow).
//
// Sources: docs.kraken.com/api/docs/guides/spot-rest-auth, read 2026-11.
func Kraken() *exauth.Venue {
	return &exauth.Venue{
		OrderIDs:     map[string]exauth.OrderID{"cl_ord_id": {UUID: true, Excludes: []string{"userref"}}},
		Name:         "kraken",
		BaseURL:      "https://api.kraken.com",
		Docs:         "https://docs.kraken.com/api/docs/guides/spot-rest-auth",
		KeyPage:      "https://pro.kraken.com/app/settings/api",
		Algorithms:   []exauth.Algorithm{exauth.HMACSHA512},
		Signer:       exauth.Base64Secret(exauth.HMACSHA512),
		Style:        krakenStyle,
		Scheme:       exauth.SchemeFunc(authorizeKraken),
		Reserved:     []string{"nonce"},
		AuthHeaders:  []string{"API-Key", "API-Sign"},
		NonceUnit:    time.Millisecond,
		Ordered:      true,
		Routes:       krakenBatches(krakenPrices(krakenRoutes())),
		Tier:         "starter",
		Quotas:       krakenPlans()["starter"],
		Plans:        krakenPlans(),
		DefaultPrice: krakenDefault(),
		Settle:       krakenSettle,
		Deadline:     10 * time.Second,
		Lookup:       exauth.Lookup{Ask: krakenAsk, Find: krakenFind, Until: krakenUntil, Lag: 2 * time.Second},
		Answer:       krakenAnswer(),
		Clock:        exauth.Clock{Path: "/0/public/Time", Parse: krakenTime, Resolution: time.Second},
		Probe:        exauth.Call{Method: "POST", Path: "/0/private/Balance"},
		KeyCheck:     krakenKey(),
	}
}

func krakenStyle(method, path string, _ exauth.Params) exauth.Style {
	switch {
	case method == "GET":
		return exauth.StyleQuery | exauth.StyleBrackets
	case strings.HasSuffix(path, "Batch"):
		return exauth.StyleJSON | exauth.StyleEmptyObject
	}
	return exauth.StyleForm | exauth.StyleBrackets
}

// authorizeKraken puts the nonce first into the body and signs
// path ++ SHA256(nonce ++ body).
func authorizeKraken(ctx context.Context, r *exauth.Request) error {
	r.SetHeader("Api-Key", r.KeyID())
	if !r.Deadline.IsZero() && r.Path == krakenPlace && !bytes.Contains(append([]byte{'&'}, r.Body...), []byte("&deadline=")) {
		r.Body = append(r.Body, "&deadline="+url.QueryEscape(r.Deadline.Format(time.RFC3339))...)
	}
	nonce := strconv.FormatInt(r.Nonce, 10)
	switch {
	case len(r.Body) > 1 && r.Body[0] == '{':
		first := `{"nonce":"` + nonce + `"`
		if !r.Deadline.IsZero() && r.Path == krakenPlace+"Batch" && !bytes.Contains(r.Body, []byte(`"deadline"`)) {
			first += `,"deadline":"` + r.Deadline.Format(time.RFC3339) + `"`
		}
		if rest := string(r.Body[1:]); rest != "}" {
			first += ","
		}
		r.Body = append([]byte(first), r.Body[1:]...)
	case len(r.Body) == 0:
		r.Body = []byte("nonce=" + nonce)
		r.SetHeader("Content-Type", "application/x-www-form-urlencoded")
	default:
		r.Body = append([]byte("nonce="+nonce+"&"), r.Body...)
	}
	inner := append([]byte(nonce), r.Body...)
	r.Signed("SHA-256 of this, which goes behind the path", inner)
	sum := sha256.Sum256(inner)
	sig, err := signBase64(ctx, r, append([]byte(r.Path), sum[:]...))
	if err != nil {
		return err
	}
	r.SetHeader("Api-Sign", sig)
	return nil
}

func krakenTime(resp *exauth.Response) (time.Time, error) {
	var t struct{ Result struct{ UnixTime int64 } }
	err := json.Unmarshal(resp.Body, &t)
	return time.Unix(t.Result.UnixTime, 0), err
}

// krakenKinds tells what an error text "ECategory:What:Detail" means, and its code.
func krakenKinds() func(msg string) (code string, kind error) {
	kinds := codes(`
		nonce: EAPI:Invalid_nonce
		signature: EAPI:Invalid_signature
		key: EAPI:Invalid_key
		ratelimited: EAPI:Rate_limit_exceeded EOrder:Rate_limit_exceeded EService:Throttled EGeneral:Too_many_requests
		banned: EGeneral:Temporary_lockout
		permission: EGeneral:Permission_denied EAPI:Feature_disabled
		locked: ETrade:User_Locked ETrade:Locked
		unavailable: EService:Unavailable EService:Busy EService:Market_in_cancel_only_mode EService:Market_in_post_only_mode
		unknown: EService:Deadline_elapsed EGeneral:Internal_error EService:Timeout
		funds: EOrder:Insufficient_funds EOrder:Insufficient_margin EFunding:Insufficient_funds
		order: EOrder:Unknown_order EOrder:Invalid_order
		duplicate: EOrder:Duplicate_cl_ord_id EGeneral:Invalid_arguments:cl_ord_id_not_unique`)
	return func(msg string) (string, error) {
		parts := strings.SplitN(strings.ReplaceAll(msg, ": ", ":"), ":", 3)
		code := strings.Join(parts[:min(2, len(parts))], ":")
		kind, ok := kinds[strings.ReplaceAll(strings.Join(parts, ":"), " ", "_")] // with its detail
		if !ok {
			kind, ok = kinds[strings.ReplaceAll(code, " ", "_")]
		}
		if !ok {
			kind = exauth.ErrRejected
		}
		return code, kind
	}
}

// krakenAnswer peels {"error":[…],"result":…}; errors come with HTTP 200.
func krakenAnswer() func(*exauth.Response) ([]byte, error) {
	kindOf := krakenKinds()
	return func(resp *exauth.Response) ([]byte, error) {
		var e struct {
			Error  []string
			Result json.RawMessage
		}
		if json.Unmarshal(resp.Body, &e) != nil || e.Error == nil { // every answer has one, [] for none
			return nil, notJSON(resp)
		}
		for _, msg := range e.Error {
			if strings.HasPrefix(msg, "E") { // W is a warning
				code, kind := kindOf(msg)
				return nil, refused(kind, code, msg)
			}
		}
		if resp.Path == krakenPlace && !acknowledged(resp, "txid", "[") && !acknowledged(resp, "descr", "{") { // descr alone: only validated
			return nil, noAck()
		}
		return e.Result, nil
	}
}

func krakenRoutes() []exauth.Route {
	return join(
		public(`GET /0/public/*`),
		reads(`
			POST /0/private/Balance
			POST /0/private/BalanceEx
			POST /0/private/CreditLines
			POST /0/private/TradeBalance
			POST /0/private/OpenOrders
			POST /0/private/ClosedOrders
			POST /0/private/QueryOrders
			POST /0/private/OrderAmends
			POST /0/private/TradesHistory
			POST /0/private/QueryTrades
			POST /0/private/OpenPositions
			POST /0/private/Ledgers
			POST /0/private/QueryLedgers
			POST /0/private/TradeVolume
			POST /0/private/AddExport
			POST /0/private/ExportStatus
			POST /0/private/RetrieveExport
			POST /0/private/DepositMethods
			POST /0/private/DepositStatus
			POST /0/private/WithdrawMethods
			POST /0/private/WithdrawAddresses
			POST /0/private/WithdrawInfo
			POST /0/private/WithdrawStatus
			POST /0/private/GetWebSocketsToken
			POST /0/private/Earn/Strategies
			POST /0/private/Earn/Allocations
			POST /0/private/Earn/AllocateStatus
			POST /0/private/Earn/DeallocateStatus
			POST /0/private/GetApiKeyInfo`),
		writes(exauth.ScopeTradeSpot, `
			POST /0/private/AddOrder id=cl_ord_id
			POST /0/private/AddOrderBatch
			POST /0/private/AmendOrder
			POST /0/private/EditOrder
			POST /0/private/CancelOrder cancel
			POST /0/private/CancelOrderBatch cancel
			POST /0/private/CancelAll cancel
			POST /0/private/CancelAllOrdersAfter cancel`),
		writes(exauth.ScopeTransfer, `
			POST /0/private/WalletTransfer
			POST /0/private/AccountTransfer
			POST /0/private/Earn/Allocate
			POST /0/private/Earn/Deallocate`),
		writes(exauth.ScopeWithdraw, `
			POST /0/private/Withdraw
			POST /0/private/WithdrawCancel`),
		writes(exauth.ScopeAccount, `
			POST /0/private/CreateSubaccount
			POST /0/private/DepositAddresses
			POST /0/private/RemoveExport`),
	)
}
