package exauth

import (
	"encoding"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// structNames restores the field order that go-querystring's url.Values lost, by
// walking the same tags. Names it cannot place (indexed slices, custom encoders)
// keep to their field's prefix, sorted.
func structNames(v url.Values, t reflect.Type) []string {
	left := sortedNames(v)
	names := make([]string, 0, len(left))
	var walk func(t reflect.Type, scope string)
	walk = func(t reflect.Type, scope string) {
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("url"), ",")
			ft := f.Type
			for ft.Kind() == reflect.Pointer {
				ft = ft.Elem()
			}
			if name == "" && f.Anonymous && ft.Kind() == reflect.Struct {
				walk(ft, scope)
				continue
			}
			if name == "" {
				name = f.Name
			}
			if scope != "" {
				name = scope + "[" + name + "]"
			}
			if ft.Kind() == reflect.Struct && !slices.Contains(left, name) {
				walk(ft, name)
			}
			left = slices.DeleteFunc(left, func(n string) bool {
				mine := n == name || strings.HasPrefix(n, name+"[") || indexed(n, name)
				if mine {
					names = append(names, n)
				}
				return mine
			})
		}
	}
	walk(t, "")
	return append(names, left...)
}

// indexed reports whether n is name followed by digits only: go-querystring's
// "numbered" arrays.
func indexed(n, name string) bool {
	rest, ok := strings.CutPrefix(n, name)
	return ok && allDigits(rest)
}

var textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()

// checkStruct refuses struct types that would be misread: floats anywhere, and in
// query position (tag "url") exported fields without a url tag, which would go out
// under their Go name by accident.
func checkStruct(t reflect.Type, tag string) error {
	return checkStructType(t, tag, "", map[reflect.Type]bool{})
}

func checkStructType(t reflect.Type, tag, name string, seen map[reflect.Type]bool) error {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return paramError(name, "is a float; use a decimal string or a json.Number")
	case reflect.Map:
		if tag == "url" {
			return paramError(name, "is a map, which has no order")
		}
		return checkStructType(t.Elem(), tag, name, seen)
	case reflect.Struct:
	default:
		return nil
	}
	if seen[t] || t.Implements(textMarshaler) || reflect.PointerTo(t).Implements(textMarshaler) {
		return nil
	}
	seen[t] = true
	for f := range t.Fields() {
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get(tag), ",")
		if name == "-" {
			continue
		}
		if tag == "url" && name == "" && !f.Anonymous {
			return paramError(f.Name, `has no url tag; write url:"name", or url:"-" to leave it out`)
		}
		if err := checkStructType(f.Type, tag, f.Name, seen); err != nil {
			return err
		}
	}
	return nil
}
