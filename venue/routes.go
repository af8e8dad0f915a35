package venue

import (
	"slices"
	"strconv"
	"strings"

	"github.com/exauth/exauth"
)

// A route table is written as lines "METHOD path [word…]", so that it can be read
// beside the vendor's documentation. The words: "key" (the key without a
// signature), "none" (no key), "cancel" (lowers risk, goes first), "id=name" (the
// client order id's parameter), "match=name=value" (the action is in the body).
// "*" is any method; # begins a comment.

// public lists routes that ask for no key.
func public(lines string) []exauth.Route {
	return table(exauth.Route{Scope: exauth.ScopeRead, Auth: exauth.AuthNone}, lines)
}

// reads lists signed routes that change nothing, whatever their method and name.
func reads(lines string) []exauth.Route {
	return table(exauth.Route{Scope: exauth.ScopeRead}, lines)
}

// writes lists signed routes that need scope.
func writes(scope exauth.Scope, lines string) []exauth.Route {
	return table(exauth.Route{Scope: scope, Priority: exauth.PriorityOrder}, lines)
}

func table(like exauth.Route, lines string) []exauth.Route {
	var rs []exauth.Route
	for line := range strings.Lines(lines) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		r := like
		if r.Path = words[1]; words[0] != "*" {
			r.Method = words[0]
		}
		for _, w := range words[2:] {
			name, value, _ := strings.Cut(w, "=")
			switch name {
			case "key":
				r.Auth = exauth.AuthKey
			case "none":
				r.Auth = exauth.AuthNone
			case "cancel":
				r.Priority = exauth.PriorityCancel
			case "id":
				r.ClientID = value
			case "match":
				r.Match = value
			}
		}
		rs = append(rs, r)
	}
	return rs
}

// orderIDs makes a table of "parameter length" pairs with commas between: where a
// client order id goes, and the most characters it may have. A third word is the
// prefix it must have.
func orderIDs(list string) map[string]exauth.OrderID {
	m := map[string]exauth.OrderID{}
	for item := range strings.SplitSeq(list, ",") {
		words := append(strings.Fields(item), "")
		n, _ := strconv.Atoi(words[1]) // New refuses 0
		m[words[0]] = exauth.OrderID{Max: n, Prefix: words[2]}
	}
	return m
}

// join makes one table of several.
func join(tables ...[]exauth.Route) []exauth.Route { return slices.Concat(tables...) }
