package otelchanx

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/chanx-go/chanx"
)

const scope = "github.com/chanx-go/chanx/otelchanx"

// Options are the options of New. The zero value works.
type Options struct {
	TracerProvider trace.TracerProvider          // default the global one
	MeterProvider  metric.MeterProvider          // default the global one
	Propagator     propagation.TextMapPropagator // default the global one, which does nothing unless you set it
}

// Observer is a chanx.Observer. One may serve several servers.
type Observer struct {
	chanx.NopObserver
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	instruments
	actions, errors, drops *names
}

// New returns an Observer for ServerOptions.Observer. opts may be nil. If an instrument cannot be created,
// OpenTelemetry's error handler gets the error.
func New(opts *Options) *Observer {
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
	if o.Propagator == nil {
		o.Propagator = otel.GetTextMapPropagator()
	}
	return &Observer{
		tracer: o.TracerProvider.Tracer(scope), propagator: o.Propagator,
		instruments: newInstruments(o.MeterProvider.Meter(scope)),
		actions:     newNames("chanx.action"), errors: newNames("error.type"), drops: newNames("chanx.drop"),
	}
}

// Open counts an opened connection.
func (o *Observer) Open(c *chanx.Conn) { o.connections.Add(c.Context(), 1) }

// Close counts a closed connection.
func (o *Observer) Close(c *chanx.Conn, cause *chanx.CloseError) {
	o.connections.Add(c.Context(), -1)
	o.closed.Add(c.Context(), 1, metric.WithAttributes(attribute.Int("chanx.close.code", cause.Code)))
}

// In starts the span of a message or an event. The span of an event is a child of the span of its publication.
func (o *Observer) In(ctx context.Context, k *chanx.Call) (context.Context, func(error)) {
	w := work{o: o, start: time.Now(), kind: message, name: o.actions.of(k.Action), in: o.handlers}
	spanKind := trace.SpanKindServer
	if k.Event != nil {
		w.kind, spanKind = event, trace.SpanKindConsumer
		ctx = o.propagator.Extract(ctx, callCarrier{k, o.propagator})
	}
	ctx = w.begin(ctx, "receive", spanKind)
	if w.span.IsRecording() {
		w.span.SetAttributes(attribute.String("chanx.connection.id", k.Conn.ID()))
		if k.Ref != "" {
			w.span.SetAttributes(attribute.String("chanx.ref", k.Ref))
		}
	}
	return ctx, func(err error) { w.end(ctx, err) }
}

// Out counts a sent frame.
func (o *Observer) Out(c *chanx.Conn, action string, bytes int) {
	by := o.actions.of(action).with
	o.sent.Add(c.Context(), 1, by...)
	o.sentBytes.Add(c.Context(), int64(bytes), by...)
}

// Drop counts drops.
func (o *Observer) Drop(_ *chanx.Conn, why chanx.DropReason, n int) {
	o.dropped.Add(context.Background(), int64(n), o.drops.of(string(why)).with...)
}

// Publish starts the span of a publication and adds its context to the publication.
func (o *Observer) Publish(ctx context.Context, p *chanx.Publication) func(error) {
	w := work{o: o, start: time.Now(), kind: message, name: o.actions.of(p.Action), in: o.publications}
	if p.IsEvent {
		w.kind = event
	}
	ctx = w.begin(ctx, "publish", trace.SpanKindProducer)
	if w.span.IsRecording() {
		w.span.SetAttributes(attribute.Int("chanx.targets", p.Targets))
	}
	o.propagator.Inject(ctx, publicationCarrier{p})
	return func(err error) { w.end(ctx, err) }
}

// work is a span and the measurement of its duration.
type work struct {
	o     *Observer
	start time.Time
	kind  string
	name  *name
	in    metric.Float64Histogram
	span  trace.Span
}

func (w *work) begin(ctx context.Context, verb string, kind trace.SpanKind) context.Context {
	if w.name.text != "" {
		verb += " " + w.name.text
	}
	ctx, w.span = w.o.tracer.Start(ctx, verb, trace.WithSpanKind(kind), trace.WithAttributes(w.name.attributes(w.kind)...))
	return ctx
}

func (w *work) end(ctx context.Context, err error) {
	with := w.name.kind[w.kind]
	if err != nil {
		errType := w.o.errors.of(errorType(err)).attr
		with = metric.WithAttributes(append(w.name.attributes(w.kind), errType)...)
		w.span.SetAttributes(errType)
		w.span.SetStatus(codes.Error, err.Error())
	}
	w.in.Record(ctx, time.Since(w.start).Seconds(), with)
	w.span.End()
}
