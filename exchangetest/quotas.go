package exchangetest

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/exauth/exauth"
)

// The gate counts calls and refuses those that break a quota, as the exchange would:
// when they arrive, by its own clock, whatever any client believes. It was written
// from the venues' documentation and shares nothing with exauth's limiter.
type gate struct {
	quotas   []exauth.Quota
	costs    func(*http.Request) []exauth.Cost // nil: the dialect's
	hidden   func(quota string, at time.Time) float64
	banAfter int           // strikes; 0 never bans
	patience time.Duration // until a refused client must have heard of it
	opened   time.Time

	mu       sync.Mutex
	counters map[scope]*counter
	visitors map[string]*visitor // by address
	bans     []Ban
	refused  int
	foreign  int // units that hidden clients were refused
}

// A scope is what one counter counts.
type scope struct{ quota, of, item string }

// A Ban is a time for which an address was shut out, by the exchange's clock.
type Ban struct {
	Addr        string
	From, Until time.Time
}

// A visitor is what the exchange remembers of an address.
type visitor struct {
	strikes int
	last    time.Time // the last strike
	heard   time.Time // from here on it knows of its last refusal
	until   time.Time // how long that asked it to wait
	bans    int
	banned  time.Time // until
}

// An excess is why a call was refused: the quota it would have broken, or a ban.
type excess struct {
	quota  exauth.Quota
	item   string
	wait   time.Duration
	banned bool
	now    time.Time
}

// retryAfter is the wait in whole seconds, rounded up.
func (x *excess) retryAfter() string {
	return strconv.Itoa(max(1, int(math.Ceil(x.wait.Seconds()))))
}

// newGate checks the quotas and opens the gate.
func newGate(o Options) (*gate, error) {
	g := &gate{quotas: slices.Clone(o.Quotas), costs: o.Costs, hidden: o.Hidden, banAfter: max(o.BanAfter, 0), patience: o.Latency + time.Second,
		counters: map[scope]*counter{}, visitors: map[string]*visitor{}, opened: o.Now().Add(o.Skew).UTC()}
	names := map[string]bool{}
	for _, q := range g.quotas {
		windowed := q.Kind == exauth.FixedWindow || q.Kind == exauth.AnchoredWindow || q.Kind == exauth.SlidingWindow
		refilled := q.Kind == exauth.DecayCounter || q.Kind == exauth.TokenBucket
		switch {
		case q.Name == "" || names[q.Name]:
			return nil, fmt.Errorf("%w: exchangetest quota %q has no name, or another one's", exauth.ErrParam, q.Name)
		case q.Limit <= 0, windowed && q.Window <= 0, refilled && !(q.Refill > 0), q.Step < 0,
			!windowed && !refilled && q.Kind != exauth.Concurrency:
			return nil, fmt.Errorf("%w: exchangetest quota %q makes no sense: %+v", exauth.ErrParam, q.Name, q)
		}
		names[q.Name] = true
	}
	if g.hidden != nil && len(g.quotas) == 0 {
		return nil, fmt.Errorf("%w: exchangetest has hidden clients and no quotas for them to use", exauth.ErrParam)
	}
	return g, nil
}

// like returns n of every quota whose name begins with a unit: "ORDERS" stands for
// ORDERS_10S and ORDERS_1D. Venues publish several limits of one count.
func (g *gate) like(unit string, n int) []exauth.Cost {
	var costs []exauth.Cost
	for _, q := range g.quotas {
		if strings.HasPrefix(q.Name, unit) {
			costs = append(costs, exauth.Cost{Quota: q.Name, N: n})
		}
	}
	return costs
}

// item returns n of every quota whose name begins with a unit, for one item.
func (g *gate) item(unit, item string, n int) []exauth.Cost {
	costs := g.like(unit, n)
	for i := range costs {
		costs[i].Item = item
	}
	return costs
}

// of is whom a quota is counted against, and whether that takes a key to know.
func (v *visit) of(q exauth.Quota, item string) (s scope, personal bool) {
	switch q.Per {
	case exauth.PerAccount:
		return scope{q.Name, v.key.account(), ""}, true
	case exauth.PerSymbol:
		return scope{q.Name, v.key.account(), item}, true
	case exauth.PerKey:
		return scope{q.Name, v.key.ID, ""}, true
	case exauth.PerEndpoint:
		return scope{q.Name, v.addr, item}, false
	}
	return scope{q.Name, v.addr, ""}, false
}

// counter finds or opens a counter and brings it up to date; g.mu is held.
func (g *gate) counter(q exauth.Quota, s scope, now time.Time) *counter {
	c := g.counters[s]
	if c == nil {
		c = &counter{quota: q, hidden: g.opened}
		g.counters[s] = c
	}
	g.foreign += c.share(g.hidden, now)
	c.advance(now)
	return c
}

// A visit is one call at the gate. A nil visit is let through.
type visit struct {
	gate  *gate
	addr  string
	key   Key
	price func(Key) []exauth.Cost
	taken []taking
	fault string // a quota that Options.Costs names and Options.Quotas does not
}

// visit receives a call. What it costs is asked twice, before and after its key is
// known; the dialect's word may depend on the key's account.
func (g *gate) visit(r *http.Request, price func(Key) []exauth.Cost) *visit {
	addr, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		addr = r.RemoteAddr
	}
	v := &visit{gate: g, addr: addr, price: price}
	if g.costs != nil {
		list := g.costs(r)
		v.price = func(Key) []exauth.Cost { return list }
		for _, cost := range list {
			if g.find(cost.Quota) < 0 {
				v.fault = cost.Quota
			}
		}
	}
	return v
}

// find returns the index of a quota, or -1.
func (g *gate) find(name string) int {
	return slices.IndexFunc(g.quotas, func(q exauth.Quota) bool { return q.Name == name })
}

// enter takes what the call costs its address, all or nothing.
func (v *visit) enter(now time.Time) *excess {
	costs := v.price(v.key)
	v.gate.mu.Lock()
	defer v.gate.mu.Unlock()
	if b := v.gate.visitor(v.addr).banned; now.Before(b) {
		return &excess{banned: true, wait: b.Sub(now), now: now}
	}
	return v.take(costs, now, false)
}

// identify takes what the call costs the account and the key it has proven to be
// of, all or nothing.
func (v *visit) identify(key Key, now time.Time) *excess {
	if v == nil {
		return nil
	}
	v.key = key
	costs := v.price(key)
	v.gate.mu.Lock()
	defer v.gate.mu.Unlock()
	return v.take(costs, now, true)
}

// take takes the costs that are personal, or those that are not.
func (v *visit) take(costs []exauth.Cost, now time.Time, personal bool) *excess {
	g := v.gate
	wanted := map[*counter]float64{}
	var order []*counter
	var x *excess
	for _, cost := range costs {
		i := g.find(cost.Quota)
		if i < 0 {
			continue
		}
		q := g.quotas[i]
		s, needsKey := v.of(q, cost.Item)
		if needsKey != personal {
			continue
		}
		c, n := g.counter(q, s, now), float64(max(cost.N, 0))
		if _, known := wanted[c]; !known {
			order = append(order, c)
		}
		wanted[c] += n
		if n = wanted[c]; n > 0 && !c.room(n) {
			if wait := c.wait(n); x == nil || wait > x.wait {
				x = &excess{quota: q, item: cost.Item, wait: wait, now: now}
			}
		}
	}
	for _, c := range order {
		n := wanted[c]
		if x != nil {
			n = 0 // all or nothing; the answer tells the counts all the same
		}
		v.taken = append(v.taken, c.take(n))
	}
	if x == nil {
		return nil
	}
	return g.strike(v.addr, x)
}

// correct settles what a call really cost, where that is less than was taken.
func (v *visit) correct(costs []exauth.Cost) {
	if v.gate.costs != nil {
		return // its word is the last
	}
	v.gate.mu.Lock()
	defer v.gate.mu.Unlock()
	for _, cost := range costs {
		for i := range v.taken {
			if t := &v.taken[i]; t.from.quota.Name == cost.Quota {
				t.giveBack(t.n - float64(cost.N))
			}
		}
	}
}

// leave ends a call: it is in flight no more.
func (v *visit) leave() {
	v.gate.mu.Lock()
	defer v.gate.mu.Unlock()
	for i := range v.taken {
		if t := &v.taken[i]; t.from.quota.Kind == exauth.Concurrency {
			t.giveBack(t.n)
		}
	}
}

// headers tells the counts that the call went into, in the venue's headers. Counts
// of an account are promised with success only.
func (v *visit) headers(h http.Header, status int) {
	v.gate.mu.Lock()
	defer v.gate.mu.Unlock()
	for _, t := range v.taken {
		c, q := t.from, t.from.quota
		if _, personal := v.of(q, ""); personal && status >= 400 {
			continue
		}
		set := func(name string, n int64) {
			if name != "" {
				h.Set(name, strconv.FormatInt(n, 10))
			}
		}
		set(q.UsedHeader, int64(math.Ceil(c.used-rounding)))
		set(q.RemainingHeader, int64(math.Floor(max(0, float64(q.Limit)-c.used)+rounding)))
		set(q.TimeHeader, c.at.UnixMilli())
		if !c.begun.IsZero() {
			set(q.ResetHeader, windowEnd(q.Window, c.begun).Sub(c.at).Milliseconds())
		}
	}
}

// How bans come about is not published beyond "repeatedly violating rate limits
// and/or failing to back off after receiving 429s", 2 minutes to 3 days (Binance,
// rest-api.md, "IP Limits"). Here a strike is the first refusal after a while, and
// every further one that the client must have known better than to ask for.
const (
	firstBan   = 2 * time.Minute
	longestBan = 72 * time.Hour
	forgotten  = time.Hour // strikes are, after as long without one
)

func (g *gate) visitor(addr string) *visitor {
	v := g.visitors[addr]
	if v == nil {
		v = &visitor{}
		g.visitors[addr] = v
	}
	return v
}

// strike remembers a refusal, and turns it into a ban when there were too many.
func (g *gate) strike(addr string, x *excess) *excess {
	g.refused++
	v, now := g.visitor(addr), x.now
	switch {
	case now.After(v.until):
		v.heard, v.until = now.Add(g.patience), now.Add(x.wait)
	case now.Before(v.heard):
		return x // it was under way when the first was answered
	}
	if now.Sub(v.last) > forgotten {
		v.strikes = 0
	}
	v.strikes++
	v.last = now
	if g.banAfter == 0 || v.strikes < g.banAfter {
		return x
	}
	wait := min(firstBan<<min(v.bans, 20), longestBan)
	v.bans++
	v.strikes, v.until, v.banned = 0, now.Add(wait), now.Add(wait)
	g.bans = append(g.bans, Ban{addr, now, v.banned})
	return &excess{quota: x.quota, wait: wait, banned: true, now: now}
}

// relieve takes n off an account's counts of a unit: what an event other than a
// call gives back.
func (g *gate) relieve(unit, account string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, q := range g.quotas {
		if !strings.HasPrefix(q.Name, unit) {
			continue
		}
		if c := g.counters[scope{q.Name, account, ""}]; c != nil {
			c.lower(float64(n))
		}
	}
}

// count is one count now.
func (g *gate) count(s scope, now time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.counters[s]
	if c == nil {
		return 0
	}
	return int(math.Ceil(g.counter(c.quota, s, now).used - rounding))
}

// level is the highest count of a quota now, over all it is counted for.
func (g *gate) level(name string, now time.Time) (used, limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := g.find(name); i >= 0 {
		limit = g.quotas[i].Limit
	}
	for s, c := range g.counters {
		if s.quota == name {
			g.counter(c.quota, s, now)
			used = max(used, int(math.Ceil(c.used-rounding)))
		}
	}
	return used, limit
}
