package memlayer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// inbox records what a link receives, as "subject:data".
type inbox struct {
	mu  sync.Mutex
	got []string
}

func (b *inbox) receive(subject string, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, subject+":"+string(data))
}

func (b *inbox) expect(t *testing.T, want ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.got, want) {
		t.Errorf("received %q, want %q", b.got, want)
	}
	b.got = nil
}

func open(l *memlayer.Layer) (layer.Link, *inbox) {
	b := &inbox{}
	return l.Open(layer.Receiver{Receive: b.receive}), b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPublishReachesOtherSubscribers(t *testing.T) {
	l := memlayer.New()
	a, gotA := open(l)
	b, gotB := open(l)
	c, gotC := open(l)
	ctx := t.Context()
	must(t, a.Subscribe(ctx, "s"))
	must(t, b.Subscribe(ctx, "s"))
	must(t, b.Subscribe(ctx, "s")) // again: still one copy
	must(t, c.Subscribe(ctx, "other"))
	must(t, a.Publish(ctx, "s", []byte("1")))
	must(t, c.Publish(ctx, "s", []byte("2")))
	gotA.expect(t, "s:2") // not its own
	gotB.expect(t, "s:1", "s:2")
	gotC.expect(t)

	must(t, b.Unsubscribe(ctx, "s"))
	must(t, b.Unsubscribe(ctx, "s"))
	must(t, a.Publish(ctx, "s", []byte("3")))
	gotB.expect(t)
}

func TestDataBelongsToCallerAfterPublish(t *testing.T) {
	l := memlayer.New()
	a, _ := open(l)
	var kept []byte
	b := l.Open(layer.Receiver{Receive: func(_ string, data []byte) { kept = data }})
	must(t, b.Subscribe(t.Context(), "s"))
	data := []byte("before")
	must(t, a.Publish(t.Context(), "s", data))
	copy(data, "AFTER!")
	if string(kept) != "before" {
		t.Errorf("receiver holds %q, want a copy of its own", kept)
	}
}

func TestCloseEndsLink(t *testing.T) {
	l := memlayer.New()
	a, gotA := open(l)
	b, _ := open(l)
	ctx := t.Context()
	must(t, a.Subscribe(ctx, "s"))
	must(t, a.Close(ctx))
	must(t, b.Publish(ctx, "s", []byte("1")))
	gotA.expect(t)
	for name, err := range map[string]error{
		"publish":     a.Publish(ctx, "s", nil),
		"subscribe":   a.Subscribe(ctx, "s"),
		"unsubscribe": a.Unsubscribe(ctx, "s"),
		"close":       a.Close(ctx),
	} {
		if !errors.Is(err, layer.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", name, err)
		}
	}
}

func TestCancelledContextStopsPublishOnly(t *testing.T) {
	l := memlayer.New()
	a, gotA := open(l)
	b, _ := open(l)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, a.Subscribe(ctx, "s"))
	if err := b.Publish(ctx, "s", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("publish: %v", err)
	}
	must(t, b.Publish(t.Context(), "s", []byte("1")))
	gotA.expect(t, "s:1")
	must(t, a.Unsubscribe(ctx, "s"))
	must(t, b.Publish(t.Context(), "s", []byte("2")))
	gotA.expect(t)
}

func TestOpenWithoutReceiverPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	memlayer.New().Open(layer.Receiver{})
}

// TestOrderUnderConcurrency publishes and subscribes on several links at once. Each publisher's numbers must all arrive, in
// order, because the receiver stays subscribed.
func TestOrderUnderConcurrency(t *testing.T) {
	const publishers, each = 4, 500
	l := memlayer.New()
	last := make([]int, publishers)
	receiver := l.Open(layer.Receiver{Receive: func(_ string, data []byte) {
		var who, n int
		if _, err := fmt.Sscanf(string(data), "%d %d", &who, &n); err != nil || n != last[who]+1 {
			t.Errorf("received %q after number %d (%v)", data, last[who], err)
		}
		last[who] = n
	}})
	must(t, receiver.Subscribe(t.Context(), "s"))
	var wg sync.WaitGroup
	for who := range publishers {
		k, _ := open(l)
		wg.Go(func() {
			for n := range each {
				if err := k.Publish(t.Context(), "s", fmt.Appendf(nil, "%d %d", who, n+1)); err != nil {
					t.Error(err)
				}
				if err := k.Subscribe(t.Context(), "s"); err != nil {
					t.Error(err)
				}
				if err := k.Unsubscribe(t.Context(), "s"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for who, n := range last {
		if n != each {
			t.Errorf("publisher %d: last number %d, want %d", who, n, each)
		}
	}
}
