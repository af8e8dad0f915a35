package exauth

import (
	"context"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"sync"
	"sync/atomic"
)

// fipsMinHMACKey is the shortest HMAC key FIPS 140-3 approves (112 bits, SP
// 800-131A section 10). Below it crypto/hmac panics under GODEBUG=fips140=only.
const fipsMinHMACKey = 112 / 8

// An HMAC signs and verifies with one shared secret (RFC 2104). The secret is
// worked into a hash state when the HMAC is made and is not kept; Sign reuses that
// state, and costs no allocation when dst has room.
//
// An HMAC is safe for concurrent use, and copies share one state. The zero HMAC
// and a closed one hold nothing: Sign and Verify fail with ErrNoKey. Printing one
// shows its algorithm only. Most programs let New make it from a Key.
type HMAC struct {
	core func() *hmacCore // a closure: reflection prints an address, not what it captures
}

var (
	_ Signer   = (*HMAC)(nil)
	_ Verifier = (*HMAC)(nil)
)

// hmacCore is what the copies of one HMAC share.
type hmacCore struct {
	alg  Algorithm
	live atomic.Pointer[hmacPool] // nil once closed
}

// hmacPool hands out hash states. All are clones of first, which never hashes
// anything itself, so the padded key exists once however many goroutines sign.
type hmacPool struct {
	first hash.Cloner
	idle  sync.Pool // of *hmacState, reset
}

// hmacState is one hash state and room for one tag.
type hmacState struct {
	hash.Hash
	tag [sha512.Size]byte
}

// NewHMAC makes an HMAC of a raw secret, which may be cleared afterwards. An empty
// secret, an algorithm that is no HMAC, and, where FIPS 140-3 is enforced
// (GODEBUG=fips140=only), a secret below 14 bytes match ErrKey. Secrets that a
// venue writes in base64 or hex are for Base64Secret and HexSecret.
func NewHMAC(alg Algorithm, secret []byte) (*HMAC, error) {
	var h func() hash.Hash
	switch alg {
	case HMACSHA256:
		h = sha256.New
	case HMACSHA384:
		h = sha512.New384
	case HMACSHA512:
		h = sha512.New
	default:
		return nil, fmt.Errorf("%w: %s is no HMAC algorithm", ErrKey, alg)
	}
	if len(secret) == 0 {
		return nil, errEmptySecret
	}
	if len(secret) < fipsMinHMACKey && fips140.Enforced() {
		return nil, fmt.Errorf("%w: secret is %d bytes; FIPS 140-3 is enforced and wants at least %d",
			ErrKey, len(secret), fipsMinHMACKey)
	}
	first := hmac.New(h, secret)
	first.Reset() // the first Reset replaces the padded key by the hash state after it
	cloner, ok := first.(hash.Cloner)
	if !ok {
		return nil, fmt.Errorf("%w: this build's %s cannot be cloned", ErrKey, alg)
	}
	pool := &hmacPool{first: cloner}
	s, err := pool.state()
	if err != nil {
		return nil, err
	}
	pool.idle.Put(s)
	core := &hmacCore{alg: alg}
	core.live.Store(pool)
	return &HMAC{core: func() *hmacCore { return core }}, nil
}

// state returns a state that is ready to hash.
func (p *hmacPool) state() (*hmacState, error) {
	if s, ok := p.idle.Get().(*hmacState); ok {
		return s, nil
	}
	c, err := p.first.Clone()
	if err != nil {
		return nil, fmt.Errorf("exauth: cloning an HMAC state: %w", err)
	}
	return &hmacState{Hash: c}, nil
}

// put takes s back. Reset is here rather than in state so that nothing of the
// message lingers.
func (p *hmacPool) put(s *hmacState) {
	s.Reset()
	p.idle.Put(s)
}

var errHMACClosed = fmt.Errorf("%w: HMAC is closed", ErrNoKey)

// pool returns what h signs with; an error when h is zero or closed.
func (h *HMAC) pool() (*hmacPool, error) {
	if h == nil || h.core == nil {
		return nil, fmt.Errorf("%w: the zero HMAC holds nothing", ErrNoKey)
	}
	if p := h.core().live.Load(); p != nil {
		return p, nil
	}
	return nil, errHMACClosed
}

// Algorithm returns the algorithm h was made for, also after Close; 0 for the zero
// HMAC.
func (h *HMAC) Algorithm() Algorithm {
	if h == nil || h.core == nil {
		return 0
	}
	return h.core().alg
}

// Sign appends the tag of msg to dst and returns the extended slice. It ignores
// the context, since nothing in it can block. The only error matches ErrNoKey: h
// is closed or was never made.
func (h *HMAC) Sign(_ context.Context, dst, msg []byte) ([]byte, error) {
	p, err := h.pool()
	if err != nil {
		return nil, err
	}
	s, err := p.state()
	if err != nil {
		return nil, err
	}
	s.Write(msg) // a hash never fails
	dst = s.Sum(dst)
	p.put(s)
	return dst, nil
}

// Verify returns nil when sig is the whole tag of msg, and otherwise an error that
// matches ErrSignature. The time it takes depends on the lengths only. Truncated
// tags are refused.
func (h *HMAC) Verify(msg, sig []byte) error {
	p, err := h.pool()
	if err != nil {
		return err
	}
	s, err := p.state()
	if err != nil {
		return err
	}
	s.Write(msg)
	want := s.Sum(s.tag[:0])
	size, equal := len(want), subtle.ConstantTimeCompare(want, sig) == 1
	clear(s.tag[:]) // a valid tag must not outlive the question
	p.put(s)
	switch {
	case len(sig) != size:
		return fmt.Errorf("%w: %s tag is %d bytes, want %d", ErrSignature, h.Algorithm(), len(sig), size)
	case !equal:
		return fmt.Errorf("%w: %s tag does not match", ErrSignature, h.Algorithm())
	}
	return nil
}

// Close drops the hash states for h and every copy of it; calls under way finish.
// The memory is the garbage collector's then, which does not overwrite it. Close
// is harmless when repeated and always returns nil.
func (h *HMAC) Close() error {
	if h != nil && h.core != nil {
		h.core().live.Store(nil)
	}
	return nil
}

// String returns "exauth.HMAC(algorithm)".
func (h HMAC) String() string { return "exauth.HMAC(" + h.Algorithm().String() + ")" }

// GoString is String, for %#v.
func (h HMAC) GoString() string { return h.String() }

// Format prints String for every verb.
func (h HMAC) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(h.String())) }

// LogValue is String, for log/slog.
func (h HMAC) LogValue() slog.Value { return slog.StringValue(h.String()) }

// MarshalText is String, for JSON, XML and every encoder that asks for text.
func (h HMAC) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText always fails: an HMAC comes from NewHMAC.
func (h *HMAC) UnmarshalText([]byte) error {
	return errors.New("exauth: an HMAC cannot be decoded; use NewHMAC")
}
