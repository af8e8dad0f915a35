package venue_test

import (
	"net/http"
	"testing"

	"github.com/exauth/exauth/venue"
)

func TestBybitCosts(t *testing.T) {
	runCosts(t, "bybit", []costCase{
		{"GET /v5/market/tickers?category=spot", "IP:1"},
		{"GET /v5/market/time", "IP:1"},
		{`POST /v5/order/create {"category":"spot","symbol":"BTCUSDT"}`, "TRADE_SPOT[POST /v5/order/create]:1 IP:1"},
		{`POST /v5/order/create {"category":"linear","symbol":"BTCUSDT"}`, "TRADE_FUTURES[POST /v5/order/create]:1 IP:1"},
		{`POST /v5/order/create {"category":"inverse"}`, "TRADE_FUTURES[POST /v5/order/create]:1 IP:1"},
		{`POST /v5/order/create {"category":"option"}`, "TRADE_OPTION[POST /v5/order/create]:1 IP:1"},
		{`POST /v5/order/amend {"category":"spot"}`, "UID_10_1S[POST /v5/order/amend]:1 IP:1"},
		{`POST /v5/order/cancel-all {"category":"option"}`, "UID_1_1S[POST /v5/order/cancel-all]:1 IP:1"},
		{`POST /v5/order/create-batch {"category":"linear","request":[{"symbol":"A"},{"symbol":"B"},{"symbol":"C"}]}`, "TRADE_FUTURES[POST /v5/order/create-batch]:3 IP:1"},
		{`POST /v5/order/cancel-batch {"category":"spot","request":[]}`, "TRADE_SPOT[POST /v5/order/cancel-batch]:1 IP:1"},
		{"GET /v5/order/realtime?category=linear", "UID_50_1S[GET /v5/order/realtime]:1 IP:1"},
		{"GET /v5/account/wallet-balance?accountType=UNIFIED", "UID_50_1S[GET /v5/account/wallet-balance]:1 IP:1"},
		{"GET /v5/asset/deposit/query-record", "UID_100_1M[GET /v5/asset/deposit/query-record]:1 IP:1"},
		{`POST /v5/asset/transfer/inter-transfer {"coin":"BTC"}`, "UID_60_1M[POST /v5/asset/transfer/inter-transfer]:1 IP:1"},
		{`POST /v5/asset/withdraw/create {"coin":"BTC"}`, "UID_5_1S[POST /v5/asset/withdraw/create]:1 WITHDRAWALS[BTC]:1 IP:1"},
		{"GET /v5/new", "UID_5_1S[GET /v5/new]:1 IP:1"},
	})
}

func TestBybitSettle(t *testing.T) {
	const read = "GET /v5/order/realtime?category=linear"
	runSettles(t, "bybit", []settleCase{
		{"well", read, 200, `{"retCode":0,"result":{}}`, "", ""},
		{"too many visits", read, 200, `{"retCode":10006,"retMsg":"Too many visits!"}`, "", "UID_50_1S"},
		{"too many orders", `POST /v5/order/create {"category":"spot"}`, 200, `{"retCode":10006,"retMsg":"Too many visits!"}`, "", "TRADE_SPOT"},
		{"address, by code", read, 200, `{"retCode":10018,"retMsg":"Exceeded the IP Rate Limit."}`, "", "IP"},
		{"address, by status", read, 403, `403, access too frequent`, "", "IP"},
		{"a country", read, 403, `<html>blocked from your country</html>`, "", ""},
		{"a permission", read, 200, `{"retCode":10005,"retMsg":"Permission denied"}`, "", ""},
	})
}

func TestBybitPlans(t *testing.T) {
	for plan, want := range map[string][3]int{"default": {10, 10, 20}, "vip1": {20, 20, 25}, "vip5": {60, 60, 40}, "pro6": {1200, 1200, 1200}, "mm1": {600, 600, 600}} {
		v, err := venue.Bybit().Plan(plan)
		if err != nil {
			t.Fatal(err)
		}
		got := limitsOf(v.Quotas)
		if [3]int{got["TRADE_FUTURES"], got["TRADE_OPTION"], got["TRADE_SPOT"]} != want || got["IP"] != 600 {
			t.Errorf("%s: %v, want %v", plan, got, want)
		}
	}
}

// The answers are those of the vendor's pages, the second with one account.
func TestBybitLimits(t *testing.T) {
	me := byPath{"/v5/user/query-api": `{"retCode":0,"result":{"userID":290118}}`}
	me["/v5/apilimit/query"] = `{"retCode":0,"result":{"list":[{"uids":"290118","bizType":"SPOT","rate":600},{"uids":"290118","bizType":"DERIVATIVES","rate":400}]}}`
	got, _, err := loadLimits(t, venue.Bybit(), me)
	if err != nil || got["TRADE_SPOT"] != 600 || got["TRADE_FUTURES"] != 400 || got["TRADE_OPTION"] != 10 {
		t.Errorf("%v, %v", got, err)
	}
	me["/v5/apilimit/query"] = `{"retCode":10005,"retMsg":"Permission denied"}`
	if got, _, err := loadLimits(t, venue.Bybit(), me); err != nil || got["TRADE_SPOT"] != 20 {
		t.Errorf("an account that may not ask: %v, %v", got, err)
	}
	if _, _, err := loadLimits(t, venue.Bybit(), byPath{}); err == nil {
		t.Error("no answer is no error")
	}
}

// A header of the endpoint says nothing of the address.
func TestBybitHeaders(t *testing.T) {
	for _, q := range venue.Bybit().Quotas {
		has := q.RemainingHeader != "" && q.TimeHeader == http.CanonicalHeaderKey("X-Bapi-Limit-Reset-Timestamp")
		if has == (q.Name == "IP" || q.Name == "WITHDRAWALS") {
			t.Errorf("%s: headers %q, %q", q.Name, q.RemainingHeader, q.TimeHeader)
		}
	}
}
