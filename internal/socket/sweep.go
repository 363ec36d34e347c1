package socket

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	slowAfter  = 5 * time.Millisecond // after that time a run's corked messages are flushed; an inline run also hands reading over
	sweepSlack = time.Millisecond     // runs that become slow within this time are handled in the same sweep
	sweepLists = 8
)

// A sweeper finds runs older than slowAfter. It lists all runs, oldest first, in several lists, so that cores rarely
// compete for a lock. It has one timer, which is armed only while there are runs.
type sweeper struct {
	up    *Upgrader
	next  atomic.Uint32 // gives the next connection its list
	lists [sweepLists]runList

	due   atomic.Int64 // when the timer fires; 0: not armed. Changes under mu
	mu    sync.Mutex
	timer *time.Timer
}

type runList struct {
	mu         sync.Mutex
	head, tail *Conn
	_          [40]byte // a cache line of its own
}

// A runNode makes a connection an element of a runList. It is guarded by the list's lock.
type runNode struct {
	prev, next *Conn
	since      time.Duration // start of the run, on the Upgrader's clock
	list       uint8         // never changes
	listed     bool
}

func (s *sweeper) init(u *Upgrader) { s.up = u }

func (s *sweeper) assignList(c *Conn) { c.runNode.list = uint8(s.next.Add(1) % sweepLists) }

// watch adds the current run to the sweeper's list. The caller holds mu.
func (c *Conn) watch() {
	c.watched = true
	c.runNo++
	c.up.sweeper.add(c)
}

func (c *Conn) unwatch() {
	c.watched = false
	l := &c.up.sweeper.lists[c.runNode.list]
	l.mu.Lock()
	if c.runNode.listed {
		l.unlink(c)
	}
	l.mu.Unlock()
}

func (s *sweeper) add(c *Conn) {
	l := &s.lists[c.runNode.list]
	l.mu.Lock()
	k := &c.runNode
	k.since, k.listed, k.prev = time.Since(s.up.epoch), true, l.tail
	if l.tail != nil {
		l.tail.runNode.next = c
	} else {
		l.head = c
	}
	l.tail = c
	due := k.since + slowAfter
	l.mu.Unlock()
	if s.due.Load() == 0 {
		s.arm(due)
	}
}

func (l *runList) unlink(c *Conn) {
	k := &c.runNode
	if k.prev != nil {
		k.prev.runNode.next = k.next
	} else {
		l.head = k.next
	}
	if k.next != nil {
		k.next.runNode.prev = k.prev
	} else {
		l.tail = k.prev
	}
	k.prev, k.next, k.listed = nil, nil, false
}

func (s *sweeper) arm(due time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.due.Load(); d != 0 && int64(due) >= d {
		return
	}
	s.due.Store(int64(due))
	wait := due - time.Since(s.up.epoch)
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, s.sweep)
	} else {
		s.timer.Reset(wait)
	}
}

// A slowRun identifies one run by its number, because the connection may have begun another one since.
type slowRun struct {
	c  *Conn
	no uint32
}

func (s *sweeper) sweep() {
	var few [16]slowRun
	old := few[:0]
	s.mu.Lock()
	s.due.Store(0) // before the lists are read: a later add arms the timer again
	s.mu.Unlock()
	limit := time.Since(s.up.epoch) - slowAfter + sweepSlack
	oldest := time.Duration(-1)
	for i := range s.lists {
		var since time.Duration
		if old, since = s.lists[i].takeOld(old, limit); since >= 0 && (oldest < 0 || since < oldest) {
			oldest = since
		}
	}
	if oldest >= 0 {
		s.arm(oldest + slowAfter)
	}
	for _, v := range old {
		v.c.overdue(v.no)
	}
}

// takeOld removes the runs that started no later than limit and appends them to old. It also returns the start of the
// oldest run that stays, or -1.
func (l *runList) takeOld(old []slowRun, limit time.Duration) ([]slowRun, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := l.head; c != nil; c = l.head {
		if c.runNode.since > limit {
			return old, c.runNode.since
		}
		l.unlink(c)
		old = append(old, slowRun{c, c.runNo}) // runNo changes only while the run is not listed
	}
	return old, -1
}

// overdue is called by the sweeper for a slow run. The run is watched again from its next item or corked write.
func (c *Conn) overdue(no uint32) {
	if h := c.releaseRun(no); h != nil {
		h.StillRunning()
	}
}

// releaseRun flushes what run no has corked and, if its goroutine is the reader, hands reading over. It returns the
// handler, or nil if the run has ended.
func (c *Conn) releaseRun(no uint32) Handler {
	c.mu.Lock()
	defer c.unlock()
	if !c.watched || c.runNo != no {
		return nil
	}
	c.watched = false
	if c.runner == runnerInline {
		c.handOver()
	}
	c.flush()
	return c.h
}

// handOver moves reading to a new goroutine. The rest of the batch was read before any waiting event, so it is queued
// in front of them, even beyond the inbox's limits.
func (c *Conn) handOver() {
	c.up.counters.handOvers.Add(1)
	if c.rest != nil {
		c.inbox.inFront(c.queueRest)
	}
	if c.phase == phaseStopped { // a pong for a ping in the rest did not fit
		c.dropItems()
	}
	c.startReader()
}

// startReader starts a new reader in place of the runner, if anything more is to be read.
func (c *Conn) startReader() {
	c.runner, c.stackGrown = runnerApart, false
	if c.canRead() {
		go c.read()
	}
}

// queueRest queues the messages of the rest of the batch.
func (c *Conn) queueRest() {
	for c.rest != nil {
		it, rest, ok := c.parseItem(c.rest)
		if c.phase == phaseStopped {
			return
		}
		if c.rest = rest; ok {
			c.enqueue(it)
		}
	}
}
