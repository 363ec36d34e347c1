package load

// Talk describes the messages between clients and a server. All clients send the same.
type Talk struct {
	Hello   string // the first message of a client; empty: none
	Welcome string // the beginning of the answer to it

	Echo Exchange // answered to the sender
	Say  Exchange // sent to all clients

	Lines     bool   // a server may put several messages into one WebSocket message, one a line
	Heartbeat string // a message that is sent back unchanged and not counted; empty: none
	Deflate   bool   // offer permessage-deflate, and require it
}

// Exchange is a message and the exact replies to it.
type Exchange struct {
	Send string
	Want string // the reply to every connection
	Own  string // the sender's own reply, if it differs
	Ack  string // an additional reply to the sender; empty: none
}

// own is the sender's reply.
func (x Exchange) own() string {
	if x.Own != "" {
		return x.Own
	}
	return x.Want
}
