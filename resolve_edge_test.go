package exauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// script answers by path, and loses the answer of every order.
type script struct {
	look  func(n int, r *http.Request) (int, string)
	looks int
	last  *http.Request
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.last = r
	if r.Method == "POST" && (strings.HasSuffix(r.URL.Path, "/order") || strings.HasSuffix(r.URL.Path, "/AddOrder")) {
		return nil, io.ErrUnexpectedEOF
	}
	s.looks++
	status, body := s.look(s.looks, r)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}

func scripted(t *testing.T, v *exauth.Venue, s *script, o exauth.Options) *exauth.Client {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	o.HTTPClient = &http.Client{Transport: s}
	c, err := exauth.New(v, exauth.NewSecretKey("key-id", "c2VjcmV0LXNlY3JldC1zZWNyZXQ=").WithPassphrase("pass"), &o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// binanceListed is an order as GET /api/v3/order lists it.
func binanceListed(status string, made time.Time) string {
	return fmt.Sprintf(`{"symbol":"BTCUSDT","orderId":7,"clientOrderId":"mine","status":%q,"time":%d}`, status, made.UnixMilli())
}

const (
	notThere   = `{"code":-2013,"msg":"Order does not exist."}`
	okxAbsent  = `{"code":"51603","msg":"Order does not exist","data":[]}`
	krakenNone = `{"error":[],"result":{"open":{}}}`
)

// TestResolveAnswers: what lookups can say, and what it means.
func TestResolveAnswers(t *testing.T) {
	const accepted, rejected, unknown = exauth.OutcomeAccepted, exauth.OutcomeRejected, exauth.OutcomeUnknown
	symbol := exauth.Params{{"symbol", "BTCUSDT"}, {"newClientOrderId", "mine"}}
	spot := exauth.Call{Method: "POST", Path: "/api/v3/order", Params: symbol}
	futures := exauth.Call{Method: "POST", Path: "/fapi/v1/order", Params: symbol}
	okx := exauth.Call{Method: "POST", Path: "/api/v5/trade/order", Params: exauth.Params{{"instId", "BTC-USDT"}, {"clOrdId", "mine"}}}
	kraken := exauth.Call{Method: "POST", Path: "/0/private/AddOrder", Params: exauth.Params{{"pair", "XBTUSD"}, {"cl_ord_id", "mine"}}}
	changed := func(c exauth.Call, name, value string) exauth.Call {
		c.Params = append(append(exauth.Params{}, c.Params.(exauth.Params)...), exauth.Param{Name: name, Value: value})
		return c
	}
	always := func(status int, body string) func(int, time.Time) (int, string) {
		return func(int, time.Time) (int, string) { return status, body }
	}
	listed := func(status string, age time.Duration) func(int, time.Time) (int, string) {
		return func(_ int, sent time.Time) (int, string) { return 200, binanceListed(status, sent.Add(-age)) }
	}
	for _, tc := range []struct {
		name  string
		v     *exauth.Venue
		call  exauth.Call
		look  func(n int, sent time.Time) (int, string)
		want  exauth.Outcome
		fails bool
		takes time.Duration // rounded to 100 ms
		looks int
		pause time.Duration // before Resolve
	}{
		{"open", venue.Binance(), spot, listed("NEW", 0), accepted, false, 0, 1, 0},
		{"filled", venue.Binance(), spot, listed("FILLED", 0), accepted, false, 0, 1, 0},
		{"stamped ahead", venue.Binance(), spot, listed("NEW", 900*time.Millisecond), accepted, false, 0, 1, 0},
		{"listed and never taken", venue.Binance(), spot, listed("REJECTED", 0), rejected, false, 0, 1, 0},
		{"an older order of the id", venue.Binance(), spot, listed("FILLED", time.Hour), rejected, false, 7 * time.Second, 3, 0},
		{"not there", venue.Binance(), spot, always(400, notThere), rejected, false, 7 * time.Second, 3, 0},
		{"not there, asked late", venue.Binance(), spot, always(400, notThere), rejected, false, time.Second, 2, time.Minute},
		{"not there, asked too late", venue.Binance(), spot, always(400, notThere), unknown, false, 0, 1, 91 * 24 * time.Hour},
		{"not there once", venue.Binance(), spot, func(n int, sent time.Time) (int, string) {
			if n < 3 {
				return 400, notThere
			}
			return 200, binanceListed("NEW", sent)
		}, accepted, false, 7 * time.Second, 3, 0},
		{"a narrow window of the caller's", venue.Binance(), changed(spot, "recvWindow", "1500.5"), always(400, notThere), rejected, false, 3500 * time.Millisecond, 3, 0},
		{"a window nobody can read", venue.Binance(), changed(spot, "recvWindow", "soon"), always(400, notThere), unknown, false, 0, 1, 0},
		{"another error", venue.Binance(), spot, always(400, `{"code":-1121,"msg":"Invalid symbol."}`), unknown, true, 6 * time.Second, 2, 0},
		{"an answer of another kind", venue.Binance(), spot, always(200, `{}`), unknown, true, 6 * time.Second, 2, 0},
		{"404 of a proxy", venue.Binance(), spot, always(404, `nothing here`), unknown, true, 6 * time.Second, 2, 0},
		{"no moment is stated, not there", venue.Binance(), futures, always(400, notThere), unknown, false, 0, 1, time.Hour},
		{"no moment is stated, there", venue.Binance(), futures, listed("NEW", 0), accepted, false, 0, 1, 0},
		{"OKX, not there", venue.OKX(), okx, always(200, okxAbsent), rejected, false, 7 * time.Second, 3, 0},
		{"OKX, the caller's expTime", venue.OKX(), func() exauth.Call {
			c := okx
			c.Header = http.Header{"exptime": {fmt.Sprint(time.Date(2000, 1, 1, 0, 0, 20, 0, time.UTC).UnixMilli())}}
			return c
		}(), always(200, okxAbsent), rejected, false, 22 * time.Second, 3, 0},
		{"OKX, after two hours", venue.OKX(), okx, always(200, okxAbsent), unknown, false, 0, 1, 3 * time.Hour},
		{"OKX, another order", venue.OKX(), okx, always(200, `{"code":"0","data":[{"clOrdId":"other","ordId":"1","cTime":"946684800000"}]}`), unknown, true, 6 * time.Second, 2, 0},
		{"OKX, an older order", venue.OKX(), okx, always(200, `{"code":"0","data":[{"clOrdId":"mine","ordId":"1","cTime":"946684000000"}]}`), rejected, false, 7 * time.Second, 3, 0},
		{"Kraken, not there", venue.Kraken(), kraken, func(n int, _ time.Time) (int, string) {
			return 200, strings.Replace(krakenNone, "open", []string{"closed", "open"}[n%2], 1)
		}, rejected, false, 14 * time.Second, 6, 0},
		{"Kraken, the caller's deadline", venue.Kraken(), changed(kraken, "deadline", "2000-01-01T00:00:30Z"), always(200, krakenNone), rejected, false, 34 * time.Second, 6, 0},
		{"Kraken, a deadline nobody can read", venue.Kraken(), changed(kraken, "deadline", ""), always(200, krakenNone), unknown, false, 0, 2, time.Hour},
		{"Kraken, the filter was ignored", venue.Kraken(), kraken, always(200, `{"error":[],"result":{"open":{"O1":{"cl_ord_id":"other","opentm":1}}}}`), unknown, true, 12 * time.Second, 2, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which begins on 2000-01-01
				sent := time.Now()
				s := &script{look: func(n int, _ *http.Request) (int, string) { return tc.look(n, sent) }}
				c := scripted(t, tc.v, s, exauth.Options{})
				e := unknownOf(t, c, tc.call)
				time.Sleep(tc.pause)
				begin := time.Now()
				res, err := c.Resolve(t.Context(), e)
				if res.Outcome != tc.want || (err != nil) != tc.fails {
					t.Errorf("resolved to %v, %v; want %v", res.Outcome, err, tc.want)
				}
				if took := time.Since(begin).Round(100 * time.Millisecond); took != tc.takes || s.looks != tc.looks {
					t.Errorf("took %v and %d lookups, want %v and %d", took, s.looks, tc.takes, tc.looks)
				}
			})
		})
	}
}

// TestResolveRefuses: what cannot be asked is not guessed.
func TestResolveRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{look: func(int, *http.Request) (int, string) { return 400, notThere }}
		c := scripted(t, venue.Binance(), s, exauth.Options{})
		order := exauth.Call{Method: "POST", Path: "/api/v3/order", Params: exauth.Params{{"symbol", "BTCUSDT"}, {"newClientOrderId", "mine"}}}
		e := unknownOf(t, c, order)

		for name, other := range map[string]*exauth.Client{
			"another venue":       scripted(t, venue.OKX(), s, exauth.Options{}),
			"another environment": scripted(t, venue.BinanceTestnet(), s, exauth.Options{}),
			"another account":     scripted(t, venue.Binance(), s, exauth.Options{Account: "second"}),
		} {
			if res, err := other.Resolve(t.Context(), e); res.Outcome != exauth.OutcomeUnknown || !errors.Is(err, exauth.ErrParam) {
				t.Errorf("%s: %v, %v", name, res.Outcome, err)
			}
		}
		if res, err := c.Resolve(t.Context(), nil); res.Outcome != exauth.OutcomeUnknown || !errors.Is(err, exauth.ErrParam) {
			t.Errorf("nil: %v, %v", res.Outcome, err)
		}
		for name, e := range map[string]*exauth.Error{
			"no id":           {Venue: "binance", Method: "POST", Path: "/api/v3/order", Outcome: exauth.OutcomeUnknown},
			"no symbol":       {Venue: "binance", Method: "POST", Path: "/api/v3/order", Outcome: exauth.OutcomeUnknown, ClientOrderID: "mine", Sent: time.Now()},
			"a transfer":      {Venue: "binance", Method: "POST", Path: "/sapi/v1/asset/transfer", Outcome: exauth.OutcomeUnknown, ClientOrderID: "x"},
			"not one unknown": {Venue: "binance", Outcome: exauth.OutcomePartial},
		} {
			if res, err := c.Resolve(t.Context(), e); res.Outcome != e.Outcome || err != nil {
				t.Errorf("%s: %v, %v", name, res.Outcome, err)
			}
		}
		if s.looks != 0 {
			t.Errorf("asked %d times", s.looks)
		}

		begin := time.Now()
		short, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		if res, err := c.Resolve(short, e); res.Outcome != exauth.OutcomeUnknown || !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > time.Second {
			t.Errorf("with too little time: %v, %v after %v", res.Outcome, err, time.Since(begin))
		}
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		if res, err := c.Resolve(gone, e); res.Outcome != exauth.OutcomeUnknown || !errors.Is(err, context.Canceled) || time.Since(begin) > 3*time.Second {
			t.Errorf("canceled: %v, %v after %v", res.Outcome, err, time.Since(begin))
		}
		c.Halt("stop") // O7
		if res, err := c.Resolve(t.Context(), e); res.Outcome != exauth.OutcomeRejected || err != nil {
			t.Errorf("while halted: %v, %v", res.Outcome, err)
		}
	})
	still := scripted(t, venue.Binance(), &script{look: func(int, *http.Request) (int, string) { return 400, notThere }},
		exauth.Options{Now: fixedNow, RecvWindow: time.Millisecond})
	e := unknownOf(t, still, exauth.Call{Method: "POST", Path: "/api/v3/order", Params: exauth.Params{{"symbol", "BTCUSDT"}}})
	if res, err := still.Resolve(t.Context(), e); res.Outcome != exauth.OutcomeUnknown || !errors.Is(err, exauth.ErrClock) {
		t.Errorf("a clock that stands still: %v, %v", res.Outcome, err)
	}
}

// An order whose 2xx answer does not fit the caller's type, and one that went out
// through Transport, can be settled as well.
func TestResolveOtherWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := time.Now()
		lost := &script{look: func(int, *http.Request) (int, string) { return 200, binanceListed("NEW", sent) }}
		c := scripted(t, venue.Binance(), lost, exauth.Options{})
		req, _ := http.NewRequest("POST", "https://api.binance.com/api/v3/order", strings.NewReader("symbol=BTCUSDT&newClientOrderId=mine"))
		_, err := c.Transport().RoundTrip(req)
		var e *exauth.Error
		if !errors.As(err, &e) || e.SettledAt.Sub(e.Sent) != 6*time.Second {
			t.Fatalf("through Transport: %v, %+v", err, e)
		}
		if res, err := c.Resolve(t.Context(), e); res.Outcome != exauth.OutcomeAccepted || err != nil {
			t.Errorf("through Transport: %v, %v", res.Outcome, err)
		}

		odd := &wireLog{answer: func(n int) string { return binanceListed("NEW", sent) }}
		c = idClient(t, venue.Binance(), odd, exauth.Options{Now: time.Now})
		_, err = exauth.Post[[]string](t.Context(), c, "/api/v3/order", exauth.Params{{"symbol", "BTCUSDT"}})
		if e = nil; !errors.As(err, &e) || e.Outcome != exauth.OutcomeUnknown || e.ClientOrderID == "" || e.SettledAt.Sub(e.Sent) != 6*time.Second {
			t.Fatalf("that does not decode: %v", err)
		}
		res, err := c.Resolve(t.Context(), e)
		if ours := strings.Contains(odd.bodies[1], "origClientOrderId="+e.ClientOrderID); err != nil || res.Outcome != exauth.OutcomeAccepted || !ours {
			t.Errorf("that does not decode: %v, %v, asked %s", res.Outcome, err, odd.bodies[1])
		}
	})
}

// TestDeadlines (O3): Do sends one where the venue takes it; Sign does not, and the
// caller's own is left alone.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{look: func(int, *http.Request) (int, string) { return 200, `{}` }}
		okx, kraken := scripted(t, venue.OKX(), s, exauth.Options{}), scripted(t, venue.Kraken(), s, exauth.Options{})
		order := exauth.Call{Method: "POST", Path: "/api/v5/trade/order", Params: exauth.Params{{"instId", "BTC-USDT"}}}
		ms := func(d time.Duration) string { return fmt.Sprint(time.Now().Add(d).UnixMilli()) }
		unknownOf(t, okx, order)
		if got := s.last.Header.Get("expTime"); got != ms(5*time.Second) {
			t.Errorf("OKX: expTime %q", got)
		}
		order.RecvWindow = 2 * time.Second
		unknownOf(t, okx, order)
		if got := s.last.Header.Get("expTime"); got != ms(2*time.Second) {
			t.Errorf("OKX with a window: expTime %q", got)
		}
		order.Header = http.Header{"Exptime": {"123"}}
		unknownOf(t, okx, order)
		if got := s.last.Header.Values("expTime"); len(got) != 1 || got[0] != "123" {
			t.Errorf("OKX with the caller's: expTime %q", got)
		}
		order.Header = nil
		if req, err := okx.Sign(t.Context(), order); err != nil || req.Header.Get("expTime") != "" {
			t.Errorf("Sign: %v, %v", req.Header, err)
		}

		add := exauth.Call{Method: "POST", Path: "/0/private/AddOrder", Params: exauth.Params{{"pair", "XBTUSD"}}}
		unknownOf(t, kraken, add)
		body, _ := io.ReadAll(s.last.Body)
		if got := sentID(t, string(body), "deadline"); got != "2000-01-01T00:00:10Z" {
			t.Errorf("Kraken: deadline %q", got)
		}
		add.Params = exauth.Params{{"pair", "XBTUSD"}, {"deadline", "2000-01-01T00:00:03Z"}}
		unknownOf(t, kraken, add)
		body, _ = io.ReadAll(s.last.Body)
		if got := sentID(t, string(body), "deadline"); got != "2000-01-01T00:00:03Z" {
			t.Errorf("Kraken with the caller's: deadline %q", got)
		}
	})
}

// TestWriteTold: what a venue's Lookup is told of a write whose fate is unknown.
func TestWriteTold(t *testing.T) {
	for name, tc := range map[string]struct {
		deadline time.Duration // of the venue
		want     time.Duration // of the Deadline, after the stamp; -1: none
	}{
		"no deadline": {0, -1},
		"a deadline":  {3 * time.Second, 3 * time.Second},
	} {
		var asked, until []exauth.Write
		v := headerVenue("https://api.tiny.example")
		v.Deadline = tc.deadline
		v.Lookup = exauth.Lookup{
			Ask:   func(w exauth.Write) []exauth.Call { asked = append(asked, w); return []exauth.Call{{Path: "/x"}} },
			Find:  func(exauth.Write, []byte) ([]byte, exauth.Outcome, error) { return nil, exauth.OutcomeUnknown, nil },
			Until: func(w exauth.Write) time.Time { until = append(until, w); return w.Time },
		}
		c := scripted(t, v, &script{}, exauth.Options{Now: fixedNow})
		_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/order", Params: p1("id", "mine"), ClientOrderID: "mine", Header: http.Header{"X-Mine": {"1"}}})
		if !errors.Is(err, exauth.ErrOutcomeUnknown) || len(asked) != 1 || len(until) != 1 {
			t.Fatalf("%s: %v, asked %d times, until when %d", name, err, len(asked), len(until))
		}
		w := until[0]
		deadline := time.Duration(-1)
		if !w.Deadline.IsZero() {
			deadline = w.Deadline.Sub(w.Time)
		}
		if deadline != tc.want || !w.Time.Equal(fixedNow()) || w.ClientOrderID != "mine" || w.Text("id") != "mine" || w.Header.Get("X-Mine") != "1" || w.Path != "/order" {
			t.Errorf("%s: told %+v, %v after the stamp", name, w, deadline)
		}
	}
}
