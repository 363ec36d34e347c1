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

// A Handler receives what happens on a connection. Message, Event and Closed are never called at the same time. The
// connection does not recover panics of these methods. A method that ends its goroutine (runtime.Goexit) counts as
// returned.
type Handler interface {
	// Arrived is called for each message that cannot be handled at once, when it is read and in order, before Message
	// is called with it. If it returns false, the message is done and Message is not called. ahead counts the calls of
	// Message that come before this one: the calls already made or about to be made, and the waiting messages. Arrived
	// is called under the connection's lock: it must not block and must not call the connection's methods. Text is
	// valid UTF-8; p is valid during the call only. p is nil if the message is inflated only when its turn comes: a
	// compressed message of more than 512 bytes, or one that will turn out to be invalid.
	Arrived(p []byte, binary bool, ahead uint64) (waits bool)

	// Message handles one complete message; text is valid UTF-8. It may modify p but must not keep it: p is valid
	// during the call only.
	Message(p []byte, binary bool)

	// Event handles an item passed to Start or Post.
	Event(e any)

	// Long is called when the running Message or Event has taken more than about 5 ms. It may be called several times
	// for one call, and may arrive while the next one already runs. It must not block.
	Long()

	// Lost is called when the transport is lost or has been closed, so that the handler can cancel the contexts of
	// running calls. It is called at most once, before Closed, possibly while Message or Event runs. It is called under
	// the connection's lock: it must not block and must not call the connection's methods.
	Lost()

	// Closing is called when only the Close frame may still be written. It is called at most once: before the peer can
	// see that frame, or when the transport is lost; possibly while Message or Event runs. It is called under the
	// connection's lock: it must not block and must not call the connection's methods.
	Closing()

	// Closed is the last call, exactly once after Start. Its arguments say how the connection ended: the code of the
	// peer's Close frame (1005 if it had none), the code we closed with, or 1006 if the transport was lost.
	Closed(code int, reason string)

	// Dropped reports discarded data; the unit of n depends on the kind. It may be called at the same time as any other
	// method, even after Closed, and must not block.
	Dropped(what Drop, n int)
}

// A Conn is the server side of one WebSocket connection. All its methods may be called concurrently, also by its
// Handler (but not by [Handler.Lost], [Handler.Closing] and [Handler.Arrived]). Only WaitTurn and WriteTurn block. A
// Conn that is neither started nor closed keeps its transport open.
//
// Invariants: the fields below mu change only under mu. result, part and deadlineSet belong to the holder of the
// reading token. rest is not nil only while the runner is the reader, or before Start.
type Conn struct {
	up       *Upgrader
	nc       net.Conn
	rc       syscall.RawConn       // nil: nc is not a bare TCP connection
	readFunc func(fd uintptr) bool // the method value tryRead, made once

	result readResult // set by readFunc
	part   *partial   // the message or frame that has arrived in part; nil: none

	mu    sync.Mutex
	h     Handler       // nil before Start
	notes *[]dropRecord // drops to report to h when mu is released; nil: none

	rest      []byte // the part of the current batch that is not parsed yet, in an inline run
	inbox     inbox
	delivered uint64        // messages for which the handler has been called, or is about to be
	resume    chan struct{} // closed to end the reader's pause; nil: reading is not paused

	writable chan struct{} // closed to wake waitUntil; nil: no writer waits

	out    *[]byte // the cork buffer: the newest bytes of the send queue
	q      []chunk // the older chunks of the send queue
	queued int     // bytes in q and out
	index  *index  // of q; nil: q holds no keys and no holes

	cause      *closeCause // why the connection ends; nil: it is open
	closeTimer *time.Timer

	proto       uint16 // number of the negotiated subprotocol in the options, from 1; 0: none. Never changes
	refused     bool   // made by UpgradeToRefuse; never changes
	deadlineSet bool   // a read deadline for part is set
	deflate     bool   // permessage-deflate was negotiated; never changes

	running         bool  // the running token is taken
	inline          bool  // the reader holds the running token
	watched         bool  // the sweeper lists the current run
	stackGrown      bool  // the reader has called handlers, so its stack may have grown
	started         bool  // the first reader was started, or is no longer needed
	readDone        bool  // nothing more is read
	unparsed        bool  // after a protocol violation: incoming bytes are discarded without parsing
	closeAfterRun   bool  // CloseAfter waits for the current run
	endQueued       bool  // an endItem was queued
	stopped         bool  // no more items are handled
	closingCalled   bool  // Closing was called, or would have been if there were a handler
	writeDone       bool  // nothing more may be written
	halfClose       bool  // close the write side once the Close frame is written
	draining        bool  // a goroutine runs drain
	broken          bool  // a write has failed
	disconnected    bool  // the transport is being closed, or is closed
	lostCalled      bool  // Lost was called
	closedCalled    bool  // Closed was called
	closedReturned  bool  // Closed has returned
	transportClosed bool  // the transport's Close has returned
	removed         bool  // no longer counted as open
	awaitingPong    bool  // a ping was sent; any bytes answer it
	readSincePing   bool  // bytes have arrived since that ping
	renewReader     bool  // the reader continues in a fresh goroutine after its next batch
	turnTaken       bool  // a writer has the turn: see WaitTurn
	unackedLimited  bool  // limitUnacknowledged has set a limit
	inFlight        int32 // chunks of q that drain is writing
	discardedBytes  int32 // bytes read since the end

	runNo, tickRunNo uint32 // number of the current or last watched run; its value at the last idle tick
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

// Start begins to read and to call h, in a new goroutine. If first is not nil, it is the first event, ahead of any
// message. If the connection was closed before, only Closing, Lost and Closed are called. Start may be called once; a
// second call panics.
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
		first = item{} // not counted as dropped: it came from Start's caller
	}
	reads := c.run(first)
	c.unlock()
	if reads {
		c.read()
	}
}

// Post queues an event behind everything that was received or posted before. It returns ErrClosed if the connection has
// ended. It returns ErrQueueFull if Options.EventQueue events are waiting, and closes the connection with 1013.
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

// RemoteAddr is the peer's address as the transport reports it.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// Subprotocol is the negotiated subprotocol, or "".
func (c *Conn) Subprotocol() string { return c.up.subprotocol(c.proto) }

// Busy reports whether the handler is running or is about to run for a queued item.
func (c *Conn) Busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

// QueuedBytes is the number of bytes waiting to be written.
func (c *Conn) QueuedBytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued
}
