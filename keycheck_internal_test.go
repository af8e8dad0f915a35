package exauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestAlgorithmFor(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		key     crypto.Signer
		allowed []Algorithm
		want    Algorithm
		err     string
	}{
		{"RSA, first that fits", rsaKey, []Algorithm{HMACSHA256, RSAPSSSHA256, RSASHA256}, RSAPSSSHA256, ""},
		{"Ed25519", ed, []Algorithm{HMACSHA256, RSASHA256, Ed25519}, Ed25519, ""},
		{"Ed25519 pointer", &ed, []Algorithm{Ed25519}, Ed25519, ""},
		{"curve", ec, []Algorithm{ES256, ES384}, ES384, ""},
		{"wrong curve", ec, []Algorithm{ES256, Ed25519}, 0, "venue takes no ECDSA P-384 keys; it takes ES256, Ed25519"},
		{"HMAC only", rsaKey, []Algorithm{HMACSHA256}, 0, "venue takes no RSA keys; it takes HMAC-SHA256"},
		{"key header", ed, nil, 0, "venue takes no Ed25519 keys; nothing is signed there"},
		{"nil", nil, []Algorithm{Ed25519}, 0, "private key is nil"},
	} {
		got, err := algorithmFor(c.key, c.allowed)
		if got != c.want || (err == nil) != (c.err == "") {
			t.Errorf("%s: got %v, %v; want %v", c.name, got, err, c.want)
		}
		if err != nil && (!errors.Is(err, ErrKey) || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: got %v, want ErrKey with %q", c.name, err, c.err)
		}
	}
}

// TestAppendRS: one DER form is right, all others are refused.
func TestAppendRS(t *testing.T) {
	for _, c := range []struct{ name, der, want string }{
		{"short numbers are padded", "3006020101020102", "0000000100000002"},
		{"full width", "300c02047fffffff020401020304", "7fffffff01020304"},
		{"sign byte", "300d020500ffffffff020401020304", "ffffffff01020304"},
		{"the least that needs a sign byte", "30080202008002020080", "0000008000000080"},
		{"the most that needs none", "300602017f02017f", "0000007f0000007f"},
		{"the least negative", "3006020180020102", ""},
		{"empty", "", ""},
		{"empty sequence", "3000", ""},
		{"no sequence", "020101", ""},
		{"set", "3106020101020102", ""},
		{"length too small", "3005020101020102", ""},
		{"length too big", "3007020101020102", ""},
		{"long length form", "308106020101020102", ""},
		{"indefinite length", "30800201010201020000", ""},
		{"trailing byte", "300602010102010200", ""},
		{"trailing byte inside", "300702010102010200", ""},
		{"one number", "3003020101", ""},
		{"three numbers", "3009020101020102020103", ""},
		{"zero r", "3006020100020102", ""},
		{"zero s", "3006020101020100", ""},
		{"negative", "3006020181020102", ""},
		{"needless zero", "300702020001020102", ""},
		{"empty number", "30050200020102", ""},
		{"number beyond end", "3006020101020202", ""},
		{"too wide", "300a02050101010101020102", ""},
		{"no integer", "3006030101020102", ""},
		{"long number length", "300702810101020102", ""},
	} {
		der, err := hex.DecodeString(c.der)
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendRS([]byte{}, der, 4)
		if hex.EncodeToString(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: got %x, %v; want %q", c.name, got, err, c.want)
		}
		if err != nil && !errors.Is(err, ErrSignature) {
			t.Errorf("%s: got %v, want ErrSignature", c.name, err)
		}
		if c.want != "" {
			if back := derOfRS(got); hex.EncodeToString(back) != c.der {
				t.Errorf("%s: back to DER: %x", c.name, back)
			}
		}
	}
	long := "3080" + strings.Repeat("023e"+strings.Repeat("11", 62), 2) // 128 bytes, which have no short length
	if der, err := hex.DecodeString(long); err != nil || len(der) != 130 {
		t.Fatal(err)
	} else if got, err := appendRS(nil, der, 66); !errors.Is(err, ErrSignature) {
		t.Errorf("a length of 128 in one byte: got %x, %v", got, err)
	}
}
