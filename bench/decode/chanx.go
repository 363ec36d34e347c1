package decode

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/chanx-go/chanx/schema"
)

// chanxWay decodes a frame with the same calls as a chanx server, whose own function for it is not exported.
var chanxWay = &Way{
	Name: "chanx", Does: "package schema, called as a server calls it: the envelope and the message of its action, checked, in one pass",
	Uses: "github.com/chanx-go/chanx", Decode: chanxDecode, Encode: newChanxEncode(),
}

var (
	chatCodec = newCodec()
	codecs    = map[string]*schema.Codec{action: chatCodec}
	decoders  = sync.Pool{New: func() any { return new(schema.Decoder) }}
)

func newCodec() *schema.Codec {
	compiler, err := schema.NewCompiler(nil)
	if err != nil {
		panic(fmt.Errorf("decode: make a compiler: %w", err))
	}
	t, err := compiler.Compile(reflect.TypeFor[Chat]())
	if err != nil {
		panic(fmt.Errorf("decode: compile the message: %w", err))
	}
	c, err := t.Codec(schema.AsDeclared)
	if err != nil {
		panic(fmt.Errorf("decode: name the message: %w", err))
	}
	return c
}

func chanxDecode(frame []byte) (*Chat, error) {
	d := decoders.Get().(*schema.Decoder)
	defer decoders.Put(d)
	d.Reset(frame, schema.Limits{})
	r := reading{d: d}
	if err := r.members(); err != nil {
		return nil, err
	}
	if r.value == nil {
		return nil, fmt.Errorf("unknown action %q", r.tag)
	}
	if err := r.message.End(); err != nil {
		return nil, err
	}
	if items := d.Errors(); len(items) > 0 {
		return r.value, items
	}
	return r.value, nil
}

// reading is a frame while it is decoded.
type reading struct {
	d       *schema.Decoder
	tag     string // an unknown action
	value   *Chat  // nil until the action has been read
	message schema.Message
}

func (r *reading) members() error {
	if ok, err := r.d.BeginObject(); err != nil || !ok {
		return err
	}
	for {
		name, ok, err := r.d.NextMember()
		if err != nil {
			return err
		}
		if !ok {
			return r.d.End()
		}
		if err := r.member(name); err != nil {
			return err
		}
	}
}

func (r *reading) member(name []byte) error {
	switch {
	case string(name) == "action":
		return r.begin()
	case string(name) == "payload" && r.value != nil:
		return r.message.Payload()
	}
	return r.d.Skip()
}

func (r *reading) begin() error {
	tag, err := r.d.String()
	if err != nil {
		return err
	}
	c := codecs[string(tag)]
	if c == nil {
		r.tag = string(tag)
		return nil
	}
	r.value = new(Chat)
	r.message = c.Begin(r.d, r.value, "payload")
	return nil
}

// newChanxEncode writes all frames into one buffer, as a server does before it sends them.
func newChanxEncode() func(*Chat) ([]byte, error) {
	var b []byte
	return func(m *Chat) (_ []byte, err error) {
		b = append(b[:0], `{"action":"`+action+`","payload":`...)
		if b, err = chatCodec.Append(b, *m); err != nil {
			return nil, err
		}
		b = append(b, '}')
		return b, nil
	}
}
