package chanx

import (
	"time"

	"github.com/chanx-go/chanx/internal/socket"
	"github.com/chanx-go/chanx/schema"
)

// Limits bound what a client can make a server do. In each field zero is the default and a negative value switches the
// limit off.
type Limits struct {
	// MaxMessageBytes is the length of one message of a client, in bytes, inflated; default 64 KiB. A longer one closes the
	// connection with 1009 before memory is taken for it.
	MaxMessageBytes int

	// MessageTimeout is the time from a message's first byte to its last; default 10 s. Beyond it: close 1008.
	MessageTimeout time.Duration

	// MaxFragments is the number of fragments of a message; default 128. Beyond it: close 1008.
	MaxFragments int

	// MaxDepth is how deep JSON may nest; default 32. Deeper is json_invalid.
	MaxDepth int

	// MaxErrors is the number of items in a validation error; default 20. Further ones are left out.
	MaxErrors int

	// MaxInvalid is the number of invalid frames within a minute; default 100. One more closes with 1008.
	MaxInvalid int

	// InboxFrames and InboxBytes bound the messages of a connection that wait for a running handler; default 16 and
	// 128 KiB. Beyond them the connection is not read.
	InboxFrames, InboxBytes int

	// EventQueue is the number of events that wait for a connection; default 256. Beyond it Emit on the same node waits
	// until half of them have been handled, for at most one second. A connection that has handled none of them in that
	// second is closed with 1013. So is one for which eight times as many events wait: its own handlers and other nodes
	// cannot wait for it, and nobody waits for it again before it has caught up.
	EventQueue int

	// MaxGroups is the number of groups that a connection may be in; default 128. Beyond it Join is an error.
	MaxGroups int

	// SendQueueBytes is what may wait to be sent to a client, in bytes; default 1 MiB. Beyond it: close 1013. Items of
	// streams wait instead, before they are encoded, while more than half of it is in use. One message that is longer is
	// accepted while nothing else waits.
	SendQueueBytes int

	// WriteTimeout is how long the queue of a client may stand still; default 10 s. Then it is disconnected.
	WriteTimeout time.Duration

	// HandshakeTimeout bounds the answer to the opening handshake; default 10 s.
	HandshakeTimeout time.Duration

	// OpenTimeout bounds the request's context in an Authenticator and in open together; default 10 s. A channel layer that does
	// not answer is given a quarter of what is left of it, before open and in each Join in open; then the opening goes on.
	OpenTimeout time.Duration

	// PublishTimeout bounds each wait for the channel layer: to take over a broadcast, event or command, to subscribe to a
	// group, to close; default 10 s.
	PublishTimeout time.Duration

	// SubscriptionLinger is how long the channel layer goes on with a group, or a user, that has lost its last member on
	// this node; default 5 s. Who comes back within it, as by reloading a page, costs the broker nothing.
	SubscriptionLinger time.Duration

	// CloseTimeout bounds the frames that are still handled after a client's Close frame, the wait for the client's
	// Close after ours, and OnClose; default 5 s.
	CloseTimeout time.Duration

	// HandlerTimeout is how long a handler may take, a stream included; off by default. Then its context ends, and an
	// error that it returns is told as "timeout". Timeout overrides it for one handler.
	HandlerTimeout time.Duration

	// SlowHandler is how long a handler may run before the log says so, once a call; default 10 s. It is about handlers of
	// messages and events with their middleware, streams until their end, OnOpen, OnClose, and about an Authenticator and
	// open together. A stream that is meant to go on is told too. The call goes on: see HandlerTimeout.
	SlowHandler time.Duration

	// MaxConcurrent is the number of streams and of handlers with Concurrent that run for one connection at a time;
	// default 8. One more is told "too_busy".
	MaxConcurrent int

	// Rate is how fast a client may send; off by default. A message beyond it is told "rate_limited" and not decoded.
	// A client that goes on beyond it for a minute is closed with 1008: see Rate.
	Rate Rate

	// PingInterval is the time between two pings, jittered; default 25 s. PongTimeout is how long the answer may
	// take; default 10 s. Then the client is disconnected. While its inbox is full, the socket is not read and no answer
	// is awaited: the client is disconnected when a ping cannot be written, or, on Linux, when its system has
	// acknowledged nothing for PongTimeout. With PingInterval off, a client that is lost then is not noticed.
	PingInterval, PongTimeout time.Duration

	// MaxConnections is the number of connections of this server; off by default. Beyond it: HTTP 503.
	//
	// A connection counts from the beginning of its opening until the server sends its Close frame, refuses it or loses
	// it. Its socket may stay for up to CloseTimeout after that, and OnClose may still run. These have bounds of their own,
	// derived from MaxConnections. Beyond MaxConnections (at least 16) closing sockets, and beyond MaxConnections (at least
	// 1,000) connections whose OnClose has not returned: HTTP 503. At a time MaxConnections (from 16 to 1,000) clients are
	// told why they are refused, and 1,000 while it is off. Beyond that a refused client gets the plain HTTP status, as with
	// ServerOptions.RefuseWithHTTP.
	MaxConnections int

	// MaxConnectionsPerUser is the number of connections of one user to this server; off by default, and for anonymous
	// connections. They count as for MaxConnections. Beyond it a connection is refused with 4429: a client should try again
	// after at least 5 s. A client that lost its network counts until the server notices, which takes up to PingInterval
	// and PongTimeout: leave room for it.
	MaxConnectionsPerUser int
}

// orDefault gives zero its default, and for a negative value what off means.
func orDefault[T int | time.Duration](v, def, off T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return off
	}
	return v
}

const (
	maxInt      = int(^uint(0) >> 1)
	maxDuration = time.Duration(1<<63 - 1)
)

// withDefaults resolves the limits that this package enforces itself.
func (l Limits) withDefaults() Limits {
	l.MaxInvalid = orDefault(l.MaxInvalid, 100, maxInt)
	l.MaxGroups = orDefault(l.MaxGroups, 128, maxInt)
	l.MaxConnections = orDefault(l.MaxConnections, maxInt, maxInt)
	l.MaxConnectionsPerUser = orDefault(l.MaxConnectionsPerUser, maxInt, maxInt)
	l.OpenTimeout = orDefault(l.OpenTimeout, 10*time.Second, maxDuration)
	l.PublishTimeout = orDefault(l.PublishTimeout, 10*time.Second, maxDuration)
	l.SubscriptionLinger = orDefault(l.SubscriptionLinger, 5*time.Second, 0)
	l.HandlerTimeout = orDefault(l.HandlerTimeout, maxDuration, maxDuration)
	l.SlowHandler = orDefault(l.SlowHandler, 10*time.Second, maxDuration)
	l.MaxConcurrent = orDefault(l.MaxConcurrent, 8, maxInt)
	l.EventQueue = orDefault(l.EventQueue, 256, maxInt)
	l.CloseTimeout = orDefault(l.CloseTimeout, 5*time.Second, maxDuration)
	return l
}

func (l Limits) schema() schema.Limits {
	return schema.Limits{MaxDepth: l.MaxDepth, MaxErrors: l.MaxErrors}
}

func (l Limits) socket(o *ServerOptions) socket.Options {
	return socket.Options{
		Origins: o.Origins, Hosts: o.Hosts, Subprotocols: o.Subprotocols,
		MaxMessageBytes: l.MaxMessageBytes, MessageTimeout: l.MessageTimeout, MaxFragments: l.MaxFragments,
		InboxFrames: l.InboxFrames, InboxBytes: l.InboxBytes, EventQueue: l.hardEventQueue(), SendQueueBytes: l.SendQueueBytes,
		WriteTimeout: l.WriteTimeout, HandshakeTimeout: l.HandshakeTimeout, CloseTimeout: l.CloseTimeout,
		PingInterval: l.PingInterval, PongTimeout: l.PongTimeout,
	}
}

// Rate is how many messages a connection may send: Burst at once, and PerSecond in the long run. A PerSecond of zero or
// less is no limit; a Burst below one is PerSecond, and at least one.
//
// Every message counts: binary and invalid ones too, because a message is counted before it is decoded, and cancels, which
// are obeyed beyond the rate as well. A connection whose messages have been refused for a minute is closed with 1008. The
// minute begins anew after five seconds without a refused message, or when the client has sent nothing for as long as it
// takes to regain Burst, at least a second: a client that is over its rate now and then is never closed.
type Rate struct {
	PerSecond float64
	Burst     int
}

// bucket is what a connection has left of its rate. It belongs to the goroutine that handles messages.
type bucket struct {
	used  float64 // messages that have not been forgotten yet
	since time.Time

	refusing, refused time.Time // the first and the last message that was refused, without a pause between
}

const (
	refusedFor   = time.Minute
	refusedPause = 5 * time.Second
)

// take reports whether there may be another message now.
func (b *bucket) take(r *Rate) bool {
	now := time.Now()
	quiet := now.Sub(b.since).Seconds()
	b.used = max(0, b.used-quiet*r.PerSecond)
	b.since = now
	if quiet >= max(1, r.burst()/r.PerSecond) || now.Sub(b.refused) >= refusedPause {
		b.refusing = now
	}
	if b.used+1 > r.burst() {
		b.refused = now
		return false
	}
	b.used++
	return true
}

// isFlood reports, of a message that is refused, whether its client goes on beyond its rate for too long.
func (b *bucket) isFlood() bool { return b.refused.Sub(b.refusing) >= refusedFor }

func (r *Rate) burst() float64 {
	if r.Burst >= 1 {
		return float64(r.Burst)
	}
	return max(1, r.PerSecond)
}

// conduct is how a client behaves. Most have nothing to be held against them, and none.
type rateState struct {
	rate         bucket
	invalid      int
	invalidSince time.Time
}

func (c *Conn) ensureRateState() *rateState {
	if c.rateState == nil {
		c.rateState = &rateState{}
	}
	return c.rateState
}

const invalidWindow = time.Minute

// countInvalid closes the connection when too many of its messages were invalid.
func (c *Conn) countInvalid() {
	b, now := c.ensureRateState(), time.Now()
	if b.invalid == 0 || now.Sub(b.invalidSince) > invalidWindow {
		b.invalid, b.invalidSince = 0, now
	}
	if b.invalid++; b.invalid > c.mount.srv.limits.MaxInvalid {
		c.closeBecause(&CloseError{socket.ClosePolicy, "too many invalid messages"})
	}
}
