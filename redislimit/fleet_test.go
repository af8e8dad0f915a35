package redislimit_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
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
	At     []int64 // of each grant, Unix nanoseconds
	Errors map[string]int
}

func TestMain(m *testing.M) {
	if text := os.Getenv("REDISLIMIT_WORKER"); text != "" {
		work(text, os.Stdout)
		return
	}
	flag.Parse()
	flag.Set("test.parallel", "8") // these tests wait more than they work
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
				rep.At = append(rep.At, at.UnixNano())
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

// windows counts the grants of all workers per aligned window.
func windows(reports []report, w time.Duration, n int) map[int64]int {
	counts := make(map[int64]int)
	for _, r := range reports {
		for _, at := range r.At {
			counts[at/int64(w)] += n
		}
	}
	return counts
}

// TestFleetNeverOver is the promise: four processes that call as fast as they are let
// never pass a limit in any aligned window, with leases and without.
func TestFleetNeverOver(t *testing.T) {
	wallClock(t)
	onServers(t, func(t *testing.T, s *server) {
		for _, block := range []int{-1, 0} {
			t.Run(fmt.Sprint("block ", block), func(t *testing.T) {
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
				total := 0
				for k, n := range windows(reports, time.Second, 2) {
					total += n / 2
					if n > 1000 {
						t.Errorf("second %d: %d of 1000", k, n)
					}
				}
				for k, n := range windows(reports, 5*time.Second, 1) {
					if n > 4500 {
						t.Errorf("five seconds %d: %d of 4500", k, n)
					}
				}
				if total < 1750 { // of 2500 that the seconds allow
					t.Errorf("%d calls in 5 s: %v", total, windows(reports, time.Second, 2))
				}
				for i, r := range reports {
					if len(r.At) < total/40 {
						t.Errorf("process %d got %d of %d calls", i, len(r.At), total)
					}
				}
				t.Logf("%d calls, per second of 1000: %v", total, windows(reports, time.Second, 2))
			})
		}
	})
}

// TestRedisKilledAndRestarted: the limit holds while Redis is there, while it is
// away, in the window in which it comes back without its memory, and after.
func TestRedisKilledAndRestarted(t *testing.T) {
	wallClock(t)
	onServers(t, func(t *testing.T, s *server) {
		blocks := []int{0}
		if s.mini == nil {
			blocks = []int{-1, 0}
		}
		for _, block := range blocks {
			t.Run(fmt.Sprint("block ", block), func(t *testing.T) {
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
				counts := windows(reports, 2*time.Second, 1)
				first, last := begin.UnixNano()/2e9, begin.Add(24*time.Second).UnixNano()/2e9
				var away, after int
				var line []int
				for k := first; k <= last; k++ {
					n := counts[k]
					line = append(line, n)
					if n > 1000 {
						t.Errorf("window %d: %d of 1000", k-first, n)
					}
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
				if after < 800 {
					t.Errorf("%d of 1000 long after Redis came back", after)
				}
			})
		}
	})
}

// wallClock skips what compares the clocks of several processes: on a machine that
// is busy with something else, a process that is scheduled late looks like one that
// was let through late.
func wallClock(t *testing.T) {
	t.Helper()
	if os.Getenv("EXAUTH_FLEET") == "" {
		t.Skip("measures wall time across processes; set EXAUTH_FLEET=1 on a quiet machine")
	}
}
