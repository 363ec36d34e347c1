package hub

import (
	"sync"
	"time"
)

const (
	maxDue  = 64 << 20    // bytes of all copies that may be due before Deliver waits
	perCopy = 512         // bytes that stand for the work of a copy without content
	maxWait = time.Second // of Deliver
)

// shard is a queue of deliveries and the worker that empties it.
type shard[M Member[D], D any] struct {
	mu      sync.Mutex
	due     int           // cost of what is queued and of what is being delivered
	room    chan struct{} // closed when due has fallen well below its bound; nil while nobody waits
	queue   batch[M, D]
	spare   batch[M, D] // emptied, for its capacity
	working bool
	waiting []chan struct{} // of flush; closed when what is queued now has been delivered
	_       [64]byte        // shards are changed by different cores
}

// batch is a queue: what is due, and to whom.
type batch[M Member[D], D any] struct {
	to    [][]M
	ds    []D
	costs []int
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
	b.to, b.ds, b.costs = b.to[:0], b.ds[:0], b.costs[:0]
}

// push reports whether too much is due now.
func (s *shard[M, D]) push(to []M, d D, cost int) (full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue.to = append(s.queue.to, to)
	s.queue.ds = append(s.queue.ds, d)
	s.queue.costs = append(s.queue.costs, cost)
	s.due += cost
	if !s.working {
		s.working = true
		go s.work()
	}
	return s.due > maxDue
}

// wait returns when less is due, or after maxWait.
func (s *shard[M, D]) wait() {
	s.mu.Lock()
	if s.due <= maxDue {
		s.mu.Unlock()
		return
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	room := s.room
	s.mu.Unlock()
	late := time.NewTimer(maxWait)
	defer late.Stop()
	select {
	case <-room:
	case <-late.C:
	}
}

// delivered takes what has been delivered off what is due.
func (s *shard[M, D]) delivered(costs []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cost := range costs {
		s.due -= cost
	}
	if s.room != nil && s.due <= maxDue/2 {
		close(s.room)
		s.room = nil
	}
}

func (s *shard[M, D]) work() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue.ds) > 0 || len(s.waiting) > 0 {
		b, waiting := s.queue, s.waiting
		s.queue, s.waiting = s.spare, nil
		s.mu.Unlock()
		b.deliver(s.delivered)
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
func (b *batch[M, D]) deliver(delivered func(costs []int)) {
	for i := 0; i < len(b.ds); {
		j := i + 1
		for j < len(b.ds) && same(b.to[i], b.to[j]) {
			j++
		}
		for _, m := range b.to[i] {
			m.Deliver(b.ds[i:j:j])
		}
		delivered(b.costs[i:j])
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
