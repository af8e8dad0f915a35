package exchangetest

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

// FuzzFixture reads whatever it is given as a fixture: it never panics, and what it
// takes is written and read again as the same.
func FuzzFixture(f *testing.F) {
	f.Add([]byte("# made by hand\nvenue: binance\ntime: 2026-11-23T07:00:00Z\n\n=== 1 request\nGET /api/v3/time HTTP/1.1\nHost: api.binance.com\n\n=== 1 answer\nHTTP/1.1 200 OK\nContent-Type: application/json\n\n{\n  \"serverTime\": 1499827319559\n}\n"))
	f.Add([]byte("venue: x\r\ntime: 2026-11-23T07:00:00.123456789Z\r\n"))
	f.Add([]byte("venue: x\ntime: 2026-11-23T07:00:00+02:00\n=== 1 request\nPOST / HTTP/1.1\n\n\\=== 1 answer\n\\\\x\n\n\n=== 1 answer\nHTTP/1.1 503\n\n<html>\n \n"))
	f.Add([]byte("venue: x\ntime: 2026-11-23T07:00:00Z\n=== 1 request\nGET /a?b=c HTTP/1.1\nA:\n\n[1, 2\n,3]\n=== 1 answer\nHTTP/1.1 200 OK\n\n \n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := parseFixture(raw)
		if err != nil {
			return
		}
		text := file.format()
		again, err := parseFixture(text)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, text)
		}
		if !reflect.DeepEqual(file, again) {
			t.Fatalf("read another fixture than was written:\n%+v\n%+v\n%s", file, again, text)
		}
		if got := again.format(); string(got) != string(text) {
			t.Fatalf("written another way the second time:\n%s\n%s", text, got)
		}
		b := newBindings()
		for _, c := range file.calls {
			b.restore(c.answer.body)
			jsonParams(c.request.body)
		}
	})
}

// TestFixtureParse: what is no fixture is refused with its line.
func TestFixtureParse(t *testing.T) {
	const head = "venue: x\ntime: 2026-11-23T07:00:00Z\n"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "names no venue"},
		{"no venue", "time: 2026-11-23T07:00:00Z", "names no venue"},
		{"bad time", "venue: x\ntime: yesterday", "line 2: time"},
		{"unknown line", head + "colour: red", "line 3: want a comment"},
		{"second number", head + "=== 2 request", `line 3: want "=== 1 request"`},
		{"no answer", head + "=== 1 request\nGET / HTTP/1.1\n", `want "=== 1 answer"`},
		{"request line", head + "=== 1 request\nGET / HTTP/2\n", "line 4: want a request line"},
		{"absolute target", head + "=== 1 request\nGET https://x/ HTTP/1.1\n", "line 4: want a request line"},
		{"header", head + "=== 1 request\nGET / HTTP/1.1\nno header\n", "line 5: want a header field"},
		{"status", head + "=== 1 request\nGET / HTTP/1.1\n=== 1 answer\nHTTP/1.1 OK\n", "line 6: want a status line"},
		{"informational", head + "=== 1 request\nGET / HTTP/1.1\n=== 1 answer\nHTTP/1.1 100 Continue\n", "line 6: want a status line"},
		{"not text", head + "\xff", "not text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parseFixture([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestFixtureFormat: a hand-made fixture is read as it is meant.
func TestFixtureFormat(t *testing.T) {
	raw, err := os.ReadFile("testdata/by-hand.http")
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseFixture(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := &fixtureFile{
		comments: []string{" Made by hand, to show the format."}, venue: "binance", time: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC),
		calls: []*fixtureCall{{
			request: fixtureMessage{first: "DELETE /api/v3/order?symbol=BTCUSDT&orderId=1000000001&timestamp=SCRUBBED&signature=SCRUBBED",
				header: [][2]string{{"Host", "api.binance.com"}, {"X-Mbx-Apikey", "SCRUBBED"}}},
			answer: fixtureMessage{first: "400 Bad Request", header: [][2]string{{"Content-Type", "application/json"}},
				body: `{"code":-2011,"msg":"Unknown order sent."}`},
		}, {
			request: fixtureMessage{first: "GET /page", header: [][2]string{{"Host", "api.binance.com"}}},
			answer:  fixtureMessage{first: "502 Bad Gateway", body: "two lines,\n=== the second with a mark\n\\and a stroke"},
		}},
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("read\n%+v %+v %+v\nwant\n%+v %+v %+v", f, *f.calls[0], *f.calls[1], want, *want.calls[0], *want.calls[1])
	}
	if got := string(f.format()); got != string(raw) {
		t.Errorf("written\n%s\nwant\n%s", got, raw)
	}
}

func testScrubber() *scrubber {
	return newScrubber(&exauth.Venue{Name: "x", Reserved: []string{"timestamp", "signature"}, AuthHeaders: []string{"X-KEY"},
		Header: [][2]string{{"x-simulated-trading", "1"}}}, nil, []string{"startTime"})
}

// TestFixtureScrub: what belongs to an account is replaced, what a test is about stays.
func TestFixtureScrub(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"owner", `{"uid":354937868,"userId":"u1","email":"a@b.example","symbol":"BTCUSDT"}`,
			`{"uid":1000000001,"userId":"SCRUBBED-2","email":"SCRUBBED-3","symbol":"BTCUSDT"}`},
		{"small uid", `{"uid":1234,"account_id":77777,"accountId":"77777"}`, `{"uid":1000000001,"account_id":1000000002,"accountId":"1000000002"}`},
		{"address", `{"address":"3Fakemx1","addressTag":"99","memo":"for rent","ip":"203.0.113.7","amount":"1.5"}`,
			`{"address":"SCRUBBED-1","addressTag":"99","memo":"SCRUBBED-2","ip":"SCRUBBED-3","amount":"1.5"}`},
		{"ids alike", `{"orderId":28457,"id":"28457","clientOid":"5c52e11203aa677f33e493fb"}`,
			`{"orderId":1000000001,"id":"1000000001","clientOid":"SCRUBBED-2"}`},
		{"uuid", `{"uuid":"CDD92199-2897-4e14-9448-f923320408ad"}`, `{"uuid":"00000000-0000-4000-8000-000000000001"}`},
		{"names and labels", `{"name":"My account","label":"bot 1","remark":"x","subName":"desk","nickName":"joe","phone":"+49123"}`,
			`{"name":"SCRUBBED-1","label":"SCRUBBED-2","remark":"SCRUBBED-3","subName":"SCRUBBED-4","nickName":"SCRUBBED-5","phone":"SCRUBBED-6"}`},
		{"result is no amount", `{"result":{"uid":5551234,"user":5551235}}`, `{"result":{"uid":1000000001,"user":1000000002}}`},
		{"amounts by asset", `{"balance":{"idr":125000,"btc":"0.00300000"},"balance_hold":{"idr":0}}`,
			`{"balance":{"idr":125000,"btc":"0.00300000"},"balance_hold":{"idr":0}}`},
		{"ids as names", `{"result":{"OUF4EM-FRGI2-MQMWZD":{"status":"open"}},"123456":{"price":"1.0"}}`,
			`{"result":{"SCRUBBED-1":{"status":"open"}},"1000000002":{"price":"1.0"}}`},
		{"sentences", `{"code":-2015,"msg":"request ip: 203.0.113.7 of joe@b.example, order 12345678, key abcdef0123456789abcdef01"}`,
			`{"code":-2015,"msg":"request ip: SCRUBBED of SCRUBBED, order SCRUBBED, key SCRUBBED"}`},
		{"IPv6", `{"msg":"from 2001:db8::1 at 12:30:45"}`, `{"msg":"from SCRUBBED at 12:30:45"}`},
		{"JSON in a string", `{"data":"{\"uid\":123456,\"price\":\"1.5\"}"}`, `{"data":"{\"uid\":1000000001,\"price\":\"1.5\"}"}`},
		{"market data", `{"bids":[["64000.10","1.5"],["64000","12345"]],"serverTime":1499827319559,"ok":true,"none":null}`,
			`{"bids":[["64000.10","1.5"],["64000","12345"]],"serverTime":1499827319559,"ok":true,"none":null}`},
		{"numbers keep their digits", `{"price":0.10,"qty":1E-7,"unknown":1.50,"n":-12345678}`, `{"price":0.10,"qty":1E-7,"unknown":1.50,"n":-1000000001}`},
		{"order is kept", `{"b":1,"a":2}`, `{"b":1,"a":2}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testScrubber()
			if got := s.answerBody([]byte(c.body)); got != c.want || len(s.faults) > 0 {
				t.Errorf("%q\n got %s\nwant %s", s.faults, got, c.want)
			}
		})
	}
}

// TestFixtureScrubText: what is not JSON is kept as a title or a sentence, or refused.
func TestFixtureScrubText(t *testing.T) {
	for _, c := range []struct{ name, body, want, fault string }{
		{"page that is not UTF-8", "<p>\x85\x85\x85<title>", "<html><head><title></title></head></html>", ""},
		{"page", "\ufeff<!DOCTYPE html><html><head><title>Blocked for 203.0.113.7</title><script>id='x'</script></head>", "<html><head><title>Blocked for SCRUBBED</title></head></html>", ""},
		{"word", "Unauthorized\n", "Unauthorized", ""},
		{"nothing", " \n", "", ""},
		{"broken JSON", `{"uid":12345`, scrubbed, "broken JSON"},
		{"binary", "PK\x03\x04", scrubbed, "neither JSON"},
		{"long", strings.Repeat("word ", 100), scrubbed, "neither JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testScrubber()
			got := s.answerBody([]byte(c.body))
			if got != c.want || (c.fault == "") != (len(s.faults) == 0) || !strings.Contains(strings.Join(s.faults, ""), c.fault) {
				t.Errorf("%q %q, want %q and %q", got, s.faults, c.want, c.fault)
			}
		})
	}
}

// TestFixtureScrubRequest: query, form, JSON, path and header of a request.
func TestFixtureScrubRequest(t *testing.T) {
	for _, c := range []struct{ name, method, url, kind, body, want string }{
		{"query", "GET", "https://h.example/a?symbol=BTCUSDT&uid=5551234&startTime=1499827319559&timestamp=1499827319559&signature=abc",
			"", "", "GET /a?symbol=BTCUSDT&uid=1000000001&startTime=SCRUBBED&timestamp=SCRUBBED&signature=SCRUBBED"},
		{"array", "GET", "https://h.example/a?symbols=%5B%22A%22%5D&ids[0]=123456", "", "", "GET /a?symbols=[%22A%22]&ids[0]=1000000001"},
		{"path", "GET", "https://h.example/v1/orders/59378/place/BTC_USDT/cdd92199-2897-4e14-9448-f923320408ad", "", "",
			"GET /v1/orders/1000000001/place/BTC_USDT/00000000-0000-4000-8000-000000000002"},
		{"form", "POST", "https://h.example/a", formType, "email=a%40b.example&price=1.5", "POST /a\n\nemail=SCRUBBED-1&price=1.5"},
		{"JSON", "POST", "https://h.example/a", jsonType, `{"id":1499827319559,"nonce":1499827319559,"params":{"price":"1.5","address":"3Fake"},"sig":"abc"}`,
			"POST /a\n\n" + `{"id":"SCRUBBED","nonce":"SCRUBBED","params":{"price":"1.5","address":"SCRUBBED-1"},"sig":"SCRUBBED"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequest(c.method, c.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = http.Header{"X-Key": {"key"}, "X-Simulated-Trading": {"1"}, "User-Agent": {"me"}, "Cookie": {"session"}}
			if c.kind != "" {
				req.Header.Set("Content-Type", c.kind)
			}
			s := testScrubber()
			m := s.request(req, []byte(c.body))
			got := m.first
			if m.body != "" {
				got += "\n\n" + m.body
			}
			if got != c.want || len(s.faults) > 0 {
				t.Errorf("%q\n got %s\nwant %s", s.faults, got, c.want)
			}
			for _, h := range m.header {
				switch h[0] {
				case "Host", "Content-Type":
				case "X-Key":
					if h[1] != scrubbed {
						t.Errorf("header %v", h)
					}
				case "X-Simulated-Trading":
				default:
					t.Errorf("header %v is kept", h)
				}
			}
		})
	}
}

// TestFixtureScrubHeaders: of an answer's header only counters and types are kept.
func TestFixtureScrubHeaders(t *testing.T) {
	resp := &http.Response{StatusCode: 200, Header: http.Header{"Set-Cookie": {"a=b"}, "X-Mbx-Used-Weight-1m": {"5"}, "X-Mbx-Uuid": {"u"},
		"Content-Type": {"application/json"}, "Cf-Ray": {"r"}, "Date": {"d"}, "Retry-After": {"3"}, "Location": {"/x"}}}
	got := testScrubber().answer(resp, nil).header
	want := [][2]string{{"Content-Type", "application/json"}, {"Retry-After", "3"}, {"X-Mbx-Used-Weight-1m", "5"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestFixtureSecrets: a file that shows any part of a secret, however it is written,
// is found, and the fault shows nothing of it.
func TestFixtureSecrets(t *testing.T) {
	const secret = "Zx9+Qw7/Er5Ty3Ui1Op==Kl8Jh6"
	key := base64.StdEncoding.EncodeToString([]byte("thirty bytes that are a secret"))
	hexed := hex.EncodeToString([]byte(secret))
	everything := ""
	for _, c := range []byte(secret) {
		everything += "%" + hex.EncodeToString([]byte{c})
	}
	for _, c := range []struct {
		name, text string
		leak       bool
	}{
		{"as it is", secret, true},
		{"first twelve", secret[:12], true},
		{"last twelve", secret[len(secret)-12:], true},
		{"middle twelve", secret[7:19], true},
		{"eleven", secret[:11], false},
		{"hex", hexed, true},
		{"hex, upper case", strings.ToUpper(hexed), true},
		{"part of hex", hexed[9:21], true},
		{"base64", base64.StdEncoding.EncodeToString([]byte(secret)), true},
		{"base64 without padding", base64.RawStdEncoding.EncodeToString([]byte(secret)), true},
		{"base64 for URLs", base64.URLEncoding.EncodeToString([]byte(secret)), true},
		{"base64 for URLs without padding", base64.RawURLEncoding.EncodeToString([]byte(secret)), true},
		{"base64 behind a name", base64.StdEncoding.EncodeToString([]byte("name:" + secret)), true},
		{"base64 behind another name", base64.StdEncoding.EncodeToString([]byte("n:" + secret + "!")), true},
		{"percent-encoded", url.QueryEscape(secret), true},
		{"percent-encoded in lower case", lowerEscapes(url.QueryEscape(secret)), true},
		{"percent-encoded as a whole", everything, true},
		{"JSON with escaped strokes", strings.ReplaceAll(secret, "/", `\/`), true},
		{"a base64 secret's bytes", "thirty bytes that are", true},
		{"a base64 secret's bytes in hex", hex.EncodeToString([]byte("thirty bytes that are a secret")), true},
		{"a short passphrase", "the pass Pw1! is", true},
		{"nothing", "an innocent text of some length, 1234567890 and more", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &secrets{}
			s.add("the secret", secret)
			s.add("the key", key)
			s.add("the passphrase", "Pw1!")
			s.add("a passphrase of two letters", "an")
			got := strings.Join(s.left([]byte("first line\n{\"msg\":\""+c.text+"\"}\n")), "\n")
			if c.leak != (got != "") {
				t.Fatalf("fault %q, want one: %v", got, c.leak)
			}
			if c.leak && (!strings.Contains(got, "line 2 shows part of ") || strings.Contains(got, c.text)) {
				t.Errorf("fault %q", got)
			}
		})
	}
}

// TestFixtureIsSignature: stamps and plain words are no signatures.
func TestFixtureIsSignature(t *testing.T) {
	for text, want := range map[string]bool{
		"2026-11-23T07:00:00.000Z": false, "2026-11-23T07%3A00%3A00": false, "1499827319559000000": false, "HmacSHA256": false,
		"5000": false, "cdd92199-2897-4e14": true, "4yzuQeM3m2kxK7pD": true,
	} {
		if got := isSignature(text); got != want {
			t.Errorf("isSignature(%q) = %v", text, got)
		}
	}
}
