package serve

import "sync"

// room has the receivers of a chat message, for servers without groups.
type room[T comparable] struct {
	mu  sync.RWMutex
	all map[T]struct{}
}

func newRoom[T comparable]() *room[T] { return &room[T]{all: map[T]struct{}{}} }

func (r *room[T]) join(x T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[x] = struct{}{}
}

func (r *room[T]) leave(x T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, x)
}

func (r *room[T]) each(do func(T)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for x := range r.all {
		do(x)
	}
}
