// Package chanx serves typed messages over WebSockets.
//
// An application defines its messages as Go types, each of which names its action, and its handlers as methods of a struct
// that embeds [*Conn]. A [Consumer] registers them. From the same types chanx routes, validates and documents messages. A
// [Server] mounts consumers at patterns of net/http and keeps the groups through which connections, and other parts of the
// program, reach each other.
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
// Until a request is complete, net/http handles it. Without ReadHeaderTimeout and ReadTimeout a client that sends half a
// request holds a connection for ever, and the default of MaxHeaderBytes is 1 MB. These settings do not affect connections
// that are open.
//
// # Frames
//
// Each text message is one JSON object, {"action": …, "payload": …, "ref": …}. The payload is the message; a type
// without fields has none. A message that carries a ref is answered with exactly one frame that carries it too. A message
// that fails the checks of its type reaches no handler and is answered with a list of all errors in it; see package schema
// for the tags. docs/design.md describes the whole protocol.
//
// # Overview
//
//	handlers     On, OnRequest, OnStream, OnUnion   messages: no reply, one, many, several types in one switch
//	             OnEvent, Forward                   events from other connections and from the program
//	             Consumer.OnOpen, OnClose           the beginning and the end of a connection
//	declarations Sends, Broadcasts                  messages sent outside replies, and to groups
//	             Droppable, Latest                  messages that need not wait for a slow client
//	sending      Conn.Send, Broadcast, Emit         from a connection
//	             Server.Broadcast, Emit             from anywhere, to a [Target]: To, ToUser, ToConn, All, Local
//	             OnNode, Nodes                      events for the servers themselves
//	commands     Server.Disconnect, Join, Leave     for connections on any node
//	opening      Authenticator, Refuse              authentication and authorisation
//	             NewConsumerWith                    typed parameters of the path and the query
//	errors       NewError, Refuse, CloseError       what a client is told of an error; any other is logged
//	around       Consumer.Use, Observer             middleware; metrics and traces
//	description  Server.Spec                        everything registered, as plain JSON
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
//     beside the queue; they must lock what they share. The methods of Conn may be called from any goroutine.
//   - While a handler runs, pings are answered, and a lost connection cancels the handler's context within 10 ms if a
//     core is free. Further frames wait. When [Limits].InboxFrames or InboxBytes wait, the socket is not read: the client
//     meets back-pressure, and its pings wait. A client that is lost meanwhile is noticed within PingInterval and
//     PongTimeout: by a ping that cannot be written, or on Linux by bytes that its system does not acknowledge. Other
//     systems take minutes to give up a client that vanishes without closing its socket.
//   - After a client's Close frame, the messages that it sent before are still handled, with a live context, for up to
//     CloseTimeout. When they have been handled, the contexts of streams and of handlers with Concurrent end, because the
//     client does not read any more. If the transport is lost instead, waiting messages are discarded and counted.
//   - What one connection sends, to itself or to one group, arrives in that order at each receiver. With several
//     targets, this holds for receivers that match the same one. The order between senders is not defined.
//   - Delivery is at most once. Nothing is dropped silently: every drop has a counter and a line in the log.
//   - A slow receiver never slows the others. The data that waits for it is bounded by SendQueueBytes; beyond that it is
//     disconnected with 1013, unless messages whose types are Droppable make room. Of a type with the option Latest only
//     the newest message of each key waits.
//   - [Conn.Emit] and [Server.Emit] wait for connections on the same node that have more than EventQueue events to handle,
//     for at most a second, after the other receivers have the event. See [Limits].EventQueue.
//   - [Conn.Broadcast] returns when the message is in order for every member on this node, the sender's own copy is in its
//     queue, and the channel layer has it. If the layer is down, members on this node receive it all the same, and the
//     error wraps [github.com/chanx-go/chanx/layer.ErrUnavailable].
//   - [Server.Shutdown] lets handlers finish, runs OnClose and closes with 1001.
//
// Mistakes of the program, such as an unknown tag or an action handled twice, panic when the consumer is built or mounted.
// The text names the type, the place and the remedy. A panic of a handler never affects another connection.
package chanx
