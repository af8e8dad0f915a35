package redislimit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/exauth/exauth"
	"github.com/redis/rueidis"
)

// Options tunes a Limiter. Nil and the zero value mean every default.
type Options struct {
	// Egress names the address that calls leave from, for demands that do not name
	// it. Processes behind one address must use one name; the zero value means that
	// the whole fleet leaves from one.
	Egress string

	// Share is the part of every quota that the fleet may use; 0 means all of it.
	Share float64

	// Block is how many units of a quota a process leases at once: 0 means half a
	// second of its own demand, negative means none, so that every call is a round
	// trip. It is never more than a fiftieth of the quota.
	Block int

	// Reserve is the part of a fixed window that is kept for PriorityCancel, less as
	// the window runs out; 0 means a hundredth, negative none.
	Reserve float64

	// ClockSlack is how far the venue's clock may be from Redis's before the venue's
	// first stamp was seen; 0 means 1.5 s.
	ClockSlack time.Duration

	// Timeout bounds one exchange with Redis, default 250 ms; Patience is how long
	// Redis may fail before calls go on with the local share, default 500 ms.
	Timeout, Patience time.Duration

	// Processes is how many processes there may be while Redis has not told yet;
	// default 10. It matters only for a process that starts while Redis is away.
	Processes int

	// Report hears what a person should know: refusals, bans, and costs of quotas that
	// the venue does not publish. It is called without locks held.
	Report func(exauth.Report)

	// Local makes the limiter that a process uses while Redis is away, for a part of
	// the venue's quotas. Nil means exauth.NewLimiter.
	Local func(v *exauth.Venue, share float64) exauth.Limiter
}

func (o *Options) setDefaults() error {
	if math.IsNaN(o.Share) || o.Share < 0 || o.Share > 1 {
		return fmt.Errorf("%w: redislimit: Share is a part of one", exauth.ErrParam)
	}
	if o.Share == 0 {
		o.Share = 1
	}
	switch {
	case math.IsNaN(o.Reserve) || o.Reserve > 0.5:
		return fmt.Errorf("%w: redislimit: Reserve is at most one half", exauth.ErrParam)
	case o.Reserve == 0:
		o.Reserve = 0.01
	case o.Reserve < 0:
		o.Reserve = 0
	}
	for _, d := range []struct {
		v        *time.Duration
		def, max time.Duration
	}{{&o.ClockSlack, 1500 * time.Millisecond, 10 * time.Second}, {&o.Timeout, 250 * time.Millisecond, 10 * time.Second},
		{&o.Patience, 500 * time.Millisecond, time.Hour}} {
		if *d.v < 0 || *d.v > d.max {
			return fmt.Errorf("%w: redislimit: a duration of %s", exauth.ErrParam, *d.v)
		}
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	if o.Processes <= 0 {
		o.Processes = 10
	}
	return nil
}

// New makes a limiter for the quotas of v. It does no I/O; the client stays the
// caller's, to be closed after the Limiter. Give one Limiter to all Clients of the
// venue in this process.
func New(client rueidis.Client, v *exauth.Venue, opts *Options) (*Limiter, error) {
	if client == nil || v == nil || v.Name == "" {
		return nil, fmt.Errorf("%w: redislimit: a client and a venue with a name are needed", exauth.ErrParam)
	}
	l := &Limiter{redis: client, venue: v, base: time.Now(), wake: make(chan struct{}, 1), flushAt: forever, scripts: newScripts()}
	if opts != nil {
		l.opts = *opts
	}
	if err := l.opts.setDefaults(); err != nil {
		return nil, err
	}
	if l.opts.Local == nil {
		l.opts.Local = localLimiter
	}
	l.wall = l.base.UnixMicro()
	l.late.init()
	l.procs = l.opts.Processes
	l.tag = "rl:{" + clean(venueName(v)) + "}"
	l.fleetKey, l.procsKey = l.tag+":fleet", l.tag+":procs"
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	l.pid = hex.EncodeToString(id[:])
	l.scopes = make(map[string]*scope)
	l.defs = make(map[string]*quotaDef, len(v.Quotas))
	l.SetQuotas(v.Quotas)
	return l, nil
}

func venueName(v *exauth.Venue) string {
	if v.Environment == "" {
		return v.Name
	}
	return v.Name + "-" + v.Environment
}

// SetQuotas gives the limiter other limits while it works, as exauth.QuotaSetter
// says. What was counted so far stays counted.
func (l *Limiter) SetQuotas(quotas []exauth.Quota) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range quotas {
		if q.Limit <= 0 {
			delete(l.defs, q.Name)
			continue
		}
		d := l.defs[q.Name]
		if d == nil {
			d = &quotaDef{ledgers: make(map[ledgerKey]*ledger)}
			l.defs[q.Name] = d
		}
		d.set(q, &l.opts)
	}
}

// clean makes a part of a key: whatever is not plain is shown as its fingerprint.
func clean(s string) string {
	plain := s != "" && len(s) <= 64
	for i := 0; plain && i < len(s); i++ {
		c := s[i]
		plain = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._-/", c) >= 0
	}
	if plain {
		return s
	}
	return fingerprint(s)
}

// fingerprint hides who it is: accounts, keys and addresses do not belong into the
// key space of a shared server.
func fingerprint(s string) string {
	sum := sha256.Sum256([]byte("exauth redislimit " + s))
	return hex.EncodeToString(sum[:8])
}
