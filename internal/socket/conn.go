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
	// is called with it. If it returns false, Message is not called with it. ahead is the number of earlier messages:
	// those for which Message has been called or is about to be, and those that wait. Arrived is called under the
	// connection's lock: it must not block and must not call the connection's methods. Text is valid UTF-8; p is valid
	// during the call only. p is nil if the message is inflated only when its turn comes: a compressed message of more
	// than 512 bytes, or one that will turn out to be invalid.
	//
	// answer, unless it is nil, is valid UTF-8. It is written as a text message, together with the other answers to what
	// was read at the same time, and does not wait for the handler. It is never compressed.
	Arrived(p []byte, binary bool, ahead uint64) (answer []byte, waits bool)

	// Answered is called for each answer of Arrived that was queued, with its length. It may be called at the same time
	// as any other method, even after Closed, and must not block.
	Answered(bytes int)

	// Message handles one complete message; text is valid UTF-8. It may modify p but must not keep it: p is valid
	// during the call only.
	Message(p []byte, binary bool)

	// Event handles an item passed to Start or Post.
	Event(e any)

	// StillRunning is called when a Message or Event has run for more than about 5 ms. It may be called several times
	// during one of them, and it may be late: when that one has returned and the next one runs. It must not block.
	StillRunning()

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

	mu      sync.Mutex
	h       Handler   // nil before Start
	reports *[]report // for h, when mu is released; nil: none

	rest      []byte // the part of the current batch that is not parsed yet, in an inline run
	inbox     inbox
	delivered uint64        // messages for which the handler has been called, or is about to be
	resume    chan struct{} // closed when a paused reader may go on; nil: reading is not paused

	wake chan struct{} // closed to wake waitUntil; nil: no writer waits

	out    *[]byte // the cork buffer: the newest bytes of the send queue
	q      []chunk // the older chunks of the send queue
	queued int     // bytes in q and out
	index  *index  // of q; nil: q holds no keys and no holes

	cause      *closeCause // why the connection ends; nil: it is open
	closeTimer *time.Timer

	phase     phase
	input     inputState
	runner    runnerState
	handler   handlerState
	writer    writerState
	transport transportState
	ping      pingState

	// These facts do not follow from the states: each may be true or false in most of them.
	watched        bool // the sweeper lists the current run; changes several times during a run
	stackGrown     bool // the reader's goroutine has called handlers, so its stack may have grown
	turnTaken      bool // a writer has the turn: see WaitTurn
	unackedLimited bool // limitUnacknowledged has set a limit on the socket
	deadlineSet    bool // a read deadline for part is set on the transport

	forRefusal bool   // made by UpgradeToRefuse; never changes
	deflate    bool   // permessage-deflate was negotiated; never changes
	proto      uint16 // number of the negotiated subprotocol in the options, from 1; 0: none. Never changes

	inFlight       int32 // chunks of q that drain is writing
	discardedBytes int32 // bytes read since parsing ended

	runNo, tickRunNo uint32 // number of the current or last watched run; its value at the last idle tick
	runNode          runNode
	wheelNode        wheelNode
}

func newConn(u *Upgrader, nc net.Conn, proto uint16, deflate, forRefusal bool, early []byte) *Conn {
	c := &Conn{up: u, nc: nc, proto: proto, deflate: deflate, forRefusal: forRefusal}
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
	c.h, c.handler, c.runner = h, handlerStarted, runnerInline
	c.stackGrown = true
	if c.phase == phaseStopped {
		c.runner, c.stackGrown = runnerApart, false
		h.Closing()
	}
	if c.transport != transportOpen {
		c.callLost()
	}
	it := item{}
	if first != nil {
		it = item{kind: eventItem, e: first}
	}
	go c.startRun(it)
}

func (c *Conn) startRun(first item) {
	c.mu.Lock()
	if c.phase == phaseStopped {
		first = item{} // not counted as dropped: it came from Start's caller
	}
	reads := c.run(first)
	c.unlock()
	if reads {
		c.read()
	}
}

// Post queues an event after everything that was received or posted before. It returns ErrClosed if the connection has
// ended. It returns ErrQueueFull if Options.EventQueue events are waiting, and closes the connection with 1013.
func (c *Conn) Post(e any) error {
	c.mu.Lock()
	defer c.unlock()
	if c.phase != phaseOpen {
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
	return c.runner != runnerNone
}

// QueuedBytes is the number of bytes waiting to be written.
func (c *Conn) QueuedBytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued
}
