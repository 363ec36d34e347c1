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

// errorType maps errors to a small number of types.
func errorType(err error) string {
	if own, ok := errors.AsType[*chanx.Error](err); ok {
		return own.Reason
	}
	if refused, ok := errors.AsType[*chanx.RefusalError](err); ok {
		return strconv.Itoa(refused.Status)
	}
	if closing, ok := errors.AsType[*chanx.CloseError](err); ok {
		return strconv.Itoa(closing.Code)
	}
	if _, ok := errors.AsType[chanx.ValidationError](err); ok {
		return "validation"
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "internal"
}
