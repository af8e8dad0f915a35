package exauth

import (
	"net/http"
	"net/url"
)

// ProxyOf returns the proxy that a key bound to via uses for https where the
// environment names another, which net/http reads once in a process.
func ProxyOf(via, environment string) string {
	e, err := parseEgress(via)
	if err != nil {
		return err.Error()
	}
	t := newTransport()
	t.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(environment) }
	if e != nil {
		if err := e.fit(t, true); err != nil {
			return err.Error()
		}
	}
	if t.Proxy == nil {
		return ""
	}
	u, err := t.Proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: "venue.example"}})
	if err != nil || u == nil {
		return ""
	}
	return u.String()
}
