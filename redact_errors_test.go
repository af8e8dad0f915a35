package exauth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// echoVenue signs as Bybit does, with the signature in the query as Binance does,
// so that an echo of anything would show; it draws a nonce.
func echoVenue(base string) *exauth.Venue {
	return &exauth.Venue{
		Name: "echo", BaseURL: base, GETReads: true, Bearer: true, Passphrase: true, NonceUnit: time.Millisecond,
		Algorithms: []exauth.Algorithm{exauth.HMACSHA256, exauth.Ed25519},
		Signer:     exauth.UTF8Secret(exauth.HMACSHA256),
		Scheme: exauth.SchemeFunc(func(ctx context.Context, r *exauth.Request) error {
			signed := strconv.FormatInt(r.Time.UnixMilli(), 10) + r.KeyID() + r.Query
			sig, err := r.Sign(ctx, nil, []byte(signed))
			if err != nil {
				return fmt.Errorf("signing %s for %s: %w", signed, r.Passphrase(), err)
			}
			r.SetHeader("Echo-Key", r.KeyID())
			r.SetHeader("Echo-Pass", r.Passphrase())
			r.SetHeader("Echo-Signed", signed)
			r.AddQuery("signature=" + hex.EncodeToString(sig))
			return nil
		}),
		Answer: func(resp *exauth.Response) ([]byte, error) {
			var a struct {
				Code int
				Msg  string
			}
			if err := json.Unmarshal(resp.Body, &a); err != nil && resp.Status == 200 {
				return nil, fmt.Errorf("unreadable: %s: %w", resp.Body, err)
			}
			if a.Code != 0 {
				return nil, &exauth.Error{Code: strconv.Itoa(a.Code), Message: a.Msg, Kind: exauth.ErrSignature}
			}
			return resp.Body, nil
		},
	}
}

const canaryQuery = "FAKEquery6Rf5Tg1Yh8Uj3Ik"

// place the canaries in a text as a careless party would.
func careless(r *http.Request) string {
	return fmt.Sprintf("error sign! origin_string[%s], key %s, pass %s, query %s, secret %s / %x / %s", r.Header.Get("Echo-Signed"),
		r.Header.Get("Echo-Key"), r.Header.Get("Echo-Pass"), r.URL.RawQuery, canarySecret, canarySecret, url.QueryEscape(canarySecret))
}

func urlError() error {
	return &url.Error{Op: "Post", URL: "https://user:" + canaryPhrase + "@vault.example/v1/key?token=" + canaryToken,
		Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}
}

// kms is a remote signer that fails with what its HTTP client said.
type kms struct{ ed25519.PrivateKey }

func (kms) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, urlError() }

// vetoed is a policy's own error type.
type vetoed struct{ Why string }

func (v *vetoed) Error() string { return "vetoed: " + v.Why }

// An errorCase is one way to fail.
type errorCase struct {
	name  string
	serve func(w http.ResponseWriter, r *http.Request) // nil: nobody is asked
	opts  exauth.Options
	key   exauth.KeySource
	edit  func(v *exauth.Venue)
	call  func(t *testing.T, c *exauth.Client) error // nil: Do
	is    []error
	says  string
	slow  bool // Timeout() is true
	also  func(t *testing.T, err error)
}

func errorCases(t *testing.T) []errorCase {
	ed, _ := canaryKeys()
	fail := func(text string) error { return fmt.Errorf("%s: %w", text, urlError()) }
	cancelled, cancel := context.WithCancel(bg)
	cancel()
	opError := func(t *testing.T, err error) {
		var op *net.OpError
		if !errors.As(err, &op) {
			t.Error("errors.As finds no *net.OpError")
		}
	}
	return []errorCase{
		{name: "dial refused", edit: func(v *exauth.Venue) { *v = *v.At(closedPort(t)) }, is: []error{exauth.ErrUnavailable, syscall.ECONNREFUSED}, says: "connection refused", also: opError},
		{name: "timeout", serve: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, opts: exauth.Options{Timeout: 50 * time.Millisecond},
			is: []error{exauth.ErrOutcomeUnknown, context.DeadlineExceeded}, slow: true, says: "no answer within the time allowed"},
		{name: "redirect", serve: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/?s="+canarySecret+"&"+r.URL.RawQuery, http.StatusTemporaryRedirect)
		}, is: []error{exauth.ErrHost}, says: "redirect refused"},
		{name: "bad TLS", edit: func(v *exauth.Venue) {
			srv := httptest.NewUnstartedServer(nil)
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.StartTLS()
			t.Cleanup(srv.Close)
			*v = *v.At(srv.URL)
		}, is: []error{exauth.ErrUnavailable}, says: "CertificateVerificationError"},
		{name: "no such host", opts: exauth.Options{HTTPClient: &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "venue.example", IsNotFound: true}}
			}}}},
			is: []error{exauth.ErrUnavailable}, says: "host name lookup failed", also: opError},
		{name: "truncated body", serve: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100000")
			io.WriteString(w, careless(r))
		}, is: []error{exauth.ErrOutcomeUnknown, io.ErrUnexpectedEOF}, says: "closed before the answer was complete"},
		{name: "HTML", serve: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprintf(w, "<html><title>502 %s</title><body>%s</body></html>", careless(r), careless(r))
		}, is: []error{exauth.ErrOutcomeUnknown}, says: "HTML page: 502"},
		{name: "plain text", serve: func(w http.ResponseWriter, r *http.Request) { http.Error(w, careless(r), http.StatusForbidden) }, is: []error{exauth.ErrRejected}, says: "HTTP 403"},
		{name: "echo of the signed string", serve: func(w http.ResponseWriter, r *http.Request) {
			json.NewEncoder(w).Encode(map[string]any{"code": 10004, "msg": careless(r)})
		}, is: []error{exauth.ErrSignature}, says: "code 10004: error sign!"},
		{name: "echo of the key id", serve: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			json.NewEncoder(w).Encode(map[string]any{"code": 33004, "msg": "API key " + r.Header.Get("Echo-Key") + " is no more"})
		}, is: []error{exauth.ErrSignature}, says: "is no more"},
		{name: "an answer that does not parse", serve: func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, careless(r)) },
			is: []error{exauth.ErrOutcomeUnknown}, says: "unreadable"},
		{name: "an answer that does not decode", serve: func(w http.ResponseWriter, r *http.Request) {
			json.NewEncoder(w).Encode(map[string]any{"code": 0, "id": careless(r)})
		}, call: func(_ *testing.T, c *exauth.Client) error {
			_, err := exauth.Do[struct{ ID int }](bg, c, writeCall())
			return err
		}, is: []error{exauth.ErrOutcomeUnknown}, says: "does not decode"},
		{name: "garbage on the wire", serve: func(w http.ResponseWriter, r *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprintf(conn, "HTTP/1.1 2x0 %s\r\n\r\n", careless(r))
			conn.Close()
		}, is: []error{exauth.ErrOutcomeUnknown}},
		{name: "answer too large", serve: func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat(careless(r), 100)) },
			opts: exauth.Options{MaxBody: 1000}, is: []error{exauth.ErrOutcomeUnknown}, says: "larger than Options.MaxBody"},
		{name: "cancelled before", call: func(_ *testing.T, c *exauth.Client) error { _, err := c.Do(cancelled, writeCall()); return err }, is: []error{context.Canceled}},
		{name: "cancelled on the way", serve: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, call: func(_ *testing.T, c *exauth.Client) error {
			ctx, cancel := context.WithCancel(bg)
			time.AfterFunc(50*time.Millisecond, cancel)
			_, err := c.Do(ctx, writeCall())
			return err
		}, is: []error{exauth.ErrOutcomeUnknown, context.Canceled}, says: "canceled by the caller"},
		{name: "key source", key: exauth.KeyFunc(func(context.Context, exauth.Need) (*exauth.Key, error) {
			return nil, fail("vault " + canaryToken + canaryToken)
		}),
			is: []error{syscall.ECONNREFUSED}, says: "connection refused", also: opError},
		{name: "key sources", key: exauth.FirstKey(exauth.KeyFunc(func(context.Context, exauth.Need) (*exauth.Key, error) {
			return nil, fmt.Errorf("%w: %w", exauth.ErrNoKey, urlError())
		})), is: []error{exauth.ErrNoKey, syscall.ECONNREFUSED}, says: "connection refused"},
		{name: "no access token", key: exauth.BearerKey(func(context.Context) (string, error) { return "", fail("refresh") }), is: []error{exauth.ErrKey, syscall.ECONNREFUSED}},
		{name: "malformed access token", key: exauth.BearerKey(func(context.Context) (string, error) { return canaryToken + "\n" + canaryToken, nil }), is: []error{exauth.ErrKey}, says: "malformed"},
		{name: "remote signer", key: exauth.NewPrivateKey(canaryID, kms{ed}).WithPassphrase(canaryPhrase), is: []error{syscall.ECONNREFUSED}, says: "signing with Ed25519", also: opError},
		{name: "policy", opts: exauth.Options{Policy: func(_ context.Context, r *exauth.Request) error {
			return &vetoed{fmt.Sprintf("%s may not %v with %s, %s", r.KeyID(), r, r.Passphrase(), r.Secret())}
		}}, says: "may not exauth.Request(POST http://", also: func(t *testing.T, err error) {
			var v *vetoed
			if !errors.As(err, &v) {
				t.Error("errors.As does not find the policy's own error")
			}
		}},
		{name: "nonce source", opts: exauth.Options{Nonce: exauth.NonceFunc(func(context.Context, string, int64) (int64, error) { return 0, fail("redis") })}, is: []error{syscall.ECONNREFUSED}},
		{name: "limiter", opts: exauth.Options{Limiter: failingLimiter{fail("redis")}}, is: []error{exauth.ErrRateLimited, syscall.ECONNREFUSED}},
		{name: "body of a foreign request", call: func(t *testing.T, c *exauth.Client) error {
			req := must(http.NewRequest("POST", c.Venue().BaseURL+"/v1/orders", io.NopCloser(failingReader{fail("upload")})))(t)
			_, err := c.Transport().RoundTrip(req)
			return err
		}, is: []error{syscall.ECONNREFUSED}},
		{name: "foreign request through http.Client", serve: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/?s="+canarySecret, http.StatusFound)
		}, call: func(t *testing.T, c *exauth.Client) error {
			_, err := (&http.Client{Transport: c.Transport()}).Get(c.Venue().BaseURL + "/v1/orders")
			var u *url.Error // net/http's own, around ours: the caller's URL, before it was signed
			if !errors.As(err, &u) {
				t.Errorf("%v is no *url.Error", err)
				return err
			}
			return u.Err
		}, is: []error{exauth.ErrHost}},
		{name: "clock", edit: func(v *exauth.Venue) {
			v.Clock = exauth.Clock{Path: "/v1/time", Parse: func(*exauth.Response) (time.Time, error) { return time.Time{}, fail("time") }}
		}, call: func(_ *testing.T, c *exauth.Client) error { return c.Check(bg) }, is: []error{exauth.ErrClock, syscall.ECONNREFUSED}},
		{name: "proxy", edit: func(v *exauth.Venue) { *v = *v.At("https://venue.example") },
			opts: exauth.Options{HTTPClient: &http.Client{Transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
				return url.Parse(strings.Replace(closedPort(t), "//", "//"+canaryPhrase+":"+canarySecret+"@", 1))
			}}}}, is: []error{exauth.ErrUnavailable, syscall.ECONNREFUSED}, says: "proxyconnect failed", also: opError},
		{name: "proxy refuses", edit: func(v *exauth.Venue) { *v = *v.At("https://venue.example") },
			opts: exauth.Options{HTTPClient: &http.Client{Transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					http.Error(w, r.Header.Get("Proxy-Authorization"), http.StatusProxyAuthRequired)
				}))
				t.Cleanup(srv.Close)
				return url.Parse(strings.Replace(srv.URL, "//", "//"+canaryPhrase+":"+canarySecret+"@", 1))
			}}}}, is: []error{exauth.ErrUnavailable}},
		{name: "a RoundTripper that is an http.Client", opts: exauth.Options{HTTPClient: &http.Client{Transport: clientTransport{}}},
			edit: func(v *exauth.Venue) { *v = *v.At(closedPort(t)) }, is: []error{exauth.ErrUnavailable, syscall.ECONNREFUSED}, also: opError},
	}
}

// clientTransport sends with a client of its own, whose errors quote the signed URL.
type clientTransport struct{}

func (clientTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	dup := r.Clone(r.Context())
	dup.Body = nil
	return http.DefaultClient.Do(dup)
}

type failingLimiter struct{ err error }

func (l failingLimiter) Wait(context.Context, exauth.Demand) (exauth.Lease, error) {
	return exauth.Lease{}, l.err
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// closedPort is the origin of a server that is gone.
func closedPort(t *testing.T) string {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	return "http://" + l.Addr().String()
}

func writeCall() exauth.Call {
	return exauth.Call{Method: "POST", Path: "/v1/orders", Params: exauth.Params{{Name: "note", Value: canaryQuery}}}
}

// TestRedactionErrors: however a call fails, its error shows no secret, no key, no
// query and no signature, in no sink and through no Unwrap, and is still of use (K2).
func TestRedactionErrors(t *testing.T) {
	all := sinks()
	for _, c := range errorCases(t) {
		t.Run(c.name, func(t *testing.T) {
			taints := append(canaries(), newTaint("query value", []byte(canaryQuery)))
			serve := c.serve
			if serve == nil {
				serve = func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }
			}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if sig := r.URL.Query().Get("signature"); sig != "" {
					raw, _ := hex.DecodeString(sig)
					taints = append(taints, newTaint("signature", raw))
				}
				serve(w, r)
			}))
			defer srv.Close()
			v := echoVenue(srv.URL)
			if c.edit != nil {
				c.edit(v)
			}
			if c.key == nil {
				c.key = exauth.NewSecretKey(canaryID, canarySecret).WithPassphrase(canaryPhrase)
			}
			var logs bytes.Buffer
			var attempts []exauth.Attempt
			c.opts.Logger = slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
			usage := filepath.Join(t.TempDir(), "usage.jsonl")
			alerts := exauth.NewAlerts(func(a exauth.Alert) { fmt.Fprintf(&logs, "%v %+v\n", a, a) }, &exauth.AlertOptions{AuthFailures: 1, ErrorRate: 0.1, MinAttempts: 1})
			c.opts.Observer = exauth.Observers(openLog(t, usage, nil).Observe, alerts.Observe,
				func(a exauth.Attempt) { attempts = append(attempts, a) })
			c.opts.NoRetry = true
			client := must(exauth.New(v, c.key, &c.opts))(t)
			defer client.Close()
			call := c.call
			if call == nil {
				call = func(_ *testing.T, c *exauth.Client) error { _, err := c.Do(bg, writeCall()); return err }
			}
			err := call(t, client)
			srv.Close() // waits for the handlers, which add to the taints
			checkUseful(t, c, err)
			for place, v := range map[string]any{"error": err, "field": unexported[error]{"n", err}, "attempts": attempts, "slice": []error{err}} {
				for _, s := range all {
					if found := shown(s.show(v), taints); found != "" {
						t.Errorf("%s, %s: shows %s", place, s.name, found)
						break
					}
				}
			}
			if found := shown(logs.String(), taints); found != "" {
				t.Errorf("log, or an alert, shows %s", found)
			}
			if found := shown(string(must(os.ReadFile(usage))(t)), taints); found != "" {
				t.Errorf("usage log shows %s", found)
			}
			checkChain(t, err, taints)
		})
	}
}

// checkUseful: a safe error still answers the questions callers ask.
func checkUseful(t *testing.T, c errorCase, err error) {
	t.Helper()
	var e *exauth.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T) is no *exauth.Error", err, err)
	}
	for _, want := range c.is {
		if !errors.Is(err, want) {
			t.Errorf("%v does not match %v", err, want)
		}
	}
	if !strings.Contains(err.Error(), c.says) {
		t.Errorf("%q does not say %q", err, c.says)
	}
	var slow interface{ Timeout() bool }
	if !errors.As(err, &slow) || slow.Timeout() != c.slow || e.Timeout() != c.slow {
		t.Errorf("Timeout is %t, want %t", e.Timeout(), c.slow)
	}
	if c.also != nil {
		c.also(t, err)
	}
}

// checkChain walks everything an error wraps, and asks it for what it must not give.
func checkChain(t *testing.T, err error, taints []taint) {
	t.Helper()
	var u *url.Error
	if errors.As(err, &u) {
		t.Errorf("errors.As finds a *url.Error for %s", u.URL)
	}
	var any error
	var netErr net.Error
	if errors.As(err, &netErr) {
		any = netErr
		if found := shown(fmt.Sprintf("%v %+v", any, any), taints); found != "" {
			t.Errorf("as net.Error it shows %s", found)
		}
	}
	var walk func(err error)
	walk = func(err error) {
		if _, ok := err.(*url.Error); ok {
			t.Errorf("the chain holds %T", err)
		}
		if found := shown(fmt.Sprintf("%v %+v %#v", err, err, err), taints); found != "" {
			t.Errorf("%T in the chain shows %s", err, found)
		}
		switch x := err.(type) {
		case interface{ Unwrap() error }:
			if x.Unwrap() != nil {
				walk(x.Unwrap())
			}
		case interface{ Unwrap() []error }:
			for _, e := range x.Unwrap() {
				walk(e)
			}
		}
	}
	walk(err)
}

// TestRedactionLoading: what is wrong with a key is said without showing it.
func TestRedactionLoading(t *testing.T) {
	pem := readFile(t, "keys/fake-rsa2048.pem")
	_, rsaKey := canaryKeys()
	damaged := bytes.Replace(pem, []byte("A"), []byte("*"), 5)
	ask := func(p string) func() ([]byte, error) { return func() ([]byte, error) { return []byte(p), nil } }
	parse := func(pem []byte, pass string) error {
		_, err := exauth.ParsePEM(canaryID, pem, ask(pass))
		return err
	}
	venueErr := func(key *exauth.Key) error {
		_, err := exauth.New(echoVenue("https://echo.example"), key, nil)
		return err
	}
	for name, err := range map[string]error{
		"wrong passphrase":      parse(readFile(t, "keys/fake-rsa2048-pbkdf2-sha256-aes256.pem"), canaryPhrase),
		"passphrase fails":      second(exauth.ParsePEM(canaryID, readFile(t, "keys/fake-rsa2048-pbkdf2-sha256-aes256.pem"), func() ([]byte, error) { return nil, urlError() })),
		"damaged PEM":           parse(damaged, ""),
		"cut-off PEM":           parse(pem[:len(pem)/2], ""),
		"a PEM as id":           second(exauth.ParsePEM(string(pem), pem, nil)),
		"quoted secret":         venueErr(exauth.NewSecretKey(canaryID, `"`+canarySecret+`"`)),
		"secret with space":     venueErr(exauth.NewSecretKey(canaryID, canarySecret+" x")),
		"quoted id":             venueErr(exauth.NewSecretKey("'"+canaryID+"'", canarySecret)),
		"passphrase with line":  venueErr(exauth.NewSecretKey(canaryID, canarySecret).WithPassphrase(canaryPhrase + "\n")),
		"egress of no kind":     exauth.NewSecretKey(canaryID, canarySecret).WithEgress("ftp://user:" + canaryPhrase + "@proxy.example").Err(),
		"egress that no URL is": exauth.NewSecretKey(canaryID, canarySecret).WithEgress("http://user:" + canaryPhrase + "@proxy.example:port/x").Err(),
		"ring of no venue":      second(exauth.NewKeyRing(exauth.NewSecretKey(canaryID, canarySecret))),
		"another venue's":       venueErr(exauth.NewSecretKey(canaryID, canarySecret).WithPassphrase(canaryPhrase).For("other", "", "")),
		"no passphrase":         venueErr(exauth.NewSecretKey(canaryID, canarySecret)),
		"not base64":            second(exauth.Base64Secret(exauth.HMACSHA256)([]byte(canarySecret + "!"))),
		"not hex":               second(exauth.HexSecret(exauth.HMACSHA256)([]byte(canarySecret))),
		"not a seed":            second(exauth.Ed25519Seed()([]byte(canarySecret))),
		"key of another kind":   second(exauth.NewSigner(exauth.Ed25519, rsaKey)),
		"decoding a Key":        json.Unmarshal([]byte(`"`+canarySecret+`"`), new(exauth.Key)),
	} {
		t.Run(name, func(t *testing.T) {
			if err == nil {
				t.Fatal("no error")
			}
			for _, s := range sinks() {
				if found := shown(s.show(err), canaries()); found != "" {
					t.Errorf("%s: shows %s", s.name, found)
					break
				}
			}
			checkChain(t, err, canaries())
		})
	}
}

func second[T any](_ T, err error) error { return err }
