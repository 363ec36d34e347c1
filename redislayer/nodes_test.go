package redislayer_test

import (
	"testing"

	"github.com/chanx-go/chanx/internal/nodetest"
	"github.com/chanx-go/chanx/layer"
)

// nodes runs nodetest with a layer for each server.
func nodes(t *testing.T, all servers) {
	nodetest.Run(t, func(t *testing.T) layer.Layer { return connect(t, all.url(), nil) }, nodetest.Features{
		Wait: testTimeout,
		Down: func(*testing.T, layer.Layer) { all.stop() },
		Up:   func(t *testing.T, _ layer.Layer) { all.start(t) },

		Freeze: func(t *testing.T, _ layer.Layer) { all.pause(t) },
		Thaw:   func(t *testing.T, _ layer.Layer) { all.resume(t) },
	})
}

func TestNodes(t *testing.T) {
	t.Parallel()
	nodes(t, servers{startServer(t)})
}

func TestNodesInCluster(t *testing.T) {
	t.Parallel()
	nodes(t, startCluster(t))
}
