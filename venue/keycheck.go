package venue

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// What venues tell of a key, for exauth's Client.CheckKey. A field that an answer lacks
// leaves its question open; permissions that a venue does not list are not guessed.
//
// Without an endpoint that any key may call, and so not asked: Backpack, BtcTurk,
// CoinEx, Crypto.com, Indodax. HTX has GET /v2/user/api-key, but wants the account's
// uid and the key as parameters; Deribit's private/list_api_keys wants a second factor
// and answers with secrets; LBank's permissions page was not found to name its fields.

var errKeyAnswer = errors.New("answer does not name the key's permissions")

const everything = exauth.ScopeRead | exauth.ScopeTrade | exauth.ScopeTransfer | exauth.ScopeWithdraw | exauth.ScopeAccount

// grant notes one permission: Yes when any flag is set, No when all are there and
// none is.
func grant(r *exauth.KeyReport, s exauth.Scope, flags ...*bool) {
	said := len(flags) > 0
	for _, f := range flags {
		if f != nil && *f {
			r.Can |= s
			return
		}
		said = said && f != nil
	}
	if said {
		r.Cannot |= s
	}
}

// allow notes a permission that the venue lists when it is given.
func allow(r *exauth.KeyReport, s exauth.Scope, given bool) { grant(r, s, &given) }

// addresses notes an IP list; an empty one, and "*", let everybody in.
func addresses(r *exauth.KeyReport, ips []string) {
	r.IPList = exauth.No
	for _, ip := range ips {
		if ip = strings.TrimSpace(ip); ip != "" && ip != "*" {
			r.IPList, r.IPs = exauth.Yes, append(r.IPs, ip)
		}
	}
}

// unixMilli and unixText read stamps, of which 0 is none.
func unixMilli(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func unixText(seconds string) time.Time {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// ownerOf makes an Owner of the field of an answer's payload that names the account.
func ownerOf(field string) func(*exauth.Response) string {
	return func(resp *exauth.Response) string {
		var one map[string]json.RawMessage
		if json.Unmarshal(resp.Payload, &one) != nil {
			var list []map[string]json.RawMessage
			if json.Unmarshal(resp.Payload, &list) != nil || len(list) != 1 {
				return ""
			}
			one = list[0]
		}
		if raw := one[field]; raw != nil && string(raw) != "null" {
			return text(raw)
		}
		return ""
	}
}

// binanceKey: Get API Key Permission, developers.binance.com/docs/wallet/account/api-key-permission,
// read 2026-11. Sub-account and key management are not told. The list itself is not
// shown, only whether there is one. The wallet API is production's alone.
func binanceKey() exauth.KeyCheck {
	return exauth.KeyCheck{
		Call: exauth.Call{Method: "GET", Path: "/sapi/v1/account/apiRestrictions"},
		Parse: func(resp *exauth.Response, _ string) (r exauth.KeyReport, err error) {
			var a struct {
				IPRestrict                   *bool
				CreateTime                   int64
				EnableReading                *bool
				EnableWithdrawals            *bool
				EnableInternalTransfer       *bool
				EnableMargin                 *bool
				EnableFutures                *bool
				PermitsUniversalTransfer     *bool
				EnableVanillaOptions         *bool
				EnableFixAPITrade            *bool `json:"enableFixApiTrade"`
				EnableSpotAndMarginTrading   *bool
				EnablePortfolioMarginTrading *bool
			}
			if err = json.Unmarshal(resp.Payload, &a); err == nil && a.EnableReading == nil {
				err = errKeyAnswer
			}
			no := false
			optional := func(f *bool) *bool { // newer fields, which not every account's answer has
				if f == nil {
					return &no
				}
				return f
			}
			grant(&r, exauth.ScopeRead, a.EnableReading)
			grant(&r, exauth.ScopeTradeSpot, a.EnableSpotAndMarginTrading, optional(a.EnableFixAPITrade))
			grant(&r, exauth.ScopeTradeMargin, a.EnableMargin, optional(a.EnablePortfolioMarginTrading))
			grant(&r, exauth.ScopeTradeDerivatives, a.EnableFutures, a.EnableVanillaOptions, optional(a.EnablePortfolioMarginTrading))
			grant(&r, exauth.ScopeTransfer, a.EnableInternalTransfer, a.PermitsUniversalTransfer)
			grant(&r, exauth.ScopeWithdraw, a.EnableWithdrawals)
			r.Created = unixMilli(a.CreateTime)
			if a.IPRestrict != nil {
				if r.IPList = exauth.No; *a.IPRestrict {
					r.IPList = exauth.Yes
				}
			}
			return r, err
		},
	}
}

// bybitKey: Get API Key Information, bybit-exchange.github.io/docs/v5/user/apikey-info,
// read 2026-11: any permission may ask; readOnly 1 overrides the rest; only keys without
// an IP list expire, and "*" is no list.
func bybitKey() exauth.KeyCheck {
	return exauth.KeyCheck{
		Call: exauth.Call{Method: "GET", Path: "/v5/user/query-api"},
		Parse: func(resp *exauth.Response, _ string) (r exauth.KeyReport, err error) {
			var a struct {
				ReadOnly             *int
				Permissions          map[string][]string
				IPs                  []string
				ExpiredAt, CreatedAt time.Time
			}
			if err = json.Unmarshal(resp.Payload, &a); err == nil && (a.ReadOnly == nil || a.Permissions == nil) {
				err = errKeyAnswer
			}
			if err != nil {
				return r, err
			}
			has := func(group string, names ...string) bool {
				for _, p := range a.Permissions[group] {
					for _, name := range names {
						if name == "" || p == name {
							return *a.ReadOnly == 0
						}
					}
				}
				return false
			}
			r.Can = exauth.ScopeRead
			allow(&r, exauth.ScopeTradeSpot, has("Spot", ""))
			allow(&r, exauth.ScopeTradeDerivatives, has("ContractTrade", "") || has("Derivatives", "") || has("Options", "") || has("BlockTrade", "") || has("CopyTrading", ""))
			allow(&r, exauth.ScopeTransfer, has("Wallet", "AccountTransfer", "SubMemberTransfer", "SubMemberTransferList"))
			allow(&r, exauth.ScopeWithdraw, has("Wallet", "Withdraw"))
			addresses(&r, a.IPs)
			r.Created = a.CreatedAt
			if a.ExpiredAt.Unix() > 0 {
				r.Expires, r.Ends = a.ExpiredAt, exauth.Yes
			} else if r.IPList == exauth.Yes {
				r.Ends = exauth.No
			}
			return r, nil
		},
	}
}

// okxKey: Get account configuration, www.okx.com/docs-v5/en, fields perm and ip. One
// permission, trade, is for orders of every product and for transfers between the
// owner's own accounts ("funding transfer"); settings come with it.
func okxKey() exauth.KeyCheck {
	return exauth.KeyCheck{
		Call: exauth.Call{Method: "GET", Path: "/api/v5/account/config"},
		Parse: func(resp *exauth.Response, _ string) (r exauth.KeyReport, err error) {
			var a []struct{ Perm, IP *string }
			if err = json.Unmarshal(resp.Payload, &a); err == nil && (len(a) == 0 || a[0].Perm == nil) {
				err = errKeyAnswer
			}
			if err != nil {
				return r, err
			}
			perms := "," + strings.ReplaceAll(*a[0].Perm, " ", "") + ","
			allow(&r, exauth.ScopeRead, strings.Contains(perms, ",read_only,"))
			allow(&r, exauth.ScopeTrade|exauth.ScopeTransfer, strings.Contains(perms, ",trade,"))
			allow(&r, exauth.ScopeWithdraw, strings.Contains(perms, ",withdraw,"))
			if a[0].IP != nil {
				addresses(&r, strings.Split(*a[0].IP, ","))
			}
			return r, nil
		},
	}
}

// kucoinKey: Get Apikey Info, kucoin.com/docs-new/rest/account-info/account-funding/get-apikey-info:
// permission is a list like "General,Spot,Margin,Futures,InnerTransfer,Transfer,Earn".
// What "Transfer" covers has changed over the years, up to withdrawals, so that it
// leaves the question of withdrawals open where no "Withdraw…" is listed.
func kucoinKey() exauth.KeyCheck {
	return exauth.KeyCheck{
		Call: exauth.Call{Method: "GET", Path: "/api/v1/user/api-key"},
		Parse: func(resp *exauth.Response, _ string) (r exauth.KeyReport, err error) {
			var a struct {
				Permission  *string
				IPWhitelist *string
				CreatedAt   int64
			}
			if err = json.Unmarshal(resp.Payload, &a); err == nil && a.Permission == nil {
				err = errKeyAnswer
			}
			if err != nil {
				return r, err
			}
			has := map[string]bool{}
			for _, p := range strings.Split(*a.Permission, ",") {
				p = strings.ToLower(strings.TrimSpace(p))
				has[p] = true
				has["withdraw"] = has["withdraw"] || strings.HasPrefix(p, "withdraw")
			}
			allow(&r, exauth.ScopeRead, has["general"])
			allow(&r, exauth.ScopeTradeSpot, has["spot"] || has["trade"] || has["unified"])
			allow(&r, exauth.ScopeTradeMargin, has["margin"] || has["unified"])
			allow(&r, exauth.ScopeTradeDerivatives, has["futures"] || has["unified"])
			allow(&r, exauth.ScopeTransfer, has["innertransfer"] || has["transfer"] || has["flextransfers"])
			if has["withdraw"] || !has["transfer"] {
				allow(&r, exauth.ScopeWithdraw, has["withdraw"])
			}
			if a.IPWhitelist != nil {
				addresses(&r, strings.Split(*a.IPWhitelist, ","))
			}
			r.Created = unixMilli(a.CreatedAt)
			return r, nil
		},
	}
}

// gateKey: Get account detail, gate.com/docs/developers/apiv4/en: it shows the IP list
// and nothing of the permissions.
func gateKey() exauth.KeyCheck {
	return exauth.KeyCheck{
		Call: exauth.Call{Method: "GET", Path: "/api/v4/account/detail"},
		Parse: func(resp *exauth.Response, _ string) (r exauth.KeyReport, err error) {
			var a struct {
				IPs *[]string `json:"ip_whitelist"`
			}
			if err = json.Unmarshal(resp.Payload, &a); err == nil && a.IPs != nil {
				addresses(&r, *a.IPs)
			}
			return r, err
		},
	}
}

// coinbaseKey: Get API Key Permissions,
// docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/data-api/get-api-key-permissions,
// read 2026-11. Transfer sends funds on and off the platform, so it is both.
func coinbaseKey() exauth.KeyCheck {
	return exauth.KeyCheck{
		Call: exauth.Call{Method: "GET", Path: "/api/v3/brokerage/key_permissions"},
		Parse: func(resp *exauth.Response, _ string) (r exauth.KeyReport, err error) {
			var a struct {
				View     *bool `json:"can_view"`
				Trade    *bool `json:"can_trade"`
				Transfer *bool `json:"can_transfer"`
			}
			if err = json.Unmarshal(resp.Payload, &a); err == nil && a.View == nil {
				err = errKeyAnswer
			}
			grant(&r, exauth.ScopeRead, a.View)
			grant(&r, exauth.ScopeTrade, a.Trade)
			grant(&r, exauth.ScopeTransfer|exauth.ScopeWithdraw, a.Transfer)
			return r, err
		},
	}
}

// krakenKey: Get API Key Info, docs.kraken.com/api-reference/account-data/get-api-key-info,
// read 2026-11: no permission is needed to ask. A validUntil of 0 is for ever. Spot and
// margin orders share a permission; futures have keys of their own.
func krakenKey() exauth.KeyCheck {
	return exauth.KeyCheck{
		Call: exauth.Call{Method: "POST", Path: "/0/private/GetApiKeyInfo"},
		Parse: func(resp *exauth.Response, _ string) (r exauth.KeyReport, err error) {
			var a struct {
				Permissions                       *[]string
				ValidUntil, CreatedTime, LastUsed json.RawMessage
				IPAllowlist                       *[]string
			}
			if err = json.Unmarshal(resp.Payload, &a); err == nil && a.Permissions == nil {
				err = errKeyAnswer
			}
			if err != nil {
				return r, err
			}
			has, reads := map[string]bool{}, false
			for _, p := range *a.Permissions {
				has[p] = true
				reads = reads || strings.HasPrefix(p, "query-")
			}
			allow(&r, exauth.ScopeRead, reads)
			allow(&r, exauth.ScopeTradeSpot|exauth.ScopeTradeMargin, has["modify-trades"])
			allow(&r, exauth.ScopeWithdraw, has["withdraw-funds"])
			if a.IPAllowlist != nil {
				addresses(&r, *a.IPAllowlist)
			}
			r.Created, r.LastUsed = unixText(text(a.CreatedTime)), unixText(text(a.LastUsed))
			switch until := text(a.ValidUntil); until {
			case "0":
				r.Ends = exauth.No
			default:
				r.Expires = unixText(until)
			}
			return r, nil
		},
	}
}

// geminiKey: the roles endpoint, developer.gemini.com: a trader orders, a fund manager
// moves money in and out, an auditor reads, as the others do too.
func geminiKey() exauth.KeyCheck {
	return exauth.KeyCheck{
		Call: exauth.Call{Method: "POST", Path: "/v1/roles"},
		Parse: func(resp *exauth.Response, _ string) (r exauth.KeyReport, err error) {
			var a struct{ IsAuditor, IsTrader, IsFundManager, IsAccountAdmin *bool }
			if err = json.Unmarshal(resp.Payload, &a); err == nil && a.IsTrader == nil {
				err = errKeyAnswer
			}
			grant(&r, exauth.ScopeRead, a.IsAuditor, a.IsTrader, a.IsFundManager)
			grant(&r, exauth.ScopeTrade, a.IsTrader)
			grant(&r, exauth.ScopeTransfer|exauth.ScopeWithdraw, a.IsFundManager)
			grant(&r, exauth.ScopeAccount, a.IsAccountAdmin)
			return r, err
		},
	}
}

// upbitKey: API Key list, docs.upbit.com/kr/reference/list-api-keys, read 2026-11: every
// key of the account with the day it expires, and nothing else.
func upbitKey() exauth.KeyCheck {
	return exauth.KeyCheck{
		Call: exauth.Call{Method: "GET", Path: "/v1/api_keys"},
		Parse: func(resp *exauth.Response, keyID string) (r exauth.KeyReport, err error) {
			var list []struct {
				AccessKey string    `json:"access_key"`
				ExpireAt  time.Time `json:"expire_at"`
			}
			if err = json.Unmarshal(resp.Payload, &list); err != nil {
				return r, err
			}
			for _, a := range list {
				if a.AccessKey == keyID {
					r.Expires, r.Ends = a.ExpireAt, exauth.Yes
					return r, nil
				}
			}
			return r, errKeyAnswer
		},
	}
}

// dataKey is for venues that sell data: there is nothing to trade, move or take.
// CoinMarketCap's /v1/key/info and CoinPaprika's /key/info (docs.coinpaprika.com, read
// 2026-11) tell plan and usage, which Client.LoadLimits reads, and no more.
func dataKey() exauth.KeyCheck {
	return exauth.KeyCheck{
		Call: exauth.Call{Method: "GET", Path: "/v1/key/info"},
		Parse: func(resp *exauth.Response, _ string) (r exauth.KeyReport, err error) {
			if !json.Valid(resp.Payload) {
				return r, errKeyAnswer
			}
			r.Can, r.Cannot = exauth.ScopeRead, everything&^exauth.ScopeRead
			return r, nil
		},
	}
}
