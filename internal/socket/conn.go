package socket

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// Errors of Conn's methods.
var (
	ErrClosed    = errors.New("socket: connection is closed")
	ErrQueueFull = errors.New("socket: event queue is full")
	ErrSlow      = errors.New("socket: send queue is full")
)

// A Handler is what a connection calls. Message, Event and Closed are never called at the same time. A panic of any
// method is not recovered here; a method that ends its goroutine (runtime.Goexit) has returned.
type Handler interface {
	// Arrived is told of each message that has to wait for others, when it is read and in order, before Message is called
	// with it. Without waits it has been dealt with, and Message is not called. ahead counts the calls of Message that
	// come before it: those that were made, those that wait, and one that is about to be made. Like Lost it is called
	// under the connection's lock: it must not block and must not call the connection's methods. Text is valid UTF-8; p is
	// valid during the call only, and nil for a message that is inflated in its turn: a deflated one of more than 512
	// bytes, or one that will be found wrong.
	Arrived(p []byte, binary bool, ahead uint64) (waits bool)

	// Message takes one complete message; text is valid UTF-8. p may be modified, but not kept: it is valid during the
	// call only.
	Message(p []byte, binary bool)

	// Event takes an item given to Start or Post.
	Event(e any)

	// Long says that the running Message or Event has taken more than about 5 ms. It may be called several times for one
	// call, and while the next one runs already. It must not block.
	Long()

	// Lost says that the transport is lost or has been closed, so that the contexts of running handlers should be
	// cancelled. It is called at most once, before Closed, possibly while Message or Event runs. It is called under the
	// connection's lock: it must not block and must not call the connection's methods.
	Lost()

	// Closing says that nothing is written any more but the Close frame, which follows: it is called at most once, before
	// the peer can see that frame, or when the transport is lost; possibly while Message or Event runs. It is called under
	// the connection's lock: it must not block and must not call the connection's methods.
	Closing()

	// Closed is called last, once after Start, and says how the connection ended: the code of the peer's Close frame (1005
	// if it had none), the code we closed with, or 1006 if the transport was lost.
	Closed(code int, reason string)

	// Dropped tells of everything that was discarded, n in the unit of its kind. It may be called at the same time as any
	// other method, even after Closed, and must not block.
	Dropped(what Drop, n int)
}

// A Conn is the server's side of one WebSocket connection. All its methods may be called concurrently, also by its
// Handler (but not by [Handler.Lost], [Handler.Closing] and [Handler.Arrived]); none but WaitTurn and WriteTurn blocks. A Conn that is neither started
// nor closed keeps its transport open.
//
// Invariants: every change of the fields below mu is made under mu; got, part and armed belong to who holds the reading
// token; rest is not nil only while the runner is the reader, or before Start.
type Conn struct {
	up       *Upgrader
	nc       net.Conn
	rc       syscall.RawConn       // nil: nc is not a bare TCP connection
	readFunc func(fd uintptr) bool // tryRead, made once

	result readResult // result of rf
	part   *partial   // what is incomplete

	mu    sync.Mutex
	h     Handler       // nil before Start
	notes *[]dropRecord // nil: there is nothing to tell

	rest      []byte // of the batch that is run inline: not yet taken
	inbox     inbox
	delivered uint64        // messages for which the handler has been called, or is about to be
	resume    chan struct{} // the reader waits here while the inbox is full

	writable chan struct{} // waitUntil waits here

	out    *[]byte // cork: the newest bytes of the queue
	q      []chunk // what is before them
	queued int     // bytes in both
	index  *index  // of q; nil: nothing of it may be superseded or was discarded

	cause      *closeCause // how the connection ends; nil: open
	closeTimer *time.Timer

	proto       uint16 // that was agreed on: its number in the options; never changes
	refused     bool   // made by UpgradeToRefuse; never changes
	deadlineSet bool   // a read deadline for part is set
	deflate     bool   // permessage-deflate was agreed on; never changes

	running         bool  // the running token is taken
	inline          bool  // by the reader
	watched         bool  // the sweeper lists the run
	stackGrown      bool  // the reader has called handlers: its stack has grown
	started         bool  // there is, or was, a reader
	readDone        bool  // nothing more is read
	unparsed        bool  // after a violation: what comes is no longer parsed
	closeAfterRun   bool  // by CloseAfter
	endQueued       bool  // an endItem was queued
	stopped         bool  // no item is handled any more
	closingCalled   bool  // Closing was called, or would have been
	writeDone       bool  // nothing more may be written
	halfClose       bool  // the write side is closed behind the last frame
	draining        bool  // drain runs
	broken          bool  // a write has failed
	disconnected    bool  // the transport is closed
	lostCalled      bool  // Lost was called
	closedCalled    bool  // Closed was called
	closedReturned  bool  // Closed has returned
	transportClosed bool  // the transport's Close has returned
	removed         bool  // not counted as open any more
	awaitingPong    bool  // a ping waits for life
	readSincePing   bool  // bytes came since
	renewReader     bool  // whoever reads the answer goes on in a fresh goroutine
	turnTaken       bool  // a writer has it: see WaitTurn
	unackedLimited  bool  // boundUnacknowledged has set a limit
	inFlight        int32 // chunks of q that drain is writing
	discardedBytes  int32 // bytes since the end

	runNo, tickRunNo uint32 // number of watched runs; what it was at the last idle tick
	sweepLink        runLink
	wheelLink        wheelLink
}

func newConn(u *Upgrader, nc net.Conn, proto uint16, deflate, refused bool, early []byte) *Conn {
	c := &Conn{up: u, nc: nc, proto: proto, deflate: deflate, refused: refused, running: true} // the running token is kept for Start
	if len(early) > 0 {
		c.rest = early
	}
	c.initRaw()
	u.counters.open.Add(1)
	u.sweeper.assignList(c)
	c.mu.Lock()
	u.wheel.add(c, u.opt.pingAfter())
	c.mu.Unlock()
	return c
}

// Start begins to read and to call h, in a new goroutine. first, if not nil, is the first event, ahead of any message. On
// a connection that was closed before, only Closing, Lost and Closed are called. Start may be called once.
func (c *Conn) Start(h Handler, first any) {
	c.mu.Lock()
	defer c.unlock()
	if c.h != nil {
		panic("socket: Start called twice")
	}
	c.h = h
	if c.closingCalled {
		h.Closing()
	}
	reads := !c.started && !c.stopped
	c.started = true
	c.inline, c.stackGrown = reads, reads
	it := item{}
	if first != nil {
		it = item{kind: eventItem, e: first}
	}
	go c.startRun(it)
}

func (c *Conn) startRun(first item) {
	c.mu.Lock()
	if c.stopped {
		first = item{} // which is the caller's own: nobody has sent it
	}
	reads := c.run(first)
	c.unlock()
	if reads {
		c.read()
	}
}

// Post queues an event behind everything that was received or posted before. It fails with ErrClosed when the connection
// has ended, with ErrQueueFull when Options.EventQueue events wait: then the connection closes with 1013.
func (c *Conn) Post(e any) error {
	c.mu.Lock()
	defer c.unlock()
	if c.cause != nil {
		return ErrClosed
	}
	if int(c.inbox.events) >= c.up.opt.EventQueue {
		c.drop(EventOverflow, 1)
		c.beginClose(CloseTryLater, "event queue is full")
		return ErrQueueFull
	}
	c.inbox.push(item{kind: eventItem, e: e})
	c.ensureRunner()
	return nil
}

// RemoteAddr is the peer's address as the transport knows it.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// Subprotocol is the one agreed on, or "".
func (c *Conn) Subprotocol() string { return c.up.subprotocol(c.proto) }

// Busy reports whether the handler runs, or is about to run for what waits.
func (c *Conn) Busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

// QueuedBytes is what waits to be written.
func (c *Conn) QueuedBytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued
}
