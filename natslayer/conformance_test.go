package natslayer_test

import (
	"sync"
	"testing"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/layertest"
	"github.com/chanx-go/chanx/natslayer"
)

// spread opens links on layers in turn, each of which is connected to another server.
type spread struct {
	brokers *brokers
	layers  []*natslayer.Layer

	mu   sync.Mutex
	next int
}

func (s *spread) Open(r layer.Receiver) layer.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return s.layers[s.next%len(s.layers)].Open(r)
}

// up gives the servers back and waits until all layers have noticed, also those on which the case has no link yet.
func (s *spread) up(t *testing.T) {
	s.brokers.setDown(t, false)
	for _, l := range s.layers {
		k := l.Open(layer.Receiver{Receive: func(string, []byte) {}})
		eventually(t, "a layer to come back", func() bool { return k.Subscribe(t.Context(), "back") == nil })
		must(t, k.Close(t.Context()))
	}
}

func conformance(t *testing.T, servers int) {
	layertest.Run(t, func(t *testing.T) layer.Layer {
		b := startBrokers(t, servers, nil)
		return &spread{brokers: b, layers: b.connectEach(t)}
	}, layertest.Features{
		Wait:     soon,
		Isolated: true,
		Down:     func(t *testing.T, l layer.Layer) { l.(*spread).brokers.setDown(t, true) },
		Up:       func(t *testing.T, l layer.Layer) { l.(*spread).up(t) },
	})
}

func TestConformance(t *testing.T)           { conformance(t, 1) }
func TestConformanceOfACluster(t *testing.T) { conformance(t, 3) }
