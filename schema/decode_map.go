package schema

import (
	"reflect"
	"strconv"
)

// dictionary reads a map. Once more members than allowed have passed, it only counts the others.
func (d *Decoder) dictionary(t *Type, r *rules, v reflect.Value) error {
	if d.peek() != '{' {
		return d.refuse("dict_type", "Input should be a valid dictionary")
	}
	if err := d.enter(); err != nil {
		return err
	}
	v.Set(reflect.MakeMap(t.goType))
	e := entries{t: t, v: v, least: 0, most: -1}
	e.limits(r)
	for n := 0; ; n++ {
		if more, err := d.more('}', n == 0); err != nil {
			return err
		} else if !more {
			e.checkCount(d, n)
			return nil
		}
		if err := e.entry(d, n); err != nil {
			return err
		}
	}
}

// entries is the state of reading a map.
type entries struct {
	t           *Type
	v           reflect.Value
	elem        *rules
	least, most int // most is -1 without a limit
	passed      int
	skipping    bool // items about further members would not be reported
	names       nameSet
}

func (e *entries) limits(r *rules) {
	if r == nil {
		return
	}
	e.elem = r.elem
	if r.minItems != nil {
		e.least = *r.minItems
	}
	if r.maxItems != nil {
		e.most = *r.maxItems
	}
}

func (e *entries) checkCount(d *Decoder, n int) {
	switch {
	case e.tooMany():
		d.failLast("too_long", countMessage("Dictionary", e.most, true, n))
	case n < e.least:
		d.failLast("too_short", countMessage("Dictionary", e.least, false, n))
	}
}

func (e *entries) tooMany() bool { return e.most >= 0 && e.passed > e.most }

// entry reads the nth member.
func (e *entries) entry(d *Decoder, n int) error {
	d.peek()
	at := d.pos
	name, err := d.name()
	if err != nil {
		return err
	}
	if e.names.add(name) {
		return duplicate(name, at)
	}
	switch {
	case e.tooMany():
		return d.Skip()
	case e.skipping || d.pastCutoff(2*n):
		e.skipping = true
		return d.skipUnreported()
	}
	before, member := d.failed, string(name)
	key := e.key(d, member, 2*n)
	d.push(member, 2*n+1)
	value := reflect.New(e.t.elem.goType).Elem()
	err = d.value(e.t.elem.Type, e.elem, value)
	d.pop()
	if d.failed == before {
		e.passed++
		e.v.SetMapIndex(key, value)
	}
	return err
}

// key converts a member's name to a key. The path of an item about the key is below the name.
func (e *entries) key(d *Decoder, name string, rank int) reflect.Value {
	k := reflect.New(e.t.key.goType).Elem()
	d.push(name, rank)
	d.push("[key]", 0)
	before := d.failed
	d.setKey(e.t.key, name, k)
	if d.failed == before {
		d.validate(e.t.key, k)
	}
	d.pop()
	d.pop()
	return k
}

func (d *Decoder) setKey(t *Type, name string, k reflect.Value) {
	switch t.kind {
	case kindString:
		k.SetString(name)
		d.allowsString(t, nil, name)
	case kindText:
		if d.allowsString(t, nil, name) {
			d.unmarshalText(t, []byte(name), k)
		}
	case kindInt:
		d.setIntKey(t, name, k)
	default:
		d.setUintKey(t, name, k)
	}
}

// setIntKey accepts integers only as JSON writes them, so that two different names are never the same key.
func (d *Decoder) setIntKey(t *Type, name string, k reflect.Value) {
	n, err := strconv.ParseInt(name, 10, 64)
	switch {
	case !isIntegerText(name):
		d.fail("int_type", "Input should be a valid integer")
	case err != nil || k.OverflowInt(n):
		d.fail(tooLarge.typ, tooLarge.msg)
	case d.allowsInt(t, nil, n):
		k.SetInt(n)
	}
}

func (d *Decoder) setUintKey(t *Type, name string, k reflect.Value) {
	n, err := strconv.ParseUint(name, 10, 64)
	switch {
	case !isIntegerText(name):
		d.fail("int_type", "Input should be a valid integer")
	case err != nil || k.OverflowUint(n):
		d.fail(tooLarge.typ, tooLarge.msg)
	case d.allowsUint(t, nil, n):
		k.SetUint(n)
	}
}

func isIntegerText(s string) bool {
	digits := s
	if len(s) > 1 && s[0] == '-' {
		digits = s[1:]
	}
	for i := range len(digits) {
		if !isDigit(digits[i]) {
			return false
		}
	}
	return digits != "" && (digits[0] != '0' || s == "0")
}
