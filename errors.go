package exauth

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// One sentinel per decision a caller can take. Test for them with errors.Is;
// details come with errors.As and *Error.
var (
	// Slow down, or stop.
	ErrRateLimited = errors.New("exauth: rate limited")         // wait Error.RetryAfter
	ErrBanned      = errors.New("exauth: banned by the venue")  // stop everything on this IP or account until RetryAfter
	ErrUnavailable = errors.New("exauth: venue is unavailable") // overload or maintenance; reads may be repeated later

	// The call was fine but its stamp was not; the Client repairs these once by itself.
	ErrClock = errors.New("exauth: timestamp outside the venue's window")
	ErrNonce = errors.New("exauth: nonce refused")

	// The credential is the problem.
	ErrSignature     = errors.New("exauth: bad signature")
	ErrKey           = errors.New("exauth: key refused")
	ErrKeyExpired    = errors.New("exauth: key expired")
	ErrPermission    = errors.New("exauth: key lacks the permission")
	ErrEnvironment   = errors.New("exauth: key belongs to another environment")
	ErrAccountLocked = errors.New("exauth: account locked")
	ErrIPNotAllowed  = errors.New("exauth: IP address not on the key's list")
	ErrPassphrase    = errors.New("exauth: wrong or missing passphrase")
	ErrNoKey         = errors.New("exauth: no key") // a KeySource has none; the next source may

	// The venue understood and said no, or half no.
	ErrRejected          = errors.New("exauth: rejected by the venue")
	ErrPartial           = errors.New("exauth: only part of it was done") // see Error.Items; it is never tried again
	ErrInsufficientFunds = errors.New("exauth: insufficient funds")
	ErrUnknownOrder      = errors.New("exauth: unknown order")
	ErrDuplicateOrder    = errors.New("exauth: duplicate client order id")

	// It may have happened: ask, never send again.
	ErrOutcomeUnknown = errors.New("exauth: outcome unknown")

	// Refused locally, before anything was sent.
	ErrScope  = errors.New("exauth: call is outside the scope")
	ErrHost   = errors.New("exauth: host is not the venue's")
	ErrParam  = errors.New("exauth: bad parameter")
	ErrHalted = errors.New("exauth: halted")

	// The call could not be written down first; see Journal.
	ErrJournal = errors.New("exauth: journal cannot be written")
)

// sentinelOf finds the kind of an error that was made on this side, nil when it is
// none of ours. The order is that of preference: a key for another environment is
// ErrNoKey too.
func sentinelOf(err error) error {
	for _, kind := range [...]error{
		ErrParam, ErrHost, ErrScope, ErrHalted, ErrJournal, ErrRateLimited, ErrBanned, ErrClock, ErrNonce, ErrEnvironment, ErrKeyExpired,
		ErrPassphrase, ErrPermission, ErrNoKey, ErrKey, ErrSignature, ErrUnavailable,
	} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// Outcome is the fate of a call, as far as it is known.
type Outcome uint8

const (
	OutcomeNotSent  Outcome = iota // no byte left this process; safe to repeat
	OutcomeRejected                // the venue answered and did nothing
	OutcomePartial                 // the venue did part of a batch; Error.Items tells which
	OutcomeUnknown                 // it may or may not have happened; ask by client order id
	OutcomeAccepted                // the venue did it
)

var outcomeNames = [...]string{"not sent", "rejected", "partial", "unknown", "accepted"}

// String returns the outcome in words: "not sent", "rejected", and so on.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "Outcome(" + strconv.Itoa(int(o)) + ")"
}

// Error is what every failed call returns. It says which call failed, what the
// venue said, and what is known of the fate of the call. Its text never holds a
// query, a signature, a key or a passphrase; Message is the venue's own text,
// bounded and redacted.
//
// Decide with errors.Is and the sentinels; read the fields for logs and back-off.
type Error struct {
	Venue, Method, Path string
	Status              int           // HTTP status, 0 when there was no answer
	Code                string        // the venue's own code, as it wrote it
	Message             string        // the venue's own text, redacted
	Kind                error         // one of the sentinels, or nil when none fits
	Outcome             Outcome       // what became of the call
	RetryAfter          time.Duration // how long the venue, or our limiter, says to wait; 0 when unsaid
	ClientOrderID       string        // set on writes that carried one
	Sent                time.Time     // the timestamp the call carried, zero when it was not sent
	SettledAt           time.Time     // from when on Resolve can tell the fate of an unknown order, by the venue's clock; zero where it never can for sure
	Items               []Item        // the fate of each operation of a call that holds several, else nil
	Body                []byte        // the redacted answer, where it tells different fates of Items or the Outcome is OutcomePartial; else nil
	Err                 error         // the cause, when it is not the venue's answer

	asked func() *question // for Resolve; a closure: reflection prints an address, not what it captures
	why   func() []Cause   // for Causes; a closure, too
}

// Error returns "exauth: venue METHOD path: what happened".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("exauth: ")
	for _, s := range [...]string{e.Venue, e.Method, e.Path} {
		if s != "" {
			b.WriteString(s)
			b.WriteByte(' ')
		}
	}
	text := strings.TrimSuffix(b.String(), " ")
	sep := ": "
	if text == "exauth:" {
		sep = " "
	}
	add := func(s string) {
		if s != "" {
			text += sep + s
			sep = ": "
		}
	}
	if e.Kind != nil {
		add(strings.TrimPrefix(e.Kind.Error(), "exauth: "))
	}
	if e.Outcome == OutcomeUnknown && e.Kind != ErrOutcomeUnknown {
		add("outcome unknown")
	}
	if e.Status != 0 {
		add("HTTP " + strconv.Itoa(e.Status))
	}
	if e.Code != "" {
		add("code " + e.Code)
	}
	add(e.Message)
	if e.Err != nil {
		cause := strings.TrimPrefix(e.Err.Error(), "exauth: ")
		if e.Kind != nil { // the cause often begins with its kind
			cause = strings.TrimPrefix(cause, strings.TrimPrefix(e.Kind.Error(), "exauth: "))
		}
		add(strings.TrimLeft(cause, ": "))
	}
	return text
}

// Unwrap lets errors.Is and errors.As see the kind, the cause, and
// ErrOutcomeUnknown whenever the outcome is unknown.
func (e *Error) Unwrap() []error {
	errs := make([]error, 0, 3)
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Outcome == OutcomeUnknown && e.Kind != ErrOutcomeUnknown {
		errs = append(errs, ErrOutcomeUnknown)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// Timeout reports whether the cause was a timeout, as net.Error does.
func (e *Error) Timeout() bool {
	var t interface{ Timeout() bool }
	return e.Err != nil && errors.As(e.Err, &t) && t.Timeout()
}
