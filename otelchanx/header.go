package otelchanx

import (
	"go.opentelemetry.io/otel/propagation"

	"github.com/chanx-go/chanx"
)

// publicationCarrier injects the context of a trace into a publication.
type publicationCarrier struct{ p *chanx.Publication }

func (c publicationCarrier) Get(string) string      { return "" }
func (c publicationCarrier) Keys() []string         { return nil }
func (c publicationCarrier) Set(name, value string) { c.p.SetHeader(name, value) }

// callCarrier extracts the context of a trace from an event.
type callCarrier struct {
	k *chanx.Call
	p propagation.TextMapPropagator
}

func (c callCarrier) Get(name string) string { return c.k.Header(name) }
func (c callCarrier) Set(string, string)     {}

// Keys returns the fields that the propagator may read.
func (c callCarrier) Keys() []string { return c.p.Fields() }
