package hub

import "sync"

// shard is a queue of deliveries and the worker that empties it.
type shard[M Member[D], D any] struct {
	mu      sync.Mutex
	queue   batch[M, D]
	spare   batch[M, D] // emptied, for its capacity
	working bool
	waiting []chan struct{} // of flush; closed when what is queued now has been delivered
	_       [64]byte        // shards are changed by different cores
}

// batch is a queue: what is due, and to whom.
type batch[M Member[D], D any] struct {
	to [][]M
	ds []D
}

// keepCapacity is how many entries an emptied queue may have room for and be used again.
const keepCapacity = 1024

func (b *batch[M, D]) reset() {
	clear(b.to)
	clear(b.ds)
	if cap(b.ds) > keepCapacity {
		*b = batch[M, D]{}
		return
	}
	b.to, b.ds = b.to[:0], b.ds[:0]
}

func (s *shard[M, D]) push(to []M, d D) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue.to = append(s.queue.to, to)
	s.queue.ds = append(s.queue.ds, d)
	if !s.working {
		s.working = true
		go s.work()
	}
}

func (s *shard[M, D]) work() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue.ds) > 0 || len(s.waiting) > 0 {
		b, waiting := s.queue, s.waiting
		s.queue, s.waiting = s.spare, nil
		s.mu.Unlock()
		b.deliver()
		b.reset()
		for _, done := range waiting {
			close(done)
		}
		s.mu.Lock()
		s.spare = b
	}
	s.working = false
}

// deliver gives neighbours in the queue that go to the same members to each of them in one call, so that a burst costs
// a member one write.
func (b *batch[M, D]) deliver() {
	for i := 0; i < len(b.ds); {
		j := i + 1
		for j < len(b.ds) && same(b.to[i], b.to[j]) {
			j++
		}
		for _, m := range b.to[i] {
			m.Deliver(b.ds[i:j:j])
		}
		i = j
	}
}

// same reports whether two snapshots, neither empty, are one.
func same[M any](a, b []M) bool { return len(a) == len(b) && &a[0] == &b[0] }

func (s *shard[M, D]) flush() {
	s.mu.Lock()
	if !s.working {
		s.mu.Unlock()
		return
	}
	done := make(chan struct{})
	s.waiting = append(s.waiting, done)
	s.mu.Unlock()
	<-done
}
