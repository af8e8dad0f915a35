package venue

import (
	"encoding/json"
	"strings"

	"github.com/exauth/exauth"
)

// refused makes the error of a venue's answer. kind nil leaves it to the HTTP
// status: a plain rejection, most of the time.
func refused(kind error, code, message string) error {
	return &exauth.Error{Kind: kind, Code: code, Message: message}
}

// text returns a JSON scalar as text: venues write codes as numbers and strings. What
// is no scalar is no code.
func text(raw json.RawMessage) string {
	var s string
	switch {
	case json.Unmarshal(raw, &s) == nil:
		return s
	case len(raw) > 0 && (raw[0] == '[' || raw[0] == '{'):
		return ""
	}
	return string(raw)
}

// codes makes a lookup of a table in lines "sentinel: code code …", so that what a
// venue's codes mean can be read beside its documentation.
func codes(lines string) map[string]error {
	kinds := map[string]error{
		"ratelimited": exauth.ErrRateLimited, "banned": exauth.ErrBanned, "unavailable": exauth.ErrUnavailable,
		"clock": exauth.ErrClock, "nonce": exauth.ErrNonce, "signature": exauth.ErrSignature, "key": exauth.ErrKey,
		"expired": exauth.ErrKeyExpired, "permission": exauth.ErrPermission, "environment": exauth.ErrEnvironment,
		"locked": exauth.ErrAccountLocked, "ip": exauth.ErrIPNotAllowed, "passphrase": exauth.ErrPassphrase,
		"rejected": exauth.ErrRejected, "partial": exauth.ErrPartial, "funds": exauth.ErrInsufficientFunds,
		"order": exauth.ErrUnknownOrder, "duplicate": exauth.ErrDuplicateOrder, "unknown": exauth.ErrOutcomeUnknown,
	}
	m := map[string]error{}
	for line := range strings.Lines(lines) {
		line, _, _ = strings.Cut(line, "#")
		name, list, _ := strings.Cut(line, ":")
		kind := kinds[strings.TrimSpace(name)]
		for _, code := range strings.Fields(list) {
			m[code] = kind
		}
	}
	return m
}

// notJSON is for answers that are not the venue's JSON: a firewall's page, a
// truncated body. Below 400 the call's fate is not the venue's word either.
func notJSON(resp *exauth.Response) error {
	if resp.Status < 400 {
		return refused(exauth.ErrUnavailable, "", "answer is not the venue's JSON")
	}
	return refused(nil, "", "")
}

// rejection is what an unknown code means: the venue's definite no. What came with
// a status that says more is left to it.
func rejection(resp *exauth.Response) error {
	if resp.Status == 429 || resp.Status >= 500 {
		return nil
	}
	return exauth.ErrRejected
}

// inDoubt is refused for the codes of a venue's own machinery ("system error"): a
// write may have happened all the same.
func inDoubt(kind error, code, message string) error {
	return &exauth.Error{Kind: kind, Code: code, Message: message, Outcome: exauth.OutcomeUnknown}
}

// definite is refused for venues that refuse with statuses of broken machinery: the
// code is a reason, and nothing was done.
func definite(kind error, code, message string) error {
	return &exauth.Error{Kind: kind, Code: code, Message: message, Outcome: exauth.OutcomeRejected}
}

// payload is an envelope's data, or the whole answer where there is none: cancels
// and settings often answer with a code alone.
func payload(data json.RawMessage, resp *exauth.Response) []byte {
	if len(data) == 0 || string(data) == "null" {
		return resp.Body
	}
	return data
}
