package chanx

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// publication is what travels between nodes, the same to each of its targets:
//
//	version  1 byte
//	kind     1 byte: 1 message, 2 event, 3 close, 4 join, 5 leave
//	flags    1 byte: 1 except the sender, 2 Raw
//	headers  count, then name and value of each; a receiver ignores those it does not know
//	node, connection and user of the sender; empty if there is none
//	targets  count, then the subject of each; the copy for one goes to those for whom it is the first that matches
//	action
//	frame    the message's fields that are carried beside the payload, a JSON object in declared names; empty: none
//	payload  to the end: JSON in declared names; of a close its code and reason, of join and leave the groups
//
// Counts and lengths are unsigned varints, strings a length and bytes. Envelope, flags and camelCase are the receiver's.
type publication struct {
	kind       byte
	raw        bool
	exceptSelf bool
	headers    []header
	node       string
	conn       string
	user       string
	targets    []string
	action     string
	frame      []byte
	payload    []byte
}

type header struct{ name, value string }

const (
	publicationVersion = 1

	kindMessage = 1
	kindEvent   = 2
	kindClose   = 3
	kindJoin    = 4
	kindLeave   = 5

	flagExceptSelf = 1
	flagRaw        = 2

	maxHeaders = 64
	maxTargets = 4096
)

func (p *publication) append(b []byte) []byte {
	var flags byte
	if p.exceptSelf {
		flags |= flagExceptSelf
	}
	if p.raw {
		flags |= flagRaw
	}
	b = append(b, publicationVersion, p.kind, flags)
	b = binary.AppendUvarint(b, uint64(len(p.headers)))
	for _, h := range p.headers {
		b = appendCounted(appendCounted(b, h.name), h.value)
	}
	b = appendCounted(appendCounted(appendCounted(b, p.node), p.conn), p.user)
	b = binary.AppendUvarint(b, uint64(len(p.targets)))
	for _, t := range p.targets {
		b = appendCounted(b, t)
	}
	return append(appendCounted(appendCounted(b, p.action), p.frame), p.payload...)
}

func appendCounted[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errTruncated = errors.New("chanx: read layer data: it ends too early")

// parsePublication reads what append wrote. Frame and payload refer to b.
func parsePublication(b []byte) (p publication, err error) {
	if len(b) < 3 {
		return p, errTruncated
	}
	if b[0] != publicationVersion {
		return p, fmt.Errorf("chanx: read layer data: version %d is not known", b[0])
	}
	if p.kind = b[1]; p.kind < kindMessage || p.kind > kindLeave {
		return p, fmt.Errorf("chanx: read layer data: kind %d is not known", p.kind)
	}
	p.exceptSelf, p.raw = b[2]&flagExceptSelf != 0, b[2]&flagRaw != 0
	c := counted{b: b[3:]}
	for range c.count(maxHeaders) {
		p.headers = append(p.headers, header{c.string(), c.string()})
	}
	p.node, p.conn, p.user = c.string(), c.string(), c.string()
	for range c.count(maxTargets) {
		p.targets = append(p.targets, c.string())
	}
	p.action = c.string()
	p.frame = c.bytes()
	p.payload = c.b
	if c.err == nil && !isFrame(p.frame) {
		c.err = errors.New("chanx: read layer data: the fields beside the payload are no object")
	}
	return p, c.err
}

// isFrame looks only at what would spoil a receiver's frame at once; for the rest nodes trust each other, as for payloads.
func isFrame(b []byte) bool {
	return len(b) == 0 || len(b) >= 2 && b[0] == '{' && (b[1] == '"' || b[1] == '}') && b[len(b)-1] == '}'
}

// counted reads strings and counts until something is wrong.
type counted struct {
	b   []byte
	err error
}

func (c *counted) count(most uint64) uint64 {
	n, size := binary.Uvarint(c.b)
	if c.err == nil && (size <= 0 || n > most) {
		c.err = errTruncated
		if size > 0 {
			c.err = fmt.Errorf("chanx: read layer data: count %d is more than %d", n, most)
		}
	}
	if c.err != nil {
		return 0
	}
	c.b = c.b[size:]
	return n
}

func (c *counted) string() string { return string(c.bytes()) }

func (c *counted) bytes() []byte {
	n := c.count(uint64(len(c.b)))
	if c.err != nil || n > uint64(len(c.b)) {
		c.err = errors.Join(c.err, errTruncated)
		return nil
	}
	s := c.b[:n]
	c.b = c.b[n:]
	return s
}
