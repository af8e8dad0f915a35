package exauth

import (
	"context"
	"net/http"
	"time"
)

// Priority orders waiting calls. Within one priority the first to come is the
// first to go.
type Priority uint8

const (
	PriorityPoll   Priority = iota // reads that can wait
	PriorityOrder                  // new orders and other writes
	PriorityCancel                 // whatever lowers risk; goes before everything
)

// Per says what a quota is counted against.
type Per uint8

const (
	PerIP       Per = iota // the address calls leave from
	PerAccount             // the account, over all its keys
	PerKey                 // one API key
	PerEndpoint            // IP and endpoint; Cost.Item names the endpoint
	PerSymbol              // account and Cost.Item: a symbol, or an endpoint that is counted by account
)

// QuotaKind says how a venue counts. Units of Limit are the venue's own: weight,
// requests, orders, credits, points.
type QuotaKind uint8

const (
	FixedWindow    QuotaKind = iota // aligned to the venue's clock: minute, UTC day, UTC month
	AnchoredWindow                  // begins with the first request (KuCoin)
	SlidingWindow                   // any span of Window holds at most Limit (Bybit, OKX)
	DecayCounter                    // counts up by cost, down by Refill per second (Kraken)
	TokenBucket                     // Limit tokens, refilled by Refill per second (Coinbase, Deribit)
	Concurrency                     // at most Limit calls in flight
)

// A Quota is one published limit of a venue.
type Quota struct {
	Name   string
	Kind   QuotaKind
	Limit  int
	Window time.Duration // span of the windows; 31 days means a UTC month
	Step   time.Duration // how coarsely the venue decays or refills; 0 means continuously
	Refill float64       // units per second, for DecayCounter and TokenBucket
	Per    Per

	// Header names of an answer. Used and remaining are in the quota's unit,
	// reset is a time stamp or a span as the venue gives it, and TimeHeader is
	// the venue's own millisecond stamp of the answer.
	UsedHeader, RemainingHeader, ResetHeader, TimeHeader string
}

// A Cost is what one call takes from one quota.
type Cost struct {
	Quota string
	Item  string // the symbol or endpoint of a per-item quota
	N     int
}

// A Demand is what a call asks of a Limiter before it is sent.
type Demand struct {
	KeyID, Account, Egress string // KeyID is a fingerprint, never the key itself
	Costs                  []Cost
	Priority               Priority
	MaxWait                time.Duration // a longer wait fails at once; 0 means ctx's deadline alone
}

// A Limiter makes calls wait so that a venue's quotas are never broken.
//
// Wait takes all costs or none. It fails at once with an error that matches
// ErrRateLimited when ctx's deadline is nearer than the wait, and spends nothing
// when it fails. The Lease must be settled when the answer is known.
// Implementations must be safe for concurrent use.
type Limiter interface {
	Wait(ctx context.Context, d Demand) (Lease, error)
}

// An Observation tells a Limiter what became of a call.
type Observation struct {
	Sent, Received time.Time
	Status         int         // 0 when no answer came
	Header         http.Header // of the answer; not kept after Settle returns
	Costs          []Cost      // what the call really cost, where the answer says; other quotas cost what was demanded
	Refused        string      // the quota that refused the call, when the answer says
	RetryAfter     time.Duration
	Unknown        bool // the call may or may not have been counted
}

// A Settler is a Limiter's side of a Lease.
type Settler interface {
	Settle(id uint64, o Observation)
}

// A Lease is the right to send one call. It is a value, so that taking one
// costs no allocation. The zero Lease settles nothing.
type Lease struct {
	settler Settler
	id      uint64
}

// NewLease is for implementers of Limiter: it ties a lease to its settler.
func NewLease(s Settler, id uint64) Lease { return Lease{settler: s, id: id} }

// Settle reports the fate of the call. Every granted lease is settled exactly
// once by the Client; a Settler must tolerate a second Settle of the same id.
func (l Lease) Settle(o Observation) {
	if l.settler != nil {
		l.settler.Settle(l.id, o)
	}
}
