package socket

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	slowAfter  = 5 * time.Millisecond // a run older than this releases its cork; the reader's hands reading over
	sweepSlack = time.Millisecond     // what becomes due within this time is taken along
	sweepLists = 8
)

// A sweeper finds runs that have become old. It lists them, oldest first, in a few lists so that cores rarely meet, and
// has one timer, armed only while there are runs.
type sweeper struct {
	up    *Upgrader
	next  atomic.Uint32 // list of the next connection
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

// A runLink is a connection's place in its list, guarded by the list's lock.
type runLink struct {
	prev, next *Conn
	since      time.Duration // start of the run, on the Upgrader's clock
	list       uint8         // never changes
	listed     bool
}

func (s *sweeper) init(u *Upgrader) { s.up = u }

func (s *sweeper) assignList(c *Conn) { c.sweepLink.list = uint8(s.next.Add(1) % sweepLists) }

// watch lists the run. The caller holds the connection's mu.
func (c *Conn) watch() {
	c.watched = true
	c.runNo++
	c.up.sweeper.add(c)
}

func (c *Conn) unwatch() {
	c.watched = false
	l := &c.up.sweeper.lists[c.sweepLink.list]
	l.mu.Lock()
	if c.sweepLink.listed {
		l.unlink(c)
	}
	l.mu.Unlock()
}

func (s *sweeper) add(c *Conn) {
	l := &s.lists[c.sweepLink.list]
	l.mu.Lock()
	k := &c.sweepLink
	k.since, k.listed, k.prev = time.Since(s.up.epoch), true, l.tail
	if l.tail != nil {
		l.tail.sweepLink.next = c
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
	k := &c.sweepLink
	if k.prev != nil {
		k.prev.sweepLink.next = k.next
	} else {
		l.head = k.next
	}
	if k.next != nil {
		k.next.sweepLink.prev = k.prev
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

// A verdict is about one run, by its number: the connection may have begun another one since.
type slowRun struct {
	c  *Conn
	no uint32
}

func (s *sweeper) sweep() {
	var few [16]slowRun
	old := few[:0]
	s.mu.Lock()
	s.due.Store(0) // before the lists are looked at: who adds later arms the timer
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

// takeOld unlinks the runs that started up to limit and returns the start of the first that stays, or -1.
func (l *runList) takeOld(old []slowRun, limit time.Duration) ([]slowRun, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := l.head; c != nil; c = l.head {
		if c.sweepLink.since > limit {
			return old, c.sweepLink.since
		}
		l.unlink(c)
		old = append(old, slowRun{c, c.runNo}) // changes only while not listed
	}
	return old, -1
}

// overdue is the sweeper's verdict about run no. The runner asks for a new watch with its next item or corked write.
func (c *Conn) overdue(no uint32) {
	if h := c.releaseRun(no); h != nil {
		h.Long()
	}
}

// letGo sends what run no has corked, moves reading on if its runner reads, and returns its handler; nil if the run has
// ended.
func (c *Conn) releaseRun(no uint32) Handler {
	c.mu.Lock()
	defer c.unlock()
	if !c.watched || c.runNo != no {
		return nil
	}
	c.watched = false
	if c.inline {
		c.handOver()
	}
	c.flush()
	return c.h
}

// handOver moves reading to a new goroutine. What the batch still holds was read before any waiting event, so it goes in
// front, even beyond the inbox's bounds.
func (c *Conn) handOver() {
	c.up.counters.handOvers.Add(1)
	if c.rest != nil {
		c.inbox.inFront(c.queueRest)
	}
	if c.stopped { // by an answer to a ping in the rest
		c.dropItems()
	}
	c.startReader()
}

// readOn starts a new reader in place of the runner, if there is anything to read.
func (c *Conn) startReader() {
	c.inline, c.stackGrown = false, false
	if !c.readDone && !c.disconnected {
		go c.read()
	}
}

func (c *Conn) queueRest() {
	for c.rest != nil {
		it, rest, ok := c.parseItem(c.rest)
		if c.stopped {
			return
		}
		if c.rest = rest; ok {
			c.enqueue(it)
		}
	}
}
