package venue

import (
	"encoding/base64"
	"strings"

	"github.com/exauth/exauth"
)

// batch is the error of a call whose answer tells the fate of each item: nil when
// all were done, ErrPartial when some were, and the first item's own error when
// none was. It keeps a code in every case, since the answer is the venue's word.
func batch(done, failed int, kind error, code, message string) error {
	switch {
	case failed == 0:
		return nil
	case done > 0:
		kind = exauth.ErrPartial
	}
	if code == "" {
		code = "item"
	}
	return refused(kind, code, message)
}

// hosts claims the white-space separated path prefixes for one origin.
func hosts(origin, prefixes string) []exauth.Host {
	var hs []exauth.Host
	for _, p := range strings.Fields(prefixes) {
		hs = append(hs, exauth.Host{Prefix: p, URL: origin})
	}
	return hs
}

func containsAny(s string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// base64Text is raw bytes as standard base64.
func base64Text(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }
