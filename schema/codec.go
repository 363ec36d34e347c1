package schema

import (
	"cmp"
	"fmt"
	"reflect"
	"sync"
)

// Codec decodes and encodes the values of a Type with the names of a Naming. It does not change and may be used
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

// Codec returns the codec for a naming. It is built once; later calls are cheap. The error is a *TypeError: two fields
// of the type or of a type it contains, or a field and the discriminator of a union, have the same camelCase name.
func (t *Type) Codec(n Naming) (*Codec, error) {
	slot := &t.codecs[n]
	slot.once.Do(func() {
		if n == CamelCase {
			slot.err = addPath(t.nameClash(map[*Type]bool{}), t.goType, t.pathTo)
		}
		if slot.err == nil {
			slot.codec = &Codec{t, n}
		}
	})
	return slot.codec, slot.err
}

// nameClash reports two equal camelCase names in t or in a type inside it.
func (t *Type) nameClash(seen map[*Type]bool) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	if err := cmp.Or(t.camelErr, t.hiddenByDiscriminator(CamelCase)); err != nil {
		return err
	}
	for part := range t.parts {
		if err := part.nameClash(seen); err != nil {
			return err
		}
	}
	return nil
}

// parts iterates over the types of the values inside t.
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

// decode reads a value. It does not call the Validate method of c.typ.
func (c *Codec) decode(d *Decoder, v reflect.Value) error {
	if d.broken {
		return d.invalidUTF8()
	}
	if c.typ.IsEmpty() {
		return d.empty(c.typ, v)
	}
	return d.plainValue(c.typ, nil, v)
}

// empty reads the payload of a type without fields: any object, or null.
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

// Unmarshal decodes data, the whole JSON text of a payload, into *ptr and validates it. It sets *ptr to its zero value
// first. The error is a ValidationError or a *SyntaxError. Frame fields stay zero; see Message to read them.
//
// The Validate methods of the type and of the types inside it run once for each value, after all its fields have
// passed. With a pointer receiver, Validate may change the value. If it returns a ValidationError, its items are added
// below the path of the value; another error becomes one item.
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

// release returns a decoder to the pool, without the text it has read.
func (d *Decoder) release() {
	d.Reset(nil, Limits{})
	decoders.Put(d)
}
