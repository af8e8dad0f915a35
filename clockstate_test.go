package exauth_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
)

// A farClock is a venue's clock that runs too fast or too slow, and can be set.
type farClock struct {
	begin  time.Time
	ppm    float64
	offset atomic.Int64
	asked  int
	oldest time.Duration // of the stamps that came
	ahead  int
	word   string // what a stamp is refused with; "" for CLOCK
	locked bool   // everything is refused so
}

func (f *farClock) now() time.Time {
	since := time.Since(f.begin)
	return f.begin.Add(since + time.Duration(f.ppm*1e-6*float64(since)) + time.Duration(f.offset.Load()))
}

// RoundTrip is a venue 20 ms away that refuses what is ahead or older than a second.
func (f *farClock) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(10 * time.Millisecond)
	defer time.Sleep(10 * time.Millisecond)
	if r.URL.Path == "/time" {
		f.asked++
		return reply(200, fmt.Sprintf(`{"time":%d}`, f.now().UnixMilli())), nil
	}
	ms, err := strconv.ParseInt(r.Header.Get("Tiny-Time"), 10, 64)
	if err != nil {
		return nil, err
	}
	age := f.now().Sub(time.UnixMilli(ms))
	if age < 0 {
		f.ahead++
	}
	if age < 0 || age > time.Second || f.locked {
		return reply(400, fmt.Sprintf(`{"code":%q,"msg":"timestamp outside of the window"}`, cmp.Or(f.word, "CLOCK"))), nil
	}
	f.oldest = max(f.oldest, age)
	return reply(200, `{}`), nil
}

// TestClockDrift (O5): over hours of drift no stamp is ahead of the venue, none is
// old, and the venue is asked for its time every five minutes and no more often.
func TestClockDrift(t *testing.T) {
	for _, ppm := range []float64{-40, -5, 0, 5, 40} {
		synctest.Test(t, func(t *testing.T) {
			far := &farClock{begin: time.Now(), ppm: ppm}
			far.offset.Store(int64(3 * time.Hour))
			c := newClient(t, clockVenue("https://api.tiny.example"), &exauth.Options{HTTPClient: &http.Client{Transport: far}})
			const hours = 6
			for begin := time.Now(); time.Since(begin) < hours*time.Hour; time.Sleep(17 * time.Second) {
				if resp, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"}); err != nil || resp.Attempts != 1 {
					t.Fatalf("%v ppm after %v: %+v, %v", ppm, time.Since(begin), resp, err)
				}
			}
			if far.ahead != 0 || far.oldest > 100*time.Millisecond || far.asked > hours*12+2 || far.asked < hours*11 {
				t.Errorf("%v ppm: %d stamps ahead, the oldest %v, asked %d times", ppm, far.ahead, far.oldest, far.asked)
			}
		})
	}
}

// TestClockState: what is told of the clock holds the truth, grows less sure with
// time, and is taken anew after the venue was set back.
func TestClockState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := &farClock{begin: time.Now(), ppm: 20}
		far.offset.Store(int64(7 * time.Second))
		c := newClient(t, clockVenue("https://api.tiny.example"), &exauth.Options{HTTPClient: &http.Client{Transport: far}})
		do := func() error {
			_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"})
			return err
		}
		if s := c.ClockState(); s != (exauth.ClockState{}) {
			t.Errorf("before the first call: %+v", s)
		}
		if err := do(); err != nil {
			t.Fatal(err)
		}
		last := time.Duration(0)
		for range 4 {
			s, truth := c.ClockState(), time.Until(far.now())
			if !s.Known || !s.Trusted || truth < s.Offset || truth > s.Offset+s.Uncertainty || s.Uncertainty > 50*time.Millisecond || s.Uncertainty <= last {
				t.Errorf("%+v, the truth is %v", s, truth)
			}
			last = s.Uncertainty
			time.Sleep(time.Minute)
		}
		if s := c.ClockState(); s.Age < 4*time.Minute || s.Age > 4*time.Minute+time.Second {
			t.Errorf("age %v", s.Age)
		}
		far.offset.Store(int64(3 * time.Second)) // the venue's clock is set back
		if err := do(); err != nil {             // refused once, asked, and signed again
			t.Error(err)
		}
		s, truth := c.ClockState(), time.Until(far.now())
		if far.ahead != 1 || !s.Trusted || s.Age > time.Second || truth < s.Offset || truth > s.Offset+s.Uncertainty {
			t.Errorf("after the venue was set back: %+v, the truth is %v", s, truth)
		}
	})
	c := newClient(t, clockVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow})
	if s := c.ClockState(); s.Known {
		t.Errorf("with Options.Now: %+v", s)
	}
}

// TestClockOneWord: a venue that has one word for a bad stamp and a bad key is asked
// for its time too, but not for every refusal.
func TestClockOneWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := &farClock{begin: time.Now(), word: "KEY"}
		far.offset.Store(int64(time.Hour))
		v := clockVenue("https://api.tiny.example")
		v.Ambiguous = map[string][]error{"KEY": {exauth.ErrKey, exauth.ErrClock}}
		c := newClient(t, v, &exauth.Options{HTTPClient: &http.Client{Transport: far}})
		steps := []struct {
			name  string
			after time.Duration
			step  time.Duration // of the venue's clock
			lock  bool
			want  error
			asked int
		}{
			{name: "first call", asked: 1},
			{name: "set back, a sample just taken", after: time.Second, step: -5 * time.Second, want: exauth.ErrKey, asked: 1},
			{name: "an older sample", after: 20 * time.Second, asked: 2},
			{name: "set back again", after: 20 * time.Second, step: -time.Minute, asked: 3},
			{name: "wrong key", after: 20 * time.Second, lock: true, want: exauth.ErrKey, asked: 4},
			{name: "wrong key at once again", lock: true, want: exauth.ErrKey, asked: 4},
			{name: "wrong key later", after: 20 * time.Second, lock: true, want: exauth.ErrKey, asked: 5},
		}
		for _, s := range steps {
			time.Sleep(s.after)
			far.offset.Add(int64(s.step))
			far.locked = s.lock
			if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); !errors.Is(err, s.want) || far.asked != s.asked {
				t.Errorf("%s: %v, asked %d times, want %v, %d", s.name, err, far.asked, s.want, s.asked)
			}
		}
	})
}
