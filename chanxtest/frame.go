package chanxtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/schema"
)

// Frame is a message with the other members of its frame.
type Frame[M chanx.Message] struct {
	Message M

	// IsMine and IsCurrent are the flags of a group message; Grouped reports whether the frame has them.
	IsMine, IsCurrent, Grouped bool

	// Ref is the ref of the message that the frame answers, or "".
	Ref string

	fields []byte // members that may be fields of the message, tagged frame:"true"; each begins with a comma
}

// Decode converts a received frame, such as one of All, to a typed message. The test ends if it is not a valid message
// M.
func Decode[M chanx.Message](c *Conn, f Frame[chanx.Raw]) Frame[M] {
	c.t.Helper()
	typed, err := decode[M](c, f)
	if err != nil {
		c.t.Fatalf("chanxtest: decode %T: %v\ngot %s %s", typed.Message, err, f.Message.Name, f.Message.Payload)
	}
	return typed
}

// A received frame has its text, and an error if it could not be parsed.
type received struct {
	Frame[chanx.Raw]
	text string
	err  error // parse error
}

func (f *received) is(m chanx.Message) bool { return f.Message.Name == m.Action() }

func (f *received) isCompletion() bool {
	return f.is(chanx.CompleteMessage{}) || f.is(chanx.GroupCompleteMessage{}) || f.is(chanx.EventCompleteMessage{})
}

// parse parses a frame of any type.
func (c *Conn) parse(text string) received {
	f := received{text: text}
	var d schema.Decoder
	d.Reset([]byte(text), schema.Limits{MaxDepth: -1})
	isObject, err := d.BeginObject()
	if err == nil && !isObject {
		err = errors.New("it is not a JSON object")
	}
	for err == nil {
		name, ok, e := d.NextMember()
		if err = e; !ok {
			break
		}
		err = c.member(&f, &d, string(name))
	}
	if err == nil {
		err = d.End()
	}
	f.err = err
	return f
}

// member parses one member of a frame.
func (c *Conn) member(f *received, d *schema.Decoder, name string) error {
	value, err := d.Raw()
	if err != nil {
		return err
	}
	var to any
	switch name {
	case c.consumer.Discriminator:
		to = &f.Message.Name
	case "payload":
		to = &f.Message.Payload
	case "ref":
		to = &f.Ref
	case c.name("is_mine"):
		f.Grouped, to = true, &f.IsMine
	case c.name("is_current"):
		f.Grouped, to = true, &f.IsCurrent
	default:
		f.fields = fmt.Appendf(f.fields, ",%s:%s", quote(name), value)
		return nil
	}
	if err := json.Unmarshal(value, to); err != nil {
		return fmt.Errorf("member %q: %w", name, err)
	}
	return nil
}

// name returns the server's form of one of the library's own member names.
func (c *Conn) name(declared string) string {
	if c.consumer.Naming == schema.CamelCase {
		return schema.Camel(declared)
	}
	return declared
}

func (c *Conn) codec(t reflect.Type) (*schema.Type, *schema.Codec, error) {
	typ, err := c.consumer.Types.Compile(t)
	if err != nil {
		return nil, nil, err
	}
	codec, err := typ.Codec(c.consumer.Naming)
	return typ, codec, err
}

func decode[M chanx.Message](c *Conn, raw Frame[chanx.Raw]) (f Frame[M], err error) {
	f = Frame[M]{IsMine: raw.IsMine, IsCurrent: raw.IsCurrent, Grouped: raw.Grouped, Ref: raw.Ref}
	if r, ok := any(&f.Message).(*chanx.Raw); ok {
		*r, f.fields = raw.Message, raw.fields
		return f, nil
	}
	if raw.Message.Name != f.Message.Action() {
		return f, fmt.Errorf("the action is %q, want %q", raw.Message.Name, f.Message.Action())
	}
	if e, ok := any(&f.Message).(*chanx.ErrorMessage); ok {
		return f, json.Unmarshal(raw.Message.Payload, &e.Payload)
	}
	return f, c.message(raw, reflect.ValueOf(&f.Message))
}

// message decodes the message of a frame.
func (c *Conn) message(raw Frame[chanx.Raw], into reflect.Value) error {
	typ, codec, err := c.codec(into.Type().Elem())
	switch {
	case err != nil:
		return err
	case raw.Message.Payload == nil && !typ.IsEmpty():
		return errors.New("there is no payload")
	}
	return readParts(codec, raw.Message.Payload, raw.fields, into.Interface())
}

// readParts decodes a message from its payload, empty if there is none, and from the members that are its fields.
func readParts(codec *schema.Codec, payload, fields []byte, ptr any) error {
	if len(payload) == 0 {
		payload = []byte("null")
	}
	var d schema.Decoder
	d.Reset(fmt.Appendf(nil, `{"payload":%s%s}`, payload, fields), schema.Limits{MaxDepth: -1})
	m := codec.Begin(&d, ptr, "payload")
	if err := readMembers(&d, &m); err != nil {
		return err
	}
	if items := d.Errors(); items != nil {
		return items
	}
	return nil
}

// readMembers decodes the payload, which comes first, and the fields beside it.
func readMembers(d *schema.Decoder, m *schema.Message) error {
	if _, err := d.BeginObject(); err != nil {
		return err
	}
	for first := true; ; first = false {
		name, ok, err := d.NextMember()
		if err != nil {
			return err
		}
		if !ok {
			return m.End()
		}
		if first {
			err = m.Payload()
		} else if known, e := m.Field(name); e != nil || !known {
			err = cmp.Or(e, fmt.Errorf("unknown member %q", name))
		}
		if err != nil {
			return err
		}
	}
}

// encode returns the frame of a message.
func (c *Conn) encode(m chanx.Message, ref string) (string, error) {
	b := fmt.Appendf(nil, "{%s:%s", quote(c.consumer.Discriminator), quote(m.Action()))
	payload, fields, err := c.encodeParts(m)
	if payload != nil {
		b = fmt.Appendf(b, `,"payload":%s`, payload)
	}
	b = append(b, membersOf(fields)...)
	if ref != "" {
		b = fmt.Appendf(b, `,"ref":%s`, quote(ref))
	}
	return string(b) + "}", err
}

func quote(s string) []byte {
	b, _ := json.Marshal(s) // a string is always JSON
	return b
}

// membersOf returns the members of an object, each with a leading comma, or nil for an empty object.
func membersOf(object []byte) []byte {
	if len(object) <= len("{}") {
		return nil
	}
	return append([]byte(","), object[1:len(object)-1]...)
}

// encodeParts encodes a message's payload, and its fields beside it as an object.
func (c *Conn) encodeParts(m chanx.Message) (payload, fields []byte, err error) {
	if raw, ok := m.(chanx.Raw); ok {
		return raw.Payload, nil, nil
	}
	typ, codec, err := c.codec(reflect.TypeOf(m))
	if err == nil && !typ.IsEmpty() {
		payload, err = codec.Append(nil, m)
	}
	if err == nil {
		fields, err = codec.AppendFrame(nil, m)
	}
	return payload, fields, err
}
