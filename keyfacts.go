package exauth

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// KeyFacts are what may be shown of a key: all but its id and its secret. They come
// from a keys file or from Key.WithFacts, and zero values mean "not known".
type KeyFacts struct {
	Fingerprint string // as Key.Fingerprint has it
	Name        string // how its owner calls it
	Purpose     string // what it is for, in its owner's words
	Venue       string // of its label, as Environment and Account; "" fits any
	Environment string
	Account     string
	Scope       Scope          // what it is restricted to; 0: nothing known, so that it may be allowed everything
	IPs         []netip.Prefix // the addresses it may be used from at the venue, as its owner wrote them down
	Egress      string         // what it leaves from, without credentials; "" for the machine's own way. See Key.WithEgress

	Created     time.Time // at the venue
	RotateAfter time.Time // when it should be replaced; see Key.Facts
	Expires     time.Time // after it no new orders are placed with the key
	LastUsed    time.Time // by this process, or what WithFacts said
}

// The ages after which a key should be replaced, where its owner names no date: the
// more it can do, the sooner.
const (
	rotateRead     = 90 * 24 * time.Hour
	rotateTrade    = 60 * 24 * time.Hour
	rotateWithdraw = 30 * 24 * time.Hour
)

// rotateAge is the age for a scope; an unrestricted key may withdraw.
func rotateAge(s Scope) time.Duration {
	switch {
	case s == 0 || s&(ScopeWithdraw|ScopeAccount) != 0:
		return rotateWithdraw
	case s.writes():
		return rotateTrade
	}
	return rotateRead
}

// Facts returns what may be shown of the key. RotateAfter is its owner's date; else,
// where Created is known, 90 days after it, 60 for keys that trade or transfer, and
// 30 for those that may withdraw, may change the account, or have no scope. The
// slice is the caller's. Use it for lists and reviews of keys.
func (k *Key) Facts() KeyFacts { return k.info().shown() }

// shown is Facts.
func (i *keyInfo) shown() KeyFacts {
	f := i.facts
	f.Fingerprint = fingerprint(i.label.Venue, i.id)
	f.Venue, f.Environment, f.Account, f.Scope = i.label.Venue, i.label.Environment, i.label.Account, i.scope
	f.Expires, f.IPs = i.expires, slices.Clone(f.IPs)
	if i.egress != nil {
		f.Egress = i.egress.name
	}
	if f.RotateAfter.IsZero() && !f.Created.IsZero() {
		f.RotateAfter = f.Created.Add(rotateAge(i.scope))
	}
	f.LastUsed = i.box.lastUsed()
	return f
}

// WithFacts returns a copy of k that knows its Name, Purpose, IPs, Created,
// RotateAfter and Expires as f has them. A LastUsed later than what is known counts
// for all copies, so that a program can carry it over a restart. The other fields are
// not taken: For, Restrict and WithEgress set them.
func (k *Key) WithFacts(f KeyFacts) *Key {
	if !f.LastUsed.IsZero() {
		k.info().box.usedAt(f.LastUsed)
	}
	return k.with(func(i *keyInfo) {
		i.expires = f.Expires
		i.facts = KeyFacts{Name: f.Name, Purpose: f.Purpose, IPs: slices.Clone(f.IPs), Created: f.Created, RotateAfter: f.RotateAfter}
	})
}

// same reports whether two keys' owners say the same of them.
func (f *KeyFacts) same(o *KeyFacts) bool {
	return f.Name == o.Name && f.Purpose == o.Purpose && slices.Equal(f.IPs, o.IPs) &&
		f.Created.Equal(o.Created) && f.RotateAfter.Equal(o.RotateAfter)
}

// lastUsed is when a call was last signed with the secret; zero when none was.
func (b *keyBox) lastUsed() time.Time {
	if n := b.used.Load(); n != 0 {
		return time.Unix(0, n).UTC()
	}
	return time.Time{}
}

// usedAt notes a use, to the second; earlier ones than the last do not count.
func (b *keyBox) usedAt(t time.Time) {
	for n := t.UnixNano(); ; {
		was := b.used.Load()
		if n < was+int64(time.Second) || b.used.CompareAndSwap(was, n) {
			return
		}
	}
}

// idleSince is from when on the key has not been used, as far as this process saw.
func (b *keyBox) idleSince() time.Time {
	if t := b.lastUsed(); !t.IsZero() {
		return t
	}
	return b.made
}

// days writes a span in whole days.
func days(d time.Duration) string { return strconv.Itoa(int(d/(24*time.Hour))) + " days" }

// A KeyWarning tells a person something about a key, while it still works.
type KeyWarning struct {
	Kind                        KeyWarningKind
	Venue, Environment, Account string
	Key                         string    // fingerprint, as Attempt.Key has it
	Name                        string    // of its owner, "" where it has none
	When                        time.Time // since when, or from when on; zero where that says nothing
	Advice                      string    // what to do, in a sentence
}

// KeyWarningKind says what a KeyWarning is about.
type KeyWarningKind uint8

// The warnings, each at most once a day for a key and a Client.
const (
	KeyRotationDue KeyWarningKind = iota // it is older than its rotation date
	KeyExpiring                          // it expires within two weeks
	KeyExpired                           // it has expired: reads and cancels only
	KeyIdle                              // it was not used for 30 days
	KeyDeletion                          // the venue deletes idle keys without an IP list, and the day is near
	KeyUnproven                          // a new key was not accepted; the old one stays
	KeyRefused                           // the venue refuses it again and again; new orders are held back
)

var keyWarningNames = [...]string{"rotation due", "expires soon", "expired", "idle", "deletion near", "new key not accepted", "refused"}

// String returns the kind in words: "rotation due", "idle", and so on.
func (k KeyWarningKind) String() string {
	if int(k) < len(keyWarningNames) {
		return keyWarningNames[k]
	}
	return "unknown"
}

// String says all of it in one line, without anything that is secret.
func (w KeyWarning) String() string {
	text := "key " + w.Key
	if w.Name != "" {
		text += " (" + w.Name + ")"
	}
	return text + " of " + w.Venue + " " + production(w.Environment) + ": " + w.Kind.String() + ": " + w.Advice
}

const (
	keyIdle     = 30 * 24 * time.Hour
	expiresSoon = 14 * 24 * time.Hour
)

// Warnings returns what there is to say about a key at now, in the order of the
// constants. v, which may be nil, knows where keys are managed and whether the venue
// deletes idle ones. Clients find these by themselves and tell Options.KeyWarning;
// call it for a review of keys that no Client uses.
func (f KeyFacts) Warnings(v *Venue, now time.Time) []KeyWarning {
	return f.warnings(v, now, f.LastUsed)
}

// warnings is Warnings with the moment from which on the key was idle.
func (f *KeyFacts) warnings(v *Venue, now, idle time.Time) []KeyWarning {
	var out []KeyWarning
	where, deletion := "the venue", time.Duration(0)
	if v != nil {
		where, deletion = cmp.Or(v.KeyPage, where), v.IdleKeys
	}
	where = "at " + where
	add := func(kind KeyWarningKind, when time.Time, advice string) {
		out = append(out, KeyWarning{Kind: kind, Venue: f.Venue, Environment: f.Environment, Account: f.Account,
			Key: f.Fingerprint, Name: f.Name, When: when, Advice: advice})
	}
	if !f.RotateAfter.IsZero() && !now.Before(f.RotateAfter) {
		add(KeyRotationDue, f.RotateAfter, "make a new key "+where+", rotate to it, then delete this one there")
	}
	switch {
	case f.Expires.IsZero() || now.Before(f.Expires.Add(-expiresSoon)):
	case now.Before(f.Expires):
		add(KeyExpiring, f.Expires, "make a new key "+where+" before that day")
	default:
		add(KeyExpired, f.Expires, "no new orders are placed with it; make a new key "+where)
	}
	if idle.IsZero() {
		return out
	}
	gone := now.Sub(idle)
	if deletion > 0 && len(f.IPs) == 0 && gone >= deletion-deletion/6 {
		add(KeyDeletion, idle.Add(deletion), "the venue deletes keys that have no IP list after "+days(deletion)+
			" without a call; give it an IP list "+where+", or use it")
	}
	if gone >= keyIdle {
		add(KeyIdle, idle.Add(keyIdle), "it was not used for "+days(gone)+"; if nobody needs it, revoke it "+where)
	}
	return out
}
