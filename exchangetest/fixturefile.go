package exchangetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A fixtureFile is a fixture as it is on disk:
//
//	# comments
//	venue: binance
//	time: 2026-11-23T07:41:20Z
//
//	=== 1 request
//	GET /api/v3/time HTTP/1.1
//	Host: api.binance.com
//
//	=== 1 answer
//	HTTP/1.1 200 OK
//	Content-Type: application/json
//
//	{
//	  "serverTime": 1499827319559
//	}
//
// A line of a body that begins with "=== " or "\" has a "\" before it. JSON is
// indented in the file and compact on the wire; empty lines at the end of a body
// are not kept.
type fixtureFile struct {
	comments []string // without the #
	venue    string
	time     time.Time
	calls    []*fixtureCall
}

// A fixtureCall is one request and its answer.
type fixtureCall struct{ request, answer fixtureMessage }

// A fixtureMessage is half of a call. Its body is JSON without white space, or text.
type fixtureMessage struct {
	first  string // request line or status line, without the protocol
	header [][2]string
	body   string
}

const (
	fixtureProto = "HTTP/1.1"
	fixtureMark  = "=== "
)

// format writes the file; what it writes, parseFixture reads as the same.
func (f *fixtureFile) format() []byte {
	var b bytes.Buffer
	for _, c := range f.comments {
		b.WriteString("#" + c + "\n")
	}
	fmt.Fprintf(&b, "venue: %s\ntime: %s\n", f.venue, f.time.Format(time.RFC3339Nano))
	for i, c := range f.calls {
		fmt.Fprintf(&b, "\n%s%d request\n%s %s\n", fixtureMark, i+1, c.request.first, fixtureProto)
		c.request.format(&b)
		fmt.Fprintf(&b, "\n%s%d answer\n%s %s\n", fixtureMark, i+1, fixtureProto, c.answer.first)
		c.answer.format(&b)
	}
	return b.Bytes()
}

func (m *fixtureMessage) format(b *bytes.Buffer) {
	for _, h := range m.header {
		b.WriteString(strings.TrimSuffix(h[0]+": "+h[1], " ") + "\n")
	}
	if m.body == "" {
		return
	}
	b.WriteString("\n")
	text := m.body
	if isJSONBody(text) {
		var pretty bytes.Buffer
		if json.Indent(&pretty, []byte(text), "", "  ") == nil {
			text = pretty.String()
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, fixtureMark) || strings.HasPrefix(line, `\`) {
			b.WriteString(`\`)
		}
		b.WriteString(line + "\n")
	}
}

// isJSONBody reports an object or a list, which is indented in the file; a bare
// word or number is text.
func isJSONBody(text string) bool {
	return text != "" && (text[0] == '{' || text[0] == '[') && json.Valid([]byte(text))
}

// compactJSON is text without white space where it is JSON.
func compactJSON(text string) string {
	trimmed := strings.TrimSpace(text)
	if !isJSONBody(trimmed) {
		return text
	}
	var b bytes.Buffer
	if json.Compact(&b, []byte(trimmed)) != nil {
		return text
	}
	return b.String()
}

// follow keeps what a fixture that is recorded again has from before: its comments,
// and its time when nothing else changed.
func (f *fixtureFile) follow(old []byte) {
	before, err := parseFixture(old)
	if err != nil {
		return
	}
	f.comments = before.comments
	if before.venue == f.venue && reflect.DeepEqual(before.calls, f.calls) {
		f.time = before.time
	}
}

// A fixtureReader reads a fixture line by line.
type fixtureReader struct {
	lines []string
	at    int
}

func (r *fixtureReader) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: "+format, append([]any{r.at}, args...)...)
}

// line returns the next line, "" and false at the end.
func (r *fixtureReader) line() (string, bool) {
	if r.at >= len(r.lines) {
		return "", false
	}
	r.at++
	return r.lines[r.at-1], true
}

// parseFixture reads a fixture. Errors name the line. CRLF line ends, as git makes
// them on some machines, are read as LF.
func parseFixture(raw []byte) (*fixtureFile, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("fixture is not text")
	}
	text := strings.TrimSuffix(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n")
	if strings.Contains(text, "\r") {
		return nil, errors.New("fixture has a carriage return inside a line")
	}
	r := &fixtureReader{lines: strings.Split(text, "\n")}
	f := &fixtureFile{}
	if err := f.head(r); err != nil {
		return nil, err
	}
	for r.at < len(r.lines) {
		n := len(f.calls) + 1
		c := &fixtureCall{}
		for _, half := range []string{"request", "answer"} {
			want := fixtureMark + strconv.Itoa(n) + " " + half
			if got, _ := r.line(); got != want {
				return nil, r.errorf("want %q", want)
			}
			m := &c.request
			if half == "answer" {
				m = &c.answer
			}
			if err := m.parse(r, half == "answer"); err != nil {
				return nil, err
			}
		}
		f.calls = append(f.calls, c)
	}
	return f, nil
}

// head reads comments, venue and time, up to the first call.
func (f *fixtureFile) head(r *fixtureReader) error {
	for r.at < len(r.lines) && !strings.HasPrefix(r.lines[r.at], fixtureMark) {
		line, _ := r.line()
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "":
		case line[0] == '#':
			f.comments = append(f.comments, line[1:])
		case name == "venue" && f.venue == "" && value != "":
			f.venue = value
		case name == "time" && f.time.IsZero():
			at, err := time.Parse(time.RFC3339Nano, value)
			if err != nil || at.Year() < 1970 || at.Year() > 9998 {
				return r.errorf("time is not like 2026-11-23T07:41:20Z")
			}
			f.time = at.UTC()
		default:
			return r.errorf("want a comment, venue or time before the first call")
		}
	}
	if f.venue == "" || f.time.IsZero() {
		return r.errorf("fixture names no venue, or no time")
	}
	return nil
}

// parse reads first line, header and body, up to the next mark.
func (m *fixtureMessage) parse(r *fixtureReader, answer bool) error {
	line, _ := r.line()
	if err := m.parseFirst(line, answer); err != nil {
		return r.errorf("%v", err)
	}
	for {
		line, ok := r.line()
		if !ok {
			return nil
		}
		if strings.HasPrefix(line, fixtureMark) {
			r.at--
			return nil
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isHeaderName(name) {
			return r.errorf("want a header field, or an empty line before the body")
		}
		m.header = append(m.header, [2]string{http.CanonicalHeaderKey(name), strings.TrimSpace(value)})
	}
	var body []string
	for r.at < len(r.lines) && !strings.HasPrefix(r.lines[r.at], fixtureMark) {
		line, _ := r.line()
		body = append(body, strings.TrimPrefix(line, `\`))
	}
	m.body = strings.TrimRight(strings.Join(body, "\n"), "\n")
	m.body = compactJSON(m.body)
	return nil
}

func (m *fixtureMessage) parseFirst(line string, answer bool) error {
	if answer {
		rest, ok := strings.CutPrefix(line, fixtureProto+" ")
		code, _, _ := strings.Cut(rest, " ")
		if n, err := strconv.Atoi(code); !ok || err != nil || len(code) != 3 || n < 200 {
			return errors.New("want a status line like HTTP/1.1 200 OK")
		}
		m.first = strings.TrimSpace(rest)
		return nil
	}
	rest, ok := strings.CutSuffix(line, " "+fixtureProto)
	method, uri, ok2 := strings.Cut(rest, " ")
	if !ok || !ok2 || !isHeaderName(method) || !strings.HasPrefix(uri, "/") || strings.ContainsAny(uri, " \t") {
		return errors.New("want a request line like GET /path HTTP/1.1")
	}
	m.first = rest
	return nil
}

// isHeaderName reports a token of RFC 9110 section 5.6.2.
func isHeaderName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", c))
	})
}

// get returns the first value of a header field, "" when there is none.
func (m *fixtureMessage) get(name string) string {
	for _, h := range m.header {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

// response is the answer as net/http reads it off a connection.
func (m *fixtureMessage) response(req *http.Request, body string, now time.Time) (*http.Response, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s\r\n", fixtureProto, m.first)
	for _, h := range m.header {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	fmt.Fprintf(&b, "Date: %s\r\nContent-Length: %d\r\n\r\n%s", now.UTC().Format(http.TimeFormat), len(body), body)
	return http.ReadResponse(bufio.NewReader(&b), req)
}
