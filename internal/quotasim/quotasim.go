// Package quotasim plays the quota side of an exchange on a clock of its own, for
// driving a limiter in virtual time. It counts like a venue does and says so in
// headers; it knows nothing of exauth.
package quotasim

import (
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Kind is how an Exchange counts.
type Kind int

// The kinds venues have.
const (
	Fixed    Kind = iota // aligned to the server's clock
	Anchored             // from the first request
	Sliding              // any span of Window
	Decay                // up by cost, down by Refill a second
	Bucket               // Limit tokens, Refill a second
)

// Config describes one exchange with one quota.
type Config struct {
	Kind   Kind
	Limit  int
	Window time.Duration
	Refill float64

	Skew  time.Duration // server clock minus true time
	Drift float64       // server seconds per second, minus one

	UsedHeader, RemainingHeader, ResetHeader, StampHeader string

	// BanFrom and BanFor ban the address once.
	BanFrom, BanFor time.Duration
}

// An Exchange is one server. It is not safe for concurrent use; a bubble of virtual
// time that runs one goroutine at a time, or a lock, must serialise it.
type Exchange struct {
	Config
	Begin time.Time // true time of the start

	window  int64
	Windows map[int64]float64 // units admitted by window, for Fixed
	count   float64
	at      time.Time
	anchor  time.Time
	history []entry

	Admitted, Refused int
	Used              float64 // units admitted
	InBan             int     // requests that arrived during the ban
	LastInBan         time.Duration
	AfterBan          time.Duration // first success after its end
}

type entry struct {
	at time.Time
	n  int
}

// An Answer is what the exchange says to one request.
type Answer struct {
	Status int
	Header http.Header
}

// Clock is the server's clock at a true time.
func (x *Exchange) Clock(now time.Time) time.Time {
	since := now.Sub(x.Begin)
	return now.Add(x.Skew + time.Duration(x.Drift*float64(since)))
}

// Serve counts a request of n units that arrives at the true time now. free units
// are taken back when it succeeds (Binance's orders).
func (x *Exchange) Serve(now time.Time, n int, free bool) Answer {
	t := x.Clock(now)
	h := http.Header{}
	h.Set("Date", t.UTC().Format(http.TimeFormat))
	if since := now.Sub(x.Begin); x.BanFor > 0 && since >= x.BanFrom {
		end := x.BanFrom + x.BanFor
		if since < end {
			x.InBan++
			x.LastInBan = since - x.BanFrom
			h.Set("Retry-After", strconv.Itoa(int(math.Ceil((end - since).Seconds()))))
			return Answer{http.StatusTeapot, h}
		}
		if x.AfterBan == 0 {
			x.AfterBan = since - end
		}
	}
	x.advance(t)
	if x.level()+float64(n) > float64(x.Limit) {
		x.Refused++
		x.headers(h, t)
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(x.wait(t).Seconds()))))
		return Answer{http.StatusTooManyRequests, h}
	}
	x.Admitted++
	if !free {
		x.Used += float64(n)
		x.book(t, n)
	}
	x.headers(h, t)
	return Answer{http.StatusOK, h}
}

// advance lets time pass on the counter.
func (x *Exchange) advance(t time.Time) {
	switch x.Kind {
	case Fixed:
		if k := t.UnixNano() / int64(x.Window); k != x.window {
			x.window, x.count = k, 0
		}
	case Anchored:
		if !x.anchor.IsZero() && t.Sub(x.anchor) >= x.Window {
			x.anchor, x.count = time.Time{}, 0
		}
	case Sliding:
		i := 0
		for i < len(x.history) && t.Sub(x.history[i].at) >= x.Window {
			x.count -= float64(x.history[i].n)
			i++
		}
		x.history = x.history[i:]
	case Decay, Bucket:
		if !x.at.IsZero() {
			x.count = max(0, x.count-x.Refill*t.Sub(x.at).Seconds())
		}
		x.at = t
	}
}

func (x *Exchange) level() float64 { return x.count }

func (x *Exchange) book(t time.Time, n int) {
	x.count += float64(n)
	switch x.Kind {
	case Fixed:
		if x.Windows == nil {
			x.Windows = map[int64]float64{}
		}
		x.Windows[x.window] += float64(n)
	case Anchored:
		if x.anchor.IsZero() {
			x.anchor = t
		}
	case Sliding:
		x.history = append(x.history, entry{t, n})
	}
}

func (x *Exchange) wait(t time.Time) time.Duration {
	switch x.Kind {
	case Fixed:
		return x.Window - time.Duration(t.UnixNano()%int64(x.Window))
	case Anchored:
		return x.Window - t.Sub(x.anchor)
	case Sliding:
		return x.Window
	}
	return time.Second
}

func (x *Exchange) headers(h http.Header, t time.Time) {
	set := func(name string, v int64) {
		if name != "" {
			h.Set(name, strconv.FormatInt(v, 10))
		}
	}
	set(x.UsedHeader, int64(x.count))
	set(x.RemainingHeader, int64(x.Limit)-int64(x.count))
	set(x.StampHeader, t.UnixMilli())
	if x.ResetHeader != "" && !x.anchor.IsZero() {
		set(x.ResetHeader, (x.Window - t.Sub(x.anchor)).Milliseconds())
	}
}

// A Latency draws one-way delays, log-normal between Min and Max.
type Latency struct {
	Min, Max time.Duration
	Rand     *rand.Rand
}

// Draw returns one delay: its median is the geometric middle of the bounds.
func (l Latency) Draw() time.Duration {
	lo, hi := math.Log(float64(l.Min)), math.Log(float64(l.Max))
	v := (lo+hi)/2 + l.Rand.NormFloat64()*(hi-lo)/6
	return time.Duration(math.Exp(min(max(v, lo), hi)))
}
