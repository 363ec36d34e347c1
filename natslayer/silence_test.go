package natslayer_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/natslayer"
)

// silenceLimit is how long a server may be silent before links report it.
const silenceLimit = 10 * time.Second

func connectTo(t *testing.T, url string) *natslayer.Layer {
	t.Helper()
	l, err := natslayer.Connect(t.Context(), url, nil)
	must(t, err)
	t.Cleanup(l.Close)
	return l
}

// TestASilentServerIsDetected freezes the process of a server. Its connections stay open.
func TestASilentServerIsDetected(t *testing.T) {
	t.Parallel()
	p := startProcess(t)
	n, other := open(t, connectTo(t, p.url())), open(t, connectTo(t, p.url()))
	must(t, n.Subscribe(t.Context(), "kept"))
	must(t, other.Subscribe(t.Context(), "there"))
	p.freeze(t)
	began := time.Now()
	n.awaitsStatus(t, 0, isDown)
	if took := time.Since(began); took > silenceLimit {
		t.Errorf("detected after %v", took)
	}
	other.awaitsStatus(t, 0, isDown)
	for call, err := range map[string]error{
		"publish": n.Publish(t.Context(), "there", nil), "subscribe": n.Subscribe(t.Context(), "new"),
	} {
		if !errors.Is(err, layer.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want ErrUnavailable", call, err)
		}
	}
	must(t, n.Unsubscribe(t.Context(), "new"))
	p.thaw(t)
	n.awaitsStatus(t, 0, isGap)
	other.awaitsStatus(t, 0, isGap)
	n.returns(t, 0, other)
}

// TestASilentServerIsDetectedUnderLoad fills the buffers of the connection.
func TestASilentServerIsDetectedUnderLoad(t *testing.T) {
	t.Parallel()
	p := startProcess(t)
	n := open(t, connectTo(t, p.url()))
	must(t, n.Subscribe(t.Context(), "kept"))
	p.freeze(t)
	began := time.Now()
	var publishers sync.WaitGroup
	for range 4 {
		publishers.Go(func() {
			data := make([]byte, 1<<16)
			for n.Publish(t.Context(), "there", data) == nil {
				if time.Since(began) > 2*silenceLimit {
					t.Error("Publish still has no error")
					return
				}
			}
		})
	}
	n.awaitsStatus(t, 0, isDown)
	if took := time.Since(began); took > silenceLimit {
		t.Errorf("detected after %v", took)
	}
	publishers.Wait()
	p.thaw(t)
	n.awaitsStatus(t, 0, isGap)
	must(t, n.Publish(t.Context(), "kept", []byte("here")))
	n.awaits(t, "kept:here")
}

// TestASilentServerDoesNotDelayClose closes a layer whose server is silent, and connects another one.
func TestASilentServerDoesNotDelayClose(t *testing.T) {
	t.Parallel()
	p := startProcess(t)
	l := connectTo(t, p.url())
	n := open(t, l)
	p.freeze(t)
	n.awaitsStatus(t, 0, isDown)
	if _, err := natslayer.Connect(t.Context(), p.url(), nil); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("connect to a silent server: %v, want ErrUnavailable", err)
	}
	must(t, n.Close(t.Context()))
	l.Close()
	p.thaw(t)
}
