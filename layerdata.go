package chanx

import (
	"encoding/binary"
	"fmt"
)

// publication is what travels between nodes, the same to each of its targets:
//
//	version  1 byte: 1
//	kind     1 byte: 1 message, 2 event, 3 close, 4 join, 5 leave
//	flags    1 byte: 1 except the sender, 2 Raw
//	seal     a length in 1 byte, and as many bytes: see layerAuth; a node without keys passes over it
//	headers  count, then name and value of each
//	node, connection and user of the sender; empty if there is none
//	targets  count, then the subject of each; the copy for one goes to those for whom it is the first that matches; behind
//	         them, of a message, "t/" and its typeID, 8 bytes, the lowest first: nobody is reached by it
//	action
//	frame    the message's fields that are carried beside the payload, a JSON object in declared names; empty: none
//	payload  to the end: JSON in declared names; of a close its code and reason, of join and leave the groups
//
// Counts and lengths are unsigned varints but where a size is given, strings a length and bytes. Envelope, flags and
// camelCase are the receiver's.
//
// Nodes of several releases live on one layer. Within a version there may be new headers, flags, kinds, kinds of
// subjects ("s/", the servers themselves, is one that came later), and members of the payload of a close. A receiver ignores headers, members, subjects and flags of 16 and
// above that it does not know. Data with a kind, or a flag below 16, that it does not know is dropped and counted: what
// must not be done by half gets one of those. Anything else needs a new version, which older nodes drop and count; they
// must be able to read it a release before anybody writes it. What version 1 was, testdata/layerdata keeps.
type publication struct {
	kind       byte
	raw        bool
	exceptSelf bool
	seal       []byte
	headers    []header
	node       string
	conn       string
	user       string
	targets    []string
	action     string
	typ        typeID
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
	flagsKnown     = flagExceptSelf | flagRaw
	flagsToKnow    = 0x0f // whoever does not know one of these must not go on

	headBytes  = 4 // before the seal
	typeTarget = "t/"

	typeTargetBytes = len(typeTarget) + 8
	maxHeaders      = 64
	maxTargets      = 512

	maxPublicationBytes = 16 << 20
)

func (p *publication) append(b []byte) []byte {
	var flags byte
	if p.exceptSelf {
		flags |= flagExceptSelf
	}
	if p.raw {
		flags |= flagRaw
	}
	b = append(b, publicationVersion, p.kind, flags, byte(len(p.seal)))
	b = append(b, p.seal...)
	b = binary.AppendUvarint(b, uint64(len(p.headers)))
	for _, h := range p.headers {
		b = appendCounted(appendCounted(b, h.name), h.value)
	}
	b = appendCounted(appendCounted(appendCounted(b, p.node), p.conn), p.user)
	count := len(p.targets)
	if p.typ != 0 {
		count++
	}
	b = binary.AppendUvarint(b, uint64(count))
	for _, t := range p.targets {
		b = appendCounted(b, t)
	}
	if p.typ != 0 {
		b = append(binary.AppendUvarint(b, uint64(typeTargetBytes)), typeTarget...)
		b = binary.LittleEndian.AppendUint64(b, uint64(p.typ))
	}
	return append(appendCounted(appendCounted(b, p.action), p.frame), p.payload...)
}

// size is no less than the length of what append writes, sealed or not.
func (p *publication) size() int {
	const count = binary.MaxVarintLen64
	n := headBytes + sealBytes + 8*count + typeTargetBytes
	for _, h := range p.headers {
		n += 2*count + len(h.name) + len(h.value)
	}
	for _, t := range p.targets {
		n += count + len(t)
	}
	return n + len(p.node) + len(p.conn) + len(p.user) + len(p.action) + len(p.frame) + len(p.payload)
}

func appendCounted[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// layerError is why layer data is refused, and what it is counted as.
type layerError struct{ what, cause string }

func (r *layerError) Error() string { return "chanx: read layer data: " + r.cause }

var errTruncated = &layerError{dropUnreadable, "it ends too early"}

// parsePublication reads what append wrote, if it is authentic: without auth anything is. Seal, frame and payload refer
// to b.
func parsePublication(b []byte, auth *layerAuth) (p publication, err error) {
	if err := checkHead(b); err != nil {
		return p, err
	}
	p.seal = b[headBytes : headBytes+int(b[headBytes-1])]
	if err := auth.check(b, p.seal); err != nil {
		return p, err
	}
	if p.kind = b[1]; p.kind < kindMessage || p.kind > kindLeave {
		return p, &layerError{dropOtherVersion, fmt.Sprintf("kind %d is not known", p.kind)}
	}
	if unknown := b[2] & flagsToKnow &^ flagsKnown; unknown != 0 {
		return p, &layerError{dropOtherVersion, fmt.Sprintf("flag %#x is not known", unknown)}
	}
	p.exceptSelf, p.raw = b[2]&flagExceptSelf != 0, b[2]&flagRaw != 0
	err = p.parseBody(b[headBytes+len(p.seal):])
	return p, err
}

// checkHead finds out whether b is of a known version and has as much of a seal as it says.
func checkHead(b []byte) error {
	switch {
	case len(b) > maxPublicationBytes:
		return &layerError{dropTooLong, fmt.Sprintf("it has %d bytes, more than %d", len(b), maxPublicationBytes)}
	case len(b) > 0 && b[0] != publicationVersion:
		return &layerError{dropOtherVersion, fmt.Sprintf("version %d is not known", b[0])}
	case len(b) < headBytes || len(b)-headBytes < int(b[headBytes-1]):
		return errTruncated
	}
	return nil
}

func (p *publication) parseBody(b []byte) error {
	c := counted{b: b}
	for range c.count(maxHeaders) {
		p.headers = append(p.headers, header{c.string(), c.string()})
	}
	p.node, p.conn, p.user = c.string(), c.string(), c.string()
	for range c.count(maxTargets) {
		t := c.bytes()
		if len(t) == typeTargetBytes && string(t[:len(typeTarget)]) == typeTarget {
			p.typ = typeID(binary.LittleEndian.Uint64(t[len(typeTarget):]))
			continue
		}
		p.targets = append(p.targets, string(t))
	}
	p.action = c.string()
	p.frame = c.bytes()
	p.payload = c.b
	if c.err == nil && !isFrame(p.frame) {
		c.err = &layerError{dropUnreadable, "the fields beside the payload are no object"}
	}
	return c.err
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
	switch {
	case c.err != nil:
		return 0
	case size <= 0:
		c.err = errTruncated
		return 0
	case n > most:
		c.err = &layerError{dropUnreadable, fmt.Sprintf("count %d is more than %d", n, most)}
		return 0
	}
	c.b = c.b[size:]
	return n
}

func (c *counted) string() string { return string(c.bytes()) }

func (c *counted) bytes() []byte {
	n := c.count(uint64(len(c.b)))
	if c.err == nil && n > uint64(len(c.b)) {
		c.err = errTruncated
	}
	if c.err != nil {
		return nil
	}
	s := c.b[:n]
	c.b = c.b[n:]
	return s
}
