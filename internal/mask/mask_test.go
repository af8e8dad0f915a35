package mask

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

const secret = "FAKE/se+cret=4Lc8&Ax2"

func TestText(t *testing.T) {
	hexed := hex.EncodeToString([]byte(secret))
	for _, c := range []struct{ name, text, want string }{
		{"as it is", "bad sign " + secret + "!", "bad sign [redacted]!"},
		{"hex", "<" + hexed + ">", "<[redacted]>"},
		{"upper-case hex", strings.ToUpper(hexed), "[redacted]"},
		{"base64", `"` + base64.StdEncoding.EncodeToString([]byte(secret)) + `"`, `"[redacted]"`},
		{"in a query", "s=FAKE%2Fse%2Bcret%3D4Lc8%26Ax2&x", "s=[redacted]&x"},
		{"in HTML", "FAKE/se+cret=4Lc8&amp;Ax2", "[redacted]"},
		{"in JSON of PHP", `FAKE\/se+cret=4Lc8&Ax2`, "[redacted]"},
		{"twice", secret + secret, "[redacted][redacted]"},
		{"short words stay", "symbol 1 is short", "symbol 1 is short"},
		{"a long run of somebody else's", "token " + strings.Repeat("aB3_", 10), "token [redacted]"},
		{"a run below the bound", strings.Repeat("a", 39), strings.Repeat("a", 39)},
		{"nothing", "", ""},
	} {
		if got := Text(c.text, secret, "1", "short"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestForeign(t *testing.T) {
	const path = "/var/lib/a-rather-long-directory/and-another-one/keys.json"
	for _, c := range []struct{ name, text, want string }{
		{"a path stays", "chmod 600 " + path, "chmod 600 " + path},
		{"query", `Get "https://vault.example/v1/x?token=abc#f": EOF`, `Get "https://vault.example/v1/x?[redacted]": EOF`},
		{"user", "proxy http://me:pass@10.0.0.1:3128/ refused", "proxy http://[redacted]@10.0.0.1:3128/ refused"},
		{"user and query", "<redis://u:p@h/0?a=b>", "<redis://[redacted]@h/0?[redacted]>"},
		{"an @ in the path is no user", "https://h/@me", "https://h/@me"},
		{"query of a path", "GET /v1/x?sig=1 failed", "GET /v1/x?[redacted] failed"},
		{"a question stays", "really? a=b", "really? a=b"},
		{"value", "key " + secret, "key [redacted]"},
		{"long run", "token " + strings.Repeat("aB3_", 10) + " refused", "token [redacted] refused"},
		{"JWT", strings.Repeat("eyJ0", 12) + "." + strings.Repeat("abcd", 12), "[redacted].[redacted]"},
		{"nothing", "", ""},
	} {
		if got := Foreign(c.text, secret); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
