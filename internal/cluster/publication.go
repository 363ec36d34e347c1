package cluster

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"reflect"
	"slices"
)

// Publication is a message, an event or a command for members of this node and of others. It is immutable once it is
// delivered or published.
type Publication struct {
	Kind       Kind
	Raw        bool   // a message of any name: consumers that do not declare it receive it too
	ExceptSelf bool   // the connection that sent it does not receive it
	Type       TypeID // of a message; zero accepts every type with that action
	Action     string // of a message, or the event's name, or the command
	Payload    []byte // JSON in declared names; empty: none
	Frame      []byte // the fields beside the payload, a JSON object in declared names; empty: none
	Headers    Headers

	Node     string // that published it
	FromConn string // the connection that sent it, or ""
	FromUser string // that connection's user, or ""
	Targets  []string
}

// Kind is the kind of a publication.
type Kind byte

// The kinds, with their values in the data.
const (
	KindMessage Kind = iota + 1
	KindEvent
	KindClose
	KindJoin
	KindLeave
)

// String is the name of the kind; that of a command is also its Action.
func (k Kind) String() string {
	switch k {
	case KindMessage:
		return "message"
	case KindEvent:
		return "event"
	case KindClose:
		return "disconnect"
	case KindJoin:
		return "join"
	case KindLeave:
		return "leave"
	}
	return fmt.Sprintf("kind %d", byte(k))
}

// TypeID identifies a Go type among those of one action, on nodes of the same release. Zero means unknown.
type TypeID uint64

// TypeIDOf returns the id of a named type.
func TypeIDOf(t reflect.Type) TypeID {
	h := fnv.New64a()
	_, _ = io.WriteString(h, t.PkgPath()+"."+t.Name())
	return TypeID(h.Sum64())
}

// Header is a value for the Observers of the nodes that receive a publication, such as a trace context.
type Header struct{ Name, Value string }

// Headers are the headers of a publication.
type Headers []Header

// Add appends a header, unless there are too many.
func (h *Headers) Add(name, value string) {
	if len(*h) < maxHeaders {
		*h = append(*h, Header{name, value})
	}
}

// Get returns the value of the first header of that name, or "".
func (h Headers) Get(name string) string {
	i := slices.IndexFunc(h, func(h Header) bool { return h.Name == name })
	if i < 0 {
		return ""
	}
	return h[i].Value
}

const (
	// MaxTargets is the maximum number of a publication's targets.
	MaxTargets = 512

	// MaxBytes is the maximum length of a publication's data.
	MaxBytes = 16 << 20

	maxHeaders = 64

	version = 1

	flagExceptSelf = 1
	flagRaw        = 2
	flagsKnown     = flagExceptSelf | flagRaw
	flagsToKnow    = 0x0f // a receiver that does not know one of these flags must drop the data

	headBytes  = 4 // length of the part before the seal
	typeTarget = "t/"

	typeTargetBytes = len(typeTarget) + 8
)

// append encodes p. The caller fills in the seal later: it is signed.
func (p *Publication) append(b, seal []byte) []byte {
	var flags byte
	if p.ExceptSelf {
		flags |= flagExceptSelf
	}
	if p.Raw {
		flags |= flagRaw
	}
	b = append(b, version, byte(p.Kind), flags, byte(len(seal)))
	b = append(b, seal...)
	b = binary.AppendUvarint(b, uint64(len(p.Headers)))
	for _, h := range p.Headers {
		b = appendCounted(appendCounted(b, h.Name), h.Value)
	}
	b = appendCounted(appendCounted(appendCounted(b, p.Node), p.FromConn), p.FromUser)
	return append(appendCounted(appendCounted(p.appendTargets(b), p.Action), p.Frame), p.Payload...)
}

// appendTargets leaves out the type if there is no room for another target.
func (p *Publication) appendTargets(b []byte) []byte {
	count, typed := len(p.Targets), p.Type != 0 && len(p.Targets) < MaxTargets
	if typed {
		count++
	}
	b = binary.AppendUvarint(b, uint64(count))
	for _, t := range p.Targets {
		b = appendCounted(b, t)
	}
	if typed {
		b = append(binary.AppendUvarint(b, uint64(typeTargetBytes)), typeTarget...)
		b = binary.LittleEndian.AppendUint64(b, uint64(p.Type))
	}
	return b
}

// Size is an upper bound for the length of the data, signed or not.
func (p *Publication) Size() int {
	const count = binary.MaxVarintLen64
	n := headBytes + sealBytes + 8*count + typeTargetBytes
	for _, h := range p.Headers {
		n += 2*count + len(h.Name) + len(h.Value)
	}
	for _, t := range p.Targets {
		n += count + len(t)
	}
	return n + len(p.Node) + len(p.FromConn) + len(p.FromUser) + len(p.Action) + len(p.Frame) + len(p.Payload)
}

func appendCounted[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
