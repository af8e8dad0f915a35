package exchangetest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/internal/mask"
)

// scrubbed stands for what changes with every signature: timestamp, nonce, key and
// signature. Values of the account stand as scrubbed-1, and so on.
const scrubbed = "SCRUBBED"

// A scrubber decides what of a call may stand in a file. It is an allow-list: a
// field it does not know loses its value. The same value is always replaced by the
// same text, so that flows through ids survive.
type scrubber struct {
	keep, ignore map[string]bool   // folded names
	auth         map[string]bool   // header names of the scheme, canonical
	fixed        map[string]bool   // headers every request of the venue carries
	counters     map[string]bool   // header names of quotas, canonical
	alias        map[string]string // value to replacement
	bearer       bool              // the venue takes tokens
	prefix       string            // the path of a proxy, which a scheme does not see
	faults       []string          // why the recording cannot be saved
}

func newScrubber(v *exauth.Venue, keep, ignore []string) *scrubber {
	s := &scrubber{keep: maps.Clone(fixtureFields), ignore: map[string]bool{}, auth: map[string]bool{}, fixed: map[string]bool{},
		counters: map[string]bool{}, alias: map[string]string{}, bearer: v.Bearer}
	if u, err := url.Parse(v.BaseURL); err == nil {
		s.prefix = strings.TrimSuffix(u.EscapedPath(), "/")
	}
	for _, name := range keep {
		s.keep[fold(name)] = true
	}
	for _, name := range slices.Concat(stampFields, v.Reserved, ignore) {
		s.ignore[fold(name)] = true
	}
	for _, h := range v.Header {
		s.fixed[http.CanonicalHeaderKey(h[0])] = true
	}
	for _, name := range v.AuthHeaders {
		if name = http.CanonicalHeaderKey(name); !s.fixed[name] {
			s.auth[name] = true
		}
	}
	for _, q := range v.Quotas {
		for _, name := range []string{q.UsedHeader, q.RemainingHeader, q.ResetHeader, q.TimeHeader} {
			s.counters[http.CanonicalHeaderKey(name)] = true
		}
	}
	return s
}

// fold makes one spelling of a field's name: "order_id", "orderId" and "orderId[]"
// are the same.
func fold(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(name))
}

// kept reports whether a field's value may stand as it is, but for what clean finds
// in it.
func (s *scrubber) kept(parent, name, value string) bool {
	switch {
	case value == "", s.keep[fold(name)]:
		return true
	case amounts[fold(parent)] && isNumber(value):
		return true
	}
	return value == "true" || value == "false" || isNumber(value) && (strings.ContainsAny(value, ".") || len(value) <= 3)
}

// value is what stands in the file for a field of an answer, or a field of a request
// that is no stamp.
func (s *scrubber) value(parent, name, value string) string {
	if s.kept(parent, name, value) {
		return s.clean(name, value)
	}
	return s.aliasOf(value)
}

// uuidText is the form of RFC 9562.
var uuidText = regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`)

// aliasOf returns the text that stands for a value, of the same kind: digits,
// a UUID or a word.
func (s *scrubber) aliasOf(value string) string {
	if a, ok := s.alias[value]; ok {
		return a
	}
	n := len(s.alias) + 1
	a := scrubbed + "-" + strconv.Itoa(n)
	switch {
	case isDigits(value):
		a = strconv.Itoa(aliasBase + n)
	case uuidText.MatchString(value):
		a = aliasUUID + fmt.Sprintf("%012d", n)
	}
	s.alias[value] = a
	return a
}

const (
	aliasBase = 1_000_000_000 // so that an alias fits 32 bits
	aliasUUID = "00000000-0000-4000-8000-"
)

// isAlias reports a text that aliasOf makes.
func isAlias(value string) bool {
	if n, ok := strings.CutPrefix(value, scrubbed+"-"); ok {
		return isDigits(n)
	}
	if n, ok := strings.CutPrefix(value, aliasUUID); ok {
		return isDigits(n) && len(n) == 12
	}
	return len(value) == 10 && isDigits(value) && strings.HasPrefix(value, "1000")
}

func isDigits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
}

// isNumber reports a plain decimal or one with an exponent, as JSON or text.
func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && !strings.ContainsFunc(s, func(c rune) bool { return !strings.ContainsRune("0123456789.-+eE", c) })
}

// What must not stand even in a field that is kept: a venue's text says which
// address it saw, or whose key.
var (
	emailText = regexp.MustCompile(`[^\s"'<>=,;:()]+@[^\s"'<>=,;:()]+`)
	ip4Text   = regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}\b`)
	ip6Text   = regexp.MustCompile(`[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*`)
	tokenText = regexp.MustCompile(`[A-Za-z0-9+/_=-]{20,}`)
	digitText = regexp.MustCompile(`\d{6,}`)
)

// clean takes addresses and tokens out of a value that is kept, and long numbers
// out of a venue's sentences.
func (s *scrubber) clean(name, value string) string {
	value = emailText.ReplaceAllString(value, scrubbed)
	value = ip4Text.ReplaceAllString(value, scrubbed)
	value = ip6Text.ReplaceAllStringFunc(value, func(text string) string {
		if a, err := netip.ParseAddr(text); err == nil && a.Is6() {
			return scrubbed
		}
		return text
	})
	value = tokenText.ReplaceAllStringFunc(value, func(text string) string {
		if strings.ContainsAny(text, "0123456789") && !isNumber(text) && !isAlias(text) {
			return s.aliasOr(text, scrubbed)
		}
		return text
	})
	if sentences[fold(name)] {
		value = digitText.ReplaceAllStringFunc(value, func(text string) string { return s.aliasOr(text, scrubbed) })
	}
	return value
}

// aliasOr returns the alias a value has already, or other.
func (s *scrubber) aliasOr(value, other string) string {
	if isAlias(value) {
		return value
	}
	if a, ok := s.alias[value]; ok {
		return a
	}
	return other
}

// request is what stands in the file for a request.
func (s *scrubber) request(req *http.Request, body []byte) fixtureMessage {
	uri := s.path(req.URL.EscapedPath())
	if req.URL.RawQuery != "" {
		uri += "?" + s.form(req.URL.RawQuery)
	}
	m := fixtureMessage{first: req.Method + " " + uri, header: [][2]string{{"Host", hostOf(req)}}}
	for name, values := range req.Header {
		switch name = http.CanonicalHeaderKey(name); {
		case len(values) == 0:
		case s.auth[name]:
			m.header = append(m.header, [2]string{name, s.authHeader(values[0])})
		case name == "Content-Type" || s.fixed[name]:
			m.header = append(m.header, [2]string{name, values[0]})
		}
	}
	sortHeader(m.header[1:])
	m.body = s.requestBody(req.Header.Get("Content-Type"), string(body))
	return m
}

// hostOf names the host of a request; a server on this machine has another port
// every time.
func hostOf(req *http.Request) string {
	host := req.URL.Hostname()
	if a, err := netip.ParseAddr(host); err == nil && a.IsLoopback() || host == "localhost" {
		return "localhost"
	}
	return req.URL.Host
}

func sortHeader(h [][2]string) {
	slices.SortFunc(h, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
}

// requestBody is what stands in the file for a request's body.
func (s *scrubber) requestBody(kind, body string) string {
	switch {
	case body == "":
		return ""
	case isJSONBody(strings.TrimSpace(body)):
		return s.object(strings.TrimSpace(body), true)
	case strings.HasPrefix(kind, formType), kind == "" && strings.Contains(body, "="):
		return s.form(body)
	}
	s.faults = append(s.faults, "a request's body is neither JSON nor a form, and cannot be scrubbed")
	return scrubbed
}

// authHeader keeps of a header of the scheme that it was there; parameters that
// travel in one, as base64 of JSON (Gemini), stand in the open, scrubbed.
func (s *scrubber) authHeader(value string) string {
	if text, ok := headerObject(value); ok {
		return s.object(text, true)
	}
	return scrubbed
}

// headerObject returns the JSON that a header carries as base64.
func headerObject(value string) (string, bool) {
	raw, err := base64.StdEncoding.DecodeString(value)
	return string(raw), err == nil && isJSONBody(string(raw))
}

// path replaces the segments that look like an id.
func (s *scrubber) path(path string) string {
	segments := strings.Split(path, "/")
	for i, seg := range segments {
		if plain, err := url.PathUnescape(seg); err == nil && s.isID(plain) {
			segments[i] = url.PathEscape(s.aliasOf(plain))
		}
	}
	return strings.Join(segments, "/")
}

// isID reports a path segment that names something of the account, rather than a
// route or a market.
func (s *scrubber) isID(seg string) bool {
	_, known := s.alias[seg]
	return known || isDigits(seg) && len(seg) > 3 || uuidText.MatchString(seg) || strings.Contains(seg, "@") ||
		len(seg) >= 16 && strings.ContainsAny(seg, "0123456789") && !strings.ContainsAny(seg, ".")
}

// form scrubs a query or a form body and leaves its order.
func (s *scrubber) form(raw string) string {
	pairs, ok := parseForm(raw)
	if !ok {
		s.faults = append(s.faults, "a request's query or form is not well encoded, and cannot be scrubbed")
		return scrubbed + "=" + scrubbed
	}
	var out []string
	for _, p := range pairs {
		value := scrubbed
		if !s.ignore[fold(p.name)] {
			value = s.value("", p.name, p.value)
		}
		out = append(out, formEscape(p.name)+"="+formEscape(value))
	}
	return strings.Join(out, "&")
}

// formEscape is url.QueryEscape that leaves what people read: [ ] : , and /.
func formEscape(text string) string {
	return strings.NewReplacer("%5B", "[", "%5D", "]", "%3A", ":", "%2C", ",", "%2F", "/").Replace(url.QueryEscape(text))
}

// object scrubs a JSON text. In requests the fields of the scheme are replaced; a
// number equal to the stamp (Crypto.com's id) is one of them.
func (s *scrubber) object(text string, request bool) string {
	stamps := map[string]bool{}
	if request {
		mapJSON(text, sameName, func(l leaf) any {
			if s.ignore[fold(l.name)] && len(fmt.Sprint(l.value)) >= 10 {
				stamps[fmt.Sprint(l.value)] = true
			}
			return l.value
		})
	}
	out, err := mapJSON(text, s.memberName, func(l leaf) any {
		switch v := l.value.(type) {
		case string:
			if request && (s.ignore[fold(l.name)] || stamps[v]) {
				return scrubbed
			}
			return s.text(l, v)
		case json.Number:
			if request && (s.ignore[fold(l.name)] || stamps[string(v)]) {
				return scrubbed
			}
			return s.number(l, string(v))
		}
		return l.value
	})
	if err != nil {
		s.faults = append(s.faults, "JSON that cannot be scrubbed: "+err.Error())
		return scrubbed
	}
	return out
}

// number scrubs a number of a JSON text, which stays one. What is no integer is an
// amount, not an id.
func (s *scrubber) number(l leaf, v string) json.Number {
	if strings.ContainsAny(v, ".eE") {
		return json.Number(v)
	}
	digits, negative := strings.CutPrefix(v, "-")
	digits = s.value(l.parent, l.name, digits)
	if negative {
		digits = "-" + digits
	}
	return json.Number(digits)
}

// text scrubs a string of a JSON text, which may hold JSON itself.
func (s *scrubber) text(l leaf, v string) string {
	if isJSONBody(v) && !s.keep[fold(l.name)] {
		return s.object(v, false)
	}
	return s.value(l.parent, l.name, v)
}

// shortName is what a market, an asset or a field may be called.
var (
	wordName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z_ .:/-]{0,39}$`)
	shortName = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{1,12}$`)
)

// memberName scrubs a member's name: at some venues it is an order's id.
func (s *scrubber) memberName(_, name string) string {
	if name == "" || s.keep[fold(name)] || wordName.MatchString(name) || shortName.MatchString(name) && (len(name) <= 3 || !isDigits(name)) {
		return s.aliasOr(name, name)
	}
	return s.aliasOf(name)
}

// answer is what stands in the file for an answer.
func (s *scrubber) answer(resp *http.Response, body []byte) fixtureMessage {
	m := fixtureMessage{first: strings.TrimSpace(strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode))}
	for name, values := range resp.Header {
		if len(values) > 0 && s.answerHeader(http.CanonicalHeaderKey(name)) {
			m.header = append(m.header, [2]string{http.CanonicalHeaderKey(name), s.clean("", values[0])})
		}
	}
	sortHeader(m.header)
	m.body = s.answerBody(body)
	return m
}

// answerHeader reports the header fields of an answer that are kept.
func (s *scrubber) answerHeader(name string) bool {
	if s.counters[name] || answerHeaders[name] {
		return true
	}
	return slices.ContainsFunc(answerPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// answerBody is what stands in the file for an answer's body.
func (s *scrubber) answerBody(body []byte) string {
	text := strings.TrimSpace(string(bytes.TrimPrefix(body, []byte("\ufeff"))))
	switch {
	case text == "":
		return ""
	case isJSONBody(text):
		return s.object(text, false)
	case strings.HasPrefix(text, "<"): // a firewall's page names addresses and sets cookies
		title, _ := mask.Title(text)
		return "<html><head><title>" + s.clean("message", strings.TrimSpace(title)) + "</title></head></html>"
	case text[0] == '{' || text[0] == '[':
		s.faults = append(s.faults, "an answer is broken JSON, and cannot be scrubbed")
		return scrubbed
	case len(text) > 256 || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' }):
		s.faults = append(s.faults, "an answer is neither JSON, a page nor one line of text, and cannot be scrubbed")
		return scrubbed
	}
	return s.clean("message", strings.Trim(text, `"`)) // one word or sentence
}
