package chanx

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/chanx-go/chanx/internal/throttle"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/schema"
)

// publication is the data that nodes send each other. The data is the same for each target:
//
//	version  1 byte: 1
//	kind     1 byte: 1 message, 2 event, 3 close, 4 join, 5 leave
//	flags    1 byte: 1 except the sender, 2 Raw
//	seal     a length in 1 byte, and as many bytes: see layerAuth; a node without keys ignores it
//	headers  count, then name and value of each
//	node, connection and user of the sender; empty without a sender
//	targets  count, then the subject of each; the copy for a target reaches connections for which it is the first match;
//	         the last one of a message is "t/" and its typeID, 8 bytes in little endian, which reaches no connection
//	action
//	frame    the message's fields beside the payload, a JSON object in declared names; empty: none
//	payload  up to the end: JSON in declared names; code and reason of a close; groups of a join or leave
//
// Counts and lengths are unsigned varints unless a size is given. Strings are a length and bytes. The envelope, flags and
// camelCase are made by the receiver.
//
// Nodes of several releases share one layer. Within a version there may be new headers, flags, kinds, kinds of subjects
// ("s/", the servers themselves, was added later), and members in the payload of a close. A receiver ignores headers,
// members, subjects and flags of 16 and above that it does not know. It drops and counts data with an unknown kind, or an
// unknown flag below 16: use one of these for what must not be carried out in part. Anything else needs a new version, which
// older nodes drop and count; a release must read it before a later one writes it. testdata/layerdata keeps samples of
// version 1.
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
	flagsToKnow    = 0x0f // a receiver that does not know one of these flags must drop the data

	headBytes  = 4 // length of the part before the seal
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

// size is an upper bound for the length that append produces, sealed or not.
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

// layerError is the reason why layer data is refused, and the key of Stats.Drops that counts it.
type layerError struct{ what, cause string }

func (r *layerError) Error() string { return "chanx: read layer data: " + r.cause }

var errTruncated = &layerError{dropUnreadable, "it ends too early"}

// parsePublication decodes what append wrote and verifies it; a nil auth accepts everything. Seal, frame and payload
// refer to b.
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

// checkHead checks that b has a known version and contains its whole seal.
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

// receive handles a publication of another node. The copy for a subject is delivered to the targets that are published
// to that subject.
func (s *Server) receive(subject string, data []byte) {
	if !s.subscriptions.isWanted(subject) {
		return // the subscription lingers
	}
	p, err := parsePublication(data, s.auth)
	if err == nil && !slices.ContainsFunc(p.targets, func(t string) bool { return subjectOf(t) == subject }) {
		err = &layerError{dropUnreadable, "the subject is not that of one of its targets"}
	}
	if err == nil && p.node == s.node {
		return // members of this node have received it
	}
	d := &delivery{
		kind: p.kind, raw: p.raw, action: p.action, typ: s.knownType(&p), plain: p.payload, plainFrame: p.frame, wire: len(data),
		fromConn: p.conn, fromUser: p.user, exceptSelf: p.exceptSelf, headers: p.headers,
	}
	var groups []string
	if err == nil {
		groups, err = s.readPayload(d)
	}
	if err != nil {
		s.rejectLayerData(subject, err)
		return
	}
	if p.kind == kindJoin || p.kind == kindLeave {
		s.applyRegroup(&p, groups, subject)
		return
	}
	for k, target := range p.targets {
		switch {
		case subjectOf(target) != subject:
		case target == everyNode && d.kind == kindEvent:
			s.nodes.push(context.Background(), d, false)
		default:
			s.missed(d, s.hub.DeliverMatch(d, p.targets, k))
		}
	}
}

// knownType returns the type of another node's message if a consumer here declares it, else zero. A type may have
// another name in another release: then the message is delivered to all consumers that declare the action.
func (s *Server) knownType(p *publication) typeID {
	if p.typ == 0 {
		return 0
	}
	for _, m := range s.mounted() {
		if out := m.actions[p.action]; out != nil && out.id == p.typ && out.group {
			return p.typ
		}
	}
	return 0
}

// readPayload decodes what the node itself needs: it encodes messages for clients, and returns the groups of a join or
// leave.
func (s *Server) readPayload(d *delivery) (groups []string, err error) {
	switch d.kind {
	case kindMessage:
		err = s.reencode(d)
	case kindClose:
		_, err = readClose(d.plain)
	case kindJoin, kindLeave:
		groups, err = readGroups(d.plain)
	}
	if err != nil {
		return nil, fmt.Errorf("chanx: read layer data: %w", err)
	}
	return groups, nil
}

// rejectLayerData counts and logs layer data that is not accepted.
func (s *Server) rejectLayerData(subject string, err error) {
	what := dropUnreadable
	if r, is := errors.AsType[*layerError](err); is {
		what = r.what
	}
	s.countDrop(nil, what, 1)
	kind := throttle.Kind{Text: "chanx: layer data refused", Detail: what, Counted: true}
	if !s.lines.Skip(kind, 1) {
		s.lines.Log(context.Background(), slog.LevelError, kind, 1, "what", what, "subject", subject, "error", err)
	}
}

// reencode converts another node's group message into the names of this server, for each consumer by its own type of
// that action.
func (s *Server) reencode(d *delivery) error {
	if d.raw || s.names.naming == schema.AsDeclared {
		d.addEncoded(nil, d.plain, d.plainFrame)
		return nil
	}
	for _, m := range s.mounted() {
		out := m.actions[d.action]
		if out == nil || d.encodedFor(out.codec) != nil {
			continue
		}
		payload, frame, err := out.reencode(d.plain, d.plainFrame)
		if err != nil {
			return err
		}
		d.addEncoded(out.codec, payload, frame)
	}
	return nil
}

// status logs a status of the layer, and counts a gap: how much was lost in it is unknown.
func (s *Server) status(st layer.Status) {
	if st.Gap {
		s.countDrop(nil, dropGaps, 1)
	}
	level := slog.LevelInfo
	if !st.Up || st.Gap {
		level = slog.LevelWarn
	}
	s.logThrottled(level, "chanx: channel layer", fmt.Sprint(st.Up, st.Gap), "up", st.Up, "gap", st.Gap, "error", st.Err)
}
