package exauth

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/exauth/exauth/internal/mask"
)

// A SignatureReport is what Options.SignatureDebug is told when the venue refuses a
// call's key, signature, stamp or nonce: what was signed, as the venue should have put
// it together from the request it got. Compare it with the venue's documentation
// character by character.
//
// It holds no secret: the secret, the passphrase, the key id, the key's fields and
// every signature are masked in it, as they are and in hex, base64 and escapes, and so
// are parameters called otp, tfa, pin, password, passphrase or secret; tokens are shown
// as their claims. It does hold the call's parameters, which no error shows:
// that is why it is off unless asked for.
type SignatureReport struct {
	Venue, Environment, Method, Path string
	Key                              string // fingerprint
	Kind                             error  // the sentinel
	Status                           int
	Code, Message                    string // the venue's, redacted
	Signed                           []SignedText
	Time                             time.Time // the stamp the request carried, zero where the clock plays no part
	Nonce                            int64     // 0 where the venue draws none
	Offset                           time.Duration
	OffsetKnown                      bool    // false: the local clock was used as it is
	Causes                           []Cause // what is probably wrong, the likeliest first; see Causes
}

// A SignedText is one text that a scheme signed or hashed.
type SignedText struct {
	How    string // "HMAC-SHA256", "SHA-256 of this and the secret"
	Text   string // masked; what is not text is written \x00
	Length int    // in bytes, of the text that was signed
}

// String is the report as a person reads it, several lines.
func (r SignatureReport) String() string {
	var b strings.Builder
	where := r.Venue
	if r.Environment != "" {
		where += ":" + r.Environment
	}
	fmt.Fprintf(&b, "%s %s %s: %s (HTTP %d", where, r.Method, r.Path, strings.TrimPrefix(fmt.Sprint(r.Kind), "exauth: "), r.Status)
	if r.Code != "" {
		b.WriteString(", code " + r.Code)
	}
	b.WriteString(")\n")
	if r.Message != "" {
		b.WriteString("  venue says:   " + r.Message + "\n")
	}
	b.WriteString("  key:          " + r.Key + "\n")
	for _, s := range r.Signed {
		fmt.Fprintf(&b, "  signed:       %s, %d bytes\n                %s\n", s.How, s.Length, s.Text)
	}
	if len(r.Signed) == 0 {
		b.WriteString("  signed:       nothing; the key itself was sent\n")
	}
	if !r.Time.IsZero() {
		fmt.Fprintf(&b, "  stamp:        %s (%d ms)\n", r.Time.Format("2006-01-02T15:04:05.000Z07:00"), r.Time.UnixMilli())
	}
	if r.Nonce != 0 {
		fmt.Fprintf(&b, "  nonce:        %d\n", r.Nonce)
	}
	if r.OffsetKnown {
		fmt.Fprintf(&b, "  clock:        the venue is %s ahead of this machine; corrected\n", r.Offset.Round(time.Millisecond))
	} else {
		b.WriteString("  clock:        this machine's, not compared with the venue's\n")
	}
	for i, c := range r.Causes {
		fmt.Fprintf(&b, "  cause %d:      %s\n                %s\n", i+1, c.Text, c.Advice)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Signed tells the signature debugger of a text that goes into the signature without
// Sign seeing it: a hash of its own, the inner hash of a nested one. how says what was
// made of it. It keeps nothing and costs next to nothing unless Options.SignatureDebug
// is set; the secret may be part of text and is masked.
func (r *Request) Signed(how string, text []byte) {
	if r.record != nil {
		r.record.add(how, text)
	}
}

// signRecord is what one attempt signed, masked as it is written down.
type signRecord struct {
	nonce int64
	texts []SignedText
	hide  func() []string // a closure: reflection prints an address, not what it captures
}

// newSignRecord prepares to write down what is signed with a key.
func newSignRecord(b *binding) *signRecord {
	hide := b.info.tainted()
	return &signRecord{hide: func() []string { return hide }}
}

func (s *signRecord) add(how string, text []byte) {
	s.texts = append(s.texts, SignedText{How: how, Text: maskSigned(text, s.hide()), Length: len(text)})
}

// taint adds what must not show from now on: a signature.
func (s *signRecord) taint(raw []byte) {
	hide := append(s.hide(), string(raw))
	s.hide = func() []string { return hide }
}

// tainted lists what of a key must not show in what was signed: hidden, the secret as
// the signer reads it, and the key's further fields.
func (i *keyInfo) tainted() []string {
	hide := i.hidden()
	i.box.mu.RLock()
	secret := string(i.box.secret)
	i.box.mu.RUnlock()
	if raw, err := decodeBase64([]byte(secret)); err == nil {
		hide = append(hide, string(raw))
	}
	if raw, err := hex.DecodeString(secret); err == nil {
		hide = append(hide, string(raw))
	}
	for _, v := range i.fields {
		hide = append(hide, v)
	}
	return hide
}

// maskSigned is a signed text as it may be shown. What is encoded as a whole (a token,
// Gemini's payload) is shown decoded: in base64 nobody could read it, nor a mask find
// what is in it.
func maskSigned(text []byte, hide []string) string {
	taint := func(text string) string {
		text = mask.Taint(text, hide...)
		for _, shape := range passwordShapes() {
			text = shape.ReplaceAllString(text, "${1}"+mask.Redacted)
		}
		return text
	}
	if head, claims, ok := strings.Cut(string(text), "."); ok {
		h, ok1 := decodedJSON(head)
		c, ok2 := decodedJSON(claims)
		if ok1 && ok2 {
			return "token with header " + visible(taint(h)) + " and claims " + visible(taint(c))
		}
	}
	if raw, ok := decodedJSON(string(text)); ok {
		return "base64 of " + visible(taint(raw))
	}
	return visible(taint(string(text)))
}

// passwordShapes find what a caller may have to send besides the key: in a form and in
// JSON.
var passwordShapes = sync.OnceValue(func() []*regexp.Regexp {
	const names = `(?:otp|tfa|pin|password|passphrase|secret)`
	return []*regexp.Regexp{
		regexp.MustCompile(`(?i)((?:^|[^a-z])` + names + `=)[^&\s\[][^&\s]*`),
		regexp.MustCompile(`(?i)("` + names + `"\s*:\s*")(?:[^"\\\[]|\\.)(?:[^"\\]|\\.)*`),
	}
})

// decodedJSON reads base64, of either alphabet, of a JSON object.
func decodedJSON(text string) (string, bool) {
	text = strings.TrimRight(text, "=")
	enc := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		enc = base64.RawURLEncoding
	}
	raw, err := enc.DecodeString(text)
	if err != nil || len(raw) == 0 || raw[0] != '{' || !json.Valid(raw) {
		return "", false
	}
	return string(raw), true
}

// visible writes control characters, and what is no text, as escapes, so that a report
// stays on its line.
func visible(text string) string {
	var b strings.Builder
	isText := utf8.ValidString(text)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r < utf8.RuneSelf && unicode.IsPrint(r), isText && unicode.IsPrint(r):
			b.WriteString(text[i : i+n])
		default:
			for _, c := range []byte(text[i : i+n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		}
		i += n
	}
	return b.String()
}

// explain tells Options.SignatureDebug of a refused credential.
func (c *core) explain(d *draft, b *binding, out *outgoing, err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok || out.record == nil || e.Status == 0 || !aboutCredential(e) {
		return
	}
	r := SignatureReport{
		Venue: c.venue.Name, Environment: c.venue.Environment, Method: d.req.Method, Path: d.req.Path, Key: b.mark,
		Kind: e.Kind, Status: e.Status, Code: e.Code, Message: e.Message, Signed: out.record.texts, Nonce: out.record.nonce,
	}
	if len(r.Signed) > 0 {
		r.Time = out.stamp
	}
	r.Offset, _, r.OffsetKnown = c.clock.Offset(time.Now())
	if c.opts.Now != nil {
		r.Offset, r.OffsetKnown = 0, false
	}
	r.Causes = c.causes(e, b)
	c.opts.SignatureDebug(r)
}

// aboutCredential reports a refusal that the key, its signature, stamp or nonce may
// have caused.
func aboutCredential(e *Error) bool {
	return authKind(KindName(e)) || e.Kind == ErrClock || e.Kind == ErrNonce
}

// errNonceSeen is why venues that compare a nonce with the last one refuse it.
var errNonceSeen = errors.New("this key has seen a larger nonce: another program or machine uses the same key, " +
	"or once used it with a finer unit (microseconds or nanoseconds), or the clock was set back, or calls overtook each other; " +
	"give every program a key of its own, or set a nonce window at the venue")
