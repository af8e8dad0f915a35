package exauth

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// An origin is one of the places a venue's calls may go.
type origin struct {
	below  string // the path prefix it claims; "" claims everything
	scheme string
	host   string // with a port where there is one
	path   string // put before every path on the wire, for proxies; "" for most
}

// origins parses a venue's hosts, longest claim first.
func origins(v *Venue) []origin {
	var list []origin
	add := func(below, raw string) {
		u, err := url.Parse(raw)
		if err != nil {
			return // check has refused it before
		}
		list = append(list, origin{below, u.Scheme, strings.ToLower(u.Host), strings.TrimSuffix(u.EscapedPath(), "/")})
	}
	for _, h := range v.Hosts {
		add(h.Prefix, h.URL)
	}
	slices.SortStableFunc(list, func(a, b origin) int { return len(b.below) - len(a.below) })
	add("", v.BaseURL)
	return list
}

// originOf finds where a path goes: the longest prefix wins.
func (c *core) originOf(path string) origin {
	for _, o := range c.origins {
		if strings.HasPrefix(path, o.below) {
			return o
		}
	}
	return c.origins[len(c.origins)-1]
}

// pinned finds the origin that an absolute URL goes to and what its path is below
// it; anything else is ErrHost.
func (c *core) pinned(scheme, host, path string) (origin, string, error) {
	host = strings.ToLower(host)
	for _, o := range c.origins {
		if o.scheme != scheme || !samePort(scheme, o.host, host) {
			continue
		}
		if rest, ok := strings.CutPrefix(path, o.path); ok && (o.path == "" || rest == "" || rest[0] == '/') {
			return o, rest, nil
		}
	}
	host = host[strings.LastIndexByte(host, '@')+1:] // a user's name is not for an error text
	return origin{}, "", fmt.Errorf("%w: %.20q://%.80q is none of %s's", ErrHost, scheme, host, c.venue.Name)
}

// samePort compares hosts with the scheme's default port filled in.
func samePort(scheme, a, b string) bool {
	if a == b {
		return true
	}
	def := ":443"
	if scheme == "http" {
		def = ":80"
	}
	return strings.TrimSuffix(a, def) == strings.TrimSuffix(b, def)
}

// checkTransportScheme allows https anywhere, and http on loopback or where the
// caller named the host.
func checkTransportScheme(u *url.URL, allow []string) error {
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("%w: %q is not a scheme exauth sends to", ErrHost, u.Scheme)
	case host == "localhost" || net.ParseIP(host).IsLoopback():
		return nil
	case slices.ContainsFunc(allow, func(a string) bool { return strings.EqualFold(a, host) || strings.EqualFold(a, u.Host) }):
		return nil
	}
	return fmt.Errorf("%w: http://%s would send the key in the clear; use https, or name the host in Options.AllowHTTP", ErrHost, u.Host)
}

// checkPath takes paths in canonical form only: what is signed must be what every
// hop understands.
func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return paramError("", "path must begin with one /")
	}
	for seg := range strings.SplitSeq(path[1:], "/") {
		switch {
		case seg == "." || seg == ".." || strings.HasPrefix(seg, ".;") || strings.HasPrefix(seg, "..;"):
			return paramError("", "path holds a . or .. segment")
		case seg == "" && path != "/" && !strings.HasSuffix(path, "/"):
			return paramError("", "path holds an empty segment")
		}
	}
	if strings.Contains(path, "//") {
		return paramError("", "path holds an empty segment")
	}
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if err := checkEscape(path, i); err != nil {
				return err
			}
			i += 2
			continue
		}
		if !unreserved(c) && !strings.ContainsRune("/!$&'()*+,;=:@", rune(c)) {
			return paramError("", "path holds a character that must be escaped; use a {placeholder}")
		}
	}
	return nil
}

// checkEscape refuses escapes that another hop could undo: of unreserved
// characters, slashes, back-slashes and dots, and lower-case ones.
func checkEscape(path string, i int) error {
	if i+2 >= len(path) || !isUpperHex(path[i+1]) || !isUpperHex(path[i+2]) {
		return paramError("", "path holds a broken or lower-case escape")
	}
	c := unhex(path[i+1])<<4 | unhex(path[i+2])
	if unreserved(c) || c == '/' || c == '\\' || c < ' ' || c == 0x7f {
		return paramError("", "path holds an escape that is needless or dangerous")
	}
	return nil
}

func isUpperHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'A' + 10
}

// checkQuery takes a query that is already encoded and would not be changed on the
// way: printable ASCII without spaces, quotes and fragments.
func checkQuery(q string) error {
	for i := 0; i < len(q); i++ {
		if c := q[i]; c <= ' ' || c >= 0x7f || c == '#' || c == '"' || c == '<' || c == '>' || c == '\\' {
			return paramError("", "query is not percent-encoded")
		}
	}
	return nil
}
