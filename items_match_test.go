package exauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exauth/exauth"
)

// itemVenue is headerVenue with a batch of orders, a batch of cancels by id, and a
// cancel-replace. Its answers tell of each item in one word: its id, =, and ok, no or
// a code of the venue.
func itemVenue() *exauth.Venue {
	v := headerVenue("https://api.tiny.example")
	read := func(resp *exauth.Response) (items []exauth.Item) {
		var a struct{ Items []string }
		if json.Unmarshal(resp.Body, &a) != nil {
			return nil
		}
		for _, text := range a.Items {
			id, word, _ := strings.Cut(text, "=")
			it := exauth.Item{ClientOrderID: id, Outcome: exauth.OutcomeRejected, Code: word}
			switch word {
			case "ok":
				it.Outcome, it.Code, it.Kind = exauth.OutcomeAccepted, "", exauth.ErrRejected // what Read leaves behind by mistake
			case "FUNDS":
				it.Kind = exauth.ErrInsufficientFunds
			case "DUP":
				it.Kind = exauth.ErrDuplicateOrder
			case "TIMEOUT":
				it.Kind = exauth.ErrOutcomeUnknown
			}
			items = append(items, it)
		}
		return items
	}
	v.Routes = append(v.Routes,
		exauth.Route{Method: "POST", Path: "/orders", Scope: exauth.ScopeTradeSpot, Priority: exauth.PriorityOrder,
			Items: &exauth.Items{List: "orders", ClientID: "id", Single: "/order", Read: read}},
		exauth.Route{Method: "POST", Path: "/cancels", Scope: exauth.ScopeTradeSpot, Priority: exauth.PriorityCancel,
			Items: &exauth.Items{List: "numbers,ids", ClientID: "ids", Read: read}},
		exauth.Route{Method: "POST", Path: "/replace", Scope: exauth.ScopeTradeSpot, Priority: exauth.PriorityOrder, ClientID: "id",
			Items: &exauth.Items{Cancels: "old", ClientID: "id", Single: "/order", Read: read}},
		exauth.Route{Method: "POST", Path: "/bare", Scope: exauth.ScopeTradeSpot, Priority: exauth.PriorityOrder,
			Items: &exauth.Items{ClientID: "id", Single: "/order", Read: read}})
	return v
}

// TestItemsMatch: what an answer tells is laid beside what was asked, by place where
// that is certain, else by id, and is unknown where it is neither.
func TestItemsMatch(t *testing.T) {
	type order struct {
		ID    string `json:"id"`
		Price string `json:"price"`
	}
	type list struct {
		Orders []order `json:"orders"`
	}
	orders := exauth.Params{{"orders", []exauth.Params{{{"id", "a"}}, {{"id", "b"}}, {{"id", "c"}}}}}
	numbers := exauth.Params{{"numbers", []int{7, 8}}, {"ids", []string{"a"}}}
	tests := []struct {
		name, path string
		params     any
		answer     string // a word for each item
		want       string // id, outcome and kind of each item
		outcome    exauth.Outcome
	}{
		{"in order", "/orders", orders, "=ok =FUNDS =NO", "a accepted|b rejected funds|c rejected", exauth.OutcomePartial},
		{"all done", "/orders", orders, "a=ok b=ok c=ok", "a accepted|b accepted|c accepted", exauth.OutcomeAccepted},
		{"none done", "/orders", orders, "=FUNDS =NO =NO", "a rejected funds|b rejected|c rejected", exauth.OutcomeRejected},
		{"by id", "/orders", orders, "c=ok a=NO b=ok", "a rejected|b accepted|c accepted", exauth.OutcomePartial},
		{"one is missing", "/orders", orders, "b=NO a=ok", "a accepted|b rejected|c unknown unknown", exauth.OutcomeUnknown},
		{"one without an id is missing", "/orders", orders, "=ok =ok", "a unknown unknown|b unknown unknown|c unknown unknown", exauth.OutcomeUnknown},
		{"one id twice", "/orders", orders, "a=ok a=NO c=ok", "a unknown unknown|b unknown unknown|c accepted", exauth.OutcomeUnknown},
		{"one id thrice", "/orders", orders, "a=ok a=ok a=ok", "a unknown unknown|b unknown unknown|c unknown unknown", exauth.OutcomeUnknown},
		{"one too many", "/orders", orders, "a=ok b=ok c=ok d=ok", "a accepted|b accepted|c accepted", exauth.OutcomeAccepted},
		{"a foreign id", "/orders", orders, "a=ok x=ok c=ok", "a accepted|b unknown unknown|c accepted", exauth.OutcomeUnknown},
		{"the venue does not know", "/orders", orders, "=ok =TIMEOUT =ok", "a accepted|b unknown unknown|c accepted", exauth.OutcomeUnknown},
		{"nothing", "/orders", orders, "", "a unknown unknown|b unknown unknown|c unknown unknown", exauth.OutcomeUnknown},
		{"structs", "/orders", list{[]order{{"a", "1"}, {"b", "2"}}}, "b=ok a=NO", "a rejected|b accepted", exauth.OutcomePartial},
		{"structs in Params", "/orders", exauth.Params{{"orders", []order{{"a", "1"}, {"b", "2"}}}}, "b=ok a=NO", "a rejected|b accepted", exauth.OutcomePartial},
		{"JSON in a text", "/orders", exauth.Params{{"orders", `[{"id":"a"},{"id":"b"}]`}}, "b=ok a=NO", "a rejected|b accepted", exauth.OutcomePartial},
		{"a list alone", "/bare", []exauth.Params{{{"id", "a"}}, {{"id", "b"}}}, "b=ok a=NO", "a rejected|b accepted", exauth.OutcomePartial},
		{"structs alone", "/bare", []order{{"a", "1"}, {"b", "2"}}, "b=ok a=NO", "a rejected|b accepted", exauth.OutcomePartial},
		{"raw JSON alone", "/bare", json.RawMessage(`[{"id":"a"},{"id":"b"}]`), "b=ok a=NO", "a rejected|b accepted", exauth.OutcomePartial},
		{"two lists", "/cancels", numbers, "=ok =NO =ok", " accepted| rejected|a accepted", exauth.OutcomePartial},
		{"the venue's own names", "/cancels", numbers, "x=ok y=NO a=ok", "x accepted|y rejected|a accepted", exauth.OutcomePartial},
		{"the venue's own names, all done", "/cancels", numbers, "x=ok y=ok a=ok", "x accepted|y accepted|a accepted", exauth.OutcomeAccepted},
		{"the name of another item", "/cancels", numbers, "a=ok y=NO z=ok", " unknown unknown| unknown unknown|a accepted", exauth.OutcomeUnknown},
		{"the name of the first item", "/orders", exauth.Params{{"orders", []exauth.Params{{{"id", "a"}}, {{"price", "1"}}}}}, "=ok a=NO",
			"a rejected| unknown unknown", exauth.OutcomeUnknown},
		{"nobody knows what was asked", "/cancels", exauth.Params{{"all", true}}, "x=ok y=NO", "x accepted|y rejected", exauth.OutcomePartial},
		{"cancel-replace", "/replace", exauth.Params{{"old", "a"}, {"id", "b"}}, "=ok =NO", "a accepted|b rejected", exauth.OutcomePartial},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			rt := stubTrip(func(*http.Request) (*http.Response, error) {
				words, _ := json.Marshal(map[string]any{"items": strings.Fields(tc.answer)})
				return reply(200, string(words)), nil
			})
			c := newClient(t, itemVenue(), &exauth.Options{HTTPClient: &http.Client{Transport: rt}, Now: fixedNow})
			resp, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: tc.path, Params: tc.params})
			var items []exauth.Item
			outcome := exauth.OutcomeAccepted
			if e := (*exauth.Error)(nil); errors.As(err, &e) {
				items, outcome = e.Items, e.Outcome
				if (outcome == exauth.OutcomePartial) != errors.Is(err, exauth.ErrPartial) || (outcome == exauth.OutcomeUnknown) != errors.Is(err, exauth.ErrOutcomeUnknown) {
					t.Errorf("outcome %v with %v", outcome, err)
				}
			} else if err == nil {
				items = resp.Items
			}
			var got []string
			for i, it := range items {
				text := fmt.Sprintf("%s %v", it.ClientOrderID, it.Outcome)
				switch {
				case errors.Is(it.Kind, exauth.ErrInsufficientFunds):
					text += " funds"
				case errors.Is(it.Kind, exauth.ErrOutcomeUnknown):
					text += " unknown"
				case (it.Kind == exauth.ErrRejected) != (it.Outcome == exauth.OutcomeRejected):
					text += fmt.Sprint(" ", it.Kind)
				}
				if it.Index != i {
					t.Errorf("item %d has index %d", i, it.Index)
				}
				got = append(got, text)
			}
			if text := strings.Join(got, "|"); text != tc.want || outcome != tc.outcome {
				t.Errorf("%v: %s\nwant %v: %s\n%v", outcome, text, tc.outcome, tc.want, err)
			}
		})
	}
}

// TestItemsNamed: every new order gets a client order id of its own before it is sent,
// wherever the list stands; one that has an id keeps it, and what the caller encoded
// is left alone.
func TestItemsNamed(t *testing.T) {
	free, mine := exauth.Params{{"price", "1"}}, exauth.Params{{"id", "mine"}}
	for _, tc := range []struct {
		name, path string
		params     any
		want       string // of each item: given, mine, or none
	}{
		{"the list first", "/orders", exauth.Params{{"orders", []exauth.Params{free, mine}}, {"x", "1"}}, "given mine"},
		{"the list last", "/orders", exauth.Params{{"x", "1"}, {"orders", []exauth.Params{mine, free}}}, "mine given"},
		{"the list alone", "/bare", []exauth.Params{free, free}, "given given"},
		{"raw JSON", "/bare", json.RawMessage(`[{"price":"1"},{"id":"mine"}]`), "none mine"},
		{"no list", "/orders", exauth.Params{{"x", "1"}}, ""},
		{"cancels", "/cancels", exauth.Params{{"numbers", []int{7}}, {"ids", []string{"mine"}}}, "none mine"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := itemVenue()
			v.OrderIDs = map[string]exauth.OrderID{"id": {Max: 32}}
			var body string
			rt := stubTrip(func(r *http.Request) (*http.Response, error) {
				b, _ := io.ReadAll(r.Body)
				body = string(b)
				return reply(400, "{}"), nil
			})
			c := newClient(t, v, &exauth.Options{HTTPClient: &http.Client{Transport: rt}, Now: fixedNow})
			_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: tc.path, Params: tc.params})
			var e *exauth.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			var got []string
			seen := map[string]bool{}
			for _, it := range e.Items {
				switch id := it.ClientOrderID; {
				case id == "":
					got = append(got, "none")
				case id == "mine":
					got = append(got, "mine")
				case seen[id] || !strings.Contains(body, `"id":"`+id+`"`):
					got = append(got, "a second "+id+", or not sent")
				default:
					got, seen[id] = append(got, "given"), true
				}
			}
			if text := strings.Join(got, " "); text != tc.want {
				t.Errorf("%s, want %s; sent %s", text, tc.want, body)
			}
		})
	}
}

// TestItemsDuplicate: "there is an order of this id" rejects an item the first time. Of
// a batch that was sent again it may be the first attempt's order: that is unknown.
func TestItemsDuplicate(t *testing.T) {
	for tries, want := range map[int32]exauth.Outcome{1: exauth.OutcomeRejected, 2: exauth.OutcomeUnknown} {
		var n atomic.Int32
		rt := stubTrip(func(*http.Request) (*http.Response, error) {
			if n.Add(1) < tries {
				return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
			}
			return reply(200, `{"items":["=DUP"]}`), nil
		})
		c := newClient(t, itemVenue(), &exauth.Options{HTTPClient: &http.Client{Transport: rt}, Now: fixedNow})
		_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/orders", Params: exauth.Params{{"orders", []exauth.Params{{{"id", "a"}}}}}})
		var e *exauth.Error
		if !errors.As(err, &e) || n.Load() != tries || e.Outcome != want || e.Items[0].Outcome != want {
			t.Errorf("after %d tries: %+v, want %v", n.Load(), e, want)
		}
	}
}

// TestItemsHalf: a venue that says "partly" of a call is taken at what it says of the
// items.
func TestItemsHalf(t *testing.T) {
	for items, want := range map[string]struct {
		kind    error
		outcome exauth.Outcome
	}{
		`"a=ok","b=NO"`:      {exauth.ErrPartial, exauth.OutcomePartial},
		`"a=ok","b=TIMEOUT"`: {exauth.ErrOutcomeUnknown, exauth.OutcomeUnknown},
		`"a=FUNDS","b=NO"`:   {exauth.ErrInsufficientFunds, exauth.OutcomeRejected},
	} {
		rt := stubTrip(func(*http.Request) (*http.Response, error) {
			return reply(200, `{"code":"PARTIAL","items":[`+items+`]}`), nil
		})
		c := newClient(t, itemVenue(), &exauth.Options{HTTPClient: &http.Client{Transport: rt}, Now: fixedNow})
		_, err := c.Do(t.Context(), exauth.Call{Method: "POST", Path: "/orders", Params: exauth.Params{{"orders", []exauth.Params{{{"id", "a"}}, {{"id", "b"}}}}}})
		var e *exauth.Error
		if !errors.As(err, &e) || e.Kind != want.kind || e.Outcome != want.outcome {
			t.Errorf("%s: %+v, want %v and %v", items, e, want.kind, want.outcome)
		}
	}
}
