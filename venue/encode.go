package venue

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/exauth/exauth"
)

// signHex signs msg and writes the signature as lower-case hex.
func signHex(ctx context.Context, r *exauth.Request, msg []byte) (string, error) {
	var raw [64]byte
	sig, err := r.Sign(ctx, raw[:0], msg)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sig), nil
}

// signBase64 signs msg and writes the signature as standard base64.
func signBase64(ctx context.Context, r *exauth.Request, msg []byte) (string, error) {
	var raw [64]byte
	sig, err := r.Sign(ctx, raw[:0], msg)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(sig), nil
}

// millis and seconds are the request's time as most venues stamp it.
func millis(r *exauth.Request) string  { return strconv.FormatInt(r.Time.UnixMilli(), 10) }
func seconds(r *exauth.Request) string { return strconv.FormatInt(r.Time.Unix(), 10) }

// iso is RFC 3339 in UTC with exactly three digits of milliseconds: Go's ".999"
// would drop zeros.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// unescaped is a query without its percent-encoding, for venues that sign it so.
func unescaped(q string) string {
	if !strings.ContainsAny(q, "%+") {
		return q
	}
	s, err := url.PathUnescape(q) // + stays +: our encoder writes a space as %20
	if err != nil {
		return q
	}
	return s
}
