package exchangetest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/exauth/exauth"
)

// Options say how a test exchange behaves. The zero value, and nil, mean every
// default. They are read by Start and not kept.
type Options struct {
	// Keys the exchange accepts; nil means DefaultKeys.
	Keys []Key

	// Balances to begin with: account, then asset ("BTC", "USDT"), then a plain
	// decimal. Nil gives every account of Keys the same comfortable sums.
	Balances map[string]map[string]string

	// Prices, by symbol as the venue writes it, at which the house buys and sells
	// without end. A market without one trades only between accounts. Nil means a
	// fixed price for every market; an empty map means no house at all.
	Prices map[string]string

	// Now is where the exchange's clock comes from, time.Now by default, and Skew
	// how far it runs ahead of it. Setting the machine's clock wrong by five
	// seconds is Skew: 5 * time.Second.
	Now  func() time.Time
	Skew time.Duration

	// Latency is how long a call takes, half of it before the exchange sees the
	// call and half before the client sees the answer. A client that gives up in
	// between does not stop the exchange.
	Latency time.Duration

	// Quotas are enforced by the exchange's own clock, when a call arrives; nil
	// enforces none. VenueQuotas adds those of the venue given to Start. Every kind
	// and scope of exauth.Quota works; answers carry the headers it names.
	Quotas      []exauth.Quota
	VenueQuotas bool

	// Costs says what a call takes, and its word is final. It is called concurrently
	// and may read the body. Nil means the exchange's own table for the routes it
	// plays; the package's documentation says by what names it knows quotas.
	Costs func(*http.Request) []exauth.Cost

	// Hidden is what clients that you do not see use of every count of a quota, the
	// address's or the account's, in units a second. They are polite: what finds no
	// room is not asked for again, and brings no ban. A count begins with the first
	// call that it is for, and then holds what they used since Start.
	Hidden func(quota string, at time.Time) float64

	// BanAfter is how many strikes make a ban: 418 for two minutes, and twice as long
	// each time. A strike is a refusal for a quota, but for calls that were under way
	// when the first of a series was refused. 0 means 10 on Binance, and no bans on
	// the others, which document none; a negative number means none at all.
	BanAfter int

	// Faults go wrong with some calls, and Seed decides with which: the same seed
	// and the same client order ids meet the same faults. SetFaults changes them
	// later. None by default.
	Faults []Fault
	Seed   uint64

	// Intercept sees every request after it was recorded, with its body unread.
	// It may answer itself, change the request, call next and change what comes
	// back, or panic with http.ErrAbortHandler to cut the connection, before or
	// after next.
	Intercept func(w http.ResponseWriter, r *http.Request, next http.Handler)

	// Addr is where to listen, "127.0.0.1:0" by default. NoSocket listens nowhere:
	// the exchange is reached through RoundTripper only. It is implied inside a
	// testing/synctest bubble, where a goroutine that waits for connections would
	// stop time.
	Addr     string
	NoSocket bool

	// MaxRequests bounds the record that Requests returns; 0 means 1000.
	MaxRequests int
}

// withDefaults returns a copy of o with the defaults of a dialect filled in.
func (o *Options) withDefaults(d dialect) (Options, error) {
	c := Options{}
	if o != nil {
		c = *o
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.MaxRequests <= 0 {
		c.MaxRequests = 1000
	}
	if c.BanAfter == 0 {
		c.BanAfter = d.banAfter()
	}
	c.Keys = slices.Clone(c.Keys)
	if c.Keys == nil {
		c.Keys = d.makeKeys()
	}
	if c.Balances == nil {
		c.Balances = map[string]map[string]string{}
		for _, k := range c.Keys {
			c.Balances[k.account()] = maps.Clone(defaultBalances)
		}
	}
	seen := map[string]bool{}
	for i, k := range c.Keys {
		if k.ID == "" || seen[k.ID] {
			return c, fmt.Errorf("%w: exchangetest key %d has no id, or another one's", exauth.ErrParam, i)
		}
		seen[k.ID] = true
		if k.Public == nil && k.PEM != "" {
			pub, err := publicOf(k.PEM)
			if err != nil {
				return c, err
			}
			c.Keys[i].Public = pub
		}
	}
	return c, nil
}

// defaultBalances is what an account owns when the options do not say.
var defaultBalances = map[string]string{
	"BTC": "10", "ETH": "100", "LTC": "1000", "USDT": "1000000", "USD": "1000000", "EUR": "1000000",
}
