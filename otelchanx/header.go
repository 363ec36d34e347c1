package otelchanx

import (
	"go.opentelemetry.io/otel/propagation"

	"github.com/chanx-go/chanx"
)

// published carries a trace's context into a publication.
type published struct{ p *chanx.Publication }

func (c published) Get(string) string      { return "" }
func (c published) Keys() []string         { return nil }
func (c published) Set(name, value string) { c.p.SetHeader(name, value) }

// received carries it out of an event.
type received struct {
	k *chanx.Call
	p propagation.TextMapPropagator
}

func (c received) Get(name string) string { return c.k.Header(name) }
func (c received) Set(string, string)     {}

// Keys lists what the propagator may ask for.
func (c received) Keys() []string { return c.p.Fields() }
