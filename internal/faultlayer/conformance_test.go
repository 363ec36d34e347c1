package faultlayer_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/layertest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// broker takes all links of a layer down at once, including those opened while it is down.
type broker struct {
	*faultlayer.Layer
	mu    sync.Mutex
	links int
	cause error // nil while the broker is up
}

func (b *broker) Open(r layer.Receiver) layer.Link {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.Layer.Open(r)
	if b.cause != nil {
		b.Layer.Down(b.links, b.cause)
	}
	b.links++
	return k
}

func (b *broker) set(cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cause = cause
	for no := range b.links {
		if cause != nil {
			b.Layer.Down(no, cause)
		} else {
			b.Layer.Up(no)
		}
	}
}

func TestConformance(t *testing.T) {
	layertest.Run(t, func(*testing.T) layer.Layer {
		return &broker{Layer: faultlayer.New(memlayer.New(), faultlayer.Faults{})}
	}, layertest.Features{
		Down: func(_ *testing.T, l layer.Layer) { l.(*broker).set(errors.New("out of reach")) },
		Up:   func(_ *testing.T, l layer.Layer) { l.(*broker).set(nil) },
	})
}
