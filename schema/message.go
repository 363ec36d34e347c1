package schema

import (
	"errors"
	"reflect"
)

// Message decodes a value from a frame: one member of the frame is the payload, others are the fields tagged
// frame:"true". Call Payload and Field once for each member, in any order, then End. A Message must not be used
// concurrently.
type Message struct {
	codec   *Codec
	d       *Decoder
	value   reflect.Value
	loc     string
	section int // of the items about the payload; frame fields have the next one
	failed  int // failures before Begin
	read    bool
	seen    fieldSet
}

// Begin starts decoding a message into *ptr, which it sets to its zero value. Items about the payload are added to d
// below the path element loc, and before items about frame fields, in whatever order the members come.
func (c *Codec) Begin(d *Decoder, ptr any, loc string) Message {
	d.naming = c.naming
	m := Message{codec: c, d: d, value: c.zero(ptr), loc: loc, section: d.section + 1, failed: d.failed}
	d.section += 2
	return m
}

// Payload decodes the payload at the cursor. The error is a *SyntaxError; after it nothing more can be decoded.
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

// Field decodes the value at the cursor into the frame field called name. If there is no such field, it reads nothing
// and known is false. The error is as for Payload.
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

// End sets the defaults of absent fields, adds an item for each missing one, and validates the message. The payload may
// be absent if the type has no payload fields or is a map, which becomes empty.
//
// The Validate method of the type runs once, if all its fields have passed. With a pointer receiver it may change the
// value. If it returns a ValidationError, its items are added below the path of the payload, or at the path of a frame
// field; another error becomes one item.
func (m *Message) End() error {
	t := m.codec.typ
	if !m.read {
		m.absentPayload()
	}
	if len(t.frame.fields) > 0 {
		if err := m.d.fillAbsent(&t.frame, m.value, &m.seen); err != nil {
			return err
		}
	}
	if m.d.failed == m.failed && t.validates {
		m.validate()
	}
	return nil
}

func (m *Message) absentPayload() {
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
		m.d.failMethod(t, err, "invalid value")
		m.leavePayload()
		return
	}
	for _, item := range methodItems(t, items, m.codec.naming) {
		if m.codec.isOfFrame(item) {
			m.d.add(item.Type, item.Msg, item.Loc)
			continue
		}
		m.enterPayload()
		m.d.add(item.Type, item.Msg, item.Loc)
		m.leavePayload()
	}
}
