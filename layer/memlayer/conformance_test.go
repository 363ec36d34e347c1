package memlayer_test

import (
	"testing"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/layertest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// TestConformance does not claim isolation: Publish returns when the slowest receiver has.
func TestConformance(t *testing.T) {
	layertest.Run(t, func(*testing.T) layer.Layer { return memlayer.New() }, layertest.Features{})
}
