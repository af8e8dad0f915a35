//go:build cgo && softhsm

package interop_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ThalesGroup/crypto11"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// Keys in a hardware security module, here SoftHSM2 through PKCS#11: what signs is a
// crypto.Signer whose private half this process never holds. It needs cgo and the
// packages softhsm2 and gcc:
//
//	go test -tags softhsm -run SoftHSM .

// token makes a fresh SoftHSM2 token and opens it.
func token(t *testing.T) *crypto11.Context {
	t.Helper()
	util, err := exec.LookPath("softhsm2-util")
	if err != nil {
		t.Skip("no softhsm2-util: apt-get install softhsm2")
	}
	var module string
	for _, glob := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so", "/usr/lib*/pkcs11/libsofthsm2.so"} {
		if found, _ := filepath.Glob(glob); len(found) > 0 {
			module = found[0]
			break
		}
	}
	if module == "" {
		t.Skip("no libsofthsm2.so: apt-get install softhsm2")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", dir), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	const pin = "FAKE1234"
	out, err := exec.Command(util, "--init-token", "--free", "--label", "exauth", "--so-pin", pin, "--pin", pin).CombinedOutput()
	if err != nil {
		t.Fatalf("softhsm2-util: %v: %s", err, out)
	}
	ctx, err := crypto11.Configure(&crypto11.Config{Path: module, TokenLabel: "exauth", Pin: pin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ctx.Close(); err != nil {
			t.Error(err)
		}
	})
	return ctx
}

func TestSoftHSM(t *testing.T) {
	// One token for all: SoftHSM2 reads its configuration once in a process.
	hsm := token(t)
	rsaKey, err := hsm.GenerateRSAKeyPair([]byte("rsa"), 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := hsm.GenerateECDSAKeyPair([]byte("ec"), elliptic.P256())
	if err != nil {
		t.Fatal(err)
	}
	weak, err := hsm.GenerateRSAKeyPair([]byte("weak"), 1024)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("Binance, RSA", func(t *testing.T) {
		trades(t, venue.Binance(), strings.Repeat("FAKE", 16), rsaKey, exauth.Call{Method: "POST", Path: "/api/v3/order", Params: exauth.Params{
			{Name: "symbol", Value: "BTCUSDT"}, {Name: "side", Value: "BUY"}, {Name: "type", Value: "MARKET"}, {Name: "quantity", Value: "0.001"},
		}})
	})
	t.Run("Coinbase, ES256 in a JWT", func(t *testing.T) {
		trades(t, venue.Coinbase(), "organizations/fake/apiKeys/hsm-ec", ecKey, exauth.Call{Method: "GET", Path: "/api/v3/brokerage/accounts"})
	})
	t.Run("RSA verifies", func(t *testing.T) { verifies(t, exauth.RSASHA256, rsaKey) })
	t.Run("RSA-PSS verifies", func(t *testing.T) { verifies(t, exauth.RSAPSSSHA256, rsaKey) })
	t.Run("ES256 is r and s", func(t *testing.T) {
		sig := verifies(t, exauth.ES256, ecKey)
		// By the standard library, not by our Verifier: 32 bytes each, RFC 7518 section 3.4.
		sum := sha256.Sum256([]byte(message))
		if len(sig) != 64 || !ecdsa.Verify(ecKey.Public().(*ecdsa.PublicKey), sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
			t.Errorf("%d bytes that are no r and s", len(sig))
		}
	})
	t.Run("short key", func(t *testing.T) {
		if _, err := exauth.NewSigner(exauth.RSASHA256, weak); !errors.Is(err, exauth.ErrKey) {
			t.Errorf("RSA of 1024 bits in an HSM: %v, want ErrKey", err)
		}
	})
	t.Run("wrong kind", func(t *testing.T) {
		if _, err := exauth.New(venue.Binance(), exauth.NewPrivateKey("id", ecKey), nil); !errors.Is(err, exauth.ErrKey) {
			t.Errorf("an ECDSA key for Binance: %v, want ErrKey", err)
		}
	})
}

const message = "symbol=BTCUSDT&timestamp=1732320000000"

// trades calls a test exchange that knows the public half, from several goroutines.
func trades(t *testing.T, v *exauth.Venue, id string, priv crypto.Signer, call exauth.Call) {
	t.Helper()
	srv := exchangetest.NewServer(t, v, &exchangetest.Options{Keys: []exchangetest.Key{
		{ID: id, Public: priv.Public(), Scope: exauth.ScopeRead | exauth.ScopeTradeSpot}}})
	c, err := exauth.New(srv.Venue(), exauth.NewPrivateKey(id, priv), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				if _, err := c.Do(context.Background(), call); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// verifies signs with the HSM and checks with a Verifier of the public half.
func verifies(t *testing.T, alg exauth.Algorithm, priv crypto.Signer) []byte {
	t.Helper()
	s, err := exauth.NewSigner(alg, priv)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Sign(context.Background(), nil, []byte(message))
	if err != nil {
		t.Fatal(err)
	}
	v, err := exauth.NewVerifier(alg, priv.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Verify([]byte(message), sig); err != nil {
		t.Errorf("%s: %v", alg, err)
	}
	if err := v.Verify([]byte(message+"0"), sig); !errors.Is(err, exauth.ErrSignature) {
		t.Errorf("%s: another message: %v", alg, err)
	}
	return sig
}
