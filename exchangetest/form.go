package exchangetest

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
)

// A field is one parameter as received.
type field struct{ name, value string }

// A form is parameters in the order received.
type form []field

// get returns the first value of a name, or "".
func (f form) get(name string) string {
	for _, p := range f {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

func (f form) has(name string) bool {
	for _, p := range f {
		if p.name == name {
			return true
		}
	}
	return false
}

// repeated returns the first name that appears twice, or "".
func (f form) repeated() string {
	seen := make(map[string]bool, len(f))
	for _, p := range f {
		if seen[p.name] {
			return p.name
		}
		seen[p.name] = true
	}
	return ""
}

// parseForm decodes a query or a form body. It is written here, and not left to
// net/url, because order and repetitions matter.
func parseForm(raw string) (form, bool) {
	var f form
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, false
		}
		f = append(f, field{n, v})
	}
	return f, true
}

// without removes the parameter name from a raw query or form, leaving every
// other byte as it came.
func without(raw, name string) string {
	var kept []string
	for pair := range strings.SplitSeq(raw, "&") {
		if n, _, _ := strings.Cut(pair, "="); n != name {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// parseObject reads a flat JSON object in order. Strings come decoded, all other
// values as their JSON text.
func parseObject(raw []byte) (form, bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var f form
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, false
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, false
		}
		value := string(v)
		if strings.HasPrefix(value, `"`) {
			if json.Unmarshal(v, &value) != nil {
				return nil, false
			}
		}
		f = append(f, field{name.(string), value})
	}
	if _, err := dec.Token(); err != nil || dec.More() {
		return nil, false
	}
	return f, true
}

// encode writes an answer's JSON, compact, without HTML escapes.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // our own types only
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
