package exauth

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"time"
)

// UsageVersion is the version of the usage log's lines that this package writes. A
// reader skips lines of a version it does not know.
const UsageVersion = 1

// A UsageRecord is one line of a usage log: one Attempt, as a JSON object. Fields are
// added to a version, never changed; readers ignore those they do not know. It holds
// no secret, signature, query, body, path of one call or full key.
//
//	{"v":1,"time":"2026-11-23T08:00:00.123Z","venue":"binance","account":"main","key":"9f86d081884c7d65",
//	 "method":"POST","route":"/api/v3/order","scope":"trade-spot","symbols":["BTCUSDT"],"status":400,
//	 "outcome":"rejected","kind":"insufficient-funds","code":"-2010","attempt":1,"latency_ms":41.5,
//	 "costs":{"orders":1,"weight":1}}
type UsageRecord struct {
	Version     int            `json:"v"`
	Time        time.Time      `json:"time"` // UTC: when it was sent, or refused
	Venue       string         `json:"venue"`
	Environment string         `json:"env,omitempty"` // absent: production
	Account     string         `json:"account,omitempty"`
	Key         string         `json:"key,omitempty"` // fingerprint; absent for public calls
	Method      string         `json:"method,omitempty"`
	Route       string         `json:"route,omitempty"` // with {placeholders}
	Scope       string         `json:"scope,omitempty"` // as ParseScope reads it
	Symbols     []string       `json:"symbols,omitempty"`
	Status      int            `json:"status,omitempty"` // absent: no answer
	Outcome     string         `json:"outcome"`          // Outcome.String, or "signed" for what Client.Sign made
	Kind        string         `json:"kind,omitempty"`   // of the error: "signature", "rate-limited"; "other" where no sentinel fits
	Code        string         `json:"code,omitempty"`   // the venue's own
	Attempt     int            `json:"attempt,omitempty"`
	LatencyMS   float64        `json:"latency_ms,omitempty"`
	WaitMS      float64        `json:"wait_ms,omitempty"`
	Costs       map[string]int `json:"costs,omitempty"` // by quota
}

// kindNames are what logs and metrics call the sentinels; the names stay.
var kindNames = [...]struct {
	kind error
	name string
}{
	{ErrRateLimited, "rate-limited"}, {ErrBanned, "banned"}, {ErrClock, "clock"}, {ErrNonce, "nonce"}, {ErrSignature, "signature"},
	{ErrKeyExpired, "key-expired"}, {ErrPermission, "permission"}, {ErrEnvironment, "environment"}, {ErrAccountLocked, "account-locked"},
	{ErrIPNotAllowed, "ip-not-allowed"}, {ErrPassphrase, "passphrase"}, {ErrKey, "key"}, {ErrInsufficientFunds, "insufficient-funds"},
	{ErrUnknownOrder, "unknown-order"}, {ErrDuplicateOrder, "duplicate-order"}, {ErrPartial, "partial"}, {ErrScope, "scope"},
	{ErrHost, "host"}, {ErrParam, "param"}, {ErrHalted, "halted"}, {ErrNoKey, "no-key"}, {ErrOutcomeUnknown, "outcome-unknown"},
	{ErrUnavailable, "unavailable"}, {ErrRejected, "rejected"},
}

// KindName is a short, lasting name for what an error asks of its caller, fit for
// logs and metrics: "signature", "rate-limited". It is "" for nil and "other" where
// no sentinel fits.
func KindName(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != nil {
		err = e.Kind
	}
	for _, k := range kindNames {
		if errors.Is(err, k.kind) {
			return k.name
		}
	}
	return "other"
}

const (
	outcomeSigned = "signed"
	maxCode       = 64
	maxUsageLine  = 16 << 10
)

// UsageOf returns what a usage log keeps of an attempt, for programs that have a log
// of their own.
func UsageOf(a Attempt) UsageRecord {
	r := UsageRecord{
		Version: UsageVersion, Time: a.Time.UTC().Truncate(time.Millisecond), Venue: a.Venue, Environment: a.Environment,
		Account: a.Account, Key: a.Key, Method: a.Method, Route: a.Route, Symbols: a.Symbols, Status: a.Status,
		Outcome: a.Outcome.String(), Kind: KindName(a.Err), Attempt: a.Number,
		LatencyMS: millisOf(a.Latency()), WaitMS: millisOf(a.Wait),
	}
	if a.signedOnly() {
		r.Outcome = outcomeSigned
	}
	if a.Scope != 0 {
		r.Scope = a.Scope.String()
	}
	if e, ok := errors.AsType[*Error](a.Err); ok {
		r.Code = e.Code[:min(len(e.Code), maxCode)]
	}
	for _, c := range a.Costs {
		if r.Costs == nil {
			r.Costs = make(map[string]int, len(a.Costs))
		}
		r.Costs[c.Quota] += c.N
	}
	return r
}

// signedOnly reports what Client.Sign made.
func (a Attempt) signedOnly() bool { return a.Outcome == OutcomeNotSent && a.Err == nil }

func millisOf(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// ReadUsage yields the records of one usage log, oldest first. A line that is none
// (cut off by a crash, or of a version from the future) yields an error that says
// which, and reading goes on; when the log itself cannot be read on, that error is
// the last. Lines are not shown in errors.
func ReadUsage(r io.Reader) iter.Seq2[UsageRecord, error] {
	return func(yield func(UsageRecord, error) bool) {
		in := bufio.NewReaderSize(r, maxUsageLine)
		for n := 1; ; n++ {
			line, err := in.ReadSlice('\n')
			whole := err == nil || err == io.EOF
			for err == bufio.ErrBufferFull { // no line of ours: over it
				_, err = in.ReadSlice('\n')
			}
			if err != nil && err != io.EOF {
				yield(UsageRecord{}, fmt.Errorf("exauth: usage log: line %d: %w", n, err))
				return
			}
			end := err == io.EOF
			if line = bytes.TrimSpace(line); len(line) > 0 {
				rec, bad := parseUsage(line, whole)
				if bad != nil {
					bad = fmt.Errorf("exauth: usage log: line %d: %w", n, bad)
				}
				if !yield(rec, bad) {
					return
				}
			}
			if end {
				return
			}
		}
	}
}

func parseUsage(line []byte, whole bool) (rec UsageRecord, err error) {
	if !whole || json.Unmarshal(line, &rec) != nil {
		return UsageRecord{}, errors.New("no record; cut off or not a usage log")
	}
	if rec.Version != UsageVersion {
		return UsageRecord{}, fmt.Errorf("version %d is not known here", rec.Version)
	}
	return rec, nil
}

// ReadUsageFile is ReadUsage for a log that OpenUsageLog writes, with the older files
// it was rotated to. A log that does not exist yields an error.
func ReadUsageFile(path string) iter.Seq2[UsageRecord, error] {
	return func(yield func(UsageRecord, error) bool) {
		older := 0
		for ; ; older++ {
			if _, err := os.Stat(rotated(path, older+1)); err != nil {
				break
			}
		}
		for n := older; n >= 0; n-- {
			f, err := os.Open(rotated(path, n))
			if err != nil {
				if !yield(UsageRecord{}, fmt.Errorf("exauth: usage log: %w", err)) {
					return
				}
				continue
			}
			for rec, err := range ReadUsage(f) {
				if !yield(rec, err) {
					f.Close()
					return
				}
			}
			f.Close()
		}
	}
}

// rotated names the nth older file of a log; 0 is the log.
func rotated(path string, n int) string {
	if n == 0 {
		return path
	}
	return path + "." + strconv.Itoa(n)
}
