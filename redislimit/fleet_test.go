package redislimit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/redislimit"
	"github.com/redis/rueidis"
)

// The fleet tests run the test binary again, as processes that each use the limiter
// as a bot would, and write down when each of their calls was granted.

// A job is what a worker process does.
type job struct {
	Addr    string
	Quotas  []exauth.Quota
	Costs   []exauth.Cost
	Block   int
	Callers int
	Answer  time.Duration // how long a call takes
	Until   int64         // Unix nanoseconds
	Start   int64
}

// A report is what a worker says at its end.
type report struct {
	From   []int64 // when each granted call asked, Unix nanoseconds
	At     []int64 // when it was let through
	Errors map[string]int
}

func TestMain(m *testing.M) {
	if text := os.Getenv("REDISLIMIT_WORKER"); text != "" {
		work(text, os.Stdout)
		return
	}
	os.Exit(m.Run())
}

// work is a worker process.
func work(text string, out io.Writer) {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		panic(err)
	}
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{j.Addr}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	l, err := redislimit.New(c, testVenue(j.Quotas...), &redislimit.Options{Block: j.Block, ClockSlack: 2 * time.Millisecond, Processes: 4})
	if err != nil {
		panic(err)
	}
	defer l.Close()
	rep := report{Errors: make(map[string]int)}
	var mu sync.Mutex
	var wg sync.WaitGroup
	time.Sleep(time.Until(time.Unix(0, j.Start)))
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, j.Until))
	defer cancel()
	for range j.Callers {
		wg.Go(func() {
			for ctx.Err() == nil {
				from := time.Now()
				lease, err := l.Wait(ctx, exauth.Demand{Account: "main", Costs: j.Costs})
				at := time.Now()
				if err != nil {
					mu.Lock()
					rep.Errors[err.Error()]++
					mu.Unlock()
					if errors.Is(err, context.DeadlineExceeded) {
						return
					}
					time.Sleep(10 * time.Millisecond)
					continue
				}
				mu.Lock()
				rep.From, rep.At = append(rep.From, from.UnixNano()), append(rep.At, at.UnixNano())
				mu.Unlock()
				if j.Answer > 0 {
					time.Sleep(j.Answer)
				}
				lease.Settle(exauth.Observation{Sent: at, Received: time.Now(), Status: 200})
			}
		})
	}
	wg.Wait()
	json.NewEncoder(out).Encode(rep)
}

// fleet runs n worker processes and returns what each reports; meanwhile runs beside
// them.
func fleet(t *testing.T, n int, j job, meanwhile func()) []report {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t, time.Until(time.Unix(0, j.Until))+30*time.Second)
	reports := make([]report, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			cmd := exec.CommandContext(ctx, os.Args[0])
			cmd.Env = append(os.Environ(), "REDISLIMIT_WORKER="+string(text))
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Errorf("worker %d: %v", i, err)
				return
			}
			if err := json.Unmarshal(out, &reports[i]); err != nil {
				t.Errorf("worker %d: %v", i, err)
			}
		})
	}
	if meanwhile != nil {
		meanwhile()
	}
	wg.Wait()
	return reports
}

// grants are those of all workers.
func grants(reports []report) []grant {
	var all []grant
	for _, r := range reports {
		for i := range r.At {
			all = append(all, grant{time.Unix(0, r.From[i]), time.Unix(0, r.At[i])})
		}
	}
	return all
}

// quiet says that the machine has nothing else to do: then the fleet tests try
// everything, and look at how much of the limits is used too.
func quiet() bool { return os.Getenv("EXAUTH_FLEET") != "" }

// onFleet runs a test on the servers and with the block sizes that there is time for.
func onFleet(t *testing.T, f func(t *testing.T, s *server, block int)) {
	onServers(t, func(t *testing.T, s *server) {
		if _, err := exec.LookPath("redis-server"); err == nil && s.mini != nil && !quiet() {
			t.Skip("tried on redis-server; set EXAUTH_FLEET=1 on a quiet machine to try both")
		}
		for _, block := range []int{-1, 0} {
			if block == 0 || quiet() {
				t.Run(fmt.Sprint("block ", block), func(t *testing.T) { f(t, s, block) })
			}
		}
	})
}

// TestFleetNeverOver is the promise: four processes that call as fast as they are let
// never pass a limit in any aligned window, with leases and without.
func TestFleetNeverOver(t *testing.T) {
	onFleet(t, func(t *testing.T, s *server, block int) {
		begin := time.Now().Add(time.Second)
		suffix := strconv.Itoa(block + 1)
		j := job{
			Addr: s.addr, Block: block, Callers: 8, Answer: time.Millisecond, Start: begin.UnixNano(), Until: begin.Add(5 * time.Second).UnixNano(),
			Quotas: []exauth.Quota{
				{Name: "fast" + suffix, Kind: exauth.FixedWindow, Limit: 1000, Window: time.Second},
				{Name: "slow" + suffix, Kind: exauth.FixedWindow, Limit: 4500, Window: 5 * time.Second, Per: exauth.PerAccount},
				{Name: "day" + suffix, Kind: exauth.FixedWindow, Limit: 10_000_000, Window: 24 * time.Hour},
			},
		}
		j.Costs = cost("fast"+suffix, 2, "slow"+suffix, 1, "day"+suffix, 1)
		reports := fleet(t, 4, j, nil)
		all := grants(reports)
		neverOver(t, all, time.Second, 500)
		neverOver(t, all, 5*time.Second, 4500)
		t.Logf("%d calls, per second of 500: %v", len(all), perWindow(all, time.Second))
		if want := 500; len(all) < want {
			t.Errorf("%d calls in 5 s, want %d at least", len(all), want)
		}
		if !quiet() {
			return
		}
		if want := 2250; len(all) < want { // of 2500
			t.Errorf("%d calls in 5 s, want %d", len(all), want)
		}
		for i, r := range reports {
			if len(r.At) < len(all)/40 {
				t.Errorf("process %d got %d of %d calls", i, len(r.At), len(all))
			}
		}
	})
}

// TestRedisKilledAndRestarted: the limit holds while Redis is there, while it is
// away, in the window in which it comes back without its memory, and after.
func TestRedisKilledAndRestarted(t *testing.T) {
	onFleet(t, func(t *testing.T, s *server, block int) {
		begin := time.Now().Add(time.Second)
		j := job{
			Addr: s.addr, Block: block, Callers: 4, Answer: 2 * time.Millisecond, Start: begin.UnixNano(), Until: begin.Add(16 * time.Second).UnixNano(),
			Quotas: []exauth.Quota{{Name: "w", Kind: exauth.FixedWindow, Limit: 1000, Window: 2 * time.Second}},
			Costs:  cost("w", 1),
		}
		reports := fleet(t, 4, j, func() {
			time.Sleep(time.Until(begin.Add(4300 * time.Millisecond)))
			s.stop()
			time.Sleep(5 * time.Second)
			s.back(t)
		})
		all := grants(reports)
		neverOver(t, all, 2*time.Second, 1000)
		counts := perWindow(all, 2*time.Second)
		first, last := begin.UnixNano()/2e9, begin.Add(16*time.Second).UnixNano()/2e9
		var away, after int
		var line []int
		for k := first; k <= last; k++ {
			n := counts[k]
			line = append(line, n)
			switch at := time.Unix(0, k*2e9).Sub(begin); {
			case at > 5*time.Second && at < 9*time.Second:
				away += n
			case at > 12*time.Second && at < 14*time.Second:
				after = n
			}
		}
		t.Log("per window of 1000:", line)
		if away == 0 {
			t.Error("nothing was sent while Redis was away")
		}
		if after == 0 || quiet() && after < 900 {
			t.Errorf("%d of 1000 long after Redis came back", after)
		}
	})
}
