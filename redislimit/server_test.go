package redislimit_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/exauth/exauth"
	"github.com/exauth/exauth/redislimit"
	"github.com/redis/rueidis"
)

// A server is a Redis on a loopback port of its own.
type server struct {
	addr string
	mini *miniredis.Miniredis
	args []string
	cmd  *exec.Cmd
}

// onServers runs a test on miniredis, and at the same time on a real server when there
// is one: they wait more than they work.
func onServers(t *testing.T, f func(t *testing.T, s *server)) {
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		s := &server{mini: miniredis.RunT(t)}
		s.addr = s.mini.Addr()
		f(t, s)
	})
	t.Run("redis-server", func(t *testing.T) {
		t.Parallel()
		f(t, startRedis(t))
	})
}

// startRedis starts a real server, or skips the test when there is none.
func startRedis(t testing.TB, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no redis-server in PATH: only miniredis was tried")
	}
	s := &server{addr: "127.0.0.1:" + strconv.Itoa(freePort(t)), args: args}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *server) start(t testing.TB) {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	args := append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", os.TempDir(), "--logfile", os.DevNull}, s.args...)
	s.cmd = exec.Command("redis-server", args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if c, err := net.Dial("tcp", s.addr); err == nil {
			fmt.Fprint(c, "PING\r\n")
			b := make([]byte, 16)
			c.SetReadDeadline(time.Now().Add(time.Second))
			n, _ := c.Read(b)
			c.Close()
			if n > 0 && string(b[:n]) != "-LOADING" {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("redis-server did not come up")
}

// kill ends the server as a crash would.
func (s *server) kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	}
	s.cmd = nil
}

// stop makes the server unreachable; back brings it up again, without its memory.
func (s *server) stop() {
	if s.mini != nil {
		s.mini.Close()
		return
	}
	s.kill()
}

func (s *server) back(t *testing.T) {
	t.Helper()
	if s.mini != nil {
		s.mini.FlushAll()
		if err := s.mini.Restart(); err != nil {
			t.Fatal(err)
		}
		return
	}
	s.start(t)
}

// connect makes a client of the server.
func connect(t testing.TB, addr string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// testVenue has a quota of each kind; the tests choose among them.
func testVenue(quotas ...exauth.Quota) *exauth.Venue {
	return &exauth.Venue{Name: "testvenue", Quotas: quotas}
}

// newLimiter makes a limiter of its own connection, as a process of its own would.
func newLimiter(t testing.TB, s *server, v *exauth.Venue, o *redislimit.Options) *redislimit.Limiter {
	t.Helper()
	opts := redislimit.Options{}
	if o != nil {
		opts = *o
	}
	if opts.ClockSlack == 0 {
		opts.ClockSlack = time.Millisecond // the venue's clock is Redis's here
	}
	if opts.Timeout == 0 {
		opts.Timeout = 2 * time.Second // the machine may be busy
	}
	l, err := redislimit.New(connect(t, s.addr), v, &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func cost(pairs ...any) []exauth.Cost {
	var all []exauth.Cost
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, exauth.Cost{Quota: pairs[i].(string), N: pairs[i+1].(int)})
	}
	return all
}

// within bounds a test's waits.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// take waits for a grant and fails the test when there is none.
func take(t testing.TB, l exauth.Limiter, d exauth.Demand) exauth.Lease {
	t.Helper()
	lease, err := l.Wait(within(t, 20*time.Second), d)
	if err != nil {
		t.Fatalf("Wait: %v", err)
	}
	return lease
}

// answered settles a lease as a call that was sent and answered just now.
func answered(lease exauth.Lease, status int, header ...string) {
	now := time.Now()
	o := exauth.Observation{Sent: now, Received: now, Status: status}
	if len(header) > 0 {
		o.Header = make(map[string][]string)
		for i := 0; i < len(header); i += 2 {
			o.Header.Set(header[i], header[i+1])
		}
	}
	lease.Settle(o)
}

// startMini is the address of a miniredis, for tests that need no more.
func startMini(t *testing.T) string {
	t.Helper()
	return miniredis.RunT(t).Addr()
}

// stored is how many units Redis holds as taken from a quota, over all windows.
func stored(t *testing.T, s *server, quota string) int {
	t.Helper()
	sum := 0
	for key, fields := range dump(t, s) {
		if !strings.HasSuffix(key, ":"+quota) {
			continue
		}
		for f, v := range fields {
			if strings.Trim(f[1:], "0123456789") == "" && strings.ContainsAny(f[:1], "nt") {
				n, _ := strconv.ParseFloat(v, 64)
				sum += int(n)
			}
		}
	}
	return sum
}

// dump reads every hash of the server.
func dump(t *testing.T, s *server) map[string]map[string]string {
	t.Helper()
	ctx := within(t, 10*time.Second)
	c := connect(t, s.addr)
	defer c.Close()
	keys, err := c.Do(ctx, c.B().Keys().Pattern("*").Build()).AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]map[string]string)
	for _, key := range keys {
		if m, err := c.Do(ctx, c.B().Hgetall().Key(key).Build()).AsStrMap(); err == nil {
			all[key] = m
		}
	}
	return all
}

// total is what Redis holds as the upper bound of the venue's counter, over all
// windows of a quota.
func total(t *testing.T, s *server, quota string) int {
	t.Helper()
	sum := 0
	for key, fields := range dump(t, s) {
		for f, v := range fields {
			if strings.HasSuffix(key, ":"+quota) && f[0] == 'n' && strings.Trim(f[1:], "0123456789") == "" {
				n, _ := strconv.Atoi(v)
				sum += n
			}
		}
	}
	return sum
}
