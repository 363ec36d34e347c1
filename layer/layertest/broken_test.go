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

// sound is a faultlayer that has no faults, but can be taken down as a whole.
type sound struct {
	*faultlayer.Layer
	mu    sync.Mutex
	links int
	down  bool
}

func (s *sound) Open(r layer.Receiver) layer.Link {
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

func (s *sound) set(down bool) {
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

// freeze has the broker answer nothing. The layer notices it soon, unless it is oblivious.
func (s *sound) freeze(oblivious bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for no := range s.links {
		s.Layer.Freeze(no)
	}
	if !oblivious {
		time.AfterFunc(20*time.Millisecond, func() { s.set(true) })
	}
}

// flawed opens links on a sound layer that have a fault.
type flawed struct {
	*sound
	fault fault
}

func newLayer(broken string) *flawed {
	s := &sound{Layer: faultlayer.New(memlayer.New(), faultlayer.Faults{})}
	return &flawed{s, faults[broken]}
}

func features() layertest.Features {
	return layertest.Features{
		Down: func(_ *testing.T, l layer.Layer) { l.(*flawed).set(true) },
		Up:   func(_ *testing.T, l layer.Layer) { l.(*flawed).set(false) },

		Freeze: func(_ *testing.T, l layer.Layer) { l.(*flawed).freeze(l.(*flawed).fault.oblivious) },
		Thaw:   func(_ *testing.T, l layer.Layer) { l.(*flawed).set(false) },

		Stranger: func(t *testing.T, l layer.Layer) func(string, []byte) {
			k := l.(*flawed).sound.Open(layer.Receiver{Receive: func(string, []byte) {}})
			t.Cleanup(func() { _ = k.Close(context.Background()) }) // it has no error
			return func(subject string, data []byte) {
				if subject == "" {
					return // the layer listens nowhere else
				}
				if err := k.Publish(context.Background(), subject, data); err != nil {
					t.Error(err)
				}
			}
		},
	}
}

func (f *flawed) Open(r layer.Receiver) layer.Link {
	if f.fault.receiver != nil {
		r = f.fault.receiver(r)
	}
	k := &link{Link: f.sound.Open(r)}
	if f.fault.link != nil {
		f.fault.link(k)
	}
	return k
}

// link is one whose methods can be replaced.
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
