package socket

import (
	"math"
	"time"
)

// Options configures an [Upgrader]. For every number, zero means the default, and a negative value switches the limit
// or timeout off, except where noted.
type Options struct {
	// Origins are the allowed values of the Origin header besides the request's own host: "https://example.com",
	// "http://localhost:5173", "null". Scheme, host and port must be equal; a default port may be left out. The host
	// "*.example.com" matches all subdomains, at any depth, but not example.com itself. "*" allows every origin. That
	// is dangerous: any web page can then open connections with its visitors' cookies.
	Origins []string

	// Hosts are the allowed values of the Host header: "example.com" with any port, "example.com:8443", "*.example.com"
	// for all subdomains. Default: all.
	Hosts []string

	// Subprotocols are the supported subprotocols, best first: the first one that the client offers is chosen. Default:
	// none.
	Subprotocols []string

	// Deflate accepts permessage-deflate (RFC 7692), without context takeover in either direction.
	Deflate         bool
	DeflateMinBytes int // messages of at least this size are sent compressed, if that makes them smaller; negative: all. Default 1024
	DeflateLevel    int // of compress/flate, from 1 (fastest) to 9; any other value panics. Default 1

	MaxMessageBytes int           // bytes of a message from the client, after inflating; beyond: close 1009. Default 64 KiB
	MaxFragments    int           // frames of one message; beyond: close 1008. Default 128
	MessageTimeout  time.Duration // from the first to the last byte of a message; beyond: close 1013. Default 10 s

	InboxMessages int // messages waiting for the handler; beyond: the socket is not read. Default 16
	InboxBytes    int // bytes of these messages; beyond: the socket is not read. Default 128 KiB
	EventQueue    int // events waiting for the handler; beyond: close 1013. Default 256

	// SendQueueBytes limits the bytes waiting to be written; beyond: close 1013. Default 1 MiB. A larger message is
	// accepted if nothing else waits.
	SendQueueBytes int

	WriteTimeout     time.Duration // for a waiting write without any progress; beyond: disconnect. Default 10 s
	HandshakeTimeout time.Duration // for writing the answer to the handshake; beyond: Upgrade fails. Default 10 s

	// CloseTimeout limits each way of closing: messages received before the peer's Close frame may take that long, and
	// so may the peer's answer to our Close frame; then the transport is closed. Default 5 s.
	CloseTimeout time.Duration

	// PingInterval is the time between pings. Each interval is shortened by a random part of up to a fifth, so the
	// first ping comes no earlier than 0.8 × PingInterval after the opening. No ping is sent while outgoing bytes wait,
	// because WriteTimeout watches then. Default 25 s.
	PingInterval time.Duration

	// PongTimeout is how long nothing at all may arrive after a ping; beyond: disconnect. Any byte counts, not only the
	// pong, because a client in the middle of a large frame cannot send a pong. While an inbox is full and the socket
	// is therefore not read, it is how long the peer's system may acknowledge nothing. Default 10 s.
	PongTimeout time.Duration
}

func (o Options) withDefaults() Options {
	limit(&o.MaxMessageBytes, 64<<10)
	limit(&o.MaxFragments, 128)
	limit(&o.InboxMessages, 16)
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

// timeout is limit for durations, where 0 means off.
func timeout(v *time.Duration, byDefault time.Duration) {
	if *v == 0 {
		*v = byDefault
	} else if *v < 0 {
		*v = 0
	}
}

// deadline returns the time d from now, or no deadline if d is 0.
func deadline(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}
