package exauth_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// A replayed is what a program gets to see of one call of a fixture.
type replayed struct {
	call exauth.Call

	at      time.Time         // what the venue's clock says, of a call for the time
	payload map[string]string // "0.available": a value of the payload, without its envelope

	kind    error // nil: accepted
	outcome exauth.Outcome
	code    string
	wait    time.Duration // RetryAfter
}

// ask is a call with parameters in pairs.
func ask(methodPath string, pairs ...string) exauth.Call {
	method, path, _ := strings.Cut(methodPath, " ")
	c := exauth.Call{Method: method, Path: path}
	if len(pairs) == 0 {
		return c
	}
	p := exauth.Params{}
	for i := 0; i < len(pairs); i += 2 {
		p = append(p, exauth.Param{Name: pairs[i], Value: pairs[i+1]})
	}
	c.Params = p
	return c
}

// has is an accepted call and values of its payload, in pairs.
func has(call exauth.Call, pairs ...string) replayed {
	p := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i]] = pairs[i+1]
	}
	return replayed{call: call, payload: p}
}

// refusal is a call that the venue surely did not act on.
func refusal(call exauth.Call, kind error, code string) replayed {
	return replayed{call: call, kind: kind, outcome: exauth.OutcomeRejected, code: code}
}

// doubtful is a write of which nobody knows yet.
func doubtful(call exauth.Call, code string) replayed {
	return replayed{call: call, kind: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: code}
}

func clockAt(path string, ms int64) replayed {
	return replayed{call: exauth.Call{Path: path, Auth: exauth.AuthNone}, at: time.UnixMilli(ms)}
}

// after says how long the venue, or its header, asks to wait.
func (w replayed) after(d time.Duration) replayed { w.wait = d; return w }

// TestFixtures replays the documented answers of every venue through its Client:
// the time is read, balances come out of their envelope, an order's fate and ids
// are told, errors are what they mean.
func TestFixtures(t *testing.T) {
	for _, file := range fixtureFiles(t) {
		name := filepath.ToSlash(strings.TrimSuffix(strings.TrimPrefix(file, filepath.Join("testdata", "fixtures")+string(filepath.Separator)), ".http"))
		t.Run(name, func(t *testing.T) {
			calls, ok := fixtures[name]
			require.True(t, ok, "file is in no table")
			venueName, _, _ := strings.Cut(name, "/")
			v, ok := venue.ByName(venueName)
			require.True(t, ok)
			fx := exchangetest.Replay(t, file, v, nil)
			c := fixtureClient(t, fx)
			for i, w := range calls {
				t.Run(strconv.Itoa(i+1), func(t *testing.T) { checkReplayed(t, c, v, w) })
			}
		})
	}
}

func fixtureClient(t *testing.T, fx *exchangetest.Fixture) *exauth.Client {
	t.Helper()
	o := fx.Options()
	o.NoRetry = true
	o.Scope = exauth.ScopeRead | exauth.ScopeTrade
	c, err := exauth.New(fx.Venue(), fx.Key(), o)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func checkReplayed(t *testing.T, c *exauth.Client, v *exauth.Venue, w replayed) {
	resp, err := c.Do(t.Context(), w.call)
	if w.kind != nil {
		var e *exauth.Error
		require.ErrorAs(t, err, &e)
		assert.ErrorIs(t, err, w.kind)
		assert.Equal(t, w.outcome, e.Outcome, "outcome of %v", err)
		assert.Equal(t, w.code, e.Code)
		assert.Equal(t, w.wait, e.RetryAfter)
		if route := w.call.ClientOrderID; route != "" {
			assert.Equal(t, route, e.ClientOrderID)
		}
		return
	}
	require.NoError(t, err)
	if !w.at.IsZero() {
		got, err := v.Clock.Parse(resp)
		require.NoError(t, err)
		assert.True(t, w.at.Equal(got.Truncate(time.Millisecond)), "time is %v, want %v", got, w.at)
	}
	for path, want := range w.payload {
		assert.Equal(t, want, dig(t, resp.Payload, path), path)
	}
	if w.call.ClientOrderID != "" {
		assert.Equal(t, w.call.ClientOrderID, resp.ClientOrderID)
	}
}

// dig finds a scalar in JSON: "balances.0.free".
func dig(t *testing.T, raw []byte, path string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var v any
	require.NoError(t, dec.Decode(&v), "%s", raw)
	for p := range strings.SplitSeq(path, ".") { // "" is the payload itself
		switch x := v.(type) {
		case map[string]any:
			v = x[p]
		case []any:
			i, err := strconv.Atoi(p)
			require.NoError(t, err, "%s of %s", path, raw)
			require.Less(t, i, len(x), "%s of %s", path, raw)
			v = x[i]
		}
	}
	switch x := v.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	case bool:
		return strconv.FormatBool(x)
	}
	return ""
}

func fixtureFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "fixtures", "*", "*.http"))
	require.NoError(t, err)
	return files
}

// fixtureVenues are the venues that have fixtures, and the files each must have. A
// venue without a clock endpoint has no time, one without accounts no balance and no
// order.
var fixtureVenues = map[string]string{
	"backpack": "time balance order errors", "binance": "time balance order errors", "btcturk": "time balance order errors",
	"bybit": "time balance order errors", "coinbase": "time balance order errors", "coinex": "time balance order errors",
	"coinmarketcap": "price errors", "coinpaprika": "price errors", "cryptocom": "balance order errors",
	"deribit": "time balance order errors", "gate": "time balance order errors", "gemini": "balance order errors",
	"htx": "time balance order errors", "indodax": "time balance order errors", "kraken": "time balance order errors",
	"kucoin": "time balance order errors", "lbank": "time balance order errors", "okx": "time balance order errors",
	"upbit": "balance order errors",
}

// TestFixturesComplete: all nineteen venues have their files, and every file tells
// where it is from and shows nothing of a person.
func TestFixturesComplete(t *testing.T) {
	assert.Len(t, fixtureVenues, 19)
	for name, files := range fixtureVenues {
		for f := range strings.FieldsSeq(files) {
			assert.FileExists(t, filepath.Join("testdata", "fixtures", name, f+".http"))
			assert.Contains(t, fixtures, name+"/"+f)
		}
		v, ok := venue.ByName(name)
		require.True(t, ok, name)
		assert.Equal(t, v.Clock.Path != "", strings.Contains(files, "time"), "%s has a clock, or has none", name)
	}
	for _, file := range fixtureFiles(t) {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		text := string(raw)
		assert.Regexp(t, `^# [^\n]*(\n# [^\n]*)*read 2026-11`, text, "%s does not say where it is from", file)
		for _, bad := range personal {
			assert.NotRegexp(t, bad, text, file)
		}
	}
}

// personal is what no fixture may show.
var personal = []*regexp.Regexp{
	regexp.MustCompile(`[A-Za-z0-9.]+@[A-Za-z0-9]+\.[a-z]+`),
	regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`),
	regexp.MustCompile(`-----BEGIN`),
	regexp.MustCompile(`[A-Za-z0-9+_]{41,}`), // keys and signatures are long
}

// TestRedactionFixture: a recording that has seen a key, and its options, show none
// of it.
func TestRedactionFixture(t *testing.T) {
	v := venue.OKX()
	v.Clock.Path = ""
	o := &exchangetest.FixtureOptions{
		Credentials: exauth.NewSecretKey(canaryID, canarySecret).WithPassphrase(canaryPhrase),
		Secrets:     func() []string { return []string{canaryToken} },
		Transport: transportFunc(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
				Body: io.NopCloser(strings.NewReader(`{"code":"0","msg":"","data":[]}`))}, nil
		}),
	}
	fx := exchangetest.Record(t, filepath.Join(t.TempDir(), "canary.http"), v, o)
	c := must(exauth.New(fx.Venue(), fx.Key(), fx.Options()))(t)
	defer c.Close()
	must(c.Do(t.Context(), exauth.Call{Path: "/api/v5/account/balance"}))(t)
	all := sinks()
	for name, x := range map[string]any{"Fixture": fx, "FixtureOptions": *o, "Options": *fx.Options(), "Client": fx.Client()} {
		t.Run(name, func(t *testing.T) { search(t, places(x), all) })
	}
}

// A transportFunc is a transport made of a function.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
