package exchangetest

import (
	"bytes"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// How Crypto.com knows a caller: the body is an envelope {id, method, params,
// api_key, sig, nonce}, and sig is the hex HMAC-SHA256 of method, id, api_key, the
// parameter string and nonce, one after the other (exchange-docs.crypto.com,
// "Digital Signature", read 2026-11). The parameter string is what the page's
// JavaScript sample makes of the parameters after JSON.parse; the server is taken to
// do the same.

// makeKeys makes ids of 22 and secrets of 25 letters and digits.
func (x *cryptocom) makeKeys() []Key {
	return standardKeys(func() Key { return Key{ID: randomText(22), Secret: "cxakp_" + randomText(25)} })
}

// cryptocomNonce is how far a nonce may be from the exchange's clock: "Nonce value
// differs by more than 60 seconds" is what 40102 means.
const cryptocomNonce = 60 * time.Second

// authenticate goes through nonce, key, signature and permission. What a key without
// a permission gets is not documented: the same as an unknown one, here.
func (x *cryptocom) authenticate(q *cryptocomCall) (code string) {
	ms, err := strconv.ParseInt(q.envelope.get("nonce"), 10, 64)
	key, known := x.keys[q.envelope.get("api_key")]
	switch {
	case err != nil || q.now.Sub(time.UnixMilli(ms)).Abs() > cryptocomNonce:
		return "40102"
	case !known || !cryptocomSignature(key, q.envelope):
		return "40101"
	}
	q.key = key
	return ""
}

// cryptocomSignature checks an envelope's sig.
func cryptocomSignature(key Key, e form) bool {
	got, err := hex.DecodeString(e.get("sig"))
	if err != nil {
		return false
	}
	params := ""
	if e.has("params") {
		if params, err = cryptocomString([]byte(e.get("params"))); err != nil {
			return false
		}
	}
	msg := e.get("method") + e.get("id") + e.get("api_key") + params + e.get("nonce")
	return hmac.Equal(got, macSHA256([]byte(key.Secret), []byte(msg)))
}

var errCryptocomParams = errors.New("parameters cannot be read one way only")

// cryptocomString makes the parameter string of a JSON value: the members of an
// object as name and value, sorted by name, the items of an array one after the
// other, at every depth, and nothing between them.
func cryptocomString(raw []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	s, err := cryptocomValue(dec)
	if err != nil {
		return "", err
	}
	if _, err := dec.Token(); err != io.EOF {
		return "", errCryptocomParams
	}
	return s, nil
}

// cryptocomValue reads one value of any kind.
func cryptocomValue(dec *json.Decoder) (string, error) {
	t, err := dec.Token()
	if err != nil {
		return "", err
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '[' {
			return cryptocomArray(dec)
		}
		return cryptocomObject(dec)
	case string:
		return v, nil
	case json.Number:
		return cryptocomNumber(v)
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "null", nil // as JavaScript writes it into a string
}

// cryptocomNumber writes a number as JavaScript does, which is also how encoding/json
// writes a float64: 1.0 as 1, 0.0000001 as 1e-7, integers rounded from 2^53 on.
// "All numbers must be strings", says the page, for this reason.
func cryptocomNumber(n json.Number) (string, error) {
	f, err := n.Float64()
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(f)
	return string(b), err
}

func cryptocomArray(dec *json.Decoder) (string, error) {
	var b strings.Builder
	for dec.More() {
		s, err := cryptocomValue(dec)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
	}
	_, err := dec.Token()
	return b.String(), err
}

// cryptocomObject sorts as JavaScript does, by UTF-16 code units. A name that comes
// twice is no parameter that both sides would read the same way.
func cryptocomObject(dec *json.Decoder) (string, error) {
	var members form
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return "", err
		}
		value, err := cryptocomValue(dec)
		if err != nil {
			return "", err
		}
		members = append(members, field{name.(string), value})
	}
	if _, err := dec.Token(); err != nil {
		return "", err
	}
	if members.repeated() != "" {
		return "", errCryptocomParams
	}
	slices.SortFunc(members, func(a, b field) int {
		return slices.Compare(utf16.Encode([]rune(a.name)), utf16.Encode([]rune(b.name)))
	})
	var b strings.Builder
	for _, m := range members {
		b.WriteString(m.name + m.value)
	}
	return b.String(), nil
}
