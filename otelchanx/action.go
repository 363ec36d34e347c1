package otelchanx

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// action is what is known of one action or event. An application may send very many frames, and two counters of
// OpenTelemetry's SDK would take a third of the time of a send. So frames are counted here, and read when metrics are
// collected.
type action struct {
	frames, bytes atomic.Int64
	with          metric.MeasurementOption // of frames and bytes
	tasks         [4]task
}

// task describes the span and the duration of one kind of work.
type task struct {
	span       string
	options    []trace.SpanStartOption
	attributes []attribute.KeyValue
	with       []metric.RecordOption // of the duration of work that has not failed
}

// The indexes of action.tasks.
const (
	receiveMessage = iota
	receiveEvent
	publishMessage
	publishEvent
)

// newAction returns the value of actions for a name. A frame that failed validation has the empty one.
func newAction(name attribute.KeyValue) *action {
	return &action{
		with: metric.WithAttributeSet(attribute.NewSet(name)),
		tasks: [...]task{
			receiveMessage: newTask("receive", "message", name, trace.SpanKindServer),
			receiveEvent:   newTask("receive", "event", name, trace.SpanKindConsumer),
			publishMessage: newTask("publish", "message", name, trace.SpanKindProducer),
			publishEvent:   newTask("publish", "event", name, trace.SpanKindProducer),
		},
	}
}

func newTask(verb, kind string, name attribute.KeyValue, spanKind trace.SpanKind) task {
	t := task{span: verb, attributes: []attribute.KeyValue{attribute.String("chanx.kind", kind)}}
	if text := name.Value.AsString(); text != "" {
		t.span += " " + text
		t.attributes = append(t.attributes, name)
	}
	t.options = []trace.SpanStartOption{trace.WithSpanKind(spanKind), trace.WithAttributes(t.attributes...)}
	t.with = []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(t.attributes...))}
	return t
}

// sent counts a frame. The bytes are added first, so that a collection never sees a frame without them.
func (a *action) sent(bytes int) {
	a.bytes.Add(int64(bytes))
	a.frames.Add(1)
}

// observeSent reports the frames of all actions. It is the callback of their two counters.
func (o *Observer) observeSent(_ context.Context, to metric.Observer) error {
	for _, a := range o.actions.known() {
		if frames := a.frames.Load(); frames > 0 {
			to.ObserveInt64(o.sent, frames, a.with)
			to.ObserveInt64(o.sentBytes, a.bytes.Load(), a.with)
		}
	}
	return nil
}
