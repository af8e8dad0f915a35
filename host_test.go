package exauth_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// strangers are URLs that look like the venue's and are not.
func strangers(base string) []string {
	u, _ := url.Parse(base)
	return []string{
		"https://evil.example/x", "http://evil.example/x", base + ".evil.example/x", strings.Replace(base, "://", "://evil.example@", 1) + "/x",
		strings.Replace(base, "://", "://evil.", 1) + "/x", "http://" + u.Hostname() + "/x", "http://" + u.Hostname() + ":1/x",
		"http://" + u.Host + "@evil.example/x", "http://" + u.Host + "%40evil.example/x", "ftp://" + u.Host + "/x", "https://" + u.Host + "/x",
		"http://localhost:" + u.Port() + "/x", "http://127.0.0.1.:" + u.Port() + "/x", "http://[::1]:" + u.Port() + "/x", "http:///x", "http://0x7f.1:" + u.Port() + "/x",
	}
}

// TestHostPinning (T1): nothing is signed for, or sent to, a host, port or scheme
// that is not the venue's.
func TestHostPinning(t *testing.T) {
	srv := record(t, nil)
	sent := 0
	rt := stubTrip(func(r *http.Request) (*http.Response, error) { sent++; return http.DefaultTransport.RoundTrip(r) })
	c := newClient(t, headerVenue(srv.URL), &exauth.Options{HTTPClient: &http.Client{Transport: rt}})
	for _, to := range strangers(srv.URL) {
		_, err := c.Do(t.Context(), exauth.Call{Path: to})
		if !errors.Is(err, exauth.ErrHost) || strings.Contains(err.Error(), "evil.example@") {
			t.Errorf("Do %s: %v, want ErrHost", to, err)
		}
		u, err := url.Parse(to)
		if err != nil {
			continue
		}
		body := &closeCounter{Reader: strings.NewReader("{}")}
		req := &http.Request{Method: "POST", URL: u, Body: body, Header: http.Header{}}
		resp, err := c.Transport().RoundTrip(req)
		if resp != nil || !errors.Is(err, exauth.ErrHost) || body.closed.Load() != 1 {
			t.Errorf("RoundTrip %s: %v, %v, body closed %d times; want ErrHost, once", to, resp, err, body.closed.Load())
		}
	}
	for name, change := range map[string]func(*http.Request){
		"Host of another":       func(r *http.Request) { r.Host = "evil.example" },
		"Host header":           func(r *http.Request) { r.Header.Set("Host", "evil.example") },
		"opaque":                func(r *http.Request) { r.URL.Opaque = "//evil.example/x" },
		"user":                  func(r *http.Request) { r.URL.User = url.UserPassword("u", "secret-word") },
		"no URL":                func(r *http.Request) { r.URL = nil },
		"path without a slash":  func(r *http.Request) { r.URL.Path = "x" },
		"dots":                  func(r *http.Request) { r.URL.Path = "/x/../y" },
		"encoded dots":          func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/x/../y", "/x/%2e%2e/y" },
		"encoded slash":         func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/x/y", "/x%2Fy" },
		"two slashes":           func(r *http.Request) { r.URL.Path = "//x" },
		"space in the query":    func(r *http.Request) { r.URL.RawQuery = "a=b c" },
		"line break in a query": func(r *http.Request) { r.URL.RawQuery = "a=b\r\nX: y" },
		"method override":       func(r *http.Request) { r.Header.Set("X-HTTP-Method-Override", "DELETE") },
		"our header":            func(r *http.Request) { r.Header.Set("Tiny-Sign", "forged") },
		"another method":        func(r *http.Request) { r.Method = "CONNECT" },
		"same name twice":       func(r *http.Request) { r.URL.RawQuery = "a=1&a=2" },
		"in query and form": func(r *http.Request) {
			r.URL.RawQuery = "b=1"
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		},
		"in query and JSON":     func(r *http.Request) { r.URL.RawQuery = "a=1"; r.Body = io.NopCloser(strings.NewReader(`{"a":1}`)) },
		"same name twice, JSON": func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"a":1,"a":2}`)) },
		"badly encoded query":   func(r *http.Request) { r.URL.RawQuery = "a=%zz" },
	} {
		req, _ := http.NewRequest("PUT", srv.URL+"/x", strings.NewReader("b=2"))
		change(req)
		resp, err := c.Transport().RoundTrip(req)
		var e *exauth.Error
		if resp != nil || !errors.As(err, &e) || e.Kind != exauth.ErrHost && e.Kind != exauth.ErrParam || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("%s: %v, %v; want ErrHost or ErrParam", name, resp, err)
		}
	}
	if n := len(srv.arrivals()); n != 0 || sent != 0 {
		t.Errorf("%d requests arrived, %d were sent; want none", n, sent)
	}
	// The venue's own spellings pass.
	for _, ok := range []string{srv.URL + "/x", strings.Replace(srv.URL, "http://", "http://", 1) + "/x?a=1&b=2"} {
		req, _ := http.NewRequest("GET", ok, nil)
		if resp, err := c.Transport().RoundTrip(req); err != nil || resp.StatusCode != 200 {
			t.Errorf("%s: %v, %v", ok, resp, err)
		}
	}
}

// TestOrigins: which URLs a venue may have, and what goes where.
func TestOrigins(t *testing.T) {
	v := headerVenue("https://api.tiny.example")
	v.Hosts = []exauth.Host{{Prefix: "/fapi/", URL: "https://fapi.tiny.example"}, {Prefix: "/fapi/v9/", URL: "https://new.tiny.example:444/base/"}}
	c := newClient(t, v, &exauth.Options{Now: fixedNow})
	for path, want := range map[string]string{
		"/x":                                  "https://api.tiny.example/x",
		"/fapi/v1/x":                          "https://fapi.tiny.example/fapi/v1/x",
		"/fapi":                               "https://api.tiny.example/fapi",
		"/fapi/v9/x":                          "https://new.tiny.example:444/base/fapi/v9/x",
		"https://fapi.tiny.example/x":         "https://fapi.tiny.example/x",
		"https://FAPI.tiny.example:443/x":     "https://fapi.tiny.example/x",
		"https://new.tiny.example:444/base/x": "https://new.tiny.example:444/base/x",
	} {
		req, err := c.Sign(t.Context(), exauth.Call{Path: path})
		if err != nil || req.URL.String() != want || req.Host != req.URL.Host {
			t.Errorf("%s: %v, %v; want %s", path, req, err, want)
		}
	}
	for _, path := range []string{"https://new.tiny.example:444/x", "https://new.tiny.example:444/basement/x", "https://new.tiny.example/base/x"} {
		if req, err := c.Sign(t.Context(), exauth.Call{Path: path}); !errors.Is(err, exauth.ErrHost) {
			t.Errorf("%s: %v, %v; want ErrHost", path, req, err)
		}
	}
	for _, c := range []struct {
		base  string
		allow []string
		ok    bool
	}{
		{"https://api.tiny.example", nil, true}, {"https://api.tiny.example:8443/prefix", nil, true},
		{"http://127.0.0.1:1", nil, true}, {"http://127.8.9.1:1", nil, true}, {"http://[::1]:1", nil, true}, {"http://localhost:1", nil, true},
		{"http://api.tiny.example", nil, false}, {"http://api.tiny.example", []string{"api.tiny.example"}, true},
		{"http://API.tiny.example:80", []string{"api.tiny.example"}, true}, {"http://10.0.0.7", []string{"10.0.0.8"}, false},
		{"http://10.0.0.7:8080", []string{"10.0.0.7:8080"}, true},
		{"http://localhost.evil.example", nil, false}, {"http://127.0.0.1.evil.example", nil, false}, {"http://127.1", nil, false},
		{"http://0.0.0.0:1", nil, false}, {"ftp://127.0.0.1", nil, false}, {"//127.0.0.1", nil, false}, {"127.0.0.1:80", nil, false}, {"", nil, false},
		{"https://user:pass@api.tiny.example", nil, false}, {"https://api.tiny.example?x=1", nil, false}, {"https://api.tiny.example/#f", nil, false},
		{"https://api.tiny.example/a/../b", nil, false}, {"https://api.tiny.example/a%2fb", nil, false},
	} {
		_, err := exauth.New(headerVenue(c.base), tinyKey(), &exauth.Options{AllowHTTP: c.allow})
		if (err == nil) != c.ok || err != nil && !errors.Is(err, exauth.ErrHost) {
			t.Errorf("%q with %v: %v, want ok %v or ErrHost", c.base, c.allow, err, c.ok)
		}
	}
}

// TestSchemeStaysInBounds: what a Scheme or a Policy leaves is sent as it is, but not
// elsewhere, not as another method, and not in two pieces.
func TestSchemeStaysInBounds(t *testing.T) {
	srv := record(t, nil)
	for name, tc := range map[string]struct {
		edit func(*exauth.Request)
		want error
		uri  string
	}{
		"nothing":              {func(*exauth.Request) {}, nil, "/x?a=1"},
		"its own query":        {func(r *exauth.Request) { r.Query += "&sign=%2F" }, nil, "/x?a=1&sign=%2F"},
		"another path":         {func(r *exauth.Request) { r.Path = "/signed/x" }, nil, "/signed/x?a=1"},
		"another host":         {func(r *exauth.Request) { r.Host = "evil.example" }, exauth.ErrHost, ""},
		"another protocol":     {func(r *exauth.Request) { r.Scheme = "https" }, exauth.ErrHost, ""},
		"another method":       {func(r *exauth.Request) { r.Method = "DELETE" }, exauth.ErrHost, ""},
		"a space in the query": {func(r *exauth.Request) { r.Query = "a=1 HTTP/1.1" }, exauth.ErrParam, ""},
		"a line break":         {func(r *exauth.Request) { r.Query = "a=1\r\nX: y" }, exauth.ErrParam, ""},
		"dots in the path":     {func(r *exauth.Request) { r.Path = "/x/../order" }, exauth.ErrParam, ""},
		"a broken header":      {func(r *exauth.Request) { r.Header["X-Own"] = []string{"a\r\nb"} }, exauth.ErrUnavailable, ""},
	} {
		for _, byPolicy := range []bool{false, true} {
			v, o := headerVenue(srv.URL), &exauth.Options{NoRetry: true}
			edit := func(_ context.Context, r *exauth.Request) error { tc.edit(r); return nil }
			if v.Scheme = exauth.SchemeFunc(edit); byPolicy {
				v.Scheme, o.Policy = exauth.SchemeFunc(authorizeHeader), edit
			}
			before := len(srv.arrivals())
			_, err := newClient(t, v, o).Do(t.Context(), exauth.Call{Path: "/x", Params: p1("a", "1")})
			got := srv.arrivals()[before:]
			var e *exauth.Error
			if tc.want == nil && (err != nil || len(got) != 1 || got[0].uri != tc.uri) ||
				tc.want != nil && (!errors.Is(err, tc.want) || !errors.As(err, &e) || e.Outcome != exauth.OutcomeNotSent || len(got) != 0) {
				t.Errorf("%s, by policy %v: %v, arrived %v", name, byPolicy, err, got)
			}
		}
	}
}

// TestRoundTripLeavesRequest (T4): the caller's request is as it was.
func TestRoundTripLeavesRequest(t *testing.T) {
	srv := record(t, nil)
	for name, rt := range map[string]func(c *exauth.Client) http.RoundTripper{
		"Transport": (*exauth.Client).Transport, "Resigner": (*exauth.Client).Resigner,
	} {
		c := newClient(t, queryVenue(srv.URL), nil)
		req, _ := http.NewRequest("POST", srv.URL+"/query?b=2&a=%20", strings.NewReader("x=1"))
		req.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Own": {"1", "2"}, "Accept-Encoding": {"identity"}}
		before, header, u := *req, maps.Clone(req.Header), *req.URL
		resp, err := rt(c).RoundTrip(req)
		if err != nil || resp.Request != req {
			t.Fatalf("%s: %v, %v", name, resp, err)
		}
		if !maps.EqualFunc(req.Header, header, slices.Equal) || *req.URL != u || req.URL != before.URL || req.ContentLength != before.ContentLength ||
			req.Host != before.Host || req.Body != before.Body || req.Method != before.Method {
			t.Errorf("%s: the request was changed: %+v", name, req)
		}
		if err := checkQuerySign(srv.arrivals()[len(srv.arrivals())-1]); name == "Transport" && err != nil {
			t.Error(err)
		}
	}
}

// failingBody breaks while it is read.
type failingBody struct{ closeCounter }

func (*failingBody) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

// TestBodyClosedOnce (T4): on every way out, exactly once.
func TestBodyClosedOnce(t *testing.T) {
	srv := record(t, func(w http.ResponseWriter, r arrival, _ int) {
		if strings.Contains(r.uri, "fail") {
			w.WriteHeader(503)
		}
		io.WriteString(w, "{}")
	})
	dead := deadAddress(t)
	veto := errors.New("vetoed")
	for name, c := range map[string]struct {
		url  string
		keys exauth.KeySource
		o    exauth.Options
		prep func(*http.Request, *exauth.Client)
		fail bool
	}{
		"success":      {url: srv.URL + "/query", keys: tinyKey()},
		"503":          {url: srv.URL + "/fail", keys: tinyKey()},
		"another host": {url: "https://evil.example/x", keys: tinyKey(), fail: true},
		"bad path":     {url: srv.URL + "/a/%2e%2e/b", keys: tinyKey(), fail: true},
		"no key":       {url: srv.URL + "/query", fail: true},
		"key source":   {url: srv.URL + "/query", keys: failingSource{}, fail: true},
		"scope":        {url: srv.URL + "/withdraw", keys: tinyKey(), fail: true},
		"restricted":   {url: srv.URL + "/order", keys: tinyKey().Restrict(exauth.ScopeRead), fail: true},
		"policy":       {url: srv.URL + "/order", keys: tinyKey(), o: exauth.Options{Policy: func(context.Context, *exauth.Request) error { return veto }}, fail: true},
		"halted":       {url: srv.URL + "/order", keys: tinyKey(), prep: func(_ *http.Request, c *exauth.Client) { c.Halt("x") }, fail: true},
		"nobody there": {url: dead + "/order", keys: tinyKey(), fail: true},
		"too large":    {url: srv.URL + "/order", keys: tinyKey(), o: exauth.Options{MaxBody: 1}, fail: true},
		"no URL":       {url: srv.URL + "/order", keys: tinyKey(), prep: func(r *http.Request, _ *exauth.Client) { r.URL = nil }, fail: true},
		"canceled":     {url: srv.URL + "/order", keys: tinyKey(), prep: cancelRequest, fail: true},
	} {
		base := srv.URL
		if strings.HasPrefix(c.url, dead) {
			base = dead
		}
		c.o.NoRetry = true
		client, err := exauth.New(headerVenue(base), c.keys, &c.o)
		if err != nil {
			t.Fatal(err)
		}
		body := &closeCounter{Reader: bytes.NewReader([]byte(`{"a":1}`))}
		req, _ := http.NewRequest("POST", c.url, body)
		if c.prep != nil {
			c.prep(req, client)
		}
		resp, err := client.Transport().RoundTrip(req)
		if (err != nil) != c.fail || (resp == nil) != c.fail {
			t.Errorf("%s: %v, %v", name, resp, err)
		}
		if n := body.closed.Load(); n != 1 {
			t.Errorf("%s: body closed %d times, want 1", name, n)
		}
		client.Close()
	}
	broken := &failingBody{}
	req, _ := http.NewRequest("POST", srv.URL+"/order", broken)
	if _, err := newClient(t, headerVenue(srv.URL), nil).Transport().RoundTrip(req); err == nil || broken.closed.Load() != 1 {
		t.Errorf("broken body: %v, closed %d times", err, broken.closed.Load())
	}
}

func cancelRequest(r *http.Request, _ *exauth.Client) {
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	*r = *r.WithContext(ctx)
}

type failingSource struct{}

func (failingSource) Key(context.Context, exauth.Need) (*exauth.Key, error) {
	return nil, errors.New("vault is sealed")
}

// deadAddress is a URL where nobody listens.
func deadAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// TestTLSVersions (T3): TLS 1.2 at least, whoever made the transport.
func TestTLSVersions(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }))
	srv.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} // what we must not talk to
	srv.Config.ErrorLog = quiet()
	srv.StartTLS()
	defer srv.Close()
	pool := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c := newClient(t, headerVenue(srv.URL), &exauth.Options{HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}})
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	for _, old := range []*tls.Config{{MinVersion: tls.VersionTLS10}, {MinVersion: tls.VersionTLS11}, {MaxVersion: tls.VersionTLS11}} {
		_, err := exauth.New(headerVenue(srv.URL), tinyKey(), &exauth.Options{HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: old}}})
		if !errors.Is(err, exauth.ErrHost) || !strings.Contains(err.Error(), "TLS 1.2") {
			t.Errorf("%+v: %v, want ErrHost", old, err)
		}
	}
	own := newClient(t, headerVenue(srv.URL), &exauth.Options{NoRetry: true})
	if _, err := own.Do(t.Context(), exauth.Call{Path: "/x"}); err == nil {
		t.Error("an unknown certificate was accepted")
	}
}

// TestProxies (T3) runs itself again with proxy variables set, since net/http reads
// them once: https goes through CONNECT and nothing else, http never.
func TestProxies(t *testing.T) {
	if base := os.Getenv("EXAUTH_TEST_PROXIED"); base != "" {
		proxied(t, base)
		return
	}
	venueTLS := recordTLS(t, nil) // its certificate is for example.com
	venueHTTP := record(t, nil)
	var lines []string
	done := make(chan string, 64)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done <- r.Method + " " + r.Host + " " + r.Header.Get("Tiny-Key")
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		tunnel(w, venueTLS.Listener.Addr().String())
	}))
	defer proxy.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: venueTLS.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxies$", "-test.v")
	cmd.Env = append(os.Environ(), "EXAUTH_TEST_PROXIED="+venueHTTP.URL, "SSL_CERT_FILE="+ca, "HTTPS_PROXY="+proxy.URL, "HTTP_PROXY="+proxy.URL, "NO_PROXY=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	close(done)
	for l := range done {
		lines = append(lines, l)
	}
	if len(lines) == 0 || slices.ContainsFunc(lines, func(l string) bool { return l != "CONNECT example.com:443 " }) {
		t.Errorf("the proxy saw %q, want only CONNECT example.com:443 without our headers", lines)
	}
	if got := venueTLS.arrivals(); len(got) != 2 || checkHeaderSign(got[0]) != nil {
		t.Errorf("through the tunnel came %v", got)
	}
}

func proxied(t *testing.T, plain string) {
	secure := newClient(t, headerVenue("https://example.com"), nil)
	if _, err := secure.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil {
		t.Errorf("https through the proxy: %v", err)
	}
	if _, err := secure.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order"}); err != nil {
		t.Errorf("https through the proxy: %v", err)
	}
	// A name that is not loopback, so that net/http would ask the proxy.
	name := "http://plain.example:80"
	for what, rt := range map[string]http.RoundTripper{"own": nil, "default": http.DefaultTransport, "proxied by hand": &http.Transport{
		Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(os.Getenv("HTTP_PROXY")) }}} {
		c := newClient(t, headerVenue(name), &exauth.Options{AllowHTTP: []string{"plain.example"}, HTTPClient: &http.Client{Transport: rt}, NoRetry: true, Timeout: 3 * time.Second})
		if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err == nil {
			t.Errorf("%s: plain http went through a proxy", what)
		} else if what != "own" && !errors.Is(err, exauth.ErrHost) {
			t.Errorf("%s: %v, want ErrHost", what, err)
		}
	}
	c := newClient(t, headerVenue(plain), nil) // loopback, which goes direct
	if _, err := c.Do(t.Context(), exauth.Call{Path: "/x"}); err != nil {
		t.Errorf("loopback: %v", err)
	}
}

// tunnel is the CONNECT side of a proxy.
func tunnel(w http.ResponseWriter, to string) {
	up, err := net.Dial("tcp", to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	down, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		up.Close()
		return
	}
	io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { io.Copy(up, down); up.Close() }()
	go func() { io.Copy(down, up); down.Close() }()
}
