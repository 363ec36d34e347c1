// Package memlayer is the channel layer inside one process. A server uses it when no broker is configured, and tests
// use it to make a cluster of several servers.
//
// Servers with the same [Layer] reach each other. The layer has no goroutine and no queue: Publish calls the receivers
// itself and returns when the last one has returned, so nothing is lost or late.
package memlayer

import (
	"context"
	"slices"
	"sync"

	"github.com/chanx-go/chanx/layer"
)

// Layer connects the links opened on it. Its methods may be called concurrently.
type Layer struct {
	mu       sync.Mutex
	subjects map[string]*subject
}

// subject has its own lock, which is held while a publication is delivered, so publications have one order.
type subject struct {
	users int // subscribers and running calls of Publish; at zero the subject is deleted
	mu    sync.Mutex
	links []*link
}

// New returns a layer without links.
func New() *Layer { return &Layer{subjects: map[string]*subject{}} }

// Open attaches a node. The link is up from the start and never goes down.
func (l *Layer) Open(r layer.Receiver) layer.Link {
	if r.Receive == nil {
		panic("memlayer: open link: Receiver.Receive is nil")
	}
	return &link{layer: l, receive: r.Receive, subscribed: map[string]*subject{}}
}

// use returns the subject, creating it if needed. It exists until done is called.
func (l *Layer) use(name string) *subject {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.subjects[name]
	if s == nil {
		s = &subject{}
		l.subjects[name] = s
	}
	s.users++
	return s
}

// existing is like use, but returns nil if the subject does not exist.
func (l *Layer) existing(name string) *subject {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.subjects[name]
	if s != nil {
		s.users++
	}
	return s
}

func (l *Layer) done(name string, s *subject) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(l.subjects, name)
	}
}

type link struct {
	layer   *Layer
	receive func(subject string, data []byte)

	mu         sync.Mutex
	closed     bool
	subscribed map[string]*subject
}

func (k *link) isClosed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closed
}

// Publish copies data once and gives the copy to the other links, one after another.
func (k *link) Publish(ctx context.Context, name string, data []byte) error {
	if k.isClosed() {
		return layer.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s := k.layer.existing(name)
	if s == nil {
		return nil
	}
	defer k.layer.done(name, s)
	s.mu.Lock()
	defer s.mu.Unlock()
	var shared []byte
	for _, to := range s.links {
		if to == k {
			continue
		}
		if shared == nil {
			shared = slices.Clone(data)
		}
		to.receive(name, shared)
	}
	return nil
}

// Subscribe takes effect at once, even if the context has ended.
func (k *link) Subscribe(_ context.Context, name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return layer.ErrClosed
	}
	if k.subscribed[name] != nil {
		return nil
	}
	s := k.layer.use(name)
	k.subscribed[name] = s
	s.mu.Lock()
	s.links = append(s.links, k)
	s.mu.Unlock()
	return nil
}

// Unsubscribe waits for a publication that is being delivered.
func (k *link) Unsubscribe(_ context.Context, name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return layer.ErrClosed
	}
	if s := k.subscribed[name]; s != nil {
		k.leave(name, s)
	}
	return nil
}

func (k *link) leave(name string, s *subject) {
	delete(k.subscribed, name)
	s.mu.Lock()
	s.links = slices.DeleteFunc(s.links, func(o *link) bool { return o == k })
	s.mu.Unlock()
	k.layer.done(name, s)
}

// Close ends all subscriptions.
func (k *link) Close(context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return layer.ErrClosed
	}
	k.closed = true
	for name, s := range k.subscribed {
		k.leave(name, s)
	}
	return nil
}
