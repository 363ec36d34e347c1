// Package chanx serves typed messages over WebSockets.
//
// An application writes its messages as Go types, each of which names its action, and handlers as methods of a struct
// that embeds [*Conn]. A [Consumer] registers them; from the same types chanx routes, validates and documents what
// travels. A [Server] mounts consumers at patterns of net/http and keeps the groups through which connections, and other
// parts of the program, reach each other.
//
//	type Room struct {
//		*chanx.Conn
//		name string
//	}
//
//	func New() *chanx.Consumer[Room] {
//		room := chanx.NewConsumer(open, nil)
//		chanx.On(room, (*Room).chat)
//		chanx.Broadcasts[ChatGroupMessage](room)
//		return room
//	}
//
//	func (r *Room) chat(ctx context.Context, m ChatMessage) error {
//		return r.Broadcast(ctx, ChatGroupMessage(m), chanx.To(r.name))
//	}
//
//	srv := chanx.NewServer(nil)
//	srv.Handle("/ws/rooms/{room}", New())
//	web := &http.Server{
//		Addr: "localhost:8080", Handler: srv,
//		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
//	}
//	err := web.ListenAndServe()
//
// Until a request is complete it is net/http's: without ReadHeaderTimeout and ReadTimeout, whoever sends half a request
// holds a connection for ever, and MaxHeaderBytes is 1 MB. They do not concern connections that are open.
//
// # Frames
//
// Each text message is one JSON object, {"action": …, "payload": …, "ref": …}. The payload is the message; a type
// without fields has none. A message that carries a ref is answered with exactly one frame that carries it too. What does
// not pass the checks of its type reaches no handler and is answered with all that is wrong with it; see package schema
// for the tags. docs/design.md has the protocol whole.
//
// # What there is
//
//	handlers     On, OnRequest, OnStream, OnUnion   messages: no reply, one, many, several types in one switch
//	             OnEvent, Forward                   events of other connections and of the program
//	             Consumer.OnOpen, OnClose           the beginning and the end of a connection
//	declared     Sends, Broadcasts                  what is sent outside replies, and to groups
//	             Droppable, Latest                  what need not wait for a slow client
//	to send      Conn.Send, Broadcast, Emit         from a connection
//	             Server.Broadcast, Emit             from anywhere, to a [Target]: To, ToUser, ToConn, All, Local
//	             OnNode, Nodes                      events for the servers themselves
//	commands     Server.Disconnect, Join, Leave     to connections on any node
//	opening      Authenticator, Refuse, PathValue   who it is, whether it may, what the path says
//	around       Consumer.Use, Observer             middleware; metrics and traces
//	described    Server.Spec                        everything registered, as plain JSON
//
// A client cancels a message by its ref with {"action": "chanx.cancel", "ref": …}: the context of its handler ends, and so
// does its stream. Package chanxtest tests all of it in memory.
//
// # Delivery, order, flow
//
// This is the contract.
//
//   - Frames and events of one connection form one queue in order of arrival and are handled one at a time, with OnOpen
//     first and OnClose last: the state needs no locks. Only the iterators of streams and handlers with [Concurrent] run
//     beside it; they must lock what they share. The methods of Conn may be called from anywhere.
//   - While a handler runs, pings are answered, and a lost connection cancels the handler's context within 10 ms while a
//     core is free. Further frames wait; when [Limits].InboxFrames or InboxBytes wait, the socket is not read, so that the
//     client meets back-pressure and its pings wait. A client that is lost meanwhile is noticed within PingInterval and
//     PongTimeout: by a ping that cannot be written, or on Linux by bytes that its system does not acknowledge. Other
//     systems take minutes to give up a client that vanishes without closing its socket.
//   - After a client's Close frame, what it sent before still runs, with a live context, up to CloseTimeout. When all of
//     that has had its turn, the contexts of streams and of handlers with Concurrent end: the client reads nothing any
//     more. If the transport is lost instead, what waits is discarded and counted.
//   - What one connection sends, to itself or to one group, arrives in that order at each receiver; with several
//     targets, this holds for receivers that match the same one. Order between senders is not defined.
//   - Delivery is at most once. Nothing is dropped silently: every drop has a counter and a line in the log.
//   - A receiver that does not keep up never slows the others: what waits for it is bounded by SendQueueBytes, then it is
//     disconnected with 1013, unless messages whose types are Droppable make room. Of a type given to Latest only the
//     newest of each key waits.
//   - [Conn.Emit] and [Server.Emit] wait for connections on the same node that have more than EventQueue events to handle,
//     for at most a second, when the other receivers have the event. See [Limits].EventQueue.
//   - [Conn.Broadcast] returns when the message is in order for every member on this node, the sender's own copy in its
//     queue, and with the channel layer. If the layer is down, members on this node get it all the same, and the error
//     wraps [github.com/chanx-go/chanx/layer.ErrUnavailable].
//   - [Server.Shutdown] lets handlers finish, runs OnClose and closes with 1001.
//
// Mistakes of the program, such as a tag that means nothing or an action handled twice, panic when the consumer is built
// or mounted, with the type, the place and the mend. No panic of a handler leaves its connection.
package chanx
