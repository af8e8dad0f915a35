package venue_test

import (
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func TestKuCoinCosts(t *testing.T) {
	runCosts(t, "kucoin", []costCase{
		{"GET /api/v1/timestamp", "PUBLIC:3 ADDRESS:1"},
		{"GET /api/v1/market/allTickers", "PUBLIC:15 ADDRESS:1"},
		{`POST /api/v1/hf/orders {"clientOid":"a","symbol":"BTC-USDT"}`, "SPOT:1 ADDRESS:1"},
		{"DELETE /api/v1/hf/orders/670fd33bf9406e0007ab3945?symbol=BTC-USDT", "SPOT:1 ADDRESS:1"},
		{"DELETE /api/v1/hf/orders?symbol=BTC-USDT", "SPOT:2 ADDRESS:1"},
		{`POST /api/v1/orders {"clientOid":"a"}`, "SPOT:2 ADDRESS:1"},
		{"DELETE https://api-futures.kucoin.com/api/v1/orders?symbol=XBTUSDTM", "FUTURES:800 ADDRESS:1"},
		{"GET /api/v1/account-overview", "FUTURES:5 ADDRESS:1"},
		{"GET /api/v1/accounts", "MANAGEMENT:5 ADDRESS:1"},
		{`POST /api/ua/v1/unified/order/place {"tradeType":"SPOT"}`, "UNIFIED:1 ADDRESS:1"},
		{"GET /api/ua/v1/market/kline?symbol=A", "PUBLIC:3 ADDRESS:1"},
		{"GET /api/v1/new", "SPOT:20 FUTURES:20 MANAGEMENT:20 ADDRESS:1"},
		{"GET /api/ua/v1/unified/new", "UNIFIED:5 ADDRESS:1"},
	})
	runCosts(t, "kucoinfutures", []costCase{
		{`POST /api/v1/orders {"clientOid":"a"}`, "FUTURES:2 ADDRESS:1"},
		{"GET /api/v1/fills", "FUTURES:5 ADDRESS:1"},
	})
	// A test server's host is neither: both pools pay.
	told := costed(t, venue.KuCoin().At("https://test.example"), `POST /api/v1/orders {"clientOid":"a"}`, 200, nil, "{}")
	if got := spend(told.demand.Costs); got != "SPOT:2 FUTURES:2 ADDRESS:1" {
		t.Errorf("elsewhere: %s", got)
	}
}

func TestKuCoinSettle(t *testing.T) {
	runSettles(t, "kucoin", []settleCase{
		{"well", "GET /api/v1/accounts", 200, `{"code":"200000","data":[]}`, "", ""},
		{"a pool", "GET /api/v1/accounts", 429, `{"code":"429000","msg":"Too Many Requests"}`, "", "MANAGEMENT"},
		{"an order", `POST /api/v1/hf/orders {"clientOid":"a"}`, 429, `{"code":"429000","msg":"Too Many Requests"}`, "", "SPOT"},
		{"Cloudflare", "GET /api/v1/accounts", 429, `<html>Error 1015: You are being rate limited</html>`, "", "ADDRESS"},
	})
}

func TestKuCoinPlans(t *testing.T) {
	for plan, want := range map[string][4]int{"vip0": {200, 4000, 2000, 2000}, "vip5": {700, 16000, 7000, 7000}, "vip12": {2000, 40000, 20000, 20000}} {
		v, err := venue.KuCoin().Plan(plan)
		if err != nil {
			t.Fatal(err)
		}
		got := limitsOf(v.Quotas)
		if [4]int{got["UNIFIED"], got["SPOT"], got["FUTURES"], got["MANAGEMENT"]} != want || got["EARN"] != 2000 || got["PUBLIC"] != 2000 {
			t.Errorf("%s: %v", plan, got)
		}
		for _, q := range v.Quotas {
			if q.Kind == exauth.AnchoredWindow && q.Window != 30*time.Second && q.Name != "UNIFIED" {
				t.Errorf("%s: %+v", plan, q)
			}
		}
	}
}

// The answer is that of the vendor's description, at another level.
func TestKuCoinLimits(t *testing.T) {
	answer := `{"code":"200000","data":{"level":3,"subQuantity":3,"spotSubQuantity":3}}`
	got, _, err := loadLimits(t, venue.KuCoin(), byPath{"/api/v2/user-info": answer})
	if err != nil || got["SPOT"] != 10000 || got["FUTURES"] != 5000 {
		t.Errorf("%v, %v", got, err)
	}
	if got, _, err := loadLimits(t, venue.KuCoin(), byPath{"/api/v2/user-info": `{"code":"200000","data":{"level":99}}`}); err != nil || got["SPOT"] != 4000 {
		t.Errorf("a level nobody listed: %v, %v", got, err)
	}
}
