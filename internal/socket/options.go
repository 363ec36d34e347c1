package socket

import (
	"math"
	"time"
)

// Options configures an [Upgrader]. For every number zero means the default and a negative value switches the limit or
// time-out off.
type Options struct {
	// Origins are the values of the Origin header that are allowed besides the request's own host: "https://example.com",
	// "http://localhost:5173", "null". Scheme, host and port must be equal; a default port may be left out. The host
	// "*.example.com" stands for all subdomains, at any depth, and not for example.com itself.
	// "*" allows every origin, and with it any web page to open connections with its visitors' cookies: dangerous.
	Origins []string

	// Hosts are the values of the Host header that are allowed: "example.com", with any port, "example.com:8443",
	// "*.example.com" for all subdomains. Default: all.
	Hosts []string

	// Subprotocols are offered in this order: the first that the client lists too is chosen. Default: none.
	Subprotocols []string

	// Deflate agrees to permessage-deflate (RFC 7692), without context takeover on either side.
	Deflate         bool
	DeflateMinBytes int // from here on messages are sent deflated, if that makes them smaller; negative: all. Default 1024
	DeflateLevel    int // of compress/flate, from 1, the fastest, to 9; any other panics. Default 1

	MaxMessageBytes int           // bytes of a message from the client, inflated; beyond: close 1009. Default 64 KiB
	MaxFragments    int           // frames of one message; beyond: close 1008. Default 128
	MessageTimeout  time.Duration // from the first to the last byte of a message; beyond: close 1008. Default 10 s

	InboxFrames int // messages that wait for the handler; beyond: the socket is not read. Default 16
	InboxBytes  int // bytes of the messages that wait; beyond: the socket is not read. Default 128 KiB
	EventQueue  int // events that wait; beyond: close 1013. Default 256

	// SendQueueBytes bounds what waits for the transport, in bytes; beyond: close 1013. Default 1 MiB. One message larger
	// than this is accepted while nothing else waits.
	SendQueueBytes int

	WriteTimeout     time.Duration // without any progress of a write that waits; beyond: disconnect. Default 10 s
	HandshakeTimeout time.Duration // for writing the answer of the handshake; beyond: Upgrade fails. Default 10 s

	// CloseTimeout bounds each way of closing: messages received before the peer's Close frame may run that long, and the
	// peer may take that long to answer ours; then the transport is closed. Default 5 s.
	CloseTimeout time.Duration

	// PingInterval is the time between pings, each shortened by a random part of up to a fifth, so the first comes no
	// earlier than 0.8 × PingInterval after the opening. No ping is sent while outgoing bytes wait: WriteTimeout watches
	// then. Default 25 s.
	PingInterval time.Duration

	// PongTimeout is how long after a ping nothing at all may arrive; beyond: disconnect. Any byte counts as life, not
	// only the pong: a client in the middle of a large frame cannot send one. While an inbox is full and so the socket is
	// not read, it is how long the peer's system may acknowledge nothing. Default 10 s.
	PongTimeout time.Duration
}

func (o Options) withDefaults() Options {
	limit(&o.MaxMessageBytes, 64<<10)
	limit(&o.MaxFragments, 128)
	limit(&o.InboxFrames, 16)
	limit(&o.InboxBytes, 128<<10)
	limit(&o.EventQueue, 256)
	limit(&o.SendQueueBytes, 1<<20)
	timeout(&o.MessageTimeout, 10*time.Second)
	timeout(&o.WriteTimeout, 10*time.Second)
	timeout(&o.HandshakeTimeout, 10*time.Second)
	timeout(&o.CloseTimeout, 5*time.Second)
	timeout(&o.PingInterval, defaultPingInterval)
	timeout(&o.PongTimeout, 10*time.Second)
	return o
}

const defaultPingInterval = 25 * time.Second

func limit(v *int, byDefault int) {
	if *v == 0 {
		*v = byDefault
	} else if *v < 0 {
		*v = math.MaxInt
	}
}

// timeout leaves 0 for off.
func timeout(v *time.Duration, byDefault time.Duration) {
	if *v == 0 {
		*v = byDefault
	} else if *v < 0 {
		*v = 0
	}
}

// deadline is d from now, or none when d is off.
func deadline(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}
