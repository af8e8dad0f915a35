package exauth_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

type params = exauth.Params

func p1(name string, value any) params { return params{{Name: name, Value: value}} }

// TestQueryEveryByte: unreserved bytes stay, everything else is escaped in upper
// case and comes back, control characters and broken UTF-8 are refused.
func TestQueryEveryByte(t *testing.T) {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
	for b := range 256 {
		text := "x" + string([]byte{byte(b)}) + "y"
		got, err := exauth.AppendQuery(nil, p1("k", text), exauth.StyleQuery)
		if b < ' ' || b >= 0x7f {
			if !errors.Is(err, exauth.ErrParam) {
				t.Errorf("byte %#x: got %q, %v; want ErrParam", b, got, err)
			}
			continue
		}
		want := "k=x%" + strings.ToUpper(string("0123456789abcdef"[b>>4])+string("0123456789abcdef"[b&15])) + "y"
		if strings.IndexByte(plain, byte(b)) >= 0 {
			want = "k=" + text
		}
		if err != nil || string(got) != want {
			t.Errorf("byte %#x: got %q, %v; want %q", b, got, err, want)
		}
		if back, err := url.ParseQuery(string(got)); err != nil || back.Get("k") != text {
			t.Errorf("byte %#x: comes back as %q, %v", b, back.Get("k"), err)
		}
	}
}

func TestQueryStyles(t *testing.T) {
	const s = exauth.StyleQuery
	list, nested := p1("k", []any{"a", 2, true}), params{{"z", "1"}, {"o", params{{"y", "2"}, {"b", []string{"p", "q"}}}}, {"a", "3"}}
	for _, c := range []struct {
		name  string
		p     params
		style exauth.Style
		want  string
	}{
		{"nothing", nil, s, ""},
		{"order is the caller's", params{{"b", "1"}, {"a", "2"}}, s, "b=1&a=2"},
		{"sorted", params{{"b", "1"}, {"a", "2"}, {"B", "3"}}, s | exauth.StyleSorted, "B=3&a=2&b=1"},
		{"sorted at every level", nested, s | exauth.StyleSorted | exauth.StyleBrackets, "a=3&o[b][0]=p&o[b][1]=q&o[y]=2&z=1"},
		{"empty value", p1("k", ""), s, "k="},
		{"space", p1("k", "a b+c"), s, "k=a%20b%2Bc"},
		{"space as plus", p1("k", "a b+c"), s | exauth.StyleSpacePlus, "k=a+b%2Bc"},
		{"one value stays one (S4)", p1("k", "1&amount=9999"), s, "k=1%26amount%3D9999"},
		{"a name stays one", p1("a&b=c", "1"), s, "a%26b%3Dc=1"},
		{"unicode", p1("k", "é€𝄞"), s, "k=%C3%A9%E2%82%AC%F0%9D%84%9E"},
		{"integers", params{{"a", 1}, {"b", int64(math.MinInt64)}, {"c", uint64(math.MaxUint64)}, {"d", int8(-3)}}, s, "a=1&b=-9223372036854775808&c=18446744073709551615&d=-3"},
		{"booleans", params{{"a", true}, {"b", false}}, s, "a=true&b=false"},
		{"json.Number", p1("k", json.Number("9007199254740993.10")), s, "k=9007199254740993.10"},
		{"decimal strings as given (S6)", p1("k", "0.00010"), s, "k=0.00010"},
		{"raw JSON", p1("k", json.RawMessage(`{"a": 1}`)), s, "k=%7B%22a%22%3A%201%7D"},
		{"named types", params{{"a", http.MethodGet}, {"d", exauth.PriorityOrder}, {"e", textKind("x y")}}, s, "a=GET&d=1&e=x%20y"},
		{"array, indexed", list, s, "k%5B0%5D=a&k%5B1%5D=2&k%5B2%5D=true"},
		{"array, brackets literal", list, s | exauth.StyleBrackets, "k[0]=a&k[1]=2&k[2]=true"},
		{"array, repeated", list, s | exauth.StyleArrayRepeat, "k=a&k=2&k=true"},
		{"array, empty brackets", list, s | exauth.StyleArrayEmpty | exauth.StyleBrackets, "k[]=a&k[]=2&k[]=true"},
		{"array, comma", p1("k", []string{"a,b", "c"}), s | exauth.StyleArrayComma, "k=a%2Cb,c"},
		{"array, JSON", p1("k", []any{"a", 2}), s | exauth.StyleArrayJSON, "k=%5B%22a%22%2C2%5D"},
		{"array of integers", p1("k", []int64{1 << 60, 2}), s | exauth.StyleArrayComma, "k=1152921504606846976,2"},
		{"array, empty", params{{"a", "1"}, {"k", []string{}}, {"b", "2"}}, s, "a=1&b=2"},
		{"nested", nested, s | exauth.StyleBrackets, "z=1&o[y]=2&o[b][0]=p&o[b][1]=q&a=3"},
		{"list of objects", p1("o", []any{params{{"a", 1}, {"b", 2}}}), s | exauth.StyleBrackets, "o[0][a]=1&o[0][b]=2"},
	} {
		got, err := exauth.AppendQuery(nil, c.p, c.style)
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.name, got, err, c.want)
		}
	}
}

type textKind string

func TestJSONStyles(t *testing.T) {
	for _, c := range []struct {
		name  string
		v     any
		style exauth.Style
		want  string
	}{
		{"nil", nil, 0, `null`},
		{"order is the caller's", params{{"b", 1}, {"a", "2"}, {"n", nil}}, 0, `{"b":1,"a":"2","n":null}`},
		{"sorted at every level", params{{"b", params{{"y", 1}, {"x", 2}}}, {"a", 3}}, exauth.StyleSorted, `{"a":3,"b":{"x":2,"y":1}}`},
		{"strings", params{{"k", "<a&b> \"q\" \\ / é \u2028 \x7f"}}, 0, `{"k":"<a&b> \"q\" \\ / é ` + "\u2028 \x7f" + `"}`},
		{"control characters are escaped (S7)", p1("k", "\x00\b\t\n\f\r\x1f"), 0, `{"k":"\u0000\b\t\n\f\r\u001f"}`},
		{"numbers stay exact (S6)", params{{"a", json.Number("0.1000")}, {"b", uint64(math.MaxUint64)}, {"c", json.Number("12345678901234567890")}}, 0, `{"a":0.1000,"b":18446744073709551615,"c":12345678901234567890}`},
		{"raw JSON untouched", p1("k", json.RawMessage(`{"b" : 1e5,"a":[ ]}`)), 0, `{"k":{"b" : 1e5,"a":[ ]}}`},
		{"lists", []any{"a", 1, []string{"b"}, params{{"x", true}}}, 0, `["a",1,["b"],{"x":true}]`},
		{"empty list and object", params{{"a", []string{}}, {"b", params{}}}, 0, `{"a":[],"b":{}}`},
		{"struct by json tags", struct {
			B  string `json:"b"`
			A  int64  `json:"a"`
			No string `json:"no,omitempty"`
			In *inner `json:"in"`
		}{"<x>", 1 << 60, "", &inner{"y"}}, 0, `{"b":"<x>","a":1152921504606846976,"in":{"deep":"y"}}`},
		{"list of structs", []inner{{"a"}, {"b"}}, 0, `[{"deep":"a"},{"deep":"b"}]`},
	} {
		got, err := exauth.AppendJSON(nil, c.v, c.style)
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.name, got, err, c.want)
		}
		if back := any(nil); json.Unmarshal(got, &back) != nil {
			t.Errorf("%s: not JSON: %s", c.name, got)
		}
	}
}

type inner struct {
	Deep string `json:"deep" url:"deep"`
}

// TestParamsRefused: what no venue means is an error that says what to do and
// never shows the value.
func TestParamsRefused(t *testing.T) {
	loop := []any{nil}
	loop[0] = loop
	for _, c := range []struct {
		name string
		p    params
		want string // in the error
	}{
		{"float", p1("price", 1.5), "float"},
		{"float32", p1("price", float32(1)), "float"},
		{"NaN", p1("price", math.NaN()), "float"},
		{"floats in a list", p1("price", []float64{1}), "float"},
		{"float in a nested list", p1("o", params{{"price", []any{"1", 2.5}}}), "float"},
		{"exponent", p1("price", json.Number("1e-7")), "plain decimal"},
		{"NaN as number", p1("price", json.Number("NaN")), "plain decimal"},
		{"Inf as number", p1("price", json.Number("Inf")), "plain decimal"},
		{"minus zero", p1("price", json.Number("-0")), "minus zero"},
		{"minus zero with digits", p1("price", json.Number("-0.00")), "minus zero"},
		{"empty number", p1("price", json.Number("")), "plain decimal"},
		{"leading zero", p1("price", json.Number("01")), "plain decimal"},
		{"hex number", p1("price", json.Number("0x10")), "plain decimal"},
		{"number with text behind", p1("price", json.Number("1&a=2")), "plain decimal"},
		{"map", p1("o", map[string]string{"a": "1"}), "no order"},
		{"time", p1("at", time.Now()), "time.Time"},
		{"bytes", p1("b", []byte("x")), "[]uint8"},
		{"channel", p1("c", make(chan int)), "chan"},
		{"pointer", p1("c", new(string)), "*string"},
		{"no name", p1("", "1"), "no name"},
		{"no name inside", p1("o", params{{"", "1"}}), "no name"},
		{"repeated name", params{{"a", "1"}, {"a", "2"}}, "twice"},
		{"repeated name inside", p1("o", params{{"a", "1"}, {"a", "2"}}), "twice"},
		{"repeated by nesting", params{{"o[a]", "1"}, {"o", params{{"a", "2"}}}}, "twice"},
		{"repeated by an index", params{{"o", []string{"1"}}, {"o[0]", "2"}}, "twice"},
		{"control character in a name", p1("a\nb", "1"), "control character"},
		{"invalid UTF-8 in a name", p1("a\xff", "1"), "UTF-8"},
		{"control character after text", p1("a", "é\n"), "control character"},
		{"C1 control character", p1("a", "x\u0085y"), "control character"},
		{"DEL", p1("a", "x\x7f"), "control character"},
		{"a list inside itself", p1("a", loop), "deep"},
	} {
		for kind, encode := range map[string]func() ([]byte, error){
			"query": func() ([]byte, error) { return exauth.AppendQuery(nil, c.p, exauth.StyleQuery) },
			"JSON":  func() ([]byte, error) { return exauth.AppendJSON(nil, c.p, 0) },
		} {
			if kind == "JSON" && (strings.Contains(c.name, "control") || c.name == "DEL" || c.name == "pointer" || strings.Contains(c.name, "repeated by")) {
				continue // escaped, followed, or no collision, in JSON
			}
			got, err := encode()
			if !errors.Is(err, exauth.ErrParam) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s in %s: got %q, %v; want ErrParam with %q", c.name, kind, got, err, c.want)
			}
		}
	}
	if got, err := exauth.AppendQuery(nil, p1("a", nil), 0); !errors.Is(err, exauth.ErrParam) {
		t.Errorf("nil in a query: got %q, %v; want ErrParam", got, err)
	}
	if got, err := exauth.AppendJSON(nil, p1("a", json.RawMessage("{")), 0); !errors.Is(err, exauth.ErrParam) {
		t.Errorf("broken raw JSON: got %q, %v; want ErrParam", got, err)
	}
	if got, err := exauth.AppendJSON(nil, p1("a", "\xff"), 0); !errors.Is(err, exauth.ErrParam) {
		t.Errorf("invalid UTF-8 in JSON: got %q, %v; want ErrParam", got, err)
	}
}

// TestPlaces: what goes where, for every kind of parameter and route.
func TestPlaces(t *testing.T) {
	tagged := struct {
		B string   `url:"b" json:"bb"`
		A int64    `url:"a" json:"aa"`
		L []string `url:"l,comma" json:"ll"`
	}{"x y", 7, []string{"p", "q"}}
	urlOnly := struct {
		B string `url:"b"`
		A int64  `url:"a,omitempty"`
		T bool   `url:"t"`
	}{"x", 7, true}
	raw := json.RawMessage("{\"z\" : 1.50e3,\n \"a\":[ ]}")
	c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow, Scope: all})
	for _, tc := range []struct {
		name               string
		call               exauth.Call
		uri, body, typeHas string
	}{
		{"query", exauth.Call{Path: "/x", Params: params{{"b", 1}, {"a", "é"}}}, "/x?b=1&a=%C3%A9", "", ""},
		{"url.Values by name", exauth.Call{Path: "/x", Params: url.Values{"b": {"2"}, "a": {"1"}, "c": {}}}, "/x?a=1&b=2", "", ""},
		{"url.Values with a repeated name", exauth.Call{Path: "/repeat", Params: url.Values{"a": {"1", "2"}}}, "/repeat?a=1&a=2", "", ""},
		{"struct in a query", exauth.Call{Path: "/x", Params: tagged}, "/x?b=x%20y&a=7&l=p%2Cq", "", ""},
		{"form", exauth.Call{Method: "PUT", Path: "/x", Params: params{{"b", 1}}}, "/x", "b=1", "form-urlencoded"},
		{"form and query", exauth.Call{Method: "PUT", Path: "/x", Params: params{{"b", 1}}, Query: params{{"q", "1 2"}}}, "/x?q=1%202", "b=1", "form-urlencoded"},
		{"JSON", exauth.Call{Method: "POST", Path: "/x", Params: params{{"b", 1}, {"a", "é<"}}}, "/x", `{"b":1,"a":"é<"}`, "json"},
		{"JSON of url.Values", exauth.Call{Method: "POST", Path: "/x", Params: url.Values{"b": {"2"}, "a": {"1"}}}, "/x", `{"a":"1","b":"2"}`, "json"},
		{"struct as JSON", exauth.Call{Method: "POST", Path: "/x", Params: tagged}, "/x", `{"bb":"x y","aa":7,"ll":["p","q"]}`, "json"},
		{"struct with url tags as JSON", exauth.Call{Method: "POST", Path: "/x", Params: urlOnly}, "/x", `{"b":"x","a":7,"t":true}`, "json"},
		{"list of structs with url tags as JSON", exauth.Call{Method: "POST", Path: "/x", Params: []leg{{"BUY", "1"}}}, "/x", `[{"side":"BUY","qty":"1"}]`, "json"},
		{"list as JSON", exauth.Call{Method: "POST", Path: "/x", Params: []any{params{{"b", 1}}, "x"}}, "/x", `[{"b":1},"x"]`, "json"},
		{"raw JSON untouched (S6)", exauth.Call{Method: "POST", Path: "/x", Params: raw}, "/x", string(raw), "json"},
		{"JSON and query", exauth.Call{Method: "POST", Path: "/x", Params: params{{"b", 1}}, Query: p1("q", "v")}, "/x?q=v", `{"b":1}`, "json"},
		{"nothing", exauth.Call{Method: "POST", Path: "/x"}, "/x", "", ""},
		{"nil struct pointer", exauth.Call{Path: "/x", Params: (*order)(nil)}, "/x", "", ""},
		{"query beside params", exauth.Call{Path: "/x", Params: p1("a", "1"), Query: p1("b", "2")}, "/x?b=2&a=1", "", ""},
	} {
		req, err := c.Sign(t.Context(), tc.call)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if body := bodyOf(t, req); req.URL.RequestURI() != tc.uri || body != tc.body {
			t.Errorf("%s:\n got %s %s\nwant %s %s", tc.name, req.URL.RequestURI(), body, tc.uri, tc.body)
		}
		if typ := req.Header.Get("Content-Type"); !strings.Contains(typ, tc.typeHas) || tc.typeHas == "" && typ != "" {
			t.Errorf("%s: Content-Type %q, want %q", tc.name, typ, tc.typeHas)
		}
	}
}

// TestReservedParams (S5): what the scheme writes, or what would be there twice, is
// refused before anything is signed.
func TestReservedParams(t *testing.T) {
	c := newClient(t, queryVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow, Scope: all})
	j := queryVenue("https://api.tiny.example")
	j.Style = func(string, string, exauth.Params) exauth.Style { return exauth.StyleJSON }
	asJSON := newClient(t, j, &exauth.Options{Now: fixedNow, Scope: all})
	for _, tc := range []struct {
		name string
		c    *exauth.Client
		call exauth.Call
	}{
		{"signature", c, exauth.Call{Path: "/x", Params: p1("signature", "x")}},
		{"timestamp", c, exauth.Call{Path: "/x", Params: p1("timestamp", 1)}},
		{"other case", c, exauth.Call{Path: "/x", Params: p1("TimeStamp", 1)}},
		{"in url.Values", c, exauth.Call{Path: "/x", Params: url.Values{"signature": {"x"}}}},
		{"in a struct", c, exauth.Call{Path: "/x", Params: struct {
			S string `url:"signature"`
		}{}}},
		{"in Query", c, exauth.Call{Method: "POST", Path: "/x", Query: p1("signature", "x")}},
		{"in a form", c, exauth.Call{Method: "POST", Path: "/x", Params: p1("timestamp", "1")}},
		{"in JSON", asJSON, exauth.Call{Path: "/x", Params: p1("timestamp", "1")}},
		{"in a struct as JSON", asJSON, exauth.Call{Path: "/x", Params: struct {
			S string `json:"signature"`
		}{}}},
		{"in raw JSON", asJSON, exauth.Call{Path: "/x", Params: json.RawMessage(`{"a":1, "timestamp":2}`)}},
		{"escaped in raw JSON", asJSON, exauth.Call{Path: "/x", Params: json.RawMessage(`{"time\u0073tamp":2}`)}},
		{"repeated", c, exauth.Call{Path: "/x", Params: params{{"a", "1"}, {"b", "1"}, {"a", "2"}}}},
		{"repeated in raw JSON", asJSON, exauth.Call{Path: "/x", Params: json.RawMessage(`{"a":1, "a":2}`)}},
		{"in query and form", c, exauth.Call{Method: "POST", Path: "/x", Params: p1("a", "1"), Query: p1("a", "2")}},
		{"in query and JSON", asJSON, exauth.Call{Path: "/x", Params: p1("a", "1"), Query: p1("a", "2")}},
		{"in query and a struct as JSON", asJSON, exauth.Call{Path: "/x", Query: p1("deep", "2"), Params: inner{"x"}}},
		{"in query and raw JSON", asJSON, exauth.Call{Path: "/x", Query: p1("a", "2"), Params: json.RawMessage(`{"a":1}`)}},
		{"a list in a path", c, exauth.Call{Path: "/{a}", Params: url.Values{"a": {"1", "2"}}}},
		{"method override", c, exauth.Call{Path: "/x", Header: http.Header{"X-Http-Method-Override": {"DELETE"}}}},
		{"auth header", c, exauth.Call{Path: "/x", Header: http.Header{"Tiny-Key": {"x"}}}},
		{"auth header in lower case", c, exauth.Call{Path: "/x", Header: http.Header{"tiny-key": {"x"}}}},
		{"auth header with an underscore", c, exauth.Call{Path: "/x", Header: http.Header{"tiny_key": {"x"}}}},
		{"Authorization", c, exauth.Call{Path: "/x", Header: http.Header{"Authorization": {"x"}}}},
		{"Host", c, exauth.Call{Path: "/x", Header: http.Header{"Host": {"evil.example"}}}},
		{"X-Forwarded-Host", c, exauth.Call{Path: "/x", Header: http.Header{"X-Forwarded-Host": {"evil.example"}}}},
		{"X-Original-URL", c, exauth.Call{Path: "/x", Header: http.Header{"X-Original-Url": {"/withdraw"}}}},
		{"OKX's demo switch", c, exauth.Call{Path: "/x", Header: http.Header{"X-Simulated-Trading": {"1"}}}},
		{"Bitget's demo switch", c, exauth.Call{Path: "/x", Header: http.Header{"Paptrading": {"1"}}}},
		{"Idempotency-Key", c, exauth.Call{Path: "/x", Header: http.Header{"Idempotency-Key": {"1"}}}},
		{"Transfer-Encoding", c, exauth.Call{Path: "/x", Header: http.Header{"Transfer-Encoding": {"chunked"}}}},
		{"Expect", c, exauth.Call{Path: "/x", Header: http.Header{"Expect": {"100-continue"}}}},
		{"header with a line break", c, exauth.Call{Path: "/x", Header: http.Header{"X-Note": {"a\r\nTiny-Key: x"}}}},
		{"header name with a space", c, exauth.Call{Path: "/x", Header: http.Header{"X Note": {"a"}}}},
		{"header twice in two spellings", c, exauth.Call{Path: "/x", Header: http.Header{"X-Note": {"a"}, "x-note": {"b"}}}},
		{"method", c, exauth.Call{Method: "TRACE", Path: "/x"}},
		{"method in lower case", c, exauth.Call{Method: "get", Path: "/x"}},
	} {
		req, err := tc.c.Sign(t.Context(), tc.call)
		var e *exauth.Error
		if !errors.Is(err, exauth.ErrParam) || !errors.As(err, &e) || e.Kind != exauth.ErrParam || e.Outcome != exauth.OutcomeNotSent {
			t.Errorf("%s: got %v, %v (%+v); want ErrParam, not sent", tc.name, req, err, e)
		}
	}
	// Nested names are the caller's own, and so are headers that mean nothing to auth.
	req, err := c.Sign(t.Context(), exauth.Call{Path: "/x", Params: p1("o", p1("timestamp", "1")), Header: http.Header{"X-Note": {"a"}}})
	if err != nil || req.Header.Get("X-Note") != "a" {
		t.Errorf("nested name and own header: %v", err)
	}
}

// TestSignedIsSent (S1, S9): a server that knows only the bytes it got verifies
// every call.
func TestSignedIsSent(t *testing.T) {
	hard := params{{"sym", "BTC/USDT"}, {"note", "a+b c&d=e%41;é€𝄞'\"<>()*!~@,:[]{}|\\^`"}, {"empty", ""}, {"list", []string{"x y", "z&"}}, {"o", params{{"k", "v=1"}}}}
	for _, v := range []struct {
		name  string
		make  func(string) *exauth.Venue
		check func(arrival) error
	}{{"header", headerVenue, checkHeaderSign}, {"query", queryVenue, checkQuerySign}, {"nonce", nonceVenue, checkHeaderSign}} {
		srv := record(t, nil)
		c := newClient(t, v.make(srv.URL), &exauth.Options{Scope: all})
		calls := []exauth.Call{
			{Path: "/x", Params: hard},
			{Path: "/{sym}/!$&'()*+,;=:@", Params: params{{"sym", "BTC-USDT é"}, {"a", "1"}}},
			{Path: "/repeat", Params: p1("l", []int{3, 1, 2})},
			{Method: "POST", Path: "/order", Params: hard},
			{Method: "POST", Path: "/order", Params: hard, Query: params{{"q", "a b+c/é"}}},
			{Method: "PUT", Path: "/x", Params: hard},
			{Method: "DELETE", Path: "/order", Params: hard},
			{Method: "GET", Path: "/x"},
			{Method: "POST", Path: "/order"},
		}
		for _, call := range calls {
			if _, err := c.Do(t.Context(), call); err != nil {
				t.Errorf("%s: %s %s: %v", v.name, call.Method, call.Path, err)
			}
		}
		got := srv.arrivals()
		if len(got) != len(calls) {
			t.Fatalf("%s: %d arrivals, want %d", v.name, len(got), len(calls))
		}
		for _, a := range got {
			if err := v.check(a); err != nil {
				t.Errorf("%s: %v", v.name, err)
			}
		}
	}
}

// TestDeterministic1000 (S10): the same call signs to the same bytes, whoever signs.
func TestDeterministic1000(t *testing.T) {
	c := newClient(t, queryVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow, Scope: all})
	call := exauth.Call{Method: "POST", Path: "/order", Query: url.Values{"z": {"1"}, "a": {"2"}, "m": {"3"}},
		Params: order{Symbol: "X", base: &base{Account: "y"}, IDs: []int64{1, 2}, Legs: leg{"BUY", "1"}}, Header: http.Header{"X-B": {"1"}, "X-A": {"2"}}}
	sign := func() string {
		req, err := c.Sign(t.Context(), call)
		if err != nil {
			t.Error(err)
			return ""
		}
		return req.URL.String() + bodyOf(t, req)
	}
	want := sign()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 125 {
				if got := sign(); got != want {
					t.Errorf("got %s\nwant %s", got, want)
					return
				}
			}
		})
	}
	group.Wait()
}
