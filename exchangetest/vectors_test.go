package exchangetest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
)

// A vectorFile is venue/testdata/<venue>.json: requests signed by an independent
// implementation with fake keys and a fixed clock.
type vectorFile struct {
	Source  string `json:"source"`
	ClockMS int64  `json:"clock_ms"`
	Keys    map[string]struct{ APIKey, Secret, Password string }
	Cases   []vectorCase
}

type vectorCase struct {
	Name, Key, Method, Quirk string
	Signing                  []json.RawMessage
	Want                     struct {
		URL    string
		Header map[string]string
		Body   *string
	}
}

func readVectors(t *testing.T, venue string) vectorFile {
	t.Helper()
	raw, err := os.ReadFile("../venue/testdata/" + venue + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var f vectorFile
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// send gives one vector, perhaps tampered with, to a fresh exchange whose clock
// stands where the vector's does.
func (f vectorFile) send(t *testing.T, venue string, c vectorCase, tamper func(*http.Request)) reply {
	t.Helper()
	set := f.Keys["default"]
	if c.Key != "" {
		set = f.Keys[c.Key]
	}
	key := exchangetest.Key{ID: set.APIKey, Secret: set.Secret}
	if strings.HasPrefix(set.Secret, "-----BEGIN") {
		key.Secret, key.PEM = "", set.Secret
	}
	if venue == "okx" {
		key.Passphrase = set.Password
	}
	played := &exauth.Venue{Name: venue}
	if c.Want.Header["x-simulated-trading"] == "1" {
		played.Environment = "demo"
	}
	srv := exchangetest.NewServer(t, played, &exchangetest.Options{
		NoSocket: true, Keys: []exchangetest.Key{key}, Now: func() time.Time { return time.UnixMilli(f.ClockMS) },
	})
	body := ""
	if c.Want.Body != nil {
		body = *c.Want.Body
	}
	req := request(t, c.Method, c.Want.URL, body)
	for name, value := range c.Want.Header {
		req.Header.Set(name, value)
	}
	if tamper != nil {
		tamper(req)
	}
	return send(t, srv.Client(), req)
}

// Every signed vector must pass verification, and must not once its signature is
// another one. What the exchange says of a request after that (most name routes
// or parameters it does not have) is not asked here.
func TestVectors(t *testing.T) {
	for _, v := range []struct {
		venue  string
		refuse []string // what answers hold that refuse a request before its route is looked at
		forged string
		forge  func(*http.Request)
	}{
		{"binance", []string{":-1021,", ":-1022,", ":-1100,", ":-1101,", ":-2014,", ":-2015,", "'signature'", "'timestamp'"}, "-1022", func(r *http.Request) {
			if strings.Contains(r.URL.RawQuery, "signature=") {
				r.URL.RawQuery = forge(r.URL.RawQuery)
				return
			}
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(forge(string(body))))
		}},
		{"kraken", []string{"EAPI:Invalid key", "EAPI:Invalid signature", "EAPI:Invalid nonce", `"EGeneral:Invalid arguments"`}, "EAPI:Invalid signature", func(r *http.Request) {
			r.Header.Set("API-Sign", flip(r.Header.Get("API-Sign"), 3))
		}},
		{"okx", []string{`"501`}, "50113", func(r *http.Request) {
			r.Header.Set("OK-ACCESS-SIGN", flip(r.Header.Get("OK-ACCESS-SIGN"), 3))
		}},
		{"coinbase", []string{"Unauthorized", "authentication_error", "invalid_token"}, "401", func(r *http.Request) {
			if token := r.Header.Get("Authorization"); token != "" {
				r.Header.Set("Authorization", flip(token, strings.LastIndex(token, ".")+3))
				return
			}
			r.Header.Set("CB-ACCESS-SIGN", flip(r.Header.Get("CB-ACCESS-SIGN"), 3))
		}},
		{"cryptocom", []string{`"code":40001,`, `"code":40003,`, `"code":40101,`, `"code":40102,`}, "40101", func(r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(flip(string(body), bytes.Index(body, []byte(`"sig":"`))+10)))
		}},
		{"gemini", []string{"MissingApikeyHeader", "MissingPayloadHeader", "MissingSignatureHeader", "MissingNonce", "InvalidApiKey", "InvalidSignature", "InvalidJson", "InvalidNonce", "EndpointMismatch"}, "InvalidSignature", func(r *http.Request) {
			r.Header.Set("X-GEMINI-SIGNATURE", flip(r.Header.Get("X-GEMINI-SIGNATURE"), 3))
		}},
	} {
		t.Run(v.venue, func(t *testing.T) {
			f := readVectors(t, v.venue)
			verified, unsigned := 0, 0
			code := func(r reply) string {
				if r.status == http.StatusNotFound {
					return "404" // an unknown route, behind the gate
				}
				if v.venue == "coinbase" {
					return strconv.Itoa(r.status) // Advanced Trade says no more
				}
				return r.at(t, map[string]string{"binance": "code", "kraken": "error.0", "okx": "code", "cryptocom": "code", "gemini": "reason"}[v.venue])
			}
			for _, c := range f.Cases {
				if len(c.Signing) == 0 {
					unsigned++
					continue
				}
				if got := f.send(t, v.venue, c, nil); slices.ContainsFunc(v.refuse, func(s string) bool { return strings.Contains(got.body, s) }) {
					t.Errorf("%s: refused: %s", c.Name, got.body)
					continue
				}
				if got := f.send(t, v.venue, c, v.forge); code(got) != v.forged {
					t.Errorf("%s: forged, but answered %q: %s", c.Name, code(got), got.body)
					continue
				}
				verified++
			}
			t.Logf("%s (%s): %d verified and refused when forged, %d unsigned", v.venue, f.Source, verified, unsigned)
			if verified == 0 {
				t.Error("no vectors")
			}
		})
	}
}

// forge changes one character of the parameter signature, early enough not to be
// in what percent-encoding or base64 leave unused.
func forge(params string) string {
	return flip(params, strings.Index(params, "signature=")+len("signature="))
}

// flip replaces the byte at i by another that is a letter or digit of hex and
// base64.
func flip(s string, i int) string {
	b := []byte(s)
	if b[i] == 'a' {
		b[i] = 'b'
	} else {
		b[i] = 'a'
	}
	return string(b)
}
