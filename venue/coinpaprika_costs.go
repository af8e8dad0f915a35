package venue

import (
	"context"
	"slices"
	"time"

	"github.com/exauth/exauth"
)

// coinpaprikaQuotas: 20,000 calls a month without a key, for the address (vendor:
// docs.coinpaprika.com, read 2026-11-23). What paid plans allow is not on the page:
// the same is assumed until LoadLimits has asked.
func coinpaprikaQuotas(per exauth.Per) []exauth.Quota {
	return []exauth.Quota{fixed("MONTH", 20000, 31*24*time.Hour, per, "")}
}

// coinpaprikaCosts is what every call costs, failed ones too: nothing else is said.
func coinpaprikaCosts() []exauth.Cost { return []exauth.Cost{{Quota: "MONTH", N: 1}} }

// coinpaprikaLimits reads what a key's month holds: what was used and what is left.
func coinpaprikaLimits(ctx context.Context, c *exauth.Client) ([]exauth.Quota, error) {
	info, err := exauth.Get[struct {
		Usage struct {
			Month struct {
				Made int `json:"requests_made"`
				Left int `json:"requests_left"`
			} `json:"current_month"`
		}
	}](ctx, c, "/v1/key/info", nil)
	if err != nil {
		return nil, err
	}
	quotas := slices.Clone(c.Venue().Quotas)
	if m := info.Usage.Month; m.Made >= 0 && m.Left > 0 {
		quotas[0].Limit = m.Made + m.Left
	}
	return quotas, nil
}
