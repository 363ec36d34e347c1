// Package otelchanx reports a chanx server to OpenTelemetry: metrics of connections, messages, handlers and drops, and
// traces that follow an event from the emitter through the channel layer to the handlers on other nodes.
//
//	srv := chanx.NewServer(&chanx.ServerOptions{Observer: otelchanx.New(nil)})
//
// # Metrics
//
//	chanx.connections          open connections
//	chanx.connections.closed   closed connections, by chanx.close.code
//	chanx.handler.duration     seconds in handlers and their middleware, by chanx.action, chanx.kind and error.type
//	chanx.sent.messages        frames queued for clients, by chanx.action
//	chanx.sent.bytes           their bytes, by chanx.action
//	chanx.drops                drops by chanx.drop: a chanx.DropReason, whose first word is the unit
//	chanx.publish.duration     seconds until the channel layer had a publication, by chanx.action, chanx.kind, error.type
//
// chanx.kind is "message" or "event"; Server.Disconnect, Join and Leave publish a "message" of that name. A frame that
// failed validation has no chanx.action, and its error.type is "validation". Otherwise error.type is the reason of a
// *chanx.Error, the status of a *chanx.RefusalError, the code of a *chanx.CloseError, "timeout", "cancelled", or
// "internal". An attribute has up to 500 values; further values are counted as "_OTHER".
//
// The Observer itself counts sent frames, because there are more of them than of anything else. Their two metrics are
// observable counters: a collection reads the counts, and frames sent after that appear at the next one. A reader with
// delta temporality also gets zeros, for actions that were sent before but not since its last collection. The
// MeterProvider refers to the Observer until Observer.Unregister.
//
// # Traces
//
// Each handled message or event has a span called "receive" and its name, each publication one called "publish" and its
// name. The propagator's fields are sent with an event to every node, so the span of its handler there is a child of the
// span of its publication. The sampler decides how many traces are kept. A TracerProvider of the package
// go.opentelemetry.io/otel/trace/noop switches tracing off.
package otelchanx
