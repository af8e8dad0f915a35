package otelexauth_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/otelexauth"
	"github.com/exauth/exauth/venue"
)

// a watch is an Observer with the SDK's in-memory exporters behind it.
type watch struct {
	*otelexauth.Observer
	spans   *tracetest.InMemoryExporter
	reader  *metric.ManualReader
	tracing *trace.TracerProvider
}

func newWatch(t *testing.T) watch {
	t.Helper()
	w := watch{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	w.tracing = trace.NewTracerProvider(trace.WithSyncer(w.spans))
	var err error
	w.Observer, err = otelexauth.New(&otelexauth.Options{TracerProvider: w.tracing, MeterProvider: metric.NewMeterProvider(metric.WithReader(w.reader))})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// points lists all data points as "name{attributes} value".
func (w watch) points(t *testing.T) (list []string) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, sm := range all.ScopeMetrics {
		for _, m := range sm.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					list = append(list, fmt.Sprintf("%s [%s] {%s} %d", m.Name, m.Unit, text(p.Attributes.ToSlice()), p.Count))
				}
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					list = append(list, fmt.Sprintf("%s [%s] {%s} %d", m.Name, m.Unit, text(p.Attributes.ToSlice()), p.Value))
				}
			default:
				t.Errorf("%s is a %T", m.Name, d)
			}
		}
	}
	slices.Sort(list)
	return list
}

func text(attrs []attribute.KeyValue) string {
	var list []string
	for _, a := range attrs {
		list = append(list, fmt.Sprintf("%s=%s", a.Key, a.Value.String()))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

var begin = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func attempt() exauth.Attempt {
	return exauth.Attempt{Venue: "acme", Environment: "testnet", Account: "main", Time: begin, Method: "POST", Path: "/v1/orders/77", Route: "/v1/orders/{id}",
		Scheme: "https", Host: "api.acme.example", Key: "0123456789abcdef", Scope: exauth.ScopeTradeSpot, Status: 200, Outcome: exauth.OutcomeAccepted,
		Number: 1, Sent: begin, Received: begin.Add(40 * time.Millisecond), Wait: 250 * time.Millisecond, Costs: []exauth.Cost{{Quota: "weight", N: 5}, {Quota: "orders", N: 1}}}
}

// TestSpan: a client span by the conventions, with the attempt's own times.
func TestSpan(t *testing.T) {
	w := newWatch(t)
	w.Observe(attempt())
	failed := attempt()
	failed.Number, failed.Status, failed.Outcome, failed.Host = 2, 429, exauth.OutcomeRejected, "127.0.0.1:8443"
	failed.Err = &exauth.Error{Kind: exauth.ErrRateLimited, Code: "-1003", Message: "not to be recorded"}
	w.Observe(failed)
	lost := attempt()
	lost.Method, lost.Scheme, lost.Status, lost.Outcome, lost.Err, lost.Account = "BREW", "http", 0, exauth.OutcomeUnknown, &exauth.Error{Kind: exauth.ErrOutcomeUnknown}, ""
	w.Observe(lost)
	spans := w.spans.GetSpans()
	if len(spans) != 3 {
		t.Fatalf("%d spans", len(spans))
	}
	want := []struct {
		name, attrs, status string
	}{
		{"POST /v1/orders/{id}", "exauth.account=main exauth.environment=testnet exauth.key=0123456789abcdef exauth.outcome=accepted exauth.scope=trade-spot exauth.venue=acme exauth.wait=0.25 " +
			"http.request.method=POST http.response.status_code=200 server.address=api.acme.example server.port=443 url.full=https://api.acme.example/v1/orders/77 url.scheme=https url.template=/v1/orders/{id}", ""},
		{"POST /v1/orders/{id}", "error.type=rate-limited exauth.account=main exauth.code=-1003 exauth.environment=testnet exauth.key=0123456789abcdef exauth.outcome=rejected exauth.scope=trade-spot exauth.venue=acme exauth.wait=0.25 " +
			"http.request.method=POST http.request.resend_count=1 http.response.status_code=429 server.address=127.0.0.1 server.port=8443 url.full=https://127.0.0.1:8443/v1/orders/77 url.scheme=https url.template=/v1/orders/{id}", "rate-limited"},
		{"HTTP /v1/orders/{id}", "error.type=outcome-unknown exauth.environment=testnet exauth.key=0123456789abcdef exauth.outcome=unknown exauth.scope=trade-spot exauth.venue=acme exauth.wait=0.25 " +
			"http.request.method=_OTHER server.address=api.acme.example server.port=80 url.full=http://api.acme.example/v1/orders/77 url.scheme=http url.template=/v1/orders/{id}", "outcome-unknown"},
	}
	for i, s := range spans {
		if s.Name != want[i].name || text(s.Attributes) != want[i].attrs || s.Status.Description != want[i].status || (s.Status.Code == codes.Error) != (want[i].status != "") {
			t.Errorf("span %d: %s, %v\n got %s\nwant %s", i, s.Name, s.Status, text(s.Attributes), want[i].attrs)
		}
		if s.SpanKind != oteltrace.SpanKindClient || !s.StartTime.Equal(begin) || s.EndTime.Sub(s.StartTime) != 40*time.Millisecond {
			t.Errorf("span %d: %v from %v to %v", i, s.SpanKind, s.StartTime, s.EndTime)
		}
		if s.InstrumentationScope.SchemaURL != "https://opentelemetry.io/schemas/1.43.0" {
			t.Errorf("schema %s", s.InstrumentationScope.SchemaURL)
		}
	}
}

// TestMetrics: durations by the conventions, and waiting, costs and refusals beside
// them.
func TestMetrics(t *testing.T) {
	w := newWatch(t)
	w.Observe(attempt())
	w.Observe(attempt())
	failed := attempt()
	failed.Status, failed.Outcome, failed.Err, failed.Costs = 400, exauth.OutcomeRejected, &exauth.Error{Kind: exauth.ErrSignature}, nil
	w.Observe(failed)
	w.Observe(exauth.Attempt{Venue: "acme", Time: begin, Method: "POST", Route: "/w", Scope: exauth.ScopeWithdraw, Err: &exauth.Error{Kind: exauth.ErrScope}})
	w.Observe(exauth.Attempt{Venue: "acme", Time: begin, Method: "POST", Route: "/w", Scope: exauth.ScopeWithdraw}) // only signed
	const http = "exauth.environment=testnet exauth.venue=acme http.request.method=POST http.response.status_code="
	const where = "server.address=api.acme.example server.port=443 url.scheme=https url.template=/v1/orders/{id}"
	const key = "exauth.environment=testnet exauth.key=0123456789abcdef "
	equal(t, "points", w.points(t), []string{
		"exauth.client.cost [{unit}] {" + key + "exauth.quota=orders exauth.venue=acme} 2",
		"exauth.client.cost [{unit}] {" + key + "exauth.quota=weight exauth.venue=acme} 10",
		"exauth.client.refused [{call}] {error.type=scope exauth.scope=withdraw exauth.venue=acme} 1",
		"exauth.client.wait.duration [s] {" + key + "exauth.venue=acme} 3",
		"http.client.request.duration [s] {error.type=signature " + http + "400 " + where + "} 1",
		"http.client.request.duration [s] {" + http + "200 " + where + "} 2",
	})
	if n := len(w.spans.GetSpans()); n != 3 {
		t.Errorf("%d spans", n)
	}
}

// TestClient: behind a client, spans hang on the caller's, a refusal is an event of
// it, and nothing secret is recorded, for venues that put the secret, the passphrase,
// the key or a token on the wire.
func TestClient(t *testing.T) {
	const id, secret, phrase, query = "FAKEid0Qz7Xw3Vb9Km5Np2Rt8Ys4Uf6Gh1Jd", "FAKEsecret4Lc8Ax2We6Zs0Dq5Fv9Gt3Hb7Nj1Mk", "FAKEphrase9Po4Iu7Yt2Re6Wq", "FAKEquery6Rf5Tg1Yh8Uj3Ik"
	for _, name := range []string{"binance", "okx", "coinex", "kucoin", "kraken", "coinmarketcap", "coinpaprika:pro", "upbit", "gemini"} {
		t.Run(name, func(t *testing.T) {
			var wire []string
			srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				wire = append(wire, r.URL.RawQuery, string(body))
				for _, vs := range r.Header {
					wire = append(wire, vs...)
				}
				rw.WriteHeader(http.StatusUnauthorized)
				_ = json.NewEncoder(rw).Encode(map[string]any{"code": -1, "msg": fmt.Sprint(wire), "message": fmt.Sprint(wire), "error": []string{fmt.Sprint(wire)}})
			}))
			defer srv.Close()
			v, _ := venue.ByName(name)
			v = v.At(srv.URL)
			v.Clock = exauth.Clock{}
			key := exauth.NewSecretKey(id, secret)
			if name == "kraken" {
				key = exauth.NewSecretKey(id, base64.StdEncoding.EncodeToString([]byte(secret)))
			}
			w := newWatch(t)
			c, err := exauth.New(v, key.WithPassphrase(phrase), &exauth.Options{Observer: w.Observe, NoRetry: true})
			if err != nil {
				t.Fatal(err)
			}
			ctx, parent := w.tracing.Tracer("test").Start(t.Context(), "parent")
			if _, err := c.Do(ctx, exauth.Call{Path: "/api/v3/account", Params: exauth.Params{{Name: "note", Value: query}}, Auth: exauth.AuthSigned}); err == nil {
				t.Error("no error")
			}
			_, err = c.Do(ctx, exauth.Call{Method: "POST", Path: "/some/withdraw", Params: exauth.Params{{Name: "note", Value: query}}})
			if !errors.Is(err, exauth.ErrScope) {
				t.Error(err)
			}
			parent.End()
			spans := w.spans.GetSpans()
			if len(spans) != 2 || spans[0].Parent.SpanID() != parent.SpanContext().SpanID() || len(spans[1].Events) != 1 || spans[1].Events[0].Name != "exauth.refused" {
				t.Fatalf("%+v", spans)
			}
			all := fmt.Sprintf("%+v %v", spans, w.points(t))
			bad := []string{id[4:16], secret[10:22], phrase[10:22], query, hex.EncodeToString([]byte(secret))[20:40], base64.StdEncoding.EncodeToString([]byte(secret))[8:24]}
			for _, word := range wire {
				if _, token, ok := strings.Cut(word, " "); ok {
					word = token
				}
				if len(word) >= 32 {
					bad = append(bad, word)
				}
			}
			for _, b := range bad {
				if strings.Contains(all, b) {
					t.Errorf("%q shows in %s", b, all)
				}
			}
		})
	}
}

// TestGlobal: without options the global providers are used, which do nothing.
func TestGlobal(t *testing.T) {
	o, err := otelexauth.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Observe(attempt())
	o.Observe(exauth.Attempt{Err: context.Canceled})
}
