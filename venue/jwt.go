package venue

import (
	"context"
	"encoding/base64"

	"github.com/exauth/exauth"
)

// signJWT writes header and claims, in the order given, as a signed JSON Web Token
// (RFC 7519, compact form of RFC 7515 section 7.1). The header's "alg" is the
// caller's business; ECDSA signatures are r‖s already.
func signJWT(ctx context.Context, r *exauth.Request, header, claims exauth.Params) (string, error) {
	var token []byte
	for i, part := range [2]exauth.Params{header, claims} {
		raw, err := exauth.AppendJSON(nil, part, 0)
		if err != nil {
			return "", err
		}
		if i > 0 {
			token = append(token, '.')
		}
		token = base64.RawURLEncoding.AppendEncode(token, raw)
	}
	sig, err := r.Sign(ctx, nil, token)
	if err != nil {
		return "", err
	}
	return string(base64.RawURLEncoding.AppendEncode(append(token, '.'), sig)), nil
}
