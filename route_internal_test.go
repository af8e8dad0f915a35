package exauth

import (
	"fmt"
	"testing"
)

// TestRoutes: exact paths go before patterns, longer patterns before shorter ones,
// routes that look at a parameter before those that do not; what nobody listed needs
// ScopeTrade, or worse by its name.
func TestRoutes(t *testing.T) {
	v := &Venue{Routes: []Route{
		{Method: "GET", Path: "/order", Scope: ScopeRead},
		{Method: "POST", Path: "/order", Scope: ScopeTradeSpot},
		{Path: "/any", Scope: ScopeAccount},
		{Method: "GET", Path: "/orders/{id}", Scope: ScopeRead},
		{Method: "GET", Path: "/orders/history", Scope: ScopeAccount},
		{Method: "DELETE", Path: "/orders/{id}/fills/{n}", Scope: ScopeTradeMargin},
		{Method: "GET", Path: "/public/*", Scope: ScopeRead},
		{Method: "GET", Path: "/public/private/*", Scope: ScopeTransfer},
		{Method: "POST", Path: "/tapi", Scope: ScopeTrade},
		{Method: "POST", Path: "/tapi", Match: "method=getInfo", Scope: ScopeRead},
		{Method: "POST", Path: "/tapi", Match: "method=withdraw", Scope: ScopeWithdraw},
	}}
	for _, tc := range []struct {
		method, path, query, body string
		want                      Scope
		listed                    bool
	}{
		{"GET", "/order", "", "", ScopeRead, true},
		{"POST", "/order", "", "", ScopeTradeSpot, true},
		{"PUT", "/order", "", "", ScopeTrade, false},
		{"PATCH", "/any", "", "", ScopeAccount, true},
		{"GET", "/orders/17", "", "", ScopeRead, true},
		{"GET", "/orders/history", "", "", ScopeAccount, true},
		{"GET", "/orders/", "", "", ScopeTrade, false},
		{"GET", "/orders/17/x", "", "", ScopeTrade, false},
		{"DELETE", "/orders/17/fills/2", "", "", ScopeTradeMargin, true},
		{"GET", "/public/a/b", "", "", ScopeRead, true},
		{"GET", "/public/private/a", "", "", ScopeTransfer, true},
		{"GET", "/publicity", "", "", ScopeTrade, false},
		{"POST", "/tapi", "", "method=getInfo", ScopeRead, true},
		{"POST", "/tapi", "", "a=1&method=getInfo", ScopeRead, true},
		{"POST", "/tapi", "", "method=withdraw", ScopeWithdraw, true},
		{"POST", "/tapi", "", "method=trade", ScopeTrade, true},
		{"POST", "/tapi", "", `{"method":"getInfo"}`, ScopeRead, true},
		{"POST", "/tapi", "method=getInfo", "method=withdraw", ScopeWithdraw, true},
		{"POST", "/tapi", "", "method=%67etInfo", ScopeRead, true},
		{"POST", "/tapi", "", "method=%zz", ScopeTrade, true},
		{"POST", "/v1/Withdrawals", "", "", ScopeTrade | ScopeWithdraw, false},
		{"POST", "/v1/inner-transfer", "", "", ScopeTrade | ScopeTransfer, false},
		{"GET", "/new", "", "", ScopeTrade, false},
	} {
		r := &Request{Method: tc.method, Path: tc.path, Query: tc.query, Body: []byte(tc.body)}
		got, listed := newRouteTable(v).find(r)
		if got.Scope != tc.want || listed != tc.listed {
			t.Errorf("%s %s %s: %s, listed %v; want %s, %v", tc.method, tc.path, tc.body, got.Scope, listed, tc.want, tc.listed)
		}
	}
	reads := newRouteTable(&Venue{GETReads: true})
	for method, want := range map[string]Scope{"GET": ScopeRead, "POST": ScopeTrade} {
		if got, _ := reads.find(&Request{Method: method, Path: "/new"}); got.Scope != want {
			t.Errorf("GETReads, %s: %s, want %s", method, got.Scope, want)
		}
	}
}

// TestBindingsAreFew: a source that makes a new Key for every call does not fill a
// client with secrets, and a closed key is forgotten everywhere.
func TestBindingsAreFew(t *testing.T) {
	v := &Venue{Name: "tiny", BaseURL: "https://api.tiny.example", Algorithms: []Algorithm{HMACSHA256}, Signer: UTF8Secret(HMACSHA256),
		Scheme: SchemeFunc(nil)}
	client, err := New(v, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := client.core()
	var last *Key
	for i := range 500 {
		last = NewSecretKey(fmt.Sprintf("tiny-key-id-%d", i), "a-secret-of-some-length")
		if _, err := c.bind(last); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.bindings.made); n > maxBindings {
		t.Errorf("%d bindings are kept, want %d at most", n, maxBindings)
	}
	again, _ := c.bind(last)
	if b, _ := c.bind(last); b != again {
		t.Error("a key is bound anew for every call")
	}
	if b, _ := c.bind(last.WithField("a", "b")); b == again {
		t.Error("a copy with another field has the same binding")
	}
	last.Close()
	if _, err := c.bind(last); err == nil {
		t.Error("a closed key is bound")
	}
	for info := range c.bindings.made {
		if info.box == last.info().box {
			t.Error("a closed key is remembered")
		}
	}
	client.Close()
	if len(c.bindings.made) != 0 {
		t.Error("a closed client remembers keys")
	}
}
