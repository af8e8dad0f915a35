package vaultkv

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/exauth/exauth"
)

// An answer is one version of a secret.
type answer struct {
	text    []byte
	version int
	created time.Time
	lease   time.Duration
}

// envelope is what the server answers, also beside an error. The secret stays in
// pieces that can be wiped.
type envelope struct {
	LeaseDuration int64 `json:"lease_duration"` // seconds; 0 for KV version 2
	Data          struct {
		Data     json.RawMessage `json:"data"`
		Metadata *struct {
			Version      int    `json:"version"`
			CreatedTime  string `json:"created_time"`
			DeletionTime string `json:"deletion_time"`
			Destroyed    bool   `json:"destroyed"`
		} `json:"metadata"`
	} `json:"data"`
	Errors   []string `json:"errors"`
	Warnings []string `json:"warnings"`
}

// parseAnswer takes the text out of an answer with status 200.
func parseAnswer(body []byte, field string) (*answer, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, fmt.Errorf("%w: what answers there is no Vault: no JSON of its kind", ErrUnavailable)
	}
	raw := e.Data.Data
	switch {
	case e.Data.Metadata == nil:
		clear(raw)
		return nil, fmt.Errorf("%w: the answer has no version; is the mount a KV engine of version 2?", ErrUnavailable)
	case len(raw) == 0 || bytes.Equal(raw, []byte("null")):
		return nil, fmt.Errorf("%w: version %d of the secret has no data", exauth.ErrNoKey, e.Data.Metadata.Version)
	}
	a := &answer{text: raw, version: e.Data.Metadata.Version}
	a.created, _ = time.Parse(time.RFC3339Nano, e.Data.Metadata.CreatedTime) // zero: never the older one
	if e.LeaseDuration > 0 && e.LeaseDuration < int64(time.Hour/time.Second)*24*365 {
		a.lease = time.Duration(e.LeaseDuration) * time.Second
	}
	if field == "" {
		return a, nil
	}
	defer clear(raw)
	var fields map[string]jsonText
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("%w: the secret is no list of fields", exauth.ErrKey)
	}
	a.text = nil
	for name, value := range fields {
		if name == field {
			a.text = value.text
		} else {
			clear(value.text)
		}
	}
	if a.text == nil {
		if _, has := fields[field]; has {
			return nil, fmt.Errorf("%w: field %.60q of the secret holds no text", exauth.ErrKey, field)
		}
		return nil, fmt.Errorf("%w: the secret has no field %.60q", exauth.ErrKey, field)
	}
	return a, nil
}

// refusal says what an answer with another status means, and what to do.
func (s *store) refusal(status int, body []byte, token string) error {
	var e envelope
	isVault := json.Unmarshal(body, &e) == nil
	defer clear(e.Data.Data)
	said := said(append(e.Errors, e.Warnings...), token)
	place := s.opts.Mount + "/data/" + s.path
	switch {
	case status == http.StatusForbidden:
		return fmt.Errorf("%w: the token is expired, or its policy lacks read on %s%s%s", ErrDenied, place, s.inNamespace(), said)
	case status == http.StatusUnauthorized, status == http.StatusBadRequest && strings.Contains(said, "token"):
		return fmt.Errorf("%w: the token is not accepted%s", ErrDenied, said)
	case status == http.StatusNotFound && isVault && e.Data.Metadata != nil:
		m := e.Data.Metadata
		if m.Destroyed {
			return fmt.Errorf("%w: version %d of the secret was destroyed", exauth.ErrNoKey, m.Version)
		}
		return fmt.Errorf("%w: version %d of the secret was deleted; vault kv undelete brings it back", exauth.ErrNoKey, m.Version)
	case status == http.StatusNotFound && isVault && said == "" && e.Errors != nil:
		return fmt.Errorf("%w: there is no such secret%s", exauth.ErrNoKey, s.inNamespace())
	case status == http.StatusNotFound:
		return fmt.Errorf("%w: no KV engine of version 2 is mounted at %s%s%s", ErrUnavailable, s.opts.Mount, s.inNamespace(), said)
	case status == http.StatusServiceUnavailable && strings.Contains(said, "sealed"):
		return fmt.Errorf("%w; an operator has to unseal it", ErrSealed)
	case status == http.StatusTooManyRequests:
		return fmt.Errorf("%w: a rate limit quota of the server refuses it%s", ErrUnavailable, said)
	}
	return fmt.Errorf("%w: HTTP status %d%s", ErrUnavailable, status, said)
}

func (s *store) inNamespace() string {
	if s.opts.Namespace == "" {
		return ""
	}
	return " in namespace " + strconv.Quote(s.opts.Namespace)
}

// said quotes the server, in one bounded line and without the token.
func said(texts []string, token string) string {
	text := strings.Join(texts, "; ")
	text = strings.ReplaceAll(text, token, "[redacted]")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if text == "" {
		return ""
	}
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return " (it says: " + text + ")"
}

// jsonText is a JSON string as bytes that can be wiped; text is nil for other values.
type jsonText struct{ text []byte }

// UnmarshalJSON decodes a string. raw is valid JSON.
func (t *jsonText) UnmarshalJSON(raw []byte) error {
	if len(raw) < 2 || raw[0] != '"' {
		return nil
	}
	raw = raw[1 : len(raw)-1]
	out := make([]byte, 0, len(raw)+utf8.UTFMax) // decoding never makes it longer
	for len(raw) > 0 {
		if raw[0] != '\\' {
			out, raw = append(out, raw[0]), raw[1:]
			continue
		}
		if raw[1] != 'u' {
			c := raw[1]
			if i := strings.IndexByte("bfnrt", c); i >= 0 {
				c = "\b\f\n\r\t"[i]
			}
			out, raw = append(out, c), raw[2:]
			continue
		}
		r, size := hex4(raw), 6
		if utf16.IsSurrogate(r) {
			low := hex4(raw[6:])
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				size = 12
			}
		}
		out, raw = utf8.AppendRune(out, r), raw[size:]
	}
	t.text = out
	return nil
}

// hex4 reads \uXXXX, -1 when raw does not begin with one.
func hex4(raw []byte) rune {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}
