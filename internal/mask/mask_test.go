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
		{"all that keys are written with", strings.Repeat("azAZ09+%", 6), Redacted},
		{"a value just long enough", "x abcdef y", "x " + Redacted + " y"},
	} {
		if got := Text(tc.text, "abcdef", "abcdefghijkl", "1", "", "a%20b%2Fc%20d"); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
	if long := "account-frozen-balance-insufficient-error"; Values(long, "abcdef") != long || Values(long, "balance") == long {
		t.Error("Values takes more, or less, than the values")
	}
}

// TestForeign: of other people's errors the values go, the user and the query of URLs,
// and long runs; names of files and hosts stay.
func TestForeign(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"a file", "open /var/lib/exauth/keys/main.pem: permission denied", "open /var/lib/exauth/keys/main.pem: permission denied"},
		{"a value", "key abcdefgh: bad", "key " + Redacted + ": bad"},
		{"a long run", "token " + strings.Repeat("a1", 20) + " of x", "token " + Redacted + " of x"},
		{"a long path", strings.Repeat("/abc.d", 10), strings.Repeat("/abc.d", 10)},
		{"a user", `Get "https://me:pw@host.example/x": EOF`, `Get "https://` + Redacted + `@host.example/x": EOF`},
		{"a user alone", "redis://:pw@host", "redis://" + Redacted + "@host"},
		{"an @ in the user", "x://a@b@host/", "x://" + Redacted + "@host/"},
		{"an @ in the path", "x://host/a@b", "x://host/a@b"},
		{"an @ in the query", "x://host?a@b", "x://host?a@b"},
		{"an @ in the fragment", "x://host#a@b", "x://host#a@b"},
		{"an empty user", "x://@host/", "x://" + Redacted + "@host/"},
		{"no host", "file:///a@b", "file:///a@b"},
		{"a quote before all", `"x?y=z" d`, `"x?` + Redacted + `" d`},
		{"no user", "https://host.example/x", "https://host.example/x"},
		{"a query", "Get https://host.example/x?sig=1: EOF", "Get https://host.example/x?" + Redacted + " EOF"},
		{"a query of a path", "GET /x?sig=1\n'b?c=d' end", "GET /x?" + Redacted + "\n'b?" + Redacted + "' end"},
		{"user and query", "(x://u@h/?a=b)", "(x://" + Redacted + "@h/?" + Redacted},
		{"a question", "is it? yes", "is it? yes"},
		{"a question with more", "really?yes =", "really?yes ="},
		{"an end that separates", "x?y=z ", "x?" + Redacted + " "},
	} {
		if got := Foreign(tc.text, "abcdefgh"); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestTaint: of a text that is shown in full nothing but the values goes, and of them
// nothing stays: also short ones, and inside longer base64.
func TestTaint(t *testing.T) {
	const secret = "s3cr3t/+key=="
	b64 := base64.StdEncoding.EncodeToString
	for _, tc := range []struct{ name, text, want string }{
		{"plain", "1700000000123GET/api/v5/account/balance?ccy=BTC", "1700000000123GET/api/v5/account/balance?ccy=BTC"},
		{"inside", "a=1&k=" + secret + "&b=2", "a=1&k=" + Redacted + "&b=2"},
		{"escaped", "k=" + url.QueryEscape(secret) + "&b=2", "k=" + Redacted + "&b=2"},
		{"hex", hex.EncodeToString([]byte(secret)) + "0", Redacted + "0"},
		{"a value inside another", "x=12345", "x=" + Redacted},
		{"short", "pin=1234&x=123", "pin=" + Redacted + "&x=123"},
		{"shorter, but the whole text", "ab", Redacted},
		{"shorter, and not", "cab", "cab"},
	} {
		if got := Taint(tc.text, secret, "1234", "12345", "ab", ""); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
	for before := range 4 {
		if long := b64([]byte(strings.Repeat("x", before) + "s3cr3t99" + "yz")); Taint(long, "s3cr3t99") == long {
			t.Errorf("%d before a value of eight in base64: all of %s", before, long)
		}
		long := b64([]byte(strings.Repeat("x", before) + secret + "yz"))
		if got := Taint(long, secret); !strings.Contains(got, Redacted) || strings.Contains(got, b64([]byte(secret[3:9]))) {
			t.Errorf("%d before it in base64: %s of %s", before, got, long)
		}
	}
}
