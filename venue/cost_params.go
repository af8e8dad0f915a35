package venue

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/exauth/exauth"
)

// A condition on the parameters of a call; the zero condition always holds.
type condition struct {
	op    byte // 0 always, 'g' given, '!' not given, '<' at most, '#' a list of at most, '=' is
	name  string
	value string
	most  int
}

func parseCondition(text string) condition {
	if name, ok := strings.CutPrefix(text, "!"); ok {
		return condition{op: '!', name: name}
	}
	if name, most, ok := strings.Cut(text, "<="); ok {
		if list, ok := strings.CutPrefix(name, "#"); ok {
			return condition{op: '#', name: list, most: integer(most)}
		}
		return condition{op: '<', name: name, most: integer(most)}
	}
	if name, value, ok := strings.Cut(text, "="); ok {
		return condition{op: '=', name: name, value: value}
	}
	return condition{op: 'g', name: text}
}

// holds decides for a call. A number that is none, and an empty text, decide for
// what costs more: tables end with the dearest.
func (c condition) holds(r *exauth.Request) bool {
	if c.op == 0 {
		return true
	}
	text, ok := given(r, c.name)
	switch c.op {
	case 'g':
		return ok
	case '!':
		return !ok
	case '=':
		return ok && text == c.value
	case '#':
		n := count(r, c.name)
		return n > 0 && n <= c.most
	}
	n, err := strconv.Atoi(text)
	return err == nil && n >= 0 && n <= c.most
}

// given returns a parameter of a call as text, wherever the call carries it; an
// empty one is none. It does not allocate for plain values in a query or form.
func given(r *exauth.Request, name string) (string, bool) {
	if isJSON(r.Body) {
		if v, ok := bodyField(r, name); ok {
			switch v := v.(type) {
			case string:
				return v, v != ""
			case json.Number:
				return string(v), true
			case bool:
				return strconv.FormatBool(v), true
			case nil:
				return "", false
			}
			return "", true
		}
	}
	if v, ok := scan(r.Query, name); ok || len(r.Body) == 0 || isJSON(r.Body) {
		return v, ok
	}
	return scan(string(r.Body), name)
}

func isJSON(body []byte) bool { return len(body) > 0 && (body[0] == '{' || body[0] == '[') }

func bodyField(r *exauth.Request, name string) (any, bool) {
	fields, err := r.Fields()
	if err != nil {
		return nil, false
	}
	for _, f := range fields {
		if f.Name == name {
			return f.Value, true
		}
	}
	return nil, false
}

// scan finds a value in a query or form.
func scan(query, name string) (string, bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		if key != name && (!strings.Contains(key, "%") || unescapedQuery(key) != name) || value == "" {
			continue
		}
		return unescapedQuery(value), true
	}
	return "", false
}

func unescapedQuery(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	if t, err := url.QueryUnescape(s); err == nil {
		return t
	}
	return s
}

// count is the number of elements of a list: a JSON array, in the body or as text;
// names with commas between; a name given several times, with brackets or without.
func count(r *exauth.Request, name string) int {
	if isJSON(r.Body) {
		if v, ok := bodyField(r, name); ok {
			if list, ok := v.([]any); ok {
				return len(list)
			}
		}
	}
	n := 0
	for _, text := range [2]string{r.Query, string(r.Body)} {
		if isJSON([]byte(text)) {
			continue
		}
		for pair := range strings.SplitSeq(text, "&") {
			key, value, _ := strings.Cut(pair, "=")
			key, _, _ = strings.Cut(unescapedQuery(key), "[")
			if key == name && value != "" {
				n += elements(unescapedQuery(value))
			}
		}
	}
	return n
}

func elements(text string) int {
	var list []json.RawMessage
	if strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), &list) == nil {
		return len(list)
	}
	return 1 + strings.Count(text, ",")
}
