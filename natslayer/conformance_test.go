package natslayer_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/layertest"
	"github.com/chanx-go/chanx/natslayer"
)

// rotating opens each link on the next of several layers, which are connected to different servers.
type rotating struct {
	brokers *brokers
	layers  []*natslayer.Layer

	mu   sync.Mutex
	next int
}

func (s *rotating) Open(r layer.Receiver) layer.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return s.layers[s.next%len(s.layers)].Open(r)
}

// up starts the servers and waits until all layers are up, including those without links.
func (s *rotating) up(t *testing.T) {
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
		return &rotating{brokers: b, layers: b.connectEach(t)}
	}, layertest.Features{
		Wait:     testTimeout,
		Isolated: true,
		Down:     func(t *testing.T, l layer.Layer) { l.(*rotating).brokers.setDown(t, true) },
		Up:       func(t *testing.T, l layer.Layer) { l.(*rotating).up(t) },
		ForeignClient: func(t *testing.T, l layer.Layer) func(string, []byte) {
			return foreignClient(t, l.(*rotating).brokers.url(0))
		},
	})
}

// ownProcess is a layer whose server runs in a process of its own.
type ownProcess struct {
	*natslayer.Layer
	process *process
}

// TestConformance uses a server process, which can be frozen.
func TestConformance(t *testing.T) {
	layertest.Run(t, func(t *testing.T) layer.Layer {
		p := startProcess(t)
		l, err := natslayer.Connect(t.Context(), p.url(), quickly())
		must(t, err)
		t.Cleanup(l.Close)
		return &ownProcess{l, p}
	}, layertest.Features{
		Wait:     testTimeout,
		Isolated: true,
		Down:     func(_ *testing.T, l layer.Layer) { l.(*ownProcess).process.stop() },
		Up:       func(t *testing.T, l layer.Layer) { l.(*ownProcess).process.start(t) },
		Freeze:   func(t *testing.T, l layer.Layer) { l.(*ownProcess).process.freeze(t) },
		Thaw:     func(t *testing.T, l layer.Layer) { l.(*ownProcess).process.thaw(t) },
		ForeignClient: func(t *testing.T, l layer.Layer) func(string, []byte) {
			return foreignClient(t, l.(*ownProcess).process.url())
		},
		Goroutines: []goleak.Option{
			goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"), // of the servers
		},
	})
}

func TestConformanceOfACluster(t *testing.T) { conformance(t, 3) }

// foreignClient returns a function that publishes to the NATS subject of a subject, or, for the empty subject, to those that layers
// use among themselves.
func foreignClient(t *testing.T, url string) func(subject string, data []byte) {
	nc, err := nats.Connect(url)
	must(t, err)
	t.Cleanup(nc.Close)
	return func(subject string, data []byte) {
		for _, name := range strangeSubjects(t, nc, subject) {
			must(t, nc.Publish(name, data))
			for _, reply := range []string{"chanx.sync.to.x", "chanx.sync.to.x.y.1", "chanx.quiet", "chanx.sync.to." + strings.Repeat("x", 3000)} {
				must(t, nc.PublishRequest(name, reply, data))
			}
		}
		must(t, nc.Flush())
	}
}

func strangeSubjects(t *testing.T, nc *nats.Conn, subject string) []string {
	if subject == "" {
		return []string{"chanx.sync.hello", "chanx.sync.at." + nc.ConnectedServerId(), "chanx.sync.to.x.y.1", "chanx.sync", "chanx.sync.x"}
	}
	name, err := natslayer.NatsSubject("chanx", subject)
	must(t, err)
	return []string{name}
}
