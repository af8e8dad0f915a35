package exauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/exauth/exauth/internal/mask"
)

// errBodyTooLarge is why an answer was not read to its end.
var errBodyTooLarge = errors.New("answer is larger than Options.MaxBody")

// read takes an answer off the wire: bounded after decompression, drained and
// closed so that the connection can serve again.
func (c *core) read(d *draft, hr *http.Response) (*Response, error) {
	resp := &Response{Method: d.req.Method, Path: d.req.Path, Status: hr.StatusCode, Header: hr.Header, Attempts: 1}
	defer hr.Body.Close()
	body, err := readBounded(hr, c.opts.MaxBody)
	resp.Body = bytes.TrimPrefix(body, []byte("\ufeff"))
	resp.Payload = resp.Body
	return resp, err
}

// readBounded reads a body to its end, at most limit bytes of it.
func readBounded(hr *http.Response, limit int64) ([]byte, error) {
	n := hr.ContentLength
	if n > limit {
		return nil, errBodyTooLarge
	}
	if n <= 0 { // unknown, or a RoundTripper that does not say
		body, err := io.ReadAll(io.LimitReader(hr.Body, limit+1))
		if int64(len(body)) > limit {
			return nil, errBodyTooLarge
		}
		return body, err
	}
	body := make([]byte, n, n+1)
	got, err := io.ReadFull(hr.Body, body)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err == nil { // see the end, so that the connection can serve again
		if extra, _ := hr.Body.Read(body[n : n+1]); extra > 0 {
			err = errBodyTooLarge
		}
	}
	return body[:got], err
}

// judge decides what an answer means: the venue's own word first, then its status.
func (c *core) judge(d *draft, t *trip, resp *Response) error {
	var found error
	var items []Item
	if resp.Status >= 300 && resp.Status < 400 {
		found = &Error{Kind: ErrHost, Message: "redirect refused; a signed request is never sent on"}
	} else if c.venue.Answer != nil {
		var payload []byte
		if payload, found = c.venue.Answer(resp); found == nil {
			resp.Payload = payload
		}
	}
	if found == nil {
		switch {
		case resp.Status >= 400:
			found = &Error{Message: excerpt(resp.Body)}
		case !readable(resp, d.need.writes()):
			found = &Error{Kind: ErrOutcomeUnknown, Message: "answer is not JSON: " + excerpt(resp.Body)}
		default:
			items = c.itemsOf(d, t, resp)
			if found = d.itemsFault(items); found == nil {
				resp.Items = d.accepted(items)
				return nil
			}
		}
	} else {
		items = c.itemsOf(d, t, resp)
	}
	e := &Error{Err: found}
	if own, ok := errors.AsType[*Error](found); ok {
		*e = *own // a copy: a Venue may return a shared value
	}
	e.Err = veil(e.Err, t.hidden()...)
	c.describe(e, d)
	e.Status, e.Sent = resp.Status, t.stamp
	switch {
	case e.Kind == nil:
		e.Kind = kindOfStatus(resp.Status)
	case e.Kind == ErrOutcomeUnknown && !d.need.writes():
		e.Kind = ErrUnavailable // a read that timed out at the venue may be asked again
	}
	if e.RetryAfter == 0 {
		e.RetryAfter, _ = retryAfter(resp.Header, t.received)
	}
	e.Code = shorten(mask.Values(oneLine(e.Code), t.hidden()...)) // masked whole, then cut
	e.Message = shorten(t.scrub(oneLine(e.Message)))
	if e.Kind == ErrNonce && e.Err == nil && c.venue.Ordered {
		e.Err = errNonceSeen
	}
	e.Outcome = outcomeOf(e, d, resp.Status)
	if t.number > 1 && errors.Is(e.Kind, ErrDuplicateOrder) && d.need.writes() {
		e.Outcome = OutcomeUnknown // sent again, and an order of the name exists: ask which
	}
	if items != nil && d.itemsFault(items) == nil { // the call failed and every part was done: nobody knows
		e.Outcome, items = OutcomeUnknown, nil
	}
	d.itemise(e, items)
	c.remember(e, d, t.stamp, t.entry)
	if e.Outcome == OutcomePartial || items != nil {
		e.Body = []byte(t.scrub(string(resp.Body)))
	}
	return e
}

// readable reports whether an answer that claims success can be one. What a write
// did is only known from JSON; a read may bring a file, but no page of a firewall.
func readable(resp *Response, write bool) bool {
	text := bytes.TrimLeft(resp.Payload, " \t\r\n")
	if len(text) == 0 {
		return true // Do[T] asks for more
	}
	return text[0] != '<' && (!write || json.Valid(text))
}

// kindOfStatus is what an answer means when the venue's text said nothing.
func kindOfStatus(status int) error {
	switch {
	case status == http.StatusTooManyRequests:
		return ErrRateLimited
	case status == http.StatusTeapot:
		return ErrBanned
	case status >= 500:
		return ErrUnavailable
	}
	return ErrRejected
}

// outcomeOf tells the fate of a call that the venue answered with an error. An
// error of the venue's machinery leaves a write in doubt; a reason does not.
func outcomeOf(e *Error, d *draft, status int) Outcome {
	switch {
	case errors.Is(e.Kind, ErrPartial):
		return OutcomePartial
	case !d.need.writes():
		return OutcomeRejected
	case errors.Is(e.Kind, ErrOutcomeUnknown), e.Outcome == OutcomeUnknown:
		return OutcomeUnknown
	case e.Outcome == OutcomeRejected && e.Code != "":
		return OutcomeRejected // the venue's file says so, whatever the status
	case status >= 500 && (e.Kind == ErrUnavailable || e.Kind == ErrRejected):
		return OutcomeUnknown
	case status >= 300 && status < 400, e.Code == "" && status < 300:
		return OutcomeUnknown // not the venue's own word
	}
	return OutcomeRejected
}

// lost describes an attempt that ended without an answer.
func (c *core) lost(d *draft, t *trip, cause error) *Error {
	e := &Error{Err: safeError(cause), Outcome: OutcomeNotSent, Sent: t.stamp}
	c.describe(e, d)
	switch {
	case t.unsent:
		e.Kind = ErrUnavailable
	case d.need.writes():
		e.Kind, e.Outcome = ErrOutcomeUnknown, OutcomeUnknown
	default:
		e.Kind, e.Outcome = ErrUnavailable, OutcomeRejected
	}
	if errors.Is(cause, context.Canceled) && e.Outcome != OutcomeUnknown {
		e.Kind = nil
	}
	d.itemise(e, nil)
	c.remember(e, d, t.stamp, t.entry)
	return e
}

// notSent describes an attempt that was refused on this side.
func (c *core) notSent(d *draft, kind, cause error) *Error {
	e := &Error{Kind: kind, Err: cause}
	if own, ok := cause.(*Error); ok {
		dup := *own
		e = &dup
	}
	if e.Kind == nil {
		e.Kind = sentinelOf(e.Err)
	}
	e.Outcome, e.Err = OutcomeNotSent, veil(e.Err)
	c.describe(e, d)
	d.itemise(e, nil)
	return e
}

func (c *core) describe(e *Error, d *draft) {
	e.Venue, e.Method, e.Path = c.venue.Name, d.req.Method, d.req.Path
	if d.orderID != "" {
		e.ClientOrderID = d.orderID
	}
}

// maxExcerpt bounds the venue's text in an error.
const maxExcerpt = 200

// excerpt is what an error quotes of a body: of HTML its title.
func excerpt(body []byte) string {
	text := head(string(body[:min(len(body), maxLook+1)]))
	if title, ok := mask.Title(text); ok {
		return "HTML page: " + title
	}
	return text
}

// maxLook bounds how much of a venue's text is looked at.
const maxLook = 8192

// head cuts a text to maxLook bytes, and back to a space: half of a key would not be
// known for one.
func head(text string) string {
	if len(text) <= maxLook {
		return text
	}
	text = text[:maxLook]
	return text[:strings.LastIndexAny(text, " \t\r\n")+1]
}

// oneLine makes a text fit for a log: valid UTF-8 without control characters and
// runs of space.
func oneLine(text string) string {
	text = strings.ToValidUTF8(head(text), "")
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
}

// shorten cuts a text to maxExcerpt bytes, between characters.
func shorten(text string) string {
	if len(text) <= maxExcerpt {
		return text
	}
	text = text[:maxExcerpt]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + "…"
}

// safeError keeps what errors.Is, errors.As and Timeout can see of a transport's
// error, without the URLs that net/http writes into texts (golang/go#44819).
func safeError(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return &wireError{func() error { return err }}
}

// wireError shows the class of a transport error, never its text, which may quote
// a URL, a Location or a header.
type wireError struct {
	cause func() error // a closure: reflection prints an address, not what it captures
}

// Error names the class in words that help: timeout, refused, reset, TLS.
func (e *wireError) Error() string {
	cause := e.cause()
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.Is(cause, context.Canceled):
		return "canceled by the caller"
	case e.Timeout():
		return "no answer within the time allowed"
	case errors.Is(cause, io.EOF), errors.Is(cause, io.ErrUnexpectedEOF):
		return "connection closed before the answer was complete"
	case errors.As(cause, &dns):
		return "host name lookup failed"
	case errors.As(cause, &op):
		return op.Op + " failed: " + errnoText(op.Err)
	case errors.Is(cause, errBodyTooLarge):
		return errBodyTooLarge.Error()
	}
	return fmt.Sprintf("transport failed (%T)", cause)
}

func errnoText(err error) string {
	var errno interface {
		error
		Temporary() bool
	}
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return fmt.Sprintf("%T", err)
}

// Is lets errors.Is see the cause without handing it out: a *url.Error in it could
// be printed.
func (e *wireError) Is(target error) bool { return errors.Is(e.cause(), target) }

// As lets errors.As find network errors, whose texts hold addresses only.
func (e *wireError) As(target any) bool {
	switch target.(type) {
	case **net.OpError, **net.DNSError:
		return errors.As(e.cause(), target)
	}
	return false
}

// Timeout reports whether the cause was one.
func (e *wireError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.cause(), &t) && t.Timeout()
}

// Temporary completes net.Error; nothing is promised by it.
func (e *wireError) Temporary() bool { return e.Timeout() }
