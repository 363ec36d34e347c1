package socket

// A Conn has several small state machines, all guarded by its lock. Each type of this file is one of them, and lists its
// transitions. Some are one-way: a Conn never returns to an earlier constant, so constants may be compared with < and >.
// The method check of the tests states which combinations of states exist.

// A phase says which items the handler still gets. It is one-way.
//
//	open ── CloseAfter during a call ──────────────► lastRun ── the call returns ──► stopped
//	open ── peer's Close frame, or its violation ──► ending  ── its turn comes ────► stopped
//	any  ── Close, Abort, a loss, a full queue ────────────────────────────────────► stopped
//
// Any goroutine that holds the lock makes these transitions. A Close frame or a violation during the last run changes
// the input only. The cause of the end is recorded when phaseOpen is left. In phaseStopped our Close frame has been
// queued, or the transport is lost: nothing more may be written.
type phase uint8

const (
	phaseOpen    phase = iota
	phaseEnding        // an endItem is queued; the items before it are handled
	phaseLastRun       // the running call is the last one; reading goes on, so that pings are answered
	phaseStopped       // no more items are handled
)

// An inputState says what is done with bytes from the peer. It is one-way.
//
//	parsed ── the phase becomes stopped ──► skipped
//	parsed, skipped ── the peer violates the protocol ──► discarded
//	any ── the peer's Close frame has been read, or a read fails ──► ended
//
// The goroutine that stops the connection makes the first transition. It may also find a violation or a Close frame in
// bytes that were read before. Otherwise the holder of the reading token makes the transitions.
type inputState uint8

const (
	inputParsed    inputState = iota // messages are handled or queued, pings are answered
	inputSkipped                     // frames are parsed only to count lost messages and to find the peer's Close frame
	inputDiscarded                   // frame boundaries are unknown: bytes are discarded until the peer closes its side
	inputEnded                       // nothing more is read
)

// A runnerState says who has the running token, that is, who calls the handler.
//
//	reserved ── Start ──► inline, or apart if the connection was closed before
//	none ── the reader has read bytes ──► inline
//	none ── ensureRunner: an event is posted, or the connection ends ──► apart
//	inline ── another goroutine takes over reading ──► apart
//	inline, apart ── no items are left ──► none
//
// Another goroutine takes over reading when the sweeper finds that the run is slow, when a handler calls
// runtime.Goexit, and before Closed is called. Whoever finds the token free may take it; only its holder gives it up.
type runnerState uint8

const (
	runnerReserved runnerState = iota // kept for Start
	runnerNone                        // free
	runnerInline                      // the reader has it, that is, the holder of the reading token
	runnerApart                       // another goroutine has it
)

// A handlerState says which of the handler's final calls have been made. It is one-way.
//
//	none ── Start ──► started ── Lost is called ──► lost ── Closed is called ──► closed ── it returns ──► returned
//
// Lost is called by disconnect or, if that came first, by Start. The runner calls Closed, and Lost just before it if the
// transport is still open, because the peer has not answered our Close frame yet.
type handlerState uint8

const (
	handlerNone     handlerState = iota // Conn.h is nil
	handlerStarted                      // Message and Event may be called
	handlerLost                         // a Message or Event may still run
	handlerClosed                       // Closed runs
	handlerReturned                     // Closed has returned
)

// A writerState says who writes the send queue to the transport.
//
//	idle ── the transport does not accept all bytes at once ──► draining ── the queue is empty ──► idle
//	idle, draining ── a write fails ──► broken
//	idle ── input is discarded, and the Close frame is written ──► shut
//
// Only the goroutine that runs drain makes the transitions from draining.
type writerState uint8

const (
	writerIdle     writerState = iota // the goroutine that queues a frame also writes it, or corks it
	writerDraining                    // a goroutine that runs drain writes; all others only queue
	writerBroken                      // a write has failed: what is queued is discarded
	writerShut                        // the write side is shut down, so that the peer closes its side
)

// A transportState is the state of the net.Conn. It is one-way.
//
//	open ── disconnect ──► closing ── its Close returns ──► closed ── unregister ──► removed
//
// disconnect is called when the closing handshake is done, by Abort, and when the transport fails. unregister waits until
// drain has ended and Closed has returned.
type transportState uint8

const (
	transportOpen transportState = iota
	transportClosing
	transportClosed
	transportRemoved // closed, and the Conn is no longer counted as open
)

// A pingState says whether the peer has answered the last ping. Any bytes count as an answer.
//
//	none ── a ping is sent ──► sent ── bytes are read, or the pause of reading ends ──► answered
//	answered ── the tick after PongTimeout ──► none
//
// Without PongTimeout there is no such tick, and the next ping follows sent or answered.
type pingState uint8

const (
	pingNone pingState = iota
	pingSent
	pingAnswered
)

// canWrite reports whether more frames may be queued. The caller holds mu.
func (c *Conn) canWrite() bool { return c.phase != phaseStopped && c.writer != writerBroken }

// canRead reports whether somebody must have the reading token. The caller holds mu.
func (c *Conn) canRead() bool { return c.input != inputEnded && c.transport == transportOpen }

// paused reports whether the reader waits for room in the inbox. The caller holds mu.
func (c *Conn) paused() bool { return c.resume != nil }

// awaitsPong reports whether the next tick checks that a ping was answered. The caller holds mu.
func (c *Conn) awaitsPong() bool { return c.ping != pingNone && c.up.opt.PongTimeout > 0 }
