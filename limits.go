package chanx

import (
	"sync"
	"time"

	"github.com/chanx-go/chanx/internal/socket"
	"github.com/chanx-go/chanx/schema"
)

// Limits bound what a client can make a server do. In each field zero means the default, and a negative value turns the
// limit off.
type Limits struct {
	// MaxMessageBytes is the length of one message of a client, in bytes after decompression; default 64 KiB. A longer
	// message closes the connection with 1009 before memory is allocated for it.
	MaxMessageBytes int

	// MessageTimeout is the time from a message's first byte to its last; default 10 s. Beyond it: close 1013.
	MessageTimeout time.Duration

	// MaxFragments is the number of fragments of a message; default 128. Beyond it: close 1008.
	MaxFragments int

	// MaxDepth is how deep JSON may nest; default 32. Deeper is json_invalid.
	MaxDepth int

	// MaxErrors is the number of items in a validation error; default 20. Further ones are left out.
	MaxErrors int

	// MaxInvalid is the number of invalid frames within a minute; default 100. Beyond it: close 1008.
	MaxInvalid int

	// InboxFrames and InboxBytes bound the messages of a connection that wait for a running handler; default 16 and
	// 128 KiB. Beyond them the connection is not read.
	InboxFrames, InboxBytes int

	// EventQueue is the number of events that may wait for a connection; default 256. While more wait, Emit on the same
	// node waits until half of them have been handled, for at most one second. Then it does not wait for this
	// connection again before that half has been handled. Emit on other nodes, and in the connection's own handlers,
	// does not wait. The connection is closed with 1013 if it has handled no event in that second, and when eight times
	// EventQueue wait.
	EventQueue int

	// MaxGroups is the number of groups that a connection may be in; default 128. Beyond it Join is an error.
	MaxGroups int

	// SendQueueBytes is the number of bytes that may wait to be sent to a client; default 1 MiB. Beyond it: close 1013.
	// Items of streams wait before they are encoded, while more than half of the queue is in use. One message that is
	// longer than the limit is accepted while nothing else waits.
	SendQueueBytes int

	// WriteTimeout is how long a client may read nothing while frames wait for it; default 10 s. Then it is cut off,
	// without a Close frame: OnClose gets 1006.
	WriteTimeout time.Duration

	// HandshakeTimeout bounds the writing of the answer to the opening handshake, after open; default 10 s.
	HandshakeTimeout time.Duration

	// OpenTimeout bounds the context of the request during Authenticator and open together; default 10 s. Nothing else
	// happens by itself: if open returns the context's error, the connection is refused with 500. While the channel
	// layer does not answer, the opening waits for it for at most a quarter of the time left, once before open and once
	// in each Join in open, and then continues.
	OpenTimeout time.Duration

	// PublishTimeout bounds each call of the channel layer: to publish a broadcast, event or command, to subscribe to a
	// group, to close; default 10 s.
	PublishTimeout time.Duration

	// SubscriptionLinger is how long the channel layer stays subscribed to a group, or a user, without members on this
	// node; default 5 s. A client that returns within that time, such as a page that reloads, costs the broker nothing.
	SubscriptionLinger time.Duration

	// CloseTimeout bounds the frames that are still handled after a client's Close frame, the wait for the client's
	// Close after ours, and OnClose; default 5 s.
	CloseTimeout time.Duration

	// HandlerTimeout is how long a handler of a message or event, or of OnNode, may take, streams included; off by
	// default. See the option Timeout, which overrides it for one handler.
	HandlerTimeout time.Duration

	// SlowHandler is how long a handler may run before this is logged, once for each call; default 10 s. It covers
	// handlers of messages and events with their middleware, streams until their end (intentionally long ones too),
	// OnOpen, OnClose, and Authenticator and open together. The call continues: see HandlerTimeout.
	SlowHandler time.Duration

	// MaxConcurrent is the number of streams and of handlers with Concurrent that run for one connection at a time;
	// default 8. Beyond it a message or event is refused with "too_busy": see Concurrent.
	MaxConcurrent int

	// Rate is how fast a client may send; off by default. A message beyond it is refused with "rate_limited" and not
	// decoded. A client that exceeds it for a minute is closed with 1008: see Rate.
	Rate Rate

	// PingInterval is the time between two pings, with jitter; default 25 s. PongTimeout is how long the answer may
	// take; default 10 s. Then the client is cut off, as by WriteTimeout. While its inbox is full, the socket is not
	// read and no answer is expected: the client is cut off when a ping cannot be written, or, on Linux, when its
	// system has acknowledged nothing for PongTimeout. Other systems take minutes to notice it. If PingInterval is off,
	// nothing does.
	PingInterval, PongTimeout time.Duration

	// MaxConnections is the number of connections of this server; off by default. Beyond it: HTTP 503.
	//
	// A connection counts from the beginning of its opening until the server sends its Close frame, refuses it or loses
	// it. After that its socket may stay for up to CloseTimeout, and OnClose may still run. HTTP 503 is also the answer
	// while MaxConnections sockets (at least 16) are closing, or while OnClose of MaxConnections connections (at least
	// 1,000) has not returned. At most MaxConnections refused clients at a time (between 16 and 1,000, and 1,000 if
	// MaxConnections is off) receive the reason in a close frame. Others receive the plain HTTP status, as with
	// ServerOptions.RefuseWithHTTP.
	MaxConnections int

	// MaxConnectionsPerUser is the number of connections of one user to this server; off by default, and for anonymous
	// connections. They count as for MaxConnections. Beyond it a connection is refused with 4429: a client should try
	// again after at least 5 s. A client that lost its network counts until the server notices, which takes up to
	// PingInterval and PongTimeout: allow for it.
	MaxConnectionsPerUser int
}

// orDefault replaces zero by the default, and a negative value by the value that means off.
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

// withDefaults resolves the limits that this package itself enforces.
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
		InboxMessages: l.InboxFrames, InboxBytes: l.InboxBytes, EventQueue: l.hardEventQueue(), SendQueueBytes: l.SendQueueBytes,
		WriteTimeout: l.WriteTimeout, HandshakeTimeout: l.HandshakeTimeout, CloseTimeout: l.CloseTimeout,
		PingInterval: l.PingInterval, PongTimeout: l.PongTimeout,
	}
}

// Rate is how many messages a connection may send: Burst at once, and PerSecond in the long run. A PerSecond of zero or
// less means no limit. A Burst below one means PerSecond, and at least one.
//
// A message counts when its turn comes, before it is decoded: binary and invalid messages too, and cancels, which take
// effect even beyond the rate. A chanx.ping counts when it is read; one beyond the rate is not answered then, but waits
// like any other message. A connection whose messages have been refused for a minute is closed with 1008. The minute
// starts again after five seconds without a refused message, or when the client has sent nothing for as long as it takes
// to regain Burst, at least a second.
type Rate struct {
	PerSecond float64
	Burst     int
}

// bucket is a leaky bucket for a connection's rate. A chanx.ping takes from it when it is read, other messages in their
// turn.
type bucket struct {
	mu    sync.Mutex
	used  float64 // messages that have not been forgotten yet
	since time.Time

	refusing, refused time.Time // the first and the last message that was refused, without a pause between
}

const (
	refusedFor   = time.Minute
	refusedPause = 5 * time.Second
)

// take reports whether another message may be handled now, and counts it.
func (b *bucket) take(r *Rate) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
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

// isFlood reports, after a message was refused, whether the client has exceeded its rate for too long.
func (b *bucket) isFlood() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused.Sub(b.refusing) >= refusedFor
}

func (r *Rate) burst() float64 {
	if r.Burst >= 1 {
		return float64(r.Burst)
	}
	return max(1, r.PerSecond)
}

// rateState counts a client's messages against Limits.Rate and its invalid messages. It is allocated with the connection
// if there is a rate, else by the goroutine that handles messages when it has something to count.
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

// countInvalid counts an invalid message. It closes the connection if there are too many.
func (c *Conn) countInvalid() {
	b, now := c.ensureRateState(), time.Now()
	if b.invalid == 0 || now.Sub(b.invalidSince) > invalidWindow {
		b.invalid, b.invalidSince = 0, now
	}
	if b.invalid++; b.invalid > c.mount.srv.limits.MaxInvalid {
		c.closeBecause(&CloseError{socket.ClosePolicy, "too many invalid messages"})
	}
}
