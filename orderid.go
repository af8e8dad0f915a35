package exauth

import (
	"cmp"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// An OrderID is how a venue wants the client order ids that exauth makes. Ids are
// Prefix and lower-case letters and digits, 120 random bits where Max leaves room
// for them; or a random UUID.
type OrderID struct {
	Max    int    // the most characters the venue takes, Prefix included
	Prefix string // what every id begins with, "t-" at Gate
	UUID   bool   // a UUID, for venues whose other form is too short

	// Excludes are parameters beside which the venue takes no client order id.
	Excludes []string
}

// Random characters of an id: what 120 bits need, and the fewest that two ids will
// not share by chance (5 bits each).
const (
	orderIDChars = 24
	orderIDLeast = 16
)

var orderIDText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// check finds a form that ids cannot be made in.
func (f OrderID) check(name string) error {
	if !f.UUID && f.Max-len(f.Prefix) < orderIDLeast {
		return fmt.Errorf("%w: client order ids in %q would have fewer than %d random characters", ErrParam, name, orderIDLeast)
	}
	return nil
}

// make draws an id.
func (f OrderID) make(rand io.Reader) (string, error) {
	if f.UUID {
		return newUUID(rand)
	}
	var b [orderIDChars * 5 / 8]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("exauth: no randomness: %w", err)
	}
	text := orderIDText.EncodeToString(b[:])
	return f.Prefix + text[:min(len(text), f.Max-len(f.Prefix))], nil
}

// nameOrder settles the client order id of a call before anything of it is sent:
// the parameter's value, else Call.ClientOrderID, which is then written into the
// parameter, else with fresh an id of our own. What the caller encoded himself
// stays as it is.
func (c *core) nameOrder(d *draft, call Call, fresh bool) error {
	name := d.route.ClientID
	if name == "" {
		return nil // the id, if there is one, is only the caller's label
	}
	given, id := cmp.Or(d.text(name), d.query.text(name)), call.ClientOrderID
	switch {
	case given != "" && id != "" && given != id:
		return paramError(name, "differs from Call.ClientOrderID")
	case given != "":
		d.orderID = given
		return nil
	case !d.ours || d.has(name) || d.sibling(name):
		return nil
	}
	form, known := c.venue.OrderIDs[name]
	for _, other := range form.Excludes {
		if !d.has(other) {
			continue
		}
		if id != "" {
			return paramError(other, "excludes a client order id at the venue")
		}
		return nil
	}
	if id == "" {
		if !fresh || !known || c.opts.NoOrderID || !d.need.writes() || len(d.params) == 0 {
			return nil
		}
		var err error
		if id, err = form.make(c.opts.Rand); err != nil {
			return err
		}
	}
	return c.putOrderID(d, name, id)
}

// putOrderID writes an id into a draft that was encoded without one.
func (c *core) putOrderID(d *draft, name, id string) error {
	named := slices.DeleteFunc(slices.Clone(d.params), func(p Param) bool { return p.Name == name }) // an empty one
	d.params, d.orderID = append(named, Param{name, id}), id
	d.req.Body = nil
	return d.write(d.params, d.query, nil, d.style)
}

// has reports whether the caller named a parameter and gave it a value.
func (d *draft) has(name string) bool {
	for _, list := range [2]Params{d.params, d.query} {
		for _, p := range list {
			if p.Name == name && p.Value != "" {
				return true
			}
		}
	}
	return false
}

// sibling reports a nested name, "id[x]", which a plain one cannot stand beside.
func (d *draft) sibling(name string) bool {
	return slices.ContainsFunc(d.params, func(p Param) bool { return strings.HasPrefix(p.Name, name+"[") })
}

// text finds one parameter of a call by name, as text.
func (d *draft) text(name string) string {
	fields := d.params
	if fields == nil {
		fields, _ = d.req.Fields()
	}
	return fields.text(name)
}

// text returns the scalar called name as the venue reads it, "" when there is none.
func (p Params) text(name string) string {
	for i := range p {
		if p[i].Name != name {
			continue
		}
		switch v := p[i].Value.(type) {
		case string:
			return v
		case json.Number:
			return string(v)
		case Params, json.RawMessage, []byte, nil:
			return ""
		}
		switch rv := reflect.ValueOf(p[i].Value); { // as appendScalar writes it
		case rv.Kind() == reflect.String:
			return rv.String()
		case rv.CanInt():
			return strconv.FormatInt(rv.Int(), 10)
		case rv.CanUint():
			return strconv.FormatUint(rv.Uint(), 10)
		case rv.Kind() == reflect.Bool:
			return strconv.FormatBool(rv.Bool())
		}
		return ""
	}
	return ""
}

// newUUID draws a version 4 UUID (RFC 9562 section 5.4).
func newUUID(rand io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("exauth: no randomness: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], nil
}

// byUs reports parameters that exauth encodes, to which it may add one: Params and
// structs, by their type.
func byUs(params any) bool {
	switch params.(type) {
	case nil, Params, url.Values:
		return true
	case json.RawMessage, []byte:
		return false
	}
	t := reflect.TypeOf(params)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}
