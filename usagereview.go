package exauth

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// A UsageReview is what a person looks at once a week: what each key did since From,
// beside what it was known to do before.
type UsageReview struct {
	From, To time.Time  // To is the time of the newest record
	Keys     []KeyUsage // the busiest first; keys seen only before From have no attempts
	Skipped  int        // lines that were no records
}

// KeyUsage is what one key did. Counts are of attempts, so that a call tried twice
// counts twice.
type KeyUsage struct {
	Venue, Environment, Account, Key string    // Key "" for public calls and for calls refused before a key was chosen
	First, Last                      time.Time // ever, and last
	Attempts                         int
	Sent                             int // that reached for the network
	Failed                           int // of those sent, without the venue's yes
	Refused                          int // on this side: scope, limits, Halt
	AuthFailures                     int // signature, key, permission, IP list and the like
	RateLimited                      int // by the venue
	Unknown                          int // fate unknown
	Withdrawals                      int // attempts to withdraw, refused ones too
	Scope                            Scope
	Endpoints, Symbols, Kinds        []UsageCount // the most frequent first
	NewEndpoints, NewSymbols         []string     // not seen before From; empty where nothing was seen before From
	Costs                            []UsageCount // by quota
	P50, P99                         time.Duration
}

// A UsageCount is how often something was seen.
type UsageCount struct {
	Name string
	N    int
}

// ReviewUsage sums up a log's records from since on, key by key. Earlier records
// tell what is new. Errors in records are counted, not returned.
func ReviewUsage(records iter.Seq2[UsageRecord, error], since time.Time) UsageReview {
	v := UsageReview{From: since}
	keys := map[usageKey]*usageSum{}
	for r, err := range records {
		if err != nil {
			v.Skipped++
			continue
		}
		k := usageKey{r.Venue, r.Environment, r.Account, r.Key}
		s := keys[k]
		if s == nil {
			s = newUsageSum(k)
			keys[k] = s
		}
		s.add(r, since)
		if r.Time.After(v.To) {
			v.To = r.Time
		}
	}
	for _, s := range keys {
		v.Keys = append(v.Keys, s.done())
	}
	slices.SortFunc(v.Keys, func(a, b KeyUsage) int {
		return cmp.Or(b.Attempts-a.Attempts, strings.Compare(a.Venue, b.Venue), strings.Compare(a.Account, b.Account), strings.Compare(a.Key, b.Key))
	})
	return v
}

type usageKey struct{ venue, environment, account, key string }

// usageSum gathers the records of one key. Names are few: routes are templates.
type usageSum struct {
	KeyUsage
	before                    map[string]bool // endpoints and symbols, the latter behind a space
	endpoints, symbols, kinds map[string]int
	costs                     map[string]int
	latency                   map[int]int // by hundredths of a decade
	latencies                 int
}

func newUsageSum(k usageKey) *usageSum {
	return &usageSum{
		KeyUsage: KeyUsage{Venue: k.venue, Environment: k.environment, Account: k.account, Key: k.key},
		before:   map[string]bool{}, endpoints: map[string]int{}, symbols: map[string]int{}, kinds: map[string]int{},
		costs: map[string]int{}, latency: map[int]int{},
	}
}

func (s *usageSum) add(r UsageRecord, since time.Time) {
	if s.First.IsZero() || r.Time.Before(s.First) {
		s.First = r.Time
	}
	if r.Time.After(s.Last) {
		s.Last = r.Time
	}
	if r.Time.Before(since) {
		s.before[r.endpoint()] = true
		for _, sym := range r.Symbols {
			s.before[" "+sym] = true
		}
		return
	}
	s.Attempts++
	scope, _ := ParseScope(r.Scope)
	s.Scope |= scope
	s.endpoints[r.endpoint()]++
	for _, sym := range r.Symbols {
		s.symbols[sym]++
	}
	for quota, n := range r.Costs {
		s.costs[quota] += n
	}
	if r.Kind != "" {
		s.kinds[r.Kind]++
	}
	if r.withdraws() {
		s.Withdrawals++
	}
	switch {
	case r.Outcome == outcomeSigned:
	case r.sent():
		s.Sent++
		s.latency[int(100*math.Log10(max(r.LatencyMS, 0.01)))]++
		s.latencies++
	default:
		s.Refused++
	}
	s.fail(r)
}

// fail counts what went wrong.
func (s *usageSum) fail(r UsageRecord) {
	if r.sent() && r.Outcome != OutcomeAccepted.String() {
		s.Failed++
	}
	if authKind(r.Kind) {
		s.AuthFailures++
	}
	if r.Kind == "rate-limited" && r.Status != 0 || r.Kind == "banned" && r.Status != 0 {
		s.RateLimited++
	}
	if r.Outcome == OutcomeUnknown.String() {
		s.Unknown++
	}
}

func (s *usageSum) done() KeyUsage {
	s.Endpoints, s.Symbols, s.Kinds, s.Costs = counts(s.endpoints), counts(s.symbols), counts(s.kinds), counts(s.costs)
	if len(s.before) > 0 {
		for _, e := range s.Endpoints {
			if !s.before[e.Name] {
				s.NewEndpoints = append(s.NewEndpoints, e.Name)
			}
		}
		for _, sym := range s.Symbols {
			if !s.before[" "+sym.Name] {
				s.NewSymbols = append(s.NewSymbols, sym.Name)
			}
		}
	}
	s.P50, s.P99 = s.quantile(0.50), s.quantile(0.99)
	return s.KeyUsage
}

// quantile reads the latency below which a share q of the attempts stayed, to within
// 2.4 %.
func (s *usageSum) quantile(q float64) time.Duration {
	left := int(math.Ceil(q * float64(s.latencies)))
	for _, slot := range slices.Sorted(maps.Keys(s.latency)) {
		if left -= s.latency[slot]; left <= 0 {
			return time.Duration(math.Pow(10, float64(slot)/100) * float64(time.Millisecond)).Round(10 * time.Microsecond)
		}
	}
	return 0
}

func counts(m map[string]int) []UsageCount {
	var list []UsageCount
	for name, n := range m {
		list = append(list, UsageCount{name, n})
	}
	slices.SortFunc(list, func(a, b UsageCount) int { return cmp.Or(b.N-a.N, strings.Compare(a.Name, b.Name)) })
	return list
}

// endpoint is what "used before" is about.
func (r UsageRecord) endpoint() string { return r.Method + " " + r.Route }

// sent reports whether the attempt reached for the network: a route's answer, or the
// time it took to get none.
func (r UsageRecord) sent() bool {
	return r.Status != 0 || r.LatencyMS > 0 || r.Outcome != OutcomeNotSent.String() && r.Outcome != outcomeSigned
}

// withdraws reports an attempt to take money out of the venue: by its scope, or, where
// it was refused before that was known, by its path.
func (r UsageRecord) withdraws() bool {
	scope, _ := ParseScope(r.Scope)
	return scope.has(ScopeWithdraw) || scope == 0 && r.Method != "GET" && strings.Contains(strings.ToLower(r.Route), "withdraw")
}

// authKind reports a refusal that is about the credential.
func authKind(kind string) bool {
	switch kind {
	case "signature", "key", "key-expired", "permission", "environment", "account-locked", "ip-not-allowed", "passphrase":
		return true
	}
	return false
}
