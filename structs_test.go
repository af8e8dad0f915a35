package exauth_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/exauth/exauth"
)

type (
	base struct {
		Account string `url:"account"`
		Sub     int    `url:"sub,omitempty"`
	}
	leg struct {
		Side string `url:"side"`
		Qty  string `url:"qty"`
	}
	order struct {
		Symbol string `url:"symbol"`
		*base
		Zeta   string   `url:"zeta"`
		Legs   leg      `url:"leg"`
		IDs    []int64  `url:"ids"`
		Commas []string `url:"commas,comma"`
		Nums   []string `url:"n,numbered"`
		Boxes  []string `url:"boxes,brackets"`
		Alpha  *string  `url:"alpha,omitempty"`
		Skip   float64  `url:"-"`
		Post   bool     `url:"post"`
		hidden float64
		At     time.Time   `url:"at,unixmilli"`
		Num    json.Number `url:"num,omitempty"`
	}
)

// TestStructOrder: a struct goes out in the order of its fields (S2), although
// go-querystring answers with a map.
func TestStructOrder(t *testing.T) {
	alpha := "a b"
	o := order{Symbol: "BTCUSDT", base: &base{Account: "main"}, Zeta: "z", Legs: leg{"BUY", "0.10"}, IDs: []int64{9, 8},
		Commas: []string{"x", "y"}, Nums: []string{"p", "q"}, Boxes: []string{"1"}, Alpha: &alpha, Skip: 1.5, hidden: 2, At: fixedNow()}
	const want = "symbol=BTCUSDT&account=main&zeta=z&leg%5Bside%5D=BUY&leg%5Bqty%5D=0.10&ids=9&ids=8&commas=x%2Cy&n0=p&n1=q&boxes%5B%5D=1&alpha=a%20b&post=false&at=1700000000123"
	c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow, Scope: all})
	for range 50 {
		for _, v := range []any{o, &o} {
			req, err := c.Sign(t.Context(), exauth.Call{Path: "/repeat", Params: v})
			if err != nil || req.URL.RawQuery != want {
				t.Fatalf("\n got %v, %v\nwant %s", req, err, want)
			}
		}
	}
	many := struct {
		N []string `url:"n,numbered"`
	}{strings.Split("a b c d e f g h i j k l", " ")}
	req, err := c.Sign(t.Context(), exauth.Call{Path: "/repeat", Params: many})
	if want := "n0=a&n1=b&n2=c&n3=d&n4=e&n5=f&n6=g&n7=h&n8=i&n9=j&n10=k&n11=l"; err != nil || req.URL.RawQuery != want {
		t.Errorf("numbered: got %v, %v; want %s", req, err, want)
	}
}

type decimalLike struct{ v int64 }

func (decimalLike) MarshalText() ([]byte, error) { return []byte("1.50"), nil }

// TestStructsRefused: what would go out under a wrong name, not at all, or as a
// float.
func TestStructsRefused(t *testing.T) {
	dynamic := func(v any) any {
		return struct {
			A any `url:"a" json:"a"`
		}{v}
	}
	price := 1.5
	c := newClient(t, headerVenue("https://api.tiny.example"), &exauth.Options{Now: fixedNow, Scope: all})
	for _, tc := range []struct {
		name, method string
		v            any
		want         string
	}{
		{"untagged field in a query", "GET", struct{ Symbol string }{"X"}, "no url tag"},
		{"json-only field in a query", "GET", struct {
			S string `json:"s"`
		}{"X"}, "no url tag"},
		{"option without a name", "GET", struct {
			S string `url:",omitempty"`
		}{"X"}, "no url tag"},
		{"float", "GET", struct {
			P float64 `url:"p"`
		}{1}, "float"},
		{"float pointer", "GET", struct {
			P *float64 `url:"p"`
		}{&price}, "float"},
		{"float in a nested list", "GET", struct {
			L []struct {
				P float32 `url:"p"`
			} `url:"l"`
		}{}, "float"},
		{"float in an interface", "GET", dynamic(1e-7), "float"},
		{"map in an interface", "GET", dynamic(map[string]int{"a": 1}), "map"},
		{"map", "GET", struct {
			M map[string]string `url:"m"`
		}{}, "map"},
		{"text type that go-querystring would lose", "GET", struct {
			P decimalLike `url:"p"`
		}{decimalLike{1}}, "go-querystring"},
		{"list of structs in a query", "GET", struct {
			L []leg `url:"l"`
		}{[]leg{{"BUY", "1"}}}, "l"},
		{"same name twice", "GET", struct {
			A string `url:"a"`
			B string `url:"a"`
		}{"1", "2"}, "twice"},
		{"embedded name twice", "GET", struct {
			base
			B string `url:"account"`
		}{base{Account: "1"}, "2"}, "twice"},
		{"json.Number with exponent", "GET", struct {
			N json.Number `url:"n"`
		}{"1e5"}, "plain decimal"},
		{"a map", "GET", map[string]string{"a": "1"}, "no order"},
		{"a list in a query", "GET", []string{"a"}, "[]string"},
		{"a string", "GET", "a=1", "string"},
		{"raw JSON in a query", "GET", json.RawMessage(`{}`), "raw JSON"},
		{"a map as JSON", "POST", map[string]string{"a": "1"}, "no order"},
		{"float as JSON", "POST", struct {
			P float64 `json:"p"`
		}{0.1}, "float"},
		{"float in an interface as JSON", "POST", dynamic(0.1), "float"},
		{"float deep in an interface as JSON", "POST", dynamic(map[string]any{"x": []any{"a", 0.1}}), "float"},
		{"json.Number with exponent as JSON", "POST", struct {
			N json.Number `json:"n"`
		}{"1e5"}, "plain decimal"},
		{"broken raw JSON", "POST", json.RawMessage(`{"a":1`), "not valid JSON"},
		{"no JSON at all", "POST", make(chan int), "chan"},
	} {
		req, err := c.Sign(t.Context(), exauth.Call{Method: tc.method, Path: "/x", Params: tc.v})
		if !errors.Is(err, exauth.ErrParam) || !strings.Contains(err.Error(), tc.want) {
			got := ""
			if req != nil {
				got = req.URL.RawQuery + bodyOf(t, req)
			}
			t.Errorf("%s: got %q, %v; want ErrParam with %q", tc.name, got, err, tc.want)
		}
	}
}
