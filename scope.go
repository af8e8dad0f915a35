package exauth

import "strings"

// Scope is a set of things a call may do. Routes need one, keys and clients allow
// one; a call passes only when all agree.
type Scope uint16

// The scopes, from harmless to dangerous. The zero Scope means "unsaid": for
// Options it stands for Read and Trade, for a Key for everything.
const (
	ScopeRead             Scope = 1 << iota // balances, orders, history
	ScopeTradeSpot                          // place, change and cancel spot orders
	ScopeTradeMargin                        // the same with borrowed funds
	ScopeTradeDerivatives                   // futures, options, perpetuals
	ScopeTransfer                           // between accounts of one owner
	ScopeWithdraw                           // out of the venue
	ScopeAccount                            // keys, sub-accounts, settings

	ScopeTrade = ScopeTradeSpot | ScopeTradeMargin | ScopeTradeDerivatives
	scopeAll   = ScopeRead | ScopeTrade | ScopeTransfer | ScopeWithdraw | ScopeAccount
)

var scopeNames = [...]string{"read", "trade-spot", "trade-margin", "trade-derivatives", "transfer", "withdraw", "account"}

// String lists the scopes, as in "read+trade"; "none" for the zero Scope.
func (s Scope) String() string {
	if s == 0 {
		return "none"
	}
	var names []string
	for i, n := range scopeNames {
		bit := Scope(1) << i
		switch {
		case s&ScopeTrade == ScopeTrade && bit&ScopeTrade != 0:
			if bit == ScopeTradeSpot {
				names = append(names, "trade")
			}
		case s&bit != 0:
			names = append(names, n)
		}
	}
	return strings.Join(names, "+")
}

// ParseScope reads what String writes; commas and spaces also separate.
func ParseScope(text string) (Scope, error) {
	var s Scope
	for _, n := range strings.FieldsFunc(text, func(r rune) bool { return r == '+' || r == ',' || r == ' ' }) {
		bit := Scope(0)
		for i, name := range scopeNames {
			if n == name {
				bit = 1 << i
			}
		}
		if n == "trade" {
			bit = ScopeTrade
		}
		if bit == 0 {
			return 0, paramError("", "unknown scope; use "+strings.Join(scopeNames[:], ", ")+" or trade")
		}
		s |= bit
	}
	return s, nil
}

// has reports whether s allows everything in need.
func (s Scope) has(need Scope) bool { return s&need == need }

// writes reports whether a call with this scope changes something at the venue.
func (s Scope) writes() bool { return s&^ScopeRead != 0 }
