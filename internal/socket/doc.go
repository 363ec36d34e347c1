// Package socket is the server side of one WebSocket connection (RFC 6455). It handles bytes and knows nothing of
// chanx's messages: it performs the opening handshake, reads and checks the client's frames, queues and writes the
// server's frames, keeps the connection alive, closes it, and decides which goroutine calls the connection's [Handler].
//
// # One queue, one at a time
//
// The client's messages and the events passed to [Conn.Post] form one queue in order of arrival. [Handler.Message] and
// [Handler.Event] are called one at a time, in that order. [Handler.Closed] is the last call.
//
// Each connection has two tokens, which change hands only under the connection's lock. The goroutine with the reading
// token reads from the transport. The goroutine with the running token calls the handler. In the table R is the reader
// and W is any other goroutine.
//
//	state    reading                  running                    transitions
//	idle     R, in the poller         free                       bytes: R takes running → inline; Post: a new W → split;
//	                                                             idle tick: a fresh R replaces R
//	inline   R                        R, from its read buffer,   nothing left: flush → idle; run older than 5 ms:
//	                                  then from the inbox        hand-over to a new R → split
//	split    R, fills the inbox       W                          inbox empty: W ends → idle; inbox full → paused
//	paused   R waits for room         W                          W takes an item: R goes on → split or inline
//	ending   nobody after a Close     the current runner;        the end of the queue: Close frame → closing;
//	         frame; after a           contexts stay alive        CloseTimeout → lost
//	         violation R discards
//	closing  R discards up to the     the current item           both directions done, or CloseTimeout: disconnected
//	         peer's Close frame       finishes, the others are
//	                                  dropped, then Closed
//	lost     nobody                   the current item gets      the current item returns: Closed
//	                                  Lost and finishes, the
//	                                  others are dropped
//
// In the state paused the peer meets back-pressure: its pings wait, and the timeout of an incomplete message is
// suspended. The server still sends pings but expects no pong, because a pong would wait behind unread data. The loss
// of the connection shows as a failed write. Within PingInterval and PongTimeout this detects two cases. If the peer
// has closed or reset its socket, its system answers a ping with a reset, and the next ping fails. On Linux, if the
// peer's system has acknowledged nothing for PongTimeout, the write fails too (TCP_USER_TIMEOUT, RFC 5482; this also
// ends a peer that accepts no data for that long). Other systems take minutes to give up a silent peer. If the peer
// closes only its write side, this is noticed when reading resumes.
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
// no compression state, and a [Frame] is compressed once for all receivers: when the first of them needs it, outside
// any connection's lock. The client's messages are assembled and queued in compressed form. They are inflated when the
// handler is called, up to Options.MaxMessageBytes. Only for messages that have to wait, up to 512 inflated bytes are
// inflated when they are read, because [Handler.Arrived] needs the text of short ones.
//
// The package has no goroutine, timer or channel at package level: an [Upgrader] made inside a testing/synctest bubble
// works there, over net.Pipe.
package socket
