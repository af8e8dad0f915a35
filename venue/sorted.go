package venue

import (
	"bytes"
	"crypto/fips140"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/exauth/exauth"
)

// Helpers of the venues that sign parameters sorted by name, wherever they travel.
// They sort what is to be sent, so that Transport's requests are signed as well as
// a Client's own: pairs and members move, the bytes of each stay as they are.

// sortPairs orders a raw query or form by name, bytewise. The items of an array and
// the members of an object stay in their order behind the name they belong to.
func sortPairs(raw string) string {
	if !strings.Contains(raw, "&") {
		return raw
	}
	pairs := strings.Split(raw, "&")
	if !slices.IsSortedFunc(pairs, comparePairs) {
		slices.SortStableFunc(pairs, comparePairs)
		raw = strings.Join(pairs, "&")
	}
	return raw
}

func comparePairs(a, b string) int { return strings.Compare(outerName(a), outerName(b)) }

// outerName is the decoded name of a pair without its [index].
func outerName(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	if un, err := url.QueryUnescape(name); err == nil {
		name = un
	}
	name, _, _ = strings.Cut(name, "[")
	return name
}

// plain is a query or form as the venue decodes it, for those that sign it so.
func plain(raw string) (string, error) {
	if !strings.ContainsAny(raw, "%+") {
		return raw, nil
	}
	s, err := url.QueryUnescape(raw)
	if err != nil {
		return "", fmt.Errorf("%w: query or form is not well encoded", exauth.ErrParam)
	}
	return s, nil
}

// A member is one member of a JSON object with its value as it was written.
type member struct {
	name  string
	value json.RawMessage
}

// members splits a JSON object at its top level, order and values kept.
func members(body []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		return nil, fmt.Errorf("%w: body is not a JSON object", exauth.ErrParam)
	}
	var ms []member
	for d.More() {
		name, err := d.Token()
		m := member{}
		if err == nil {
			m.name, _ = name.(string)
			err = d.Decode(&m.value)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: body is not valid JSON", exauth.ErrParam)
		}
		if slices.ContainsFunc(ms, func(o member) bool { return o.name == m.name }) {
			return nil, fmt.Errorf("%w %q: given twice", exauth.ErrParam, m.name)
		}
		ms = append(ms, m)
	}
	return ms, nil
}

// sorted orders ms by name, bytewise, and returns it.
func sorted(ms []member) []member {
	slices.SortStableFunc(ms, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return ms
}

// object writes members sorted by name as one JSON object. It sorts ms itself.
func object(ms []member) ([]byte, error) {
	sorted(ms)
	body := []byte{'{'}
	for i, m := range ms {
		if i > 0 {
			body = append(body, ',')
		}
		var err error
		if body, err = exauth.AppendJSON(body, m.name, 0); err != nil {
			return nil, err
		}
		body = append(append(body, ':'), m.value...)
	}
	return append(body, '}'), nil
}

// without refuses members that the scheme writes itself; raw JSON may hold them.
func without(ms []member, names ...string) error {
	for _, m := range ms {
		if slices.Contains(names, m.name) {
			return fmt.Errorf("%w %q: is set by exauth", exauth.ErrParam, m.name)
		}
	}
	return nil
}

// quoted is s as a JSON value.
func quoted(s string) json.RawMessage {
	b, _ := exauth.AppendJSON(nil, s, 0) // only invalid UTF-8 fails, and our texts are ASCII
	return b
}

// flat appends members as pairs, the way a query would carry them: nested names in
// brackets, empty lists nowhere, null as nothing. Only what is signed is written so;
// the JSON goes as it is, control characters and exponents included.
func flat(dst []byte, ms []member, escape bool) ([]byte, error) {
	for _, m := range ms {
		body := append(append([]byte(`{"":`), m.value...), '}')
		v, err := (&exauth.Request{Body: body}).Fields()
		if err != nil {
			return nil, err
		}
		dst = flatValue(dst, m.name, v[0].Value, escape)
	}
	return dst, nil
}

func flatValue(dst []byte, name string, v any, escape bool) []byte {
	var text string
	switch v := v.(type) {
	case exauth.Params:
		for _, p := range v {
			dst = flatValue(dst, name+"["+p.Name+"]", p.Value, escape)
		}
		return dst
	case []any:
		for i, it := range v {
			dst = flatValue(dst, name+"["+strconv.Itoa(i)+"]", it, escape)
		}
		return dst
	case string:
		text = v
	case json.Number:
		text = string(v)
	case bool:
		text = strconv.FormatBool(v)
	}
	if escape {
		name, text = percent(name), percent(text)
	}
	if len(dst) > 0 {
		dst = append(dst, '&')
	}
	return append(append(append(dst, name...), '='), text...)
}

// percent encodes everything but RFC 3986's unreserved characters.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// sha256Hex is SHA-256 of a and b together in lower-case hex. b may be a secret: it
// is hashed where it lies, and no joined copy is made.
func sha256Hex(a, b []byte) string {
	h := sha256.New()
	h.Write(a)
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}

// md5Hex is MD5 of a and b together in lower-case hex, for the venues that still
// sign with it. A process in FIPS 140-only mode may not.
func md5Hex(a, b []byte) (string, error) {
	if fips140.Enforced() {
		return "", fmt.Errorf("%w: the venue signs with MD5, which FIPS 140-only mode forbids", exauth.ErrKey)
	}
	h := md5.New()
	h.Write(a)
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil)), nil
}
