package venue

import "github.com/exauth/exauth"

// geminiQuotas: 120 public and 600 private calls a minute, "one every 0.1 second",
// and five more that are queued; a call beyond those is refused. So a bucket of
// five, which never lets the queue overflow. What Gemini recommends, one and five a
// second, is a wish and not counted.
//
// Source: developer.gemini.com/rate-limit (vendor), read 2026-11-23. That private
// calls are counted by account is assumed: the page says "group of endpoints".
func geminiQuotas() []exauth.Quota {
	return []exauth.Quota{bucket("PUBLIC", 5, 2, exauth.PerIP), bucket("PRIVATE", 5, 10, exauth.PerAccount)}
}

func geminiPrices(routes []exauth.Route) []exauth.Route {
	p := newPricer(routes)
	p.others(tariff{quotas: geminiQuotas()}, byKey("q=PUBLIC:1", "q=PRIVATE:1"))
	return p.all()
}

// geminiDefault charges unknown endpoints in both groups.
func geminiDefault() []exauth.Cost {
	return []exauth.Cost{{Quota: "PRIVATE", N: 1}, {Quota: "PUBLIC", N: 1}}
}
