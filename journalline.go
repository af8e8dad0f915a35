package exauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// A journal is lines of text: a checksum and a JSON object each, after a first line
// that says what it is. A line without "fate" opens an entry, one with it ends it.

const journalHead = "exauth journal 1"

// journalRecord is one line.
type journalRecord struct {
	N       uint64        `json:"n"`
	Fate    string        `json:"fate,omitempty"`
	Lost    string        `json:"lost,omitempty"` // instead of all below: what a damaged line was
	Venue   string        `json:"venue,omitempty"`
	Env     string        `json:"env,omitempty"`
	Account string        `json:"account,omitempty"`
	Key     string        `json:"key,omitempty"` // fingerprint
	Scope   Scope         `json:"scope,omitempty"`
	Method  string        `json:"method,omitempty"`
	Path    string        `json:"path,omitempty"`
	ID      string        `json:"id,omitempty"`
	Sent    time.Time     `json:"sent,omitzero"` // the stamp, by the venue's clock
	Window  time.Duration `json:"window,omitempty"`
	Until   time.Time     `json:"until,omitzero"`
	Settled time.Time     `json:"settled,omitzero"`
	Ask     []journalCall `json:"ask,omitempty"`
	Items   []journalItem `json:"items,omitempty"`
}

// journalCall is one read that Resolve asks.
type journalCall struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Params json.RawMessage `json:"params,omitempty"` // an object, in the order sent
}

// journalItem is one operation of a call that holds several.
type journalItem struct {
	ID    string        `json:"id,omitempty"`
	Path  string        `json:"path,omitempty"`
	Until time.Time     `json:"until,omitzero"`
	Ask   []journalCall `json:"ask,omitempty"`
}

// journalLine writes one line.
func journalLine(r *journalRecord) []byte {
	text, err := json.Marshal(r)
	if err != nil { // a year beyond 9999: no clock of ours
		text, _ = json.Marshal(&journalRecord{N: r.N, Lost: "an entry that could not be written down"})
	}
	line := append([]byte(checksum(text)), ' ')
	return append(append(line, text...), '\n')
}

func fateLine(n uint64, fate Outcome) []byte {
	return journalLine(&journalRecord{N: n, Fate: fate.String()})
}

// record is the line of an intent.
func (it *journalEntry) record() []byte {
	e, q := &it.about, it.q
	r := &journalRecord{N: it.n, Venue: e.Venue, Env: q.environment, Account: q.account, Key: q.key, Scope: q.scope, Method: e.Method, Path: e.Path,
		ID: e.ClientOrderID, Sent: e.Sent, Window: q.write.Window, Until: q.until, Settled: e.SettledAt, Ask: journalCalls(q.ask)}
	for _, item := range e.Items {
		r.Items = append(r.Items, journalItem{ID: item.ClientOrderID})
	}
	for _, iq := range q.items {
		to := &r.Items[iq.index]
		to.Path, to.Until, to.Ask = iq.write.Path, iq.until, journalCalls(iq.ask)
	}
	return journalLine(r)
}

// journalCalls writes down lookups. One that cannot be written leaves none: half of
// the question is another question.
func journalCalls(calls []Call) (list []journalCall) {
	for _, call := range calls {
		p, err := asParams(call.Params)
		if err != nil || call.Query != nil {
			return nil
		}
		text, err := appendJSONObject(nil, p, 0, 0)
		if err != nil {
			return nil
		}
		list = append(list, journalCall{call.Method, call.Path, text})
	}
	return list
}

// parse takes in a file's text and returns how much of it is whole.
func (j *journal) parse(text []byte) (whole int, err error) {
	head, rest, ok := bytes.Cut(text, []byte("\n"))
	if !ok || string(head) != journalHead {
		return 0, errors.New("is no journal")
	}
	whole = len(head) + 1
	ended := map[uint64]*journalEntry{} // in case the entry is opened again
	bad := 0                            // damaged lines since the last whole one
	var holes []int
	for number := 2; len(rest) > 0; number++ {
		line, after, ok := bytes.Cut(rest, []byte("\n"))
		r := new(journalRecord)
		if !ok || !r.read(line) {
			bad++
			rest = after
			continue
		}
		for ; bad > 0; bad-- { // something whole comes after it: it is no torn end
			holes = append(holes, number-bad)
		}
		j.take(r, ended)
		whole, rest = len(text)-len(after), after
	}
	for _, number := range holes { // under numbers that no line has
		j.next++
		j.lost(j.next, "line "+strconv.Itoa(number)+" of the journal was damaged; what it held is not known")
	}
	return whole, nil
}

// read parses one line.
func (r *journalRecord) read(line []byte) bool {
	sum, body, ok := bytes.Cut(line, []byte(" "))
	return ok && string(sum) == checksum(body) && json.Unmarshal(body, r) == nil && r.N > 0
}

// take carries one line out.
func (j *journal) take(r *journalRecord, ended map[uint64]*journalEntry) {
	j.next = max(j.next, r.N)
	switch {
	case r.Lost != "":
		j.lost(r.N, r.Lost)
	case r.Fate == "":
		if was := ended[r.N]; was != nil {
			j.past = slices.DeleteFunc(j.past, func(o *journalEntry) bool { return o == was })
		}
		j.open[r.N] = j.entry(r)
	default:
		it := j.open[r.N]
		fate := Outcome(slices.Index(outcomeNames[:], r.Fate))
		if it == nil || slices.Index(outcomeNames[:], r.Fate) < 0 || fate == OutcomeUnknown {
			return
		}
		delete(j.open, r.N)
		ended[r.N], it.about.Outcome = it, fate
		if fate != OutcomeNotSent {
			j.remember(it)
		}
	}
}

// lost enters what is known of a line that was damaged: that there was one.
func (j *journal) lost(n uint64, what string) {
	it := &journalEntry{journal: j, n: n, q: new(question), about: Error{Outcome: OutcomeUnknown, Message: what}}
	it.q.entry = it
	it.line = journalLine(&journalRecord{N: n, Lost: what})
	j.open[n] = it
}

// entry makes of an intent what Pending returns of it.
func (j *journal) entry(r *journalRecord) *journalEntry {
	it := &journalEntry{journal: j, n: r.N, line: journalLine(r)}
	it.about = Error{Venue: r.Venue, Method: r.Method, Path: r.Path, Kind: ErrOutcomeUnknown, Outcome: OutcomeUnknown,
		ClientOrderID: r.ID, Sent: r.Sent, Message: "in flight when its process ended"}
	q := &question{environment: r.Env, account: r.Account, key: r.Key, scope: r.Scope, read: true, entry: it}
	q.write = Write{Method: r.Method, Path: r.Path, ClientOrderID: r.ID, Time: r.Sent, Window: r.Window}
	q.until, q.ask = sane(r.Sent, r.Until), askedCalls(r.Ask)
	q.write.Deadline = q.until
	if it.about.SettledAt = r.Settled; q.until.IsZero() {
		it.about.SettledAt = time.Time{}
	}
	for i, item := range r.Items {
		it.about.Items = append(it.about.Items, Item{Index: i, ClientOrderID: item.ID, Outcome: OutcomeUnknown, Kind: ErrOutcomeUnknown})
		if ask := askedCalls(item.Ask); len(ask) > 0 {
			one := *q
			one.ask, one.until = ask, sane(r.Sent, item.Until)
			one.write.Path, one.write.ClientOrderID, one.write.Deadline = item.Path, item.ID, one.until
			q.items = append(q.items, itemQuestion{i, &one})
		}
	}
	if len(r.Items) > 0 {
		q.ask = nil
	}
	it.q = q
	return it
}

// sane drops a last moment that no venue has: to wait for it would be for ever, and
// to believe it a guess.
func sane(sent, until time.Time) time.Time {
	if d := until.Sub(sent); d < 0 || d > time.Hour {
		return time.Time{}
	}
	return until
}

func askedCalls(list []journalCall) (calls []Call) {
	for _, l := range list {
		tree, err := decodeJSON(l.Params)
		p, ok := tree.(Params)
		if err != nil || !ok {
			return nil
		}
		calls = append(calls, Call{Method: l.Method, Path: l.Path, Params: p})
	}
	return calls
}

// snapshot is a file that holds what this one knows; the journal is locked, or nobody
// else has it yet.
func (j *journal) snapshot() []byte {
	text := append([]byte(journalHead), '\n')
	for _, it := range j.past {
		text = append(append(text, it.line...), fateLine(it.n, it.about.Outcome)...)
	}
	for _, n := range slices.Sorted(maps.Keys(j.open)) {
		text = append(text, j.open[n].line...)
	}
	return text
}

// enter writes the intent of an attempt down before it is sent. It returns nil for
// calls that change nothing, and when there is no journal.
func (c *core) enter(ctx context.Context, d *draft, b *binding, stamp time.Time) (*journalEntry, error) {
	j := c.opts.Journal
	if j == nil || !d.need.writes() {
		return nil, nil
	}
	it := &journalEntry{}
	it.about = Error{Kind: ErrOutcomeUnknown, Outcome: OutcomeUnknown, Sent: stamp, Message: "in flight"}
	c.describe(&it.about, d)
	d.itemise(&it.about, nil)
	it.q, it.about.SettledAt = c.ponder(&it.about, d, stamp)
	it.q.entry, it.q.key, it.q.scope = it, b.mark, d.need
	err := j.core().begin(ctx, it, d.opensRisk())
	switch {
	case err == nil:
		return it, nil
	case d.opensRisk():
		return nil, err
	case it.journal == nil: // it is closed
		return nil, nil
	}
	return it, nil
}

// checkAsker refuses to ask with the key of perhaps another account what became of a
// call: it would not find it, and that would be taken for an answer.
func (c *core) checkAsker(ctx context.Context, q *question) error {
	if q.key == "" || q.account != "" || c.keys == nil {
		return nil
	}
	key, err := c.keys.Key(ctx, Need{Venue: c.venue.Name, Environment: c.venue.Environment, Scope: q.scope})
	if err != nil {
		return err
	}
	if mark := fingerprint(c.venue.Name, key.info().id); mark != q.key {
		return fmt.Errorf("%w: the call was made with key %s and this client has %s, perhaps of another account; "+
			"name accounts in Options.Account, and end this entry with Journal.Settle", ErrKey, q.key, mark)
	}
	return nil
}

// onlyReads reports whether lookups that come from a file only read: it could have
// been changed.
func (c *core) onlyReads(calls []Call) bool {
	for _, call := range calls {
		d, err := c.prepare(call, false)
		ok := err == nil && d.listed && !d.need.writes()
		c.done(d)
		if !ok {
			return false
		}
	}
	return true
}

// endEntry tells the journal what became of an attempt.
func (t *trip) endEntry(resp *Response, err error) {
	if t.entry == nil {
		return
	}
	fate := OutcomeAccepted
	if e, ok := errors.AsType[*Error](err); ok {
		fate = e.Outcome
	} else if err != nil {
		fate = OutcomeNotSent
	}
	t.entry.ended(fate)
	if resp != nil {
		resp.entry = t.entry
	}
}
