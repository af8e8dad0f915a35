package exchangetest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// What several exchanges share: paths that carry an id, ids that are UUIDs, names.

// findRoute looks a call up in a table of "METHOD path". A * in a path stands for
// one segment, which is returned decoded; paths without one win.
func findRoute[R any](routes map[string]R, method, path string) (route R, segment string, known bool) {
	name := method + " " + path
	if route, known = routes[name]; known {
		return route, "", true
	}
	for pattern, r := range routes {
		head, tail, wild := strings.Cut(pattern, "*")
		if !wild || len(name) <= len(head)+len(tail) || !strings.HasPrefix(name, head) || !strings.HasSuffix(name, tail) {
			continue
		}
		s, err := url.PathUnescape(name[len(head) : len(name)-len(tail)])
		if err == nil && !strings.Contains(s, "/") {
			return r, s, true
		}
	}
	return route, "", false
}

// uuidOf makes the same UUID of the same words every time, and an order that nobody
// can see of numbers that rise.
func uuidOf(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	s := hex.EncodeToString(sum[:16])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// all returns every value of a name, in the order received.
func (f form) all(name string) []string {
	var list []string
	for _, p := range f {
		if p.name == name {
			list = append(list, p.value)
		}
	}
	return list
}

// upperSide writes a side in capitals.
func upperSide(s side) string { return [...]string{"BUY", "SELL"}[s] }
