package schema

import (
	"fmt"
	"reflect"
	"sync"
)

// Codec is a Type with the names of a Naming: it decodes and encodes its values. It does not change and may be used
// concurrently.
type Codec struct {
	typ    *Type
	naming Naming
}

// codecSlot keeps the codec of a type for one naming.
type codecSlot struct {
	once  sync.Once
	codec *Codec
	err   error
}

// Codec returns the codec of a naming. It is made once; later calls are cheap. The error is a *TypeError: two fields of
// the type, or of one that it needs, have the same name.
func (t *Type) Codec(n Naming) (*Codec, error) {
	slot := &t.codecs[n]
	slot.once.Do(func() {
		if n == CamelCase {
			slot.err = t.collision(map[*Type]bool{})
		}
		if slot.err == nil {
			slot.codec = &Codec{t, n}
		}
	})
	return slot.codec, slot.err
}

// collision finds the first type below t with two fields of one name in camelCase.
func (t *Type) collision(seen map[*Type]bool) error {
	if t == nil || seen[t] {
		return nil
	}
	seen[t] = true
	if t.camelErr != nil {
		return t.camelErr
	}
	for _, f := range t.fields {
		if err := f.collision(seen); err != nil {
			return err
		}
	}
	if t.union != nil {
		for _, v := range t.union.variants {
			if err := v.typ.collision(seen); err != nil {
				return err
			}
		}
	}
	if t.elem == nil {
		return nil
	}
	return t.elem.collision(seen)
}

// Decode reads the value at the cursor of d into *ptr, which is set to its zero value before. What is wrong with the
// value is added to d's items, below the path element loc. The error is a *SyntaxError: then nothing more can be read.
//
// A Validate method of the type, or of one inside it, runs once for each value, after all its fields passed; with a
// pointer receiver it may change the value. A ValidationError of it is added below the path of the value, another error
// as one item.
func (c *Codec) Decode(d *Decoder, ptr any, loc string) error {
	v := c.target(d, ptr, loc)
	if err := c.decode(d, v); err != nil {
		return err
	}
	d.pop()
	return nil
}

// DecodeAbsent does what Decode does where there is no value: a type without content and a map, which becomes empty,
// accept that, for all others it is an item.
func (c *Codec) DecodeAbsent(d *Decoder, ptr any, loc string) {
	v := c.target(d, ptr, loc)
	switch {
	case c.typ.IsMap():
		v.Set(reflect.MakeMap(v.Type()))
		d.validate(c.typ, v)
	case c.typ.IsEmpty():
		d.validate(c.typ, v)
	default:
		d.missing()
	}
	d.pop()
}

// target begins a section of the text at its own path.
func (c *Codec) target(d *Decoder, ptr any, loc string) reflect.Value {
	d.section++
	d.naming = c.naming
	d.push(loc, 0)
	return c.zero(ptr)
}

func (c *Codec) zero(ptr any) reflect.Value {
	v := reflect.ValueOf(ptr)
	if v.Kind() != reflect.Pointer || v.Type().Elem() != c.typ.goType {
		panic(fmt.Sprintf("schema: decode %s: the target is %T, not a pointer to it", c.typ.goType, ptr))
	}
	v = v.Elem()
	v.SetZero()
	return v
}

func (c *Codec) decode(d *Decoder, v reflect.Value) error {
	if d.broken {
		return d.invalidUTF8()
	}
	if c.typ.IsEmpty() {
		return d.empty(c.typ, v)
	}
	return d.value(c.typ, nil, v)
}

// empty reads the content of a type without content: any object, or null.
func (d *Decoder) empty(t *Type, v reflect.Value) error {
	switch d.peek() {
	case '{':
		return d.value(t, nil, v)
	case 'n':
		err := d.literal("null")
		d.validate(t, v)
		return err
	}
	return d.refuse("none_required", "Input should be None")
}

var decoders = sync.Pool{New: func() any { return new(Decoder) }}

// Unmarshal reads a whole text into *ptr, as Decode does. The error is a ValidationError or a *SyntaxError.
func (c *Codec) Unmarshal(data []byte, ptr any, l Limits) error {
	d := decoders.Get().(*Decoder)
	defer d.release()
	d.Reset(data, l)
	d.naming = c.naming
	if err := c.decode(d, c.zero(ptr)); err != nil {
		return err
	}
	if err := d.End(); err != nil {
		return err
	}
	if items := d.Errors(); items != nil {
		return items
	}
	return nil
}

// release gives a decoder back without the text it has read.
func (d *Decoder) release() {
	d.Reset(nil, Limits{})
	decoders.Put(d)
}
