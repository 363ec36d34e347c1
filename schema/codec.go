package schema

import (
	"cmp"
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
			slot.err = locate(t.collision(map[*Type]bool{}), t.goType, t.pathTo)
		}
		if slot.err == nil {
			slot.codec = &Codec{t, n}
		}
	})
	return slot.codec, slot.err
}

// collision finds the first type below t with two fields of one name in camelCase.
func (t *Type) collision(seen map[*Type]bool) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	if err := cmp.Or(t.camelErr, t.overwritten(CamelCase)); err != nil {
		return err
	}
	for part := range t.parts {
		if err := part.collision(seen); err != nil {
			return err
		}
	}
	return nil
}

// parts are the types that values of t have inside.
func (t *Type) parts(yield func(*Type) bool) {
	for _, part := range t.steps {
		if !yield(part) {
			return
		}
	}
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

// decode reads a value and does not validate it yet.
func (c *Codec) decode(d *Decoder, v reflect.Value) error {
	if d.broken {
		return d.invalidUTF8()
	}
	if c.typ.IsEmpty() {
		return d.empty(c.typ, v)
	}
	return d.plainValue(c.typ, nil, v)
}

// empty reads the content of a type without content: any object, or null.
func (d *Decoder) empty(t *Type, v reflect.Value) error {
	switch d.peek() {
	case '{':
		return d.structValue(t, v)
	case 'n':
		return d.literal("null")
	}
	return d.refuse("none_required", "Input should be None")
}

var decoders = sync.Pool{New: func() any { return new(Decoder) }}

// Unmarshal reads a whole text, a payload, into *ptr, which is set to its zero value before, and validates it. The error
// is a ValidationError or a *SyntaxError. See Message for types with frame fields: here they stay zero.
//
// The Validate method of the type, and of those inside it, runs once for each value, after all its fields have passed;
// with a pointer receiver it may change the value. A ValidationError of it is added below the path of the value, another
// error as one item.
func (c *Codec) Unmarshal(data []byte, ptr any, l Limits) error {
	d := decoders.Get().(*Decoder)
	defer d.release()
	d.Reset(data, l)
	d.naming = c.naming
	v := c.zero(ptr)
	if err := c.decode(d, v); err != nil {
		return err
	}
	if err := d.End(); err != nil {
		return err
	}
	if d.failed == 0 {
		d.validate(c.typ, v)
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
