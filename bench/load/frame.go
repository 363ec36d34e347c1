//go:build linux

package load

import "encoding/binary"

// Opcodes of RFC 6455, section 11.8.
const (
	opMore  = 0 // a further fragment
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

const (
	finBit   = 0x80
	rsv1Bit  = 0x40 // RFC 7692, section 6: the message is compressed
	maskBit  = 0x80
	longForm = 126 // the length is in the next two bytes
	hugeForm = 127 // in the next eight
)

// mask is the same for all frames. A server cannot know that, and must unmask.
var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// appendFrame appends a masked frame of a client.
func appendFrame(b []byte, op byte, payload string) []byte {
	b = append(b, finBit|op)
	if n := len(payload); n < longForm {
		b = append(b, maskBit|byte(n))
	} else {
		b = append(b, maskBit|longForm)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// frame is a frame of a server, without mask.
type frame struct {
	first   byte
	payload []byte
}

func (f frame) compressed() bool { return f.first&rsv1Bit != 0 }

// next returns the first frame of p and the rest; ok is false if the frame is incomplete.
func next(p []byte) (f frame, rest []byte, ok bool) {
	if len(p) < 2 {
		return f, p, false
	}
	n, size := uint64(p[1]), 2
	switch {
	case n == longForm && len(p) >= 4:
		n, size = uint64(binary.BigEndian.Uint16(p[2:])), 4
	case n == hugeForm && len(p) >= 10:
		n, size = binary.BigEndian.Uint64(p[2:]), 10
	case n >= longForm:
		return f, p, false
	}
	if uint64(len(p)-size) < n {
		return f, p, false
	}
	end := size + int(n)
	return frame{p[0], p[size:end]}, p[end:], true
}
