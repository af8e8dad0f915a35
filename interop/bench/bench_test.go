// Package bench compares exauth with the floor and with a peer, side by side in one
// run. See README.md for the command and the figures.
package bench

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	binance "github.com/adshao/go-binance/v2"
	"github.com/adshao/go-binance/v2/common"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// The example of Binance's documentation; the payload has 193 bytes.
const (
	apiKey  = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
	secret  = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
	payload = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1.00000000&price=0.10000000&newClientOrderId=bench-0123456789abcdef&newOrderRespType=RESULT&recvWindow=5000.000&timestamp=1499827319559"
)

// P1: HMAC-SHA256 of a payload to hex.
func BenchmarkP1HMAC(b *testing.B) {
	msg := []byte(payload)
	ctx := context.Background()
	b.Run("floor=reused-hash", func(b *testing.B) {
		mac := hmac.New(sha256.New, []byte(secret))
		var sum [32]byte
		var out [64]byte
		b.ReportAllocs()
		for b.Loop() {
			mac.Reset()
			mac.Write(msg)
			hex.AppendEncode(out[:0], mac.Sum(sum[:0]))
		}
	})
	b.Run("exauth", func(b *testing.B) {
		s, err := exauth.NewHMAC(exauth.HMACSHA256, []byte(secret))
		if err != nil {
			b.Fatal(err)
		}
		var sum [32]byte
		var out [64]byte
		b.ReportAllocs()
		for b.Loop() {
			sig, err := s.Sign(ctx, sum[:0], msg)
			if err != nil {
				b.Fatal(err)
			}
			hex.AppendEncode(out[:0], sig)
		}
	})
	b.Run("exauth-parallel", func(b *testing.B) {
		s, err := exauth.NewHMAC(exauth.HMACSHA256, []byte(secret))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			var sum [32]byte
			var out [64]byte
			for pb.Next() {
				sig, _ := s.Sign(ctx, sum[:0], msg)
				hex.AppendEncode(out[:0], sig)
			}
		})
	})
	b.Run("hmac.New-each-time", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write(msg)
			_ = hex.EncodeToString(mac.Sum(nil))
		}
	})
	b.Run("go-binance", func(b *testing.B) {
		sign, err := common.SignFunc(common.KeyTypeHmac)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := sign(secret, payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// canned answers every request at once, so that only the client's work is measured.
type canned struct{ body string }

func (c canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body)), Request: req}, nil
}

// stop ends go-binance's call once the request is signed and built: its answer
// is not what P2 measures.
type stop struct{}

func (stop) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.EOF }

// P2: an order, parameters already built, to a signed *http.Request.
func BenchmarkP2SignOrder(b *testing.B) {
	ctx := context.Background()
	b.Run("exauth", func(b *testing.B) {
		c := newClient(b, nil)
		call := exauth.Call{Method: http.MethodPost, Path: "/api/v3/order", Params: exauth.Params{
			{Name: "symbol", Value: "BTCUSDT"}, {Name: "side", Value: "BUY"}, {Name: "type", Value: "LIMIT"},
			{Name: "timeInForce", Value: "GTC"}, {Name: "quantity", Value: "0.001"}, {Name: "price", Value: "61250.10"},
			{Name: "newClientOrderId", Value: "bot-42"}}}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Sign(ctx, call); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("go-binance", func(b *testing.B) {
		// go-binance has no sign-only call: this is its request up to the transport.
		// The http.Client around it costs the same few hundred nanoseconds in both.
		sdk := binance.NewClient(apiKey, secret)
		sdk.HTTPClient = &http.Client{Transport: stop{}}
		b.ReportAllocs()
		for b.Loop() {
			_, _ = sdk.NewCreateOrderService().Symbol("BTCUSDT").Side(binance.SideTypeBuy).Type(binance.OrderTypeLimit).
				TimeInForce(binance.TimeInForceTypeGTC).Quantity("0.001").Price("61250.10").NewClientOrderID("bot-42").Do(ctx)
		}
	})
}

func newClient(b *testing.B, opts *exauth.Options) *exauth.Client {
	b.Helper()
	c, err := exauth.New(venue.Binance(), exauth.NewSecretKey(apiKey, secret), opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}

// unpaced counts like the default limiter and never waits: 6000 a minute would be
// what a benchmark measures otherwise.
func unpaced() exauth.Limiter {
	return exauth.NewLimiter(venue.Binance(), &exauth.LimiterOptions{Off: true})
}

// P3: what the RoundTripper adds to an existing request.
func BenchmarkP3RoundTripper(b *testing.B) {
	base := canned{`{"balances":[]}`}
	run := func(b *testing.B, rt http.RoundTripper) {
		req, err := http.NewRequest(http.MethodGet, "https://api.binance.com/api/v3/account?omitZeroBalances=true", nil)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			resp, err := rt.RoundTrip(req)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
	b.Run("unsigned", func(b *testing.B) { run(b, base) })
	b.Run("exauth", func(b *testing.B) {
		c := newClient(b, &exauth.Options{HTTPClient: &http.Client{Transport: base}, Now: fixedNow, Limiter: unpaced()})
		run(b, c.Transport())
	})
}

// P4: RSA-2048 and Ed25519 with the key parsed once.
func BenchmarkP4Asymmetric(b *testing.B) {
	msg := []byte(payload)
	ctx := context.Background()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("rsa/floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256(msg)
			if _, err := rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA256, sum[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	signWith := func(alg exauth.Algorithm, key crypto.Signer) func(*testing.B) {
		return func(b *testing.B) {
			s, err := exauth.NewSigner(alg, key)
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Sign(ctx, buf, msg); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("rsa/exauth", signWith(exauth.RSASHA256, rsaKey))
	b.Run("ed25519/floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ed25519.Sign(edKey, msg)
		}
	})
	b.Run("ed25519/exauth", signWith(exauth.Ed25519, edKey))
}
