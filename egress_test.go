package exauth_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/exauth/exauth"
)

// A tunneller is a proxy that CONNECTs, and notes for whom and with which credentials.
type tunneller struct {
	net.Listener
	mu   sync.Mutex
	seen []string
}

func digTunnel(t *testing.T) *tunneller {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	p := &tunneller{Listener: l}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); group.Wait() })
	return p
}

func (p *tunneller) serve(c net.Conn) {
	defer c.Close()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	p.mu.Lock()
	p.seen = append(p.seen, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
	p.mu.Unlock()
	to, err := net.Dial("tcp", r.Host)
	if err != nil {
		return
	}
	defer to.Close()
	io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { io.Copy(to, c); to.Close() }()
	io.Copy(c, to)
}

func (p *tunneller) requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.seen...)
}

// from collects where the requests of a key came from.
type from struct {
	mu sync.Mutex
	by map[string]map[string]bool // key id: address
}

func (f *from) note(r *http.Request) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil {
		f.by = map[string]map[string]bool{}
	}
	id := r.Header.Get("Tiny-Key")
	if f.by[id] == nil {
		f.by[id] = map[string]bool{}
	}
	f.by[id][host] = true
}

// TestEgressLocal: two keys of one ring leave from two addresses of this machine, reads
// and writes alike; the limiter hears which; public calls leave as they always did.
func TestEgressLocal(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("127.0.0.2 is an address of this machine on Linux only")
	}
	var f from
	srv := record(t, nil)
	inner := srv.Config.Handler
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.note(r); inner.ServeHTTP(w, r) })
	key := func(id, via string, scope exauth.Scope) *exauth.Key {
		return exauth.NewSecretKey(id, "secret-of-"+id).For("tiny", "", "").Restrict(scope).WithEgress(via)
	}
	ring := must(exauth.NewKeyRing(key("reads", "127.0.0.2", exauth.ScopeRead), key("trades", "127.0.0.3", exauth.ScopeTradeSpot)))(t)
	limiter := &demands{}
	c := must(exauth.New(headerVenue(srv.URL), ring, &exauth.Options{Limiter: limiter}))(t)
	defer c.Close()
	want := map[string]string{"reads": "127.0.0.2", "trades": "127.0.0.3", "": "127.0.0.1"}
	for range 3 {
		for _, call := range []exauth.Call{aRead, anOrder, aCancel, {Path: "/buy"}, aPublic} {
			if _, err := c.Do(bg, call); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, addr := range want {
		if len(f.by[id]) != 1 || !f.by[id][addr] {
			t.Errorf("key %q came from %v, want %s", id, f.by[id], addr)
		}
	}
	for n, egress := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.3", ""} {
		if got := limiter.seen[n].Egress; got != egress {
			t.Errorf("demand %d leaves by %q, want %q", n, got, egress)
		}
	}
	if n := srv.conns.Load(); n < 3 || n > 6 {
		t.Errorf("%d connections for three ways, over two pools each", n)
	}
	if got := ring.Keys()[0].Egress; got != "127.0.0.2" {
		t.Errorf("Facts: %q", got)
	}
	// A rotated key leaves as the one before it.
	old, err := ring.Swap(bg, exauth.NewSecretKey("new", "secret-of-new").For("tiny", "", "").Restrict(exauth.ScopeTradeSpot))
	if err != nil || old.Facts().Egress != "127.0.0.3" || ring.Keys()[1].Egress != "127.0.0.3" {
		t.Errorf("%v: %+v", err, ring.Keys())
	}
}

// TestEgressCountsApart: quotas of an address are counted for each egress.
func TestEgressCountsApart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("127.0.0.2 is an address of this machine on Linux only")
	}
	srv := record(t, nil)
	v := headerVenue(srv.URL)
	v.Quotas = []exauth.Quota{{Name: "WEIGHT", Kind: exauth.FixedWindow, Limit: 2, Window: 24 * 3600e9, Per: exauth.PerIP}}
	v.DefaultCosts = []exauth.Cost{{Quota: "WEIGHT", N: 1}}
	limiter := exauth.NewLimiter(v, nil)
	call := exauth.Call{Path: "/x", MaxWait: 1e6}
	for _, via := range []string{"", "127.0.0.2"} {
		c := must(exauth.New(v, tinyKey().WithEgress(via), &exauth.Options{Limiter: limiter}))(t)
		for range 2 {
			if _, err := c.Do(bg, call); err != nil {
				t.Fatalf("by %q: %v", via, err)
			}
		}
		if _, err := c.Do(bg, call); !errors.Is(err, exauth.ErrRateLimited) {
			t.Errorf("by %q: a third call of 2: %v", via, err)
		}
		c.Close()
	}
}

// TestEgressProxy: a bound key is CONNECTed through its proxy with its credentials,
// and sees TLS end at the venue; an unbound one is not.
func TestEgressProxy(t *testing.T) {
	srv := recordTLS(t, nil)
	proxy := digTunnel(t)
	via := "http://user:FAKEproxyPass@" + proxy.Addr().String()
	bound := exauth.NewSecretKey("bound", "secret-of-bound").WithEgress(via)
	limiter := &demands{}
	for id, key := range map[string]*exauth.Key{"bound": bound, "free": exauth.NewSecretKey("free", "secret-of-free")} {
		c := must(exauth.New(headerVenue(srv.URL), key, &exauth.Options{HTTPClient: srv.Client(), Limiter: limiter}))(t)
		before := len(proxy.requests())
		for _, call := range []exauth.Call{aRead, anOrder, {Path: "/buy"}} {
			if _, err := c.Do(bg, call); err != nil {
				t.Fatalf("%s: %v", id, err)
			}
		}
		seen := proxy.requests()[before:]
		if (len(seen) > 0) != (id == "bound") {
			t.Errorf("%s: the proxy saw %v", id, seen)
		}
		for _, s := range seen {
			if !strings.HasPrefix(s, "CONNECT "+strings.TrimPrefix(srv.URL, "https://")+" Basic ") || strings.Contains(s, "bound") {
				t.Errorf("the proxy saw %q", s)
			}
		}
		c.Close()
	}
	if got := bound.Facts().Egress; got != "http://"+proxy.Addr().String() {
		t.Errorf("Facts show %q", got)
	}
	for _, d := range limiter.seen {
		if strings.Contains(d.Egress, "FAKEproxyPass") {
			t.Errorf("a Demand shows %q", d.Egress)
		}
	}
	// Plain http never goes through a proxy, bound or not (T3).
	plain := record(t, nil)
	c := must(exauth.New(headerVenue(plain.URL), bound, nil))(t)
	defer c.Close()
	if _, err := c.Do(bg, aRead); !errors.Is(err, exauth.ErrHost) || len(plain.arrivals()) != 0 {
		t.Errorf("plain http through a proxy: %v", err)
	}
	// A proxy that is gone is an error without its password, and nothing was sent.
	proxy.Close()
	gone := must(exauth.New(headerVenue(srv.URL), bound, &exauth.Options{HTTPClient: srv.Client(), NoRetry: true}))(t)
	defer gone.Close()
	var e *exauth.Error
	if _, err := gone.Do(bg, anOrder); !errors.As(err, &e) || e.Outcome != exauth.OutcomeNotSent || strings.Contains(fmt.Sprintf("%+v", err), "FAKEproxyPass") {
		t.Errorf("%v", err)
	}
}

// TestEgressEnvironment: HTTPS_PROXY means for an unbound key what it always did; a
// bound one goes its own way.
func TestEgressEnvironment(t *testing.T) {
	for via, want := range map[string]string{
		"":                      "http://proxy.example:3128",
		"203.0.113.7":           "",
		"http://other:8080":     "http://other:8080",
		"socks5://u:p@s:1080":   "socks5://u:p@s:1080",
		"https://secure.proxy/": "https://secure.proxy/",
	} {
		if got := exauth.ProxyOf(via, "http://proxy.example:3128"); got != want {
			t.Errorf("%q: proxy %q, want %q", via, got, want)
		}
	}
}

func TestEgressRefuses(t *testing.T) {
	for _, via := range []string{"example.com", "203.0.113.300", "0.0.0.0", "::", "224.0.0.1", "ftp://x:1", "http://", "http://x/path", "http://x?q", "://", "http://u:FAKEproxyPass@x:port"} {
		k := tinyKey().WithEgress(via)
		if err := k.Err(); !errors.Is(err, exauth.ErrParam) || strings.Contains(err.Error(), "FAKEproxyPass") {
			t.Errorf("%q: %v", via, err)
		}
		if _, err := exauth.New(headerVenue("http://127.0.0.1:1"), k, nil); err == nil {
			t.Errorf("%q: New takes the key", via)
		}
	}
	own := &http.Client{Transport: stubTrip(func(*http.Request) (*http.Response, error) { return reply(200, "{}"), nil })}
	dials := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, os.ErrInvalid }}}
	for name, c := range map[string]struct {
		hc  *http.Client
		via string
		ok  bool
	}{
		"a RoundTripper of its own": {own, "127.0.0.1", false}, "one that dials": {dials, "127.0.0.1", false},
		"one that dials, a proxy": {dials, "http://127.0.0.1:1", true}, "a plain transport": {&http.Client{Transport: &http.Transport{}}, "127.0.0.1", true},
		"unbound": {own, "", true},
	} {
		if _, err := exauth.New(headerVenue("http://127.0.0.1:1"), tinyKey().WithEgress(c.via), &exauth.Options{HTTPClient: c.hc}); (err == nil) != c.ok || err != nil && !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEgressInKeysFile: a keys file may say it; a fault is named without the password.
func TestEgressInKeysFile(t *testing.T) {
	dir := t.TempDir()
	entry := func(egress string) string {
		return `{"version":1,"keys":[{"venue":"tiny","id":"x","secret":"FAKEFAKEFAKE","egress":"` + egress + `"}]}`
	}
	src := exauth.FileKey(write(t, filepath.Join(dir, "keys.json"), entry("socks5://u:FAKEproxyPass@proxy.example:1080")))
	k := must(src.Key(bg, exauth.Need{Venue: "tiny"}))(t)
	if got := k.Facts().Egress; got != "socks5://proxy.example:1080" {
		t.Errorf("%q", got)
	}
	_, err := exauth.FileKey(write(t, filepath.Join(dir, "bad.json"), entry("gopher://u:FAKEproxyPass@proxy.example"))).Key(bg, exauth.Need{Venue: "tiny"})
	if err == nil || !strings.Contains(err.Error(), "egress") || strings.Contains(err.Error(), "FAKEproxyPass") {
		t.Errorf("%v", err)
	}
}
