package exauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// appendJSON appends v as compact JSON with the caller's order kept. Strings are
// escaped only where RFC 8259 section 7 demands it, so that the text equals what
// most venues' own clients sign.
func appendJSON(dst []byte, v any, s Style) ([]byte, error) {
	return appendJSONValue(dst, "", v, s, 0)
}

func appendJSONValue(dst []byte, name string, v any, s Style, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return appendJSONString(dst, name, v)
	case bool:
		return strconv.AppendBool(dst, v), nil
	case json.Number:
		if err := checkNumber(name, string(v)); err != nil {
			return nil, err
		}
		return append(dst, v...), nil
	case json.RawMessage:
		if !json.Valid(v) {
			return nil, paramError(name, "is not valid JSON")
		}
		return append(dst, v...), nil
	case Params:
		return appendJSONObject(dst, v, s, depth)
	case time.Time:
		return nil, badType(name, v) // its JSON has no fixed width
	}
	if items, ok := asSlice(v); ok {
		dst = append(dst, '[')
		for i, it := range items {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendJSONValue(dst, name, it, s, depth+1); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.String:
		return appendJSONString(dst, name, rv.String())
	case reflect.Bool:
		return strconv.AppendBool(dst, rv.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(dst, rv.Int(), 10), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(dst, rv.Uint(), 10), nil
	case reflect.Struct, reflect.Pointer:
		return appendJSONStruct(dst, name, v, s, depth)
	}
	return nil, badType(name, v)
}

func appendJSONObject(dst []byte, p Params, s Style, depth int) ([]byte, error) {
	p = ordered(p, s)
	dst = append(dst, '{')
	for i := range p {
		err := checkName(p, i)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSONString(dst, "", p[i].Name); err != nil {
			return nil, err
		}
		dst = append(dst, ':')
		if dst, err = appendJSONValue(dst, p[i].Name, p[i].Value, s, depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// appendJSONStruct marshals a struct by its json tags and writes it again in our
// escaping and, where the style says so, our order. A struct that has url tags only
// goes by these: one set of tags serves both places.
func appendJSONStruct(dst []byte, name string, v any, s Style, depth int) ([]byte, error) {
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	if rv.Kind() == reflect.Struct && !marshals(rv.Type()) && urlOnly(rv.Type()) {
		if err := checkStruct(rv, "url"); err != nil {
			return nil, err
		}
		p, err := urlFields(nil, rv)
		if err != nil {
			return nil, err
		}
		return appendJSONObject(dst, p, s, depth)
	}
	if err := checkStruct(rv, "json"); err != nil {
		return nil, err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, paramError(name, "does not encode as JSON")
	}
	tree, err := decodeJSON(b)
	if err != nil {
		return nil, err
	}
	return appendJSONValue(dst, name, tree, s, depth+1)
}

func appendJSONString(dst []byte, name, v string) ([]byte, error) {
	if !utf8.ValidString(v) {
		return nil, paramError(name, "is not valid UTF-8")
	}
	dst = append(dst, '"')
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(dst, '"'), nil
}

const hexDigits = "0123456789abcdef"

// decodeJSON reads JSON with object order kept: objects become Params, arrays
// []any, numbers json.Number.
func decodeJSON(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		if errors.Is(err, ErrParam) {
			return nil, err
		}
		return nil, paramError("", "is not valid JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, paramError("", "has text after its JSON")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if delim == '[' {
		items := []any{}
		for d.More() {
			it, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			items = append(items, it)
		}
		_, err := d.Token()
		return items, err
	}
	p := Params{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		p = append(p, Param{name.(string), v})
	}
	_, err = d.Token()
	return p, err
}
