// Package chanxtest tests what an application builds with chanx: it connects to a server in memory and speaks its
// protocol, without a port and without sleeping.
//
//	srv := chanx.NewServer(&chanx.ServerOptions{Completions: true})
//	srv.Handle("/ws/rooms/{room}", chat.New())
//	alice := chanxtest.Dial(t, srv, "/ws/rooms/lobby", nil)
//	alice.Send(chat.ChatMessage{…})
//	got := chanxtest.Receive[chat.ChatGroupMessage](alice)
//	if got.Message.Content != "hi" || !got.IsCurrent { … }
//
// # What there is
//
//	connect      Dial                       as any user, by DialOptions: Identity, or Header with Bearer or Cookies
//	             DialRefused                answered with a plain HTTP status
//	             Conn.Resume                ends DialOptions.Paused, a client that does not read
//	             Conn.Subprotocol           what was agreed on
//	             Conn.ExpectAuthenticated   the authentication message of success
//	             Conn.ExpectRefused         that of a refusal, and the close that follows it
//	send         Conn.Send, SendRef         a message, with a ref
//	             Conn.SendText, SendBinary  anything
//	             Conn.Cancel                ends the handling of a message by its ref
//	receive one  Receive                    the next message, which must be of that type
//	             ReceiveUntil               the next message of that type, passing over others
//	             Request                    sends a message and returns its reply
//	             Conn.ExpectError           a handler's error
//	             Conn.ExpectInvalid         a validation error
//	             Conn.Next, Pending         the text of frames, whatever they are
//	receive many Conn.All                   up to the completion of all that was sent
//	             Conn.AllGroup, AllEvent    up to the completion of a group message, of an event
//	             CollectUntil               up to a message of that type
//	             Stream                     sends a message and yields what its stream does
//	             Decode                     makes a typed message of one of them
//	nothing      Conn.ExpectNothing         no more messages
//	the end      Conn.ExpectClosed, Ended   the close code and reason
//	             Conn.Close, Abort          from this side
//	no client    Recorder                   what a server broadcasts and emits
//	no broker    NewLayer                   a channel layer that the test takes down, and up again
//	everything   Transcript                 a conversation, compared with a file
//
// Which way to receive? Receive says the most about what should come. ReceiveUntil is for what may come between others.
// All, AllGroup and AllEvent need to know nothing of what comes: switch ServerOptions.Completions on for them. Completion
// frames are passed over by everything but Next and Pending, unless they are what is asked for.
//
// # Checks
//
// What is not as expected ends the test through its [testing.TB], and the text shows the frames that came instead. A wait
// is bounded by DialOptions.Timeout; inside a testing/synctest bubble it costs no time, and after synctest.Wait
// [Conn.Pending] is all that has come.
//
// A server does not validate what it sends. Here, each frame that a connection gets is held against the type that its
// consumer declares for the action, and one that does not pass fails the test, received or not. DialOptions.AllowInvalid
// switches that off.
//
// A handler that calls FailNow of a test has failed its message, as by a panic: the client is told "internal", and the
// test is marked as failed but goes on, for it runs in a goroutine of its own.
//
// Servers of a test are made with options like any other: what a test wants different, such as its limits, it gives to
// chanx.NewServer.
//
// The client is an implementation of RFC 6455 that shares no code with the server's.
package chanxtest
