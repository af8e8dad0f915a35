package venue_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// TestKeyCheckAnswers: the answers that vendors document, and what they leave open.
func TestKeyCheckAnswers(t *testing.T) {
	const (
		read, spot, margin, deriv = exauth.ScopeRead, exauth.ScopeTradeSpot, exauth.ScopeTradeMargin, exauth.ScopeTradeDerivatives
		trade, move, take, admin  = exauth.ScopeTrade, exauth.ScopeTransfer, exauth.ScopeWithdraw, exauth.ScopeAccount
	)
	stamp := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	type report = exauth.KeyReport
	for _, c := range []struct {
		name, venue, body string
		want              report
	}{
		// developers.binance.com/docs/wallet/account/api-key-permission
		{"documented", "binance", `{"ipRestrict":false,"createTime":1698645219000,"enableReading":true,"enableWithdrawals":false,"enableInternalTransfer":false,
			"enableMargin":false,"enableFutures":false,"permitsUniversalTransfer":false,"enableVanillaOptions":false,"enableFixApiTrade":false,
			"enableFixReadOnly":true,"enableSpotAndMarginTrading":false,"enablePortfolioMarginTrading":true}`,
			report{Can: read | margin | deriv, Cannot: spot | move | take, IPList: exauth.No, Created: stamp("2023-10-30T05:53:39Z")}},
		{"older, of a trader with an IP list", "binance", `{"ipRestrict":true,"createTime":1623840271000,"enableReading":true,"enableWithdrawals":true,
			"enableInternalTransfer":true,"enableMargin":false,"enableFutures":true,"permitsUniversalTransfer":true,"enableVanillaOptions":false,"enableSpotAndMarginTrading":true}`,
			report{Can: read | spot | deriv | move | take, Cannot: margin, IPList: exauth.Yes, Created: stamp("2021-06-16T10:44:31Z")}},
		// bybit-exchange.github.io/docs/v5/user/apikey-info, the fields of the table
		{"any address", "bybit", `{"retCode":0,"result":{"id":"1","note":"FAKE","apiKey":"FAKE-key","readOnly":0,"secret":"","permissions":{"ContractTrade":["Order","Position"],
			"Spot":["SpotTrade"],"Wallet":["AccountTransfer","SubMemberTransfer"],"Options":["OptionsTrade"],"Derivatives":["DerivativesTrade"],"CopyTrading":[],
			"BlockTrade":[],"Exchange":["ExchangeHistory"],"NFT":[]},"ips":["*"],"type":1,"deadlineDay":66,"expiredAt":"2026-12-22T07:20:25Z","createdAt":"2026-09-16T02:24:40Z","userID":24617703}}`,
			report{Can: read | spot | deriv | move, Cannot: take, IPList: exauth.No, Ends: exauth.Yes, Expires: stamp("2026-12-22T07:20:25Z"), Created: stamp("2026-09-16T02:24:40Z")}},
		{"read-only overrides", "bybit", `{"retCode":0,"result":{"readOnly":1,"permissions":{"Spot":["SpotTrade"],"Wallet":["AccountTransfer","Withdraw"],"Derivatives":[]},
			"ips":["203.0.113.7"],"deadlineDay":0,"expiredAt":"1970-01-01T00:00:00Z","createdAt":"2026-09-16T02:24:40Z"}}`,
			report{Can: read, Cannot: spot | deriv | move | take, IPList: exauth.Yes, IPs: []string{"203.0.113.7"}, Ends: exauth.No, Created: stamp("2026-09-16T02:24:40Z")}},
		// www.okx.com/docs-v5/en, Get account configuration
		{"all", "okx", `{"code":"0","msg":"","data":[{"acctLv":"2","ip":"192.0.2.1,198.51.100.0/24","label":"bot","mainUid":"4470589","perm":"read_only,withdraw,trade","uid":"4470589"}]}`,
			report{Can: read | trade | move | take, IPList: exauth.Yes, IPs: []string{"192.0.2.1", "198.51.100.0/24"}}},
		{"reads", "okx", `{"code":"0","msg":"","data":[{"ip":"","perm":"read_only","uid":"1"}]}`,
			report{Can: read, Cannot: trade | move | take, IPList: exauth.No}},
		// kucoin.com/docs-new, Get Apikey Info
		{"spot", "kucoin", `{"code":"200000","data":{"remark":"account1","apiKey":"FAKE","apiVersion":3,"permission":"General,Spot","ipWhitelist":"","createdAt":1729821494000,"uid":165111215,"isMaster":true}}`,
			report{Can: read | spot, Cannot: margin | deriv | move | take, IPList: exauth.No, Created: stamp("2024-10-25T01:58:14Z")}},
		{"transfer may mean much", "kucoin", `{"code":"200000","data":{"permission":"General, Futures, Transfer","ipWhitelist":"127.0.0.1,192.0.2.1","createdAt":1729821494000,"uid":1}}`,
			report{Can: read | deriv | move, Cannot: spot | margin, IPList: exauth.Yes, IPs: []string{"127.0.0.1", "192.0.2.1"}, Created: stamp("2024-10-25T01:58:14Z")}},
		// gate.com/docs/developers/apiv4/en, Get account detail
		{"addresses only", "gate", `{"user_id":1667201533,"ip_whitelist":["127.0.0.1"],"currency_pairs":["USDT_BTC"],"key":{"mode":1},"tier":2}`,
			report{IPList: exauth.Yes, IPs: []string{"127.0.0.1"}}},
		// docs.cdp.coinbase.com, Get API Key Permissions
		{"view and trade", "coinbase", `{"can_view":true,"can_trade":true,"can_transfer":false,"portfolio_uuid":"FAKE","portfolio_type":"DEFAULT"}`,
			report{Can: read | trade, Cannot: move | take}},
		// docs.kraken.com/api-reference/account-data/get-api-key-info
		{"documented", "kraken", `{"error":[],"result":{"apiKeyName":"my-api-key","apiKey":"FAKE","nonce":"1772627060997","nonceWindow":0,"permissions":["query-funds","withdraw-funds","query-open-trades","modify-trades"],
			"iban":"AA88 N84G WOAK NMOI","validUntil":"0","queryFrom":"0","queryTo":"0","createdTime":"1772542900","modifiedTime":"1772543095","ipAllowlist":[],"lastUsed":"1772627061"}}`,
			report{Can: read | spot | margin | take, IPList: exauth.No, Ends: exauth.No, Created: stamp("2026-03-03T13:01:40Z"), LastUsed: stamp("2026-03-04T12:24:21Z")}},
		{"ends, from two addresses", "kraken", `{"error":[],"result":{"permissions":["query-funds"],"validUntil":"1798761600","createdTime":"1772542900","ipAllowlist":["192.0.2.1","192.0.2.2"],"lastUsed":null}}`,
			report{Can: read, Cannot: spot | margin | take, IPList: exauth.Yes, IPs: []string{"192.0.2.1", "192.0.2.2"}, Ends: exauth.Yes, Expires: stamp("2027-01-01T00:00:00Z"), Created: stamp("2026-03-03T13:01:40Z")}},
		{"trader", "gemini", `{"isAuditor":false,"isFundManager":false,"isTrader":true}`,
			report{Can: read | trade, Cannot: move | take}},
		{"own key in a list", "upbit", `[{"access_key":"other","expire_at":"2026-12-01T00:00:00+09:00"},{"access_key":"FAKE-key","expire_at":"2027-03-09T12:39:39+00:00"}]`,
			report{Ends: exauth.Yes, Expires: stamp("2027-03-09T12:39:39Z")}},
		{"data", "coinmarketcap", `{"status":{"error_code":0},"data":{"plan":{"credit_limit_monthly":15000},"usage":{}}}`,
			report{Can: read, Cannot: trade | move | take | admin}},
		{"data", "coinpaprika:pro", `{"plan":"pro","plan_started_at":"2022-09-16T10:17:24Z","plan_status":"active","usage":{}}`,
			report{Can: read, Cannot: trade | move | take | admin}},
	} {
		t.Run(c.venue+" "+c.name, func(t *testing.T) {
			v, _ := venue.ByName(c.venue)
			asked := ""
			got, err := keyReport(t, v, func(r *http.Request) (int, string) {
				asked = r.Method + " " + r.URL.Path
				return 200, c.body
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want := v.KeyCheck.Call.Method + " " + v.KeyCheck.Call.Path; asked != want {
				t.Errorf("asked %s, want %s", asked, want)
			}
			got.Advice, got.Venue, got.Environment, got.Key = nil, "", "", ""
			norm := func(r report) string {
				r.Created, r.Expires, r.LastUsed = r.Created.UTC(), r.Expires.UTC(), r.LastUsed.UTC()
				return fmt.Sprintf("can %s, cannot %s, list %s %v, ends %s %s, created %s, used %s", r.Can, r.Cannot, r.IPList, r.IPs, r.Ends, r.Expires, r.Created, r.LastUsed)
			}
			if norm(got) != norm(c.want) {
				t.Errorf("got  %s\nwant %s", norm(got), norm(c.want))
			}
		})
	}
}

// keyReport checks a key at a venue whose every answer is a function's.
func keyReport(t *testing.T, v *exauth.Venue, answer func(*http.Request) (int, string), r *exauth.Require) (exauth.KeyReport, error) {
	t.Helper()
	v.Clock = exauth.Clock{}
	secret := "FAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKE" // base64, too
	key := exauth.NewSecretKey("FAKE-key", secret).WithPassphrase("FAKE")
	client, err := exauth.New(v, key, &exauth.Options{NoRetry: true, HTTPClient: &http.Client{Transport: tripFunc(func(r *http.Request) (*http.Response, error) {
		status, body := answer(r)
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	return client.CheckKey(t.Context(), r)
}

// TestKeyCheckHostile: an answer that says nothing, or nonsense, grants nothing.
func TestKeyCheckHostile(t *testing.T) {
	for _, name := range venue.Names() {
		v, ok := venue.ByName(name)
		if !ok || v.KeyCheck.Call.Path == "" {
			continue
		}
		for _, body := range []string{`{}`, `[]`, `null`, `"x"`, `{"data":null}`, `{"data":{}}`, `{"result":{}}`, `{"error":[],"result":{}}`, `{"retCode":0,"result":{}}`,
			`{"code":"0","data":[]}`, `{"code":"200000","data":{}}`, `{"ipRestrict":"maybe","enableReading":1}`, `{"can_view":"yes"}`, `[{"access_key":"other"}]`} {
			r, err := keyReport(t, v, func(*http.Request) (int, string) { return 200, body }, nil)
			if err == nil && (r.Can&^exauth.ScopeRead != 0 || r.IPList == exauth.Yes) {
				t.Errorf("%s: %s grants %s", name, body, r.Can)
			}
		}
	}
}

// TestKeyCheckExchange: against test exchanges that know what their keys may do.
func TestKeyCheckExchange(t *testing.T) {
	for _, v := range []*exauth.Venue{venue.Binance(), venue.OKX()} {
		for _, scope := range []exauth.Scope{exauth.ScopeRead, exauth.ScopeRead | exauth.ScopeTradeSpot, exauth.ScopeRead | exauth.ScopeTradeSpot | exauth.ScopeWithdraw} {
			srv := exchangetest.NewServer(t, v, nil)
			k := srv.Key(scope)
			key := exauth.NewSecretKey(k.ID, k.Secret)
			if k.Passphrase != "" {
				key = key.WithPassphrase(k.Passphrase)
			}
			client, err := exauth.New(srv.Venue(), key, &exauth.Options{Scope: exauth.ScopeRead})
			if err != nil {
				t.Fatal(err)
			}
			r, err := client.CheckKey(t.Context(), &exauth.Require{NoWithdraw: true, OnUnknown: exauth.RefuseUnknown})
			withdraws := scope&exauth.ScopeWithdraw != 0
			if (err != nil) != withdraws || withdraws && !errors.Is(err, exauth.ErrScope) || (r.May(exauth.ScopeWithdraw) == exauth.Yes) != withdraws {
				t.Errorf("%s, %s: %v, %+v", v.Name, scope, err, r)
			}
			if (r.May(exauth.ScopeTradeSpot) == exauth.Yes) != (scope&exauth.ScopeTradeSpot != 0) || r.May(exauth.ScopeRead) != exauth.Yes || !r.ClockKnown {
				t.Errorf("%s, %s: %+v", v.Name, scope, r)
			}
			if withdraws && (len(r.Advice) == 0 || r.Advice[0].Risk != exauth.RiskHigh || !strings.Contains(r.Advice[0].Text, "withdraw")) {
				t.Errorf("%s: %v", v.Name, r.Advice)
			}
			client.Close()
		}
	}
}
