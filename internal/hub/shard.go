package hub

import (
	"context"
	"sync"
	"time"
)

const (
	maxPending = 64 << 20        // pending work from which Deliver blocks
	maxBacklog = 64 * maxPending // pending work from which deliveries are rejected: some seconds for a worker
	maxMemory  = 4 * maxPending  // memory from which deliveries are rejected
	maxWait    = time.Second     // of Deliver

	perCopy     = 512 // work of delivering one copy without content, in bytes
	perDelivery = 512 // memory of a delivery without its content, in bytes
	perMember   = 8   // memory of a member in a snapshot, in bytes
)

// load is the cost of an entry of a queue, in bytes. A small message to a large group is much work but takes little
// memory, a large message to one member the other way round. So both are limited.
type load struct {
	work   int64 // bytes of all copies
	memory int64 // kept until it has been delivered
}

func (l *load) add(o load) {
	l.work += o.work
	l.memory += o.memory
}

func (l *load) sub(o load) {
	l.work -= o.work
	l.memory -= o.memory
}

// shard is a queue of deliveries and its worker.
type shard[M Member[D], D any] struct {
	mu      sync.Mutex
	pending load          // of the queued deliveries and of those in progress
	room    chan struct{} // closed when pending work falls to half of maxPending; nil while no call waits
	queue   batch[M, D]
	working bool
	current batch[M, D] // in progress; only the worker uses it
	_       [64]byte    // avoids false sharing between shards
}

// batch is a queue of deliveries and their members.
type batch[M Member[D], D any] struct {
	to      [][]M
	ds      []D
	loads   []load
	waiting []chan struct{} // closed when all of it has been delivered; see flush

	next   int // delivery in progress
	run    Run[D]
	member int // next member that gets it
}

func (b *batch[M, D]) isEmpty() bool { return len(b.ds) == 0 && len(b.waiting) == 0 }

// keepCapacity is the largest capacity with which an emptied queue is reused.
const keepCapacity = 1024

func (b *batch[M, D]) reset() {
	if cap(b.ds) > keepCapacity {
		*b = batch[M, D]{}
		return
	}
	*b = batch[M, D]{to: b.to[:0], ds: b.ds[:0], loads: b.loads[:0]}
}

// push queues a delivery, unless there is no room, and reports whether too much work is pending now. An empty queue
// takes a delivery of any size.
func (s *shard[M, D]) push(to []M, d D, l load) (queued, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.work > maxBacklog || s.pending.memory > maxMemory {
		return false, true
	}
	if n := len(s.queue.to); n == 0 || !same(s.queue.to[n-1], to) {
		l.memory += perMember * int64(len(to))
	}
	s.queue.to = append(s.queue.to, to)
	s.queue.ds = append(s.queue.ds, d)
	s.queue.loads = append(s.queue.loads, l)
	s.pending.add(l)
	if !s.working {
		s.working = true
		go s.work()
	}
	return true, s.full()
}

func (s *shard[M, D]) full() bool { return s.pending.work > maxPending }

// wait returns when less work is pending, or after maxWait.
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

// delivered subtracts finished deliveries from the pending load.
func (s *shard[M, D]) delivered(loads []load) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range loads {
		s.pending.sub(l)
	}
	if s.room != nil && s.pending.work <= maxPending/2 {
		close(s.room)
		s.room = nil
	}
}

// work delivers until the queue is empty. If a member ends the goroutine (runtime.Goexit), that member loses the rest
// of its run and a new worker continues behind it.
func (s *shard[M, D]) work() {
	over := false
	defer func() {
		if !over {
			go s.work()
		}
	}()
	for s.take() {
		s.current.deliver(s.delivered)
		for _, done := range s.current.waiting {
			close(done)
		}
		s.current.reset()
	}
	over = true
}

// take starts on the queued batch, unless one is in progress, and reports whether there is anything to do.
func (s *shard[M, D]) take() bool {
	if !s.current.isEmpty() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.working = !s.queue.isEmpty()
	if s.working {
		s.current, s.queue = s.queue, s.current
	}
	return s.working
}

// deliver passes consecutive deliveries with the same members to each member in one call, so that a burst costs a
// member one write. It releases what has been delivered.
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

// same reports whether two snapshots, neither empty, are the same slice.
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
