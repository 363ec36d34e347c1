package schema

import (
	"reflect"
	"strconv"
)

// anyValue reads a value of any kind: nil, bool, float64, string, []any or map[string]any.
func (d *Decoder) anyValue(v reflect.Value) error {
	x, err := d.any()
	if x != nil {
		v.Set(reflect.ValueOf(x))
	}
	return err
}

func (d *Decoder) any() (any, error) {
	if d.full && !d.wouldKeep() {
		return nil, d.skipUnreported()
	}
	switch c := d.peek(); {
	case c == '{':
		return d.anyObject()
	case c == '[':
		return d.anyArray()
	case c == '"':
		s, err := d.text()
		return string(s), err
	case c == 't':
		return true, d.literal("true")
	case c == 'f':
		return false, d.literal("false")
	case c == '-' || isDigit(c):
		return d.anyNumber()
	}
	return nil, d.Skip()
}

func (d *Decoder) anyNumber() (any, error) {
	text, err := d.number()
	if err != nil {
		return nil, err
	}
	x, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		d.fail(notFinite.typ, notFinite.msg)
	}
	return x, nil
}

func (d *Decoder) anyArray() (any, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	list := []any{}
	for {
		if more, err := d.more(']', len(list) == 0); err != nil || !more {
			return list, err
		}
		d.pushIndex(len(list))
		x, err := d.any()
		if err != nil {
			return nil, err
		}
		d.pop()
		list = append(list, x)
	}
}

func (d *Decoder) anyObject() (any, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	object := map[string]any{}
	for {
		if more, err := d.more('}', len(object) == 0); err != nil || !more {
			return object, err
		}
		at := d.pos
		text, err := d.name()
		if err != nil {
			return nil, err
		}
		name := string(text)
		if _, twice := object[name]; twice {
			return nil, duplicate(text, at)
		}
		d.push(name, len(object))
		if object[name], err = d.any(); err != nil {
			return nil, err
		}
		d.pop()
	}
}
