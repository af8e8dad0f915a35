// Package keytest holds what the tests of the stores share: fake keys, a venue that
// shows which key signed, and a search for what must not show.
package keytest

import (
	"bytes"
	"context"
	"encoding"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/exauth/exauth"
)

// What the stores keep in tests; all fake, and unlike anything else in an output.
const (
	ID         = "FAKEid0Qz7Xw3Vb9Km5Np2Rt8Ys4Uf6Gh1Jd"
	Secret     = "FAKEsecret4Lc8Ax2We6Zs0Dq5Fv9Gt3Hb7Nj1Mk"
	Phrase     = "FAKEphrase9Po4Iu7Yt2Re6Wq"
	Passphrase = "FAKE-correct-horse-battery"
)

// Need is what KeysFile has a key for.
var Need = exauth.Need{Venue: "acme", Scope: exauth.ScopeRead}

// KeysFile is a keys file of one key with a secret.
func KeysFile(secret string) string {
	return fmt.Sprintf(`{"version": 1, "keys": [{"venue": "acme", "id": %q, "secret": %q, "passphrase": %q, "scope": "read"}]}`,
		ID, secret, Phrase)
}

// Bare makes a key of a text that is its secret.
func Bare(text []byte) (*exauth.Key, error) { return exauth.NewSecretKeyBytes(ID, text), nil }

// Signed returns what the key of a source brings to a request.
func Signed(t testing.TB, src exauth.KeySource) (id, secret, passphrase string) {
	t.Helper()
	v := &exauth.Venue{
		Name: "acme", BaseURL: "https://api.acme.example", GETReads: true,
		Algorithms: []exauth.Algorithm{exauth.HMACSHA256},
		Signer:     exauth.UTF8Secret(exauth.HMACSHA256),
		Scheme: exauth.SchemeFunc(func(_ context.Context, r *exauth.Request) error {
			id, secret, passphrase = r.KeyID(), string(r.Secret()), r.Passphrase()
			return nil
		}),
	}
	c, err := exauth.New(v, src, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Sign(context.Background(), exauth.Call{Path: "/v1/me"}); err != nil {
		t.Fatal(err)
	}
	return id, secret, passphrase
}

// Holds checks that a source has KeysFile(secret)'s key.
func Holds(t testing.TB, src exauth.KeySource, secret string) {
	t.Helper()
	id, got, phrase := Signed(t, src)
	if id != ID || got != secret || phrase != Phrase {
		t.Errorf("key of %d, %d and %d characters is not the one that was stored", len(id), len(got), len(phrase))
	}
}

// Shown names which of the fakes, and of more, a text shows, in any usual spelling.
func Shown(text string, more ...string) string {
	for _, secret := range append([]string{ID, Secret, Phrase, Passphrase}, more...) {
		piece := []byte(secret[len(secret)/4:])
		piece = piece[:min(len(piece), 12)]
		forms := []string{string(piece), hex.EncodeToString(piece), strings.ToUpper(hex.EncodeToString(piece)),
			fmt.Sprintf("% x", piece), url.QueryEscape(string(piece)), strings.Trim(fmt.Sprint(piece[:6]), "[]"),
			strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", piece[:6]), "[]byte{"), "}")}
		for off := range 3 {
			forms = append(forms, base64.StdEncoding.EncodeToString(piece[off:off+9]))
		}
		for _, f := range forms {
			if strings.Contains(text, f) {
				return fmt.Sprintf("%.8s…, as %.20q", secret, f)
			}
		}
	}
	return ""
}

// Redacted puts values, held in every way a program may hold them, into everything
// that prints, and searches what comes out.
func Redacted(t *testing.T, values map[string]any, more ...string) {
	t.Helper()
	for name, v := range values {
		places := map[string]any{
			"value": v, "pointer": &v, "list": []any{v}, "map": map[string]any{"k": v},
			"exported field": struct{ K any }{v}, "unexported field": struct{ k any }{v}, "pointer to struct": &struct{ k any }{v},
		}
		for place, held := range places {
			for sink, text := range prints(held) {
				if found := Shown(text, more...); found != "" {
					t.Errorf("%s in a %s, %s: shows %s", name, place, sink, found)
				}
			}
		}
	}
}

func prints(v any) map[string]string {
	out := make(map[string]string)
	for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "X", "d", "p", "T", "c", "U", "b", "# x", ".200v"} {
		out["%"+verb] = fmt.Sprintf("%"+verb, v)
	}
	j, err := json.Marshal(v)
	out["json"] = fmt.Sprint(string(j), err)
	x, err := xml.Marshal(v)
	out["xml"] = fmt.Sprint(string(x), err)
	var b bytes.Buffer
	err = gob.NewEncoder(&b).Encode(v)
	out["gob"] = fmt.Sprint(b.String(), err)
	if m, ok := v.(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		out["text"] = fmt.Sprint(string(text), err)
	}
	for name, h := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"slog json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(h(&b)).Info("m", "k", v)
		out[name] = b.String()
	}
	return out
}
