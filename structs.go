package exauth

import (
	"encoding"
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/go-querystring/query"
)

// structNames restores the field order that go-querystring's url.Values lost, by
// walking the same tags. Names it cannot place (custom encoders) keep to their
// field's prefix, sorted.
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
			mine := func(n string) bool { return n == name || strings.HasPrefix(n, name+"[") || indexed(n, name) }
			if !slices.ContainsFunc(left, mine) {
				continue // also where a type holds itself
			}
			if ft.Kind() == reflect.Struct && !slices.Contains(left, name) {
				walk(ft, name)
			}
			start := len(names)
			left = slices.DeleteFunc(left, func(n string) bool {
				if !mine(n) {
					return false
				}
				names = append(names, n)
				return true
			})
			slices.SortStableFunc(names[start:], func(a, b string) int { return len(a) - len(b) }) // n2 before n10
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

// urlOnly reports a struct that has url tags and no json tags.
func urlOnly(t reflect.Type) bool {
	found := false
	for f := range t.Fields() {
		if f.Tag.Get("json") != "" {
			return false
		}
		found = found || f.Tag.Get("url") != ""
		if et := f.Type; f.Anonymous && f.Tag.Get("url") == "" {
			if et.Kind() == reflect.Pointer {
				et = et.Elem()
			}
			found = found || et.Kind() == reflect.Struct && urlOnly(et)
		}
	}
	return found
}

// urlFields lists a struct's fields by their url tags with their types kept, for a
// JSON route. Options that only mean something in a query are refused.
func urlFields(p Params, rv reflect.Value) (Params, error) {
	for f, v := range rv.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("url"), ",")
		if name == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		omit := options == "omitempty"
		if options != "" && !omit || f.Tag.Get("del") != "" || f.Tag.Get("layout") != "" {
			return nil, paramError(name, "has url options that JSON does not have; give the struct json tags")
		}
		if k := v.Kind(); omit && (v.IsZero() || (k == reflect.Slice || k == reflect.Map) && v.Len() == 0) {
			continue
		}
		for v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface && v.IsNil() {
			continue
		}
		var err error
		if f.Anonymous && name == "" && v.Kind() == reflect.Struct {
			if p, err = urlFields(p, v); err != nil {
				return nil, err
			}
			continue
		}
		p = append(p, Param{name, v.Interface()})
	}
	return p, nil
}

var (
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	urlEncoder    = reflect.TypeFor[query.Encoder]()
	timeType      = reflect.TypeFor[time.Time]()
	numberType    = reflect.TypeFor[json.Number]()
	rawType       = reflect.TypeFor[json.RawMessage]()
)

func implements(t, what reflect.Type) bool {
	return t.Implements(what) || reflect.PointerTo(t).Implements(what)
}

// marshals reports a type that writes its own JSON.
func marshals(t reflect.Type) bool {
	return implements(t, jsonMarshaler) || implements(t, textMarshaler)
}

// checkStruct refuses structs that would be misread: floats anywhere, also inside
// interfaces, and for a query (tag "url") exported fields without a url tag, which
// would go out under their Go name by accident, and types that go-querystring
// would write as something else.
func checkStruct(v reflect.Value, tag string) error {
	c := structCheck{tag: tag, types: map[reflect.Type]bool{}}
	return c.check(v.Type(), v, "", 0)
}

type structCheck struct {
	tag   string
	types map[reflect.Type]bool // seen without a value, since types may hold themselves
}

// check looks at a type and, where v is valid, at its value.
func (c *structCheck) check(t reflect.Type, v reflect.Value, name string, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	if done, err := c.own(t, v, name); done || err != nil {
		return err
	}
	switch t.Kind() {
	case reflect.Pointer:
		if v.IsValid() {
			v = v.Elem()
		}
		return c.check(t.Elem(), v, name, depth+1)
	case reflect.Interface:
		if !v.IsValid() || v.IsNil() {
			return nil
		}
		if k := v.Elem().Kind(); c.tag == "url" && (k == reflect.Struct || k == reflect.Pointer || k == reflect.Slice || k == reflect.Array) {
			return paramError(name, "holds a "+v.Elem().Type().String()+" in an interface, which a struct cannot put into a query; pass Params")
		}
		return c.check(v.Elem().Type(), v.Elem(), name, depth+1)
	case reflect.Slice, reflect.Array:
		return c.checkList(t, v, name, depth)
	case reflect.Map:
		return c.checkMap(t, v, name, depth)
	case reflect.Struct:
		if !v.IsValid() {
			if c.types[t] {
				return nil
			}
			c.types[t] = true
		}
		return c.checkFields(t, v, map[string]bool{}, depth)
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return paramError(name, "is a float; use a decimal string or a json.Number")
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Uintptr:
		return paramError(name, "has type "+t.String()+", which no venue takes")
	}
	return nil
}

// own decides about types that write themselves.
func (c *structCheck) own(t reflect.Type, v reflect.Value, name string) (done bool, err error) {
	if t == numberType {
		if v.IsValid() && v.String() != "" {
			err = checkNumber(name, v.String())
		}
		return true, err
	}
	if c.tag == "json" {
		return marshals(t) && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface, nil
	}
	switch {
	case t == timeType || t.Implements(urlEncoder):
		return true, nil
	case t == rawType:
		return true, paramError(name, "is raw JSON, which a query would spell byte by byte; use a string")
	case t.Kind() == reflect.Struct && marshals(t):
		return true, paramError(name, "has type "+t.String()+", which go-querystring cannot write; use a string, or give it EncodeValues")
	}
	return false, nil
}

func (c *structCheck) checkList(t reflect.Type, v reflect.Value, name string, depth int) error {
	et := t.Elem()
	for et.Kind() == reflect.Pointer {
		et = et.Elem()
	}
	if c.tag == "url" {
		switch k := et.Kind(); {
		case k == reflect.Uint8, k == reflect.Slice, k == reflect.Array, k == reflect.Interface, k == reflect.Struct && et != timeType:
			if err := c.check(et, reflect.Value{}, name, depth+1); err != nil {
				return err // the better reason
			}
			return paramError(name, "is a "+t.String()+", which a struct cannot put into a query; pass Params")
		}
	}
	if !v.IsValid() || v.Len() == 0 {
		return c.check(t.Elem(), reflect.Value{}, name, depth+1)
	}
	if c.tag == "json" && et.Kind() == reflect.Uint8 {
		return nil
	}
	for i := range v.Len() {
		if err := c.check(t.Elem(), v.Index(i), name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *structCheck) checkMap(t reflect.Type, v reflect.Value, name string, depth int) error {
	if c.tag == "url" {
		return paramError(name, "is a map, which has no order")
	}
	if !v.IsValid() || v.Len() == 0 {
		return c.check(t.Elem(), reflect.Value{}, name, depth+1)
	}
	for it := v.MapRange(); it.Next(); { // encoding/json sorts the names
		if err := c.check(t.Elem(), it.Value(), name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// checkFields looks at a struct's fields; names are those given so far at its level.
func (c *structCheck) checkFields(t reflect.Type, v reflect.Value, names map[string]bool, depth int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get(c.tag), ",")
		if name == "-" {
			continue
		}
		var fv reflect.Value
		if v.IsValid() {
			fv = v.Field(i)
		}
		ft := f.Type
		if f.Anonymous && name == "" {
			if ft.Kind() == reflect.Pointer {
				ft = ft.Elem()
				if fv.IsValid() {
					fv = fv.Elem()
				}
			}
			if ft.Kind() == reflect.Struct && depth < maxDepth {
				if err := c.checkFields(ft, fv, names, depth+1); err != nil {
					return err
				}
				continue
			}
		}
		if c.tag == "url" {
			if name == "" {
				return paramError(f.Name, `has no url tag; write url:"name", or url:"-" to leave it out`)
			}
			if names[name] {
				return paramError(name, "given twice, by two fields")
			}
			names[name] = true
		}
		if err := c.check(f.Type, fv, f.Name, depth+1); err != nil {
			return err
		}
	}
	return nil
}
