package redislimit_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/exauth/exauth"
	"github.com/exauth/exauth/redislimit"
	"github.com/redis/rueidis"
)

// everything uses all that the limiter stores: quotas of each kind and scope, a gate
// and a nonce.
func everything(t *testing.T, c rueidis.Client) {
	t.Helper()
	v := &exauth.Venue{Name: "some venue", Environment: "test:net"}
	var costs []exauth.Cost
	for kind := exauth.FixedWindow; kind <= exauth.Concurrency; kind++ {
		for per := exauth.PerIP; per <= exauth.PerSymbol; per++ {
			name := fmt.Sprintf("quota %d.%d", kind, per)
			v.Quotas = append(v.Quotas, exauth.Quota{Name: name, Kind: kind, Per: per, Limit: 1000, Window: time.Minute, Refill: 10})
			costs = append(costs, exauth.Cost{Quota: name, N: 3, Item: "BTC-{USDT} secret-item"})
		}
	}
	l, err := redislimit.New(c, v, &redislimit.Options{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := exauth.Demand{KeyID: "secret-key-id", Account: "secret-account", Egress: "secret-address", Costs: costs}
	answered(take(t, l, d), 200)
	answered(take(t, l, d), 429, "Retry-After", "0")
	answered(take(t, l, d), 200)
	time.Sleep(100 * time.Millisecond)
	n := redislimit.Nonce(c, &redislimit.NonceOptions{Venue: "some venue"})
	for range 2 {
		if _, err := n.Next(within(t, 10*time.Second), "secret-key-id", 77); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNamesAreFingerprints: who somebody is shows nowhere in Redis, everything but a
// nonce expires, and all keys of a venue are in one slot.
func TestNamesAreFingerprints(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		c := connect(t, s.addr)
		everything(t, c)
		ctx := within(t, 10*time.Second)
		all := dump(t, s)
		if len(all) < 30 {
			t.Fatalf("%d keys: this test sees nothing", len(all))
		}
		tags := make(map[string]bool)
		for key, fields := range all {
			text := key
			for f, v := range fields {
				text += " " + f + " " + v
			}
			for _, secret := range []string{"secret", "BTC"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q shows in %q", secret, text)
				}
			}
			ttl, err := c.Do(ctx, c.B().Pttl().Key(key).Build()).AsInt64()
			if err != nil || ttl <= 0 || ttl > int64(8*24*time.Hour/time.Millisecond) {
				t.Errorf("%s lives for %d ms, %v", key, ttl, err)
			}
			tag, _, ok := strings.Cut(key, "}")
			if tags[tag] = true; !ok || !strings.HasPrefix(tag, "rl:{") || strings.Count(key, "{") != 1 {
				t.Errorf("key %q", key)
			}
		}
		if len(tags) != 1 {
			t.Errorf("keys of %d hash tags: %v", len(tags), tags)
		}
		if s.mini == nil {
			return
		}
		l := newLimiter(t, s, testVenue(wide("w")), nil) // what the hostile test needs to know
		answered(take(t, l, exauth.Demand{Costs: cost("w", 1)}), 200)
		if _, ok := dump(t, s)["rl:{testvenue}:ip:"+addressFingerprint+":w"]; !ok {
			t.Errorf("the empty egress is not %s: %v", addressFingerprint, s.mini.Keys())
		}
	})
}

// TestLeastRights: the rule that the package documents is enough, and keeps others'
// keys and commands out of reach.
func TestLeastRights(t *testing.T) {
	s := startRedis(t)
	admin := connect(t, s.addr)
	ctx := within(t, 30*time.Second)
	if err := admin.Do(ctx, admin.B().Arbitrary("ACL", "SETUSER").Args(documentedRule(t)...).Build()).Error(); err != nil {
		t.Fatal(err)
	}
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.addr}, Username: "exauth", Password: "password"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	everything(t, c)
	log, err := admin.Do(ctx, admin.B().Arbitrary("ACL", "LOG").Build()).ToArray()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range log {
		if m, _ := entry.AsMap(); m != nil {
			object := m["object"]
			if text, _ := object.ToString(); text != "client|setinfo" { // documented: from 7.2 on
				t.Errorf("Redis denied %q", text)
			}
		}
	}
	for _, words := range [][]string{{"FLUSHALL"}, {"KEYS", "*"}, {"GET", "somebody:else"}, {"CONFIG", "GET", "*"}} {
		if err := c.Do(ctx, c.B().Arbitrary(words...).Build()).Error(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("%v: %v, want NOPERM", words, err)
		}
	}
}

// documentedRule reads the rule out of the package's documentation.
func documentedRule(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, ok := strings.Cut(string(text), "user exauth ")
	rule, _, ok2 := strings.Cut(rule, "\n//\n")
	if !ok || !ok2 {
		t.Fatal("doc.go documents no rule")
	}
	return append([]string{"exauth"}, strings.Fields(strings.ReplaceAll(rule, "//", " "))...)
}

// TestCluster: all keys of a call are in one slot, so that a cluster runs the scripts.
func TestCluster(t *testing.T) {
	s := startRedis(t, "--cluster-enabled", "yes", "--cluster-config-file", t.TempDir()+"/nodes.conf")
	plain := connect(t, s.addr)
	ctx := within(t, 30*time.Second)
	if err := plain.Do(ctx, plain.B().Arbitrary("CLUSTER", "ADDSLOTSRANGE", "0", "16383").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		info, _ := plain.Do(ctx, plain.B().ClusterInfo().Build()).ToString()
		if strings.Contains(info, "cluster_state:ok") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.addr}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if c.Mode() != rueidis.ClientModeCluster {
		t.Fatalf("mode %v: not a cluster client, this test sees nothing", c.Mode())
	}
	everything(t, c)
}

// TestMemoryLost: Redis forgets everything while it goes on; the fleet remembers what
// it had used, and the limit holds.
func TestMemoryLost(t *testing.T) {
	onServers(t, func(t *testing.T, s *server) {
		v := testVenue(exauth.Quota{Name: "w", Kind: exauth.FixedWindow, Limit: 300, Window: 2 * time.Second},
			exauth.Quota{Name: "s", Kind: exauth.SlidingWindow, Limit: 500, Window: 3 * time.Second})
		var ls []*redislimit.Limiter
		for range 3 {
			ls = append(ls, newLimiter(t, s, v, nil))
		}
		admin := connect(t, s.addr)
		flushed := make(chan struct{})
		go func() {
			defer close(flushed)
			for range 3 {
				time.Sleep(1700 * time.Millisecond)
				admin.Do(context.Background(), admin.B().Flushall().Build())
			}
		}()
		all := drain(t, ls, 4, exauth.Demand{Costs: cost("w", 1, "s", 1)}, 7*time.Second, 2*time.Millisecond)
		<-flushed
		neverOver(t, all, 2*time.Second, 300)
		if n := most(all, 3*time.Second-slop); n > 500 {
			t.Errorf("%d of 500 within three seconds", n)
		}
		if len(all) < 400 {
			t.Errorf("%d calls in 7 s", len(all))
		}
	})
}

// TestRedisHangs: a server that accepts and does not answer is as good as none.
func TestRedisHangs(t *testing.T) {
	s := startRedis(t)
	v := testVenue(exauth.Quota{Name: "w", Kind: exauth.FixedWindow, Limit: 400, Window: 2 * time.Second})
	ls := []*redislimit.Limiter{
		newLimiter(t, s, v, &redislimit.Options{Timeout: 200 * time.Millisecond}),
		newLimiter(t, s, v, &redislimit.Options{Timeout: 200 * time.Millisecond, Block: -1}),
	}
	begin := time.Now()
	process := s.cmd.Process
	woken := make(chan struct{})
	go func() {
		defer close(woken)
		time.Sleep(2 * time.Second)
		process.Signal(syscall.SIGSTOP)
		time.Sleep(5 * time.Second)
		process.Signal(syscall.SIGCONT)
	}()
	all := drain(t, ls, 4, exauth.Demand{Costs: cost("w", 1)}, 11*time.Second, 2*time.Millisecond)
	<-woken
	neverOver(t, all, 2*time.Second, 400)
	away, after := 0, 0
	for _, g := range all {
		switch d := g.at.Sub(begin); {
		case d > 4*time.Second && d < 7*time.Second:
			away++
		case d > 8*time.Second:
			after++
		}
	}
	if away == 0 || after < 200 {
		t.Errorf("%d calls while it hung, %d after", away, after)
	}
}

// TestLocalShareObeysRefusals: the limiter that a Client uses while Redis is away is
// the library's own, and it hears the answers.
func TestLocalShareObeysRefusals(t *testing.T) {
	mini := miniredis.RunT(t)
	l := newLimiter(t, &server{addr: mini.Addr()}, testVenue(exauth.Quota{Name: "w", Kind: exauth.SlidingWindow, Limit: 1000, Window: 2 * time.Second}),
		&redislimit.Options{Patience: 100 * time.Millisecond, Timeout: 200 * time.Millisecond})
	d := exauth.Demand{Costs: cost("w", 1)}
	answered(take(t, l, d), 200)
	mini.Close()
	lease := take(t, l, d)
	now := time.Now()
	lease.Settle(exauth.Observation{Sent: now, Received: now, Status: 429, Header: http.Header{"Retry-After": {"1"}}})
	answered(take(t, l, d), 200)
	if waited := time.Since(now); waited < 900*time.Millisecond {
		t.Errorf("after a refusal the next call went after %s, want a second", waited)
	}
}
