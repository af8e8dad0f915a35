package vaultkv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"unicode"

	"github.com/exauth/exauth"
)

const (
	maxBody      = 256 << 10 // a keys file has 64 KiB at most, escaped and in an envelope a few times that
	maxRedirects = 3
)

// A reader makes one request, with its redirects.
type reader struct {
	base    *url.URL
	allowed []string // origins
	space   string   // namespace
	token   string
	client  *http.Client
}

// newReader looks up what may have changed since the last request.
func newReader(o *Options, address string) (*reader, error) {
	if address == "" {
		address = os.Getenv("VAULT_ADDR")
	}
	r := &reader{space: o.Namespace}
	if r.space == "" {
		r.space = os.Getenv("VAULT_NAMESPACE")
	}
	for i, text := range append([]string{address}, o.Redirects...) {
		u, err := parseAddress(text)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			r.base = u
		}
		r.allowed = append(r.allowed, origin(u))
	}
	var err error
	if r.token, err = o.token(); err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		if transport, err = o.transport(); err != nil {
			return nil, err
		}
	}
	r.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return r, nil
}

// parseAddress accepts https, and http for loopback.
func parseAddress(text string) (*url.URL, error) {
	if text == "" {
		return nil, fmt.Errorf("%w: vault has no address; give one, or set VAULT_ADDR", exauth.ErrParam)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%w: vault's address is not of the form https://vault.example:8200", exauth.ErrParam)
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return nil, fmt.Errorf("%w: vault's address must begin with https://; the token would be read on the way", exauth.ErrParam)
	}
	return u, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// origin is scheme, host and port, written in one way.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// token reads the token as it is now.
func (o *Options) token() (string, error) {
	var text, from string
	if o.TokenFile != "" {
		b, err := exauth.FileOptions{Mode: o.Mode}.Read(o.TokenFile)
		defer clear(b)
		if err != nil {
			// Not a fault of the key: only the words are passed on.
			return "", fmt.Errorf("%w: token: %s", ErrDenied, strings.TrimPrefix(err.Error(), exauth.ErrKey.Error()+": "))
		}
		text, from = strings.TrimRight(string(b), "\r\n"), o.TokenFile
	} else {
		text, from = os.Getenv("VAULT_TOKEN"), "VAULT_TOKEN"
	}
	switch {
	case text == "" && o.TokenFile == "":
		return "", fmt.Errorf("%w: there is no token; set VAULT_TOKEN, or name a file in Options.TokenFile", ErrDenied)
	case text == "", strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > unicode.MaxASCII }):
		return "", fmt.Errorf("%w: what %s holds is no token: it is empty, or has white space inside", ErrDenied, from)
	}
	return text, nil
}

// transport keeps no connection: a request a minute is not worth one, and an idle
// one would outlive the source.
func (o *Options) transport() (http.RoundTripper, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	path := o.CAFile
	if path == "" {
		path = os.Getenv("VAULT_CACERT")
	}
	if path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%w: certificate authorities: %w", exauth.ErrParam, err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: %s holds no PEM certificate", exauth.ErrParam, path)
		}
	}
	return &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, DisableKeepAlives: true,
		ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10}, nil
}

// get returns status and body of the answer that is no redirect.
func (r *reader) get(ctx context.Context, target string) (int, []byte, error) {
	at := strings.TrimSuffix(r.base.String(), "/") + target
	for range maxRedirects + 1 {
		resp, err := r.send(ctx, at)
		if err != nil {
			return 0, nil, err
		}
		if resp.StatusCode < 300 || resp.StatusCode >= 400 {
			body, err := readBody(ctx, resp)
			return resp.StatusCode, body, err
		}
		resp.Body.Close()
		if at, err = r.follow(resp, target); err != nil {
			return 0, nil, err
		}
	}
	return 0, nil, fmt.Errorf("%w: more than %d redirects", ErrUnavailable, maxRedirects)
}

func (r *reader) send(ctx context.Context, at string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: address or path are malformed", exauth.ErrParam)
	}
	req.Header.Set("X-Vault-Token", r.token)
	req.Header.Set("X-Vault-Request", "true")
	if r.space != "" {
		req.Header.Set("X-Vault-Namespace", r.space)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "exauth")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, sendFault(ctx, req.URL, err)
	}
	return resp, nil
}

// sendFault says why nobody answered.
func sendFault(ctx context.Context, u *url.URL, err error) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var reason *url.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: %s has a certificate of an authority that is not trusted; name it in Options.CAFile", ErrUnavailable, u.Host)
	case errors.As(err, &name):
		return fmt.Errorf("%w: the certificate of %s is for another name", ErrUnavailable, u.Host)
	case errors.As(err, &reason): // without the URL
		err = reason.Err
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, u.Host, err)
}

// readBody reads a bounded body.
func readBody(ctx context.Context, resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	body := make([]byte, maxBody+1) // of one piece, so that growing leaves no copies
	n, err := io.ReadFull(resp.Body, body)
	switch {
	case err == nil:
		clear(body)
		return nil, fmt.Errorf("%w: the answer is larger than 256 KiB", ErrUnavailable)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && (resp.ContentLength < 0 || int64(n) == resp.ContentLength):
		return body[:n], nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = fmt.Errorf("%w: the answer was cut off", ErrUnavailable)
	}
	clear(body)
	return nil, err
}

// follow returns where a redirect leads, when it may.
func (r *reader) follow(resp *http.Response, target string) (string, error) {
	to, err := resp.Location()
	if err != nil {
		return "", fmt.Errorf("%w: a redirect leads nowhere", ErrUnavailable)
	}
	where := origin(to)
	for _, a := range r.allowed {
		if a != where {
			continue
		}
		if path := to.EscapedPath(); to.User != nil || path+query(to) != target {
			return "", fmt.Errorf("%w: a redirect leads to another path of %s", ErrUnavailable, to.Host)
		}
		return to.String(), nil
	}
	if len(where) > 100 || strings.ContainsFunc(where, func(c rune) bool { return !unicode.IsPrint(c) }) {
		where = "elsewhere"
	}
	return "", fmt.Errorf("%w: it redirects to %s, which may not see the token; if that is a server of this cluster, add it to Options.Redirects",
		ErrUnavailable, where)
}

func query(u *url.URL) string {
	if u.RawQuery == "" {
		return ""
	}
	return "?" + u.RawQuery
}

// segments escapes a mount or path, and refuses what could lead elsewhere.
func segments(what, text string) (string, error) {
	parts := strings.Split(text, "/")
	for i, p := range parts {
		if p == "" || p == "." || p == ".." || len(p) > 256 || strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return "", fmt.Errorf("%w: vault's %s must be names with single slashes between them, without data/ in front", exauth.ErrParam, what)
		}
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/"), nil
}
