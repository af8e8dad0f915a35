package exauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// newTransport is what a Client uses by default: its own pool, sized for a bot that
// talks to few hosts; TLS 1.2 at least; bounded headers; HTTPS proxies honoured,
// since people leave from a whitelisted address that way, plain ones never.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  proxyForTLS,
		DialContext:            newDialer().DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        55 * time.Second, // below the minute after which most venues hang up
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// http1 returns a transport like rt that speaks HTTP/1.1 only, for calls that
// net/http must not send twice. Foreign RoundTrippers are used as they are.
func http1(rt http.RoundTripper) http.RoundTripper {
	t, ok := rt.(*http.Transport)
	if !ok {
		return rt
	}
	t = t.Clone()
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if t.TLSClientConfig != nil {
		t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	return t
}

// Connections to one address beyond so many are dialled only for calls that have
// waited a little: net/http dials for every call that finds no idle connection, also
// when another call's becomes free meanwhile, and a bot's burst would end with many
// more connections than it has goroutines. It is no hard bound: polls must not keep
// a cancel waiting, and net/http's own, MaxConnsPerHost, can hang beside HTTP/2
// (golang/go#34941).
const (
	enoughConns = 64
	aLittle     = 50 * time.Millisecond
)

// A dialer dials for calls that still need it.
type dialer struct {
	net.Dialer
	mu   sync.Mutex
	open map[string]int // by address, with those being dialled
}

func newDialer() *dialer {
	return &dialer{Dialer: net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}, open: map[string]int{}}
}

var errNotNeeded = errors.New("exauth: the call has got another connection")

func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	t, _ := ctx.Value(tripKey{}).(*trip)
	for begin := time.Now(); !d.enter(addr, t == nil || time.Since(begin) > aLittle); {
		if sleep(ctx, time.Millisecond) != nil || !t.waiting.Load() {
			return nil, errNotNeeded // nobody is told: the call has been served, or has ended
		}
	}
	c, err := d.Dialer.DialContext(ctx, network, addr)
	if err != nil {
		d.leave(addr)
		return nil, err
	}
	return &countedConn{Conn: c, left: func() { d.leave(addr) }}, nil
}

// enter counts a connection in, unless there are enough.
func (d *dialer) enter(addr string, anyway bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[addr] >= enoughConns && !anyway {
		return false
	}
	d.open[addr]++
	return true
}

func (d *dialer) leave(addr string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[addr]--
}

// countedConn tells its dialer when it closes.
type countedConn struct {
	net.Conn
	once sync.Once
	left func()
}

func (c *countedConn) Close() error {
	c.once.Do(c.left)
	return c.Conn.Close()
}

// proxyForTLS honours HTTPS_PROXY for https, where a proxy sees CONNECT only, and
// no proxy at all for plain http.
func proxyForTLS(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "https" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

// checkTLS refuses a caller's transport that would talk TLS below 1.2.
func checkTLS(rt http.RoundTripper) error {
	t, ok := rt.(*http.Transport)
	if !ok || t.TLSClientConfig == nil {
		return nil
	}
	if c := t.TLSClientConfig; c.MinVersion != 0 && c.MinVersion < tls.VersionTLS12 || c.MaxVersion != 0 && c.MaxVersion < tls.VersionTLS12 {
		return fmt.Errorf("%w: Options.HTTPClient allows TLS below TLS 1.2", ErrHost)
	}
	return nil
}

// checkProxy refuses to send plain http through a proxy, which would see the key.
func checkProxy(rt http.RoundTripper, req *http.Request) error {
	t, ok := rt.(*http.Transport)
	if req.URL.Scheme != "http" || !ok || t.Proxy == nil {
		return nil
	}
	if proxy, err := t.Proxy(req); err == nil && proxy != nil {
		return fmt.Errorf("%w: plain http does not go through a proxy", ErrHost)
	}
	return nil
}
