package hub

import (
	"context"
	"sync"
	"time"
)

const (
	maxDue  = 64 << 20    // work that may be due before Deliver waits
	maxLate = 64 * maxDue // and beyond which nothing is queued any more: some seconds for a worker
	maxHeld = 4 * maxDue  // memory beyond which nothing is queued any more
	maxWait = time.Second // of Deliver

	perCopy     = 512 // bytes that stand for the work of a copy without content
	perDelivery = 512 // bytes of memory that a delivery takes besides its content
	perMember   = 8   // bytes of memory of a member in a snapshot
)

// load is what an entry of a queue costs, in bytes. Both numbers are needed: a small message to a large group is much
// work and takes little memory, a large one to a single member the other way round.
type load struct {
	work int64 // all its copies
	held int64 // memory that it keeps until it has been delivered
}

func (l *load) add(o load) {
	l.work += o.work
	l.held += o.held
}

func (l *load) sub(o load) {
	l.work -= o.work
	l.held -= o.held
}

// shard is a queue of deliveries and the worker that empties it.
type shard[M Member[D], D any] struct {
	mu      sync.Mutex
	due     load          // of what is queued and of what is being delivered
	room    chan struct{} // closed when due has fallen well below its bound; nil while nobody waits
	queue   batch[M, D]
	working bool
	now     batch[M, D] // what the worker delivers: its own
	_       [64]byte    // shards are changed by different cores
}

// batch is a queue: what is due, and to whom.
type batch[M Member[D], D any] struct {
	to      [][]M
	ds      []D
	loads   []load
	waiting []chan struct{} // of flush; closed when all of it has been delivered

	next   int // delivery
	run    Run[D]
	member int // that it goes to next
}

func (b *batch[M, D]) isEmpty() bool { return len(b.ds) == 0 && len(b.waiting) == 0 }

// keepCapacity is how many entries an emptied queue may have room for and be used again.
const keepCapacity = 1024

func (b *batch[M, D]) reset() {
	if cap(b.ds) > keepCapacity {
		*b = batch[M, D]{}
		return
	}
	*b = batch[M, D]{to: b.to[:0], ds: b.ds[:0], loads: b.loads[:0]}
}

// push queues a delivery, unless it is refused, and reports whether too much is due now. What comes first is taken,
// however much it is.
func (s *shard[M, D]) push(to []M, d D, l load) (queued, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.due.work > maxLate || s.due.held > maxHeld {
		return false, true
	}
	if n := len(s.queue.to); n == 0 || !same(s.queue.to[n-1], to) {
		l.held += perMember * int64(len(to))
	}
	s.queue.to = append(s.queue.to, to)
	s.queue.ds = append(s.queue.ds, d)
	s.queue.loads = append(s.queue.loads, l)
	s.due.add(l)
	if !s.working {
		s.working = true
		go s.work()
	}
	return true, s.full()
}

func (s *shard[M, D]) full() bool { return s.due.work > maxDue }

// wait returns when less is due, or after maxWait.
func (s *shard[M, D]) wait() {
	s.mu.Lock()
	if !s.full() {
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
func (s *shard[M, D]) delivered(loads []load) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range loads {
		s.due.sub(l)
	}
	if s.room != nil && s.due.work <= maxDue/2 {
		close(s.room)
		s.room = nil
	}
}

// work delivers until nothing is due. A member that ends the goroutine (runtime.Goexit) costs what it was given: another
// one goes on behind it.
func (s *shard[M, D]) work() {
	over := false
	defer func() {
		if !over {
			go s.work()
		}
	}()
	for s.take() {
		s.now.deliver(s.delivered)
		for _, done := range s.now.waiting {
			close(done)
		}
		s.now.reset()
	}
	over = true
}

// take makes what is queued what is being delivered, and reports whether there is anything.
func (s *shard[M, D]) take() bool {
	if !s.now.isEmpty() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.working = !s.queue.isEmpty()
	if s.working {
		s.now, s.queue = s.queue, s.now
	}
	return s.working
}

// deliver gives neighbours in the queue that go to the same members to each of them in one call, so that a burst costs
// a member one write. What has been delivered is let go.
func (b *batch[M, D]) deliver(delivered func([]load)) {
	for b.next < len(b.ds) {
		i, j := b.next, b.next+1
		for j < len(b.ds) && same(b.to[i], b.to[j]) {
			j++
		}
		if b.member == 0 {
			b.run = Run[D]{Items: b.ds[i:j:j], Members: len(b.to[i])}
		}
		for b.member < len(b.to[i]) {
			m := b.to[i][b.member]
			b.member++
			m.Deliver(&b.run)
		}
		b.run = Run[D]{}
		clear(b.to[i:j])
		clear(b.ds[i:j])
		delivered(b.loads[i:j])
		b.next, b.member = j, 0
	}
}

// same reports whether two snapshots, neither empty, are one.
func same[M any](a, b []M) bool { return len(a) == len(b) && &a[0] == &b[0] }

func (s *shard[M, D]) flush(ctx context.Context) {
	s.mu.Lock()
	if !s.working {
		s.mu.Unlock()
		return
	}
	done := make(chan struct{})
	s.queue.waiting = append(s.queue.waiting, done)
	s.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
