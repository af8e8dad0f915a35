package venue_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func signLBank(t *testing.T, keySet string, call exauth.Call) (*http.Request, string) {
	t.Helper()
	key, err := vectorKey(loadVectors(t, "testdata/lbank.json").Keys, keySet)
	if err != nil {
		t.Fatal(err)
	}
	c, err := exauth.New(venue.LBank(), key, &exauth.Options{Scope: allScopes, Rand: strings.NewReader(strings.Repeat("\x5a", 64)),
		Now: func() time.Time { return time.UnixMilli(1768480496789) }})
	if err != nil {
		t.Fatal(err)
	}
	req, err := c.Sign(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	return req, string(body)
}

func upperMD5(s string) string { return fmt.Sprintf("%X", md5.Sum([]byte(s))) }

// Contracts take JSON, and calls by GET a query; both sign the same string
// (contract.html, "Signature authentication"). Recomputed with the standard library.
func TestLBankContracts(t *testing.T) {
	set := loadVectors(t, "testdata/lbank.json").Keys["default"]
	key, secret := set["apiKey"], set["secret"]
	echo := strings.Repeat("5a", 19)
	order := exauth.Params{{Name: "symbol", Value: "BTCUSDT"}, {Name: "volume", Value: json.Number("0.01")}, {Name: "offsetFlag", Value: 0}, {Name: "a", Value: "é b"}}
	want := "a=é b&api_key=" + key + "&echostr=" + echo + "&offsetFlag=0&signature_method=HmacSHA256&symbol=BTCUSDT&timestamp=1768480496789&volume=0.01"
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(upperMD5(want)))
	sig := hex.EncodeToString(mac.Sum(nil))

	req, body := signLBank(t, "", exauth.Call{Method: "POST", Path: "/cfd/openApi/v1/prv/placeOrder", Params: order})
	if got := req.URL.String(); got != "https://lbkperp.lbank.com/cfd/openApi/v1/prv/placeOrder" {
		t.Errorf("url %s", got)
	}
	if want := `{"a":"é b","api_key":"` + key + `","offsetFlag":0,"sign":"` + sig + `","symbol":"BTCUSDT","volume":0.01}`; body != want {
		t.Errorf("body\n got %s\nwant %s", body, want)
	}
	for name, want := range map[string]string{"echostr": echo, "timestamp": "1768480496789", "signature_method": "HmacSHA256", "Content-Type": "application/json"} {
		if got := req.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}

	req, body = signLBank(t, "", exauth.Call{Path: "https://lbkperp.lbank.com/cfd/openApi/v1/prv/position", Params: order})
	if want := "a=%C3%A9%20b&api_key=" + key + "&offsetFlag=0&sign=" + sig + "&symbol=BTCUSDT&volume=0.01"; req.URL.RawQuery != want || body != "" {
		t.Errorf("query\n got %s (body %q)\nwant %s", req.URL.RawQuery, body, want)
	}
}

// The signature of an RSA key verifies, and its base64 goes percent-encoded (S9).
func TestLBankRSA(t *testing.T) {
	set := loadVectors(t, "testdata/lbank.json").Keys["rsa"]
	_, body := signLBank(t, "rsa", exauth.Call{Method: "POST", Path: "/v2/supplement/user_info.do"})
	_, sign, _ := strings.Cut(body, "sign=")
	if strings.ContainsAny(sign, "+/=&") {
		t.Errorf("signature is not percent-encoded: %s", sign)
	}
	sig, err := base64.StdEncoding.DecodeString(strings.NewReplacer("%2B", "+", "%2F", "/", "%3D", "=").Replace(sign))
	if err != nil {
		t.Fatal(err)
	}
	der, _ := base64.StdEncoding.DecodeString(set["secret"])
	key, _ := x509.ParsePKCS8PrivateKey(der)
	sum := sha256.Sum256([]byte(upperMD5("api_key=" + set["apiKey"] + "&echostr=" + strings.Repeat("5a", 19) + "&signature_method=RSA&timestamp=1768480496789")))
	if err := rsa.VerifyPKCS1v15(&key.(*rsa.PrivateKey).PublicKey, crypto.SHA256, sum[:], sig); err != nil {
		t.Error(err)
	}
}

// What a secret is, and what it is not, is found by New.
func TestLBankSecrets(t *testing.T) {
	set := loadVectors(t, "testdata/lbank.json").Keys
	rsaText := set["rsa"]["secret"]
	der, _ := base64.StdEncoding.DecodeString(rsaText)
	key, _ := x509.ParsePKCS8PrivateKey(der)
	pkcs1 := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key.(*rsa.PrivateKey)))
	for _, c := range []struct {
		name, secret string
		want         exauth.Algorithm // 0: ErrKey
	}{
		{"HMAC", set["default"]["secret"], exauth.HMACSHA256},
		{"short HMAC", "fakeSecret0123456789", exauth.HMACSHA256},
		{"long text that is no base64", strings.Repeat("fake-secret.", 4), exauth.HMACSHA256},
		{"RSA", rsaText, exauth.RSASHA256},
		{"RSA, cut off", rsaText[:len(rsaText)-5], 0},
		{"RSA, PKCS #1", pkcs1, 0},
		{"Ed25519, PKCS #8", "MC4CAQAwBQYDK2VwBCIEIGFha2VmYWtlZmFrZWZha2VmYWtlZmFrZWZha2VmYWtl", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			signer, err := venue.LBank().Signer([]byte(c.secret))
			_, newErr := exauth.New(venue.LBank(), exauth.NewSecretKey("id-0123456789", c.secret), nil)
			if c.want == 0 {
				if !errors.Is(err, exauth.ErrKey) || !errors.Is(newErr, exauth.ErrKey) {
					t.Fatalf("got %v and %v, want ErrKey", err, newErr)
				}
				if strings.Contains(err.Error(), c.secret[8:24]) {
					t.Errorf("the error shows the secret: %v", err)
				}
				return
			}
			if err != nil || newErr != nil || signer.Algorithm() != c.want {
				t.Errorf("got %v, %v, %v; want %v", signer, err, newErr, c.want)
			}
		})
	}
}

func TestLBankAnswers(t *testing.T) {
	info := exauth.Call{Method: "POST", Path: "/v2/supplement/user_info.do"}
	order := exauth.Call{Method: "POST", Path: "/v2/supplement/create_order.do", Params: exauth.Params{{Name: "custom_id", Value: "bot-42"}}}
	batch := exauth.Call{Method: "POST", Path: "/v2/batch_create_order.do"}
	cancel := exauth.Call{Method: "POST", Path: "/v2/cancel_order.do"}
	fails := func(code string) string { return `{"result":"false","error_code":` + code + `,"ts":1,"msg":"no"}` }
	runAnswers(t, venue.LBank(), []answerCase{
		{name: "data", call: info, body: `{"result":"true","data":[{"coin":"usdt"}],"error_code":0,"ts":1}`, payload: `[{"coin":"usdt"}]`},
		{name: "result as a boolean, no data", call: order, body: `{"result":true,"order_id":"1"}`, payload: `{"result":true,"order_id":"1"}`},
		{name: "contracts", call: exauth.Call{Path: "/cfd/openApi/v1/pub/getTime"}, body: `{"data":1691789627950,"error_code":0,"msg":"Success","result":"true","success":true}`, payload: `1691789627950`},
		{name: "signature", call: order, body: fails("10007"), want: exauth.ErrSignature, outcome: exauth.OutcomeRejected, code: "10007"},
		{name: "key", call: order, body: fails("10005"), want: exauth.ErrKey, outcome: exauth.OutcomeRejected, code: "10005"},
		{name: "clock", call: order, body: fails("10600"), want: exauth.ErrClock, outcome: exauth.OutcomeRejected, code: "10600"},
		{name: "limit", call: order, body: fails("10004"), want: exauth.ErrRateLimited, outcome: exauth.OutcomeRejected, code: "10004"},
		{name: "funds", call: order, body: fails("10016"), want: exauth.ErrInsufficientFunds, outcome: exauth.OutcomeRejected, code: "10016"},
		{name: "duplicate", call: order, body: fails("10036"), want: exauth.ErrDuplicateOrder, outcome: exauth.OutcomeRejected, code: "10036"},
		{name: "filled meanwhile", call: cancel, body: fails("10025"), want: exauth.ErrUnknownOrder, outcome: exauth.OutcomeRejected, code: "10025"},
		{name: "permission", call: order, body: fails("10100"), want: exauth.ErrPermission, outcome: exauth.OutcomeRejected, code: "10100"},
		{name: "internal error", call: order, body: fails("10000"), want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown, code: "10000"},
		{name: "a code nobody listed", call: order, body: fails("10013"), want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "10013"},
		{name: "contracts fail by success", call: exauth.Call{Method: "POST", Path: "/cfd/openApi/v1/prv/placeOrder"}, body: `{"success":false,"error_code":176,"msg":"no"}`,
			want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "176"},
		{name: "cancelled in part", call: cancel, body: `{"result":"true","data":{"success":"a,b","error":"c"}}`, want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "error"},
		{name: "cancelled none", call: cancel, body: `{"result":"true","data":{"success":"","error":"c"}}`, want: exauth.ErrRejected, outcome: exauth.OutcomeRejected, code: "error"},
		{name: "batch in part", call: batch, body: `{"result":"true","data":[{"result":"true","order_id":"1"},{"result":"false","error_code":10016}]}`,
			want: exauth.ErrPartial, outcome: exauth.OutcomePartial, code: "10016"},
		{name: "batch refused", call: batch, body: `{"result":"true","data":[{"result":"false","error_code":"10016"}]}`,
			want: exauth.ErrInsufficientFunds, outcome: exauth.OutcomeRejected, code: "10016"},
		{name: "HTML", call: order, status: 403, body: `<html></html>`, want: exauth.ErrRejected, outcome: exauth.OutcomeRejected},
		{name: "other JSON", call: order, body: `{}`, want: exauth.ErrOutcomeUnknown, outcome: exauth.OutcomeUnknown},
	})
}

func TestLBankTime(t *testing.T) {
	if got := parseTime(t, venue.LBank(), `{"result":"true","data":1691789627950,"error_code":0,"ts":1691789627950}`); got.UnixMilli() != 1691789627950 {
		t.Errorf("got %v", got)
	}
}

func TestLBankScopes(t *testing.T) {
	runScopes(t, "lbank", []scopeCase{
		{"GET", "/v2/timestamp.do", nil, exauth.ScopeRead},
		{"POST", "/v2/supplement/user_info.do", nil, exauth.ScopeRead},
		{"POST", "/v2/supplement/withdraws.do", nil, exauth.ScopeRead},
		{"POST", "/v2/withdraws.do", nil, exauth.ScopeRead},
		{"POST", "/v2/withdraw.do", nil, exauth.ScopeWithdraw},
		{"POST", "/v2/supplement/withdraw.do", nil, exauth.ScopeWithdraw},
		{"POST", "/v2/supplement/create_order.do", nil, exauth.ScopeTradeSpot},
		{"POST", "/v2/supplement/create_order_test.do", nil, exauth.ScopeRead},
		{"POST", "/cfd/openApi/v1/prv/account", nil, exauth.ScopeRead},
		{"POST", "/cfd/openApi/v1/prv/placeOrder", nil, exauth.ScopeTradeDerivatives},
		{"GET", "/cfd/openApi/v1/prv/placeOrder", nil, exauth.ScopeTrade},
	})
}

// Raw JSON cannot bring the fields that the scheme writes.
func TestLBankReservedInRawJSON(t *testing.T) {
	c := fakeClient(t, venue.LBank(), allScopes, &canned{status: 200, body: "{}"})
	for _, name := range []string{"api_key", "sign", "echostr", "timestamp", "signature_method"} {
		_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/cfd/openApi/v1/prv/placeOrder", Params: json.RawMessage(`{"` + name + `":"x"}`)})
		if !errors.Is(err, exauth.ErrParam) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
