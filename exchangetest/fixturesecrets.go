package exchangetest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/exauth/exauth"
)

// secrets is what a recording must not show: the key it was made with and every
// signature. It lives while the test does and is reached through a closure.
type secrets struct {
	mu     sync.Mutex
	list   []secretText
	signed map[string]bool // digests of requests whose key is known
	told   bool            // the caller named the secrets of a client of his own
	blind  []string        // authorised calls of unknown keys
}

type secretText struct{ what, text string }

func (s *secrets) add(what, text string) {
	if text == "" || slices.ContainsFunc(s.list, func(t secretText) bool { return t.text == text }) {
		return
	}
	s.list = append(s.list, secretText{what, text})
}

// learn takes the secrets of a request that its scheme has just signed.
func (s *secrets) learn(v *exauth.Venue, r *exauth.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add("the API key", r.KeyID())
	s.add("the secret", string(r.Secret()))
	s.add("the passphrase", r.Passphrase())
	for _, name := range v.KeyFields {
		s.add("the key's "+name, r.Field(name))
	}
	if s.signed == nil {
		s.signed = map[string]bool{}
	}
	s.signed[snapshotOf(r).digest()] = true
}

// see takes what authorises a request as it leaves.
func (s *secrets) see(scrub *scrubber, req *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	marks := scrub.marks(req, body)
	if len(marks) == 0 {
		return
	}
	for _, m := range marks {
		if _, ok := headerObject(m.value); ok {
			continue // parameters, which are scrubbed themselves
		}
		for word := range strings.FieldsSeq(m.value) { // "Bearer …", "id=…,sig=…"
			for part := range strings.SplitSeq(word, ",") {
				if isSignature(part) {
					s.add("a signature or token of "+m.name, part)
				}
			}
		}
		if isSignature(m.value) {
			s.add("a signature or token of "+m.name, m.value)
		}
	}
	bearer := scrub.bearer && strings.HasPrefix(req.Header.Get("Authorization"), "Bearer ") // the token is all there is
	if !s.told && !bearer && !s.signed[snapshotOfHTTP(req, body, scrub.prefix).digest()] {
		s.blind = append(s.blind, req.Method+" "+req.URL.Path)
	}
}

// isSignature reports a text that is long and mixed enough to be one, or a token.
func isSignature(text string) bool {
	return len(text) >= 16 && strings.ContainsAny(text, "0123456789") && strings.Trim(text, "0123456789-:.TZ%A") != ""
}

// secretWindow is how many characters of a secret are a leak, wherever they are cut.
const secretWindow = 12

// shortSecret is the least that is looked for: a passphrase of three letters would
// be found in every answer.
const shortSecret = 4

// left says what secrets a text still holds. It names lines, never the text.
func (s *secrets) left(text []byte) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var faults []string
	for _, call := range s.blind {
		faults = append(faults, call+" was signed by a client that was not made with Fixture.Venue, so that its secret is not known; "+
			"use Fixture.Venue, or name it in FixtureOptions.Secrets")
	}
	windows, whole := map[[secretWindow]byte]string{}, map[string]string{}
	for _, t := range s.list {
		for _, form := range spellings(t.text) {
			if len(form) < secretWindow {
				if len(form) >= shortSecret {
					whole[form] = t.what
				}
				continue
			}
			for i := range len(form) - secretWindow + 1 {
				windows[[secretWindow]byte([]byte(form[i:i+secretWindow]))] = t.what
			}
		}
	}
	found := map[string]bool{}
	for n, line := range bytes.Split(text, []byte("\n")) {
		for _, l := range [][]byte{line, unescapeAll(line)} {
			what := ""
			for i := 0; i+secretWindow <= len(l) && what == ""; i++ {
				what = windows[[secretWindow]byte(l[i:i+secretWindow])]
			}
			for form, name := range whole {
				if what == "" && bytes.Contains(l, []byte(form)) {
					what = name
				}
			}
			if fault := fmt.Sprintf("line %d shows part of %s", n+1, what); what != "" && !found[fault] {
				found[fault] = true
				faults = append(faults, fault)
			}
		}
	}
	return faults
}

// spellings lists the ways a secret may be written: as it is, in hex, in base64 at
// each of its three offsets, escaped; and the bytes it is the base64 or hex of.
func spellings(secret string) []string {
	raws := [][]byte{[]byte(secret)}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(secret); err == nil && len(b) >= secretWindow {
			raws = append(raws, b)
			break
		}
	}
	if b, err := hex.DecodeString(secret); err == nil && len(b) >= secretWindow {
		raws = append(raws, b)
	}
	var all []string
	for _, raw := range raws {
		lower := hex.EncodeToString(raw)
		escaped := url.QueryEscape(string(raw))
		all = append(all, string(raw), lower, strings.ToUpper(lower), escaped, lowerEscapes(escaped),
			strings.ReplaceAll(string(raw), "/", `\/`))
		for shift := range 3 {
			padded := append(make([]byte, shift), raw...)
			for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				text := enc.EncodeToString(padded)
				if shift > 0 {
					text = text[shift+1:] // mixed with what stood before
				}
				if len(padded)%3 != 0 {
					text = text[:len(text)-1] // mixed with what follows
				}
				all = append(all, text)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// lowerEscapes writes %2F as %2f.
func lowerEscapes(text string) string {
	b := []byte(text)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

// unescapeAll undoes percent-encoding and leaves what is none.
func unescapeAll(line []byte) []byte {
	if !bytes.Contains(line, []byte("%")) {
		return nil
	}
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); i++ {
		if line[i] == '%' && i+2 < len(line) {
			if b, err := hex.DecodeString(string(line[i+1 : i+3])); err == nil {
				out = append(out, b[0])
				i += 2
				continue
			}
		}
		out = append(out, line[i])
	}
	return out
}

// A mark is one field that authorises a request.
type mark struct{ name, value string }

// marks lists what authorises a request: header fields of the scheme, and its
// parameters in the query, the form or the JSON body. A lone timestamp is none.
func (s *scrubber) marks(req *http.Request, body []byte) []mark {
	var list []mark
	add := func(name, value string) {
		if s.proof(name) && value != "" {
			list = append(list, mark{name, value})
		}
	}
	for name, values := range req.Header {
		if s.auth[http.CanonicalHeaderKey(name)] && len(values) > 0 {
			list = append(list, mark{name, values[0]})
		}
	}
	pairs, _ := parseForm(req.URL.RawQuery)
	text := strings.TrimSpace(string(body))
	if isJSONBody(text) {
		mapJSON(text, sameName, func(l leaf) any {
			if l.path == l.name {
				add(l.name, fmt.Sprint(l.value))
			}
			return l.value
		})
	} else if form, ok := parseForm(text); ok {
		pairs = slices.Concat(pairs, form)
	}
	for _, p := range pairs {
		add(p.name, p.value)
	}
	return list
}

// proof reports the parameters that name a key or a signature.
func (s *scrubber) proof(name string) bool {
	switch fold(name) {
	case "signature", "sign", "sig", "apikey", "accesskeyid", "accessid", "secretkey", "cmcproapikey":
		return true
	}
	return false
}
