package exauth

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// An Item is one operation of a call that holds several, a batch or a
// cancel-replace, and what became of it. Error.Items has one for each operation, in
// the order of the call, and so has Response.Items.
type Item struct {
	Index         int    // in the call, from 0; a cancel-replace cancels with 0 and places with 1
	ClientOrderID string // of the order it places, changes or cancels; "" where it is named otherwise
	Outcome       Outcome
	Kind          error  // why it was not done: one of the sentinels, or nil
	Code, Message string // the venue's own, redacted; "" for what was done
	Payload       []byte // of a Resolution: the order as the venue lists it
}

// Items says how a route's calls hold several operations, and how their answers
// tell of each: data and one small function of the venue's file.
type Items struct {
	// List is the parameter that holds the operations, "" where the body is the list.
	// Alternatives have commas between them, and count as one list where several are
	// given.
	List string

	// ClientID is the parameter of an operation that carries the client order id. In a
	// list of plain values it is the list whose values are client order ids.
	ClientID string

	// Cancels makes the call a cancel-replace, which has no list: ClientID names the
	// order it places, and Cancels the parameter that names the one it cancels.
	Cancels string

	// Single is the path that places one such order, with {x} for what this route's path
	// has there. It is set where the operations are new orders: then Do gives each a
	// client order id of its own before anything is sent, and Venue.Lookup is asked
	// about each as if it had been sent there, with the call's other parameters.
	Single string

	// Read takes the fates out of an answer, in the order of the call: Outcome, and Kind,
	// Code and Message of what was not done. An item with a ClientOrderID is of that
	// order, wherever it stands. Nil or empty: the answer speaks of the call as a whole.
	Read func(resp *Response) []Item
}

// sumOf is the fate of a call by those of its items: unknown as long as one is.
func sumOf(items []Item) Outcome {
	sum := items[0].Outcome
	for _, it := range items {
		switch {
		case it.Outcome == OutcomeUnknown:
			return OutcomeUnknown
		case it.Outcome != sum:
			sum = OutcomePartial
		}
	}
	return sum
}

// operations finds what a call consists of: its items, and the parameters of each.
func (d *draft) operations() (items []Item, params []Params) {
	it := d.route.Items
	if it == nil || !d.need.writes() {
		return nil, nil
	}
	if it.Cancels != "" {
		return []Item{{ClientOrderID: d.text(it.Cancels)}, {Index: 1, ClientOrderID: d.text(it.ClientID)}}, []Params{nil, nil}
	}
	for name := range strings.SplitSeq(it.List, ",") {
		for _, v := range d.operands(name) {
			own, id := Params(nil), ""
			if p, ok := v.(Params); ok {
				own, id = p, p.text(it.ClientID)
			} else if name == it.ClientID {
				id = Params{{name, v}}.text(name)
			}
			items = append(items, Item{Index: len(items), ClientOrderID: id})
			params = append(params, own)
		}
	}
	return items, params
}

// operands returns the values of a list in the call, however its caller wrote it.
func (d *draft) operands(name string) []any {
	var v any = d.list
	if name != "" {
		v = nil
		for _, p := range d.fields() {
			if p.Name == name {
				v = p.Value
			}
		}
	} else if v == nil {
		v = json.RawMessage(d.req.Body)
	}
	return listOf(v)
}

// listOf reads a list: a slice, or JSON in a text.
func listOf(v any) []any {
	switch text := v.(type) {
	case nil:
		return nil
	case string:
		v = json.RawMessage(text)
	case []byte:
		v = json.RawMessage(text)
	}
	if raw, ok := v.(json.RawMessage); ok {
		tree, err := decodeJSON(raw)
		if err != nil {
			return nil
		}
		list, _ := tree.([]any)
		return list
	}
	list, ok := asSlice(v)
	if !ok {
		return nil
	}
	list = slices.Clone(list)
	for i, v := range list {
		if _, ok := v.(Params); ok {
			continue
		}
		if tree, err := jsonTree(v); err == nil { // a struct shows its names
			list[i] = tree
		}
	}
	return list
}

// nameItems gives every new order of a batch that has no client order id one of its
// own, before anything of it is sent, under the same limits as nameOrder.
func (c *core) nameItems(d *draft, fresh bool) error {
	it := d.route.Items
	if it == nil || !d.need.writes() {
		return nil
	}
	if form, known := c.venue.OrderIDs[it.ClientID]; known && fresh && it.Single != "" && it.Cancels == "" && !c.opts.NoOrderID {
		if err := c.giveIDs(d, it, form); err != nil {
			return err
		}
	}
	d.items, d.itemParams = d.operations()
	return nil
}

// giveIDs writes ids into the list of a draft that was encoded without them. A list
// that the caller encoded himself stays as it is.
func (c *core) giveIDs(d *draft, it *Items, form OrderID) error {
	if it.List == "" {
		list, changed, err := c.identified(d.list, it.ClientID, form)
		if err != nil || !changed {
			return err
		}
		d.list, d.req.Body = list, nil
		return d.write(nil, d.query, list, d.style)
	}
	i := slices.IndexFunc(d.params, func(p Param) bool { return p.Name == it.List })
	if i < 0 || !d.ours {
		return nil
	}
	list, changed, err := c.identified(d.params[i].Value, it.ClientID, form)
	if err != nil || !changed {
		return err
	}
	d.params = slices.Clone(d.params)
	d.params[i].Value, d.req.Body = list, nil
	return d.write(d.params, d.query, nil, d.style)
}

// identified returns a list of orders of which every one has an id.
func (c *core) identified(v any, name string, form OrderID) (list []any, changed bool, err error) {
	switch v.(type) {
	case nil, string, []byte, json.RawMessage:
		return nil, false, nil
	}
	list = listOf(v)
	for i, v := range list {
		p, ok := v.(Params)
		if !ok {
			return nil, false, nil
		}
		if p.text(name) != "" || slices.ContainsFunc(form.Excludes, func(other string) bool { return p.text(other) != "" }) {
			continue
		}
		id, err := form.make(c.opts.Rand)
		if err != nil {
			return nil, false, err
		}
		p = slices.DeleteFunc(slices.Clone(p), func(q Param) bool { return q.Name == name }) // an empty one
		list[i], changed = append(p, Param{name, id}), true
	}
	return list, changed, nil
}

// itemsOf reads the fates in an answer, nil when it speaks of the call as a whole.
// What the answer does not tell of stays unknown.
func (c *core) itemsOf(d *draft, t *trip, resp *Response) []Item {
	it := d.route.Items
	if it == nil || it.Read == nil || !d.need.writes() {
		return nil
	}
	told := it.Read(resp)
	if len(told) == 0 {
		return nil
	}
	items := d.match(told)
	for i := range items {
		m := &items[i]
		m.Code, m.Message = shorten(t.scrub(oneLine(m.Code))), shorten(t.scrub(oneLine(m.Message)))
		switch {
		case m.Outcome == OutcomeAccepted:
			m.Kind = nil
		case errors.Is(m.Kind, ErrOutcomeUnknown), t.number > 1 && errors.Is(m.Kind, ErrDuplicateOrder):
			m.Outcome = OutcomeUnknown // sent again, and an order of the name exists: ask which
		case m.Kind == nil:
			m.Kind = ErrRejected
		}
	}
	return items
}

// match lays what an answer tells beside the operations of the call: in the call's
// order where neither number nor ids speak against it, by ids otherwise.
func (d *draft) match(told []Item) []Item {
	items := slices.Clone(d.items)
	if len(items) == 0 { // nobody knows what was asked; the answer does
		for i := range told {
			told[i].Index = i
		}
		return told
	}
	inOrder := len(told) == len(items)
	for i := 0; i < len(told) && inOrder; i++ {
		switch id := told[i].ClientOrderID; {
		case id == "":
		case items[i].ClientOrderID == "": // the venue made one; the id of another item is that item's
			inOrder = onlyItem(items, id) < 0
		default:
			inOrder = id == items[i].ClientOrderID
		}
	}
	for i := range items {
		items[i].Outcome, items[i].Kind = OutcomeUnknown, ErrOutcomeUnknown
		j := i
		if !inOrder {
			j = onlyItem(told, items[i].ClientOrderID)
		}
		if j < 0 {
			continue
		}
		found := told[j]
		found.Index, found.ClientOrderID = i, cmp.Or(items[i].ClientOrderID, found.ClientOrderID)
		items[i] = found
	}
	return items
}

// onlyItem finds the one item of an id, -1 when there is none, or more.
func onlyItem(items []Item, id string) int {
	found := -1
	for i := range items {
		if id == "" || items[i].ClientOrderID != id {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// itemsFault is the error of a call whose answer tells of its items, nil when all of
// them were done. It is about the first that was not. An answer that claims success
// and says nothing of the items it was asked about is no answer to this call.
func (d *draft) itemsFault(items []Item) error {
	if len(items) == 0 && len(d.items) > 0 && d.route.Items.Read != nil {
		return &Error{Kind: ErrOutcomeUnknown, Message: "answer does not tell what became of the operations"}
	}
	for _, it := range items {
		if it.Outcome != OutcomeAccepted {
			return &Error{Kind: it.Kind, Code: cmp.Or(it.Code, "item"), Message: it.Message}
		}
	}
	return nil
}

// accepted lists the items of a call that was done: as the answer tells of them, or
// as they were asked for.
func (d *draft) accepted(told []Item) []Item {
	if told != nil {
		return told
	}
	items := slices.Clone(d.items)
	for i := range items {
		items[i].Outcome = OutcomeAccepted
	}
	return items
}

// itemise puts the fates of its items into an error. told is what the answer says of
// them; without it, they share the fate of the call.
func (d *draft) itemise(e *Error, told []Item) {
	if told == nil {
		e.Items = slices.Clone(d.items)
		for i := range e.Items {
			e.Items[i].Outcome, e.Items[i].Kind = e.Outcome, e.Kind
		}
		return
	}
	e.Items, e.Outcome = told, sumOf(told)
	partial := errors.Is(e.Kind, ErrPartial)
	switch {
	case e.Outcome == OutcomePartial:
		e.Kind = ErrPartial
	case e.Outcome == OutcomeUnknown && partial:
		e.Kind = ErrOutcomeUnknown
	case partial:
		e.Kind = told[0].Kind
	}
}

// itemQuestion is what is remembered of one item, to settle it by.
type itemQuestion struct {
	index int
	*question
}

// questionsOf asks the venue how the new orders of a call can be settled whose fate
// is unknown.
func (c *core) questionsOf(w Write, d *draft, items []Item) (list []itemQuestion) {
	it := d.route.Items
	if it == nil || it.Single == "" || len(items) != len(d.itemParams) {
		return nil
	}
	for i, item := range items {
		if item.Outcome != OutcomeUnknown || it.Cancels != "" && i == 0 {
			continue
		}
		one := w
		one.Path, one.ClientOrderID = fillSingle(it.Single, w.Path), item.ClientOrderID
		one.Params = slices.Concat(d.itemParams[i], slices.DeleteFunc(slices.Clone(w.Params), func(p Param) bool { return p.Name == it.List }))
		if f := c.questionOf(one); len(f.ask) > 0 {
			list = append(list, itemQuestion{i, f})
		}
	}
	return list
}

// fillSingle puts the segments of a path where a pattern has {x}.
func fillSingle(pattern, path string) string {
	if !strings.Contains(pattern, "{") {
		return pattern
	}
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	for i := range min(len(want), len(have)) {
		if strings.HasPrefix(want[i], "{") {
			want[i] = have[i]
		}
	}
	return strings.Join(want, "/")
}
