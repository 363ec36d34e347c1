package schema

import (
	"bytes"
	"reflect"
)

// structValue reads a struct.
func (d *Decoder) structValue(t *Type, v reflect.Value) error {
	if d.peek() != '{' {
		return d.refuse("model_type", "Input should be a valid dictionary")
	}
	return d.object(t, v, "")
}

// object reads the object at the cursor. tag is the name of a union's discriminator, which is not a field of the
// struct; "" without one.
func (d *Decoder) object(t *Type, v reflect.Value, tag string) error {
	if err := d.enter(); err != nil {
		return err
	}
	o := structReader{t: t, v: v, tag: tag}
	for first := true; ; first = false {
		if more, err := d.more('}', first); err != nil {
			return err
		} else if !more {
			break
		}
		if err := o.member(d); err != nil {
			return err
		}
	}
	if o.known < len(t.fields) {
		return d.fillAbsent(&t.table, v, &o.seen)
	}
	return nil
}

// structReader is the state of reading a struct.
type structReader struct {
	t     *Type
	v     reflect.Value
	tag   string // name of the discriminator; "" without one
	next  int    // the field that follows if members come in the order of the fields
	seen  fieldSet
	known int // how many were seen
	other *nameSet
	extra int // members that were refused

	skipping bool // items about further unknown members would not be reported
}

// member reads one member. Most come in the order of the fields and in the form that this package writes.
func (o *structReader) member(d *Decoder) error {
	if o.next < len(o.t.fields) {
		if f := o.t.fields[o.next]; bytes.HasPrefix(d.data[d.pos:], f.quoted[d.naming]) {
			at := d.pos
			d.pos += len(f.quoted[d.naming])
			return o.field(d, o.next, at)
		}
	}
	at := d.pos
	name, err := d.name()
	if err != nil {
		return err
	}
	if i, ok := o.t.byName[d.naming][string(name)]; ok {
		return o.field(d, i, at)
	}
	return o.unknown(d, name, at)
}

func (o *structReader) field(d *Decoder, i, at int) error {
	f := o.t.fields[i]
	if o.seen.add(i) {
		return duplicate([]byte(f.names[d.naming]), at)
	}
	o.next = i + 1
	o.known++
	d.push(f.names[d.naming], i)
	var err error
	if f.inString { // repeats Decoder.member: calling it for each field costs 3 % of decoding
		err = d.inString(f, f.of(o.v))
	} else {
		err = d.value(f.Type, f.rules, f.of(o.v))
	}
	d.pop()
	return err
}

// member reads the value of a field.
func (d *Decoder) member(f *field, v reflect.Value) error {
	if f.inString {
		return d.inString(f, v)
	}
	return d.value(f.Type, f.rules, v)
}

func (o *structReader) unknown(d *Decoder, name []byte, at int) error {
	if o.other == nil {
		o.other = new(nameSet)
	}
	if o.other.add(name) {
		return duplicate(name, at)
	}
	if !o.t.refuses || o.tag != "" && string(name) == o.tag {
		return d.Skip()
	}
	rank := len(o.t.fields) + o.extra
	o.extra++
	if o.skipping = o.skipping || d.pastCutoff(rank); o.skipping {
		return d.skipUnreported()
	}
	d.push(string(name), rank)
	err := d.refuse("extra_forbidden", "Extra inputs are not permitted")
	d.pop()
	return err
}

// fillAbsent sets the defaults of absent fields and reports absent required ones.
func (d *Decoder) fillAbsent(t *table, v reflect.Value, seen *fieldSet) error {
	for i, f := range t.fields {
		if !f.required && f.text == nil || seen.has(i) {
			continue
		}
		if f.text != nil {
			if err := f.setDefault(d, f.of(v)); err != nil {
				return err
			}
			continue
		}
		d.push(f.names[d.naming], i)
		d.missing()
		d.pop()
	}
	return nil
}

// inString reads a number or a boolean in a string: json:",string".
func (d *Decoder) inString(f *field, v reflect.Value) error {
	if d.peek() != '"' {
		return d.refuseText(f.Type, f.rules)
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	inner := Decoder{data: text, max: d.max}
	c, end := inner.peek(), 0
	if len(text) > 0 && inner.Skip() == nil {
		end = inner.pos
	}
	scalar := end == len(text) && end > 0 && c != '{' && c != '[' && text[0] == c
	data, pos := d.data, d.pos
	if scalar {
		d.data, d.pos = text, 0
	} else {
		d.data, d.pos = []byte("null"), 0 // neither a number nor a boolean
	}
	err = d.value(f.Type, f.rules, v)
	d.data, d.pos = data, pos
	return err
}
