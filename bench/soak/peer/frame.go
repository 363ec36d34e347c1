//go:build linux

package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
)

// Opcodes of RFC 6455, section 11.8.
const (
	opMore  = 0 // a further fragment
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

const (
	finBit     = 0x80
	rsv1Bit    = 0x40 // RFC 7692, section 6: the message is compressed
	otherBits  = 0x30 // RSV2 and RSV3, which nobody has agreed on
	opMask     = 0x0f
	maskBit    = 0x80
	longForm   = 126 // the length is in the next two bytes
	hugeForm   = 127 // in the next eight
	maxControl = 125
)

// maxMessage bounds what a server may send: more is a fault of the soak or of the server.
const maxMessage = 1 << 20

// appendFrame appends a masked frame.
func appendFrame(b []byte, first byte, payload []byte) []byte {
	b = append(b, first)
	switch n := len(payload); {
	case n < longForm:
		b = append(b, maskBit|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, maskBit|longForm), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, maskBit|hugeForm), uint64(n))
	}
	var mask [4]byte
	binary.NativeEndian.PutUint32(mask[:], rand.Uint32())
	b = append(b, mask[:]...)
	for i, x := range payload {
		b = append(b, x^mask[i%4])
	}
	return b
}

// frame is one of a server.
type frame struct {
	first   byte
	payload []byte
}

func (f frame) op() byte        { return f.first & opMask }
func (f frame) last() bool      { return f.first&finBit != 0 }
func (f frame) deflated() bool  { return f.first&rsv1Bit != 0 }
func (f frame) isControl() bool { return f.op() >= opClose }

// readFrame reads one frame and checks what does not depend on others (RFC 6455, sections 5.1, 5.2 and 5.5).
func readFrame(r io.Reader) (frame, error) {
	var head [10]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return frame{}, err
	}
	f, n := frame{first: head[0]}, uint64(head[1])
	if n&maskBit != 0 {
		return f, errors.New("peer: the server masks its frames")
	}
	var err error
	switch n {
	case longForm:
		_, err = io.ReadFull(r, head[2:4])
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case hugeForm:
		_, err = io.ReadFull(r, head[2:10])
		n = binary.BigEndian.Uint64(head[2:])
	}
	switch {
	case err != nil:
		return f, err
	case f.first&otherBits != 0, f.isControl() && (!f.last() || f.deflated() || n > maxControl), n > maxMessage:
		return f, fmt.Errorf("peer: a frame of %d bytes begins with %#x", n, f.first)
	}
	f.payload = make([]byte, n)
	_, err = io.ReadFull(r, f.payload)
	return f, err
}
