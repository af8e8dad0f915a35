package otelexauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
	"go.opentelemetry.io/otel/trace"

	"github.com/exauth/exauth"
)

// scope names this package to OpenTelemetry.
const scope = "github.com/exauth/exauth/otelexauth"

// Options say where telemetry goes. nil fields mean the global providers.
type Options struct {
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
}

// An Observer records attempts. It is safe for concurrent use; one serves any number
// of clients.
type Observer struct {
	tracer   trace.Tracer
	duration httpconv.ClientRequestDuration
	wait     metric.Float64Histogram
	cost     metric.Int64Counter
	refused  metric.Int64Counter
}

// New makes an Observer; nil opts mean the global providers. It fails when the meter
// refuses an instrument.
func New(opts *Options) (*Observer, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	meter := o.MeterProvider.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	var err error
	x := &Observer{tracer: o.TracerProvider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))}
	ask := func(one error) { err = errors.Join(err, one) }
	var one error
	x.duration, one = httpconv.NewClientRequestDuration(meter)
	ask(one)
	x.wait, one = meter.Float64Histogram("exauth.client.wait.duration", metric.WithUnit("s"),
		metric.WithDescription("Time a call waited for quotas and for its key's turn before it was sent."),
		metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60))
	ask(one)
	x.cost, one = meter.Int64Counter("exauth.client.cost", metric.WithUnit("{unit}"),
		metric.WithDescription("What calls cost of the venue's quotas."))
	ask(one)
	x.refused, one = meter.Int64Counter("exauth.client.refused", metric.WithUnit("{call}"),
		metric.WithDescription("Calls that were refused before anything was sent."))
	ask(one)
	if err != nil {
		return nil, fmt.Errorf("otelexauth: %w", err)
	}
	return x, nil
}

// Observe records one attempt. It is an exauth.Options.Observer.
func (o *Observer) Observe(a exauth.Attempt) {
	ctx := a.Context()
	own := ours(a)
	if a.Sent.IsZero() {
		o.refuse(ctx, a, own)
		return
	}
	o.span(ctx, a, own)
	errType := attribute.KeyValue{}
	if a.Err != nil {
		errType = semconv.ErrorTypeKey.String(exauth.KindName(a.Err))
	}
	address, port := server(a)
	attrs := []attribute.KeyValue{semconv.URLScheme(a.Scheme), semconv.URLTemplate(a.Route), attribute.String("exauth.venue", a.Venue)}
	if a.Environment != "" {
		attrs = append(attrs, attribute.String("exauth.environment", a.Environment))
	}
	if a.Status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(a.Status))
	}
	if errType.Valid() {
		attrs = append(attrs, errType)
	}
	o.duration.Record(ctx, a.Latency().Seconds(), httpconv.RequestMethodAttr(method(a)), address, port, attrs...)
	set := metric.WithAttributes(own...)
	o.wait.Record(ctx, a.Wait.Seconds(), set)
	for _, c := range a.Costs {
		o.cost.Add(ctx, int64(c.N), set, metric.WithAttributes(attribute.String("exauth.quota", c.Quota)))
	}
}

// refuse counts what was not sent, and notes it on the span the call was made in. What
// was only signed is no refusal.
func (o *Observer) refuse(ctx context.Context, a exauth.Attempt, own []attribute.KeyValue) {
	if a.Err == nil {
		return
	}
	attrs := append(own, semconv.ErrorTypeKey.String(exauth.KindName(a.Err)), attribute.String("exauth.scope", a.Scope.String()))
	o.refused.Add(ctx, 1, metric.WithAttributes(attrs...))
	trace.SpanFromContext(ctx).AddEvent("exauth.refused", trace.WithTimestamp(a.Time),
		trace.WithAttributes(append(attrs, semconv.HTTPRequestMethodKey.String(method(a)), semconv.URLTemplate(a.Route))...))
}

// span records an attempt that was sent.
func (o *Observer) span(ctx context.Context, a exauth.Attempt, own []attribute.KeyValue) {
	address, port := server(a)
	attrs := append([]attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(method(a)), semconv.ServerAddress(address), semconv.ServerPort(port),
		semconv.URLScheme(a.Scheme), semconv.URLFull(a.Scheme + "://" + a.Host + a.Path), semconv.URLTemplate(a.Route),
		attribute.String("exauth.outcome", a.Outcome.String()), attribute.String("exauth.scope", a.Scope.String()),
		attribute.Float64("exauth.wait", a.Wait.Seconds()),
	}, own...)
	if a.Account != "" {
		attrs = append(attrs, attribute.String("exauth.account", a.Account))
	}
	if a.Number > 1 {
		attrs = append(attrs, semconv.HTTPRequestResendCount(a.Number-1))
	}
	if a.Status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(a.Status))
	}
	name := method(a)
	if name == methodOther {
		name = "HTTP"
	}
	_, span := o.tracer.Start(ctx, name+" "+a.Route, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithTimestamp(a.Sent), trace.WithAttributes(attrs...))
	if a.Err != nil {
		kind := exauth.KindName(a.Err)
		span.SetAttributes(semconv.ErrorTypeKey.String(kind))
		var e *exauth.Error
		if errors.As(a.Err, &e) && e.Code != "" {
			span.SetAttributes(attribute.String("exauth.code", e.Code))
		}
		span.SetStatus(codes.Error, kind)
	}
	span.End(trace.WithTimestamp(a.Received))
}

// ours are the attributes of exauth's own instruments.
func ours(a exauth.Attempt) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, 8)
	attrs = append(attrs, attribute.String("exauth.venue", a.Venue))
	if a.Environment != "" {
		attrs = append(attrs, attribute.String("exauth.environment", a.Environment))
	}
	if a.Key != "" {
		attrs = append(attrs, attribute.String("exauth.key", a.Key))
	}
	return attrs
}

const methodOther = "_OTHER" // the conventions' word for methods that are none

func method(a exauth.Attempt) string {
	switch a.Method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch:
		return a.Method
	}
	return methodOther
}

// server splits the host; the port is the scheme's where none is named.
func server(a exauth.Attempt) (address string, port int) {
	host, text, err := net.SplitHostPort(a.Host)
	if err != nil {
		if a.Scheme == "http" {
			return a.Host, 80
		}
		return a.Host, 443
	}
	port, _ = strconv.Atoi(text)
	return host, port
}
