package natslayer_test

import (
	"testing"

	"github.com/chanx-go/chanx/internal/nodetest"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/natslayer"
)

// nodes runs nodetest with layers that are connected to the brokers in turn.
func nodes(t *testing.T, servers int) {
	all := startBrokers(t, servers, nil)
	var last *testing.T
	var ready []*natslayer.Layer
	nodetest.Run(t, func(t *testing.T) layer.Layer {
		if t != last || len(ready) == 0 {
			last, ready = t, all.connectEach(t)
		}
		l := ready[0]
		ready = ready[1:]
		return l
	}, nodetest.Features{
		Wait: testTimeout,
		Down: func(t *testing.T, _ layer.Layer) { all.setDown(t, true) },
		Up:   func(t *testing.T, _ layer.Layer) { all.setDown(t, false) },
	})
}

// TestNodes uses a server process, which can be frozen.
func TestNodes(t *testing.T) {
	t.Parallel()
	p := startProcess(t)
	nodetest.Run(t, func(t *testing.T) layer.Layer {
		l, err := natslayer.Connect(t.Context(), p.url(), quickly())
		must(t, err)
		t.Cleanup(l.Close)
		return l
	}, nodetest.Features{
		Wait:   testTimeout,
		Down:   func(*testing.T, layer.Layer) { p.stop() },
		Up:     func(t *testing.T, _ layer.Layer) { p.start(t) },
		Freeze: func(t *testing.T, _ layer.Layer) { p.freeze(t) },
		Thaw:   func(t *testing.T, _ layer.Layer) { p.thaw(t) },
	})
}

func TestNodesOnACluster(t *testing.T) {
	t.Parallel()
	nodes(t, 3)
}
