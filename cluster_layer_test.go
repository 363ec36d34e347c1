package chanx_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/internal/nodetest"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

func TestNodesOnMemlayer(t *testing.T) {
	l := memlayer.New()
	nodetest.Run(t, func(*testing.T) layer.Layer { return l }, nodetest.Features{})
}

// TestNodesOnASlowLayer has publications take their own time on their way to each node, and cuts nodes off.
func TestNodesOnASlowLayer(t *testing.T) {
	odds := faultlayer.Odds{Delay: 0.3, MaxDelay: time.Millisecond}
	l := faultlayer.New(memlayer.New(), faultlayer.Faults{Deliver: faultlayer.Random(rand.New(rand.NewPCG(3, 4)), odds)})
	nodetest.Run(t, func(*testing.T) layer.Layer { return l.Cable() }, nodetest.Features{
		Down: func(_ *testing.T, l layer.Layer) { l.(*faultlayer.Cable).Down(errCut) },
		Up:   func(_ *testing.T, l layer.Layer) { l.(*faultlayer.Cable).Up() },
	})
}
