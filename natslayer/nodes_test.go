package natslayer_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/internal/nodetest"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/natslayer"
)

// nodes has chanx servers whose layers are connected to the brokers in turn.
func nodes(t *testing.T, servers int) {
	all, next := startBrokers(t, servers, nil), 0
	nodetest.Run(t, func(t *testing.T) layer.Layer {
		next++
		return all.connect(t, next%servers, &natslayer.Options{NATS: []nats.Option{
			nats.SetCustomDialer(all),
			nats.ReconnectWait(10 * time.Millisecond), nats.ReconnectJitter(10*time.Millisecond, 10*time.Millisecond),
		}})
	}, nodetest.Features{
		Wait: soon,
		Down: func(t *testing.T, _ layer.Layer) { all.setDown(t, true) },
		Up:   func(t *testing.T, _ layer.Layer) { all.setDown(t, false) },
	})
}

func TestNodes(t *testing.T)           { nodes(t, 1) }
func TestNodesOnACluster(t *testing.T) { nodes(t, 3) }
