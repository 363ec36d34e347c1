package chanxtest_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/layertest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

func TestALayerThatIsTakenDownKeepsTheContract(t *testing.T) {
	layertest.Run(t, func(*testing.T) layer.Layer { return chanxtest.NewLayer(nil) }, layertest.Features{
		Down: func(_ *testing.T, l layer.Layer) { l.(*chanxtest.Layer).Down() },
		Up:   func(_ *testing.T, l layer.Layer) { l.(*chanxtest.Layer).Up() },
	})
}

// TestALayerGoesDownAndUp: members on the same server always get the message, those on other servers only while the
// layer is up.
func TestALayerGoesDownAndUp(t *testing.T) {
	for name, inner := range map[string]layer.Layer{"in memory": nil, "another": memlayer.New()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := chanxtest.NewLayer(inner)
				o := chanx.ServerOptions{Layer: l}
				here, there := linesServerOf(o), linesServerOf(o)
				near, far := chanxtest.Dial(t, here, "/ws", nil), chanxtest.Dial(t, there, "/ws", nil)
				synctest.Wait()
				send := func(text string, want error, distant bool) {
					t.Helper()
					if err := here.Broadcast(t.Context(), lineMessage{text}, chanx.To("all")); !errors.Is(err, want) {
						t.Errorf("%s: %v, want %v", text, err, want)
					}
					synctest.Wait()
					chanxtest.Receive[lineMessage](near)
					if distant {
						chanxtest.Receive[lineMessage](far)
					}
					far.ExpectNothing()
				}
				send("before", nil, true)
				l.Down()
				l.Down()
				l.Gap()
				send("while it is down", layer.ErrUnavailable, false)
				late := linesServerOf(o)
				if err := late.Broadcast(t.Context(), lineMessage{"late"}, chanx.To("all")); !errors.Is(err, layer.ErrUnavailable) {
					t.Errorf("a later server: %v", err)
				}
				gaps := func() uint64 { return there.Stats().Drops["gaps"] }
				if n := gaps(); n != 0 {
					t.Errorf("%d gaps while the layer was down", n)
				}
				l.Up()
				l.Up()
				send("after", nil, true)
				l.Gap()
				if n := gaps(); n != 2 {
					t.Errorf("%d gaps, want 2", n)
				}
				near.Close(1000, "")
				far.Close(1000, "")
				shutDown(t, here, there, late)
			})
		})
	}
}
