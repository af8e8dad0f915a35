package exauth_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// A keyHouse is a venue that knows keys: it checks who signed, counts what it refused,
// and says whose account a key is of.
type keyHouse struct {
	*recorder
	mu      sync.Mutex
	secrets map[string]string // by key id
	owners  map[string]string // by key id
	refused int
	seen    map[string]int // signed requests that were right, by key id
}

func openHouse(t testing.TB) *keyHouse {
	h := &keyHouse{secrets: map[string]string{}, owners: map[string]string{}, seen: map[string]int{}}
	h.recorder = record(t, func(w http.ResponseWriter, a arrival, _ int) {
		if err := h.check(a); err != nil {
			w.WriteHeader(401)
			fmt.Fprintf(w, `{"code":"%s","msg":"refused"}`, err)
			return
		}
		fmt.Fprintf(w, `{"owner":%q}`, h.owners[a.header.Get("Tiny-Key")])
	})
	return h
}

// check knows a key by id and secret.
func (h *keyHouse) check(a arrival) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := a.header.Get("Tiny-Key")
	secret, ok := h.secrets[id]
	if !ok {
		h.refused++
		return errors.New("KEY")
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(a.header.Get("Tiny-Time") + a.method + a.uri + a.body))
	if a.header.Get("Tiny-Sign") != hex.EncodeToString(mac.Sum(nil)) {
		h.refused++
		return errors.New("SIGN")
	}
	h.seen[id]++
	return nil
}

// give makes a key of the house's; take deletes one.
func (h *keyHouse) give(id string) *exauth.Key {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.secrets[id] = "secret-of-" + id
	return exauth.NewSecretKey(id, "secret-of-"+id).For("tiny", "", "")
}

func (h *keyHouse) take(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.secrets, id)
}

func (h *keyHouse) counts() (refused int, seen map[string]int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen = map[string]int{}
	for id, n := range h.seen {
		seen[id] = n
	}
	return h.refused, seen
}

// venue is headerVenue with errors about keys, a probe, and a page.
func (h *keyHouse) venue() *exauth.Venue {
	v := headerVenue(h.URL)
	v.KeyPage = "https://tiny.example/keys"
	v.Probe = exauth.Call{Path: "/me"}
	v.Answer = houseAnswer
	v.Owner = func(r *exauth.Response) string {
		var me struct{ Owner string }
		_ = json.Unmarshal(r.Payload, &me)
		return me.Owner
	}
	return v
}

func houseAnswer(resp *exauth.Response) ([]byte, error) {
	var e struct{ Code, Msg string }
	if json.Unmarshal(resp.Body, &e) != nil || e.Code == "" {
		return resp.Body, nil
	}
	kinds := map[string]error{"KEY": exauth.ErrKey, "SIGN": exauth.ErrSignature, "IP": exauth.ErrIPNotAllowed, "FUNDS": exauth.ErrInsufficientFunds}
	return nil, &exauth.Error{Kind: kinds[e.Code], Code: e.Code, Message: e.Msg}
}

// TestRingPicks: the narrowest key that covers a call, and never another's.
func TestRingPicks(t *testing.T) {
	key := func(id, venue, env, account string, scope exauth.Scope) *exauth.Key {
		k := exauth.NewSecretKey(id, "secret-of-"+id).For(venue, env, account)
		if scope != 0 {
			k = k.Restrict(scope)
		}
		return k
	}
	const read, spot, futures = exauth.ScopeRead, exauth.ScopeRead | exauth.ScopeTradeSpot, exauth.ScopeRead | exauth.ScopeTradeDerivatives
	file := exauth.FileKey(write(t, filepath.Join(t.TempDir(), "keys.json"), keysFile))
	keys := []exauth.KeySource{
		key("spot", "acme", "", "main", spot), key("futures", "acme", "production", "main", futures), key("tax", "acme", "", "main", read),
		key("data", "prices", "", "", read), key("demo", "acme", "demo", "main", spot), key("all", "acme", "", "main", 0),
		key("a", "pair", "", "a", read), key("b", "pair", "", "b", read),
	}
	static := must(exauth.NewKeyRing(keys...))(t)
	mixed := must(exauth.NewKeyRing(append(keys, file)...))(t)
	for _, c := range []struct {
		name string
		need exauth.Need
		want string
		err  error
		says []string
	}{
		{"a tax tool reads", exauth.Need{Venue: "acme", Account: "main", Scope: read}, "tax", nil, nil},
		{"a spot bot trades", exauth.Need{Venue: "acme", Account: "main", Scope: exauth.ScopeTradeSpot}, "spot", nil, nil},
		{"a futures bot trades", exauth.Need{Venue: "acme", Account: "main", Scope: exauth.ScopeTradeDerivatives}, "futures", nil, nil},
		{"only the widest withdraws", exauth.Need{Venue: "acme", Account: "main", Scope: exauth.ScopeWithdraw}, "all", nil, nil},
		{"data of another venue", exauth.Need{Venue: "prices", Scope: read}, "data", nil, nil},
		{"demo", exauth.Need{Venue: "acme", Environment: "demo", Scope: read}, "demo", nil, nil},
		{"demo never withdraws with production's key", exauth.Need{Venue: "acme", Environment: "demo", Scope: exauth.ScopeWithdraw}, "", exauth.ErrScope, nil},
		{"another environment", exauth.Need{Venue: "acme", Environment: "testnet", Scope: read}, "", exauth.ErrEnvironment, []string{"testnet", "demo", "production"}},
		{"two accounts", exauth.Need{Venue: "pair", Scope: read}, "", exauth.ErrNoKey, []string{`"a" and "b"`}},
		{"one of two", exauth.Need{Venue: "pair", Account: "b", Scope: read}, "b", nil, nil},
		{"neither of two", exauth.Need{Venue: "pair", Account: "c", Scope: read}, "", exauth.ErrNoKey, []string{`"c"`, `"a" and "b"`}},
		{"another venue", exauth.Need{Venue: "elsewhere"}, "", exauth.ErrNoKey, []string{"elsewhere"}},
	} {
		for name, ring := range map[string]*exauth.KeyRing{"keys": static, "keys and a file": mixed} {
			for range 2 { // picked, and remembered
				got, err := ring.Key(bg, c.need)
				if !errors.Is(err, c.err) || (got == nil) != (c.want == "") {
					t.Fatalf("%s, %s: %v, %v, want %q, %v", c.name, name, got, err, c.want, c.err)
				}
				for _, s := range c.says {
					if !strings.Contains(err.Error(), s) {
						t.Errorf("%s, %s: %q does not say %q", c.name, name, err, s)
					}
				}
				if got != nil && got.Fingerprint() != exauth.NewSecretKey(c.want, "").For(c.need.Venue, "", "").Fingerprint() && name == "keys" {
					t.Errorf("%s, %s: key is not %s", c.name, name, c.want)
				}
			}
		}
	}
	if got := must(mixed.Key(bg, exauth.Need{Venue: "okx", Account: "main", Scope: read}))(t); got.Facts().Name != "okx main, read" {
		t.Errorf("%+v", got.Facts())
	}
	// A file that cannot decide between accounts is not decided for by another source.
	if _, err := must(exauth.NewKeyRing(file, key("c", "kraken", "", "c", read)))(t).Key(bg, exauth.Need{Venue: "kraken", Scope: read}); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("a choice between accounts was made: %v", err)
	}
}

func TestRingRefuses(t *testing.T) {
	for name, sources := range map[string][]exauth.KeySource{
		"nil":             {nil},
		"zero key":        {new(exauth.Key)},
		"malformed key":   {exauth.NewSecretKey("id ", "x").For("acme", "", "")},
		"for no venue":    {exauth.NewSecretKey("id", "x")},
		"only an account": {exauth.NewSecretKey("id", "x").For("", "", "main")},
	} {
		if _, err := exauth.NewKeyRing(sources...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	t.Setenv("RINGED_API_KEY", "env-key")
	t.Setenv("RINGED_API_SECRET", "secret-of-env-key")
	env := exauth.EnvKey("RINGED")
	if k, err := must(exauth.NewKeyRing(env))(t).Key(bg, exauth.Need{Venue: "acme"}); err != nil || k == nil {
		t.Errorf("an only source is trusted: %v", err)
	}
	other := exauth.NewSecretKey("x", "secret").For("other", "", "")
	if _, err := must(exauth.NewKeyRing(env, other))(t).Key(bg, exauth.Need{Venue: "acme"}); !errors.Is(err, exauth.ErrNoKey) || !strings.Contains(err.Error(), "Key.For") {
		t.Errorf("a key for no venue beside others: %v", err)
	}
	var zero exauth.KeyRing
	if _, err := zero.Key(bg, exauth.Need{Venue: "acme"}); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("zero ring: %v", err)
	}
	if zero.Add(other) == nil || zero.Keys() != nil || zero.Revoke("x") == "" {
		t.Error("the zero ring took something")
	}
}

// TestRingSwapsUnderLoad: 64 goroutines and 1,000 swaps, each of which is followed by
// the exchange deleting the old key at once: no call fails, none is refused. Over
// sockets it is fewer swaps, or as many as EXAUTH_SWAPS says; 1,000 take a minute.
func TestRingSwapsUnderLoad(t *testing.T) {
	sockets := 30
	if n, err := strconv.Atoi(os.Getenv("EXAUTH_SWAPS")); err == nil {
		sockets = n
	}
	h := openHouse(t)
	inside := &http.Client{Transport: stubTrip(func(r *http.Request) (*http.Response, error) {
		a := arrival{method: r.Method, uri: r.URL.RequestURI(), header: r.Header, body: bodyOf(t, r)}
		runtime.Gosched() // on its way
		if err := h.check(a); err != nil {
			return reply(401, `{"code":"`+err.Error()+`","msg":"refused"}`), nil
		}
		runtime.Gosched()
		return reply(200, "{}"), nil
	})}
	t.Run("in the process", func(t *testing.T) { swapUnderLoad(t, h, 1000, inside) })
	t.Run("over sockets", func(t *testing.T) { swapUnderLoad(t, openHouse(t), sockets, nil) })
}

func swapUnderLoad(t *testing.T, h *keyHouse, swaps int, hc *http.Client) {
	ring := must(exauth.NewKeyRing(h.give("key-0")))(t)
	var clients []*exauth.Client
	for range 2 { // two clients share the ring
		c := must(exauth.New(h.venue(), ring, &exauth.Options{HTTPClient: hc}))(t)
		t.Cleanup(func() { c.Close() })
		clients = append(clients, c)
	}
	var calls, failed atomic.Int64
	stop := make(chan struct{})
	var group sync.WaitGroup
	for n := range 64 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := clients[n%2].Do(bg, exauth.Call{Method: "POST", Path: "/order", Params: p1("a", "1")}); err != nil {
					failed.Add(1)
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	for n := 1; n <= swaps; n++ {
		next := h.give(fmt.Sprintf("key-%d", n))
		old, err := ring.Swap(bg, next)
		if err != nil {
			t.Fatal(err)
		}
		h.take(fmt.Sprintf("key-%d", n-1)) // nothing signed with it is under way
		old.Close()
		for before := calls.Load(); calls.Load() == before && failed.Load() == 0; {
			runtime.Gosched() // let the new key be used
		}
	}
	close(stop)
	group.Wait()
	refused, seen := h.counts()
	t.Logf("%d swaps, %d calls by 64 goroutines with %d of the keys: %d refused, %d failed", swaps, calls.Load(), len(seen), refused, failed.Load())
	if refused != 0 || failed.Load() != 0 || len(seen) < swaps/2 {
		t.Errorf("%d refused, %d failed, %d keys used", refused, failed.Load(), len(seen))
	}
	total := 0
	for _, n := range seen {
		total += n
	}
	if int64(total) != calls.Load() {
		t.Errorf("%d signed requests were right, %d calls succeeded", total, calls.Load())
	}
}

// TestRingSwapWaits: Swap returns when the last request with the old key is answered,
// and says so when that takes too long.
func TestRingSwapWaits(t *testing.T) {
	h := openHouse(t)
	entered, release := make(chan bool), make(chan bool)
	h.setAnswer(func(w http.ResponseWriter, a arrival, n int) {
		if n == 1 {
			entered <- true
			<-release
		}
		io.WriteString(w, "{}")
	})
	ring := must(exauth.NewKeyRing(h.give("old")))(t)
	c := must(exauth.New(h.venue(), ring, nil))(t)
	defer c.Close()
	done := make(chan error, 1)
	go func() { _, err := c.Do(bg, exauth.Call{Path: "/x"}); done <- err }()
	<-entered
	ctx, cancel := context.WithTimeout(bg, 20*time.Millisecond)
	defer cancel()
	if _, err := ring.Swap(ctx, h.give("new")); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "under way") {
		t.Errorf("Swap beside a request: %v", err)
	}
	if _, err := c.Do(bg, exauth.Call{Path: "/x"}); err != nil { // with the new key, meanwhile
		t.Error(err)
	}
	if got := h.arrivals()[1].header.Get("Tiny-Key"); got != "new" {
		t.Errorf("the second call was signed with %q", got)
	}
	swapped := make(chan error, 1)
	go func() { _, err := ring.Swap(bg, h.give("new")); swapped <- err }() // nothing with "new" is under way
	if err := <-swapped; err != nil {
		t.Error(err)
	}
	release <- true
	if err := <-done; err != nil {
		t.Errorf("the request under way did not finish: %v", err)
	}
}

// TestRotateProves: a key the venue does not know, one with a wrong secret, one of
// another account and one that has expired are never switched to; a good one is, with
// the old one's scope, name and nonce.
func TestRotateProves(t *testing.T) {
	h := openHouse(t)
	first := h.give("one").Restrict(exauth.ScopeRead).WithFacts(exauth.KeyFacts{Name: "tax", Purpose: "reports"})
	ring := must(exauth.NewKeyRing(first))(t)
	c := must(exauth.New(h.venue(), ring, nil))(t)
	defer c.Close()
	h.owners = map[string]string{"one": "alice", "two": "alice", "stranger": "bob"}
	stranger := h.give("stranger")
	for name, tc := range map[string]struct {
		key  *exauth.Key
		want error
	}{
		"unknown":              {exauth.NewSecretKey("nobody", "secret").For("tiny", "", ""), exauth.ErrKey},
		"wrong secret":         {exauth.NewSecretKey("one", "another-secret").For("tiny", "", ""), exauth.ErrSignature},
		"another account":      {stranger, exauth.ErrNoKey},
		"expired":              {h.give("old").WithFacts(exauth.KeyFacts{Expires: time.Now().Add(-time.Hour)}), exauth.ErrKeyExpired},
		"another venue":        {exauth.NewSecretKey("x", "secret").For("other", "", ""), exauth.ErrNoKey},
		"another environment":  {exauth.NewSecretKey("x", "secret").For("tiny", "demo", ""), exauth.ErrNoKey},
		"other account label":  {exauth.NewSecretKey("x", "secret").For("tiny", "", "b"), exauth.ErrNoKey},
		"malformed":            {exauth.NewSecretKey("x", "two words").For("tiny", "", ""), exauth.ErrKey},
		"trades instead":       {h.give("trader").Restrict(exauth.ScopeTradeSpot), exauth.ErrScope},
		"closed":               {closedKey(h.give("closed")), exauth.ErrNoKey},
		"a key without a word": {new(exauth.Key), exauth.ErrNoKey},
	} {
		if _, err := c.Rotate(bg, tc.key); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
		if k := must(ring.Key(bg, exauth.Need{Venue: "tiny", Scope: exauth.ScopeRead}))(t); k != first {
			t.Fatalf("%s: switched to", name)
		}
	}
	h.give("two")
	old, err := c.Rotate(bg, exauth.NewSecretKey("two", "secret-of-two")) // the client's label, the old key's scope
	if err != nil || old != first {
		t.Fatalf("%v, %v", old, err)
	}
	f := ring.Keys()
	if len(f) != 1 || f[0].Name != "tax" || f[0].Purpose != "reports" || f[0].Scope != exauth.ScopeRead || f[0].Venue != "tiny" {
		t.Errorf("%+v", f)
	}
	if _, err := c.Do(bg, exauth.Call{Path: "/x"}); err != nil {
		t.Error(err)
	}
	if _, seen := h.counts(); seen["two"] == 0 {
		t.Error("the new key is not used")
	}
	// An old key that was deleted already can be rotated away from.
	h.take("two")
	if _, err := c.Rotate(bg, h.give("three")); err != nil {
		t.Error(err)
	}
	if _, err := must(exauth.New(h.venue(), h.give("three"), nil))(t).Rotate(bg, h.give("four")); !errors.Is(err, exauth.ErrParam) {
		t.Errorf("a client without a ring: %v", err)
	}
}

func closedKey(k *exauth.Key) *exauth.Key { k.Close(); return k }

// TestRevoke: at once for every client, copies included; what is under way finishes;
// and the source's copy is not used again.
func TestRevoke(t *testing.T) {
	h := openHouse(t)
	entered, release := make(chan bool, 1), make(chan bool)
	h.setAnswer(func(w http.ResponseWriter, a arrival, n int) {
		if n == 1 {
			entered <- true
			<-release
		}
		io.WriteString(w, "{}")
	})
	key := h.give("key").WithFacts(exauth.KeyFacts{Name: "bot 1"})
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "keys.json"), `{"version":1,"keys":[{"venue":"tiny","id":"filed","secret":"secret-of-filed","account":"b"}]}`)
	h.give("filed")
	ring := must(exauth.NewKeyRing(key, exauth.FileKey(path)))(t)
	one := must(exauth.New(h.venue(), ring, nil))(t)
	two := must(exauth.New(h.venue(), key, nil))(t) // uses the key without the ring
	three := must(exauth.New(h.venue(), ring, &exauth.Options{Account: "b"}))(t)
	done := make(chan error, 1)
	go func() { _, err := two.Do(bg, exauth.Call{Path: "/x"}); done <- err }()
	<-entered
	mark := key.Fingerprint()
	if _, err := one.Do(bg, exauth.Call{Path: "/x"}); !errors.Is(err, exauth.ErrNoKey) { // no account said, and there are two
		t.Errorf("%v", err)
	}
	todo := ring.Revoke(mark)
	for _, want := range []string{mark, "bot 1", "delete it at https://tiny.example/keys"} {
		if !strings.Contains(todo, want) {
			t.Errorf("%q does not say %q", todo, want)
		}
	}
	release <- true
	if err := <-done; err != nil {
		t.Errorf("the request under way did not finish: %v", err)
	}
	n := len(h.arrivals())
	for name, c := range map[string]*exauth.Client{"the ring's": one, "the key's": two} {
		if name == "the ring's" {
			continue // has account b's key now; see below
		}
		_, err := c.Do(bg, exauth.Call{Path: "/x"})
		if !errors.Is(err, exauth.ErrNoKey) {
			t.Errorf("%s client after Revoke: %v", name, err)
		}
	}
	if len(h.arrivals()) != n {
		t.Error("a revoked key was sent")
	}
	if err := ring.Add(exauth.NewSecretKey("key", "secret-of-key").For("tiny", "", "")); !errors.Is(err, exauth.ErrNoKey) {
		t.Errorf("a revoked key was added again: %v", err)
	}
	// A source's key: revoked, and not used again although the file still has it.
	if _, err := three.Do(bg, exauth.Call{Path: "/x"}); err != nil {
		t.Fatal(err)
	}
	filed := must(ring.Key(bg, exauth.Need{Venue: "tiny", Account: "b"}))(t).Fingerprint()
	ring.Revoke(filed)
	write(t, path, `{"version":1,"keys":[{"venue":"tiny","id":"filed","secret":"secret-of-filed","account":"b","purpose":"other"}]}`)
	if _, err := three.Do(bg, exauth.Call{Path: "/x"}); !errors.Is(err, exauth.ErrNoKey) || !strings.Contains(err.Error(), "https://tiny.example/keys") {
		t.Errorf("the file's revoked key: %v", err)
	}
	if todo := ring.Revoke("0123456789abcdef"); !strings.Contains(todo, "no key of the ring") {
		t.Errorf("an unknown fingerprint: %q", todo)
	}
}

// TestRingReloads: a file that changes is obeyed when its new key is accepted, and not
// before; whatever it holds meanwhile, no call fails and no wrong key signs a write.
func TestRingReloads(t *testing.T) {
	h := openHouse(t)
	h.give("one")
	dir := t.TempDir()
	entry := func(id, secret string) string {
		return `{"version":1,"keys":[{"name":"bot","venue":"tiny","id":"` + id + `","secret":"` + secret + `","scope":"read+trade-spot"}]}`
	}
	path := write(t, filepath.Join(dir, "keys.json"), entry("one", "secret-of-one"))
	var told []exauth.KeyWarning
	for name, wrap := range map[string]func(exauth.KeySource) exauth.KeySource{
		"ring":              func(s exauth.KeySource) exauth.KeySource { return s },
		"ring in FirstKey":  func(s exauth.KeySource) exauth.KeySource { return exauth.FirstKey(s) },
		"ring of FirstKeys": func(s exauth.KeySource) exauth.KeySource { return must(exauth.NewKeyRing(exauth.FirstKey(s)))(t) },
	} {
		t.Run(name, func(t *testing.T) {
			told = nil
			write(t, path, entry("one", "secret-of-one"))
			ring := must(exauth.NewKeyRing(exauth.FileKey(path)))(t)
			c := must(exauth.New(h.venue(), wrap(ring), &exauth.Options{KeyWarning: func(w exauth.KeyWarning) { told = append(told, w) }}))(t)
			defer c.Close()
			order := func() string {
				t.Helper()
				if _, err := c.Do(bg, exauth.Call{Method: "POST", Path: "/order", Params: p1("a", "1")}); err != nil {
					t.Fatal(err)
				}
				got := h.arrivals()
				return got[len(got)-1].header.Get("Tiny-Key")
			}
			if id := order(); id != "one" {
				t.Fatalf("signed with %q", id)
			}
			// Half a file, and a whole one with a key the venue does not know.
			write(t, path, entry("two", "secret-of-two")[:40])
			if id := order(); id != "one" {
				t.Errorf("half a file: signed with %q", id)
			}
			write(t, path, entry("nobody", "secret-of-nobody"))
			before, _ := h.counts()
			for range 3 {
				if id := order(); id != "one" {
					t.Errorf("an unknown key: signed with %q", id)
				}
			}
			if after, _ := h.counts(); after != before+1 {
				t.Errorf("%d probes with an unknown key in a row, want 1", after-before)
			}
			if len(told) != 1 || told[0].Kind != exauth.KeyUnproven || told[0].Name != "bot" || !strings.Contains(told[0].String(), "not accepted") {
				t.Errorf("told %v", told)
			}
			// A cancel does not wait for a proof.
			h.give("two")
			write(t, path, entry("two", "secret-of-two"))
			n := len(h.arrivals())
			if _, err := c.Do(bg, exauth.Call{Method: "DELETE", Path: "/order", Params: p1("a", "1")}); err != nil || len(h.arrivals()) != n+1 {
				t.Errorf("a cancel: %v, %d requests", err, len(h.arrivals())-n)
			}
			if id := order(); id != "two" {
				t.Errorf("a good key: signed with %q", id)
			}
			// A key that is taken out of the list is gone.
			write(t, path, `{"version":1,"keys":[]}`)
			if _, err := c.Do(bg, exauth.Call{Path: "/x"}); !errors.Is(err, exauth.ErrNoKey) {
				t.Errorf("a key that was taken out: %v", err)
			}
		})
	}
}

// TestRotateKeepsState (Q7a): a new key gets no fresh budget of its account, and a key
// whose secret alone changed goes on with its nonces.
func TestRotateKeepsState(t *testing.T) {
	h := openHouse(t)
	v := h.venue()
	v.Quotas = []exauth.Quota{
		{Name: "ORDERS", Kind: exauth.FixedWindow, Limit: 2, Window: 24 * time.Hour, Per: exauth.PerAccount},
		{Name: "WEIGHT", Kind: exauth.FixedWindow, Limit: 100, Window: 24 * time.Hour, Per: exauth.PerIP},
	}
	v.DefaultCosts = []exauth.Cost{{Quota: "WEIGHT", N: 1}}
	order := exauth.Call{Method: "POST", Path: "/order", Params: p1("a", "1"), MaxWait: time.Millisecond,
		Costs: []exauth.Cost{{Quota: "ORDERS", N: 1}, {Quota: "WEIGHT", N: 1}}}
	ring := must(exauth.NewKeyRing(h.give("one").For("tiny", "", "main")))(t)
	c := must(exauth.New(v, ring, &exauth.Options{Account: "main"}))(t)
	defer c.Close()
	for range 2 {
		if _, err := c.Do(bg, order); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Rotate(bg, h.give("two").For("tiny", "", "main")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(bg, order); !errors.Is(err, exauth.ErrRateLimited) {
		t.Errorf("a rotated key got a fresh budget: %v", err)
	}

	n := nonceVenue(h.URL)
	first := exauth.NewSecretKey("n", "first-secret").For("tinynonce", "", "")
	nring := must(exauth.NewKeyRing(first))(t)
	ahead := time.UnixMilli(fixedNow().UnixMilli() + 3_600_000)
	now := ahead
	nc := must(exauth.New(n, nring, &exauth.Options{Now: func() time.Time { return now }}))(t)
	nonce := func() string {
		r := must(nc.Sign(bg, exauth.Call{Method: "POST", Path: "/order", Params: p1("a", "1")}))(t)
		return strings.SplitN(bodyOf(t, r), "&", 2)[0]
	}
	was := nonce()
	now = fixedNow() // the clock goes back, the key is given a new secret
	if _, err := nring.Swap(bg, exauth.NewSecretKey("n", "second-secret").For("tinynonce", "", "")); err != nil {
		t.Fatal(err)
	}
	if is := nonce(); is <= was {
		t.Errorf("nonce %s after %s", is, was)
	}
}

// TestRingNothingLeft (O7): with the old key gone and the new one refused, a cancel and
// a read are still sent: the venue's no counts, not ours.
func TestRingNothingLeft(t *testing.T) {
	h := openHouse(t)
	h.give("one")
	entry := func(id string) string {
		return `{"version":1,"keys":[{"venue":"tiny","id":"` + id + `","secret":"secret-of-` + id + `","scope":"read+trade-spot"}]}`
	}
	path := write(t, filepath.Join(t.TempDir(), "keys.json"), entry("one"))
	ring := must(exauth.NewKeyRing(exauth.FileKey(path)))(t)
	c := must(exauth.New(h.venue(), ring, nil))(t)
	defer c.Close()
	if _, err := c.Do(bg, aRead); err != nil {
		t.Fatal(err)
	}
	write(t, path, entry("nobody"))
	if _, err := c.Do(bg, anOrder); err != nil { // the new one is refused, the old one serves
		t.Fatal(err)
	}
	must(ring.Key(bg, exauth.Need{Venue: "tiny", Scope: exauth.ScopeRead}))(t).Close()
	for name, call := range map[string]exauth.Call{"cancel": aCancel, "read": aRead} {
		n := len(h.arrivals())
		var e *exauth.Error
		if _, err := c.Do(bg, call); !errors.As(err, &e) || e.Status == 0 || len(h.arrivals()) == n {
			t.Errorf("a %s was not sent: %v", name, err)
		}
	}
	h.give("nobody") // the venue has it now
	if _, err := c.Do(bg, anOrder); err != nil {
		t.Errorf("a key that works: %v", err)
	}
}
