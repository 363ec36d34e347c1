package chanx

import (
	"context"
	"errors"
	"sync"

	"github.com/chanx-go/chanx/layer"
)

// subscriptions keeps the layer subscribed to the subjects that have members here.
type subscriptions struct {
	link layer.Link
	mu   sync.Mutex
	all  map[string]*subscription
}

type subscription struct {
	members int // under subscriptions.mu

	mu   sync.Mutex // held while the layer is told
	told bool
}

// add counts a member. When it returns, publications of other nodes arrive, unless there is an error.
func (s *subscriptions) add(ctx context.Context, subject string) error {
	s.mu.Lock()
	sub := s.all[subject]
	if sub == nil {
		sub = &subscription{}
		s.all[subject] = sub
	}
	sub.members++
	s.mu.Unlock()
	return s.settle(ctx, subject, sub)
}

func (s *subscriptions) remove(ctx context.Context, subject string) error {
	s.mu.Lock()
	sub := s.all[subject]
	sub.members--
	s.mu.Unlock()
	return s.settle(ctx, subject, sub)
}

// settle brings the layer to what the members ask for now; calls for one subject come after each other.
func (s *subscriptions) settle(ctx context.Context, subject string, sub *subscription) error {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	s.mu.Lock()
	want := sub.members > 0
	if !want && !sub.told && s.all[subject] == sub {
		delete(s.all, subject)
	}
	s.mu.Unlock()
	switch {
	case want == sub.told:
		return nil
	case want:
		err := s.link.Subscribe(ctx, subject)
		sub.told = err == nil || errors.Is(err, layer.ErrUnavailable) // then the layer remembers it
		return err
	}
	sub.told = false
	err := s.link.Unsubscribe(ctx, subject)
	s.mu.Lock()
	if sub.members == 0 && s.all[subject] == sub {
		delete(s.all, subject)
	}
	s.mu.Unlock()
	return err
}
