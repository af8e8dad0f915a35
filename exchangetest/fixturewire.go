package exchangetest

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// errNotPlayed sends a request of another product of a venue to the second way.
var errNotPlayed = errors.New("not played by exchangetest")

// wireVerifiers check what is on the wire with the test exchange's own code, which
// shares nothing with package venue; see verify.go. How old a stamp is does not
// matter here.
var wireVerifiers = map[string]func(Key, *http.Request, []byte) error{
	"binance": verifyBinanceWire, "coinbase": verifyCoinbaseWire, "cryptocom": verifyCryptoComWire,
	"gemini": verifyGeminiWire, "kraken": verifyKrakenWire, "okx": verifyOKXWire,
}

// requestURI is path and query as signed.
func requestURI(req *http.Request) string {
	if req.URL.RawQuery == "" {
		return req.URL.EscapedPath()
	}
	return req.URL.EscapedPath() + "?" + req.URL.RawQuery
}

func verifyBinanceWire(k Key, req *http.Request, body []byte) error {
	if req.Header.Get("X-Mbx-Apikey") != k.ID {
		return errNotOurs
	}
	query, form := req.URL.RawQuery, string(body)
	all, ok := parseForm(query + "&" + form)
	switch sig := all.get("signature"); {
	case !ok:
		return errors.New("query or body is not well encoded")
	case sig == "" && all.get("timestamp") == "":
		return nil // only the key is asked for
	case !binanceSignature(k, without(query, "signature")+without(form, "signature"), sig):
		return errNotOurs
	}
	return nil
}

func verifyCoinbaseWire(k Key, req *http.Request, body []byte) error {
	c := &call{method: req.Method, host: req.URL.Host, path: req.URL.EscapedPath(), query: req.URL.RawQuery, body: body}
	h := req.Header
	if h.Get("Cb-Access-Key") != "" {
		if h.Get("Cb-Access-Key") != k.ID || !coinbaseLegacy(k, c, h.Get("Cb-Access-Timestamp"), h.Get("Cb-Access-Sign")) {
			return errNotOurs
		}
		return nil
	}
	text, _ := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	token, ok := coinbaseParts(text)
	if c.now = time.Unix(token.nbf, 0); !ok || !token.verify(k, c) {
		return errNotOurs
	}
	return nil
}

func verifyCryptoComWire(k Key, req *http.Request, body []byte) error {
	envelope, ok := parseObject(body)
	if !ok || envelope.repeated() != "" || envelope.get("api_key") != k.ID || !strings.HasSuffix(req.URL.Path, "/"+envelope.get("method")) ||
		!cryptocomSignature(k, envelope) {
		return errNotOurs
	}
	return nil
}

func verifyGeminiWire(k Key, req *http.Request, _ []byte) error {
	h := req.Header
	if h.Get("X-Gemini-Apikey") != k.ID {
		return errNotOurs
	}
	if h.Get("X-Gemini-Payload") == "" {
		return nil // only the key is asked for
	}
	text, ok := headerObject(h.Get("X-Gemini-Payload"))
	payload, ok2 := parseObject([]byte(text))
	if !ok || !ok2 || payload.get("request") != req.URL.EscapedPath() || !geminiSignature(k, h.Get("X-Gemini-Payload"), h.Get("X-Gemini-Signature")) {
		return errNotOurs
	}
	return nil
}

func verifyKrakenWire(k Key, req *http.Request, body []byte) error {
	if !strings.HasPrefix(req.URL.Path, "/0/private/") {
		return errNotPlayed // futures sign otherwise
	}
	fields, ok := parseForm(string(body))
	if req.Header.Get("Content-Type") == jsonType {
		fields, ok = parseObject(body)
	}
	if !ok || req.Header.Get("Api-Key") != k.ID ||
		!krakenSignature(k, req.URL.EscapedPath(), fields.get("nonce"), body, req.Header.Get("Api-Sign")) {
		return errNotOurs
	}
	return nil
}

func verifyOKXWire(k Key, req *http.Request, body []byte) error {
	h := req.Header
	if h.Get("Ok-Access-Key") != k.ID || h.Get("Ok-Access-Passphrase") != k.Passphrase ||
		!okxSignature(k, h.Get("Ok-Access-Timestamp"), req.Method, requestURI(req), body, h.Get("Ok-Access-Sign")) {
		return errNotOurs
	}
	return nil
}
