package memlayer_test

import (
	"context"
	"testing"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/layertest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// TestConformance does not set Isolated, because Publish returns only when the slowest receiver has returned.
func TestConformance(t *testing.T) {
	layertest.Run(t, func(*testing.T) layer.Layer { return memlayer.New() }, layertest.Features{
		ForeignClient: func(t *testing.T, l layer.Layer) func(string, []byte) {
			k := l.Open(layer.Receiver{Receive: func(string, []byte) {}})
			t.Cleanup(func() { _ = k.Close(context.Background()) }) // it always returns nil
			return func(subject string, data []byte) {
				if subject == "" {
					return // the layer listens only to subscribed subjects
				}
				if err := k.Publish(context.Background(), subject, data); err != nil {
					t.Error(err)
				}
			}
		},
	})
}
