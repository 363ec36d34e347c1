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
//	phase      open → ending or lastRun → stopped            what the handler still gets
//	input      parsed → skipped → discarded → ended          what is done with bytes from the peer
//	runner     reserved → none ⇄ inline → apart → none       who calls the handler
//	handler    none → started → lost → closed → returned     which final calls have been made
//	writer     idle ⇄ draining; → broken; idle → shut        who writes the send queue
//	transport  open → closing → closed → removed             the net.Conn
//	ping       none → sent → answered → none                 whether the peer is there
//
// Two tokens decide which goroutine does the work. They change hands only under the connection's lock. The goroutine
// with the reading token reads from the transport, the goroutine with the running token calls the handler. In the
// tables R is the reader and W is any other goroutine. While the connection is open:
//
//	         reading                runner                      transitions
//	idle     R, in the poller       none                        bytes: R takes running → inline; Post: a new W → split;
//	                                                            idle tick: a fresh R replaces R
//	inline   R                      inline: R handles its       nothing left: flush → idle; run older than 5 ms:
//	                                read buffer, then the inbox hand-over to a new R → split
//	split    R fills the inbox      apart: W                    inbox empty: W ends → idle; inbox full → paused
//	paused   R waits for room       apart: W                    W takes an item: R goes on → split or inline
//
// At its end:
//
//	         phase and transport    reading                     calls                             transitions
//	ending   ending                 nobody after a Close frame; items before the end item;        end item: Close frame
//	                                after a violation R         contexts stay alive               → closing;
//	                                discards                                                      CloseTimeout → lost
//	last run lastRun                as before                   the running one                   it returns: Close
//	                                                                                              frame → closing
//	closing  stopped                R discards up to the        the current one finishes, waiting closing handshake done,
//	                                peer's Close frame          items are dropped, then Closed    or CloseTimeout → lost
//	lost     stopped, and closing   nobody                      Lost, the current one finishes,
//	         or later                                           Closed
//
// The closing handshake (RFC 6455, section 7.1.2) is done when our Close frame is written and input has ended.
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
// Writers never block, except in [Conn.WaitTurn] and [Conn.WriteTurn]. A message written with cork set may wait for the
// end of the batch, at most about 5 ms. Any other message is written at once with one non-blocking system call if the
// queue is empty; otherwise it is queued, up to Options.SendQueueBytes. If the kernel does not accept all bytes, a
// goroutine writes the rest and ends when the queue is empty.
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
