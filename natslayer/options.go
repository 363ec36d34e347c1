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
	// Prefix begins every NATS subject that the layer uses: one or several tokens of letters, digits, '-' and '_', with
	// dots between them, at most 255 bytes; default "chanx". All servers of an application need the same one, and
	// applications that share an account of NATS need different ones. A user of NATS that the layer connects as must be
	// allowed to publish and subscribe to "<Prefix>.>"; nothing else is used.
	Prefix string

	// NATS are options of the connection that Connect makes: credentials, TLS, its name. They are applied again for each
	// connection. The layer's defaults are set before them: a ping every 2 s, of which two may be unanswered, so that a silent
	// server is noticed after 4 to 6 s; 3 s for a write; 250 to 750 ms between attempts to connect. What a layer depends on is
	// set after them: it reconnects for ever, buffers nothing while there is no broker, and hears its own messages. New ignores
	// them.
	NATS []nats.Option

	// StartWithoutBroker has Connect return although no broker can be reached. Links are down until one can.
	StartWithoutBroker bool

	// PendingMessages is how many publications may wait for one link's receiver; default 65,536, negative is no limit.
	// Beyond it publications are dropped, counted (see Layer.Dropped), and told as a gap.
	PendingMessages int

	// PendingBytes is likewise how many bytes of data may wait; default 64 MiB, negative is no limit.
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

// limit is the default for zero, and none for a negative value.
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
