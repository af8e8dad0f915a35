package interop_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/exauth/exauth"
)

// A suite is one file of Wycheproof, as far as any of the kinds below need it.
type suite struct {
	Algorithm     string
	Schema        string
	NumberOfTests int
	TestGroups    []group
}

type group struct {
	Type            string
	SHA, MGFSHA     string
	SLen            int
	KeySize         int
	TagSize         int
	PublicKeyDer    string
	PrivateKeyPem   string
	PrivateKeyPkcs8 string
	PublicKey       struct{ Curve, PK, Uncompressed, Modulus, PublicExponent string }
	Tests           []test
}

type test struct {
	TcID           int
	Comment        string
	Flags          []string
	Key            string
	Msg, Sig, Tag  string
	Result         string
	sig, tag, msg  []byte
	valid, invalid bool
}

// tally counts what became of the cases of one algorithm.
type tally struct {
	passed int
	others map[string]int // by reason: refused or unsupported
	failed int
}

func (y *tally) other(reason string, n int) { y.others[reason] += n }

// runner walks the files and keeps count.
type runner struct {
	t       *testing.T
	file    string
	tallies map[string]*tally
}

func (r *runner) of(name string) *tally {
	if r.tallies[name] == nil {
		r.tallies[name] = &tally{others: map[string]int{}}
	}
	return r.tallies[name]
}

// fail reports one case that came out otherwise than Wycheproof says.
func (r *runner) fail(y *tally, c test, got error) {
	y.failed++
	r.t.Errorf("%s: case %d (%s, %v): %s by Wycheproof, got %v", r.file, c.TcID, c.Comment, c.Flags, c.Result, got)
}

// judge counts a case by whether it was accepted.
func (r *runner) judge(y *tally, c test, err error) {
	switch {
	case c.valid && err == nil, c.invalid && errors.Is(err, exauth.ErrSignature):
		y.passed++
	case c.Result == "acceptable" && err == nil:
		y.other("acceptable to Wycheproof, accepted", 1)
	case c.Result == "acceptable" && errors.Is(err, exauth.ErrSignature):
		y.other("acceptable to Wycheproof ("+strings.Join(c.Flags, ", ")+"), refused", 1)
	default:
		r.fail(y, c, err)
	}
}

// wantPassed is how many cases of the pinned release count as passed, so that none
// goes missing in silence.
var wantPassed = map[string]int{
	"HMAC-SHA256":           141,
	"HMAC-SHA384":           141,
	"HMAC-SHA512":           141,
	"RSA-SHA256 sign":       24,
	"RSA-SHA512 sign":       24,
	"RSA-SHA256 verify":     1027,
	"RSA-SHA512 verify":     1031,
	"RSA-PSS-SHA256 verify": 669,
	"RSA-PSS-SHA512 verify": 496,
	"Ed25519":               151,
	"ES256 verify":          262,
	"ES384 verify":          280,
	"ES256 from DER":        484,
	"ES384 from DER":        504,
}

// TestWycheproof runs every signature and HMAC file of Wycheproof. A case passes,
// fails, or is counted with the reason why it is refused or unsupported.
func TestWycheproof(t *testing.T) {
	r := &runner{t: t, tallies: map[string]*tally{}}
	files, err := fs.Glob(wycheproof.TestVectors, "*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no vectors", err)
	}
	total := 0
	for _, file := range files {
		var s suite
		text, err := fs.ReadFile(wycheproof.TestVectors, file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &s); err != nil {
			if strings.HasPrefix(file, "hmac") || strings.HasPrefix(file, "rsa") || strings.HasPrefix(file, "ec") || strings.HasPrefix(file, "ed") {
				t.Fatalf("%s: %v", file, err)
			}
			continue // a kind with other fields, such as JOSE
		}
		if run := r.kind(s); run != nil {
			r.file = file
			n := 0
			for _, g := range s.TestGroups {
				decode(t, g)
				n += len(g.Tests)
				run(g)
			}
			if n != s.NumberOfTests {
				t.Errorf("%s: read %d cases of %d", file, n, s.NumberOfTests)
			}
			total += n
		}
	}
	r.report(total)
}

// kind returns how the groups of s are run; nil for what is no signature or HMAC.
func (r *runner) kind(s suite) func(group) {
	switch {
	case strings.HasPrefix(s.Algorithm, "HMAC"):
		return func(g group) { r.hmac(s.Algorithm, g) }
	case s.Algorithm == "RSASSA-PKCS1-v1_5" && strings.Contains(s.Schema, "generate"):
		return r.rsaSign
	case s.Algorithm == "RSASSA-PKCS1-v1_5":
		return r.rsaVerify
	case s.Algorithm == "RSASSA-PSS":
		return r.pss
	case s.Algorithm == "EDDSA":
		return r.eddsa
	case s.Algorithm == "ECDSA" && strings.Contains(s.Schema, "p1363"):
		return r.ecdsaRS
	case s.Algorithm == "ECDSA":
		return r.ecdsaDER
	}
	return nil
}

func (r *runner) report(total int) {
	sum := 0
	for _, name := range slices.Sorted(maps.Keys(r.tallies)) {
		y := r.tallies[name]
		sum += y.passed + y.failed
		r.t.Logf("%-34s %5d passed, %d failed", name, y.passed, y.failed)
		for _, reason := range slices.Sorted(maps.Keys(y.others)) {
			sum += y.others[reason]
			r.t.Logf("%-34s %5d %s", "", y.others[reason], reason)
		}
		if y.passed != wantPassed[name] {
			r.t.Errorf("%s: %d passed, want %d", name, y.passed, wantPassed[name])
		}
	}
	r.t.Logf("%d cases read, %d accounted for", total, sum)
	if sum != total {
		r.t.Errorf("%d of %d cases are accounted for", sum, total)
	}
	for name := range wantPassed {
		if r.tallies[name] == nil {
			r.t.Errorf("%s was not run", name)
		}
	}
}

func decode(t *testing.T, g group) {
	t.Helper()
	for i := range g.Tests {
		c := &g.Tests[i]
		c.msg, c.sig, c.tag = unhex(t, c.Msg), unhex(t, c.Sig), unhex(t, c.Tag)
		c.valid, c.invalid = c.Result == "valid", c.Result == "invalid"
		if !c.valid && !c.invalid && c.Result != "acceptable" {
			t.Fatalf("case %d: result %q", c.TcID, c.Result)
		}
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (r *runner) hmac(name string, g group) {
	alg := map[string]exauth.Algorithm{"HMACSHA256": exauth.HMACSHA256, "HMACSHA384": exauth.HMACSHA384, "HMACSHA512": exauth.HMACSHA512}[name]
	if alg == 0 {
		r.of("HMAC").other("unsupported hash: "+strings.TrimPrefix(name, "HMAC"), len(g.Tests))
		return
	}
	y := r.of(alg.String())
	for _, c := range g.Tests {
		h, err := exauth.NewHMAC(alg, unhex(r.t, c.Key))
		if err != nil {
			if c.Key == "" && errors.Is(err, exauth.ErrKey) {
				y.other("refused: empty secret", 1)
			} else {
				r.fail(y, c, err)
			}
			continue
		}
		got, err := h.Sign(context.Background(), nil, c.msg)
		if err != nil || c.valid != bytes.Equal(got[:g.TagSize/8], c.tag) {
			r.fail(y, c, fmt.Errorf("tag %x, %v", got, err))
			continue
		}
		err = h.Verify(c.msg, c.tag)
		if c.valid && g.TagSize < 8*len(got) && errors.Is(err, exauth.ErrSignature) {
			y.other("refused: truncated tag", 1)
			continue
		}
		r.judge(y, c, err)
	}
}

// rsaKey reads the public key as numbers, since the DER of some files has the PSS OID.
func (g group) rsaKey(t *testing.T) *rsa.PublicKey {
	e := new(big.Int).SetBytes(unhex(t, g.PublicKey.PublicExponent))
	return &rsa.PublicKey{N: new(big.Int).SetBytes(unhex(t, g.PublicKey.Modulus)), E: int(e.Int64())}
}

// refusedRSA names why a key must be refused; "" when it must not.
func refusedRSA(p *rsa.PublicKey) string {
	switch bits := p.N.BitLen(); {
	case bits < 2048:
		return fmt.Sprintf("refused: RSA key of %d bits", bits)
	case p.E < 65537:
		return fmt.Sprintf("refused: public exponent %d", p.E)
	}
	return ""
}

func (r *runner) rsaVerify(g group) {
	alg := map[string]exauth.Algorithm{"SHA-256": exauth.RSASHA256, "SHA-512": exauth.RSASHA512}[g.SHA]
	if alg == 0 {
		r.of("RSA PKCS #1 v1.5 verify").other("unsupported hash: "+g.SHA, len(g.Tests))
		return
	}
	r.verifyRSA(r.of(alg.String()+" verify"), alg, g, r.judge)
}

// verifyRSA gives every case to judge, or counts the group as refused.
func (r *runner) verifyRSA(y *tally, alg exauth.Algorithm, g group, judge func(*tally, test, error)) {
	pub := g.rsaKey(r.t)
	v, err := exauth.NewVerifier(alg, pub)
	if reason := refusedRSA(pub); reason != "" {
		if !errors.Is(err, exauth.ErrKey) {
			r.t.Errorf("%s: %s: got %v, want ErrKey", r.file, reason, err)
		}
		y.other(reason, len(g.Tests))
		return
	}
	if err != nil {
		r.t.Errorf("%s: %v", r.file, err)
		y.failed += len(g.Tests)
		return
	}
	for _, c := range g.Tests {
		judge(y, c, v.Verify(c.msg, c.sig))
	}
}

// rsaSign makes each signature anew and compares bytes.
func (r *runner) rsaSign(g group) {
	alg := map[string]exauth.Algorithm{"SHA-256": exauth.RSASHA256, "SHA-512": exauth.RSASHA512}[g.SHA]
	if alg == 0 {
		r.of("RSA PKCS #1 v1.5 sign").other("unsupported hash: "+g.SHA, len(g.Tests))
		return
	}
	y := r.of(alg.String() + " sign")
	private, err := x509.ParsePKCS8PrivateKey(unhex(r.t, g.PrivateKeyPkcs8))
	if err != nil {
		r.t.Fatalf("%s: %v", r.file, err)
	}
	key := private.(*rsa.PrivateKey)
	s, err := exauth.NewSigner(alg, key)
	loaded, errPEM := exauth.ParsePEM("wycheproof", []byte(g.PrivateKeyPem), nil)
	if reason := refusedRSA(&key.PublicKey); reason != "" {
		if !errors.Is(err, exauth.ErrKey) || !errors.Is(errPEM, exauth.ErrKey) {
			r.t.Errorf("%s: %s: got %v and %v, want ErrKey", r.file, reason, err, errPEM)
		}
		y.other(reason, len(g.Tests))
		return
	}
	if err != nil || errPEM != nil {
		r.t.Errorf("%s: %v, %v", r.file, err, errPEM)
		y.failed += len(g.Tests)
		return
	}
	if pub, err := loaded.Public(); err != nil || !key.PublicKey.Equal(pub) {
		r.t.Errorf("%s: ParsePEM read another key: %v", r.file, err)
	}
	for _, c := range g.Tests {
		got, err := s.Sign(context.Background(), nil, c.msg)
		if err != nil || !bytes.Equal(got, c.sig) {
			r.fail(y, c, fmt.Errorf("signature %x, %v", got, err))
			continue
		}
		y.passed++
	}
}

// pss: RSAPSS has the hash in MGF1 too and a salt as long as the hash. What differs
// only in these must not verify, though Wycheproof calls it valid.
func (r *runner) pss(g group) {
	alg := map[string]exauth.Algorithm{"SHA-256": exauth.RSAPSSSHA256, "SHA-512": exauth.RSAPSSSHA512}[g.SHA]
	if alg == 0 {
		r.of("RSA-PSS verify").other("unsupported hash: "+g.SHA, len(g.Tests))
		return
	}
	size, reason := map[string]int{"SHA-256": 32, "SHA-512": 64}[g.SHA], ""
	switch {
	case g.MGFSHA != g.SHA:
		reason = "refused: MGF1 with another hash"
	case g.SLen != size:
		reason = "refused: salt not as long as the hash"
	}
	r.verifyRSA(r.of(alg.String()+" verify"), alg, g, func(y *tally, c test, err error) {
		switch {
		case reason == "":
			r.judge(y, c, err)
		case c.invalid && err == nil && g.MGFSHA == g.SHA && c.Comment == fmt.Sprintf("s_len changed to %d", size):
			y.other("invalid for the file's salt length, right for ours: accepted", 1)
		case c.valid && errors.Is(err, exauth.ErrSignature):
			y.other(reason, 1)
		case c.valid:
			r.fail(y, c, fmt.Errorf("%v in spite of other PSS parameters", err))
		default:
			r.judge(y, c, err)
		}
	})
}

func (r *runner) eddsa(g group) {
	if g.PublicKey.Curve != "edwards25519" {
		r.of("EdDSA").other("unsupported curve: "+g.PublicKey.Curve, len(g.Tests))
		return
	}
	y := r.of(exauth.Ed25519.String())
	v, err := exauth.NewVerifier(exauth.Ed25519, ed25519.PublicKey(unhex(r.t, g.PublicKey.PK)))
	if err != nil {
		r.t.Fatalf("%s: %v", r.file, err)
	}
	for _, c := range g.Tests {
		r.judge(y, c, v.Verify(c.msg, c.sig))
	}
}

// ecdsaKey returns the key and algorithm of g, or why there is none.
func (r *runner) ecdsaKey(g group) (*ecdsa.PublicKey, exauth.Algorithm, string) {
	var curve elliptic.Curve
	var alg exauth.Algorithm
	switch g.PublicKey.Curve + " " + g.SHA {
	case "secp256r1 SHA-256":
		curve, alg = elliptic.P256(), exauth.ES256
	case "secp384r1 SHA-384":
		curve, alg = elliptic.P384(), exauth.ES384
	default:
		if c := g.PublicKey.Curve; c != "secp256r1" && c != "secp384r1" {
			return nil, 0, "unsupported curve: " + c
		}
		return nil, 0, "unsupported hash for its curve: " + g.PublicKey.Curve + " with " + g.SHA
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, unhex(r.t, g.PublicKey.Uncompressed))
	if err != nil {
		r.t.Fatalf("%s: %v", r.file, err)
	}
	return pub, alg, ""
}

func (r *runner) ecdsaRS(g group) {
	pub, alg, reason := r.ecdsaKey(g)
	if reason != "" {
		r.of("ECDSA r‖s").other(reason, len(g.Tests))
		return
	}
	v, err := exauth.NewVerifier(alg, pub)
	if err != nil {
		r.t.Fatalf("%s: %v", r.file, err)
	}
	for _, c := range g.Tests {
		r.judge(r.of(alg.String()+" verify"), c, v.Verify(c.msg, c.sig))
	}
}

// ecdsaDER gives each DER signature twice: to the Verifier, which must refuse it
// whatever it is, and as the answer of a key held elsewhere, from which the Signer
// must make r‖s if and only if it is valid.
func (r *runner) ecdsaDER(g group) {
	pub, alg, reason := r.ecdsaKey(g)
	if reason != "" {
		r.of("ECDSA DER").other(reason, len(g.Tests))
		return
	}
	v, err := exauth.NewVerifier(alg, pub)
	if err != nil {
		r.t.Fatalf("%s: %v", r.file, err)
	}
	y := r.of(alg.String() + " from DER")
	for _, c := range g.Tests {
		if err := v.Verify(c.msg, c.sig); !errors.Is(err, exauth.ErrSignature) {
			r.fail(y, c, fmt.Errorf("DER taken for r‖s: %v", err))
			continue
		}
		s, err := exauth.NewSigner(alg, replay{pub, c.sig})
		if err != nil {
			r.t.Fatalf("%s: %v", r.file, err)
		}
		rs, err := s.Sign(context.Background(), nil, c.msg)
		if err == nil {
			err = v.Verify(c.msg, rs)
		}
		r.judge(y, c, err)
	}
}

// replay is a key held elsewhere that answers with a fixed signature.
type replay struct {
	pub crypto.PublicKey
	sig []byte
}

func (p replay) Public() crypto.PublicKey { return p.pub }

func (p replay) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return p.sig, nil }
