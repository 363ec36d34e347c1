package socket

import (
	"encoding/binary"
	"errors"

	"github.com/gobwas/ws"
)

const (
	finText  = 0x80 | byte(ws.OpText)
	finClose = 0x80 | byte(ws.OpClose)
	finPing  = 0x80 | byte(ws.OpPing)
	finPong  = 0x80 | byte(ws.OpPong)

	maxControl = 125                           // payload bytes of a control frame (RFC 6455, section 5.5)
	maxTail    = ws.MaxHeaderSize + maxControl // bytes of a header, or of a whole control frame
)

// A Frame is a message ready to be written, shared by any number of connections. It never changes.
type Frame struct {
	b       []byte
	variant *variant // nil: it is not deflated
	mark
}

// mark says what may happen to a frame while it waits in a send queue. The zero mark: nothing.
type mark struct {
	droppable bool
	tied      bool
	key       string
}

// PrepareText returns a text message with a copy of p, which must be valid UTF-8.
func PrepareText(p []byte) Frame {
	return Frame{b: append(appendHeader(make([]byte, 0, headerSize(len(p))+len(p)), finText, len(p)), p...)}
}

// Droppable returns f marked as one that may be discarded, oldest first, when a full send queue needs room.
func (f Frame) Droppable() Frame { f.droppable = true; return f }

// Latest returns f marked as one that takes the place of the frames with the same key, not "", that wait in a send queue.
func (f Frame) Latest(key string) Frame { f.key = key; return f }

// Tied returns f marked as one that is discarded when the frame before it is.
func (f Frame) Tied() Frame { f.tied = true; return f }

// maxJoined is how many bytes a joined frame has at most: copying more of them costs more than writing them one by one.
const maxJoined = 16 << 10

// Join makes one Frame of several that many connections are to be sent together, which takes less to write. It leaves
// alone those that are marked or large, and what is alone. A joined frame has no Len.
func Join(fs []Frame) []Frame {
	n, deflates := 0, false
	for _, f := range fs {
		if n += len(f.b); f.mark != (mark{}) || n > maxJoined {
			return fs
		}
		deflates = deflates || f.variant != nil
	}
	if len(fs) < 2 {
		return fs
	}
	all := Frame{b: make([]byte, 0, n)}
	for _, f := range fs {
		all.b = append(all.b, f.b...)
	}
	if deflates {
		all.variant = &variant{parts: fs}
	}
	return []Frame{all}
}

// Size is the number of bytes f takes on the wire and in a send queue, if it is not deflated.
func (f Frame) Size() int { return len(f.b) }

// Len is the number of bytes of the message alone, before deflating.
func (f Frame) Len() int {
	switch f.b[1] {
	case 126:
		return len(f.b) - 4
	case 127:
		return len(f.b) - 10
	}
	return len(f.b) - 2
}

// headerSize is that of a frame the server sends: without mask.
func headerSize(n int) int {
	switch {
	case n < 126:
		return 2
	case n < 1<<16:
		return 4
	}
	return 10
}

// appendHeader writes the header of an unmasked frame with n bytes of payload (RFC 6455, section 5.2).
func appendHeader(b []byte, first byte, n int) []byte {
	switch {
	case n < 126:
		return append(b, first, byte(n))
	case n < 1<<16:
		return append(b, first, 126, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(b, first, 127), uint64(n))
}

// parseHeader reads a frame header off b and its size; false means that more bytes are needed. A length with its highest
// bit set, which is not allowed, comes out negative.
func parseHeader(b []byte) (h ws.Header, size int, ok bool) {
	if len(b) < 2 {
		return h, 0, false
	}
	h.Fin = b[0]&0x80 != 0
	h.Rsv = b[0] >> 4 & 7
	h.OpCode = ws.OpCode(b[0] & 0x0f)
	h.Masked = b[1]&0x80 != 0
	size = 2
	switch n := b[1] & 0x7f; n {
	case 126:
		size = 4
	case 127:
		size = 10
	default:
		h.Length = int64(n)
	}
	mask := size
	if h.Masked {
		size += 4
	}
	if len(b) < size {
		return h, 0, false
	}
	switch mask {
	case 4:
		h.Length = int64(binary.BigEndian.Uint16(b[2:]))
	case 10:
		h.Length = int64(binary.BigEndian.Uint64(b[2:]))
	}
	if h.Masked {
		copy(h.Mask[:], b[mask:])
	}
	return h, size, true
}

var errLengthForm = errors.New("length is not encoded in the fewest bytes")

// checkHeader applies the rules that need no payload.
func checkHeader(h ws.Header, size int, fragmented bool) error {
	if h.Length < 0 {
		return ws.ErrHeaderLengthMSB
	}
	state := ws.StateServerSide
	if fragmented {
		state = state.Set(ws.StateFragmented)
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return err
	}
	if size -= len(h.Mask); size == 4 && h.Length < 126 || size == 10 && h.Length < 1<<16 {
		return errLengthForm // RFC 6455, section 5.2
	}
	return nil
}
