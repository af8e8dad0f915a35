package exchangetest

import (
	"math/big"
	"strings"
)

// Amounts are *big.Rat: exact for every decimal a client can send, and for every
// sum and product of such. A Rat in a balance or an order is never changed in
// place, only replaced, so copies of orders may share it.

// parseDecimal reads a plain decimal: digits, at most one point, no sign and no
// exponent, at most 20 digits on either side, as Binance documents it.
func parseDecimal(s string) (*big.Rat, bool) {
	whole, frac, point := strings.Cut(s, ".")
	if !digits(whole) || len(whole) > 20 || point && (!digits(frac) || len(frac) > 20) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// text writes r with at least the given number of decimals, and with more when
// the value has more: nothing is rounded away. A value that no finite decimal
// holds (an average price) is rounded to 10 decimals.
func text(r *big.Rat, decimals int) string {
	if n, exact := r.FloatPrec(); exact && n <= 40 {
		return r.FloatString(max(decimals, n))
	}
	return r.FloatString(max(decimals, 10))
}

// fits reports whether r is a multiple of 10^-decimals.
func fits(r *big.Rat, decimals int) bool {
	n, exact := r.FloatPrec()
	return exact && n <= decimals
}

// floor cuts r down to a multiple of 10^-decimals.
func floor(r *big.Rat, decimals int) *big.Rat {
	scaled := new(big.Rat).Mul(r, pow10(decimals))
	whole := new(big.Int).Quo(scaled.Num(), scaled.Denom())
	return new(big.Rat).Quo(new(big.Rat).SetInt(whole), pow10(decimals))
}

func pow10(n int) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
}

func zero() *big.Rat             { return new(big.Rat) }
func add(a, b *big.Rat) *big.Rat { return new(big.Rat).Add(a, b) }
func sub(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func mul(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func less(a, b *big.Rat) bool    { return a.Cmp(b) < 0 }

// average is cost per quantity, or zero when nothing was filled.
func average(cost, qty *big.Rat) *big.Rat {
	if qty.Sign() == 0 {
		return zero()
	}
	return new(big.Rat).Quo(cost, qty)
}
