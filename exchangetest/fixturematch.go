package exchangetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// compare lists how a request differs from the one in the file, a line for each
// parameter. Values of the scheme (stamps, signatures) are not compared, ids only
// with each other. The order of parameters does not matter.
func (f *Fixture) compare(want fixtureMessage, req *http.Request, body []byte) []string {
	m := &matcher{scrub: f.scrub, bound: f.bound}
	method, uri, _ := strings.Cut(want.first, " ")
	path, query, _ := strings.Cut(uri, "?")
	m.equal("method", method, req.Method)
	m.path(path, req.URL.EscapedPath())
	m.equal("host", want.get("Host"), hostOf(req))
	m.headers(want, req)
	m.forms("query parameter", query, req.URL.RawQuery)
	m.body(want.body, req.Header.Get("Content-Type"), string(body))
	if len(m.faults) > 12 {
		m.faults = append(m.faults[:12], fmt.Sprintf("and %d more", len(m.faults)-12))
	}
	return m.faults
}

// A matcher collects what differs.
type matcher struct {
	scrub  *scrubber
	bound  *bindings
	faults []string
}

func (m *matcher) fault(format string, args ...any) {
	m.faults = append(m.faults, fmt.Sprintf(format, args...))
}

func (m *matcher) equal(what, want, got string) {
	if want != got {
		m.fault("%s is %q, the fixture has %q", what, got, want)
	}
}

// value compares one value with what stands for it in the file.
func (m *matcher) value(what, parent, name, want, got string) {
	switch s := m.scrub; {
	case s.ignore[fold(name)], want == scrubbed && !s.kept(parent, name, got):
	case want == got:
		if isAlias(want) {
			m.bound.bind(want, got)
		}
	case isAlias(want) && !s.kept(parent, name, got):
		if why := m.bound.bind(want, got); why != "" {
			m.fault("%s %q %s", what, name, why)
		}
	case s.kept(parent, name, got) && s.clean(name, got) == want:
	default:
		m.fault("%s %q is %q, the fixture has %q", what, name, got, want)
	}
}

// path compares the segments of two paths.
func (m *matcher) path(want, got string) {
	w, g := strings.Split(want, "/"), strings.Split(got, "/")
	if len(w) != len(g) {
		m.equal("path", want, got)
		return
	}
	for i := range w {
		live, err := url.PathUnescape(g[i])
		if w[i] == g[i] || err == nil && isAlias(w[i]) && m.bound.bind(w[i], live) == "" {
			continue
		}
		m.equal("path", want, got)
		return
	}
}

// headers compares content type, the venue's own headers, and whether those of the
// scheme are there.
func (m *matcher) headers(want fixtureMessage, req *http.Request) {
	s, there := m.scrub, map[string]bool{"Host": true}
	for _, h := range want.header {
		name := h[0]
		if there[name] {
			continue
		}
		there[name] = true
		switch got := req.Header.Get(name); {
		case got == "":
			m.fault("header %q is missing", name)
		case s.auth[name]:
			m.authHeader(name, h[1], got)
		default:
			m.equal("header "+name, h[1], got)
		}
	}
	for name := range req.Header {
		if (s.auth[name] || s.fixed[name] || name == "Content-Type") && !there[name] {
			m.fault("header %q is not in the fixture", name)
		}
	}
}

// authHeader compares parameters that travel in a header.
func (m *matcher) authHeader(name, want, got string) {
	if !isJSONBody(want) {
		return
	}
	text, ok := headerObject(got)
	if !ok {
		m.fault("header %q is no base64 of JSON", name)
		return
	}
	m.objects("field of "+name, want, text)
}

// A param is one named value, with where it is.
type param struct{ path, parent, name, value string }

// params compares two lists by path, in whatever order.
func (m *matcher) params(what string, want, got []param) {
	left := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(left, func(g param) bool { return g.path == w.path })
		if i < 0 {
			m.fault("%s %q is missing", what, w.path)
			continue
		}
		m.typed(what, w, left[i])
		left = slices.Delete(left, i, i+1)
	}
	for _, g := range left {
		m.fault("%s %q is not in the fixture", what, g.path)
	}
}

// typed compares values that may be JSON texts: "1" is not 1.
func (m *matcher) typed(what string, want, got param) {
	w, wasText := jsonString(want.value)
	g, isText := jsonString(got.value)
	if wasText != isText && w != scrubbed {
		m.fault("%s %q is %s, the fixture has %s", what, got.path, got.value, want.value)
		return
	}
	before := len(m.faults)
	m.value(what, got.parent, got.name, w, g)
	if len(m.faults) > before && got.path != got.name {
		m.faults[before] = strings.Replace(m.faults[before], fmt.Sprintf("%q", got.name), fmt.Sprintf("%q", got.path), 1)
	}
}

// jsonString returns the text of a JSON string and true, anything else as it is.
func jsonString(v string) (string, bool) {
	var s string
	if strings.HasPrefix(v, `"`) && json.Unmarshal([]byte(v), &s) == nil {
		return s, true
	}
	return v, false
}

// forms compares two queries or form bodies.
func (m *matcher) forms(what, want, got string) {
	w, ok := parseForm(want)
	g, ok2 := parseForm(got)
	if !ok || !ok2 {
		m.equal(what+"s", want, got)
		return
	}
	m.params(what, formParams(w), formParams(g))
}

func formParams(f form) []param {
	var list []param
	for _, p := range f {
		list = append(list, param{path: p.name, name: p.name, value: string(encode(p.value))})
	}
	return list
}

// objects compares two JSON texts.
func (m *matcher) objects(what, want, got string) { m.params(what, jsonParams(want), jsonParams(got)) }

func jsonParams(text string) []param {
	var list []param
	if isJSONBody(text) {
		mapJSON(text, sameName, func(l leaf) any {
			list = append(list, param{l.path, l.parent, l.name, jsonText(l.value)})
			return l.value
		})
	}
	return list
}

// body compares two bodies, each as what it is.
func (m *matcher) body(want, kind, got string) {
	got = strings.TrimSpace(got)
	switch {
	case want == "" && got == "":
	case want == "":
		m.fault("body is not in the fixture")
	case got == "":
		m.fault("body is missing")
	case isJSONBody(want) != isJSONBody(got):
		m.fault("body is of another type than the fixture's")
	case isJSONBody(want):
		m.objects("JSON field", want, got)
	case strings.HasPrefix(kind, formType), kind == "" && strings.Contains(got, "="):
		m.forms("form field", want, got)
	default:
		m.equal("body", want, got)
	}
}

// bindings are the replacements in a file and what stands for them in this run: an
// id that the client makes is another one every time, but the same one through.
type bindings struct {
	live map[string]string // replacement to this run's value
	back map[string]string
}

func newBindings() *bindings { return &bindings{live: map[string]string{}, back: map[string]string{}} }

// bind notes that live stands for alias, or says why it cannot.
func (b *bindings) bind(alias, live string) (why string) {
	if old, ok := b.live[alias]; ok {
		if old == live {
			return ""
		}
		return "is another one than before, where the fixture has the same"
	}
	if old, ok := b.back[live]; ok && old != alias {
		return "is the same as before, where the fixture has another one"
	}
	b.live[alias], b.back[live] = live, alias
	return ""
}

// restore puts this run's values into an answer. What it shows for the first time
// stands for itself from then on.
func (b *bindings) restore(body string) string {
	if !isJSONBody(body) {
		return body
	}
	swap := func(text string) string {
		if !isAlias(text) {
			return text
		}
		if live, ok := b.live[text]; ok {
			return live
		}
		b.bind(text, text)
		return text
	}
	out, err := mapJSON(body, func(_, name string) string { return swap(name) }, func(l leaf) any {
		switch v := l.value.(type) {
		case string:
			return swap(v)
		case json.Number:
			if live := swap(string(v)); isDigits(live) {
				return json.Number(live)
			}
		}
		return l.value
	})
	if err != nil {
		return body
	}
	return out
}
