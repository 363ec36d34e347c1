package schema

import (
	"errors"
	"reflect"
)

// Message is a value that is being read from a frame: one member of the frame is its payload, others are its fields that
// are tagged frame:"true". They come in any order, one call for each, and End comes last. It is used by one goroutine.
type Message struct {
	codec   *Codec
	d       *Decoder
	value   reflect.Value
	loc     string
	section int // of the payload's items; those of the frame fields follow
	failed  int // items that there were before
	read    bool
	seen    fieldSet
}

// Begin starts to read a message into *ptr, which is set to its zero value. What is wrong with the payload is added to
// d's items below the path element loc, and in front of what is wrong with frame fields, in whatever order they come.
func (c *Codec) Begin(d *Decoder, ptr any, loc string) Message {
	d.naming = c.naming
	m := Message{codec: c, d: d, value: c.zero(ptr), loc: loc, section: d.section + 1, failed: d.failed}
	d.section += 2
	return m
}

// Payload reads the payload, which is at the cursor. The error is a *SyntaxError: then nothing more can be read.
func (m *Message) Payload() error {
	m.read = true
	m.enterPayload()
	if err := m.codec.decode(m.d, m.value); err != nil {
		return err
	}
	m.leavePayload()
	return nil
}

func (m *Message) enterPayload() {
	m.d.section = m.section
	m.d.push(m.loc, 0)
}

func (m *Message) leavePayload() {
	m.d.pop()
	m.d.section = m.section + 1
}

// Field reads the frame field called name, whose value is at the cursor. Of another name it reads nothing, and known is
// false. See Payload for the error.
func (m *Message) Field(name []byte) (known bool, err error) {
	t := m.codec.typ
	if len(t.frame.fields) == 0 {
		return false, nil
	}
	i, known := t.frame.byName[m.codec.naming][string(name)]
	if !known {
		return false, nil
	}
	f := t.frame.fields[i]
	m.seen.add(i)
	m.d.push(f.names[m.codec.naming], i)
	err = m.d.member(f, f.of(m.value))
	m.d.pop()
	return true, err
}

// End gives absent fields their defaults, adds an item for what is missing, and validates the message. An absent payload
// suits a type without content and a map, which becomes empty.
//
// The Validate method of the type runs once, if all its fields have passed; with a pointer receiver it may change the
// value. A ValidationError of it is added below the path of the payload, an item that is about a frame field at the path
// of that; another error is one item.
func (m *Message) End() error {
	t := m.codec.typ
	if !m.read {
		m.absent()
	}
	if len(t.frame.fields) > 0 {
		if err := m.d.absent(&t.frame, m.value, &m.seen); err != nil {
			return err
		}
	}
	if m.d.failed == m.failed && t.validates {
		m.validate()
	}
	return nil
}

func (m *Message) absent() {
	switch t := m.codec.typ; {
	case t.IsMap():
		m.value.Set(reflect.MakeMap(m.value.Type()))
	case !t.IsEmpty():
		m.enterPayload()
		m.d.missing()
		m.leavePayload()
	}
}

func (m *Message) validate() {
	err := m.value.Addr().Interface().(validator).Validate()
	if err == nil {
		return
	}
	t := m.codec.typ
	items, ok := errors.AsType[ValidationError](err)
	if !ok {
		m.enterPayload()
		m.d.failOwn(t, err, "invalid value")
		m.leavePayload()
		return
	}
	for _, item := range ownItems(t, items, m.codec.naming) {
		if m.ofFrame(item) {
			m.d.add(item.Type, item.Msg, item.Loc)
			continue
		}
		m.enterPayload()
		m.d.add(item.Type, item.Msg, item.Loc)
		m.leavePayload()
	}
}

// ofFrame reports whether an item of Validate is about a frame field.
func (m *Message) ofFrame(item FieldError) bool {
	if len(item.Loc) == 0 {
		return false
	}
	name, _ := item.Loc[0].(string)
	_, inPayload := m.codec.typ.byName[m.codec.naming][name]
	_, inFrame := m.codec.typ.frame.byName[m.codec.naming][name]
	return inFrame && !inPayload
}
