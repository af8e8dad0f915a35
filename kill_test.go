package exauth_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// Where a process is killed, with SIGKILL, at an order whose number is drawn.
const (
	killBeforeSigning  = iota // by Options.Policy
	killAfterJournal          // signed and written down, nothing sent
	killAfterSending          // all of it is written to the socket
	killAfterAnswer           // its answer has begun to arrive
	killAfterFate             // the journal knows the fate, the caller does not
	killOnArrival             // the exchange has the order, and carries it out
	killAfterExecution        // the exchange has carried it out and not answered
	killAnyTime               // up to 60 ms after the first order
	killPoints
)

// A life is what one process of a trading program is told.
type life struct {
	Venue, URL, Dir string
	Key, Secret     string
	Point, Order    int
	Last            bool // place nothing, resolve everything
}

// TestKillNine (O1 to O6): a trading process is killed again and again, anywhere
// between signing and the answer, and the next one resolves what it finds in the
// journal. No order is executed twice, every order the exchange has is known as
// accepted and no other, none stays in doubt, and no nonce is used again. With
// EXAUTH_TEST_LONG it is killed 400 times at each venue instead of 24.
func TestKillNine(t *testing.T) {
	if text := os.Getenv("EXAUTH_TEST_LIFE"); text != "" {
		live(text)
		return
	}
	lives := 24
	if os.Getenv("EXAUTH_TEST_LONG") != "" {
		lives = 400
	}
	for name, make := range map[string]func() *exauth.Venue{"binance": venue.Binance, "kraken": venue.Kraken} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting for processes
			k := &killer{t: t, told: map[string]string{}, ids: map[string]bool{}}
			srv, err := exchangetest.Start(make(), &exchangetest.Options{Intercept: k.intercept})
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			key := srv.Key(exauth.ScopeTradeSpot)
			l := life{Venue: name, URL: srv.URL(), Dir: t.TempDir(), Key: key.ID, Secret: key.Secret}
			rng := rand.New(rand.NewPCG(3, 5))
			for n := range lives {
				l.Point, l.Order = n%killPoints, 1+rng.IntN(8)
				k.run(l, rng)
			}
			l.Last, l.Point = true, -1
			k.run(l, rng)
			k.judge(srv)
		})
	}
}

// killer watches an exchange, kills its client, and keeps what it was told.
type killer struct {
	t      *testing.T
	mu     sync.Mutex
	child  *exec.Cmd
	life   life
	orders int               // of this life that have arrived
	ids    map[string]bool   // of all orders that have arrived
	told   map[string]string // by id: the fate the program was told, by whatever way
	nonces []int64
}

// intercept notes what arrives, and kills its sender before or after the execution.
func (k *killer) intercept(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	id := form.Get("newClientOrderId") + form.Get("cl_ord_id")
	order := r.Method == "POST" && strings.HasSuffix(strings.ToLower(r.URL.Path), "order")
	k.mu.Lock()
	if n, err := strconv.ParseInt(form.Get("nonce"), 10, 64); err == nil {
		k.nonces = append(k.nonces, n)
	}
	hit := false
	if order {
		k.orders++
		k.ids[id] = true
		hit = k.orders == k.life.Order
	}
	point, child := k.life.Point, k.child
	k.mu.Unlock()
	if hit && point == killOnArrival {
		_ = child.Process.Kill()
	}
	if hit && point == killAnyTime {
		wait := time.Duration(k.life.Order*8) * time.Millisecond
		time.AfterFunc(wait, func() { _ = child.Process.Kill() })
	}
	if hit && point == killAfterExecution {
		answer := &discard{}
		next.ServeHTTP(answer, r)
		_ = child.Process.Kill()
		panic(http.ErrAbortHandler)
	}
	next.ServeHTTP(w, r)
}

// discard is an answer nobody gets.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header {
	if d.header == nil {
		d.header = http.Header{}
	}
	return d.header
}
func (*discard) Write(p []byte) (int, error) { return len(p), nil }
func (*discard) WriteHeader(int)             {}

// run is one life: the program trades until it is killed, and says what it is told.
func (k *killer) run(l life, rng *rand.Rand) {
	ctx, stop := context.WithTimeout(k.t.Context(), 2*time.Minute)
	defer stop()
	text, err := json.Marshal(l)
	if err != nil {
		k.t.Fatal(err)
	}
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKillNine$")
	child.Env = append(os.Environ(), "EXAUTH_TEST_LIFE="+string(text))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	k.mu.Lock()
	k.child, k.life, k.orders = child, l, 0
	err = child.Start()
	k.mu.Unlock()
	if err != nil {
		k.t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch words := strings.SplitN(lines.Text(), " ", 3); words[0] {
		case "told":
			k.note(words[1], words[2])
		case "error":
			k.t.Errorf("life %+v: %s", l, lines.Text())
		}
	}
	err = child.Wait()
	if killed := err != nil; killed == l.Last {
		k.t.Errorf("life %+v ended with %v", l, err)
	}
}

// note keeps a fate. What was unknown may become known, and nothing else changes.
func (k *killer) note(id, fate string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if was := k.told[id]; was != "" && was != "unknown" && was != fate {
		k.t.Errorf("%s was told %s, and then %s", id, was, fate)
	}
	k.told[id] = fate
}

// judge compares what the program was told with what the exchange has done.
func (k *killer) judge(srv *exchangetest.Server) {
	k.mu.Lock()
	defer k.mu.Unlock()
	executed, count := 0, map[string]int{}
	for id := range k.ids {
		if n := srv.Executions(id); n > 1 {
			k.t.Errorf("%s was executed %d times", id, n)
		} else if n == 1 {
			executed++
			if k.told[id] != "accepted" {
				k.t.Errorf("%s was executed, and told %q", id, k.told[id])
			}
		}
	}
	for id, fate := range k.told {
		if count[fate]++; fate == "accepted" && srv.Executions(id) != 1 || fate == "unknown" {
			k.t.Errorf("%s was told %s, and executed %d times", id, fate, srv.Executions(id))
		}
	}
	if twice := srv.Twice(); len(twice) > 0 || srv.Replays() > 0 {
		k.t.Errorf("executed twice: %v; %d signatures seen twice", twice, srv.Replays())
	}
	for i := 1; i < len(k.nonces); i++ {
		if k.nonces[i] <= k.nonces[i-1] {
			k.t.Errorf("nonce %d after %d", k.nonces[i], k.nonces[i-1])
		}
	}
	if executed < 10 || count["rejected"] == 0 {
		k.t.Errorf("%d executed, told %v: nothing was tried", executed, count)
	}
	k.t.Logf("%d orders arrived, %d executed, told %v, %d nonces", len(k.ids), executed, count, len(k.nonces))
}

// live is the child: it goes on with what it finds, and trades until it dies.
func live(text string) {
	var l life
	say := func(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }
	check := func(err error) {
		if err != nil {
			say("error %v", err)
			os.Exit(1)
		}
	}
	check(json.Unmarshal([]byte(text), &l))
	die := func() {
		self, err := os.FindProcess(os.Getpid())
		check(err)
		check(self.Kill())
		select {}
	}
	j, err := exauth.OpenJournal(filepath.Join(l.Dir, "journal"))
	check(err)
	nonces, err := exauth.NonceFile(filepath.Join(l.Dir, "nonces"))
	check(err)
	v, _ := venue.ByName(l.Venue)
	v = v.At(l.URL)
	v.Lookup.Lag = 100 * time.Millisecond // this exchange's lookups do not lag
	var orders atomic.Int32
	hit := func(point int) bool { return l.Point == point && int(orders.Load()) >= l.Order }
	o := &exauth.Options{Journal: j, Nonce: nonces, RecvWindow: 3 * time.Second, Limiter: exauth.NewLimiter(v, &exauth.LimiterOptions{Off: true}),
		Policy: func(_ context.Context, r *exauth.Request) error {
			if isOrder(r.Method, r.Path) {
				orders.Add(1)
				if hit(killBeforeSigning) {
					die()
				}
			}
			return nil
		},
		Observer: func(a exauth.Attempt) {
			if isOrder(a.Method, a.Path) && hit(killAfterFate) {
				die()
			}
		},
		HTTPClient: &http.Client{Transport: mortal{http.DefaultTransport.(*http.Transport).Clone(), hit, die}},
	}
	c, err := exauth.New(v, exauth.NewSecretKey(l.Key, l.Secret), o)
	check(err)
	tell := func(id string, fate exauth.Outcome) { say("told %s %s", id, fate) }
	for _, e := range j.Recent() { // an answer that came, and whose reader died
		tell(e.ClientOrderID, e.Outcome)
	}
	var group sync.WaitGroup
	for _, e := range j.Pending() {
		group.Go(func() {
			res, err := c.Resolve(context.Background(), e)
			if err != nil {
				say("error resolving %s: %v", e.ClientOrderID, err)
			}
			tell(e.ClientOrderID, res.Outcome)
		})
	}
	if !l.Last {
		for range 3 {
			go func() {
				for {
					tell(placeOne(c, l.Venue))
				}
			}()
		}
		time.Sleep(20 * time.Second)
		say("error it is still alive")
	}
	group.Wait()
	check(c.Close())
	check(nonces.Close())
	check(j.Close())
}

// placeOne places an order and returns its id and what became of it.
func placeOne(c *exauth.Client, name string) (string, exauth.Outcome) {
	resp, err := c.Do(context.Background(), floors[name].order)
	var e *exauth.Error
	if errors.As(err, &e) {
		return e.ClientOrderID, e.Outcome
	}
	return resp.ClientOrderID, exauth.OutcomeAccepted
}

func isOrder(method, path string) bool {
	return method == "POST" && (path == floors["binance"].place || path == floors["kraken"].place)
}

// mortal is a transport that may be the last thing its process does.
type mortal struct {
	rt  *http.Transport
	hit func(int) bool
	die func()
}

func (m mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if !isOrder(r.Method, r.URL.Path) {
		return m.rt.RoundTrip(r)
	}
	if m.hit(killAfterJournal) {
		m.die()
	}
	trace := &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) {
			if m.hit(killAfterSending) {
				m.die()
			}
		},
		GotFirstResponseByte: func() {
			if m.hit(killAfterAnswer) {
				m.die()
			}
		},
	}
	return m.rt.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
}
