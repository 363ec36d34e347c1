package cluster

import (
	"encoding/binary"
	"fmt"
)

// Refusal is the error about data that is not accepted.
type Refusal struct {
	Reason Reason
	cause  string
}

// Error contains the cause.
func (r *Refusal) Error() string { return "chanx: read layer data: " + r.cause }

// Reason is why data is not accepted.
type Reason int

// The reasons.
const (
	Unreadable   Reason = iota
	OtherVersion        // of another release, which this release must not ignore and does not know
	Unauthentic         // without a signature that the Signer accepts
	TooLong             // longer than MaxBytes
)

var errTruncated = &Refusal{Unreadable, "it ends too early"}

// Parse decodes and verifies data; a nil Signer accepts everything. Frame and Payload refer to b. The error is a
// *Refusal.
func Parse(b []byte, s *Signer) (p Publication, err error) {
	if err := checkHead(b); err != nil {
		return p, err
	}
	seal := sealOf(b)
	if err := s.check(b, seal); err != nil {
		return p, err
	}
	if p.Kind = Kind(b[1]); p.Kind < KindMessage || p.Kind > KindLeave {
		return p, &Refusal{OtherVersion, fmt.Sprintf("kind %d is not known", b[1])}
	}
	if unknown := b[2] & flagsToKnow &^ flagsKnown; unknown != 0 {
		return p, &Refusal{OtherVersion, fmt.Sprintf("flag %#x is not known", unknown)}
	}
	p.ExceptSelf, p.Raw = b[2]&flagExceptSelf != 0, b[2]&flagRaw != 0
	err = p.parseBody(b[headBytes+len(seal):])
	return p, err
}

// checkHead checks that b has a known version and contains its whole seal.
func checkHead(b []byte) error {
	switch {
	case len(b) > MaxBytes:
		return &Refusal{TooLong, fmt.Sprintf("it has %d bytes, more than %d", len(b), MaxBytes)}
	case len(b) > 0 && b[0] != version:
		return &Refusal{OtherVersion, fmt.Sprintf("version %d is not known", b[0])}
	case len(b) < headBytes || len(b)-headBytes < int(b[headBytes-1]):
		return errTruncated
	}
	return nil
}

// sealOf returns the seal of data that has a good head.
func sealOf(b []byte) []byte { return b[headBytes : headBytes+int(b[headBytes-1])] }

func (p *Publication) parseBody(b []byte) error {
	c := counted{b: b}
	for range c.count(maxHeaders) {
		p.Headers = append(p.Headers, Header{c.string(), c.string()})
	}
	p.Node, p.FromConn, p.FromUser = c.string(), c.string(), c.string()
	for range c.count(MaxTargets) {
		t := c.bytes()
		if len(t) == typeTargetBytes && string(t[:len(typeTarget)]) == typeTarget {
			p.Type = TypeID(binary.LittleEndian.Uint64(t[len(typeTarget):]))
			continue
		}
		p.Targets = append(p.Targets, string(t))
	}
	p.Action = c.string()
	p.Frame = c.bytes()
	p.Payload = c.b
	if c.err == nil && !isFrame(p.Frame) {
		c.err = &Refusal{Unreadable, "the fields beside the payload are no object"}
	}
	return c.err
}

// isFrame makes only the checks without which a receiver's frame would be malformed. Beyond that nodes trust each
// other, as for payloads.
func isFrame(b []byte) bool {
	return len(b) == 0 || len(b) >= 2 && b[0] == '{' && (b[1] == '"' || b[1] == '}') && b[len(b)-1] == '}'
}

// counted reads strings and counts, up to the first error.
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
		c.err = &Refusal{Unreadable, fmt.Sprintf("count %d is more than %d", n, most)}
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
