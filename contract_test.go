package exauth_test

import (
	"context"
	"crypto"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/exchangetest"
	"github.com/exauth/exauth/venue"
)

// The names other programs compile against. A change that breaks this file breaks
// them; nothing in it is run but the few lines of TestContract.
var (
	_ = []exauth.Algorithm{exauth.HMACSHA256, exauth.HMACSHA384, exauth.HMACSHA512, exauth.RSASHA256, exauth.RSASHA512,
		exauth.RSAPSSSHA256, exauth.RSAPSSSHA512, exauth.Ed25519, exauth.ES256, exauth.ES384}
	_ func(exauth.Algorithm, []byte) (*exauth.HMAC, error)                           = exauth.NewHMAC
	_ func(exauth.Algorithm, crypto.Signer) (exauth.Signer, error)                   = exauth.NewSigner
	_ func(exauth.Algorithm, crypto.PublicKey) (exauth.Verifier, error)              = exauth.NewVerifier
	_ exauth.Signer                                                                  = (*exauth.HMAC)(nil)
	_ exauth.Verifier                                                                = (*exauth.HMAC)(nil)
	_ func(id, secret string) *exauth.Key                                            = exauth.NewSecretKey
	_ func(id string, priv crypto.Signer) *exauth.Key                                = exauth.NewPrivateKey
	_ func(string, []byte, func() ([]byte, error)) (*exauth.Key, error)              = exauth.ParsePEM
	_ func(*exauth.Key, string) *exauth.Key                                          = (*exauth.Key).WithPassphrase
	_ func(*exauth.Key, string, string) *exauth.Key                                  = (*exauth.Key).WithField
	_ func(*exauth.Key, exauth.Scope) *exauth.Key                                    = (*exauth.Key).Restrict
	_ func(*exauth.Key) string                                                       = (*exauth.Key).Fingerprint
	_ io.Closer                                                                      = (*exauth.Key)(nil)
	_ exauth.KeySource                                                               = (*exauth.Key)(nil)
	_ exauth.KeySource                                                               = exauth.KeyFunc(nil)
	_ func(prefix string) exauth.KeySource                                           = exauth.EnvKey
	_ func(...exauth.KeySource) exauth.KeySource                                     = exauth.FirstKey
	_ func(func(context.Context) (string, error)) *exauth.Key                        = exauth.BearerKey
	_ func(exauth.Algorithm) func([]byte) (exauth.Signer, error)                     = exauth.UTF8Secret
	_ func(exauth.Algorithm) func([]byte) (exauth.Signer, error)                     = exauth.Base64Secret
	_ exauth.Scheme                                                                  = exauth.SchemeFunc(nil)
	_ func(*exauth.Venue, string) *exauth.Venue                                      = (*exauth.Venue).At
	_ func(*exauth.Venue, exauth.KeySource, *exauth.Options) (*exauth.Client, error) = exauth.New
	_ exauth.NonceSource                                                             = exauth.NonceFunc(nil)
	_ func(exauth.Settler, uint64) exauth.Lease                                      = exauth.NewLease
	_ func(string) (*exauth.Venue, bool)                                             = venue.ByName
	_ func() []string                                                                = venue.Names
	_ func(*exauth.Venue, *exchangetest.Options) (*exchangetest.Server, error)       = exchangetest.Start
	_ func(testing.TB, *exauth.Venue, *exchangetest.Options) *exchangetest.Server    = exchangetest.NewServer
	_ func(*exchangetest.Server) *exauth.Venue                                       = (*exchangetest.Server).Venue
	_ func(*exchangetest.Server) *http.Client                                        = (*exchangetest.Server).Client
	_ func(*exchangetest.Server) http.RoundTripper                                   = (*exchangetest.Server).RoundTripper
	_                                                                                = exauth.Get[int]
	_                                                                                = exauth.Post[int]
	_                                                                                = exauth.Put[int]
	_                                                                                = exauth.Delete[int]
	_                                                                                = exauth.Do[int]

	_ = []error{exauth.ErrRateLimited, exauth.ErrBanned, exauth.ErrClock, exauth.ErrNonce, exauth.ErrSignature, exauth.ErrKey,
		exauth.ErrKeyExpired, exauth.ErrPermission, exauth.ErrEnvironment, exauth.ErrAccountLocked, exauth.ErrIPNotAllowed,
		exauth.ErrRejected, exauth.ErrPartial, exauth.ErrInsufficientFunds, exauth.ErrUnknownOrder, exauth.ErrDuplicateOrder,
		exauth.ErrUnavailable, exauth.ErrOutcomeUnknown, exauth.ErrScope, exauth.ErrNoKey, exauth.ErrHost, exauth.ErrParam,
		exauth.ErrPassphrase, exauth.ErrHalted}
	_ = []exauth.Outcome{exauth.OutcomeNotSent, exauth.OutcomeRejected, exauth.OutcomePartial, exauth.OutcomeUnknown, exauth.OutcomeAccepted}
	_ = []exauth.Scope{exauth.ScopeRead, exauth.ScopeTradeSpot, exauth.ScopeTradeMargin, exauth.ScopeTradeDerivatives, exauth.ScopeTrade,
		exauth.ScopeTransfer, exauth.ScopeWithdraw, exauth.ScopeAccount}
	_ = []exauth.Auth{exauth.AuthDefault, exauth.AuthNone, exauth.AuthKey, exauth.AuthSigned}
	_ = []exauth.Style{exauth.StyleQuery, exauth.StyleForm, exauth.StyleJSON}
	_ = []exauth.Priority{exauth.PriorityPoll, exauth.PriorityOrder, exauth.PriorityCancel}
	_ = []exauth.QuotaKind{exauth.FixedWindow, exauth.AnchoredWindow, exauth.SlidingWindow, exauth.DecayCounter, exauth.TokenBucket, exauth.Concurrency}

	_ = exauth.Need{Venue: "", Environment: "", Account: "", Scope: 0}
	_ = exauth.Param{Name: "", Value: nil}
	_ = exauth.Host{Prefix: "", URL: ""}
	_ = exauth.Call{Method: "", Path: "", Params: nil, Query: nil, Header: http.Header{}, Auth: 0, Scope: 0, Costs: []exauth.Cost{},
		Priority: 0, ClientOrderID: "", RecvWindow: time.Second, MaxWait: time.Second}
	_ = exauth.Response{Status: 0, Header: nil, Body: nil, Payload: nil, ClientOrderID: "", Sent: time.Time{}, Received: time.Time{}, Wait: 0, Attempts: 0}
	_ = exauth.Options{Now: time.Now, Nonce: nil, Rand: nil, HTTPClient: nil, Limiter: nil, Scope: 0, Account: "", Timeout: 0, MaxWait: 0,
		RecvWindow: 0, NoRetry: false, AllowHTTP: nil, Policy: func(context.Context, *exauth.Request) error { return nil }, Logger: (*slog.Logger)(nil)}
	_ = exauth.Demand{KeyID: "", Account: "", Egress: "", Costs: nil, Priority: 0}
	_ = exauth.Cost{Quota: "", Item: "", N: 0}
	_ = exauth.Observation{Sent: time.Time{}, Received: time.Time{}, Status: 0, Header: nil, Costs: nil, Refused: "", Unknown: false}
	_ = exauth.Quota{Name: "", Kind: 0, Limit: 0, Window: 0, Step: 0, Refill: 0, UsedHeader: "", RemainingHeader: "", ResetHeader: "", TimeHeader: ""}
	_ = exauth.Error{Venue: "", Method: "", Path: "", Status: 0, Code: "", Message: "", Kind: nil, Outcome: 0, RetryAfter: 0, ClientOrderID: "", Err: nil}
	_ = exauth.Request{Method: "", Scheme: "", Host: "", Path: "", Query: "", Header: nil, Body: nil, Time: time.Time{}, Nonce: 0, Window: 0}
	_ = exauth.Venue{Name: "", Environment: "", BaseURL: "", Hosts: nil, Algorithms: nil, Signer: nil, Style: nil, Scheme: nil, NonceUnit: 0,
		GETReads: false, Quotas: nil, Answer: func(*exauth.Response) ([]byte, error) { return nil, nil }, Probe: exauth.Call{}}
)

// requestMethods is what a Scheme may use.
func requestMethods(ctx context.Context, r *exauth.Request) {
	_, _, _, _ = r.KeyID(), r.Passphrase(), r.Field("uid"), r.Algorithm()
	_, _ = r.Secret(), r.UUID()
	_, _ = r.Sign(ctx, nil, nil)
	_, _ = r.Fields()
}

// clientMethods is what a program may call.
func clientMethods(ctx context.Context, c *exauth.Client) {
	_, _ = c.Sign(ctx, exauth.Call{})
	_, _ = c.Do(ctx, exauth.Call{})
	_, _ = c.Transport(), c.Resigner()
	_ = c.Check(ctx)
	c.Halt("")
	c.Resume()
	_ = c.Close()
}

func TestContract(t *testing.T) {
	_, _ = requestMethods, clientMethods
	if exauth.PriorityPoll != 0 || exauth.AuthDefault != 0 || exauth.OutcomeNotSent != 0 || exauth.StyleQuery != 0 {
		t.Error("zero values are part of the contract")
	}
	if exauth.ScopeTrade != exauth.ScopeTradeSpot|exauth.ScopeTradeMargin|exauth.ScopeTradeDerivatives {
		t.Error("ScopeTrade is the three")
	}
}
