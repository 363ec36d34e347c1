package layertest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/layertest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// faultless is a faultlayer without faults whose links can all be taken down at once.
type faultless struct {
	*faultlayer.Layer
	mu    sync.Mutex
	links int
	down  bool
}

func (s *faultless) Open(r layer.Receiver) layer.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.Layer.Open(r)
	if s.down {
		s.Layer.Down(s.links, errTest)
	}
	s.links++
	return k
}

var errTest = errors.New("taken away by the test")

func (s *faultless) set(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
	for no := range s.links {
		if down {
			s.Layer.Down(no, errTest)
		} else {
			s.Layer.Up(no)
		}
	}
}

// freeze makes the broker stop answering. The layer notices after a moment, unless noticesNoSilence is set.
func (s *faultless) freeze(noticesNoSilence bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for no := range s.links {
		s.Layer.Freeze(no)
	}
	if !noticesNoSilence {
		time.AfterFunc(20*time.Millisecond, func() { s.set(true) })
	}
}

// faulty is a layer whose links have a fault.
type faulty struct {
	*faultless
	fault fault
}

func newLayer(broken string) *faulty {
	s := &faultless{Layer: faultlayer.New(memlayer.New(), faultlayer.Faults{})}
	return &faulty{s, faults[broken]}
}

func features() layertest.Features {
	return layertest.Features{
		Down: func(_ *testing.T, l layer.Layer) { l.(*faulty).set(true) },
		Up:   func(_ *testing.T, l layer.Layer) { l.(*faulty).set(false) },

		Freeze: func(_ *testing.T, l layer.Layer) { l.(*faulty).freeze(l.(*faulty).fault.noticesNoSilence) },
		Thaw:   func(_ *testing.T, l layer.Layer) { l.(*faulty).set(false) },

		ForeignClient: func(t *testing.T, l layer.Layer) func(string, []byte) {
			k := l.(*faulty).faultless.Open(layer.Receiver{Receive: func(string, []byte) {}})
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
	}
}

func (f *faulty) Open(r layer.Receiver) layer.Link {
	if f.fault.receiver != nil {
		r = f.fault.receiver(r)
	}
	k := &link{Link: f.faultless.Open(r)}
	if f.fault.link != nil {
		f.fault.link(k)
	}
	return k
}

// link is a link whose methods can be replaced.
type link struct {
	layer.Link
	publish     func(ctx context.Context, subject string, data []byte) error
	subscribe   func(ctx context.Context, subject string) error
	unsubscribe func(ctx context.Context, subject string) error
	close       func(ctx context.Context) error
}

func (k *link) Publish(ctx context.Context, subject string, data []byte) error {
	if k.publish != nil {
		return k.publish(ctx, subject, data)
	}
	return k.Link.Publish(ctx, subject, data)
}

func (k *link) Subscribe(ctx context.Context, subject string) error {
	if k.subscribe != nil {
		return k.subscribe(ctx, subject)
	}
	return k.Link.Subscribe(ctx, subject)
}

func (k *link) Unsubscribe(ctx context.Context, subject string) error {
	if k.unsubscribe != nil {
		return k.unsubscribe(ctx, subject)
	}
	return k.Link.Unsubscribe(ctx, subject)
}

func (k *link) Close(ctx context.Context) error {
	if k.close != nil {
		return k.close(ctx)
	}
	return k.Link.Close(ctx)
}
