package exauth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/exauth/exauth"
)

// TestKeyFits: what a venue wants a key to carry is missed before the first call, and
// the text says what is missing, or that key and secret look swapped.
func TestKeyFits(t *testing.T) {
	const long = "a-secret-of-this-venue-has-no-less-than-forty-characters"
	picky := func() *exauth.Venue {
		v := headerVenue("https://api.tiny.example")
		plain := v.Signer
		v.Signer = func(secret []byte) (exauth.Signer, error) {
			if len(secret) < 40 {
				return nil, exauth.ErrKey
			}
			return plain(secret)
		}
		v.KeyFields = []string{"uid"}
		return v
	}
	for _, tc := range []struct {
		name string
		key  *exauth.Key
		says string // "" when it fits
	}{
		{"fits", exauth.NewSecretKey(tinyID, long).WithField("uid", "7"), ""},
		{"no field", exauth.NewSecretKey(tinyID, long), `"uid"`},
		{"another field", exauth.NewSecretKey(tinyID, long).WithField("gid", "7"), `"uid"`},
		{"swapped", exauth.NewSecretKey(long, tinyID).WithField("uid", "7"), "swapped"},
		{"both too short", exauth.NewSecretKey(tinyID, tinySecret).WithField("uid", "7"), "key refused"},
	} {
		c, err := exauth.New(picky(), tc.key, nil)
		if err == nil {
			c.Close()
		}
		if (err == nil) != (tc.says == "") || err != nil && (!errors.Is(err, exauth.ErrKey) || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.says)
		}
		if tc.says != "swapped" && err != nil && strings.Contains(err.Error(), "swapped") {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}
