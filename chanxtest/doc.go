// Package chanxtest tests what an application builds with chanx: it connects to a server in memory and speaks its
// protocol, without a port and without sleeping.
//
//	srv := chanx.NewServer(nil)
//	srv.Handle("/ws/rooms/{room}", chat.New())
//	alice := chanxtest.Dial(t, srv, "/ws/rooms/lobby", nil)
//	alice.Send(chat.ChatMessage{…})
//	got := chanxtest.Receive[chat.ChatGroupMessage](alice)
//	if got.Message.Content != "hi" || !got.IsCurrent { … }
//
// What is not as expected ends the test through its [testing.TB], and the text shows the frames that came instead.
// A wait is bounded by DialOptions.Timeout; inside a testing/synctest bubble it costs no time, and after synctest.Wait
// [Conn.Pending] is all that has come.
//
// The client is an implementation of RFC 6455 that shares no code with the server's.
package chanxtest
