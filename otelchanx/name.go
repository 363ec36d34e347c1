package otelchanx

import (
	"maps"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
)

const (
	maxNames = 500
	other    = "_OTHER" // the name of OpenTelemetry's conventions for further values
)

// names limits the values of an attribute, because a Raw message may have any action. It keeps for each value what is
// needed to count and trace it, which is made once. Looking up a known value takes no lock.
type names[V any] struct {
	key  string // of the attribute
	make func(attribute.KeyValue) V
	mu   sync.Mutex                   // held to replace all
	all  atomic.Pointer[map[string]V] // maps that never change
}

func newNames[V any](key string, newValue func(attribute.KeyValue) V) *names[V] {
	n := &names[V]{key: key, make: newValue}
	n.all.Store(&map[string]V{})
	return n
}

// known returns all values. The map must not be changed.
func (n *names[V]) known() map[string]V { return *n.all.Load() }

// of returns the value for text, or that for _OTHER if there are too many.
func (n *names[V]) of(text string) V {
	if v, ok := n.known()[text]; ok {
		return v
	}
	return n.add(text)
}

func (n *names[V]) add(text string) V {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.known()
	if _, ok := known[text]; !ok && len(known) >= maxNames {
		text = other
	}
	if v, ok := known[text]; ok {
		return v
	}
	v, all := n.make(attribute.String(n.key, text)), maps.Clone(known)
	all[text] = v
	n.all.Store(&all)
	return v
}
