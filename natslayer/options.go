package natslayer

import (
	"cmp"
	"math"
	"strings"

	"github.com/nats-io/nats.go"
)

const (
	defaultPrefix          = "chanx"
	defaultPendingMessages = 1 << 16
	defaultPendingBytes    = 64 << 20
	maxPrefix              = 255
)

// Options are the options of [Connect] and [New]. The zero value works.
type Options struct {
	// Prefix begins every NATS subject that the layer uses: one or more tokens of letters, digits, '-' and '_', separated
	// by dots, at most 255 bytes; default "chanx". All servers of an application need the same prefix, and applications
	// that share a NATS account need different ones. The NATS user must be allowed to publish and subscribe to
	// "<Prefix>.>"; the layer uses nothing else.
	Prefix string

	// NATS are options of the connections that Connect makes, such as credentials, TLS and the name. They are applied to
	// each new connection. They override the layer's defaults: a ping every 2 s, of which two may be unanswered, so that a
	// silent server is noticed after 4 to 6 s; 3 s for a write; 250 to 750 ms between attempts to connect. They cannot
	// override what the layer depends on: it reconnects for ever, buffers nothing while there is no broker, and receives
	// its own messages. New ignores NATS.
	NATS []nats.Option

	// StartWithoutBroker lets Connect succeed although no broker can be reached. Links are down until one can.
	StartWithoutBroker bool

	// PendingMessages is how many publications may wait for one link's receiver; default 65,536, negative is no limit.
	// Beyond it publications are dropped, counted in Layer.Dropped, and reported as a gap.
	PendingMessages int

	// PendingBytes is how many bytes of their data may wait; default 64 MiB, negative is no limit.
	PendingBytes int
}

func (o *Options) withDefaults() Options {
	var with Options
	if o != nil {
		with = *o
	}
	with.Prefix = cmp.Or(with.Prefix, defaultPrefix)
	if !isPrefix(with.Prefix) {
		panic("natslayer: new layer: Options.Prefix \"" + with.Prefix +
			"\" is no prefix of NATS subjects: give tokens of letters, digits, '-' and '_' with dots between them, at most 255 bytes")
	}
	with.PendingMessages = limit(with.PendingMessages, defaultPendingMessages)
	with.PendingBytes = limit(with.PendingBytes, defaultPendingBytes)
	return with
}

// limit returns the default for zero, and math.MaxInt for a negative value.
func limit(v, byDefault int) int {
	if v < 0 {
		return math.MaxInt
	}
	return cmp.Or(v, byDefault)
}

func isPrefix(p string) bool {
	for token := range strings.SplitSeq(p, ".") {
		if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r > 127 || r == '/' || !plain(byte(r)) }) {
			return false
		}
	}
	return len(p) <= maxPrefix
}
