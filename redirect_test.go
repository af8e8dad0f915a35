package exauth_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exauth/exauth"
)

// TestRedirects (T2): no redirect is followed, whatever its code, method and
// target, by Do or under somebody's http.Client: no request arrives there.
func TestRedirects(t *testing.T) {
	var hits atomic.Int32
	other := record(t, func(w http.ResponseWriter, _ arrival, _ int) { hits.Add(1); io.WriteString(w, "{}") })
	tls := recordTLS(t, nil)
	targets := map[string]func(base string) string{
		"another host":     func(string) string { return strings.Replace(other.URL, "127.0.0.1", "localhost", 1) + "/x" },
		"another port":     func(string) string { return other.URL + "/x" },
		"plain http":       func(base string) string { return strings.Replace(base, "https://", "http://", 1) + "/x" },
		"another path":     func(base string) string { return base + "/landed" },
		"no location":      func(string) string { return "" },
		"scheme-relative":  func(string) string { return strings.TrimPrefix(other.URL, "http:") },
		"another protocol": func(string) string { return "ftp://127.0.0.1/x" },
	}
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, method := range []string{"GET", "POST"} {
			for name, target := range targets {
				tls.setAnswer(func(w http.ResponseWriter, r arrival, _ int) {
					if strings.Contains(r.uri, "landed") {
						hits.Add(1)
					}
					if to := target(tls.URL); to != "" {
						w.Header().Set("Location", to+"?secret=in-location")
					}
					w.WriteHeader(code)
				})
				before := len(tls.arrivals())
				c := newClient(t, queryVenue(tls.URL), &exauth.Options{HTTPClient: tls.Client()})
				path := map[string]string{"GET": "/x", "POST": "/order"}[method]
				_, err := c.Do(t.Context(), exauth.Call{Method: method, Path: path, Params: p1("symbol", "X")})
				checkRedirect(t, err, method, code, name+", Do")

				body := &closeCounter{Reader: strings.NewReader("symbol=X")}
				req, _ := http.NewRequest(method, tls.URL+path, body)
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if method == "GET" {
					req.Body = nil
				}
				req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("symbol=X")), nil }
				resp, err := (&http.Client{Transport: c.Transport()}).Do(req)
				if resp != nil && err == nil {
					t.Errorf("%s %d %s: the redirect was followed: %s", method, code, name, resp.Status)
				}
				checkRedirect(t, err, method, code, name+", RoundTrip")
				if n := body.closed.Load(); method == "POST" && n != 1 {
					t.Errorf("%s %d %s: body closed %d times, want 1", method, code, name, n)
				}
				if n := len(tls.arrivals()) - before; n != 2 {
					t.Errorf("%s %d %s: %d requests at the venue, want 2", method, code, name, n)
				}
			}
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests arrived where redirects pointed", n)
	}
}

func checkRedirect(t *testing.T, err error, method string, code int, name string) {
	t.Helper()
	var e *exauth.Error
	if !errors.Is(err, exauth.ErrHost) || !errors.As(err, &e) || e.Status != code {
		t.Errorf("%s %d %s: %v, want ErrHost", method, code, name, err)
		return
	}
	if strings.Contains(err.Error(), "in-location") || strings.Contains(e.Error(), "127.0.0.1") {
		t.Errorf("%s %d %s: error shows where it pointed: %v", method, code, name, err)
	}
	if want := method == "POST"; errors.Is(err, exauth.ErrOutcomeUnknown) != want {
		t.Errorf("%s %d %s: outcome %s", method, code, name, e.Outcome)
	}
}

// closeCounter is a request body that counts its Close calls.
type closeCounter struct {
	io.Reader
	closed atomic.Int32
}

func (c *closeCounter) Close() error { c.closed.Add(1); return nil }

// TestTransportUnderClient: what an http.Client does around a RoundTripper works:
// cookies, timeouts, headers, status lines, the caller's request in the answer.
func TestTransportUnderClient(t *testing.T) {
	srv := record(t, func(w http.ResponseWriter, r arrival, n int) {
		http.SetCookie(w, &http.Cookie{Name: "route", Value: "a"})
		w.Header().Set("X-Weight", "7")
		if n == 3 {
			w.WriteHeader(http.StatusTeapot)
		}
		io.WriteString(w, `{"n":1}`)
	})
	c := newClient(t, headerVenue(srv.URL), nil)
	jar, _ := cookiejar.New(nil)
	web := &http.Client{Transport: c.Transport(), Jar: jar}
	for n, want := range []string{"200 OK", "200 OK", "418 I'm a teapot"} {
		req, _ := http.NewRequest("POST", srv.URL+"/query?b=2&a=%20", bytes.NewReader([]byte(`{"z":1}`)))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", "somebody/1")
		resp, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.Status != want || string(body) != `{"n":1}` || resp.Header.Get("X-Weight") != "7" || resp.Request != req || resp.ContentLength != 7 {
			t.Errorf("answer %d: %s %q %v", n, resp.Status, body, resp.Header)
		}
		got := srv.arrivals()[n]
		if err := checkHeaderSign(got); err != nil {
			t.Error(err)
		}
		if got.uri != "/query?b=2&a=%20" || got.body != `{"z":1}` || got.header.Get("User-Agent") != "somebody/1" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("arrived as %+v", got)
		}
		if cookie := got.header.Get("Cookie"); (cookie == "route=a") != (n > 0) {
			t.Errorf("call %d carried cookie %q", n, cookie)
		}
	}
	if u, _ := url.Parse(srv.URL); len(jar.Cookies(u)) != 1 {
		t.Error("the cookie did not reach the jar")
	}
}
