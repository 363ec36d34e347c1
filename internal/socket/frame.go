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

// headerSize is the size of the header of an unmasked frame with n bytes of payload.
func headerSize(n int) int {
	switch {
	case n < 126:
		return 2
	case n < 1<<16:
		return 4
	}
	return 10
}

// appendHeader appends the header of an unmasked frame with n bytes of payload (RFC 6455, section 5.2).
func appendHeader(b []byte, first byte, n int) []byte {
	switch {
	case n < 126:
		return append(b, first, byte(n))
	case n < 1<<16:
		return append(b, first, 126, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(b, first, 127), uint64(n))
}

// parseHeader parses a frame header at the start of b and returns its size. ok is false if b does not hold the whole
// header. A length with its highest bit set, which is not allowed, is returned as negative.
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

// checkHeader checks the rules that do not depend on the payload.
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
