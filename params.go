package exauth

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/go-querystring/query"
)

// A Param is one named parameter. Value is a string, an integer, a bool, a
// json.Number, a json.RawMessage, a slice of these, or nested Params. Floats are
// refused: write prices and amounts as decimal strings, which are sent as given.
type Param struct {
	Name  string
	Value any
}

// Params are parameters in the caller's order. They are encoded once, and the
// bytes that are signed are the bytes that are sent.
//
//	exauth.Params{{"symbol", "BTCUSDT"}, {"side", "BUY"}, {"quantity", "0.001"}}
type Params []Param

// paramError says which parameter is wrong and why, never what its value was.
func paramError(name, why string) error {
	if name == "" {
		return fmt.Errorf("%w: %s", ErrParam, why)
	}
	return fmt.Errorf("%w %q: %s", ErrParam, name, why)
}

// maxDepth bounds how deep parameters may nest, so that a list that holds itself is
// an error and not the end of the program.
const maxDepth = 64

// appendQuery appends p as a query or form string. It does not begin with ? or &.
func appendQuery(dst []byte, p Params, s Style) ([]byte, error) {
	return appendPairs(dst, "", p, s, 0)
}

func appendPairs(dst []byte, prefix string, p Params, s Style, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	p = ordered(p, s)
	var err error
	for i := range p {
		if err = checkName(p, i); err != nil {
			return nil, err
		}
		if dst, err = appendPair(dst, prefix, p[i].Name, p[i].Value, s, depth); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

var errTooDeep = paramError("", "nests too deep")

// ordered returns p sorted by name where the style asks for it; p itself is
// never changed.
func ordered(p Params, s Style) Params {
	if s&StyleSorted == 0 {
		return p
	}
	p = slices.Clone(p)
	slices.SortStableFunc(p, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
	return p
}

// checkName looks at the name of p[i] and at those before it.
func checkName(p Params, i int) error {
	name := p[i].Name
	if name == "" {
		return paramError("", "a parameter has no name")
	}
	if fault := textFault(name); fault != "" {
		return paramError("", "a name "+fault)
	}
	for j := range p[:i] {
		if p[j].Name == name || within(&p[j], &p[i]) || within(&p[i], &p[j]) {
			return paramError(name, "given twice; pass a slice to repeat it")
		}
	}
	return nil
}

// within reports whether q's name, "a[b]", may be one that the list or object in o,
// "a", is written with.
func within(q, o *Param) bool {
	if len(q.Name) <= len(o.Name) || q.Name[len(o.Name)] != '[' || q.Name[:len(o.Name)] != o.Name {
		return false
	}
	switch o.Value.(type) {
	case string, bool, int, json.Number:
		return false
	}
	return true
}

// textFault says why no venue takes a text: control characters (C0, DEL, C1) or
// broken UTF-8.
func textFault(v string) string {
	ascii := true
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c < ' ' || c == 0x7f, c == 0xc2 && i+1 < len(v) && v[i+1] < 0xa0:
			return "holds a control character"
		case c >= utf8.RuneSelf && ascii:
			if ascii = false; !utf8.ValidString(v) {
				return "is not valid UTF-8"
			}
		}
	}
	return ""
}

// appendPair appends one parameter; prefix is the name of the enclosing one.
func appendPair(dst []byte, prefix, name string, v any, s Style, depth int) ([]byte, error) {
	switch v := v.(type) {
	case Params:
		return appendPairs(dst, join(prefix, name), v, s, depth+1)
	case string: // the common case, before anything that reflects
		if prefix == "" {
			dst = appendName(dst, name, s)
			return appendText(dst, name, v, s)
		}
	}
	full := join(prefix, name)
	if items, ok := asSlice(v); ok {
		return appendArray(dst, full, items, s, depth+1)
	}
	dst = appendName(dst, full, s)
	return appendScalar(dst, full, v, s)
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "[" + name + "]"
}

func appendArray(dst []byte, name string, items []any, s Style, depth int) ([]byte, error) {
	var err error
	switch {
	case depth > maxDepth:
		return nil, errTooDeep
	case s&StyleArrayJSON != 0:
		b, err := appendJSON(nil, items, s)
		if err != nil {
			return nil, err
		}
		return appendText(appendName(dst, name, s), name, string(b), s)
	case s&StyleArrayComma != 0:
		dst = appendName(dst, name, s)
		for i, it := range items {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendScalar(dst, name, it, s); err != nil {
				return nil, err
			}
		}
		return dst, nil
	}
	for i, it := range items {
		switch {
		case s&StyleArrayRepeat != 0:
			dst, err = appendScalar(appendName(dst, name, s), name, it, s)
		case s&StyleArrayEmpty != 0:
			dst, err = appendScalar(appendName(dst, name+"[]", s), name, it, s)
		default:
			dst, err = appendPair(dst, name, strconv.Itoa(i), it, s, depth)
		}
		if err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func appendName(dst []byte, name string, s Style) []byte {
	if len(dst) > 0 {
		dst = append(dst, '&')
	}
	plain := 0
	for i := 0; i < len(name); i++ {
		if c := name[i]; !unreserved(c) && (s&StyleBrackets == 0 || c != '[' && c != ']') {
			dst = appendEscapedByte(append(dst, name[plain:i]...), c, s)
			plain = i + 1
		}
	}
	return append(append(dst, name[plain:]...), '=')
}

// appendScalar appends one value, percent-encoded.
func appendScalar(dst []byte, name string, v any, s Style) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return appendText(dst, name, v, s)
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case json.Number:
		if err := checkNumber(name, string(v)); err != nil {
			return nil, err
		}
		return append(dst, v...), nil
	case json.RawMessage:
		return appendText(dst, name, string(v), s)
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.String:
		return appendText(dst, name, rv.String(), s)
	case reflect.Bool:
		return strconv.AppendBool(dst, rv.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(dst, rv.Int(), 10), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(dst, rv.Uint(), 10), nil
	}
	return nil, badType(name, v)
}

func badType(name string, v any) error {
	switch reflect.ValueOf(v).Kind() {
	case reflect.Invalid:
		return paramError(name, "is nil; leave it out instead")
	case reflect.Float32, reflect.Float64:
		return paramError(name, "is a float; pass a decimal string or a json.Number")
	case reflect.Map:
		return paramError(name, "is a map, which has no order; pass Params or a struct")
	}
	return paramError(name, fmt.Sprintf("has type %T; pass a string, integer, bool, json.Number, slice or Params", v))
}

// appendText appends a percent-encoded string, refusing what no venue accepts.
func appendText(dst []byte, name, v string, s Style) ([]byte, error) {
	plain, checked := 0, false // v[plain:i] needs no escape
	for i := 0; i < len(v); i++ {
		c := v[i]
		if unreserved(c) {
			continue
		}
		if !checked && (c < ' ' || c >= 0x7f) {
			if fault := textFault(v); fault != "" {
				return nil, paramError(name, fault)
			}
			checked = true
		}
		dst = appendEscapedByte(append(dst, v[plain:i]...), c, s)
		plain = i + 1
	}
	return append(dst, v[plain:]...), nil
}

const upperHex = "0123456789ABCDEF"

func appendEscapedByte(dst []byte, c byte, s Style) []byte {
	switch {
	case unreserved(c):
		return append(dst, c)
	case c == ' ' && s&StyleSpacePlus != 0:
		return append(dst, '+')
	}
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// unreserved is RFC 3986 section 2.3: letters, digits, - . _ ~, as bits.
func unreserved(c byte) bool {
	const digits, upper, lower = 0x03ff6000_00000000, 0x87fffffe, 0x47fffffe_00000000
	return c < 64 && uint64(digits)>>c&1 != 0 || c >= 64 && c < 128 && uint64(upper|lower)>>(c-64)&1 != 0
}

// checkNumber takes JSON numbers without an exponent, and no minus zero.
func checkNumber(name, n string) error {
	digits, frac, hasFrac := strings.Cut(strings.TrimPrefix(n, "-"), ".")
	bad := !allDigits(digits) || hasFrac && !allDigits(frac) || len(digits) > 1 && digits[0] == '0'
	if bad {
		return paramError(name, "is not a plain decimal number (no exponent, NaN or Inf)")
	}
	if n[0] == '-' && strings.Trim(digits+frac, "0") == "" {
		return paramError(name, "is minus zero")
	}
	return nil
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// asSlice returns the items of v when it is a slice other than bytes or Params.
func asSlice(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case Params, json.RawMessage, []byte, string, nil:
		return nil, false
	case []string:
		items := make([]any, len(v))
		for i, it := range v {
			items[i] = it
		}
		return items, true
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice || rv.Type().Elem().Kind() == reflect.Uint8 {
		return nil, false
	}
	items := make([]any, rv.Len())
	for i := range items {
		items[i] = rv.Index(i).Interface()
	}
	return items, true
}

// asParams turns what a caller passed for a query or form into Params: nil,
// Params, url.Values (by name, since a map has no order) or a struct with url
// tags (in field order).
func asParams(v any) (Params, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case Params:
		return v, nil
	case url.Values:
		return valuesParams(v, sortedNames(v)), nil
	case json.RawMessage, []byte:
		return nil, paramError("", "this route takes a query or form; raw JSON fits JSON routes only")
	}
	rv, err := structOf(v)
	if err != nil || !rv.IsValid() {
		return nil, err
	}
	if err := checkStruct(rv, "url"); err != nil {
		return nil, err
	}
	vals, err := query.Values(v)
	if err != nil {
		return nil, paramError("", "struct does not encode: "+err.Error())
	}
	return valuesParams(vals, structNames(vals, rv.Type())), nil
}

// structOf returns the struct that v is or points to, the zero Value for a nil
// pointer to one.
func structOf(v any) (reflect.Value, error) {
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer {
		if rv.IsNil() && rv.Type().Elem().Kind() == reflect.Struct {
			return reflect.Value{}, nil
		}
		rv = rv.Elem()
	}
	if rv.Kind() != reflect.Struct {
		return rv, badType("", v)
	}
	return rv, nil
}

func sortedNames(v url.Values) []string {
	names := make([]string, 0, len(v))
	for n := range v {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func valuesParams(v url.Values, names []string) Params {
	p := make(Params, 0, len(names))
	for _, n := range names {
		switch vs := v[n]; len(vs) {
		case 0:
		case 1:
			p = append(p, Param{n, vs[0]})
		default:
			p = append(p, Param{n, vs})
		}
	}
	return p
}
