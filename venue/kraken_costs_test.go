package venue_test

import (
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func TestKrakenCosts(t *testing.T) {
	runCosts(t, "kraken", []costCase{
		{"GET /0/public/Time", "PUBLIC:1"},
		{"GET /0/public/Ticker?pair=XBTUSD", "PUBLIC:1"},
		{"GET /0/public/Trades?pair=XBTUSD", "PUBLIC_PAIR[XBTUSD]:1"},
		{"POST /0/private/Balance", "API:1"},
		{"POST /0/private/Ledgers", "API:2"},
		{"POST /0/private/TradesHistory", "API:2"},
		{"POST /0/private/AddOrder pair=XBTUSD&type=buy", "TRADING[XBTUSD]:1"},
		{"POST /0/private/CancelOrder txid=A", ""},
		{`POST /0/private/AddOrderBatch {"pair":"XBTUSD","orders":[{"type":"buy"},{"type":"sell"}]}`, "TRADING[XBTUSD]:2 API:1"},
		{"POST /0/private/EditOrder pair=XBTUSD&txid=A", "TRADING[XBTUSD]:7 API:1"},
		{"POST /0/private/New a=1", "API:2"},
	})
}

func TestKrakenSettle(t *testing.T) {
	const order = "POST /0/private/AddOrder pair=XBTUSD"
	runSettles(t, "kraken", []settleCase{
		{"well", order, 200, `{"error":[],"result":{}}`, "", ""},
		{"the counter of calls", "POST /0/private/Balance", 200, `{"error":["EAPI:Rate limit exceeded"]}`, "", "API"},
		{"the matching engine", order, 200, `{"error":["EOrder:Rate limit exceeded"]}`, "", "TRADING"},
		{"a cancel", "POST /0/private/CancelOrder txid=A", 200, `{"error":["EOrder:Rate limit exceeded"]}`, "", "TRADING"},
		{"public", "GET /0/public/Ticker?pair=A", 200, `{"error":["EGeneral:Too many requests"]}`, "", "PUBLIC"},
		{"a warning", order, 200, `{"error":["WOrder:Something"],"result":{}}`, "", ""},
	})
}

func TestKrakenPlans(t *testing.T) {
	for plan, want := range map[string]struct {
		api, trading int
		decay        float64
		step         time.Duration
	}{
		"starter": {15, 60, 0.33, 3 * time.Second}, "intermediate": {20, 125, 0.5, 2 * time.Second}, "pro": {20, 180, 1, time.Second},
	} {
		v, err := venue.Kraken().Plan(plan)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range v.Quotas {
			if q.Name == "API" && (q.Kind != exauth.DecayCounter || q.Limit != want.api || q.Refill != want.decay || q.Step != want.step) ||
				q.Name == "TRADING" && q.Limit != want.trading {
				t.Errorf("%s: %+v", plan, q)
			}
		}
	}
	if venue.Kraken().Tier != "starter" {
		t.Error("the lowest tier is the default")
	}
}
