// Package chanxtest tests applications built with chanx. It connects to a server in memory and speaks its protocol as a
// client, without a port and without sleeping.
//
//	srv := chanx.NewServer(&chanx.ServerOptions{Completions: true})
//	srv.Handle("/ws/rooms/{room}", chat.New())
//	alice := chanxtest.Dial(t, srv, "/ws/rooms/lobby", nil)
//	alice.Send(chat.ChatMessage{…})
//	got := chanxtest.Receive[chat.ChatGroupMessage](alice)
//	if got.Message.Content != "hi" || !got.IsCurrent { … }
//
// # Overview
//
//	connect      Dial                       as any user: DialOptions.Identity, or Header with Bearer or Cookies
//	             DialRefused                expects a plain HTTP status
//	             Conn.Resume                ends DialOptions.Paused, a client that does not read
//	             Conn.Subprotocol           the negotiated subprotocol
//	             Conn.ExpectAuthenticated   the authentication message of success
//	             Conn.ExpectRefused         the authentication message of a refusal, and the close after it
//	send         Conn.Send, SendRef         a message, with a ref
//	             Conn.SendText, SendBinary  any text or bytes
//	             Conn.Cancel                cancels the handling of a message by its ref
//	receive one  Receive                    the next message, which must be of that type
//	             ReceiveUntil               the next message of that type, skipping others
//	             Request                    sends a message and returns its reply
//	             Conn.ExpectError           a handler's error
//	             Conn.ExpectInvalid         a validation error
//	             Conn.Next, Pending         the text of frames of any kind
//	receive many Conn.All                   until all sent messages are complete
//	             Conn.AllGroup, AllEvent    up to the completion of a group message, of an event
//	             CollectUntil               up to a message of that type
//	             Stream                     sends a message and yields the replies of its stream
//	             Decode                     converts one of these frames to a typed message
//	nothing      Conn.ExpectNothing         no more messages
//	the end      Conn.ExpectClosed, Ended   the close code and reason
//	             Conn.Close, Abort          from this side
//	no client    Recorder                   records what a server broadcasts and emits
//	no broker    NewLayer                   a channel layer that the test takes down and up
//	everything   Transcript                 a conversation, compared with a file
//
// Which way to receive? Receive is the strictest. ReceiveUntil is for a message that may come between others. All,
// AllGroup and AllEvent do not depend on which frames come; they need ServerOptions.Completions. All functions except
// Next and Pending skip completion frames, unless the caller asks for one.
//
// # Checks
//
// An unmet expectation ends the test through its [testing.TB], and the failure shows the frames that arrived instead.
// DialOptions.Timeout limits each wait. Inside a testing/synctest bubble waiting costs no time, and after synctest.Wait
// [Conn.Pending] returns everything that has arrived.
//
// A server does not validate what it sends. This package does: each frame that a connection receives is checked against
// the type that its consumer declares for the action. A frame that does not match fails the test, even if the test
// never receives it. DialOptions.AllowInvalid switches the check off.
//
// If a handler calls FailNow of a test, its message fails as after a panic: the client gets the error "internal". The
// test is marked as failed but continues, because the handler runs in another goroutine.
//
// A test makes its server with chanx.NewServer, like any application, and passes the options that it needs, such as
// limits.
//
// The client implements RFC 6455 without sharing code with the server.
package chanxtest
