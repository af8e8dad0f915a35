package exchangetest

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/exauth/exauth"
)

// How Gemini knows a caller: the parameters, with the path and a nonce, are JSON in
// base64 in the header X-GEMINI-PAYLOAD, and X-GEMINI-SIGNATURE is the hex HMAC-SHA384
// of that text. The body is not looked at (developer.gemini.com, "Private API
// invocation" and "Error codes", read 2026-11).

// makeKeys makes account keys; master keys, which name an account in each call, are
// not played.
func (x *gemini) makeKeys() []Key {
	return standardKeys(func() Key { return Key{ID: "account-" + randomText(20), Secret: randomText(28)} })
}

// A geminiError is a refusal: its status, its reason and a text for people.
type geminiError struct {
	status          int
	reason, message string
}

func geminiErr(status int, reason, message string) *geminiError {
	return &geminiError{status, reason, message}
}

// geminiBad refuses a call that is malformed.
func geminiBad(reason, message string) *geminiError {
	return geminiErr(http.StatusBadRequest, reason, message)
}

// geminiSignature checks X-GEMINI-SIGNATURE over the payload as received, in base64.
func geminiSignature(k Key, payload, signature string) bool {
	got, err := hex.DecodeString(signature)
	if err != nil {
		return false
	}
	h := hmac.New(sha512.New384, []byte(k.Secret))
	h.Write([]byte(payload))
	return hmac.Equal(got, h.Sum(nil))
}

// authenticate goes through headers, key, signature, payload, path and nonce, and
// takes the parameters. A nonce is used up only by a request that is signed right.
func (x *gemini) authenticate(q *geminiCall) *geminiError {
	for _, h := range [...][2]string{{"X-GEMINI-APIKEY", "MissingApikeyHeader"}, {"X-GEMINI-PAYLOAD", "MissingPayloadHeader"},
		{"X-GEMINI-SIGNATURE", "MissingSignatureHeader"}} {
		if q.header.Get(h[0]) == "" {
			return geminiBad(h[1], "Must provide '"+h[0]+"' header")
		}
	}
	payload := q.header.Get("X-GEMINI-PAYLOAD")
	key, known := x.keys[q.header.Get("X-GEMINI-APIKEY")]
	switch {
	case !known:
		return geminiBad("InvalidApiKey", "Invalid API key")
	case !geminiSignature(key, payload, q.header.Get("X-GEMINI-SIGNATURE")):
		return geminiBad("InvalidSignature", "InvalidSignature")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(payload)
	ok := err == nil
	if ok {
		q.form, ok = parseObject(raw)
	}
	switch {
	case !ok || q.repeated() != "":
		return geminiBad("InvalidJson", "Payload is not a JSON object")
	case !q.has("request"):
		return geminiBad("EndpointNotFound", "No endpoint was specified")
	case q.get("request") != q.path:
		return geminiBad("EndpointMismatch", "EndpointMismatch")
	case !q.has("nonce"):
		return geminiBad("MissingNonce", "Must provide 'nonce' in the payload")
	}
	q.key = key
	return x.nonce(q)
}

// nonce checks that the number has risen for this key, or that it is a time near the
// exchange's for keys made so.
func (x *gemini) nonce(q *geminiCall) *geminiError {
	text := q.get("nonce")
	n, err := strconv.ParseUint(text, 10, 64)
	switch {
	case !digits(text) || err != nil:
		return geminiBad("InvalidNonce", fmt.Sprintf("Nonce '%s' is not a number", text))
	case q.key.TimeNonce && (n > 1<<40 || q.now.Sub(time.Unix(int64(n), 0)).Abs() > 30*time.Second):
		return geminiBad("InvalidNonce", fmt.Sprintf("Nonce '%s' is not within 30 seconds of server time '%d'", text, q.now.Unix()))
	case !q.key.TimeNonce && !x.nonces.take(Key{ID: q.key.ID}, n):
		return geminiBad("InvalidNonce", fmt.Sprintf("Nonce '%s' has not increased since your last call to the Gemini API.", text))
	}
	return nil
}

// geminiRole is the role that a scope stands for.
func geminiRole(s exauth.Scope) string {
	switch s {
	case exauth.ScopeRead:
		return "Auditor"
	case exauth.ScopeWithdraw:
		return "FundManager"
	}
	return "Trader"
}

// allowed refuses a key without the role that the endpoint asks for.
func (q *geminiCall) allowed(need exauth.Scope) *geminiError {
	if q.key.allows(need) {
		return nil
	}
	return geminiErr(http.StatusForbidden, "MissingRole", "To access this endpoint, you need to log in to the website and go to the settings page to assign one of these roles ["+
		geminiRole(need)+"] to API key "+q.key.ID)
}
