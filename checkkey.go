package exauth

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// YesNo is what a venue says to a question, which may be nothing.
type YesNo uint8

// The answers. Unknown is never guessed away.
const (
	Unknown YesNo = iota
	No
	Yes
)

// String returns "unknown", "no" or "yes".
func (y YesNo) String() string {
	switch y {
	case No:
		return "no"
	case Yes:
		return "yes"
	}
	return "unknown"
}

// A KeyCheck says how to ask a venue what a key may do.
type KeyCheck struct {
	Call Call // a signed read that works with every key; an empty Path means the venue cannot be asked
	// Parse reads the answer. keyID is the key's id, to find it in a list. It fills
	// what the venue says, from Can to LastUsed, and leaves the rest.
	Parse func(resp *Response, keyID string) (KeyReport, error)
}

// A KeyReport is what a venue says of a key, and what to do about it. It holds no key
// and no secret. Its slices are the caller's.
type KeyReport struct {
	Venue, Environment string
	Key                string // fingerprint
	Name               string // its owner's, "" where it has none

	Can, Cannot Scope     // what the venue says the key may do, and may not; what is in neither is unknown
	IPList      YesNo     // whether it works from listed addresses only
	IPs         []string  // the list, where the venue shows it, as the venue writes it
	Ends        YesNo     // whether it expires; No: never
	Expires     time.Time // when, zero where the venue does not say
	Created     time.Time // zero where the venue does not say
	LastUsed    time.Time // the same

	ClockOffset time.Duration // how far the venue's clock is ahead of this machine's; see Client.ClockOffset
	ClockKnown  bool

	Advice []Advice // the most pressing first
}

// May tells whether the key may do all of s: No as soon as the venue denies a part.
func (r KeyReport) May(s Scope) YesNo {
	switch {
	case r.Cannot&s != 0:
		return No
	case s != 0 && r.Can.has(s):
		return Yes
	}
	return Unknown
}

// Advice is one thing to do about a key.
type Advice struct {
	Risk Risk
	Text string
}

// String is the text behind its risk.
func (a Advice) String() string { return a.Risk.String() + ": " + a.Text }

// Risk says how pressing an Advice is.
type Risk uint8

// The risks.
const (
	RiskLow    Risk = iota // good to know
	RiskMedium             // see to it in the next days
	RiskHigh               // somebody who gets hold of the key can take or lose what the account has, or the key stops working
)

// String returns "low", "medium" or "high".
func (r Risk) String() string {
	switch r {
	case RiskHigh:
		return "high"
	case RiskMedium:
		return "medium"
	}
	return "low"
}

// Require is what CheckKey insists on. The zero value insists on nothing.
type Require struct {
	Scope      Scope     // whose key is checked: the one the client uses for this; 0 means ScopeRead
	NoWithdraw bool      // it must not be able to withdraw
	IPList     bool      // it must work from listed addresses only
	OnUnknown  OnUnknown // what to think where the venue does not say
}

// OnUnknown says how a requirement takes an answer that the venue does not give.
type OnUnknown uint8

// The ways.
const (
	AllowUnknown  OnUnknown = iota // it is met; the Advice says what to look at
	RefuseUnknown                  // it is not met
)

// CheckKey asks the venue what the client's key may do, from where and for how long,
// and gives advice ranked by risk. What the venue does not tell is Unknown, which at
// venues that cannot be asked is everything. It runs when it is called, never on its
// own, and takes one or two requests; call it at start-up, and from a tool that a
// person runs. It stops no call later.
//
// A requirement that is not met is an error that matches ErrScope, beside the report.
// Other errors are those of the call. r may be nil.
func (c *Client) CheckKey(ctx context.Context, r *Require) (KeyReport, error) {
	core := c.core()
	need := Require{}
	if r != nil {
		need = *r
	}
	d := &draft{req: Request{Method: cmp.Or(core.venue.KeyCheck.Call.Method, http.MethodGet), Path: core.venue.KeyCheck.Call.Path},
		need: cmp.Or(need.Scope, ScopeRead), auth: AuthSigned}
	report := KeyReport{Venue: core.venue.Name, Environment: core.venue.Environment}
	b, err := core.keyFor(ctx, d)
	if err != nil {
		return report, core.notSent(d, nil, err)
	}
	if core.opts.Now == nil && core.venue.Clock.Path != "" {
		_ = core.syncClock(ctx) // the report says whether it is known
	}
	if core.venue.KeyCheck.Call.Path != "" {
		if report, err = core.askKey(ctx, b); err != nil {
			return report, err
		}
	}
	f := b.info.shown()
	report.Venue, report.Environment, report.Key, report.Name = core.venue.Name, core.venue.Environment, b.mark, f.Name
	report.ClockOffset, report.ClockKnown = c.ClockOffset()
	if report.Ends == Unknown && !report.Expires.IsZero() {
		report.Ends = Yes
	}
	report.Advice = core.advise(&report, &f)
	return report, need.met(&report)
}

// askKey puts the question to the venue, with the key that it is about.
func (c *core) askKey(ctx context.Context, b *binding) (KeyReport, error) {
	call := c.venue.KeyCheck.Call
	call.key = &Key{open: func() *keyInfo { return b.info }} // that one, although a ring may have another meanwhile
	d, err := c.prepare(call, false)
	defer c.done(d)
	if err != nil {
		return KeyReport{}, c.refuse(ctx, d, call, err)
	}
	resp, err := c.run(ctx, d)
	if err != nil {
		return KeyReport{}, err
	}
	report, err := c.venue.KeyCheck.Parse(resp, b.info.id)
	if err != nil {
		return KeyReport{}, c.unreadable(resp, err)
	}
	report.Can &^= report.Cannot // a contradiction is no permission
	return report, nil
}

// met compares a report with what is insisted on.
func (r *Require) met(report *KeyReport) error {
	var faults []string
	judge := func(is bool, bad YesNo, answer YesNo, fault, unsaid string) {
		switch {
		case !is:
		case answer == bad:
			faults = append(faults, fault)
		case answer == Unknown && r.OnUnknown == RefuseUnknown:
			faults = append(faults, unsaid)
		}
	}
	judge(r.NoWithdraw, Yes, report.May(ScopeWithdraw), "it can withdraw", "the venue does not tell whether it can withdraw")
	judge(r.IPList, No, report.IPList, "it has no IP list", "the venue does not tell whether it has an IP list")
	if faults == nil {
		return nil
	}
	return fmt.Errorf("%w: key %s of %s is not as required: %s", ErrScope, report.Key, report.Venue, strings.Join(faults, ", "))
}

// clockOff is a clock that other programs of the machine will stumble over.
const clockOff = time.Second

// advise says what to do about a key, the most pressing first.
func (c *core) advise(r *KeyReport, f *KeyFacts) []Advice {
	var out []Advice
	say := func(risk Risk, text string) { out = append(out, Advice{risk, text}) }
	where := "at " + cmp.Or(c.venue.KeyPage, c.venue.Name)
	uses := c.opts.Scope
	if f.Scope != 0 {
		uses &= f.Scope
	}
	switch withdraws := r.May(ScopeWithdraw); {
	case withdraws == Yes && r.IPList != Yes:
		say(RiskHigh, "the key can withdraw, and from any address as far as the venue says: take that permission away "+where+", or give the key an IP list")
	case withdraws == Yes && !uses.has(ScopeWithdraw):
		say(RiskHigh, "the key can withdraw, which this client never does: take that permission away "+where)
	case withdraws == Unknown:
		say(RiskLow, "the venue does not tell whether the key can withdraw: look "+where)
	}
	if writes := r.Can & (ScopeTrade | ScopeTransfer | ScopeAccount); writes != 0 && r.IPList == No {
		say(RiskHigh, "the key can "+listed(writes)+" from any address: give it an IP list "+where)
	} else if r.IPList == No {
		say(RiskLow, "the key works from any address: give it an IP list "+where)
	}
	if r.IPList == No && len(f.IPs) > 0 {
		say(RiskMedium, "the IP list noted with the key is not set "+where)
	}
	if spare := r.Can &^ uses &^ (ScopeRead | ScopeWithdraw); spare != 0 {
		say(RiskMedium, "the key can "+listed(spare)+", which this client never does: make a narrower one "+where)
	}
	if f.Scope != 0 && r.Cannot&f.Scope != 0 {
		say(RiskLow, "the key cannot "+listed(r.Cannot&f.Scope)+" at the venue, though it is noted as allowed: such calls will be refused")
	}
	c.adviseDates(r, f, where, say)
	if r.ClockKnown && r.ClockOffset.Abs() > clockOff {
		say(RiskMedium, "this machine's clock is off by "+r.ClockOffset.Abs().Round(time.Millisecond).String()+": run an NTP client; this library corrects its own stamps, other programs do not")
	}
	slices.SortStableFunc(out, func(a, b Advice) int { return cmp.Compare(b.Risk, a.Risk) })
	return out
}

// adviseDates is advise for the key's age.
func (c *core) adviseDates(r *KeyReport, f *KeyFacts, where string, say func(Risk, string)) {
	now := c.now()
	switch left := r.Expires.Sub(now); {
	case r.Expires.IsZero():
	case left <= 0:
		say(RiskHigh, "the key has expired at the venue: make a new one "+where)
	case left < expiresSoon:
		say(RiskHigh, "the key expires in "+days(left)+": make a new one "+where+" and rotate to it")
	}
	due := f.RotateAfter
	if !r.Created.IsZero() && due.IsZero() {
		due = r.Created.Add(rotateAge(r.Can))
	}
	if !due.IsZero() && !now.Before(due) {
		say(RiskMedium, "the key is older than its rotation date of "+due.Format(time.DateOnly)+": make a new one "+where+" and rotate to it")
	}
	if d := c.venue.IdleKeys; d > 0 && r.IPList == No {
		say(RiskLow, "the venue deletes keys that have no IP list after "+days(d)+" without a call")
	}
}

// listed writes scopes for a sentence.
func listed(s Scope) string {
	words := strings.Split(s.String(), "+")
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
