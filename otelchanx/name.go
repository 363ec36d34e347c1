package otelchanx

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/chanx-go/chanx"
)

const (
	maxNames = 500
	other    = "_OTHER" // the name of OpenTelemetry's conventions for further values
)

// names limits the values of an attribute, because a Raw message may have any action. It keeps the measurement options
// for each value.
type names struct {
	key string // of the attribute
	mu  sync.RWMutex
	all map[string]*name
}

// name is one value. Its attribute sets are built once, because most are needed for every frame.
type name struct {
	attr attribute.KeyValue
	text string
	with []metric.AddOption // the attribute alone
	kind map[string]metric.MeasurementOption
}

func newNames(key string) *names { return &names{key: key, all: map[string]*name{}} }

// of returns the value for text, or _OTHER if there are too many.
func (n *names) of(text string) *name {
	n.mu.RLock()
	known := n.all[text]
	n.mu.RUnlock()
	if known == nil {
		known = n.add(text)
	}
	return known
}

func (n *names) add(text string) *name {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all[text] == nil && len(n.all) >= maxNames {
		text = other
	}
	if n.all[text] == nil {
		n.all[text] = n.make(text)
	}
	return n.all[text]
}

func (n *names) make(text string) *name {
	one := &name{attr: attribute.String(n.key, text), text: text, kind: map[string]metric.MeasurementOption{}}
	one.with = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(one.attr))}
	for _, kind := range []string{message, event} {
		one.kind[kind] = metric.WithAttributeSet(attribute.NewSet(one.attributes(kind)...))
	}
	return one
}

// attributes returns the attributes of a span. A frame that failed validation has no action.
func (n *name) attributes(kind string) []attribute.KeyValue {
	if n.text == "" {
		return []attribute.KeyValue{attribute.String(kindKey, kind)}
	}
	return []attribute.KeyValue{attribute.String(kindKey, kind), n.attr}
}

// The values of chanx.kind.
const (
	kindKey = "chanx.kind"
	message = "message"
	event   = "event"
)

// errorType maps errors to a small number of types. Like what the client is told, the type depends on the outermost
// error that is meant for the client.
func errorType(err error) string {
	if text, ok := toldType(err); ok {
		return text
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "internal"
}

// toldType returns the type of the first error that is meant for the client, from the outside in, and depth first where
// several are joined.
func toldType(err error) (text string, ok bool) {
	switch e := err.(type) {
	case *chanx.Error:
		return e.Reason, true
	case *chanx.RefusalError:
		return strconv.Itoa(e.Status), true
	case *chanx.CloseError:
		return strconv.Itoa(e.Code), true
	case chanx.ValidationError:
		return "validation", true
	case interface{ Unwrap() error }:
		return toldType(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			if text, ok = toldType(part); ok {
				return text, true
			}
		}
	}
	return "", false
}
