package chanx

import (
	"compress/flate"
	"fmt"

	"github.com/chanx-go/chanx/internal/socket"
)

// Compression is permessage-deflate (RFC 7692), which every browser offers by itself. Nothing is remembered from one
// message to the next: a message for many is compressed once, and a connection at rest holds no memory for it.
//
// It saves bytes on the wire and costs time on both sides: browsers then compress each message that they send, however
// short it is, and the server has to inflate them. It pays where messages are long, or the network is slow or dear. As
// with every compression, who sees the lengths of messages that hold both a secret and a text of his own choice may guess
// the secret.
type Compression struct {
	// Enabled agrees to compression with clients that offer it; off by default. What clients send is bounded as ever:
	// MaxMessageBytes counts after inflating.
	Enabled bool

	// MinBytes is the length from which messages of the server are compressed, in bytes; default 1024. A negative value
	// compresses all. One that would not become smaller is sent as it is.
	MinBytes int

	// Level is how hard the server tries, from 1 (fastest) to 9 (smallest), as in compress/flate; default 1. Any other
	// value panics in NewServer.
	Level int
}

func (c Compression) apply(o socket.Options) socket.Options {
	if c.Level < 0 || c.Level > flate.BestCompression {
		panic(fmt.Sprintf("chanx: new server: ServerOptions.Compression.Level %d: use 1 (fastest) to 9 (smallest), or 0 for the default",
			c.Level))
	}
	o.Deflate, o.DeflateMinBytes, o.DeflateLevel = c.Enabled, c.MinBytes, c.Level
	return o
}
