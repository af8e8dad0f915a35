package exauth_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
)

var (
	anOrder  = exauth.Call{Method: "POST", Path: "/order", Params: p1("a", "1")}
	aCancel  = exauth.Call{Method: "DELETE", Path: "/order", Params: p1("a", "1")}
	aRead    = exauth.Call{Path: "/x"}
	aPublic  = exauth.Call{Path: "/public"}
	refusals = map[string]error{"KEY": exauth.ErrKey, "SIGN": exauth.ErrSignature, "IP": exauth.ErrIPNotAllowed}
)

// gated is a client of a venue that answers orders, cancels and reads with codes of
// their own; "" is well.
func gated(t *testing.T, o *exauth.Options) (c *exauth.Client, say func(order, cancel, read string), sent *atomic.Int32) {
	var mu sync.Mutex
	codes := map[string]string{}
	sent = new(atomic.Int32)
	o.HTTPClient = &http.Client{Transport: stubTrip(func(r *http.Request) (*http.Response, error) {
		sent.Add(1)
		mu.Lock()
		defer mu.Unlock()
		code := codes[r.Method]
		if r.URL.Path == "/public" {
			code = ""
		}
		switch code {
		case "":
			return reply(200, "{}"), nil
		case "LOST":
			return nil, errors.New("connection reset")
		}
		return reply(401, `{"code":"`+code+`","msg":"no"}`), nil
	})}
	v := headerVenue("http://127.0.0.1:1")
	v.Answer, v.KeyPage = houseAnswer, "https://tiny.example/keys"
	c = must(exauth.New(v, tinyKey(), o))(t)
	t.Cleanup(func() { c.Close() })
	return c, func(order, cancel, read string) {
		mu.Lock()
		defer mu.Unlock()
		codes = map[string]string{"POST": order, "DELETE": cancel, "GET": read}
	}, sent
}

// TestKeyGate: the fifth refusal in a row holds new orders back, with waits that grow
// and one probe at the end of each; reads and cancels pass (O7).
func TestKeyGate(t *testing.T) {
	for code, kind := range refusals {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []exauth.KeyWarning
				c, say, sent := gated(t, &exauth.Options{KeyWarning: func(w exauth.KeyWarning) { told = append(told, w) }})
				say(code, code, code)
				for n := range 5 {
					if _, err := c.Do(bg, anOrder); !errors.Is(err, kind) || sent.Load() != int32(n+1) {
						t.Fatalf("order %d: %v, %d sent", n+1, err, sent.Load())
					}
				}
				held := func(after time.Duration) {
					t.Helper()
					before := sent.Load()
					_, err := c.Do(bg, anOrder)
					var e *exauth.Error
					if !errors.As(err, &e) || e.Kind != kind || e.Outcome != exauth.OutcomeNotSent || e.RetryAfter != after || sent.Load() != before {
						t.Fatalf("%v, want held back for %s", err, after)
					}
				}
				if len(told) != 1 || told[0].Kind != exauth.KeyRefused || !strings.Contains(told[0].Advice, "most likely") {
					t.Errorf("told %v", told)
				}
				for _, wait := range []time.Duration{15, 30, 60, 120, 240, 480, 900, 900} {
					held(wait * time.Second)
					for name, call := range map[string]exauth.Call{"read": aRead, "cancel": aCancel, "public call": aPublic} {
						before := sent.Load()
						if _, err := c.Do(bg, call); sent.Load() != before+1 || (err == nil) != (name == "public call") {
							t.Fatalf("a %s with the gate shut: %v", name, err)
						}
					}
					held(wait * time.Second) // a public call that went well opens nothing
					time.Sleep(wait*time.Second - time.Nanosecond)
					held(time.Nanosecond)
					time.Sleep(time.Nanosecond)
					before := sent.Load()
					if _, err := c.Do(bg, anOrder); !errors.Is(err, kind) || sent.Load() != before+1 {
						t.Fatalf("the probe after %s: %v", wait*time.Second, err)
					}
				}
				time.Sleep(900 * time.Second)
				say("", "", "")
				for range 3 {
					if _, err := c.Do(bg, anOrder); err != nil {
						t.Fatalf("the key works again: %v", err)
					}
				}
				say(code, "", "")
				for range 4 { // a new row begins
					c.Do(bg, anOrder)
				}
				say("", "", "")
				if _, err := c.Do(bg, anOrder); err != nil {
					t.Errorf("four in a row shut the gate: %v", err)
				}
			})
		})
	}
}

// TestKeyGateOpens: whatever shows that the venue takes the key opens the gate.
func TestKeyGateOpens(t *testing.T) {
	for name, open := range map[string]struct {
		order, read string
		call        exauth.Call
		opens       bool
	}{
		"a read":                      {"KEY", "", aRead, true},
		"insufficient funds":          {"KEY", "FUNDS", aRead, true},
		"a public call":               {"KEY", "", aPublic, false},
		"a rejection without a name":  {"KEY", "OTHER", aRead, false},
		"a connection that is broken": {"KEY", "LOST", aRead, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, say, sent := gated(t, &exauth.Options{NoRetry: true})
				say(open.order, "", open.read)
				for range 5 {
					c.Do(bg, anOrder)
				}
				c.Do(bg, open.call)
				say("", "", "")
				before := sent.Load()
				if _, err := c.Do(bg, anOrder); (err == nil) != open.opens || (sent.Load() > before) != open.opens {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// TestKeyGateOneProbe: of many orders that wait for the gate one goes, and what ends
// without an answer about the key lets the next one try.
func TestKeyGateOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, say, sent := gated(t, &exauth.Options{NoRetry: true})
		say("KEY", "", "")
		for range 5 {
			c.Do(bg, anOrder)
		}
		say("LOST", "", "")
		time.Sleep(15 * time.Second)
		before := sent.Load()
		c.Do(bg, anOrder)
		c.Do(bg, anOrder)
		if n := sent.Load() - before; n != 2 {
			t.Errorf("%d of 2 probes went after one that was lost", n)
		}
		say("KEY", "", "")
		before = sent.Load()
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() { c.Do(bg, anOrder) })
		}
		group.Wait()
		if n := sent.Load() - before; n != 1 {
			t.Errorf("%d probes went at once, want 1", n)
		}
		// What was under way when the gate shut does not count again.
		var e *exauth.Error
		if _, err := c.Do(bg, anOrder); !errors.As(err, &e) || e.RetryAfter != 30*time.Second {
			t.Errorf("%v: held for %s", err, e.RetryAfter)
		}
	})
}

// TestCauses: what is likely depends on what has been seen of the key.
func TestCauses(t *testing.T) {
	invalid := map[string][]error{"KEY": {exauth.ErrIPNotAllowed, exauth.ErrPermission, exauth.ErrEnvironment}}
	at := func(ips ...string) (f exauth.KeyFacts) {
		for _, ip := range ips {
			f.IPs = append(f.IPs, netip.MustParsePrefix(ip))
		}
		return f
	}
	for _, c := range []struct {
		name  string
		code  string
		first []exauth.Call // answered well before
		key   func(*exauth.Key) *exauth.Key
		call  exauth.Call
		want  []string // of the texts, in this order
		not   string
	}{
		{"never worked", "KEY", nil, nil, anOrder, []string{"key id is not what", "not on the key's list", "lacks the permission to trade-spot", "another environment than production", "deleted"}, ""},
		{"reads, does not trade", "KEY", []exauth.Call{aRead}, nil, anOrder, []string{"lacks the permission to trade-spot", "deleted", "address this machine leaves from has changed"}, "environment"},
		{"traded a minute ago", "KEY", []exauth.Call{anOrder, aRead}, nil, anOrder, []string{"lacks the permission", "deleted", "has changed"}, "key id is not"},
		{"from an address that is not listed", "KEY", nil, func(k *exauth.Key) *exauth.Key { return k.WithFacts(at("203.0.113.0/24")).WithEgress("127.0.0.1") }, aRead,
			[]string{"not on the key's list"}, ""},
		{"made today", "KEY", nil, func(k *exauth.Key) *exauth.Key { return k.WithFacts(exauth.KeyFacts{Created: time.Now()}) }, aRead,
			[]string{"not active yet", "key id is not what"}, ""},
		{"signature, never worked", "SIGN", nil, nil, aRead, []string{"secret is not the one", "white space", "what arrived is not what was signed"}, ""},
		{"signature, worked", "SIGN", []exauth.Call{aRead}, nil, aRead, []string{"what arrived is not what was signed", "made anew"}, "white space"},
		{"address", "IP", nil, nil, aRead, []string{"not on the key's list"}, "key id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code := ""
			h := record(t, func(w http.ResponseWriter, _ arrival, _ int) {
				if code != "" {
					w.WriteHeader(401)
				}
				fmt.Fprintf(w, `{"code":%q}`, code)
			})
			v := headerVenue(h.URL)
			v.Answer, v.KeyPage, v.Ambiguous = houseAnswer, "https://tiny.example/keys", invalid
			key := tinyKey()
			if c.key != nil {
				key = c.key(key)
			}
			client := must(exauth.New(v, key, nil))(t)
			defer client.Close()
			for _, call := range c.first {
				must(client.Do(bg, call))(t)
			}
			code = c.code
			_, err := client.Do(bg, c.call)
			causes := exauth.Causes(fmt.Errorf("wrapped: %w", err))
			last := -1
			for _, want := range c.want {
				n := slices.IndexFunc(causes, func(c exauth.Cause) bool { return strings.Contains(c.Text, want) })
				if n <= last {
					t.Fatalf("%q is number %d of %q", want, n, causes)
				}
				last = n
			}
			for _, cause := range causes {
				if cause.Advice == "" || c.not != "" && strings.Contains(cause.Text, c.not) {
					t.Errorf("%q", cause)
				}
			}
		})
	}
	if exauth.Causes(nil) != nil || exauth.Causes(errors.New("x")) != nil || exauth.Causes(&exauth.Error{Kind: exauth.ErrRejected}) != nil {
		t.Error("there is a cause of nothing")
	}
	for _, kind := range []error{exauth.ErrKey, exauth.ErrSignature, exauth.ErrPassphrase, exauth.ErrKeyExpired, exauth.ErrPermission,
		exauth.ErrEnvironment, exauth.ErrIPNotAllowed, exauth.ErrAccountLocked, exauth.ErrClock, exauth.ErrNonce} {
		if len(exauth.Causes(&exauth.Error{Kind: kind})) == 0 {
			t.Errorf("%v has no cause", kind)
		}
	}
}
