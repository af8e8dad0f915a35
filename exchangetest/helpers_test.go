package exchangetest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// The clients here sign by hand, so that neither side of these tests is exauth's.

func start(t testing.TB, name string, o *exchangetest.Options) *exchangetest.Server {
	t.Helper()
	return exchangetest.NewServer(t, &exauth.Venue{Name: name}, o)
}

// reply is an answer read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

// at digs a value out of a JSON answer: "balances.0.free".
func (r reply) at(t testing.TB, path string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(r.body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("answer is no JSON: %v: %s", err, r.body)
	}
	for p := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[p]
		case []any:
			i, err := strconv.Atoi(p)
			if err != nil || i >= len(x) {
				return ""
			}
			v = x[i]
		default:
			return ""
		}
	}
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case json.Number:
		return x.String()
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func send(t testing.TB, c *http.Client, req *http.Request) reply {
	t.Helper()
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(body)}
}

func request(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func ms(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

func hexSHA256(secret, msg string) string {
	h := hmac.New(sha256.New, []byte(secret))
	io.WriteString(h, msg)
	return hex.EncodeToString(h.Sum(nil))
}

// binanceClient signs for one key.
type binanceClient struct {
	t    testing.TB
	srv  *exchangetest.Server
	key  exchangetest.Key
	http *http.Client
	now  func() time.Time
	sign func(payload string) string // the signature, percent-encoded where it must be
}

func newBinance(t testing.TB, srv *exchangetest.Server, key exchangetest.Key) *binanceClient {
	return &binanceClient{t: t, srv: srv, key: key, http: srv.Client(), now: time.Now,
		sign: func(payload string) string { return hexSHA256(key.Secret, payload) }}
}

// raw signs query and body as they are and sends them.
func (c *binanceClient) raw(method, path, query, body string) reply {
	c.t.Helper()
	sig := "signature=" + c.sign(query+body)
	if query != "" {
		sig = "&" + sig
	}
	return c.unsigned(method, path, query+sig, body)
}

func (c *binanceClient) unsigned(method, path, query, body string) reply {
	c.t.Helper()
	if query != "" {
		path += "?" + query
	}
	req := request(c.t, method, c.srv.URL()+path, body)
	req.Header.Set("X-MBX-APIKEY", c.key.ID)
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return send(c.t, c.http, req)
}

// do adds the timestamp. params come in pairs.
func (c *binanceClient) do(method, path string, params ...string) reply {
	c.t.Helper()
	var b strings.Builder
	for i := 0; i < len(params); i += 2 {
		b.WriteString(params[i] + "=" + url.QueryEscape(params[i+1]) + "&")
	}
	return c.raw(method, path, b.String()+"timestamp="+strconv.FormatInt(c.now().UnixMilli(), 10), "")
}

// order is a plain limit order with changes.
func (c *binanceClient) order(changes ...string) reply {
	c.t.Helper()
	params := []string{"symbol", "BTCUSDT", "side", "BUY", "type", "LIMIT", "timeInForce", "GTC", "quantity", "0.1", "price", "50000"}
	return c.do("POST", "/api/v3/order", change(params, changes)...)
}

// change replaces, adds, or with the value "-" removes parameters.
func change(params, changes []string) []string {
	for i := 0; i < len(changes); i += 2 {
		at := -1
		for j := 0; j < len(params); j += 2 {
			if params[j] == changes[i] {
				at = j
			}
		}
		switch {
		case at < 0:
			params = append(params, changes[i], changes[i+1])
		case changes[i+1] == "-":
			params = append(params[:at:at], params[at+2:]...)
		default:
			params[at+1] = changes[i+1]
		}
	}
	return params
}
