package exauth

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// A keys file is split by hand rather than by encoding/json: its values then stay
// slices of the one buffer that is wiped, unknown and repeated members are seen, and
// no error quotes a value.

// A member is one name and value of a JSON object, the value as its raw text.
type member struct {
	name  string
	value []byte
}

// parseKeyFile reads a keys file. Its errors say where and what, for people.
func parseKeyFile(text []byte) ([]*ringKey, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("is not UTF-8 text")
	}
	if err := checkJSON(text); err != nil {
		return nil, err
	}
	top, err := splitObject(text)
	if err != nil {
		return nil, errors.New(`want {"version": 1, "keys": […]}`)
	}
	var list [][]byte
	version := ""
	for _, m := range top {
		switch m.name {
		case "version":
			version = string(m.value)
		case "keys":
			if list, err = splitArray(m.value); err != nil {
				return nil, errors.New(`"keys" must be a list`)
			}
		default:
			return nil, errors.New("unknown member " + safeName(m.name))
		}
	}
	switch {
	case version == "":
		return nil, errors.New(`"version" is missing; this is version 1`)
	case version != "1":
		return nil, errors.New("unknown version; this program reads version 1")
	}
	entries := make([]*ringKey, len(list))
	seen := make(map[string]bool)
	for i, raw := range list {
		place := "key " + strconv.Itoa(i+1)
		e, err := parseEntry(raw, place)
		if err != nil {
			return nil, err
		}
		if seen[e.name] {
			return nil, fmt.Errorf("%s: name is another key's", place)
		}
		seen[e.name] = true
		entries[i] = e
	}
	return entries, nil
}

// checkJSON says where a text stops being JSON, without quoting it.
func checkJSON(text []byte) error {
	var nothing struct{}
	err := json.Unmarshal(text, &nothing)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return nil // of another type than object: the caller's to say
	}
	before := text[:min(int(syntax.Offset), len(text))]
	return fmt.Errorf("is not valid JSON, or cut off, in line %d", 1+bytes.Count(before, []byte("\n")))
}

// An entry is one key's members, decoded.
type entry struct {
	ringKey
	id, passphrase string
	secret         []byte
	fields         map[string]string
	facts          KeyFacts
	egress         *egress
}

// parseEntry reads one key.
func parseEntry(raw []byte, place string) (*ringKey, error) {
	members, err := splitObject(raw)
	if err != nil {
		return nil, placed(place, err)
	}
	e := &entry{ringKey: ringKey{name: place, sum: sha256.Sum256(raw)}}
	defer func() { clear(e.secret) }()
	e.label.Scope = scopeAll
	for _, m := range members {
		if m.name == "name" {
			if err := e.set(m); err != nil {
				return nil, placed(place, err)
			}
			place = fmt.Sprintf("%s (%.60q)", place, e.name)
		}
	}
	for _, m := range members {
		if err := e.set(m); err != nil {
			return nil, placed(place, err)
		}
	}
	if err := e.finish(); err != nil {
		return nil, placed(place, err)
	}
	return &ringKey{name: e.name, label: e.label, until: e.until, sum: e.sum, key: e.key, file: e.file, make: e.make}, nil
}

// set takes one member.
func (e *entry) set(m member) (err error) {
	text, isText := unquote(m.value)
	keep := false
	defer func() {
		if !keep {
			clear(text)
		}
	}()
	switch m.name {
	case "ips":
		e.facts.IPs, err = parseIPs(m.value)
		return err
	case "fields":
		e.fields, err = textMembers(m.value)
		return err
	}
	if !isText {
		if !slices.Contains(textNames[:], m.name) {
			return errors.New("unknown member " + safeName(m.name))
		}
		return fmt.Errorf("%q must be a text", m.name)
	}
	switch m.name {
	case "name":
		if len(text) > 0 {
			e.name = string(text)
			e.facts.Name = e.name
		}
	case "venue":
		e.label.Venue = string(text)
	case "environment":
		e.label.Environment = string(text)
	case "account":
		e.label.Account = string(text)
	case "purpose":
		e.facts.Purpose = string(text)
	case "egress":
		e.egress, err = parseEgress(string(text))
	case "id":
		e.id = string(text)
	case "secret":
		e.secret, keep = text, true
	case "passphrase":
		e.passphrase = string(text)
	case "private_key_file":
		e.file = string(text)
	case "scope":
		if e.label.Scope, err = ParseScope(string(text)); err != nil {
			return placed(`"scope"`, err)
		}
	case "created":
		e.facts.Created, err = parseDate(m.name, text)
	case "rotate_after":
		e.facts.RotateAfter, err = parseDate(m.name, text)
	case "expires":
		e.until, err = parseDate(m.name, text)
	default:
		err = errors.New("unknown member " + safeName(m.name))
	}
	return err
}

// textNames are the members whose values are texts.
var textNames = [...]string{"name", "venue", "environment", "account", "purpose", "id", "secret", "passphrase",
	"private_key_file", "scope", "created", "rotate_after", "expires", "egress"}

// finish makes the key of what was set.
func (e *entry) finish() error {
	switch v := e.label.Venue; {
	case v == "":
		return errors.New(`"venue" is missing; a key is never used for a venue it is not labelled with`)
	case v != strings.ToLower(v) || strings.ContainsAny(v, " :"):
		return errors.New(`"venue" must be ccxt's id, such as binance; a test environment goes into "environment"`)
	case e.id == "":
		return errors.New(`"id" is missing`)
	case len(e.secret) > 0 && e.file != "":
		return errors.New(`has "secret" and "private_key_file"; a key has one of them`)
	case e.label.Scope == 0:
		return errors.New(`"scope" is empty; leave it out for a key that may do everything`)
	}
	if e.label.Environment == "production" {
		e.label.Environment = ""
	}
	label, fields, passphrase, facts, egress := e.label, e.fields, e.passphrase, e.facts, e.egress
	facts.Expires = e.until
	e.make = func(k *Key) *Key {
		k = k.For(label.Venue, production(label.Environment), label.Account)
		if passphrase != "" {
			k = k.WithPassphrase(passphrase)
		}
		for name, value := range fields {
			k = k.WithField(name, value)
		}
		if label.Scope != scopeAll {
			k = k.Restrict(label.Scope)
		}
		return k.WithFacts(facts).with(func(i *keyInfo) { i.egress = egress })
	}
	key := NewSecretKeyBytes(e.id, e.secret) // without a secret for those with a file: it carries id and nonce
	e.key = e.make(key)
	return e.key.Err()
}

func parseDate(name string, text []byte) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q must be a date like 2006-01-02, or a time like 2006-01-02T15:04:05Z", name)
}

func parseIPs(value []byte) (ips []netip.Prefix, err error) {
	list, err := splitArray(value)
	for _, raw := range list {
		text, ok := unquote(raw)
		net, fault := netip.ParsePrefix(string(text))
		if addr, noAddr := netip.ParseAddr(string(text)); noAddr == nil {
			net, fault = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if !ok || fault != nil {
			err = errors.New("no address")
		}
		ips = append(ips, net)
	}
	if err != nil {
		return nil, errors.New(`"ips" must be a list of addresses or networks`)
	}
	return ips, nil
}

// textMembers reads an object of texts.
func textMembers(value []byte) (map[string]string, error) {
	members, err := splitObject(value)
	if err != nil {
		return nil, errors.New(`"fields" must hold names and texts, once each`)
	}
	out := make(map[string]string, len(members))
	for _, m := range members {
		text, ok := unquote(m.value)
		if !ok || m.name == "" {
			return nil, errors.New(`"fields" must hold names and texts, once each`)
		}
		out[m.name] = string(text)
	}
	return out, nil
}

// safeName shows a member's name unless it may be a secret in the wrong place.
func safeName(name string) string {
	for _, r := range name {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_') {
			return "(its name is not shown)"
		}
	}
	if len(name) > 24 {
		return "(its name is not shown)"
	}
	return strconv.Quote(name)
}

// splitObject splits valid JSON that is an object. The values are slices of raw.
func splitObject(raw []byte) ([]member, error) {
	var out []member
	parts, err := splitJSON(raw, '{', '}')
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		end := skipString(p)
		name, _ := unquote(p[:end])
		for _, m := range out {
			if m.name == string(name) {
				return nil, errors.New("member " + safeName(m.name) + " is given twice")
			}
		}
		value := bytes.TrimLeft(p[end:], " \t\r\n")
		out = append(out, member{string(name), bytes.TrimLeft(value[1:], " \t\r\n")}) // after the colon
	}
	return out, nil
}

// splitArray splits valid JSON that is an array.
func splitArray(raw []byte) ([][]byte, error) { return splitJSON(raw, '[', ']') }

// splitJSON cuts valid JSON at the commas of its outermost level.
func splitJSON(raw []byte, open, shut byte) ([][]byte, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) < 2 || raw[0] != open || raw[len(raw)-1] != shut {
		return nil, errors.New("must be an object")
	}
	raw = bytes.TrimSpace(raw[1 : len(raw)-1])
	var parts [][]byte
	depth, start := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i += skipString(raw[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				parts, start = append(parts, bytes.TrimSpace(raw[start:i])), i+1
			}
		}
	}
	if len(raw) > 0 {
		parts = append(parts, bytes.TrimSpace(raw[start:]))
	}
	return parts, nil
}

// skipString returns the length of the JSON string that text begins with.
func skipString(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// unquote decodes a JSON string into bytes that can be wiped; false for another
// value. raw is valid JSON.
func unquote(raw []byte) ([]byte, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, false
	}
	raw = raw[1 : len(raw)-1]
	out := make([]byte, 0, len(raw)) // decoding never makes it longer
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := hex4(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(r) && i+6 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
				if both := utf16.DecodeRune(r, hex4(raw[i+3:])); both != utf8.RuneError {
					r, i = both, i+6
				}
			}
			out = utf8.AppendRune(out, r)
		default: // " \ /
			out = append(out, c)
		}
	}
	return out, true
}

func hex4(text []byte) rune {
	n, _ := strconv.ParseUint(string(text[:4]), 16, 32)
	return rune(n)
}
