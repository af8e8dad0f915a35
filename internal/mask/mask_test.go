package mask

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
)

// TestText: a secret goes in every spelling it may be echoed in, and what is not one
// stays readable.
func TestText(t *testing.T) {
	const secret = "s3cr3t/+key=="
	spellings := []string{
		secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret), url.PathEscape(secret),
	}
	for _, s := range spellings {
		got := Text("before <"+s+"> after", secret)
		if strings.Contains(got, s) || !strings.HasPrefix(got, "before <") || !strings.HasSuffix(got, "> after") || !strings.Contains(got, Redacted) {
			t.Errorf("%s: %s", s, got)
		}
	}
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"plain", "insufficient balance: 12.50 USDT", "insufficient balance: 12.50 USDT"},
		{"a value inside another", "abcdefghijkl", Redacted},
		{"a short value", "1 of 11", "1 of 11"},
		{"an encoded value given", "q: a b/c d", "q: " + Redacted},
		{"a long run", "sig " + strings.Repeat("a1", 20) + "!", "sig " + Redacted + "!"},
		{"nearly as long", strings.Repeat("a", 39), strings.Repeat("a", 39)},
	} {
		if got := Text(tc.text, "abcdefghijkl", "abcdef", "1", "", "a%20b%2Fc%20d"); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
	if long := "account-frozen-balance-insufficient-error"; Values(long, "abcdef") != long || Values(long, "balance") == long {
		t.Error("Values takes more, or less, than the values")
	}
}
