package clock

import (
	"math/rand/v2"
	"testing"
	"time"
)

// base is a local moment with a monotonic reading, as Sample is given.
func base() time.Time { return time.Now() }

// venueAt is what the venue's clock shows in these tests: local time plus offset.
func venueAt(local time.Time, offset time.Duration) time.Time { return local.Round(0).Add(offset) }

func TestSampleAndNow(t *testing.T) {
	var c Clock
	sent := base()
	if _, ok := c.Now(sent); ok || !c.Stale(sent) || c.Usable(sent) {
		t.Fatal("an empty clock knows something")
	}
	if got, _ := c.Now(sent); !got.Equal(sent) {
		t.Errorf("Now without a sample is %s, want local time", got)
	}
	for _, offset := range []time.Duration{0, 5 * time.Second, -5 * time.Second, 7 * time.Minute, -3 * time.Hour, 40 * 24 * time.Hour} {
		var c Clock
		received := sent.Add(80 * time.Millisecond)
		stamp := venueAt(sent.Add(30*time.Millisecond), offset).Truncate(time.Millisecond)
		if err := c.Sample(sent, received, stamp, time.Millisecond); err != nil {
			t.Fatal(err)
		}
		later := received.Add(10 * time.Second)
		got, ok := c.Now(later)
		if truth := venueAt(later, offset); !ok || got.After(truth) || truth.Sub(got) > 52*time.Millisecond {
			t.Errorf("offset %s: Now is %s off, want 0…-52ms", offset, got.Sub(truth))
		}
		low, slack, ok := c.Offset(later)
		if !ok || low > offset || low+slack < offset {
			t.Errorf("offset %s: estimate %s…%s does not hold it", offset, low, low+slack)
		}
	}
}

func TestAbsurd(t *testing.T) {
	sent := base()
	for name, c := range map[string]struct {
		stamp time.Time
		ok    bool
	}{
		"zero": {time.Time{}, false}, "1970": {time.Unix(0, 0), false}, "seconds read as milliseconds": {time.UnixMilli(sent.Unix()), false},
		"milliseconds read as seconds": {time.Unix(sent.UnixMilli(), 0), false}, "1999": {time.Unix(earliest-1, 999), false},
		"2000": {time.Unix(earliest, 0), true}, "2099": {time.Unix(latest-1, 0), true}, "2100": {time.Unix(latest, 0), false},
		"2200": {time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), false}, "negative": {time.UnixMilli(-5), false},
	} {
		var clock Clock
		if err := clock.Sample(sent, sent, c.stamp, time.Millisecond); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", name, err, c.ok)
		}
		if _, known := clock.Now(sent); known != c.ok {
			t.Errorf("%s: known is %v", name, known)
		}
	}
}

// TestBestSample: the shortest way back wins; a worse sample changes nothing, one
// that contradicts what is known replaces it.
func TestBestSample(t *testing.T) {
	var c Clock
	sent := base()
	sample := func(at, out, back, offset time.Duration) {
		t.Helper()
		s := sent.Add(at)
		if err := c.Sample(s, s.Add(out+back), venueAt(s.Add(out), offset), time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	off := func(at, offset time.Duration) time.Duration {
		got, _ := c.Now(sent.Add(at))
		return got.Sub(venueAt(sent.Add(at), offset))
	}
	const ms = time.Millisecond
	sample(0, 10*ms, 200*ms, 0)
	if e := off(time.Second, 0); e > -200*ms || e < -201*ms {
		t.Errorf("slow sample: %s off", e)
	}
	sample(time.Second, 100*ms, 5*ms, 0)
	if e := off(2*time.Second, 0); e > -5*ms || e < -6*ms {
		t.Errorf("quick way back: %s off", e)
	}
	sample(2*time.Second, 10*ms, 300*ms, 0)
	if e := off(3*time.Second, 0); e > -5*ms || e < -6*ms {
		t.Errorf("worse sample taken: %s off", e)
	}
	sample(4*time.Second, 10*ms, 300*ms, -10*time.Second)
	if e := off(5*time.Second, -10*time.Second); e > -300*ms || e < -301*ms {
		t.Errorf("the venue's clock went back: %s off", e)
	}
	sample(6*time.Second, 10*ms, 100*ms, 20*time.Second)
	if e := off(7*time.Second, 20*time.Second); e > -100*ms || e < -101*ms {
		t.Errorf("the venue's clock went forward: %s off", e)
	}
}

// TestWallStep: a wall clock that was set, or a sleep during which the monotonic
// clock stood still, is noticed, and only the venue's next stamp moves the estimate.
func TestWallStep(t *testing.T) {
	for _, step := range []time.Duration{10 * time.Minute, -10 * time.Minute, 3 * time.Second, -3 * time.Second} {
		var c Clock
		sent := base()
		if err := c.Sample(sent, sent, venueAt(sent, 0), time.Millisecond); err != nil {
			t.Fatal(err)
		}
		later := sent.Add(time.Second)
		if c.Stale(later) || !c.Usable(later) {
			t.Fatal("stale without a reason")
		}
		before, _ := c.Now(later)
		c.wall = c.wall.Add(-step) // as if the wall clock had moved by step since
		if !c.Stale(later) || c.Usable(later) {
			t.Errorf("step of %s: not noticed", step)
		}
		if after, _ := c.Now(later); !after.Equal(before) {
			t.Errorf("step of %s moved the estimate by %s", step, after.Sub(before))
		}
		if err := c.Sample(later, later, venueAt(later, step), time.Millisecond); err != nil || c.Stale(later) {
			t.Errorf("step of %s: not settled by a sample: %v", step, err)
		}
		if got, _ := c.Now(later); !got.Equal(venueAt(later, step)) {
			t.Errorf("step of %s: Now is %s off", step, got.Sub(venueAt(later, step)))
		}
	}
	var c Clock
	sent := base()
	_ = c.Sample(sent, sent, venueAt(sent, 0), time.Millisecond)
	c.wall = c.wall.Add(-time.Second) // what NTP corrects is no step
	if c.Stale(sent.Add(time.Second)) {
		t.Error("a second counts as a step")
	}
}

func TestStale(t *testing.T) {
	var c Clock
	sent := base()
	_ = c.Sample(sent, sent, venueAt(sent, 0), time.Millisecond)
	if c.Stale(sent.Add(refresh)) || !c.Stale(sent.Add(refresh+1)) || !c.Usable(sent.Add(time.Hour)) {
		t.Error("refresh is not after five minutes")
	}
	c.Doubt()
	if !c.Stale(sent) || c.Usable(sent) {
		t.Error("doubt is not noticed")
	}
	c.Failed(sent)
	if c.Stale(sent.Add(patience-1)) || !c.Stale(sent.Add(patience)) {
		t.Error("a failed refresh is not put off by 30 s")
	}
	c.Doubt()
	if !c.Stale(sent) {
		t.Error("a fresh doubt waits")
	}
	// A sample equal to what was doubted settles it all the same.
	_ = c.Sample(sent, sent, venueAt(sent, 0), time.Millisecond)
	if c.Stale(sent) || !c.Usable(sent) {
		t.Error("doubt stays after a sample")
	}
}

// TestNeverAhead: whatever ways out and back take and however the venue's quartz
// drifts within reason, no stamp is ahead of the venue.
func TestNeverAhead(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		var c Clock
		start := base()
		offset := time.Duration(rng.Int64N(int64(2*time.Hour))) - time.Hour
		rate := 1 + (rng.Float64()*2-1)*40e-6 // the venue's seconds per one of ours
		resolution := []time.Duration{time.Millisecond, time.Second}[round%2]
		truth := func(at time.Duration) time.Time {
			return start.Round(0).Add(offset + time.Duration(float64(at)*rate))
		}
		at := time.Duration(0)
		for range 50 {
			out, back := time.Duration(rng.Int64N(int64(300*time.Millisecond))), time.Duration(rng.Int64N(int64(300*time.Millisecond)))
			stamp := truth(at + out).Truncate(resolution)
			if err := c.Sample(start.Add(at), start.Add(at+out+back), stamp, resolution); err != nil {
				t.Fatal(err)
			}
			at += out + back
			for range 5 {
				at += time.Duration(rng.Int64N(int64(2 * time.Minute)))
				got, _ := c.Now(start.Add(at))
				if ahead := got.Sub(truth(at)); ahead > 0 || ahead < -resolution-400*time.Millisecond-time.Second/10 {
					t.Fatalf("round %d at %s: %s ahead of the venue", round, at, ahead)
				}
			}
		}
	}
}

// TestState: an estimate that something speaks against says so.
func TestState(t *testing.T) {
	var c Clock
	now := time.Now()
	if s := c.State(now); s != (State{}) {
		t.Errorf("knowing nothing: %+v", s)
	}
	if err := c.Sample(now.Add(-20*time.Millisecond), now, now.Add(time.Hour), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	s := c.State(now.Add(time.Minute))
	if !s.Known || !s.Trusted || s.Age != time.Minute || s.Slack < 21*time.Millisecond || s.Offset > time.Hour || s.Offset < time.Hour-20*time.Millisecond {
		t.Errorf("after a minute: %+v", s)
	}
	c.Doubt()
	if s := c.State(now); !s.Known || s.Trusted {
		t.Errorf("in doubt: %+v", s)
	}
}
