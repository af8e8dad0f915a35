// Package mask takes secrets out of texts that are shown to people.
package mask

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/url"
	"slices"
	"strings"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

const (
	shortest = 6  // shorter values are not looked for: "1" would mask every digit
	longest  = 40 // a longer run of key-like characters is masked whoever it belongs to
)

// Text returns text without any of the values: as they are, in hex, base64 and
// percent-encoded. Long runs that look like keys, signatures or tokens go too.
func Text(text string, values ...string) string {
	if text == "" {
		return ""
	}
	return runs(Values(text, values...), "+/=_-.%")
}

// Foreign is Text for errors of other people's code, which name files and hosts:
// the values go, long runs without slashes and dots, and of URLs the user and the
// query.
func Foreign(text string, values ...string) string {
	if text == "" {
		return ""
	}
	return runs(urls(Values(text, values...)), "+=_-")
}

// Values is Text for words that may be long themselves, such as a venue's codes:
// only the values go.
func Values(text string, values ...string) string {
	if text == "" {
		return ""
	}
	for _, form := range forms(values) {
		text = strings.ReplaceAll(text, form, Redacted)
	}
	return text
}

// Taint is Values for texts that are meant to be read in full, so that nothing but
// the values may go and nothing of them may stay: shorter ones are masked too, inside
// longer base64 wherever they begin in it, and a text that is a value goes whole.
func Taint(text string, values ...string) string {
	var all []string
	for _, v := range values {
		if v == "" {
			continue
		}
		if v == text {
			return Redacted
		}
		if len(v) >= shortestTaint {
			all = append(all, spellings(v)...)
			all = append(all, inBase64(v)...)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	for _, form := range all {
		if len(form) >= shortestTaint {
			text = strings.ReplaceAll(text, form, Redacted)
		}
	}
	return text
}

const shortestTaint = 4

// inBase64 lists how the middle of v is spelled in base64 of a longer text, for each
// of the three places in a group where v may begin.
func inBase64(v string) (all []string) {
	for begin := range 3 {
		if whole := (len(v) - begin) / 3 * 3; whole >= 6 {
			part := []byte(v[begin : begin+whole])
			all = append(all, base64.StdEncoding.EncodeToString(part), base64.URLEncoding.EncodeToString(part))
		}
	}
	return all
}

// forms lists every way the values may be written, longest first, so that a value
// inside another does not leave the rest of it behind.
func forms(values []string) []string {
	var all []string
	for _, v := range values {
		if len(v) < shortest {
			continue
		}
		all = append(all, spellings(v)...)
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(all)
}

// spellings lists every way one value may be written.
func spellings(v string) []string {
	raw := []byte(v)
	all := []string{v, hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
		base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
		url.QueryEscape(v), url.PathEscape(v), html.EscapeString(v), strings.ReplaceAll(v, "/", `\/`)}
	if un, err := url.QueryUnescape(v); err == nil {
		all = append(all, un)
	}
	return all
}

// urls takes the user and the query out of the URLs of a text, and the query of
// paths: whatever follows a ? up to a space, quote or bracket, when it holds an =.
func urls(text string) string {
	var b strings.Builder
	for text != "" {
		end := strings.IndexAny(text, " \t\r\n\"'<>`")
		if end < 0 {
			end = len(text)
		}
		word := text[:end]
		if scheme, rest, ok := strings.Cut(word, "://"); ok {
			authority := rest
			if i := strings.IndexAny(rest, "/?#"); i >= 0 {
				authority = rest[:i]
			}
			if at := strings.LastIndexByte(authority, '@'); at >= 0 {
				word = scheme + "://" + Redacted + rest[at:]
			}
		}
		if path, query, ok := strings.Cut(word, "?"); ok && strings.Contains(query, "=") {
			word = path + "?" + Redacted
		}
		b.WriteString(word)
		if end < len(text) {
			b.WriteByte(text[end])
			end++
		}
		text = text[end:]
	}
	return b.String()
}

// Title returns the title of an HTML page, which is what is shown of one; ok is false
// when it has none.
func Title(page string) (title string, ok bool) {
	const tag = "<title>"
	for i := 0; i+len(tag) <= len(page); i++ { // not by ToLower: of some text it has another length
		if strings.EqualFold(page[i:i+len(tag)], tag) {
			title, _, _ = strings.Cut(page[i+len(tag):], "<")
			return title, true
		}
	}
	return "", false
}

// runs masks long runs of the characters keys are written with: letters, digits and
// those of also.
func runs(text, also string) string {
	var b strings.Builder
	start := 0
	flush := func(end int) {
		if end-start >= longest {
			b.WriteString(Redacted)
		} else {
			b.WriteString(text[start:end])
		}
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(also, c) >= 0 {
			continue
		}
		flush(i)
		b.WriteByte(c)
		start = i + 1
	}
	flush(len(text))
	return b.String()
}
