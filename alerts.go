package exauth

import (
	"fmt"
	"iter"
	"strconv"
	"sync"
	"time"
)

// An AlertKind says which threshold an Alert is about.
type AlertKind string

// The kinds of alerts.
const (
	AlertAuthFailures AlertKind = "auth-failures" // the venue refuses the key, its signatures or its address
	AlertErrorRate    AlertKind = "error-rate"    // too large a share of what was sent failed
	AlertVolume       AlertKind = "volume"        // more attempts than this key should need
	AlertNewEndpoint  AlertKind = "new-endpoint"  // the key is used for what it was never used for
	AlertNewSymbol    AlertKind = "new-symbol"    // or trades what it never traded
	AlertWithdrawal   AlertKind = "withdrawal"    // an attempt to withdraw, also one that was refused or only signed
)

// An Alert is one threshold crossed by one key. It holds no secret and no full key.
type Alert struct {
	Kind                             AlertKind
	Time                             time.Time
	Venue, Environment, Account, Key string // Key is a fingerprint
	Method, Route, Symbol            string // of the attempt that raised it; Symbol for AlertNewSymbol
	Outcome                          Outcome
	Count, Of                        int           // how many, of how many; for the kinds that count
	Window                           time.Duration // within which
}

// String says it in one line.
func (a Alert) String() string {
	who := a.Venue
	if a.Environment != "" {
		who += ":" + a.Environment
	}
	if a.Account != "" {
		who += " account " + strconv.Quote(a.Account)
	}
	if a.Key != "" {
		who += " key " + a.Key
	}
	var what string
	switch a.Kind {
	case AlertAuthFailures:
		what = fmt.Sprintf("%d refusals of the key within %s", a.Count, a.Window)
	case AlertErrorRate:
		what = fmt.Sprintf("%d of %d attempts failed within %s", a.Count, a.Of, a.Window)
	case AlertVolume:
		what = fmt.Sprintf("%d attempts within %s", a.Count, a.Window)
	case AlertNewEndpoint:
		what = "first use of " + a.Method + " " + a.Route
	case AlertNewSymbol:
		what = "first use of symbol " + a.Symbol + ", at " + a.Method + " " + a.Route
	case AlertWithdrawal:
		what = fmt.Sprintf("withdrawal attempted at %s %s: %s", a.Method, a.Route, a.Outcome)
	}
	return string(a.Kind) + ": " + who + ": " + what
}

// AlertOptions are the thresholds. The zero value means the defaults, a negative
// number switches a threshold off.
type AlertOptions struct {
	Window       time.Duration // that counts are within; default 5 minutes
	AuthFailures int           // default 3
	ErrorRate    float64       // share of attempts sent that failed; default 0.5
	MinAttempts  int           // fewer do not make a rate; default 20
	Volume       int           // attempts; default 6,000
	Learning     time.Duration // from a key's first attempt, while its endpoints and symbols are learned in silence; default 24 hours; negative: for good
}

// Alerts raises alerts by fixed thresholds, key by key. Its Observe is an
// Options.Observer; use Observers to have a usage log beside it. Several clients and
// goroutines may share one.
//
// Kinds that count are raised when the threshold is reached, and at most once per
// Window and key; first uses once each; withdrawals every time. What a key was used
// for is remembered while the program runs: give Learn the usage log at start-up.
type Alerts struct {
	hook func(Alert)
	opts AlertOptions

	mu   sync.Mutex
	keys map[usageKey]*keyHabits
}

// Bounds of what Alerts remembers. Beyond them it forgets the first uses it saw, so
// that a name may be told of again.
const (
	maxHabitKeys  = 1024
	maxHabitNames = 4096
	habitSlots    = 10 // of a window
)

// NewAlerts makes an Alerts that calls hook, on the goroutine of the call that
// crossed the threshold: hook should hand over and return. It may be called
// concurrently.
func NewAlerts(hook func(Alert), opts *AlertOptions) *Alerts {
	a := &Alerts{hook: hook, keys: map[usageKey]*keyHabits{}}
	if opts != nil {
		a.opts = *opts
	}
	o := &a.opts
	if o.Window <= 0 {
		o.Window = 5 * time.Minute
	}
	if o.AuthFailures == 0 {
		o.AuthFailures = 3
	}
	if o.ErrorRate == 0 {
		o.ErrorRate = 0.5
	}
	if o.MinAttempts == 0 {
		o.MinAttempts = 20
	}
	if o.Volume == 0 {
		o.Volume = 6000
	}
	if o.Learning == 0 {
		o.Learning = 24 * time.Hour
	}
	return a
}

// Learn takes what keys were used for from earlier records, ReadUsageFile's for
// instance, and raises nothing. Records that are errors are passed over.
func (s *Alerts) Learn(records iter.Seq2[UsageRecord, error]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r, err := range records {
		if err == nil {
			h := s.habits(r)
			h.learn(r)
		}
	}
}

// Observe looks at one attempt. It is an Options.Observer.
func (s *Alerts) Observe(a Attempt) {
	r := UsageOf(a)
	base := Alert{Time: r.Time, Venue: r.Venue, Environment: r.Environment, Account: r.Account, Key: r.Key,
		Method: r.Method, Route: r.Route, Outcome: a.Outcome, Window: s.opts.Window}
	s.mu.Lock()
	raised := s.raise(base, r)
	s.mu.Unlock()
	for _, one := range raised {
		s.hook(one)
	}
}

// raise lists what one attempt sets off.
func (s *Alerts) raise(base Alert, r UsageRecord) (raised []Alert) {
	h := s.habits(r)
	if r.withdraws() {
		one := base
		one.Kind, one.Window = AlertWithdrawal, 0
		raised = append(raised, one)
	}
	raised = append(raised, s.counted(base, h, r)...)
	silent := s.opts.Learning < 0 || r.Time.Sub(h.first) < s.opts.Learning
	for _, name := range h.learn(r) {
		one := base
		one.Kind, one.Window = AlertNewEndpoint, 0
		if name[0] == ' ' {
			one.Kind, one.Symbol = AlertNewSymbol, name[1:]
		}
		if !silent {
			raised = append(raised, one)
		}
	}
	return raised
}

// counted adds an attempt to its key's window and compares the sums.
func (s *Alerts) counted(base Alert, h *keyHabits, r UsageRecord) (raised []Alert) {
	slot := h.slot(r.Time, s.opts.Window)
	slot.all++
	if authKind(r.Kind) {
		slot.auth++
	}
	if r.sent() {
		slot.sent++
		if r.Outcome != OutcomeAccepted.String() {
			slot.failed++
		}
	}
	sum := h.sum()
	check := func(kind AlertKind, over bool, count, of int) {
		if !over || r.Time.Before(h.quiet[kind]) {
			return
		}
		h.quiet[kind] = r.Time.Add(s.opts.Window)
		one := base
		one.Kind, one.Count, one.Of = kind, count, of
		raised = append(raised, one)
	}
	o := s.opts
	check(AlertAuthFailures, o.AuthFailures > 0 && sum.auth >= o.AuthFailures, sum.auth, sum.all)
	check(AlertErrorRate, o.ErrorRate > 0 && sum.sent >= o.MinAttempts && float64(sum.failed) >= o.ErrorRate*float64(sum.sent), sum.failed, sum.sent)
	check(AlertVolume, o.Volume > 0 && sum.all >= o.Volume, sum.all, sum.all)
	return raised
}

// habits finds what is remembered of a record's key.
func (s *Alerts) habits(r UsageRecord) *keyHabits {
	k := usageKey{r.Venue, r.Environment, r.Account, r.Key}
	h := s.keys[k]
	if h == nil {
		for old := range s.keys {
			if len(s.keys) < maxHabitKeys {
				break
			}
			delete(s.keys, old)
		}
		h = &keyHabits{first: r.Time, known: map[string]bool{}, quiet: map[AlertKind]time.Time{}}
		s.keys[k] = h
	}
	if r.Time.Before(h.first) {
		h.first = r.Time
	}
	return h
}

// keyHabits is what is remembered of one key.
type keyHabits struct {
	first time.Time
	known map[string]bool // endpoints and symbols, the latter behind a space
	quiet map[AlertKind]time.Time
	slots [habitSlots]habitSlot
}

// habitSlot counts a tenth of a window.
type habitSlot struct {
	n                       int64 // which tenth since the epoch
	all, sent, failed, auth int
}

// slot returns the counters for a moment, and drops those that are older than a
// window.
func (h *keyHabits) slot(at time.Time, window time.Duration) *habitSlot {
	n := at.UnixNano() / max(int64(window)/habitSlots, 1)
	for i := range h.slots {
		if h.slots[i].n <= n-habitSlots || h.slots[i].n > n+habitSlots { // the latter: the clock went back
			h.slots[i] = habitSlot{n: n - habitSlots}
		}
	}
	s := &h.slots[(n%habitSlots+habitSlots)%habitSlots] // also before 1970
	if s.n != n {
		*s = habitSlot{n: n}
	}
	return s
}

func (h *keyHabits) sum() (t habitSlot) {
	for _, s := range h.slots {
		t.all, t.sent, t.failed, t.auth = t.all+s.all, t.sent+s.sent, t.failed+s.failed, t.auth+s.auth
	}
	return t
}

// learn remembers what a record uses and returns what of it is new.
func (h *keyHabits) learn(r UsageRecord) (fresh []string) {
	add := func(name string) {
		if h.known[name] {
			return
		}
		for old := range h.known {
			if len(h.known) < maxHabitNames {
				break
			}
			delete(h.known, old)
		}
		h.known[name] = true
		fresh = append(fresh, name)
	}
	add(r.endpoint())
	for _, sym := range r.Symbols {
		add(" " + sym)
	}
	return fresh
}
