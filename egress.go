package exauth

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
)

// An egress is the way requests of a key leave: from an address of this machine, or
// through a proxy. Exchanges take a key only from the addresses on its list.
type egress struct {
	name  string // what may be shown: no credentials
	local netip.Addr
	proxy func() *url.URL // a closure, since it may hold a password; nil for a local address
}

// WithEgress returns a copy of k whose requests leave another way than the machine's
// own, so that they come from an address on the key's list. via is an IP address of
// this machine ("203.0.113.7"), or a proxy ("http://proxy.example:3128",
// "socks5://user:password@proxy.example:1080") that is asked to CONNECT, so that it
// sees no more than the host. "" takes the binding off.
//
// A bound key has connections of its own in each Client, uses HTTPS_PROXY no more, and
// its Demands carry the egress, so that limiters count quotas of an address for each
// separately. It needs the Client's own transport or an *http.Transport in
// Options.HTTPClient; others are refused with ErrParam. Public calls and the clock
// leave the machine's own way. What is wrong with via is reported by Err.
func (k *Key) WithEgress(via string) *Key {
	e, err := parseEgress(via)
	return k.with(func(i *keyInfo) {
		if i.egress = e; err != nil && i.err == nil {
			i.err = err
		}
	})
}

// parseEgress reads what WithEgress takes; nil for "". Its errors show no password.
func parseEgress(via string) (*egress, error) {
	if via == "" {
		return nil, nil
	}
	if addr, err := netip.ParseAddr(via); err == nil {
		if addr.IsUnspecified() || addr.IsMulticast() {
			return nil, fmt.Errorf("%w: egress %s is no address of a machine", ErrParam, addr)
		}
		return &egress{name: addr.String(), local: addr}, nil
	}
	u, err := url.Parse(via)
	if err != nil || u.Host == "" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: egress must be an IP address, or a proxy like http://host:port", ErrParam)
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return nil, fmt.Errorf("%w: egress proxies speak http, https, socks5 or socks5h", ErrParam)
	}
	return &egress{name: u.Scheme + "://" + u.Host, proxy: func() *url.URL { dup := *u; return &dup }}, nil
}

// same compares two ways, credentials included.
func (e *egress) same(o *egress) bool {
	if e == nil || o == nil {
		return e == o
	}
	return e == o || e.id() == o.id()
}

// id tells ways apart, credentials included; it is not shown.
func (e *egress) id() string {
	if e.proxy == nil {
		return e.name
	}
	return e.proxy().String()
}

// hidden lists what of it must show in no text.
func (e *egress) hidden() []string {
	if e == nil || e.proxy == nil || e.proxy().User == nil {
		return nil
	}
	pass, _ := e.proxy().User.Password()
	return []string{pass}
}

// A way is the transports that one egress has in one client.
type way struct {
	rt, rt1 http.RoundTripper
	own     bool // they are ours to close
	egress  string
}

// ways are those made so far, by egress.id; the zero value has none.
type ways struct {
	mu   sync.Mutex
	made map[string]*way
}

// wayFor returns how requests of a key leave.
func (c *core) wayFor(e *egress) (*way, error) {
	if e == nil {
		return &c.way, nil
	}
	c.ways.mu.Lock()
	defer c.ways.mu.Unlock()
	id := e.id()
	if w := c.ways.made[id]; w != nil {
		return w, nil
	}
	t, ok := c.rt.(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("%w: a key bound to an egress needs an *http.Transport in Options.HTTPClient, or none", ErrParam)
	}
	if c.own {
		t = newTransport()
	} else {
		t = t.Clone()
	}
	if err := e.fit(t, c.own); err != nil {
		return nil, err
	}
	w := &way{rt: t, rt1: http1(t), own: true, egress: e.name}
	if c.ways.made == nil {
		c.ways.made = make(map[string]*way)
	}
	c.ways.made[id] = w
	return w, nil
}

// fit makes a transport leave this way.
func (e *egress) fit(t *http.Transport, own bool) error {
	if e.proxy != nil {
		t.Proxy = http.ProxyURL(e.proxy())
		return nil
	}
	t.Proxy = nil // it would leave from the proxy's address
	if !own && (t.DialContext != nil || t.DialTLSContext != nil) {
		return fmt.Errorf("%w: Options.HTTPClient dials by itself; a key's local address cannot be set there", ErrParam)
	}
	d := newDialer()
	d.LocalAddr = &net.TCPAddr{IP: e.local.AsSlice(), Zone: e.local.Zone()}
	t.DialContext = d.DialContext
	return nil
}

// close drops idle connections.
func (w *way) close() {
	if !w.own {
		return
	}
	for _, rt := range []http.RoundTripper{w.rt, w.rt1} {
		if t, ok := rt.(*http.Transport); ok {
			t.CloseIdleConnections()
		}
	}
}

func (w *ways) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.made {
		one.close()
	}
}
