package otelchanx

import (
	"context"
	"slices"
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
	sending metric.Registration // of observeSent; may be nil
	actions *names[*action]
	errors  *names[attribute.KeyValue]
	drops   *names[[]metric.AddOption]
}

// New returns an Observer for ServerOptions.Observer. opts may be nil. If an instrument cannot be created,
// OpenTelemetry's error handler gets the error. The MeterProvider refers to the Observer until Unregister.
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
	meter := o.MeterProvider.Meter(scope)
	observer := &Observer{
		tracer: o.TracerProvider.Tracer(scope), propagator: o.Propagator,
		instruments: newInstruments(meter),
		actions:     newNames("chanx.action", newAction),
		errors:      newNames("error.type", func(name attribute.KeyValue) attribute.KeyValue { return name }),
		drops: newNames("chanx.drop", func(name attribute.KeyValue) []metric.AddOption {
			return []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(name))}
		}),
	}
	var err error
	if observer.sending, err = meter.RegisterCallback(observer.observeSent, observer.sent, observer.sentBytes); err != nil {
		otel.Handle(err)
	}
	return observer
}

// Unregister ends the reports of sent frames and bytes, so that the MeterProvider no longer refers to the Observer. Only
// a program that creates Observers repeatedly for one MeterProvider needs it. Later collections do not contain what this
// Observer counted, so call ForceFlush of the MeterProvider before. Unregister may be called several times, and at the
// same time as any other method.
func (o *Observer) Unregister() error {
	if o.sending == nil {
		return nil
	}
	return o.sending.Unregister()
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
	w := work{o: o, start: time.Now(), in: o.handlers}
	tasks := &o.actions.of(k.Action).tasks
	if w.task = &tasks[receiveMessage]; k.Event != nil {
		w.task = &tasks[receiveEvent]
		ctx = o.propagator.Extract(ctx, callCarrier{k, o.propagator})
	}
	ctx = w.begin(ctx)
	if w.span.IsRecording() {
		w.span.SetAttributes(attribute.String("chanx.connection.id", k.Conn.ID()))
		if k.Ref != "" {
			w.span.SetAttributes(attribute.String("chanx.ref", k.Ref))
		}
	}
	return ctx, func(err error) { w.end(ctx, err) }
}

// Out counts a sent frame, for the next collection of metrics.
func (o *Observer) Out(_ *chanx.Conn, action string, bytes int) { o.actions.of(action).sent(bytes) }

// Drop counts drops.
func (o *Observer) Drop(_ *chanx.Conn, why chanx.DropReason, n int) {
	o.dropped.Add(context.Background(), int64(n), o.drops.of(string(why))...)
}

// Publish starts the span of a publication and adds its context to the publication.
func (o *Observer) Publish(ctx context.Context, p *chanx.Publication) func(error) {
	w := work{o: o, start: time.Now(), in: o.publications}
	tasks := &o.actions.of(p.Action).tasks
	if w.task = &tasks[publishMessage]; p.IsEvent {
		w.task = &tasks[publishEvent]
	}
	ctx = w.begin(ctx)
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
	task  *task
	in    metric.Float64Histogram
	span  trace.Span
}

func (w *work) begin(ctx context.Context) context.Context {
	ctx, w.span = w.o.tracer.Start(ctx, w.task.span, w.task.options...)
	return ctx
}

func (w *work) end(ctx context.Context, err error) {
	with := w.task.with
	if err != nil {
		errType := w.o.errors.of(errorType(err))
		with = []metric.RecordOption{metric.WithAttributes(append(slices.Clip(w.task.attributes), errType)...)}
		w.span.SetAttributes(errType)
		w.span.SetStatus(codes.Error, err.Error())
	}
	w.in.Record(ctx, time.Since(w.start).Seconds(), with...)
	w.span.End()
}
