package chanxtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/schema"
)

// Frame is a message with what a frame carries beside it.
type Frame[M chanx.Message] struct {
	Message M

	// IsMine and IsCurrent are the flags of a group message; Grouped says whether the frame has them.
	IsMine, IsCurrent, Grouped bool

	// Ref is that of the message which is answered, or "".
	Ref string
}

// Receive returns the next frame, which must be of message M and pass its validation.
func Receive[M chanx.Message](c *Conn) Frame[M] {
	c.t.Helper()
	text := c.Next()
	f, err := decode[M](c, text)
	if err != nil {
		c.t.Fatalf("chanxtest: receive %T: %v\ngot %s", f.Message, err, text)
	}
	return f
}

// ReceiveUntil passes over frames until one is of message M. See Receive.
func ReceiveUntil[M chanx.Message](c *Conn) Frame[M] {
	c.t.Helper()
	var zero M
	var passed []string
	for {
		text, ok, end := c.next()
		if !ok {
			c.t.Fatalf("chanxtest: receive until %q: %s; got\n%s", zero.Action(), ending(end, c.opts), strings.Join(passed, "\n"))
		}
		if passed = append(passed, text); c.action(text) != zero.Action() {
			continue
		}
		f, err := decode[M](c, text)
		if err != nil {
			c.t.Fatalf("chanxtest: receive %T: %v\ngot %s", zero, err, text)
		}
		return f
	}
}

func ending(end *chanx.CloseError, o DialOptions) string {
	if end != nil {
		return fmt.Sprintf("the connection ended: %d %s", end.Code, end.Reason)
	}
	return fmt.Sprintf("nothing came within %v", o.Timeout)
}

// All returns the frames up to the completion of the message that was sent last, without that completion. With
// completions on it ends at complete; the group_complete and event_complete frames between are left out too.
func (c *Conn) All() []Frame[chanx.Raw] {
	c.t.Helper()
	return c.until(chanx.CompleteMessage{})
}

// AllGroup is All for messages that come from others: it ends at group_complete.
func (c *Conn) AllGroup() []Frame[chanx.Raw] {
	c.t.Helper()
	return c.until(chanx.GroupCompleteMessage{})
}

func (c *Conn) until(end chanx.Message) (frames []Frame[chanx.Raw]) {
	c.t.Helper()
	for {
		text := c.Next()
		f, err := c.raw(text)
		if err != nil {
			c.t.Fatalf("chanxtest: receive: %v\ngot %s", err, text)
		}
		switch f.Message.Name {
		case end.Action():
			return frames
		case chanx.CompleteMessage{}.Action(), chanx.GroupCompleteMessage{}.Action(), chanx.EventCompleteMessage{}.Action():
		default:
			frames = append(frames, f)
		}
	}
}

// ExpectError expects that the next frame tells of a handler's error with that reason, and returns its detail.
func (c *Conn) ExpectError(reason string) (detail string) {
	c.t.Helper()
	text := c.Next()
	f, err := c.raw(text)
	var e chanx.Error
	if err == nil && f.Message.Name == (chanx.ErrorMessage{}).Action() {
		err = json.Unmarshal(f.Message.Payload, &e)
	}
	if err != nil || e.Reason != reason {
		c.t.Fatalf("chanxtest: got %s, want an error with reason %q", text, reason)
	}
	return e.Detail
}

// ExpectInvalid expects that the next frame tells what is wrong with a message, and returns it. Each of want is the type
// and, behind a space, the path of one item: "missing payload.content", in order.
func (c *Conn) ExpectInvalid(want ...string) chanx.ValidationError {
	c.t.Helper()
	text := c.Next()
	f, err := c.raw(text)
	var items chanx.ValidationError
	if err == nil && f.Message.Name == (chanx.ErrorMessage{}).Action() {
		err = json.Unmarshal(f.Message.Payload, &items)
	}
	var got []string
	for _, i := range items {
		got = append(got, strings.TrimSpace(i.Type+" "+path(i.Loc)))
	}
	if err != nil || !slices.Equal(got, want) {
		c.t.Fatalf("chanxtest: got %s, want a validation error with %q", text, want)
	}
	return items
}

func path(loc []any) string {
	parts := make([]string, len(loc))
	for i, l := range loc {
		parts[i] = fmt.Sprint(l)
	}
	return strings.Join(parts, ".")
}

// envelope is a frame's members as they are.
func (c *Conn) envelope(text string) (members map[string]json.RawMessage, err error) {
	if err = json.Unmarshal([]byte(text), &members); err != nil {
		return nil, fmt.Errorf("the frame is no JSON object: %w", err)
	}
	return members, nil
}

func (c *Conn) action(text string) (action string) {
	members, err := c.envelope(text)
	if err != nil || json.Unmarshal(members[c.opts.Discriminator], &action) != nil {
		return ""
	}
	return action
}

// raw reads a frame without regard to its type.
func (c *Conn) raw(text string) (f Frame[chanx.Raw], err error) {
	members, err := c.envelope(text)
	if err != nil {
		return f, err
	}
	for name, v := range members {
		var to any
		switch name {
		case c.opts.Discriminator:
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
			return f, fmt.Errorf("the frame has an unknown member %q", name)
		}
		if err := json.Unmarshal(v, to); err != nil {
			return f, fmt.Errorf("the frame's member %q: %w", name, err)
		}
	}
	return f, nil
}

func (c *Conn) name(declared string) string {
	if c.opts.Camelize {
		return schema.Camel(declared)
	}
	return declared
}

func (c *Conn) naming() schema.Naming {
	if c.opts.Camelize {
		return schema.CamelCase
	}
	return schema.AsDeclared
}

func (c *Conn) codec(t reflect.Type) (*schema.Type, *schema.Codec, error) {
	typ, err := c.types.Compile(t)
	if err != nil {
		return nil, nil, err
	}
	codec, err := typ.Codec(c.naming())
	return typ, codec, err
}

func decode[M chanx.Message](c *Conn, text string) (f Frame[M], err error) {
	raw, err := c.raw(text)
	if err != nil {
		return f, err
	}
	f = Frame[M]{IsMine: raw.IsMine, IsCurrent: raw.IsCurrent, Grouped: raw.Grouped, Ref: raw.Ref}
	if r, ok := any(&f.Message).(*chanx.Raw); ok {
		*r = raw.Message
		return f, nil
	}
	if raw.Message.Name != f.Message.Action() {
		return f, fmt.Errorf("the action is %q, want %q", raw.Message.Name, f.Message.Action())
	}
	if e, ok := any(&f.Message).(*chanx.ErrorMessage); ok {
		return f, json.Unmarshal(raw.Message.Payload, &e.Payload)
	}
	typ, codec, err := c.codec(reflect.TypeFor[M]())
	if err != nil || typ.IsEmpty() && raw.Message.Payload == nil {
		return f, err
	}
	return f, codec.Unmarshal(raw.Message.Payload, &f.Message, schema.Limits{MaxDepth: -1})
}

// encode writes the frame of a message.
func (c *Conn) encode(m chanx.Message, ref string) (string, error) {
	frame := map[string]any{c.opts.Discriminator: m.Action()}
	if ref != "" {
		frame["ref"] = ref
	}
	payload, err := c.payload(m)
	if payload != nil {
		frame["payload"] = payload
	}
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(frame)
	return string(b), err
}

func (c *Conn) payload(m chanx.Message) (json.RawMessage, error) {
	if raw, ok := m.(chanx.Raw); ok {
		return raw.Payload, nil
	}
	typ, codec, err := c.codec(reflect.TypeOf(m))
	if err != nil || typ.IsEmpty() {
		return nil, err
	}
	return codec.Append(nil, m)
}
