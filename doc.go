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
// Until the headers of a request are complete, net/http handles it. Without ReadHeaderTimeout and ReadTimeout a client
// that sends half a request holds a connection for ever, and the default of MaxHeaderBytes is 1 MB.
//
// # Frames
//
// Each text message is one JSON object, {"action": …, "payload": …, "ref": …}. The payload is the message; a type
// without fields has none. A message that carries a ref gets one final frame that carries it too, unless the connection
// ends first or the ref itself is refused; the items of a stream carry it before. A message that fails the checks of
// its type reaches no handler and is answered with a list of all errors in it; see package schema for the tags.
// docs/design.md describes the whole protocol.
//
// # Overview
//
//	handlers     On, OnRequest, OnStream, OnUnion   messages: no reply, one, many, several types in one switch
//	             OnEvent, Forward                   events from other connections and from the program
//	             Consumer.OnOpen, OnClose           the beginning and the end of a connection
//	declarations Sends, Broadcasts                  messages sent outside replies, and to groups
//	             Droppable, Latest                  of which a slow client may miss some, or gets the newest only
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
// does its stream. A client's heartbeat is {"action": "chanx.ping"}: unlike [Ping] it is answered while a handler runs.
// Package chanxtest tests all of it in memory.
//
// # Delivery, order, flow
//
// This is the contract.
//
//   - Frames and events of one connection form one queue in order of arrival and are handled one at a time, with OnOpen
//     first and OnClose last: the state needs no locks. Only the iterators of streams and handlers with [Concurrent] run
//     beside the queue; they must lock what they share. The methods of Conn may be called from any goroutine.
//   - While a handler runs, ping frames are answered, and a lost connection cancels the handler's context within 10 ms
//     if a core is free. Further messages wait, Ping included, but for chanx.cancel and chanx.ping. When the inbox is
//     full ([Limits].InboxFrames and InboxBytes), the socket is not read: the client meets backpressure, and its ping
//     frames wait. A client that is lost meanwhile is noticed by pings: see PingInterval.
//   - After a client's Close frame, the messages that it sent before are still handled, with a live context, for up to
//     CloseTimeout. When they have been handled, the contexts of streams and of handlers with Concurrent end, because the
//     client does not read any more. If the transport is lost instead, waiting messages are discarded and counted.
//   - What one connection sends, to itself or to one group, arrives in that order at each receiver. A message with
//     several targets reaches a receiver through the first target that it matches, and the order holds for messages
//     through the same target. The order between senders is not defined.
//   - Delivery is at most once. Nothing is dropped silently: [Server.Stats] counts it and the log has a line, at level
//     debug if the receiver does not declare the type.
//   - A client that reads slowly never delays others. The data that waits for it is bounded by SendQueueBytes; beyond
//     that its connection is closed with 1013, unless messages whose types are Droppable make room. Of a type with the
//     option Latest only the newest message of each key waits.
//   - A connection whose handlers are slow can delay Emit on its node, for at most a second, after the other receivers
//     have the event: see [Limits].EventQueue.
//   - [Conn.Broadcast] returns when the message is queued for every member on this node, behind all earlier ones, and
//     the channel layer has it. If the layer is down, only members on other nodes miss it, and the error wraps
//     [github.com/chanx-go/chanx/layer.ErrUnavailable].
//   - [Server.Shutdown] lets running handlers finish, closes with 1001 and waits for OnClose.
//
// Mistakes of the program, such as an unknown tag or an action handled twice, panic when the consumer is built or mounted.
// The text names the type, the place and the remedy. A panic of a handler never affects another connection.
package chanx
