package socket

// A Prepared is a text message that is encoded as a frame, or several of them (see Join), ready to be written to any
// number of connections. It is immutable.
type Prepared struct {
	b       []byte
	variant *variant // nil: there is no compressed form
	mark
}

// A mark says when a Prepared may be discarded while it waits in a send queue. The zero mark: never.
type mark struct {
	droppable bool   // see Prepared.Droppable
	tied      bool   // see Prepared.Tied
	key       string // see Prepared.Latest
}

// PrepareText returns the message p, which must be valid UTF-8. It copies p.
func PrepareText(p []byte) Prepared {
	return Prepared{b: append(appendHeader(make([]byte, 0, headerSize(len(p))+len(p)), finText, len(p)), p...)}
}

// Droppable returns p marked as droppable: it may be discarded, oldest first, when a full send queue needs room.
func (p Prepared) Droppable() Prepared { p.droppable = true; return p }

// Latest returns p with a key, which must not be "". p replaces a message with the same key that waits in a send queue.
func (p Prepared) Latest(key string) Prepared { p.key = key; return p }

// Tied returns p marked as tied: it is discarded together with the message before it.
func (p Prepared) Tied() Prepared { p.tied = true; return p }

// maxJoined limits the bytes that Join copies: copying more would cost more than writing the messages one by one.
const maxJoined = 16 << 10

// Join copies several messages for the same connections into one Prepared, because one costs less to write. It returns
// ps unchanged if a message is marked, if they are too large together, or if there are fewer than two. The result of
// Join has no Len.
func Join(ps []Prepared) []Prepared {
	n, deflates := 0, false
	for _, p := range ps {
		if n += len(p.b); p.mark != (mark{}) || n > maxJoined {
			return ps
		}
		deflates = deflates || p.variant != nil
	}
	if len(ps) < 2 {
		return ps
	}
	all := Prepared{b: make([]byte, 0, n)}
	for _, p := range ps {
		all.b = append(all.b, p.b...)
	}
	if deflates {
		all.variant = &variant{parts: ps}
	}
	return []Prepared{all}
}

// Size is the number of bytes that p takes on the wire and in a send queue if it is not compressed.
func (p Prepared) Size() int { return len(p.b) }

// Len is the number of bytes of the message itself, uncompressed.
func (p Prepared) Len() int {
	switch p.b[1] {
	case 126:
		return len(p.b) - 4
	case 127:
		return len(p.b) - 10
	}
	return len(p.b) - 2
}
