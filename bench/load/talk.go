package load

// Talk is what clients say to a server and hear from it. All clients say the same.
type Talk struct {
	Hello   string // the first message of a client; empty: none
	Welcome string // how the answer to it begins

	Echo Exchange // answered to the sender
	Say  Exchange // answered to everybody

	Lines     bool   // a server may put several messages into one WebSocket message, one a line
	Heartbeat string // a message that is sent back as it is and counts for nothing; empty: none
	Deflate   bool   // offer permessage-deflate, and insist on it
}

// Exchange is a message and the replies to it, to the byte.
type Exchange struct {
	Send string
	Want string // the reply to every connection
	Own  string // the sender's own reply, if it differs
	Ack  string // what the sender hears besides; empty: nothing
}

// own is the sender's reply.
func (x Exchange) own() string {
	if x.Own != "" {
		return x.Own
	}
	return x.Want
}
