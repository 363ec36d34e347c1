// Package socket is the server's side of one WebSocket connection (RFC 6455). It knows bytes, not messages: it performs
// the opening handshake, assembles and checks what the client sends, queues and writes what the server sends, keeps the
// connection alive, closes it, and decides which goroutine calls the connection's [Handler].
//
// # One queue, one at a time
//
// Messages of the client and events given to [Conn.Post] form one queue in order of arrival. [Handler.Message] and
// [Handler.Event] are called one at a time, in that order; [Handler.Closed] is the last of them.
//
// Two tokens per connection move under the connection's lock only. Reading: one goroutine waits for the transport.
// Running: at most one goroutine calls the handler. R is the reader, W any other goroutine.
//
//	state    reading                  running                    leaves it by
//	idle     R, in the poller         free                       bytes: R takes running → inline; Post: a new W → split;
//	                                                             idle tick: a fresh R replaces R
//	inline   R                        R, from its read buffer,   nothing left: flush → idle; run older than 5 ms:
//	                                  then from the inbox        hand-over to a new R → split
//	split    R, fills the inbox       W                          inbox empty: W ends → idle; inbox full → paused
//	paused   R waits for room         W                          W takes an item: R goes on → split or inline
//	ending   nobody after a Close     whoever runs, context      the end of the queue: Close frame → closing;
//	         frame; after a           alive                      CloseTimeout → lost
//	         violation R discards
//	closing  R discards up to the     the item that runs         both directions done, or CloseTimeout: disconnected
//	         peer's Close frame       finishes, the others are
//	                                  dropped, Closed
//	lost     nobody                   the item that runs, told   it returns: Closed
//	                                  by Lost; the others are
//	                                  dropped
//
// In the state paused the peer meets back-pressure, its pings wait and the time-out of an incomplete message is suspended.
// Our pings go on, but no pong is awaited: it would stand behind unread data. A loss is a write that fails. Within
// PingInterval and PongTimeout this finds a peer that has closed or reset its socket, because its system resets a
// connection that is closed when a ping comes, and the next ping fails; and a peer whose system has acknowledged nothing for
// PongTimeout, on Linux (TCP_USER_TIMEOUT, RFC 5482, which also ends a peer that takes in nothing for that long). Other
// systems take minutes to give up a silent peer. A peer that only closes its write side is told when reading resumes.
//
// # Writing
//
// Writers never block. What is written with cork set waits, at most about 5 ms, for the end of the batch; everything else
// leaves at once with one non-blocking system call if nothing is queued before it, and else is queued up to
// Options.SendQueueBytes. What the kernel does not take is written by a goroutine that lives as long as the queue.
//
// On a bare *net.TCPConn of a Unix system reads and writes go through the raw connection: a read buffer is held only
// while there are bytes. Any other net.Conn (TLS, net.Pipe) is read and written by the blocking calls.
//
// # Compression
//
// permessage-deflate (RFC 7692) is agreed on without context takeover on either side, so that a connection at rest holds
// nothing for it and a [Frame] is deflated once for all its receivers, outside of any connection's lock, when the first
// one needs it. Messages of the client are put together and wait as they came, and are inflated when the handler is
// called with them, up to Options.MaxMessageBytes; only of those that wait, the first 512 bytes are inflated when they are
// read, because [Handler.Arrived] is to know short ones.
//
// The package has no goroutine, timer or channel of its own at package level: an [Upgrader] made inside a
// testing/synctest bubble works there, over net.Pipe.
package socket
