package exauth_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/exauth/exauth"
)

// TestSecretDecoders: each spelling of one key signs as the key itself does.
func TestSecretDecoders(t *testing.T) {
	raw := []byte{0xfb, 0xff, 0xbf, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13} // its base64 has + and /
	const hexText = "fbffbf0102030405060708090a0b0c0d"
	msg := []byte("message")
	want := must(must(exauth.NewHMAC(exauth.HMACSHA512, raw))(t).Sign(bg, nil, msg))(t)
	for _, c := range []struct {
		name, text string
		decode     func([]byte) (exauth.Signer, error)
	}{
		{"text", string(raw), exauth.UTF8Secret(exauth.HMACSHA512)},
		{"base64", base64.StdEncoding.EncodeToString(raw), exauth.Base64Secret(exauth.HMACSHA512)},
		{"base64 without padding", base64.RawStdEncoding.EncodeToString(raw), exauth.Base64Secret(exauth.HMACSHA512)},
		{"base64url", base64.URLEncoding.EncodeToString(raw), exauth.Base64Secret(exauth.HMACSHA512)},
		{"base64url without padding", base64.RawURLEncoding.EncodeToString(raw), exauth.Base64Secret(exauth.HMACSHA512)},
		{"hex", hexText, exauth.HexSecret(exauth.HMACSHA512)},
		{"upper-case hex", strings.ToUpper(hexText), exauth.HexSecret(exauth.HMACSHA512)},
	} {
		secret := []byte(c.text)
		s := must(c.decode(secret))(t)
		if got := must(s.Sign(bg, nil, msg))(t); !bytes.Equal(got, want) {
			t.Errorf("%s: got %x, want %x", c.name, got, want)
		}
		if string(secret) != c.text {
			t.Errorf("%s: the caller's secret was changed", c.name)
		}
		if s.Algorithm() != exauth.HMACSHA512 {
			t.Errorf("%s: algorithm %s", c.name, s.Algorithm())
		}
	}
}

func TestEd25519Seed(t *testing.T) {
	key := readKey(t, "fake-ed25519.pem").(ed25519.PrivateKey)
	want := must(must(exauth.NewSigner(exauth.Ed25519, key))(t).Sign(bg, nil, []byte("m")))(t)
	for name, text := range map[string]string{
		"seed":            base64.StdEncoding.EncodeToString(key.Seed()),
		"seed and public": base64.StdEncoding.EncodeToString(key),
		"url alphabet":    base64.RawURLEncoding.EncodeToString(key),
	} {
		s := must(exauth.Ed25519Seed()([]byte(text)))(t)
		if got := must(s.Sign(bg, nil, []byte("m")))(t); !bytes.Equal(got, want) {
			t.Errorf("%s: got %x, want %x", name, got, want)
		}
	}
}

func TestSecretDecodersRefuse(t *testing.T) {
	seed := readKey(t, "fake-ed25519.pem").(ed25519.PrivateKey)
	mixed := append(bytes.Clone(seed[:32]), seed[:32]...)
	b64 := base64.StdEncoding.EncodeToString
	for _, c := range []struct {
		name, secret, want string
		decode             func([]byte) (exauth.Signer, error)
	}{
		{"text: empty", "", "secret is empty", exauth.UTF8Secret(exauth.HMACSHA256)},
		{"text: no HMAC", "secret", "ES256 is no HMAC algorithm", exauth.UTF8Secret(exauth.ES256)},
		{"base64: empty", "", "secret is empty", exauth.Base64Secret(exauth.HMACSHA256)},
		{"base64: only padding", "====", "not base64", exauth.Base64Secret(exauth.HMACSHA256)},
		{"base64: other characters", "not*base64!!", "not base64", exauth.Base64Secret(exauth.HMACSHA256)},
		{"base64: mixed alphabets", "-_+/", "not base64", exauth.Base64Secret(exauth.HMACSHA256)},
		{"base64: cut off", "QUJDREVGR0hJS0x", "not base64, or was cut off", exauth.Base64Secret(exauth.HMACSHA256)},
		{"base64: one padding too few", "QUJDRA=", "not base64", exauth.Base64Secret(exauth.HMACSHA256)},
		{"base64: line break inside", "QUJD\nREVG", "not base64", exauth.Base64Secret(exauth.HMACSHA256)},
		{"base64: trailing newline", "QUJDREVG\n", "not base64", exauth.Base64Secret(exauth.HMACSHA256)},
		{"hex: empty", "", "secret is empty", exauth.HexSecret(exauth.HMACSHA256)},
		{"hex: odd", "abc", "not hex", exauth.HexSecret(exauth.HMACSHA256)},
		{"hex: other characters", "zzzz", "not hex", exauth.HexSecret(exauth.HMACSHA256)},
		{"seed: empty", "", "secret is empty", exauth.Ed25519Seed()},
		{"seed: hex", strings.Repeat("ab", 32), "Ed25519 secret is 48 bytes, want a seed of 32", exauth.Ed25519Seed()},
		{"seed: short", b64(seed[:31]), "31 bytes", exauth.Ed25519Seed()},
		{"seed: another's public key", b64(mixed), "do not belong together", exauth.Ed25519Seed()},
	} {
		s, err := c.decode([]byte(c.secret))
		if s != nil || !errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v; want ErrKey with %q", c.name, s, err, c.want)
		}
		if err != nil && len(c.secret) > 3 && strings.Contains(err.Error(), c.secret) {
			t.Errorf("%s: the error shows the secret", c.name)
		}
	}
}
