// Package otelchanx tells OpenTelemetry what happens on a chanx server: metrics of connections, messages, handlers and
// drops, and a trace from whoever emits an event, over the channel layer, to the handlers on other nodes.
//
//	srv := chanx.NewServer(&chanx.ServerOptions{Observer: otelchanx.New(nil)})
//
// # Metrics
//
//	chanx.connections          connections that are open
//	chanx.connections.closed   connections that have ended, by chanx.close.code
//	chanx.handler.duration     seconds of handlers, middleware included, by chanx.action, chanx.kind and error.type
//	chanx.sent.messages        frames put into queues, by chanx.action
//	chanx.sent.bytes           their bytes, likewise
//	chanx.drops                what was discarded, by chanx.drop: a key of chanx.Stats.Drops, whose first word is the unit
//	chanx.publish.duration     seconds until the channel layer had a publication, by chanx.action, chanx.kind, error.type
//
// chanx.kind is "message" or "event"; Server.Disconnect, Join and Leave publish a "message" of that name. A frame that did not pass validation has no chanx.action; its error.type
// is "validation". Otherwise error.type is the reason of a *chanx.Error, the code of a *chanx.CloseError, "timeout",
// "cancelled", or "internal". An attribute takes up to 500 values; what is beyond them is "_OTHER".
//
// # Traces
//
// Each message and event that is handled is a span, "receive" and its name, and so is each publication, "publish" and its
// name. The propagator's fields travel with an event to every node: the span of its handler there is a child of the span
// of its publication. How many traces are kept is the sampler's matter; a TracerProvider of the package
// go.opentelemetry.io/otel/trace/noop switches them off.
package otelchanx
