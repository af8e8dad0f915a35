package exchangetest

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
)

// A leaf is one scalar of a JSON text, or an empty list or object, with the path to
// it: "orders[0].price".
type leaf struct {
	path, name string // name: of the nearest member, also around lists
	parent     string // the name of the object it is in
	value      any    // string, json.Number, bool or nil; json.Delim('[') or '{' when empty
}

// mapJSON writes a JSON text anew, compact and in its order, with every leaf and
// every member's name as edit and rename return them. Numbers keep their digits.
func mapJSON(text string, rename func(parent, name string) string, edit func(leaf) any) (string, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	m := &jsonMapper{dec: dec, rename: rename, edit: edit}
	if err := m.value(leaf{}); err != nil {
		return "", err
	}
	if _, err := dec.Token(); err != io.EOF {
		return "", errTrailing
	}
	return m.out.String(), nil
}

type trailingError struct{}

func (trailingError) Error() string { return "text after the JSON" }

var errTrailing = trailingError{}

type jsonMapper struct {
	dec    *json.Decoder
	out    bytes.Buffer
	rename func(parent, name string) string
	edit   func(leaf) any
}

func (m *jsonMapper) value(at leaf) error {
	tok, err := m.dec.Token()
	if err != nil {
		return err
	}
	d, nested := tok.(json.Delim)
	if !nested {
		at.value = tok
		m.scalar(m.edit(at))
		return nil
	}
	if !m.dec.More() { // shown as a leaf, and kept
		at.value = d
		m.edit(at)
	}
	m.out.WriteString(d.String())
	if d == '[' {
		err = m.list(at)
	} else {
		err = m.object(at)
	}
	if err != nil {
		return err
	}
	end, err := m.dec.Token()
	if err != nil {
		return err
	}
	m.out.WriteString(end.(json.Delim).String())
	return nil
}

func (m *jsonMapper) list(at leaf) error {
	for i := 0; m.dec.More(); i++ {
		if i > 0 {
			m.out.WriteByte(',')
		}
		item := leaf{path: at.path + "[" + strconv.Itoa(i) + "]", name: at.name, parent: at.parent}
		if err := m.value(item); err != nil {
			return err
		}
	}
	return nil
}

func (m *jsonMapper) object(at leaf) error {
	for i := 0; m.dec.More(); i++ {
		if i > 0 {
			m.out.WriteByte(',')
		}
		tok, err := m.dec.Token()
		if err != nil {
			return err
		}
		name := tok.(string)
		path := name
		if at.path != "" {
			path = at.path + "." + name
		}
		m.scalar(m.rename(at.name, name))
		m.out.WriteByte(':')
		if err := m.value(leaf{path: path, name: name, parent: at.name}); err != nil {
			return err
		}
	}
	return nil
}

func (m *jsonMapper) scalar(v any) { m.out.WriteString(jsonText(v)) }

// jsonText is a scalar as JSON writes it.
func jsonText(v any) string {
	if n, ok := v.(json.Number); ok {
		return string(n)
	}
	if d, ok := v.(json.Delim); ok {
		return map[json.Delim]string{'[': "[]", '{': "{}"}[d]
	}
	return string(encode(v))
}

// sameName leaves members' names as they are.
func sameName(_, name string) string { return name }
