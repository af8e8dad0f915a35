package exchangetest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How Coinbase knows a caller: a JSON Web Token made for this one request, or the
// legacy header signature. Sources: docs.cdp.coinbase.com, "API Key Authentication"
// of the Coinbase App and "JWT Authentication" of the platform (read 2026-11), RFC
// 7515 and 7518 for the token's form and its signatures.

// makeKeys makes ECDSA keys, in the PEM form and with the names that the portal
// hands out.
func (x *coinbase) makeKeys() []Key {
	return standardKeys(func() Key {
		priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err) // never, with crypto/rand
		}
		der, err := x509.MarshalECPrivateKey(priv)
		if err != nil {
			panic(err) // never, for P-256
		}
		block := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
		return Key{
			ID:  "organizations/" + uuidOf(randomHex(16)) + "/apiKeys/" + uuidOf(randomHex(16)),
			PEM: string(block), Public: &priv.PublicKey,
		}
	})
}

// coinbaseLife is the most a token may be good for.
const coinbaseLife = 120

// A coinbaseToken is a token taken apart; nothing of it is believed before verify.
type coinbaseToken struct {
	alg, typ, kid, nonce string
	iss, sub             string
	aud, uris            []string
	nbf, exp             int64
	signed               string
	sig                  []byte
}

// coinbaseParts reads a token in the compact form. Members of a name that comes
// twice are read by nobody the same way, so there is no such token.
func coinbaseParts(text string) (t coinbaseToken, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return t, false
	}
	var raw [3][]byte
	for i, p := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(p); err != nil {
			return t, false
		}
	}
	head, ok1 := parseObject(raw[0])
	claims, ok2 := parseObject(raw[1])
	if !ok1 || !ok2 || head.repeated() != "" || claims.repeated() != "" {
		return t, false
	}
	var err1, err2 error
	t.nbf, err1 = strconv.ParseInt(claims.get("nbf"), 10, 64)
	t.exp, err2 = strconv.ParseInt(claims.get("exp"), 10, 64)
	if err1 != nil || err2 != nil {
		return t, false
	}
	t.alg, t.typ, t.kid, t.nonce = head.get("alg"), head.get("typ"), head.get("kid"), head.get("nonce")
	t.iss, t.sub = claims.get("iss"), claims.get("sub")
	if t.aud, ok1 = coinbaseList(claims, "aud"); !ok1 {
		return t, false
	}
	if t.uris, ok1 = coinbaseList(claims, "uris"); !ok1 {
		return t, false
	}
	t.uris = append(t.uris, claims.all("uri")...)
	t.signed, t.sig = parts[0]+"."+parts[1], raw[2]
	return t, true
}

// coinbaseList reads a claim that is an array of strings, or one string.
func coinbaseList(claims form, name string) (list []string, ok bool) {
	text := claims.get(name)
	if !strings.HasPrefix(text, "[") {
		return claims.all(name), true
	}
	return list, json.Unmarshal([]byte(text), &list) == nil
}

// verify checks everything a token says against the call and the key it names. The
// window of time is taken as stated; no leeway is.
func (t *coinbaseToken) verify(key Key, c *call) bool {
	now := c.now.Unix()
	switch {
	case t.typ != "" && t.typ != "JWT", t.kid != key.ID, t.sub != key.ID, t.nonce == "":
		return false
	case t.iss != "cdp" && t.iss != "coinbase-cloud":
		return false
	case len(t.aud) > 0 && !slices.Contains(t.aud, "retail_rest_api_proxy") && !slices.Contains(t.aud, "cdp_service"):
		return false
	case t.nbf > now, t.exp <= now, t.exp-t.nbf > coinbaseLife, t.exp <= t.nbf:
		return false
	case len(t.uris) != 1 || !t.isFor(c):
		return false
	}
	return coinbaseSignature(key, t.alg, t.signed, t.sig)
}

// isFor reports whether a token was made for this call: method, host and path,
// without the query. A client that was pointed here by changing its base URL may
// leave the http:// in front, since no venue is reached that way.
func (t *coinbaseToken) isFor(c *call) bool {
	method, where, _ := strings.Cut(t.uris[0], " ")
	return method == c.method && strings.TrimPrefix(where, "http://") == c.host+c.path
}

// coinbaseSignature: ES256 is ECDSA on P-256 with SHA-256, the signature r and s of
// 32 bytes each (RFC 7518 section 3.4); EdDSA is Ed25519 (RFC 8037).
func coinbaseSignature(key Key, alg, signed string, sig []byte) bool {
	switch pub := coinbasePublic(key).(type) {
	case *ecdsa.PublicKey:
		if alg != "ES256" || pub.Curve != elliptic.P256() || len(sig) != 64 {
			return false
		}
		sum := sha256.Sum256([]byte(signed))
		return ecdsa.Verify(pub, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
	case ed25519.PublicKey:
		return alg == "EdDSA" && ed25519.Verify(pub, []byte(signed), sig)
	}
	return false
}

// coinbasePublic finds the public half: of the PEM, or of the base64 of 64 bytes,
// seed and public key, in which Ed25519 keys are handed out. A legacy key has none.
func coinbasePublic(key Key) any {
	if key.Public != nil {
		return key.Public
	}
	raw, err := base64.StdEncoding.DecodeString(key.Secret)
	if err != nil || len(raw) != ed25519.PrivateKeySize {
		return nil
	}
	return ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize]).Public()
}

// coinbaseLegacy checks CB-ACCESS-SIGN: hex HMAC-SHA256 over timestamp, method,
// path and body. Paths of v2 are signed with their query.
func coinbaseLegacy(key Key, c *call, stamp, signature string) bool {
	uri := c.path
	if c.query != "" && strings.HasPrefix(c.path, "/v2/") {
		uri += "?" + c.query
	}
	got, err := hex.DecodeString(signature)
	if err != nil || key.Secret == "" || coinbasePublic(key) != nil {
		return false
	}
	msg := append([]byte(stamp+c.method+uri), c.body...)
	return hmac.Equal(got, macSHA256([]byte(key.Secret), msg))
}

// coinbaseNonces remembers the tokens of the last two minutes. "Generate a unique
// JWT for each API request" the page says; that a second use is refused is assumed.
type coinbaseNonces struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// take uses a token up, and reports whether it still could be used.
func (n *coinbaseNonces) take(t *coinbaseToken, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := t.kid + " " + t.nonce
	if n.until[name].After(now) {
		return false
	}
	if len(n.until) >= 10_000 || n.until == nil { // the old are no danger any more
		fresh := map[string]time.Time{}
		for k, at := range n.until {
			if at.After(now) {
				fresh[k] = at
			}
		}
		n.until = fresh
	}
	n.until[name] = time.Unix(t.exp, 0)
	return true
}

// authenticate finds the key of a call. What is wrong is told in the way of the
// API that was asked; Advanced Trade says no more than the word.
func (x *coinbase) authenticate(c *call) (Key, *answer) {
	if stamp := c.header.Get("CB-ACCESS-TIMESTAMP"); stamp != "" || c.header.Get("CB-ACCESS-KEY") != "" {
		return x.authenticateLegacy(c, stamp)
	}
	text, ok := strings.CutPrefix(c.header.Get("Authorization"), "Bearer ")
	t, whole := coinbaseParts(text)
	key, known := x.keys[t.kid]
	if !ok || !whole || !known || !t.verify(key, c) || !x.nonces.take(&t, c.now) {
		return Key{}, coinbaseUnauthorized(c, "invalid_token", "The access token is invalid")
	}
	return key, nil
}

// authenticateLegacy goes through time, key and signature.
func (x *coinbase) authenticateLegacy(c *call, stamp string) (Key, *answer) {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	key, known := x.keys[c.header.Get("CB-ACCESS-KEY")]
	switch {
	case !digits(stamp) || err != nil:
		return Key{}, coinbaseUnauthorized(c, "authentication_error", "invalid timestamp")
	case c.now.Sub(time.Unix(seconds, 0)).Abs() > 30*time.Second:
		return Key{}, coinbaseUnauthorized(c, "authentication_error", "request timestamp expired")
	case !known:
		return Key{}, coinbaseUnauthorized(c, "authentication_error", "invalid api key")
	case !coinbaseLegacy(key, c, stamp, c.header.Get("CB-ACCESS-SIGN")):
		return Key{}, coinbaseUnauthorized(c, "authentication_error", "invalid signature")
	}
	return key, nil
}
