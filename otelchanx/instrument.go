package otelchanx

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
)

// instruments are the metrics of the package.
type instruments struct {
	connections            metric.Int64UpDownCounter
	closed, dropped        metric.Int64Counter
	sent, sentBytes        metric.Int64ObservableCounter
	handlers, publications metric.Float64Histogram
}

// seconds are the bounds of the histograms: most handlers take microseconds, some query a database or a model.
var seconds = metric.WithExplicitBucketBoundaries(.00001, .0001, .001, .005, .01, .05, .1, .5, 1, 5, 10, 60)

func newInstruments(m metric.Meter) (i instruments) {
	var errs [7]error
	i.connections, errs[0] = m.Int64UpDownCounter("chanx.connections",
		metric.WithUnit("{connection}"), metric.WithDescription("Connections that are open."))
	i.closed, errs[1] = m.Int64Counter("chanx.connections.closed",
		metric.WithUnit("{connection}"), metric.WithDescription("Connections that have ended, by close code."))
	i.handlers, errs[2] = m.Float64Histogram("chanx.handler.duration", seconds,
		metric.WithUnit("s"), metric.WithDescription("Time of handlers, middleware included."))
	i.sent, errs[3] = m.Int64ObservableCounter("chanx.sent.messages",
		metric.WithUnit("{message}"), metric.WithDescription("Frames put into the queues of connections."))
	i.sentBytes, errs[4] = m.Int64ObservableCounter("chanx.sent.bytes",
		metric.WithUnit("By"), metric.WithDescription("Bytes of these frames."))
	i.dropped, errs[5] = m.Int64Counter("chanx.drops",
		metric.WithUnit("{drop}"), metric.WithDescription("What was discarded, by what it was."))
	i.publications, errs[6] = m.Float64Histogram("chanx.publish.duration", seconds,
		metric.WithUnit("s"), metric.WithDescription("Time until the channel layer had a publication."))
	for _, err := range errs {
		if err != nil {
			otel.Handle(err)
		}
	}
	return i
}
