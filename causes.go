package exauth

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Cause is one thing that may be behind a refusal.
type Cause struct {
	Text   string // what is probably wrong
	Advice string // what to do about it
}

// String is both, in a line.
func (c Cause) String() string { return c.Text + ": " + c.Advice }

// Causes lists what is probably behind an error that is about a key, a signature, a
// passphrase, an address, a permission, a time stamp or a nonce, the likeliest first;
// nil for other errors. Venues say little there, and one code often stands for much:
// Binance's -2015 is a wrong key, an address that is not on its list, or a permission
// that is not set.
//
// The order follows what the Client has seen: a key that worked a minute ago is no
// typing mistake, and one that reads but does not trade lacks a permission. The
// texts hold no secret. Print them for people; decide with errors.Is.
func Causes(err error) []Cause {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return nil
	}
	if e.why != nil {
		return e.why()
	}
	return (&evidence{kinds: []error{e.Kind}, now: time.Now()}).causes()
}

// causes is Causes for an error that this client made; b is the key's, or nil.
func (c *core) causes(e *Error, b *binding) []Cause {
	if e.why != nil {
		return e.why()
	}
	return c.evidence(e, 0, b).causes()
}

// remark lets Causes know later what is known now.
func (c *core) remark(e *Error, d *draft, b *binding) {
	if e.why == nil && e.Status != 0 && sentinelOf(e.Kind) != nil {
		v := c.evidence(e, d.need, b)
		e.why = v.causes
	}
}

// evidence is what a client knows about a refusal.
type evidence struct {
	kinds       []error // what the code may stand for, the venue's own word first
	venue       string
	environment string
	page        string
	need        Scope // of the call
	now         time.Time

	keyed   bool      // the rest is known
	worked  time.Time // when the venue last accepted the key here; zero: never
	proven  Scope     // what it was accepted for
	facts   KeyFacts
	local   netip.Addr // what it leaves from, where it is bound to that
	private bool       // it is a private key, whose public half the venue has
	offset  time.Duration
	synced  bool
}

func (c *core) evidence(e *Error, need Scope, b *binding) *evidence {
	v := &evidence{kinds: []error{e.Kind}, venue: c.venue.Name, environment: production(c.venue.Environment), page: c.venue.KeyPage,
		need: need, now: c.now()}
	for _, kind := range c.venue.Ambiguous[e.Code] {
		if !errors.Is(e.Kind, kind) {
			v.kinds = append(v.kinds, kind)
		}
	}
	v.offset, _, v.synced = c.clock.Offset(time.Now())
	if b == nil || b == c.nobody || b.gate == nil {
		return v
	}
	v.keyed, v.facts, v.proven = true, b.info.shown(), Scope(b.gate.proven.Load())
	if n := b.gate.good.Load(); n != 0 {
		v.worked = time.Unix(0, n)
	}
	if b.info.egress != nil {
		v.local = b.info.egress.local
	}
	b.info.box.mu.RLock()
	v.private = b.info.box.private != nil
	b.info.box.mu.RUnlock()
	return v
}

// A suspect is a cause and how likely it is, from 0 to 100.
type suspect struct {
	Cause
	weight int
}

// causes weighs everything that the kinds may mean.
func (v *evidence) causes() []Cause {
	var all []suspect
	for n, kind := range v.kinds {
		for _, s := range v.suspects(kind) {
			if n > 0 {
				s.weight -= 2 // the venue's own word goes first, all else equal
			}
			if s.weight > 0 && !slices.ContainsFunc(all, func(o suspect) bool { return o.Text == s.Text }) {
				all = append(all, s)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b suspect) int { return cmp.Compare(b.weight, a.weight) })
	var out []Cause
	for _, s := range all {
		out = append(out, s.Cause)
	}
	return out
}

// adviceOf is the first cause, for a line of text.
func adviceOf(causes []Cause) string {
	if len(causes) == 0 {
		return "see what the venue says"
	}
	return "most likely " + causes[0].String()
}

// suspects are the causes of one kind of refusal.
func (v *evidence) suspects(kind error) []suspect {
	switch {
	case errors.Is(kind, ErrKey):
		return v.ofKey()
	case errors.Is(kind, ErrEnvironment):
		return []suspect{v.wrongEnvironment(70)}
	case errors.Is(kind, ErrIPNotAllowed):
		return v.ofAddress()
	case errors.Is(kind, ErrPermission):
		return v.ofPermission()
	case errors.Is(kind, ErrSignature):
		return v.ofSignature()
	case errors.Is(kind, ErrPassphrase):
		return []suspect{
			{Cause{"the passphrase is not the key's", "it is the one chosen when the key was made, not the account's password; if it is lost, make a new key " + v.where()}, 60},
			{Cause{"the passphrase was copied with white space, or cut off", "set it again"}, 40},
		}
	case errors.Is(kind, ErrKeyExpired):
		return []suspect{{Cause{"the key has expired at the venue", "make a new one " + v.where() + " and rotate to it"}, 60}}
	case errors.Is(kind, ErrAccountLocked):
		return []suspect{{Cause{"the account, or trading by API, is locked at the venue", "sign in there and see why"}, 60}}
	case errors.Is(kind, ErrClock):
		return v.ofClock()
	case errors.Is(kind, ErrNonce):
		return v.ofNonce()
	}
	return nil
}

func (v *evidence) where() string { return "at " + cmp.Or(v.page, v.venue, "the venue") }

// worn reports whether the key has worked here; then typing mistakes are out.
func (v *evidence) worn() bool { return !v.worked.IsZero() }

// unless drops a cause that the key's record rules out.
func unless(out bool, s suspect) suspect {
	if out {
		s.weight = 0
	}
	return s
}

func (v *evidence) wrongEnvironment(weight int) suspect {
	env := cmp.Or(v.environment, "production")
	return unless(v.worn(), suspect{Cause{"the key belongs to another environment than " + env,
		"make one " + v.where() + ", and label keys with their environment (Key.For)"}, weight})
}

func (v *evidence) ofKey() []suspect {
	gone := suspect{Cause{"the key was deleted or disabled at the venue", "look " + v.where() + "; make a new one and rotate to it"}, 20}
	if v.worn() {
		gone.weight = 55
	}
	if v.keyed && !v.facts.RotateAfter.IsZero() && v.now.After(v.facts.RotateAfter) || !v.facts.Expires.IsZero() && v.now.After(v.facts.Expires) {
		gone.weight += 15
	}
	fresh := suspect{Cause{"the key is new and not active yet", "venues take some minutes; try again"}, 5}
	if !v.facts.Created.IsZero() && v.now.Sub(v.facts.Created) < 24*time.Hour {
		fresh.weight = 38
	}
	return []suspect{
		unless(v.worn(), suspect{Cause{"the key id is not what the venue gave out", "copy it again: whole, and not the secret in its place"}, 35}),
		v.wrongEnvironment(30), gone, unless(v.worn(), fresh),
	}
}

func (v *evidence) ofAddress() []suspect {
	s := suspect{Cause{"the address this machine leaves from is not on the key's list",
		"see which address that is, and put it on the list " + v.where() + " or bind the key to one that is (Key.WithEgress)"}, 36}
	if v.worn() {
		s.Text, s.weight = "the address this machine leaves from has changed, and the new one is not on the key's list", 45
	}
	if len(v.facts.IPs) > 0 {
		s.weight += 10
	}
	if v.local.IsValid() && len(v.facts.IPs) > 0 {
		s.weight = 90
		if slices.ContainsFunc(v.facts.IPs, func(p netip.Prefix) bool { return p.Contains(v.local) }) {
			s.Text, s.weight = "the list at the venue is not the one noted with the key, or a router changes the address", 8
		}
	}
	return []suspect{s}
}

func (v *evidence) ofPermission() []suspect {
	what := "for this call"
	if v.need != 0 {
		what = "to " + strings.ReplaceAll(v.need.String(), "+", " and ")
	}
	lacks := suspect{Cause{"the key lacks the permission " + what, "set it " + v.where() + "; some venues ask for an IP list first"}, 33}
	if v.worn() {
		lacks.weight = 60 // it is known, and its address is allowed
		if !v.proven.has(v.need) {
			lacks.weight = 85
		}
	}
	out := []suspect{lacks}
	if v.need&(ScopeTradeMargin|ScopeTradeDerivatives) != 0 {
		out = append(out, suspect{Cause{"margin or derivatives are not opened for the account, or were opened after the key was made",
			"open them, then make a new key " + v.where()}, lacks.weight - 10})
	}
	return out
}

func (v *evidence) ofSignature() []suspect {
	if v.private {
		return []suspect{
			unless(v.worn(), suspect{Cause{"the public key at the venue is not that of this private key", "compare Key.Public with what is registered " + v.where()}, 60}),
			unless(v.worn(), suspect{Cause{"the key id belongs to another key", "copy the id that the venue shows beside this public key"}, 40}),
			v.edited(), v.wrongEnvironment(15),
		}
	}
	secret := suspect{Cause{"the secret is not the one of this key id", "set both again, from one and the same key; if the secret is lost, make a new key " + v.where()}, 60}
	if v.worn() {
		secret.Text, secret.weight = "the key was made anew at the venue, so that its secret is another", 40
	}
	return []suspect{secret,
		unless(v.worn(), suspect{Cause{"the secret was copied with white space, quotes or cut off", "copy it again"}, 35}),
		v.edited(), v.wrongEnvironment(15),
	}
}

// edited is what is left when a key has worked: what was signed is not what arrived.
func (v *evidence) edited() suspect {
	s := suspect{Cause{"what arrived is not what was signed", "look for a proxy, an Options.Policy or a RoundTripper that edits requests, and for parameters this venue writes in a way of its own"}, 20}
	if v.worn() {
		s.weight = 50
	}
	return s
}

func (v *evidence) ofClock() []suspect {
	late := suspect{Cause{"the call took longer than the receive window", "see to the network, or raise Options.RecvWindow, within what the venue allows"}, 30}
	off := suspect{Cause{"this machine's clock is off", "run an NTP client"}, 40}
	if v.synced { // stamps follow the venue's clock whatever ours shows
		off.weight, late.weight = 20, 45
		if v.offset.Abs() > time.Minute {
			off.weight = 35
		}
	}
	return []suspect{off, late}
}

func (v *evidence) ofNonce() []suspect {
	s := []suspect{
		{Cause{"another program uses the same key", "give each program a key of its own, or share an Options.Nonce"}, 50},
		{Cause{"the key has seen a larger nonce, from a clock that was ahead or a program that counts in a finer unit",
			"make a new key " + v.where() + ": a nonce never goes back"}, 40},
		{Cause{"calls of the key overtake one another", "give the key a nonce window at the venue, and only then set Options.NonceWindow"}, 20},
	}
	if !v.worn() {
		s[1].weight = 55
	}
	return s
}
