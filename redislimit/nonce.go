package redislimit

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
	"github.com/redis/rueidis"
)

// NonceOptions tunes Nonce. Nil and the zero value mean every default.
type NonceOptions struct {
	// Venue keeps the nonces of two venues apart, should one key id exist at both.
	Venue string

	// Unit is the venue's, as Venue.NonceUnit says. Zero means that it follows from
	// the floor, which is now in that unit.
	Unit time.Duration

	// Timeout bounds one exchange with Redis; default 1 s.
	Timeout time.Duration
}

// Nonce returns a source of nonces for all processes that share a key: each is the
// larger of the floor and the last one plus one, in one step of Redis.
//
// A stored nonce that is more than a day ahead of the floor is refused with an error
// that matches exauth.ErrNonce, never continued: one such value makes a key useless
// for good. Delete it, once its cause is known. While Redis is away there are no
// nonces, and calls fail before they are sent.
func Nonce(client rueidis.Client, opts *NonceOptions) exauth.NonceSource {
	n := &nonceSource{redis: client, tag: "nonce:{any}:", timeout: time.Second, script: script(nonceLua)}
	if opts != nil {
		n.unit = opts.Unit
		if opts.Venue != "" {
			n.tag = "nonce:{" + clean(opts.Venue) + "}:"
		}
		if opts.Timeout > 0 {
			n.timeout = opts.Timeout
		}
	}
	return n
}

type nonceSource struct {
	redis   rueidis.Client
	tag     string
	unit    time.Duration
	timeout time.Duration
	script  *rueidis.Lua
}

// Next draws a nonce. See Nonce.
func (n *nonceSource) Next(ctx context.Context, keyID string, floor int64) (int64, error) {
	if floor < 0 {
		return 0, fmt.Errorf("%w: redislimit: a floor below zero", exauth.ErrNonce)
	}
	most := floor + n.day(floor)
	if most < floor {
		most = math.MaxInt64
	}
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	args := []string{strconv.FormatInt(floor, 10), strconv.FormatInt(most, 10)}
	text, err := n.script.Exec(ctx, n.redis, []string{n.tag + fingerprint(keyID)}, args).ToString()
	if err != nil {
		if re, ok := rueidis.IsRedisErr(err); ok && strings.Contains(re.Error(), "AHEAD") {
			return 0, fmt.Errorf("%w: redislimit: the nonce stored in Redis is more than a day ahead", exauth.ErrNonce)
		}
		return 0, fmt.Errorf("exauth: redislimit: no nonce: %w", err)
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < floor || v > most {
		return 0, fmt.Errorf("%w: redislimit: Redis answered nonsense", exauth.ErrNonce)
	}
	return v, nil
}

// day is a day in the unit of floor.
func (n *nonceSource) day(floor int64) int64 {
	const seconds = 86400
	if n.unit > 0 {
		return int64(24 * time.Hour / n.unit)
	}
	now := time.Now().Unix()
	if floor < now { // a counter of somebody's own making
		return 1_000_000
	}
	return int64(float64(floor) / float64(now) * seconds)
}
