package chanx

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chanx-go/chanx/internal/socket"
)

// fixedFrame is a frame with constant content.
type fixedFrame struct {
	socket.Prepared
	out *mountedOutgoing
}

func (m *mount) fixed(msg Message) fixedFrame {
	b := m.names.appendHead(nil, msg.Action())
	return fixedFrame{m.srv.upgrader.PrepareText(appendEnd(b, "")), m.actions[msg.Action()]}
}

// appendMessage appends a frame without its end.
func (o *mountedOutgoing) appendMessage(b []byte, v Message) (_ []byte, err error) {
	b = append(b, o.head...)
	if !o.typ.IsEmpty() {
		b, err = o.codec.Append(append(b, `,"payload":`...), v)
	}
	if err == nil && o.typ.HasFrameFields() {
		start := len(b)
		if b, err = o.codec.AppendFrame(b, v); err == nil {
			b = inlineObject(b, start)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("chanx: encode %s: %w", o.goType, err)
	}
	return b, nil
}

// appendFrame appends the frame of a message for one client and returns the counter for it.
func (m *mount) appendFrame(b []byte, v Message, ref string) ([]byte, sentCounter, error) {
	if raw, ok := v.(Raw); ok {
		if err := raw.check(); err != nil {
			return nil, nil, err
		}
		return appendEnd(appendPayload(m.names.appendHead(b, raw.Name), raw.Payload), ref), m.raw, nil
	}
	out, err := m.declared(v, "send", "Sends")
	if err != nil {
		return nil, nil, err
	}
	if items, ok := itemsOf(v); ok {
		b, err = items.AppendJSON(append(append(b, out.head...), `,"payload":`...))
	} else {
		b, err = out.appendMessage(b, v)
	}
	if err != nil {
		return nil, nil, err
	}
	if out.group {
		b = m.names.appendFlags(b, flags{})
	}
	return appendEnd(b, ref), out.counter, nil
}

// itemsOf returns the items of an ErrorMessage about invalid input. Clients can cause these messages at the lowest
// cost, so they are encoded without encoding/json.
func itemsOf(v Message) (ValidationError, bool) {
	m, _ := v.(ErrorMessage)
	items, ok := m.Payload.(ValidationError)
	return items, ok
}

// buffers holds buffers in which frames are built.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

const keepBuffer = 16 << 10

func takeBuffer() *[]byte { return buffers.Get().(*[]byte) }

func giveBuffer(b *[]byte) {
	if cap(*b) <= keepBuffer {
		buffers.Put(b)
	}
}

// appendString appends s as a JSON string. It replaces invalid UTF-8.
func appendString(b []byte, s string) []byte {
	q, _ := jsontext.AppendQuote(b, s) // the only error reports a replacement
	return q
}

// flags are the values of is_mine and is_current in the frame of a group message.
type flags struct{ mine, current bool }

// appendHead appends the beginning of a frame.
func (n *names) appendHead(b []byte, action string) []byte {
	b = append(b, `{"`...)
	b = append(b, n.discriminator...)
	b = append(b, `":`...)
	return appendString(b, action)
}

func appendPayload(b, payload []byte) []byte {
	if len(payload) == 0 {
		return b
	}
	b = append(b, `,"payload":`...)
	return append(b, payload...)
}

// inlineObject turns the JSON object at b[start:] into further members of the frame. It is used for fields that are
// carried beside the payload, and at least one member stands before start.
func inlineObject(b []byte, start int) []byte {
	if len(b) <= start+len("{}") {
		return b[:start]
	}
	b[start] = ','
	return b[:len(b)-len("}")]
}

func (n *names) appendFlags(b []byte, f flags) []byte {
	b = append(b, `,"`...)
	b = append(b, n.isMine...)
	b = append(b, `":`...)
	b = strconv.AppendBool(b, f.mine)
	b = append(b, `,"`...)
	b = append(b, n.isCurrent...)
	b = append(b, `":`...)
	return strconv.AppendBool(b, f.current)
}

// appendEnd appends the end of a frame, with the ref if there is one.
func appendEnd(b []byte, ref string) []byte {
	if ref != "" {
		b = append(b, `,"ref":`...)
		b = appendString(b, ref)
	}
	return append(b, '}')
}

// frameWith returns the frame with the given flags.
func (s *encodedForm) frameWith(m *mount, action string, f flags) socket.Prepared {
	i := 0
	if f.mine {
		i |= 1
	}
	if f.current {
		i |= 2
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frames[i].Size() == 0 {
		b := appendPayload(m.names.appendHead(make([]byte, 0, len(s.payload)+len(s.frame)+128), action), s.payload)
		b = inlineObject(append(b, s.frame...), len(b))
		s.frames[i] = m.srv.upgrader.PrepareText(appendEnd(m.names.appendFlags(b, f), ""))
	}
	return s.frames[i]
}
