// Package socket is the server side of one WebSocket connection (RFC 6455). It handles bytes and knows nothing of
// chanx's messages: it performs the opening handshake, reads and checks the client's frames, queues and writes the
// server's frames, keeps the connection alive, closes it, and decides which goroutine calls the connection's [Handler].
//
// # One queue, one at a time
//
// The client's messages and the events passed to [Conn.Post] form one queue in order of arrival. [Handler.Message] and
// [Handler.Event] are called one at a time, in that order. [Handler.Closed] is the last call.
//
// # States
//
// A connection is several small state machines. Each is a named type in state.go, with its transitions:
//
//	phase      open → ending or lastRun → stopped               which items the handler still gets
//	input      parsed → skipped → discarded → ended             what is done with bytes from the peer
//	runner     reserved → inline ⇄ none ⇄ apart; inline → apart who calls the handler
//	handler    none → started → lost → closed → returned        which of its final calls have been made
//	writer     idle ⇄ draining; either → broken; idle → shut    who writes the send queue
//	transport  open → closing → closed → removed                the net.Conn
//	ping       none → sent → answered → none                    whether the peer has answered
//
// Two tokens decide which goroutine does the work. They change hands only under the connection's lock. The goroutine
// with the reading token reads from the transport. The goroutine with the running token calls the handler; runner says
// who has it. In the table R is the reader and W is any other goroutine.
//
//	        reading           runner                      transitions
//	idle    R, in the poller  none                        bytes: R takes running → inline; Post: a new W → split;
//	                                                      idle tick: a fresh R replaces R
//	inline  R                 inline: R handles its read  nothing left: flush → idle; run older than 5 ms: hand-over
//	                          buffer, then the inbox      to a new R → split
//	split   R fills the inbox apart: W                    inbox empty: W ends → idle; inbox full → paused
//	paused  R waits for room  apart: W                    W takes an item: R goes on → split or inline
//
// The end of a connection has these steps:
//
//   - Phase ending: the items before the end item are handled, and their contexts stay alive. After the peer's Close
//     frame nobody reads; after a violation R discards what it reads. The end item stops the connection, and CloseTimeout
//     aborts it.
//   - Phase lastRun, after CloseAfter: R reads on. When the running call returns, the connection is stopped.
//   - Phase stopped: waiting items are dropped, our Close frame is written, and R skips input up to the peer's Close
//     frame. The running call finishes, then Closed is called. When our Close frame is written and input has ended, the
//     closing handshake is done (RFC 6455, section 7.1.2), and the transport is closed.
//   - Abort, CloseTimeout and the loss of the transport stop a connection in any phase, without a Close frame. The
//     transport is closed at once, and the running call gets Lost.
//
// # Paused reading
//
// A paused connection applies backpressure to the peer: its pings wait, and the timeout of an incomplete message is
// suspended. The server still sends pings but expects no pong, because a pong would wait after unread data. The loss of
// the connection shows as a failed write. Within PingInterval and PongTimeout this detects two cases. If the peer has
// closed or reset its socket, its system answers a ping with a reset, and the next ping fails. On Linux, if the peer's
// system has acknowledged nothing for PongTimeout, the write fails too (TCP_USER_TIMEOUT, RFC 5482; this also ends a
// peer that accepts no data for that long). Other systems take minutes to give up a silent peer. If the peer closes
// only its write side, this is noticed when reading resumes.
//
// # Writing
//
// Writers never block, except in [Conn.WaitTurn] and [Conn.WriteTurn]. A message written with cork set may wait until
// no more items wait for the handler, at most about 5 ms. Any other message is written at once with one non-blocking
// system call if the queue is empty; otherwise it is queued, up to Options.SendQueueBytes. If the kernel does not
// accept all bytes, a goroutine writes the rest and ends when the queue is empty.
//
// For a bare *net.TCPConn on a Unix system, reads and writes use the raw connection, and a read buffer is held only
// while it contains bytes. Any other net.Conn (TLS, net.Pipe) is read and written with blocking calls.
//
// # Compression
//
// permessage-deflate (RFC 7692) is negotiated without context takeover in either direction. So an idle connection holds
// no compression state, and a [Prepared] message is compressed once for all receivers: when the first of them needs it,
// outside any connection's lock. The client's messages are assembled and queued in compressed form. They are inflated
// when the handler is called, up to Options.MaxMessageBytes. Only for messages that have to wait, up to 512 inflated
// bytes are inflated when they are read, because [Handler.Arrived] needs the text of short ones.
//
// The package has no goroutine, timer or channel at package level: an [Upgrader] made inside a testing/synctest bubble
// works there, over net.Pipe.
package socket
