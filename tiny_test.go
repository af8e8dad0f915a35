package exauth_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// The venues of these tests: one that signs in headers, one that signs the query
// like Binance, one whose form body holds a nonce like Kraken, and one that buys by
// GET like Deribit. The servers check signatures with code of their own.

const (
	tinyID     = "tiny-key-id-0001"
	tinySecret = "tiny-secret-that-signs-only-in-tests"
)

func tinyKey() *exauth.Key { return exauth.NewSecretKey(tinyID, tinySecret) }

func tinyMAC(text string) string {
	h := hmac.New(sha256.New, []byte(tinySecret))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// headerVenue signs time ++ method ++ path?query ++ body in a header. GET and
// DELETE take a query, POST JSON, PUT a form.
func headerVenue(url string) *exauth.Venue {
	return &exauth.Venue{
		Name: "tiny", BaseURL: url,
		Algorithms:  []exauth.Algorithm{exauth.HMACSHA256},
		Signer:      exauth.UTF8Secret(exauth.HMACSHA256),
		AuthHeaders: []string{"Tiny-Key", "Tiny-Time", "Tiny-Sign", "Tiny-Mode"},
		Routes: []exauth.Route{
			{Method: "GET", Path: "/time", Scope: exauth.ScopeRead, Auth: exauth.AuthNone},
			{Method: "GET", Path: "/public", Scope: exauth.ScopeRead, Auth: exauth.AuthNone},
			{Method: "GET", Path: "/buy", Scope: exauth.ScopeTradeSpot, Priority: exauth.PriorityOrder, ClientID: "id"},
			{Method: "POST", Path: "/order", Scope: exauth.ScopeTradeSpot, Priority: exauth.PriorityOrder, ClientID: "id"},
			{Method: "DELETE", Path: "/order", Scope: exauth.ScopeTradeSpot, Priority: exauth.PriorityCancel},
			{Method: "POST", Path: "/withdraw", Scope: exauth.ScopeWithdraw},
			{Method: "POST", Path: "/query", Scope: exauth.ScopeRead},
		},
		GETReads: true,
		Style:    headerStyle,
		Answer:   tinyAnswer,
		Scheme:   exauth.SchemeFunc(authorizeHeader),
	}
}

func headerStyle(method, path string, _ exauth.Params) exauth.Style {
	switch method {
	case "POST":
		return exauth.StyleJSON
	case "PUT":
		return exauth.StyleForm
	}
	if strings.HasPrefix(path, "/repeat") {
		return exauth.StyleQuery | exauth.StyleArrayRepeat
	}
	return exauth.StyleQuery
}

func authorizeHeader(ctx context.Context, r *exauth.Request) error {
	r.SetHeader("Tiny-Key", r.KeyID())
	if r.Auth() != exauth.AuthSigned {
		return nil
	}
	stamp := strconv.FormatInt(r.Time.UnixMilli(), 10)
	sig, err := r.Sign(ctx, nil, []byte(stamp+r.Method+r.RequestURI()+string(r.Body)))
	if err != nil {
		return err
	}
	r.SetHeader("Tiny-Time", stamp)
	r.SetHeader("Tiny-Sign", hex.EncodeToString(sig))
	return nil
}

// tinyAnswer finds {"code":…,"msg":…} whatever the status.
func tinyAnswer(resp *exauth.Response) ([]byte, error) {
	var e struct{ Code, Msg string }
	if json.Unmarshal(resp.Body, &e) != nil || e.Code == "" {
		return resp.Body, nil
	}
	kinds := map[string]error{
		"CLOCK": exauth.ErrClock, "NONCE": exauth.ErrNonce, "LIMIT": exauth.ErrRateLimited, "FUNDS": exauth.ErrInsufficientFunds,
		"TIMEOUT": exauth.ErrOutcomeUnknown, "BUSY": exauth.ErrUnavailable, "PARTIAL": exauth.ErrPartial, "NO": exauth.ErrRejected, "KEY": exauth.ErrKey,
	}
	return nil, &exauth.Error{Kind: kinds[e.Code], Code: e.Code, Message: e.Msg}
}

// checkHeaderSign verifies what headerVenue signs on the bytes that arrived.
func checkHeaderSign(r arrival) error {
	want := tinyMAC(r.header.Get("Tiny-Time") + r.method + r.uri + r.body)
	if got := r.header.Get("Tiny-Sign"); got != want {
		return fmt.Errorf("signature %q does not fit %s %s", got, r.method, r.uri)
	}
	return nil
}

// queryVenue signs query ++ body and appends stamp and base64 signature to them.
func queryVenue(url string) *exauth.Venue {
	v := headerVenue(url)
	v.Name, v.AuthHeaders = "tinyquery", []string{"Tiny-Key"}
	v.Reserved = []string{"timestamp", "signature"}
	v.RecvWindow, v.MaxRecvWindow = 5*time.Second, time.Minute
	v.Style = func(method, path string, p exauth.Params) exauth.Style {
		if method == "POST" {
			return exauth.StyleForm
		}
		return headerStyle(method, path, p)
	}
	v.Scheme = exauth.SchemeFunc(authorizeQuery)
	return v
}

func authorizeQuery(ctx context.Context, r *exauth.Request) error {
	r.SetHeader("Tiny-Key", r.KeyID())
	if r.Auth() != exauth.AuthSigned {
		return nil
	}
	stamp := "recvWindow=" + strconv.FormatInt(r.Window.Milliseconds(), 10) + "&timestamp=" + strconv.FormatInt(r.Time.UnixMilli(), 10)
	inBody := r.Method == "POST" || r.Method == "PUT"
	if inBody {
		if len(r.Body) > 0 {
			stamp = "&" + stamp
		}
		r.Body = append(r.Body, stamp...)
		r.SetHeader("Content-Type", "application/x-www-form-urlencoded")
	} else {
		r.AddQuery(stamp)
	}
	mac, err := r.Sign(ctx, nil, []byte(r.Query+string(r.Body)))
	if err != nil {
		return err
	}
	sig, err := exauth.AppendQuery(nil, exauth.Params{{Name: "signature", Value: base64.StdEncoding.EncodeToString(mac)}}, exauth.StyleQuery)
	if err != nil {
		return err
	}
	if inBody {
		r.Body = append(append(r.Body, '&'), sig...)
	} else {
		r.AddQuery(string(sig))
	}
	return nil
}

// checkQuerySign verifies what queryVenue signs: everything before the signature,
// as it arrived.
func checkQuerySign(r arrival) error {
	_, query, _ := strings.Cut(r.uri, "?")
	signed, sig, ok := strings.Cut(query+r.body, "&signature=")
	mac, _ := hex.DecodeString(tinyMAC(signed))
	want := strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(base64.StdEncoding.EncodeToString(mac))
	if !ok || sig != want {
		return fmt.Errorf("signature %q does not fit %q", sig, signed)
	}
	return nil
}

// nonceVenue puts a nonce into the form body and wants one call at a time.
func nonceVenue(url string) *exauth.Venue {
	v := headerVenue(url)
	v.Name, v.Reserved = "tinynonce", []string{"nonce"}
	v.NonceUnit, v.Ordered, v.GETReads = time.Millisecond, true, false
	v.Style = func(method, _ string, _ exauth.Params) exauth.Style {
		if method == "POST" {
			return exauth.StyleForm
		}
		return exauth.StyleQuery
	}
	v.Scheme = exauth.SchemeFunc(func(ctx context.Context, r *exauth.Request) error {
		nonce := strconv.FormatInt(r.Nonce, 10)
		if r.Method == "POST" {
			if len(r.Body) > 0 {
				nonce += "&"
			}
			r.Body = append([]byte("nonce="+nonce), r.Body...)
			r.SetHeader("Content-Type", "application/x-www-form-urlencoded")
		} else {
			r.AddQuery("nonce=" + nonce)
		}
		return authorizeHeader(ctx, r)
	})
	return v
}

// buyVenue buys by GET: no GET of it may be sent twice.
func buyVenue(url string) *exauth.Venue {
	v := headerVenue(url)
	v.Name, v.GETReads = "tinybuy", false
	v.Routes = append(v.Routes, exauth.Route{Method: "GET", Path: "/balance", Scope: exauth.ScopeRead})
	return v
}

// newClient makes a client for v that is closed with the test.
func newClient(t testing.TB, v *exauth.Venue, o *exauth.Options) *exauth.Client {
	t.Helper()
	c, err := exauth.New(v, tinyKey(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// all allows everything, for tests that are not about scope.
const all = exauth.ScopeRead | exauth.ScopeTrade | exauth.ScopeTransfer | exauth.ScopeWithdraw | exauth.ScopeAccount

func fixedNow() time.Time { return time.UnixMilli(1_700_000_000_123) }

// An arrival is one request as a server got it: bytes, not parsed values.
type arrival struct {
	method, uri, host, body, proto string
	header                         http.Header
}

// A recorder is a server that keeps what arrives and answers with a function.
type recorder struct {
	*httptest.Server
	mu     sync.Mutex
	got    []arrival
	answer func(w http.ResponseWriter, r arrival, n int)
	conns  atomic.Int32 // connections accepted
}

// unstarted makes a recorder that counts its connections.
func unstarted(answer func(w http.ResponseWriter, r arrival, n int)) *recorder {
	rec := &recorder{answer: answer}
	rec.Server = httptest.NewUnstartedServer(rec)
	rec.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			rec.conns.Add(1)
		}
	}
	return rec
}

// record starts a recorder; answer nil says {} to everything. n counts from 1.
func record(t testing.TB, answer func(w http.ResponseWriter, r arrival, n int)) *recorder {
	t.Helper()
	rec := unstarted(answer)
	rec.Start()
	t.Cleanup(rec.Close)
	return rec
}

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a := arrival{r.Method, r.RequestURI, r.Host, string(body), r.Proto, r.Header}
	rec.mu.Lock()
	rec.got = append(rec.got, a)
	n, answer := len(rec.got), rec.answer
	rec.mu.Unlock()
	if answer == nil {
		io.WriteString(w, "{}")
		return
	}
	answer(w, a, n)
}

// arrivals returns what has arrived so far.
func (rec *recorder) arrivals() []arrival {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]arrival(nil), rec.got...)
}

// bodyOf reads a signed request's body.
func bodyOf(t testing.TB, req *http.Request) string {
	t.Helper()
	if req.Body == nil {
		return ""
	}
	b, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// stubTrip is a RoundTripper made of a function.
type stubTrip func(*http.Request) (*http.Response, error)

func (f stubTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// reply is an answer for stubTrip.
func reply(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: -1}
}

// recordTLS is record over TLS, with HTTP/2.
func recordTLS(t testing.TB, answer func(w http.ResponseWriter, r arrival, n int)) *recorder {
	t.Helper()
	rec := unstarted(answer)
	rec.EnableHTTP2 = true
	rec.StartTLS()
	t.Cleanup(rec.Close)
	return rec
}

// setAnswer changes what is answered from now on.
func (rec *recorder) setAnswer(answer func(w http.ResponseWriter, r arrival, n int)) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.answer = answer
}

// quiet is an error log for servers whose clients are meant to fail.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
